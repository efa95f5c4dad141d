//! What the world sends a report that nobody planned for: it is counted and told, never guessed,
//! and it ends nothing.

use super::Desk;
use events::event::EventLine;
use events::{Amount, Currency, Event, EventKind, Timestamp};
use history::{Assignment, DecisionRecord, OpenMode, Store};
use measure::assignment::{Unit, key_of};
use std::collections::HashMap;
use std::path::Path;

pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000_000);
pub(crate) const DAY_US: i64 = 86_400_000_000;
pub(crate) const N_CUSTOMERS: u32 = 1_000;

pub(crate) fn answer_of(customer: u32) -> String {
    format!("01hf{customer:019}")
}

pub(crate) fn line(units: i64, origin: Option<String>) -> EventLine {
    EventLine {
        item_id: "bread".to_owned(),
        quantity: Amount::ONE,
        unit_price: Amount::from_units(units),
        origin,
    }
}

pub(crate) fn event(kind: EventKind, customer: u32, id: &str, at_us: i64) -> Event {
    Event {
        event_id: format!("{id}{customer}"),
        kind,
        at: Timestamp(at_us),
        customer_id: Some(format!("c{customer}")),
        session_id: None,
        order_id: Some(format!("{id}{customer}")),
        source: "shop".to_owned(),
        currency: Currency::parse("GBP"),
        location_id: None,
        recommendation_id: None,
        lines: vec![line(8 + i64::from(customer / 5 % 5), None)],
        confirmed: true,
    }
}

/// A fifth of 1,000 customers held out, an order each; then `more` on top.
pub(crate) async fn live(dir: &Path, more: Vec<Event>) {
    let buys = |customer| event(EventKind::Purchase, customer, "p", NOW.0 + 60_000_000);
    fill(dir, more.into_iter().chain((0..N_CUSTOMERS).map(buys)).collect(), &[]).await;
}

/// An answer beyond those of the customers.
pub(crate) struct Asked<'a> {
    pub(crate) answer: u32,
    pub(crate) at: Timestamp,
    pub(crate) unit: Unit<'a>,
    pub(crate) is_held_out: bool,
    pub(crate) location: Option<&'a str>,
}

fn record(asked: &Asked<'_>, key: u64, customer_idx: Option<u32>) -> DecisionRecord {
    let variant = if asked.is_held_out { ",\"variant\":\"holdout\"}" } else { "}" };
    let location = asked.location.map(|id| format!(",\"location_id\":\"{id}\""));
    let payload = format!(
        "{{\"asked\":{{\"placement\":\"pdp\"}},\"offers\":[{{\"item_id\":\"bread\",\
         \"relation\":\"complement\"}}]{}{variant}",
        location.unwrap_or_default()
    );
    let unit = asked.unit.id(key).0;
    DecisionRecord {
        recommendation_id: answer_of(asked.answer),
        at: asked.at,
        customer_idx,
        assignment: Some(Assignment { unit, is_held_out: asked.is_held_out }),
        payload: payload.into_bytes(),
    }
}

