//! `alongside tune` and what `learn` makes of it.

use crate::{Desk, made_up_orders};
use serde_json::Value;

fn shop(rows: u32) -> Desk {
    let desk = Desk::new();
    let orders = made_up_orders(&desk, rows);
    desk.json(&["import", "orders", orders.to_str().expect("UTF-8"), "--json"]);
    desk
}

fn trials(desk: &Desk) -> usize {
    let study = std::fs::read_to_string(desk.store().join("tuning/study.jsonl"));
    study.expect("a study").lines().count() - 1
}

#[test]
fn a_study_is_made_gone_on_with_and_used() {
    let desk = shop(8_000);
    assert!(!desk.json(&["learn", "--json"])["provenance"].to_string().contains("tuned in"));
    let first = desk.json(&["tune", "--budget", "1", "--json"]);
    assert_eq!((&first["trials"], &first["done"]), (&Value::from(1), &Value::from(false)));
    assert_eq!(first["changes"], serde_json::json!({}));
    // The same study, two trials further; what was tried is not tried again.
    let output = desk.alongside(&["tune", "--budget", "2", "--json"]).assert().success();
    let said = String::from_utf8(output.get_output().stdout.clone()).expect("UTF-8");
    let lines: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let [second, third, chosen] = lines.as_slice() else { panic!("three lines: {said}") };
    assert_eq!((&second["trial"], &third["trial"]), (&Value::from(2), &Value::from(3)));
    assert_eq!(chosen["trials"], 3);
    assert_eq!(trials(&desk), 3);
    let tuned = desk.json(&["learn", "--json"])["provenance"]["parameters"]["tuned"].clone();
    assert!(tuned.as_str().is_some_and(|tuned| tuned.starts_with("tuned in 3 trials")), "{tuned}");
    let untuned = desk.json(&["learn", "--untuned", "--json"]);
    assert_eq!(untuned["provenance"]["parameters"]["tuned"], Value::Null);
}

#[test]
fn what_tuning_chose_is_what_is_learned_unless_told_otherwise() {
    let desk = shop(8_000);
    desk.json(&["tune", "--budget", "1", "--json"]);
    let path = desk.store().join("tuning/chosen.json");
    let text = std::fs::read_to_string(&path).expect("what was chosen");
    let mut chosen: Value = serde_json::from_str(&text).expect("JSON");
    chosen["values"]["ease.lambda"] = Value::from(5.0);
    std::fs::write(&path, chosen.to_string()).expect("room");
    let of = |more: &[&str]| {
        let mut args = vec!["learn", "--without", "ranker", "--json"];
        args.extend(more);
        desk.json(&args)["provenance"]["parameters"]["ease.parameters"].to_string()
    };
    assert!(of(&[]).contains("lambda 5,"));
    assert!(of(&["--lambda", "7"]).contains("lambda 7,"));
    assert!(!of(&["--untuned"]).contains("lambda 5,"));
    std::fs::write(&path, "{}").expect("room");
    let said = desk.refusal(&["learn"]);
    assert!(said.contains("chosen.json") && said.contains("--untuned"), "{said}");
}

#[test]
fn too_few_orders_or_no_budget_are_refused() {
    let desk = shop(300);
    let said = desk.refusal(&["tune", "--budget", "1"]);
    assert!(said.contains("too few to tune on"), "{said}");
    let said = desk.refusal(&["tune", "--budget", "soon"]);
    assert!(said.contains("30m"), "{said}");
    assert!(!desk.store().join("tuning").exists());
}
