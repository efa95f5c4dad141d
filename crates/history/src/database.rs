//! The SQLite file: connections, the format version and its migrations, counters.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection, Row, Sqlite, Transaction};

use crate::error::{Error, Result};

/// The format that this program writes. Migration `n` leads from format `n - 1` to `n`.
pub const FORMAT_VERSION: i64 = MIGRATIONS.len() as i64;

const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001.sql"),
    include_str!("../migrations/0002.sql"),
    include_str!("../migrations/0003.sql"),
    include_str!("../migrations/0004.sql"),
    include_str!("../migrations/0005.sql"),
    include_str!("../migrations/0006.sql"),
    include_str!("../migrations/0007.sql"),
];

/// How long a writer waits for others; their transactions are short.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// One connection for writing, some for reading.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    path: PathBuf,
    options: SqliteConnectOptions,
    pub(crate) reader: SqlitePool,
    writer: SqlitePool,
    pub(crate) is_read_only: bool,
}

/// How to reach the file.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseOptions {
    pub(crate) path: PathBuf,
    pub(crate) is_read_only: bool,
    pub(crate) create: bool,
    pub(crate) vfs: Option<String>,
}

impl Database {
    pub(crate) async fn open(how: &DatabaseOptions) -> Result<Database> {
        let mut options = SqliteConnectOptions::new()
            .filename(&how.path)
            .create_if_missing(how.create)
            .busy_timeout(BUSY_TIMEOUT);
        if let Some(vfs) = &how.vfs {
            options = options.vfs(vfs.clone());
        }
        if how.is_read_only {
            // Without a write-ahead log beside it and without the right to make one, the file can
            // be read as it stands: nobody changes it.
            let has_log = beside(&how.path, "-wal").exists();
            let can_write = can_write_beside(&how.path);
            if has_log && !can_write && !beside(&how.path, "-shm").exists() {
                // SQLite would have to make the index of the log.
                return Err(Error::Unclosed { path: how.path.clone() });
            }
            let is_still = !has_log && !can_write;
            options = options.read_only(true).immutable(is_still);
        } else {
            options = options
                .journal_mode(SqliteJournalMode::Wal)
                .auto_vacuum(SqliteAutoVacuum::Incremental)
                .synchronous(SqliteSynchronous::Full)
                // What is erased is overwritten, not only unlinked.
                .pragma("secure_delete", "ON");
        }
        let error = || Error::database("open the database", &how.path);
        let pool = |n_connections: u32, options: SqliteConnectOptions| {
            SqlitePoolOptions::new()
                .max_connections(n_connections)
                .min_connections(0)
                .acquire_timeout(BUSY_TIMEOUT)
                .connect_with(options)
        };
        let writer = pool(1, options.clone()).await.map_err(error())?;
        let reader = pool(4, options.clone()).await.map_err(error())?;
        Ok(Database {
            path: how.path.clone(),
            options,
            reader,
            writer,
            is_read_only: how.is_read_only,
        })
    }

    pub(crate) fn error(&self, action: &'static str) -> impl FnOnce(sqlx::Error) -> Error + use<> {
        Error::database(action, &self.path)
    }

