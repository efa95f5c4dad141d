use std::ops::ControlFlow;

use super::*;
use crate::import::{
    DayOrder, FileKind, ImportPlan, PlanOptions, ReadOptions, Source, read_orders,
};
use crate::{Reject, Timestamp};

pub(super) fn options(pairs: &[(&str, &str)]) -> PlanOptions {
    let map = pairs.iter().map(|(field, column)| (field.to_string(), column.to_string()));
    PlanOptions { map: map.collect(), ..PlanOptions::default() }
}

pub(super) fn plan_with(text: &[u8], options: &PlanOptions) -> Result<ImportPlan, Error> {
    let mut source = Source::bytes("orders", text.to_vec());
    ImportPlan::make(&mut source, FileKind::Orders, options)
}

pub(super) fn read_with(
    text: &[u8],
    options: &PlanOptions,
) -> (Vec<String>, Vec<Reject>, ReadSummary) {
    let plan = plan_with(text, options).unwrap();
    let (mut lines, mut rejects) = (Vec::new(), Vec::new());
    let source = Source::bytes("orders", text.to_vec());
    let summary =
        read_orders(source, &plan, ReadOptions { n_threads: 2 }, &mut |batch, set_aside| {
            lines.extend((0..batch.len()).map(|row| show(&batch, row)));
            rejects.extend_from_slice(set_aside);
            ControlFlow::Continue(())
        });
    (lines, rejects, summary.unwrap())
}

fn show(lines: &OrderLines, row: usize) -> String {
    let time = |at: Timestamp| if at == NO_TIME { "-".to_owned() } else { at.to_string() };
    format!(
        "{} {} {} {} x{} {}{} {:?}",
        lines.order_ids.get(row).unwrap(),
        lines.item_ids.get(row).unwrap_or("-"),
        lines.customer_ids.get(row).unwrap_or("-"),
        time(lines.at[row]),
        lines.quantity[row],
        lines.unit_price[row].map_or("-".to_owned(), |price| price.to_string()),
        lines.currency[row].map_or(String::new(), |currency| format!(" {currency}")),
        lines.kind[row],
    )
}

/// All lines, then all rejects as `line reason`.
pub(super) fn check(text: &str, expected: &[&str]) {
    check_with(text, &PlanOptions::default(), expected);
}

pub(super) fn check_with(text: &str, options: &PlanOptions, expected: &[&str]) {
    let (mut shown, rejects, summary) = read_with(text.as_bytes(), options);
    assert_eq!(summary.n_rejected, rejects.len() as u64);
    shown.extend(rejects.iter().map(|reject| format!("{} {}", reject.line, reject.reason.code())));
    assert_eq!(shown, expected, "for {text}");
}

#[test]
fn kinds_of_lines() {
    check(
        "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID\n\
         1,a,2,2010-12-01 08:26,2.55,17850.0\n\
         C2,a,-2,2010-12-02,2.55,17850.0\n\
         C3,b,1,2010-12-02,2.55,17850.0\n\
         4,b,-1,2010-12-02,2.55,\n\
         5,b,1,2010-12-02,0,\n\
         6,b,-10,2010-12-02,0,\n\
         A7,B,1,2010-12-02,-11062.06,\n\
         8,b,0,2010-12-02,1,\n",
        &[
            "1 a 17850 2010-12-01T08:26:00Z x2 2.55 Sale",
            "C2 a 17850 2010-12-02T00:00:00Z x-2 2.55 Return",
            "C3 b 17850 2010-12-02T00:00:00Z x1 2.55 Cancellation",
            "4 b - 2010-12-02T00:00:00Z x-1 2.55 Return",
            "5 b - 2010-12-02T00:00:00Z x1 0 Adjustment",
            "6 b - 2010-12-02T00:00:00Z x-10 0 Adjustment",
            "A7 B - 2010-12-02T00:00:00Z x1 -11062.06 Adjustment",
            "8 b - 2010-12-02T00:00:00Z x0 1 Adjustment",
        ],
    );
}

