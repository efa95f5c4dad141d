//! Rows of any format to [`OrderLines`]: what a line is, whose, when, and why one is set aside.

use std::fmt::Write;
use std::ops::ControlFlow;

use super::cell::{Cell, Row};
use super::columns::{Field, FileKind, Shape};
use super::dates::DateReader;
use super::field_read::{self, Fault};
use super::interner::Interner;
use super::numbers::{Money, read_money};
use super::plan::{CurrencyPlan, ImportPlan, OrderFrom};
use super::read::{Builder, ReadOptions, ReadSummary, read_file};
use super::source::Source;
use crate::event::EventKind;
use crate::lines::{LineKind, NO_TIME, OrderLines};
use crate::{Amount, Currency, Error, Reject, RejectReason, Timestamp};

/// Reads a file of order lines, handing over batches in file order, each with the rows that were
/// set aside in it. Memory stays below about 200 MB whatever the file's size.
pub fn read_orders(
    source: Source,
    plan: &ImportPlan,
    options: ReadOptions,
    sink: &mut dyn FnMut(OrderLines, &[Reject]) -> ControlFlow<()>,
) -> Result<ReadSummary, Error> {
    plan.expect_kind(FileKind::Orders)?;
    let mut n_by_kind = [0_u64; 4];
    let mut span: Option<(Timestamp, Timestamp)> = None;
    let builder = || OrderBuilder::new(plan);
    let mut summary = read_file(source, plan, options, builder, |lines: OrderLines, rejects| {
        for kind in &lines.kind {
            n_by_kind[*kind as usize] += 1;
        }
        for &at in lines.at.iter().filter(|at| **at != NO_TIME) {
            let (first, last) = span.unwrap_or((at, at));
            span = Some((first.min(at), last.max(at)));
        }
        sink(lines, rejects)
    })?;
    (summary.n_by_kind, summary.span) = (n_by_kind, span);
    Ok(summary)
}

/// What became of a row that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Line,
    /// No order line and no mistake: a page view in an export of all events.
    Skipped,
}

/// Where the columns are. `None`: the file has no such column.
#[derive(Clone, Debug)]
struct Slots {
    order_id: Option<usize>,
    item_id: Option<usize>,
    title: Option<usize>,
    category: Option<usize>,
    customer_id: Option<usize>,
    email: Option<usize>,
    session_id: Option<usize>,
    location_id: Option<usize>,
    timestamp: Option<usize>,
    clock: Option<usize>,
    quantity: Option<usize>,
    unit_price: Option<usize>,
    line_total: Option<usize>,
    currency: Option<usize>,
    status: Option<usize>,
    cancelled_at: Option<usize>,
    is_cancellation: Option<usize>,
    event_name: Option<usize>,
}

impl Slots {
    fn of(plan: &ImportPlan) -> Slots {
        let at = |field| plan.column_of(field);
        Slots {
            order_id: at(Field::OrderId),
            item_id: at(Field::ItemId),
            title: at(Field::Title),
            category: at(Field::Category),
            customer_id: at(Field::CustomerId),
            email: at(Field::Email),
            session_id: at(Field::SessionId),
            location_id: at(Field::LocationId),
            timestamp: at(Field::Timestamp),
            clock: at(Field::Clock),
            quantity: at(Field::Quantity),
            unit_price: at(Field::UnitPrice),
            line_total: at(Field::LineTotal),
            currency: at(Field::Currency),
            status: at(Field::Status),
            cancelled_at: at(Field::CancelledAt),
            is_cancellation: at(Field::IsCancellation),
            event_name: at(Field::EventName),
        }
    }
}

/// Turns rows into one batch after the other.
pub(crate) struct OrderBuilder<'p> {
    plan: &'p ImportPlan,
    slots: Slots,
    dates: DateReader,
    order_ids: Interner,
    item_ids: Interner,
    customer_ids: Interner,
    location_ids: Interner,
    lines: OrderLines,
    /// By item code: its title and category are taken already.
    has_title: Vec<bool>,
    has_category: Vec<bool>,
    id_buffer: String,
    order_buffer: String,
    last_currency: (String, Option<Currency>),
}

/// The figures of one line, once they are known to be good.
struct Figures {
    quantity: Amount,
    unit_price: Option<Amount>,
    currency: Option<Currency>,
    kind: LineKind,
    at: Timestamp,
}

