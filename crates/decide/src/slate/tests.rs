use super::*;
use crate::fixture::{blocks, cart, items, learned, line, view};
use crate::request::ItemRef;
use crate::{Filter, Placement};
use events::{Amount, ItemKind, ItemRecord};

fn ask(world: &World, request: &Request<'_>) -> Decision {
    decide(world, request, &mut Workspace::default())
}

fn offered(decision: &Decision) -> Vec<u32> {
    decision.offers.iter().map(|offer| offer.item).collect()
}

fn record(item_id: &str) -> ItemRecord {
    ItemRecord { item_id: item_id.into(), ..ItemRecord::default() }
}

#[test]
fn the_empty_world_answers_with_an_empty_slate() {
    let world = World::empty();
    for placement in Placement::ALL {
        let lines = [line(ItemRef::Unknown { item_id: "x" }), line(ItemRef::Known(7))];
        let request = Request {
            cart: &lines,
            customer: Some(3),
            session: &[1],
            bought_since: &[2],
            exclude: &[5],
            category: Some("Home"),
            ..Request::at(placement)
        };
        let decision = ask(&world, &request);
        assert_eq!((decision.offers.len(), decision.rung), (0, Rung::None));
        let unknown = Warning::UnknownItem { item_id: "x".into() };
        assert_eq!(decision.warnings, [unknown]);
    }
}

#[test]
fn offers_come_from_the_anchors_block_with_their_evidence() {
    let world = learned(&blocks());
    let decision =
        ask(&world, &Request { anchors: &[ItemRef::Known(0)], ..Request::at(Placement::Pdp) });
    assert_eq!(decision.rung, Rung::Item);
    assert!(!decision.offers.is_empty());
    assert!(decision.offers.is_sorted_by(|a, b| a.score >= b.score));
    for offer in &decision.offers {
        assert!((1..5).contains(&offer.item), "{offer:?}");
        let evidence = offer.reason.evidence.expect("a product page asks for evidence");
        assert_eq!(offer.reason.code, ReasonCode::BoughtTogether);
        assert_eq!((evidence.anchor, evidence.n_baskets), (0, 120));
        assert_eq!(evidence.n_item, world.n_item_baskets(offer.item));
        assert!(evidence.n_both > 0 && evidence.n_both <= evidence.n_anchor);
        assert!(evidence.lift > 1.0);
    }
}

#[test]
fn without_evidence_a_product_page_stays_empty_and_a_home_page_is_filled() {
    let rows: Vec<(Vec<u32>, u32)> = (0..20).map(|at| (vec![at % 4], 0)).collect();
    let world = learned(&view(items(4), &rows));
    let anchors = [ItemRef::Known(0)];
    let on = |placement| ask(&world, &Request { anchors: &anchors, ..Request::at(placement) });
    let decision = on(Placement::Pdp);
    assert_eq!((decision.offers.len(), decision.rung), (0, Rung::None));
    let decision = on(Placement::Home);
    assert_eq!((offered(&decision).len(), decision.rung), (3, Rung::Popular));
    assert!(decision.offers.iter().all(|offer| offer.reason.code == ReasonCode::Popular));
}

#[test]
fn counts_of_none_and_of_too_many_are_kept() {
    let world = learned(&blocks());
    let of = |count| ask(&world, &Request { count, ..Request::at(Placement::Home) });
    assert_eq!((of(Some(0)).offers.len(), of(Some(0)).rung), (0, Rung::None));
    assert_eq!(of(Some(3)).offers.len(), 3);
    assert_eq!(of(None).offers.len(), 10);
    let cut = of(Some(usize::MAX));
    assert_eq!(cut.warnings, [Warning::CountCut { asked: usize::MAX, given: 100 }]);
}

