//! Sealed events: browsing, offers, and purchases that nobody confirmed.
//!
//! One Parquet file `NAME.events.parquet`, in the order of the log. Customers are dense indices.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray, UInt8Array,
    UInt32Array,
};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, UInt8Type, UInt32Type};
use events::{Currency, Event, EventKind, Timestamp};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::event_log::{LoggedEvent, lines_from_json};
use crate::order_key::N_PARTITIONS;
use crate::segment::{WrittenSegment, finish_file, sink};

const BATCH_ROWS: usize = 8_192;

/// An event as the log keeps it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EventRow {
    pub(crate) seq: i64,
    pub(crate) event_id: String,
    pub(crate) kind: u8,
    pub(crate) at_us: i64,
    pub(crate) customer_idx: Option<u32>,
    pub(crate) session_id: Option<String>,
    pub(crate) order_id: Option<String>,
    pub(crate) source: String,
    pub(crate) currency: Option<String>,
    pub(crate) location_id: Option<String>,
    pub(crate) recommendation_id: Option<String>,
    pub(crate) confirmed: bool,
    pub(crate) lines: String,
    /// When it came; `None`: not known.
    pub(crate) received_us: Option<i64>,
}

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("seq", DataType::Int64, false),
        Field::new("event_id", DataType::Utf8, false),
        Field::new("kind", DataType::UInt8, false),
        Field::new("at_us", DataType::Int64, false),
        Field::new("customer", DataType::UInt32, true),
        Field::new("session_id", DataType::Utf8, true),
        Field::new("order_id", DataType::Utf8, true),
        Field::new("source", DataType::Utf8, false),
        Field::new("currency", DataType::Utf8, true),
        Field::new("location_id", DataType::Utf8, true),
        Field::new("recommendation_id", DataType::Utf8, true),
        Field::new("confirmed", DataType::Boolean, false),
        Field::new("lines", DataType::Utf8, false),
        Field::new("received_us", DataType::Int64, true),
    ]))
});

pub(crate) fn events_path(segments: &Path, name: &str) -> PathBuf {
    segments.join(format!("{name}.events.parquet"))
}

/// The tail as it stands. Purchases and refunds are among them: the order keeps what was bought,
/// and only the event which answer it came from.
/// Those after one event, up to and with another.
pub(crate) async fn rows_of_tail(
    connection: &mut SqliteConnection,
    (after, last_seq): (i64, i64),
) -> sqlx::Result<Vec<EventRow>> {
    let rows = sqlx::query("SELECT * FROM event WHERE seq > ?1 AND seq <= ?2 ORDER BY seq")
        .bind(after)
        .bind(last_seq)
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(EventRow {
                seq: row.try_get("seq")?,
                event_id: row.try_get("event_id")?,
                kind: row.try_get::<i64, _>("kind")? as u8,
                at_us: row.try_get("at_us")?,
                customer_idx: row.try_get::<Option<i64>, _>("customer_idx")?.map(|idx| idx as u32),
                session_id: row.try_get("session_id")?,
                order_id: row.try_get("order_id")?,
                source: row.try_get("source")?,
                currency: row.try_get("currency")?,
                location_id: row.try_get("location_id")?,
                recommendation_id: row.try_get("recommendation_id")?,
                confirmed: row.try_get("confirmed")?,
                lines: row.try_get("lines")?,
                received_us: row.try_get("received_us")?,
            })
        })
        .collect()
}

pub(crate) fn write(
    disk: &dyn Disk,
    segments: &Path,
    name: &str,
    rows: &[EventRow],
) -> Result<WrittenSegment> {
    let path = events_path(segments, name);
    let level = ZstdLevel::try_new(1).expect("level 1 exists");
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let mut writer = ArrowWriter::try_new(sink(disk, &path)?, SCHEMA.clone(), Some(properties))
        .map_err(Error::parquet("write to", &path))?;
    for chunk in rows.chunks(BATCH_ROWS) {
        writer.write(&batch_of(chunk)).map_err(Error::parquet("write to", &path))?;
    }
    let (n_bytes, checksum) = finish_file(writer, &path)?;
    let times = rows.iter().map(|row| row.at_us);
    Ok(WrittenSegment {
        name: name.to_owned(),
        n_orders: rows.len() as u64,
        n_lines: 0,
        n_returns: 0,
        n_refers: 0,
        first_at_us: times.clone().min().unwrap_or(i64::MAX),
        last_at_us: times.max().unwrap_or(i64::MIN),
        first_partition: N_PARTITIONS - 1,
        last_partition: 0,
        n_bytes,
        orders_checksum: checksum,
        lines_checksum: 0,
    })
}

