//! What is in the cart, as the page and the drawer show it.

use crate::pages::card::{Card, is_shown};
use crate::pages::money;
use crate::pages::visitor::{Visit, offers};
use crate::state::Inner;
use crate::worlds::Stand;
use decide::Placement;
use events::{Amount, Currency};
use score::World;

const N_ADDONS: usize = 4;

/// A line of the cart with its sum.
pub(crate) struct LineView {
    pub(crate) card: Card,
    pub(crate) quantity: String,
    pub(crate) sum: String,
    /// Why it cannot be ordered; empty when it can.
    pub(crate) obstacle: &'static str,
    /// May its page be shown?
    pub(crate) has_page: bool,
}

/// What both the page and the drawer show.
pub(crate) struct CartView {
    pub(crate) lines: Vec<LineView>,
    pub(crate) total: Total,
    pub(crate) can_order: bool,
    pub(crate) addons: Vec<Card>,
    /// For those who cannot see that it changed.
    pub(crate) announcement: String,
    pub(crate) n_in_cart: usize,
}

/// Sums by currency; the sum of two currencies would be none.
#[derive(Default)]
pub(crate) struct Total {
    sums: Vec<(Option<Currency>, Amount)>,
    pub(crate) n_unpriced: usize,
}

impl Total {
    fn add(&mut self, currency: Option<Currency>, sum: Option<Amount>) {
        let Some(sum) = sum else {
            self.n_unpriced += 1;
            return;
        };
        match self.sums.iter_mut().find(|(known, _)| *known == currency) {
            Some((_, total)) => *total = total.checked_add(sum).unwrap_or(*total),
            None => self.sums.push((currency, sum)),
        }
    }

    /// `£12.50`, `£12.50 + 3.00 SEK`; empty when nothing has a price.
    pub(crate) fn text(&self) -> String {
        let texts: Vec<String> =
            self.sums.iter().map(|&(currency, sum)| money::show(sum, currency)).collect();
        texts.join(" + ")
    }
}

/// Why the item cannot be ordered just now; empty when it can.
pub(crate) fn obstacle(world: &World, item: u32) -> &'static str {
    match world.catalog.state(item) {
        _ if !is_shown(world, item) => "No longer sold",
        state if state.is_out_of_stock() => "Out of stock",
        _ => "",
    }
}

pub(crate) fn view_of(
    inner: &Inner,
    served: &Stand,
    visit: Visit<'_>,
    n_in_cart: usize,
    announcement: String,
) -> CartView {
    let (world, session) = (&served.world, visit.1);
    let mut total = Total::default();
    let mut lines = Vec::new();
    for held in &session.cart {
        let Some(item) = world.item_idx(&held.item_id) else { continue };
        let card = Card::of(world, item);
        let obstacle = obstacle(world, item);
        let sum = card.amount.and_then(|price| price.checked_mul(held.quantity));
        if obstacle.is_empty() {
            total.add(world.currency(item), sum);
        }
        lines.push(LineView {
            quantity: held.quantity.to_string(),
            sum: sum.map(|sum| money::show(sum, world.currency(item))).unwrap_or_default(),
            has_page: is_shown(world, item),
            obstacle,
            card,
        });
    }
    let addons = match lines.is_empty() {
        true => Vec::new(),
        false => {
            let slate = offers(inner, served, visit, Placement::Cart, &[], N_ADDONS);
            Card::of_slate(world, &slate)
        }
    };
    let can_order = lines.iter().any(|line| line.obstacle.is_empty());
    CartView { lines, total, can_order, addons, announcement, n_in_cart }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_keep_currencies_apart_and_count_what_has_no_price() {
        let mut total = Total::default();
        assert_eq!(total.text(), "");
        let units = |n| Amount::from_units(n);
        total.add(Currency::parse("GBP"), units(2));
        total.add(Currency::parse("SEK"), units(30));
        total.add(Currency::parse("GBP"), units(3));
        total.add(None, None);
        assert_eq!((total.text().as_str(), total.n_unpriced), ("£5.00 + 30.00 SEK", 1));
    }
}
