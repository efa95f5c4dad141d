//! What a list changes. Read is what the list names: its pairs, how many relations its items have,
//! and the upgrades that lead on from its own.

use events::{Amount, Relation, RelationRecord};
use hashbrown::{HashMap, HashSet};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row, Sqlite, Transaction};
use std::collections::BTreeMap;

use super::read::{Pair, relation_from, visit_rows};
use super::rings::{self, Upgrade};
use super::room::{Asking, Room};
use super::{
    MAX_OF_ITEM, MAX_RELATIONS, MAX_SAMPLES, RelationFault, RelationIntake, Replaced, shown,
};
use crate::database::{advance, counter};
use crate::numbering::{Numbered, UNKNOWN, json_rows, look_up};

/// Rows in one statement.
const CHUNK: usize = 5_000;

/// A relation as it stands in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    relation: Relation,
    source: String,
    note: Option<String>,
    valid_from_us: Option<i64>,
    valid_until_us: Option<i64>,
}

impl Kept {
    fn of(relation: Relation, record: &RelationRecord) -> Kept {
        Kept {
            relation,
            source: record.source.clone(),
            note: record.note.clone(),
            valid_from_us: record.valid_from.map(|at| at.0),
            valid_until_us: record.valid_until.map(|at| at.0),
        }
    }

    fn from_row(row: &SqliteRow) -> sqlx::Result<Kept> {
        Ok(Kept {
            relation: relation_from(row)?,
            source: row.try_get("source")?,
            note: row.try_get("note")?,
            valid_from_us: row.try_get("valid_from_us")?,
            valid_until_us: row.try_get("valid_until_us")?,
        })
    }

    fn upgrade(&self, pair: Pair, is_new: bool) -> Option<Upgrade> {
        let window = (self.valid_from_us, self.valid_until_us);
        (self.relation == Relation::Upgrade).then_some(Upgrade { pair, window, is_new })
    }
}

/// What shall be of a pair.
#[derive(Clone, Debug)]
struct Wanted {
    kept: Option<Kept>,
    /// The record that says so, by its place in the list; `None`: the list does not say it any
    /// more, or may not.
    by: Option<usize>,
}

/// What a list leads to.
#[derive(Debug)]
pub(super) struct Change<'r> {
    records: &'r [RelationRecord],
    /// What was, of all pairs in `wanted`.
    before: HashMap<Pair, Kept>,
    wanted: BTreeMap<Pair, Wanted>,
    pub(super) intake: RelationIntake,
}

