//! Protocol UP, "who responds": learners × treatments of a randomized experiment.
//!
//! Twenty splits; a customer is in the test part of split s when the first 8 hex digits of
//! sha(s, customer), as a number, leave a rest below 3 by 10. Learners see the training part, and
//! rank the test part; qini and uplift@30 are those of scikit-uplift.
//!
//! The splits share their customers, so twenty of them are not twenty times the evidence: a metric
//! is the mean over splits, its interval that of one split (bootstrap over the split's customers),
//! averaged. The same for the difference to [`RIVAL`], with shared resamples.

use crate::basket_completion::{OnMethod, Stopwatch};
use crate::cases::sha;
use crate::error::Error;
use crate::uplift_file::UpliftFile;
use measure::logistic::Rows;
use measure::uplift::qini::CurvePoint;
use measure::uplift::{Experiment, Learner, RankedBy, Ranking, learners};
use measure::{BootstrapSpec, Comparison, Effect, Interval, Metric, Moments, Sequence};
use rayon::prelude::*;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Every method, in the order of the report.
pub const METHODS: [(&str, Learner); 5] = [
    ("response", Learner::Response),
    (RIVAL, Learner::TLogistic),
    ("s_logistic", Learner::SLogistic),
    ("dr_logistic", Learner::DrLogistic),
    ("alongside", Learner::SRelevance),
];
/// What the gain of every other method is measured against.
pub const RIVAL: &str = "t_logistic";
pub const N_SPLITS: u32 = 20;
const TOP_SHARE: f64 = 0.3;
const LEVEL: f64 = 0.95;
/// Resamples of each split; their intervals are averaged over the splits.
const N_RESAMPLES: u32 = 500;
/// Seed of the bootstrap.
const SEED: u64 = 7;

/// A metric over the splits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OverSplits {
    pub mean: f64,
    /// Deviation from split to split.
    pub sd: f64,
    pub low: f64,
    pub high: f64,
}

/// One method for one treatment.
#[derive(Clone, Debug, PartialEq)]
pub struct UpliftOutcome {
    pub method: String,
    /// `all` for the first treatment asked, `all:NAME` for further ones.
    pub case: String,
    pub treatment: String,
    /// Test customers of a split, on average.
    pub n_test: usize,
    pub qini: OverSplits,
    pub uplift: OverSplits,
    /// Qini less that of [`RIVAL`].
    pub gain: Option<OverSplits>,
    /// Mean over the splits.
    pub curve: Vec<CurvePoint>,
    pub fit: Duration,
    pub p50: Duration,
    pub p99: Duration,
}

impl UpliftOutcome {
    /// The interval of the Qini leaves 0 out: the ranking is not one by chance.
    pub fn is_clear(&self) -> bool {
        self.qini.low > 0.0 || self.qini.high < 0.0
    }

    pub fn to_json(&self) -> Value {
        let mut line = Map::new();
        line.insert("method".into(), json!(self.method));
        line.insert("case".into(), json!(self.case));
        line.insert("queries".into(), json!(self.n_test));
        line.insert("treatment".into(), json!(self.treatment));
        for (name, metric) in [("qini", &self.qini), ("uplift@30", &self.uplift)] {
            metric.write(name, &mut line);
        }
        line.insert("is_clear".into(), json!(self.is_clear()));
        if let Some(gain) = &self.gain {
            line.insert("gain_over".into(), json!(RIVAL));
            gain.write("qini_gain", &mut line);
        }
        let point = |p: &CurvePoint| json!([p.share, p.gain, p.low, p.high]);
        line.insert("curve".into(), self.curve.iter().map(point).collect());
        line.insert("fit_s".into(), json!(self.fit.as_secs_f64()));
        line.insert("p50_us".into(), json!(self.p50.as_secs_f64() * 1e6));
        line.insert("p99_us".into(), json!(self.p99.as_secs_f64() * 1e6));
        Value::Object(line)
    }
}

impl OverSplits {
    fn of(intervals: &[Interval]) -> OverSplits {
        let n = intervals.len() as f64;
        let mean_of = |of: &dyn Fn(&Interval) -> f64| intervals.iter().map(of).sum::<f64>() / n;
        let mean = mean_of(&|interval| interval.mean);
        let squares: f64 = intervals.iter().map(|interval| (interval.mean - mean).powi(2)).sum();
        OverSplits {
            mean,
            sd: (squares / (n - 1.0).max(1.0)).sqrt(),
            low: mean_of(&|interval| interval.low),
            high: mean_of(&|interval| interval.high),
        }
    }

    fn write(&self, name: &str, line: &mut Map<String, Value>) {
        line.insert(name.into(), json!(self.mean));
        line.insert(format!("{name}_low"), json!(self.low));
        line.insert(format!("{name}_high"), json!(self.high));
        line.insert(format!("{name}_sd"), json!(self.sd));
    }
}

