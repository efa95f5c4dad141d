//! Statistics of a pair of items: is "bought together" more than chance, and how sure are we.
//!
//! All of it starts from four counts, a 2 × 2 table over N baskets:
//!
//! | | with b | without b | sum |
//! |---|---|---|---|
//! | with a | n_ab | n_a − n_ab | n_a |
//! | without a | n_b − n_ab | N − n_a − n_b + n_ab | N − n_a |
//!
//! E = n_a·n_b/N is what independence would give for n_ab.

use rayon::prelude::*;
use statrs::function::factorial::ln_factorial;

/// Quantile of the standard normal for a two-sided 95 % interval.
pub const Z_95: f64 = 1.959_963_984_540_054;

/// Share of a sum below which a falling term ends it.
const NO_LONGER_COUNTS: f64 = 1e-15;

/// The counts of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairTable {
    n_ab: u64,
    n_a: u64,
    n_b: u64,
    n_baskets: u64,
}

impl PairTable {
    /// # Panics
    /// When the counts are no table: n_ab above n_a or n_b, or more baskets with a or b than N.
    pub fn new(n_ab: u64, n_a: u64, n_b: u64, n_baskets: u64) -> PairTable {
        assert!(
            n_ab <= n_a
                && n_ab <= n_b
                && n_a - n_ab <= n_baskets
                && n_b <= n_baskets - (n_a - n_ab),
            "no 2 x 2 table: n_ab {n_ab}, n_a {n_a}, n_b {n_b}, N {n_baskets}"
        );
        PairTable { n_ab, n_a, n_b, n_baskets }
    }

    /// E = n_a·n_b/N; 0 without baskets.
    pub fn expected(&self) -> f64 {
        if self.n_baskets == 0 {
            return 0.0;
        }
        self.n_a as f64 * self.n_b as f64 / self.n_baskets as f64
    }

    /// n_ab/E: how many times what chance would give. `None` when an item was never bought.
    pub fn lift(&self) -> Option<f64> {
        let expected = self.expected();
        (expected > 0.0).then(|| self.n_ab as f64 / expected)
    }

    /// Dunning's log-likelihood ratio of dependence against independence:
    ///
    /// ```text
    /// G² = 2 · sum over the four cells of O·ln(O/E)      (0·ln 0 = 0)
    /// ```
    ///
    /// T. Dunning, "Accurate methods for the statistics of surprise and coincidence",
    /// Computational Linguistics 19 (1993). Asymptotically χ² with one degree of freedom. Direct
    /// form, not that by entropies: it loses no digits when N is large and n_ab small.
    pub fn g2(&self) -> f64 {
        let (n, a, b) = (self.n_baskets as f64, self.n_a as f64, self.n_b as f64);
        let both = self.n_ab as f64;
        let (a_only, b_only) = ((self.n_a - self.n_ab) as f64, (self.n_b - self.n_ab) as f64);
        let neither = (self.n_baskets - (self.n_a - self.n_ab) - self.n_b) as f64;
        let sum = term(both, a * b, n)
            + term(a_only, a * (n - b), n)
            + term(b_only, (n - a) * b, n)
            + term(neither, (n - a) * (n - b), n);
        // Independence exactly met may come out as −1e-17.
        (2.0 * sum).max(0.0)
    }

    /// G² with the sign of n_ab − E: negative for pairs seen less often than chance.
    pub fn g2_signed(&self) -> f64 {
        let g2 = self.g2();
        if self.is_more_than_chance() { g2 } else { -g2 }
    }

    /// G² for pairs seen more often than chance, 0 for the others: a score for ranking.
    pub fn llr(&self) -> f64 {
        if self.is_more_than_chance() { self.g2() } else { 0.0 }
    }

    /// One-sided p-value of "together more often than chance": how probable n_ab or more common
    /// baskets are when n_b of the N baskets are drawn without looking at a.
    ///
    /// ```text
    /// p = Σ_{k ≥ n_ab} C(n_a, k) · C(N − n_a, n_b − k) / C(N, n_b)
    /// ```
    ///
    /// R. A. Fisher, "The design of experiments" (1935), chapter 2. Exact for any counts, where the
    /// normal tail of √G² is too sure of few common baskets: at n_ab = 2 and E = .02 it gives
    /// 7e-5 and the truth is 1.8e-4. About ten logarithms, then one division a term until terms no
    /// longer count: a handful for a pair that is far from chance, √n_ab near it. With N above 1e9
    /// five digits are right, enough for any threshold.
    pub fn p_value(&self) -> f64 {
        let p = if self.is_more_than_chance() {
            self.chance_of_exactly(self.n_ab) * self.sum_upwards(self.n_ab)
        } else {
            match self.n_ab.checked_sub(1).filter(|&k| k >= self.least_together()) {
                Some(below) => 1.0 - self.chance_of_exactly(below) * self.sum_downwards(below),
                None => 1.0,
            }
        };
        p.clamp(0.0, 1.0)
    }

    /// The fewest common baskets that these margins allow.
    fn least_together(&self) -> u64 {
        (self.n_a + self.n_b).saturating_sub(self.n_baskets)
    }

