//! Do the arms have the customers they were promised?
//!
//! If 5 % were to be held out and 4.2 % are, something loses customers of one arm, and no
//! comparison is worth reading. Two tests:
//!
//! ```text
//! χ² = Σ (n_k − n·s_k)²/(n·s_k),  K − 1 degrees of freedom               (Pearson 1900)
//! E_n = Γ(c)/Γ(c + n) · Π Γ(c·s_k + n_k)/Γ(c·s_k) · Π s_k^−n_k            (Lindon & Malek 2022)
//! ```
//!
//! s: planned shares, n_k: customers of arm k, c: weight of the Dirichlet prior around the plan.
//! E_n is a martingale with mean 1 where the plan holds, so it ever reaches 1/α with chance α at
//! the most (Ville 1939): 1/E is a p-value that may be looked at every day. The χ² test may be
//! looked at once. Alarm: the former below α = .0005, as large test platforms use, since it stops
//! the experiment. M. Lindon, A. Malek, "Anytime-valid inference for multinomial count data",
//! NeurIPS 35 (2022).

use statrs::distribution::{ChiSquared, ContinuousCDF};
use statrs::function::gamma::ln_gamma;

/// Chance of a false alarm.
pub const ALARM_ALPHA: f64 = 0.0005;
/// c: about so many customers off the plan are expected under the alternative; chosen so that
/// deviations of a few percent are found soonest.
const PRIOR_WEIGHT: f64 = 100.0;

/// What the counts say about the plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleRatio {
    /// p-value of Pearson's test, for one look.
    pub p_once: f64,
    /// p-value that holds at every look.
    pub p_always: f64,
}

impl SampleRatio {
    /// The arms are not what was planned.
    ///
    /// Looking every day is the use here, so the sequential p-value decides.
    pub fn is_alarm(&self) -> bool {
        self.p_always < ALARM_ALPHA
    }
}

/// Counts of customers against planned shares. `None` without customers.
///
/// # Panics
/// When shares and counts differ in number, or the shares are not positive with sum 1.
pub fn check(counts: &[u64], shares: &[f64]) -> Option<SampleRatio> {
    assert_eq!(counts.len(), shares.len(), "one planned share an arm");
    let sum: f64 = shares.iter().sum();
    assert!(shares.iter().all(|&s| s > 0.0) && (sum - 1.0).abs() < 1e-9, "shares: {shares:?}");
    let n: u64 = counts.iter().sum();
    if n == 0 || counts.len() < 2 {
        return None;
    }
    let expected = |share: &f64| n as f64 * share;
    let chi2: f64 = counts
        .iter()
        .zip(shares)
        .map(|(&count, share)| (count as f64 - expected(share)).powi(2) / expected(share))
        .sum();
    let p_once = ChiSquared::new((counts.len() - 1) as f64).ok()?.sf(chi2);
    Some(SampleRatio { p_once, p_always: (-ln_evidence(counts, shares)).exp().min(1.0) })
}

/// Treated and others of several periods, each with the share that was to be treated in it. `None`
/// without customers.
///
/// Each period starts a gamble of its own with what the one before left, so the product of their
/// evidence is a martingale as each is. For one look: z² of the sum of what is off,
/// (Σ n_kt − n_k·s_k)²/Σ n_k·s_k·(1 − s_k); of one period that is Pearson's χ².
///
/// # Panics
/// When a share is not between 0 and 1.
pub fn check_periods(periods: &[([u64; 2], f64)]) -> Option<SampleRatio> {
    let (mut ln_evidence_of_all, mut off, mut variance) = (0.0, 0.0, 0.0);
    for (counts, share) in periods.iter().filter(|(counts, _)| counts.iter().sum::<u64>() > 0) {
        assert!(*share > 0.0 && *share < 1.0, "share: {share}");
        let n = counts.iter().sum::<u64>() as f64;
        ln_evidence_of_all += ln_evidence(counts, &[*share, 1.0 - share]);
        off += counts[0] as f64 - n * share;
        variance += n * share * (1.0 - share);
    }
    (variance > 0.0).then_some(())?;
    let p_once = ChiSquared::new(1.0).ok()?.sf(off * off / variance);
    Some(SampleRatio { p_once, p_always: (-ln_evidence_of_all).exp().min(1.0) })
}

