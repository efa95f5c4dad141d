//! How events came, and what was in view: counted, shown and kept.

use super::Desk;
use super::doubts::{NOW, answer_of, event, fill, line};
use events::{Event, EventKind, RelationRecord, Timestamp};
use history::{Ack, OpenMode, Store};
use serde_json::Value;

const HOUR_US: i64 = 3_600_000_000;
const LATER: i64 = NOW.0 + 3 * HOUR_US;

fn of_answer(kind: EventKind, answer: u32, at_us: i64) -> Event {
    let mut said = event(kind, answer, kind.as_str(), at_us);
    (said.order_id, said.recommendation_id) = (None, Some(answer_of(answer)));
    said.lines = Vec::new();
    said
}

async fn open(desk: &Desk) -> Store {
    Store::open(&desk.store(), OpenMode::ReadWrite).await.expect("the store")
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(future)
}

/// Read in memory and by way of files, with the same result.
fn reports(desk: &Desk) -> Value {
    desk.json(&["report", "--json"])
}

fn said(desk: &Desk, args: &[&str]) -> String {
    let output = desk.alongside(args).assert().success().get_output().stdout.clone();
    String::from_utf8(output).expect("UTF-8")
}

/// The number in the row of the table of events.
fn row_of(said: &str, what: &str) -> String {
    let row = said.lines().find(|line| line.contains(what)).unwrap_or_default();
    let is_number = |word: &&str| word.bytes().all(|b| b.is_ascii_digit() || b == b',');
    row.split_whitespace().find(is_number).unwrap_or_default().to_owned()
}

#[test]
fn late_repeated_early_and_unjoined_events_are_counted_and_shown() {
    use EventKind::{RecommendationClick as Click, RecommendationImpression as Shown};
    let desk = Desk::new();
    run(async {
        fill(&desk.store(), Vec::new(), &[]).await;
        let store = open(&desk).await;
        let log = store.event_log().expect("open");
        let on_time = of_answer(Shown, 1, LATER);
        // Two hours on the way; a clock that is two hours ahead.
        let late = of_answer(Shown, 2, LATER - 2 * HOUR_US);
        let ahead = of_answer(Shown, 3, LATER + 2 * HOUR_US);
        // Clicked ten minutes before it was shown; half a minute is a matter of clocks.
        let early = [of_answer(Click, 4, LATER - HOUR_US / 6), of_answer(Shown, 4, LATER)];
        let near = [of_answer(Click, 6, LATER - HOUR_US / 120), of_answer(Shown, 6, LATER)];
        // Before it was given, by an hour.
        let before = of_answer(Shown, 7, NOW.0 + 1);
        let mut before = [before];
        before[0].recommendation_id = Some(answer_of(40_000));
        let mut all = vec![on_time.clone(), late, ahead];
        all.extend(early.into_iter().chain(near).chain(before));
        log.append_live(all, Timestamp(LATER)).await.expect("stored");
        for _ in 0..2 {
            let again = log.append_live(vec![on_time.clone()], Timestamp(LATER)).await;
            assert_eq!(again.expect("left out"), [Ack::Duplicate]);
        }
        // The day before the first assignment: no concern of this report.
        let long_ago = Timestamp(NOW.0 - 48 * HOUR_US);
        log.append_live(vec![on_time], long_ago).await.expect("left out");
        drop(log);
        store.close().await;
    });
    let report = reports(&desk);
    let doubts = &report["doubts"];
    for (what, n) in [
        ("events", 8),
        ("events_sent_again", 2),
        ("events_late", 2),
        ("events_ahead", 1),
        // The one that bears the first moment came almost three hours later.
        ("longest_delay_minutes", 179),
        ("events_of_unknown_arrival", 0),
        ("outcomes_before_exposure", 1),
        ("outcomes_before_answer", 0),
        ("answers_without_record", 1),
    ] {
        assert_eq!(doubts[what], n, "{what}: {doubts}");
    }
    let page = desk.path("report.html");
    let text = said(&desk, &["report", "--html", page.to_str().expect("UTF-8")]);
    let page = std::fs::read_to_string(page).expect("written");
    for (what, n) in [
        ("since the first assignment", "8"),
        ("sent again", "2"),
        ("late:", "2"),
        ("ahead:", "1"),
        ("outcomes before their exposure", "1"),
        ("outcomes before their decision", "0"),
        ("outcomes without a decision", "1"),
    ] {
        assert_eq!(row_of(&text, what), n, "{what}: {text}");
        assert!(page.contains(what), "{what}");
    }
    // Sealed, it is the same.
    run(async {
        let store = open(&desk).await;
        store.seal_tail(Timestamp(i64::MAX)).await.expect("sealed");
        store.close().await;
    });
    assert_eq!(reports(&desk)["doubts"], report["doubts"]);
}

#[test]
fn what_was_in_view_is_told_beside_what_was_shown() {
    use EventKind::{RecommendationImpression as Shown, RecommendationView as Seen};
    let desk = Desk::new();
    let buys = |customer: u32| {
        let mut bought = event(EventKind::Purchase, customer, "q", LATER + 1);
        bought.lines = vec![line(20, Some(answer_of(customer)))];
        bought
    };
    let events = vec![
        of_answer(Shown, 1, LATER),
        of_answer(Seen, 1, LATER + 1_000_000),
        buys(1),
        of_answer(Shown, 2, LATER),
        buys(2),
        // Whose page tells only what was in view.
        of_answer(Seen, 3, LATER),
        // Of who is held out: what was shown?
        of_answer(Seen, 5, LATER),
    ];
    run(fill(&desk.store(), events, &[]));
    let report = reports(&desk);
    let place = &report["placements"][0];
    for (what, n) in [("decisions", 1_000), ("eligible", 1_000), ("shown", 3), ("seen", 2)] {
        assert_eq!(place[what], n, "{what}: {place}");
    }
    assert_eq!((&place["bought"], &report["attributed_seen"]), (&2.into(), &20.0.into()));
    assert_eq!(report["relations"][0]["seen"], 2);
    assert_eq!(report["doubts"]["marks_of_held_out"], 1);
    assert!(said(&desk, &["report"]).contains("20.00 GBP was from offers that were in view"));
}

