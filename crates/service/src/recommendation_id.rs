//! Names of decisions: sortable by time, unique across processes, no two alike.
//!
//! 50 bits of milliseconds and 65 bits that are a bijection of a counter under a random start, in
//! Crockford's base 32: 23 characters. The ids of one process differ by construction; those of two
//! processes differ unless both their clocks and their 64 random bits meet.

use events::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use xxhash_rust::xxh3::xxh3_64;

const N_TIME_CHARS: usize = 10;
const N_CHARS: usize = 23;
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RecommendationId([u8; N_CHARS]);

impl RecommendationId {
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("base 32 digits are ASCII")
    }

    /// What is drawn for the answer of this name: 53 bits, which every reader of JSON can hold.
    pub(crate) fn seed(&self) -> u64 {
        xxh3_64(&self.0) >> 11
    }
}

/// Makes the ids of one process.
#[derive(Debug)]
pub(crate) struct IdSource {
    counter: AtomicU64,
}

impl IdSource {
    /// `seed`: 64 random bits.
    pub(crate) fn new(seed: u64) -> IdSource {
        IdSource { counter: AtomicU64::new(seed) }
    }

    pub(crate) fn next(&self, now: Timestamp) -> RecommendationId {
        id_of(now, mix(self.counter.fetch_add(1, Ordering::Relaxed)))
    }

    /// No id of that time or later sorts before it.
    pub(crate) fn first_at(at: Timestamp) -> RecommendationId {
        id_of(at, 0)
    }
}

fn id_of(at: Timestamp, unique: u64) -> RecommendationId {
    let millis = u64::try_from(at.0.max(0) / 1_000).unwrap_or(0);
    let mut chars = [0; N_CHARS];
    let (time_chars, unique_chars) = chars.split_at_mut(N_TIME_CHARS);
    write_base32(millis, time_chars);
    write_base32(unique, unique_chars);
    RecommendationId(chars)
}

fn write_base32(mut value: u64, chars: &mut [u8]) {
    for char in chars.iter_mut().rev() {
        *char = DIGITS[(value & 31) as usize];
        value >>= 5;
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a bijection of 64 bits.
fn mix(seed: u64) -> u64 {
    let z = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_by_time_and_distinct_even_when_the_clock_goes_back() {
        let source = IdSource::new(u64::MAX - 10);
        let early = source.next(Timestamp(1_700_000_000_000_000));
        let late = source.next(Timestamp(1_800_000_000_000_000));
        assert!(early.as_str() < late.as_str());
        let mut ids: Vec<_> =
            (0..1_000).map(|_| source.next(Timestamp(-5)).as_str().to_owned()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.len() == N_CHARS && id.starts_with("0000000000")));
    }
}
