//! Logistic regression with a ridge, by Newton's method.
//!
//! ```text
//! maximise Σ y ln p + (1 − y) ln(1 − p) − ½ Σ_j λ_j β_j²,   p = 1/(1 + exp(−xᵀβ))
//! step: H⁻¹ g,   g = Xᵀ(y − p) − Λβ,   H = XᵀWX + Λ,  W = p(1 − p)
//! ```
//!
//! Iteratively reweighted least squares (P. McCullagh, J. Nelder, "Generalized linear models",
//! 1989, 2.5) with the penalty of S. le Cessie, J. van Houwelingen, Applied Statistics 41 (1992). A
//! step that does not gain is halved. Each coefficient has its own λ, so that some may be free and
//! others held back. O(rows · d²) a step, about six steps.

use crate::cholesky::Cholesky;

const MAX_STEPS: usize = 50;
const MAX_HALVINGS: i32 = 20;
/// Largest change of a coefficient at which the fit is done.
const TOLERANCE: f64 = 1e-6;

/// Rows of the same length, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub n_columns: usize,
    pub values: Vec<f64>,
}

impl Rows {
    pub fn iter(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.n_columns.max(1))
    }

    pub fn len(&self) -> usize {
        self.values.len() / self.n_columns.max(1)
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// A fitted regression.
#[derive(Clone, Debug)]
pub(crate) struct Logistic {
    pub beta: Vec<f64>,
    /// H before the last step, factored.
    pub curvature: Cholesky,
}

/// Fits to the end. `None` when the curvature is not positive definite: give unneeded columns a
/// ridge.
pub(crate) fn fit(rows: &Rows, y: &[f64], ridge: &[f64]) -> Option<Logistic> {
    climb(rows, y, ridge, vec![0.0; rows.n_columns], MAX_STEPS)
}

/// At most `n_steps` (at least 1) from `beta` on.
pub(crate) fn climb(
    rows: &Rows,
    y: &[f64],
    ridge: &[f64],
    mut beta: Vec<f64>,
    n_steps: usize,
) -> Option<Logistic> {
    let d = rows.n_columns;
    assert!(ridge.len() == d && y.len() == rows.len(), "rows, outcomes and ridge do not fit");
    let mut height = objective(rows, y, ridge, &beta);
    let mut done = 0;
    loop {
        let (gradient, hessian) = slopes(rows, y, ridge, &beta);
        let curvature = Cholesky::of(hessian, d)?;
        let step = curvature.solve(&gradient);
        let along = |share: f64| -> Vec<f64> {
            beta.iter().zip(&step).map(|(b, s)| b + share * s).collect()
        };
        let reached = (0..MAX_HALVINGS).find_map(|halvings| {
            let tried = along(0.5_f64.powi(halvings));
            let reached = objective(rows, y, ridge, &tried);
            (reached >= height).then_some((tried, reached))
        });
        // No part of the step gains: the top is reached as far as numbers go.
        let Some((tried, reached)) = reached else { return Some(Logistic { beta, curvature }) };
        let largest = tried.iter().zip(&beta).fold(0.0_f64, |l, (a, b)| l.max((a - b).abs()));
        (beta, height, done) = (tried, reached, done + 1);
        if largest < TOLERANCE || done >= n_steps {
            return Some(Logistic { beta, curvature });
        }
    }
}

pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn objective(rows: &Rows, y: &[f64], ridge: &[f64], beta: &[f64]) -> f64 {
    let fit: f64 = rows
        .iter()
        .zip(y)
        .map(|(row, y)| {
            let x = dot(row, beta);
            // ln p = −ln(1 + e^−x) without overflow.
            y * x - (x.max(0.0) + (-x.abs()).exp().ln_1p())
        })
        .sum();
    fit - 0.5 * ridge.iter().zip(beta).map(|(l, b)| l * b * b).sum::<f64>()
}

/// Gradient and the lower triangle of the curvature.
fn slopes(rows: &Rows, y: &[f64], ridge: &[f64], beta: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let d = rows.n_columns;
    let mut gradient: Vec<f64> = ridge.iter().zip(beta).map(|(l, b)| -l * b).collect();
    let mut hessian = vec![0.0; d * d];
    for (row, y) in rows.iter().zip(y) {
        let p = sigmoid(dot(row, beta));
        let weight = p * (1.0 - p);
        for (i, &x) in row.iter().enumerate() {
            gradient[i] += x * (y - p);
            let scaled = weight * x;
            for (entry, &other) in hessian[i * d..].iter_mut().zip(&row[..=i]) {
                *entry += scaled * other;
            }
        }
    }
    for i in 0..d {
        hessian[i * d + i] += ridge[i];
    }
    (gradient, hessian)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: usize) -> (Rows, Vec<f64>) {
        let values = (0..n).flat_map(|i| {
            let x = (i % 7) as f64 - 3.0;
            [1.0, x, ((i * i) % 5) as f64]
        });
        let y = (0..n).map(|i| f64::from(u8::from((i * 31 + i * i * 7) % 11 < 4 + i % 3)));
        (Rows { n_columns: 3, values: values.collect() }, y.collect())
    }

    /// The twin: slow ascent on the same objective.
    #[test]
    fn newton_finds_what_plain_ascent_finds() {
        let (rows, y) = rows(200);
        let ridge = [0.0, 2.0, 0.5];
        let fitted = fit(&rows, &y, &ridge).expect("a curvature");
        let mut beta = vec![0.0; 3];
        for _ in 0..20_000 {
            let (gradient, _) = slopes(&rows, &y, &ridge, &beta);
            beta.iter_mut().zip(&gradient).for_each(|(b, g)| *b += 2e-4 * g);
        }
        for (ours, theirs) in fitted.beta.iter().zip(&beta) {
            assert!((ours - theirs).abs() < 1e-6, "{:?} and {beta:?}", fitted.beta);
        }
    }

    #[test]
    fn separated_outcomes_stay_finite_with_a_ridge() {
        let rows =
            Rows { n_columns: 2, values: (0..40).flat_map(|i| [1.0, f64::from(i)]).collect() };
        let y: Vec<f64> = (0..40).map(|i| f64::from(u8::from(i >= 20))).collect();
        let fitted = fit(&rows, &y, &[0.0, 1.0]).expect("a curvature");
        assert!(fitted.beta.iter().all(|b| b.is_finite()), "{:?}", fitted.beta);
        assert!(dot(&fitted.beta, &[1.0, 0.0]) < 0.0 && dot(&fitted.beta, &[1.0, 39.0]) > 0.0);
    }

    #[test]
    fn a_column_of_zeros_needs_a_ridge() {
        let rows = Rows { n_columns: 2, values: [1.0, 0.0].repeat(10) };
        let y: Vec<f64> = (0..10).map(|i| f64::from(i % 2)).collect();
        assert!(fit(&rows, &y, &[0.0, 0.0]).is_none());
        assert!(fit(&rows, &y, &[0.0, 1.0]).is_some());
    }
}
