use super::*;
use proptest::prelude::*;

/// A + Aᵀ A of what is drawn, so that it is positive definite; entries near 0 are none.
fn symmetric(cells: &[Vec<f64>], ridge: f64) -> (Vec<Vec<f64>>, Symmetric) {
    let n = cells.len();
    let product = |i: usize, j: usize| -> f64 {
        let sum: f64 = cells.iter().map(|row| row[i] * row[j]).sum();
        f64::from(sum as f32) + if i == j { ridge } else { 0.0 }
    };
    let dense: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| product(i, j)).collect()).collect();
    let row_of = |i: usize| {
        let columns: Vec<u32> =
            (0..n as u32).filter(|&j| j as usize != i && dense[i][j as usize] != 0.0).collect();
        let values = columns.iter().map(|&j| dense[i][j as usize] as f32).collect();
        SymmetricRow { columns: columns.into(), values }
    };
    let diagonal = (0..n).map(|i| dense[i][i]).collect();
    let rows = (0..n).map(row_of).collect();
    (dense, Symmetric { diagonal, rows })
}

/// A x = right by Gauss with pivots.
fn gauss(mut a: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for column in 0..n {
        let by_size = |&i: &usize, &j: &usize| a[i][column].abs().total_cmp(&a[j][column].abs());
        let pivot = (column..n).max_by(by_size).unwrap();
        a.swap(column, pivot);
        right.swap(column, pivot);
        for i in (0..n).filter(|&i| i != column) {
            let factor = a[i][column] / a[column][column];
            let from = a[column].clone();
            a[i].iter_mut().zip(&from).for_each(|(value, other)| *value -= factor * other);
            right[i] -= factor * right[column];
        }
    }
    (0..n).map(|i| right[i] / a[i][i]).collect()
}

fn cells() -> impl Strategy<Value = Vec<Vec<f64>>> {
    (2_usize..9).prop_flat_map(|n| {
        let cell = prop_oneof![3 => Just(0.0), 2 => -2.0_f64..2.0];
        prop::collection::vec(prop::collection::vec(cell, n), n)
    })
}

proptest! {
    #[test]
    fn with_all_rows_it_is_the_inverse(cells in cells(), ridge in 0.5_f64..5.0) {
        let (dense, symmetric) = symmetric(&cells, ridge);
        let mut scratch = ColumnScratch::default();
        for j in 0..dense.len() {
            let unit = (0..dense.len()).map(|i| f64::from(u8::from(i == j))).collect();
            let p = gauss(dense.clone(), unit);
            let column = symmetric.inverse_column(j as u32, usize::MAX, &mut scratch);
            prop_assert!(!column.is_cut && column.residual < 1e-12);
            prop_assert!((1.0 / column.pivot - p[j]).abs() < 1e-6);
            prop_assert_eq!(column.rows.len(), dense.len() - 1);
            for (&i, &weight) in column.rows.iter().zip(&column.weights) {
                prop_assert!((f64::from(weight) + p[i as usize] / p[j]).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn with_few_rows_it_is_the_solve_on_the_best_of_them(
        cells in cells(), ridge in 0.5_f64..5.0, max_rows in 0_usize..8,
    ) {
        let (dense, symmetric) = symmetric(&cells, ridge);
        let mut scratch = ColumnScratch::default();
        let max_rows = max_rows.min(dense.len() - 2);
        for j in 0..dense.len() {
            let column = symmetric.inverse_column(j as u32, max_rows, &mut scratch);
            let explained = |i: usize| (dense[i][j] * dense[i][j] / dense[i][i]) as f32;
            let mut best: Vec<usize> =
                (0..dense.len()).filter(|&i| i != j && dense[i][j] != 0.0).collect();
            best.sort_by(|&a, &b| explained(b).total_cmp(&explained(a)).then(a.cmp(&b)));
            best.truncate(max_rows);
            best.sort_unstable();
            let rows: Vec<usize> = column.rows.iter().map(|&row| row as usize).collect();
            prop_assert_eq!(&rows, &best);
            let of = |&i: &usize| best.iter().map(|&k| dense[i][k]).collect::<Vec<_>>();
            let right = best.iter().map(|&i| dense[i][j]).collect();
            let twin = gauss(best.iter().map(of).collect(), right);
            for (weight, twin) in column.weights.iter().zip(&twin) {
                prop_assert!((f64::from(*weight) - twin).abs() < 1e-6, "{} {}", weight, twin);
            }
            let explained: f64 = best.iter().zip(&twin).map(|(&i, b)| dense[i][j] * b).sum();
            prop_assert!((column.pivot - (dense[j][j] - explained)).abs() < 1e-6);
        }
    }
}

fn row(entries: &[(u32, f32)]) -> SymmetricRow {
    let (columns, values): (Vec<u32>, Vec<f32>) = entries.iter().copied().unzip();
    SymmetricRow { columns: columns.into(), values: values.into() }
}

#[test]
fn what_is_not_positive_definite_gives_up_its_weaker_rows() {
    // On rows 1 and 2 the determinant is below 0; on row 1 alone all is well.
    let symmetric = Symmetric {
        diagonal: vec![4.0, 1.0, 1.0],
        rows: vec![
            row(&[(1, 1.5), (2, 1.0)]),
            row(&[(0, 1.5), (2, 2.0)]),
            row(&[(0, 1.0), (1, 2.0)]),
        ],
    };
    let column = symmetric.inverse_column(0, 10, &mut ColumnScratch::default());
    assert_eq!((&*column.rows, &*column.weights), (&[1_u32][..], &[1.5_f32][..]));
    assert!(column.is_cut && (column.pivot - 1.75).abs() < 1e-12);
    // Nothing helps where the entry alone is too large for its diagonal.
    let hopeless =
        Symmetric { diagonal: vec![1.0, 1.0], rows: vec![row(&[(1, 3.0)]), row(&[(0, 3.0)])] };
    let column = hopeless.inverse_column(0, 10, &mut ColumnScratch::default());
    assert!(column.is_cut && column.rows.is_empty() && column.pivot == 1.0);
}

#[test]
fn an_entry_counts_if_one_of_its_rows_has_it_and_long_rows_are_searched() {
    // Row 1 is long and lacks 2, which has 1.
    let n = 100_u32;
    let long: Vec<(u32, f32)> = (0..n).filter(|&i| i != 1 && i != 2).map(|i| (i, 0.01)).collect();
    let mut rows: Vec<SymmetricRow> = (0..n).map(|_| row(&[(1, 0.01)])).collect();
    (rows[0], rows[1]) = (row(&[(1, 0.5), (2, 0.5)]), row(&long));
    rows[2] = row(&[(0, 0.5), (1, 0.5)]);
    let symmetric = Symmetric { diagonal: vec![1.0; n as usize], rows };
    let mut scratch = ColumnScratch::default();
    let column = symmetric.inverse_column(0, 2, &mut scratch);
    // [1 ½; ½ 1] b = [½, ½]
    assert_eq!(&*column.rows, &[1, 2]);
    assert!(column.weights.iter().all(|weight| (weight - 1.0 / 3.0).abs() < 1e-6), "{column:?}");
    // Searched: the pattern of two is short beside row 1, whose entry with row 3 counts.
    let column = symmetric.inverse_column(3, 2, &mut scratch);
    assert_eq!(&*column.rows, &[1]);
    assert!((column.weights[0] - 0.01).abs() < 1e-6);
}
