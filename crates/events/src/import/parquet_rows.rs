//! Parquet: typed columns, read a batch of rows at a time.
//!
//! Every type is brought to one of five by Arrow's casts; decimals go through text, so that money
//! stays exact. Columns of lists and structs are not read.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{
    Array, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::reader::ChunkReader;

use super::cell::{Cell, Row};
use super::source::{Seekable, Source};
use crate::Error;

const BATCH_ROWS: usize = 32_768;
const MAGIC: &[u8] = b"PAR1";

pub(crate) fn is_parquet(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// An opened file.
pub(crate) struct ParquetFile {
    name: String,
    n_bytes: u64,
    pub n_rows: u64,
    pub columns: Vec<String>,
    reader: Option<ParquetRecordBatchReader>,
    progress: std::sync::Arc<std::sync::atomic::AtomicU64>,
    n_rows_read: u64,
}

impl ParquetFile {
    /// Opens a file; `used` names the columns to decode, `None` all of them.
    pub(crate) fn open(source: Source, used: Option<&[bool]>) -> Result<ParquetFile, Error> {
        let name = source.name().to_owned();
        let progress = source.progress();
        let opened = match source.seekable()? {
            Seekable::File(file) => open_chunks(&name, file, used),
            Seekable::Bytes(bytes) => open_chunks(&name, bytes, used),
        };
        let (n_bytes, n_rows, columns, reader) = opened?;
        let reader = Some(reader);
        Ok(ParquetFile { name, n_bytes, n_rows, columns, reader, progress, n_rows_read: 0 })
    }

    pub(crate) fn next_batch(&mut self) -> Result<Option<RecordBatch>, Error> {
        let Some(reader) = self.reader.as_mut() else { return Ok(None) };
        // A damaged page may make the decoder panic: that is the file's fault, not ours.
        let read = catch_unwind(AssertUnwindSafe(|| reader.next()));
        let detail = match read {
            Ok(None) => {
                self.set_progress(self.n_bytes);
                return Ok(None);
            }
            Ok(Some(Ok(batch))) => {
                self.n_rows_read += batch.num_rows() as u64;
                let ratio = self.n_rows_read as f64 / self.n_rows.max(1) as f64;
                self.set_progress((self.n_bytes as f64 * ratio) as u64);
                return Ok(Some(batch));
            }
            Ok(Some(Err(error))) => error.to_string(),
            Err(_) => "a page cannot be decoded".to_owned(),
        };
        self.reader = None;
        let offset = self.n_bytes * self.n_rows_read / self.n_rows.max(1);
        Err(Error::Corrupt { name: self.name.clone(), container: "Parquet", offset, detail })
    }

    fn set_progress(&self, n_bytes: u64) {
        self.progress.store(n_bytes, std::sync::atomic::Ordering::Relaxed);
    }
}

type Opened = (u64, u64, Vec<String>, ParquetRecordBatchReader);

fn open_chunks<T: ChunkReader + 'static>(
    name: &str,
    chunks: T,
    used: Option<&[bool]>,
) -> Result<Opened, Error> {
    let n_bytes = chunks.len();
    let ending = chunks.get_bytes(n_bytes.saturating_sub(4), n_bytes.min(4) as usize);
    // Magic, length of the footer, magic: nothing shorter is whole.
    if n_bytes < 12 || !ending.is_ok_and(|bytes| bytes == MAGIC) {
        return Err(Error::Truncated { name: name.into(), container: "Parquet", offset: n_bytes });
    }
    let corrupt = |detail: String| Error::Corrupt {
        name: name.into(),
        container: "Parquet",
        offset: n_bytes,
        detail,
    };
    let opened = catch_unwind(AssertUnwindSafe(|| build(chunks, used)));
    match opened {
        Ok(Ok((n_rows, columns, reader))) => Ok((n_bytes, n_rows, columns, reader)),
        Ok(Err(error)) => Err(corrupt(error.to_string())),
        Err(_) => Err(corrupt("the footer cannot be decoded".to_owned())),
    }
}

