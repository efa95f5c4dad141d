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
    #[command(flatten)]
    output: crate::args::Output,
}

pub(crate) async fn run(dir: &Path, args: EraseArgs) -> anyhow::Result<()> {
    let store = Store::open(dir, OpenMode::ReadWrite).await?;
    let orders = if args.drop_orders { EraseOrders::Drop } else { EraseOrders::KeepAnonymous };
    let receipt = store.erase_customer(&args.customer, orders, clock::now()).await?;
    store.close().await;
    if args.output.json {
        show::line(json!({"erased": receipt}))?;
    } else {
        let what = [
            ("orders dropped", receipt.n_orders_dropped),
            ("orders made anonymous", receipt.n_orders_made_anonymous),
            ("events removed", receipt.n_events_removed),
            ("decisions removed", receipt.n_decisions_removed),
            ("holdings removed", receipt.n_holdings_removed),
            ("segments written anew", receipt.n_segments_rewritten),
        ];
        let mut table = show::table(&["the customer is erased", ""], &[1]);
        for (name, n) in what {
            show::row(&mut table, &[name.to_owned(), show::count(n)]);
        }
        show::line(table)?;
    }
    show::note(
        "Snapshots made before still hold what was learned: run `alongside learn --keep 1` to \
         replace them, and stop experiments that name one of those. Backups and files outside the \
         store are yours to erase.",
    );
    Ok(())
}
