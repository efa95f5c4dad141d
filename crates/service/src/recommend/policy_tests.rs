//! Policies over HTTP: in force with the next decision, named in answers and records.

use crate::background::load_policies;
use crate::testing::{TestShop, ids};
use axum::http::Method;
use policy::directory::Signature;
use policy::{PolicyDir, PolicySet};
use serde_json::Value;
use std::sync::Arc;

const BESIDE_A: &str = r#"{"placement":"pdp","item_ids":["A"]}"#;

async fn rule(shop: &TestShop, version: u64, text: &str) {
    let (set, found) = PolicySet::read(text);
    let set = set.unwrap_or_else(|| panic!("{found:#?}"));
    shop.state.inner.set_policies(Some((version, Arc::new(set)))).await.unwrap();
}

fn policy(name: &str, kind: &str, rest: &str) -> String {
    format!("[[policy]]\nname = '{name}'\nkind = '{kind}'\n{rest}\n")
}

async fn put(shop: &TestShop, path: &str, body: &str) {
    let answer = shop.call(Method::PUT, path, &[], body.to_owned()).await;
    assert_eq!(answer.verdict(), "200", "{}", answer.body);
}

async fn beside_a(shop: &TestShop, more: &str) -> Value {
    let body = format!(r#"{{"placement":"pdp","item_ids":["A"],"explain":true{more}}}"#);
    shop.recommend(&body).await.json()
}

#[tokio::test]
async fn an_answer_and_its_why_not_name_policy_and_version() {
    let shop = TestShop::new();
    assert_eq!(ids(&shop.recommend(BESIDE_A).await.json()), "B C");
    let text = policy("no hearts", "exclude", "item_ids = ['B']\nowner = 'mia'")
        + &policy("bags", "boost", "items = \"item.category under 'Bags'\"\nfactor = 3.0");
    rule(&shop, 4, &text).await;
    let slate = beside_a(&shop, "").await;
    assert_eq!(ids(&slate), "C");
    let touch = &slate["items"][0]["policy"];
    let told = (&touch["name"], &touch["kind"], &touch["version"], &touch["factor"]);
    assert_eq!(told, (&"bags".into(), &"boost".into(), &4.into(), &3.into()));
    assert_eq!(slate["explain"]["policy_version"], 4);
    let id = slate["recommendation_id"].as_str().unwrap();
    let record = shop.get(&format!("/v1/decisions/{id}")).await.json();
    assert_eq!(record["policies"]["version"], 4);
    assert_eq!(record["offers"][0]["policy"]["name"], "bags");
    let why = shop.get(&format!("/v1/decisions/{id}/why_not?item_id=B")).await.json();
    assert_eq!((&why["gate"], &why["policy"]["name"]), (&"policy".into(), &"no hearts".into()));
    assert_eq!((&why["policy"]["owner"], &why["is_same_policies"]), (&"mia".into(), &true.into()));
    rule(&shop, 5, &policy("other", "exclude", "item_ids = ['C']")).await;
    let why = shop.get(&format!("/v1/decisions/{id}/why_not?item_id=C")).await.json();
    assert_eq!((&why["policy"]["version"], &why["is_same_policies"]), (&5.into(), &false.into()));
    shop.state.inner.set_policies(None).await.unwrap();
    assert_eq!(ids(&shop.recommend(BESIDE_A).await.json()), "B C");
}

#[tokio::test]
async fn a_price_or_an_attribute_that_changes_acts_in_the_next_decision() {
    let shop = TestShop::new();
    let text = policy("cheap", "exclude", "items = 'item.price < 2'")
        + &policy("recall", "exclude", "items = \"item.attr.recall is known\"");
    rule(&shop, 1, &text).await;
    assert_eq!(ids(&beside_a(&shop, "").await), "B", "C costs 1.95");
    put(&shop, "/v1/items", r#"{"item_id":"C","price":2.5}"#).await;
    put(&shop, "/v1/items", r#"{"item_id":"B","price":1}"#).await;
    assert_eq!(ids(&beside_a(&shop, "").await), "C");
    put(&shop, "/v1/items", r#"{"item_id":"B","price":3}"#).await;
    put(&shop, "/v1/items", r#"{"item_id":"C","attributes":{"recall":"2026-7"}}"#).await;
    assert_eq!(ids(&beside_a(&shop, "").await), "B");
    // What came before anybody asked for attributes is known to the policies that ask.
    let shop = TestShop::new();
    put(&shop, "/v1/items", r#"{"item_id":"C","attributes":{"recall":"2026-7"}}"#).await;
    assert_eq!(ids(&beside_a(&shop, "").await), "B C");
    rule(&shop, 1, &text.replace("price < 2", "price < 0")).await;
    assert_eq!(ids(&beside_a(&shop, "").await), "B");
}

#[tokio::test]
async fn customers_are_known_by_attributes_holdings_and_consent() {
    let shop = TestShop::new();
    let text = policy("adults", "eligibility", "item_ids = ['B']\nwhen = 'customer.age >= 18'")
        + &policy("held", "exclude", "when = 'customer.known and customer.holdings has item.id'")
        + "[[placement]]\nname = 'pdp'\noffers_held = true\n";
    rule(&shop, 1, &text).await;
    let slate = beside_a(&shop, "").await;
    assert_eq!((ids(&slate), &slate["explain"]["n_policies_unknown"]), ("C".into(), &1.into()));
    let anna = r#","user_id":"anna""#;
    put(&shop, "/v1/customers", r#"{"customer_id":"anna","attributes":{"age":"18"}}"#).await;
    let slate = beside_a(&shop, anna).await;
    assert_eq!(ids(&slate), "B C");
    put(&shop, "/v1/holdings", r#"{"customer_id":"anna","item_id":"C"}"#).await;
    let slate = beside_a(&shop, anna).await;
    assert_eq!(ids(&slate), "B");
    // The record knows of her what the policies asked, and no more.
    let id = slate["recommendation_id"].as_str().unwrap();
    let known = shop.get(&format!("/v1/decisions/{id}")).await.json()["asked"]["known"].clone();
    assert_eq!(known, serde_json::json!({"attributes": [["age", "18"]], "holdings": ["C"]}));
    let why = shop.get(&format!("/v1/decisions/{id}/why_not?item_id=C")).await.json();
    assert_eq!(why["policy"]["name"], "held");
    put(&shop, "/v1/customers", r#"{"customer_id":"anna","consent":false}"#).await;
    assert_eq!(ids(&beside_a(&shop, anna).await), "C", "without consent she is a guest");
    let page = shop.get("/metrics").await.body;
    assert!(page.contains("alongside_policies_unknown_total 2"), "{page}");
}

#[tokio::test]
async fn what_may_have_been_bought_is_not_offered_as_not_bought() {
    let shop = TestShop::new();
    let text =
        policy("bought", "exclude", "when = 'customer.known and customer.bought has item.id'");
    rule(&shop, 1, &text).await;
    let customer = r#"{"customer_id":"anna","attributes":{"age":"18"}}"#;
    put(&shop, "/v1/customers", customer).await;
    let anna = r#","user_id":"anna""#;
    let follow = async || shop.state.inner.follow_customers().await.unwrap();
    follow().await;
    assert_eq!(ids(&beside_a(&shop, anna).await), "B C");
    // Orders of hers are imported: until they are learned nobody knows what she has not bought.
    shop.ledger.state().imported = [0].into_iter().collect();
    follow().await;
    let slate = beside_a(&shop, anna).await;
    assert_eq!((ids(&slate), &slate["explain"]["n_policies_unknown"]), (String::new(), &1.into()));
    let id = slate["recommendation_id"].as_str().unwrap();
    let why = shop.get(&format!("/v1/decisions/{id}/why_not?item_id=C")).await.json();
    assert_eq!(why["policy"]["name"], "bought", "the record keeps that the list had gaps");
    assert_eq!(ids(&beside_a(&shop, "").await), "B C", "of guests nothing changes");
    shop.ledger.state().imported.clear();
    follow().await;
    assert_eq!(ids(&beside_a(&shop, anna).await), "B C");
}

#[tokio::test]
async fn the_cart_of_a_session_holds_what_the_catalog_lacks() {
    let shop = TestShop::new();
    let text = policy("toxic", "exclude", "item_ids = ['B']\nwhen = \"cart.items has 'TOXIC'\"")
        + &policy("small", "exclude", "item_ids = ['C']\nwhen = 'cart.total < 100'");
    rule(&shop, 1, &text).await;
    let event = r#"[{"event_id":"e1","event_name":"add_to_cart","session_id":"s","items":[
        {"item_id":"A","quantity":1,"price":2},{"item_id":"TOXIC","quantity":1,"price":500}]}]"#;
    let posted = shop.call(Method::POST, "/v1/events", &[], event).await;
    assert_eq!(posted.status.as_u16(), 200, "{}", posted.body);
    let ask = async |more: &str| {
        let body = format!(r#"{{"placement":"cart"{more}}}"#);
        shop.recommend(&body).await.json()
    };
    let told = ask(r#","cart":[{"item_id":"A","price":2},{"item_id":"TOXIC","price":500}]"#).await;
    let slate = ask(r#","session_id":"s""#).await;
    assert_eq!((ids(&slate), ids(&told)), ("C".to_owned(), "C".to_owned()));
    assert_eq!(slate["warnings"], told["warnings"]);
    let id = slate["recommendation_id"].as_str().unwrap();
    let why = shop.get(&format!("/v1/decisions/{id}/why_not?item_id=B")).await.json();
    assert_eq!(why["policy"]["name"], "toxic", "asked again, the cart is the same");
}

#[tokio::test]
async fn what_the_request_tells_of_its_context_is_asked() {
    let shop = TestShop::new();
    let text = policy("app", "exclude", "item_ids = ['B']\nwhen = \"context.channel == 'app'\"")
        + &policy("swiss", "exclude", "item_ids = ['C']\nwhen = \"context.locale == 'de-CH'\"");
    rule(&shop, 1, &text).await;
    assert_eq!(ids(&beside_a(&shop, "").await), "", "neither is told, so both close");
    let told = |channel: &str, locale: &str| {
        format!(r#","context":{{"channel":"{channel}","locale":"{locale}"}}"#)
    };
    assert_eq!(ids(&beside_a(&shop, &told("web", "de-DE")).await), "B C");
    assert_eq!(ids(&beside_a(&shop, &told("app", "de-DE")).await), "C");
    assert_eq!(ids(&beside_a(&shop, &told("web", "de-CH")).await), "B");
    let long = "x".repeat(2_000);
    let body = format!(r#"{{"placement":"home","context":{{"channel":"{long}"}}}}"#);
    assert_eq!(shop.recommend(&body).await.verdict(), "400 invalid_value");
}

#[tokio::test]
async fn the_shop_of_our_own_shows_nothing_that_is_stopped() {
    let settings = crate::Settings { with_shop: true, ..crate::Settings::default() };
    let shop = TestShop::with(crate::keys::KeyRing::default(), settings);
    assert!(shop.get("/p/A").await.body.contains("/p/B"));
    rule(&shop, 1, &policy("gone", "exclude", "item_ids = ['B']")).await;
    assert!(!shop.get("/p/A").await.body.contains("/p/B"));
}

#[tokio::test]
async fn policies_follow_their_folder_and_damage_never_opens() {
    let shop = TestShop::new();
    let folder = tempfile::tempdir().unwrap();
    let dir = PolicyDir::in_dir(folder.path());
    let signature =
        Signature { at: crate::testing::NOW, by: String::new(), note: String::new(), key_id: None };
    load_policies(&shop.state, &dir).await;
    assert_eq!(ids(&shop.recommend(BESIDE_A).await.json()), "B C");
    let mut watch = crate::background::PolicyWatch::new(dir.clone());
    let version = dir.apply(&policy("b", "exclude", "item_ids = ['B']"), &signature).unwrap();
    watch.look(&shop.state).await;
    let slate = beside_a(&shop, "").await;
    assert_eq!(slate["explain"]["policy_version"].as_u64(), version);
    assert_eq!(ids(&slate), "C");
    // The next version is damaged: the one before stays, and health tells.
    dir.apply(&policy("c", "exclude", "item_ids = ['C']"), &signature).unwrap();
    std::fs::write(dir.path().join("000002.toml"), "[[policy]]").unwrap();
    watch.look(&shop.state).await;
    assert_eq!(ids(&shop.recommend(BESIDE_A).await.json()), "C");
    assert_eq!(shop.get("/health/ready").await.json()["status"], "yellow");
    // A server that starts now knows none before: it offers nothing.
    let other = TestShop::new();
    load_policies(&other.state, &dir).await;
    assert_eq!(ids(&other.recommend(BESIDE_A).await.json()), "");
    assert_eq!(other.get("/health/ready").await.json()["status"], "yellow");
    // A folder that goes away, or a log that is emptied, opens nothing either.
    dir.rollback(Some(1), &signature).unwrap();
    watch.look(&shop.state).await;
    let log = dir.path().join("log.jsonl");
    let kept = std::fs::read(&log).unwrap();
    std::fs::write(&log, "").unwrap();
    watch.look(&shop.state).await;
    assert_eq!(ids(&shop.recommend(BESIDE_A).await.json()), "C");
    assert_eq!(shop.get("/health/ready").await.json()["status"], "yellow");
    std::fs::write(&log, kept).unwrap();
    let aside = folder.path().join("aside");
    std::fs::rename(dir.path(), &aside).unwrap();
    for watch in [&mut watch, &mut crate::background::PolicyWatch::new(dir.clone())] {
        watch.look(&shop.state).await;
        assert_eq!(ids(&shop.recommend(BESIDE_A).await.json()), "C");
        assert_eq!(shop.get("/health/ready").await.json()["status"], "yellow");
    }
    // A server that starts is told by the store that there were some.
    let knowing = TestShop::new();
    load_policies(&knowing.state, &dir.clone().knowing(2)).await;
    assert_eq!(ids(&knowing.recommend(BESIDE_A).await.json()), "");
    assert_eq!(knowing.get("/health/ready").await.json()["status"], "yellow");
    std::fs::rename(&aside, dir.path()).unwrap();
    watch.look(&shop.state).await;
    assert_eq!(shop.get("/health/ready").await.json()["status"], "green");
    let mut later = crate::background::PolicyWatch::new(dir);
    later.look(&other.state).await;
    assert_eq!(ids(&other.recommend(BESIDE_A).await.json()), "C");
    assert_eq!(other.get("/health/ready").await.json()["status"], "green");
}
