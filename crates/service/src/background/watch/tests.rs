use super::*;
use crate::testing::{TestShop, ids, publish_snapshot};

#[test]
fn the_time_in_an_id() {
    let at = published_at("20261122T184500Z-9f86d081884c7d65").unwrap();
    assert_eq!(at.to_string(), "2026-11-22T18:45:00Z");
    assert_eq!(published_at("rubbish"), None);
    assert_eq!(published_at("2026é"), None);
}

#[tokio::test]
async fn a_published_snapshot_comes_into_use_with_the_catalog_of_the_store() {
    let shop = TestShop::new();
    let inner = &shop.state.inner;
    inner.served.store(Arc::new(Served::nothing()));
    let hide = r#"{"item_id":"B","title":"RED HEART T-LIGHT HOLDER","hidden":true}"#;
    let put = shop.call(axum::http::Method::PUT, "/v1/items", &[], hide).await;
    assert_eq!(put.verdict(), "200");
    let dir = tempfile::tempdir().unwrap();
    let snapshots = SnapshotDir::new(dir.path());
    load_current(inner, &snapshots).await;
    assert_eq!(inner.served.load().snapshot_id, "");
    let id = publish_snapshot(&snapshots);
    load_current(inner, &snapshots).await;
    assert_eq!(inner.served.load().snapshot_id, id);
    let slate = shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json();
    assert_eq!(ids(&slate), "C", "what was hidden stays hidden across a swap");
    assert_eq!(newer_id(inner, &snapshots), None);
}

#[tokio::test]
async fn a_broken_snapshot_leaves_the_old_one_and_turns_health_yellow() {
    let shop = TestShop::new();
    let inner = &shop.state.inner;
    let dir = tempfile::tempdir().unwrap();
    let snapshots = SnapshotDir::new(dir.path());
    let id = publish_snapshot(&snapshots);
    let path = dir.path().join(format!("{id}.snapshot"));
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    load_current(inner, &snapshots).await;
    assert_eq!(inner.served.load().snapshot_id, "20260101T000000Z-test");
    let ready = shop.get("/health/ready").await;
    assert_eq!((ready.status.as_u16(), ready.json()["status"].as_str()), (200, Some("yellow")));
    let slate = shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json();
    assert_eq!(ids(&slate), "B C");
    std::fs::write(&path, &bytes).unwrap();
    load_current(inner, &snapshots).await;
    assert_eq!(shop.get("/health/ready").await.json()["status"], "green");
}

#[tokio::test]
async fn a_table_of_another_program_is_left_out_and_told() {
    let shop = TestShop::new();
    let inner = &shop.state.inner;
    let dir = tempfile::tempdir().unwrap();
    let snapshots = SnapshotDir::new(dir.path());
    let mut writer = crate::testing::snapshot_writer(1);
    writer.add("next.schema", &[1_u64]);
    snapshots.publish(&writer, "20260301T120000Z").unwrap();
    load_current(inner, &snapshots).await;
    let ready = shop.get("/health/ready").await;
    assert_eq!((ready.status.as_u16(), ready.json()["status"].as_str()), (200, Some("yellow")));
    let told = ready.json()["complaints"][0].as_str().unwrap_or_default().to_owned();
    assert!(told.contains("next baskets") && told.contains("learn again"), "{told}");
    let slate = shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json();
    assert_eq!(ids(&slate), "B C", "pairs answer all the same");
}

#[tokio::test]
async fn another_process_changes_the_catalog() {
    let shop = TestShop::new();
    let record = events::ItemRecord {
        item_id: "B".to_owned(),
        stock: Some(0),
        ..events::ItemRecord::default()
    };
    use crate::ledger::Ledger;
    shop.ledger.put_items(vec![record]).await.unwrap();
    shop.state.inner.follow_catalog().await.unwrap();
    let slate = shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json();
    assert_eq!(ids(&slate), "C");
}

