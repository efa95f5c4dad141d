//! What a source is worth: our method once more without it, held against the whole one.

use crate::error::Error;
use learn::Without;
use learn::ablation::SEGMENT_POPULARITY;

/// What is asked of a run: methods, all when empty, and sources that ours is to do without, one run
/// each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    pub methods: &'a [String],
    pub without: &'a [String],
}

/// A protocol's name and the sources that its answers can come from.
pub(crate) struct Sources {
    pub protocol: &'static str,
    pub known: &'static [&'static str],
}

pub(crate) const OF_CARTS: Sources = Sources {
    protocol: "basket-completion",
    known: &[
        "ease",
        "sparse_inverse",
        "pair",
        "neighbor",
        "history",
        "trend",
        SEGMENT_POPULARITY,
        "ranker",
    ],
};

pub(crate) const OF_VISITS: Sources = Sources {
    protocol: "next-item",
    known: &["vmis", "vstan", "cooccurrence", "markov", "recent_views", "ranker"],
};

/// `trend` fills the lists up; `history` and `next_basket` leave nothing but it.
pub(crate) const OF_CUSTOMERS: Sources = Sources {
    protocol: "next-basket",
    known: &[
        "habit",
        "tifu_knn",
        "up_cf",
        "transitions",
        "alike_baskets",
        "best_sellers",
        "ranker",
        "next_basket",
        "history",
        "trend",
    ],
};

/// A source to leave out, and what the run without it is called.
pub(crate) struct Ablation {
    pub method: String,
    pub without: Without,
}

impl Sources {
    /// Refuses, before anything is run, what is no source of this protocol.
    pub(crate) fn ablations(&self, names: &[String], ours: &str) -> Result<Vec<Ablation>, Error> {
        let ablation = |name: &String| match self.known.contains(&name.as_str()) {
            true => {
                let method = format!("{ours} without {name}");
                Ok(Ablation { method, without: Without::of(&[name])? })
            }
            false => Err(Error::NoSource {
                protocol: self.protocol,
                name: name.clone(),
                hint: match Without::of(&[name]) {
                    Ok(_) => " (it is one of other protocols)",
                    Err(_) => "",
                },
                known: self.known.join(", "),
            }),
        };
        names.iter().map(ablation).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_has_a_name_that_learning_knows() {
        for of in [OF_CARTS, OF_VISITS, OF_CUSTOMERS] {
            for name in of.known {
                let found = of.ablations(&[(*name).to_owned()], "alongside").unwrap();
                assert_eq!(found[0].method, format!("alongside without {name}"));
                assert_ne!(found[0].without, Without::default());
            }
        }
    }

    #[test]
    fn what_is_no_source_here_is_refused_with_those_that_are() {
        let refused = |name: &str| match OF_VISITS.ablations(&[name.to_owned()], "alongside") {
            Ok(_) => panic!("{name} is no source of visits"),
            Err(error) => error.to_string(),
        };
        assert_eq!(
            refused("ease"),
            "next-item has no source `ease` (it is one of other protocols); leave out one of: \
             vmis, vstan, cooccurrence, markov, recent_views, ranker"
        );
        assert!(refused("pears").starts_with("next-item has no source `pears`; leave out one of"));
    }
}
