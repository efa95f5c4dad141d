//! Why nothing can be read.

/// Of this crate.
pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error(transparent)]
    Store(#[from] history::Error),
    #[error(transparent)]
    Experiment(#[from] experiment::Error),
    #[error(
        "no customer in the trial has an attribute {attribute:?}: name one that \
         `PUT /v1/customers` or `alongside import customers` told"
    )]
    UnknownAttribute { attribute: String },
    #[error(
        "no space left in {} for the temporary files of the report: free some, or allow more \
         memory (`--memory`); the store is as it was", path.display()
    )]
    DiskFull { path: std::path::PathBuf },
    #[error(
        "the temporary files of the report cannot be kept in {}: {source}; mend its permissions, \
         or allow so much memory that none are needed (`--memory`)", path.display()
    )]
    Spill { path: std::path::PathBuf, source: std::io::Error },
    #[error("nothing can be learned from these arms: {why}")]
    NotAsPromised { why: measure::lift::NoAnswer },
    #[error(
        "nobody is compared yet: `alongside serve` holds out 5 % by itself; ask for offers with a \
         `user_id` or a `session_id`, and come back when both arms have somebody"
    )]
    NobodyCompared,
    #[error("{name} has not run yet: `alongside experiment start {name}`")]
    NotStarted { name: String },
}
