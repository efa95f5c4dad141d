use super::*;
use proptest::prelude::*;
use score::next_basket::published::{Method, list};
use score::next_basket::{Asked, FEATURES, Overlay, Rows, Scratch, describe, sources};
use sparse::Accumulator;
use std::collections::{BTreeMap, BTreeSet};

const N_ITEMS: usize = 8;

type Lists = Vec<Vec<Vec<u32>>>;

fn sequences_of(lists: &Lists) -> Sequences {
    let mut sequences = Sequences::default();
    lists.iter().for_each(|baskets| sequences.push(baskets));
    sequences
}

fn tables_of(lists: &Lists) -> NextBasketTables {
    NextBasketTables::learn(sequences_of(lists), N_ITEMS, NextBasketParams::default())
}

/// Customers with up to four baskets of distinct rising items.
fn any_lists() -> impl Strategy<Value = Lists> {
    let basket = prop::collection::btree_set(0..N_ITEMS as u32, 1..4);
    let basket = basket.prop_map(|items: BTreeSet<u32>| items.into_iter().collect::<Vec<u32>>());
    prop::collection::vec(prop::collection::vec(basket, 0..5), 2..9)
}

/// Dense vectors by the formula.
fn dense(tables: &NextBasketTables, customer: u32) -> Vec<f32> {
    let view = tables.view();
    let mut dense = vec![0.0; N_ITEMS];
    let (items, weights) = view.customers.vectors.row(customer);
    items.iter().zip(weights).for_each(|(&item, &weight)| dense[item as usize] = weight);
    dense
}

proptest! {
    #[test]
    fn the_nearest_are_those_of_all_distances(lists in any_lists(), k in 1_usize..5) {
        let tables = tables_of(&lists);
        let view = tables.view();
        let mut dots = Accumulator::new(lists.len());
        for customer in (0..lists.len() as u32).filter(|&c| !lists[c as usize].is_empty()) {
            let own = dense(&tables, customer);
            let query: Vec<(u32, f32)> =
                (0..).zip(own.iter().copied()).filter(|(_, weight)| *weight > 0.0).collect();
            let overlay = Overlay::default();
            let found = view.customers.nearest(&query, Some(customer), k, &overlay, &mut dots);
            prop_assert!(dots.touched().is_empty());
            let norm = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>();
            let mut naive: Vec<f32> = (0..lists.len() as u32)
                .filter(|&other| other != customer && !lists[other as usize].is_empty())
                .map(|other| {
                    let v = dense(&tables, other);
                    norm(&own.iter().zip(&v).map(|(a, b)| a - b).collect::<Vec<f32>>())
                })
                .collect();
            naive.sort_by(f32::total_cmp);
            naive.truncate(k);
            prop_assert_eq!(found.len(), naive.len());
            for (neighbor, distance) in found.iter().zip(naive) {
                let got = norm(&own) - neighbor.nearness;
                prop_assert!((got - distance).abs() < 1e-5, "{got} is not {distance}");
            }
        }
    }

    #[test]
    fn transitions_and_counts_are_those_of_plain_loops(lists in any_lists()) {
        let tables = tables_of(&lists);
        let view = tables.view();
        let mut n_baskets = [0_u32; N_ITEMS];
        let mut sums: BTreeMap<(u32, u32), f32> = BTreeMap::new();
        for baskets in &lists {
            for (at, basket) in baskets.iter().enumerate() {
                for &item in basket {
                    n_baskets[item as usize] += 1;
                    for (lag, later) in baskets[at + 1..].iter().take(3).enumerate() {
                        for &next in later.iter().filter(|&&next| next != item) {
                            *sums.entry((item, next)).or_default() += 0.6_f32.powi(lag as i32);
                        }
                    }
                }
            }
        }
        let mut found: BTreeMap<(u32, u32), f32> = BTreeMap::new();
        for item in 0..N_ITEMS as u32 {
            prop_assert_eq!(view.items[item as usize].n_baskets, n_baskets[item as usize]);
            let (items, chances) = view.transitions.row(item);
            for (&next, &chance) in items.iter().zip(chances) {
                let n = n_baskets[item as usize] as f32 + 10.0;
                found.insert((item, next), chance * n);
            }
        }
        prop_assert_eq!(found.len(), sums.len());
        for (pair, sum) in sums {
            prop_assert!((found[&pair] - sum).abs() < 1e-4);
        }
    }

    /// Working memory must be as new after each customer.
    #[test]
    fn features_do_not_depend_on_who_was_asked_before(lists in any_lists()) {
        let tables = tables_of(&lists);
        let rows_of = |customer: usize, scratch: &mut Scratch| {
            let baskets: Vec<&[u32]> = lists[customer].iter().map(Vec::as_slice).collect();
            let overlay = Overlay::default();
            let asked =
                Asked { customer: Some(customer as u32), sequence: &baskets, overlay: &overlay };
            let mut rows = Rows::default();
            describe(&tables.view(), &asked, scratch, &mut rows);
            // NaN is a value here, and unequal to itself.
            (rows.items, rows.values.iter().map(|value| value.to_bits()).collect::<Vec<u32>>())
        };
        let mut used = Scratch::default();
        for customer in 0..lists.len() {
            let fresh = rows_of(customer, &mut Scratch::default());
            prop_assert_eq!(rows_of(customer, &mut used), fresh);
        }
    }

    #[test]
    fn tables_of_the_past_do_not_know_the_last_baskets(lists in any_lists(), item in 0..8_u32) {
        let mut other = lists.clone();
        other.iter_mut().filter_map(|baskets| baskets.last_mut()).for_each(|last| {
            *last = vec![item];
        });
        let past = |lists: &Lists| sequences_of(lists).without_last(1);
        prop_assert_eq!(past(&lists), past(&other));
    }
}

