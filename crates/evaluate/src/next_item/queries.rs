//! Every step but the first of every session, asked with the steps before it.
//!
//! A session is walked once: what it holds, what it has shown and what is left of it is kept by
//! item, so a visit of 10^5 steps costs a query no more than one of ten.

use crate::session_baselines::Visit;
use learn::sessions::SessionLog;

/// A visit and what follows.
pub(super) struct Query<'a> {
    /// Place of the session in the log.
    pub session: usize,
    pub visit: Visit<'a>,
    /// The item of the very next step.
    pub next: u32,
    /// Steps that remain, the next one included.
    pub n_remaining: usize,
    /// Distinct items among them.
    pub n_truth: usize,
    /// By item, one more than its last place in the session; 0: not in it.
    ends: &'a [u32],
}

impl Query<'_> {
    /// Was the next item in the visit before?
    pub(super) fn is_repeat(&self) -> bool {
        self.visit.seen[self.next as usize]
    }

    /// Flags of a list: does the item come in what remains?
    pub(super) fn hits(&self, list: &[u32]) -> Vec<bool> {
        let at = self.visit.steps.len() as u32;
        list.iter().map(|&item| self.ends[item as usize] > at).collect()
    }
}

/// Asks every query of a log, in order. O(steps) beside what `ask` takes; all items are below
/// `n_items`.
pub(super) fn for_each(log: &SessionLog, n_items: usize, mut ask: impl FnMut(&Query<'_>)) {
    let (mut seen, mut ends) = (vec![false; n_items], vec![0_u32; n_items]);
    for session in 0..log.len() {
        let steps = log.session(session);
        let mut n_truth = 0;
        for (place, step) in (1_u32..).zip(steps) {
            let end = &mut ends[step.item as usize];
            n_truth += usize::from(*end == 0);
            *end = place;
        }
        for at in 1..steps.len() {
            let last = steps[at - 1].item as usize;
            seen[last] = true;
            n_truth -= usize::from(ends[last] as usize == at);
            ask(&Query {
                session,
                visit: Visit { steps: &steps[..at], seen: &seen },
                next: steps[at].item,
                n_remaining: steps.len() - at,
                n_truth,
                ends: &ends,
            });
        }
        for step in steps {
            (seen[step.item as usize], ends[step.item as usize]) = (false, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use learn::sessions::StepRow;
    use proptest::prelude::*;
    use score::sessions::StepKind;
    use std::collections::BTreeSet;

    proptest! {
        /// By looking through the whole session for each query.
        #[test]
        fn queries_are_those_of_the_slow_way(
            sessions in prop::collection::vec(prop::collection::vec(0_u32..6, 1..12), 0..6)
        ) {
            let mut rows = Vec::new();
            for (session, items) in (0..).zip(&sessions) {
                let kind = StepKind::View;
                let row = |(at_us, &item)| StepRow { session, item, kind, at_us };
                rows.extend((0..).zip(items).map(row));
            }
            let log = SessionLog::of(&rows);
            let mut found = Vec::new();
            for_each(&log, 6, |query| {
                let seen: Vec<bool> = query.visit.seen.to_vec();
                let hits = query.hits(&[5, 4, 3, 2, 1, 0]);
                let sizes = [query.visit.steps.len(), query.n_remaining, query.n_truth];
                found.push((query.next, query.is_repeat(), seen, hits, sizes));
            });
            let mut slow = Vec::new();
            for session in 0..log.len() {
                let items: Vec<u32> = log.session(session).iter().map(|step| step.item).collect();
                for at in 1..items.len() {
                    let before: BTreeSet<u32> = items[..at].iter().copied().collect();
                    let after: BTreeSet<u32> = items[at..].iter().copied().collect();
                    let seen = (0..6).map(|item| before.contains(&item)).collect();
                    let hits = (0..6).rev().map(|item| after.contains(&item)).collect();
                    let sizes = [at, items.len() - at, after.len()];
                    slow.push((items[at], before.contains(&items[at]), seen, hits, sizes));
                }
            }
            prop_assert_eq!(found, slow);
        }
    }
}
