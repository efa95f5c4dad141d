//! `alongside simulate`: made-up shops, and worlds whose truth is known; same seed, same world.

mod drive;
mod http;
mod study;
mod wire;

use crate::show;
use anyhow::Context;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use simulate::world::WorldKind;
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
    /// The customers of a shop as callers of a running server; the truth beside it.
    Shop(drive::DriveArgs),
    /// Likewise a bank: nobody holds a product twice, and few buy.
    Bank(drive::DriveArgs),
    /// Likewise a restaurant: half of the guests are known by their order alone.
    Restaurant(drive::DriveArgs),
    /// Live worlds with and without offers, measure them as `report` does, and count how often the
    /// interval covers the truth.
    Study(study::StudyArgs),
    /// Orders of a shop whose items belong together in groups, with planted complements.
    Orders(OrdersArgs),
}

#[derive(Debug, Args)]
struct OrdersArgs {
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
}

/// Reads the name of a world, and lists the names in the help.
fn world_parser() -> impl TypedValueParser<Value = WorldKind> {
    PossibleValuesParser::new(WorldKind::ALL.map(WorldKind::as_str))
        .map(|name| WorldKind::parse(&name).expect("one of the names listed"))
}

pub(crate) fn run(args: SimulateArgs) -> anyhow::Result<()> {
    match args.world {
        World::Shop(args) => drive::run(WorldKind::Shop, &args),
        World::Bank(args) => drive::run(WorldKind::Bank, &args),
        World::Restaurant(args) => drive::run(WorldKind::Restaurant, &args),
        World::Study(args) => study::run(args),
        World::Orders(args) => write_orders(args),
    }
}

fn write_orders(args: OrdersArgs) -> anyhow::Result<()> {
    let OrdersArgs { file, rows, sparse, items, customers, seed } = args;
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
