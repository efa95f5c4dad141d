//! What each customer was shown, dismissed and bought, as contact policies count it.
//!
//! In memory, 16 bytes a contact, rebuilt from the logs at the start. Who it is stands here as the
//! keyed hash of the customer or the visit. An entry that finds no room makes two older ones of its
//! kind to one that counts for both, at the time of the later; where that is not enough, the oldest
//! go, and it is known until when something is missing.

use super::{DAY_US, LapsingMap};
use events::Timestamp;
use hashbrown::HashMap;
use measure::assignment::{Unit, UnitId};
use policy::contact::ChannelCode;
use policy::{Contact, ContactKind, PolicySet};
use score::World;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// Contacts of one customer, and of one visit of a guest.
const MAX_OF_CUSTOMER: usize = 2_048;
const MAX_OF_SESSION: usize = 512;
/// A guest's visit is kept for half of it at least.
const SESSION_TTL_US: i64 = 60 * DAY_US;
/// Of nobody.
const UNTOLD: u8 = 15;
const MAX_JOINED: u8 = 31;
/// What was told as seen and is told to be in view so long after is the same sight: who looks at a
/// page for longer is as good as gone (30 minutes, the usual end of a visit).
const SIGHT_US: i64 = DAY_US / 48;

/// How far back something is asked for, in microseconds; 0: not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Windows {
    pub(crate) shown: i64,
    pub(crate) dismissed: i64,
    pub(crate) bought: i64,
}

impl Windows {
    fn covers(self, other: Windows) -> bool {
        other.shown <= self.shown
            && other.dismissed <= self.dismissed
            && other.bought <= self.bought
    }

    pub(crate) fn or(self, other: Windows) -> Windows {
        Windows {
            shown: self.shown.max(other.shown),
            dismissed: self.dismissed.max(other.dismissed),
            bought: self.bought.max(other.bought),
        }
    }

    fn longest(self) -> i64 {
        self.shown.max(self.dismissed).max(self.bought)
    }
}

/// Whose contacts they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Person {
    pub(crate) unit: UnitId,
    pub(crate) is_customer: bool,
}

/// One contact with an item that is named beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) kind: ContactKind,
    pub(crate) at: Timestamp,
    pub(crate) placement: Option<u8>,
    pub(crate) relation: Option<u8>,
    pub(crate) channel: Option<ChannelCode>,
    /// A page tells that it was in view, of what it may have told before as an impression.
    pub(crate) is_view: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    at_us: i64,
    item: u32,
    channel: u16,
    /// Placement and relation, four bits each.
    place: u8,
    /// Kind (two bits), is there a channel (one), how many (five).
    what: u8,
}

const KINDS: [ContactKind; 4] =
    [ContactKind::Offered, ContactKind::Seen, ContactKind::Dismissed, ContactKind::Bought];

impl Entry {
    fn of(item: u32, told: Told) -> Entry {
        let part = |part: Option<u8>| part.filter(|part| *part < UNTOLD).unwrap_or(UNTOLD);
        let has_channel = u8::from(told.channel.is_some());
        Entry {
            at_us: told.at.0,
            item,
            channel: told.channel.map_or(0, |channel| channel.0),
            place: part(told.placement) << 4 | part(told.relation),
            what: told.kind as u8 | has_channel << 2 | 1 << 3,
        }
    }

    fn n(self) -> u8 {
        self.what >> 3
    }

    fn kind(self) -> ContactKind {
        KINDS[usize::from(self.what & 3)]
    }

    /// All but time and number.
    fn key(self) -> (u32, u8, u8, u16) {
        (self.item, self.what & 7, self.place, self.channel)
    }

    fn told(self) -> Told {
        let part = |part: u8| (part != UNTOLD).then_some(part);
        Told {
            kind: self.kind(),
            at: Timestamp(self.at_us),
            placement: part(self.place >> 4),
            relation: part(self.place & 15),
            channel: (self.what & 4 != 0).then_some(ChannelCode(self.channel)),
            is_view: false,
        }
    }
}

/// The contacts of one person.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    entries: Vec<Entry>,
    /// Of the latest that is missing.
    dropped_until: Option<i64>,
}

