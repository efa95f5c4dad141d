//! Contact policy: how often something is shown to one customer, and how long something rests.
//!
//! A `cap` counts what was shown in the time before now, a `rest` looks whether something was
//! dismissed or bought in it. Both count by groups: each item, each category, or all that the
//! policy means.
//!
//! ```text
//! n(group) = Σ over the customer's contacts with  now − within < at,  that the policy means
//! closed   = at_most <= n(group)            a rest: at_most = 1
//! opens    = when so many have fallen out of the time that n(group) < at_most
//! ```
//!
//! **Invariant:** what is not known counts: a contact whose placement, channel or relation nobody
//! told is taken for one that is meant; where contacts are lost or not yet read, the policy closes.

use crate::active::Active;
use crate::facts::{Facts, ItemTable};
use crate::in_force::InForce;
use crate::set::{Policy, RELATIONS};
use crate::table::{PolicyTable, set_bit, when_of};
use crate::truth::Truth;
use events::Timestamp;
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

const DAY_US: i64 = events::time::DAY_US;
/// Days that a dismissed item rests, unless a file says otherwise.
pub const DISMISSED_REST_DAYS: u32 = 30;
/// Longer is no window but a ban: there is `exclude` for that.
pub(crate) const MAX_WINDOW_DAYS: i64 = 400;
/// A slate has no more offers than this, so a cap with more left binds none.
const MAX_SLATE: u32 = 100;
/// The group of all that a policy means.
const ALL: u32 = u32::MAX;

/// What happened between a customer and an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContactKind {
    /// It stood in an answer.
    Offered,
    /// A page said that it was seen.
    Seen,
    Dismissed,
    Bought,
}

/// One contact, or several of one kind with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    pub item: u32,
    pub kind: ContactKind,
    /// Of the latest.
    pub at: Timestamp,
    pub n: u32,
    /// Place in [`crate::PLACEMENTS`]; `None`: nobody told.
    pub placement: Option<u8>,
    /// Place in [`RELATIONS`].
    pub relation: Option<u8>,
    pub channel: Option<ChannelCode>,
}

/// A channel, known by a hash of its name: two may share one, and then count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelCode(pub u16);

impl ChannelCode {
    /// FNV-1a (Fowler, Noll, Vo 1991) of the name, folded.
    pub fn of(name: &str) -> ChannelCode {
        let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        let hash = name.bytes().fold(0x811c_9dc5, step);
        ChannelCode((hash ^ (hash >> 16)) as u16)
    }
}

/// What is known of whoever asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct ContactFacts<'a> {
    /// In any order.
    pub entries: &'a [Contact],
    /// What was before may be missing; `None`: nothing is.
    pub known_since: Option<Timestamp>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    Offered,
    Seen,
    Dismissed,
    Bought,
}

impl Counted {
    fn kind(self) -> ContactKind {
        match self {
            Counted::Offered => ContactKind::Offered,
            Counted::Seen => ContactKind::Seen,
            Counted::Dismissed => ContactKind::Dismissed,
            Counted::Bought => ContactKind::Bought,
        }
    }

    /// Of a cap, rather than of a rest.
    pub fn is_shown(self) -> bool {
        matches!(self, Counted::Offered | Counted::Seen)
    }
}

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    Item,
    /// As it is written, level by level the same.
    Category,
    All,
}

/// What a `cap` or a `rest` says beside what any policy does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactRule {
    pub counted: Counted,
    pub at_most: u32,
    pub window_us: i64,
    pub per: Per,
    /// One bit a relation.
    pub relations: Option<u8>,
    /// Empty: all.
    pub channels: Vec<ChannelCode>,
}

impl ContactRule {
    fn means_relation(&self, relation: Option<u8>) -> bool {
        let told = self.relations.zip(relation);
        told.is_none_or(|(wanted, relation)| wanted & (1 << relation) != 0)
    }

    fn means_channel(&self, channel: Option<ChannelCode>) -> bool {
        self.channels.is_empty() || channel.is_none_or(|channel| self.channels.contains(&channel))
    }

    /// Is it met by more than a single look at one item?
    fn asks_slate(&self) -> bool {
        self.counted.is_shown() && (self.relations.is_some() || self.per != Per::Item)
    }
}

/// Reads `7 days`, `24 hours`, `30 minutes`; `None`: it is no length of time.
pub(crate) fn window_us(text: &str) -> Option<i64> {
    let (n, unit) = text.trim().split_once(' ')?;
    let unit_us = match unit.trim().trim_end_matches('s') {
        "minute" => 60_000_000,
        "hour" => 3_600_000_000,
        "day" => DAY_US,
        "week" => 7 * DAY_US,
        _ => return None,
    };
    let n: i64 = n.parse().ok().filter(|n| 0 < *n)?;
    n.checked_mul(unit_us).filter(|us| *us <= MAX_WINDOW_DAYS * DAY_US)
}

