//! Who responds, in money: learned from customers of whom a random part was shown nothing, and told
//! only where customers who were not learned from bear it out.
//!
//! ```text
//! m(x)  = E[y | x]                                by least squares, from the other folds
//! τ     = argmin Σ (y − m(x) − (t − e) τ(x))² + λ|β|²,    τ(x) = β₀ + βᵀx
//! ```
//!
//! x: what was known of a customer before any offer ([`Known`]); y: net revenue since then, the few
//! largest cut ([`Winsor`]); t: 1 for who may be shown offers; e: the share of them that was
//! promised when the customer was assigned. That is the R-learner of X. Nie, S. Wager,
//! "Quasi-oracle estimation of heterogeneous treatment effects", Biometrika 108 (2021), with P.
//! Robinson's residuals (Econometrica 56, 1988): one regression of y over both arms in place of one
//! in each, for a holdout of one in twenty is too small for a regression of its own.
//!
//! **Told or not.** τ of each customer from the other folds ranks them. Only where the Qini of that
//! ranking ([`super::qini`]) is above 0 by the whole of its interval, and those with τ ≤ 0 are not
//! surely moved all the same, does anything come out of [`learn`]. Otherwise it says why not.
//!
//! O(customers · features²), and the resamples of the Qini.

use super::qini::{RankedBy, Ranking};
use crate::assignment::{UnitId, place_of};
use crate::bootstrap::{BootstrapSpec, Interval};
use crate::cholesky::Cholesky;
use crate::folds::fold_of;
use crate::logistic::{Rows, dot};
use crate::moments::Moments;
use crate::winsor::{MIN_BUYERS, Winsor};

/// Customers that each arm needs.
pub const MIN_CUSTOMERS: usize = 200;
/// Of those whom the offers would be kept from, so many in each arm must have been watched.
pub const MIN_LEFT_OUT: u64 = 30;
const TAIL: f64 = 0.01;
const FOLDS: usize = 5;
const RIDGE: f64 = 1.0;
const LEVEL: f64 = 0.95;
/// Of a normal variable, for [`LEVEL`].
const Z: f64 = 1.96;
const TOP_SHARE: f64 = 0.3;
const SEED: u64 = 11;
const N_RESAMPLES: u32 = 400;
/// Above so many customers fewer resamples do: what they take grows with the customers.
const MANY: usize = 200_000;
const N_RESAMPLES_OF_MANY: u32 = 100;

/// The name under which customers are divided.
const DIVISION: &str = "spending";
/// Of customers who are not expected to respond, this share is offered something all the same: by
/// them it is seen when they change, and what is learned next is learned from them.
pub const OFFERED_ANYWAY: f64 = 0.1;

/// Is this unit of the share that is always offered something?
pub fn is_offered_anyway(unit: UnitId, key: u64) -> bool {
    place_of(unit, DIVISION, key) < OFFERED_ANYWAY
}

/// The share to be treated among who is held out and who is always offered something, where of all
/// `share` were to be treated.
pub fn share_of_always_offered(share: f64) -> f64 {
    let always = share * OFFERED_ANYWAY;
    always / (always + 1.0 - share)
}

/// What is known of a customer at a moment: of the days before it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Known {
    pub orders: f64,
    /// Net of returns.
    pub revenue: f64,
    pub pieces: f64,
    pub days_since_order: f64,
}

/// Features that a [`Known`] comes to.
const N_FEATURES: usize = 5;

impl Known {
    /// Logarithms, for the tenth order says less than the second: orders, spend, spend an order,
    /// pieces, days since the last.
    fn features(&self) -> [f64; N_FEATURES] {
        let spent = self.revenue.max(0.0);
        let an_order = spent / self.orders.max(1.0);
        [self.orders, spent, an_order, self.pieces, self.days_since_order]
            .map(|x| x.max(0.0).ln_1p())
    }
}

/// One customer who was watched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watched {
    /// Before the first assignment.
    pub known: Known,
    pub is_treated: bool,
    /// The share that was to be treated when this customer was assigned.
    pub share_treated: f64,
    /// Since the first assignment, net of returns.
    pub revenue: f64,
}

/// Why nothing is told.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NotTold {
    #[error(
        "nothing can be told yet: each arm needs {MIN_CUSTOMERS} customers who had ordered before"
    )]
    TooFew,
    #[error("nothing can be told yet: {MIN_BUYERS} must have bought since, and {n_buyers} did")]
    TooFewBuyers { n_buyers: usize },
    #[error("customers cannot be told apart by what they did before")]
    AllAlike,
    #[error(
        "nothing can be told yet: the ranking is not surely better than chance (Qini {:+.4}, from \
         {:+.4} to {:+.4})", .0.mean, .0.low, .0.high
    )]
    NotClear(Interval),
    #[error(
        "nothing can be told yet: of the {n} customers whom offers would not move, fewer than \
         {MIN_LEFT_OUT} were watched in an arm"
    )]
    FewLeftOut { n: u64 },
    #[error(
        "those whom offers would not move are moved all the same: {:+.2} each, from {:+.2} to \
         {:+.2}", .0.mean, .0.low, .0.high
    )]
    LeftOutAreMoved(Interval),
}

