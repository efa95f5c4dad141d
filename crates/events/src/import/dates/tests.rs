use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::import::date_scan::parse_parts;

fn reader(order: Option<DayOrder>, zone: &str) -> DateReader {
    DateReader::new(order, TimeZone::get(zone).unwrap())
}

fn read_in(zone: &str, order: Option<DayOrder>, text: &str) -> String {
    match reader(order, zone).read(text) {
        Ok(at) => jiff::Timestamp::from_microsecond(at.0).unwrap().to_string(),
        Err(fault) => format!("{fault:?}"),
    }
}

fn check(text: &str, expected: &str) {
    assert_eq!(read_in("UTC", Some(DayOrder::DayFirst), text), expected, "for {text:?}");
}

#[test]
fn year_first() {
    check("2010-12-01 08:26:00", "2010-12-01T08:26:00Z");
    check("2010-12-01T08:26:00.123456789Z", "2010-12-01T08:26:00.123456Z");
    check("2010-12-01", "2010-12-01T00:00:00Z");
    check("2010/12/01 8:26", "2010-12-01T08:26:00Z");
    check("2010.12.01", "2010-12-01T00:00:00Z");
    check("2021-01-05 12:34:56 -0500", "2021-01-05T17:34:56Z");
    check("2021-01-05T12:34:56+02:00", "2021-01-05T10:34:56Z");
    check("2021-01-05 12:34:56 UTC", "2021-01-05T12:34:56Z");
    check("2021-01-05 12:34:56.789+01", "2021-01-05T11:34:56.789Z");
}

#[test]
fn year_last() {
    check("01.12.2010 08:26", "2010-12-01T08:26:00Z");
    check("01-12-2010", "2010-12-01T00:00:00Z");
    check("1/12/10 8:26", "2010-12-01T08:26:00Z");
    check("31/12/99", "1999-12-31T00:00:00Z");
    check("12/31/2010", "OtherOrder");
    check("31/31/2010", "Unknown");
    let american = |text| read_in("UTC", Some(DayOrder::MonthFirst), text);
    assert_eq!(american("12/1/2010 8:26"), "2010-12-01T08:26:00Z");
    assert_eq!(american("12/1/2010 12:05 AM"), "2010-12-01T00:05:00Z");
    assert_eq!(american("12/1/2010 1:05:09 pm"), "2010-12-01T13:05:09Z");
    assert_eq!(american("12/1/2010, 1 PM"), "2010-12-01T13:00:00Z");
    assert_eq!(american("13/1/2010"), "OtherOrder");
}

#[test]
fn a_file_that_contradicts_itself_gives_only_what_reads_one_way() {
    let read = |text| read_in("UTC", None, text);
    assert_eq!(read("13/01/2010"), "2010-01-13T00:00:00Z");
    assert_eq!(read("01/13/2010"), "2010-01-13T00:00:00Z");
    assert_eq!(read("02/03/2010"), "Ambiguous");
    assert_eq!(read("03/03/2010"), "2010-03-03T00:00:00Z");
    assert_eq!(read("02.03.2010"), "2010-03-02T00:00:00Z");
    assert_eq!(read("2010-03-02"), "2010-03-02T00:00:00Z");
}

#[test]
fn months_by_name() {
    check("Dec 1, 2010", "2010-12-01T00:00:00Z");
    check("1 Dec 2010 08:26", "2010-12-01T08:26:00Z");
    check("01-Dec-10", "2010-12-01T00:00:00Z");
    check("December 1, 2010 8:26 AM", "2010-12-01T08:26:00Z");
    check("Wed, 1 Dec 2010 08:26:00 +0000", "2010-12-01T08:26:00Z");
    check("Wednesday, Dec. 1, 2010", "2010-12-01T00:00:00Z");
    check("5 Sept 2010", "2010-09-05T00:00:00Z");
    check("1 Dez 2010", "Unknown");
}

#[test]
fn digits_alone() {
    check("20101201", "2010-12-01T00:00:00Z");
    check("20101201082600", "2010-12-01T08:26:00Z");
    check("201012010826", "2010-12-01T08:26:00Z");
    check("1291191960", "2010-12-01T08:26:00Z");
    check("1291191960.25", "2010-12-01T08:26:00.25Z");
    check("1291191960000", "2010-12-01T08:26:00Z");
    check("1291191960000000", "2010-12-01T08:26:00Z");
    check("1291191960000000000", "2010-12-01T08:26:00Z");
    check("20101301", "Unknown");
    check("40513", "Unknown");
}

#[test]
fn what_is_no_date() {
    for text in [
        "",
        "apple",
        "2010",
        "2010-02-30",
        "2010-00-10",
        "2010-12-01 25:00",
        "2010-12-01 08:61",
        "2010-12-01x",
        "2010-12/01",
        "1/2",
        "//",
        "0000-00-00",
        "2010-12-01 08:26 oops",
        "12:30",
        "1/1/201",
        "29/02/2011",
        "-1",
        "é",
    ] {
        check(text, "Unknown");
    }
    check("1899-12-31", "OutOfRange");
    check("9999-12-31", "OutOfRange");
}

