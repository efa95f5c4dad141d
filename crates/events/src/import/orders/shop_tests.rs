//! Habits of shops: refunds inside their orders, statuses in many words, stray quotes.

use super::tests::{check, plan_with, read_with};
use crate::import::{Field, PlanOptions, ReadOptions, Source, read_orders};
use crate::lines::OrderMark;
use std::ops::ControlFlow;

/// An order of two mugs and a tea, of which `refunds` take something back.
fn shopify(status: &str, refunds: &str) -> String {
    let mug = "{\"id\":1,\"sku\":\"M1\",\"name\":\"Mug\",\"quantity\":2,\"price\":\"5.00\"}";
    let tea = "{\"id\":2,\"sku\":\"T\",\"name\":\"Tea\",\"quantity\":1,\"price\":\"3.50\"}";
    format!(
        "{{\"id\":450,\"name\":\"#1001\",\"created_at\":\"2021-02-03T10:00:00Z\",\
         \"currency\":\"EUR\",\"email\":\"ann@x.org\",\"financial_status\":\"{status}\",\
         \"line_items\":[{mug},{tea}],\"refunds\":[{refunds}]}}\n"
    )
}

fn refund(id: u32, lines: &str) -> String {
    format!(
        "{{\"id\":{id},\"created_at\":\"2021-02-05T10:00:00Z\",\"refund_line_items\":[{lines}]}}"
    )
}

const SOLD: [&str; 2] = [
    "#1001 M1 ann@x.org 2021-02-03T10:00:00Z x2 5 EUR Sale",
    "#1001 T ann@x.org 2021-02-03T10:00:00Z x1 3.5 EUR Sale",
];

#[test]
fn refunds_inside_an_order_of_shopify_are_returns() {
    check(&shopify("paid", ""), &SOLD);
    // Older exports name the line by its number only.
    let whole = "{\"quantity\":1,\"line_item_id\":1,\"subtotal\":5.0,\"line_item\":{\"id\":1,\
                 \"sku\":\"M1\",\"name\":\"Mug\",\"quantity\":2,\"price\":\"5.00\"}}";
    let by_number = "{\"quantity\":1,\"line_item_id\":2,\"subtotal\":3.5}";
    let text = shopify("partially_refunded", &refund(77, &format!("{whole},{by_number}")));
    check(
        &text,
        &[
            SOLD[0],
            SOLD[1],
            "#1001 M1 ann@x.org 2021-02-05T10:00:00Z x-1 5 EUR Return",
            "#1001 T ann@x.org 2021-02-05T10:00:00Z x-1 3.5 EUR Return",
        ],
    );
    let plan = plan_with(text.as_bytes(), &PlanOptions::default()).unwrap();
    assert!(plan.notes.join(" / ").contains("refund_line_items are returns"));
    let mut marks: Vec<OrderMark> = Vec::new();
    let source = Source::bytes("orders", text.as_bytes().to_vec());
    read_orders(source, &plan, ReadOptions { n_threads: 1 }, &mut |lines, _| {
        marks.extend(lines.order_marks.iter().cloned());
        ControlFlow::Continue(())
    })
    .unwrap();
    let ids: Vec<_> = marks.iter().map(|mark| mark.refund_id.as_deref()).collect();
    assert_eq!(ids, [None, Some("77")]);
}

#[test]
fn an_order_that_brought_nothing_has_nothing_to_take_back() {
    let lines = "{\"quantity\":2,\"line_item_id\":1}";
    let nothing = [
        "#1001 M1 ann@x.org 2021-02-03T10:00:00Z x2 5 EUR Cancellation",
        "#1001 T ann@x.org 2021-02-03T10:00:00Z x1 3.5 EUR Cancellation",
    ];
    check(&shopify("refunded", &refund(77, "")), &nothing);
    check(&shopify("voided", &refund(77, lines)), &nothing);
    let cancelled = "\"cancelled_at\":\"2021-02-04T10:00:00Z\",\"refunds\"";
    let cancelled = shopify("refunded", &refund(77, lines)).replace("\"refunds\"", cancelled);
    check(&cancelled, &nothing);
    // Refunds that name their lines say what came back.
    let returned = "#1001 M1 ann@x.org 2021-02-05T10:00:00Z x-2 5 EUR Return";
    check(&shopify("refunded", &refund(77, lines)), &[SOLD[0], SOLD[1], returned]);
    // Half of an order would be another one: it is set aside whole.
    check(
        &shopify("paid", &refund(77, "{\"quantity\":\"some\",\"line_item_id\":1}")),
        &["1 bad_quantity"],
    );
}

