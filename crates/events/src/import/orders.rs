//! Rows of any format to [`OrderLines`]: what a line is, whose, when, and why one is set aside.

use std::fmt::Write;
use std::ops::ControlFlow;

use super::cell::{Cell, Row};
use super::columns::{Field, FileKind, Shape};
use super::dates::DateReader;
use super::field_read::{self, Fault, shown};
use super::interner::Interner;
use super::line_kind::{is_credit_note, is_void, line_kind, share};
use super::money_plan::currency_of;
use super::numbers::{Money, read_money};
use super::order_id_reader::OrderIdReader;
use super::order_identity::{Mark, OrderIds};
use super::order_slots::Slots;
use super::plan::{ImportPlan, OrderFrom};
use super::read::{Builder, ReadOptions, ReadSummary, read_file};
use super::source::Source;
use crate::event::EventKind;
use crate::lines::{LineKind, NO_TIME, OrderLines};
use crate::{Amount, Currency, Error, ItemKind, NO_ID, Reject, RejectReason, Timestamp};

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

/// Turns rows into one batch after the other.
pub(crate) struct OrderBuilder<'p> {
    plan: &'p ImportPlan,
    slots: Slots,
    dates: DateReader,
    order_id: OrderIdReader,
    order_ids: OrderIds,
    /// Orders are told apart by more than their ids.
    is_marked: bool,
    item_ids: Interner,
    customer_ids: Interner,
    location_ids: Interner,
    lines: OrderLines,
    /// By item code: its title and category are taken already.
    has_title: Vec<bool>,
    has_category: Vec<bool>,
    has_kind: Vec<bool>,
    id_buffer: String,
    refund_buffer: String,
    source_buffer: String,
    /// The status read last, and whether its order brought nothing.
    last_status: (String, bool),
}

/// The figures of one line, once they are known to be good.
struct Figures {
    quantity: Amount,
    unit_price: Option<Amount>,
    currency: Option<Currency>,
    kind: LineKind,
    at: Timestamp,
}

impl Figures {
    /// Of a refund that takes back its whole order.
    fn of_whole(at: Timestamp) -> Figures {
        let (quantity, kind) = (Amount::ZERO, LineKind::Return);
        Figures { quantity, unit_price: None, currency: None, kind, at }
    }
}

