//! What the store holds, written out for people and other programs.
//!
//! Orders come line by line, only versions that count, in the order of the segments; a file
//! exported here can be imported again and changes nothing. A refund of a whole order is one line
//! without an item.

mod text_rows;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use events::lines::NO_TIME;
use events::{Amount, ItemKind, LineKind, Timestamp};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use sqlx::Row;

use crate::error::{Error, Result};
use crate::id_table::IdTable;
use crate::import::identity::export_key;
use crate::living::LivingOrders;
use crate::manifest::{ManifestSegment, ORDERS_CONTENT};
use crate::order_key::OrderKey;
use crate::orders::{LineRow, NO_CODE, NO_PRICE, OrderSet};
use crate::store::{Store, join};
use crate::view::ItemEntry;
use text_rows::TextRows;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    Csv,
    /// Cells between tabs, quoted as in CSV.
    Tsv,
    /// One JSON object a line.
    JsonLines,
    Parquet,
}

const ORDER_COLUMNS: [&str; 13] = [
    "source",
    "order_id",
    "timestamp",
    "customer_id",
    "item_id",
    "quantity",
    "unit_price",
    "currency",
    "location_id",
    "line_kind",
    "refund_id",
    "title",
    "item_kind",
];

const ITEM_COLUMNS: [&str; 14] = [
    "item_id",
    "title",
    "kind",
    "category",
    "price",
    "cost",
    "currency",
    "stock",
    "hidden",
    "sensitive",
    "variant_of",
    "image_url",
    "url",
    "attributes",
];

/// One exported line.
struct OrderLine<'a> {
    source: &'a str,
    order_id: &'a str,
    at_us: Option<i64>,
    customer_id: Option<&'a str>,
    /// `None`: the order that the id names is taken back whole.
    item_id: Option<&'a str>,
    quantity: i64,
    unit_price: Option<i64>,
    currency: Option<&'a str>,
    location_id: Option<&'a str>,
    kind: LineKind,
    /// Of refunds, which have an identity beside the order that they take back from.
    refund_id: Option<String>,
    title: Option<&'a str>,
    item_kind: Option<ItemKind>,
}

struct Names {
    items: Vec<ItemEntry>,
    customers: Vec<Option<Box<str>>>,
}

impl Store {
    /// Writes all order lines; how many, and the writer. Live orders are sealed first, so that they
    /// are among them; a store that is open for reading alone gives what is sealed.
    pub async fn export_orders<W: Write + Send + 'static>(
        &self,
        format: ExportFormat,
        writer: W,
    ) -> Result<(u64, W)> {
        if !self.is_read_only() {
            self.seal_tail(Timestamp(i64::MAX)).await?;
        }
        let held = self.hold_segments().await?;
        let names = self.names().await?;
        let task = tokio::task::spawn_blocking(move || {
            let mut sink = Sink::new(format, writer)?;
            let mut n_lines = 0;
            for segment in held.manifest.iter().filter(|held| held.content == ORDERS_CONTENT) {
                n_lines += export_segment(&held.dir, segment, &names, &mut sink)?;
            }
            Ok((n_lines, sink.finish()?))
        });
        join(task).await
    }

    /// The catalogue as text; how many items.
    pub async fn export_items<W: Write + Send>(
        &self,
        format: ExportFormat,
        writer: W,
    ) -> Result<u64> {
        let (items, _) = self.items_since(0).await?;
        let mut rows = text_rows(format, writer, &ITEM_COLUMNS)?;
        for item in &items {
            let entry = &item.entry;
            let amount = |amount: Option<Amount>| amount.map(|a| a.to_string()).unwrap_or_default();
            let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or("").to_owned();
            let attributes: std::collections::BTreeMap<_, _> =
                item.attributes.iter().cloned().collect();
            let cells = [
                entry.id.to_string(),
                text(&entry.title),
                entry.kind.as_str().to_owned(),
                text(&entry.category),
                amount(entry.price),
                amount(entry.cost),
                entry.currency.map(|currency| currency.to_string()).unwrap_or_default(),
                entry.stock.map(|stock| stock.to_string()).unwrap_or_default(),
                entry.hidden.to_string(),
                entry.sensitive.to_string(),
                // By its id: the head need not be an item yet.
                item.variant_of.clone().unwrap_or_default(),
                text(&entry.image_url),
                item.url.clone().unwrap_or_default(),
                crate::numbering::json_map(&attributes),
            ];
            rows.write(&cells.each_ref().map(String::as_str))?;
        }
        rows.finish()?;
        Ok(items.len() as u64)
    }

    /// Customers as text; how many.
    pub async fn export_customers<W: Write + Send>(
        &self,
        format: ExportFormat,
        writer: W,
    ) -> Result<u64> {
        let customers = self.customers().await?;
        let mut rows = text_rows(format, writer, &["customer_id", "consent", "attributes"])?;
        for customer in &customers {
            let consent = customer.consent.map(|consent| consent.to_string()).unwrap_or_default();
            let attributes: std::collections::BTreeMap<_, _> =
                customer.attributes.iter().cloned().collect();
            let attributes = crate::numbering::json_map(&attributes);
            rows.write(&[&customer.customer_id, &consent, &attributes])?;
        }
        rows.finish()?;
        Ok(customers.len() as u64)
    }

    async fn names(&self) -> Result<Names> {
        let (items, _) = self.items_since(0).await?;
        let rows = sqlx::query("SELECT customer_idx, customer_id FROM customer")
            .fetch_all(&self.database().reader)
            .await
            .map_err(self.error("read customers"))?;
        let mut customers = Vec::new();
        for row in rows {
            let read =
                row.try_get::<i64, _>(0).and_then(|idx| Ok((idx, row.try_get::<&str, _>(1)?)));
            let (customer_idx, id) = read.map_err(self.error("read customers"))?;
            let customer_idx = customer_idx as usize;
            if customers.len() <= customer_idx {
                customers.resize(customer_idx + 1, None);
            }
            customers[customer_idx] = Some(Box::from(id));
        }
        Ok(Names { items: items.into_iter().map(|item| item.entry).collect(), customers })
    }
}

