//! Policies at the door of a decision: the world as an item table, the request as facts.

use crate::gate::{Limits, PriceCap};
use crate::placement::PlacementRules;
use crate::request::{ItemRef, Request};
use events::{Amount, Currency, ItemKind};
use policy::{CartFacts, CustomerFacts, Facts, ItemList, ItemTable};
use score::World;
use snapshot::tables::MAX_CUSTOMER_ITEMS;

/// The items of a world, as policies ask for them.
#[derive(Clone, Copy, Debug)]
pub struct Items<'a>(pub &'a World);

impl ItemTable for Items<'_> {
    fn n_items(&self) -> usize {
        self.0.n_items()
    }

    fn find(&self, item_id: &str) -> Option<u32> {
        self.0.item_idx(item_id)
    }

    fn id(&self, item: u32) -> &str {
        self.0.item_id(item)
    }

    fn title(&self, item: u32) -> Option<&str> {
        Some(self.0.title(item)).filter(|title| !title.is_empty())
    }

    fn category(&self, item: u32) -> Option<&str> {
        self.0.category(item)
    }

    fn kind(&self, item: u32) -> ItemKind {
        self.0.catalog.state(item).kind()
    }

    fn price(&self, item: u32) -> Option<Amount> {
        self.0.catalog.state(item).price()
    }

    fn cost(&self, item: u32) -> Option<Amount> {
        self.0.catalog.state(item).cost()
    }

    fn stock(&self, item: u32) -> Option<i64> {
        self.0.catalog.state(item).stock()
    }

    fn currency(&self, item: u32) -> Option<Currency> {
        self.0.currency(item)
    }

    fn is_sensitive(&self, item: u32) -> bool {
        self.0.catalog.state(item).is_sensitive()
    }

    fn n_orders(&self, item: u32) -> u32 {
        self.0.n_item_baskets(item)
    }

    fn attribute(&self, item: u32, name: &str) -> Option<&str> {
        self.0.catalog.attribute(item, name)
    }
}

/// What the request tells.
pub(crate) fn facts_of<'a>(world: &'a World, request: &Request<'a>) -> Facts<'a> {
    let told = &request.circumstances;
    Facts {
        placement: request.placement as usize,
        now: told.now,
        channel: told.channel,
        locale: told.locale,
        location: told.location,
        stage: told.stage,
        category: request.category,
        customer: customer_facts(world, request),
        cart: cart_facts(world, request),
        anchors: anchor_facts(world, request),
        contact: told.contact,
        ..Facts::default()
    }
}

/// What the items of the page and the cart say of the attributes that policies ask for.
fn anchor_facts<'a>(world: &'a World, request: &Request<'a>) -> Vec<(&'a str, ItemList<'a>)> {
    let names = request.policies.map_or(&[][..], |policies| policies.anchor_attributes());
    let items = || {
        let in_cart = request.cart.iter().map(|line| line.item);
        request.anchors.iter().copied().chain(in_cart).filter_map(|item| match item {
            ItemRef::Known(item) if (item as usize) < world.n_items() => Some(item),
            _ => None,
        })
    };
    let values = |name: &'a str| {
        let told = items().filter_map(|item| world.catalog.attribute(item, name));
        (name, told.flat_map(policy::predicate::values_in).collect())
    };
    names.iter().map(|name| values(name)).collect()
}

fn customer_facts<'a>(world: &'a World, request: &Request<'a>) -> CustomerFacts<'a> {
    let told = request.circumstances.customer;
    if told.is_none() && request.customer.is_none() {
        return CustomerFacts::default();
    }
    let asks_bought = request.policies.is_some_and(|policies| policies.asks_bought());
    let bought = asks_bought.then(|| {
        let learned = request.customer.map_or(&[][..], |row| world.snapshot.customer_items(row).0);
        let since = request.bought_since.iter();
        let known = learned.iter().chain(since).filter(|&&item| (item as usize) < world.n_items());
        let mut bought: ItemList<'_> = known.map(|&item| world.item_id(item)).collect();
        // A list of full length may have been cut.
        let is_cut = MAX_CUSTOMER_ITEMS <= learned.len();
        if is_cut || told.is_some_and(|customer| customer.bought_is_partial) {
            bought.set_partial();
        }
        bought
    });
    CustomerFacts {
        is_known: true,
        consent: told.and_then(|customer| customer.consent),
        attributes: told.map_or(&[], |customer| &customer.attributes),
        bought,
        holdings: told
            .and_then(|customer| customer.holdings.as_ref())
            .map(|holdings| holdings.iter().map(|id| &**id).collect()),
    }
}

fn cart_facts<'a>(world: &'a World, request: &Request<'a>) -> CartFacts<'a> {
    let mut cart = CartFacts {
        total: Some(Amount::ZERO),
        n_lines: request.cart.len(),
        n_units: Some(Amount::ZERO),
        ..CartFacts::default()
    };
    let mut currencies: Option<Currency> = None;
    let mut is_mixed = false;
    for line in request.cart {
        let item = match line.item {
            ItemRef::Known(item) if (item as usize) < world.n_items() => Some(item),
            _ => None,
        };
        let listed = item.and_then(|item| world.catalog.state(item).price());
        let price = line.unit_price.or(listed);
        let of_line = price.and_then(|price| price.checked_mul(line.quantity));
        let sum = |sum: Option<Amount>, more: Option<Amount>| sum?.checked_add(more?);
        cart.total = sum(cart.total, of_line);
        cart.n_units = sum(cart.n_units, Some(line.quantity));
        if let Some(currency) = item.and_then(|item| world.currency(item)) {
            is_mixed |= currencies.is_some_and(|known| known != currency);
            currencies = Some(currency);
        }
        match (line.item, item) {
            (ItemRef::Unknown { item_id }, _) => cart.item_ids.add(item_id),
            (_, Some(item)) => cart.item_ids.add(world.item_id(item)),
            (_, None) => cart.item_ids.set_partial(),
        }
        match item.and_then(|item| world.category(item)) {
            Some(category) if cart.categories.contains(&category) => {}
            Some(category) => cart.categories.push(category),
            None => cart.has_unknown_category = true,
        }
    }
    if is_mixed {
        // Amounts of several currencies have no sum.
        cart.total = None;
    } else {
        cart.currency = currencies;
    }
    cart
}

/// What an offer may cost where the placement alone says so; nothing is stopped for what is not
/// known.
pub(crate) fn usual_price_cap(
    world: &World,
    request: &Request<'_>,
    rules: &PlacementRules,
) -> PriceCap {
    let Some(share) = rules.max_price_share.filter(|_| !request.cart.is_empty()) else {
        return PriceCap::Open;
    };
    let facts = cart_facts(world, request);
    let total = facts.total.filter(|total| Amount::ZERO < *total);
    let most = total.and_then(|total| total.checked_mul(share));
    most.map_or(PriceCap::Open, |most| PriceCap::UsuallyUpTo(most, facts.currency))
}

/// What an offer may cost beside the cart of the request; an empty cart sets no limit.
pub(crate) fn price_cap(request: &Request<'_>, limits: &Limits<'_>, share: Amount) -> PriceCap {
    if request.cart.is_empty() {
        return PriceCap::Open;
    }
    let total = limits.policies.as_ref().and_then(|policies| policies.cart_total());
    let cap = total.and_then(|(total, currency)| Some((total.checked_mul(share)?, currency)));
    cap.map_or(PriceCap::Closed, |(most, currency)| PriceCap::UpTo(most, currency))
}
