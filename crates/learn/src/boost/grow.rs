//! Growing one tree, the best leaf first.

use super::bins::{BinnedRows, Cuts, NAN_BIN, PACK};
use super::histogram::{Limits, N_BINS, PACK_BINS, Slopes, Split, Total, accumulate, best_split};
use super::{BoostParams, RankingSet};
use rapidhash::v3::rapidhash_v3;
use rayon::prelude::*;
use score::Tree;

/// Leaves with fewer rows are summed by one thread: waking another costs more.
const PARALLEL_ROWS: usize = 2_000;

/// The groups that one tree learns from.
pub(super) struct Bag {
    /// Of every group; empty when all are in.
    is_in: Vec<bool>,
    rows: Vec<u32>,
    n_rows: usize,
}

impl Bag {
    pub(super) fn draw(set: &RankingSet<'_>, params: &BoostParams, round: usize) -> Bag {
        let n_rows = set.labels.len();
        if params.group_fraction >= 1.0 {
            return Bag { is_in: Vec::new(), rows: (0..n_rows as u32).collect(), n_rows };
        }
        let limit = (f64::from(params.group_fraction) * u64::MAX as f64) as u64;
        let groups = 0..set.group_ends.len() as u64;
        let is_in: Vec<bool> =
            groups.map(|group| draw_of(params.seed, round as u64, group) <= limit).collect();
        let mut rows = Vec::with_capacity(n_rows);
        let mut from = 0;
        for (&end, &is_in) in set.group_ends.iter().zip(&is_in) {
            if is_in {
                rows.extend(from..end);
            }
            from = end;
        }
        Bag { is_in, rows, n_rows }
    }

    pub(super) fn has(&self, group: usize) -> bool {
        self.is_in.get(group).copied().unwrap_or(true)
    }

    pub(super) fn is_all(&self) -> bool {
        self.rows.len() == self.n_rows
    }
}

/// A fixed draw for (seed, round, thing).
fn draw_of(seed: u64, round: u64, thing: u64) -> u64 {
    let mut bytes = [0_u8; 24];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&round.to_le_bytes());
    bytes[16..].copy_from_slice(&thing.to_le_bytes());
    rapidhash_v3(&bytes)
}

/// A leaf while the tree grows.
struct Leaf {
    /// Its place in the order of rows.
    rows: std::ops::Range<usize>,
    sum: u64,
    sums: Vec<u64>,
    split: Option<Split>,
    /// The node and side that lead here.
    parent: Option<(usize, usize)>,
}

/// A node as it was split.
struct Node {
    split: Split,
    children: [i32; 2],
}

/// Grows trees over the same rows; keeps its memory from tree to tree.
pub(super) struct Grower<'a> {
    binned: &'a BinnedRows,
    cuts: &'a Cuts,
    params: &'a BoostParams,
    order: Vec<u32>,
    spare: Vec<u32>,
    words: Vec<u64>,
    free_sums: Vec<Vec<u64>>,
}

