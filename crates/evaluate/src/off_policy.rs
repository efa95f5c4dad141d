//! Protocol OP, "what would another policy have earned": policies judged by logs of others.
//!
//! Weights are exact where the logged chances and the policy are; see [`crate::policy_log`].

use crate::error::Error;
use crate::policy_log::{LEVEL, LogColumns, LogNames, Policy, PolicyLog};
use measure::folds::fold_of;
use measure::off_policy::{self, CannotKnow, Estimates, Log, Value as Estimate, Weights};
use measure::skew::SkewInterval;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// The reward model of a fold does not see the fold's rows.
const FOLDS: usize = 5;

/// What a log says of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyOutcome {
    /// What was asked, as `uniform:men`.
    pub case: String,
    pub weights: Weights,
    pub is_approximate: bool,
    pub result: Result<Estimates, CannotKnow>,
    /// Mean reward where the policy itself was at work, to compare with.
    pub observed: Option<SkewInterval>,
}

/// Estimators in the order of the report.
pub const METHODS: [&str; 4] = ["ips", "snips", "dr", "dr_shrunk"];

impl PolicyOutcome {
    /// Estimates in the order of [`METHODS`].
    pub fn estimates(&self) -> Option<[Estimate; 4]> {
        self.result.as_ref().ok().map(|found| [found.ips, found.snips, found.dr, found.dr_shrunk])
    }

    /// One JSON line an estimator.
    pub fn to_json(&self) -> Vec<Value> {
        let estimates = self.estimates();
        let line = |(at, method): (usize, &str)| {
            let mut line = Map::new();
            let mut put = |name: &str, value: Value| line.insert(name.to_owned(), value);
            put("method", json!(method));
            put("case", json!(self.case));
            put("queries", json!(self.weights.n));
            match &estimates {
                Some(estimates) => {
                    let found = estimates[at];
                    put("value", json!(found.value));
                    put("value_low", json!(found.low));
                    put("value_high", json!(found.high));
                    put("standard_error", json!(found.standard_error));
                }
                None => {
                    put("value", Value::Null);
                }
            }
            put("refused", json!(self.result.as_ref().err().map(ToString::to_string)));
            put("effective_n", json!(self.weights.effective));
            put("effective_rewards", json!(self.weights.effective_rewards));
            put("mean_weight", json!(self.weights.mean));
            put("largest_weight", json!(self.weights.largest));
            put("approximate", json!(self.is_approximate));
            if let (Ok(found), "dr_shrunk") = (&self.result, method) {
                put("shrinkage", json!(found.shrinkage.is_finite().then_some(found.shrinkage)));
            }
            if let Some(observed) = &self.observed {
                put("observed", json!(observed.mean));
                put("observed_low", json!(observed.low));
                put("observed_high", json!(observed.high));
            }
            Value::Object(line)
        };
        METHODS.into_iter().enumerate().map(line).collect()
    }
}

/// Judges `policy` by what `log` holds.
pub fn judge(
    case: &str,
    log: &PolicyLog,
    policy: &Policy,
    observed: Option<&PolicyLog>,
) -> PolicyOutcome {
    let rows = || log.positions.iter().zip(&log.items);
    let weight: Vec<f64> = rows()
        .zip(&log.propensity)
        .map(|((&position, &item), propensity)| policy.chance(position, item) / propensity)
        .collect();
    let (foretold, foretold_policy) = foretold(log, policy);
    let log_of = Log {
        reward: &log.reward,
        weight: &weight,
        foretold: &foretold,
        foretold_policy: &foretold_policy,
        unseen_share: unseen_share(log, policy),
    };
    PolicyOutcome {
        case: case.to_owned(),
        weights: off_policy::weights_of(&log_of),
        is_approximate: policy.is_approximate,
        result: off_policy::evaluate(&log_of, LEVEL),
        observed: observed.map(PolicyLog::own_value),
    }
}

/// All that a folder of logs can tell: of each pair `random_NAME` and `bts_NAME` (Bernoulli-
/// Thompson sampling), the uniform policy by the second and the second's policy by the first.
pub fn judge_folder(folder: &Path, columns: &LogColumns) -> Result<Vec<PolicyOutcome>, Error> {
    let mut outcomes = Vec::new();
    for (name, [random, bts]) in pairs_in(folder)? {
        let mut names = LogNames::default();
        let random = PolicyLog::read(&random, columns, &mut names)?;
        let bts = PolicyLog::read(&bts, columns, &mut names)?;
        let (uniform, learned) = (Policy::uniform(&names), Policy::of_log(&bts, &names));
        outcomes.push(judge(&format!("uniform:{name}"), &bts, &uniform, Some(&random)));
        outcomes.push(judge(&format!("bts:{name}"), &random, &learned, Some(&bts)));
    }
    Ok(outcomes)
}

