//! The end of an import: compare, write segments, switch the manifest.

use events::{Currency, ItemKind};
use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, Sqlite, Transaction};

use super::codes::ImportCodes;
use super::doubts::Doubts;
use super::mending::{Mending, Parts, Verdict};
use super::merge::{MergedPartition, merge};
use super::spill::SpillReader;
use super::{ImportSummary, NewFee, OrderImport, ProposeKind, add_examples};
use crate::catalog::PROPOSE_KINDS;
use crate::database::{advance, counter};
use crate::error::{Error, Result};
use crate::manifest::{self, CodeMap, ManifestSegment, NewSegment, ORDERS_CONTENT};
use crate::numbering::{Numbered, UNKNOWN, json_rows, look_up, number};
use crate::order_key::{N_PARTITIONS, OrderKey};
use crate::segment::{SegmentTexts, SegmentWriter, WrittenSegment};
use crate::store::{Store, join};
use crate::supersede::{Known, Superseded};
use crate::tail;

/// Rows that are worth a segment of their own; two at least, so that two cores have work.
const SEGMENT_ROWS: u64 = 2_000_000;
const SMALL_IMPORT_ROWS: u64 = 100_000;

/// What the parallel part reads.
struct Source {
    store: Store,
    spill: SpillReader,
    codes: ImportCodes,
    job: String,
    texts: SegmentTexts,
    manifest: Vec<ManifestSegment>,
    /// Orders in the tail of the log: the import supersedes them, so it must write them even where
    /// a segment has the same version.
    in_tail: HashSet<OrderKey>,
    mending: Mending,
}

/// What one task made of its partitions.
#[derive(Default)]
struct Outcome {
    written: Option<WrittenSegment>,
    superseded: Superseded,
    summary: ImportSummary,
    doubts: Doubts,
    /// New versions of orders that lack rows or did, with their digests.
    versions: HashMap<OrderKey, u64>,
}

impl OrderImport {
    /// Makes the import part of the history. `propose` is asked for the kind of each item that has
    /// none declared.
    pub async fn commit(self, propose: ProposeKind<'_>) -> Result<ImportSummary> {
        let store = self.store.clone();
        let done = self.write_and_switch(propose).await;
        if done.is_err() {
            // On a full disk, what was written so far is what others need to go on.
            store.sweep_after_failure().await;
        }
        done
    }

    async fn write_and_switch(self, propose: ProposeKind<'_>) -> Result<ImportSummary> {
        let OrderImport {
            store,
            job,
            source,
            started_at,
            mut codes,
            mut spill,
            mut mending,
            files,
            mut summary,
            refuses_repeats,
            ..
        } = self;
        let _lock = store.lock_segments().await?;
        let (manifest, in_tail) = read_before(&store).await?;
        mending.load(&store, &source).await?;
        let parts = Parts {
            store: &store,
            manifest: &manifest,
            codes: &mut codes,
            spill: &mut spill,
            file_no: files.len() as u32 + 1,
        };
        let n_rows_moved = mending.complete(parts).await?;
        let prepared = Source {
            store: store.clone(),
            spill: spill.finish()?,
            texts: SegmentTexts::new(&codes.locations, &codes.currencies, &codes.sources),
            codes,
            job: job.name.clone(),
            manifest,
            in_tail,
            mending,
        };
        let n_tasks = n_tasks(summary.n_rows);
        let task = tokio::task::spawn_blocking(move || write_segments(prepared, n_tasks));
        let (prepared, outcomes) = join(task).await?;
        let mut doubts = Doubts::default();
        outcomes.iter().for_each(|outcome| doubts.add(&outcome.doubts));
        if refuses_repeats {
            doubts.check()?;
        }
        doubts.tell(&mut summary);
        let segments = store.segments_dir();
        store.disk().sync_dir(&segments).map_err(Error::io("write to", &segments))?;
        let record = Record { source, started_at_us: started_at.0, files };
        let switch = Switch { store: &store, prepared: &prepared, outcomes, summary, propose };
        let (mut summary, emptied) = switch.run(record).await?;
        summary.n_rows_superseded = summary.n_rows_superseded.saturating_sub(n_rows_moved);
        store.remove_segment_files(&emptied);
        drop(job);
        Ok(summary)
    }
}

async fn read_before(store: &Store) -> Result<(Vec<ManifestSegment>, HashSet<OrderKey>)> {
    let mut snapshot = store.database().snapshot().await?;
    let manifest = manifest::read(&mut snapshot).await.map_err(store.error("read the manifest"))?;
    let in_tail =
        tail::order_keys(&mut snapshot).await.map_err(store.error("read the tail of the log"))?;
    Ok((
        manifest.into_iter().filter(|segment| segment.content == ORDERS_CONTENT).collect(),
        in_tail,
    ))
}