impl<'a> Grower<'a> {
    pub(super) fn new(
        binned: &'a BinnedRows,
        cuts: &'a Cuts,
        params: &'a BoostParams,
    ) -> Grower<'a> {
        Grower {
            binned,
            cuts,
            params,
            order: Vec::new(),
            spare: Vec::new(),
            words: Vec::new(),
            free_sums: Vec::new(),
        }
    }

    /// Grows a tree and adds it to the scores; `None` when no split gains anything.
    pub(super) fn grow(
        &mut self,
        slopes: &Slopes,
        bag: &Bag,
        round: usize,
        scores: &mut [f64],
    ) -> Option<Tree> {
        let asked = self.draw_features(round);
        self.order.clear();
        self.order.extend_from_slice(&bag.rows);
        let mut leaves = vec![self.root(slopes, &asked)];
        let mut nodes: Vec<Node> = Vec::new();
        while leaves.len() < self.params.max_leaves {
            let gain_of = |leaf: &Leaf| leaf.split.map_or(0.0, |split| split.gain);
            // Of equals the first, so that the tree does not depend on anything else.
            let best = (0..leaves.len()).reduce(|best, at| {
                if gain_of(&leaves[at]) > gain_of(&leaves[best]) { at } else { best }
            })?;
            let Some(split) = leaves[best].split else { break };
            let leaf = leaves.swap_remove(best);
            if let Some((parent, side)) = leaf.parent {
                nodes[parent].children[side] = nodes.len() as i32;
            }
            nodes.push(Node { split, children: [0; 2] });
            let (left, right) = self.divide(leaf, &split, nodes.len() - 1, slopes, &asked);
            leaves.push(left);
            leaves.push(right);
        }
        if nodes.is_empty() {
            self.free_sums.extend(leaves.into_iter().map(|leaf| leaf.sums));
            return None;
        }
        let tree = self.finish(nodes, &leaves, slopes);
        self.add_to(scores, &tree, &leaves, bag);
        self.free_sums.extend(leaves.into_iter().map(|leaf| leaf.sums));
        Some(tree)
    }

    /// Which features this tree may ask: those that can tell rows apart, or a share of them.
    fn draw_features(&self, round: usize) -> Vec<bool> {
        let mut usable: Vec<(u64, usize)> = (0..self.cuts.of_feature.len())
            .filter(|&feature| !self.cuts.of_feature[feature].is_empty())
            .map(|feature| (draw_of(!self.params.seed, round as u64, feature as u64), feature))
            .collect();
        usable.sort_unstable();
        let share = f64::from(self.params.feature_fraction) * usable.len() as f64;
        let mut asked = vec![false; self.cuts.of_feature.len()];
        for &(_, feature) in usable.iter().take(share.ceil() as usize) {
            asked[feature] = true;
        }
        asked
    }

    fn limits(&self) -> Limits {
        Limits {
            l2: f64::from(self.params.l2),
            min_rows: self.params.min_rows_in_leaf as f64,
            min_h: 1e-6,
        }
    }

    fn new_sums(&mut self) -> Vec<u64> {
        let n_sums = self.binned.packs.len() * PACK_BINS;
        self.free_sums.pop().unwrap_or_else(|| vec![0; n_sums])
    }

    /// Brings the words of these rows into their order, for passes over every pack.
    fn collect_words(&mut self, rows: std::ops::Range<usize>, slopes: &Slopes) {
        let word_of = |&row: &u32| slopes.words[row as usize];
        self.words.clear();
        self.words.extend(self.order[rows].iter().map(word_of));
    }

    fn root(&mut self, slopes: &Slopes, asked: &[bool]) -> Leaf {
        let rows = 0..self.order.len();
        let mut sums = self.new_sums();
        self.collect_words(rows.clone(), slopes);
        let word = self.words.iter().fold(0_u64, |sum, &word| sum.wrapping_add(word));
        let total = Total { word, n_rows: rows.len() };
        let scan = self.scan(slopes, asked);
        let splits: Vec<Option<Split>> = sums
            .par_chunks_mut(PACK_BINS)
            .enumerate()
            .map(|(pack, sums)| {
                accumulate(self.binned, pack, &self.order, &self.words, sums);
                scan.best_of_pack(pack, sums, total)
            })
            .collect();
        Leaf { rows, sum: word, sums, split: best_of(splits), parent: None }
    }

    fn scan<'s>(&'s self, slopes: &'s Slopes, asked: &'s [bool]) -> Scan<'s> {
        Scan { cuts: self.cuts, slopes, asked, limits: self.limits() }
    }

    /// Moves rows to their sides, sums the smaller side and subtracts it from the parent.
    fn divide(
        &mut self,
        leaf: Leaf,
        split: &Split,
        node: usize,
        slopes: &Slopes,
        asked: &[bool],
    ) -> (Leaf, Leaf) {
        let middle = self.partition(leaf.rows.clone(), split);
        let sides = [leaf.rows.start..middle, middle..leaf.rows.end];
        let words = [split.left, leaf.sum.wrapping_sub(split.left)];
        let small = usize::from(sides[1].len() < sides[0].len());
        let mut small_sums = self.new_sums();
        let mut large_sums = leaf.sums;
        self.collect_words(sides[small].clone(), slopes);
        let total = |side: usize| Total { word: words[side], n_rows: sides[side].len() };
        let scan = self.scan(slopes, asked);
        let rows = &self.order[sides[small].clone()];
        let of_pack = |(pack, (small_sums, large_sums)): (usize, (&mut [u64], &mut [u64]))| {
            accumulate(self.binned, pack, rows, &self.words, small_sums);
            for (large, &small) in large_sums.iter_mut().zip(&*small_sums) {
                *large = large.wrapping_sub(small);
            }
            let of_small = scan.best_of_pack(pack, small_sums, total(small));
            (of_small, scan.best_of_pack(pack, large_sums, total(1 - small)))
        };
        let packs = small_sums.par_chunks_mut(PACK_BINS).zip(large_sums.par_chunks_mut(PACK_BINS));
        let (of_small, of_large): (Vec<_>, Vec<_>) = if rows.len() < PARALLEL_ROWS {
            let packs = small_sums.chunks_mut(PACK_BINS).zip(large_sums.chunks_mut(PACK_BINS));
            packs.enumerate().map(of_pack).unzip()
        } else {
            packs.enumerate().map(of_pack).unzip()
        };
        let leaf_of = |side: usize, sums, splits| Leaf {
            rows: sides[side].clone(),
            sum: words[side],
            sums,
            split: best_of(splits),
            parent: Some((node, side)),
        };
        let (of_small, of_large) =
            (leaf_of(small, small_sums, of_small), leaf_of(1 - small, large_sums, of_large));
        if small == 0 { (of_small, of_large) } else { (of_large, of_small) }
    }

    /// Stable: rows stay in rising order on both sides. Returns where the right side begins.
    fn partition(&mut self, rows: std::ops::Range<usize>, split: &Split) -> usize {
        let feature = split.feature as usize;
        self.spare.clear();
        let mut middle = rows.start;
        for at in rows.clone() {
            let row = self.order[at];
            if goes_left(self.binned.bin(feature, row), split) {
                self.order[middle] = row;
                middle += 1;
            } else {
                self.spare.push(row);
            }
        }
        self.order[middle..rows.end].copy_from_slice(&self.spare);
        middle
    }

    fn finish(&self, mut nodes: Vec<Node>, leaves: &[Leaf], slopes: &Slopes) -> Tree {
        let mut tree = Tree::default();
        for (at, leaf) in leaves.iter().enumerate() {
            if let Some((parent, side)) = leaf.parent {
                nodes[parent].children[side] = !(at as i32);
            }
            let (g, h) = slopes.sums(leaf.sum);
            let step = -g / (h + f64::from(self.params.l2)).max(f64::MIN_POSITIVE);
            tree.leaves.push((step * f64::from(self.params.learning_rate)) as f32);
        }
        for Node { split, children } in nodes {
            tree.features.push(split.feature as u16);
            tree.thresholds
                .push(self.cuts.of_feature[split.feature as usize][usize::from(split.bin)]);
            tree.nan_left.push(split.nan_left);
            tree.children.push(children);
        }
        tree
    }

    fn add_to(&self, scores: &mut [f64], tree: &Tree, leaves: &[Leaf], bag: &Bag) {
        for (leaf, &value) in leaves.iter().zip(&tree.leaves) {
            for &row in &self.order[leaf.rows.clone()] {
                scores[row as usize] += f64::from(value);
            }
        }
        if bag.is_all() {
            return;
        }
        let mut is_in = vec![false; self.binned.n_rows];
        bag.rows.iter().for_each(|&row| is_in[row as usize] = true);
        let others = scores.par_iter_mut().enumerate().with_min_len(4096);
        others.filter(|(row, _)| !is_in[*row]).for_each(|(row, score)| {
            *score += f64::from(self.walk(tree, row as u32));
        });
    }

    /// The leaf of a row by its bins.
    fn walk(&self, tree: &Tree, row: u32) -> f32 {
        let mut at = 0_i32;
        while at >= 0 {
            let node = at as usize;
            let feature = usize::from(tree.features[node]);
            let bin = usize::from(self.binned.bin(feature, row));
            let is_left = if bin == NAN_BIN {
                tree.nan_left[node]
            } else {
                // A bin's values are at most its own cut.
                self.cuts.of_feature[feature]
                    .get(bin)
                    .is_some_and(|&cut| cut <= tree.thresholds[node])
            };
            at = tree.children[node][usize::from(!is_left)];
        }
        tree.leaves[!at as usize]
    }
}

fn goes_left(bin: u8, split: &Split) -> bool {
    if usize::from(bin) == NAN_BIN { split.nan_left } else { bin <= split.bin }
}

/// Looks for splits in finished sums.
struct Scan<'a> {
    cuts: &'a Cuts,
    slopes: &'a Slopes,
    asked: &'a [bool],
    limits: Limits,
}

impl Scan<'_> {
    fn best_of_pack(&self, pack: usize, sums: &[u64], total: Total) -> Option<Split> {
        let features = pack * PACK..self.asked.len().min((pack + 1) * PACK);
        let splits = features.filter(|&feature| self.asked[feature]).map(|feature| {
            let sums = &sums[feature % PACK * N_BINS..][..N_BINS];
            let n_cuts = self.cuts.of_feature[feature].len();
            best_split(self.slopes, total, &self.limits, feature as u32, sums, n_cuts)
        });
        best_of(splits)
    }
}

/// The largest gain; of equals the first.
fn best_of(splits: impl IntoIterator<Item = Option<Split>>) -> Option<Split> {
    splits
        .into_iter()
        .flatten()
        .reduce(|best, next| if next.gain > best.gain { next } else { best })
}