#[test]
fn order_fields_of_shopify_are_carried_down() {
    check(
        "Name,Email,Financial Status,Currency,Created at,Lineitem quantity,Lineitem name,\
         Lineitem price,Lineitem sku,Cancelled at\n\
         #1001,ann@x.org,paid,EUR,2021-01-05 12:34:56 +0100,2,Mug,5.00,M1,\n\
         #1001,,,,,1,Tea,3.50,,\n\
         #1002,bob@x.org,refunded,EUR,2021-01-06 10:00:00 +0100,1,Mug,5.00,M1,\n\
         #1003,,paid,EUR,2021-01-07 10:00:00 +0100,1,Mug,5.00,M1,2021-01-08 10:00:00 +0100\n\
         #1003,,,,,1,Tea,3.50,,\n",
        &[
            "#1001 M1 ann@x.org 2021-01-05T11:34:56Z x2 5 EUR Sale",
            "#1001 Tea ann@x.org 2021-01-05T11:34:56Z x1 3.5 EUR Sale",
            "#1002 M1 bob@x.org 2021-01-06T09:00:00Z x1 5 EUR Cancellation",
            "#1003 M1 - 2021-01-07T09:00:00Z x1 5 EUR Cancellation",
            "#1003 Tea - 2021-01-07T09:00:00Z x1 3.5 EUR Cancellation",
        ],
    );
}

#[test]
fn woocommerce() {
    check(
        "Order Number,Order Status,Order Date,Customer ID,Customer Email,Item Name,SKU,Quantity,\
         Item Cost,Order Currency\n\
         7,wc-completed,2021-01-05 12:00,0,ann@x.org,Mug,,1,5,GBP\n\
         8,cancelled,2021-01-05 12:00,12,ann@x.org,Mug,M1,1,5,GBP\n\
         9,processing,2021-01-05 12:00,0,,Mug,M1,1,5,pounds\n",
        &[
            "7 Mug ann@x.org 2021-01-05T12:00:00Z x1 5 GBP Sale",
            "8 M1 12 2021-01-05T12:00:00Z x1 5 GBP Cancellation",
            "4 bad_currency",
        ],
    );
}

#[test]
fn analytics_exports_hold_orders_among_other_events() {
    check(
        "event_name,event_timestamp,user_pseudo_id,ecommerce.transaction_id,items.item_id,\
         items.quantity,items.price\n\
         page_view,1612345678000000,u1,,,,\n\
         purchase,1612345678000000,u1,T1,sku1,2,9.99\n\
         purchase,1612345678000000,u1,T1,sku2,,9.99\n\
         refund,1612345999000000,u1,T1,sku1,1,9.99\n",
        &[
            "T1 sku1 u1 2021-02-03T09:47:58Z x2 9.99 Sale",
            "T1 sku2 u1 2021-02-03T09:47:58Z x1 9.99 Sale",
            "T1 sku1 u1 2021-02-03T09:53:19Z x-1 9.99 Return",
        ],
    );
    let nested = "{\"event_name\":\"purchase\",\"event_timestamp\":1612345678000000,\
         \"user_pseudo_id\":\"u1\",\"ecommerce\":{\"transaction_id\":\"T1\"},\
         \"items\":[{\"item_id\":\"a\",\"quantity\":2,\"price\":1.5},{\"item_id\":\"b\",\
         \"price\":2}]}\n\
         {\"event_name\":\"session_start\",\"event_timestamp\":1612345678000001,\
         \"user_pseudo_id\":\"u1\",\"items\":[{\"item_id\":null}]}\n\
         ";
    check(
        nested,
        &["T1 a u1 2021-02-03T09:47:58Z x2 1.5 Sale", "T1 b u1 2021-02-03T09:47:58Z x1 2 Sale"],
    );
}