#[test]
fn nothing_of_a_thousand_line_cart_is_offered() {
    // 1,100 items that all sell; the first 1,000 are in the cart, beyond what is ranked by.
    let rows: Vec<(Vec<u32>, u32)> = (0..550_u32).map(|at| (vec![at * 2, at * 2 + 1], 0)).collect();
    let world = learned(&view(items(1_100), &rows));
    let lines = cart(&(0..1_000).collect::<Vec<u32>>());
    let request = Request { cart: &lines, count: Some(100), ..Request::at(Placement::Home) };
    let decision = ask(&world, &request);
    assert_eq!(decision.warnings, [Warning::CartCut { lines: 1_000, used: MAX_CONTEXT }]);
    assert_eq!(decision.offers.len(), 100);
    assert!(offered(&decision).iter().all(|&item| item >= 1_000), "{:?}", offered(&decision));
}

#[test]
fn unknown_items_are_told_and_beside_them_what_sells_is_shown() {
    let world = learned(&blocks());
    let lines = [line(ItemRef::Unknown { item_id: "gone" }), line(ItemRef::Known(9_999))];
    let decision = ask(&world, &Request { cart: &lines, ..Request::at(Placement::Cart) });
    assert_eq!(decision.warnings, [Warning::UnknownItem { item_id: "gone".into() }]);
    assert_eq!((decision.offers.len(), decision.rung), (4, Rung::Popular));
}

#[test]
fn an_item_without_sales_is_served_by_items_alike() {
    let mut history = blocks();
    for (at, entry) in history.items.iter_mut().enumerate() {
        let title = match (at < 5, at % 5 < 2) {
            (true, true) => "garden lantern",
            (true, false) => "oil",
            (false, true) => "kitchen bowl",
            (false, false) => "spoon",
        };
        entry.title = Some(title.into());
    }
    let id = "new".into();
    let entry = history::ItemEntry { id, title: Some("Lantern red".into()), ..Default::default() };
    history.items.push(entry);
    let world = learned(&history);
    let added = ItemRecord { title: Some("Kitchen scale".into()), ..record("later") };
    let world = world.with_items(&[added]);
    // What is alike stands in for it, and is no add-on to it.
    for (item, block) in [(10, 2..5), (11, 7..10)] {
        let anchors = [ItemRef::Known(item)];
        let decision = ask(&world, &Request { anchors: &anchors, ..Request::at(Placement::Pdp) });
        assert_eq!(decision.rung, Rung::Content, "{item}");
        assert!(!decision.offers.is_empty());
        for offer in &decision.offers {
            assert!(block.contains(&offer.item), "{offer:?}");
            assert_eq!(offer.reason.code, ReasonCode::SimilarContent);
        }
    }
}

#[test]
fn a_variant_without_sales_is_served_by_its_family() {
    let mut history = blocks();
    let entry =
        |id: &str, of| history::ItemEntry { id: id.into(), variant_of: of, ..Default::default() };
    // A head that sells with two variants, and one that does not, of what sells.
    history.items.extend([entry("red", Some(0)), entry("blue", Some(0)), entry("head", None)]);
    history.items[5].variant_of = Some(12);
    let world = learned(&history);
    let ask_for = |world: &World, item: u32, placement: Placement| {
        let anchors = [ItemRef::Known(item)];
        ask(world, &Request { anchors: &anchors, ..Request::at(placement) })
    };
    for (item, block) in [(10, 1..5), (11, 1..5), (12, 6..10)] {
        let decision = ask_for(&world, item, Placement::Pdp);
        assert_eq!(decision.rung, Rung::Content);
        let offered = offered(&decision);
        assert!(!offered.is_empty() && offered.iter().all(|at| block.contains(at)), "{offered:?}");
    }
    assert_eq!(world.catalog.family_of(11), [0, 10, 11]);
    assert!(world.catalog.family_of(3).is_empty());
    // What may not be told stands in for nothing.
    let sensitive = ItemRecord { sensitive: Some(true), ..record("i0") };
    let world = world.with_items(&[sensitive]);
    assert!(!ask_for(&world, 10, Placement::Pdp).offers.is_empty());
    for offer in ask_for(&world, 10, Placement::Kiosk).offers {
        assert_eq!(offer.reason.evidence, None, "{offer:?}");
    }
}