impl<'p> OrderBuilder<'p> {
    pub(crate) fn new(plan: &'p ImportPlan) -> OrderBuilder<'p> {
        OrderBuilder {
            plan,
            slots: Slots::of(plan),
            dates: plan.date_reader(),
            order_ids: Interner::default(),
            item_ids: Interner::default(),
            customer_ids: Interner::default(),
            location_ids: Interner::default(),
            lines: OrderLines::default(),
            has_title: Vec::new(),
            has_category: Vec::new(),
            id_buffer: String::new(),
            order_buffer: String::new(),
            last_currency: (String::new(), None),
        }
    }

    /// `Some(is it a refund)` for rows that are order lines.
    fn event_of(&self, event: Cell<'_>) -> Option<bool> {
        let Cell::Text(name) = event else { return Some(false) };
        match EventKind::from_alias(name) {
            Some(EventKind::Purchase) => Some(false),
            Some(EventKind::Refund) => Some(true),
            _ => None,
        }
    }

    fn item_cell<'r, R: Row + ?Sized>(&self, row: &'r R) -> Result<Cell<'r>, Fault> {
        let item = self.slots.item_id.map_or(Cell::Absent, |column| row.cell(column));
        if !item.is_absent() {
            return Ok(item);
        }
        let title = self.slots.title.filter(|_| self.plan.title_is_item);
        let title = title.map_or(Cell::Absent, |column| row.cell(column));
        if title.is_absent() {
            let name = self.plan.column_name(Field::ItemId);
            let detail = format!("no item: {name} is empty; write the item's id there");
            return Err(Fault::new(RejectReason::MissingItem, detail));
        }
        Ok(title)
    }

    fn time_of(&mut self, date: Cell<'_>, clock: Cell<'_>) -> Result<Timestamp, Fault> {
        if self.slots.timestamp.is_none() {
            return Ok(NO_TIME);
        }
        field_read::read_time(&mut self.dates, self.plan, date, clock)
    }

    /// Puts the order's id into `order_buffer`.
    fn read_order_id<R: Row + ?Sized>(&mut self, row: &R, at: Timestamp) -> Result<(), Fault> {
        let cell = |slot: Option<usize>| slot.map_or(Cell::Absent, |column| row.cell(column));
        let own = match self.plan.order_from {
            OrderFrom::Column => cell(self.slots.order_id),
            OrderFrom::Session => cell(self.slots.session_id),
            OrderFrom::CustomerAndTime => self.customer_cell(row),
        };
        field_read::check_length("order id", own)?;
        self.order_buffer.clear();
        let Some(id) = clean(&mut self.id_buffer, own, self.plan.float_order_ids) else {
            let name = self.plan.order_column_name();
            let detail = format!("no order: {name} is empty; write the order's id there");
            return Err(Fault::new(RejectReason::MissingOrder, detail));
        };
        self.order_buffer.push_str(id);
        if self.plan.order_from == OrderFrom::CustomerAndTime {
            write!(self.order_buffer, "@{at}").expect("writing to a String does not fail");
        }
        Ok(())
    }

    fn customer_cell<'r, R: Row + ?Sized>(&self, row: &'r R) -> Cell<'r> {
        let cell = |slot: Option<usize>| slot.map_or(Cell::Absent, |column| row.cell(column));
        let customer = cell(self.slots.customer_id);
        // WooCommerce writes 0 for guests.
        let is_guest = self.plan.shape == Shape::WooCommerce
            && matches!(customer, Cell::Text("0") | Cell::Int(0));
        if customer.is_absent() || is_guest { cell(self.slots.email) } else { customer }
    }

    fn figures<R: Row + ?Sized>(
        &mut self,
        row: &R,
        is_refund: bool,
        at: Timestamp,
    ) -> Result<Figures, Fault> {
        let cell = |slot: Option<usize>| slot.map_or(Cell::Absent, |column| row.cell(column));
        let decimal = self.plan.decimal;
        let mut quantity = match cell(self.slots.quantity) {
            Cell::Absent if self.slots.quantity.is_some() && !self.plan.quantity_may_be_absent => {
                let name = self.plan.column_name(Field::Quantity);
                let detail = format!("{name} is empty; write how many were ordered");
                return Err(Fault::new(RejectReason::BadQuantity, detail));
            }
            cell => match read_money(cell, decimal) {
                Ok(quantity) => quantity.map_or(Amount::ONE, |(amount, _)| amount),
                Err(fault) => {
                    let name = self.plan.column_name(Field::Quantity);
                    return Err(Fault::of_number(RejectReason::BadQuantity, name, cell, fault));
                }
            },
        };
        if is_refund && quantity > Amount::ZERO {
            quantity = Amount(-quantity.0);
        }
        let money = self.price_of(row, quantity)?;
        let currency = self.currency_of(cell(self.slots.currency), money)?;
        let unit_price = money.map(|(amount, _)| amount);
        let is_cancelled = is_refund || self.is_cancelled(row);
        let kind = line_kind(quantity, unit_price, is_cancelled);
        Ok(Figures { quantity, unit_price, currency, kind, at })
    }

    fn price_of<R: Row + ?Sized>(&self, row: &R, quantity: Amount) -> Result<Option<Money>, Fault> {
        let (field, column) = match (self.slots.unit_price, self.slots.line_total) {
            (Some(column), _) => (Field::UnitPrice, column),
            (None, Some(column)) => (Field::LineTotal, column),
            (None, None) => return Ok(None),
        };
        let cell = row.cell(column);
        let money = read_money(cell, self.plan.decimal).map_err(|fault| {
            Fault::of_number(RejectReason::BadPrice, self.plan.column_name(field), cell, fault)
        })?;
        Ok(match (field, money) {
            (Field::LineTotal, Some((total, currency))) => {
                share(total, quantity).map(|price| (price, currency))
            }
            (_, money) => money,
        })
    }

    fn currency_of(
        &mut self,
        cell: Cell<'_>,
        money: Option<Money>,
    ) -> Result<Option<Currency>, Fault> {
        if let Cell::Text(text) = cell {
            if self.last_currency.0 != text || self.last_currency.1.is_none() {
                self.last_currency = (text.to_owned(), Currency::parse(text));
            }
            return match self.last_currency.1 {
                Some(currency) => Ok(Some(currency)),
                None => Err(Fault::new(
                    RejectReason::BadCurrency,
                    format!("{text:?} is no currency; write three letters, such as GBP"),
                )),
            };
        }
        let planned = match self.plan.currency {
            CurrencyPlan::Told(currency) | CurrencyPlan::Symbol(currency) => Some(currency),
            CurrencyPlan::Column { otherwise } => otherwise,
            CurrencyPlan::Unknown => None,
        };
        Ok(money.and_then(|(_, symbol)| symbol).or(planned))
    }

    fn is_cancelled<R: Row + ?Sized>(&self, row: &R) -> bool {
        if self.plan.shape == Shape::Uci && is_credit_note(&self.order_buffer) {
            return true;
        }
        let cell = |slot: Option<usize>| slot.map_or(Cell::Absent, |column| row.cell(column));
        (self.slots.is_cancellation.is_some()
            && cell(self.slots.is_cancellation).truth() == Some(true))
            || !cell(self.slots.cancelled_at).is_absent()
            || matches!(cell(self.slots.status), Cell::Text(status) if is_void(status))
    }

    /// Titles and categories come from lines that were sold or came back: on adjustments stand
    /// notes of the stock room ("damaged", "?").
    #[inline]
    fn push_texts(&mut self, code: u32, kind: LineKind, title: Cell<'_>, category: Cell<'_>) {
        let code_idx = code as usize;
        if kind == LineKind::Adjustment {
            return;
        }
        if code_idx >= self.has_title.len() {
            self.has_title.resize(code_idx + 1, false);
            self.has_category.resize(code_idx + 1, false);
        }
        if !self.has_title[code_idx]
            && let Cell::Text(title) = title
        {
            self.has_title[code_idx] = true;
            self.lines.titles.push((code, title.into()));
        }
        if !self.has_category[code_idx]
            && let Some(category) = category.text(&mut self.id_buffer)
        {
            self.has_category[code_idx] = true;
            self.lines.categories.push((code, category.into()));
        }
    }
}

