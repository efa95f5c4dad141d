//! `alongside experiment`: from a file to results, and what stops by itself.

use super::Desk;
use serde_json::Value;
use std::path::Path;

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

const FILE: &str = "name = 'quiet'\nlayer = 'pages'\nplacements = ['pdp']\n[[variant]]\n\
                    name = 'usual'\n[[variant]]\nname = 'nothing'\noffers = false\n[[variant]]\n\
                    name = 'many'\ncount = 9\n";

/// What one customer of a variant does.
struct Habit {
    variant: &'static str,
    buys: bool,
    spends: i64,
    took_us: u64,
}

/// 2,400 customers, a third in each variant: in `nothing` a third of them orders, else all.
async fn live(dir: &Path) {
    use super::doubts::{event, line};
    use events::{Event, EventKind, Timestamp};
    use history::{DecisionRecord, OpenMode, Store};
    use measure::assignment::{Unit, key_of};

    let store = Store::open(dir, OpenMode::Create).await.expect("a store");
    let key = key_of(&store.store_id().await.expect("a name"));
    let (log, decisions) = (store.event_log().expect("open"), store.decision_log().expect("open"));
    let now = Timestamp(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970")
            .as_micros() as i64,
    );
    let mut events = Vec::new();
    for i in 0..2_400_u32 {
        let spends = i64::from(8 + i / 3 % 5);
        let habit = match i % 3 {
            0 => Habit { variant: "usual", buys: true, spends, took_us: 300 },
            1 => Habit { variant: "nothing", buys: i % 9 == 1, spends, took_us: 310 },
            _ => Habit { variant: "many", buys: true, spends: spends + 3, took_us: 320 },
        };
        let customer = format!("c{i}");
        let unit = Unit::Customer(&customer).id(key).0;
        let took = habit.took_us + u64::from(i / 3 % 7);
        let payload = format!(
            "{{\"asked\":{{\"placement\":\"pdp\"}},\"experiments\":[[\"other\",\"x\"],\
             [\"quiet\",\"{}\"]],\"unit\":{unit},\"took_us\":{took},\"offers\":[]}}",
            habit.variant
        );
        assert!(decisions.push(DecisionRecord {
            recommendation_id: format!("01hf{i:019}"),
            at: now,
            customer_idx: None,
            assignment: None,
            payload: payload.into_bytes(),
        }));
        if habit.buys {
            events.push(Event {
                lines: vec![line(habit.spends, None)],
                ..event(EventKind::Purchase, i, "p", now.0 + 1_000)
            });
        }
    }
    log.append(events).await.expect("stored");
    decisions.flush().await;
    store.close().await;
}

fn metric<'a>(contrast: &'a Value, name: &str) -> &'a Value {
    let all = contrast["metrics"].as_array().expect("metrics");
    all.iter().find(|metric| metric["name"] == name).expect("the metric")
}

