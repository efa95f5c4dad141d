//! What an answer holds. The hot path writes it by hand (`crate::answer`); these types publish its
//! schema, and tests read every answer back through them, so the two cannot drift apart.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// One slate.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecommendAnswer {
    /// Names this decision; send it along with impressions, clicks and purchases.
    #[schema(example = "0c9v5m2kq3t8x1b7d4n6w0zr")]
    pub recommendation_id: String,
    pub placement: String,
    /// Best first; empty when there is nothing worth offering.
    pub items: Vec<OfferOut>,
    /// Items that the shop sells together for less, likeliest first (docs/policies.md).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bundles: Vec<BundleOut>,
    /// The experiment that this answer belongs to, if any.
    pub experiment: Option<ExperimentOut>,
    /// Experiments that whoever asked takes part in, beside the holdout.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub experiments: Vec<VariantOut>,
    /// The rung of the ladder that gave the best offer: `personal, basket, session, item, content,
    /// category, popular, none`.
    pub fallback: String,
    pub warnings: Vec<WarningOut>,
    pub took_ms: f64,
    /// Why there are no offers, where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_offer: Option<NoOfferOut>,
    /// Where the placement has a quota of new things and the customer is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_things: Option<NewThingsOut>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain: Option<ExplainOut>,
}

/// Why nothing is offered.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoOfferOut {
    /// `nothing_found, not_known, too_few, interruption_cost, marketing_refused, no_uplift`; the
    /// last to a secret key alone, for others it is `nothing_found`.
    pub code: String,
    /// With `interruption_cost`: what the best slate is expected to earn, and what it would cost to
    /// interrupt for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_gain: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interruption_cost: Option<f64>,
    /// With `no_uplift`: the revenue that offers are expected to bring of this customer, and what
    /// it must be above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_uplift: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_uplift: Option<f64>,
}

/// The quota of things that are new to a customer, as it was kept.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewThingsOut {
    /// Places that what was bought before could not have.
    pub reserved: u64,
    /// Offers that the customer never bought.
    pub new: u64,
    pub bought_before: u64,
}

/// The answer to one request, by what was asked.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum RecommendReply {
    Slate(RecommendAnswer),
    /// With `placements`.
    Page(PageAnswer),
}

/// One offer.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferOut {
    pub item_id: String,
    /// From 1.
    pub rank: u32,
    /// Ranks within this answer; no probability.
    pub score: f64,
    pub title: String,
    /// How the item stands to what is there: `complement, upgrade, substitute, bundle, attach,
    /// replenish, next_product`.
    pub relation: String,
    pub reason: ReasonOut,
    /// Exact; null when unknown.
    pub price: Option<f64>,
    pub currency: Option<String>,
    /// The item that it was declared for, covers or replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<AboutOut>,
    /// What they have of it, in words of the shop: the item's attribute `benefit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benefit: Option<String>,
    /// The policy that moved it most, if any did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<OfferPolicyOut>,
}

/// Items that are sold together for less, as the policies in force say. The checkout of the shop
/// grants the price.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleOut {
    pub name: String,
    /// What it costs, and how much less that is.
    pub text: String,
    pub items: Vec<BundleItemOut>,
    /// What the items cost by themselves; exact.
    pub sum: f64,
    pub saving: f64,
    /// What they cost together.
    pub price: f64,
    pub currency: Option<String>,
    /// Likelihood of the item that is added and least likely.
    pub score: f64,
    /// Of the policy file that says so.
    pub policy_version: u64,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleItemOut {
    pub item_id: String,
    pub title: String,
    pub price: Option<f64>,
    pub currency: Option<String>,
    /// False: it is what the page is about, or lies in the cart.
    pub is_added: bool,
}

/// One item of the request that an offer is about.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AboutOut {
    pub item_id: String,
    /// Units of it that a plan would cover: how many to put into the cart.
    pub units: u32,
    /// What the offer costs more than it; null when unknown.
    pub price_difference: Option<f64>,
}

/// What policies did to an offer.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferPolicyOut {
    pub name: String,
    /// `pin, boost, bury`.
    pub kind: String,
    /// Of the policy file.
    pub version: u64,
    /// What all policies together multiply the score by.
    pub factor: f64,
}

