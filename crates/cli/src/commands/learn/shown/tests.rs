use super::*;
use events::event::EventLine;
use events::time::DAY_US;
use events::{Amount, Event, EventKind};
use history::{DecisionRecord, ItemEntry, OpenMode};
use serde_json::json;

const NOW: Timestamp = Timestamp(1_780_000_000_000_000);

fn offer(item_id: &str, score: f64, rung: &str) -> serde_json::Value {
    json!({"item_id": item_id, "score": score, "relation": "complement", "rung": rung})
}

/// Of so many hours ago: two pages of categories, one of all, one of a segment's customer.
fn answer(name: &str, hours_ago: i64) -> DecisionRecord {
    let (asked, rung) = match name.split('-').next() {
        Some("a") => (json!({"placement": "category", "category": "A"}), "category"),
        Some("b") => (json!({"placement": "category", "category": "B"}), "category"),
        Some("home") => (json!({"placement": "home"}), "popular"),
        _ => (json!({"placement": "home", "customer": 1}), "segment_popular"),
    };
    let offers = [
        offer("x", 0.4, rung),
        offer("y", 0.2, rung),
        offer("gone", 0.1, rung),
        offer("p", 0.9, "basket"),
    ];
    DecisionRecord {
        recommendation_id: name.to_owned(),
        at: Timestamp(NOW.0 - hours_ago * DAY_US / 24),
        customer_idx: None,
        assignment: None,
        payload: json!({"asked": asked, "offers": offers}).to_string().into_bytes(),
    }
}

/// Its visit saw all of it and took one.
fn event(answer: &DecisionRecord, taken: &str) -> Event {
    let line = EventLine {
        item_id: taken.to_owned(),
        quantity: Amount::ONE,
        unit_price: None,
        origin: None,
    };
    Event {
        event_id: format!("e-{}", answer.recommendation_id),
        kind: EventKind::RecommendationClick,
        at: answer.at,
        customer_id: None,
        session_id: Some(format!("s-{}", answer.recommendation_id)),
        order_id: None,
        source: "shop".to_owned(),
        currency: None,
        location_id: None,
        recommendation_id: Some(answer.recommendation_id.clone()),
        lines: vec![line],
        confirmed: true,
    }
}

fn view() -> HistoryView {
    let item = |id: &str| ItemEntry { id: id.into(), ..ItemEntry::default() };
    HistoryView { items: ["p", "y", "x"].map(item).to_vec(), ..HistoryView::default() }
}

/// From the log of a store to the sums that are learned from.
#[tokio::test]
async fn a_store_tells_what_came_of_what_sells_by_placement_kind_and_list() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), OpenMode::Create).await.unwrap();
    assert!(read(&store, &view(), NOW).await.unwrap().is_empty(), "nothing was shown yet");
    let names = ["a-1", "b-1", "home-1", "home-2", "segment-1", "a-2", "future-1"];
    let answers: Vec<DecisionRecord> = names
        .iter()
        .zip([40, 30, 24 * 30, 5, 4, 3, -1])
        .map(|(name, at)| answer(name, at))
        .collect();
    let log = store.decision_log().unwrap();
    answers.iter().for_each(|answer| assert!(log.push(answer.clone())));
    log.flush().await;
    let events = answers.iter().map(|answer| event(answer, "x")).collect();
    store.event_log().unwrap().append(events).await.unwrap();

    let found = read(&store, &view(), NOW).await.unwrap();
    let told: Vec<&str> = found.iter().map(|one| &*one.name).collect();
    assert_eq!(told, ["category:category", "home:popular", "home:segment_popular"]);
    let [category, home, segment] = &found[..] else { panic!("{found:?}") };
    // Two pages are two lists. What is no item any more and what stands there for another reason
    // are left out; x is the third item of the catalogue, y the second.
    let lists: std::collections::BTreeSet<u64> =
        category.earlier.iter().chain(&category.later).map(|cell| cell.place.list).collect();
    assert_eq!(lists.len(), 2);
    let of = |one: &CameOf| -> Vec<(u8, u32, f64)> {
        let all = one.earlier.iter().chain(&one.later);
        all.map(|cell| (cell.place.position, cell.item, cell.responses.ceil())).collect()
    };
    let both = [(0, 2, 1.0), (1, 1, 0.0)];
    assert_eq!(of(category), [both, both, both].concat());
    assert_eq!(of(home), [(0, 2, 2.0), (1, 1, 0.0)]);
    // Of two answers that of a month ago is half, and so are its score and what came of it.
    let first = &home.earlier[0];
    assert!((first.n - 1.5).abs() < 0.01 && (first.score - 0.6).abs() < 0.01, "{first:?}");
    assert!((first.worth - 0.15).abs() < 0.001, "{first:?}");
    assert!((first.worth2 - 0.015).abs() < 0.0001, "{first:?}");
    let taken = &category.later_taken;
    assert_eq!((taken.len(), taken[0].item, taken[0].place.position), (1, 2, 0));
    assert!(segment.earlier.is_empty() && segment.later.is_empty());
    assert!(segment.left_out[0].starts_with("3 offers that stood there"), "{segment:?}");
    store.close().await;
}

#[test]
fn what_is_left_out_is_told_with_how_to_mend_it() {
    let left_out = LeftOut { n_old: 5, n_of_nobody: 3, n_too_many: 2 };
    let all = AllShown {
        left_out: vec![(decide::Placement::Home, left_out)],
        one_in: 4,
        ..AllShown::default()
    };
    let found = came_of(&all, &view());
    let told: Vec<(&str, String)> =
        found.iter().map(|one| (&*one.name, one.left_out.join("; "))).collect();
    assert_eq!(told[0], ("all", "of the answers that were seen one in 4 was read".to_owned()));
    let (name, home) = &told[1];
    assert_eq!(*name, "home");
    for words in
        ["5 older answers", "3 answers of nobody: send session_id", "2 answers of programs"]
    {
        assert!(home.contains(words), "{home}");
    }
}
