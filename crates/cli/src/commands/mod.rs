//! One file a command.

pub(crate) mod evaluate;
pub(crate) mod import;
pub(crate) mod import_report;
pub(crate) mod learn;
pub(crate) mod pairs;
pub(crate) mod recommend;
pub(crate) mod snapshot;

use crate::args::{Args, Command};
use std::future::Future;

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let dir = args.data_dir;
    match args.command {
        Command::Import(args) => wait(import::run(&dir, args)),
        Command::Learn(args) => wait(learn::run(&dir, args)),
        Command::Recommend(args) => wait(recommend::run(&dir, args)),
        Command::Snapshot(args) => snapshot::run(&dir, args),
        Command::Evaluate(args) => evaluate::run(args),
        Command::Pairs(args) => pairs::run(&args),
    }
}

/// Runs a command that talks to the store.
fn wait<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
