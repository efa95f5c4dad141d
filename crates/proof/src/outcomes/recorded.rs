//! An answer, as far as what comes of it teaches something.

use decide::{Placement, ReasonCode, Relation, context_of};
use measure::assignment::UnitId;
use serde::Deserialize;
use std::borrow::Cow;

/// An answer that was shown.
#[derive(Debug)]
pub(super) struct Answered<'a> {
    pub(super) placement: u8,
    pub(super) context: u8,
    pub(super) unit: Option<UnitId>,
    pub(super) is_incumbent: bool,
    pub(super) offers: Vec<Offered<'a>>,
}

/// One of its offers.
#[derive(Debug)]
pub(super) struct Offered<'a> {
    pub(super) item_id: Cow<'a, str>,
    pub(super) relation: u8,
    pub(super) rung: u8,
    /// From 0.
    pub(super) position: u8,
    /// False: it stands there by a policy, a declaration or as a plan; its score says nothing of
    /// how likely it is to be taken.
    pub(super) is_ranked: bool,
    /// Without what policies, outcomes and its placement made of it.
    pub(super) score: f32,
}

#[derive(Deserialize)]
struct Recorded<'a> {
    #[serde(borrow)]
    asked: Asked<'a>,
    #[serde(borrow, default)]
    variant: Option<Cow<'a, str>>,
    #[serde(default)]
    withheld: bool,
    outcomes: Option<Arm>,
    #[serde(borrow)]
    offers: Vec<RecordedOffer<'a>>,
}

#[derive(Deserialize)]
struct Arm {
    /// Left out where it could not be told whose it was, or nobody could erase it.
    unit: Option<u64>,
}

#[derive(Deserialize)]
struct Asked<'a> {
    #[serde(borrow)]
    placement: Cow<'a, str>,
    #[serde(default)]
    cart: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    n_cart: usize,
    customer: Option<u32>,
    #[serde(default)]
    incumbent: bool,
}

#[derive(Deserialize)]
struct RecordedOffer<'a> {
    #[serde(borrow)]
    item_id: Cow<'a, str>,
    score: f64,
    #[serde(borrow)]
    relation: Cow<'a, str>,
    #[serde(borrow)]
    rung: Cow<'a, str>,
    #[serde(borrow, default)]
    code: Cow<'a, str>,
    #[serde(borrow)]
    policy: Option<Touch<'a>>,
    response: Option<f64>,
    value: Option<f64>,
    /// What its placement made of its share of sales.
    here: Option<f64>,
}

#[derive(Deserialize)]
struct Touch<'a> {
    factor: f64,
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
}

/// Reasons of offers that are not there by the score of a candidate.
const NOT_RANKED: [ReasonCode; 5] = [
    ReasonCode::Chosen,
    ReasonCode::Declared,
    ReasonCode::Covers,
    ReasonCode::Upgrade,
    ReasonCode::Alternative,
];

/// `None`: it was shown to nobody, or cannot be read.
pub(super) fn read(payload: &[u8]) -> Option<Answered<'_>> {
    let recorded: Recorded<'_> = serde_json::from_slice(payload).ok()?;
    if recorded.variant.as_deref() == Some("holdout") || recorded.withheld {
        return None;
    }
    let asked = &recorded.asked;
    let n_cart = asked.cart.len().max(asked.n_cart);
    Some(Answered {
        placement: Placement::parse(&asked.placement)? as u8,
        context: context_of(n_cart, asked.customer.is_some()),
        unit: recorded.outcomes.and_then(|arm| arm.unit).map(UnitId),
        is_incumbent: asked.incumbent,
        offers: recorded.offers.into_iter().zip(0..=u8::MAX).filter_map(offered).collect(),
    })
}

/// A name that nobody knows any more is no reason to lose the answer: its place is kept.
fn offered((offer, position): (RecordedOffer<'_>, u8)) -> Option<Offered<'_>> {
    let is_pin = offer.policy.as_ref().is_some_and(|touch| touch.kind == "pin");
    let is_ranked = !is_pin && !NOT_RANKED.iter().any(|code| code.as_str() == offer.code);
    let lever = offer.policy.map_or(1.0, |touch| touch.factor);
    let moved = lever
        * offer.response.unwrap_or(1.0)
        * offer.value.unwrap_or(1.0)
        * offer.here.unwrap_or(1.0);
    let score = if moved > 0.0 { offer.score / moved } else { 0.0 };
    Some(Offered {
        relation: Relation::parse(&offer.relation)? as u8,
        rung: decide::Rung::ALL.iter().position(|rung| rung.as_str() == offer.rung)? as u8,
        position,
        is_ranked,
        item_id: offer.item_id,
        score: score as f32,
    })
}