fn shop() -> Lists {
    vec![
        vec![vec![0, 1], vec![0, 2], vec![1]],
        vec![vec![0], vec![3, 4]],
        vec![vec![1, 5], vec![5], vec![0, 6]],
        vec![vec![2, 3], vec![7]],
    ]
}

fn lists_of(
    tables: &NextBasketTables,
    overlay: &Overlay,
    customer: u32,
    baskets: &[Vec<u32>],
    method: Method,
) -> Vec<u32> {
    let baskets: Vec<&[u32]> = baskets.iter().map(Vec::as_slice).collect();
    let asked = Asked { customer: Some(customer), sequence: &baskets, overlay };
    list(method, &tables.view(), &asked, N_ITEMS, &mut Scratch::default())
}

/// A new basket counts at once: for its customer by the sequence, for others by the overlay, and
/// both give what training anew gives.
#[test]
fn a_new_basket_needs_no_training() {
    let before = shop();
    let mut after = before.clone();
    after[1].push(vec![1, 6]);
    let (old, new) = (tables_of(&before), tables_of(&after));
    let mut overlay = Overlay::default();
    let sequence: Vec<&[u32]> = after[1].iter().map(Vec::as_slice).collect();
    overlay.put(1, &sequence, &old.view().tifu, &mut Accumulator::new(N_ITEMS));
    for customer in 0..4_u32 {
        let baskets = &after[customer as usize];
        let live = lists_of(&old, &overlay, customer, baskets, Method::TifuKnn);
        let trained = lists_of(&new, &Overlay::default(), customer, baskets, Method::TifuKnn);
        assert_eq!(live, trained, "customer {customer}");
    }
    let stale = lists_of(&old, &Overlay::default(), 2, &after[2], Method::TifuKnn);
    let live = lists_of(&old, &overlay, 2, &after[2], Method::TifuKnn);
    assert_ne!(stale, live, "the overlay must matter in this shop");
}

/// UP-CF by two plain loops over customers.
#[test]
fn up_cf_is_that_of_plain_loops() {
    let lists = shop();
    let tables = tables_of(&lists);
    let items_of =
        |baskets: &Vec<Vec<u32>>| -> BTreeSet<u32> { baskets.iter().flatten().copied().collect() };
    for (customer, baskets) in lists.iter().enumerate() {
        let own = items_of(baskets);
        let mut scores = [0.0_f64; N_ITEMS];
        for other in &lists {
            let theirs = items_of(other);
            let n_shared = own.intersection(&theirs).count() as f64;
            let likeness = (n_shared / (own.len() as f64 * theirs.len() as f64).sqrt()).powi(2);
            for &item in other.iter().flatten() {
                scores[item as usize] += likeness / other.len() as f64;
            }
        }
        let none = Overlay::default();
        let found = lists_of(&tables, &none, customer as u32, baskets, Method::UpCf);
        let n_scored = scores.iter().filter(|score| **score > 0.0).count();
        assert_eq!(found.len(), n_scored);
        for pair in found.windows(2) {
            let (better, worse) = (scores[pair[0] as usize], scores[pair[1] as usize]);
            assert!(better > worse - 1e-6, "{found:?} is not in order of {scores:?}");
        }
    }
}

