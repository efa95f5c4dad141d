//! Erasing, retention, backup, export, status: what becomes of data over the years.

use std::sync::{Arc, Mutex};

use events::{EventKind, Timestamp};
use history::{DecisionRecord, EraseOrders, Error, ExportFormat, OpenMode, RetentionPolicy, Store};

use crate::live::event;
use crate::shop::{self, DAY_US, Shop, names};

fn decision(id: &str, day: i64, customer_idx: Option<u32>) -> DecisionRecord {
    let payload = format!("{{\"id\":\"{id}\",\"slate\":[1,2,3]}}").into_bytes();
    DecisionRecord {
        recommendation_id: id.to_owned(),
        at: Timestamp(day * DAY_US),
        customer_idx,
        assignment: None,
        payload,
    }
}

/// A shop in which anna bought, browsed, holds and was shown things, sealed and not.
async fn lived_in() -> Shop {
    let shop = Shop::new().await;
    shop.import("o1 d1 anna: bread, tea\no2 d2 bert: bread\no1b d2 anna: jam").await;
    let log = shop.store.event_log().unwrap();
    log.append(vec![
        event("v1", EventKind::ViewItem, 3, "anna", &["tea"]),
        event("v2", EventKind::ViewItem, 3, "bert", &["tea"]),
        event("o3", EventKind::Purchase, 3, "anna", &["bread", "jam"]),
    ])
    .await
    .unwrap();
    shop.store.seal_tail(Timestamp(i64::MAX)).await.unwrap();
    log.append(vec![
        event("v3", EventKind::ViewItem, 4, "anna", &["tea"]),
        event("o4", EventKind::Purchase, 4, "anna", &["milk"]),
    ])
    .await
    .unwrap();
    let decisions = shop.store.decision_log().unwrap();
    for (id, customer) in [("r1", Some(0)), ("r2", Some(1)), ("r3", None)] {
        assert!(decisions.push(decision(id, 3, customer)));
    }
    decisions.flush().await;
    shop
}

/// All bytes under the data directory.
fn holds_bytes(shop: &Shop, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    for dir in [shop.dir.path().to_path_buf(), shop.dir.path().join("segments")] {
        for name in names(&dir) {
            let Ok(bytes) = std::fs::read(dir.join(&name)) else { continue };
            if bytes.windows(needle.len()).any(|window| window == needle.as_bytes()) {
                found.push(name);
            }
        }
    }
    found
}

#[tokio::test]
async fn an_erased_customer_leaves_orders_of_nobody() {
    let shop = lived_in().await;
    let receipt =
        shop.store.erase_customer("anna", EraseOrders::KeepAnonymous, Timestamp(5)).await.unwrap();
    assert_eq!((receipt.n_orders_made_anonymous, receipt.n_orders_dropped), (4, 0));
    // Two visits and the sealed event of a purchase, whose order stays.
    assert_eq!((receipt.n_events_removed, receipt.n_decisions_removed), (3, 1));
    assert_eq!(
        shop.baskets().await,
        "d1 -: bread tea\nd2 -: jam\nd2 #1: bread\nd3 -: bread jam\nd4 -: milk\n"
    );
    assert_eq!(shop.store.customer("anna").await.unwrap(), None);
    assert_eq!(shop.store.decision("r1").await.unwrap(), None);
    assert!(shop.store.decision("r2").await.unwrap().is_some());
    let ids: Vec<String> = shop
        .store
        .recent_events(Timestamp(0))
        .await
        .unwrap()
        .into_iter()
        .map(|logged| logged.event.event_id)
        .collect();
    assert_eq!(ids, ["v2", "o4"]);
    assert_eq!(holds_bytes(&shop, "anna"), [""; 0]);
    let again = shop.store.erase_customer("anna", EraseOrders::Drop, Timestamp(5)).await;
    assert!(matches!(again, Err(Error::UnknownCustomer)));
}

#[tokio::test]
async fn orders_of_an_erased_customer_go_when_asked() {
    let shop = lived_in().await;
    let receipt = shop.store.erase_customer("anna", EraseOrders::Drop, Timestamp(5)).await.unwrap();
    assert_eq!(receipt.n_orders_dropped, 4);
    assert_eq!(shop.baskets().await, "d2 #1: bread\n");
    // The index is not given to the next customer.
    shop.import("o9 d9 cleo: tea").await;
    assert_eq!(shop.baskets().await, "d2 #1: bread\nd9 #2: tea\n");
}