fn n_tasks(n_rows: u64) -> usize {
    if n_rows < SMALL_IMPORT_ROWS {
        return 1;
    }
    (n_rows.div_ceil(SEGMENT_ROWS) as usize).clamp(2, N_PARTITIONS)
}

fn write_segments(source: Source, n_tasks: usize) -> Result<(Source, Vec<Outcome>)> {
    let outcomes = (0..n_tasks)
        .into_par_iter()
        .with_max_len(1)
        .map(|task| {
            let range = task * N_PARTITIONS / n_tasks..(task + 1) * N_PARTITIONS / n_tasks;
            write_segment(&source, range, &format!("{}-{task:03}", source.job))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok((source, outcomes))
}

fn write_segment(
    source: &Source,
    partitions: std::ops::Range<usize>,
    name: &str,
) -> Result<Outcome> {
    let store = &source.store;
    let segments = store.segments_dir();
    let mut known = Known::open(&segments, &source.manifest, partitions.clone())?;
    let mut outcome = Outcome::default();
    let mut writer: Option<SegmentWriter> = None;
    for partition in partitions {
        let rows = source.spill.take(partition)?;
        let merged = merge(rows, &source.codes);
        add_merged(&mut outcome.summary, &merged);
        outcome.doubts.repeats.add(&merged.repeats);
        let mut set = merged.set;
        keep_changes(&mut set, source, &mut known, &mut outcome)?;
        if set.orders.is_empty() {
            continue;
        }
        let writer = match &mut writer {
            Some(writer) => writer,
            None => writer.insert(SegmentWriter::create(&**store.disk(), &segments, name)?),
        };
        writer.append(&set, &source.texts)?;
    }
    outcome.written = writer.map(SegmentWriter::finish).transpose()?;
    Ok(outcome)
}

/// Leaves in `set` what is new or changed.
fn keep_changes(
    set: &mut crate::orders::OrderSet,
    source: &Source,
    known: &mut Known<'_>,
    outcome: &mut Outcome,
) -> Result<()> {
    let mut is_written = Vec::with_capacity(set.orders.len());
    let summary = &mut outcome.summary;
    for order in &set.orders {
        let before = known.find(order.key)?;
        if let Some(before) = &before {
            outcome.doubts.note_known(before, order.at_us, set.id_of(order));
        }
        let is_in_tail = source.in_tail.contains(&order.key);
        let verdict = source.mending.verdict(order.key, order.digest);
        let is_changed = match before {
            Some(before)
                if verdict == Verdict::Unchanged
                    || (before.digest == order.digest && !is_in_tail) =>
            {
                summary.n_orders_unchanged += 1;
                if verdict == Verdict::Version && source.mending.is_news(order.key) {
                    outcome.versions.insert(order.key, order.digest);
                }
                is_written.push(false);
                continue;
            }
            Some(before) => {
                outcome.superseded.add(&before);
                true
            }
            None => is_in_tail,
        };
        if verdict == Verdict::Completed {
            summary.n_orders_completed += 1;
        } else if source.mending.concerns(order.key) {
            outcome.versions.insert(order.key, order.digest);
        }
        summary.n_orders_changed += u64::from(is_changed);
        summary.n_orders_new += u64::from(!is_changed);
        is_written.push(true);
    }
    set.retain(|at, _| is_written[at]);
    Ok(())
}

fn add_merged(summary: &mut ImportSummary, merged: &MergedPartition) {
    summary.n_rows_equal += merged.merged.n_equal;
    summary.n_rows_added_up += merged.merged.n_added;
    summary.n_rows_superseded += merged.n_rows_superseded;
    summary.n_rows_repeated += merged.n_rows_repeated;
    summary.n_orders_cut += merged.cut.len() as u64;
    add_examples(&mut summary.cut_examples, &merged.cut);
    summary.n_lines_other_currency += merged.n_lines_other_currency;
    add_examples(&mut summary.other_currency_examples, &merged.mixed);
}

/// What is kept about an import.
struct Record {
    source: String,
    started_at_us: i64,
    files: Vec<super::ImportedFile>,
}

/// The last step: everything enters the store in one transaction.
struct Switch<'a> {
    store: &'a Store,
    prepared: &'a Source,
    outcomes: Vec<Outcome>,
    summary: ImportSummary,
    propose: ProposeKind<'a>,
}

/// Dense indices of the import's codes.
struct Indices {
    items: Vec<u32>,
    customers: Vec<u32>,
    n_erasures: i64,
}

impl Switch<'_> {
    async fn run(mut self, record: Record) -> Result<(ImportSummary, Vec<String>)> {
        self.add_up();
        let indices = self.look_up_outside().await?;
        let mut transaction = self.store.database().begin().await?;
        let emptied = self
            .write(&mut transaction, indices, record)
            .await
            .map_err(self.store.error("enter the import"))?;
        self.store.database().commit(transaction).await?;
        Ok((self.summary, emptied))
    }

    fn add_up(&mut self) {
        let summary = &mut self.summary;
        for outcome in &self.outcomes {
            let part = &outcome.summary;
            summary.n_orders_new += part.n_orders_new;
            summary.n_orders_changed += part.n_orders_changed;
            summary.n_orders_unchanged += part.n_orders_unchanged;
            summary.n_orders_completed += part.n_orders_completed;
            summary.n_rows_equal += part.n_rows_equal;
            summary.n_rows_added_up += part.n_rows_added_up;
            summary.n_rows_superseded += part.n_rows_superseded;
            summary.n_rows_repeated += part.n_rows_repeated;
            summary.n_orders_cut += part.n_orders_cut;
            add_examples(&mut summary.cut_examples, &part.cut_examples);
            summary.n_lines_other_currency += part.n_lines_other_currency;
            add_examples(&mut summary.other_currency_examples, &part.other_currency_examples);
            if let Some(written) = &outcome.written {
                summary.n_segments += 1;
                summary.n_lines_written += written.n_lines;
                summary.n_bytes_written += written.n_bytes;
            }
        }
    }

    /// Most ids are known or not long before the lock is taken.
    async fn look_up_outside(&self) -> Result<Indices> {
        let codes = &self.prepared.codes;
        let mut indices = Indices {
            items: vec![UNKNOWN; codes.items.len()],
            customers: vec![UNKNOWN; codes.customers.len()],
            n_erasures: 0,
        };
        let mut snapshot = self.store.database().snapshot().await?;
        let looked_up = async {
            indices.n_erasures = counter(&mut snapshot, "erasures").await?;
            let item = |at: usize| codes.items.get(at as u32);
            look_up(&mut snapshot, Numbered::Items, item, &mut indices.items).await?;
            let customer = |at: usize| codes.customers.get(at as u32);
            look_up(&mut snapshot, Numbered::Customers, customer, &mut indices.customers).await
        };
        looked_up.await.map_err(self.store.error("look up ids"))?;
        Ok(indices)
    }

    async fn write(
        &mut self,
        transaction: &mut Transaction<'static, Sqlite>,
        mut indices: Indices,
        record: Record,
    ) -> sqlx::Result<Vec<String>> {
        let codes = &self.prepared.codes;
        if counter(transaction, "erasures").await? != indices.n_erasures {
            // Somebody was erased since: their index must not come back to life.
            indices.customers.fill(UNKNOWN);
        }
        let item = |at: usize| codes.items.get(at as u32);
        let customer = |at: usize| codes.customers.get(at as u32);
        self.summary.n_items_new =
            number(transaction, Numbered::Items, item, &mut indices.items).await?;
        self.summary.n_customers_new =
            number(transaction, Numbered::Customers, customer, &mut indices.customers).await?;
        (self.summary.catalog_version, self.summary.fees) =
            fill_catalog(transaction, codes, &indices.items, self.propose).await?;
        self.enter_segments(transaction, &indices).await?;
        let mut emptied = Vec::new();
        let all = Superseded::union(self.outcomes.iter().map(|outcome| &outcome.superseded));
        for (segment, rows) in all.by_segment() {
            let segment = &self.prepared.manifest[segment];
            emptied.extend(manifest::bury(transaction, segment, rows).await?);
        }
        let versions = self.outcomes.iter().flat_map(|outcome| &outcome.versions);
        let versions = versions.map(|(&key, &digest)| (key, digest)).collect();
        self.prepared.mending.remember(transaction, &record.source, &versions).await?;
        sqlx::query("INSERT INTO import (source, files, at_us, summary) VALUES (?1, ?2, ?3, ?4)")
            .bind(&record.source)
            .bind(json_rows(&record.files))
            .bind(record.started_at_us)
            .bind(json_rows(std::slice::from_ref(&self.summary)))
            .execute(&mut **transaction)
            .await?;
        Ok(emptied)
    }

    async fn enter_segments(
        &self,
        transaction: &mut Transaction<'static, Sqlite>,
        indices: &Indices,
    ) -> sqlx::Result<()> {
        if self.summary.n_segments == 0 {
            return Ok(());
        }
        let version = advance(transaction, "sequence", 1).await? + 1;
        let map = CodeMap { items: indices.items.clone(), customers: indices.customers.clone() };
        let map_id = manifest::add_map(transaction, &map).await?;
        for written in self.outcomes.iter().filter_map(|outcome| outcome.written.as_ref()) {
            let segment = NewSegment { written, content: ORDERS_CONTENT, version, map_id };
            manifest::add(transaction, segment).await?;
        }
        Ok(())
    }
}

