//! Some of the last decisions, in memory, for the dashboard.
//!
//! Under load only every few are kept: nobody reads thousands a second, and the hot path is not to
//! copy them. The whole record is in the decision log.

use crate::ledger::DecisionEntry;
use events::Timestamp;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard};

const N_KEPT: usize = 256;
/// At most one in this time.
const PAUSE_US: i64 = 5_000;

#[derive(Debug)]
pub(crate) struct RecentDecisions {
    entries: Mutex<VecDeque<DecisionEntry>>,
    last_at: AtomicI64,
}

impl Default for RecentDecisions {
    fn default() -> RecentDecisions {
        RecentDecisions { entries: Mutex::default(), last_at: AtomicI64::new(i64::MIN) }
    }
}

impl RecentDecisions {
    pub(crate) fn offer(&self, entry: &DecisionEntry) {
        let last_at = Timestamp(self.last_at.load(Ordering::Relaxed));
        // Both ways, so that a clock that went back does not stop it.
        if entry.at.0.abs_diff(last_at.0) < PAUSE_US as u64 {
            return;
        }
        self.last_at.store(entry.at.0, Ordering::Relaxed);
        let mut entries = self.lock();
        if entries.len() == N_KEPT {
            entries.pop_front();
        }
        entries.push_back(entry.clone());
    }

    /// Drops the decisions for customers who were erased.
    pub(crate) fn remove(&self, erased: &[u32]) {
        self.lock().retain(|entry| entry.customer_idx.is_none_or(|idx| !erased.contains(&idx)));
    }

    /// Latest first.
    pub(crate) fn latest(&self, n: usize) -> Vec<DecisionEntry> {
        self.lock().iter().rev().take(n).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<DecisionEntry>> {
        self.entries.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recommendation_id::IdSource;

    #[test]
    fn a_flood_is_thinned_and_a_step_back_of_the_clock_is_not() {
        let recent = RecentDecisions::default();
        let ids = IdSource::new(1);
        let offer = |at_us: i64| {
            let at = Timestamp(at_us);
            let entry = DecisionEntry {
                id: ids.next(at),
                at,
                customer_idx: None,
                assignment: None,
                payload: Vec::new(),
            };
            recent.offer(&entry);
        };
        (1_000_000..1_020_000).for_each(offer);
        let times = |n| recent.latest(n).iter().map(|entry| entry.at.0).collect::<Vec<_>>();
        assert_eq!(times(10), [1_015_000, 1_010_000, 1_005_000, 1_000_000]);
        offer(500_000);
        assert_eq!(times(1), [500_000]);
        (0..1_000).for_each(|n| offer(2_000_000 + n * 5_000));
        assert_eq!(recent.latest(1_000).len(), N_KEPT);
    }
}
