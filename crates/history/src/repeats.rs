//! Events that came again: how many, by the day on which they did.
//!
//! The log takes an event once; that it came twice would be forgotten with the process, and a
//! report could not tell it.

use std::collections::BTreeMap;

use events::Timestamp;
use events::time::DAY_US;
use sqlx::sqlite::SqliteConnection;

use crate::error::Result;
use crate::store::Store;

/// Counts repetitions by their days, within the transaction that leaves them out.
pub(crate) async fn count(
    connection: &mut SqliteConnection,
    days: impl Iterator<Item = i64>,
) -> sqlx::Result<()> {
    let mut n_by_day: BTreeMap<i64, i64> = BTreeMap::new();
    days.for_each(|day| *n_by_day.entry(day).or_default() += 1);
    for (day, n) in n_by_day {
        sqlx::query(
            "INSERT INTO repeated_event (day, n) VALUES (?1, ?2) \
             ON CONFLICT (day) DO UPDATE SET n = n + excluded.n",
        )
        .bind(day)
        .bind(n)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

impl Store {
    /// Events that came again on the day (UTC) of this moment or later.
    pub async fn n_repeated_events(&self, since: Timestamp) -> Result<u64> {
        let n: i64 =
            sqlx::query_scalar("SELECT COALESCE(SUM(n), 0) FROM repeated_event WHERE day >= ?1")
                .bind(since.0.div_euclid(DAY_US))
                .fetch_one(&self.database().reader)
                .await
                .map_err(self.error("count events that came again"))?;
        Ok(n as u64)
    }
}
