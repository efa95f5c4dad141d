//! What would another policy have earned, judged from what this one did?
//!
//! The log holds for each decision i the reward r_i, the chance b_i with which the logging policy
//! took the action it took, and π_i, the chance with which the policy in question would have.
//!
//! ```text
//! w = π/b
//! IPS    mean of w·r                                        (Horvitz & Thompson 1952)
//! SNIPS  Σ w·r / Σ w                                        (Swaminathan & Joachims 2015)
//! DR     mean of v + w (r − q)                              (Dudík, Langford & Li 2011)
//! DRos   the same with ŵ = λw/(w² + λ) in place of w        (Su et al. 2020)
//! effective sample size  n_e = (Σ w)²/Σ w²                  (Kish 1965)
//! ```
//!
//! q: reward foretold for the action taken, v = Σ_a π(a)·q(a), from a model that has not seen row
//! i. λ: of a grid, the one with the least estimated squared error s²/n + B², among those with B at
//! most half a standard error. B = |bias| + its standard error, bias the mean of (ŵ − w)(r − q).
//!
//! Each estimate is a mean of influence values φ_i; intervals are those of a skew mean
//! ([`crate::skew`]), since clicks are rare and weights long-tailed. That of DR holds whatever the
//! model is worth: its mean is the truth for any q that has not seen the row, and q's own errors
//! matter only in the second order. Not so of DRos: what is shrunk away is replaced by q, whose
//! errors all rows share and no spread over rows shows. Intervals by that spread covered 81 % where
//! they promised 95. So DRos gets the interval of DR, stretched to hold its estimate: the narrowest
//! that is known to hold, for no regular estimate beats DR's spread without knowing more of q
//! (Robins, Rotnitzky & Zhao 1994). Where the log says nothing about the policy there is no
//! estimate but a reason ([`CannotKnow`]).

use crate::skew::{SkewInterval, skew_interval};

/// Effective sample size below which nothing is said.
pub const MIN_EFFECTIVE: f64 = 200.0;
/// The same of rewarded decisions alone, (Σ w·r)²/Σ (w·r)²: an interval around three clicks is not
/// to be trusted however it is computed.
pub const MIN_EFFECTIVE_REWARDS: f64 = 10.0;
/// Share of the policy's choices that the log may never have made.
pub const MAX_UNSEEN: f64 = 0.05;
/// Σw/n is 1 where the log covers the policy; standard errors from 1 that are taken for chance.
const MAX_OFF_ONE: f64 = 4.0;
const SHRINKAGE_STEPS: i32 = 40;

/// Decisions as logged. All slices have one value a decision.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    pub reward: &'a [f64],
    /// π/b, at least 0.
    pub weight: &'a [f64],
    /// q of the action taken; of 0 everywhere, DR is IPS.
    pub foretold: &'a [f64],
    /// v = Σ_a π(a)·q(a).
    pub foretold_policy: &'a [f64],
    /// Part of the policy's choices whose actions the log never took in that context.
    pub unseen_share: f64,
}

/// One estimate and its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value {
    pub value: f64,
    pub standard_error: f64,
    pub low: f64,
    pub high: f64,
}

/// Why the log cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CannotKnow {
    #[error("the log is empty")]
    NoDecisions,
    #[error(
        "the log is worth {effective:.0} decisions of the new policy, {MIN_EFFECTIVE:.0} are \
         needed: the two choose too differently, or the log is too short"
    )]
    TooFewEffective { effective: f64 },
    #[error(
        "the rewards are worth {effective:.1} decisions of the new policy, \
         {MIN_EFFECTIVE_REWARDS:.0} are needed: log for longer"
    )]
    TooFewRewards { effective: f64 },
    #[error(
        "{:.0} % of what the new policy would choose was never logged, at most {:.0} % may be: \
         log with more exploration",
        share * 100.0,
        MAX_UNSEEN * 100.0
    )]
    NeverTried { share: f64 },
    #[error(
        "the mean weight is {mean:.2} where 1 is expected: the logged chances are not those with \
         which the log was made"
    )]
    WrongPropensities { mean: f64 },
}

/// What the weights look like, whether or not an estimate could be made.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weights {
    pub n: usize,
    pub effective: f64,
    pub effective_rewards: f64,
    pub mean: f64,
    pub largest: f64,
}

/// All estimates of a policy's mean reward.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimates {
    pub ips: Value,
    pub snips: Value,
    /// The one to go by.
    pub dr: Value,
    /// DR with shrunk weights: often nearer where weights are large, no surer; its interval is that
    /// of DR.
    pub dr_shrunk: Value,
    /// λ; infinite where nothing was shrunk.
    pub shrinkage: f64,
}

/// What there is to know.
///
/// # Panics
/// When the slices differ in length, or hold a number that is not finite or a weight below 0.
pub fn weights_of(log: &Log<'_>) -> Weights {
    let n = log.reward.len();
    let lengths = [log.weight.len(), log.foretold.len(), log.foretold_policy.len()];
    assert!(lengths.iter().all(|&len| len == n), "{n} rewards, but {lengths:?}");
    let is_finite = |column: &[f64]| column.iter().all(|x| x.is_finite());
    let columns = [log.reward, log.weight, log.foretold, log.foretold_policy];
    assert!(columns.into_iter().all(is_finite), "a number in the log is not finite");
    assert!(log.weight.iter().all(|&w| w >= 0.0), "a weight is below 0");
    if n == 0 {
        return Weights::default();
    }
    let paid: Vec<f64> = log.weight.iter().zip(log.reward).map(|(w, r)| w * r.abs()).collect();
    Weights {
        n,
        effective: effective(log.weight),
        effective_rewards: effective(&paid),
        mean: mean(log.weight),
        largest: log.weight.iter().copied().fold(0.0, f64::max),
    }
}

