//! The last decisions, in memory: for the dashboard, and for looking up one that is not written
//! yet.

use crate::ledger::DecisionEntry;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

const N_KEPT: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct RecentDecisions {
    entries: Mutex<VecDeque<DecisionEntry>>,
}

impl RecentDecisions {
    pub(crate) fn push(&self, entry: DecisionEntry) {
        let mut entries = self.lock();
        if entries.len() == N_KEPT {
            entries.pop_front();
        }
        entries.push_back(entry);
    }

    pub(crate) fn find(&self, id: &str) -> Option<Bytes> {
        let entries = self.lock();
        entries.iter().rev().find(|entry| entry.id() == id).map(|entry| entry.payload.clone())
    }

    /// Latest first.
    pub(crate) fn latest(&self, n: usize) -> Vec<DecisionEntry> {
        self.lock().iter().rev().take(n).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<DecisionEntry>> {
        self.entries.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
