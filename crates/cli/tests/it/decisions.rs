//! Records of answers: listed, shown, decided again, and exported with what came of them.

use super::Desk;
use events::event::EventLine;
use events::{Amount, Event, EventKind, Timestamp};
use history::{DecisionRecord, OpenMode, Store};
use serde_json::Value;
use std::path::Path;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);
const N_ARMS: u32 = 4;
/// Of the arm that stands there undrawn.
const CHANCE: f64 = 0.7;

fn id_of(at: u32) -> String {
    // 23 digits, as the service names its answers.
    format!("01hf{at:019}")
}

fn payload(arm: u32, variant: &str) -> String {
    let chance = if arm == 0 { CHANCE } else { (1.0 - CHANCE) / f64::from(N_ARMS - 1) };
    format!(
        "{{\"version\":1,\"at_us\":{},\"snapshot\":\"\",\
         \"asked\":{{\"placement\":\"pdp\",\"anchors\":[\"x\"],\"cart\":[],\"session\":[],\
         \"bought_since\":[],\"exclude\":[]}},\"variant\":\"{variant}\",\
         \"fallback\":\"item\",\"n_eligible\":9,\"offers\":[{{\"item_id\":\"top\",\"score\":0.5,\
         \"relation\":\"complement\",\"rung\":\"item\",\"code\":\"popular\",\"evidence\":null}},\
         {{\"item_id\":\"arm {arm}\",\"score\":0.25,\"relation\":\"complement\",\"rung\":\"item\",\
         \"code\":\"popular\",\"evidence\":null}}],\
         \"explored\":{{\"seed\":7,\"places\":[[2,{arm},{N_ARMS},{chance:.6},{CHANCE}]]}}}}",
        NOW.0
    )
}

fn event(kind: EventKind, at: u32, item_id: String, origin: Option<String>) -> Event {
    let line =
        EventLine { item_id, quantity: Amount::ONE, unit_price: Amount::from_units(3), origin };
    Event {
        event_id: format!("{kind:?}{at}"),
        kind,
        at: Timestamp(NOW.0 + 60_000_000),
        customer_id: None,
        session_id: Some(format!("s{at}")),
        order_id: (kind == EventKind::Purchase).then(|| format!("o{at}")),
        source: "shop".to_owned(),
        currency: events::Currency::parse("GBP"),
        location_id: None,
        recommendation_id: (kind != EventKind::Purchase).then(|| id_of(at)),
        lines: vec![line],
        confirmed: true,
    }
}

/// 10,000 answers whose second place was drawn. Of arm 0 one in ten is clicked, of arm 2 one in
/// two bought, the others do nothing. One in five answers was held out.
async fn fill(dir: &Path) {
    let store = Store::open(dir, OpenMode::Create).await.expect("a new store");
    let (log, decisions) = (store.event_log().expect("open"), store.decision_log().expect("open"));
    let mut events = Vec::new();
    for at in 0..10_000_u32 {
        // Seven of ten are arm 0, one each of the others.
        let (turn, round) = (at % 10, at / 10);
        let arm = turn.saturating_sub(6);
        let is_held_out = round % 5 == 0;
        assert!(decisions.push(DecisionRecord {
            recommendation_id: id_of(at),
            at: NOW,
            customer_idx: None,
            assignment: None,
            payload: payload(arm, if is_held_out { "holdout" } else { "offers" }).into_bytes(),
        }));
        let item = format!("arm {arm}");
        let hash = at.wrapping_mul(2_654_435_761) >> 16;
        if arm == 0 && hash % 10 == 0 {
            events.push(event(EventKind::RecommendationClick, at, item.clone(), None));
        }
        if arm == 2 && hash % 2 == 0 {
            events.push(event(EventKind::Purchase, at, item, Some(id_of(at))));
        }
    }
    log.append(events).await.expect("stored");
    decisions.flush().await;
    store.close().await;
}

fn values(desk: &Desk, args: &[&str]) -> Vec<f64> {
    let output = desk.alongside(args).assert().success().get_output().stdout.clone();
    let text = String::from_utf8(output).expect("UTF-8");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.map(|line| line["value"].as_f64().expect("an estimate")).collect()
}

#[test]
fn what_was_drawn_is_exported_and_judges_other_policies() {
    let desk = Desk::new();
    tokio::runtime::Runtime::new().expect("a runtime").block_on(fill(&desk.store()));
    let file = desk.path("log.csv");
    let path = file.to_str().expect("UTF-8");
    desk.alongside(&["decisions", "export", path]).assert().success();
    let text = std::fs::read_to_string(&file).expect("written");
    assert_eq!(text.lines().count(), 1 + 8_000, "those who were held out saw nothing");
    assert!(desk.refusal(&["decisions", "export", path]).contains("--force"));
    assert!(desk.refusal(&["decisions", "export", "log.parquet"]).contains(".csv"));
    let base = ["evaluate", "off-policy", "--data", path, "--item", "arm", "--json"];
    let judge =
        |more: &[&str]| values(&desk, &[&base[..], &["--reward", "response"], more].concat());
    for value in judge(&["--always", "0"]) {
        assert!((value - 0.1).abs() < 0.02, "{value}: one in ten is clicked");
    }
    for value in judge(&["--always", "2"]) {
        assert!((value - 0.5).abs() < 0.05, "{value}: one in two is bought");
    }
    for value in judge(&[]) {
        assert!((value - 0.15).abs() < 0.03, "{value}: all arms alike");
    }
    let missing = [&base[..], &["--always", "9"]].concat();
    assert!(desk.refusal(&missing).contains("never took the action"));
}

#[test]
fn a_record_is_listed_shown_and_decided_again() {
    let desk = Desk::new();
    tokio::runtime::Runtime::new().expect("a runtime").block_on(fill(&desk.store()));
    let last = desk.json(&["decisions", "list", "--last", "1", "--json"]);
    assert_eq!(last["recommendation_id"], id_of(9_999));
    let said = |args: &[&str]| {
        let output = desk.alongside(args).assert().success().get_output().stdout.clone();
        String::from_utf8(output).expect("UTF-8")
    };
    let table = said(&["decisions", "list", "--placement", "pdp", "--last", "3"]);
    assert_eq!(table.matches("pdp").count(), 3, "{table}");
    assert!(said(&["decisions", "list", "--placement", "cart"]).contains("No decision"));
    let id = id_of(4);
    let shown = said(&["decisions", "show", &id]);
    for part in ["placement pdp; about x", "arm 1 of 4, chance 0.7", "popular (item)", "top"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // Nothing was learned here, so nothing comes out.
    let failed = desk.alongside(&["decisions", "replay", &id, "--json"]).assert().failure();
    let replayed: Value = serde_json::from_slice(&failed.get_output().stdout).expect("JSON");
    assert_eq!(replayed["is_same"], false);
    assert_eq!(replayed["causes"][0]["code"], "live_unknown");
    let gone = replayed["differences"].as_array().expect("a list");
    assert!(
        gone.iter().any(|found| found["item_id"] == "top" && found["replayed"] == "not offered")
    );
    let refused = desk.refusal(&["decisions", "replay", "nobody"]);
    assert!(refused.contains("decisions list"), "{refused}");
}
