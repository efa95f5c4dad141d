//! Protocol BC, "what else goes in this cart": methods × cases.

use crate::ablation;
use crate::baselines::{
    BasketKnn, Ease, PairModel, PairScore, PairScorer, Popularity, Scorer, SparseInverse,
};
use crate::breadth::BREADTH_LEN;
use crate::cases::{Query, Split, Windows, ordered};
use crate::comparison::Comparison;
use crate::error::Error;
use crate::order_file::OrderFile;
use crate::ours::{self, Answer, AsServed};
use crate::report::{Outcome, WHOLE_CASES, summarize};
use decide::Workspace;
use learn::{Params, Without};
use measure::ranking::{ndcg_at, rank_with_ties};
use rayon::prelude::*;
use sparse::TopK;
use std::collections::BTreeMap;
use std::time::Duration;

/// What is asked of a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub windows: Windows,
    pub max_queries: Option<usize>,
    /// Only these methods; all when empty.
    pub methods: Vec<String>,
    /// Sources; for each our method runs once more without it.
    pub without: Vec<String>,
    /// Our method solves EASE for at most so many items; `None`: the default.
    pub ease_max_items: Option<usize>,
}

/// Time since some fixed moment; handed in, since the core reads no clock.
pub type Stopwatch<'a> = &'a (dyn Fn() -> Duration + Sync);

/// Called before each method.
pub type OnMethod<'a> = &'a dyn Fn(&str);

pub const DEFAULT_MAX_QUERIES: usize = 5_000;
const MAX_INNER_QUERIES: usize = 2_000;
const KNN_KS: [usize; 3] = [100, 500, 2_000];
const EASE_LAMBDAS: [f64; 7] = [5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];

/// Every method, in the order of the report.
pub const METHODS: [&str; 14] = [
    "popularity",
    "confidence",
    "confidence_max",
    "lift",
    "jaccard",
    "jaccard_max",
    "cosine",
    "cosine_max",
    "llr",
    "llr_max",
    "basket_knn",
    "ease",
    "sparse_inverse",
    OURS,
];

/// Our method's name.
const OURS: &str = "alongside";

/// The sizes of a split, to be checked first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sizes {
    pub n_train: usize,
    pub n_items: usize,
    pub n_queries: usize,
    pub n_discover: usize,
    pub mean_context: f64,
    /// The baseline EASE inverts a matrix of all items, and has no row above so many
    /// ([`MAX_EASE_ITEMS`]).
    pub is_without_ease: bool,
}

/// Some 2.5 GB for the baseline's matrices.
pub const MAX_EASE_ITEMS: usize = 12_000;

pub fn sizes_of(split: &Split) -> Sizes {
    let n_context: usize = split.queries.iter().map(|query| query.context.len()).sum();
    Sizes {
        n_train: split.train.view().n_rows(),
        n_items: split.n_items(),
        n_queries: split.queries.len(),
        n_discover: split.queries.iter().filter(|query| split.is_new(query)).count(),
        mean_context: n_context as f64 / split.queries.len().max(1) as f64,
        is_without_ease: split.n_items() > MAX_EASE_ITEMS,
    }
}

/// Ranks of the hidden items by case, and what they took.
pub(crate) struct Ranks {
    pub rest: Vec<usize>,
    pub single: Vec<usize>,
    /// Only queries that are new to their customer, in order.
    pub discover_rest: Vec<usize>,
    pub discover_single: Vec<usize>,
    /// The first ten of every list, by whole case.
    pub listed: [Vec<u32>; WHOLE_CASES.len()],
    pub latencies: Vec<Duration>,
    /// Scores of what was offered, and whether it was the hidden item.
    pub offered_rest: Vec<(f32, bool)>,
    pub offered_single: Vec<(f32, bool)>,
}

