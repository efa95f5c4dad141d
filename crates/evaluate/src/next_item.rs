//! Protocol NI, "what comes next in this visit": methods × cases.
//!
//! For every test session and every step but the first, the steps before it are the context and
//! the method lists 20 items. MRR and hit ratio ask for the very next item; recall, precision and
//! NDCG for all that remain. Cases: `all`; `repeat` and `explore`, its two parts (the next item
//! was in the visit before, or was not); `discover`, the queries of `explore` with the items of
//! the visit masked for every method.

use crate::ablation::{Ablation, OF_VISITS, Wanted};
use crate::basket_completion::{OnMethod, Stopwatch};
use crate::breadth::{BREADTH_LEN, Breadth};
use crate::error::Error;
use crate::latency::Latency;
use crate::report::{Metrics, Outcome};
use crate::session_baselines::{
    Counted, Counting, NextItem, Ours, Popular, SessionEase, VmisMethod,
};
use crate::session_file::SessionSplit;
use learn::Without;
use learn::sessions::{IndexLimits, SessionLog, SessionModel, SessionParams, SessionTable};
use measure::BootstrapSpec;
use measure::bootstrap::bootstrap_columns;
use measure::ranking::{Ideal, ndcg_at, ndcg_of_list, reciprocal_rank_at};
use queries::Query;
use score::sessions::vmis::{Vmis, VmisParams, VmisScratch, idf_of};
use score::sessions::{Head, RankScratch};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;

mod queries;

/// Length of the list.
pub const LIST_LEN: usize = 20;
/// Seed of the bootstrap: intervals are the same from run to run, resamples those of all methods.
const SEED: u64 = 7;
const EASE_LAMBDAS: [f64; 2] = [10.0, 100.0];
/// The method that serves.
const OURS: &str = "alongside";
/// What its gain is measured against.
pub const RIVAL: &str = "vmis_tuned";

/// Every method, in the order of the report.
pub const METHODS: [&str; 8] =
    ["popularity", "cooccurrence", "markov", "ease", "vmis_shipped", "vmis_tuned", "plain", OURS];

/// The ideal of `NDCG@20`, also told as `NDCG@20_best_at_k`, is the best list of 20; that of
/// `NDCG@20_all_truth` all that remains.
const NAMES: [&str; 6] = ["MRR@20", "HR@20", "R@20", "NDCG@20", "P@20", "NDCG@20_all_truth"];
pub const CASES: [&str; 4] = ["all", "repeat", "explore", "discover"];
const DISCOVER: usize = 3;

/// One method in one case; ours beside [`RIVAL`], and without a source beside the whole.
#[derive(Clone, Debug, PartialEq)]
pub struct NextItemOutcome {
    pub outcome: Outcome,
    /// The other method of `gains`.
    pub gain_over: Option<&'static str>,
    /// Mean difference in each metric, the first being MRR@20, and its 95 % interval, paired by
    /// query. Empty for the other methods, and below two visitors.
    pub gains: Vec<(&'static str, measure::Interval)>,
}

impl NextItemOutcome {
    pub fn to_json(&self) -> Value {
        let mut line = self.outcome.to_json();
        let Some(fields) = line.as_object_mut() else { return line };
        if let Some(ndcg) = self.outcome.metrics.get("NDCG@20") {
            fields.insert("NDCG@20_best_at_k".into(), json!(ndcg));
        }
        if let Some(over) = self.gain_over {
            fields.insert("gain_over".into(), json!(over));
        }
        for (name, gain) in &self.gains {
            fields.insert(format!("{name}_gain"), json!(gain.mean));
            fields.insert(format!("{name}_gain_low"), json!(gain.low));
            fields.insert(format!("{name}_gain_high"), json!(gain.high));
        }
        line
    }
}

/// The sizes of a split, to be checked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    pub n_train_sessions: usize,
    pub n_items: usize,
    pub n_test_sessions: usize,
    pub n_queries: usize,
    pub n_explore: usize,
}

pub fn sizes_of(split: &SessionSplit) -> Sizes {
    let mut n_explore = 0;
    queries::for_each(&split.test, split.item_ids.len(), |query| {
        n_explore += usize::from(!query.is_repeat());
    });
    Sizes {
        n_train_sessions: split.train.len(),
        n_items: split.item_ids.len(),
        n_test_sessions: split.test.len(),
        n_queries: SessionSplit::n_cases(&split.test),
        n_explore,
    }
}

