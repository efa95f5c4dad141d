//! The ranked answer to "what next?": gathered candidates, ordered by trees or by the plain blend.

use super::gather::{Gatherer, N_FEATURES, Question, plain_score};
use super::horizon::Horizon;
use crate::trees::{RowBlocks, Trees};
use sparse::{Scored, TopK};

/// What orders the candidates. No trees: the plain blend.
#[derive(Clone, Copy, Debug)]
pub struct Ranker<'a> {
    pub horizon: Horizon<'a>,
    pub trees: Option<&'a Trees>,
}

/// Reusable memory of one thread.
#[derive(Clone, Debug)]
pub struct RankScratch {
    gatherer: Gatherer,
    blocks: RowBlocks,
    scores: Vec<f32>,
    top: TopK,
}

impl Default for RankScratch {
    fn default() -> RankScratch {
        RankScratch {
            gatherer: Gatherer::default(),
            blocks: RowBlocks::default(),
            scores: Vec::new(),
            top: TopK::new(0),
        }
    }
}

impl Ranker<'_> {
    /// The `n` best items, best first; nothing for an empty visit.
    pub fn rank<'s>(
        &self,
        question: &Question<'_>,
        n: usize,
        scratch: &'s mut RankScratch,
        is_eligible: impl FnMut(u32) -> bool,
    ) -> &'s [Scored] {
        let RankScratch { gatherer, blocks, scores, top } = scratch;
        let (items, features) = gatherer.gather(&self.horizon, question, is_eligible);
        top.reset(n);
        match self.trees {
            Some(trees) => {
                blocks.clear(N_FEATURES);
                features.chunks_exact(N_FEATURES).for_each(|row| blocks.push(row));
                trees.score_rows(blocks, scores);
                items.iter().zip(scores.iter()).for_each(|(&item, &score)| top.push(item, score));
            }
            None => {
                for (&item, row) in items.iter().zip(features.chunks_exact(N_FEATURES)) {
                    top.push(item, plain_score(row));
                }
            }
        }
        top.sorted()
    }
}
