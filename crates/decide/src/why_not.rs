//! Why was an item not offered? Asked of the same world and request as the decision.

use crate::decision::{Decision, Warning};
use crate::gate::Gate;
use crate::request::Request;
use crate::slate::{Workspace, decide, decide_all, stopped_by};
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
    let is_too_few = |warning: &Warning| matches!(warning, Warning::TooFew { .. });
    let is_too_few = decision.warnings.iter().any(is_too_few);
    if let Some(gate) = stopped_by(world, request, item, workspace) {
        return WhyNot::Stopped(gate);
    }
    // Whatever the catalog's size: past a limit, an item that lost would look like one that nobody
    // proposed.
    let decision = decide_all(world, request, false, workspace);
    if let Some(at) = rank_in(&decision) {
        if is_too_few {
            return WhyNot::Stopped(Gate::TooFew);
        }
        let (rank, score) = (at + 1, decision.offers[at].score);
        return match rank <= n_offered {
            true => WhyNot::TooAlike { rank, score },
            false => WhyNot::Outranked { rank, score },
        };
    }
    if rank_in(&decide_all(world, request, true, workspace)).is_some() {
        return WhyNot::Stopped(Gate::Relation);
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

#[cfg(test)]
mod tests;
