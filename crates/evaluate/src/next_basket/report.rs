//! Lists to metrics: one outcome a method and case.
//!
//! Each metric is the mean over folds of the mean over a fold's customers. Cases: `all` holds the
//! list against the whole basket; `repeat` against its items that the customer had bought before,
//! `explore` against the others, `tail` against those outside the best-sellers, each over the
//! customers whose basket has such items.

use super::Lists;
use super::gain::Gain;
use crate::breadth::{BREADTH_LEN, Breadth};
use crate::customer_file::CustomerFile;
use crate::latency::Latency;
use crate::report::head_of;
use measure::BootstrapSpec;
use measure::bootstrap::bootstrap_columns;
use measure::ranking::{Ideal, any_hit_at, hits, ndcg_of_list, recall_of_list, reciprocal_rank_at};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Seed of the bootstrap: intervals are the same from run to run.
const SEED: u64 = 7;

/// Metrics in the order of the report. The ideal of `NDCG@k` (or `NDCG@k_all_truth`) is all of the
/// truth, that of `NDCG@k_best_at_k` min(k, |truth|) hits in front. `PHR@k` is also told by its
/// other name, `HR@k`; `MRR@20` is of the first item of the list that was bought.
pub const NAMES: [&str; N_METRICS] = [
    "R@10",
    "R@20",
    "NDCG@10",
    "NDCG@20",
    "NDCG@10_best_at_k",
    "NDCG@20_best_at_k",
    "PHR@10",
    "PHR@20",
    "MRR@20",
];

const N_METRICS: usize = 9;

/// What a metric is called besides.
const OTHER_NAMES: [(&str, &str); 4] = [
    ("NDCG@10", "NDCG@10_all_truth"),
    ("NDCG@20", "NDCG@20_all_truth"),
    ("PHR@10", "HR@10"),
    ("PHR@20", "HR@20"),
];

/// What one method gave in one case.
#[derive(Clone, Debug, PartialEq)]
pub struct NextBasketOutcome {
    pub method: String,
    /// `all`, `repeat`, `explore` or `tail`.
    pub case: &'static str,
    /// Customers asked, summed over folds.
    pub n_queries: usize,
    /// In the order of [`NAMES`].
    pub means: [f64; N_METRICS],
    /// 95 % by bootstrap over customers; `None` below two.
    pub intervals: Option<[(f64, f64); N_METRICS]>,
    /// Standard deviation of R@10 over the folds, `None` with one.
    pub recall_sd: Option<f64>,
    /// Of the lists; the same in every case.
    pub breadth: Breadth,
    pub fit: Duration,
    pub latency: Latency,
    /// What was chosen on the validation customers.
    pub parameter: Option<String>,
    /// Of the method `alongside`, less each method that ran before it; of the same without a
    /// source, less the whole.
    pub gains: Vec<Gain>,
    /// By customer asked.
    pub(super) rows: Vec<Option<Row>>,
}

impl NextBasketOutcome {
    pub fn get(&self, name: &str) -> Option<f64> {
        NAMES.iter().position(|&other| other == name).map(|at| self.means[at])
    }

    /// One JSON line.
    pub fn to_json(&self) -> Value {
        let mut line = Map::new();
        line.insert("method".into(), json!(self.method));
        line.insert("case".into(), json!(self.case));
        line.insert("queries".into(), json!(self.n_queries));
        for (at, name) in NAMES.iter().enumerate() {
            let other = OTHER_NAMES.iter().filter(|(of, _)| of == name).map(|(_, other)| other);
            for name in std::iter::once(name).chain(other) {
                line.insert((*name).into(), json!(self.means[at]));
                if let Some(intervals) = &self.intervals {
                    line.insert(format!("{name}_low"), json!(intervals[at].0));
                    line.insert(format!("{name}_high"), json!(intervals[at].1));
                }
            }
        }
        self.write_gains(&mut line);
        if let Some(sd) = self.recall_sd {
            line.insert("R@10_sd".into(), json!(sd));
        }
        self.breadth.write(&mut line);
        line.insert("fit_s".into(), json!(self.fit.as_secs_f64()));
        self.latency.write(&mut line);
        if let Some(parameter) = &self.parameter {
            line.insert("parameter".into(), json!(parameter));
        }
        Value::Object(line)
    }
}

/// Which items of the hidden basket count.
#[derive(Clone, Copy, PartialEq)]
enum Case {
    All,
    Repeat,
    Explore,
    Tail,
}

const CASES: [(Case, &str); 4] = [
    (Case::All, "all"),
    (Case::Repeat, "repeat"),
    (Case::Explore, "explore"),
    (Case::Tail, "tail"),
];

/// Baskets of the histories with each item.
fn sales_of(file: &CustomerFile) -> Vec<u32> {
    let mut n_sales = vec![0; file.n_items()];
    for &item in file.histories.iter().flatten().flatten() {
        n_sales[item as usize] += 1;
    }
    n_sales
}

