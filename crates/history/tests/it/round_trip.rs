//! What is exported and imported again is what was there: kinds of lines, sources, refunds.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use events::import::{
    FileKind, ImportPlan, PlanOptions, ReadOptions, Source, propose_kind, read_orders,
};
use events::{EventKind, ItemKind, ItemRecord, LineKind, Timestamp};
use history::{ExportFormat, ImportRequest, ImportSummary, OpenMode, Store};

use crate::live::event;
use crate::shop::{Shop, import_files, lines};

/// A writer whose bytes can be looked at afterwards.
#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Two sources with the same order ids, every kind of line, refunds of a part and of a whole.
async fn busy_shop() -> Shop {
    let shop = Shop::new().await;
    let mut import = shop.store.begin_orders(ImportRequest::new("shop", Timestamp(0))).unwrap();
    let mut batch =
        lines("o1 d1 anna: bread, milk x2, tea @0\no2 d2 -: bread, jam x-1\no3 d2 -: jam");
    batch.kind[5] = LineKind::Cancellation;
    import.push(&batch).unwrap();
    import.commit(&|_, _| None).await.unwrap();
    import_files(&shop.store, "till", &["o1 d3 bert: bread, tea"]).await;
    let log = shop.store.event_log().unwrap();
    log.append(vec![
        event("o7/1", EventKind::Purchase, 4, "anna", &["bread", "jam"]),
        event("o8/1", EventKind::Purchase, 4, "-", &["bread", "jam"]),
        event("o7/2", EventKind::Refund, 5, "anna", &["jam"]),
        event("o8/2", EventKind::Refund, 6, "-", &[]),
    ])
    .await
    .unwrap();
    shop
}

pub(crate) async fn export(store: &Store, format: ExportFormat) -> Vec<u8> {
    let out = Bytes::default();
    store.export_orders(format, out.clone()).await.unwrap();
    std::mem::take(&mut *out.0.lock().unwrap())
}

/// As `alongside import orders` does it.
async fn import(store: &Store, file: &[u8]) -> ImportSummary {
    let mut source = Source::bytes("export", file.to_vec());
    let plan = ImportPlan::make(&mut source, FileKind::Orders, &PlanOptions::default()).unwrap();
    let mut import = store.begin_orders(ImportRequest::new("other", Timestamp(0))).unwrap();
    let summary = read_orders(source, &plan, ReadOptions::default(), &mut |lines, rejects| {
        assert!(rejects.is_empty(), "{rejects:?}");
        import.push(&lines).unwrap();
        ControlFlow::Continue(())
    });
    assert!(summary.unwrap().n_taken > 0);
    let propose = |item_id: &str, title: Option<&str>| propose_kind(item_id, title).map(|p| p.0);
    import.commit(&propose).await.unwrap()
}

