//! `alongside pairs`: all pair counts of a file of orders, exactly.

use crate::clock::Stopwatch;
use crate::show;
use clap::Args;
use evaluate::OrderFile;
use events::import::PlanOptions;
use learn::pair_counts;
use serde_json::json;
use sparse::Csr;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct PairsArgs {
    /// File of orders.
    file: PathBuf,
    /// How many of the most frequent pairs to print.
    #[arg(long, default_value_t = 10, value_name = "N")]
    top: usize,
    #[command(flatten)]
    output: crate::args::Output,
}

pub(crate) fn run(args: &PairsArgs) -> anyhow::Result<()> {
    let watch = Stopwatch::start();
    let file = OrderFile::read(&args.file, &PlanOptions::default())?;
    let read = watch.elapsed();
    let baskets: Csr = file.items.iter().collect();
    let counts = pair_counts::count(baskets.view(), file.item_ids.len());
    let total = counts.total();
    let done = watch.elapsed();
    let top = most_frequent(&counts, args.top);
    if args.output.json {
        let top: Vec<_> = top
            .iter()
            .map(|&(a, b, n)| json!({"a": file.item_ids[a], "b": file.item_ids[b], "n": n}))
            .collect();
        return show::line(json!({
            "baskets": file.basket_ids.len(),
            "items": file.item_ids.len(),
            "n_pairs": counts.n_pairs(),
            "sum_counts": total,
            "read_s": read.as_secs_f64(),
            "seconds": done.as_secs_f64(),
            "top": top,
        }));
    }
    show::note(format!(
        "{} baskets, {} items: {} pairs, seen {} times in all, in {:.3} s ({:.3} s of it reading)",
        show::count(file.basket_ids.len() as u64),
        show::count(file.item_ids.len() as u64),
        show::count(counts.n_pairs() as u64),
        show::count(total),
        done.as_secs_f64(),
        read.as_secs_f64(),
    ));
    let mut table = show::table(&["item", "with", "orders"], &[2]);
    for (a, b, n) in top {
        let cells =
            [&*file.item_ids[a], &*file.item_ids[b], &show::count(n.into())].map(str::to_owned);
        show::row(&mut table, &cells);
    }
    show::line(table)
}

fn most_frequent(counts: &pair_counts::PairCounts, n: usize) -> Vec<(usize, usize, u32)> {
    let view = counts.pairs.view();
    let mut top = sparse::TopK::new(n);
    for (at, &count) in counts.counts.iter().enumerate() {
        if let Ok(at) = u32::try_from(at) {
            top.push(at, count as f32);
        }
    }
    let row_of = |at: u64| view.offsets().partition_point(|&offset| offset <= at) - 1;
    top.sorted()
        .iter()
        .map(|scored| {
            let at = scored.index as usize;
            (row_of(at as u64), counts.pairs.indices[at] as usize, counts.counts[at])
        })
        .collect()
}
