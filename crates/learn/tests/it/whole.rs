//! Learning as a whole: tuning, tables, provenance, snapshot.

use crate::conformance::{Learner, check_alike, check_lists, check_worlds, with_threads};
use crate::learners::{CategoryPopularity, Content, Customers, Ease, Neighbors, Pairs, Popularity};
use crate::shop::{checkerboard, quick};
use history::HistoryView;
use learn::{CheckedParams, Learned, Params, Silent};
use snapshot::{Snapshot, SnapshotDir};

pub(crate) fn learned(view: &HistoryView, params: &CheckedParams) -> Learned {
    learn::learn(view, params, &Silent).unwrap()
}

pub(crate) fn snapshot_of(view: &HistoryView, params: &CheckedParams) -> Snapshot {
    Snapshot::from_writer(&learned(view, params).writer).unwrap()
}

/// Every list of every table keeps the rules.
pub(crate) fn check_tables(view: &HistoryView, snapshot: &Snapshot) {
    check_lists(&Ease::RULES, view, &Ease::read(snapshot));
    check_lists(&Pairs::RULES, view, &Pairs::read(snapshot));
    check_lists(&Neighbors::RULES, view, &Neighbors::read(snapshot));
    check_lists(&Content::RULES, view, &Content::read(snapshot));
    check_lists(&Customers::RULES, view, &Customers::read(snapshot));
    check_lists(&Popularity::RULES, view, &Popularity::read(snapshot));
    assert_eq!(snapshot.n_items(), view.n_items());
    assert_eq!(snapshot.provenance().n_baskets, view.baskets.len() as u64);
    assert!(snapshot.blend().iter().all(|weight| weight.is_finite() && *weight >= 0.0));
    for item in 0..snapshot.n_items() as u32 {
        assert_eq!(snapshot.item_idx(snapshot.item_id(item)), Some(item));
        assert!(snapshot.trend(item).is_finite() && snapshot.trend(item) >= 0.0);
    }
}

#[test]
fn the_worlds_of_a_checkerboard_stay_apart_in_every_table_tuned_or_not() {
    for n_baskets in [600, 1_600] {
        let view = checkerboard(n_baskets);
        let snapshot = snapshot_of(&view, &quick());
        let tuning = &snapshot.provenance().parameters["tuning"];
        assert_eq!(tuning.starts_with("inner split"), n_baskets > 1_000, "{tuning}");
        check_tables(&view, &snapshot);
        check_worlds(&Ease::RULES, &Ease::read(&snapshot));
        check_worlds(&Pairs::RULES, &Pairs::read(&snapshot));
        check_worlds(&Neighbors::RULES, &Neighbors::read(&snapshot));
        check_worlds(&Content::RULES, &Content::read(&snapshot));
        check_worlds(&Customers::RULES, &Customers::read(&snapshot));
        assert_eq!(snapshot.n_categories(), 2);
        check_worlds(&CategoryPopularity::RULES, &CategoryPopularity::read(&snapshot));
    }
}

#[test]
fn the_same_input_seed_and_threads_give_the_same_bytes() {
    let view = checkerboard(1_600);
    let run = || learned(&view, &quick()).writer.to_bytes();
    assert!(with_threads(4, run) == with_threads(4, run), "4 threads, twice");
    assert!(with_threads(1, run) == with_threads(1, run), "1 thread, twice");
}

#[test]
fn integers_are_the_same_for_any_number_of_threads_and_all_bytes_without_a_solve() {
    let view = checkerboard(1_600);
    let without = Params { ease_max_items: 0, ..Params::default() }.check().unwrap();
    let run = |params: &CheckedParams, n| with_threads(n, || learned(&view, params).writer);
    assert!(run(&without, 1).to_bytes() == run(&without, 4).to_bytes(), "without EASE");
    let [one, four] = [1, 4].map(|n| Snapshot::from_writer(&run(&quick(), n)).unwrap());
    check_alike("ease", &Ease::read(&one), &Ease::read(&four));
    assert_eq!(Pairs::read(&one), Pairs::read(&four));
    for item in 0..one.n_items() as u32 {
        assert_eq!(one.pairs(item), four.pairs(item));
        assert_eq!(one.neighbors(item), four.neighbors(item));
        assert_eq!(one.content(item), four.content(item));
        assert_eq!(one.n_item_baskets(item), four.n_item_baskets(item));
    }
    assert_eq!(Customers::read(&one), Customers::read(&four));
    assert_eq!(Popularity::read(&one), Popularity::read(&four));
}

#[test]
fn another_seed_asks_other_cases() {
    let view = checkerboard(1_600);
    let of_seed = |seed| Params { seed, ..Params::default() }.check().unwrap();
    let note = |seed| {
        let learned = learned(&view, &of_seed(seed));
        assert_eq!(learned.provenance.seed, seed);
        learned.provenance.parameters["ease.tuning"].clone()
    };
    assert_ne!(note(1), note(2));
}

#[test]
fn what_is_published_is_what_was_learned() {
    let view = checkerboard(600);
    let learned = learned(&view, &quick());
    let dir = tempfile::tempdir().unwrap();
    let snapshots = SnapshotDir::new(dir.path());
    let entry = snapshots.publish(&learned.writer, "20260101T000000Z").unwrap();
    let opened = snapshots.open_current().unwrap();
    assert_eq!(opened.provenance(), &learned.provenance);
    assert!(std::fs::read(entry.path).unwrap() == learned.writer.to_bytes());
    assert_eq!(opened.provenance().n_items, 48);
    assert_eq!(opened.provenance().data_from.as_deref(), Some("1970-01-01T00:00:00Z"));
    check_tables(&view, &opened);
}
