//! Learners of uplift on logistic regressions.
//!
//! | learner | τ(x) | source |
//! |---|---|---|
//! | T | p₁(x) − p₀(x), one regression an arm | Künzel et al. 2019 |
//! | S | p(x, 1) − p(x, 0), one regression with the treatment and its products with x | the same |
//! | DR | least squares of ψ on x | Kennedy 2023 |
//! | S with relevance | S, every product with a ridge of its own, learned | MacKay 1994 |
//! | response | p₁(x): who buys, not who is moved; to compare with | |
//!
//! ```text
//! ψ = p₁ − p₀ + t (y − p₁)/e − (1 − t)(y − p₀)/(1 − e),   p from the other folds, e share treated
//! λ_j ← γ_j/β_j²,   γ_j = 1 − λ_j (H⁻¹)_jj                (automatic relevance determination)
//! ```
//!
//! In the last S learner a feature along which the effect does not change loses its product (λ_j
//! grows without bound), one that does keeps it nearly free: between T, which believes every
//! difference of the arms' coefficients, and one effect for all. The treatment enters as t − e, so
//! that the product does not stand for the feature itself. D. MacKay, "Bayesian nonlinear modeling
//! for the prediction competition", ASHRAE 100 (1994); S. Künzel, J. Sekhon, P. Bickel, B. Yu, PNAS
//! 116 (2019); E. Kennedy, "Towards optimal doubly robust estimation of heterogeneous causal
//! effects", EJS 17 (2023).
//!
//! Features are standardized by the mean and deviation of the training rows. O(rows · features²).

use crate::cholesky::Cholesky;
use crate::folds::fold_of;
use crate::logistic::{self, Rows, dot, sigmoid};

/// λ of what is not learned: weak, for columns that are the same or constant.
const RIDGE: f64 = 1.0;
const RELEVANCE_STEPS: usize = 15;
const FULL_CLIMB: usize = 20;
const RELEVANCE_START: f64 = 100.0;
const RELEVANCE_RANGE: (f64, f64) = (1.0, 1e6);
const FOLDS: usize = 5;

/// Customers of a randomized experiment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Experiment {
    pub features: Rows,
    pub treated: Vec<bool>,
    /// 0 or 1.
    pub outcome: Vec<f64>,
}

impl Experiment {
    pub fn len(&self) -> usize {
        self.treated.len()
    }

    pub fn is_empty(&self) -> bool {
        self.treated.is_empty()
    }

    fn share_treated(&self) -> f64 {
        self.treated.iter().filter(|&&treated| treated).count() as f64 / self.len() as f64
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learner {
    Response,
    TLogistic,
    SLogistic,
    DrLogistic,
    SRelevance,
}

/// Why a model could not be learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UpliftError {
    #[error(
        "{responders} of {customers} customers of one arm responded; learning needs \
         {MIN_RESPONDERS} who did and as many who did not, in each arm"
    )]
    TooFewResponders { responders: usize, customers: usize },
    #[error("a feature is not a finite number, or so large that its square is not")]
    BadFeature,
}

/// Customers with and without the outcome that each arm needs.
pub const MIN_RESPONDERS: usize = 10;

/// A learned effect.
#[derive(Clone, Debug, PartialEq)]
pub struct UpliftModel {
    /// Mean and deviation of each feature.
    scale: Vec<(f64, f64)>,
    form: Form,
}

#[derive(Clone, Debug, PartialEq)]
enum Form {
    One(Vec<f64>),
    Two { treated: Vec<f64>, control: Vec<f64> },
    Linear(Vec<f64>),
}

/// Learns.
///
/// # Panics
/// When the parts of the experiment differ in length, or an outcome is not 0 or 1.
pub fn fit(learner: Learner, experiment: &Experiment) -> Result<UpliftModel, UpliftError> {
    check(experiment)?;
    let scale = scale_of(&experiment.features);
    let rows = standardized(&experiment.features, &scale);
    let form = match learner {
        Learner::Response => arm(&rows, experiment, true).map(Form::One),
        Learner::TLogistic => two(&rows, experiment, &|_| true),
        Learner::SLogistic => joint(&rows, experiment, 0),
        Learner::SRelevance => joint(&rows, experiment, RELEVANCE_STEPS),
        Learner::DrLogistic => doubly_robust(&rows, experiment),
    };
    Ok(UpliftModel { scale, form: form.ok_or(UpliftError::BadFeature)? })
}

