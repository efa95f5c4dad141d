use super::*;
use events::Timestamp;
use events::time::DAY_US;
use history::NO_CUSTOMER;
use proptest::prelude::*;

/// Basket number is its day.
fn baskets(rows: &[Vec<u32>]) -> Baskets {
    Baskets {
        items: rows.iter().collect(),
        at: (0..rows.len() as i64).map(|day| Timestamp(day * DAY_US)).collect(),
        customers: vec![NO_CUSTOMER; rows.len()],
    }
}

fn params(lambda: f64, half_life_days: Option<f64>, length_exponent: f64) -> EaseParams {
    EaseParams { lambda, half_life_days, length_exponent }
}

/// Gauss and Jordan, with pivots: the textbook inverse.
fn textbook_inverse(mut a: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let n = a.len();
    let mut inverse: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    for column in 0..n {
        let by_size = |&i: &usize, &j: &usize| a[i][column].abs().total_cmp(&a[j][column].abs());
        let pivot = (column..n).max_by(by_size).unwrap();
        a.swap(column, pivot);
        inverse.swap(column, pivot);
        let scale = a[column][column];
        a[column].iter_mut().for_each(|value| *value /= scale);
        inverse[column].iter_mut().for_each(|value| *value /= scale);
        let (row, inverse_row) = (a[column].clone(), inverse[column].clone());
        for i in (0..n).filter(|&i| i != column) {
            let factor = a[i][column];
            a[i].iter_mut().zip(&row).for_each(|(value, r)| *value -= factor * r);
            inverse[i].iter_mut().zip(&inverse_row).for_each(|(value, r)| *value -= factor * r);
        }
    }
    inverse
}

/// The formulas of the header, one by one.
fn twin(rows: &[Vec<u32>], items: &[u32], params: &EaseParams) -> Vec<Vec<f64>> {
    let mut weights: Vec<f64> = rows
        .iter()
        .enumerate()
        .map(|(day, row)| {
            let age_days = (rows.len() - 1 - day) as f64;
            let recency = params.half_life_days.map_or(1.0, |days| 0.5_f64.powf(age_days / days));
            recency / (row.len().max(1) as f64).powf(params.length_exponent)
        })
        .collect();
    let n_lines: usize = rows.iter().map(Vec::len).sum();
    let n_weighted: f64 = rows.iter().zip(&weights).map(|(row, w)| row.len() as f64 * w).sum();
    weights.iter_mut().for_each(|weight| *weight *= n_lines as f64 / n_weighted);
    let together = |i: u32, j: u32| -> f64 {
        let holds = |row: &Vec<u32>| row.contains(&i) && row.contains(&j);
        rows.iter().zip(&weights).filter(|(row, _)| holds(row)).map(|(_, weight)| weight).sum()
    };
    let cell = |i: u32, j: u32| together(i, j) + if i == j { params.lambda } else { 0.0 };
    let gram = items.iter().map(|&i| items.iter().map(|&j| cell(i, j)).collect()).collect();
    let p = textbook_inverse(gram);
    let n = items.len();
    (0..n)
        .map(|i| (0..n).map(|j| if i == j { 0.0 } else { -p[i][j] / p[j][j] }).collect())
        .collect()
}

fn largest_gap(learned: &EaseWeights, twin: &[Vec<f64>]) -> f64 {
    let gap = |i: usize, j: usize| (f64::from(learned.row(i)[j]) - twin[i][j]).abs();
    let n = learned.items.len();
    (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| gap(i, j)).fold(0.0, f64::max)
}

proptest! {
    #[test]
    fn weights_are_those_of_the_textbook(
        rows in prop::collection::vec(prop::collection::btree_set(0_u32..12, 0..9), 1..30),
        lambda in 0.5_f64..50.0,
        half_life_days in prop::option::of(1.0_f64..40.0),
        length_exponent in 0.0_f64..1.0,
        limit in 1_usize..13,
    ) {
        let rows: Vec<Vec<u32>> = rows.into_iter().map(|row| row.into_iter().collect()).collect();
        let mut counts = [0; 12];
        rows.iter().flatten().for_each(|&item| counts[item as usize] += 1);
        let items = core_items(&counts, limit);
        let params = params(lambda, half_life_days, length_exponent);
        let learned = learn(&baskets(&rows), items.clone(), 12, &params, 7).unwrap();
        prop_assert_eq!(&learned.items, &items);
        prop_assert_eq!(learned.weights.len(), items.len() * items.len());
        prop_assert!(learned.residual <= MAX_RESIDUAL);
        let gap = largest_gap(&learned, &twin(&rows, &items, &params));
        prop_assert!(gap < 1e-6, "{} from the textbook", gap);
    }
}

