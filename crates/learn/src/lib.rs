//! History view + checked parameters + seed → snapshot. Pure: no clock, no I/O.
//!
//! Input: a [`history::HistoryView`]. Output: a [`Learned`]: the tables of a snapshot, not yet
//! written, and what is to be said about them. One learner is one file; everything item-to-item
//! comes from the one Gram builder.
//!
//! **Invariants:** same input and seed give the same bytes for the same number of threads (integer
//! tables for any number); an empty history gives a valid, empty snapshot; memory is estimated
//! before anything large is made; what is tuned is tuned on an inner split by time.

pub mod ablation;
pub mod blend;
pub mod boost;
pub mod columns;
pub mod content;
pub mod customers;
pub mod ease;
pub mod error;
pub mod gram;
pub mod item_weights;
pub mod memory;
pub mod next_basket;
pub mod pair_counts;
pub mod pairs;
pub mod params;
pub mod pipeline;
pub mod placements;
pub mod popularity;
pub mod progress;
pub mod ranker;
pub mod recency;
pub mod relations;
pub mod segments;
pub mod sessions;
pub mod shrinkage;
pub mod sparse_inverse;
pub mod split;
pub mod study;
pub mod tune;

pub use ablation::Without;
pub use error::Error;
pub use memory::{memory_needed_bytes, peak_bytes};
pub use params::{CheckedParams, Fading, Params};
pub use pipeline::{Learned, learn, learn_with_visits};
pub use progress::{Progress, Silent, Step};
