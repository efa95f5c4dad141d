//! What was earned, and who responds: `evaluate uplift` and `evaluate off-policy`.

use super::Desk;
use serde_json::Value;
use std::fmt::Write;

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn lines(desk: &Desk, args: &[&str]) -> Vec<Value> {
    let output = desk.alongside(args).assert().success().get_output().stdout.clone();
    let text = String::from_utf8(output).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// 3,000 customers; of those with `regular` 1, one in two more responds to `letter`, and `call`
/// does nothing.
fn experiment() -> String {
    let mut table = String::from("who;group;bought;regular;city;spent\n");
    for i in 0..3_000_u32 {
        let (regular, noise) = (i / 3 % 2, i.wrapping_mul(2_654_435_761) >> 16);
        let arm = ["control", "letter", "call"][(i % 3) as usize];
        let chance = if arm == "letter" && regular == 1 { 60 } else { 20 };
        let bought = u32::from(noise % 100 < chance);
        let city = ["Ulm", "Bonn"][(noise / 100 % 2) as usize];
        writeln!(table, "c{i};{arm};{bought};{regular};{city};{}", 9 * bought).expect("text");
    }
    table
}

const COLUMNS: [&str; 8] =
    ["--id", "who", "--arm", "group", "--outcome", "bought", "--ignore", "spent"];

#[test]
fn who_responds_is_told_where_it_can_be_and_said_so_where_not() {
    let desk = Desk::new();
    let file = desk.file("experiment.csv", experiment());
    let base = [&["evaluate", "uplift", "--data", text(&file)][..], &COLUMNS].concat();
    let found = lines(&desk, &[&base[..], &["--json"]].concat());
    assert_eq!(found.len(), 10, "five methods for two treatments");
    let of = |method: &str, case: &str| {
        let is_it = |line: &&Value| line["method"] == method && line["case"] == case;
        found.iter().find(is_it).expect("the method ran").clone()
    };
    let letter = of("alongside", "all");
    assert_eq!((&letter["treatment"], &letter["is_clear"]), (&"letter".into(), &true.into()));
    let keys = ["queries", "qini", "qini_low", "qini_high", "qini_sd", "uplift@30", "fit_s"];
    let more = ["uplift@30_low", "uplift@30_high", "p50_us", "p99_us", "qini_gain_low"];
    for key in keys.into_iter().chain(more) {
        assert!(letter[key].is_number(), "{key}: {letter}");
    }
    assert_eq!(of("alongside", "all:call")["is_clear"], false);
    let one = [&base[..], &["--treatment", "call", "--methods", "alongside"]].concat();
    let said = desk.alongside(&one).assert().success().get_output().stdout.clone();
    let said = String::from_utf8(said).expect("UTF-8");
    assert!(said.contains("Nothing can be told about who responds to call"), "{said}");
    assert!(!desk.store().exists(), "an evaluation makes no store");
}

#[test]
fn an_uplift_file_that_is_none_is_refused_with_advice() {
    let desk = Desk::new();
    let file = desk.file("experiment.csv", experiment());
    let base = ["evaluate", "uplift", "--data", text(&file)];
    assert!(desk.refusal(&["evaluate", "uplift"]).contains("--data"));
    assert!(desk.refusal(&base).contains("no column visit; it has who, group"));
    let leaky = [&base[..], &COLUMNS, &["--treatment", "fax"]].concat();
    assert!(desk.refusal(&leaky).contains("fax"));
    let unknown = [&base[..], &COLUMNS, &["--methods", "magic"]].concat();
    assert!(desk.refusal(&unknown).contains("t_logistic"));
    let silent = desk.file("silent.csv", experiment().replace(";1;", ";0;"));
    let silent = [&["evaluate", "uplift", "--data", text(&silent)][..], &COLUMNS].concat();
    assert!(desk.refusal(&silent).contains("learning needs 10"));
    let folder = desk.path("");
    assert!(desk.refusal(&["evaluate", "uplift", "--data", text(&folder)]).contains("read"));
}

/// A log of three items; the third, shown once in ten times, is clicked most.
fn log(n: u32) -> String {
    let mut table = String::from("item_id,click,propensity_score\n");
    for i in 0..n {
        let (item, chance) =
            [("a", 0.5), ("b", 0.4), ("c", 0.1)][[0, 1, 0, 1, 0, 1, 0, 1, 0, 2][(i % 10) as usize]];
        let every = if item == "c" { 5 } else { 20 };
        writeln!(table, "{item},{},{chance}", u32::from(i / 10 % every == 0)).expect("text");
    }
    table
}

#[test]
fn another_policy_is_judged_or_the_reason_is_told() {
    let desk = Desk::new();
    let long = desk.file("long.csv", log(10_000));
    let found = lines(&desk, &["evaluate", "off-policy", "--data", text(&long), "--json"]);
    assert_eq!(found.len(), 4);
    // (.05 + .05 + .2)/3
    for line in &found {
        let value = line["value"].as_f64().expect("a number");
        assert!((value - 0.1).abs() < 0.01, "{line}");
        assert!(line["value_low"].as_f64() < Some(0.1) && line["value_high"].as_f64() > Some(0.1));
    }
    let short = desk.file("short.csv", log(100));
    let found = lines(&desk, &["evaluate", "off-policy", "--data", text(&short), "--json"]);
    assert!(found.iter().all(|line| line["value"].is_null()));
    assert!(found[0]["refused"].as_str().is_some_and(|why| why.contains("200 are needed")));
    let said = desk.alongside(&["evaluate", "off-policy", "--data", text(&short)]);
    let said = { said }.assert().success().get_output().stdout.clone();
    assert!(String::from_utf8(said).expect("UTF-8").contains("Cannot know: "));
    let other = ["evaluate", "off-policy", "--data", text(&long), "--policy-from", text(&short)];
    let found = lines(&desk, &[&other[..], &["--json"]].concat());
    assert!(found[0]["approximate"] == true && found[0]["observed"].is_number(), "{}", found[0]);
}

#[test]
fn a_log_that_is_none_is_refused_with_advice() {
    let desk = Desk::new();
    let refused = |content: &str| {
        let file = desk.file("log.csv", content);
        desk.refusal(&["evaluate", "off-policy", "--data", text(&file)])
    };
    assert!(refused("item_id,click\na,1\n").contains("no column propensity_score"));
    assert!(refused("item_id,click,propensity_score\na,1,0\n").contains("row 1: the chance 0"));
    assert!(refused("item_id,click,propensity_score\na,,1\n").contains("column click must hold"));
    assert!(refused("").contains("no rows"));
    let folder = desk.path("");
    let refusal = desk.refusal(&["evaluate", "off-policy", "--data", text(&folder)]);
    assert!(refusal.contains("random_NAME"), "{refusal}");
    let missing = desk.path("missing.csv");
    assert!(desk.refusal(&["evaluate", "off-policy", "--data", text(&missing)]).contains("open"));
}

/// 1,000 customers, a fifth held out. Everybody buys for 10; half of those with offers buy an offer
/// for 6 as well, and one in ten of those sends it back.
async fn trial(dir: &std::path::Path) {
    use events::event::EventLine;
    use events::{Amount, Event, EventKind, Timestamp};
    use history::{Assignment, DecisionRecord, OpenMode, Store};
    use measure::assignment::{Unit, key_of};

    let store = Store::open(dir, OpenMode::Create).await.expect("a new store");
    let key = key_of(&store.store_id().await.expect("a name"));
    let (log, decisions) = (store.event_log().expect("open"), store.decision_log().expect("open"));
    let now = Timestamp(1_700_000_000_000_000);
    let mut events = Vec::new();
    for i in 0..1_000_u32 {
        let customer = format!("c{i}");
        let is_held_out = i % 5 == 0;
        // 23 digits, as the service names its answers.
        let answer = format!("01hf{i:019}");
        let placement = "{\"asked\":{\"placement\":\"pdp\"},\"offers\":[{\"item_id\":\"jam\"}]";
        let variant = if is_held_out { ",\"variant\":\"holdout\"}" } else { "}" };
        assert!(decisions.push(DecisionRecord {
            recommendation_id: answer.clone(),
            at: now,
            customer_idx: None,
            assignment: Some(Assignment { unit: Unit::Customer(&customer).id(key).0, is_held_out }),
            payload: format!("{placement}{variant}").into_bytes(),
        }));
        let takes = !is_held_out && i % 2 == 0;
        let line = |item: &str, units: i64, origin: Option<&String>| EventLine {
            item_id: item.to_owned(),
            quantity: Amount::ONE,
            unit_price: Amount::from_units(units),
            origin: origin.cloned(),
        };
        let event = |id: &str, kind, lines| Event {
            event_id: format!("{id}{i}"),
            kind,
            at: Timestamp(now.0 + 60_000_000),
            customer_id: Some(customer.clone()),
            session_id: None,
            order_id: Some(format!("o{i}")),
            source: "shop".to_owned(),
            currency: events::Currency::parse("GBP"),
            location_id: None,
            recommendation_id: None,
            lines,
            confirmed: true,
        };
        // What a customer spends differs from one to the next: the same in both arms.
        let mut lines = vec![line("bread", i64::from(8 + i / 5 % 5), None)];
        lines.extend(takes.then(|| line("jam", 6, Some(&answer))));
        events.push(event("p", EventKind::Purchase, lines));
        if takes && i % 20 == 2 {
            events.push(event("r", EventKind::Refund, vec![line("jam", 6, None)]));
        }
    }
    log.append(events).await.expect("stored");
    decisions.flush().await;
    store.close().await;
}

#[test]
fn what_the_offers_earned_is_told_net_of_what_came_back() {
    let desk = Desk::new();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(trial(&desk.store()));
    let report = desk.json(&["report", "--holdout", "20", "--json"]);
    assert_eq!((&report["n_offers"], &report["n_holdout"]), (&800.into(), &200.into()));
    let number = |value: &Value| value.as_f64().expect("a number");
    let metric = |name: &str| {
        let all = report["metrics"].as_array().expect("metrics").iter();
        all.clone().find(|metric| metric["name"] == name).expect("the metric").clone()
    };
    // 400 take the offer, 50 of them send it back: 350 × 6 over 800 customers.
    let from_offers = metric("from offers, a customer");
    assert!((number(&from_offers["offers"]) - 350.0 * 6.0 / 800.0).abs() < 1e-9, "{from_offers}");
    assert_eq!(number(&from_offers["holdout"]), 0.0);
    assert!((number(&metric("revenue a customer")["holdout"]) - 10.0).abs() < 1e-9);
    let earned = &report["incremental_revenue"];
    assert!((number(&earned["value"]) - 2_100.0).abs() < 1e-6, "{earned}");
    assert!(number(&earned["low"]) > 0.0, "{earned}");
    assert_eq!(number(&report["attributed_revenue"]), 2_400.0);
    assert_eq!(number(&report["attributed_kept"]), 2_100.0);
    let place = &report["placements"][0];
    assert_eq!((&place["placement"], &place["decisions"]), (&"pdp".into(), &1_000.into()));
    assert_eq!((&place["held_out"], &place["bought"]), (&200.into(), &400.into()));
    assert!(report["sentences"][0].as_str().expect("text").starts_with("The offers earned 2,100"));
    // Arms that are not what was promised are not compared.
    let wrong = desk.json(&["report", "--holdout", "5", "--json"]);
    assert!(wrong["incremental_revenue"].is_null());
    assert!(wrong["sentences"][0].as_str().expect("text").contains("the arms do not have"));
}

#[test]
fn without_a_holdout_the_report_says_how_to_begin() {
    let desk = Desk::new();
    desk.alongside(&["report"]).assert().failure();
    let orders = desk.file("orders.csv", "order_id,item_id\n1,a\n");
    desk.alongside(&["import", "orders", text(&orders)]).assert().success();
    let report = desk.json(&["report", "--json"]);
    let said = report["sentences"][0].as_str().expect("text");
    assert!(said.starts_with("Nothing can be told yet"), "{said}");
    let refusal = desk.refusal(&["report", "--holdout", "0"]);
    assert!(refusal.contains("percent above 0"), "{refusal}");
}
