//! Live events: acknowledged once, orders like imported ones, sealed without a change.

use events::event::EventLine;
use events::{Amount, Event, EventKind, Timestamp};
use history::{Ack, ViewOptions};

use crate::shop::{self, DAY_US, Shop};

pub(crate) fn event(id: &str, kind: EventKind, day: i64, customer: &str, items: &[&str]) -> Event {
    let order_id = matches!(kind, EventKind::Purchase | EventKind::Refund)
        .then(|| id.split('/').next().unwrap().to_owned());
    Event {
        event_id: id.to_owned(),
        kind,
        at: Timestamp(day * DAY_US),
        customer_id: (customer != "-").then(|| customer.to_owned()),
        session_id: Some("s1".to_owned()),
        order_id,
        source: "shop".to_owned(),
        currency: None,
        location_id: None,
        recommendation_id: None,
        lines: items
            .iter()
            .map(|item| EventLine {
                item_id: (*item).to_owned(),
                quantity: Amount::ONE,
                unit_price: Some(Amount::ONE),
                origin: Some("search".to_owned()),
            })
            .collect(),
        confirmed: true,
    }
}

#[tokio::test]
async fn a_purchase_is_a_basket_as_soon_as_it_is_acknowledged() {
    let shop = Shop::new().await;
    let log = shop.store.event_log().unwrap();
    let acks = log
        .append(vec![
            event("v1", EventKind::ViewItem, 1, "anna", &["bread"]),
            event("o1", EventKind::Purchase, 2, "anna", &["bread", "tea"]),
        ])
        .await
        .unwrap();
    assert_eq!(acks, [Ack::Stored { seq: 1 }, Ack::Stored { seq: 2 }]);
    assert_eq!(shop.baskets().await, "d2 #0: bread tea\n");
}

#[tokio::test]
async fn an_event_counts_once_however_often_it_is_sent() {
    let shop = Shop::new().await;
    let log = shop.store.event_log().unwrap();
    let view = event("v1", EventKind::ViewItem, 1, "anna", &["bread"]);
    let acks = log.append(vec![view.clone(), view.clone()]).await.unwrap();
    assert_eq!(acks, [Ack::Stored { seq: 1 }, Ack::Duplicate]);
    assert_eq!(log.append(vec![view.clone()]).await.unwrap(), [Ack::Duplicate]);
    // Sealed events are remembered too, and so they are by another process.
    shop.store.seal_tail(Timestamp(i64::MAX)).await.unwrap();
    let other = history::Store::open(shop.dir.path(), history::OpenMode::ReadWrite).await.unwrap();
    assert_eq!(other.event_log().unwrap().append(vec![view]).await.unwrap(), [Ack::Duplicate]);
    assert_eq!((log.counts().n_stored, log.counts().n_duplicates), (1, 2));
    // How many came again is remembered, whoever took them and by whichever process.
    for (since_day, n) in [(0, 3), (1, 3), (2, 0)] {
        let since = Timestamp(since_day * DAY_US);
        assert_eq!(shop.store.n_repeated_events(since).await.unwrap(), n, "{since_day}");
    }
}

#[tokio::test]
async fn the_same_order_live_and_in_the_file_is_one_order() {
    let shop = Shop::new().await;
    let log = shop.store.event_log().unwrap();
    log.append(vec![event("o1", EventKind::Purchase, 1, "anna", &["bread"])]).await.unwrap();
    let nightly = shop.import("o1 d1 anna: bread, jam\no2 d1 bert: tea").await;
    assert_eq!((nightly.n_orders_new, nightly.n_orders_changed), (1, 1));
    assert_eq!(shop.baskets().await, "d1 #0: bread jam\nd1 #1: tea\n");
    // Sealing the older version changes nothing.
    let sealed = shop.store.seal_tail(Timestamp(i64::MAX)).await.unwrap();
    assert_eq!((sealed.n_events, sealed.n_orders), (1, 0));
    assert_eq!(shop.baskets().await, "d1 #0: bread jam\nd1 #1: tea\n");
    // A later event supersedes the file, in the tail and sealed.
    log.append(vec![event("o2/again", EventKind::Purchase, 1, "bert", &["tea", "cake"])])
        .await
        .unwrap();
    assert_eq!(shop.baskets().await, "d1 #0: bread jam\nd1 #1: tea cake\n");
    assert_eq!(shop.store.seal_tail(Timestamp(i64::MAX)).await.unwrap().n_orders, 1);
    assert_eq!(shop.baskets().await, "d1 #0: bread jam\nd1 #1: tea cake\n");
}

#[tokio::test]
async fn the_same_content_live_and_in_the_file_is_unchanged() {
    let shop = Shop::new().await;
    shop.import("o1 d1 anna: bread").await;
    let log = shop.store.event_log().unwrap();
    let mut purchase = event("o1", EventKind::Purchase, 1, "anna", &["bread"]);
    purchase.currency = events::Currency::parse("GBP");
    log.append(vec![purchase]).await.unwrap();
    assert_eq!(shop.store.seal_tail(Timestamp(i64::MAX)).await.unwrap().n_orders, 0);
    assert_eq!(shop.import("o1 d1 anna: bread").await.n_orders_unchanged, 1);
}

