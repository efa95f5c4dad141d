//! The real files: what is read must be what is known of them.
//! Needs the data sets: the folder is named by `ALONGSIDE_TEST_DATA`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::PathBuf;

use events::import::{FileKind, Format, ImportPlan, PlanOptions, ReadOptions, Shape, Source};
use events::import::{
    ReadSummary, propose_kind, read_customers, read_events, read_holdings, read_items, read_orders,
};
use events::{Amount, OrderLines};

fn open(relative: &str) -> Option<Source> {
    let folder = std::env::var_os("ALONGSIDE_TEST_DATA").map(PathBuf::from);
    let file = folder.and_then(|folder| File::open(folder.join(relative)).ok());
    if file.is_none() {
        println!("skipped: ALONGSIDE_TEST_DATA is not set or lacks {relative}");
    }
    Some(Source::file(relative, file?))
}

fn plan(source: &mut Source, kind: FileKind) -> ImportPlan {
    ImportPlan::make(source, kind, &PlanOptions::default()).unwrap()
}

/// One line as text, so that batches of different cut can be compared.
fn rows(lines: &OrderLines) -> Vec<String> {
    let row = |i: usize| {
        format!(
            "{} {} {:?} {} {:?} {} {:?}",
            lines.order_ids.get(i).unwrap(),
            lines.item_ids.get(i).unwrap(),
            lines.customer_ids.get(i),
            lines.quantity[i],
            lines.unit_price[i],
            lines.at[i],
            lines.kind[i],
        )
    };
    (0..lines.len()).map(row).collect()
}

fn read(mut source: Source, n_threads: usize) -> (Vec<String>, ReadSummary, ImportPlan) {
    let plan = plan(&mut source, FileKind::Orders);
    let mut all = Vec::new();
    let summary = read_orders(source, &plan, ReadOptions { n_threads }, &mut |lines, rejects| {
        assert!(rejects.is_empty(), "{:?}", rejects[0]);
        all.extend(rows(&lines));
        ControlFlow::Continue(())
    });
    (all, summary.unwrap(), plan)
}

#[test]
fn the_csv_as_people_have_it_equals_the_normalized_parquet() {
    let Some(csv) = open("online_retail/online_retail.csv.zst") else { return };
    let Some(parquet) = open("online_retail/transactions.parquet") else { return };
    let (from_csv, summary, plan) = read(csv, 2);
    assert_eq!(plan.shape, Shape::Uci);
    assert_eq!(plan.format, Format::Delimited { delimiter: b',', terminator: b'\n' });
    assert!(plan.float_customer_ids);
    assert_eq!(summary.n_rows, 541_909);
    assert_eq!(summary.n_taken, 541_909);
    assert_eq!(summary.n_rejected, 0);
    // Sales, returns, cancellations, adjustments: counted from the file by other means.
    assert_eq!(summary.n_by_kind, [530_104, 9_288, 0, 2_517]);
    let (first, last) = summary.span.unwrap();
    assert_eq!(first.to_string(), "2010-12-01T08:26:00Z");
    assert_eq!(last.to_string(), "2011-12-09T12:50:00Z");
    let fees: Vec<&str> = plan.fees.iter().map(|fee| fee.item_id.as_str()).collect();
    assert_eq!(fees[..3], ["POST", "DOT", "M"]);

    let (from_parquet, parquet_summary, _) = read(parquet, 2);
    assert_eq!(from_csv.len(), from_parquet.len());
    for (csv, parquet) in from_csv.iter().zip(&from_parquet) {
        assert_eq!(csv, parquet);
    }
    assert_eq!(parquet_summary.n_by_kind, summary.n_by_kind);
}

#[test]
fn one_thread_and_many_read_the_same() {
    let read_with = |n| open("online_retail/online_retail.csv.zst").map(|source| read(source, n).0);
    let (Some(one), Some(many)) = (read_with(1), read_with(8)) else { return };
    assert!(one == many);
}

