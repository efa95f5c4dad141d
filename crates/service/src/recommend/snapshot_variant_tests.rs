//! Variants that are served from a snapshot of their own.

use crate::background::{ExperimentWatch, Sources};
use crate::state::Served;
use crate::testing::{TestShop, ids, publish_snapshot, snapshot_writer};
use axum::http::Method;
use events::Timestamp;
use experiment::{Definition, ExperimentDir, Signature};
use policy::PolicyDir;
use score::World;
use serde_json::{Value, json};
use snapshot::{Provenance, Snapshot, SnapshotDir};
use std::sync::Arc;

/// Titles of the variant's snapshot end so.
const MARK: &str = " x2";

struct Bench {
    folder: tempfile::TempDir,
    shop: TestShop,
    sources: Sources,
    watch: ExperimentWatch,
    aside: String,
}

fn signed() -> Signature {
    Signature { at: Timestamp(1), by: "anna".to_owned(), note: String::new() }
}

impl Bench {
    /// Half of the visits are served from another snapshot at `placements`.
    async fn at(placements: &str) -> Bench {
        let (folder, shop) = (tempfile::tempdir().unwrap(), TestShop::new());
        let snapshots = SnapshotDir::new(folder.path().join("snapshots"));
        publish_snapshot(&snapshots);
        let aside = snapshots.publish_aside(&snapshot_writer(2), "20260201T000000Z").unwrap().id;
        let experiments = ExperimentDir::in_dir(folder.path());
        let policies = PolicyDir::in_dir(folder.path());
        let text = format!(
            "name = 'brains'\nplacements = [{placements}]\n[[variant]]\nname = 'usual'\n\
             [[variant]]\nname = 'aside'\nsnapshot = '{aside}'\n"
        );
        let definition = Definition::read(&text, &["pdp", "cart", "home"]).unwrap();
        experiments.create(definition, &signed()).unwrap();
        experiments.start("brains", &signed()).unwrap();
        let sources = Sources { experiments, policies, snapshots };
        let mut bench =
            Bench { folder, shop, watch: ExperimentWatch::new(sources.clone()), sources, aside };
        bench.look().await;
        bench
    }

    async fn look(&mut self) {
        self.watch.look(&self.shop.state).await;
    }

    async fn ask(&self, body: Value) -> Value {
        self.shop.recommend(&body.to_string()).await.json()
    }

    async fn beside_a(&self, session: usize) -> Value {
        let session = format!("s{session}");
        self.ask(json!({"placement": "pdp", "item_ids": ["A"], "session_id": session})).await
    }

    /// A visit of each variant.
    async fn two_visits(&self) -> [usize; 2] {
        let mut found = [None; 2];
        for session in 0..40 {
            let slate = self.beside_a(session).await;
            found[usize::from(variant(&slate) == "aside")].get_or_insert(session);
        }
        found.map(|session| session.expect("both variants within 40 visits"))
    }
}

fn variant(slate: &Value) -> &str {
    slate["experiments"][0]["variant"].as_str().unwrap_or_default()
}

