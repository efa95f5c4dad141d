//! What changes between snapshots and is kept in memory: sessions with their carts, pages being
//! filled, and what customers bought since.
//!
//! Everything here can be rebuilt from the log of recent events; nothing here is the only copy.
//! Items are kept by their external ids: dense indices change their meaning with the snapshot.

mod contacts;
mod customers;
mod lapsing;
mod sessions;

pub(crate) use contacts::{Contacts, KnownContacts, Person, Told, Windows};
pub(crate) use customers::{Customer, Customers};
pub(crate) use lapsing::LapsingMap;
use sessions::VisitOrder;
pub(crate) use sessions::{CartLineLive, Session};

use decide::Placement;
use events::event::EventLine;
use events::{Event, EventKind, Timestamp};
use policy::ContactKind;
use score::World;

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LiveSettings {
    pub max_sessions: usize,
    /// A session without events for this long starts anew.
    pub session_ttl_us: i64,
}

const MINUTE_US: i64 = 60_000_000;
const DAY_US: i64 = events::time::DAY_US;

impl Default for LiveSettings {
    fn default() -> LiveSettings {
        LiveSettings { max_sessions: 200_000, session_ttl_us: DAY_US }
    }
}

/// What each placement of one page shows.
pub(crate) type PageItems = Vec<(Placement, Vec<Box<str>>)>;

/// All live state.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) sessions: LapsingMap<Session>,
    /// By page and session, for one minute.
    pub(crate) pages: LapsingMap<PageItems>,
    pub(crate) customers: Customers,
    pub(crate) contacts: Contacts,
}

impl Live {
    /// `unit_key`: by which customers and visits are known in `contacts`.
    pub(crate) fn new(settings: &LiveSettings, unit_key: u64) -> Live {
        Live {
            sessions: LapsingMap::new(settings.max_sessions, settings.session_ttl_us),
            pages: LapsingMap::new(settings.max_sessions, MINUTE_US),
            customers: Customers::default(),
            contacts: Contacts::new(unit_key, settings.max_sessions),
        }
    }

    /// Makes an event that is durable visible to the next decision.
    pub(crate) fn apply(&self, event: &Event, now: Timestamp) {
        self.apply_to_session(event, now);
        self.apply_to_customer(event, now);
    }

    /// An old event (a rebuild at start) counts with its own time, an event dated ahead with the
    /// present.
    pub(crate) fn apply_to_session(&self, event: &Event, now: Timestamp) {
        let Some(session_id) = &event.session_id else { return };
        let at = event.at.min(now);
        let customer_id = event.customer_id.as_deref();
        let is_refused =
            customer_id.is_some_and(|customer_id| self.customers.is_refused(customer_id));
        let named = customer_id.filter(|_| event.confirmed && !is_refused);
        let claimed = self.sessions.update(session_id, at, |session| {
            session.apply(event);
            if is_refused {
                session.forget_orders();
            }
            named.map(|customer_id| session.claim(customer_id)).unwrap_or_default()
        });
        self.add_orders(named.unwrap_or_default(), claimed, now);
    }

    /// Of who refused, what they buy is kept, for it is the shop's trade; what they looked at and
    /// were shown is nobody's.
    pub(crate) fn unname_refused(&self, event: &mut Event, now: Timestamp) {
        let Some(customer_id) = event.customer_id.as_deref() else { return };
        // Before customers are known, whatever they refused holds already.
        let is_known = self.customers.is_loaded();
        let is_trade = matches!(event.kind, EventKind::Purchase | EventKind::Refund);
        if is_trade || (is_known && !self.customers.is_refused(customer_id)) {
            return;
        }
        if let Some(session_id) = event.session_id.as_deref().filter(|_| is_known) {
            self.sessions.update(session_id, event.at.min(now), Session::forget_orders);
        }
        event.customer_id = None;
    }

    /// Visits forget the orders of who refuses, or was erased.
    pub(crate) fn forget_orders_where(&self, is_gone: &dyn Fn(&str) -> bool) {
        self.sessions.each_mut(|session| {
            let is_kept = |order: &VisitOrder| !order.customer_id.as_deref().is_some_and(is_gone);
            session.orders.retain(is_kept);
        });
    }

    /// Who logs in has bought what guests bought in the visit before. `customer_id` is told by who
    /// may be trusted; of who refused nothing is kept.
    pub(crate) fn claim_if_willing(&self, session_id: &str, customer_id: &str, now: Timestamp) {
        let can_be = |session: &Session| session.can_be_claimed(customer_id);
        if self.sessions.read(session_id, now, can_be) == Some(true)
            && !self.customers.is_refused(customer_id)
        {
            let claimed = self.sessions.update(session_id, now, |s| s.claim(customer_id));
            self.add_orders(customer_id, claimed, now);
        }
    }

