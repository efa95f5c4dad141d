//! What can be wrong with a snapshot, by what the caller can do about it.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not ours, cut short or changed after it was published: learn again or roll back.
    #[error(
        "snapshot {path} is damaged: {what}. Run `alongside snapshot rollback` to go back to the \
         one before, or `alongside learn` to make a new one"
    )]
    Corrupt { path: PathBuf, what: String },
    /// Written by a later release: upgrade, or learn again with this one.
    #[error(
        "snapshot {path} has format {found}, this release reads up to {supported}. Upgrade \
         Alongside, or run `alongside learn` with this release"
    )]
    FormatTooNew { path: PathBuf, found: u32, supported: u32 },
    #[error("no snapshot yet in {path}. Run `alongside learn` first")]
    None { path: PathBuf },
    #[error("no snapshot `{id}` in {path}. `alongside snapshot list` names those that are there")]
    Unknown { id: String, path: PathBuf },
    #[error("{id} is a part of the names of several snapshots: {}", found.join(", "))]
    Ambiguous { id: String, found: Vec<String> },
    #[error(
        "no snapshot can be published in {path}: {source}. Mend the permissions of the folder, or \
         work on a copy of the data directory"
    )]
    NotWritable { path: PathBuf, source: std::io::Error },
    #[error("could not {action} {path}: {source}")]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
}

impl Error {
    pub(crate) fn io(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::Io { action, path, source }
    }
}
