//! How good is it, and how sure are we.
//!
//! Responsibility, in three parts. Rankings: metrics over held-out items, their intervals by
//! bootstrap, the statistics of item pairs (G², Wilson bound, false discovery rate), how reliable
//! probabilities are. Experiments:
//! what one arm earned more than another, by sums over customers that can be added up (`moments`),
//! with intervals that may be looked at daily (`sequence`), less noise (`cuped`, `winsor`), checks
//! of the plan (`srm`, `power`), where it came from (`displacement`), all of it in one `reading`.
//! Policies and customers:
//! what another policy would have earned (`off_policy`), and who responds (`uplift`).
//!
//! Input: slices of scores, ranks, counts and sums. Output: plain numbers, or `None` or the reason
//! where there is not enough data for one: never a quiet zero.
//!
//! Invariants: pure functions; the same input and seed give the same bits on any number of
//! threads. Each formula stands in the docs of its function with its source.
//!
//! Deliberately absent: files, clock, protocols (who is asked what is `evaluate`'s business).

pub mod agreement;
pub mod assignment;
pub mod bootstrap;
pub mod evidence;
pub mod ranking;
pub mod rate;
pub mod reliability;

pub mod cuped;
pub mod displacement;
pub mod lift;
pub mod moments;
pub mod power;
pub mod sequence;
pub mod srm;
pub mod trial;
pub mod winsor;

pub mod reading;

pub mod appeal;
pub mod folds;
pub mod off_policy;
pub mod response;
pub mod skew;

mod cholesky;
pub mod logistic;
pub mod uplift;

pub use bootstrap::{BootstrapSpec, Interval};
pub use evidence::PairTable;
pub use lift::{Comparison, Effect, Lift, Metric, NoAnswer, compare};
pub use moments::Moments;
pub use reliability::Reliability;
pub use sequence::Sequence;