#[test]
fn fees_of_the_real_catalogue() {
    let Some(mut source) = open("online_retail/items.parquet") else { return };
    let plan = plan(&mut source, FileKind::Items);
    let mut fees = Vec::new();
    let mut n_items = 0;
    read_items(source, &plan, ReadOptions::default(), &mut |items, _| {
        n_items += items.len();
        for item in items {
            if propose_kind(&item.item_id, item.title.as_deref()).is_some() {
                fees.push(item.item_id);
            }
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(n_items, 4_070);
    fees.sort();
    let expected = [
        "22016",
        "23444",
        "23574",
        "AMAZONFEE",
        "B",
        "BANK CHARGES",
        "C2",
        "CRUK",
        "D",
        "DOT",
        "M",
        "POST",
        "S",
        "gift_0001_10",
        "gift_0001_20",
        "gift_0001_30",
        "gift_0001_40",
        "gift_0001_50",
        "m",
    ];
    assert_eq!(fees, expected);
}

/// Rows taken, sales, and the first line of each order file.
#[test]
fn other_order_files_are_recognized() {
    let expected: BTreeMap<&str, (u64, [u64; 4])> = BTreeMap::from([
        ("adventureworks/transactions.parquet", (56_046, [56_046, 0, 0, 0])),
        ("chipotle/transactions.parquet", (4_622, [4_622, 0, 0, 0])),
        ("diginetica/transactions.parquet", (18_025, [18_025, 0, 0, 0])),
        ("restaurant_orders/transactions.parquet", (11_790, [11_790, 0, 0, 0])),
        ("fimi/retail.parquet", (908_576, [908_576, 0, 0, 0])),
    ]);
    for (name, (n_rows, n_by_kind)) in expected {
        let Some(source) = open(name) else { continue };
        let (lines, summary, _) = read(source, 2);
        assert_eq!((summary.n_rows, summary.n_by_kind), (n_rows, n_by_kind), "{name}");
        assert_eq!(lines.len() as u64, n_rows);
    }
}

#[test]
fn catalogs_of_other_shops() {
    if let Some(mut source) = open("adventureworks/items.parquet") {
        let plan = plan(&mut source, FileKind::Items);
        let mut items = Vec::new();
        read_items(source, &plan, ReadOptions::default(), &mut |batch, rejects| {
            assert!(rejects.is_empty(), "{:?}", rejects[0]);
            items.extend(batch);
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(items.len(), 293);
        assert_eq!(items[0].item_id, "214");
        assert_eq!(items[0].title.as_deref(), Some("Sport-100 Helmet, Red"));
        assert_eq!(items[0].category.as_deref(), Some("Accessories > Helmets"));
        assert_eq!(items[0].price, Some(Amount(34_990_000)));
        assert_eq!(items[0].cost, Some(Amount(13_086_300)));
        assert!(items[0].attributes.contains(&("product_color".into(), "Red".into())));
    }
    if let Some(mut source) = open("restaurant_orders/items.parquet") {
        let plan = plan(&mut source, FileKind::Items);
        let mut first = None;
        read_items(source, &plan, ReadOptions::default(), &mut |batch, _| {
            first = batch.into_iter().next();
            ControlFlow::Break(())
        })
        .unwrap();
        let first = first.unwrap();
        assert_eq!((first.item_id.as_str(), first.title.as_deref()), ("101", Some("Hamburger")));
        assert_eq!(first.category.as_deref(), Some("American"));
    }
}

#[test]
fn customers_holdings_and_events() {
    let mut n_customers = 0;
    if let Some(mut source) = open("zimnat/customers.parquet") {
        let plan = plan(&mut source, FileKind::Customers);
        let summary = read_customers(source, &plan, ReadOptions::default(), &mut |batch, _| {
            n_customers += batch.len();
            assert!(batch.iter().all(|customer| customer.attributes.len() <= 7));
            ControlFlow::Continue(())
        });
        assert_eq!((summary.unwrap().n_taken, n_customers), (29_132, 29_132));
    }
    if let Some(mut source) = open("zimnat/holdings.parquet") {
        let plan = plan(&mut source, FileKind::Holdings);
        let summary = read_holdings(source, &plan, ReadOptions::default(), &mut |_, rejects| {
            assert!(rejects.is_empty(), "{:?}", rejects[0]);
            ControlFlow::Continue(())
        });
        assert_eq!(summary.unwrap().n_taken, 66_353);
    }
    for (name, n_events) in
        [("diginetica/events.parquet", 12_391), ("retailrocket_views/events.parquet", 10_080)]
    {
        let Some(mut source) = open(name) else { continue };
        let plan = plan(&mut source, FileKind::Events);
        let summary = read_events(source, &plan, ReadOptions::default(), &mut |batch, rejects| {
            assert!(rejects.is_empty(), "{:?}", rejects[0]);
            assert!(batch.iter().all(|event| event.session_id.is_some()));
            ControlFlow::Continue(())
        });
        assert_eq!(summary.unwrap().n_taken, n_events, "{name}");
    }
}