impl UpliftModel {
    /// τ of one customer (of `Response`: the chance of the outcome).
    ///
    /// # Panics
    /// When the row has another number of features than the training rows.
    pub fn predict(&self, features: &[f64]) -> f64 {
        assert_eq!(features.len(), self.scale.len(), "another number of features");
        let score = |beta: &[f64]| {
            let slopes = features.iter().zip(&self.scale).zip(&beta[1..]);
            beta[0] + slopes.map(|((x, (mean, sd)), b)| (x - mean) / sd * b).sum::<f64>()
        };
        match &self.form {
            Form::One(beta) => sigmoid(score(beta)),
            Form::Two { treated, control } => sigmoid(score(treated)) - sigmoid(score(control)),
            Form::Linear(beta) => score(beta),
        }
    }
}

fn check(experiment: &Experiment) -> Result<(), UpliftError> {
    let Experiment { features, treated, outcome } = experiment;
    let n = treated.len();
    assert!(features.len() == n && outcome.len() == n, "parts of different lengths");
    assert!(outcome.iter().all(|&y| y == 0.0 || y == 1.0), "an outcome is not 0 or 1");
    for side in [true, false] {
        let of_arm = || treated.iter().zip(outcome).filter(move |(t, _)| **t == side);
        let (customers, responders) =
            (of_arm().count(), of_arm().filter(|(_, y)| **y > 0.0).count());
        if responders.min(customers - responders) < MIN_RESPONDERS {
            return Err(UpliftError::TooFewResponders { responders, customers });
        }
    }
    let largest = f64::MAX.sqrt() / n as f64;
    let is_sound = features.values.iter().all(|x| x.abs() < largest);
    if is_sound { Ok(()) } else { Err(UpliftError::BadFeature) }
}

