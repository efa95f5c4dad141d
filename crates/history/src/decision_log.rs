//! Decision records, written behind the answers.
//!
//! Records wait in memory, one second at most, and go to a database of their own in compressed
//! blocks: one row a commit instead of one a record, and never in the way of live events. A table
//! of keys leads from an id to its blocks: ids that rise with time give one row a millisecond, at
//! the end of the table, where a row a record by its hash would be most of the work of writing. A
//! crash loses what waited; a queue that is full sheds the newest records and counts them. Answers
//! never wait.

mod blocks;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use events::Timestamp;
use sqlx::Row;
use tokio::sync::Notify;
use xxhash_rust::xxh3::xxh3_64;

pub(crate) use self::blocks::unpack;
use self::blocks::{Block, block_of, blocks_of};
use crate::assignments::{self, AssignedUnit, AssignedUnits, Assignment};
use crate::database::{Database, DatabaseOptions};
use crate::error::{Error, Result};
use crate::numbering::json_rows;
use crate::store::Store;

pub(crate) const DATABASE: &str = "decisions.db";

const FLUSH_AFTER: Duration = Duration::from_secs(1);
/// Bytes that may wait.
const QUEUE_BYTES: usize = 64 << 20;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS decision_block (
    block_id INTEGER PRIMARY KEY AUTOINCREMENT,
    first_at_us INTEGER NOT NULL,
    last_at_us INTEGER NOT NULL,
    n_records INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS decision_key (
    hash INTEGER NOT NULL,
    block_id INTEGER NOT NULL,
    PRIMARY KEY (hash, block_id)
) WITHOUT ROWID;";

/// One record; what the payload says is its writer's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRecord {
    pub recommendation_id: String,
    pub at: Timestamp,
    pub customer_idx: Option<u32>,
    /// Kept beside the record, once for each unit: the first one stands.
    pub assignment: Option<Assignment>,
    pub payload: Vec<u8>,
}

/// A handle to the log; clones share one writer.
#[derive(Clone, Debug)]
pub struct DecisionLog {
    shared: Arc<Shared>,
    _closer: Arc<Closer>,
}

#[derive(Debug)]
struct Shared {
    database: Database,
    waiting: Mutex<Waiting>,
    /// What the writer is writing: still to be found while it is in neither place.
    in_flight: Mutex<Arc<Vec<DecisionRecord>>>,
    has_first: Notify,
    is_urgent: Notify,
    is_closed: AtomicBool,
    /// Units that are known to be in the database.
    assigned: Mutex<AssignedUnits>,
    write_lock: tokio::sync::Mutex<()>,
    n_written: AtomicU64,
    n_shed: AtomicU64,
    n_failed: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    records: Vec<DecisionRecord>,
    n_bytes: usize,
}

/// Ends the writer when the last handle goes.
#[derive(Debug)]
struct Closer(Arc<Shared>);

impl Drop for Closer {
    fn drop(&mut self) {
        self.0.is_closed.store(true, Ordering::Release);
        self.0.is_urgent.notify_one();
        self.0.has_first.notify_one();
    }
}

/// What went through a log since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecisionLogCounts {
    pub n_written: u64,
    /// Not taken because the queue was full.
    pub n_shed: u64,
    /// Taken, then lost because they could not be written.
    pub n_failed: u64,
}

pub(crate) async fn open(dir: &Path, how: &DatabaseOptions) -> Result<Database> {
    let path = dir.join(DATABASE);
    let database =
        Database::open(&DatabaseOptions { path, create: !how.is_read_only, ..how.clone() }).await?;
    if !how.is_read_only {
        let mut transaction = database.begin().await?;
        sqlx::raw_sql(SCHEMA)
            .execute(&mut *transaction)
            .await
            .map_err(database.error("open the decision log"))?;
        assignments::make_table(&mut transaction)
            .await
            .map_err(database.error("open the decision log"))?;
        database.commit(transaction).await?;
    }
    Ok(database)
}

impl Store {
    /// Starts the writer of decisions, on the runtime that this is called on.
    pub fn decision_log(&self) -> Result<DecisionLog> {
        if self.decisions().is_read_only {
            return Err(Error::ReadOnly { path: self.dir().to_path_buf() });
        }
        let shared = Arc::new(Shared {
            database: self.decisions().clone(),
            waiting: Mutex::default(),
            in_flight: Mutex::default(),
            has_first: Notify::new(),
            is_urgent: Notify::new(),
            is_closed: AtomicBool::new(false),
            assigned: Mutex::default(),
            write_lock: tokio::sync::Mutex::default(),
            n_written: AtomicU64::new(0),
            n_shed: AtomicU64::new(0),
            n_failed: AtomicU64::new(0),
        });
        tokio::spawn(run(Arc::clone(&shared)));
        Ok(DecisionLog { _closer: Arc::new(Closer(Arc::clone(&shared))), shared })
    }

