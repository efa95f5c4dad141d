//! `alongside status`: what is there and how it does.

use crate::clock;
use crate::show;
use clap::Args;
use events::{ItemKind, Timestamp};
use history::{OpenMode, Store};
use serde_json::json;
use snapshot::{Snapshot, SnapshotDir};
use std::path::Path;

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    output: crate::args::Output,
}

pub(crate) async fn run(dir: &Path, args: StatusArgs) -> anyhow::Result<()> {
    let store = Store::open(dir, OpenMode::ReadOnly).await?;
    let mut status = store.status().await?;
    let snapshots = SnapshotDir::new(store.snapshots_dir());
    let current = snapshots.list()?.into_iter().find(|entry| entry.is_current);
    let learned = match &current {
        Some(entry) => match Snapshot::open(&entry.path) {
            Ok(snapshot) => Some(snapshot.provenance().clone()),
            Err(error) => {
                status.problems.push(error.to_string());
                None
            }
        },
        None => None,
    };
    if args.output.json {
        return show::line(json!({
            "data_dir": dir.display().to_string(),
            "healthy": status.problems.is_empty(),
            "store": status,
            "snapshot": current.as_ref().map(|entry| json!({
                "id": entry.id, "bytes": entry.len_bytes, "provenance": learned,
            })),
        }));
    }
    let mut table = show::table(&[&dir.display().to_string(), ""], &[]);
    let mut add = |name: &str, value: String| show::row(&mut table, &[name.to_owned(), value]);
    add("orders", show::count(status.n_orders + status.n_orders_in_tail));
    add("lines", show::count(status.n_lines));
    if let Some((first, last)) = status.span() {
        add("span", format!("{first} to {last}"));
    }
    add("customers", show::count(status.n_customers));
    let kinds: Vec<String> = ItemKind::ALL
        .iter()
        .zip(status.n_items_by_kind)
        .filter(|(_, n)| *n > 0)
        .map(|(kind, n)| format!("{} {}", show::count(n), kind.as_str()))
        .collect();
    add("items", format!("{} ({})", show::count(status.n_items()), kinds.join(", ")));
    add("holdings", show::count(status.n_holdings));
    add(
        "events",
        format!(
            "{} live, {} sealed",
            show::count(status.n_events_in_tail),
            show::count(status.n_events_sealed)
        ),
    );
    add("decisions recorded", show::count(status.n_decisions));
    add(
        "size",
        format!(
            "{} in {} segments, {} database",
            show::bytes(status.n_segment_bytes),
            status.n_segments,
            show::bytes(status.n_database_bytes)
        ),
    );
    if let Some(import) = &status.last_import {
        add("last import", format!("{} from {}", Timestamp(import.at_us), import.source));
    }
    add("format", status.format_version.to_string());
    match (&current, &learned) {
        (Some(entry), Some(learned)) => add(
            "snapshot",
            format!(
                "{} ({}, {} baskets to {})",
                entry.id,
                show::bytes(entry.len_bytes),
                show::count(learned.n_baskets),
                learned.data_to.as_deref().unwrap_or("–")
            ),
        ),
        (Some(entry), None) => add("snapshot", format!("{} is damaged", entry.id)),
        (None, _) => add("snapshot", "none yet: run `alongside learn`".into()),
    }
    let health = if status.problems.is_empty() { "good".into() } else { status.problems.join("\n") };
    add("health", health);
    add("looked at", clock::now().to_string());
    show::line(table)
}
