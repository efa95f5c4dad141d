//! Item weights for catalogs too large for EASE: those of a sparse approximate inverse.
//!
//! ```text
//! G = Xᵀ W X + λ I                         as EASE's, entries by the Gram builder
//! b, d of column j                         sparse::inverse, on its best `neighbors` rows
//! P_jj = 1/d_j,  P_ij = −b_i/d_j           in column j, where i is among its rows
//! P_ij                                     the mean of P_ij and P_ji, or the one there is
//! B_ij = −P_ij/P_jj                        i ≠ j
//! score(j | cart) = Σ_{i in cart} B_ij
//! ```
//!
//! Why a solve for each item, and not a factor with limited fill (Spišák et al., "Scalable
//! Approximate NonSymmetric Autoencoder", RecSys 2023): docs/math.md has what was measured.
//!
//! Complexity: Σ|b|² for G; items × neighbors³/3 for the columns, side by side. Memory: 8 bytes an
//! entry of G, of which an item keeps `gram_per_item`, its likest; 32 bytes one of the columns.
//! Every number of threads gives the same bytes. Every column ends with a residual check, and some
//! columns are held against the baskets once more, from which G comes.

use crate::ease::{self, BasketGram, EaseParams};
use crate::error::Error;
use crate::gram::{self, BasketWeights, GramRow};
use crate::progress::{Progress, Step};
use history::Baskets;
use rayon::prelude::*;
use snapshot::tables::names;
use snapshot::{Rows, SnapshotWriter};
use sparse::{ColumnScratch, Csr, InverseColumn, Symmetric, SymmetricRow, TopK};

/// Largest residual of a column's own solve.
pub const MAX_RESIDUAL: f64 = 1e-6;
/// Largest residual of a column against the baskets: entries of G are sums of f32.
pub const MAX_BASKET_RESIDUAL: f64 = 1e-3;
/// Columns that are held against the baskets, evenly over the catalog; each costs one pass.
const N_CHECKED: usize = 8;
/// Bytes of an entry of G.
pub(crate) const BYTES_PER_CELL: u64 = 8;
/// Bytes of an entry of the columns, with what is made of it before they are let go.
pub(crate) const BYTES_PER_ENTRY: u64 = 32;
/// Bytes of an item: boxes of its row and its column.
pub(crate) const BYTES_PER_ITEM: u64 = 160;
/// Items between two reports of progress.
const BLOCK: usize = 4_096;

/// How dense the inverse is.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseInverseParams {
    /// Rows of a column at the most: the fill.
    pub neighbors: usize,
    /// Entries of G that an item keeps, those with the largest cosine. An entry that neither of its
    /// items keeps is taken for 0.
    pub gram_per_item: usize,
    /// Weights that an item of the cart may give, the largest by their size.
    pub per_item: usize,
}

impl Default for SparseInverseParams {
    fn default() -> SparseInverseParams {
        SparseInverseParams { neighbors: 128, gram_per_item: 2_000, per_item: 500 }
    }
}

/// B by rows: what an item of the cart gives to others, items rising.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseWeights {
    pub rows: Csr,
    pub weights: Vec<f32>,
    /// The largest of all columns.
    pub residual: f64,
    /// Columns that gave up some of their rows.
    pub n_cut: usize,
}

impl SparseWeights {
    pub fn row(&self, item: u32) -> (&[u32], &[f32]) {
        let rows = self.rows.view();
        (rows.row(item as usize), &self.weights[rows.range(item as usize)])
    }

    pub fn write(&self, writer: &mut SnapshotWriter) {
        Rows::write(writer, names::SPARSE_INVERSE, &self.rows, &self.weights);
    }
}

/// Learns the weights of all items.
///
/// # Errors
/// [`Error::BadSolve`] where a column does not solve its equations, or not those of the baskets.
pub fn learn(
    baskets: &Baskets,
    n_items: usize,
    ease: &EaseParams,
    params: &SparseInverseParams,
    max_basket_items: usize,
    progress: &dyn Progress,
) -> Result<SparseWeights, Error> {
    let weights = basket_weights(baskets, ease, max_basket_items);
    let gram = gram_of(baskets, n_items, &weights, ease.lambda, params.gram_per_item);
    progress.report(Step::Ease, 0.3);
    let columns = columns_of(&gram, params.neighbors, progress)?;
    let is_whole = gram.rows.iter().all(|row| row.columns.len() < params.gram_per_item);
    drop(gram);
    if is_whole {
        check_by_baskets(baskets, n_items, &weights, ease.lambda, &columns)?;
    }
    let residual = columns.iter().map(|column| column.residual).fold(0.0, f64::max);
    let n_cut = columns.iter().filter(|column| column.is_cut).count();
    let (rows, weights) = rows_of(&columns, params.per_item);
    Ok(SparseWeights { rows, weights, residual, n_cut })
}

