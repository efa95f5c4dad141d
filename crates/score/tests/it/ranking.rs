//! `rank` against a twin that does everything the slow way.

use crate::shop::{Tables, snapshot};
use proptest::prelude::*;
use score::blend::{Blend, EASE, Features, HISTORY, N_SOURCES, NEIGHBOR, PAIR, TREND};
use score::{CartSize, Query, Scratch, rank};
use std::collections::{BTreeMap, BTreeSet};

const N: u32 = 14;

/// Values in eighths, so that ties are common.
fn eighths(range: std::ops::Range<i32>) -> impl Strategy<Value = f32> {
    range.prop_map(|eighths| eighths as f32 / 8.0)
}

fn rows() -> impl Strategy<Value = Vec<Vec<(u32, f32)>>> {
    let row = prop::collection::btree_map(0..N, eighths(1..9), 0..6);
    prop::collection::vec(row, N as usize).prop_map(|rows| {
        let others = |(anchor, row): (usize, BTreeMap<u32, f32>)| {
            row.into_iter().filter(|(item, _)| *item as usize != anchor).collect()
        };
        rows.into_iter().enumerate().map(others).collect()
    })
}

fn tables() -> impl Strategy<Value = Tables> {
    let ease_items = prop::collection::btree_set(0..N, 0..N as usize);
    let weights = prop::collection::vec(eighths(-4..9), (N * N) as usize);
    let trend = prop::collection::vec(eighths(0..9), N as usize);
    (rows(), rows(), ease_items, weights, trend, any::<bool>()).prop_map(
        |(pairs, neighbors, ease_items, weights, trend, by_row)| {
            let n = ease_items.len();
            let row = |row: usize| (0..n).map(|at| weights[row * N as usize + at]).collect();
            let ease: Vec<Vec<f32>> = (0..n).map(row).collect();
            let ease_items = ease_items.into_iter().collect();
            Tables { pairs, neighbors, ease_items, ease, by_row, trend, titles: Vec::new() }
        },
    )
}

/// Every candidate with its features, the slow way.
fn twin(
    tables: &Tables,
    query: &Query<'_>,
    is_eligible: impl Fn(u32) -> bool,
) -> BTreeMap<u32, Features> {
    let row_of = |item: u32| tables.ease_items.iter().position(|&other| other == item);
    let has_ease = query.context.iter().any(|&item| row_of(item).is_some());
    let ease = |item: u32| -> f32 {
        let Some(column) = row_of(item) else { return 0.0 };
        query.context.iter().filter_map(|&anchor| Some(tables.ease[row_of(anchor)?][column])).sum()
    };
    let of = |rows: &[Vec<(u32, f32)>], item: u32| -> Vec<f32> {
        let lists = query.context.iter().flat_map(|&anchor| &rows[anchor as usize]);
        lists.filter(|entry| entry.0 == item).map(|entry| entry.1).collect()
    };
    let mut candidates = BTreeMap::new();
    for item in (0..N).filter(|&item| is_eligible(item)) {
        let mut features = Features::default();
        features[EASE] = if has_ease { ease(item) } else { 0.0 };
        let (pairs, neighbors) = (of(&tables.pairs, item), of(&tables.neighbors, item));
        features[PAIR] = pairs.iter().copied().fold(0.0, f32::max);
        features[NEIGHBOR] = neighbors.iter().sum();
        let bought: Vec<f32> =
            query.history.iter().filter(|entry| entry.0 == item).map(|entry| entry.1).collect();
        features[HISTORY] = bought.iter().sum();
        features[TREND] = tables.trend[item as usize];
        let is_proposed = features[EASE] > 0.0
            || !(pairs.is_empty() && neighbors.is_empty() && bought.is_empty());
        if is_proposed {
            candidates.insert(item, features);
        }
    }
    candidates
}

fn twin_score(candidates: &BTreeMap<u32, Features>, weights: &Features, item: u32) -> f32 {
    let largest = |source: usize| candidates.values().map(|f| f[source]).fold(0.0, f32::max);
    let share = |source: usize| match largest(source) {
        0.0 => 0.0,
        largest => weights[source] * candidates[&item][source] / largest,
    };
    (0..N_SOURCES).map(share).sum()
}

#[derive(Clone, Debug)]
struct Asked {
    context: Vec<u32>,
    history: Vec<(u32, f32)>,
    ineligible: BTreeSet<u32>,
    k: usize,
}

fn asked() -> impl Strategy<Value = Asked> {
    let items = |n| prop::collection::btree_set(0..N, 0..n);
    let history = prop::collection::btree_map(0..N, eighths(1..9), 0..4);
    (items(8), history, items(5), 0_usize..20).prop_map(|(context, history, ineligible, k)| Asked {
        context: context.into_iter().collect(),
        history: history.into_iter().collect(),
        ineligible,
        k,
    })
}

