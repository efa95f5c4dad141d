//! Why nothing was learned.

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter is outside its range: mend the call.
    #[error("parameter `{name}` is {found}, it must be {expected}")]
    BadParameter { name: &'static str, found: String, expected: &'static str },
    /// The solve did not give an inverse: nothing is published.
    #[error(
        "the EASE solve failed its check: residual {residual:.1e}, allowed {allowed:.1e}. \
         Nothing was published; raise lambda or report this with the data"
    )]
    BadSolve { residual: f64, allowed: f64 },
    /// The matrix was not positive definite: lambda is too small for the arithmetic.
    #[error("the EASE matrix is not positive definite at lambda {lambda}; raise lambda")]
    NotPositiveDefinite { lambda: f64 },
    /// Rows to learn trees from that do not fit together: a mistake of the caller.
    #[error("the training set of the trees is not usable: {what}")]
    BadTrainingSet { what: &'static str },
    /// The trees that were grown do not pass the checks of those who score with them.
    #[error("the learned trees are inconsistent: {0}")]
    Trees(#[from] score::Error),
    /// The finished tables do not pass the checks that every reader makes.
    #[error("the learned tables are inconsistent: {0}")]
    Snapshot(#[from] snapshot::Error),
}
