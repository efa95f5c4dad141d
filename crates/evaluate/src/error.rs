//! Why an evaluation cannot be made.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("could not {action} {path}: {source}")]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Read(#[from] events::Error),
    #[error("{path}: {source}")]
    Parquet { path: PathBuf, source: parquet::errors::ParquetError },
    #[error("{path}: {what}")]
    BadColumn { path: PathBuf, what: String },
    /// The split leaves nothing to ask.
    #[error(
        "nothing to evaluate: {n_baskets} baskets give {n_train} for training and no test basket \
         with two known items; use more orders or a smaller --min-baskets"
    )]
    NothingToTest { n_baskets: usize, n_train: usize },
    /// None were asked for.
    #[error("--max-queries 0 leaves nothing to ask: give 1 or more, or leave it out for 5,000")]
    NoQueries,
    /// A file without a step that belongs to a session.
    #[error(
        "{path} holds no steps of sessions ({n_without_session} events have no session). Each row \
         needs a session, an item and a time; name the columns with --map session_id=COLUMN, \
         --map item_id=COLUMN, --map timestamp=COLUMN"
    )]
    NoSteps { path: PathBuf, n_without_session: u64 },
    /// A part of the split has no session of two steps.
    #[error(
        "nothing to evaluate: {n_train_sessions} training sessions, and steps with something \
         before them: {n_train} in training, {n_valid} to choose on, {n_test} to ask. Each part \
         needs sessions of two steps or more; use more sessions or another split"
    )]
    NoNextItem { n_train_sessions: usize, n_train: usize, n_valid: usize, n_test: usize },
    /// A file of customers is not of the form that the protocol needs.
    #[error("{path}: {what}")]
    BadForm { path: PathBuf, what: String },
    /// No customer has both a history and a basket to foretell.
    #[error(
        "nothing to evaluate: none of {n_customers} customers has baskets before the hidden one; \
         customers need 3 to 50 baskets of items with 10 lines or more"
    )]
    NobodyToAsk { n_customers: usize },
    /// A test part in which nobody differs.
    #[error(
        "nothing to evaluate: test part {split} has an arm without customers, or nobody in it with \
         the outcome; use more customers"
    )]
    NoQini { split: u32 },
    #[error("nothing to evaluate: {0}")]
    Uplift(#[from] measure::uplift::UpliftError),
    /// A folder in which no two logs belong together.
    #[error(
        "{path} holds no pair of logs random_NAME and bts_NAME (.parquet or .csv); give one log \
         with --data FILE"
    )]
    NoLogs { path: PathBuf },
    /// What sells to segments is no source without any.
    #[error(
        "nobody tells the segments of customers: give a file of them with --customers FILE (its \
         column with --segment NAME), or leave out --without segment_popularity"
    )]
    NoSegments,
    /// A protocol cannot go without what it does not use.
    #[error("{protocol} has no source `{name}`{hint}; leave out one of: {known}")]
    NoSource { protocol: &'static str, name: String, hint: &'static str, known: String },
    #[error("no method `{name}`; there are: {known}")]
    UnknownMethod { name: String, known: String },
    #[error(transparent)]
    Learn(#[from] learn::Error),
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
}
