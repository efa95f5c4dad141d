//! Sums over customers that can be added up: count, means, and products of deviations.
//!
//! ```text
//! n,   m_i = Σ x_i / n,   S_ij = Σ (x_i − m_i)(x_j − m_j),   a_i: rows with x_i ≠ 0
//! ```
//!
//! One row a customer, D numbers each. A row goes in by Welford's update, two sets of sums join by
//! the rule of T. Chan, G. Golub, R. LeVeque, "Algorithms for computing the sample variance",
//! American Statistician 37 (1983): deviations are kept, not squares, so that revenue of 10⁶ with a
//! spread of 1 loses no digits. O(D²) a row; no row is kept.

/// Sums of rows of D numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments<const D: usize> {
    n: u64,
    mean: [f64; D],
    scatter: [[f64; D]; D],
    n_active: [u64; D],
    low: [f64; D],
    high: [f64; D],
}

impl<const D: usize> Default for Moments<D> {
    fn default() -> Moments<D> {
        Moments {
            n: 0,
            mean: [0.0; D],
            scatter: [[0.0; D]; D],
            n_active: [0; D],
            low: [f64::INFINITY; D],
            high: [f64::NEG_INFINITY; D],
        }
    }
}

impl<const D: usize> Moments<D> {
    /// Adds one customer.
    ///
    /// # Panics
    /// When a number is not finite.
    pub fn push(&mut self, row: &[f64; D]) {
        assert!(row.iter().all(|x| x.is_finite()), "a row of sums is not finite: {row:?}");
        self.n += 1;
        let n = self.n as f64;
        let before: [f64; D] = std::array::from_fn(|i| row[i] - self.mean[i]);
        for i in 0..D {
            self.mean[i] += before[i] / n;
            self.n_active[i] += u64::from(row[i] != 0.0);
            self.low[i] = self.low[i].min(row[i]);
            self.high[i] = self.high[i].max(row[i]);
        }
        for i in 0..D {
            for j in 0..D {
                self.scatter[i][j] += before[i] * before[j] * ((n - 1.0) / n);
            }
        }
    }

    /// Adds the customers of `other`.
    pub fn merge(&mut self, other: &Moments<D>) {
        if other.n == 0 {
            return;
        }
        let (ours, theirs) = (self.n as f64, other.n as f64);
        let n = ours + theirs;
        let apart: [f64; D] = std::array::from_fn(|i| other.mean[i] - self.mean[i]);
        for i in 0..D {
            for j in 0..D {
                self.scatter[i][j] += other.scatter[i][j] + apart[i] * apart[j] * ours * theirs / n;
            }
        }
        for (i, apart) in apart.into_iter().enumerate() {
            self.mean[i] += apart * theirs / n;
            self.n_active[i] += other.n_active[i];
            self.low[i] = self.low[i].min(other.low[i]);
            self.high[i] = self.high[i].max(other.high[i]);
        }
        self.n += other.n;
    }

    pub fn n(&self) -> u64 {
        self.n
    }

    /// Rows with anything but 0 in a column: who bought, where it is money.
    pub fn n_active(&self, column: usize) -> u64 {
        self.n_active[column]
    }

    /// Mean of a column; 0 without rows.
    pub fn mean(&self, column: usize) -> f64 {
        self.mean[column]
    }

    /// Sum of a column.
    pub fn sum(&self, column: usize) -> f64 {
        self.mean[column] * self.n as f64
    }

    /// Σ(x_i − m_i)(x_j − m_j)/(n − 1); 0 with fewer than two rows.
    pub fn covariance(&self, i: usize, j: usize) -> f64 {
        if self.n < 2 { 0.0 } else { self.scatter[i][j] / (self.n - 1) as f64 }
    }

    /// Covariance of two linear functions of a row: aᵀ S b/(n − 1).
    pub fn covariance_along(&self, a: &[f64; D], b: &[f64; D]) -> f64 {
        (0..D).flat_map(|i| (0..D).map(move |j| (i, j))).fold(0.0, |sum, (i, j)| {
            if a[i] == 0.0 || b[j] == 0.0 { sum } else { sum + a[i] * b[j] * self.covariance(i, j) }
        })
    }

