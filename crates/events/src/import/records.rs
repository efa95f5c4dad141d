//! Catalogue, customer and holding files: one record a row.

use std::ops::ControlFlow;

use serde_json::Value;

use super::attributes::attributes_of;
use super::cell::{Cell, Row};
use super::columns::{Field, FileKind};
use super::dates::DateReader;
use super::field_read::{self, Fault, shown};
use super::money_plan::currency_of;
use super::numbers::{Money, read_money};
use super::orders::Taken;
use super::plan::ImportPlan;
use super::product_rows::{Identity, Products};
use super::read::{Builder, ReadOptions, ReadSummary, read_file};
use super::source::Source;
use crate::record::{CustomerRecord, HoldingRecord, ItemKind, ItemRecord};
use crate::{Currency, Error, Reject, RejectReason, Timestamp};

/// Takes batches of records in file order, each with the rows that were set aside in it.
pub type RecordSink<'a, T> = &'a mut dyn FnMut(Vec<T>, &[Reject]) -> ControlFlow<()>;

macro_rules! read_function {
    ($(#[$doc:meta])* $name:ident, $record:ty, $kind:expr, $read:path) => {
        $(#[$doc])*
        pub fn $name(
            source: Source,
            plan: &ImportPlan,
            options: ReadOptions,
            sink: RecordSink<'_, $record>,
        ) -> Result<ReadSummary, Error> {
            plan.expect_kind($kind)?;
            let make = || Records::new(plan, $read);
            read_file(source, plan, options, make, sink)
        }
    };
}

read_function!(
    /// Reads a catalogue; columns without a field become attributes, a map of them is unpacked.
    read_items, ItemRecord, FileKind::Items, ItemRow
);
read_function!(
    /// Reads customers; columns without a field become attributes, a map of them is unpacked.
    read_customers, CustomerRecord, FileKind::Customers, CustomerRow
);
read_function!(
    /// Reads what customers have.
    read_holdings, HoldingRecord, FileKind::Holdings, HoldingRow
);
/// How one row becomes one record.
pub(crate) trait ReadRow: Copy + Send + Sync {
    type Record: Send;

    /// `None`: the row is no record and no mistake.
    fn read<R: Row + ?Sized>(
        self,
        reader: &mut Reader<'_>,
        row: &R,
    ) -> Result<Option<Self::Record>, Fault>;

    fn read_object(
        self,
        _reader: &Reader<'_>,
        _object: &Value,
    ) -> Option<Result<Option<Self::Record>, Fault>> {
        None
    }
}

pub(crate) struct Records<'p, K: ReadRow> {
    reader: Reader<'p>,
    read: K,
    batch: Vec<K::Record>,
}

impl<'p, K: ReadRow> Records<'p, K> {
    pub(crate) fn new(plan: &'p ImportPlan, read: K) -> Records<'p, K> {
        Records { reader: Reader::new(plan), read, batch: Vec::new() }
    }
}

impl<K: ReadRow> Records<'_, K> {
    fn keep(&mut self, record: Option<K::Record>) -> Taken {
        let Some(record) = record else { return Taken::Skipped };
        self.batch.push(record);
        Taken::Line
    }
}

impl<K: ReadRow> Builder for Records<'_, K> {
    type Batch = Vec<K::Record>;

    fn push<R: Row + ?Sized>(&mut self, row: &R) -> Result<Taken, Fault> {
        let record = self.read.read(&mut self.reader, row)?;
        Ok(self.keep(record))
    }

    fn check<R: Row + ?Sized>(&mut self, row: &R) -> Result<(), Fault> {
        self.read.read(&mut self.reader, row).map(drop)
    }

    fn push_object(&mut self, object: &Value) -> Option<Result<Taken, Fault>> {
        let record = self.read.read_object(&self.reader, object)?;
        Some(record.map(|record| self.keep(record)))
    }

    fn take(&mut self) -> Vec<K::Record> {
        std::mem::take(&mut self.batch)
    }
}

/// Reads fields of a row by the plan.
pub(crate) struct Reader<'p> {
    pub plan: &'p ImportPlan,
    slots: Vec<(Field, usize)>,
    pub dates: DateReader,
    buffer: String,
    pub products: Products,
}