/// Rows as BigQuery writes them: most events have no items, and a full refund names none.
#[test]
fn analytics_export_of_bigquery() {
    let row = |name: &str, at: u64, order: &str, items: &str| {
        format!(
            "{{\"event_date\":\"20210203\",\"event_timestamp\":\"{at}\",\"event_name\":\"{name}\",\
             \"event_params\":[{{\"key\":\"ga_session_id\",\"value\":{{\"int_value\":\"9\"}}}}],\
             \"user_pseudo_id\":\"u1\",\"ecommerce\":{{\"transaction_id\":\"{order}\"}},\
             \"items\":[{items}]}}\n"
        )
    };
    let lines = "{\"item_id\":\"a\",\"quantity\":\"2\",\"price\":1.5},{\"item_id\":\"(not set)\",\
                 \"item_name\":\"Tea\",\"price\":2}";
    let text = [
        row("session_start", 1_612_345_678_000_000, "(not set)", ""),
        row("page_view", 1_612_345_678_000_001, "(not set)", ""),
        row("purchase", 1_612_345_679_000_000, "T1", "{\"item_id\":\"a\",\"price\":1.5}"),
        row("purchase", 1_612_345_680_000_000, "T2", lines),
        row("purchase", 1_612_345_681_000_000, "T3", ""),
        row("refund", 1_612_345_682_000_000, "T1", ""),
    ];
    check(
        &text.concat(),
        &[
            "T1 a u1 2021-02-03T09:47:59Z x1 1.5 Sale",
            "T1 - u1 2021-02-03T09:48:02Z x0 - Return",
            "4 missing_item",
            "5 missing_item",
        ],
    );
    let (_, _, summary) = read_with(text.concat().as_bytes(), &PlanOptions::default());
    assert_eq!((summary.n_rows, summary.n_skipped, summary.n_taken), (6, 2, 2));
}

#[test]
fn refunds_and_repetitions_are_marked() {
    let marks = |text: &str| {
        let plan = plan_with(text.as_bytes(), &PlanOptions::default()).unwrap();
        let mut shown = Vec::new();
        let source = Source::bytes("orders", text.as_bytes().to_vec());
        read_orders(source, &plan, ReadOptions { n_threads: 1 }, &mut |lines, _| {
            for row in 0..lines.len() {
                let code = lines.order_ids.codes[row] as usize;
                let mark = lines.order_marks.get(code).cloned().unwrap_or_default();
                shown.push(format!(
                    "{} {:?} {:?} {:?}",
                    lines.order_ids.get(row).unwrap(),
                    mark.source.as_deref().unwrap_or("-"),
                    mark.refund_id.as_deref().unwrap_or("-"),
                    mark.sent_at.map(|at| at.0)
                ));
            }
            ControlFlow::Continue(())
        })
        .unwrap();
        shown
    };
    let analytics = "event_name,event_timestamp,user_pseudo_id,transaction_id,items.item_id\n\
        purchase,1612345678000000,u1,T1,a\n\
        purchase,1612345999000000,u1,T1,a\n\
        refund,1612346000000000,u1,T1,a\n";
    assert_eq!(
        marks(analytics),
        [
            "T1 \"-\" \"-\" Some(1612345678000000)",
            "T1 \"-\" \"-\" Some(1612345999000000)",
            "T1 \"-\" \"T1@2021-02-03T09:53:20Z\" None",
        ]
    );
    let own = "source,order_id,item_id,quantity,line_kind,refund_id\n\
        shop,1,a,1,sale,\ntill,1,a,1,sale,\n,1,,0,return,key:ff\n";
    assert_eq!(
        marks(own),
        ["1 \"shop\" \"-\" None", "1 \"till\" \"-\" None", "1 \"-\" \"key:ff\" None"]
    );
    assert_eq!(marks("order_id,sku,source\n1,a,web\n"), ["1 \"-\" \"-\" None"]);
}

#[test]
fn kinds_of_lines_that_the_file_declares() {
    check(
        "source,order_id,item_id,quantity,unit_price,line_kind\n\
         shop,1,a,2,2.5,sale\nshop,1,b,2,2.5,cancellation\nshop,1,c,2,2.5,return\n\
         shop,1,d,2,2.5,adjustment\nshop,1,e,2,2.5,\nshop,1,f,2,2.5,gift\n",
        &[
            "1 a - - x2 2.5 Sale",
            "1 b - - x2 2.5 Cancellation",
            "1 c - - x-2 2.5 Return",
            "1 d - - x2 2.5 Adjustment",
            "1 e - - x2 2.5 Sale",
            "7 bad_value",
        ],
    );
}

