//! Gradient-boosted trees of our own: histograms, leaf-wise growth, a ranking and a binary
//! objective.
//!
//! ```text
//! F_t(x) = F_{t-1}(x) + η · leaf_t(x)       leaf value = −G / (H + λ)
//! gain of a split = G_l²/(H_l + λ) + G_r²/(H_r + λ) − G²/(H + λ)
//! ```
//!
//! G and H: sums of first and second derivatives of the loss over the rows of a leaf (Friedman
//! 2001; Chen & Guestrin 2016). Values are cut into at most 255 bins by quantiles, a NaN has a bin
//! of its own, and each split learns which side a NaN takes. The leaf with the largest gain is
//! split next (Ke et al. 2017), so trees are small and lopsided.
//!
//! **Invariant:** same rows, parameters and seed give the same trees for any number of threads.
//! Derivatives are rounded to integers once a tree, and integers add up the same in any order.
//!
//! Cost a tree: about rows × features × (1 + depth/2) additions, spread over features; memory: one
//! byte a value besides the caller's rows.

mod bins;
mod grow;
mod histogram;
mod objective;

use crate::error::Error;
use bins::{BinnedRows, Cuts};
use rayon::prelude::*;
use score::trees::{MAX_FEATURES, MAX_LEAVES};
use score::{Tree, Trees};

/// Rows in groups (one group, one ranking): the features of a row, and how much it gains a list.
#[derive(Clone, Copy, Debug)]
pub struct RankingSet<'a> {
    pub n_features: usize,
    /// Row by row, `n_features` values each. NaN: not known.
    pub features: &'a [f32],
    /// Gain of each row, ≥ 0; for [`Objective::Logistic`] 0 to 1.
    pub labels: &'a [f32],
    /// Rising ends of groups, the last one the number of rows.
    pub group_ends: &'a [u32],
    /// Scores that the trees start from and add to, one a row; empty: all 0.
    pub offsets: &'a [f32],
}

/// What the trees are to be good at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// NDCG of each group's ranking, by LambdaMART. Pairs count when one of the two stands among
    /// the first `truncation`.
    LambdaMart { truncation: usize },
    /// Log loss of each row; scores are log-odds. Groups are what is sampled.
    Logistic,
    /// Log loss of each group's choice: exp(score) divided by its sum over the group is how likely
    /// a row is to be the one that gains.
    Softmax,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BoostParams {
    pub objective: Objective,
    pub n_trees: usize,
    /// Leaves of one tree, 2 to 64. Up to 32 score twice as fast.
    pub max_leaves: usize,
    /// η: how far each tree is followed.
    pub learning_rate: f32,
    /// Rows in a leaf at the least, estimated by its share of the second derivatives.
    pub min_rows_in_leaf: usize,
    /// λ: added to H.
    pub l2: f32,
    /// Share of features that each tree may ask, above 0 to 1.
    pub feature_fraction: f32,
    /// Share of groups that each tree learns from, above 0 to 1.
    pub group_fraction: f32,
    /// Stop when the validation metric has not got better for so many trees.
    pub early_stop_rounds: usize,
    pub seed: u64,
}

impl Default for BoostParams {
    fn default() -> BoostParams {
        BoostParams {
            objective: Objective::LambdaMart { truncation: 20 },
            n_trees: 200,
            max_leaves: 31,
            learning_rate: 0.05,
            min_rows_in_leaf: 50,
            l2: 10.0,
            feature_fraction: 0.8,
            group_fraction: 1.0,
            early_stop_rounds: 30,
            seed: 42,
        }
    }
}

/// Trees and how they came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Boosted {
    pub trees: Trees,
    /// The metric on the validation set with these trees: mean NDCG@10; of the logistic objective
    /// and of the softmax minus the log loss.
    pub valid_metric: Option<f64>,
}

/// Learns. With a validation set, trees end where its metric was best.
pub fn fit(
    train: &RankingSet<'_>,
    valid: Option<&RankingSet<'_>>,
    params: &BoostParams,
) -> Result<Boosted, Error> {
    check_params(params)?;
    check_set(train, params)?;
    if let Some(valid) = valid {
        check_set(valid, params)?;
        if valid.n_features != train.n_features {
            return Err(bad_set("the validation set has another number of features"));
        }
    }
    let (trees, _scores, valid_metric) = boost(train, valid, params)?;
    Ok(Boosted { trees, valid_metric })
}

