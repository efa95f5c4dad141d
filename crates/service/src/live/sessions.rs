//! One visit: what was looked at, what is in the cart, and what was bought.

use events::event::EventLine;
use events::{Amount, Event, EventKind, Timestamp};
use policy::Stage;

/// Older views say little about what is wanted now.
const MAX_VIEWS: usize = 20;
/// More lines are no cart of a person.
const MAX_CART_LINES: usize = 500;
/// Orders of one visit, and lines of each, that are kept.
const MAX_ORDERS: usize = 20;
const MAX_ORDER_LINES: usize = 100;

#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    /// Latest last, each item once.
    pub(crate) views: Vec<Box<str>>,
    pub(crate) cart: Vec<CartLineLive>,
    /// Latest last.
    pub(crate) orders: Vec<VisitOrder>,
    pub(crate) stage: Stage,
    /// Who was named first: what guests bought in this visit is nobody else's.
    claimant: Option<Box<str>>,
    /// Who refused was in it: nobody claims anything.
    is_closed: bool,
}

/// An order of this visit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VisitOrder {
    pub(crate) order_id: Option<Box<str>>,
    pub(crate) at: Timestamp,
    pub(crate) lines: Vec<EventLine>,
    /// Whose it is, where that was told or claimed: it is kept with them as well.
    pub(crate) customer_id: Option<Box<str>>,
    /// Told by who may be trusted.
    is_confirmed: bool,
    /// At a till many come one after the other: nobody claims what was bought there.
    is_at_till: bool,
    source: Box<str>,
}

impl VisitOrder {
    fn can_be_claimed(&self) -> bool {
        self.is_confirmed && self.customer_id.is_none() && !self.is_at_till
    }

    /// May it be told to this customer, or to whoever goes on with the visit?
    pub(crate) fn is_of(&self, customer_id: Option<&str>) -> bool {
        match (self.customer_id.as_deref(), customer_id) {
            (Some(own), Some(customer_id)) => own == customer_id,
            _ => true,
        }
    }
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
            EventKind::Purchase => {
                self.buy(event);
                Stage::Purchased
            }
            EventKind::Refund => {
                self.take_back(event);
                self.stage
            }
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

    /// One version of an order counts, the one that came last; what a browser claims takes nobody's
    /// word.
    fn buy(&mut self, event: &Event) {
        let order_id = event.order_id.as_deref();
        let is_same = |order: &VisitOrder| {
            order_id.is_some()
                && order.order_id.as_deref() == order_id
                && *order.source == *event.source
        };
        let before = self.orders.iter().position(is_same).map(|at| self.orders.remove(at));
        if let Some(kept) = before.as_ref().filter(|order| order.is_confirmed && !event.confirmed) {
            self.orders.push(kept.clone());
            return;
        }
        if self.orders.len() == MAX_ORDERS {
            self.orders.remove(0);
        }
        let told = event.customer_id.as_deref().map(Into::into);
        self.orders.push(VisitOrder {
            order_id: order_id.map(Into::into),
            at: event.at,
            lines: event.lines.iter().take(MAX_ORDER_LINES).cloned().collect(),
            customer_id: told.or_else(|| before.and_then(|order| order.customer_id)),
            is_confirmed: event.confirmed,
            is_at_till: event.location_id.is_some(),
            source: event.source.as_str().into(),
        });
    }

    /// What came back: of the order that is named, else of the latest that has it.
    fn take_back(&mut self, event: &Event) {
        let order_id = event.order_id.as_deref();
        for line in &event.lines {
            let is_meant = |order: &&mut VisitOrder| match order_id {
                Some(_) => order.order_id.as_deref() == order_id,
                None => order.lines.iter().any(|own| own.item_id == line.item_id),
            };
            let Some(order) = self.orders.iter_mut().rfind(is_meant) else { continue };
            for own in order.lines.iter_mut().filter(|own| own.item_id == line.item_id) {
                own.quantity = Amount(own.quantity.0.saturating_sub(line.quantity.0.max(0)));
            }
            order.lines.retain(|own| own.quantity > Amount::ZERO);
        }
        self.orders.retain(|order| !order.lines.is_empty());
    }

