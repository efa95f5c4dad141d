//! One visit: what was looked at, and what is in the cart.

use events::{Amount, Event, EventKind};
use policy::Stage;

/// Older views say little about what is wanted now.
const MAX_VIEWS: usize = 20;
/// More lines are no cart of a person.
const MAX_CART_LINES: usize = 500;

#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    /// Latest last, each item once.
    pub(crate) views: Vec<Box<str>>,
    pub(crate) cart: Vec<CartLineLive>,
    pub(crate) stage: Stage,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CartLineLive {
    pub(crate) item_id: Box<str>,
    pub(crate) quantity: Amount,
    pub(crate) unit_price: Option<Amount>,
}

impl Session {
    pub(crate) fn apply(&mut self, event: &Event) {
        let is_seen_again = |views: &[Box<str>]| {
            event.lines.iter().any(|line| views.iter().any(|seen| **seen == *line.item_id))
        };
        let was_seen = event.kind == EventKind::ViewItem && is_seen_again(&self.views);
        for line in &event.lines {
            match event.kind {
                EventKind::ViewItem => self.view(&line.item_id),
                EventKind::AddToCart => self.add(&line.item_id, line.quantity, line.unit_price),
                EventKind::RemoveFromCart => self.remove(&line.item_id, line.quantity),
                EventKind::Purchase => self.cart.retain(|held| *held.item_id != *line.item_id),
                _ => {}
            }
        }
        self.stage = match event.kind {
            EventKind::BeginCheckout => Stage::Checkout,
            EventKind::Purchase => Stage::Purchased,
            // Who looks around with something in the cart has it in mind still.
            EventKind::ViewItem | EventKind::AddToCart | EventKind::RemoveFromCart
                if !self.cart.is_empty() =>
            {
                Stage::Cart
            }
            EventKind::ViewItem if was_seen || self.stage == Stage::Considering => {
                Stage::Considering
            }
            EventKind::ViewItem => Stage::Browsing,
            EventKind::RemoveFromCart => Stage::Considering,
            _ => self.stage,
        };
    }

    fn view(&mut self, item_id: &str) {
        self.views.retain(|seen| **seen != *item_id);
        if self.views.len() == MAX_VIEWS {
            self.views.remove(0);
        }
        self.views.push(item_id.into());
    }

    pub(crate) fn add(&mut self, item_id: &str, quantity: Amount, unit_price: Option<Amount>) {
        if let Some(line) = self.cart.iter_mut().find(|line| *line.item_id == *item_id) {
            line.quantity = line.quantity.checked_add(quantity).unwrap_or(line.quantity);
            line.unit_price = unit_price.or(line.unit_price);
        } else if self.cart.len() < MAX_CART_LINES && quantity > Amount::ZERO {
            self.cart.push(CartLineLive { item_id: item_id.into(), quantity, unit_price });
        }
        self.cart.retain(|line| line.quantity > Amount::ZERO);
    }

    pub(crate) fn remove(&mut self, item_id: &str, quantity: Amount) {
        let Some(line) = self.cart.iter_mut().find(|line| *line.item_id == *item_id) else {
            return;
        };
        line.quantity = Amount(line.quantity.0.saturating_sub(quantity.0.max(0)));
        self.cart.retain(|line| line.quantity > Amount::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::event;
    use super::*;

    fn shown(session: &Session) -> String {
        let cart: Vec<String> =
            session.cart.iter().map(|line| format!("{} {}", line.quantity, line.item_id)).collect();
        format!("saw {} | cart {}", session.views.join(" "), cart.join(", "))
    }

    #[test]
    fn a_visit() {
        let mut session = Session::default();
        let mut happen = |kind, items: &[&str]| {
            session.apply(&event(kind, "s", items));
            shown(&session)
        };
        assert_eq!(happen(EventKind::ViewItem, &["A"]), "saw A | cart ");
        happen(EventKind::ViewItem, &["B"]);
        assert_eq!(happen(EventKind::ViewItem, &["A"]), "saw B A | cart ");
        happen(EventKind::AddToCart, &["A"]);
        assert_eq!(happen(EventKind::AddToCart, &["A", "B"]), "saw B A | cart 2 A, 1 B");
        assert_eq!(happen(EventKind::RemoveFromCart, &["A", "C"]), "saw B A | cart 1 A, 1 B");
        assert_eq!(happen(EventKind::Purchase, &["A"]), "saw B A | cart 1 B");
    }

    #[test]
    fn a_visit_tells_how_far_they_are() {
        let mut session = Session::default();
        let mut happen = |kind, items: &[&str]| {
            session.apply(&event(kind, "s", items));
            session.stage.as_str()
        };
        assert_eq!(happen(EventKind::ViewItem, &["A"]), "browsing");
        assert_eq!(happen(EventKind::ViewItem, &["B"]), "browsing");
        assert_eq!(happen(EventKind::ViewItem, &["A"]), "considering");
        assert_eq!(happen(EventKind::ViewItem, &["C"]), "considering");
        assert_eq!(happen(EventKind::AddToCart, &["A"]), "cart");
        assert_eq!(happen(EventKind::ViewItem, &["D"]), "cart");
        assert_eq!(happen(EventKind::BeginCheckout, &[]), "checkout");
        assert_eq!(happen(EventKind::RecommendationImpression, &["E"]), "checkout");
        assert_eq!(happen(EventKind::RemoveFromCart, &["A"]), "considering");
        happen(EventKind::AddToCart, &["A"]);
        assert_eq!(happen(EventKind::Purchase, &["A"]), "purchased");
        assert_eq!(happen(EventKind::ViewItem, &["F"]), "browsing");
    }

    #[test]
    fn a_flood_is_bounded() {
        let mut session = Session::default();
        for n in 0..10_000 {
            let id = n.to_string();
            session.apply(&event(EventKind::ViewItem, "s", &[&id]));
            session.apply(&event(EventKind::AddToCart, "s", &[&id]));
        }
        assert_eq!((session.views.len(), session.cart.len()), (MAX_VIEWS, MAX_CART_LINES));
        session.add("0", Amount(i64::MAX), None);
        session.add("0", Amount(i64::MAX), None);
        session.remove("0", Amount(i64::MIN));
        assert_eq!(session.cart[0].quantity, Amount(1_000_000));
    }
}
