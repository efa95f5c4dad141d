use crate::testing::{TestShop, ids};
use axum::http::Method;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn one_many_wrapped_and_repeated() {
    let shop = TestShop::new();
    let one = r#"{"event_id":"1","event_name":"view_item","session_id":"s","item_id":"A"}"#;
    let two = one.replace("\"1\"", "\"2\"");
    for (body, accepted, duplicates) in [
        (one.to_owned(), 1, 0),
        (one.to_owned(), 0, 1),
        (format!("[{one},{two}]"), 1, 1),
        (format!("{{\"events\":[{two}]}}"), 0, 1),
        ("[]".to_owned(), 0, 0),
    ] {
        let answer = shop.post("/v1/events", &body).await.json();
        assert_eq!(
            (answer["accepted"].as_u64(), answer["duplicates"].as_u64()),
            (Some(accepted), Some(duplicates)),
            "{body}"
        );
    }
    assert_eq!(shop.ledger.state().events.len(), 2);
}

#[tokio::test]
async fn a_bad_event_does_not_lose_the_good_ones() {
    let shop = TestShop::new();
    let body = r#"[{"event_id":"1","event_name":"view_item","item_id":"A"},
                   {"event_id":"2","event_name":"teleport"},
                   {"event_id":"3","event_name":"purchase","items":[{"item_id":"A"}]}, 7]"#;
    let answer = shop.post("/v1/events", body).await.json();
    assert_eq!(answer["accepted"], 1);
    let rejected = answer["rejected"].as_array().unwrap();
    let indices: Vec<u64> = rejected.iter().map(|r| r["index"].as_u64().unwrap()).collect();
    assert_eq!(indices, [1, 2, 3]);
    let alone = shop.post("/v1/events", r#"{"event_name":"teleport"}"#).await;
    assert_eq!(alone.verdict(), "400 invalid_event");
    assert!(alone.json()["detail"].as_str().unwrap().contains("view_item"), "{}", alone.body);
}

#[tokio::test]
async fn a_time_far_ahead_is_kept_with_a_warning() {
    let shop = TestShop::new();
    for (seconds, n_warnings) in [(-90_000, 0), (3_600, 0), (90 * 86_400, 1)] {
        let at = shop.clock.now().0 / 1_000_000 + seconds;
        let body = format!(
            r#"{{"event_id":"{at}","event_name":"view_item","item_id":"A","timestamp":{at}}}"#
        );
        let answer = shop.post("/v1/events", &body).await.json();
        assert_eq!(answer["accepted"], 1, "{answer}");
        let warnings = answer["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), n_warnings, "{answer}");
        let is_told = |text: &serde_json::Value| text.as_str().unwrap().contains("90 days ahead");
        assert!(warnings.iter().all(is_told), "{answer}");
    }
}

#[tokio::test]
async fn an_event_that_is_not_durable_is_not_acknowledged_nor_seen() {
    let shop = TestShop::new();
    shop.ledger.is_full.store(true, Ordering::Relaxed);
    let body = r#"{"event_id":"1","event_name":"add_to_cart","session_id":"s","item_id":"D"}"#;
    let answer = shop.post("/v1/events", body).await;
    assert_eq!(answer.verdict(), "503 storage_unavailable");
    assert!(answer.headers.contains_key("retry-after"));
    assert!(!answer.body.contains("secret"), "no internal text: {}", answer.body);
    let slate = shop.recommend(r#"{"placement":"cart","session_id":"s"}"#).await.json();
    let fresh = shop.recommend(r#"{"placement":"cart","session_id":"t"}"#).await.json();
    assert_eq!(ids(&slate), ids(&fresh));
    let item = r#"{"item_id":"B","hidden":true}"#;
    let answer = shop.call(Method::PATCH, "/v1/items", &[], item).await;
    assert_eq!(answer.verdict(), "503 storage_unavailable");
    shop.ledger.is_full.store(false, Ordering::Relaxed);
    let slate = shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json();
    assert!(ids(&slate).contains('B'), "what was not kept is not in force");
}

#[tokio::test]
async fn an_order_sent_live_is_the_order_of_the_nightly_file() {
    let shop = TestShop::new();
    let order = r#"{"event_id":"1","event_name":"purchase","order_id":"o1","items":["A"]}"#;
    assert_eq!(shop.post("/v1/events", order).await.verdict(), "200");
    // What `alongside import orders` takes when nobody says.
    assert_eq!(shop.ledger.state().events[0].source, ::events::DEFAULT_SOURCE);
}

#[tokio::test]
async fn too_many_events_in_one_call() {
    let shop = TestShop::new();
    let body = format!("[{}]", vec!["1"; 5_001].join(","));
    assert_eq!(shop.post("/v1/events", &body).await.verdict(), "400 invalid_value");
}

/// A client that goes away while its event is being made durable, and asks again.
#[tokio::test]
async fn an_event_is_live_when_it_is_durable_whether_or_not_the_client_waits() {
    let shop = TestShop::new();
    let acknowledgements = shop.ledger.acknowledgements.clone();
    let all = acknowledgements.acquire_many(1_000_000).await.unwrap();
    let body = r#"{"event_id":"1","event_name":"add_to_cart","session_id":"s","item_id":"D"}"#;
    {
        let mut waiting = std::pin::pin!(shop.post("/v1/events", body));
        let gone = std::future::poll_fn(|cx| {
            let is_pending = waiting.as_mut().poll(cx).is_pending();
            std::task::Poll::Ready(is_pending)
        });
        assert!(gone.await, "the client waits for the disk");
        // What the writer's task does meanwhile.
        while shop.ledger.state().events.is_empty() {
            tokio::task::yield_now().await;
        }
    }
    drop(all);
    let again = shop.post("/v1/events", body).await.json();
    assert_eq!(again["duplicates"], 1);
    let slate = shop.recommend(r#"{"placement":"cart","session_id":"s"}"#).await.json();
    assert_eq!(ids(&slate), "E F/1 ü");
}
