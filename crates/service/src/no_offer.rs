//! Why there is nothing, and on whom offers are not spent.
//!
//! A placement may be for those who respond (`spend_on` in the policies). Of the others a share is
//! offered something all the same: by them it is seen when they change, and the next learning has
//! somebody to learn from.

use crate::answer::write_amount;
use crate::json_text::JsonText;
use decide::{Decision, NoOffer, Request};
use events::Amount;
use measure::assignment::Unit;
use measure::uplift::responders::is_offered_anyway;

/// What is asked, by a customer who may be of the share that is offered something anyway.
pub(crate) fn as_spent_on<'a>(
    asked: Request<'a>,
    visitor: Option<Unit<'_>>,
    key: u64,
) -> Request<'a> {
    let rule = asked.policies.map(|policies| policies.rule(asked.placement as usize));
    let is_asked = rule.is_some_and(|rule| rule.spends_on_responders());
    let known = asked.customer.filter(|_| is_asked).and(visitor);
    let is_in_share = |unit: Unit<'_>| is_offered_anyway(unit.id(key), key);
    Request { is_offered_anyway: known.is_some_and(is_in_share), ..asked }
}

/// Why there is nothing, and what became of the quota of new things. That a customer buys anyway is
/// no business of a page.
pub(crate) fn write(out: &mut JsonText, decision: &Decision, is_trusted: bool) {
    if let Some(no_offer) = decision.no_offer {
        let told = match no_offer {
            NoOffer::NoUplift { .. } if !is_trusted => NoOffer::NothingFound,
            told => told,
        };
        out.raw(",\"no_offer\":{\"code\":\"");
        out.raw(told.as_str());
        out.raw("\"");
        let amounts: Option<[(&str, Amount); 2]> = match told {
            NoOffer::InterruptionCost { gain, cost } if is_trusted => {
                Some([(",\"expected_gain\":", gain), (",\"interruption_cost\":", cost)])
            }
            NoOffer::NoUplift { uplift, least } => {
                Some([(",\"expected_uplift\":", uplift), (",\"least_uplift\":", least)])
            }
            _ => None,
        };
        for (name, amount) in amounts.into_iter().flatten() {
            out.raw(name);
            write_amount(out, amount);
        }
        out.raw("}");
    }
    if let Some(new) = decision.new_things {
        for (name, n) in [
            (",\"new_things\":{\"reserved\":", new.reserved),
            (",\"new\":", new.n_new),
            (",\"bought_before\":", new.n_bought),
        ] {
            out.raw(name);
            out.number(n as u64);
        }
        out.raw("}");
    }
}

/// For the record and for `explain`: `,"spend":{"uplift":…,"least":…,"left_out":…}`, of a customer
/// who is not expected to respond.
pub(crate) fn write_spend(out: &mut JsonText, decision: &Decision) {
    let Some(spend) = decision.spend else { return };
    out.raw(",\"spend\":{\"uplift\":");
    write_amount(out, spend.uplift);
    out.raw(",\"least\":");
    write_amount(out, spend.least);
    out.raw(if spend.is_left_out { ",\"left_out\":true}" } else { ",\"left_out\":false}" });
}
