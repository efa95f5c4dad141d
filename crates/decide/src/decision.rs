//! What a decision answers.

use crate::bundle::BundleOffer;
use crate::explore::Choice;
use events::Amount;
pub use events::Relation;
use policy::Tone;
use score::Rung;
pub use score::next_basket::Rebuy;

/// Why an item is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReasonCode {
    /// Bought in the same orders as the anchor, more often than chance.
    BoughtTogether,
    /// Completes the cart as a whole; no single pair stands out.
    CompletesCart,
    /// Like what the customer bought before.
    ForYou,
    /// Bought with items that are like the anchor in title and category; the anchor itself has no
    /// sales that could speak.
    SimilarContent,
    /// Looked at next by others whose visit went the same way.
    SeenNext,
    PopularInCategory,
    #[default]
    Popular,
    /// Set at its place by a policy; nothing else speaks for it.
    Chosen,
    /// The shop declared that it goes with the anchor.
    Declared,
    /// A plan for the anchor.
    Covers,
    /// A dearer one for the same need, which others bought instead.
    Upgrade,
    /// Another one for the same need; told where it is asked for.
    Alternative,
    /// The customer bought it before.
    BoughtBefore,
    /// The customer buys it in a rhythm, and by that it is time again.
    DueAgain,
}

impl ReasonCode {
    pub const ALL: [ReasonCode; 14] = [
        ReasonCode::BoughtTogether,
        ReasonCode::CompletesCart,
        ReasonCode::ForYou,
        ReasonCode::SimilarContent,
        ReasonCode::SeenNext,
        ReasonCode::PopularInCategory,
        ReasonCode::Popular,
        ReasonCode::Chosen,
        ReasonCode::Declared,
        ReasonCode::Covers,
        ReasonCode::Upgrade,
        ReasonCode::Alternative,
        ReasonCode::BoughtBefore,
        ReasonCode::DueAgain,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            ReasonCode::BoughtTogether => "bought_together",
            ReasonCode::CompletesCart => "completes_cart",
            ReasonCode::ForYou => "for_you",
            ReasonCode::SimilarContent => "similar_content",
            ReasonCode::SeenNext => "seen_next",
            ReasonCode::PopularInCategory => "popular_in_category",
            ReasonCode::Popular => "popular",
            ReasonCode::Chosen => "chosen",
            ReasonCode::Declared => "declared",
            ReasonCode::Covers => "covers",
            ReasonCode::Upgrade => "upgrade",
            ReasonCode::Alternative => "alternative",
            ReasonCode::BoughtBefore => "bought_before",
            ReasonCode::DueAgain => "due_again",
        }
    }
}

/// The numbers behind a reason; all counts are of baskets, without what came back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// The item of the request that speaks most for the offer.
    pub anchor: u32,
    /// Baskets with both.
    pub n_both: u32,
    pub n_anchor: u32,
    pub n_item: u32,
    pub n_baskets: u32,
    /// Observed over expected by chance.
    pub lift: f32,
    /// Log-likelihood ratio (G²) of the 2 × 2 table.
    pub g2: f32,
    /// Lower 95 % Wilson bound of P(item | anchor).
    pub wilson_low: f32,
    /// Shrunk P(item | anchor).
    pub probability: f32,
    /// Customers who bought the anchor first and the item in a later order, and the reverse.
    pub n_after: u32,
    pub n_before: u32,
}

/// A pair of fewer baskets proves little to a reader, and may tell of one of them.
const MIN_TOLD: u32 = 3;

impl Evidence {
    /// May it be told to customers?
    pub fn is_told(&self) -> bool {
        MIN_TOLD <= self.n_both
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reason {
    pub code: ReasonCode,
    /// Present for [`ReasonCode::BoughtTogether`], and for others where a pair is known.
    pub evidence: Option<Evidence>,
    /// Present for what is offered because of one item: declared for it, covering it, in its place.
    pub about: Option<About>,
    /// For [`ReasonCode::BoughtBefore`] and [`ReasonCode::DueAgain`], where it may be told.
    pub rebuy: Option<Rebuy>,
}

/// The item that an offer was declared for, covers or replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    pub item: u32,
    /// Units that a plan would cover; 1 for all else.
    pub n_units: u32,
}

/// What policies did to an offer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PolicyTouch {
    /// Of the table that was asked: the pin, or the one that moved the score most.
    pub policy: u16,
    /// All boosts and buries together.
    pub factor: f32,
    /// Those of them that ask something of the request.
    pub context_weight: f32,
    /// The place that it was set at, from 1.
    pub pinned_at: Option<usize>,
}