/// ln E_n.
fn ln_evidence(counts: &[u64], shares: &[f64]) -> f64 {
    let n: u64 = counts.iter().sum();
    let arms: f64 = counts
        .iter()
        .zip(shares)
        .map(|(&count, &share)| {
            let prior = PRIOR_WEIGHT * share;
            ln_gamma(prior + count as f64) - ln_gamma(prior) - count as f64 * share.ln()
        })
        .sum();
    arms + ln_gamma(PRIOR_WEIGHT) - ln_gamma(PRIOR_WEIGHT + n as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// scipy.stats.chisquare([4853, 5147], [5000, 5000]).pvalue
    #[test]
    fn pearsons_p_value_is_that_of_scipy() {
        let found = check(&[4_853, 5_147], &[0.5, 0.5]).expect("customers");
        assert!((found.p_once - 0.003_282_1).abs() < 1e-6, "{}", found.p_once);
        assert!(!found.is_alarm());
    }

    /// E_n as the product of its one-step predictions: what a gambler would have.
    #[test]
    fn the_evidence_is_the_product_of_its_steps() {
        let shares = [0.05, 0.95];
        let (mut counts, mut ln_product) = ([0_u64; 2], 0.0);
        for step in 0..500_u64 {
            let arm = usize::from(step % 13 != 0);
            let n = counts.iter().sum::<u64>() as f64;
            let predicted = (PRIOR_WEIGHT * shares[arm] + counts[arm] as f64) / (PRIOR_WEIGHT + n);
            ln_product += (predicted / shares[arm]).ln();
            counts[arm] += 1;
        }
        assert!((ln_evidence(&counts, &shares) - ln_product).abs() < 1e-8);
    }

    #[test]
    fn a_lost_sixth_of_the_holdout_is_found_and_chance_is_not() {
        let shares = [0.05, 0.95];
        let lost = check(&[4_200, 95_000], &shares).expect("customers");
        assert!(lost.is_alarm() && lost.p_once < 1e-9, "{lost:?}");
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut n_alarms = 0;
        for _ in 0..2_000 {
            let (mut held, mut is_alarmed) = (0, false);
            for day in 1..=30_u64 {
                held += (0..100).filter(|_| rng.next_u32() % 20 == 0).count() as u64;
                is_alarmed |= check(&[held, day * 100 - held], &shares).expect("some").is_alarm();
            }
            n_alarms += u32::from(is_alarmed);
        }
        assert!(n_alarms <= 5, "{n_alarms} alarms of 2,000 at a chance of .0005");
    }

    #[test]
    fn periods_are_held_to_their_own_shares() {
        let one = check_periods(&[([4_853, 5_147], 0.5)]).expect("customers");
        assert!((one.p_once - 0.003_282_1).abs() < 1e-6, "{}", one.p_once);
        assert_eq!(Some(one.p_always), check(&[4_853, 5_147], &[0.5; 2]).map(|one| one.p_always));
        let kept = check_periods(&[([500, 500], 0.5), ([9_500, 500], 0.95)]).expect("customers");
        assert!(!kept.is_alarm() && kept.p_once > 0.99, "{kept:?}");
        let lost = check_periods(&[([500, 300], 0.5), ([9_500, 500], 0.95)]).expect("customers");
        assert!(lost.is_alarm(), "{lost:?}");
        assert_eq!(check_periods(&[([0, 0], 0.5)]), None);
    }

    #[test]
    fn nobody_is_no_evidence() {
        assert_eq!(check(&[0, 0], &[0.5, 0.5]), None);
    }
}
