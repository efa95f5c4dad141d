//! What visits look like: from steps to a session index, and the ranker over it.
//!
//! [`log`] puts steps in order, [`table`] makes the flat index that `score::sessions` walks.

pub mod cases;
pub mod log;
pub mod model;
mod ranker;
pub mod stats;
pub mod table;

pub use log::{SessionLog, StepRow};
pub use model::{SessionModel, SessionParams, add_sessions};
pub use stats::ItemStats;
pub use table::{IndexLimits, SessionTable};

#[cfg(test)]
mod tests;
