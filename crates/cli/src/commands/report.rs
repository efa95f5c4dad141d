//! `alongside report`: what the offers earned that would not have come anyway.

pub(crate) mod facts;
pub(crate) mod findings;
mod page;
pub(crate) mod text;

use crate::args::Output;
use crate::clock;
use crate::show;
use anyhow::Context;
use clap::Args;
use history::{OpenMode, Store};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Percent that were to be held out, as `serve --holdout` was told: the arms are held against
    /// it.
    #[arg(long, default_value_t = 5.0, value_name = "PERCENT", env = "ALONGSIDE_HOLDOUT")]
    holdout: f64,
    /// Customers and visits assigned in the last so many days only; all without it.
    #[arg(long, value_name = "DAYS")]
    days: Option<u32>,
    /// Write a page to look at as well.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

pub(crate) async fn run(dir: &Path, args: ReportArgs) -> anyhow::Result<()> {
    anyhow::ensure!(
        0.0 < args.holdout && args.holdout < 100.0,
        "--holdout {}: give a number of percent above 0 and below 100",
        args.holdout
    );
    // Held-back files are linked into the folder of the segments while they are read.
    let store = Store::open(dir, OpenMode::ReadWrite).await?;
    let facts = facts::gather(&store, clock::now(), args.days).await?;
    let findings = findings::of(&facts, 1.0 - args.holdout / 100.0);
    if let Some(path) = &args.html {
        std::fs::write(path, page::write(&findings))
            .with_context(|| format!("cannot write the page to {}", path.display()))?;
        show::note(format!("The page is at {}.", path.display()));
    }
    if args.output.json {
        return show::line(serde_json::to_string(&findings)?);
    }
    text::print(&findings)
}
