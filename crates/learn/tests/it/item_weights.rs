//! Item weights by row mean what a table of the same weights means, to all who read them.

use crate::shop::{checkerboard, mix};
use history::HistoryView;
use learn::ease::EaseWeights;
use learn::sparse_inverse::SparseWeights;
use learn::{columns, customers, popularity, ranker};
use score::blend::Blend;
use score::ranker::RankScratch;
use score::ranker::features::{self, Row};
use score::ranker::recall::N_ORDERED;
use score::ranker::tables::RankTables;
use score::sources::{Candidate, Query, Scratch, rank};
use snapshot::{Provenance, Snapshot, SnapshotWriter};
use sparse::Csr;

/// Every item gives something to every other, so that no list has to be filled with what got none.
fn table_of(view: &HistoryView) -> EaseWeights {
    let n_items = view.n_items() as u32;
    let weight = |cell: u32| {
        let (row, column) = (cell / n_items, cell % n_items);
        if row == column { 0.0 } else { 1e-3 + (mix(row, column) % 1_000) as f32 / 1_000.0 }
    };
    let weights = (0..n_items * n_items).map(weight).collect();
    EaseWeights { items: (0..n_items).collect(), weights, residual: 0.0 }
}

fn rows_of(table: &EaseWeights) -> SparseWeights {
    let (mut rows, mut weights) = (Csr::default(), Vec::new());
    for row in 0..table.items.len() {
        let kept = table.row(row).iter().enumerate().filter(|(_, weight)| **weight != 0.0);
        let (items, values): (Vec<u32>, Vec<f32>) = kept.map(|(at, w)| (at as u32, *w)).unzip();
        rows.push_row(&items);
        weights.extend(values);
    }
    SparseWeights { rows, weights, residual: 0.0, n_cut: 0 }
}

fn snapshot_of(view: &HistoryView, write: impl FnOnce(&mut SnapshotWriter)) -> Snapshot {
    let mut writer = SnapshotWriter::new(&Provenance::default());
    let trend = popularity::trend(view, None);
    columns::write(&mut writer, view, &popularity::categories(view, &trend));
    let mut n_baskets_of = vec![0_u32; view.n_items()];
    view.baskets.items.indices.iter().for_each(|&item| n_baskets_of[item as usize] += 1);
    writer.add(snapshot::tables::names::N_BASKETS, &n_baskets_of);
    popularity::write(&trend, &mut writer);
    customers::learn(&view.baskets, view.n_customers as usize, None).write(&mut writer);
    ranker::facts::write(view, 0.5, &mut writer);
    write(&mut writer);
    Snapshot::from_writer(&writer).unwrap()
}

/// What is recalled of a question, with the rows that the trees see.
fn asked(
    snapshot: &Snapshot,
    query: &Query<'_>,
    scratch: &mut RankScratch,
) -> (Vec<u32>, Vec<Row>) {
    let tables = RankTables::open(snapshot).unwrap().unwrap();
    let is_eligible = |item: u32| !query.context.contains(&item);
    let mut gathered = Scratch::default();
    let ranking = rank(snapshot, &Blend::default(), query, &mut gathered, is_eligible);
    let ordered: Vec<Candidate> = ranking.take(N_ORDERED).collect();
    scratch.recalled.collect(snapshot, &tables, query, &ordered, is_eligible);
    let RankScratch { recalled, features, rows, .. } = scratch;
    features::fill(snapshot, &tables, query, recalled, features, rows);
    (recalled.items().to_vec(), rows.clone())
}

#[test]
fn candidates_and_features_are_those_of_the_table() {
    let view = checkerboard(600);
    let table = table_of(&view);
    let by_table = snapshot_of(&view, |writer| table.write(view.n_items(), writer));
    let by_row = snapshot_of(&view, |writer| rows_of(&table).write(writer));
    assert!(by_row.has_sparse_weights() && !by_table.has_sparse_weights());
    // One scratch for both: what one leaves behind must not show in the other.
    let mut scratch = RankScratch::default();
    let (mut n_rows, mut n_tastes) = (0, 0);
    for customer in 0..8_u32 {
        let (items, weights) = by_table.customer_items(customer);
        let history: Vec<(u32, f32)> = items.iter().copied().zip(weights.iter().copied()).collect();
        for history in [&history[..], &[]] {
            let context: Vec<u32> = (0..customer).map(|at| (at * 7 + customer) % 40).collect();
            let query = Query { context: &context, history, customer: Some(customer) };
            let (items, rows) = asked(&by_table, &query, &mut scratch);
            let (sparse_items, sparse_rows) = asked(&by_row, &query, &mut scratch);
            assert_eq!(items, sparse_items, "customer {customer}");
            for (row, sparse_row) in rows.iter().zip(&sparse_rows) {
                for (at, (a, b)) in row.iter().zip(sparse_row).enumerate() {
                    let is_same = (a - b).abs() < 1e-5 || (a.is_nan() && b.is_nan());
                    assert!(is_same, "{}: {a} and {b}", features::FEATURES[at]);
                }
            }
            n_rows += rows.len();
            let taste = features::Feature::Taste as usize;
            n_tastes += rows.iter().filter(|row| row[taste] > 0.0).count();
        }
    }
    assert!(n_rows > 300 && n_tastes > 100, "{n_rows} rows, {n_tastes} tastes");
}
