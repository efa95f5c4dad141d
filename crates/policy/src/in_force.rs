//! Policies as they stand for one request: what they say of an item.

use crate::active::Active;
use crate::facts::{Facts, ItemTable};
use crate::predicate::Sight;
use crate::set::{PlacementRule, Policy};
use crate::table::{Pin, PolicyTable};
use crate::truth::Truth;
use crate::value;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Made by [`PolicyTable::in_force`].
#[derive(Clone, Copy)]
pub struct InForce<'a> {
    pub(crate) table: &'a PolicyTable,
    pub(crate) active: &'a Active,
    pub(crate) facts: &'a Facts<'a>,
    pub(crate) items: &'a dyn ItemTable,
}

/// What multiplies a candidate's score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lever {
    /// All boosts and buries together.
    pub factor: f32,
    /// Those of them that ask something of the request.
    pub context_weight: f32,
    /// The policy that moves it most; `None`: none does.
    pub policy: Option<u16>,
    /// What it is multiplied by for what a sale brings ([`value::weight_of`]); `None`: a placement
    /// does not rank by it.
    pub value: Option<f32>,
}

impl Lever {
    /// Of boosts, buries and value together.
    pub fn weight(&self) -> f32 {
        self.factor * self.value.unwrap_or(1.0)
    }
}

impl<'a> InForce<'a> {
    /// The first policy in the file that stops the item; `None`: it may be offered.
    #[inline]
    pub fn stopped_by(&self, item: u32) -> Option<u16> {
        let Some(row) = self.table.row(item) else {
            // An item of another world: nobody can say that it may be offered.
            return (!self.table.set().policies.is_empty()).then_some(0);
        };
        let stopped = self.first_of(&self.active.hard, row, item);
        let stopped = stopped.map(|clause| self.table.policy_of(clause));
        let Some(include) = self.active.include_from else { return stopped };
        if self.first_of(&self.active.include, row, item).is_some() {
            return stopped;
        }
        for (at, mask) in self.active.include.iter().enumerate() {
            self.note_unknown(item, at, *mask);
        }
        Some(stopped.map_or(include, |stopped| stopped.min(include)))
    }

    /// Does any policy stop the item? The question of the hot path: what the bits alone can tell is
    /// asked before anything is asked of the item.
    #[inline]
    pub fn is_stopped(&self, item: u32) -> bool {
        let active = self.active;
        let Some(row) = self.table.row(item) else { return self.stopped_by(item).is_some() };
        if active.fired.is_none() {
            for (at, (word, hard)) in row.iter().zip(&active.hard).enumerate() {
                let hits = word.load(Relaxed) & hard & !active.mixed[at];
                if hits != 0 {
                    self.note_unknown(item, at, hits);
                    return true;
                }
            }
        }
        self.stopped_by(item).is_some()
    }

    /// Is the item not even to be told as a reason?
    pub fn is_hidden(&self, item: u32) -> bool {
        match self.table.row(item) {
            Some(row) => self.first_of(&self.active.hide, row, item).is_some(),
            None => self.active.has_hide,
        }
    }

    pub fn has_hidden(&self) -> bool {
        self.active.has_hide
    }

    /// Is any score multiplied by anything?
    pub fn has_levers(&self) -> bool {
        self.active.has_lever || self.rule().value.is_some()
    }

    /// What the item's score is multiplied by.
    pub fn lever(&self, item: u32) -> Lever {
        let rule = self.rule();
        let value =
            rule.value.map(|kind| value::weight_of(kind.of(self.items, item, rule.value_currency)));
        let mut lever = Lever { factor: 1.0, context_weight: 1.0, policy: None, value };
        let (mut most, mut last) = (0.0, None);
        let Some(row) = self.table.row(item) else { return lever };
        for (at, (word, mask)) in row.iter().zip(&self.active.lever).enumerate() {
            let mut hits = word.load(Relaxed) & mask;
            while hits != 0 {
                let clause = at * 64 + hits.trailing_zeros() as usize;
                hits &= hits - 1;
                let policy = self.table.policy_of(clause);
                // Two clauses of one policy are one policy.
                if last == Some(policy) || !self.acts_on(clause, item) {
                    continue;
                }
                last = Some(policy);
                self.active.note(at, 1 << (clause % 64));
                let Policy { factor, ref when, .. } = *self.table.policy(policy);
                lever.factor *= factor;
                if when.is_some() {
                    lever.context_weight *= factor;
                }
                // As far from 1 as its inverse; no logarithm, for all candidates are asked.
                let strength = if factor < 1.0 { factor.recip() } else { factor };
                if most < strength {
                    most = strength;
                    lever.policy = Some(policy);
                }
            }
        }
        lever
    }