fn export_segment<W: Write + Send>(
    segments: &std::path::Path,
    segment: &ManifestSegment,
    names: &Names,
    sink: &mut Sink<W>,
) -> Result<u64> {
    let mut living = LivingOrders::open(segments, segment)?;
    let mut n_lines = 0;
    for group in 0..living.n_groups() {
        let set = living.group(group)?;
        let lines = lines_of(&set, &living, names);
        n_lines += lines.len() as u64;
        sink.write(&lines)?;
    }
    Ok(n_lines)
}

fn lines_of<'a>(
    set: &'a OrderSet,
    living: &'a LivingOrders<'_>,
    names: &'a Names,
) -> Vec<OrderLine<'a>> {
    let text = |table: &'a IdTable, code: u32| (code != NO_CODE).then(|| table.get(code));
    let mut exported = Vec::with_capacity(set.lines.len());
    let mut rest = &set.lines[..];
    for order in &set.orders {
        let (own, others) = rest.split_at(order.n_lines as usize);
        rest = others;
        let source = living.sources.get(order.source);
        let is_refund = order.key != OrderKey::of(source, set.id_of(order));
        let line = |line: &LineRow| {
            let item = names.items.get(line.item as usize);
            OrderLine {
                source,
                order_id: set.id_of(order),
                at_us: (line.at_us != NO_TIME.0).then_some(line.at_us),
                customer_id: names
                    .customers
                    .get(order.customer as usize)
                    .and_then(|id| id.as_deref()),
                item_id: item.map(|item| &*item.id),
                quantity: line.quantity,
                unit_price: (line.unit_price != NO_PRICE).then_some(line.unit_price),
                currency: text(&living.currencies, order.currency),
                location_id: text(&living.locations, order.location),
                kind: line.kind,
                refund_id: is_refund.then(|| export_key(order.key)),
                title: item.and_then(|item| item.title.as_deref()),
                item_kind: item.map(|item| item.kind),
            }
        };
        exported.extend(own.iter().map(line));
        if own.is_empty() && is_refund {
            let (kind, quantity) = (LineKind::Return, 0);
            let (item, unit_price) = (NO_CODE, NO_PRICE);
            exported.push(line(&LineRow { item, kind, unit_price, at_us: order.at_us, quantity }));
        }
    }
    exported
}

/// Where exported lines go.
enum Sink<W: Write + Send> {
    Text(TextRows<W>),
    Parquet(Box<ArrowWriter<W>>),
}

/// Rows of text; Parquet is for orders alone.
pub(crate) fn text_rows<W: Write>(
    format: ExportFormat,
    writer: W,
    columns: &'static [&'static str],
) -> Result<TextRows<W>> {
    match format {
        ExportFormat::Csv => TextRows::separated(writer, b',', columns),
        ExportFormat::Tsv => TextRows::separated(writer, b'\t', columns),
        ExportFormat::JsonLines => Ok(TextRows::json_lines(writer, columns)),
        ExportFormat::Parquet => Err(Error::Invalid {
            what: "a format of items and customers",
            invalid: "Parquet".to_owned(),
            mend: "name a file that ends in .csv, .tsv or .jsonl",
        }),
    }
}

