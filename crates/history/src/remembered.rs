//! What the store remembers of files that lie beside it, so that a lost file is not taken for one
//! that never was.

use crate::error::Result;
use crate::store::Store;

/// The highest version of the policies that was ever put in force.
const POLICY_VERSION: &str = "policy_version";
/// Lines of the log of experiments.
const EXPERIMENT_CHANGES: &str = "experiment_changes";

const RAISE: &str = "INSERT INTO counter (name, value) VALUES (?1, ?2) \
     ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)";
const REPLACE: &str = "INSERT INTO counter (name, value) VALUES (?1, ?2) \
     ON CONFLICT (name) DO UPDATE SET value = excluded.value";

impl Store {
    /// The highest version of the policies that was ever put in force here; 0: none.
    pub async fn policy_version(&self) -> Result<u64> {
        self.remembered(POLICY_VERSION).await
    }

    /// Remembers a version of the policies, for ever. A lower one than before changes nothing.
    pub async fn remember_policy_version(&self, version: u64) -> Result<()> {
        self.write_remembered(RAISE, POLICY_VERSION, version).await
    }

    /// How many changes the log of experiments had at its longest: a shorter one was cut or lost.
    pub async fn experiment_changes(&self) -> Result<u64> {
        self.remembered(EXPERIMENT_CHANGES).await
    }

    /// Remembers the length of the log. A lower one than before changes nothing.
    pub async fn remember_experiment_changes(&self, n_changes: u64) -> Result<()> {
        self.write_remembered(RAISE, EXPERIMENT_CHANGES, n_changes).await
    }

    /// Takes the log as it is now, after part of it was lost for good.
    pub async fn accept_experiment_changes(&self, n_changes: u64) -> Result<()> {
        self.write_remembered(REPLACE, EXPERIMENT_CHANGES, n_changes).await
    }

    async fn remembered(&self, name: &str) -> Result<u64> {
        let sql = "SELECT value FROM counter WHERE name = ?1";
        let value: Option<i64> = sqlx::query_scalar(sql)
            .bind(name)
            .fetch_optional(&self.database().reader)
            .await
            .map_err(self.error("read the store"))?;
        Ok(value.and_then(|value| u64::try_from(value).ok()).unwrap_or(0))
    }

    async fn write_remembered(&self, sql: &'static str, name: &str, value: u64) -> Result<()> {
        let mut transaction = self.database().begin().await?;
        sqlx::query(sql)
            .bind(name)
            .bind(i64::try_from(value).unwrap_or(i64::MAX))
            .execute(&mut *transaction)
            .await
            .map_err(self.error("write to the store"))?;
        self.database().commit(transaction).await
    }
}
