//! What is known of customers beside the snapshot: their place in it, their consent, and what
//! they bought since.

use events::event::EventLine;
use hashbrown::HashMap;
use std::sync::RwLock;

/// Purchases since the snapshot that are kept per customer, latest last.
const MAX_RECENT: usize = 50;

/// One customer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Customer {
    /// The row in the snapshot's customer table.
    pub(crate) idx: Option<u32>,
    /// `Some(false)`: nothing personal is read.
    pub(crate) consent: Option<bool>,
    pub(crate) recent: Vec<Box<str>>,
}

/// All customers by external id. Grows with the customers of the shop, as the snapshot does; only
/// the store and calls with a secret key can add one.
#[derive(Debug, Default)]
pub(crate) struct Customers {
    by_id: RwLock<HashMap<Box<str>, Customer>>,
}

impl Customers {
    /// Looks at a customer, an unknown one as a blank.
    pub(crate) fn find<R>(&self, customer_id: &str, look: impl FnOnce(&Customer) -> R) -> R {
        let by_id = self.by_id.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        match by_id.get(customer_id) {
            Some(customer) => look(customer),
            None => look(&Customer::default()),
        }
    }

    pub(crate) fn add_purchase(&self, customer_id: &str, lines: &[EventLine]) {
        self.edit(customer_id, |customer| {
            for line in lines {
                customer.recent.retain(|item_id| **item_id != *line.item_id);
                if customer.recent.len() == MAX_RECENT {
                    customer.recent.remove(0);
                }
                customer.recent.push(line.item_id.as_str().into());
            }
        });
    }

    pub(crate) fn set_consent(&self, customer_id: &str, consent: Option<bool>) {
        if consent.is_some() {
            self.edit(customer_id, |customer| customer.consent = consent);
        }
    }

    pub(crate) fn set_idx(&self, customer_id: &str, idx: u32) {
        self.edit(customer_id, |customer| customer.idx = Some(idx));
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.read().unwrap_or_else(|poisoned| poisoned.into_inner()).len()
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
        let lines: Vec<EventLine> = (0..200).chain([190]).map(line).collect();
        customers.add_purchase("anna", &lines);
        customers.find("anna", |customer| {
            assert_eq!(customer.recent.len(), MAX_RECENT);
            assert_eq!(customer.recent.last().map(|id| &**id), Some("190"));
            assert_eq!(customer.recent.iter().filter(|id| ***id == *"190").count(), 1);
        });
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
