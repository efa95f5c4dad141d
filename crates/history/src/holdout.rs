//! The share of customers that is held out, and since when.
//!
//! A report holds the arms to what they were promised when each customer was assigned, so a change
//! of the share is kept with its time. Kept among the counters: the newest as `holdout_ppm`, which
//! is all that earlier programs write, and each change as `holdout_ppm@` and its time. Where an
//! earlier program told a share without a time, it counts from the beginning.

use events::Timestamp;
use sqlx::sqlite::SqliteConnection;

use crate::error::Result;
use crate::store::Store;

const NEWEST: &str = "holdout_ppm";
const CHANGE: &str = "holdout_ppm@";
const PUT: &str = "INSERT OR REPLACE INTO counter (name, value) VALUES (?1, ?2)";

/// What `serve` was told to hold out, from a moment on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HoldoutPeriod {
    /// The first has the earliest time there is.
    pub since: Timestamp,
    /// From 0 to 1.
    pub share: f64,
}

async fn read(connection: &mut SqliteConnection) -> sqlx::Result<Vec<(i64, i64)>> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT name, value FROM counter WHERE name LIKE 'holdout_ppm%'")
            .fetch_all(connection)
            .await?;
    let time_of = |name: &str| name.strip_prefix(CHANGE)?.parse::<i64>().ok();
    let mut changes: Vec<(i64, i64)> =
        rows.iter().filter_map(|(name, ppm)| Some((time_of(name)?, *ppm))).collect();
    changes.sort_unstable();
    if changes.is_empty() {
        let newest = rows.iter().find(|(name, _)| name == NEWEST);
        changes.extend(newest.map(|(_, ppm)| (i64::MIN, *ppm)));
    }
    // Whoever was assigned before the first was told was promised nothing else.
    changes.iter_mut().take(1).for_each(|first| first.0 = i64::MIN);
    changes.dedup_by_key(|change| change.1);
    Ok(changes)
}

impl Store {
    /// Shares that `serve` was told to hold out, the oldest first; empty before the first time.
    pub async fn holdout_periods(&self) -> Result<Vec<HoldoutPeriod>> {
        let mut snapshot = self.database().snapshot().await?;
        let changes = read(&mut snapshot).await.map_err(self.error("read the store"))?;
        let period =
            |(at, ppm): (i64, i64)| HoldoutPeriod { since: Timestamp(at), share: ppm as f64 / 1e6 };
        Ok(changes.into_iter().map(period).collect())
    }

    /// The share that was told last; `None` before the first time.
    pub async fn holdout_share(&self) -> Result<Option<f64>> {
        Ok(self.holdout_periods().await?.last().map(|period| period.share))
    }

    /// Remembers a share, to the millionth, from a moment on. The same share again changes nothing.
    pub async fn set_holdout_share(&self, share: f64, at: Timestamp) -> Result<()> {
        let ppm = (share * 1e6).round() as i64;
        let mut transaction = self.database().begin().await?;
        let written = async {
            let known = read(&mut transaction).await?;
            if known.last().is_some_and(|last| last.1 == ppm) {
                return Ok(());
            }
            // What an earlier program told gets its place before the first change.
            let first = (known.len() == 1).then(|| (format!("{CHANGE}{}", i64::MIN), known[0].1));
            let change = (format!("{CHANGE}{}", at.0), ppm);
            let newest = (NEWEST.to_owned(), ppm);
            for (name, ppm) in first.into_iter().chain([change, newest]) {
                sqlx::query(PUT).bind(name).bind(ppm).execute(&mut *transaction).await?;
            }
            sqlx::Result::Ok(())
        };
        written.await.map_err(self.error("write to the store"))?;
        self.database().commit(transaction).await
    }
}
