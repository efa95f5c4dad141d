//! Decisions in a shop that does not stand still, and the same ones again.

use crate::background::{ExperimentWatch, Sources};
use crate::chronicle::ChronicleDir;
use crate::keys::KeyRing;
use crate::replay::Archive;
use crate::settings::Settings;
use crate::state::Served;
use crate::testing::{TestShop, ids, publish_snapshot, snapshot_writer};
use axum::http::Method;
use decide::Placement;
use experiment::{Definition, ExperimentDir};
use policy::PolicyDir;
use policy::directory::Signature;
use score::World;
use score::responses::{Factor, Kind};
use serde_json::{Value, json};
use snapshot::SnapshotDir;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// What was shown before counts: until it is read back, nobody can tell.
const CAPS: &str = "[[policy]]\nname = 'often'\nkind = 'cap'\nat_most = 3\nwithin = '7 days'\n\
                    per = 'item'\n\
                    [[policy]]\nname = 'seldom'\nkind = 'rest'\nafter = 'dismissal'\n\
                    for = '2 days'\nper = 'category'\n";

struct Moving {
    shop: TestShop,
    folder: TempDir,
    chance: u64,
    version: u64,
}

impl Moving {
    async fn new() -> Moving {
        let folder = tempfile::tempdir().unwrap();
        let chronicle = ChronicleDir::in_dir(folder.path());
        let settings = Settings { chronicle: Some(chronicle.clone()), ..Settings::default() };
        let shop = TestShop::with(KeyRing::default(), settings);
        let (snapshots, policies) = (snapshots(folder.path()), policies(folder.path()));
        publish_snapshot(&snapshots);
        let archive = Archive { snapshots, policies, chronicle };
        assert!(shop.state.inner.archive.set(archive).is_ok());
        let moving = Moving { shop, folder, chance: 20_261_123, version: 0 };
        moving.load().await;
        moving
    }