#[test]
fn a_plain_date_of_an_analytics_table_is_its_time() {
    check(
        "date,event_name,user_pseudo_id,transaction_id,item_id\n20260105,purchase,u,T1,a\n",
        &["T1 a u 2026-01-05T00:00:00Z x1 - Sale"],
    );
}

#[test]
fn orders_that_brought_nothing_in_many_words() {
    let kinds = |status: &str, header: &str| {
        let text = format!("{header}\n1,a,1,2,{status}\n");
        let plan = plan_with(text.as_bytes(), &PlanOptions::default()).unwrap();
        let mut kinds = Vec::new();
        let source = Source::bytes("orders", text.into_bytes());
        read_orders(source, &plan, ReadOptions::default(), &mut |lines, _| {
            kinds.extend(lines.kind.iter().map(|kind| format!("{kind:?}")));
            ControlFlow::Continue(())
        })
        .unwrap();
        (kinds.join(" "), plan.notes.join(" / "))
    };
    let header = "order_id,sku,qty,price,status";
    for status in [
        "Payment failed",
        "Storniert",
        "checkout-draft",
        "wc-checkout-draft",
        "pending",
        "Pending payment",
        "wc-pending",
        "CANCELLED",
        "Annulée",
        "Cancelado",
        "chargeback",
    ] {
        let (kind, notes) = kinds(status, header);
        assert_eq!(kind, "Cancellation", "{status}");
        let said = format!("orders that are {status:?} count for nothing");
        assert!(notes.contains(&said), "{notes}");
    }
    for status in ["paid", "processing", "on-hold", "partially_refunded", "completed", "unpaid"] {
        let (kind, notes) = kinds(status, header);
        assert_eq!(
            (kind.as_str(), notes.contains("count for nothing")),
            ("Sale", false),
            "{status}"
        );
    }
    // Shopify's pending orders are placed, and paid by bank or at the door.
    let shopify = "Name,Lineitem sku,Lineitem quantity,Lineitem price,Financial Status,\
                   Lineitem name";
    assert_eq!(kinds("pending,Mug", shopify).0, "Sale");
}

/// A quote that is never closed would eat the sample, and the plan with it.
#[test]
fn a_stray_quote_in_the_first_row_does_not_hide_the_others() {
    let rows: String = (0..60_000).map(|row| format!("o{row},p{row},2026-01-05\n")).collect();
    for text in [
        format!("order_id,sku,date\nx,\"y,2026-01-05\n{rows}"),
        format!("order_id,sku,date\nx,\"y,2026-01-05\n{rows}z,5\"w,2026-01-05\n"),
    ] {
        let plan = plan_with(text.as_bytes(), &PlanOptions::default()).unwrap();
        assert_eq!(plan.dates.map(|dates| dates.example).as_deref(), Some("2026-01-05"));
        let shown: Vec<_> = plan.columns.iter().map(|c| (c.field, c.example.as_str())).collect();
        assert_eq!(shown[0], (Some(Field::OrderId), "o0"));
        assert_eq!(shown.len(), 3);
    }
}

