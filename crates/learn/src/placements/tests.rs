use super::*;
use measure::appeal::Place;

/// A fixed walk of numbers below a limit.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % limit
    }
}

/// Ten items of equal sales, shown `n` times each at every one of three places; of those at the
/// first `clicks(item)` of a thousand are clicked, of the others half and a third as many, each by
/// a visit of its own.
fn shown(seed: u64, n: u64, clicks: impl Fn(u32) -> u64) -> (Vec<Cell>, Vec<Taken>) {
    let mut chance = Chance(seed);
    let (mut cells, mut taken) = (Vec::new(), Vec::new());
    for item in 0..10_u32 {
        for position in 0..3_u8 {
            let place = Place { list: 1, position };
            let likely = clicks(item) / (u64::from(position) + 1);
            let hits = (0..n).filter(|_| chance.below(1_000) < likely).count();
            for _ in 0..hits {
                taken.push(Taken { place, item, unit: taken.len() as u64, worth: 0.1 });
            }
            let hits = hits as f64;
            cells.push(Cell {
                place,
                item,
                n: n as f64,
                score: 0.02 * n as f64,
                responses: hits,
                worth: 0.1 * hits,
                worth2: 0.01 * hits,
            });
        }
    }
    (cells, taken)
}

fn came_of(name: &str, n: u64, clicks: impl Fn(u32) -> u64 + Copy) -> CameOf {
    let (later, later_taken) = shown(2, n, clicks);
    let earlier = shown(1, 4 * n, clicks).0;
    CameOf { name: name.into(), earlier, later, later_taken, ..CameOf::default() }
}

fn home(n: u64, clicks: impl Fn(u32) -> u64 + Copy) -> CameOf {
    came_of("home:popular", n, clicks)
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
    assert_eq!(tables.names, ["home:popular".into()]);
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
    assert_eq!(name, "placement.home:popular");
    assert!(note.starts_with("60000 offers seen, 10 items have a factor"), "{note}");
}

/// One item alone at each place: it is the place that is clicked, or the item. Nobody can tell.
#[test]
fn where_the_order_never_changes_nothing_is_learned_and_the_note_says_why() {
    let mut fixed = home(400, uneven);
    let is_own = |place: &Place, item: u32| u32::from(place.position) == item;
    for cells in [&mut fixed.earlier, &mut fixed.later] {
        cells.retain(|cell| is_own(&cell.place, cell.item));
    }
    fixed.later_taken.retain(|taken| is_own(&taken.place, taken.item));
    let learned = learn(&[fixed]);
    assert!(learned.tables.names.is_empty());
    let note = &learned.notes[0].1;
    assert!(note.contains("nothing learned") && note.contains("`explore`"), "{note}");
}

/// Two pages of one placement, whose visitors click in very different measure: all items of one
/// page at one place have the same sales and are clicked alike, so there is nothing to learn.
#[test]
fn what_one_list_does_more_than_another_is_no_merit_of_its_items() {
    let lists = |seed: u64, n: u64| {
        let (mut cells, mut taken) = shown(seed, n, |item| if item < 5 { 150 } else { 30 });
        let list = |item: u32| 1 + u64::from(item / 5);
        cells.iter_mut().for_each(|cell| cell.place.list = list(cell.item));
        taken.iter_mut().for_each(|taken| taken.place.list = list(taken.item));
        (cells, taken)
    };
    let n_published = (0..100).filter(|seed| {
        let (later, later_taken) = lists(500 + seed, 100);
        let earlier = lists(10 + seed, 400).0;
        let one = CameOf { earlier, later, later_taken, ..CameOf::default() };
        !learn(&[one]).tables.names.is_empty()
    });
    assert!(n_published.count() <= 5);
}

/// Of twenty placements at which all is taken as it sells, one passes a test of its own.
#[test]
fn many_placements_are_asked_and_one_answer_in_twenty_is_wrong() {
    let n_published = (0..40_u64).map(|round| {
        let one = |at: u64| {
            let (later, later_taken) = shown(9_000 + 20 * round + at, 50, |_| 60);
            let earlier = shown(100 + 20 * round + at, 100, |_| 60).0;
            CameOf { earlier, later, later_taken, ..CameOf::default() }
        };
        let all: Vec<CameOf> = (0..20).map(one).collect();
        usize::from(!learn(&all).tables.names.is_empty())
    });
    let n_published: usize = n_published.sum();
    assert!(n_published <= 5, "{n_published} of 40");
}

#[test]
fn where_little_or_nothing_was_shown_nothing_is_told() {
    assert_eq!(learn(&[]), LearnedPlacements::default());
    let nothing = CameOf { name: "home:popular".into(), ..CameOf::default() };
    assert_eq!(learn(std::slice::from_ref(&nothing)), LearnedPlacements::default());
    let few = learn(&[home(5, uneven)]);
    assert!(few.tables.names.is_empty() && few.notes.len() == 1, "{:?}", few.notes);
    let never_taken = learn(&[home(400, |_| 0)]);
    assert!(never_taken.tables.names.is_empty());
    let left_out = CameOf { left_out: vec!["3 of a".into(), "2 of b".into()], ..nothing };
    let told = ("placement.home:popular.left_out".to_owned(), "3 of a; 2 of b".to_owned());
    assert_eq!(learn(&[left_out]).notes, [told]);
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
