//! Does the interval cover the truth? A world is lived with a holdout, measured as a shop would
//! measure it, and held against the truth, which only the world knows.
//!
//! ```text
//! world -> 60 days without offers -> pair counts -> holdout, offers, orders of 28 days -> trial
//!      \-> the same customers without offers                                            -> truth
//! ```
//!
//! The measuring side ([`measure::reading`], the very one of the report) sees assignments, orders
//! and where their lines came from; the truth is the mean difference of both lives over everybody
//! in the trial. Offers come from pair counts of the days before: a recommender that knows nothing
//! of how the world was made.
//!
//! Runs are independent and go over all threads; the result depends on the seeds alone.

mod pair_counts;
mod run;
mod summary;

pub use run::{Finding, Plan, Truth, run, run_in};
pub use summary::{Coverage, Summary};

use rayon::prelude::*;

/// Runs of one world, one a seed.
pub fn study(plan: &Plan, first_seed: u64, n_runs: u64) -> Vec<Finding> {
    (first_seed..first_seed + n_runs).into_par_iter().map(|seed| run(plan, seed)).collect()
}

#[cfg(test)]
mod tests;
