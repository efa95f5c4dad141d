//! `alongside backup` and `alongside restore`.

use crate::clock;
use crate::show;
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// A new or empty folder.
    target: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The folder that `backup` made.
    backup: PathBuf,
}

pub(crate) async fn run(dir: &Path, args: BackupArgs) -> anyhow::Result<()> {
    let store = super::open_to_read(dir).await?;
    let manifest = store.backup(&args.target, clock::now()).await?;
    store.close().await;
    show::line(format!(
        "{} files, {} in {}. API keys are in it: keep it private. Snapshots are not: run \
         `alongside learn` after a restore; nor are the rows that imports rejected.",
        manifest.files.len(),
        show::bytes(manifest.n_bytes()),
        args.target.display()
    ))
}

pub(crate) async fn run_restore(dir: &Path, args: RestoreArgs) -> anyhow::Result<()> {
    let manifest = history::restore(&args.backup, dir).await?;
    show::line(format!(
        "{} files, {} checked and restored to {}. Now run `alongside learn`.",
        manifest.files.len(),
        show::bytes(manifest.n_bytes()),
        dir.display()
    ))
}
