//! The methods to beat, in their textbook form on the binary basket × item matrix of training.
//!
//! Each gives a score to every training item; the protocol does the rest. `n` are counts, `N`
//! baskets, `c` items of the context.

use crate::cases::Split;
use crate::error::Error;
use learn::ease::{self, EaseParams, EaseWeights};
use learn::pair_counts;
use learn::sparse_inverse::{self, SparseInverseParams, SparseWeights};
use measure::PairTable;
use sparse::{Csr, CsrView};

/// Scores of all items for one context.
pub trait Scorer: Sync {
    /// Overwrites `scores`, one entry an item. `context` holds distinct items.
    fn score(&self, context: &[u32], scores: &mut [f64]);
}

/// How a pair score is made of counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairScore {
    /// P(j | i) = n_ij / n_i
    Confidence,
    /// n_ij N / (n_i n_j)
    Lift,
    /// n_ij / (n_i + n_j − n_ij)
    Jaccard,
    /// n_ij / √(n_i n_j)
    Cosine,
    /// G², 0 where the pair is seen less often than chance.
    Llr,
}

/// Symmetric pair counts of the training baskets.
pub struct PairModel {
    counts: Vec<u64>,
    pairs: Csr,
    n_both: Vec<u32>,
    n_baskets: u64,
}

impl PairModel {
    pub fn fit(train: CsrView<'_>, n_items: usize) -> PairModel {
        let upper = pair_counts::count(train, n_items);
        let mut counts = vec![0_u64; n_items];
        train.indices().iter().for_each(|&item| counts[item as usize] += 1);
        let (pairs, n_both) = both_triangles(&upper, n_items);
        PairModel { counts, pairs, n_both, n_baskets: train.n_rows() as u64 }
    }

    fn value(&self, score: PairScore, i: usize, j: usize, n_both: u32) -> f64 {
        let (n, n_i, n_j) = (f64::from(n_both), self.counts[i] as f64, self.counts[j] as f64);
        match score {
            PairScore::Confidence => n / n_i,
            PairScore::Lift => n * self.n_baskets as f64 / (n_i * n_j),
            PairScore::Jaccard => n / (n_i + n_j - n),
            PairScore::Cosine => n / (n_i * n_j).sqrt(),
            PairScore::Llr => {
                PairTable::new(u64::from(n_both), self.counts[i], self.counts[j], self.n_baskets)
                    .llr()
            }
        }
    }
}

/// Rows that hold each pair from both sides.
fn both_triangles(upper: &pair_counts::PairCounts, n_items: usize) -> (Csr, Vec<u32>) {
    let mut offsets = vec![0_u64; n_items + 1];
    for (i, pairs) in upper.rows() {
        for (j, _) in pairs {
            offsets[i + 1] += 1;
            offsets[j as usize + 1] += 1;
        }
    }
    for i in 0..n_items {
        offsets[i + 1] += offsets[i];
    }
    let n_entries = offsets[n_items] as usize;
    let mut next = offsets.clone();
    let (mut indices, mut counts) = (vec![0_u32; n_entries], vec![0_u32; n_entries]);
    let mut put = |row: usize, column: u32, count: u32| {
        let at = next[row] as usize;
        (indices[at], counts[at]) = (column, count);
        next[row] += 1;
    };
    for (i, pairs) in upper.rows() {
        for (j, count) in pairs {
            put(i, j, count);
            put(j as usize, i as u32, count);
        }
    }
    (Csr { offsets, indices }, counts)
}

/// A pair score summed over the context, or the largest.
pub struct PairScorer<'a> {
    pub model: &'a PairModel,
    pub score: PairScore,
    pub is_max: bool,
}

impl Scorer for PairScorer<'_> {
    fn score(&self, context: &[u32], scores: &mut [f64]) {
        scores.fill(0.0);
        let pairs = self.model.pairs.view();
        for &i in context {
            for at in pairs.range(i as usize) {
                let j = self.model.pairs.indices[at] as usize;
                let value = self.model.value(self.score, i as usize, j, self.model.n_both[at]);
                if self.is_max {
                    scores[j] = scores[j].max(value);
                } else {
                    scores[j] += value;
                }
            }
        }
    }
}

