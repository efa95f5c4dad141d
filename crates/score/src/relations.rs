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
    /// Forward ones first, each part in order of the other item.
    of_item: HashMap<u32, Vec<Declared>>,
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
            let Some(relation) = record.relation.filter(|_| from != to) else { continue };
            let (valid_from, valid_until) = (record.valid_from, record.valid_until);
            let edge =
                |item, is_forward| Declared { item, relation, is_forward, valid_from, valid_until };
            all.of_item.entry(from).or_default().push(edge(to, true));
            all.of_item.entry(to).or_default().push(edge(from, false));
            all.n_relations += 1;
            all.has_windows |= valid_from.is_some() || valid_until.is_some();
        }
        for row in all.of_item.values_mut() {
            row.sort_by_key(|edge| (!edge.is_forward, edge.item));
        }
        all
    }

    pub fn len(&self) -> usize {
        self.n_relations
    }

    /// Is any of them valid for a time only?
    pub fn has_windows(&self) -> bool {
        self.has_windows
    }

    pub fn is_empty(&self) -> bool {
        self.n_relations == 0
    }

    /// Everything declared of an item, what stands to it first.
    pub fn of_item(&self, item: u32) -> &[Declared] {
        self.of_item.get(&item).map_or(&[], Vec::as_slice)
    }

    /// What holds of an item beside an anchor; what is said the other way round tells whether one
    /// takes the other's place.
    pub fn between(&self, anchor: u32, item: u32, now: Option<Timestamp>) -> Option<Declared> {
        let row = self.of_item(anchor);
        let found = |is_forward: bool| {
            let key = (!is_forward, item);
            let at = row.binary_search_by_key(&key, |edge| (!edge.is_forward, edge.item)).ok()?;
            row.get(at).copied().filter(|edge| edge.holds_at(now))
        };
        found(true).or_else(|| found(false))
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
    for edge in declared.of_item(anchor) {
        let decides = declared.between(anchor, edge.item, now).as_ref() == Some(edge);
        if edge.relation.replaces() && decides {
            // Seen from the better one, the other is no upgrade.
            let relation = if edge.is_forward { edge.relation } else { Relation::Substitute };
            visit(Replacing { item: edge.item, relation, confidence: 1.0, is_declared: true });
        }
    }
}
