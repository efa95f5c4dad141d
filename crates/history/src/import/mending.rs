//! Mended rows: lines of an order that an earlier import set aside, coming after the rest of it.
//!
//! A version of an order replaces the one before it, whole. Rows from a file of rejects are no
//! version: they are what one lacked. The store therefore remembers each order of which rows were
//! set aside, and how many. An order *completes* the one in the store when it brings no more lines
//! than that one lacks and does not hold every item of it (then it is a whole version after all).
//! Rows whose order could not be told may belong to any: where an import brings no more rows of
//! other orders than there are of these, they complete the orders that they share no item with.
//!
//! Rows that were added are remembered by hash: the mended file imported again changes nothing, and
//! neither does the first file, whose version of the order is known by its digest.

use hashbrown::{HashMap, HashSet};
use sqlx::{Row, Sqlite, Transaction};
use xxhash_rust::xxh3::xxh3_64;

use super::codes::ImportCodes;
use super::identity::Extra;
use super::spill::{Attribution, ChunkEncoder, Partition, Spill, SpilledOrder};
use crate::error::Result;
use crate::id_table::IdTable;
use crate::living::LivingOrders;
use crate::manifest::ManifestSegment;
use crate::order_key::{N_PARTITIONS, OrderKey};
use crate::orders::{LineRow, NO_CODE};
use crate::store::Store;

/// What the store knows of an order that lacks rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Incomplete {
    n_rejected: u64,
    base_digest: u64,
    additions: Vec<u64>,
}

impl Incomplete {
    fn n_missing(&self) -> u64 {
        self.n_rejected.saturating_sub(self.additions.len() as u64)
    }
}

/// The orders that lack rows: those the store knows of, and those of this import.
#[derive(Debug, Default)]
pub(super) struct Mending {
    /// Rows set aside in this import; [`OrderKey::NONE`] where the order could not be told.
    rejected: HashMap<OrderKey, u64>,
    known: HashMap<OrderKey, Incomplete>,
    /// Orders that bring nothing but rows added before.
    skipped: HashSet<OrderKey>,
    /// Orders completed by this import, with what is to be remembered of them.
    completed: HashMap<OrderKey, Incomplete>,
    /// Orders that this import begins with mended rows, likewise.
    begun: HashMap<OrderKey, Incomplete>,
}

/// What becomes of an order of the import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A version like any other.
    Version,
    /// Written: what was there and the mended rows.
    Completed,
    /// What is in the store holds all of it.
    Unchanged,
}

/// An order of a small import: all its rows, whichever file they stand in.
struct Candidate {
    id: String,
    of: Attribution,
    extra: Extra,
    lines: Vec<MendedLine>,
}

/// A line that may have been added before, by its hash, and what its price is in.
struct MendedLine {
    hash: u64,
    row: LineRow,
    currency: u32,
}

impl Mending {
    pub(super) fn note_reject(&mut self, key: OrderKey) {
        *self.rejected.entry(key).or_default() += 1;
    }

    pub(super) fn verdict(&self, key: OrderKey, digest: u64) -> Verdict {
        if self.skipped.contains(&key) {
            return Verdict::Unchanged;
        }
        if self.completed.contains_key(&key) {
            return Verdict::Completed;
        }
        match self.known.get(&key) {
            Some(known) if known.base_digest == digest && !known.additions.is_empty() => {
                Verdict::Unchanged
            }
            _ => Verdict::Version,
        }
    }

    /// Is there anything to remember of a new version of this order?
    pub(super) fn concerns(&self, key: OrderKey) -> bool {
        self.rejected.contains_key(&key) || self.known.contains_key(&key)
    }

    /// Does an order lack rows that the store does not know of?
    pub(super) fn is_news(&self, key: OrderKey) -> bool {
        self.rejected.contains_key(&key) && !self.known.contains_key(&key)
    }

    pub(super) async fn load(&mut self, store: &Store, source: &str) -> Result<()> {
        let sql = "SELECT order_key, n_rejected, base_digest, additions FROM incomplete_order \
                   WHERE source = ?1";
        let rows = sqlx::query(sql)
            .bind(source)
            .fetch_all(&store.database().reader)
            .await
            .map_err(store.error("read the orders that lack rows"))?;
        for row in rows {
            let key: Vec<u8> = row.get(0);
            let additions: Vec<u8> = row.get(3);
            let known = Incomplete {
                n_rejected: row.get::<i64, _>(1) as u64,
                base_digest: row.get::<i64, _>(2) as u64,
                additions: additions
                    .chunks_exact(8)
                    .map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight bytes")))
                    .collect(),
            };
            self.known.insert(key_of(&key), known);
        }
        Ok(())
    }