/// `is_return`: the row is a return. `returned`: the sale came back.
#[test]
fn flags_of_returns() {
    check(
        "order_id,sku,qty,price,is_return\n1,a,2,5,false\nR1,a,2,5,true\nR2,a,-2,5,yes\n",
        &["1 a - - x2 5 Sale", "R1 a - - x-2 5 Return", "R2 a - - x-2 5 Return"],
    );
    check(
        "order_id,sku,qty,price,returned\n1,a,2,5,no\n2,a,2,5,yes\n",
        &["1 a - - x2 5 Sale", "2 a - - x2 5 Cancellation"],
    );
}

#[test]
fn nested_json_orders() {
    check(
        "{\"order_id\":1,\"created_at\":\"2021-02-03T10:00:00Z\",\"customer_id\":\"c\",\
         \"currency\":\"EUR\",\"items\":[{\"sku\":\"a\",\"quantity\":2,\"price\":\"1.50\"},\
         {\"sku\":\"b\",\"price\":2.55}]}\n\
         {\"order_id\":2,\"created_at\":\"2021-02-04\",\"items\":[]}\n\
         {\"order_id\":3,\"created_at\":\"2021-02-04\",\"items\":[{\"sku\":\"a\"},{\"sku\":\"\"},\
         {\"sku\":\"c\",\"quantity\":\"many\"}]}\n\
         {\"order_id\":4,\"created_at\":\n\
         [1]\n\
         ",
        &[
            "1 a c 2021-02-03T10:00:00Z x2 1.5 EUR Sale",
            "1 b c 2021-02-03T10:00:00Z x1 2.55 EUR Sale",
            "2 missing_item",
            "3 missing_item",
            "4 bad_json",
            "5 bad_json",
        ],
    );
}

#[test]
fn rows_that_cannot_be_used() {
    let text = "order_id,sku,date,qty,price\n\
        1,,2021-01-01,1,1\n\
        ,a,2021-01-01,1,1\n\
        1,a,,1,1\n\
        1,a,soon,1,1\n\
        1,a,2021-01-01,,1\n\
        1,a,2021-01-01,lots,1\n\
        1,a,2021-01-01,1000000001,1\n\
        1,a,2021-01-01,1,99999999999\n\
        1,a,2021-01-01,1,cheap\n\
        1,a,2021-01-01,1\n\
        1,a,2021-01-01,1,1,1\n\
        1,a,2021-01-01,1,1,,\n\
        1,a,2021-01-01,1,\n";
    check(
        text,
        &[
            "1 a - 2021-01-01T00:00:00Z x1 1 Sale",
            "1 a - 2021-01-01T00:00:00Z x1 - Sale",
            "2 missing_item",
            "3 missing_order",
            "4 missing_date",
            "5 bad_date",
            "6 bad_quantity",
            "7 bad_quantity",
            "8 bad_quantity",
            "9 bad_price",
            "10 bad_price",
            "11 ragged_row",
            "12 ragged_row",
        ],
    );
    let (_, rejects, summary) = read_with(text.as_bytes(), &PlanOptions::default());
    assert_eq!(rejects[3].raw, "1,a,soon,1,1");
    assert_eq!(rejects[3].detail, "date is \"soon\", which is no date; write it like 2021-01-01");
    assert_eq!(summary.n_rows, 13);
    assert_eq!(summary.rejected[&RejectReason::BadQuantity], 3);
}

