//! Stores of released formats, opened by the program of today.

use std::fs;
use std::path::{Path, PathBuf};

use events::{Amount, EventKind, ItemKind, Timestamp};
use history::{Ack, OpenMode, Store, ViewOptions};
use parquet::file::reader::{FileReader, SerializedFileReader};
use sqlx::{Connection, Row};

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

/// A change of the format comes with a migration, a higher version, and a fixture: see
/// `examples/format_fixture.rs`.
#[tokio::test]
async fn every_format_so_far_opens() {
    for format in 1..=history::FORMAT_VERSION {
        let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("testdata")
            .join(format!("format-{format}"));
        assert!(fixture.is_dir(), "no fixture of format {format}: run the example format_fixture");
        opens(&fixture, format).await;
    }
}

/// Without a change of the version, what the program writes today is of the present format: the
/// tables are those of the fixture, column by column.
#[tokio::test]
async fn the_present_format_is_that_of_its_fixture() {
    let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(format!("format-{}", history::FORMAT_VERSION));
    let shop = shop::Shop::new().await;
    for database in ["alongside.db", "decisions.db"] {
        let old = tables(&fixture.join(database)).await;
        let new = tables(&shop.dir.path().join(database)).await;
        assert!(old.len() > 1);
        assert_eq!(old, new, "{database} changed: raise the version, migrate, add a fixture");
    }
    shop.import("o1 d1 anna: bread").await;
    for ending in ["orders.parquet", "lines.parquet"] {
        let old = columns(&fixture.join("segments"), ending);
        let new = columns(&shop.dir.path().join("segments"), ending);
        assert!(old.len() > 3);
        assert_eq!(old, new, "{ending} changed: raise the version, migrate, add a fixture");
    }
}

/// The statements that made the tables and indices of a database.
async fn tables(database: &Path) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy.db");
    fs::copy(database, &copy).unwrap();
    let wal = database.with_extension("db-wal");
    if wal.is_file() {
        fs::copy(wal, dir.path().join("copy.db-wal")).unwrap();
    }
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&copy);
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let rows = sqlx::query("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name");
    let rows = rows.fetch_all(&mut connection).await.unwrap();
    let words = |sql: String| sql.split_whitespace().collect::<Vec<_>>().join(" ");
    rows.iter().map(|row| words(row.get(0))).collect()
}

/// Names and types of the columns of the first file with this ending.
fn columns(segments: &Path, ending: &str) -> Vec<String> {
    let names = shop::names(segments);
    let name = names.iter().find(|name| name.ends_with(ending)).unwrap();
    let file = fs::File::open(segments.join(name)).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr();
    schema.columns().iter().map(|column| format!("{column:?}")).collect()
}

async fn opens(fixture: &Path, format: i64) {
    let dir = tempfile::tempdir().unwrap();
    copy(fixture, dir.path());
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
    // Relations came with format 6.
    let relations = store.relations().await.unwrap();
    let expected = usize::from(format >= 6);
    assert_eq!((relations.len(), status.n_relations), (expected, expected as u64));
    // It is alive: known ids are known, and it can be written.
    let log = store.event_log().unwrap();
    let again = vec![recent[0].event.clone(), recent[1].event.clone()];
    assert_eq!(log.append(again).await.unwrap(), [Ack::Duplicate; 2]);
    let summary = shop::import_files(&store, "shop", &["o9 d9 anna: bulb"]).await;
    assert_eq!((summary.n_orders_new, summary.n_items_new), (1, 0));
}
