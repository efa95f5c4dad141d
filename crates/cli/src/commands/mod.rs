//! One file a command.

pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod decisions;
pub(crate) mod demo;
pub(crate) mod erase;
pub(crate) mod evaluate;
pub(crate) mod experiment;
pub(crate) mod export;
mod families;
pub(crate) mod import;
mod import_plan;
mod import_records;
mod import_relations;
pub(crate) mod import_report;
pub(crate) mod keys;
pub(crate) mod learn;
pub(crate) mod pairs;
pub(crate) mod policy;
pub(crate) mod recommend;
pub(crate) mod report;
pub(crate) mod retain;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod snapshot;
pub(crate) mod status;
pub(crate) mod tune;

use crate::args::{Args, Command};
use history::{OpenMode, Store};
use std::future::Future;
use std::path::Path;

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let dir = args.data_dir;
    match args.command {
        Command::Demo(args) => wait(demo::run(args)),
        Command::Import(args) => wait(import::run(&dir, args)),
        Command::Learn(args) => wait(learn::run(&dir, args)),
        Command::Tune(args) => wait(tune::run(&dir, args)),
        Command::Recommend(args) => wait(recommend::run(&dir, args)),
        Command::Serve(args) => wait(serve::run(&dir, args)),
        Command::Report(args) => wait(report::run(&dir, args)),
        Command::Status(args) => wait(status::run(&dir, args)),
        Command::Snapshot(args) => snapshot::run(&dir, args),
        Command::Policy(args) => wait(policy::run(&dir, args)),
        Command::Decisions(args) => wait(decisions::run(&dir, args)),
        Command::Experiment(args) => wait(experiment::run(&dir, args)),
        Command::Keys(args) => keys::run(&dir, args),
        Command::Export(args) => wait(export::run(&dir, args)),
        Command::Backup(args) => wait(backup::run(&dir, args)),
        Command::Restore(args) => wait(backup::run_restore(&dir, args)),
        Command::Retain(args) => wait(retain::run(&dir, args)),
        Command::Erase(args) => wait(erase::run(&dir, args)),
        Command::Evaluate(args) => evaluate::run(&dir, args),
        Command::Pairs(args) => pairs::run(&args),
        Command::Simulate(args) => simulate::run(args),
        Command::Bench(args) => bench::run(&dir, args),
    }
}

/// Opens a store for what reads and only tidies up beside: where nothing can be written, as it is.
pub(crate) async fn open_to_read(dir: &Path) -> history::Result<Store> {
    match Store::open(dir, OpenMode::ReadWrite).await {
        Err(history::Error::ReadOnly { .. }) => Store::open(dir, OpenMode::ReadOnly).await,
        opened => opened,
    }
}

/// Runs a command that talks to the store.
pub(crate) fn wait<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