impl Builder for OrderBuilder<'_> {
    type Batch = OrderLines;

    /// Adds one row, or nothing at all when it is set aside.
    #[inline]
    fn push<R: Row + ?Sized>(&mut self, row: &R) -> Result<Taken, Fault> {
        let cell = |slot: Option<usize>| slot.map_or(Cell::Absent, |column| row.cell(column));
        let Some(is_refund) = self.event_of(cell(self.slots.event_name)) else {
            return Ok(Taken::Skipped);
        };
        let item = self.item_cell(row)?;
        let at = self.time_of(cell(self.slots.timestamp), cell(self.slots.clock))?;
        self.read_order_id(row, at)?;
        let figures = self.figures(row, is_refund, at)?;
        let customer = self.customer_cell(row);
        let location = cell(self.slots.location_id);
        for (name, cell) in [("item id", item), ("customer id", customer), ("location", location)] {
            field_read::check_length(name, cell)?;
        }

        self.order_ids.push(Some(&self.order_buffer));
        let item_code =
            self.item_ids.push(clean(&mut self.id_buffer, item, self.plan.float_item_ids));
        let is_float = self.plan.float_customer_ids;
        self.customer_ids.push(clean(&mut self.id_buffer, customer, is_float));
        self.location_ids.push(clean(&mut self.id_buffer, location, false));
        self.push_texts(item_code, figures.kind, cell(self.slots.title), cell(self.slots.category));
        self.lines.kind.push(figures.kind);
        self.lines.at.push(figures.at);
        self.lines.quantity.push(figures.quantity);
        self.lines.unit_price.push(figures.unit_price);
        self.lines.currency.push(figures.currency);
        Ok(Taken::Line)
    }

    fn order_id_of<R: Row + ?Sized>(&mut self, row: &R) -> Option<String> {
        let cell = |slot: Option<usize>| slot.map_or(Cell::Absent, |column| row.cell(column));
        let at = match self.plan.order_from {
            OrderFrom::CustomerAndTime => {
                self.time_of(cell(self.slots.timestamp), cell(self.slots.clock)).ok()?
            }
            _ => NO_TIME,
        };
        self.read_order_id(row, at).ok()?;
        Some(self.order_buffer.clone())
    }

    /// The batch so far; the next one starts empty.
    fn take(&mut self) -> OrderLines {
        let n_rows = self.lines.kind.len();
        let mut lines = std::mem::take(&mut self.lines);
        lines.order_ids = self.order_ids.take();
        lines.item_ids = self.item_ids.take();
        lines.customer_ids = self.customer_ids.take();
        lines.location_ids = self.location_ids.take();
        self.has_title.clear();
        self.has_category.clear();
        self.lines.kind.reserve(n_rows);
        self.lines.at.reserve(n_rows);
        self.lines.quantity.reserve(n_rows);
        self.lines.unit_price.reserve(n_rows);
        self.lines.currency.reserve(n_rows);
        lines
    }
}

