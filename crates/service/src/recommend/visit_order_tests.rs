//! What a visit bought: what the page after it is about, and what is not offered again.

use crate::testing::{TestShop, ids};
use axum::http::Method;
use serde_json::{Value, json};

async fn tell(shop: &TestShop, name: &str, who: &Value, item_id: &str) {
    let mut event = json!({"event_id": format!("{name} {item_id} {who}"), "event_name": name,
        "order_id": "o1", "items": [{"item_id": item_id}]});
    for (key, value) in who.as_object().expect("an object") {
        event[key] = value.clone();
    }
    let answer = shop.post("/v1/events", &event.to_string()).await;
    assert_eq!(answer.verdict(), "200", "{}", answer.body);
}

async fn ask(shop: &TestShop, placement: &str, who: &Value) -> Value {
    let mut body = who.clone();
    body["placement"] = placement.into();
    body["explain"] = true.into();
    shop.recommend(&body.to_string()).await.json()
}

#[tokio::test]
async fn the_page_after_a_guests_order_is_about_it() {
    let shop = TestShop::new();
    let guest = json!({"session_id": "s1"});
    assert_eq!(ids(&ask(&shop, "post_purchase", &guest).await), "");
    tell(&shop, "purchase", &guest, "A").await;
    let slate = ask(&shop, "post_purchase", &guest).await;
    assert_eq!(ids(&slate), "B C");
    assert_eq!(slate["items"][0]["reason"]["evidence"]["anchor_item_id"], "A");
    let id = slate["recommendation_id"].as_str().unwrap();
    let record = shop.get(&format!("/v1/decisions/{id}")).await.json();
    assert_eq!(record["asked"]["anchors"], json!(["A"]), "a replay asks the same");
    // Another page of the same visit does not offer it again.
    let beside = json!({"session_id": "s1", "item_ids": ["B"]});
    let slate = ask(&shop, "pdp", &beside).await;
    assert!(!ids(&slate).split(' ').any(|id| id == "A"), "{slate}");
    let other = json!({"session_id": "s2", "item_ids": ["B"]});
    assert!(ids(&ask(&shop, "pdp", &other).await).contains('A'));
}

#[tokio::test]
async fn who_logs_in_has_bought_it_and_who_refuses_has_not() {
    let shop = TestShop::new();
    let n_bought = async |who: Value| {
        ask(&shop, "home", &who).await["explain"]["n_bought_since"].as_u64().unwrap()
    };
    for customer_id in ["anna", "bert"] {
        let record = json!({"customer_id": customer_id, "consent": customer_id == "anna"});
        let answer = shop.call(Method::PUT, "/v1/customers", &[], record.to_string()).await;
        assert_eq!(answer.verdict(), "200", "{}", answer.body);
    }
    shop.state.inner.follow_customers().await.unwrap();
    for (customer_id, n) in [("anna", 1), ("bert", 0)] {
        let session_id = format!("visit of {customer_id}");
        tell(&shop, "purchase", &json!({"session_id": &session_id}), "A").await;
        let both = json!({"session_id": &session_id, "user_id": customer_id});
        assert_eq!(n_bought(both).await, n, "{customer_id}");
        assert_eq!(n_bought(json!({"user_id": customer_id})).await, n, "{customer_id}");
    }
}

#[tokio::test]
async fn what_a_customer_has_is_not_offered_to_them() {
    let shop = TestShop::new();
    let anna = json!({"user_id": "anna", "item_ids": ["A"]});
    assert!(ids(&ask(&shop, "pdp", &anna).await).contains('C'));
    let record = json!({"customer_id": "anna", "item_id": "C"}).to_string();
    let answer = shop.call(Method::PUT, "/v1/holdings", &[], record).await;
    assert_eq!(answer.verdict(), "200", "{}", answer.body);
    shop.state.inner.follow_customers().await.unwrap();
    let slate = ask(&shop, "pdp", &anna).await;
    assert!(!ids(&slate).contains('C') && !ids(&slate).is_empty(), "{slate}");
    let id = slate["recommendation_id"].as_str().unwrap();
    let why = shop.get(&format!("/v1/decisions/{id}/why_not?item_id=C")).await.json();
    assert_eq!(why["gate"], "held", "{why}");
    let guest = json!({"item_ids": ["A"]});
    assert!(ids(&ask(&shop, "pdp", &guest).await).contains('C'));
}
