//! A ledger in memory for tests, with a switch that makes it fail.

use super::{
    Appended, DecisionEntry, KnownCustomer, Ledger, LedgerFault, LedgerFigures, LedgerFuture,
};
use events::{CustomerRecord, Event, HoldingRecord, ItemRecord, Timestamp};
use hashbrown::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Clone, Default)]
pub(crate) struct MemoryLedger {
    pub(crate) is_full: Arc<AtomicBool>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) events: Vec<Event>,
    seen: HashSet<String>,
    pub(crate) items: Vec<(u64, ItemRecord)>,
    pub(crate) customers: Vec<CustomerRecord>,
    pub(crate) holdings: Vec<HoldingRecord>,
    pub(crate) decisions: HashMap<String, (Option<u32>, Vec<u8>)>,
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
    fn append(&self, events: Vec<Event>) -> LedgerFuture<'_, Appended> {
        self.answer(|state| {
            let mut is_new = Vec::new();
            for event in events {
                is_new.push(state.seen.insert(event.event_id.clone()));
                if is_new.last() == Some(&true) {
                    state.events.push(event);
                }
            }
            Appended { is_new }
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

    fn items_since(&self, version: u64) -> LedgerFuture<'_, (Vec<ItemRecord>, u64)> {
        self.answer(|state| {
            let newer = state.items.iter().filter(|(at, _)| *at > version);
            (newer.map(|(_, record)| record.clone()).collect(), state.version)
        })
    }

    fn customers(&self) -> LedgerFuture<'_, Vec<KnownCustomer>> {
        self.answer(|state| {
            let known = |(at, record): (usize, &CustomerRecord)| KnownCustomer {
                customer_id: record.customer_id.clone(),
                customer_idx: at as u32,
                consent: record.consent,
            };
            state.customers.iter().enumerate().map(known).collect()
        })
    }

    fn recent_events(&self, since: Timestamp) -> LedgerFuture<'_, Vec<Event>> {
        self.answer(|state| {
            state.events.iter().filter(|event| event.at >= since).cloned().collect()
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
