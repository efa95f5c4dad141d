//! `alongside simulate`: made-up shops, the same for the same seed.

use crate::show;
use anyhow::Context;
use clap::{Args, Subcommand};
use simulate::{OrdersSpec, order_parquet, orders, uci_csv};
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    #[command(subcommand)]
    world: World,
}

#[derive(Debug, Subcommand)]
enum World {
    /// Orders of a shop whose items belong together in groups, with planted complements.
    Orders {
        /// File to write: .csv (like UCI Online Retail) or .parquet.
        file: PathBuf,
        /// Order lines to make.
        #[arg(long, default_value_t = 1_000_000)]
        rows: u64,
        /// 70,000 items, 150,000 baskets: few baskets an item.
        #[arg(long)]
        sparse: bool,
        #[arg(long)]
        items: Option<u32>,
        #[arg(long)]
        customers: Option<u32>,
        #[arg(long, default_value_t = 42)]
        seed: u64,
    },
}

pub(crate) fn run(args: SimulateArgs) -> anyhow::Result<()> {
    let World::Orders { file, rows, sparse, items, customers, seed } = args.world;
    let mut spec =
        if sparse { OrdersSpec::sparse_catalog(seed) } else { OrdersSpec::shop(rows, seed) };
    spec.n_items = items.unwrap_or(spec.n_items);
    spec.n_customers = customers.unwrap_or(spec.n_customers);
    let mut stream = orders(spec)?;
    let out = File::create(&file).with_context(|| format!("could not make {}", file.display()))?;
    let mut out = BufWriter::with_capacity(1 << 20, out);
    let n_rows = if file.extension().is_some_and(|ending| ending == "parquet") {
        order_parquet::write(&mut stream, out)?
    } else {
        uci_csv::write(&mut stream, &mut out)?
    };
    show::line(format!("{} rows in {}", show::count(n_rows), file.display()))
}
