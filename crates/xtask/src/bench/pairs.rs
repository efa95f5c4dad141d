//! All pair counts, from a Parquet file of order lines to the number of pairs and the sum of their
//! counts: fresh processes, two threads, median of five. Every method must get the same numbers.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use serde_json::Value;

use super::child::{self, Finished};
use super::report::Report;
use super::{Bench, bandwidth, commands, peers};

const N_RUNS: usize = 5;
const OURS: &str = "alongside";
const PEERS: [&str; 3] = ["scipy", "duckdb", "polars"];
/// The bar: times as fast as the best peer, at no more memory.
const SPEEDUP: f64 = 5.0;

pub(crate) fn run(bench: &Bench<'_>, report: &mut Report) -> Result<()> {
    let mut cases: Vec<(&str, PathBuf)> = Vec::new();
    match bench.data_file("online_retail/transactions.parquet") {
        Some(file) => cases.push(("online_retail", file)),
        None => report.note("online_retail: set ALONGSIDE_TEST_DATA to the data folder".into()),
    }
    cases.push(("sparse_70k_items", bench.generated("sparse-parquet", 0, "sparse.parquet")?));
    let program = bench.alongside()?;
    let python = match peers::python(&bench.folder) {
        Ok(python) => Some(python),
        Err(error) => {
            report.note(format!("scipy, DuckDB, Polars cannot be installed: {error:#}"));
            None
        }
    };
    let gb_per_s = bandwidth::read_gb_per_s();
    for (case, file) in cases {
        let mut methods: Vec<(&str, Command)> = vec![(OURS, commands::pairs(&program, &file))];
        for peer in PEERS {
            let Some(python) = &python else { continue };
            let script = bench.script(&format!("peers/pairs_{peer}.py"));
            let mut command = peers::script(python, &script);
            command.arg(&file);
            methods.push((peer, command));
        }
        let runs = in_turn(methods, &bench.folder, report, case);
        tell(case, &runs, gb_per_s, report);
    }
    Ok(())
}

type Outcome = (String, Finished, Value);

/// Five rounds, every method once a round; a method that fails is named and left out.
fn in_turn(
    mut methods: Vec<(&str, Command)>,
    folder: &Path,
    report: &mut Report,
    case: &str,
) -> Vec<Outcome> {
    let mut runs: Vec<Vec<Finished>> = vec![Vec::new(); methods.len()];
    let mut failed = vec![false; methods.len()];
    for _ in 0..N_RUNS {
        for (at, (method, command)) in methods.iter_mut().enumerate() {
            if failed[at] {
                continue;
            }
            match child::run(command, folder) {
                Ok(finished) => runs[at].push(finished),
                Err(error) => {
                    report.note(format!("{case}, {method}: {error:#}"));
                    failed[at] = true;
                }
            }
        }
    }
    let mut outcomes = Vec::new();
    for ((method, _), runs) in methods.iter().zip(runs) {
        let Some(finished) = child::median(runs) else { continue };
        match finished.answer() {
            Ok(answer) => outcomes.push(((*method).to_owned(), finished, answer)),
            Err(error) => report.note(format!("{case}, {method}: {error:#}")),
        }
    }
    outcomes
}

fn tell(case: &str, runs: &[Outcome], gb_per_s: f64, report: &mut Report) {
    let field = |answer: &Value, name: &str| answer[name].as_f64().unwrap_or(f64::NAN);
    for (method, finished, answer) in runs {
        let sum_counts = field(answer, "sum_counts");
        // Were each count of each pair one access of four bytes and nothing else to do.
        let limit_s = sum_counts * 4.0 / (gb_per_s * 1e9);
        report.row(
            case,
            method,
            &[
                ("wall_s", finished.wall_s),
                ("cpu_s", finished.cpu_s),
                ("peak_mb", finished.peak_mb),
                ("n_pairs", field(answer, "n_pairs")),
                ("sum_counts", sum_counts),
                ("times_bandwidth_limit", finished.wall_s / limit_s),
            ],
        );
    }
    check_equal(case, runs, report);
    let ours = runs.iter().find(|(method, ..)| method == OURS);
    let best = runs
        .iter()
        .filter(|(method, ..)| method != OURS)
        .min_by(|a, b| a.1.wall_s.total_cmp(&b.1.wall_s));
    if let (Some((_, ours, _)), Some((peer, best, _))) = (ours, best) {
        let times = best.wall_s / ours.wall_s;
        report.row(case, "ours against the best", &[("times_as_fast", times)]);
        report.bar(&format!("{case}: times as fast as {peer}"), times, times >= SPEEDUP);
        let more = ours.peak_mb / best.peak_mb;
        report.bar(&format!("{case}: memory against {peer}"), more, more <= 1.0);
    }
}

fn check_equal(case: &str, runs: &[Outcome], report: &mut Report) {
    for pair in runs.windows(2) {
        for name in ["n_pairs", "sum_counts"] {
            if pair[0].2[name] != pair[1].2[name] {
                report.fault(format!("{case}: {} and {} differ in {name}", pair[0].0, pair[1].0));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn outcome(method: &str, wall_s: f64, peak_mb: f64, n_pairs: u64) -> Outcome {
        let finished = Finished { wall_s, cpu_s: wall_s, peak_mb, stdout: String::new() };
        (method.into(), finished, json!({"n_pairs": n_pairs, "sum_counts": 10}))
    }

    fn is_ok(runs: &[Outcome]) -> bool {
        let mut report = Report::new("pairs", String::new());
        tell("case", runs, 10.0, &mut report);
        report.is_ok()
    }

    #[test]
    fn the_bar_is_the_best_peer_in_time_and_memory() {
        let peers = [outcome("scipy", 1.0, 400.0, 3), outcome("polars", 7.0, 100.0, 3)];
        let with = |ours: Outcome| [vec![ours], peers.to_vec()].concat();
        assert!(is_ok(&with(outcome(OURS, 0.2, 400.0, 3))));
        assert!(!is_ok(&with(outcome(OURS, 0.21, 400.0, 3))));
        assert!(!is_ok(&with(outcome(OURS, 0.1, 401.0, 3))));
        assert!(is_ok(&peers));
    }

    #[test]
    fn different_results_are_a_fault() {
        assert!(!is_ok(&[outcome("scipy", 1.0, 1.0, 3), outcome("polars", 1.0, 1.0, 4)]));
    }
}