/// Metrics of every query, one column a metric, by case.
#[derive(Clone, Debug, Default)]
struct Columns {
    by_case: [[Vec<f64>; NAMES.len()]; CASES.len()],
    /// By case, the first ten of every list, and the items that came next.
    listed: [Vec<u32>; CASES.len()],
    next: [Vec<u32>; CASES.len()],
    /// By case, the session of each query.
    sessions: [Vec<u32>; CASES.len()],
    latencies: Vec<Duration>,
    /// At n, what a perfect list of n gains.
    ideals: Vec<f64>,
}

impl Columns {
    fn push(&mut self, case: usize, query: &Query<'_>, list: &[u32]) {
        while self.ideals.len() <= query.n_truth.max(LIST_LEN) {
            let rank = self.ideals.len();
            let next = if rank == 0 { 0.0 } else { ndcg_at(rank, rank) };
            self.ideals.push(self.ideals.last().unwrap_or(&0.0) + next);
        }
        let values = metrics_of(query, list, &self.ideals);
        self.listed[case].extend(list.iter().take(BREADTH_LEN));
        self.next[case].push(query.next);
        self.sessions[case].push(query.session as u32);
        for (column, value) in self.by_case[case].iter_mut().zip(values) {
            column.push(value);
        }
    }
}

/// Runs the protocol. Each outcome is handed on as soon as its method is done.
pub fn run(
    split: &SessionSplit,
    wanted: &Wanted<'_>,
    now: Stopwatch<'_>,
    on_method: OnMethod<'_>,
    mut take: impl FnMut(NextItemOutcome),
) -> Result<Sizes, Error> {
    let bench = Bench { split, now };
    let n_seen = seen_of(split);
    let methods = chosen_methods(wanted.methods)?;
    let ablations = OF_VISITS.ablations(wanted.without, OURS)?;
    let visitors = &split.test_visitors;
    let mut tell = |method: &str, run: &MethodRun, base: Option<(&'static str, &Columns)>| {
        for case in 0..CASES.len() {
            let gains =
                base.map(|(_, base)| gains_of(&run.0, base, case, visitors)).unwrap_or_default();
            let gain_over = base.map(|(name, _)| name).filter(|_| !gains.is_empty());
            let outcome = outcome_of(method, case, run, (&n_seen, visitors));
            take(NextItemOutcome { outcome, gain_over, gains });
        }
    };
    let (mut rival, mut whole): (Option<MethodRun>, Option<MethodRun>) = (None, None);
    for method in methods {
        on_method(method);
        let run = bench.run_method(method)?;
        let base = rival.as_ref().filter(|_| method == OURS);
        tell(method, &run, base.map(|base| (RIVAL, &base.0)));
        match method {
            RIVAL => rival = Some(run),
            OURS => whole = Some(run),
            _ => {}
        }
    }
    for Ablation { method, without } in ablations {
        on_method(&method);
        let run = bench.ours(true, without, now())?;
        tell(&method, &run, whole.as_ref().map(|whole| (OURS, &whole.0)));
    }
    Ok(sizes_of(split))
}

/// Ours less theirs, all metrics with the same resamples.
fn gains_of(
    ours: &Columns,
    theirs: &Columns,
    case: usize,
    visitors: &[u32],
) -> Vec<(&'static str, measure::Interval)> {
    let less = |(ours, theirs): (&Vec<f64>, &Vec<f64>)| -> Vec<f64> {
        ours.iter().zip(theirs).map(|(ours, theirs)| ours - theirs).collect()
    };
    let columns: Vec<Vec<f64>> =
        ours.by_case[case].iter().zip(&theirs.by_case[case]).map(less).collect();
    let gains = by_visitor(&columns, &ours.sessions[case], visitors).unwrap_or_default();
    NAMES.into_iter().zip(gains).collect()
}

