//! What is printed for people and machines: the same names everywhere, nothing left unsaid.

use crate::{Desk, made_up_orders};
use serde_json::Value;
use service::wire::RecommendAnswer;
use std::path::Path;

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn stdout(desk: &Desk, args: &[&str]) -> String {
    let output = desk.alongside(args).assert().success().get_output().stdout.clone();
    String::from_utf8(output).expect("UTF-8")
}

/// The shape of the HTTP answer, which has an id where this has null.
fn slate(mut answer: Value) -> RecommendAnswer {
    assert!(answer["recommendation_id"].take().is_null(), "no record is kept: {answer}");
    answer["recommendation_id"] = "R".into();
    serde_json::from_value(answer).expect("the shape of the wire")
}

/// Tea and milk are bought together, salt and pepper are not.
fn tea_and_milk(desk: &Desk) {
    let mut csv = String::from("order_id,item_id,customer_id,quantity,price,date\n");
    for order in 0..80 {
        let day = 1 + order % 28;
        let pair = if order % 2 == 0 { ["tea", "milk"] } else { ["salt", "pepper"] };
        for item in pair {
            csv.push_str(&format!("{order},{item},c{},1,2.05,2026-01-{day:02}\n", order % 9));
        }
    }
    let orders = desk.file("orders.csv", csv);
    desk.json(&["import", "orders", text(&orders), "--currency", "GBP", "--json"]);
    desk.json(&["learn", "--json"]);
}

#[test]
fn recommend_speaks_the_words_of_the_wire() {
    let desk = Desk::new();
    tea_and_milk(&desk);
    let told = slate(desk.json(&["recommend", "--item", "tea", "--json", "--explain"]));
    let offer = &told.items[0];
    assert_eq!((offer.item_id.as_str(), offer.price), ("milk", Some(2.05)));
    assert_eq!(offer.currency.as_deref(), Some("GBP"));
    let evidence = offer.reason.evidence.as_ref().expect("a pair");
    assert_eq!((evidence.anchor_item_id.as_str(), evidence.n_both), ("tea", 40));
    assert_eq!(evidence.n_orders, 80);
    assert!(told.explain.expect("asked for").n_eligible > 0);
    let orders = desk.path("orders.csv");
    let pairs = desk.json(&["pairs", text(&orders), "--json"]);
    assert_eq!((&pairs["n_orders"], &pairs["top"][0]["n_both"]), (&80.into(), &40.into()));
    assert!(pairs["top"][0]["anchor_item_id"].is_string(), "{pairs}");
}

#[test]
fn what_was_bought_since_the_snapshot_is_not_offered_again() {
    let desk = Desk::new();
    tea_and_milk(&desk);
    let ask = || {
        let args = ["recommend", "--item", "tea", "--customer", "c1", "--json", "--explain"];
        let slate = slate(desk.json(&args));
        let n_since = slate.explain.expect("asked for").n_bought_since;
        (slate.items.iter().any(|offer| offer.item_id == "milk"), n_since)
    };
    assert_eq!(ask(), (true, 0));
    let event = |id: &str, name: &str| {
        format!(
            "{{\"event_id\":\"{id}\",\"event_name\":\"{name}\",\"customer_id\":\"c1\",\
             \"order_id\":\"o-1\",\"item_id\":\"milk\",\"timestamp\":\"2026-02-01T00:00:00Z\"}}\n"
        )
    };
    let bought = desk.file("bought.jsonl", event("e1", "purchase"));
    desk.alongside(&["import", "events", text(&bought)]).assert().success();
    assert_eq!(ask(), (false, 1));
    let back = desk.file("back.jsonl", event("e2", "refund"));
    desk.alongside(&["import", "events", text(&back)]).assert().success();
    assert_eq!(ask(), (true, 0));
}

