//! Power cuts at every sync, killed processes, full disks: what was acknowledged is there, and an
//! import is there whole or not at all.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use events::{EventKind, Timestamp};
use history::{EraseOrders, Error, ImportRequest, OpenMode, Result, Store, ViewOptions};

use crate::live::event;
use crate::power::Power;
use crate::shop;

/// What can be seen of a store.
async fn look(store: &Store) -> String {
    let view = store.view(&ViewOptions::default()).await.unwrap();
    let events = store.recent_events(Timestamp(0)).await.unwrap();
    let mut ids: Vec<&str> = events
        .iter()
        .filter(|logged| logged.event.kind == EventKind::ViewItem)
        .map(|logged| logged.event.event_id.as_str())
        .collect();
    ids.sort_unstable();
    format!("{}views: {}\n", shop::show(&view), ids.join(" "))
}

async fn import(store: &Store, text: &str) -> Result<()> {
    let mut request = ImportRequest::new("shop", Timestamp(0));
    request.budget_bytes = 16;
    let mut import = store.begin_orders(request)?;
    import.push(&shop::lines(text))?;
    import.commit(&|_, _| None).await.map(drop)
}

const N_STEPS: usize = 7;

/// One step of a store's life; each changes what can be seen.
async fn step(store: &Store, number: usize) -> Result<()> {
    match number {
        0 => import(store, "o1 d1 anna: bread, tea\no2 d2 bert: jam").await,
        1 | 3 => {
            let log = store.event_log()?;
            let events = vec![
                event(&format!("v{number}"), EventKind::ViewItem, 3, "anna", &["tea"]),
                event(&format!("p{number}"), EventKind::Purchase, 3, "anna", &["milk"]),
            ];
            log.append(events).await.map(drop)
        }
        2 => import(store, "o2 d2 bert: jam, cake\no3 d2 cleo: cake").await,
        4 => {
            // Sealing must not be seen; the import after it is.
            store.seal_tail(Timestamp(i64::MAX)).await?;
            import(store, "o4 d4 dora: tea").await
        }
        5 => store.erase_customer("anna", EraseOrders::Drop, Timestamp(9)).await.map(drop),
        _ => import(store, "o2 d2 bert: tea").await,
    }
}

/// Runs the steps until one fails; how many were acknowledged.
async fn live(dir: &Path, power: &std::sync::Arc<Power>) -> usize {
    let Ok(store) = Store::open_on(dir, OpenMode::Create, power.substrate()).await else {
        return 0;
    };
    let mut n_done = 0;
    while n_done < N_STEPS && step(&store, n_done).await.is_ok() {
        n_done += 1;
    }
    store.close().await;
    n_done
}

/// What is seen after each number of steps.
async fn expected() -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), OpenMode::Create).await.unwrap();
    let mut states = vec![look(&store).await];
    for number in 0..N_STEPS {
        step(&store, number).await.unwrap();
        states.push(look(&store).await);
    }
    assert!(states.windows(2).all(|pair| pair[0] != pair[1]), "each step is seen: {states:#?}");
    states
}

async fn check_image(image: &Path, n_done: usize, states: &[String], what: &str) {
    // A store whose making was never acknowledged may be missing: it is made anew.
    let store = Store::open(image, OpenMode::Create).await.unwrap_or_else(|error| {
        panic!("{what}: the store does not open: {error}");
    });
    let seen = look(&store).await;
    let may_be = &states[n_done..states.len().min(n_done + 2)];
    // Erasing and sealing take several transactions, each of which leaves what can be seen as it
    // was or as it will be.
    assert!(may_be.contains(&seen), "{what}, {n_done} steps done: saw\n{seen}not {may_be:#?}");
    // It goes on from there.
    import(&store, "o99 d99 zoe: tea").await.unwrap();
    assert!(look(&store).await.contains("d99 "));
    let problems = store.status().await.unwrap().problems;
    assert!(problems.is_empty(), "{what}: {problems:?}");
    let temporary = shop::names(&image.join("segments"));
    assert!(!temporary.iter().any(|name| name.starts_with("tmp-")), "{what}: {temporary:?}");
}