impl<'p> Reader<'p> {
    fn new(plan: &'p ImportPlan) -> Reader<'p> {
        let slots = plan.columns.iter().enumerate();
        let slots = slots.filter_map(|(idx, column)| Some((column.field?, idx))).collect();
        Reader {
            plan,
            slots,
            dates: plan.date_reader(),
            buffer: String::new(),
            products: Products::new(plan),
        }
    }

    pub(crate) fn cell<'r, R: Row + ?Sized>(&self, row: &'r R, field: Field) -> Cell<'r> {
        let slot = self.slots.iter().find(|(of, _)| *of == field);
        slot.map_or(Cell::Absent, |(_, column)| row.cell(*column))
    }

    pub(crate) fn text<R: Row + ?Sized>(&mut self, row: &R, field: Field) -> Option<String> {
        let cell = self.cell(row, field);
        cell.text(&mut self.buffer).map(str::to_owned)
    }

    pub(crate) fn id<R: Row + ?Sized>(
        &mut self,
        row: &R,
        field: Field,
    ) -> Result<Option<String>, Fault> {
        field_read::check_length(field.as_str(), self.cell(row, field))?;
        let is_float = match field {
            Field::ItemId => self.plan.float_item_ids,
            Field::CustomerId => self.plan.float_customer_ids,
            Field::OrderId => self.plan.float_order_ids,
            _ => false,
        };
        let id = self.text(row, field);
        Ok(id.map(|id| match id.strip_suffix(".0") {
            Some(whole) if is_float => whole.to_owned(),
            _ => id,
        }))
    }

    pub(crate) fn needed_id<R: Row + ?Sized>(
        &mut self,
        row: &R,
        field: Field,
        reason: RejectReason,
    ) -> Result<String, Fault> {
        self.id(row, field)?.ok_or_else(|| {
            let is_empty = field_read::is_empty(row, self.plan.column_of(field));
            let name = self.plan.column_name(field);
            Fault::new(reason, format!("{name} {is_empty}; write the id there"))
        })
    }

    pub(crate) fn money<R: Row + ?Sized>(
        &self,
        row: &R,
        field: Field,
    ) -> Result<Option<Money>, Fault> {
        let cell = self.cell(row, field);
        let reason = match field {
            Field::Quantity => RejectReason::BadQuantity,
            _ => RejectReason::BadPrice,
        };
        read_money(cell, self.plan.decimal)
            .map_err(|fault| Fault::of_number(reason, self.plan.column_name(field), cell, fault))
    }

    pub(crate) fn currency<R: Row + ?Sized>(
        &self,
        row: &R,
        money: Option<Money>,
    ) -> Result<Option<Currency>, Fault> {
        currency_of(self.plan, self.cell(row, Field::Currency), money)
    }

    pub(crate) fn truth<R: Row + ?Sized>(
        &self,
        row: &R,
        field: Field,
    ) -> Result<Option<bool>, Fault> {
        let cell = self.cell(row, field);
        if cell.is_absent() {
            return Ok(None);
        }
        cell.truth().map(Some).ok_or_else(|| {
            let name = self.plan.column_name(field);
            let detail = format!("{name} is {}; write true or false", shown(cell));
            Fault::new(RejectReason::BadValue, detail)
        })
    }

    pub(crate) fn time<R: Row + ?Sized>(
        &mut self,
        row: &R,
        field: Field,
    ) -> Result<Option<Timestamp>, Fault> {
        let cell = self.cell(row, field);
        if cell.is_absent() {
            return Ok(None);
        }
        field_read::read_time(&mut self.dates, self.plan, cell, Cell::Absent).map(Some)
    }

    fn attributes<R: Row + ?Sized>(&mut self, row: &R) -> Result<Vec<(String, String)>, Fault> {
        attributes_of(self.plan, row, &mut self.buffer)
    }
}

#[derive(Clone, Copy)]
struct ItemRow;

impl ReadRow for ItemRow {
    type Record = ItemRecord;

    fn read<R: Row + ?Sized>(
        self,
        reader: &mut Reader<'_>,
        row: &R,
    ) -> Result<Option<ItemRecord>, Fault> {
        let Some(Identity { item_id, title, variant_of }) = reader.identity(row)? else {
            return Ok(None);
        };
        // An item that is not on sale has its regular price.
        let price = match price_of(reader, row, Field::UnitPrice)? {
            Some(price) => Some(price),
            None => price_of(reader, row, Field::RegularPrice)?,
        };
        let cost = price_of(reader, row, Field::Cost)?;
        let categories = [Field::Category, Field::Subcategory];
        let categories: Vec<String> = categories
            .into_iter()
            .filter_map(|field| reader.text(row, field))
            .map(|text| category_path(&text))
            .collect();
        let counted = stock_of(reader, row)?;
        Ok(Some(ItemRecord {
            item_id,
            title,
            kind: kind_of(reader, row)?,
            category: (!categories.is_empty()).then(|| categories.join(" > ")),
            price: price.map(|(amount, _)| amount),
            cost: cost.map(|(amount, _)| amount),
            currency: match (price, cost) {
                (None, None) => None,
                (price, cost) => reader.currency(row, price.or(cost))?,
            },
            stock: reader.units_at_hand(row, counted)?,
            hidden: reader.hidden(row)?,
            variant_of,
            sensitive: reader.truth(row, Field::Sensitive)?,
            image_url: reader.text(row, Field::ImageUrl),
            url: reader.text(row, Field::Url),
            attributes: reader.attributes(row)?,
            // An empty cell says nothing.
            cleared: Default::default(),
        }))
    }
}

