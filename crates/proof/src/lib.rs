//! Proof: what the offers earned that would not have come anyway, and which way of offering earns
//! more.
//!
//! Reads a store once, joins who was in which arm to what they bought ([`facts`]; by way of
//! temporary files where that is more than fits in memory), and reads the
//! result by the estimators of `measure`: [`findings`] of the whole, by placement, relation and
//! part of the customers; [`results`] of one experiment; [`guard`] stops a variant that does harm.
//! [`outcomes`] is what a running server learns of its offers from what came of them,
//! [`responders`] on whom offers are not to be spent.
//! The numbers become sentences in [`words`] and a page in [`page`]. Who asks (the command line,
//! the service) brings the clock.

pub mod arms;
mod arrivals;
mod attach;
pub mod facts;
mod funnels;
mod heard;
mod ledger;
mod sale;

mod join;

pub mod outcomes;

mod promise;

pub mod responders;

pub mod findings;
pub mod segments;

pub mod guard;
pub mod results;

pub mod page;
pub mod words;

mod error;

pub use error::{Error, Result};
pub use facts::{DEFAULT_MEMORY_BYTES, DEFAULT_WINDOW_DAYS, Facts, Telling};
pub use findings::Findings;
pub use join::BY_FILES;
pub use promise::HoldoutFinding;
pub use results::Results;

/// Who is held out where nobody said how many: what `serve` does by itself.
pub const DEFAULT_HOLDOUT: f64 = 0.05;
