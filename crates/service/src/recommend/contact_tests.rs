//! Contact policies over HTTP: counted from answer to answer, told by `why_not`.

use crate::testing::{TestShop, ids};
use axum::http::Method;
use events::Timestamp;
use policy::PolicySet;
use serde_json::Value;
use std::sync::Arc;

const DAY_US: i64 = events::time::DAY_US;

async fn rule(shop: &TestShop, version: u64, text: &str) {
    let (set, found) = PolicySet::read(text);
    let set = set.unwrap_or_else(|| panic!("{found:#?}"));
    shop.state.inner.set_policies(Some((version, Arc::new(set)))).await.unwrap();
    shop.state.inner.follow_contacts().await.unwrap();
}

fn policy(kind: &str, rest: &str) -> String {
    format!("[[policy]]\nname = 'p'\nkind = '{kind}'\n{rest}\n")
}

async fn beside_a(shop: &TestShop, more: &str) -> Value {
    shop.recommend(&format!(r#"{{"placement":"pdp","item_ids":["A"]{more}}}"#)).await.json()
}

/// Those of B and C that are in a slate: what else is there comes from what a customer bought.
fn ids_of_pair(slate: &Value) -> String {
    let all = ids(slate);
    let kept: Vec<&str> = all.split(' ').filter(|id| ["B", "C"].contains(id)).collect();
    kept.join(" ")
}

async fn why(shop: &TestShop, slate: &Value, item_id: &str) -> Value {
    let id = slate["recommendation_id"].as_str().unwrap();
    shop.get(&format!("/v1/decisions/{id}/why_not?item_id={item_id}")).await.json()
}

async fn happens(shop: &TestShop, name: &str, who: &str, item_id: &str) {
    let id = shop.ledger.state().events.len();
    let event = format!(
        r#"[{{"event_id":"e{id}","event_name":"{name}",{who},"recommendation_id":"r",
            "order_id":"o{id}","items":[{{"item_id":"{item_id}"}}]}}]"#
    );
    let answer = shop.post("/v1/events", &event).await;
    assert_eq!(answer.verdict(), "200", "{}", answer.body);
}

async fn put(shop: &TestShop, path: &str, body: &str) {
    let answer = shop.call(Method::PUT, path, &[], body.to_owned()).await;
    assert_eq!(answer.verdict(), "200", "{}", answer.body);
}

fn pass(shop: &TestShop, us: i64) {
    shop.clock.set(Timestamp(shop.clock.now().0 + us));
}

