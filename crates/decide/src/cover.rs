//! Which plans cover what is in the cart or on the page: at most one for each unit.
//!
//! A plan in the cart covers units first, plans that may cover little before those that may cover
//! much. For each item with units left, plans stand in order: declared for it, then by the narrower
//! band of prices, then the cheaper one, then the smaller index.

use crate::request::{ItemRef, Request};
use events::{Amount, ItemKind, Timestamp};
use hashbrown::HashMap;
use score::{PlanTerms, World};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Was it not declared for the item; the width of its band, its price, itself.
type Choice = (bool, i64, Amount, u32);

/// One item, and the plans that may cover it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cover {
    pub item: u32,
    /// Units that no plan covers yet.
    pub n_units: u32,
    price: Option<Amount>,
    /// The best one nearly always is the only one that is asked for. One that is declared for the
    /// item and covers its category is there twice.
    plans: BinaryHeap<Reverse<Choice>>,
}

impl Cover {
    fn new(item: u32, n_units: u32, price: Option<Amount>) -> Cover {
        Cover { item, n_units, price, plans: BinaryHeap::new() }
    }

    /// Takes the best of the plans that are left.
    pub(crate) fn next_plan(&mut self) -> Option<u32> {
        self.plans.pop().map(|Reverse((.., plan))| plan)
    }

    fn has(&self, plan: u32) -> bool {
        self.plans.iter().any(|Reverse((.., of))| *of == plan)
    }
}

/// Fills `covers` with what lies uncovered in the cart, then on the page; nothing where there are
/// no plans.
pub(crate) fn collect(world: &World, request: &Request<'_>, covers: &mut Vec<Cover>) {
    covers.clear();
    if world.plans.is_empty() {
        return;
    }
    let mut in_cart: Vec<(u32, u32)> = Vec::new();
    let known = |item: ItemRef<'_>| match item {
        ItemRef::Known(item) if (item as usize) < world.n_items() => Some(item),
        _ => None,
    };
    for line in request.cart.iter().rev().take(crate::MAX_CONTEXT) {
        let Some(item) = known(line.item) else { continue };
        let n_units = units(line.quantity);
        if world.plans.terms(item).is_some() {
            in_cart.push((item, n_units));
        } else {
            let price = line.unit_price.or(world.catalog.state(item).price());
            covers.push(Cover::new(item, n_units, price));
        }
    }
    covers.reverse();
    for item in request.anchors.iter().take(crate::MAX_ANCHORS).filter_map(|&item| known(item)) {
        let is_there = covers.iter().any(|cover| cover.item == item);
        if !is_there && world.plans.terms(item).is_none() {
            let price = world.catalog.state(item).price();
            covers.push(Cover::new(item, 1, price));
        }
    }
    let region = region_of(request);
    let is_sold = |terms: &PlanTerms| terms.is_sold_in(region);
    for cover in covers.iter_mut() {
        cover.plans = plans_for(world, request.circumstances.now, cover, is_sold);
    }
    use_up(covers, in_cart);
    covers.retain(|cover| cover.n_units > 0 && !cover.plans.is_empty());
}

/// How often a plan is bought where it could be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttachRate {
    /// Orders with an item that a plan covers.
    pub n_orders: u64,
    /// Those of them that hold a plan for it.
    pub n_attached: u64,
}

/// Of these orders, by today's plans and prices, wherever they are sold.
pub fn attach_rate<'b>(world: &World, orders: impl Iterator<Item = &'b [u32]>) -> AttachRate {
    let mut rate = AttachRate::default();
    if world.plans.is_empty() {
        return rate;
    }
    let mut plans_of: HashMap<u32, Vec<u32>> = HashMap::new();
    for order in orders {
        let known = || order.iter().copied().filter(|&item| (item as usize) < world.n_items());
        let (mut is_covered, mut is_attached) = (false, false);
        for item in known() {
            let plans = plans_of.entry(item).or_insert_with(|| {
                let price = world.catalog.state(item).price();
                let plans = plans_for(world, None, &Cover::new(item, 1, price), |_| true);
                plans.into_iter().map(|Reverse((.., plan))| plan).collect()
            });
            is_covered |= !plans.is_empty();
            is_attached |= known().any(|other| plans.contains(&other));
        }
        rate.n_orders += u64::from(is_covered);
        rate.n_attached += u64::from(is_attached);
    }
    rate
}

/// Whole units; a part of one needs a plan as well.
fn units(quantity: Amount) -> u32 {
    let whole = quantity.0.div_euclid(events::amount::MICROS);
    let rest = i64::from(quantity.0.rem_euclid(events::amount::MICROS) > 0);
    u32::try_from((whole + rest).max(0)).unwrap_or(u32::MAX)
}

/// The customer's country, or that of the language they read.
fn region_of<'a>(request: &Request<'a>) -> Option<&'a str> {
    let told = request.circumstances;
    let attributes = told.customer.map_or(&[][..], |customer| &customer.attributes);
    let country = attributes.iter().find(|(name, _)| &**name == "country");
    country.map(|(_, value)| &**value).or_else(|| {
        let (_, region) = told.locale?.rsplit_once(['-', '_'])?;
        (region.len() == 2).then_some(region)
    })
}

fn plans_for(
    world: &World,
    now: Option<Timestamp>,
    cover: &Cover,
    is_sold: impl Fn(&PlanTerms) -> bool,
) -> BinaryHeap<Reverse<Choice>> {
    let mut found: Vec<Reverse<Choice>> = Vec::new();
    let state = |item: u32| world.catalog.state(item);
    if matches!(state(cover.item).kind(), ItemKind::Fee | ItemKind::Service) {
        return BinaryHeap::new();
    }
    let currency = world.currency(cover.item);
    let mut add = |plan: u32, terms: &PlanTerms, is_declared: bool| {
        if terms.fits_price(cover.price, currency) && is_sold(terms) {
            let price = state(plan).price().unwrap_or(Amount(i64::MAX));
            found.push(Reverse((!is_declared, terms.band_width(), price, plan)));
        }
    };
    let (plans, declared) = (&world.plans, &world.declared);
    plans.visit_declared(declared, cover.item, now, |plan, terms| add(plan, terms, true));
    if let Some(category) = world.category(cover.item) {
        plans.visit_of_category(category, |plan, terms| add(plan, terms, false));
    }
    BinaryHeap::from(found)
}

/// Takes off what the plans in the cart cover.
fn use_up(covers: &mut [Cover], mut in_cart: Vec<(u32, u32)>) {
    in_cart.sort_by_cached_key(|(plan, _)| covers.iter().filter(|cover| cover.has(*plan)).count());
    for (plan, mut n_left) in in_cart {
        for cover in covers.iter_mut().filter(|cover| cover.has(plan)) {
            let n_used = n_left.min(cover.n_units);
            cover.n_units -= n_used;
            n_left -= n_used;
        }
    }
}