/// Names with their random and their other log, in order of the name.
fn pairs_in(folder: &Path) -> Result<Vec<(String, [PathBuf; 2])>, Error> {
    let io = |source| Error::Io { action: "list", path: folder.to_path_buf(), source };
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        files.push(entry.map_err(io)?.path());
    }
    files.sort();
    let stem = |path: &Path| path.file_stem().map(|s| s.to_string_lossy().into_owned());
    let pair_of = |random: &PathBuf| {
        let name = stem(random)?.strip_prefix("random_")?.to_owned();
        let other = files.iter().find(|file| stem(file) == Some(format!("bts_{name}")))?;
        Some((name, [random.clone(), other.clone()]))
    };
    let pairs: Vec<_> = files.iter().filter_map(pair_of).collect();
    if pairs.is_empty() {
        return Err(Error::NoLogs { path: folder.to_path_buf() });
    }
    Ok(pairs)
}

/// Part of the policy's choices, mean over the log's positions, that the log never made there.
fn unseen_share(log: &PolicyLog, policy: &Policy) -> f64 {
    let mut seen = policy.chances.iter().map(|row| vec![false; row.len()]).collect::<Vec<_>>();
    for (&position, &item) in log.positions.iter().zip(&log.items) {
        seen[position as usize][item as usize] = true;
    }
    let unseen: Vec<f64> = policy
        .chances
        .iter()
        .zip(&seen)
        .map(|(row, seen)| row.iter().zip(seen).filter(|(_, seen)| !**seen).map(|(p, _)| p).sum())
        .collect();
    let sum: f64 = log.positions.iter().map(|&position| unseen[position as usize]).sum();
    sum / log.len().max(1) as f64
}

/// q of each row and v of its position, from the other folds.
///
/// q: share of rewards of (item, position), drawn to that of the item, and that to the mean of all,
/// each with the weight of as many impressions as one reward takes.
fn foretold(log: &PolicyLog, policy: &Policy) -> (Vec<f64>, Vec<f64>) {
    let mut q = vec![0.0; log.len()];
    let mut v = vec![0.0; log.len()];
    for fold in 0..FOLDS {
        let model = reward_model(log, policy, fold);
        let values: Vec<f64> = model
            .iter()
            .zip(&policy.chances)
            .map(|(row, chances)| row.iter().zip(chances).map(|(q, p)| q * p).sum())
            .collect();
        for row in (0..log.len()).filter(|&row| fold_of(row, FOLDS) == fold) {
            let (position, item) = (log.positions[row] as usize, log.items[row] as usize);
            q[row] = model[position][item];
            v[row] = values[position];
        }
    }
    (q, v)
}