impl<W: Write + Send> Sink<W> {
    fn new(format: ExportFormat, writer: W) -> Result<Sink<W>> {
        if format != ExportFormat::Parquet {
            return text_rows(format, writer, &ORDER_COLUMNS).map(Sink::Text);
        }
        let level = ZstdLevel::try_new(1).expect("level 1 exists");
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
        ArrowWriter::try_new(writer, Arc::new(schema()), Some(properties))
            .map(|writer| Sink::Parquet(Box::new(writer)))
            .map_err(Error::parquet("write to", &export_path()))
    }

    fn write(&mut self, lines: &[OrderLine<'_>]) -> Result<()> {
        match self {
            Sink::Text(rows) => lines.iter().try_for_each(|line| write_text(rows, line)),
            Sink::Parquet(writer) => {
                writer.write(&batch_of(lines)).map_err(Error::parquet("write to", &export_path()))
            }
        }
    }

    fn finish(self) -> Result<W> {
        match self {
            Sink::Text(rows) => rows.finish(),
            Sink::Parquet(writer) => {
                writer.into_inner().map_err(Error::parquet("write to", &export_path()))
            }
        }
    }
}

fn write_text<W: Write>(rows: &mut TextRows<W>, line: &OrderLine<'_>) -> Result<()> {
    rows.write(&[
        line.source,
        line.order_id,
        &line.at_us.map(rfc3339).unwrap_or_default(),
        line.customer_id.unwrap_or(""),
        line.item_id.unwrap_or(""),
        &Amount(line.quantity).to_string(),
        &line.unit_price.map(|price| Amount(price).to_string()).unwrap_or_default(),
        line.currency.unwrap_or(""),
        line.location_id.unwrap_or(""),
        line.kind.as_str(),
        line.refund_id.as_deref().unwrap_or(""),
        line.title.unwrap_or(""),
        line.item_kind.map_or("", ItemKind::as_str),
    ])
}

/// To the second where that is all, else to the microsecond.
fn rfc3339(at_us: i64) -> String {
    let text = Timestamp(at_us).to_string();
    match at_us.rem_euclid(1_000_000) {
        0 => text,
        micros => format!("{}.{micros:06}Z", text.trim_end_matches('Z')),
    }
}

fn schema() -> Schema {
    let amount = || DataType::Decimal128(19, 6);
    Schema::new(
        ORDER_COLUMNS
            .map(|name| match name {
                "timestamp" => {
                    let kind = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
                    Field::new(name, kind, true)
                }
                "quantity" => Field::new(name, amount(), false),
                "unit_price" => Field::new(name, amount(), true),
                _ => Field::new(name, DataType::Utf8, true),
            })
            .to_vec(),
    )
}

fn batch_of(lines: &[OrderLine<'_>]) -> RecordBatch {
    fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
        Arc::new(values.collect::<StringArray>())
    }
    let amounts = |of: fn(&OrderLine<'_>) -> Option<i64>| {
        let array: Decimal128Array = lines.iter().map(|line| of(line).map(i128::from)).collect();
        let array = array.with_precision_and_scale(19, 6);
        Arc::new(array.expect("an i64 has 19 digits at most")) as ArrayRef
    };
    let times: TimestampMicrosecondArray = lines.iter().map(|line| line.at_us).collect();
    let columns: Vec<ArrayRef> = vec![
        texts(lines.iter().map(|line| Some(line.source))),
        texts(lines.iter().map(|line| Some(line.order_id))),
        Arc::new(times.with_timezone("UTC")),
        texts(lines.iter().map(|line| line.customer_id)),
        texts(lines.iter().map(|line| line.item_id)),
        amounts(|line| Some(line.quantity)),
        amounts(|line| line.unit_price),
        texts(lines.iter().map(|line| line.currency)),
        texts(lines.iter().map(|line| line.location_id)),
        texts(lines.iter().map(|line| Some(line.kind.as_str()))),
        texts(lines.iter().map(|line| line.refund_id.as_deref())),
        texts(lines.iter().map(|line| line.title)),
        texts(lines.iter().map(|line| line.item_kind.map(ItemKind::as_str))),
    ];
    RecordBatch::try_new(Arc::new(schema()), columns)
        .expect("the columns are built after the schema")
}

/// The writer's file is the caller's: its errors get this name.
fn export_path() -> PathBuf {
    PathBuf::from("the export")
}
