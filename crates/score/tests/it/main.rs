//! Ranking against the obvious, and the catalogue as it is this moment.
#![allow(clippy::unwrap_used, clippy::panic)]

mod blend;
mod overlay;
mod ranking;
mod shop;
