//! From the tail of the log to sealed segments.
//!
//! Purchases and refunds become orders like imported ones; every event goes to a segment of events
//! as it came. The rows leave the database in the transaction that enters the segments.

use std::path::Path;
use std::sync::Arc;

use events::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::event_ids;
use crate::event_segment::{self, EventRow};
use crate::manifest::{self, EVENTS_CONTENT, ManifestSegment, NewSegment, ORDERS_CONTENT};
use crate::order_key::N_PARTITIONS;
use crate::segment::{SegmentWriter, WrittenSegment};
use crate::store::{Job, Store, join};
use crate::supersede::{Known, Superseded};
use crate::tail::{self, TailOrders};

/// Events sealed in one step: the transaction that removes them stays short.
const STEP_EVENTS: i64 = 100_000;

/// What sealing did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SealSummary {
    /// Events that left the tail.
    pub n_events: u64,
    /// Orders written; the others were superseded by an import or known in the same form.
    pub n_orders: u64,
}

/// When the tail is long or old enough to be sealed, beside a running service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealPolicy {
    /// What is not older stays in the tail, so that a service that starts finds the newest
    /// sessions there.
    pub before: Timestamp,
    /// Sealed when that many events are old enough: segments of a few events each would be many.
    pub at_least: u32,
    /// Sealed however few they are when the oldest is older than this.
    pub latest: Timestamp,
}

struct Sealed {
    orders: Option<WrittenSegment>,
    events: Option<WrittenSegment>,
    superseded: Superseded,
}

impl Store {
    /// Seals what the policy says; nothing, as long as it is little and young.
    ///
    /// What a killed import of another process left is removed on the way: it may be what fills the
    /// disk.
    pub async fn seal_when_due(&self, policy: &SealPolicy) -> Result<SealSummary> {
        self.sweep().await?;
        let read = async {
            let oldest: Option<i64> = sqlx::query("SELECT MIN(at_us) FROM event")
                .fetch_one(&self.database().reader)
                .await?
                .try_get(0)?;
            let n_ready: i64 =
                sqlx::query("SELECT COUNT(*) FROM (SELECT 1 FROM event WHERE at_us < ?1 LIMIT ?2)")
                    .bind(policy.before.0)
                    .bind(i64::from(policy.at_least))
                    .fetch_one(&self.database().reader)
                    .await?
                    .try_get(0)?;
            Ok((oldest, n_ready))
        };
        let read: sqlx::Result<_> = read.await;
        let (oldest, n_ready) = read.map_err(self.error("look at the tail"))?;
        let is_old = oldest.is_some_and(|oldest| oldest < policy.latest.0);
        let is_long = 0 < n_ready && i64::from(policy.at_least) <= n_ready;
        if !is_old && !is_long {
            return Ok(SealSummary::default());
        }
        self.seal_tail(policy.before).await
    }

    /// Seals the events up to the latest one before `before`. Those after it stay in the tail, so
    /// that a service that starts finds the newest sessions there.
    pub async fn seal_tail(&self, before: Timestamp) -> Result<SealSummary> {
        let mut summary = SealSummary::default();
        loop {
            let step = match self.seal_step(before).await {
                Ok(step) => step,
                Err(error) => {
                    self.sweep_after_failure().await;
                    return Err(error);
                }
            };
            summary.n_events += step.n_events;
            summary.n_orders += step.n_orders;
            if step.n_events == 0 {
                return Ok(summary);
            }
        }
    }

