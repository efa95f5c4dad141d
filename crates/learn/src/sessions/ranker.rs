//! The rankers over a session index: LambdaMART on cases of the later training sessions.
//!
//! Each head learns on its own cases and is published only where it beats the plain blend on
//! cases that it has not seen; else the plain blend stays, and the note says so.

use super::cases::{Block, CaseRows, CaseSpec, blocks_of, rows_of_blocks, rows_of_log};
use super::log::SessionLog;
use super::model::{SessionModel, SessionParams};
use crate::boost::{self, BoostParams, Objective, RankingSet};
use crate::error::Error;
use measure::ranking::reciprocal_rank_at;
use rayon::prelude::*;
use score::Trees;
use score::sessions::gather::plain_score;
use score::sessions::{Head, KindWeights, N_FEATURES, StepKind};

/// Share of the training sessions that is asked, the latest ones, in blocks.
const ASKED_SHARE: f64 = 1.0 / 3.0;
const N_BLOCKS: usize = 10;
/// Fewer cases with an answer among the candidates than this teach nothing.
const MIN_TRAIN_CASES: usize = 500;
/// Fewer to choose on than this choose nothing.
const MIN_VALID_CASES: usize = 100;
/// Weights of views, cart events and purchases to choose from; the default is first.
const KIND_WEIGHTS: [KindWeights; 3] = [[1.0, 2.0, 3.0], [1.0, 1.0, 1.0], [1.0, 4.0, 8.0]];
/// Places that count.
const LIST_LEN: usize = 20;

/// Chosen on the validation sessions of Serenade's sample among seven settings.
fn boost_params(seed: u64) -> BoostParams {
    BoostParams {
        objective: Objective::LambdaMart { truncation: LIST_LEN },
        n_trees: 300,
        max_leaves: 15,
        learning_rate: 0.1,
        min_rows_in_leaf: 50,
        l2: 5.0,
        feature_fraction: 0.7,
        group_fraction: 1.0,
        early_stop_rounds: 50,
        seed,
    }
}

/// What became of one head.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HeadReport {
    /// Empty: the plain blend stays.
    pub trees: Trees,
    pub note: String,
}

/// Learns both heads. With `valid`, sessions after the training ones, choices are made on it; else
/// on the last block of the training sessions, which then does not train.
pub(super) fn learn_heads(
    model: &SessionModel,
    train: &SessionLog,
    valid: Option<&SessionLog>,
    params: &SessionParams,
) -> Result<[HeadReport; 2], Error> {
    let next = learn_head(model, train, valid, params, Head::Next)?;
    Ok([next, learn_head(model, train, valid, params, Head::Discover)?])
}

fn learn_head(
    model: &SessionModel,
    train: &SessionLog,
    valid: Option<&SessionLog>,
    params: &SessionParams,
    head: Head,
) -> Result<HeadReport, Error> {
    if params.without.ranker() {
        let note = "plain blend: the ranker is left out".to_owned();
        return Ok(HeadReport { trees: Trees::default(), note });
    }
    let spec = spec_of(head, &model.kind_weights, params);
    let mut blocks = asked_blocks(train.len());
    let valid_rows = valid_rows(model, train, valid, &spec);
    if valid.is_none() {
        blocks.pop();
    }
    let train_rows = rows_of_blocks(train, &model.table, &blocks, &spec);
    choose(&train_rows, &valid_rows, params.seed)
}

fn spec_of<'a>(
    head: Head,
    kind_weights: &'a KindWeights,
    params: &'a SessionParams,
) -> CaseSpec<'a> {
    let left_out = params.without.of_visits();
    CaseSpec { head, kind_weights, left_out, limits: &params.limits, max_cases: params.max_cases }
}

/// What choices are made on: `valid`, or the last block of the training sessions.
fn valid_rows(
    model: &SessionModel,
    train: &SessionLog,
    valid: Option<&SessionLog>,
    spec: &CaseSpec<'_>,
) -> CaseRows {
    match valid {
        Some(valid) => rows_of_log(valid, &model.horizon(), spec),
        None => {
            let last: Vec<Block> = asked_blocks(train.len()).pop().into_iter().collect();
            rows_of_blocks(train, &model.table, &last, spec)
        }
    }
}

