use super::*;
use crate::progress::Silent;
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

const N: usize = 12;
const ALL: SparseInverseParams =
    SparseInverseParams { neighbors: usize::MAX, gram_per_item: usize::MAX, per_item: usize::MAX };

fn rows() -> impl Strategy<Value = Vec<Vec<u32>>> {
    let basket = prop::collection::btree_set(0_u32..N as u32, 0..9);
    prop::collection::vec(basket.prop_map(|items| items.into_iter().collect()), 1..40)
}

fn ease_params(lambda: f64, half_life_days: Option<f64>, length_exponent: f64) -> EaseParams {
    EaseParams { lambda, half_life_days, length_exponent }
}

fn learned(rows: &[Vec<u32>], ease: &EaseParams, fill: &SparseInverseParams) -> SparseWeights {
    learn(&baskets(rows), N, ease, fill, 1_000, &Silent).unwrap()
}

fn dense(weights: &SparseWeights) -> Vec<Vec<f32>> {
    let row = |item: u32| {
        let (items, weights) = weights.row(item);
        let mut row = vec![0.0; N];
        items.iter().zip(weights).for_each(|(&other, &weight)| row[other as usize] = weight);
        row
    };
    (0..N as u32).map(row).collect()
}

proptest! {
    #[test]
    fn without_a_limit_of_fill_it_is_ease(
        rows in rows(),
        lambda in 0.5_f64..50.0,
        half_life_days in prop::option::of(3.0_f64..90.0),
        length_exponent in 0.0_f64..1.0,
    ) {
        let ease = ease_params(lambda, half_life_days, length_exponent);
        let exact =
            ease::learn(&baskets(&rows), (0..N as u32).collect(), N, &ease, 1).unwrap();
        let sparse = dense(&learned(&rows, &ease, &ALL));
        for (item, row) in sparse.iter().enumerate() {
            for (found, expected) in row.iter().zip(exact.row(item)) {
                prop_assert!((found - expected).abs() < 1e-6, "{} and {}", found, expected);
            }
        }
    }

    /// P of the columns put together entry by entry, then B, then the largest of each row.
    #[test]
    fn with_a_limit_rows_are_those_of_the_slow_way(
        rows in rows(),
        neighbors in 1_usize..6,
        per_item in 1_usize..9,
    ) {
        let ease = ease_params(2.0, None, 0.5);
        let fill = SparseInverseParams { neighbors, per_item, ..ALL };
        let found = dense(&learned(&rows, &ease, &fill));
        let all = baskets(&rows);
        let gram = gram_of(&all, N, &basket_weights(&all, &ease, 1_000), 2.0, usize::MAX);
        let mut p: Vec<Vec<Option<f64>>> = vec![vec![None; N]; N];
        for item in 0..N as u32 {
            let column = gram.inverse_column(item, neighbors, &mut ColumnScratch::default());
            let j = item as usize;
            p[j][j] = Some(1.0 / column.pivot);
            for (&i, &weight) in column.rows.iter().zip(&column.weights) {
                p[i as usize][j] = Some(-f64::from(weight) / column.pivot);
            }
        }
        for i in 0..N {
            let weight = |j: usize| {
                let sides: Vec<f64> = [p[i][j], p[j][i]].into_iter().flatten().collect();
                let mean = sides.iter().sum::<f64>() / sides.len().max(1) as f64;
                if i == j { 0.0 } else { (-mean / p[j][j].unwrap()) as f32 }
            };
            let naive: Vec<f32> = (0..N).map(weight).collect();
            let mut sizes: Vec<f32> = naive.iter().map(|weight| weight.abs()).collect();
            sizes.sort_by(|a, b| b.total_cmp(a));
            let n_kept = found[i].iter().filter(|weight| **weight != 0.0).count();
            prop_assert!(n_kept <= per_item);
            for (j, (&found, &naive)) in found[i].iter().zip(&naive).enumerate() {
                let is_kept = found != 0.0 && (found - naive).abs() < 1e-5;
                let is_small = found == 0.0 && naive.abs() <= sizes[per_item] + 1e-5;
                prop_assert!(is_kept || is_small, "{} {}: {} and {}", i, j, found, naive);
            }
        }
    }
}