/// One offer of the slate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    pub item: u32,
    /// Ranks within one answer; higher is better. Comparable only within one rung.
    pub score: f32,
    pub relation: Relation,
    pub reason: Reason,
    pub rung: Rung,
    /// `None`: no policy moved it.
    pub policy: Option<PolicyTouch>,
    /// How like it is to the one before it that it is most like, from 0 to 1; `None`: nobody asked,
    /// for this placement takes offers as they are ranked.
    pub likeness: Option<f32>,
    /// What its score was multiplied by because of what came of offers like it; `None`: by nothing.
    pub response: Option<f32>,
    /// What its share of sales was multiplied by for how it does at this placement; `None`: by
    /// nothing.
    pub here: Option<f32>,
    /// What its score was multiplied by for what a sale brings, in units of the currency
    /// ([`policy::value::UNKNOWN`] where that is not known); `None`: nobody asked.
    pub value: Option<f32>,
}

impl Offer {
    /// One that nothing has moved.
    pub(crate) fn plain(
        (item, score): (u32, f32),
        relation: Relation,
        reason: Reason,
        rung: Rung,
    ) -> Offer {
        Offer {
            item,
            score,
            relation,
            reason,
            rung,
            policy: None,
            likeness: None,
            response: None,
            here: None,
            value: None,
        }
    }
}

/// What the caller should know besides the slate.
#[derive(Clone, Debug, PartialEq)]
pub enum Warning {
    UnknownItem {
        item_id: String,
    },
    /// Asked for more than the placement gives.
    CountCut {
        asked: usize,
        given: usize,
    },
    /// The cart was longer than what is read of it.
    CartCut {
        lines: usize,
        used: usize,
    },
    /// More items were given as what the page is about than are read.
    AnchorsCut {
        given: usize,
        used: usize,
    },
    /// The placement wants so many offers or none.
    TooFew {
        found: usize,
        wanted: usize,
    },
}

/// Why nothing is offered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoOffer {
    /// No item passed the gates with evidence enough.
    NothingFound,
    /// Nothing passed while hard policies were closed, for what they ask is not known (yet).
    NotKnown,
    /// Fewer offers were found than the placement shows.
    TooFew,
    /// The best slate is not expected to earn what the interruption costs.
    InterruptionCost { gain: Amount, cost: Amount },
    /// The customer refused to be contacted to be sold something.
    MarketingRefused,
    /// Offers are not expected to bring more of this customer than the least that is asked.
    NoUplift { uplift: Amount, least: Amount },
}

impl NoOffer {
    pub fn as_str(self) -> &'static str {
        match self {
            NoOffer::NothingFound => "nothing_found",
            NoOffer::NotKnown => "not_known",
            NoOffer::TooFew => "too_few",
            NoOffer::InterruptionCost { .. } => "interruption_cost",
            NoOffer::MarketingRefused => "marketing_refused",
            NoOffer::NoUplift { .. } => "no_uplift",
        }
    }
}

/// A customer of whom offers are not expected to bring more than the least, where a placement asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spend {
    /// Revenue that offers are expected to bring; negative: they are put off.
    pub uplift: Amount,
    pub least: Amount,
    /// False for the share that is offered something all the same.
    pub is_left_out: bool,
}

/// The quota of things that are new to a customer, as it was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewThings {
    /// Places of the slate that what was bought before could not have.
    pub reserved: usize,
    pub n_new: usize,
    pub n_bought: usize,
}

/// The record of one answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub offers: Vec<Offer>,
    /// Sold together for less, beside the offers.
    pub bundles: Vec<BundleOffer>,
    /// The best rung that gave an offer, [`Rung::None`] for an empty slate.
    pub rung: Rung,
    /// Candidates that passed every gate on eligibility, before evidence and count cut them.
    pub n_eligible: usize,
    /// Did what was seen in the session count, or would have, had anything been seen?
    pub reads_session: bool,
    /// The version of the policies that were asked.
    pub policy_version: Option<u64>,
    /// Hard policies whose condition on the request could not be answered, and so closed.
    pub n_policies_unknown: usize,
    /// Where there are no offers.
    pub no_offer: Option<NoOffer>,
    /// Where the placement has a quota and the customer is known.
    pub new_things: Option<NewThings>,
    pub warnings: Vec<Warning>,
    /// Places that may be drawn anew for each answer; `None`: this placement explores nothing, or
    /// there is nothing to choose from.
    pub choice: Option<Choice>,
    /// Version of what came of offers that was asked; `None`: nobody asked.
    pub responses_version: Option<u64>,
    /// `None`: everybody is offered something here, or whoever asks is worth it as far as known.
    pub spend: Option<Spend>,
    /// How the reasons are to be told here.
    pub tone: Tone,
}
