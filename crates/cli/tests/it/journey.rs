//! Orders in, offers out, and everything that keeps a store in order.

use crate::{Desk, made_up_orders};
use serde_json::Value;

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A desk with imported and learned orders.
fn learned() -> Desk {
    let desk = Desk::new();
    let orders = made_up_orders(&desk, 6_000);
    desk.json(&["import", "orders", text(&orders), "--currency", "GBP", "--json"]);
    desk.json(&["learn", "--json"]);
    desk
}

#[test]
fn orders_in_and_offers_out() {
    let desk = learned();
    let status = desk.json(&["status", "--json"]);
    assert_eq!(status["healthy"], true, "{status}");
    assert!(status["store"]["n_orders"].as_u64() > Some(1_000), "{status}");
    let home = desk.json(&["recommend", "--json"]);
    let first = home["items"][0]["item_id"].as_str().expect("something sells").to_owned();
    assert_eq!(home["fallback"], "popular");
    let beside = desk.json(&["recommend", "--item", &first, "--json"]);
    assert_eq!(beside["placement"], "pdp");
    for offer in beside["items"].as_array().expect("a list") {
        assert_ne!(offer["item_id"], Value::from(first.as_str()));
        let evidence = &offer["reason"]["evidence"];
        assert!(evidence["n_both"].as_u64() >= Some(2), "{offer}");
        assert!(evidence["lift"].as_f64() > Some(1.0), "{offer}");
        assert!(offer["price"].is_number(), "the price of the latest sale: {offer}");
        assert_eq!(offer["currency"], "GBP");
    }
    let shown = desk.alongside(&["recommend", "--item", &first, "--explain"]).assert().success();
    let shown = String::from_utf8_lossy(&shown.get_output().stdout).into_owned();
    assert!(shown.contains("complement") && shown.contains("lift"), "{shown}");
}

#[test]
fn what_was_asked_in_vain_is_told() {
    let desk = learned();
    let none = desk.alongside(&["recommend", "--count", "0"]).assert().success();
    let none = String::from_utf8_lossy(&none.get_output().stdout).into_owned();
    assert!(none.contains("--count 0") && !none.contains("evidence"), "{none}");
    let answer = desk.json(&["recommend", "--exclude", "no-such-item", "--json"]);
    assert_eq!(answer["warnings"][0]["code"], "unknown_item");
    let warning = answer["warnings"][0]["detail"].as_str().expect("a warning");
    assert!(warning.contains("`no-such-item`"), "{answer}");
    let first = answer["items"][0]["item_id"].as_str().expect("something sells");
    let without = desk.json(&["recommend", "--exclude", first, "--json"]);
    assert_ne!(without["items"][0]["item_id"], first, "{without}");
    assert_eq!(without["warnings"], serde_json::json!([]));
}

#[test]
fn the_same_file_twice_changes_nothing() {
    let desk = Desk::new();
    let orders = made_up_orders(&desk, 2_000);
    let first = desk.json(&["import", "orders", text(&orders), "--json"]);
    let known = desk.json(&["import", "orders", text(&orders), "--json"]);
    assert_eq!((&known["known_files"][0], &known["rows"]), (&text(&orders).into(), &0.into()));
    let again = desk.json(&["import", "orders", text(&orders), "--json", "--again"]);
    assert_eq!(again["orders"]["n_orders_new"], 0);
    assert_eq!(again["orders"]["n_orders_changed"], 0);
    assert_eq!(again["orders"]["n_orders_unchanged"], first["orders"]["n_orders_new"]);
    assert_eq!(again["orders"]["n_segments"], 0);
}

