use std::fmt::Write;

use super::*;
use crate::import::{FileKind, IdParts, OrderFrom, PlanOptions, ReadOptions, Source, read_orders};

fn plan_with(text: &str, options: &PlanOptions) -> ImportPlan {
    let mut source = Source::bytes("till", text.as_bytes().to_vec());
    ImportPlan::make(&mut source, FileKind::Orders, options).unwrap()
}

fn by(order_from: OrderFrom) -> PlanOptions {
    PlanOptions { order_from, ..PlanOptions::default() }
}

fn mapped(columns: &str) -> PlanOptions {
    PlanOptions { map: vec![("order_id".into(), columns.into())], ..PlanOptions::default() }
}

/// The ids of the orders of a whole file, each once, in order of appearance.
fn order_ids(text: &str, options: &PlanOptions) -> Vec<String> {
    let plan = plan_with(text, options);
    let mut ids: Vec<String> = Vec::new();
    let source = Source::bytes("till", text.as_bytes().to_vec());
    read_orders(source, &plan, ReadOptions::default(), &mut |batch, rejects| {
        assert!(rejects.is_empty(), "{rejects:?}");
        for id in (0..batch.len()).filter_map(|row| batch.order_ids.get(row)) {
            if !ids.iter().any(|known| known == id) {
                ids.push(id.to_owned());
            }
        }
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    ids
}

/// Two shops, three days, four receipts of two lines each, numbered anew every day.
fn till(number: &str) -> String {
    let mut text = format!("{number},store_id,date,time,sku,qty,price\n");
    for day in 1..=3 {
        for store in ["S1", "S2"] {
            for receipt in 1..=4 {
                for sku in ["a", "b"] {
                    writeln!(text, "{receipt},{store},2026-01-0{day},08:0{receipt},{sku},1,2.50")
                        .unwrap();
                }
            }
        }
    }
    text
}

#[test]
fn numbers_of_a_till_are_told_apart_by_place_and_day() {
    let plan = plan_with(&till("receipt_no"), &PlanOptions::default());
    assert_eq!(plan.order_from, OrderFrom::With(IdParts { location: true, day: true }));
    assert!(!plan.trusts_ids() && plan.repeats.n_doubtful == 0, "{:?}", plan.repeats);
    assert_eq!(plan.repeats.n_orders, 24);
    let notes = plan.notes.join(" / ");
    assert!(notes.contains("one order is one receipt_no, store_id and the day"), "{notes}");
    let ids = order_ids(&till("receipt_no"), &PlanOptions::default());
    assert_eq!((ids.len(), ids[0].as_str()), (24, "1@S1@2026-01-01"));
    assert_eq!(ids[23], "4@S2@2026-01-03");
}

#[test]
fn one_day_of_a_till_names_its_orders_as_all_days_do() {
    let all = till("Bon-Nr");
    let lines: Vec<&str> = all.lines().collect();
    // The first day of the first shop, where no number repeats.
    let one_day = lines[..9].join("\n");
    let all_ids = order_ids(&all, &PlanOptions::default());
    assert_eq!(order_ids(&one_day, &PlanOptions::default()), all_ids[..4]);
}

#[test]
fn a_till_of_several_registers_counts_each_for_itself() {
    let text = "receipt number,register,date,sku\n1,K1,2026-01-01,a\n1,K2,2026-01-01,b\n";
    assert_eq!(order_ids(text, &PlanOptions::default()), ["1@K1@2026-01-01", "1@K2@2026-01-01"]);
    // Who says that the number alone is an order is believed.
    assert_eq!(order_ids(text, &by(OrderFrom::IdAlone)), ["1"]);
}

#[test]
fn ids_that_repeat_are_refused_with_their_share() {
    let plan = plan_with(&till("order_id"), &PlanOptions::default());
    assert_eq!(plan.order_from, OrderFrom::Column);
    assert!(plan.refuses_repeats());
    let repeats = &plan.repeats;
    assert_eq!((repeats.n_orders, repeats.n_doubtful), (4, 4));
    assert_eq!((repeats.n_customers, repeats.n_locations, repeats.n_days), (0, 4, 4));
    let notes = plan.notes.join(" / ");
    assert!(notes.contains("4 of 4 order ids (100.0 %)"), "{notes}");
    assert!(notes.contains("--order-from order-location-day"), "{notes}");
    for (order_from, n_orders) in [
        (OrderFrom::IdAlone, 4),
        (OrderFrom::With(IdParts { location: true, day: false }), 8),
        (OrderFrom::With(IdParts { location: false, day: true }), 12),
        (OrderFrom::With(IdParts { location: true, day: true }), 24),
    ] {
        let plan = plan_with(&till("order_id"), &by(order_from));
        assert!(!plan.refuses_repeats());
        assert_eq!(plan.repeats.n_orders, n_orders);
        assert_eq!(order_ids(&till("order_id"), &by(order_from)).len() as u64, n_orders);
    }
}

#[test]
fn rare_doubts_are_told_and_taken() {
    let mut text = String::from("order_id,sku,order_date,customer_id\n");
    for order in 0..100 {
        writeln!(text, "{order},a,2026-01-02,C{order}").unwrap();
        writeln!(text, "{order},b,2026-01-02,C{order}").unwrap();
    }
    text.push_str("7,c,2026-01-02,C8\n9,c,2026-03-02,C9\n");
    let plan = plan_with(&text, &PlanOptions::default());
    assert!(!plan.refuses_repeats());
    let notes = plan.notes.join(" / ");
    assert!(
        notes.contains(
            "2 of 100 order ids (2.0 %) seem to stand for several orders each: 1 with several \
             customers, 1 with sales more than a day apart; such as 7, 9"
        ),
        "{notes}"
    );
}

#[test]
fn what_comes_back_later_and_elsewhere_is_no_doubt() {
    let text = "order_id,sku,order_date,store,qty,customer_id\n\
        1,a,2026-01-02,S1,1,C\n1,a,2026-02-02,S2,-1,D\n2,a,2026-01-02,S1,1,\n2,b,2026-01-03,,1,C\n";
    let plan = plan_with(text, &PlanOptions::default());
    assert_eq!((plan.repeats.n_orders, plan.repeats.n_doubtful), (2, 0));
}

#[test]
fn columns_joined_by_hand_make_an_order() {
    let text = "nr,kasse,date,sku,customer_id\n1,K1,2026-01-01,a,C\n1,K2,2026-01-01,b,D\n\
        1,K1,2026-01-01,c,C\n";
    assert_eq!(order_ids(text, &mapped("kasse + nr+date")), ["K1@1@2026-01-01", "K2@1@2026-01-01"]);
    let plan = plan_with(text, &mapped("nr+customer_id"));
    let notes = plan.notes.join(" / ");
    assert!(notes.contains("one order is one nr and customer_id"), "{notes}");
    assert!(!notes.contains("no column of customers"), "{notes}");
    let mut source = Source::bytes("till", text.as_bytes().to_vec());
    let error = ImportPlan::make(&mut source, FileKind::Orders, &mapped("nr+shop")).unwrap_err();
    assert!(error.to_string().contains("--map order_id=shop"), "{error}");
    let mut source = Source::bytes("till", text.as_bytes().to_vec());
    let asked = by(OrderFrom::With(IdParts { location: true, day: true }));
    let error = ImportPlan::make(&mut source, FileKind::Orders, &asked).unwrap_err();
    assert!(error.to_string().contains("no column for order_id, location_id"), "{error}");
}
