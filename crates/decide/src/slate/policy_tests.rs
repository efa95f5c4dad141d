//! What policies do to a slate.

use super::*;
use crate::fixture::{blocks, cart, learned};
use crate::request::ItemRef;
use crate::{CartLine, Circumstances, KnownCustomer, WhyNot, why_not};
use events::{Amount, ItemRecord};
use policy::{PolicySet, PolicyTable};
use std::sync::Arc;

fn table(world: &World, text: &str) -> PolicyTable {
    let (set, found) = PolicySet::read(text);
    let set = set.unwrap_or_else(|| panic!("{found:#?}"));
    PolicyTable::compile(Arc::new(set), 7, &Items(world))
}

fn policy(name: &str, kind: &str, rest: &str) -> String {
    format!("[[policy]]\nname = '{name}'\nkind = '{kind}'\n{rest}\n")
}

fn items_of(decision: &Decision) -> Vec<u32> {
    decision.offers.iter().map(|offer| offer.item).collect()
}

fn ask(world: &World, table: &PolicyTable, request: &Request<'_>) -> Decision {
    let request = Request { policies: Some(table), ..request.clone() };
    decide(world, &request, &mut Workspace::default())
}

#[test]
fn an_excluded_item_is_gone_and_why_not_names_the_policy() {
    let world = learned(&blocks());
    let lines = cart(&[0]);
    let request = Request { cart: &lines, ..Request::at(Placement::Cart) };
    let before = decide(&world, &request, &mut Workspace::default());
    let first = before.offers[0].item;
    let text = policy("ok", "exclude", "item_ids = ['i9']")
        + &policy("gone", "exclude", &format!("item_ids = ['i{first}']"));
    let table = table(&world, &text);
    let after = ask(&world, &table, &request);
    assert!(!items_of(&after).contains(&first));
    assert_eq!((before.policy_version, after.policy_version), (None, Some(7)));
    let request = Request { policies: Some(&table), ..request };
    let verdict = why_not(&world, &request, first, &mut Workspace::default());
    assert_eq!(verdict, WhyNot::Stopped(Gate::Policy(1)));
    assert_eq!(table.policy(1).name, "gone");
}

#[test]
fn no_policies_and_policies_that_do_nothing_decide_the_same() {
    let world = learned(&blocks());
    let table = table(&world, &policy("idle", "exclude", "item_ids = ['nothing']"));
    for placement in Placement::ALL {
        let lines = cart(&[0, 6]);
        let request = Request { cart: &lines, session: &[1], ..Request::at(placement) };
        let plain = decide(&world, &request, &mut Workspace::default());
        let ruled = ask(&world, &table, &request);
        assert_eq!(Decision { policy_version: None, ..ruled }, plain);
    }
}

#[test]
fn a_boost_moves_an_item_up_and_is_told() {
    let world = learned(&blocks());
    let lines = cart(&[0]);
    let request = Request { cart: &lines, count: Some(4), ..Request::at(Placement::Cart) };
    let last = decide(&world, &request, &mut Workspace::default()).offers.pop().expect("some").item;
    let boost =
        |factor| policy("up", "boost", &format!("item_ids = ['i{last}']\nfactor = {factor}"));
    let moved = ask(&world, &table(&world, &boost("900.0")), &request);
    assert_eq!(moved.offers[0].item, last);
    let touch = moved.offers[0].policy.expect("the boost");
    assert_eq!((touch.policy, touch.factor, touch.pinned_at), (0, 900.0, None));
    assert!(moved.offers[1..].iter().all(|offer| offer.policy.is_none()));
    let bury = policy("down", "bury", "items = \"item.id != 'x'\"\nfactor = 0.001");
    let plain = decide(&world, &request, &mut Workspace::default());
    let buried = ask(&world, &table(&world, &bury), &request);
    assert_eq!(items_of(&buried), items_of(&plain), "what all share changes no order");
    // Where the list of what sells is in force, too.
    let home = Request::at(Placement::Home);
    let worst = decide(&world, &home, &mut Workspace::default()).offers.pop().expect("some").item;
    let text = policy("up", "boost", &format!("item_ids = ['i{worst}']\nfactor = 900.0"));
    assert_eq!(ask(&world, &table(&world, &text), &home).offers[0].item, worst);
}

