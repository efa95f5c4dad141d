//! The session index, owned: what `score::sessions` borrows.

use super::log::SessionLog;
use score::sessions::SessionIndex;
use score::sessions::index::FIRST_BIT;

/// What is too long to tell anything. Such a session keeps its place and its items, but no
/// posting leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexLimits {
    /// Sessions with more steps are machines.
    pub max_steps: usize,
    /// Sessions with more distinct items tell little about any pair of them.
    pub max_items: usize,
    /// Occurrences of one item that are kept, the newest ones.
    pub max_postings: usize,
}

impl Default for IndexLimits {
    fn default() -> IndexLimits {
        IndexLimits { max_steps: 500, max_items: 100, max_postings: 20_000 }
    }
}

/// The arrays of a [`SessionIndex`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionTable {
    pub offsets: Vec<u32>,
    pub ended_at_s: Vec<u32>,
    pub items: Vec<u32>,
    pub marks: Vec<u8>,
    pub session_of: Vec<u32>,
    pub posting_offsets: Vec<u32>,
    pub postings: Vec<u32>,
    /// Sessions that a limit left out.
    pub n_left_out: usize,
}

impl SessionTable {
    /// O(events); `n_items` bounds the items of the log.
    pub fn of(log: &SessionLog, n_items: usize, limits: &IndexLimits) -> SessionTable {
        let mut table = SessionTable {
            offsets: log.offsets.clone(),
            ended_at_s: log.ended_at_s.clone(),
            items: log.steps.iter().map(|step| step.item).collect(),
            marks: Vec::with_capacity(log.steps.len()),
            session_of: Vec::with_capacity(log.steps.len()),
            posting_offsets: vec![0; n_items + 1],
            ..SessionTable::default()
        };
        let mut last_seen = vec![u32::MAX; n_items];
        let mut is_kept = Vec::with_capacity(log.len());
        for session in 0..log.len() {
            let mut n_distinct = 0;
            for step in log.session(session) {
                let last = &mut last_seen[step.item as usize];
                let is_first = *last != session as u32;
                *last = session as u32;
                n_distinct += usize::from(is_first);
                table.marks.push(step.kind as u8 | if is_first { FIRST_BIT } else { 0 });
                table.session_of.push(session as u32);
            }
            let n_steps = log.session(session).len();
            is_kept.push(n_steps <= limits.max_steps && n_distinct <= limits.max_items);
        }
        table.n_left_out = is_kept.iter().filter(|kept| !**kept).count();
        table.post(&is_kept, limits.max_postings);
        table
    }

    /// Fills the postings by counting, newest `max_postings` of each item.
    fn post(&mut self, is_kept: &[bool], max_postings: usize) {
        let n_items = self.posting_offsets.len() - 1;
        let mut counts = vec![0_u32; n_items];
        let kept = |event: usize, session_of: &[u32]| is_kept[session_of[event] as usize];
        for (event, &item) in self.items.iter().enumerate() {
            counts[item as usize] += u32::from(kept(event, &self.session_of));
        }
        let limit = u32::try_from(max_postings).unwrap_or(u32::MAX);
        let mut n_to_skip: Vec<u32> = counts.iter().map(|&n| n.saturating_sub(limit)).collect();
        for (item, &n) in counts.iter().enumerate() {
            self.posting_offsets[item + 1] = self.posting_offsets[item] + n.min(limit);
        }
        self.postings = vec![0; self.posting_offsets[n_items] as usize];
        let mut next = self.posting_offsets.clone();
        for (event, &item) in self.items.iter().enumerate() {
            if !kept(event, &self.session_of) {
                continue;
            }
            let item = item as usize;
            if n_to_skip[item] > 0 {
                n_to_skip[item] -= 1;
                continue;
            }
            self.postings[next[item] as usize] = event as u32;
            next[item] += 1;
        }
    }

    pub fn view(&self) -> SessionIndex<'_> {
        SessionIndex {
            offsets: &self.offsets,
            ended_at_s: &self.ended_at_s,
            items: &self.items,
            marks: &self.marks,
            session_of: &self.session_of,
            posting_offsets: &self.posting_offsets,
            postings: &self.postings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sessions::StepRow;
    use proptest::prelude::*;
    use score::sessions::{Step, StepKind};

    /// Sessions as lists of items, one second apart.
    pub(crate) fn log_of(sessions: &[Vec<u32>]) -> SessionLog {
        let mut rows = Vec::new();
        for (session, items) in sessions.iter().enumerate() {
            for &item in items {
                let at_us = rows.len() as i64 * 1_000_000;
                rows.push(StepRow { session: session as u32, item, kind: StepKind::View, at_us });
            }
        }
        SessionLog::of(&rows)
    }

    #[test]
    fn long_sessions_and_old_postings_are_left_out() {
        let log = log_of(&[vec![0, 1], vec![1; 9], vec![0, 2, 3, 4], vec![0, 1], vec![1, 0, 1]]);
        let limits = IndexLimits { max_steps: 8, max_items: 3, max_postings: 2 };
        let table = SessionTable::of(&log, 6, &limits);
        assert_eq!(table.n_left_out, 2);
        let index = table.view().checked().unwrap();
        let sessions =
            |item| index.postings_of(item).iter().map(|&e| index.session_of[e as usize]).collect();
        let found: [Vec<u32>; 4] = [sessions(0), sessions(1), sessions(2), sessions(5)];
        assert_eq!(found, [vec![3, 4], vec![4, 4], vec![], vec![]]);
        assert!(index.postings_of(77).is_empty());
    }

    proptest! {
        #[test]
        fn postings_are_the_events_of_each_item(
            sessions in prop::collection::vec(prop::collection::vec(0_u32..6, 1..7), 0..20)
        ) {
            let log = log_of(&sessions);
            let table = SessionTable::of(&log, 6, &IndexLimits::default());
            let index = table.view().checked().unwrap();
            for item in 0..6 {
                let naive: Vec<u32> = (0..log.steps.len() as u32)
                    .filter(|&e| log.steps[e as usize] == Step::view(item))
                    .collect();
                prop_assert_eq!(index.postings_of(item), &naive[..]);
            }
        }
    }
}
