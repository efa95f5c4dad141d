//! Learning from outcomes in a circle: answers, what shoppers make of them, the next answers.

use super::{Store, StoreLedger};
use crate::background::OutcomeLearner;
use crate::outcomes::Standing;
use crate::testing::{NOW, TestShop};
use events::Timestamp;
use history::OpenMode;
use policy::PolicySet;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

const LEARNS: &str = "[[placement]]\nname = 'home'\ncount = 3\nlearn_from_outcomes = true\n\
                      incumbent_share = 0.3\nexplore = 0.3\n";

struct Circle {
    shop: TestShop,
    store: Store,
    learner: OutcomeLearner,
    n_asked: u32,
    chance: u64,
}

/// Answers and clicks of an arm.
#[derive(Clone, Copy, Debug, Default)]
struct Earned {
    n: f64,
    clicks: f64,
}

impl Earned {
    fn rate(self) -> f64 {
        self.clicks / self.n
    }
}

impl Circle {
    async fn new(dir: &Path) -> Circle {
        let store = Store::open(dir, OpenMode::Create).await.unwrap();
        let shop = TestShop::over_any(Box::new(StoreLedger::start(store.clone()).unwrap()));
        let learner = OutcomeLearner::open(store.clone());
        let circle = Circle { shop, store, learner, n_asked: 0, chance: 3 };
        circle.set_policies(1, LEARNS).await;
        circle
    }

    async fn set_policies(&self, version: u64, text: &str) {
        let (set, found) = PolicySet::read(text);
        let set = Arc::new(set.unwrap_or_else(|| panic!("{found:?}")));
        self.shop.state.inner.set_policies(Some((version, set))).await.unwrap();
    }

    async fn look(&mut self) {
        self.learner.look(&self.shop.state.inner).await;
    }

    fn chance(&mut self) -> f64 {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.chance >> 33) as f64 / (1_u64 << 31) as f64
    }

    async fn ask(&mut self) -> Value {
        self.n_asked += 1;
        let body = json!({"placement": "home", "session_id": format!("s{}", self.n_asked),
                          "explain": true});
        self.shop.recommend(&body.to_string()).await.json()
    }

    /// By somebody who is answered by what was learned.
    async fn ask_learned(&mut self) -> Value {
        loop {
            let answer = self.ask().await;
            if answer["explain"]["outcomes"]["arm"] == "learned" {
                return answer;
            }
        }
    }

    /// Visits that click by `likes(arm, item)`, times what the place does; what each arm earned.
    async fn visits(&mut self, n: u32, likes: impl Fn(&str, &str) -> f64) -> [Earned; 2] {
        let mut earned = [Earned::default(); 2];
        let mut events = Vec::new();
        for _ in 0..n {
            let answer = self.ask().await;
            let id = &answer["recommendation_id"];
            let session = format!("s{}", self.n_asked);
            let arm = answer["explain"]["outcomes"]["arm"].as_str().unwrap().to_owned();
            let own = &mut earned[usize::from(arm == "incumbent")];
            own.n += 1.0;
            let name = |kind: &str| format!("{session} {kind}");
            events
                .push(json!({"event_name": "recommendation_impression", "event_id": name("seen"),
                               "session_id": session, "recommendation_id": id}));
            for (item, place) in answer["items"].as_array().unwrap().iter().zip([1.0, 0.7, 0.5]) {
                let item_id = item["item_id"].as_str().unwrap();
                if self.chance() < place * likes(&arm, item_id) {
                    earned[usize::from(arm == "incumbent")].clicks += 1.0;
                    events.push(json!({"event_name": "recommendation_click",
                                       "event_id": name(item_id), "session_id": session,
                                       "recommendation_id": id, "item_id": item_id}));
                }
            }
        }
        for batch in events.chunks(500) {
            let answer = self.shop.post("/v1/events", &json!(batch).to_string()).await;
            assert_eq!(answer.verdict(), "200", "{}", answer.body);
        }
        earned
    }

    fn standing(&self) -> Standing {
        Standing::read(self.store.dir()).unwrap().expect("something was learned")
    }
}

