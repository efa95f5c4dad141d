//! The session index: finished sessions and, for each item, where it occurs.
//!
//! `score::sessions` walks it, `learn::sessions` makes it.

use events::EventKind;

/// What was done with the item of a step. A step is one item at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum StepKind {
    #[default]
    View = 0,
    Cart = 1,
    Purchase = 2,
}

impl StepKind {
    pub const ALL: [StepKind; 3] = [StepKind::View, StepKind::Cart, StepKind::Purchase];

    /// The kinds of event that are steps; what only describes a step, or takes one back, is none.
    pub fn of(kind: EventKind) -> Option<StepKind> {
        match kind {
            EventKind::ViewItem | EventKind::RecommendationClick => Some(StepKind::View),
            EventKind::AddToCart => Some(StepKind::Cart),
            EventKind::Purchase => Some(StepKind::Purchase),
            _ => None,
        }
    }
}

/// One step of a visit: a dense item and what was done with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    pub item: u32,
    pub kind: StepKind,
}

impl Step {
    pub fn view(item: u32) -> Step {
        Step { item, kind: StepKind::View }
    }
}

/// The kind's bits in a mark.
pub const KIND_BITS: u8 = 0b11;
/// The item stands here for the first time in its session.
pub const FIRST_BIT: u8 = 0b100;

/// Sessions in order of their last step, borrowed. Events are numbered through all sessions.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionIndex<'a> {
    /// First event of each session, and the number of events: n_sessions + 1, rising.
    pub offsets: &'a [u32],
    /// Last step of each session in seconds since 1970, not falling.
    pub ended_at_s: &'a [u32],
    /// Item of each event, in order of time within the session.
    pub items: &'a [u32],
    /// Kind of each event ([`KIND_BITS`]) and [`FIRST_BIT`].
    pub marks: &'a [u8],
    /// Session of each event.
    pub session_of: &'a [u32],
    /// First posting of each item, and the number of postings: n_items + 1, not falling.
    pub posting_offsets: &'a [u32],
    /// Events of each item, rising: oldest first. Sessions too long to tell anything are not here.
    pub postings: &'a [u32],
}

/// What is wrong with the arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Arrays beside each other have different lengths.
    Lengths,
    /// Offsets do not rise from 0 to the number of events.
    Offsets,
    /// Sessions are not in order of their last step.
    Order,
    /// An event of the session names another session, or an item that does not exist.
    Event { session: u32 },
    /// The postings of the item do not rise or are not of that item.
    Posting { item: u32 },
}

impl<'a> SessionIndex<'a> {
    /// The same arrays, checked whole: a reader may then index without fear.
    pub fn checked(self) -> Result<SessionIndex<'a>, Fault> {
        let n_events = self.items.len();
        let same = [self.marks.len(), self.session_of.len()].iter().all(|&len| len == n_events);
        if !same || self.n_sessions() != self.ended_at_s.len() {
            return Err(Fault::Lengths);
        }
        if !rises(self.offsets, n_events, true)
            || !rises(self.posting_offsets, self.postings.len(), false)
        {
            return Err(Fault::Offsets);
        }
        if !self.ended_at_s.is_sorted() {
            return Err(Fault::Order);
        }
        for session in 0..self.n_sessions() as u32 {
            let fits = self.range(session).all(|event| {
                self.session_of[event] == session && (self.items[event] as usize) < self.n_items()
            });
            if !fits {
                return Err(Fault::Event { session });
            }
        }
        for item in 0..self.n_items() as u32 {
            let postings = self.postings_of(item);
            let is_of_item = |&event: &u32| self.items.get(event as usize) == Some(&item);
            if !postings.iter().all(is_of_item) || !postings.is_sorted_by(|a, b| a < b) {
                return Err(Fault::Posting { item });
            }
        }
        Ok(self)
    }

    pub fn n_sessions(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    pub fn n_items(&self) -> usize {
        self.posting_offsets.len().saturating_sub(1)
    }

    /// Events of a session.
    #[inline]
    pub fn range(&self, session: u32) -> std::ops::Range<usize> {
        self.offsets[session as usize] as usize..self.offsets[session as usize + 1] as usize
    }

    /// Events of an item in rising order; none for an item that the index does not know.
    #[inline]
    pub fn postings_of(&self, item: u32) -> &'a [u32] {
        let item = item as usize;
        if item >= self.n_items() {
            return &[];
        }
        let range = self.posting_offsets[item] as usize..self.posting_offsets[item + 1] as usize;
        &self.postings[range]
    }

    #[inline]
    pub fn is_first(&self, event: usize) -> bool {
        self.marks[event] & FIRST_BIT != 0
    }

    /// What was done at an event; an unknown kind counts as a view.
    #[inline]
    pub fn kind_idx(&self, event: usize) -> usize {
        usize::from(self.marks[event] & KIND_BITS).min(StepKind::ALL.len() - 1)
    }
}

fn rises(offsets: &[u32], end: usize, strictly: bool) -> bool {
    let Some((&first, &last)) = offsets.first().zip(offsets.last()) else { return end == 0 };
    let in_order = offsets.is_sorted_by(|a, b| if strictly { a < b } else { a <= b });
    first == 0 && last as usize == end && in_order
}
