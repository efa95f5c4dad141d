//! Numbers that are used again: several orders under one id would become one giant order of one
//! customer, and a file of another day would replace what an earlier one brought.

use events::Timestamp;
use events::import::{Doubt, Repeats};
use events::lines::NO_TIME;

use super::merge::MAX_EXAMPLES;
use super::{ImportSummary, add_examples};
use crate::error::{Error, Result};
use crate::supersede::KnownOrder;

/// Fewer orders that move are corrections.
const MIN_MOVED: u64 = 10;

/// What speaks against the ids of an import.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    pub(super) repeats: Repeats,
    /// Orders that the store knew under their ids.
    n_known: u64,
    /// Those of them that stand on another day now.
    n_moved: u64,
    moved: Vec<String>,
}

impl Doubts {
    /// Notes an order that the store knows; `at_us` is its time now.
    pub(super) fn note_known(&mut self, before: &KnownOrder, at_us: i64, id: &str) {
        self.n_known += 1;
        let times = (before.at_us.min(at_us), before.at_us.max(at_us));
        if times.0 == NO_TIME.0 || !Doubt::of_days(times.0, times.1) {
            return;
        }
        self.n_moved += 1;
        if self.moved.len() < MAX_EXAMPLES {
            let (was, is) = (Timestamp(before.at_us), Timestamp(at_us));
            self.moved.push(format!("{id} (was of {was}, is of {is})"));
        }
    }

    pub(super) fn add(&mut self, other: &Doubts) {
        self.repeats.add(&other.repeats);
        self.n_known += other.n_known;
        self.n_moved += other.n_moved;
        add_examples(&mut self.moved, &other.moved);
    }

    /// Refuses an import whose ids do not tell its orders apart.
    pub(super) fn check(&self) -> Result<()> {
        if self.repeats.is_common()
            && let Some(told) = self.repeats.describe()
        {
            return Err(Error::RepeatedIds { told, advice: Repeats::ADVICE });
        }
        if self.n_moved >= MIN_MOVED && self.n_moved * 2 > self.n_known {
            let told = format!(
                "{} of {} orders that the store has under the same ids stand more than a day from \
                 where they stood, such as {}: they would be replaced",
                self.n_moved,
                self.n_known,
                self.moved.join(", ")
            );
            return Err(Error::RepeatedIds { told, advice: Repeats::ADVICE });
        }
        Ok(())
    }

    pub(super) fn tell(self, summary: &mut ImportSummary) {
        summary.n_orders_doubtful = self.repeats.n_doubtful;
        summary.doubts = self.repeats.describe();
        summary.n_orders_moved = self.n_moved;
        summary.moved_examples = self.moved;
    }
}
