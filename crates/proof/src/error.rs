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
    #[error("{name} has not run yet: `alongside experiment start {name}`")]
    NotStarted { name: String },
}
