//! EASE on the Online Retail items, ours against numpy with OpenBLAS: from the basket × item
//! matrix to the weights, median of three.

use anyhow::{Context, Result};

use super::report::Report;
use super::{Bench, child, commands, peers};

const N_RUNS: usize = 3;
const RIDGE: &str = "100";

pub(crate) fn run(bench: &Bench<'_>, report: &mut Report) -> Result<()> {
    let file = bench
        .data_file("online_retail/transactions.parquet")
        .context("the data folder is not known: set ALONGSIDE_TEST_DATA")?;
    let program = bench.alongside()?;
    let mut methods = vec![("alongside", commands::ease(&program, &file, RIDGE))];
    match peers::python(&bench.folder) {
        Ok(python) => {
            let mut command = peers::script(&python, &bench.script("peers/ease_numpy.py"));
            command.arg(&file).arg(RIDGE);
            methods.push(("numpy", command));
        }
        Err(error) => report.note(format!("numpy cannot be installed: {error:#}")),
    }
    let mut answers: Vec<Vec<serde_json::Value>> = vec![Vec::new(); methods.len()];
    for _ in 0..N_RUNS {
        for ((method, command), answers) in methods.iter_mut().zip(&mut answers) {
            match child::run(command, &bench.folder).and_then(|finished| finished.answer()) {
                Ok(answer) => answers.push(answer),
                Err(error) => report.note(format!("{method}: {error:#}")),
            }
        }
    }
    let fit_s = |answer: &serde_json::Value| answer["fit_s"].as_f64().unwrap_or(f64::NAN);
    let mut medians = Vec::new();
    for ((method, _), mut answers) in methods.iter().zip(answers) {
        answers.sort_by(|a, b| fit_s(a).total_cmp(&fit_s(b)));
        if let Some(answer) = answers.get(answers.len().saturating_sub(1) / 2) {
            report.row_of("online_retail", method, answer);
            medians.push(answer.clone());
        }
    }
    if let [ours, numpy] = medians.as_slice() {
        let times = fit_s(numpy) / fit_s(ours);
        report.bar("times as fast as numpy", times, times >= 1.0);
        let sum = |answer: &serde_json::Value| answer["sum_weights"].as_f64().unwrap_or(f64::NAN);
        let difference = (sum(ours) / sum(numpy) - 1.0).abs();
        report.bar("relative difference of the sums of weights", difference, difference < 1e-3);
    }
    Ok(())
}