#[tokio::test]
async fn an_anonymous_copy_of_an_erased_order_is_the_same_order() {
    let shop = Shop::new().await;
    shop.import("o1 d1 anna: bread, tea").await;
    shop.store.erase_customer("anna", EraseOrders::KeepAnonymous, Timestamp(0)).await.unwrap();
    assert_eq!(shop.import("o1 d1 -: bread, tea").await.n_orders_unchanged, 1);
}

#[tokio::test]
async fn events_and_decisions_are_forgotten_by_age() {
    let shop = lived_in().await;
    let baskets = shop.baskets().await;
    let policy = RetentionPolicy {
        events_before: Some(Timestamp(4 * DAY_US)),
        decisions_before: Some(Timestamp(4 * DAY_US)),
    };
    let summary = shop.store.apply_retention(&policy).await.unwrap();
    assert_eq!((summary.n_segments_removed, summary.n_decisions_removed), (1, 3));
    assert_eq!(shop.store.recent_events(Timestamp(0)).await.unwrap().len(), 2);
    assert_eq!(shop.baskets().await, baskets, "orders stay");
    assert_eq!(shop.store.decision("r2").await.unwrap(), None);
    let all = RetentionPolicy { events_before: Some(Timestamp(9 * DAY_US)), ..policy };
    assert_eq!(shop.store.apply_retention(&all).await.unwrap().n_events_removed, 1);
    assert_eq!(shop.baskets().await, baskets);
}

#[tokio::test]
async fn decisions_are_found_at_once_and_after_a_restart() {
    let shop = Shop::new().await;
    let log = shop.store.decision_log().unwrap();
    for n in 0..3_000 {
        assert!(log.push(decision(&format!("r{n}"), n, Some(n as u32))));
    }
    assert_eq!(log.get("r7").await.unwrap(), Some(decision("r7", 7, Some(7))));
    log.flush().await;
    assert_eq!(log.counts().n_written, 3_000);
    let other = Store::open(shop.dir.path(), OpenMode::ReadOnly).await.unwrap();
    for n in [0, 1, 1_234, 2_999] {
        let found = other.decision(&format!("r{n}")).await.unwrap();
        assert_eq!(found, Some(decision(&format!("r{n}"), n, Some(n as u32))));
    }
    assert_eq!(other.decision("r3000").await.unwrap(), None);
}

#[tokio::test]
async fn decisions_of_one_millisecond_are_told_apart_and_forgotten_one_by_one() {
    let shop = Shop::new().await;
    let log = shop.store.decision_log().unwrap();
    let ids = ["01jd5zzzzzabc", "01jd5zzzzzabd", "01jd600000abc"];
    for (customer, id) in ids.into_iter().enumerate() {
        assert!(log.push(decision(id, 3, Some(customer as u32))));
    }
    log.flush().await;
    let found = async || {
        let mut found = Vec::new();
        for (customer, id) in ids.into_iter().enumerate() {
            let record = shop.store.decision(id).await.unwrap();
            assert!(record.is_none() || record == Some(decision(id, 3, Some(customer as u32))));
            found.push(record.is_some());
        }
        found
    };
    assert_eq!(found().await, [true; 3]);
    assert_eq!(shop.store.decision("01jd5zzzzzxyz").await.unwrap(), None);
    let log = shop.store.event_log().unwrap();
    log.append(vec![
        event("o1", EventKind::Purchase, 1, "anna", &["tea"]),
        event("o2", EventKind::Purchase, 1, "bert", &["tea"]),
    ])
    .await
    .unwrap();
    shop.store.erase_customer("bert", EraseOrders::Drop, Timestamp(5)).await.unwrap();
    assert_eq!(found().await, [true, false, true]);
}

#[tokio::test]
async fn decisions_beyond_the_queue_are_shed_and_counted() {
    let shop = Shop::new().await;
    let log = shop.store.decision_log().unwrap();
    let large =
        |id: &str| DecisionRecord { payload: vec![b'x'; 30 << 20], ..decision(id, 1, None) };
    // Nothing is awaited in between, so the writer on this one thread takes nothing away.
    let taken: Vec<bool> = ["a", "b", "c"].map(|id| log.push(large(id))).to_vec();
    assert_eq!(taken, [true, true, false]);
    log.flush().await;
    assert_eq!((log.counts().n_written, log.counts().n_shed), (2, 1));
    assert_eq!(log.get("b").await.unwrap().unwrap().payload.len(), 30 << 20);
    assert!(log.push(large("d")));
}

