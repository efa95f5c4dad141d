//! What is known of customers beside the snapshot: their place in it, their consent, and what
//! they bought since.

use decide::KnownCustomer;
use events::Timestamp;
use events::event::EventLine;
use hashbrown::{HashMap, HashSet};
use history::FollowedHolding;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// Purchases since the snapshot that are kept per customer, latest last; of one who bought more it
/// is known that there are others.
const MAX_RECENT: usize = 1_000;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bought {
    pub(crate) item_id: Box<str>,
    at: Timestamp,
}

/// Orders since the snapshot that are kept as they were made; older ones are only in `recent`.
const MAX_ORDERS: usize = 50;

/// An order since the snapshot, with its items.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LiveOrder {
    order_id: Option<Box<str>>,
    pub(crate) at: Timestamp,
    pub(crate) item_ids: Vec<Box<str>>,
}

/// Something that a customer has, from a time to a time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Held {
    item_id: Box<str>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Held {
    fn is_at(&self, now: Timestamp) -> bool {
        self.since.is_none_or(|since| since <= now) && self.until.is_none_or(|until| now < until)
    }
}

/// One customer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Customer {
    /// The row in the snapshot's customer table.
    pub(crate) idx: Option<u32>,
    /// `Some(false)`: nothing personal is read.
    pub(crate) consent: Option<bool>,
    pub(crate) attributes: Vec<(Box<str>, Box<str>)>,
    pub(crate) holdings: Vec<Held>,
    pub(crate) recent: Vec<Bought>,
    /// The orders of `recent`, latest last.
    pub(crate) orders: Vec<LiveOrder>,
    /// When the latest of the purchases was made that found no room in `recent`.
    dropped_until: Option<Timestamp>,
    /// Orders of theirs were imported that the snapshot does not know.
    has_imported: bool,
}

impl Customer {
    /// Nothing was ever told of them.
    pub(crate) fn is_blank(&self) -> bool {
        *self == Customer::default()
    }

    /// Orders that a snapshot does not know which has learned up to a time.
    pub(crate) fn orders_after(
        &self,
        learned_until: Option<Timestamp>,
    ) -> impl Iterator<Item = &LiveOrder> {
        let is_new = move |order: &&LiveOrder| learned_until.is_none_or(|until| until < order.at);
        self.orders.iter().filter(is_new)
    }

    /// Ids of what was bought and a world does not know ([`Customers::unknown_since`]).
    pub(crate) fn bought_after(&self, since: Option<Timestamp>) -> impl Iterator<Item = &str> {
        let is_new = move |bought: &&Bought| since.is_none_or(|since| since < bought.at);
        self.recent.iter().filter(is_new).map(|bought| &*bought.item_id)
    }

    /// Only when the last of them was made stays: until the snapshot knows it, nobody can say what
    /// was not bought.
    fn forget_purchases(&mut self) {
        let latest = self.recent.iter().map(|bought| bought.at).max();
        self.dropped_until = self.dropped_until.max(latest);
        self.recent.clear();
        self.orders.clear();
    }

    /// Did they refuse to be contacted to be sold something?
    pub(crate) fn refuses_contact(&self) -> bool {
        let told = self.attributes.iter().find(|(name, _)| **name == *policy::facts::MARKETING);
        told.and_then(|(_, value)| policy::facts::consent_in(value)) == Some(false)
    }

    /// Ids of what they have at a time.
    pub(crate) fn held_at(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        self.holdings.iter().filter(move |held| held.is_at(now)).map(|held| &*held.item_id)
    }

    /// What policies may ask.
    pub(crate) fn known(&self, now: Timestamp, has_holdings: bool) -> KnownCustomer {
        KnownCustomer {
            consent: self.consent,
            attributes: self.attributes.clone(),
            holdings: has_holdings.then(|| self.held_at(now).map(Into::into).collect()),
            bought_is_partial: self.dropped_until.is_some() || self.has_imported,
        }
    }
}

/// All customers by external id. Grows with the customers of the shop, as the snapshot does; only
/// the store and calls with a secret key can add one.
#[derive(Debug, Default)]
pub(crate) struct Customers {
    by_id: RwLock<HashMap<Box<str>, Customer>>,
    is_loaded: AtomicBool,
    has_holdings: AtomicBool,
    /// Purchases up to here were forgotten last, in microseconds; some may have come later.
    forgotten_until: AtomicI64,
}

