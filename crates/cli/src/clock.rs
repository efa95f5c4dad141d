//! The wall clock and the stopwatch, for everything below that has none of its own.

use events::Timestamp;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Microseconds since the Unix epoch.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// `YYYYMMDDThhmmssZ`, for names of snapshots and backups.
pub(crate) fn file_time() -> String {
    now().to_string().chars().filter(|letter| !matches!(letter, '-' | ':')).collect()
}

/// Time since this was made.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