/// Runs the protocol. Each outcome is handed on as soon as its method is done.
pub fn run(
    file: &OrderFile,
    options: &Options,
    now: Stopwatch<'_>,
    on_method: OnMethod<'_>,
    mut take: impl FnMut(Outcome),
) -> Result<Sizes, Error> {
    if options.max_queries == Some(0) {
        return Err(Error::NoQueries);
    }
    let all = ordered(file, &options.windows);
    let split = all.split(file, options.max_queries.unwrap_or(DEFAULT_MAX_QUERIES));
    if split.queries.is_empty() {
        return Err(Error::NothingToTest { n_baskets: all.len(), n_train: all.n_train() });
    }
    let mut methods = chosen_methods(options)?;
    let ablations = ablation::OF_CARTS.ablations(&options.without, OURS)?;
    let is_of_segments = |ablation: &ablation::Ablation| ablation.without.segment_popularity();
    if file.segments.is_empty() && ablations.iter().any(is_of_segments) {
        return Err(Error::NoSegments);
    }
    methods.retain(|&method| method != "ease" || split.n_items() <= MAX_EASE_ITEMS);
    let inner = all.train_part().split(file, MAX_INNER_QUERIES);
    let mut bench = Bench::new(file, &split, &inner, now);
    bench.ease_max_items = options.ease_max_items;
    let mut whole: Vec<Outcome> = Vec::new();
    let mut others: Vec<Outcome> = Vec::new();
    for method in methods {
        on_method(method);
        let (ranks, fit, parameter) = bench.run_method(method)?;
        let is_ours = method == OURS;
        let mut learned = std::mem::take(&mut bench.learned);
        for mut outcome in summarize(method, &split, &ranks, fit, parameter) {
            if is_ours {
                outcome.comparison = Comparison::of(&outcome, &others);
                outcome.learned = std::mem::take(&mut learned);
                outcome.as_served = bench.as_served.take();
                whole.push(outcome.clone());
            } else {
                others.push(outcome.clone());
            }
            take(outcome);
        }
    }
    for ablation::Ablation { method, without } in ablations {
        on_method(&method);
        let began = (bench.now)();
        let (ranks, fit, parameter) = bench.alongside(began, without)?;
        for mut outcome in summarize(&method, &split, &ranks, fit, parameter) {
            outcome.comparison = Comparison::of(&outcome, &whole);
            outcome.learned = std::mem::take(&mut bench.learned);
            outcome.as_served = bench.as_served.take();
            take(outcome);
        }
    }
    Ok(sizes_of(&split))
}

