//! Bundles over HTTP: told, recorded, counted, compared by price.

use crate::background::{ExperimentWatch, Sources};
use crate::holdout::HoldoutSettings;
use crate::keys::KeyRing;
use crate::settings::Settings;
use crate::testing::{TestShop, ids};
use events::Timestamp;
use experiment::{Definition, ExperimentDir};
use policy::{PolicyDir, PolicySet};
use serde_json::{Value, json};
use snapshot::SnapshotDir;
use std::sync::Arc;

const TRIO: &str = "[[bundle]]\nname = 'trio'\nitem_ids = ['A', 'B', 'C']\ndiscount_percent = 10\n";

fn set(text: &str) -> Arc<PolicySet> {
    let (set, found) = PolicySet::read(text);
    Arc::new(set.unwrap_or_else(|| panic!("{found:#?}")))
}

async fn under(shop: &TestShop, text: &str) {
    shop.state.inner.set_policies(Some((1, set(text)))).await.unwrap();
    shop.state.inner.follow_contacts().await.unwrap();
}

async fn ask(shop: &TestShop, body: Value) -> Value {
    shop.recommend(&body.to_string()).await.json()
}

fn beside_a() -> Value {
    json!({"placement": "pdp", "item_ids": ["A"], "session_id": "s"})
}

#[tokio::test]
async fn a_bundle_is_told_with_its_price_and_recorded() {
    let shop = TestShop::new();
    under(&shop, TRIO).await;
    let slate = ask(&shop, beside_a()).await;
    let trio = &slate["bundles"][0];
    let (sum, price) = (trio["sum"].as_f64().unwrap(), trio["price"].as_f64().unwrap());
    assert!((price - (sum * 90.0).floor() / 100.0).abs() < 1e-9, "{trio:#}");
    assert!((trio["saving"].as_f64().unwrap() - (sum - price)).abs() < 1e-9);
    assert_eq!((&trio["name"], &trio["policy_version"]), (&json!("trio"), &json!(1)));
    let added: Vec<bool> = trio["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["is_added"].as_bool().unwrap())
        .collect();
    assert_eq!(added, [false, true, true]);
    assert!(trio["text"].as_str().unwrap().starts_with("Together "), "{trio:#}");
    let mut german = beside_a();
    german["context"] = json!({"locale": "de"});
    let german = ask(&shop, german).await;
    assert!(german["bundles"][0]["text"].as_str().unwrap().starts_with("Zusammen "));
    let id = slate["recommendation_id"].as_str().unwrap();
    let record = shop.get(&format!("/v1/decisions/{id}")).await.json();
    assert_eq!(record["bundles"][0]["added"], json!(["B", "C"]));
    assert_eq!(record["bundles"][0]["price"], trio["price"]);
    let without = ask(&shop, json!({"placement": "pdp", "item_ids": ["E"]})).await;
    assert!(without.get("bundles").is_none(), "{without:#}");
}

#[tokio::test]
async fn what_a_bundle_adds_is_not_offered_elsewhere_on_the_page() {
    let shop = TestShop::new();
    under(&shop, TRIO).await;
    let page = ask(
        &shop,
        json!({"placements": ["pdp", "home"], "item_ids": ["A"], "session_id": "s",
               "count": 1}),
    )
    .await;
    let home = ids(&page["slates"][1]);
    assert_eq!(ids(&page["slates"][0]), "B");
    assert!(!home.split(' ').any(|item| ["B", "C"].contains(&item)), "{page:#}");
}

#[tokio::test]
async fn who_is_held_out_is_told_of_no_bundle() {
    let settings = Settings { holdout: HoldoutSettings::new("secret", 1.0), ..Settings::default() };
    let shop = TestShop::with(KeyRing::default(), settings);
    under(&shop, TRIO).await;
    let slate = ask(&shop, beside_a()).await;
    assert!(slate.get("bundles").is_none() && ids(&slate).is_empty(), "{slate:#}");
    let id = slate["recommendation_id"].as_str().unwrap();
    let record = shop.get(&format!("/v1/decisions/{id}")).await.json();
    assert_eq!(record["bundles"][0]["name"], "trio", "what would have been shown is kept");
}

#[tokio::test]
async fn a_cap_counts_what_stood_in_a_bundle() {
    let shop = TestShop::new();
    let cap = "[[policy]]\nname = 'once'\nkind = 'cap'\nat_most = 1\nwithin = '7 days'\n\
               items = \"item.id == 'C'\"\n";
    under(&shop, &format!("{TRIO}{cap}")).await;
    let mut one = beside_a();
    one["count"] = json!(1);
    let first = ask(&shop, one.clone()).await;
    assert_eq!((ids(&first).as_str(), first["bundles"].as_array().unwrap().len()), ("B", 1));
    let second = ask(&shop, one).await;
    assert!(second.get("bundles").is_none(), "C was shown once, in the bundle: {second:#}");
}

/// The price of a bundle stands in the policies, so that versions of them compare prices.
#[tokio::test]
async fn an_experiment_compares_two_prices_of_a_bundle() {
    let (shop, folder) = (TestShop::new(), tempfile::tempdir().unwrap());
    let policies = PolicyDir::in_dir(folder.path());
    let by = policy::directory::Signature {
        at: Timestamp(1),
        by: String::new(),
        note: String::new(),
        key_id: None,
    };
    policies.apply(TRIO, &by).unwrap();
    let dearer = TRIO.replace("10", "30");
    shop.state.inner.set_policies(Some((2, set(&dearer)))).await.unwrap();
    let experiments = ExperimentDir::in_dir(folder.path());
    let text = "name = 'price'\n[[variant]]\nname = 'thirty'\n[[variant]]\nname = 'ten'\n\
                policy_version = 1\n";
    let definition = Definition::read(text, &[]).unwrap();
    let signed = experiment::Signature { at: Timestamp(1), by: String::new(), note: String::new() };
    experiments.create(definition, &signed).unwrap();
    experiments.start("price", &signed).unwrap();
    let snapshots = SnapshotDir::new(folder.path().join("snapshots"));
    let sources = Sources { experiments, policies, snapshots };
    ExperimentWatch::new(sources).look(&shop.state).await;
    let mut n_ten = 0;
    for visit in 0..40 {
        let mut body = beside_a();
        body["session_id"] = json!(format!("v{visit}"));
        let slate = ask(&shop, body).await;
        let bundle = &slate["bundles"][0];
        let share = bundle["saving"].as_f64().unwrap() / bundle["sum"].as_f64().unwrap();
        let is_ten = slate["experiments"][0]["variant"] == "ten";
        assert!((share - if is_ten { 0.1 } else { 0.3 }).abs() < 0.02, "{share}: {slate:#}");
        n_ten += u32::from(is_ten);
    }
    assert!((8..=32).contains(&n_ten), "{n_ten} of 40");
}