#[tokio::test]
async fn a_key_file_that_goes_away_opens_no_door() {
    let shop = TestShop::new();
    let dir = tempfile::tempdir().unwrap();
    let file = KeyFile::in_dir(dir.path());
    let mut watch = KeyWatch::new(file.clone());
    watch.look(&shop.state);
    assert!(shop.state.is_open(), "no key was made yet");
    let new = file.create(crate::keys::KeyKind::Secret, "", Timestamp(1)).unwrap();
    watch.look(&shop.state);
    let with_key = [("x-api-key", new.key.as_str())];
    let answers = async || {
        let body = r#"{"placement":"home"}"#;
        let post = axum::http::Method::POST;
        let with = shop.call(post.clone(), "/v1/recommend", &with_key, body).await.verdict();
        let without = shop.call(post, "/v1/recommend", &[], body).await.verdict();
        let ready = shop.get("/health/ready").await.json()["status"].clone();
        format!("{with}, {without}, {}", ready.as_str().unwrap())
    };
    assert_eq!(answers().await, "200, 401 key_missing, green");
    let aside = dir.path().join("aside");
    std::fs::rename(file.path(), &aside).unwrap();
    watch.look(&shop.state);
    assert_eq!(answers().await, "200, 401 key_missing, yellow");
    std::fs::write(file.path(), "{").unwrap();
    watch.look(&shop.state);
    assert_eq!(answers().await, "200, 401 key_missing, yellow");
    std::fs::rename(&aside, file.path()).unwrap();
    watch.look(&shop.state);
    assert_eq!(answers().await, "200, 401 key_missing, green");
    // A server that starts without the file knows from the store that there was one.
    let ring = crate::keys::KeyRing::default().guarded();
    let guarded = TestShop::with(ring, crate::Settings::default());
    std::fs::remove_file(file.path()).unwrap();
    KeyWatch::new(file).look(&guarded.state);
    assert_eq!(guarded.recommend(r#"{"placement":"home"}"#).await.verdict(), "401 key_missing");
    assert_eq!(guarded.get("/health/ready").await.json()["status"], "yellow");
}

#[tokio::test]
async fn who_was_erased_or_refused_elsewhere_gets_nothing_personal() {
    let shop = TestShop::new();
    let customer = |customer_id: &str| events::CustomerRecord {
        customer_id: customer_id.to_owned(),
        consent: None,
        attributes: Vec::new(),
    };
    shop.ledger.state().customers = vec![customer("anna"), customer("bert")];
    let inner = &shop.state.inner;
    let rung = async |who: &str| {
        let body = format!(r#"{{"placement":"home","user_id":"{who}","count":2}}"#);
        shop.recommend(&body).await.json()["fallback"].as_str().unwrap().to_owned()
    };
    let bought = r#"[{"event_id":"1","event_name":"purchase","order_id":"o1","user_id":"anna",
        "items":["E"]},{"event_id":"2","event_name":"purchase","order_id":"o2",
        "user_id":"bert","items":["E"]}]"#;
    shop.post("/v1/events", bought).await;
    inner.follow_customers().await.unwrap();
    assert_eq!((rung("anna").await, rung("bert").await), ("personal".into(), "personal".into()));
    {
        // As `alongside erase` and `alongside import customers` do it.
        let mut state = shop.ledger.state();
        state.erased.push(0);
        state.customers[1].consent = Some(false);
    }
    inner.follow_customers().await.unwrap();
    assert_eq!((rung("anna").await, rung("bert").await), ("popular".into(), "popular".into()));
    assert!(inner.recent.latest(9).iter().all(|entry| entry.customer_idx != Some(0)));
}

#[tokio::test]
async fn nothing_is_personal_before_it_is_known_who_refused() {
    let first = TestShop::new();
    let bought = r#"{"event_id":"1","event_name":"purchase","order_id":"o","user_id":"anna",
                     "items":["E"]}"#;
    first.post("/v1/events", bought).await;
    let refusal = events::CustomerRecord {
        customer_id: "anna".to_owned(),
        consent: Some(false),
        attributes: Vec::new(),
    };
    first.ledger.state().customers.push(refusal);
    let second = TestShop::starting(first.ledger.clone());
    second.state.inner.rebuild_live().await.unwrap();
    let ask = r#"{"placement":"home","user_id":"anna","count":2}"#;
    assert_eq!(second.recommend(ask).await.json()["fallback"], "popular");
    second.state.inner.follow_customers().await.unwrap();
    assert_eq!(second.recommend(ask).await.json()["fallback"], "popular");
}

#[tokio::test]
async fn purchases_since_the_snapshot_come_back_however_old() {
    let first = TestShop::new();
    let bought = r#"{"event_id":"1","event_name":"purchase","order_id":"o1","user_id":"new",
        "timestamp":"2026-05-20T00:00:00Z","items":[{"item_id":"E"}]}"#;
    assert_eq!(first.post("/v1/events", bought).await.verdict(), "200");
    let second = TestShop::over(first.ledger.clone());
    second.state.inner.rebuild_live().await.unwrap();
    let ask = r#"{"placement":"home","user_id":"new","count":2}"#;
    assert_eq!(second.recommend(ask).await.json()["fallback"], "personal");
}

#[tokio::test]
async fn sessions_come_back_from_the_log() {
    let first = TestShop::new();
    let event = r#"{"event_id":"1","event_name":"add_to_cart","session_id":"s","item_id":"D"}"#;
    first.post("/v1/events", event).await;
    let second = TestShop::over(first.ledger.clone());
    assert_eq!(second.state.inner.rebuild_live().await.unwrap(), 1);
    let slate = second.recommend(r#"{"placement":"cart","session_id":"s"}"#).await.json();
    assert_eq!(ids(&slate), "E F/1 ü");
}
