//! Experiments over HTTP: followed from their log, named in answers and records.

use crate::background::{ExperimentWatch, Sources};
use crate::holdout::HoldoutSettings;
use crate::keys::KeyRing;
use crate::settings::Settings;
use crate::testing::{TestShop, ids};
use axum::http::Method;
use events::Timestamp;
use experiment::{Definition, ExperimentDir, Signature};
use policy::PolicyDir;
use serde_json::{Value, json};
use snapshot::SnapshotDir;

const QUIET: &str = "name = 'quiet'\nlayer = 'a'\nplacements = ['pdp']\n[[variant]]\n\
                     name = 'usual'\n[[variant]]\nname = 'nothing'\noffers = false\n";
const RULES: &str = "name = 'rules'\nlayer = 'b'\n[[variant]]\nname = 'none'\n[[variant]]\n\
                     name = 'no-b'\npolicy_version = 1\n[[variant]]\nname = 'one'\ncount = 1\n";
const NO_B: &str = "[[policy]]\nname = 'no b'\nkind = 'exclude'\nitem_ids = ['B']\n";

struct Bench {
    folder: tempfile::TempDir,
    shop: TestShop,
    dir: ExperimentDir,
    watch: ExperimentWatch,
}

fn signed() -> Signature {
    Signature { at: Timestamp(1), by: "anna".to_owned(), note: String::new() }
}

impl Bench {
    async fn with(shop: TestShop) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let policies = PolicyDir::in_dir(folder.path());
        let by = policy::directory::Signature {
            at: Timestamp(1),
            by: String::new(),
            note: String::new(),
            key_id: None,
        };
        policies.apply(NO_B, &by).unwrap();
        let dir = ExperimentDir::in_dir(folder.path());
        for text in [QUIET, RULES] {
            let definition = Definition::read(text, &["pdp"]).unwrap();
            let name = definition.name.clone();
            dir.create(definition, &signed()).unwrap();
            dir.start(&name, &signed()).unwrap();
        }
        let snapshots = SnapshotDir::new(folder.path().join("snapshots"));
        let sources = Sources { experiments: dir.clone(), policies, snapshots };
        let mut watch = ExperimentWatch::new(sources);
        watch.look(&shop.state).await;
        Bench { folder, shop, dir, watch }
    }

    async fn beside_a(&self, session: usize) -> Value {
        let body = format!(r#"{{"placement":"pdp","item_ids":["A"],"session_id":"s{session}"}}"#);
        self.shop.recommend(&body).await.json()
    }

    async fn record(&self, slate: &Value) -> Value {
        let id = slate["recommendation_id"].as_str().unwrap();
        self.shop.get(&format!("/v1/decisions/{id}")).await.json()
    }
}

fn variants(slate: &Value) -> [&str; 2] {
    let named = |id: &str| {
        let all = slate["experiments"].as_array().unwrap().iter();
        all.clone().find(|one| one["id"] == id).unwrap()["variant"].as_str().unwrap()
    };
    [named("quiet"), named("rules")]
}

