//! A data folder with the Online Retail sample imported and learned: what the online benchmarks
//! ask.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Bench, child, commands, fresh_folder};

/// The same of made-up orders of 10,000 items.
pub(crate) fn learned_simulation(bench: &Bench<'_>, program: &Path) -> Result<PathBuf> {
    let data = fresh_folder(&bench.folder, "simulated-data")?;
    let orders = bench.folder.join("orders-10k-items.csv");
    child::run(&mut commands::simulate(program, &orders, 10_000, 400_000), &bench.folder)?;
    child::run(&mut commands::import_orders(program, &orders, &data), &bench.folder)?;
    child::run(&mut commands::learn(program, &data), &bench.folder)?;
    Ok(data)
}

pub(crate) fn learned_sample(bench: &Bench<'_>, program: &Path) -> Result<PathBuf> {
    let data = fresh_folder(&bench.folder, "sample-data")?;
    let sample = bench.workspace.root.join("samples/online_retail/online_retail.csv.zst");
    child::run(&mut commands::import_orders(program, &sample, &data), &bench.folder)?;
    child::run(&mut commands::learn(program, &data), &bench.folder)?;
    Ok(data)
}