    /// A write transaction. It holds the lock for all processes: keep it short.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>> {
        if self.is_read_only {
            return Err(Error::ReadOnly { path: self.path.clone() });
        }
        self.writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(self.error("start a write transaction"))
    }

    /// A consistent state to read from.
    pub(crate) async fn snapshot(&self) -> Result<Transaction<'static, Sqlite>> {
        self.reader.begin().await.map_err(self.error("start a read transaction"))
    }

    pub(crate) async fn commit(&self, transaction: Transaction<'static, Sqlite>) -> Result<()> {
        transaction.commit().await.map_err(self.error("commit"))
    }

    /// A connection of its own, for a background writer. It leaves checkpoints to others.
    pub(crate) async fn connect(&self) -> Result<SqliteConnection> {
        let options = self.options.clone().pragma("wal_autocheckpoint", "0");
        SqliteConnection::connect_with(&options).await.map_err(self.error("open the database"))
    }

    /// Moves what the write-ahead log holds into the file, as far as no reader needs it.
    pub(crate) async fn checkpoint(&self) -> Result<()> {
        sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
            .execute(&self.reader)
            .await
            .map(drop)
            .map_err(self.error("checkpoint the database"))
    }

    /// Like [`Database::checkpoint`], and leaves nothing in the log: what was removed is gone from
    /// there too. Readers that are still at work put it off.
    pub(crate) async fn truncate_log(&self) -> Result<()> {
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&self.writer)
            .await
            .map(drop)
            .map_err(self.error("checkpoint the database"))
    }

    pub(crate) fn corrupt(&self, what: &str) -> Error {
        Error::Corrupt { path: self.path.clone(), detail: format!("{what} cannot be read") }
    }

    pub(crate) async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn can_write_beside(path: &Path) -> bool {
    let shm = path.with_extension("probe");
    let is_made = std::fs::File::create(&shm).is_ok();
    if is_made {
        // Only a probe: failing to remove it is harmless, the next one replaces it.
        let _ = std::fs::remove_file(&shm);
    }
    is_made
}

/// Brings the database to the format of this program, each migration in its own transaction.
pub(crate) async fn migrate(database: &Database, shop_dir: &Path, store_id: &str) -> Result<()> {
    let found = format_version(database, shop_dir).await?;
    if found.unwrap_or(0) == FORMAT_VERSION {
        return Ok(());
    }
    let mut transaction = database.begin().await?;
    // Another process may have been faster.
    let found = read_version(&mut transaction).await.map_err(database.error("read the format"))?;
    for version in found.unwrap_or(0)..FORMAT_VERSION {
        sqlx::raw_sql(MIGRATIONS[version as usize])
            .execute(&mut *transaction)
            .await
            .map_err(database.error("migrate the database"))?;
    }
    let sql = if found.is_none() {
        "INSERT INTO format (version, store_id) VALUES (?1, ?2)"
    } else {
        "UPDATE format SET version = ?1"
    };
    sqlx::query(sql)
        .bind(FORMAT_VERSION)
        .bind(store_id)
        .execute(&mut *transaction)
        .await
        .map_err(database.error("migrate the database"))?;
    database.commit(transaction).await
}

/// The format found, `None` in a fresh file; refused when it is newer than this program.
pub(crate) async fn format_version(database: &Database, shop_dir: &Path) -> Result<Option<i64>> {
    let mut connection =
        database.reader.acquire().await.map_err(database.error("open the database"))?;
    let found = read_version(&mut connection).await.map_err(database.error("read the format"))?;
    match found {
        Some(found) if found > FORMAT_VERSION => Err(Error::FormatTooNew {
            path: shop_dir.to_path_buf(),
            found,
            supported: FORMAT_VERSION,
        }),
        found => Ok(found),
    }
}

async fn read_version(connection: &mut SqliteConnection) -> sqlx::Result<Option<i64>> {
    let table = sqlx::query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'format'")
        .fetch_optional(&mut *connection)
        .await?;
    if table.is_none() {
        return Ok(None);
    }
    let row = sqlx::query("SELECT version FROM format").fetch_optional(connection).await?;
    row.map(|row| row.try_get(0)).transpose()
}

/// Adds `n` to a counter; the value before.
pub(crate) async fn advance(
    connection: &mut SqliteConnection,
    counter: &'static str,
    n: i64,
) -> sqlx::Result<i64> {
    let after: i64 =
        sqlx::query("UPDATE counter SET value = value + ?1 WHERE name = ?2 RETURNING value")
            .bind(n)
            .bind(counter)
            .fetch_one(connection)
            .await?
            .try_get(0)?;
    Ok(after - n)
}

pub(crate) async fn counter(
    connection: &mut SqliteConnection,
    counter: &'static str,
) -> sqlx::Result<i64> {
    sqlx::query("SELECT value FROM counter WHERE name = ?1")
        .bind(counter)
        .fetch_one(connection)
        .await?
        .try_get(0)
}
