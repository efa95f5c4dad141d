//! What is there: counts, sizes, span, health.

use std::path::Path;

use events::time::DAY_US;
use events::{ItemKind, Timestamp};
use serde::Serialize;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use crate::error::Result;
use crate::manifest::{self, EVENTS_CONTENT, ORDERS_CONTENT};
use crate::store::{Store, segment_paths};

const N_ORDERS_IN_TAIL: &str = "SELECT COUNT(*) FROM event INDEXED BY event_of_order \
     WHERE kind IN (4, 5) AND kind = 4 AND confirmed = 1";
const ORDERS_IN_TAIL: &str = "SELECT COUNT(*), SUM(json_array_length(lines)), MIN(at_us), \
     MAX(at_us) FROM event INDEXED BY event_of_order \
     WHERE kind IN (4, 5) AND kind = 4 AND confirmed = 1";

/// One look at a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StoreStatus {
    pub format_version: i64,
    pub store_id: String,
    /// Orders and lines that count, in segments.
    pub n_orders: u64,
    pub n_lines: u64,
    pub n_customers: u64,
    /// By kind, in the order of [`ItemKind::ALL`].
    pub n_items_by_kind: [u64; 5],
    pub n_holdings: u64,
    /// Declared of items.
    pub n_relations: u64,
    /// Live events that no segment holds yet, those of them that are orders, and their lines.
    pub n_events_in_tail: u64,
    pub n_orders_in_tail: u64,
    pub n_lines_in_tail: u64,
    pub n_events_sealed: u64,
    pub n_decisions: u64,
    pub n_segments: u64,
    pub n_segment_bytes: u64,
    pub n_database_bytes: u64,
    /// First and last order time, live orders included; `None` without orders or where an order
    /// has no time.
    pub first_at_us: Option<i64>,
    pub last_at_us: Option<i64>,
    /// Latest time of any order, superseded ones included, or of an event in the tail.
    pub latest_at_us: Option<i64>,
    pub last_import: Option<LastImport>,
    pub catalog_version: i64,
    /// Empty in good health.
    pub problems: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LastImport {
    pub source: String,
    pub at_us: i64,
    /// JSON, as it was recorded.
    pub files: String,
    pub summary: String,
}

impl StoreStatus {
    pub fn n_items(&self) -> u64 {
        self.n_items_by_kind.iter().sum()
    }

    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        Some((Timestamp(self.first_at_us?), Timestamp(self.last_at_us?)))
    }

    /// The latest time, when it is more than a day after `now`: clocks and time zones differ by
    /// less. The order may have been superseded since, which a view tells.
    pub fn dated_ahead(&self, now: Timestamp) -> Option<Timestamp> {
        let limit = Timestamp(now.0.saturating_add(DAY_US));
        self.latest_at_us.map(Timestamp).filter(|&at| at > limit)
    }
}

impl Store {
    /// The random name that the store was given when it was made; it never changes.
    pub async fn store_id(&self) -> Result<String> {
        sqlx::query_scalar("SELECT store_id FROM format")
            .fetch_one(&self.database().reader)
            .await
            .map_err(self.error("read the name of the store"))
    }

    pub async fn status(&self) -> Result<StoreStatus> {
        let mut snapshot = self.database().snapshot().await?;
        let mut status = read(&mut snapshot, &self.segments_dir())
            .await
            .map_err(self.error("read the status"))?;
        drop(snapshot);
        status.n_decisions = self.count_decisions().await?;
        status.n_database_bytes = database_bytes(self.dir());
        Ok(status)
    }

    /// Orders that count, those in the tail of the log included: cheap enough to look every few
    /// seconds. An order both in the tail and in a segment counts twice until it is sealed.
    pub async fn n_orders(&self) -> Result<u64> {
        let mut snapshot = self.database().snapshot().await?;
        let counted = async {
            let manifest = manifest::read(&mut snapshot).await?;
            let n_in_segments: u64 = manifest
                .iter()
                .filter(|segment| segment.content == ORDERS_CONTENT)
                .map(|segment| segment.written.n_orders - segment.dead.len())
                .sum();
            let n_in_tail: i64 =
                sqlx::query_scalar(N_ORDERS_IN_TAIL).fetch_one(&mut *snapshot).await?;
            Ok(n_in_segments + n_in_tail as u64)
        };
        let counted: sqlx::Result<u64> = counted.await;
        counted.map_err(self.error("count the orders"))
    }

