//! What adds, what takes a place, what covers.

use crate::fixture::{cart, items, learned, line, view};
use crate::words::write_reason;
use crate::{
    CartLine, Decision, Filter, Gate, ItemRef, Offer, Placement, ReasonCode, Relation, Request,
    WhyNot, Workspace, decide, why_not,
};
use events::{Amount, Currency, ItemKind, ItemRecord, RelationRecord, Timestamp};
use proptest::prelude::*;
use score::World;

const PHONE: u32 = 0;
const PLUS: u32 = 1;
const CASE: u32 = 2;
const CHARGER: u32 = 3;
const SMALL_PLAN: u32 = 4;
const BIG_PLAN: u32 = 5;
const LAMP: u32 = 6;

fn price(units: i64) -> Option<Amount> {
    Amount::from_units(units)
}

fn record(item: u32, attributes: &[(&str, &str)]) -> ItemRecord {
    let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    let attributes = attributes.iter().map(own).collect();
    ItemRecord { item_id: format!("i{item}"), attributes, ..ItemRecord::default() }
}

/// Two phones that nobody buys together, the case and charger that go with them, plans, and lamps
/// bought with anything.
fn shop() -> World {
    let mut entries = items(7);
    for (item, title, category, units) in [
        (PHONE, "Smart phone Alpha", "Phones", 500),
        (PLUS, "Smart phone Alpha Plus", "Phones", 700),
        (CASE, "Leather case", "Cases", 20),
        (CHARGER, "Charger", "Chargers", 30),
        (SMALL_PLAN, "Two years", "Plans", 50),
        (BIG_PLAN, "Three years", "Plans", 90),
        (LAMP, "Lamp", "Lamps", 15),
    ] {
        let entry = &mut entries[item as usize];
        (entry.title, entry.category) = (Some(title.into()), Some(category.into()));
        (entry.price, entry.currency) = (price(units), Currency::parse("EUR"));
    }
    for plan in [SMALL_PLAN, BIG_PLAN] {
        entries[plan as usize].kind = ItemKind::Service;
    }
    let rows: Vec<(Vec<u32>, u32)> = (0..240_u32)
        .map(|at| {
            let mut row = match at % 4 {
                0 => vec![PHONE, CASE],
                1 => vec![PLUS, CHARGER],
                2 => vec![PHONE, CHARGER, SMALL_PLAN],
                _ => vec![],
            };
            if at % 3 == 0 || row.is_empty() {
                row.push(LAMP);
            }
            (row, at % 2)
        })
        .collect();
    learned(&view(entries, &rows))
}

fn with_plans(world: &World) -> World {
    world.keeping_attributes().with_items(&[
        record(SMALL_PLAN, &[("covers", "Phones"), ("covers_price_max", "600")]),
        record(
            BIG_PLAN,
            &[("covers", "Garden; Phones"), ("covers_price_min", "600.01"), ("term", "3 years")],
        ),
    ])
}

fn relation(from: u32, relation: Relation, to: u32) -> RelationRecord {
    RelationRecord {
        from_item_id: format!("i{from}"),
        to_item_id: format!("i{to}"),
        relation: Some(relation),
        ..RelationRecord::default()
    }
}

fn ask(world: &World, request: &Request<'_>) -> Decision {
    decide(world, request, &mut Workspace::default())
}

fn shown(decision: &Decision) -> Vec<(u32, Relation)> {
    decision.offers.iter().map(|offer| (offer.item, offer.relation)).collect()
}

