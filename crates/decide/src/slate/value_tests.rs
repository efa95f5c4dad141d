//! Ranking by what a sale brings, and what is told of it.

use super::*;
use crate::fixture::{blocks, cart, learned};
use crate::request::ItemRef;
use crate::words::TextSink;
use crate::{Benefit, Language};
use events::{Amount, ItemRecord};
use policy::value::{UNKNOWN, weight_of};
use policy::{PolicySet, PolicyTable, Stage, Value};
use std::sync::Arc;

fn table(world: &World, text: &str) -> PolicyTable {
    let (set, found) = PolicySet::read(text);
    let set = set.unwrap_or_else(|| panic!("{found:#?}"));
    PolicyTable::compile(Arc::new(set), 7, &Items(world))
}

fn told(item: u32, attributes: &[(&str, &str)]) -> ItemRecord {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    ItemRecord {
        item_id: format!("i{item}"),
        attributes: attributes.iter().map(owned).collect(),
        ..ItemRecord::default()
    }
}

/// The blocks, each item with a price of 10: item 1 earns 1, item 2 nothing, item 3 loses; of item
/// 4 the cost is not known.
fn priced() -> World {
    let mut history = blocks();
    for (at, item) in history.items.iter_mut().enumerate() {
        item.price = Amount::from_units(10);
        item.cost = Amount::from_units([4, 9, 10, 12][at % 4]).filter(|_| at != 4);
    }
    learned(&history).keeping_attributes()
}

fn ask(world: &World, text: &str) -> Vec<Offer> {
    let (table, lines) = (table(world, text), cart(&[0]));
    let request = Request { cart: &lines, policies: Some(&table), ..Request::at(Placement::Cart) };
    let request = Request { evidence_required: Some(false), count: Some(20), ..request };
    decide(world, &request, &mut Workspace::default()).offers
}

const MARGIN: &str = "[[placement]]\nname = 'cart'\nvalue = 'margin'\n";

#[test]
fn offers_are_ranked_by_what_they_are_expected_to_earn() {
    let world = priced();
    let plain = ask(&world, "");
    assert!([1, 2, 3, 4].iter().all(|item| plain.iter().any(|offer| offer.item == *item)));
    let items = Items(&world);
    let value = |item: u32| weight_of(Value::Margin.of(&items, item, None));
    // By hand: score times margin, best first, without what earns nothing.
    let mut slow: Vec<(f32, u32)> = plain
        .iter()
        .map(|offer| (offer.score * value(offer.item), offer.item))
        .filter(|(score, _)| *score > 0.0)
        .collect();
    slow.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let found = ask(&world, MARGIN);
    let of_rung = |offers: &[Offer]| -> Vec<(f32, u32)> {
        let ranked = offers.iter().filter(|offer| offer.rung == found[0].rung);
        ranked.map(|offer| (offer.score, offer.item)).collect()
    };
    let ranked = of_rung(&found);
    assert!(ranked.len() > 1);
    slow.retain(|(_, item)| ranked.iter().any(|(_, found)| found == item));
    assert_eq!(ranked, slow);
    assert!(found.iter().all(|offer| ![2, 3].contains(&offer.item)), "they earn nothing");
    for offer in &found {
        assert_eq!(offer.value, Some(value(offer.item)));
    }
    let (table, lines) = (table(&world, MARGIN), cart(&[0]));
    let request = Request { cart: &lines, policies: Some(&table), ..Request::at(Placement::Cart) };
    for (item, earns) in [(2, false), (3, false), (1, true)] {
        let verdict = crate::why_not(&world, &request, item, &mut Workspace::default());
        assert_eq!(verdict == crate::WhyNot::Stopped(Gate::NoValue), !earns, "{item}: {verdict:?}");
    }
    let last = found.iter().find(|offer| offer.item == 4).expect("it may earn something");
    assert_eq!(last.value, Some(UNKNOWN));
    // A boost and a value are told apart.
    let boost = "[[policy]]\nname = 'b'\nkind = 'boost'\nitem_ids = ['i1']\nfactor = 3.0\n\
                 [[policy]]\nname = 'c'\nkind = 'boost'\nitem_ids = ['i1']\nfactor = 2.0\n\
                 when = 'cart.lines > 0'\n";
    let boosted = ask(&world, &format!("{boost}{MARGIN}"));
    let find = |offers: &[Offer]| *offers.iter().find(|offer| offer.item == 1).expect("offered");
    let (one, before) = (find(&boosted), find(&found));
    let touch = one.policy.expect("boosts");
    assert_eq!((touch.factor, touch.context_weight, one.value), (6.0, 2.0, Some(1.0)));
    assert!((one.score - 6.0 * before.score).abs() < 1e-5 * one.score.abs());
}

