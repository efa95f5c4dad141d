//! Why a table of the snapshot cannot be scored with.

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The table was cut, changed or written by another program: learn again.
    #[error("the table of trees is not valid: {what}; learn again to replace it")]
    BadTrees { what: String },
    /// A table of the ranker does not fit the snapshot: learn again.
    #[error("the tables of the ranker are not valid: {what}; learn again to replace them")]
    BadRanker { what: String },
    /// A table of next baskets does not fit the snapshot: learn again.
    #[error("the tables of next baskets are not valid: {what}; learn again to replace them")]
    BadNextBasket { what: String },
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
}