fn beside<'a>(placement: Placement, lines: &'a [CartLine<'a>]) -> Request<'a> {
    Request {
        cart: lines,
        count: Some(20),
        evidence_required: Some(false),
        ..Request::at(placement)
    }
}

fn text_of(world: &World, decision: &Decision, item: u32) -> String {
    let offer = decision.offers.iter().find(|offer| offer.item == item).unwrap();
    let mut text = String::new();
    write_reason(&mut text, crate::Language::english(), world, item, &offer.reason);
    text
}

#[test]
fn a_substitute_is_never_an_add_on() {
    let world = shop();
    let lines = cart(&[PHONE]);
    for placement in Placement::ALL {
        let request = beside(placement, &lines);
        let decision = ask(&world, &request);
        let is_add_on = |offer: &Offer| offer.item == PLUS && !offer.relation.replaces();
        assert!(!decision.offers.iter().any(is_add_on), "{placement:?}");
        assert!(decision.offers.iter().any(|offer| offer.item == CASE), "{placement:?}");
        if placement != Placement::Pdp {
            let verdict = why_not(&world, &request, PLUS, &mut Workspace::default());
            assert_eq!(verdict, WhyNot::Stopped(Gate::Substitute));
        }
    }
    // Beside the lamp it is welcome.
    let lines = cart(&[LAMP]);
    let decision = ask(&world, &beside(Placement::Cart, &lines));
    assert!(decision.offers.iter().any(|offer| offer.item == PLUS));
}

#[test]
fn a_product_page_offers_the_better_one_as_an_upgrade() {
    let world = shop();
    let anchors = [ItemRef::Known(PHONE)];
    let page = Request { anchors: &anchors, ..Request::at(Placement::Pdp) };
    let decision = ask(&world, &page);
    let last = decision.offers.last().unwrap();
    assert_eq!((last.item, last.relation), (PLUS, Relation::Upgrade));
    assert_eq!(last.reason.code, ReasonCode::Upgrade);
    let text = text_of(&world, &decision, PLUS);
    assert_eq!(text, "Instead of Smart phone Alpha, for 200 EUR more.");
    // Not the other way round, not in a cart, not where only complements are wanted.
    let better = [ItemRef::Known(PLUS)];
    let has = |request: &Request<'_>, of: Relation| {
        ask(&world, request).offers.iter().any(|offer| offer.relation == of)
    };
    assert!(!has(&Request { anchors: &better, ..page.clone() }, Relation::Upgrade));
    assert!(!has(&Request { placement: Placement::Cart, ..page.clone() }, Relation::Upgrade));
    let only =
        |relations: &[Relation]| Filter { relations: relations.to_vec(), ..Filter::default() };
    let filter = only(&[Relation::Complement]);
    assert!(!has(&Request { filter: Some(&filter), ..page.clone() }, Relation::Upgrade));
    // By name, alternatives are told: out of stock, say.
    let filter = only(&[Relation::Substitute]);
    let request = Request { anchors: &better, filter: Some(&filter), ..page.clone() };
    assert_eq!(shown(&ask(&world, &request)), [(PHONE, Relation::Substitute)]);
    // What is no longer dearer is no upgrade.
    let cheaper = ItemRecord { price: price(500), ..record(PLUS, &[]) };
    assert!(world.catalog.apply_in_place(&world.snapshot, &cheaper));
    assert!(!has(&page, Relation::Upgrade));
}

#[test]
fn what_is_declared_wins_over_what_was_learned() {
    let world = shop();
    let lines = cart(&[PHONE]);
    let request = beside(Placement::Cart, &lines);
    let declared = world.with_relations(&[
        relation(PHONE, Relation::Complement, PLUS),
        relation(PHONE, Relation::Substitute, CASE),
    ]);
    let decision = ask(&declared, &request);
    assert_eq!(shown(&decision)[0], (PLUS, Relation::Complement));
    assert_eq!(text_of(&declared, &decision, PLUS), "Goes with Smart phone Alpha.");
    assert!(decision.offers.iter().all(|offer| offer.item != CASE));
    // What is the better one takes the place of the other, from either side.
    let declared = world.with_relations(&[relation(CASE, Relation::Upgrade, LAMP)]);
    for (anchor, other) in [(CASE, LAMP), (LAMP, CASE)] {
        let lines = cart(&[anchor]);
        let decision = ask(&declared, &beside(Placement::Cart, &lines));
        assert!(decision.offers.iter().all(|offer| offer.item != other));
    }
}