#[tokio::test]
async fn what_is_liked_more_than_it_sells_comes_to_the_front_and_earns_more() {
    let dir = tempfile::tempdir().unwrap();
    let mut circle = Circle::new(dir.path()).await;
    // Teacups are liked, and seven things sell better.
    let likes = |_: &str, item: &str| if item == "E" || item == "F/1 ü" { 0.5 } else { 0.05 };
    let before = circle.ask().await;
    for _ in 0..5 {
        circle.visits(500, likes).await;
        circle.look().await;
    }
    let [learned, incumbent] = circle.visits(1_500, likes).await;
    assert!(learned.rate() > 1.5 * incumbent.rate(), "{learned:?} {incumbent:?}");
    circle.look().await;
    let standing = circle.standing();
    let home = &standing.placements[0];
    assert_eq!((home.placement.as_str(), &home.stopped), ("home", &None));
    assert!(home.n_factors > 4 && home.most > 1.5 && home.least < 1.0, "{home:?}");
    let versus = home.versus.as_ref().unwrap();
    assert!(versus.low > Some(0.0), "clearly more: {versus:?}");
    let answer = circle.ask_learned().await;
    let told = &answer["explain"]["outcomes"];
    assert_eq!(told["version"], standing.version, "{told}");
    let first = answer["items"][0]["item_id"].as_str().unwrap();
    assert!(told["factors"][first].as_f64() > Some(1.2), "{answer:#}");
    assert_ne!(before["items"][0]["item_id"], first);
    let told = circle.shop.get("/v1/outcomes").await.json();
    assert_eq!(told["placements"][0]["placement"], "home");
}

#[tokio::test]
async fn where_there_is_nothing_to_learn_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut circle = Circle::new(dir.path()).await;
    // As the scores have it: what sells twice as well is liked twice as much.
    let sales = [("B", 18.0), ("A", 23.0), ("H", 15.0), ("E", 12.0), ("F/1 ü", 12.0), ("C", 14.0)];
    let likes = |_: &str, item: &str| {
        let known = sales.iter().find(|(id, _)| *id == item);
        0.01 * known.map_or(10.0, |(_, n)| *n)
    };
    let mut sums = [Earned::default(); 2];
    for _ in 0..5 {
        let earned = circle.visits(700, likes).await;
        for (sum, earned) in sums.iter_mut().zip(earned) {
            sum.n += earned.n;
            sum.clicks += earned.clicks;
        }
        circle.look().await;
    }
    let [learned, incumbent] = sums;
    assert!(learned.rate() > 0.8 * incumbent.rate(), "{learned:?} {incumbent:?}");
    let standing = circle.standing();
    assert_eq!(standing.placements[0].stopped, None);
    assert_eq!(circle.shop.get("/health/ready").await.json()["complaints"], json!([]));
}

#[tokio::test]
async fn what_does_harm_is_turned_off_by_itself_and_stays_off_until_it_is_tried_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut circle = Circle::new(dir.path()).await;
    circle.visits(300, |_, item| if item == "H" { 0.5 } else { 0.1 }).await;
    circle.look().await;
    assert!(circle.standing().placements[0].n_factors > 0);
    // Whatever the reason: who is answered by what was learned clicks no more.
    circle.visits(3_000, |arm, _| if arm == "incumbent" { 0.3 } else { 0.02 }).await;
    circle.look().await;
    let stopped = circle.standing().placements[0].clone();
    assert!(stopped.stopped.as_ref().unwrap().reason.contains("without it"), "{stopped:?}");
    let health = circle.shop.get("/health/ready").await.json();
    assert_eq!(health["status"], "yellow");
    assert!(health["complaints"][0].as_str().unwrap().contains("turned off"), "{health}");
    let answer = circle.ask_learned().await;
    assert_eq!(answer["explain"]["outcomes"]["factors"], json!({}));
    // A restart does not forget it, nor which numbers were given.
    circle.learner = OutcomeLearner::open(circle.store.clone());
    circle.look().await;
    let again = circle.standing();
    assert_eq!(again.placements[0].stopped, stopped.stopped);
    circle.set_policies(2, "").await;
    circle.look().await;
    assert_eq!(circle.shop.get("/health/ready").await.json()["status"], "green");
    circle.shop.clock.set(Timestamp(NOW.0 + 1_000_000));
    circle.set_policies(3, LEARNS).await;
    circle.look().await;
    let anew = circle.standing();
    assert_eq!((&anew.placements[0].stopped, anew.version > again.version), (&None, true));
}

#[tokio::test]
async fn while_nobody_can_look_health_is_yellow_and_then_nothing_learned_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let mut circle = Circle::new(dir.path()).await;
    circle.visits(300, |_, item| if item == "H" { 0.5 } else { 0.1 }).await;
    circle.look().await;
    let file = dir.path().join("outcomes.json");
    let kept = std::fs::read(&file).unwrap();
    std::fs::write(&file, "{").unwrap();
    // As after a restart.
    circle.learner = OutcomeLearner::open(circle.store.clone());
    for n in 1..=5 {
        circle.look().await;
        let health = circle.shop.get("/health/ready").await.json();
        assert_eq!(health["status"], "yellow", "{health}");
        let factors = circle.ask_learned().await["explain"]["outcomes"]["factors"].clone();
        assert_eq!(factors == json!({}), n == 5, "after {n} failures: {factors}");
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"{", "what nobody can read is not written over");
    std::fs::write(&file, kept).unwrap();
    circle.look().await;
    assert_eq!(circle.shop.get("/health/ready").await.json()["status"], "green");
    assert_ne!(circle.ask_learned().await["explain"]["outcomes"]["factors"], json!({}));
}
