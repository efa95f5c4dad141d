//! Items sold together for less.

use super::*;
use crate::evidence::of_pair;
use crate::fixture::{blocks, cart, learned};
use crate::request::{Circumstances, Filter};
use crate::{BundleOffer, Language, words};
use events::{Amount, ItemRecord, Timestamp};
use policy::{PolicySet, PolicyTable};
use std::sync::Arc;

const MENU: &str =
    "[[bundle]]\nname = 'menu'\nitem_ids = ['i0', 'i1', 'i2']\ndiscount_percent = 10\n";

fn table(world: &World, text: &str) -> PolicyTable {
    let (set, found) = PolicySet::read(text);
    let set = set.unwrap_or_else(|| panic!("{found:#?}"));
    PolicyTable::compile(Arc::new(set), 7, &Items(world))
}

/// Two blocks of five items; each costs 9.99, and the shop 4. Of item 4 that is not known.
fn priced() -> World {
    let mut history = blocks();
    for (at, item) in history.items.iter_mut().enumerate() {
        item.price = Some(Amount(9_990_000));
        item.cost = Amount::from_units(4).filter(|_| at != 4);
    }
    learned(&history).keeping_attributes()
}

fn ask_at(world: &World, text: &str, items: &[u32], at: Placement) -> Decision {
    let (table, lines) = (table(world, text), cart(items));
    let request = Request { cart: &lines, policies: Some(&table), ..Request::at(at) };
    decide(world, &request, &mut Workspace::default())
}

fn ask(world: &World, text: &str, items: &[u32]) -> Vec<BundleOffer> {
    ask_at(world, text, items, Placement::Cart).bundles
}

#[test]
fn what_is_missing_is_offered_with_what_is_there_for_less() {
    let world = priced();
    let found = ask(&world, MENU, &[1, 8]);
    let [menu] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((menu.items.as_slice(), menu.missing.as_slice()), (&[0, 1, 2][..], &[0, 2][..]));
    // 29.97 less a tenth is 26.973.
    assert_eq!((menu.sum, menu.price), (Amount(29_970_000), Amount(26_970_000)));
    assert_eq!(menu.saving(), Amount::from_units(3).unwrap());
    let mut text = String::new();
    words::write_bundle(&mut text, Language::english(), menu);
    assert_eq!(text, "Together 26.97 instead of 29.97: you save 3.");
    assert!(ask(&world, MENU, &[5, 8]).is_empty(), "nothing of it is there");
    assert!(ask(&world, MENU, &[0, 1, 2]).is_empty(), "all of it is there");
}

#[test]
fn where_nothing_is_there_yet_all_bundles_may_be_told() {
    let world = priced();
    let two = format!("{MENU}[[bundle]]\nname = 'b'\nitem_ids = ['i5', 'i6']\nprice = 15\n");
    let found = ask_at(&world, &two, &[], Placement::Kiosk).bundles;
    assert_eq!(found.iter().map(|bundle| bundle.missing.len()).sum::<usize>(), 5);
    assert!(ask_at(&world, &two, &[], Placement::PostPurchase).bundles.is_empty());
    let lines = [crate::fixture::line(crate::request::ItemRef::Unknown { item_id: "x" })];
    let table = table(&world, &two);
    let anchors = [crate::request::ItemRef::Unknown { item_id: "x" }];
    let about =
        Request { policies: Some(&table), anchors: &anchors, ..Request::at(Placement::Pdp) };
    assert!(decide(&world, &about, &mut Workspace::default()).bundles.is_empty());
    let cart = Request { cart: &lines, anchors: &[], ..about };
    let cart = Request { placement: Placement::Cart, ..cart };
    assert_eq!(decide(&world, &cart, &mut Workspace::default()).bundles.len(), 2);
}