type Built = (u64, Vec<String>, ParquetRecordBatchReader);

fn build<T: ChunkReader + 'static>(
    chunks: T,
    used: Option<&[bool]>,
) -> Result<Built, parquet::errors::ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(chunks)?;
    let columns = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    let n_rows = builder.metadata().file_metadata().num_rows().max(0) as u64;
    let roots = used.map(|used| {
        let used = used.iter().enumerate().filter(|(_, used)| **used).map(|(idx, _)| idx);
        ProjectionMask::roots(builder.parquet_schema(), used)
    });
    let mask = roots.unwrap_or_else(ProjectionMask::all);
    let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()?;
    Ok((n_rows, columns, reader))
}

/// A batch brought to few types. Columns that were not decoded are [`Column::Absent`].
pub(crate) struct TypedBatch {
    columns: Vec<Column>,
    pub n_rows: usize,
}

enum Column {
    Absent,
    Text(StringArray),
    Int(Int64Array),
    Float(Float64Array),
    Bool(BooleanArray),
    Time(TimestampMicrosecondArray, bool),
}

impl TypedBatch {
    /// `names` are all columns of the file, in order; the batch may hold fewer.
    pub(crate) fn of(batch: &RecordBatch, names: &[String]) -> TypedBatch {
        let column = |name: &String| batch.column_by_name(name).map_or(Column::Absent, to_column);
        TypedBatch { columns: names.iter().map(column).collect(), n_rows: batch.num_rows() }
    }

    pub(crate) fn row(&self, row: usize) -> ParquetRow<'_> {
        ParquetRow { batch: self, row }
    }
}

fn to_column(array: &arrow::array::ArrayRef) -> Column {
    let as_text =
        || cast(array, &DataType::Utf8).map(|a| Column::Text(a.as_string::<i32>().clone()));
    let micros = |zone| DataType::Timestamp(TimeUnit::Microsecond, zone);
    let converted = match array.data_type() {
        DataType::Boolean => Ok(Column::Bool(array.as_boolean().clone())),
        DataType::UInt64 => as_text(),
        kind if kind.is_integer() => cast(array, &DataType::Int64)
            .map(|array| Column::Int(array.as_primitive::<Int64Type>().clone())),
        kind if kind.is_floating() => cast(array, &DataType::Float64)
            .map(|array| Column::Float(array.as_primitive::<Float64Type>().clone())),
        DataType::Timestamp(_, zone) => cast(array, &micros(zone.clone())).map(|array| {
            let array = array.as_primitive::<TimestampMicrosecondType>().clone();
            Column::Time(array, zone.is_some())
        }),
        DataType::Date32 | DataType::Date64 => cast(array, &micros(None)).map(|array| {
            Column::Time(array.as_primitive::<TimestampMicrosecondType>().clone(), false)
        }),
        kind if kind.is_nested() && !matches!(kind, DataType::Dictionary(..)) => Ok(Column::Absent),
        _ => as_text(),
    };
    converted.unwrap_or(Column::Absent)
}

pub(crate) struct ParquetRow<'b> {
    batch: &'b TypedBatch,
    row: usize,
}

impl Row for ParquetRow<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        let row = self.row;
        match self.batch.columns.get(column) {
            None | Some(Column::Absent) => Cell::Absent,
            Some(Column::Text(array)) if array.is_valid(row) => Cell::from_text(array.value(row)),
            Some(Column::Int(array)) if array.is_valid(row) => Cell::Int(array.value(row)),
            Some(Column::Float(array)) if array.is_valid(row) => float_cell(array.value(row)),
            Some(Column::Bool(array)) if array.is_valid(row) => Cell::Bool(array.value(row)),
            Some(Column::Time(array, is_utc)) if array.is_valid(row) => {
                Cell::Time { us: array.value(row), is_utc: *is_utc }
            }
            Some(_) => Cell::Absent,
        }
    }
}

/// Pandas writes missing numbers as NaN.
fn float_cell(value: f64) -> Cell<'static> {
    if value.is_nan() { Cell::Absent } else { Cell::Float(value) }
}