#[tokio::test]
async fn variants_change_the_slate_and_are_named_in_answer_and_record() {
    let bench = Bench::with(TestShop::new()).await;
    let mut n_nothing = 0;
    for session in 0..120 {
        let slate = bench.beside_a(session).await;
        let [quiet, rules] = variants(&slate);
        let expected = match (quiet, rules) {
            ("nothing", _) => "",
            (_, "no-b") => "C",
            (_, "one") => "B",
            _ => "B C",
        };
        assert_eq!(ids(&slate), expected, "{quiet} {rules}");
        n_nothing += usize::from(quiet == "nothing");
        let again = bench.beside_a(session).await;
        assert_eq!(again["experiments"], slate["experiments"]);
        let record = bench.record(&slate).await;
        assert_eq!(record["experiments"], json!([["quiet", quiet], ["rules", rules]]));
        assert!(record["unit"].is_u64() && record["took_us"].is_u64());
        // What would have been shown is kept.
        assert!(!record["offers"].as_array().unwrap().is_empty());
    }
    assert!((35..=85).contains(&n_nothing), "{n_nothing} of 120");
    // Elsewhere, and for who cannot be told from others.
    let home = bench.shop.recommend(r#"{"placement":"home","session_id":"s1"}"#).await.json();
    assert_eq!(home["experiments"].as_array().unwrap().len(), 1);
    let nobody = bench.shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json();
    assert_eq!((ids(&nobody).as_str(), &nobody["experiments"]), ("B C", &Value::Null));
}

#[tokio::test]
async fn what_is_stopped_or_won_acts_at_the_next_look() {
    let mut bench = Bench::with(TestShop::new()).await;
    bench.dir.stop("quiet", None, &signed()).unwrap();
    bench.dir.winner("rules", "no-b", &signed()).unwrap();
    bench.watch.look(&bench.shop.state).await;
    for session in 0..20 {
        let slate = bench.beside_a(session).await;
        assert_eq!((ids(&slate).as_str(), &slate["experiments"]), ("C", &Value::Null));
        assert_eq!(bench.record(&slate).await["rollouts"], json!([["rules", "no-b"]]));
    }
}

/// A variant that is removed from the log by hand, or a log that is cut: nobody is moved.
#[tokio::test]
async fn a_log_that_cannot_be_read_changes_nothing_and_is_told() {
    let mut bench = Bench::with(TestShop::new()).await;
    let before = bench.beside_a(3).await["experiments"].clone();
    let log = bench.folder.path().join("experiments/log.jsonl");
    std::fs::write(&log, "{\"name\":\"quiet\"").unwrap();
    bench.watch.look(&bench.shop.state).await;
    assert_eq!(bench.beside_a(3).await["experiments"], before);
    let complaints = bench.shop.state.inner.complaints();
    assert!(complaints.iter().any(|told| told.contains("experiments")), "{complaints:?}");
}

/// Without its policies a variant is not what was meant: who is in it is in no experiment.
#[tokio::test]
async fn a_variant_whose_policies_are_lost_is_served_as_usual() {
    let mut bench = Bench::with(TestShop::new()).await;
    std::fs::write(bench.folder.path().join("policies/000001.toml"), "[[policy]]").unwrap();
    bench.dir.stop("quiet", None, &signed()).unwrap();
    bench.watch.look(&bench.shop.state).await;
    let mut n_none = 0;
    for session in 0..60 {
        let slate = bench.beside_a(session).await;
        let experiments = &slate["experiments"];
        assert_ne!(ids(&slate), "C");
        n_none += usize::from(experiments.is_null());
    }
    assert!((8..=35).contains(&n_none), "{n_none} of 60");
}

#[tokio::test]
async fn who_is_held_out_of_everything_is_in_no_experiment() {
    let settings = Settings { holdout: HoldoutSettings::new("secret", 1.0), ..Settings::default() };
    let bench = Bench::with(TestShop::with(KeyRing::default(), settings)).await;
    let slate = bench.beside_a(1).await;
    assert_eq!(
        (slate["experiment"]["holdout"].as_bool(), &slate["experiments"]),
        (Some(true), &Value::Null)
    );
    assert_eq!(bench.record(&slate).await["experiments"], Value::Null);
}

/// What is recalled is recalled for all: a variant's policies are no way around those in force.
#[tokio::test]
async fn policies_put_in_force_later_hold_in_variants_and_for_winners_too() {
    let mut bench = Bench::with(TestShop::new()).await;
    bench.dir.stop("quiet", None, &signed()).unwrap();
    bench.dir.winner("rules", "no-b", &signed()).unwrap();
    bench.watch.look(&bench.shop.state).await;
    assert_eq!(ids(&bench.beside_a(1).await), "C");
    let recall = "[[policy]]\nname = 'recall'\nkind = 'exclude'\nitem_ids = ['C']\n";
    let (recall, _) = policy::PolicySet::read(recall);
    let in_force = Some((2, std::sync::Arc::new(recall.unwrap())));
    bench.shop.state.inner.set_policies(in_force).await.unwrap();
    assert_eq!(ids(&bench.beside_a(1).await), "");
    bench.shop.state.inner.set_policies(None).await.unwrap();
    assert_eq!(ids(&bench.beside_a(1).await), "C");
}

/// What is withheld at one placement was shown nowhere, and may be shown elsewhere on the page.
#[tokio::test]
async fn a_holdout_of_one_placement_leaves_the_others_as_they_are() {
    let bench = Bench::with(TestShop::new()).await;
    let mut n_withheld = 0;
    for session in 0..40 {
        let body = format!(
            r#"{{"placements":["pdp","category"],"item_ids":["A"],"session_id":"t{session}"}}"#
        );
        let page = bench.shop.recommend(&body).await.json();
        let [pdp, other] = [&page["slates"][0], &page["slates"][1]];
        if variants(pdp) == ["nothing", "none"] {
            n_withheld += 1;
            let alone =
                body.replace(r#""placements":["pdp","category"]"#, r#""placement":"category""#);
            let alone = bench.shop.recommend(&alone).await.json();
            assert_eq!((ids(pdp).as_str(), ids(other)), ("", ids(&alone)));
            assert_ne!(ids(other), "");
        }
    }
    assert!(n_withheld > 3, "{n_withheld}");
}

/// Pages of our own take part: a visit has one variant at one placement, shown or withheld.
#[tokio::test]
async fn pages_of_the_shop_are_in_experiments_too() {
    let bench = Bench::with(TestShop::new()).await;
    let mut with_offers = 0;
    for session in 0..24 {
        let cookie = format!("alongside_visit=shop-{session:023}");
        let page =
            bench.shop.call(Method::GET, "/p/A", &[("cookie", &cookie)], String::new()).await;
        assert_eq!(page.status, 200, "{}", page.body);
        with_offers += usize::from(page.body.contains("bundle-act"));
    }
    assert!((1..24).contains(&with_offers), "{with_offers} of 24 visits are shown a bundle");
}
