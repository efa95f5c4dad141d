//! How items stand to each other, as people declare it.
//!
//! One relation a pair, the last one told. Relations come in whole lists, so a list is looked at as
//! a whole: what names an unknown item, what would make a ring of upgrades and what is too much
//! for one item is left out and told; the rest enters in one transaction.
//!
//! A list is held against what the store has of the pairs that it names and no more, on a state
//! that is read without the write lock; the lock covers the writing of what changes. When another
//! list entered in between, the work is done anew.

mod change;
mod read;
mod rings;
mod room;

use events::{ItemRecord, Relation, RelationList, RelationRecord, Timestamp};
use hashbrown::HashSet;
use std::io::Write;

use crate::database::counter;
use crate::error::Result;
use crate::export::{ExportFormat, text_rows};
use crate::store::Store;
use change::Change;
use read::{read_list, read_plans, read_records};

/// Relations of a store.
pub const MAX_RELATIONS: usize = 1_000_000;
/// What an item may be an anchor of; and, counted from both sides, what takes its place. A
/// decision walks over all of it. What stands to many anchors, like a plan, is not limited.
pub const MAX_OF_ITEM: usize = 1_000;
/// Faults told one by one.
const MAX_SAMPLES: usize = 5;
/// How often the work is done without the write lock before it is done under it.
const MAX_ATTEMPTS: usize = 3;

/// Why a relation was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RelationFault {
    /// The catalogue has no such item.
    UnknownItem,
    /// An item that stands to itself.
    Itself,
    /// Each upgrade of a ring would be better than itself.
    Ring,
    /// More than [`MAX_OF_ITEM`] of one item.
    TooManyOfItem,
    /// More than [`MAX_RELATIONS`] in the store.
    TooMany,
}

impl RelationFault {
    pub fn code(self) -> &'static str {
        match self {
            RelationFault::UnknownItem => "unknown_item",
            RelationFault::Itself => "itself",
            RelationFault::Ring => "ring_of_upgrades",
            RelationFault::TooManyOfItem => "too_many_of_item",
            RelationFault::TooMany => "too_many",
        }
    }
}

/// Relations that were left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationFaults {
    pub fault: RelationFault,
    pub n: u64,
    /// For people; the first few.
    pub samples: Vec<String>,
}

/// What became of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelationIntake {
    pub n_new: u64,
    pub n_changed: u64,
    /// Pairs of the list that were so already.
    pub n_same: u64,
    pub n_withdrawn: u64,
    pub faults: Vec<RelationFaults>,
    /// Upgrades of the list that cost less than what they take the place of. They are in force.
    pub cheaper: CheaperUpgrades,
    /// A list that was to replace others was not taken: nothing was changed.
    pub is_refused: bool,
    /// Of the relations, after the change.
    pub version: i64,
    /// Places in the list of the records that changed something.
    pub entered: Vec<usize>,
}

/// Upgrades that cost less than their anchors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheaperUpgrades {
    pub n: u64,
    /// For people; the first few.
    pub samples: Vec<String>,
}

impl RelationIntake {
    pub fn n_left_out(&self) -> u64 {
        self.faults.iter().map(|faults| faults.n).sum()
    }

    fn leave_out(&mut self, fault: RelationFault, record: &RelationRecord, why: &str) {
        let at = self.faults.iter().position(|faults| faults.fault == fault).unwrap_or_else(|| {
            self.faults.push(RelationFaults { fault, n: 0, samples: Vec::new() });
            self.faults.len() - 1
        });
        let faults = &mut self.faults[at];
        faults.n += 1;
        if faults.samples.len() < MAX_SAMPLES {
            faults.samples.push(format!("{}: {why}", shown(record)));
        }
    }
}

/// A relation for people.
fn shown(record: &RelationRecord) -> String {
    let relation = record.relation.map_or("none", Relation::as_str);
    format!("{:?} {relation} {:?}", record.from_item_id, record.to_item_id)
}

/// What a service needs beside the catalogue to tell how items stand to each other.
#[derive(Clone, Debug, Default)]
pub struct DeclaredFacts {
    pub relations: RelationList,
    /// Services with an attribute of a plan.
    pub plans: Vec<ItemRecord>,
    pub version: i64,
}

