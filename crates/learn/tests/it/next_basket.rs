//! Next baskets: as learners of the suite, and as a snapshot serves them.

use crate::conformance::{Anchor, Learner, List, Rules, conform};
use crate::shop::{self, checkerboard};
use events::Timestamp;
use events::time::DAY_US;
use history::{HistoryView, NO_CUSTOMER};
use learn::next_basket::served::{ServedNextBasket, ServedParams, learn};
use learn::{Params, Silent};
use score::next_basket::{
    Likely, NextBasket, OrderSince, Rebuy, ServeScratch, Tables, WeightedRows, Who,
};
use snapshot::{Snapshot, SnapshotWriter};

type Learned = Option<ServedNextBasket>;

fn lists_of(rows: WeightedRows<'_>) -> Vec<List> {
    let list = |row| {
        let (items, weights) = rows.row(row);
        items.iter().copied().zip(weights.iter().copied()).collect()
    };
    (0..rows.n_rows() as u32).map(list).collect()
}

fn read(snapshot: &Snapshot, rows: impl Fn(&Tables<'_>) -> Vec<List>) -> Vec<List> {
    let opened = NextBasket::open(snapshot).unwrap();
    opened.map_or(Vec::new(), |next_basket| rows(&next_basket.tables(snapshot)))
}

/// What is bought after an item.
struct Transitions;

impl Learner for Transitions {
    const RULES: Rules = Rules {
        name: "transitions",
        anchor: Anchor::Item,
        is_ranked: true,
        is_same_for_any_threads: true,
    };
    type Table = Learned;

    fn learn(view: &HistoryView, _seed: u64) -> Learned {
        learn(view, &ServedParams::default()).unwrap()
    }

    fn lists(table: &Learned) -> Vec<List> {
        table.as_ref().map_or(Vec::new(), |table| lists_of(table.tables.view().transitions))
    }

    fn write(table: &Learned, _: &HistoryView, writer: &mut SnapshotWriter) {
        table.iter().for_each(|table| table.write(writer));
    }

    fn read(snapshot: &Snapshot) -> Vec<List> {
        read(snapshot, |tables| lists_of(tables.transitions))
    }
}

/// Customers as vectors over what they bought.
struct Vectors;

impl Learner for Vectors {
    const RULES: Rules = Rules {
        name: "customer vectors",
        anchor: Anchor::Customer,
        is_ranked: false,
        ..Transitions::RULES
    };
    type Table = Learned;

    fn learn(view: &HistoryView, seed: u64) -> Learned {
        Transitions::learn(view, seed)
    }

    fn lists(table: &Learned) -> Vec<List> {
        table.as_ref().map_or(Vec::new(), |table| lists_of(table.tables.view().customers.vectors))
    }

    fn write(table: &Learned, view: &HistoryView, writer: &mut SnapshotWriter) {
        Transitions::write(table, view, writer);
    }

    fn read(snapshot: &Snapshot) -> Vec<List> {
        read(snapshot, |tables| lists_of(tables.customers.vectors))
    }
}

#[test]
fn transitions_and_customer_vectors_conform() {
    conform::<Transitions>();
    conform::<Vectors>();
}

fn snapshot_of(view: &HistoryView, params: Params) -> Snapshot {
    let learned = learn::learn(view, &params.check().unwrap(), &Silent).unwrap();
    Snapshot::from_writer(&learned.writer).unwrap()
}

fn likely(snapshot: &Snapshot, who: &Who<'_>) -> Vec<Likely> {
    let next_basket = NextBasket::open(snapshot).unwrap().expect("customers are known");
    next_basket.likely(snapshot, who, &mut ServeScratch::default()).to_vec()
}

#[test]
fn what_stands_ready_is_what_would_be_ranked_when_asked() {
    let view = checkerboard(600);
    let ready = snapshot_of(&view, Params::default());
    let next_basket = ServedParams { max_ready: 0, ..ServedParams::default() };
    let asked = snapshot_of(&view, Params { next_basket, ..Params::default() });
    let mut n_found = 0;
    for customer in 0..view.n_customers {
        let who = Who { customer: Some(customer), ..Who::default() };
        let found = likely(&ready, &who);
        assert_eq!(found, likely(&asked, &who), "customer {customer}");
        assert!(found.is_sorted_by(|a, b| a.score >= b.score && a.score > 0.0));
        n_found += found.len();
    }
    assert!(n_found > 100, "{n_found}");
    for nobody in [Who::default(), Who { customer: Some(view.n_customers), ..Who::default() }] {
        assert_eq!(likely(&ready, &nobody), []);
    }
}

/// Customer 0 buys item 0 every ten days, and once item 1; the others buy what they like.
fn rhythm() -> HistoryView {
    let mut baskets = Vec::new();
    for day in 0..60 {
        if day % 10 == 0 {
            baskets.push((if day == 20 { vec![0, 1] } else { vec![0] }, day, 0));
        }
        let other = 2 + (day as u32 * 7) % 10;
        baskets.push((vec![other], day, 1 + day as u32 % 5));
    }
    shop::view(12, 6, &baskets)
}

#[test]
fn habits_count_orders_and_days_and_a_live_order_counts_at_once() {
    let snapshot = snapshot_of(&rhythm(), Params::default());
    let at = |day: i64| Some(Timestamp(day * DAY_US));
    let rebuy = |who: &Who<'_>, item: u32| {
        likely(&snapshot, who).into_iter().find(|likely| likely.item == item)?.rebuy
    };
    let who = Who { customer: Some(0), now: at(59), ..Who::default() };
    let told = Rebuy { n_bought: 6, n_orders: 6, every_days: Some(10), last_days: Some(9) };
    assert_eq!(rebuy(&who, 0), Some(told));
    assert!(told.is_due());
    let once = Rebuy { n_bought: 1, n_orders: 6, every_days: None, last_days: Some(39) };
    assert_eq!(rebuy(&who, 1), Some(once));
    let since = [OrderSince { at: Timestamp(60 * DAY_US), items: vec![1, 7] }];
    let after = Who { customer: Some(0), since: &since, now: at(61), ..Who::default() };
    let twice = Rebuy { n_bought: 2, n_orders: 7, every_days: Some(40), last_days: Some(1) };
    assert_eq!(rebuy(&after, 1), Some(twice));
    assert_eq!(rebuy(&after, 7).map(|rebuy| rebuy.n_bought), Some(1));
    // A newcomer, of whom only the live order is known.
    let newcomer = Who { customer: None, since: &since, now: at(61), ..Who::default() };
    assert_eq!(rebuy(&newcomer, 7).map(|rebuy| rebuy.n_orders), Some(1));
    // An item that came after the snapshot.
    let unheard = [OrderSince { at: Timestamp(60 * DAY_US), items: vec![500] }];
    let who = Who { customer: Some(0), since: &unheard, now: at(61), ..Who::default() };
    assert_eq!(rebuy(&who, 500).map(|rebuy| rebuy.n_bought), Some(1));
}