fn asked_blocks(n_sessions: usize) -> Vec<Block> {
    let n_asked = (n_sessions as f64 * ASKED_SHARE) as usize;
    blocks_of(n_sessions - n_asked..n_sessions, N_BLOCKS)
}

/// The kind weights with which the plain blend finds most on the validation cases. Where all steps
/// are views, or cases are few, the first.
pub(super) fn choose_kind_weights(
    model: &SessionModel,
    train: &SessionLog,
    valid: Option<&SessionLog>,
    params: &SessionParams,
) -> KindWeights {
    let mut best = (f64::NEG_INFINITY, KIND_WEIGHTS[0]);
    if train.steps.iter().all(|step| step.kind == StepKind::View) {
        return best.1;
    }
    for kind_weights in KIND_WEIGHTS {
        let spec = spec_of(Head::Discover, &kind_weights, params);
        let rows = valid_rows(model, train, valid, &spec);
        let found = mean_reciprocal_rank(&rows, plain_score);
        if rows.n_groups() >= MIN_VALID_CASES && found > best.0 {
            best = (found, kind_weights);
        }
    }
    best.1
}

/// Trees where they beat the plain blend on the validation cases.
fn choose(train: &CaseRows, valid: &CaseRows, seed: u64) -> Result<HeadReport, Error> {
    let (n_train, n_valid) = (train.n_groups(), valid.n_groups());
    if n_train < MIN_TRAIN_CASES || n_valid < MIN_VALID_CASES {
        let note = format!(
            "plain blend: {n_train} cases to learn from and {n_valid} to choose on, needed are \
             {MIN_TRAIN_CASES} and {MIN_VALID_CASES}"
        );
        return Ok(HeadReport { trees: Trees::default(), note });
    }
    let set = ranking_set(valid);
    let boosted = boost::fit(&ranking_set(train), Some(&set), &boost_params(seed))?;
    let plain = mean_reciprocal_rank(valid, plain_score);
    let ranked = mean_reciprocal_rank(valid, |row| boosted.trees.score(row));
    let n_trees = boosted.trees.n_trees();
    let note = format!(
        "{n_trees} trees on {n_train} cases: MRR@20 {ranked:.4} on {} validation cases, plain \
         blend {plain:.4}",
        valid.n_asked
    );
    if ranked > plain {
        Ok(HeadReport { trees: boosted.trees, note })
    } else {
        Ok(HeadReport { trees: Trees::default(), note: format!("plain blend; {note}") })
    }
}

fn ranking_set(rows: &CaseRows) -> RankingSet<'_> {
    RankingSet {
        n_features: N_FEATURES,
        features: &rows.features,
        labels: &rows.labels,
        group_ends: &rows.group_ends,
        offsets: &[],
    }
}

/// MRR@20 over all cases asked; a case without its answer among the candidates counts 0. Ties
/// rank as their last place: a score that says nothing earns nothing.
fn mean_reciprocal_rank(rows: &CaseRows, score: impl Fn(&[f32]) -> f32 + Sync) -> f64 {
    let begins = std::iter::once(0).chain(rows.group_ends.iter().copied());
    let groups: Vec<(u32, u32)> = begins.zip(rows.group_ends.iter().copied()).collect();
    let values: Vec<f64> = groups
        .par_iter()
        .map(|&(begin, end)| {
            let group = begin as usize..end as usize;
            let score_of = |row: usize| score(&rows.features[row * N_FEATURES..][..N_FEATURES]);
            let answer = group.clone().find(|&row| rows.labels[row] > 0.0);
            let Some(answer) = answer.map(score_of) else { return 0.0 };
            let rank = group.filter(|&row| score_of(row) >= answer).count();
            reciprocal_rank_at(rank, LIST_LEN)
        })
        .collect();
    // Of nothing it is 0; an empty `sum` would be -0.
    values.iter().fold(0.0, |sum, value| sum + value) / rows.n_asked.max(1) as f64
}
