//! `alongside snapshot`: what is published, and going back.

use crate::show;
use clap::{Args, Subcommand};
use serde_json::json;
use snapshot::{Snapshot, SnapshotDir};
use std::path::Path;

#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    output: crate::args::Output,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// All published snapshots, oldest first.
    List,
    /// What a snapshot was made from and what is in it.
    Show {
        /// Id, or a beginning or end of it [default: the one in force].
        id: Option<String>,
    },
    /// Check a snapshot whole: checksums, offsets, indices.
    Verify {
        /// Id, or a beginning or end of it [default: all].
        id: Option<String>,
    },
    /// Put an earlier snapshot in force.
    Rollback {
        /// Id, or a beginning or end of it [default: the one before the present].
        id: Option<String>,
    },
}

pub(crate) fn run(dir: &Path, args: SnapshotArgs) -> anyhow::Result<()> {
    let snapshots = SnapshotDir::new(dir.join("snapshots"));
    let json = args.output.json;
    match args.action {
        Action::List => list(&snapshots, json),
        Action::Show { id } => show_one(&snapshots, id.as_deref(), json),
        Action::Verify { id } => verify(&snapshots, id.as_deref(), json),
        Action::Rollback { id } => {
            let entry = snapshots.rollback(id.as_deref())?;
            if json {
                return show::line(json!({"snapshot": entry.id}));
            }
            show::line(format!("snapshot {} is in force", entry.id))
        }
    }
}

fn list(snapshots: &SnapshotDir, json: bool) -> anyhow::Result<()> {
    let mut table = show::table(&["snapshot", "size", ""], &[1]);
    for entry in snapshots.list()? {
        if json {
            show::line(json!({
                "snapshot": entry.id, "bytes": entry.len_bytes, "in_force": entry.is_current,
            }))?;
        }
        let mark = if entry.is_current { "in force" } else { "" };
        show::row(&mut table, &[entry.id, show::bytes(entry.len_bytes), mark.into()]);
    }
    if json { Ok(()) } else { show::line(table) }
}

fn show_one(snapshots: &SnapshotDir, id: Option<&str>, json: bool) -> anyhow::Result<()> {
    let snapshot = match id {
        Some(id) => Snapshot::open(&snapshots.find(id)?.path)?,
        None => snapshots.open_current()?,
    };
    let provenance = snapshot.provenance();
    if json {
        let sections: serde_json::Map<_, _> = snapshot
            .container()
            .sections()
            .map(|(name, len)| (name.to_owned(), len.into()))
            .collect();
        return show::line(json!({"provenance": provenance, "sections": sections}));
    }
    let mut table = show::table(&["", ""], &[]);
    let span = |at: &Option<String>| at.clone().unwrap_or_else(|| "–".into());
    for (name, value) in [
        ("made by", format!("alongside {}", provenance.code_version)),
        ("baskets", show::count(provenance.n_baskets)),
        ("lines", show::count(provenance.n_lines)),
        ("items", show::count(provenance.n_items)),
        ("customers", show::count(provenance.n_customers)),
        ("from", span(&provenance.data_from)),
        ("to", span(&provenance.data_to)),
        ("seed", provenance.seed.to_string()),
    ] {
        show::row(&mut table, &[name.into(), value]);
    }
    for (name, value) in provenance.parameters.iter().chain(&provenance.sources) {
        show::row(&mut table, &[name.clone(), value.clone()]);
    }
    show::line(table)?;
    let mut table = show::table(&["section", "size"], &[1]);
    for (name, len) in snapshot.container().sections() {
        show::row(&mut table, &[name.to_owned(), show::bytes(len as u64)]);
    }
    show::line(table)
}

fn verify(snapshots: &SnapshotDir, id: Option<&str>, json: bool) -> anyhow::Result<()> {
    let entries = match id {
        Some(id) => vec![snapshots.find(id)?],
        None => snapshots.list()?,
    };
    let mut n_bad = 0;
    for entry in entries {
        let fault = Snapshot::open(&entry.path).err().map(|error| error.to_string());
        n_bad += usize::from(fault.is_some());
        if json {
            show::line(json!({"snapshot": entry.id, "sound": fault.is_none(), "fault": fault}))?;
        } else {
            show::line(format!("{}  {}", entry.id, fault.as_deref().unwrap_or("sound")))?;
        }
    }
    anyhow::ensure!(
        n_bad == 0,
        "{n_bad} damaged; `alongside snapshot rollback` goes back to a sound one"
    );
    Ok(())
}
