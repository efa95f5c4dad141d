//! What people get wrong: a clear refusal, and a store that is as before.

use crate::{Desk, made_up_orders};

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("UTF-8")
}

const HEADER: &str = "order_id,item_id,quantity,price,date\n";

#[test]
fn files_that_are_none_are_refused_with_their_name() {
    let desk = Desk::new();
    let empty = desk.file("empty.csv", "");
    let header = desk.file("header.csv", HEADER);
    let nonsense = desk.file("nonsense.csv", "just some words\nand more\n");
    let truncated = desk.file("cut.zst", [0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x00]);
    let folder = desk.path("folder");
    std::fs::create_dir(&folder).expect("a folder");
    let missing = desk.path("missing.csv");
    for file in [&empty, &header, &nonsense, &truncated, &folder, &missing] {
        let said = desk.refusal(&["import", "orders", text(file)]);
        assert!(said.contains(text(file)), "{said}");
    }
    assert!(
        !desk.store().join("segments").exists()
            || desk.json(&["status", "--json"])["store"]["n_orders"] == 0
    );
}

#[test]
fn too_many_bad_rows_refuse_the_whole_and_leave_the_store_as_it_was() {
    let desk = Desk::new();
    let good = desk.file("good.csv", format!("{HEADER}1,a,1,2.00,2026-01-01\n"));
    desk.json(&["import", "orders", text(&good), "--json"]);
    let mut csv = String::from(HEADER);
    for row in 0..100 {
        let date = if row < 30 { "someday" } else { "2026-01-02" };
        csv.push_str(&format!("n{row},a,1,2.00,{date}\n"));
    }
    let bad = desk.file("bad.csv", csv);
    let said = desk.refusal(&["import", "orders", text(&bad)]);
    assert!(said.contains("30 of 100 rows") && said.contains("bad_date"), "{said}");
    assert_eq!(desk.json(&["status", "--json"])["store"]["n_orders"], 1);
    // Told that this is all right, the good rows are taken and the others can be mended.
    let taken = desk.json(&["import", "orders", text(&bad), "--max-rejects", "50", "--json"]);
    assert_eq!(taken["taken"], 70);
    assert_eq!(taken["rejected_by_reason"]["bad_date"], 30);
    let rejects = taken["rejects_files"][0].as_str().expect("a file");
    let mended =
        std::fs::read_to_string(rejects).expect("rejects").replace("someday", "2026-01-03");
    let mended = desk.file("mended.csv", mended);
    assert_eq!(desk.json(&["import", "orders", text(&mended), "--json"])["taken"], 30);
    assert_eq!(desk.json(&["status", "--json"])["store"]["n_orders"], 101);
}

/// Rows of every kind of fault, mended and imported, give the store that the clean file gives.
#[test]
fn mended_rows_of_any_fault_join_their_orders() {
    let row = |n: usize| format!("o{},2026-01-0{},item{n},1,2.50\n", n / 4, 1 + n / 8);
    let clean: String = (0..40).map(row).collect();
    let faults = [
        ("2026-01-01,item1,", "someday,item1,"),
        ("item6,1,", "item6,one,"),
        ("-02,item9,", "-02,,"),
        ("item13,1,2.50", "item13,1,2.50,2.50"),
        ("item22,1,2.50", "item22,1,\0"),
    ];
    let header = "order_id,date,sku,quantity,price\n";
    let mut spoiled = clean.clone();
    for (good, bad) in faults {
        assert!(spoiled.contains(good), "{good}");
        spoiled = spoiled.replacen(good, bad, 1);
    }
    let desk = Desk::new();
    let bad = desk.file("orders.csv", format!("{header}{spoiled}"));
    let taken = desk.json(&["import", "orders", text(&bad), "--json"]);
    assert_eq!(taken["rejected"], 5, "{taken}");
    let rejects = taken["rejects_files"][0].as_str().expect("a file");
    let mut mended = std::fs::read_to_string(rejects).expect("rejects");
    for (good, bad) in faults {
        assert!(mended.contains(bad), "{bad:?} in {mended}");
        mended = mended.replacen(bad, good, 1);
    }
    let mended = desk.file("mended.csv", mended);
    for _ in 0..2 {
        desk.json(&["import", "orders", text(&mended), "--json"]);
        desk.json(&["import", "orders", text(&bad), "--json"]);
    }
    let other = Desk::new();
    let whole = other.file("orders.csv", format!("{header}{clean}"));
    other.json(&["import", "orders", text(&whole), "--json"]);
    assert_eq!(exported(&desk), exported(&other));
}

