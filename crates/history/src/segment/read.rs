//! Reads segments by row group, the columns asked for only.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{
    Array, AsArray, DictionaryArray, Int64Array, RecordBatch, StringArray, UInt8Array, UInt32Array,
    UInt64Array,
};
use arrow::datatypes::{Int32Type, Int64Type, UInt8Type, UInt32Type, UInt64Type};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::statistics::Statistics;

use super::{AT, DIGEST, N_LINES, ORDER_KEY_HIGH, ORDER_KEY_LOW, lines_path, orders_path};
use crate::error::{Error, Result};
use crate::order_key::OrderKey;

/// Rows that a key cursor holds at a time.
const CURSOR_ROWS: usize = 8_192;

struct ParquetFile {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
}

impl ParquetFile {
    fn open(path: PathBuf) -> Result<ParquetFile> {
        let file = File::open(&path).map_err(Error::io("open the segment", &path))?;
        let metadata = ArrowReaderMetadata::load(&file, Default::default())
            .map_err(Error::parquet("read", &path))?;
        Ok(ParquetFile { path, metadata })
    }

    fn reader(
        &self,
        row_groups: Vec<usize>,
        columns: &[&str],
        batch_rows: usize,
    ) -> Result<ParquetRecordBatchReader> {
        // A handle of its own: clones of one share their position, and tasks read side by side.
        let file = File::open(&self.path).map_err(Error::io("open the segment", &self.path))?;
        let mask = ProjectionMask::columns(
            self.metadata.metadata().file_metadata().schema_descr(),
            columns.iter().copied(),
        );
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_row_groups(row_groups)
            .with_projection(mask)
            .with_batch_size(batch_rows.max(1))
            .build()
            .map_err(Error::parquet("read", &self.path))
    }

    fn n_rows(&self, row_group: usize) -> usize {
        self.metadata.metadata().row_group(row_group).num_rows() as usize
    }

    /// A whole row group as one batch.
    fn row_group(&self, row_group: usize, columns: &[&str]) -> Result<RecordBatch> {
        let n_rows = self.n_rows(row_group);
        let mut reader = self.reader(vec![row_group], columns, n_rows)?;
        let batch = reader.next().transpose().map_err(|error| self.corrupt(error.to_string()))?;
        match batch {
            Some(batch) if batch.num_rows() == n_rows => Ok(batch),
            _ => {
                Err(self.corrupt(format!("row group {row_group} is shorter than its header says")))
            }
        }
    }

    fn corrupt(&self, detail: String) -> Error {
        Error::Corrupt { path: self.path.clone(), detail }
    }
}

/// One pair of row groups, cut to the columns asked for.
pub(crate) struct RowGroup {
    pub(crate) orders: OrderColumns,
    pub(crate) lines: RecordBatch,
}

/// Columns of a batch by name; asking for one that was not projected is a defect.
pub(crate) struct OrderColumns {
    pub(crate) batch: RecordBatch,
    /// Row number in the segment of the batch's first row.
    pub(crate) first_row: usize,
}

impl OrderColumns {
    pub(crate) fn len(&self) -> usize {
        self.batch.num_rows()
    }
}

pub(crate) fn u64s<'a>(batch: &'a RecordBatch, name: &str) -> &'a UInt64Array {
    column(batch, name).as_primitive::<UInt64Type>()
}

pub(crate) fn u32s<'a>(batch: &'a RecordBatch, name: &str) -> &'a UInt32Array {
    column(batch, name).as_primitive::<UInt32Type>()
}

pub(crate) fn u8s<'a>(batch: &'a RecordBatch, name: &str) -> &'a UInt8Array {
    column(batch, name).as_primitive::<UInt8Type>()
}

pub(crate) fn i64s<'a>(batch: &'a RecordBatch, name: &str) -> &'a Int64Array {
    column(batch, name).as_primitive::<Int64Type>()
}

pub(crate) fn strings<'a>(batch: &'a RecordBatch, name: &str) -> &'a StringArray {
    column(batch, name).as_string::<i32>()
}

pub(crate) fn coded<'a>(batch: &'a RecordBatch, name: &str) -> &'a DictionaryArray<Int32Type> {
    column(batch, name).as_dictionary::<Int32Type>()
}

/// The text of a coded column at a row, `None` where it is null.
pub(crate) fn coded_text(array: &DictionaryArray<Int32Type>, row: usize) -> Option<&str> {
    let code = array.key(row)?;
    Some(array.values().as_string::<i32>().value(code))
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> &'a dyn Array {
    batch.column_by_name(name).expect("the column was projected").as_ref()
}

/// Both files of a segment.
pub(crate) struct SegmentReader {
    orders: ParquetFile,
    lines: ParquetFile,
    /// Row number of the first order of each row group.
    first_rows: Vec<usize>,
}

