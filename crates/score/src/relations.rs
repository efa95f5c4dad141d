//! How items stand to each other: what people declared, and beside it what was learned.
//!
//! What is declared of a pair wins over what was learned of it, also where it says less: a pair
//! declared a complement is no substitute, whatever the counts say. `A upgrade B` reads: B takes
//! the place of A and is better.

use events::{Relation, RelationRecord, Timestamp};
use hashbrown::HashMap;
use snapshot::Snapshot;

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
    /// Without a time all that is declared holds: a gate that could be closed is closed.
    pub fn holds_at(&self, now: Option<Timestamp>) -> bool {
        let Some(now) = now else { return true };
        self.valid_from.is_none_or(|from| from <= now)
            && self.valid_until.is_none_or(|until| now < until)
    }
}

/// All that is declared, by item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declarations {
    /// Seen from the anchor, in order of the other item.
    forward: HashMap<u32, Vec<Declared>>,
    /// Seen from what stands to it, in order of the anchor.
    backward: HashMap<u32, Vec<Declared>>,
    /// Those of both where one takes the other's place: few, however many others an item has.
    replacing: HashMap<u32, Vec<Declared>>,
    n_relations: usize,
    has_windows: bool,
}

impl Declarations {
    /// `find` gives the index of an item; a relation of an item that nobody knows says nothing.
    pub fn of(records: &[RelationRecord], find: impl Fn(&str) -> Option<u32>) -> Declarations {
        let mut all = Declarations::default();
        for record in records {
            let Some((from, to)) = find(&record.from_item_id).zip(find(&record.to_item_id)) else {
                continue;
            };
            if let Some(relation) = record.relation.filter(|_| from != to) {
                all.add(from, to, relation, record);
            }
        }
        for rows in [&mut all.forward, &mut all.backward, &mut all.replacing] {
            rows.values_mut().for_each(|row| row.sort_by_key(|edge| (edge.item, !edge.is_forward)));
        }
        all
    }

    fn add(&mut self, from: u32, to: u32, relation: Relation, record: &RelationRecord) {
        let (valid_from, valid_until) = (record.valid_from, record.valid_until);
        let edge =
            |item, is_forward| Declared { item, relation, is_forward, valid_from, valid_until };
        for (map, of, edge) in
            [(&mut self.forward, from, edge(to, true)), (&mut self.backward, to, edge(from, false))]
        {
            map.entry(of).or_default().push(edge);
            if relation.replaces() {
                self.replacing.entry(of).or_default().push(edge);
            }
        }
        self.n_relations += 1;
        self.has_windows |= valid_from.is_some() || valid_until.is_some();
    }

    pub fn len(&self) -> usize {
        self.n_relations
    }

    pub fn is_empty(&self) -> bool {
        self.n_relations == 0
    }

    /// Is any of them valid for a time only?
    pub fn has_windows(&self) -> bool {
        self.has_windows
    }

    /// What is declared to stand to an item.
    pub fn of_anchor(&self, anchor: u32) -> &[Declared] {
        self.forward.get(&anchor).map_or(&[], Vec::as_slice)
    }

    /// What an item is declared to stand to.
    pub fn of_item(&self, item: u32) -> &[Declared] {
        self.backward.get(&item).map_or(&[], Vec::as_slice)
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
    for edge in declared.replacing.get(&anchor).into_iter().flatten() {
        if declared.between(anchor, edge.item, now).as_ref() == Some(edge) {
            // Seen from the better one, the other is no upgrade.
            let relation = if edge.is_forward { edge.relation } else { Relation::Substitute };
            visit(Replacing { item: edge.item, relation, confidence: 1.0, is_declared: true });
        }
    }
}
