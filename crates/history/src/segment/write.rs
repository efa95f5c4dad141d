//! Writes one segment: partitions come in rising order, row groups end at their borders.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray,
    UInt8Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::Int32Type;
use events::{Currency, LineKind};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use xxhash_rust::xxh3::Xxh3Default;

use super::{
    CURRENCY, DIGEST, KIND, LINES_SCHEMA, LOCATION, ORDER_KEY_HIGH, ORDER_KEY_LOW, ORDERS_SCHEMA,
    SOURCE, lines_path, orders_path,
};
use crate::disk::{Disk, DiskFile};
use crate::error::{Error, Result};
use crate::id_table::IdTable;
use crate::order_key::{N_PARTITIONS, OrderKey};
use crate::orders::{NO_CODE, NO_PRICE, OrderSet};

/// A row group ends at the first partition border after so many lines or orders.
const ROW_GROUP_LINES: usize = 400_000;
const ROW_GROUP_ORDERS: usize = 150_000;

/// Hashes what passes through on its way to a file.
pub(crate) struct Checksum<W> {
    inner: W,
    hash: Box<Xxh3Default>,
    n_bytes: u64,
}

impl<W: Write> Checksum<W> {
    pub(crate) fn new(inner: W) -> Checksum<W> {
        Checksum { inner, hash: Box::default(), n_bytes: 0 }
    }

    /// The writer, XXH3-64 of all bytes, their number.
    pub(crate) fn finish(self) -> (W, u64, u64) {
        (self.inner, self.hash.digest(), self.n_bytes)
    }
}

impl<W: Write> Write for Checksum<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n_written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..n_written]);
        self.n_bytes += n_written as u64;
        Ok(n_written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

pub(crate) type Sink = Checksum<BufWriter<Box<dyn DiskFile>>>;

/// What the manifest says of a finished segment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WrittenSegment {
    pub(crate) name: String,
    pub(crate) n_orders: u64,
    pub(crate) n_lines: u64,
    pub(crate) n_returns: u64,
    pub(crate) n_refers: u64,
    pub(crate) first_at_us: i64,
    pub(crate) last_at_us: i64,
    pub(crate) first_partition: usize,
    pub(crate) last_partition: usize,
    pub(crate) n_bytes: u64,
    pub(crate) orders_checksum: u64,
    pub(crate) lines_checksum: u64,
}

pub(crate) struct SegmentWriter {
    orders: ArrowWriter<Sink>,
    lines: ArrowWriter<Sink>,
    orders_path: PathBuf,
    lines_path: PathBuf,
    so_far: WrittenSegment,
}

/// The texts behind the codes of location, currency and source.
#[derive(Clone, Debug)]
pub(crate) struct SegmentTexts {
    locations: ArrayRef,
    currencies: ArrayRef,
    sources: ArrayRef,
}

impl Default for SegmentTexts {
    fn default() -> SegmentTexts {
        SegmentTexts::new(&IdTable::default(), &IdTable::default(), &IdTable::default())
    }
}

impl SegmentTexts {
    pub(crate) fn new(
        locations: &IdTable,
        currencies: &IdTable,
        sources: &IdTable,
    ) -> SegmentTexts {
        let values =
            |table: &IdTable| Arc::new(StringArray::from_iter_values(table.iter())) as ArrayRef;
        SegmentTexts {
            locations: values(locations),
            currencies: values(currencies),
            sources: values(sources),
        }
    }

    pub(crate) fn currency(&self, code: u32) -> Option<Currency> {
        let texts = self.currencies.as_string::<i32>();
        ((code as usize) < texts.len()).then(|| Currency::parse(texts.value(code as usize)))?
    }
}