impl<'p> OrderBuilder<'p> {
    pub(crate) fn new(plan: &'p ImportPlan) -> OrderBuilder<'p> {
        let slots = Slots::of(plan);
        let marking = [slots.event_name, slots.source, slots.refund_id];
        OrderBuilder {
            plan,
            is_marked: marking.iter().any(Option::is_some) || plan.reads_refunds(),
            slots,
            dates: plan.date_reader(),
            order_id: OrderIdReader::new(plan),
            order_ids: OrderIds::default(),
            item_ids: Interner::default(),
            customer_ids: Interner::default(),
            location_ids: Interner::default(),
            lines: OrderLines::default(),
            has_title: Vec::new(),
            has_category: Vec::new(),
            has_kind: Vec::new(),
            id_buffer: String::new(),
            refund_buffer: String::new(),
            source_buffer: String::new(),
            last_status: (String::new(), false),
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

    /// Absent where a refund names no item: then it takes back the whole order.
    fn item_cell<'r, R: Row + ?Sized>(
        &self,
        row: &'r R,
        is_refund: bool,
    ) -> Result<Cell<'r>, Fault> {
        let item = self.slots.item_id.map_or(Cell::Absent, |column| row.cell(column));
        if !item.is_absent() {
            return Ok(item);
        }
        let title = self.slots.title.filter(|_| self.plan.title_is_item);
        let title = title.map_or(Cell::Absent, |column| row.cell(column));
        if title.is_absent() && !is_refund {
            let name = self.plan.column_name(Field::ItemId);
            let is_empty = field_read::is_empty(row, self.slots.item_id);
            let detail = format!("no item: {name} {is_empty}; write the item's id there");
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

    /// Reads the order's id into `order_id`.
    fn read_order_id<R: Row + ?Sized>(&mut self, row: &R, at: Timestamp) -> Result<(), Fault> {
        let cell = |slot: Option<usize>| slot.map_or(Cell::Absent, |column| row.cell(column));
        let own = match self.plan.order_from {
            OrderFrom::Column | OrderFrom::IdAlone | OrderFrom::With(_) => {
                cell(self.order_id.column)
            }
            OrderFrom::Session => cell(self.slots.session_id),
            OrderFrom::CustomerAndTime => self.customer_cell(row),
        };
        self.order_id.read(self.plan, row, own, at)
    }

    /// Puts into their buffers what marks the order beside its id.
    fn read_mark<R: Row + ?Sized>(
        &mut self,
        row: &R,
        is_refund: bool,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let cell = |slot: Option<usize>| slot.map_or(Cell::Absent, |column| row.cell(column));
        let (source, refund) = (cell(self.slots.source), self.refund_cell(row));
        field_read::check_length("source", source)?;
        field_read::check_length("refund id", refund)?;
        self.source_buffer.clear();
        self.source_buffer.push_str(clean(&mut self.id_buffer, source, false).unwrap_or(""));
        self.refund_buffer.clear();
        match clean(&mut self.id_buffer, refund, false) {
            Some(id) => self.refund_buffer.push_str(id),
            None if is_refund => write!(self.refund_buffer, "{}@{at}", self.order_id.text)
                .expect("writing to a String does not fail"),
            None => {}
        }
        Ok(())
    }

    /// The id of the refund that the row is part of.
    fn refund_cell<'r, R: Row + ?Sized>(&self, row: &'r R) -> Cell<'r> {
        self.slots.refund_id.map_or_else(|| row.refund_id(), |column| row.cell(column))
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
        let declared = self.declared_kind(row)?;
        let mut quantity = self.quantity_of(row)?;
        let is_return = is_refund
            || declared == Some(LineKind::Return)
            || cell(self.slots.is_return).truth() == Some(true);
        let is_turned = is_return && quantity > Amount::ZERO;
        if is_turned {
            quantity = Amount(-quantity.0);
        }
        let money = self.price_of(row, quantity)?;
        let currency = currency_of(self.plan, cell(self.slots.currency), money)?;
        // The minus of a return may stand at its price in place of its quantity.
        let positive = |amount: Amount| if is_turned { Amount(amount.0.abs()) } else { amount };
        let unit_price = money.map(|(amount, _)| positive(amount));
        let kind = match declared {
            // What is a sale is told by its figures.
            Some(kind) if kind != LineKind::Sale => kind,
            _ => line_kind(quantity, unit_price, is_return || self.is_cancelled(row)),
        };
        Ok(Figures { quantity, unit_price, currency, kind, at })
    }

    fn declared_kind<R: Row + ?Sized>(&self, row: &R) -> Result<Option<LineKind>, Fault> {
        let cell = self.slots.line_kind.map_or(Cell::Absent, |column| row.cell(column));
        let Cell::Text(text) = cell else { return Ok(None) };
        LineKind::parse(text).map(Some).ok_or_else(|| {
            let name = self.plan.column_name(Field::LineKind);
            let detail = format!(
                "{name} is {}; write sale, return, cancellation or adjustment",
                shown(cell)
            );
            Fault::new(RejectReason::BadValue, detail)
        })
    }

    fn quantity_of<R: Row + ?Sized>(&self, row: &R) -> Result<Amount, Fault> {
        let cell = |slot: Option<usize>| slot.map_or(Cell::Absent, |column| row.cell(column));
        let decimal = self.plan.decimal;
        match cell(self.slots.quantity) {
            Cell::Absent if self.slots.quantity.is_some() && !self.plan.quantity_may_be_absent => {
                let name = self.plan.column_name(Field::Quantity);
                let detail = format!("{name} is empty; write how many were ordered");
                Err(Fault::new(RejectReason::BadQuantity, detail))
            }
            cell => match read_money(cell, decimal) {
                Ok(quantity) => Ok(quantity.map_or(Amount::ONE, |(amount, _)| amount)),
                Err(fault) => {
                    let name = self.plan.column_name(Field::Quantity);
                    Err(Fault::of_number(RejectReason::BadQuantity, name, cell, fault))
                }
            },
        }
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

    fn is_cancelled<R: Row + ?Sized>(&mut self, row: &R) -> bool {
        if self.plan.shape == Shape::Uci && is_credit_note(self.order_id.first_part()) {
            return true;
        }
        let cell = |slot: Option<usize>| slot.map_or(Cell::Absent, |column| row.cell(column));
        if let Cell::Text(status) = cell(self.slots.status) {
            if self.last_status.0 != status {
                self.last_status = (status.to_owned(), is_void(status, self.plan.shape));
            }
            if self.last_status.1 {
                return true;
            }
        }
        (self.slots.is_cancellation.is_some()
            && cell(self.slots.is_cancellation).truth() == Some(true))
            || !cell(self.slots.cancelled_at).is_absent()
    }

    /// Reads all that can be wrong with a row: the item, absent on a refund of a whole order, and
    /// the figures; order and mark have been read then. `None`: the row is no order line.
    #[inline]
    fn examine<'r, R: Row + ?Sized>(
        &mut self,
        row: &'r R,
    ) -> Result<Option<(Cell<'r>, Figures)>, Fault> {
        let cell = |slot: Option<usize>| slot.map_or(Cell::Absent, |column| row.cell(column));
        let Some(mut is_refund) = self.event_of(cell(self.slots.event_name)) else {
            return Ok(None);
        };
        is_refund |= !self.refund_cell(row).is_absent();
        let item = self.item_cell(row, is_refund)?;
        let at = self.time_of(cell(self.slots.timestamp), cell(self.slots.clock))?;
        self.read_order_id(row, at)?;
        if self.is_marked {
            self.read_mark(row, is_refund, at)?;
        }
        let (customer, location) = (self.customer_cell(row), cell(self.slots.location_id));
        for (name, cell) in [("item id", item), ("customer id", customer), ("location", location)] {
            field_read::check_length(name, cell)?;
        }
        let mut figures = match item {
            Cell::Absent => Figures::of_whole(at),
            _ => self.figures(row, is_refund, at)?,
        };
        if item.is_absent() {
            figures.currency = currency_of(self.plan, cell(self.slots.currency), None)?;
        }
        Ok(Some((item, figures)))
    }

    /// The order whose id and mark were read last.
    #[inline]
    fn push_order(&mut self, at: Timestamp) {
        fn text(text: &str) -> Option<&str> {
            (!text.is_empty()).then_some(text)
        }
        let mark = self.is_marked.then(|| Mark {
            source: text(&self.source_buffer),
            refund_id: text(&self.refund_buffer),
            // A page of thanks that is loaded again sends its purchase again.
            sent_at: (self.plan.shape == Shape::Ga4 && self.refund_buffer.is_empty()).then_some(at),
        });
        self.order_ids.push(&self.order_id.text, mark);
    }

    /// Titles and categories come from lines that were sold or came back: on adjustments stand
    /// notes of the stock room ("damaged", "?"). An export of our own has the catalogue's titles.
    #[inline]
    fn push_texts(&mut self, code: u32, kind: LineKind, title: Cell<'_>, category: Cell<'_>) {
        let code_idx = code as usize;
        if kind == LineKind::Adjustment && self.plan.shape != Shape::Alongside {
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

    fn push_kind(&mut self, code: u32, cell: Cell<'_>) {
        let Some(kind) = cell.text(&mut self.id_buffer).and_then(ItemKind::parse) else { return };
        let code_idx = code as usize;
        if code_idx >= self.has_kind.len() {
            self.has_kind.resize(code_idx + 1, false);
        }
        if !self.has_kind[code_idx] {
            self.has_kind[code_idx] = true;
            self.lines.kinds.push((code, kind));
        }
    }
}

impl Builder for OrderBuilder<'_> {
    type Batch = OrderLines;

    /// Adds one row, or nothing at all when it is set aside.
    #[inline]
    fn push<R: Row + ?Sized>(&mut self, row: &R) -> Result<Taken, Fault> {
        let cell = |slot: Option<usize>| slot.map_or(Cell::Absent, |column| row.cell(column));
        let Some((item, figures)) = self.examine(row)? else { return Ok(Taken::Skipped) };
        self.push_order(figures.at);
        let item_code =
            self.item_ids.push(clean(&mut self.id_buffer, item, self.plan.float_item_ids));
        let (customer, is_float) = (self.customer_cell(row), self.plan.float_customer_ids);
        self.customer_ids.push(clean(&mut self.id_buffer, customer, is_float));
        self.location_ids.push(clean(&mut self.id_buffer, cell(self.slots.location_id), false));
        if item_code != NO_ID {
            let (title, category) = (cell(self.slots.title), cell(self.slots.category));
            self.push_texts(item_code, figures.kind, title, category);
            if self.slots.item_kind.is_some() {
                self.push_kind(item_code, cell(self.slots.item_kind));
            }
        }
        self.lines.kind.push(figures.kind);
        self.lines.at.push(figures.at);
        self.lines.quantity.push(figures.quantity);
        self.lines.unit_price.push(figures.unit_price);
        self.lines.currency.push(figures.currency);
        Ok(Taken::Line)
    }

    fn check<R: Row + ?Sized>(&mut self, row: &R) -> Result<(), Fault> {
        self.examine(row).map(drop)
    }

    fn order_of<R: Row + ?Sized>(&mut self, row: &R) -> (Option<String>, Option<String>) {
        let cell = |slot: Option<usize>| slot.map_or(Cell::Absent, |column| row.cell(column));
        let needs_time =
            self.plan.order_from == OrderFrom::CustomerAndTime || self.order_id.has_day();
        let at = match needs_time {
            true => self.time_of(cell(self.slots.timestamp), cell(self.slots.clock)),
            false => Ok(NO_TIME),
        };
        let order_id = at.and_then(|at| self.read_order_id(row, at)).is_ok();
        let source = cell(self.slots.source).text(&mut self.id_buffer).map(str::to_owned);
        (order_id.then(|| self.order_id.text.clone()), source)
    }

    /// The batch so far; the next one starts empty.
    fn take(&mut self) -> OrderLines {
        let n_rows = self.lines.kind.len();
        let mut lines = std::mem::take(&mut self.lines);
        (lines.order_ids, lines.order_marks) = self.order_ids.take();
        lines.item_ids = self.item_ids.take();
        lines.customer_ids = self.customer_ids.take();
        lines.location_ids = self.location_ids.take();
        self.has_title.clear();
        self.has_category.clear();
        self.has_kind.clear();
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
pub(crate) fn clean<'b>(buffer: &'b mut String, cell: Cell<'b>, is_float: bool) -> Option<&'b str> {
    let text = cell.text(buffer)?;
    if is_float { Some(text.strip_suffix(".0").unwrap_or(text)) } else { Some(text) }
}

#[cfg(test)]
mod money_tests;
#[cfg(test)]
mod shop_tests;
#[cfg(test)]
mod tests;
