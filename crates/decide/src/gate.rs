//! What an item must pass to be offered, whichever rung found it. Gates fail closed.

use crate::request::{Filter, ItemRef, Request};
use events::{Amount, Currency, Timestamp};
use policy::InForce;
pub use policy::predicate::is_below;
use score::World;

/// The gate at which an item was stopped, in the order they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gate {
    /// In the cart or an anchor of the page.
    InContext,
    /// A variant of something in the cart.
    VariantInContext,
    /// It takes the place of something in the context: no add-on.
    Substitute,
    /// A plan that covers nothing in the context, or nothing that is not covered already.
    NotCovered,
    /// In another slate of the page or on the caller's list.
    Excluded,
    /// Another variant of it stands in the slate.
    VariantOffered,
    /// The customer has just bought it: later than what was learned.
    JustBought,
    /// The customer has it: an account, a contract, a plan.
    Held,
    /// The customer dismissed it not long ago.
    Dismissed,
    Fee,
    Hidden,
    OutOfStock,
    FilterCategory,
    FilterPrice,
    /// A policy, by its place in the table that was asked.
    Policy(u16),
    /// Too dear beside this cart.
    PriceShare,
    /// It stands to its anchor as this placement does not want it.
    Relation,
    /// The places that are left are for what the customer never bought.
    NewShare,
    /// The placement wants more offers than were found, or none.
    TooFew,
    /// The slate is not expected to earn what the interruption costs.
    InterruptionCost,
    /// A sale of it earns nothing, and the placement ranks by what it earns.
    NoValue,
    /// The customer refused to be contacted.
    MarketingRefused,
    /// Offers are not expected to bring more of this customer.
    NoUplift,
    /// No significant pair speaks for it, and the placement asks for one.
    NoEvidence,
}

impl Gate {
    pub fn as_str(self) -> &'static str {
        match self {
            Gate::InContext => "in_context",
            Gate::VariantInContext => "variant_in_context",
            Gate::Substitute => "substitute",
            Gate::NotCovered => "not_covered",
            Gate::Excluded => "excluded",
            Gate::VariantOffered => "variant_offered",
            Gate::JustBought => "just_bought",
            Gate::Held => "held",
            Gate::Dismissed => "dismissed",
            Gate::Fee => "fee",
            Gate::Hidden => "hidden",
            Gate::OutOfStock => "out_of_stock",
            Gate::FilterCategory => "filter_category",
            Gate::FilterPrice => "filter_price",
            Gate::Policy(_) => "policy",
            Gate::PriceShare => "price_share",
            Gate::Relation => "relation",
            Gate::NewShare => "new_share",
            Gate::TooFew => "too_few",
            Gate::InterruptionCost => "interruption_cost",
            Gate::NoValue => "no_value",
            Gate::MarketingRefused => "marketing_refused",
            Gate::NoUplift => "no_uplift",
            Gate::NoEvidence => "no_evidence",
        }
    }
}

const IN_CONTEXT: u16 = 1;
const FAMILY_IN_CONTEXT: u16 = 2;
const EXCLUDED: u16 = 4;
const OFFERED: u16 = 8;
/// Just bought, held, or dismissed not long ago.
const RESTS: u16 = 16;
const REPLACES: u16 = 32;
const FAMILY_REPLACES: u16 = 64;
const COVERED: u16 = 128;
const FAMILY_OFFERED: u16 = 256;

/// One mark an item, cleared by what was marked. Reused from request to request.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    bits: Vec<u16>,
    marked: Vec<u32>,
    /// Of those that rest, which were dismissed, and which the customer has.
    dismissed: Vec<u32>,
    held: Vec<u32>,
    /// Anchors and cart, and when.
    context: Vec<u32>,
    now: Option<Timestamp>,
}

