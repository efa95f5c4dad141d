//! What a decision is asked: indices already resolved, nothing left to parse.

use crate::placement::Placement;
use events::{Amount, Relation, Timestamp};
use policy::{ContactFacts, PolicyTable, Stage};
pub use score::next_basket::OrderSince;

/// An item of the request: known by its dense index in the world (snapshot or live catalogue), or
/// not known at all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ItemRef<'a> {
    Known(u32),
    Unknown { item_id: &'a str },
}

/// One line of the cart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CartLine<'a> {
    pub item: ItemRef<'a>,
    pub quantity: Amount,
    pub unit_price: Option<Amount>,
}

/// Limits that the caller sets on what may be offered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Offered items lie in or below one of these categories (empty: any).
    pub categories: Vec<String>,
    pub price_min: Option<Amount>,
    pub price_max: Option<Amount>,
    /// Offers stand to the context in one of these ways (empty: any).
    pub relations: Vec<Relation>,
}

/// What is known of a customer beside what they bought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KnownCustomer {
    pub consent: Option<bool>,
    /// Name and value, as written.
    pub attributes: Vec<(Box<str>, Box<str>)>,
    /// Ids of items they have now; `None`: not known.
    pub holdings: Option<Vec<Box<str>>>,
    /// They bought more than the snapshot and [`Request::bought_since`] know: what is not among
    /// those may have been bought all the same.
    pub bought_is_partial: bool,
}

/// When, where and of whom is asked: what policies may want to know.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances<'a> {
    pub now: Option<Timestamp>,
    pub channel: Option<&'a str>,
    pub locale: Option<&'a str>,
    pub location: Option<&'a str>,
    /// `None`: nobody can tell.
    pub stage: Option<Stage>,
    /// `None` for a guest, and without consent.
    pub customer: Option<&'a KnownCustomer>,
    /// What whoever asks was shown, dismissed and bought; `None`: nobody can tell, and policies
    /// that ask close.
    pub contact: Option<ContactFacts<'a>>,
    /// Whoever asks refused to be contacted to be sold something.
    pub refuses_contact: bool,
}

/// One question: which offers, here and now?
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub placement: Placement,
    /// What the page is about (product page, bought item of a thank-you page).
    pub anchors: &'a [ItemRef<'a>],
    pub cart: &'a [CartLine<'a>],
    /// Items seen in this session, latest last.
    pub session: &'a [u32],
    /// The snapshot's row of the customer; `None` for a guest, a newcomer or without consent.
    pub customer: Option<u32>,
    /// What the customer bought since the snapshot was made; each counts as bought on its last day.
    pub bought_since: &'a [u32],
    /// The same order by order, oldest first, as far as it is kept.
    pub orders_since: &'a [OrderSince],
    /// Category the page is about, if any.
    pub category: Option<&'a str>,
    /// `None`: the placement's default.
    pub count: Option<usize>,
    pub filter: Option<&'a Filter>,
    /// Dismissed not long ago: they rest.
    pub resting: &'a [u32],
    /// What the customer has, and is not to be offered again.
    pub held: &'a [u32],
    /// Never offered in this answer (other slates of the same page, the caller's list).
    pub exclude: &'a [u32],
    /// Must a significant pair speak for each offer? `None`: what the placement says.
    pub evidence_required: Option<bool>,
    /// Of the places that the past fills, so much for what is new; `None`: what the placement says.
    pub usual_new_share: Option<f32>,
    /// The policies of the world that is asked; `None`: there are none.
    pub policies: Option<&'a PolicyTable>,
    pub circumstances: Circumstances<'a>,
    /// As if nothing had been learned from outcomes: what that is held against.
    pub is_incumbent: bool,
    /// Of the share that is offered something whatever is known of how they respond.
    pub is_offered_anyway: bool,
}

impl<'a> Request<'a> {
    /// Does what came of offers move those of this answer?
    pub fn learns_from_outcomes(&self) -> bool {
        let rule = self.policies.map(|policies| policies.rule(self.placement as usize));
        !self.is_incumbent && rule.is_some_and(|rule| rule.learns_from_outcomes())
    }

    /// An empty question for a placement.
    pub fn at(placement: Placement) -> Request<'a> {
        Request {
            placement,
            anchors: &[],
            cart: &[],
            session: &[],
            customer: None,
            bought_since: &[],
            orders_since: &[],
            category: None,
            count: None,
            filter: None,
            resting: &[],
            held: &[],
            exclude: &[],
            evidence_required: None,
            usual_new_share: None,
            policies: None,
            circumstances: Circumstances::default(),
            is_incumbent: false,
            is_offered_anyway: false,
        }
    }
}
