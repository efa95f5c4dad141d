//! Answers, kept: a decision is pure, so the same question in the same world needs to be decided
//! once. A product page is asked the same by every guest who opens it, and the cart in the corner
//! of a page by its customer on each page anew.
//!
//! **Invariant:** what is kept is what [`decide`] would answer. The key is the whole question, the
//! world is one (each world has its own memo), its catalog has not changed
//! ([`score::Catalog::version`]), nor what came of offers where that is asked, and nothing in it
//! depends on when or where it is asked, but for the day where a customer is known. Kept are
//! questions without policies, or with a file of policies that only describes placements: others
//! may ask for the time, and for what the key does not hold. What is drawn ([`crate::explore`]) is
//! drawn of what is kept, for each answer anew.
//! What is kept of a customer goes with [`Memo::forget`], or with the world.

use crate::decision::Decision;
use crate::request::{CartLine, Circumstances, ItemRef, OrderSince, Request};
use crate::slate::{Workspace, decide};
use events::time::DAY_US;
use hashbrown::{DefaultHashBuilder, HashTable};
use policy::PolicyTable;
use score::World;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

/// Decisions that a memo keeps unless it is told otherwise: 2 kB for four offers, and with what is
/// made of those that are asked for again, 7 to 14 kB.
pub const DEFAULT_CAPACITY: usize = 16_384;
/// Longer questions are rare, and asked once.
const MAX_KEY_BYTES: usize = 1_024;
const N_SHARDS: usize = 16;

/// A decision, with room for what its owner makes of it once it is asked for again.
#[derive(Debug)]
pub struct Known<T> {
    pub decision: Decision,
    made: OnceLock<T>,
}

impl<T> Known<T> {
    fn new(decision: Decision) -> Arc<Known<T>> {
        Arc::new(Known { decision, made: OnceLock::new() })
    }

    /// What `make` gives, made once. It may depend on the world and the decision alone.
    pub fn made(&self, make: impl FnOnce(&Decision) -> T) -> &T {
        self.made.get_or_init(|| make(&self.decision))
    }
}

/// Of the catalog, and of what came of offers where that moves the answer; 0 where not.
type Versions = (u64, u64);

fn versions_of(world: &World, request: &Request<'_>) -> Versions {
    let responses = if request.learns_from_outcomes() { world.responses.version() } else { 0 };
    (world.catalog.version(), responses)
}

#[derive(Debug)]
struct Kept<T> {
    key: Box<[u8]>,
    hash: u64,
    versions: Versions,
    known: Arc<Known<T>>,
}

/// What was asked lately, and what was asked before that. When the young are many they become the
/// old, and the old are forgotten: what is asked again and again stays, at no cost a question.
#[derive(Debug)]
struct Shard<T> {
    young: HashTable<Kept<T>>,
    old: HashTable<Kept<T>>,
}

impl<T> Shard<T> {
    fn find(&mut self, hash: u64, key: &[u8], versions: Versions) -> Option<Arc<Known<T>>> {
        let is_same = |kept: &Kept<T>| *kept.key == *key;
        if let Some(kept) = self.young.find(hash, is_same) {
            return (kept.versions == versions).then(|| kept.known.clone());
        }
        let entry = self.old.find_entry(hash, is_same).ok()?;
        let (kept, _) = entry.remove();
        let is_current = kept.versions == versions;
        let known = is_current.then(|| kept.known.clone())?;
        self.young.insert_unique(hash, kept, |kept| kept.hash);
        Some(known)
    }

    fn keep(&mut self, kept: Kept<T>, capacity: usize) {
        let hash = kept.hash;
        if let Ok(entry) = self.young.find_entry(hash, |other| other.key == kept.key) {
            entry.remove();
        }
        if self.young.len() >= capacity.div_ceil(2) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert_unique(hash, kept, |kept| kept.hash);
    }
}

/// Decisions of one world by their questions. Shared by all threads; a look takes one short lock
/// of sixteen.
#[derive(Debug)]
pub struct Memo<T> {
    shards: [Mutex<Shard<T>>; N_SHARDS],
    hasher: DefaultHashBuilder,
    capacity: usize,
    /// How often all was forgotten.
    n_forgotten: AtomicU64,
}

/// When a question was begun: what is forgotten from then on is not kept for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun(u64);

impl<T> Memo<T> {
    /// Keeps up to about `capacity` decisions; 0: none.
    pub fn new(capacity: usize) -> Memo<T> {
        let shard = || Shard { young: HashTable::new(), old: HashTable::new() };
        let shards = std::array::from_fn(|_| Mutex::new(shard()));
        let n_forgotten = AtomicU64::new(0);
        Memo { shards, hasher: DefaultHashBuilder::default(), capacity, n_forgotten }
    }

    /// Forgets all that is kept: some of it may be of a customer who was erased.
    pub fn forget(&self) {
        // First, so that what is being decided finds it changed or is dropped here.
        self.n_forgotten.fetch_add(1, SeqCst);
        for shard in &self.shards {
            *locked(shard) = Shard { young: HashTable::new(), old: HashTable::new() };
        }
    }

    /// Called before anything of a customer is read for a question.
    pub fn begin(&self) -> Begun {
        Begun(self.n_forgotten.load(SeqCst))
    }

