//! What may be set, checked before any work is done.

use crate::ablation::Without;
use crate::error::Error;
use crate::next_basket::served::ServedParams;
use crate::pairs::PairParams;
use crate::ranker::RankerParams;
use crate::sparse_inverse::SparseInverseParams;
use crate::split::MAX_CASES;

/// How fast what is old counts less, and how strongly the ranker's second EASE is held down.
#[derive(Clone, Debug, PartialEq)]
pub struct Fading {
    /// λ of the EASE of the last months, in baskets.
    pub recent_ease_lambda: f64,
    /// Its half-life; at most a third of the data's span, as the others are at most a part.
    pub recent_ease_days: f64,
    /// Half-life of what a customer bought.
    pub history_days: f64,
    /// Half-life of what sells.
    pub trend_days: f64,
    /// p in |b|^-p, the weight of a near basket of |b| items.
    pub knn_length_exponent: f64,
}

impl Default for Fading {
    fn default() -> Fading {
        Fading {
            recent_ease_lambda: 50.0,
            recent_ease_days: 120.0,
            history_days: 90.0,
            trend_days: 30.0,
            knn_length_exponent: 0.5,
        }
    }
}

/// A column of the sparse inverse is a dense solve of as many equations.
const MAX_NEIGHBORS: usize = 2_000;

/// Unchecked parameters; [`Params::check`] makes them usable.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    pub pairs: PairParams,
    /// Recency half-life of pairs in days; `None`: 180, or half of the data's span if that is less.
    pub half_life_days: Option<f64>,
    pub fading: Fading,
    /// Baskets with more items are left out of pair counts.
    pub max_basket_items: usize,
    /// λ; `None`: tuned on an inner split.
    pub ease_lambda: Option<f64>,
    /// EASE is solved for at most this many items; a catalog of more has a sparse inverse for all
    /// of them, or, without it, EASE for those that sell best. 0: neither.
    pub ease_max_items: usize,
    pub sparse_inverse: SparseInverseParams,
    /// Above this many items EASE is not tuned (each trial costs a solve): defaults hold.
    pub ease_tune_max_items: usize,
    /// The blend is tuned on at most this many baskets.
    pub blend_max_baskets: usize,
    /// Upper bound for the process, in bytes. Above it first the cases of the ranker get fewer,
    /// then the baskets of the blend, then EASE becomes a sparse inverse; where that does not do,
    /// learning is refused (`memory::fit`).
    pub memory_limit_bytes: u64,
    pub ranker: RankerParams,
    pub next_basket: ServedParams,
    /// Sources that are not learned, to see what they are worth.
    pub without: Without,
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Params {
        Params {
            pairs: PairParams::default(),
            half_life_days: None,
            fading: Fading::default(),
            max_basket_items: 1_000,
            ease_lambda: None,
            ease_max_items: 10_000,
            sparse_inverse: SparseInverseParams::default(),
            ease_tune_max_items: 6_000,
            blend_max_baskets: MAX_CASES,
            memory_limit_bytes: 4 << 30,
            ranker: RankerParams::default(),
            next_basket: ServedParams::default(),
            without: Without::default(),
            seed: 42,
        }
    }
}

/// Parameters within their ranges.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedParams(Params);

impl std::ops::Deref for CheckedParams {
    type Target = Params;

    fn deref(&self) -> &Params {
        &self.0
    }
}

impl Params {
    pub fn check(mut self) -> Result<CheckedParams, Error> {
        self.next_basket.tables.left_out = self.without.of_customers();
        check_positive("half-life", self.half_life_days)?;
        check_positive("lambda", self.ease_lambda)?;
        check_positive("lambda of the recent EASE", Some(self.fading.recent_ease_lambda))?;
        check_positive("half-life of the recent EASE", Some(self.fading.recent_ease_days))?;
        check_positive("half-life of customers' purchases", Some(self.fading.history_days))?;
        check_positive("half-life of what sells", Some(self.fading.trend_days))?;
        let exponent = self.fading.knn_length_exponent;
        if !(0.0..=2.0).contains(&exponent) {
            return Err(bad("length exponent of near baskets", exponent, "from 0 to 2"));
        }
        let rate = self.pairs.false_discovery_rate;
        if !(rate > 0.0 && rate < 1.0) {
            return Err(bad("false discovery rate", rate, "between 0 and 1"));
        }
        if self.pairs.per_item == 0 || self.pairs.per_item > 10_000 {
            return Err(bad("pairs per item", self.pairs.per_item, "from 1 to 10,000"));
        }
        if self.max_basket_items < 2 {
            return Err(bad("largest basket", self.max_basket_items, "at least 2 items"));
        }
        let SparseInverseParams { neighbors, gram_per_item, per_item } = self.sparse_inverse;
        if !(1..=MAX_NEIGHBORS).contains(&neighbors) {
            return Err(bad("neighbors of an item", neighbors, "from 1 to 2,000"));
        }
        if gram_per_item == 0 || per_item == 0 {
            return Err(bad("entries that an item keeps", 0, "at least 1"));
        }
        let (is_without, next) = (self.without.ranker(), &self.next_basket.ranker);
        let max_cases = if is_without { 0 } else { self.ranker.max_cases };
        let max_groups = if is_without { 0 } else { next.max_groups };
        Ok(CheckedParams(self).with_ranker_cases(max_cases).with_next_basket_cases(max_groups))
    }
}

impl CheckedParams {
    /// With fewer cases of the ranker.
    pub(crate) fn with_ranker_cases(&self, max_cases: usize) -> CheckedParams {
        let max_cases = max_cases.min(self.ranker.max_cases);
        let ranker = RankerParams { max_cases, ..self.ranker.clone() };
        CheckedParams(Params { ranker, ..self.0.clone() })
    }

    /// With fewer cases of the ranker of next baskets.
    pub(crate) fn with_next_basket_cases(&self, max_groups: usize) -> CheckedParams {
        let mut fewer = self.0.clone();
        let ranker = &mut fewer.next_basket.ranker;
        ranker.max_groups = ranker.max_groups.min(max_groups);
        CheckedParams(fewer)
    }

    /// Nothing of next baskets.
    pub(crate) fn without_next_baskets(&self) -> CheckedParams {
        let mut less = self.0.clone();
        less.next_basket.max_baskets = 0;
        CheckedParams(less)
    }

    /// A sparse inverse in place of EASE, however few the items are, with fewer entries of G.
    pub(crate) fn with_sparse_inverse(&self, gram_per_item: usize) -> CheckedParams {
        let mut less = self.0.clone();
        less.ease_max_items = less.ease_max_items.min(1);
        let kept = &mut less.sparse_inverse.gram_per_item;
        *kept = gram_per_item.min(*kept);
        CheckedParams(less)
    }

    /// With less to do. Every parameter stays in its range.
    pub(crate) fn reduced(
        &self,
        ease_max_items: usize,
        blend_max_baskets: usize,
        ranker_cases: usize,
    ) -> CheckedParams {
        let fewer = self.with_ranker_cases(ranker_cases).0;
        CheckedParams(Params { ease_max_items, blend_max_baskets, ..fewer })
    }
}

fn check_positive(name: &'static str, value: Option<f64>) -> Result<(), Error> {
    match value {
        Some(value) if !(value > 0.0 && value.is_finite()) => {
            Err(bad(name, value, "a number above 0"))
        }
        _ => Ok(()),
    }
}

fn bad(name: &'static str, found: impl ToString, expected: &'static str) -> Error {
    Error::BadParameter { name, found: found.to_string(), expected }
}
