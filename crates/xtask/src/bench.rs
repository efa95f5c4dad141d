//! `cargo xtask bench`: the numbers of docs/BENCHMARKS.md, each by one command.
//!
//! Ours and the peers run as fresh processes on the same files in the same run, one after the
//! other in turn, so that a machine that gets slower is slow for all. A peer that cannot be
//! installed is named and left out; so is our own side where the command does not exist yet.

mod bandwidth;
mod child;
mod commands;
mod ease;
mod growth;
mod history;
mod http;
mod import;
mod join;
mod online;
mod pairs;
mod peers;
mod report;
mod serve;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;
use report::Report;

/// What every benchmark is given.
pub(crate) struct Bench<'a> {
    workspace: &'a Workspace,
    /// `target/bench`: results, generated files, the peers' Python environment.
    folder: PathBuf,
    args: &'a [String],
}

struct Entry {
    name: &'static str,
    what: &'static str,
    run: fn(&Bench<'_>, &mut Report) -> Result<()>,
}

const ENTRIES: [Entry; 10] = [
    Entry {
        name: "pairs",
        what: "all pair counts, Parquet to result, against scipy, DuckDB and Polars",
        run: pairs::run,
    },
    Entry { name: "ease", what: "EASE fit against numpy with OpenBLAS", run: ease::run },
    Entry {
        name: "import",
        what: "CSV into the durable store: 20 million generated rows (--rows N), Online Retail",
        run: import::run,
    },
    Entry {
        name: "growth",
        what: "learning at 1, 4 and 16 times the order lines, to 1.5 million (--rows N)",
        run: growth::run,
    },
    Entry {
        name: "join",
        what: "joins of the report: 1 and 10 million events (--events N, --memory MIB)",
        run: join::run,
    },
    Entry { name: "events", what: "live events: batches of 100, 64 writers", run: online::events },
    Entry { name: "decide", what: "one decision in process, 5-item cart", run: online::decide },
    Entry {
        name: "policies",
        what: "one decision under 500 policies over 10,000 items",
        run: online::policies,
    },
    Entry {
        name: "worlds",
        what: "worlds with known truth: how often the report's intervals cover it (--runs N)",
        run: online::worlds,
    },
    Entry {
        name: "serve",
        what: "HTTP under wrk (--seconds N) against a bare handler on the same stack",
        run: serve::run,
    },
];

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<bool> {
    let Some((name, rest)) = args.split_first() else {
        println!("benchmarks, `cargo xtask bench NAME`, or `all`:");
        for entry in &ENTRIES {
            println!("  {:8} {}", entry.name, entry.what);
        }
        return Ok(true);
    };
    let chosen: Vec<&Entry> =
        ENTRIES.iter().filter(|entry| name == "all" || entry.name == name).collect();
    if chosen.is_empty() {
        bail!("no benchmark {name:?}; `cargo xtask bench` lists them");
    }
    let folder = workspace.target_dir().join("bench");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let bench = Bench { workspace, folder, args: rest };
    let mut is_ok = true;
    for entry in chosen {
        println!("== {}: {}", entry.name, entry.what);
        let mut report = Report::new(entry.name, workspace.commit());
        let outcome = (entry.run)(&bench, &mut report);
        report.print();
        report.append_to(&bench.folder)?;
        if let Err(error) = outcome {
            println!("{}: {error:#}", entry.name);
            is_ok = false;
        }
        is_ok &= report.is_ok();
    }
    Ok(is_ok)
}

impl Bench<'_> {
    /// Builds our binary and tells where it lies.
    fn alongside(&self) -> Result<PathBuf> {
        self.build(&["build", "--release", "--quiet", "--package", "cli"])?;
        Ok(self.workspace.target_dir().join("release/alongside"))
    }

    fn build(&self, args: &[&str]) -> Result<()> {
        let status = self.workspace.cargo().args(args).status().context("cannot run cargo")?;
        if !status.success() {
            bail!("cargo {} failed", args.join(" "));
        }
        Ok(())
    }

    /// A made-up history, written once and kept: `target/bench/NAME`.
    fn generated(&self, kind: &str, n_rows: u64, name: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        if path.is_file() {
            return Ok(path);
        }
        println!("generating {}", path.display());
        self.build(&["build", "--release", "--quiet", "-p", "simulate", "--example", "generate"])?;
        let program = self.workspace.target_dir().join("release/examples/generate");
        // Renamed when whole, so that an interrupted run leaves no half file for the next.
        let unfinished = path.with_extension("unfinished");
        let status = Command::new(program)
            .args([kind, &n_rows.to_string(), "42"])
            .arg(&unfinished)
            .status()
            .context("cannot run the generator")?;
        if !status.success() {
            bail!("the generator failed: {status}");
        }
        std::fs::rename(&unfinished, &path)?;
        Ok(path)
    }

    /// A public data file, if the data folder is known and has it.
    fn data_file(&self, path: &str) -> Option<PathBuf> {
        let found = self.workspace.test_data()?.join(path);
        found.is_file().then_some(found)
    }

    /// The number behind `--name`, or what stands for it.
    fn number(&self, name: &str, default: u64) -> Result<u64> {
        let Some(at) = self.args.iter().position(|arg| arg == name) else { return Ok(default) };
        let text = self.args.get(at + 1).with_context(|| format!("{name} wants a number"))?;
        text.parse().with_context(|| format!("{name} wants a number, not {text:?}"))
    }

    fn script(&self, path: &str) -> PathBuf {
        self.workspace.root.join("bench").join(path)
    }
}

/// An empty folder of this name below `target/bench`.
fn fresh_folder(parent: &Path, name: &str) -> Result<PathBuf> {
    let folder = parent.join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
