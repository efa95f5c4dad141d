//! Files that tills, catalogues and shops' interfaces give, through the binary.

use crate::Desk;
use std::fmt::Write;

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn refused(desk: &Desk, args: &[&str]) -> String {
    let output = desk.alongside(args).assert().failure().get_output().stderr.clone();
    String::from_utf8(output).expect("UTF-8")
}

/// Two shops, these days of January, twenty receipts of two lines a day.
fn till(number: &str, days: std::ops::RangeInclusive<u32>) -> String {
    let mut file = format!("{number},store_id,date,time,sku,qty,price,currency\n");
    for day in days {
        for store in ["S1", "S2"] {
            for receipt in 1..=20 {
                for sku in 0..2 {
                    let sku = (day + receipt + sku) % 9;
                    writeln!(file, "{receipt},{store},2026-01-{day:02},09:00,K{sku},1,2.50,EUR")
                        .expect("a String takes all");
                }
            }
        }
    }
    file
}

#[test]
fn receipts_of_a_till_are_orders_and_files_may_overlap() {
    let desk = Desk::new();
    let first = desk.file("first.csv", till("receipt_no", 1..=6));
    let done = desk.json(&["import", "orders", text(&first), "--json"]);
    assert_eq!(done["orders"]["n_orders_new"], 6 * 2 * 20, "{done}");
    assert_eq!(done["orders"]["n_orders_doubtful"], 0);
    let overlapping = desk.file("second.csv", till("receipt_no", 6..=8));
    let done = desk.json(&["import", "orders", text(&overlapping), "--json"]);
    let orders = &done["orders"];
    assert_eq!(orders["n_orders_new"], 2 * 2 * 20, "{orders}");
    assert_eq!(
        (&orders["n_orders_unchanged"], &orders["n_orders_changed"]),
        (&40.into(), &0.into())
    );
}

#[test]
fn ids_that_repeat_are_refused_unless_one_says_what_an_order_is() {
    let desk = Desk::new();
    let file = desk.file("orders.csv", till("order_id", 1..=3));
    let plan = ["import", "orders", text(&file), "--dry-run"];
    let shown = desk.alongside(&plan).assert().success().get_output().stdout.clone();
    assert!(String::from_utf8(shown).expect("UTF-8").contains("This will be refused"));
    let told = refused(&desk, &["import", "orders", text(&file)]);
    assert!(told.contains("20 of 20 order ids (100.0 %)"), "{told}");
    assert!(told.contains("--order-from order-location-day"), "{told}");
    for (how, n_orders) in
        [("order-location-day", 120), ("order-location", 40), ("order-day", 60), ("order-id", 20)]
    {
        let desk = Desk::new();
        let file = desk.file("orders.csv", till("order_id", 1..=3));
        let done = desk.json(&["import", "orders", text(&file), "--json", "--order-from", how]);
        assert_eq!(done["orders"]["n_orders_new"], n_orders, "{how}");
    }
    let map = "order_id=store_id+date+order_id";
    let done = desk.json(&["import", "orders", text(&file), "--json", "--map", map]);
    assert_eq!(done["orders"]["n_orders_new"], 120);
}

#[test]
fn the_next_day_of_a_till_does_not_replace_the_day_before() {
    let desk = Desk::new();
    let day = |day: u32| -> String {
        let rows = (1..=20).map(|n| format!("{n},2026-01-{day:02},K{},1\n", n % 7));
        format!("order_id,date,sku,qty\n{}", rows.collect::<String>())
    };
    let (monday, friday) = (desk.file("monday.csv", day(5)), desk.file("friday.csv", day(9)));
    desk.json(&["import", "orders", text(&monday), "--json"]);
    let told = refused(&desk, &["import", "orders", text(&friday)]);
    assert!(told.contains("20 of 20 orders that the store has under the same ids"), "{told}");
    let how = ["import", "orders", text(&friday), "--json", "--order-from", "order-day"];
    assert_eq!(desk.json(&how)["orders"]["n_orders_new"], 20);
}

