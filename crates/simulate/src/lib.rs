//! Made-up shops: histories as large as wanted, with structure that is known because it was
//! planted.
//!
//! Responsibility: a catalogue with latent groups and complements ([`catalog`]), customers with
//! tastes who fill baskets ([`shopper`]), a stream of their orders (`orders`), writers for
//! the two file forms that real shops have ([`uci_csv`], [`order_parquet`]), and worlds whose
//! customers respond to offers, so that the effect of offers is known ([`world`]), and the study
//! that holds what is measured against it ([`study`]).
//!
//! Input: a specification and a seed. Output: lines one by one, or a file.
//!
//! Invariants: the same specification gives the same lines, on all platforms whose `ln`, `exp` and
//! `cos` round alike; memory is that of the catalogue, whatever the number of rows; times never
//! fall.
//!
//! Deliberately absent: files (the caller opens them), the network, the clock.

pub mod catalog;
pub mod chance;
pub mod order_parquet;
pub mod orders;
pub mod shopper;
pub mod uci_csv;
pub mod world;

pub mod study;

pub use catalog::{Catalog, CatalogSpec};
pub use orders::{Extent, Line, OrderStream, OrdersSpec, orders};

/// Why a simulation cannot be made or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The specification asks for something that does not exist: the caller mends it.
    #[error("{field} is {value}: {mend}")]
    Spec { field: &'static str, value: String, mend: &'static str },
    /// The caller's writer failed.
    #[error("cannot write the simulated orders: {0}")]
    Write(#[from] std::io::Error),
    /// Parquet could not be encoded, most often because its writer failed.
    #[error("cannot write the simulated orders as Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
}