#[test]
fn a_re_order_says_how_often_and_a_live_order_counts_at_once() {
    let desk = Desk::new();
    tea_and_milk(&desk);
    let ask = || slate(desk.json(&["recommend", "--customer", "c1", "--json"]));
    let before = ask();
    let offer = before.items.iter().find(|offer| offer.item_id == "salt").expect("a re-order");
    assert_eq!(
        (offer.relation.as_str(), offer.reason.code.as_str()),
        ("replenish", "bought_before")
    );
    let rebuy = offer.reason.rebuy.as_ref().expect("known");
    // c1: orders 1, 10, 19 … 73, the odd ones with salt.
    assert_eq!((rebuy.n_bought, rebuy.n_orders), (5, 9));
    assert_eq!(offer.reason.text, "You bought this in 5 of your 9 orders.");
    let event = "{\"event_id\":\"e1\",\"event_name\":\"purchase\",\"customer_id\":\"c1\",\
                 \"order_id\":\"o-1\",\"item_id\":\"tea\",\
                 \"timestamp\":\"2026-02-01T00:00:00Z\"}\n";
    let bought = desk.file("bought.jsonl", event);
    desk.alongside(&["import", "events", text(&bought)]).assert().success();
    let after = ask();
    assert!(!after.items.iter().any(|offer| offer.item_id == "tea"), "it rests");
    let offer = after.items.iter().find(|offer| offer.item_id == "salt").expect("still there");
    assert_eq!(offer.reason.rebuy.as_ref().map(|rebuy| rebuy.n_orders), Some(10));
}

#[test]
fn live_orders_are_in_the_figures_of_status() {
    let desk = Desk::new();
    tea_and_milk(&desk);
    let event = "{\"event_id\":\"e1\",\"event_name\":\"purchase\",\"order_id\":\"o-1\",\
                 \"items\":[{\"item_id\":\"milk\"},{\"item_id\":\"tea\"}],\
                 \"timestamp\":\"2026-02-03T04:05:06Z\"}\n";
    let live = desk.file("live.jsonl", event);
    desk.alongside(&["import", "events", text(&live)]).assert().success();
    let store = desk.json(&["status", "--json"])["store"].clone();
    assert_eq!((&store["n_orders"], &store["n_orders_in_tail"]), (&80.into(), &1.into()));
    assert_eq!((&store["n_lines"], &store["n_lines_in_tail"]), (&160.into(), &2.into()));
    let told = stdout(&desk, &["status"]);
    assert!(told.contains("to 2026-02-03T04:05:06Z") && told.contains("162"), "{told}");
}

#[test]
fn a_snapshot_of_a_newer_version_is_not_called_damaged() {
    let desk = Desk::new();
    tea_and_milk(&desk);
    let id = desk.json(&["snapshot", "list", "--json"])["snapshot"].clone();
    let name = format!("{}.snapshot", id.as_str().expect("an id"));
    let path = desk.store().join("snapshots").join(name);
    let mut bytes = std::fs::read(&path).expect("the snapshot");
    // The format's number stands behind the eight letters of the file's mark.
    bytes[8..12].copy_from_slice(&9_999_u32.to_le_bytes());
    std::fs::write(&path, bytes).expect("written");
    let told = stdout(&desk, &["status"]);
    assert!(told.contains("was written by a newer version"), "{told}");
    assert!(told.contains("Upgrade") && !told.contains("damaged"), "{told}");
}