impl<'r> Change<'r> {
    pub(super) async fn of(
        connection: &mut SqliteConnection,
        records: &'r [RelationRecord],
        replaced: Option<Replaced<'_>>,
    ) -> sqlx::Result<Change<'r>> {
        let version = counter(connection, "relations").await?;
        let mut change = Change {
            records,
            before: HashMap::new(),
            wanted: BTreeMap::new(),
            intake: RelationIntake { version, ..RelationIntake::default() },
        };
        change.read_wanted(connection, replaced).await?;
        change.leave_out_excess(connection).await?;
        change.leave_out_rings(connection).await?;
        let n_left_out = change.intake.n_left_out();
        let is_refused = |replaced: Replaced<'_>| {
            replaced.max_left_out < n_left_out || n_left_out >= records.len() as u64
        };
        if n_left_out > 0 && replaced.is_some_and(is_refused) {
            change.intake.is_refused = true;
            change.wanted.clear();
        }
        change.count();
        change.note_cheaper(connection).await?;
        Ok(change)
    }

    /// Would nothing be written?
    pub(super) fn is_empty(&self) -> bool {
        let RelationIntake { n_new, n_changed, n_withdrawn, .. } = self.intake;
        n_new + n_changed + n_withdrawn == 0
    }

    async fn read_wanted(
        &mut self,
        connection: &mut SqliteConnection,
        replaced: Option<Replaced<'_>>,
    ) -> sqlx::Result<()> {
        if let Some(Replaced { sources, .. }) = replaced {
            let before = &mut self.before;
            visit_rows(connection, Some(sources), |pair, row| {
                before.insert(pair, Kept::from_row(row)?);
                Ok(())
            })
            .await?;
            let gone = || Wanted { kept: None, by: None };
            self.wanted.extend(self.before.keys().map(|&pair| (pair, gone())));
        }
        for (pair, at) in self.known_pairs(connection).await? {
            let record = &self.records[at];
            let kept = record.relation.map(|relation| Kept::of(relation, record));
            self.wanted.insert(pair, Wanted { kept, by: Some(at) });
        }
        let is_unread = |pair: &&Pair| !self.before.contains_key(*pair);
        let unread: Vec<Pair> = self.wanted.keys().filter(is_unread).copied().collect();
        for chunk in unread.chunks(CHUNK) {
            let rows = sqlx::query(
                "SELECT r.* FROM json_each(?1) AS n CROSS JOIN relation AS r \
                 ON r.from_idx = n.value ->> 0 AND r.to_idx = n.value ->> 1",
            )
            .bind(json_rows(chunk))
            .fetch_all(&mut *connection)
            .await?;
            for row in &rows {
                let idx = |name: &str| row.try_get::<i64, _>(name).map(|idx| idx as u32);
                let pair = (idx("from_idx")?, idx("to_idx")?);
                self.before.insert(pair, Kept::from_row(row)?);
            }
        }
        Ok(())
    }

    /// The pairs whose items the catalogue has, each with the place of its record, in their order.
    async fn known_pairs(
        &mut self,
        connection: &mut SqliteConnection,
    ) -> sqlx::Result<Vec<(Pair, usize)>> {
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut ids: Vec<&str> = Vec::new();
        for record in self.records {
            for id in [record.from_item_id.as_str(), record.to_item_id.as_str()] {
                places.entry(id).or_insert_with(|| {
                    ids.push(id);
                    ids.len() - 1
                });
            }
        }
        let mut indices = vec![UNKNOWN; ids.len()];
        look_up(connection, Numbered::Items, |at| ids[at], &mut indices).await?;
        let mut pairs = Vec::with_capacity(self.records.len());
        for (at, record) in self.records.iter().enumerate() {
            let find = |id: &str| indices[places[id]];
            let (from, to) = (find(&record.from_item_id), find(&record.to_item_id));
            if from == UNKNOWN || to == UNKNOWN {
                let id = if from == UNKNOWN { &record.from_item_id } else { &record.to_item_id };
                let why = format!("the catalogue has no item {id:?}; import items first");
                self.intake.leave_out(RelationFault::UnknownItem, record, &why);
            } else if from == to {
                self.intake.leave_out(RelationFault::Itself, record, "name two items");
            } else {
                pairs.push(((from, to), at));
            }
        }
        Ok(pairs)
    }

    /// Puts a pair back to what it was, and tells why.
    fn leave_out(&mut self, pair: Pair, fault: RelationFault, why: &str) {
        let kept = self.before.get(&pair).cloned();
        let told = self.wanted.insert(pair, Wanted { kept, by: None });
        if let Some(at) = told.and_then(|told| told.by) {
            self.intake.leave_out(fault, &self.records[at], why);
        }
    }

    /// What there was and takes no more room than before always stays; then come those that were
    /// there and take more, then the new ones.
    fn in_order_of_room(&self) -> Vec<(Asking, Pair, bool)> {
        let rank = |(pair, wanted): (&Pair, &Wanted)| {
            let replaces = wanted.kept.as_ref()?.relation.replaces();
            let asking = match self.before.get(pair) {
                Some(before) if before.relation.replaces() || !replaces => Asking::Nothing,
                Some(_) => Asking::ToReplace,
                None => Asking::ToEnter,
            };
            Some((asking, *pair, replaces))
        };
        let mut order: Vec<(Asking, Pair, bool)> = self.wanted.iter().filter_map(rank).collect();
        order.sort_unstable();
        order
    }

    async fn leave_out_excess(&mut self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let order = self.in_order_of_room();
        let before = self.before.iter().map(|(&pair, kept)| (pair, kept.relation.replaces()));
        let mut room = Room::of(connection, &order, before).await?;
        for (asking, pair, replaces) in order {
            let is_asked = asking != Asking::Nothing;
            let fault = if is_asked { room.is_full(pair, replaces) } else { None };
            let Some((fault, item)) = fault else {
                room.take(pair, replaces);
                continue;
            };
            if asking == Asking::ToReplace {
                // It is there, and takes its room as what it was.
                room.take(pair, false);
            }
            let record = self.wanted[&pair].by.map(|at| &self.records[at]);
            let id = record.map_or("", |record| match item == pair.0 {
                true => &record.from_item_id,
                false => &record.to_item_id,
            });
            let why = match fault {
                RelationFault::TooMany => {
                    format!("a store holds {MAX_RELATIONS} relations at most")
                }
                _ => format!("{id:?} has {MAX_OF_ITEM} relations already; declare fewer for it"),
            };
            self.leave_out(pair, fault, &why);
        }
        Ok(())
    }

    /// Upgrades that were there before stand; a new one that closes a ring is left out, and with it
    /// all that are new in the ring.
    async fn leave_out_rings(&mut self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let mut upgrades: Vec<Upgrade> = Vec::new();
        for (&pair, wanted) in &self.wanted {
            let upgrade = wanted.kept.as_ref().and_then(|kept| kept.upgrade(pair, true));
            let was = self.before.get(&pair).and_then(|kept| kept.upgrade(pair, true));
            let is_new = upgrade != was;
            upgrades.extend(upgrade.map(|upgrade| Upgrade { is_new, ..upgrade }));
        }
        let starts: HashSet<u32> = upgrades
            .iter()
            .filter(|upgrade| upgrade.is_new)
            .map(|upgrade| upgrade.pair.1)
            .collect();
        if starts.is_empty() {
            return Ok(());
        }
        for upgrade in upgrades_from(connection, starts).await? {
            if !self.wanted.contains_key(&upgrade.pair) {
                upgrades.push(upgrade);
            }
        }
        let why =
            "these upgrades lead in a ring, so each would be better than itself; take one out";
        loop {
            let ringed: HashSet<Pair> = rings::new_in_rings(&upgrades).into_iter().collect();
            if ringed.is_empty() {
                return Ok(());
            }
            upgrades.retain(|upgrade| !ringed.contains(&upgrade.pair));
            let mut ringed: Vec<Pair> = ringed.into_iter().collect();
            ringed.sort_unstable();
            for pair in ringed {
                self.leave_out(pair, RelationFault::Ring, why);
                // An upgrade that was to change stays as it was, and may be in a ring as such.
                let was = self.before.get(&pair).and_then(|kept| kept.upgrade(pair, false));
                upgrades.extend(was);
            }
        }
    }

    fn count(&mut self) {
        let intake = &mut self.intake;
        for (pair, wanted) in &self.wanted {
            let is_same = match (self.before.get(pair), &wanted.kept) {
                (before, after) if before == after.as_ref() => {
                    intake.n_same += u64::from(wanted.by.is_some());
                    true
                }
                (None, _) => {
                    intake.n_new += 1;
                    false
                }
                (Some(_), None) => {
                    intake.n_withdrawn += 1;
                    false
                }
                (Some(_), Some(_)) => {
                    intake.n_changed += 1;
                    false
                }
            };
            intake.entered.extend(wanted.by.filter(|_| !is_same));
        }
        intake.entered.sort_unstable();
    }

    async fn note_cheaper(&mut self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let is_upgrade = |kept: &Kept| kept.relation == Relation::Upgrade;
        let upgrades = self.wanted.iter().filter(|(_, w)| w.kept.as_ref().is_some_and(is_upgrade));
        let told: Vec<(u32, u32, usize)> =
            upgrades.filter_map(|(&(from, to), wanted)| Some((from, to, wanted.by?))).collect();
        for chunk in told.chunks(CHUNK) {
            let rows = sqlx::query(
                "SELECT n.value ->> 2, f.price - t.price FROM json_each(?1) AS n \
                 CROSS JOIN item AS f ON f.item_idx = n.value ->> 0 \
                 CROSS JOIN item AS t ON t.item_idx = n.value ->> 1 \
                 WHERE t.price < f.price AND f.currency IS t.currency",
            )
            .bind(json_rows(chunk))
            .fetch_all(&mut *connection)
            .await?;
            for row in rows {
                let (at, less) = (row.try_get::<i64, _>(0)? as usize, Amount(row.try_get(1)?));
                let cheaper = &mut self.intake.cheaper;
                cheaper.n += 1;
                if cheaper.samples.len() < MAX_SAMPLES {
                    let text = format!("{} costs {less} less", shown(&self.records[at]));
                    cheaper.samples.push(text);
                }
            }
        }
        Ok(())
    }

    pub(super) async fn write(
        mut self,
        transaction: &mut Transaction<'static, Sqlite>,
    ) -> sqlx::Result<RelationIntake> {
        if self.is_empty() {
            return Ok(self.intake);
        }
        self.intake.version = advance(transaction, "relations", 1).await? + 1;
        let mut gone: Vec<Pair> = Vec::new();
        let mut changed: Vec<(&Pair, &Kept)> = Vec::new();
        for (pair, wanted) in &self.wanted {
            match (self.before.get(pair), &wanted.kept) {
                (Some(_), None) => gone.push(*pair),
                (before, Some(kept)) if before != Some(kept) => changed.push((pair, kept)),
                _ => {}
            }
        }
        withdraw(transaction, &gone).await?;
        enter(transaction, &changed).await?;
        Ok(self.intake)
    }
}

