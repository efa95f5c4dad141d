//! `alongside decisions`: what was answered, why, and the same once more.

mod export;
mod shown;

use super::policy::policy_dir;
use super::recommend::{load_world, policies_in_force};
use crate::args::Output;
use crate::clock;
use crate::show;
use anyhow::Context;
use clap::{Args, Subcommand};
use events::Timestamp;
use events::time::DAY_US;
use history::{DecisionRecord, OpenMode, Store};
use score::World;
use serde_json::Value;
use service::{Archive, ChronicleDir, Present};
use snapshot::SnapshotDir;
use std::collections::VecDeque;
use std::path::Path;

#[derive(Debug, Args)]
pub(crate) struct DecisionsArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The latest answers, one a line, latest last.
    List {
        /// How many.
        #[arg(long, default_value_t = 20, value_name = "N")]
        last: usize,
        /// Only those of this placement.
        #[arg(long, value_parser = crate::args::placement_parser())]
        placement: Option<decide::Placement>,
        /// Only those of the last days.
        #[arg(long, value_name = "N")]
        days: Option<u32>,
        #[command(flatten)]
        output: Output,
    },
    /// One answer: what was asked, each offer with its factors, and what stopped others.
    Show {
        /// The `recommendation_id` of the answer.
        id: String,
        #[command(flatten)]
        output: Output,
    },
    /// Writes what was drawn, with chances and what came of it, for `evaluate off-policy`.
    Export {
        /// File to write, .csv.
        file: std::path::PathBuf,
        /// Only the last days.
        #[arg(long, value_name = "N")]
        days: Option<u32>,
        /// Write over a file that is there.
        #[arg(long)]
        force: bool,
    },
    /// Decides again from what was in force then, and compares.
    Replay {
        /// The `recommendation_id` of the answer.
        id: String,
        #[command(flatten)]
        output: Output,
    },
}

pub(crate) async fn run(dir: &Path, args: DecisionsArgs) -> anyhow::Result<()> {
    let store = Store::open(dir, OpenMode::ReadOnly).await?;
    match args.what {
        What::List { last, placement, days, output } => {
            list(&store, since(days), (last, placement), output).await
        }
        What::Export { file, days, force } => export::run(&store, &file, since(days), force).await,
        What::Show { id, output } => {
            let record = find(&store, &id).await?;
            if output.json {
                return show::line(String::from_utf8_lossy(&record.payload));
            }
            let (archive, present) = in_force(dir, &store).await?;
            shown::show(&record, &archive, &present)
        }
        What::Replay { id, output } => {
            let record = find(&store, &id).await?;
            let (archive, present) = in_force(dir, &store).await?;
            replay(&record, &archive, &present, output)
        }
    }
}

fn since(days: Option<u32>) -> Timestamp {
    days.map_or(Timestamp(i64::MIN), |days| {
        Timestamp(clock::now().0.saturating_sub(i64::from(days).saturating_mul(DAY_US)))
    })
}

async fn find(store: &Store, id: &str) -> anyhow::Result<DecisionRecord> {
    let found = store.decision(id).await?;
    found.with_context(|| {
        format!(
            "no decision has the id `{id}`: it may be older than what is kept, or not written yet \
             (up to a second); `alongside decisions list` shows the latest"
        )
    })
}

/// Where what was in force once lies, and what is now.
async fn in_force(dir: &Path, store: &Store) -> anyhow::Result<(Archive, Present)> {
    let policies = policy_dir(store).await?;
    let snapshots = SnapshotDir::new(store.snapshots_dir());
    let set = policies_in_force(&policies)?;
    let asks_attributes = set.as_ref().is_some_and(|(_, set)| set.asks_item_attributes());
    let snapshot_id = snapshots.current_id()?.unwrap_or_default();
    let world = match snapshot_id.is_empty() {
        true => World::empty(),
        false => load_world(store, asks_attributes).await?,
    };
    let present = Present { snapshot_id, world, policies: set };
    Ok((Archive { snapshots, policies, chronicle: ChronicleDir::in_dir(dir) }, present))
}

async fn list(
    store: &Store,
    since: Timestamp,
    (last, placement): (usize, Option<decide::Placement>),
    output: Output,
) -> anyhow::Result<()> {
    let mut latest: VecDeque<(String, Timestamp, Value)> = VecDeque::new();
    let mut n_unreadable = 0_u64;
    store
        .each_decision(since, |record| {
            let Ok(payload) = serde_json::from_slice::<Value>(&record.payload) else {
                n_unreadable += 1;
                return;
            };
            let is_asked = placement.is_none_or(|p| payload["asked"]["placement"] == p.as_str());
            if !is_asked || last == 0 {
                return;
            }
            if latest.len() == last {
                latest.pop_front();
            }
            latest.push_back((record.recommendation_id.clone(), record.at, payload));
        })
        .await?;
    if output.json {
        for (id, _, mut payload) in latest {
            payload["recommendation_id"] = id.into();
            show::line(payload)?;
        }
    } else if latest.is_empty() {
        show::line(
            "No decision is recorded. `alongside serve` records each answer that it gives.",
        )?;
    } else {
        show::line(shown::table_of(&latest))?;
    }
    if n_unreadable > 0 {
        show::note(format!("{} records cannot be read", show::count(n_unreadable)));
    }
    Ok(())
}

fn replay(
    record: &DecisionRecord,
    archive: &Archive,
    present: &Present,
    output: Output,
) -> anyhow::Result<()> {
    let replayed = service::replay::replay(Some(archive), present, &record.payload)
        .with_context(|| format!("the record {} cannot be read", record.recommendation_id))?;
    if output.json {
        show::line(serde_json::to_string(&replayed)?)?;
    } else {
        show::line(&replayed.text)?;
        let live = replayed.live.as_ref().map(|(epoch, n)| format!(", {n} entries of {epoch}"));
        let version = replayed.policy_version.map(|version| format!(", policies {version}"));
        let (live, version) = (live.unwrap_or_default(), version.unwrap_or_default());
        show::line(format!("asked of: snapshot {}{live}{version}", replayed.snapshot))?;
        for cause in &replayed.causes {
            show::line(format!("  {}: {}", cause.code, cause.detail))?;
        }
        if !replayed.differences.is_empty() {
            let mut table = show::table(&["what", "item", "recorded", "now"], &[]);
            for found in &replayed.differences {
                let item = found.item_id.clone().unwrap_or_default();
                let (then, now) = (found.recorded.clone(), found.replayed.clone());
                show::row(&mut table, &[found.what.to_owned(), item, then, now]);
            }
            show::line(table)?;
        }
    }
    anyhow::ensure!(replayed.is_same, "the decision did not come out the same");
    Ok(())
}
