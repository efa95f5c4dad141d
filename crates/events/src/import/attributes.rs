//! Attributes of items and customers: columns without a field, and the map of all of them that the
//! API takes and an export writes.
//!
//! The map is an object `attributes` in JSON, and in other files a column of that name that holds
//! one as text. Its members are taken as they stand: a text is not trimmed, an empty one is a
//! value. A column `attributes.color` is the member `color`.

use serde_json::{Map, Value};

use super::cell::{Cell, Row};
use super::field_read::{Fault, shown};
use super::json_lines::cell_of;
use super::plan::ImportPlan;
use crate::RejectReason;

pub(super) const MAP: &str = "attributes";

type Attributes = Vec<(String, String)>;

/// All attributes of a row; of a name that is told twice the later value counts.
pub(super) fn attributes_of<R: Row + ?Sized>(
    plan: &ImportPlan,
    row: &R,
    buffer: &mut String,
) -> Result<Attributes, Fault> {
    let mut attributes = Attributes::new();
    let map = row.attributes();
    for (idx, column) in plan.columns.iter().enumerate() {
        let member = member_of(&column.name);
        if column.field.is_some() || (map.is_some() && member.is_some()) {
            continue;
        }
        let cell = row.cell(idx);
        let Some(text) = cell.text(buffer) else { continue };
        if column.name.trim().eq_ignore_ascii_case(MAP) && text.starts_with('{') {
            let map: Map<String, Value> = serde_json::from_str(text).map_err(|_| {
                let detail = format!(
                    "{} is {}: no JSON object; write {{\"name\": \"value\"}}",
                    column.name,
                    shown(cell)
                );
                Fault::new(RejectReason::BadValue, detail)
            })?;
            add_members(&map, "", &mut attributes)?;
        } else {
            let name = member.unwrap_or(&column.name);
            attributes.push((name.to_owned(), text.to_owned()));
        }
    }
    if let Some(map) = map {
        let n_before = attributes.len();
        add_members(map, "", &mut attributes)?;
        // What was mapped to a field is no attribute.
        let fields = || plan.columns.iter().filter(|column| column.field.is_some());
        let mut members = attributes.split_off(n_before);
        members.retain(|(name, _)| !fields().any(|c| member_of(&c.name) == Some(name)));
        attributes.append(&mut members);
    }
    Ok(attributes)
}

fn member_of(column: &str) -> Option<&str> {
    column.strip_prefix(MAP)?.strip_prefix('.').filter(|name| !name.is_empty())
}

/// Objects in objects by their path, lists with `; ` between what they hold.
fn add_members(
    map: &Map<String, Value>,
    path: &str,
    attributes: &mut Attributes,
) -> Result<(), Fault> {
    for (name, value) in map {
        let name = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::Null => {}
            Value::Object(members) => add_members(members, &name, attributes)?,
            Value::Array(values) => {
                let texts: Option<Vec<String>> = values.iter().map(text_of).collect();
                let fault = || {
                    let detail = format!("the attribute {name:?} is a list of lists or objects");
                    Fault::new(RejectReason::BadValue, detail)
                };
                attributes.push((name.clone(), texts.ok_or_else(fault)?.join("; ")));
            }
            value => attributes.extend(text_of(value).map(|text| (name, text))),
        }
    }
    Ok(())
}

/// `None`: no single value.
fn text_of(value: &Value) -> Option<String> {
    if let Value::String(text) = value {
        return Some(text.clone());
    }
    let mut buffer = String::new();
    match cell_of(value) {
        Cell::Absent => None,
        cell => cell.text(&mut buffer).map(str::to_owned),
    }
}
