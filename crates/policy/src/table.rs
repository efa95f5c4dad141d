//! Policies compiled against the items: one row of bits an item, one bit a clause.
//!
//! ```text
//! rows      item 0   0110 0000 …   bit c: what clause c asks of items alone holds for it
//!           item 1   1100 0000 …   (hard clauses: is not known to fail)
//! in force  hard     1010 0000 …   once a request: placement, validity, conditions on the request
//!           mixed    0010 0000 …   and the item itself must be asked
//! stopped   row AND hard: a bit that is not mixed, or a mixed one whose rest may hold
//! ```
//!
//! By item rather than by policy, so that a candidate costs one cache line for 500 policies, and
//! a change of one item rewrites one row. Rows are atomic: price and stock change while decisions
//! are made.

use crate::active::Active;
use crate::bundle::BundleIndex;
use crate::clause::{Clause, clauses};
use crate::contact;
use crate::facts::{Facts, ItemTable, LocalTime};
use crate::field::Field;
use crate::in_force::InForce;
use crate::predicate::{Predicate, Sight};
use crate::set::{Kind, PlacementRule, Policy, PolicySet};
use crate::truth::Truth;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// An item set at a place by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    pub policy: u16,
    /// From 1.
    pub position: usize,
    /// Known ones, first choice first.
    pub items: Vec<u32>,
}

#[derive(Debug)]
struct Compiled {
    clauses: Vec<Clause>,
    /// Of each clause.
    policy_of: Vec<u16>,
    /// The clauses of each policy.
    clauses_of: Vec<Range<usize>>,
    has_contact: bool,
    asks_time: bool,
    asks_bought: bool,
    asks_holdings: bool,
    customer_attributes: Vec<Box<str>>,
    anchor_attributes: Vec<Box<str>>,
}

/// One version of the policies, ready to be asked.
#[derive(Debug)]
pub struct PolicyTable {
    set: Arc<PolicySet>,
    version: u64,
    compiled: Arc<Compiled>,
    n_words: usize,
    rows: Vec<AtomicU64>,
    /// As `rows`: what clause c asks of the item is not known. Only looked at for items that are
    /// stopped.
    unknown: Vec<AtomicU64>,
    pins: Vec<Pin>,
    bundles: BundleIndex,
}

/// What a policy says of the request alone; without a condition it always holds.
pub(crate) fn when_of(policy: &Policy, facts: &Facts<'_>) -> Truth {
    let sight = Sight { item: None, facts: Some(facts) };
    policy.when.as_ref().map_or(Truth::True, |when| when.ask(&sight))
}

impl PolicyTable {
    pub fn compile(set: Arc<PolicySet>, version: u64, items: &dyn ItemTable) -> PolicyTable {
        let compiled = Arc::new(Compiled::of(&set));
        let n_words = compiled.clauses.len().div_ceil(64);
        let (rows, unknown, pins) = (Vec::new(), Vec::new(), Vec::new());
        let bundles = BundleIndex::default();
        let mut table =
            PolicyTable { set, version, compiled, n_words, rows, unknown, pins, bundles };
        table.fit(items, &mut std::iter::empty());
        table
    }

    /// The table for a catalogue that has grown, or in which these items changed.
    #[must_use]
    pub fn for_items(
        &self,
        items: &dyn ItemTable,
        changed: &mut dyn Iterator<Item = u32>,
    ) -> PolicyTable {
        let copy = |word: &AtomicU64| AtomicU64::new(word.load(Relaxed));
        let mut table = PolicyTable {
            set: Arc::clone(&self.set),
            compiled: Arc::clone(&self.compiled),
            rows: self.rows.iter().map(copy).collect(),
            unknown: self.unknown.iter().map(copy).collect(),
            pins: Vec::new(),
            bundles: BundleIndex::default(),
            ..*self
        };
        table.fit(items, changed);
        table
    }

