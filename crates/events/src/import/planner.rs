//! Makes an [`ImportPlan`] from the beginning of a file and what the caller knows.

use hashbrown::HashMap;
use jiff::tz::TimeZone;

use super::cell::Cell;
use super::columns::{self, Field, FileKind, Recognition, Shape};
use super::date_plan::{DateHints, DatePlan, OrderEvidence, plan_dates};
use super::date_scan::parse_parts;
use super::dates::DayOrder;
use super::fees::propose_kind;
use super::line_kind::note_void;
use super::mapping::{self, MadeOf};
use super::money_plan::{BesidePrices, DecimalEvidence, NUMBERS, PRICES, note_money, plan_decimal};
use super::numbers::read_money;
use super::order_parts;
use super::plan::{
    ColumnPlan, CurrencyPlan, FeeProposal, Format, ImportPlan, OrderFrom, PlanOptions,
};
use super::repeats::{self, Repeats};
use super::sample_table::SampleTable;
use super::source::Source;
use crate::amount::MICROS;
use crate::event::EventKind;
use crate::{Currency, Error};

impl ImportPlan {
    /// Reads the beginning of the source and decides. The source can be read afterwards.
    pub fn make(
        source: &mut Source,
        kind: FileKind,
        options: &PlanOptions,
    ) -> Result<ImportPlan, Error> {
        let zone_name = options.time_zone.as_deref().unwrap_or("UTC");
        let zone = match zone_name {
            "UTC" | "Z" => TimeZone::UTC,
            name => {
                TimeZone::get(name).map_err(|_| Error::UnknownTimeZone { zone: name.to_owned() })?
            }
        };
        let table = SampleTable::of(source, kind, options)?;
        let mut found = columns::recognize(kind, &table.names);
        let order_columns = mapping::apply(source.name(), kind, &table.names, options, &mut found)?;
        settle(&table, kind, &mut found, options);
        let order_from = order_parts::order_from(kind, &table.names, &found, options);
        let made_of = MadeOf { order_from, order_columns };
        mapping::require(source.name(), kind, &table, &found, &made_of)?;
        let draft = Draft { table: &table, found: &found, kind, options };
        let mut plan = draft.plan(source, zone, made_of);
        plan.time_zone = zone_name.to_owned();
        if kind == FileKind::Orders {
            plan.repeats = repeats::of_sample(&plan, &table);
        }
        note_all(&mut plan, &table);
        plan.json = table.json;
        Ok(plan)
    }
}

/// Drops what the values speak against, unless it was mapped by hand.
fn settle(table: &SampleTable, kind: FileKind, found: &mut Recognition, options: &PlanOptions) {
    let is_mapped = |field: Field| options.map.iter().any(|(name, _)| name == field.as_str());
    let drop_field = |found: &mut Recognition, field: Field, idx: usize| {
        if !is_mapped(field) {
            found.fields[idx] = None;
        }
    };
    if let (Some(date), Some(clock)) = (found.column(Field::Timestamp), found.column(Field::Clock))
    {
        let has_clock = |value: &str| {
            let parts = parse_parts(value, Some(DayOrder::DayFirst));
            parts
                .or_else(|_| parse_parts(value, Some(DayOrder::MonthFirst)))
                .is_ok_and(|p| p.has_clock)
        };
        let clocked_date = table.is_time[date] || table.values(date).take(50).any(has_clock);
        let is_clock = |value: &str| super::date_scan::parse_clock(value).is_some();
        if clocked_date || !table.values(clock).take(50).any(is_clock) {
            drop_field(found, Field::Clock, clock);
        }
    }
    if kind == FileKind::Orders
        && let Some(idx) = found.column(Field::EventName)
    {
        let is_order = |value: &str| {
            matches!(EventKind::from_alias(value), Some(EventKind::Purchase | EventKind::Refund))
        };
        if found.shape != Shape::Ga4 && !table.values(idx).any(is_order) {
            drop_field(found, Field::EventName, idx);
        }
    }
}

struct Draft<'a> {
    table: &'a SampleTable,
    found: &'a Recognition,
    kind: FileKind,
    options: &'a PlanOptions,
}

