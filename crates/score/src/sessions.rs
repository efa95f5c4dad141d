//! Sessions: what will be looked at, put in the cart or bought next.
//!
//! Input: a [`SessionIndex`] (flat arrays, borrowed from the snapshot or from the learner) and the
//! steps of one visit. Output: ranked items. One index answers every method: the sessions that
//! share an item with the visit are walked newest first ([`neighbors`]), and counts, similarities
//! and transitions are sums over that walk. So nothing is precomputed per pair, a table "as it was
//! before day d" is the same index with a smaller bound, and what trains is the code that serves.
//!
//! **Invariants:** no allocation once the scratch has grown; every walk is bounded by
//! [`neighbors::MAX_ANCHORS`] items and a number of sessions, whatever the visit or the item;
//! ties go to the newer session, then to the smaller item index.

pub mod gather;
pub mod horizon;
pub mod neighbors;
pub mod rank;
pub mod served;
pub mod sources;
pub mod vmis;

pub use gather::{DEFAULT_KIND_WEIGHTS, FEATURES, Gatherer, KindWeights, N_FEATURES, Question};
pub use horizon::Horizon;
pub use neighbors::{Neighbor, Neighbors};
pub use rank::{Head, RankScratch, Ranker};
pub use served::SessionRankers;
pub use snapshot::session_index as index;
pub use snapshot::{SessionIndex, Step, StepKind};
pub use sparse::Scored;

#[cfg(test)]
mod tests;
