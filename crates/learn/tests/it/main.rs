//! What holds for every learner, and what holds for learning as a whole.
#![allow(clippy::unwrap_used, clippy::panic)]

mod bad_data;
mod conformance;
mod item_weights;
mod learners;
mod limits;
mod next_basket;
mod ranker;
mod shop;
mod whole;
