//! Who responds to offers, from the arms of the store: learned of customers who had ordered before
//! they were first assigned, and told of everybody who orders today.
//!
//! Where nobody was spared, who may be shown offers is held against who is held out. Once offers
//! were kept from those who were not expected to respond, most of the treated were not treated as
//! before, and what is learned of them would be learned of what was learned: from then on only
//! those count who are always offered something ([`is_offered_anyway`], by a hash of the customer,
//! whatever they are like). What is known of a customer comes from the same reading in both
//! places: of the days before a moment, net of what came back.

use crate::error::{Error, Result};
use crate::facts::{self, Bounds, Question, Telling, Units};
use crate::funnels::Spend;
use crate::promise;
use events::{Amount, Currency, Timestamp};
use hashbrown::HashSet;
use history::{AssignedUnit, Store};
use measure::assignment::{Unit, key_of};
use measure::lift::NoAnswer;
use measure::trial::{
    Assigned, BEFORE, DAYS_SINCE_ORDER, HOLDOUT, ITEMS_BEFORE, OFFERS, ORDERS_BEFORE, REVENUE, Row,
};
use measure::uplift::responders::{
    self, Evidence, Known, MIN_CUSTOMERS, NotTold, Responders, Watched, is_offered_anyway,
    share_of_always_offered,
};

/// What offers bring of each customer.
#[derive(Clone, Debug)]
pub struct Told {
    pub evidence: Evidence,
    /// Revenue that offers are expected to bring, by index of the customer; `None` for who did not
    /// order of late, or refused that anything personal is read of them.
    pub of_customer: Vec<Option<Amount>>,
    /// Of the orders that were counted.
    pub currency: Option<Currency>,
    /// Learned of those only who are always offered something.
    pub is_of_always_offered: bool,
}

impl Told {
    /// Customers of whom something is known, and those of them whom offers are not expected to
    /// move.
    pub fn counts(&self) -> [u64; 2] {
        let known = self.of_customer.iter().flatten();
        let unmoved = known.clone().filter(|uplift| **uplift <= Amount::ZERO);
        [known.count() as u64, unmoved.count() as u64]
    }
}

/// Learns who responds, or says why that cannot be told. Reads the logs since the first assignment,
/// within the memory that joins may take.
pub async fn learn(
    store: &Store,
    now: Timestamp,
    memory_bytes: u64,
    tell: &mut Telling<'_>,
) -> Result<std::result::Result<Told, NotTold>> {
    let mut n_of_arms = [0_usize; 2];
    let count = |unit: AssignedUnit| n_of_arms[usize::from(unit.is_held_out)] += 1;
    store.each_assignment(count).await?;
    // Most stores: nothing is read for nothing.
    if n_of_arms.iter().any(|n| *n < MIN_CUSTOMERS) {
        return Ok(Err(NotTold::TooFew));
    }
    let customers = Customers::of(store).await?;
    let is_of_always_offered = was_anybody_spared(store).await?;
    let window_days = facts::DEFAULT_WINDOW_DAYS;
    let bounds = Bounds { days: None, memory_bytes, window_days };
    let mut facts = facts::gather(store, now, bounds, tell).await?;
    facts.trial.promise(promise::promise(store, None).await?);
    if let Some(ratio) = facts.trial.sample_ratio().filter(|ratio| ratio.is_alarm()) {
        return Err(Error::NotAsPromised { why: NoAnswer::SampleRatio(ratio) });
    }
    let promised = facts.trial.promised().clone();
    let mut watched: Vec<Watched> = Vec::new();
    facts.trial.each_compared(|person| {
        let customer = person.customer.filter(|one| !customers.refused.contains(one));
        let Some(customer) = customer else { return };
        let is_treated = person.arm != HOLDOUT;
        let is_always_offered = customers.is_always_offered(customer);
        let share = promised.share_at(person.first_at_us);
        if (is_of_always_offered && is_treated && !is_always_offered)
            || person.row[ORDERS_BEFORE] < 1.0
        {
            return;
        }
        let share = share.filter(|share| 0.0 < *share && *share < 1.0);
        let Some(share) = share else { return };
        let share_treated =
            if is_of_always_offered { share_of_always_offered(share) } else { share };
        let known = known_of(&person.row);
        watched.push(Watched { known, is_treated, share_treated, revenue: person.row[REVENUE] });
    });
    facts.check()?;
    let currency = facts.currency;
    drop(facts);
    tell("learning who responds", 0, 0);
    let responders = match responders::learn(&watched) {
        Ok(responders) => responders,
        Err(why) => return Ok(Err(why)),
    };
    drop(watched);
    let of_customer = of_today(store, (now, memory_bytes), (&customers, &responders), tell).await?;
    let evidence = responders.evidence;
    Ok(Ok(Told { evidence, of_customer, currency, is_of_always_offered }))
}