    /// What the visit bought, once or more, as far as it may be told to a customer.
    pub(crate) fn orders_of(&self, customer_id: Option<&str>) -> impl Iterator<Item = &VisitOrder> {
        self.orders.iter().filter(move |order| order.is_of(customer_id))
    }

    /// Is there an order of a guest that is this customer's?
    pub(crate) fn can_be_claimed(&self, customer_id: &str) -> bool {
        let is_first = self.claimant.as_deref().is_none_or(|first| first == customer_id);
        !self.is_closed && is_first && self.orders.iter().any(VisitOrder::can_be_claimed)
    }

    /// The orders of guests, now that somebody is named.
    pub(crate) fn claim(&mut self, customer_id: &str) -> Vec<VisitOrder> {
        let first = self.claimant.get_or_insert_with(|| customer_id.into());
        if self.is_closed || **first != *customer_id {
            return Vec::new();
        }
        let claim = |order: &mut VisitOrder| {
            order.customer_id = Some(customer_id.into());
            order.clone()
        };
        self.orders.iter_mut().filter(|order| order.can_be_claimed()).map(claim).collect()
    }

    /// Who refused is in it: what was bought is forgotten, and nobody claims what comes.
    pub(crate) fn forget_orders(&mut self) {
        self.orders.clear();
        self.is_closed = true;
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
    fn a_visit_knows_what_it_bought() {
        let mut session = Session::default();
        let mut happen = |kind, order_id: Option<&str>, items: &[&str]| {
            let order_id = order_id.map(ToOwned::to_owned);
            session.apply(&Event { order_id, customer_id: None, ..event(kind, "s", items) });
            let orders = session.orders.iter();
            let ids = |order: &VisitOrder| -> Vec<String> {
                order.lines.iter().map(|line| line.item_id.clone()).collect()
            };
            orders.map(|order| ids(order).join(" ")).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(happen(EventKind::Purchase, None, &["A", "B"]), "A B");
        assert_eq!(happen(EventKind::Purchase, Some("o2"), &["C"]), "A B, C");
        assert_eq!(happen(EventKind::Purchase, Some("o2"), &["C", "A"]), "A B, C A");
        assert_eq!(happen(EventKind::Refund, None, &["A"]), "A B, C");
        assert_eq!(happen(EventKind::Refund, Some("o9"), &["C"]), "A B, C");
        assert_eq!(happen(EventKind::Refund, Some("o2"), &["C"]), "A B");
        for n in 0..2 * MAX_ORDERS {
            session.apply(&event(EventKind::Purchase, "s", &[&n.to_string()]));
        }
        assert_eq!(session.orders.len(), MAX_ORDERS);
    }

    #[test]
    fn orders_are_claimed_once_and_only_those_that_can_be_trusted() {
        let guest = |order_id: &str| Event {
            customer_id: None,
            order_id: Some(order_id.to_owned()),
            ..event(EventKind::Purchase, "s", &["A"])
        };
        let mut session = Session::default();
        session.apply(&guest("1"));
        session.apply(&Event { confirmed: false, ..guest("2") });
        session.apply(&Event { location_id: Some("till".to_owned()), ..guest("3") });
        session.apply(&Event { customer_id: Some("bert".to_owned()), ..guest("4") });
        let n_of = |session: &Session, who| session.orders_of(who).count();
        assert_eq!((n_of(&session, Some("anna")), n_of(&session, None)), (3, 4));
        assert!(session.can_be_claimed("anna"));
        assert_eq!(session.claim("anna").len(), 1);
        assert!(!session.can_be_claimed("anna"));
        // Who comes next on the same machine claims nothing, nor what is told anew without a name.
        session.apply(&guest("1"));
        session.apply(&guest("5"));
        assert!(!session.can_be_claimed("carl") && session.claim("carl").is_empty());
        assert_eq!(session.orders.iter().filter(|o| o.is_of(Some("carl"))).count(), 3);
        // A browser's word does not take the place of a server's.
        session.apply(&Event { confirmed: false, ..guest("4") });
        assert!(session.orders.iter().any(|o| o.customer_id.as_deref() == Some("bert")));
        session.forget_orders();
        session.apply(&guest("6"));
        assert!(!session.can_be_claimed("anna"));
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
