//! `alongside report`: what the offers earned that would not have come anyway.

mod text;

use crate::args::Output;
use crate::clock;
use crate::show;
use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Percent that were to be held out: the arms are held against it [default: what `serve
    /// --holdout` was told, at each time].
    #[arg(long, value_name = "PERCENT")]
    holdout: Option<f64>,
    /// Customers and visits assigned in the last so many days only; all without it.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    days: Option<u32>,
    /// A click counts for what is bought of the item within so many days, where no origin is told.
    #[arg(long, value_name = "DAYS", default_value_t = proof::DEFAULT_WINDOW_DAYS,
        value_parser = clap::value_parser!(u32).range(1..))]
    window: u32,
    /// Attribute of customers by whose values the effect is told [default: segment].
    #[arg(long, value_name = "ATTRIBUTE")]
    by: Option<String>,
    /// Most memory that the joins may take, in MiB, beside the catalog and 10 bytes a customer.
    /// What needs more goes by way of temporary files in the data directory; with 0 all of it
    /// does.
    #[arg(long, default_value_t = proof::DEFAULT_MEMORY_BYTES >> 20, value_name = "MIB")]
    memory: u64,
    /// Write a page to look at as well.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write who was in which arm, what was known of them before and what they bought, a person a
    /// row, and tell nothing else: for `alongside evaluate uplift`.
    #[arg(long, value_name = "FILE", conflicts_with = "html")]
    arms: Option<PathBuf>,
    /// Write over a file of arms that is there.
    #[arg(long, requires = "arms")]
    force: bool,
    #[command(flatten)]
    output: Output,
}

fn bar() -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} % {msg} {elapsed}")?;
    let bar = ProgressBar::new(1);
    bar.set_style(style);
    Ok(bar)
}

fn tell(bar: &ProgressBar, step: &'static str, done: u64, all: u64) {
    if step == proof::BY_FILES {
        let at_most = match all {
            0 => "with as little memory as they can".to_owned(),
            all => format!("with at most about {}", show::bytes(all)),
        };
        show::note(format!(
            "The joins would take about {} in memory; they go by way of temporary files in the \
             data directory, {at_most}.",
            show::bytes(done)
        ));
        return;
    }
    bar.set_length(all.max(1));
    bar.set_message(step);
    bar.set_position(done);
}

pub(crate) async fn run(dir: &Path, args: ReportArgs) -> anyhow::Result<()> {
    if let Some(percent) = args.holdout {
        anyhow::ensure!(
            0.0 < percent && percent < 100.0,
            "--holdout {percent}: give a number of percent above 0 and below 100"
        );
    }
    // Held-back files are linked into the folder of the segments while they are read.
    let store = super::open_to_read(dir).await?;
    let asked = proof::findings::Asked {
        days: args.days,
        by: args.by.as_deref(),
        holdout: args.holdout.map(|percent| percent / 100.0),
        window_days: Some(args.window),
        memory_bytes: Some(args.memory.saturating_mul(1 << 20)),
    };
    let bar = bar()?;
    let tell = &mut |step: &'static str, done, all| tell(&bar, step, done, all);
    if let Some(path) = &args.arms {
        let n = arms(&store, (path, args.force), asked, tell).await?;
        bar.finish_and_clear();
        return tell_arms(path, n, args.output.json);
    }
    let findings = proof::findings::read_telling(&store, clock::now(), asked, tell).await?;
    bar.finish_and_clear();
    if let Some(path) = &args.html {
        std::fs::write(path, proof::page::write(&findings))
            .with_context(|| format!("cannot write the page to {}", path.display()))?;
        show::note(format!("The page is at {}.", path.display()));
    }
    if args.output.json {
        return show::line(serde_json::to_string(&findings)?);
    }
    text::print(&findings)
}

/// Persons written.
async fn arms(
    store: &history::Store,
    (path, force): (&Path, bool),
    asked: proof::findings::Asked<'_>,
    tell: &mut proof::Telling<'_>,
) -> anyhow::Result<u64> {
    let partial = path.with_extension("partial");
    anyhow::ensure!(
        force || !path.exists(),
        "could not make {}: it is there (--force writes over it)",
        path.display()
    );
    let file = File::create(&partial);
    let file = file.with_context(|| format!("could not make {}", partial.display()))?;
    let (mut out, mut written) = (BufWriter::new(file), Ok(()));
    let give = |line: &str| {
        if written.is_ok() {
            written = writeln!(out, "{line}");
        }
    };
    let given = proof::arms::each_line(store, clock::now(), asked, tell, give).await;
    let written = written.and_then(|()| out.flush());
    if given.is_err() || written.is_err() {
        // Half a file would be taken for a whole one.
        let _ = std::fs::remove_file(&partial);
    }
    written.with_context(|| format!("could not write {}", partial.display()))?;
    let n = given?;
    std::fs::rename(&partial, path)
        .with_context(|| format!("could not make {}", path.display()))?;
    Ok(n)
}

fn tell_arms(path: &Path, n: u64, is_json: bool) -> anyhow::Result<()> {
    if is_json {
        return show::line(serde_json::json!({ "persons": n, "file": path }));
    }
    show::line(format!(
        "{} customers and visits in {}. Who responds: `alongside evaluate uplift --data {} \
         --id person --arm arm --outcome bought --ignore {}`",
        show::count(n),
        path.display(),
        path.display(),
        proof::arms::AFTERWARDS,
    ))
}
