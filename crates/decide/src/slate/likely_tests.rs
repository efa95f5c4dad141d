use super::*;
use crate::fixture::{blocks, cart, items, learned, view};
use crate::request::{Circumstances, ItemRef, OrderSince};
use crate::words::{write_brief_reason, write_reason};
use crate::{Filter, Language, Languages, Placement};
use events::{ItemRecord, Timestamp};
use history::{HistoryView, NO_CUSTOMER};
use snapshot::Snapshot;
use std::sync::Arc;

const DAY_US: i64 = 86_400_000_000;

fn ask(world: &World, request: &Request<'_>) -> Decision {
    decide(world, request, &mut Workspace::default())
}

fn on(day: i64) -> Circumstances<'static> {
    Circumstances { now: Some(Timestamp(day * DAY_US)), ..Circumstances::default() }
}

/// Customer 0 buys item 0 every tenth day and 1 once; customer 1 buys all sorts of things.
fn rhythm() -> HistoryView {
    let row = |day: u32| match day % 10 {
        0 if day == 20 => (vec![0, 1], 0),
        0 => (vec![0], 0),
        _ => (vec![2 + day % 7, 9 + day % 3], 1),
    };
    let mut view = view(items(12), &(0..60).map(row).collect::<Vec<_>>());
    for item in &mut view.items[..6] {
        item.category = Some("Tea > Green".into());
    }
    view
}

fn home(customer: u32, day: i64) -> Request<'static> {
    Request { customer: Some(customer), circumstances: on(day), ..Request::at(Placement::Home) }
}

fn reason_of(decision: &Decision, item: u32) -> Option<Reason> {
    decision.offers.iter().find(|offer| offer.item == item).map(|offer| offer.reason)
}

#[test]
fn a_re_order_says_how_often_and_whether_it_is_time() {
    let world = learned(&rhythm());
    let told = |day: i64, item: u32, language: &Language| {
        let decision = ask(&world, &home(0, day));
        let offer = decision.offers.iter().find(|offer| offer.item == item).expect("offered");
        assert_eq!((offer.relation, offer.rung), (Relation::Replenish, Rung::Personal));
        let (mut whole, mut brief) = (String::new(), String::new());
        write_reason(&mut whole, language, &world, item, &offer.reason);
        write_brief_reason(&mut brief, language, &world, offer);
        assert_eq!(whole, brief);
        (offer.reason.code, whole)
    };
    let english = Language::english();
    let due = "You buy this about every 10 days; last time 9 days ago.";
    assert_eq!(told(59, 0, english), (ReasonCode::DueAgain, due.to_owned()));
    let early = "You bought this in 6 of your 6 orders.";
    assert_eq!(told(52, 0, english), (ReasonCode::BoughtBefore, early.to_owned()));
    let once = "You bought this in 1 of your 6 orders.";
    assert_eq!(told(59, 1, english), (ReasonCode::BoughtBefore, once.to_owned()));
    let languages = Languages::default();
    let german = languages.find("de").expect("German is there");
    let due = "Sie kaufen dies etwa alle 10 Tage, zuletzt vor 9 Tagen.";
    assert_eq!(told(59, 0, german).1, due);
    assert_eq!(told(59, 1, german).1, "In 1 Ihrer 6 Bestellungen gekauft.");
}

#[test]
fn beside_what_was_just_bought_only_what_is_due_is_told_again() {
    let world = learned(&rhythm());
    let anchors = [ItemRef::Known(9)];
    let after = |day: i64, anchors| {
        let placement = Placement::PostPurchase;
        let decision =
            ask(&world, &Request { placement, anchors, count: Some(12), ..home(0, day) });
        let again = |offer: &&Offer| offer.relation == Relation::Replenish;
        decision.offers.iter().filter(again).map(|offer| offer.item).collect::<Vec<_>>()
    };
    assert_eq!(after(59, &anchors[..]), [0], "it is time");
    assert_eq!(after(52, &anchors[..]), [0; 0], "it is not, and one was bought once only");
    assert_eq!(after(52, &[]), [0, 1], "where nothing is told of what was bought");
}

