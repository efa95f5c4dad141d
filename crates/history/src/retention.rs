//! Forgetting by age: browsing events and decisions. Orders stay until their customer is erased.

use events::Timestamp;
use sqlx::Row;

use crate::assignments;
use crate::decision_log;
use crate::error::Result;
use crate::manifest::{self, EVENTS_CONTENT};
use crate::store::Store;

/// Rows removed in one transaction.
const STEP_ROWS: i64 = 20_000;

/// What is older goes; `None` keeps everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionPolicy {
    pub events_before: Option<Timestamp>,
    pub decisions_before: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionSummary {
    pub n_events_removed: u64,
    pub n_decisions_removed: u64,
    pub n_segments_removed: u64,
}

impl Store {
    /// A sealed segment goes when its newest event is old enough. A retry of an event whose id was
    /// forgotten with it counts as new; orders are known by their own ids.
    pub async fn apply_retention(&self, policy: &RetentionPolicy) -> Result<RetentionSummary> {
        let mut summary = RetentionSummary::default();
        if let Some(before) = policy.events_before {
            summary.n_segments_removed = self.remove_event_segments(before).await?;
            summary.n_events_removed = self
                .remove_in_steps(
                    "DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE at_us < ?1 \
                     AND NOT (kind IN (4, 5) AND confirmed = 1) LIMIT ?2)",
                    before,
                )
                .await?;
            self.remove_in_steps(
                "DELETE FROM sealed_event_ids WHERE run_id IN \
                 (SELECT run_id FROM sealed_event_ids WHERE last_at_us < ?1 LIMIT ?2)",
                before,
            )
            .await?;
        }
        if let Some(before) = policy.decisions_before {
            assignments::remove(self.decisions(), None, before).await?;
            summary.n_decisions_removed =
                decision_log::remove(self.decisions(), before, |record| record.at < before).await?;
        }
        Ok(summary)
    }

    async fn remove_in_steps(&self, sql: &'static str, before: Timestamp) -> Result<u64> {
        let mut n_removed = 0;
        loop {
            let mut transaction = self.database().begin().await?;
            let done = sqlx::query(sql)
                .bind(before.0)
                .bind(STEP_ROWS)
                .execute(&mut *transaction)
                .await
                .map_err(self.error("remove old events"))?;
            self.database().commit(transaction).await?;
            n_removed += done.rows_affected();
            if (done.rows_affected() as i64) < STEP_ROWS {
                return Ok(n_removed);
            }
        }
    }

    async fn remove_event_segments(&self, before: Timestamp) -> Result<u64> {
        let _lock = self.lock_segments().await?;
        let mut transaction = self.database().begin().await?;
        let removed = async {
            let rows = sqlx::query(
                "SELECT segment_id, name FROM segment WHERE content = ?1 AND last_at_us < ?2",
            )
            .bind(EVENTS_CONTENT)
            .bind(before.0)
            .fetch_all(&mut *transaction)
            .await?;
            let mut names: Vec<String> = Vec::with_capacity(rows.len());
            for row in rows {
                manifest::remove(&mut transaction, row.try_get(0)?).await?;
                names.push(row.try_get(1)?);
            }
            Ok(names)
        };
        let names: sqlx::Result<Vec<String>> = removed.await;
        let names = names.map_err(self.error("remove old events"))?;
        self.database().commit(transaction).await?;
        self.remove_segment_files(&names);
        Ok(names.len() as u64)
    }
}