/// The id as text, `17850.0` as `17850` where the plan says that the column is of that shape.
#[inline]
fn clean<'b>(buffer: &'b mut String, cell: Cell<'b>, is_float: bool) -> Option<&'b str> {
    let text = cell.text(buffer)?;
    if is_float { Some(text.strip_suffix(".0").unwrap_or(text)) } else { Some(text) }
}

/// Price of one unit from the sum of a line; to the millionth, half away from zero.
fn share(total: Amount, quantity: Amount) -> Option<Amount> {
    if quantity == Amount::ZERO {
        return None;
    }
    let scaled = i128::from(total.0) * i128::from(crate::amount::MICROS);
    let divisor = i128::from(quantity.0);
    let half = divisor.abs() / 2 * scaled.signum();
    i64::try_from((scaled + half) / divisor).ok().map(Amount)
}

/// A flag alone does not tell a credit note from an order that was called off: the sign does.
fn line_kind(quantity: Amount, price: Option<Amount>, is_cancelled: bool) -> LineKind {
    if is_cancelled {
        return if quantity.is_negative() { LineKind::Return } else { LineKind::Cancellation };
    }
    if quantity == Amount::ZERO || price.is_some_and(|price| price <= Amount::ZERO) {
        return LineKind::Adjustment;
    }
    if quantity.is_negative() { LineKind::Return } else { LineKind::Sale }
}

fn is_credit_note(order_id: &str) -> bool {
    match order_id.as_bytes() {
        [b'C' | b'c', rest @ ..] => !rest.is_empty() && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// Statuses of shops whose orders brought nothing.
fn is_void(status: &str) -> bool {
    let status = status.strip_prefix("wc-").unwrap_or(status);
    let words = [
        "cancelled",
        "canceled",
        "voided",
        "void",
        "refunded",
        "failed",
        "trash",
        "expired",
        "declined",
        "denied",
        "canceled_reversal",
        "returned",
    ];
    words.iter().any(|word| status.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests;