#[test]
fn a_pin_stands_at_its_place_if_the_gates_let_it() {
    let world = learned(&blocks());
    let lines = cart(&[0]);
    let request = Request { cart: &lines, count: Some(3), ..Request::at(Placement::Cart) };
    // Nothing speaks for 7 beside 0; 0 lies in the cart.
    let text = policy("first", "pin", "item_ids = ['i0', 'i7']\nposition = 2");
    let slate = ask(&world, &table(&world, &text), &request);
    assert_eq!((slate.offers.len(), slate.offers[1].item), (3, 7));
    assert_eq!(slate.offers[1].reason, Reason { code: ReasonCode::Chosen, ..Reason::default() });
    assert_eq!(slate.offers[1].policy.and_then(|touch| touch.pinned_at), Some(2));
    let also = text.clone() + &policy("no", "exclude", "item_ids = ['i7']");
    assert!(!items_of(&ask(&world, &table(&world, &also), &request)).contains(&7));
    let beyond = policy("late", "pin", "item_ids = ['i7']\nposition = 9");
    assert!(!items_of(&ask(&world, &table(&world, &beyond), &request)).contains(&7));
    let alone = Request { count: Some(1), ..request };
    let slate = ask(&world, &table(&world, &policy("one", "pin", "item_ids = ['i7']")), &alone);
    assert_eq!(items_of(&slate), [7]);
}

#[test]
fn what_is_hidden_is_no_anchor_and_no_reason() {
    let world = learned(&blocks());
    let lines = cart(&[0, 6]);
    let request = Request { cart: &lines, count: Some(10), ..Request::at(Placement::Cart) };
    let table = table(&world, &policy("secret", "hide", "item_ids = ['i6']"));
    let slate = ask(&world, &table, &request);
    assert!(!slate.offers.is_empty());
    assert!(items_of(&slate).iter().all(|&item| item < 5), "{slate:?}");
    let anchors = slate.offers.iter().filter_map(|offer| offer.reason.evidence);
    assert!(anchors.clone().count() > 0 && anchors.into_iter().all(|e| e.anchor == 0));
    let history = Request { customer: Some(1), ..Request::at(Placement::Email) };
    let told = ask(&world, &table, &history);
    let told = told.offers.iter().filter_map(|offer| offer.reason.evidence);
    assert!(told.into_iter().all(|evidence| evidence.anchor != 6));
    let seen = Request { session: &[6], ..Request::at(Placement::Home) };
    let told = ask(&world, &table, &seen);
    assert_eq!(told.rung, Rung::Popular, "{told:?}");
}