fn sorted(csv: &[u8]) -> Vec<String> {
    let mut lines: Vec<String> =
        std::str::from_utf8(csv).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn an_export_imported_elsewhere_is_the_same_shop() {
    let shop = busy_shop().await;
    let written = export(&shop.store, ExportFormat::Csv).await;
    let there = shop.baskets().await;
    assert!(there.contains("d4 #0: bread\n") && !there.contains("d4 -"), "{there}");
    for format in FORMATS {
        let file = export(&shop.store, format).await;
        let other = Shop::new().await;
        let summary = import(&other.store, &file).await;
        assert_eq!(summary.n_orders_new, 8, "{format:?}");
        assert_eq!(sorted(&export(&other.store, ExportFormat::Csv).await), sorted(&written));
        let here = other.baskets().await;
        assert_eq!(here.lines().count(), there.lines().count(), "{here}{there}");
    }
}

const FORMATS: [ExportFormat; 4] =
    [ExportFormat::Csv, ExportFormat::Tsv, ExportFormat::JsonLines, ExportFormat::Parquet];

/// Titles of all kinds, what only adjustments name, kinds that were declared or guessed.
#[tokio::test]
async fn titles_and_kinds_come_back_with_the_orders() {
    let shop = busy_shop().await;
    let told = |item_id: &str, title: &str, kind| ItemRecord {
        item_id: item_id.to_owned(),
        title: Some(title.to_owned()),
        kind: Some(kind),
        ..ItemRecord::default()
    };
    let records = [
        told("bread", "Bread, \"brown\"\tlarge", ItemKind::Menu),
        told("jam", "POSTAGE", ItemKind::Good),
        told("tea", "12", ItemKind::Fee),
    ];
    shop.store.upsert_items(&records).await.unwrap();
    let catalog = async |store: &Store| {
        let (items, _) = store.items_since(0).await.unwrap();
        let mut items: Vec<_> = items
            .into_iter()
            .map(|item| (item.entry.id, item.entry.title, item.entry.kind))
            .collect();
        items.sort();
        items
    };
    let written = sorted(&export(&shop.store, ExportFormat::Csv).await);
    for format in FORMATS {
        let other = Shop::new().await;
        import(&other.store, &export(&shop.store, format).await).await;
        assert_eq!(catalog(&other.store).await, catalog(&shop.store).await, "{format:?}");
        assert_eq!(sorted(&export(&other.store, ExportFormat::Csv).await), written, "{format:?}");
    }
}

#[tokio::test]
async fn an_export_imported_where_it_came_from_changes_nothing() {
    let shop = busy_shop().await;
    for format in FORMATS {
        let file = export(&shop.store, format).await;
        let summary = import(&shop.store, &file).await;
        assert_eq!((summary.n_orders_new, summary.n_orders_changed), (0, 0), "{format:?}");
        assert_eq!(summary.n_orders_unchanged, 8, "{format:?}");
    }
}

#[tokio::test]
async fn a_store_that_is_read_only_gives_what_is_sealed() {
    let shop = busy_shop().await;
    let reader = Store::open(shop.dir.path(), OpenMode::ReadOnly).await.unwrap();
    let sealed = sorted(&export(&reader, ExportFormat::Csv).await);
    assert_eq!(reader.status().await.unwrap().n_orders_in_tail, 2, "nothing was sealed");
    let all = sorted(&export(&shop.store, ExportFormat::Csv).await);
    assert!(sealed.len() < all.len() && sealed.iter().all(|line| all.contains(line)));
}

const GA4: &str = "event_name,event_timestamp,user_pseudo_id,transaction_id,items.item_id\n";

/// Refunds keep an identity of their own: they come later than their order, in another file.
#[tokio::test]
async fn refunds_of_a_later_file_take_back_from_their_orders() {
    let shop = Shop::new().await;
    let day = |day: i64| day * crate::shop::DAY_US;
    let bought = format!(
        "{GA4}purchase,{0},u,T1,bread\npurchase,{0},u,T1,tea\npurchase,{0},v,T2,jam\n",
        1_600_000_000_000_000_i64
    );
    import(&shop.store, bought.as_bytes()).await;
    let refunded = format!(
        "{GA4}refund,{0},u,T1,tea\nrefund,{0},v,T2,\npurchase,{0},w,T3,tea\n",
        1_600_000_000_000_000_i64 + day(1)
    );
    for _ in 0..2 {
        import(&shop.store, refunded.as_bytes()).await;
        let baskets = shop.baskets().await;
        assert_eq!(baskets, "d18518 #0: bread\nd18519 #2: tea\n");
    }
}

/// The page of thanks was loaded again: the same transaction at another time.
#[tokio::test]
async fn a_transaction_sent_twice_counts_once() {
    let shop = Shop::new().await;
    let (first, again) = (1_600_000_000_000_000_i64, 1_600_000_900_000_000_i64);
    let text = format!(
        "{GA4}purchase,{again},u,T1,bread\npurchase,{first},u,T1,bread\n\
         purchase,{again},u,T1,tea\npurchase,{first},u,T1,tea\n"
    );
    let summary = import(&shop.store, text.as_bytes()).await;
    assert_eq!((summary.n_rows_repeated, summary.n_rows_superseded), (2, 0));
    assert_eq!((summary.n_lines_written, summary.n_rows_added_up), (2, 0));
    let written = String::from_utf8(export(&shop.store, ExportFormat::Csv).await).unwrap();
    assert!(written.contains(",T1,2020-09-13T12:26:40Z,u,bread,1,"), "{written}");
}
