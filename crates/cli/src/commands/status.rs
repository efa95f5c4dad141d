//! `alongside status`: what is there and how it does.

use super::learn::n_dated_ahead;
use crate::clock;
use crate::show;
use clap::Args;
use events::{ItemKind, Timestamp};
use history::{OpenMode, Store, StoreStatus, ViewOptions};
use serde_json::json;
use service::outcomes::{PlacementStanding, Standing};
use snapshot::{Entry, Provenance, Snapshot, SnapshotDir};
use std::path::Path;

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    output: crate::args::Output,
}

pub(crate) async fn run(dir: &Path, args: StatusArgs) -> anyhow::Result<()> {
    let store = Store::open(dir, OpenMode::ReadOnly).await?;
    let mut status = store.status().await?;
    status.problems.extend(dated_ahead(&store, &status).await?);
    let snapshots = SnapshotDir::new(store.snapshots_dir());
    let current = snapshots.list()?.into_iter().find(|entry| entry.is_current);
    let learned = current.as_ref().map(|entry| match Snapshot::open(&entry.path) {
        Ok(snapshot) => Ok(snapshot.provenance().clone()),
        Err(error) => {
            status.problems.push(error.to_string());
            Err(match error {
                snapshot::Error::FormatTooNew { .. } => "was written by a newer version",
                snapshot::Error::Io { .. } => "cannot be read",
                _ => "is damaged",
            })
        }
    });
    let outcomes = Standing::read(dir).unwrap_or_else(|error| {
        status.problems.push(format!("outcomes.json cannot be read: {error}"));
        None
    });
    if args.output.json {
        return show::line(json!({
            "data_dir": dir.display().to_string(),
            "healthy": status.problems.is_empty(),
            "store": status,
            "outcomes": outcomes,
            "snapshot": current.as_ref().map(|entry| json!({
                "id": entry.id, "bytes": entry.len_bytes,
                "provenance": learned.as_ref().and_then(|learned| learned.as_ref().ok()),
            })),
        }));
    }
    let mut table = show::table(&[&dir.display().to_string(), ""], &[]);
    for (name, value) in history_rows(&status).into_iter().chain([
        ("snapshot", snapshot_text(current.as_ref().zip(learned.as_ref()))),
        ("learning from outcomes", outcomes_text(outcomes.as_ref())),
        ("health", health_text(&status)),
        ("looked at", clock::now().to_string()),
    ]) {
        show::row(&mut table, &[name.to_owned(), value]);
    }
    show::line(table)
}

/// What is wrong with dates; the view is asked only where there is a reason to.
async fn dated_ahead(store: &Store, status: &StoreStatus) -> anyhow::Result<Option<String>> {
    let now = clock::now();
    let Some(latest) = status.dated_ahead(now) else { return Ok(None) };
    let view = store.view(&ViewOptions { now: Some(now), ..ViewOptions::default() }).await?;
    Ok(n_dated_ahead(&view).map(|n| {
        format!(
            "{n} orders are dated in the future, up to {latest}: mend their dates and import them \
             again; until then learning takes them to be of its own day"
        )
    }))
}

fn health_text(status: &StoreStatus) -> String {
    if status.problems.is_empty() { "good".into() } else { status.problems.join("\n") }
}

fn outcomes_text(standing: Option<&Standing>) -> String {
    let lines = standing.iter().flat_map(|known| &known.placements).map(PlacementStanding::text);
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() { "off".into() } else { lines.join("\n") }
}

fn snapshot_text(current: Option<(&Entry, &Result<Provenance, &str>)>) -> String {
    match current {
        Some((entry, Ok(learned))) => format!(
            "{} ({}, {} baskets to {})",
            entry.id,
            show::bytes(entry.len_bytes),
            show::count(learned.n_baskets),
            learned.data_to.as_deref().unwrap_or("–")
        ),
        Some((entry, Err(fault))) => format!("{} {fault}", entry.id),
        None => "none yet: run `alongside learn`".into(),
    }
}

fn history_rows(status: &StoreStatus) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let mut add = |name: &'static str, value: String| rows.push((name, value));
    add("orders", show::count(status.n_orders + status.n_orders_in_tail));
    add("lines", show::count(status.n_lines + status.n_lines_in_tail));
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
    add("relations declared", show::count(status.n_relations));
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
    rows
}