#[test]
fn a_placement_is_as_the_file_says() {
    let mut history = blocks();
    for (at, item) in history.items.iter_mut().enumerate() {
        item.price = Amount::from_units(at as i64 + 1);
    }
    let world = learned(&history);
    let lines = cart(&[4]);
    let request = Request { cart: &lines, ..Request::at(Placement::Checkout) };
    let placement = |rest: &str| format!("[[placement]]\nname = 'checkout'\n{rest}\n");
    let told = |rest: &str| ask(&world, &table(&world, &placement(rest)), &request);
    assert_eq!(told("count = 3\nevidence_required = false\nmax_price_share = 9").offers.len(), 3);
    assert_eq!(told("max_count = 1").offers.len(), 1);
    // The cart is worth 5: at most 2 then, so 1 and 0 remain.
    let cheap = told("count = 9\nmax_price_share = 0.4");
    assert!(!cheap.offers.is_empty() && items_of(&cheap).iter().all(|&item| item < 2), "{cheap:?}");
    let few = told("count = 9\nmin_count = 9");
    assert!(few.offers.is_empty() && few.rung == Rung::None);
    assert!(matches!(few.warnings[..], [Warning::TooFew { wanted: 9, .. }]));
    assert!(told("relations = ['upgrade']").offers.is_empty());
    assert!(told("min_evidence_count = 100000").offers.is_empty());
    let gate = |rest: &str, item| {
        let table = table(&world, &placement(rest));
        let request = Request { policies: Some(&table), ..request.clone() };
        why_not(&world, &request, item, &mut Workspace::default())
    };
    assert_eq!(gate("max_price_share = 0.4", 3), WhyNot::Stopped(Gate::PriceShare));
    let offered = told("count = 9").offers[0].item;
    assert_eq!(gate("relations = ['upgrade']", offered), WhyNot::Stopped(Gate::Relation));
    assert_eq!(gate("count = 9\nmin_count = 9", offered), WhyNot::Stopped(Gate::TooFew));
}

#[test]
fn a_cart_of_two_currencies_or_without_prices_closes_a_price_cap() {
    let world = learned(&blocks());
    let record = |at: usize, currency: &str| ItemRecord {
        item_id: format!("i{at}"),
        price: Amount::from_units(1),
        currency: events::Currency::parse(currency),
        ..ItemRecord::default()
    };
    let text = "[[placement]]\nname = 'cart'\nmax_price_share = 2.0\n";
    let lines = cart(&[0, 1]);
    let request = Request { cart: &lines, ..Request::at(Placement::Cart) };
    let count = |records: &[ItemRecord]| {
        let world = world.with_items(records);
        ask(&world, &table(&world, text), &request).offers.len()
    };
    let euros: Vec<ItemRecord> = (0..5).map(|at| record(at, "EUR")).collect();
    assert!(count(&euros) > 0);
    let mut mixed = euros.clone();
    mixed[1] = record(1, "USD");
    assert_eq!(count(&mixed), 0, "no sum of two currencies");
    let mut odd = euros.clone();
    odd.iter_mut().skip(2).for_each(|item| item.currency = events::Currency::parse("USD"));
    assert_eq!(count(&odd), 0, "dollars do not compare with euros");
    assert_eq!(count(&euros[..1]), 0, "a line without a price");
}

#[test]
fn customers_under_age_and_guests_are_kept_from_what_is_for_adults() {
    let world = learned(&blocks());
    let lines = cart(&[0]);
    let text =
        policy("adults", "eligibility", "when = 'customer.age >= 18'\nitems = \"item.id != 'x'\"");
    let table = table(&world, &text);
    let n_offers = |age: Option<&str>, consent| {
        let attributes = age.map(|age| ("age".into(), age.into())).into_iter().collect();
        let customer = KnownCustomer { attributes, consent, ..KnownCustomer::default() };
        let circumstances = Circumstances { customer: Some(&customer), ..Circumstances::default() };
        let request = Request { cart: &lines, circumstances, ..Request::at(Placement::Cart) };
        let decision = ask(&world, &table, &request);
        (!decision.offers.is_empty(), decision.n_policies_unknown)
    };
    assert_eq!(n_offers(Some("18"), None), (true, 0));
    assert_eq!(n_offers(Some("17"), None), (false, 0));
    assert_eq!(n_offers(Some("?"), None), (false, 1));
    assert_eq!(n_offers(None, Some(true)), (false, 1));
    let guest = Request { cart: &lines, ..Request::at(Placement::Cart) };
    assert!(ask(&world, &table, &guest).offers.is_empty());
}

