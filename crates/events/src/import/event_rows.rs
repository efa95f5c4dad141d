//! Files of browsing and purchase events.

use hashbrown::HashMap;
use serde_json::Value;

use super::cell::Row;
use super::columns::{Field, FileKind, Shape};
use super::field_read::{self, Fault};
use super::plan::{Format, ImportPlan};
use super::read::{ReadOptions, ReadSummary, read_file};
use super::records::{ReadRow, Reader, RecordSink, Records};
use super::source::Source;
use crate::event::{Event, EventKind, EventLine};
use crate::wire::{EventFault, derived_id, read_event};
use crate::{Amount, Error, RejectReason};

/// Joined purchases are handed over in batches of this size.
const BATCH_EVENTS: usize = 8_192;

/// Reads browsing and purchase events; JSON lines have the shape of the wire. In tables, and in
/// GA4's own export, a purchase of several items has a row for each: the rows of one order become
/// one event, wherever in the file they stand. Purchases are therefore handed over last; memory
/// holds them, and no other events.
pub fn read_events(
    source: Source,
    plan: &ImportPlan,
    options: ReadOptions,
    sink: RecordSink<'_, Event>,
) -> Result<ReadSummary, Error> {
    plan.expect_kind(FileKind::Events)?;
    let make = || Records::new(plan, EventRow);
    let mut orders = Orders::new(plan);
    let mut summary = read_file(source, plan, options, make, |batch, rejects| {
        sink(if joins(plan) { orders.take_from(batch) } else { batch }, rejects)
    })?;
    summary.n_lines_other_currency = orders.n_lines_other_currency;
    let mut joined = orders.finish().into_iter();
    while !summary.is_stopped && joined.len() > 0 {
        let batch: Vec<Event> = joined.by_ref().take(BATCH_EVENTS).collect();
        summary.is_stopped = sink(batch, &[]).is_break();
    }
    Ok(summary)
}

/// Is there a row for each line of a purchase?
fn joins(plan: &ImportPlan) -> bool {
    plan.format != Format::JsonLines || is_nested_ga4(plan)
}

/// GA4's own export nests its parameters; the columns know where.
fn is_nested_ga4(plan: &ImportPlan) -> bool {
    plan.shape == Shape::Ga4 && plan.json.as_ref().is_some_and(|layout| layout.has_params())
}

/// The purchases and refunds of a file, by order.
struct Orders {
    events: Vec<Event>,
    places: HashMap<(EventKind, String, Option<i64>), usize>,
    n_lines_other_currency: u64,
    /// Events of an order at another time are another version of it.
    by_time: bool,
    has_event_ids: bool,
}

impl Orders {
    fn new(plan: &ImportPlan) -> Orders {
        Orders {
            events: Vec::new(),
            places: HashMap::new(),
            n_lines_other_currency: 0,
            by_time: plan.shape == Shape::Ga4,
            has_event_ids: plan.column_of(Field::EventId).is_some(),
        }
    }

    /// Takes what belongs to orders out of a batch; the rest of it.
    fn take_from(&mut self, batch: Vec<Event>) -> Vec<Event> {
        let mut rest = Vec::with_capacity(batch.len());
        for event in batch {
            match (event.kind, &event.order_id) {
                (EventKind::Purchase | EventKind::Refund, Some(order_id)) => {
                    let by_time = self.by_time || event.kind == EventKind::Refund;
                    let key = (event.kind, order_id.clone(), by_time.then_some(event.at.0));
                    self.add(key, event);
                }
                _ => rest.push(event),
            }
        }
        rest
    }

