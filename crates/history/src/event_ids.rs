//! Which events the log has: their ids, by hash, in the memory of the writer.
//!
//! An index of ids in the database would touch a page of its own for each event; here a commit
//! appends rows and nothing else. The rows themselves are the durable form while they are in the
//! tail, sorted runs of hashes once they are sealed. What other processes wrote is caught up with
//! at the start of each transaction.
//!
//! What a page sent and what a server sent have ids of their own: whoever holds the public key of a
//! shop could otherwise take the id of an order before the server sends it, and the order would
//! count as a repetition.
//!
//! A hash has 64 bits: among ten million ids, one event in 10^12 is taken for another.

use hashbrown::HashSet;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::database::counter;

/// Sealed ids that are remembered; a retry of an older event counts as new.
const MAX_SEALED: usize = 8_000_000;

#[derive(Debug, Default)]
pub(crate) struct EventIds {
    recent: HashSet<u64>,
    /// Sorted runs, newest first.
    sealed: Vec<Vec<u64>>,
    last_seq: i64,
    last_run: i64,
}

/// Seeds of the hashes, which are on disk: they must never change.
const SERVER_SEED: u64 = 0;
const PAGE_SEED: u64 = u64::from_le_bytes(*b"frompage");

/// The id as a server (`confirmed`) or a page sent it.
pub(crate) fn id_hash(event_id: &str, confirmed: bool) -> u64 {
    let seed = if confirmed { SERVER_SEED } else { PAGE_SEED };
    xxh3_64_with_seed(event_id.as_bytes(), seed)
}

impl EventIds {
    pub(crate) fn contains(&self, hash: u64) -> bool {
        self.recent.contains(&hash)
            || self.sealed.iter().any(|run| run.binary_search(&hash).is_ok())
    }

    /// To be called when the events are durable.
    pub(crate) fn add(&mut self, hashes: impl Iterator<Item = u64>, last_seq: i64) {
        self.recent.extend(hashes);
        self.last_seq = last_seq;
    }

    /// Learns what was written since this memory was last up to date; to be called within the
    /// write transaction, when nobody else writes.
    pub(crate) async fn catch_up(&mut self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let sequence = counter(connection, "sequence").await?;
        if sequence == self.last_seq && self.last_run > 0 {
            return Ok(());
        }
        let rows = sqlx::query("SELECT event_id, confirmed FROM event WHERE seq > ?1")
            .bind(self.last_seq)
            .fetch_all(&mut *connection)
            .await?;
        for row in rows {
            self.recent.insert(id_hash(row.try_get(0)?, row.try_get(1)?));
        }
        self.last_seq = sequence;
        self.load_runs(connection).await
    }

    /// Runs that are new to this memory, the newest first, as many as are remembered.
    async fn load_runs(&mut self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let runs: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT run_id, n_ids FROM sealed_event_ids WHERE run_id > ?1 ORDER BY run_id DESC",
        )
        .bind(self.last_run)
        .fetch_all(&mut *connection)
        .await?;
        let mut n_sealed: usize = self.sealed.iter().map(Vec::len).sum();
        let mut loaded = Vec::new();
        for &(run_id, n_ids) in &runs {
            n_sealed += n_ids as usize;
            if n_sealed > MAX_SEALED && !loaded.is_empty() {
                break;
            }
            let bytes: Vec<u8> =
                sqlx::query_scalar("SELECT hashes FROM sealed_event_ids WHERE run_id = ?1")
                    .bind(run_id)
                    .fetch_one(&mut *connection)
                    .await?;
            let words = bytes.chunks_exact(8);
            loaded.push(
                words
                    .map(|word| u64::from_le_bytes(word.try_into().expect("chunks of eight")))
                    .collect(),
            );
        }
        loaded.append(&mut self.sealed);
        self.sealed = loaded;
        // Zero means "never looked"; a store without runs is looked at once.
        self.last_run = runs.first().map_or(self.last_run.max(1), |&(run_id, _)| run_id.max(1));
        Ok(())
    }
}

/// Keeps the ids of events that leave the tail.
pub(crate) async fn seal(connection: &mut SqliteConnection, last_seq: i64) -> sqlx::Result<()> {
    let rows = sqlx::query("SELECT event_id, confirmed, at_us FROM event WHERE seq <= ?1")
        .bind(last_seq)
        .fetch_all(&mut *connection)
        .await?;
    let mut hashes = Vec::with_capacity(rows.len());
    let mut last_at_us = i64::MIN;
    for row in &rows {
        hashes.push(id_hash(row.try_get(0)?, row.try_get(1)?));
        last_at_us = last_at_us.max(row.try_get(2)?);
    }
    hashes.sort_unstable();
    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
    sqlx::query("INSERT INTO sealed_event_ids (last_at_us, n_ids, hashes) VALUES (?1, ?2, ?3)")
        .bind(last_at_us)
        .bind(hashes.len() as i64)
        .bind(bytes)
        .execute(connection)
        .await
        .map(drop)
}