/// The 1,000 customers are asked for bread at [`NOW`]; then these answers and events.
pub(crate) async fn fill(dir: &Path, events: Vec<Event>, asked: &[Asked<'_>]) {
    let store = Store::open(dir, OpenMode::Create).await.expect("a new store");
    let key = key_of(&store.store_id().await.expect("a name"));
    let (log, decisions) = (store.event_log().expect("open"), store.decision_log().expect("open"));
    for batch in events.chunks(5_000) {
        log.append(batch.to_vec()).await.expect("stored");
    }
    let known = store.customers().await.expect("customers");
    let known: HashMap<String, u32> =
        known.into_iter().map(|known| (known.customer_id, known.customer_idx)).collect();
    for customer in 0..N_CUSTOMERS {
        let name = format!("c{customer}");
        let unit = Unit::Customer(&name);
        let is_held_out = customer % 5 == 0;
        let asked = Asked { answer: customer, at: NOW, unit, is_held_out, location: None };
        assert!(decisions.push(record(&asked, key, known.get(&name).copied())));
    }
    for asked in asked {
        assert!(decisions.push(record(asked, key, None)));
    }
    decisions.flush().await;
    store.set_holdout_share(0.2, NOW).await.expect("remembered");
    store.close().await;
}

pub(crate) fn report(desk: &Desk, more: Vec<Event>) -> serde_json::Value {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(live(&desk.store(), more));
    let report = desk.json(&["report", "--json"]);
    assert_eq!((&report["n_offers"], &report["n_holdout"]), (&800.into(), &200.into()));
    report
}

pub(crate) fn revenue(report: &serde_json::Value) -> (f64, f64) {
    let metric = &report["metrics"][0];
    let of = |name: &str| metric[name].as_f64().expect("a number");
    (of("offers"), of("holdout"))
}

fn is_ten((offers, holdout): (f64, f64)) -> bool {
    (offers - 10.0).abs() < 1e-9 && (holdout - 10.0).abs() < 1e-9
}

#[test]
fn clocks_that_are_wrong_by_a_day_are_told_and_favor_no_arm() {
    let desk = Desk::new();
    let mut more = Vec::new();
    for customer in 0..50 {
        // A day before the answer it came from: before the trial for offers and holdout alike.
        let mut early = event(EventKind::Purchase, customer, "e", NOW.0 - DAY_US);
        if customer % 5 != 0 {
            early.lines[0].origin = Some(answer_of(customer));
        }
        more.push(early);
    }
    // 2286: long after the report.
    more.push(event(EventKind::Purchase, 3, "f", 10_000_000_000_000_000));
    let report = report(&desk, more);
    assert_eq!(report["doubts"]["outcomes_before_answer"], 40);
    assert_eq!(report["doubts"]["orders_in_the_future"], 1);
    assert!(is_ten(revenue(&report)));
    let said = desk.alongside(&["report"]).assert().success().get_output().stdout.clone();
    let said = String::from_utf8(said).expect("UTF-8");
    let row = said.lines().find(|line| line.contains("outcomes before their decision"));
    assert!(row.is_some_and(|row| row.contains("40")), "{said}");
}

#[test]
fn a_bot_is_one_visitor_and_an_answer_without_a_record_is_told() {
    let desk = Desk::new();
    let impression = |at: u32, answer: String| Event {
        event_id: format!("i{at}"),
        customer_id: None,
        session_id: Some("bot".to_owned()),
        order_id: None,
        recommendation_id: Some(answer),
        lines: Vec::new(),
        ..event(EventKind::RecommendationImpression, at, "i", NOW.0 + 1)
    };
    let mut more: Vec<Event> = (0..100_000).map(|at| impression(at, answer_of(7))).collect();
    more.push(impression(100_000, "01hg0000000000000000000".to_owned()));
    let report = report(&desk, more);
    assert_eq!(report["placements"][0]["shown"], 1, "an answer is shown or not");
    assert_eq!(report["doubts"]["answers_without_record"], 1);
    assert!(is_ten(revenue(&report)));
}

/// An item that was clicked in an offer and bought by searching for it was not bought from the
/// offer; where nobody told an origin, the click counts.
#[test]
fn an_origin_that_is_told_goes_before_a_click() {
    let desk = Desk::new();
    let mut more = Vec::new();
    for (customer, origin) in [(1, Some("search".to_owned())), (2, None)] {
        let mut click = event(EventKind::RecommendationClick, customer, "k", NOW.0 + 1);
        click.recommendation_id = Some(answer_of(customer));
        let mut bought = event(EventKind::Purchase, customer, "q", NOW.0 + 2);
        bought.lines = vec![line(40, origin)];
        more.extend([click, bought]);
    }
    let report = report(&desk, more);
    // Customer 2: the 40. Both: the 8 of the order that follows, of which no origin is told.
    assert_eq!(report["attributed_revenue"], 40.0 + 8.0 + 8.0);
}

#[test]
fn other_currencies_are_left_out_and_refunds_take_back_no_more_than_was_sold() {
    let desk = Desk::new();
    let mut dollars = event(EventKind::Purchase, 4, "d", NOW.0 + 90_000_000);
    dollars.currency = Currency::parse("USD");
    dollars.lines = vec![line(5_000, None)];
    // Customer 6 paid 9 and is given back 809.
    let mut refund = event(EventKind::Refund, 6, "r", NOW.0 + 90_000_000);
    refund.order_id = Some("p6".to_owned());
    refund.lines = vec![line(809, None)];
    let report = report(&desk, vec![dollars, refund]);
    assert_eq!(report["doubts"]["orders_in_other_currencies"], 1);
    assert_eq!(report["doubts"]["refunds_above_sale"], 1);
    let (offers, holdout) = revenue(&report);
    assert!((offers - (8_000.0 - 9.0) / 800.0).abs() < 1e-9, "{offers}");
    assert!((holdout - 10.0).abs() < 1e-9 && report["currency"] == "GBP");
}

#[test]
fn relations_and_segments_are_told() {
    let desk = Desk::new();
    let mut more = Vec::new();
    for customer in 0..N_CUSTOMERS {
        // Half of them bought before; those with offers buy for 6 of an offer then.
        if customer % 2 == 0 {
            more.push(event(EventKind::Purchase, customer, "b", NOW.0 - DAY_US));
            if customer % 5 != 0 {
                let mut taken = event(EventKind::Purchase, customer, "o", NOW.0 + 70_000_000);
                taken.lines = vec![line(6, Some(answer_of(customer)))];
                more.push(taken);
            }
        }
    }
    let report = report(&desk, more);
    let relation = &report["relations"][0];
    assert_eq!((&relation["relation"], &relation["bought"]), (&"complement".into(), &400.into()));
    assert_eq!(relation["revenue"], 2_400.0);
    let segments = report["segments"].as_array().expect("segments");
    let value = |at: usize| segments[at]["difference"]["value"].as_f64();
    assert_eq!(segments[0]["segment"], "bought in the 90 days before");
    // 100 held out of 500: no interval below 200, and it says so.
    assert_eq!((value(0), value(1)), (None, None));
    assert!(segments[0]["no_answer"].as_str().expect("a reason").contains("each arm needs 200"));
    let refusal = desk.refusal(&["report", "--by", "color"]);
    assert!(refusal.contains("no customer"), "{refusal}");
}