#[tokio::test]
async fn what_was_answered_counts_for_the_customer_and_for_the_visit_of_a_guest() {
    let shop = TestShop::new();
    put(&shop, "/v1/customers", r#"{"customer_id":"anna","consent":true}"#).await;
    shop.state.inner.follow_customers().await.unwrap();
    rule(&shop, 1, &policy("cap", "at_most = 2\nwithin = '7 days'\nitem_ids = ['B']")).await;
    let (anna, guest) = (r#","user_id":"anna""#, r#","session_id":"s1""#);
    for who in [anna, guest] {
        assert_eq!(ids_of_pair(&beside_a(&shop, who).await), "B C");
        pass(&shop, DAY_US);
        assert_eq!(ids_of_pair(&beside_a(&shop, who).await), "B C");
        let third = beside_a(&shop, who).await;
        assert_eq!(ids_of_pair(&third), "C", "{who}");
        let why = why(&shop, &third, "B").await;
        assert_eq!((&why["gate"], &why["policy"]["name"]), (&"policy".into(), &"p".into()));
        let (n, at_most) = (&why["contact"]["n"], &why["contact"]["at_most"]);
        assert_eq!(
            (n, at_most, &why["contact"]["within"]),
            (&2.into(), &2.into(), &"1 week".into())
        );
        let opens_at = Timestamp(shop.clock.now().0 + 6 * DAY_US).to_string();
        assert_eq!(why["contact"]["opens_at"], opens_at);
        assert!(why["text"].as_str().unwrap().contains(&opens_at), "{why}");
    }
    assert_eq!(
        ids_of_pair(&beside_a(&shop, r#","session_id":"s2""#).await),
        "B C",
        "another visit"
    );
    pass(&shop, 6 * DAY_US);
    assert_eq!(ids_of_pair(&beside_a(&shop, guest).await), "B C", "the first fell out of the week");
    // Nobody in particular: what they were shown is not known.
    let nobody = beside_a(&shop, r#","explain":true"#).await;
    assert_eq!(
        (ids_of_pair(&nobody), &nobody["explain"]["n_policies_unknown"]),
        ("C".into(), &1.into())
    );
    assert_eq!(why(&shop, &nobody, "B").await["contact"]["is_known"], false);
}

#[tokio::test]
async fn slates_of_one_page_count_together_and_a_page_that_was_seen_counts_apart() {
    let shop = TestShop::new();
    let cap = "at_most = 3\nwithin = '1 day'\nper = 'all'";
    rule(&shop, 1, &policy("cap", cap)).await;
    let body = r#"{"placements":["home","category"],"session_id":"s","count":2}"#;
    let page = shop.recommend(body).await.json();
    let n = |at: usize| page["slates"][at]["items"].as_array().unwrap().len();
    assert_eq!((n(0), n(1)), (2, 1));
    let shop = TestShop::new();
    rule(&shop, 1, &policy("cap", "at_most = 1\nwithin = '1 day'\ncounted = 'seen'")).await;
    let guest = r#","session_id":"s1""#;
    for _ in 0..3 {
        assert_eq!(ids_of_pair(&beside_a(&shop, guest).await), "B C");
    }
    happens(&shop, "recommendation_impression", r#""session_id":"s1""#, "B").await;
    assert_eq!(ids_of_pair(&beside_a(&shop, guest).await), "C");
    // Of what the catalog does not know nothing is kept.
    happens(&shop, "recommendation_impression", r#""session_id":"s1""#, "NONE").await;
}

#[tokio::test]
async fn a_dismissed_offer_rests_for_a_month_without_any_file() {
    let shop = TestShop::new();
    let (anna, guest) = (r#","user_id":"anna""#, r#","session_id":"s1""#);
    happens(&shop, "recommendation_dismiss", r#""session_id":"s1""#, "B").await;
    happens(&shop, "recommendation_dismiss", r#""customer_id":"anna""#, "C").await;
    let slate = beside_a(&shop, guest).await;
    assert_eq!(ids_of_pair(&slate), "C");
    assert_eq!(ids_of_pair(&beside_a(&shop, anna).await), "B");
    assert_eq!(ids_of_pair(&beside_a(&shop, "").await), "B C", "a guest who is not they");
    pass(&shop, 29 * DAY_US);
    let slate = beside_a(&shop, anna).await;
    assert_eq!(ids_of_pair(&slate), "B");
    assert_eq!(why(&shop, &slate, "C").await["gate"], "dismissed");
    pass(&shop, DAY_US + 1);
    assert_eq!(ids_of_pair(&beside_a(&shop, anna).await), "B C");
    // A file may say otherwise.
    let shop = TestShop::new();
    happens(&shop, "recommendation_dismiss", r#""session_id":"s1""#, "B").await;
    rule(&shop, 1, "dismissed_rest_days = 0").await;
    assert_eq!(ids_of_pair(&beside_a(&shop, guest).await), "B C");
    rule(&shop, 2, &policy("rest", "after = 'dismissal'\nfor = '1 day'\nper = 'category'")).await;
    assert_eq!(ids_of_pair(&beside_a(&shop, guest).await), "C", "of lights, none");
}

#[tokio::test]
async fn what_was_bought_rests_and_a_refusal_to_be_contacted_is_kept() {
    let shop = TestShop::new();
    let bought = policy("rest", "after = 'purchase'\nfor = '90 days'\nper = 'category'");
    rule(&shop, 1, &bought).await;
    put(&shop, "/v1/customers", r#"{"customer_id":"anna","consent":true}"#).await;
    shop.state.inner.follow_customers().await.unwrap();
    let anna = r#","user_id":"anna""#;
    assert_eq!(ids_of_pair(&beside_a(&shop, anna).await), "B C");
    happens(&shop, "purchase", r#""customer_id":"anna""#, "N").await;
    assert_eq!(ids_of_pair(&beside_a(&shop, anna).await), "C", "N lies among the lights");
    let mail = r#"{"placement":"email","user_id":"anna"}"#;
    assert_ne!(ids(&shop.recommend(mail).await.json()), "");
    let refusal = r#"{"customer_id":"anna","attributes":{"consent.marketing":"false"}}"#;
    put(&shop, "/v1/customers", refusal).await;
    let slate = shop.recommend(mail).await.json();
    assert_eq!((ids(&slate), &slate["no_offer"]["code"]), ("".into(), &"marketing_refused".into()));
    assert_eq!(why(&shop, &slate, "D").await["gate"], "marketing_refused");
    assert_eq!(ids_of_pair(&beside_a(&shop, anna).await), "C", "a page is no contact");
}

#[tokio::test]
async fn caps_are_closed_until_the_past_was_read_back() {
    let shop = TestShop::new();
    let guest = r#","session_id":"s1""#;
    let cap = policy("cap", "at_most = 1\nwithin = '7 days'\nitem_ids = ['B']");
    rule(&shop, 1, &cap).await;
    assert_eq!(ids_of_pair(&beside_a(&shop, guest).await), "B C");
    // Another process over the same store.
    let next = TestShop::over(shop.ledger.clone());
    let (set, _) = PolicySet::read(&cap);
    let policies = Some((1, Arc::new(set.unwrap())));
    next.state.inner.set_policies(policies).await.unwrap();
    let other = r#","session_id":"s2""#;
    assert_eq!(ids_of_pair(&beside_a(&next, other).await), "C", "nobody has looked yet");
    next.state.inner.follow_contacts().await.unwrap();
    assert_eq!(ids_of_pair(&beside_a(&next, other).await), "B C");
    assert_eq!(ids_of_pair(&beside_a(&next, guest).await), "C", "shown by the process before");
    // A longer look back than was read asks the store again.
    let longer = cap.replace("7 days", "8 days");
    let (set, _) = PolicySet::read(&longer);
    next.state.inner.set_policies(Some((2, Arc::new(set.unwrap())))).await.unwrap();
    let third = r#","session_id":"s3""#;
    assert_eq!(ids_of_pair(&beside_a(&next, third).await), "C");
    next.ledger.is_full.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(next.state.inner.follow_contacts().await.is_err());
    assert_eq!(ids_of_pair(&beside_a(&next, third).await), "C", "a store that fails opens nothing");
    next.ledger.is_full.store(false, std::sync::atomic::Ordering::Relaxed);
    next.state.inner.follow_contacts().await.unwrap();
    assert_eq!(ids_of_pair(&beside_a(&next, third).await), "B C");
    assert_eq!(ids_of_pair(&beside_a(&next, guest).await), "C");
}

#[tokio::test]
async fn an_empty_slate_says_why_and_a_quota_is_told() {
    let shop = TestShop::new();
    put(&shop, "/v1/items", r#"[{"item_id":"B","cost":1.55},{"item_id":"C","cost":0.95}]"#).await;
    let cost = |cost: &str| format!("[[placement]]\nname = 'pdp'\ninterruption_cost = {cost}");
    rule(&shop, 1, &cost("0.5")).await;
    assert_eq!(ids_of_pair(&beside_a(&shop, "").await), "B C");
    rule(&shop, 2, &cost("'2 GBP'")).await;
    let slate = beside_a(&shop, "").await;
    assert_eq!((ids(&slate), &slate["no_offer"]["code"]), ("".into(), &"interruption_cost".into()));
    let (gain, cost) =
        (&slate["no_offer"]["expected_gain"], &slate["no_offer"]["interruption_cost"]);
    // Both earn 1; of 23 orders with A, 18 hold B and 9 hold C.
    let expected = 18.0 / 23.0 + 9.0 / 23.0;
    assert!((gain.as_f64().unwrap() - expected).abs() < 1e-3, "{gain}");
    assert_eq!(cost.as_f64(), Some(2.0));
    let id = slate["recommendation_id"].as_str().unwrap();
    let record = shop.get(&format!("/v1/decisions/{id}")).await.json();
    assert_eq!(record["no_offer"], slate["no_offer"]);
    assert_eq!(why(&shop, &slate, "B").await["gate"], "interruption_cost");
    let empty = beside_a(&shop, r#","filter":{"categories":["None"]}"#).await;
    assert_eq!(empty["no_offer"]["code"], "nothing_found");
    // The first row of the snapshot bought D and E.
    let quota = "[[placement]]\nname = 'home'\nnew_share = 1.0\n";
    rule(&shop, 3, quota).await;
    put(&shop, "/v1/customers", r#"{"customer_id":"anna","consent":true}"#).await;
    shop.state.inner.follow_customers().await.unwrap();
    let ask = r#"{"placement":"home","user_id":"anna","count":9}"#;
    let slate = shop.recommend(ask).await.json();
    assert!(!ids(&slate).contains('D') && !ids(&slate).contains('E'), "{slate}");
    let new = &slate["new_things"];
    assert_eq!((&new["reserved"], &new["bought_before"]), (&9.into(), &0.into()));
    assert_eq!(new["new"].as_u64(), slate["items"].as_array().map(|items| items.len() as u64));
    assert_eq!(why(&shop, &slate, "D").await["gate"], "new_share");
    let guest = shop.recommend(r#"{"placement":"home","count":9}"#).await.json();
    assert!(ids(&guest).contains('D') && guest["new_things"].is_null());
}
