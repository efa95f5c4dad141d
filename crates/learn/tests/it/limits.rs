//! Parameters that are refused, limits that are kept, memory that is told beforehand.

use crate::shop::{self, checkerboard, mix};
use crate::whole::{check_tables, learned, snapshot_of};
use history::{HistoryView, NO_CUSTOMER};
use learn::memory::fit;
use learn::pairs::PairParams;
use learn::sparse_inverse::SparseInverseParams;
use learn::{CheckedParams, Params, Silent, Without, memory_needed_bytes, peak_bytes};

fn refusal(params: Params) -> String {
    params.check().unwrap_err().to_string()
}

#[test]
fn a_parameter_out_of_range_is_named_with_what_it_must_be() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let half_life = refusal(Params { half_life_days: Some(bad), ..Params::default() });
        let told = format!("parameter `half-life` is {bad}, it must be a number above 0");
        assert_eq!(half_life, told);
        let lambda = refusal(Params { ease_lambda: Some(bad), ..Params::default() });
        assert_eq!(lambda, format!("parameter `lambda` is {bad}, it must be a number above 0"));
    }
    let of_pairs = |pairs| refusal(Params { pairs, ..Params::default() });
    for bad in [0.0, 1.0, -0.1, 1.5, f64::NAN] {
        let rate = of_pairs(PairParams { false_discovery_rate: bad, ..PairParams::default() });
        let told = format!("`false discovery rate` is {bad}, it must be between 0 and 1");
        assert!(rate.ends_with(&told), "{rate}");
    }
    for bad in [0, 10_001, usize::MAX] {
        let pairs = of_pairs(PairParams { per_item: bad, ..PairParams::default() });
        let told = format!("`pairs per item` is {bad}, it must be from 1 to 10,000");
        assert!(pairs.ends_with(&told), "{pairs}");
    }
    for bad in [0, 1] {
        let basket = refusal(Params { max_basket_items: bad, ..Params::default() });
        assert!(basket.ends_with(&format!("is {bad}, it must be at least 2 items")), "{basket}");
    }
}

/// Parameters at the ends of their ranges.
fn extremes() -> Vec<Params> {
    let pairs = |pairs| Params { pairs, ..Params::default() };
    let default = PairParams::default;
    vec![
        Params { half_life_days: Some(1e-300), ..Params::default() },
        Params { half_life_days: Some(1e300), ..Params::default() },
        Params { ease_lambda: Some(1e300), ..Params::default() },
        Params { ease_max_items: 0, ..Params::default() },
        Params { ease_max_items: 1, ..Params::default() },
        inverse(1.0, SparseInverseParams { neighbors: 1, gram_per_item: 1, per_item: 1 }),
        inverse(1e-300, SparseInverseParams { neighbors: 2_000, ..Default::default() }),
        inverse(1e300, SparseInverseParams::default()),
        Params { ease_max_items: usize::MAX, ..Params::default() },
        Params { ease_tune_max_items: 0, ..Params::default() },
        Params { blend_max_baskets: 0, ..Params::default() },
        Params { blend_max_baskets: usize::MAX, ..Params::default() },
        Params { memory_limit_bytes: u64::MAX, ..Params::default() },
        Params { max_basket_items: 2, ..Params::default() },
        Params { max_basket_items: usize::MAX, ..Params::default() },
        Params { seed: u64::MAX, ..Params::default() },
        pairs(PairParams { per_item: 1, ..default() }),
        pairs(PairParams { per_item: 10_000, ..default() }),
        pairs(PairParams { min_baskets: 0, ..default() }),
        pairs(PairParams { min_baskets: u32::MAX, ..default() }),
        pairs(PairParams { false_discovery_rate: 1e-300, ..default() }),
        pairs(PairParams { false_discovery_rate: 1.0 - 1e-9, ..default() }),
    ]
}

#[test]
fn parameters_at_the_ends_of_their_ranges_give_sound_tables() {
    let view = checkerboard(1_200);
    for params in extremes() {
        let params = params.check().unwrap();
        assert!(memory_needed_bytes(&view, &params) > 0);
        check_tables(&view, &snapshot_of(&view, &params));
    }
}