/// A fixed pattern that fills several tiles and blocks of the parallel kernels.
fn many_rows(n_items: u32, n_baskets: u32) -> Vec<Vec<u32>> {
    let holds = |b: u32, i: u32| (b * 31 + i * 17 + (b / 7) * i) % 23 < 2;
    (0..n_baskets).map(|b| (0..n_items).filter(|&i| holds(b, i)).collect()).collect()
}

#[test]
fn weights_of_many_items_are_those_of_the_textbook() {
    let rows = many_rows(150, 400);
    let items: Vec<u32> = (0..150).collect();
    let params = params(5.0, Some(100.0), 0.5);
    let learned = learn(&baskets(&rows), items.clone(), 150, &params, 7).unwrap();
    let twin = twin(&rows, &items, &params);
    let gap = largest_gap(&learned, &twin);
    assert!(gap < 1e-6, "{gap} from the textbook");
    assert!(twin.iter().flatten().any(|weight| *weight > 0.05), "the pattern has structure");
}

#[test]
fn the_best_sellers_make_the_core() {
    let n_baskets_of = [3, 0, 9, 3, 5];
    assert_eq!(core_items(&n_baskets_of, 9), [0, 2, 3, 4]);
    // Of two alike the smaller index stays.
    assert_eq!(core_items(&n_baskets_of, 3), [0, 2, 4]);
    assert!(core_items(&n_baskets_of, 0).is_empty());
}

fn solved(n_items: u32) -> (Mat<f64>, Mat<f64>) {
    let baskets = baskets(&many_rows(n_items, 300));
    let items: Vec<u32> = (0..n_items).collect();
    let weights = basket_weights(&baskets, &params(2.0, None, 0.0));
    let n_items = n_items as usize;
    let gram =
        BasketGram { baskets: &baskets, items: &items, n_items, weights: &weights, lambda: 2.0 };
    let dense = gram.dense();
    (dense.clone(), invert(dense, 2.0).unwrap())
}

/// G v, cell by cell.
fn times(gram: &Mat<f64>) -> impl Fn(&[f64]) -> Vec<f64> {
    let n = gram.nrows();
    move |v| (0..n).map(|row| (0..n).map(|column| gram[(row, column)] * v[column]).sum()).collect()
}

#[test]
fn the_product_by_baskets_is_that_of_the_matrix() {
    let baskets = baskets(&many_rows(60, 300));
    // Two of three items have columns.
    let items: Vec<u32> = (0..60).filter(|item| item % 3 != 1).collect();
    let weights = basket_weights(&baskets, &params(2.0, Some(50.0), 0.5));
    let gram = BasketGram {
        baskets: &baskets,
        items: &items,
        n_items: 60,
        weights: &weights,
        lambda: 2.0,
    };
    let v: Vec<f64> = (0..items.len()).map(|at| (at as f64 * 1.7).sin()).collect();
    let dense = gram.dense();
    let gaps = gram.times(&v).into_iter().zip(times(&dense)(&v)).map(|(a, b)| (a - b).abs());
    assert!(gaps.fold(0.0, f64::max) < 1e-9);
    assert!(gram.times(&v).iter().any(|value| value.abs() > 10.0));
}

#[test]
fn a_wrong_inverse_is_refused_wherever_it_is_wrong() {
    let (gram, inverse) = solved(80);
    for seed in 0..4 {
        assert!(check(times(&gram), &inverse, seed).unwrap() < 1e-12);
    }
    for (row, column) in [(0, 0), (79, 79), (79, 0), (40, 3), (78, 77)] {
        for wrong in [1e-4, -0.5, f64::NAN, f64::INFINITY] {
            let mut broken = inverse.clone();
            broken[(row, column)] += wrong;
            let refused = check(times(&gram), &broken, 42).unwrap_err();
            let text = refused.to_string();
            assert!(matches!(refused, Error::BadSolve { .. }), "{text}");
            assert!(text.contains("failed its check") && text.contains("raise lambda"), "{text}");
        }
    }
    let nothing = Mat::<f64>::zeros(80, 80);
    assert!(check(times(&gram), &nothing, 42).is_err());
}

#[test]
fn a_lambda_too_small_for_the_arithmetic_is_an_error_and_no_table() {
    // Two items that are always together: singular but for λ.
    let rows = vec![vec![0, 1]; 1_000];
    let params = params(1e-300, None, 0.0);
    let error = learn(&baskets(&rows), vec![0, 1], 2, &params, 7).unwrap_err();
    assert!(error.to_string().contains("raise lambda"), "{error}");
}
