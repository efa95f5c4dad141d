//! Forgetting one customer.
//!
//! Decisions go first and the customer's id last, in the transaction that switches the segments:
//! after a crash in between, the same call finds the customer still there and ends the work.

use std::path::Path;
use std::sync::Arc;

use events::Timestamp;
use serde::Serialize;
use sqlx::{Sqlite, Transaction};
use xxhash_rust::xxh3::xxh3_64;

use crate::assignments;
use crate::catalog;
use crate::decision_log;
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::event_segment::{self, EventRow};
use crate::living::LivingOrders;
use crate::manifest::{self, EVENTS_CONTENT, ManifestSegment, NewSegment};
use crate::orders::{LineRow, NO_CODE, OrderHead, OrderSet, digest};
use crate::segment::{SegmentWriter, WrittenSegment};
use crate::store::{Job, Store, join};

/// What becomes of the orders of an erased customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EraseOrders {
    /// They stay as orders of nobody: what was bought together is still known.
    KeepAnonymous,
    Drop,
}

/// What was removed. It names nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EraseReceipt {
    pub at_us: i64,
    /// The index that the customer had; it is never used again.
    pub customer_idx: u32,
    pub n_orders_made_anonymous: u64,
    pub n_orders_dropped: u64,
    pub n_events_removed: u64,
    pub n_decisions_removed: u64,
    pub n_holdings_removed: u64,
    pub n_segments_rewritten: u64,
}

/// A segment that held the customer and what takes its place.
struct Rewritten {
    segment: usize,
    written: Option<WrittenSegment>,
    n_orders: u64,
    n_events: u64,
}

/// What the rewriting of one store needs to know.
struct Eraser {
    disk: Arc<dyn Disk>,
    customer_idx: u32,
    orders: EraseOrders,
    item_hashes: Vec<u64>,
}

impl Store {
    /// Removes a customer. Backups made before keep what they hold: erase there too, or let them
    /// expire. An order file that names the customer brings them back when it is imported again.
    pub async fn erase_customer(
        &self,
        customer_id: &str,
        orders: EraseOrders,
        now: Timestamp,
    ) -> Result<EraseReceipt> {
        let _lock = self.lock_segments().await?;
        let customer = self.customer(customer_id).await?.ok_or(Error::UnknownCustomer)?;
        let customer_idx = customer.customer_idx;
        let n_decisions_removed =
            decision_log::remove(self.decisions(), Timestamp(i64::MAX), |record| {
                record.customer_idx == Some(customer_idx)
            })
            .await?;
        assignments::remove(self.decisions(), Some(customer_idx), Timestamp(i64::MIN)).await?;
        let job = Job::start(&self.segments_dir())?;
        let (manifest, rewritten) = self.rewrite_without(&job, customer_idx, orders).await?;
        let mut receipt = EraseReceipt {
            at_us: now.0,
            customer_idx,
            n_decisions_removed,
            n_segments_rewritten: rewritten.len() as u64,
            ..EraseReceipt::default()
        };
        let mut transaction = self.database().begin().await?;
        let removed = async {
            remove_rows(&mut transaction, orders, &mut receipt).await?;
            switch(&mut transaction, &manifest, &rewritten).await
        };
        removed.await.map_err(self.error("erase a customer"))?;
        self.database().commit(transaction).await?;
        for part in &rewritten {
            receipt.n_events_removed += part.n_events;
            match orders {
                EraseOrders::KeepAnonymous => receipt.n_orders_made_anonymous += part.n_orders,
                EraseOrders::Drop => receipt.n_orders_dropped += part.n_orders,
            }
        }
        let old = rewritten.iter().map(|part| manifest[part.segment].written.name.clone());
        self.remove_segment_files(&old.collect::<Vec<_>>());
        drop(job);
        for database in [self.database(), self.decisions()] {
            database.truncate_log().await?;
        }
        Ok(receipt)
    }

    async fn rewrite_without(
        &self,
        job: &Job,
        customer_idx: u32,
        orders: EraseOrders,
    ) -> Result<(Vec<ManifestSegment>, Vec<Rewritten>)> {
        let mut snapshot = self.database().snapshot().await?;
        let read = async {
            let manifest = manifest::read(&mut snapshot).await?;
            let items = catalog::entries(&mut snapshot).await?;
            Ok((manifest, items))
        };
        let read: sqlx::Result<_> = read.await;
        let (manifest, items) = read.map_err(self.error("read the manifest"))?;
        drop(snapshot);
        let item_hashes = items.iter().map(|item| xxh3_64(item.id.as_bytes())).collect();
        let eraser = Eraser { disk: Arc::clone(self.disk()), customer_idx, orders, item_hashes };
        let (segments, name) = (self.segments_dir(), job.name.clone());
        let task = tokio::task::spawn_blocking(move || {
            let mut rewritten = Vec::new();
            for (place, segment) in manifest.iter().enumerate() {
                let name = format!("{name}-{place:03}");
                rewritten.extend(eraser.rewrite(&segments, place, segment, &name)?);
            }
            eraser.disk.sync_dir(&segments).map_err(Error::io("write to", &segments))?;
            Ok((manifest, rewritten))
        });
        join(task).await
    }
}

