//! Families of variants, from one life of the process to the next.

use super::{Store, StoreLedger};
use crate::clock::Clock;
use crate::keys::KeyRing;
use crate::testing::{NOW, ids, snapshot};
use crate::{AppState, Served, Settings};
use axum::body::Body;
use axum::http::{Method, Request};
use history::OpenMode;
use http_body_util::BodyExt;
use std::path::Path;
use std::sync::Arc;
use tower::ServiceExt;

/// A server over the store in a directory, with the snapshot of the test shop.
async fn server(dir: &Path) -> AppState {
    let store = Store::open(dir, OpenMode::Create).await.unwrap();
    let ledger = Box::new(StoreLedger::start(store).unwrap());
    let clock = Clock::manual(NOW);
    let state = AppState::new(ledger, KeyRing::default(), clock, Settings::default()).unwrap();
    let world = score::World::of(Arc::new(snapshot()));
    let served = Served::of(world, "test".to_owned(), None);
    state.inner.swap(served).await.unwrap();
    state
}

async fn send(state: &AppState, method: Method, path: &str, body: &str) -> serde_json::Value {
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response = crate::router(state.clone()).oneshot(request).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

async fn beside_a(state: &AppState) -> String {
    let body = r#"{"placement":"pdp","item_ids":["A"]}"#;
    ids(&send(state, Method::POST, "/v1/recommend", body).await)
}

#[tokio::test]
async fn families_outlive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let first = server(dir.path()).await;
    assert_eq!(beside_a(&first).await, "B C");
    // The head is told long before, so that it is not among what changed last.
    let head = r#"{"item_id":"A","price":3}"#;
    send(&first, Method::PUT, "/v1/items", head).await;
    let variant = r#"{"item_id":"B","variant_of":"A"}"#;
    send(&first, Method::PUT, "/v1/items", variant).await;
    assert_eq!(beside_a(&first).await, "C");
    let second = server(dir.path()).await;
    assert_eq!(beside_a(&second).await, "C");
    let told = send(&second, Method::GET, "/v1/items/B", "").await;
    assert_eq!(told["variant_of"], "A");
    let alone = r#"{"item_id":"B","variant_of":""}"#;
    send(&second, Method::PUT, "/v1/items", alone).await;
    assert_eq!(beside_a(&second).await, "B C");
    assert_eq!(beside_a(&server(dir.path()).await).await, "B C");
}

#[tokio::test]
async fn a_head_may_come_after_its_variants() {
    let dir = tempfile::tempdir().unwrap();
    let state = server(dir.path()).await;
    for item in [
        r#"{"item_id":"B","variant_of":"HOLDER"}"#,
        r#"{"item_id":"A","variant_of":"HOLDER"}"#,
        r#"{"item_id":"HOLDER","title":"Holder"}"#,
    ] {
        send(&state, Method::PUT, "/v1/items", item).await;
    }
    assert_eq!(beside_a(&state).await, "C");
    assert_eq!(beside_a(&server(dir.path()).await).await, "C");
}
