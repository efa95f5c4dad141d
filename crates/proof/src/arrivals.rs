//! How events came: late, ahead of the clock, or nobody knows when.

use crate::facts::Doubts;
use events::Timestamp;
use history::PastEvent;

const HOUR_US: i64 = 3_600_000_000;
const MINUTE_US: i64 = 60_000_000;
/// What comes so long after it happened is late: a page that was closed sends what it kept when it
/// is opened again, and a report in between told less. What bears a time so long after it came is
/// ahead: clocks that are set by the network differ by seconds.
pub(crate) const LATE_US: i64 = HOUR_US;

/// Counts events since a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrivals {
    since: Timestamp,
    n: u64,
    n_unknown: u64,
    n_late: u64,
    n_ahead: u64,
    longest_us: i64,
}

impl Arrivals {
    pub(crate) fn since(since: Timestamp) -> Arrivals {
        Arrivals { since, n: 0, n_unknown: 0, n_late: 0, n_ahead: 0, longest_us: 0 }
    }

    pub(crate) fn see(&mut self, event: &PastEvent) {
        if event.at < self.since {
            return;
        }
        self.n += 1;
        let Some(received_at) = event.received_at else {
            self.n_unknown += 1;
            return;
        };
        let delay_us = received_at.0.saturating_sub(event.at.0);
        self.n_late += u64::from(LATE_US < delay_us);
        self.n_ahead += u64::from(delay_us < -LATE_US);
        self.longest_us = self.longest_us.max(delay_us);
    }

    pub(crate) fn tell(self, doubts: &mut Doubts) {
        doubts.events = self.n;
        doubts.events_of_unknown_arrival = self.n_unknown;
        doubts.events_late = self.n_late;
        doubts.events_ahead = self.n_ahead;
        doubts.longest_delay_minutes = (self.longest_us / MINUTE_US).unsigned_abs();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::EventKind;

    #[test]
    fn an_hour_is_late_and_an_hour_ahead_is_a_wrong_clock() {
        let mut arrivals = Arrivals::since(Timestamp(0));
        let mut came = |at_us: i64, delay_us: Option<i64>| {
            arrivals.see(&PastEvent {
                kind: EventKind::ViewItem,
                at: Timestamp(at_us),
                customer_idx: None,
                session_id: None,
                order_key: None,
                recommendation_id: None,
                confirmed: true,
                lines: Vec::new(),
                received_at: delay_us.map(|delay| Timestamp(at_us + delay)),
            });
        };
        came(-1, Some(9 * HOUR_US)); // Before all that is looked at.
        for delay in [0, HOUR_US, HOUR_US + 1, 3 * HOUR_US, -HOUR_US, -HOUR_US - 1] {
            came(5, Some(delay));
        }
        came(5, None);
        let mut doubts = Doubts::default();
        arrivals.tell(&mut doubts);
        assert_eq!((doubts.events, doubts.events_of_unknown_arrival), (7, 1));
        assert_eq!((doubts.events_late, doubts.events_ahead), (2, 1));
        assert_eq!(doubts.longest_delay_minutes, 180);
    }
}
