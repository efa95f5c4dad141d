//! What the caller says of the columns, and what must be among them.

use super::columns::{self, Field, FileKind, Recognition};
use super::order_parts;
use super::plan::{OrderFrom, PlanOptions};
use super::sample_table::SampleTable;
use crate::Error;

/// Columns named in one message.
const MAX_NAMES: usize = 40;

/// What an order's id is made of.
pub(crate) struct MadeOf {
    pub order_from: OrderFrom,
    /// As mapped by hand, where there are several; else none.
    pub order_columns: Vec<usize>,
}

/// Does what `--map` says. The columns of an order id that is made of several.
pub(crate) fn apply(
    name: &str,
    kind: FileKind,
    names: &[String],
    options: &PlanOptions,
    found: &mut Recognition,
) -> Result<Vec<usize>, Error> {
    let fields = columns::fields_of(kind);
    let mut order_columns = Vec::new();
    for (field_name, column) in &options.map {
        let Some(&field) = fields.iter().find(|field| field.as_str() == field_name.trim()) else {
            let valid = fields.iter().map(|field| field.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Error::UnknownField { field: field_name.clone(), valid });
        };
        let known = found.column(field);
        let wanted = column.trim();
        let unknown = |column: String| Error::UnknownColumn {
            name: name.into(),
            field: field_name.clone(),
            column,
            found: listed(names.iter()),
        };
        if let Some(idx) = known {
            found.fields[idx] = None;
        }
        if wanted == "-" {
            continue;
        }
        if let Some(idx) = position(names, wanted) {
            found.fields[idx] = Some(field);
            continue;
        }
        let composite = order_parts::composite(wanted, |part| position(names, part));
        let Some(parts) = composite.filter(|_| field == Field::OrderId) else {
            return Err(unknown(column.clone()));
        };
        order_columns = parts.map_err(unknown)?;
        // A column that means something else goes on meaning it.
        let free = order_columns.iter().find(|&&part| found.fields[part].is_none());
        if let Some(&free) = free {
            found.fields[free] = Some(field);
        }
    }
    Ok(order_columns)
}

/// A column by its name, else by its number: `#3`.
fn position(names: &[String], wanted: &str) -> Option<usize> {
    let position = |fits: &dyn Fn(&str) -> bool| names.iter().position(|n| fits(n.trim()));
    position(&|known| known == wanted)
        .or_else(|| position(&|known| known.eq_ignore_ascii_case(wanted)))
        .or_else(|| wanted.strip_prefix('#')?.parse::<usize>().ok()?.checked_sub(1))
        .filter(|&idx| idx < names.len())
}

/// All that lacks is said at once.
pub(crate) fn require(
    name: &str,
    kind: FileKind,
    table: &SampleTable,
    found: &Recognition,
    made_of: &MadeOf,
) -> Result<(), Error> {
    let missing = missing(kind, table, found, made_of);
    if missing.is_empty() {
        return Ok(());
    }
    let all = missing.iter().map(|field| field.as_str()).collect::<Vec<_>>();
    let maps = all.iter().map(|field| format!("--map {field}=COLUMN")).collect::<Vec<_>>();
    let advice = match missing.contains(&Field::OrderId) {
        true => "; or say with --order-from what makes lines one order",
        false => "",
    };
    Err(Error::MissingColumn {
        name: name.into(),
        fields: all.join(", "),
        found: listed(table.names.iter()),
        unknown: not_understood(&table.names, found),
        advice: format!("{}{advice}{}", maps.join(" "), header_advice(table, found)),
    })
}

fn missing(
    kind: FileKind,
    table: &SampleTable,
    found: &Recognition,
    made_of: &MadeOf,
) -> Vec<Field> {
    let has = |field: &Field| found.column(*field).is_some();
    let has_customer = has(&Field::CustomerId) || has(&Field::Email);
    // Events in JSON have the shape of the wire, where fields are looked for one by one.
    if kind == FileKind::Events && table.json.is_some() {
        return Vec::new();
    }
    let needed: &[Field] = match kind {
        FileKind::Orders => match made_of.order_from {
            _ if !made_of.order_columns.is_empty() => &[Field::ItemId],
            OrderFrom::Session => &[Field::SessionId, Field::ItemId],
            OrderFrom::CustomerAndTime => &[Field::CustomerId, Field::ItemId],
            _ => &[Field::OrderId, Field::ItemId],
        },
        FileKind::Items => &[Field::ItemId],
        FileKind::Customers => &[Field::CustomerId],
        FileKind::Holdings => &[Field::CustomerId, Field::ItemId],
        FileKind::Relations => &[Field::FromItem, Field::ToItem, Field::Relation],
        FileKind::Events => &[Field::Timestamp, Field::ItemId],
    };
    let stands_in = |field: &Field| match field {
        Field::ItemId => kind == FileKind::Orders && has(&Field::Title),
        Field::CustomerId => has_customer,
        _ => false,
    };
    let mut missing: Vec<Field> =
        needed.iter().filter(|field| !has(field) && !stands_in(field)).copied().collect();
    missing.extend(order_parts::missing_part(found, made_of.order_from));
    missing
}

/// The columns that no field stands for; empty where there are none or all.
pub(crate) fn not_understood(names: &[String], found: &Recognition) -> String {
    let unknown = names.iter().zip(&found.fields).filter(|(_, field)| field.is_none());
    let unknown: Vec<&String> = unknown.map(|(name, _)| name).collect();
    match unknown.len() {
        0 => String::new(),
        n if n == names.len() => String::new(),
        _ => format!(" (not understood: {})", listed(unknown.into_iter())),
    }
}

/// Names, as many as one can read.
pub(crate) fn listed<'a>(names: impl ExactSizeIterator<Item = &'a String>) -> String {
    let more = names.len().saturating_sub(MAX_NAMES);
    let mut text = names.take(MAX_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// A file without a header shows figures where names should be.
fn header_advice(table: &SampleTable, found: &Recognition) -> &'static str {
    let is_figure = |name: &String| name.parse::<f64>().is_ok();
    if found.fields.iter().all(Option::is_none) && table.names.iter().any(is_figure) {
        "; the first row looks like data: put a row of column names above it"
    } else {
        ""
    }
}
