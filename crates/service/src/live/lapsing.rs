//! A bounded map whose entries lapse.
//!
//! Each shard holds two generations. When the young one is full or half a lifetime old, it becomes
//! the old one and the former old one is dropped whole: constant time, and memory is bounded by
//! twice the size of a generation whatever clients send. An entry that is used moves back to the
//! young generation.

use crate::clock::elapsed_us;
use events::Timestamp;
use hashbrown::HashMap;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard};

const N_SHARDS: usize = 64;

/// Keys are texts of clients, so the hash is seeded at random: nobody can aim at one bucket.
type Generation<V> = HashMap<Box<str>, Entry<V>>;

#[derive(Debug)]
struct Entry<V> {
    used_at: Timestamp,
    value: V,
}

#[derive(Debug)]
struct Shard<V> {
    young: Generation<V>,
    old: Generation<V>,
    turned_at: Timestamp,
}

#[derive(Debug)]
pub(crate) struct LapsingMap<V> {
    shards: Box<[Mutex<Shard<V>>]>,
    hasher: hashbrown::DefaultHashBuilder,
    max_young: usize,
    ttl_us: i64,
}

impl<V: Default> LapsingMap<V> {
    /// About `max_entries` are kept, each for at least half of and at most `ttl_us` after its last
    /// use.
    pub(crate) fn new(max_entries: usize, ttl_us: i64) -> LapsingMap<V> {
        let shard =
            || Shard { young: HashMap::new(), old: HashMap::new(), turned_at: Timestamp(i64::MIN) };
        LapsingMap {
            shards: (0..N_SHARDS).map(|_| Mutex::new(shard())).collect(),
            hasher: hashbrown::DefaultHashBuilder::default(),
            max_young: (max_entries / N_SHARDS / 2).max(1),
            ttl_us,
        }
    }

    /// Changes the entry of a key, a new one when there is none.
    pub(crate) fn update<R>(&self, key: &str, now: Timestamp, edit: impl FnOnce(&mut V) -> R) -> R {
        let mut shard = self.shard(key);
        let shard = &mut *shard;
        if self.max_young <= shard.young.len()
            || self.ttl_us / 2 <= elapsed_us(shard.turned_at, now)
        {
            shard.old = std::mem::take(&mut shard.young);
            shard.turned_at = now;
        }
        let kept = shard.old.remove(key).filter(|entry| self.holds(entry, now));
        let entry = match shard.young.get_mut(key) {
            Some(entry) => {
                if !self.holds(entry, now) {
                    entry.value = V::default();
                }
                entry
            }
            None => {
                let value = kept.map_or_else(V::default, |entry| entry.value);
                shard.young.entry(key.into()).or_insert(Entry { used_at: now, value })
            }
        };
        // A clock that goes back makes nothing older than it was.
        entry.used_at = entry.used_at.max(now);
        edit(&mut entry.value)
    }

    /// Reads the entry of a key; reading alone does not keep it alive.
    pub(crate) fn read<R>(
        &self,
        key: &str,
        now: Timestamp,
        look: impl FnOnce(&V) -> R,
    ) -> Option<R> {
        let shard = self.shard(key);
        let entry = shard.young.get(key).or_else(|| shard.old.get(key))?;
        self.holds(entry, now).then(|| look(&entry.value))
    }

    /// Changes all entries, one shard after the other.
    pub(crate) fn each_mut(&self, mut edit: impl FnMut(&mut V)) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            let Shard { young, old, .. } = &mut *shard;
            young.values_mut().chain(old.values_mut()).for_each(|entry| edit(&mut entry.value));
        }
    }

    /// An upper bound: some may have lapsed already.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(lock).map(|shard| shard.young.len() + shard.old.len()).sum()
    }

    fn holds(&self, entry: &Entry<V>, now: Timestamp) -> bool {
        elapsed_us(entry.used_at, now) < self.ttl_us
    }

    fn shard(&self, key: &str) -> MutexGuard<'_, Shard<V>> {
        let hash = self.hasher.hash_one(key);
        lock(&self.shards[(hash >> 32) as usize % N_SHARDS])
    }
}

/// A panic while a shard was held leaves an entry half changed at worst; it is all soft state.
fn lock<V>(shard: &Mutex<Shard<V>>) -> MutexGuard<'_, Shard<V>> {
    shard.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(us: i64) -> Timestamp {
        Timestamp(us)
    }

    #[test]
    fn an_entry_lives_while_it_is_used_and_lapses_after() {
        let map: LapsingMap<u32> = LapsingMap::new(1_000, 100);
        for now in [0, 60, 120, 180, 240] {
            map.update("a", at(now), |n| *n += 1);
        }
        assert_eq!(map.read("a", at(250), |n| *n), Some(5));
        assert_eq!(map.read("a", at(340), |n| *n), None);
        assert_eq!(map.update("a", at(340), |n| *n), 0, "what lapsed starts anew");
    }

    #[test]
    fn memory_is_bounded() {
        let map: LapsingMap<u32> = LapsingMap::new(1_280, 1_000_000);
        for n in 0..100_000 {
            map.update(&format!("session {n}"), at(n), |_| ());
        }
        assert!(map.len() <= 1_280 + 2 * N_SHARDS, "{}", map.len());
        assert_eq!(map.read("session 99999", at(100_000), |_| ()), Some(()));
    }

    #[test]
    fn a_clock_that_goes_back_lapses_nothing() {
        let map: LapsingMap<u32> = LapsingMap::new(1_000, 100);
        map.update("a", at(1_000), |n| *n = 7);
        assert_eq!(map.read("a", at(10), |n| *n), Some(7));
        assert_eq!(map.update("a", at(10), |n| *n), 7);
        assert_eq!(map.read("a", at(1_050), |n| *n), Some(7));
    }
}