    async fn count_decisions(&self) -> Result<u64> {
        let n: i64 = sqlx::query_scalar("SELECT COALESCE(SUM(n_records), 0) FROM decision_block")
            .fetch_one(&self.decisions().reader)
            .await
            .map_err(self.decisions().error("count decisions"))?;
        Ok(n as u64)
    }
}

async fn read(connection: &mut SqliteConnection, segments: &Path) -> sqlx::Result<StoreStatus> {
    let mut status = StoreStatus::default();
    let format =
        sqlx::query("SELECT version, store_id FROM format").fetch_one(&mut *connection).await?;
    status.format_version = format.try_get(0)?;
    status.store_id = format.try_get(1)?;
    status.catalog_version = crate::database::counter(connection, "catalog_version").await?;
    let kinds = sqlx::query("SELECT kind, COUNT(*) FROM item GROUP BY kind")
        .fetch_all(&mut *connection)
        .await?;
    for row in kinds {
        let kind = ItemKind::from_code(row.try_get::<i64, _>(0)? as u8).unwrap_or_default();
        status.n_items_by_kind[kind as usize] += row.try_get::<i64, _>(1)? as u64;
    }
    for (slot, sql) in [
        (&mut status.n_customers, "SELECT COUNT(*) FROM customer"),
        (&mut status.n_holdings, "SELECT COUNT(*) FROM holding"),
        (&mut status.n_relations, "SELECT COUNT(*) FROM relation"),
        (&mut status.n_events_in_tail, "SELECT COUNT(*) FROM event"),
    ] {
        *slot = sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut *connection).await? as u64;
    }
    status.last_import = last_import(connection).await?;
    status.latest_at_us =
        sqlx::query_scalar("SELECT MAX(at_us) FROM event").fetch_one(&mut *connection).await?;
    let span = add_tail(connection, &mut status).await?;
    add_segments(connection, segments, span, &mut status).await?;
    Ok(status)
}

/// Counts the live orders; the time of the first and the last.
async fn add_tail(
    connection: &mut SqliteConnection,
    status: &mut StoreStatus,
) -> sqlx::Result<Option<(i64, i64)>> {
    let row = sqlx::query(ORDERS_IN_TAIL).fetch_one(connection).await?;
    status.n_orders_in_tail = row.try_get::<i64, _>(0)? as u64;
    status.n_lines_in_tail = row.try_get::<Option<i64>, _>(1)?.unwrap_or(0) as u64;
    Ok(row.try_get::<Option<i64>, _>(2)?.zip(row.try_get(3)?))
}

async fn last_import(connection: &mut SqliteConnection) -> sqlx::Result<Option<LastImport>> {
    let row = sqlx::query(
        "SELECT source, at_us, files, summary FROM import ORDER BY import_id DESC LIMIT 1",
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(LastImport {
            source: row.try_get(0)?,
            at_us: row.try_get(1)?,
            files: row.try_get(2)?,
            summary: row.try_get(3)?,
        })
    })
    .transpose()
}

async fn add_segments(
    connection: &mut SqliteConnection,
    segments: &Path,
    span: Option<(i64, i64)>,
    status: &mut StoreStatus,
) -> sqlx::Result<()> {
    let (mut first, mut last) = span.unwrap_or((i64::MAX, i64::MIN));
    for segment in manifest::read(connection).await? {
        let written = &segment.written;
        status.n_segments += 1;
        status.n_segment_bytes += written.n_bytes;
        if segment.content == EVENTS_CONTENT {
            status.n_events_sealed += written.n_orders;
        }
        if segment.content == ORDERS_CONTENT {
            let n_living = written.n_orders - segment.dead.len();
            status.n_orders += n_living;
            status.n_lines += written.n_lines - segment.n_dead_lines;
            first = first.min(written.first_at_us);
            last = last.max(written.last_at_us);
        }
        let n_bytes: u64 = segment_paths(segments, &written.name)
            .iter()
            .filter_map(|path| path.metadata().ok())
            .map(|metadata| metadata.len())
            .sum();
        if n_bytes != written.n_bytes {
            status.problems.push(format!(
                "segment {} has {n_bytes} bytes instead of {}: restore it from a backup",
                written.name, written.n_bytes
            ));
        }
    }
    let latest = (last > i64::MIN).then_some(last);
    status.latest_at_us = status.latest_at_us.max(latest);
    let is_known = first > i64::MIN && first <= last;
    status.first_at_us = is_known.then_some(first);
    status.last_at_us = is_known.then_some(last);
    Ok(())
}

fn database_bytes(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().contains(".db"))
        .filter_map(|entry| entry.metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}
