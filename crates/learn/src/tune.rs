//! Choosing EASE's parameters on the inner split: a short search, one parameter at a time.

use crate::ease::{EaseParams, EaseWeights};
use crate::error::Error;
use crate::item_weights::ItemWeights;
use crate::progress::{Progress, Step};
use crate::recency;
use crate::sparse_inverse::SparseWeights;
use crate::split::Case;
use history::HistoryView;
use measure::ranking::ndcg_at;
use rayon::prelude::*;
use snapshot::tables::NONE;

/// λ tried, in baskets; the search walks from the middle while it gets better.
const LAMBDAS: [f64; 9] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0];
const FIRST_LAMBDA: usize = 4;

/// What the search found.
#[derive(Clone, Debug)]
pub struct TunedEase {
    pub params: EaseParams,
    /// Mean NDCG@10 of the hidden items, full carts.
    pub ndcg: f64,
    pub n_fits: usize,
    /// The weights learned on the inner training part with the chosen parameters.
    pub weights: ItemWeights,
}

/// Learns weights of the training part.
pub type Fit<'a> = &'a dyn Fn(&EaseParams) -> Result<ItemWeights, Error>;

struct Search<'a> {
    train: &'a HistoryView,
    cases: &'a [Case],
    fit: Fit<'a>,
    n_fits: usize,
    progress: &'a dyn Progress,
    best: Option<TunedEase>,
}

/// Walks λ with recency over the whole span, then tries other half-lives and length exponents.
pub fn ease(
    train: &HistoryView,
    cases: &[Case],
    fit: Fit<'_>,
    progress: &dyn Progress,
) -> Result<Option<TunedEase>, Error> {
    let span_days = recency::span_days(&train.baskets);
    let has_time = span_days >= 2.0;
    let mut search = Search { train, cases, fit, n_fits: 0, progress, best: None };
    let half_life_days = has_time.then_some(span_days);
    let start = EaseParams { lambda: LAMBDAS[FIRST_LAMBDA], half_life_days, length_exponent: 0.5 };
    search.attempt(start)?;
    for step in [1, -1] {
        let mut at = FIRST_LAMBDA as isize + step;
        while let Some(&lambda) = usize::try_from(at).ok().and_then(|at| LAMBDAS.get(at)) {
            if !search.attempt(EaseParams { lambda, ..start })? {
                break;
            }
            at += step;
        }
    }
    let chosen = |search: &Search<'_>| search.best.as_ref().map_or(start, |best| best.params);
    search.attempt(EaseParams { length_exponent: 0.0, ..chosen(&search) })?;
    if has_time {
        for half_life_days in [None, Some(span_days / 3.0)] {
            search.attempt(EaseParams { half_life_days, ..chosen(&search) })?;
        }
    }
    Ok(search.best)
}

impl Search<'_> {
    /// Learns, asks the cases, keeps the better. True: it was better.
    fn attempt(&mut self, params: EaseParams) -> Result<bool, Error> {
        self.n_fits += 1;
        let done = self.n_fits as f32 / 9.0;
        self.progress.report(Step::TuneEase, done.min(0.99));
        let weights = match (self.fit)(&params) {
            Ok(weights) => weights,
            // Too small a λ for the data at hand: not the one to choose.
            Err(Error::NotPositiveDefinite { .. } | Error::BadSolve { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        let ndcg = match &weights {
            ItemWeights::Table(table) => ndcg_of_table(table, self.train.n_items(), self.cases),
            ItemWeights::Rows(rows) => ndcg_of_rows(rows, self.train.n_items(), self.cases),
        };
        let is_better = self.best.as_ref().is_none_or(|best| ndcg > best.ndcg);
        if is_better {
            self.best = Some(TunedEase { params, ndcg, n_fits: 0, weights });
        }
        if let Some(best) = self.best.as_mut() {
            best.n_fits = self.n_fits;
        }
        Ok(is_better)
    }
}

/// NDCG@10 of the hidden item among all items of the table but the context.
fn ndcg_of_table(weights: &EaseWeights, n_items: usize, cases: &[Case]) -> f64 {
    let mut row_of = vec![NONE; n_items];
    for (row, &item) in weights.items.iter().enumerate() {
        row_of[item as usize] = row as u32;
    }
    let row_of = |item: u32| Some(row_of[item as usize]).filter(|&row| row != NONE);
    mean_ndcg(weights.items.len(), cases, |case, scores| {
        for row in case.context.iter().filter_map(|&item| row_of(item)) {
            let weights = weights.row(row as usize);
            scores.iter_mut().zip(weights).for_each(|(sum, &weight)| *sum += weight);
        }
        for row in case.context.iter().filter_map(|&item| row_of(item)) {
            scores[row as usize] = f32::NEG_INFINITY;
        }
        row_of(case.hidden)
    })
}

/// The same by rows, among all items.
fn ndcg_of_rows(weights: &SparseWeights, n_items: usize, cases: &[Case]) -> f64 {
    mean_ndcg(n_items, cases, |case, scores| {
        for &item in &case.context {
            let (items, weights) = weights.row(item);
            for (&item, &weight) in items.iter().zip(weights) {
                scores[item as usize] += weight;
            }
        }
        case.context.iter().for_each(|&item| scores[item as usize] = f32::NEG_INFINITY);
        Some(case.hidden)
    })
}

/// `score` adds to `n_scores` zeros and says which of them is the hidden item.
fn mean_ndcg(
    n_scores: usize,
    cases: &[Case],
    score: impl Fn(&Case, &mut [f32]) -> Option<u32> + Sync,
) -> f64 {
    let ndcg_of = |scores: &mut Vec<f32>, case: &Case| {
        scores.fill(0.0);
        score(case, scores).map_or(0.0, |target| {
            ndcg_at(measure::ranking::rank_with_ties(scores, target as usize), 10)
        })
    };
    let values: Vec<f64> = cases.par_iter().map_init(|| vec![0.0_f32; n_scores], ndcg_of).collect();
    // A fixed order of additions: the choice must not depend on the number of threads.
    // Of nothing it is 0; an empty `sum` would be -0.
    values.iter().fold(0.0, |sum, value| sum + value) / cases.len().max(1) as f64
}
