use super::*;
use crate::import::Compression;

fn make(text: &str, options: &PlanOptions) -> ImportPlan {
    let mut source = Source::bytes("file", text.as_bytes().to_vec());
    ImportPlan::make(&mut source, FileKind::Orders, options).unwrap()
}

fn notes(text: &str) -> String {
    make(text, &PlanOptions::default()).notes.join(" / ")
}

#[test]
fn what_a_person_should_know_is_said() {
    assert_eq!(
        notes("order_id,title,price,date\n1,Mug,2,1/2/2021\n"),
        "dates such as 1/2/2021 are read as day/month (assumed: every date reads both ways); \
         tell otherwise with --day-order \
         / no column of item ids: items are told apart by their titles \
         / no column of customers: all orders are anonymous \
         / no column of quantities: every line counts as one piece \
         / the currency is not known: tell it with --currency"
    );
    let said = notes("order_id,sku,user_id,qty,amount\n1,a,7,2,5\n");
    assert!(said.contains("no column of dates"), "{said}");
    assert!(said.contains("amount is taken as the sum of a line"), "{said}");
    let said = notes("order_id,sku,sku,date\n1,a,b,13/01/2021\n2,a,b,01/13/2021\n");
    assert!(said.contains("the file holds both orders"), "{said}");
    assert!(said.contains("1 column names stand twice"), "{said}");
    let said = notes(
        "InvoiceNo,StockCode,CustomerID,InvoiceDate\n1,a,17850.0,2010-12-01\n2,a,,1.12.2010\n",
    );
    assert!(said.contains("ids are written as 17850.0"), "{said}");
    assert!(said.contains("credit notes"), "{said}");
    assert!(said.contains("some dates are written otherwise"), "{said}");
}

#[test]
fn columns_with_fields_examples_and_reasons() {
    let plan = make("order_id,sku,country,total\n1,a,France,5\n", &PlanOptions::default());
    let shown: Vec<_> = plan
        .columns
        .iter()
        .map(|c| (c.name.as_str(), c.field.map(Field::as_str), c.note.as_str(), c.example.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("order_id", Some("order_id"), "", "1"),
            ("sku", Some("item_id"), "", "a"),
            ("country", None, "a country is no location of a shop", "France"),
            ("total", None, "a sum of the whole order", "5"),
        ]
    );
    assert_eq!((plan.compression, plan.n_sample_rows), (Compression::None, 1));
}

#[test]
fn currency_decimal_sign_and_zone() {
    let plan = make("order_id;sku;price\n1;a;2,50 €\n", &PlanOptions::default());
    assert_eq!(plan.currency, CurrencyPlan::Symbol(Currency::parse("EUR").unwrap()));
    assert_eq!(plan.decimal, b',');
    assert_eq!(plan.time_zone, "UTC");
    let gbp = Currency::parse("GBP");
    let options = PlanOptions {
        currency: gbp,
        time_zone: Some("America/New_York".into()),
        decimal: Some(b'.'),
        ..PlanOptions::default()
    };
    let plan = make("order_id,sku,price,date\n1,a,2,1/2/2021\n", &options);
    assert_eq!(plan.currency, CurrencyPlan::Told(gbp.unwrap()));
    assert_eq!(plan.day_order(), Some(DayOrder::MonthFirst), "an American zone speaks for it");
    let plan = make("order_id,sku,price,currency\n1,a,2,EUR\n", &options);
    assert_eq!(plan.currency, CurrencyPlan::Column { otherwise: gbp });
}

#[test]
fn fees_are_proposed_with_their_lines() {
    let plan = make(
        "order_id,sku,title\n1,POST,POSTAGE\n2,POST,POSTAGE\n1,M,Manual\n1,22000,\
         POSTAGE STAMP MUG\n",
        &PlanOptions::default(),
    );
    let shown: Vec<_> = plan.fees.iter().map(|fee| (fee.item_id.as_str(), fee.n_lines)).collect();
    assert_eq!(shown, [("POST", 2), ("M", 1)]);
}

#[test]
fn a_clock_column_counts_only_beside_dates_without_clocks() {
    let clock = |text| make(text, &PlanOptions::default()).column_of(Field::Clock);
    assert_eq!(clock("order_id,sku,order_date,order_time\n1,a,1/1/23,11:38:36 AM\n"), Some(3));
    assert_eq!(clock("order_id,sku,timestamp,time\n1,a,2023-01-01 10:00,10:00\n"), None);
    assert_eq!(clock("order_id,sku,date,time\n1,a,2023-01-01,lunch\n"), None);
}

#[test]
fn an_event_column_counts_only_where_it_names_purchases() {
    let event = |text| make(text, &PlanOptions::default()).column_of(Field::EventName);
    assert_eq!(event("order_id,sku,event\n1,a,purchase\n"), Some(2));
    assert_eq!(event("order_id,sku,event\n1,a,Christmas market\n"), None);
}