#[test]
fn dates_in_three_forms_in_one_column() {
    check(
        "order_id,sku,date\n1,a,2021-03-14\n2,a,14.03.2021\n3,a,\"Mar 14, 2021\"\n4,a,14/3/2021\n\
         5,a,3/14/2021\n6,a,2/3/2021\n",
        &[
            "1 a - 2021-03-14T00:00:00Z x1 - Sale",
            "2 a - 2021-03-14T00:00:00Z x1 - Sale",
            "3 a - 2021-03-14T00:00:00Z x1 - Sale",
            "4 a - 2021-03-14T00:00:00Z x1 - Sale",
            "5 a - 2021-03-14T00:00:00Z x1 - Sale",
            // Both orders occur, so a date that reads both ways cannot be told.
            "7 bad_date",
        ],
    );
}

/// The sample reads both ways; what follows it does not.
#[test]
fn a_date_that_disproves_the_assumed_order_refuses_the_file() {
    let rows: String = (0..60_000).map(|row| format!("{row},a,05/01/2023\n")).collect();
    let text = format!("order_id,sku,date\n{rows}x,a,05/13/2023\n");
    let plan = plan_with(text.as_bytes(), &PlanOptions::default()).unwrap();
    let read = |options: &PlanOptions| {
        let plan = plan_with(text.as_bytes(), options).unwrap();
        let source = Source::bytes("orders", text.as_bytes().to_vec());
        read_orders(source, &plan, ReadOptions::default(), &mut |_, _| ControlFlow::Continue(()))
    };
    assert_eq!(plan.day_order().map(DayOrder::option), Some("day-first"));
    let error = read(&PlanOptions::default()).unwrap_err().to_string();
    assert!(error.starts_with("orders:60002: date is \"05/13/2023\""), "{error}");
    assert!(error.ends_with("--day-order month-first"), "{error}");
    // What a person tells stands above what the file seems to say.
    let told = |order| PlanOptions { day_order: Some(order), ..PlanOptions::default() };
    assert_eq!(read(&told(DayOrder::MonthFirst)).unwrap().n_rejected, 0);
    let summary = read(&told(DayOrder::DayFirst)).unwrap();
    assert_eq!(summary.rejected[&RejectReason::OtherDayOrder], 1);
}

#[test]
fn ids_of_all_kinds() {
    let long = "x".repeat(10_000);
    check(
        &format!(
            "order_id,sku,customer\n 1 ,\"red \"\"mug\"\"\",🦀 crab \n2,a b  c,'q'\n3,{long},c\n4,\
            \"two\nlines\",é\n5,a,{long}\n"
        ),
        &[
            "1 red \"mug\" 🦀 crab - x1 - Sale",
            "2 a b  c 'q' - x1 - Sale",
            "4 two\nlines é - x1 - Sale",
            "4 id_too_long",
            "7 id_too_long",
        ],
    );
}

#[test]
fn money_in_other_notations() {
    check(
        "order_id;sku;date;qty;price\n1;a;01.02.2021;2;\"1.234,50 €\"\n2;a;13.02.2021;1,5;\"3,\
         00 €\"\n",
        &[
            "1 a - 2021-02-01T00:00:00Z x2 1234.5 EUR Sale",
            "2 a - 2021-02-13T00:00:00Z x1.5 3 EUR Sale",
        ],
    );
    let told = PlanOptions { currency: Currency::parse("gbp"), ..PlanOptions::default() };
    check_with("order_id,sku,price\n1,a,2\n", &told, &["1 a - - x1 2 GBP Sale"]);
    check_with(
        "order_id,sku,qty,line_total\n1,a,3,10\n2,a,-2,-5\n3,a,0,5\n",
        &told,
        &[
            "1 a - - x3 3.333333 GBP Sale",
            "2 a - - x-2 2.5 GBP Return",
            "3 a - - x0 - GBP Adjustment",
        ],
    );
}

