use super::*;
use score::RowBlocks;

struct Owned {
    features: Vec<f32>,
    labels: Vec<f32>,
    group_ends: Vec<u32>,
}

impl Owned {
    fn set(&self, n_features: usize) -> RankingSet<'_> {
        RankingSet {
            n_features,
            features: &self.features,
            labels: &self.labels,
            group_ends: &self.group_ends,
            offsets: &[],
        }
    }
}

/// Numbers from 0 to 1, always the same for a seed.
fn numbers(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 24) as f32
    }
}

/// Groups of 20 rows; the one with the largest hidden worth is the one that gains. Feature 0 tells
/// half of the worth, 1 the other half where it is known, 2 and 3 are noise, 4 is constant.
fn shop(seed: u64, n_groups: usize) -> Owned {
    let mut next = numbers(seed);
    let mut owned = Owned { features: Vec::new(), labels: Vec::new(), group_ends: Vec::new() };
    for _ in 0..n_groups {
        let rows: Vec<[f32; 5]> = (0..20).map(|_| [next(), next(), next(), next(), 1.0]).collect();
        let worth = |row: &[f32; 5]| row[0] + if row[1] < 0.3 { 1.5 } else { row[1] };
        let best = (0..20).max_by(|&a, &b| worth(&rows[a]).total_cmp(&worth(&rows[b]))).unwrap();
        for (at, mut row) in rows.into_iter().enumerate() {
            // What is not known is what is worth most.
            if row[1] < 0.3 {
                row[1] = f32::NAN;
            }
            owned.features.extend(row);
            owned.labels.push(f32::from(u8::from(at == best)));
        }
        owned.group_ends.push(owned.labels.len() as u32);
    }
    owned
}

fn params() -> BoostParams {
    BoostParams { n_trees: 40, max_leaves: 15, learning_rate: 0.2, ..BoostParams::default() }
}

#[test]
fn a_ranking_is_learned_with_the_side_of_what_is_not_known() {
    let (train, valid) = (shop(1, 400), shop(2, 200));
    let boosted = fit(&train.set(5), Some(&valid.set(5)), &params()).unwrap();
    let ndcg = boosted.valid_metric.unwrap();
    assert!(ndcg > 0.93, "{ndcg}");
    // The best single feature alone, for comparison.
    let single: Vec<f64> = valid.features.chunks(5).map(|row| f64::from(row[0])).collect();
    let single = objective::metric(&valid.set(5), &single, params().objective);
    assert!(single < 0.75, "{single}");
    let splits = boosted.trees.n_splits_of_features();
    assert!(splits[0] > splits[2].max(splits[3]), "{splits:?}");
    assert_eq!(splits[4], 0);
    let score = |x: f32| boosted.trees.score(&[0.5, x, 0.5, 0.5, 1.0]);
    assert!(score(f32::NAN) > score(0.95));
}

#[test]
fn trees_score_as_the_trainer_did_with_all_rows_and_with_a_bag() {
    let train = shop(3, 150);
    for (group_fraction, max_leaves) in [(1.0, 15), (0.6, 31), (0.6, 40)] {
        let params = BoostParams { group_fraction, max_leaves, min_rows_in_leaf: 5, ..params() };
        let (trees, scores, _) = boost(&train.set(5), None, &params).unwrap();
        assert_eq!(trees.n_trees(), 40);
        let mut rows = RowBlocks::default();
        rows.clear(5);
        train.features.chunks(5).for_each(|row| rows.push(row));
        let mut found = Vec::new();
        trees.score_rows(&rows, &mut found);
        for (found, expected) in found.iter().zip(&scores) {
            let off = (f64::from(*found) - expected).abs();
            assert!(off <= 1e-6 * expected.abs().max(1.0), "{found} {expected}");
        }
    }
}

#[test]
fn threads_change_nothing_and_the_seed_does() {
    let train = shop(4, 300);
    let sampled = BoostParams { group_fraction: 0.7, feature_fraction: 0.6, ..params() };
    let words = |n_threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        let params = BoostParams { seed, ..sampled.clone() };
        pool.install(|| fit(&train.set(5), None, &params).unwrap().trees.to_words())
    };
    assert_eq!(words(1, 7), words(8, 7));
    assert_ne!(words(1, 7), words(1, 8));
}

#[test]
fn logistic_scores_are_log_odds() {
    let mut next = numbers(5);
    let mut train = Owned { features: Vec::new(), labels: Vec::new(), group_ends: Vec::new() };
    for row in 0..8_000_u32 {
        let (x, draw) = ((next() * 4.0).floor(), next());
        train.features.push(x);
        train.labels.push(f32::from(u8::from(draw < 0.1 + 0.2 * x)));
        train.group_ends.push(row + 1);
    }
    let params = BoostParams { objective: Objective::Logistic, n_trees: 100, l2: 1.0, ..params() };
    let trees = fit(&train.set(1), None, &params).unwrap().trees;
    for x in 0..4_u8 {
        let rows = train.features.iter().zip(&train.labels).filter(|(v, _)| **v == f32::from(x));
        let (n, sum) = rows.fold((0.0, 0.0), |(n, sum), (_, label)| (n + 1.0, sum + label));
        let p = 1.0 / (1.0 + (-trees.score(&[f32::from(x)])).exp());
        assert!((p - sum / n).abs() < 0.01, "{x}: {p} {}", sum / n);
    }
}

