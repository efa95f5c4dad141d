//! `alongside pairs`: all pair counts of a file of orders, exactly.
//!
//! The file as it stands: lines with a quantity above zero, returns not taken back. What `learn`
//! counts differs by that, for it needs customers and times to find the sale of a return.

use crate::clock::Stopwatch;
use crate::show;
use clap::Args;
use evaluate::OrderFile;
use events::import::PlanOptions;
use learn::pair_counts;
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct PairsArgs {
    /// File of orders. Lines that were sold count; what came back is not taken off, as `learn`
    /// does.
    file: PathBuf,
    /// How many of the most frequent pairs to print.
    #[arg(long, default_value_t = 10, value_name = "N")]
    top: usize,
    #[command(flatten)]
    output: crate::args::Output,
}

pub(crate) fn run(args: &PairsArgs) -> anyhow::Result<()> {
    let watch = Stopwatch::start();
    let file = OrderFile::read_baskets(&args.file, &PlanOptions::default())?;
    let read = watch.elapsed();
    let counts = pair_counts::count(file.items.view(), file.item_ids.len());
    let total = counts.total();
    let done = watch.elapsed();
    let top = counts.most_frequent(args.top);
    if args.output.json {
        let top: Vec<_> = top
            .iter()
            .map(|&(anchor, item, n_both)| {
                json!({
                    "anchor_item_id": file.item_ids[anchor], "item_id": file.item_ids[item],
                    "n_both": n_both,
                })
            })
            .collect();
        return show::line(json!({
            "n_orders": file.basket_ids.len(),
            "n_items": file.item_ids.len(),
            "n_pairs": counts.n_pairs(),
            "sum_counts": total,
            "read_s": read.as_secs_f64(),
            "seconds": done.as_secs_f64(),
            "returns": "not taken back",
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
    show::note("Counted as sold: returns are not taken back from their sales, as `learn` does it.");
    let mut table = show::table(&["item", "with", "orders"], &[2]);
    for (a, b, n) in top {
        let cells =
            [&*file.item_ids[a], &*file.item_ids[b], &show::count(n.into())].map(str::to_owned);
        show::row(&mut table, &cells);
    }
    show::line(table)
}
