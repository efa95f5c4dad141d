//! What did happen: the durable log, catalogue, customers, sealed segments, dense id dictionaries
//! and immutable views. The only crate that writes customer data.
//!
//! Input: batches of order lines, records and live events from `events`. Output: a [`HistoryView`]
//! for learners, the catalogue and recent events for a service, exports and backups for people.
//!
//! One data directory is one shop: `alongside.db` (catalogue, customers, manifest, the tail of the
//! log), `decisions.db`, `segments/` (sealed Parquet files), `snapshots/` and `rejects/` (others'),
//! `segments.lock`.
//!
//! Invariants:
//! - An import, a sealing, an erasing enters the store in one transaction or not at all; an event
//!   is acknowledged when it is durable.
//! - An order is known by (source, order id). One version of it counts: the one that came last,
//!   from a file or live. Versions are compared partition by partition of the order key's hash, so
//!   memory is bounded whatever the size of the file.
//! - Dense indices of items and customers are only ever appended and never given twice.
//! - A customer's external id stands in one table; segments hold indices.
//! - Write locks are as short as one transaction; only the right to change the set of segments is
//!   held for the end of an import.
//!
//! Deliberately absent: the wall clock (callers say what time it is), parsing, live session state.

pub mod assignments;
mod backup;
pub mod bulk;
pub mod catalog;
pub mod customers;
mod database;
pub mod decision_log;
pub mod disk;
pub mod erase;
pub mod error;
mod event_ids;
pub mod event_log;
mod event_segment;
pub mod export;
pub mod holdout;
mod id_table;
pub mod import;
mod imported;
mod living;
pub mod load;
mod manifest;
mod netting;
mod numbering;
mod order_key;
mod orders;
mod recent;
pub mod relations;
mod remembered;
mod repeats;
pub mod replay;
pub mod retention;
pub mod seal;
mod segment;
pub mod status;
pub mod store;
mod supersede;
mod tail;
mod unit;
pub mod view;

pub use assignments::{AssignedUnit, Assignment, LogCounts};
pub use backup::{BackupManifest, restore, verify_backup};
pub use catalog::{CatalogItem, KindOrigin};
pub use customers::{
    Customer, CustomerChanges, CustomerMark, FollowedCustomer, FollowedHolding, Holding,
};
pub use database::FORMAT_VERSION;
pub use decision_log::{DecisionLog, DecisionLogCounts, DecisionRecord};
pub use erase::{EraseOrders, EraseReceipt};
pub use error::{Error, Result};
pub use event_log::{Ack, EventLog, EventLogCounts, LoggedEvent};
pub use export::ExportFormat;
pub use holdout::HoldoutPeriod;
pub use import::{ImportRequest, ImportSummary, ImportedFile, NewFee, OrderImport, fingerprint};
pub use imported::{ImportedBuyers, ImportsMark};
pub use load::{ORDERS_DATED_AHEAD, ViewOptions};
pub use relations::{
    CheaperUpgrades, DeclaredFacts, RelationFault, RelationFaults, RelationIntake,
};
pub use replay::{PastEvent, PastLine, PastOrder};
pub use retention::{RetentionPolicy, RetentionSummary};
pub use seal::{SealPolicy, SealSummary};
pub use status::{LastImport, StoreStatus};
pub use store::{OpenMode, Store};
pub use view::{
    Baskets, CustomerSegments, HistoryView, ItemEntry, NO_CUSTOMER, NO_SEGMENT, SEGMENT,
};
