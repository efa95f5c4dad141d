//! What the service asks of the store, and no more.
//!
//! Behind it stands `history` ([`StoreLedger`]); tests put a ledger in memory there that can fail
//! on demand.

#[cfg(test)]
pub(crate) mod memory;
mod past_contacts;
mod store;

pub use store::StoreLedger;

use crate::live::{Person, Told};
use crate::recommendation_id::RecommendationId;
use events::{CustomerRecord, Event, HoldingRecord, ItemRecord, RelationRecord, Timestamp};
use history::{
    Assignment, CustomerChanges, CustomerMark, DeclaredFacts, FollowedHolding, ImportedBuyers,
    ImportsMark, RelationIntake, RetentionPolicy, RetentionSummary, SealPolicy, SealSummary, Store,
};
use std::future::Future;
use std::pin::Pin;

pub type LedgerFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, LedgerFault>> + Send + 'a>>;

/// Why the store did not do it. The text is for the log, never for a client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerFault {
    /// Disk full, locked for too long, read-only: may work again later.
    #[error("the store cannot do this now: {0}")]
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
    /// The records themselves are not accepted.
    #[error("the store refuses the records: {0}")]
    Refused(Box<dyn std::error::Error + Send + Sync>),
}

/// Since when contacts of each kind are asked for; `None`: not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ContactsAsked {
    pub(crate) shown: Option<Timestamp>,
    pub(crate) dismissed: Option<Timestamp>,
    pub(crate) bought: Option<Timestamp>,
}

/// Whose contact it was.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PastPerson<'a> {
    Known(Person),
    /// By the index in the store.
    Customer(u32),
    Session(&'a str),
}

/// One contact out of the logs.
#[derive(Clone, Copy, Debug)]
pub struct PastContact<'a> {
    pub(crate) person: PastPerson<'a>,
    pub(crate) item_id: &'a str,
    pub(crate) told: Told,
}

/// Takes contacts, one after the other.
pub type TakeContact<'a> = &'a mut (dyn FnMut(PastContact<'_>) + Send);

/// Which of the events were new; in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Appended {
    pub is_new: Vec<bool>,
}

/// One answer, for the record.
#[derive(Clone, Debug)]
pub struct DecisionEntry {
    pub(crate) id: RecommendationId,
    pub at: Timestamp,
    /// So that the record goes when the customer is erased.
    pub customer_idx: Option<u32>,
    /// The arm of the unit that asked, where there is a holdout and the unit is known.
    pub assignment: Option<Assignment>,
    /// JSON.
    pub payload: Vec<u8>,
}

impl DecisionEntry {
    pub fn id(&self) -> &str {
        self.id.as_str()
    }
}

/// How the decision log is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LedgerFigures {
    pub n_records_written: u64,
    pub n_records_shed: u64,
    /// A background writer has died: nothing is durable any more.
    pub is_broken: bool,
}

pub trait Ledger: Send + Sync + 'static {
    /// What is read from whole, for reports; `None`: this one keeps nothing.
    fn store(&self) -> Option<&Store> {
        None
    }
    /// Resolves when the events, which came now, are durable.
    fn append(&self, events: Vec<Event>, now: Timestamp) -> LedgerFuture<'_, Appended>;
    /// Each returns the version of the catalog after the change, which is durable then.
    fn put_items(&self, records: Vec<ItemRecord>) -> LedgerFuture<'_, u64>;
    fn put_customers(&self, records: Vec<CustomerRecord>) -> LedgerFuture<'_, u64>;
    fn put_holdings(&self, records: Vec<HoldingRecord>) -> LedgerFuture<'_, u64>;
    /// What of it was taken, and what was left out and why; gives the records back.
    fn declare_relations(
        &self,
        records: Vec<RelationRecord>,
    ) -> LedgerFuture<'_, (RelationIntake, Vec<RelationRecord>)>;
    /// Rises with each change of relations.
    fn relations_version(&self) -> LedgerFuture<'_, i64>;
    /// All relations and plans.
    fn declared_facts(&self) -> LedgerFuture<'_, DeclaredFacts>;
    /// One item with all its fields.
    fn find_item<'a>(&'a self, item_id: &'a str) -> LedgerFuture<'a, Option<ItemRecord>>;
    /// Items changed after a version, and the version that this leads to.
    fn items_since(&self, version: u64) -> LedgerFuture<'_, (Vec<ItemRecord>, u64)>;
    /// Who came, changed their consent or was erased since a mark; all of them for the default.
    fn customers_since(&self, mark: CustomerMark) -> LedgerFuture<'_, CustomerChanges>;
    /// Holdings changed after a version of the catalog, and the version that this leads to.
    fn holdings_since(&self, version: u64) -> LedgerFuture<'_, (Vec<FollowedHolding>, u64)>;
    /// Events at or after a time, oldest first: to rebuild sessions.
    fn recent_events(&self, since: Timestamp) -> LedgerFuture<'_, Vec<Event>>;
    /// Confirmed purchases of known customers after an event of the log, by its place there.
    fn purchases_after(&self, sequence: i64) -> LedgerFuture<'_, Vec<Event>>;
    /// Whose orders were imported after an event of the log; `None`: as the mark says.
    fn buyers_imported_after(
        &self,
        sequence: i64,
        mark: Option<ImportsMark>,
    ) -> LedgerFuture<'_, Option<ImportedBuyers>>;
    /// Gives what customers and visits were shown, dismissed and bought, in no order.
    fn each_contact<'a>(
        &'a self,
        asked: ContactsAsked,
        take: TakeContact<'a>,
    ) -> LedgerFuture<'a, ()>;
    /// The external id of a customer, `None` for one who was erased.
    fn customer_id(&self, customer_idx: u32) -> LedgerFuture<'_, Option<String>>;
    /// Remembers for ever that a version of the policies was in force.
    fn remember_policy_version(&self, version: u64) -> LedgerFuture<'_, ()>;
    /// Orders that could be learned from.
    fn n_orders(&self) -> LedgerFuture<'_, u64>;
    /// Removes what is older than the operator wants to keep.
    fn apply_retention(&self, policy: RetentionPolicy) -> LedgerFuture<'_, RetentionSummary>;
    /// Moves what is old of the log's tail into sealed segments, when it is worth it.
    fn seal_when_due(&self, policy: SealPolicy) -> LedgerFuture<'_, SealSummary>;
    /// Never waits; under pressure the record is given up and counted.
    fn record(&self, entry: DecisionEntry);
    fn find_decision<'a>(&'a self, id: &'a str) -> LedgerFuture<'a, Option<Vec<u8>>>;
    fn figures(&self) -> LedgerFigures;
    /// Resolves when every record taken so far is written or counted as lost: at the end.
    fn flush(&self) -> LedgerFuture<'_, ()>;
}
