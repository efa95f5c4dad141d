use super::*;
use events::Amount;
use events::event::EventLine;
use serde_json::json;

const NOW: Timestamp = Timestamp(1_780_000_000_000_000);

fn id(at: u32) -> String {
    format!("{at:023}")
}

/// What sells at home, `a` first, and something beside it that stands there for another reason.
fn answer(at: u32, hours_ago: i64) -> DecisionRecord {
    let of_rung = |item_id: &str, score: f64, rung: &str| {
        let offer = (item_id, score, "complement", rung);
        json!({"item_id": offer.0, "score": offer.1, "relation": offer.2, "rung": offer.3})
    };
    let popular = |item_id: &str, score: f64| of_rung(item_id, score, "popular");
    let personal = of_rung("p", 0.9, "personal");
    let offers = [popular("a", 0.3), popular("b", 0.2), popular("c", 0.1), personal];
    of_offers(at, hours_ago, "home", &json!(offers))
}

fn of_offers(
    at: u32,
    hours_ago: i64,
    placement: &str,
    offers: &serde_json::Value,
) -> DecisionRecord {
    let payload = json!({"asked": {"placement": placement}, "offers": offers});
    DecisionRecord {
        recommendation_id: id(at),
        at: Timestamp(NOW.0 - hours_ago * DAY_US / 24),
        customer_idx: None,
        assignment: None,
        payload: payload.to_string().into_bytes(),
    }
}

/// Of a visit, `None`: of nobody.
fn event(kind: EventKind, at: u32, visit: Option<&str>, items: &[&str]) -> PastEvent {
    let line = |item_id: &&str| EventLine {
        item_id: (*item_id).to_owned(),
        quantity: Amount::ONE,
        unit_price: None,
        origin: None,
    };
    PastEvent {
        kind,
        at: NOW,
        customer_idx: None,
        session_id: visit.map(str::to_owned),
        order_key: None,
        recommendation_id: Some(id(at)),
        confirmed: true,
        lines: items.iter().map(line).collect(),
        received_at: None,
    }
}

use EventKind::{Purchase, RecommendationClick as Click, RecommendationImpression as Impression};

/// What is read of answers and events, with room for `max` answers of a placement.
fn read(max: usize, answers: &[DecisionRecord], events: &[PastEvent]) -> AllShown {
    let mut seen = Seen::default();
    events.iter().for_each(|event| seen.see(event));
    let mut kept = Kept { max_of_placement: max, ..Kept::new(7, NOW, seen) };
    answers.iter().for_each(|answer| kept.take(answer));
    events.iter().for_each(|event| kept.hear(event));
    kept.all_shown()
}

#[test]
fn who_reads_once_learns_how_far_each_offer_that_was_seen_came() {
    let answers: Vec<DecisionRecord> =
        (1..=10).map(|at| answer(at, 24 * i64::from(10 - at))).collect();
    let at = |at: u32, event: PastEvent| PastEvent { at: answers[at as usize - 1].at, ..event };
    let visit = |n: u32| format!("s{n}");
    let mut events: Vec<PastEvent> =
        (1..=9).map(|n| at(n, event(Impression, n, Some(&visit(n)), &[]))).collect();
    events.push(at(2, event(Click, 2, Some(&visit(2)), &["b"])));
    events.push(at(9, event(Purchase, 9, Some(&visit(9)), &["c"])));
    let all = read(100, &answers, &events);
    assert_eq!(all.item_ids[..3], ["a".into(), "b".into(), "c".into()]);
    // Three offers an answer stand there by their sales; the last answer was seen by nobody.
    assert_eq!(all.offers.len(), 27);
    let taken: Vec<&Shown> = all.offers.iter().filter(|shown| shown.step > Step::Seen).collect();
    assert_eq!((taken[0].item, taken[0].step, taken[0].position), (1, Step::Clicked, 1));
    assert_eq!((taken[1].item, taken[1].step, taken[1].score), (2, Step::Bought, 0.1));
    // Before the newest that was kept: nobody saw the tenth, so it is no answer at all.
    assert!((taken[0].age_days - 7.0).abs() < 1e-9 && taken[1].age_days == 0.0);
    // The newest fifth of nine answers, of which the last two were seen.
    let later = all.offers.iter().filter(|shown| shown.is_later).count();
    assert_eq!((later, taken[1].is_later, taken[0].is_later), (6, true, false));
    assert!(all.left_out.is_empty() && all.one_in == 1);
}