impl SegmentReader {
    pub(crate) fn open(segments: &Path, name: &str) -> Result<SegmentReader> {
        let orders = ParquetFile::open(orders_path(segments, name))?;
        let lines = ParquetFile::open(lines_path(segments, name))?;
        let n_groups = orders.metadata.metadata().num_row_groups();
        if lines.metadata.metadata().num_row_groups() != n_groups {
            return Err(orders.corrupt("orders and lines differ in row groups".to_owned()));
        }
        let first_rows = (0..n_groups)
            .scan(0, |next, group| {
                let first = *next;
                *next += orders.n_rows(group);
                Some(first)
            })
            .collect();
        Ok(SegmentReader { orders, lines, first_rows })
    }

    pub(crate) fn n_row_groups(&self) -> usize {
        self.first_rows.len()
    }

    pub(crate) fn order_columns(&self, row_group: usize, columns: &[&str]) -> Result<OrderColumns> {
        let batch = self.orders.row_group(row_group, columns)?;
        Ok(OrderColumns { batch, first_row: self.first_rows[row_group] })
    }

    /// `n_lines` must be among the order columns: it is checked against the lines.
    pub(crate) fn row_group(
        &self,
        row_group: usize,
        order_columns: &[&str],
        line_columns: &[&str],
    ) -> Result<RowGroup> {
        let orders = self.order_columns(row_group, order_columns)?;
        let lines = self.lines.row_group(row_group, line_columns)?;
        let n_lines: u64 =
            u32s(&orders.batch, super::N_LINES).values().iter().map(|&n| u64::from(n)).sum();
        if n_lines != lines.num_rows() as u64 {
            return Err(self.orders.corrupt(format!("row group {row_group} lacks lines")));
        }
        Ok(RowGroup { orders, lines })
    }
}

/// Walks the keys of a segment in rising order, partition by partition, in bounded memory.
pub(crate) struct KeyCursor {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    batch: Option<RecordBatch>,
    /// The next row: within `batch`, and within the segment.
    at: usize,
    row: usize,
}

/// One order as a cursor sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyedRow {
    pub(crate) key: OrderKey,
    pub(crate) digest: u64,
    pub(crate) at_us: i64,
    pub(crate) n_lines: u32,
    pub(crate) row: usize,
}

impl KeyCursor {
    /// Starts at or before the first key of `partition`.
    pub(crate) fn open(segments: &Path, name: &str, partition: usize) -> Result<KeyCursor> {
        let file = ParquetFile::open(orders_path(segments, name))?;
        let n_groups = file.metadata.metadata().num_row_groups();
        let first = (0..n_groups).find(|&group| last_partition(&file, group) >= partition);
        let first = first.unwrap_or(n_groups);
        let row = (0..first).map(|group| file.n_rows(group)).sum();
        let columns = [ORDER_KEY_HIGH, ORDER_KEY_LOW, DIGEST, AT, N_LINES];
        let reader = file.reader((first..n_groups).collect(), &columns, CURSOR_ROWS)?;
        Ok(KeyCursor { path: file.path, reader, batch: None, at: 0, row })
    }

    /// The next order whose key is at or above `key`, without passing it.
    pub(crate) fn seek(&mut self, key: OrderKey) -> Result<Option<KeyedRow>> {
        loop {
            let Some(batch) = &self.batch else {
                match self.reader.next() {
                    None => return Ok(None),
                    Some(Ok(batch)) => {
                        self.batch = Some(batch);
                        self.at = 0;
                        continue;
                    }
                    Some(Err(error)) => {
                        let path = self.path.clone();
                        return Err(Error::Corrupt { path, detail: error.to_string() });
                    }
                }
            };
            let high = u64s(batch, ORDER_KEY_HIGH).values();
            let low = u64s(batch, ORDER_KEY_LOW).values();
            let n_rows = high.len();
            let n_below = high[self.at..]
                .iter()
                .zip(&low[self.at..])
                .take_while(|&(&high, &low)| OrderKey::from_halves(high, low) < key);
            let n_below = n_below.count();
            self.at += n_below;
            self.row += n_below;
            if self.at < n_rows {
                return Ok(Some(KeyedRow {
                    key: OrderKey::from_halves(high[self.at], low[self.at]),
                    digest: u64s(batch, DIGEST).value(self.at),
                    at_us: i64s(batch, AT).value(self.at),
                    n_lines: u32s(batch, N_LINES).value(self.at),
                    row: self.row,
                }));
            }
            self.batch = None;
        }
    }
}

/// The partition of a row group's last key; the last one when the file does not say.
fn last_partition(file: &ParquetFile, row_group: usize) -> usize {
    let group = file.metadata.metadata().row_group(row_group);
    let highest = group.columns().iter().find_map(|column| {
        if column.column_path().string() != ORDER_KEY_HIGH {
            return None;
        }
        match column.statistics()? {
            // Unsigned values in a signed slot.
            Statistics::Int64(values) => values.max_opt().map(|&high| (high as u64) >> 56),
            _ => None,
        }
    });
    highest.map_or(crate::order_key::N_PARTITIONS - 1, |partition| partition as usize)
}