#[test]
fn a_later_version_of_an_order_supersedes_it() {
    let desk = Desk::new();
    let old = desk.file(
        "old.csv",
        "order_id,item_id,quantity,price,date\n1,a,1,2.00,2026-01-01\n1,b,1,3.00,2026-01-01\n",
    );
    let new = desk.file(
        "new.csv",
        "order_id,item_id,quantity,price,date\n1,a,1,2.00,2026-01-01\n1,c,2,4.00,2026-01-01\n",
    );
    desk.json(&["import", "orders", text(&old), "--json"]);
    let changed = desk.json(&["import", "orders", text(&new), "--json"]);
    assert_eq!(changed["orders"]["n_orders_changed"], 1);
    let out = desk.path("out.csv");
    desk.alongside(&["export", "orders", text(&out)]).assert().success();
    let exported = std::fs::read_to_string(&out).expect("the export");
    assert_eq!(exported.lines().count(), 3, "{exported}");
    assert!(exported.contains(",c,") && !exported.contains(",b,"), "{exported}");
}

#[test]
fn learning_twice_gives_the_same_bytes() {
    let desk = learned();
    let id = |answer: Value| {
        let id = answer["snapshot"].as_str().expect("an id").to_owned();
        id.rsplit('-').next().expect("time-content").to_owned()
    };
    let first = id(desk.json(&["learn", "--json"]));
    let second = id(desk.json(&["learn", "--json"]));
    assert_eq!(first, second);
}

#[test]
fn a_damaged_snapshot_is_named_and_the_one_before_put_in_force() {
    let desk = learned();
    let first = desk.json(&["snapshot", "list", "--json"]);
    // A different seed draws other cases: another snapshot, with a later name.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    desk.json(&["learn", "--seed", "7", "--json"]);
    let newest = desk.json(&["snapshot", "list", "--json"]);
    assert_eq!(newest["in_force"], true);
    let path = desk
        .store()
        .join("snapshots")
        .join(format!("{}.snapshot", newest["snapshot"].as_str().expect("an id")));
    let mut bytes = std::fs::read(&path).expect("the snapshot");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&path, bytes).expect("written");
    assert!(desk.refusal(&["recommend"]).contains("rollback"));
    assert!(desk.refusal(&["snapshot", "verify"]).contains("damaged"));
    let back = desk.json(&["snapshot", "rollback", "--json"]);
    assert_eq!(back["snapshot"], first["snapshot"]);
    desk.json(&["recommend", "--json"]);
}

#[test]
fn a_backup_comes_back_as_it_was() {
    let desk = learned();
    let backup = desk.path("backup");
    desk.alongside(&["backup", text(&backup)]).assert().success();
    let restored = desk.path("restored");
    desk.alongside_at(&restored, &["restore", text(&backup)]).assert().success();
    let out = |store: &std::path::Path, name: &str| {
        let file = desk.path(name);
        desk.alongside_at(store, &["export", "orders", text(&file)]).assert().success();
        std::fs::read_to_string(file).expect("the export")
    };
    assert_eq!(out(&desk.store(), "a.csv"), out(&restored, "b.csv"));
    // Never over something that is there.
    desk.alongside_at(&restored, &["restore", text(&backup)]).assert().failure();
}

#[test]
fn an_erased_customer_is_nowhere() {
    let desk = Desk::new();
    let orders = desk.file(
        "orders.csv",
        "order_id,item_id,customer_id,quantity,price,date\n\
         1,a,anna-secret,1,2.00,2026-01-01\n2,a,ben,1,2.00,2026-01-02\n",
    );
    desk.json(&["import", "orders", text(&orders), "--json"]);
    desk.alongside(&["erase", "--customer", "anna-secret"]).assert().success();
    let out = desk.path("out.csv");
    desk.alongside(&["export", "orders", text(&out)]).assert().success();
    let exported = std::fs::read_to_string(&out).expect("the export");
    assert!(!exported.contains("anna-secret"), "{exported}");
    assert!(exported.contains("ben"), "{exported}");
    assert!(desk.refusal(&["erase", "--customer", "anna-secret"]).contains("customer"));
}

