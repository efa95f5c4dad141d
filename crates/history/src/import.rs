//! Bulk import of order lines: all of it or nothing.
//!
//! Rows are spread over hash partitions of their order keys while they come in (`spill`), so that
//! the lines of an order find each other wherever they stand in the file, in bounded memory. At the
//! commit each partition is grouped (`merge`), compared with the versions that the history has,
//! and what is new or changed goes into sealed segments (`commit`). The manifest is switched in
//! one transaction at the very end: until then the store is as before.

mod codes;
mod commit;
mod doubts;
pub(crate) mod identity;
mod known;
mod mending;
mod merge;
mod spill;
mod varint;

use events::lines::NO_ID;
use events::{ItemKind, LineKind, OrderLines, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::order_key::{N_PARTITIONS, OrderKey, OrderKeys};
use crate::orders::{LineRow, NO_CODE, NO_PRICE};
use crate::store::{Job, Store};
use codes::{BatchCodes, ImportCodes, translate};
use identity::{Identity, identify};
use mending::Mending;
use spill::{Attribution, ChunkEncoder, Spill, SpilledOrder};

pub use known::fingerprint;

/// Memory for rows on their way; above it they go to a temporary file.
pub const DEFAULT_BUDGET_BYTES: usize = 160 << 20;

/// Where orders come from and when.
#[derive(Clone, Debug)]
pub struct ImportRequest<'a> {
    /// First half of the identity of each order: a shop system, a till, a legal entity.
    pub source: &'a str,
    pub started_at: Timestamp,
    pub budget_bytes: usize,
    /// All files are parts of one: an order may run from one into the next. Otherwise a later file
    /// replaces the orders that it has in common with earlier ones.
    pub are_parts: bool,
    /// Refuse files whose order ids seem to stand for several orders each.
    pub refuses_repeats: bool,
}

impl<'a> ImportRequest<'a> {
    pub fn new(source: &'a str, started_at: Timestamp) -> ImportRequest<'a> {
        let budget_bytes = DEFAULT_BUDGET_BYTES;
        let (are_parts, refuses_repeats) = (false, false);
        ImportRequest { source, started_at, budget_bytes, are_parts, refuses_repeats }
    }
}

/// A file of an import, for the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedFile {
    pub name: String,
    /// Whatever the caller tells files apart by: a checksum, a size and a date.
    pub fingerprint: String,
    pub n_rows: u64,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportSummary {
    pub n_rows: u64,
    /// Rows by [`LineKind`].
    pub n_rows_by_kind: [u64; 4],
    pub n_orders_new: u64,
    /// Orders known before in another version, which is superseded now.
    pub n_orders_changed: u64,
    pub n_orders_unchanged: u64,
    /// Orders of which an earlier import set rows aside, that were mended and joined them now.
    #[serde(default)]
    pub n_orders_completed: u64,
    /// Lines written, after equal ones were added up.
    pub n_lines_written: u64,
    /// Rows equal to another row of their order in everything.
    pub n_rows_equal: u64,
    /// Rows that differ from another row of their order in quantity alone.
    pub n_rows_added_up: u64,
    /// Rows of orders that a later file of the same import brought again.
    pub n_rows_superseded: u64,
    /// Rows of orders that the same file holds in a version sent earlier.
    #[serde(default)]
    pub n_rows_repeated: u64,
    /// Orders of which an earlier file of the same import had items that the last one has not.
    #[serde(default)]
    pub n_orders_cut: u64,
    /// Ids of some of them.
    #[serde(default)]
    pub cut_examples: Vec<String>,
    /// Lines whose price is in another currency than the first of their order: they are kept
    /// without a price.
    #[serde(default)]
    pub n_lines_other_currency: u64,
    /// Ids of some of their orders.
    #[serde(default)]
    pub other_currency_examples: Vec<String>,
    /// Orders whose lines speak of several orders: several customers, several places, other days.
    #[serde(default)]
    pub n_orders_doubtful: u64,
    /// The same in words, with examples.
    #[serde(default)]
    pub doubts: Option<String>,
    /// Orders known before that stand on another day now.
    #[serde(default)]
    pub n_orders_moved: u64,
    #[serde(default)]
    pub moved_examples: Vec<String>,
    /// Items that this import made fees.
    #[serde(default)]
    pub fees: Vec<NewFee>,
    pub n_items_new: u64,
    pub n_customers_new: u64,
    pub n_segments: u64,
    pub n_bytes_written: u64,
    pub catalog_version: i64,
}

/// An item that is a fee since an import, by what was proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewFee {
    pub item_id: String,
    pub title: Option<String>,
}