impl Memory {
    fn add(&mut self, entry: Entry, max: usize, since_us: i64) {
        if max <= self.entries.len() {
            self.entries.retain(|entry| since_us <= entry.at_us);
        }
        if max <= self.entries.len() {
            self.join();
        }
        if max <= self.entries.len() {
            self.entries.sort_by_key(|entry| entry.at_us);
            let gone = self.entries.drain(..max / 4);
            self.dropped_until = self.dropped_until.max(gone.map(|entry| entry.at_us).max());
        }
        self.entries.push(entry);
    }

    /// Makes two of a kind to one.
    fn join(&mut self) {
        self.entries.sort_by_key(|entry| (entry.key(), entry.at_us));
        let mut joined: Vec<Entry> = Vec::with_capacity(self.entries.len());
        let mut is_pair = false;
        for &entry in &self.entries {
            match joined.last_mut() {
                Some(last)
                    if !is_pair
                        && last.key() == entry.key()
                        && last.n() + entry.n() <= MAX_JOINED =>
                {
                    last.at_us = entry.at_us;
                    last.what += entry.n() << 3;
                    is_pair = true;
                }
                _ => {
                    joined.push(entry);
                    is_pair = false;
                }
            }
        }
        self.entries = joined;
    }

    /// It was told as seen already: an impression, and then that it was in view, is one sight.
    fn has_sight(&self, item: u32, at_us: i64) -> bool {
        let is_it = |entry: &Entry| entry.item == item && entry.kind() == ContactKind::Seen;
        let is_near = |entry: &Entry| (0..=SIGHT_US).contains(&(at_us - entry.at_us));
        self.entries.iter().any(|entry| is_it(entry) && is_near(entry))
    }

    /// What was seen stood where it was offered last.
    fn place_of(&self, item: u32) -> Option<Told> {
        let offers = self
            .entries
            .iter()
            .filter(|entry| entry.item == item && entry.kind() == ContactKind::Offered);
        offers.max_by_key(|entry| entry.at_us).map(|entry| entry.told())
    }
}

/// Ids of items, each once.
#[derive(Debug, Default)]
struct Names {
    ids: Vec<Box<str>>,
    by_id: HashMap<Box<str>, u32>,
}

/// What is known of whoever asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownContacts {
    pub(crate) entries: Vec<Contact>,
    pub(crate) known_since: Option<Timestamp>,
}

/// All contacts.
#[derive(Debug)]
pub(crate) struct Contacts {
    unit_key: u64,
    names: RwLock<Names>,
    customers: RwLock<HashMap<u64, Memory>>,
    sessions: LapsingMap<Memory>,
    has_any: AtomicBool,
    /// What is kept from now on: shown, dismissed, bought.
    kept: [AtomicI64; 3],
    /// What was read back as well.
    loaded: [AtomicI64; 3],
    /// Held while they are read back.
    pub(crate) reading: tokio::sync::Mutex<()>,
}

impl Contacts {
    pub(crate) fn new(unit_key: u64, max_sessions: usize) -> Contacts {
        let contacts = Contacts {
            unit_key,
            names: RwLock::default(),
            customers: RwLock::default(),
            sessions: LapsingMap::new(max_sessions, SESSION_TTL_US),
            has_any: AtomicBool::new(false),
            kept: Default::default(),
            loaded: Default::default(),
            reading: tokio::sync::Mutex::default(),
        };
        // Dismissals count without any policy.
        let dismissed = PolicySet::default().dismissed_rest_us();
        contacts.keep(Windows { dismissed, ..Windows::default() });
        contacts
    }

    pub(crate) fn customer(&self, customer_id: &str) -> Person {
        Person { unit: Unit::Customer(customer_id).id(self.unit_key), is_customer: true }
    }

    pub(crate) fn session(&self, session_id: &str) -> Person {
        Person { unit: Unit::Session(session_id).id(self.unit_key), is_customer: false }
    }

    /// Keeps from now on what is asked for; it counts as known once it was read back.
    pub(crate) fn keep(&self, windows: Windows) {
        let all = [windows.shown, windows.dismissed, windows.bought];
        for (kept, window) in self.kept.iter().zip(all) {
            kept.fetch_max(window, Ordering::AcqRel);
        }
    }

    pub(crate) fn kept(&self) -> Windows {
        windows_of(&self.kept)
    }

