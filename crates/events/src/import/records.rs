//! Catalogue, customer, holding and event files: one record a row.

use std::ops::ControlFlow;

use serde_json::Value;

use super::cell::{Cell, Row};
use super::columns::{Field, FileKind, Shape};
use super::dates::DateReader;
use super::field_read::{self, Fault, shown};
use super::numbers::{Money, read_money};
use super::orders::Taken;
use super::plan::{CurrencyPlan, Format, ImportPlan};
use super::read::{Builder, ReadOptions, ReadSummary, read_file};
use super::source::Source;
use crate::event::{Event, EventKind, EventLine};
use crate::record::{CustomerRecord, HoldingRecord, ItemKind, ItemRecord};
use crate::wire::{EventFault, derived_id, read_event};
use crate::{Amount, Currency, Error, Reject, RejectReason, Timestamp};

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
            let make = || Records { reader: Reader::new(plan), read: $read, batch: Vec::new() };
            read_file(source, plan, options, make, sink)
        }
    };
}

read_function!(
    /// Reads a catalogue; columns without a field become attributes.
    read_items, ItemRecord, FileKind::Items, ItemRow
);
read_function!(
    /// Reads customers; columns without a field become attributes.
    read_customers, CustomerRecord, FileKind::Customers, CustomerRow
);
read_function!(
    /// Reads what customers have.
    read_holdings, HoldingRecord, FileKind::Holdings, HoldingRow
);
/// Reads browsing and purchase events; JSON lines have the shape of the wire. In tables a purchase
/// of several items has a row for each: neighbors of one order are joined to one event.
pub fn read_events(
    source: Source,
    plan: &ImportPlan,
    options: ReadOptions,
    sink: RecordSink<'_, Event>,
) -> Result<ReadSummary, Error> {
    plan.expect_kind(FileKind::Events)?;
    let joins = plan.format != Format::JsonLines;
    let make = || Records { reader: Reader::new(plan), read: EventRow, batch: Vec::new() };
    let mut pending = None;
    let summary = read_file(source, plan, options, make, |batch, rejects| {
        sink(if joins { join_orders(batch, &mut pending) } else { batch }, rejects)
    })?;
    if let Some(last) = pending
        && !summary.is_stopped
    {
        // Nothing follows that could be stopped.
        let _ = sink(vec![last], &[]);
    }
    Ok(summary)
}

/// Joins lines of one order; the last event waits in `pending`, for the next batch may go on.
fn join_orders(batch: Vec<Event>, pending: &mut Option<Event>) -> Vec<Event> {
    let is_same_order = |a: &Event, b: &Event| {
        a.order_id.is_some()
            && a.order_id == b.order_id
            && a.kind == b.kind
            && matches!(a.kind, EventKind::Purchase | EventKind::Refund)
    };
    let mut joined = Vec::with_capacity(batch.len());
    for mut event in batch {
        match pending {
            Some(last) if is_same_order(last, &event) => last.lines.append(&mut event.lines),
            _ => joined.extend(pending.replace(event)),
        }
    }
    joined
}

/// How one row becomes one record.
trait ReadRow: Copy + Send + Sync {
    type Record: Send;

    fn read<R: Row + ?Sized>(self, reader: &mut Reader<'_>, row: &R)
    -> Result<Self::Record, Fault>;

    fn read_object(
        self,
        _reader: &Reader<'_>,
        _object: &Value,
    ) -> Option<Result<Self::Record, Fault>> {
        None
    }
}

struct Records<'p, K: ReadRow> {
    reader: Reader<'p>,
    read: K,
    batch: Vec<K::Record>,
}

impl<K: ReadRow> Builder for Records<'_, K> {
    type Batch = Vec<K::Record>;

    fn push<R: Row + ?Sized>(&mut self, row: &R) -> Result<Taken, Fault> {
        let record = self.read.read(&mut self.reader, row)?;
        self.batch.push(record);
        Ok(Taken::Line)
    }

    fn push_object(&mut self, object: &Value) -> Option<Result<Taken, Fault>> {
        let record = self.read.read_object(&self.reader, object)?;
        Some(record.map(|record| {
            self.batch.push(record);
            Taken::Line
        }))
    }

    fn take(&mut self) -> Vec<K::Record> {
        std::mem::take(&mut self.batch)
    }
}

/// Reads fields of a row by the plan.
struct Reader<'p> {
    plan: &'p ImportPlan,
    slots: Vec<(Field, usize)>,
    dates: DateReader,
    buffer: String,
}

