//! The waist: what the batch side learned, in one immutable, memory-mapped, checksummed file.
//!
//! Input: named arrays of plain numbers from `learn`. Output: the same arrays, borrowed straight
//! from the mapped file by `score`, `decide` and `service`.
//!
//! **Invariants:** a published file is never written again; it is checked whole (checksums, then
//! every offset and index) when it is opened, so readers index without fear; publishing is one
//! atomic rename, so a reader sees the old snapshot or the new one and never a mix. The bytes
//! depend on the tables and the provenance alone: the time of learning is in the file's name.
//!
//! Deliberately absent: the wall clock, customer ids, any knowledge of how tables are learned.
//! The byte format is described in `docs/formats.md`.

pub mod container;
pub mod directory;
pub mod error;
pub mod placements;
pub mod provenance;
pub mod relation_stats;
pub mod rows;
pub mod segments;
pub mod session_index;
pub mod session_sections;
pub mod strings;
pub mod tables;
pub mod uplift;
pub mod writer;

#[cfg(test)]
mod fixture;

pub use container::{Container, Section};
pub use directory::{Entry, SnapshotDir};
pub use error::Error;
pub use placements::{PlacementTables, SellsHere};
pub use provenance::Provenance;
pub use relation_stats::RelationStats;
pub use rows::Rows;
pub use segments::{SegmentTables, Segments};
pub use session_index::{SessionIndex, Step, StepKind};
pub use session_sections::SessionArrays;
pub use strings::StringTable;
pub use tables::{PairStats, Snapshot};
pub use uplift::{Uplift, UpliftTable};
pub use writer::SnapshotWriter;
