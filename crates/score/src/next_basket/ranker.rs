//! What orders the candidates: boosted trees over their features, or one published method.

use super::features::Scratch;
use super::features::{N_FEATURES, Rows, describe};
use super::overlay::Asked;
use super::published::{Method, list};
use super::tables::Tables;
use crate::trees::{RowBlocks, Trees};
use sparse::{Scored, TopK};

/// Chosen by `learn` on its validation customers.
#[derive(Clone, Debug, PartialEq)]
pub enum Ranker {
    /// Log-odds of being in the next basket.
    Trees(Trees),
    Published(Method),
}

impl Ranker {
    /// A score as a number above 0, its odds multiplied by `factor`. Of trees it is the probability
    /// that they tell; of a published method it falls from place to place.
    pub fn chance(&self, place: usize, score: f32, factor: f32) -> f32 {
        match self {
            Ranker::Trees(_) => 1.0 / (1.0 + (-score).exp() / factor),
            Ranker::Published(_) => factor / (1.0 + place as f32),
        }
    }
}

/// Working memory of [`rank`].
#[derive(Clone, Debug, Default)]
pub struct RankScratch {
    pub scratch: Scratch,
    rows: Rows,
    blocks: RowBlocks,
    scores: Vec<f32>,
}

/// The best `n` items for a customer's next basket, best first. Scores are log-odds from trees;
/// of a published method they only fall.
pub fn rank(
    tables: &Tables<'_>,
    ranker: &Ranker,
    asked: &Asked<'_>,
    n: usize,
    memory: &mut RankScratch,
) -> Vec<Scored> {
    let trees = match ranker {
        Ranker::Trees(trees) => trees,
        Ranker::Published(method) => {
            let items = list(*method, tables, asked, n, &mut memory.scratch);
            let falling = |(at, index)| Scored { index, score: -(at as f32) };
            return items.into_iter().enumerate().map(falling).collect();
        }
    };
    describe(tables, asked, &mut memory.scratch, &mut memory.rows);
    memory.blocks.clear(N_FEATURES);
    let rows = memory.rows.values.chunks_exact(N_FEATURES);
    rows.for_each(|row| memory.blocks.push(row));
    trees.score_rows(&memory.blocks, &mut memory.scores);
    let mut best = TopK::new(n);
    for (&item, &score) in memory.rows.items.iter().zip(&memory.scores) {
        best.push(item, score);
    }
    best.sorted().to_vec()
}
