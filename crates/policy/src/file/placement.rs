//! What a file says of placements.

use super::Reader;
use crate::diagnostic::Diagnostic;
use crate::set::{
    Cost, PLACEMENTS, PlacementRule, PolicySet, RELATIONS, RUNGS, SPEND_ON, SpendOn, TONES, Tone,
    USUAL_COUNTS,
};
use crate::value::Value;
use events::{Amount, Currency};
use serde::Deserialize;
use std::ops::RangeInclusive;
use toml::Spanned;

const MAX_COUNT: u64 = 100;
/// More would no longer be the ranking that was learned.
const MAX_EXPLORE: f64 = 0.5;
/// Below, the chances in a record have no digits that can be divided by.
const MIN_EXPLORE: f64 = 0.01;
const MAX_EXPLORE_PLACES: u64 = 10;
/// Fewer could not tell whether what was learned from outcomes does harm; with more, nobody is
/// left for it.
const INCUMBENT_SHARES: RangeInclusive<f64> = 0.1..=0.9;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlacementIn {
    name: Spanned<String>,
    count: Option<Spanned<u64>>,
    max_count: Option<Spanned<u64>>,
    min_count: Option<Spanned<u64>>,
    fill_with_popular: Option<bool>,
    evidence_required: Option<bool>,
    min_evidence_count: Option<u32>,
    max_price_share: Option<Spanned<f64>>,
    offers_held: Option<bool>,
    relations: Option<Spanned<Vec<Spanned<String>>>>,
    fallback: Option<Spanned<Vec<Spanned<String>>>>,
    tone: Option<Spanned<String>>,
    interruption_cost: Option<Spanned<CostIn>>,
    new_share: Option<Spanned<f64>>,
    diversity: Option<Spanned<f64>>,
    explore: Option<Spanned<f64>>,
    explore_places: Option<Spanned<u64>>,
    learn_from_outcomes: Option<bool>,
    incumbent_share: Option<Spanned<f64>>,
    value: Option<Spanned<String>>,
    value_currency: Option<Spanned<String>>,
    spend_on: Option<Spanned<String>>,
    least_uplift: Option<Spanned<CostIn>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum CostIn {
    Number(f64),
    Text(String),
}

impl Reader<'_> {
    pub(super) fn read_placements(&mut self, placements: &[PlacementIn], set: &mut PolicySet) {
        let mut seen = 0_u16;
        for placement in placements {
            let bit = self.bits(std::slice::from_ref(&placement.name), &PLACEMENTS, "placement");
            if seen & bit != 0 {
                let mend = "say all of a placement in one place";
                self.error(placement.name.span(), "this placement was described before", mend);
            }
            seen |= bit;
            let rule = self.placement(placement);
            if bit != 0 {
                let at = bit.trailing_zeros() as usize;
                self.check_counts(placement, &rule, USUAL_COUNTS[at]);
                set.placements[at] = rule;
            }
        }
    }

    fn placement(&mut self, placement: &PlacementIn) -> PlacementRule {
        let mut count = |count: Option<&Spanned<u64>>| {
            let count = count?;
            if MAX_COUNT < *count.get_ref() {
                let message = format!("at most {MAX_COUNT} offers stand in one slate");
                self.error(count.span(), message, "");
            }
            Some(*count.get_ref() as usize)
        };
        let mut rule = PlacementRule {
            count: count(placement.count.as_ref()),
            max_count: count(placement.max_count.as_ref()),
            min_count: count(placement.min_count.as_ref()),
            fill_with_popular: placement.fill_with_popular,
            evidence_required: placement.evidence_required,
            min_evidence_count: placement.min_evidence_count,
            offers_held: placement.offers_held,
            learn_from_outcomes: placement.learn_from_outcomes,
            ..PlacementRule::default()
        };
        read_shares(self, placement, &mut rule);
        self.read_value(placement, &mut rule);
        self.read_words(placement, &mut rule);
        self.read_spending(placement, &mut rule);
        if let Some(share) = &placement.max_price_share {
            match Amount::from_f64(*share.get_ref()) {
                Ok(amount) if 0 < amount.0 => rule.max_price_share = Some(amount),
                _ => self.error(share.span(), "a share is above 0", "0.3: a third of the cart"),
            }
        }
        if let Some(cost) = &placement.interruption_cost {
            rule.interruption_cost = self.cost(cost);
        }
        if let Some(share) = &placement.new_share {
            let value = *share.get_ref();
            if !(0.0..=1.0).contains(&value) {
                let mend = "0.5: half of the slate is what the customer never bought";
                self.error(share.span(), "a share of the slate lies between 0 and 1", mend);
            }
            rule.new_share = Some(value as f32);
        }
        if let Some(relations) = &placement.relations {
            let bits = self.bits(relations.get_ref(), &RELATIONS, "relation");
            rule.relations = Some(bits as u8);
            if relations.get_ref().is_empty() {
                let mend = "name relations, or leave the key out for all of them";
                self.error(relations.span(), "the list of relations is empty", mend);
            }
        }
        rule
    }

    /// Which steps of the ladder give offers, and how they are told.
    fn read_words(&mut self, placement: &PlacementIn, rule: &mut PlacementRule) {
        if let Some(steps) = &placement.fallback {
            rule.fallback = Some(self.bits(steps.get_ref(), &RUNGS, "step of the ladder"));
            if steps.get_ref().is_empty() {
                let mend = "name steps, such as \"item\" and \"basket\", or leave the key out";
                self.error(steps.span(), "without a step of the ladder nothing is offered", mend);
            }
        }
        if let Some(told) = &placement.tone {
            rule.tone = Tone::parse(told.get_ref());
            if rule.tone.is_none() {
                let message = format!("there is no tone {:?}", told.get_ref());
                let known = TONES.join(", ");
                self.error(told.span(), message, format!("one of {known}"));
            }
        }
    }

    fn read_value(&mut self, placement: &PlacementIn, rule: &mut PlacementRule) {
        if let Some(told) = &placement.value {
            rule.value = Value::parse(told.get_ref());
            if rule.value.is_none() {
                let message = format!("offers are not ranked by {:?}", told.get_ref());
                let mend = "\"margin\": price less cost; \"price\"; or leave it out";
                self.error(told.span(), message, mend);
            }
        }
        if let Some(told) = &placement.value_currency {
            rule.value_currency = Currency::parse(told.get_ref());
            if rule.value_currency.is_none() {
                let message = format!("there is no currency {:?}", told.get_ref());
                self.error(told.span(), message, "three letters, such as EUR");
            } else if placement.value.is_none() {
                let message = "this does nothing while offers are not ranked by value here";
                let mend = "add `value = \"margin\"`, or leave it out";
                self.found.push(Diagnostic::warning(told.span(), message).mend(mend));
            }
        }
    }

    /// On whom offers are spent.
    fn read_spending(&mut self, placement: &PlacementIn, rule: &mut PlacementRule) {
        if let Some(told) = &placement.spend_on {
            match told.get_ref().as_str() {
                "all" => {}
                "responders" => rule.spend_on = Some(SpendOn::Responders),
                other => {
                    let message = format!("offers are not spent on {other:?}");
                    let known = SPEND_ON.join(", ");
                    self.error(told.span(), message, format!("one of {known}"));
                }
            }
        }
        if let Some(cost) = &placement.least_uplift {
            rule.least_uplift = self.cost(cost);
            if !rule.spends_on_responders() {
                let message = "this does nothing while offers are spent on all here";
                let mend = "add `spend_on = \"responders\"`, or leave it out";
                self.found.push(Diagnostic::warning(cost.span(), message).mend(mend));
            }
        }
    }

    fn cost(&mut self, cost: &Spanned<CostIn>) -> Option<Cost> {
        let read = read_cost(cost.get_ref());
        let read = read.filter(|(amount, _)| !amount.is_negative());
        if read.is_none() {
            let mend = "a number, or a text with the currency: \"0.50 EUR\"; 0 costs nothing";
            self.error(cost.span(), "this is no amount of money of 0 or more", mend);
        }
        read.map(|(amount, currency)| Cost { amount, currency })
    }

    /// Counts that leave a placement without offers.
    fn check_counts(&mut self, placement: &PlacementIn, rule: &PlacementRule, usual: usize) {
        let usual = rule.count.unwrap_or(usual).min(rule.max_count.unwrap_or(usize::MAX));
        let min = rule.min_count.unwrap_or(0);
        let span = placement.name.span();
        if rule.max_count.or(rule.count).is_some_and(|most| most < min) {
            let mend = "with fewer than min_count offers the slate is empty";
            self.error(span, "min_count is above the most that is given", mend);
        } else if usual < min {
            let message = format!(
                "min_count is {min}: a request that names no count asks for {usual} and gets none"
            );
            let mend = format!("say `count = {min}` or more");
            self.found.push(Diagnostic::warning(span, message).mend(mend));
        } else if rule.max_count == Some(0) {
            let message = "max_count is 0: nothing is ever offered here";
            self.found.push(Diagnostic::warning(span, message).mend("right, if that is meant"));
        } else if usual == 0 {
            let message = "count is 0: nothing is offered here unless a request names a count";
            self.found.push(Diagnostic::warning(span, message).mend("to close it, max_count = 0"));
        }
    }
}

