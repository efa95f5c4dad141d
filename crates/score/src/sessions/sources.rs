//! The sources of what comes next in a visit, by the names that `--without` takes.

use super::gather::N_SUMS;

/// In the order of their places in `LeftOut`.
pub const SOURCES: [&str; 5] = ["vmis", "vstan", "cooccurrence", "markov", "recent_views"];

pub(super) const VMIS: usize = 0;
pub(super) const VSTAN: usize = 1;
pub(super) const COOCCURRENCE: usize = 2;
pub(super) const MARKOV: usize = 3;
/// What is looked at most these days.
pub(super) const RECENT_VIEWS: usize = 4;

/// The source of each sum of the walk.
pub(super) const SOURCE_OF_SUM: [usize; N_SUMS] = [
    VMIS,
    VSTAN,
    VSTAN,
    VSTAN,
    COOCCURRENCE,
    COOCCURRENCE,
    COOCCURRENCE,
    MARKOV,
    MARKOV,
    MARKOV,
    MARKOV,
];
