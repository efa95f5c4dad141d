//! Histories as they should not be: each gives a sound snapshot, or what can be made of it.

use crate::shop::{Basket, N_ITEMS, checkerboard, mix, quick, view};
use crate::whole::{check_tables, learned, snapshot_of};
use events::Timestamp;
use events::lines::NO_TIME;
use history::{HistoryView, NO_CUSTOMER};
use learn::Params;
use snapshot::Snapshot;

fn learn_and_check(view: &HistoryView) -> Snapshot {
    let snapshot = snapshot_of(view, &quick());
    check_tables(view, &snapshot);
    snapshot
}

#[test]
fn nothing_at_all() {
    let snapshot = learn_and_check(&HistoryView::default());
    assert_eq!((snapshot.n_items(), snapshot.n_customers()), (0, 0));
    assert_eq!(snapshot.provenance().data_from, None);
    assert!(snapshot.provenance().parameters["tuning"].starts_with("defaults"));
}

#[test]
fn a_catalogue_without_orders_has_content_and_nothing_else() {
    let mut view = checkerboard(0);
    view.n_customers = 3;
    let snapshot = learn_and_check(&view);
    assert!(snapshot.popular().is_empty() && snapshot.ease_items().is_empty());
    assert!((0..N_ITEMS).all(|item| snapshot.pairs(item).0.is_empty()));
    assert!((0..N_ITEMS).all(|item| !snapshot.content(item).0.is_empty()));
    assert_eq!(snapshot.n_customers(), 3);
}

#[test]
fn one_basket() {
    let snapshot = learn_and_check(&view(3, 1, &[(vec![0, 2], 7, 0)]));
    let (items, stats) = snapshot.pairs(0);
    assert_eq!((items, stats[0].n_both, stats[0].is_significant), (&[2][..], 1, 0));
    assert_eq!(snapshot.popular(), [0, 2]);
    assert_eq!(snapshot.customer_items(0).0, [0, 2]);
}

#[test]
fn one_item_and_one_customer() {
    let baskets: Vec<Basket> = (0..1_500).map(|day| (vec![0], day, 0)).collect();
    let snapshot = learn_and_check(&view(1, 1, &baskets));
    assert!(snapshot.pairs(0).0.is_empty() && snapshot.neighbors(0).0.is_empty());
    assert_eq!(snapshot.ease_row(0), Some(&[0.0][..]));
    assert_eq!(snapshot.customer_items(0).0, [0]);
    // One customer who buys more than one item.
    let baskets: Vec<Basket> =
        (0..1_500).map(|b| (vec![b % 5, 5 + b % 3], i64::from(b), 0)).collect();
    let snapshot = learn_and_check(&view(8, 1, &baskets));
    assert_eq!(snapshot.customer_items(0).0.len(), 8);
}

#[test]
fn all_baskets_are_equal() {
    let baskets: Vec<Basket> = (0..1_500).map(|day| (vec![0, 1, 2], day, day as u32 % 7)).collect();
    let snapshot = learn_and_check(&view(4, 7, &baskets));
    // Always together is no more than chance would give items that are in every basket.
    let (items, stats) = snapshot.pairs(0);
    assert_eq!(items, [1, 2]);
    assert!(stats.iter().all(|pair| pair.n_both == 1_500 && pair.lift == 1.0));
    assert!(stats.iter().all(|pair| pair.is_significant == 0));
}

