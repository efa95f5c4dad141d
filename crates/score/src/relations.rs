//! How items stand to each other: what people declared, and beside it what was learned.
//!
//! What is declared of a pair wins over what was learned of it, also where it says less: a pair
//! declared a complement is no substitute, whatever the counts say. `A upgrade B` reads: B takes
//! the place of A and is better.

use events::{Relation, RelationList, RelationRecord, Timestamp};
use hashbrown::HashMap;
use snapshot::Snapshot;
use std::sync::Arc;

/// From the first moment to that before the second.
type Window = (Option<Timestamp>, Option<Timestamp>);

/// One declared relation, seen from one of its items.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Declared {
    /// The other item.
    pub item: u32,
    pub relation: Relation,
    /// False: the other item is the anchor, this one is what stands to it.
    pub is_forward: bool,
    valid_from: Option<Timestamp>,
    valid_until: Option<Timestamp>,
}

impl Declared {
    /// In a row: by the other item, what stands to it first.
    fn place(&self) -> (u32, bool) {
        (self.item, !self.is_forward)
    }

    /// Without a time all that is declared holds: a gate that could be closed is closed.
    pub fn holds_at(&self, now: Option<Timestamp>) -> bool {
        let Some(now) = now else { return true };
        self.valid_from.is_none_or(|from| from <= now)
            && self.valid_until.is_none_or(|until| now < until)
    }
}

/// Edges by item, in shards that share what does not change: a change copies a few of them.
#[derive(Clone, Debug, PartialEq)]
struct Edges(Vec<Arc<HashMap<u32, Vec<Declared>>>>);

/// A shard of a million relations has some thousand.
const N_SHARDS: usize = 256;

impl Default for Edges {
    fn default() -> Edges {
        Edges(vec![Arc::default(); N_SHARDS])
    }
}

impl Edges {
    fn of(&self, item: u32) -> &[Declared] {
        self.0[item as usize % N_SHARDS].get(&item).map_or(&[], Vec::as_slice)
    }

    fn row(&mut self, item: u32) -> &mut Vec<Declared> {
        let shard = Arc::make_mut(&mut self.0[item as usize % N_SHARDS]);
        shard.entry(item).or_default()
    }

    /// At the end; rows are put in order when all are there.
    fn push(&mut self, item: u32, edge: Declared) {
        self.row(item).push(edge);
    }

    /// In its place.
    fn insert(&mut self, item: u32, edge: Declared) {
        let row = self.row(item);
        let at = row.partition_point(|other| other.place() < edge.place());
        row.insert(at, edge);
    }

    fn remove(&mut self, item: u32, place: (u32, bool)) -> Option<Declared> {
        // What is not there must not copy a shard.
        let at = self.of(item).binary_search_by_key(&place, Declared::place).ok()?;
        Some(self.row(item).remove(at))
    }

    fn sort(&mut self) {
        for shard in self.0.iter_mut().filter(|shard| !shard.is_empty()) {
            let rows = Arc::make_mut(shard).values_mut();
            rows.for_each(|row| row.sort_by_key(Declared::place));
        }
    }
}

/// All that is declared, by item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declarations {
    /// Seen from the anchor, in order of the other item.
    forward: Edges,
    /// Seen from what stands to it, in order of the anchor.
    backward: Edges,
    /// Those of both where one takes the other's place: few, however many others an item has.
    replacing: Edges,
    n_relations: usize,
    n_windows: usize,
}

impl Declarations {
    /// `find` gives the index of an item; a relation of an item that nobody knows says nothing.
    pub fn of(list: &RelationList, find: impl Fn(&str) -> Option<u32>) -> Declarations {
        let items: Vec<Option<u32>> = list.item_ids.iter().map(|id| find(id)).collect();
        let mut all = Declarations::default();
        for pair in &list.pairs {
            let ends = items[pair.from as usize].zip(items[pair.to as usize]);
            if let Some(ends) = ends.filter(|(from, to)| from != to) {
                let window = (pair.valid_from, pair.valid_until);
                all.put(ends, pair.relation, window, Edges::push);
            }
        }
        all.forward.sort();
        all.backward.sort();
        all.replacing.sort();
        all
    }

    /// What is declared after these records: each takes the place of what was declared of its pair,
    /// or withdraws it.
    #[must_use]
    pub fn after(
        &self,
        records: &[RelationRecord],
        find: impl Fn(&str) -> Option<u32>,
    ) -> Declarations {
        let mut all = self.clone();
        for record in records {
            let Some(ends) = find(&record.from_item_id).zip(find(&record.to_item_id)) else {
                continue;
            };
            all.withdraw(ends);
            if let Some(relation) = record.relation.filter(|_| ends.0 != ends.1) {
                let window = (record.valid_from, record.valid_until);
                all.put(ends, relation, window, Edges::insert);
            }
        }
        all
    }

    fn put(
        &mut self,
        (from, to): (u32, u32),
        relation: Relation,
        window: Window,
        put: impl Fn(&mut Edges, u32, Declared),
    ) {
        let (valid_from, valid_until) = window;
        let edge =
            |item, is_forward| Declared { item, relation, is_forward, valid_from, valid_until };
        put(&mut self.forward, from, edge(to, true));
        put(&mut self.backward, to, edge(from, false));
        if relation.replaces() {
            put(&mut self.replacing, from, edge(to, true));
            put(&mut self.replacing, to, edge(from, false));
        }
        self.n_relations += 1;
        self.n_windows += usize::from(window != (None, None));
    }