/// EASE's weights; 0 for baskets that tell nothing about pairs and cost |b|².
fn basket_weights(baskets: &Baskets, ease: &EaseParams, max_items: usize) -> BasketWeights {
    let rows = baskets.items.view();
    let of_ease = ease::basket_weights(baskets, ease).into_iter().zip(rows.rows());
    let recent: Vec<f32> = of_ease
        .map(|(weight, basket)| if basket.len() > max_items { 0.0 } else { weight as f32 })
        .collect();
    let n_left_out = rows.rows().filter(|basket| basket.len() > max_items).count();
    BasketWeights { short: vec![0.0; recent.len()], recent, n_left_out }
}

fn gram_of(
    baskets: &Baskets,
    n_items: usize,
    weights: &BasketWeights,
    lambda: f64,
    per_item: usize,
) -> Symmetric {
    let mut diagonal = vec![lambda; n_items];
    for (basket, &weight) in baskets.items.view().rows().zip(&weights.recent) {
        basket.iter().for_each(|&item| diagonal[item as usize] += f64::from(weight));
    }
    let baskets_of = baskets.items.view().transpose(n_items);
    let rows = gram::map_rows(baskets.items.view(), &baskets_of, weights, |row| {
        kept_row(row, &diagonal, per_item)
    });
    Symmetric { diagonal, rows }
}

/// The entries with the largest cosine, columns rising.
fn kept_row(row: &GramRow<'_>, diagonal: &[f64], per_item: usize) -> SymmetricRow {
    let mut columns: Vec<u32> = row.neighbors.to_vec();
    if columns.len() > per_item {
        let mut top = TopK::new(per_item);
        for &column in &columns {
            let value = f64::from(row.cell(column).recent);
            top.push(column, (value * value / diagonal[column as usize]) as f32);
        }
        columns = top.sorted().iter().map(|scored| scored.index).collect();
    }
    columns.sort_unstable();
    let values = columns.iter().map(|&column| row.cell(column).recent).collect();
    SymmetricRow { columns: columns.into(), values }
}

fn columns_of(
    gram: &Symmetric,
    neighbors: usize,
    progress: &dyn Progress,
) -> Result<Vec<InverseColumn>, Error> {
    let n_items = gram.rows.len();
    let mut columns: Vec<InverseColumn> = Vec::with_capacity(n_items);
    for from in (0..n_items).step_by(BLOCK) {
        let items = from as u32..(from + BLOCK).min(n_items) as u32;
        let block: Vec<InverseColumn> = items
            .into_par_iter()
            .with_min_len(8)
            .map_init(ColumnScratch::default, |scratch, item| {
                gram.inverse_column(item, neighbors, scratch)
            })
            .collect();
        columns.extend(block);
        progress.report(Step::Ease, 0.3 + 0.6 * columns.len() as f32 / n_items as f32);
    }
    match columns.iter().map(|column| column.residual).find(|&found| !(found <= MAX_RESIDUAL)) {
        Some(residual) => Err(Error::BadSolve { residual, allowed: MAX_RESIDUAL }),
        None => Ok(columns),
    }
}

/// Some columns against the equations as the baskets have them: (G v)_S = 0 for v of b and −1 at j.
fn check_by_baskets(
    baskets: &Baskets,
    n_items: usize,
    weights: &BasketWeights,
    lambda: f64,
    columns: &[InverseColumn],
) -> Result<(), Error> {
    let items: Vec<u32> = (0..n_items as u32).collect();
    let weights: Vec<f64> = weights.recent.iter().map(|&weight| f64::from(weight)).collect();
    let gram = BasketGram { baskets, items: &items, n_items, weights: &weights, lambda };
    let step = columns.len().div_ceil(N_CHECKED).max(1);
    for (item, column) in columns.iter().enumerate().step_by(step) {
        let mut v = vec![0.0; n_items];
        for (&row, &weight) in column.rows.iter().zip(&column.weights) {
            v[row as usize] = f64::from(weight);
        }
        let explained = gram.times(&v);
        v.fill(0.0);
        v[item] = 1.0;
        let own = gram.times(&v);
        let largest = |of: &dyn Fn(usize) -> f64| {
            column.rows.iter().map(|&row| of(row as usize).abs()).fold(0.0, f64::max)
        };
        // Weights too small for an f32 are 0, which is no fault.
        let scale = largest(&|row| own[row]) + lambda * f64::from(f32::MIN_POSITIVE);
        let gap = largest(&|row| explained[row] - own[row]);
        let residual = gap / scale.max(f64::MIN_POSITIVE);
        if !(residual <= MAX_BASKET_RESIDUAL) {
            return Err(Error::BadSolve { residual, allowed: MAX_BASKET_RESIDUAL });
        }
    }
    Ok(())
}