/// The same as a person reads it.
pub fn window_text(window_us: i64) -> String {
    let units = [(7 * DAY_US, "week"), (DAY_US, "day"), (3_600_000_000, "hour")];
    let (unit_us, name) =
        units.into_iter().find(|(us, _)| window_us % us == 0).unwrap_or((60_000_000, "minute"));
    let n = window_us / unit_us;
    format!("{n} {name}{}", if n == 1 { "" } else { "s" })
}

/// One group of one policy in force.
#[derive(Clone, Copy, Debug)]
struct Group {
    /// An item of it.
    item: u32,
    n: u32,
    /// When a closed one opens.
    opens_at: Timestamp,
}

#[derive(Clone, Debug)]
struct InForceRule {
    policy: u16,
    clause: usize,
    /// Contacts are missing: all that it means is closed.
    is_unknown: bool,
    groups: Range<usize>,
}

/// The contact policies of one request. Reused from request to request.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContactState {
    rules: Vec<InForceRule>,
    groups: Vec<Group>,
    found: Vec<(u32, i64, u32)>,
    asks_slate: bool,
}

impl ContactState {
    pub(crate) fn reset(&mut self) {
        self.rules.clear();
        self.groups.clear();
        self.asks_slate = false;
    }

    fn rule(&self, clause: usize) -> Option<&InForceRule> {
        self.rules.iter().find(|rule| rule.clause == clause)
    }
}

/// Why an item is closed by a contact policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContactStop {
    /// Contacts that count, of `at_most`.
    pub n: u32,
    pub at_most: u32,
    pub window_us: i64,
    /// `None`: not known.
    pub opens_at: Option<Timestamp>,
    /// It closed because contacts are not known, whatever `n` is.
    pub is_unknown: bool,
}

/// Settles a contact policy for one request.
pub(crate) fn activate(
    table: &PolicyTable,
    (at, policy, rule): (usize, &Policy, &ContactRule),
    facts: &Facts<'_>,
    items: &dyn ItemTable,
    active: &mut Active,
) {
    let truth = policy.is_valid_at(facts.now).min(when_of(policy, facts));
    if truth == Truth::False || !rule.means_channel(facts.channel.map(ChannelCode::of)) {
        return;
    }
    let clause = table.clause_of(at);
    let mut state = std::mem::take(&mut active.contact);
    let counted = facts.contact.as_ref().zip(facts.now).and_then(|(contact, now)| {
        let since = now.0.saturating_sub(rule.window_us);
        contact.known_since.is_none_or(|known| known.0 <= since).then_some((contact, since))
    });
    let first = state.groups.len();
    if let Some((contact, since)) = counted {
        collect(table, (clause, policy, rule), (contact.entries, since), items, &mut state);
    }
    let (is_unknown, groups) = (counted.is_none(), first..state.groups.len());
    let is_closed = |group: &Group| rule.at_most <= group.n;
    if is_unknown {
        active.note_unknown(clause / 64, 1 << (clause % 64));
    }
    // What hangs on the relation is asked when an offer is made.
    if rule.relations.is_none()
        && (is_unknown || state.groups[groups.clone()].iter().any(is_closed))
    {
        set_bit(&mut active.hard, clause);
        if !is_unknown && rule.per != Per::All {
            set_bit(&mut active.mixed, clause);
        }
    }
    state.asks_slate |= rule.asks_slate();
    state.rules.push(InForceRule { policy: at as u16, clause, is_unknown, groups });
    active.contact = state;
}

/// Counts by groups.
fn collect(
    table: &PolicyTable,
    (clause, policy, rule): (usize, &Policy, &ContactRule),
    (entries, since): (&[Contact], i64),
    items: &dyn ItemTable,
    state: &mut ContactState,
) {
    state.found.clear();
    for contact in entries {
        let is_meant = contact.kind == rule.counted.kind()
            && since < contact.at.0
            && (!rule.counted.is_shown()
                || contact.placement.is_none_or(|at| policy.is_at(at.into())))
            && rule.means_channel(contact.channel)
            && rule.means_relation(contact.relation)
            && table.clause_means(clause, contact.item);
        if !is_meant {
            continue;
        }
        let group = match rule.per {
            Per::All => ALL,
            Per::Item => contact.item,
            Per::Category => {
                let same = |&&(group, ..): &&(u32, i64, u32)| {
                    items.category(group) == items.category(contact.item)
                };
                state.found.iter().find(same).map_or(contact.item, |&(group, ..)| group)
            }
        };
        state.found.push((group, contact.at.0, contact.n));
    }
    // The latest of each group first.
    state.found.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    for of_group in state.found.chunk_by(|a, b| a.0 == b.0) {
        let mut group = Group { item: of_group[0].0, n: 0, opens_at: Timestamp(i64::MIN) };
        for &(_, at, n) in of_group {
            let was_open = group.n < rule.at_most;
            group.n = group.n.saturating_add(n);
            if was_open && rule.at_most <= group.n {
                group.opens_at = Timestamp(at.saturating_add(rule.window_us));
            }
        }
        state.groups.push(group);
    }
}

