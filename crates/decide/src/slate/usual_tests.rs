//! What placements do where no policy says otherwise.

use super::*;
use crate::decision::Evidence;
use crate::fixture::{blocks, cart, learned};
use crate::request::ItemRef;
use crate::words::{write_reason, write_reason_in};
use crate::{Language, WhyNot, why_not};
use events::{Amount, ItemRecord};
use policy::{PolicySet, PolicyTable, Tone};
use std::sync::Arc;

fn ask(world: &World, request: &Request<'_>) -> Decision {
    decide(world, request, &mut Workspace::default())
}

fn items_of(decision: &Decision) -> Vec<u32> {
    decision.offers.iter().map(|offer| offer.item).collect()
}

fn table(world: &World, text: &str) -> PolicyTable {
    let set = PolicySet::read(text).0.expect("sound");
    PolicyTable::compile(Arc::new(set), 1, &Items(world))
}

fn why(world: &World, request: &Request<'_>, item: u32) -> WhyNot {
    why_not(world, request, item, &mut Workspace::default())
}

/// The items of [`blocks`], each dearer than the one before.
fn priced() -> World {
    let mut history = blocks();
    for (at, item) in history.items.iter_mut().enumerate() {
        item.price = Amount::from_units(at as i64 + 1);
    }
    learned(&history)
}

#[test]
fn what_a_customer_has_is_not_offered_until_a_placement_says_so() {
    let world = learned(&blocks());
    let lines = cart(&[0]);
    let request = Request { cart: &lines, ..Request::at(Placement::Cart) };
    let first = ask(&world, &request).offers[0].item;
    let has = [first, 10_000];
    let held = Request { held: &has, ..request };
    assert!(!items_of(&ask(&world, &held)).contains(&first));
    assert_eq!(why(&world, &held, first), WhyNot::Stopped(Gate::Held));
    let table = table(&world, "[[placement]]\nname = 'cart'\noffers_held = true\n");
    let again = Request { policies: Some(&table), ..held };
    assert!(items_of(&ask(&world, &again)).contains(&first));
}

#[test]
fn of_a_family_one_stands_in_a_slate() {
    let world = learned(&blocks());
    let lines = cart(&[0]);
    let request = Request { cart: &lines, ..Request::at(Placement::Cart) };
    let apart = items_of(&ask(&world, &request));
    let [first, second] = [apart[0], apart[1]];
    let head = Some(world.item_id(first).to_owned());
    let record = ItemRecord {
        item_id: world.item_id(second).into(),
        variant_of: head,
        ..ItemRecord::default()
    };
    let world = world.with_items(&[record]);
    let family = items_of(&ask(&world, &request));
    assert!(family.contains(&first) && !family.contains(&second), "{family:?}");
    assert_eq!(why(&world, &request, second), WhyNot::Stopped(Gate::VariantOffered));
    let instead = Request { exclude: &[first], ..request };
    assert!(items_of(&ask(&world, &instead)).contains(&second));
}

#[test]
fn at_the_checkout_offers_are_cheap_against_the_cart() {
    let world = priced();
    let lines = cart(&[1]);
    let asked = Request { cart: &lines, count: Some(9), ..Request::at(Placement::Checkout) };
    let found = items_of(&ask(&world, &asked));
    assert!(found.iter().all(|&item| item < 1), "2 in the cart: {found:?}");
    let at_cart = items_of(&ask(&world, &Request { placement: Placement::Cart, ..asked.clone() }));
    let dear = at_cart.iter().find(|item| 1 <= **item).expect("a cart sets no limit");
    assert_eq!(why(&world, &asked, *dear), WhyNot::Stopped(Gate::PriceShare));
    // What has no price is not known to be dear, nor is anything beside a cart without one.
    let bare = learned(&blocks());
    assert_eq!(items_of(&ask(&bare, &asked)), at_cart);
    let told = table(&bare, "[[placement]]\nname = 'checkout'\nmax_price_share = 0.5\n");
    let demanded = Request { policies: Some(&told), ..asked };
    assert!(ask(&bare, &demanded).offers.is_empty(), "a policy that cannot tell closes");
}

#[test]
fn a_pair_of_two_orders_is_told_without_its_numbers() {
    let world = learned(&blocks());
    let anchors = [ItemRef::Known(0)];
    let request = Request { anchors: &anchors, ..Request::at(Placement::Pdp) };
    let offer = ask(&world, &request).offers[0];
    let told = |n_both: u32| {
        let evidence = offer.reason.evidence.map(|evidence| Evidence { n_both, ..evidence });
        let mut text = String::new();
        let reason = Reason { evidence, ..offer.reason };
        write_reason(&mut text, Language::english(), &world, offer.item, &reason);
        text.chars().any(|c| c.is_ascii_digit())
    };
    assert_eq!([2, 3].map(told), [false, true]);
}

#[test]
fn a_placement_has_its_tone_and_its_ladder() {
    let world = learned(&blocks());
    let anchors = [ItemRef::Known(0)];
    let request = Request { anchors: &anchors, ..Request::at(Placement::Pdp) };
    let under = |text: &str| {
        let table = table(&world, &format!("[[placement]]\nname = 'pdp'\n{text}\n"));
        ask(&world, &Request { policies: Some(&table), ..request.clone() })
    };
    let told = |text: &str| {
        let decision = under(text);
        let mut text = String::new();
        let (english, offer) = (Language::english(), &decision.offers[0]);
        write_reason_in(&mut text, english, &world, offer, decision.tone);
        text
    };
    assert_eq!(under("").tone, Tone::Factual);
    let (factual, brief) = (told(""), told("tone = 'brief'"));
    assert!(brief.len() < factual.len() && brief.chars().any(|c| c.is_ascii_digit()), "{brief}");
    assert!(!told("tone = 'plain'").chars().any(|c| c.is_ascii_digit()));
    assert!(!under("fallback = ['item', 'popular']").offers.is_empty());
    assert!(under("fallback = ['popular', 'basket']").offers.is_empty());
    for faulty in ["tone = 'loud'", "fallback = []", "fallback = ['stairs']"] {
        let text = format!("[[placement]]\nname = 'pdp'\n{faulty}\n");
        assert!(PolicySet::read(&text).0.is_none(), "{faulty}");
    }
}
