//! Small symmetric systems, as regressions of a few dozen features have them.
//!
//! ```text
//! A = L Lᵀ,   A x = b by L y = b, Lᵀ x = y
//! ```
//!
//! A.-L. Cholesky (1910). Row-major, O(d³/3); for the large systems of `learn` there is faer.

/// A symmetric positive definite matrix, factored.
#[derive(Clone, Debug)]
pub(crate) struct Cholesky {
    n: usize,
    /// L, row by row, zeros above the diagonal.
    lower: Vec<f64>,
}

impl Cholesky {
    /// Factors the lower triangle of `matrix` (n × n). `None` when it is not positive definite.
    pub(crate) fn of(mut matrix: Vec<f64>, n: usize) -> Option<Cholesky> {
        assert_eq!(matrix.len(), n * n, "a square matrix");
        for i in 0..n {
            for j in 0..=i {
                let dot: f64 = (0..j).map(|k| matrix[i * n + k] * matrix[j * n + k]).sum();
                let rest = matrix[i * n + j] - dot;
                if i == j {
                    if !(rest > 0.0 && rest.is_finite()) {
                        return None;
                    }
                    matrix[i * n + i] = rest.sqrt();
                } else {
                    matrix[i * n + j] = rest / matrix[j * n + j];
                }
            }
            matrix[i * n + i + 1..(i + 1) * n].fill(0.0);
        }
        Some(Cholesky { n, lower: matrix })
    }

    /// x with A x = b.
    pub(crate) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let n = self.n;
        let mut x = b.to_vec();
        for i in 0..n {
            let dot: f64 = (0..i).map(|k| self.lower[i * n + k] * x[k]).sum();
            x[i] = (x[i] - dot) / self.lower[i * n + i];
        }
        for i in (0..n).rev() {
            let dot: f64 = (i + 1..n).map(|k| self.lower[k * n + i] * x[k]).sum();
            x[i] = (x[i] - dot) / self.lower[i * n + i];
        }
        x
    }

    /// The diagonal of A⁻¹.
    pub(crate) fn inverse_diagonal(&self) -> Vec<f64> {
        (0..self.n)
            .map(|i| {
                let unit: Vec<f64> = (0..self.n).map(|k| f64::from(u8::from(k == i))).collect();
                self.solve(&unit)[i]
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_solves_and_inverts() {
        // numpy.linalg.solve([[4, 2, .6], [2, 5, 1], [.6, 1, 3]], [1, 2, 3])
        let matrix = vec![4.0, 2.0, 0.6, 2.0, 5.0, 1.0, 0.6, 1.0, 3.0];
        let factored = Cholesky::of(matrix.clone(), 3).expect("positive definite");
        let x = factored.solve(&[1.0, 2.0, 3.0]);
        for (row, b) in matrix.chunks(3).zip([1.0, 2.0, 3.0]) {
            let product: f64 = row.iter().zip(&x).map(|(a, x)| a * x).sum();
            assert!((product - b).abs() < 1e-12);
        }
        let first = factored.solve(&[1.0, 0.0, 0.0])[0];
        assert!((factored.inverse_diagonal()[0] - first).abs() < 1e-15);
    }

    #[test]
    fn what_is_not_positive_definite_is_refused() {
        assert!(Cholesky::of(vec![1.0, 2.0, 2.0, 1.0], 2).is_none());
        assert!(Cholesky::of(vec![f64::NAN], 1).is_none());
    }
}
