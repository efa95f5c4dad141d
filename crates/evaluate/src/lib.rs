//! Replays time splits and published protocols through `learn` and the very path that serves.
//!
//! Input: files of orders as they are (ids verbatim, nothing cleaned but what a protocol says) or
//! ready-made baskets; files of a randomized experiment; logs of impressions with their chances.
//! Output: metrics a method and case, with intervals.
//!
//! **Invariants:** a protocol draws the same cases for every method and on every machine; what is
//! tuned is tuned on an inner split of the training part; the method `alongside` is `learn` and
//! `decide`, not a copy of them.
//!
//! Deliberately absent: the clock (a [`Stopwatch`] is handed in), printing.

pub mod ablation;
pub mod baselines;
pub mod basket_completion;
pub mod breadth;
pub mod cases;
pub mod comparison;
pub mod customer_file;
pub mod error;
pub mod latency;
pub mod next_basket;
pub mod next_item;
pub mod off_policy;
pub mod order_columns;
pub mod order_file;
pub mod ours;
pub mod policy_log;
pub mod relations;
pub mod report;
pub mod session_baselines;
pub mod session_file;
mod table_file;
pub mod uplift;
pub mod uplift_file;

pub use ablation::Wanted;
pub use basket_completion::{OnMethod, Options, Stopwatch, run};
pub use breadth::Breadth;
pub use customer_file::CustomerFile;
pub use error::Error;
pub use latency::Latency;
pub use order_file::OrderFile;
pub use report::{Metrics, Outcome};
pub use session_file::SessionSplit;
pub use uplift_file::{UpliftColumns, UpliftFile};
