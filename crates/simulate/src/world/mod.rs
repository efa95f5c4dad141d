//! Worlds with known truth: a shop, a bank and a restaurant whose customers respond to offers.
//!
//! What a customer does is a function of seed, customer, day and what they were shown, so the same
//! customer can be lived twice, once with offers and once without ([`Life`] is cheap to clone). All
//! chance is common to both lives: each draw is a hash of what it decides about, never the next of
//! a sequence that an offer could shift. The difference is the effect on that customer, exactly;
//! its mean is the true lift, and the part of it that came from elsewhere the true displacement.
//!
//! How customers respond ([`Nature`] holds the numbers):
//!
//! ```text
//! visits on a day with        rate · exp(−annoyance · memory)       memory: slates, fading daily
//! takes a fitting offer with  response · appeal · attention · exp(−fatigue · memory)
//! ```
//!
//! A complement of what is in the cart appeals most, then what serves a need of the visit, then the
//! rest. An offer for what would have been bought anyway is taken from the offer (no gain at all);
//! one that serves a need of the visit may take the place of what would have served it; any other
//! may be what the customer would have bought next time. Some customers are put off. Part of what
//! is bought comes back, and more of what was bought on offer. What a customer spends has a heavy
//! tail.
//!
//! Deliberately absent: prices that respond, word of mouth, stock. A customer's life depends on
//! nobody else's.

mod account;
mod life;
mod nature;
mod shelf;

pub use account::Account;
pub use life::{Life, Outcome, Taken, Visit};
pub use nature::{Nature, WorldKind};

use crate::catalog::{Catalog, CatalogSpec};
use crate::chance::hash;
use events::ItemKind;

/// What a world knows of an item beside the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Facet {
    pub kind: ItemKind,
    /// What the item costs the seller, of its price.
    pub cost_share: f64,
    /// Groups whose items it makes superfluous: a menu holds its side and its drink.
    pub replaces: Vec<u32>,
}

/// A world: what is sold, and how customers are.
#[derive(Debug)]
pub struct World {
    pub kind: WorldKind,
    pub catalog: Catalog,
    pub facets: Vec<Facet>,
    pub group_names: Vec<String>,
    pub nature: Nature,
    seed: u64,
}

impl World {
    pub fn new(kind: WorldKind, seed: u64) -> World {
        let nature = Nature::of(kind);
        match kind {
            WorldKind::Shop => World::shop(nature, seed),
            WorldKind::Bank => shelf::bank(nature, seed),
            WorldKind::Restaurant => shelf::restaurant(nature, seed),
        }
    }

    /// The same world with another nature: for studies of one cause at a time.
    pub fn with_nature(self, nature: Nature) -> World {
        World { nature, ..self }
    }

    fn shop(nature: Nature, seed: u64) -> World {
        // The shop is the same in every run, its customers are not.
        let spec = CatalogSpec { n_items: 300, zipf_exponent: 0.7, mean_group_size: 10, seed: 1 };
        let catalog = Catalog::new(&spec).expect("a sound specification");
        let facet = |item: usize| Facet {
            kind: ItemKind::Good,
            cost_share: 0.45 + 0.3 * (hash(item as u64) % 100) as f64 / 100.0,
            replaces: Vec::new(),
        };
        World {
            kind: WorldKind::Shop,
            facets: (0..catalog.items.len()).map(facet).collect(),
            group_names: (0..catalog.n_groups()).map(|group| format!("Range {group}")).collect(),
            catalog,
            nature,
            seed,
        }
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    pub fn n_items(&self) -> u32 {
        self.catalog.items.len() as u32
    }

    /// Name of a customer, as the shop would write it.
    pub fn customer_id(&self, customer: u32) -> String {
        format!("{}-{customer}", self.kind.as_str())
    }
}

#[cfg(test)]
mod tests;
