//! What came of each offer that was seen and stood there because it sells, of all placements, for
//! who reads the logs once.
//!
//! Each placement has room for its newest answers of its own, so that many questions at one leave
//! the others alone; only answers that somebody saw take any of it. A customer or visit counts
//! with one response an item, the first, and no more than [`MAX_OF_DAY`] answers a day; what
//! nobody stands behind (no customer, no session) is left out, for it might all be one.
//!
//! The newest answers are read: of a small shop three months of them, of a large one a week holds
//! enough, and no more of its log is read. Memory: 8 bytes an answer that was seen, at most
//! [`MAX_SEEN`], and some 200 an answer that is kept.

use super::{OPEN_DAYS, OpenAnswer, Outcomes, Step, recorded};
use crate::error::Result;
use crate::facts::hash_of;
use crate::heard::Who;
use decide::{Placement, Rung};
use events::time::DAY_US;
use events::{EventKind, Timestamp};
use hashbrown::{HashMap, HashSet};
use history::{DecisionRecord, PastEvent, Store};
use measure::assignment::key_of;
use std::collections::VecDeque;

/// So far back the log is read: further, where that holds too few answers.
const DAYS: [i64; 3] = [7, 28, 90];
/// Answers of a placement that are kept.
const MAX_OF_PLACEMENT: usize = 100_000;
/// Names of answers that were seen. Of more, a part chosen by their hashes is looked at.
const MAX_SEEN: usize = 4_000_000;
/// Answers of one customer or visit at one placement that count in a day.
const MAX_OF_DAY: u32 = 30;

/// An offer that was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown {
    pub placement: Placement,
    pub rung: Rung,
    /// Of what was ranked together: one category, one context.
    pub list: u64,
    /// Place of its id in [`AllShown::item_ids`].
    pub item: u32,
    /// From 0; those far down are one.
    pub position: u8,
    /// The customer or visit, by a number of this reading.
    pub unit: u64,
    /// Without what policies, outcomes and its placement made of it.
    pub score: f32,
    /// As far as it came.
    pub step: Step,
    /// Before the newest answer.
    pub age_days: f64,
    /// Of the newest fifth of the answers of its placement.
    pub is_later: bool,
}

/// Answers of a placement that were seen and are not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Older ones, for which there was no room.
    pub n_old: usize,
    /// Those of which neither the record nor an event names a customer or session.
    pub n_of_nobody: usize,
    /// Those of a customer or visit that had more than its share of the day.
    pub n_too_many: usize,
}

/// All offers that were seen and stood there because they sell, in the order of their answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AllShown {
    pub item_ids: Vec<Box<str>>,
    pub offers: Vec<Shown>,
    /// By placement; those of which nothing was left out are none of it.
    pub left_out: Vec<(Placement, LeftOut)>,
    /// Of the answers that were seen one in so many was looked at.
    pub one_in: u64,
}

impl AllShown {
    /// Reads the logs of a store; `now`: what is newer is left out.
    pub async fn read(store: &Store, now: Timestamp) -> Result<AllShown> {
        let key = key_of(&store.store_id().await?);
        let mut kept = Kept::new(key, now, Seen::default());
        let mut since = now;
        for days in DAYS {
            since = Timestamp(now.0.saturating_sub(days * DAY_US));
            let mut seen = Seen::default();
            let see = |event: PastEvent| {
                if event.at <= now {
                    seen.see(&event);
                }
            };
            store.each_event(since, see).await?;
            if seen.names.is_empty() {
                continue;
            }
            kept = Kept::new(key, now, seen);
            let take = |record: &DecisionRecord| {
                if record.at <= now {
                    kept.take(record);
                }
            };
            store.each_decision(since, take).await?;
            if kept.is_enough() {
                break;
            }
        }
        if kept.outcomes.answers.is_empty() {
            return Ok(AllShown::default());
        }
        let hear = |event: PastEvent| {
            if event.at <= now {
                kept.hear(&event);
            }
        };
        store.each_event(since, hear).await?;
        Ok(kept.all_shown())
    }
}

/// Names of the answers that somebody saw.
#[derive(Debug, Default)]
struct Seen {
    names: HashSet<u64>,
    /// Only names that end in so many zeros are looked at.
    n_zeros: u32,
}

impl Seen {
    fn see(&mut self, event: &PastEvent) {
        let is_of_offers = matches!(
            event.kind,
            EventKind::RecommendationImpression
                | EventKind::RecommendationView
                | EventKind::RecommendationClick
                | EventKind::AddToCart
                | EventKind::Purchase
        );
        if !is_of_offers {
            return;
        }
        let of_lines = event.lines.iter().filter_map(|line| line.origin.as_deref());
        for name in event.recommendation_id.as_deref().into_iter().chain(of_lines) {
            let name = hash_of(name);
            if self.n_zeros <= name.trailing_zeros() {
                self.names.insert(name);
            }
        }
        while MAX_SEEN < self.names.len() {
            self.n_zeros += 1;
            let n_zeros = self.n_zeros;
            self.names.retain(|name| n_zeros <= name.trailing_zeros());
        }
    }
}

/// The answers that are kept, each placement's in a row of its own.
struct Kept {
    outcomes: Outcomes,
    seen: Seen,
    rows: [VecDeque<(i64, u64)>; Placement::ALL.len()],
    left_out: [LeftOut; Placement::ALL.len()],
    max_of_placement: usize,
    /// The day up to which old clicks were forgotten.
    day: i64,
}