    /// Adds rows for items that have none, and writes those of changed ones anew.
    fn fit(&mut self, items: &dyn ItemTable, changed: &mut dyn Iterator<Item = u32>) {
        let n_before = self.rows.len().checked_div(self.n_words).unwrap_or(0);
        for words in [&mut self.rows, &mut self.unknown] {
            words.resize_with(items.n_items() * self.n_words, AtomicU64::default);
        }
        let added = n_before.min(items.n_items())..items.n_items();
        for item in changed.chain(added.map(|item| item as u32)) {
            self.refresh(items, item);
        }
        let pins = self.set.policies.iter().enumerate().filter(|(_, p)| p.kind == Kind::Pin);
        self.pins = pins
            .map(|(at, policy)| Pin {
                policy: at as u16,
                position: policy.position,
                items: policy.pinned_ids.iter().filter_map(|id| items.find(id)).collect(),
            })
            .collect();
        self.bundles = BundleIndex::of(&self.set, items);
    }

    pub(crate) fn bundle_index(&self) -> &BundleIndex {
        &self.bundles
    }

    /// Brings the row of an item up to date, after its price, stock or flags changed.
    pub fn refresh(&self, items: &dyn ItemTable, item: u32) {
        let first = item as usize * self.n_words;
        let Some(row) = self.rows.get(first..first + self.n_words) else { return };
        let sight = Sight { item: Some((items, item)), facts: None };
        for (at, (word, clauses)) in row.iter().zip(self.compiled.clauses.chunks(64)).enumerate() {
            let (mut bits, mut unknown) = (0, 0);
            for (bit, clause) in clauses.iter().enumerate() {
                let truth = all(&clause.items, &sight);
                bits |= u64::from(self.acts(at * 64 + bit, truth)) << bit;
                unknown |= u64::from(truth == Truth::Unknown) << bit;
            }
            word.store(bits, Relaxed);
            self.unknown[first + at].store(unknown, Relaxed);
        }
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    /// Must what a customer was shown, dismissed and bought be gathered?
    pub fn asks_contacts(&self) -> bool {
        self.compiled.has_contact
    }

    /// Must what a customer bought be gathered?
    pub fn asks_bought(&self) -> bool {
        self.compiled.asks_bought
    }

    pub fn asks_holdings(&self) -> bool {
        self.compiled.asks_holdings
    }

    /// Names of the customer's attributes that are asked for.
    pub fn customer_attributes(&self) -> &[Box<str>] {
        &self.compiled.customer_attributes
    }

    /// Names of the attributes of the cart's and page's items that are asked for.
    pub fn anchor_attributes(&self) -> &[Box<str>] {
        &self.compiled.anchor_attributes
    }

    pub fn set(&self) -> &PolicySet {
        &self.set
    }

    pub fn policy(&self, policy: u16) -> &Policy {
        &self.set.policies[usize::from(policy)]
    }

    pub fn rule(&self, placement: usize) -> &PlacementRule {
        &self.set.placements[placement]
    }

    fn kind_of(&self, clause: usize) -> Kind {
        self.policy(self.compiled.policy_of[clause]).kind
    }

    /// Settles once for a request which clauses are in force.
    pub fn activate(&self, facts: &mut Facts<'_>, items: &dyn ItemTable, active: &mut Active) {
        active.reset(self.n_words);
        if self.compiled.asks_time {
            facts.local = facts.now.and_then(|now| LocalTime::of(now, &self.set.time_zone));
        }
        let facts = &*facts;
        for (at, policy) in self.set.policies.iter().enumerate() {
            if !policy.is_at(facts.placement) {
                continue;
            }
            if let Some(rule) = &policy.contact {
                contact::activate(self, (at, policy, rule), facts, items, active);
                continue;
            }
            let validity = policy.is_valid_at(facts.now);
            if validity == Truth::False {
                continue;
            }
            match policy.kind {
                Kind::Pin => self.activate_pin(at as u16, policy, validity, facts, active),
                Kind::Include => self.activate_include(at, policy, validity, facts, active),
                _ => self.activate_clauses(at, policy, validity, facts, active),
            }
        }
    }

    fn activate_pin(
        &self,
        at: u16,
        policy: &Policy,
        validity: Truth,
        facts: &Facts<'_>,
        active: &mut Active,
    ) {
        if validity.min(when_of(policy, facts)) == Truth::True {
            active.pins.extend(self.pins.iter().position(|pin| pin.policy == at));
        }
    }

    /// An include that may be in force lets nothing in, but asks for an include all the same.
    fn activate_include(
        &self,
        at: usize,
        policy: &Policy,
        validity: Truth,
        facts: &Facts<'_>,
        active: &mut Active,
    ) {
        let truth = validity.min(when_of(policy, facts));
        if truth == Truth::False {
            return;
        }
        active.include_from.get_or_insert(at as u16);
        for clause in self.compiled.clauses_of[at].clone() {
            match truth {
                Truth::True => set_bit(&mut active.include, clause),
                _ => active.note_unknown(clause / 64, 1 << (clause % 64)),
            }
        }
    }

    fn activate_clauses(
        &self,
        at: usize,
        policy: &Policy,
        validity: Truth,
        facts: &Facts<'_>,
        active: &mut Active,
    ) {
        let sight = Sight { item: None, facts: Some(facts) };
        for clause_at in self.compiled.clauses_of[at].clone() {
            let clause = &self.compiled.clauses[clause_at];
            let truth = validity.min(all(&clause.request, &sight));
            if !acts(policy.kind, truth) {
                continue;
            }
            if truth == Truth::Unknown {
                active.note_unknown(clause_at / 64, 1 << (clause_at % 64));
            }
            if !clause.mixed.is_empty() {
                set_bit(&mut active.mixed, clause_at);
            }
            if !policy.kind.is_hard() {
                set_bit(&mut active.lever, clause_at);
                active.has_lever = true;
                continue;
            }
            set_bit(&mut active.hard, clause_at);
            if policy.kind == Kind::Hide {
                set_bit(&mut active.hide, clause_at);
                active.has_hide = true;
            }
        }
    }

    /// The policies as they stand for one request.
    pub fn in_force<'a>(
        &'a self,
        active: &'a Active,
        facts: &'a Facts<'a>,
        items: &'a dyn ItemTable,
    ) -> InForce<'a> {
        InForce { table: self, active, facts, items }
    }

    pub(crate) fn row(&self, item: u32) -> Option<&[AtomicU64]> {
        let first = (item as usize).checked_mul(self.n_words)?;
        self.rows.get(first..first + self.n_words)
    }

    pub(crate) fn pin(&self, at: usize) -> &Pin {
        &self.pins[at]
    }

    /// The clause of a policy that has one: of an include, a cap or a rest.
    pub(crate) fn clause_of(&self, policy: usize) -> usize {
        self.compiled.clauses_of[policy].start
    }

    /// Of a cap or a rest?
    pub(crate) fn is_contact(&self, clause: usize) -> bool {
        self.compiled.has_contact && self.kind_of(clause).is_contact()
    }

    pub(crate) fn policy_of(&self, clause: usize) -> u16 {
        self.compiled.policy_of[clause]
    }

    /// Which clauses of one word ask of the item what is not known.
    #[inline]
    pub(crate) fn unknown_of(&self, item: u32, word: usize) -> u64 {
        let at = (item as usize).checked_mul(self.n_words).map(|first| first + word);
        at.and_then(|at| self.unknown.get(at)).map_or(0, |word| word.load(Relaxed))
    }

    /// What the rest of a clause says, that neither the row nor the request could tell.
    pub(crate) fn rest_of(&self, clause: usize, sight: &Sight<'_>) -> Truth {
        all(&self.compiled.clauses[clause].mixed, sight)
    }

    /// Does a clause of which this is known act?
    #[inline]
    pub(crate) fn acts(&self, clause: usize, truth: Truth) -> bool {
        acts(self.kind_of(clause), truth)
    }

    /// Did a policy act in what `active` recorded?
    pub fn has_acted(&self, active: &Active, policy: u16) -> bool {
        let mut clauses = self.compiled.clauses_of[usize::from(policy)].clone();
        clauses.any(|clause| active.has_fired(clause))
    }

    /// Items that a policy is about, its term aside.
    pub(crate) fn reach(&self, policy: u16) -> Reach {
        let range = self.compiled.clauses_of[usize::from(policy)].clone();
        let is_unconditional = |&clause: &usize| {
            let clause = &self.compiled.clauses[clause];
            clause.request.is_empty() && clause.mixed.is_empty()
        };
        let unconditional: Vec<usize> = range.clone().filter(is_unconditional).collect();
        let n_items = self.rows.len().checked_div(self.n_words).unwrap_or(0) as u32;
        let has = |item: u32, clause: usize| {
            let word = self.rows[item as usize * self.n_words + clause / 64].load(Relaxed);
            word & (1 << (clause % 64)) != 0
        };
        let is_at_times = |&item: &u32| range.clone().any(|clause| has(item, clause));
        let is_unknown = |&item: &u32| {
            range.clone().any(|clause| self.unknown_of(item, clause / 64) & 1 << (clause % 64) != 0)
        };
        let is_always = |&item: &u32| unconditional.iter().any(|&clause| has(item, clause));
        Reach {
            at_times: (0..n_items).filter(is_at_times).collect(),
            always: (0..n_items).filter(is_always).collect(),
            n_unknown: (0..n_items).filter(is_unknown).count(),
        }
    }
}