    fn add(&mut self, key: (EventKind, String, Option<i64>), mut event: Event) {
        let next = self.events.len();
        let place = *self.places.entry(key).or_insert(next);
        if place == next {
            self.events.push(event);
            return;
        }
        let first = &mut self.events[place];
        // A purchase has one currency: a price in another one would be relabelled.
        if event.currency.is_some() && first.currency.is_some_and(|c| Some(c) != event.currency) {
            for line in event.lines.iter_mut().filter(|line| line.unit_price.is_some()) {
                line.unit_price = None;
                self.n_lines_other_currency += 1;
            }
        }
        first.lines.append(&mut event.lines);
        first.at = first.at.min(event.at);
        first.customer_id = first.customer_id.take().or(event.customer_id);
        first.session_id = first.session_id.take().or(event.session_id);
        first.currency = first.currency.or(event.currency);
        first.location_id = first.location_id.take().or(event.location_id);
        first.recommendation_id = first.recommendation_id.take().or(event.recommendation_id);
    }

    fn finish(self) -> Vec<Event> {
        let mut events = self.events;
        if !self.has_event_ids {
            for event in events.iter_mut().filter(|event| event.lines.len() > 1) {
                event.event_id = id_of_content(event);
            }
        }
        events
    }
}

/// An order with another line is another event: the version that came last counts.
fn id_of_content(event: &Event) -> String {
    let mut lines: Vec<String> = event
        .lines
        .iter()
        .map(|line| format!("{} {} {:?}", line.item_id, line.quantity, line.unit_price))
        .collect();
    lines.sort_unstable();
    let who = (&event.customer_id, &event.session_id);
    derived_id(&format!("{:?} {} {who:?} {:?} {lines:?}", event.kind, event.at.0, event.order_id))
}

#[derive(Clone, Copy)]
struct EventRow;

impl ReadRow for EventRow {
    type Record = Event;

    fn read<R: Row + ?Sized>(
        self,
        reader: &mut Reader<'_>,
        row: &R,
    ) -> Result<Option<Event>, Fault> {
        let kind = match reader.text(row, Field::EventName) {
            // A file of sessions without event names is one of views.
            None => EventKind::ViewItem,
            Some(name) => match kind_of(reader.plan, &name) {
                Some(kind) => kind,
                None if reader.plan.shape == Shape::Ga4 => return Ok(None),
                None => return Err(unknown_event(&name)),
            },
        };
        let item_id = match kind {
            EventKind::BeginCheckout | EventKind::Refund => reader.id(row, Field::ItemId)?,
            _ => Some(reader.needed_id(row, Field::ItemId, RejectReason::MissingItem)?),
        };
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
            let item_id = item_id.as_deref().unwrap_or("");
            derived_id(&format!("{kind:?} {} {who:?} {order_id:?} {item_id:?} {quantity}", at.0))
        });
        let unit_price = price.map(|(amount, _)| amount);
        let origin = reader.text(row, Field::Origin);
        let line = item_id.map(|item_id| EventLine { item_id, quantity, unit_price, origin });
        Ok(Some(Event {
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
            lines: line.into_iter().collect(),
            confirmed: true,
        }))
    }

    fn read_object(
        self,
        reader: &Reader<'_>,
        object: &Value,
    ) -> Option<Result<Option<Event>, Fault>> {
        if is_nested_ga4(reader.plan) {
            return None;
        }
        Some(match read_event(object, None) {
            Ok((mut event, _)) => {
                if object.get("source").is_none() {
                    event.source.clone_from(&reader.plan.event_source);
                }
                Ok(Some(event))
            }
            Err(EventFault::UnknownEvent { .. }) if reader.plan.shape == Shape::Ga4 => Ok(None),
            Err(fault) => Err(Fault::new(reason_of(&fault), fault.to_string())),
        })
    }
}

/// GA4 has names of its own for much else: its `click` is one on a link.
fn kind_of(plan: &ImportPlan, name: &str) -> Option<EventKind> {
    match (plan.shape, EventKind::from_alias(name)?) {
        (Shape::Ga4, kind @ EventKind::Purchase) => Some(kind),
        (Shape::Ga4, _) => EventKind::parse(name),
        (_, kind) => Some(kind),
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
