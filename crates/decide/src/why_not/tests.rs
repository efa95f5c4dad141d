use super::*;
use crate::fixture::{blocks, cart, items, learned, view};
use crate::{Filter, Placement};
use events::{Amount, ItemKind};

fn ask(world: &World, request: &Request<'_>, item: u32) -> WhyNot {
    why_not(world, request, item, &mut Workspace::default())
}

/// Item 1 goes with item 0 and is changed by `change`; asked beside item 0.
fn stopped(change: impl Fn(&mut history::ItemEntry), filter: Option<&Filter>) -> WhyNot {
    let mut history = blocks();
    change(&mut history.items[1]);
    let lines = cart(&[0]);
    let request = Request { cart: &lines, filter, ..Request::at(Placement::Home) };
    ask(&learned(&history), &request, 1)
}

#[test]
fn each_gate_is_named() {
    let is = |gate| WhyNot::Stopped(gate);
    assert_eq!(stopped(|item| item.variant_of = Some(0), None), is(Gate::VariantInContext));
    assert_eq!(stopped(|item| item.kind = ItemKind::Fee, None), is(Gate::Fee));
    assert_eq!(stopped(|item| item.hidden = true, None), is(Gate::Hidden));
    assert_eq!(stopped(|item| item.stock = Some(0), None), is(Gate::OutOfStock));
    let below = Filter { categories: vec!["Home".into()], ..Filter::default() };
    assert_eq!(stopped(|_| {}, Some(&below)), is(Gate::FilterCategory));
    let homely = |item: &mut history::ItemEntry| item.category = Some("Homely".into());
    assert_eq!(stopped(homely, Some(&below)), is(Gate::FilterCategory));
    let inside = |item: &mut history::ItemEntry| item.category = Some("Home > Tins".into());
    assert!(matches!(stopped(inside, Some(&below)), WhyNot::Offered { .. }));
    let dear = Filter { price_min: Amount::from_units(2), ..Filter::default() };
    assert_eq!(stopped(|_| {}, Some(&dear)), is(Gate::FilterPrice));
    assert_eq!(
        stopped(|item| item.price = Amount::from_units(1), Some(&dear)),
        is(Gate::FilterPrice)
    );
}

#[test]
fn context_exclusion_and_evidence_are_named() {
    let world = learned(&blocks());
    let lines = cart(&[0, 1]);
    let request = Request { cart: &lines, exclude: &[2], ..Request::at(Placement::Cart) };
    assert_eq!(ask(&world, &request, 1), WhyNot::Stopped(Gate::InContext));
    assert_eq!(ask(&world, &request, 2), WhyNot::Stopped(Gate::Excluded));
    assert_eq!(ask(&world, &request, 7), WhyNot::NotProposed);
    assert_eq!(ask(&world, &request, 10_000), WhyNot::NotProposed, "of no item of this world");
    // Bought together once among many: proposed, but an accident.
    let mut rows: Vec<(Vec<u32>, u32)> = (0..40).map(|at| (vec![at % 2], 0)).collect();
    rows.push((vec![0, 1], 0));
    let world = learned(&view(items(2), &rows));
    let lines = cart(&[0]);
    let request = Request { cart: &lines, ..Request::at(Placement::Cart) };
    assert_eq!(ask(&world, &request, 1), WhyNot::Stopped(Gate::NoEvidence));
}

#[test]
fn ranks_are_those_of_the_slate() {
    let world = learned(&blocks());
    let lines = cart(&[0]);
    let wide = Request { cart: &lines, ..Request::at(Placement::Cart) };
    let decision = decide(&world, &wide, &mut Workspace::default());
    assert!(decision.offers.len() > 1);
    let narrow = Request { count: Some(1), ..wide };
    for (at, offer) in decision.offers.iter().enumerate() {
        let expected = match at {
            0 => WhyNot::Offered { rank: 1 },
            _ => WhyNot::Outranked { rank: at + 1, score: offer.score },
        };
        assert_eq!(ask(&world, &narrow, offer.item), expected);
    }
}

/// One item goes with 150 others; with some of them in fewer orders than with the rest.
fn star() -> World {
    let rows: Vec<(Vec<u32>, u32)> = (0..1_200_u32)
        .map(|at| {
            let other = 1 + at % 150;
            let is_with = at % 150 < 120 || at / 150 < 5;
            (if is_with { vec![0, other] } else { vec![other, 151] }, 0)
        })
        .chain((0..2_000).map(|_| (vec![152], 0)))
        .collect();
    learned(&view(items(153), &rows))
}

#[test]
fn past_place_a_hundred_the_reason_is_still_true() {
    let world = star();
    let lines = cart(&[0]);
    for placement in [Placement::Cart, Placement::Home] {
        let request = Request { cart: &lines, ..Request::at(placement) };
        let all = crate::slate::decide_all(&world, &request, false, &mut Workspace::default());
        assert!(all.offers.len() > 110, "{} offers at {placement:?}", all.offers.len());
        for (at, offer) in all.offers.iter().enumerate().skip(100) {
            let expected = WhyNot::Outranked { rank: at + 1, score: offer.score };
            assert_eq!(ask(&world, &request, offer.item), expected, "{placement:?}");
        }
    }
}