/// What was learned, and what bears it out.
#[derive(Clone, Debug, PartialEq)]
pub struct Responders {
    model: Model,
    pub evidence: Evidence,
}

/// Of customers that were not learned from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    pub n_treated: u64,
    pub n_control: u64,
    pub qini: Interval,
    /// Of those with the largest τ, 30 %: what offers brought each.
    pub uplift_at: Interval,
    /// Customers whom offers would not move (τ ≤ 0), and what offers brought each of them.
    pub n_left_out: u64,
    pub left_out: Option<Interval>,
    /// The same of all others.
    pub rest: Option<Interval>,
}

/// τ over standardized features.
#[derive(Clone, Debug, PartialEq)]
struct Model {
    scale: Vec<(f64, f64)>,
    beta: Vec<f64>,
}

impl Responders {
    /// τ: the revenue that offers bring of a customer of whom this is known.
    pub fn uplift(&self, known: &Known) -> f64 {
        self.model.predict(known)
    }
}

impl Model {
    fn predict(&self, known: &Known) -> f64 {
        let x = standardized(&known.features(), &self.scale);
        dot(&x, &self.beta)
    }
}

/// A 1, then each feature by its mean and deviation.
fn standardized(features: &[f64; N_FEATURES], scale: &[(f64, f64)]) -> [f64; N_FEATURES + 1] {
    std::array::from_fn(|at| match at.checked_sub(1) {
        None => 1.0,
        Some(at) => (features[at] - scale[at].0) / scale[at].1,
    })
}

/// Learns who responds. Deterministic: the same customers in the same order give the same bits.
pub fn learn(customers: &[Watched]) -> Result<Responders, NotTold> {
    let n_treated = customers.iter().filter(|one| one.is_treated).count();
    let n_control = customers.len() - n_treated;
    if n_treated.min(n_control) < MIN_CUSTOMERS {
        return Err(NotTold::TooFew);
    }
    let revenues: Vec<f64> = customers.iter().map(|one| one.revenue).collect();
    let n_buyers = revenues.iter().filter(|&&revenue| revenue > 0.0).count();
    let cap = Winsor::of_buyers(&revenues, TAIL).ok_or(NotTold::TooFewBuyers { n_buyers })?;
    let study = Study::of(customers, &cap);
    let model = study.fit(&|_| true).ok_or(NotTold::AllAlike)?;
    let held_out = study.predict_held_out().ok_or(NotTold::AllAlike)?;
    let evidence = study.evidence(&held_out)?;
    Ok(Responders { model, evidence })
}

/// The customers as the regressions see them.
struct Study {
    scale: Vec<(f64, f64)>,
    rows: Rows,
    treated: Vec<bool>,
    /// t − e.
    sides: Vec<f64>,
    outcome: Vec<f64>,
}

impl Study {
    fn of(customers: &[Watched], cap: &Winsor) -> Study {
        let features: Vec<[f64; N_FEATURES]> =
            customers.iter().map(|one| one.known.features()).collect();
        let scale: Vec<(f64, f64)> = (0..N_FEATURES).map(|at| scale_of(&features, at)).collect();
        let values = features.iter().flat_map(|row| standardized(row, &scale)).collect();
        let side = |one: &Watched| f64::from(u8::from(one.is_treated)) - one.share_treated;
        Study {
            rows: Rows { n_columns: N_FEATURES + 1, values },
            treated: customers.iter().map(|one| one.is_treated).collect(),
            sides: customers.iter().map(side).collect(),
            outcome: customers.iter().map(|one| cap.apply(one.revenue)).collect(),
            scale,
        }
    }

    /// τ of those that `is_in`. `None` when the system has no solution.
    fn fit(&self, is_in: &dyn Fn(usize) -> bool) -> Option<Model> {
        let mut expected = vec![0.0; self.rows.len()];
        for fold in 0..FOLDS {
            let others = |i: usize| is_in(i) && inner_fold(i) != fold;
            let beta = self.squares(&others, &|_| 1.0, &|i| self.outcome[i])?;
            for (i, row) in self.rows.iter().enumerate() {
                if inner_fold(i) == fold {
                    expected[i] = dot(row, &beta);
                }
            }
        }
        // The square of (t − e)·τ less the residual is that of τ less residual/(t − e), weighed by
        // (t − e)².
        let weight = |i: usize| self.sides[i].powi(2);
        let aim = |i: usize| (self.outcome[i] - expected[i]) / self.sides[i];
        let beta = self.squares(is_in, &weight, &aim)?;
        Some(Model { scale: self.scale.clone(), beta })
    }

