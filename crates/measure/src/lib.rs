//! How good is it, and how sure are we.
//!
//! Responsibility: ranking metrics over held-out items, their intervals by bootstrap, and the
//! statistics of item pairs (G², Wilson bound, false discovery rate).
//!
//! Input: slices of scores, ranks and counts. Output: plain numbers, or `None` where there is not
//! enough data for one: never a quiet zero.
//!
//! Invariants: pure functions; the same input and seed give the same bits on any number of
//! threads. Each formula stands in the docs of its function with its source.
//!
//! Deliberately absent: files, clock, protocols (who is asked what is `evaluate`'s business), and
//! the estimate of incremental revenue, which joins exposures to outcomes and comes later.

pub mod assignment;
pub mod bootstrap;
pub mod evidence;
pub mod ranking;

pub use bootstrap::{BootstrapSpec, Interval};
pub use evidence::PairTable;
