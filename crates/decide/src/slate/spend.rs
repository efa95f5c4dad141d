//! Offers that are not spent: on who buys anyway, or is put off.
//!
//! A placement that is for responders shows nothing to a customer of whom the snapshot knows that
//! offers are not expected to bring more than the least that is asked. Whoever it knows nothing of
//! is offered something as anywhere, and so is a share of the others, by who asks: or nobody would
//! ever learn that they changed.

use super::Slate;
use crate::decision::{NoOffer, Spend};
use crate::request::Request;
use events::Amount;
use score::World;

/// What is known of whoever asks; `None`: nobody asks for it here, nothing is known of them, or
/// they are expected to bring more than the least.
pub(crate) fn spend_of(world: &World, request: &Request<'_>) -> Option<Spend> {
    let rule = request.policies?.rule(request.placement as usize);
    if !rule.spends_on_responders() {
        return None;
    }
    let known = world.snapshot.uplift();
    let uplift = known.of_customer(request.customer?)?;
    let least = match rule.least_uplift {
        // A cost in another currency than the uplift cannot be held against it.
        Some(cost) => {
            let told = cost.currency.zip(known.currency);
            told.is_none_or(|(one, other)| one == other).then_some(cost.amount)?
        }
        None => Amount::ZERO,
    };
    let is_left_out = !request.is_offered_anyway;
    (uplift <= least).then_some(Spend { uplift, least, is_left_out })
}

impl Slate<'_> {
    /// Is an offer worth spending on whoever asks?
    pub(super) fn is_spent_on(&mut self) -> bool {
        let left_out = self.spend.filter(|spend| spend.is_left_out && !self.is_endless);
        if let Some(spend) = left_out {
            let Spend { uplift, least, .. } = spend;
            self.no_offer = Some(NoOffer::NoUplift { uplift, least });
        }
        left_out.is_none()
    }
}
