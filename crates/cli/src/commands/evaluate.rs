//! `alongside evaluate`: protocols on your own orders.

mod memory;
mod next_basket;
mod next_item;
mod off_policy;
mod relations;
mod uplift;

use crate::clock::Stopwatch;
use crate::show;
use clap::{Args, Subcommand};
use evaluate::basket_completion::METHODS;
use evaluate::cases::Windows;
use evaluate::{Options, OrderFile, Outcome};
use events::import::PlanOptions;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use std::cell::Cell;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    #[command(subcommand)]
    protocol: Protocol,
}

#[derive(Debug, Subcommand)]
enum Protocol {
    /// What else goes in this cart? One item of each test basket is hidden.
    BasketCompletion(BasketCompletionArgs),
    /// What comes next in this visit? Every step of each test session but the first is asked.
    NextItem(next_item::NextItemArgs),
    /// What will the customer buy next? The last basket of each is hidden.
    NextBasket(next_basket::NextBasketArgs),
    /// Who responds? Learns it from a randomized experiment, on twenty splits of its customers.
    Uplift(uplift::UpliftArgs),
    /// What would another policy have earned? Judged from a log of what was shown, and how likely.
    OffPolicy(off_policy::OffPolicyArgs),
    /// Are learned relations what people take them for? Against labelled pairs.
    Relations(relations::RelationsArgs),
}

#[derive(Debug, Args)]
struct BasketCompletionArgs {
    /// File of orders: CSV, TSV, JSON lines or Parquet, plain or packed.
    #[arg(long, value_name = "FILE")]
    orders: PathBuf,
    /// Use only the last N baskets.
    #[arg(long, value_name = "N")]
    last_baskets: Option<usize>,
    /// Use only items in at least M baskets.
    #[arg(long, value_name = "M")]
    min_baskets: Option<usize>,
    /// Ask at most N test baskets.
    #[arg(long, value_name = "N")]
    max_queries: Option<usize>,
    /// Only these methods, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    methods: Vec<String>,
    /// File of customers with a `customer_id` and the segment of each, as `import` keeps it.
    #[arg(long, value_name = "FILE")]
    customers: Option<PathBuf>,
    /// The column of the customers that names their segment.
    #[arg(long, value_name = "NAME", default_value = history::SEGMENT, requires = "customers")]
    segment: String,
    /// Run once more without this source, to see what it is worth: ease, sparse_inverse, pair,
    /// neighbor, history, trend, segment_popularity or ranker. May be given several times.
    #[arg(long, value_delimiter = ',', value_name = "SOURCES")]
    without: Vec<String>,
    /// Solve EASE for at most so many items, and take a sparse inverse above.
    #[arg(long, value_name = "N")]
    ease_max_items: Option<usize>,
    /// Say which column is which: field=column.
    #[arg(long = "map", value_name = "FIELD=COLUMN")]
    map: Vec<String>,
    #[command(flatten)]
    output: crate::args::Output,
}

/// With fewer, the interval of a hit rate is wider than any difference between methods.
const FEW_QUERIES: usize = 100;

pub(crate) fn run(dir: &Path, args: EvaluateArgs) -> anyhow::Result<()> {
    match args.protocol {
        Protocol::BasketCompletion(args) => basket_completion(&args),
        Protocol::NextItem(args) => next_item::next_item(&args),
        Protocol::NextBasket(args) => next_basket::next_basket(&args),
        Protocol::Uplift(args) => uplift::uplift(&args),
        Protocol::OffPolicy(args) => off_policy::off_policy(&args),
        Protocol::Relations(args) => relations::relations(dir, &args),
    }
}

fn basket_completion(args: &BasketCompletionArgs) -> anyhow::Result<()> {
    let plan = PlanOptions { map: super::import::parse_map(&args.map)?, ..PlanOptions::default() };
    let mut file = OrderFile::read(&args.orders, &plan)?;
    if let Some(customers) = &args.customers {
        file = file.with_segments(customers, &args.segment)?;
    }
    let options = Options {
        windows: Windows { last_baskets: args.last_baskets, min_baskets: args.min_baskets },
        max_queries: args.max_queries,
        methods: args.methods.clone(),
        without: args.without.clone(),
        ease_max_items: args.ease_max_items,
    };
    let to_json = args.output.json.then_some(Outcome::to_json as fn(&Outcome) -> Value);
    let n_methods = n_chosen(&args.methods, METHODS.len()) + args.without.len();
    let (sizes, outcomes) = with_bar(n_methods, to_json, |now, on_method, take| {
        evaluate::run(&file, &options, now, on_method, take)
    })?;
    show::note(format!(
        "{} training baskets, {} items, {} queries (mean context {:.1}), {} of them new to a \
         known customer",
        show::count(sizes.n_train as u64),
        show::count(sizes.n_items as u64),
        show::count(sizes.n_queries as u64),
        sizes.mean_context,
        show::count(sizes.n_discover as u64),
    ));
    if sizes.is_without_ease {
        show::note(format!(
            "note: the baseline `ease` inverts a matrix of all items and is left out above {} of \
             them",
            show::count(evaluate::basket_completion::MAX_EASE_ITEMS as u64)
        ));
    }
    if sizes.n_discover == 0 {
        show::note(
            "note: no query asks for what is new to a known customer, so the cases discover:… are \
             left out; they need orders with customers who come back",
        );
    }
    if sizes.n_queries < FEW_QUERIES {
        show::note(format!(
            "note: {} queries are too few to tell methods apart; use more orders",
            sizes.n_queries
        ));
    }
    if !args.output.json {
        print_tables(&outcomes)?;
        print_comparisons(&outcomes)?;
        print_reliability(&outcomes)?;
    }
    Ok(())
}

