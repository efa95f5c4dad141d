//! Looks once a second for what changed outside: snapshots, keys, catalog.

use super::pause;
use crate::keys::KeyFile;
use crate::state::{AppState, Inner, Served};
use events::Timestamp;
use policy::{PolicyDir, PolicySet};
use score::World;
use snapshot::{Snapshot, SnapshotDir};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Looks between two tries of a snapshot that could not be loaded.
const RETRY_AFTER_LOOKS: u32 = 30;
const FORGET_EVERY_LOOKS: u32 = 30;
/// Compiling and the look itself must fit into a second as well.
const POLICY_PAUSE: Duration = Duration::from_millis(250);

pub(super) async fn snapshots(state: AppState, dir: SnapshotDir) {
    let mut failed: Option<(String, u32)> = None;
    loop {
        pause().await;
        let Some(id) = newer_id(&state.inner, &dir) else { continue };
        if let Some((failed_id, n_looks)) = &mut failed
            && *failed_id == id
            && *n_looks < RETRY_AFTER_LOOKS
        {
            *n_looks += 1;
            continue;
        }
        failed = match load(&state.inner, &dir, &id).await {
            true => None,
            false => Some((id, 0)),
        };
        if failed.is_none()
            && let Err(fault) = state.inner.rebuild_purchases().await
        {
            tracing::error!(%fault, "purchases since the snapshot could not be read");
        }
    }
}

/// The snapshot in force, when it is another than the one in use.
fn newer_id(inner: &Inner, dir: &SnapshotDir) -> Option<String> {
    match dir.current_id() {
        Ok(id) => id.filter(|id| *id != inner.served.load().snapshot_id),
        Err(error) => {
            inner.health.snapshot_fault(Some(error.to_string()));
            None
        }
    }
}

/// Loads the snapshot in force, if there is one.
pub(crate) async fn load_current(inner: &Inner, dir: &SnapshotDir) {
    match newer_id(inner, dir) {
        Some(id) => {
            load(inner, dir, &id).await;
        }
        None => tracing::warn!("no snapshot yet: every slate is empty until `alongside learn`"),
    }
}

/// Opens, checks and swaps. On any fault the old snapshot stays, health turns yellow.
async fn load(inner: &Inner, dir: &SnapshotDir, id: &str) -> bool {
    let fault = match open_served(dir, id).await {
        Ok(served) => inner.swap(served).await.err().map(|fault| fault.to_string()),
        Err(fault) => Some(fault),
    };
    match &fault {
        None => tracing::info!(snapshot = id, "snapshot in use"),
        Some(fault) => {
            inner.metrics.n_snapshot_failures.add(1);
            tracing::error!(snapshot = id, fault, "the snapshot cannot be used; the old one stays");
        }
    }
    inner.health.snapshot_fault(fault.clone());
    fault.is_none()
}

/// A published snapshot, which nothing has been told of the catalog yet.
pub(super) async fn open_served(dir: &SnapshotDir, id: &str) -> Result<Served, String> {
    let entry = dir.find(id).map_err(|error| error.to_string())?;
    // Checking the whole file takes a while: not on a thread that requests wait for.
    let opened = tokio::task::spawn_blocking(move || open(&entry.path)).await;
    let world = opened.map_err(|panic| panic.to_string())?.map_err(|error| error.to_string())?;
    Ok(Served::of(world, id.to_owned(), published_at(id)))
}

fn open(path: &Path) -> Result<World, snapshot::Error> {
    Ok(World::of(Arc::new(Snapshot::open(path)?)))
}

/// `20261122T184500Z-…` tells when it was published.
fn published_at(id: &str) -> Option<Timestamp> {
    let time = id.split('-').next()?;
    let part = |range| time.get(range);
    let (date, clock) = ([part(0..4)?, part(4..6)?, part(6..8)?], [part(9..11)?, part(11..13)?]);
    let text = format!("{}T{}:{}Z", date.join("-"), clock.join(":"), part(13..15)?);
    Timestamp::parse_rfc3339(&text)
}

pub(super) async fn catalog(state: AppState) {
    let mut was_fine = true;
    loop {
        pause().await;
        let followed = state.inner.follow_catalog().await;
        if let Err(fault) = &followed
            && was_fine
        {
            tracing::warn!(%fault, "the catalog of the store cannot be read");
        }
        was_fine = followed.is_ok();
    }
}

/// From the start on, beside the first requests: a large shop has many customers. Until they are
/// known, nothing is personal.
pub(super) async fn customers(state: AppState) {
    let mut was_fine = true;
    loop {
        let followed = state.inner.follow_customers().await;
        if let Err(fault) = &followed
            && was_fine
        {
            tracing::error!(%fault, "the customers of the store cannot be read");
        }
        was_fine = followed.is_ok();
        pause().await;
    }
}

/// Follows the key file, so that a new key works and a revoked one stops within seconds.
pub(super) async fn keys(state: AppState, file: KeyFile) {
    let mut watch = KeyWatch::new(file);
    loop {
        watch.look(&state);
        pause().await;
    }
}

