//! `alongside evaluate uplift`: who responds?

use crate::clock::Stopwatch;
use crate::show;
use clap::Args;
use evaluate::uplift::{N_SPLITS, OverSplits, RIVAL, Treatment, UpliftOutcome, run};
use evaluate::{UpliftColumns, UpliftFile};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::time::Duration;

/// Shares of the customers for which the curve is printed.
const SHARES: [f64; 6] = [0.1, 0.2, 0.3, 0.5, 0.7, 1.0];

#[derive(Debug, Args)]
pub(super) struct UpliftArgs {
    /// The experiment, a customer a row: id, arm, outcome (0 or 1), and what was known of the
    /// customer before. Parquet, or text with a header.
    // The id is that of the global option whose name this is: here it names a file.
    #[arg(id = "data_dir", long = "data", value_name = "FILE", required = true)]
    data: PathBuf,
    /// Column of the customer's id.
    #[arg(long, value_name = "COLUMN", default_value = "customer_id")]
    id: String,
    /// Column that names the customer's arm.
    #[arg(long, value_name = "COLUMN", default_value = "segment")]
    arm: String,
    /// Column of the outcome.
    #[arg(long, value_name = "COLUMN", default_value = "visit")]
    outcome: String,
    /// Columns that were only known afterwards, separated by commas; all others are features.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS", default_value = "conversion,spend")]
    ignore: Vec<String>,
    /// The arm that was left alone, where its name does not tell.
    #[arg(long, value_name = "NAME")]
    control: Option<String>,
    /// Only this arm against it; all others otherwise.
    #[arg(long, value_name = "NAME")]
    treatment: Option<String>,
    /// Only these methods, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    methods: Vec<String>,
    #[command(flatten)]
    output: crate::args::Output,
}

pub(super) fn uplift(args: &UpliftArgs) -> anyhow::Result<()> {
    let columns = UpliftColumns {
        id: args.id.clone(),
        arm: args.arm.clone(),
        outcome: args.outcome.clone(),
        ignored: args.ignore.clone(),
        control: args.control.clone(),
    };
    let file = UpliftFile::read(&args.data, &columns)?;
    show::note(format!(
        "{} customers in {} arms; {} features: {}",
        show::count(file.ids.len() as u64),
        file.arm_names.len(),
        file.feature_names.len(),
        file.feature_names.join(", "),
    ));
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {msg} {elapsed}")?);
    bar.enable_steady_tick(Duration::from_millis(200));
    let watch = Stopwatch::start();
    let on_treatment = |name: &str| bar.set_message(format!("{name}: {N_SPLITS} splits"));
    let mut printed = Ok(());
    let control = file.arm_names[file.control as usize].clone();
    let treatment = args.treatment.as_deref();
    let now = || watch.elapsed();
    run(&file, treatment, &args.methods, &now, &on_treatment, |treatment, outcomes| {
        if printed.is_ok() {
            printed = bar.suspend(|| match args.output.json {
                true => outcomes.iter().try_for_each(|outcome| show::line(outcome.to_json())),
                false => print(treatment, &control, &outcomes),
            });
        }
    })?;
    bar.finish_and_clear();
    printed
}

fn print(treatment: &Treatment, control: &str, outcomes: &[UpliftOutcome]) -> anyhow::Result<()> {
    let n_test = outcomes.first().map_or(0, |outcome| outcome.n_test);
    show::line(format!(
        "\n{} ({} customers) against {control} ({}); {N_SPLITS} splits, {} customers in a test \
         part",
        treatment.name,
        show::count(treatment.n_treated as u64),
        show::count(treatment.n_control as u64),
        show::count(n_test as u64),
    ))?;
    show::line(match &treatment.average {
        Some(effect) => format!(
            "On average the outcome is {} points more common (95 %: {} to {}).",
            points(effect.value),
            points(effect.low_fixed),
            points(effect.high_fixed)
        ),
        None => "What it does on average cannot be told: too few customers.".to_owned(),
    })?;
    print_methods(outcomes)?;
    let Some(ours) = outcomes.last() else { return Ok(()) };
    print_curve(ours)?;
    show::line(verdict(ours))
}

fn print_methods(outcomes: &[UpliftOutcome]) -> anyhow::Result<()> {
    let gain = format!("over {RIVAL}");
    let heads =
        ["method", "qini", "95 %", "sd", "uplift@30", "95 %", &gain, "95 %", "fit s", "p50 us"];
    let mut table = show::table(&heads, &(1..heads.len()).collect::<Vec<_>>());
    for outcome in outcomes {
        let mut cells = vec![outcome.method.clone()];
        cells.extend([format!("{:.4}", outcome.qini.mean), interval(&outcome.qini)]);
        cells.push(format!("{:.4}", outcome.qini.sd));
        cells.extend([format!("{:.4}", outcome.uplift.mean), interval(&outcome.uplift)]);
        cells.extend(match &outcome.gain {
            Some(gain) => [format!("{:+.4}", gain.mean), interval(gain)],
            None => ["–".to_owned(), "–".to_owned()],
        });
        cells.push(format!("{:.2}", outcome.fit.as_secs_f64()));
        cells.push(format!("{:.2}", outcome.p50.as_secs_f64() * 1e6));
        show::row(&mut table, &cells);
    }
    show::line(table)
}

/// What is gained when only the first of the ranking are treated.
fn print_curve(ours: &UpliftOutcome) -> anyhow::Result<()> {
    let heads = ["treat the first", "more outcomes in 100 customers", "95 %"];
    let mut table = show::table(&heads, &[0, 1, 2]);
    for share in SHARES {
        let Some(point) = ours.curve.iter().find(|point| (point.share - share).abs() < 1e-9) else {
            continue;
        };
        let cells = [
            format!("{:.0} %", share * 100.0),
            points(point.gain),
            format!("{} to {}", points(point.low), points(point.high)),
        ];
        show::row(&mut table, &cells);
    }
    show::line(format!("By the ranking of {}:", ours.method))?;
    show::line(table)
}

/// One plain sentence.
fn verdict(ours: &UpliftOutcome) -> String {
    let OverSplits { low, high, .. } = ours.qini;
    if ours.is_clear() {
        return format!(
            "Who responds can be told: the Qini of {} is {:.3} (95 %: {low:.3} to {high:.3}), a \
             ranking by chance has 0.",
            ours.method, ours.qini.mean
        );
    }
    format!(
        "Nothing can be told about who responds to {}: the interval of the Qini of {} covers 0, \
         the value of a ranking by chance ({low:.3} to {high:.3}). Treat everybody or nobody, by \
         the average.",
        ours.treatment, ours.method
    )
}

fn interval(metric: &OverSplits) -> String {
    format!("{:.3} to {:.3}", metric.low, metric.high)
}

fn points(share: f64) -> String {
    format!("{:+.2}", share * 100.0)
}