#[test]
fn a_table_of_another_world_closes_for_what_it_does_not_know() {
    let world = learned(&blocks());
    let table = table(&world, &policy("p", "exclude", "item_ids = ['i9']"));
    let new = ItemRecord { item_id: "new".to_owned(), ..ItemRecord::default() };
    let grown = world.with_items(&[new]);
    let request = Request { policies: Some(&table), ..Request::at(Placement::Home) };
    let item = grown.item_idx("new").expect("added");
    let verdict = why_not(&grown, &request, item, &mut Workspace::default());
    assert_eq!(verdict, WhyNot::Stopped(Gate::Policy(0)));
    let table = table.for_items(&Items(&grown), &mut std::iter::empty());
    let request = Request { policies: Some(&table), ..request };
    let verdict = why_not(&grown, &request, item, &mut Workspace::default());
    assert_eq!(verdict, WhyNot::NotProposed);
}

#[test]
fn what_does_not_fit_is_not_offered() {
    let record = |item: u32, name: &str, value: &str| ItemRecord {
        item_id: format!("i{item}"),
        attributes: vec![(name.to_owned(), value.to_owned())],
        ..ItemRecord::default()
    };
    let world = learned(&blocks()).keeping_attributes().with_items(&[
        record(0, "model", "Alpha"),
        record(1, "fits", "Beta"),
        record(2, "fits", "Gamma; Alpha"),
    ]);
    let fits = policy(
        "fits",
        "applicability",
        "items = \"item.attr.fits is known\"\nwhen = \"anchor.attr.model has item.attr.fits\"",
    );
    let table = table(&world, &fits);
    let offers = |anchor: u32| {
        let anchors = [ItemRef::Known(anchor)];
        let request = Request { anchors: &anchors, count: Some(9), ..Request::at(Placement::Pdp) };
        items_of(&ask(&world, &table, &request))
    };
    let beside = offers(0);
    assert!(beside.contains(&2) && !beside.contains(&1) && beside.len() > 1, "{beside:?}");
    // Beside what has no model nobody can say that it fits.
    let beside = offers(3);
    assert!(!beside.contains(&1) && !beside.contains(&2) && !beside.is_empty(), "{beside:?}");
    let anchors = [ItemRef::Known(0)];
    let request =
        Request { anchors: &anchors, policies: Some(&table), ..Request::at(Placement::Pdp) };
    let verdict = why_not(&world, &request, 1, &mut Workspace::default());
    assert_eq!(verdict, WhyNot::Stopped(Gate::Policy(0)));
}

#[test]
fn of_several_pins_for_one_place_the_earlier_stands_first() {
    let world = learned(&blocks());
    let lines = cart(&[0]);
    let request = Request { cart: &lines, count: Some(5), ..Request::at(Placement::Cart) };
    let text = policy("a", "pin", "item_ids = ['i7']\nwhen = 'cart.lines > 0'")
        + &policy("b", "pin", "item_ids = ['i8']")
        + &policy("c", "pin", "item_ids = ['i9']\nposition = 2");
    let slate = items_of(&ask(&world, &table(&world, &text), &request));
    assert_eq!((&slate[..3], slate.len()), (&[7, 8, 9][..], 5));
    let far = policy("d", "pin", "item_ids = ['i6']\nposition = 5");
    let slate = items_of(&ask(&world, &table(&world, &(far + &text)), &request));
    assert_eq!((&slate[..3], slate[4]), (&[7, 8, 9][..], 6));
}

#[test]
fn a_pin_stands_to_its_context_as_the_placement_wants_it() {
    let world = learned(&blocks());
    let lines = cart(&[0]);
    let request = Request { cart: &lines, ..Request::at(Placement::Cart) };
    let text = |relation: &str| {
        policy("a", "pin", "item_ids = ['i7']")
            + &format!("[[placement]]\nname = 'cart'\nrelations = ['{relation}']\n")
    };
    assert_eq!(items_of(&ask(&world, &table(&world, &text("complement")), &request))[0], 7);
    let upgrades = table(&world, &text("upgrade"));
    assert_eq!(items_of(&ask(&world, &upgrades, &request)), [0; 0]);
    let request = Request { policies: Some(&upgrades), ..request };
    let verdict = why_not(&world, &request, 7, &mut Workspace::default());
    assert_eq!(verdict, WhyNot::Stopped(Gate::Relation));
}