fn n_chosen(methods: &[String], n_all: usize) -> usize {
    if methods.is_empty() { n_all } else { methods.len() }
}

/// Runs a protocol with a bar over its methods. With `to_json` an outcome is printed as soon as it
/// is there; all of them are handed back.
fn with_bar<O, S>(
    n_methods: usize,
    to_json: Option<fn(&O) -> Value>,
    protocol: impl FnOnce(
        evaluate::Stopwatch<'_>,
        evaluate::OnMethod<'_>,
        &mut dyn FnMut(O),
    ) -> Result<S, evaluate::Error>,
) -> anyhow::Result<(S, Vec<O>)> {
    let bar = ProgressBar::new(n_methods as u64);
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} {elapsed}")?);
    let watch = Stopwatch::start();
    let n_begun = Cell::new(0);
    let on_method = |method: &str| {
        memory::reset_peak();
        // The one that begins is not done yet.
        bar.set_position(n_begun.replace(n_begun.get() + 1));
        bar.set_message(method.to_owned());
    };
    let mut outcomes = Vec::new();
    let mut printed = Ok(());
    let sizes = protocol(&|| watch.elapsed(), &on_method, &mut |outcome| {
        if let Some(to_json) = to_json
            && printed.is_ok()
        {
            let mut line = to_json(&outcome);
            if let (Some(peak_mib), Some(fields)) = (memory::peak_mib(), line.as_object_mut()) {
                fields.insert("peak_mib".into(), peak_mib.into());
            }
            printed = show::line(line);
        }
        outcomes.push(outcome);
    })?;
    bar.finish_and_clear();
    printed?;
    Ok((sizes, outcomes))
}

/// One table a case, methods as rows.
fn print_tables(outcomes: &[Outcome]) -> anyhow::Result<()> {
    let mut cases: Vec<&str> = Vec::new();
    for outcome in outcomes {
        if !cases.contains(&outcome.case.as_str()) {
            cases.push(&outcome.case);
        }
    }
    for case in cases {
        let of_case: Vec<&Outcome> = outcomes.iter().filter(|o| o.case == case).collect();
        let n_queries = of_case.first().map_or(0, |outcome| outcome.n_queries);
        show::line(format!("\n{case} ({} queries)", show::count(n_queries as u64)))?;
        let mut heads = vec!["method"];
        heads.extend(of_case[0].metrics.values.iter().map(|(name, _, _)| *name));
        heads.extend(["NDCG@10 95 %", "fit s", "p50 us", "p90 us", "p99 us", "chosen"]);
        let right: Vec<usize> = (1..heads.len() - 1).collect();
        let mut table = show::table(&heads, &right);
        for outcome in of_case {
            let mut cells = vec![outcome.method.clone()];
            cells.extend(outcome.metrics.values.iter().map(|(_, mean, _)| format!("{mean:.4}")));
            let interval = outcome.metrics.values.last().and_then(|(_, _, interval)| *interval);
            cells.push(interval.map_or("–".into(), |(low, high)| format!("{low:.3}–{high:.3}")));
            cells.push(format!("{:.2}", outcome.fit.as_secs_f64()));
            let latency = &outcome.latency;
            let times = [latency.p50, latency.p90, latency.p99];
            cells.extend(times.map(|time| format!("{:.0}", time.as_secs_f64() * 1e6)));
            cells.push(outcome.parameter.clone().unwrap_or_default());
            show::row(&mut table, &cells);
        }
        show::line(table)?;
    }
    Ok(())
}

/// Ours against the best other method of each case, and what was published why.
fn print_comparisons(outcomes: &[Outcome]) -> anyhow::Result<()> {
    let compared = || outcomes.iter().filter_map(|o| Some((o, o.comparison.as_ref()?)));
    if compared().next().is_some() {
        show::line(
            "\nagainst the best other method, or the whole one (95 %, paired, over queries)",
        )?;
        let heads = ["method", "case", "queries", "against", "HR@10", "95 %", "NDCG@10", "95 %"];
        let mut table = show::table(&heads, &[2, 4, 6]);
        for (outcome, comparison) in compared() {
            let mut cells = vec![outcome.method.clone(), outcome.case.clone()];
            cells.push(show::count(outcome.n_queries as u64));
            cells.push(comparison.method.clone());
            for interval in [&comparison.hit, &comparison.ndcg] {
                cells.push(format!("{:+.4}", interval.mean));
                cells.push(format!("{:+.4} to {:+.4}", interval.low, interval.high));
            }
            show::row(&mut table, &cells);
        }
        show::line(table)?;
    }
    let notes = outcomes.iter().flat_map(|outcome| &outcome.learned);
    for (name, note) in notes.filter(|(name, _)| name.starts_with("ranker.")) {
        show::line(format!("\n{name}: {note}"))?;
    }
    Ok(())
}

/// What was promised beside what came true, in bins of equal size.
fn print_reliability(outcomes: &[Outcome]) -> anyhow::Result<()> {
    for outcome in outcomes {
        let Some(reliability) = &outcome.reliability else { continue };
        show::line(format!(
            "\n{}, {}: expected calibration error {:.4}",
            outcome.method, outcome.case, reliability.ece
        ))?;
        let mut table = show::table(&["offers", "predicted", "bought"], &[0, 1, 2]);
        for bin in &reliability.bins {
            let cells = [
                show::count(bin.n as u64),
                format!("{:.4}", bin.predicted),
                format!("{:.4}", bin.observed),
            ];
            show::row(&mut table, &cells);
        }
        show::line(table)?;
    }
    Ok(())
}
