//! Dates and times as exports write them, read into [`Timestamp`]s.
//!
//! `01/02/2010` cannot be read without knowing the order of day and month, which the plan decides
//! on a sample. Everything else is told by its own shape, row by row: year first, month by name,
//! digits alone, Unix counts. Local times are read in the zone of the plan: a time skipped when the
//! clocks go forward counts as one hour later, a doubled one as the earlier of the two (RFC 5545).

use jiff::civil;
use jiff::tz::TimeZone;

use super::date_scan::{in_range, parse_clock, parse_parts};
use crate::Timestamp;
use crate::time::DAY_US;

/// Which comes first in `01/02/2010`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayOrder {
    DayFirst,
    MonthFirst,
}

impl DayOrder {
    pub fn as_str(self) -> &'static str {
        match self {
            DayOrder::DayFirst => "day/month",
            DayOrder::MonthFirst => "month/day",
        }
    }

    /// What to say to `--day-order`.
    pub fn option(self) -> &'static str {
        match self {
            DayOrder::DayFirst => "day-first",
            DayOrder::MonthFirst => "month-first",
        }
    }

    pub(crate) fn other(self) -> DayOrder {
        match self {
            DayOrder::DayFirst => DayOrder::MonthFirst,
            DayOrder::MonthFirst => DayOrder::DayFirst,
        }
    }
}

/// The shape of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DateForm {
    /// `2010-12-01`, `2010/12/01 08:26`, `2010-12-01T08:26:00.5Z`
    YearFirst,
    /// `12/1/2010 8:26`, `01.12.2010`, `01-12-10`
    Numeric,
    /// `Dec 1, 2010`, `1 December 2010`, `01-Dec-10`
    MonthName,
    /// `20101201`, `20101201082600`
    Compact,
    /// A count since 1970 of seconds, milliseconds, microseconds or nanoseconds, by its length.
    Unix,
}

impl DateForm {
    pub fn as_str(self) -> &'static str {
        match self {
            DateForm::YearFirst => "year-month-day",
            DateForm::Numeric => "day and month in figures, year last",
            DateForm::MonthName => "month by name",
            DateForm::Compact => "YYYYMMDD",
            DateForm::Unix => "Unix time",
        }
    }
}

/// Why a text is no date here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateFault {
    Unknown,
    /// Reads only in the order that the file was not planned with.
    OtherOrder,
    /// Reads in both orders, and the file holds both.
    Ambiguous,
    OutOfRange,
}

/// A date taken apart, not yet placed in a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub form: DateForm,
    /// Days since 1970-01-01 in the calendar of the place.
    pub day: i64,
    pub day_us: i64,
    /// Offset from UTC in seconds where the text has one; `Some(0)` for Unix times.
    pub offset_s: Option<i32>,
    /// Day and month of a numeric date as written, first and second.
    pub figures: Option<(u32, u32)>,
    pub has_clock: bool,
}

/// Reads the dates of one column.
#[derive(Clone, Debug)]
pub(crate) struct DateReader {
    /// `None`: the file contradicts itself, only dates with one reading are taken.
    order: Option<DayOrder>,
    zone: Zone,
    last_text: String,
    last: Result<Timestamp, DateFault>,
    /// The last date without its clock, and the day that it is.
    day_text: String,
    day: i64,
}

impl DateReader {
    pub(crate) fn new(order: Option<DayOrder>, zone: TimeZone) -> DateReader {
        let zone = Zone::new(zone);
        let last = Err(DateFault::Unknown);
        let (last_text, day_text) = (String::new(), String::new());
        DateReader { order, zone, last_text, last, day_text, day: 0 }
    }

    /// The lines of one order share their time, so the last text is remembered.
    #[inline]
    pub(crate) fn read(&mut self, text: &str) -> Result<Timestamp, DateFault> {
        if text == self.last_text {
            return self.last;
        }
        self.last_text.clear();
        self.last_text.push_str(text);
        self.last = match self.clock_of_same_day(text) {
            Some(day_us) => self.zone.place(self.day, day_us),
            None => self.read_slowly(text),
        };
        self.last
    }

    /// Most rows are of the day of the row before: then only the clock is read.
    #[inline]
    fn clock_of_same_day(&self, text: &str) -> Option<i64> {
        let rest = text.as_bytes().strip_prefix(self.day_text.as_bytes())?;
        match rest {
            [b' ' | b'T', clock @ ..] if !self.day_text.is_empty() => plain_clock_us(clock),
            _ => None,
        }
    }