/// Baskets too long for pairs count for no pair, and so neither in what its count is held against.
#[test]
fn evidence_is_of_the_baskets_that_pairs_were_counted_in() {
    let whole: Vec<u32> = (0..40).collect();
    let mut baskets: Vec<Basket> = (0..60).map(|day| (whole.clone(), day, 0)).collect();
    for (pair, n) in [([0, 1], 50), ([0, 2], 20), ([1, 2], 20)] {
        baskets.extend((0..n).map(|day| (pair.to_vec(), day, 1)));
    }
    let params = Params { max_basket_items: 30, ease_max_items: 300, ..Params::default() };
    let params = params.check().unwrap();
    let view = view(40, 2, &baskets);
    let snapshot = snapshot_of(&view, &params);
    let (items, stats) = snapshot.pairs(0);
    let at = items.iter().position(|&item| item == 1).unwrap();
    assert_eq!(stats[at].n_both, 50);
    assert_eq!((snapshot.n_pair_baskets_of(0), snapshot.n_pair_baskets_of(1)), (70, 70));
    assert_eq!(snapshot.n_pair_baskets(), 90);
    assert_eq!((snapshot.n_item_baskets(0), snapshot.n_baskets()), (130, 150));
    let world = score::World::of(std::sync::Arc::new(snapshot));
    let chance = 70.0 * 70.0 / 90.0;
    assert!((f64::from(stats_of(&world, 0, 1).lift) - 50.0 / chance).abs() < 1e-6);
    // Where nothing was left out, they are the baskets of the items.
    let snapshot = snapshot_of(&view, &quick());
    assert_eq!((snapshot.n_pair_baskets_of(0), snapshot.n_pair_baskets()), (130, 150));
}

fn stats_of(world: &score::World, anchor: u32, item: u32) -> snapshot::tables::PairStats {
    let (items, stats) = world.snapshot.pairs(anchor);
    stats[items.iter().position(|&other| other == item).unwrap()]
}

#[test]
fn no_time_anywhere() {
    let mut view = checkerboard(1_600);
    view.baskets.at.fill(NO_TIME);
    let snapshot = learn_and_check(&view);
    let provenance = snapshot.provenance();
    assert_eq!((&provenance.data_from, &provenance.data_to), (&None, &None));
    assert_eq!(provenance.parameters["pairs.half_life"], "none");
    // Without time all sales count alike.
    assert!((0..40).all(|item| snapshot.trend(item) == snapshot.n_item_baskets(item) as f32));
    assert!(snapshot.popular().len() == 40);
}

#[test]
fn some_baskets_without_a_time() {
    let mut view = checkerboard(1_600);
    view.baskets.at[..500].fill(NO_TIME);
    let snapshot = learn_and_check(&view);
    let provenance = snapshot.provenance();
    assert!(provenance.data_from.as_deref().unwrap().starts_with("1970-05"), "{provenance:?}");
    assert!((0..40).all(|item| snapshot.trend(item) > 0.0));
}

#[test]
fn all_baskets_at_one_moment_and_times_at_the_ends_of_the_range() {
    let mut view = checkerboard(1_600);
    let n = view.baskets.len();
    view.baskets.at.fill(Timestamp(1_700_000_000_000_000));
    learn_and_check(&view);
    // A clock gone mad, once in each direction.
    view.baskets.at[0] = Timestamp(i64::MIN + 1);
    view.baskets.at[n - 1] = Timestamp(i64::MAX);
    let snapshot = learn_and_check(&view);
    assert!((0..40).all(|item| !snapshot.pairs(item).0.is_empty()));
    assert_eq!(snapshot.popular().len(), 40);
}

#[test]
fn no_customers() {
    let mut view = checkerboard(1_600);
    view.baskets.customers.fill(NO_CUSTOMER);
    view.n_customers = 0;
    let snapshot = learn_and_check(&view);
    assert_eq!(snapshot.n_customers(), 0);
    let stats = (0..40).flat_map(|item| snapshot.pairs(item).1);
    assert!(stats.into_iter().all(|pair| (pair.n_after, pair.n_before) == (0, 0)));
}