/// A program that always takes the last, in one visit: it is heard once, and no more than its
/// share of a day.
#[test]
fn one_visit_responds_to_an_item_once_and_counts_for_so_many_answers_a_day() {
    let answers: Vec<DecisionRecord> = (1..=1_000).map(|at| answer(at, 1)).collect();
    let click = |at| event(Click, at, Some("bot"), &["c"]);
    let events: Vec<PastEvent> = (1..=1_000).map(click).collect();
    let all = read(5_000, &answers, &events);
    let n_taken = all.offers.iter().filter(|shown| shown.step > Step::Seen).count();
    assert_eq!(n_taken, 1);
    assert!(all.offers.iter().filter(|shown| shown.item == 2).count() == 1, "not asked again");
    assert_eq!(all.offers.len(), 2 * MAX_OF_DAY as usize + 1);
    let left_out = LeftOut { n_too_many: 1_000 - MAX_OF_DAY as usize, ..LeftOut::default() };
    assert_eq!(all.left_out, [(Placement::Home, left_out)]);
    // The same clicks, each of a visit of its own.
    let visits: Vec<String> = (1..=1_000).map(|at| format!("s{at}")).collect();
    let events: Vec<PastEvent> =
        (1..=1_000).map(|at| event(Click, at, Some(&visits[at as usize - 1]), &["c"])).collect();
    let all = read(5_000, &answers, &events);
    assert_eq!(all.offers.iter().filter(|shown| shown.step > Step::Seen).count(), 1_000);
}

#[test]
fn what_nobody_stands_behind_is_left_out_and_told() {
    let answers: Vec<DecisionRecord> = (1..=3).map(|at| answer(at, 1)).collect();
    let mut events: Vec<PastEvent> = (1..=2).map(|at| event(Click, at, None, &["c"])).collect();
    events.push(event(Click, 3, Some("s"), &["a"]));
    let all = read(100, &answers, &events);
    assert_eq!(all.offers.len(), 3);
    let left_out = LeftOut { n_of_nobody: 2, ..LeftOut::default() };
    assert_eq!(all.left_out, [(Placement::Home, left_out)]);
    // A record that names the customer stands for one.
    let named = DecisionRecord { customer_idx: Some(4), ..answer(1, 1) };
    assert_eq!(read(100, &[named], &events[..1]).offers.len(), 3);
}

/// Questions without end at one placement, and answers that nobody saw, take no room of another.
#[test]
fn a_flood_at_one_placement_leaves_the_others_alone_and_is_told() {
    let popular = json!([{"item_id": "a", "score": 0.3, "relation": "complement",
                          "rung": "popular"}]);
    let mut answers: Vec<DecisionRecord> = (1..=20).map(|at| answer(at, 2)).collect();
    answers.extend((21..=200).map(|at| of_offers(at, 1, "email", &popular)));
    answers.extend((201..=900).map(|at| answer(at, 1)));
    let visits: Vec<String> = (0..=200).map(|at| format!("s{at}")).collect();
    let events: Vec<PastEvent> =
        (1..=200).map(|at| event(Impression, at, Some(&visits[at as usize]), &[])).collect();
    let all = read(50, &answers, &events);
    let n_at = |placement| all.offers.iter().filter(|one| one.placement == placement).count();
    assert_eq!((n_at(Placement::Home), n_at(Placement::Email)), (60, 50));
    let left_out = LeftOut { n_old: 130, ..LeftOut::default() };
    assert_eq!(all.left_out, [(Placement::Email, left_out)]);
}

#[test]
fn what_is_bought_a_week_later_or_shown_for_another_reason_is_no_outcome() {
    let events = [event(Impression, 1, Some("s"), &[]), event(Purchase, 1, Some("s"), &["a"])];
    let steps = |hours_ago: i64| -> Vec<Step> {
        let shown =
            PastEvent { at: Timestamp(NOW.0 - hours_ago * DAY_US / 24), ..events[0].clone() };
        let all = read(10, &[answer(1, hours_ago)], &[shown, events[1].clone()]);
        all.offers.iter().map(|shown| shown.step).collect()
    };
    assert_eq!(steps(24 * 7), [Step::Bought, Step::Seen, Step::Seen]);
    assert_eq!(steps(24 * 7 + 1), [Step::Seen; 3]);
    let personal = json!([{"item_id": "a", "score": 0.3, "relation": "complement",
                           "rung": "personal"}]);
    let all = read(10, &[of_offers(1, 1, "home", &personal)], &events);
    assert!(all.offers.is_empty());
}

#[test]
fn of_too_many_names_a_part_is_looked_at() {
    let mut seen = Seen { n_zeros: 2, ..Seen::default() };
    (1..=1_000).for_each(|at| seen.see(&event(Impression, at, None, &[])));
    assert!((150..350).contains(&seen.names.len()), "{}", seen.names.len());
    assert!(seen.names.iter().all(|name| name % 4 == 0));
}
