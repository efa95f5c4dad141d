//! Numeric leaf: compressed sparse rows, a self-clearing sparse accumulator, and top-k with one
//! fixed order of ties. No I/O, no threads of its own, nothing of ours imported.

pub mod accumulator;
pub mod csr;
pub mod top_k;

pub use accumulator::Accumulator;
pub use csr::{Csr, CsrView};
pub use top_k::{Scored, TopK, falling_key};
