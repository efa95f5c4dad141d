//! What rests, what an interruption costs, and how much of a slate is new.

use super::policy_invariants::Chance;
use super::*;
use crate::fixture::{blocks, cart, learned, line, view};
use crate::request::ItemRef;
use crate::{Circumstances, WhyNot, why_not};
use events::{Amount, Timestamp};
use policy::{Contact, ContactFacts, ContactKind, PolicySet, PolicyTable};
use std::sync::Arc;

fn table(world: &World, text: &str) -> PolicyTable {
    let (set, found) = PolicySet::read(text);
    let set = set.unwrap_or_else(|| panic!("{found:#?}"));
    PolicyTable::compile(Arc::new(set), 7, &Items(world))
}

fn items_of(decision: &Decision) -> Vec<u32> {
    decision.offers.iter().map(|offer| offer.item).collect()
}

fn ask(world: &World, request: &Request<'_>) -> Decision {
    decide(world, request, &mut Workspace::default())
}

fn why(world: &World, request: &Request<'_>, item: u32) -> WhyNot {
    why_not(world, request, item, &mut Workspace::default())
}

/// The blocks, each item with a price of 10 and a cost of its own: item 3 earns 3.
fn priced() -> World {
    let mut history = blocks();
    for (at, item) in history.items.iter_mut().enumerate() {
        item.price = Amount::from_units(10);
        item.cost = Amount::from_units(10 - at as i64);
    }
    learned(&history)
}

#[test]
fn what_was_dismissed_rests_without_any_policy() {
    let world = learned(&blocks());
    let lines = cart(&[0]);
    let request = Request { cart: &lines, ..Request::at(Placement::Cart) };
    let first = ask(&world, &request).offers[0].item;
    let resting = [first];
    let after = Request { resting: &resting, ..request };
    let decision = ask(&world, &after);
    assert!(!decision.offers.is_empty() && !items_of(&decision).contains(&first));
    assert_eq!(why(&world, &after, first), WhyNot::Stopped(Gate::Dismissed));
    let bought = [first];
    let both = Request { bought_since: &bought, resting: &[], ..after };
    assert_eq!(why(&world, &both, first), WhyNot::Stopped(Gate::JustBought));
}

#[test]
fn why_not_tells_the_cap_that_a_slate_had_enough_of() {
    let world = learned(&blocks());
    let text = "[[policy]]\nname = 'one'\nkind = 'cap'\nat_most = 2\nwithin = '1 day'\nper = 'all'";
    let table = table(&world, text);
    let lines = cart(&[0]);
    let entries = [Contact {
        item: 9,
        kind: ContactKind::Offered,
        at: Timestamp(1_000),
        n: 1,
        placement: None,
        relation: None,
        channel: None,
    }];
    let contact = Some(ContactFacts { entries: &entries, known_since: None });
    let circumstances =
        Circumstances { now: Some(Timestamp(2_000)), contact, ..Circumstances::default() };
    let policies = Some(&table);
    let request = Request { cart: &lines, policies, circumstances, ..Request::at(Placement::Cart) };
    let decision = ask(&world, &request);
    assert_eq!(decision.offers.len(), 1, "one of two was shown before");
    let free = ask(&world, &Request { policies: None, ..request.clone() });
    let second = free.offers[1].item;
    assert_eq!(why(&world, &request, second), WhyNot::Stopped(Gate::Policy(0)));
    let mut workspace = Workspace::default();
    let stop = crate::contact_stop(&world, &request, (0, second), &mut workspace).expect("a cap");
    assert_eq!((stop.n, stop.at_most), (1, 2));
    let nobody = Circumstances { contact: None, ..circumstances };
    let unknown = Request { circumstances: nobody, ..request };
    let decision = ask(&world, &unknown);
    assert_eq!(decision.no_offer, Some(NoOffer::NotKnown));
    assert_eq!(decision.n_policies_unknown, 1);
}