#[test]
fn what_is_declared_holds_in_its_time() {
    let world = shop();
    let lines = cart(&[PHONE]);
    let window = RelationRecord {
        valid_from: Some(Timestamp(10)),
        valid_until: Some(Timestamp(20)),
        ..relation(PHONE, Relation::Substitute, CASE)
    };
    let world = world.with_relations(&[window]);
    let offers_case = |now: Option<i64>| {
        let mut request = beside(Placement::Cart, &lines);
        request.circumstances.now = now.map(Timestamp);
        ask(&world, &request).offers.iter().any(|offer| offer.item == CASE)
    };
    let got = [Some(9), Some(10), Some(19), Some(20), None].map(offers_case);
    assert_eq!(got, [true, false, false, true, false]);
    let (memo, mut workspace) = (crate::Memo::<()>::new(100), Workspace::default());
    let request = beside(Placement::Cart, &lines);
    memo.decide(&world, (memo.begin(), &request), &mut workspace);
    assert!(!memo.decide(&world, (memo.begin(), &request), &mut workspace).1);
}

fn plans(world: &World, lines: &[CartLine<'_>]) -> Vec<(u32, u32)> {
    let decision = ask(world, &Request { count: Some(4), ..beside(Placement::Cart, lines) });
    let attached = decision.offers.iter().filter(|offer| offer.relation == Relation::Attach);
    attached.filter_map(|offer| Some((offer.item, offer.reason.about?.n_units))).collect()
}

#[test]
fn each_covered_unit_gets_one_plan_of_its_band() {
    let world = with_plans(&shop());
    assert_eq!(plans(&world, &cart(&[PHONE, PLUS])), [(SMALL_PLAN, 1), (BIG_PLAN, 1)]);
    assert_eq!(plans(&world, &cart(&[PHONE, LAMP])), [(SMALL_PLAN, 1)]);
    assert!(plans(&world, &cart(&[LAMP])).is_empty());
    // The price of the line counts, not that of the catalog.
    let dear = [CartLine { unit_price: price(650), ..line(ItemRef::Known(PHONE)) }];
    assert_eq!(plans(&world, &dear), [(BIG_PLAN, 1)]);
    // Three phones with one plan in the cart: two are not covered.
    let three = CartLine { quantity: price(3).unwrap(), ..line(ItemRef::Known(PHONE)) };
    let mut lines = vec![three, line(ItemRef::Known(PLUS)), line(ItemRef::Known(SMALL_PLAN))];
    assert_eq!(plans(&world, &lines), [(BIG_PLAN, 1)]);
    lines.pop();
    assert_eq!(plans(&world, &lines), [(SMALL_PLAN, 3), (BIG_PLAN, 1)]);
    let decision = ask(&world, &beside(Placement::Cart, &lines));
    assert_eq!(text_of(&world, &decision, SMALL_PLAN), "Covers Smart phone Alpha, 3 units.");
    let text = text_of(&world, &decision, BIG_PLAN);
    assert_eq!(text, "Covers Smart phone Alpha Plus, for 3 years.");
}

#[test]
fn a_plan_is_never_offered_alone() {
    let world = with_plans(&shop());
    let lamp = cart(&[LAMP]);
    for placement in Placement::ALL {
        for lines in [&[][..], &lamp] {
            let request = beside(placement, lines);
            let decision = ask(&world, &request);
            let has_plan = |plan| decision.offers.iter().any(|offer| offer.item == plan);
            assert!(!has_plan(SMALL_PLAN) && !has_plan(BIG_PLAN), "{placement:?}");
            let verdict = why_not(&world, &request, BIG_PLAN, &mut Workspace::default());
            assert_eq!(verdict, WhyNot::Stopped(Gate::NotCovered));
        }
    }
    // Nor where the price is not known, nor by terms that cannot be read.
    let unpriced = world.with_items(&[record(BIG_PLAN, &[("covers_price_max", "lots")])]);
    assert!(plans(&unpriced, &cart(&[PLUS])).is_empty());
    let declared = shop().with_relations(&[relation(LAMP, Relation::Attach, BIG_PLAN)]);
    assert_eq!(plans(&declared, &cart(&[LAMP])), [(BIG_PLAN, 1)]);
    assert!(plans(&declared, &cart(&[PHONE])).iter().all(|&(plan, _)| plan != BIG_PLAN));
}

#[test]
fn a_plan_is_sold_where_it_is_sold() {
    let world = with_plans(&shop()).with_items(&[record(SMALL_PLAN, &[("regions", "DE; at")])]);
    let lines = cart(&[PHONE]);
    let offers = |locale: Option<&'static str>| {
        let mut request = beside(Placement::Checkout, &lines);
        request.circumstances.locale = locale;
        ask(&world, &request).offers.iter().any(|offer| offer.item == SMALL_PLAN)
    };
    let got = [Some("de-AT"), Some("de_DE"), Some("de-CH"), Some("de"), None].map(offers);
    assert_eq!(got, [true, true, false, false, false]);
}

