//! Snapshots made by hand.

use snapshot::tables::{NO_AMOUNT, NONE, PairStats, names, write_ids};
use snapshot::{Provenance, Rows, Snapshot, SnapshotWriter, StringTable};
use sparse::Csr;

/// The tables that ranking reads, as lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    /// Jaccard index by anchor.
    pub(crate) pairs: Vec<Vec<(u32, f32)>>,
    pub(crate) neighbors: Vec<Vec<(u32, f32)>>,
    /// Items with weights, and the weights row by row.
    pub(crate) ease_items: Vec<u32>,
    pub(crate) ease: Vec<Vec<f32>>,
    /// Are the same weights written by row?
    pub(crate) by_row: bool,
    pub(crate) trend: Vec<f32>,
    pub(crate) titles: Vec<&'static str>,
}

fn csr<V: Copy>(rows: &[Vec<(u32, V)>], n: usize) -> (Csr, Vec<V>) {
    let row = |at: usize| rows.get(at).cloned().unwrap_or_default();
    let rows: Vec<Vec<(u32, V)>> = (0..n).map(row).collect();
    let items = rows.iter().map(|row| row.iter().map(|entry| entry.0).collect::<Vec<_>>());
    (items.collect(), rows.iter().flatten().map(|entry| entry.1).collect())
}

pub(crate) fn snapshot(tables: &Tables, n_items: usize) -> Snapshot {
    let mut writer = SnapshotWriter::new(&Provenance::default());
    let item_ids: Vec<String> = (0..n_items).map(|item| format!("i{item}")).collect();
    write_ids(&mut writer, item_ids.iter().map(String::as_str));
    let title = |item: usize| tables.titles.get(item).copied().unwrap_or_default();
    StringTable::write(&mut writer, names::TITLES, (0..n_items).map(title));
    StringTable::write(&mut writer, names::IMAGES, (0..n_items).map(|_| ""));
    writer.add(names::KINDS, &vec![0_u8; n_items]);
    writer.add(names::FLAGS, &vec![0_u8; n_items]);
    for name in [names::PRICES, names::COSTS, names::STOCKS] {
        writer.add(name, &vec![NO_AMOUNT; n_items]);
    }
    writer.add(names::CURRENCIES, &vec![*b"GBP\0"; n_items]);
    writer.add(names::VARIANT_OF, &vec![NONE; n_items]);
    writer.add(names::CATEGORY_OF, &vec![NONE; n_items]);
    writer.add(names::N_BASKETS, &vec![1_u32; n_items]);
    let trend = |item: usize| tables.trend.get(item).copied().unwrap_or_default();
    writer.add(names::TREND, &(0..n_items).map(trend).collect::<Vec<_>>());
    let (rows, jaccards) = csr(&tables.pairs, n_items);
    let stats = |jaccard| PairStats { n_both: 3, lift: 2.0, jaccard, ..PairStats::default() };
    let stats: Vec<PairStats> = jaccards.into_iter().map(stats).collect();
    Rows::write(&mut writer, names::PAIRS, &rows, &stats);
    let (rows, weights) = csr(&tables.neighbors, n_items);
    Rows::write(&mut writer, names::NEIGHBORS, &rows, &weights);
    write_item_weights(&mut writer, tables, n_items);
    write_words(&mut writer, tables);
    Snapshot::from_writer(&writer).unwrap()
}

fn write_item_weights(writer: &mut SnapshotWriter, tables: &Tables, n_items: usize) {
    if tables.by_row {
        let mut rows: Vec<Vec<(u32, f32)>> = vec![Vec::new(); n_items];
        for (&item, weights) in tables.ease_items.iter().zip(&tables.ease) {
            let row = tables.ease_items.iter().copied().zip(weights.iter().copied());
            rows[item as usize] = row.filter(|(_, weight)| *weight != 0.0).collect();
        }
        let (rows, weights) = csr(&rows, n_items);
        Rows::write(writer, names::SPARSE_INVERSE, &rows, &weights);
        return;
    }
    let row_of = |item: usize| {
        let row = tables.ease_items.iter().position(|&other| other as usize == item);
        row.map_or(NONE, |row| row as u32)
    };
    writer.add(names::EASE_ROW_OF_ITEM, &(0..n_items).map(row_of).collect::<Vec<_>>());
    writer.add(names::EASE_ITEM_OF_ROW, &tables.ease_items);
    writer.add(names::EASE_WEIGHTS, &tables.ease.concat());
}

/// Every word weighs the same.
fn write_words(writer: &mut SnapshotWriter, tables: &Tables) {
    let mut words: std::collections::BTreeMap<String, Vec<(u32, f32)>> = Default::default();
    for (item, title) in tables.titles.iter().enumerate() {
        for word in score::text::tokens(title) {
            words.entry(word).or_default().push((item as u32, 1.0));
        }
    }
    StringTable::write(writer, names::TOKENS, words.keys().map(String::as_str));
    let rows: Vec<Vec<(u32, f32)>> = words.into_values().collect();
    let (rows, weights) = csr(&rows, rows.len());
    Rows::write(writer, names::POSTINGS, &rows, &weights);
}