fn chosen_methods(options: &Options) -> Result<Vec<&'static str>, Error> {
    if options.methods.is_empty() {
        return Ok(METHODS.to_vec());
    }
    let mut chosen = options
        .methods
        .iter()
        .map(|name| {
            METHODS.into_iter().find(|method| method == name).ok_or_else(|| Error::UnknownMethod {
                name: name.clone(),
                known: METHODS.join(", "),
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    // Ours is compared with those before it.
    chosen.sort_by_key(|method| *method == OURS);
    Ok(chosen)
}

struct Bench<'a> {
    file: &'a OrderFile,
    split: &'a Split,
    inner: &'a Split,
    now: Stopwatch<'a>,
    pairs: Option<(PairModel, Duration)>,
    ease_max_items: Option<usize>,
    /// What our method said of what it learned.
    learned: BTreeMap<String, String>,
    as_served: Option<AsServed>,
}

type MethodRun = (Ranks, Duration, Option<String>);

impl<'a> Bench<'a> {
    fn new(file: &'a OrderFile, split: &'a Split, inner: &'a Split, now: Stopwatch<'a>) -> Self {
        let (pairs, ease_max_items, learned, as_served) = (None, None, BTreeMap::new(), None);
        Bench { file, split, inner, now, pairs, ease_max_items, learned, as_served }
    }

    fn run_method(&mut self, method: &str) -> Result<MethodRun, Error> {
        let began = (self.now)();
        let split = self.split;
        match method {
            "popularity" => {
                let model = Popularity::fit(split.train.view(), split.n_items());
                let fit = (self.now)() - began;
                Ok((ranks_of(split, &model, self.now), fit, None))
            }
            "basket_knn" => self.basket_knn(began),
            "ease" => self.tuned(began, Ease::fit),
            "sparse_inverse" => self.tuned(began, SparseInverse::fit),
            OURS => self.alongside(began, Without::default()),
            _ => Ok(self.pair_method(method)),
        }
    }

    fn pair_method(&mut self, method: &str) -> MethodRun {
        let (name, is_max) = match method.strip_suffix("_max") {
            Some(name) => (name, true),
            None => (method, false),
        };
        let score = match name {
            "confidence" => PairScore::Confidence,
            "lift" => PairScore::Lift,
            "jaccard" => PairScore::Jaccard,
            "cosine" => PairScore::Cosine,
            _ => PairScore::Llr,
        };
        let (split, now) = (self.split, self.now);
        let (model, fit) = self.pairs.get_or_insert_with(|| {
            let began = now();
            let model = PairModel::fit(split.train.view(), split.n_items());
            (model, now() - began)
        });
        let scorer = PairScorer { model, score, is_max };
        (ranks_of(split, &scorer, now), *fit, None)
    }

    fn basket_knn(&self, began: Duration) -> Result<MethodRun, Error> {
        let inner_of = self.inner.train.view().transpose(self.inner.n_items());
        let k = best_of(&KNN_KS, |k| {
            let model = BasketKnn { split: self.inner, baskets_of: &inner_of, k };
            Ok(inner_ndcg(self.inner, &model))
        })?;
        let baskets_of = self.split.train.view().transpose(self.split.n_items());
        let fit = (self.now)() - began;
        let model = BasketKnn { split: self.split, baskets_of: &baskets_of, k };
        Ok((ranks_of(self.split, &model, self.now), fit, Some(format!("k={k}"))))
    }

    /// A method of one λ, which is chosen on the inner split.
    fn tuned<S: Scorer>(
        &self,
        began: Duration,
        fit: impl Fn(&Split, f64) -> Result<S, Error>,
    ) -> Result<MethodRun, Error> {
        let lambda =
            best_of(&EASE_LAMBDAS, |lambda| Ok(inner_ndcg(self.inner, &fit(self.inner, lambda)?)))?;
        let model = fit(self.split, lambda)?;
        let fit = (self.now)() - began;
        Ok((ranks_of(self.split, &model, self.now), fit, Some(format!("lambda={lambda}"))))
    }

    fn alongside(&mut self, began: Duration, without: Without) -> Result<MethodRun, Error> {
        let mut params = Params { without, ..Params::default() };
        params.ease_max_items = self.ease_max_items.unwrap_or(params.ease_max_items);
        let world = ours::world_of(self.file, self.split, params)?;
        let fit = (self.now)() - began;
        let ask = |query: &Query, context: &[u32], masked: &[u32], workspace: &mut Workspace| {
            ours::rank(&world, query, context, masked, workspace)
        };
        let listed = |_: &mut Workspace, answer: &mut Answer| std::mem::take(&mut answer.listed);
        let ranks = rank_all(self.split, self.now, Workspace::default, (ask, listed));
        self.learned = world.snapshot.provenance().parameters.clone();
        self.as_served = Some(AsServed::of(&world, self.split));
        Ok((ranks, fit, self.learned.get("ease.parameters").cloned()))
    }
}

/// The value with the best score; of equals the first.
fn best_of<T: Copy>(values: &[T], score: impl Fn(T) -> Result<f64, Error>) -> Result<T, Error> {
    let mut best = (f64::NEG_INFINITY, values[0]);
    for &value in values {
        let found = score(value)?;
        if found > best.0 {
            best = (found, value);
        }
    }
    Ok(best.1)
}

/// NDCG@10 of case rest on the inner split.
fn inner_ndcg(inner: &Split, model: &dyn Scorer) -> f64 {
    let values: Vec<f64> = inner
        .queries
        .par_iter()
        .map_init(
            || vec![0.0; inner.n_items()],
            |scores, query| ndcg_at(rank_of(model, query, &query.context, &[], scores), 10),
        )
        .collect();
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Rank among all training items but the context (and what is masked); ties at their mean.
fn rank_of(
    model: &dyn Scorer,
    query: &Query,
    context: &[u32],
    masked: &[u32],
    scores: &mut [f64],
) -> usize {
    model.score(context, scores);
    for &item in context.iter().chain(masked) {
        scores[item as usize] = f64::NEG_INFINITY;
    }
    rank_with_ties(scores, query.hidden as usize)
}

fn ranks_of(split: &Split, model: &dyn Scorer, now: Stopwatch<'_>) -> Ranks {
    let ask = |query: &Query, context: &[u32], masked: &[u32], scores: &mut Vec<f64>| {
        let rank = rank_of(model, query, context, masked, scores);
        Answer { rank, ..Answer::default() }
    };
    // What was masked has no score; what nothing speaks for is listed by nobody's choice.
    let listed = |scores: &mut Vec<f64>, _: &mut Answer| {
        let mut top = TopK::new(BREADTH_LEN);
        let scored = scores.iter().enumerate().filter(|(_, score)| **score > 0.0);
        scored.for_each(|(item, &score)| top.push(item as u32, score as f32));
        top.sorted().iter().map(|scored| scored.index).collect()
    };
    rank_all(split, now, || vec![0.0; split.n_items()], (ask, listed))
}

/// What a query gave in one case.
struct Asked {
    answer: Answer,
    listed: Vec<u32>,
}

/// Asks every query in all four cases; latency is that of case rest. `ask` is timed, `listed` tells
/// the first places of the list that it made.
fn rank_all<W>(
    split: &Split,
    now: Stopwatch<'_>,
    make: impl Fn() -> W + Sync + Send,
    (ask, listed): (
        impl Fn(&Query, &[u32], &[u32], &mut W) -> Answer + Sync,
        impl Fn(&mut W, &mut Answer) -> Vec<u32> + Sync,
    ),
) -> Ranks {
    let one = |query: &Query, context: &[u32], masked: &[u32], workspace: &mut W| {
        let began = now();
        let mut answer = ask(query, context, masked, workspace);
        let latency = now() - began;
        let listed = listed(workspace, &mut answer);
        (Asked { answer, listed }, latency)
    };
    let asked: Vec<(Vec<Asked>, Duration)> = split
        .queries
        .par_iter()
        .map_init(make, |workspace, query| {
            let single = &query.context[..1];
            let (rest, latency) = one(query, &query.context, &[], workspace);
            let mut all = vec![rest, one(query, single, &[], workspace).0];
            if split.is_new(query) {
                let masked = split.bought(query);
                all.push(one(query, &query.context, masked, workspace).0);
                all.push(one(query, single, masked, workspace).0);
            }
            (all, latency)
        })
        .collect();
    let ranks = |case: usize| -> Vec<usize> {
        asked.iter().filter_map(|(all, _)| Some(all.get(case)?.answer.rank)).collect()
    };
    let listed = |case: usize| -> Vec<u32> {
        asked.iter().filter_map(|(all, _)| all.get(case)).flat_map(|a| a.listed.clone()).collect()
    };
    let offered = |case: usize| {
        asked.iter().flat_map(|(all, _)| all[case].answer.offered.iter().copied()).collect()
    };
    Ranks {
        rest: ranks(0),
        single: ranks(1),
        discover_rest: ranks(2),
        discover_single: ranks(3),
        listed: [listed(0), listed(1), listed(2), listed(3)],
        latencies: asked.iter().map(|(_, latency)| *latency).collect(),
        offered_rest: offered(0),
        offered_single: offered(1),
    }
}
