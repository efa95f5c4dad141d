use crate::testing::{NOW, TestShop};
use events::Timestamp;

#[tokio::test]
async fn health_tells_color_age_and_mode() {
    let shop = TestShop::new();
    assert_eq!(shop.get("/health/live").await.body, r#"{"status":"live"}"#);
    let ready = shop.get("/health/ready").await.json();
    assert_eq!(ready["status"], "green");
    assert_eq!(ready["snapshot_age_s"], 3600.0);
    assert_eq!(ready["developer_mode"], true);
    let health = &shop.state.inner.health;
    health.learn_failed(NOW, "/secret/path: out of memory".to_owned());
    shop.clock.set(Timestamp(NOW.0 + 3_600_000_000));
    let ready = shop.get("/health/ready").await;
    assert_eq!((ready.status.as_u16(), ready.json()["status"].as_str()), (200, Some("yellow")));
    assert_eq!(ready.json()["snapshot_age_s"], 7200.0);
    assert!(!ready.body.contains("secret"));
    health.task_died("watcher");
    let ready = shop.get("/health/ready").await;
    assert_eq!((ready.status.as_u16(), ready.json()["status"].as_str()), (503, Some("red")));
}

#[tokio::test]
async fn with_nothing_to_offer_it_is_not_green() {
    let shop = TestShop::new();
    shop.state.inner.served.store(std::sync::Arc::new(crate::Served::nothing()));
    let ready = shop.get("/health/ready").await;
    // Events are taken all the same, and without them nothing could ever be learned.
    assert_eq!((ready.status.as_u16(), ready.json()["status"].as_str()), (200, Some("yellow")));
    assert!(ready.body.contains("alongside learn"), "{}", ready.body);
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let shop = TestShop::new();
    shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await;
    shop.recommend("nonsense").await;
    let event = r#"{"event_id":"1","event_name":"view_item","item_id":"A"}"#;
    shop.post("/v1/events", event).await;
    shop.post("/v1/events", event).await;
    let text = shop.get("/metrics").await.body;
    for line in [
        "alongside_requests_total{route=\"recommend\",status=\"2xx\"} 1",
        "alongside_requests_total{route=\"recommend\",status=\"4xx\"} 1",
        "alongside_decisions_total{rung=\"item\"} 1",
        "alongside_events_total{kind=\"view_item\"} 1",
        "alongside_events_duplicate_total 1",
        "alongside_decision_records_total 1",
        "alongside_items 9",
        "alongside_snapshot_age_seconds 3600",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn the_api_describes_itself_without_a_network() {
    let shop = TestShop::new();
    let document = shop.get("/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap();
    for path in ["/v1/recommend", "/v1/events", "/v1/items", "/v1/decisions/{id}/why_not"] {
        assert!(paths.contains_key(path), "{path}");
    }
    for path in ["/v1/items", "/v1/customers", "/v1/holdings"] {
        assert!(paths[path]["patch"].is_object() && paths[path]["put"].is_object(), "{path}");
    }
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(paths[path]["get"]["security"], serde_json::json!([{}]), "{path} has no key");
    }
    let header = &paths["/v1/events"]["post"]["parameters"][0];
    assert_eq!(
        (header["name"].as_str(), header["in"].as_str()),
        (Some("X-User-Token"), Some("header"))
    );
    let replies = paths["/v1/recommend"]["post"]["responses"].as_object().unwrap();
    assert!(!replies.contains_key("201"), "what is never sent is not described");
    assert!(document.to_string().contains("PageAnswer"));
    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert!(schemas["RecommendAnswer"]["properties"]["fallback"].is_object());
    let text = document.to_string();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("#/components/schemas/") {
        rest = &rest[at + 21..];
        let name = &rest[..rest.find('"').unwrap()];
        assert!(schemas.contains_key(name), "{name} is used and not described");
    }
    let page = shop.get("/docs").await.body;
    assert!(page.contains("/v1/recommend:batch") && page.contains("id=\"unknown_placement\""));
    assert!(!page.contains("http://") && !page.contains("https://"), "nothing from elsewhere");
}
