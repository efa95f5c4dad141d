//! What came of each offer that was seen, of all placements, for who reads the logs once.
//!
//! The newest answers are read, as many as a server keeps open; of a small shop three months of
//! them, of a large one a week holds enough, and no more of its log is read.

use super::{Learning, MAX_OPEN, Outcomes, Step};
use crate::error::Result;
use decide::{Placement, Rung};
use events::Timestamp;
use events::time::DAY_US;
use history::Store;
use measure::assignment::key_of;

/// So far back the log is read: further, where that holds too few answers.
const DAYS: [i64; 3] = [7, 28, 90];

/// An offer that was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown {
    pub placement: Placement,
    pub rung: Rung,
    /// Place of its id in [`AllShown::item_ids`].
    pub item: u32,
    /// From 0; those far down are one.
    pub position: u8,
    /// Without what policies, outcomes and its placement made of it.
    pub score: f32,
    /// As far as it came.
    pub step: Step,
    /// It stands where it does by its score.
    pub is_ranked: bool,
    /// Before the newest answer.
    pub age_days: f64,
    /// Of the newest fifth of the answers of its placement.
    pub is_later: bool,
}

/// All offers that were seen, in the order of their answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AllShown {
    pub item_ids: Vec<Box<str>>,
    pub offers: Vec<Shown>,
}

impl AllShown {
    /// Reads the logs of a store; `now`: what is newer is left out.
    pub async fn read(store: &Store, now: Timestamp) -> Result<AllShown> {
        let key = key_of(&store.store_id().await?);
        // Nobody is compared here, so nothing is of a unit.
        let never = Timestamp(i64::MAX);
        let learning = |placement: Placement| Learning { placement: placement as u8, since: never };
        let mut outcomes = Outcomes::new(Vec::new(), key, now);
        let mut since = now;
        for days in DAYS {
            let is_enough = outcomes.order.len() == MAX_OPEN;
            if is_enough {
                break;
            }
            outcomes = Outcomes::new(Placement::ALL.map(learning).to_vec(), key, now);
            since = Timestamp(now.0.saturating_sub(days * DAY_US));
            store
                .each_decision(since, |record| {
                    if record.at <= now {
                        outcomes.take(record);
                    }
                })
                .await?;
        }
        if outcomes.order.is_empty() {
            return Ok(AllShown::default());
        }
        store.each_event(since, |event| outcomes.hear(&event)).await?;
        Ok(outcomes.all_shown())
    }
}

impl Outcomes {
    /// Of the answers that are open.
    pub(super) fn all_shown(&self) -> AllShown {
        let newest_us = self.order.iter().map(|&(at_us, _)| at_us).max().unwrap_or(0);
        let mut n_of = [0_usize; Placement::ALL.len()];
        let placement_of =
            |name: &u64| Some(self.answers.get(name)?.offers.first()?.cell.placement);
        let placements: Vec<Option<u8>> =
            self.order.iter().map(|(_, name)| placement_of(name)).collect();
        placements.iter().flatten().for_each(|&placement| n_of[usize::from(placement)] += 1);
        let mut n_before = [0_usize; Placement::ALL.len()];
        let mut offers = Vec::new();
        for (&(at_us, name), placement) in self.order.iter().zip(placements) {
            let Some(at) = placement.map(usize::from) else { continue };
            n_before[at] += 1;
            let is_later = 5 * n_before[at] > 4 * n_of[at];
            for offer in &self.answers[&name].offers {
                let Some(step) = offer.step else { continue };
                offers.push(Shown {
                    placement: Placement::ALL[at],
                    rung: Rung::ALL[usize::from(offer.cell.rung)],
                    item: offer.cell.item,
                    position: offer.cell.position,
                    score: offer.score,
                    step,
                    is_ranked: offer.is_ranked,
                    age_days: (newest_us - at_us) as f64 / DAY_US as f64,
                    is_later,
                });
            }
        }
        AllShown { item_ids: self.item_ids.clone(), offers }
    }
}
