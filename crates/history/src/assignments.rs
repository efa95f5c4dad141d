//! Which unit was in which arm of an experiment, and since when: one row a unit, the first stands.
//!
//! Kept in the database of decisions, in the transaction of the unit's first record: a report finds
//! who was meant without reading the records.

use events::Timestamp;
use hashbrown::HashSet;
use serde::Serialize;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::database::Database;
use crate::decision_log::{DecisionRecord, unpack};
use crate::error::{Error, Result};
use crate::manifest::{self, EVENTS_CONTENT, ORDERS_CONTENT};
use crate::numbering::json_rows;
use crate::store::Store;

/// Rows that are in memory at a time.
const STEP_ROWS: i64 = 20_000;
/// Units that a writer remembers; beyond, it begins anew and the database sorts out who is known.
const MAX_REMEMBERED: usize = 1_000_000;

/// The arm of a unit: a pseudonym, never an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Assignment {
    pub unit: u64,
    pub is_held_out: bool,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AssignedUnit {
    pub unit: u64,
    pub customer_idx: Option<u32>,
    pub is_held_out: bool,
    #[serde(skip)]
    pub first_at: Timestamp,
}

#[derive(Debug, Default)]
pub(crate) struct AssignedUnits {
    known: HashSet<u64>,
}

impl AssignedUnits {
    /// The first record of each unit that was not seen before.
    pub(crate) fn first_of(&mut self, records: &[DecisionRecord]) -> Vec<AssignedUnit> {
        if self.known.len() > MAX_REMEMBERED {
            self.known.clear();
        }
        let mut first = Vec::new();
        for record in records {
            if let Some(Assignment { unit, is_held_out }) = record.assignment
                && self.known.insert(unit)
            {
                let (customer_idx, first_at) = (record.customer_idx, record.at);
                first.push(AssignedUnit { unit, customer_idx, is_held_out, first_at });
            }
        }
        first
    }

    pub(crate) fn forget(&mut self, units: &[AssignedUnit]) {
        for assigned in units {
            self.known.remove(&assigned.unit);
        }
    }
}

pub(crate) async fn make_table(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let sql = "CREATE TABLE IF NOT EXISTS assignment (
        unit INTEGER PRIMARY KEY,
        customer_idx INTEGER,
        held_out INTEGER NOT NULL,
        first_at_us INTEGER NOT NULL
    )";
    sqlx::query(sql).execute(connection).await.map(drop)
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    assigned: &[AssignedUnit],
) -> sqlx::Result<()> {
    if assigned.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = assigned
        .iter()
        .map(|row| (row.unit as i64, row.customer_idx, row.is_held_out as i64, row.first_at.0))
        .collect();
    sqlx::query(
        "INSERT OR IGNORE INTO assignment (unit, customer_idx, held_out, first_at_us) \
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1)",
    )
    .bind(json_rows(&rows))
    .execute(connection)
    .await
    .map(drop)
}

/// Takes out the units of a customer, or those that came in before a time.
pub(crate) async fn remove(
    database: &Database,
    customer_idx: Option<u32>,
    before: Timestamp,
) -> Result<()> {
    let mut transaction = database.begin().await?;
    sqlx::query("DELETE FROM assignment WHERE customer_idx = ?1 OR first_at_us < ?2")
        .bind(customer_idx)
        .bind(before.0)
        .execute(&mut *transaction)
        .await
        .map_err(database.error("remove assignments"))?;
    database.commit(transaction).await
}

/// What a reading of the logs will meet, or a little more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogCounts {
    pub n_events: u64,
    pub n_decisions: u64,
    pub n_orders: u64,
    /// Assigned units.
    pub n_units: u64,
}

fn unit_of(row: &SqliteRow) -> sqlx::Result<AssignedUnit> {
    Ok(AssignedUnit {
        unit: row.try_get::<i64, _>(0)? as u64,
        customer_idx: row.try_get::<Option<i64>, _>(1)?.map(|idx| idx as u32),
        is_held_out: row.try_get::<i64, _>(2)? != 0,
        first_at: Timestamp(row.try_get(3)?),
    })
}

impl Store {
    /// Who was assigned to which arm, in order of the unit.
    pub async fn assignments(&self) -> Result<Vec<AssignedUnit>> {
        let mut units = Vec::new();
        self.each_assignment(|unit| units.push(unit)).await?;
        Ok(units)
    }

