//! Sealed segments: immutable Parquet files of orders and their lines.
//!
//! A segment `NAME` is `NAME.orders.parquet` and `NAME.lines.parquet`. Orders stand in rising order
//! of key; the lines of an order follow those of the order before it. The row groups of both files
//! cover the same orders, so that each pair can be read on its own. Codes of items and customers
//! are dense indices of the store, or codes of the import that a map in the manifest translates.

mod read;
mod write;

pub(crate) use read::{
    KeyCursor, KeyedRow, RowGroup, SegmentReader, coded, coded_text, i64s, strings, u8s, u32s, u64s,
};
pub(crate) use write::{Checksum, SegmentTexts, SegmentWriter, WrittenSegment, finish_file, sink};

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

pub(crate) const ORDER_KEY_HIGH: &str = "order_key_high";
pub(crate) const ORDER_KEY_LOW: &str = "order_key_low";
pub(crate) const DIGEST: &str = "digest";
pub(crate) const ORDER_ID: &str = "order_id";
pub(crate) const POSITION: &str = "position";
pub(crate) const CUSTOMER: &str = "customer";
pub(crate) const LOCATION: &str = "location";
pub(crate) const CURRENCY: &str = "currency";
pub(crate) const SOURCE: &str = "source";
pub(crate) const AT: &str = "at_us";
pub(crate) const N_LINES: &str = "n_lines";
pub(crate) const REFERS_HIGH: &str = "refers_high";
pub(crate) const REFERS_LOW: &str = "refers_low";

pub(crate) const ITEM: &str = "item";
pub(crate) const KIND: &str = "kind";
pub(crate) const QUANTITY: &str = "quantity_millionths";
pub(crate) const UNIT_PRICE: &str = "unit_price_millionths";
pub(crate) const AT_OFFSET: &str = "at_offset_us";

fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

pub(crate) static ORDERS_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new(ORDER_KEY_HIGH, DataType::UInt64, false),
        Field::new(ORDER_KEY_LOW, DataType::UInt64, false),
        Field::new(DIGEST, DataType::UInt64, false),
        Field::new(ORDER_ID, DataType::Utf8, false),
        Field::new(POSITION, DataType::UInt64, false),
        Field::new(CUSTOMER, DataType::UInt32, false),
        Field::new(LOCATION, dictionary(), true),
        Field::new(CURRENCY, dictionary(), true),
        Field::new(SOURCE, dictionary(), false),
        Field::new(AT, DataType::Int64, false),
        Field::new(N_LINES, DataType::UInt32, false),
        Field::new(REFERS_HIGH, DataType::UInt64, false),
        Field::new(REFERS_LOW, DataType::UInt64, false),
    ]))
});

pub(crate) static LINES_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new(ITEM, DataType::UInt32, false),
        Field::new(KIND, DataType::UInt8, false),
        Field::new(QUANTITY, DataType::Int64, false),
        Field::new(UNIT_PRICE, DataType::Int64, true),
        Field::new(AT_OFFSET, DataType::Int64, false),
    ]))
});

pub(crate) fn orders_path(segments: &Path, name: &str) -> PathBuf {
    segments.join(format!("{name}.orders.parquet"))
}

pub(crate) fn lines_path(segments: &Path, name: &str) -> PathBuf {
    segments.join(format!("{name}.lines.parquet"))
}
