//! The ranker as a whole: what it is published on, what it reads, what it costs to be wrong.

use crate::shop::{Basket, mix, view};
use history::{CustomerSegments, HistoryView, NO_CUSTOMER};
use learn::ranker::RankerParams;
use learn::{CheckedParams, Params, Silent, Without};
use score::ranker::Audience;
use score::ranker::features::{N_COMMON_FEATURES, N_FEATURES};
use score::ranker::tables::names;
use score::{Query, Ranker, RankingScratch, World, rank_in};
use snapshot::Snapshot;
use std::sync::Arc;

const N_ITEMS: u32 = 120;

/// Sets of three items are bought together, now one set, now another; some customers come again.
fn sets(n_baskets: u32) -> HistoryView {
    let baskets: Vec<Basket> = (0..n_baskets)
        .map(|b| {
            let mut items: Vec<u32> = (0..3)
                .flat_map(|k| {
                    let set = (mix(b, k) % u64::from(N_ITEMS / 3)) as u32;
                    (0..3)
                        .filter(move |i| !mix(b * 7 + k, *i).is_multiple_of(5))
                        .map(move |i| set * 3 + i)
                })
                .collect();
            items.sort_unstable();
            items.dedup();
            let customer = (mix(b, 77) % 150) as u32;
            let is_known = !mix(b, 99).is_multiple_of(4);
            (items, i64::from(b / 8), if is_known { customer } else { NO_CUSTOMER })
        })
        .filter(|(items, ..): &Basket| !items.is_empty())
        .collect();
    view(N_ITEMS as usize, 150, &baskets)
}

fn params(max_cases: usize) -> CheckedParams {
    let mut ranker = RankerParams { max_cases, ..RankerParams::default() };
    ranker.boost.n_trees = 20;
    Params { ease_lambda: Some(5.0), ranker, ..Params::default() }.check().unwrap()
}

fn learned(view: &HistoryView, params: &CheckedParams) -> learn::Learned {
    learn::learn(view, params, &Silent).unwrap()
}

#[test]
fn each_size_of_cart_says_what_was_published_and_why() {
    let learned = learned(&sets(2_500), &params(500));
    for size in ["single", "few", "many"] {
        let note = &learned.provenance.parameters[&format!("ranker.{size}")];
        let is_told = note.starts_with("the ranker") || note.starts_with("the blend");
        assert!(is_told, "{size}: {note}");
        assert!(note.contains("NDCG@10") || note.contains("are needed"), "{size}: {note}");
    }
    let snapshot = Snapshot::from_writer(&learned.writer).unwrap();
    let ranker = Ranker::open(&snapshot).unwrap();
    for (n_context, size) in [(1, "single"), (3, "few"), (9, "many")] {
        let note = &learned.provenance.parameters[&format!("ranker.{size}")];
        for (audience, told) in
            [(Audience::Guest, "the ranker for guests"), (Audience::Known, "the ranker for known")]
        {
            let heads = ranker.as_ref().and_then(|ranker| ranker.heads(n_context, audience));
            let is_told = note.starts_with("the ranker: ") || note.starts_with(told);
            assert_eq!(heads.is_some(), is_told, "{note}");
        }
    }
}

#[test]
fn little_data_or_none_asked_for_leaves_the_blend() {
    let has_tables = |learned: &learn::Learned| {
        let snapshot = Snapshot::from_writer(&learned.writer).unwrap();
        snapshot.container().sections().any(|(name, _)| name == names::ITEMS)
    };
    assert!(!has_tables(&learned(&sets(600), &params(500))));
    assert!(!has_tables(&learned(&sets(1_500), &params(0))));
    let few = learned(&sets(1_200), &params(20));
    let note = &few.provenance.parameters["ranker.many"];
    assert!(note.starts_with("the blend: ") && note.contains("needed"), "{note}");
}

#[test]
fn the_same_data_give_the_same_ranker_for_any_number_of_threads() {
    let view = sets(1_500);
    let words = |n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        let learned = pool.install(|| learned(&view, &params(400)));
        learned.provenance.parameters
    };
    assert_eq!(words(1), words(3));
}

