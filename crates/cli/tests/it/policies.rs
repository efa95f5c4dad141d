//! Policies from a file to an offer that is gone, and back.

use crate::{Desk, made_up_orders};
use serde_json::Value;

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn learned() -> Desk {
    let desk = Desk::new();
    let orders = made_up_orders(&desk, 6_000);
    desk.json(&["import", "orders", text(&orders), "--currency", "GBP", "--json"]);
    desk.json(&["learn", "--json"]);
    desk
}

fn first_at_home(desk: &Desk) -> Value {
    desk.json(&["recommend", "--json"])["items"][0].clone()
}

#[test]
fn a_policy_is_checked_applied_compared_and_taken_back() {
    let desk = learned();
    let best = first_at_home(&desk)["item_id"].as_str().expect("an offer").to_owned();
    let exclude = |id: &str| {
        format!("[[policy]]\nname = \"gone\"\nkind = \"exclude\"\nitem_ids = [\"{id}\"]\n")
    };
    let file = desk.file("shop.toml", exclude(&best));
    assert_eq!(desk.json(&["policy", "check", text(&file), "--json"])["sound"], true);
    let applied =
        desk.json(&["policy", "apply", text(&file), "--json", "--by", "anna", "--note", "sold"]);
    assert_eq!((&applied["version"], &applied["changed"]), (&1.into(), &true.into()));
    let again = desk.json(&["policy", "apply", text(&file), "--json"]);
    assert_eq!(again["changed"], false);
    let without = first_at_home(&desk);
    assert_ne!(without["item_id"], best.as_str());
    // A boost is told beside the offer.
    let second = without["item_id"].as_str().expect("an offer").to_owned();
    let boost = format!(
        "{}\n[[policy]]\nname = \"up\"\nkind = \"boost\"\nitem_ids = [\"{second}\"]\n",
        exclude("nothing")
    );
    let file = desk.file("next.toml", boost);
    assert_eq!(desk.json(&["policy", "apply", text(&file), "--json"])["version"], 2);
    let slate = desk.json(&["recommend", "--explain", "--json"]);
    assert_eq!(slate["explain"]["policy_version"], 2);
    let items = slate["items"].as_array().expect("a list");
    let boosted = items.iter().find(|item| item["item_id"] == second.as_str()).expect("offered");
    assert_eq!(boosted["policy"]["name"], "up");
    assert!(items.iter().any(|item| item["item_id"] == best.as_str()), "it is back");
    let diff = desk.alongside(&["policy", "diff"]).assert().success();
    let diff = String::from_utf8_lossy(&diff.get_output().stdout).into_owned();
    assert!(diff.contains("- item_ids") && diff.contains("+ kind = \"boost\""), "{diff}");
    assert_eq!(desk.json(&["policy", "rollback", "--json"])["version"], 1);
    assert_ne!(first_at_home(&desk)["item_id"], best.as_str());
    let log = desk.json(&["policy", "list", "--json"]);
    assert_eq!((&log["version"], &log["kind"]), (&1.into(), &"rollback".into()));
    let same = desk.json(&["policy", "log", "--json"]);
    assert_eq!((&same, &same["key"]), (&log, &Value::Null));
    let shown = desk.alongside(&["policy", "show"]).assert().success();
    assert!(String::from_utf8_lossy(&shown.get_output().stdout).contains(&best));
}

#[test]
fn what_does_not_pay_for_the_interruption_is_not_offered_and_caps_are_read() {
    let desk = learned();
    let costly = desk.file(
        "costly.toml",
        "[[placement]]\nname = \"home\"\ninterruption_cost = 1\n\n\
         [[policy]]\nname = \"often\"\nkind = \"cap\"\nat_most = 1\nwithin = \"7 days\"\n",
    );
    desk.json(&["policy", "apply", text(&costly), "--json"]);
    let slate = desk.json(&["recommend", "--json"]);
    assert_eq!(slate["items"].as_array().map(Vec::len), Some(0));
    // Nothing has a cost here, so nothing is known to be earned.
    let expected = serde_json::json!({
        "code": "interruption_cost", "expected_gain": 0, "interruption_cost": 1
    });
    assert_eq!(slate["no_offer"], expected);
    let said = desk.alongside(&["recommend"]).assert().success();
    let said = String::from_utf8_lossy(&said.get_output().stdout).into_owned();
    assert!(said.contains("expected to earn 0") && said.contains("costs 1."), "{said}");
    let told = desk.json(&["policy", "simulate", text(&costly), "--replay", "9999", "--json"]);
    assert_eq!(told["policies_never_acting"], serde_json::json!([]), "a cap is not idle: {told}");
    let bad = desk.file(
        "bad.toml",
        "[[policy]]\nname = \"often\"\nkind = \"cap\"\nat_most = 1\nwithin = \"a while\"\n",
    );
    let said = desk.refusal(&["policy", "check", text(&bad)]);
    assert!(said.contains("bad.toml:5:10") && said.contains("7 days"), "{said}");
}

