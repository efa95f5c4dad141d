use super::*;

const POPULAR: u8 = 7;

/// A fixed walk of numbers below a limit.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % limit
    }
}

/// Ten items of equal sales, shown `n` times each at every one of three places; of those at the
/// first `clicks(item)` of a thousand are clicked, of the others half and a third as many.
fn shown(seed: u64, n: u64, clicks: impl Fn(u32) -> u64) -> Vec<Seen> {
    let mut chance = Chance(seed);
    let mut cells = Vec::new();
    for item in 0..10_u32 {
        for position in 0..3_u8 {
            let likely = clicks(item) / (u64::from(position) + 1);
            let hits = (0..n).filter(|_| chance.below(1_000) < likely).count() as f64;
            cells.push(Seen {
                rung: POPULAR,
                item,
                position,
                n: n as f64,
                score: 0.02 * n as f64,
                responses: hits,
                worth: 0.1 * hits,
                worth2: 0.01 * hits,
                ..Seen::default()
            });
        }
    }
    cells
}

fn home(n: u64, clicks: impl Fn(u32) -> u64 + Copy) -> CameOf {
    CameOf {
        placement: "home".into(),
        earlier: shown(1, 4 * n, clicks),
        later: shown(2, n, clicks),
    }
}

/// Item 3 is taken three times as often as it sells, item 4 a third as often.
fn uneven(item: u32) -> u64 {
    match item {
        3 => 180,
        4 => 20,
        _ => 60,
    }
}

#[test]
fn what_is_taken_here_more_than_it_sells_has_a_ratio_of_its_own() {
    let learned = learn(&[home(400, uneven)]);
    let tables = &learned.tables;
    assert_eq!(tables.names, ["home".into()]);
    let items = tables.ratios.view();
    let ratio = |item: u32| {
        let at = items.row(0).iter().position(|&other| other == item).expect("known");
        f64::from(tables.ratio_values[at])
    };
    // The mean of all is 1.1 times what the eight have: (8 · 60 + 180 + 20) / (10 · 60) = 68 / 60.
    // What is rarely taken is drawn towards the others the most, for there is least of it.
    for (item, truth, within) in
        [(3, 180.0 / 68.0, 0.15), (4, 20.0 / 68.0, 0.4), (0, 60.0 / 68.0, 0.15)]
    {
        assert!((ratio(item) / truth - 1.0).abs() < within, "{item}: {} {truth}", ratio(item));
    }
    let (name, note) = &learned.notes[0];
    assert_eq!(name, "placement.home");
    assert!(note.starts_with("60000 offers seen, 10 items have a factor"), "{note}");
}

/// By chance alone one placement of twenty may pass, and what it learns is near 1.
#[test]
fn what_is_taken_as_it_sells_makes_no_table() {
    let mut n_published = 0;
    for seed in 0..100 {
        let came_of = CameOf {
            placement: "home".into(),
            earlier: shown(10 + seed, 100, |_| 60),
            later: shown(500 + seed, 50, |_| 60),
        };
        n_published += usize::from(!learn(&[came_of]).tables.names.is_empty());
    }
    assert!(n_published <= 10, "{n_published} of 100");
}

#[test]
fn where_little_or_nothing_was_shown_nothing_is_told() {
    assert_eq!(learn(&[]), LearnedPlacements::default());
    let nothing = CameOf { placement: "home".into(), ..CameOf::default() };
    assert_eq!(learn(&[nothing]), LearnedPlacements::default());
    let few = learn(&[home(5, uneven)]);
    assert!(few.tables.names.is_empty() && few.notes.len() == 1, "{:?}", few.notes);
    let never_taken = learn(&[home(400, |_| 0)]);
    assert!(never_taken.tables.names.is_empty());
}

/// Worked by hand: two items of equal sales and one place, of which one is taken.
#[test]
fn the_gain_is_that_worked_by_hand() {
    let cell = |item, responses: f64| Seen {
        item,
        n: 1_000.0,
        score: 20.0,
        responses,
        worth: responses,
        worth2: responses,
        ..Seen::default()
    };
    let kind = |item| Kind { relation: 0, item, context: None };
    let fit = Fit {
        factors: [(kind(None), 1.0), (kind(Some(0)), 1.5), (kind(Some(1)), 0.5)].into(),
        positions: vec![1.0],
        ..Fit::default()
    };
    let found = gain(&fit, &[cell(0, 30.0), cell(1, 10.0)]);
    // The mean ratio is 1: T = 30 ln 1.5 + 10 ln .5.
    let (up, down) = (1.5_f64.ln(), 0.5_f64.ln());
    let sum = 30.0 * up + 10.0 * down;
    let error = (30.0 * up * up + 10.0 * down * down - sum * sum / 40.0).sqrt() / 40.0;
    assert!((found.mean - sum / 40.0).abs() < 1e-12 && (found.error - error).abs() < 1e-12);
    assert_eq!(found.n_responses, 40.0);
    assert!(found.is_clear(), "1.74 errors: {found:?}");
    assert!(!gain(&fit, &[cell(0, 12.0), cell(1, 4.0)]).is_clear(), "1.1 errors");
    assert_eq!(gain(&fit, &[]), Gain::default());
}

#[test]
fn without_it_or_without_events_a_snapshot_is_the_same_to_the_bit() {
    use crate::{Params, Silent};
    let view = history::HistoryView::default();
    let learned = || crate::learn(&view, &Params::default().check().unwrap(), &Silent).unwrap();
    let plain = learned().writer.to_bytes();
    let with = |came_of: &[CameOf], without: &[&str]| {
        let mut learned = learned();
        add(&mut learned, came_of, &Without::of(without).unwrap());
        learned.writer.to_bytes()
    };
    let came_of = [home(400, uneven)];
    assert_eq!(with(&[], &[]), plain);
    assert_eq!(with(&came_of, &["placement_popularity"]), plain);
    assert_eq!(with(&came_of, &["trend"]), plain, "there is nothing to correct");
    assert_ne!(with(&came_of, &[]), plain);
}
