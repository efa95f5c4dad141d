use super::*;
use proptest::prelude::*;

/// From the four cells, as the literature prints its examples.
fn from_cells(both: u64, a_only: u64, b_only: u64, neither: u64) -> PairTable {
    PairTable::new(both, both + a_only, both + b_only, both + a_only + b_only + neither)
}

/// The obvious twin: the table as an array, margins by loops.
fn g2_by_loops(cells: [[f64; 2]; 2]) -> f64 {
    let n: f64 = cells.iter().flatten().sum();
    let mut g2 = 0.0;
    for (i, row) in cells.iter().enumerate() {
        for (j, &observed) in row.iter().enumerate() {
            let row_sum: f64 = cells[i].iter().sum();
            let column_sum: f64 = cells.iter().map(|r| r[j]).sum();
            if observed > 0.0 {
                g2 += 2.0 * observed * (observed / (row_sum * column_sum / n)).ln();
            }
        }
    }
    g2
}

fn close(got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "got {got}, expected {expected}");
}

/// The values that Apache Mahout's tests hold, and the first line of Dunning's table 2
/// ("the swiss": 110 2442 111 29114 gives 270.72).
#[test]
fn g2_gives_the_published_values() {
    close(from_cells(110, 2_442, 111, 29_114).g2(), 270.72, 0.005);
    close(from_cells(1, 0, 0, 1).g2(), 2.772_588_722_239_781, 1e-9);
    close(from_cells(10, 0, 0, 10).g2(), 27.725_887_222_397_81, 1e-9);
    close(from_cells(5, 1_995, 0, 100_000).g2(), 39.330_52, 1e-4);
    close(from_cells(1_000, 1_995, 1_000, 100_000).g2(), 4_730.737, 1e-2);
    close(from_cells(1_000, 1_000, 1_000, 99_000).g2(), 5_714.932, 1e-2);
}

#[test]
fn expected_lift_and_sign() {
    // 40 of 1,000 baskets hold a, 50 hold b: chance gives 2.
    let often = PairTable::new(10, 40, 50, 1_000);
    assert_eq!((often.expected(), often.lift()), (2.0, Some(5.0)));
    assert!(often.g2_signed() > 0.0 && often.llr() == often.g2());
    let seldom = PairTable::new(1, 40, 50, 1_000);
    assert!(seldom.g2_signed() < 0.0 && seldom.g2() > 0.0);
    assert_eq!(seldom.llr(), 0.0);
    let chance = PairTable::new(2, 40, 50, 1_000);
    close(chance.g2(), 0.0, 1e-12);
}

#[test]
fn tables_at_the_edge() {
    let nothing = PairTable::new(0, 0, 0, 0);
    assert_eq!((nothing.expected(), nothing.g2(), nothing.llr()), (0.0, 0.0, 0.0));
    assert_eq!((nothing.lift(), nothing.shrunk_conditional(5.0)), (None, None));
    // Every basket holds both: no evidence for anything.
    assert_eq!(PairTable::new(9, 9, 9, 9).g2(), 0.0);
    // Counts of a very large shop: finite, and never together is as surprising as it should be.
    let huge = PairTable::new(0, 1_000_000_000, 1_000_000_000, u64::from(u32::MAX) * 4);
    assert!(huge.g2_signed() < -1e7 && huge.g2_signed().is_finite());
}

#[test]
#[should_panic(expected = "no 2 x 2 table")]
fn more_baskets_with_the_items_than_baskets_is_refused() {
    PairTable::new(1, 6, 6, 10);
}

/// Fisher's lady tasting tea: 8 cups, 4 with milk first, she names 4.
#[test]
fn p_value_is_fishers_exact_test() {
    close(PairTable::new(4, 4, 4, 8).p_value(), 1.0 / 70.0, 1e-14);
    close(PairTable::new(3, 4, 4, 8).p_value(), 17.0 / 70.0, 1e-14);
    assert_eq!(PairTable::new(0, 4, 4, 8).p_value(), 1.0);
    assert_eq!(PairTable::new(0, 0, 0, 0).p_value(), 1.0);
    // Always together because in every basket: that is no surprise at all.
    close(PairTable::new(9, 9, 9, 9).p_value(), 1.0, 1e-12);
}

