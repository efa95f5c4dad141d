//! Many rows at once: blocks of [`LANES`] rows against every node, without branches on data.

use super::{Node, Trees, range};

/// Rows of one block.
pub const LANES: usize = 32;

/// Rows to be scored, stored a block at a time, feature by feature. Reusable: clearing keeps its
/// memory, so a warm one allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct RowBlocks {
    n_features: usize,
    n_rows: usize,
    /// Block b: `values[b * n_features * LANES..]`, feature f at `f * LANES`, row at `row % LANES`.
    values: Vec<f32>,
}

impl RowBlocks {
    pub fn clear(&mut self, n_features: usize) {
        self.n_features = n_features;
        self.n_rows = 0;
        self.values.clear();
    }

    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Adds a row of `n_features` values.
    pub fn push(&mut self, row: &[f32]) {
        debug_assert_eq!(row.len(), self.n_features);
        let lane = self.n_rows % LANES;
        if lane == 0 {
            self.values.resize(self.values.len() + self.n_features * LANES, 0.0);
        }
        let block = self.n_rows / LANES * self.n_features * LANES;
        let lanes = self.values[block..].chunks_exact_mut(LANES);
        for (lanes, &value) in lanes.zip(row) {
            lanes[lane] = value;
        }
        self.n_rows += 1;
    }
}

/// The nodes of a tree as bit sets: first those that send NaN left, then the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fast {
    /// For each tree: its nodes end at `ends.1`, those that send NaN left at `ends.0`.
    ends: Vec<(u32, u32)>,
    tests: Vec<Test>,
    has_large_trees: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Test {
    /// Leaves that a row cannot end in when it goes right: those of the left subtree.
    ruled_out: u64,
    threshold: f32,
    feature: u16,
}

/// A bit set of leaves: 32 bits where all trees are that small, since twice as many fit a register.
trait Leaves: Copy {
    const ALL: Self;
    fn of(bits: u64) -> Self;
    fn rule_out(&mut self, goes_right: bool, ruled_out: Self);
    fn first(self) -> usize;
}

macro_rules! leaves_in {
    ($word:ty) => {
        impl Leaves for $word {
            const ALL: $word = <$word>::MAX;

            #[inline(always)]
            fn of(bits: u64) -> $word {
                bits as $word
            }

            #[inline(always)]
            fn rule_out(&mut self, goes_right: bool, ruled_out: $word) {
                *self &= !(<$word>::from(goes_right).wrapping_neg() & ruled_out);
            }

            #[inline(always)]
            fn first(self) -> usize {
                self.trailing_zeros() as usize
            }
        }
    };
}

leaves_in!(u32);
leaves_in!(u64);

impl Fast {
    /// `trees` in the order of the layout.
    pub(super) fn of(trees: &Trees) -> Fast {
        let mut fast = Fast::default();
        for tree in 0..trees.n_trees() {
            let nodes = &trees.nodes[range(&trees.node_starts, tree)];
            let n_leaves = range(&trees.leaf_starts, tree).len();
            fast.has_large_trees |= n_leaves > 32;
            for nan_left in [true, false] {
                let of_side = nodes.iter().filter(|node| node.nan_left == nan_left);
                fast.tests.extend(of_side.map(|node| test_of(nodes, node, n_leaves)));
                let end = fast.tests.len() as u32;
                if nan_left {
                    fast.ends.push((end, end));
                } else if let Some(ends) = fast.ends.last_mut() {
                    ends.1 = end;
                }
            }
        }
        fast
    }
}

fn test_of(nodes: &[Node], node: &Node, n_leaves: usize) -> Test {
    // The leaves of a left subtree run from its first to the one before the right subtree's first.
    let (first, end) =
        (first_leaf(nodes, node.children[0]), first_leaf(nodes, node.children[1]).min(n_leaves));
    let below = |leaf: usize| if leaf >= 64 { u64::MAX } else { (1_u64 << leaf) - 1 };
    Test { ruled_out: below(end) & !below(first), threshold: node.threshold, feature: node.feature }
}

fn first_leaf(nodes: &[Node], mut child: i32) -> usize {
    while child >= 0 {
        child = nodes[child as usize].children[0];
    }
    !child as usize
}

struct ScoreRows<'a> {
    trees: &'a Trees,
    rows: &'a RowBlocks,
    scores: &'a mut Vec<f32>,
}

impl pulp::NullaryFnOnce for ScoreRows<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let ScoreRows { trees, rows, scores } = self;
        for block in rows.values.chunks_exact(rows.n_features * LANES) {
            let sums = if trees.fast.has_large_trees {
                trees.score_block::<u64>(block)
            } else {
                trees.score_block::<u32>(block)
            };
            let n_left = rows.n_rows - scores.len();
            scores.extend(sums.iter().take(n_left).map(|&sum| sum as f32));
        }
    }
}

impl Trees {
    /// The score of each row, in order, into `scores`. The same numbers as [`Trees::score`].
    pub fn score_rows(&self, rows: &RowBlocks, scores: &mut Vec<f32>) {
        debug_assert!(rows.n_features == self.n_features || rows.n_rows == 0);
        scores.clear();
        if rows.n_features == 0 {
            let zeros = std::iter::repeat_n(self.score(&[]), rows.n_rows);
            return scores.extend(zeros);
        }
        // Asks what this processor can do; the loops below are compiled for each kind.
        pulp::Arch::new().dispatch(ScoreRows { trees: self, rows, scores });
    }

    #[inline(always)]
    fn score_block<L: Leaves>(&self, block: &[f32]) -> [f64; LANES] {
        let mut sums = [f64::from(self.base); LANES];
        let mut from = 0;
        for (tree, &(nan_left_end, end)) in self.fast.ends.iter().enumerate() {
            let mut sets = [L::ALL; LANES];
            let tests = &self.fast.tests;
            for test in &tests[from as usize..nan_left_end as usize] {
                apply(test, block, &mut sets, |value, threshold| value > threshold);
            }
            for test in &tests[nan_left_end as usize..end as usize] {
                apply(test, block, &mut sets, |value, threshold| !(value <= threshold));
            }
            from = end;
            let leaves = &self.leaves[range(&self.leaf_starts, tree)];
            for (sum, set) in sums.iter_mut().zip(sets) {
                *sum += f64::from(leaves[set.first()]);
            }
        }
        sums
    }
}

#[inline(always)]
fn apply<L: Leaves>(
    test: &Test,
    block: &[f32],
    sets: &mut [L; LANES],
    goes_right: impl Fn(f32, f32) -> bool,
) {
    let ruled_out = L::of(test.ruled_out);
    let values = &block[usize::from(test.feature) * LANES..][..LANES];
    for (set, &value) in sets.iter_mut().zip(values) {
        set.rule_out(goes_right(value, test.threshold), ruled_out);
    }
}
