//! `alongside evaluate next-basket`.

use super::{n_chosen, with_bar};
use crate::show;
use clap::Args;
use evaluate::next_basket::{METHODS, NextBasketOutcome, run};
use evaluate::{CustomerFile, OrderFile, Wanted};
use events::import::PlanOptions;
use serde_json::Value;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["orders", "history"]))]
pub(super) struct NextBasketArgs {
    /// File of orders; the last basket of each customer with 3 to 50 is hidden.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["history", "future", "keysets"])]
    orders: Option<PathBuf>,
    /// JSON file of baskets: `{"customer": [[-1], [items], …, [-1]]}`.
    #[arg(long, value_name = "FILE", requires_all = ["future", "keysets"])]
    history: Option<PathBuf>,
    /// JSON file of the hidden baskets, in the same form.
    #[arg(long, value_name = "FILE", requires = "history")]
    future: Option<PathBuf>,
    /// JSON files `{"test": [customers]}`, one a fold.
    #[arg(long, value_name = "FILES", num_args = 1.., requires = "history")]
    keysets: Vec<PathBuf>,
    /// Only these methods, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    methods: Vec<String>,
    /// Run once more without this source, to see what it is worth: habit, tifu_knn, up_cf,
    /// transitions, alike_baskets, best_sellers, ranker, next_basket, history or trend. May be
    /// given several times.
    #[arg(long, value_delimiter = ',', value_name = "SOURCES")]
    without: Vec<String>,
    /// Say which column of the orders is which: field=column.
    #[arg(long = "map", value_name = "FIELD=COLUMN")]
    map: Vec<String>,
    #[command(flatten)]
    output: crate::args::Output,
}

pub(super) fn next_basket(args: &NextBasketArgs) -> anyhow::Result<()> {
    let file = read(args)?;
    let to_json =
        args.output.json.then_some(NextBasketOutcome::to_json as fn(&NextBasketOutcome) -> Value);
    let n_methods = n_chosen(&args.methods, METHODS.len()) + args.without.len();
    let wanted = Wanted { methods: &args.methods, without: &args.without };
    let (sizes, outcomes) = with_bar(n_methods, to_json, |now, on_method, take| {
        run(&file, &wanted, now, on_method, take)
    })?;
    show::note(format!(
        "{} customers, {} items, {} baskets; {} customers asked in {} folds",
        show::count(sizes.n_customers as u64),
        show::count(sizes.n_items as u64),
        show::count(sizes.n_baskets as u64),
        show::count(sizes.n_asked as u64),
        sizes.n_folds,
    ));
    for outcome in outcomes.iter().filter(|outcome| outcome.case == "all") {
        if let Some(parameter) = &outcome.parameter {
            show::note(format!("{}: {parameter}", outcome.method));
        }
    }
    if !args.output.json {
        print_tables(&outcomes)?;
    }
    Ok(())
}

fn read(args: &NextBasketArgs) -> anyhow::Result<CustomerFile> {
    if let (Some(history), Some(future)) = (&args.history, &args.future) {
        return Ok(CustomerFile::read(history, future, &args.keysets)?);
    }
    let orders = args.orders.as_deref().ok_or_else(|| anyhow::anyhow!("--orders is missing"))?;
    let map = crate::commands::import::parse_map(&args.map)?;
    let file = OrderFile::read(orders, &PlanOptions { map, ..PlanOptions::default() })?;
    Ok(CustomerFile::from_orders(&file)?)
}

/// What a table has room for; `--json` has all.
const SHOWN: [&str; 7] = ["R@10", "R@20", "NDCG@10", "NDCG@20", "PHR@10", "PHR@20", "MRR@20"];

/// One table a case, methods as rows.
fn print_tables(outcomes: &[NextBasketOutcome]) -> anyhow::Result<()> {
    for case in ["all", "repeat", "explore", "tail"] {
        let of_case: Vec<_> = outcomes.iter().filter(|outcome| outcome.case == case).collect();
        let n_queries = of_case.first().map_or(0, |outcome| outcome.n_queries);
        show::line(format!("\n{case} ({} queries)", show::count(n_queries as u64)))?;
        let mut heads = vec!["method"];
        heads.extend(SHOWN);
        heads.extend(["R@10 95 %", "sd", "fit s", "p50 us", "p90 us", "p99 us"]);
        let right: Vec<usize> = (1..heads.len()).collect();
        let mut table = show::table(&heads, &right);
        for outcome in &of_case {
            let mut cells = vec![outcome.method.clone()];
            let means = SHOWN.into_iter().filter_map(|name| outcome.get(name));
            cells.extend(means.map(|mean| format!("{mean:.4}")));
            let interval = outcome.intervals.map(|intervals| intervals[0]);
            cells.push(interval.map_or("–".into(), |(low, high)| format!("{low:.4}–{high:.4}")));
            cells.push(outcome.recall_sd.map_or("–".into(), |sd| format!("{sd:.4}")));
            cells.push(format!("{:.2}", outcome.fit.as_secs_f64()));
            let latency = &outcome.latency;
            let times = [latency.p50, latency.p90, latency.p99];
            cells.extend(times.map(|time| format!("{:.0}", time.as_secs_f64() * 1e6)));
            show::row(&mut table, &cells);
        }
        show::line(table)?;
        print_gains(&of_case)?;
    }
    Ok(())
}

/// Ours less each other method, and without each source less the whole, customer by customer.
fn print_gains(of_case: &[&NextBasketOutcome]) -> anyhow::Result<()> {
    let gains = || of_case.iter().flat_map(|o| o.gains.iter().map(|gain| (&o.method, gain)));
    if gains().next().is_none() {
        return Ok(());
    }
    show::line("differences, paired (95 %):")?;
    let names = ["R@10", "NDCG@10", "R@20", "NDCG@20", "PHR@10"];
    let mut heads = vec!["method", "less"];
    heads.extend(names);
    let right: Vec<usize> = (2..heads.len()).collect();
    let mut table = show::table(&heads, &right);
    for (method, gain) in gains() {
        let mut cells = vec![method.clone(), gain.over.clone()];
        cells.extend(
            names.into_iter().filter_map(|name| gain.get(name)).map(|value| {
                format!("{:+.4} ({:+.4} to {:+.4})", value.mean, value.low, value.high)
            }),
        );
        show::row(&mut table, &cells);
    }
    show::line(table)
}