    /// Boosts multiply no score by more than this, whatever is asked of the item; at least 1.
    pub fn max_factor(&self) -> f32 {
        let (mut most, mut last) = (1.0_f32, None);
        for (at, mask) in self.active.lever.iter().enumerate() {
            let mut bits = *mask;
            while bits != 0 {
                let policy = self.table.policy_of(at * 64 + bits.trailing_zeros() as usize);
                bits &= bits - 1;
                if last != Some(policy) {
                    most *= self.table.policy(policy).factor.max(1.0);
                }
                last = Some(policy);
            }
        }
        most
    }

    /// The pins in force, in the order of the file.
    pub fn pins(&self) -> impl Iterator<Item = &'a Pin> + use<'a> {
        let table = self.table;
        self.active.pins.iter().map(move |&at| table.pin(at))
    }

    /// What the file says of the placement.
    pub fn rule(&self) -> &'a PlacementRule {
        self.table.rule(self.facts.placement)
    }

    pub fn table(&self) -> &'a PolicyTable {
        self.table
    }

    /// Hard policies that closed so far because something was not known: what they ask of the
    /// request, or of an item that they stopped.
    pub fn n_unknown(&self) -> usize {
        let (mut n, mut last) = (0, None);
        for (at, word) in self.active.unknown.iter().enumerate() {
            let mut bits = word.get();
            while bits != 0 {
                let policy = self.table.policy_of(at * 64 + bits.trailing_zeros() as usize);
                bits &= bits - 1;
                // The clauses of a policy stand side by side.
                n += usize::from(last != Some(policy));
                last = Some(policy);
            }
        }
        n
    }

    /// What is in the cart, in money; `None`: it cannot be told.
    pub fn cart_total(&self) -> Option<(events::Amount, Option<events::Currency>)> {
        self.facts.cart.total.map(|total| (total, self.facts.cart.currency))
    }

    /// The first clause of `mask` that acts on the item. While somebody records, all are asked.
    #[inline]
    fn first_of(&self, mask: &[u64], row: &[AtomicU64], item: u32) -> Option<usize> {
        let mut first = None;
        for (at, (word, mask)) in row.iter().zip(mask).enumerate() {
            let mut hits = word.load(Relaxed) & mask;
            while hits != 0 {
                let clause = at * 64 + hits.trailing_zeros() as usize;
                hits &= hits - 1;
                if !self.acts_on(clause, item) {
                    continue;
                }
                self.note_unknown(item, at, 1 << (clause % 64));
                first = first.or(Some(clause));
                if self.active.fired.is_none() {
                    return first;
                }
                self.active.note(at, 1 << (clause % 64));
            }
        }
        first
    }

    /// Notes those of the clauses for which it is not known whether they mean the item.
    #[inline]
    fn note_unknown(&self, item: u32, word: usize, clauses: u64) {
        let unknown = self.table.unknown_of(item, word) & clauses;
        if unknown != 0 {
            self.active.note_unknown(word, unknown);
        }
    }

    #[inline]
    fn acts_on(&self, clause: usize, item: u32) -> bool {
        let bit = 1 << (clause % 64);
        if self.active.mixed[clause / 64] & bit == 0 {
            return true;
        }
        if self.table.is_contact(clause) {
            return self.is_closed(clause, item);
        }
        let sight = Sight { item: Some((self.items, item)), facts: Some(self.facts) };
        let truth = self.table.rest_of(clause, &sight);
        let acts = self.table.acts(clause, truth);
        if acts && truth == Truth::Unknown {
            self.active.note_unknown(clause / 64, bit);
        }
        acts
    }
}
