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
    let intake = match args.replace {
        true => replace(store, args, &report, &records).await?,
        false => store.declare_relations(&records).await?,
    };
    report.relations = Some(intake);
    Ok(report)
}

/// What is not in a list is withdrawn, so a list that is hardly understood must not be taken.
async fn replace(
    store: &Store,
    args: &ImportArgs,
    report: &Report,
    records: &[RelationRecord],
) -> anyhow::Result<RelationIntake> {
    let most = args.max_rejects / 100.0 * report.n_rows() as f64;
    let max_left_out = (most as u64).saturating_sub(report.n_rejected());
    let intake = store.replace_relations(records, &sources_of(records), max_left_out).await?;
    ensure!(
        !intake.is_refused,
        "{} of {} rows cannot be used or would be left out: all of them, or more than \
         --max-rejects {} %. Nothing was changed, the store is as before.{}",
        show::count(report.n_rejected() + intake.n_left_out()),
        show::count(report.n_rows()),
        args.max_rejects,
        faults_text(&intake)
    );
    Ok(intake)
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
    text.push_str(&faults_text(intake));
    if intake.cheaper.n > 0 {
        let n = show::count(intake.cheaper.n);
        text.push_str(&format!(
            "\n  {n} × cheaper_upgrade, in force: is it a substitute, or turned round?"
        ));
        intake.cheaper.samples.iter().for_each(|sample| text.push_str(&format!("\n    {sample}")));
    }
    text
}

fn faults_text(intake: &RelationIntake) -> String {
    let mut text = String::new();
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
        "cheaper_upgrades": {"n": intake.cheaper.n, "examples": intake.cheaper.samples},
        "version": intake.version,
    })
}
