//! What the store says: who was in which arm, what they bought, and what became of each answer.
//!
//! Three readings, one after the other, none of which holds more than it must: events (what was
//! clicked, and which order a line came from), decisions (what an answer held, and where it was
//! shown; kept are those that may have sold something), orders (what was paid and sent back).

use crate::error::Result;
use crate::funnels::{Answers, Funnels};
use crate::heard::{Grain, Heard};
use crate::ledger::{Basis, Ledger};
use events::time::DAY_US;
use events::{Amount, Currency, Timestamp};
use hashbrown::HashMap;
use history::{CatalogItem, Store};
use measure::assignment::{Unit, UnitId, key_of};
use measure::trial::{Assigned, HOLDOUT, OFFERS, Trial};
use std::sync::{Arc, Mutex};

/// Of the time before the first assignment, what takes noise out of the comparison.
const DAYS_BEFORE: i64 = 90;
/// Purchases of so many days before are heard too: a sender's clock may be wrong.
const SKEW_DAYS: i64 = 2;

/// Everything that the findings are made from.
#[derive(Debug)]
pub struct Facts {
    pub trial: Trial,
    pub now: Timestamp,
    pub currency: Option<Currency>,
    /// Some item of the catalog has a cost.
    pub has_costs: bool,
    pub(crate) funnels: Funnels,
    pub doubts: Doubts,
}

/// What could not be joined; each is shown, none is guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Doubts {
    /// Names of answers in events that no record is kept of.
    pub answers_without_record: u64,
    /// Orders, since the trial began, of people in no arm: no customer, no visit, or one that was
    /// never asked for.
    pub orders_of_nobody: u64,
    /// Assigned days of tills at which nobody is known: no order of theirs can be told from others.
    pub days_of_tills: u64,
    pub orders_in_other_currencies: u64,
    pub orders_without_time: u64,
    /// Made after the moment of the report, or after the end of the experiment.
    pub orders_in_the_future: u64,
    /// Lines of orders in the trial that count as nothing, for nobody said what was paid.
    pub lines_without_price: u64,
    /// Lines that name an answer which did not hold them, or was another customer's.
    pub lines_not_offered: u64,
    /// Refunds of more than was sold and had not come back; the rest of them counts.
    pub refunds_above_sale: u64,
    /// Bought of an answer before it was given: a sender's clock is wrong. They count by their own
    /// time, in both arms alike.
    pub outcomes_before_answer: u64,
    pub purchases_not_confirmed: u64,
}

/// Names are compared by 64 bits of a hash: two of a million meet with a chance of 3 in 10^8.
pub fn hash_of(text: &str) -> u64 {
    key_of(text)
}

/// `days`: of those assigned first in the last so many days only.
pub async fn gather(store: &Store, now: Timestamp, days: Option<u32>) -> Result<Facts> {
    let key = key_of(&store.store_id().await?);
    let since = days.map_or(i64::MIN, |days| now.0.saturating_sub(i64::from(days) * DAY_US));
    gather_of(store, key, assigned(store, key).await?, (Timestamp(since), now)).await
}