#[test]
fn what_harms_is_found_and_stopped_and_what_helps_can_win() {
    let desk = Desk::new();
    let file = desk.file("quiet.toml", FILE);
    assert!(desk.refusal(&["experiment", "list"]).contains("holds no store"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let orders = desk.file("orders.csv", "order_id,item_id\n1,a\n");
    desk.alongside(&["import", "orders", text(&orders)]).assert().success();
    let created = desk.json(&["experiment", "create", text(&file), "--by", "anna", "--json"]);
    assert_eq!(created["phase"], "created");
    let refusal = desk.refusal(&["experiment", "results", "quiet"]);
    assert!(refusal.contains("experiment start quiet"), "{refusal}");
    // Under cron nobody says who it is.
    let start = &["experiment", "start", "quiet", "--json"];
    desk.alongside(start).env_remove("USER").assert().success();
    let log = &desk.json(&["experiment", "show", "quiet", "--json"])["log"];
    assert_eq!(log[1]["by"], "unknown");
    runtime.block_on(live(&desk.store()));
    let found = desk.json(&["experiment", "results", "quiet", "--json"]);
    assert_eq!(found["is_sample_ratio_alarm"], false);
    assert!(found["sentences"][0].is_string(), "{found}");
    let units: Vec<_> =
        found["arms"].as_array().expect("arms").iter().map(|a| &a["n_units"]).collect();
    assert_eq!(units, [800, 800, 800]);
    let [nothing, many] = [&found["contrasts"][0], &found["contrasts"][1]];
    let ordered = &metric(nothing, "ordered at all")["difference"];
    assert!((ordered["value"].as_f64().expect("a number") + 2.0 / 3.0).abs() < 0.01, "{ordered}");
    let more = &metric(many, "revenue a customer")["difference"];
    assert!((more["value"].as_f64().expect("a number") - 3.0).abs() < 1e-6, "{more}");
    assert!(more["low"].as_f64() > Some(0.0), "{more}");
    assert_eq!(nothing["breaches"].as_array().expect("a list").len(), 2, "{nothing}");
    let said = desk.alongside(&["experiment", "results", "quiet"]).assert().success();
    let said = String::from_utf8(said.get_output().stdout.clone()).expect("UTF-8");
    assert!(said.contains("nothing does harm: orders at all"), "{said}");
    assert!(said.contains("many earns 3.00 more a customer than usual"), "{said}");
    // The guardrail stops the variant that harms, and that one alone.
    let stopped = desk.json(&["experiment", "guard", "--json"]);
    assert_eq!(stopped["stopped"].as_array().expect("a list").len(), 1, "{stopped}");
    let shown = desk.json(&["experiment", "show", "quiet", "--json"]);
    assert_eq!(
        (&shown["phase"], &shown["stopped_variants"][0]),
        (&"running".into(), &"nothing".into())
    );
    assert_eq!(shown["log"][2]["by"], "guardrail");
    assert!(
        desk.json(&["experiment", "guard", "--json"])["stopped"]
            .as_array()
            .expect("a list")
            .is_empty()
    );
    let won = desk.json(&["experiment", "winner", "quiet", "many", "--json"]);
    assert_eq!((&won["phase"], &won["winner"]), (&"won".into(), &"many".into()));
}

const TWO: &str = "name = 'steps'\n[[variant]]\nname = 'usual'\n[[variant]]\nname = 'longer'\n";
const HOUR_US: i64 = 3_600_000_000;

/// 1,600 visits of three days ago that order once each, all of them. Of 'usual' one in four began a
/// checkout before that which led nowhere, of 'longer' three in four.
async fn checkouts(dir: &Path) {
    use super::doubts::{event, line};
    use events::{Event, EventKind, Timestamp};
    use history::{DecisionRecord, OpenMode, Store};
    use measure::assignment::{Unit, key_of};

    let store = Store::open(dir, OpenMode::Create).await.expect("a store");
    let key = key_of(&store.store_id().await.expect("a name"));
    let (log, decisions) = (store.event_log().expect("open"), store.decision_log().expect("open"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now_us = now.expect("after 1970").as_micros() as i64 - 72 * HOUR_US;
    let at =
        |us| experiment::Signature { at: Timestamp(us), by: String::new(), note: String::new() };
    let experiments = experiment::ExperimentDir::in_dir(dir);
    let definition = experiment::Definition::read(TWO, &[]).expect("sound");
    experiments.create(definition, &at(now_us - 2)).expect("created");
    experiments.start("steps", &at(now_us - 1)).expect("started");
    let mut events = Vec::new();
    for i in 0..1_600_u32 {
        let visit = format!("s{i}");
        let (variant, breaks) =
            if i % 2 == 0 { ("usual", i % 8 < 2) } else { ("longer", i % 8 > 2) };
        let unit = Unit::Session(&visit).id(key).0;
        let payload = format!(
            "{{\"asked\":{{\"placement\":\"cart\"}},\"experiments\":[[\"steps\",\"{variant}\"]],\
             \"unit\":{unit},\"took_us\":{},\"offers\":[]}}",
            300 + i % 7
        );
        assert!(decisions.push(DecisionRecord {
            recommendation_id: format!("01hf{i:019}"),
            at: Timestamp(now_us),
            customer_idx: None,
            assignment: None,
            payload: payload.into_bytes(),
        }));
        let mut add = |kind: EventKind, after_hours: i64| {
            let at_us = now_us + after_hours * HOUR_US;
            events.push(Event {
                event_id: format!("{kind:?}{i} {after_hours}"),
                customer_id: None,
                session_id: Some(visit.clone()),
                order_id: (kind == EventKind::Purchase).then(|| format!("o{i}")),
                lines: vec![line(i64::from(8 + i / 2 % 5), None)],
                ..event(kind, i, "", at_us)
            });
        };
        if breaks {
            add(EventKind::BeginCheckout, 1);
        }
        add(EventKind::BeginCheckout, 30);
        // Begun again: the same checkout.
        add(EventKind::BeginCheckout, 31);
        add(EventKind::Purchase, 32);
    }
    log.append(events).await.expect("stored");
    decisions.flush().await;
    store.close().await;
}

#[test]
fn a_variant_in_which_checkouts_break_off_is_stopped_though_as_many_order() {
    let desk = Desk::new();
    let orders = desk.file("orders.csv", "order_id,item_id\n1,a\n");
    desk.alongside(&["import", "orders", text(&orders)]).assert().success();
    tokio::runtime::Runtime::new().expect("a runtime").block_on(checkouts(&desk.store()));
    let found = desk.json(&["experiment", "results", "steps", "--json"]);
    let longer = &found["contrasts"][0];
    let completed = metric(longer, "checkouts completed, of those begun");
    for (arm, share) in [("offers", 800.0 / 1_400.0), ("holdout", 0.8)] {
        let found = completed[arm].as_f64().expect("a share");
        assert!((found - share).abs() < 1e-9, "{completed}");
    }
    let breaches = longer["breaches"].as_array().expect("a list");
    assert_eq!(breaches.len(), 1, "{longer}");
    assert!(breaches[0].as_str().expect("text").starts_with("checkouts completed"), "{longer}");
    let stopped = desk.json(&["experiment", "guard", "--json"]);
    assert!(stopped["stopped"][0].as_str().expect("text").contains("longer was stopped"));
}

#[test]
fn faults_are_told_with_what_to_do() {
    let desk = Desk::new();
    let orders = desk.file("orders.csv", "order_id,item_id\n1,a\n");
    desk.alongside(&["import", "orders", text(&orders)]).assert().success();
    for (content, told) in [
        ("name = 'x'\n", "variant"),
        (&FILE.replace("'pdp'", "'porch'"), "call_center"),
        (&FILE.replace("count = 9", "policy_version = 7"), "no version 7"),
    ] {
        let file = desk.file("bad.toml", content);
        let refusal = desk.refusal(&["experiment", "create", text(&file)]);
        assert!(refusal.contains(told), "{refusal}");
    }
    assert!(desk.refusal(&["experiment", "start", "x"]).contains("experiment list"));
    let file = desk.file("quiet.toml", FILE);
    desk.alongside(&["experiment", "create", text(&file)]).assert().success();
    // An experiment of no length, without anybody: nothing can be told, and it says why.
    desk.alongside(&["experiment", "start", "quiet"]).assert().success();
    desk.alongside(&["experiment", "stop", "quiet"]).assert().success();
    let found = desk.json(&["experiment", "results", "quiet", "--json"]);
    let why = found["contrasts"][0]["metrics"][0]["no_answer"].as_str().expect("a reason");
    assert!(why.contains("0 treated and 0 other"), "{why}");
}