/// Treated customers buy jam with every second loaf, the others with every fourth.
#[test]
fn the_attach_rate_is_told_in_both_arms() {
    let desk = Desk::new();
    let buys = |customer: u32| {
        let mut bought = event(EventKind::Purchase, customer, "q", LATER);
        let every = if customer.is_multiple_of(5) { 4 } else { 2 };
        if (customer / 5).is_multiple_of(every) {
            let jam = line(3, None);
            bought.lines.push(events::event::EventLine { item_id: "jam".to_owned(), ..jam });
        }
        bought
    };
    run(async {
        fill(&desk.store(), (0..1_000).map(buys).collect(), &[]).await;
        let store = open(&desk).await;
        let attach = RelationRecord {
            from_item_id: "bread".to_owned(),
            to_item_id: "jam".to_owned(),
            relation: Some(events::Relation::Attach),
            source: "test".to_owned(),
            ..RelationRecord::default()
        };
        let intake = store.declare_relations(&[attach]).await.expect("declared");
        assert_eq!(intake.n_new, 1);
        store.close().await;
    });
    let rate_of = |report: &Value| {
        let all = report["metrics"].as_array().expect("metrics").iter();
        all.clone().find(|one| one["name"] == "attach rate").expect("the rate").clone()
    };
    let rate = rate_of(&reports(&desk));
    let value = |value: &Value| (value.as_f64().expect("a number") * 1e6).round() / 1e6;
    assert_eq!((value(&rate["offers"]), value(&rate["holdout"])), (0.5, 0.25));
    assert_eq!(value(&rate["difference"]["value"]), 0.25);
    assert!(rate["difference"]["low"].as_f64() > Some(0.0), "{rate}");
    let bare = Desk::new();
    run(fill(&bare.store(), (0..1_000).map(buys).collect(), &[]));
    let why = rate_of(&reports(&bare))["no_answer"].as_str().map(str::to_owned);
    assert!(why.is_some_and(|why| why.contains("nothing was sold that a plan")), "no relation");
}

/// Who bought before buys more with offers; the rest does not.
#[test]
fn own_arms_become_a_file_that_uplift_reads() {
    let desk = Desk::new();
    let mut events = Vec::new();
    for customer in 0..1_000_u32 {
        let (is_held_out, number) = (customer.is_multiple_of(5), customer / 5);
        let has_bought = number.is_multiple_of(2);
        if has_bought {
            events.push(event(EventKind::Purchase, customer, "b", NOW.0 - 36 * HOUR_US));
        }
        let takes = if has_bought && !is_held_out { 2 } else { 8 };
        if (number / 2).is_multiple_of(takes) {
            events.push(event(EventKind::Purchase, customer, "q", LATER));
        }
    }
    run(fill(&desk.store(), events, &[]));
    let file = desk.path("arms.csv");
    let name = file.to_str().expect("UTF-8");
    let told = desk.alongside(&["report", "--arms", name, "--json"]).assert().success();
    let told: Value = serde_json::from_slice(&told.get_output().stdout).expect("JSON");
    assert_eq!(told["persons"], 1_000);
    let text = std::fs::read_to_string(&file).expect("written");
    assert_eq!(text.lines().next(), Some(format!("{},segment", proof::arms::COLUMNS).as_str()));
    let of_arm = |arm: &str| text.lines().filter(|line| line.contains(arm)).count();
    assert_eq!((of_arm(",holdout,"), of_arm(",offers,")), (200, 800));
    assert_eq!(text.lines().filter(|line| line.contains(",1,1,1.5,")).count(), 500);
    // Joined by way of files, the same persons, whatever their order.
    let other = desk.path("other.csv");
    let args = ["report", "--memory", "0", "--arms", other.to_str().expect("UTF-8")];
    assert!(said(&desk, &args).contains("evaluate uplift --data"));
    let persons = |text: &str| {
        let mut rows: Vec<String> =
            text.lines().filter_map(|line| Some(line.split_once(',')?.1.to_owned())).collect();
        rows.sort();
        rows
    };
    assert_eq!(persons(&std::fs::read_to_string(other).expect("written")), persons(&text));
    let uplift = [
        &["evaluate", "uplift", "--data", name, "--id", "person", "--arm", "arm"][..],
        &["--outcome", "bought", "--ignore", proof::arms::AFTERWARDS],
        &["--methods", "t_logistic", "--json"],
    ];
    let found = said(&desk, &uplift.concat());
    let found: Value = serde_json::from_str(found.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&found["treatment"], &found["is_clear"]), (&"offers".into(), &true.into()));
    assert!(desk.refusal(&["report", "--arms", name]).contains("--force"));
    // Arms that are not what was promised teach nothing, and leave no file.
    let wrong = desk.path("wrong.csv");
    let args = ["report", "--holdout", "5", "--arms", wrong.to_str().expect("UTF-8")];
    assert!(desk.refusal(&args).contains("nothing can be learned from these arms"));
    assert!(!wrong.exists() && !desk.path("wrong.partial").exists());
}
