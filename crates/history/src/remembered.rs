//! What the store remembers of files that lie beside it, so that a lost file is not taken for one
//! that never was.

use crate::error::Result;
use crate::store::Store;

impl Store {
    /// The highest version of the policies that was ever put in force here; 0: none.
    pub async fn policy_version(&self) -> Result<u64> {
        let sql = "SELECT value FROM counter WHERE name = 'policy_version'";
        let version: Option<i64> = sqlx::query_scalar(sql)
            .fetch_optional(&self.database().reader)
            .await
            .map_err(self.error("read the store"))?;
        Ok(version.and_then(|version| u64::try_from(version).ok()).unwrap_or(0))
    }

    /// Remembers a version of the policies, for ever. A lower one than before changes nothing.
    pub async fn remember_policy_version(&self, version: u64) -> Result<()> {
        let mut transaction = self.database().begin().await?;
        sqlx::query(
            "INSERT INTO counter (name, value) VALUES ('policy_version', ?1) \
             ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
        )
        .bind(i64::try_from(version).unwrap_or(i64::MAX))
        .execute(&mut *transaction)
        .await
        .map_err(self.error("write to the store"))?;
        self.database().commit(transaction).await
    }
}
