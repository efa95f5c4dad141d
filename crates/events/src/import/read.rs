//! Reads whole files by their plan: unpack, cut, parse side by side, hand over in file order.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use serde_json::Value;

use super::carry::{CarriedRow, Carry};
use super::cell::Row;
use super::chunk::{Chunker, Framing, MAX_RAW_BYTES, Piece, PieceFault};
use super::delimited::Dialect;
use super::encoding;
use super::field_read::Fault;
use super::json_elements::ElementLines;
use super::json_lines::JsonLayout;
use super::numbers::sign_name;
use super::orders::Taken;
use super::parquet_rows::{ParquetFile, TypedBatch};
use super::pipeline;
use super::plan::{Format, ImportPlan};
use super::refunds::add_refunds;
use super::source::{self, Source};
use super::text_rows::{DelimitedRows, Walked, rows_of, walk_json};
use crate::{Error, Reject, RejectReason, Timestamp};

/// How to read, apart from the plan.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOptions {
    /// Threads that parse; 0 means one a processor.
    pub n_threads: usize,
}

/// What a parser is given: text cut at record boundaries, or a batch of Parquet rows.
pub(crate) enum Portion {
    Text(Piece),
    Rows { batch: Box<TypedBatch>, first_row: u64 },
}

/// Runs `make_worker`'s parsers over the source.
pub(crate) fn read_portions<T, M, W>(
    source: Source,
    plan: &ImportPlan,
    n_workers: usize,
    make_worker: M,
    take: impl FnMut(T) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Error>
where
    T: Send,
    M: Fn() -> W + Sync,
    W: FnMut(Portion) -> T,
{
    match plan.format {
        Format::Parquet { .. } => {
            let columns = plan.columns.iter().enumerate();
            let used = columns.map(|(idx, column)| reads_column(plan, idx, column));
            let used: Vec<bool> = used.collect();
            let mut file = ParquetFile::open(source, Some(&used))?;
            let names = file.columns.clone();
            let mut first_row = 1;
            let next = move || {
                let Some(batch) = file.next_batch()? else { return Ok(None) };
                let batch = Box::new(TypedBatch::of(&batch, &names));
                let portion = Portion::Rows { first_row, batch };
                if let Portion::Rows { batch, .. } = &portion {
                    first_row += batch.n_rows as u64;
                }
                Ok(Some(portion))
            };
            pipeline::run(n_workers, next, make_worker, take)
        }
        Format::Delimited { delimiter, terminator } => {
            let framing = Framing::Delimited(Dialect { delimiter, terminator });
            let next = pieces_of(source, plan, framing)?;
            pipeline::run(n_workers, next, make_worker, take)
        }
        Format::JsonLines => {
            let next = pieces_of(source, plan, Framing::Lines)?;
            pipeline::run(n_workers, next, make_worker, take)
        }
    }
}

/// Orders and events need what has a field; records keep the rest as attributes.
fn reads_column(plan: &ImportPlan, idx: usize, column: &super::plan::ColumnPlan) -> bool {
    use super::columns::FileKind;
    column.field.is_some()
        || plan.order_columns.contains(&idx)
        || matches!(plan.kind, FileKind::Items | FileKind::Customers)
}

fn pieces_of(
    source: Source,
    plan: &ImportPlan,
    framing: Framing,
) -> Result<impl FnMut() -> Result<Option<Portion>, Error> + Send + use<>, Error> {
    let name = source.name().to_owned();
    let progress = source.progress();
    let compression = plan.compression;
    let reader = encoding::to_utf8(source.open(compression)?, plan.encoding);
    let reader: Box<dyn Read + Send> = match &plan.elements {
        Some(elements) => Box::new(ElementLines::new(reader, elements.clone())),
        None => reader,
    };
    let mut chunker = Chunker::new(reader, framing);
    Ok(move || match chunker.next_piece() {
        Ok(piece) => Ok(piece.map(Portion::Text)),
        Err(error) => {
            let offset = progress.load(Ordering::Relaxed);
            Err(source::explain_fault(&name, compression, offset, error))
        }
    })
}

/// The reject of a row, its raw text cut to what is kept.
pub(crate) fn reject(fault: Fault, line: u64, raw: &[u8]) -> Reject {
    let raw = &raw[..raw.len().min(MAX_RAW_BYTES)];
    let raw = String::from_utf8_lossy(raw).into_owned();
    let Fault { reason, detail, order_id, source } = fault;
    Reject { line, reason, detail, order_id, source, raw }
}

/// The reject of a line that could not even be cut.
pub(crate) fn reject_piece(piece: &Piece, fault: PieceFault) -> Reject {
    let fault = match fault {
        PieceFault::TooLong { n_bytes } => too_long(n_bytes),
        PieceFault::UnclosedQuote => Fault::new(
            RejectReason::RaggedRow,
            "a quoted field is never closed; add the missing quote, or double a quote that is \
             part of the text"
                .into(),
        ),
    };
    let end = piece.bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r'));
    reject(fault, piece.first_line, &piece.bytes[..end.map_or(0, |end| end + 1)])
}

pub(crate) fn too_long(n_bytes: u64) -> Fault {
    let detail = format!(
        "the line has {n_bytes} bytes; a row may have 1 MiB (16 MiB in JSON): \
         is a line end missing?"
    );
    Fault::new(RejectReason::LineTooLong, detail)
}

/// Makes batches of one kind of thing from rows of any format.
pub(crate) trait Builder {
    type Batch: Send;

    fn push<R: Row + ?Sized>(&mut self, row: &R) -> Result<Taken, Fault>;

    /// The fault that `push` would find.
    fn check<R: Row + ?Sized>(&mut self, row: &R) -> Result<(), Fault>;

    /// Order and source of a row that is set aside; `None` where they cannot be told.
    fn order_of<R: Row + ?Sized>(&mut self, _row: &R) -> (Option<String>, Option<String>) {
        (None, None)
    }

    /// Takes a JSON object as a whole; `None` when it is to be read by its columns.
    fn push_object(&mut self, _object: &Value) -> Option<Result<Taken, Fault>> {
        None
    }

    /// The batch so far; the next one starts empty.
    fn take(&mut self) -> Self::Batch;
}

/// What became of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSummary {
    /// Rows of the file: lines with something on them, the header left out; Parquet rows.
    pub n_rows: u64,
    /// Order lines, records or events handed over. A nested order gives several a row.
    pub n_taken: u64,
    /// Rows that are no order lines, such as page views in an export of all events.
    pub n_skipped: u64,
    pub n_rejected: u64,
    pub rejected: BTreeMap<RejectReason, u64>,
    /// Rows read as Windows-1252.
    pub n_windows_1252: u64,
    /// Order lines by [`crate::LineKind`] code.
    pub n_by_kind: [u64; 4],
    /// Lines of purchases in files of events whose price is in another currency than the first of
    /// their purchase: they are kept without a price.
    pub n_lines_other_currency: u64,
    /// First and last time of order lines.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The caller asked to stop.
    pub is_stopped: bool,
}

