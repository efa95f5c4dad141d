//! `alongside erase`: one customer, out of everything.

use crate::clock;
use crate::show;
use clap::Args;
use history::{EraseOrders, OpenMode, Store};
use serde_json::json;
use std::path::Path;

#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    /// The customer's id, as the shop knows it.
    #[arg(long)]
    customer: String,
    /// Drop the orders as well; without this they stay as orders of nobody.
    #[arg(long)]
    drop_orders: bool,
}

pub(crate) async fn run(dir: &Path, args: EraseArgs) -> anyhow::Result<()> {
    let store = Store::open(dir, OpenMode::ReadWrite).await?;
    let orders = if args.drop_orders { EraseOrders::Drop } else { EraseOrders::KeepAnonymous };
    let receipt = store.erase_customer(&args.customer, orders, clock::now()).await?;
    store.close().await;
    show::line(serde_json::to_string_pretty(&json!({"erased": receipt}))?)?;
    show::note(
        "Snapshots made before still hold what was learned: run `alongside learn --keep 1` to \
         replace them. Backups and files outside the store are yours to erase.",
    );
    Ok(())
}
