//! Files as shops really have them, through the binary.

use crate::Desk;
use serde_json::json;

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("UTF-8")
}

const HEADER: &str = "order_id,item_id,quantity,price,date,status\n";

/// All order lines, sorted, without the header.
fn exported(desk: &Desk) -> Vec<String> {
    let file = desk.path("export.csv");
    desk.alongside(&["export", "orders", text(&file), "--force"]).assert().success();
    let written = std::fs::read_to_string(file).expect("the export");
    let mut lines: Vec<String> = written.lines().skip(1).map(str::to_owned).collect();
    lines.sort();
    lines
}

fn said(desk: &Desk, args: &[&str]) -> String {
    let output = desk.alongside(args).assert().success().get_output().stdout.clone();
    String::from_utf8(output).expect("UTF-8")
}

#[test]
fn an_older_file_does_not_undo_a_newer_one() {
    let desk = Desk::new();
    let old = desk.file("monday.csv", format!("{HEADER}1,a,1,2.00,2026-01-01,paid\n"));
    let new = desk.file("tuesday.csv", format!("{HEADER}1,a,1,2.00,2026-01-01,refunded\n"));
    desk.json(&["import", "orders", text(&old), "--json"]);
    desk.json(&["import", "orders", text(&new), "--json"]);
    assert!(exported(&desk)[0].contains(",cancellation,"));
    // By content, whatever its name is.
    let again = desk.file("copy.csv", std::fs::read(&old).expect("the file"));
    let known = desk.json(&["import", "orders", text(&again), "--json"]);
    assert_eq!(known["known_files"], json!([text(&again)]));
    assert!(exported(&desk)[0].contains(",cancellation,"));
    assert!(said(&desk, &["import", "orders", text(&again)]).contains("--again"));
    // Read in another way it is another import; and who wants can.
    let other = desk.json(&["import", "orders", text(&old), "--json", "--time-zone", "Asia/Tokyo"]);
    assert_eq!(other["orders"]["n_orders_changed"], 1);
    desk.json(&["import", "orders", text(&new), "--json", "--again"]);
    assert!(exported(&desk)[0].contains(",cancellation,"));
}

#[test]
fn an_order_over_two_files_is_told_and_can_be_kept_whole() {
    let (first, second) = (
        format!("{HEADER}1,a,1,2.00,2026-01-01,paid\n2,a,1,2.00,2026-01-01,paid\n"),
        format!("{HEADER}2,b,1,2.00,2026-01-01,paid\n"),
    );
    let desk = Desk::new();
    let files = [desk.file("1.csv", &first), desk.file("2.csv", &second)];
    let import = ["import", "orders", text(&files[0]), text(&files[1])];
    let warned = said(&desk, &import);
    assert!(warned.contains("--parts") && warned.contains("such as 2"), "{warned}");
    assert_eq!(exported(&desk).len(), 2);
    let desk = Desk::new();
    let files = [desk.file("1.csv", &first), desk.file("2.csv", &second)];
    // A part given twice counts once.
    let parts = ["import", "orders", text(&files[0]), text(&files[1]), text(&files[1]), "--parts"];
    assert!(!said(&desk, &parts).contains("lacks"));
    let lines = exported(&desk);
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line.contains(",1,2,")), "{lines:?}");
}

#[test]
fn rows_of_an_order_in_a_file_of_events_need_not_stand_together() {
    let desk = Desk::new();
    let file = desk.file(
        "events.csv",
        "timestamp,event,item_id,order_id\n1767225600,purchase,a,O1\n\
         1767225601,purchase,c,O2\n1767225602,purchase,b,O1\n",
    );
    desk.json(&["import", "events", text(&file), "--json"]);
    let items = |line: &String| line.split(',').skip(1).step_by(3).take(2).collect::<String>();
    assert_eq!(exported(&desk).iter().map(items).collect::<Vec<_>>(), ["O1a", "O1b", "O2c"]);
}

/// More than is kept in memory: all of it is looked through before any of it is written.
#[test]
fn a_large_file_of_events_is_taken_whole_or_refused_whole() {
    let desk = Desk::new();
    let mut rows = String::from("timestamp,event,item_id,session_id\n");
    for row in 0..60_000 {
        rows.push_str(&format!("{},view,item{},s{row}\n", 1_767_225_600 + row, row % 100));
    }
    let bad: String = (0..30_000).map(|_| "someday,view,a,s\n").collect();
    let spoiled = desk.file("spoiled.csv", format!("{rows}{bad}"));
    assert!(desk.refusal(&["import", "events", text(&spoiled)]).contains("Nothing was imported"));
    assert_eq!(desk.json(&["status", "--json"])["store"]["n_events_in_tail"], 0);
    let good = desk.file("good.csv", &rows);
    let taken = desk.json(&["import", "events", text(&good), "--json"]);
    assert_eq!((&taken["events"], &taken["duplicates"]), (&json!(60_000), &json!(0)));
    let again = desk.json(&["import", "events", text(&good), "--json"]);
    assert_eq!((&again["events"], &again["duplicates"]), (&json!(60_000), &json!(60_000)));
    assert_eq!(desk.json(&["status", "--json"])["store"]["n_events_in_tail"], 60_000);
}