/// Proposes what an item is from its id and title; `None` leaves it a good.
pub type ProposeKind<'a> = &'a (dyn Fn(&str, Option<&str>) -> Option<ItemKind> + Sync);

/// An import under way. Dropping it leaves the store as it was.
pub struct OrderImport {
    store: Store,
    job: Job,
    source: String,
    started_at: Timestamp,
    keys: OrderKeys,
    codes: ImportCodes,
    spill: Spill,
    mending: Mending,
    files: Vec<ImportedFile>,
    are_parts: bool,
    refuses_repeats: bool,
    summary: ImportSummary,
    scratch: Scratch,
}

/// Reused from push to push.
#[derive(Default)]
struct Scratch {
    orders: Vec<Identity>,
    /// For each order code its number in the chunk being written and what it was announced with.
    announced: Vec<Option<(u32, Attribution, i64)>>,
    rows_by_partition: Vec<u32>,
}

impl Store {
    pub fn begin_orders(&self, request: ImportRequest<'_>) -> Result<OrderImport> {
        let source = request.source.trim();
        if source.is_empty() {
            return Err(Error::Invalid {
                what: "the source of orders",
                invalid: format!("{:?}", request.source),
                mend: "give it a name, like the shop system that the file comes from",
            });
        }
        if self.database().is_read_only {
            return Err(Error::ReadOnly { path: self.dir().to_path_buf() });
        }
        let job = Job::start(&self.segments_dir())?;
        let spill = Spill::new(job.dir.join("rows"), request.budget_bytes);
        let mut codes = ImportCodes::default();
        codes.sources.intern(source)?;
        Ok(OrderImport {
            store: self.clone(),
            job,
            source: source.to_owned(),
            started_at: request.started_at,
            keys: OrderKeys::new(source),
            codes,
            spill,
            mending: Mending::default(),
            files: Vec::new(),
            are_parts: request.are_parts,
            refuses_repeats: request.refuses_repeats,
            summary: ImportSummary::default(),
            scratch: Scratch::default(),
        })
    }
}

impl OrderImport {
    /// What is pushed from now on comes from another file, later than those before: it supersedes
    /// the orders that they have in common.
    pub fn begin_file(&mut self, name: &str, fingerprint: &str) {
        self.files.push(ImportedFile {
            name: name.to_owned(),
            fingerprint: fingerprint.to_owned(),
            n_rows: 0,
        });
    }

    pub fn n_rows(&self) -> u64 {
        self.summary.n_rows
    }

    /// Says that a row was set aside, and of which order where that can be told: when it comes
    /// mended, it joins the order in place of replacing it. `source` is that of the row, where it
    /// names one.
    pub fn note_reject(&mut self, order_id: Option<&str>, source: Option<&str>) {
        let keys = source.map_or(self.keys, OrderKeys::new);
        let key = order_id.map_or(OrderKey::NONE, |order_id| keys.key(order_id));
        self.mending.note_reject(key);
    }

    pub fn push(&mut self, lines: &OrderLines) -> Result<()> {
        if self.files.is_empty() {
            self.begin_file("", "");
        }
        let batch = self.codes.adopt(lines)?;
        let OrderImport { keys, codes, scratch, .. } = self;
        identify(lines, *keys, &mut codes.sources, &mut scratch.orders)?;
        self.scatter(lines);
        let mut start = 0;
        for partition in 0..N_PARTITIONS {
            let rows = &self.scratch.rows_by_partition[start..];
            let orders = &self.scratch.orders;
            let n_rows = rows
                .iter()
                .take_while(|&&row| {
                    let code = lines.order_ids.codes[row as usize] as usize;
                    orders[code].key.partition() == partition
                })
                .count();
            if n_rows > 0 {
                self.encode(lines, &batch, start..start + n_rows, partition)?;
            }
            start += n_rows;
        }
        let n_rows = lines.len() as u64;
        for kind in &lines.kind {
            self.summary.n_rows_by_kind[*kind as usize] += 1;
        }
        self.summary.n_rows += n_rows;
        if let Some(file) = self.files.last_mut() {
            file.n_rows += n_rows;
        }
        self.spill.relieve(&**self.store.disk())
    }

