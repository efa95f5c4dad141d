//! Learning without a source, to see what it is worth: all else is learned and tuned as ever.

use crate::error::Error;
use score::blend::{EASE, HISTORY, N_SOURCES, NEIGHBOR, PAIR, SOURCES, TREND};

/// The ranker's name among the sources.
pub const RANKER: &str = "ranker";
/// The name of what known customers buy next.
pub const NEXT_BASKET: &str = "next_basket";
/// The name of what stands in for EASE in large catalogs; without it EASE is solved for the
/// best-selling items, and without `ease` there is neither.
pub const SPARSE_INVERSE: &str = "sparse_inverse";

/// Sources that are left out; none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Without {
    sources: [bool; N_SOURCES],
    ranker: bool,
    next_basket: bool,
    sparse_inverse: bool,
}

impl Without {
    /// By the names of [`SOURCES`], [`SPARSE_INVERSE`], [`NEXT_BASKET`] or [`RANKER`].
    pub fn of(names: &[impl AsRef<str>]) -> Result<Without, Error> {
        let mut without = Without::default();
        for name in names {
            let name = name.as_ref();
            match SOURCES.iter().position(|source| *source == name) {
                Some(source) => without.sources[source] = true,
                None if name == RANKER => without.ranker = true,
                None if name == NEXT_BASKET => without.next_basket = true,
                None if name == SPARSE_INVERSE => without.sparse_inverse = true,
                None => {
                    return Err(Error::BadParameter {
                        name: "source to leave out",
                        found: name.to_owned(),
                        expected: "ease, sparse_inverse, pair, neighbor, history, trend, \
                                   next_basket or ranker",
                    });
                }
            }
        }
        Ok(without)
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
        assert!(message.contains("pears") && message.contains("neighbor"), "{message}");
    }
}