proptest! {
    #[test]
    fn rank_is_the_slow_way(
        tables in tables(),
        asks in prop::collection::vec(asked(), 1..4),
        weights in prop::collection::vec(eighths(0..9), 15),
    ) {
        let snapshot = snapshot(&tables, N as usize);
        let blend = Blend::from_flat(&weights);
        // One scratch for all: what one question leaves behind must not show in the next.
        let mut scratch = Scratch::default();
        for asked in asks {
            let query = Query { context: &asked.context, history: &asked.history, customer: None };
            let is_eligible =
                |item| !asked.ineligible.contains(&item) && !asked.context.contains(&item);
            let found: Vec<_> =
                rank(&snapshot, &blend, &query, &mut scratch, is_eligible).take(asked.k).collect();
            let naive = twin(&tables, &query, is_eligible);
            let weights = &blend.weights[CartSize::of(asked.context.len()) as usize];
            let score = |item: u32| twin_score(&naive, weights, item);
            prop_assert_eq!(found.len(), asked.k.min(naive.len()));
            let mut last = f32::INFINITY;
            for (at, candidate) in found.iter().enumerate() {
                let features = naive.get(&candidate.item);
                prop_assert_eq!(features, Some(&candidate.features));
                prop_assert!((candidate.score - score(candidate.item)).abs() < 1e-5);
                prop_assert!(score(candidate.item) <= last + 1e-5, "not best first at {}", at);
                last = score(candidate.item);
            }
            // Nothing better was left out, and of two alike the smaller index comes first.
            let chosen: Vec<u32> = found.iter().map(|candidate| candidate.item).collect();
            for (&item, features) in naive.iter().filter(|(item, _)| !chosen.contains(item)) {
                prop_assert!(asked.k == 0 || score(item) <= last + 1e-5);
                let larger_twin = found.iter().find(|c| c.features == *features && c.item > item);
                prop_assert!(larger_twin.is_none(), "{} before its like {}", chosen.len(), item);
            }
            for pair in found.windows(2) {
                let is_alike = pair[0].features == pair[1].features;
                prop_assert!(!is_alike || pair[0].item < pair[1].item);
            }
        }
    }
}

#[test]
fn all_alike_come_in_order_of_index_however_many_are_asked_for() {
    let alike = |anchor: u32| (0..N).filter(|&item| item != anchor).map(|i| (i, 0.5)).collect();
    let rows: Vec<Vec<(u32, f32)>> = (0..N).map(alike).collect();
    let tables = Tables { pairs: rows.clone(), neighbors: rows, ..Tables::default() };
    let snapshot = snapshot(&tables, N as usize);
    let mut scratch = Scratch::default();
    for k in 0..=N as usize {
        let query = Query { context: &[3], history: &[], customer: None };
        let ranked = rank(&snapshot, &Blend::default(), &query, &mut scratch, |item| item != 3);
        let items: Vec<u32> = ranked.take(k).map(|candidate| candidate.item).collect();
        let expected: Vec<u32> = (0..N).filter(|&item| item != 3).take(k).collect();
        assert_eq!(items, expected);
    }
}

#[test]
fn one_scratch_serves_snapshots_of_any_size() {
    let mut scratch = Scratch::default();
    for n in [14_usize, 3, 40, 1, 0, 14] {
        let pairs: Vec<Vec<(u32, f32)>> = (0..n)
            .map(|a| (0..n as u32).filter(|&i| i as usize != a).map(|i| (i, 0.5)).collect())
            .collect();
        let snapshot = snapshot(&Tables { pairs, ..Tables::default() }, n);
        let context: Vec<u32> = (0..n as u32).take(1).collect();
        let query = Query { context: &context, history: &[], customer: None };
        let ranked = rank(&snapshot, &Blend::default(), &query, &mut scratch, |item| item != 0);
        // Forty of one score: more than are put in order at a time.
        let items: Vec<u32> = ranked.map(|candidate| candidate.item).collect();
        assert_eq!(items, (1..n.max(1) as u32).collect::<Vec<_>>());
    }
}

#[test]
fn nothing_known_is_no_candidate() {
    let snapshot = snapshot(&Tables { trend: vec![1.0; 5], ..Tables::default() }, 5);
    let mut scratch = Scratch::default();
    let query = Query { context: &[0, 1], history: &[], customer: None };
    // A trend ranks what is proposed; it proposes nothing by itself.
    for query in [query, Query::default()] {
        let mut ranked = rank(&snapshot, &Blend::default(), &query, &mut scratch, |_| true);
        assert_eq!((ranked.n_candidates(), ranked.next()), (0, None));
    }
}
