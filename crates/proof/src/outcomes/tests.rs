use super::*;
use events::Amount;
use events::event::EventLine;
use history::DecisionRecord;
use measure::assignment::UnitId;
use serde_json::json;

const NOW: Timestamp = Timestamp(1_780_000_000_000_000);
const CART: u8 = 3;

fn outcomes() -> Outcomes {
    Outcomes::new(vec![Learning { placement: CART, since: Timestamp(0) }], 7, NOW)
}

fn id(at: u32) -> String {
    format!("{at:023}")
}

/// An answer with three offers, `a` first.
fn answer(at: u32, unit: u64, is_incumbent: bool) -> DecisionRecord {
    let words = json!({"relation": "complement", "rung": "item"});
    let offer = |item_id: &str, score: f64| {
        let mut offer = words.clone();
        offer["item_id"] = item_id.into();
        offer["score"] = score.into();
        offer
    };
    let payload = json!({
        "asked": {"placement": "cart", "cart": [{"item_id": "x"}], "incumbent": is_incumbent},
        "outcomes": {"unit": unit},
        "offers": [offer("a", 0.3), offer("b", 0.2), offer("c", 0.1)],
    });
    record(at, &payload)
}

fn record(at: u32, payload: &serde_json::Value) -> DecisionRecord {
    DecisionRecord {
        recommendation_id: id(at),
        at: Timestamp(NOW.0 - 1_000_000),
        customer_idx: None,
        assignment: None,
        payload: payload.to_string().into_bytes(),
    }
}

fn event(kind: EventKind, at: u32, items: &[(&str, Option<&str>)]) -> PastEvent {
    let line = |(item_id, origin): &(&str, Option<&str>)| EventLine {
        item_id: (*item_id).to_owned(),
        quantity: Amount::ONE,
        unit_price: None,
        origin: origin.map(str::to_owned),
    };
    PastEvent {
        kind,
        at: NOW,
        customer_idx: None,
        session_id: Some("s".to_owned()),
        order_key: None,
        recommendation_id: (at != u32::MAX).then(|| id(at)),
        confirmed: true,
        lines: items.iter().map(line).collect(),
        received_at: None,
    }
}

/// Seen, responses and worth, by item in order of position.
fn sums(outcomes: &Outcomes) -> Vec<(f64, f64, f64)> {
    let mut cells: Vec<_> = outcomes.sums.iter().collect();
    cells.sort_by_key(|(cell, _)| cell.position);
    cells
        .iter()
        .map(|(_, s)| (s.n.round(), s.responses.round(), (s.worth * 10.0).round()))
        .collect()
}

#[test]
fn an_offer_counts_with_the_furthest_step_and_each_once() {
    use EventKind::{AddToCart, Purchase, RecommendationClick, RecommendationImpression};
    let mut outcomes = outcomes();
    outcomes.take(&answer(1, 5, false));
    assert!(sums(&outcomes).is_empty(), "nothing was seen yet");
    for _ in 0..3 {
        outcomes.hear(&event(RecommendationImpression, 1, &[]));
    }
    assert_eq!(sums(&outcomes), [(1.0, 0.0, 0.0); 3]);
    for _ in 0..2 {
        outcomes.hear(&event(RecommendationClick, 1, &[("b", None)]));
    }
    assert_eq!(sums(&outcomes)[1], (1.0, 1.0, 1.0));
    // No answer is named: the click tells which it was. What comes from elsewhere is none of it.
    outcomes.hear(&event(AddToCart, u32::MAX, &[("b", None), ("c", Some("search"))]));
    assert_eq!(sums(&outcomes)[1..], [(1.0, 1.0, 4.0), (1.0, 0.0, 0.0)]);
    let named = id(1);
    outcomes.hear(&event(Purchase, u32::MAX, &[("b", None), ("a", Some(named.as_str()))]));
    outcomes.hear(&event(RecommendationClick, 1, &[("b", None)]));
    assert_eq!(sums(&outcomes), [(1.0, 1.0, 10.0), (1.0, 1.0, 10.0), (1.0, 0.0, 0.0)]);
    assert!((outcomes.units.worth((CART, UnitId(5))) - 2.0).abs() < 1e-9);
    let unconfirmed = PastEvent { confirmed: false, ..event(Purchase, 1, &[("c", None)]) };
    outcomes.hear(&unconfirmed);
    assert_eq!(sums(&outcomes)[2], (1.0, 0.0, 0.0), "said by a browser alone");
}