#[test]
fn where_there_is_no_cart_no_reason_names_one() {
    let world = learned(&blocks());
    for placement in [Placement::Home, Placement::Email, Placement::Category] {
        for customer in [0, 1] {
            let request = Request { count: Some(30), ..home(customer, 130) };
            let decision = ask(&world, &Request { placement, ..request });
            assert!(!decision.offers.is_empty());
            for offer in &decision.offers {
                let code = offer.reason.code;
                let names_a_cart = [ReasonCode::BoughtTogether, ReasonCode::CompletesCart];
                assert!(!names_a_cart.contains(&code), "{placement:?}: {offer:?}");
                let is_again = [ReasonCode::BoughtBefore, ReasonCode::DueAgain].contains(&code);
                assert_eq!(is_again, offer.relation == Relation::Replenish, "{offer:?}");
                assert!(!is_again || offer.reason.evidence.is_none(), "{offer:?}");
            }
        }
    }
    // In a cart, beside an item that it was bought with, the pair is the better reason.
    let lines = cart(&[0]);
    let request = Request { cart: &lines, ..home(0, 130) };
    let decision = ask(&world, &Request { placement: Placement::Cart, ..request });
    assert!(decision.offers.iter().any(|offer| offer.reason.code == ReasonCode::BoughtTogether));
}

#[test]
fn a_guest_is_told_nothing_personal() {
    let world = learned(&rhythm());
    let decision = ask(&world, &Request { customer: None, ..home(0, 59) });
    assert!(!decision.offers.is_empty());
    for offer in &decision.offers {
        assert_eq!((offer.rung, offer.reason.rebuy), (Rung::Popular, None));
        assert_ne!(offer.relation, Relation::Replenish);
    }
}

#[test]
fn what_was_bought_a_moment_ago_counts_at_once() {
    let world = learned(&rhythm());
    let since = [OrderSince { at: Timestamp(60 * DAY_US), items: vec![4] }];
    let after = Request { bought_since: &[4], orders_since: &since, ..home(0, 61) };
    let decision = ask(&world, &after);
    assert!(reason_of(&decision, 4).is_none(), "it rests");
    let rebuy = reason_of(&decision, 0).and_then(|reason| reason.rebuy).expect("a re-order");
    assert_eq!((rebuy.n_bought, rebuy.n_orders), (6, 7));
    // A newcomer: what goes with the first order, and no re-order of it.
    let newcomer = ask(&world, &Request { customer: None, ..after });
    assert_eq!(newcomer.offers[0].rung, Rung::Personal);
    assert!(newcomer.offers.iter().all(|offer| offer.relation != Relation::Replenish));
}

#[test]
fn a_page_of_a_category_and_a_thank_you_page_keep_to_what_they_are_for() {
    let world = learned(&rhythm());
    let request = Request { category: Some("Tea"), count: Some(30), ..home(1, 59) };
    let decision = ask(&world, &Request { placement: Placement::Category, ..request.clone() });
    let personal = decision.offers.iter().filter(|offer| offer.reason.rebuy.is_some());
    let found: Vec<u32> = personal.map(|offer| offer.item).collect();
    assert!(!found.is_empty());
    assert!(ask(&world, &request).offers.iter().any(|offer| offer.item >= 6));
    let first = decision.offers[0];
    assert!(first.item < 6, "{first:?}");
    // Beside what was just bought it fills the places that are left.
    let anchors = [ItemRef::Known(7)];
    let thanks = Request { anchors: &anchors, placement: Placement::PostPurchase, ..home(0, 59) };
    let decision = ask(&world, &thanks);
    let offered: Vec<u32> = decision.offers.iter().map(|offer| offer.item).collect();
    assert!(offered.contains(&0) && !offered.contains(&7), "{offered:?}");
}