/// Enters titles, categories and proposed kinds where nobody declared others. Returns the version
/// of the catalogue after it.
async fn fill_catalog(
    transaction: &mut Transaction<'static, Sqlite>,
    codes: &ImportCodes,
    item_indices: &[u32],
    propose: ProposeKind<'_>,
) -> sqlx::Result<(i64, Vec<NewFee>)> {
    let version = advance(transaction, "catalog_version", 1).await? + 1;
    let mut titles = Vec::new();
    let mut categories = Vec::new();
    let mut kinds = Vec::new();
    for (code, &item_idx) in item_indices.iter().enumerate() {
        let code = code as u32;
        let title = codes.titles.winner(code);
        titles.extend(title.map(|(text, n_votes)| (item_idx, text, n_votes)));
        let category = codes.categories.winner(code);
        categories.extend(category.map(|(text, n_votes)| (item_idx, text, n_votes)));
        let title = title.map(|(text, _)| text);
        let told = codes.kinds.get(&code).copied();
        let kind: Option<ItemKind> = told.or_else(|| propose(codes.items.get(code), title));
        kinds.extend(kind.map(|kind| (item_idx, kind as u8)));
    }
    sqlx::query("UPDATE item SET catalog_version = ?1 WHERE catalog_version = 0")
        .bind(version)
        .execute(&mut **transaction)
        .await?;
    for (sql, rows) in [(SET_TITLES, &titles), (SET_CATEGORIES, &categories)] {
        for chunk in rows.chunks(10_000) {
            sqlx::query(sql)
                .bind(json_rows(chunk))
                .bind(version)
                .execute(&mut **transaction)
                .await?;
        }
    }
    let prices = prices_of(codes, item_indices);
    for chunk in prices.chunks(10_000) {
        sqlx::query(SET_PRICES)
            .bind(json_rows(chunk))
            .bind(version)
            .execute(&mut **transaction)
            .await?;
    }
    let changed = sqlx::query(PROPOSE_KINDS)
        .bind(json_rows(&kinds))
        .bind(version)
        .fetch_all(&mut **transaction)
        .await?;
    Ok((version, new_fees(&changed)?))
}

