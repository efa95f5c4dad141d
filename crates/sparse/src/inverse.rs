//! Columns of a sparse approximate inverse of a symmetric positive definite matrix.
//!
//! ```text
//! S       the rows i ≠ j with the largest a_ij²/a_ii > 0, at most so many
//! A_SS b = a_Sj                       b_i = −P_ij/P_jj
//! d      = a_jj − a_Sjᵀ b             d = 1/P_jj
//! ```
//!
//! P restricted to S ∪ {j} solves A p = e_j there; where S is all rows it is a column of A⁻¹. Each
//! column is a small dense solve of its own: memory is that of one such solve a thread, every order
//! of columns gives the same numbers, and none can spoil another. Sources: fixed patterns, Benson
//! and Frederickson 1982; one regression a column, Meinshausen and Bühlmann 2006; item weights so
//! made, Steck, "Markov Random Fields for Collaborative Filtering", NeurIPS 2019.

use crate::top_k::TopK;

/// The entries of a row beside the diagonal that are not 0, columns rising.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SymmetricRow {
    pub columns: Box<[u32]>,
    pub values: Box<[f32]>,
}

/// A symmetric matrix by rows. An entry may be missing from one of its two rows, not from both:
/// then it is 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Symmetric {
    /// All above 0.
    pub diagonal: Vec<f64>,
    pub rows: Vec<SymmetricRow>,
}

/// One column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InverseColumn {
    /// S, rising.
    pub rows: Box<[u32]>,
    /// b, in order of S.
    pub weights: Box<[f32]>,
    /// d > 0.
    pub pivot: f64,
    /// ‖A_SS b − a_Sj‖∞ / ‖a_Sj‖∞; 0 without rows.
    pub residual: f64,
    /// Were rows given up because the matrix on all of them is not positive definite?
    pub is_cut: bool,
}

/// Reusable memory of one thread.
#[derive(Clone, Debug)]
pub struct ColumnScratch {
    /// Place of a row in `pattern`, [`NOWHERE`] for the others.
    place_of: Vec<u32>,
    top: TopK,
    pattern: Vec<u32>,
    /// A_SS, then L below and on the diagonal, while A stays above it.
    matrix: Vec<f64>,
    diagonal: Vec<f64>,
    right: Vec<f64>,
    solution: Vec<f64>,
}

const NOWHERE: u32 = u32::MAX;
/// Rows so many times as long as the pattern are searched, not read.
const SEARCH_FROM: usize = 16;
/// A pivot below this share of its diagonal is lost in rounding.
const MIN_PIVOT: f64 = 1e-12;

impl Default for ColumnScratch {
    fn default() -> ColumnScratch {
        ColumnScratch {
            place_of: Vec::new(),
            top: TopK::new(0),
            pattern: Vec::new(),
            matrix: Vec::new(),
            diagonal: Vec::new(),
            right: Vec::new(),
            solution: Vec::new(),
        }
    }
}

impl Symmetric {
    /// Column `column` on at most `max_rows` rows. Where the matrix on them is not positive
    /// definite (entries were left out, or rounding ate the diagonal), half of them, the weaker,
    /// is given up, and again. Cost: max_rows³/3 multiplications, and the lengths of the rows.
    pub fn inverse_column(
        &self,
        column: u32,
        max_rows: usize,
        scratch: &mut ColumnScratch,
    ) -> InverseColumn {
        let wanted = self.choose(column, max_rows, scratch);
        let mut n_rows = wanted;
        while n_rows > 0 {
            if let Some(found) = self.attempt(column, n_rows, scratch) {
                return InverseColumn { is_cut: n_rows < wanted, ..found };
            }
            n_rows /= 2;
        }
        let pivot = self.diagonal[column as usize];
        InverseColumn { pivot, is_cut: wanted > 0, ..InverseColumn::default() }
    }

    /// Ranks the rows by what each alone explains of the column. How many there are.
    fn choose(&self, column: u32, max_rows: usize, scratch: &mut ColumnScratch) -> usize {
        let row = &self.rows[column as usize];
        scratch.top.reset(max_rows);
        for (&other, &value) in row.columns.iter().zip(&row.values) {
            let explained = f64::from(value) * f64::from(value) / self.diagonal[other as usize];
            scratch.top.push(other, explained as f32);
        }
        // Where all rows have their place, those that explain only by way of others have it too.
        if max_rows.saturating_add(1) >= self.rows.len() {
            let others = (0..self.rows.len() as u32).filter(|&other| other != column);
            let is_missing = |other: &u32| row.columns.binary_search(other).is_err();
            others.filter(is_missing).for_each(|other| scratch.top.push(other, 0.0));
        }
        scratch.top.sorted().len()
    }

