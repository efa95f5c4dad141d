//! A segment of several row groups is read by several threads at once.

use std::fs::File;

use events::{Amount, IdColumn, LineKind, OrderLines, Timestamp};
use history::{HistoryView, ImportRequest, ViewOptions};
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::shop::Shop;

const N_ORDERS: u32 = 480_000;
const N_ITEMS: u32 = 997;

/// Each order holds two items that follow from its number.
fn items_of(order: u32) -> [u32; 2] {
    let first = order % N_ITEMS;
    [first, (first + 1 + order / N_ITEMS % 400) % N_ITEMS]
}

fn lines(orders: std::ops::Range<u32>) -> OrderLines {
    let mut lines = OrderLines {
        order_ids: IdColumn {
            codes: Vec::new(),
            dictionary: orders.clone().map(|order| order.to_string().into()).collect(),
        },
        item_ids: IdColumn {
            codes: Vec::new(),
            dictionary: (0..N_ITEMS).map(|item| item.to_string().into()).collect(),
        },
        ..OrderLines::default()
    };
    for (code, order) in orders.enumerate() {
        for item in items_of(order) {
            lines.order_ids.codes.push(code as u32);
            lines.item_ids.codes.push(item);
            lines.customer_ids.codes.push(events::NO_ID);
            lines.location_ids.codes.push(events::NO_ID);
            lines.kind.push(LineKind::Sale);
            lines.at.push(Timestamp(i64::from(order)));
            lines.quantity.push(Amount::ONE);
            lines.unit_price.push(Some(Amount::ONE));
            lines.currency.push(None);
        }
    }
    lines
}

fn most_row_groups(shop: &Shop) -> usize {
    let segments = shop.dir.path().join("segments");
    let orders = shop.segment_files().into_iter().filter(|name| name.contains(".orders."));
    let n_groups = |name: String| {
        let file = File::open(segments.join(name)).unwrap();
        SerializedFileReader::new(file).unwrap().num_row_groups()
    };
    orders.map(n_groups).max().unwrap_or(0)
}

fn check(view: &HistoryView) {
    assert_eq!(view.baskets.len(), N_ORDERS as usize);
    let rows = view.baskets.items.view();
    for order in 0..N_ORDERS as usize {
        // The time of an order is its number.
        assert_eq!(view.baskets.at[order], Timestamp(order as i64));
        let mut ids: Vec<u32> = rows
            .row(order)
            .iter()
            .map(|&item| view.items[item as usize].id.parse().unwrap())
            .collect();
        ids.sort_unstable();
        let mut expected = items_of(order as u32);
        expected.sort_unstable();
        assert_eq!(ids, expected, "order {order}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn row_groups_read_side_by_side_do_not_disturb_each_other() {
    let shop = Shop::new().await;
    let mut import = shop.store.begin_orders(ImportRequest::new("shop", Timestamp(0))).unwrap();
    for start in (0..N_ORDERS).step_by(60_000) {
        import.push(&lines(start..start + 60_000)).unwrap();
    }
    let summary = import.commit(&|_, _| None).await.unwrap();
    assert_eq!(summary.n_orders_new, u64::from(N_ORDERS));
    assert!(most_row_groups(&shop) >= 2, "one segment of several row groups is what this is for");
    let views = [(); 3].map(|()| {
        let store = shop.store.clone();
        tokio::spawn(async move { store.view(&ViewOptions::default()).await.unwrap() })
    });
    for view in views {
        check(&view.await.unwrap());
    }
    // Writing the same again reads all keys beside what comes in.
    let mut again = shop.store.begin_orders(ImportRequest::new("shop", Timestamp(0))).unwrap();
    again.push(&lines(0..60_000)).unwrap();
    assert_eq!(again.commit(&|_, _| None).await.unwrap().n_orders_unchanged, 60_000);
}