impl Customers {
    /// False until the store has told who refused: nothing personal may be read before.
    pub(crate) fn is_loaded(&self) -> bool {
        self.is_loaded.load(Ordering::Acquire)
    }

    pub(crate) fn set_loaded(&self) {
        self.is_loaded.store(true, Ordering::Release);
    }

    /// Holdings are not known before this.
    pub(crate) fn set_holdings_loaded(&self) {
        self.has_holdings.store(true, Ordering::Release);
    }

    pub(crate) fn has_holdings(&self) -> bool {
        self.has_holdings.load(Ordering::Acquire)
    }

    /// Looks at a customer, an unknown one as a blank.
    pub(crate) fn find<R>(&self, customer_id: &str, look: impl FnOnce(&Customer) -> R) -> R {
        let by_id = self.by_id.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        match by_id.get(customer_id) {
            Some(customer) => look(customer),
            None => look(&Customer::default()),
        }
    }

    pub(crate) fn is_refused(&self, customer_id: &str) -> bool {
        self.find(customer_id, |customer| customer.consent == Some(false))
    }

    pub(crate) fn add_purchase(&self, customer_id: &str, lines: &[EventLine], at: Timestamp) {
        self.edit(customer_id, |customer| {
            if customer.consent == Some(false) {
                customer.dropped_until = customer.dropped_until.max(Some(at));
                return;
            }
            for line in lines {
                customer.recent.retain(|bought| *bought.item_id != *line.item_id);
                if customer.recent.len() == MAX_RECENT {
                    let dropped = customer.recent.remove(0);
                    customer.dropped_until = customer.dropped_until.max(Some(dropped.at));
                }
                customer.recent.push(Bought { item_id: line.item_id.as_str().into(), at });
            }
        });
    }

    /// One version of an order counts, the one that came last.
    pub(crate) fn add_order(
        &self,
        customer_id: &str,
        order_id: Option<&str>,
        lines: &[EventLine],
        at: Timestamp,
    ) {
        let mut item_ids: Vec<Box<str>> = Vec::with_capacity(lines.len());
        for line in lines.iter().take(MAX_RECENT) {
            if !item_ids.iter().any(|known| **known == *line.item_id) {
                item_ids.push(line.item_id.as_str().into());
            }
        }
        self.edit(customer_id, |customer| {
            if customer.consent == Some(false) {
                return;
            }
            let orders = &mut customer.orders;
            orders.retain(|order| order_id.is_none() || order.order_id.as_deref() != order_id);
            let order_id = order_id.map(Into::into);
            let place = orders.partition_point(|order| order.at <= at);
            orders.insert(place, LiveOrder { order_id, at, item_ids });
            let n_items = |orders: &[LiveOrder]| -> usize {
                orders.iter().map(|order| order.item_ids.len()).sum()
            };
            while MAX_ORDERS < orders.len() || MAX_RECENT < n_items(orders) {
                orders.remove(0);
            }
        });
    }

    /// What came back is not had any more: of the order that is named, else of the latest that has
    /// it. Without lines nobody says what it was: all of it stays.
    pub(crate) fn take_back(&self, customer_id: &str, order_id: Option<&str>, lines: &[EventLine]) {
        self.edit(customer_id, |customer| {
            let orders = &mut customer.orders;
            for line in lines {
                let is_it = |id: &str| *id == *line.item_id;
                let has_it = |order: &LiveOrder| order.item_ids.iter().any(|id| is_it(id));
                let is_meant = |order: &LiveOrder| match order_id {
                    Some(_) => order.order_id.as_deref() == order_id,
                    None => has_it(order),
                };
                if let Some(order) = orders.iter_mut().rfind(|order| is_meant(order)) {
                    order.item_ids.retain(|id| !is_it(id));
                }
                if !orders.iter().any(has_it) {
                    customer.recent.retain(|bought| !is_it(&bought.item_id));
                }
            }
            orders.retain(|order| !order.item_ids.is_empty());
        });
    }

    /// What was bought is forgotten when they refuse, and nothing more is kept until they consent:
    /// then it begins anew. True when they did not refuse before.
    pub(crate) fn set_consent(&self, customer_id: &str, consent: Option<bool>) -> bool {
        let mut is_new_refusal = false;
        if consent.is_some() {
            self.edit(customer_id, |customer| {
                is_new_refusal = consent == Some(false) && customer.consent != consent;
                customer.consent = consent;
                if is_new_refusal {
                    customer.forget_purchases();
                }
            });
        }
        is_new_refusal
    }

