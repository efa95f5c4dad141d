//! The ledger over the store of the data directory.

use super::{
    Appended, ContactsAsked, DecisionEntry, Ledger, LedgerFault, LedgerFigures, LedgerFuture,
    TakeContact, past_contacts,
};
use events::{CustomerRecord, Event, HoldingRecord, ItemRecord, RelationRecord, Timestamp};
use history::{
    Ack, CustomerChanges, CustomerMark, DecisionLog, DecisionRecord, DeclaredFacts, EventLog,
    FollowedHolding, ImportedBuyers, ImportsMark, RelationIntake, RetentionPolicy,
    RetentionSummary, SealPolicy, SealSummary, Store,
};
use std::sync::atomic::{AtomicBool, Ordering};

/// Events and decisions go through their writers, everything else straight to the store.
#[derive(Debug)]
pub struct StoreLedger {
    store: Store,
    events: EventLog,
    decisions: DecisionLog,
    is_broken: AtomicBool,
}

impl StoreLedger {
    /// Starts the writers on the runtime that this is called on.
    pub fn start(store: Store) -> history::Result<StoreLedger> {
        Ok(StoreLedger {
            events: store.event_log()?,
            decisions: store.decision_log()?,
            store,
            is_broken: AtomicBool::new(false),
        })
    }

    fn fault(&self, error: history::Error) -> LedgerFault {
        match error {
            history::Error::Invalid { .. } | history::Error::TooMany { .. } => {
                LedgerFault::Refused(error.into())
            }
            history::Error::WriterStopped { .. } => {
                self.is_broken.store(true, Ordering::Relaxed);
                LedgerFault::Unavailable(error.into())
            }
            error => LedgerFault::Unavailable(error.into()),
        }
    }

    fn result<T>(&self, result: history::Result<T>) -> Result<T, LedgerFault> {
        result.map_err(|error| self.fault(error))
    }

    fn version(&self, result: history::Result<i64>) -> Result<u64, LedgerFault> {
        self.result(result).map(|version| u64::try_from(version).unwrap_or(0))
    }
}

impl Ledger for StoreLedger {
    fn store(&self) -> Option<&Store> {
        Some(&self.store)
    }