#[test]
fn an_impression_that_names_items_is_of_those() {
    let mut outcomes = outcomes();
    outcomes.take(&answer(1, 5, false));
    outcomes.hear(&event(EventKind::RecommendationImpression, 1, &[("a", None), ("z", None)]));
    assert_eq!(sums(&outcomes), [(1.0, 0.0, 0.0)]);
}

#[test]
fn what_comes_before_its_record_waits_one_round() {
    let mut outcomes = outcomes();
    let click = event(EventKind::RecommendationClick, 1, &[("a", None)]);
    outcomes.hear(&click);
    outcomes.take(&answer(1, 5, false));
    outcomes.settle();
    assert_eq!(sums(&outcomes)[0], (1.0, 1.0, 1.0));
    outcomes.hear(&event(EventKind::RecommendationClick, 2, &[("a", None)]));
    outcomes.settle();
    outcomes.take(&answer(2, 6, false));
    outcomes.settle();
    assert_eq!(sums(&outcomes)[0], (1.0, 1.0, 1.0), "no longer than that");
}

#[test]
fn answers_that_nobody_saw_or_nobody_learns_from_are_left_out() {
    let payload = |more: serde_json::Value| {
        let mut payload: serde_json::Value =
            serde_json::from_slice(&answer(1, 5, false).payload).unwrap();
        for (name, value) in more.as_object().unwrap() {
            payload[name] = value.clone();
        }
        payload
    };
    for more in [
        json!({"variant": "holdout"}),
        json!({"withheld": true}),
        json!({"asked": {"placement": "home"}}),
        json!({"asked": {"placement": "nowhere"}}),
        json!({"offers": 3}),
    ] {
        let mut outcomes = outcomes();
        outcomes.take(&record(1, &payload(more.clone())));
        outcomes.hear(&event(EventKind::RecommendationImpression, 1, &[]));
        assert!(outcomes.sums.is_empty() && outcomes.units.n() == 0, "{more}");
    }
    let mut outcomes = outcomes();
    outcomes.take(&record(1, &payload(json!({"variant": "offers"}))));
    assert_eq!(outcomes.answers.len(), 1);
}

#[test]
fn scores_are_told_without_what_policies_and_outcomes_made_of_them() {
    let offer = json!({"item_id": "a", "score": 0.6, "relation": "complement", "rung": "item",
                       "policy": {"name": "p", "kind": "boost", "factor": 1.5}, "response": 2.0});
    let mut here = offer.clone();
    here["here"] = 0.5.into();
    let mut upgrade = offer.clone();
    upgrade["code"] = "upgrade".into();
    let mut pinned = offer.clone();
    pinned["policy"]["kind"] = "pin".into();
    let offers = json!([offer, upgrade, pinned, here]);
    let payload = json!({"asked": {"placement": "cart", "customer": 3}, "offers": offers});
    let record = record(1, &payload);
    let read = recorded::read(&record.payload).expect("a record");
    assert!((read.offers[0].score - 0.2).abs() < 1e-6);
    assert!((read.offers[3].score - 0.4).abs() < 1e-6, "sold there twice as seldom as all in all");
    // Scores of what was set apart are on another scale: nothing is learned of it.
    let is_ranked: Vec<bool> = read.offers.iter().map(|offer| offer.is_ranked).collect();
    assert_eq!(is_ranked, [true, false, false, true]);
    assert_eq!((read.context, read.unit, read.is_incumbent), (1, None, false));
}

#[test]
fn a_program_that_asks_without_end_counts_for_little() {
    let mut outcomes = outcomes();
    for at in 0..10_000 {
        outcomes.take(&answer(at, 5, false));
    }
    let max = units::MAX_OF_DAY as usize;
    assert_eq!(outcomes.answers.len(), max);
    let tomorrow = Timestamp(NOW.0 + DAY_US);
    outcomes.take(&DecisionRecord { at: tomorrow, ..answer(10_000, 5, false) });
    assert_eq!(outcomes.answers.len(), max + 1, "a customer who comes again for years");
}

