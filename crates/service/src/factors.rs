//! What each offer's rank is made of, for those who may know and ask to have an answer explained.

use crate::json_text::JsonText;
use decide::{Decision, Offer, PolicyTouch};
use policy::PolicyTable;
use score::World;

/// The score that an answer tells. Where offers are ranked by what a sale brings it is that before:
/// a page, which anybody can read, would tell margins by it. What does much better at a placement
/// than it sells is ranked by a product that may pass 1; as a share of orders it is told as 1.
pub(crate) fn told_score(offer: &Offer) -> f64 {
    let value = offer.value.filter(|value| *value > 0.0).unwrap_or(1.0);
    let score = f64::from(offer.score) / f64::from(value);
    let lever = offer.policy.map_or(1.0, |touch| f64::from(touch.factor));
    match offer.here.is_some() {
        true => score.min(lever),
        false => score,
    }
}

/// `"factors":{"item":{"propensity":…,"here":…,"context_weight":…,"value":…,"lever":…,
/// "response":…},…}`: their product is what the offer is ranked by.
pub(crate) fn write(out: &mut JsonText, world: &World, decision: &Decision) {
    let is_moved = |offer: &Offer| {
        offer.policy.is_some()
            || offer.value.is_some()
            || offer.response.is_some()
            || offer.here.is_some()
    };
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
    let here = offer.here.unwrap_or(1.0);
    let moved = f64::from(factor) * f64::from(value) * f64::from(response) * f64::from(here);
    out.raw("{\"propensity\":");
    match moved > 0.0 {
        true => out.estimate(f64::from(offer.score) / moved),
        false => out.raw("null"),
    }
    out.raw(",\"here\":");
    out.estimate(f64::from(here));
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

#[cfg(test)]
mod tests {
    use super::*;
    use decide::{Reason, Relation, Rung};

    fn offer(score: f32) -> Offer {
        Offer {
            item: 0,
            score,
            relation: Relation::Complement,
            reason: Reason::default(),
            rung: Rung::Popular,
            policy: None,
            likeness: None,
            response: None,
            here: None,
            value: None,
        }
    }

    #[test]
    fn a_share_of_orders_is_told_as_no_more_than_all_of_them() {
        let here = |score: f32| Offer { here: Some(4.0), ..offer(score) };
        assert_eq!((told_score(&here(0.5)), told_score(&here(2.838))), (0.5, 1.0));
        assert_eq!(told_score(&Offer { value: Some(10.0), ..here(28.38) }), 1.0);
        // Policies multiply what is told.
        let touch = PolicyTouch { policy: 0, factor: 3.0, context_weight: 1.0, pinned_at: None };
        let boosted = Offer { policy: Some(touch), ..here(6.0) };
        assert_eq!(told_score(&boosted), 3.0);
        assert_eq!(told_score(&Offer { here: None, ..boosted }), 6.0);
    }

    #[test]
    fn the_product_of_the_factors_is_what_the_offer_is_ranked_by() {
        let mut out = JsonText::with_capacity(64);
        let moved = Offer { here: Some(4.0), response: Some(0.5), ..offer(1.2) };
        write_factors(&mut out, &moved);
        let told: serde_json::Value = serde_json::from_slice(&out.into_bytes()).unwrap();
        let product: f64 = ["propensity", "here", "context_weight", "lever", "response"]
            .map(|name| told[name].as_f64().expect(name))
            .iter()
            .product();
        assert!((product - 1.2).abs() < 1e-3, "{told}");
        assert_eq!(told["here"].as_f64(), Some(4.0));
    }
}
