//! How far the ratio of together to chance strays for items that have nothing to do with each other.
//!
//! Customers differ: a shop of gifts and one of tools buy at the same wholesaler, and whatever either
//! buys is bought together more often than chance has it, however large the baskets and whatever the
//! month. So what a complement must beat is not chance but the usual pair (an empirical null: B.
//! Efron, "Large-scale simultaneous hypothesis testing", JASA 99, 2004).
//!
//! ```text
//! λ_0 ~ Gamma(w μ, w)      μ = Σ n / Σ E,  w by the probability of the counts, over random pairs
//! p   = P(N ≥ n | E, λ_0)  negative binomial
//! ```
//!
//! Random pairs are two random lines of all orders, so that they are of items that sell. Nearly all
//! of them have nothing to do with each other; those that have make the test a little stricter.
//! With fewer than [`MIN_ITEMS`] items, or where chance expects less than [`MIN_EXPECTED`] of all
//! those pairs together, λ_0 is 1.

use super::chance::Chance;
use history::Baskets;
use measure::rate::{RatioBelief, chance_of_at_least};
use rapidhash::v3::rapidhash_v3;
use rayon::prelude::*;

const N_PAIRS: u64 = 20_000;
const MIN_EXPECTED: f64 = 100.0;
/// Of few items, those that belong together are too large a part of all pairs.
const MIN_ITEMS: usize = 100;
const WEIGHTS: [f64; 12] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0, 4_096.0];

/// The usual pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Background {
    /// `None`: as chance has it.
    belief: Option<RatioBelief>,
    pub ratio: f64,
    pub weight: f64,
}

impl Background {
    pub(super) fn of(baskets: &Baskets, chance: &Chance<'_>) -> Background {
        let usual = Background { belief: None, ratio: 1.0, weight: f64::INFINITY };
        let lines = &baskets.items.indices;
        if chance.n_sold_items() < MIN_ITEMS {
            return usual;
        }
        let line = |at: u64, side: u64| {
            let hash = rapidhash_v3(&(2 * at + side).to_le_bytes());
            lines[(hash % lines.len() as u64) as usize]
        };
        let counted: Vec<(f64, f64)> = (0..N_PAIRS)
            .into_par_iter()
            .map(|at| (line(at, 0), line(at, 1)))
            .filter(|(a, b)| a != b)
            .map(|(a, b)| (f64::from(chance.n_both(a, b)), chance.expected(a, b)))
            .collect();
        let sums = counted.iter().fold((0.0, 0.0), |sums, pair| (sums.0 + pair.0, sums.1 + pair.1));
        if sums.0 <= 0.0 || sums.1 < MIN_EXPECTED {
            return usual;
        }
        let ratio = sums.0 / sums.1;
        let likelihood = |weight: f64| {
            let prior = RatioBelief::prior(ratio, weight);
            counted.iter().map(|&(n, expected)| prior.ln_chance_of(n, expected)).sum::<f64>()
        };
        let weights = WEIGHTS.into_iter().map(|weight| (likelihood(weight), weight));
        let best = weights.max_by(|a, b| a.0.total_cmp(&b.0)).map_or(1.0, |(_, weight)| weight);
        Background { belief: Some(RatioBelief::prior(ratio, best)), ratio, weight: best }
    }

    /// How probable so many common baskets or more are for a usual pair.
    pub(super) fn p_value(&self, n: u32, expected: f64) -> f64 {
        match &self.belief {
            Some(belief) => belief.chance_of_at_least(n.into(), expected),
            None => chance_of_at_least(n.into(), expected),
        }
    }
}

/// The p-value up to which pairs are complements, so that this share of them is false at most, of
/// so many pairs that could have been (Y. Benjamini and Y. Hochberg, JRSS B 57, 1995). `p_values`
/// holds those of the pairs looked at, each once; the others are taken for 1.
pub(super) fn threshold(mut p_values: Vec<f64>, n_tests: u64, rate: f64) -> f64 {
    p_values.par_sort_unstable_by(f64::total_cmp);
    let allowed = |rank: usize| rate * (rank + 1) as f64 / n_tests.max(1) as f64;
    let passing = p_values.iter().enumerate().rfind(|&(rank, &p)| p <= allowed(rank));
    passing.map_or(-1.0, |(_, &p)| p)
}

#[cfg(test)]
mod tests {
    use super::threshold;

    #[test]
    fn the_last_p_value_below_its_line_counts() {
        // Lines of ten tests at 50 %: .05, .1, .15, .2.
        assert_eq!(threshold(vec![0.3, 0.12, 0.04, 0.11], 10, 0.5), 0.12);
        assert_eq!(threshold(vec![0.06, 0.2], 10, 0.5), -1.0);
        assert_eq!(threshold(Vec::new(), 0, 0.05), -1.0);
    }
}
