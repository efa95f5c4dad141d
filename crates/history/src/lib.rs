//! What did happen: the durable log, catalogue, customers, sealed segments, dense id dictionaries
//! and immutable views. The only crate that writes customer data.

pub mod catalog;
pub mod customers;
mod database;
pub mod decision_log;
pub mod disk;
pub mod erase;
pub mod error;
pub mod event_log;
mod event_segment;
mod id_table;
pub mod import;
mod living;
pub mod load;
mod manifest;
mod netting;
mod numbering;
mod order_key;
mod orders;
mod recent;
pub mod retention;
pub mod seal;
mod segment;
pub mod status;
pub mod store;
mod supersede;
mod tail;
mod unit;
pub mod view;

pub use catalog::{CatalogItem, KindOrigin};
pub use customers::{Customer, Holding};
pub use database::FORMAT_VERSION;
pub use decision_log::{DecisionLog, DecisionLogCounts, DecisionRecord};
pub use erase::{EraseOrders, EraseReceipt};
pub use error::{Error, Result};
pub use event_log::{Ack, EventLog, EventLogCounts, LoggedEvent};
pub use import::{ImportRequest, ImportSummary, ImportedFile, OrderImport};
pub use load::ViewOptions;
pub use retention::{RetentionPolicy, RetentionSummary};
pub use seal::SealSummary;
pub use status::{LastImport, StoreStatus};
pub use store::{OpenMode, Store};
pub use view::{Baskets, HistoryView, ItemEntry, NO_CUSTOMER};
