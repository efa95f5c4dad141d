//! Searching parameters on the shop's own newest baskets: `alongside tune`.
//!
//! The newest tenth of the baskets is held out ([`Held`]); a trial learns from the others with one
//! [`Setting`] and ranks the hidden items by the code that serves ([`Measured`]). A [`Search`]
//! walks from the defaults, one parameter at a time, and keeps a setting only where it is better
//! than the best by more than the standard error of the paired difference: of much that is tried
//! some wins by luck.
//!
//! Pure, like all of this crate: the caller keeps the study on disk, and the same answers in the
//! same order lead to the same settings, so that an interrupted study goes on where it was.

mod held;
mod knobs;
mod search;

pub use held::{CASES, Held, Measured, N_CASES};
pub use knobs::{KNOBS, Knob, N_KNOBS, Setting};
pub use search::{Gain, Search};