    fn read_slowly(&mut self, text: &str) -> Result<Timestamp, DateFault> {
        let parts = parse_parts(text, self.order)?;
        if parts.has_clock
            && matches!(parts.form, DateForm::YearFirst | DateForm::Numeric)
            && let Some(n_bytes) = text.find([' ', 'T'])
        {
            text[..n_bytes].clone_into(&mut self.day_text);
            self.day = parts.day;
        }
        self.place(parts, 0)
    }

    /// A date column and a clock column beside it.
    pub(crate) fn read_with_clock(
        &mut self,
        date: &str,
        clock: &str,
    ) -> Result<Timestamp, DateFault> {
        let parts = parse_parts(date, self.order)?;
        let clock_us = parse_clock(clock).ok_or(DateFault::Unknown)?;
        self.place(Parts { day_us: 0, ..parts }, clock_us)
    }

    /// A count of microseconds in the zone of the plan, as Parquet writes local times.
    pub(crate) fn read_local_us(&mut self, local_us: i64) -> Result<Timestamp, DateFault> {
        let (day, day_us) = (local_us.div_euclid(DAY_US), local_us.rem_euclid(DAY_US));
        in_range(day)?;
        self.zone.place(day, day_us)
    }

    fn place(&mut self, parts: Parts, clock_us: i64) -> Result<Timestamp, DateFault> {
        let day_us = parts.day_us + clock_us;
        match parts.offset_s {
            Some(offset_s) => {
                Ok(Timestamp(parts.day * DAY_US + day_us - i64::from(offset_s) * 1_000_000))
            }
            None => self.zone.place(parts.day, day_us),
        }
    }
}

/// `8:26` and `08:26:00` to the end of the text; anything else is left to the slow way.
#[inline]
fn plain_clock_us(bytes: &[u8]) -> Option<i64> {
    let digit = |byte: u8| {
        let digit = i64::from(byte.wrapping_sub(b'0'));
        (digit < 10).then_some(digit)
    };
    let two = |tens: u8, ones: u8| Some(digit(tens)? * 10 + digit(ones)?);
    let (hour, minute, second) = match *bytes {
        [h, b':', m, n] => (digit(h)?, two(m, n)?, 0),
        [g, h, b':', m, n] => (two(g, h)?, two(m, n)?, 0),
        [h, b':', m, n, b':', s, t] => (digit(h)?, two(m, n)?, two(s, t)?),
        [g, h, b':', m, n, b':', s, t] => (two(g, h)?, two(m, n)?, two(s, t)?),
        _ => return None,
    };
    let is_time = hour < 24 && minute < 60 && second < 60;
    is_time.then_some((hour * 3600 + minute * 60 + second) * 1_000_000)
}

/// A time zone with the offsets of the days seen last: files come back to the same days.
#[derive(Clone, Debug)]
struct Zone {
    zone: TimeZone,
    is_utc: bool,
    /// By the low bits of the day: the day and its offset in microseconds.
    offsets: Vec<(i64, i64)>,
}

const N_OFFSETS: usize = 512;

impl Zone {
    fn new(zone: TimeZone) -> Zone {
        let is_utc = zone == TimeZone::UTC;
        Zone { zone, is_utc, offsets: vec![(i64::MIN, 0); N_OFFSETS] }
    }

    #[inline]
    fn place(&mut self, day: i64, day_us: i64) -> Result<Timestamp, DateFault> {
        if self.is_utc {
            return Ok(Timestamp(day * DAY_US + day_us));
        }
        let slot = day.rem_euclid(N_OFFSETS as i64) as usize;
        let (known, mut offset_us) = self.offsets[slot];
        if known != day {
            let (start, end) = (self.offset_at(day)?, self.offset_at(day + 1)?);
            if start != end {
                return self.place_slowly(day, day_us);
            }
            offset_us = start;
            self.offsets[slot] = (day, offset_us);
        }
        Ok(Timestamp(day * DAY_US + day_us - offset_us))
    }

    /// Offset at the midnight that begins the day, in microseconds.
    fn offset_at(&self, day: i64) -> Result<i64, DateFault> {
        Ok(day * DAY_US - self.place_slowly(day, 0)?.0)
    }

    fn place_slowly(&self, day: i64, day_us: i64) -> Result<Timestamp, DateFault> {
        let local = jiff::Timestamp::from_microsecond(day * DAY_US + day_us)
            .map_err(|_| DateFault::OutOfRange)?;
        let local: civil::DateTime = TimeZone::UTC.to_datetime(local);
        // `compatible`: the gap and fold rule of RFC 5545.
        let instant = self.zone.to_ambiguous_timestamp(local).compatible();
        instant.map(|at| Timestamp(at.as_microsecond())).map_err(|_| DateFault::OutOfRange)
    }
}

#[cfg(test)]
mod tests;
