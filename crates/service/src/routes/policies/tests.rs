use crate::keys::{KeyFile, KeyKind, KeyRing};
use crate::testing::{Answer, NOW, TestShop, ids};
use axum::body::Body;
use axum::http::Method;
use policy::PolicyDir;
use std::num::NonZeroU32;
use tempfile::TempDir;

const NO_B: &str = "[[policy]]\nname = 'no b'\nkind = 'exclude'\nitem_ids = ['B']\nowner = 'mia'\n";

fn opened(keys: KeyRing) -> (TestShop, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let shop = TestShop::with(keys, crate::Settings::default());
    shop.state.inner.policy_dir.set(PolicyDir::in_dir(folder.path())).unwrap();
    (shop, folder)
}

async fn put(shop: &TestShop, query: &str, text: &str) -> Answer {
    shop.call(Method::PUT, &format!("/v1/policies{query}"), &[], text.to_owned()).await
}

async fn delete(shop: &TestShop, path: &str) -> Answer {
    shop.call(Method::DELETE, path, &[], Body::empty()).await
}

async fn beside_a(shop: &TestShop) -> String {
    ids(&shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json())
}

#[tokio::test]
async fn a_file_is_in_force_before_it_is_answered_and_stays_in_the_log() {
    let (shop, _folder) = opened(KeyRing::default());
    assert_eq!(shop.get("/v1/policies").await.json()["version"], serde_json::Value::Null);
    let dry = put(&shop, "?dry_run=true", NO_B).await.json();
    assert_eq!((&dry["changed"], beside_a(&shop).await), (&false.into(), "B C".to_owned()));
    let applied = put(&shop, "?note=sold%20out&by=mia&expect=0", NO_B).await.json();
    assert_eq!((&applied["version"], &applied["policies"]), (&1.into(), &1.into()));
    assert_eq!(beside_a(&shop).await, "C");
    assert_eq!(shop.ledger.state().policy_version, 1);
    assert_eq!(put(&shop, "", NO_B).await.json()["changed"], false);
    let two = NO_B.replace("'B'", "'C'").replace("no b", "no c/ü");
    assert_eq!(put(&shop, "?expect=0", &two).await.verdict(), "409 policy_conflict");
    let posted = shop.post("/v1/policies?expect=1", &two).await;
    assert_eq!((posted.json()["version"].as_u64(), beside_a(&shop).await), (Some(2), "B".into()));
    let all = shop.get("/v1/policies").await.json();
    assert_eq!((&all["version"], &all["text"]), (&2.into(), &two.clone().into()));
    assert_eq!(
        (&all["policies"][0]["owner"], &all["policies"][0]["line"]),
        (&"mia".into(), &2.into())
    );
    let one = shop.get("/v1/policies/named/no%20c%2F%C3%BC").await.json();
    assert_eq!(one["kind"], "exclude");
    assert_eq!(shop.get("/v1/policies/named/none").await.verdict(), "404 policy_not_found");
    assert_eq!(shop.get("/v1/policies/versions/1").await.json()["text"], NO_B);
    assert_eq!(shop.get("/v1/policies/versions/7").await.verdict(), "404 policy_not_found");
    assert_eq!(shop.get("/v1/policies/versions/x").await.verdict(), "400 invalid_value");
    let diff = shop.get("/v1/policies/versions/2/diff").await.json();
    assert_eq!(diff["from"], 1);
    assert!(diff["lines"].as_array().unwrap().contains(&"- item_ids = ['B']".into()), "{diff}");
    let whole = shop.get("/v1/policies/versions/2/diff?from=0").await.json();
    assert_eq!(whole["lines"].as_array().unwrap().len(), 5);
    let back = shop.post("/v1/policies/rollback?note=oops", "").await.json();
    assert_eq!((&back["version"], beside_a(&shop).await), (&1.into(), "C".to_owned()));
    assert_eq!(shop.post("/v1/policies/rollback", "").await.verdict(), "404 policy_not_found");
    let log = shop.get("/v1/policies/log").await.json();
    let told: Vec<String> = log["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            format!("{} {} {} {} {}", c["version"], c["kind"], c["by"], c["note"], c["in_force"])
        })
        .collect();
    assert_eq!(
        told,
        [
            "1 \"apply\" \"mia\" \"sold out\" false",
            "2 \"apply\" \"api\" \"\" false",
            "1 \"rollback\" \"api\" \"oops\" true",
        ]
    );
    assert_eq!(log["changes"][0]["at"], NOW.to_string());
}