    fn add_orders(&self, customer_id: &str, orders: Vec<VisitOrder>, now: Timestamp) {
        for VisitOrder { order_id, at, lines, .. } in orders {
            self.add_order(customer_id, order_id.as_deref(), &lines, at.min(now));
        }
    }

    fn add_order(
        &self,
        customer_id: &str,
        order_id: Option<&str>,
        lines: &[EventLine],
        at: Timestamp,
    ) {
        self.customers.add_purchase(customer_id, lines, at);
        self.customers.add_order(customer_id, order_id, lines, at);
    }

    pub(crate) fn apply_to_customer(&self, event: &Event, now: Timestamp) {
        // What a browser alone claims to have bought counts for nothing.
        let (Some(customer_id), true) = (&event.customer_id, event.confirmed) else { return };
        match event.kind {
            EventKind::Purchase => {
                let order_id = event.order_id.as_deref();
                self.add_order(customer_id, order_id, &event.lines, event.at.min(now));
            }
            EventKind::Refund => {
                let order_id = event.order_id.as_deref();
                self.customers.take_back(customer_id, order_id, &event.lines);
            }
            _ => {}
        }
    }

    /// What contact policies count of an event: of the customer, else of the visit. Of items that
    /// the world does not know nothing is kept, or a page could fill the memory.
    pub(crate) fn apply_to_contacts(&self, event: &Event, world: &World, now: Timestamp) {
        let Some(kind) = contact_kind(event.kind) else { return };
        let person = match (&event.customer_id, &event.session_id) {
            (Some(customer_id), _) => self.contacts.customer(customer_id),
            (None, Some(session_id)) => self.contacts.session(session_id),
            (None, None) => return,
        };
        // What a browser alone claims to have bought counts for nothing.
        if kind == ContactKind::Bought && !(event.confirmed && person.is_customer) {
            return;
        }
        let told = told_of(event.kind, kind, event.at);
        for line in event.lines.iter().filter(|line| world.item_idx(&line.item_id).is_some()) {
            self.contacts.note(person, &line.item_id, told, now);
        }
    }
}

/// How an event counts as a contact, if it does.
pub(crate) fn contact_kind(kind: EventKind) -> Option<ContactKind> {
    match kind {
        EventKind::RecommendationImpression | EventKind::RecommendationView => {
            Some(ContactKind::Seen)
        }
        EventKind::RecommendationDismiss => Some(ContactKind::Dismissed),
        EventKind::Purchase => Some(ContactKind::Bought),
        _ => None,
    }
}

/// The contact that an event of this kind tells of; where, only an answer knows.
pub(crate) fn told_of(event: EventKind, kind: ContactKind, at: Timestamp) -> Told {
    let is_view = event == EventKind::RecommendationView;
    Told { kind, at, placement: None, relation: None, channel: None, is_view }
}

/// What a customer bought after a snapshot and has still.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoughtSince {
    /// Each once, latest last.
    pub item_ids: Vec<String>,
    /// Order by order, oldest first.
    pub orders: Vec<(Timestamp, Vec<String>)>,
}

/// Orders up to here are in the snapshot; told again they are not new.
pub fn learned_until(world: &World) -> Option<Timestamp> {
    const SECOND_US: i64 = 1_000_000;
    let told = world.snapshot.provenance().data_to.as_deref()?;
    // It is told to the second, and the rest of that second is in it.
    Timestamp::parse_rfc3339(told).map(|until| Timestamp(until.0.saturating_add(SECOND_US - 1)))
}