/// Two common baskets where chance gives .02: the root of G² says 7e-5, and is too sure.
#[test]
fn a_few_common_baskets_are_not_overrated() {
    let rare = PairTable::new(2, 20, 20, 20_000);
    close(rare.expected(), 0.02, 1e-15);
    // 1 − C(19980, 20)/C(20000, 20) − 20 C(19980, 19)/C(20000, 20), by exact fractions.
    close(rare.p_value() / 1.785_698_634_983_5e-4, 1.0, 1e-9);
}

/// With many baskets the root of G² is normal: its tail and the exact one come together.
#[test]
fn p_value_nears_the_normal_tail_of_the_root_of_g2() {
    for (n_both, tolerance) in [(4_050, 0.03), (4_200, 0.08), (4_400, 0.12)] {
        let table = PairTable::new(n_both, 20_000, 20_000, 100_000);
        let z = table.g2().sqrt();
        // Continued fraction of Mills' ratio (Abramowitz and Stegun 26.2.14), to depth 200.
        let mills = (1..=200).rev().fold(0.0, |tail, i| f64::from(i) / (z + tail));
        let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        close(table.p_value() / (density / (z + mills)), 1.0, tolerance);
    }
}

#[test]
fn p_values_of_a_very_large_shop_are_finite() {
    let n = 1_u64 << 34;
    for (n_both, n_a, n_b) in [(0, 1 << 30, 1 << 30), (1 << 29, 1 << 30, 1 << 29), (1, 1, 1)] {
        let p = PairTable::new(n_both, n_a, n_b, n).p_value();
        assert!((0.0..=1.0).contains(&p), "{p}");
    }
    let seldom = PairTable::new(1_000, 1 << 30, 1 << 30, n).p_value();
    assert_eq!(seldom, 1.0);
}

/// 8 of 10 at 95 %: (.490, .943), the example in most textbooks.
#[test]
fn wilson_gives_the_textbook_values() {
    close(wilson_lower_bound(8, 10, Z_95), 0.490_16, 5e-5);
    close(wilson_lower_bound(1, 1, Z_95), 0.206_55, 5e-5);
    assert_eq!(wilson_lower_bound(0, 10, Z_95), 0.0);
    assert_eq!(wilson_lower_bound(0, 0, Z_95), 0.0);
    close(wilson_lower_bound(500_000, 1_000_000, Z_95), 0.5 - Z_95 * 0.0005, 1e-6);
    assert_eq!(PairTable::new(8, 10, 9, 100).conditional_lower_bound(0.0), 0.8);
}

#[test]
fn shrinkage_moves_from_the_base_rate_to_the_observed_share() {
    let pair = PairTable::new(1, 1, 10, 100);
    assert_eq!(pair.shrunk_conditional(0.0), Some(1.0));
    // (1 + 9 · .1) / (1 + 9)
    close(pair.shrunk_conditional(9.0).unwrap(), 0.19, 1e-12);
    let unseen = PairTable::new(0, 0, 10, 100);
    assert_eq!(unseen.shrunk_conditional(0.0), None);
    close(unseen.shrunk_conditional(4.0).unwrap(), 0.1, 1e-12);
}

/// The example of the 1995 paper (thrombolysis, 15 tests): four discoveries at 5 %, while
/// Bonferroni finds three.
#[test]
fn benjamini_hochberg_gives_the_example_of_its_paper() {
    let mut p_values = [
        0.4262, 0.0001, 0.0459, 0.0004, 0.0201, 1.0, 0.0095, 0.0298, 0.0278, 0.0344, 0.3240,
        0.0019, 0.5719, 0.6528, 0.7590,
    ];
    assert_eq!(benjamini_hochberg(&mut p_values, 15, 0.05), Some(0.0095));
    assert_eq!(benjamini_hochberg(&mut p_values[..3], 15, 0.05), Some(0.0019));
    assert_eq!(benjamini_hochberg(&mut [0.5, 0.9], 2, 0.05), None);
    assert_eq!(benjamini_hochberg(&mut [], 0, 0.05), None);
    // A step up over a value that fails on its own.
    assert_eq!(benjamini_hochberg(&mut [0.04, 0.045], 2, 0.05), Some(0.045));
}