#[test]
fn offsets_are_what_trees_add_to() {
    let (train, valid) = (shop(11, 200), shop(12, 200));
    let told =
        |set: &Owned| -> Vec<f32> { set.features.chunks(5).map(|row| 9.0 * row[0]).collect() };
    let (begun, of_valid) = (told(&train), told(&valid));
    let softmax = BoostParams { objective: Objective::Softmax, n_trees: 10, ..params() };
    let metric = |offsets: &[f32], of_valid: &[f32]| {
        let set = RankingSet { offsets, ..train.set(5) };
        let valid = RankingSet { offsets: of_valid, ..valid.set(5) };
        let boosted = fit(&set, Some(&valid), &softmax).unwrap();
        (boosted.valid_metric.unwrap(), boosted.trees.n_splits_of_features())
    };
    let (with, splits) = metric(&begun, &of_valid);
    let (without, plain_splits) = metric(&[], &[]);
    assert!(with > without, "{with} {without}");
    // What the offsets tell needs no splits.
    assert!(splits[0] < plain_splits[0], "{splits:?} {plain_splits:?}");
}

#[test]
fn trees_end_where_the_validation_set_was_best() {
    // Labels without any sense: every tree is one too many.
    let (mut train, valid) = (shop(6, 60), shop(7, 60));
    train.features.iter_mut().zip(numbers(9).into_values()).for_each(|(x, noise)| *x = noise);
    let params = BoostParams { early_stop_rounds: 3, min_rows_in_leaf: 1, ..params() };
    let stopped = fit(&train.set(5), Some(&valid.set(5)), &params).unwrap();
    assert!(stopped.trees.n_trees() < 20, "{}", stopped.trees.n_trees());
    let scores: Vec<f64> =
        valid.features.chunks(5).map(|row| f64::from(stopped.trees.score(row))).collect();
    let metric = objective::metric(&valid.set(5), &scores, params.objective);
    assert!((metric - stopped.valid_metric.unwrap()).abs() < 1e-12);
}

trait IntoValues {
    fn into_values(self) -> impl Iterator<Item = f32>;
}

impl<F: FnMut() -> f32> IntoValues for F {
    fn into_values(self) -> impl Iterator<Item = f32> {
        std::iter::repeat_with(self)
    }
}

#[test]
fn nothing_to_learn_gives_no_trees() {
    let empty = Owned { features: Vec::new(), labels: Vec::new(), group_ends: Vec::new() };
    assert!(fit(&empty.set(3), None, &params()).unwrap().trees.is_empty());
    let mut same = shop(8, 30);
    same.features.fill(f32::NAN);
    assert!(fit(&same.set(5), None, &params()).unwrap().trees.is_empty());
    let mut no_gain = shop(8, 30);
    no_gain.labels.fill(0.0);
    assert!(fit(&no_gain.set(5), None, &params()).unwrap().trees.is_empty());
}

#[test]
fn wrong_sets_and_parameters_are_refused() {
    let good = shop(9, 3);
    let refused = |set: RankingSet<'_>, params: BoostParams| fit(&set, None, &params).is_err();
    let set = good.set(5);
    assert!(!refused(set, params()));
    assert!(refused(RankingSet { n_features: 4, ..set }, params()));
    assert!(refused(RankingSet { n_features: 0, features: &[], ..set }, params()));
    assert!(refused(RankingSet { group_ends: &[20, 40], ..set }, params()));
    assert!(refused(RankingSet { group_ends: &[40, 20, 60], ..set }, params()));
    assert!(refused(RankingSet { offsets: &[0.0; 59], ..set }, params()));
    assert!(refused(RankingSet { offsets: &[f32::NAN; 60], ..set }, params()));
    for label in [-1.0, f32::NAN, 2.0] {
        let mut labels = good.labels.clone();
        labels[7] = label;
        let objective = Objective::Logistic;
        let set = RankingSet { labels: &labels, ..set };
        assert!(refused(set, BoostParams { objective, ..params() }), "{label}");
    }
    for wrong in [
        BoostParams { max_leaves: 1, ..params() },
        BoostParams { max_leaves: 65, ..params() },
        BoostParams { learning_rate: 0.0, ..params() },
        BoostParams { learning_rate: f32::NAN, ..params() },
        BoostParams { l2: -1.0, ..params() },
        BoostParams { feature_fraction: 0.0, ..params() },
        BoostParams { group_fraction: 1.5, ..params() },
        BoostParams { objective: Objective::LambdaMart { truncation: 0 }, ..params() },
    ] {
        assert!(refused(set, wrong.clone()), "{wrong:?}");
    }
}
