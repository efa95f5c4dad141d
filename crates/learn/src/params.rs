//! What may be set, checked before any work is done.

use crate::ablation::Without;
use crate::error::Error;
use crate::pairs::PairParams;
use crate::ranker::RankerParams;
use crate::split::MAX_CASES;

/// Unchecked parameters; [`Params::check`] makes them usable.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    pub pairs: PairParams,
    /// Recency half-life of pairs in days; `None`: 180, or half of the data's span if that is less.
    pub half_life_days: Option<f64>,
    /// Baskets with more items are left out of pair counts.
    pub max_basket_items: usize,
    /// λ; `None`: tuned on an inner split.
    pub ease_lambda: Option<f64>,
    /// EASE is solved for at most this many items, the best-selling ones.
    pub ease_max_items: usize,
    /// Above this many items EASE is not tuned (each trial costs a solve): defaults hold.
    pub ease_tune_max_items: usize,
    /// The blend is tuned on at most this many baskets.
    pub blend_max_baskets: usize,
    /// Upper bound for the process, in bytes. Above it first the baskets of the blend get fewer,
    /// then the items of EASE; where that does not do, learning is refused (`memory::fit`).
    pub memory_limit_bytes: u64,
    pub ranker: RankerParams,
    /// Sources that are not learned, to see what they are worth.
    pub without: Without,
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Params {
        Params {
            pairs: PairParams::default(),
            half_life_days: None,
            max_basket_items: 1_000,
            ease_lambda: None,
            ease_max_items: 10_000,
            ease_tune_max_items: 6_000,
            blend_max_baskets: MAX_CASES,
            memory_limit_bytes: 4 << 30,
            ranker: RankerParams::default(),
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
    pub fn check(self) -> Result<CheckedParams, Error> {
        check_positive("half-life", self.half_life_days)?;
        check_positive("lambda", self.ease_lambda)?;
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
        let max_cases = if self.without.ranker() { 0 } else { self.ranker.max_cases };
        Ok(CheckedParams(self).with_ranker_cases(max_cases))
    }
}

impl CheckedParams {
    /// With fewer cases of the ranker.
    pub(crate) fn with_ranker_cases(&self, max_cases: usize) -> CheckedParams {
        let max_cases = max_cases.min(self.ranker.max_cases);
        let ranker = RankerParams { max_cases, ..self.ranker.clone() };
        CheckedParams(Params { ranker, ..self.0.clone() })
    }

    /// Without a ranker, and with less to do besides. Every parameter stays in its range.
    pub(crate) fn reduced(&self, ease_max_items: usize, blend_max_baskets: usize) -> CheckedParams {
        let without = self.with_ranker_cases(0).0;
        CheckedParams(Params { ease_max_items, blend_max_baskets, ..without })
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