#[test]
fn price_stock_and_flags_count_in_the_next_decision() {
    let world = learned(&blocks());
    let anchors = [ItemRef::Known(0)];
    let filter = Filter { price_max: Amount::from_units(10), ..Filter::default() };
    let plain = Request { anchors: &anchors, ..Request::at(Placement::Pdp) };
    let cheap = Request { filter: Some(&filter), ..plain.clone() };
    let first = offered(&ask(&world, &plain))[0];
    let id = world.item_id(first).to_owned();
    let apply = |record: ItemRecord| {
        let record = ItemRecord { item_id: id.clone(), ..record };
        assert!(world.catalog.apply_in_place(&world.snapshot, &record));
    };
    let is_offered = |request: &Request<'_>| offered(&ask(&world, request)).contains(&first);
    assert!(!is_offered(&cheap), "without a price nobody can say that it is cheap");
    for (price, expected) in [(9, true), (10, true), (11, false)] {
        apply(ItemRecord { price: Amount::from_units(price), ..record("") });
        assert_eq!(is_offered(&cheap), expected, "{price}");
    }
    for (stock, expected) in [(0, false), (-1, false), (1, true)] {
        apply(ItemRecord { stock: Some(stock), ..record("") });
        assert_eq!(is_offered(&plain), expected, "{stock}");
    }
    for hidden in [true, false] {
        apply(ItemRecord { hidden: Some(hidden), ..record("") });
        assert_eq!(is_offered(&plain), !hidden);
    }
    apply(ItemRecord { kind: Some(ItemKind::Fee), ..record("") });
    assert!(!is_offered(&plain));
}

#[test]
fn variants_of_variants_are_of_one_family() {
    // 0 ← 1 ← 2 in the snapshot; the variant that came after stands before its head.
    let mut history = blocks();
    history.items[1].variant_of = Some(0);
    history.items[2].variant_of = Some(1);
    let world = learned(&history);
    let late = ItemRecord { variant_of: Some("head".into()), ..record("i3") };
    let head = ItemRecord { variant_of: Some("i2".into()), ..record("head") };
    let world = world.with_items(&[late, head]);
    for anchor in 0..3 {
        let anchors = [ItemRef::Known(anchor)];
        let request = Request { anchors: &anchors, ..Request::at(Placement::Home) };
        let decision = ask(&world, &request);
        assert!(offered(&decision).iter().all(|&item| item >= 4), "{:?}", offered(&decision));
        assert!(!decision.offers.is_empty());
    }
}

#[test]
fn what_was_bought_before_comes_back_as_replenishment() {
    let world = learned(&blocks());
    let lines = cart(&[5]);
    let mut request = Request {
        cart: &lines,
        customer: Some(1),
        count: Some(10),
        evidence_required: Some(false),
        ..Request::at(Placement::Cart)
    };
    let bought = world.snapshot.customer_items(1).0.to_vec();
    let is_again = |offer: &&Offer| offer.relation == Relation::Replenish;
    let decision = ask(&world, &request);
    assert_eq!(decision.rung, Rung::Personal);
    let again: Vec<u32> = decision.offers.iter().filter(is_again).map(|o| o.item).collect();
    assert!(!again.is_empty() && again.iter().all(|item| bought.contains(item)), "{again:?}");
    // What was bought a moment ago is not wanted again, and why_not says so.
    request.bought_since = &again[..1];
    let decision = ask(&world, &request);
    assert!(!offered(&decision).contains(&again[0]));
    let why = crate::why_not(&world, &request, again[0], &mut Workspace::default());
    assert_eq!(why, crate::WhyNot::Stopped(crate::Gate::JustBought));
    let decision = ask(&world, &Request { customer: Some(1), ..Request::at(Placement::Home) });
    assert_eq!(decision.rung, Rung::Personal);
}