impl Draft<'_> {
    fn plan(&self, source: &Source, zone: TimeZone, made_of: MadeOf) -> ImportPlan {
        let (table, options) = (self.table, self.options);
        let (decimal, decimal_evidence) = self.decimal();
        let currency = self.currency(decimal);
        let title_is_item = self.kind == FileKind::Orders
            && self.found.column(Field::Title).is_some()
            && (self.found.column(Field::ItemId).is_none()
                || matches!(self.found.shape, Shape::Shopify | Shape::WooCommerce));
        ImportPlan {
            name: source.name().to_owned(),
            kind: self.kind,
            format: table.format,
            compression: table.compression,
            encoding: table.encoding,
            shape: self.found.shape,
            columns: self.columns(),
            dates: self.dates(currency),
            time_zone: String::new(),
            decimal,
            decimal_evidence,
            currency,
            order_from: made_of.order_from,
            order_columns: made_of.order_columns,
            repeats: Repeats::default(),
            title_is_item,
            quantity_may_be_absent: table.json.is_some() || self.found.shape == Shape::Ga4,
            float_order_ids: self.is_float(Field::OrderId),
            float_item_ids: self.is_float(Field::ItemId),
            float_customer_ids: self.is_float(Field::CustomerId),
            fees: self.fees(),
            notes: Vec::new(),
            n_sample_rows: table.rows.len(),
            zone,
            json: None,
            elements: table.elements.clone(),
            n_lines_above: table.n_lines_above,
            event_source: options.event_source.clone().unwrap_or_else(|| "file".into()),
        }
    }

    fn values(&self, field: Field) -> impl Iterator<Item = &str> {
        self.found.column(field).into_iter().flat_map(|column| self.table.values(column))
    }

    fn columns(&self) -> Vec<ColumnPlan> {
        let column = |(idx, name): (usize, &String)| {
            let field = self.found.fields[idx];
            let note = match field {
                Some(_) => "",
                None => columns::why_ignored(self.kind, name),
            };
            let example = self.table.values(idx).next().unwrap_or("");
            let example = example.chars().take(60).collect();
            ColumnPlan { name: name.clone(), field, note: note.to_owned(), example }
        };
        self.table.names.iter().enumerate().map(column).collect()
    }

    fn dates(&self, currency: CurrencyPlan) -> Option<DatePlan> {
        let field = match self.kind {
            FileKind::Holdings | FileKind::Relations => Field::Since,
            _ => Field::Timestamp,
        };
        let until = || self.found.column(Field::Until).filter(|_| field == Field::Since);
        let column = self.found.column(field).or_else(until)?;
        if self.table.is_time[column] {
            let example = self.table.values(column).next().unwrap_or("").to_owned();
            return Some(DatePlan {
                form: None,
                other_forms: Vec::new(),
                example,
                day_order: Some(DayOrder::DayFirst),
                evidence: OrderEvidence::NotNeeded,
            });
        }
        let values: Vec<&str> = self.table.values(column).collect();
        let zone = self.options.time_zone.as_deref().unwrap_or("");
        let dollar = Currency::parse("USD");
        let planned = match currency {
            CurrencyPlan::Told(currency) | CurrencyPlan::Symbol(currency) => Some(currency),
            CurrencyPlan::Column { .. } | CurrencyPlan::Unknown => None,
        };
        let is_american = zone.starts_with("America/") || (planned.is_some() && planned == dollar);
        plan_dates(&values, DateHints { told: self.options.day_order, is_american })
    }

    fn decimal(&self) -> (u8, DecimalEvidence) {
        if let Some(told) = self.options.decimal {
            return (told, DecimalEvidence::Told);
        }
        let is_semicolon = matches!(self.table.format, Format::Delimited { delimiter: b';', .. });
        plan_decimal(is_semicolon, || NUMBERS.into_iter().flat_map(|field| self.values(field)))
    }

    fn currency(&self, decimal: u8) -> CurrencyPlan {
        if self.found.column(Field::Currency).is_some() {
            return CurrencyPlan::Column { otherwise: self.options.currency };
        }
        if let Some(told) = self.options.currency {
            return CurrencyPlan::Told(told);
        }
        let beside = BesidePrices::of(PRICES.into_iter().flat_map(|f| self.values(f)), decimal);
        beside.agreed().map_or(CurrencyPlan::Unknown, CurrencyPlan::Symbol)
    }

    /// Every id of the sample is a whole number followed by `.0`.
    fn is_float(&self, field: Field) -> bool {
        let is_float = |value: &str| {
            value
                .strip_suffix(".0")
                .is_some_and(|v| !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit()))
        };
        let mut values = self.values(field).peekable();
        values.peek().is_some() && values.all(is_float)
    }

    fn fees(&self) -> Vec<FeeProposal> {
        if !matches!(self.kind, FileKind::Orders | FileKind::Items) {
            return Vec::new();
        }
        let (item, title) = (self.found.column(Field::ItemId), self.found.column(Field::Title));
        let mut n_lines: HashMap<(&str, &str), usize> = HashMap::new();
        for row in &self.table.rows {
            let value = |column: Option<usize>| {
                column.and_then(|idx| row.get(idx)).map_or("", String::as_str)
            };
            *n_lines.entry((value(item.or(title)), value(title))).or_default() += 1;
        }
        let mut fees: Vec<FeeProposal> = Vec::new();
        for ((item_id, title), n_lines) in n_lines {
            if item_id.is_empty() {
                continue;
            }
            if let Some((kind, why)) = propose_kind(item_id, Some(title)) {
                let (item_id, title) = (item_id.to_owned(), title.to_owned());
                fees.push(FeeProposal { item_id, title, kind, why, n_lines });
            }
        }
        fees.sort_by(|a, b| b.n_lines.cmp(&a.n_lines).then_with(|| a.item_id.cmp(&b.item_id)));
        fees
    }
}

