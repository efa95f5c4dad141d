//! The finished sessions that share an item with a visit, newest first.
//!
//! The postings of the visit's last distinct items are merged from their ends (a k-way merge over
//! at most [`MAX_ANCHORS`] rising lists). All matches of one session stand together, sessions come
//! newest first, and the walk stops after the wanted number: O(matches · anchors), no table of
//! sessions, no allocation.

use super::index::SessionIndex;

/// Distinct items of the visit that are looked up, the latest ones.
pub const MAX_ANCHORS: usize = 10;

/// A session that shares an item with the visit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Neighbor {
    pub session: u32,
    /// Bit a is set when anchor a occurs; anchor 0 is the visit's last item.
    pub shared: u16,
    /// Event of the last occurrence of the latest shared anchor.
    pub anchor_event: u32,
}

impl Neighbor {
    /// The latest anchor that is shared.
    #[inline]
    pub fn latest(&self) -> usize {
        self.shared.trailing_zeros() as usize
    }
}

/// Cursors into the postings of the anchors.
#[derive(Clone, Copy, Debug)]
pub struct Neighbors<'a> {
    index: SessionIndex<'a>,
    lists: [&'a [u32]; MAX_ANCHORS],
    n_lists: usize,
}

impl<'a> Neighbors<'a> {
    /// Sessions before `n_sessions` that hold one of `anchors` (distinct, latest first; more than
    /// [`MAX_ANCHORS`] are cut off).
    pub fn of(index: SessionIndex<'a>, anchors: &[u32], n_sessions: u32) -> Neighbors<'a> {
        let mut lists: [&[u32]; MAX_ANCHORS] = [&[]; MAX_ANCHORS];
        let is_whole = n_sessions as usize >= index.n_sessions();
        for (list, &anchor) in lists.iter_mut().zip(anchors) {
            *list = index.postings_of(anchor);
            if !is_whole {
                let end = index.offsets[n_sessions as usize];
                *list = &list[..list.partition_point(|&event| event < end)];
            }
        }
        Neighbors { index, lists, n_lists: anchors.len().min(MAX_ANCHORS) }
    }

    /// The newest session not yet walked. `visit` is called for each occurrence of an anchor in
    /// it, last occurrence first, with anchor and event.
    #[inline]
    pub fn next(&mut self, mut visit: impl FnMut(usize, u32)) -> Option<Neighbor> {
        let newest = self.lists[..self.n_lists].iter().filter_map(|list| list.last()).max()?;
        let session = self.index.session_of[*newest as usize];
        let begin = self.index.offsets[session as usize];
        let mut neighbor = Neighbor { session, shared: 0, anchor_event: 0 };
        for (anchor, list) in self.lists[..self.n_lists].iter_mut().enumerate() {
            while let Some((&event, rest)) = list.split_last()
                && event >= begin
            {
                if neighbor.shared == 0 {
                    neighbor.anchor_event = event;
                }
                neighbor.shared |= 1 << anchor;
                visit(anchor, event);
                *list = rest;
            }
        }
        Some(neighbor)
    }
}

/// The latest distinct items of a visit, latest first, with the place of each counted from the
/// end (0: the last step). Returns how many were written.
pub fn anchors_of(
    items: impl DoubleEndedIterator<Item = u32>,
    anchors: &mut [u32; MAX_ANCHORS],
    places: &mut [u32; MAX_ANCHORS],
) -> usize {
    let mut n = 0;
    for (place, item) in items.rev().enumerate() {
        if n == MAX_ANCHORS {
            break;
        }
        if !anchors[..n].contains(&item) {
            (anchors[n], places[n]) = (item, place as u32);
            n += 1;
        }
    }
    n
}