/// Intervals of means over queries, where visitors are drawn and not queries: those of one are
/// alike. Of visitor u with n_u of n queries and their sum s_u, the value m + U/n (s_u − n_u m) is
/// resampled, U visitors: it has the mean m and the ratio estimator's variance (Cochran 1977,
/// section 6.4).
fn by_visitor(
    columns: &[Vec<f64>],
    sessions: &[u32],
    visitors: &[u32],
) -> Option<Vec<measure::Interval>> {
    let mut place_of: HashMap<u32, usize> = HashMap::new();
    let places: Vec<usize> = sessions
        .iter()
        .map(|&session| {
            let next = place_of.len();
            *place_of.entry(visitors[session as usize]).or_insert(next)
        })
        .collect();
    let scale = place_of.len() as f64 / places.len().max(1) as f64;
    let by_visitor = |column: &Vec<f64>| -> Vec<f64> {
        let mean = measure::ranking::mean(column).unwrap_or(0.0);
        let mut values = vec![mean; place_of.len()];
        let queries = places.iter().zip(column);
        queries.for_each(|(&place, value)| values[place] += scale * (value - mean));
        values
    };
    let columns: Vec<Vec<f64>> = columns.iter().map(by_visitor).collect();
    let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    bootstrap_columns(&slices, &BootstrapSpec::with_seed(SEED))
}

/// Training steps of each item.
fn seen_of(split: &SessionSplit) -> Vec<u32> {
    let mut n_seen = vec![0; split.item_ids.len()];
    let sessions = (0..split.train.len()).flat_map(|session| split.train.session(session));
    sessions.for_each(|step| n_seen[step.item as usize] += 1);
    n_seen
}

fn chosen_methods(names: &[String]) -> Result<Vec<&'static str>, Error> {
    let known = || METHODS.join(", ");
    if let Some(name) = names.iter().find(|name| !METHODS.contains(&name.as_str())) {
        return Err(Error::UnknownMethod { name: name.clone(), known: known() });
    }
    let is_chosen = |method: &&str| names.is_empty() || names.iter().any(|name| name == method);
    Ok(METHODS.into_iter().filter(is_chosen).collect())
}

struct Bench<'a> {
    split: &'a SessionSplit,
    now: Stopwatch<'a>,
}

type MethodRun = (Columns, Duration, Option<String>);

impl Bench<'_> {
    fn n_items(&self) -> usize {
        self.split.item_ids.len()
    }

    fn run_method(&self, method: &str) -> Result<MethodRun, Error> {
        let began = (self.now)();
        match method {
            "ease" => return self.ease(began),
            "plain" | OURS => return self.ours(method == OURS, Without::default(), began),
            _ => {}
        }
        let table =
            SessionTable::of(&self.split.train, self.n_items(), &vmis_limits(&self.split.train));
        let index = table.view();
        let idf = if method.starts_with("vmis") { idf_of(&index) } else { Vec::new() };
        let vmis = |params| VmisMethod {
            vmis: Vmis { index, idf: &idf, params },
            scratch: VmisScratch::default(),
        };
        let mut predictor: Box<dyn NextItem + '_> = match method {
            "popularity" => Box::new(Popular::fit(&index)),
            "cooccurrence" => Box::new(Counting::new(index, Counted::Together)),
            "markov" => Box::new(Counting::new(index, Counted::Next)),
            "vmis_shipped" => Box::new(vmis(VmisParams::SHIPPED)),
            _ => Box::new(vmis(VmisParams::TUNED)),
        };
        let fit = (self.now)() - began;
        Ok((self.ask(&self.split.test, &mut *predictor, self.now), fit, None))
    }

    /// λ is chosen on the validation sessions.
    fn ease(&self, began: Duration) -> Result<MethodRun, Error> {
        let mut best: Option<(f64, f64, SessionEase)> = None;
        for lambda in EASE_LAMBDAS {
            let mut model = SessionEase::fit(&self.split.train, self.n_items(), lambda)?;
            let columns = self.ask(&self.split.valid, &mut model, &|| Duration::ZERO);
            let mrr = measure::ranking::mean(&columns.by_case[0][0]).unwrap_or(0.0);
            if best.as_ref().is_none_or(|(best, _, _)| mrr > *best) {
                best = Some((mrr, lambda, model));
            }
        }
        let (_, lambda, mut model) = best.expect("the list of lambdas is not empty");
        let fit = (self.now)() - began;
        let columns = self.ask(&self.split.test, &mut model, self.now);
        Ok((columns, fit, Some(format!("lambda={lambda}"))))
    }

    fn ours(&self, is_ranked: bool, without: Without, began: Duration) -> Result<MethodRun, Error> {
        let (train, valid) = (&self.split.train, &self.split.valid);
        let params = SessionParams { without, ..SessionParams::default() };
        let model = if is_ranked {
            SessionModel::learn(train, Some(valid), self.n_items(), &params)?
        } else {
            SessionModel::index(train, self.n_items(), &params)
        };
        let fit = (self.now)() - began;
        let mut predictor = Ours {
            next: model.ranker(Head::Next),
            discover: model.ranker(Head::Discover),
            scratch: RankScratch::default(),
        };
        let columns = self.ask(&self.split.test, &mut predictor, self.now);
        Ok((columns, fit, is_ranked.then(|| model.note.clone())))
    }

    /// Asks every query; latency is that of case `all`.
    fn ask(&self, log: &SessionLog, predictor: &mut dyn NextItem, now: Stopwatch<'_>) -> Columns {
        let mut columns = Columns::default();
        let mut list = Vec::with_capacity(LIST_LEN);
        queries::for_each(log, self.n_items(), |query| {
            list.clear();
            let began = now();
            predictor.predict(&query.visit, true, LIST_LEN, &mut list);
            columns.latencies.push(now() - began);
            columns.push(0, query, &list);
            if query.is_repeat() {
                columns.push(1, query, &list);
                return;
            }
            columns.push(2, query, &list);
            list.clear();
            predictor.predict(&query.visit, false, LIST_LEN, &mut list);
            columns.push(DISCOVER, query, &list);
        });
        columns
    }
}

