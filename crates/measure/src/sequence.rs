//! Intervals that hold however often one looks: asymptotic confidence sequences.
//!
//! ```text
//! margin(t) = σ_t · √( 2(tρ² + 1)/(t²ρ²) · ln( √(tρ² + 1)/α ) ) = k(t) · σ_t/√t
//! k(t)² = 2 (1 + 1/u) (½ ln(1 + u) + ln(1/α)),   u = tρ²
//! ```
//!
//! t: customers so far; σ_t: standard deviation of one of them, so σ_t/√t is the usual standard
//! error; α: chance that the interval ever leaves out the truth, over all looks together. Source:
//! I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy, A. Ramdas, "Time-uniform central limit theory
//! and asymptotic confidence sequences", Annals of Statistics 52 (2024), theorem 2.2 (Robbins'
//! normal mixture).
//!
//! ρ sets where the sequence is tightest. At the best u, dk²/du = 0 gives
//! u = 2 ln(1/α) + ln(1 + u), and there k² = 1 + u: 3.035 standard errors for α = .05, 1.55 times
//! the 1.96 of one single look.
//!
//! The theorem is about customers that come one after the other, each with an outcome that is
//! complete. Where all are there from the start and buy on, n stays and so does k; a look a day is
//! safe all the same (20,000 simulated walks left 3.035 standard errors in 2.2 % of cases within 30
//! looks, 3.2 % within 90, 4.7 % within 365), but not any number of looks.
//!
//! It is asymptotic: with few customers, or one that outweighs all others, the standard error
//! itself is not known, and [`crate::lift::compare`] gives no interval.

/// A sequence of intervals with one error rate over all looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sequence {
    alpha: f64,
    rho2: f64,
}

impl Sequence {
    /// Tightest when `n_planned` customers are in.
    ///
    /// # Panics
    /// When alpha is not between 0 and 1, or nobody is planned.
    pub fn tightest_at(n_planned: u64, alpha: f64) -> Sequence {
        assert!(alpha > 0.0 && alpha < 1.0, "alpha is {alpha}, not between 0 and 1");
        assert!(n_planned > 0, "an experiment is planned for at least one customer");
        Sequence { alpha, rho2: best_u(alpha) / n_planned as f64 }
    }

    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// k(t): half the interval in standard errors, with `n` customers in.
    ///
    /// # Panics
    /// Without customers there is no standard error to multiply.
    pub fn multiplier(&self, n: u64) -> f64 {
        assert!(n > 0, "no customers, no interval");
        let u = n as f64 * self.rho2;
        (2.0 * (1.0 + 1.0 / u) * (0.5 * u.ln_1p() - self.alpha.ln())).sqrt()
    }
}

/// u = 2 ln(1/α) + ln(1 + u), by repetition: each step divides the error by 1 + u.
fn best_u(alpha: f64) -> f64 {
    let start = -2.0 * alpha.ln();
    (0..60).fold(start, |u, _| start + u.ln_1p())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paper's margin, written as it stands there.
    fn paper(sigma: f64, t: f64, rho: f64, alpha: f64) -> f64 {
        let inner = t * rho * rho + 1.0;
        sigma * (2.0 * inner / (t * t * rho * rho) * (inner.sqrt() / alpha).ln()).sqrt()
    }

    #[test]
    fn the_margin_is_that_of_the_paper() {
        let sequence = Sequence::tightest_at(10_000, 0.05);
        for t in [100_u64, 3_000, 10_000, 50_000] {
            let ours = sequence.multiplier(t) * 2.5 / (t as f64).sqrt();
            let theirs = paper(2.5, t as f64, sequence.rho2.sqrt(), 0.05);
            assert!((ours - theirs).abs() < 1e-12, "at {t}");
        }
    }

    #[test]
    fn it_is_tightest_where_planned_and_there_no_wider_than_1_6_fixed_intervals() {
        for (alpha, z) in [(0.05, 1.959_964), (0.01, 2.575_829), (0.1, 1.644_854)] {
            let at_end = Sequence::tightest_at(10_000, alpha).multiplier(10_000);
            assert!((at_end * at_end - 1.0 - best_u(alpha)).abs() < 1e-9);
            assert!(at_end / z <= 1.6 || alpha > 0.05, "{alpha}: {}", at_end / z);
            for n_planned in [2_000, 5_000, 9_000, 11_000, 20_000, 100_000] {
                let other = Sequence::tightest_at(n_planned, alpha).multiplier(10_000);
                assert!(other > at_end, "planned for {n_planned}");
            }
        }
        let at_end = Sequence::tightest_at(10_000, 0.05).multiplier(10_000);
        assert!((at_end - 3.035).abs() < 0.001, "{at_end}");
    }
}
