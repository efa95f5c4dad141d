//! Each learner, as the suite sees it.

use crate::conformance::{Anchor, Learner, List, Rules, conform};
use history::HistoryView;
use learn::ease::{self, EaseParams, EaseWeights};
use learn::gram::BasketWeights;
use learn::pairs::{self, PairParams, PairTables};
use learn::popularity::{self, Categories};
use learn::sparse_inverse::{self, SparseInverseParams, SparseWeights};
use learn::{Silent, columns, content, customers};
use snapshot::{Snapshot, SnapshotWriter};
use sparse::Csr;

fn counts_of(view: &HistoryView) -> Vec<u32> {
    let mut counts = vec![0; view.n_items()];
    view.baskets.items.indices.iter().for_each(|&item| counts[item as usize] += 1);
    counts
}

fn lists_of(rows: &Csr, scores: &[f32]) -> Vec<List> {
    let view = rows.view();
    let list = |row| view.row(row).iter().copied().zip(scores[view.range(row)].iter().copied());
    (0..view.n_rows()).map(|row| list(row).collect()).collect()
}

fn zipped((items, scores): (&[u32], &[f32])) -> List {
    items.iter().copied().zip(scores.iter().copied()).collect()
}

/// A list for each item of the snapshot.
fn of_items(snapshot: &Snapshot, list: impl Fn(u32) -> List) -> Vec<List> {
    (0..snapshot.n_items() as u32).map(list).collect()
}

pub(crate) struct Ease;

impl Learner for Ease {
    const RULES: Rules = Rules {
        name: "ease",
        anchor: Anchor::Item,
        is_ranked: false,
        is_same_for_any_threads: false,
    };
    type Table = (EaseWeights, usize);

    fn learn(view: &HistoryView, seed: u64) -> Self::Table {
        let items = ease::core_items(&counts_of(view), 100);
        let params = EaseParams { lambda: 4.0, half_life_days: Some(90.0), length_exponent: 0.5 };
        let n_items = view.n_items();
        (ease::learn(&view.baskets, items, n_items, &params, seed).unwrap(), n_items)
    }

    fn lists((table, n_items): &Self::Table) -> Vec<List> {
        let mut lists = vec![List::new(); *n_items];
        for (row, &item) in table.items.iter().enumerate() {
            let weights = table.items.iter().copied().zip(table.row(row).iter().copied());
            lists[item as usize] = weights.filter(|(_, weight)| *weight != 0.0).collect();
        }
        lists
    }

    fn write((table, n_items): &Self::Table, _: &HistoryView, writer: &mut SnapshotWriter) {
        table.write(*n_items, writer);
    }

    fn read(snapshot: &Snapshot) -> Vec<List> {
        of_items(snapshot, |item| match snapshot.ease_row(item) {
            Some(row) => {
                let weights = snapshot.ease_items().iter().copied().zip(row.iter().copied());
                weights.filter(|(_, weight)| *weight != 0.0).collect()
            }
            None => List::new(),
        })
    }
}

pub(crate) struct SparseInverse;

impl Learner for SparseInverse {
    const RULES: Rules = Rules {
        name: "sparse_inverse",
        anchor: Anchor::Item,
        is_ranked: false,
        is_same_for_any_threads: true,
    };
    type Table = SparseWeights;

    fn learn(view: &HistoryView, _seed: u64) -> SparseWeights {
        let ease = EaseParams { lambda: 4.0, half_life_days: Some(90.0), length_exponent: 0.5 };
        let fill = SparseInverseParams { neighbors: 8, per_item: 12, gram_per_item: 30 };
        let (baskets, n_items) = (&view.baskets, view.n_items());
        sparse_inverse::learn(baskets, n_items, &ease, &fill, 1_000, &Silent).unwrap()
    }

    fn lists(table: &SparseWeights) -> Vec<List> {
        lists_of(&table.rows, &table.weights)
    }

    fn write(table: &SparseWeights, _: &HistoryView, writer: &mut SnapshotWriter) {
        table.write(writer);
    }

    fn read(snapshot: &Snapshot) -> Vec<List> {
        of_items(snapshot, |item| zipped(snapshot.sparse_weights(item)))
    }
}

fn learn_pairs(view: &HistoryView) -> PairTables {
    let baskets_of = view.baskets.items.view().transpose(view.n_items());
    let weights = BasketWeights::new(&view.baskets, Some(60.0), 1_000);
    let params = PairParams { per_item: 12, ..PairParams::default() };
    pairs::learn(&view.baskets, &baskets_of, &weights, 30.0, &params)
}

pub(crate) struct Pairs;

impl Learner for Pairs {
    const RULES: Rules = Rules {
        name: "pairs",
        anchor: Anchor::Item,
        is_ranked: true,
        is_same_for_any_threads: true,
    };
    type Table = PairTables;

    fn learn(view: &HistoryView, _seed: u64) -> PairTables {
        learn_pairs(view)
    }

    fn lists(table: &PairTables) -> Vec<List> {
        let scores: Vec<f32> = table.stats.iter().map(|stats| stats.jaccard).collect();
        lists_of(&table.pairs, &scores)
    }

    fn write(table: &PairTables, _: &HistoryView, writer: &mut SnapshotWriter) {
        table.write(writer);
    }