#[test]
fn one_item_that_may_not_be_offered_stops_the_bundle() {
    let world = priced();
    let is_there = |text: &str| !ask(&world, text, &[1]).is_empty();
    assert!(is_there(MENU));
    let and = |text: &str| format!("{MENU}{text}");
    for (what, text) in [
        ("excluded", and("[[policy]]\nname = 'x'\nkind = 'exclude'\nitem_ids = ['i2']")),
        ("not to be told", and("[[policy]]\nname = 'x'\nkind = 'hide'\nitem_ids = ['i1']")),
        ("not of a relation", and("[[placement]]\nname = 'cart'\nrelations = ['complement']")),
        ("not worth it", and("[[placement]]\nname = 'cart'\ninterruption_cost = 1000000")),
        ("elsewhere", MENU.replace("discount", "placements = ['pdp']\ndiscount")),
        ("over", MENU.replace("discount", "valid_until = 2020-01-01\ndiscount")),
        ("not known", MENU.replace("discount", "when = 'customer.age > 17'\ndiscount")),
        ("unknown item", MENU.replace("'i2'", "'x2'")),
        ("no less", MENU.replace("discount_percent = 10", "price = 29.97")),
        ("a loss", MENU.replace("discount_percent = 10", "price = 12")),
        ("another currency", MENU.replace("discount_percent = 10", "price = '20 EUR'")),
    ] {
        assert!(!is_there(&text), "{what}");
    }
    // Of item 4 nobody knows what it costs the shop.
    assert!(is_there(&MENU.replace("'i2'", "'i4'").replace("discount_percent = 10", "price = 1")));
    let out = ItemRecord { item_id: "i2".into(), stock: Some(0), ..ItemRecord::default() };
    assert!(ask(&world.with_items(&[out]), MENU, &[1]).is_empty(), "out of stock");
}

#[test]
fn the_request_has_its_say() {
    let world = priced();
    let (table, lines) = (table(&world, MENU), cart(&[1]));
    let request = Request { cart: &lines, policies: Some(&table), ..Request::at(Placement::Cart) };
    let n =
        |request: &Request<'_>| decide(&world, request, &mut Workspace::default()).bundles.len();
    assert_eq!(n(&request), 1);
    assert_eq!(n(&Request { exclude: &[2], ..request.clone() }), 0);
    assert_eq!(n(&Request { held: &[2], ..request.clone() }), 0);
    assert_eq!(n(&Request { count: Some(0), ..request.clone() }), 0);
    assert_eq!(n(&Request { policies: None, ..request.clone() }), 0);
    let filter = Filter { relations: vec![Relation::Complement], ..Filter::default() };
    assert_eq!(n(&Request { filter: Some(&filter), ..request.clone() }), 0);
    let circumstances = Circumstances { refuses_contact: true, ..Circumstances::default() };
    let mail = Request { placement: Placement::Email, circumstances, ..request.clone() };
    assert_eq!(n(&mail), 0);
    let open = Circumstances { now: Some(Timestamp(1)), ..Circumstances::default() };
    assert_eq!(n(&Request { circumstances: open, ..mail }), 1);
}

/// By hand: every bundle of the file, with every cart of up to two items.
#[test]
fn the_likeliest_three_are_told() {
    let world = priced();
    let mut text = String::new();
    for at in 0..12_u32 {
        let (one, two) = (at % 10, (at * 7 + 3) % 10);
        let third = (at * 3 + 1) % 10;
        let mut ids = vec![one, two, third];
        ids.sort_unstable();
        ids.dedup();
        let ids: Vec<String> = ids.iter().map(|id| format!("'i{id}'")).collect();
        text += &format!("[[bundle]]\nname = 'b{at}'\nitem_ids = [{}]\n", ids.join(", "));
        text += &format!("discount_percent = {}\n", 5 + at);
    }
    let set = PolicySet::read(&text).0.expect("sound");
    let mut n_found = 0;
    for (one, two) in (0..10).flat_map(|one| (0..10).map(move |two| (one, two))) {
        let context = [one, two];
        let mut slow: Vec<(f32, usize)> = Vec::new();
        for (at, bundle) in set.bundles.iter().enumerate() {
            let items: Vec<u32> =
                bundle.item_ids.iter().map(|id| id[1..].parse().unwrap()).collect();
            let missing: Vec<u32> =
                items.iter().copied().filter(|item| !context.contains(item)).collect();
            if missing.is_empty() || missing.len() == items.len() {
                continue;
            }
            let of = |item: u32| {
                let pairs = context.iter().filter_map(|a| of_pair(&world.snapshot, *a, item));
                let best = pairs.map(|pair| pair.probability).reduce(f32::max);
                best.unwrap_or(world.sales_share(item))
            };
            slow.push((missing.iter().map(|item| of(*item)).reduce(f32::min).unwrap(), at));
        }
        slow.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        slow.truncate(3);
        let context = if one == two { &context[..1] } else { &context[..] };
        let found = ask(&world, &text, context);
        let told: Vec<(f32, usize)> =
            found.iter().map(|bundle| (bundle.score, usize::from(bundle.bundle))).collect();
        assert_eq!(told, slow, "{context:?}");
        n_found += told.len();
    }
    assert!(n_found > 100, "{n_found}");
}