    async fn seal_step(&self, before: Timestamp) -> Result<SealSummary> {
        let _lock = self.lock_segments().await?;
        let mut snapshot = self.database().snapshot().await?;
        let read = read_step(&mut snapshot, before).await.map_err(self.error("read events"))?;
        drop(snapshot);
        let Some((last_seq, orders, events, manifest)) = read else {
            return Ok(SealSummary::default());
        };
        let job = Job::start(&self.segments_dir())?;
        let (segments, disk, name) =
            (self.segments_dir(), Arc::clone(self.disk()), job.name.clone());
        let task = tokio::task::spawn_blocking(move || {
            let sealed = write(&*disk, &segments, &name, orders, &events, &manifest)?;
            disk.sync_dir(&segments).map_err(Error::io("write to", &segments))?;
            Ok((sealed, manifest))
        });
        let (sealed, manifest) = join(task).await?;
        let mut transaction = self.database().begin().await?;
        let entered = async {
            for (written, content) in
                [(&sealed.orders, ORDERS_CONTENT), (&sealed.events, EVENTS_CONTENT)]
            {
                if let Some(written) = written {
                    let segment = NewSegment { written, content, version: last_seq, map_id: None };
                    manifest::add(&mut transaction, segment).await?;
                }
            }
            let mut emptied = Vec::new();
            for (segment, rows) in sealed.superseded.by_segment() {
                emptied.extend(manifest::bury(&mut transaction, &manifest[segment], rows).await?);
            }
            event_ids::seal(&mut transaction, last_seq).await?;
            let removed = sqlx::query("DELETE FROM event WHERE seq <= ?1")
                .bind(last_seq)
                .execute(&mut *transaction)
                .await?;
            Ok((emptied, removed.rows_affected()))
        };
        let entered: sqlx::Result<_> = entered.await;
        let (emptied, n_events) = entered.map_err(self.error("seal events"))?;
        self.database().commit(transaction).await?;
        self.remove_segment_files(&emptied);
        drop(job);
        let n_orders = sealed.orders.map_or(0, |written| written.n_orders);
        Ok(SealSummary { n_events, n_orders })
    }
}

type Step = (i64, TailOrders, Vec<EventRow>, Vec<ManifestSegment>);

async fn read_step(
    connection: &mut SqliteConnection,
    before: Timestamp,
) -> sqlx::Result<Option<Step>> {
    let last: Option<i64> = sqlx::query("SELECT MAX(seq) FROM event WHERE at_us < ?1")
        .bind(before.0)
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    let Some(last) = last else { return Ok(None) };
    let last_seq: i64 = sqlx::query(
        "SELECT MAX(seq) FROM (SELECT seq FROM event WHERE seq <= ?1 ORDER BY seq LIMIT ?2)",
    )
    .bind(last)
    .bind(STEP_EVENTS)
    .fetch_one(&mut *connection)
    .await?
    .try_get(0)?;
    let orders = tail::orders(connection, last_seq).await?;
    let events = event_segment::rows_of_tail(connection, (i64::MIN, last_seq)).await?;
    let mut manifest = manifest::read(connection).await?;
    manifest.retain(|segment| segment.content == ORDERS_CONTENT);
    Ok(Some((last_seq, orders, events, manifest)))
}

fn write(
    disk: &dyn Disk,
    segments: &Path,
    job: &str,
    mut orders: TailOrders,
    events: &[EventRow],
    manifest: &[ManifestSegment],
) -> Result<Sealed> {
    let superseded = keep_newer(segments, manifest, &mut orders)?;
    let orders = if orders.set.orders.is_empty() {
        None
    } else {
        let mut writer = SegmentWriter::create(disk, segments, &format!("{job}-orders"))?;
        writer.append(&orders.set, &orders.texts)?;
        Some(writer.finish()?)
    };
    let events = if events.is_empty() {
        None
    } else {
        Some(event_segment::write(disk, segments, &format!("{job}-events"), events)?)
    };
    Ok(Sealed { orders, events, superseded })
}

/// Leaves out orders that an import superseded since, or that stand in a segment in the same form.
fn keep_newer(
    segments: &Path,
    manifest: &[ManifestSegment],
    orders: &mut TailOrders,
) -> Result<Superseded> {
    let mut superseded = Superseded::default();
    let mut known = Known::open(segments, manifest, 0..N_PARTITIONS)?;
    let mut is_kept = Vec::with_capacity(orders.seqs.len());
    for (order, &seq) in orders.set.orders.iter().zip(&orders.seqs) {
        is_kept.push(match known.find(order.key)? {
            None => true,
            Some(before) => {
                let is_newer = manifest[before.segment].version < seq;
                let is_kept = is_newer && before.digest != order.digest;
                if is_kept {
                    superseded.add(&before);
                }
                is_kept
            }
        });
    }
    orders.retain(&is_kept);
    Ok(superseded)
}
