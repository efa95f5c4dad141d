//! What was looked at in one visit, and which of two was then bought.

use crate::sessions::StepRow;
use measure::rate::chance_of_at_least;
use score::sessions::StepKind;
use sparse::Csr;

/// A visit to more items than this is a robot's, or of one who looks for nothing.
const MAX_ITEMS_OF_VISIT: usize = 50;
/// Seen together by chance no more often than this.
const MAX_CHANCE: f64 = 0.05;

/// One visit to one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    session: u32,
    item: u32,
    is_bought: bool,
}

/// All visits, by item and by session.
pub(super) struct Visits {
    /// Distinct items of each visit, rising.
    items: Csr,
    /// Beside each entry of `items`: was it bought there?
    bought: Vec<bool>,
    visits_of: Csr,
    /// Σ s (s − 1) / (Σ s)², as with baskets.
    factor: f64,
}

/// What visits say of a pair.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct SeenTogether {
    pub n: u32,
    /// More often than by chance.
    pub is_significant: bool,
    /// Visits that saw both and bought the second alone.
    pub n_instead: u32,
}

impl Visits {
    pub(super) fn of(rows: &[StepRow], n_items: usize) -> Visits {
        let mut seen: Vec<Seen> = rows
            .iter()
            .filter(|row| (row.item as usize) < n_items)
            .map(|row| Seen {
                session: row.session,
                item: row.item,
                is_bought: row.kind == StepKind::Purchase,
            })
            .collect();
        seen.sort_unstable();
        let (mut items, mut bought) = (Csr::default(), Vec::new());
        let (mut n_pairs, mut n_seen) = (0.0, 0.0);
        let mut of_visit: Vec<u32> = Vec::new();
        for visit in seen.chunk_by(|a, b| a.session == b.session) {
            // What was bought comes last among the steps on one item.
            let distinct = || visit.chunk_by(|a, b| a.item == b.item);
            of_visit.clear();
            of_visit.extend(distinct().map(|steps| steps[0].item));
            if of_visit.len() < 2 || of_visit.len() > MAX_ITEMS_OF_VISIT {
                continue;
            }
            items.push_row(&of_visit);
            bought.extend(distinct().map(|steps| steps.iter().any(|step| step.is_bought)));
            let size = of_visit.len() as f64;
            n_pairs += size * (size - 1.0);
            n_seen += size;
        }
        let visits_of = items.view().transpose(n_items);
        let factor = if n_seen > 0.0 { n_pairs / (n_seen * n_seen) } else { 0.0 };
        Visits { items, bought, visits_of, factor }
    }

    fn visits_of(&self, item: u32) -> &[u32] {
        self.visits_of.view().row(item as usize)
    }

    pub(super) fn has_seen(&self, item: u32) -> bool {
        !self.visits_of(item).is_empty()
    }

    /// Items seen in visits to this one, the most often seen first, at most `limit`.
    pub(super) fn beside(&self, item: u32, limit: usize, found: &mut Vec<u32>) {
        let visits = self.visits_of(item).iter();
        let mut others: Vec<u32> = visits
            .flat_map(|&visit| self.items.view().row(visit as usize))
            .copied()
            .filter(|&other| other != item)
            .collect();
        others.sort_unstable();
        let mut counts: Vec<(u32, u32)> =
            others.chunk_by(|a, b| a == b).map(|run| (run.len() as u32, run[0])).collect();
        counts.sort_unstable_by_key(|&(n, other)| (u32::MAX - n, other));
        found.extend(counts.iter().take(limit).map(|&(_, other)| other));
    }

    pub(super) fn together(&self, a: u32, b: u32) -> SeenTogether {
        let (of_a, of_b) = (self.visits_of(a), self.visits_of(b));
        let mut seen = SeenTogether::default();
        for &visit in of_a.iter().filter(|visit| of_b.binary_search(visit).is_ok()) {
            seen.n += 1;
            seen.n_instead += u32::from(!self.is_bought(visit, a) && self.is_bought(visit, b));
        }
        let expected = of_a.len() as f64 * of_b.len() as f64 * self.factor;
        let chance = chance_of_at_least(u64::from(seen.n), expected);
        seen.is_significant = seen.n > 0 && chance <= MAX_CHANCE;
        seen
    }

    fn is_bought(&self, visit: u32, item: u32) -> bool {
        let range = self.items.view().range(visit as usize);
        let at = self.items.indices[range.clone()].binary_search(&item);
        at.is_ok_and(|at| self.bought[range.start + at])
    }
}
