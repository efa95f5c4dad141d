//! What changed since the snapshot: words, families, items that are new.

use crate::shop::{Tables, snapshot};
use events::{Amount, ItemField, ItemRecord};
use score::{World, search};
use std::sync::Arc;

fn world() -> World {
    let titles = vec!["RED LANTERN", "BLUE LANTERN", "TEAPOT", "RED TEAPOT SET", ""];
    World::of(Arc::new(snapshot(&Tables { titles, ..Tables::default() }, 5)))
}

fn record(item_id: &str) -> ItemRecord {
    ItemRecord { item_id: item_id.to_owned(), ..ItemRecord::default() }
}

fn titled(item_id: &str, title: &str) -> ItemRecord {
    ItemRecord { title: Some(title.to_owned()), ..record(item_id) }
}

#[test]
fn every_word_must_occur_and_the_last_may_be_a_beginning() {
    let world = world();
    for (query, found) in [
        ("red lantern", vec![0]),
        ("LANTERNS", vec![0, 1]),
        ("lan", vec![0, 1]),
        ("red te", vec![3]),
        ("te red", vec![]),
        ("i2", vec![2]),
        ("  i2  ", vec![2]),
        ("green", vec![]),
        ("", vec![]),
        ("  ", vec![]),
        ("- / \"", vec![]),
        ("x", vec![]),
    ] {
        assert_eq!(search(&world, query, 10), found, "{query:?}");
    }
    assert_eq!(search(&world, "lantern", 1), [0]);
    assert!(search(&world, "lantern", 0).is_empty());
    assert!(search(&world, &"lantern ".repeat(10_000), 10).len() == 2);
}

#[test]
fn a_new_title_is_found_and_the_old_one_is_not() {
    let world = world().with_items(&[titled("i0", "GREEN CANDLE")]);
    assert_eq!(world.title(0), "GREEN CANDLE");
    assert_eq!(search(&world, "green candle", 10), [0]);
    assert_eq!(search(&world, "gre", 10), [0]);
    assert_eq!(search(&world, "candle green", 10), [0]);
    assert_eq!(search(&world, "lantern", 10), [1], "the old words of item 0 are gone");
    assert_eq!(search(&world, "red", 10), [3]);
    // And back again.
    let back = world.with_items(&[titled("i0", "RED LANTERN")]);
    assert_eq!(search(&back, "red lantern", 10), [0]);
    assert!(search(&back, "candle", 10).is_empty());
}

#[test]
fn an_item_that_is_new_is_found_and_has_no_sales() {
    let old = world();
    let new = ItemRecord { price: Some(Amount(5_000_000)), ..titled("new", "RED KETTLE") };
    let world = old.with_items(std::slice::from_ref(&new));
    let item = world.item_idx("new").unwrap();
    assert_eq!((item, world.n_items(), world.is_learned(item)), (5, 6, false));
    assert_eq!((world.item_id(item), world.title(item)), ("new", "RED KETTLE"));
    assert_eq!(world.n_item_baskets(item), 0);
    assert_eq!(world.catalog.state(item).price(), Some(Amount(5_000_000)));
    assert_eq!(search(&world, "red ket", 10), [item]);
    assert_eq!(search(&world, "kettle red", 10), [item]);
    assert_eq!((old.item_idx("new"), old.n_items()), (None, 5), "the old world is as it was");
    // Told twice, in one call and in two, it is one item.
    let twice = world.with_items(&[new.clone(), new]);
    assert_eq!(twice.n_items(), 6);
}

#[test]
fn what_a_record_does_not_say_stays() {
    let priced = ItemRecord { price: Some(Amount(7)), stock: Some(3), ..record("i1") };
    let world = world().with_items(&[priced]);
    let hidden = world.with_items(&[ItemRecord { hidden: Some(true), ..record("i1") }]);
    let state = hidden.catalog.state(1);
    assert_eq!((state.price(), state.stock(), state.is_hidden()), (Some(Amount(7)), Some(3), true));
    assert_eq!(hidden.title(1), "BLUE LANTERN");
    assert!(!state.is_fee() && !state.is_out_of_stock());
}

#[test]
fn what_is_cleared_is_known_no_more() {
    let full = ItemRecord {
        price: Some(Amount(7)),
        stock: Some(0),
        category: Some("Lights".to_owned()),
        ..record("i1")
    };
    let world = world().with_items(&[full]);
    assert!(world.catalog.is_blocked(1));
    let mut cleared = record("i1");
    cleared.cleared.add(ItemField::Stock);
    assert!(world.catalog.fits_in_place(&world.snapshot, &cleared));
    world.catalog.apply_in_place(&world.snapshot, &cleared);
    let state = world.catalog.state(1);
    assert_eq!((state.price(), state.stock()), (Some(Amount(7)), None));
    assert!(!world.catalog.is_blocked(1), "an item whose stock nobody counts is in stock");
    for field in [ItemField::Price, ItemField::Category, ItemField::Title] {
        cleared.cleared.add(field);
    }
    assert!(!world.catalog.fits_in_place(&world.snapshot, &cleared), "words need a new world");
    let bare = world.with_items(&[cleared]);
    assert_eq!(bare.catalog.state(1).price(), None);
    assert_eq!((bare.title(1), bare.category(1)), ("", None));
    assert_eq!((world.title(1), world.category(1)), ("BLUE LANTERN", Some("Lights")));
}

#[test]
fn families_meet_at_one_head_whatever_the_chain() {
    let variant = |item_id: &str, head: &str| ItemRecord {
        variant_of: Some(head.to_owned()),
        ..record(item_id)
    };
    let old = world();
    assert_eq!([0, 1, 2].map(|item| old.family(item)), [0, 1, 2]);
    let chain = old.with_items(&[variant("i0", "i1"), variant("i1", "i2")]);
    assert_eq!([0, 1, 2].map(|item| chain.family(item)), [2, 2, 2]);
    let ring = chain.with_items(&[variant("i2", "i0")]);
    assert_eq!([0, 1, 2].map(|item| ring.family(item)), [0, 0, 0]);
    let itself = old.with_items(&[variant("i3", "i3")]);
    assert_eq!(itself.family(3), 3);
    // A variant before its head, in one call; and a head that nobody knows.
    let new = old.with_items(&[variant("small", "large"), titled("large", "LARGE")]);
    let [small, large] = ["small", "large"].map(|id| new.item_idx(id).unwrap());
    assert_eq!((new.family(small), new.family(large)), (large, large));
    let orphan = old.with_items(&[variant("i0", "nobody")]);
    assert_eq!(orphan.family(0), 0);
}