impl Marks {
    /// Marks anchors and cart with their families, what takes their place with its family, and the
    /// exclusions of a request. The whole cart: what is too long to be ranked by is still never
    /// offered. `offers_held`: what the customer has may be offered once more.
    pub fn set(&mut self, world: &World, request: &Request<'_>, offers_held: bool) {
        for &item in &self.marked {
            self.bits[item as usize] = 0;
        }
        self.marked.clear();
        if self.bits.len() < world.n_items() {
            self.bits.resize(world.n_items(), 0);
        }
        self.context.clear();
        let now = request.circumstances.now;
        self.now = now;
        let cart = request.cart.iter().map(|line| line.item);
        for item in request.anchors.iter().copied().chain(cart) {
            match item {
                ItemRef::Known(item) if (item as usize) < world.n_items() => {
                    self.mark(item, IN_CONTEXT);
                    self.mark(world.family(item), FAMILY_IN_CONTEXT);
                    self.context.push(item);
                    world.visit_replacing_family(item, now, |other| {
                        self.mark(other.item, REPLACES);
                        self.mark(world.family(other.item), FAMILY_REPLACES);
                    });
                }
                _ => {}
            }
        }
        for &item in request.exclude {
            self.mark(item, EXCLUDED);
        }
        for &item in request.bought_since.iter().chain(request.resting) {
            self.mark(item, RESTS);
        }
        self.dismissed.clear();
        self.dismissed.extend_from_slice(request.resting);
        self.held.clear();
        // A plan that they have covers what they have, and not what they are about to buy.
        let held = request.held.iter().filter(|_| !offers_held);
        for &held in held.filter(|&&item| (item as usize) < world.n_items()) {
            if !world.plans.is_plan(held) {
                let family = world.catalog.family_of(held);
                for &item in family.iter().chain([&held]) {
                    self.mark(item, RESTS);
                    self.held.push(item);
                }
            }
        }
    }

    /// A plan that covers something which no other plan does.
    pub(crate) fn set_covered(&mut self, plan: u32) {
        self.mark(plan, COVERED);
    }

    /// Never twice in one slate, nor another variant of it.
    pub fn set_offered(&mut self, world: &World, item: u32) {
        self.mark(item, OFFERED);
        self.mark(world.family(item), FAMILY_OFFERED);
    }

    /// It is not in the slate after all.
    pub(crate) fn clear_offered(&mut self, world: &World, item: u32) {
        for (item, bit) in [(item, OFFERED), (world.family(item), FAMILY_OFFERED)] {
            if let Some(bits) = self.bits.get_mut(item as usize) {
                *bits &= !bit;
            }
        }
    }

    fn mark(&mut self, item: u32, bit: u16) {
        // An index from another world (a list kept across a swap) marks nothing.
        if let Some(bits) = self.bits.get_mut(item as usize) {
            if *bits == 0 {
                self.marked.push(item);
            }
            *bits |= bit;
        }
    }

    #[inline]
    fn has_any(&self, item: u32) -> bool {
        self.bits[item as usize] != 0
    }

    #[inline]
    fn has(&self, item: u32, bit: u16) -> bool {
        self.bits[item as usize] & bit != 0
    }

    #[inline]
    pub fn is_offered(&self, item: u32) -> bool {
        self.has(item, OFFERED)
    }

    /// Does another variant of the item stand in the slate? An item of the slate itself is not
    /// stopped by its own family.
    pub(crate) fn has_variant_offered(&self, world: &World, item: u32) -> bool {
        self.has(world.family(item), FAMILY_OFFERED) && !self.is_offered(item)
    }

    /// Does the item, or one of its family, take the place of something in the context?
    fn replaces(&self, world: &World, item: u32) -> bool {
        let head = world.family(item);
        self.has(item, REPLACES)
            || (self.has(head, FAMILY_REPLACES) && !self.is_told_apart(world, item, head))
    }

    /// Was it declared of the item itself that it adds, while nothing else in the context is
    /// replaced by its family?
    fn is_told_apart(&self, world: &World, item: u32, head: u32) -> bool {
        let adds = |anchor: u32| {
            let told = |anchor| world.declared.between(anchor, item, self.now);
            let told = told(anchor).or_else(|| told(world.family(anchor)));
            told.is_some_and(|edge| !edge.relation.replaces())
        };
        let is_replaced = |anchor: u32| {
            let mut is_replaced = false;
            world.visit_replacing_family(anchor, self.now, |other| {
                is_replaced |= world.family(other.item) == head;
            });
            is_replaced
        };
        !world.declared.is_empty()
            && self.context.iter().any(|&anchor| adds(anchor))
            && !self.context.iter().any(|&anchor| !adds(anchor) && is_replaced(anchor))
    }
}

/// What an offer may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PriceCap {
    /// Anything.
    Open,
    UpTo(Amount, Option<Currency>),
    /// The same where nobody asked for it: what has no price is not stopped.
    UsuallyUpTo(Amount, Option<Currency>),
    /// What the cart costs cannot be told, so nothing can be said to be cheap beside it.
    Closed,
}

/// What holds for all items of one request, beside the marks.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    pub filter: Option<&'a Filter>,
    pub policies: Option<InForce<'a>>,
    pub price_cap: PriceCap,
}