    fn append(&self, events: Vec<Event>, now: Timestamp) -> LedgerFuture<'_, Appended> {
        Box::pin(async move {
            let acks = self.result(self.events.append_live(events, now).await)?;
            let is_new = acks.iter().map(|ack| matches!(ack, Ack::Stored { .. })).collect();
            Ok(Appended { is_new })
        })
    }

    fn put_items(&self, records: Vec<ItemRecord>) -> LedgerFuture<'_, u64> {
        Box::pin(async move { self.version(self.store.upsert_items(&records).await) })
    }

    fn put_customers(&self, records: Vec<CustomerRecord>) -> LedgerFuture<'_, u64> {
        Box::pin(async move { self.version(self.store.upsert_customers(&records).await) })
    }

    fn put_holdings(&self, records: Vec<HoldingRecord>) -> LedgerFuture<'_, u64> {
        Box::pin(async move { self.version(self.store.upsert_holdings(&records).await) })
    }

    fn declare_relations(
        &self,
        records: Vec<RelationRecord>,
    ) -> LedgerFuture<'_, (RelationIntake, Vec<RelationRecord>)> {
        Box::pin(async move {
            let intake = self.result(self.store.declare_relations(&records).await)?;
            Ok((intake, records))
        })
    }

    fn relations_version(&self) -> LedgerFuture<'_, i64> {
        Box::pin(async move { self.result(self.store.relations_version().await) })
    }

    fn declared_facts(&self) -> LedgerFuture<'_, DeclaredFacts> {
        Box::pin(async move { self.result(self.store.declared_facts().await) })
    }

    fn items_since(&self, version: u64) -> LedgerFuture<'_, (Vec<ItemRecord>, u64)> {
        Box::pin(async move {
            let version = i64::try_from(version).unwrap_or(i64::MAX);
            let (items, version) = self.result(self.store.items_since(version).await)?;
            let records = items.into_iter().map(ItemRecord::from).collect();
            Ok((records, u64::try_from(version).unwrap_or(0)))
        })
    }

    fn find_item<'a>(&'a self, item_id: &'a str) -> LedgerFuture<'a, Option<ItemRecord>> {
        Box::pin(async move {
            let found = self.result(self.store.item(item_id).await)?;
            Ok(found.map(ItemRecord::from))
        })
    }

    fn customers_since(&self, mark: CustomerMark) -> LedgerFuture<'_, CustomerChanges> {
        Box::pin(async move { self.result(self.store.customers_since(mark).await) })
    }

    fn holdings_since(&self, version: u64) -> LedgerFuture<'_, (Vec<FollowedHolding>, u64)> {
        Box::pin(async move {
            let version = i64::try_from(version).unwrap_or(i64::MAX);
            let followed = self.store.followed_holdings_since(version).await;
            let (holdings, version) = self.result(followed)?;
            Ok((holdings, u64::try_from(version).unwrap_or(0)))
        })
    }

    fn recent_events(&self, since: Timestamp) -> LedgerFuture<'_, Vec<Event>> {
        Box::pin(async move {
            let logged = self.result(self.store.recent_events(since).await)?;
            Ok(logged.into_iter().map(|logged| logged.event).collect())
        })
    }

    fn purchases_after(&self, sequence: i64) -> LedgerFuture<'_, Vec<Event>> {
        Box::pin(async move {
            let logged = self.result(self.store.purchases_after(sequence).await)?;
            Ok(logged.into_iter().map(|logged| logged.event).collect())
        })
    }

    fn buyers_imported_after(
        &self,
        sequence: i64,
        mark: Option<ImportsMark>,
    ) -> LedgerFuture<'_, Option<ImportedBuyers>> {
        Box::pin(async move {
            self.result(self.store.buyers_imported_after(sequence, mark.as_ref()).await)
        })
    }

    fn each_contact<'a>(
        &'a self,
        asked: ContactsAsked,
        take: TakeContact<'a>,
    ) -> LedgerFuture<'a, ()> {
        Box::pin(async move { self.result(past_contacts::each(&self.store, asked, take).await) })
    }

    fn customer_id(&self, customer_idx: u32) -> LedgerFuture<'_, Option<String>> {
        Box::pin(async move { self.result(self.store.customer_id(customer_idx).await) })
    }

    fn remember_policy_version(&self, version: u64) -> LedgerFuture<'_, ()> {
        Box::pin(async move { self.result(self.store.remember_policy_version(version).await) })
    }

    fn n_orders(&self) -> LedgerFuture<'_, u64> {
        Box::pin(async move { self.result(self.store.n_orders().await) })
    }

    fn apply_retention(&self, policy: RetentionPolicy) -> LedgerFuture<'_, RetentionSummary> {
        Box::pin(async move { self.result(self.store.apply_retention(&policy).await) })
    }

    fn seal_when_due(&self, policy: SealPolicy) -> LedgerFuture<'_, SealSummary> {
        Box::pin(async move { self.result(self.store.seal_when_due(&policy).await) })
    }

    fn record(&self, entry: DecisionEntry) {
        // The log counts what it gives up; the metrics show it.
        let _is_taken = self.decisions.push(DecisionRecord {
            recommendation_id: entry.id.as_str().to_owned(),
            at: entry.at,
            customer_idx: entry.customer_idx,
            assignment: entry.assignment,
            payload: entry.payload,
        });
    }

    fn find_decision<'a>(&'a self, id: &'a str) -> LedgerFuture<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let found = self.result(self.decisions.get(id).await)?;
            Ok(found.map(|record| record.payload))
        })
    }

    fn figures(&self) -> LedgerFigures {
        let counts = self.decisions.counts();
        LedgerFigures {
            n_records_written: counts.n_written,
            n_records_shed: counts.n_shed + counts.n_failed,
            is_broken: self.is_broken.load(Ordering::Relaxed),
        }
    }

    fn flush(&self) -> LedgerFuture<'_, ()> {
        Box::pin(async move {
            self.decisions.flush().await;
            Ok(())
        })
    }
}

#[cfg(test)]
mod contacts;
#[cfg(test)]
mod families;
#[cfg(test)]
mod outcome_tests;
#[cfg(test)]
mod proving_tests;
#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;
