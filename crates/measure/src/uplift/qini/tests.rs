use super::*;
use proptest::prelude::*;

/// scikit-uplift's `qini_curve`, step by step: k and Q(k) where the score changes.
fn twin_curve(treated: &[bool], outcome: &[f64], score: &[f64]) -> Vec<(f64, f64)> {
    let mut levels: Vec<f64> = score.to_vec();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let mut curve = vec![(0.0, 0.0)];
    for level in levels.into_iter().rev() {
        let taken: Vec<usize> = (0..score.len()).filter(|&i| score[i] >= level).collect();
        let sum = |of: &dyn Fn(usize) -> f64| taken.iter().map(|&i| of(i)).sum::<f64>();
        let n_t = sum(&|i| f64::from(u8::from(treated[i])));
        let n_c = taken.len() as f64 - n_t;
        let y_t = sum(&|i| if treated[i] { outcome[i] } else { 0.0 });
        let y_c = sum(&|i| if treated[i] { 0.0 } else { outcome[i] });
        let ratio = if n_c > 0.0 { n_t / n_c } else { 0.0 };
        curve.push((taken.len() as f64, y_t - y_c * ratio));
    }
    curve
}

fn twin_area(curve: &[(f64, f64)]) -> f64 {
    let area: f64 = curve.windows(2).map(|w| (w[1].0 - w[0].0) * (w[1].1 + w[0].1) / 2.0).sum();
    let end = curve[curve.len() - 1];
    area - end.0 * end.1 / 2.0
}

fn twin_qini(treated: &[bool], outcome: &[f64], score: &[f64]) -> f64 {
    let perfect: Vec<f64> =
        treated.iter().zip(outcome).map(|(&t, &y)| if t { y } else { -y }).collect();
    let ours = twin_area(&twin_curve(treated, outcome, score));
    ours / twin_area(&twin_curve(treated, outcome, &perfect))
}

/// Mean of the first 30 %, later customers first among equals.
fn twin_uplift(treated: &[bool], outcome: &[f64], score: &[f64]) -> Option<f64> {
    let mut order: Vec<usize> = (0..score.len()).collect();
    order.sort_by(|&a, &b| score[b].total_cmp(&score[a]).then(b.cmp(&a)));
    order.truncate((score.len() as f64 * 0.3) as usize);
    let mean = |side: bool| {
        let arm: Vec<f64> =
            order.iter().filter(|&&i| treated[i] == side).map(|&i| outcome[i]).collect();
        (!arm.is_empty()).then(|| arm.iter().sum::<f64>() / arm.len() as f64)
    };
    Some(mean(true)? - mean(false)?)
}

fn spec(n_resamples: u32) -> BootstrapSpec {
    BootstrapSpec { n_resamples, level: 0.95, seed: 1 }
}

proptest! {
    #[test]
    fn qini_and_uplift_are_those_of_the_twin(
        rows in prop::collection::vec((any::<bool>(), any::<bool>(), 0_u8..12), 4..80)
    ) {
        let treated: Vec<bool> = rows.iter().map(|row| row.0).collect();
        let outcome: Vec<f64> = rows.iter().map(|row| f64::from(u8::from(row.1))).collect();
        let score: Vec<f64> = rows.iter().map(|row| f64::from(row.2)).collect();
        let ranking = Ranking { treated: &treated, outcome: &outcome, top_share: 0.3 };
        let found = ranking.measure(&[&score], &spec(0));
        if let Some(found) = found {
            let qini = twin_qini(&treated, &outcome, &score);
            prop_assert!((found[0].qini - qini).abs() < 1e-9, "{} {}", found[0].qini, qini);
            let uplift = twin_uplift(&treated, &outcome, &score).expect("both arms");
            prop_assert!((found[0].uplift_at - uplift).abs() < 1e-12);
        } else {
            let is_known = twin_uplift(&treated, &outcome, &score).is_some();
            prop_assert!(!is_known || !(twin_qini(&treated, &outcome, &score).is_finite()));
        }
    }
}

