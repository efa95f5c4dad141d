//! The service over the real store, from one life of the process to the next.

use super::*;
use crate::ledger::DecisionEntry;
use crate::recommendation_id::IdSource;
use crate::testing::{NOW, TestShop, ids};
use axum::http::Method;
use events::event::EventLine;
use events::{Amount, EventKind};
use history::{OpenMode, ViewOptions};
use std::path::Path;

async fn open_store(dir: &Path) -> Store {
    Store::open(dir, OpenMode::Create).await.unwrap()
}

/// A process that serves the store in this directory.
async fn open(dir: &Path) -> TestShop {
    TestShop::over_any(Box::new(StoreLedger::start(open_store(dir).await).unwrap()))
}

/// The end of a process.
async fn close(shop: TestShop) {
    shop.state.flush().await;
}

fn event(event_id: &str, kind: EventKind, item_id: &str) -> Event {
    Event {
        event_id: event_id.to_owned(),
        kind,
        at: NOW,
        customer_id: Some("anna".to_owned()),
        session_id: Some("s".to_owned()),
        order_id: (kind == EventKind::Purchase).then(|| format!("order of {event_id}")),
        source: "web".to_owned(),
        currency: None,
        location_id: None,
        recommendation_id: None,
        lines: vec![EventLine {
            item_id: item_id.to_owned(),
            quantity: Amount::ONE,
            unit_price: None,
            origin: None,
        }],
        confirmed: true,
    }
}

#[tokio::test]
async fn a_decision_is_found_again_by_the_next_process_as_it_was_given() {
    let dir = tempfile::tempdir().unwrap();
    let shop = open(dir.path()).await;
    let slate = shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json();
    assert_eq!(ids(&slate), "B C");
    let path = format!("/v1/decisions/{}", slate["recommendation_id"].as_str().unwrap());
    shop.state.flush().await;
    let recorded = shop.get(&path).await;
    assert_eq!(recorded.status, 200, "{}", recorded.body);
    assert_eq!(recorded.json()["offers"][0]["item_id"], "B");
    assert_eq!(shop.state.inner.ledger.figures().n_records_written, 1);
    close(shop).await;
    let next = open(dir.path()).await;
    assert_eq!(next.get(&path).await.body, recorded.body);
    let why = next.get(&format!("{path}/why_not?item_id=B")).await.json();
    assert_eq!((why["verdict"].as_str(), why["rank"].as_u64()), (Some("offered"), Some(1)));
    assert_eq!(next.get("/v1/decisions/0000").await.verdict(), "404 decision_not_found");
}

#[tokio::test]
async fn a_purchase_counts_once_however_often_and_to_whom_it_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let purchase = r#"{"event_id":"p1","event_name":"purchase","transaction_id":"o1",
        "user_id":"anna","session_id":"s","items":[{"item_id":"D","quantity":2},{"item_id":"E"}]}"#;
    let shop = open(dir.path()).await;
    let first = shop.post("/v1/events", purchase).await.json();
    assert_eq!((first["accepted"].as_u64(), first["duplicates"].as_u64()), (Some(1), Some(0)));
    let again = shop.post("/v1/events", purchase).await.json();
    assert_eq!((again["accepted"].as_u64(), again["duplicates"].as_u64()), (Some(0), Some(1)));
    close(shop).await;
    let next = open(dir.path()).await;
    let replayed = next.post("/v1/events", &format!("[{purchase},{purchase}]")).await.json();
    assert_eq!(replayed["duplicates"].as_u64(), Some(2), "{replayed}");
    let view = open_store(dir.path()).await.view(&ViewOptions::default()).await.unwrap();
    let bought: Vec<&str> = view.items.iter().map(|item| &*item.id).collect();
    assert_eq!((bought, view.baskets.items.view().row(0)), (vec!["D", "E"], &[0, 1][..]));
    assert_eq!((view.baskets.len(), view.n_customers), (1, 1));
}

