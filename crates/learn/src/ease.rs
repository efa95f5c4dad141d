//! EASE: item weights in closed form.
//!
//! ```text
//! G = Xᵀ W X + λ I        X: baskets × items, W: basket weights
//! P = G⁻¹
//! B[i][j] = −P[i][j] / P[j][j]   (i ≠ j),   B[i][i] = 0
//! score(j | cart) = Σ_{i in cart} B[i][j]
//! ```
//!
//! Source: H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, eq. 8.
//! Our deviations: baskets in place of users; baskets are weighted by recency and length, scaled
//! so that the weighted number of lines stays that of the data, which keeps λ comparable.
//!
//! Complexity: Σ|b|² for G and m³ for Cholesky and inverse; 16 m² bytes while solving, for G is
//! overwritten by its factor and that by the inverse; 4 m² in the snapshot. Every solve ends with a
//! residual check on a random vector, for which G v is taken from the baskets once more: parallel
//! products were silently wrong once (faer#273).

use crate::error::Error;
use crate::recency;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::triangular_inverse::invert_lower_triangular;
use faer::{Accum, Mat, MatRef, Par};
use history::Baskets;
use rayon::prelude::*;
use snapshot::SnapshotWriter;
use snapshot::tables::{NONE, names};

/// Largest residual ‖G P v − v‖∞ / ‖v‖∞ that a solve may leave.
pub const MAX_RESIDUAL: f64 = 1e-6;
/// Bytes needed while solving, per item squared: the factor and its inverse, in f64. What comes
/// after, the inverse and the weights made of it, is less.
pub const BYTES_PER_CELL: usize = 16;

/// How baskets are weighted and how strongly weights are held down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EaseParams {
    /// λ > 0, in baskets.
    pub lambda: f64,
    /// `None`: all baskets count alike.
    pub half_life_days: Option<f64>,
    /// p in |b|^-p, from 0 (all lines alike) to 1.
    pub length_exponent: f64,
}

/// Row-major weights among `items`.
#[derive(Clone, Debug, PartialEq)]
pub struct EaseWeights {
    /// Item of each row and column.
    pub items: Vec<u32>,
    pub weights: Vec<f32>,
    pub residual: f64,
}

impl EaseWeights {
    pub fn row(&self, row: usize) -> &[f32] {
        let n = self.items.len();
        &self.weights[row * n..(row + 1) * n]
    }

    /// `n_items`: size of the catalogue.
    pub fn write(&self, n_items: usize, writer: &mut SnapshotWriter) {
        let mut row_of_item = vec![NONE; n_items];
        for (row, &item) in self.items.iter().enumerate() {
            row_of_item[item as usize] = row as u32;
        }
        writer.add(names::EASE_ROW_OF_ITEM, &row_of_item);
        writer.add(names::EASE_ITEM_OF_ROW, &self.items);
        writer.add(names::EASE_WEIGHTS, &self.weights);
    }
}

/// The best-selling `limit` items that were sold at all, by dense index.
pub fn core_items(n_baskets_of: &[u32], limit: usize) -> Vec<u32> {
    let mut items: Vec<u32> =
        (0..n_baskets_of.len() as u32).filter(|&item| n_baskets_of[item as usize] > 0).collect();
    if items.len() > limit {
        items.sort_by_key(|&item| (std::cmp::Reverse(n_baskets_of[item as usize]), item));
        items.truncate(limit);
        items.sort_unstable();
    }
    items
}

/// Learns the weights of `items` (rising, distinct).
pub fn learn(
    baskets: &Baskets,
    items: Vec<u32>,
    n_items: usize,
    params: &EaseParams,
    seed: u64,
) -> Result<EaseWeights, Error> {
    if items.is_empty() {
        return Ok(EaseWeights { items, weights: Vec::new(), residual: 0.0 });
    }
    let weights = basket_weights(baskets, params);
    let gram =
        BasketGram { baskets, items: &items, n_items, weights: &weights, lambda: params.lambda };
    let inverse = invert(gram.dense(), params.lambda)?;
    let residual = check(|v| gram.times(v), &inverse, seed)?;
    Ok(EaseWeights { weights: weights_of(inverse.as_ref()), items, residual })
}

/// Weight of each basket, scaled so that Σ w_b |b| = Σ |b|.
pub(crate) fn basket_weights(baskets: &Baskets, params: &EaseParams) -> Vec<f64> {
    let rows = baskets.items.view();
    let mut weights = recency::weights(baskets, params.half_life_days);
    for (weight, basket) in weights.iter_mut().zip(rows.rows()) {
        *weight *= (basket.len().max(1) as f64).powf(-params.length_exponent);
    }
    let n_weighted: f64 =
        rows.rows().zip(&weights).map(|(basket, weight)| basket.len() as f64 * weight).sum();
    if n_weighted > 0.0 {
        let scale = rows.n_entries() as f64 / n_weighted;
        weights.iter_mut().for_each(|weight| *weight *= scale);
    }
    weights
}

/// G, as a matrix and as what it does to a vector.
pub(crate) struct BasketGram<'a> {
    pub(crate) baskets: &'a Baskets,
    /// Item of each row and column.
    pub(crate) items: &'a [u32],
    pub(crate) n_items: usize,
    pub(crate) weights: &'a [f64],
    pub(crate) lambda: f64,
}