#[test]
fn what_the_sample_did_not_show_is_said_in_the_summary() {
    let desk = Desk::new();
    let mut rows = b"order_id,sku,title,date,price\n".to_vec();
    for row in 0..60_000 {
        rows.extend(format!("{row},sku{},Mug,2021-03-{:02},2.5\n", row % 9, 1 + row % 28).bytes());
    }
    rows.extend(b"x1,POST,POSTAGE,2021-03-01,2.5\nx2,s1,Caf\xe9,2021-03-01,2.5\n");
    let file = desk.file("orders.csv", rows);
    let summary = said(&desk, &["import", "orders", text(&file)]);
    assert!(summary.contains("POST (POSTAGE)"), "{summary}");
    assert!(summary.contains("1 rows are no UTF-8"), "{summary}");
    let again = desk.json(&["import", "orders", text(&file), "--json", "--again"]);
    assert_eq!((&again["windows_1252"], &again["orders"]["fees"]), (&json!(1), &json!([])));
}

#[test]
fn dates_that_the_file_itself_disproves_refuse_it() {
    let desk = Desk::new();
    let rows: String = (0..60_000).map(|row| format!("{row},a,1,2.00,05/01/2023,paid\n")).collect();
    let file = desk.file("us.csv", format!("{HEADER}{rows}x,a,1,2.00,05/13/2023,paid\n"));
    let refused = desk.refusal(&["import", "orders", text(&file)]);
    assert!(refused.contains("--day-order month-first"), "{refused}");
    assert_eq!(desk.json(&["status", "--json"])["store"]["n_orders"], 0);
    let import = ["import", "orders", text(&file), "--json", "--day-order", "month-first"];
    assert_eq!(desk.json(&import)["taken"], 60_001);
    assert!(exported(&desk).iter().all(|line| line.contains(",2023-05-")));
}

#[test]
fn numbers_that_the_file_itself_disproves_refuse_it() {
    let desk = Desk::new();
    let rows: String = (0..60_000).map(|row| format!("{row};a;1;2;2023-01-05;paid\n")).collect();
    let header = HEADER.replace(',', ";");
    let file = desk.file("eu.csv", format!("{header}{rows}x;a;1;2.50;2023-01-05;paid\n"));
    let refused = desk.refusal(&["import", "orders", text(&file)]);
    assert!(refused.contains("--decimal point"), "{refused}");
    assert_eq!(desk.json(&["status", "--json"])["store"]["n_orders"], 0);
    let import = ["import", "orders", text(&file), "--json", "--decimal", "point"];
    assert_eq!(desk.json(&import)["taken"], 60_001);
    assert!(exported(&desk).iter().any(|line| line.contains(",2.5,")));
}

#[test]
fn prices_keep_their_currency_or_lose_it_aloud() {
    let desk = Desk::new();
    let header = "order_id,item_id,quantity,price,currency\n";
    let mixed = format!("{header}1,a,1,2,EUR\n1,a,1,2,USD\n1,b,1,2,USD\n2,a,1,2,USD\n");
    let file = desk.file("mixed.csv", mixed);
    let summary = said(&desk, &["import", "orders", text(&file)]);
    assert!(summary.contains("2 lines have a price in another currency"), "{summary}");
    assert!(summary.contains("in orders such as 1:"), "{summary}");
    let prices: Vec<String> = exported(&desk)
        .iter()
        .map(|line| line.split(',').skip(4).take(4).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(prices, ["a 1  EUR", "a 1 2 EUR", "b 1  EUR", "a 1 2 USD"]);
    let refused = desk.refusal(&["import", "orders", text(&file), "--currency", "TBD"]);
    assert!(refused.contains("ISO 4217"), "{refused}");
}

#[test]
fn plans_and_summaries_speak_of_what_the_file_holds() {
    let desk = Desk::new();
    let file = desk.file("items.csv", "item_id,price,color\na,2.5,red\nb,-4.50,red\nc,1,red\n");
    let plan = said(&desk, &["import", "items", text(&file), "--dry-run"]);
    assert!(plan.contains("attribute") && !plan.contains("not used"), "{plan}");
    assert!(plan.contains("numbers: decimal point (the numbers show it)"), "{plan}");
    let import = ["import", "items", text(&file), "--max-rejects", "50"];
    let summary = said(&desk, &import);
    assert!(summary.contains("price is -4.5: below zero"), "{summary}");
    assert!(!summary.contains("joins the order"), "{summary}");
    let orders = desk.file("orders.csv", "order_id,sku,date,note\n1,a,2026-01-05,x\n");
    let plan = said(&desk, &["import", "orders", text(&orders), "--dry-run"]);
    assert!(plan.contains("dates: like 2026-01-05; time zone UTC"), "{plan}");
    assert!(plan.contains("not used") && !plan.contains("numbers:"), "{plan}");
}
