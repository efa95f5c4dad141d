//! The only wall clock of the service.
//!
//! Everything that lapses (sessions, pages, tokens) asks a [`Clock`] that is handed in, so that a
//! test can move time, also backwards. Durations are measured with a [`Stopwatch`], which a step
//! of the wall clock does not touch.

use events::Timestamp;
use events::time::DAY_US;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells what time it is.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    #[default]
    Wall,
    /// Stands still until it is set; for tests and replays.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    pub fn manual(start: Timestamp) -> Clock {
        Clock::Manual(Arc::new(AtomicI64::new(start.0)))
    }

    pub fn now(&self) -> Timestamp {
        match self {
            Clock::Wall => wall_now(),
            Clock::Manual(micros) => Timestamp(micros.load(Ordering::Relaxed)),
        }
    }

    /// Moves a manual clock; the wall clock stays as it is.
    pub fn set(&self, at: Timestamp) {
        if let Clock::Manual(micros) = self {
            micros.store(at.0, Ordering::Relaxed);
        }
    }
}

/// The day of a time in UTC, counted from 1970.
pub(crate) fn day_of(at: Timestamp) -> i64 {
    at.0.div_euclid(DAY_US)
}

/// Before 1970 only on a machine whose clock is broken; counted as 1970 then.
fn wall_now() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp(i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX))
}

/// Microseconds from `earlier` to `later`; 0 when the clock went backwards in between, so that a
/// step back never makes anything lapse.
pub fn elapsed_us(earlier: Timestamp, later: Timestamp) -> i64 {
    later.0.saturating_sub(earlier.0).max(0)
}

/// Measures a duration on the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    pub fn elapsed_us(self) -> u64 {
        u64::try_from(self.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_back_lapses_nothing() {
        let clock = Clock::manual(Timestamp(5_000));
        let start = clock.now();
        clock.set(Timestamp(1_000));
        assert_eq!(elapsed_us(start, clock.now()), 0);
        clock.set(Timestamp(9_000));
        assert_eq!(elapsed_us(start, clock.now()), 4_000);
        assert_eq!(elapsed_us(Timestamp(i64::MIN), Timestamp(i64::MAX)), i64::MAX);
    }

    #[test]
    fn the_wall_clock_is_after_2026() {
        assert!(Clock::Wall.now() > Timestamp::from_seconds(1_767_225_600));
    }
}
