//! What a known customer buys next: candidates from several sources, and the numbers each gives.
//!
//! Input: [`Tables`] (views on what `learn` made of all customers' baskets) and one customer's
//! [`Sequence`]. Output: candidates with one feature row each, or the scores of one published
//! method alone ([`published`]). All of a customer is derived from the sequence when it is asked
//! for, so a new basket counts at once: it is appended, and nothing is trained anew. What other
//! customers bought since the tables were made is laid over them by [`Overlay`].
//!
//! **Invariant:** the same code makes the rows that a ranker is trained on and the live ones.

pub mod basket_index;
pub mod customer_index;
pub mod customer_vector;
pub mod features;
pub mod habit;
pub mod overlay;
pub mod own;
pub mod published;
pub mod ranker;
pub mod rows;
pub mod sections;
pub mod sequence;
pub mod served;
pub mod sources;
pub mod tables;
pub mod timing;

pub use customer_index::{CustomerIndex, Neighbor};
pub use customer_vector::TifuParams;
pub use features::{FEATURES, MAX_CANDIDATES, N_FEATURES, Rows, Scratch, describe};
pub use overlay::{Asked, Overlay};
pub use own::{Bought, OrderSince, Rebuy};
pub use rows::WeightedRows;
pub use sequence::{Sequence, SequencesView};
pub use served::{Likely, NextBasket, ServeScratch, Who};
pub use tables::Tables;