    /// Looks for orders that are completed, and appends them as they are then to the spill: as the
    /// last file, which supersedes what the import brought of them. Returns how many of its rows.
    pub(super) async fn complete(&mut self, parts: Parts<'_>) -> Result<u64> {
        // Mended rows fill no spill file; whole versions do not need to be looked at.
        if self.known.is_empty() || parts.spill.has_spilled() {
            return Ok(0);
        }
        let mut candidates = self.candidates(parts.spill, parts.codes);
        candidates.retain(|key, candidate| {
            let is_skipped = candidate.lines.is_empty();
            if is_skipped {
                self.skipped.insert(*key);
            }
            !is_skipped
        });
        if candidates.is_empty() {
            return Ok(0);
        }
        let mut stored = Stored::default();
        for segment in parts.manifest {
            stored.collect(parts.store, segment, &candidates)?;
        }
        stored.name(parts.store, parts.codes).await?;
        self.begin_orders(&candidates, &stored);
        let mut keys: Vec<OrderKey> = stored.orders.keys().copied().collect();
        keys.sort_unstable();
        let mut n_moved = 0;
        for key in keys {
            let (order, candidate) = (&stored.orders[&key], &candidates[&key]);
            if let Some(remembered) = self.judge(key, order, candidate, parts.codes) {
                n_moved += candidate.lines.len() as u64;
                append(parts.spill, parts.file_no, key, order, candidate);
                self.completed.insert(key, remembered);
            }
        }
        Ok(n_moved)
    }

    /// The orders of the import, each with the rows that were not added before.
    fn candidates(&self, spill: &Spill, codes: &ImportCodes) -> HashMap<OrderKey, Candidate> {
        let stray = self.known.get(&OrderKey::NONE);
        let mut n_stray_left = stray.map_or(0, Incomplete::n_missing);
        let mut has_stray = n_stray_left > 0;
        let mut candidates: HashMap<OrderKey, Candidate> = HashMap::new();
        for partition in 0..N_PARTITIONS {
            let rows = spill.peek(partition);
            for (at, line) in rows.lines.iter().enumerate() {
                let entry = &rows.entries[rows.entry_of[at] as usize];
                if !self.known.contains_key(&entry.key) {
                    if n_stray_left == 0 && has_stray {
                        // More rows than such ones are missing: they are what they seem.
                        candidates.retain(|key, _| self.known.contains_key(key));
                        has_stray = false;
                    }
                    if !has_stray {
                        continue;
                    }
                    n_stray_left -= 1;
                }
                let candidate = candidates.entry(entry.key).or_insert_with(|| Candidate {
                    id: id_of(&rows, entry.id_start, entry.id_len),
                    of: entry.of,
                    extra: entry.extra,
                    lines: Vec::new(),
                });
                let (hash, currency) = (line_hash(line, codes), rows.currency_of[at]);
                candidate.lines.push(MendedLine { hash, row: *line, currency });
            }
        }
        for (key, candidate) in &mut candidates {
            let Some(known) = self.known.get(key) else { continue };
            let mut added = known.additions.clone();
            candidate.lines.retain(|line| match added.iter().position(|at| *at == line.hash) {
                Some(at) => {
                    added.swap_remove(at);
                    false
                }
                None => true,
            });
        }
        candidates
    }

    /// Orders of which no row was taken before begin with what is mended first.
    fn begin_orders(&mut self, candidates: &HashMap<OrderKey, Candidate>, stored: &Stored) {
        for (key, candidate) in candidates {
            let Some(known) = self.known.get(key) else { continue };
            let fits = candidate.lines.len() as u64 <= known.n_missing();
            if known.base_digest == 0 && fits && !stored.orders.contains_key(key) {
                let additions = candidate.lines.iter().map(|line| line.hash).collect();
                self.begun.insert(*key, Incomplete { additions, ..known.clone() });
            }
        }
    }