#[test]
fn an_export_in_every_form_comes_back_as_it_was() {
    let desk = Desk::new();
    let orders = made_up_orders(&desk, 1_000);
    desk.json(&["import", "orders", text(&orders), "--json"]);
    let export = |store: &Path, name: &str| {
        let file = desk.path(name);
        desk.alongside_at(store, &["export", "orders", text(&file)]).assert().success();
        file
    };
    // Lines of one order may change places.
    let sorted = |file: &Path| {
        let csv = std::fs::read_to_string(file).expect("the export");
        let mut lines: Vec<String> = csv.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let csv = sorted(&export(&desk.store(), "a.csv"));
    for name in ["b.csv.gz", "b.tsv", "b.tsv.zst", "b.jsonl", "b.jsonl.gz", "b.parquet"] {
        let file = export(&desk.store(), name);
        let store = desk.path(&format!("store of {name}"));
        desk.alongside_at(&store, &["import", "orders", text(&file)]).assert().success();
        let back = export(&store, &format!("{name}.csv"));
        assert!(sorted(&back) == csv, "{name}");
    }
    let refusal = desk.refusal(&["export", "orders", text(&desk.path("x.json"))]);
    assert!(refusal.contains(".csv, .tsv, .jsonl or .parquet"), "{refusal}");
    assert!(!desk.path("x.json").exists());
}

#[test]
fn an_erasure_is_told_in_words_or_in_json() {
    let desk = Desk::new();
    tea_and_milk(&desk);
    let told = stdout(&desk, &["erase", "--customer", "c1"]);
    assert!(told.contains("orders made anonymous") && !told.contains('{'), "{told}");
    let receipt = desk.json(&["erase", "--customer", "c2", "--json"]);
    assert!(receipt["erased"]["n_orders_made_anonymous"].as_u64() > Some(0), "{receipt}");
}

#[test]
fn an_evaluation_of_next_to_nothing_says_so() {
    let desk = Desk::new();
    let mut csv = String::from("order_id,item_id,date\n");
    for order in 1..=10 {
        csv.push_str(&format!("{order},a,2026-01-{order:02}\n{order},b,2026-01-{order:02}\n"));
    }
    let tiny = desk.file("tiny.csv", csv);
    let args = ["evaluate", "basket-completion", "--orders", text(&tiny)];
    let run = desk.alongside(&args).assert().success();
    let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(said.contains("too few") && said.contains("discover"), "{said}");
    let tables = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    assert!(!tables.contains("-0.0000") && !tables.contains("(0 queries)"), "{tables}");
    let one = desk.file("one.csv", "order_id,item_id,date\n1,a,2026-01-01\n1,b,2026-01-01\n");
    let args = ["evaluate", "basket-completion", "--orders", text(&one)];
    assert!(desk.refusal(&args).contains("nothing to evaluate"));
}

/// Somebody who may read the desk's folder and change nothing in it.
#[cfg(unix)]
fn as_a_reader(desk: &Desk, args: &[&str]) -> Option<(bool, String)> {
    use std::os::unix::process::CommandExt;
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_alongside"));
    command.arg("--data-dir").arg(desk.store()).args(args).env_remove("ALONGSIDE_DATA_DIR");
    if std::fs::write(desk.store().join("probe"), "").is_ok() {
        // Rights do not hold an administrator back: go on as nobody.
        std::fs::remove_file(desk.store().join("probe")).expect("just made");
        command.uid(65_534).gid(65_534);
    }
    let output = command.output().ok()?;
    Some((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_can_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    tea_and_milk(&desk);
    let rights = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("rights");
    };
    let out = desk.path("out");
    std::fs::create_dir(&out).expect("a folder");
    rights(&out, 0o777);
    rights(out.parent().expect("the desk"), 0o755);
    let folders = ["", "segments", "snapshots", "rejects"].map(|name| desk.store().join(name));
    for folder in &folders {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let is_folder = entry.path().is_dir();
            rights(&entry.path(), if is_folder { 0o555 } else { 0o444 });
        }
    }
    rights(&folders[0], 0o555);
    let csv = out.join("orders.csv");
    let backup = out.join("backup");
    for args in [
        &["status"][..],
        &["recommend", "--item", "tea"],
        &["export", "orders", text(&csv)],
        &["backup", text(&backup)],
        &["report"],
    ] {
        let Some((is_done, said)) = as_a_reader(&desk, args) else {
            eprintln!("skipped: the program cannot be run as somebody else here");
            return;
        };
        assert!(is_done, "{args:?}: {said}");
    }
    assert_eq!(std::fs::read_to_string(csv).expect("the export").lines().count(), 161);
    let (is_done, said) = as_a_reader(&desk, &["learn"]).expect("ran before");
    assert!(!is_done && said.contains("no snapshot can be published"), "{said}");
    assert!(!said.contains("baskets"), "told before learning: {said}");
    for folder in folders {
        rights(&folder, 0o755);
    }
}