#[test]
fn the_half_life_changes_weights_and_never_counts() {
    let view = checkerboard(600);
    let with = |days| Params { half_life_days: Some(days), ..Params::default() }.check().unwrap();
    let counts = |params: &CheckedParams| -> Vec<Vec<(u32, u32)>> {
        let snapshot = snapshot_of(&view, params);
        let of_anchor = |anchor| {
            let (items, stats) = snapshot.pairs(anchor);
            let mut counts: Vec<_> =
                items.iter().copied().zip(stats.iter().map(|stats| stats.n_both)).collect();
            counts.sort_unstable();
            counts
        };
        (0..view.n_items() as u32).map(of_anchor).collect()
    };
    // The data spans 150 days: half-lives of an hour would leave the last days alone.
    assert_eq!(counts(&with(1.0 / 24.0)), counts(&with(1e9)));
}

fn inverse(lambda: f64, sparse_inverse: SparseInverseParams) -> Params {
    let ease_lambda = Some(lambda);
    Params { ease_max_items: 1, ease_lambda, sparse_inverse, ..Params::default() }
}

#[test]
fn a_sparse_inverse_stands_in_for_ease_above_the_limit_of_items() {
    let view = checkerboard(1_600);
    let limited = Params { ease_max_items: 12, ..Params::default() }.check().unwrap();
    let learned = learned(&view, &limited);
    let notes = &learned.provenance.parameters;
    assert!(notes["sparse_inverse"].contains("for at most 12 items: 40 of 48"), "{notes:?}");
    assert!(notes["ease.tuning"].contains("fits"), "{notes:?}");
    assert!(!notes.contains_key("ease.items") && !notes.contains_key("ease.left_out"));
    let snapshot = snapshot::Snapshot::from_writer(&learned.writer).unwrap();
    assert!(snapshot.has_sparse_weights() && snapshot.ease_items().is_empty());
    // Every item that sold has weights.
    assert!((0..40).all(|item| !snapshot.sparse_weights(item).0.is_empty()));
    check_tables(&view, &snapshot);
    let neither = Without::of(&["ease"]).unwrap();
    let neither = Params { ease_max_items: 12, without: neither, ..Params::default() };
    let snapshot = snapshot_of(&view, &neither.check().unwrap());
    assert!(!snapshot.has_sparse_weights() && snapshot.ease_items().is_empty());
}

#[test]
fn above_the_limit_of_items_it_says_what_stands_in() {
    let view = checkerboard(600);
    let without = Without::of(&["sparse_inverse"]).unwrap();
    let limited = Params { ease_max_items: 12, without, ..Params::default() }.check().unwrap();
    let learned = learned(&view, &limited);
    let notes = &learned.provenance.parameters;
    assert_eq!(notes["ease.items"], "12 of 48 (those that sold, up to the limit)");
    assert!(notes["ease.left_out"].starts_with("28 items that sold less"), "{notes:?}");
    assert!(notes["ease.left_out"].contains("pairs and neighbors stand in"), "{notes:?}");
    let snapshot = snapshot::Snapshot::from_writer(&learned.writer).unwrap();
    assert_eq!(snapshot.ease_items().len(), 12);
    // The best sellers have weights, and the others are not left without anything.
    let least = snapshot.ease_items().iter().map(|&item| snapshot.n_item_baskets(item)).min();
    for item in (0..40).filter(|&item| snapshot.ease_row(item).is_none()) {
        assert!(Some(snapshot.n_item_baskets(item)) <= least);
        assert!(!snapshot.pairs(item).0.is_empty() && !snapshot.neighbors(item).0.is_empty());
    }
    let roomy = learned_notes(&view, Params::default());
    assert!(!roomy.contains_key("ease.left_out"), "{roomy:?}");
}

fn learned_notes(view: &HistoryView, params: Params) -> std::collections::BTreeMap<String, String> {
    learned(view, &params.check().unwrap()).provenance.parameters
}