#[test]
fn a_slate_that_earns_less_than_it_interrupts_is_none() {
    let world = priced();
    let lines = cart(&[0]);
    let request = Request { cart: &lines, count: Some(2), ..Request::at(Placement::Cart) };
    let free = ask(&world, &request);
    assert_eq!((free.offers.len(), free.no_offer), (2, None));
    // By hand: each item's margin is its number.
    let n_baskets = f64::from(world.snapshot.n_baskets());
    let gain_of = |offer: &Offer| {
        let base = f64::from(world.n_item_baskets(offer.item)) / n_baskets;
        let paired = offer.reason.evidence.map_or(0.0, |evidence| evidence.probability.into());
        base.max(paired) * f64::from(offer.item)
    };
    let gain: f64 = free.offers.iter().map(gain_of).sum();
    assert!(gain > 0.1, "{gain}");
    let costing = |cost: f64| {
        let text = format!("[[placement]]\nname = 'cart'\ninterruption_cost = {cost:.4}");
        table(&world, &text)
    };
    let (cheap, dear) = (costing(gain - 0.001), costing(gain + 0.001));
    let under = |table| Request { policies: Some(table), ..request.clone() };
    assert_eq!(items_of(&ask(&world, &under(&cheap))), items_of(&free));
    let none = ask(&world, &under(&dear));
    assert!(none.offers.is_empty() && none.rung == Rung::None);
    let Some(NoOffer::InterruptionCost { gain: told, .. }) = none.no_offer else {
        panic!("{none:?}")
    };
    assert!((told.0 as f64 / 1e6 - gain).abs() < 1e-3, "{told:?} {gain}");
    let first = free.offers[0].item;
    assert_eq!(why(&world, &under(&dear), first), WhyNot::Stopped(Gate::InterruptionCost));
    let off = table(&world, "[[placement]]\nname = 'cart'\ninterruption_cost = 0");
    assert_eq!(items_of(&ask(&world, &under(&off))), items_of(&free));
    // What an item earns is not known without its cost, and not compared across currencies.
    let bare = learned(&blocks());
    let text = "[[placement]]\nname = 'cart'\ninterruption_cost = '0.000001 EUR'";
    let priceless = table_of(&bare, text);
    let request = Request { policies: Some(&priceless), ..request.clone() };
    assert!(matches!(
        ask(&bare, &request).no_offer,
        Some(NoOffer::InterruptionCost { gain: Amount::ZERO, .. })
    ));
}

fn table_of(world: &World, text: &str) -> PolicyTable {
    table(world, text)
}

#[test]
fn who_refused_to_be_contacted_gets_no_mail() {
    let world = learned(&blocks());
    let circumstances = Circumstances { refuses_contact: true, ..Circumstances::default() };
    let mail = Request { circumstances, ..Request::at(Placement::Email) };
    let decision = ask(&world, &mail);
    assert_eq!((decision.offers.len(), decision.no_offer), (0, Some(NoOffer::MarketingRefused)));
    assert_eq!(why(&world, &mail, 1), WhyNot::Stopped(Gate::MarketingRefused));
    let page = Request { placement: Placement::Home, ..mail };
    assert!(!ask(&world, &page).offers.is_empty());
}

#[test]
fn places_are_kept_for_what_is_new() {
    let mut chance = Chance(7);
    let rows: Vec<(Vec<u32>, u32)> = (0..240_u32)
        .map(|at| {
            let mut row: Vec<u32> = (0..4).map(|_| chance.below(12) as u32).collect();
            row.sort_unstable();
            row.dedup();
            (row, if at % 8 == 0 { at / 8 % 3 } else { u32::MAX })
        })
        .collect();
    let world = learned(&view(crate::fixture::items(12), &rows));
    let shares = [0.0, 0.25, 0.3, 0.5, 0.9, 1.0];
    let tables = shares.map(|share| {
        let places = Placement::ALL.map(|placement| {
            let name = placement.as_str();
            format!("[[placement]]\nname = '{name}'\nnew_share = {share:?}\n")
        });
        table(&world, &places.concat())
    });
    let (mut n_bound, mut n_told) = (0, 0);
    for _ in 0..3_000 {
        let at = chance.below(shares.len());
        let count = 1 + chance.below(8);
        let lines: Vec<_> =
            (0..chance.below(3)).map(|_| line(ItemRef::Known(chance.below(12) as u32))).collect();
        let since = [chance.below(12) as u32];
        let request = Request {
            cart: &lines,
            customer: (!chance.one_in(4)).then(|| chance.below(3) as u32),
            bought_since: if chance.one_in(3) { &since } else { &[] },
            evidence_required: Some(false),
            count: Some(count),
            policies: Some(&tables[at]),
            ..Request::at(Placement::ALL[chance.below(10)])
        };
        let slate = ask(&world, &request);
        let (expected, is_bound) = walked(&world, &request, shares[at], count);
        assert_eq!(items_of(&slate), expected, "{} of {count}\n{request:?}", shares[at]);
        n_bound += usize::from(is_bound);
        n_told += usize::from(slate.new_things.is_some());
    }
    assert!(n_bound > 300 && n_told > 1_000, "{n_bound} {n_told}");
}

/// The slow way: down the endless slate, place by place; and whether the quota kept anything out.
fn walked(world: &World, request: &Request<'_>, share: f64, count: usize) -> (Vec<u32>, bool) {
    let mut workspace = Workspace::default();
    let endless = decide_all(world, request, false, &mut workspace);
    let row = request.customer.map_or(&[][..], |row| world.snapshot.customer_items(row).0);
    let is_bought = |item: u32| row.contains(&item) || request.bought_since.contains(&item);
    let mut left = (0..=count).rev().find(|left| (count - left) as f64 >= share * count as f64);
    let left = left.get_or_insert(0);
    let (mut slate, mut is_bound) = (Vec::new(), false);
    for offer in &endless.offers {
        if slate.len() == count {
            break;
        }
        if is_bought(offer.item) {
            if *left == 0 {
                is_bound = true;
                continue;
            }
            *left -= 1;
        }
        slate.push(offer.item);
    }
    (slate, is_bound)
}
