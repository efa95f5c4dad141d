//! The manifest: which segments make up the history, and which of their rows still count.
//!
//! Invariant: among the rows that are not marked dead, over all segments, no order key stands
//! twice. Whoever adds a version of an order marks the row of the one before in the same
//! transaction, under the segments lock.

use std::sync::Arc;

use hashbrown::HashMap;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row, Sqlite, Transaction};

use crate::orders::NO_CODE;
use crate::segment::WrittenSegment;

pub(crate) const ORDERS_CONTENT: i64 = 0;
pub(crate) const EVENTS_CONTENT: i64 = 1;

/// A set of row numbers, one bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowSet {
    bytes: Vec<u8>,
    n_rows: u64,
}

impl RowSet {
    fn from_bytes(bytes: Vec<u8>) -> RowSet {
        let n_rows = bytes.iter().map(|byte| u64::from(byte.count_ones())).sum();
        RowSet { bytes, n_rows }
    }

    #[inline]
    pub(crate) fn contains(&self, row: usize) -> bool {
        self.bytes.get(row / 8).is_some_and(|byte| byte & (1 << (row % 8)) != 0)
    }

    pub(crate) fn insert(&mut self, row: usize) {
        if self.bytes.len() <= row / 8 {
            self.bytes.resize(row / 8 + 1, 0);
        }
        if !self.contains(row) {
            self.bytes[row / 8] |= 1 << (row % 8);
            self.n_rows += 1;
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.n_rows
    }

    /// The rows that stand in either.
    pub(crate) fn union(one: &RowSet, other: &RowSet) -> RowSet {
        let n_bytes = one.bytes.len().max(other.bytes.len());
        let byte = |set: &RowSet, at: usize| set.bytes.get(at).copied().unwrap_or(0);
        RowSet::from_bytes((0..n_bytes).map(|at| byte(one, at) | byte(other, at)).collect())
    }
}

/// From the codes of a segment to the dense indices of the store.
#[derive(Clone, Debug, Default)]
pub(crate) struct CodeMap {
    pub(crate) items: Vec<u32>,
    pub(crate) customers: Vec<u32>,
}

impl CodeMap {
    fn is_identity(&self) -> bool {
        let is_same = |map: &[u32]| map.iter().enumerate().all(|(at, &to)| at as u32 == to);
        is_same(&self.items) && is_same(&self.customers)
    }
}

/// A code in the store's terms; without a map it is one already.
#[inline]
pub(crate) fn store_index(map: Option<&[u32]>, code: u32) -> u32 {
    match map {
        Some(map) if code != NO_CODE => map[code as usize],
        _ => code,
    }
}

/// One segment as the manifest has it.
#[derive(Clone, Debug)]
pub(crate) struct ManifestSegment {
    pub(crate) segment_id: i64,
    pub(crate) content: i64,
    /// Where it stands in the order of all that happened to the store.
    pub(crate) version: i64,
    pub(crate) written: WrittenSegment,
    pub(crate) map_id: Option<i64>,
    pub(crate) map: Option<Arc<CodeMap>>,
    pub(crate) dead: Arc<RowSet>,
    pub(crate) n_dead_lines: u64,
}

/// Rows of one segment that a newer version replaces, and how many lines they have.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeadRows {
    pub(crate) rows: Vec<usize>,
    pub(crate) n_lines: u64,
}

impl ManifestSegment {
    pub(crate) fn item_map(&self) -> Option<&[u32]> {
        self.map.as_deref().map(|map| &map.items[..])
    }

    pub(crate) fn customer_map(&self) -> Option<&[u32]> {
        self.map.as_deref().map(|map| &map.customers[..])
    }
}

const COLUMNS: &str = "SELECT segment_id, content, version, name, n_rows, n_lines, n_returns, \
     n_refers, first_at_us, last_at_us, first_partition, last_partition, n_bytes, rows_checksum, \
     lines_checksum, map_id, n_dead_lines, dead FROM segment ORDER BY segment_id";

pub(crate) async fn read(connection: &mut SqliteConnection) -> sqlx::Result<Vec<ManifestSegment>> {
    let rows = sqlx::query(COLUMNS).fetch_all(&mut *connection).await?;
    let mut maps: HashMap<i64, Arc<CodeMap>> = HashMap::new();
    let mut segments = Vec::with_capacity(rows.len());
    for row in rows {
        let mut segment = from_row(&row)?;
        if let Some(map_id) = segment.map_id {
            let map = match maps.get(&map_id) {
                Some(map) => Arc::clone(map),
                None => Arc::new(read_map(connection, map_id).await?),
            };
            maps.insert(map_id, Arc::clone(&map));
            segment.map = Some(map);
        }
        segments.push(segment);
    }
    Ok(segments)
}

fn from_row(row: &SqliteRow) -> sqlx::Result<ManifestSegment> {
    let unsigned = |name: &str| row.try_get::<i64, _>(name).map(|value| value as u64);
    let dead: Option<Vec<u8>> = row.try_get("dead")?;
    Ok(ManifestSegment {
        segment_id: row.try_get("segment_id")?,
        content: row.try_get("content")?,
        version: row.try_get("version")?,
        written: WrittenSegment {
            name: row.try_get("name")?,
            n_orders: unsigned("n_rows")?,
            n_lines: unsigned("n_lines")?,
            n_returns: unsigned("n_returns")?,
            n_refers: unsigned("n_refers")?,
            first_at_us: row.try_get("first_at_us")?,
            last_at_us: row.try_get("last_at_us")?,
            first_partition: unsigned("first_partition")? as usize,
            last_partition: unsigned("last_partition")? as usize,
            n_bytes: unsigned("n_bytes")?,
            orders_checksum: unsigned("rows_checksum")?,
            lines_checksum: unsigned("lines_checksum")?,
        },
        map_id: row.try_get("map_id")?,
        map: None,
        n_dead_lines: unsigned("n_dead_lines")?,
        dead: Arc::new(dead.map(RowSet::from_bytes).unwrap_or_default()),
    })
}

