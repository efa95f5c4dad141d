//! Commands and options, as clap reads them. No file is opened here.

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Alongside, the cross-selling engine: what to offer alongside, why, and what it earned.
#[derive(Debug, Parser)]
#[command(name = "alongside", version, propagate_version = true)]
pub(crate) struct Args {
    /// Folder that holds everything of one shop.
    #[arg(
        long = "data-dir",
        visible_alias = "data",
        env = "ALONGSIDE_DATA_DIR",
        default_value = "alongside-data",
        global = true,
        value_name = "DIR"
    )]
    pub data_dir: PathBuf,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Try it: imports real orders, learns, and serves a small shop on this machine.
    Demo(super::commands::demo::DemoArgs),
    /// Take in orders, items, customers, holdings or events from files.
    Import(super::commands::import::ImportArgs),
    /// Learn from the history and publish a snapshot.
    Learn(super::commands::learn::LearnArgs),
    /// Ask for offers and print them with their evidence.
    Recommend(super::commands::recommend::RecommendArgs),
    /// Serve offers over HTTP.
    Serve(super::commands::serve::ServeArgs),
    /// What is there: counts, sizes, dates, the newest snapshot, health.
    Status(super::commands::status::StatusArgs),
    /// Published snapshots: list, show, verify, roll back.
    Snapshot(super::commands::snapshot::SnapshotArgs),
    /// Keys for the HTTP API: create, list, revoke.
    Keys(super::commands::keys::KeysArgs),
    /// Write orders, items or customers to a file.
    Export(super::commands::export::ExportArgs),
    /// Copy the whole store to a new folder, beside a running server.
    Backup(super::commands::backup::BackupArgs),
    /// Make a store from a backup.
    Restore(super::commands::backup::RestoreArgs),
    /// Remove one customer from everything.
    Erase(super::commands::erase::EraseArgs),
    /// Measure ranking on your own orders, by a published protocol.
    Evaluate(super::commands::evaluate::EvaluateArgs),
    /// Count all pairs of a file of orders, exactly.
    Pairs(super::commands::pairs::PairsArgs),
    /// Make up a shop's orders, the same for the same seed.
    Simulate(super::commands::simulate::SimulateArgs),
    /// Measurements that `cargo xtask bench` runs.
    #[command(hide = true)]
    Bench(super::commands::bench::BenchArgs),
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, ClapArgs)]
pub(crate) struct Output {
    /// Print JSON for machines instead of a table.
    #[arg(long, global = true)]
    pub json: bool,
}

/// The placements of DESIGN section 3.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum PlacementArg {
    Home,
    Category,
    Pdp,
    Cart,
    Checkout,
    PostPurchase,
    Email,
    Pos,
    Kiosk,
    CallCenter,
}

impl From<PlacementArg> for decide::Placement {
    fn from(placement: PlacementArg) -> decide::Placement {
        match placement {
            PlacementArg::Home => decide::Placement::Home,
            PlacementArg::Category => decide::Placement::Category,
            PlacementArg::Pdp => decide::Placement::Pdp,
            PlacementArg::Cart => decide::Placement::Cart,
            PlacementArg::Checkout => decide::Placement::Checkout,
            PlacementArg::PostPurchase => decide::Placement::PostPurchase,
            PlacementArg::Email => decide::Placement::Email,
            PlacementArg::Pos => decide::Placement::Pos,
            PlacementArg::Kiosk => decide::Placement::Kiosk,
            PlacementArg::CallCenter => decide::Placement::CallCenter,
        }
    }
}
