//! `alongside export`: what is in the store, back in files that everybody reads.

use crate::show;
use anyhow::Context;
use clap::{Args, ValueEnum};
use history::{ExportFormat, OpenMode, Store};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    what: What,
    /// File to write; ends in .csv or .parquet (orders only).
    file: PathBuf,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    Orders,
    Items,
    Customers,
    Relations,
}

pub(crate) async fn run(dir: &Path, args: ExportArgs) -> anyhow::Result<()> {
    // Live orders are sealed first where this may write; beside a read-only store what is sealed
    // goes out.
    let store = match Store::open(dir, OpenMode::ReadWrite).await {
        Err(history::Error::ReadOnly { .. }) => Store::open(dir, OpenMode::ReadOnly).await?,
        opened => opened?,
    };
    let is_parquet = args.file.extension().is_some_and(|ending| ending == "parquet");
    let file = if args.force { File::create(&args.file) } else { File::create_new(&args.file) };
    let file = file.with_context(|| {
        format!("could not make {} (--force writes over a file that is there)", args.file.display())
    })?;
    let writer = BufWriter::new(file);
    let n = match args.what {
        What::Orders => {
            let format = if is_parquet { ExportFormat::Parquet } else { ExportFormat::Csv };
            store.export_orders(format, writer).await?
        }
        _ if is_parquet => {
            anyhow::bail!("items and customers are written as CSV: name a .csv file")
        }
        What::Items => store.export_items(writer).await?,
        What::Customers => store.export_customers(writer).await?,
        What::Relations => store.export_relations(writer).await?,
    };
    store.close().await;
    show::line(format!("{} rows in {}", show::count(n), args.file.display()))
}