pub(super) fn summarize(
    method: &str,
    file: &CustomerFile,
    asked: &[u32],
    lists: &Lists,
    fit: Duration,
    parameter: Option<String>,
) -> Vec<NextBasketOutcome> {
    let latency = Latency::of(&lists.latencies);
    let n_sales = sales_of(file);
    let is_head = head_of(&n_sales);
    let listed = lists.by_asked.iter().flat_map(|list| list.iter().take(BREADTH_LEN)).copied();
    let bought = asked.iter().flat_map(|&c| file.futures[c as usize].iter().copied());
    let breadth = Breadth::of(&n_sales, listed, bought);
    CASES
        .into_iter()
        .map(|(case, name)| {
            let rows = rows_of(case, file, asked, lists, &is_head);
            let folds = FoldMeans::of(file, asked, &rows);
            NextBasketOutcome {
                method: method.to_owned(),
                case: name,
                n_queries: folds.n_queries,
                means: folds.means,
                intervals: folds.intervals(&rows),
                recall_sd: sample_sd(&folds.recalls),
                breadth,
                fit,
                latency,
                parameter: parameter.clone(),
                gains: Vec::new(),
                rows,
            }
        })
        .collect()
}

pub(super) type Row = [f64; N_METRICS];

/// The metrics of each customer asked; `None` where the basket has no items of this case.
fn rows_of(
    case: Case,
    file: &CustomerFile,
    asked: &[u32],
    lists: &Lists,
    is_head: &[bool],
) -> Vec<Option<Row>> {
    let row = |(&customer, list): (&u32, &Vec<u32>)| {
        let history = &file.histories[customer as usize];
        let had = |item: &u32| history.iter().any(|basket| basket.binary_search(item).is_ok());
        let future = file.futures[customer as usize].iter().copied();
        let truth: Vec<u32> = future
            .filter(|item| match case {
                Case::All => true,
                Case::Repeat => had(item),
                Case::Explore => !had(item),
                Case::Tail => !is_head[*item as usize],
            })
            .collect();
        row_of(list, &truth)
    };
    asked.iter().zip(&lists.by_asked).map(row).collect()
}

fn row_of(list: &[u32], truth: &[u32]) -> Option<Row> {
    let flags = hits(list, truth);
    let n = truth.len();
    let ndcg = |k, ideal| ndcg_of_list(&flags, n, k, ideal);
    Some([
        recall_of_list(&flags, n, 10)?,
        recall_of_list(&flags, n, 20)?,
        ndcg(10, Ideal::AllTruth)?,
        ndcg(20, Ideal::AllTruth)?,
        ndcg(10, Ideal::BestAtK)?,
        ndcg(20, Ideal::BestAtK)?,
        any_hit_at(&flags, 10),
        any_hit_at(&flags, 20),
        flags.iter().position(|&hit| hit).map_or(0.0, |at| reciprocal_rank_at(at + 1, 20)),
    ])
}

pub(super) struct FoldMeans {
    n_queries: usize,
    pub(super) means: Row,
    /// R@10 of each fold.
    recalls: Vec<f64>,
    /// Weight of each customer asked in `means`; they add up to 1.
    weights: Vec<f64>,
}

impl FoldMeans {
    /// Folds in which nobody has items of the case are left out.
    pub(super) fn of(file: &CustomerFile, asked: &[u32], rows: &[Option<Row>]) -> FoldMeans {
        let mut found = FoldMeans {
            n_queries: 0,
            means: [0.0; N_METRICS],
            recalls: Vec::new(),
            weights: vec![0.0; rows.len()],
        };
        for fold in &file.folds {
            let mut places: Vec<usize> =
                fold.iter().filter_map(|customer| asked.binary_search(customer).ok()).collect();
            places.retain(|&at| rows[at].is_some());
            if places.is_empty() {
                continue;
            }
            let share = 1.0 / places.len() as f64;
            let recall = |&at: &usize| rows[at].map_or(0.0, |row| row[0]);
            found.recalls.push(places.iter().map(recall).sum::<f64>() * share);
            found.n_queries += places.len();
            places.iter().for_each(|&at| found.weights[at] += share);
        }
        let n_folds = found.recalls.len().max(1) as f64;
        for (weight, row) in found.weights.iter_mut().zip(rows) {
            *weight /= n_folds;
            for (mean, value) in found.means.iter_mut().zip(row.iter().flatten()) {
                *mean += *weight * value;
            }
        }
        found
    }

    /// A customer may be in several folds, so customers are drawn, not queries: of a weighted mean
    /// m the column m + w/w̄ (v − m) is resampled, which has the mean m and the ratio estimator's
    /// variance (Cochran 1977, section 6.4).
    pub(super) fn intervals(&self, rows: &[Option<Row>]) -> Option<[(f64, f64); N_METRICS]> {
        let counted: Vec<(f64, &Row)> = self
            .weights
            .iter()
            .zip(rows)
            .filter_map(|(&weight, row)| Some((weight, row.as_ref()?)))
            .collect();
        let n = counted.len() as f64;
        let columns: Vec<Vec<f64>> = (0..N_METRICS)
            .map(|at| {
                let mean = self.means[at];
                counted.iter().map(|(weight, row)| mean + weight * n * (row[at] - mean)).collect()
            })
            .collect();
        let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let intervals = bootstrap_columns(&slices, &BootstrapSpec::with_seed(SEED))?;
        Some(std::array::from_fn(|at| (intervals[at].low, intervals[at].high)))
    }
}

fn sample_sd(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    if values.len() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (n - 1.0)).sqrt())
}