/// Also who is none of the neighbors: their own items are theirs all the same.
#[test]
fn up_cf_knows_the_own_items_of_who_is_no_neighbor() {
    let lists = shop();
    let params = NextBasketParams { max_neighbors: 1, ..NextBasketParams::default() };
    let tables = NextBasketTables::learn(sequences_of(&lists), N_ITEMS, params);
    let none = Overlay::default();
    for (customer, baskets) in lists.iter().enumerate() {
        let found = lists_of(&tables, &none, customer as u32, baskets, Method::UpCf);
        let missing = baskets.iter().flatten().find(|item| !found.contains(item));
        assert_eq!(missing, None, "customer {customer}: {found:?}");
    }
}

#[test]
fn a_guest_with_items_that_the_tables_do_not_know_gets_rows() {
    let tables = tables_of(&shop());
    let overlay = Overlay::default();
    let baskets: [&[u32]; 2] = [&[0, 30], &[31]];
    let asked = Asked { customer: None, sequence: &baskets, overlay: &overlay };
    let mut rows = Rows::default();
    describe(&tables.view(), &asked, &mut Scratch::default(), &mut rows);
    assert!([0, 30, 31].iter().all(|item| rows.items.contains(item)));
    let nobody = tables_of(&Vec::new());
    describe(&nobody.view(), &asked, &mut Scratch::default(), &mut rows);
    assert_eq!(rows.items.len(), 3);
}

/// Every feature of a left-out source is 0, and it proposes nothing.
#[test]
fn a_source_that_is_left_out_proposes_nothing() {
    let lists: Lists = vec![
        vec![vec![0, 1], vec![0, 2], vec![0, 1]],
        vec![vec![0], vec![1, 3]],
        vec![vec![1], vec![4]],
        vec![vec![6]],
    ];
    let described = |left_out: LeftOut| {
        let params = NextBasketParams { left_out, ..NextBasketParams::default() };
        let tables = NextBasketTables::learn(sequences_of(&lists), N_ITEMS, params);
        let view = tables.view();
        let (sequence, overlay) = (view.baskets.sequences.of(0), Overlay::default());
        let asked = Asked { customer: Some(0), sequence: &sequence, overlay: &overlay };
        let mut rows = Rows::default();
        describe(&view, &asked, &mut Scratch::default(), &mut rows);
        rows
    };
    let column = |name: &str| FEATURES.iter().position(|feature| *feature == name).unwrap();
    let is_zero = |rows: &Rows, name: &str| {
        rows.values.chunks_exact(FEATURES.len()).all(|row| row[column(name)] == 0.0)
    };
    let all = described(LeftOut::default());
    let features = [
        "hazard.item",
        "tifu.score",
        "upcf.score",
        "transitions.score",
        "next.score",
        "item.customers",
    ];
    for (source, name) in features.iter().enumerate() {
        let rows = described(LeftOut::default().and(source));
        let without = sources::SOURCES[source];
        assert!(is_zero(&rows, name), "{without} still tells {name}");
        for other in features.iter().filter(|other| *other != name) {
            assert_eq!(is_zero(&rows, other), is_zero(&all, other), "{other} without {without}");
        }
    }
    let all_but = |kept: usize| {
        let others = (0..features.len()).filter(|&source| source != kept);
        described(others.fold(LeftOut::default(), LeftOut::and)).items
    };
    let sorted = |mut items: Vec<u32>| {
        items.sort_unstable();
        items
    };
    assert_eq!(sorted(all_but(sources::HABIT)), [0, 1, 2]);
    assert_eq!(sorted(all_but(sources::BEST_SELLERS)), [0, 1, 2, 3, 4, 6]);
    assert!(all_but(features.len()).is_empty());
}
