use super::*;

/// Who buys item 2j buys 2j + 1 next, never 2j again: habits and neighbors mislead, the order of
/// buying tells. Items 60 and above are noise.
fn shop(n_customers: u32) -> Sequences {
    let mut sequences = Sequences::default();
    for customer in 0..n_customers {
        let pair = |step: u32| (customer * 7 + step * 11) % 30;
        let noise = |step: u32| 60 + (customer * 13 + step * 5) % 20;
        let basket = |step: u32| {
            let mut items = vec![2 * pair(step), noise(step)];
            if step > 0 {
                items.push(2 * pair(step - 1) + 1);
            }
            items.sort_unstable();
            items
        };
        sequences.push((0..5).map(basket));
    }
    sequences
}

fn small_params() -> RankerParams {
    let mut params = RankerParams { min_groups: 100, ..RankerParams::default() };
    params.boost.n_trees = 30;
    params.boost.min_rows_in_leaf = 20;
    params
}

#[test]
fn trees_win_where_the_order_of_buying_tells() {
    let params = NextBasketParams::default();
    let learned = learn(&shop(400), 80, params, &small_params()).expect("it learns");
    let trial = learned.trial.clone().expect("there are cases enough");
    assert!(trial.is_won && trial.trees > 1.1 * trial.rival.1, "{trial:?}");
    assert!(learned.n_trees > 0 && matches!(learned.ranker, Ranker::Trees(_)));
    let again = learn(&shop(400), 80, params, &small_params()).expect("it learns");
    assert_eq!(learned, again, "same input, same trees");
}

#[test]
fn too_few_cases_publish_the_best_known_method() {
    let params = RankerParams { min_groups: usize::MAX, ..small_params() };
    let learned = learn(&shop(400), 80, NextBasketParams::default(), &params).expect("it learns");
    assert!(matches!(learned.ranker, Ranker::Published(_)));
    assert_eq!(learned.n_trees, 0);
    let ndcgs: Vec<f64> = learned.contest.iter().map(|(_, ndcg)| *ndcg).collect();
    assert!(ndcgs.is_sorted_by(|a, b| a >= b) && ndcgs[0] > 0.0, "{ndcgs:?}");
}

/// Three baskets of a customer, all drawn alike: item i about 1 / (i + 3) as often.
fn independent(n_customers: u32) -> Sequences {
    let mut state = 88_172_645_463_325_252_u64;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let share = (state >> 11) as f64 / (1_u64 << 53) as f64;
        ((3.0 * 24_f64.powf(share)) as u32 - 3).min(68)
    };
    let mut sequences = Sequences::default();
    for _ in 0..n_customers {
        let baskets: Vec<Vec<u32>> = (0..3)
            .map(|_| {
                let mut items: Vec<u32> = (0..4).map(|_| draw()).collect();
                items.sort_unstable();
                items.dedup();
                items
            })
            .collect();
        sequences.push(baskets);
    }
    sequences
}

#[test]
fn popularity_serves_where_choices_are_independent() {
    let params = NextBasketParams::default();
    for min_groups in [100, usize::MAX] {
        let ranker = RankerParams { min_groups, min_before: 1, ..small_params() };
        let learned = learn(&independent(600), 69, params, &ranker).expect("it learns");
        let found = (&learned.contest, &learned.trial);
        assert_eq!(learned.ranker, Ranker::Published(Method::GlobalTop), "{found:?}");
        assert_eq!((learned.contest[0].0, learned.n_contest), (Method::GlobalTop, 600));
        assert_eq!(learned.trial.is_some(), min_groups == 100);
        assert!(learned.trial.is_none_or(|trial| trial.n_baskets == 120 && !trial.is_won));
    }
}