#[test]
fn gates_hold_and_what_is_sensitive_is_not_told_in_a_mail() {
    let world = learned(&rhythm());
    let is_offered = |request: &Request<'_>| reason_of(&ask(&world, request), 0).is_some();
    assert!(is_offered(&home(0, 59)));
    assert!(!is_offered(&Request { exclude: &[0], ..home(0, 59) }));
    let filter = Filter { relations: vec![Relation::Complement], ..Filter::default() };
    let new_only = ask(&world, &Request { filter: Some(&filter), ..home(0, 59) });
    assert!(new_only.offers.iter().all(|offer| offer.relation == Relation::Complement));
    let sensitive =
        ItemRecord { item_id: "i0".into(), sensitive: Some(true), ..ItemRecord::default() };
    let world = world.with_items(&[sensitive]);
    let mail = Request { placement: Placement::Email, ..home(0, 59) };
    let told = |request: &Request<'_>| reason_of(&ask(&world, request), 0).and_then(|r| r.rebuy);
    assert!(told(&home(0, 59)).is_some());
    assert_eq!(told(&mail), None);
}

/// Items 5 to 8 say more of a customer than 0 and 1; who has them buys 9 next. What sells most, to
/// guests, says nothing of anybody.
fn sensitive_world() -> World {
    let mut rows = Vec::new();
    for _ in 0..6 {
        rows.extend([(vec![0, 1], 0), (vec![0, 1, 5, 6, 7, 8], 1), (vec![5, 6, 7, 8, 9], 2)]);
        rows.extend((12..34).map(|item| (vec![item, item + 1], NO_CUSTOMER)));
        rows.extend((12..34).map(|item| (vec![item, item + 1], NO_CUSTOMER)));
    }
    let mut view = view(items(35), &rows);
    // Customers 0 and 1 on the same days.
    (0..rows.len()).for_each(|at| view.baskets.at[at] = Timestamp((at / 47) as i64 * DAY_US));
    let mut params = learn::Params::default();
    params.next_basket.tables.tifu.n_neighbors = 1;
    let learned = learn::learn(&view, &params.check().unwrap(), &learn::Silent).unwrap();
    let world = World::of(Arc::new(Snapshot::from_writer(&learned.writer).unwrap()));
    let sensitive = |at: u32| ItemRecord {
        item_id: format!("i{at}"),
        sensitive: Some(true),
        ..ItemRecord::default()
    };
    world.with_items(&[5, 6, 7, 8].map(sensitive))
}

/// What others may see tells nothing of what is sensitive: present or absent, the answer is one.
#[test]
fn a_hidden_purchase_changes_no_answer() {
    let world = sensitive_world();
    let exclude = [5, 6, 7, 8];
    let told = |request: &Request<'_>, placement: Placement| -> Vec<(u32, Relation, Reason)> {
        let request = Request { exclude: &exclude, placement, ..request.clone() };
        let offers = ask(&world, &request).offers;
        offers.iter().map(|offer| (offer.item, offer.relation, offer.reason)).collect()
    };
    let (without, with) = (home(0, 30), home(1, 30));
    assert!(told(&without, Placement::Email).iter().any(|(.., reason)| reason.rebuy.is_some()));
    assert_eq!(told(&with, Placement::Email), told(&without, Placement::Email));
    // At home the customer is alone: there it speaks.
    assert_ne!(told(&with, Placement::Home), told(&without, Placement::Home));
    // The same of what was bought since, with others and alone.
    let order = |items: &[u32]| OrderSince { at: Timestamp(29 * DAY_US), items: items.to_vec() };
    let shown = [order(&[3])];
    let asked = |since: &[OrderSince], bought: &[u32], placement: Placement| {
        let request = Request { orders_since: since, bought_since: bought, ..home(0, 30) };
        told(&request, placement)
    };
    let plain = asked(&shown, &[3], Placement::Email);
    for since in [vec![order(&[3, 5, 6, 7, 8])], vec![order(&[3]), order(&[5, 6, 7, 8])]] {
        assert_eq!(asked(&since, &[3, 5, 6, 7, 8], Placement::Email), plain);
        let at_home = asked(&since, &[3, 5, 6, 7, 8], Placement::Home);
        assert_ne!(at_home, asked(&shown, &[3], Placement::Home));
    }
}

