//! Experiments: what is compared, who is shown which variant, and what was done when by whom.
//!
//! Input: a file that defines an experiment ([`definition`]), commands that start, widen and end
//! it ([`directory`]), units and placements ([`running`]). Output: the variants of a unit, and a
//! log of all changes.
//!
//! Invariants: a definition never changes once it is there, a unit that was assigned stays where
//! it is while the experiment runs, and who is assigned depends on the unit, the key and the log
//! alone. Experiments of one layer exclude each other; those of different layers are independent.
//!
//! Deliberately absent: what came of it (`measure` reads that from orders), the clock, the network.

pub mod definition;
pub mod directory;
mod error;
mod history;
pub mod running;
mod told;

pub use definition::{Definition, Guardrails, Variant};
pub use directory::{ExperimentDir, Signature, check_length};
pub use error::Error;
pub use history::{Change, Experiment, Phase};
pub use running::{Assigned, Running, snapshots_needed};
pub use told::{ToldChange, ToldExperiment, WholeExperiment, told, told_whole};