    /// P(X = k) of the hypergeometric distribution.
    fn chance_of_exactly(&self, k: u64) -> f64 {
        let (n, a, b) = (self.n_baskets, self.n_a, self.n_b);
        let ways = ln_factorial(a) + ln_factorial(b) + ln_factorial(n - a) + ln_factorial(n - b);
        let rest = n - (a - k) - b;
        let same = ln_factorial(k) + ln_factorial(a - k) + ln_factorial(b - k);
        (ways - ln_factorial(n) - same - ln_factorial(rest)).exp()
    }

    /// Σ_{k ≥ from} P(X = k)/P(X = from), for `from` at or above the mode: terms fall.
    fn sum_upwards(&self, from: u64) -> f64 {
        let (mut term, mut sum) = (1.0, 1.0);
        for k in from..self.n_a.min(self.n_b) {
            let rest = self.n_baskets - (self.n_a - k) - self.n_b;
            term *= (self.n_a - k) as f64 * (self.n_b - k) as f64
                / ((k + 1) as f64 * (rest + 1) as f64);
            sum += term;
            if term < sum * NO_LONGER_COUNTS {
                break;
            }
        }
        sum
    }

    /// Σ_{k ≤ from} P(X = k)/P(X = from), for `from` at or below the mode.
    fn sum_downwards(&self, from: u64) -> f64 {
        let (mut term, mut sum) = (1.0, 1.0);
        for k in (self.least_together() + 1..=from).rev() {
            let rest = self.n_baskets - (self.n_a - k) - self.n_b;
            term *=
                k as f64 * rest as f64 / ((self.n_a - k + 1) as f64 * (self.n_b - k + 1) as f64);
            sum += term;
            if term < sum * NO_LONGER_COUNTS {
                break;
            }
        }
        sum
    }

    /// Lower bound of P(b | a) = n_ab/n_a, see [`wilson_lower_bound`].
    pub fn conditional_lower_bound(&self, z: f64) -> f64 {
        wilson_lower_bound(self.n_ab, self.n_a, z)
    }

    /// P(b | a) shrunk towards P(b) as if `prior_baskets` more baskets with a had behaved like
    /// all others (additive smoothing towards the base rate, Jelinek and Mercer 1980):
    ///
    /// ```text
    /// (n_ab + m·n_b/N) / (n_a + m)
    /// ```
    ///
    /// `None` when there is nothing to divide by.
    pub fn shrunk_conditional(&self, prior_baskets: f64) -> Option<f64> {
        let weight = self.n_a as f64 + prior_baskets;
        if self.n_baskets == 0 || weight <= 0.0 {
            return None;
        }
        let base_rate = self.n_b as f64 / self.n_baskets as f64;
        Some((self.n_ab as f64 + prior_baskets * base_rate) / weight)
    }

    fn is_more_than_chance(&self) -> bool {
        u128::from(self.n_ab) * u128::from(self.n_baskets)
            > u128::from(self.n_a) * u128::from(self.n_b)
    }
}

/// O·ln(O/E) with E = `margins`/`n`.
fn term(observed: f64, margins: f64, n: f64) -> f64 {
    if observed == 0.0 { 0.0 } else { observed * (observed * n / margins).ln() }
}

/// Lower end of Wilson's score interval for a share of `n_hits` in `n_trials`:
///
/// ```text
/// (p + z²/2n − z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n)
/// ```
///
/// E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22
/// (1927). 0 without trials, where the interval is all of [0, 1]. `z` of [`Z_95`] is two-sided
/// 95 %, 1.644854 one-sided.
///
/// # Panics
/// When there are more hits than trials.
pub fn wilson_lower_bound(n_hits: u64, n_trials: u64, z: f64) -> f64 {
    assert!(n_hits <= n_trials, "{n_hits} hits in {n_trials} trials");
    if n_hits == 0 {
        // Exactly 0 by the formula; said here, since rounding could make it −1e-18.
        return 0.0;
    }
    let n = n_trials as f64;
    let p = n_hits as f64 / n;
    let z2 = z * z;
    let center = p + z2 / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    (center - spread) / (1.0 + z2 / n)
}

/// The step-up rule of Benjamini and Hochberg, "Controlling the false discovery rate", JRSS B 57
/// (1995): with p_(1) ≤ … ≤ p_(m) of `n_tests` = m tests, the largest p_(i) ≤ i/m · `level`.
/// Every test with a p-value up to the answer is a discovery; `None`: no discovery.
///
/// `p_values` may leave out tests that cannot be discoveries (pairs never seen together);
/// `n_tests` counts them all the same. Sorts in place.
///
/// # Panics
/// When there are more p-values than tests, or a NaN among them.
pub fn benjamini_hochberg(p_values: &mut [f64], n_tests: u64, level: f64) -> Option<f64> {
    assert!(p_values.len() as u64 <= n_tests, "{} p-values, {n_tests} tests", p_values.len());
    assert!(!p_values.iter().any(|p| p.is_nan()), "a p-value is NaN");
    p_values.par_sort_unstable_by(f64::total_cmp);
    let step = level / n_tests as f64;
    let n_found = (1..=p_values.len()).rev().find(|&i| p_values[i - 1] <= i as f64 * step)?;
    Some(p_values[n_found - 1])
}

#[cfg(test)]
mod tests;
