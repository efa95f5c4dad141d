//! The keys in memory, and the check of one.

use super::{KeyKind, hash_key};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// One valid key.
#[derive(Debug)]
pub struct KeyEntry {
    pub id: String,
    pub kind: KeyKind,
    pub(crate) hash: [u8; 32],
    /// Signs user tokens; public keys only.
    pub(crate) signing_secret: Option<String>,
    pub(crate) limiter: DefaultDirectRateLimiter,
}

/// The valid keys of one moment; replaced whole when the key file changes.
#[derive(Debug, Default)]
pub struct KeyRing {
    entries: Vec<Arc<KeyEntry>>,
    is_guarded: bool,
}

/// Requests that a key may send each second; the burst is twice that.
pub(crate) fn limiter_of(per_second: NonZeroU32) -> DefaultDirectRateLimiter {
    let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(1));
    RateLimiter::direct(Quota::per_second(per_second).allow_burst(burst))
}

impl KeyRing {
    /// `is_guarded`: a key was made at some time, even if all are revoked by now; revoking the
    /// last key must not open the house.
    pub(crate) fn new(entries: Vec<Arc<KeyEntry>>, is_guarded: bool) -> KeyRing {
        KeyRing { entries, is_guarded }
    }

    /// The same for a store that remembers that keys were made: nobody gets in without one, even if
    /// the key file is gone.
    #[must_use]
    pub fn guarded(self) -> KeyRing {
        KeyRing { is_guarded: true, ..self }
    }

    /// No key was ever made: developer mode, for loopback only.
    pub fn is_open(&self) -> bool {
        !self.is_guarded
    }

    pub fn n_keys(&self) -> usize {
        self.entries.len()
    }

    /// The entry of a presented key. Looks at every entry in constant time each, so that neither
    /// the time nor the order tells how near a guess came.
    pub fn find(&self, presented: &str) -> Option<&Arc<KeyEntry>> {
        let hash = hash_key(presented);
        let mut found = None;
        for entry in &self.entries {
            if bool::from(entry.hash.ct_eq(&hash)) {
                found = Some(entry);
            }
        }
        found
    }
}