#[test]
fn a_lever_acts_on_the_whole_of_a_long_list() {
    let rows: Vec<(Vec<u32>, u32)> =
        (0..150).map(|row| ((4 * row..4 * row + 4).collect(), row % 3)).collect();
    let world = learned(&crate::fixture::view(crate::fixture::items(600), &rows));
    let home = Request::at(Placement::Home);
    let popular = world.snapshot.popular();
    assert_eq!(popular.len(), 600);
    let last = popular[450];
    let boost = policy("up", "boost", &format!("item_ids = ['i{last}']\nfactor = 999.0"));
    let slate = ask(&world, &table(&world, &boost), &home);
    assert_eq!(slate.offers[0].item, last);
    let best: Vec<String> = popular[..420].iter().map(|item| format!("'i{item}'")).collect();
    let rest = format!("item_ids = [{}]\nfactor = 0.000001", best.join(", "));
    let slate = ask(&world, &table(&world, &policy("down", "bury", &rest)), &home);
    assert_eq!(items_of(&slate), popular[420..432], "those below are better now");
}

#[test]
fn what_a_list_may_have_lost_is_not_taken_for_not_bought() {
    let rows: Vec<(Vec<u32>, u32)> = (0..51)
        .flat_map(|row| [((20 * row..20 * row + 20).collect(), 1), (vec![20 * row], 2)])
        .collect();
    let world = learned(&crate::fixture::view(crate::fixture::items(1_020), &rows));
    let table = table(&world, &policy("p", "exclude", "when = 'customer.bought has item.id'"));
    let n_offers = |customer, bought_is_partial| {
        let known = KnownCustomer { bought_is_partial, ..KnownCustomer::default() };
        let circumstances = Circumstances { customer: Some(&known), ..Circumstances::default() };
        let customer = Some(customer);
        let request = Request { customer, circumstances, ..Request::at(Placement::Home) };
        let decision = ask(&world, &table, &request);
        (decision.offers.len(), decision.n_policies_unknown)
    };
    assert_eq!(world.snapshot.customer_items(1).0.len(), snapshot::tables::MAX_CUSTOMER_ITEMS);
    assert_eq!(n_offers(1, false), (0, 1), "a list of full length may have been cut");
    assert_eq!(n_offers(2, false), (12, 0));
    assert_eq!(n_offers(2, true), (0, 1));
}

#[test]
fn what_is_sensitive_is_no_reason_where_others_can_see_it() {
    let record =
        ItemRecord { item_id: "i0".to_owned(), sensitive: Some(true), ..ItemRecord::default() };
    let world = learned(&blocks()).with_items(&[record]);
    let (alone, both) = (cart(&[0]), cart(&[0, 6]));
    for placement in [Placement::Pos, Placement::Kiosk, Placement::Email, Placement::Cart] {
        let ask = |lines: &[CartLine<'_>]| {
            let request = Request { cart: lines, count: Some(9), ..Request::at(placement) };
            decide(&world, &request, &mut Workspace::default())
        };
        let anchors = |decision: &Decision| -> Vec<u32> {
            let evidence = decision.offers.iter().filter_map(|offer| offer.reason.evidence);
            evidence.map(|evidence| evidence.anchor).collect()
        };
        let is_seen = placement != Placement::Cart;
        assert_eq!(anchors(&ask(&alone)).is_empty(), is_seen, "{placement:?}");
        let (ask, anchors) = (ask(&both), anchors(&ask(&both)));
        assert_eq!(anchors.contains(&0), !is_seen, "{placement:?}");
        assert!(anchors.contains(&6));
        assert!(ask.offers.iter().all(|offer| offer.item != 0), "the cart stays the cart");
    }
}