    pub(crate) fn set_loaded(&self, windows: Windows) {
        let all = [windows.shown, windows.dismissed, windows.bought];
        for (loaded, window) in self.loaded.iter().zip(all) {
            loaded.store(window, Ordering::Release);
        }
    }

    /// Purchases came that nobody told us of.
    pub(crate) fn forget_loaded_purchases(&self) {
        self.loaded[2].store(0, Ordering::Release);
    }

    pub(crate) fn covers(&self, asked: Windows) -> bool {
        windows_of(&self.loaded).covers(asked)
    }

    /// Notes a contact, of a kind that is kept.
    pub(crate) fn note(&self, person: Person, item_id: &str, mut told: Told, now: Timestamp) {
        let kept = self.kept();
        let is_kept = match told.kind {
            ContactKind::Offered | ContactKind::Seen => kept.shown,
            ContactKind::Dismissed => kept.dismissed,
            ContactKind::Bought => kept.bought,
        };
        if is_kept == 0 {
            return;
        }
        told.at = told.at.min(now);
        let item = self.number_of(item_id);
        let since_us = now.0.saturating_sub(kept.longest());
        self.edit(person, told.at, |memory, max| {
            if told.is_view && memory.has_sight(item, told.at.0) {
                return;
            }
            if let (ContactKind::Seen, Some(place)) = (told.kind, memory.place_of(item)) {
                told = Told { kind: told.kind, at: told.at, ..place };
            }
            memory.add(Entry::of(item, told), max, since_us);
        });
        self.has_any.store(true, Ordering::Release);
    }

    /// The same for what was read back from the logs, and may have been noted already.
    pub(crate) fn take_back(&self, person: Person, item_id: &str, told: Told, since: Timestamp) {
        let entry = Entry::of(self.number_of(item_id), told);
        self.edit(person, told.at, |memory, max| {
            let is_sight = told.is_view && memory.has_sight(entry.item, told.at.0);
            if !is_sight && !memory.entries.contains(&entry) {
                memory.add(entry, max, since.0);
            }
        });
        self.has_any.store(true, Ordering::Release);
    }

    fn edit(&self, person: Person, at: Timestamp, edit: impl FnOnce(&mut Memory, usize)) {
        if person.is_customer {
            let mut customers = self.customers.write().unwrap_or_else(|p| p.into_inner());
            edit(customers.entry(person.unit.0).or_default(), MAX_OF_CUSTOMER);
        } else {
            let key = format!("{:016x}", person.unit.0);
            self.sessions.update(&key, at, |memory| edit(memory, MAX_OF_SESSION));
        }
    }

    /// Adds what is known of a person before a moment.
    pub(crate) fn read(
        &self,
        person: Person,
        world: &World,
        until: Timestamp,
        known: &mut KnownContacts,
    ) {
        if !self.has_any.load(Ordering::Acquire) {
            return;
        }
        let names = self.names.read().unwrap_or_else(|p| p.into_inner());
        let mut look = |memory: &Memory| {
            known.known_since = known.known_since.max(memory.dropped_until.map(Timestamp));
            known.entries.extend(memory.entries.iter().filter_map(|entry| {
                let item = world.item_idx(names.ids.get(entry.item as usize)?)?;
                let Told { kind, at, placement, relation, channel, .. } = entry.told();
                let n = entry.n().into();
                let contact = Contact { item, kind, at, n, placement, relation, channel };
                (at < until).then_some(contact)
            }));
        };
        if person.is_customer {
            let customers = self.customers.read().unwrap_or_else(|p| p.into_inner());
            if let Some(memory) = customers.get(&person.unit.0) {
                look(memory);
            }
        } else {
            let key = format!("{:016x}", person.unit.0);
            self.sessions.read(&key, until, look);
        }
    }

    pub(crate) fn forget_customers(&self, customer_ids: &[Box<str>]) {
        let mut customers = self.customers.write().unwrap_or_else(|p| p.into_inner());
        for customer_id in customer_ids {
            customers.remove(&self.customer(customer_id).unit.0);
        }
    }

    fn number_of(&self, item_id: &str) -> u32 {
        let known =
            self.names.read().unwrap_or_else(|p| p.into_inner()).by_id.get(item_id).copied();
        if let Some(number) = known {
            return number;
        }
        let mut names = self.names.write().unwrap_or_else(|p| p.into_inner());
        let next = names.ids.len() as u32;
        let number = *names.by_id.entry(item_id.into()).or_insert(next);
        if number == next {
            names.ids.push(item_id.into());
        }
        number
    }
}