#[test]
fn of_who_refused_nothing_is_learned_as_a_person() {
    let mut view = rhythm();
    let refuse = |view: &mut HistoryView, customer: u32| {
        let theirs = view.baskets.customers.iter_mut().filter(|of| **of == customer);
        theirs.for_each(|of| *of = NO_CUSTOMER);
    };
    refuse(&mut view, 0);
    let snapshot = snapshot_of(&view, Params::default());
    let next_basket = NextBasket::open(&snapshot).unwrap().expect("others are known");
    let who = |customer| Who { customer: Some(customer), ..Who::default() };
    assert_eq!(likely(&snapshot, &who(0)), []);
    assert_eq!(next_basket.rebuy(&snapshot, &who(0), 0), None);
    assert!(!likely(&snapshot, &who(1)).is_empty());
    let tables = next_basket.tables(&snapshot);
    assert_eq!(tables.baskets.sequences.of(0), Vec::<&[u32]>::new());
    assert_eq!(tables.customers.vectors.len_of(0), 0);
    (0..view.n_customers).for_each(|customer| refuse(&mut view, customer));
    assert!(NextBasket::open(&snapshot_of(&view, Params::default())).unwrap().is_none());
}

#[test]
fn an_order_of_nothing_that_is_known_is_no_basket() {
    let snapshot = snapshot_of(&rhythm(), Params::default());
    let at = Timestamp(60 * DAY_US);
    let since = [OrderSince { at, items: Vec::new() }];
    assert_eq!(likely(&snapshot, &Who { since: &since, ..Who::default() }), []);
    let who = Who { customer: Some(1), ..Who::default() };
    let items = |who: &Who<'_>| -> Vec<(u32, f32)> {
        likely(&snapshot, who).iter().map(|likely| (likely.item, likely.score)).collect()
    };
    assert_eq!(items(&Who { since: &since, ..who }), items(&who));
}

#[test]
fn without_customers_or_at_wish_there_are_no_next_baskets() {
    let mut guests = rhythm();
    guests.baskets.customers.fill(NO_CUSTOMER);
    let without = learn::Without::of(&["next_basket"]).unwrap();
    for (view, params) in [
        (guests, Params::default()),
        (rhythm(), Params { without, ..Params::default() }),
        (HistoryView::default(), Params::default()),
    ] {
        let snapshot = snapshot_of(&view, params);
        assert!(NextBasket::open(&snapshot).unwrap().is_none());
    }
}

#[test]
fn little_memory_makes_fewer_cases_then_none_then_no_next_baskets() {
    let view = checkerboard(6_000);
    let asked = |limit: u64| Params { memory_limit_bytes: limit, ..Params::default() };
    let full = learn::peak_bytes(&view, &asked(u64::MAX).check().unwrap());
    let (mut n_cases, mut max_baskets) = (usize::MAX, usize::MAX);
    for per_mille in (0..=1_000).rev().step_by(10) {
        let params = asked(full / 1_000 * per_mille).check().unwrap();
        let Ok(fitted) = learn::memory::fit(&view, &params) else { continue };
        let next = &fitted.next_basket;
        assert!(next.ranker.max_groups <= n_cases && next.max_baskets <= max_baskets);
        (n_cases, max_baskets) = (next.ranker.max_groups, next.max_baskets);
        assert!(learn::peak_bytes(&view, &fitted) <= params.memory_limit_bytes);
    }
    assert!(n_cases < ServedParams::default().ranker.max_groups, "{n_cases}");
}