/// n_j, whatever the context.
pub struct Popularity {
    counts: Vec<f64>,
}

impl Popularity {
    pub fn fit(train: CsrView<'_>, n_items: usize) -> Popularity {
        let mut counts = vec![0.0; n_items];
        train.indices().iter().for_each(|&item| counts[item as usize] += 1.0);
        Popularity { counts }
    }
}

impl Scorer for Popularity {
    fn score(&self, _context: &[u32], scores: &mut [f64]) {
        scores.copy_from_slice(&self.counts);
    }
}

/// Σ over the k nearest baskets of their cosine with the context. Baskets as near as the k-th are
/// all taken, so that the answer does not hang on their order.
pub struct BasketKnn<'a> {
    pub split: &'a Split,
    pub baskets_of: &'a Csr,
    pub k: usize,
}

impl Scorer for BasketKnn<'_> {
    fn score(&self, context: &[u32], scores: &mut [f64]) {
        scores.fill(0.0);
        let train = self.split.train.view();
        let mut common: Vec<u32> = Vec::new();
        for &item in context {
            common.extend_from_slice(self.baskets_of.view().row(item as usize));
        }
        common.sort_unstable();
        let mut near: Vec<(f64, u32)> = common
            .chunk_by(|a, b| a == b)
            .map(|run| {
                let length = train.row(run[0] as usize).len() as f64;
                (run.len() as f64 / (length * context.len() as f64).sqrt(), run[0])
            })
            .collect();
        if near.len() > self.k && self.k > 0 {
            let (_, kth, _) = near.select_nth_unstable_by(self.k - 1, |a, b| b.0.total_cmp(&a.0));
            let threshold = kth.0;
            near.retain(|(similarity, _)| *similarity >= threshold);
        }
        // A fixed order of additions.
        near.sort_unstable_by_key(|&(_, basket)| basket);
        for (similarity, basket) in near {
            for &item in train.row(basket as usize) {
                scores[item as usize] += similarity;
            }
        }
    }
}

/// EASE on the plain binary matrix.
pub struct Ease {
    weights: EaseWeights,
}

impl Ease {
    pub fn fit(split: &Split, lambda: f64) -> Result<Ease, Error> {
        let n_items = split.n_items();
        let params = EaseParams { lambda, half_life_days: None, length_exponent: 0.0 };
        let items = (0..n_items as u32).collect();
        let weights = ease::learn(&crate::ours::baskets_of(split), items, n_items, &params, 1)?;
        Ok(Ease { weights })
    }
}

impl Scorer for Ease {
    fn score(&self, context: &[u32], scores: &mut [f64]) {
        scores.fill(0.0);
        for &item in context {
            for (score, &weight) in scores.iter_mut().zip(self.weights.row(item as usize)) {
                *score += f64::from(weight);
            }
        }
    }
}

/// What stands in for EASE in large catalogs, on the same matrix.
pub struct SparseInverse {
    weights: SparseWeights,
}

impl SparseInverse {
    pub fn fit(split: &Split, lambda: f64) -> Result<SparseInverse, Error> {
        let params = EaseParams { lambda, half_life_days: None, length_exponent: 0.0 };
        let weights = sparse_inverse::learn(
            &crate::ours::baskets_of(split),
            split.n_items(),
            &params,
            &SparseInverseParams::default(),
            learn::Params::default().max_basket_items,
            &learn::Silent,
        )?;
        Ok(SparseInverse { weights })
    }
}

impl Scorer for SparseInverse {
    fn score(&self, context: &[u32], scores: &mut [f64]) {
        scores.fill(0.0);
        for &item in context {
            let (items, weights) = self.weights.row(item);
            for (&other, &weight) in items.iter().zip(weights) {
                scores[other as usize] += f64::from(weight);
            }
        }
    }
}
