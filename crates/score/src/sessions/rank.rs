//! The ranked answer to "what next?": gathered candidates, ordered by trees or by the plain blend.

use super::gather::{Gatherer, KindWeights, N_FEATURES, Question, plain_score};
use super::horizon::Horizon;
use super::index::Step;
use crate::left_out::LeftOut;
use crate::trees::{RowBlocks, Trees};
use sparse::{Scored, TopK};

/// Which question a ranker is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// What comes next, things seen before included.
    Next,
    /// What comes next of what the visit has not seen.
    Discover,
}

impl Head {
    pub fn with_seen(self) -> bool {
        self == Head::Next
    }
}

/// What orders the candidates of one head.
#[derive(Clone, Copy, Debug)]
pub struct Ranker<'a> {
    pub head: Head,
    pub horizon: Horizon<'a>,
    pub kind_weights: &'a KindWeights,
    /// What `trees` were learned without.
    pub left_out: LeftOut,
    /// No trees: the plain blend.
    pub trees: &'a Trees,
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
    /// The `n` best items for a visit (last step last), best first; nothing for an empty visit.
    pub fn rank<'s>(
        &self,
        visit: &[Step],
        n: usize,
        scratch: &'s mut RankScratch,
        is_eligible: impl FnMut(u32) -> bool,
    ) -> &'s [Scored] {
        let RankScratch { gatherer, blocks, scores, top } = scratch;
        let Ranker { head, kind_weights, left_out, .. } = *self;
        let question = Question { visit, with_seen: head.with_seen(), kind_weights, left_out };
        let (items, features) = gatherer.gather(&self.horizon, &question, is_eligible);
        let rows = features.chunks_exact(N_FEATURES);
        top.reset(n);
        if self.trees.is_empty() {
            items.iter().zip(rows).for_each(|(&item, row)| top.push(item, plain_score(row)));
        } else {
            blocks.clear(N_FEATURES);
            rows.for_each(|row| blocks.push(row));
            self.trees.score_rows(blocks, scores);
            items.iter().zip(scores.iter()).for_each(|(&item, &score)| top.push(item, score));
        }
        top.sorted()
    }
}
