//! Answers that were given before: the same words, but nothing of what changed since.

use crate::testing::{TestShop, ids};
use axum::http::Method;
use serde_json::Value;

async fn beside_a(shop: &TestShop, more: &str) -> Value {
    shop.recommend(&format!(r#"{{"placement":"pdp","item_ids":["A"]{more}}}"#)).await.json()
}

fn n_known(shop: &TestShop) -> u64 {
    shop.state.inner.metrics.n_answers_known.get()
}

async fn put(shop: &TestShop, body: &str) {
    let answer = shop.call(Method::PUT, "/v1/items", &[], body.to_owned()).await;
    assert_eq!(answer.verdict(), "200", "{}", answer.body);
}

#[tokio::test]
async fn what_was_asked_before_is_answered_and_recorded_alike() {
    let shop = TestShop::new();
    let first = beside_a(&shop, "").await;
    assert_eq!((ids(&first).as_str(), n_known(&shop)), ("B C", 0));
    for n in 1..3 {
        let again = beside_a(&shop, &format!(r#","session_id":"s{n}""#)).await;
        assert_eq!((&again["items"], n_known(&shop)), (&first["items"], n));
        assert_ne!(again["recommendation_id"], first["recommendation_id"]);
        let offers = async |slate: &Value| {
            let id = slate["recommendation_id"].as_str().unwrap();
            let path = format!("/v1/decisions/{id}");
            shop.get(&path).await.json()["offers"].clone()
        };
        assert_eq!(offers(&again).await, offers(&first).await);
    }
}

#[tokio::test]
async fn a_customer_is_answered_from_memory_until_something_is_bought_refused_or_erased() {
    let shop = TestShop::new();
    let anna = r#","user_id":"anna""#;
    let known = async || {
        let before = n_known(&shop);
        let slate = beside_a(&shop, anna).await;
        (ids(&slate), n_known(&shop) > before)
    };
    put_customer(&shop, r#"{"customer_id":"anna"}"#).await;
    shop.state.inner.follow_customers().await.unwrap();
    assert_eq!(known().await, ("B D C E".into(), false));
    assert_eq!(known().await, ("B D C E".into(), true));
    let bought = r#"{"event_id":"1","event_name":"purchase","order_id":"o1","user_id":"anna",
                     "items":[{"item_id":"C"}]}"#;
    assert_eq!(shop.post("/v1/events", bought).await.verdict(), "200");
    let (_, is_known) = known().await;
    assert!(!is_known, "what was bought since is part of the question");
    assert!(known().await.1);
    beside_a(&shop, "").await;
    put_customer(&shop, r#"{"customer_id":"anna","consent":false}"#).await;
    // As the guest who asked before; all that was kept is forgotten with what was hers.
    assert_eq!(known().await, ("B C".into(), false));
    assert_eq!(known().await, ("B C".into(), true));
    shop.ledger.state().erased.push(0);
    shop.state.inner.follow_customers().await.unwrap();
    assert!(!known().await.1, "nothing of before is kept");
}

async fn put_customer(shop: &TestShop, body: &str) {
    let answer = shop.call(Method::PUT, "/v1/customers", &[], body.to_owned()).await;
    assert_eq!(answer.verdict(), "200", "{}", answer.body);
}

#[tokio::test]
async fn a_change_of_price_stock_or_title_is_in_the_next_answer() {
    let shop = TestShop::new();
    let warm = async || {
        beside_a(&shop, "").await;
        beside_a(&shop, "").await
    };
    assert_eq!(ids(&warm().await), "B C");
    put(&shop, r#"{"item_id":"C","price":12.34}"#).await;
    assert_eq!(warm().await["items"][1]["price"], 12.34);
    put(&shop, r#"{"item_id":"C","title":"Other words"}"#).await;
    assert_eq!(warm().await["items"][1]["title"], "Other words");
    put(&shop, r#"{"item_id":"B","stock":0}"#).await;
    assert_eq!(ids(&beside_a(&shop, "").await), "C");
    put(&shop, r#"{"item_id":"B","stock":3}"#).await;
    assert_eq!(ids(&beside_a(&shop, "").await), "B C");
}

#[tokio::test]
async fn reasons_are_told_in_the_language_of_the_locale() {
    let shop = TestShop::new();
    // English first, so that a known answer would show.
    let english = beside_a(&shop, "").await;
    assert_eq!(beside_a(&shop, "").await["items"], english["items"]);
    let german = beside_a(&shop, r#","context":{"locale":"de-AT"}"#).await;
    let reason = |slate: &Value| slate["items"][0]["reason"].clone();
    let text = reason(&german)["text"].as_str().unwrap().to_owned();
    assert!(text.contains(" Bestellungen mit ") && text.ends_with("wie durch Zufall."), "{text}");
    assert_eq!(reason(&german)["evidence"], reason(&english)["evidence"]);
    assert_eq!(german["warnings"], serde_json::json!([]));
    let french = beside_a(&shop, r#","context":{"locale":"fr"}"#).await;
    assert_eq!(french["items"], english["items"]);
    assert_eq!(french["warnings"][0]["code"], "no_language");
    assert_eq!(beside_a(&shop, "").await["items"], english["items"]);
}