/// Are the offers those of the variant's snapshot?
fn is_aside(slate: &Value) -> bool {
    let titles: Vec<&str> = slate["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|offer| offer["title"].as_str().unwrap())
        .collect();
    assert!(!titles.is_empty(), "{slate:#}");
    let n_marked = titles.iter().filter(|title| title.ends_with(MARK)).count();
    assert!([0, titles.len()].contains(&n_marked), "of one snapshot: {titles:?}");
    n_marked > 0
}

#[tokio::test]
async fn a_variant_is_served_from_its_snapshot_and_the_record_names_it() {
    let bench = Bench::at("'pdp'").await;
    let main = bench.shop.state.inner.served.load().snapshot_id.clone();
    let mut n_aside = 0;
    for session in 0..60 {
        let slate = bench.beside_a(session).await;
        assert_eq!(is_aside(&slate), variant(&slate) == "aside");
        n_aside += usize::from(is_aside(&slate));
        let id = slate["recommendation_id"].as_str().unwrap();
        let record = bench.shop.get(&format!("/v1/decisions/{id}")).await.json();
        let expected = if is_aside(&slate) { &bench.aside } else { &main };
        assert_eq!(record["snapshot"], **expected);
    }
    assert!((18..=42).contains(&n_aside), "{n_aside} of 60");
    let nobody = bench.ask(json!({"placement": "pdp", "item_ids": ["A"]})).await;
    assert!(!is_aside(&nobody));
}

/// One page, two worlds: what one slate offers the next does not, in whichever world.
#[tokio::test]
async fn slates_of_a_page_do_not_repeat_each_other_across_snapshots() {
    let bench = Bench::at("'pdp'").await;
    let [_, aside] = bench.two_visits().await;
    let session = format!("s{aside}");
    let ask = json!({"placements": ["pdp", "category"], "item_ids": ["A"], "session_id": session});
    let page = bench.ask(ask).await;
    let [beside, category] = [&page["slates"][0], &page["slates"][1]];
    assert!(is_aside(beside) && !is_aside(category), "{page:#}");
    for offer in ids(beside).split(' ') {
        assert!(!ids(category).split(' ').any(|other| other == offer), "{offer} twice");
    }
    let session = format!("s{aside}");
    let alone = json!({"placement": "category", "session_id": session, "page_id": "p"});
    let first = bench.ask(alone).await;
    let beside = json!({"placement": "pdp", "item_ids": ["A"], "session_id": session,
                        "page_id": "p"});
    let second = bench.ask(beside).await;
    assert!(ids(&first).contains('B') && !ids(&second).contains('B'), "{first:#} {second:#}");
}

#[tokio::test]
async fn what_changes_for_all_changes_in_the_worlds_of_variants() {
    let bench = Bench::at("'pdp'").await;
    let [_, aside] = bench.two_visits().await;
    let put = async |body: Value| {
        let answer = bench.shop.call(Method::PUT, "/v1/items", &[], body.to_string()).await;
        assert_eq!(answer.verdict(), "200", "{}", answer.body);
    };
    assert_eq!(ids(&bench.beside_a(aside).await), "B C");
    put(json!({"item_id": "B", "stock": 0})).await;
    assert_eq!(ids(&bench.beside_a(aside).await), "C", "changed in place");
    put(json!({"item_id": "NEW", "title": "LAMP", "price": 2})).await;
    let related = json!({"from_item": "A", "to_item": "NEW", "relation": "complement"});
    let answer = bench.shop.post("/v1/relations", &related.to_string()).await;
    assert_eq!(answer.verdict(), "200", "{}", answer.body);
    assert_eq!(ids(&bench.beside_a(aside).await), "NEW C", "a new item, a new relation");
    let recall = "[[policy]]\nname = 'recall'\nkind = 'exclude'\nitem_ids = ['C']\n";
    let recall = Arc::new(policy::PolicySet::read(recall).0.unwrap());
    bench.shop.state.inner.set_policies(Some((1, recall))).await.unwrap();
    assert_eq!(ids(&bench.beside_a(aside).await), "NEW");
    put(json!({"item_id": "NEW", "title": "GREEN LAMP"})).await;
    assert_eq!(bench.beside_a(aside).await["items"][0]["title"], "GREEN LAMP");
}

/// A snapshot that comes into force later acts for those alone who have none of their own.
#[tokio::test]
async fn a_variant_keeps_its_snapshot_when_a_new_one_is_learned() {
    let bench = Bench::at("'pdp'").await;
    let [usual, aside] = bench.two_visits().await;
    let new = Snapshot::from_writer(&snapshot_writer(5)).unwrap();
    let served = Served::of(World::of(Arc::new(new)), "new".to_owned(), None);
    bench.shop.state.inner.swap(served).await.unwrap();
    let title = async |session: usize| bench.beside_a(session).await["items"][0]["title"].clone();
    assert!(title(usual).await.as_str().unwrap().ends_with(" x5"));
    assert!(title(aside).await.as_str().unwrap().ends_with(MARK));
}

#[tokio::test]
async fn a_variant_whose_snapshot_is_lost_is_served_as_usual_and_told() {
    let mut bench = Bench::at("'pdp'").await;
    let path = bench.sources.snapshots.find(&bench.aside).unwrap().path;
    let [_, aside] = bench.two_visits().await;
    // A new file: the old one is still mapped.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, b"damaged").unwrap();
    // What is in use stays so; a server that starts now finds nothing that it can use.
    bench.look().await;
    assert!(is_aside(&bench.beside_a(aside).await));
    let other = TestShop::new();
    let mut watch = ExperimentWatch::new(bench.sources.clone());
    for _ in 0..3 {
        watch.look(&other.state).await;
        let ask = json!({"placement": "pdp", "item_ids": ["A"], "session_id": format!("s{aside}")});
        let slate = other.recommend(&ask.to_string()).await.json();
        assert!(!is_aside(&slate) && slate["experiments"].is_null(), "{slate:#}");
        let told = other.state.inner.complaints().join(" ");
        assert!(told.contains("experiments"), "{told}");
    }
}

/// The winner's snapshot is put in force; newer ones follow it.
#[tokio::test]
async fn a_winner_comes_into_force_and_learning_goes_on() {
    let mut bench = Bench::at("'pdp'").await;
    let [usual, aside] = bench.two_visits().await;
    let Sources { experiments, snapshots, .. } = bench.sources.clone();
    let named = ("brains", "aside");
    crate::variants::name_winner(&experiments, &snapshots, named, &signed()).unwrap();
    assert_eq!(snapshots.current_id().unwrap().as_ref(), Some(&bench.aside));
    bench.look().await;
    assert!(bench.shop.state.inner.served.load().beside.is_empty(), "it is not kept twice");
    crate::background::load_current(&bench.shop.state.inner, &snapshots).await;
    for session in [usual, aside] {
        let slate = bench.beside_a(session).await;
        assert!(is_aside(&slate) && slate["experiments"].is_null(), "{slate:#}");
    }
    snapshots.publish(&snapshot_writer(7), "20260501T000000Z").unwrap();
    crate::background::load_current(&bench.shop.state.inner, &snapshots).await;
    let title = bench.beside_a(aside).await["items"][0]["title"].clone();
    assert!(title.as_str().unwrap().ends_with(" x7"), "{title}");
}

#[tokio::test]
async fn a_snapshot_that_is_not_there_is_refused_when_the_experiment_is_made() {
    let bench = Bench::at("'pdp'").await;
    let mut definition = Definition::read(
        "name = 'x'\n[[variant]]\nname = 'a'\n[[variant]]\nname = 'b'\nsnapshot = '20260201'\n",
        &[],
    )
    .unwrap();
    let Sources { policies, snapshots, .. } = &bench.sources;
    crate::variants::resolve(&mut definition, policies, snapshots).unwrap();
    assert_eq!(definition.snapshots().collect::<Vec<_>>(), [&bench.aside], "its whole name");
    definition.variants[1].snapshot = Some("2027".to_owned());
    let fault = crate::variants::resolve(&mut definition, policies, snapshots).unwrap_err();
    let experiment::Error::Faulty { path, detail } = fault else { panic!("{fault}") };
    assert_eq!(path.as_deref(), Some("variant[1].snapshot"));
    assert!(detail.contains("2027"), "{detail}");
    assert!(bench.folder.path().exists());
}

/// A world that is made later has read the store later than those that are there.
#[tokio::test]
async fn what_others_changed_meanwhile_reaches_all_worlds() {
    use crate::ledger::Ledger;
    let shop = TestShop::new();
    let inner = &shop.state.inner;
    let change = async |item_id: &str, title: &str| {
        let record = events::ItemRecord {
            item_id: item_id.to_owned(),
            title: Some(title.to_owned()),
            ..events::ItemRecord::default()
        };
        shop.ledger.put_items(vec![record]).await.unwrap();
    };
    let titles = |item_id: &str| -> Vec<String> {
        let served = inner.served.load();
        let of = |served: &Served| {
            served.world.title(served.world.item_idx(item_id).unwrap()).to_owned()
        };
        served.each().map(of).collect()
    };
    change("B", "ONE").await;
    inner.set_variant_worlds(&[], vec![learned_until(2, "2026-05-01T00:00:00Z")]).await.unwrap();
    inner.follow_catalog().await.unwrap();
    assert_eq!(titles("B"), ["ONE", "ONE"], "a new world beside the one in force");
    change("B", "TWO").await;
    inner.swap(learned_until(1, "2026-05-25T00:00:00Z")).await.unwrap();
    inner.follow_catalog().await.unwrap();
    assert_eq!(titles("B"), ["TWO", "TWO"], "a swap beside a world that is there");
}

/// What another, older world keeps from being forgotten is nothing to a world that knows it.
#[tokio::test]
async fn an_older_snapshot_changes_nothing_for_the_control() {
    let shop = TestShop::new();
    let inner = &shop.state.inner;
    inner.follow_customers().await.unwrap();
    let bought = json!({"event_id": "1", "event_name": "purchase", "order_id": "o", "items": ["B"],
                        "user_id": "anna", "timestamp": "2026-05-20T00:00:00Z"});
    assert_eq!(shop.post("/v1/events", &bought.to_string()).await.verdict(), "200");
    inner.swap(learned_until(1, "2026-05-25T00:00:00Z")).await.unwrap();
    let ask = json!({"placement": "pdp", "item_ids": ["A"], "user_id": "anna"}).to_string();
    let before = shop.recommend(&ask).await.json()["items"].clone();
    let old = learned_until(2, "2026-05-01T00:00:00Z");
    inner.set_variant_worlds(&[], vec![old]).await.unwrap();
    assert_eq!(shop.recommend(&ask).await.json()["items"], before);
    inner.set_variant_worlds(&[], Vec::new()).await.unwrap();
    assert_eq!(inner.live.customers.find("anna", |anna| anna.recent.len()), 0);
}

/// Pages of our own are served from it too.
#[tokio::test]
async fn pages_of_the_shop_are_served_from_the_snapshot_of_the_variant() {
    let bench = Bench::at("'pdp', 'home'").await;
    let mut n_aside = 0;
    for session in 0..24 {
        let cookie = format!("alongside_visit=shop-{session:023}");
        let page = async |path: &str| {
            let headers = [("cookie", cookie.as_str())];
            let page = bench.shop.call(Method::GET, path, &headers, String::new()).await;
            assert_eq!(page.status, 200, "{}", page.body);
            page.body.contains(MARK)
        };
        assert_eq!(page("/p/A").await, page("/").await);
        n_aside += usize::from(page("/p/A").await);
    }
    assert!((4..=20).contains(&n_aside), "{n_aside} of 24");
}

fn learned_until(times: u32, until: &str) -> Served {
    let mut writer = snapshot_writer(times);
    let provenance = Provenance { data_to: Some(until.to_owned()), ..Provenance::default() };
    writer.set_provenance(&provenance);
    let world = World::of(Arc::new(Snapshot::from_writer(&writer).unwrap()));
    Served::of(world, format!("until-{until}"), None)
}

/// What one world knows from its snapshot, an older one knows from the live state alone.
#[tokio::test]
async fn purchases_are_kept_until_all_worlds_know_them() {
    let shop = TestShop::new();
    let inner = &shop.state.inner;
    inner.follow_customers().await.unwrap();
    let bought = json!({"event_id": "1", "event_name": "purchase", "order_id": "o", "items": ["E"],
                        "user_id": "anna", "timestamp": "2026-05-20T00:00:00Z"});
    assert_eq!(shop.post("/v1/events", &bought.to_string()).await.verdict(), "200");
    let knows = || inner.live.customers.find("anna", |anna| anna.recent.len());
    let old = learned_until(2, "2026-05-01T00:00:00Z");
    let kept = [old.snapshot_id.clone()];
    inner.set_variant_worlds(&[], vec![old]).await.unwrap();
    inner.swap(learned_until(1, "2026-05-25T00:00:00Z")).await.unwrap();
    assert_eq!(knows(), 1);
    inner.set_variant_worlds(&[], Vec::new()).await.unwrap();
    assert_eq!(knows(), 0, "nobody needs it any more");
    let old = learned_until(2, "2026-05-01T00:00:00Z");
    inner.set_variant_worlds(&[], vec![old]).await.unwrap();
    assert_eq!((knows(), inner.served.load().beside.len()), (1, kept.len()), "read back");
}
