//! What was held out, and when: a report holds the arms to what each customer was promised.

use super::Desk;
use super::doubts::{DAY_US, NOW, report};
use events::Timestamp;
use history::{Assignment, DecisionRecord, OpenMode, Store};
use measure::assignment::{Unit, key_of};
use serde_json::Value;

fn remember(desk: &Desk, share: f64, at: Timestamp) {
    let told = async {
        let store = Store::open(&desk.store(), OpenMode::ReadWrite).await.expect("the store");
        store.set_holdout_share(share, at).await.expect("remembered");
        store.close().await;
    };
    tokio::runtime::Runtime::new().expect("a runtime").block_on(told);
}

/// Visits beyond the customers, one of `one_of` held out.
fn visits(desk: &Desk, at: Timestamp, (n, one_of): (u32, u32)) {
    let asked = async {
        let store = Store::open(&desk.store(), OpenMode::ReadWrite).await.expect("the store");
        let key = key_of(&store.store_id().await.expect("a name"));
        let decisions = store.decision_log().expect("open");
        for visit in 0..n {
            let unit = Unit::Session(&format!("v{visit}")).id(key).0;
            let is_held_out = visit % one_of == 0;
            assert!(decisions.push(DecisionRecord {
                recommendation_id: format!("01hg{visit:019}"),
                at,
                customer_idx: None,
                assignment: Some(Assignment { unit, is_held_out }),
                payload: b"{\"asked\":{\"placement\":\"pdp\"},\"offers\":[]}".to_vec(),
            }));
        }
        decisions.flush().await;
        store.close().await;
    };
    tokio::runtime::Runtime::new().expect("a runtime").block_on(asked);
}

fn is_alarm(report: &Value) -> bool {
    report["is_sample_ratio_alarm"].as_bool().expect("a flag")
}

#[test]
fn a_share_that_changed_is_no_alarm_and_compares_nobody_across_the_change() {
    let desk = Desk::new();
    assert!(!is_alarm(&report(&desk, Vec::new())));
    let later = Timestamp(NOW.0 + 5 * DAY_US);
    remember(&desk, 0.05, later);
    let before = desk.json(&["report", "--json"]);
    assert!(!is_alarm(&before), "nobody was assigned under the new share");
    assert_eq!(before["holdout"][0]["percent"], 20.0);
    assert_eq!(before["holdout"][1]["since"], later.to_string());
    visits(&desk, Timestamp(later.0 + 1), (2_000, 20));
    let after = desk.json(&["report", "--json"]);
    assert!(!is_alarm(&after), "{after}");
    assert_eq!((&after["n_offers"], &after["n_holdout"]), (&2_700.into(), &300.into()));
    // The visits bought nothing. Within each period both arms are alike; across them the held-out
    // arm would be ahead, for two thirds of it came early.
    let revenue = &after["metrics"][0];
    let [offers, holdout] = ["offers", "holdout"].map(|arm| revenue[arm].as_f64().expect("one"));
    assert!((offers - holdout).abs() < 0.01 && (offers - 10.0 / 3.0).abs() < 0.1, "{revenue}");
    let said = desk.alongside(&["report"]).assert().success().get_output().stdout.clone();
    let said = String::from_utf8(said).expect("UTF-8");
    assert!(said.contains("20 % were held out, 5 % since"), "{said}");
    assert!(is_alarm(&desk.json(&["report", "--json", "--holdout", "5"])), "one share for all");
}

#[test]
fn who_was_held_out_with_everybody_is_told_and_not_compared() {
    let desk = Desk::new();
    report(&desk, Vec::new());
    let later = Timestamp(NOW.0 + DAY_US);
    remember(&desk, 1.0, later);
    visits(&desk, later, (300, 1));
    let report = desk.json(&["report", "--json"]);
    assert!(!is_alarm(&report), "{report}");
    assert_eq!((&report["n_not_compared"], &report["n_holdout"]), (&300.into(), &500.into()));
    assert!((report["metrics"][0]["holdout"].as_f64().expect("a number") - 10.0).abs() < 1e-6);
    let desk = Desk::new();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = Store::open(&desk.store(), OpenMode::Create).await.expect("a new store");
        store.close().await;
    });
    remember(&desk, 0.0, NOW);
    let told = desk.json(&["report", "--json"]);
    let first = told["sentences"][0].as_str().expect("text");
    assert!(first.contains("nobody is held out"), "{first}");
    remember(&desk, 1.0, Timestamp(NOW.0 + 1));
    visits(&desk, later, (300, 1));
    let told = desk.json(&["report", "--json"]);
    let first = told["sentences"][0].as_str().expect("text");
    assert!(first.starts_with("Nothing can be told: at no time"), "{first}");
}

#[test]
fn many_days_are_all_days_and_none_are_refused() {
    let desk = Desk::new();
    let all = report(&desk, Vec::new());
    for days in ["106751992", "4294967295"] {
        let told = desk.json(&["report", "--json", "--days", days]);
        assert_eq!(told["n_offers"], all["n_offers"], "{days}");
        desk.alongside(&["decisions", "list", "--days", days]).assert().success();
    }
    for (flag, value) in [("--days", "0"), ("--window", "0")] {
        let why = desk.refusal(&["report", flag, value]);
        assert!(why.contains(flag), "{why}");
    }
}

#[test]
fn one_large_buyer_among_new_customers_is_capped_by_both_arms() {
    let desk = Desk::new();
    let mut whale = super::doubts::event(events::EventKind::Purchase, 7, "whale", NOW.0 + DAY_US);
    whale.lines = vec![super::doubts::line(1_000_000, None)];
    let report = report(&desk, vec![whale]);
    let cap = report["capped_at"].as_f64().expect("a cap, though nobody bought before");
    assert!((11.0..=12.0).contains(&cap), "{cap}");
    assert!(report["incremental_revenue"].is_object(), "{report}");
    let method = report["method"].to_string();
    assert!(method.contains("of who bought in either arm"), "{method}");
}
