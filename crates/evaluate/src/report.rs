//! Ranks to metrics: one outcome a method and case, with intervals by bootstrap over queries.

use crate::basket_completion::Ranks;
use crate::breadth::Breadth;
use crate::cases::Split;
use crate::comparison::Comparison;
use crate::latency::Latency;
use crate::order_file::ABSENT;
use crate::ours::AsServed;
use measure::bootstrap::bootstrap_columns;
use measure::ranking::{hit_at, ndcg_at, reciprocal_rank_at};
use measure::reliability::reliability;
use measure::{BootstrapSpec, Reliability};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Seed of the bootstrap: intervals are the same from run to run.
const SEED: u64 = 7;
/// Bins of the reliability.
const N_BINS: usize = 15;

/// Means over the queries of a case, with 95 % intervals (`low`, `high`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// In the order of the report.
    pub values: Vec<Metric>,
}

/// Name, mean, and the interval's ends; no interval below two queries.
pub type Metric = (&'static str, f64, Option<(f64, f64)>);

/// What one method gave in one case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    pub method: String,
    /// `rest`, `single`, `discover:rest`, `discover:single`, and the slices `rest:new`…
    pub case: String,
    pub n_queries: usize,
    pub metrics: Metrics,
    pub fit: Duration,
    pub latency: Latency,
    /// Of the lists; slices of a case have that of the case.
    pub breadth: Breadth,
    /// What was chosen on the inner split.
    pub parameter: Option<String>,
    /// With the best of the methods that ran before, where there were any.
    pub comparison: Option<Comparison>,
    /// Of the scores of what was offered, where they are probabilities.
    pub reliability: Option<Reliability>,
    /// What learning said of itself; with the first case of our method.
    pub learned: BTreeMap<String, String>,
    /// What a server would show; likewise.
    pub as_served: Option<AsServed>,
    /// Ranks of the hidden items, query by query.
    pub(crate) ranks: Vec<usize>,
}

const NAMES: [&str; 5] = ["HR@5", "HR@10", "HR@20", "MRR@20", "NDCG@10"];

fn metrics_of(ranks: &[usize]) -> Metrics {
    let column = |of: &dyn Fn(usize) -> f64| ranks.iter().map(|&rank| of(rank)).collect::<Vec<_>>();
    let columns = [
        column(&|rank| hit_at(rank, 5)),
        column(&|rank| hit_at(rank, 10)),
        column(&|rank| hit_at(rank, 20)),
        column(&|rank| reciprocal_rank_at(rank, 20)),
        column(&|rank| ndcg_at(rank, 10)),
    ];
    let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let intervals = bootstrap_columns(&slices, &BootstrapSpec::with_seed(SEED));
    let values = NAMES
        .into_iter()
        .enumerate()
        .map(|(at, name)| {
            let mean = columns[at].iter().sum::<f64>() / ranks.len().max(1) as f64;
            let interval = intervals.as_ref().map(|all| (all[at].low, all[at].high));
            (name, mean, interval)
        })
        .collect();
    Metrics { values }
}

impl Metrics {
    pub fn get(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(other, _, _)| *other == name).map(|(_, mean, _)| *mean)
    }
}

impl Outcome {
    /// Ranks and what follows from them.
    pub(crate) fn of_ranks(method: &str, case: &str, ranks: &[usize]) -> Outcome {
        Outcome {
            method: method.to_owned(),
            case: case.to_owned(),
            n_queries: ranks.len(),
            metrics: metrics_of(ranks),
            ranks: ranks.to_vec(),
            ..Outcome::default()
        }
    }

    /// One JSON line of EVALUATION's form.
    pub fn to_json(&self) -> Value {
        let mut line = Map::new();
        line.insert("method".into(), json!(self.method));
        line.insert("case".into(), json!(self.case));
        line.insert("queries".into(), json!(self.n_queries));
        for (name, mean, interval) in &self.metrics.values {
            line.insert((*name).into(), json!(mean));
            if let Some((low, high)) = interval {
                line.insert(format!("{name}_low"), json!(low));
                line.insert(format!("{name}_high"), json!(high));
            }
        }
        self.breadth.write(&mut line);
        line.insert("fit_s".into(), json!(self.fit.as_secs_f64()));
        self.latency.write(&mut line);
        if let Some(parameter) = &self.parameter {
            line.insert("parameter".into(), json!(parameter));
        }
        if !self.learned.is_empty() || self.as_served.is_some() {
            let said = self.learned.iter().map(|(name, value)| (name.clone(), json!(value)));
            let served = self.as_served.iter().flat_map(AsServed::told);
            let served = served.map(|(name, value)| (name.to_owned(), json!(value)));
            line.insert("learned".into(), Value::Object(said.chain(served).collect()));
        }
        if let Some(comparison) = &self.comparison {
            comparison.write(&mut line);
        }
        if let Some(reliability) = &self.reliability {
            line.insert("ece".into(), json!(reliability.ece));
            let bins = reliability.bins.iter();
            let bins = bins.map(|bin| json!([bin.n, bin.predicted, bin.observed]));
            line.insert("reliability".into(), bins.collect());
        }
        Value::Object(line)
    }
}

impl Ranks {
    /// Of all that was offered in a case; slices of it have none.
    fn reliability_of(&self, case: &str) -> Option<Reliability> {
        let offered = match case {
            "rest" => &self.offered_rest,
            "single" => &self.offered_single,
            _ => return None,
        };
        reliability(offered, N_BINS)
    }
}