impl BasketGram<'_> {
    /// Column of each item, `u32::MAX` for those without.
    fn columns(&self) -> Vec<u32> {
        let mut column_of = vec![u32::MAX; self.n_items];
        for (column, &item) in self.items.iter().enumerate() {
            column_of[item as usize] = column as u32;
        }
        column_of
    }

    /// Both triangles, columns made in parallel.
    fn dense(&self) -> Mat<f64> {
        let n = self.items.len();
        let column_of = self.columns();
        let rows = self.baskets.items.view();
        let baskets_of = rows.transpose(self.n_items);
        let mut gram = Mat::<f64>::zeros(n, n);
        gram.as_mut().par_col_chunks_mut(1).enumerate().for_each(|(column, mut chunk)| {
            let column_mut = chunk
                .as_mut()
                .col_mut(0)
                .try_as_col_major_mut()
                .expect("columns of a fresh matrix are contiguous")
                .as_slice_mut();
            for &basket in baskets_of.view().row(self.items[column] as usize) {
                let weight = self.weights[basket as usize];
                for &item in rows.row(basket as usize) {
                    let at = column_of[item as usize];
                    if at != u32::MAX {
                        column_mut[at as usize] += weight;
                    }
                }
            }
            column_mut[column] += self.lambda;
        });
        gram
    }

    /// G v by way of the baskets: Xᵀ W (X v) + λ v.
    pub(crate) fn times(&self, v: &[f64]) -> Vec<f64> {
        let column_of = self.columns();
        let mut product: Vec<f64> = v.iter().map(|value| self.lambda * value).collect();
        for (basket, &weight) in self.baskets.items.view().rows().zip(self.weights) {
            let columns = || {
                let columns = basket.iter().map(|&item| column_of[item as usize]);
                columns.filter(|&column| column != u32::MAX).map(|column| column as usize)
            };
            let sum: f64 = columns().map(|column| v[column]).sum();
            columns().for_each(|column| product[column] += weight * sum);
        }
        product
    }
}

/// The lower triangle of G⁻¹ = L⁻ᵀ L⁻¹, in the memory of G; what stands above it means nothing.
fn invert(gram: Mat<f64>, lambda: f64) -> Result<Mat<f64>, Error> {
    let n = gram.nrows();
    let par = Par::rayon(0);
    let mut factor = gram;
    let scratch = llt::factor::cholesky_in_place_scratch::<f64>(n, par, Default::default());
    llt::factor::cholesky_in_place(
        factor.as_mut(),
        Default::default(),
        par,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|_| Error::NotPositiveDefinite { lambda })?;
    let mut inverse = Mat::<f64>::zeros(n, n);
    invert_lower_triangular(inverse.as_mut(), factor.as_ref(), par);
    let mut product = factor;
    matmul(
        product.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Replace,
        inverse.transpose(),
        BlockStructure::TriangularUpper,
        inverse.as_ref(),
        BlockStructure::TriangularLower,
        1.0,
        par,
    );
    Ok(product)
}

#[inline]
fn symmetric(lower: MatRef<'_, f64>, row: usize, column: usize) -> f64 {
    if row >= column { lower[(row, column)] } else { lower[(column, row)] }
}

/// The residual of a solve; an error when it is too large, so that nothing is made of it. `times`:
/// G v.
fn check(times: impl Fn(&[f64]) -> Vec<f64>, inverse: &Mat<f64>, seed: u64) -> Result<f64, Error> {
    let residual = residual_of(times, inverse, seed);
    if residual <= MAX_RESIDUAL {
        Ok(residual)
    } else {
        Err(Error::BadSolve { residual, allowed: MAX_RESIDUAL })
    }
}

/// ‖G P v − v‖∞ / ‖v‖∞ for one pseudo-random v of ±1.
fn residual_of(times: impl Fn(&[f64]) -> Vec<f64>, inverse: &Mat<f64>, seed: u64) -> f64 {
    let n = inverse.nrows();
    let v: Vec<f64> = (0..n)
        .map(|at| {
            let bytes = [seed.to_le_bytes(), (at as u64).to_le_bytes()].concat();
            if rapidhash::v3::rapidhash_v3(&bytes) & 1 == 0 { 1.0 } else { -1.0 }
        })
        .collect();
    // P v by columns of the lower triangle: each holds a column below and a row right of it.
    let mut pv = vec![0.0; n];
    for column in 0..n {
        let values = &inverse.col_as_slice(column)[column..];
        pv[column] += values[0] * v[column];
        let mut sum = 0.0;
        for (at, &value) in values.iter().enumerate().skip(1) {
            pv[column + at] += value * v[column];
            sum += value * v[column + at];
        }
        pv[column] += sum;
    }
    let gaps = times(&pv).into_iter().zip(&v).map(|(product, v)| (product - v).abs());
    gaps.fold(0.0, |a, b| if b.is_nan() { f64::INFINITY } else { f64::max(a, b) })
}

/// B in row-major f32 from the lower triangle of P.
fn weights_of(inverse: MatRef<'_, f64>) -> Vec<f32> {
    let n = inverse.nrows();
    let scale: Vec<f64> = (0..n).map(|at| -1.0 / inverse[(at, at)]).collect();
    let mut weights = vec![0.0_f32; n * n];
    // Tiles keep both the row that is written and the columns that are read in cache.
    const TILE: usize = 64;
    weights.par_chunks_mut(n * TILE).enumerate().for_each(|(tile, rows)| {
        let first_row = tile * TILE;
        for first_column in (0..n).step_by(TILE) {
            for (at, row) in rows.chunks_exact_mut(n).enumerate() {
                let row_idx = first_row + at;
                let last = (first_column + TILE).min(n);
                for column in first_column..last {
                    if column != row_idx {
                        row[column] = (symmetric(inverse, row_idx, column) * scale[column]) as f32;
                    }
                }
            }
        }
    });
    weights
}

#[cfg(test)]
mod tests;