    /// Sorts row numbers by partition, rows of one partition in their order (counting sort).
    fn scatter(&mut self, lines: &OrderLines) {
        let scratch = &mut self.scratch;
        scratch.announced.clear();
        scratch.announced.resize(lines.order_ids.dictionary.len(), None);
        let mut next = [0_u32; N_PARTITIONS + 1];
        for &code in &lines.order_ids.codes {
            debug_assert_ne!(code, NO_ID, "a line without an order is a reject");
            next[scratch.orders[code as usize].key.partition() + 1] += 1;
        }
        for partition in 0..N_PARTITIONS {
            next[partition + 1] += next[partition];
        }
        scratch.rows_by_partition.clear();
        scratch.rows_by_partition.resize(lines.len(), 0);
        for (row, &code) in lines.order_ids.codes.iter().enumerate() {
            let slot = &mut next[scratch.orders[code as usize].key.partition()];
            scratch.rows_by_partition[*slot as usize] = row as u32;
            *slot += 1;
        }
    }

    fn encode(
        &mut self,
        lines: &OrderLines,
        batch: &BatchCodes,
        range: std::ops::Range<usize>,
        partition: usize,
    ) -> Result<()> {
        let OrderImport { codes, spill, scratch, files, summary, .. } = self;
        let file_no = if self.are_parts { 1 } else { files.len() as u32 };
        let mut result = Ok(());
        spill.append(partition, |buffer| {
            let rows = &scratch.rows_by_partition[range];
            let mut chunk = ChunkEncoder::start(buffer, file_no, rows.len() as u64);
            for &row in rows {
                let row = row as usize;
                let currency = codes.currency(lines.currency[row]).unwrap_or_else(|error| {
                    result = Err(error);
                    NO_CODE
                });
                let of = Attribution {
                    customer: translate(&batch.customers, lines.customer_ids.codes[row]),
                    location: translate(&batch.locations, lines.location_ids.codes[row]),
                    currency,
                };
                let line = line_row(lines, batch, row);
                let code = lines.order_ids.codes[row] as usize;
                let (first, first_at_us) = match scratch.announced[code] {
                    Some((number, first, at_us)) => {
                        chunk.order_again(number);
                        (first, at_us)
                    }
                    None => {
                        let order = SpilledOrder {
                            key: scratch.orders[code].key,
                            extra: scratch.orders[code].extra,
                            id: &lines.order_ids.dictionary[code],
                            first_row: summary.n_rows + row as u64,
                        };
                        let number = chunk.order(order, of, line.at_us);
                        scratch.announced[code] = Some((number, of, line.at_us));
                        (of, line.at_us)
                    }
                };
                chunk.line(&line, of, first, first_at_us);
            }
        });
        result
    }
}

#[inline]
fn line_row(lines: &OrderLines, batch: &BatchCodes, row: usize) -> LineRow {
    LineRow {
        item: translate(&batch.items, lines.item_ids.codes[row]),
        kind: lines.kind[row],
        unit_price: lines.unit_price[row].map_or(NO_PRICE, |price| price.0),
        at_us: lines.at[row].0,
        quantity: lines.quantity[row].0,
    }
}

fn add_examples(examples: &mut Vec<String>, more: &[String]) {
    let room = merge::MAX_EXAMPLES.saturating_sub(examples.len());
    examples.extend(more.iter().take(room).cloned());
}

/// Kept in step with the order of [`LineKind`]'s codes.
const _: () = assert!(LineKind::Adjustment as usize == 3);