    /// A decision that is durable.
    pub async fn decision(&self, recommendation_id: &str) -> Result<Option<DecisionRecord>> {
        find(self.decisions(), recommendation_id).await
    }
}

impl DecisionLog {
    /// Never waits. False: the queue is full and the record was shed.
    pub fn push(&self, record: DecisionRecord) -> bool {
        let n_bytes = record.payload.len() + record.recommendation_id.len() + 64;
        let mut waiting = lock(&self.shared.waiting);
        if waiting.n_bytes + n_bytes > QUEUE_BYTES {
            drop(waiting);
            self.shared.n_shed.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        waiting.records.push(record);
        let was_below = waiting.n_bytes < QUEUE_BYTES / 4;
        waiting.n_bytes += n_bytes;
        let is_first = waiting.records.len() == 1;
        let is_urgent = was_below && waiting.n_bytes >= QUEUE_BYTES / 4;
        drop(waiting);
        if is_first {
            self.shared.has_first.notify_one();
        }
        if is_urgent {
            self.shared.is_urgent.notify_one();
        }
        true
    }

    /// Finds a record wherever it is on its way.
    pub async fn get(&self, recommendation_id: &str) -> Result<Option<DecisionRecord>> {
        let is_it = |record: &&DecisionRecord| record.recommendation_id == recommendation_id;
        let waiting = lock(&self.shared.waiting).records.iter().rfind(is_it).cloned();
        let found = waiting.or_else(|| lock(&self.shared.in_flight).iter().rfind(is_it).cloned());
        match found {
            Some(record) => Ok(Some(record)),
            None => find(&self.shared.database, recommendation_id).await,
        }
    }

    /// Returns when all that was pushed before is durable or counted as failed.
    pub async fn flush(&self) {
        write_waiting(&self.shared).await;
    }

    pub fn counts(&self) -> DecisionLogCounts {
        DecisionLogCounts {
            n_written: self.shared.n_written.load(Ordering::Relaxed),
            n_shed: self.shared.n_shed.load(Ordering::Relaxed),
            n_failed: self.shared.n_failed.load(Ordering::Relaxed),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}

async fn run(shared: Arc<Shared>) {
    while !shared.is_closed.load(Ordering::Acquire) {
        shared.has_first.notified().await;
        // Full blocks are worth waiting for, the queue's end or the log's is not.
        let _ = tokio::time::timeout(FLUSH_AFTER, shared.is_urgent.notified()).await;
        write_waiting(&shared).await;
    }
    write_waiting(&shared).await;
}

async fn write_waiting(shared: &Shared) {
    let _turn = shared.write_lock.lock().await;
    let records = {
        let mut waiting = lock(&shared.waiting);
        let records = Arc::new(std::mem::take(&mut *waiting).records);
        *lock(&shared.in_flight) = Arc::clone(&records);
        records
    };
    if records.is_empty() {
        return;
    }
    let first = lock(&shared.assigned).first_of(&records);
    match write(&shared.database, Arc::clone(&records), &first).await {
        Ok(()) => shared.n_written.fetch_add(records.len() as u64, Ordering::Relaxed),
        Err(error) => {
            tracing::error!(%error, n_records = records.len(), "decisions could not be stored");
            lock(&shared.assigned).forget(&first);
            shared.n_failed.fetch_add(records.len() as u64, Ordering::Relaxed)
        }
    };
    *lock(&shared.in_flight) = Arc::default();
}

async fn write(
    database: &Database,
    records: Arc<Vec<DecisionRecord>>,
    assigned: &[AssignedUnit],
) -> Result<()> {
    let task = tokio::task::spawn_blocking(move || Ok(blocks_of(&records)));
    let blocks = crate::store::join(task).await?;
    let mut transaction = database.begin().await?;
    for block in &blocks {
        insert(&mut transaction, block).await.map_err(database.error("store decisions"))?;
    }
    assignments::insert(&mut transaction, assigned)
        .await
        .map_err(database.error("store assignments"))?;
    database.commit(transaction).await
}

async fn insert(connection: &mut sqlx::SqliteConnection, block: &Block) -> sqlx::Result<()> {
    let block_id: i64 = sqlx::query(
        "INSERT INTO decision_block (first_at_us, last_at_us, n_records, body) \
         VALUES (?1, ?2, ?3, ?4) RETURNING block_id",
    )
    .bind(block.first_at_us)
    .bind(block.last_at_us)
    .bind(block.n_records as i64)
    .bind(&block.body)
    .fetch_one(&mut *connection)
    .await?
    .try_get(0)?;
    sqlx::query(
        "INSERT OR IGNORE INTO decision_key (hash, block_id) SELECT value, ?2 FROM json_each(?1)",
    )
    .bind(json_rows(&block.keys))
    .bind(block_id)
    .execute(connection)
    .await
    .map(drop)
}

fn hash_of(recommendation_id: &str) -> i64 {
    xxh3_64(recommendation_id.as_bytes()) as i64
}

/// Digits of Crockford's base 32 at the start of an id that tell its time.
const N_TIME_DIGITS: usize = 10;

/// The time that an id begins with, or its hash where it begins with none. Ids may share a key: it
/// leads to blocks, and in them the id itself is compared.
fn key_of(recommendation_id: &str) -> i64 {
    let time = recommendation_id.as_bytes().get(..N_TIME_DIGITS).and_then(|digits| {
        digits.iter().try_fold(0, |time, &digit| Some(time << 5 | digit_of(digit)?))
    });
    time.unwrap_or_else(|| hash_of(recommendation_id))
}

fn digit_of(digit: u8) -> Option<i64> {
    let value = match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'h' => digit - b'a' + 10,
        b'j' | b'k' => digit - b'j' + 18,
        b'm' | b'n' => digit - b'm' + 20,
        b'p'..=b't' => digit - b'p' + 22,
        b'v'..=b'z' => digit - b'v' + 27,
        _ => return None,
    };
    Some(value.into())
}

/// Keys in the order of the table, each once.
fn keys_of(records: &[DecisionRecord], key: fn(&str) -> i64) -> Vec<i64> {
    let mut keys: Vec<i64> = records.iter().map(|record| key(&record.recommendation_id)).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

async fn find(database: &Database, recommendation_id: &str) -> Result<Option<DecisionRecord>> {
    let rows = sqlx::query(
        "SELECT b.body FROM decision_key AS k JOIN decision_block AS b USING (block_id) \
         WHERE k.hash IN (?1, ?2) ORDER BY block_id DESC",
    )
    .bind(key_of(recommendation_id))
    .bind(hash_of(recommendation_id))
    .fetch_all(&database.reader)
    .await
    .map_err(database.error("read a decision"))?;
    for row in rows {
        let body: &[u8] = row.try_get(0).map_err(database.error("read a decision"))?;
        let records = unpack(body).ok_or_else(|| database.corrupt("a block of decisions"))?;
        let found =
            records.into_iter().rfind(|record| record.recommendation_id == recommendation_id);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Takes out the records for which `is_gone` says so; how many they were.
pub(crate) async fn remove(
    database: &Database,
    before: Timestamp,
    is_gone: impl Fn(&DecisionRecord) -> bool,
) -> Result<u64> {
    let ids: Vec<i64> =
        sqlx::query_scalar("SELECT block_id FROM decision_block WHERE first_at_us < ?1")
            .bind(before.0)
            .fetch_all(&database.reader)
            .await
            .map_err(database.error("read decisions"))?;
    let mut n_removed = 0;
    for block_id in ids {
        let mut transaction = database.begin().await?;
        let body: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT body FROM decision_block WHERE block_id = ?1")
                .bind(block_id)
                .fetch_optional(&mut *transaction)
                .await
                .map_err(database.error("read decisions"))?;
        let Some(body) = body else { continue };
        let records = unpack(&body).ok_or_else(|| database.corrupt("a block of decisions"))?;
        let (gone, kept): (Vec<_>, Vec<_>) = records.into_iter().partition(&is_gone);
        if gone.is_empty() {
            continue;
        }
        replace(&mut transaction, block_id, &gone, &kept)
            .await
            .map_err(database.error("remove decisions"))?;
        database.commit(transaction).await?;
        n_removed += gone.len() as u64;
    }
    Ok(n_removed)
}

async fn replace(
    connection: &mut sqlx::SqliteConnection,
    block_id: i64,
    gone: &[DecisionRecord],
    kept: &[DecisionRecord],
) -> sqlx::Result<()> {
    // Blocks of earlier versions are known by the hashes of all their ids.
    for keys in [
        keys_of(gone, key_of),
        keys_of(gone, hash_of),
        keys_of(kept, key_of),
        keys_of(kept, hash_of),
    ] {
        sqlx::query(
            "DELETE FROM decision_key WHERE block_id = ?2 \
             AND hash IN (SELECT value FROM json_each(?1))",
        )
        .bind(json_rows(&keys))
        .bind(block_id)
        .execute(&mut *connection)
        .await?;
    }
    sqlx::query("DELETE FROM decision_block WHERE block_id = ?1")
        .bind(block_id)
        .execute(&mut *connection)
        .await?;
    if kept.is_empty() { Ok(()) } else { insert(connection, &block_of(kept)).await }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_rise_with_time_and_are_hashes_for_ids_without_one() {
        let digits = "0123456789abcdefghjkmnpqrstvwxyz";
        let values: Vec<i64> = digits.bytes().map(|digit| digit_of(digit).unwrap()).collect();
        assert_eq!(values, (0..32).collect::<Vec<i64>>());
        assert!("ilouA-é".bytes().all(|digit| digit_of(digit).is_none()));
        assert_eq!(key_of("000000000z-rest"), 31);
        assert_eq!(key_of("0000000010"), 32);
        for id in ["", "r1", "000000000", "0000-00000", "00000000u0"] {
            assert_eq!(key_of(id), hash_of(id), "{id}");
        }
    }
}
