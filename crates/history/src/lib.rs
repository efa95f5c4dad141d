//! What did happen: the durable log, catalogue, customers, sealed segments, dense id dictionaries
//! and immutable views. The only crate that writes customer data.

pub mod catalog;
pub mod customers;
mod database;
mod decision_log;
pub mod disk;
pub mod error;
mod id_table;
pub mod import;
pub mod load;
mod manifest;
mod netting;
mod numbering;
mod order_key;
mod orders;
mod segment;
pub mod store;
mod supersede;
mod tail;
mod unit;
pub mod view;

pub use catalog::{CatalogItem, KindOrigin};
pub use customers::{Customer, Holding};
pub use database::FORMAT_VERSION;
pub use error::{Error, Result};
pub use import::{ImportRequest, ImportSummary, ImportedFile, OrderImport};
pub use load::ViewOptions;
pub use store::{OpenMode, Store};
pub use view::{Baskets, HistoryView, ItemEntry, NO_CUSTOMER};
