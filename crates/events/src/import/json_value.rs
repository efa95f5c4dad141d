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
    let cell = cell_of(value);
    if let Cell::Float(value) = cell {
        // What one event says is not rounded; whoever sent it can mend it.
        Amount::from_f64_exact(value).ok()?;
    }
    read_money(cell, b'.').ok().flatten().map(|(amount, _)| amount)
}

/// Is this a time on the clock of a place that it does not name?
pub(crate) fn is_without_zone(value: &Value) -> bool {
    let Some(text) = value.as_str().map(str::trim) else { return false };
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    !is_number && !has_zone(text)
}

/// `…Z`, `… UTC`, `…+01:00`, `… -0500`: letters at the end that are no month or half of the day, or
/// an offset behind the time of day.
fn has_zone(text: &str) -> bool {
    let Some(colon) = text.find(':') else { return false };
    let clock = &text[colon..];
    let word = clock.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let letters = &word[word.rfind(|c: char| !c.is_ascii_alphabetic()).map_or(0, |at| at + 1)..];
    let is_half_day = letters.eq_ignore_ascii_case("am") || letters.eq_ignore_ascii_case("pm");
    clock.contains(['+', '-', '−']) || (!letters.is_empty() && !is_half_day)
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
