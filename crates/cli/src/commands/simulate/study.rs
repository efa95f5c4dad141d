//! `alongside simulate study`: does the interval cover the truth?

use crate::args::Output;
use crate::show;
use clap::Args;
use serde_json::{Value, json};
use simulate::study::{Coverage, Plan, Summary, study};
use simulate::world::WorldKind;

#[derive(Debug, Args)]
pub(crate) struct StudyArgs {
    /// One world only.
    #[arg(long, value_parser = super::world_parser())]
    world: Option<WorldKind>,
    /// Runs of each world, a seed each.
    #[arg(long, default_value_t = 200)]
    runs: u64,
    /// Customers of a run.
    #[arg(long, default_value_t = 20_000)]
    customers: u32,
    /// Percent that are held out.
    #[arg(long, default_value_t = 5.0, value_name = "PERCENT")]
    holdout: f64,
    /// Days of the trial.
    #[arg(long, default_value_t = 28)]
    days: u16,
    /// Of the first run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    output: Output,
}

const HEADS: [&str; 9] = [
    "",
    "covered",
    "at one look",
    "refused",
    "capped",
    "truth",
    "estimate",
    "std error",
    "rms error",
];

pub(crate) fn run(args: StudyArgs) -> anyhow::Result<()> {
    anyhow::ensure!(
        0.0 < args.holdout && args.holdout < 100.0,
        "--holdout {}: give a number of percent above 0 and below 100",
        args.holdout
    );
    anyhow::ensure!(args.runs > 0, "--runs 0: give at least one run");
    let mut table = show::table(&HEADS, &[1, 2, 3, 4, 5, 6, 7, 8]);
    for kind in WorldKind::ALL.into_iter().filter(|kind| args.world.is_none_or(|w| w == *kind)) {
        let plan = Plan {
            n_customers: args.customers,
            held_out_share: args.holdout / 100.0,
            days: args.days,
            ..Plan::of(kind)
        };
        let summary = Summary::of(&study(&plan, args.seed, args.runs));
        if args.output.json {
            show::line(json_of(kind, &summary))?;
            continue;
        }
        show::note(format!(
            "{}: {} runs of {:.0} customers with offers and {:.0} held out; a usual report would \
             claim {:.2} a customer",
            kind.as_str(),
            summary.n_runs,
            summary.n_offers,
            summary.n_holdout,
            summary.attributed
        ));
        for (name, found) in parts(&summary) {
            show::row(&mut table, &cells(&format!("{} {name}", kind.as_str()), found, &summary));
        }
    }
    if args.output.json {
        return Ok(());
    }
    show::line(table)
}

fn parts(summary: &Summary) -> [(&'static str, &Coverage); 3] {
    [("lift", &summary.lift), ("displaced", &summary.displaced), ("margin", &summary.margin)]
}

fn cells(name: &str, found: &Coverage, summary: &Summary) -> [String; 9] {
    let of = |n: usize| format!("{n} of {}", summary.n_runs);
    let number = |value: f64| format!("{value:.2}");
    [
        name.to_owned(),
        of(found.n_covered),
        of(found.n_covered_once),
        found.n_refused.to_string(),
        summary.n_capped.to_string(),
        number(found.truth),
        number(found.estimate),
        number(found.standard_error),
        number(found.rms_error),
    ]
}

/// Flat, for `cargo xtask bench worlds`.
fn json_of(kind: WorldKind, summary: &Summary) -> Value {
    let mut object = json!({
        "world": kind.as_str(),
        "runs": summary.n_runs,
        "n_offers": summary.n_offers,
        "n_holdout": summary.n_holdout,
        "capped": summary.n_capped,
        "attributed": summary.attributed,
        "lift_covered_uncapped": summary.n_lift_uncapped,
    });
    for (name, found) in parts(summary) {
        for (field, value) in [
            ("covered", found.n_covered as f64),
            ("covered_once", found.n_covered_once as f64),
            ("refused", found.n_refused as f64),
            ("truth", found.truth),
            ("estimate", found.estimate),
            ("standard_error", found.standard_error),
            ("rms_error", found.rms_error),
        ] {
            object[format!("{name}_{field}")] = json!(value);
        }
    }
    object
}