impl<'p> Reader<'p> {
    fn new(plan: &'p ImportPlan) -> Reader<'p> {
        let slots = plan.columns.iter().enumerate();
        let slots = slots.filter_map(|(idx, column)| Some((column.field?, idx))).collect();
        Reader { plan, slots, dates: plan.date_reader(), buffer: String::new() }
    }

    fn cell<'r, R: Row + ?Sized>(&self, row: &'r R, field: Field) -> Cell<'r> {
        let slot = self.slots.iter().find(|(of, _)| *of == field);
        slot.map_or(Cell::Absent, |(_, column)| row.cell(*column))
    }

    fn text<R: Row + ?Sized>(&mut self, row: &R, field: Field) -> Option<String> {
        let cell = self.cell(row, field);
        cell.text(&mut self.buffer).map(str::to_owned)
    }

    fn id<R: Row + ?Sized>(&mut self, row: &R, field: Field) -> Result<Option<String>, Fault> {
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

    fn needed_id<R: Row + ?Sized>(
        &mut self,
        row: &R,
        field: Field,
        reason: RejectReason,
    ) -> Result<String, Fault> {
        self.id(row, field)?.ok_or_else(|| {
            Fault::new(
                reason,
                format!("{} is empty; write the id there", self.plan.column_name(field)),
            )
        })
    }

    fn money<R: Row + ?Sized>(&self, row: &R, field: Field) -> Result<Option<Money>, Fault> {
        let cell = self.cell(row, field);
        let reason = match field {
            Field::Quantity => RejectReason::BadQuantity,
            _ => RejectReason::BadPrice,
        };
        read_money(cell, self.plan.decimal)
            .map_err(|fault| Fault::of_number(reason, self.plan.column_name(field), cell, fault))
    }

    fn currency<R: Row + ?Sized>(
        &self,
        row: &R,
        money: Option<Money>,
    ) -> Result<Option<Currency>, Fault> {
        let cell = self.cell(row, Field::Currency);
        match (cell, self.plan.currency) {
            (Cell::Absent, CurrencyPlan::Column { otherwise }) => Ok(otherwise),
            (Cell::Absent, CurrencyPlan::Unknown) => Ok(money.and_then(|(_, symbol)| symbol)),
            (Cell::Absent, CurrencyPlan::Told(planned) | CurrencyPlan::Symbol(planned)) => {
                Ok(money.and_then(|(_, symbol)| symbol).or(Some(planned)))
            }
            (cell, _) => {
                let currency =
                    if let Cell::Text(text) = cell { Currency::parse(text) } else { None };
                let detail = || format!("{} is no currency; write three letters", shown(cell));
                currency.map(Some).ok_or_else(|| Fault::new(RejectReason::BadCurrency, detail()))
            }
        }
    }

    fn truth<R: Row + ?Sized>(&self, row: &R, field: Field) -> Result<Option<bool>, Fault> {
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

    fn time<R: Row + ?Sized>(&mut self, row: &R, field: Field) -> Result<Option<Timestamp>, Fault> {
        let cell = self.cell(row, field);
        if cell.is_absent() {
            return Ok(None);
        }
        field_read::read_time(&mut self.dates, self.plan, cell, Cell::Absent).map(Some)
    }

    /// Columns that have no field.
    fn attributes<R: Row + ?Sized>(&mut self, row: &R) -> Vec<(String, String)> {
        let mut attributes = Vec::new();
        for (idx, column) in self.plan.columns.iter().enumerate() {
            if column.field.is_none()
                && let Some(text) = row.cell(idx).text(&mut self.buffer)
            {
                attributes.push((column.name.clone(), text.to_owned()));
            }
        }
        attributes
    }
}

#[derive(Clone, Copy)]
struct ItemRow;

impl ReadRow for ItemRow {
    type Record = ItemRecord;

    fn read<R: Row + ?Sized>(self, reader: &mut Reader<'_>, row: &R) -> Result<ItemRecord, Fault> {
        let item_id = reader.needed_id(row, Field::ItemId, RejectReason::MissingItem)?;
        let price = reader.money(row, Field::UnitPrice)?;
        let cost = reader.money(row, Field::Cost)?;
        let categories = [Field::Category, Field::Subcategory];
        let categories: Vec<String> = categories
            .into_iter()
            .filter_map(|field| reader.text(row, field))
            .map(|text| category_path(&text))
            .collect();
        Ok(ItemRecord {
            item_id,
            title: reader.text(row, Field::Title),
            kind: kind_of(reader, row)?,
            category: (!categories.is_empty()).then(|| categories.join(" > ")),
            price: price.map(|(amount, _)| amount),
            cost: cost.map(|(amount, _)| amount),
            currency: match (price, cost) {
                (None, None) => None,
                (price, cost) => reader.currency(row, price.or(cost))?,
            },
            stock: stock_of(reader, row)?,
            hidden: reader.truth(row, Field::Hidden)?,
            variant_of: reader.id(row, Field::VariantOf)?,
            sensitive: reader.truth(row, Field::Sensitive)?,
            image_url: reader.text(row, Field::ImageUrl),
            url: reader.text(row, Field::Url),
            attributes: reader.attributes(row),
        })
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
    ) -> Result<CustomerRecord, Fault> {
        let by_email = reader.cell(row, Field::CustomerId).is_absent();
        let field = if by_email && !reader.cell(row, Field::Email).is_absent() {
            Field::Email
        } else {
            Field::CustomerId
        };
        let customer_id = reader.needed_id(row, field, RejectReason::MissingCustomer)?;
        let consent = reader.truth(row, Field::Consent)?;
        Ok(CustomerRecord { customer_id, consent, attributes: reader.attributes(row) })
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
    ) -> Result<HoldingRecord, Fault> {
        Ok(HoldingRecord {
            customer_id: reader.needed_id(row, Field::CustomerId, RejectReason::MissingCustomer)?,
            item_id: reader.needed_id(row, Field::ItemId, RejectReason::MissingItem)?,
            since: reader.time(row, Field::Since)?,
            until: reader.time(row, Field::Until)?,
        })
    }
}

#[derive(Clone, Copy)]
struct EventRow;

impl ReadRow for EventRow {
    type Record = Event;

    fn read<R: Row + ?Sized>(self, reader: &mut Reader<'_>, row: &R) -> Result<Event, Fault> {
        let kind = match reader.text(row, Field::EventName) {
            // A file of sessions without event names is one of views.
            None => EventKind::ViewItem,
            Some(name) => EventKind::from_alias(&name).ok_or_else(|| unknown_event(&name))?,
        };
        let item_id = reader.needed_id(row, Field::ItemId, RejectReason::MissingItem)?;
        let (date, clock) = (reader.cell(row, Field::Timestamp), reader.cell(row, Field::Clock));
        let at = field_read::read_time(&mut reader.dates, reader.plan, date, clock)?;
        let order_id = reader.id(row, Field::OrderId)?;
        if kind == EventKind::Purchase && order_id.is_none() {
            let detail = "a purchase needs the id of its order".to_owned();
            return Err(Fault::new(RejectReason::MissingOrder, detail));
        }
        let quantity =
            reader.money(row, Field::Quantity)?.map_or(Amount::ONE, |(amount, _)| amount);
        let price = reader.money(row, Field::UnitPrice)?;
        let customer_id = reader.id(row, Field::CustomerId)?;
        let session_id = reader.id(row, Field::SessionId)?;
        let event_id = reader.id(row, Field::EventId)?.unwrap_or_else(|| {
            let who = (&customer_id, &session_id);
            derived_id(&format!("{kind:?} {} {who:?} {order_id:?} {item_id:?} {quantity}", at.0))
        });
        let unit_price = price.map(|(amount, _)| amount);
        let origin = reader.text(row, Field::Origin);
        Ok(Event {
            event_id,
            kind,
            at,
            customer_id,
            session_id,
            order_id,
            source: reader.plan.event_source.clone(),
            currency: reader.currency(row, price)?,
            location_id: reader.id(row, Field::LocationId)?,
            recommendation_id: reader.id(row, Field::RecommendationId)?,
            lines: vec![EventLine { item_id, quantity, unit_price, origin }],
            confirmed: true,
        })
    }

    fn read_object(self, reader: &Reader<'_>, object: &Value) -> Option<Result<Event, Fault>> {
        // GA4's own export nests its parameters; the columns know where.
        if reader.plan.shape == Shape::Ga4
            && reader.plan.json.as_ref().is_some_and(|l| l.has_params())
        {
            return None;
        }
        Some(match read_event(object, None) {
            Ok((mut event, _)) => {
                if object.get("source").is_none() {
                    event.source.clone_from(&reader.plan.event_source);
                }
                Ok(event)
            }
            Err(fault) => Err(Fault::new(reason_of(&fault), fault.to_string())),
        })
    }
}

fn unknown_event(name: &str) -> Fault {
    let detail = EventFault::UnknownEvent { found: name.to_owned() }.to_string();
    Fault::new(RejectReason::UnknownEvent, detail)
}

fn reason_of(fault: &EventFault) -> RejectReason {
    match fault {
        EventFault::NotAnObject => RejectReason::BadJson,
        EventFault::UnknownEvent { .. } => RejectReason::UnknownEvent,
        EventFault::TooLong { .. } => RejectReason::IdTooLong,
        EventFault::Missing { field } => match *field {
            "timestamp" => RejectReason::MissingDate,
            "order_id" => RejectReason::MissingOrder,
            "item_id" => RejectReason::MissingItem,
            _ => RejectReason::UnknownEvent,
        },
        EventFault::BadValue { field, .. } => match *field {
            "timestamp" => RejectReason::BadDate,
            "quantity" => RejectReason::BadQuantity,
            "price" => RejectReason::BadPrice,
            "currency" => RejectReason::BadCurrency,
            _ => RejectReason::BadValue,
        },
    }
}

#[cfg(test)]
mod tests;
