//! Numeric leaf: compressed sparse rows, a self-clearing sparse accumulator, top-k with one fixed
//! order of ties, columns of a sparse approximate inverse. No I/O, no threads of its own, nothing
//! of ours imported.

pub mod accumulator;
pub mod csr;
pub mod inverse;
pub mod top_k;

pub use accumulator::Accumulator;
pub use csr::{Csr, CsrView};
pub use inverse::{ColumnScratch, InverseColumn, Symmetric, SymmetricRow};
pub use top_k::{Scored, TopK, falling_key};