impl SegmentWriter {
    pub(crate) fn create(disk: &dyn Disk, segments: &Path, name: &str) -> Result<SegmentWriter> {
        let (orders_path, lines_path) = (orders_path(segments, name), lines_path(segments, name));
        let orders = ArrowWriter::try_new(
            sink(disk, &orders_path)?,
            ORDERS_SCHEMA.clone(),
            Some(orders_properties()),
        )
        .map_err(Error::parquet("write to", &orders_path))?;
        let lines = ArrowWriter::try_new(
            sink(disk, &lines_path)?,
            LINES_SCHEMA.clone(),
            Some(lines_properties()),
        )
        .map_err(Error::parquet("write to", &lines_path))?;
        Ok(SegmentWriter {
            orders,
            lines,
            orders_path,
            lines_path,
            so_far: WrittenSegment {
                name: name.to_owned(),
                n_orders: 0,
                n_lines: 0,
                n_returns: 0,
                n_refers: 0,
                first_at_us: i64::MAX,
                last_at_us: i64::MIN,
                first_partition: N_PARTITIONS - 1,
                last_partition: 0,
                n_bytes: 0,
                orders_checksum: 0,
                lines_checksum: 0,
            },
        })
    }

    /// Appends orders whose keys are all above those appended before; a set ends at the border of
    /// a partition.
    pub(crate) fn append(&mut self, set: &OrderSet, texts: &SegmentTexts) -> Result<()> {
        if set.orders.is_empty() {
            return Ok(());
        }
        self.count(set);
        let orders = orders_batch(set, texts);
        self.orders.write(&orders).map_err(Error::parquet("write to", &self.orders_path))?;
        self.lines
            .write(&lines_batch(set))
            .map_err(Error::parquet("write to", &self.lines_path))?;
        if self.lines.in_progress_rows() >= ROW_GROUP_LINES
            || self.orders.in_progress_rows() >= ROW_GROUP_ORDERS
        {
            self.orders.flush().map_err(Error::parquet("write to", &self.orders_path))?;
            self.lines.flush().map_err(Error::parquet("write to", &self.lines_path))?;
        }
        Ok(())
    }

    /// Makes both files durable; the directory is the caller's to sync.
    pub(crate) fn finish(self) -> Result<WrittenSegment> {
        let mut written = self.so_far;
        let (n_bytes, checksum) = finish_file(self.orders, &self.orders_path)?;
        written.orders_checksum = checksum;
        written.n_bytes = n_bytes;
        let (n_bytes, checksum) = finish_file(self.lines, &self.lines_path)?;
        written.lines_checksum = checksum;
        written.n_bytes += n_bytes;
        Ok(written)
    }

    fn count(&mut self, set: &OrderSet) {
        let so_far = &mut self.so_far;
        so_far.n_orders += set.orders.len() as u64;
        so_far.n_lines += set.lines.len() as u64;
        so_far.n_returns +=
            set.lines.iter().filter(|line| line.kind == LineKind::Return).count() as u64;
        for order in &set.orders {
            so_far.n_refers += u64::from(order.refers != OrderKey::NONE);
            // An order without a time makes the first one unknown (`i64::MIN`).
            so_far.first_at_us = so_far.first_at_us.min(order.at_us);
            so_far.last_at_us = so_far.last_at_us.max(order.at_us);
        }
        if let (Some(first), Some(last)) = (set.orders.first(), set.orders.last()) {
            so_far.first_partition = so_far.first_partition.min(first.key.partition());
            so_far.last_partition = so_far.last_partition.max(last.key.partition());
        }
    }
}