    /// Puts the snapshot in force that is.
    async fn load(&self) {
        let dir = snapshots(self.folder.path());
        let id = dir.current_id().unwrap().unwrap();
        let world = World::of(Arc::new(dir.open_current().unwrap()));
        self.shop.state.inner.swap(Served::of(world, id, None)).await.unwrap();
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.chance >> 33) % below
    }

    fn item(&mut self) -> &'static str {
        ["A", "B", "C", "D", "E", "F/1 ü", "POST", "N", "H", "X1", "X2"][self.draw(11) as usize]
    }

    async fn put(&self, path: &str, body: Value) {
        let answer = self.shop.call(Method::PUT, path, &[], body.to_string()).await;
        assert_eq!(answer.verdict(), "200", "{}", answer.body);
    }

    async fn change(&mut self) {
        let (item_id, number) = (self.item(), self.draw(40));
        match self.draw(9) {
            0 | 1 => self.put("/v1/items", json!({"item_id": item_id, "price": number})).await,
            2 => self.put("/v1/items", json!({"item_id": item_id, "stock": number % 3})).await,
            3 => self.put("/v1/items", json!({"item_id": item_id, "hidden": number > 30})).await,
            4 => {
                let title = format!("LANTERN {number}");
                self.put("/v1/items", json!({"item_id": item_id, "title": title})).await;
            }
            5 => {
                let color = if number % 2 == 0 { "red" } else { "blue" };
                let attributes = json!({"color": color});
                self.put("/v1/items", json!({"item_id": item_id, "attributes": attributes})).await;
            }
            6 => {
                let to = self.item();
                let relation = ["complement", "upgrade", "substitute"][number as usize % 3];
                let body = json!({"from_item": item_id, "to_item": to, "relation": relation});
                self.shop.post("/v1/relations", &body.to_string()).await;
            }
            7 => self.tell_responses(item_id, number).await,
            _ => self.apply_policies(number).await,
        }
    }

    /// As if something had been learned of an item, everywhere.
    async fn tell_responses(&mut self, item_id: &str, number: u64) {
        self.version += 1;
        let places = [Placement::Home, Placement::Pdp, Placement::Cart];
        let changes = places.map(|placement| Factor {
            kind: Kind {
                placement: placement as u8,
                relation: 0,
                item_id: (!number.is_multiple_of(2)).then(|| item_id.into()),
                context: number.is_multiple_of(5).then_some(number as u8 % 8),
            },
            thousandths: 250 + 90 * number as u16,
        });
        self.shop.state.inner.tell_responses(self.version, &changes).await;
    }

    async fn apply_policies(&self, number: u64) {
        let text = format!(
            "[[policy]]\nname = 'dear'\nkind = 'exclude'\nitems = 'item.price > {number}'\n\
             [[policy]]\nname = 'red'\nkind = 'boost'\nitems = \"item.attr.color == 'red'\"\n\
             [[policy]]\nname = 'rest'\nkind = 'bury'\nitems = 'item.stock < 2'\nfactor = 0.5\n\
             when = 'customer.bought has \"H\"'\n\
             [[placement]]\nname = 'cart'\ncount = {}\n\
             [[placement]]\nname = 'home'\ndiversity = 0.4\nexplore = 0.5\nexplore_places = 2\n\
             learn_from_outcomes = true\nincumbent_share = 0.4\n\
             [[placement]]\nname = 'pdp'\nexplore = 0.5\nlearn_from_outcomes = true\n\
             [[bundle]]\nname = 'all three'\nitem_ids = ['A', 'B', 'C']\n\
             discount_percent = {}\n\
             [[bundle]]\nname = 'two'\nitem_ids = ['D', 'X1']\nprice = 4\n{}",
            1 + number % 4,
            1 + number,
            if number % 6 == 1 { CAPS } else { "" }
        );
        let dir = policies(self.folder.path());
        let (by, note) = ("mia".to_owned(), String::new());
        let signature = Signature { by, at: crate::testing::NOW, note, key_id: None };
        dir.apply(&text, &signature).unwrap_or_else(|error| panic!("{error}"));
        let version = dir.current().unwrap().unwrap();
        let set = Arc::new(dir.load(version).unwrap());
        self.shop.state.inner.set_policies(Some((version, set))).await.unwrap();
        if version.is_multiple_of(4) {
            self.shop.state.inner.follow_contacts().await.unwrap();
        }
    }

    /// A third of those who ask are under the first version of the policies, and what is forbidden
    /// now; another third is served from a snapshot of their own, whose name it gives.
    async fn start_experiment(&self) -> String {
        let aside = snapshots(self.folder.path());
        let aside = aside.publish_aside(&snapshot_writer(3), "20260315T120000Z").unwrap().id;
        let dir = ExperimentDir::in_dir(self.folder.path());
        let text = format!(
            "name = 'rules'\n[[variant]]\nname = 'now'\n[[variant]]\nname = 'then'\n\
             policy_version = 1\n[[variant]]\nname = 'aside'\nsnapshot = '{aside}'\n"
        );
        let definition = Definition::read(&text, &[]).unwrap();
        let (by, note) = ("mia".to_owned(), String::new());
        let signature = experiment::Signature { by, at: crate::testing::NOW, note };
        dir.create(definition, &signature).unwrap();
        dir.start("rules", &signature).unwrap();
        ExperimentWatch::new(sources(self.folder.path())).look(&self.shop.state).await;
        aside
    }

    /// Asks something, and gives the id of the answer.
    async fn decide(&mut self) -> String {
        let placement = ["pdp", "cart", "home", "checkout", "email"][self.draw(5) as usize];
        let (item_id, other, session) = (self.item(), self.item(), self.draw(5));
        let view = json!({"event_name": "view_item", "item_id": other, "event_id": self.chance,
                          "session_id": format!("s{session}"), "user_id": format!("u{session}")});
        self.shop.post("/v1/events", &view.to_string()).await;
        if self.draw(40) == 0 {
            let mut dismissed = view;
            dismissed["event_name"] = "recommendation_dismiss".into();
            dismissed["event_id"] = json!(format!("d{}", self.chance));
            dismissed["recommendation_id"] = "r".into();
            self.shop.post("/v1/events", &dismissed.to_string()).await;
        }
        let mut body = json!({"placement": placement, "session_id": format!("s{session}"),
                              "user_id": format!("u{session}"), "count": 1 + self.draw(5)});
        match self.draw(4) {
            0 => body["item_ids"] = json!([item_id]),
            1 => {
                let price = self.draw(9) as f64 + 0.35;
                body["cart"] = json!([{"item_id": item_id, "quantity": 1.5, "price": price},
                                      {"item_id": other}, {"item_id": "nobody"}]);
            }
            2 => body["exclude_item_ids"] = json!([item_id, other]),
            _ => body["context"] = json!({"category": "Lights", "locale": "de-AT"}),
        }
        let answer = self.shop.recommend(&body.to_string()).await.json();
        answer["recommendation_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    fn url(offer: &Value) -> String {
        let item_id = offer["item_id"].as_str().unwrap();
        item_id.replace('/', "%2F").replace(' ', "%20").replace('ü', "%C3%BC")
    }

    async fn replay(&self, id: &str) -> Value {
        self.shop.get(&format!("/v1/decisions/{id}/replay")).await.json()
    }
}

