//! What can go wrong with the versions of a policy.

use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("could not {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error(
        "there is no version {version} of the policies in {}; `alongside policy list` shows them",
        path.display()
    )]
    NoSuchVersion { version: String, path: PathBuf },
    #[error(
        "{} is damaged ({detail}); a server that starts now offers nothing: \
         `alongside policy apply FILE` or `alongside policy rollback VERSION` puts a sound \
         version in force",
        path.display()
    )]
    Damaged { path: PathBuf, detail: String },
    /// Another version came into force since whoever changes it looked.
    #[error("policy version {current} is in force by now; look at it and apply again")]
    Overtaken { current: u64 },
    /// The file does not pass the check; `report` shows every fault with its place.
    #[error("{report}")]
    Faulty { report: String },
}

impl Error {
    pub(crate) fn io(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> Error + use<> {
        let path = path.to_path_buf();
        move |source| Error::Io { action, path, source }
    }
}
