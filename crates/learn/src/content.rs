//! Words of titles and categories: an inverted index with BM25 weights, and from it the items that
//! are alike.
//!
//! ```text
//! weight(t, i) = idf(t) · f (k1 + 1) / (f + k1 (1 − b + b |i| / mean |i|))
//! idf(t)       = ln(1 + (n − n_t + 0.5) / (n_t + 0.5))
//! ```
//!
//! Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009,
//! section 3; k1 = 1.2, b = 0.75 are its customary values. Likeness of two items is the sum of
//! weights over shared words. Only items without sales get neighbors: for the others sales speak.

use history::HistoryView;
use rayon::prelude::*;
use score::text::tokens;
use snapshot::tables::names;
use snapshot::{Rows, SnapshotWriter, StringTable};
use sparse::{Accumulator, Csr, Scored, TopK};
use std::collections::BTreeMap;

const K1: f64 = 1.2;
const B: f64 = 0.75;
/// Neighbors kept for an item without sales.
const N_NEIGHBORS: usize = 32;
/// A word in more items than this tells none of them apart; it is searched, but makes no neighbors.
const MAX_ITEMS_OF_WORD: usize = 5_000;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContentTables {
    /// Sorted.
    pub words: Vec<String>,
    pub postings: Csr,
    pub weights: Vec<f32>,
    pub neighbors: Csr,
    pub likeness: Vec<f32>,
}

impl ContentTables {
    pub fn write(&self, writer: &mut SnapshotWriter) {
        StringTable::write(writer, names::TOKENS, self.words.iter().map(String::as_str));
        Rows::write(writer, names::POSTINGS, &self.postings, &self.weights);
        Rows::write(writer, names::CONTENT, &self.neighbors, &self.likeness);
    }
}

pub fn learn(view: &HistoryView, n_baskets_of: &[u32]) -> ContentTables {
    let mut words: BTreeMap<String, Vec<(u32, u32)>> = BTreeMap::new();
    let mut lengths = vec![0_u32; view.n_items()];
    for (item, entry) in view.items.iter().enumerate() {
        let title = entry.title.as_deref().unwrap_or_default();
        let category = entry.category.as_deref().unwrap_or_default();
        for word in tokens(title).chain(tokens(category)) {
            lengths[item] += 1;
            let postings = words.entry(word).or_default();
            match postings.last_mut() {
                Some((last, count)) if *last == item as u32 => *count += 1,
                _ => postings.push((item as u32, 1)),
            }
        }
    }
    let mut tables = weigh(words, &lengths);
    add_neighbors(&mut tables, view.n_items(), n_baskets_of);
    tables
}

fn weigh(words: BTreeMap<String, Vec<(u32, u32)>>, lengths: &[u32]) -> ContentTables {
    let n_items = lengths.len() as f64;
    let n_words: u64 = lengths.iter().map(|&length| u64::from(length)).sum();
    let mean_length = (n_words as f64 / n_items.max(1.0)).max(1.0);
    let mut tables = ContentTables::default();
    for (word, postings) in words {
        let n_with = postings.len() as f64;
        let idf = (1.0 + (n_items - n_with + 0.5) / (n_with + 0.5)).ln();
        let mut weighted: Vec<Scored> = postings
            .into_iter()
            .map(|(item, count)| {
                let count = f64::from(count);
                let length = f64::from(lengths[item as usize]) / mean_length;
                let weight = idf * count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length));
                Scored { index: item, score: weight as f32 }
            })
            .collect();
        weighted.sort_by(Scored::best_first);
        let items: Vec<u32> = weighted.iter().map(|scored| scored.index).collect();
        tables.postings.push_row(&items);
        tables.weights.extend(weighted.iter().map(|scored| scored.score));
        tables.words.push(word);
    }
    tables
}

fn add_neighbors(tables: &mut ContentTables, n_items: usize, n_baskets_of: &[u32]) {
    let postings = tables.postings.view();
    let words_of = postings.transpose(n_items);
    let rows: Vec<Vec<Scored>> = (0..n_items)
        .into_par_iter()
        .map_init(
            || (Accumulator::new(n_items), TopK::new(N_NEIGHBORS)),
            |(sums, top), item| {
                if n_baskets_of[item] > 0 {
                    return Vec::new();
                }
                for &word in words_of.view().row(item) {
                    let range = postings.range(word as usize);
                    if range.len() > MAX_ITEMS_OF_WORD {
                        continue;
                    }
                    for at in range {
                        sums.add(tables.postings.indices[at], tables.weights[at]);
                    }
                }
                top.reset(N_NEIGHBORS);
                sums.drain(|other, sum| {
                    if other as usize != item {
                        top.push(other, sum);
                    }
                });
                top.sorted().to_vec()
            },
        )
        .collect();
    for row in rows {
        let items: Vec<u32> = row.iter().map(|scored| scored.index).collect();
        tables.neighbors.push_row(&items);
        tables.likeness.extend(row.iter().map(|scored| scored.score));
    }
}