/// What a list takes the place of.
#[derive(Clone, Copy, Debug)]
struct Replaced<'a> {
    sources: &'a [String],
    max_left_out: u64,
}

impl Store {
    /// Declares relations; one without a relation withdraws what was declared of its pair.
    pub async fn declare_relations(&self, records: &[RelationRecord]) -> Result<RelationIntake> {
        self.take_list(records, None).await
    }

    /// The same, and what these sources declared before and do not declare here is withdrawn. When
    /// more than `max_left_out` of the list would be left out, or all of it, nothing is changed.
    pub async fn replace_relations(
        &self,
        records: &[RelationRecord],
        sources: &[String],
        max_left_out: u64,
    ) -> Result<RelationIntake> {
        self.take_list(records, Some(Replaced { sources, max_left_out })).await
    }

    async fn take_list(
        &self,
        records: &[RelationRecord],
        replaced: Option<Replaced<'_>>,
    ) -> Result<RelationIntake> {
        for _attempt in 0..MAX_ATTEMPTS {
            let mut snapshot = self.database().snapshot().await?;
            let change = Change::of(&mut snapshot, records, replaced).await;
            let change = change.map_err(self.error("read relations"))?;
            drop(snapshot);
            if change.is_empty() {
                return Ok(change.intake);
            }
            let mut transaction = self.database().begin().await?;
            let version = counter(&mut transaction, "relations").await;
            if version.map_err(self.error("read relations"))? == change.intake.version {
                let entered = change.write(&mut transaction).await;
                let intake = entered.map_err(self.error("enter relations"))?;
                self.database().commit(transaction).await?;
                return Ok(intake);
            }
        }
        // Others are quicker every time: they have to wait.
        let mut transaction = self.database().begin().await?;
        let entered = async {
            let change = Change::of(&mut transaction, records, replaced).await?;
            change.write(&mut transaction).await
        };
        let entered: sqlx::Result<RelationIntake> = entered.await;
        let intake = entered.map_err(self.error("enter relations"))?;
        self.database().commit(transaction).await?;
        Ok(intake)
    }

    /// All relations and plans, with the version of the relations.
    pub async fn declared_facts(&self) -> Result<DeclaredFacts> {
        let mut snapshot = self.database().snapshot().await?;
        let read = async {
            let version = counter(&mut snapshot, "relations").await?;
            let relations = read_list(&mut snapshot).await?;
            let plans = read_plans(&mut snapshot).await?;
            Ok(DeclaredFacts { relations, plans, version })
        };
        let read: sqlx::Result<DeclaredFacts> = read.await;
        read.map_err(self.error("read relations"))
    }

    pub async fn relations_version(&self) -> Result<i64> {
        let mut snapshot = self.database().snapshot().await?;
        counter(&mut snapshot, "relations").await.map_err(self.error("read relations"))
    }

    /// All relations with their sources and notes.
    pub async fn relations(&self) -> Result<Vec<RelationRecord>> {
        let mut snapshot = self.database().snapshot().await?;
        read_records(&mut snapshot).await.map_err(self.error("read relations"))
    }

    /// All relations as text; how many.
    pub async fn export_relations<W: Write + Send>(
        &self,
        format: ExportFormat,
        writer: W,
    ) -> Result<u64> {
        let records = self.relations().await?;
        let mut rows = text_rows(format, writer, &RELATION_COLUMNS)?;
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        for record in &records {
            rows.write(&[
                &record.from_item_id,
                &record.to_item_id,
                record.relation.map_or("none", Relation::as_str),
                &record.source,
                record.note.as_deref().unwrap_or_default(),
                &time(record.valid_from),
                &time(record.valid_until),
            ])?;
        }
        rows.finish()?;
        Ok(records.len() as u64)
    }
}

const RELATION_COLUMNS: [&str; 7] =
    ["from_item", "to_item", "relation", "source", "note", "valid_from", "valid_until"];

/// Sources named in a list: what `replaced` may hold.
pub fn sources_of(records: &[RelationRecord]) -> Vec<String> {
    let distinct: HashSet<&str> = records.iter().map(|record| record.source.as_str()).collect();
    let mut sources: Vec<String> = distinct.into_iter().map(str::to_owned).collect();
    sources.sort_unstable();
    sources
}