fn batch_of(rows: &[EventRow]) -> RecordBatch {
    let texts = |of: fn(&EventRow) -> &str| {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of))) as ArrayRef
    };
    let optional = |of: fn(&EventRow) -> Option<&str>| {
        Arc::new(rows.iter().map(of).collect::<StringArray>()) as ArrayRef
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.seq))),
        texts(|row| &row.event_id),
        Arc::new(UInt8Array::from_iter_values(rows.iter().map(|row| row.kind))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.at_us))),
        Arc::new(rows.iter().map(|row| row.customer_idx).collect::<UInt32Array>()),
        optional(|row| row.session_id.as_deref()),
        optional(|row| row.order_id.as_deref()),
        texts(|row| &row.source),
        optional(|row| row.currency.as_deref()),
        optional(|row| row.location_id.as_deref()),
        optional(|row| row.recommendation_id.as_deref()),
        Arc::new(rows.iter().map(|row| Some(row.confirmed)).collect::<BooleanArray>()),
        texts(|row| &row.lines),
        Arc::new(rows.iter().map(|row| row.received_us).collect::<Int64Array>()),
    ];
    RecordBatch::try_new(SCHEMA.clone(), columns).expect("the columns are built after the schema")
}

/// All rows of a segment of events.
pub(crate) fn read(segments: &Path, name: &str) -> Result<Vec<EventRow>> {
    let path = events_path(segments, name);
    let file = File::open(&path).map_err(Error::io("open the segment", &path))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|builder| builder.with_batch_size(BATCH_ROWS).build())
        .map_err(Error::parquet("read", &path))?;
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch
            .map_err(|error| Error::Corrupt { path: path.clone(), detail: error.to_string() })?;
        rows_of_batch(&batch, &mut rows);
    }
    Ok(rows)
}

fn rows_of_batch(batch: &RecordBatch, rows: &mut Vec<EventRow>) {
    let column = |name: &str| {
        batch.column_by_name(name).expect("events segments have the columns of their schema")
    };
    let text = |name: &str, row: usize| {
        let array = column(name).as_string::<i32>();
        array.is_valid(row).then(|| array.value(row).to_owned())
    };
    let word = |name: &str, row: usize| column(name).as_primitive::<Int64Type>().value(row);
    let customers = column("customer").as_primitive::<UInt32Type>();
    // Segments of formats before 7 do not know it.
    let received = batch.column_by_name("received_us").map(AsArray::as_primitive::<Int64Type>);
    for row in 0..batch.num_rows() {
        rows.push(EventRow {
            seq: word("seq", row),
            event_id: text("event_id", row).unwrap_or_default(),
            kind: column("kind").as_primitive::<UInt8Type>().value(row),
            at_us: word("at_us", row),
            customer_idx: customers.is_valid(row).then(|| customers.value(row)),
            session_id: text("session_id", row),
            order_id: text("order_id", row),
            source: text("source", row).unwrap_or_default(),
            currency: text("currency", row),
            location_id: text("location_id", row),
            recommendation_id: text("recommendation_id", row),
            confirmed: column("confirmed").as_boolean().value(row),
            lines: text("lines", row).unwrap_or_default(),
            received_us: received.filter(|of| of.is_valid(row)).map(|of| of.value(row)),
        });
    }
}

impl EventRow {
    /// The event, its customer by external id; `None` when it is damaged.
    pub(crate) fn into_event(self, customer_id: Option<String>) -> Option<LoggedEvent> {
        let event = Event {
            event_id: self.event_id,
            kind: *EventKind::ALL.get(usize::from(self.kind))?,
            at: Timestamp(self.at_us),
            customer_id,
            session_id: self.session_id,
            order_id: self.order_id,
            source: self.source,
            currency: self.currency.as_deref().and_then(Currency::parse),
            location_id: self.location_id,
            recommendation_id: self.recommendation_id,
            lines: lines_from_json(&self.lines).ok()?,
            confirmed: self.confirmed,
        };
        Some(LoggedEvent { seq: self.seq, event })
    }
}