#[test]
fn trees_win_by_more_than_chance_over_each_or_not_at_all() {
    let rival = [0.5, 0.4, 0.6, 0.5];
    let trial = |ours: &[f64]| {
        let mut theirs = vec![vec![0.1; ours.len()]; RIVALS.len()];
        theirs[2] = rival[..ours.len()].to_vec();
        MatchUp { ours: ours.to_vec(), rivals: RIVALS.to_vec(), theirs }.trial()
    };
    let won = trial(&[0.6, 0.5, 0.65, 0.6]);
    assert!(won.is_won && won.rival == (RIVALS[2], 0.5) && won.n_baskets == 4, "{won:?}");
    assert!(!trial(&[1.0, 0.3, 0.6, 0.3]).is_won, "one basket");
    assert!(!trial(&rival).is_won, "the same");
    assert!(!trial(&[0.9]).is_won && !trial(&[]).is_won, "of one nothing is known");
}

#[test]
fn nothing_to_learn_from_is_no_error() {
    let mut one_basket = Sequences::default();
    one_basket.push([[1, 2]]);
    for sequences in [Sequences::default(), one_basket] {
        let params = NextBasketParams::default();
        let learned = learn(&sequences, 3, params, &RankerParams::default()).expect("no error");
        assert_eq!(learned.ranker, Ranker::Published(Method::TifuKnn));
        assert_eq!(learned.n_groups, 0);
    }
}

#[test]
fn days_are_weighed_without_the_baskets_that_are_asked_for() {
    let mut sequences = Sequences::default();
    // Bought again in the last basket alone, so before it nobody knows of any gap.
    (0..3).for_each(|_| sequences.push_dated([([0], 10), ([1], 20), ([0], 40)], 1));
    let view = HistoryView { items: vec![Default::default(); 2], ..HistoryView::default() };
    let params = RankerParams { valid_every: 1, ..RankerParams::default() };
    let ages = Ages { view: &view, params: &params };
    assert_eq!(gap_days_of(&view, &sequences), [30.0, 30.0]);
    let (before, gap_days) = ages.before_last(&sequences);
    assert_eq!((before.days.len(), gap_days), (6, Vec::new()));
    let ranker = Ranker::Published(Method::PersonalTop);
    let worth = ages.worth(&sequences, NextBasketParams::default(), &ranker);
    assert!(worth.plain > 0.0 && worth.plain == worth.timed && !worth.is_clear, "{worth:?}");
}

#[test]
fn few_customers_and_gains_all_alike_are_not_clear() {
    let is_clear = |n: usize, gain: &dyn Fn(usize) -> f64| {
        let timed: Vec<f64> = (0..n).map(|at| 0.5 + gain(at)).collect();
        Worth::of(&vec![0.5; n], &timed).is_clear
    };
    let varied = |at: usize| 0.1 + 0.01 * (at % 2) as f64;
    assert!(is_clear(100, &varied));
    assert!(!is_clear(99, &varied));
    assert!(!is_clear(200, &|_| 0.1));
    assert!(!is_clear(200, &|at| if at % 2 == 0 { 0.1 } else { -0.1 }));
}

#[test]
fn the_cases_kept_apart_are_a_part_of_those_that_are_learned_from() {
    let ranker = RankerParams { valid_every: 2, max_groups: 100, ..small_params() };
    let sequences = shop(400);
    let params = NextBasketParams::default();
    let tables = NextBasketTables::learn(sequences.without_last(1), 80, params);
    let (mut train, mut valid) = (Cases::default(), Cases::default());
    collect_cases(&tables, (&sequences, 1), &ranker, &mut train, &mut valid);
    assert_eq!((train.group_ends.len(), valid.group_ends.len()), (100, 20));
}

#[test]
fn a_method_that_needs_what_is_left_out_is_no_rival() {
    let without = |sources: &[&str]| rivals_of(crate::Without::of(sources).unwrap().of_customers());
    assert_eq!(without(&[]), RIVALS);
    assert_eq!(without(&["tifu_knn"]), RIVALS[1..]);
    assert_eq!(without(&["habit"]), [Method::TifuKnn, Method::UpCf, Method::GlobalTop]);
    assert_eq!(without(&["tifu_knn", "up_cf", "best_sellers"]), []);
}