proptest! {
    #[test]
    fn g2_equals_its_twin_by_loops(
        both in 0_u64..200, a_only in 0_u64..500, b_only in 0_u64..500, neither in 0_u64..5_000
    ) {
        let cells = [[both as f64, a_only as f64], [b_only as f64, neither as f64]];
        let (got, expected) = (from_cells(both, a_only, b_only, neither).g2(), g2_by_loops(cells));
        prop_assert!((got - expected).abs() < 1e-8, "{} {}", got, expected);
    }

    /// The obvious twin: draw the baskets with b one after the other, keeping the chance of each
    /// number of baskets with a among them.
    #[test]
    fn p_value_equals_its_twin_by_drawing(
        both in 0_u64..12, a_only in 0_u64..30, b_only in 0_u64..30, neither in 0_u64..200
    ) {
        let table = from_cells(both, a_only, b_only, neither);
        let (n_a, n_b, n) = (both + a_only, both + b_only, both + a_only + b_only + neither);
        let mut chances = vec![1.0];
        for drawn in 0..n_b {
            let mut next = vec![0.0; chances.len() + 1];
            for (k, chance) in chances.iter().enumerate() {
                let with_a = n_a.saturating_sub(k as u64) as f64 / (n - drawn) as f64;
                next[k + 1] += chance * with_a;
                next[k] += chance * (1.0 - with_a);
            }
            chances = next;
        }
        let expected: f64 = chances[both as usize..].iter().sum();
        let got = table.p_value();
        prop_assert!((got - expected).abs() <= 1e-10 * expected, "{} {}", got, expected);
    }

    #[test]
    fn g2_is_the_same_from_either_side(
        both in 0_u64..200, a_only in 0_u64..500, b_only in 0_u64..500, neither in 0_u64..5_000
    ) {
        let (one, other) = (from_cells(both, a_only, b_only, neither),
            from_cells(both, b_only, a_only, neither));
        prop_assert!((one.g2() - other.g2()).abs() < 1e-9);
        prop_assert!(one.conditional_lower_bound(Z_95) <= 1.0);
    }

    /// The bound solves (p̂ − p)² = z²·p(1 − p)/n, which is how Wilson defines it.
    #[test]
    fn wilson_solves_its_equation(n in 1_u64..10_000, share in 0.0_f64..1.0, z in 0.1_f64..4.0) {
        let n_hits = (n as f64 * share) as u64;
        let low = wilson_lower_bound(n_hits, n, z);
        let observed = n_hits as f64 / n as f64;
        let (left, right) = ((observed - low).powi(2), z * z * low * (1.0 - low) / n as f64);
        prop_assert!((left - right).abs() < 1e-12 && low <= observed);
    }

    /// The obvious twin: try every p-value as threshold.
    #[test]
    fn benjamini_hochberg_equals_its_twin(
        grid in prop::collection::vec(0_u32..40, 0..30), more in 0_u64..20
    ) {
        let mut p_values: Vec<f64> = grid.iter().map(|&step| f64::from(step) / 200.0).collect();
        let n_tests = p_values.len() as u64 + more;
        let is_ok = |p: f64| {
            let n_below = grid.iter().filter(|&&step| f64::from(step) / 200.0 <= p).count();
            p <= n_below as f64 * (0.1 / n_tests as f64)
        };
        let expected = p_values.iter().copied().filter(|&p| is_ok(p)).max_by(f64::total_cmp);
        prop_assert_eq!(benjamini_hochberg(&mut p_values, n_tests, 0.1), expected);
    }
}
