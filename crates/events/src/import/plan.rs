//! What will be done with a file, decided on a sample and shown before anything is done.

use jiff::tz::TimeZone;

use super::cell::Cell;
use super::columns::{Field, FileKind, Shape};
use super::date_plan::DatePlan;
use super::dates::{DateReader, DayOrder};
use super::encoding::Encoding;
use super::field_read;
use super::json_elements::Elements;
use super::json_lines::JsonLayout;
use super::money_plan::DecimalEvidence;
use super::repeats::Repeats;
use super::source::Compression;
use crate::record::ItemKind;
use crate::{Currency, Error, Timestamp};

/// How a file will be read.
#[derive(Clone, Debug)]
pub struct ImportPlan {
    /// The file's name, as the caller gave it.
    pub name: String,
    pub kind: FileKind,
    pub format: Format,
    pub compression: Compression,
    pub encoding: Encoding,
    pub shape: Shape,
    pub columns: Vec<ColumnPlan>,
    /// `None`: there is no column of dates.
    pub dates: Option<DatePlan>,
    /// IANA name of the zone that local times are read in.
    pub time_zone: String,
    /// `.` or `,`
    pub decimal: u8,
    pub decimal_evidence: DecimalEvidence,
    pub currency: CurrencyPlan,
    pub order_from: OrderFrom,
    /// Where several columns make the order id, all of them; else none.
    pub(crate) order_columns: Vec<usize>,
    /// Order ids of the sample under which several orders seem to stand.
    pub repeats: Repeats,
    /// Items without an id of their own go by their title.
    pub title_is_item: bool,
    /// An absent quantity means one piece.
    pub quantity_may_be_absent: bool,
    /// Ids written `17850.0`, as programs write whole numbers with gaps, lose the `.0`.
    pub float_order_ids: bool,
    pub float_item_ids: bool,
    pub float_customer_ids: bool,
    /// Items of the sample that look like fees, with the number of their lines.
    pub fees: Vec<FeeProposal>,
    /// What a person should know before saying yes.
    pub notes: Vec<String>,
    pub n_sample_rows: usize,
    pub(crate) zone: TimeZone,
    pub(crate) json: Option<JsonLayout>,
    /// `None`: one object a line.
    pub(crate) elements: Option<Elements>,
    /// Lines above the header that are no rows.
    pub n_lines_above: u64,
    /// Where rows of events come from, for their identity.
    pub(crate) event_source: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Delimited { delimiter: u8, terminator: u8 },
    JsonLines,
    Parquet { n_rows: u64 },
}

impl Format {
    pub fn describe(self) -> &'static str {
        match self {
            Format::Delimited { delimiter: b',', .. } => "CSV, comma",
            Format::Delimited { delimiter: b';', .. } => "CSV, semicolon",
            Format::Delimited { delimiter: b'\t', .. } => "TSV, tab",
            Format::Delimited { delimiter: b'|', .. } => "CSV, |",
            Format::Delimited { .. } => "CSV",
            Format::JsonLines => "JSON lines",
            Format::Parquet { .. } => "Parquet",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnPlan {
    pub name: String,
    /// `None`: not used for orders and events, an attribute of items and customers.
    pub field: Option<Field>,
    pub note: String,
    /// The first value of the sample.
    pub example: String,
}

/// What the prices are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurrencyPlan {
    /// A column says it; where it is empty, what was told.
    Column {
        otherwise: Option<Currency>,
    },
    /// By the symbol beside the prices.
    Symbol(Currency),
    Told(Currency),
    Unknown,
}

/// What makes lines one order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrderFrom {
    /// The order id; on a till's file together with place and day.
    #[default]
    Column,
    /// The order id alone, whatever it seems to be.
    IdAlone,
    /// The order id within a place, a day or both, and within its till where a column names it.
    With(IdParts),
    /// A session is an order. Only when asked for.
    Session,
    /// What a customer bought at the same time is an order. Only when asked for.
    CustomerAndTime,
}

/// What tells orders of one id apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdParts {
    pub location: bool,
    pub day: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeProposal {
    pub item_id: String,
    pub title: String,
    pub kind: ItemKind,
    pub why: &'static str,
    pub n_lines: usize,
}

