//! Why a table of the snapshot cannot be scored with.

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The table was cut, changed or written by another program: learn again.
    #[error("the table of trees is not valid: {what}; learn again to replace it")]
    BadTrees { what: String },
}