impl Limits<'_> {
    /// As [`Limits::stop`] without a reason, and quicker.
    #[inline]
    fn is_open(&self, world: &World, item: u32) -> bool {
        let is_filtered = |filter| stopped_by_filter(world, filter, item).is_some();
        if self.filter.is_some_and(is_filtered) {
            return false;
        }
        !self.policies.as_ref().is_some_and(|policies| policies.is_stopped(item))
            && is_within(world, self.price_cap, item)
    }

    #[inline]
    fn stop(&self, world: &World, item: u32) -> Option<Gate> {
        if let Some(filter) = self.filter
            && let Some(gate) = stopped_by_filter(world, filter, item)
        {
            return Some(gate);
        }
        if let Some(policy) = self.policies.as_ref().and_then(|policies| policies.stopped_by(item))
        {
            return Some(Gate::Policy(policy));
        }
        (!is_within(world, self.price_cap, item)).then_some(Gate::PriceShare)
    }
}

#[inline]
fn is_within(world: &World, cap: PriceCap, item: u32) -> bool {
    let (most, currency, is_asked) = match cap {
        PriceCap::Open => return true,
        PriceCap::Closed => return false,
        PriceCap::UpTo(most, currency) => (most, currency, true),
        PriceCap::UsuallyUpTo(most, currency) => (most, currency, false),
    };
    let Some(price) = world.catalog.state(item).price() else { return !is_asked };
    let other = world.currency(item);
    let is_comparable = currency.is_none() || other.is_none() || currency == other;
    if is_comparable { price <= most } else { !is_asked }
}

/// May the item be offered, and is it not yet in the slate? The question of the hot path, which
/// needs no reason: three bytes nearly always tell.
#[inline]
pub fn is_open(world: &World, marks: &Marks, limits: &Limits<'_>, item: u32) -> bool {
    let family = world.family(item);
    if marks.has_any(item)
        || world.catalog.is_blocked(item)
        || marks.has(family, FAMILY_IN_CONTEXT | FAMILY_REPLACES | FAMILY_OFFERED)
        || world.plans.is_plan(item)
    {
        // A family's head is marked while its variants are in the cart.
        return !marks.is_offered(item) && stopped_by(world, marks, limits, item).is_none();
    }
    limits.is_open(world, item)
}

/// May the item be offered in the place of what it replaces, and is it not yet in the slate?
pub(crate) fn is_open_in_place(
    world: &World,
    marks: &Marks,
    limits: &Limits<'_>,
    item: u32,
) -> bool {
    !marks.is_offered(item) && stopped_besides(world, marks, limits, item, true).is_none()
}

/// The first gate that stops the item; `None`: it may be offered.
#[inline]
pub fn stopped_by(world: &World, marks: &Marks, limits: &Limits<'_>, item: u32) -> Option<Gate> {
    stopped_besides(world, marks, limits, item, false)
}

/// The same, for what may take the place of the context.
#[inline]
fn stopped_besides(
    world: &World,
    marks: &Marks,
    limits: &Limits<'_>,
    item: u32,
    may_replace: bool,
) -> Option<Gate> {
    if marks.has(item, IN_CONTEXT) {
        return Some(Gate::InContext);
    }
    if marks.has(item, EXCLUDED) {
        return Some(Gate::Excluded);
    }
    if marks.has(item, RESTS) {
        return Some(match item {
            _ if marks.dismissed.contains(&item) => Gate::Dismissed,
            _ if marks.held.contains(&item) => Gate::Held,
            _ => Gate::JustBought,
        });
    }
    if marks.has(world.family(item), FAMILY_IN_CONTEXT) {
        return Some(Gate::VariantInContext);
    }
    if !may_replace && marks.replaces(world, item) {
        return Some(Gate::Substitute);
    }
    if world.plans.is_plan(item) && !marks.has(item, COVERED) {
        return Some(Gate::NotCovered);
    }
    let state = world.catalog.state(item);
    if state.is_fee() {
        return Some(Gate::Fee);
    }
    if state.is_hidden() {
        return Some(Gate::Hidden);
    }
    if state.is_out_of_stock() {
        return Some(Gate::OutOfStock);
    }
    let is_second = || marks.has_variant_offered(world, item).then_some(Gate::VariantOffered);
    limits.stop(world, item).or_else(is_second)
}

fn stopped_by_filter(world: &World, filter: &Filter, item: u32) -> Option<Gate> {
    if !filter.categories.is_empty() {
        let category = world.category(item).unwrap_or_default();
        if !filter.categories.iter().any(|wanted| is_below(category, wanted)) {
            return Some(Gate::FilterCategory);
        }
    }
    if filter.price_min.is_some() || filter.price_max.is_some() {
        // Without a price nobody can say that it lies within: closed.
        let Some(price) = world.catalog.state(item).price() else {
            return Some(Gate::FilterPrice);
        };
        let too_low = filter.price_min.is_some_and(|min| price < min);
        let too_high = filter.price_max.is_some_and(|max| price > max);
        if too_low || too_high {
            return Some(Gate::FilterPrice);
        }
    }
    None
}