impl Kept {
    fn new(key: u64, now: Timestamp, seen: Seen) -> Kept {
        Kept {
            // Nobody is compared here, so there are no units.
            outcomes: Outcomes::new(Vec::new(), key, now),
            seen,
            rows: Default::default(),
            left_out: Default::default(),
            max_of_placement: MAX_OF_PLACEMENT,
            day: i64::MIN,
        }
    }

    /// Do two placements have all they have room for, or all that showed anything?
    fn is_enough(&self) -> bool {
        let n_full = self.rows.iter().filter(|row| row.len() == self.max_of_placement).count();
        let n_used = self.rows.iter().filter(|row| !row.is_empty()).count();
        0 < n_full && n_full >= n_used.min(2)
    }

    fn take(&mut self, record: &DecisionRecord) {
        let name = hash_of(&record.recommendation_id);
        if !self.seen.names.contains(&name) || self.outcomes.answers.contains_key(&name) {
            return;
        }
        let Some(read) = recorded::read(&record.payload) else { return };
        let is_by_sales = |rung: u8| is_by_sales(Rung::ALL[usize::from(rung)]);
        if !read.offers.iter().any(|offer| offer.is_ranked && is_by_sales(offer.rung)) {
            return;
        }
        let at = usize::from(read.placement);
        self.outcomes.open(name, record, &read, None);
        self.rows[at].push_back((record.at.0, name));
        if self.max_of_placement < self.rows[at].len()
            && let Some((_, name)) = self.rows[at].pop_front()
        {
            self.outcomes.answers.remove(&name);
            self.left_out[at].n_old += 1;
        }
    }

    fn hear(&mut self, event: &PastEvent) {
        let day = event.at.0.div_euclid(DAY_US);
        if self.day + OPEN_DAYS < day {
            self.outcomes.forget_clicks(event.at);
            self.day = day;
        }
        self.outcomes.hear(event);
    }

    fn all_shown(mut self) -> AllShown {
        let newest_us = self.rows.iter().flatten().map(|&(at_us, _)| at_us).max().unwrap_or(0);
        let mut people = People::default();
        let mut offers = Vec::new();
        for (placement, row) in Placement::ALL.into_iter().zip(&mut self.rows) {
            row.make_contiguous().sort_unstable();
            let left_out = &mut self.left_out[placement as usize];
            let n = row.len();
            for (before, &(at_us, name)) in row.iter().enumerate() {
                let answer = &self.outcomes.answers[&name];
                let Some(unit) = people.count(placement, answer, left_out) else { continue };
                let offered = answer.offers.iter().filter(|offer| {
                    offer.is_ranked && is_by_sales(Rung::ALL[usize::from(offer.cell.rung)])
                });
                for offer in offered {
                    let Some(step) = offer.step else { continue };
                    let item = offer.cell.item;
                    if !people.is_first((placement, unit, item), step) {
                        continue;
                    }
                    offers.push(Shown {
                        placement,
                        rung: Rung::ALL[usize::from(offer.cell.rung)],
                        list: answer.list,
                        item,
                        position: offer.cell.position,
                        unit,
                        score: offer.score,
                        step,
                        age_days: (newest_us - at_us) as f64 / DAY_US as f64,
                        is_later: 5 * (before + 1) > 4 * n,
                    });
                }
            }
        }
        let left_out = Placement::ALL.into_iter().zip(self.left_out);
        let left_out = left_out.filter(|(_, left_out)| *left_out != LeftOut::default());
        AllShown {
            left_out: left_out.collect(),
            one_in: 1 << self.seen.n_zeros,
            item_ids: self.outcomes.item_ids,
            offers,
        }
    }
}

/// Customers and visits, and what each did already.
#[derive(Default)]
struct People {
    numbers: HashMap<Who, u64>,
    of_day: HashMap<(Placement, u64, i64), u32>,
    responded: HashSet<(Placement, u64, u32)>,
}

impl People {
    /// Whose answer it is, if it counts. What nobody did anything with was not seen.
    fn count(
        &mut self,
        placement: Placement,
        answer: &OpenAnswer,
        left_out: &mut LeftOut,
    ) -> Option<u64> {
        if answer.offers.iter().all(|offer| offer.step.is_none()) {
            return None;
        }
        let Some(who) = answer.who else {
            left_out.n_of_nobody += 1;
            return None;
        };
        let next = self.numbers.len() as u64;
        let unit = *self.numbers.entry(who).or_insert(next);
        let day = answer.at_us.div_euclid(DAY_US);
        let n_of_day = self.of_day.entry((placement, unit, day)).or_default();
        *n_of_day += 1;
        if MAX_OF_DAY < *n_of_day {
            left_out.n_too_many += 1;
            return None;
        }
        Some(unit)
    }

    /// Whoever responded to an item is not asked again.
    fn is_first(&mut self, what: (Placement, u64, u32), step: Step) -> bool {
        match step > Step::Seen {
            true => self.responded.insert(what),
            false => !self.responded.contains(&what),
        }
    }
}

/// Does it stand there because it sells?
fn is_by_sales(rung: Rung) -> bool {
    matches!(rung, Rung::Category | Rung::SegmentPopular | Rung::Popular)
}

#[cfg(test)]
mod tests;
