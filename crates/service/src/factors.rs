//! What each offer's rank is made of, for those who ask to have an answer explained.

use crate::json_text::JsonText;
use decide::{Decision, Offer};
use score::World;

/// `"factors":{"item":{"propensity":…,"context_weight":…,"value":…,"lever":…,"response":…},…}`:
/// their product is the score.
pub(crate) fn write(out: &mut JsonText, world: &World, decision: &Decision) {
    let is_moved =
        |offer: &Offer| offer.policy.is_some() || offer.value.is_some() || offer.response.is_some();
    if !decision.offers.iter().any(is_moved) {
        return;
    }
    for (at, offer) in decision.offers.iter().enumerate() {
        out.raw(if at == 0 { ",\"factors\":{" } else { "," });
        out.string(world.item_id(offer.item));
        out.raw(":");
        write_factors(out, offer);
    }
    out.raw("}");
}

fn write_factors(out: &mut JsonText, offer: &Offer) {
    let (factor, context_weight) =
        offer.policy.map_or((1.0, 1.0), |touch| (touch.factor, touch.context_weight));
    let (value, response) = (offer.value.unwrap_or(1.0), offer.response.unwrap_or(1.0));
    let moved = f64::from(factor) * f64::from(value) * f64::from(response);
    out.raw("{\"propensity\":");
    match moved > 0.0 {
        true => out.estimate(f64::from(offer.score) / moved),
        false => out.raw("null"),
    }
    out.raw(",\"context_weight\":");
    out.estimate(f64::from(context_weight));
    out.raw(",\"value\":");
    match offer.value {
        Some(value) if value != policy::value::UNKNOWN => out.estimate(f64::from(value)),
        _ => out.raw("null"),
    }
    out.raw(",\"lever\":");
    out.estimate(if context_weight > 0.0 { f64::from(factor / context_weight) } else { 0.0 });
    out.raw(",\"response\":");
    out.estimate(f64::from(response));
    out.raw("}");
}
