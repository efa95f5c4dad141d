//! Contacts from one life of the process to the next, over the real store.

use super::*;
use crate::live::Windows;
use crate::testing::{NOW, TestShop, ids};
use events::event::EventLine;
use events::{Amount, EventKind};
use history::{EraseOrders, OpenMode};
use policy::PolicySet;
use std::path::Path;
use std::sync::Arc;

async fn open(dir: &Path, text: &str) -> TestShop {
    let store = Store::open(dir, OpenMode::Create).await.unwrap();
    let shop = TestShop::over_any(Box::new(StoreLedger::start(store).unwrap()));
    let set = PolicySet::read(text).0.unwrap();
    shop.state.inner.set_policies(Some((1, Arc::new(set)))).await.unwrap();
    shop.state.inner.follow_contacts().await.unwrap();
    shop.state.inner.follow_customers().await.unwrap();
    shop
}

fn event(event_id: &str, kind: EventKind, item_id: &str) -> Event {
    Event {
        event_id: event_id.to_owned(),
        kind,
        at: NOW,
        customer_id: Some("anna".to_owned()),
        session_id: None,
        order_id: (kind == EventKind::Purchase).then(|| format!("order of {event_id}")),
        source: "web".to_owned(),
        currency: None,
        location_id: None,
        recommendation_id: Some("r".to_owned()),
        lines: vec![EventLine {
            item_id: item_id.to_owned(),
            quantity: Amount::ONE,
            unit_price: None,
            origin: None,
        }],
        confirmed: true,
    }
}

async fn beside_a(shop: &TestShop, who: &str) -> String {
    let body = format!(r#"{{"placement":"pdp","item_ids":["A"],{who}}}"#);
    // What else is there comes from what the first customer of the snapshot bought.
    let all = ids(&shop.recommend(&body).await.json());
    let kept: Vec<&str> = all.split(' ').filter(|id| ["B", "C"].contains(id)).collect();
    kept.join(" ")
}

const ANNA: &str = r#""user_id":"anna""#;
const GUEST: &str = r#""session_id":"s""#;
const CAP: &str = "[[policy]]\nname = 'c'\nkind = 'cap'\nat_most = 1\nwithin = '7 days'\n\
                   item_ids = ['B']\n";

#[tokio::test]
async fn a_restart_forgets_no_contact_and_an_erasure_all_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let shop = open(dir.path(), CAP).await;
    crate::routes::keep_events(&shop.state, vec![event("e", EventKind::ViewItem, "A")])
        .await
        .unwrap();
    shop.state.inner.follow_customers().await.unwrap();
    for who in [ANNA, GUEST] {
        assert_eq!(beside_a(&shop, who).await, "B C");
        assert_eq!(beside_a(&shop, who).await, "C");
    }
    let dismissed = event("d", EventKind::RecommendationDismiss, "C");
    crate::routes::keep_events(&shop.state, vec![dismissed]).await.unwrap();
    assert_eq!(beside_a(&shop, ANNA).await, "");
    shop.state.flush().await;
    drop(shop);
    let shop = open(dir.path(), CAP).await;
    assert_eq!(beside_a(&shop, ANNA).await, "");
    assert_eq!(beside_a(&shop, GUEST).await, "C");
    // The other process erases her: what this one keeps goes with the next look.
    shop.state.flush().await;
    let store = Store::open(dir.path(), OpenMode::ReadWrite).await.unwrap();
    store.erase_customer("anna", EraseOrders::Drop, NOW).await.unwrap();
    store.close().await;
    shop.state.inner.follow_customers().await.unwrap();
    assert_eq!(beside_a(&shop, ANNA).await, "B C");
    drop(shop);
    let shop = open(dir.path(), CAP).await;
    assert_eq!(beside_a(&shop, GUEST).await, "C", "the guest is not forgotten");
    assert_eq!(beside_a(&shop, ANNA).await, "B C");
}

#[tokio::test]
async fn imported_purchases_rest_as_live_ones_do() {
    let dir = tempfile::tempdir().unwrap();
    let text = "[[policy]]\nname = 'r'\nkind = 'rest'\nafter = 'purchase'\nfor = '30 days'\n\
                per = 'category'\n";
    let shop = open(dir.path(), text).await;
    let bought = event("p", EventKind::Purchase, "N");
    crate::routes::keep_events(&shop.state, vec![bought]).await.unwrap();
    assert_eq!(beside_a(&shop, ANNA).await, "C");
    shop.state.flush().await;
    drop(shop);
    let shop = open(dir.path(), text).await;
    assert_eq!(beside_a(&shop, ANNA).await, "C", "read back from the orders");
    assert!(shop.state.inner.live.contacts.covers(Windows { bought: 1, ..Windows::default() }));
    shop.state.inner.live.contacts.forget_loaded_purchases();
    assert_eq!(beside_a(&shop, ANNA).await, "", "unknown until it is read again");
    shop.state.inner.follow_contacts().await.unwrap();
    assert_eq!(beside_a(&shop, ANNA).await, "C");
}
