//! What pages say of answers, and what customers buy for the first time. Each report is read in
//! memory and by way of files.

use super::Desk;
use super::doubts::{Asked, DAY_US, NOW, answer_of, event, fill, line};
use events::{Amount, Event, EventKind, Timestamp};
use measure::assignment::Unit;
use serde_json::Value;

const LATER: i64 = NOW.0 + 1_800_000_000;

fn report_of(desk: &Desk, events: Vec<Event>, asked: &[Asked<'_>], more: &[&str]) -> Value {
    if !desk.store().exists() {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(fill(&desk.store(), events, asked));
    }
    desk.json(&[&["report", "--json"][..], more].concat())
}

fn of_answer(kind: EventKind, customer: u32, answer: u32, items: &[&str]) -> Event {
    let mut said = event(kind, customer, "m", LATER);
    said.event_id = format!("{}-{customer}-{answer}-{items:?}", kind.as_str());
    said.order_id = None;
    said.recommendation_id = Some(answer_of(answer));
    let of =
        |item: &&str| events::event::EventLine { item_id: (*item).to_owned(), ..line(1, None) };
    said.lines = items.iter().map(of).collect();
    said
}

#[test]
fn what_an_answer_did_not_hold_was_neither_seen_nor_clicked() {
    use EventKind::{RecommendationClick as Click, RecommendationImpression as Shown};
    let desk = Desk::new();
    let events = vec![
        of_answer(Shown, 1, 1, &[]),
        of_answer(Click, 1, 1, &["bread"]),
        // Of who is held out.
        of_answer(Shown, 5, 5, &[]),
        of_answer(Click, 10, 10, &["bread"]),
        // Another item than the answer held, and one without an item.
        of_answer(Shown, 2, 2, &[]),
        of_answer(Click, 2, 2, &["jam"]),
        of_answer(Click, 3, 3, &[]),
    ];
    let report = report_of(&desk, events, &[], &[]);
    let place = &report["placements"][0];
    assert_eq!((&place["shown"], &place["clicked"]), (&2.into(), &2.into()), "{place}");
    assert!(place["seen"].is_null(), "no page tells what was in view: {place}");
    let doubts = &report["doubts"];
    assert_eq!(doubts["marks_of_held_out"], 2);
    assert_eq!(doubts["clicks_not_offered"], 1);
    assert_eq!(doubts["marks_of_empty_answers"], 0);
    let said = desk.alongside(&["report"]).assert().success().get_output().stdout.clone();
    let said = String::from_utf8(said).expect("UTF-8");
    assert!(said.contains("2 answers to who was held out were seen or clicked"), "{said}");
    assert!(said.contains("1 item was clicked in an answer that did not hold it"), "{said}");
}

#[test]
fn a_refund_of_an_order_that_nobody_knows_is_told() {
    let desk = Desk::new();
    let mut known = event(EventKind::Refund, 1, "r", LATER + 1);
    known.order_id = Some("p1".to_owned());
    let unknown = event(EventKind::Refund, 2, "nobody-knows", LATER + 1);
    let report = report_of(&desk, vec![buys(1, "p", LATER, &["bread"]), known, unknown], &[], &[]);
    assert_eq!(report["doubts"]["refunds_of_unknown_orders"], 1);
    let said = desk.alongside(&["report"]).assert().success().get_output().stdout.clone();
    let said = String::from_utf8(said).expect("UTF-8");
    assert!(said.contains("1 refund is of an order that is not known"), "{said}");
}

fn buys(customer: u32, id: &str, at_us: i64, items: &[&str]) -> Event {
    let mut bought = event(EventKind::Purchase, customer, id, at_us);
    let of = |item: &&str| events::event::EventLine {
        item_id: (*item).to_owned(),
        quantity: Amount::from_units(2).expect("small"),
        ..line(10, None)
    };
    bought.lines = items.iter().map(of).collect();
    bought
}

fn arm_sum(report: &Value, name: &str, arm: &str) -> f64 {
    let metrics = report["metrics"].as_array().expect("metrics");
    let found = metrics.iter().find(|metric| metric["name"] == name).expect("the metric");
    let n = if arm == "offers" { 800.0 } else { 200.0 };
    found[arm].as_f64().expect("a number") * n
}

#[test]
fn items_are_new_that_a_customer_never_bought_however_long_ago() {
    let desk = Desk::new();
    let long_ago = NOW.0 - 400 * DAY_US;
    let mut back = event(EventKind::Refund, 4, "r", LATER + 9);
    back.order_id = Some("t4".to_owned());
    let events = vec![
        buys(1, "o", long_ago, &["bread"]),
        // Bread is known to 1, jam and tea are new, however often they are bought.
        buys(1, "t", LATER, &["bread", "jam", "tea"]),
        buys(1, "u", LATER + 5, &["jam"]),
        // Another customer's history is no concern of 2.
        buys(2, "t", LATER, &["bread"]),
        buys(3, "o", NOW.0 - DAY_US, &["jam"]),
        buys(3, "t", LATER, &["jam"]),
        buys(4, "t", LATER, &["tea"]),
        back,
        // Of who is held out, by the same clock.
        buys(5, "o", long_ago, &["tea"]),
        buys(5, "t", LATER, &["bread", "tea"]),
        // In no arm.
        buys(5_000, "t", LATER, &["bread"]),
    ];
    let report = report_of(&desk, events, &[], &[]);
    let name = "items a customer never bought before";
    let found = ["offers", "holdout"].map(|arm| arm_sum(&report, name, arm));
    // What came back was bought all the same.
    assert!((found[0] - 4.0).abs() < 1e-9 && (found[1] - 1.0).abs() < 1e-9, "{found:?}");
}

#[test]
fn an_order_is_told_in_money() {
    let desk = Desk::new();
    let events = vec![
        buys(1, "t", LATER, &["bread", "jam"]),
        buys(1, "u", LATER, &["jam"]),
        buys(5, "t", LATER, &["jam"]),
    ];
    let report = report_of(&desk, events, &[], &[]);
    let metrics = report["metrics"].as_array().expect("metrics");
    let found = metrics.iter().find(|metric| metric["name"] == "revenue an order").expect("it");
    for (arm, expected) in [("offers", 30.0), ("holdout", 20.0)] {
        let value = found[arm].as_f64().expect("a number");
        assert!((value - expected).abs() < 1e-9, "{arm}: {value}");
    }
}

#[test]
fn what_is_bought_after_a_click_is_told_by_days_and_counts_within_the_window() {
    let desk = Desk::new();
    let after = |customer: u32, days: i64| {
        let mut click = of_answer(EventKind::RecommendationClick, customer, customer, &["bread"]);
        click.at = Timestamp(LATER);
        [click, buys(customer, "t", LATER + days * DAY_US + 1_000_003, &["bread"])]
    };
    // A line that names its answer is from the offer, whenever it was clicked.
    let mut named = after(4, 20);
    named[1].lines[0].origin = Some(answer_of(4));
    let pairs = [after(1, 0), after(2, 5), after(3, 20), after(6, 40), named];
    let events: Vec<Event> = pairs.into_iter().flatten().collect();
    let report = report_of(&desk, events, &[], &[]);
    let windows = |report: &Value| -> Vec<f64> {
        let all = report["after_click"].as_array().expect("windows");
        all.iter().map(|one| one["revenue"].as_f64().expect("a number")).collect()
    };
    assert_eq!(windows(&report), [20.0, 40.0, 80.0]);
    assert_eq!(report["after_click"][2]["days"], 28);
    let attributed = |report: &Value| report["attributed_revenue"].as_f64().expect("a number");
    assert_eq!((attributed(&report), &report["window_days"]), (80.0, &28.into()));
    for (days, expected) in [("1", 40.0), ("7", 60.0), ("60", 100.0)] {
        let other = report_of(&desk, Vec::new(), &[], &["--window", days]);
        assert_eq!(attributed(&other), expected, "{days} days");
        assert_eq!(windows(&other), [20.0, 40.0, 80.0], "{days} days");
        assert_eq!(other["metrics"][0], report["metrics"][0], "what was bought is what it was");
    }
}

#[test]
fn an_answer_without_an_offer_was_not_seen() {
    let desk = Desk::new();
    let seen = of_answer(EventKind::RecommendationImpression, 1, 40_000, &[]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(fill(&desk.store(), vec![seen], &[]));
    runtime.block_on(async {
        let store = history::Store::open(&desk.store(), history::OpenMode::ReadWrite).await;
        let store = store.expect("the store");
        let key = measure::assignment::key_of(&store.store_id().await.expect("a name"));
        let unit = Unit::Customer("c1").id(key).0;
        let decisions = store.decision_log().expect("open");
        assert!(decisions.push(history::DecisionRecord {
            recommendation_id: answer_of(40_000),
            at: Timestamp(NOW.0 + 1),
            customer_idx: None,
            assignment: Some(history::Assignment { unit, is_held_out: false }),
            payload: b"{\"asked\":{\"placement\":\"pdp\"},\"offers\":[]}".to_vec(),
        }));
        decisions.flush().await;
        store.close().await;
    });
    let report = desk.json(&["report", "--json"]);
    assert_eq!(report["placements"][0]["shown"], 0);
    assert_eq!(report["doubts"]["marks_of_empty_answers"], 1);
}
