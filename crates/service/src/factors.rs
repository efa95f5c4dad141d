//! What each offer's rank is made of, for those who may know and ask to have an answer explained.

use crate::json_text::JsonText;
use decide::{Decision, Offer, PolicyTouch};
use policy::PolicyTable;
use score::World;

/// The score that an answer tells. Where offers are ranked by what a sale brings it is that before:
/// a page, which anybody can read, would tell margins by it.
pub(crate) fn told_score(offer: &Offer) -> f64 {
    let value = offer.value.filter(|value| *value > 0.0).unwrap_or(1.0);
    f64::from(offer.score) / f64::from(value)
}

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

/// Which policy moved the offer, and how.
pub(crate) fn write_touch(out: &mut JsonText, policies: &PolicyTable, touch: &PolicyTouch) {
    out.raw(",\"policy\":{\"name\":");
    out.string(&policies.policy(touch.policy).name);
    out.raw(",\"kind\":\"");
    out.raw(policies.policy(touch.policy).kind.as_str());
    out.raw("\",\"version\":");
    out.number(policies.version());
    out.raw(",\"factor\":");
    out.estimate(f64::from(touch.factor));
    out.raw("}");
}