#[test]
fn plans_that_were_bought_are_told_as_a_share_of_those_that_could_be() {
    let world = with_plans(&shop());
    let orders: [&[u32]; 5] =
        [&[PHONE, CASE], &[PHONE, SMALL_PLAN], &[PLUS, SMALL_PLAN], &[LAMP], &[BIG_PLAN, 99]];
    let rate = crate::cover::attach_rate(&world, orders.into_iter());
    // A plan of another band is none for it.
    assert_eq!((rate.n_orders, rate.n_attached), (3, 1));
    let none = crate::cover::attach_rate(&shop(), orders.into_iter());
    assert_eq!((none.n_orders, none.n_attached), (0, 0));
}

/// The shop with a variant of each phone.
const RED: u32 = 7;
const PLUS_RED: u32 = 8;

fn with_variants(world: &World) -> World {
    let variant = |item: u32, head: u32| ItemRecord {
        variant_of: Some(format!("i{head}")),
        title: Some("A red one".into()),
        ..record(item, &[])
    };
    world.with_items(&[variant(RED, PHONE), variant(PLUS_RED, PLUS)])
}

#[test]
fn a_family_takes_the_place_of_a_family() {
    let world = with_variants(&shop());
    let beside_red = |world: &World, anchor: u32| -> Vec<u32> {
        let lines = cart(&[anchor]);
        let decision = ask(world, &beside(Placement::Cart, &lines));
        decision.offers.iter().map(|offer| offer.item).collect()
    };
    let declared = [
        relation(PHONE, Relation::Substitute, PLUS),
        // Told of the anchor, the variant is as good as any.
        relation(PHONE, Relation::Complement, PLUS_RED),
        relation(RED, Relation::Complement, PLUS_RED),
    ];
    let plain = world.with_relations(&declared[..1]);
    for anchor in [PHONE, RED] {
        let offered = beside_red(&plain, anchor);
        assert!(!offered.contains(&PLUS) && !offered.contains(&PLUS_RED), "{anchor}: {offered:?}");
        let lines = cart(&[anchor]);
        let request = beside(Placement::Cart, &lines);
        let verdict = why_not(&plain, &request, PLUS_RED, &mut Workspace::default());
        assert_eq!(verdict, WhyNot::Stopped(Gate::Substitute));
        // What is declared of the very pair wins; the others stay out.
        for (of, told) in [(PHONE, &declared[1]), (RED, &declared[2])] {
            let told = world.with_relations(&[declared[0].clone(), told.clone()]);
            let offered = beside_red(&told, anchor);
            assert_eq!(offered.contains(&PLUS_RED), anchor == of, "{anchor}: {offered:?}");
            assert!(!offered.contains(&PLUS));
        }
    }
    // Another line of the cart still speaks against it.
    let world = world.with_relations(&[
        declared[0].clone(),
        declared[1].clone(),
        relation(LAMP, Relation::Substitute, PLUS),
    ]);
    let lines = cart(&[PHONE, LAMP]);
    let decision = ask(&world, &beside(Placement::Cart, &lines));
    assert!(decision.offers.iter().all(|offer| offer.item != PLUS_RED));
    // A page of a variant offers the upgrade of its head.
    let world = with_variants(&shop()).with_relations(&[relation(PHONE, Relation::Upgrade, PLUS)]);
    let anchors = [ItemRef::Known(RED)];
    let page = Request { anchors: &anchors, ..Request::at(Placement::Pdp) };
    assert!(shown(&ask(&world, &page)).contains(&(PLUS, Relation::Upgrade)));
}