#[tokio::test]
async fn a_backup_taken_beside_a_writer_restores_to_the_same_store() {
    let shop = lived_in().await;
    let target = tempfile::tempdir().unwrap();
    let (backup, dir) = (target.path().join("backup"), target.path().join("restored"));
    let manifest = shop.store.backup(&backup, Timestamp(7)).await.unwrap();
    let expected = shop.baskets().await;
    let status = shop.store.status().await.unwrap();
    // The store goes on; what it replaces stays in the backup.
    shop.import("o1 d1 anna: cake\no2 d2 bert: cake\no1b d2 anna: cake").await;

    assert_eq!(history::verify_backup(&backup).await.unwrap(), manifest);
    history::restore(&backup, &dir).await.unwrap();
    let restored = Store::open(&dir, OpenMode::ReadWrite).await.unwrap();
    let view = restored.view(&history::ViewOptions::default()).await.unwrap();
    assert_eq!(shop::show(&view), expected);
    let again = restored.status().await.unwrap();
    assert_eq!((again.n_orders, again.n_events_sealed), (status.n_orders, status.n_events_sealed));
    assert_eq!((again.n_decisions, again.problems), (3, Vec::new()));
    assert!(matches!(history::restore(&backup, &dir).await, Err(Error::NotEmpty { .. })));
    assert!(matches!(shop.store.backup(&backup, Timestamp(8)).await, Err(Error::NotEmpty { .. })));
}

#[tokio::test]
async fn the_keys_come_back_with_a_backup_and_stay_private() {
    let shop = lived_in().await;
    let keys = shop.dir.path().join("keys.json");
    std::fs::write(&keys, "{\"keys\":1}").unwrap();
    shop.store.set_guarded().await.unwrap();
    let target = tempfile::tempdir().unwrap();
    let (backup, dir) = (target.path().join("backup"), target.path().join("restored"));
    shop.store.backup(&backup, Timestamp(7)).await.unwrap();
    history::restore(&backup, &dir).await.unwrap();
    for place in [&backup, &dir] {
        let path = place.join("keys.json");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"keys\":1}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
    let restored = Store::open(&dir, OpenMode::ReadWrite).await.unwrap();
    assert!(restored.is_guarded().await.unwrap());
    std::fs::write(backup.join("keys.json"), "{\"keys\":2}").unwrap();
    let damaged = history::verify_backup(&backup).await;
    assert!(matches!(damaged, Err(Error::Corrupt { .. })), "they are checked like all else");
}

/// What is kept in small files beside the databases comes back too, and no leftover of a write.
#[tokio::test]
async fn policies_experiments_and_languages_come_back_with_a_backup() {
    let shop = lived_in().await;
    let files = [
        "policies/log.jsonl",
        "policies/000001.toml",
        "experiments/log.jsonl",
        "languages/fr.toml",
    ];
    for name in files.into_iter().chain(["experiments/partial-7"]) {
        let path = shop.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, name).unwrap();
    }
    shop.store.remember_experiment_changes(3).await.unwrap();
    let target = tempfile::tempdir().unwrap();
    let (backup, dir) = (target.path().join("backup"), target.path().join("restored"));
    shop.store.backup(&backup, Timestamp(7)).await.unwrap();
    history::restore(&backup, &dir).await.unwrap();
    for name in files {
        assert_eq!(std::fs::read_to_string(dir.join(name)).unwrap(), name);
    }
    assert!(!dir.join("experiments/partial-7").exists());
    let restored = Store::open(&dir, OpenMode::ReadWrite).await.unwrap();
    assert_eq!(restored.experiment_changes().await.unwrap(), 3);
    restored.remember_experiment_changes(2).await.unwrap();
    assert_eq!(restored.experiment_changes().await.unwrap(), 3, "it never falls by itself");
    restored.accept_experiment_changes(1).await.unwrap();
    assert_eq!(restored.experiment_changes().await.unwrap(), 1);
    drop(restored);
    Store::remove(&dir).unwrap();
    assert!(!dir.join("experiments").exists() && dir.join("languages/fr.toml").exists());
}