#[tokio::test]
async fn a_purchase_that_nobody_confirmed_counts_for_nothing() {
    let shop = Shop::new().await;
    let log = shop.store.event_log().unwrap();
    let mut claimed = event("o1", EventKind::Purchase, 1, "anna", &["caviar"]);
    claimed.confirmed = false;
    log.append(vec![claimed.clone()]).await.unwrap();
    assert_eq!(shop.baskets().await, "");
    let view = shop.store.view(&ViewOptions::default()).await.unwrap();
    assert_eq!(view.n_items(), 0, "a browser cannot fill the catalogue");
    shop.store.seal_tail(Timestamp(i64::MAX)).await.unwrap();
    assert_eq!(shop.baskets().await, "");
    let kept = shop.store.recent_events(Timestamp(0)).await.unwrap();
    assert_eq!(kept[0].event, claimed);
    log.append(vec![event("o1/server", EventKind::Purchase, 1, "anna", &["bread"])]).await.unwrap();
    assert_eq!(shop.baskets().await, "d1 #0: bread\n");
}

#[tokio::test]
async fn refunds_subtract_in_part_and_whole() {
    let shop = Shop::new().await;
    let log = shop.store.event_log().unwrap();
    log.append(vec![
        event("o1", EventKind::Purchase, 1, "anna", &["bread", "tea"]),
        event("o2", EventKind::Purchase, 2, "-", &["bread", "jam"]),
        event("o1/refund", EventKind::Refund, 3, "anna", &["tea"]),
        event("o2/refund", EventKind::Refund, 3, "-", &[]),
    ])
    .await
    .unwrap();
    assert_eq!(shop.baskets().await, "d1 #0: bread\n");
    shop.store.seal_tail(Timestamp(i64::MAX)).await.unwrap();
    assert_eq!(shop.baskets().await, "d1 #0: bread\n");
    // The file brings the order again; the refund stays one.
    shop.import("o1 d1 anna: bread, tea, milk").await;
    assert_eq!(shop.baskets().await, "d1 #0: bread milk\n");
}

#[tokio::test]
async fn recent_events_come_back_as_they_were_sealed_or_not() {
    let shop = Shop::new().await;
    let log = shop.store.event_log().unwrap();
    let sent = vec![
        event("a", EventKind::ViewItem, 1, "anna", &["bread"]),
        event("b", EventKind::AddToCart, 2, "-", &["bread", "jam"]),
        event("c", EventKind::RecommendationClick, 3, "bert", &[]),
    ];
    log.append(sent.clone()).await.unwrap();
    let events = |recent: Vec<history::LoggedEvent>| -> Vec<Event> {
        recent.into_iter().map(|logged| logged.event).collect()
    };
    let since = Timestamp(2 * DAY_US);
    assert_eq!(events(shop.store.recent_events(since).await.unwrap()), sent[1..]);
    shop.store.seal_tail(Timestamp(3 * DAY_US)).await.unwrap();
    assert_eq!(shop.store.status().await.unwrap().n_events_in_tail, 1);
    assert_eq!(events(shop.store.recent_events(since).await.unwrap()), sent[1..]);
    assert_eq!(events(shop.store.recent_events(Timestamp(0)).await.unwrap()), sent);
}

#[tokio::test]
async fn many_writers_share_commits() {
    let shop = Shop::new().await;
    let log = shop.store.event_log().unwrap();
    let tasks: Vec<_> = (0..64)
        .map(|writer| {
            let log = log.clone();
            tokio::spawn(async move {
                for n in 0..5 {
                    let id = format!("{writer}-{n}");
                    let acks = log.append(vec![event(&id, EventKind::ViewItem, 1, "anna", &["x"])]);
                    assert!(matches!(acks.await.unwrap()[..], [Ack::Stored { .. }]));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let counts = log.counts();
    assert_eq!(counts.n_stored, 320);
    assert!(counts.n_commits < 200, "{} commits for 320 events", counts.n_commits);
    assert_eq!(shop.store.recent_events(Timestamp(0)).await.unwrap().len(), 320);
}

#[tokio::test]
async fn a_clock_going_backwards_does_no_harm() {
    let shop = Shop::new().await;
    let log = shop.store.event_log().unwrap();
    log.append(vec![event("o1", EventKind::Purchase, 9, "anna", &["bread"])]).await.unwrap();
    log.append(vec![event("o1/later", EventKind::Purchase, 3, "anna", &["tea"])]).await.unwrap();
    // The later event is the later version, whatever its clock said.
    assert_eq!(
        shop::show(&shop.store.view(&ViewOptions::default()).await.unwrap()),
        "d3 #0: tea\n"
    );
}

#[tokio::test]
async fn a_page_cannot_take_the_event_id_of_a_server() {
    let shop = Shop::new().await;
    let log = shop.store.event_log().unwrap();
    let mut claimed = event("o1", EventKind::Purchase, 1, "-", &["bread"]);
    claimed.confirmed = false;
    let order = event("o1", EventKind::Purchase, 1, "anna", &["bread", "tea"]);
    assert_eq!(log.append(vec![claimed.clone()]).await.unwrap(), [Ack::Stored { seq: 1 }]);
    assert_eq!(log.append(vec![order.clone()]).await.unwrap(), [Ack::Stored { seq: 2 }]);
    assert_eq!(shop.baskets().await, "d1 #0: bread tea\n");
    // Each of them counts once, also for another process and after the sealing.
    let again = vec![claimed, order];
    assert_eq!(log.append(again.clone()).await.unwrap(), [Ack::Duplicate; 2]);
    for before in [0, i64::MAX] {
        shop.store.seal_tail(Timestamp(before)).await.unwrap();
        let other =
            history::Store::open(shop.dir.path(), history::OpenMode::ReadWrite).await.unwrap();
        let acks = other.event_log().unwrap().append(again.clone()).await.unwrap();
        assert_eq!(acks, [Ack::Duplicate; 2]);
    }
}