fn note_all(plan: &mut ImportPlan, table: &SampleTable) {
    let mut notes = Vec::new();
    let mut note = |text: String| notes.push(text);
    if let Some(dates) = &plan.dates {
        match dates.evidence {
            OrderEvidence::Assumed | OrderEvidence::Contradiction | OrderEvidence::Sequence => {
                let order = match dates.day_order {
                    Some(order) => format!(" are read as {}", order.as_str()),
                    None => ": their order cannot be told".into(),
                };
                note(format!(
                    "dates such as {}{order} ({}); tell otherwise with --day-order",
                    dates.example,
                    dates.evidence.as_str()
                ));
            }
            _ => {}
        }
        if !dates.other_forms.is_empty() {
            let forms: Vec<&str> = dates.other_forms.iter().map(|form| form.as_str()).collect();
            note(format!("some dates are written otherwise: {}", forms.join("; ")));
        }
    } else if plan.kind == FileKind::Orders {
        note("no column of dates: the order of appearance stands for time".into());
    }
    if plan.kind == FileKind::Orders {
        note_orders(plan, &mut note);
    }
    note_money(plan, table, &mut note);
    note_stock(plan, table, &mut note);
    if let Some(column) = plan.column_of(Field::Status).filter(|_| plan.kind == FileKind::Orders) {
        // Refunds inside their orders say what came back.
        let is_told =
            |status: &&str| plan.reads_refunds() && status.eq_ignore_ascii_case("refunded");
        let statuses = table.values(column).filter(|status| !is_told(status));
        note_void(statuses, plan.shape, &mut note);
    }
    if plan.encoding == super::Encoding::Windows1252 {
        note("the text is no UTF-8; it is read as Windows-1252 (Latin-1)".into());
    }
    let n_twice = table.names.iter().enumerate();
    let n_twice = n_twice.filter(|(idx, name)| table.names[..*idx].contains(name)).count();
    if n_twice > 0 {
        note(format!("{n_twice} column names stand twice: the first of each is used"));
    }
    if plan.float_customer_ids || plan.float_item_ids || plan.float_order_ids {
        note("ids are written as 17850.0 throughout: they are read as 17850".into());
    }
    if let Some(elements) = &plan.elements {
        note(format!(
            "{}: read one by one; where a line is named below, it is the number of the object",
            elements.describe()
        ));
    }
    if plan.n_lines_above > 0 {
        let (n, first) = (plan.n_lines_above, &table.first_line);
        let lines = if n == 1 { "the first line".into() } else { format!("the first {n} lines") };
        note(format!("{lines} of the file, above the header, are left out: {first}"));
    }
    plan.notes = notes;
}