    fn attempt(
        &self,
        column: u32,
        n_rows: usize,
        scratch: &mut ColumnScratch,
    ) -> Option<InverseColumn> {
        let best = &scratch.top.sorted()[..n_rows];
        scratch.pattern.clear();
        scratch.pattern.extend(best.iter().map(|scored| scored.index));
        scratch.pattern.sort_unstable();
        self.fill(column, scratch);
        let ColumnScratch { matrix, diagonal, right, solution, pattern, .. } = scratch;
        if !factor(matrix, diagonal) {
            return None;
        }
        solve(matrix, right, solution);
        let pivot = self.diagonal[column as usize] - dot(right, solution);
        let is_sound = pivot > MIN_PIVOT * self.diagonal[column as usize]
            && solution.iter().all(|value| (*value as f32).is_finite());
        is_sound.then(|| InverseColumn {
            rows: pattern.as_slice().into(),
            weights: solution.iter().map(|&value| value as f32).collect(),
            pivot,
            residual: residual(matrix, diagonal, right, solution),
            is_cut: false,
        })
    }

    /// A_SS and a_Sj of the pattern.
    fn fill(&self, column: u32, scratch: &mut ColumnScratch) {
        let ColumnScratch { place_of, pattern, matrix, diagonal, right, .. } = scratch;
        place_of.resize(self.rows.len().max(place_of.len()), NOWHERE);
        for (place, &row) in pattern.iter().enumerate() {
            place_of[row as usize] = place as u32;
        }
        let n = pattern.len();
        matrix.clear();
        matrix.resize(n * n, 0.0);
        diagonal.clear();
        diagonal.extend(pattern.iter().map(|&row| self.diagonal[row as usize]));
        right.clear();
        right.resize(n, 0.0);
        for (place, &row) in pattern.iter().enumerate() {
            matrix[place * n + place] = diagonal[place];
            let SymmetricRow { columns, values } = &self.rows[row as usize];
            let mut set = |other: usize, value: f32| {
                matrix[place * n + other] = f64::from(value);
                matrix[other * n + place] = f64::from(value);
            };
            if columns.len() > SEARCH_FROM * n {
                for (other, wanted) in pattern.iter().enumerate() {
                    if let Ok(at) = columns.binary_search(wanted) {
                        set(other, values[at]);
                    }
                }
            } else {
                for (&other, &value) in columns.iter().zip(values) {
                    let other = place_of[other as usize];
                    if other != NOWHERE {
                        set(other as usize, value);
                    }
                }
            }
        }
        let row = &self.rows[column as usize];
        for (&other, &value) in row.columns.iter().zip(&row.values) {
            let place = place_of[other as usize];
            if place != NOWHERE {
                right[place as usize] = f64::from(value);
            }
        }
        pattern.iter().for_each(|&row| place_of[row as usize] = NOWHERE);
    }
}

/// Cholesky, row by row, below the diagonal and on it. False: not positive definite.
fn factor(matrix: &mut [f64], diagonal: &[f64]) -> bool {
    let n = diagonal.len();
    for i in 0..n {
        let (above, from) = matrix.split_at_mut(i * n);
        let row = &mut from[..=i];
        for j in 0..i {
            let other = &above[j * n..=j * n + j];
            row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
        }
        let pivot = row[i] - dot(&row[..i], &row[..i]);
        // Written so that NaN fails too.
        if !(pivot > MIN_PIVOT * diagonal[i]) {
            return false;
        }
        row[i] = pivot.sqrt();
    }
    true
}

/// L Lᵀ x = right.
fn solve(matrix: &[f64], right: &[f64], solution: &mut Vec<f64>) {
    let n = right.len();
    solution.clear();
    for i in 0..n {
        let row = &matrix[i * n..=i * n + i];
        let value = (right[i] - dot(&row[..i], solution)) / row[i];
        solution.push(value);
    }
    for i in (0..n).rev() {
        let row = &matrix[i * n..=i * n + i];
        let value = solution[i] / row[i];
        solution[i] = value;
        for (slot, factor) in solution[..i].iter_mut().zip(row) {
            *slot -= value * factor;
        }
    }
}

/// By what of A stands above the diagonal, which the factor leaves alone.
fn residual(matrix: &[f64], diagonal: &[f64], right: &[f64], solution: &[f64]) -> f64 {
    let n = right.len();
    let mut gaps: Vec<f64> = (0..n).map(|i| diagonal[i] * solution[i] - right[i]).collect();
    for i in 0..n {
        let above = &matrix[i * n + i + 1..(i + 1) * n];
        gaps[i] += dot(above, &solution[i + 1..]);
        for (gap, value) in gaps[i + 1..].iter_mut().zip(above) {
            *gap += value * solution[i];
        }
    }
    let largest = |values: &[f64]| {
        values.iter().fold(0.0_f64, |largest, value| {
            if value.is_nan() { f64::INFINITY } else { largest.max(value.abs()) }
        })
    };
    let scale = largest(right);
    if scale > 0.0 { largest(&gaps) / scale } else { largest(&gaps) }
}

/// Four sums side by side: the same numbers on every machine, several times as fast as one.
#[inline]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    let mut sums = [0.0_f64; 4];
    let (chunks_a, chunks_b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = chunks_a.remainder().iter().zip(chunks_b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in chunks_a.zip(chunks_b) {
        for lane in 0..4 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

#[cfg(test)]
mod tests;