#[tokio::test]
async fn power_cuts_at_every_sync_lose_nothing_that_was_acknowledged() {
    let states = expected().await;
    let dir = tempfile::tempdir().unwrap();
    let power = Power::new(dir.path(), 0, false);
    assert_eq!(live(dir.path(), &power).await, N_STEPS);
    let n_syncs = power.n_syncs();
    assert!(n_syncs > 30, "{n_syncs} syncs");
    for cut_at in 1..=n_syncs {
        for reaches in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let power = Power::new(dir.path(), cut_at, reaches);
            let n_done = live(dir.path(), &power).await;
            let what = format!("power cut at sync {cut_at} of {n_syncs}, reached: {reaches}");
            let image = tempfile::tempdir().unwrap();
            power.write_synced_image(image.path());
            check_image(image.path(), n_done, &states, &what).await;
            if reaches && power.was_cut() {
                let image = tempfile::tempdir().unwrap();
                power.write_written_image(image.path());
                let what = format!("{what}, all writes kept");
                check_image(image.path(), n_done, &states, &what).await;
            }
        }
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_harms_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let power = Power::new(dir.path(), 0, false);
    let store = Store::open_on(dir.path(), OpenMode::Create, power.substrate()).await.unwrap();
    import(&store, "o1 d1 anna: bread").await.unwrap();
    let log = store.event_log().unwrap();
    let before = look(&store).await;
    let n_files_before = shop::names(&dir.path().join("segments")).len();
    power.set_full(true);
    let refused = import(&store, "o2 d2 bert: jam").await;
    assert!(matches!(refused, Err(Error::DiskFull { .. })), "{refused:?}");
    // What the failed import wrote is gone: others need the room.
    let n_files = shop::names(&dir.path().join("segments")).len();
    assert_eq!(n_files, n_files_before);
    let view = event("v1", EventKind::ViewItem, 1, "anna", &["tea"]);
    let refused = log.append(vec![view.clone()]).await;
    let Err(Error::EventsNotStored { source }) = refused else { panic!("{refused:?}") };
    assert!(matches!(*source, Error::DiskFull { .. }), "{source:?}");
    power.set_full(false);
    assert_eq!(look(&store).await, before);
    log.append(vec![view]).await.unwrap();
    import(&store, "o2 d2 bert: jam").await.unwrap();
    assert!(look(&store).await.ends_with("d2 #1: jam\nviews: v1\n"));
}

const CRASH_DIR: &str = "HISTORY_CRASH_DIR";

/// Not a test of its own: the process that the next test kills.
#[tokio::test]
async fn child_that_writes_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CRASH_DIR) else { return };
    let store = Store::open(Path::new(&dir), OpenMode::Create).await.unwrap();
    let log = store.event_log().unwrap();
    for number in 0.. {
        log.append(vec![event(&format!("v{number}"), EventKind::ViewItem, 1, "anna", &["tea"])])
            .await
            .unwrap();
        println!("ack event {number}");
        let orders: String =
            (0..50).map(|order| format!("i{number}-{order} d1 anna: bread, tea\n")).collect();
        import(&store, &orders).await.unwrap();
        println!("ack import {number}");
    }
}

#[tokio::test]
async fn a_killed_process_leaves_what_it_acknowledged() {
    for n_lines in [3, 8, 15] {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crashes::child_that_writes_until_it_is_killed", "--nocapture"])
            .env(CRASH_DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let acks: Vec<String> = output
            .lines()
            .map(|line| line.unwrap())
            .filter(|line| line.contains("ack "))
            .take(n_lines)
            .collect();
        // SIGKILL: nothing in the process runs any more.
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(acks.len(), n_lines);
        let n_events = acks.iter().filter(|line| line.contains("event")).count();
        let n_imports = n_lines - n_events;
        let store = Store::open(dir.path(), OpenMode::ReadWrite).await.unwrap();
        let view = store.view(&ViewOptions::default()).await.unwrap();
        assert_eq!(view.baskets.len() % 50, 0, "an import is whole or not at all");
        assert!(view.baskets.len() >= n_imports * 50);
        let events = store.recent_events(Timestamp(0)).await.unwrap();
        for number in 0..n_events {
            let id = format!("v{number}");
            assert!(events.iter().any(|logged| logged.event.event_id == id), "{id} is lost");
        }
        let left = shop::names(&dir.path().join("segments"));
        assert!(!left.iter().any(|name| name.starts_with("tmp-")), "{left:?}");
    }
}