/// A customer drawn twice counts like two customers with the same score.
#[test]
fn weights_are_repetitions() {
    let treated: Vec<bool> = (0..40).map(|i| i * 7 % 3 == 0).collect();
    let outcome: Vec<f64> = (0..40).map(|i| f64::from(u8::from(i * 5 % 4 == 0))).collect();
    let score: Vec<f64> = (0..40).map(|i| f64::from(i * 11 % 17)).collect();
    let weights = drawn(40, 9, 2);
    let repeat = |of: &dyn Fn(usize) -> f64| -> Vec<f64> {
        (0..40).flat_map(|i| vec![of(i); weights[i] as usize]).collect()
    };
    let wide: Vec<bool> =
        repeat(&|i| f64::from(u8::from(treated[i]))).iter().map(|&t| t > 0.0).collect();
    let (wide_y, wide_score) = (repeat(&|i| outcome[i]), repeat(&|i| score[i]));
    let expected = twin_qini(&wide, &wide_y, &wide_score);
    let expected_uplift = twin_uplift(&wide, &wide_y, &wide_score).expect("both arms");
    let ranking = Ranking { treated: &treated, outcome: &outcome, top_share: 0.3 };
    let perfect = Order::of(&ranking.perfect());
    let walks = ranking.walk_all(&[Order::of(&score)], &perfect, &weights).expect("both arms");
    assert!((walks[0].qini - expected).abs() < 1e-9, "{} {expected}", walks[0].qini);
    assert!((walks[0].uplift_at - expected_uplift).abs() < 1e-9);
}

/// 4,000 customers, half treated; the upper half by `i % 100` responds to treatment.
fn half_respond() -> (Vec<bool>, Vec<f64>, Vec<f64>) {
    let treated: Vec<bool> = (0..4_000).map(|i| i / 100 % 2 == 0).collect();
    let outcome: Vec<f64> = (0..4_000)
        .map(|i| f64::from(u8::from(i % 7 == 0 || (treated[i] && i % 100 >= 50 && i % 3 == 0))))
        .collect();
    let score: Vec<f64> = (0..4_000).map(|i| f64::from(u8::from(i % 100 >= 50))).collect();
    (treated, outcome, score)
}

#[test]
fn a_good_ranking_is_clear_and_its_reverse_and_a_constant_are_not() {
    let (treated, outcome, good) = half_respond();
    let bad: Vec<f64> = good.iter().map(|score| -score).collect();
    let flat = vec![0.5; good.len()];
    let ranking = Ranking { treated: &treated, outcome: &outcome, top_share: 0.3 };
    let found = ranking.measure(&[&good, &bad, &flat], &spec(300)).expect("both arms");
    let [qini, uplift] = found[0].intervals(0.95).expect("resamples");
    assert!(qini.low > 0.0 && uplift.low > 0.2, "{qini:?} {uplift:?}");
    assert!((found[0].qini + found[1].qini).abs() < 1e-9);
    assert!(found[2].qini.abs() < 1e-12);
    let gain = found[0].gain_over(&found[2], 0.95).expect("resamples");
    assert_eq!((gain.mean, gain.low, gain.high), (qini.mean, qini.low, qini.high));
    let curve = &found[0].curve;
    assert_eq!(curve.len(), CURVE_POINTS);
    // Half of the customers bring all there is: the curve is level from there.
    let (half, end) = (curve[CURVE_POINTS / 2 - 1], curve[CURVE_POINTS - 1]);
    assert!((half.gain / end.gain - 1.0).abs() < 0.1, "{half:?} {end:?}");
    assert!(end.low < end.gain && end.gain < end.high && end.share == 1.0);
}

#[test]
fn threads_change_nothing_and_seeds_do() {
    let (treated, outcome, score) = half_respond();
    let ranking = Ranking { treated: &treated, outcome: &outcome, top_share: 0.3 };
    let found = ranking.measure(&[&score], &spec(50));
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    assert_eq!(found, one.install(|| ranking.measure(&[&score], &spec(50))));
    let other = BootstrapSpec { seed: 2, ..spec(50) };
    assert_ne!(found, ranking.measure(&[&score], &other));
}

#[test]
fn one_arm_or_no_outcome_has_no_qini() {
    let score = [1.0, 2.0, 3.0, 4.0];
    let all = Ranking { treated: &[true; 4], outcome: &[1.0, 0.0, 1.0, 0.0], top_share: 0.5 };
    assert_eq!(all.measure(&[&score], &spec(5)), None);
    let treated = [true, false, true, false];
    let silent = Ranking { treated: &treated, outcome: &[0.0; 4], top_share: 0.5 };
    assert_eq!(silent.measure(&[&score], &spec(5)), None);
    let nobody = Ranking { treated: &[], outcome: &[], top_share: 0.5 };
    assert_eq!(nobody.measure(&[&[]], &spec(5)), None);
}