async fn read_map(connection: &mut SqliteConnection, map_id: i64) -> sqlx::Result<CodeMap> {
    let row = sqlx::query("SELECT items, customers FROM code_map WHERE map_id = ?1")
        .bind(map_id)
        .fetch_one(connection)
        .await?;
    Ok(CodeMap { items: decode(row.try_get(0)?), customers: decode(row.try_get(1)?) })
}

fn decode(bytes: Vec<u8>) -> Vec<u32> {
    let words = bytes.chunks_exact(4);
    words.map(|word| u32::from_le_bytes(word.try_into().expect("chunks of four"))).collect()
}

fn encode(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Stores a map; `None` when the codes are the dense indices already.
pub(crate) async fn add_map(
    connection: &mut SqliteConnection,
    map: &CodeMap,
) -> sqlx::Result<Option<i64>> {
    if map.is_identity() {
        return Ok(None);
    }
    let row =
        sqlx::query("INSERT INTO code_map (items, customers) VALUES (?1, ?2) RETURNING map_id")
            .bind(encode(&map.items))
            .bind(encode(&map.customers))
            .fetch_one(connection)
            .await?;
    row.try_get(0).map(Some)
}

/// A segment to be entered.
pub(crate) struct NewSegment<'a> {
    pub(crate) written: &'a WrittenSegment,
    pub(crate) content: i64,
    pub(crate) version: i64,
    pub(crate) map_id: Option<i64>,
}

pub(crate) async fn add(
    connection: &mut SqliteConnection,
    segment: NewSegment<'_>,
) -> sqlx::Result<()> {
    let written = segment.written;
    sqlx::query(
        "INSERT INTO segment (name, content, version, map_id, n_rows, n_lines, n_returns, \
         n_refers, first_at_us, last_at_us, first_partition, last_partition, n_bytes, \
         rows_checksum, lines_checksum) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )
    .bind(&written.name)
    .bind(segment.content)
    .bind(segment.version)
    .bind(segment.map_id)
    .bind(written.n_orders as i64)
    .bind(written.n_lines as i64)
    .bind(written.n_returns as i64)
    .bind(written.n_refers as i64)
    .bind(written.first_at_us)
    .bind(written.last_at_us)
    .bind(written.first_partition as i64)
    .bind(written.last_partition as i64)
    .bind(written.n_bytes as i64)
    .bind(written.orders_checksum as i64)
    .bind(written.lines_checksum as i64)
    .execute(connection)
    .await
    .map(drop)
}

/// Marks rows as superseded. A segment with no row left goes out of the manifest; its name is
/// returned, its files are the caller's to remove after the commit.
pub(crate) async fn bury(
    transaction: &mut Transaction<'static, Sqlite>,
    segment: &ManifestSegment,
    newly: &DeadRows,
) -> sqlx::Result<Option<String>> {
    let mut dead = RowSet::clone(&segment.dead);
    for &row in &newly.rows {
        dead.insert(row);
    }
    if dead.len() == segment.written.n_orders {
        remove(transaction, segment.segment_id).await?;
        return Ok(Some(segment.written.name.clone()));
    }
    sqlx::query("UPDATE segment SET dead = ?1, n_dead_lines = ?2 WHERE segment_id = ?3")
        .bind(dead.bytes)
        .bind((segment.n_dead_lines + newly.n_lines) as i64)
        .bind(segment.segment_id)
        .execute(&mut **transaction)
        .await?;
    Ok(None)
}

pub(crate) async fn remove(
    transaction: &mut Transaction<'static, Sqlite>,
    segment_id: i64,
) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM segment WHERE segment_id = ?1")
        .bind(segment_id)
        .execute(&mut **transaction)
        .await?;
    sqlx::query(
        "DELETE FROM code_map WHERE map_id NOT IN \
         (SELECT map_id FROM segment WHERE map_id IS NOT NULL)",
    )
    .execute(&mut **transaction)
    .await
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn row_sets_are_sets(rows in prop::collection::vec(0_usize..200, 0..50)) {
            let mut set = RowSet::default();
            for &row in &rows {
                set.insert(row);
            }
            let naive: BTreeSet<usize> = rows.into_iter().collect();
            prop_assert_eq!(set.len(), naive.len() as u64);
            let again = RowSet::from_bytes(set.bytes.clone());
            prop_assert_eq!(&again, &set);
            for row in 0..220 {
                prop_assert_eq!(again.contains(row), naive.contains(&row));
            }
        }
    }

    #[test]
    fn maps_translate_all_but_the_absent() {
        let map = [7, 9];
        assert_eq!(store_index(Some(&map), 1), 9);
        assert_eq!(store_index(Some(&map), NO_CODE), NO_CODE);
        assert_eq!(store_index(None, 1), 1);
    }
}
