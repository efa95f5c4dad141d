use crate::testing::{Answer, TestShop, ids};
use axum::http::Method;

async fn declare(shop: &TestShop, body: &str) -> Answer {
    shop.call(Method::POST, "/v1/relations", &[], body.to_owned()).await
}

const PAGE: &str = r#"{"placement":"pdp","item_ids":["A"]}"#;
const CART: &str = r#"{"placement":"cart","cart":["A"]}"#;

async fn offered(shop: &TestShop, body: &str) -> String {
    ids(&shop.recommend(body).await.json())
}

#[tokio::test]
async fn what_is_declared_counts_in_the_next_decision() {
    let shop = TestShop::new();
    assert_eq!(offered(&shop, CART).await, "B C");
    let answer = declare(&shop, r#"{"from_item":"A","to_item":"B","relation":"substitute"}"#).await;
    assert_eq!(answer.verdict(), "200");
    assert_eq!(answer.json()["new"], 1);
    assert_eq!(offered(&shop, CART).await, "C");
    let id = shop.recommend(CART).await.json()["recommendation_id"].as_str().unwrap().to_owned();
    let why = shop.get(&format!("/v1/decisions/{id}/why_not?item_id=B")).await.json();
    assert_eq!(
        (why["verdict"].as_str(), why["gate"].as_str()),
        (Some("stopped"), Some("substitute"))
    );
}

#[tokio::test]
async fn an_upgrade_says_what_it_replaces_and_what_it_costs_more() {
    let shop = TestShop::new();
    let list = r#"[{"from_item_id":"A","to_item_id":"B","relation":"upsell","note":"spring"}]"#;
    assert_eq!(declare(&shop, list).await.verdict(), "200");
    let priced = r#"[{"item_id":"A","price":10,"currency":"GBP"},
                     {"item_id":"B","price":"12.50","currency":"GBP"}]"#;
    shop.call(Method::PATCH, "/v1/items", &[], priced.to_owned()).await;
    let answer = shop.recommend(PAGE).await.json();
    let last = answer["items"].as_array().unwrap().last().unwrap();
    assert_eq!((last["item_id"].as_str(), last["relation"].as_str()), (Some("B"), Some("upgrade")));
    assert_eq!(
        (last["about"]["item_id"].as_str(), &last["about"]["price_difference"]),
        (Some("A"), &2.5.into())
    );
    let text = last["reason"]["text"].as_str().unwrap();
    assert!(text.starts_with("Instead of ") && text.ends_with(", for 2.50 GBP more."), "{text}");
    // The record tells the same, and only what is asked for is offered.
    let id = answer["recommendation_id"].as_str().unwrap();
    let record = shop.get(&format!("/v1/decisions/{id}")).await.json();
    let offers = record["offers"].as_array().unwrap();
    assert_eq!(offers.last().unwrap()["about"], "A");
    let only = r#"{"placement":"pdp","item_ids":["A"],"filter":{"relations":["complement"]}}"#;
    assert_eq!(offered(&shop, only).await, "C");
    let only = r#"{"placement":"pdp","item_ids":["A"],"filter":{"relations":["upgrade"]}}"#;
    assert_eq!(offered(&shop, only).await, "B");
    // On a page it stands apart from what goes beside.
    let page = shop.get("/p/A").await.body;
    let (beside, instead) = page.split_once("id=\"instead\"").expect("a part of its own");
    assert!(!beside.contains("/p/B\"") && instead.contains("/p/B\""), "{page}");
}

#[tokio::test]
async fn wrong_relations_change_nothing_and_are_named() {
    let shop = TestShop::new();
    for (body, part) in [
        (r#"{"from_item":"A","to_item":"B","relation":"friend"}"#, "next_product, and none"),
        (r#"{"from_item":"A","relation":"upgrade"}"#, "the field `to_item` is missing"),
        (
            r#"[{"from_item":"A","to_item":"B","relation":"bundle",
                 "valid_from":"2026-02-01T00:00:00Z","valid_until":"2026-01-01T00:00:00Z"}]"#,
            "ends before it begins",
        ),
    ] {
        let answer = declare(&shop, body).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.body.contains(part), "{}", answer.body);
    }
    assert_eq!(offered(&shop, CART).await, "B C");
    let filter = r#"{"placement":"cart","cart":["A"],"filter":{"relations":["friend"]}}"#;
    let answer = shop.recommend(filter).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["path"], "filter.relations[0]");
}

#[tokio::test]
async fn one_by_one_or_all_at_once_the_same_is_in_force() {
    let shop = TestShop::new();
    let each = [("A", "B", "substitute"), ("A", "C", "substitute"), ("A", "B", "none")];
    for (at, (from, to, relation)) in each.into_iter().enumerate() {
        let body = format!(r#"{{"from_item":"{from}","to_item":"{to}","relation":"{relation}"}}"#);
        let answer = declare(&shop, &body).await;
        assert_eq!(answer.json()["relations_version"], at + 1);
        assert_eq!(answer.json()["same"], 0);
    }
    assert_eq!(offered(&shop, CART).await, "B");
}
