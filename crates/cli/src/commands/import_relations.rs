//! Import of relations: a list enters as a whole, since rings show only in the whole.

use super::import::{ImportArgs, Planned};
use super::import_records::take_in;
use super::import_report::{Rejects, Report};
use crate::show;
use anyhow::ensure;
use events::RelationRecord;
use events::import::read_relations;
use history::relations::{MAX_RELATIONS, sources_of};
use history::{RelationIntake, Store};
use serde_json::{Value, json};

pub(super) async fn relations(
    store: &Store,
    args: &ImportArgs,
    files: Vec<Planned>,
    rejects: &mut Rejects,
) -> anyhow::Result<Report> {
    let mut report = Report::new("relations");
    let mut records: Vec<RelationRecord> = Vec::new();
    take_in(args, files, rejects, &mut report, read_relations, async |batch| {
        records.extend(batch);
        ensure!(
            records.len() <= MAX_RELATIONS,
            "more than {} relations: declare what a person would, and leave the rest to learning",
            show::count(MAX_RELATIONS as u64)
        );
        Ok(())
    })
    .await?;
    for record in &mut records {
        if record.source.is_empty() {
            record.source.clone_from(&args.source);
        }
    }
    let replaced = if args.replace { sources_of(&records) } else { Vec::new() };
    report.relations = Some(store.declare_relations(&records, &replaced).await?);
    Ok(report)
}

pub(super) fn told(intake: &RelationIntake) -> String {
    let mut text = format!(
        "{} new, {} changed, {} as they were, {} withdrawn; in force at once, also in a running \
         server",
        show::count(intake.n_new),
        show::count(intake.n_changed),
        show::count(intake.n_same),
        show::count(intake.n_withdrawn),
    );
    for faults in &intake.faults {
        text.push_str(&format!(
            "\n  {} × {}, left out",
            show::count(faults.n),
            faults.fault.code()
        ));
        for sample in &faults.samples {
            text.push_str(&format!("\n    {sample}"));
        }
    }
    text
}

pub(super) fn to_json(intake: &RelationIntake) -> Value {
    let left_out: Vec<Value> = intake
        .faults
        .iter()
        .map(|faults| {
            json!({"code": faults.fault.code(), "n": faults.n, "examples": faults.samples})
        })
        .collect();
    json!({
        "new": intake.n_new,
        "changed": intake.n_changed,
        "same": intake.n_same,
        "withdrawn": intake.n_withdrawn,
        "left_out": left_out,
        "version": intake.version,
    })
}