fn snapshots(dir: &Path) -> SnapshotDir {
    SnapshotDir::new(dir.join("snapshots"))
}

fn policies(dir: &Path) -> PolicyDir {
    PolicyDir::in_dir(dir)
}

fn sources(dir: &Path) -> Sources {
    let experiments = ExperimentDir::in_dir(dir);
    Sources { experiments, policies: policies(dir), snapshots: snapshots(dir) }
}

fn codes(replay: &Value) -> Vec<&str> {
    let causes = replay["causes"].as_array().unwrap();
    causes.iter().map(|cause| cause["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_thousand_decisions_come_out_again_after_everything_changed() {
    let mut moving = Moving::new().await;
    for n in 0..5 {
        moving.put("/v1/customers", json!({"customer_id": format!("u{n}")})).await;
    }
    moving.shop.state.inner.follow_customers().await.unwrap();
    let (mut ids, mut aside, mut n_aside) = (Vec::new(), String::new(), 0);
    for round in 0..1_000 {
        if round % 3 == 0 {
            moving.change().await;
        }
        if round == 600 {
            let dir = snapshots(moving.folder.path());
            dir.publish(&snapshot_writer(2), "20260401T120000Z").unwrap();
            moving.load().await;
        }
        if round == 200 {
            aside = moving.start_experiment().await;
        }
        ids.push(moving.decide().await);
    }
    let (mut n_offers, mut n_drawn, mut n_variant) = (0, 0, 0);
    let (mut n_counted, mut n_unknown) = (0, 0);
    let (mut n_moved, mut n_incumbent, mut n_bundles) = (0, 0, 0);
    for id in &ids {
        let replay = moving.replay(id).await;
        assert_eq!(
            (&replay["is_same"], codes(&replay).len()),
            (&true.into(), 0),
            "{id}: {replay:#}"
        );
        let record = moving.shop.get(&format!("/v1/decisions/{id}")).await.json();
        n_offers += record["offers"].as_array().unwrap().len();
        let offers = record["offers"].as_array().unwrap();
        n_moved += offers.iter().filter(|offer| offer["response"].is_f64()).count();
        n_incumbent += u32::from(record["asked"]["incumbent"] == true);
        n_bundles += record["bundles"].as_array().map_or(0, Vec::len);
        n_variant += u32::from(record["policies"]["under"].is_u64());
        n_aside += u32::from(record["snapshot"] == *aside);
        match &record["contact"]["counted"] {
            Value::Array(counted) => n_counted += usize::from(!counted.is_empty()),
            _ => n_unknown += usize::from(record["contact"].is_object()),
        }
        for offer in record["offers"].as_array().unwrap().iter().take(1) {
            let path = format!("/v1/decisions/{id}/why_not?item_id={}", Moving::url(offer));
            let why = moving.shop.get(&path).await.json();
            assert_eq!(why["is_same_snapshot"], true, "{why:#}");
            assert_eq!(why["verdict"], "offered", "{why:#}");
        }
        let places = record["explored"]["places"].as_array();
        let places: Vec<_> = places.into_iter().flatten().collect();
        assert!(places.iter().all(|place| place[1].as_u64() < place[2].as_u64()), "{places:?}");
        n_drawn += places.len();
    }
    assert!(n_moved > 20 && n_incumbent > 20, "{n_moved} moved, {n_incumbent} by the incumbent");
    assert!(n_variant > 50, "{n_variant} by policies of a variant");
    assert!(n_bundles > 20, "{n_bundles} bundles");
    assert!(n_aside > 50, "{n_aside} by the snapshot of a variant");
    assert!(n_counted > 20 && n_unknown > 0, "{n_counted} counted contacts, {n_unknown} could not");
    assert!(n_drawn > 10, "{n_drawn} places drawn");
    assert!(n_offers > 500, "{n_offers}: answers without offers prove little");
}

#[tokio::test]
async fn what_is_lost_is_named_and_what_differs_is_shown() {
    let moving = Moving::new().await;
    moving.put("/v1/items", json!({"item_id": "C", "price": 50})).await;
    moving.apply_policies(39).await;
    let beside_a = r#"{"placement":"pdp","item_ids":["A"]}"#;
    let id = moving.shop.recommend(beside_a).await.json()["recommendation_id"].clone();
    let id = id.as_str().unwrap();
    moving.put("/v1/items", json!({"item_id": "C", "price": 5})).await;
    moving.put("/v1/items", json!({"item_id": "B", "stock": 0})).await;
    assert_eq!(moving.replay(id).await["is_same"], true);
    let live = std::fs::read_dir(moving.folder.path().join("live")).unwrap();
    let paths: Vec<_> = live.map(|file| file.unwrap().path()).collect();
    paths.iter().for_each(|path| std::fs::remove_file(path).unwrap());
    let replay = moving.replay(id).await;
    assert_eq!((&replay["is_same"], codes(&replay)), (&false.into(), vec!["live_gone"]));
    let told: Vec<String> = replay["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| {
            format!(
                "{} {} {} {}",
                found["what"], found["item_id"], found["recorded"], found["replayed"]
            )
        })
        .collect();
    assert!(told.contains(&r#""place" "B" "1" "not offered""#.to_owned()), "{told:#?}");
    assert!(told.contains(&r#""place" "C" "not offered" "1""#.to_owned()), "{told:#?}");
}

#[tokio::test]
async fn a_snapshot_or_policies_that_are_gone_are_named() {
    let moving = Moving::new().await;
    moving.apply_policies(39).await;
    let beside_a = r#"{"placement":"pdp","item_ids":["A"]}"#;
    let answer = moving.shop.recommend(beside_a).await.json();
    let id = answer["recommendation_id"].as_str().unwrap();
    let first = snapshots(moving.folder.path()).current_id().unwrap().unwrap();
    let dir = snapshots(moving.folder.path());
    dir.publish(&snapshot_writer(2), "20260401T120000Z").unwrap();
    moving.load().await;
    moving.apply_policies(38).await;
    assert_eq!(moving.replay(id).await["is_same"], true);
    std::fs::remove_file(dir.find(&first).unwrap().path).unwrap();
    let replay = moving.replay(id).await;
    assert_eq!((&replay["is_same"], codes(&replay)), (&false.into(), vec!["snapshot_gone"]));
    std::fs::remove_dir_all(dir.path().parent().unwrap().join("policies")).unwrap();
    assert_eq!(codes(&moving.replay(id).await), ["snapshot_gone", "policies_gone"]);
    assert_eq!(
        moving.shop.get("/v1/decisions/nobody/replay").await.verdict(),
        "404 decision_not_found"
    );
}

#[tokio::test]
async fn a_record_that_keeps_a_part_or_was_changed_says_so() {
    let moving = Moving::new().await;
    let cart: Vec<Value> = (0..250).map(|n| json!({"item_id": format!("strange {n}")})).collect();
    let body = json!({"placement": "cart", "cart": cart}).to_string();
    let answer = moving.shop.recommend(&body).await.json();
    let id = answer["recommendation_id"].as_str().unwrap();
    assert_eq!(codes(&moving.replay(id).await), ["record_cut"]);
    let answer = moving.shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json();
    let id = answer["recommendation_id"].as_str().unwrap();
    if let Some((_, payload)) = moving.shop.ledger.state().decisions.get_mut(id) {
        let text = String::from_utf8(payload.clone()).unwrap();
        *payload = text.replace("\"anchors\":[\"A\"]", "\"anchors\":[\"D\"]").into_bytes();
    }
    let replay = moving.replay(id).await;
    assert_eq!((&replay["is_same"], codes(&replay)), (&false.into(), vec!["record_damaged"]));
}

#[tokio::test]
async fn why_not_is_told_of_the_world_of_then_and_says_who_was_shown_nothing() {
    let moving = Moving::new().await;
    let ask = r#"{"placement":"pdp","item_ids":["A"],"session_id":"s"}"#;
    let id = moving.shop.recommend(ask).await.json()["recommendation_id"].clone();
    let path = format!("/v1/decisions/{}/why_not?item_id=B", id.as_str().unwrap());
    moving.put("/v1/items", json!({"item_id": "B", "stock": 0})).await;
    moving.put("/v1/items", json!({"item_id": "new", "title": "Came later"})).await;
    let why = moving.shop.get(&path).await.json();
    assert_eq!((&why["verdict"], &why["rank"]), (&"offered".into(), &1.into()), "{why:#}");
    assert_eq!((&why["is_same_snapshot"], &why["warnings"]), (&true.into(), &json!([])));
    let later = path.replace("=B", "=new");
    let late = moving.shop.get(&later).await;
    assert_eq!(late.verdict(), "404 item_not_found");
    assert!(late.body.contains("had no item"), "{}", late.body);
    let dir = ExperimentDir::in_dir(moving.folder.path());
    let text = "name = 'nothing'\n[[variant]]\nname = 'a'\noffers = false\n\
                [[variant]]\nname = 'b'\noffers = false\n";
    let definition = Definition::read(text, &[]).unwrap();
    let (by, note) = ("mia".to_owned(), String::new());
    let signature = experiment::Signature { by, at: crate::testing::NOW, note };
    dir.create(definition, &signature).unwrap();
    dir.start("nothing", &signature).unwrap();
    ExperimentWatch::new(sources(moving.folder.path())).look(&moving.shop.state).await;
    let slate = moving.shop.recommend(ask).await.json();
    assert_eq!(slate["items"], json!([]), "{slate:#}");
    let id = slate["recommendation_id"].as_str().unwrap();
    let why = moving.shop.get(&format!("/v1/decisions/{id}/why_not?item_id=C")).await.json();
    assert_eq!(
        (&why["is_withheld"], &why["is_held_out"]),
        (&true.into(), &false.into()),
        "{why:#}"
    );
    assert!(why["text"].as_str().unwrap().starts_with("An experiment showed"), "{why:#}");
}

#[tokio::test]
async fn what_was_drawn_comes_out_again() {
    let moving = Moving::new().await;
    moving.apply_policies(39).await;
    // What is drawn is by chance, for the names of answers are.
    for _ in 0..2_000 {
        let ask = r#"{"placement":"pdp","item_ids":["A"],"count":1}"#;
        let slate = moving.shop.recommend(ask).await.json();
        let id = slate["recommendation_id"].as_str().unwrap();
        if ids(&slate) == "B" {
            continue;
        }
        let record = moving.shop.get(&format!("/v1/decisions/{id}")).await.json();
        assert!(record["explored"]["places"][0][1].as_u64() > Some(0), "{record:#}");
        let replay = moving.replay(id).await;
        assert_eq!((&replay["is_same"], codes(&replay).len()), (&true.into(), 0), "{replay:#}");
        let path = format!("/v1/decisions/{id}/why_not?item_id=B");
        assert_eq!(moving.shop.get(&path).await.json()["verdict"], "outranked");
        let path =
            format!("/v1/decisions/{id}/why_not?item_id={}", Moving::url(&record["offers"][0]));
        let why = moving.shop.get(&path).await.json();
        assert_eq!((&why["verdict"], &why["rank"]), (&"offered".into(), &1.into()), "{why:#}");
        return;
    }
    panic!("nothing was drawn in 2,000 answers");
}
