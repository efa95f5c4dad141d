//! Why was an item not offered? Asked of the same world and request as the decision.

use crate::decision::{Decision, NoOffer, Offer};
use crate::gate::Gate;
use crate::request::Request;
use crate::slate::{Workspace, count_for, crowded_by, decide, decide_all, stopped_by, with_limits};
use policy::ContactStop;
use score::World;

/// The answer for one item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WhyNot {
    /// It was offered, at this rank (1 = first).
    Offered { rank: usize },
    /// A gate stopped it.
    Stopped(Gate),
    /// It passed every gate but others ranked higher: its rank and score among all that did.
    Outranked { rank: usize, score: f32 },
    /// Its rank and score are high enough, but it is too like an offer above.
    TooAlike { rank: usize, score: f32 },
    /// No source proposed it: never bought with the context, not in the history.
    NotProposed,
}

/// Repeats the decision with room for every candidate and looks where the item went.
pub fn why_not(
    world: &World,
    request: &Request<'_>,
    item: u32,
    workspace: &mut Workspace,
) -> WhyNot {
    if item as usize >= world.n_items() {
        return WhyNot::NotProposed;
    }
    let rank_in = |decision: &Decision| decision.offers.iter().position(|o| o.item == item);
    let decision = decide(world, request, workspace);
    if let Some(at) = rank_in(&decision) {
        return WhyNot::Offered { rank: at + 1 };
    }
    let is_diverse = decision.offers.iter().any(|offer| offer.likeness.is_some());
    let n_offered = if is_diverse { decision.offers.len() } else { 0 };
    // Of a slate that was taken back no variant stands anywhere.
    let is_empty = decision.offers.is_empty();
    let gate = stopped_by(world, request, item, workspace);
    if let Some(gate) = gate.filter(|gate| !is_empty || *gate != Gate::VariantOffered) {
        return WhyNot::Stopped(gate);
    }
    // Whatever the catalog's size: past a limit, an item that lost would look like one that nobody
    // proposed.
    let endless = decide_all(world, request, false, workspace);
    if let Some(at) = rank_in(&endless) {
        let whole = decision.no_offer.and_then(gate_of);
        let own = || passed_over(world, request, (&decision, &endless, at), workspace);
        let (rank, score) = (at + 1, endless.offers[at].score);
        return match whole.or_else(own) {
            Some(gate) => WhyNot::Stopped(gate),
            None if rank <= n_offered => WhyNot::TooAlike { rank, score },
            None => WhyNot::Outranked { rank, score },
        };
    }
    if rank_in(&decide_all(world, request, true, workspace)).is_some() {
        return WhyNot::Stopped(Gate::Relation);
    }
    if earns_nothing(world, request, item, workspace) {
        return WhyNot::Stopped(Gate::NoValue);
    }
    let open = Request { evidence_required: Some(false), ..request.clone() };
    let decision = decide_all(world, &open, true, workspace);
    match rank_in(&decision) {
        Some(at) if decision.offers[at].rung <= score::Rung::Content => {
            WhyNot::Stopped(Gate::NoEvidence)
        }
        _ => WhyNot::NotProposed,
    }
}

/// Does the placement rank by what sales earn, and a sale of this earns nothing?
fn earns_nothing(
    world: &World,
    request: &Request<'_>,
    item: u32,
    workspace: &mut Workspace,
) -> bool {
    let value =
        with_limits(world, request, workspace, |limits, _| limits.policies?.lever(item).value);
    value == Some(0.0)
}

/// The gate that a whole slate did not pass.
fn gate_of(no_offer: NoOffer) -> Option<Gate> {
    match no_offer {
        NoOffer::NothingFound | NoOffer::NotKnown => None,
        NoOffer::TooFew => Some(Gate::TooFew),
        NoOffer::InterruptionCost { .. } => Some(Gate::InterruptionCost),
        NoOffer::MarketingRefused => Some(Gate::MarketingRefused),
        NoOffer::NoUplift { .. } => Some(Gate::NoUplift),
    }
}

/// Why an item of an endless slate did not come into the real one, though what stands behind it
/// did, or a place was left.
fn passed_over(
    world: &World,
    request: &Request<'_>,
    (decision, endless, at): (&Decision, &Decision, usize),
    workspace: &mut Workspace,
) -> Option<Gate> {
    let gate = crowded_by(world, request, decision, &endless.offers[at], workspace)?;
    let mut behind = endless.offers[at + 1..].iter();
    let is_in = |other: &Offer| decision.offers.iter().any(|offer| offer.item == other.item);
    let is_passed = behind.any(is_in);
    let is_full = count_for(request) <= decision.offers.len();
    (is_passed || !is_full).then_some(gate)
}

/// What the contact policy at a place of the table counted for an item; `None`: it is none, or not
/// in force.
pub fn contact_stop(
    world: &World,
    request: &Request<'_>,
    (policy, item): (u16, u32),
    workspace: &mut Workspace,
) -> Option<ContactStop> {
    with_limits(world, request, workspace, |limits, _| limits.policies?.contact_stop(policy, item))
}

#[cfg(test)]
mod tests;