#[test]
fn what_is_ranked_is_eligible_distinct_and_best_first() {
    let view = sets(2_500);
    let learned = learned(&view, &params(500));
    let snapshot = Arc::new(Snapshot::from_writer(&learned.writer).unwrap());
    let world = World::of(snapshot);
    let mut scratch = RankingScratch::default();
    for customer in [None, Some(3), Some(149), Some(10_000)] {
        for n_context in [0, 1, 3, 12] {
            let context: Vec<u32> = (0..n_context).map(|at| at * 5).collect();
            let (items, weights) = world.snapshot.customer_items(customer.unwrap_or(u32::MAX));
            let history: Vec<(u32, f32)> =
                items.iter().copied().zip(weights.iter().copied()).collect();
            let query = Query { context: &context, history: &history, customer };
            let is_eligible = |item: u32| !context.contains(&item) && !item.is_multiple_of(7);
            let ranker = world.ranker.as_deref();
            let ranked = rank_in(&world, ranker, &query, &mut scratch, is_eligible);
            let n_candidates = ranked.n_candidates();
            let found: Vec<_> = ranked.collect();
            assert!(found.len() <= n_candidates, "{} of {n_candidates}", found.len());
            assert!(found.iter().all(|candidate| is_eligible(candidate.item)));
            assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score), "{found:?}");
            let mut items: Vec<u32> = found.iter().map(|candidate| candidate.item).collect();
            items.sort_unstable();
            items.dedup();
            assert_eq!(items.len(), found.len());
        }
    }
}

/// The twin of a remembering scratch is a fresh one for every question.
#[test]
fn a_question_asked_again_is_answered_as_if_it_were_the_first() {
    let learned = learned(&sets(2_500), &params(500));
    let world = World::of(Arc::new(Snapshot::from_writer(&learned.writer).unwrap()));
    let mut remembering = RankingScratch::remembering();
    let mut n_changed = 0;
    for customer in [None, Some(3), None] {
        for (n_context, step) in [(1, 5), (12, 5), (0, 1), (12, 3), (1, 7)] {
            let context: Vec<u32> = (0..n_context).map(|at| at * step).collect();
            let (items, weights) = world.snapshot.customer_items(customer.unwrap_or(u32::MAX));
            let history: Vec<(u32, f32)> =
                items.iter().copied().zip(weights.iter().copied()).collect();
            let query = Query { context: &context, history: &history, customer };
            let mut before = None;
            // The same twice, others, the first again; the ranker with and without.
            for (modulus, has_ranker) in
                [(7, true), (7, true), (5, true), (2, true), (7, false), (7, true), (5, true)]
            {
                let is_eligible =
                    |item: u32| !context.contains(&item) && !item.is_multiple_of(modulus);
                let ranker = world.ranker.as_deref().filter(|_| has_ranker);
                let ranked = |scratch: &mut RankingScratch| {
                    let ranked = rank_in(&world, ranker, &query, scratch, is_eligible);
                    (ranked.n_candidates(), ranked.collect::<Vec<_>>())
                };
                let expected = ranked(&mut RankingScratch::default());
                assert_eq!(ranked(&mut remembering), expected);
                n_changed += usize::from(before.as_ref().is_some_and(|b| *b != expected));
                before = Some(expected);
            }
        }
    }
    assert!(n_changed > 10, "the questions are to differ: {n_changed}");
}

#[test]
fn scores_are_probabilities_that_keep_their_promise() {
    // Learned from the older baskets, asked of the newer ones.
    let view = sets(4_000);
    let n_train = view.baskets.len() * 9 / 10;
    let train = HistoryView { baskets: view.baskets.prefix(n_train), ..view.clone() };
    let learned = learned(&train, &params(1_000));
    let world = World::of(Arc::new(Snapshot::from_writer(&learned.writer).unwrap()));
    let rows = view.baskets.items.view();
    let (mut promised, mut kept, mut scratch) = (0.0, 0.0, RankingScratch::default());
    for basket in n_train..view.baskets.len() {
        let [hidden, context @ ..] = rows.row(basket) else { continue };
        if context.is_empty() {
            continue;
        }
        let query = Query { context, ..Query::default() };
        let ranker = world.ranker.as_deref();
        let ranked = rank_in(&world, ranker, &query, &mut scratch, |item| !context.contains(&item));
        for candidate in ranked.take(5) {
            assert!((0.0..=1.0).contains(&candidate.score), "{}", candidate.score);
            promised += f64::from(candidate.score);
            kept += f64::from(u8::from(candidate.item == *hidden));
        }
    }
    assert!(kept > 30.0, "{kept}");
    assert!((promised - kept).abs() < 0.25 * kept, "{promised} promised, {kept} kept");
}