#[tokio::test]
async fn a_damaged_backup_is_refused_before_anything_is_written() {
    let shop = lived_in().await;
    let target = tempfile::tempdir().unwrap();
    let (backup, dir) = (target.path().join("backup"), target.path().join("restored"));
    let manifest = shop.store.backup(&backup, Timestamp(7)).await.unwrap();
    let victim = backup.join(&manifest.files.last().unwrap().path);
    let mut bytes = std::fs::read(&victim).unwrap();
    bytes[10] ^= 1;
    // Not in place: the backup's file may be a link to the store's.
    std::fs::remove_file(&victim).unwrap();
    std::fs::write(&victim, bytes).unwrap();
    assert!(matches!(history::restore(&backup, &dir).await, Err(Error::Corrupt { .. })));
    assert!(!dir.exists());
    assert_eq!(shop.store.status().await.unwrap().problems, [""; 0]);
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn exports_hold_every_line_that_counts() {
    let shop = lived_in().await;
    let out = Shared::default();
    let (n_lines, _) = shop.store.export_orders(ExportFormat::Csv, out.clone()).await.unwrap();
    let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..].sort_unstable();
    let columns: Vec<&str> = lines.remove(0).split(',').collect();
    assert_eq!(columns[..5], ["source", "order_id", "timestamp", "customer_id", "item_id"]);
    assert_eq!(columns[5..9], ["quantity", "unit_price", "currency", "location_id"]);
    assert_eq!(columns[9..], ["line_kind", "refund_id", "title", "item_kind"]);
    assert_eq!(n_lines, 7);
    expect_test::expect![[r#"
        shop,o1,1970-01-02T00:00:00Z,anna,bread,1,1,GBP,,sale,,,good
        shop,o1,1970-01-02T00:00:00Z,anna,tea,1,1,GBP,,sale,,,good
        shop,o1b,1970-01-03T00:00:00Z,anna,jam,1,1,GBP,,sale,,,good
        shop,o2,1970-01-03T00:00:00Z,bert,bread,1,1,GBP,,sale,,,good
        shop,o3,1970-01-04T00:00:00Z,anna,bread,1,1,,,sale,,,good
        shop,o3,1970-01-04T00:00:00Z,anna,jam,1,1,,,sale,,,good
        shop,o4,1970-01-05T00:00:00Z,anna,milk,1,1,,,sale,,,good"#]]
    .assert_eq(&lines.join("\n"));

    let parquet = Shared::default();
    shop.store.export_orders(ExportFormat::Parquet, parquet.clone()).await.unwrap();
    assert_eq!(&parquet.0.lock().unwrap()[..4], b"PAR1");
    let items = Shared::default();
    assert_eq!(shop.store.export_items(ExportFormat::Csv, items.clone()).await.unwrap(), 4);
    assert!(String::from_utf8(items.0.lock().unwrap().clone()).unwrap().contains("\nbread,,good,"));
    let customers = Shared::default();
    assert_eq!(shop.store.export_customers(ExportFormat::Csv, customers.clone()).await.unwrap(), 2);
}

#[tokio::test]
async fn status_counts_what_counts() {
    let shop = lived_in().await;
    let status = shop.store.status().await.unwrap();
    assert_eq!((status.n_orders, status.n_lines, status.n_customers), (4, 6, 2));
    assert_eq!((status.n_items(), status.n_segments), (4, 3));
    assert_eq!(
        (status.n_events_in_tail, status.n_orders_in_tail, status.n_events_sealed),
        (2, 1, 3)
    );
    // The live order of day 4 included.
    assert_eq!(status.span(), Some((Timestamp(DAY_US), Timestamp(4 * DAY_US))));
    assert_eq!(status.format_version, history::FORMAT_VERSION);
    assert_eq!(status.last_import.unwrap().source, "shop");
    assert_eq!(status.problems, [""; 0]);
    // Superseded lines do not count, a damaged file is told.
    shop.import("o1 d1 anna: tea").await;
    let segments = shop.dir.path().join("segments");
    let victim = names(&segments).into_iter().find(|name| name.ends_with("lines.parquet")).unwrap();
    std::fs::write(segments.join(&victim), b"").unwrap();
    let status = shop.store.status().await.unwrap();
    assert_eq!((status.n_orders, status.n_lines), (4, 5));
    assert!(status.problems[0].contains("restore"), "{:?}", status.problems);
}