#[test]
fn where_others_stand_beside_nothing_tells_that_it_was_bought_before() {
    let world = learned(&rhythm());
    let lines = cart(&[1]);
    let code_of = |placement| {
        let request = Request { cart: &lines, placement, count: Some(9), ..home(0, 59) };
        let request = Request { evidence_required: Some(false), ..request };
        let decision = ask(&world, &request);
        assert!(decision.offers.iter().any(|offer| offer.item == 0), "{decision:?}");
        for offer in decision.offers.iter().filter(|_| placement != Placement::Cart) {
            let tells = [ReasonCode::BoughtBefore, ReasonCode::DueAgain];
            assert!(!tells.contains(&offer.reason.code), "{placement:?}: {offer:?}");
        }
        reason_of(&decision, 0).map(|reason| (reason.code, reason.rebuy.is_some()))
    };
    assert_eq!(code_of(Placement::Cart), Some((ReasonCode::DueAgain, true)));
    assert_eq!(code_of(Placement::Pos), Some((ReasonCode::Popular, false)));
    assert_eq!(code_of(Placement::Kiosk), Some((ReasonCode::Popular, false)));
}

#[test]
fn a_visit_leaves_half_of_the_places_to_what_is_bought_next() {
    let world = learned(&rhythm());
    let session = [4, 10];
    let request = Request { session: &session, count: Some(4), ..home(0, 59) };
    let decision = ask(&world, &request);
    let rungs: Vec<Rung> = decision.offers.iter().map(|offer| offer.rung).collect();
    use Rung::{Personal, Session};
    assert_eq!(rungs, [Session, Session, Personal, Personal], "{decision:?}");
    assert!(reason_of(&decision, 0).and_then(|reason| reason.rebuy).is_some());
    // Who is not known has the visit alone.
    let guest = ask(&world, &Request { customer: None, ..request });
    assert_eq!(guest.offers.iter().filter(|offer| offer.rung == Session).count(), 4);
}

/// Who bought nearly everything is not offered re-orders alone.
#[test]
fn half_of_what_the_past_fills_is_new_as_far_as_there_is_any() {
    // Each of six buys their own six things over and over, and shares four with the next.
    let row = |at: u32| {
        let mut bought: Vec<u32> = (0..3).map(|k| (2 * (at % 6) + (at / 6 + k) % 6) % 12).collect();
        bought.sort_unstable();
        (bought, at % 6)
    };
    let rows: Vec<(Vec<u32>, u32)> = (0..60).map(row).collect();
    let world = learned(&HistoryView { n_customers: 6, ..view(items(12), &rows) });
    let n_again = |request: &Request<'_>| {
        let offers = ask(&world, request).offers;
        let again = offers.iter().filter(|offer| offer.reason.rebuy.is_some());
        (again.count(), offers.len())
    };
    let request = Request { count: Some(4), ..home(1, 59) };
    assert_eq!(n_again(&request), (2, 4));
    assert_eq!(n_again(&Request { usual_new_share: Some(0.0), ..request.clone() }), (4, 4));
    // Where nothing new may be offered its places go back.
    let exclude = [0, 1, 8, 9, 10, 11];
    let request_of_old = Request { exclude: &exclude, ..request.clone() };
    assert_eq!(n_again(&request_of_old), (4, 4));
    // What a policy says takes its place.
    let (set, _) = policy::PolicySet::read("[[placement]]\nname = 'home'\nnew_share = 0.0");
    let table =
        policy::PolicyTable::compile(Arc::new(set.unwrap()), 1, &crate::policies::Items(&world));
    assert_eq!(n_again(&Request { policies: Some(&table), ..request }), (4, 4));
}
