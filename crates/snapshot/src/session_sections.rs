//! The sections of the session index: written from arrays, checked whole when opened.

use crate::container::{Container, Section};
use crate::session_index::SessionIndex;
use crate::{Error, SnapshotWriter};

/// Numbers kept of each item, see `score::sessions::horizon`.
pub const N_SESSION_STATS: usize = 4;

/// Section names.
mod names {
    pub(super) const OFFSETS: &str = "session.offsets";
    pub(super) const ENDED_AT: &str = "session.ended_at_s";
    pub(super) const ITEMS: &str = "session.items";
    pub(super) const MARKS: &str = "session.marks";
    pub(super) const SESSION_OF: &str = "session.session_of";
    pub(super) const POSTING_OFFSETS: &str = "session.posting_offsets";
    pub(super) const POSTINGS: &str = "session.postings";
    pub(super) const STATS: &str = "session.item_stats";
    pub(super) const POPULAR: &str = "session.popular";
    pub(super) const NEXT_TREES: &str = "session.next_trees";
    pub(super) const DISCOVER_TREES: &str = "session.discover_trees";
    pub(super) const KIND_WEIGHTS: &str = "session.kind_weights";
    pub(super) const LEFT_OUT: &str = "session.left_out";
}

/// What a snapshot holds of sessions, borrowed. All empty where there were none.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionArrays<'a> {
    pub index: SessionIndex<'a>,
    /// [`N_SESSION_STATS`] numbers an item, item by item.
    pub stats: &'a [f32],
    /// Items that are looked at most these days.
    pub popular: &'a [u32],
    /// Rankers as words of `score::trees`; empty: none was published.
    pub next_trees: &'a [u32],
    pub discover_trees: &'a [u32],
    /// Weight of each kind of step; empty: the defaults.
    pub kind_weights: &'a [f32],
    /// Sources that were left out, a bit each; empty: none.
    pub left_out: &'a [u32],
}

impl SessionArrays<'_> {
    pub fn write(&self, writer: &mut SnapshotWriter) {
        writer.add(names::OFFSETS, self.index.offsets);
        writer.add(names::ENDED_AT, self.index.ended_at_s);
        writer.add(names::ITEMS, self.index.items);
        writer.add(names::MARKS, self.index.marks);
        writer.add(names::SESSION_OF, self.index.session_of);
        writer.add(names::POSTING_OFFSETS, self.index.posting_offsets);
        writer.add(names::POSTINGS, self.index.postings);
        writer.add(names::STATS, self.stats);
        writer.add(names::POPULAR, self.popular);
        writer.add(names::NEXT_TREES, self.next_trees);
        writer.add(names::DISCOVER_TREES, self.discover_trees);
        writer.add(names::KIND_WEIGHTS, self.kind_weights);
        writer.add(names::LEFT_OUT, self.left_out);
    }
}

/// The sections of an opened snapshot.
#[derive(Debug)]
pub(crate) struct SessionSections {
    offsets: Section<u32>,
    ended_at_s: Section<u32>,
    items: Section<u32>,
    marks: Section<u8>,
    session_of: Section<u32>,
    posting_offsets: Section<u32>,
    postings: Section<u32>,
    stats: Section<f32>,
    popular: Section<u32>,
    next_trees: Section<u32>,
    discover_trees: Section<u32>,
    kind_weights: Section<f32>,
    left_out: Section<u32>,
}

impl SessionSections {
    pub(crate) fn open(c: &Container, n_items: usize) -> Result<SessionSections, Error> {
        let sections = SessionSections {
            offsets: c.section(names::OFFSETS)?,
            ended_at_s: c.section(names::ENDED_AT)?,
            items: c.section(names::ITEMS)?,
            marks: c.section(names::MARKS)?,
            session_of: c.section(names::SESSION_OF)?,
            posting_offsets: c.section(names::POSTING_OFFSETS)?,
            postings: c.section(names::POSTINGS)?,
            stats: c.section(names::STATS)?,
            popular: c.section(names::POPULAR)?,
            next_trees: c.section(names::NEXT_TREES)?,
            discover_trees: c.section(names::DISCOVER_TREES)?,
            kind_weights: c.section(names::KIND_WEIGHTS)?,
            left_out: c.section(names::LEFT_OUT)?,
        };
        let arrays = sections.view(c);
        if let Err(fault) = arrays.index.checked() {
            return Err(c.corrupt(format!("the session index: {fault:?}")));
        }
        let n_indexed = arrays.index.n_items();
        let is_empty = n_indexed == 0 && arrays.stats.is_empty();
        if !is_empty && (n_indexed != n_items || arrays.stats.len() != n_items * N_SESSION_STATS) {
            return Err(c.corrupt("the session index has not one entry an item".into()));
        }
        let is_sound = arrays.stats.iter().chain(arrays.kind_weights).all(|v| v.is_finite());
        if !is_sound || !arrays.popular.iter().all(|&item| (item as usize) < n_items) {
            return Err(c.corrupt("the session statistics are out of range".into()));
        }
        Ok(sections)
    }