/// All order lines, sorted.
fn exported(desk: &Desk) -> Vec<String> {
    let file = desk.path("export.csv");
    desk.alongside(&["export", "orders", text(&file)]).assert().success();
    let written = std::fs::read_to_string(file).expect("the export");
    let mut lines: Vec<String> = written.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn a_dry_run_shows_the_plan_and_touches_nothing() {
    let desk = Desk::new();
    let orders = desk.file("orders.csv", format!("{HEADER}1,a,1,2.00,2026-01-01\n"));
    let shown =
        desk.alongside(&["import", "orders", text(&orders), "--dry-run"]).assert().success();
    let shown = String::from_utf8_lossy(&shown.get_output().stdout).into_owned();
    assert!(shown.contains("order_id") && shown.contains("currency"), "{shown}");
    assert!(!desk.store().exists());
}

#[test]
fn commands_without_a_store_or_a_snapshot_say_what_to_do() {
    let desk = Desk::new();
    for args in [&["status"][..], &["learn"], &["recommend"], &["export", "items", "x.csv"]] {
        let said = desk.refusal(args);
        assert!(said.contains(text(&desk.store())), "{args:?}: {said}");
    }
    let orders = desk.file("orders.csv", format!("{HEADER}1,a,1,2.00,2026-01-01\n"));
    desk.json(&["import", "orders", text(&orders), "--json"]);
    assert!(desk.refusal(&["recommend"]).contains("alongside learn"));
}

#[test]
fn unknown_words_and_numbers_out_of_range_are_named() {
    let desk = Desk::new();
    let orders = made_up_orders(&desk, 1_500);
    desk.json(&["import", "orders", text(&orders), "--json"]);
    desk.json(&["learn", "--json"]);
    assert!(desk.refusal(&["recommend", "--item", "no such thing"]).contains("no such thing"));
    assert!(desk.refusal(&["learn", "--lambda", "-1"]).contains("lambda"));
    assert!(desk.refusal(&["snapshot", "show", "nothing"]).contains("nothing"));
    let evaluate =
        ["evaluate", "basket-completion", "--orders", text(&orders), "--methods", "magic"];
    assert!(desk.refusal(&evaluate).contains("magic"));
    // A count beyond reason is cut, not refused.
    let many = desk.json(&["recommend", "--count", "1000000000", "--json"]);
    assert!(many["items"].as_array().is_some_and(|items| items.len() <= 100));
    assert_eq!(desk.json(&["recommend", "--count", "0", "--json"])["items"], serde_json::json!([]));
}

#[test]
fn a_tiny_shop_learns_and_says_nothing_rather_than_noise() {
    let desk = Desk::new();
    let orders = desk.file("orders.csv", format!("{HEADER}1,a,1,2.00,2026-01-01\n"));
    desk.json(&["import", "orders", text(&orders), "--json"]);
    desk.json(&["learn", "--json"]);
    let answer = desk.json(&["recommend", "--item", "a", "--json"]);
    assert_eq!(answer["items"], serde_json::json!([]));
    assert_eq!(answer["fallback"], "none");
}

#[test]
fn a_server_that_is_refused_leaves_nothing_behind() {
    let desk = Desk::new();
    let refusal = desk.refusal(&["serve", "--listen", "0.0.0.0:0"]);
    assert!(refusal.contains("alongside keys create"), "{refusal}");
    for wrong in [["--learn-after", "0"], ["--keep-events", "0"], ["--learn-every", "0"]] {
        desk.refusal(&["serve", wrong[0], wrong[1]]);
    }
    assert!(!desk.store().exists());
}

#[test]
fn the_demo_takes_nobodys_store() {
    let desk = Desk::new();
    desk.alongside(&["keys", "create", "--secret"]).assert().success();
    let store = desk.store();
    let dir = store.to_str().expect("UTF-8");
    for args in [vec!["demo", "--dir", dir], vec!["demo", "--fresh", "--dir", dir]] {
        let mut demo = assert_cmd::Command::new(env!("CARGO_BIN_EXE_alongside"));
        let refused = demo.args(args).env_remove("ALONGSIDE_DATA_DIR").assert().failure();
        let refusal = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
        assert!(refusal.contains("not touched") && refusal.contains("--dir"), "{refusal}");
    }
    assert!(store.join("alongside.db").is_file() && store.join("keys.json").is_file());
}

/// Ended in the middle of learning, the snapshot before stays in force and nothing is left behind.
#[test]
fn learning_that_is_interrupted_leaves_the_snapshot_before() {
    use std::io::{BufRead, BufReader};
    let desk = Desk::new();
    let orders = made_up_orders(&desk, 2_000);
    desk.json(&["import", "orders", text(&orders), "--json"]);
    let before = desk.json(&["learn", "--without", "ranker", "--json"])["snapshot"].clone();
    let snapshots = || {
        let files = std::fs::read_dir(desk.store().join("snapshots")).expect("a folder");
        let mut names: Vec<_> = files.map(|file| file.expect("a file").file_name()).collect();
        names.sort();
        names
    };
    let files = snapshots();
    let more = made_up_orders(&desk, 60_000);
    // The same ids at other times: each is one order all the same.
    desk.json(&["import", "orders", text(&more), "--order-from", "order-id", "--json"]);
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_alongside"))
        .arg("--data-dir")
        .arg(desk.store())
        .arg("learn")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    // It says how much it will learn from right before it begins.
    let mut said = BufReader::new(child.stderr.take().expect("its standard error")).lines();
    let is_at_work = said.by_ref().map_while(Result::ok).any(|line| line.contains("baskets, "));
    child.kill().expect("it is still at work");
    let status = child.wait().expect("it ends");
    assert!(is_at_work && !status.success(), "{status}");
    assert_eq!(snapshots(), files);
    let in_force = &desk.json(&["status", "--json"])["snapshot"]["id"];
    assert_eq!(*in_force, before);
    let after = desk.json(&["learn", "--without", "ranker", "--json"])["snapshot"].clone();
    assert_ne!(after, before);
}

#[test]
fn a_split_that_leaves_nothing_to_test_is_told() {
    let desk = Desk::new();
    // The newest tenth holds one item an order, or items that nobody bought before.
    for newest in ["a", "new"] {
        let mut csv = String::from(HEADER);
        for order in 0..100 {
            let items = if order < 90 { vec!["a", "b"] } else { vec![newest] };
            for item in items {
                csv.push_str(&format!("{order},{item},1,2.00,2026-01-{:02}\n", 1 + order / 5));
            }
        }
        let file = desk.file("orders.csv", csv);
        let said = desk.refusal(&["evaluate", "basket-completion", "--orders", text(&file)]);
        assert!(said.contains("100 baskets"), "{said}");
    }
}
