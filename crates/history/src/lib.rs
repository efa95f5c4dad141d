//! What did happen: the durable log, catalogue, customers, sealed segments, dense id dictionaries
//! and immutable views. The only crate that writes customer data.

pub mod view;

pub use view::{Baskets, HistoryView, ItemEntry, NO_CUSTOMER};
