//! How items stand to each other, as people declare it.
//!
//! One relation a pair, the last one told. Relations come in whole lists, so a list is looked at as
//! a whole: what names an unknown item, what would make a ring of upgrades and what is too much
//! for one item is left out and told; the rest enters in one transaction.

mod rings;

use events::{ItemRecord, Relation, RelationRecord, Timestamp};
use hashbrown::{HashMap, HashSet};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row, Sqlite, Transaction};
use std::io::Write;

use crate::catalog::{CatalogItem, item_from};
use crate::database::{advance, counter};
use crate::error::Result;
use crate::export::{ExportFormat, text_rows};
use crate::numbering::{Numbered, UNKNOWN, json_rows, look_up};
use crate::store::Store;

/// Relations of a store.
pub const MAX_RELATIONS: usize = 1_000_000;
/// What an item may be an anchor of; and, counted from both sides, what takes its place. A
/// decision walks over all of it. What stands to many anchors, like a plan, is not limited.
pub const MAX_OF_ITEM: usize = 1_000;
/// Rows in one statement.
const CHUNK: usize = 5_000;
/// Faults told one by one.
const MAX_SAMPLES: usize = 5;

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
    pub n_same: u64,
    pub n_withdrawn: u64,
    pub faults: Vec<RelationFaults>,
    /// Of the relations, after the change.
    pub version: i64,
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
            let (from, to) = (&record.from_item_id, &record.to_item_id);
            let relation = record.relation.map_or("none", Relation::as_str);
            faults.samples.push(format!("{from:?} {relation} {to:?}: {why}"));
        }
    }
}

/// What a service needs beside the catalogue to tell how items stand to each other.
#[derive(Clone, Debug, Default)]
pub struct DeclaredFacts {
    pub relations: Vec<RelationRecord>,
    /// Services that say what they cover.
    pub plans: Vec<ItemRecord>,
    pub version: i64,
}

type Pair = (u32, u32);

/// A relation as it stands in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    relation: Relation,
    source: String,
    note: Option<String>,
    valid_from_us: Option<i64>,
    valid_until_us: Option<i64>,
}

impl Store {
    /// Declares relations; one without a relation withdraws what was declared of its pair. With
    /// `replaced`, what these sources declared before and do not declare here is withdrawn.
    pub async fn declare_relations(
        &self,
        records: &[RelationRecord],
        replaced: &[String],
    ) -> Result<RelationIntake> {
        let mut transaction = self.database().begin().await?;
        let entered = declare(&mut transaction, records, replaced).await;
        let intake = entered.map_err(self.error("enter relations"))?;
        self.database().commit(transaction).await?;
        Ok(intake)
    }

