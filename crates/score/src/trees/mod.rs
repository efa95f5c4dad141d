//! Boosted regression trees in one flat layout, for scoring live and in training alike.
//!
//! ```text
//! score(x) = base + Σ_t leaf_t(x)          leaf_t: the leaf of tree t that x falls into
//! ```
//!
//! At an inner node `x` goes left when `x[feature] <= threshold`, a NaN by the node's own learned
//! side. Nodes of a tree stand in preorder (a left inner child follows its parent), its leaves from
//! left to right; so a tree is checked by one walk, which meets every node and leaf exactly once in
//! that order: no index out of range, no cycle, nothing unreachable.
//!
//! One row walks down each tree. Many rows are scored a block at a time by the method of Lucchese
//! et al. 2015 (QuickScorer): every node whose test fails rules out the leaves of its left subtree,
//! one AND on a bit set of leaves; the exit leaf is the lowest bit that is left. There is no branch
//! on data, and the loop over the rows of a block is vectorised.

mod batch;
mod build;

pub use batch::{LANES, RowBlocks};
pub use build::Tree;

use crate::error::Error;

/// Leaves of one tree at the most: they are bits of one word.
pub const MAX_LEAVES: usize = 64;
/// Features at the most: an index and the side of NaN share 16 bits.
pub const MAX_FEATURES: usize = 1 << 15;

const MAGIC: u32 = 0x4254_0001;
const HEADER_WORDS: usize = 6;
const NAN_LEFT: u16 = 1 << 15;

/// A checked set of trees. Empty by default: every row scores 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trees {
    n_features: usize,
    base: f32,
    /// Inner nodes of tree t: `node_starts[t]..node_starts[t + 1]`; likewise its leaves.
    node_starts: Vec<u32>,
    leaf_starts: Vec<u32>,
    nodes: Vec<Node>,
    leaves: Vec<f32>,
    fast: batch::Fast,
}

/// An inner node. Children ≥ 0 are inner nodes of the same tree, those below are leaves as `!leaf`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Node {
    feature: u16,
    nan_left: bool,
    threshold: f32,
    children: [i32; 2],
}

impl Node {
    #[inline]
    fn goes_right(&self, value: f32) -> bool {
        // NaN makes every comparison false.
        if self.nan_left { value > self.threshold } else { !(value <= self.threshold) }
    }
}

impl Trees {
    /// Trees as a trainer grew them, brought into the order of the layout.
    pub fn new(n_features: usize, base: f32, trees: &[Tree]) -> Result<Trees, Error> {
        build::of_trees(n_features, base, trees)
    }

    pub fn n_features(&self) -> usize {
        self.n_features
    }

    pub fn n_trees(&self) -> usize {
        self.node_starts.len().saturating_sub(1)
    }

    pub fn is_empty(&self) -> bool {
        self.n_trees() == 0
    }

    /// The score of one row of `n_features` values.
    pub fn score(&self, row: &[f32]) -> f32 {
        debug_assert_eq!(row.len(), self.n_features);
        let mut sum = f64::from(self.base);
        for tree in 0..self.n_trees() {
            sum += f64::from(self.leaf_of(tree, row));
        }
        sum as f32
    }

    fn leaf_of(&self, tree: usize, row: &[f32]) -> f32 {
        let nodes = &self.nodes[range(&self.node_starts, tree)];
        let leaves = &self.leaves[range(&self.leaf_starts, tree)];
        let mut at = if nodes.is_empty() { !0 } else { 0 };
        // Ends: an inner child stands after its parent.
        while at >= 0 {
            let node = &nodes[at as usize];
            at = node.children[usize::from(node.goes_right(row[usize::from(node.feature)]))];
        }
        leaves[!at as usize]
    }

    /// How often each feature decides, for a report.
    pub fn n_splits_of_features(&self) -> Vec<u32> {
        let mut counts = vec![0; self.n_features];
        self.nodes.iter().for_each(|node| counts[usize::from(node.feature)] += 1);
        counts
    }

    /// As 32-bit words (floats by their bits), for a section of a snapshot; see `docs/formats.md`.
    pub fn to_words(&self) -> Vec<u32> {
        let mut words = vec![
            MAGIC,
            self.n_features as u32,
            self.n_trees() as u32,
            self.nodes.len() as u32,
            self.leaves.len() as u32,
            self.base.to_bits(),
        ];
        for tree in 0..self.n_trees() {
            words.push(range(&self.leaf_starts, tree).len() as u32);
        }
        for node in &self.nodes {
            let side = if node.nan_left { NAN_LEFT } else { 0 };
            words.push(u32::from(node.feature | side));
            words.push(node.threshold.to_bits());
            words.extend(node.children.map(|child| child as u32));
        }
        words.extend(self.leaves.iter().map(|leaf| leaf.to_bits()));
        words
    }

    /// Reads what [`Trees::to_words`] wrote. No words at all are no trees.
    pub fn from_words(words: &[u32]) -> Result<Trees, Error> {
        if words.is_empty() {
            return Ok(Trees::default());
        }
        build::of_words(words)
    }
}

fn range(starts: &[u32], tree: usize) -> std::ops::Range<usize> {
    starts[tree] as usize..starts[tree + 1] as usize
}

#[cfg(test)]
mod tests;