/// Items that a policy is about.
pub(crate) struct Reach {
    /// Its item side holds for them (hard: may hold).
    pub(crate) at_times: Vec<u32>,
    /// It acts on them whatever the request is.
    pub(crate) always: Vec<u32>,
    /// Of so many its item side is not known.
    pub(crate) n_unknown: usize,
}

impl Compiled {
    fn of(set: &PolicySet) -> Compiled {
        let mut compiled = Compiled {
            clauses: Vec::new(),
            policy_of: Vec::new(),
            clauses_of: Vec::new(),
            has_contact: set.policies.iter().any(|policy| policy.contact.is_some()),
            asks_time: set.asks(Field::needs_time),
            asks_bought: set.asks(|field| *field == Field::CustomerBought),
            asks_holdings: set.asks(|field| *field == Field::CustomerHoldings),
            customer_attributes: set.customer_attributes(),
            anchor_attributes: set.anchor_attributes(),
        };
        for (at, policy) in set.policies.iter().enumerate() {
            let from = compiled.clauses.len();
            match policy.kind {
                Kind::Pin => {}
                Kind::Include | Kind::Cap | Kind::Rest => {
                    let items = policy.items.iter().cloned().collect();
                    compiled.clauses.push(Clause { items, ..Clause::default() });
                }
                _ => compiled.clauses.extend(clauses(&policy.condition())),
            }
            compiled.policy_of.resize(compiled.clauses.len(), at as u16);
            compiled.clauses_of.push(from..compiled.clauses.len());
        }
        compiled
    }
}

/// Hard policies act unless it is known that they should not; the others act when it is known that
/// they should. An include lets in what is known to be meant.
fn acts(kind: Kind, truth: Truth) -> bool {
    match kind {
        Kind::Include => truth == Truth::True,
        kind if kind.is_hard() => truth != Truth::False,
        _ => truth == Truth::True,
    }
}

fn all(parts: &[Predicate], sight: &Sight<'_>) -> Truth {
    let mut least = Truth::True;
    for part in parts {
        least = least.min(part.ask(sight));
        if least == Truth::False {
            break;
        }
    }
    least
}

pub(crate) fn set_bit(mask: &mut [u64], at: usize) {
    mask[at / 64] |= 1 << (at % 64);
}

#[cfg(test)]
mod tests;