#[test]
fn faults_are_told_with_their_place_and_nothing_changes() {
    let desk = learned();
    let file = desk.file(
        "bad.toml",
        "[[policy]]\nname = \"cheap\"\nkind = \"exclude\"\nitems = \"item.prise < 3\"\n",
    );
    for action in ["check", "apply"] {
        let said = desk.refusal(&["policy", action, text(&file)]);
        assert!(said.contains("bad.toml:4:10") && said.contains("`item.price`"), "{said}");
        assert!(said.contains("^^^^^^^^^^"), "{said}");
    }
    // Right by the letter, and nothing would be left.
    let all = desk.file(
        "all.toml",
        "[[policy]]\nname = \"all\"\nkind = \"exclude\"\nitems = \"item.price >= 0\"\n",
    );
    assert!(desk.refusal(&["policy", "apply", text(&all)]).contains("every item"));
    let missing = desk.path("none.toml");
    assert!(desk.refusal(&["policy", "check", text(&missing)]).contains("none.toml"));
    let binary = desk.file("binary.toml", [0xff, 0xfe]);
    assert!(desk.refusal(&["policy", "check", text(&binary)]).contains("UTF-8"));
    assert!(desk.refusal(&["policy", "rollback"]).contains("no version"));
    assert!(desk.refusal(&["policy", "show"]).contains("policy apply"));
    let none = desk.alongside(&["policy", "list"]).assert().success();
    assert!(String::from_utf8_lossy(&none.get_output().stdout).contains("No policies"));
}

#[test]
fn a_file_that_was_damaged_after_it_was_applied_offers_nothing() {
    let desk = learned();
    let file = desk
        .file("shop.toml", "[[policy]]\nname = \"x\"\nkind = \"exclude\"\nitem_ids = [\"x\"]\n");
    desk.json(&["policy", "apply", text(&file), "--json"]);
    std::fs::write(desk.store().join("policies/000001.toml"), "[[policy]").expect("written");
    let said = desk.refusal(&["recommend"]);
    assert!(said.contains("000001.toml") && said.contains("rollback"), "{said}");
}

#[test]
fn lost_policies_open_nothing_and_what_is_applied_mends_them() {
    let desk = learned();
    let best = first_at_home(&desk)["item_id"].as_str().expect("an offer").to_owned();
    let exclude = |id: &str| {
        format!("[[policy]]\nname = \"gone\"\nkind = \"exclude\"\nitem_ids = [\"{id}\"]\n")
    };
    let file = desk.file("shop.toml", exclude(&best));
    for (rules, version) in [(exclude("x"), 1), (exclude(&best), 2)] {
        std::fs::write(&file, rules).expect("written");
        let told = desk.json(&["policy", "apply", text(&file), "--json"]);
        assert_eq!(told["version"], version);
    }
    let policies = desk.store().join("policies");
    let log = policies.join("log.jsonl");
    std::fs::write(&log, "").expect("emptied");
    assert!(desk.refusal(&["recommend"]).contains("policy rollback VERSION"));
    assert!(desk.refusal(&["policy", "rollback"]).contains("it is empty"));
    assert_eq!(desk.json(&["policy", "rollback", "1", "--json"])["version"], 1);
    assert_eq!(first_at_home(&desk)["item_id"], best.as_str());
    std::fs::remove_dir_all(&policies).expect("removed");
    assert!(desk.refusal(&["recommend"]).contains("versions up to 2"));
    assert!(desk.refusal(&["policy", "list"]).contains("versions up to 2"));
    assert_eq!(desk.json(&["policy", "apply", text(&file), "--json"])["version"], 3);
    assert_ne!(first_at_home(&desk)["item_id"], best.as_str());
    let shown = desk.json(&["policy", "show", "--json"]);
    assert_eq!((&shown["version"], &shown["text"]), (&3.into(), &exclude(&best).into()));
    let diff = desk.json(&["policy", "diff", "--json"]);
    assert_eq!((&diff["from"], &diff["to"]), (&0.into(), &3.into()));
    assert_eq!(diff["lines"].as_array().map(Vec::len), Some(4), "{diff}");
}

