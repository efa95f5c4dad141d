//! Takes the text of a date apart: its shape, its day, its clock, its offset. No zones here.

use super::dates::{DateFault, DateForm, DayOrder, Parts};
use crate::time::DAY_US;

/// Takes a date apart by its shape.
pub(crate) fn parse_parts(text: &str, order: Option<DayOrder>) -> Result<Parts, DateFault> {
    let mut scan = Scan::new(text.trim());
    if let Some(parts) = digits_alone(scan.rest()) {
        return parts;
    }
    let (form, day, figures) = scan.date(order)?;
    in_range(day)?;
    let mut parts = Parts { form, day, day_us: 0, offset_s: None, figures, has_clock: false };
    if scan.rest().is_empty() {
        return Ok(parts);
    }
    scan.eat_any(b",");
    if !scan.eat_any(b"Tt") && !scan.eat_spaces() {
        return Err(DateFault::Unknown);
    }
    parts.has_clock = true;
    parts.day_us = scan.clock().ok_or(DateFault::Unknown)?;
    scan.eat_spaces();
    parts.offset_s = scan.offset();
    if scan.rest().is_empty() { Ok(parts) } else { Err(DateFault::Unknown) }
}

/// A clock alone: `11:38:36 AM`.
pub(crate) fn parse_clock(text: &str) -> Option<i64> {
    let mut scan = Scan::new(text.trim());
    scan.clock().filter(|_| scan.rest().is_empty())
}

/// Years 1900 to 2200: beyond them a figure is a mistake or a placeholder.
pub(crate) fn in_range(day: i64) -> Result<(), DateFault> {
    if (-25_567..84_371).contains(&day) { Ok(()) } else { Err(DateFault::OutOfRange) }
}

/// `20101201`, `20101201082600` and Unix counts. `None` when it is something else.
fn digits_alone(bytes: &[u8]) -> Option<Result<Parts, DateFault>> {
    let (bytes, fraction) = match memchr::memchr(b'.', bytes) {
        Some(at) if bytes.len() > 10 => (&bytes[..at], &bytes[at + 1..]),
        _ => (bytes, &[][..]),
    };
    let all_digits = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_digit);
    if bytes.len() < 8 || bytes.len() > 19 || !all_digits(bytes) || !all_digits(fraction) {
        return None;
    }
    let value = bytes.iter().fold(0_i64, |sum, b| sum.wrapping_mul(10) + i64::from(b - b'0'));
    match bytes.len() {
        8 => Some(compact(value, 0)),
        12 => Some(compact(value / 10_000, value % 10_000 * 100)),
        14 => Some(compact(value / 1_000_000, value % 1_000_000)),
        9 | 10 => Some(unix(value * 1_000_000 + fraction_us(fraction))),
        13 => Some(unix(value * 1_000)),
        16 => Some(unix(value)),
        19 => Some(unix(value / 1_000)),
        _ => None,
    }
}

fn fraction_us(digits: &[u8]) -> i64 {
    let mut us = 0;
    for place in 0..6 {
        us = us * 10 + digits.get(place).map_or(0, |digit| i64::from(digit - b'0'));
    }
    us
}

fn compact(date: i64, clock: i64) -> Result<Parts, DateFault> {
    let (year, month, day) = (date / 10_000, (date / 100 % 100) as u32, (date % 100) as u32);
    let day = civil_day(year, month, day).ok_or(DateFault::Unknown)?;
    in_range(day)?;
    let (hour, minute, second) = (clock / 10_000, clock / 100 % 100, clock % 100);
    if hour > 23 || minute > 59 || second > 59 {
        return Err(DateFault::Unknown);
    }
    let day_us = (hour * 3600 + minute * 60 + second) * 1_000_000;
    let form = DateForm::Compact;
    Ok(Parts { form, day, day_us, offset_s: None, figures: None, has_clock: true })
}

fn unix(us: i64) -> Result<Parts, DateFault> {
    let (day, day_us) = (us.div_euclid(DAY_US), us.rem_euclid(DAY_US));
    in_range(day)?;
    let form = DateForm::Unix;
    Ok(Parts { form, day, day_us, offset_s: Some(0), figures: None, has_clock: true })
}