impl Eraser {
    fn rewrite(
        &self,
        segments: &Path,
        place: usize,
        segment: &ManifestSegment,
        name: &str,
    ) -> Result<Option<Rewritten>> {
        if segment.content == EVENTS_CONTENT {
            return self.rewrite_events(segments, place, segment, name);
        }
        let mut living = LivingOrders::open(segments, segment)?;
        if !living.holds_customer(self.customer_idx)? {
            return Ok(None);
        }
        let mut n_orders = 0;
        let mut writer: Option<SegmentWriter> = None;
        for group in 0..living.n_groups() {
            let mut set = living.group(group)?;
            n_orders += self.take_out(&mut set, &living);
            if set.orders.is_empty() {
                continue;
            }
            let writer = match &mut writer {
                Some(writer) => writer,
                None => writer.insert(SegmentWriter::create(&*self.disk, segments, name)?),
            };
            writer.append(&set, &living.texts())?;
        }
        let written = writer.map(SegmentWriter::finish).transpose()?;
        Ok(Some(Rewritten { segment: place, written, n_orders, n_events: 0 }))
    }

    /// The orders of the customer that were in the set.
    fn take_out(&self, set: &mut OrderSet, living: &LivingOrders<'_>) -> u64 {
        let mut n_orders = 0;
        match self.orders {
            EraseOrders::Drop => set.retain(|_, order| {
                let is_gone = order.customer == self.customer_idx;
                n_orders += u64::from(is_gone);
                !is_gone
            }),
            EraseOrders::KeepAnonymous => {
                let mut start = 0;
                for order in &mut set.orders {
                    let lines: &[LineRow] = &set.lines[start..start + order.n_lines as usize];
                    start += lines.len();
                    if order.customer != self.customer_idx {
                        continue;
                    }
                    n_orders += 1;
                    order.customer = NO_CODE;
                    let head = OrderHead {
                        customer_hash: 0,
                        location_hash: living.locations.hash_or_zero(order.location),
                        currency_hash: living.currencies.hash_or_zero(order.currency),
                        at_us: order.at_us,
                        position: order.position,
                        refers: order.refers,
                    };
                    order.digest = digest(&head, lines, |item| self.item_hashes[item as usize]);
                }
            }
        }
        n_orders
    }

    fn rewrite_events(
        &self,
        segments: &Path,
        place: usize,
        segment: &ManifestSegment,
        name: &str,
    ) -> Result<Option<Rewritten>> {
        let rows = event_segment::read(segments, &segment.written.name)?;
        let (gone, kept): (Vec<EventRow>, Vec<EventRow>) =
            rows.into_iter().partition(|row| row.customer_idx == Some(self.customer_idx));
        if gone.is_empty() {
            return Ok(None);
        }
        let written = if kept.is_empty() {
            None
        } else {
            Some(event_segment::write(&*self.disk, segments, name, &kept)?)
        };
        let n_events = gone.len() as u64;
        Ok(Some(Rewritten { segment: place, written, n_orders: 0, n_events }))
    }
}

async fn remove_rows(
    transaction: &mut Transaction<'static, Sqlite>,
    orders: EraseOrders,
    receipt: &mut EraseReceipt,
) -> sqlx::Result<()> {
    let n_browsing = "DELETE FROM event WHERE customer_idx = ?1 \
         AND NOT (kind IN (4, 5) AND confirmed = 1)";
    receipt.n_events_removed = affected(transaction, n_browsing, receipt.customer_idx).await?;
    match orders {
        EraseOrders::KeepAnonymous => {
            let sql = "UPDATE event SET customer_idx = NULL, session_id = NULL \
                 WHERE customer_idx = ?1";
            receipt.n_orders_made_anonymous =
                affected(transaction, sql, receipt.customer_idx).await?;
        }
        EraseOrders::Drop => {
            let sql = "DELETE FROM event WHERE customer_idx = ?1";
            receipt.n_orders_dropped = affected(transaction, sql, receipt.customer_idx).await?;
        }
    }
    let sql = "DELETE FROM holding WHERE customer_idx = ?1";
    receipt.n_holdings_removed = affected(transaction, sql, receipt.customer_idx).await?;
    for sql in [
        "DELETE FROM customer_record WHERE customer_idx = ?1",
        "DELETE FROM customer WHERE customer_idx = ?1",
    ] {
        affected(transaction, sql, receipt.customer_idx).await?;
    }
    let erasure = crate::database::advance(transaction, "erasures", 1).await? + 1;
    // So that a running service drops the customer too.
    sqlx::query("INSERT INTO erased_customer (erasure, customer_idx) VALUES (?1, ?2)")
        .bind(erasure)
        .bind(receipt.customer_idx)
        .execute(&mut **transaction)
        .await
        .map(drop)
}

async fn affected(
    transaction: &mut Transaction<'static, Sqlite>,
    sql: &'static str,
    customer_idx: u32,
) -> sqlx::Result<u64> {
    let done = sqlx::query(sql).bind(customer_idx).execute(&mut **transaction).await?;
    Ok(done.rows_affected())
}

async fn switch(
    transaction: &mut Transaction<'static, Sqlite>,
    manifest: &[ManifestSegment],
    rewritten: &[Rewritten],
) -> sqlx::Result<()> {
    for part in rewritten {
        let old = &manifest[part.segment];
        if let Some(written) = &part.written {
            let new =
                NewSegment { written, content: old.content, version: old.version, map_id: None };
            manifest::add(transaction, new).await?;
        }
        manifest::remove(transaction, old.segment_id).await?;
    }
    Ok(())
}