#[test]
fn a_replay_knows_holdings_terms_and_where_no_cost_is() {
    let desk = learned();
    let simulate = |rest: &str, more: &[&str]| {
        let file = desk.file("sim.toml", format!("[[policy]]\nname = \"p\"\n{rest}\n"));
        let mut line = vec!["policy", "simulate", text(&file), "--replay", "9999", "--json"];
        line.extend(more);
        desk.json(&line)
    };
    let held = simulate(
        "kind = \"exclude\"\nwhen = \"customer.known and customer.holdings has item.id\"",
        &[],
    );
    assert_eq!(held["slates_changed"], 0, "nobody holds anything: {held}");
    assert_eq!(held["policies_unknown_per_decision"], 0.0);
    let side = &held["after"];
    assert!(side["hidden_items_found"].as_u64() > Some(0), "{held}");
    assert_eq!(side["hidden_items_without_cost"], side["hidden_items_found"]);
    assert!(side["their_margin"].is_null(), "a price is no margin");
    let stock =
        simulate("kind = \"exclude\"\nitems = \"item.stock < 1\"\nvalid_until = 2090-01-01", &[]);
    assert!(stock["policies_unknown_per_decision"].as_f64() > Some(0.5), "{stock}");
    assert_eq!(stock["after"]["offers"], 0, "of no item the stock is known");
    let advent = "kind = \"exclude\"\nitems = \"item.price >= 0\"\nvalid_from = 2089-12-01\n\
                  valid_until = 2089-12-24";
    assert_eq!(simulate(advent, &[])["after"]["offers"], 0, "as if it had begun");
    let before = simulate(advent, &["--as-of", "2089-11-30"]);
    assert_eq!(before["slates_changed"], 0, "{before}");
    assert_eq!(before["policies_never_acting"], serde_json::json!(["p"]));
    assert_eq!(simulate(advent, &["--as-of", "2089-12-05"])["after"]["offers"], 0);
}

#[test]
fn a_replay_tells_what_goes_and_what_never_acts() {
    let desk = learned();
    let before = desk.file("empty.toml", "");
    let nothing = desk.json(&["policy", "simulate", text(&before), "--replay", "9999", "--json"]);
    assert_eq!((&nothing["slates_changed"], &nothing["n_items_vanished"]), (&0.into(), &0.into()));
    assert!(nothing["before"]["offers"].as_u64() > Some(100), "{nothing}");
    let beside = desk.json(&["recommend", "--json"]);
    let ids: Vec<&str> = beside["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|item| item["item_id"].as_str())
        .collect();
    let file = desk.file(
        "shop.toml",
        format!(
            "[[policy]]\nname = \"best\"\nkind = \"exclude\"\nitem_ids = {ids:?}\n\n\
             [[policy]]\nname = \"idle\"\nkind = \"exclude\"\nitem_ids = {ids:?}\n\
             when = \"cart.lines > 1000\"\n"
        ),
    );
    let told = desk.json(&["policy", "simulate", text(&file), "--replay", "9999", "--json"]);
    assert!(told["slates_changed"].as_u64() > Some(0), "{told}");
    assert_eq!(told["policies_never_acting"], serde_json::json!(["idle"]));
    let gone: Vec<&str> = told["items_vanished"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|item| item["item_id"].as_str())
        .collect();
    assert!(!gone.is_empty() && ids.contains(&gone[0]), "{told}");
    let gained: Vec<_> = told["items_gained"].as_array().expect("a list").iter().collect();
    assert!(gained.iter().all(|item| !ids.iter().any(|id| item["item_id"] == *id)), "{told}");
    assert_eq!(desk.json(&["recommend", "--json"])["policy_version"], Value::Null);
}