#[test]
fn what_is_left_out_is_not_there_and_the_rest_is() {
    let view = sets(1_200);
    let of = |names: &[&str]| {
        let without = Without::of(names).unwrap();
        let params = Params { ease_lambda: Some(5.0), without, ..Params::default() };
        let learned = learned(&view, &params.check().unwrap());
        Snapshot::from_writer(&learned.writer).unwrap()
    };
    let n_pairs = |snapshot: &Snapshot| (0..N_ITEMS).map(|i| snapshot.pairs(i).0.len()).sum();
    let sizes = |snapshot: &Snapshot| -> [usize; 5] {
        [
            snapshot.ease_items().len(),
            n_pairs(snapshot),
            (0..N_ITEMS).map(|item| snapshot.neighbors(item).0.len()).sum(),
            (0..150).map(|customer| snapshot.customer_items(customer).0.len()).sum(),
            (0..N_ITEMS).filter(|&item| snapshot.trend(item) > 0.0).count(),
        ]
    };
    let all = sizes(&of(&["ranker"]));
    assert!(all.iter().all(|&n| n > 0), "{all:?}");
    for (at, name) in score::SOURCES.into_iter().enumerate() {
        let found = sizes(&of(&["ranker", name]));
        for (source, (found, all)) in found.iter().zip(&all).enumerate() {
            let expected = if source == at { 0 } else { *all };
            assert_eq!(*found, expected, "without {name}, source {source}");
        }
    }
}

/// Half of the customers complete a set with what the other half never takes.
#[test]
fn trees_know_segments_where_there_are_any() {
    let mut view = sets(2_500);
    let rows: Vec<Vec<u32>> = view.baskets.items.view().rows().map(<[u32]>::to_vec).collect();
    let of_segment = |(items, &customer): (Vec<u32>, &u32)| -> Vec<u32> {
        if customer == NO_CUSTOMER {
            return items;
        }
        let keeps = |item: &u32| item % 3 != 1 + customer % 2;
        items.into_iter().filter(keeps).collect()
    };
    view.baskets.items = rows.into_iter().zip(&view.baskets.customers).map(of_segment).collect();
    let plain = learned(&view, &params(500));
    let names = ["a", "b"];
    let of = (0..150_u32).map(|customer| (customer, names[customer as usize % 2]));
    view.segments = CustomerSegments::of(of);
    let with = learned(&view, &params(500));
    let schema_of = |learned: &learn::Learned| {
        let snapshot = Snapshot::from_writer(&learned.writer).unwrap();
        let c = snapshot.container();
        let schema = c.section::<u64>(score::ranker::SCHEMA).unwrap();
        assert!(Ranker::open(&snapshot).unwrap().is_some());
        c.view(&schema).to_vec()
    };
    assert_eq!(schema_of(&plain), [score::ranker::schema(N_COMMON_FEATURES)]);
    assert_eq!(schema_of(&with), [score::ranker::schema(N_FEATURES)]);
    let world = World::of(Arc::new(Snapshot::from_writer(&with.writer).unwrap()));
    // Of item 0 one half goes on to 1, the other to 2, whatever the others do.
    for customer in [10, 11] {
        let query = Query { context: &[0], history: &[(90, 1.0)], customer: Some(customer) };
        let mut scratch = RankingScratch::default();
        let ranked =
            rank_in(&world, world.ranker.as_deref(), &query, &mut scratch, |item| item != 0);
        let first = ranked.map(|candidate| candidate.item).find(|item| *item < 3);
        assert_eq!(first, Some(2 - customer % 2), "{customer}");
    }
}
