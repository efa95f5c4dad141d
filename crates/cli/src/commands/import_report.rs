//! What an import did: the rejects file, the summary.

use crate::show;
use anyhow::Context;
use events::import::{ImportPlan, ReadSummary};
use events::{LineKind, Reject, RejectReason, Timestamp};
use history::{ImportSummary, RelationIntake};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Samples kept of each reason.
const MAX_SAMPLES: usize = 3;
/// New fees named in the summary; JSON has all.
const MAX_FEES: usize = 20;

/// What became of an import.
pub(crate) struct Report {
    kind: &'static str,
    files: Vec<(String, ReadSummary)>,
    /// Files that were imported before, and when.
    known: Vec<(String, Timestamp)>,
    n_bytes: u64,
    pub orders: Option<ImportSummary>,
    pub n_events: Option<u64>,
    pub n_duplicates: u64,
    pub relations: Option<RelationIntake>,
    pub warnings: Vec<String>,
    pub seconds: f64,
}

impl Report {
    pub(crate) fn new(kind: &'static str) -> Report {
        Report {
            kind,
            files: Vec::new(),
            known: Vec::new(),
            n_bytes: 0,
            orders: None,
            n_events: None,
            n_duplicates: 0,
            relations: None,
            warnings: Vec::new(),
            seconds: 0.0,
        }
    }

    pub(crate) fn add_file(&mut self, path: &Path, n_bytes: u64, summary: &ReadSummary) {
        self.n_bytes += n_bytes;
        self.files.push((path.display().to_string(), summary.clone()));
    }

    pub(crate) fn add_known(&mut self, path: &Path, when: Timestamp) {
        self.known.push((path.display().to_string(), when));
    }

    fn sum(&self, of: impl Fn(&ReadSummary) -> u64) -> u64 {
        self.files.iter().map(|(_, summary)| of(summary)).sum()
    }

    pub(super) fn n_rejected(&self) -> u64 {
        self.sum(|summary| summary.n_rejected)
    }

    pub(super) fn n_rows(&self) -> u64 {
        self.sum(|summary| summary.n_rows)
    }

    fn n_taken(&self) -> u64 {
        self.sum(|summary| summary.n_taken)
    }
}

/// Rows that were set aside: counted, sampled, and written out under the header of their file, so
/// that they can be mended and imported again.
pub(crate) struct Rejects {
    dir: PathBuf,
    time: String,
    counts: BTreeMap<RejectReason, u64>,
    samples: BTreeMap<RejectReason, Vec<(String, u64, String)>>,
    current: Option<Current>,
    paths: Vec<PathBuf>,
}

struct Current {
    name: String,
    header: Option<String>,
    is_json: bool,
    path: PathBuf,
    out: Option<BufWriter<File>>,
}

impl Rejects {
    pub(crate) fn new(dir: PathBuf, time: &str) -> Rejects {
        Rejects {
            dir,
            time: time.to_owned(),
            counts: BTreeMap::new(),
            samples: BTreeMap::new(),
            current: None,
            paths: Vec::new(),
        }
    }

    pub(crate) fn begin_file(&mut self, path: &Path, plan: &ImportPlan) {
        let stem = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let stem = stem.split('.').next().unwrap_or("rejects").to_owned();
        let header = plan.rejects_header();
        let ending = if header.is_some() { "csv" } else { "jsonl" };
        let n = self.paths.len();
        let file = self.dir.join(format!("{}-{n}-{stem}.{ending}", self.time));
        self.current = Some(Current {
            name: path.display().to_string(),
            is_json: header.is_none(),
            header,
            path: file,
            out: None,
        });
    }

