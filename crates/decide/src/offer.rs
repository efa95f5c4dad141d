//! From a ranked candidate to an offer: how it stands to what is there, and why it is offered.

use crate::decision::{Evidence, Offer, Reason, ReasonCode, Relation};
use events::ItemKind;
use score::{Candidate, Rung, World};

pub(crate) fn offer_of(
    world: &World,
    candidate: &Candidate,
    evidence: Option<Evidence>,
    rung: Rung,
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
        (_, Some(_)) => ReasonCode::BoughtTogether,
        _ if was_bought => ReasonCode::ForYou,
        (Rung::Personal, None) => ReasonCode::ForYou,
        _ => ReasonCode::CompletesCart,
    };
    Offer {
        item: candidate.item,
        score: candidate.score,
        relation,
        reason: Reason { code, evidence, about: None },
        rung,
        policy: None,
        likeness: None,
        response: None,
    }
}