    /// The part of a column's sum of squared deviations that its most extreme row makes up: 1 when
    /// one customer is all there is, 1/n_buyers where few buy the same. 0 without deviations.
    pub fn share_of_one(&self, column: usize) -> f64 {
        let all = self.scatter[column][column];
        if !(all > 0.0) {
            return 0.0;
        }
        let up = self.high[column] - self.mean[column];
        let down = self.mean[column] - self.low[column];
        (up.max(down).powi(2) / all).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Two passes, as in a textbook.
    fn textbook(rows: &[[f64; 2]], i: usize, j: usize) -> f64 {
        let n = rows.len() as f64;
        let mean = |at: usize| rows.iter().map(|row| row[at]).sum::<f64>() / n;
        let (mi, mj) = (mean(i), mean(j));
        rows.iter().map(|row| (row[i] - mi) * (row[j] - mj)).sum::<f64>() / (n - 1.0)
    }

    fn of(rows: &[[f64; 2]]) -> Moments<2> {
        let mut moments = Moments::default();
        rows.iter().for_each(|row| moments.push(row));
        moments
    }

    proptest! {
        #[test]
        fn pushing_and_merging_give_the_textbook_sums(
            rows in prop::collection::vec([-1e3..1e3_f64, -5.0..5.0_f64], 2..60),
            cut in 0_usize..60,
        ) {
            let cut = cut.min(rows.len());
            let whole = of(&rows);
            let mut joined = of(&rows[..cut]);
            joined.merge(&of(&rows[cut..]));
            prop_assert_eq!(joined.n(), whole.n());
            for (i, j) in [(0, 0), (0, 1), (1, 1)] {
                let expected = textbook(&rows, i, j);
                let tolerance = 1e-9 * textbook(&rows, i, i).max(textbook(&rows, j, j)).max(1.0);
                prop_assert!((whole.covariance(i, j) - expected).abs() < tolerance);
                prop_assert!((joined.covariance(i, j) - expected).abs() < tolerance);
            }
            prop_assert!((joined.mean(0) - whole.mean(0)).abs() < 1e-9 * 1e3);
            prop_assert_eq!(joined.share_of_one(0) > 0.0, whole.share_of_one(0) > 0.0);
            let n_active = rows.iter().filter(|row| row[1] != 0.0).count() as u64;
            prop_assert_eq!((joined.n_active(1), whole.n_active(1)), (n_active, n_active));
        }
    }

    #[test]
    fn a_small_spread_on_large_numbers_is_kept() {
        let rows: Vec<[f64; 2]> =
            (0..1_000).map(|i| [1e9 + f64::from(i % 2), f64::from(i % 2)]).collect();
        let moments = of(&rows);
        assert!((moments.covariance(0, 0) - textbook(&rows, 1, 1)).abs() < 1e-6);
    }

    #[test]
    fn a_sum_of_columns_has_the_variance_of_the_sum() {
        let rows: Vec<[f64; 2]> =
            (0..50).map(|i| [f64::from(i * i % 17), f64::from(i % 5)]).collect();
        let sums: Vec<[f64; 2]> = rows.iter().map(|row| [row[0] + row[1], 0.0]).collect();
        let along = of(&rows).covariance_along(&[1.0, 1.0], &[1.0, 1.0]);
        assert!((along - textbook(&sums, 0, 0)).abs() < 1e-9);
    }

    #[test]
    fn rows_without_anything_are_not_active() {
        let rows = [[0.0, 1.0], [-3.0, 0.0], [0.5, 0.0]];
        let mut joined = of(&rows[..1]);
        joined.merge(&of(&rows[1..]));
        assert_eq!((joined.n_active(0), joined.n_active(1)), (2, 1));
    }

    #[test]
    fn one_large_customer_is_seen() {
        let mut moments = Moments::<1>::default();
        (0..99).for_each(|_| moments.push(&[1.0]));
        moments.push(&[1_000.0]);
        assert!(moments.share_of_one(0) > 0.98);
        let mut even = Moments::<1>::default();
        (0..100).for_each(|i| even.push(&[f64::from(i % 2)]));
        assert!((even.share_of_one(0) - 0.01).abs() < 1e-12);
        assert_eq!(Moments::<1>::default().share_of_one(0), 0.0);
    }

    #[test]
    #[should_panic(expected = "not finite")]
    fn nan_does_not_come_in() {
        Moments::<1>::default().push(&[f64::NAN]);
    }
}