    pub(crate) fn push(&mut self, rejects: &[Reject]) -> anyhow::Result<()> {
        let Some(current) = &mut self.current else { return Ok(()) };
        for reject in rejects {
            *self.counts.entry(reject.reason).or_default() += 1;
            let samples = self.samples.entry(reject.reason).or_default();
            if samples.len() < MAX_SAMPLES {
                samples.push((current.name.clone(), reject.line, reject.detail.clone()));
            }
            if current.out.is_none() {
                fs::create_dir_all(&self.dir)
                    .with_context(|| format!("could not make {}", self.dir.display()))?;
                let file = File::create(&current.path).with_context(|| {
                    format!("could not write the rejects file {}", current.path.display())
                })?;
                let mut out = BufWriter::new(file);
                if let Some(header) = &current.header {
                    writeln!(out, "{header}")?;
                }
                current.out = Some(out);
                self.paths.push(current.path.clone());
            }
            if let Some(out) = &mut current.out {
                let raw = if current.is_json { reject.raw.trim_end() } else { &reject.raw };
                writeln!(out, "{raw}")
                    .with_context(|| format!("could not write {}", current.path.display()))?;
            }
        }
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> anyhow::Result<()> {
        if let Some(out) = self.current.as_mut().and_then(|current| current.out.as_mut()) {
            out.flush().context("could not write the rejects file")?;
        }
        Ok(())
    }

    pub(crate) fn finish(&mut self) -> anyhow::Result<()> {
        self.flush()?;
        self.current = None;
        Ok(())
    }

    pub(crate) fn paths_text(&self) -> String {
        self.paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    }

    /// Reasons with samples of one file.
    pub(crate) fn samples_text(&self, name: &str) -> String {
        let mut text = String::new();
        for (reason, n) in &self.counts {
            text.push_str(&format!("  {} × {}\n", show::count(*n), reason.code()));
            for (file, line, detail) in self.samples.get(reason).into_iter().flatten() {
                if file == name {
                    text.push_str(&format!("    {file}:{line}: {detail}\n"));
                }
            }
        }
        text
    }
}

/// The summary of a finished import.
pub(crate) fn show(report: &Report, rejects: &Rejects, json: bool) -> anyhow::Result<()> {
    if json {
        return show::line(to_json(report, rejects));
    }
    // Files that were all known before are told below, and there is nothing to count.
    let is_known = report.files.is_empty() && !report.known.is_empty();
    let per_second = report.n_rows() as f64 / report.seconds.max(1e-9);
    if !is_known {
        show::line(format!(
            "{} rows of {} in {:.1} s ({} rows/s), {} taken",
            show::count(report.n_rows()),
            report.kind,
            report.seconds,
            show::count(per_second as u64),
            show::count(report.n_taken()),
        ))?;
    }
    for remark in remarks(report) {
        show::line(remark)?;
    }
    if let Some(orders) = report.orders.as_ref().filter(|_| !is_known) {
        show::line(orders_table(report, orders))?;
    }
    if let Some(n_events) = report.n_events {
        show::line(format!(
            "{} events, {} of them known before",
            show::count(n_events),
            show::count(report.n_duplicates)
        ))?;
    }
    if let Some(intake) = &report.relations {
        show::line(super::import_relations::told(intake))?;
    }
    if rejects.counts.is_empty() {
        return Ok(());
    }
    show::line("Rows that could not be used:")?;
    for (name, _) in &report.files {
        let text = rejects.samples_text(name);
        show::line(text.trim_end())?;
    }
    let joins = match report.kind {
        "orders" => "; each row then joins the order that it belongs to",
        _ => "",
    };
    let paths = rejects.paths_text();
    show::line(format!("Mend them and import this file{joins}: {paths}"))
}

/// What a person should know beside the counts.
fn remarks(report: &Report) -> Vec<String> {
    let mut remarks = report.warnings.clone();
    for (name, when) in &report.known {
        remarks.push(format!(
            "{name} was imported before ({when}) and is passed over, so that it does not undo what \
             came later; --again imports it once more"
        ));
    }
    let n_skipped = report.sum(|summary| summary.n_skipped);
    if n_skipped > 0 {
        remarks.push(format!("{} rows of no concern here passed over", show::count(n_skipped)));
    }
    let n_windows_1252 = report.sum(|summary| summary.n_windows_1252);
    if n_windows_1252 > 0 {
        remarks.push(format!(
            "{} rows are no UTF-8 and were read as Windows-1252 (Latin-1)",
            show::count(n_windows_1252)
        ));
    }
    let n_other_currency = report.sum(|summary| summary.n_lines_other_currency);
    if n_other_currency > 0 {
        remarks.push(other_currency(n_other_currency, &[]));
    }
    let Some(orders) = &report.orders else { return remarks };
    if orders.n_lines_other_currency > 0 {
        let examples = &orders.other_currency_examples;
        remarks.push(other_currency(orders.n_lines_other_currency, examples));
    }
    remarks.extend(doubts(orders));
    if orders.n_orders_cut > 0 {
        remarks.push(format!(
            "{} orders stand in several of these files, and the last one lacks items that an \
             earlier one has, such as {}: where the files are parts of one export, import them \
             with --parts",
            show::count(orders.n_orders_cut),
            orders.cut_examples.join(", ")
        ));
    }
    if !orders.fees.is_empty() {
        let name = |fee: &history::NewFee| match &fee.title {
            Some(title) => format!("{} ({title})", fee.item_id),
            None => fee.item_id.clone(),
        };
        let named: Vec<String> = orders.fees.iter().take(MAX_FEES).map(name).collect();
        let more = orders.fees.len().saturating_sub(MAX_FEES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        remarks.push(format!(
            "Taken as fees from now on, never offered: {}{more}. Where one is not, declare its \
             kind with `import items`",
            named.join(", ")
        ));
    }
    remarks
}

/// Order ids that seem to be used again.
fn doubts(orders: &ImportSummary) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(doubts) = &orders.doubts {
        remarks.push(format!(
            "warning: {doubts}. Each became one order of the customer that its first line names; \
             where that is wrong, import again with --order-from or --map order_id=COLUMN+COLUMN"
        ));
    }
    if orders.n_orders_moved > 0 {
        remarks.push(format!(
            "warning: {} orders known before stand more than a day from where they stood, such as \
             {}: they were replaced. Where the number is used again for another order, see \
             --order-from",
            show::count(orders.n_orders_moved),
            orders.moved_examples.join(", ")
        ));
    }
    remarks
}

fn other_currency(n_lines: u64, examples: &[String]) -> String {
    let such = if examples.is_empty() { "" } else { ", in orders such as " };
    format!(
        "{} lines have a price in another currency than the first of their order{such}{}: an \
         order has one currency, and they are kept without a price",
        show::count(n_lines),
        examples.join(", ")
    )
}

fn orders_table(report: &Report, orders: &ImportSummary) -> comfy_table::Table {
    let mut table = show::table(&["orders", ""], &[1]);
    let kind = |kind: LineKind| orders.n_rows_by_kind[kind as usize];
    let span = report
        .files
        .iter()
        .filter_map(|(_, summary)| summary.span)
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let mut rows = vec![
        ("new", show::count(orders.n_orders_new)),
        ("changed (a later version supersedes)", show::count(orders.n_orders_changed)),
        ("completed by mended rows (of those)", show::count(orders.n_orders_completed)),
        ("unchanged", show::count(orders.n_orders_unchanged)),
        ("lines: sales", show::count(kind(LineKind::Sale))),
        ("lines: returns", show::count(kind(LineKind::Return))),
        ("lines: cancellations", show::count(kind(LineKind::Cancellation))),
        ("lines: adjustments (price or quantity 0)", show::count(kind(LineKind::Adjustment))),
        ("equal lines of one order, added up", show::count(orders.n_rows_equal)),
        ("lines that differ in quantity alone, added up", show::count(orders.n_rows_added_up)),
        ("rows of orders that a later file brings again", show::count(orders.n_rows_superseded)),
        ("rows of orders sent twice", show::count(orders.n_rows_repeated)),
        ("items new", show::count(orders.n_items_new)),
        ("customers new", show::count(orders.n_customers_new)),
        ("written", show::bytes(orders.n_bytes_written)),
    ];
    if let Some((first, last)) = span {
        rows.push(("from", first.to_string()));
        rows.push(("to", last.to_string()));
    }
    for (name, value) in rows {
        show::row(&mut table, &[name.into(), value]);
    }
    table
}

fn to_json(report: &Report, rejects: &Rejects) -> Value {
    let counts: serde_json::Map<String, Value> =
        rejects.counts.iter().map(|(reason, n)| (reason.code().to_owned(), (*n).into())).collect();
    let samples: Vec<Value> = rejects
        .samples
        .iter()
        .flat_map(|(reason, samples)| {
            samples.iter().map(|(file, line, detail)| {
                json!({"reason": reason.code(), "file": file, "line": line, "detail": detail})
            })
        })
        .collect();
    json!({
        "kind": report.kind,
        "files": report.files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(),
        "bytes": report.n_bytes,
        "rows": report.n_rows(),
        "taken": report.n_taken(),
        "passed_over": report.sum(|summary| summary.n_skipped),
        "lines_other_currency": report.sum(|summary| summary.n_lines_other_currency)
            + report.orders.as_ref().map_or(0, |orders| orders.n_lines_other_currency),
        "windows_1252": report.sum(|summary| summary.n_windows_1252),
        "known_files": report.known.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(),
        "rejected": rejects.counts.values().sum::<u64>(),
        "rejected_by_reason": counts,
        "reject_samples": samples,
        "rejects_files": rejects.paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>(),
        "orders": report.orders,
        "events": report.n_events,
        "duplicates": report.n_duplicates,
        "warnings": report.warnings,
        "relations": report.relations.as_ref().map(super::import_relations::to_json),
        "seconds": report.seconds,
        "rows_per_s": report.n_rows() as f64 / report.seconds.max(1e-9),
    })
}
