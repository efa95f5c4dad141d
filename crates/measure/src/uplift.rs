//! Who responds: what the treatment changes, customer by customer, and how good a ranking by it is.
//!
//! τ(x) = P(y | x, treated) − P(y | x, not treated). [`learners`] estimate it from a randomized
//! experiment, [`qini`] measures the ranking on customers that were not learned from.
//! [`responders`] learns it in money, and tells it only where such a measurement bears it out.

pub mod learners;
pub mod qini;
pub mod responders;

pub use learners::{Experiment, Learner, UpliftError, UpliftModel};
pub use qini::{RankedBy, Ranking};