    /// What is to be remembered of the order when it is completed; `None`: it is a version.
    fn judge(
        &mut self,
        key: OrderKey,
        stored: &StoredOrder,
        candidate: &Candidate,
        codes: &ImportCodes,
    ) -> Option<Incomplete> {
        let items: HashSet<u64> =
            candidate.lines.iter().map(|line| codes.items.hash_or_zero(line.row.item)).collect();
        let has = |line: &LineRow| items.contains(&codes.items.hash_or_zero(line.item));
        let n_new = candidate.lines.len() as u64;
        let n_still_rejected = self.rejected.get(&key).copied().unwrap_or(0);
        let mut remembered = match self.known.get(&key) {
            Some(known) => {
                let is_whole = stored.lines.iter().all(has)
                    || (known.base_digest == 0 && known.additions.is_empty());
                if is_whole || n_new + n_still_rejected > known.n_missing() {
                    return None;
                }
                known.clone()
            }
            None => {
                let stray = self.known.get_mut(&OrderKey::NONE)?;
                if stored.lines.iter().any(has) || n_new > stray.n_missing() {
                    return None;
                }
                stray.additions.extend(candidate.lines.iter().map(|line| line.hash));
                Incomplete { n_rejected: n_new, base_digest: stored.digest, additions: vec![] }
            }
        };
        remembered.additions.extend(candidate.lines.iter().map(|line| line.hash));
        Some(remembered)
    }

    /// Enters what is to be remembered. `versions` are the new versions of orders that are
    /// concerned, with their digests.
    pub(super) async fn remember(
        &self,
        transaction: &mut Transaction<'static, Sqlite>,
        source: &str,
        versions: &HashMap<OrderKey, u64>,
    ) -> sqlx::Result<()> {
        for (&key, digest) in versions {
            match (self.begun.get(&key), self.rejected.get(&key)) {
                (Some(record), _) => put(transaction, source, key, record).await?,
                (None, Some(&n_rejected)) => {
                    let base_digest = *digest;
                    let record = Incomplete { n_rejected, base_digest, additions: vec![] };
                    put(transaction, source, key, &record).await?;
                }
                (None, None) => {
                    sqlx::query(
                        "DELETE FROM incomplete_order WHERE source = ?1 AND order_key = ?2",
                    )
                    .bind(source)
                    .bind(key_bytes(key))
                    .execute(&mut **transaction)
                    .await?;
                }
            }
        }
        for (&key, record) in &self.completed {
            put(transaction, source, key, record).await?;
        }
        let only_rejected = |key: &OrderKey| {
            !versions.contains_key(key)
                && !self.known.contains_key(key)
                && !self.completed.contains_key(key)
        };
        for (&key, &n_rejected) in self.rejected.iter().filter(|(key, _)| only_rejected(key)) {
            let record = Incomplete { n_rejected, ..Incomplete::default() };
            put(transaction, source, key, &record).await?;
        }
        if let Some(stray) = self.known.get(&OrderKey::NONE) {
            let n_now = self.rejected.get(&OrderKey::NONE).copied().unwrap_or(0);
            let n_rejected = stray.n_rejected.max(n_now);
            let record = Incomplete { n_rejected, ..stray.clone() };
            put(transaction, source, OrderKey::NONE, &record).await?;
        }
        Ok(())
    }
}

/// What completing an order needs of the import.
pub(super) struct Parts<'a> {
    pub(super) store: &'a Store,
    pub(super) manifest: &'a [ManifestSegment],
    pub(super) codes: &'a mut ImportCodes,
    pub(super) spill: &'a mut Spill,
    /// The number of a file after all others.
    pub(super) file_no: u32,
}

/// An order as it is in the store, in the codes of the import once it is named.
struct StoredOrder {
    digest: u64,
    position: u64,
    at_us: i64,
    of: Attribution,
    lines: Vec<LineRow>,
}

#[derive(Default)]
struct Stored {
    orders: HashMap<OrderKey, StoredOrder>,
    locations: IdTable,
    currencies: IdTable,
}

impl Stored {
    fn collect(
        &mut self,
        store: &Store,
        segment: &ManifestSegment,
        candidates: &HashMap<OrderKey, Candidate>,
    ) -> Result<()> {
        let mut living = LivingOrders::open(&store.segments_dir(), segment)?;
        for group in 0..living.n_groups() {
            let set = living.group(group)?;
            let mut rest = &set.lines[..];
            for order in &set.orders {
                let (own, others) = rest.split_at(order.n_lines as usize);
                rest = others;
                if !candidates.contains_key(&order.key) {
                    continue;
                }
                let location = adopt(&mut self.locations, &living.locations, order.location)?;
                let currency = adopt(&mut self.currencies, &living.currencies, order.currency)?;
                let stored = StoredOrder {
                    digest: order.digest,
                    position: order.position,
                    at_us: order.at_us,
                    of: Attribution { customer: order.customer, location, currency },
                    lines: own.to_vec(),
                };
                self.orders.insert(order.key, stored);
            }
        }
        Ok(())
    }

