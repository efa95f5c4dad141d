//! Offers found beyond those that are shown: the pool that what came of offers and diversity choose
//! from, and the arms of explored places. A placement that asks for none of it pays nothing.

use super::Slate;
use super::depth::Depth;
use crate::decision::Offer;
use crate::diversity::diversify;
use crate::explore::{Choice, N_ARMS};
use crate::gate::Marks;
use crate::request::Request;
use score::responses::context_of;
use score::{Responses, World};
use std::sync::Arc;

/// Of each offer that is shown, candidates that diversity chooses from beside it.
const POOL_PER_OFFER: usize = 3;
const MAX_POOL: usize = 36;

/// What came of offers, where it moves those of this answer. Who asks where an item would stand
/// asks by rank alone.
pub(super) fn responses_for(
    world: &World,
    request: &Request<'_>,
    depth: Depth,
) -> Option<Arc<Responses>> {
    let asks = !depth.is_endless && request.learns_from_outcomes();
    asks.then(|| world.responses.load())
}

impl Slate<'_> {
    /// How many more are found than are shown.
    pub(super) fn count_spare(&self, depth: Depth) -> usize {
        if depth.is_endless {
            return 0;
        }
        let is_pool = self.rules.diversity > 0.0 || self.weighing().is_some();
        let pool = if is_pool { (POOL_PER_OFFER * depth.count).min(MAX_POOL) } else { 0 };
        let arms = if self.rules.explore > 0.0 { N_ARMS - 1 } else { 0 };
        pool.max(arms)
    }

    /// What came of offers of this placement, where anything is known of them.
    fn weighing(&self) -> Option<&Responses> {
        let placement = self.request.placement as u8;
        self.responses.as_deref().filter(|responses| responses.knows(placement))
    }

    /// Offers of one rung, from a place on, in the order of what is to be expected of them after
    /// what came of their like.
    fn weigh_responses(&mut self, from: usize) {
        let Some(responses) = self.weighing() else { return };
        let request = self.request;
        let context = context_of(request.cart.len(), request.customer.is_some());
        let asked = (request.placement as u8, context);
        // What the snapshot knows of the item here came of the same offers: once is enough.
        let instead = |offer: &Offer| {
            let of_item = responses.factor_of_item(asked, offer.relation as u8, offer.item);
            Some(of_item? / offer.here?)
        };
        let factor = |offer: &Offer| {
            let usual = || responses.factor(asked, offer.relation as u8, offer.item);
            instead(offer).unwrap_or_else(usual)
        };
        let factors: Vec<f32> = self.offers[from..].iter().map(factor).collect();
        let mut has_moved = false;
        for (offer, factor) in self.offers[from..].iter_mut().zip(factors) {
            if factor != 1.0 {
                offer.score *= factor;
                offer.response = Some(factor);
                has_moved = true;
            }
        }
        if has_moved {
            // Stable: equals stay as they were ranked.
            self.offers[from..].sort_by(|a, b| b.score.total_cmp(&a.score));
        }
    }

    /// Offers that are to be found, with those to choose from; a slate that is full needs none.
    pub(super) fn limit(&self) -> usize {
        if self.offers.len() < self.count { self.count + self.n_spare } else { self.count }
    }

    /// Chooses from what one rung found, from a place on, and lets go of the rest: a rung further
    /// down never takes the place of one above.
    pub(super) fn settle(&mut self, from: usize, marks: &mut Marks) {
        if self.offers.len() <= from {
            return;
        }
        self.weigh_responses(from);
        if self.n_spare == 0 {
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
            marks.clear_offered(self.world, offer.item);
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