#[test]
fn fields_mapped_by_hand() {
    check_with(
        "belegnr,artikel,wann\n1,a,2021-01-02\n",
        &options(&[("order_id", "Belegnr"), ("item_id", "artikel"), ("timestamp", "#3")]),
        &["1 a - 2021-01-02T00:00:00Z x1 - Sale"],
    );
    check_with(
        "order_id,sku,user_id\n1,a,7\n",
        &options(&[("customer_id", "-")]),
        &["1 a - - x1 - Sale"],
    );
    let error = |map: &[(&str, &str)]| {
        plan_with(b"order_id,sku\n1,a\n", &options(map)).unwrap_err().to_string()
    };
    assert!(error(&[("colour", "sku")]).contains("the fields are: order_id, item_id, title"));
    assert!(error(&[("item_id", "skew")]).contains("it has: order_id, sku"));
    assert!(error(&[("item_id", "#9")]).contains("no such column"));
}

#[test]
fn orders_without_an_id_are_made_only_when_asked() {
    let text = "session_id,user_id,sku,date\n1,u,a,2021-01-02 10:00\n1,u,b,2021-01-02 10:00\n2,,\
         a,2021-01-02\n";
    let error = plan_with(text.as_bytes(), &PlanOptions::default()).unwrap_err().to_string();
    assert!(error.contains("no column for order_id; found: session_id, user_id, sku, date"));
    assert!(error.contains("--order-from"));
    let by = |order_from| PlanOptions { order_from, ..PlanOptions::default() };
    check_with(
        text,
        &by(OrderFrom::Session),
        &[
            "1 a u 2021-01-02T10:00:00Z x1 - Sale",
            "1 b u 2021-01-02T10:00:00Z x1 - Sale",
            "2 a - 2021-01-02T00:00:00Z x1 - Sale",
        ],
    );
    check_with(
        text,
        &by(OrderFrom::CustomerAndTime),
        &[
            "u@2021-01-02T10:00:00Z a u 2021-01-02T10:00:00Z x1 - Sale",
            "u@2021-01-02T10:00:00Z b u 2021-01-02T10:00:00Z x1 - Sale",
            "4 missing_order",
        ],
    );
}

#[test]
fn titles_come_from_lines_that_were_sold() {
    let text = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice\n\
        1,a,damaged,-5,2010-12-01,0\n2,a,MUG,1,2010-12-01,1\n3,a,mug,1,2010-12-01,1\n4,b,?,1,\
         2010-12-01,0\n";
    let plan = plan_with(text.as_bytes(), &PlanOptions::default()).unwrap();
    let mut titles = Vec::new();
    let source = Source::bytes("orders", text.as_bytes().to_vec());
    read_orders(source, &plan, ReadOptions::default(), &mut |batch, _| {
        let named = |(code, title): &(u32, Box<str>)| {
            format!("{} {title}", batch.item_ids.dictionary[*code as usize])
        };
        titles.extend(batch.titles.iter().map(named));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(titles, ["a MUG"]);
}

#[test]
fn a_plan_for_another_kind_of_file_is_refused() {
    let mut source = Source::bytes("items", &b"item_id,title\n1,a\n"[..]);
    let plan = ImportPlan::make(&mut source, FileKind::Items, &PlanOptions::default()).unwrap();
    let result =
        read_orders(source, &plan, ReadOptions::default(), &mut |_, _| ControlFlow::Continue(()));
    assert!(matches!(result, Err(Error::OtherPlan { planned: "items", asked: "orders", .. })));
}

#[test]
fn typed_times_of_absurd_years_are_set_aside_in_any_zone() {
    let plan = plan_with(b"order_id,sku,date\n1,a,2021-01-02\n", &PlanOptions::default()).unwrap();
    let mut builder = OrderBuilder::new(&plan);
    let mut push = |us: i64, is_utc: bool| {
        let row = [Cell::Int(1), Cell::Text("a"), Cell::Time { us, is_utc }];
        builder.push(&row[..]).map_err(|fault| fault.reason)
    };
    let year_us = 366 * crate::time::DAY_US;
    for is_utc in [true, false] {
        assert_eq!(push(50 * year_us, is_utc), Ok(Taken::Line));
        for us in [-100 * year_us, 300 * year_us, i64::MAX, i64::MIN] {
            assert_eq!(push(us, is_utc), Err(RejectReason::BadDate), "{us} {is_utc}");
        }
    }
}