    /// From the indices of the store to the codes of the import.
    async fn name(&mut self, store: &Store, codes: &mut ImportCodes) -> Result<()> {
        for order in self.orders.values_mut() {
            let of = &mut order.of;
            of.location = adopt(&mut codes.locations, &self.locations, of.location)?;
            of.currency = adopt(&mut codes.currencies, &self.currencies, of.currency)?;
            if of.customer != NO_CODE {
                let sql = "SELECT customer_id FROM customer WHERE customer_idx = ?1";
                of.customer = match id_at(store, sql, of.customer).await? {
                    Some(id) => codes.customers.intern(&id)?,
                    None => NO_CODE,
                };
            }
            for line in &mut order.lines {
                let sql = "SELECT item_id FROM item WHERE item_idx = ?1";
                let id = id_at(store, sql, line.item).await?.unwrap_or_default();
                line.item = codes.items.intern(&id)?;
            }
        }
        Ok(())
    }
}

async fn id_at(store: &Store, sql: &'static str, idx: u32) -> Result<Option<String>> {
    sqlx::query_scalar(sql)
        .bind(i64::from(idx))
        .fetch_optional(&store.database().reader)
        .await
        .map_err(store.error("look up an id"))
}

fn adopt(table: &mut IdTable, from: &IdTable, code: u32) -> Result<u32> {
    if code == NO_CODE { Ok(NO_CODE) } else { table.intern(from.get(code)) }
}

/// The stored order and the mended rows, as one order of the last file.
fn append(
    spill: &mut Spill,
    file_no: u32,
    key: OrderKey,
    stored: &StoredOrder,
    candidate: &Candidate,
) {
    let or = |own: u32, other: u32| if own == NO_CODE { other } else { own };
    let of = Attribution {
        customer: or(stored.of.customer, candidate.of.customer),
        location: or(stored.of.location, candidate.of.location),
        currency: or(stored.of.currency, candidate.of.currency),
    };
    let n_rows = (stored.lines.len() + candidate.lines.len()) as u64;
    spill.append(key.partition(), |buffer| {
        let mut chunk = ChunkEncoder::start(buffer, file_no, n_rows);
        let (id, extra) = (candidate.id.as_str(), candidate.extra);
        let order = SpilledOrder { key, id, first_row: stored.position, extra };
        let stored_lines = stored.lines.iter().map(|line| (line, of.currency));
        let mended = candidate.lines.iter().map(|line| (&line.row, or(line.currency, of.currency)));
        let mut number = None;
        for (line, currency) in stored_lines.chain(mended) {
            match number {
                None => number = Some(chunk.order(order, of, stored.at_us)),
                Some(number) => chunk.order_again(number),
            }
            chunk.line(line, Attribution { currency, ..of }, of, stored.at_us);
        }
    });
}

fn id_of(rows: &Partition, start: u32, len: u32) -> String {
    String::from_utf8_lossy(&rows.texts[start as usize..][..len as usize]).into_owned()
}

fn line_hash(line: &LineRow, codes: &ImportCodes) -> u64 {
    let mut bytes = [0_u8; 33];
    bytes[..8].copy_from_slice(&codes.items.hash_or_zero(line.item).to_le_bytes());
    bytes[8..16].copy_from_slice(&line.unit_price.to_le_bytes());
    bytes[16..24].copy_from_slice(&line.at_us.to_le_bytes());
    bytes[24..32].copy_from_slice(&line.quantity.to_le_bytes());
    bytes[32] = line.kind as u8;
    xxh3_64(&bytes)
}

fn key_bytes(key: OrderKey) -> Vec<u8> {
    if key == OrderKey::NONE { Vec::new() } else { key.0.to_be_bytes().to_vec() }
}

fn key_of(bytes: &[u8]) -> OrderKey {
    bytes.try_into().map_or(OrderKey::NONE, |bytes| OrderKey(u128::from_be_bytes(bytes)))
}

async fn put(
    transaction: &mut Transaction<'static, Sqlite>,
    source: &str,
    key: OrderKey,
    record: &Incomplete,
) -> sqlx::Result<()> {
    let additions: Vec<u8> = record.additions.iter().flat_map(|hash| hash.to_le_bytes()).collect();
    let sql = "INSERT OR REPLACE INTO incomplete_order \
               (source, order_key, n_rejected, base_digest, additions) VALUES (?1, ?2, ?3, ?4, ?5)";
    sqlx::query(sql)
        .bind(source)
        .bind(key_bytes(key))
        .bind(record.n_rejected as i64)
        .bind(record.base_digest as i64)
        .bind(additions)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