#[test]
fn a_band_says_nothing_of_prices_in_another_currency() {
    let world = with_plans(&shop());
    let in_currency =
        |item: u32, code: &str| ItemRecord { currency: Currency::parse(code), ..record(item, &[]) };
    let lines = cart(&[PHONE]);
    assert_eq!(plans(&world, &lines), [(SMALL_PLAN, 1)]);
    let dollars = world.with_items(&[in_currency(PHONE, "USD")]);
    assert!(plans(&dollars, &lines).is_empty());
    let priced = [CartLine { unit_price: price(400), ..line(ItemRef::Known(PHONE)) }];
    assert!(plans(&dollars, &priced).is_empty());
    // Without a band there is nothing to compare.
    let world = dollars.with_relations(&[relation(CASE, Relation::Attach, BIG_PLAN)]);
    assert!(plans(&world, &lines).is_empty());
    let both = dollars.with_items(&[in_currency(SMALL_PLAN, "USD")]);
    assert_eq!(plans(&both, &lines), [(SMALL_PLAN, 1)]);
}

#[test]
fn what_is_declared_for_many_is_offered_once_with_the_anchor_that_most_is_known_of() {
    let world = shop().with_relations(&[
        relation(LAMP, Relation::Complement, CASE),
        relation(PHONE, Relation::Bundle, CASE),
        relation(LAMP, Relation::Attach, CHARGER),
        relation(LAMP, Relation::Complement, PLUS),
        relation(PLUS, Relation::Complement, LAMP),
    ]);
    let lines = cart(&[LAMP, PHONE]);
    let filter = Filter { relations: vec![Relation::Bundle], ..Filter::default() };
    let request = beside(Placement::Cart, &lines);
    let decision = ask(&world, &request);
    // Known of the phone and the case is most; the dearer phone takes the place of the other.
    assert_eq!(shown(&decision)[..2], [(CASE, Relation::Bundle), (CHARGER, Relation::Attach)]);
    let about: Vec<u32> =
        decision.offers[..2].iter().map(|offer| offer.reason.about.unwrap().item).collect();
    assert_eq!(about, [PHONE, LAMP]);
    let only = ask(&world, &Request { filter: Some(&filter), ..request.clone() });
    assert_eq!(shown(&only), [(CASE, Relation::Bundle)]);
    let one = ask(&world, &Request { count: Some(1), ..request });
    assert_eq!(shown(&one), [(CASE, Relation::Bundle)]);
}

proptest! {
    /// Held against the plainest reading of what was declared and learned.
    #[test]
    fn no_offer_takes_the_place_of_the_context(
        declared in prop::collection::vec((0_u32..7, 0_u32..7, 0_usize..7), 0..12),
        in_cart in prop::collection::btree_set(0_u32..7, 1..4),
        placement in 0_usize..10,
    ) {
        let mut pairs: Vec<(u32, u32, Relation)> = Vec::new();
        for (from, to, code) in declared {
            if from != to && !pairs.iter().any(|&(f, t, _)| (f, t) == (from, to)) {
                pairs.push((from, to, Relation::ALL[code]));
            }
        }
        let records: Vec<RelationRecord> =
            pairs.iter().map(|&(from, to, of)| relation(from, of, to)).collect();
        let world = with_plans(&shop()).with_relations(&records);
        let lines = cart(&in_cart.iter().copied().collect::<Vec<_>>());
        let decision = ask(&world, &beside(Placement::ALL[placement], &lines));
        for offer in &decision.offers {
            for &anchor in &in_cart {
                let said = |a, b| pairs.iter().find(|&&(f, t, _)| (f, t) == (a, b));
                let told = said(anchor, offer.item).or_else(|| said(offer.item, anchor));
                let (items, stats) = world.snapshot.relations(anchor);
                let at = items.iter().position(|&item| item == offer.item);
                let learned = at.and_then(|at| stats[at].relation());
                let is = told.map(|&(.., of)| of).or(learned);
                let is_add_on = !offer.relation.replaces();
                prop_assert!(!is_add_on || !is.is_some_and(Relation::replaces));
            }
        }
    }
}
