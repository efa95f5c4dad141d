//! Offers are kept from who is known not to respond, and from nobody else.

use super::*;
use crate::fixture::{blocks, cart};
use crate::{Spend, WhyNot, why_not};
use events::{Amount, Currency};
use learn::{Params, Silent};
use policy::{PolicySet, PolicyTable};
use snapshot::{Snapshot, UpliftTable};

const RESPONDERS: &str = "[[placement]]\nname = 'cart'\nspend_on = 'responders'\n";

/// The blocks; customer 0 buys anyway, 1 is moved by 2 EUR, of 2 nothing is known.
fn world() -> World {
    let params = Params::default().check().expect("the defaults are sound");
    let mut learned = learn::learn(&blocks(), &params, &Silent).expect("learned");
    let of_customer = vec![Some(Amount::ZERO), Amount::from_units(2), None];
    let table = UpliftTable { of_customer, currency: Currency::parse("EUR") };
    table.write(&mut learned.writer);
    World::of(Arc::new(Snapshot::from_writer(&learned.writer).expect("a snapshot")))
}

fn table(world: &World, text: &str) -> PolicyTable {
    let (set, found) = PolicySet::read(text);
    PolicyTable::compile(Arc::new(set.unwrap_or_else(|| panic!("{found:#?}"))), 7, &Items(world))
}

#[test]
fn who_buys_anyway_is_shown_nothing_and_the_others_as_ever() {
    let world = world();
    let policies = table(&world, RESPONDERS);
    let lines = cart(&[0]);
    let ask = |customer: Option<u32>, placement: Placement, is_offered_anyway: bool| {
        let request = Request {
            cart: &lines,
            customer,
            is_offered_anyway,
            policies: Some(&policies),
            ..Request::at(placement)
        };
        let decision = decide(&world, &request, &mut Workspace::default());
        let why = |item: u32| why_not(&world, &request, item, &mut Workspace::default());
        (decision.clone(), decision.offers.first().map(|offer| offer.item).map(why), why(1))
    };
    let (left, _, why) = ask(Some(0), Placement::Cart, false);
    let (uplift, least) = (Amount::ZERO, Amount::ZERO);
    assert_eq!((left.offers.len(), left.no_offer), (0, Some(NoOffer::NoUplift { uplift, least })));
    assert_eq!(left.spend, Some(Spend { uplift, least, is_left_out: true }));
    assert_eq!(why, WhyNot::Stopped(Gate::NoUplift));
    // The share that is offered all the same, and told from the others.
    let (audited, first, _) = ask(Some(0), Placement::Cart, true);
    assert!(!audited.offers.is_empty() && audited.no_offer.is_none());
    assert_eq!(audited.spend.map(|spend| spend.is_left_out), Some(false));
    assert_eq!(first, Some(WhyNot::Offered { rank: 1 }));
    for (customer, placement) in [
        (Some(1), Placement::Cart),
        (Some(2), Placement::Cart),
        (Some(900), Placement::Cart),
        (None, Placement::Cart),
        (Some(0), Placement::Checkout),
    ] {
        let (decision, ..) = ask(customer, placement, false);
        assert!(!decision.offers.is_empty() && decision.spend.is_none(), "{customer:?}");
    }
}

#[test]
fn the_least_uplift_is_held_against_the_uplift_in_its_currency() {
    let world = world();
    let lines = cart(&[0]);
    let n_offers = |least: &str| {
        let policies = table(&world, &format!("{RESPONDERS}least_uplift = {least}"));
        let request = Request {
            cart: &lines,
            customer: Some(1),
            policies: Some(&policies),
            ..Request::at(Placement::Cart)
        };
        decide(&world, &request, &mut Workspace::default()).offers.len()
    };
    assert_eq!((n_offers("2"), n_offers("'2 EUR'")), (0, 0), "no more than the least");
    assert!(n_offers("1.99") > 0 && n_offers("'2 USD'") > 0);
}

#[test]
fn a_snapshot_that_cannot_tell_leaves_nobody_out() {
    let world = crate::fixture::learned(&blocks());
    let policies = table(&world, RESPONDERS);
    let lines = cart(&[0]);
    let request = Request {
        cart: &lines,
        customer: Some(0),
        policies: Some(&policies),
        ..Request::at(Placement::Cart)
    };
    let decision = decide(&world, &request, &mut Workspace::default());
    assert!(!decision.offers.is_empty() && decision.spend.is_none());
}
