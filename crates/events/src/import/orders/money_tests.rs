//! What prices are in, how they are written, and what a refund gives back.

use super::tests::{check, check_with, plan_with, read_with};
use crate::import::{CurrencyPlan, PlanOptions, ReadOptions, Source, read_orders};
use crate::{Currency, RejectReason};
use std::ops::ControlFlow;

fn told(code: &str) -> PlanOptions {
    PlanOptions { currency: Currency::parse(code), ..PlanOptions::default() }
}

fn currency_plan(text: &str) -> CurrencyPlan {
    plan_with(text.as_bytes(), &PlanOptions::default()).unwrap().currency
}

#[test]
fn letters_beside_a_price_are_no_currency() {
    let text = "order_id,sku,qty,price\n1,a,1,2.00\n2,b,1,TBD\n3,b,1,3.10\n4,b,1,inf\n";
    assert_eq!(currency_plan(text), CurrencyPlan::Unknown);
    check(text, &["1 a - - x1 2 Sale", "3 b - - x1 3.1 Sale", "3 bad_price", "5 bad_price"]);
    check_with(
        "order_id,sku,qty,price\n1,a,1,2.00\n2,a,1,3.10 NET\n3,a,1,4.00 pcs\n4,a,1,GBP 5\n",
        &told("GBP"),
        &["1 a - - x1 2 GBP Sale", "4 a - - x1 5 GBP Sale", "3 bad_price", "4 bad_price"],
    );
    check(
        "order_id,sku,price,currency\n1,a,2,TBD\n2,a,2,gbp\n3,a,2,HRK\n",
        &["2 a - - x1 2 GBP Sale", "3 a - - x1 2 HRK Sale", "2 bad_currency"],
    );
}

#[test]
fn the_sample_must_agree_on_its_currency() {
    let header = "order_id,sku,price\n";
    let gbp = Currency::parse("GBP").unwrap();
    let most = format!("{header}1,a,£2\n2,a,£3\n3,a,4\n");
    assert_eq!(currency_plan(&most), CurrencyPlan::Symbol(gbp));
    check(&most, &["1 a - - x1 2 GBP Sale", "2 a - - x1 3 GBP Sale", "3 a - - x1 4 GBP Sale"]);
    // One row among many does not speak for them, and two currencies speak for none.
    assert_eq!(currency_plan(&format!("{header}1,a,2\n2,a,£3\n3,a,4\n")), CurrencyPlan::Unknown);
    let both = format!("{header}1,a,£2\n2,a,3 EUR\n3,a,4\n");
    check(&both, &["1 a - - x1 2 GBP Sale", "2 a - - x1 3 EUR Sale", "3 a - - x1 4 Sale"]);
    let notes = plan_with(both.as_bytes(), &PlanOptions::default()).unwrap().notes.join(" / ");
    assert!(notes.contains("several currencies (EUR, GBP)"), "{notes}");
}

#[test]
fn a_price_that_contradicts_the_currency_told_is_set_aside_and_said() {
    let text = "order_id,sku,price\n1,a,2\n2,a,3 EUR\n3,a,£4\n";
    check_with(
        text,
        &told("GBP"),
        &["1 a - - x1 2 GBP Sale", "3 a - - x1 4 GBP Sale", "3 bad_currency"],
    );
    let (_, rejects, _) = read_with(text.as_bytes(), &told("GBP"));
    assert_eq!(
        rejects[0].detail,
        "the price is in EUR, but --currency says GBP; leave --currency out, or mend the row"
    );
    let notes = plan_with(text.as_bytes(), &told("GBP")).unwrap().notes.join(" / ");
    assert!(notes.contains("prices in EUR, such as 3 EUR, contradict --currency GBP"), "{notes}");
    // Many countries have a dollar.
    check_with("order_id,sku,price\n1,a,$2\n", &told("CAD"), &["1 a - - x1 2 CAD Sale"]);
    check_with("order_id,sku,price\n1,a,US$2\n", &told("CAD"), &["2 bad_currency"]);
}