    /// What [`decide`] answers, and whether it was known. `world` must always be the same one.
    /// Where all was forgotten since the question was begun, nothing is kept.
    pub fn decide(
        &self,
        world: &World,
        (begun, request): (Begun, &Request<'_>),
        workspace: &mut Workspace,
    ) -> (Arc<Known<T>>, bool) {
        let mut key = std::mem::take(&mut workspace.key);
        let found = self.decide_by(&mut key, world, (begun, request), workspace);
        workspace.key = key;
        found
    }

    fn decide_by(
        &self,
        key: &mut Vec<u8>,
        world: &World,
        (begun, request): (Begun, &Request<'_>),
        workspace: &mut Workspace,
    ) -> (Arc<Known<T>>, bool) {
        key.clear();
        if self.capacity == 0 || world.asks_circumstances() || !write_key(key, request) {
            return (Known::new(decide(world, request, workspace)), false);
        }
        // Before the decision: a change that comes in between makes it old at once.
        let versions = versions_of(world, request);
        let hash = self.hasher.hash_one(&**key);
        let shard = &self.shards[(hash >> 32) as usize % N_SHARDS];
        let fits = |known: &Known<T>| !known.decision.reads_session || request.session.is_empty();
        let found = locked(shard).find(hash, key, versions);
        if let Some(known) = found.filter(|known| fits(known)) {
            return (known, true);
        }
        let known = Known::new(decide(world, request, workspace));
        if fits(&known) {
            let key = key.as_slice().into();
            let kept = Kept { key, hash, versions, known: known.clone() };
            let mut shard = locked(shard);
            if self.begin() == begun {
                shard.keep(kept, self.capacity.div_ceil(N_SHARDS));
            }
        }
        (known, false)
    }
}

/// A copy begins empty: it is made with a copy of the world, which is then another one.
impl<T> Clone for Memo<T> {
    fn clone(&self) -> Memo<T> {
        Memo::new(self.capacity)
    }
}

/// A panic while it was held leaves at worst one decision less.
fn locked<T>(shard: &Mutex<Shard<T>>) -> MutexGuard<'_, Shard<T>> {
    shard.lock().unwrap_or_else(|poison| poison.into_inner())
}

/// The whole question but the session, which [`Decision::reads_session`] stands for. False: it is
/// not one to be kept.
fn write_key(key: &mut Vec<u8>, request: &Request<'_>) -> bool {
    // Whoever adds a field decides here what it means.
    let Request {
        placement,
        anchors,
        cart,
        session: _,
        customer,
        bought_since,
        orders_since,
        category,
        count,
        filter,
        resting,
        held,
        exclude,
        evidence_required,
        usual_new_share,
        policies,
        circumstances,
        is_incumbent,
        is_offered_anyway,
    } = request;
    // Without policies nobody asks where, nor for attributes and contacts.
    let Circumstances {
        now,
        channel: _,
        locale: _,
        location: _,
        stage: _,
        customer: known,
        contact: _,
        refuses_contact,
    } = circumstances;
    let asks_nothing = policies.is_none_or(|policies| policies.set().policies.is_empty());
    if known.is_some() || !asks_nothing || filter.is_some() {
        return false;
    }
    let is_guest = customer.is_none() && bought_since.is_empty() && orders_since.is_empty();
    let day = now.filter(|_| !is_guest).map_or(i64::MIN, |now| now.0.div_euclid(DAY_US));
    key.extend_from_slice(&day.to_le_bytes());
    key.extend_from_slice(&customer.unwrap_or(u32::MAX).to_le_bytes());
    key.push(u8::from(*refuses_contact));
    if !write_items(key, resting)
        || !write_items(key, held)
        || !write_past(key, bought_since, orders_since)
    {
        return false;
    }
    key.extend_from_slice(&policies.map_or(0, PolicyTable::version).to_le_bytes());
    key.push(*placement as u8);
    key.push(evidence_required.map_or(2, u8::from));
    key.extend_from_slice(&usual_new_share.map_or(u32::MAX, f32::to_bits).to_le_bytes());
    key.push(u8::from(*is_incumbent) | u8::from(*is_offered_anyway) << 1);
    key.extend_from_slice(&count.map_or(u64::MAX, |count| count as u64).to_le_bytes());
    write_text(key, *category);
    write_len(key, anchors.len());
    anchors.iter().for_each(|item| write_item(key, item));
    write_len(key, cart.len());
    for CartLine { item, quantity, unit_price } in *cart {
        write_item(key, item);
        key.extend_from_slice(&quantity.0.to_le_bytes());
        key.extend_from_slice(&unit_price.map_or(i64::MIN, |price| price.0).to_le_bytes());
        if MAX_KEY_BYTES < key.len() {
            return false;
        }
    }
    write_items(key, exclude)
}

/// What was bought since the snapshot.
fn write_past(key: &mut Vec<u8>, bought_since: &[u32], orders_since: &[OrderSince]) -> bool {
    if !write_items(key, bought_since) {
        return false;
    }
    write_len(key, orders_since.len());
    orders_since.iter().all(|order| {
        key.extend_from_slice(&order.at.0.to_le_bytes());
        write_items(key, &order.items)
    })
}

/// False where they are too many.
fn write_items(key: &mut Vec<u8>, items: &[u32]) -> bool {
    if MAX_KEY_BYTES < key.len() + size_of_val(items) {
        return false;
    }
    write_len(key, items.len());
    items.iter().for_each(|item| key.extend_from_slice(&item.to_le_bytes()));
    true
}

fn write_len(key: &mut Vec<u8>, len: usize) {
    key.extend_from_slice(&(len as u64).to_le_bytes());
}

fn write_text(key: &mut Vec<u8>, text: Option<&str>) {
    let Some(text) = text else { return write_len(key, usize::MAX) };
    write_len(key, text.len());
    key.extend_from_slice(text.as_bytes());
}

fn write_item(key: &mut Vec<u8>, item: &ItemRef<'_>) {
    match item {
        ItemRef::Known(item) => {
            key.push(0);
            key.extend_from_slice(&item.to_le_bytes());
        }
        ItemRef::Unknown { item_id } => {
            key.push(1);
            write_text(key, Some(item_id));
        }
    }
}

#[cfg(test)]
mod tests;