#[tokio::test]
async fn the_cart_and_the_catalog_come_back_in_the_next_process() {
    let dir = tempfile::tempdir().unwrap();
    let shop = open(dir.path()).await;
    let event = r#"{"event_id":"1","event_name":"add_to_cart","session_id":"s","item_id":"D"}"#;
    assert_eq!(shop.post("/v1/events", event).await.verdict(), "200");
    let hide = r#"{"item_id":"B","hidden":true}"#;
    assert_eq!(shop.call(Method::PATCH, "/v1/items", &[], hide).await.verdict(), "200");
    close(shop).await;
    let next = open(dir.path()).await;
    let snapshots = snapshot::SnapshotDir::new(dir.path().join("snapshots"));
    crate::testing::publish_snapshot(&snapshots);
    crate::background::load_current(&next.state.inner, &snapshots).await;
    assert_eq!(next.state.inner.rebuild_live().await.unwrap(), 1);
    let slate = next.recommend(r#"{"placement":"cart","session_id":"s"}"#).await.json();
    assert_eq!(ids(&slate), "E F/1 ü");
    let slate = next.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json();
    assert_eq!(ids(&slate), "C", "B is still hidden");
}

#[tokio::test]
async fn an_item_whose_title_speaks_of_fees_is_one_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let shop = open(dir.path()).await;
    let ask = r#"{"placement":"pdp","item_ids":["A"]}"#;
    let put = async |body: &str| {
        assert_eq!(
            shop.call(Method::PUT, "/v1/items", &[], body.to_owned()).await.verdict(),
            "200"
        );
        ids(&shop.recommend(ask).await.json())
    };
    assert!(put(r#"{"item_id":"C","title":"Mug"}"#).await.contains('B'));
    assert!(!put(r#"{"item_id":"B","title":"POSTAGE"}"#).await.contains('B'));
    // A kind that is declared wins, then and later.
    assert!(put(r#"{"item_id":"B","kind":"good"}"#).await.contains('B'));
    assert!(put(r#"{"item_id":"B","title":"POSTAGE"}"#).await.contains('B'));
}

#[tokio::test]
async fn a_family_is_known_although_its_head_did_not_change() {
    let dir = tempfile::tempdir().unwrap();
    let other = open_store(dir.path()).await;
    let record = |item_id: &str, variant_of: Option<&str>| ItemRecord {
        item_id: item_id.to_owned(),
        variant_of: variant_of.map(str::to_owned),
        ..ItemRecord::default()
    };
    other.upsert_items(&[record("A", None), record("B", None)]).await.unwrap();
    let shop = open(dir.path()).await;
    shop.state.inner.follow_catalog().await.unwrap();
    // Two versions on, so that A is not among what changed.
    other.upsert_items(&[record("H", None)]).await.unwrap();
    shop.state.inner.follow_catalog().await.unwrap();
    other.upsert_items(&[record("B", Some("A"))]).await.unwrap();
    shop.state.inner.follow_catalog().await.unwrap();
    let slate = shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json();
    assert_eq!(ids(&slate), "C", "a variant of what the page shows is no cross-sell");
}

#[tokio::test]
async fn who_opts_out_gets_nothing_personal_in_this_process_and_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let ask = r#"{"placement":"home","user_id":"anna","count":2}"#;
    let put = async |shop: &TestShop, consent: bool| {
        let body = format!(r#"{{"customer_id":"anna","consent":{consent}}}"#);
        assert_eq!(shop.call(Method::PUT, "/v1/customers", &[], body).await.verdict(), "200");
    };
    let shop = open(dir.path()).await;
    put(&shop, true).await;
    shop.state.inner.follow_customers().await.unwrap();
    let personal = shop.recommend(ask).await.json();
    assert_eq!(personal["fallback"], "personal", "{personal}");
    put(&shop, false).await;
    let anonymous = shop.recommend(r#"{"placement":"home","count":2}"#).await.json();
    let out = shop.recommend(ask).await.json();
    assert_eq!((&out["fallback"], ids(&out)), (&anonymous["fallback"], ids(&anonymous)));
    assert_ne!(out["fallback"], "personal");
    close(shop).await;
    let next = open(dir.path()).await;
    next.state.inner.follow_customers().await.unwrap();
    let out = next.recommend(ask).await.json();
    assert_eq!(ids(&out), ids(&anonymous));
    next.state.flush().await;
    let path = format!("/v1/decisions/{}", out["recommendation_id"].as_str().unwrap());
    let record = next.get(&path).await;
    assert!(record.json()["asked"].get("customer").is_none(), "{}", record.body);
    put(&next, true).await;
    assert_eq!(next.recommend(ask).await.json()["fallback"], "personal");
}

#[tokio::test]
async fn a_closed_store_refuses_and_what_was_not_kept_is_not_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_store(dir.path()).await;
    let ledger = StoreLedger::start(store.clone()).unwrap();
    let view = vec![event("1", EventKind::ViewItem, "A")];
    let first = ledger.append(view, Timestamp(0)).await.unwrap();
    assert_eq!(first.is_new, [true]);
    store.close().await;
    let record = ItemRecord { item_id: "A".to_owned(), ..ItemRecord::default() };
    let put = ledger.put_items(vec![record]).await;
    assert!(matches!(put, Err(LedgerFault::Unavailable(_))), "{put:?}");
    let customers = ledger.customers_since(CustomerMark::default()).await;
    assert!(matches!(customers, Err(LedgerFault::Unavailable(_))), "{customers:?}");
    assert!(!ledger.figures().is_broken, "a store that is away may come back");
}

#[tokio::test]
async fn records_of_decisions_are_counted_and_lost_ones_too() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = StoreLedger::start(open_store(dir.path()).await).unwrap();
    let source = IdSource::new(7);
    for n in 0..500 {
        let payload = format!("{{\"n\":{n}}}").into_bytes();
        ledger.record(DecisionEntry {
            id: source.next(NOW),
            at: NOW,
            customer_idx: None,
            assignment: None,
            payload,
        });
    }
    ledger.flush().await.unwrap();
    let figures = ledger.figures();
    assert_eq!(figures.n_records_written + figures.n_records_shed, 500, "{figures:?}");
    let ids = IdSource::new(7);
    let first = ids.next(NOW);
    let found = ledger.find_decision(first.as_str()).await.unwrap();
    assert_eq!(found.as_deref(), Some(&b"{\"n\":0}"[..]));
    assert_eq!(ledger.find_decision("unknown").await.unwrap(), None);
}
