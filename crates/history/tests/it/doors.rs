//! Opening: what is refused and how it is said.

use std::fs;
use std::path::Path;

use events::Timestamp;
use history::{Error, ImportRequest, OpenMode, Store};
use sqlx::{Connection, SqliteConnection};

use crate::shop::Shop;

async fn refusal(dir: &Path, mode: OpenMode) -> String {
    match Store::open(dir, mode).await {
        Ok(_) => panic!("opened"),
        Err(error) => error.to_string().replace(&dir.display().to_string(), "DIR"),
    }
}

#[tokio::test]
async fn a_missing_store_is_not_made_by_looking() {
    let dir = tempfile::tempdir().unwrap();
    for mode in [OpenMode::ReadOnly, OpenMode::ReadWrite] {
        let text = refusal(dir.path(), mode).await;
        assert!(text.starts_with("no store in DIR"), "{text}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn other_peoples_files_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.txt"), "chapter 1").unwrap();
    let text = refusal(dir.path(), OpenMode::Create).await;
    assert_eq!(text, "DIR is not empty: name an empty or a new directory");
    let file = dir.path().join("thesis.txt");
    assert!(Store::open(&file, OpenMode::Create).await.is_err());
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let Shop { dir, store } = Shop::new().await;
    store.close().await;
    let url = format!("sqlite://{}", dir.path().join("alongside.db").display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("UPDATE format SET version = 9").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    for mode in [OpenMode::ReadOnly, OpenMode::ReadWrite, OpenMode::Create] {
        assert_eq!(
            refusal(dir.path(), mode).await,
            format!(
                "the store in DIR has format 9, this program knows formats up to {}: use a newer \
                 version of alongside",
                history::FORMAT_VERSION
            )
        );
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_put_together_is_told() {
    let Shop { dir, store } = Shop::new().await;
    store.close().await;
    fs::write(dir.path().join("alongside.db-wal"), "what was not checkpointed").unwrap();
    // Rights do not hold an administrator back, a folder in the place of the probe does.
    fs::create_dir(dir.path().join("alongside.probe")).unwrap();
    let text = refusal(dir.path(), OpenMode::ReadOnly).await;
    assert!(text.starts_with("DIR/alongside.db was not closed in order"), "{text}");
    assert!(text.contains("copy the data directory"), "{text}");
}

#[tokio::test]
async fn a_damaged_database_is_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("alongside.db"), vec![7; 4096]).unwrap();
    for mode in [OpenMode::ReadOnly, OpenMode::ReadWrite] {
        let text = refusal(dir.path(), mode).await;
        assert!(text.contains("is damaged") && text.contains("backup"), "{text}");
    }
}

#[tokio::test]
async fn a_store_opened_for_reading_cannot_be_written() {
    let shop = Shop::new().await;
    shop.import("o1 d1 anna: bread").await;
    let reader = Store::open(shop.dir.path(), OpenMode::ReadOnly).await.unwrap();
    assert!(matches!(
        reader.begin_orders(ImportRequest::new("shop", Timestamp(0))).err(),
        Some(Error::ReadOnly { .. })
    ));
    assert!(matches!(reader.event_log().err(), Some(Error::ReadOnly { .. })));
    assert!(matches!(reader.decision_log().err(), Some(Error::ReadOnly { .. })));
    let item = events::ItemRecord { item_id: "x".to_owned(), ..events::ItemRecord::default() };
    assert!(matches!(reader.upsert_items(&[item]).await, Err(Error::ReadOnly { .. })));
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_told() {
    // Not even the superuser can make files here.
    let dir = Path::new("/proc/self/alongside");
    if !Path::new("/proc/self").exists() {
        println!("skipped: no /proc on this machine");
        return;
    }
    let refused = Store::open(dir, OpenMode::Create).await;
    assert!(matches!(refused, Err(Error::Io { .. } | Error::ReadOnly { .. })), "{refused:?}");
}

#[tokio::test]
async fn leftovers_of_a_killed_import_are_swept_and_those_of_a_living_one_are_not() {
    let shop = Shop::new().await;
    shop.import("o1 d1 anna: bread").await;
    let segments = shop.dir.path().join("segments");
    let dead = segments.join("tmp-00000000000000aa");
    fs::create_dir(&dead).unwrap();
    fs::write(dead.join("lock"), "").unwrap();
    fs::write(dead.join("rows"), "half a row").unwrap();
    fs::write(segments.join("00000000000000aa-000.orders.parquet"), "half a segment").unwrap();
    fs::create_dir(segments.join("tmp-00000000000000bb")).unwrap();
    let mut living = shop.store.begin_orders(ImportRequest::new("shop", Timestamp(0))).unwrap();
    living.push(&crate::shop::lines("o2 d2 bert: tea")).unwrap();
    let other = Store::open(shop.dir.path(), OpenMode::ReadWrite).await.unwrap();
    let names = shop.segment_files();
    assert!(!names.iter().any(|name| name.contains("00000000000000")), "{names:?}");
    assert_eq!(names.iter().filter(|name| name.starts_with("tmp-")).count(), 1, "{names:?}");
    living.commit(&|_, _| None).await.unwrap();
    let view = other.view(&history::ViewOptions::default()).await.unwrap();
    assert_eq!(view.baskets.len(), 2);
    assert_eq!(shop.segment_files().len(), 4);
}
