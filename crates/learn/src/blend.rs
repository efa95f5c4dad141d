//! Tuning the blend of sources on the inner split, per size of cart.
//!
//! Coordinate ascent on mean NDCG@10 over a small grid of weights. What a customer re-orders and
//! what is new to them are two tasks: the weights of EASE, pairs, neighbors and trend are tuned on
//! cases whose hidden item the customer never bought (everything bought before masked), and only
//! then the weight of the history on all cases. So selling what would be bought anyway cannot
//! crowd out what would not.
//!
//! Every single source but the history is among the starting points, popularity too, so the blend
//! is never worse than the best of them on these cases. The history may weigh more than all others
//! together.

use crate::progress::{Progress, Step};
use crate::split::Case;
use measure::ranking::ndcg_at;
use rayon::prelude::*;
use score::blend::{Blend, CartSize, EASE, Features, HISTORY, N_SOURCES, NEIGHBOR, PAIR, TREND};
use score::sources::{Query, Scratch, gather, largest_of};
use snapshot::Snapshot;
use snapshot::tables::NONE;

/// Fewer cases of a size than this: it takes the weights of the size below, or where that has too
/// few as well its defaults.
pub const MIN_CASES: usize = 100;

const GRID: [f32; 9] = [0.0, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.5];
/// Of the history: up to where the others only settle its ties.
const HISTORY_GRID: [f32; 11] = [0.0, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.5, 5.0, 10.0];
const N_ROUNDS: usize = 3;

/// One case with its candidates' features, divided by the largest of each source.
struct Prepared {
    features: Vec<Features>,
    target: Option<usize>,
}

/// What was found for one size of cart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TunedSize {
    pub n_cases: usize,
    pub ndcg_discover: f64,
    pub ndcg_all: f64,
}

/// Tunes the blend with the tables of `inner`, which was learned without the cases.
pub fn tune(
    inner: &Snapshot,
    cases: &[Case],
    progress: &dyn Progress,
) -> (Blend, Vec<Option<TunedSize>>) {
    let mut blend = Blend::default();
    let mut report = Vec::new();
    let sizes: [(CartSize, usize, usize); 3] =
        [(CartSize::Single, 1, 1), (CartSize::Few, 2, 3), (CartSize::Many, 5, usize::MAX)];
    for (at, (size, min_context, max_context)) in sizes.into_iter().enumerate() {
        progress.report(Step::TuneBlend, at as f32 / 3.0);
        let asked: Vec<&Case> =
            cases.iter().filter(|case| case.context.len() >= min_context).collect();
        if asked.len() < MIN_CASES {
            // Every case of a size is one of the sizes below too.
            if report.iter().any(Option::is_some) {
                blend.weights[size as usize] = blend.weights[size as usize - 1];
            }
            report.push(None);
            continue;
        }
        let weights = &mut blend.weights[size as usize];
        report.push(Some(tune_size(inner, &asked, max_context, weights)));
    }
    (blend, report)
}

fn tune_size(
    inner: &Snapshot,
    cases: &[&Case],
    max_context: usize,
    weights: &mut Features,
) -> TunedSize {
    let prepare_all = |discover: bool| -> Vec<Prepared> {
        cases
            .par_iter()
            .map_init(Scratch::default, |scratch, case| {
                prepare(inner, case, max_context, discover, scratch)
            })
            .flatten()
            .collect()
    };
    let discover = prepare_all(true);
    let mut starts = vec![*weights];
    starts.extend([EASE, PAIR, NEIGHBOR, TREND].map(|source| {
        let mut single = Features::default();
        single[source] = 1.0;
        single
    }));
    let mut best = (f64::NEG_INFINITY, *weights);
    for mut start in starts {
        start[HISTORY] = 0.0;
        let found = ascend(&discover, start, (&[EASE, PAIR, NEIGHBOR, TREND], &GRID));
        if found.0 > best.0 {
            best = found;
        }
    }
    let ndcg_discover = best.0;
    drop(discover);
    let all = prepare_all(false);
    let (ndcg_all, found) = ascend(&all, best.1, (&[HISTORY], &HISTORY_GRID));
    *weights = found;
    TunedSize { n_cases: cases.len(), ndcg_discover, ndcg_all }
}

/// Candidates of a case. With `discover`, what the customer bought is masked, and cases whose
/// hidden item is a re-order are left out.
fn prepare(
    inner: &Snapshot,
    case: &Case,
    max_context: usize,
    discover: bool,
    scratch: &mut Scratch,
) -> Option<Prepared> {
    let bought: Vec<(u32, f32)> = match case.customer {
        NONE => Vec::new(),
        customer => {
            let (items, weights) = inner.customer_items(customer);
            items.iter().copied().zip(weights.iter().copied()).collect()
        }
    };
    let is_bought = |item: u32| bought.iter().any(|&(other, _)| other == item);
    if discover && is_bought(case.hidden) {
        return None;
    }
    let context = &case.context[..case.context.len().min(max_context)];
    let history = if discover { &[][..] } else { &bought[..] };
    let query = Query { context, history, customer: None };
    let candidates = gather(inner, &query, scratch, |item| {
        let is_masked = discover && is_bought(item);
        !is_masked && !context.contains(&item)
    });
    let largest = largest_of(candidates);
    let target = candidates.iter().position(|candidate| candidate.item == case.hidden);
    let features = candidates
        .iter()
        .map(|candidate| {
            let mut scaled = candidate.features;
            for (value, &largest) in scaled.iter_mut().zip(&largest) {
                *value = if largest > 0.0 { *value / largest } else { 0.0 };
            }
            scaled
        })
        .collect();
    Some(Prepared { features, target })
}

/// Best value and weights from `start`, moving one source at a time.
fn ascend(
    cases: &[Prepared],
    start: Features,
    (sources, grid): (&[usize], &[f32]),
) -> (f64, Features) {
    let mut weights = start;
    let mut best = mean_ndcg(cases, &weights);
    for _round in 0..N_ROUNDS {
        let before = best;
        for &source in sources {
            for &value in grid {
                let mut attempt = weights;
                attempt[source] = value;
                let ndcg = mean_ndcg(cases, &attempt);
                // A hair better is noise; the first of equals stays.
                if ndcg > best + 1e-5 {
                    (best, weights) = (ndcg, attempt);
                }
            }
        }
        if best <= before {
            break;
        }
    }
    (best, weights)
}

fn mean_ndcg(cases: &[Prepared], weights: &Features) -> f64 {
    let values: Vec<f64> = cases
        .par_iter()
        .with_min_len(32)
        .map(|case| match case.target {
            Some(target) => ndcg_at(rank_of(&case.features, target, weights), 10),
            None => 0.0,
        })
        .collect();
    // Of nothing it is 0; an empty `sum` would be -0.
    values.iter().fold(0.0, |sum, value| sum + value) / values.len().max(1) as f64
}

fn rank_of(features: &[Features], target: usize, weights: &Features) -> usize {
    let score = |features: &Features| -> f32 {
        let mut sum = 0.0;
        for source in 0..N_SOURCES {
            sum += weights[source] * features[source];
        }
        sum
    };
    let wanted = score(&features[target]);
    let (mut n_better, mut n_tied) = (0, 0);
    for candidate in features {
        let other = score(candidate);
        n_better += usize::from(other > wanted);
        n_tied += usize::from(other == wanted);
    }
    n_better + n_tied.div_ceil(2).max(1)
}

#[cfg(test)]
mod tests;