pub(super) fn read_cost(cost: &CostIn) -> Option<(Amount, Option<Currency>)> {
    match cost {
        CostIn::Number(number) => Amount::from_f64(*number).ok().map(|amount| (amount, None)),
        CostIn::Text(text) => read_money(text),
    }
}

/// `0.50`, `0.50 EUR`
fn read_money(text: &str) -> Option<(Amount, Option<Currency>)> {
    let (number, currency) = match text.trim().split_once(' ') {
        Some((number, code)) => (number, Some(Currency::parse(code.trim())?)),
        None => (text.trim(), None),
    };
    Some((Amount::parse(number, b'.').ok()?, currency))
}

/// Variety: numbers within bounds.
fn read_shares(reader: &mut Reader<'_>, placement: &PlacementIn, rule: &mut PlacementRule) {
    let mend = "0: as they are ranked; 0.3: the second of a kind gives way";
    rule.diversity = share(reader, placement.diversity.as_ref(), 0.0..=1.0, mend);
    let mend = "0.05: in one answer of twenty another may stand in the last place; 0: never";
    rule.explore = share(reader, placement.explore.as_ref(), 0.0..=MAX_EXPLORE, mend);
    if let (Some(explore), Some(share)) = (&placement.explore, rule.explore)
        && 0.0 < share
        && f64::from(share) < MIN_EXPLORE
    {
        let message = format!("below {MIN_EXPLORE} too little is seen to learn from");
        reader.error(explore.span(), message, "0 explores nothing");
    }
    if let Some(places) = &placement.explore_places {
        let n = *places.get_ref();
        if n == 0 || MAX_EXPLORE_PLACES < n {
            let message = format!("1 to {MAX_EXPLORE_PLACES} places can be explored");
            reader.error(places.span(), message, "to explore none, explore = 0");
        }
        rule.explore_places = Some(n.min(MAX_EXPLORE_PLACES) as usize);
    }
    let mend = "0.1: every tenth customer is answered as if nothing had been learned from outcomes";
    rule.incumbent_share =
        share(reader, placement.incumbent_share.as_ref(), INCUMBENT_SHARES, mend);
    if let (Some(told), false) = (&placement.incumbent_share, rule.learns_from_outcomes()) {
        let message = "this does nothing while nothing is learned from outcomes here";
        let mend = "add `learn_from_outcomes = true`, or leave it out";
        reader.found.push(Diagnostic::warning(told.span(), message).mend(mend));
    }
}

fn share(
    reader: &mut Reader<'_>,
    told: Option<&Spanned<f64>>,
    within: RangeInclusive<f64>,
    mend: &str,
) -> Option<f32> {
    let told = told?;
    if !within.contains(told.get_ref()) {
        let message = format!("a number between {} and {}", within.start(), within.end());
        reader.error(told.span(), message, mend);
    }
    Some(*told.get_ref() as f32)
}
