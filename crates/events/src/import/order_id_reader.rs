//! Reads the id of a row's order, from one column or from several parts.

use std::fmt::Write;

use jiff::tz::TimeZone;

use super::cell::{Cell, Row};
use super::field_read::{self, Fault};
use super::order_parts::IdPart;
use super::orders::clean;
use super::plan::{ImportPlan, OrderFrom};
use crate::lines::NO_TIME;
use crate::{RejectReason, Timestamp};

/// Stands between the parts of an id.
const SEPARATOR: char = '@';

/// The id read last, and what reading needs.
#[derive(Debug)]
pub(crate) struct OrderIdReader {
    /// Of the id, or of its first part.
    pub column: Option<usize>,
    parts: Vec<IdPart>,
    days: DayNames,
    pub text: String,
    n_first_part_bytes: usize,
    buffer: String,
}

impl OrderIdReader {
    pub(crate) fn new(plan: &ImportPlan) -> OrderIdReader {
        let of_field = || plan.column_of(super::columns::Field::OrderId);
        OrderIdReader {
            column: plan.order_columns.first().copied().or_else(of_field),
            parts: plan.id_parts(),
            days: DayNames::new(plan.zone.clone()),
            text: String::new(),
            n_first_part_bytes: 0,
            buffer: String::new(),
        }
    }

    /// The id without what was added to it.
    pub(crate) fn first_part(&self) -> &str {
        &self.text[..self.n_first_part_bytes]
    }

    pub(crate) fn has_day(&self) -> bool {
        self.parts.contains(&IdPart::Day)
    }

    /// Reads the id into `text`; `own` is what its first part stands in.
    #[inline]
    pub(crate) fn read<R: Row + ?Sized>(
        &mut self,
        plan: &ImportPlan,
        row: &R,
        own: Cell<'_>,
        at: Timestamp,
    ) -> Result<(), Fault> {
        field_read::check_length("order id", own)?;
        self.text.clear();
        let Some(id) = clean(&mut self.buffer, own, plan.float_order_ids) else {
            let name = plan.order_column_name();
            let is_empty = field_read::is_empty(row, self.column);
            let detail = format!("no order: {name} {is_empty}; write the order's id there");
            return Err(Fault::new(RejectReason::MissingOrder, detail));
        };
        if self.parts.is_empty() {
            self.text.push_str(id);
        } else {
            push_part(&mut self.text, id);
        }
        self.n_first_part_bytes = self.text.len();
        if !self.parts.is_empty() {
            self.push_parts(row, at)?;
        }
        if plan.order_from == OrderFrom::CustomerAndTime {
            write!(self.text, "@{at}").expect("writing to a String does not fail");
        }
        Ok(())
    }

    fn push_parts<R: Row + ?Sized>(&mut self, row: &R, at: Timestamp) -> Result<(), Fault> {
        for part in &self.parts {
            self.text.push(SEPARATOR);
            match *part {
                IdPart::Day => self.days.push(&mut self.text, at),
                IdPart::Column(column) => {
                    let cell = row.cell(column);
                    field_read::check_length("part of the order id", cell)?;
                    push_part(&mut self.text, cell.text(&mut self.buffer).unwrap_or(""));
                }
            }
        }
        Ok(())
    }
}

/// Appends a part, told apart from its neighbors whatever it holds.
fn push_part(id: &mut String, part: &str) {
    for letter in part.chars() {
        if letter == SEPARATOR || letter == '\\' {
            id.push('\\');
        }
        id.push(letter);
    }
}

/// Days of the zone of the plan; rows come back to the day before them.
#[derive(Debug)]
struct DayNames {
    zone: TimeZone,
    start_us: i64,
    end_us: i64,
    name: String,
}

impl DayNames {
    fn new(zone: TimeZone) -> DayNames {
        DayNames { zone, start_us: 0, end_us: 0, name: String::new() }
    }

    /// Appends the day like `2026-01-31`; nothing where there is no time.
    fn push(&mut self, id: &mut String, at: Timestamp) {
        if at == NO_TIME {
            return;
        }
        if !(self.start_us..self.end_us).contains(&at.0) && self.find(at).is_none() {
            write!(id, "{at}").expect("writing to a String does not fail");
            return;
        }
        id.push_str(&self.name);
    }

    fn find(&mut self, at: Timestamp) -> Option<()> {
        let zoned = jiff::Timestamp::from_microsecond(at.0).ok()?.to_zoned(self.zone.clone());
        let start = zoned.start_of_day().ok()?;
        let end = zoned.date().tomorrow().ok()?.to_zoned(self.zone.clone()).ok()?;
        self.start_us = start.timestamp().as_microsecond();
        self.end_us = end.timestamp().as_microsecond();
        self.name.clear();
        write!(self.name, "{}", zoned.date()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart_whatever_they_hold() {
        let join = |parts: [&str; 2]| {
            let mut id = String::new();
            push_part(&mut id, parts[0]);
            id.push(SEPARATOR);
            push_part(&mut id, parts[1]);
            id
        };
        assert_eq!(join(["17", "S1"]), "17@S1");
        let all =
            [["a@", "b"], ["a", "@b"], ["a\\", "b"], ["a", "\\b"], ["a@b", ""], ["a\\@", "b"]];
        for (at, parts) in all.iter().enumerate() {
            for other in &all[..at] {
                assert_ne!(join(*parts), join(*other));
            }
        }
    }

    #[test]
    fn days_are_those_of_the_zone() {
        let mut days = DayNames::new(TimeZone::get("Europe/Berlin").unwrap());
        let mut name = |text: &str| {
            let mut id = String::new();
            days.push(&mut id, Timestamp::parse_rfc3339(text).unwrap());
            id
        };
        assert_eq!(name("2026-01-31T22:59:59Z"), "2026-01-31");
        assert_eq!(name("2026-01-31T23:00:00Z"), "2026-02-01");
        // The day that summer time begins on has 23 hours.
        assert_eq!(name("2026-03-29T21:59:59Z"), "2026-03-29");
        assert_eq!(name("2026-03-29T22:00:00Z"), "2026-03-30");
        assert_eq!(name("2026-01-31T22:59:59Z"), "2026-01-31");
    }
}