    pub(crate) fn view<'a>(&self, c: &'a Container) -> SessionArrays<'a> {
        SessionArrays {
            index: SessionIndex {
                offsets: c.view(&self.offsets),
                ended_at_s: c.view(&self.ended_at_s),
                items: c.view(&self.items),
                marks: c.view(&self.marks),
                session_of: c.view(&self.session_of),
                posting_offsets: c.view(&self.posting_offsets),
                postings: c.view(&self.postings),
            },
            stats: c.view(&self.stats),
            popular: c.view(&self.popular),
            next_trees: c.view(&self.next_trees),
            discover_trees: c.view(&self.discover_trees),
            kind_weights: c.view(&self.kind_weights),
            left_out: c.view(&self.left_out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Snapshot;
    use crate::fixture::full_writer;
    use crate::session_index::FIRST_BIT;

    /// Two sessions over the four items of the fixture: 0 3 0, then 3.
    fn arrays() -> SessionArrays<'static> {
        SessionArrays {
            index: SessionIndex {
                offsets: &[0, 3, 4],
                ended_at_s: &[100, 200],
                items: &[0, 3, 0, 3],
                marks: &[FIRST_BIT, FIRST_BIT | 1, 0, FIRST_BIT],
                session_of: &[0, 0, 0, 1],
                posting_offsets: &[0, 2, 2, 2, 4],
                postings: &[0, 2, 1, 3],
            },
            stats: &[0.5; 16],
            popular: &[3, 0],
            next_trees: &[7, 8],
            discover_trees: &[9],
            kind_weights: &[1.0, 2.0, 3.0],
            left_out: &[2],
        }
    }

    fn opened(arrays: SessionArrays<'_>) -> Result<Snapshot, Error> {
        let mut writer = full_writer();
        arrays.write(&mut writer);
        Snapshot::from_writer(&writer)
    }

    #[test]
    fn sessions_come_back_as_written() {
        let snapshot = opened(arrays()).unwrap();
        let (found, expected) = (snapshot.sessions(), arrays());
        assert_eq!(found.index.postings_of(3), [1, 3]);
        assert_eq!(
            (found.index.items, found.index.marks),
            (&[0, 3, 0, 3][..], expected.index.marks)
        );
        assert_eq!((found.stats, found.popular), (expected.stats, expected.popular));
        assert_eq!((found.next_trees, found.discover_trees), (&[7, 8][..], &[9][..]));
        assert_eq!(found.kind_weights, expected.kind_weights);
        assert_eq!(found.left_out, [2]);
        let without = Snapshot::from_writer(&full_writer()).unwrap();
        assert_eq!((without.sessions().index.n_sessions(), without.sessions().stats.len()), (0, 0));
    }

    #[test]
    fn damaged_sessions_are_refused() {
        let refused = |damage: &dyn Fn(&mut SessionArrays<'_>)| {
            let mut damaged = arrays();
            damage(&mut damaged);
            let error = opened(damaged).expect_err("a damaged table is refused").to_string();
            assert!(error.contains("session"), "{error}");
        };
        refused(&|arrays| arrays.index.postings = &[0, 2, 1, 2]);
        refused(&|arrays| arrays.index.items = &[0, 3, 0, 9]);
        refused(&|arrays| arrays.index.ended_at_s = &[]);
        refused(&|arrays| arrays.index.posting_offsets = &[0, 2, 2, 4]);
        refused(&|arrays| arrays.stats = &[0.5; 15]);
        refused(&|arrays| arrays.stats = &[f32::NAN; 16]);
        refused(&|arrays| arrays.popular = &[4]);
        refused(&|arrays| arrays.kind_weights = &[f32::INFINITY, 1.0, 1.0]);
        refused(&|arrays| arrays.index = SessionIndex::default());
    }
}