    /// Attributes that are not told stay.
    pub(crate) fn set_attributes(&self, customer_id: &str, told: &[(String, String)]) {
        if told.is_empty() {
            return;
        }
        self.edit(customer_id, |customer| {
            for (name, value) in told {
                customer.attributes.retain(|(known, _)| **known != **name);
                customer.attributes.push((name.as_str().into(), value.as_str().into()));
            }
        });
    }

    pub(crate) fn set_holding(&self, told: &FollowedHolding) {
        self.edit(&told.customer_id, |customer| {
            let at = customer.holdings.iter().position(|held| *held.item_id == *told.item_id);
            let before = at.map(|at| customer.holdings.swap_remove(at));
            customer.holdings.push(Held {
                item_id: told.item_id.as_str().into(),
                since: told.since.or(before.as_ref().and_then(|held| held.since)),
                until: told.until.or(before.as_ref().and_then(|held| held.until)),
            });
        });
    }

    pub(crate) fn set_idx(&self, customer_id: &str, idx: u32) {
        self.edit(customer_id, |customer| customer.idx = Some(idx));
    }

    /// Forgets customers who were erased; their ids.
    pub(crate) fn remove(&self, erased: &[u32]) -> Vec<Box<str>> {
        let erased: HashSet<u32> = erased.iter().copied().collect();
        let mut by_id = self.by_id.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let is_gone = |customer: &Customer| customer.idx.is_some_and(|idx| erased.contains(&idx));
        by_id.extract_if(|_, customer| is_gone(customer)).map(|(id, _)| id).collect()
    }

    /// From when on a world does not know what was bought, where another world that knows less
    /// keeps purchases from being forgotten; `None`: it knows nothing of those that are kept.
    pub(crate) fn unknown_since(&self, learned_until: Option<Timestamp>) -> Option<Timestamp> {
        let forgotten_until = self.forgotten_until.load(Ordering::Acquire);
        learned_until.filter(|until| forgotten_until < until.0)
    }

    /// Purchases up to here are in all snapshots by now.
    pub(crate) fn forget_until(&self, learned_until: Timestamp) {
        self.forgotten_until.store(learned_until.0, Ordering::Release);
        let mut by_id = self.by_id.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        for customer in by_id.values_mut() {
            customer.recent.retain(|bought| learned_until < bought.at);
            customer.orders.retain(|order| learned_until < order.at);
            customer.dropped_until.take_if(|dropped| *dropped <= learned_until);
        }
    }

    /// Of these customers orders were imported that the snapshot does not know, of others none.
    pub(crate) fn set_imported(&self, buyers: &HashSet<u32>) {
        let mut by_id = self.by_id.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        for customer in by_id.values_mut() {
            customer.has_imported = customer.idx.is_some_and(|idx| buyers.contains(&idx));
        }
    }

