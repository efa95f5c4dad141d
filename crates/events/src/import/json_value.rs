//! Single JSON values, read by the same rules as the cells of a file.

use std::fmt;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::cell::Cell;
use super::dates::{DateReader, DayOrder};
use super::json_lines::cell_of;
use super::numbers::read_money;
use crate::{Amount, Timestamp};

/// A value as a person would write it, cut to what fits on a line: text without quotes, whole
/// numbers without `.0`.
pub(crate) struct FieldText<'v>(pub &'v Value);

impl fmt::Display for FieldText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = String::new();
        let json;
        let text = match cell_of(self.0).text(&mut buffer) {
            Some(text) => text,
            None => {
                json = self.0.to_string();
                &json
            }
        };
        match text.char_indices().nth(1100) {
            Some((end, _)) => write!(f, "{}…", &text[..end]),
            None => f.write_str(text),
        }
    }
}

/// A number, or the text of one with a decimal point.
pub(crate) fn read_json_amount(value: &Value) -> Option<Amount> {
    read_money(cell_of(value), b'.').ok().flatten().map(|(amount, _)| amount)
}

/// RFC 3339 (UTC where it names no offset) or a Unix time.
pub(crate) fn read_json_time(value: &Value) -> Option<Timestamp> {
    let mut dates = DateReader::new(Some(DayOrder::DayFirst), TimeZone::UTC);
    let mut buffer = String::new();
    let text = match cell_of(value) {
        cell @ (Cell::Text(_) | Cell::Int(_) | Cell::Float(_)) => cell.text(&mut buffer)?,
        _ => return None,
    };
    dates.read(text).ok()
}