fn new_fees(changed: &[SqliteRow]) -> sqlx::Result<Vec<NewFee>> {
    let mut fees = Vec::new();
    for row in changed {
        if row.try_get::<i64, _>("kind")? == ItemKind::Fee as i64 {
            fees.push(NewFee { item_id: row.try_get("item_id")?, title: row.try_get("title")? });
        }
    }
    fees.sort_by(|a, b| a.item_id.cmp(&b.item_id));
    Ok(fees)
}

/// Item, price, currency and time of the latest sale.
fn prices_of<'a>(
    codes: &'a ImportCodes,
    item_indices: &[u32],
) -> Vec<(u32, i64, Option<&'a str>, i64)> {
    let sold = codes.prices.iter().zip(item_indices).filter(|(sold, _)| sold.price > 0);
    sold.map(|(sold, &item_idx)| {
        (item_idx, sold.price, sold.currency.as_ref().map(Currency::as_str), sold.at_us)
    })
    .collect()
}

// A price of the catalogue stays; one from order lines gives way to that of a later line.
const SET_PRICES: &str = "UPDATE item SET price = new.value ->> 1, \
     currency = COALESCE(new.value ->> 2, currency), price_at_us = new.value ->> 3, \
     catalog_version = ?2 FROM json_each(?1) AS new WHERE item.item_idx = new.value ->> 0 \
     AND (item.price IS NULL OR item.price_at_us < new.value ->> 3 \
     OR (item.price_at_us = new.value ->> 3 AND item.price <> new.value ->> 1))";

// A title of the catalogue has no votes and stays; one from order lines gives way to one that was
// seen at least as often.
const SET_TITLES: &str = "UPDATE item SET title = new.value ->> 1, title_votes = new.value ->> 2, \
     catalog_version = ?2 FROM json_each(?1) AS new WHERE item.item_idx = new.value ->> 0 \
     AND (item.title IS NULL OR (item.title_votes > 0 AND item.title_votes <= new.value ->> 2 \
     AND item.title <> new.value ->> 1))";
const SET_CATEGORIES: &str = "UPDATE item SET category = new.value ->> 1, \
     category_votes = new.value ->> 2, catalog_version = ?2 FROM json_each(?1) AS new \
     WHERE item.item_idx = new.value ->> 0 AND (item.category IS NULL OR \
     (item.category_votes > 0 AND item.category_votes <= new.value ->> 2 \
     AND item.category <> new.value ->> 1))";