/// Days since 1970-01-01 of a date in the Gregorian calendar; `None` when there is no such day.
/// Source: H. Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
fn civil_day(year: i64, month: u32, day: u32) -> Option<i64> {
    const LENGTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = *LENGTHS.get(month.wrapping_sub(1) as usize)? + u32::from(is_leap && month == 2);
    if day == 0 || day > length {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = i64::from((153 * ((month + 9) % 12) + 2) / 5 + day - 1);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Day, its form, and the two figures of a numeric date.
type ScannedDay = (DateForm, i64, Option<(u32, u32)>);

/// Reads a text from its start, piece by piece.
struct Scan<'a> {
    bytes: &'a [u8],
}

impl<'a> Scan<'a> {
    fn new(text: &'a str) -> Scan<'a> {
        Scan { bytes: text.as_bytes() }
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// Up to `max` digits, with their number.
    #[inline]
    fn number(&mut self, max: usize) -> Option<(u32, usize)> {
        let mut value = 0;
        let mut n = 0;
        while n < max && n < self.bytes.len() && self.bytes[n].is_ascii_digit() {
            value = value * 10 + u32::from(self.bytes[n] - b'0');
            n += 1;
        }
        self.bytes = &self.bytes[n..];
        (n > 0).then_some((value, n))
    }

    fn eat_any(&mut self, any: &[u8]) -> bool {
        match self.bytes {
            [first, rest @ ..] if any.contains(first) => {
                self.bytes = rest;
                true
            }
            _ => false,
        }
    }

    fn eat_spaces(&mut self) -> bool {
        let mut any = false;
        while self.eat_any(b" ") {
            any = true;
        }
        any
    }

    /// A run of letters.
    fn word(&mut self) -> &'a [u8] {
        let n = self.bytes.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (word, rest) = self.bytes.split_at(n);
        self.bytes = rest;
        word
    }

    fn date(&mut self, order: Option<DayOrder>) -> Result<ScannedDay, DateFault> {
        let Some((first, n_digits)) = self.number(4) else { return self.month_name_first() };
        let separator = *self.bytes.first().ok_or(DateFault::Unknown)?;
        if n_digits <= 2 && (separator.is_ascii_alphabetic() || separator == b' ') {
            return self.day_then_month_name(first);
        }
        if !matches!(separator, b'-' | b'/' | b'.') {
            return Err(DateFault::Unknown);
        }
        self.bytes = &self.bytes[1..];
        if n_digits <= 2 && self.bytes.first().is_some_and(u8::is_ascii_alphabetic) {
            return self.day_then_month_name(first);
        }
        let (second, n_second) = self.number(2).ok_or(DateFault::Unknown)?;
        let third = if self.eat_any(&[separator]) { self.number(4) } else { None };
        let (third, n_third) = third.ok_or(DateFault::Unknown)?;
        if n_digits == 4 && n_second <= 2 && n_third <= 2 {
            let day = civil_day(i64::from(first), second, third).ok_or(DateFault::Unknown)?;
            return Ok((DateForm::YearFirst, day, None));
        }
        if n_digits > 2 || n_third % 2 == 1 {
            return Err(DateFault::Unknown);
        }
        let day = numeric_day((first, second), full_year(third, n_third), separator, order)?;
        Ok((DateForm::Numeric, day, Some((first, second))))
    }

    /// `1 Dec 2010`, `01-Dec-10`
    fn day_then_month_name(&mut self, day: u32) -> Result<ScannedDay, DateFault> {
        self.eat_any(b" -/.");
        let month = month_by_name(self.word()).ok_or(DateFault::Unknown)?;
        self.eat_any(b".,");
        self.eat_any(b" -/");
        self.named_day(month, day)
    }

    /// `Dec 1, 2010`, `Wed, 1 Dec 2010`, `Wednesday, December 1, 2010`
    fn month_name_first(&mut self) -> Result<ScannedDay, DateFault> {
        let mut word = self.word();
        if is_weekday(word) {
            self.eat_any(b",.");
            self.eat_spaces();
            if let Some((day, _)) = self.number(2) {
                return self.day_then_month_name(day);
            }
            word = self.word();
        }
        let month = month_by_name(word).ok_or(DateFault::Unknown)?;
        self.eat_any(b".");
        self.eat_any(b" -/");
        let (day, _) = self.number(2).ok_or(DateFault::Unknown)?;
        self.eat_any(b",");
        self.eat_any(b" -/");
        self.named_day(month, day)
    }

    fn named_day(&mut self, month: u32, day: u32) -> Result<ScannedDay, DateFault> {
        let (year, n_digits) = self.number(4).ok_or(DateFault::Unknown)?;
        if n_digits % 2 == 1 {
            return Err(DateFault::Unknown);
        }
        let year = full_year(year, n_digits);
        let day = civil_day(year, month, day).ok_or(DateFault::Unknown)?;
        Ok((DateForm::MonthName, day, None))
    }

    /// `8:26`, `08:26:00.123456`, `8:26 AM`, `8 pm`: microseconds since midnight.
    fn clock(&mut self) -> Option<i64> {
        let (hour, _) = self.number(2)?;
        let (mut minute, mut second, mut us) = (0, 0, 0);
        let has_minute = self.eat_any(b":");
        if has_minute {
            minute = self.number(2).filter(|&(_, n)| n == 2)?.0;
            if self.eat_any(b":") {
                second = self.number(2).filter(|&(_, n)| n == 2)?.0;
                if self.eat_any(b".,") {
                    let n = self.bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    us = fraction_us(&self.bytes[..n]);
                    self.bytes = &self.bytes[n..];
                }
            }
        }
        let hour = self.half_day(hour, has_minute)?;
        // 60 is a leap second, which civil time has no place for.
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        Some(i64::from(hour * 3600 + minute * 60 + second.min(59)) * 1_000_000 + us)
    }

    /// The hour by AM or PM; without minutes one of the two is needed.
    fn half_day(&mut self, hour: u32, has_minute: bool) -> Option<u32> {
        let before = self.bytes;
        self.eat_spaces();
        let word = self.word();
        self.eat_any(b".");
        let is_am = word.eq_ignore_ascii_case(b"am") || word.eq_ignore_ascii_case(b"a");
        let is_pm = word.eq_ignore_ascii_case(b"pm") || word.eq_ignore_ascii_case(b"p");
        if !is_am && !is_pm {
            self.bytes = before;
            return has_minute.then_some(hour);
        }
        (1..=12).contains(&hour).then_some(hour % 12 + if is_pm { 12 } else { 0 })
    }

    /// `Z`, `UTC`, `+02:00`, `-0500`, `+01`: seconds east of UTC.
    fn offset(&mut self) -> Option<i32> {
        for name in [&b"Z"[..], b"z", b"UTC", b"GMT"] {
            if self.bytes == name {
                self.bytes = &[];
                return Some(0);
            }
        }
        let (sign, digits) = match self.bytes {
            [b'+', rest @ ..] => (1, rest),
            [b'-', rest @ ..] => (-1, rest),
            _ => return None,
        };
        let mut scan = Scan { bytes: digits };
        let (hour, n) = scan.number(2)?;
        scan.eat_any(b":");
        let minute = scan.number(2).map_or(0, |(minute, _)| minute);
        if n != 2 || hour > 14 || minute > 59 {
            return None;
        }
        self.bytes = scan.bytes;
        Some(sign * (hour * 3600 + minute * 60) as i32)
    }
}

/// Two-digit years are 1970 to 2069.
fn full_year(year: u32, n_digits: usize) -> i64 {
    match (n_digits, year) {
        (2, 70..) => i64::from(year) + 1900,
        (2, _) => i64::from(year) + 2000,
        _ => i64::from(year),
    }
}

fn numeric_day(
    figures: (u32, u32),
    year: i64,
    separator: u8,
    order: Option<DayOrder>,
) -> Result<i64, DateFault> {
    let read = |order| match order {
        DayOrder::DayFirst => civil_day(year, figures.1, figures.0),
        DayOrder::MonthFirst => civil_day(year, figures.0, figures.1),
    };
    if let Some(order) = order {
        let other = || match read(order.other()) {
            Some(_) => DateFault::OtherOrder,
            None => DateFault::Unknown,
        };
        return read(order).ok_or_else(other);
    }
    match (read(DayOrder::DayFirst), read(DayOrder::MonthFirst)) {
        (Some(a), Some(b)) if a == b => Ok(a),
        // Dots are written where the day comes first.
        (Some(day), Some(_)) if separator == b'.' => Ok(day),
        (Some(_), Some(_)) => Err(DateFault::Ambiguous),
        (Some(day), None) | (None, Some(day)) => Ok(day),
        (None, None) => Err(DateFault::Unknown),
    }
}

fn month_by_name(word: &[u8]) -> Option<u32> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let word = std::str::from_utf8(word).ok()?.to_ascii_lowercase();
    let word = if word == "sept" { "sep" } else { &word };
    NAMES.iter().position(|name| word == *name || word == &name[..3]).map(|at| at as u32 + 1)
}

fn is_weekday(word: &[u8]) -> bool {
    let names: [&[u8]; 7] =
        [b"monday", b"tuesday", b"wednesday", b"thursday", b"friday", b"saturday", b"sunday"];
    word.len() >= 3
        && names.iter().any(|name| {
            let n = word.len().min(name.len());
            (n == 3 || n == name.len()) && word.eq_ignore_ascii_case(&name[..n])
        })
}
