//! How a report joins purchases to customers, offers and returns; and when it must not speak.

use super::Desk;
use super::doubts::{
    Asked, DAY_US, N_CUSTOMERS, NOW, answer_of, event, fill, line, report, revenue,
};
use events::{Amount, Event, EventKind, Timestamp};
use measure::assignment::Unit;
use serde_json::Value;
use std::fmt::Write;

/// Half an hour after the offers.
const LATER: i64 = NOW.0 + 1_800_000_000;

fn metric<'r>(report: &'r Value, name: &str) -> &'r Value {
    let metrics = report["metrics"].as_array().expect("metrics");
    metrics.iter().find(|metric| metric["name"] == name).expect("the metric")
}

/// Of all customers of an arm together.
fn sum(report: &Value, name: &str, arm: &str) -> f64 {
    let n = if arm == "offers" { 800.0 } else { 200.0 };
    metric(report, name)[arm].as_f64().expect("a number") * n
}

fn headline(report: &Value) -> &str {
    report["sentences"][0].as_str().expect("text")
}

/// As [`report`], of these events and answers only.
fn report_of(desk: &Desk, events: Vec<Event>, asked: &[Asked<'_>]) -> Value {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(fill(&desk.store(), events, asked));
    desk.json(&["report", "--json"])
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
}

#[test]
fn nothing_is_earned_while_nobody_who_was_held_out_bought() {
    let desk = Desk::new();
    let is_shown = |customer: &u32| !customer.is_multiple_of(5);
    let buys = |customer| event(EventKind::Purchase, customer, "p", LATER);
    let report = report_of(&desk, (0..60).filter(is_shown).map(buys).collect(), &[]);
    assert!(report["incremental_revenue"].is_null(), "{report}");
    let expected = "10 buyers in each arm are needed; the held-out arm has 0";
    assert!(headline(&report).contains(expected), "{}", headline(&report));
    let said = metric(&report, "came back")["no_answer"].as_str();
    assert_eq!(said, Some("nobody came back yet"));
    assert_eq!(metric(&report, "margin a customer")["no_answer"], "no item has a cost");
}

#[test]
fn a_nightly_file_that_knows_dates_only_takes_no_purchase_out_of_the_trial() {
    for zone in ["UTC", "Asia/Tokyo"] {
        let desk = Desk::new();
        let before = report(&desk, Vec::new());
        // The same orders, and one that was not heard of live: 22:13 in UTC is the next day in
        // Tokyo.
        let date = if zone == "UTC" { "2023-11-14" } else { "2023-11-15" };
        let mut file =
            "order_id,item_id,quantity,price,currency,order_date,customer_id\n".to_owned();
        for customer in 0..N_CUSTOMERS {
            let price = 8 + customer / 5 % 5;
            writeln!(file, "p{customer},bread,1,{price},GBP,{date},c{customer}").expect("text");
        }
        writeln!(file, "late,bread,1,5,GBP,{date},c1").expect("text");
        let file = desk.file("night.csv", file);
        let name = file.to_str().expect("UTF-8");
        desk.json(&["import", "orders", name, "--json", "--time-zone", zone]);
        let after = desk.json(&["report", "--json"]);
        let orders = |report: &Value| sum(report, "orders a customer", "offers");
        near(orders(&after), orders(&before) + 1.0);
        let (offers, holdout) = revenue(&after);
        near(offers * 800.0, 8_005.0);
        near(holdout, 10.0);
        assert_eq!(after["doubts"], before["doubts"]);
    }
}

#[test]
fn a_purchase_of_an_offer_by_somebody_held_out_neither_caps_nor_silences() {
    let desk = Desk::new();
    let guest = Asked {
        answer: 5_000,
        at: Timestamp(NOW.0 + 1),
        unit: Unit::Session("guest"),
        is_held_out: false,
        location: None,
    };
    let buys = |customer| event(EventKind::Purchase, customer, "p", LATER);
    let mut events: Vec<Event> = (0..N_CUSTOMERS).map(buys).collect();
    let mut leak = event(EventKind::Purchase, 0, "leak", LATER);
    (leak.session_id, leak.lines) = (Some("guest".into()), vec![line(10, Some(answer_of(5_000)))]);
    events.push(leak);
    let report = report_of(&desk, events, &[guest]);
    assert_eq!((&report["n_crossers"], &report["n_holdout"]), (&1.into(), &200.into()));
    near(sum(&report, "from offers, a customer", "holdout"), 10.0);
    assert!(report["incremental_revenue"].is_object(), "{}", headline(&report));
    assert!(report["capped_at"].is_null());
}

#[test]
fn what_is_capped_is_marked_wherever_it_is_told() {
    let desk = Desk::new();
    let before = |customer| event(EventKind::Purchase, customer, "b", NOW.0 - DAY_US);
    let mut more: Vec<Event> = (0..N_CUSTOMERS).map(before).collect();
    let mut whale = event(EventKind::Purchase, 7, "whale", LATER);
    whale.lines = vec![line(1_000_000, None)];
    more.push(whale);
    let report = report(&desk, more);
    let cap = report["capped_at"].as_f64().expect("a cap");
    assert!((11.0..=12.0).contains(&cap), "{cap}");
    assert!(headline(&report).contains("This is capped"), "{}", headline(&report));
    for (name, is_capped) in [
        ("revenue a customer", true),
        ("from elsewhere, a customer", true),
        ("margin a customer", true),
        ("orders a customer", false),
        ("revenue a customer, not capped", false),
    ] {
        assert_eq!(metric(&report, name)["is_capped"], is_capped, "{name}");
    }
    let uncapped = sum(&report, "revenue a customer, not capped", "offers");
    near(uncapped, 1_008_000.0);
    let said = desk.alongside(&["report"]).assert().success().get_output().stdout.clone();
    let said = String::from_utf8(said).expect("UTF-8");
    assert!(said.contains("revenue a customer, capped"), "{said}");
}

#[test]
fn what_comes_back_takes_margin_and_pieces_with_it_and_counts_once() {
    let desk = Desk::new();
    let sale = |customer: u32, n: u32| {
        let mut sale = event(EventKind::Purchase, customer, "s", LATER);
        sale.lines = vec![line(10, None)];
        sale.lines[0].quantity = Amount::from_units(i64::from(n)).expect("small");
        sale
    };
    let refund = |customer: u32, id: &str, seconds: i64| {
        let mut back = event(EventKind::Refund, customer, id, LATER + seconds * 1_000_000);
        back.order_id = Some(format!("s{customer}"));
        back.lines = Vec::new();
        back
    };
    // No price told: one of three pieces, at what was paid for it. Then the whole order.
    let (mut one, whole) = (refund(1, "r", 1), refund(1, "w", 2));
    one.lines = vec![line(10, None)];
    one.lines[0].unit_price = None;
    // A part of the price of one piece.
    let mut some = refund(2, "r", 1);
    some.lines = vec![line(4, None)];
    let mut of_other = refund(3, "r", 1);
    of_other.lines = vec![line(10, None)];
    of_other.lines[0].item_id = "jam".to_owned();
    let file = desk.file("items.csv", "item_id,price,cost,currency\nbread,10,4,GBP\n");
    let events = vec![sale(1, 3), sale(2, 2), sale(3, 1), one, whole, some, of_other];
    report_of(&desk, events, &[]);
    desk.json(&["import", "items", file.to_str().expect("UTF-8"), "--json"]);
    let report = desk.json(&["report", "--json"]);
    near(sum(&report, "revenue a customer", "offers"), (20.0 - 4.0) + 10.0);
    // Two pieces for 16 less the one that came back, and one for 10: the cost of 2 is left.
    near(sum(&report, "margin a customer", "offers"), 26.0 - 2.0 * 4.0);
    near(metric(&report, "pieces an order")["offers"].as_f64().expect("a number"), 2.0 / 3.0);
    assert_eq!(report["doubts"]["refunds_above_sale"], 1);
    let why = metric(&report, "margin a customer")["no_answer"].as_str().expect("a reason");
    assert!(why.contains("10 buyers"), "{why}");
}

#[test]
fn days_of_tills_are_no_customers() {
    let desk = Desk::new();
    let names: Vec<String> = (0..300).map(|till| format!("till{till}")).collect();
    let day = NOW.0.div_euclid(DAY_US);
    let tills: Vec<Asked<'_>> = (0..)
        .zip(&names)
        .map(|(at, name)| Asked {
            answer: 6_000 + at,
            at: NOW,
            unit: Unit::LocationDay(name, day),
            is_held_out: at % 5 == 0,
            location: Some(name),
        })
        .collect();
    let report = report_of(&desk, Vec::new(), &tills);
    assert_eq!((&report["n_offers"], &report["n_holdout"]), (&800.into(), &200.into()));
    assert_eq!(report["doubts"]["days_of_tills"], 300);
    assert_eq!(report["placements"][0]["decisions"], 1_300);
}

fn click(customer: u32, answer: u32, at_us: i64) -> Event {
    let mut click = event(EventKind::RecommendationClick, customer, "k", at_us);
    click.event_id = format!("k{customer}-{at_us}");
    click.recommendation_id = Some(answer_of(answer));
    click
}

fn buys(customer: u32, id: &str, units: &[(i64, Option<String>)]) -> Event {
    let mut bought = event(EventKind::Purchase, customer, id, LATER);
    bought.lines = units.iter().map(|(units, origin)| line(*units, origin.clone())).collect();
    bought
}

#[test]
fn a_sale_stays_with_the_click_before_it_and_a_line_with_its_own_origin() {
    let desk = Desk::new();
    let again = Asked {
        answer: 7_000,
        at: Timestamp(LATER + 1),
        unit: Unit::Customer("c1"),
        is_held_out: false,
        location: None,
    };
    let (own, search) = (Some(answer_of(2)), Some("search".to_owned()));
    let report = report_of(
        &desk,
        vec![
            // Clicked, bought, and clicked again in a later answer.
            click(1, 1, NOW.0 + 1),
            buys(1, "s", &[(100, None)]),
            click(1, 7_000, LATER + 5_000_000),
            // One piece of the offer, one by searching, at one price and at another.
            buys(2, "s", &[(30, own.clone()), (30, search.clone())]),
            buys(2, "t", &[(5, own), (50, search)]),
        ],
        &[again],
    );
    near(report["attributed_revenue"].as_f64().expect("a number"), 100.0 + 30.0 + 5.0);
    near(sum(&report, "from elsewhere, a customer", "offers"), 30.0 + 50.0);
}

#[test]
fn an_answer_sells_what_it_held_to_whom_it_was_given() {
    let desk = Desk::new();
    // The event names an answer, which held bread and no jam.
    let mut mixed = buys(1, "s", &[(10, None), (70, None)]);
    mixed.lines[1].item_id = "jam".to_owned();
    mixed.recommendation_id = Some(answer_of(1));
    let mut jam = buys(2, "s", &[(20, Some(answer_of(2)))]);
    jam.lines[0].item_id = "jam".to_owned();
    let anothers = buys(3, "s", &[(40, Some(answer_of(1)))]);
    // Who is held out was offered nothing, whatever the record keeps.
    let held_out = buys(5, "s", &[(80, Some(answer_of(5)))]);
    let report = report_of(&desk, vec![mixed, jam, anothers, held_out], &[]);
    near(report["attributed_revenue"].as_f64().expect("a number"), 10.0);
    near(sum(&report, "from offers, a customer", "holdout"), 0.0);
    assert_eq!(report["doubts"]["lines_not_offered"], 3);
}

#[test]
fn lines_without_a_price_are_told_and_orders_of_before_are_nobodys_doubt() {
    let desk = Desk::new();
    let mut free = buys(1, "s", &[(10, None), (10, None)]);
    free.lines[0].unit_price = None;
    let mut stranger = event(EventKind::Purchase, 1, "x", NOW.0 - DAY_US);
    stranger.customer_id = Some("stranger".to_owned());
    let mut today = stranger.clone();
    (today.event_id, today.order_id) = ("y".to_owned(), Some("y".to_owned()));
    today.at = Timestamp(LATER);
    let report = report_of(&desk, vec![free, stranger, today], &[]);
    assert_eq!(report["doubts"]["lines_without_price"], 1);
    assert_eq!(report["doubts"]["orders_of_nobody"], 1);
    let said = desk.alongside(&["report"]).assert().success().get_output().stdout.clone();
    let said = String::from_utf8(said).expect("UTF-8");
    assert!(said.contains("1 line of an order has no price and counts as nothing."), "{said}");
    assert!(said.contains("1 order is of nobody in an arm."), "{said}");
}

#[test]
fn the_last_days_are_those_of_who_came_in_them() {
    let desk = Desk::new();
    let elapsed = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970");
    let yesterday = elapsed.as_micros() as i64 - DAY_US;
    let late = Asked {
        answer: 8_000,
        at: Timestamp(yesterday),
        unit: Unit::Session("late"),
        is_held_out: false,
        location: None,
    };
    let mut bought = event(EventKind::Purchase, 1, "late", yesterday + 1_000_003);
    (bought.customer_id, bought.session_id) = (None, Some("late".to_owned()));
    // Of a customer who has been in the trial for long.
    let old = event(EventKind::Purchase, 2, "old", yesterday + 2_000_003);
    report_of(&desk, vec![bought, old], &[late]);
    let report = desk.json(&["report", "--json", "--days", "3"]);
    assert_eq!((&report["n_offers"], &report["n_holdout"]), (&1.into(), &0.into()));
    assert_eq!(report["doubts"]["orders_of_nobody"], 0);
    assert_eq!(report["placements"][0]["decisions"], 1);
    assert_eq!(metric(&report, "orders a customer")["offers"], 1.0);
    assert!(
        report["sentences"][1].as_str().expect("text").contains("over 24.0 hours")
            || report["sentences"][1].as_str().expect("text").contains("over 1.0 days")
    );
}

#[test]
fn arms_of_the_wrong_size_are_all_that_is_told() {
    let desk = Desk::new();
    report(&desk, vec![buys(1, "s", &[(40, Some(answer_of(1)))])]);
    let report = desk.json(&["report", "--json", "--holdout", "5"]);
    assert_eq!(report["is_sample_ratio_alarm"], true);
    assert!(headline(&report).contains("the arms do not have"), "{}", headline(&report));
    assert_eq!(report["sentences"].as_array().expect("sentences").len(), 2);
    for list in ["metrics", "relations", "segments"] {
        assert_eq!(report[list].as_array().map(Vec::len), Some(0), "{list}");
    }
    for value in ["incremental_revenue", "attributed_revenue", "attributed_kept", "displaced"] {
        assert!(report[value].is_null(), "{value}");
    }
    let place = &report["placements"][0];
    assert_eq!((&place["decisions"], &place["held_out"]), (&1_000.into(), &200.into()));
    assert!(place["revenue"].is_null() && place["bought"].is_null());
    let said = desk.alongside(&["report", "--holdout", "5"]).assert().success();
    let said = String::from_utf8(said.get_output().stdout.clone()).expect("UTF-8");
    assert!(!said.contains("from offers"), "{said}");
}