/// Without a ranker, which gives up cases first and hides what comes after, and with EASE for fewer
/// items where there is too little memory.
fn limited(memory_limit_bytes: u64) -> CheckedParams {
    let without = Without::of(&["ranker", "sparse_inverse"]).unwrap();
    Params { memory_limit_bytes, without, ..Params::default() }.check().unwrap()
}

#[test]
fn under_a_memory_limit_there_is_less_to_do_or_nothing_is_done() {
    let view = random_shop(1_000, 8_000, 6);
    let full = peak_bytes(&view, &limited(u64::MAX));
    assert_eq!(fit(&view, &limited(full)).unwrap(), limited(full));
    let (mut n_items, mut n_baskets, mut n_refused) = (usize::MAX, usize::MAX, 0);
    for per_mille in (0..1_000).rev() {
        let limit = full / 1_000 * per_mille;
        match fit(&view, &limited(limit)) {
            Ok(fitted) => {
                assert!(peak_bytes(&view, &fitted) <= limit, "{per_mille}: {fitted:?}");
                assert!(n_refused == 0 && fitted.blend_max_baskets <= n_baskets, "{per_mille}");
                (n_items, n_baskets) = (fitted.ease_max_items, fitted.blend_max_baskets);
            }
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains("needs at least") && text.ends_with("allow more"), "{text}");
                n_refused += 1;
            }
        }
    }
    assert!(n_refused > 0, "the least to do has a size too");
    assert!(n_baskets == 0 && n_items < 1_000, "{n_baskets} baskets, {n_items} items at the last");
}

#[test]
fn the_ranker_gives_up_cases_first_and_is_itself_given_up_last() {
    let view = random_shop(1_000, 8_000, 6);
    let with = |memory_limit_bytes: u64| {
        let without = Without::of(&["sparse_inverse"]).unwrap();
        Params { memory_limit_bytes, without, ..Params::default() }.check().unwrap()
    };
    let asked = with(0);
    let full = peak_bytes(&view, &with(u64::MAX));
    let fitted = |per_mille: u64| fit(&view, &with(full / 1_000 * per_mille));
    let whole = fit(&view, &with(full)).unwrap();
    assert_eq!(whole.ranker.max_cases, asked.ranker.max_cases);
    let fewer = fit(&view, &with(full - 1)).unwrap();
    assert!(fewer.ranker.max_cases > 0 && fewer.ranker.max_cases < asked.ranker.max_cases);
    assert_eq!(fewer.blend_max_baskets, asked.blend_max_baskets);
    let (mut n_cases, mut has_given_up_items) = (usize::MAX, false);
    for found in (0..1_000).rev().map_while(|per_mille| fitted(per_mille).ok()) {
        assert!(found.ranker.max_cases <= n_cases);
        let n_ease = found.ease_max_items.min(1_000);
        let is_least = found.ranker.max_cases == 500;
        // Nothing else is given up before all cases that can be are.
        assert!(found.ranker.max_cases == 0 || n_ease == 1_000 || is_least && n_ease >= 500);
        has_given_up_items |= is_least && n_ease < 1_000;
        n_cases = found.ranker.max_cases;
    }
    assert!(has_given_up_items, "half of the items goes before the ranker does");
    assert_eq!(n_cases, 0, "where nothing else helps the blend ranks");
}

#[test]
fn a_sparse_inverse_keeps_all_items_where_memory_is_short() {
    let view = random_shop(2_000, 4_000, 6);
    let with = |memory_limit_bytes: u64| {
        Params { memory_limit_bytes, ..Params::default() }.check().unwrap()
    };
    let full = peak_bytes(&view, &with(u64::MAX));
    let mut steps = Vec::new();
    for found in (0..1_000).rev().map_while(|per_mille| {
        let limit = full / 1_000 * per_mille;
        let found = fit(&view, &with(limit)).ok()?;
        assert!(peak_bytes(&view, &found) <= limit, "{per_mille}: {found:?}");
        Some(found)
    }) {
        let step = (found.ease_max_items > 1, found.ranker.max_cases > 0, found.ease_max_items > 0);
        if steps.last() != Some(&step) {
            steps.push(step);
        }
    }
    // EASE and a ranker; a sparse inverse and a ranker; one of them alone; nothing.
    assert!(steps.iter().map(|step| step.1).is_sorted_by(|a, b| a >= b), "{steps:?}");
    assert!(steps.iter().map(|step| step.2).is_sorted_by(|a, b| a >= b), "{steps:?}");
    assert!(steps[0].0 && steps.contains(&(false, true, true)), "{steps:?}");
    assert_eq!(steps.last(), Some(&(false, false, false)), "{steps:?}");
}