    fn withdraw(&mut self, (from, to): (u32, u32)) {
        let (from_anchor, from_item) = ((to, false), (from, true));
        let Some(edge) = self.forward.remove(from, from_anchor) else { return };
        self.backward.remove(to, from_item);
        if edge.relation.replaces() {
            self.replacing.remove(from, from_anchor);
            self.replacing.remove(to, from_item);
        }
        self.n_relations -= 1;
        self.n_windows -= usize::from((edge.valid_from, edge.valid_until) != (None, None));
    }

    pub fn len(&self) -> usize {
        self.n_relations
    }

    pub fn is_empty(&self) -> bool {
        self.n_relations == 0
    }

    /// Is any of them valid for a time only?
    pub fn has_windows(&self) -> bool {
        self.n_windows > 0
    }

    /// What is declared to stand to an item.
    pub fn of_anchor(&self, anchor: u32) -> &[Declared] {
        self.forward.of(anchor)
    }

    /// What an item is declared to stand to.
    pub fn of_item(&self, item: u32) -> &[Declared] {
        self.backward.of(item)
    }

    /// What holds of an item beside an anchor; what is said the other way round tells whether one
    /// takes the other's place.
    pub fn between(&self, anchor: u32, item: u32, now: Option<Timestamp>) -> Option<Declared> {
        let found = |row: &[Declared]| {
            let at = row.binary_search_by_key(&item, |edge| edge.item).ok()?;
            row.get(at).copied().filter(|edge| edge.holds_at(now))
        };
        found(self.of_anchor(anchor)).or_else(|| found(self.of_item(anchor)))
    }
}

/// One item that takes an anchor's place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Replacing {
    pub item: u32,
    pub relation: Relation,
    /// 1 for what is declared.
    pub confidence: f32,
    pub is_declared: bool,
}

/// Visits all that takes the place of an anchor, declared or learned: never an add-on beside it.
pub fn visit_replacing(
    snapshot: &Snapshot,
    declared: &Declarations,
    anchor: u32,
    now: Option<Timestamp>,
    mut visit: impl FnMut(Replacing),
) {
    if (anchor as usize) < snapshot.n_items() {
        let (items, stats) = snapshot.relations(anchor);
        for (&item, stats) in items.iter().zip(stats) {
            let Some(relation) = stats.relation().filter(|relation| relation.replaces()) else {
                // What replaces comes first in a row.
                break;
            };
            if declared.is_empty() || declared.between(anchor, item, now).is_none() {
                let confidence = stats.confidence;
                visit(Replacing { item, relation, confidence, is_declared: false });
            }
        }
    }
    for edge in declared.replacing.of(anchor) {
        if declared.between(anchor, edge.item, now).as_ref() == Some(edge) {
            // Seen from the better one, the other is no upgrade.
            let relation = if edge.is_forward { edge.relation } else { Relation::Substitute };
            visit(Replacing { item: edge.item, relation, confidence: 1.0, is_declared: true });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn find(id: &str) -> Option<u32> {
        id.parse().ok()
    }

    proptest! {
        /// Told one by one or all at once, with what was told last of each pair: the same.
        #[test]
        fn what_changes_leads_to_what_all_together_would(
            told in prop::collection::vec((0_u32..9, 0_u32..9, 0_usize..8, 0_i64..3), 0..60),
            n_first in 0_usize..60,
        ) {
            let record = |&(from, to, code, until): &(u32, u32, usize, i64)| RelationRecord {
                from_item_id: (from * 256).to_string(),
                to_item_id: (to * 256 + from % 2).to_string(),
                relation: Relation::ALL.get(code).copied(),
                valid_until: (until > 0).then_some(Timestamp(until)),
                ..RelationRecord::default()
            };
            let records: Vec<RelationRecord> = told.iter().map(record).collect();
            let (first, rest) = records.split_at(n_first.min(records.len()));
            let changed = Declarations::default().after(first, find).after(rest, find);
            let is_last = |&(at, record): &(usize, &RelationRecord)| {
                let pair = |record: &RelationRecord| {
                    (record.from_item_id.clone(), record.to_item_id.clone())
                };
                !records[at + 1..].iter().any(|later| pair(later) == pair(record))
            };
            let last: Vec<RelationRecord> =
                records.iter().enumerate().filter(is_last).map(|(_, r)| r.clone()).collect();
            let at_once = Declarations::of(&RelationList::of(&last), find);
            prop_assert_eq!(changed.len(), at_once.len());
            prop_assert_eq!(changed.has_windows(), at_once.has_windows());
            for item in 0..3_000 {
                prop_assert_eq!(changed.of_anchor(item), at_once.of_anchor(item));
                prop_assert_eq!(changed.of_item(item), at_once.of_item(item));
                prop_assert_eq!(changed.replacing.of(item), at_once.replacing.of(item));
            }
        }
    }
}
