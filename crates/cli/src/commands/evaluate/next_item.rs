//! `alongside evaluate next-item`: what comes next in a visit?

use super::{n_chosen, with_bar};
use crate::show;
use clap::Args;
use evaluate::next_item::{CASES, METHODS, NextItemOutcome, run};
use evaluate::{SessionSplit, Wanted};
use events::import::PlanOptions;
use serde_json::Value;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct NextItemArgs {
    /// Sessions to learn from: a session, an item and a time in each row. CSV, TSV, JSON lines or
    /// Parquet, plain or packed.
    #[arg(long, value_name = "FILE", requires_all = ["valid", "test"])]
    train: Option<PathBuf>,
    /// Sessions to choose parameters on.
    #[arg(long, value_name = "FILE", requires = "train")]
    valid: Option<PathBuf>,
    /// Sessions to ask.
    #[arg(long, value_name = "FILE", requires = "train")]
    test: Option<PathBuf>,
    /// One file in place of the three. Sessions are put in order of their last event: the first
    /// 80 % are learned from, the next 10 % choose, the last 10 % are asked.
    #[arg(long, value_name = "FILE", conflicts_with = "train", required_unless_present = "train")]
    events: Option<PathBuf>,
    /// Only these methods, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    methods: Vec<String>,
    /// Run once more without this source, to see what it is worth: vmis, vstan, cooccurrence,
    /// markov, recent_views or ranker. May be given several times.
    #[arg(long, value_delimiter = ',', value_name = "SOURCES")]
    without: Vec<String>,
    /// Say which column is which: field=column.
    #[arg(long = "map", value_name = "FIELD=COLUMN")]
    map: Vec<String>,
    #[command(flatten)]
    output: crate::args::Output,
}

pub(super) fn next_item(args: &NextItemArgs) -> anyhow::Result<()> {
    let map = super::super::import::parse_map(&args.map)?;
    let plan = PlanOptions { map, ..PlanOptions::default() };
    let split = read(args, &plan)?;
    let to_json =
        args.output.json.then_some(NextItemOutcome::to_json as fn(&NextItemOutcome) -> Value);
    let n_methods = n_chosen(&args.methods, METHODS.len()) + args.without.len();
    let wanted = Wanted { methods: &args.methods, without: &args.without };
    let (sizes, outcomes) = with_bar(n_methods, to_json, |now, on_method, take| {
        run(&split, &wanted, now, on_method, take)
    })?;
    show::note(format!(
        "{} training sessions, {} items; {} test sessions with {} queries, {} of them for an item \
         that the visit had not seen",
        show::count(sizes.n_train_sessions as u64),
        show::count(sizes.n_items as u64),
        show::count(sizes.n_test_sessions as u64),
        show::count(sizes.n_queries as u64),
        show::count(sizes.n_explore as u64),
    ));
    if split.n_set_aside > 0 {
        show::note(format!(
            "{} rows were set aside: no session, or not readable (`alongside import` tells why)",
            show::count(split.n_set_aside)
        ));
    }
    if !args.output.json {
        print_tables(&outcomes)?;
    }
    Ok(())
}

fn read(args: &NextItemArgs, plan: &PlanOptions) -> anyhow::Result<SessionSplit> {
    let split = match (&args.train, &args.valid, &args.test, &args.events) {
        (Some(train), Some(valid), Some(test), None) => {
            SessionSplit::read(train, valid, test, plan)?
        }
        (_, _, _, Some(events)) => SessionSplit::read_events(events, plan)?,
        _ => anyhow::bail!("give --train, --valid and --test, or --events"),
    };
    Ok(split)
}

/// One table a case, methods as rows.
fn print_tables(outcomes: &[NextItemOutcome]) -> anyhow::Result<()> {
    for case in CASES {
        let of_case: Vec<&NextItemOutcome> =
            outcomes.iter().filter(|found| found.outcome.case == case).collect();
        let Some(first) = of_case.first() else { continue };
        let n_queries = first.outcome.n_queries;
        show::line(format!("\n{case} ({} queries)", show::count(n_queries as u64)))?;
        let mut heads = vec!["method"];
        heads.extend(first.outcome.metrics.values.iter().map(|(name, _, _)| *name));
        heads.extend(["MRR@20 95 %", "fit s", "p50 us", "p90 us", "p99 us"]);
        let right: Vec<usize> = (1..heads.len()).collect();
        let mut table = show::table(&heads, &right);
        for found in &of_case {
            let outcome = &found.outcome;
            let values = &outcome.metrics.values;
            let mut cells = vec![outcome.method.clone()];
            cells.extend(values.iter().map(|(_, mean, _)| format!("{mean:.4}")));
            let interval = values.first().and_then(|(_, _, interval)| *interval);
            cells.push(interval.map_or("–".into(), |(low, high)| format!("{low:.3}–{high:.3}")));
            cells.push(format!("{:.2}", outcome.fit.as_secs_f64()));
            let latency = &outcome.latency;
            let times = [latency.p50, latency.p90, latency.p99];
            cells.extend(times.map(|time| format!("{:.1}", time.as_secs_f64() * 1e6)));
            show::row(&mut table, &cells);
        }
        show::line(table)?;
        print_gains(&of_case)?;
    }
    let chosen = outcomes.iter().find_map(|found| {
        let outcome = &found.outcome;
        outcome.parameter.as_ref().filter(|_| outcome.method == "alongside")
    });
    if let Some(chosen) = chosen {
        show::note(format!("alongside published {chosen}"));
    }
    Ok(())
}

/// Ours less the rival, and without each source less the whole.
fn print_gains(of_case: &[&NextItemOutcome]) -> anyhow::Result<()> {
    let compared = || of_case.iter().filter_map(|found| Some((found, found.gain_over?)));
    let Some((first, _)) = compared().next() else { return Ok(()) };
    show::line("differences, paired (95 %):")?;
    let mut heads = vec!["method", "less"];
    heads.extend(first.gains.iter().map(|(name, _)| *name));
    let right: Vec<usize> = (2..heads.len()).collect();
    let mut table = show::table(&heads, &right);
    for (found, over) in compared() {
        let mut cells = vec![found.outcome.method.clone(), over.to_owned()];
        cells.extend(
            found.gains.iter().map(|(_, gain)| {
                format!("{:+.4} ({:+.4} to {:+.4})", gain.mean, gain.low, gain.high)
            }),
        );
        show::row(&mut table, &cells);
    }
    show::line(table)
}