#[test]
fn a_clock_in_a_column_of_its_own() {
    let mut reader = reader(Some(DayOrder::MonthFirst), "UTC");
    let at = reader.read_with_clock("1/2/23", "11:38:36 AM").unwrap();
    assert_eq!(at.to_string(), "2023-01-02T11:38:36Z");
    assert!(reader.read_with_clock("1/2/23", "noon").is_err());
}

#[test]
fn local_times_and_clock_changes() {
    let london = |text| read_in("Europe/London", Some(DayOrder::DayFirst), text);
    assert_eq!(london("2011-07-01 12:00"), "2011-07-01T11:00:00Z");
    assert_eq!(london("2011-12-01 12:00"), "2011-12-01T12:00:00Z");
    // 01:30 does not exist on 27 March 2011: it counts as an hour later, 02:30 summer time.
    assert_eq!(london("2011-03-27 01:30"), "2011-03-27T01:30:00Z");
    // 01:30 comes twice on 30 October 2011: the earlier one counts, in summer time.
    assert_eq!(london("2011-10-30 01:30"), "2011-10-30T00:30:00Z");
    // An offset in the text goes before the zone.
    assert_eq!(london("2011-07-01T12:00:00Z"), "2011-07-01T12:00:00Z");
}

#[test]
fn the_remembered_day_changes_nothing() {
    let texts = ["2011-03-26 12:00", "2011-03-27 00:30", "2011-03-27 03:30", "2011-03-26 12:00"];
    let mut reader = reader(None, "Europe/London");
    let together: Vec<_> = texts.iter().map(|text| reader.read(text).unwrap()).collect();
    let alone: Vec<_> = texts
        .iter()
        .map(|text| {
            super::DateReader::new(None, TimeZone::get("Europe/London").unwrap()).read(text)
        })
        .map(Result::unwrap)
        .collect();
    assert_eq!(together, alone);
}

#[test]
fn the_remembered_date_is_never_taken_for_another() {
    let mut reader = reader(Some(DayOrder::DayFirst), "UTC");
    let mut read = |text: &str| reader.read(text).map(|at| at.to_string());
    assert_eq!(read("1/2/2011 8:26").unwrap(), "2011-02-01T08:26:00Z");
    assert_eq!(read("1/2/2011 18:26:07").unwrap(), "2011-02-01T18:26:07Z");
    assert_eq!(read("1/2/2011 8:26 PM").unwrap(), "2011-02-01T20:26:00Z");
    assert_eq!(read("1/2/2011 8:26:00.5").unwrap(), "2011-02-01T08:26:00Z");
    assert_eq!(read("1/2/2011").unwrap(), "2011-02-01T00:00:00Z");
    assert_eq!(read("1/2/2011T08:26+02:00").unwrap(), "2011-02-01T06:26:00Z");
    assert!(read("1/2/2011 24:00").is_err());
    assert!(read("1/2/2011 8:60").is_err());
    assert!(read("1/2/2011 x:26").is_err());
    assert_eq!(read("1/2/20112 8:26"), Err(DateFault::Unknown));
    assert_eq!(read("11/2/2011 8:26").unwrap(), "2011-02-11T08:26:00Z");
    assert_eq!(read("1:26 8:26"), Err(DateFault::Unknown));
}

proptest! {
    /// What is remembered changes nothing.
    #[test]
    fn a_reader_with_a_past_reads_as_a_new_one(
        texts in prop::collection::vec(
            "(1|2)/1/2011 ?[12]?[0-9]:[0-6][0-9](:[0-6][0-9])?( PM|Z)?", 1..20)
    ) {
        let mut used = reader(Some(DayOrder::DayFirst), "Europe/London");
        for text in &texts {
            let mut fresh = reader(Some(DayOrder::DayFirst), "Europe/London");
            prop_assert_eq!(used.read(text), fresh.read(text), "{}", text);
        }
    }
}

proptest! {
    /// jiff is the slow and obvious twin.
    #[test]
    fn days_are_those_of_the_calendar(
        year in 1900_i16..2200,
        month in 1_i8..=12,
        day in 1_i8..=28,
    ) {
        let text = format!("{year:04}-{month:02}-{day:02}");
        let expected = date(1970, 1, 1).until(date(year, month, day)).unwrap().get_days();
        prop_assert_eq!(parse_parts(&text, None).unwrap().day, i64::from(expected));
    }

    #[test]
    fn zones_place_as_jiff_does(day in 14_000_i64..20_000, minute in 0_i64..1_440) {
        for zone in ["Europe/London", "America/New_York", "Australia/Lord_Howe"] {
            let zone = TimeZone::get(zone).unwrap();
            let local_us = day * DAY_US + minute * 60_000_000;
            let civil = TimeZone::UTC
                .to_datetime(jiff::Timestamp::from_microsecond(local_us).unwrap());
            let expected = zone.to_timestamp(civil).unwrap().as_microsecond();
            let mut reader = DateReader::new(None, zone);
            // Noon first, so that the day is remembered.
            reader.read_local_us(day * DAY_US + DAY_US / 2).unwrap();
            prop_assert_eq!(reader.read_local_us(local_us).unwrap().0, expected);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,30}", digits in "[0-9/:. TZ+-]{0,30}") {
        let mut reader = reader(Some(DayOrder::MonthFirst), "UTC");
        let _ = reader.read(&text);
        let _ = reader.read(&digits);
        let _ = reader.read_with_clock(&digits, &text);
    }
}