/// What an item costs is not below zero.
fn price_of<R: Row + ?Sized>(
    reader: &Reader<'_>,
    row: &R,
    field: Field,
) -> Result<Option<Money>, Fault> {
    let money = reader.money(row, field)?;
    match money {
        Some((amount, _)) if amount.is_negative() => {
            let name = reader.plan.column_name(field);
            let detail = format!("{name} is {amount}: below zero; write 0 or more");
            Err(Fault::new(RejectReason::BadPrice, detail))
        }
        money => Ok(money),
    }
}

fn kind_of<R: Row + ?Sized>(reader: &mut Reader<'_>, row: &R) -> Result<Option<ItemKind>, Fault> {
    let Some(text) = reader.text(row, Field::Kind) else { return Ok(None) };
    let kinds = ItemKind::ALL.map(ItemKind::as_str).join(", ");
    let detail = || format!("{text:?} is no kind of item; the kinds are {kinds}");
    let fault = || Fault::new(RejectReason::BadValue, detail());
    ItemKind::parse(&text).map(Some).ok_or_else(fault)
}

/// Whole units; halves of a unit in stock are no unit.
fn stock_of<R: Row + ?Sized>(reader: &Reader<'_>, row: &R) -> Result<Option<i64>, Fault> {
    let cell = reader.cell(row, Field::Stock);
    match read_money(cell, reader.plan.decimal) {
        Ok(amount) => Ok(amount.map(|(amount, _)| amount.0.div_euclid(crate::amount::MICROS))),
        Err(fault) => {
            let name = reader.plan.column_name(Field::Stock);
            Err(Fault::of_number(RejectReason::BadValue, name, cell, fault))
        }
    }
}

/// `A>B`, `A | B` and `[[A,B]]` as `A > B`.
fn category_path(text: &str) -> String {
    let inner = text.trim_start_matches('[').trim_end_matches(']');
    let separators: &[char] = if inner.len() < text.len() { &[',', '>'] } else { &['>', '|'] };
    let levels = inner.split(separators).map(|level| level.trim().trim_matches(['\'', '"']));
    levels.filter(|level| !level.is_empty()).collect::<Vec<_>>().join(" > ")
}

#[derive(Clone, Copy)]
struct CustomerRow;

impl ReadRow for CustomerRow {
    type Record = CustomerRecord;

    fn read<R: Row + ?Sized>(
        self,
        reader: &mut Reader<'_>,
        row: &R,
    ) -> Result<Option<CustomerRecord>, Fault> {
        let by_email = reader.cell(row, Field::CustomerId).is_absent();
        let field = if by_email && !reader.cell(row, Field::Email).is_absent() {
            Field::Email
        } else {
            Field::CustomerId
        };
        let customer_id = reader.needed_id(row, field, RejectReason::MissingCustomer)?;
        let consent = reader.truth(row, Field::Consent)?;
        let attributes = reader.attributes(row)?;
        Ok(Some(CustomerRecord { customer_id, consent, attributes }))
    }
}

#[derive(Clone, Copy)]
struct HoldingRow;

impl ReadRow for HoldingRow {
    type Record = HoldingRecord;

    fn read<R: Row + ?Sized>(
        self,
        reader: &mut Reader<'_>,
        row: &R,
    ) -> Result<Option<HoldingRecord>, Fault> {
        Ok(Some(HoldingRecord {
            customer_id: reader.needed_id(row, Field::CustomerId, RejectReason::MissingCustomer)?,
            item_id: reader.needed_id(row, Field::ItemId, RejectReason::MissingItem)?,
            since: reader.time(row, Field::Since)?,
            until: reader.time(row, Field::Until)?,
        }))
    }
}

#[cfg(test)]
mod tests;