    /// Weighed least squares with a weak ridge on all but the first coefficient.
    fn squares(
        &self,
        is_in: &dyn Fn(usize) -> bool,
        weight: &dyn Fn(usize) -> f64,
        aim: &dyn Fn(usize) -> f64,
    ) -> Option<Vec<f64>> {
        let d = self.rows.n_columns;
        let (mut gram, mut sums) = (vec![0.0; d * d], vec![0.0; d]);
        for (i, row) in self.rows.iter().enumerate().filter(|(i, _)| is_in(*i)) {
            let (weight, aim) = (weight(i), aim(i));
            for (at, x) in row.iter().enumerate() {
                sums[at] += weight * x * aim;
                let entries = gram[at * d..].iter_mut().zip(&row[..=at]);
                entries.for_each(|(entry, other)| *entry += weight * x * other);
            }
        }
        (1..d).for_each(|at| gram[at * d + at] += RIDGE);
        Some(Cholesky::of(gram, d)?.solve(&sums))
    }

    /// τ of each customer by what the other folds taught.
    fn predict_held_out(&self) -> Option<Vec<f64>> {
        let mut predicted = vec![0.0; self.rows.len()];
        for fold in 0..FOLDS {
            let model = self.fit(&|i| fold_of(i, FOLDS) != fold)?;
            for (i, row) in self.rows.iter().enumerate() {
                if fold_of(i, FOLDS) == fold {
                    predicted[i] = dot(row, &model.beta);
                }
            }
        }
        Some(predicted)
    }

    fn evidence(&self, predicted: &[f64]) -> Result<Evidence, NotTold> {
        let ranking =
            Ranking { treated: &self.treated, outcome: &self.outcome, top_share: TOP_SHARE };
        let is_many = self.rows.len() > MANY;
        let n_resamples = if is_many { N_RESAMPLES_OF_MANY } else { N_RESAMPLES };
        let spec = BootstrapSpec { n_resamples, level: LEVEL, seed: SEED };
        let ranked = ranking.measure(&[predicted], &spec).and_then(|mut all| all.pop());
        let intervals = ranked.as_ref().and_then(|ranked: &RankedBy| ranked.intervals(LEVEL));
        let [qini, uplift_at] = intervals.ok_or(NotTold::AllAlike)?;
        if !(qini.low > 0.0) {
            return Err(NotTold::NotClear(qini));
        }
        let (left_out, n_left_out) = self.effect_on(&|i| predicted[i] <= 0.0);
        let (rest, _) = self.effect_on(&|i| predicted[i] > 0.0);
        if n_left_out > 0 && left_out.is_none() {
            return Err(NotTold::FewLeftOut { n: n_left_out });
        }
        if let Some(moved) = left_out.filter(|effect| effect.low > 0.0) {
            return Err(NotTold::LeftOutAreMoved(moved));
        }
        let n_treated = self.treated.iter().filter(|&&treated| treated).count() as u64;
        let n_control = self.treated.len() as u64 - n_treated;
        Ok(Evidence { n_treated, n_control, qini, uplift_at, n_left_out, left_out, rest })
    }

    /// What offers brought each of some customers, and how many they are. `None` where one arm of
    /// them is too small.
    fn effect_on(&self, is_in: &dyn Fn(usize) -> bool) -> (Option<Interval>, u64) {
        let mut arms = [Moments::<1>::default(), Moments::default()];
        for i in (0..self.treated.len()).filter(|&i| is_in(i)) {
            arms[usize::from(self.treated[i])].push(&[self.outcome[i]]);
        }
        let n = arms[0].n() + arms[1].n();
        if arms.iter().any(|arm| arm.n() < MIN_LEFT_OUT) {
            return (None, n);
        }
        let mean = arms[1].mean(0) - arms[0].mean(0);
        let variance: f64 = arms.iter().map(|arm| arm.covariance(0, 0) / arm.n() as f64).sum();
        let within = Z * variance.sqrt();
        (Some(Interval { mean, low: mean - within, high: mean + within }), n)
    }
}

/// Other folds than those that are predicted, or each would lose the same fifth twice.
fn inner_fold(i: usize) -> usize {
    fold_of(i ^ 0x5555_5555, FOLDS)
}

/// Mean and deviation; a constant column becomes 0.
fn scale_of(features: &[[f64; N_FEATURES]], at: usize) -> (f64, f64) {
    let n = features.len() as f64;
    let mean = features.iter().map(|row| row[at]).sum::<f64>() / n;
    let sd = (features.iter().map(|row| (row[at] - mean).powi(2)).sum::<f64>() / n).sqrt();
    (mean, if sd > 1e-9 * mean.abs().max(1e-9) { sd } else { 1.0 })
}

#[cfg(test)]
mod tests;
