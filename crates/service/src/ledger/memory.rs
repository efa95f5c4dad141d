//! A ledger in memory for tests, with a switch that makes it fail.

use super::{
    Appended, ContactsAsked, DecisionEntry, Ledger, LedgerFault, LedgerFigures, LedgerFuture,
    PastContact, PastPerson, TakeContact, past_contacts,
};
use crate::live::{contact_kind, told_of};
use events::{
    CustomerRecord, Event, EventKind, HoldingRecord, ItemRecord, RelationRecord, Timestamp,
};
use hashbrown::{HashMap, HashSet};
use history::{
    CustomerChanges, CustomerMark, DeclaredFacts, FollowedCustomer, FollowedHolding,
    ImportedBuyers, ImportsMark, RelationIntake, RetentionPolicy, RetentionSummary, SealPolicy,
    SealSummary,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Semaphore;

#[derive(Clone)]
pub(crate) struct MemoryLedger {
    pub(crate) is_full: Arc<AtomicBool>,
    /// A permit for each acknowledgement of events: a test that takes them all makes callers wait
    /// for events that are durable already.
    pub(crate) acknowledgements: Arc<Semaphore>,
    state: Arc<Mutex<State>>,
}

impl Default for MemoryLedger {
    fn default() -> MemoryLedger {
        MemoryLedger {
            is_full: Arc::default(),
            acknowledgements: Arc::new(Semaphore::new(1_000_000)),
            state: Arc::default(),
        }
    }
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) events: Vec<Event>,
    seen: HashSet<(bool, String)>,
    pub(crate) items: Vec<(u64, ItemRecord)>,
    /// Their places are their indices.
    pub(crate) customers: Vec<CustomerRecord>,
    pub(crate) erased: Vec<u32>,
    pub(crate) n_orders: u64,
    /// Customers of orders that no snapshot knows.
    pub(crate) imported: HashSet<u32>,
    pub(crate) retained: Vec<RetentionPolicy>,
    pub(crate) sealings: Vec<SealPolicy>,
    pub(crate) holdings: Vec<HoldingRecord>,
    pub(crate) relations: Vec<Vec<RelationRecord>>,
    pub(crate) decisions: HashMap<String, (Option<u32>, Vec<u8>)>,
    pub(crate) policy_version: u64,
    version: u64,
}

impl MemoryLedger {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn answer<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut State) -> T,
    ) -> LedgerFuture<'static, T> {
        let result = match self.is_full.load(Ordering::Relaxed) {
            true => Err(LedgerFault::Unavailable("no space left on /secret/path".into())),
            false => Ok(act(&mut self.state())),
        };
        Box::pin(std::future::ready(result))
    }
}

impl State {
    fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }
}