impl InForce<'_> {
    /// The group of an item, as far as something was counted in it.
    fn group_of(&self, rule: &InForceRule, per: Per, item: u32) -> Option<&Group> {
        let groups = &self.active.contact.groups[rule.groups.clone()];
        match per {
            Per::All => groups.first(),
            Per::Item => {
                let at = groups.binary_search_by_key(&item, |group| group.item).ok()?;
                Some(&groups[at])
            }
            Per::Category => {
                let category = self.items.category(item);
                groups.iter().find(|group| self.items.category(group.item) == category)
            }
        }
    }

    fn is_same_group(&self, per: Per, one: u32, other: u32) -> bool {
        match per {
            Per::All => true,
            Per::Item => one == other,
            Per::Category => self.items.category(one) == self.items.category(other),
        }
    }

    /// Does the clause of a contact policy, which means the item, close it?
    pub(crate) fn is_closed(&self, clause: usize, item: u32) -> bool {
        let Some(rule) = self.active.contact.rule(clause) else { return true };
        let Some(told) = &self.table.policy(rule.policy).contact else { return true };
        let group = self.group_of(rule, told.per, item);
        rule.is_unknown || group.is_some_and(|group| told.at_most <= group.n)
    }

    /// Must offers be counted while a slate is made?
    pub fn counts_offers(&self) -> bool {
        self.active.contact.asks_slate
    }

    /// The contact policy that has no room for one more offer beside those `taken` (items with the
    /// places of their relations in [`RELATIONS`]).
    pub fn crowded_by(&self, item: u32, relation: usize, taken: &[(u32, usize)]) -> Option<u16> {
        debug_assert!(relation < RELATIONS.len());
        let mut rules = self.active.contact.rules.iter();
        let found = rules.find(|rule| {
            let Some(told) = &self.table.policy(rule.policy).contact else { return false };
            let means = |item: u32, relation: usize| {
                told.means_relation(Some(relation as u8))
                    && self.table.clause_means(rule.clause, item)
            };
            if !told.asks_slate() || !means(item, relation) {
                return false;
            }
            let before = self.group_of(rule, told.per, item).map_or(0, |group| group.n);
            let left = told.at_most.saturating_sub(before);
            let in_slate = taken.iter().filter(|&&(other, relation)| {
                means(other, relation) && self.is_same_group(told.per, other, item)
            });
            rule.is_unknown || (left < MAX_SLATE && left as usize <= in_slate.count())
        });
        found.map(|rule| rule.policy)
    }

    /// What a contact policy counted for an item; `None`: it is none, or not in force.
    pub fn contact_stop(&self, policy: u16, item: u32) -> Option<ContactStop> {
        let rule = self.active.contact.rules.iter().find(|rule| rule.policy == policy)?;
        let told = self.table.policy(policy).contact.as_ref()?;
        let group = self.group_of(rule, told.per, item);
        let is_closed = group.is_some_and(|group| told.at_most <= group.n);
        Some(ContactStop {
            n: group.map_or(0, |group| group.n),
            at_most: told.at_most,
            window_us: told.window_us,
            opens_at: group.filter(|_| is_closed && !rule.is_unknown).map(|group| group.opens_at),
            is_unknown: rule.is_unknown,
        })
    }
}

impl PolicyTable {
    /// May a clause that asks of items alone mean the item?
    #[inline]
    pub(crate) fn clause_means(&self, clause: usize, item: u32) -> bool {
        let word = self.row(item).and_then(|row| row.get(clause / 64));
        word.is_none_or(|word| word.load(Relaxed) & (1 << (clause % 64)) != 0)
    }

    /// The longest time that a contact policy looks back, over those that count what `is_meant`.
    pub fn contact_window_us(&self, is_meant: impl Fn(Counted) -> bool) -> Option<i64> {
        self.set().contact_window_us(is_meant)
    }
}

#[cfg(test)]
mod tests;
