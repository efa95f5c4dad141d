//! How many times more often than expected: the ratio of a count to its expectation, with what is
//! believed of it before the count is seen.
//!
//! n ~ Poisson(λ E), λ ~ Gamma(shape, rate): then λ given n is Gamma(shape + n, rate + E), and n
//! alone is negative binomial. W. DuMouchel, "Bayesian data mining in large frequency tables", The
//! American Statistician 53 (1999), section 3, with one gamma instead of a mixture of two.

use statrs::function::beta::beta_reg;
use statrs::function::gamma::{gamma_lr, ln_gamma};

/// What is believed of a ratio λ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatioBelief {
    shape: f64,
    rate: f64,
}

impl RatioBelief {
    /// Before any count: a mean above 0, as sure as `weight` expected events.
    pub fn prior(mean: f64, weight: f64) -> RatioBelief {
        RatioBelief { shape: mean * weight, rate: weight }
    }

    /// Jeffreys' prior of a Poisson rate: knows nothing.
    pub fn ignorant() -> RatioBelief {
        RatioBelief { shape: 0.5, rate: 0.0 }
    }

    /// After `n` events where one would have expected `expected`.
    #[must_use]
    pub fn after(self, n: f64, expected: f64) -> RatioBelief {
        RatioBelief { shape: self.shape + n, rate: self.rate + expected }
    }

    /// Posterior mean; `None` while nothing is known.
    pub fn mean(&self) -> Option<f64> {
        (self.rate > 0.0).then(|| self.shape / self.rate)
    }

    /// P(λ < limit); 0 while nothing is known: any ratio may be as large as one likes.
    pub fn chance_below(&self, limit: f64) -> f64 {
        let at = self.rate * limit;
        if at > 0.0 && self.shape > 0.0 { gamma_lr(self.shape, at).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// ln P(n) of a count to come, where one expects `expected` (0 gives 0: nothing can come).
    pub fn ln_chance_of(&self, n: f64, expected: f64) -> f64 {
        if expected <= 0.0 || self.rate <= 0.0 || self.shape <= 0.0 {
            return 0.0;
        }
        let (shape, total) = (self.shape, self.rate + expected);
        ln_gamma(n + shape) - ln_gamma(shape) - ln_gamma(n + 1.0)
            + shape * (self.rate / total).ln()
            + n * (expected / total).ln()
    }
}

/// P(p > ½) after `n` of `of` trials went that way, knowing nothing before (Jeffreys' prior of a
/// share): p ~ Beta(n + ½, of − n + ½).
pub fn chance_above_half(n: u64, of: u64) -> f64 {
    let others = of.saturating_sub(n) as f64;
    // I_{1/2}(a, b) = 1 − I_{1/2}(b, a).
    beta_reg(others + 0.5, n as f64 + 0.5, 0.5).clamp(0.0, 1.0)
}

/// P(X ≥ n) of X ~ Poisson(expected): how probable so many are by chance.
pub fn chance_of_at_least(n: u64, expected: f64) -> f64 {
    match n {
        0 => 1.0,
        _ if expected <= 0.0 => 0.0,
        // The tail of Poisson is the lower tail of a gamma.
        n => gamma_lr(n as f64, expected).clamp(0.0, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums what the closed forms integrate.
    fn poisson(k: u64, mean: f64) -> f64 {
        (0..k).fold((-mean).exp(), |term, at| term * mean / (at + 1) as f64)
    }

    #[test]
    fn the_tail_is_the_sum_of_its_terms() {
        for (n, mean) in [(1, 0.02), (3, 2.5), (10, 4.0), (2, 30.0)] {
            let below: f64 = (0..n).map(|k| poisson(k, mean)).sum();
            let got = chance_of_at_least(n, mean);
            assert!((got - (1.0 - below)).abs() < 1e-10, "{n} {mean}: {got}");
        }
        assert_eq!((chance_of_at_least(0, 0.0), chance_of_at_least(1, 0.0)), (1.0, 0.0));
    }

    #[test]
    fn a_belief_is_what_a_slow_integral_says() {
        let belief = RatioBelief::prior(0.5, 4.0).after(3.0, 2.0);
        assert_eq!(belief.mean(), Some(5.0 / 6.0));
        // Gamma(5, 6) below 1, in small steps; Γ(5) = 24.
        let step = 1e-4;
        let density = |x: f64| 6_f64.powi(5) * x.powi(4) * (-6.0 * x).exp() / 24.0;
        let sum: f64 = (0..10_000).map(|at| density((at as f64 + 0.5) * step) * step).sum();
        assert!((belief.chance_below(1.0) - sum).abs() < 1e-6);
        assert_eq!(RatioBelief::ignorant().chance_below(1.0), 0.0);
        assert_eq!(RatioBelief::ignorant().mean(), None);
    }

    #[test]
    fn the_chance_of_a_majority_is_what_a_slow_integral_says() {
        // Beta(3.5, 1.5) above one half, in small steps.
        let step = 1e-5;
        let density = |x: f64| x.powf(2.5) * (1.0 - x).powf(0.5);
        let sum = |from: u32, to: u32| -> f64 {
            (from..to).map(|at| density((f64::from(at) + 0.5) * step)).sum()
        };
        let expected = sum(50_000, 100_000) / sum(0, 100_000);
        assert!((chance_above_half(3, 4) - expected).abs() < 1e-6);
        assert!((chance_above_half(3, 4) + chance_above_half(1, 4) - 1.0).abs() < 1e-12);
        assert!((chance_above_half(0, 0) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn the_chances_of_all_counts_add_up_to_one() {
        let prior = RatioBelief::prior(2.0, 1.5);
        let sum: f64 = (0..200).map(|n| prior.ln_chance_of(f64::from(n), 0.7).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        assert_eq!(prior.ln_chance_of(0.0, 0.0), 0.0);
    }
}