/// What a treatment does on average, and to how many.
#[derive(Clone, Debug, PartialEq)]
pub struct Treatment {
    pub name: String,
    pub n_treated: usize,
    pub n_control: usize,
    /// Difference in the share of customers with the outcome; `None` where it cannot be told.
    pub average: Option<Effect>,
}

/// Runs the protocol. `treatment`: only that arm. Outcomes of a treatment are handed on together.
pub fn run(
    file: &UpliftFile,
    treatment: Option<&str>,
    methods: &[String],
    now: Stopwatch<'_>,
    on_treatment: OnMethod<'_>,
    mut take: impl FnMut(&Treatment, Vec<UpliftOutcome>),
) -> Result<(), Error> {
    let methods = chosen_methods(methods)?;
    for (at, arm) in chosen_arms(file, treatment)?.into_iter().enumerate() {
        let name = file.arm_names[arm as usize].to_string();
        on_treatment(&name);
        let part = Part::of(file, arm);
        let case = if at == 0 { "all".to_owned() } else { format!("all:{name}") };
        let outcomes = part.outcomes(&methods, &name, &case, now)?;
        take(&part.treatment(&name), outcomes);
    }
    Ok(())
}

fn chosen_methods(names: &[String]) -> Result<Vec<(&'static str, Learner)>, Error> {
    if let Some(name) = names.iter().find(|name| !METHODS.iter().any(|(m, _)| m == name)) {
        let known = METHODS.map(|(name, _)| name).join(", ");
        return Err(Error::UnknownMethod { name: name.clone(), known });
    }
    let is_chosen = |method: &&str| names.is_empty() || names.iter().any(|name| name == method);
    Ok(METHODS.into_iter().filter(|(name, _)| is_chosen(name)).collect())
}

fn chosen_arms(file: &UpliftFile, treatment: Option<&str>) -> Result<Vec<u32>, Error> {
    let Some(name) = treatment else { return Ok(file.treatments().collect()) };
    let is_it = |arm: &u32| &*file.arm_names[*arm as usize] == name;
    file.treatments().find(is_it).map(|arm| vec![arm]).ok_or_else(|| {
        let arms: Vec<&str> = file.treatments().map(|a| &*file.arm_names[a as usize]).collect();
        Error::UnknownMethod { name: name.to_owned(), known: arms.join(", ") }
    })
}

/// One treatment and the customers left alone.
struct Part<'a> {
    file: &'a UpliftFile,
    rows: Vec<usize>,
    arm: u32,
}

/// What one split gives for one method.
struct SplitRun {
    ranked: RankedBy,
    fit: Duration,
    latencies: Vec<Duration>,
}