fn scale_of(features: &Rows) -> Vec<(f64, f64)> {
    let n = features.len() as f64;
    (0..features.n_columns)
        .map(|column| {
            let values = || features.iter().map(move |row| row[column]);
            let mean = values().sum::<f64>() / n;
            let sd = (values().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
            // A constant column becomes 0 and leaves the rest to its ridge.
            (mean, if sd > 1e-9 * mean.abs().max(1e-9) { sd } else { 1.0 })
        })
        .collect()
}

/// A 1, then the standardized features.
fn standardized(features: &Rows, scale: &[(f64, f64)]) -> Rows {
    let mut values = Vec::with_capacity(features.len() * (scale.len() + 1));
    for row in features.iter() {
        values.push(1.0);
        values.extend(row.iter().zip(scale).map(|(x, (mean, sd))| (x - mean) / sd));
    }
    Rows { n_columns: scale.len() + 1, values }
}

/// Free intercept, weak ridge on the rest.
fn weak_ridge(n_columns: usize) -> Vec<f64> {
    (0..n_columns).map(|column| if column == 0 { 0.0 } else { RIDGE }).collect()
}

fn part(rows: &Rows, experiment: &Experiment, keep: &dyn Fn(usize) -> bool) -> (Rows, Vec<f64>) {
    let mut kept = Rows { n_columns: rows.n_columns, values: Vec::new() };
    let mut y = Vec::new();
    for (i, row) in rows.iter().enumerate().filter(|(i, _)| keep(*i)) {
        kept.values.extend_from_slice(row);
        y.push(experiment.outcome[i]);
    }
    (kept, y)
}

/// Coefficients of one arm.
fn arm(rows: &Rows, experiment: &Experiment, treated: bool) -> Option<Vec<f64>> {
    arm_of(rows, experiment, treated, &|_| true)
}

fn arm_of(
    rows: &Rows,
    experiment: &Experiment,
    treated: bool,
    keep: &dyn Fn(usize) -> bool,
) -> Option<Vec<f64>> {
    let (kept, y) = part(rows, experiment, &|i| experiment.treated[i] == treated && keep(i));
    Some(logistic::fit(&kept, &y, &weak_ridge(rows.n_columns))?.beta)
}

fn two(rows: &Rows, experiment: &Experiment, keep: &dyn Fn(usize) -> bool) -> Option<Form> {
    let treated = arm_of(rows, experiment, true, keep)?;
    let control = arm_of(rows, experiment, false, keep)?;
    Some(Form::Two { treated, control })
}

/// The S learners: x and (t − e)·x in one regression, `steps` of relevance.
fn joint(rows: &Rows, experiment: &Experiment, steps: usize) -> Option<Form> {
    let d = rows.n_columns;
    let share = experiment.share_treated();
    let mut values = Vec::with_capacity(rows.values.len() * 2);
    for (row, &treated) in rows.iter().zip(&experiment.treated) {
        let side = f64::from(u8::from(treated)) - share;
        values.extend_from_slice(row);
        values.extend(row.iter().map(|x| x * side));
    }
    let wide = Rows { n_columns: 2 * d, values };
    let mut ridge = [weak_ridge(d), weak_ridge(d)].concat();
    if steps > 0 {
        ridge[d + 1..].fill(RELEVANCE_START);
    }
    let mut fitted = logistic::fit(&wide, &experiment.outcome, &ridge)?;
    for _ in 0..steps {
        let spread = fitted.curvature.inverse_diagonal();
        for j in d + 1..2 * d {
            let known = 1.0 - ridge[j] * spread[j];
            let (low, high) = RELEVANCE_RANGE;
            ridge[j] = (known / fitted.beta[j].powi(2).max(1e-12)).clamp(low, high);
        }
        // One step each: the ridges still move, and the last ones are followed by a full climb.
        fitted = logistic::climb(&wide, &experiment.outcome, &ridge, fitted.beta, 1)?;
    }
    if steps > 0 {
        fitted = logistic::climb(&wide, &experiment.outcome, &ridge, fitted.beta, FULL_CLIMB)?;
    }
    let (plain, product) = fitted.beta.split_at(d);
    let at = |side: f64| plain.iter().zip(product).map(|(b, p)| b + side * p).collect();
    Some(Form::Two { treated: at(1.0 - share), control: at(-share) })
}

/// Least squares on ψ; arms' regressions are those of the other folds.
fn doubly_robust(rows: &Rows, experiment: &Experiment) -> Option<Form> {
    let d = rows.n_columns;
    let share = experiment.share_treated();
    let mut psi = vec![0.0; rows.len()];
    for fold in 0..FOLDS {
        let Form::Two { treated, control } = two(rows, experiment, &|i| fold_of(i, FOLDS) != fold)?
        else {
            return None;
        };
        for (i, row) in rows.iter().enumerate().filter(|(i, _)| fold_of(*i, FOLDS) == fold) {
            let (with, without) = (sigmoid(dot(row, &treated)), sigmoid(dot(row, &control)));
            let y = experiment.outcome[i];
            let rest = if experiment.treated[i] {
                (y - with) / share
            } else {
                -(y - without) / (1.0 - share)
            };
            psi[i] = with - without + rest;
        }
    }
    let mut gram = vec![0.0; d * d];
    let mut sums = vec![0.0; d];
    for (row, psi) in rows.iter().zip(&psi) {
        for (i, x) in row.iter().enumerate() {
            sums[i] += x * psi;
            gram[i * d..].iter_mut().zip(&row[..=i]).for_each(|(entry, other)| *entry += x * other);
        }
    }
    weak_ridge(d).iter().enumerate().for_each(|(i, ridge)| gram[i * d + i] += ridge);
    Some(Form::Linear(Cholesky::of(gram, d)?.solve(&sums)))
}

#[cfg(test)]
mod tests;
