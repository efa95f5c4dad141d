//! What can happen, and how the outside world writes it down.
//!
//! Responsibility: the closed set of things that Alongside knows of (order lines, browsing and
//! offer events, catalogue, customer and holding records), exact money and time, and the parsers
//! that turn CSV, TSV, JSON lines and Parquet batches of many shapes into them.
//!
//! Input: bytes, columns or JSON values handed in by a caller. Output: typed records and, for each
//! line that cannot be used, a [`reject::Reject`] that says what, where and how to mend it.
//!
//! Deliberately absent: files, network, the wall clock. Whoever calls owns those.

pub mod amount;
mod currency_codes;
pub mod error;
pub mod event;
pub mod import;
pub mod lines;
pub mod plan;
pub mod record;
pub mod reject;
pub mod relation;
pub mod time;
pub mod wire;

pub use amount::{Amount, Currency};
pub use error::Error;
pub use event::{Event, EventKind, Origin};
pub use lines::{IdColumn, LineKind, NO_ID, OrderLines};
pub use record::{ClearedFields, ItemField, RelationRecord};
pub use record::{CustomerRecord, HoldingRecord, ItemKind, ItemRecord};
pub use reject::{Reject, RejectReason};
pub use relation::{Relation, RelationList, RelationPair};
pub use time::Timestamp;
pub use wire::{EventFault, event_from_json};

/// Where orders come from when nobody says: the same for files and for live events, or one order
/// sent both ways would count twice.
pub const DEFAULT_SOURCE: &str = "shop";