#[test]
fn who_is_one_too_many_is_learned_from_and_not_compared() {
    let mut outcomes = Outcomes { units: Units::with_max(2), ..outcomes() };
    for at in 1..=4 {
        outcomes.take(&answer(at, u64::from(at), false));
        outcomes.hear(&event(EventKind::RecommendationClick, at, &[("a", None)]));
    }
    assert_eq!((outcomes.units.n(), sums(&outcomes)[0]), (2, (4.0, 4.0, 4.0)));
    // Those that were not seen for four weeks make room, and stay in the comparison.
    outcomes.forget(Timestamp(NOW.0 + 29 * DAY_US));
    assert_eq!((outcomes.units.n(), outcomes.units.versus(CART).n_learned), (0, 2));
    outcomes.take(&answer(5, 5, true));
    let versus = outcomes.units.versus(CART);
    assert_eq!((versus.n_learned, versus.n_incumbent), (2, 1));
}

#[test]
fn an_answer_of_nobody_is_learned_from_and_not_compared() {
    let offer = json!({"item_id": "a", "score": 0.6, "relation": "complement", "rung": "item"});
    let payload = json!({"asked": {"placement": "cart"}, "outcomes": {"version": 3},
                         "offers": [offer]});
    let mut outcomes = outcomes();
    outcomes.take(&record(1, &payload));
    outcomes.hear(&event(EventKind::RecommendationImpression, 1, &[]));
    assert_eq!((outcomes.units.n(), sums(&outcomes)), (0, vec![(1.0, 0.0, 0.0)]));
}

#[test]
fn what_stands_by_a_policy_or_a_declaration_is_left_out_of_what_is_learned() {
    let mut answer = answer(1, 5, false);
    let mut payload: serde_json::Value = serde_json::from_slice(&answer.payload).unwrap();
    payload["offers"][0]["policy"] =
        json!({"name": "p", "kind": "pin", "version": 1, "factor": 1.0});
    payload["offers"][1]["code"] = "declared".into();
    payload["offers"][2]["code"] = "bought_together".into();
    answer.payload = payload.to_string().into_bytes();
    let mut outcomes = outcomes();
    outcomes.take(&answer);
    outcomes.hear(&event(EventKind::RecommendationClick, 1, &[("a", None), ("b", None)]));
    let places: Vec<u8> = outcomes.sums.keys().map(|cell| cell.position).collect();
    assert_eq!(places, [2], "the third stands at its place");
    assert!((outcomes.units.worth((CART, UnitId(5))) - 0.2).abs() < 1e-9, "they are earned");
}

#[test]
fn where_impressions_name_items_a_click_says_nothing_of_the_others() {
    let mut outcomes = outcomes();
    outcomes.take(&answer(1, 5, false));
    outcomes.hear(&event(EventKind::RecommendationImpression, 1, &[("a", None)]));
    outcomes.hear(&event(EventKind::RecommendationClick, 1, &[("a", None)]));
    outcomes.hear(&event(EventKind::AddToCart, 1, &[("a", None)]));
    assert_eq!(sums(&outcomes), [(1.0, 1.0, 4.0)]);
    outcomes.hear(&event(EventKind::RecommendationImpression, 1, &[]));
    assert_eq!(sums(&outcomes).len(), 3, "told of the whole slate");
}

#[test]
fn of_clicks_the_last_before_the_purchase_counts_however_they_arrive() {
    let click = |at: u32, minutes: i64| PastEvent {
        at: Timestamp(NOW.0 + minutes * 60_000_000),
        ..event(EventKind::RecommendationClick, at, &[("a", None)])
    };
    let worth = |clicks: [PastEvent; 2], answer_id: u64| {
        let mut outcomes = outcomes();
        outcomes.take(&answer(1, 1, false));
        outcomes.take(&answer(2, 2, false));
        clicks.iter().for_each(|click| outcomes.hear(click));
        outcomes.hear(&event(EventKind::Purchase, u32::MAX, &[("a", None)]));
        outcomes.units.worth((CART, UnitId(answer_id)))
    };
    assert!((worth([click(2, -5), click(1, -9)], 2) - 1.0).abs() < 1e-9, "the older came later");
    assert!((worth([click(1, 5), click(1, 6)], 1) - 0.1).abs() < 1e-9, "bought before the click");
}