impl<'a> Part<'a> {
    fn of(file: &'a UpliftFile, arm: u32) -> Part<'a> {
        let is_in = |row: &usize| file.arms[*row] == arm || file.arms[*row] == file.control;
        Part { file, rows: (0..file.arms.len()).filter(is_in).collect(), arm }
    }

    fn treatment(&self, name: &str) -> Treatment {
        let mut arms = [Moments::<1>::default(), Moments::default()];
        for &row in &self.rows {
            arms[usize::from(!self.is_treated(row))].push(&[self.file.outcome[row]]);
        }
        let [treated, control] = arms;
        let how = Comparison {
            metric: Metric::Mean { column: 0 },
            covariate: None,
            treated_share: None,
            is_alike: false,
            sequence: Sequence::tightest_at(self.rows.len() as u64, 1.0 - LEVEL),
        };
        Treatment {
            name: name.to_owned(),
            n_treated: treated.n() as usize,
            n_control: control.n() as usize,
            average: measure::compare(&treated, &control, &how).ok().map(|lift| lift.difference),
        }
    }

    fn is_treated(&self, row: usize) -> bool {
        self.file.arms[row] == self.arm
    }

    fn outcomes(
        &self,
        methods: &[(&'static str, Learner)],
        name: &str,
        case: &str,
        now: Stopwatch<'_>,
    ) -> Result<Vec<UpliftOutcome>, Error> {
        let splits: Vec<Vec<SplitRun>> = (0..N_SPLITS)
            .into_par_iter()
            .map(|split| self.run_split(split, methods, now))
            .collect::<Result<_, Error>>()?;
        let n_test: usize = (0..N_SPLITS).map(|split| self.parts(split).1.len()).sum();
        let rival = methods.iter().position(|(method, _)| *method == RIVAL);
        let outcome = |(at, (method, _)): (usize, &(&str, Learner))| {
            let runs: Vec<&SplitRun> = splits.iter().map(|split| &split[at]).collect();
            let rivals = rival
                .filter(|&rival| rival != at)
                .map(|rival| splits.iter().map(|split| &split[rival].ranked).collect::<Vec<_>>());
            let (qini, uplift, gain) = over_splits(&runs, rivals.as_deref());
            let mut latencies: Vec<Duration> =
                runs.iter().flat_map(|run| run.latencies.iter().copied()).collect();
            latencies.sort_unstable();
            UpliftOutcome {
                method: (*method).to_owned(),
                case: case.to_owned(),
                treatment: name.to_owned(),
                n_test: n_test / N_SPLITS as usize,
                qini,
                uplift,
                gain,
                curve: mean_curve(&runs),
                fit: runs.iter().map(|run| run.fit).sum::<Duration>() / N_SPLITS,
                p50: latencies[latencies.len() / 2],
                p99: latencies[latencies.len() * 99 / 100],
            }
        };
        Ok(methods.iter().enumerate().map(outcome).collect())
    }

    /// Rows that train and that are asked.
    fn parts(&self, split: u32) -> (Vec<usize>, Vec<usize>) {
        let seed = split.to_string();
        let is_train = |row: &usize| {
            let digest = sha(&[&seed, &self.file.ids[*row]]);
            u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % 10 >= 3
        };
        self.rows.iter().copied().partition(is_train)
    }

    fn experiment(&self, rows: &[usize]) -> Experiment {
        let n_columns = self.file.features.n_columns;
        let mut features = Rows { n_columns, values: Vec::new() };
        for &row in rows {
            let start = row * n_columns;
            features.values.extend_from_slice(&self.file.features.values[start..start + n_columns]);
        }
        Experiment {
            features,
            treated: rows.iter().map(|&row| self.is_treated(row)).collect(),
            outcome: rows.iter().map(|&row| self.file.outcome[row]).collect(),
        }
    }

    fn run_split(
        &self,
        split: u32,
        methods: &[(&'static str, Learner)],
        now: Stopwatch<'_>,
    ) -> Result<Vec<SplitRun>, Error> {
        let (train, test) = self.parts(split);
        let (train, test) = (self.experiment(&train), self.experiment(&test));
        let mut scores = Vec::new();
        let mut times = Vec::new();
        for (_, learner) in methods {
            let began = now();
            let model = learners::fit(*learner, &train)?;
            let fit = now() - began;
            let mut latencies = Vec::with_capacity(test.len());
            let predicted: Vec<f64> = test
                .features
                .iter()
                .map(|row| {
                    let began = now();
                    let uplift = model.predict(row);
                    latencies.push(now() - began);
                    uplift
                })
                .collect();
            scores.push(predicted);
            times.push((fit, latencies));
        }
        let columns: Vec<&[f64]> = scores.iter().map(Vec::as_slice).collect();
        let ranking =
            Ranking { treated: &test.treated, outcome: &test.outcome, top_share: TOP_SHARE };
        let spec = BootstrapSpec { n_resamples: N_RESAMPLES, level: LEVEL, seed: SEED };
        let ranked = ranking.measure(&columns, &spec).ok_or(Error::NoQini { split })?;
        let with_times = |(ranked, (fit, latencies))| SplitRun { ranked, fit, latencies };
        Ok(ranked.into_iter().zip(times).map(with_times).collect())
    }
}

/// Qini, uplift and the gain over the rival's rankings.
fn over_splits(
    runs: &[&SplitRun],
    rivals: Option<&[&RankedBy]>,
) -> (OverSplits, OverSplits, Option<OverSplits>) {
    let always = "a split that was measured has resamples";
    let pairs: Vec<[Interval; 2]> =
        runs.iter().map(|run| run.ranked.intervals(LEVEL).expect(always)).collect();
    let of = |at: usize| OverSplits::of(&pairs.iter().map(|pair| pair[at]).collect::<Vec<_>>());
    let gain = rivals.map(|rivals| {
        let gains = runs.iter().zip(rivals);
        let gains = gains.map(|(run, rival)| run.ranked.gain_over(rival, LEVEL).expect(always));
        OverSplits::of(&gains.collect::<Vec<_>>())
    });
    (of(0), of(1), gain)
}

fn mean_curve(runs: &[&SplitRun]) -> Vec<CurvePoint> {
    let n = runs.len() as f64;
    let point = |at: usize| {
        let mean = |of: &dyn Fn(&CurvePoint) -> f64| {
            runs.iter().map(|run| of(&run.ranked.curve[at])).sum::<f64>() / n
        };
        CurvePoint {
            share: runs[0].ranked.curve[at].share,
            gain: mean(&|p| p.gain),
            low: mean(&|p| p.low),
            high: mean(&|p| p.high),
        }
    };
    (0..runs[0].ranked.curve.len()).map(point).collect()
}