fn reward_model(log: &PolicyLog, policy: &Policy, held_out: usize) -> Vec<Vec<f64>> {
    let n_items = policy.chances.first().map_or(0, Vec::len);
    let mut by_item = vec![(0.0, 0.0); n_items];
    let mut by_cell = vec![vec![(0.0, 0.0); n_items]; policy.chances.len()];
    let (mut rewards, mut count) = (0.0, 0.0);
    for row in (0..log.len()).filter(|&row| fold_of(row, FOLDS) != held_out) {
        let (position, item) = (log.positions[row] as usize, log.items[row] as usize);
        for cell in [&mut by_item[item], &mut by_cell[position][item]] {
            cell.0 += log.reward[row];
            cell.1 += 1.0;
        }
        rewards += log.reward[row];
        count += 1.0;
    }
    if count == 0.0 || rewards == 0.0 {
        return vec![vec![0.0; n_items]; policy.chances.len()];
    }
    let mean = rewards / count;
    let prior = (1.0 / mean.abs()).clamp(1.0, count);
    let drawn = |(sum, n): (f64, f64), to: f64| (sum + prior * to) / (n + prior);
    let item_mean = |item: usize| drawn(by_item[item], mean);
    by_cell
        .iter()
        .map(|row| row.iter().enumerate().map(|(i, &cell)| drawn(cell, item_mean(i))).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rayon::prelude::*;

    /// Two positions, three items; the log shows item 0 half of the time, the others a quarter.
    fn log(n: usize, rewarded: impl Fn(usize) -> bool) -> PolicyLog {
        let mut log = PolicyLog::default();
        for row in 0..n {
            let turn = (row / 2) % 4;
            log.positions.push((row % 2) as u32);
            log.items.push([0, 0, 1, 2][turn]);
            log.propensity.push([0.5, 0.5, 0.25, 0.25][turn]);
            log.reward.push(f64::from(u8::from(rewarded(row))));
        }
        log
    }

    fn names() -> LogNames {
        LogNames::of(&["a", "b", "c"], &["1", "2"])
    }

    #[test]
    fn uniform_is_told_exactly_when_item_decides() {
        // Item 1 is rewarded always, others never: uniform earns a third.
        let log = log(4_000, |row| (row / 2) % 4 == 2);
        let outcome = judge("uniform", &log, &Policy::uniform(&names()), None);
        let found = outcome.result.as_ref().expect("the log can tell");
        for value in [found.ips, found.snips, found.dr, found.dr_shrunk] {
            assert!((value.value - 1.0 / 3.0).abs() < 0.01, "{value:?}");
            assert!(value.low < 1.0 / 3.0 && 1.0 / 3.0 < value.high, "{value:?}");
        }
        assert!((outcome.weights.mean - 1.0).abs() < 1e-9);
        assert!(found.dr.standard_error < 0.2 * found.ips.standard_error, "the model knows it");
        let lines = outcome.to_json();
        assert_eq!(lines.len(), METHODS.len());
        assert!(lines[0]["refused"].is_null() && lines[0]["value"].is_number());
    }

    /// Here the row's number decides the item: folds by number would make one item unknown to the
    /// model of its fold, and DR wrong by two fifths.
    #[test]
    fn a_log_that_repeats_itself_does_not_bias_the_estimate() {
        let mut log = PolicyLog::default();
        for row in 0..10_000 {
            let item = [0, 1, 0, 1, 0, 1, 0, 1, 0, 2][row % 10];
            let every = if item == 2 { 5 } else { 20 };
            log.items.push(item);
            log.positions.push(0);
            log.propensity.push([0.5, 0.4, 0.1][item as usize]);
            log.reward.push(f64::from(u8::from(row / 10 % every == 0)));
        }
        let names = LogNames::of(&["a", "b", "c"], &["1"]);
        let outcome = judge("uniform", &log, &Policy::uniform(&names), None);
        for value in outcome.estimates().expect("the log can tell") {
            assert!((value.value - 0.1).abs() < 0.25 * value.standard_error, "{value:?}");
        }
    }

    #[test]
    fn a_policy_of_its_own_log_earns_what_the_log_did() {
        let log = log(4_000, |row| row % 7 == 0);
        let policy = Policy::of_log(&log, &names());
        assert!(policy.is_approximate);
        assert!((policy.chance(0, 0) - 0.5).abs() < 1e-12 && policy.chance(1, 2) == 0.25);
        let found = judge("own", &log, &policy, Some(&log));
        let value = found.result.expect("the log can tell").snips.value;
        assert!((value - log.own_value().mean).abs() < 1e-9);
        assert_eq!(found.observed, Some(log.own_value()));
    }

    /// Smallest number of 400 intervals that a binomial test at 1 % lets pass for 95 %.
    const AT_LEAST_OF_400: u32 = 369;

    /// Three actions, chances known, the model fitted on the log itself.
    fn drawn(seed: u64, chances: [f64; 3], rates: [f64; 3]) -> PolicyLog {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut uniform = move || f64::from(rng.next_u32()) / 4_294_967_296.0;
        let mut log = PolicyLog::default();
        for _ in 0..6_000 {
            let at = uniform();
            let item = usize::from(at >= chances[0]) + usize::from(at >= chances[0] + chances[1]);
            log.items.push(item as u32);
            log.positions.push(0);
            log.propensity.push(chances[item]);
            log.reward.push(f64::from(u8::from(uniform() < rates[item])));
        }
        log
    }

    #[test]
    fn with_a_model_of_the_log_itself_intervals_cover_what_they_promise() {
        let (chances, rates) = ([0.6, 0.3, 0.1], [0.05, 0.1, 0.2]);
        let names = LogNames::of(&["a", "b", "c"], &["1"]);
        let own = Policy { chances: vec![chances.to_vec()], is_approximate: false };
        let always = Policy::always(&names, "c").expect("c is an item");
        let cases = [
            ("uniform", Policy::uniform(&names), 0.35 / 3.0),
            ("always c", always, 0.2),
            ("as logged", own, 0.08),
        ];
        for (case, policy, truth) in cases {
            let covered = (0..400_u64).into_par_iter().map(|seed| {
                let outcome = judge(case, &drawn(seed, chances, rates), &policy, None);
                let found = outcome.estimates().expect("the log can tell");
                found.map(|value| u32::from(value.low <= truth && truth <= value.high))
            });
            let add = |a: [u32; 4], b: [u32; 4]| std::array::from_fn(|at| a[at] + b[at]);
            let covered = covered.reduce(|| [0; 4], add);
            println!("{case}: covered {covered:?} of 400 ({METHODS:?})");
            assert!(covered.iter().all(|&n| n >= AT_LEAST_OF_400), "{case}: {covered:?} of 400");
        }
    }

    #[test]
    fn items_never_shown_are_a_refusal() {
        let mut log = log(4_000, |row| row % 7 == 0);
        log.items.iter_mut().for_each(|item| *item = (*item).min(1));
        let outcome = judge("uniform", &log, &Policy::uniform(&names()), None);
        let Err(CannotKnow::NeverTried { share }) = outcome.result else {
            panic!("a third of the policy was never tried: {outcome:?}");
        };
        assert!((share - 1.0 / 3.0).abs() < 1e-9);
        assert!(outcome.to_json()[3]["value"].is_null());
    }
}
