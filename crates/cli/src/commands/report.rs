//! `alongside report`: what the offers earned that would not have come anyway.

pub(crate) mod facts;
pub(crate) mod findings;
mod funnels;
mod heard;
mod ledger;
mod page;
mod segments;
pub(crate) mod text;

use crate::args::Output;
use crate::clock;
use crate::show;
use anyhow::Context;
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Percent that were to be held out: the arms are held against it [default: what `serve
    /// --holdout` was told last].
    #[arg(long, value_name = "PERCENT")]
    holdout: Option<f64>,
    /// Customers and visits assigned in the last so many days only; all without it.
    #[arg(long, value_name = "DAYS")]
    days: Option<u32>,
    /// Attribute of customers by whose values the effect is told [default: segment].
    #[arg(long, value_name = "ATTRIBUTE")]
    by: Option<String>,
    /// Write a page to look at as well.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// What `serve` holds out by itself.
const DEFAULT_SHARE: f64 = 0.05;

pub(crate) async fn run(dir: &Path, args: ReportArgs) -> anyhow::Result<()> {
    if let Some(percent) = args.holdout {
        anyhow::ensure!(
            0.0 < percent && percent < 100.0,
            "--holdout {percent}: give a number of percent above 0 and below 100"
        );
    }
    // Held-back files are linked into the folder of the segments while they are read.
    let store = super::open_to_read(dir).await?;
    let facts = facts::gather(&store, clock::now(), args.days).await?;
    let share = match args.holdout {
        Some(percent) => percent / 100.0,
        // Where nobody was held out there is one arm, and the report says so.
        None => {
            let told = store.holdout_share().await?;
            told.filter(|&share| share > 0.0 && share < 1.0).unwrap_or(DEFAULT_SHARE)
        }
    };
    let segments = segments::gather(&store, &facts.trial, args.by.as_deref()).await?;
    let findings = findings::of(&facts, &segments, 1.0 - share);
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