#[test]
fn a_refund_of_a_line_total_gives_back_what_was_paid() {
    check(
        "event_name,event_timestamp,user_pseudo_id,transaction_id,items.item_id,items.quantity,\
         items.item_revenue\n\
         purchase,1612345678000000,u,T1,A,1,3.50\n\
         refund,1612345678000001,u,T1,A,1,3.50\n",
        &["T1 A u 2021-02-03T09:47:58Z x1 3.5 Sale", "T1 A u 2021-02-03T09:47:58Z x-1 3.5 Return"],
    );
    check(
        "order_id,sku,qty,line_total,is_return\n\
         1,a,2,7.00,no\n2,a,2,7.00,yes\n3,a,2,-7.00,yes\n4,a,-2,7.00,no\n5,a,-2,-7.00,\n\
         6,a,1,-7.00,no\n7,a,-2,7.00,yes\n",
        &[
            "1 a - - x2 3.5 Sale",
            "2 a - - x-2 3.5 Return",
            "3 a - - x-2 3.5 Return",
            "4 a - - x-2 3.5 Return",
            "5 a - - x-2 3.5 Return",
            "6 a - - x1 -7 Adjustment",
            "7 a - - x-2 3.5 Return",
        ],
    );
    // The sign stands at the price in place of the quantity; with both, a discount is taken back.
    check(
        "order_id,sku,qty,price,is_return\n1,a,2,-3.50,yes\n2,discount,-1,-3.50,yes\n",
        &["1 a - - x-2 3.5 Return", "2 discount - - x-1 -3.5 Return"],
    );
}

/// 50,000 rows without a decimal sign fill the sample; what follows shows it.
fn after_the_sample(delimiter: char, whole: &str, then: &str) -> String {
    let mut text = String::from("order_id,sku,price\n");
    for row in 0..60_000 {
        text.push_str(&format!("{row},a,{whole}\n"));
    }
    let text = text + &format!("x,a,{then}\n");
    if delimiter == ';' { text.replace(',', ";").replace('^', ",") } else { text }
}

fn read_after(text: &str, decimal: Option<u8>) -> Result<u64, String> {
    let options = PlanOptions { decimal, ..PlanOptions::default() };
    let plan = plan_with(text.as_bytes(), &options).unwrap();
    let source = Source::bytes("orders", text.as_bytes().to_vec());
    let read =
        read_orders(source, &plan, ReadOptions::default(), &mut |_, _| ControlFlow::Continue(()));
    read.map(|summary| summary.n_rejected).map_err(|error| error.to_string())
}

#[test]
fn a_number_that_disproves_the_assumed_decimal_sign_refuses_the_file() {
    // A comma is what a semicolon speaks for, where no number does.
    assert_eq!(read_after(&after_the_sample(';', "2", "2^50"), None), Ok(0));
    let point = after_the_sample(';', "2", "2.50");
    let error = read_after(&point, None).unwrap_err();
    assert!(error.starts_with("orders:60002: price is \"2.50\", which reads only"), "{error}");
    assert!(error.ends_with("import it with --decimal point"), "{error}");
    assert_eq!(read_after(&point, Some(b'.')), Ok(0));
    let comma = after_the_sample(',', "2", "\"2,50\"");
    let error = read_after(&comma, None).unwrap_err();
    assert!(error.ends_with("import it with --decimal comma"), "{error}");
    // Where the sample shows it, or a person tells it, one row is a mistake of its own.
    assert_eq!(read_after(&comma, Some(b'.')), Ok(1));
    assert_eq!(read_after(&after_the_sample(',', "2.5", "\"2,50\""), None), Ok(1));
    let (_, rejects, _) =
        read_with(b"order_id,sku,price\n1,a,2.5\n2,a,3.5\n3,a,\"2,50\"\n", &PlanOptions::default());
    assert_eq!(rejects[0].reason.code(), "other_decimal");
    assert_ne!(rejects[0].reason, RejectReason::BadPrice);
}

#[test]
fn the_decimal_sign_is_said_where_nothing_shows_it() {
    let plan = |text: &str| plan_with(text.as_bytes(), &PlanOptions::default()).unwrap();
    let notes = |text: &str| plan(text).notes.join(" / ");
    let whole = "order_id;sku;price\n1;a;2\n";
    assert_eq!(plan(whole).decimal, b',');
    assert!(notes(whole).contains("a decimal comma is assumed"), "{}", notes(whole));
    assert!(notes(whole).contains("--decimal"), "{}", notes(whole));
    assert!(!notes("order_id,sku,price\n1,a,2\n").contains("decimal"));
    let both_ways = "order_id,sku,price\n1,a,\"1,234\"\n";
    assert!(notes(both_ways).contains("a decimal point is assumed"), "{}", notes(both_ways));
    let shown = notes("order_id;sku;price\n1;a;2.5\n");
    assert!(shown.contains("decimal point, though columns are separated by semicolons"));
    // What reads as no number with a comma speaks for the point.
    assert_eq!(plan("order_id;sku;price\n1;a;1,234,567\n").decimal, b'.');
}