#[test]
fn what_is_old_weighs_less_whenever_it_was_read() {
    let read_at = |landmark: Timestamp| {
        let learning = vec![Learning { placement: CART, since: Timestamp(0) }];
        let mut outcomes = Outcomes::new(learning, 7, landmark);
        for (at, days) in [(1, 28), (2, 14), (3, 0)] {
            let at_us = NOW.0 - days * DAY_US;
            outcomes.take(&DecisionRecord { at: Timestamp(at_us), ..answer(at, 5, false) });
            outcomes.hear(&event(EventKind::RecommendationImpression, at, &[]));
        }
        outcomes.learned(NOW)[0].n_seen
    };
    let seen = read_at(NOW);
    assert!((seen - 3.0 * 1.75).abs() < 1e-6, "{seen}");
    assert!((read_at(Timestamp(NOW.0 - 60 * DAY_US)) - seen).abs() < 1e-6);
    let mut outcomes = outcomes();
    let at = Timestamp(NOW.0 - 8 * DAY_US);
    outcomes.take(&DecisionRecord { at, ..answer(1, 5, false) });
    outcomes.forget(NOW);
    outcomes.hear(&event(EventKind::RecommendationClick, 1, &[("a", None)]));
    assert!(outcomes.sums.is_empty(), "a week is over");
}

#[test]
fn who_earns_less_with_it_is_found_out_and_who_earns_as_much_is_not() {
    for (share_learned, is_harmful) in [(0.05, true), (0.15, false), (0.4, false)] {
        let mut outcomes = outcomes();
        let mut word = 11_u64;
        let mut chance = || {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (word >> 33) as f64 / (1_u64 << 31) as f64
        };
        for at in 0..8_000 {
            let is_incumbent = at % 5 == 0;
            outcomes.take(&answer(at, u64::from(at), is_incumbent));
            let share = if is_incumbent { 0.15 } else { share_learned };
            if chance() < share {
                outcomes.hear(&event(EventKind::RecommendationClick, at, &[("a", None)]));
            }
        }
        // One that buys without end does not hide what the others do.
        for at in 8_001..8_041 {
            outcomes.take(&answer(at, 9_999, false));
            outcomes.hear(&event(EventKind::Purchase, at, &[("a", None), ("b", None)]));
        }
        let versus = outcomes.units.versus(CART);
        assert_eq!((versus.n_learned, versus.n_incumbent), (6_401, 1_600));
        assert_eq!(versus.is_harmful(), is_harmful, "{share_learned}: {versus:?}");
    }
}

#[test]
fn who_reads_once_learns_how_far_each_offer_that_was_seen_came() {
    let learning = Learning { placement: CART, since: Timestamp(i64::MAX) };
    let mut outcomes = Outcomes::new(vec![learning], 7, NOW);
    for at in 1..=10 {
        let at_us = NOW.0 - i64::from(10 - at) * DAY_US;
        outcomes.take(&DecisionRecord { at: Timestamp(at_us), ..answer(at, 5, false) });
    }
    for at in 1..=9 {
        outcomes.hear(&event(EventKind::RecommendationImpression, at, &[]));
    }
    outcomes.hear(&event(EventKind::RecommendationClick, 2, &[("b", None)]));
    outcomes.hear(&event(EventKind::Purchase, 9, &[("c", None)]));
    let all = outcomes.all_shown();
    assert_eq!(all.item_ids, ["a".into(), "b".into(), "c".into()]);
    // Three offers an answer; the last answer was seen by nobody.
    assert_eq!(all.offers.len(), 27);
    let taken: Vec<&Shown> = all.offers.iter().filter(|shown| shown.step > Step::Seen).collect();
    assert_eq!((taken[0].item, taken[0].step, taken[0].position), (1, Step::Clicked, 1));
    assert_eq!((taken[1].item, taken[1].step, taken[1].score), (2, Step::Bought, 0.1));
    assert!((taken[0].age_days - 8.0).abs() < 1e-9 && (taken[1].age_days - 1.0).abs() < 1e-9);
    // The newest fifth of ten answers, of which the first was seen.
    let later = all.offers.iter().filter(|shown| shown.is_later).count();
    assert_eq!((later, taken[1].is_later, taken[0].is_later), (3, true, false));
    assert_eq!(outcomes.units.n(), 0, "nobody is compared");
}