#[test]
fn standard_input_is_a_file_and_a_known_file_is_one_line() {
    let desk = Desk::new();
    let file = till("receipt_no", 1..=2);
    let mut command = desk.alongside(&["import", "orders", "-", "--json"]);
    let output = command.write_stdin(file.clone()).assert().success().get_output().stdout.clone();
    let done: serde_json::Value = serde_json::from_slice(&output).expect("JSON");
    assert_eq!(done["orders"]["n_orders_new"], 80, "{done}");
    refused(&desk, &["import", "orders", "-", "-"]);
    let path = desk.file("till.csv", &file);
    desk.alongside(&["import", "orders", text(&path)]).assert().success();
    let again = desk.alongside(&["import", "orders", text(&path)]).assert().success();
    let again = String::from_utf8(again.get_output().stdout.clone()).expect("UTF-8");
    assert_eq!(again.lines().count(), 1, "{again}");
    assert!(again.contains("was imported before"), "{again}");
}

#[test]
fn postage_of_a_catalogue_is_a_fee_whichever_file_comes_first() {
    let orders = "order_id,sku,date,price\n1,POST,2026-01-01,5\n1,A,2026-01-01,2\n";
    let items = "sku,title\nPOST,POSTAGE\nA,Mug\n";
    for orders_first in [true, false] {
        let desk = Desk::new();
        let orders = desk.file("orders.csv", orders);
        let items = desk.file("items.csv", items);
        let mut imports = [["import", "orders", text(&orders)], ["import", "items", text(&items)]];
        if !orders_first {
            imports.reverse();
        }
        for import in imports {
            desk.alongside(&import).assert().success();
        }
        let status = desk.alongside(&["status"]).assert().success().get_output().stdout.clone();
        let status = String::from_utf8(status).expect("UTF-8");
        assert!(status.contains("1 good, 1 fee"), "{status}");
    }
}

#[test]
fn families_without_a_head_are_told() {
    let desk = Desk::new();
    let items = desk.file("items.csv", "sku,title,variant_of\na,A,a\nb,B,c\nc,C,b\nd,D,x\n");
    let done = desk.json(&["import", "items", text(&items), "--json"]);
    let told = done["warnings"][0].as_str().expect("a warning");
    assert!(told.contains("3 items are variants of each other") && told.contains("a, b, c"));
}

#[test]
fn a_table_of_many_columns_has_a_short_plan() {
    let desk = Desk::new();
    let names: Vec<String> = (0..900).map(|n| format!("wide_{n}")).collect();
    let values = vec!["1"; 900].join(",");
    let file = format!("order_id,sku,{}\n1,a,{values}\n", names.join(","));
    let file = desk.file("wide.csv", file);
    let plan = desk.alongside(&["import", "orders", text(&file), "--dry-run"]).assert().success();
    let plan = String::from_utf8(plan.get_output().stdout.clone()).expect("UTF-8");
    assert!(plan.lines().count() < 150, "{} lines", plan.lines().count());
    assert!(plan.contains("and 860 more columns: not used"), "{plan}");
}

#[test]
fn what_an_interface_of_a_shop_gives_is_imported() {
    let desk = Desk::new();
    let order = |n: u32| {
        format!(
            "  {{\"id\":{n},\"created_at\":\"2026-01-02T10:00:00Z\",\"line_items\":[\n    \
             {{\"sku\":\"a\",\"quantity\":1,\"price\":2}}]}}"
        )
    };
    let orders: Vec<String> = (1..=50).map(order).collect();
    for text_of in [
        format!("{{\n \"orders\": [\n{}\n]}}\n", orders.join(",\n")),
        format!("[{}]", orders.join(",")),
    ] {
        let desk = Desk::new();
        let file = desk.file("orders.json", text_of);
        let done = desk.json(&["import", "orders", text(&file), "--json"]);
        assert_eq!(done["orders"]["n_orders_new"], 50, "{done}");
    }
    let cut = desk.file("cut.json", format!("[{},{{\"id\"", orders.join(",")));
    assert!(refused(&desk, &["import", "orders", text(&cut)]).contains("cut off"));
}