/// Why.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonOut {
    /// `bought_together, completes_cart, for_you, similar_content, seen_next,
    /// popular_in_category, popular, chosen, declared, covers, upgrade, alternative, bought_before,
    /// due_again`.
    pub code: String,
    /// In English, with every number from the evidence.
    #[schema(example = "Bought together in 412 of 2,310 orders with WHITE METAL LANTERN, 9.4 \
                   times what chance would give.")]
    pub text: String,
    pub evidence: Option<EvidenceOut>,
    /// With `bought_before` and `due_again`, where it may be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuy: Option<RebuyOut>,
}

/// What the customer did with the item so far.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RebuyOut {
    /// Orders of the customer with the item, and all of theirs.
    pub n_bought: u32,
    pub n_orders: u32,
    /// Mean days from buying to buying; null below two, or without times.
    pub every_days: Option<u32>,
    /// Days since the last buying.
    pub last_days: Option<u32>,
}

/// The counts behind a reason; all of orders as they were kept: what came back is taken off.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceOut {
    /// The item of the request that speaks most for the offer.
    pub anchor_item_id: String,
    pub n_both: u32,
    pub n_anchor: u32,
    pub n_item: u32,
    pub n_orders: u32,
    /// Orders with both, over what chance would give.
    pub lift: f64,
    /// Log-likelihood ratio of the two by two table.
    pub g2: f64,
    /// Share of the anchor's orders that hold the item, shrunk towards the average.
    pub probability: f64,
    /// Lower 95 % bound of that share.
    pub probability_low: f64,
    /// Customers who bought the anchor first and the item in a later order, and the reverse.
    pub n_after: u32,
    pub n_before: u32,
}

/// The variant of an experiment.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantOut {
    pub id: String,
    pub variant: String,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExperimentOut {
    pub id: String,
    pub variant: String,
    pub holdout: bool,
}

/// Something that was mended or left out on the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WarningOut {
    /// `unknown_field, unknown_item, count_cut, cart_cut, not_personal, too_few`.
    pub code: String,
    pub detail: String,
}

/// How the answer came about.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainOut {
    /// Candidates that passed every gate, before evidence and count cut them.
    pub n_eligible: u64,
    pub snapshot: String,
    /// Cart lines, items seen in the session and items bought since the snapshot that were read.
    pub n_cart: u64,
    pub n_session: u64,
    pub n_bought_since: u64,
    /// The policies that were asked, and how many of them closed because something they ask for
    /// is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_version: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_policies_unknown: Option<u64>,
    /// Of each offer how like it is to the one above that it is most like, from 0 to 1, where the
    /// placement asks for diversity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likeness: Option<BTreeMap<String, f64>>,
    /// Of each offer what its score is the product of, where policies, values or outcomes moved
    /// any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factors: Option<BTreeMap<String, FactorsOut>>,
    /// Where the placement learns from outcomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcomes: Option<OutcomesOut>,
    /// Where the placement is for responders and the customer is not expected to be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend: Option<SpendOut>,
    /// Places that were drawn, where the placement explores.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explored: Vec<ExploredOut>,
}

/// What a score is the product of.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FactorsOut {
    /// Before all below; null where nothing is left of it.
    pub propensity: Option<f64>,
    /// How it does at this placement, where it stands because it sells.
    pub here: f64,
    /// Boosts and buries that ask something of the request.
    pub context_weight: f64,
    /// What a sale brings, in units of the currency, where the placement ranks by it and it is
    /// known.
    pub value: Option<f64>,
    /// The other boosts and buries.
    pub lever: f64,
    /// Learned from outcomes.
    pub response: f64,
}

/// What came of offers before, and what it did to this answer.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomesOut {
    /// `learned`, or `incumbent`: as if nothing had been learned so.
    pub arm: String,
    /// Of what was learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Of each offer that it moved, what its score was multiplied by.
    pub factors: BTreeMap<String, f64>,
}

/// What is known of a customer who is not expected to respond.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpendOut {
    /// The revenue that offers are expected to bring; negative for who is put off.
    pub uplift: f64,
    /// What it must be above.
    pub least: f64,
    /// False for the share that is offered something all the same.
    pub left_out: bool,
}

/// A place that was drawn.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExploredOut {
    pub rank: u32,
    /// Offers that it was drawn from.
    pub n_arms: u32,
    /// With which the one that stands there was drawn.
    pub chance: f64,
}

/// Several slates of one page.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PageAnswer {
    /// In the order of `placements`; no item comes twice.
    pub slates: Vec<RecommendAnswer>,
    pub took_ms: f64,
}

/// Answers in the order of the requests; where one was refused, its problem stands.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchAnswer {
    #[schema(value_type = Vec<RecommendAnswer>)]
    pub answers: Vec<serde_json::Value>,
    pub took_ms: f64,
}
