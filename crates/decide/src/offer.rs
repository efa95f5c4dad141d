//! From a ranked candidate to an offer: how it stands to what is there, and why it is offered.

use crate::decision::{Evidence, Offer, Reason, ReasonCode, Relation};
use events::ItemKind;
use score::{Candidate, Rung, World};

/// `is_cart`: were the items of the rung in a cart or on a page? Else a pair names what nobody sees
/// there: what the customer bought before.
pub(crate) fn offer_of(
    world: &World,
    candidate: &Candidate,
    evidence: Option<Evidence>,
    (rung, is_cart): (Rung, bool),
) -> Offer {
    let was_bought = candidate.features[score::blend::HISTORY] > 0.0;
    let relation = match world.catalog.state(candidate.item).kind() {
        _ if was_bought => Relation::Replenish,
        ItemKind::Account => Relation::NextProduct,
        ItemKind::Service => Relation::Attach,
        _ => Relation::Complement,
    };
    let code = match (rung, evidence) {
        (Rung::Content, _) => ReasonCode::SimilarContent,
        _ if was_bought && (!is_cart || evidence.is_none()) => ReasonCode::BoughtBefore,
        (Rung::Personal, _) if !is_cart => ReasonCode::ForYou,
        (_, Some(_)) => ReasonCode::BoughtTogether,
        (Rung::Personal, None) => ReasonCode::ForYou,
        _ => ReasonCode::CompletesCart,
    };
    let reason = Reason { code, evidence, ..Reason::default() };
    Offer::plain((candidate.item, candidate.score), relation, reason, rung)
}
