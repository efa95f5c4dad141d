//! Points in time: microseconds since 1970-01-01T00:00:00Z.

use std::fmt;

/// Microseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Microseconds in a day.
pub const DAY_US: i64 = 86_400_000_000;

impl Timestamp {
    pub fn from_seconds(seconds: i64) -> Timestamp {
        Timestamp(seconds.saturating_mul(1_000_000))
    }

    /// A time with its zone, as JSON carries it: `2026-05-17T09:30:00Z`.
    pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
        let time: jiff::Timestamp = text.trim().parse().ok()?;
        Some(Timestamp(time.as_microsecond()))
    }

    /// Days between the two, negative when `self` is the earlier. Held at the ends of the range
    /// rather than overflowing: one of the two may stand for no time at all.
    pub fn days_since(self, earlier: Timestamp) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / DAY_US as f64
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, to the second.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => write!(f, "{}", time.strftime("%Y-%m-%dT%H:%M:%SZ")),
            Err(_) => write!(f, "{} us", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_there_and_back() {
        let time = Timestamp::parse_rfc3339("2026-05-17T11:30:00.5+02:00").unwrap();
        assert_eq!(time, Timestamp(1_779_010_200_500_000));
        assert_eq!(time.to_string(), "2026-05-17T09:30:00Z");
        assert_eq!(Timestamp::parse_rfc3339("2026-05-17"), None);
    }

    #[test]
    fn days_between_any_two_times() {
        let day = |day: i64| Timestamp(day * DAY_US);
        assert_eq!(day(3).days_since(day(1)), 2.0);
        assert_eq!(day(1).days_since(day(3)), -2.0);
        assert!(day(3).days_since(crate::lines::NO_TIME) > 1e8);
        assert!(crate::lines::NO_TIME.days_since(day(3)) < -1e8);
    }
}