#[test]
fn an_order_of_the_future_is_told_and_makes_nothing_old() {
    let desk = Desk::new();
    let mut csv = String::from("order_id,item_id,date\n");
    for order in 0..60 {
        let day = 1 + order % 28;
        csv.push_str(&format!("{order},a,2026-01-{day:02}\n{order},b,2026-01-{day:02}\n"));
    }
    let sound = desk.file("sound.csv", &csv);
    desk.json(&["import", "orders", text(&sound), "--json"]);
    let healthy = desk.json(&["status", "--json"]);
    assert_eq!(healthy["healthy"], true, "{healthy}");
    let wrong = desk.file("wrong.csv", "order_id,item_id,date\n99,c,2099-02-03\n");
    let import = desk.alongside(&["import", "orders", text(&wrong)]).assert().success();
    let told = String::from_utf8_lossy(&import.get_output().stderr).into_owned();
    assert!(told.contains("future, up to 2099-02-03"), "{told}");
    let status = desk.json(&["status", "--json"]);
    assert_eq!(status["healthy"], false);
    assert!(status["store"]["problems"][0].as_str().unwrap().starts_with("1 orders"), "{status}");
    let learned = desk.json(&["learn", "--json"]);
    let data_to = learned["provenance"]["data_to"].as_str().unwrap();
    assert!(data_to < "2099", "{learned}");
    // The day is mended: the order is replaced, and all is well.
    let mended = desk.file("mended.csv", "order_id,item_id,date\n99,c,2026-02-03\n");
    desk.json(&["import", "orders", text(&mended), "--json"]);
    assert_eq!(desk.json(&["status", "--json"])["healthy"], true);
}

#[test]
fn undated_and_dated_orders_are_learned_together() {
    let desk = Desk::new();
    let undated: String = (0..40).map(|order| format!("u{order},a\nu{order},b\n")).collect();
    let undated = desk.file("undated.csv", format!("order_id,item_id\n{undated}"));
    desk.json(&["import", "orders", text(&undated), "--json"]);
    desk.json(&["learn", "--json"]);
    let dated = desk.file("dated.csv", "order_id,item_id,date\nd1,a,2026-01-02\nd1,c,2026-01-02\n");
    desk.json(&["import", "orders", text(&dated), "--json"]);
    let learned = desk.json(&["learn", "--json"]);
    assert_eq!(learned["provenance"]["n_baskets"], 41);
    assert_eq!(learned["provenance"]["data_from"], "2026-01-02T00:00:00Z");
}

#[test]
fn fees_are_never_offered() {
    let desk = Desk::new();
    let mut csv = String::from("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice\n");
    for order in 0..60 {
        csv.push_str(&format!("{order},A1,RED MUG,1,2026-01-01 10:00:00,2.50\n"));
        csv.push_str(&format!("{order},POST,POSTAGE,1,2026-01-01 10:00:00,18.00\n"));
        if order % 2 == 0 {
            csv.push_str(&format!("{order},B2,BLUE SAUCER,1,2026-01-01 10:00:00,1.50\n"));
        }
    }
    let orders = desk.file("orders.csv", csv);
    desk.json(&["import", "orders", text(&orders), "--json"]);
    desk.json(&["learn", "--json"]);
    for args in [&["recommend", "--json"][..], &["recommend", "--item", "A1", "--json"]] {
        let answer = desk.json(args);
        assert!(!answer.to_string().contains("POST"), "{answer}");
    }
}

#[test]
fn what_is_too_old_goes_when_told() {
    let desk = Desk::new();
    let view = |id: u32, day: &str| {
        format!(
            "{{\"event_id\":\"{id}\",\"event_name\":\"view_item\",\"item_id\":\"A\",\
             \"timestamp\":\"{day}T00:00:00Z\"}}\n"
        )
    };
    let events = view(1, "2001-01-01") + &view(2, "2002-01-01") + &view(3, "2100-01-01");
    let file = desk.file("events.jsonl", events);
    desk.alongside(&["import", "events", text(&file)]).assert().success();
    let kept = desk.json(&["retain", "--keep-events", "forever", "--json"]);
    assert_eq!((&kept["events_removed"], &kept["decisions_removed"]), (&0.into(), &0.into()));
    assert_eq!(desk.json(&["retain", "--json"])["events_removed"], 2);
    assert_eq!(desk.json(&["status", "--json"])["store"]["n_events_in_tail"], 1);
}