#[tokio::test]
async fn faults_come_with_line_and_column_and_change_nothing() {
    let (shop, folder) = opened(KeyRing::default());
    let bad =
        NO_B.to_owned() + "[[policy]]\nname = 'x'\nkind = 'exclude'\nitems = \"item.prise < 3\"\n";
    let answer = put(&shop, "", &bad).await;
    assert_eq!(answer.verdict(), "400 invalid_policy");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let fault = &answer.json()["faults"][0];
    let told = (&fault["severity"], &fault["line"], &fault["column"]);
    assert_eq!(told, (&"error".into(), &9.into(), &10.into()), "{fault}");
    assert!(fault["mend"].as_str().unwrap().contains("item.price"), "{fault}");
    assert_eq!(beside_a(&shop).await, "B C");
    // Right by the letter, and nothing would be left of the catalog.
    let all = "[[policy]]\nname = 'all'\nkind = 'exclude'\nitems = 'item.price >= 0'\n";
    let answer = put(&shop, "", all).await.json();
    assert!(answer["faults"][0]["message"].as_str().unwrap().contains("every item"), "{answer}");
    let none = NO_B.replace("'B'", "'B', 'nothing'");
    let warned = put(&shop, "", &none).await.json();
    assert!(warned["warnings"][0]["message"].as_str().unwrap().contains("nothing"), "{warned}");
    let binary = shop.call(Method::PUT, "/v1/policies", &[], vec![0xff, 0xfe]).await;
    assert_eq!(binary.verdict(), "400 invalid_policy");
    let long = "#".repeat((4 << 20) + 1);
    assert_eq!(put(&shop, "", &long).await.verdict(), "413 body_too_large");
    // A log that is damaged is told without its path; what is applied mends it.
    std::fs::write(folder.path().join("policies/log.jsonl"), "{").unwrap();
    let damaged = shop.get("/v1/policies").await;
    assert_eq!(damaged.verdict(), "503 storage_unavailable");
    assert!(!damaged.body.contains("policies/log"), "{}", damaged.body);
    assert_eq!(put(&shop, "", NO_B).await.json()["version"], 2);
    assert_eq!(shop.get("/v1/policies").await.json()["version"], 2);
}

#[tokio::test]
async fn one_policy_is_disabled_or_all_and_a_rollback_brings_them_back() {
    let (shop, _folder) = opened(KeyRing::default());
    let two = NO_B.to_owned() + "\n[[policy]]\nname = 'no c'\nkind = 'exclude'\nitem_ids = ['C']\n";
    put(&shop, "", &two).await;
    assert_eq!(beside_a(&shop).await, "");
    let gone = delete(&shop, "/v1/policies/named/no%20b?note=back").await.json();
    assert_eq!((&gone["version"], &gone["policies"]), (&2.into(), &1.into()));
    assert_eq!(beside_a(&shop).await, "B");
    let text = shop.get("/v1/policies").await.json()["text"].as_str().unwrap().to_owned();
    assert!(text.contains("# name = 'no b'"), "{text}");
    let again = delete(&shop, "/v1/policies/named/no%20b").await;
    assert_eq!(again.verdict(), "404 policy_not_found");
    assert_eq!(delete(&shop, "/v1/policies?expect=1").await.verdict(), "409 policy_conflict");
    assert_eq!(delete(&shop, "/v1/policies").await.json()["policies"], 0);
    assert_eq!(beside_a(&shop).await, "B C");
    shop.post("/v1/policies/rollback", "").await;
    assert_eq!(beside_a(&shop).await, "B");
    let log = shop.get("/v1/policies/log").await.json();
    let kinds: Vec<&str> =
        log["changes"].as_array().unwrap().iter().map(|c| c["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["apply", "disable", "disable", "rollback"]);
}

#[tokio::test]
async fn only_a_secret_key_may_and_the_log_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = KeyFile::in_dir(folder.path());
    let per_second = NonZeroU32::new(1_000).unwrap();
    let secret = file.create(KeyKind::Secret, "backend", NOW).unwrap();
    let public = file.create(KeyKind::Public, "web", NOW).unwrap();
    let (shop, _policies) = opened(file.load(per_second).unwrap());
    let routes = [
        (Method::GET, "/v1/policies"),
        (Method::PUT, "/v1/policies"),
        (Method::DELETE, "/v1/policies"),
        (Method::GET, "/v1/policies/log"),
        (Method::GET, "/v1/policies/named/x"),
        (Method::DELETE, "/v1/policies/named/x"),
        (Method::GET, "/v1/policies/versions/1"),
        (Method::GET, "/v1/policies/versions/1/diff"),
        (Method::POST, "/v1/policies/rollback"),
    ];
    for (method, path) in routes {
        let key = [("x-api-key", public.key.as_str())];
        let answer = shop.call(method.clone(), path, &key, NO_B).await;
        assert_eq!(answer.verdict(), "403 key_scope", "{method} {path}");
        let answer = shop.call(method.clone(), path, &[], NO_B).await;
        assert_eq!(answer.verdict(), "401 key_missing", "{method} {path}");
    }
    let key = [("x-api-key", secret.key.as_str())];
    let answer = shop.call(Method::PUT, "/v1/policies", &key, NO_B).await;
    assert_eq!(answer.verdict(), "200", "{}", answer.body);
    let log = shop.call(Method::GET, "/v1/policies/log", &key, Body::empty()).await.json();
    assert_eq!(log["changes"][0]["key_id"], secret.id);
}
