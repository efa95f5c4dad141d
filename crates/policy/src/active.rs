//! Which clauses are in force for one request. Reused from request to request.

use crate::contact::ContactState;
use std::cell::Cell;

/// One bit a clause; made by [`crate::PolicyTable::activate`].
#[derive(Clone, Debug, Default)]
pub struct Active {
    /// Clauses that stop an item.
    pub(crate) hard: Vec<u64>,
    /// Those of policies that hide.
    pub(crate) hide: Vec<u64>,
    /// Clauses that let an item in.
    pub(crate) include: Vec<u64>,
    /// Clauses that multiply a score.
    pub(crate) lever: Vec<u64>,
    /// Clauses of any kind that must be asked of the candidate itself.
    pub(crate) mixed: Vec<u64>,
    /// The first policy of those that let only some items in.
    pub(crate) include_from: Option<u16>,
    pub(crate) has_hide: bool,
    pub(crate) has_lever: bool,
    /// Places in the table's list of pins.
    pub(crate) pins: Vec<usize>,
    /// Hard clauses that closed because something was not known, of the request or of an item that
    /// they stopped.
    pub(crate) unknown: Vec<Cell<u64>>,
    /// What contact policies counted.
    pub(crate) contact: ContactState,
    /// Clauses that acted; kept only while somebody wants to know.
    pub(crate) fired: Option<Vec<Cell<u64>>>,
}

impl Active {
    /// One that keeps which policies acted, over many requests.
    pub fn recording() -> Active {
        Active { fired: Some(Vec::new()), ..Active::default() }
    }

    pub fn has_levers(&self) -> bool {
        self.has_lever
    }

    pub fn has_hidden(&self) -> bool {
        self.has_hide
    }

    pub(crate) fn reset(&mut self, n_words: usize) {
        for mask in
            [&mut self.hard, &mut self.hide, &mut self.include, &mut self.lever, &mut self.mixed]
        {
            mask.clear();
            mask.resize(n_words, 0);
        }
        if let Some(fired) = &mut self.fired {
            fired.resize(n_words.max(fired.len()), Cell::new(0));
        }
        self.include_from = None;
        self.has_hide = false;
        self.has_lever = false;
        self.pins.clear();
        self.contact.reset();
        self.unknown.clear();
        self.unknown.resize(n_words, Cell::new(0));
    }

    pub(crate) fn note(&self, word: usize, bits: u64) {
        if let Some(cell) = self.fired.as_ref().and_then(|fired| fired.get(word)) {
            cell.set(cell.get() | bits);
        }
    }

    pub(crate) fn note_unknown(&self, word: usize, bits: u64) {
        if let Some(cell) = self.unknown.get(word) {
            cell.set(cell.get() | bits);
        }
    }

    pub(crate) fn has_fired(&self, clause: usize) -> bool {
        let word = self.fired.as_ref().and_then(|fired| fired.get(clause / 64));
        word.is_some_and(|word| word.get() & (1 << (clause % 64)) != 0)
    }
}