/// Trees, the trainer's own score of each training row, and the metric.
fn boost(
    train: &RankingSet<'_>,
    valid: Option<&RankingSet<'_>>,
    params: &BoostParams,
) -> Result<(Trees, Vec<f64>, Option<f64>), Error> {
    let cuts = Cuts::of(train.features, train.n_features);
    let rows = BinnedRows::of(train.features, &cuts);
    let base = objective::base_score(train, params.objective);
    let mut scores = first_scores(train, base);
    let mut watch = valid.map(|set| Watch::new(set, base, params));
    let mut grown: Vec<Tree> = Vec::new();
    let mut grower = grow::Grower::new(&rows, &cuts, params);
    for round in 0..params.n_trees {
        let bag = grow::Bag::draw(train, params, round);
        let slopes = objective::slopes(train, &scores, &bag, params.objective);
        let Some(tree) = grower.grow(&slopes, &bag, round, &mut scores) else {
            // Nothing is left to gain from these groups; others may be drawn next time.
            if bag.is_all() && params.feature_fraction >= 1.0 {
                break;
            }
            continue;
        };
        grown.push(tree);
        if let Some(watch) = watch.as_mut()
            && watch.is_over(&grown)?
        {
            break;
        }
    }
    let valid_metric = watch.as_ref().map(|watch| watch.best);
    if let Some(watch) = watch {
        grown.truncate(watch.n_best);
    }
    Ok((Trees::new(train.n_features, base, &grown)?, scores, valid_metric))
}

fn first_scores(set: &RankingSet<'_>, base: f32) -> Vec<f64> {
    let mut scores = vec![f64::from(base); set.labels.len()];
    scores.iter_mut().zip(set.offsets).for_each(|(score, &offset)| *score += f64::from(offset));
    scores
}

/// The validation set while trees are added.
struct Watch<'a> {
    set: &'a RankingSet<'a>,
    objective: Objective,
    patience: usize,
    scores: Vec<f64>,
    best: f64,
    n_best: usize,
}

impl<'a> Watch<'a> {
    fn new(set: &'a RankingSet<'a>, base: f32, params: &BoostParams) -> Watch<'a> {
        let scores = first_scores(set, base);
        let best = objective::metric(set, &scores, params.objective);
        let patience = params.early_stop_rounds;
        Watch { set, objective: params.objective, patience, scores, best, n_best: 0 }
    }

    /// Adds the newest tree. True: it has not got better for too long.
    fn is_over(&mut self, grown: &[Tree]) -> Result<bool, Error> {
        let newest = &grown[grown.len() - 1..];
        let tree = Trees::new(self.set.n_features, 0.0, newest)?;
        let rows = self.set.features.par_chunks_exact(self.set.n_features.max(1));
        self.scores
            .par_iter_mut()
            .zip(rows)
            .with_min_len(1024)
            .for_each(|(score, row)| *score += f64::from(tree.score(row)));
        let metric = objective::metric(self.set, &self.scores, self.objective);
        if metric > self.best {
            (self.best, self.n_best) = (metric, grown.len());
        }
        Ok(grown.len() - self.n_best >= self.patience.max(1))
    }
}

fn check_params(params: &BoostParams) -> Result<(), Error> {
    let bad = |name, found: String, expected| Err(Error::BadParameter { name, found, expected });
    let is_share = |share: f32| share > 0.0 && share <= 1.0;
    if !(2..=MAX_LEAVES).contains(&params.max_leaves) {
        return bad("max leaves", params.max_leaves.to_string(), "from 2 to 64");
    }
    if !(params.learning_rate > 0.0 && params.learning_rate <= 1.0) {
        return bad("learning rate", params.learning_rate.to_string(), "above 0, at most 1");
    }
    if !(params.l2 >= 0.0 && params.l2.is_finite()) {
        return bad("l2", params.l2.to_string(), "a number of at least 0");
    }
    if !is_share(params.feature_fraction) {
        return bad("feature fraction", params.feature_fraction.to_string(), "above 0, at most 1");
    }
    if !is_share(params.group_fraction) {
        return bad("group fraction", params.group_fraction.to_string(), "above 0, at most 1");
    }
    match params.objective {
        Objective::LambdaMart { truncation: 0 } => bad("truncation", "0".into(), "at least 1"),
        _ => Ok(()),
    }
}

fn bad_set(what: &'static str) -> Error {
    Error::BadTrainingSet { what }
}

fn check_set(set: &RankingSet<'_>, params: &BoostParams) -> Result<(), Error> {
    let n_rows = set.labels.len();
    if set.n_features == 0 || set.n_features >= MAX_FEATURES {
        return Err(bad_set("it has no features, or more than 32,767"));
    }
    if set.features.len() != n_rows * set.n_features {
        return Err(bad_set("features and labels differ in their number of rows"));
    }
    let n_offsets = set.offsets.len();
    if ![0, n_rows].contains(&n_offsets) || !set.offsets.iter().all(|value| value.is_finite()) {
        return Err(bad_set("an offset is missing or not a number"));
    }
    // Derivatives are summed in 31 bits.
    if n_rows >= 1 << 30 {
        return Err(bad_set("it has 2^30 rows or more"));
    }
    let largest = if params.objective == Objective::Logistic { 1.0 } else { f32::MAX };
    if !set.labels.iter().all(|&label| label >= 0.0 && label <= largest) {
        return Err(bad_set("a label is below 0, above 1 with the logistic objective, or NaN"));
    }
    let rises = set.group_ends.is_sorted();
    if !rises || set.group_ends.last().map_or(0, |&end| end as usize) != n_rows {
        return Err(bad_set("the ends of groups do not rise to the number of rows"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