/// What was seen of the key file so far.
struct KeyWatch {
    file: KeyFile,
    /// When the file was changed last, as of the last look; the inner `None`: there was no file.
    seen: Option<Option<SystemTime>>,
    fault: Option<String>,
}

impl KeyWatch {
    fn new(file: KeyFile) -> KeyWatch {
        KeyWatch { file, seen: None, fault: None }
    }

    fn look(&mut self, state: &AppState) {
        let modified = std::fs::metadata(self.file.path()).and_then(|meta| meta.modified()).ok();
        if self.seen == Some(modified) && self.fault.is_none() {
            return;
        }
        let fault = match self.file.load(state.per_key_per_second()) {
            // A file that is lost, or half written by hand, must not open the house.
            Ok(ring) if ring.is_open() && !state.is_open() => Some(format!(
                "{} is gone; the keys known before stay in force until it is back or \
                 `alongside keys create` makes a new one",
                self.file.path().display()
            )),
            Ok(ring) => {
                if modified.is_some() {
                    tracing::info!(n_keys = ring.n_keys(), "keys loaded");
                }
                state.inner.keys.store(Arc::new(ring));
                None
            }
            Err(error) => Some(error.to_string()),
        };
        self.seen = Some(modified);
        if fault != self.fault {
            if let Some(fault) = &fault {
                tracing::error!(fault, "the key file cannot be used; the old keys stay");
            }
            state.inner.health.key_fault(fault.clone());
            self.fault = fault;
        }
    }
}

/// Follows the log of the policies, so that what is applied acts within a second.
pub(super) async fn policies(state: AppState, dir: PolicyDir) {
    let mut watch = PolicyWatch::new(dir);
    loop {
        watch.look(&state).await;
        tokio::time::sleep(POLICY_PAUSE).await;
    }
}

/// Reads back what customers were shown, as far as the policies ask: beside the first requests, for
/// a long log takes a while, and beside changes of policies. Until it is read, caps close.
pub(super) async fn contacts(state: AppState) {
    let mut was_fine = true;
    loop {
        let followed = state.inner.follow_contacts().await;
        if let Err(fault) = &followed
            && was_fine
        {
            tracing::error!(%fault, "contacts cannot be read back; caps and rests close");
        }
        was_fine = followed.is_ok();
        tokio::time::sleep(POLICY_PAUSE).await;
    }
}

/// Puts the policies in force before the first request. What cannot be read closes the house:
/// nothing is offered until it can.
pub(crate) async fn load_policies(state: &AppState, dir: &PolicyDir) {
    let mut watch = PolicyWatch::new(dir.clone());
    watch.look(state).await;
    if watch.fault.is_some() {
        let closed = Arc::new(PolicySet::closed());
        if let Err(fault) = state.inner.set_policies(Some((0, closed))).await {
            tracing::error!(%fault, "the policies cannot be closed");
        }
    }
}

/// What was seen of the policies so far.
pub(crate) struct PolicyWatch {
    dir: PolicyDir,
    /// The version in force as of the last look; the inner `None`: there are no policies.
    seen: Option<Option<u64>>,
    fault: Option<String>,
}

impl PolicyWatch {
    pub(crate) fn new(dir: PolicyDir) -> PolicyWatch {
        PolicyWatch { dir, seen: None, fault: None }
    }

    /// On any fault the policies known before stay in force.
    pub(crate) async fn look(&mut self, state: &AppState) {
        let looked = self.load(state).await;
        let fault = looked.err();
        if let Some(fault) = fault.as_ref().filter(|fault| self.fault.as_ref() != Some(fault)) {
            tracing::error!(fault, "the policies cannot be used; those known before stay");
        }
        state.inner.health.policy_fault(fault.clone());
        self.fault = fault;
    }

    async fn load(&mut self, state: &AppState) -> Result<(), String> {
        let told = |error: policy::Error| error.to_string();
        let _turn = state.inner.policy_change.lock().await;
        let in_use = state.inner.served.load().policies.as_ref().map(|table| table.version());
        // What is in use is not taken for something that never was when its folder goes away.
        self.dir = self.dir.clone().knowing(in_use.unwrap_or(0));
        let current = self.dir.current().map_err(told)?;
        if self.seen == Some(current) && self.fault.is_none() {
            return Ok(());
        }
        // Put in force by a call, or by whoever looked before.
        if self.fault.is_none() && in_use == current {
            self.seen = Some(current);
            return Ok(());
        }
        let policies = match current {
            Some(version) => Some((version, Arc::new(self.dir.load(version).map_err(told)?))),
            None => None,
        };
        state.inner.set_policies(policies).await.map_err(|fault| fault.to_string())?;
        tracing::info!(version = current, "policies in use");
        self.seen = Some(current);
        Ok(())
    }
}

pub(super) async fn housekeeping(state: AppState) {
    let mut n_looks: u32 = 0;
    loop {
        state.inner.window.tick(&state.inner.metrics.recommend_time);
        n_looks = n_looks.wrapping_add(1);
        if n_looks.is_multiple_of(FORGET_EVERY_LOOKS) {
            state.inner.address_limits.forget_idle();
        }
        pause().await;
    }
}

#[cfg(test)]
mod tests;