struct Parsed<B> {
    batch: B,
    walked: Walked,
    n_taken: u64,
    n_skipped: u64,
}

/// Reads a whole file through builders, one a thread.
pub(crate) fn read_file<B: Builder>(
    source: Source,
    plan: &ImportPlan,
    options: ReadOptions,
    make_builder: impl Fn() -> B + Sync,
    mut sink: impl FnMut(B::Batch, &[Reject]) -> ControlFlow<()>,
) -> Result<ReadSummary, Error> {
    let n_workers = if plan.is_sequential() { 1 } else { pipeline::n_workers(options.n_threads) };
    let mut summary = ReadSummary::default();
    let mut disproof: Option<Reject> = None;
    let make_worker = || {
        let mut worker = Worker::new(plan, make_builder());
        move |portion| worker.parse(portion)
    };
    let flow = read_portions(source, plan, n_workers, make_worker, |parsed: Parsed<B::Batch>| {
        summary.n_rows += parsed.walked.n_rows;
        summary.n_windows_1252 += parsed.walked.n_windows_1252;
        summary.n_taken += parsed.n_taken;
        summary.n_skipped += parsed.n_skipped;
        summary.n_rejected += parsed.walked.rejects.len() as u64;
        for reject in &parsed.walked.rejects {
            *summary.rejected.entry(reject.reason).or_default() += 1;
            if disproves(plan, reject.reason) {
                disproof = Some(reject.clone());
                return ControlFlow::Break(());
            }
        }
        sink(parsed.batch, &parsed.walked.rejects)
    })?;
    if let Some(reject) = disproof {
        return Err(disproof_error(plan, reject));
    }
    summary.is_stopped = flow.is_break();
    Ok(summary)
}

/// Does a row set aside for this reason show that the whole file was read in a wrong way?
fn disproves(plan: &ImportPlan, reason: RejectReason) -> bool {
    match reason {
        RejectReason::OtherDayOrder => plan.doubtful_day_order().is_some(),
        RejectReason::OtherDecimal => plan.doubtful_decimal().is_some(),
        _ => false,
    }
}

fn disproof_error(plan: &ImportPlan, reject: Reject) -> Error {
    let (name, line, detail) = (plan.name.clone(), reject.line, reject.detail);
    match plan.doubtful_day_order() {
        Some(order) if reject.reason == RejectReason::OtherDayOrder => {
            let shown = order.other();
            let (shown, option) = (shown.as_str(), shown.option());
            Error::OtherDayOrder { name, line, detail, shown, option }
        }
        _ => {
            let shown = sign_name(if plan.decimal == b',' { b'.' } else { b',' });
            Error::OtherDecimal { name, line, detail, shown }
        }
    }
}

struct Worker<'p, B> {
    plan: &'p ImportPlan,
    builder: B,
    delimited: Option<DelimitedRows>,
    carry: Option<Carry>,
    n_taken: u64,
    n_skipped: u64,
}

