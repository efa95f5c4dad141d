//! A data folder with the Online Retail sample imported and learned: what the online benchmarks
//! ask.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Bench, child, commands, fresh_folder};

pub(crate) fn learned_sample(bench: &Bench<'_>, program: &Path) -> Result<PathBuf> {
    let data = fresh_folder(&bench.folder, "sample-data")?;
    let sample = bench.workspace.root.join("samples/online_retail/online_retail.csv.zst");
    child::run(&mut commands::import_orders(program, &sample, &data), &bench.folder)?;
    child::run(&mut commands::learn(program, &data), &bench.folder)?;
    Ok(data)
}