    fn edit(&self, customer_id: &str, edit: impl FnOnce(&mut Customer)) {
        let mut by_id = self.by_id.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        match by_id.get_mut(customer_id) {
            Some(customer) => edit(customer),
            None => {
                let mut customer = Customer::default();
                edit(&mut customer);
                by_id.insert(customer_id.into(), customer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Amount;

    #[test]
    fn the_latest_purchases_are_kept_each_once() {
        let customers = Customers::default();
        let line = |n: usize| EventLine {
            item_id: n.to_string(),
            quantity: Amount::ONE,
            unit_price: None,
            origin: None,
        };
        let is_partial = || {
            customers.find("anna", |customer| customer.known(Timestamp(9), true)).bought_is_partial
        };
        let lines: Vec<EventLine> = (0..MAX_RECENT).map(line).collect();
        customers.add_purchase("anna", &lines, Timestamp(7));
        assert!(!is_partial());
        let lines: Vec<EventLine> = (MAX_RECENT..2 * MAX_RECENT).chain([1_190]).map(line).collect();
        customers.add_purchase("anna", &lines, Timestamp(8));
        customers.find("anna", |customer| {
            assert_eq!(customer.recent.len(), MAX_RECENT);
            assert_eq!(customer.recent.last().map(|bought| &*bought.item_id), Some("1190"));
            let n = customer.recent.iter().filter(|bought| *bought.item_id == *"1190").count();
            assert_eq!(n, 1);
        });
        assert!(is_partial(), "what found no room was bought all the same");
        customers.forget_until(Timestamp(6));
        assert!(is_partial());
        customers.forget_until(Timestamp(7));
        assert!(!is_partial(), "the snapshot has learned it");
    }

    #[test]
    fn orders_are_kept_as_they_were_made_and_each_once() {
        let customers = Customers::default();
        let add = |order_id: Option<&str>, items: &[&str], at| {
            let lines: Vec<EventLine> = items
                .iter()
                .map(|item_id| EventLine {
                    item_id: (*item_id).to_owned(),
                    quantity: Amount::ONE,
                    unit_price: None,
                    origin: None,
                })
                .collect();
            customers.add_order("anna", order_id, &lines, Timestamp(at));
            lines
        };
        let told = || -> Vec<String> {
            customers.find("anna", |customer| {
                let told = customer.orders.iter();
                told.map(|order| format!("{} {}", order.at.0, order.item_ids.join(","))).collect()
            })
        };
        add(Some("o1"), &["tea", "milk", "tea"], 5);
        add(None, &["tea"], 7);
        // Told late, and told again with another content.
        add(Some("o0"), &["bread"], 3);
        add(Some("o1"), &["tea"], 6);
        assert_eq!(told(), ["3 bread", "6 tea", "7 tea"]);
        customers.forget_until(Timestamp(3));
        assert_eq!(told(), ["6 tea", "7 tea"]);
        let back = add(Some("o2"), &["tea", "milk"], 8);
        customers.take_back("anna", Some("o1"), &back);
        assert_eq!(told(), ["7 tea", "8 tea,milk"], "what o1 had of it");
        customers.take_back("anna", Some("o1"), &back);
        assert_eq!(told(), ["7 tea", "8 tea,milk"], "once more, there is nothing left");
        customers.take_back("anna", None, &back);
        assert_eq!(told(), ["7 tea"], "the latest that has it");
        customers.take_back("anna", None, &back);
        assert!(told().is_empty());
        (0..=MAX_ORDERS as i64).for_each(|at| drop(add(None, &["tea"], at)));
        assert_eq!((told().len(), told()[0].as_str()), (MAX_ORDERS, "1 tea"));
    }

    #[test]
    fn what_the_snapshot_has_learned_is_forgotten_here() {
        let customers = Customers::default();
        let line = |item_id: &str| {
            vec![EventLine {
                item_id: item_id.to_owned(),
                quantity: Amount::ONE,
                unit_price: None,
                origin: None,
            }]
        };
        customers.add_purchase("anna", &line("old"), Timestamp(5));
        customers.add_purchase("anna", &line("new"), Timestamp(6));
        customers.forget_until(Timestamp(5));
        customers.find("anna", |customer| {
            let ids: Vec<&str> = customer.recent.iter().map(|bought| &*bought.item_id).collect();
            assert_eq!(ids, ["new"]);
        });
    }

    #[test]
    fn who_refuses_is_forgotten_and_begins_anew() {
        let customers = Customers::default();
        let buy = |item_id: &str, at: i64| {
            let line = EventLine {
                item_id: item_id.to_owned(),
                quantity: Amount::ONE,
                unit_price: None,
                origin: None,
            };
            customers.add_purchase("anna", std::slice::from_ref(&line), Timestamp(at));
            customers.add_order("anna", None, &[line], Timestamp(at));
        };
        let kept = || {
            customers.find("anna", |customer| {
                let is_partial = customer.known(Timestamp(9), true).bought_is_partial;
                (customer.recent.len(), customer.orders.len(), is_partial)
            })
        };
        buy("tea", 5);
        assert_eq!(kept(), (1, 1, false));
        assert!(customers.set_consent("anna", Some(false)));
        assert_eq!(kept(), (0, 0, true));
        buy("milk", 6);
        assert_eq!(kept(), (0, 0, true));
        assert!(!customers.set_consent("anna", Some(false)), "nothing new");
        assert!(!customers.set_consent("anna", Some(true)));
        buy("bread", 7);
        assert_eq!(kept(), (1, 1, true));
        customers.forget_until(Timestamp(6));
        assert_eq!(kept(), (1, 1, false));
    }

    #[test]
    fn consent_that_is_not_told_stays() {
        let customers = Customers::default();
        customers.set_consent("anna", Some(false));
        customers.set_consent("anna", None);
        customers.set_idx("anna", 7);
        customers.find("anna", |customer| {
            assert_eq!((customer.consent, customer.idx), (Some(false), Some(7)));
        });
        customers.find("unknown", |customer| assert_eq!(customer, &Customer::default()));
    }
}