impl<'p, B: Builder> Worker<'p, B> {
    fn new(plan: &'p ImportPlan, builder: B) -> Worker<'p, B> {
        let delimited = match plan.format {
            Format::Delimited { delimiter, terminator } => Some(DelimitedRows::new(
                Dialect { delimiter, terminator },
                plan.columns.len(),
                plan.encoding,
                plan.n_lines_above,
            )),
            _ => None,
        };
        let carry = plan.carries_down().then(|| Carry::new(plan));
        Worker { plan, builder, delimited, carry, n_taken: 0, n_skipped: 0 }
    }

    fn parse(&mut self, portion: Portion) -> Parsed<B::Batch> {
        let walked = match portion {
            Portion::Rows { batch, first_row } => self.walk_batch(&batch, first_row),
            Portion::Text(piece) => match self.delimited.take() {
                Some(mut rows) => {
                    let walked = rows.walk(&piece, |row, fault| self.push(row, fault));
                    self.delimited = Some(rows);
                    walked
                }
                None => walk_json(&piece, self.plan.encoding, |object| self.push_object(object)),
            },
        };
        let (n_taken, n_skipped) = (self.n_taken, self.n_skipped);
        (self.n_taken, self.n_skipped) = (0, 0);
        Parsed { batch: self.builder.take(), walked, n_taken, n_skipped }
    }

    /// Hands a row to the builder; one that comes with a fault only gets its order named.
    #[inline]
    fn push<R: Row>(&mut self, row: &R, fault: Option<Fault>) -> Result<(), Fault> {
        let taken = match self.carry.as_mut() {
            None => push_to(&mut self.builder, row, fault)?,
            Some(carry) => {
                carry.update(row);
                push_to(&mut self.builder, &CarriedRow { row, carry }, fault)?
            }
        };
        match taken {
            Taken::Line => self.n_taken += 1,
            Taken::Skipped => self.n_skipped += 1,
        }
        Ok(())
    }

    fn push_object(&mut self, object: &Value) -> Result<(), Fault> {
        if let Some(taken) = self.builder.push_object(object) {
            match taken? {
                Taken::Line => self.n_taken += 1,
                Taken::Skipped => self.n_skipped += 1,
            }
            return Ok(());
        }
        let empty = JsonLayout::default();
        let layout = self.plan.json.as_ref().unwrap_or(&empty);
        let mut rows = rows_of(layout, object);
        if self.plan.reads_refunds() {
            add_refunds(self.plan, layout, object, &mut rows);
        }
        let n_lines = rows.len();
        // An order with one bad line is set aside whole: half of it would be another basket.
        if n_lines > 1 {
            for (idx, row) in rows.iter().enumerate() {
                if let Err(mut fault) = self.builder.check(row) {
                    fault.detail = format!("line {} of {n_lines}: {}", idx + 1, fault.detail);
                    return Err(name_order(&mut self.builder, row, fault));
                }
            }
        }
        for row in &rows {
            self.push(row, None).map_err(|mut fault| {
                let is_empty = layout.is_nested() && row.line.is_none();
                if is_empty && fault.reason == RejectReason::MissingItem {
                    fault.detail = "the order has no lines; write its items into the list".into();
                }
                fault
            })?;
        }
        Ok(())
    }

    fn walk_batch(&mut self, batch: &TypedBatch, first_row: u64) -> Walked {
        let mut walked = Walked { n_rows: batch.n_rows as u64, ..Walked::default() };
        for idx in 0..batch.n_rows {
            let row = batch.row(idx);
            if let Err(fault) = self.push(&row, None) {
                let raw = csv_line(&row, self.plan.columns.len());
                walked.rejects.push(reject(fault, first_row + idx as u64, raw.as_bytes()));
            }
        }
        walked
    }
}

#[inline]
fn push_to<B: Builder, R: Row + ?Sized>(
    builder: &mut B,
    row: &R,
    fault: Option<Fault>,
) -> Result<Taken, Fault> {
    let pushed = match fault {
        None => builder.push(row),
        Some(fault) => Err(fault),
    };
    pushed.map_err(|fault| name_order(builder, row, fault))
}

#[cold]
fn name_order<B: Builder, R: Row + ?Sized>(builder: &mut B, row: &R, fault: Fault) -> Fault {
    let (order_id, source) = builder.order_of(row);
    Fault { order_id, source, ..fault }
}

/// A typed row as a line of CSV, so that it can be mended.
fn csv_line<R: Row>(row: &R, n_columns: usize) -> String {
    let mut buffer = String::new();
    let cells = (0..n_columns).map(|idx| quote(row.cell(idx).text(&mut buffer).unwrap_or("")));
    cells.collect::<Vec<_>>().join(",")
}

fn quote(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

impl ImportPlan {
    /// The first line of a file of rejects, under which [`Reject::raw`] can be imported again.
    /// JSON lines need none.
    pub fn rejects_header(&self) -> Option<String> {
        let delimiter = match self.format {
            Format::Delimited { delimiter, .. } => char::from(delimiter),
            Format::Parquet { .. } => ',',
            Format::JsonLines => return None,
        };
        let quoted = |name: &str| match name.contains(delimiter) {
            true => format!("\"{}\"", name.replace('"', "\"\"")),
            false => quote(name),
        };
        let names = self.columns.iter().map(|column| quoted(&column.name));
        Some(names.collect::<Vec<_>>().join(&delimiter.to_string()))
    }
}