/// The facts of who of these units was assigned first after `since`, until `now`; nothing that came
/// later counts.
pub async fn gather_of(
    store: &Store,
    key: u64,
    assigned: Vec<Assigned>,
    (since, now): (Timestamp, Timestamp),
) -> Result<Facts> {
    let began = assigned.iter().map(|unit| unit.first_at_us).min().unwrap_or(now.0);
    let mut heard = Heard::new(key, began);
    let early = Timestamp(began.saturating_sub(SKEW_DAYS * DAY_US));
    store.each_event(early, |event| heard.hear(event)).await?;
    let older = assigned.iter().filter(|unit| unit.first_at_us < since.0);
    let mut answers = Answers {
        key,
        units: assigned.iter().map(|unit| unit.unit).collect(),
        older: older.filter_map(|unit| unit.customer).collect(),
        since,
        ..Answers::default()
    };
    store
        .each_decision(Timestamp(began), |record| answers.take(record, &mut heard.outcomes))
        .await?;
    let Answers { mut funnels, tills, kept, .. } = answers;
    let units = assigned.into_iter().filter(|unit| !tills.contains(&unit.unit)).collect();
    let trial = Trial::new(units, heard.links.drain(..), DAYS_BEFORE * DAY_US).since(since.0);
    let catalog = known(&store.items_since(0).await?.0);
    let has_costs = catalog.iter().any(|item| item.cost.is_some());
    let from = Timestamp(began.saturating_sub(DAYS_BEFORE * DAY_US));
    let Survey { currency, grain } = survey(store, from).await?;
    let basis = Basis { trial, heard, answers: kept, catalog, currency, grain, until: now };
    let mut ledger = read_orders(store, from, Ledger::new(basis)).await?;
    let mut doubts = ledger.doubts;
    doubts.outcomes_before_answer = ledger.outcomes_before_answer();
    for (name, answer) in &ledger.answers {
        if let Some(outcome) = ledger.heard.outcomes.remove(name) {
            funnels.add(answer, &outcome);
        }
    }
    doubts.answers_without_record = ledger.heard.n_named();
    doubts.purchases_not_confirmed = ledger.heard.n_not_confirmed;
    doubts.days_of_tills = tills.len() as u64;
    Ok(Facts { trial: ledger.trial, now, currency, has_costs, funnels, doubts })
}

async fn assigned(store: &Store, key: u64) -> Result<Vec<Assigned>> {
    let customers = customers_by_unit(store, key).await?;
    let units = store.assignments().await?;
    Ok(units
        .iter()
        .map(|unit| Assigned {
            unit: UnitId(unit.unit),
            customer: unit.customer_idx.or_else(|| customers.get(&unit.unit).copied()),
            arm: if unit.is_held_out { HOLDOUT } else { OFFERS },
            first_at_us: unit.first_at.0,
        })
        .collect())
}

/// Who had no order yet when first asked for may have one by now.
pub async fn customers_by_unit(store: &Store, key: u64) -> Result<HashMap<u64, u32>> {
    let customers = store.customers().await?;
    let unit_of = |id: &str| Unit::Customer(id).id(key).0;
    Ok(customers.iter().map(|c| (unit_of(&c.customer_id), c.customer_idx)).collect())
}

/// What is asked of an item, by dense index.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub hash: u64,
    pub cost: Option<Amount>,
    /// Index of the family's head, but for the head itself.
    pub family: Option<u32>,
}

fn known(items: &[CatalogItem]) -> Vec<Known> {
    let one = |item: &CatalogItem| Known {
        hash: hash_of(&item.entry.id),
        cost: item.entry.cost,
        family: item.entry.variant_of,
    };
    items.iter().map(one).collect()
}

/// What must be known of all orders before the first is counted.
struct Survey {
    /// The most frequent.
    currency: Option<Currency>,
    grain: Grain,
}

async fn survey(store: &Store, since: Timestamp) -> Result<Survey> {
    let counts: Arc<Mutex<(HashMap<Currency, u64>, Grain)>> = Arc::default();
    let shared = Arc::clone(&counts);
    store
        .each_order(since, move |order| {
            let (currencies, grain) = &mut *lock(&shared);
            order.currency.into_iter().for_each(|code| *currencies.entry(code).or_default() += 1);
            order.at.into_iter().for_each(|at| grain.see(at));
        })
        .await?;
    let (currencies, grain) = &*lock(&counts);
    let most = currencies
        .iter()
        .max_by_key(|(currency, n)| (**n, std::cmp::Reverse(currency.as_str().to_owned())));
    Ok(Survey { currency: most.map(|(currency, _)| *currency), grain: grain.clone() })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

async fn read_orders(store: &Store, since: Timestamp, ledger: Ledger) -> Result<Ledger> {
    let shared = Arc::new(Mutex::new(ledger));
    let writer = Arc::clone(&shared);
    store.each_order(since, move |order| lock(&writer).take(order)).await?;
    let ledger = Arc::into_inner(shared).expect("the reader is done, and its share gone with it");
    let mut ledger = ledger.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    ledger.take_back();
    ledger.close_checkouts();
    Ok(ledger)
}
