//! Snapshot + live overlay + context → candidates, their features and scores. Pure.
//!
//! Input: a [`World`] (a snapshot and the catalogue as it is this moment) and a [`Query`] (dense
//! indices of what is in the cart and of what the customer bought). Output: candidates ranked by
//! a blend of sources, and the numbers that each source gave.
//!
//! **Invariant:** the same code ranks in the service, in `recommend` and in `evaluate`, and makes
//! the cases on which `learn` tunes the blend, so that the four cannot drift apart.
//!
//! Deliberately absent: rules (they are `decide`'s), I/O, clock, randomness.

mod attributes;
pub mod blend;
pub mod catalog;
pub mod error;
mod families;
pub mod left_out;
pub mod next_basket;
pub mod plans;
pub mod ranker;
pub mod ranking;
pub mod relations;
pub mod responses;
pub mod rung;
pub mod search;
pub mod sessions;
pub mod sources;
pub mod text;
pub mod trees;
pub mod world;

pub use blend::{Blend, CartSize, Features, SOURCES};
pub use catalog::{AddedItem, Catalog, ItemState};
pub use error::Error;
pub use left_out::LeftOut;
pub use plans::{PlanTerms, Plans};
pub use ranker::Ranker;
pub use ranking::{RankingScratch, rank_in};
pub use relations::{Declarations, Declared, Replacing};
pub use responses::{Factor, LiveResponses, Responses};
pub use rung::Rung;
pub use search::search;
pub use sources::{Candidate, Query, Scratch, rank};
pub use trees::{RowBlocks, Tree, Trees};
pub use world::World;