/// Which queries a slice of `rest` or `single` holds.
struct Slices {
    new: Vec<bool>,
    again: Vec<bool>,
    unknown: Vec<bool>,
    tail: Vec<bool>,
    unseen_rest: Vec<bool>,
    unseen_single: Vec<bool>,
}

impl Slices {
    fn of(split: &Split) -> Slices {
        let is_head = head_items(split);
        let baskets_of = split.train.view().transpose(split.n_items());
        let was_seen = |hidden: u32, context: &[u32]| {
            baskets_of.view().row(hidden as usize).iter().any(|&basket| {
                let row = split.train.view().row(basket as usize);
                context.iter().any(|item| row.binary_search(item).is_ok())
            })
        };
        let queries = &split.queries;
        let mask = |of: &dyn Fn(&crate::cases::Query) -> bool| queries.iter().map(of).collect();
        Slices {
            new: mask(&|query| split.is_new(query)),
            again: mask(&|query| split.is_known(query) && !split.is_new(query)),
            unknown: mask(&|query| query.customer == ABSENT),
            tail: mask(&|query| !is_head[query.hidden as usize]),
            unseen_rest: mask(&|query| !was_seen(query.hidden, &query.context)),
            unseen_single: mask(&|query| !was_seen(query.hidden, &query.context[..1])),
        }
    }

    fn named(&self, is_single: bool) -> [(&'static str, &[bool]); 5] {
        [
            ("new", &self.new),
            ("again", &self.again),
            ("unknown", &self.unknown),
            ("tail", &self.tail),
            ("unseen_pair", if is_single { &self.unseen_single } else { &self.unseen_rest }),
        ]
    }
}

/// The best-selling items that make up half of the training lines.
fn head_items(split: &Split) -> Vec<bool> {
    let mut counts = vec![0_u32; split.n_items()];
    split.train.indices.iter().for_each(|&item| counts[item as usize] += 1);
    head_of(&counts)
}

/// The best-selling items that make up half of all lines.
pub(crate) fn head_of(counts: &[u32]) -> Vec<bool> {
    let mut items: Vec<usize> = (0..counts.len()).collect();
    items.sort_by_key(|&item| (std::cmp::Reverse(counts[item]), item));
    let half: u64 = counts.iter().map(|&n| u64::from(n)).sum();
    let mut is_head = vec![false; counts.len()];
    let mut sum = 0;
    for item in items {
        if sum * 2 >= half {
            break;
        }
        sum += u64::from(counts[item]);
        is_head[item] = true;
    }
    is_head
}

/// Whole cases, in order.
pub(crate) const WHOLE_CASES: [&str; 4] = ["rest", "single", "discover:rest", "discover:single"];

/// The case that a slice is of.
fn whole_case(case: &str) -> usize {
    // `discover:rest` does not begin with `rest`.
    WHOLE_CASES.iter().position(|whole| case.starts_with(whole)).unwrap_or(0)
}

fn breadths_of(split: &Split, ranks: &Ranks) -> [Breadth; WHOLE_CASES.len()] {
    let mut n_sales = vec![0_u32; split.n_items()];
    split.train.indices.iter().for_each(|&item| n_sales[item as usize] += 1);
    let hidden = |is_discover: bool| {
        let asked = split.queries.iter().filter(move |query| !is_discover || split.is_new(query));
        asked.map(|query| query.hidden)
    };
    let of = |case: usize| {
        let is_discover = WHOLE_CASES[case].starts_with("discover");
        Breadth::of(&n_sales, ranks.listed[case].iter().copied(), hidden(is_discover))
    };
    [of(0), of(1), of(2), of(3)]
}

/// All cases and slices of one method.
pub(crate) fn summarize(
    method: &str,
    split: &Split,
    ranks: &Ranks,
    fit: Duration,
    parameter: Option<String>,
) -> Vec<Outcome> {
    let latency = Latency::of(&ranks.latencies);
    let breadths = breadths_of(split, ranks);
    let outcome = |case: String, case_ranks: &[usize]| Outcome {
        breadth: breadths[whole_case(&case)],
        fit,
        latency,
        parameter: parameter.clone(),
        reliability: ranks.reliability_of(&case),
        ..Outcome::of_ranks(method, &case, case_ranks)
    };
    let mut outcomes = vec![
        outcome("rest".into(), &ranks.rest),
        outcome("single".into(), &ranks.single),
        outcome("discover:rest".into(), &ranks.discover_rest),
        outcome("discover:single".into(), &ranks.discover_single),
    ];
    let slices = Slices::of(split);
    let discover = &slices.new;
    for (case, case_ranks) in [
        ("rest", &ranks.rest),
        ("single", &ranks.single),
        ("discover:rest", &ranks.discover_rest),
        ("discover:single", &ranks.discover_single),
    ] {
        let is_discover = case_ranks.len() != split.queries.len() || case.starts_with("discover");
        for (name, mask) in slices.named(case.ends_with("single")) {
            // Discovery is the slice `new` by itself; its rows are those of the mask.
            if is_discover && ["new", "again", "unknown"].contains(&name) {
                continue;
            }
            let mask: Vec<bool> = if is_discover {
                discover
                    .iter()
                    .zip(mask)
                    .filter(|(new, _)| **new)
                    .map(|(_, in_it)| *in_it)
                    .collect()
            } else {
                mask.to_vec()
            };
            let picked: Vec<usize> = case_ranks
                .iter()
                .zip(&mask)
                .filter(|(_, in_slice)| **in_slice)
                .map(|(rank, _)| *rank)
                .collect();
            outcomes.push(outcome(format!("{case}:{name}"), &picked));
        }
    }
    // Of no queries there is no mean.
    outcomes.retain(|outcome| outcome.n_queries > 0);
    outcomes
}