fn note_orders(plan: &ImportPlan, note: &mut impl FnMut(String)) {
    let has = |field| plan.column_of(field).is_some();
    note_identity(plan, note);
    if !has(Field::ItemId) {
        note("no column of item ids: items are told apart by their titles".into());
    }
    if !has(Field::CustomerId) && !has(Field::Email) {
        note("no column of customers: all orders are anonymous".into());
    }
    if !has(Field::Quantity) {
        note("no column of quantities: every line counts as one piece".into());
    }
    if !has(Field::UnitPrice) && has(Field::LineTotal) {
        note(format!(
            "{} is taken as the sum of a line: divided by the quantity it gives the price",
            plan.column_name(Field::LineTotal)
        ));
    }
    note_not_understood(plan, note);
    if plan.shape == Shape::Uci {
        note("invoices that begin with C are credit notes: their lines are returns".into());
    }
    if plan.reads_refunds() {
        note("refunds[].refund_line_items are returns of their order".into());
    }
    if plan.shape == Shape::Ga4 {
        note("only purchases and refunds are orders: other events are passed over".into());
    }
    if plan.shape == Shape::Alongside {
        note("orders keep the source and the kind of line that the export names".into());
    }
    if plan.carries_down() {
        note("order fields stand on the first line of an order: they are carried down".into());
    }
}

/// Parts of a unit are lost.
fn note_stock(plan: &ImportPlan, table: &SampleTable, note: &mut impl FnMut(String)) {
    let Some(column) = plan.column_of(Field::Stock).filter(|_| plan.kind == FileKind::Items) else {
        return;
    };
    let is_part = |value: &&str| {
        let read = read_money(Cell::from_text(value), plan.decimal);
        read.is_ok_and(|amount| amount.is_some_and(|(amount, _)| amount.0 % MICROS != 0))
    };
    if let Some(part) = table.values(column).find(is_part) {
        let name = plan.column_name(Field::Stock);
        note(format!(
            "warning: {name} holds parts of a unit, such as {part}: whole units are kept"
        ));
    }
}

/// What nobody recognized may stand under a name that nobody knows.
fn note_not_understood(plan: &ImportPlan, note: &mut impl FnMut(String)) {
    let has = |field| plan.column_of(field).is_some();
    let lacking = [
        (plan.dates.is_none(), Field::Timestamp),
        (!has(Field::UnitPrice) && !has(Field::LineTotal), Field::UnitPrice),
        (!has(Field::CustomerId) && !has(Field::Email), Field::CustomerId),
    ];
    let lacking = lacking.iter().filter(|(is_lacking, _)| *is_lacking);
    let lacking: Vec<&str> = lacking.map(|(_, field)| field.as_str()).collect();
    let unknown = plan.columns.iter().filter(|of| of.field.is_none() && of.note.is_empty());
    let unknown: Vec<&String> = unknown.map(|column| &column.name).collect();
    if lacking.is_empty() || unknown.is_empty() {
        return;
    }
    note(format!(
        "warning: nothing was recognized as {}; not understood: {}; where one of them is meant, \
         say --map FIELD=COLUMN",
        lacking.join(", "),
        mapping::listed(unknown.into_iter())
    ));
}

/// What makes an order, and what speaks against it.
fn note_identity(plan: &ImportPlan, note: &mut impl FnMut(String)) {
    if let Some(made_of) = order_parts::describe(plan) {
        note(format!("{made_of}; where the number alone never repeats, --order-from order-id"));
    }
    // A session may last for days.
    if matches!(plan.order_from, OrderFrom::Session | OrderFrom::CustomerAndTime) {
        return;
    }
    let Some(repeats) = plan.repeats.describe() else { return };
    if plan.refuses_repeats() {
        note(format!("{repeats}. This will be refused. {}", Repeats::ADVICE));
    } else {
        note(format!("{repeats}; what stands under one id becomes one order of one customer"));
    }
}

#[cfg(test)]
mod tests;
