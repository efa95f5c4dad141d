//! Imports of items, customers, holdings and events: read once to see that they can be used, then
//! written. What is small goes in at once; what is large is read again and goes in batch by batch,
//! so that memory does not grow with the file.

use super::families::Families;
use super::import::{ImportArgs, Planned, Progress, can_be_read_again, check_share, open};
use super::import_report::{Rejects, Report};
use anyhow::Context;
use events::import::{
    ImportPlan, ReadOptions, ReadSummary, RecordSink, Source, read_customers, read_events,
    read_holdings, read_items,
};
use events::{Event, Reject};
use history::Store;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Up to so many records all go in at once, in one transaction.
const MAX_AT_ONCE: usize = 50_000;
/// Records of a transaction above that.
const BATCH_RECORDS: usize = 8_192;
/// Batches that may wait for the store while the file is read.
const QUEUE_BATCHES: usize = 2;

type ReadRecords<T> =
    fn(Source, &ImportPlan, ReadOptions, RecordSink<'_, T>) -> Result<ReadSummary, events::Error>;

pub(super) async fn items(
    store: &Store,
    args: &ImportArgs,
    files: Vec<Planned>,
    rejects: &mut Rejects,
) -> anyhow::Result<Report> {
    let mut report = Report::new("items");
    let mut families = Families::default();
    take_in(args, files, rejects, &mut report, read_items, async |records| {
        for record in &records {
            families.note(&record.item_id, record.variant_of.as_deref());
        }
        store.upsert_items(&records).await?;
        Ok(())
    })
    .await?;
    report.warnings.extend(families.warning());
    Ok(report)
}

pub(super) async fn customers(
    store: &Store,
    args: &ImportArgs,
    files: Vec<Planned>,
    rejects: &mut Rejects,
) -> anyhow::Result<Report> {
    let mut report = Report::new("customers");
    take_in(args, files, rejects, &mut report, read_customers, async |records| {
        store.upsert_customers(&records).await?;
        Ok(())
    })
    .await?;
    Ok(report)
}

pub(super) async fn holdings(
    store: &Store,
    args: &ImportArgs,
    files: Vec<Planned>,
    rejects: &mut Rejects,
) -> anyhow::Result<Report> {
    let mut report = Report::new("holdings");
    take_in(args, files, rejects, &mut report, read_holdings, async |records| {
        store.upsert_holdings(&records).await?;
        Ok(())
    })
    .await?;
    Ok(report)
}

/// Events have ids of their own or of their content: one that is known is no second event, so an
/// import that was cut short can be run again.
pub(super) async fn events(
    store: &Store,
    args: &ImportArgs,
    files: Vec<Planned>,
    rejects: &mut Rejects,
) -> anyhow::Result<Report> {
    let mut report = Report::new("events");
    let log = store.event_log()?;
    let (mut n_events, mut n_duplicates) = (0, 0);
    let append = async |records: Vec<Event>| {
        n_events += records.len() as u64;
        let acks = log.append(records).await?;
        let known = acks.iter().filter(|ack| matches!(ack, history::Ack::Duplicate));
        n_duplicates += known.count() as u64;
        Ok(())
    };
    take_in(args, files, rejects, &mut report, read_events, append).await?;
    (report.n_events, report.n_duplicates) = (Some(n_events), n_duplicates);
    Ok(report)
}

/// A file that has been looked through.
struct Checked {
    path: PathBuf,
    plan: ImportPlan,
    len_bytes: u64,
}

/// The records of all files, while they are few.
struct Kept<T> {
    records: Option<Vec<T>>,
    may_drop: bool,
}

impl<T> Kept<T> {
    fn extend(&mut self, batch: Vec<T>) {
        let Some(records) = self.records.as_mut() else { return };
        records.extend(batch);
        if self.may_drop && records.len() > MAX_AT_ONCE {
            self.records = None;
        }
    }
}

pub(super) async fn take_in<T: Send + 'static>(
    args: &ImportArgs,
    files: Vec<Planned>,
    rejects: &mut Rejects,
    report: &mut Report,
    read: ReadRecords<T>,
    mut write: impl AsyncFnMut(Vec<T>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // A pipe cannot be read twice.
    let may_drop = files.iter().all(|file| can_be_read_again(&file.path));
    let mut kept = Kept { records: Some(Vec::new()), may_drop };
    let mut checked = Vec::new();
    for file in files {
        let (file, summary) = look_through(args, file, rejects, read, &mut kept)?;
        report.add_file(&file.path, file.len_bytes, &summary);
        checked.push(file);
    }
    if let Some(records) = kept.records {
        return write(records).await;
    }
    for file in checked {
        write_in_batches(args, file, read, &mut write).await?;
    }
    Ok(())
}

/// Counts what cannot be used, and keeps the records while they are few.
fn look_through<T>(
    args: &ImportArgs,
    file: Planned,
    rejects: &mut Rejects,
    read: ReadRecords<T>,
    kept: &mut Kept<T>,
) -> anyhow::Result<(Checked, ReadSummary)> {
    let mut progress = Progress::start(&file)?;
    let Planned { path, source, plan, len_bytes } = file;
    rejects.begin_file(&path, &plan);
    let mut failed = Ok(());
    let options = ReadOptions { n_threads: args.threads };
    let summary = read(source, &plan, options, &mut |batch, set_aside: &[Reject]| {
        progress.add(batch.len() + set_aside.len());
        kept.extend(batch);
        failed = rejects.push(set_aside);
        if failed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    progress.finish();
    failed?;
    rejects.flush()?;
    check_share(args, &path, &summary, rejects)?;
    Ok((Checked { path, plan, len_bytes }, summary))
}

/// Reads on a thread of its own while the batches before are written.
async fn write_in_batches<T: Send + 'static>(
    args: &ImportArgs,
    file: Checked,
    read: ReadRecords<T>,
    write: &mut impl AsyncFnMut(Vec<T>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let Checked { path, plan, .. } = file;
    let source = open(&path)?;
    let options = ReadOptions { n_threads: args.threads };
    let (sender, mut receiver) = tokio::sync::mpsc::channel(QUEUE_BATCHES);
    let reading = tokio::task::spawn_blocking(move || {
        read(source, &plan, options, &mut |batch, _| match sender.blocking_send(batch) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        })
    });
    let mut waiting: Vec<T> = Vec::new();
    while let Some(batch) = receiver.recv().await {
        waiting.extend(batch);
        while waiting.len() >= BATCH_RECORDS {
            let rest = waiting.split_off(BATCH_RECORDS);
            write(std::mem::replace(&mut waiting, rest)).await?;
        }
    }
    reading.await.context("the reader stopped")??;
    write(waiting).await
}
