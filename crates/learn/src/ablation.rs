//! Learning without a source, to see what it is worth: all else is learned and tuned as ever.

use crate::error::Error;
use score::LeftOut;
use score::blend::{EASE, HISTORY, N_SOURCES, NEIGHBOR, PAIR, SOURCES, TREND};
use score::next_basket::sources::SOURCES as OF_CUSTOMERS;
use score::sessions::sources::SOURCES as OF_VISITS;

/// The rankers' name among the sources: all trees, of carts, visits and next baskets.
pub const RANKER: &str = "ranker";
/// The name of what known customers buy next.
pub const NEXT_BASKET: &str = "next_basket";
/// The name of what stands in for EASE in large catalogs; without it EASE is solved for the
/// best-selling items, and without `ease` there is neither.
pub const SPARSE_INVERSE: &str = "sparse_inverse";
/// The name of what sells to a segment of customers.
pub const SEGMENT_POPULARITY: &str = "segment_popularity";
/// The name of what sells at a placement.
pub const PLACEMENT_POPULARITY: &str = "placement_popularity";

/// Every name that [`Without::of`] takes.
const NAMES: &str = "ease, sparse_inverse, pair, neighbor, history, trend, segment_popularity, \
                     placement_popularity, next_basket or ranker; \
                     of visits vmis, vstan, cooccurrence, markov or recent_views; of next baskets \
                     habit, tifu_knn, up_cf, transitions, alike_baskets or best_sellers";

/// Sources that are left out; none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Without {
    sources: [bool; N_SOURCES],
    ranker: bool,
    next_basket: bool,
    sparse_inverse: bool,
    segment_popularity: bool,
    placement_popularity: bool,
    of_visits: LeftOut,
    of_customers: LeftOut,
}

impl Without {
    /// By the names of [`SOURCES`], [`SPARSE_INVERSE`], [`SEGMENT_POPULARITY`],
    /// [`PLACEMENT_POPULARITY`], [`NEXT_BASKET`], [`RANKER`], or of one of the sources of visits
    /// and of next baskets.
    pub fn of(names: &[impl AsRef<str>]) -> Result<Without, Error> {
        let mut without = Without::default();
        for name in names {
            let name = name.as_ref();
            let place = |of: &[&str]| of.iter().position(|source| *source == name);
            if let Some(source) = place(&SOURCES) {
                without.sources[source] = true;
            } else if let Some(source) = place(&OF_VISITS) {
                without.of_visits = without.of_visits.and(source);
            } else if let Some(source) = place(&OF_CUSTOMERS) {
                without.of_customers = without.of_customers.and(source);
            } else {
                match name {
                    RANKER => without.ranker = true,
                    NEXT_BASKET => without.next_basket = true,
                    SPARSE_INVERSE => without.sparse_inverse = true,
                    SEGMENT_POPULARITY => without.segment_popularity = true,
                    PLACEMENT_POPULARITY => without.placement_popularity = true,
                    _ => {
                        let (name, found) = ("source to leave out", name.to_owned());
                        return Err(Error::BadParameter { name, found, expected: NAMES });
                    }
                }
            }
        }
        Ok(without)
    }

    /// Sources of what comes next in a visit.
    pub fn of_visits(&self) -> LeftOut {
        self.of_visits
    }

    /// Sources of what a customer buys next.
    pub fn of_customers(&self) -> LeftOut {
        self.of_customers
    }

    pub fn ease(&self) -> bool {
        self.sources[EASE]
    }

    /// Is what stands in for EASE in large catalogs left out?
    pub fn sparse_inverse(&self) -> bool {
        self.sparse_inverse
    }

    pub fn pair(&self) -> bool {
        self.sources[PAIR]
    }

    pub fn neighbor(&self) -> bool {
        self.sources[NEIGHBOR]
    }

    pub fn history(&self) -> bool {
        self.sources[HISTORY]
    }

    pub fn trend(&self) -> bool {
        self.sources[TREND]
    }

    pub fn segment_popularity(&self) -> bool {
        self.segment_popularity
    }

    pub fn placement_popularity(&self) -> bool {
        self.placement_popularity
    }

    pub fn next_basket(&self) -> bool {
        self.next_basket
    }

    pub fn ranker(&self) -> bool {
        self.ranker
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_go_by_their_names_and_no_others() {
        let without = Without::of(&["pair", "ranker"]).unwrap();
        assert!(without.pair() && without.ranker() && !without.ease() && !without.history());
        let without = Without::of(&["sparse_inverse"]).unwrap();
        assert!(without.sparse_inverse() && !without.ease());
        assert_eq!(Without::of(&[] as &[&str]).unwrap(), Without::default());
        let message = Without::of(&["pears"]).unwrap_err().to_string();
        assert!(message.contains("pears"), "{message}");
        let others = [RANKER, NEXT_BASKET, SPARSE_INVERSE, SEGMENT_POPULARITY];
        for name in SOURCES.iter().chain(&OF_VISITS).chain(&OF_CUSTOMERS).chain(&others) {
            assert!(message.contains(name), "{name}: {message}");
            assert_ne!(Without::of(&[name]).unwrap(), Without::default(), "{name}");
        }
    }
}