/// Sessions with more distinct items than 99.5 % of them are left out of the postings, as Serenade
/// does.
fn vmis_limits(train: &SessionLog) -> IndexLimits {
    let mut n_distinct: Vec<f64> = (0..train.len())
        .map(|session| {
            let mut items: Vec<u32> = train.session(session).iter().map(|s| s.item).collect();
            items.sort_unstable();
            items.dedup();
            items.len() as f64
        })
        .collect();
    n_distinct.sort_unstable_by(f64::total_cmp);
    let max_items = measure::bootstrap::quantile(&n_distinct, 0.995) as usize;
    IndexLimits { max_steps: usize::MAX, max_items, max_postings: usize::MAX }
}

/// MRR and HR on the next item; recall, NDCG and precision on all that remain. Recall divides by
/// the steps that remain, a repeated item counted each time, as Serenade does.
fn metrics_of(query: &Query<'_>, list: &[u32], ideals: &[f64]) -> [f64; NAMES.len()] {
    let rank = list.iter().position(|&item| item == query.next).map(|at| at + 1);
    let hits = query.hits(list);
    let n_hits = hits.iter().filter(|&&hit| hit).count() as f64;
    let n_best = query.n_truth.min(LIST_LEN);
    let ndcg = ndcg_of_list(&hits, n_best, LIST_LEN, Ideal::BestAtK).unwrap_or(0.0);
    [
        rank.map_or(0.0, |rank| reciprocal_rank_at(rank, LIST_LEN)),
        f64::from(u8::from(rank.is_some())),
        n_hits / query.n_remaining as f64,
        ndcg,
        n_hits / LIST_LEN as f64,
        // The same gain, held against more; what remains is never empty.
        ndcg * ideals[n_best] / ideals[query.n_truth],
    ]
}

fn outcome_of(
    method: &str,
    case: usize,
    (columns, fit, parameter): &MethodRun,
    (n_seen, visitors): (&[u32], &[u32]),
) -> Outcome {
    let (listed, next) = (&columns.listed[case], &columns.next[case]);
    let breadth = Breadth::of(n_seen, listed.iter().copied(), next.iter().copied());
    let of_case = &columns.by_case[case];
    let intervals = by_visitor(of_case, &columns.sessions[case], visitors);
    let values = NAMES
        .into_iter()
        .enumerate()
        .map(|(at, name)| {
            let interval = intervals.as_ref().map(|all| (all[at].low, all[at].high));
            (name, measure::ranking::mean(&of_case[at]).unwrap_or(0.0), interval)
        })
        .collect();
    Outcome {
        method: method.to_owned(),
        case: CASES[case].to_owned(),
        n_queries: of_case[0].len(),
        metrics: Metrics { values },
        breadth,
        fit: *fit,
        latency: Latency::of(&columns.latencies),
        parameter: parameter.clone(),
        ..Outcome::default()
    }
}