async fn withdraw(connection: &mut SqliteConnection, gone: &[Pair]) -> sqlx::Result<()> {
    for chunk in gone.chunks(CHUNK) {
        sqlx::query(
            "DELETE FROM relation WHERE (from_idx, to_idx) IN \
             (SELECT n.value ->> 0, n.value ->> 1 FROM json_each(?1) AS n)",
        )
        .bind(json_rows(chunk))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn enter(connection: &mut SqliteConnection, changed: &[(&Pair, &Kept)]) -> sqlx::Result<()> {
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
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// All upgrades that lead on from these items, step by step.
async fn upgrades_from(
    connection: &mut SqliteConnection,
    starts: HashSet<u32>,
) -> sqlx::Result<Vec<Upgrade>> {
    let starts: Vec<u32> = starts.into_iter().collect();
    let rows = sqlx::query(
        "WITH RECURSIVE reached(item) AS ( \
             SELECT value FROM json_each(?1) \
             UNION SELECT r.to_idx FROM reached CROSS JOIN relation AS r \
                 ON r.from_idx = reached.item AND r.relation = ?2) \
         SELECT r.from_idx, r.to_idx, r.valid_from_us, r.valid_until_us \
         FROM reached CROSS JOIN relation AS r \
             ON r.from_idx = reached.item AND r.relation = ?2",
    )
    .bind(json_rows(&starts))
    .bind(Relation::Upgrade as u32)
    .fetch_all(connection)
    .await?;
    let upgrade = |row: &SqliteRow| {
        let pair = (row.try_get::<i64, _>(0)? as u32, row.try_get::<i64, _>(1)? as u32);
        let window = (row.try_get(2)?, row.try_get(3)?);
        Ok(Upgrade { pair, window, is_new: false })
    };
    rows.iter().map(upgrade).collect()
}
