//! What is counted while a slate is made: caps of contact policies, places for what is new, and
//! what the whole is expected to earn.
//!
//! ```text
//! gain(slate) = Σ  P(item) × (price − cost)        where price and cost are known
//! P(item)     = the larger of  P(item | anchor), shrunk,  and  n(item) / n(orders)
//! places for what was bought before = count − ⌈new_share × count⌉
//! ```

use super::depth::{count_of, rules_of};
use super::{Slate, Workspace, with_limits};
use crate::decision::{Decision, NewThings, NoOffer, Offer, Relation};
use crate::gate::Gate;
use crate::request::Request;
use events::Amount;
use policy::Cost;
use score::World;

impl Slate<'_> {
    /// May whoever asks be offered something here at all?
    pub(super) fn may_contact(&mut self) -> bool {
        let is_refused =
            self.request.circumstances.refuses_contact && self.request.placement.is_contact();
        if is_refused && !self.is_endless {
            self.no_offer = Some(NoOffer::MarketingRefused);
            return false;
        }
        true
    }

    /// Keeps places of the slate free for what the customer never bought. Of a guest nobody knows
    /// what they bought: all is new.
    pub(super) fn keep_places(&mut self) {
        let is_known = self.request.customer.is_some() || !self.request.bought_since.is_empty();
        if is_known && 0.0 < self.rules.new_share && !self.is_endless {
            self.bought_left = Some(self.count - reserved(self.rules.new_share, self.count));
        }
    }

    /// Caps and quotas count what is taken in order: nothing is chosen anew from what was found
    /// beyond, neither for variety nor by a draw.
    pub(super) fn counts_places(&self) -> bool {
        let counts_offers = self.limits.policies.is_some_and(|policies| policies.counts_offers());
        counts_offers || self.bought_left.is_some()
    }

    fn was_bought(&self, item: u32) -> bool {
        was_bought(self.world, self.request, item)
    }

    /// Does no contact policy say that there is enough of it?
    pub(super) fn is_uncrowded(&self, item: u32, relation: Relation) -> bool {
        match &self.limits.policies {
            Some(policies) if policies.counts_offers() && !self.is_endless => {
                policies.crowded_by(item, relation as usize, &self.taken).is_none()
            }
            _ => true,
        }
    }

    pub(super) fn has_room(&self, item: u32, relation: Relation) -> bool {
        let is_kept_free = self.bought_left == Some(0) && self.was_bought(item);
        !is_kept_free && self.is_uncrowded(item, relation)
    }

    /// One more offer stands in the slate.
    pub(super) fn note_taken(&mut self, item: u32, relation: Relation) {
        if self.limits.policies.is_some_and(|policies| policies.counts_offers()) {
            self.taken.push((item, relation as usize));
        }
        if let Some(left) = self.bought_left
            && self.was_bought(item)
        {
            // What is pinned stands there all the same.
            self.bought_left = Some(left.saturating_sub(1));
        }
    }

    /// Takes the slate back where it is not worth to interrupt for it.
    pub(super) fn weigh_interruption(&mut self) {
        let Some(cost) = self.rules.interruption_cost.filter(|cost| Amount::ZERO < cost.amount)
        else {
            return;
        };
        if self.offers.is_empty() || self.is_endless {
            return;
        }
        let gains = self.offers.iter().map(|offer| self.gain_of(offer, cost));
        let gain = gains.fold(Amount::ZERO, |sum, gain| sum.checked_add(gain).unwrap_or(sum));
        if gain < cost.amount {
            self.no_offer = Some(NoOffer::InterruptionCost { gain, cost: cost.amount });
            self.offers.clear();
        }
    }

    /// What an offer is expected to earn; nothing where that cannot be told.
    fn gain_of(&self, offer: &Offer, cost: Cost) -> Amount {
        let told = cost.currency.zip(self.world.currency(offer.item));
        let is_comparable = told.is_none_or(|(one, other)| one == other);
        let margin = expected_margin(self.world, offer).filter(|_| is_comparable);
        margin.unwrap_or(Amount::ZERO)
    }

    /// What became of the quota.
    pub(super) fn tell_new_things(&mut self) {
        if self.bought_left.is_none() {
            return;
        }
        let n_bought = self.offers.iter().filter(|offer| self.was_bought(offer.item)).count();
        let n_new = self.offers.len() - n_bought;
        let reserved = reserved(self.rules.new_share, self.asked);
        self.new_things = Some(NewThings { reserved, n_new, n_bought });
    }
}

/// What an offer is expected to earn, by the formula above, in the currency of its item; `None`:
/// its price or its cost is not known.
pub fn expected_margin(world: &World, offer: &Offer) -> Option<Amount> {
    let state = world.catalog.state(offer.item);
    let margin = Amount(state.price()?.0.checked_sub(state.cost()?.0)?);
    let n_baskets = f64::from(world.snapshot.n_baskets()).max(1.0);
    let base = f64::from(world.n_item_baskets(offer.item)) / n_baskets;
    let paired = offer.reason.evidence.map_or(0.0, |evidence| f64::from(evidence.probability));
    let probability = Amount::from_f64(base.max(paired).clamp(0.0, 1.0)).ok()?;
    margin.checked_mul(probability)
}

/// As far as it is known.
pub(super) fn was_bought(world: &World, request: &Request<'_>, item: u32) -> bool {
    let of_row = |row| world.snapshot.customer_items(row).0.contains(&item);
    request.customer.is_some_and(of_row) || request.bought_since.contains(&item)
}

/// Places of a slate that are for new things.
pub(super) fn reserved(new_share: f32, count: usize) -> usize {
    // A share is written with few digits: what a float makes of 0.3 × 10 is 3, and not 4.
    let exact = f64::from(new_share) * count as f64;
    ((exact - 1e-5).ceil().max(0.0) as usize).min(count)
}

/// How many offers a request is for.
pub(crate) fn count_for(request: &Request<'_>) -> usize {
    count_of(request, &rules_of(request), &mut Vec::new())
}

/// What stopped an item that passed every gate and would have stood in an endless slate: a contact
/// policy of which there was enough in the slate, or places kept for something new.
pub(crate) fn crowded_by(
    world: &World,
    request: &Request<'_>,
    decision: &Decision,
    offer: &Offer,
    workspace: &mut Workspace,
) -> Option<Gate> {
    let taken = decision.offers.iter().map(|offer| (offer.item, offer.relation as usize));
    let taken: Vec<(u32, usize)> = taken.collect();
    let crowd = with_limits(world, request, workspace, |limits, _| {
        limits.policies?.crowded_by(offer.item, offer.relation as usize, &taken)
    });
    let is_full =
        decision.new_things.is_some_and(|new| count_for(request) <= new.n_bought + new.reserved);
    let is_kept_free = is_full && was_bought(world, request, offer.item);
    crowd.map(Gate::Policy).or(is_kept_free.then_some(Gate::NewShare))
}
