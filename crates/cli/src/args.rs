//! Commands and options, as clap reads them. No file is opened here.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args as ClapArgs, CommandFactory, FromArgMatches, Parser, Subcommand};
use decide::Placement;
use std::ffi::OsString;
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

impl Args {
    /// Reads the command line; the error of clap says what is wrong, and how to exit.
    pub(crate) fn read(line: impl IntoIterator<Item = OsString>) -> Result<Args, clap::Error> {
        let mut command = Args::command();
        let matches = command.try_get_matches_from_mut(line)?;
        // A shop's own folder must not become that of the demo; where the variable of the
        // environment names one for the other commands, the demo goes by.
        let told = matches.subcommand().and_then(|(_, own)| own.value_source("data_dir"));
        if matches.subcommand_name() == Some("demo") && told == Some(ValueSource::CommandLine) {
            return Err(command.error(
                ErrorKind::ArgumentConflict,
                "the demo has a store of its own: name its folder with `demo --dir DIR`, and serve \
                 another store with `serve --shop --data-dir DIR`",
            ));
        }
        Args::from_arg_matches(&matches)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Try it: imports real orders, learns, and serves a small shop on this machine.
    Demo(super::commands::demo::DemoArgs),
    /// Take in orders, items, customers, holdings, events or relations from files.
    Import(super::commands::import::ImportArgs),
    /// Learn from the history and publish a snapshot.
    Learn(super::commands::learn::LearnArgs),
    /// Ask for offers and print them with their evidence.
    Recommend(super::commands::recommend::RecommendArgs),
    /// Serve offers over HTTP.
    Serve(super::commands::serve::ServeArgs),
    /// What the offers earned that would not have come anyway, against those shown nothing.
    Report(super::commands::report::ReportArgs),
    /// What is there: counts, sizes, dates, the newest snapshot, health.
    Status(super::commands::status::StatusArgs),
    /// Published snapshots: list, show, verify, roll back.
    Snapshot(super::commands::snapshot::SnapshotArgs),
    /// What may be offered, to whom and when: check, apply, compare, roll back, simulate.
    Policy(super::commands::policy::PolicyArgs),
    /// What was answered, and why: list, show, decide again.
    Decisions(super::commands::decisions::DecisionsArgs),
    /// Compare variants of placements and policies: create, start, stop, results, winner.
    Experiment(super::commands::experiment::ExperimentArgs),
    /// Keys for the HTTP API: create, list, revoke.
    Keys(super::commands::keys::KeysArgs),
    /// Write orders, items, customers or declared relations to a file.
    Export(super::commands::export::ExportArgs),
    /// Copy the whole store to a new folder, beside a running server.
    Backup(super::commands::backup::BackupArgs),
    /// Make a store from a backup.
    Restore(super::commands::backup::RestoreArgs),
    /// Forget browsing events and decisions that are too old; a running server does it by itself.
    Retain(super::commands::retain::RetainArgs),
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

/// Reads the name of a placement, and lists the names in the help.
pub(crate) fn placement_parser() -> impl TypedValueParser<Value = Placement> {
    PossibleValuesParser::new(Placement::ALL.map(Placement::as_str))
        .map(|name| Placement::parse(&name).expect("one of the names listed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Args, clap::Error> {
        Args::read(line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_demo_refuses_the_folder_of_a_shop() {
        for line in ["alongside --data-dir shop demo", "alongside demo --data-dir shop"] {
            let refusal = read(line).expect_err(line).to_string();
            assert!(refusal.contains("demo --dir DIR"), "{refusal}");
        }
        for line in ["alongside demo", "alongside demo --dir shop", "alongside --data x status"] {
            assert!(read(line).is_ok(), "{line}");
        }
        let help = read("alongside demo --help").expect_err("help is told as an error").to_string();
        assert!(!help.contains("--data-dir") && help.contains("--dir"), "{help}");
        let help = read("alongside status --help").expect_err("as well").to_string();
        assert!(help.contains("--data-dir"), "{help}");
    }

    #[test]
    fn a_key_without_a_kind_is_told_both_kinds() {
        let refusal = read("alongside keys create").expect_err("no kind").to_string();
        assert!(refusal.contains("--secret") && refusal.contains("--public"), "{refusal}");
        assert!(read("alongside keys create --secret --public").is_err());
        assert!(read("alongside keys create --public --label web").is_ok());
    }

    #[test]
    fn placements_are_those_of_decide() {
        for placement in Placement::ALL {
            let line = format!("alongside recommend --placement {}", placement.as_str());
            let args = read(&line).expect("a placement");
            assert!(format!("{:?}", args.command).contains(&format!("Some({placement:?})")));
        }
        let refusal = read("alongside recommend --placement porch").expect_err("none").to_string();
        assert!(refusal.contains("call_center"), "{refusal}");
    }
}
