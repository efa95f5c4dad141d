//! Reading single fields, with the words that tell a person how to mend what cannot be read.

use super::cell::{Cell, Row};
use super::columns::Field;
use super::date_scan::in_range;
use super::dates::{DateFault, DateReader, DayOrder};
use super::numbers::{NumberFault, sign_name};
use super::plan::ImportPlan;
use crate::time::DAY_US;
use crate::{RejectReason, Timestamp};

/// Longer ids are not ids.
pub(crate) const MAX_ID_BYTES: usize = 1024;

/// Why a row is set aside; line and raw text are added by who knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub reason: RejectReason,
    pub detail: String,
    /// The order that the row belongs to, where it can be told.
    pub order_id: Option<String>,
    /// Where that order comes from, where the row says it.
    pub source: Option<String>,
}

impl Fault {
    pub(crate) fn new(reason: RejectReason, detail: String) -> Fault {
        Fault { reason, detail, order_id: None, source: None }
    }

    #[cold]
    pub(crate) fn of_number(
        reason: RejectReason,
        column: &str,
        cell: Cell<'_>,
        fault: NumberFault,
    ) -> Fault {
        let found = shown(cell);
        if let NumberFault::OtherDecimal(sign) = fault {
            let own = sign_name(if sign == b',' { b'.' } else { b',' });
            let detail = format!(
                "{column} is {found}, {}, but the file is read with a decimal {own}",
                fault.advice()
            );
            return Fault::new(RejectReason::OtherDecimal, detail);
        }
        Fault::new(reason, format!("{column} is {found}: {}; write a plain number", fault.advice()))
    }
}

/// What stands where something is needed: nothing, or a word for it.
#[cold]
pub(crate) fn is_empty<R: Row + ?Sized>(row: &R, column: Option<usize>) -> String {
    match column.map(|column| row.written(column)) {
        None | Some("") => "is empty".to_owned(),
        Some(word) => format!("is {word:?}, which stands for nothing"),
    }
}

/// A value as it stands, cut to what fits on a line.
pub(crate) fn shown(cell: Cell<'_>) -> String {
    let mut buffer = String::new();
    match cell.text(&mut buffer) {
        None => "empty".to_owned(),
        Some(text) => {
            let cut: String = text.chars().take(60).collect();
            let more = if cut.len() < text.len() { "…" } else { "" };
            format!("{cut:?}{more}")
        }
    }
}

#[inline]
pub(crate) fn check_length(what: &str, cell: Cell<'_>) -> Result<(), Fault> {
    match cell {
        Cell::Text(text) if text.len() > MAX_ID_BYTES => Err(Fault::new(
            RejectReason::IdTooLong,
            format!("the {what} has {} bytes; at most {MAX_ID_BYTES} are kept", text.len()),
        )),
        _ => Ok(()),
    }
}

#[inline]
pub(crate) fn read_time(
    dates: &mut DateReader,
    plan: &ImportPlan,
    date: Cell<'_>,
    clock: Cell<'_>,
) -> Result<Timestamp, Fault> {
    let read = match (date, clock) {
        (Cell::Absent, _) => {
            let name = plan.column_name(Field::Timestamp);
            let detail = format!("{name} is empty; write the date of the order");
            return Err(Fault::new(RejectReason::MissingDate, detail));
        }
        (Cell::Text(date), Cell::Text(clock)) => dates.read_with_clock(date, clock),
        (Cell::Text(date), _) => dates.read(date),
        (Cell::Time { us, is_utc: true }, _) => {
            in_range(us.div_euclid(DAY_US)).map(|()| Timestamp(us))
        }
        (Cell::Time { us, is_utc: false }, _) => dates.read_local_us(us),
        (Cell::Int(_) | Cell::Float(_), _) => {
            let mut buffer = String::new();
            date.text(&mut buffer).map_or(Err(DateFault::Unknown), |text| dates.read(text))
        }
        (Cell::Bool(_), _) => Err(DateFault::Unknown),
    };
    read.map_err(|fault| explain_date(plan, date, fault))
}

#[cold]
fn explain_date(plan: &ImportPlan, date: Cell<'_>, fault: DateFault) -> Fault {
    let found = shown(date);
    let name = plan.column_name(Field::Timestamp);
    let order = plan.day_order().map_or("", DayOrder::as_str);
    let detail = match fault {
        DateFault::Unknown => {
            let example = plan.dates.as_ref().map_or("2010-12-01 08:26", |d| d.example.as_str());
            format!("{name} is {found}, which is no date; write it like {example}")
        }
        DateFault::OtherOrder => format!(
            "{name} is {found}, but the file is read as {order}; write the month by name, \
             or tell the order with --day-order"
        ),
        DateFault::Ambiguous => format!(
            "{name} is {found}, and the file holds day/month as well as month/day; \
             tell the order with --day-order"
        ),
        DateFault::OutOfRange => {
            format!("{name} is {found}; years from 1900 to 2200 can be read")
        }
    };
    let reason = match fault {
        DateFault::OtherOrder => RejectReason::OtherDayOrder,
        _ => RejectReason::BadDate,
    };
    Fault::new(reason, detail)
}