/// What the caller knows better than the sample.
#[derive(Clone, Debug, Default)]
pub struct PlanOptions {
    /// `field=column`; a column of `-` leaves the field unused.
    pub map: Vec<(String, String)>,
    /// IANA name; UTC when not told.
    pub time_zone: Option<String>,
    pub day_order: Option<DayOrder>,
    pub currency: Option<Currency>,
    pub delimiter: Option<u8>,
    pub encoding: Option<Encoding>,
    pub decimal: Option<u8>,
    pub order_from: OrderFrom,
    /// The `source` of events in the file; `file` when not told.
    pub event_source: Option<String>,
}

/// Reads dates of the file that a plan was made for.
#[derive(Debug)]
pub struct TimeReader<'p> {
    plan: &'p ImportPlan,
    dates: DateReader,
}

impl TimeReader<'_> {
    /// `clock` is the value of the column of clocks, where there is one beside the dates. `None`:
    /// there is no date. The error says what was found and what was expected.
    pub fn read(&mut self, date: &str, clock: Option<&str>) -> Result<Option<Timestamp>, String> {
        let date = Cell::from_text(date);
        if date.is_absent() {
            return Ok(None);
        }
        let clock = clock.map_or(Cell::Absent, Cell::from_text);
        let read = field_read::read_time(&mut self.dates, self.plan, date, clock);
        read.map(Some).map_err(|fault| fault.detail)
    }
}

impl ImportPlan {
    pub(crate) fn column_of(&self, field: Field) -> Option<usize> {
        self.columns.iter().position(|column| column.field == Some(field))
    }

    /// The file's own name of the column, or the field's where there is none.
    pub(crate) fn column_name(&self, field: Field) -> &str {
        match self.column_of(field) {
            Some(idx) => &self.columns[idx].name,
            None => field.as_str(),
        }
    }

    pub(crate) fn order_column_name(&self) -> &str {
        if let Some(&column) = self.order_columns.first() {
            return &self.columns[column].name;
        }
        self.column_name(match self.order_from {
            OrderFrom::Column | OrderFrom::IdAlone | OrderFrom::With(_) => Field::OrderId,
            OrderFrom::Session => Field::SessionId,
            OrderFrom::CustomerAndTime => Field::CustomerId,
        })
    }

    pub(crate) fn day_order(&self) -> Option<DayOrder> {
        self.dates.as_ref().and_then(|dates| dates.day_order)
    }

    /// Reads the values of the column of dates, one by one, as an import does.
    pub fn time_reader(&self) -> TimeReader<'_> {
        TimeReader { plan: self, dates: self.date_reader() }
    }

    pub(crate) fn date_reader(&self) -> DateReader {
        let order = match &self.dates {
            Some(dates) => dates.day_order,
            None => Some(DayOrder::DayFirst),
        };
        DateReader::new(order, self.zone.clone())
    }

    /// Orders hold what was taken back from them.
    pub(crate) fn reads_refunds(&self) -> bool {
        (self.kind, self.shape, self.format)
            == (FileKind::Orders, Shape::Shopify, Format::JsonLines)
    }

    /// Fields stand on the first line of each order or product only.
    pub(crate) fn carries_down(&self) -> bool {
        let is_json = self.format == Format::JsonLines;
        match (self.kind, self.shape) {
            (FileKind::Orders, Shape::Shopify) => !is_json,
            (FileKind::Items, Shape::ShopifyProducts) => true,
            _ => false,
        }
    }

    /// Rows are to be read one after the other.
    pub(crate) fn is_sequential(&self) -> bool {
        self.carries_down() || (self.kind, self.shape) == (FileKind::Items, Shape::WooProducts)
    }

    /// The order of day and month that a date of the other order would disprove.
    pub(crate) fn doubtful_day_order(&self) -> Option<DayOrder> {
        self.dates.as_ref().filter(|dates| dates.is_open_to_doubt())?.day_order
    }

    /// The decimal sign that a number of the other one would disprove.
    pub(crate) fn doubtful_decimal(&self) -> Option<u8> {
        self.decimal_evidence.is_open_to_doubt().then_some(self.decimal)
    }

    pub(crate) fn expect_kind(&self, asked: FileKind) -> Result<(), Error> {
        if self.kind == asked {
            return Ok(());
        }
        let name = self.name.clone();
        Err(Error::OtherPlan { name, planned: self.kind.as_str(), asked: asked.as_str() })
    }
}
