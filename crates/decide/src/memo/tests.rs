use super::*;
use crate::fixture::{blocks, cart, learned};
use crate::request::{KnownCustomer, OrderSince};
use crate::{Filter, Placement};
use events::{Amount, ItemRecord, Timestamp};

fn pdp<'a>(anchors: &'a [ItemRef<'a>]) -> Request<'a> {
    Request { anchors, ..Request::at(Placement::Pdp) }
}

/// Asked through the memo: was it known?
fn was_known(memo: &Memo<u32>, world: &World, request: &Request<'_>) -> bool {
    let mut workspace = Workspace::default();
    let (known, was_known) = memo.decide(world, (memo.begin(), request), &mut workspace);
    assert_eq!(known.decision, decide(world, request, &mut workspace), "{request:?}");
    was_known
}

#[test]
fn a_question_is_decided_once() {
    let world = learned(&blocks());
    let memo = Memo::new(100);
    let (first, second) = ([ItemRef::Known(0)], [ItemRef::Known(1)]);
    let lines = cart(&[3]);
    let questions = [
        pdp(&first),
        pdp(&second),
        Request { count: Some(2), ..pdp(&first) },
        Request { exclude: &[2], ..pdp(&first) },
        Request { cart: &lines, ..pdp(&first) },
        Request { category: Some("Home"), ..pdp(&first) },
        Request { evidence_required: Some(false), ..pdp(&first) },
        pdp(&[ItemRef::Unknown { item_id: "a" }]),
        pdp(&[ItemRef::Unknown { item_id: "b" }]),
    ];
    for expected in [false, true, true] {
        for (at, request) in questions.iter().enumerate() {
            assert_eq!(was_known(&memo, &world, request), expected, "{at}");
        }
    }
}

#[test]
fn a_change_of_the_catalog_is_seen_at_once() {
    let world = learned(&blocks());
    let memo = Memo::new(100);
    let anchors = [ItemRef::Known(0)];
    let offered = decide(&world, &pdp(&anchors), &mut Workspace::default()).offers[0].item;
    let apply = |record: ItemRecord| {
        let item_id = world.item_id(offered).to_owned();
        world.catalog.apply_in_place(&world.snapshot, &ItemRecord { item_id, ..record });
    };
    assert!(!was_known(&memo, &world, &pdp(&anchors)));
    for record in [
        ItemRecord { stock: Some(0), ..ItemRecord::default() },
        ItemRecord { stock: Some(9), ..ItemRecord::default() },
        ItemRecord { hidden: Some(true), ..ItemRecord::default() },
        ItemRecord { price: Amount::from_units(7), ..ItemRecord::default() },
    ] {
        apply(record.clone());
        assert!(!was_known(&memo, &world, &pdp(&anchors)), "{record:?}");
        assert!(was_known(&memo, &world, &pdp(&anchors)));
    }
    // Nine left or eight: the same to a decision.
    apply(ItemRecord { stock: Some(8), ..ItemRecord::default() });
    assert!(was_known(&memo, &world, &pdp(&anchors)));
}

#[test]
fn a_customer_is_answered_by_all_that_is_known_of_them() {
    let world = learned(&blocks());
    let memo = Memo::new(100);
    let anchors = [ItemRef::Known(0)];
    let on = |day: i64| Circumstances {
        now: Some(Timestamp::from_seconds(day * 86_400 + 7)),
        ..Circumstances::default()
    };
    let order = |at: i64, item: u32| [OrderSince { at: Timestamp(at), items: vec![item] }];
    let (one, other, later) = (order(1, 3), order(1, 4), order(2, 3));
    let refused = Circumstances { refuses_contact: true, ..Circumstances::default() };
    let questions = [
        pdp(&anchors),
        Request { customer: Some(1), ..pdp(&anchors) },
        Request { customer: Some(0), ..pdp(&anchors) },
        Request { customer: Some(1), circumstances: on(3), ..pdp(&anchors) },
        Request { customer: Some(1), circumstances: on(4), ..pdp(&anchors) },
        Request { customer: Some(1), circumstances: on(-1), ..pdp(&anchors) },
        Request { bought_since: &[3], ..pdp(&anchors) },
        Request { bought_since: &[3, 2], ..pdp(&anchors) },
        Request { bought_since: &[3], orders_since: &one, ..pdp(&anchors) },
        Request { bought_since: &[3], orders_since: &other, ..pdp(&anchors) },
        Request { bought_since: &[3], orders_since: &later, ..pdp(&anchors) },
        Request { bought_since: &[3], resting: &[2], ..pdp(&anchors) },
        Request { resting: &[3], ..pdp(&anchors) },
        Request { exclude: &[3], ..pdp(&anchors) },
        Request { circumstances: refused, ..pdp(&anchors) },
    ];
    for expected in [false, true, true] {
        for (at, request) in questions.iter().enumerate() {
            assert_eq!(was_known(&memo, &world, request), expected, "{at}");
        }
    }
    // To a guest one day is like another.
    assert!(was_known(&memo, &world, &Request { circumstances: on(9), ..pdp(&anchors) }));
    memo.forget();
    for (at, request) in questions.iter().enumerate() {
        assert!(!was_known(&memo, &world, request), "{at}");
    }
}

#[test]
fn what_the_key_does_not_hold_is_not_kept() {
    let world = learned(&blocks());
    let (memo, off) = (Memo::new(100), Memo::new(0));
    let anchors = [ItemRef::Known(0)];
    let filter = Filter::default();
    let known = KnownCustomer::default();
    let asked = Circumstances { customer: Some(&known), ..Circumstances::default() };
    let many: Vec<u32> = (0..300).collect();
    for request in [
        Request { customer: Some(1), circumstances: asked, ..pdp(&anchors) },
        Request { filter: Some(&filter), ..pdp(&anchors) },
        Request { exclude: &many, ..pdp(&anchors) },
        Request { customer: Some(1), bought_since: &many, ..pdp(&anchors) },
    ] {
        assert!(!was_known(&memo, &world, &request) && !was_known(&memo, &world, &request));
    }
    assert!(!was_known(&off, &world, &pdp(&anchors)) && !was_known(&off, &world, &pdp(&anchors)));
}

#[test]
fn what_is_asked_often_stays_and_the_rest_is_forgotten() {
    let world = learned(&blocks());
    let memo = Memo::new(64);
    let anchors = [ItemRef::Known(0)];
    for round in 0..500_u32 {
        assert_eq!(was_known(&memo, &world, &pdp(&anchors)), round > 0, "{round}");
        let exclude = [round, round + 1];
        assert!(!was_known(&memo, &world, &Request { exclude: &exclude, ..pdp(&anchors) }));
    }
    let n_kept = |shard: &Mutex<Shard<u32>>| {
        let shard = locked(shard);
        shard.young.len() + shard.old.len()
    };
    assert!(memo.shards.iter().map(n_kept).sum::<usize>() <= 64);
}

#[test]
fn what_is_made_of_an_answer_is_made_once() {
    let world = learned(&blocks());
    let memo = Memo::new(10);
    let anchors = [ItemRef::Known(0)];
    for made in [7_u32, 8] {
        let asked = (memo.begin(), &pdp(&anchors));
        let (known, _) = memo.decide(&world, asked, &mut Workspace::default());
        assert_eq!(*known.made(|_| made), 7);
    }
}

#[test]
fn what_was_asked_before_all_was_forgotten_is_not_kept() {
    let world = learned(&blocks());
    let memo: Memo<u32> = Memo::new(100);
    let anchors = [ItemRef::Known(0)];
    let begun = memo.begin();
    memo.forget();
    let (_, is_known) = memo.decide(&world, (begun, &pdp(&anchors)), &mut Workspace::default());
    assert!(!is_known && !was_known(&memo, &world, &pdp(&anchors)), "kept after an erasure");
    assert!(was_known(&memo, &world, &pdp(&anchors)));
}