    /// The same one after the other.
    pub async fn each_assignment(&self, mut give: impl FnMut(AssignedUnit)) -> Result<()> {
        if !self.has_assignments().await? {
            return Ok(());
        }
        let mut next = Some(i64::MIN);
        while let Some(from) = next {
            let rows = sqlx::query(
                "SELECT unit, customer_idx, held_out, first_at_us FROM assignment \
                 WHERE unit >= ?1 ORDER BY unit LIMIT ?2",
            )
            .bind(from)
            .bind(STEP_ROWS)
            .fetch_all(&self.decisions().reader)
            .await
            .map_err(self.error("read assignments"))?;
            next = None;
            for row in &rows {
                let unit = unit_of(row).map_err(self.error("read assignments"))?;
                next = (unit.unit as i64).checked_add(1);
                give(unit);
            }
        }
        Ok(())
    }

    /// When the first unit was assigned.
    pub async fn first_assignment(&self) -> Result<Option<Timestamp>> {
        if !self.has_assignments().await? {
            return Ok(None);
        }
        let first: Option<i64> = sqlx::query_scalar("SELECT MIN(first_at_us) FROM assignment")
            .fetch_one(&self.decisions().reader)
            .await
            .map_err(self.error("read assignments"))?;
        Ok(first.map(Timestamp))
    }

    /// A store that no version with experiments has written to has no such table.
    async fn has_assignments(&self) -> Result<bool> {
        let n_tables: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_master WHERE name = 'assignment'")
                .fetch_one(&self.decisions().reader)
                .await
                .map_err(self.error("read assignments"))?;
        Ok(n_tables > 0)
    }

    /// How much a reading of the logs will meet: events from one time on, orders from another. Of
    /// a segment all rows count, wherever it begins.
    pub async fn log_counts(&self, events: Timestamp, orders: Timestamp) -> Result<LogCounts> {
        let mut snapshot = self.database().snapshot().await?;
        let manifest = manifest::read(&mut snapshot).await.map_err(self.error("count events"))?;
        let in_tail: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM event")
            .fetch_one(&mut *snapshot)
            .await
            .map_err(self.error("count events"))?;
        drop(snapshot);
        let sealed = |content: i64, since: Timestamp| -> u64 {
            let of_content = manifest.iter().filter(|segment| segment.content == content);
            let asked = of_content.filter(|segment| segment.written.last_at_us >= since.0);
            asked.map(|segment| segment.written.n_orders).sum()
        };
        let read = async {
            let decisions = "SELECT COALESCE(SUM(n_records), 0) FROM decision_block \
                             WHERE last_at_us >= ?1";
            let query = sqlx::query_scalar::<_, i64>(decisions).bind(events.0);
            query.fetch_one(&self.decisions().reader).await
        };
        let n_decisions: sqlx::Result<i64> = read.await;
        let n_units: i64 = if self.has_assignments().await? {
            sqlx::query_scalar("SELECT COUNT(*) FROM assignment")
                .fetch_one(&self.decisions().reader)
                .await
                .map_err(self.error("count assignments"))?
        } else {
            0
        };
        Ok(LogCounts {
            n_events: sealed(EVENTS_CONTENT, events) + in_tail as u64,
            n_decisions: n_decisions.map_err(self.error("count decisions"))? as u64,
            n_orders: sealed(ORDERS_CONTENT, orders) + in_tail as u64,
            n_units: n_units as u64,
        })
    }

    /// Gives every record of decisions with `since <= time`, block by block: memory is that of one
    /// block, some 256 KiB packed.
    pub async fn each_decision(
        &self,
        since: Timestamp,
        give: impl FnMut(&DecisionRecord),
    ) -> Result<()> {
        self.each_new_decision(0, since, give).await.map(drop)
    }

    /// The same of what was written after a block, 0 before the first; the last block that was
    /// read.
    pub async fn each_new_decision(
        &self,
        after: i64,
        since: Timestamp,
        mut give: impl FnMut(&DecisionRecord),
    ) -> Result<i64> {
        let mut last_id = after;
        loop {
            let row = sqlx::query(
                "SELECT block_id, body FROM decision_block \
                 WHERE block_id > ?1 AND last_at_us >= ?2 ORDER BY block_id LIMIT 1",
            )
            .bind(last_id)
            .bind(since.0)
            .fetch_optional(&self.decisions().reader)
            .await
            .map_err(self.error("read decisions"))?;
            let Some(row) = row else { return Ok(last_id) };
            let failed = self.error("read decisions");
            let read = row.try_get(0).and_then(|id| Ok((id, row.try_get::<&[u8], _>(1)?)));
            let (block_id, body): (i64, &[u8]) = read.map_err(failed)?;
            last_id = block_id;
            let records = unpack(body).ok_or_else(|| Error::Corrupt {
                path: self.dir().join(crate::decision_log::DATABASE),
                detail: format!("block {block_id} of decisions cannot be unpacked"),
            })?;
            records.iter().filter(|record| record.at >= since).for_each(&mut give);
        }
    }
}