fn orders_batch(set: &OrderSet, texts: &SegmentTexts) -> RecordBatch {
    let orders = &set.orders;
    let u64s = |of: fn(&crate::orders::OrderRow) -> u64| {
        Arc::new(UInt64Array::from_iter_values(orders.iter().map(of))) as ArrayRef
    };
    let u32s = |of: fn(&crate::orders::OrderRow) -> u32| {
        Arc::new(UInt32Array::from_iter_values(orders.iter().map(of))) as ArrayRef
    };
    let coded = |of: fn(&crate::orders::OrderRow) -> u32, values: &ArrayRef| {
        let keys: Int32Array =
            orders.iter().map(|order| (of(order) != NO_CODE).then(|| of(order) as i32)).collect();
        let array = DictionaryArray::<Int32Type>::try_new(keys, Arc::clone(values))
            .expect("codes come from the dictionary beside them");
        Arc::new(array) as ArrayRef
    };
    let columns: Vec<ArrayRef> = vec![
        u64s(|order| order.key.halves().0),
        u64s(|order| order.key.halves().1),
        u64s(|order| order.digest),
        Arc::new(StringArray::from_iter_values(orders.iter().map(|order| set.id_of(order)))),
        u64s(|order| order.position),
        u32s(|order| order.customer),
        coded(|order| order.location, &texts.locations),
        coded(|order| order.currency, &texts.currencies),
        coded(|order| order.source, &texts.sources),
        Arc::new(Int64Array::from_iter_values(orders.iter().map(|order| order.at_us))),
        u32s(|order| order.n_lines),
        u64s(|order| order.refers.halves().0),
        u64s(|order| order.refers.halves().1),
    ];
    RecordBatch::try_new(ORDERS_SCHEMA.clone(), columns)
        .expect("the columns are built after the schema")
}

fn lines_batch(set: &OrderSet) -> RecordBatch {
    let lines = &set.lines;
    let mut offsets = Vec::with_capacity(lines.len());
    let mut rest = &lines[..];
    for order in &set.orders {
        let (own, others) = rest.split_at(order.n_lines as usize);
        offsets.extend(own.iter().map(|line| line.at_us.wrapping_sub(order.at_us)));
        rest = others;
    }
    let prices = lines.iter().map(|line| (line.unit_price != NO_PRICE).then_some(line.unit_price));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from_iter_values(lines.iter().map(|line| line.item))),
        Arc::new(UInt8Array::from_iter_values(lines.iter().map(|line| line.kind as u8))),
        Arc::new(Int64Array::from_iter_values(lines.iter().map(|line| line.quantity))),
        Arc::new(prices.collect::<Int64Array>()),
        Arc::new(Int64Array::from(offsets)),
    ];
    RecordBatch::try_new(LINES_SCHEMA.clone(), columns)
        .expect("the columns are built after the schema")
}

/// A new file of a segment, buffered and hashed.
pub(crate) fn sink(disk: &dyn Disk, path: &Path) -> Result<Sink> {
    let file = disk.create(path).map_err(Error::io("create the segment", path))?;
    Ok(Checksum::new(BufWriter::with_capacity(1 << 20, file)))
}

pub(crate) fn finish_file(writer: ArrowWriter<Sink>, path: &Path) -> Result<(u64, u64)> {
    let sink = writer.into_inner().map_err(Error::parquet("write to", path))?;
    let (buffered, checksum, n_bytes) = sink.finish();
    let mut file = buffered
        .into_inner()
        .map_err(io::IntoInnerError::into_error)
        .map_err(Error::io("write to", path))?;
    file.sync().map_err(Error::io("write to", path))?;
    Ok((n_bytes, checksum))
}

/// Plain pages under LZ4: decoding is a copy. Hashes do not compress, so they stay as they are.
fn orders_properties() -> WriterProperties {
    let mut builder = base_properties();
    for name in [ORDER_KEY_HIGH, ORDER_KEY_LOW, DIGEST] {
        builder = builder.set_column_compression(ColumnPath::from(name), Compression::UNCOMPRESSED);
    }
    for name in [LOCATION, CURRENCY, SOURCE] {
        builder = builder.set_column_dictionary_enabled(ColumnPath::from(name), true);
    }
    builder
        .set_column_statistics_enabled(ColumnPath::from(ORDER_KEY_HIGH), EnabledStatistics::Chunk)
        .build()
}

fn lines_properties() -> WriterProperties {
    base_properties().set_column_dictionary_enabled(ColumnPath::from(KIND), true).build()
}

fn base_properties() -> parquet::file::properties::WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::LZ4_RAW)
        .set_encoding(Encoding::PLAIN)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_max_row_group_row_count(None)
        .set_created_by("alongside".to_owned())
}