/// (Σx)²/Σx²; 0 where all are 0.
fn effective(values: &[f64]) -> f64 {
    let (sum, squares) = values.iter().fold((0.0, 0.0), |(s, q), x| (s + x, q + x * x));
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Estimates the policy's mean reward with intervals of `level` (.95), or says why not.
///
/// # Panics
/// As [`weights_of`].
pub fn evaluate(log: &Log<'_>, level: f64) -> Result<Estimates, CannotKnow> {
    let weights = weights_of(log);
    refuse(log, &weights)?;
    let rows = || log.weight.iter().zip(log.reward);
    let paid: Vec<f64> = rows().map(|(w, r)| w * r).collect();
    let ips = value_of(&paid, level);
    let ratio = paid.iter().sum::<f64>() / log.weight.iter().sum::<f64>();
    let around: Vec<f64> = rows().map(|(w, r)| ratio + w * (r - ratio) / weights.mean).collect();
    let snips = value_of(&around, level);
    let dr = value_of(&influence(log, f64::INFINITY), level);
    let shrinkage = best_shrinkage(log, &weights);
    let value = mean(&influence(log, shrinkage));
    let dr_shrunk = Value { value, low: dr.low.min(value), high: dr.high.max(value), ..dr };
    Ok(Estimates { ips, snips, dr, dr_shrunk, shrinkage })
}

fn refuse(log: &Log<'_>, weights: &Weights) -> Result<(), CannotKnow> {
    if weights.n == 0 {
        return Err(CannotKnow::NoDecisions);
    }
    if log.unseen_share > MAX_UNSEEN {
        return Err(CannotKnow::NeverTried { share: log.unseen_share });
    }
    if weights.effective < MIN_EFFECTIVE {
        return Err(CannotKnow::TooFewEffective { effective: weights.effective });
    }
    // Σw²/n = mean²·n/n_e, so the weights' variance is mean²·(n/n_e − 1).
    let n = weights.n as f64;
    let se = weights.mean * ((n / weights.effective - 1.0).max(0.0) / n).sqrt();
    // Rounded propensities put a constant weight a little off 1.
    if (weights.mean - 1.0).abs() > MAX_OFF_ONE * se + log.unseen_share + 1e-3 {
        return Err(CannotKnow::WrongPropensities { mean: weights.mean });
    }
    if weights.effective_rewards < MIN_EFFECTIVE_REWARDS {
        return Err(CannotKnow::TooFewRewards { effective: weights.effective_rewards });
    }
    Ok(())
}

fn value_of(influence: &[f64], level: f64) -> Value {
    let SkewInterval { mean, standard_error, low, high } = skew_interval(influence, level);
    Value { value: mean, standard_error, low, high }
}

/// w under shrinkage λ.
fn shrunk(weight: f64, lambda: f64) -> f64 {
    if lambda.is_infinite() { weight } else { lambda * weight / (weight * weight + lambda) }
}

fn influence(log: &Log<'_>, lambda: f64) -> Vec<f64> {
    (0..log.reward.len())
        .map(|i| {
            let weight = shrunk(log.weight[i], lambda);
            log.foretold_policy[i] + weight * (log.reward[i] - log.foretold[i])
        })
        .collect()
}

/// λ.
fn best_shrinkage(log: &Log<'_>, weights: &Weights) -> f64 {
    let largest = weights.largest.max(1e-9).powi(2);
    let mut best = f64::INFINITY;
    let mut least = Shrunk::of(log, f64::INFINITY).squared_error();
    for step in 0..SHRINKAGE_STEPS {
        let lambda = largest * 100.0 * 10_f64.powf(-f64::from(step) / 5.0);
        let shrunk = Shrunk::of(log, lambda);
        if shrunk.squared_error() < least && shrunk.bias_bound() <= 0.5 * shrunk.variance.sqrt() {
            (best, least) = (lambda, shrunk.squared_error());
        }
    }
    best
}

/// What shrinking does to the estimate.
struct Shrunk {
    /// Of the estimate.
    variance: f64,
    bias: f64,
    /// Of the bias, which is itself a mean.
    bias_variance: f64,
}

impl Shrunk {
    fn of(log: &Log<'_>, lambda: f64) -> Shrunk {
        let lost = |i: usize| {
            let weight = log.weight[i];
            (shrunk(weight, lambda) - weight) * (log.reward[i] - log.foretold[i])
        };
        let (_, variance) = mean_and_variance(influence(log, lambda).into_iter());
        let (bias, bias_variance) = mean_and_variance((0..log.reward.len()).map(lost));
        Shrunk { variance, bias, bias_variance }
    }

    /// The bias is counted as one standard error larger: of many that are looked at, the one that
    /// happens to look small would win.
    fn bias_bound(&self) -> f64 {
        self.bias.abs() + self.bias_variance.sqrt()
    }

    fn squared_error(&self) -> f64 {
        self.variance + self.bias_bound().powi(2)
    }
}

/// The mean, and the variance of that mean.
fn mean_and_variance(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut sums = crate::moments::Moments::<1>::default();
    values.for_each(|value| sums.push(&[value]));
    (sums.mean(0), sums.covariance(0, 0) / sums.n().max(1) as f64)
}

#[cfg(test)]
mod tests;