#[test]
fn a_basket_of_50_000_items_gives_no_pairs_and_is_counted() {
    let mut baskets: Vec<Basket> =
        (0..300_u32).map(|b| (vec![b % 20, 20 + b % 30], i64::from(b), b % 9)).collect();
    baskets.push(((0..50_000).collect(), 300, 9));
    let view = view(50_000, 10, &baskets);
    let learned = learned(&view, &quick());
    let note = &learned.provenance.parameters["pairs.left_out"];
    assert_eq!(note, "1 baskets of more than 1000 items give no pairs");
    let snapshot = Snapshot::from_writer(&learned.writer).unwrap();
    check_tables(&view, &snapshot);
    assert_eq!(snapshot.popular().len(), 50_000);
    assert!(snapshot.pairs(40_000).0.is_empty());
    assert!(!snapshot.pairs(3).0.is_empty());
    assert_eq!(snapshot.customer_items(9).0.len(), 1_000);
}

#[test]
fn a_customer_with_100_000_orders() {
    let baskets: Vec<Basket> = (0..100_000_u32)
        .map(|b| {
            let mut items = vec![mix(b, 1) as u32 % 60, 60 + mix(b, 2) as u32 % 60];
            items.dedup();
            (items, i64::from(b / 300), 0)
        })
        .collect();
    let view = view(120, 1, &baskets);
    let snapshot = learn_and_check(&view);
    assert_eq!(snapshot.customer_items(0).0.len(), 120);
    // Of one customer no more than one can have bought the other later.
    let stats = (0..120).flat_map(|item| snapshot.pairs(item).1);
    assert!(stats.into_iter().all(|pair| pair.n_after + pair.n_before <= 1));
}

#[test]
fn a_million_items_of_one_sale_each() {
    let items = |b: u32| (b * 10..b * 10 + 10).collect();
    let baskets: Vec<Basket> =
        (0..100_000).map(|b| (items(b), i64::from(b / 300), b % 9_000)).collect();
    let view = view(1_000_000, 9_000, &baskets);
    let learned = learned(&view, &quick());
    let notes = &learned.provenance.parameters;
    // What is sold after the split was never sold before it: there is nothing to tune on.
    assert!(notes["tuning"].starts_with("defaults"), "{notes:?}");
    let snapshot = Snapshot::from_writer(&learned.writer).unwrap();
    assert_eq!((snapshot.n_items(), snapshot.popular().len()), (1_000_000, 1_000_000));
    for item in [0, 499_999, 999_999] {
        let (others, stats) = snapshot.pairs(item);
        assert_eq!(others.len(), 9);
        // A pair seen once may be an accident.
        assert!(stats.iter().all(|pair| (pair.n_both, pair.is_significant) == (1, 0)));
    }
}

#[test]
fn a_split_that_leaves_nothing_leaves_the_defaults() {
    // The last tenth holds single items, or items that nobody bought before.
    for last in [vec![0], vec![50, 51]] {
        let of = |b: u32| if b < 2_700 { vec![b % 20, 20 + b % 30] } else { last.clone() };
        let baskets: Vec<Basket> = (0..3_000).map(|b| (of(b), i64::from(b), b % 40)).collect();
        let snapshot = learn_and_check(&view(52, 40, &baskets));
        let notes = &snapshot.provenance().parameters;
        assert!(notes["tuning"].starts_with("defaults"), "{notes:?}");
        assert!(!snapshot.pairs(0).0.is_empty() && snapshot.ease_row(0).is_some());
    }
}

#[test]
fn odd_catalogues() {
    let mut view = checkerboard(600);
    let long = "wort ".repeat(20_000);
    view.items[0].title = Some(long.into());
    view.items[1].title = Some("".into());
    view.items[2].title = Some("\u{0}\u{1F600} \u{202E}ab".into());
    view.items[3].category = Some("   ".into());
    view.items[4].id = "x".repeat(10_000).into();
    view.items[5].variant_of = Some(5);
    view.items[6].stock = Some(i64::MIN + 1);
    view.items[7].price = Some(events::Amount(i64::MAX));
    let snapshot = learn_and_check(&view);
    assert_eq!(snapshot.item_id(4).len(), 10_000);
    assert_eq!(snapshot.category_of(3), None);
    assert_eq!(snapshot.price(7), Some(events::Amount(i64::MAX)));
}
