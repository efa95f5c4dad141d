//! The suite that every learner passes.

use crate::shop;
use history::HistoryView;
use snapshot::{Provenance, Snapshot, SnapshotWriter};
use std::collections::BTreeSet;
use std::fmt::Debug;

/// Items with scores: what a learner has to say about one anchor.
pub(crate) type List = Vec<(u32, f32)>;

/// What a list belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Anchor {
    Item,
    Customer,
    Category,
    /// One list for all.
    Shop,
}

/// What a learner promises of its lists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) name: &'static str,
    pub(crate) anchor: Anchor,
    /// Best first, ties by the smaller index.
    pub(crate) is_ranked: bool,
    /// The same bytes for any number of threads; else the same items, scores within 1e-5.
    pub(crate) is_same_for_any_threads: bool,
}

pub(crate) trait Learner {
    const RULES: Rules;
    type Table: PartialEq + Debug + Send;

    fn learn(view: &HistoryView, seed: u64) -> Self::Table;
    /// The lists as learned.
    fn lists(table: &Self::Table) -> Vec<List>;
    fn write(table: &Self::Table, view: &HistoryView, writer: &mut SnapshotWriter);
    /// The lists as a reader of the snapshot finds them.
    fn read(snapshot: &Snapshot) -> Vec<List>;
}

pub(crate) fn conform<L: Learner>() {
    let view = shop::checkerboard(600);
    let table = L::learn(&view, 42);
    let lists = L::lists(&table);
    check_lists(&L::RULES, &view, &lists);
    check_worlds(&L::RULES, &lists);
    check_repetition::<L>(&view, &table);
    check_threads::<L>(&view);
    check_round_trip::<L>(&view, &table, &lists);
    check_empty::<L>();
}

/// Indices exist, nothing twice, nothing is recommended to itself, all finite, best first.
pub(crate) fn check_lists(rules: &Rules, view: &HistoryView, lists: &[List]) {
    let n_lists = match rules.anchor {
        Anchor::Item => view.n_items(),
        Anchor::Customer => view.n_customers as usize,
        Anchor::Category => lists.len(),
        Anchor::Shop => 1,
    };
    assert_eq!(lists.len(), n_lists, "{}: lists", rules.name);
    for (anchor, list) in lists.iter().enumerate() {
        let at = format!("{}, list {anchor}: {list:?}", rules.name);
        let items: BTreeSet<u32> = list.iter().map(|(item, _)| *item).collect();
        assert_eq!(items.len(), list.len(), "twice in {at}");
        assert!(items.iter().all(|&item| (item as usize) < view.n_items()), "unknown in {at}");
        assert!(list.iter().all(|(_, score)| score.is_finite()), "not finite in {at}");
        let is_of_item = rules.anchor == Anchor::Item;
        assert!(!(is_of_item && items.contains(&(anchor as u32))), "itself in {at}");
        let falls = |a: &(u32, f32), b: &(u32, f32)| a.1 > b.1 || (a.1 == b.1 && a.0 < b.0);
        assert!(!rules.is_ranked || list.is_sorted_by(falls), "not best first in {at}");
    }
}

/// On the checkerboard: no list leaves its world, and there are lists enough to say so.
pub(crate) fn check_worlds(rules: &Rules, lists: &[List]) {
    let n_entries: usize = lists.iter().map(Vec::len).sum();
    assert!(n_entries >= 40, "{}: only {n_entries} entries", rules.name);
    if rules.anchor == Anchor::Shop {
        return;
    }
    for (anchor, list) in lists.iter().enumerate() {
        let crosses = |(item, _): &&(u32, f32)| *item as usize % 2 != anchor % 2;
        let crossing = list.iter().find(crosses);
        assert_eq!(crossing, None, "{}: list {anchor} leaves its world", rules.name);
    }
}

fn check_repetition<L: Learner>(view: &HistoryView, table: &L::Table) {
    assert_eq!(&L::learn(view, 42), table, "{}: learned twice", L::RULES.name);
}

fn check_threads<L: Learner>(view: &HistoryView) {
    let bytes = |table: &L::Table| written::<L>(table, view).to_bytes();
    let one = with_threads(1, || L::learn(view, 42));
    let four = with_threads(4, || L::learn(view, 42));
    let again = with_threads(4, || L::learn(view, 42));
    let name = L::RULES.name;
    assert!(bytes(&four) == bytes(&again), "{name}: 4 threads, twice");
    if L::RULES.is_same_for_any_threads {
        assert!(bytes(&one) == bytes(&four), "{name}: 1 thread and 4");
    } else {
        check_alike(name, &L::lists(&one), &L::lists(&four));
    }
}

/// The same items in the same order, scores within 1e-5.
pub(crate) fn check_alike(name: &str, one: &[List], other: &[List]) {
    let items = |lists: &[List]| -> Vec<Vec<u32>> {
        lists.iter().map(|list| list.iter().map(|(item, _)| *item).collect()).collect()
    };
    assert_eq!(items(one), items(other), "{name}: items");
    let pairs = one.iter().flatten().zip(other.iter().flatten());
    let gap = pairs.map(|(a, b)| (a.1 - b.1).abs()).fold(0.0, f32::max);
    assert!(gap <= 1e-5, "{name}: scores differ by {gap}");
}

pub(crate) fn with_threads<T: Send>(n_threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap().install(work)
}

/// The catalogue's columns, which every snapshot has, and the learner's table.
fn written<L: Learner>(table: &L::Table, view: &HistoryView) -> SnapshotWriter {
    let mut writer = SnapshotWriter::new(&Provenance::default());
    if L::RULES.anchor != Anchor::Category {
        learn::columns::write(
            &mut writer,
            view,
            &learn::popularity::Categories {
                of_item: vec![u32::MAX; view.n_items()],
                ..Default::default()
            },
        );
    }
    writer.add(snapshot::tables::names::N_BASKETS, &vec![0_u32; view.n_items()]);
    if L::RULES.anchor != Anchor::Shop {
        writer.add(snapshot::tables::names::TREND, &vec![0.0_f32; view.n_items()]);
    }
    L::write(table, view, &mut writer);
    writer
}

fn check_round_trip<L: Learner>(view: &HistoryView, table: &L::Table, lists: &[List]) {
    let snapshot = Snapshot::from_writer(&written::<L>(table, view)).unwrap();
    assert_eq!(L::read(&snapshot), lists, "{}: not what was written", L::RULES.name);
}

/// Nothing in, nothing out, and a valid snapshot all the same.
fn check_empty<L: Learner>() {
    let view = HistoryView::default();
    let table = L::learn(&view, 42);
    assert!(L::lists(&table).iter().all(Vec::is_empty), "{}: from nothing", L::RULES.name);
    let snapshot = Snapshot::from_writer(&written::<L>(&table, &view)).unwrap();
    assert!(L::read(&snapshot).iter().all(Vec::is_empty), "{}: from nothing", L::RULES.name);
}
