//! Stores of released formats, opened by the program of today.

use std::fs;
use std::path::{Path, PathBuf};

use events::{Amount, EventKind, ItemKind, Timestamp};
use history::{Ack, OpenMode, Store, ViewOptions};

use crate::shop;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn format_1_opens() {
    let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/format-1");
    let dir = tempfile::tempdir().unwrap();
    copy(&fixture, dir.path());
    let store = Store::open(dir.path(), OpenMode::ReadWrite).await.unwrap();
    let view = store.view(&ViewOptions::default()).await.unwrap();
    assert_eq!(shop::show(&view), "d1 #0: lamp bulb\nd2 -: lamp\nd4 #1: shade\n");
    assert_eq!(shop::entry(&view, "lamp").title.as_deref(), Some("Lamp"));
    let shade = shop::entry(&view, "shade");
    assert_eq!((shade.kind, shade.price), (ItemKind::Service, Some(Amount(5))));
    assert_eq!(store.customer_id(0).await.unwrap().as_deref(), Some("anna"));
    let recent = store.recent_events(Timestamp(0)).await.unwrap();
    let ids: Vec<&str> = recent.iter().map(|logged| logged.event.event_id.as_str()).collect();
    assert_eq!(ids, ["e1", "e2"]);
    assert_eq!(recent[0].event.kind, EventKind::ViewItem);
    assert_eq!(store.decision("r1").await.unwrap().unwrap().payload, b"{}");
    let status = store.status().await.unwrap();
    assert_eq!((status.n_orders, status.n_lines, status.n_segments), (3, 4, 2));
    assert!(status.problems.is_empty());
    // It is alive: known ids are known, and it can be written.
    let log = store.event_log().unwrap();
    let again = vec![recent[0].event.clone(), recent[1].event.clone()];
    assert_eq!(log.append(again).await.unwrap(), [Ack::Duplicate; 2]);
    let summary = shop::import_files(&store, "shop", &["o9 d9 anna: bulb"]).await;
    assert_eq!((summary.n_orders_new, summary.n_items_new), (1, 0));
}