#[test]
fn what_a_memory_limit_cost_is_told_with_the_snapshot() {
    let view = checkerboard(1_600);
    let full = peak_bytes(&view, &limited(u64::MAX));
    let least = Params {
        ease_max_items: 0,
        blend_max_baskets: 0,
        without: Without::of(&["ranker", "next_basket", "sparse_inverse"]).unwrap(),
        ..Params::default()
    };
    let least = peak_bytes(&view, &least.check().unwrap());
    let learned = learned(&view, &limited(least + (full - least) / 50));
    let notes = &learned.provenance.parameters;
    assert!(notes["memory"].starts_with("to stay within 4"), "{notes:?}");
    check_tables(&view, &snapshot::Snapshot::from_writer(&learned.writer).unwrap());
    assert!(!learned_notes(&view, Params::default()).contains_key("memory"));
    let refused = learn::learn(&view, &limited(least - 1), &Silent).err().unwrap().to_string();
    assert!(refused.contains("needs at least 4"), "{refused}");
}

fn random_shop(n_items: u32, n_baskets: u32, basket_items: u32) -> HistoryView {
    let basket = |b: u32| {
        let mut items: Vec<u32> = (0..basket_items).map(|at| mix(b, at) as u32 % n_items).collect();
        items.sort_unstable();
        items.dedup();
        (items, i64::from(b), if b.is_multiple_of(3) { NO_CUSTOMER } else { b % 50 })
    };
    shop::view(n_items as usize, 50, &(0..n_baskets).map(basket).collect::<Vec<_>>())
}

#[test]
fn the_memory_told_beforehand_grows_with_everything_that_takes_memory() {
    let params = |ease_max_items, per_item| {
        let pairs = PairParams { per_item, ..PairParams::default() };
        let without = Without::of(&["sparse_inverse"]).unwrap();
        Params { ease_max_items, pairs, without, ..Params::default() }.check().unwrap()
    };
    let needed = |view: &HistoryView| memory_needed_bytes(view, &params(1_000, 64));
    let small = random_shop(100, 200, 5);
    assert!(needed(&small) < needed(&random_shop(200, 200, 5)), "items");
    assert!(needed(&small) < needed(&random_shop(100, 400, 5)), "baskets");
    assert!(needed(&small) < needed(&random_shop(100, 200, 10)), "items of a basket");
    let many = random_shop(1_000, 2_000, 5);
    let with = |ease, pairs| memory_needed_bytes(&many, &params(ease, pairs));
    assert!(with(600, 8) < with(800, 8) && with(800, 8) < with(1_000, 8), "EASE");
    assert_eq!(with(1_000, 8), with(1_000_000, 8), "no more than there are items");
    assert!(with(1_000, 8) < with(1_000, 32), "pairs kept");
    let sparse = |neighbors, gram_per_item| {
        let fill = SparseInverseParams { neighbors, gram_per_item, per_item: 500 };
        let pairs = PairParams { per_item: 1, ..PairParams::default() };
        let params = Params { pairs, ..inverse(1.0, fill) }.check().unwrap();
        memory_needed_bytes(&random_shop(1_000, 4_000, 12), &params)
    };
    assert!(sparse(8, 1_000) < sparse(32, 1_000), "neighbors of the sparse inverse");
    assert!(sparse(32, 32) < sparse(32, 1_000), "entries of its matrix");
    assert!(memory_needed_bytes(&HistoryView::default(), &params(1_000, 64)) < 1 << 10);
}
