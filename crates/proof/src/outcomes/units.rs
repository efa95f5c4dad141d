//! What each customer or visit came to, by which what was learned is held against the incumbent.

use super::Versus;
use events::Timestamp;
use events::time::DAY_US;
use hashbrown::HashMap;
use measure::assignment::UnitId;
use measure::{Comparison, Metric, Moments, Sequence, compare};

const MAX_UNITS: usize = 1_000_000;
/// Who was not seen for so long is over: nothing of theirs is open.
const UNSEEN_DAYS: i64 = 28;
/// Answers of one customer or visit that count in a day: who is seen more often is a program.
pub(super) const MAX_OF_DAY: u32 = 300;
/// Of a hundred that came to anything, one is cut to what the others came to: a single heavy one
/// would make up most of what varies, and nothing could be said.
const KEPT_PERCENT: usize = 99;
/// Customers and visits that the comparison is tightest at.
const PLANNED: u64 = 10_000;

/// Of which placement, and who.
pub(super) type Key = (u8, UnitId);

#[derive(Clone, Copy, Debug)]
struct OfUnit {
    is_incumbent: bool,
    day: i64,
    n_of_day: u32,
    last_us: i64,
    worth: f64,
}

/// What an answer is to its customer or visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    Yes,
    /// There are too many to remember this one: it is learned from, and not compared.
    Unknown,
    /// No more of this one count today.
    TooMany,
}

#[derive(Clone, Debug)]
pub(super) struct Units {
    known: HashMap<Key, OfUnit>,
    max: usize,
    /// Of those that are over, by placement and whether by the incumbent.
    over: HashMap<(u8, bool), Moments<1>>,
}

impl Default for Units {
    fn default() -> Units {
        Units { known: HashMap::new(), max: MAX_UNITS, over: HashMap::new() }
    }
}

impl Units {
    /// Everybody who asked counts, whether they saw the answer or not.
    pub(super) fn count(&mut self, unit: Key, is_incumbent: bool, at: Timestamp) -> Counted {
        if self.max <= self.known.len() && !self.known.contains_key(&unit) {
            return Counted::Unknown;
        }
        let day = at.0.div_euclid(DAY_US);
        let first = OfUnit { is_incumbent, day, n_of_day: 0, last_us: at.0, worth: 0.0 };
        let known = self.known.entry(unit).or_insert(first);
        known.last_us = known.last_us.max(at.0);
        if known.day < day {
            (known.day, known.n_of_day) = (day, 0);
        }
        known.n_of_day = known.n_of_day.saturating_add(1);
        if known.n_of_day <= MAX_OF_DAY { Counted::Yes } else { Counted::TooMany }
    }

    pub(super) fn add(&mut self, unit: Key, worth: f64) {
        if let Some(known) = self.known.get_mut(&unit) {
            known.worth += worth;
        }
    }

    /// Those that are over stay in the sums alone.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let before = now.0.saturating_sub(UNSEEN_DAYS * DAY_US);
        let is_over = |unit: &OfUnit| unit.last_us < before;
        let mut over: Vec<(Key, OfUnit)> = self
            .known
            .iter()
            .filter(|(_, unit)| is_over(unit))
            .map(|(key, unit)| (*key, *unit))
            .collect();
        if over.is_empty() {
            return;
        }
        over.sort_by_key(|(key, _)| *key);
        let mut caps: HashMap<u8, f64> = HashMap::new();
        for ((placement, _), unit) in over {
            let cap = *caps.entry(placement).or_insert_with(|| self.cap(placement));
            let sums = self.over.entry((placement, unit.is_incumbent)).or_default();
            sums.push(&[unit.worth.min(cap)]);
        }
        self.known.retain(|_, unit| !is_over(unit));
    }

    /// What the others came to: of both arms together, so that both are cut alike.
    fn cap(&self, placement: u8) -> f64 {
        let own = self.known.iter().filter(|(key, _)| key.0 == placement);
        let mut worths: Vec<f64> =
            own.map(|(_, unit)| unit.worth).filter(|worth| *worth > 0.0).collect();
        if worths.is_empty() {
            return f64::INFINITY;
        }
        let at = (worths.len() - 1) * KEPT_PERCENT / 100;
        *worths.select_nth_unstable_by(at, f64::total_cmp).1
    }

    pub(super) fn versus(&self, placement: u8) -> Versus {
        let own = self.known.iter().filter(|(key, _)| key.0 == placement);
        let mut own: Vec<(UnitId, OfUnit)> = own.map(|(key, unit)| (key.1, *unit)).collect();
        // Sums of floats depend on the order.
        own.sort_by_key(|(unit, _)| *unit);
        let cap = self.cap(placement);
        let mut arms = [false, true]
            .map(|is_incumbent| self.over.get(&(placement, is_incumbent)).cloned())
            .map(Option::unwrap_or_default);
        for (_, unit) in &own {
            arms[usize::from(unit.is_incumbent)].push(&[unit.worth.min(cap)]);
        }
        let how = Comparison {
            metric: Metric::Mean { column: 0 },
            covariate: None,
            treated_share: None,
            is_alike: true,
            sequence: Sequence::tightest_at(PLANNED, 0.05),
        };
        let [learned, incumbent] = &arms;
        Versus {
            n_learned: learned.n(),
            n_incumbent: incumbent.n(),
            lift: compare(learned, incumbent, &how),
        }
    }
}

#[cfg(test)]
impl Units {
    pub(super) fn with_max(max: usize) -> Units {
        Units { max, ..Units::default() }
    }

    pub(super) fn n(&self) -> usize {
        self.known.len()
    }

    /// What one came to.
    pub(super) fn worth(&self, unit: Key) -> f64 {
        self.known[&unit].worth
    }
}