/// Whose each index is, as far as it is asked here.
struct Customers {
    key: u64,
    /// By index.
    units: Vec<Option<measure::assignment::UnitId>>,
    refused: HashSet<u32>,
}

impl Customers {
    async fn of(store: &Store) -> Result<Customers> {
        let key = key_of(&store.store_id().await?);
        let mut units = Vec::new();
        let put = |customer_idx: u32, id: &str| {
            let at = customer_idx as usize;
            units.resize(units.len().max(at + 1), None);
            units[at] = Some(Unit::Customer(id).id(key));
        };
        store.each_customer_id(put).await?;
        let refused = store.customers_who_refused().await?.into_iter().collect();
        Ok(Customers { key, units, refused })
    }

    fn is_always_offered(&self, customer: u32) -> bool {
        let unit = self.units.get(customer as usize).copied().flatten();
        unit.is_some_and(|unit| is_offered_anyway(unit, self.key))
    }
}

/// An offer was kept from somebody who was not expected to respond.
async fn was_anybody_spared(store: &Store) -> Result<bool> {
    let mut is_found = false;
    let since = Timestamp(i64::MIN);
    store.each_decision(since, |record| is_found |= is_spared(&record.payload)).await?;
    Ok(is_found)
}

/// Said of an answer: that it held nothing, for whoever asked is not expected to respond.
fn is_spared(payload: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Recorded {
        spend: Option<Spend>,
    }
    // Few records hold the word, and only those are read.
    memchr::memmem::find(payload, b"\"left_out\":true").is_some()
        && serde_json::from_slice::<Recorded>(payload)
            .is_ok_and(|record| record.spend.is_some_and(|spend| spend.left_out))
}

fn known_of(row: &Row) -> Known {
    Known {
        orders: row[ORDERS_BEFORE],
        revenue: row[BEFORE],
        pieces: row[ITEMS_BEFORE],
        days_since_order: row[DAYS_SINCE_ORDER],
    }
}

/// What offers bring of each customer who ordered of late: as if everybody were assigned now.
async fn of_today(
    store: &Store,
    (now, memory_bytes): (Timestamp, u64),
    (customers, responders): (&Customers, &Responders),
    tell: &mut Telling<'_>,
) -> Result<Vec<Option<Amount>>> {
    let everybody = customers.units.iter().zip(0_u32..).filter_map(|(unit, customer)| {
        let assigned =
            Assigned { unit: (*unit)?, customer: Some(customer), arm: OFFERS, first_at_us: now.0 };
        (!customers.refused.contains(&customer)).then_some(assigned)
    });
    let question = Question {
        key: customers.key,
        units: Units::Given(everybody.collect()),
        began_us: now.0,
        since: Timestamp(i64::MIN),
        until: now,
        memory_bytes,
        window_days: facts::DEFAULT_WINDOW_DAYS,
        asks_for_new_items: false,
    };
    let facts = facts::gather_of(store, question, tell).await?;
    let mut of_customer = vec![None; customers.units.len()];
    facts.trial.each(|person| {
        let Some(customer) = person.customer.filter(|_| person.row[ORDERS_BEFORE] > 0.0) else {
            return;
        };
        let uplift = responders.uplift(&known_of(&person.row));
        if let Some(told) = of_customer.get_mut(customer as usize) {
            *told = Amount::from_f64(uplift).ok();
        }
    });
    facts.check()?;
    Ok(of_customer)
}

#[cfg(test)]
mod tests;