/// B by rows, of each row the largest `per_item`.
fn rows_of(columns: &[InverseColumn], per_item: usize) -> (Csr, Vec<f32>) {
    let (turned, turned_weights) = transposed(columns);
    let (mut rows, mut weights) = (Csr::default(), Vec::new());
    for from in (0..columns.len()).step_by(BLOCK) {
        let block: Vec<Vec<(u32, f32)>> = (from..(from + BLOCK).min(columns.len()))
            .into_par_iter()
            .map(|item| {
                let range = turned.view().range(item);
                let given = (&turned.indices[range.clone()], &turned_weights[range]);
                largest_of(row_of(item, given, columns), per_item)
            })
            .collect();
        for row in block {
            rows.indices.extend(row.iter().map(|(column, _)| *column));
            weights.extend(row.iter().map(|(_, weight)| *weight));
            rows.offsets.push(rows.indices.len() as u64);
        }
    }
    (rows, weights)
}

/// For each row the columns that it is in, rising, with its b.
fn transposed(columns: &[InverseColumn]) -> (Csr, Vec<f32>) {
    let mut offsets = vec![0_u64; columns.len() + 1];
    for &row in columns.iter().flat_map(|column| &column.rows) {
        offsets[row as usize + 1] += 1;
    }
    for row in 0..columns.len() {
        offsets[row + 1] += offsets[row];
    }
    let n_entries = offsets[columns.len()] as usize;
    let (mut indices, mut weights) = (vec![0_u32; n_entries], vec![0.0_f32; n_entries]);
    let mut next = offsets[..columns.len()].to_vec();
    for (item, column) in columns.iter().enumerate() {
        for (&row, &weight) in column.rows.iter().zip(&column.weights) {
            let at = &mut next[row as usize];
            (indices[*at as usize], weights[*at as usize]) = (item as u32, weight);
            *at += 1;
        }
    }
    (Csr { offsets, indices }, weights)
}

/// B_ij of row i: what the columns j say of it (`given`), and what its own column says of them.
fn row_of(
    item: usize,
    (given, given_weights): (&[u32], &[f32]),
    columns: &[InverseColumn],
) -> Vec<(u32, f32)> {
    let own = &columns[item];
    // P_ji/P_jj by way of column i: b_ji d_j/d_i.
    let turned = |at: usize| {
        let other = own.rows[at] as usize;
        f64::from(own.weights[at]) * columns[other].pivot / own.pivot
    };
    let (mut a, mut b) = (0, 0);
    let mut row = Vec::with_capacity(given.len() + own.rows.len());
    while a < given.len() || b < own.rows.len() {
        let next_given = given.get(a).copied().unwrap_or(u32::MAX);
        let next_own = own.rows.get(b).copied().unwrap_or(u32::MAX);
        let weight = match next_given.cmp(&next_own) {
            std::cmp::Ordering::Less => f64::from(given_weights[a]),
            std::cmp::Ordering::Greater => turned(b),
            std::cmp::Ordering::Equal => (f64::from(given_weights[a]) + turned(b)) / 2.0,
        };
        row.push((next_given.min(next_own), weight as f32));
        a += usize::from(next_given <= next_own);
        b += usize::from(next_own <= next_given);
    }
    row.retain(|(_, weight)| weight.is_finite() && *weight != 0.0);
    row
}

fn largest_of(mut row: Vec<(u32, f32)>, per_item: usize) -> Vec<(u32, f32)> {
    if row.len() > per_item {
        let mut top = TopK::new(per_item);
        row.iter().for_each(|&(column, weight)| top.push(column, weight.abs()));
        let mut kept: Vec<u32> = top.sorted().iter().map(|scored| scored.index).collect();
        kept.sort_unstable();
        row.retain(|(column, _)| kept.binary_search(column).is_ok());
    }
    row
}

#[cfg(test)]
mod tests;