/// Three worlds of four items, and a chain between them.
fn mixed() -> Vec<Vec<u32>> {
    let of = |b: u32| -> Vec<u32> {
        let mut items: Vec<u32> =
            (0..4).filter(|i| (b >> i) % 3 < 2).map(|i| b % 3 * 4 + i).collect();
        if b.is_multiple_of(5) {
            items.push((b / 5) % N as u32);
        }
        items.sort_unstable();
        items.dedup();
        items
    };
    (0..120).map(of).collect()
}

#[test]
fn what_an_item_keeps_of_the_matrix_is_its_likest() {
    let rows = mixed();
    let all = baskets(&rows);
    let ease = ease_params(5.0, None, 0.0);
    let weights = basket_weights(&all, &ease, 1_000);
    let (whole, cut) =
        (gram_of(&all, N, &weights, 5.0, usize::MAX), gram_of(&all, N, &weights, 5.0, 2));
    assert_eq!(whole.diagonal, cut.diagonal);
    for (item, (whole_row, kept)) in whole.rows.iter().zip(&cut.rows).enumerate() {
        let of = |column: u32, value: f32| value * value / whole.diagonal[column as usize] as f32;
        let pairs = whole_row.columns.iter().zip(&whole_row.values);
        let mut likeness: Vec<f32> = pairs.map(|(&column, &value)| of(column, value)).collect();
        likeness.sort_by(|a, b| b.total_cmp(a));
        assert_eq!(kept.columns.len(), 2, "item {item}");
        assert!(kept.columns.is_sorted());
        let pairs = kept.columns.iter().zip(&kept.values);
        assert!(pairs.into_iter().all(|(&column, &value)| of(column, value) >= likeness[1]));
    }
    // A matrix cut so short is solved all the same, and every weight is a number.
    let learned =
        learned(&rows, &ease, &SparseInverseParams { gram_per_item: 2, neighbors: 2, ..ALL });
    assert!(learned.weights.len() > N && learned.weights.iter().all(|weight| weight.is_finite()));
    assert!(learned.residual <= MAX_RESIDUAL);
}

#[test]
fn baskets_above_the_limit_tell_nothing() {
    let ease = ease_params(5.0, None, 0.0);
    let mut with_dump = mixed();
    let fill = SparseInverseParams { neighbors: 3, ..ALL };
    let before = learn(&baskets(&with_dump), N, &ease, &fill, 11, &Silent).unwrap();
    with_dump.push((0..N as u32).collect());
    let after = learn(&baskets(&with_dump), N, &ease, &fill, 11, &Silent).unwrap();
    assert_eq!(before.rows, after.rows);
    let taken = learn(&baskets(&with_dump), N, &ease, &fill, 12, &Silent).unwrap();
    assert_ne!(taken.weights, after.weights);
}

#[test]
fn columns_that_are_not_those_of_the_baskets_are_an_error() {
    let all = baskets(&mixed());
    let weights = basket_weights(&all, &ease_params(5.0, None, 0.0), 1_000);
    let gram = gram_of(&all, N, &weights, 5.0, usize::MAX);
    let mut columns = columns_of(&gram, 4, &Silent).unwrap();
    check_by_baskets(&all, N, &weights, 5.0, &columns).unwrap();
    columns[0].weights[0] += 0.05;
    let error = check_by_baskets(&all, N, &weights, 5.0, &columns).unwrap_err();
    assert!(matches!(error, Error::BadSolve { .. }), "{error}");
    // A matrix with a wrong entry is solved well, and yet is not that of the baskets.
    let mut wrong = gram;
    let likest = columns[0].rows[0];
    let there = wrong.rows[0].columns.iter().position(|&column| column == likest).unwrap();
    wrong.rows[0].values[there] *= 0.5;
    let at = likest as usize;
    let back = wrong.rows[at].columns.iter().position(|&column| column == 0).unwrap();
    wrong.rows[at].values[back] *= 0.5;
    let columns = columns_of(&wrong, 4, &Silent).unwrap();
    check_by_baskets(&all, N, &weights, 5.0, &columns).unwrap_err();
}

#[test]
fn any_lambda_gives_numbers() {
    let mut rows = mixed();
    // Items that are always bought together cannot be told apart.
    rows.extend((0..50).map(|_| vec![10, 11]));
    for lambda in [1e-300, 1e-30, 1e30, 1e300] {
        let fill = SparseInverseParams { neighbors: 5, ..ALL };
        let learned = learned(&rows, &ease_params(lambda, None, 0.5), &fill);
        assert!(learned.weights.iter().all(|weight| weight.is_finite()), "{lambda}");
    }
}