#[test]
fn what_an_interface_of_a_shop_gives_is_read_as_it_is() {
    let orders = [
        r#"{"id":450,"name":"R1","created_at":"2026-01-02T10:00:00Z","email":"a@b.c",
            "line_items":[{"sku":"a","name":"Mug","quantity":2,"price":"2.50"},
            {"sku":"b","name":"Pot","quantity":1,"price":"4.00"}]}"#,
        r#"{"id":451,"name":"R2","created_at":"2026-01-03T10:00:00Z","email":"d@e.f",
            "line_items":[{"sku":"a","name":"Mug","quantity":1,"price":"2.50"}]}"#,
    ];
    let lines = [
        "R1 a a@b.c 2026-01-02T10:00:00Z x2 2.5 Sale",
        "R1 b a@b.c 2026-01-02T10:00:00Z x1 4 Sale",
        "R2 a d@e.f 2026-01-03T10:00:00Z x1 2.5 Sale",
    ];
    check(&format!("{{\"orders\":[{}]}}", orders.join(",\n")), &lines);
    check(&format!("[{}]", orders.join(", ")), &lines);
    check(&orders.join("\n"), &lines);
    let one_line = orders.map(|order| order.replace('\n', "")).join(",");
    check(&format!("{{\"orders\":[{one_line}],\"next\":null}}"), &lines);
    // What is no order is set aside with its number.
    let told = [&lines[..], &["2 bad_json"]].concat();
    check(&format!("[{},7,{}]", orders[0], orders[1]), &told);
}

#[test]
fn a_list_that_ends_in_the_middle_is_refused() {
    let whole = r#"[{"order_id":1,"sku":"a"},{"order_id":2,"sku":"b"}]"#;
    let cut = &whole.as_bytes()[..whole.len() - 4];
    let plan = plan_with(cut, &PlanOptions::default()).unwrap();
    let source = Source::bytes("orders", cut.to_vec());
    let read =
        read_orders(source, &plan, ReadOptions::default(), &mut |_, _| ControlFlow::Continue(()));
    assert!(read.unwrap_err().to_string().contains("cut off"));
}

#[test]
fn lines_above_the_header_are_left_out_and_told() {
    let table = "order_id;sku;date;price\n1;a;2026-01-02;2,50\n";
    let lines = ["1 a - 2026-01-02T00:00:00Z x1 2.5 Sale"];
    for above in ["", "sep=;\r\n", "Sales of all shops\r\n\r\n", "# report\n# of Monday\n"] {
        let text = format!("{above}{table}");
        check(&text, &lines);
        let plan = plan_with(text.as_bytes(), &PlanOptions::default()).unwrap();
        let is_told = plan.notes.iter().any(|note| note.contains("above the header"));
        assert_eq!(is_told, !above.is_empty(), "{:?}", plan.notes);
        // Lines keep their numbers.
        let (_, rejects, _) =
            read_with(format!("{text};b;2026-01-02;1\n").as_bytes(), &PlanOptions::default());
        assert_eq!(rejects[0].line, above.lines().count() as u64 + 3);
    }
}

#[test]
fn a_word_that_stands_for_nothing_is_named() {
    let text = "order_id,sku,date\n1,NULL,2026-01-02\nNone,a,2026-01-02\n3,,2026-01-02\n";
    let (_, rejects, _) = read_with(text.as_bytes(), &PlanOptions::default());
    let details: Vec<&str> = rejects.iter().map(|reject| &*reject.detail).collect();
    assert_eq!(
        details,
        [
            "no item: sku is \"NULL\", which stands for nothing; write the item's id there",
            "no order: order_id is \"None\", which stands for nothing; write the order's id there",
            "no item: sku is empty; write the item's id there",
        ]
    );
}

#[test]
fn all_that_lacks_is_said_at_once() {
    let text = "Vorgang;Ware;Stück;Tag\n1;a;1;2026-01-02\n";
    let error = plan_with(text.as_bytes(), &PlanOptions::default()).unwrap_err().to_string();
    assert!(error.contains("no column for order_id, item_id; found: Vorgang, Ware"), "{error}");
    assert!(error.contains("(not understood: Vorgang, Ware, Tag)"), "{error}");
    assert!(error.contains("--map order_id=COLUMN --map item_id=COLUMN"), "{error}");
    let plan = plan_with(b"order_id,sku,whenever,worth\n1,a,x,2\n", &PlanOptions::default());
    let notes = plan.unwrap().notes.join(" / ");
    assert!(
        notes.contains(
            "warning: nothing was recognized as timestamp, unit_price, customer_id; not \
             understood: whenever, worth"
        ),
        "{notes}"
    );
}