    fn read(snapshot: &Snapshot) -> Vec<List> {
        of_items(snapshot, |item| {
            let (items, stats) = snapshot.pairs(item);
            for stats in stats {
                let told = [stats.lift, stats.g2, stats.wilson_low, stats.probability];
                assert!(told.iter().all(|value| value.is_finite() && *value >= 0.0), "{stats:?}");
            }
            items.iter().copied().zip(stats.iter().map(|stats| stats.jaccard)).collect()
        })
    }
}

pub(crate) struct Neighbors;

impl Learner for Neighbors {
    const RULES: Rules = Rules { name: "neighbors", ..Pairs::RULES };
    type Table = PairTables;

    fn learn(view: &HistoryView, _seed: u64) -> PairTables {
        learn_pairs(view)
    }

    fn lists(table: &PairTables) -> Vec<List> {
        lists_of(&table.neighbors, &table.neighbor_weights)
    }

    fn write(table: &PairTables, _: &HistoryView, writer: &mut SnapshotWriter) {
        table.write(writer);
    }

    fn read(snapshot: &Snapshot) -> Vec<List> {
        of_items(snapshot, |item| zipped(snapshot.neighbors(item)))
    }
}

pub(crate) struct Content;

impl Learner for Content {
    const RULES: Rules = Rules { name: "content", ..Pairs::RULES };
    type Table = content::ContentTables;

    fn learn(view: &HistoryView, _seed: u64) -> Self::Table {
        content::learn(view, &counts_of(view))
    }

    fn lists(table: &Self::Table) -> Vec<List> {
        lists_of(&table.neighbors, &table.likeness)
    }

    fn write(table: &Self::Table, _: &HistoryView, writer: &mut SnapshotWriter) {
        table.write(writer);
    }

    fn read(snapshot: &Snapshot) -> Vec<List> {
        of_items(snapshot, |item| zipped(snapshot.content(item)))
    }
}

pub(crate) struct Customers;

impl Learner for Customers {
    const RULES: Rules = Rules { name: "customers", anchor: Anchor::Customer, ..Pairs::RULES };
    type Table = customers::CustomerTable;

    fn learn(view: &HistoryView, _seed: u64) -> Self::Table {
        customers::learn(&view.baskets, view.n_customers as usize, Some(45.0))
    }

    fn lists(table: &Self::Table) -> Vec<List> {
        lists_of(&table.items, &table.weights)
    }

    fn write(table: &Self::Table, _: &HistoryView, writer: &mut SnapshotWriter) {
        table.write(writer);
    }

    fn read(snapshot: &Snapshot) -> Vec<List> {
        let customers = 0..snapshot.n_customers() as u32;
        customers.map(|customer| zipped(snapshot.customer_items(customer))).collect()
    }
}

pub(crate) struct Popularity;

impl Learner for Popularity {
    const RULES: Rules = Rules { name: "popularity", anchor: Anchor::Shop, ..Pairs::RULES };
    type Table = Vec<f32>;

    fn learn(view: &HistoryView, _seed: u64) -> Vec<f32> {
        popularity::trend(view, Some(30.0))
    }

    fn lists(trend: &Vec<f32>) -> Vec<List> {
        vec![popularity::ranking(trend).into_iter().map(|i| (i, trend[i as usize])).collect()]
    }

    fn write(trend: &Vec<f32>, _: &HistoryView, writer: &mut SnapshotWriter) {
        popularity::write(trend, writer);
    }

    fn read(snapshot: &Snapshot) -> Vec<List> {
        vec![snapshot.popular().iter().map(|&item| (item, snapshot.trend(item))).collect()]
    }
}

/// Popular items of each category; its trends are those of the shop.
pub(crate) struct CategoryPopularity;

impl Learner for CategoryPopularity {
    const RULES: Rules =
        Rules { name: "popularity of categories", anchor: Anchor::Category, ..Pairs::RULES };
    type Table = Categories;

    fn learn(view: &HistoryView, _seed: u64) -> Categories {
        popularity::categories(view, &popularity::trend(view, Some(30.0)))
    }

    fn lists(table: &Categories) -> Vec<List> {
        lists_of(&table.items, &table.trends)
    }

    fn write(table: &Categories, view: &HistoryView, writer: &mut SnapshotWriter) {
        columns::write(writer, view, table);
    }

    /// A snapshot keeps the order of a category; the scores are checked as learned.
    fn read(snapshot: &Snapshot) -> Vec<List> {
        let trends = CategoryPopularity::trends();
        let list = |category| -> List {
            let items = snapshot.category_popular(category).iter();
            items.map(|&item| (item, trends[item as usize])).collect()
        };
        (0..snapshot.n_categories() as u32).map(list).collect()
    }
}

impl CategoryPopularity {
    fn trends() -> Vec<f32> {
        popularity::trend(&crate::shop::checkerboard(600), Some(30.0))
    }
}

#[test]
fn sparse_inverse_conforms() {
    conform::<SparseInverse>();
}

#[test]
fn ease_conforms() {
    conform::<Ease>();
}

#[test]
fn pairs_conform() {
    conform::<Pairs>();
}

#[test]
fn neighbors_conform() {
    conform::<Neighbors>();
}

#[test]
fn content_conforms() {
    conform::<Content>();
}

#[test]
fn customers_conform() {
    conform::<Customers>();
}

#[test]
fn popularity_conforms() {
    conform::<Popularity>();
    conform::<CategoryPopularity>();
}