    /// All relations and plans, with the version of the relations.
    pub async fn declared_facts(&self) -> Result<DeclaredFacts> {
        let mut snapshot = self.database().snapshot().await?;
        let read = async {
            let version = counter(&mut snapshot, "relations").await?;
            let relations = read_records(&mut snapshot).await?;
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

    /// All relations as text; how many.
    pub async fn export_relations<W: Write + Send>(
        &self,
        format: ExportFormat,
        writer: W,
    ) -> Result<u64> {
        let mut snapshot = self.database().snapshot().await?;
        let records = read_records(&mut snapshot).await.map_err(self.error("read relations"))?;
        drop(snapshot);
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

async fn declare(
    transaction: &mut Transaction<'static, Sqlite>,
    records: &[RelationRecord],
    replaced: &[String],
) -> sqlx::Result<RelationIntake> {
    let mut intake = RelationIntake::default();
    let mut kept = read_kept(transaction).await?;
    let before = kept.clone();
    if !replaced.is_empty() {
        kept.retain(|_, relation| !replaced.contains(&relation.source));
    }
    let wanted = known_pairs(transaction, records, &mut intake).await?;
    let mut added: HashMap<Pair, &RelationRecord> = HashMap::new();
    for (pair, record) in wanted {
        match record.relation {
            None => {
                kept.remove(&pair);
                added.remove(&pair);
            }
            Some(relation) => {
                kept.insert(pair, kept_of(relation, record));
                added.insert(pair, record);
            }
        }
    }
    leave_out_rings(&mut kept, &before, &mut added, &mut intake);
    leave_out_excess(&mut kept, &before, &mut added, &mut intake);
    write_changes(transaction, &before, &kept, &mut intake).await?;
    Ok(intake)
}

fn kept_of(relation: Relation, record: &RelationRecord) -> Kept {
    Kept {
        relation,
        source: record.source.clone(),
        note: record.note.clone(),
        valid_from_us: record.valid_from.map(|at| at.0),
        valid_until_us: record.valid_until.map(|at| at.0),
    }
}

/// The records whose items the catalogue has, in their order.
async fn known_pairs<'r>(
    connection: &mut SqliteConnection,
    records: &'r [RelationRecord],
    intake: &mut RelationIntake,
) -> sqlx::Result<Vec<(Pair, &'r RelationRecord)>> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut ids: Vec<&str> = Vec::new();
    for record in records {
        for id in [record.from_item_id.as_str(), record.to_item_id.as_str()] {
            places.entry(id).or_insert_with(|| {
                ids.push(id);
                ids.len() - 1
            });
        }
    }
    let mut indices = vec![UNKNOWN; ids.len()];
    look_up(connection, Numbered::Items, |at| ids[at], &mut indices).await?;
    let mut pairs = Vec::with_capacity(records.len());
    for record in records {
        let find = |id: &str| indices[places[id]];
        let (from, to) = (find(&record.from_item_id), find(&record.to_item_id));
        if from == UNKNOWN || to == UNKNOWN {
            let id = if from == UNKNOWN { &record.from_item_id } else { &record.to_item_id };
            let why = format!("the catalogue has no item {id:?}; import items first");
            intake.leave_out(RelationFault::UnknownItem, record, &why);
        } else if from == to {
            intake.leave_out(RelationFault::Itself, record, "name two items");
        } else {
            pairs.push(((from, to), record));
        }
    }
    Ok(pairs)
}

/// Puts a pair back to what it was.
fn take_back(kept: &mut HashMap<Pair, Kept>, before: &HashMap<Pair, Kept>, pair: Pair) {
    match before.get(&pair) {
        Some(relation) => kept.insert(pair, relation.clone()),
        None => kept.remove(&pair),
    };
}

fn leave_out_rings(
    kept: &mut HashMap<Pair, Kept>,
    before: &HashMap<Pair, Kept>,
    added: &mut HashMap<Pair, &RelationRecord>,
    intake: &mut RelationIntake,
) {
    let upgrades = kept.iter().filter(|(_, kept)| kept.relation == Relation::Upgrade);
    let edges: Vec<Pair> = upgrades.map(|(&pair, _)| pair).collect();
    let mut ringed: Vec<Pair> = rings::edges_in_rings(&edges);
    ringed.retain(|pair| added.contains_key(pair));
    ringed.sort_unstable();
    for pair in ringed {
        let Some(record) = added.remove(&pair) else { continue };
        // What was an upgrade before was in no ring by itself, but may be in one now.
        take_back(kept, before, pair);
        if kept.get(&pair).is_some_and(|kept| kept.relation == Relation::Upgrade) {
            kept.remove(&pair);
        }
        let why =
            "these upgrades lead in a ring, so each would be better than itself; take one out";
        intake.leave_out(RelationFault::Ring, record, why);
    }
}

fn leave_out_excess(
    kept: &mut HashMap<Pair, Kept>,
    before: &HashMap<Pair, Kept>,
    added: &mut HashMap<Pair, &RelationRecord>,
    intake: &mut RelationIntake,
) {
    let mut n_of_anchor: HashMap<u32, usize> = HashMap::new();
    let mut n_replacing: HashMap<u32, usize> = HashMap::new();
    let mut excess: Vec<(Pair, RelationFault, u32)> = Vec::new();
    // Those that were there come first, so that a new list does not push out an old one.
    let mut pairs: Vec<Pair> = kept.keys().copied().collect();
    pairs.sort_unstable_by_key(|pair| (!before.contains_key(pair), *pair));
    for (at, pair) in pairs.into_iter().enumerate() {
        let (from, to) = pair;
        let replaces = kept[&pair].relation.replaces();
        let fault = if at >= MAX_RELATIONS {
            Some((RelationFault::TooMany, from))
        } else if n_of_anchor.get(&from).is_some_and(|n| *n >= MAX_OF_ITEM) {
            Some((RelationFault::TooManyOfItem, from))
        } else {
            let full = [from, to]
                .into_iter()
                .find(|item| replaces && n_replacing.get(item).is_some_and(|n| *n >= MAX_OF_ITEM));
            full.map(|item| (RelationFault::TooManyOfItem, item))
        };
        if let Some((fault, item)) = fault {
            excess.push((pair, fault, item));
            continue;
        }
        *n_of_anchor.entry(from).or_default() += 1;
        if replaces {
            *n_replacing.entry(from).or_default() += 1;
            *n_replacing.entry(to).or_default() += 1;
        }
    }
    for (pair, fault, item) in excess {
        kept.remove(&pair);
        let Some(record) = added.remove(&pair) else { continue };
        let id = if item == pair.0 { &record.from_item_id } else { &record.to_item_id };
        let why = match fault {
            RelationFault::TooMany => format!("a store holds {MAX_RELATIONS} relations at most"),
            _ => format!("{id:?} has {MAX_OF_ITEM} relations already; declare fewer for it"),
        };
        intake.leave_out(fault, record, &why);
    }
}

async fn write_changes(
    transaction: &mut Transaction<'static, Sqlite>,
    before: &HashMap<Pair, Kept>,
    kept: &HashMap<Pair, Kept>,
    intake: &mut RelationIntake,
) -> sqlx::Result<()> {
    let mut gone: Vec<Pair> =
        before.keys().filter(|pair| !kept.contains_key(*pair)).copied().collect();
    let is_changed = |(pair, kept): &(&Pair, &Kept)| before.get(*pair) != Some(*kept);
    let mut changed: Vec<(&Pair, &Kept)> = kept.iter().filter(is_changed).collect();
    intake.n_withdrawn = gone.len() as u64;
    intake.n_new = changed.iter().filter(|(pair, _)| !before.contains_key(*pair)).count() as u64;
    intake.n_changed = changed.len() as u64 - intake.n_new;
    intake.n_same = (kept.len() - changed.len()) as u64;
    if gone.is_empty() && changed.is_empty() {
        intake.version = counter(transaction, "relations").await?;
        return Ok(());
    }
    gone.sort_unstable();
    changed.sort_unstable_by_key(|(pair, _)| **pair);
    intake.version = advance(transaction, "relations", 1).await? + 1;
    for chunk in gone.chunks(CHUNK) {
        sqlx::query(
            "DELETE FROM relation WHERE (from_idx, to_idx) IN \
             (SELECT n.value ->> 0, n.value ->> 1 FROM json_each(?1) AS n)",
        )
        .bind(json_rows(chunk))
        .execute(&mut **transaction)
        .await?;
    }
    for chunk in changed.chunks(CHUNK) {
        let rows: Vec<_> = chunk
            .iter()
            .map(|((from, to), kept)| {
                let Kept { relation, source, note, valid_from_us, valid_until_us } = kept;
                (from, to, *relation as u32, source, note, valid_from_us, valid_until_us)
            })
            .collect();
        sqlx::query(
            "INSERT OR REPLACE INTO relation \
             (from_idx, to_idx, relation, source, note, valid_from_us, valid_until_us) \
             SELECT n.value ->> 0, n.value ->> 1, n.value ->> 2, n.value ->> 3, n.value ->> 4, \
             n.value ->> 5, n.value ->> 6 FROM json_each(?1) AS n",
        )
        .bind(json_rows(&rows))
        .execute(&mut **transaction)
        .await?;
    }
    Ok(())
}

async fn read_kept(connection: &mut SqliteConnection) -> sqlx::Result<HashMap<Pair, Kept>> {
    let rows = sqlx::query("SELECT * FROM relation").fetch_all(connection).await?;
    let kept = rows.iter().map(|row| {
        let idx = |name: &str| row.try_get::<i64, _>(name).map(|idx| idx as u32);
        let kept = Kept {
            relation: relation_from(row)?,
            source: row.try_get("source")?,
            note: row.try_get("note")?,
            valid_from_us: row.try_get("valid_from_us")?,
            valid_until_us: row.try_get("valid_until_us")?,
        };
        Ok(((idx("from_idx")?, idx("to_idx")?), kept))
    });
    kept.collect()
}

fn relation_from(row: &SqliteRow) -> sqlx::Result<Relation> {
    let code = row.try_get::<i64, _>("relation")?;
    let known = u32::try_from(code).ok().and_then(Relation::from_code);
    known.ok_or_else(|| sqlx::Error::Decode(format!("no relation has the code {code}").into()))
}

async fn read_records(connection: &mut SqliteConnection) -> sqlx::Result<Vec<RelationRecord>> {
    let rows = sqlx::query(
        "SELECT r.*, f.item_id AS from_id, t.item_id AS to_id FROM relation AS r \
         JOIN item AS f ON f.item_idx = r.from_idx JOIN item AS t ON t.item_idx = r.to_idx \
         ORDER BY r.from_idx, r.to_idx",
    )
    .fetch_all(connection)
    .await?;
    let time = |row: &SqliteRow, name: &str| {
        row.try_get::<Option<i64>, _>(name).map(|micros| micros.map(Timestamp))
    };
    let records = rows.iter().map(|row| {
        Ok(RelationRecord {
            from_item_id: row.try_get("from_id")?,
            to_item_id: row.try_get("to_id")?,
            relation: Some(relation_from(row)?),
            source: row.try_get("source")?,
            note: row.try_get("note")?,
            valid_from: time(row, "valid_from_us")?,
            valid_until: time(row, "valid_until_us")?,
        })
    });
    records.collect()
}

async fn read_plans(connection: &mut SqliteConnection) -> sqlx::Result<Vec<ItemRecord>> {
    let rows = sqlx::query(
        "SELECT item.*, head.item_idx AS head_idx FROM item \
         LEFT JOIN item AS head ON head.item_id = item.variant_of \
         WHERE item.kind = 1 AND json_extract(item.attributes, '$.covers') IS NOT NULL \
         ORDER BY item.item_idx",
    )
    .fetch_all(connection)
    .await?;
    let items: sqlx::Result<Vec<CatalogItem>> = rows.iter().map(item_from).collect();
    Ok(items?.into_iter().map(ItemRecord::from).collect())
}

/// Sources named in a list: what `replaced` may hold.
pub fn sources_of(records: &[RelationRecord]) -> Vec<String> {
    let distinct: HashSet<&str> = records.iter().map(|record| record.source.as_str()).collect();
    let mut sources: Vec<String> = distinct.into_iter().map(str::to_owned).collect();
    sources.sort_unstable();
    sources
}
