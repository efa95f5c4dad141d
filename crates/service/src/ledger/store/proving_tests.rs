//! Reports and experiments over HTTP, from a real store.

use super::{Store, StoreLedger};
use crate::testing::{Answer, TestShop};
use axum::http::Method;
use history::OpenMode;

const QUIET: &str = r#"{"name":"quiet","layer":"pages","placements":["pdp"],"share":20,
    "variant":[{"name":"usual"},{"name":"nothing","offers":false}]}"#;

async fn shop(dir: &std::path::Path) -> TestShop {
    let store = Store::open(dir, OpenMode::Create).await.unwrap();
    TestShop::over_any(Box::new(StoreLedger::start(store).unwrap()))
}

async fn post(shop: &TestShop, path: &str, body: &str) -> Answer {
    shop.call(Method::POST, path, &[], body.to_owned()).await
}

#[tokio::test]
async fn an_experiment_lives_from_creation_to_a_winner_over_http() {
    let dir = tempfile::tempdir().unwrap();
    let shop = shop(dir.path()).await;
    assert_eq!(shop.get("/v1/experiments").await.body, "[]");
    let created = post(&shop, "/v1/experiments", QUIET).await.json();
    assert_eq!((&created["phase"], &created["share_percent"]), (&"created".into(), &0.0.into()));
    let early = shop.get("/v1/experiments/quiet/results").await;
    assert_eq!(early.verdict(), "400 invalid_value");
    assert!(early.body.contains("has not run yet"), "{}", early.body);
    let started = post(&shop, "/v1/experiments/quiet/start", r#"{"by":"anna","note":"now"}"#).await;
    let started = started.json();
    assert_eq!((&started["phase"], &started["share_percent"]), (&"running".into(), &20.0.into()));
    let last = &started["log"][1];
    assert_eq!((&last["by"], &last["note"]), (&"anna (the API)".into(), &"now".into()));
    let wide = post(&shop, "/v1/experiments/quiet/widen", r#"{"share_percent":50}"#).await.json();
    assert_eq!(wide["share_percent"], 50.0);
    let results = shop.get("/v1/experiments/quiet/results").await.json();
    assert_eq!(results["arms"].as_array().unwrap().len(), 2);
    assert!(results["sentences"][0].as_str().unwrap().starts_with("Nothing can be told"));
    let plan = results["sentences"].as_array().unwrap().last().unwrap().as_str().unwrap();
    assert!(plan.starts_with("Plan: how long it takes until"), "{plan}");
    assert!(results["planned_days"].is_null() && results["planned_end"].is_null());
    let won = post(&shop, "/v1/experiments/quiet/winner", r#"{"variant":"nothing"}"#).await.json();
    assert_eq!((&won["phase"], &won["winner"]), (&"won".into(), &"nothing".into()));
    assert_eq!(shop.get("/v1/experiments").await.json()[0]["name"], "quiet");
    let other = post(&shop, "/v1/experiments/quiet/winner", r#"{"variant":"usual"}"#).await;
    assert_eq!(other.verdict(), "400 invalid_value");
    assert!(other.body.contains("has a winner already"), "{}", other.body);
    assert_eq!(shop.get("/v1/experiments/quiet").await.json()["winner"], "nothing");
}

/// As everywhere, a field that nobody knows is told and loses nothing.
#[tokio::test]
async fn an_unknown_field_of_a_change_is_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let shop = shop(dir.path()).await;
    post(&shop, "/v1/experiments", QUIET).await;
    let started = post(&shop, "/v1/experiments/quiet/start", r#"{"byy":"anna"}"#).await.json();
    assert_eq!(started["phase"], "running");
    assert_eq!(started["warnings"][0]["code"], "unknown_field");
    assert_eq!(started["warnings"][0]["detail"], "byy");
}

#[tokio::test]
async fn what_cannot_be_done_to_an_experiment_is_told_and_nothing_is_changed() {
    let dir = tempfile::tempdir().unwrap();
    let shop = shop(dir.path()).await;
    post(&shop, "/v1/experiments", QUIET).await;
    let before = shop.get("/v1/experiments/quiet").await.body;
    let unknown = QUIET.replace("{\"name\":\"usual\"}", "{\"name\":\"usual\",\"cuont\":8}");
    let heavy = QUIET.replace("\"offers\":false", "\"weight\":0").replace("quiet", "q3");
    let long = format!("{{\"by\":\"{}\"}}", "x".repeat(100_000));
    let text = "{\"share_percent\":\"70\"}";
    let one = "{\"variant\":\"nothing\"}";
    let policies = QUIET.replace("\"offers\":false", "\"policy_version\":7").replace("quiet", "q2");
    for (path, body, verdict, part) in [
        ("/v1/experiments", QUIET, "409 name_taken", "\"path\":\"name\""),
        ("/v1/experiments", "{}", "400 missing_field", "`name` is missing"),
        ("/v1/experiments", "[]", "400 invalid_value", "expected an object, in { }"),
        ("/v1/experiments", &unknown, "400 invalid_value", "\"path\":\"variant[0].cuont\""),
        ("/v1/experiments", &heavy, "400 invalid_value", "\"path\":\"variant[1].weight\""),
        ("/v1/experiments", &policies, "400 invalid_value", "no version 7"),
        ("/v1/experiments/none/start", "", "404 not_found", "there is no experiment"),
        ("/v1/experiments/quiet/stop", one, "400 invalid_value", "does not run"),
        ("/v1/experiments/quiet/start", "[]", "400 invalid_value", "expected an object, in { }"),
        ("/v1/experiments/quiet/start", "{\"by\"", "400 invalid_json", "cut off"),
        ("/v1/experiments/quiet/start", &long, "400 invalid_value", "at most 100 are kept"),
        ("/v1/experiments/quiet/widen", "{}", "400 missing_field", "share_percent"),
        ("/v1/experiments/quiet/widen", "", "400 missing_field", "share_percent"),
        ("/v1/experiments/quiet/widen", text, "400 invalid_value", "\"path\":\"share_percent\""),
        ("/v1/experiments/quiet/winner", "{}", "400 missing_field", "\"path\":\"variant\""),
    ] {
        let answer = post(&shop, path, body).await;
        assert_eq!(answer.verdict(), verdict, "{path} {body}: {}", answer.body);
        assert!(answer.body.contains(part), "{path} {body}: {}", answer.body);
    }
    assert_eq!(shop.get("/v1/experiments/quiet").await.body, before);
}

/// A log that is shorter than it was is not written to: what it forgot would be lost for good.
#[tokio::test]
async fn a_log_that_was_cut_is_told_and_not_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let shop = shop(dir.path()).await;
    post(&shop, "/v1/experiments", QUIET).await;
    let store = shop.state.inner.ledger.store().unwrap();
    store.remember_experiment_changes(2).await.unwrap();
    let answer = post(&shop, "/v1/experiments/quiet/start", "").await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    let log = experiment::ExperimentDir::in_dir(dir.path());
    let policies = policy::PolicyDir::in_dir(dir.path());
    let snapshots = snapshot::SnapshotDir::new(dir.path().join("snapshots"));
    let sources = crate::background::Sources { experiments: log, policies, snapshots };
    let mut watch = crate::background::ExperimentWatch::new(sources);
    watch.look(&shop.state).await;
    let told = shop.state.inner.health.details().join(" ");
    assert!(told.contains("1 changes, it had 2") && told.contains("accept-loss"), "{told}");
    store.accept_experiment_changes(1).await.unwrap();
    watch.look(&shop.state).await;
    assert!(shop.state.inner.health.details().is_empty());
    assert_eq!(post(&shop, "/v1/experiments/quiet/start", "").await.status, 200);
}

#[tokio::test]
async fn the_report_is_told_over_http_and_on_a_page() {
    let dir = tempfile::tempdir().unwrap();
    let shop = shop(dir.path()).await;
    let report = shop.get("/v1/report").await.json();
    let first = report["sentences"][0].as_str().unwrap();
    assert!(first.starts_with("Nothing can be told yet"), "{first}");
    let wrong = shop.get("/v1/report?by=height").await;
    assert_eq!(wrong.verdict(), "400 invalid_value");
    assert!(wrong.body.contains("height"), "{}", wrong.body);
    for (query, part) in [
        ("days=0", "days is 0"),
        ("window=0", "window is 0"),
        ("days=abc", "days: invalid digit"),
        ("days=99999999999", "days: number too large"),
    ] {
        let wrong = shop.get(&format!("/v1/report?{query}")).await;
        assert_eq!(wrong.verdict(), "400 invalid_value", "{query}");
        assert!(wrong.body.contains(part), "{query}: {}", wrong.body);
    }
    let many = shop.get("/v1/report?days=4294967295&window=4294967295").await;
    assert_eq!(many.status, 200, "{}", many.body);
    assert_eq!(many.json()["window_days"], 4_294_967_295_u32);
    let page = shop.get("/proof").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Nothing can be told yet") && page.body.contains("None yet"));
}

/// Nothing is read where nothing is kept.
#[tokio::test]
async fn without_a_store_there_is_no_report() {
    let shop = TestShop::new();
    for path in ["/v1/report", "/v1/experiments"] {
        assert_eq!(shop.get(path).await.verdict(), "404 not_found");
    }
}
