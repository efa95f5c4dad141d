//! Offers found beyond those that are shown: the pool for diversity, and the arms of explored
//! places. A placement that asks for neither finds none, and pays nothing.

use super::Slate;
use super::depth::Depth;
use crate::diversity::diversify;
use crate::explore::{Choice, N_ARMS};
use crate::gate::Marks;
use crate::placement::PlacementRules;

/// Of each offer that is shown, candidates that diversity chooses from beside it.
const POOL_PER_OFFER: usize = 3;
const MAX_POOL: usize = 36;

/// How many more are found than are shown. Who asks where an item would stand asks by rank alone.
pub(super) fn n_spare(rules: &PlacementRules, depth: Depth) -> usize {
    if depth.is_endless {
        return 0;
    }
    let pool = (POOL_PER_OFFER * depth.count).min(MAX_POOL);
    let arms = N_ARMS - 1;
    let pool = if rules.diversity > 0.0 { pool } else { 0 };
    pool.max(if rules.explore > 0.0 { arms } else { 0 })
}

impl Slate<'_> {
    /// Offers that are to be found, with those to choose from; a slate that is full needs none.
    pub(super) fn limit(&self) -> usize {
        if self.offers.len() < self.count { self.count + self.n_spare } else { self.count }
    }

    /// Chooses from what one rung found, from a place on, and lets go of the rest: a rung further
    /// down never takes the place of one above.
    pub(super) fn settle(&mut self, from: usize, marks: &mut Marks) {
        if self.n_spare == 0 || self.offers.len() <= from {
            return;
        }
        let n_open = self.count.saturating_sub(from);
        if self.rules.diversity > 0.0 {
            diversify(self.world, &mut self.offers, (from, n_open), 1.0 - self.rules.diversity);
        }
        let n_left = self.offers.len().saturating_sub(self.count);
        if n_left > 0 && self.rules.explore > 0.0 {
            let n_places = self.rules.explore_places.min(n_open);
            let first = self.count - n_places;
            let last = self.offers.len().min(first + N_ARMS.max(n_places + 1));
            self.choice = Some(Choice {
                places: Vec::with_capacity(n_places),
                arms: self.offers[first..last].to_vec(),
                n_places,
                share: self.rules.explore,
            });
        }
        for offer in self.offers.drain(self.offers.len() - n_left..) {
            marks.clear_offered(offer.item);
        }
    }

    /// Where the first arms stand once the slate is whole; without all of them there is no choice.
    pub(super) fn find_places(&mut self) {
        let Some(choice) = &mut self.choice else { return };
        let stands = |item: u32| self.offers.iter().position(|offer| offer.item == item);
        let first = choice.arms.iter().take(choice.n_places);
        choice.places.extend(first.filter_map(|arm| stands(arm.item)));
        if choice.places.len() < choice.n_places || choice.n_places == 0 {
            self.choice = None;
        }
    }
}
