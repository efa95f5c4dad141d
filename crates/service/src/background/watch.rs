//! Looks once a second for what changed outside: snapshots, keys, catalog.

use super::pause;
use crate::keys::KeyFile;
use crate::state::{AppState, Inner, Served};
use events::Timestamp;
use score::World;
use snapshot::{Snapshot, SnapshotDir};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// Looks between two tries of a snapshot that could not be loaded.
const RETRY_AFTER_LOOKS: u32 = 30;
const FORGET_EVERY_LOOKS: u32 = 30;

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
        if failed.is_none() {
            follow_customers(&state.inner).await;
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
    let opened = match dir.find(id) {
        // Checking the whole file takes a while: not on a thread that requests wait for.
        Ok(entry) => tokio::task::spawn_blocking(move || open(&entry.path)).await,
        Err(error) => Ok(Err(error)),
    };
    let fault = match opened {
        Ok(Ok(world)) => {
            let served =
                Served { world, snapshot_id: id.to_owned(), published_at: published_at(id) };
            inner.swap(served).await.err().map(|fault| fault.to_string())
        }
        Ok(Err(error)) => Some(error.to_string()),
        Err(panic) => Some(panic.to_string()),
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

/// Once, beside the first requests: a large shop has many customers.
pub(super) async fn load_customers(state: AppState) {
    follow_customers(&state.inner).await;
}

async fn follow_customers(inner: &Inner) {
    match inner.follow_customers().await {
        Ok(()) => tracing::info!(n_customers = inner.live.customers.len(), "customers known"),
        Err(fault) => tracing::error!(%fault, "customers cannot be read; nothing is personal"),
    }
}

/// Follows the key file, so that a new key works and a revoked one stops within seconds.
pub(super) async fn keys(state: AppState, file: KeyFile) {
    let mut seen: Option<SystemTime> = None;
    loop {
        let modified = std::fs::metadata(file.path()).and_then(|meta| meta.modified()).ok();
        if modified != seen {
            match file.load(state.per_key_per_second()) {
                Ok(ring) => {
                    tracing::info!(n_keys = ring.n_keys(), "keys loaded");
                    state.inner.keys.store(Arc::new(ring));
                    seen = modified;
                }
                // The old keys stay; a file half written by hand must not open the house.
                Err(error) => tracing::error!(%error, "the key file cannot be read"),
            }
        }
        pause().await;
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
mod tests {
    use super::*;
    use crate::testing::{TestShop, ids, publish_snapshot};

    #[test]
    fn the_time_in_an_id() {
        let at = published_at("20261122T184500Z-9f86d081884c7d65").unwrap();
        assert_eq!(at.to_string(), "2026-11-22T18:45:00Z");
        assert_eq!(published_at("rubbish"), None);
        assert_eq!(published_at("2026é"), None);
    }

    #[tokio::test]
    async fn a_published_snapshot_comes_into_use_with_the_catalog_of_the_store() {
        let shop = TestShop::new();
        let inner = &shop.state.inner;
        inner.served.store(Arc::new(Served::nothing()));
        let hide = r#"{"item_id":"B","title":"RED HEART T-LIGHT HOLDER","hidden":true}"#;
        let put = shop.call(axum::http::Method::PUT, "/v1/items", &[], hide).await;
        assert_eq!(put.verdict(), "200");
        let dir = tempfile::tempdir().unwrap();
        let snapshots = SnapshotDir::new(dir.path());
        load_current(inner, &snapshots).await;
        assert_eq!(inner.served.load().snapshot_id, "");
        let id = publish_snapshot(&snapshots);
        load_current(inner, &snapshots).await;
        assert_eq!(inner.served.load().snapshot_id, id);
        let slate = shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json();
        assert_eq!(ids(&slate), "C", "what was hidden stays hidden across a swap");
        assert_eq!(newer_id(inner, &snapshots), None);
    }

    #[tokio::test]
    async fn a_broken_snapshot_leaves_the_old_one_and_turns_health_yellow() {
        let shop = TestShop::new();
        let inner = &shop.state.inner;
        let dir = tempfile::tempdir().unwrap();
        let snapshots = SnapshotDir::new(dir.path());
        let id = publish_snapshot(&snapshots);
        let path = dir.path().join(format!("{id}.snapshot"));
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        load_current(inner, &snapshots).await;
        assert_eq!(inner.served.load().snapshot_id, "20260101T000000Z-test");
        let ready = shop.get("/health/ready").await;
        assert_eq!((ready.status.as_u16(), ready.json()["status"].as_str()), (200, Some("yellow")));
        let slate = shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json();
        assert_eq!(ids(&slate), "B C");
        std::fs::write(&path, &bytes).unwrap();
        load_current(inner, &snapshots).await;
        assert_eq!(shop.get("/health/ready").await.json()["status"], "green");
    }

    #[tokio::test]
    async fn another_process_changes_the_catalog() {
        let shop = TestShop::new();
        let record = events::ItemRecord {
            item_id: "B".to_owned(),
            stock: Some(0),
            ..events::ItemRecord::default()
        };
        use crate::ledger::Ledger;
        shop.ledger.put_items(vec![record]).await.unwrap();
        shop.state.inner.follow_catalog().await.unwrap();
        let slate = shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json();
        assert_eq!(ids(&slate), "C");
    }

    #[tokio::test]
    async fn sessions_come_back_from_the_log() {
        let first = TestShop::new();
        let event = r#"{"event_id":"1","event_name":"add_to_cart","session_id":"s","item_id":"D"}"#;
        first.post("/v1/events", event).await;
        let second = TestShop::over(first.ledger.clone());
        assert_eq!(second.state.inner.rebuild_live().await.unwrap(), 1);
        let slate = second.recommend(r#"{"placement":"cart","session_id":"s"}"#).await.json();
        assert_eq!(ids(&slate), "E F/1 ü");
    }
}