/// By the events after the snapshot, whose orders end where `learned_until` says: for a decision
/// that is made beside the server, with the same result.
pub fn bought_since<'a>(
    events: impl Iterator<Item = &'a Event>,
    customer_id: &str,
    (learned_until, now): (Option<Timestamp>, Timestamp),
) -> BoughtSince {
    let live = Live::new(&LiveSettings { max_sessions: 1, ..LiveSettings::default() }, 0);
    for event in events.filter(|event| event.customer_id.as_deref() == Some(customer_id)) {
        live.apply_to_customer(event, now);
    }
    live.customers.find(customer_id, |customer| BoughtSince {
        item_ids: customer.recent.iter().map(|bought| bought.item_id.to_string()).collect(),
        orders: customer
            .orders_after(learned_until)
            .map(|order| (order.at, order.item_ids.iter().map(ToString::to_string).collect()))
            .collect(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use events::Amount;

    pub(crate) fn event(kind: EventKind, who: &str, items: &[&str]) -> Event {
        let line = |item_id: &&str| EventLine {
            item_id: (*item_id).to_owned(),
            quantity: Amount::ONE,
            unit_price: None,
            origin: None,
        };
        Event {
            event_id: "e".to_owned(),
            kind,
            at: Timestamp(1_000),
            customer_id: Some(who.to_owned()),
            session_id: Some(who.to_owned()),
            order_id: None,
            source: "web".to_owned(),
            currency: None,
            location_id: None,
            recommendation_id: None,
            lines: items.iter().map(line).collect(),
            confirmed: true,
        }
    }

    fn purchases(live: &Live, who: &str) -> Vec<String> {
        live.customers.find(who, |customer| {
            customer.recent.iter().map(|bought| bought.item_id.to_string()).collect()
        })
    }

    #[test]
    fn a_confirmed_purchase_counts_and_an_unconfirmed_one_does_not() {
        let live = Live::new(&LiveSettings::default(), 0);
        live.apply(&event(EventKind::Purchase, "anna", &["A", "B"]), Timestamp(2_000));
        let claimed = Event { confirmed: false, ..event(EventKind::Purchase, "anna", &["Z"]) };
        live.apply(&claimed, Timestamp(2_000));
        assert_eq!(purchases(&live, "anna"), ["A", "B"]);
        assert_eq!(purchases(&live, "bert"), [""; 0]);
    }

    #[test]
    fn what_came_back_is_not_had_any_more() {
        let trade = [
            event(EventKind::Purchase, "anna", &["A", "B"]),
            event(EventKind::Purchase, "bert", &["C"]),
            event(EventKind::Refund, "anna", &["A"]),
        ];
        let since = |who| bought_since(trade.iter(), who, (None, Timestamp(2_000)));
        assert_eq!(since("anna").item_ids, ["B"]);
        assert_eq!(since("anna").orders, [(Timestamp(1_000), vec!["B".to_owned()])]);
        assert_eq!(since("carl"), BoughtSince::default());
        // Told again, an order of the snapshot is no new one.
        let learned_until = Some(Timestamp(1_000));
        let again = bought_since(trade.iter(), "bert", (learned_until, Timestamp(2_000)));
        assert_eq!((again.item_ids.len(), again.orders), (1, Vec::new()));
    }

    #[test]
    fn who_logs_in_has_bought_what_the_visit_bought() {
        let live = Live::new(&LiveSettings::default(), 0);
        let visit = |kind, customer_id: Option<&str>, items: &[&str]| {
            let customer_id = customer_id.map(ToOwned::to_owned);
            live.apply(&Event { customer_id, ..event(kind, "s", items) }, Timestamp(2_000));
        };
        visit(EventKind::Purchase, None, &["A", "B"]);
        assert_eq!(purchases(&live, "anna"), [""; 0]);
        visit(EventKind::ViewItem, Some("anna"), &["C"]);
        assert_eq!(purchases(&live, "anna"), ["A", "B"]);
        visit(EventKind::Purchase, Some("anna"), &["D"]);
        visit(EventKind::ViewItem, Some("anna"), &["C"]);
        assert_eq!(purchases(&live, "anna"), ["A", "B", "D"]);
        visit(EventKind::Purchase, Some("bert"), &["E"]);
        let n_orders = || {
            let of_visit =
                live.sessions.read("s", Timestamp(2_000), |session| session.orders.len());
            of_visit.unwrap_or_default()
        };
        assert_eq!(n_orders(), 3);
        live.forget_orders_where(&|id| id == "anna");
        assert_eq!(n_orders(), 1, "erased");
        live.customers.set_consent("bert", Some(false));
        live.customers.set_loaded();
        let mut view = event(EventKind::ViewItem, "s", &["C"]);
        view.customer_id = Some("bert".to_owned());
        live.unname_refused(&mut view, Timestamp(2_000));
        assert_eq!((view.customer_id, n_orders()), (None, 0));
    }

    #[test]
    fn what_who_refused_looks_at_is_nobodys() {
        let live = Live::new(&LiveSettings::default(), 0);
        live.customers.set_consent("anna", Some(false));
        live.customers.set_loaded();
        let named = |kind, who: &str| {
            let mut told = event(kind, who, &["A"]);
            live.unname_refused(&mut told, Timestamp(2_000));
            told.customer_id.is_some()
        };
        assert!(!named(EventKind::ViewItem, "anna"));
        assert!(!named(EventKind::RecommendationClick, "anna"));
        assert!(named(EventKind::Purchase, "anna"));
        assert!(named(EventKind::ViewItem, "bert"));
    }

    #[test]
    fn an_event_from_the_future_does_not_outlive_its_session() {
        let settings = LiveSettings { max_sessions: 100, session_ttl_us: 1_000 };
        let live = Live::new(&settings, 0);
        let ahead = Event { at: Timestamp(i64::MAX), ..event(EventKind::ViewItem, "s", &["A"]) };
        live.apply(&ahead, Timestamp(5_000));
        let n_views = |now| live.sessions.read("s", Timestamp(now), |session| session.views.len());
        assert_eq!(n_views(5_500), Some(1));
        assert_eq!(n_views(7_000), None);
    }
}
