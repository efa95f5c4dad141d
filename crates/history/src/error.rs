//! What can go wrong in the store, by what the caller can do about it.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error(
        "no store in {}: create one by importing orders, or name the right data directory",
        path.display()
    )]
    NotAStore { path: PathBuf },
    #[error(
        "{} is not empty: name an empty or a new directory", path.display()
    )]
    NotEmpty { path: PathBuf },
    #[error(
        "the store in {} has format {found}, this program knows formats up to {supported}: \
         use a newer version of alongside", path.display()
    )]
    FormatTooNew { path: PathBuf, found: i64, supported: i64 },
    #[error(
        "the store in {} has the older format {found}: open it for writing once, by any import, \
         to bring it up to date", path.display()
    )]
    FormatTooOld { path: PathBuf, found: i64 },
    #[error("{} cannot be written: mend its permissions, or name another place", path.display())]
    ReadOnly { path: PathBuf },
    #[error(
        "{} was not closed in order and cannot be written, so what its log holds cannot be read: \
         copy the data directory to where it can be written, or mend its permissions",
        path.display()
    )]
    Unclosed { path: PathBuf },
    #[error(
        "no space left while writing {}: free some and start again, nothing was changed",
        path.display()
    )]
    DiskFull { path: PathBuf },
    #[error(
        "another process held the store in {} for too long: try again when it is done",
        path.display()
    )]
    Locked { path: PathBuf },
    #[error("{} is damaged ({detail}): restore it from a backup", path.display())]
    Corrupt { path: PathBuf, detail: String },
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot {action}: {source}")]
    Database { action: &'static str, source: sqlx::Error },
    #[error("the events were not stored, send them again: {source}")]
    EventsNotStored { source: std::sync::Arc<Error> },
    #[error("no customer has the id that was given")]
    UnknownCustomer,
    #[error("{what} is more than this store can number ({limit}): split the data by shop")]
    TooMany { what: &'static str, limit: u64 },
    #[error("{told}. Nothing was imported, the store is as before. {advice}")]
    RepeatedIds { told: String, advice: &'static str },
    #[error("the background writer of {what} has stopped: see the log for the cause, then restart")]
    WriterStopped { what: &'static str },
    #[error("{invalid} is not usable as {what}: {mend}")]
    Invalid { what: &'static str, invalid: String, mend: &'static str },
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An I/O error with its place; a full disk and a closed door get their own variants.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
        let path = path.to_path_buf();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull { path },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                if action.starts_with("create") || action.starts_with("write") =>
            {
                Error::ReadOnly { path }
            }
            _ => Error::Io { action, path, source },
        }
    }

    /// A database error with its place; SQLite's primary result codes tell the kinds apart.
    pub(crate) fn database(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(sqlx::Error) -> Error + use<> {
        let path = path.to_path_buf();
        move |source| {
            let code = source
                .as_database_error()
                .and_then(|error| error.code())
                .and_then(|code| code.parse::<i32>().ok());
            match code.map(|code| code & 0xff) {
                Some(5 | 6) => Error::Locked { path },
                Some(8) => Error::ReadOnly { path },
                Some(11 | 26) => Error::Corrupt { path, detail: source.to_string() },
                Some(13) => Error::DiskFull { path },
                _ => Error::Database { action, source },
            }
        }
    }

    pub(crate) fn parquet(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(parquet::errors::ParquetError) -> Error + use<> {
        let path = path.to_path_buf();
        move |source| match source {
            parquet::errors::ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                Ok(error) => Error::io(action, &path)(*error),
                Err(other) => Error::Corrupt { path, detail: other.to_string() },
            },
            other => Error::Corrupt { path, detail: other.to_string() },
        }
    }

    /// True for a file that went away between the reading of the manifest and its opening, because
    /// another process replaced it.
    pub(crate) fn is_missing_file(&self) -> bool {
        matches!(self, Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}