impl Ledger for MemoryLedger {
    fn append(&self, events: Vec<Event>, _now: Timestamp) -> LedgerFuture<'_, Appended> {
        let stored = self.answer(|state| {
            let mut is_new = Vec::new();
            for event in events {
                is_new.push(state.seen.insert((event.confirmed, event.event_id.clone())));
                if is_new.last() == Some(&true) {
                    state.events.push(event);
                }
            }
            Appended { is_new }
        });
        let acknowledgements = Arc::clone(&self.acknowledgements);
        Box::pin(async move {
            let _permit = acknowledgements
                .acquire()
                .await
                .map_err(|closed| LedgerFault::Unavailable(closed.into()))?;
            stored.await
        })
    }

    fn put_items(&self, records: Vec<ItemRecord>) -> LedgerFuture<'_, u64> {
        self.answer(|state| {
            let version = state.next_version();
            state.items.extend(records.into_iter().map(|record| (version, record)));
            version
        })
    }

    fn put_customers(&self, records: Vec<CustomerRecord>) -> LedgerFuture<'_, u64> {
        self.answer(|state| {
            state.customers.extend(records);
            state.next_version()
        })
    }

    fn put_holdings(&self, records: Vec<HoldingRecord>) -> LedgerFuture<'_, u64> {
        self.answer(|state| {
            state.holdings.extend(records);
            state.next_version()
        })
    }

    /// One step of the version a list, as the store has it.
    fn declare_relations(
        &self,
        records: Vec<RelationRecord>,
    ) -> LedgerFuture<'_, (RelationIntake, Vec<RelationRecord>)> {
        self.answer(|state| {
            state.relations.push(records.clone());
            let intake = RelationIntake {
                n_new: records.len() as u64,
                version: state.relations.len() as i64,
                entered: (0..records.len()).collect(),
                ..RelationIntake::default()
            };
            (intake, records)
        })
    }

    fn relations_version(&self) -> LedgerFuture<'_, i64> {
        self.answer(|state| state.relations.len() as i64)
    }

    fn declared_facts(&self) -> LedgerFuture<'_, DeclaredFacts> {
        self.answer(|state| {
            let relations = events::RelationList::of(&state.relations.concat());
            let version = state.relations.len() as i64;
            DeclaredFacts { relations, plans: Vec::new(), version }
        })
    }

    fn items_since(&self, version: u64) -> LedgerFuture<'_, (Vec<ItemRecord>, u64)> {
        self.answer(|state| {
            let newer = state.items.iter().filter(|(at, _)| *at > version);
            (newer.map(|(_, record)| record.clone()).collect(), state.version)
        })
    }

    fn find_item<'a>(&'a self, item_id: &'a str) -> LedgerFuture<'a, Option<ItemRecord>> {
        self.answer(|state| {
            let found = state.items.iter().rev().find(|(_, record)| record.item_id == item_id);
            found.map(|(_, record)| record.clone())
        })
    }

    /// Tells everything each time: following must not depend on being told once.
    fn customers_since(&self, _mark: CustomerMark) -> LedgerFuture<'_, CustomerChanges> {
        self.answer(|state| {
            let followed = |(at, record): (usize, &CustomerRecord)| FollowedCustomer {
                customer_id: record.customer_id.clone(),
                customer_idx: at as u32,
                consent: record.consent,
                attributes: record.attributes.clone(),
            };
            let is_there =
                |customer: &FollowedCustomer| !state.erased.contains(&customer.customer_idx);
            CustomerChanges {
                changed: state
                    .customers
                    .iter()
                    .enumerate()
                    .map(followed)
                    .filter(is_there)
                    .collect(),
                erased: state.erased.clone(),
                mark: CustomerMark::default(),
            }
        })
    }

    fn holdings_since(&self, _version: u64) -> LedgerFuture<'_, (Vec<FollowedHolding>, u64)> {
        self.answer(|state| {
            let followed = |record: &HoldingRecord| FollowedHolding {
                customer_id: record.customer_id.clone(),
                item_id: record.item_id.clone(),
                since: record.since,
                until: record.until,
            };
            (state.holdings.iter().map(followed).collect(), state.version)
        })
    }

    fn recent_events(&self, since: Timestamp) -> LedgerFuture<'_, Vec<Event>> {
        self.answer(|state| {
            state.events.iter().filter(|event| event.at >= since).cloned().collect()
        })
    }

    fn purchases_after(&self, sequence: i64) -> LedgerFuture<'_, Vec<Event>> {
        self.answer(|state| {
            let later = state.events.iter().zip(1..).filter(|(_, at)| sequence < *at);
            let is_trade = |event: &&Event| {
                matches!(event.kind, EventKind::Purchase | EventKind::Refund)
                    && event.confirmed
                    && event.customer_id.is_some()
            };
            later.map(|(event, _)| event).filter(is_trade).cloned().collect()
        })
    }

    fn buyers_imported_after(
        &self,
        _sequence: i64,
        _mark: Option<ImportsMark>,
    ) -> LedgerFuture<'_, Option<ImportedBuyers>> {
        self.answer(|state| {
            Some(ImportedBuyers { buyers: state.imported.clone(), mark: ImportsMark::default() })
        })
    }

    fn each_contact<'a>(
        &'a self,
        asked: ContactsAsked,
        take: TakeContact<'a>,
    ) -> LedgerFuture<'a, ()> {
        let told = self.answer(|state| {
            let decisions = state.decisions.values().cloned().collect::<Vec<_>>();
            (decisions, state.events.clone(), state.customers.clone())
        });
        Box::pin(async move {
            let (decisions, events, customers) = told.await?;
            for (customer_idx, payload) in decisions.iter().filter(|_| asked.shown.is_some()) {
                let record: serde_json::Value = serde_json::from_slice(payload).unwrap();
                let at = Timestamp(record["at_us"].as_i64().unwrap());
                past_contacts::take_shown(payload, at, customer_idx.is_some(), take);
            }
            for event in &events {
                let Some(kind) = contact_kind(event.kind) else { continue };
                let is_it = |record: &CustomerRecord| {
                    event.customer_id.as_ref() == Some(&record.customer_id)
                };
                let idx = customers.iter().position(is_it).map(|at| at as u32);
                let person = match (idx, &event.session_id) {
                    (Some(idx), _) => PastPerson::Customer(idx),
                    (None, Some(session_id)) => PastPerson::Session(session_id),
                    (None, None) => continue,
                };
                let told = told_of(event.kind, kind, event.at);
                for line in &event.lines {
                    take(PastContact { person, item_id: &line.item_id, told });
                }
            }
            Ok(())
        })
    }

    fn customer_id(&self, customer_idx: u32) -> LedgerFuture<'_, Option<String>> {
        self.answer(|state| {
            let is_erased = state.erased.contains(&customer_idx);
            let record = state.customers.get(customer_idx as usize).filter(|_| !is_erased);
            record.map(|record| record.customer_id.clone())
        })
    }

    fn remember_policy_version(&self, version: u64) -> LedgerFuture<'_, ()> {
        self.answer(move |state| state.policy_version = version)
    }

    fn n_orders(&self) -> LedgerFuture<'_, u64> {
        self.answer(|state| state.n_orders)
    }

    fn apply_retention(&self, policy: RetentionPolicy) -> LedgerFuture<'_, RetentionSummary> {
        self.answer(|state| {
            state.retained.push(policy);
            RetentionSummary::default()
        })
    }

    fn seal_when_due(&self, policy: SealPolicy) -> LedgerFuture<'_, SealSummary> {
        self.answer(|state| {
            state.sealings.push(policy);
            SealSummary::default()
        })
    }

    fn record(&self, entry: DecisionEntry) {
        let value = (entry.customer_idx, entry.payload.clone());
        self.state().decisions.insert(entry.id().to_owned(), value);
    }

    fn find_decision<'a>(&'a self, id: &'a str) -> LedgerFuture<'a, Option<Vec<u8>>> {
        self.answer(|state| state.decisions.get(id).map(|(_, payload)| payload.clone()))
    }

    fn figures(&self) -> LedgerFigures {
        let n_records_written = self.state().decisions.len() as u64;
        LedgerFigures { n_records_written, ..LedgerFigures::default() }
    }

    fn flush(&self) -> LedgerFuture<'_, ()> {
        self.answer(|_| ())
    }
}