#[test]
fn a_value_is_net_of_discount_returns_and_service() {
    let world = priced();
    let margin = |attributes: &[(&str, &str)], currency: Option<&str>| {
        let world = world.with_items(&[told(0, attributes)]);
        let currency = currency.and_then(events::Currency::parse);
        Value::Margin.of(&Items(&world), 0, currency)
    };
    assert_eq!(margin(&[], None), Some(6.0));
    assert_eq!(margin(&[("discount", "1.5")], None), Some(4.5));
    assert_eq!(margin(&[("discount", "2"), ("return_rate", "0.25")], None), Some(3.0));
    assert_eq!(margin(&[("return_rate", "1"), ("service_cost", "2")], None), Some(-2.0));
    for told in [("return_rate", "7"), ("service_cost", "NaN"), ("discount", "-3")] {
        assert_eq!(margin(&[told], None), None, "{told:?} makes no margin better");
    }
    assert_eq!(margin(&[], Some("EUR")), None, "nobody says that it is in euros");
    assert_eq!(Value::Price.of(&Items(&world), 4, None), Some(10.0));
    assert_eq!(Value::Margin.of(&Items(&world), 4, None), None);
    assert_eq!((weight_of(Some(-2.0)), weight_of(None)), (0.0, UNKNOWN));
}

/// Our own words and those of the shop, told apart.
#[derive(Default)]
struct Marked(String);

impl TextSink for Marked {
    fn words(&mut self, text: &str) {
        self.0.push_str(text);
    }

    fn foreign(&mut self, text: &str) {
        self.0.push_str(&text.replace('<', "&lt;"));
    }
}

#[test]
fn a_benefit_is_told_in_the_language_and_of_the_item_it_goes_with() {
    let world = priced();
    let benefit = |attributes: &[(&str, &str)], tag: &str| {
        let world = world.with_items(&[told(1, attributes)]);
        let offer = *ask(&world, "").iter().find(|offer| offer.item == 1).expect("offered");
        let languages = crate::Languages::default();
        let language = languages.find(tag).unwrap_or(Language::english());
        let mut words = Marked::default();
        Benefit::of(&world, language, &offer)?.write(&mut words);
        Some(words.0)
    };
    assert_eq!(benefit(&[], "en"), None);
    assert_eq!(benefit(&[("benefit", " ")], "en"), None);
    let both = [("benefit", "Fits your {item}, <b>."), ("benefit.de", "Passt zu {item}.")];
    assert_eq!(benefit(&both, "en").as_deref(), Some("Fits your i0, &lt;b>."));
    assert_eq!(benefit(&both, "de").as_deref(), Some("Passt zu i0."));
    assert_eq!(benefit(&both[1..], "en"), None);
    // A stand-in is not what they have.
    let with_new = world.with_items(&[
        told(1, &both),
        ItemRecord {
            item_id: "new".into(),
            variant_of: Some("i0".into()),
            ..ItemRecord::default()
        },
    ]);
    let anchors = [ItemRef::Known(with_new.item_idx("new").unwrap())];
    let beside = Request { anchors: &anchors, ..Request::at(Placement::Pdp) };
    let offers = decide(&with_new, &beside, &mut Workspace::default()).offers;
    let offer = offers.iter().find(|offer| offer.item == 1).expect("what goes with its family");
    assert_eq!(offer.reason.code, ReasonCode::SimilarContent);
    assert!(Benefit::of(&with_new, Language::english(), offer).is_none());
    // Where the offer goes with nothing, nothing is said of it.
    let world = world.with_items(&[told(1, &both)]);
    let alone = Offer { reason: Reason::default(), ..ask(&world, "")[0] };
    assert!(Benefit::of(&world, Language::english(), &Offer { item: 1, ..alone }).is_none());
}

#[test]
fn a_page_and_a_cart_tell_the_stage_where_the_visit_does_not() {
    let stage = |placement: Placement, of_visit: Option<Stage>, has_cart| {
        placement.stage(of_visit, has_cart).map(Stage::as_str)
    };
    let considering = Some(Stage::Considering);
    assert_eq!(stage(Placement::Home, considering, false), Some("considering"));
    assert_eq!(stage(Placement::Home, None, false), None, "nobody can tell");
    assert_eq!(stage(Placement::Home, None, true), Some("cart"));
    assert_eq!(stage(Placement::Pdp, Some(Stage::Browsing), true), Some("cart"));
    assert_eq!(stage(Placement::Pdp, Some(Stage::Checkout), true), Some("checkout"));
    assert_eq!(stage(Placement::Checkout, None, true), Some("checkout"));
    assert_eq!(stage(Placement::PostPurchase, Some(Stage::Cart), false), Some("purchased"));
    let world = priced();
    let text = "[[policy]]\nname = 's'\nkind = 'exclude'\nitems = \"item.id == 'i1'\"\n\
                when = \"context.stage == 'cart'\"\n";
    let (table, lines) = (table(&world, text), cart(&[0]));
    let is_offered = |stage: Option<Stage>| {
        let circumstances = crate::Circumstances { stage, ..Default::default() };
        let request = Request {
            policies: Some(&table),
            cart: &lines,
            circumstances,
            ..Request::at(Placement::Cart)
        };
        let offers = decide(&world, &request, &mut Workspace::default()).offers;
        offers.iter().any(|offer| offer.item == 1)
    };
    assert!(is_offered(Some(Stage::Browsing)) && !is_offered(Some(Stage::Cart)));
    assert!(!is_offered(None), "what is not known closes");
}