fn windows_of(atomics: &[AtomicI64; 3]) -> Windows {
    let [shown, dismissed, bought] = [0, 1, 2].map(|at| atomics[at].load(Ordering::Acquire));
    Windows { shown, dismissed, bought }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: ContactKind, at: i64) -> Told {
        Told {
            kind,
            at: Timestamp(at),
            placement: Some(6),
            relation: Some(1),
            channel: Some(ChannelCode::of("push")),
            is_view: false,
        }
    }

    #[test]
    fn an_entry_is_small_and_tells_all() {
        assert_eq!(size_of::<Entry>(), 16);
        for kind in KINDS {
            let whole = told(kind, 77);
            assert_eq!(Entry::of(3, whole).told(), whole);
            let bare = Told { placement: None, relation: None, channel: None, ..whole };
            assert_eq!((Entry::of(3, bare).told(), Entry::of(3, bare).n()), (bare, 1));
        }
    }

    #[test]
    fn what_finds_no_room_is_joined_and_never_counts_less() {
        let mut memory = Memory::default();
        let mut at = 0;
        // Six items by turns: two hundred of each find room in a hundred entries.
        for turn in 0..1_200 {
            at = turn;
            let entry = Entry::of((turn % 6) as u32, told(ContactKind::Offered, turn));
            memory.add(entry, 100, 0);
            assert!(memory.entries.len() <= 100);
        }
        let of_item = |item: u32| -> u32 {
            let own = memory.entries.iter().filter(|entry| entry.item == item);
            own.map(|entry| u32::from(entry.n())).sum()
        };
        assert_eq!((of_item(0), of_item(5)), (200, 200));
        // A window never counts less than what happened in it.
        let happened = |since: i64| (since + 1..=at).filter(|turn| turn % 6 == 2).count() as u32;
        for since in (0..1_200).step_by(37) {
            let counted = memory.entries.iter().filter(|e| e.item == 2 && since < e.at_us);
            let counted: u32 = counted.map(|entry| u32::from(entry.n())).sum();
            assert!(happened(since) <= counted, "{since}: {} {counted}", happened(since));
        }
        assert_eq!(memory.dropped_until, None);
    }

    #[test]
    fn what_is_dropped_is_known_to_be_missing() {
        let mut memory = Memory::default();
        for item in 0..101 {
            memory.add(Entry::of(item, told(ContactKind::Offered, item.into())), 100, 0);
        }
        assert_eq!((memory.entries.len(), memory.dropped_until), (76, Some(24)));
        // What nobody asks for any more goes first, and is not missed.
        let mut memory = Memory::default();
        for item in 0..101 {
            memory.add(Entry::of(item, told(ContactKind::Offered, item.into())), 100, 50);
        }
        assert_eq!((memory.entries.len(), memory.dropped_until), (51, None));
    }

    #[test]
    fn what_was_seen_stood_where_it_was_offered() {
        let contacts = Contacts::new(1, 1_000);
        contacts.keep(Windows { shown: 1_000, ..Windows::default() });
        let (anna, now) = (contacts.customer("anna"), Timestamp(500));
        contacts.note(anna, "A", told(ContactKind::Offered, 10), now);
        let seen = Told {
            kind: ContactKind::Seen,
            at: Timestamp(20),
            placement: None,
            relation: None,
            channel: None,
            is_view: false,
        };
        contacts.note(anna, "A", seen, now);
        // Ten minutes on it was in view: the same sight; an hour on it is another.
        let view = |at| Told { at: Timestamp(at), is_view: true, ..seen };
        contacts.note(anna, "A", view(400), now);
        contacts.note(anna, "B", seen, now);
        contacts.note(anna, "B", told(ContactKind::Bought, 30), now);
        let customers = contacts.customers.read().unwrap();
        let told_of: Vec<Told> = customers[&anna.unit.0].entries.iter().map(|e| e.told()).collect();
        let placed = Told { kind: ContactKind::Seen, ..told(ContactKind::Offered, 20) };
        assert_eq!(
            told_of,
            [told(ContactKind::Offered, 10), placed, seen],
            "nobody asks what was bought"
        );
    }
}
