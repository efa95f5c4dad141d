//! What a running service follows: customers, families, purchases since a snapshot, orders.

use events::{CustomerRecord, EventKind, ItemRecord, Timestamp};
use history::{CustomerMark, EraseOrders, NO_CUSTOMER, SealPolicy, ViewOptions};

use crate::live::event;
use crate::shop::{DAY_US, Shop};

fn told(changes: &history::CustomerChanges) -> String {
    let changed = changes.changed.iter().map(|customer| {
        let consent = customer.consent.map_or("-", |consent| if consent { "yes" } else { "no" });
        format!("{} #{} {consent}", customer.customer_id, customer.customer_idx)
    });
    let erased = changes.erased.iter().map(|idx| format!("gone #{idx}"));
    changed.chain(erased).collect::<Vec<_>>().join(", ")
}

fn consent(customer_id: &str, consent: bool) -> CustomerRecord {
    CustomerRecord {
        customer_id: customer_id.to_owned(),
        consent: Some(consent),
        attributes: Vec::new(),
    }
}

#[tokio::test]
async fn customers_are_followed_from_mark_to_mark() {
    let shop = Shop::new().await;
    shop.import("o1 d1 anna: bread\no2 d1 bert: tea").await;
    shop.store.upsert_customers(&[consent("bert", true)]).await.unwrap();
    let all = shop.store.customers_since(CustomerMark::default()).await.unwrap();
    assert_eq!(told(&all), "anna #0 -, bert #1 yes");
    let none = shop.store.customers_since(all.mark).await.unwrap();
    assert_eq!((told(&none), none.mark), (String::new(), all.mark));
    shop.store.upsert_customers(&[consent("anna", false)]).await.unwrap();
    shop.import("o3 d2 cleo: jam").await;
    let some = shop.store.customers_since(all.mark).await.unwrap();
    let mut names: Vec<&str> = some.changed.iter().map(|c| c.customer_id.as_str()).collect();
    names.sort_unstable();
    assert_eq!((names, some.changed.len()), (vec!["anna", "cleo"], 2));
    let now = Timestamp(7);
    shop.store.erase_customer("bert", EraseOrders::KeepAnonymous, now).await.unwrap();
    let gone = shop.store.customers_since(some.mark).await.unwrap();
    assert_eq!(told(&gone), "gone #1");
    // One who comes back is somebody new.
    shop.import("o4 d3 bert: tea").await;
    assert_eq!(told(&shop.store.customers_since(gone.mark).await.unwrap()), "bert #3 -");
}

#[tokio::test]
async fn the_head_of_a_family_is_told_by_its_id_even_before_it_is_known() {
    let shop = Shop::new().await;
    let item = |item_id: &str, head: Option<&str>| ItemRecord {
        item_id: item_id.to_owned(),
        variant_of: head.map(str::to_owned),
        ..ItemRecord::default()
    };
    shop.store.upsert_items(&[item("large", Some("lamp"))]).await.unwrap();
    let head = async |after| {
        let (items, version) = shop.store.items_since(after).await.unwrap();
        let large = items.into_iter().find(|item| &*item.entry.id == "large").unwrap();
        (large.variant_of, large.entry.variant_of, version)
    };
    assert_eq!(head(0).await, (Some("lamp".to_owned()), None, 1));
    shop.store.upsert_items(&[item("lamp", None)]).await.unwrap();
    // The head is not among what changed since, and is told all the same.
    shop.store.upsert_items(&[item("large", None)]).await.unwrap();
    assert_eq!(head(2).await, (Some("lamp".to_owned()), Some(1), 3));
    shop.store.upsert_items(&[item("large", Some(""))]).await.unwrap();
    assert_eq!(head(3).await, (None, None, 4));
}

#[tokio::test]
async fn purchases_and_orders_since_a_snapshot() {
    let shop = Shop::new().await;
    shop.import("o1 d1 anna: bread\no2 d1 -: tea").await;
    let log = shop.store.event_log().unwrap();
    let mut claimed = event("o5", EventKind::Purchase, 2, "anna", &["caviar"]);
    claimed.confirmed = false;
    let acks = log
        .append(vec![
            event("o3", EventKind::Purchase, 2, "anna", &["jam"]),
            event("v1", EventKind::ViewItem, 2, "anna", &["tea"]),
            event("o4", EventKind::Purchase, 2, "-", &["tea"]),
            claimed,
            event("o6", EventKind::Purchase, 0, "bert", &["milk"]),
            event("r3", EventKind::Refund, 3, "anna", &["jam"]),
        ])
        .await
        .unwrap();
    let history::Ack::Stored { seq: first } = acks[0] else { panic!("o3 is new") };
    let after = async |seq| {
        let logged = shop.store.purchases_after(seq).await.unwrap();
        logged.into_iter().map(|logged| logged.event.event_id).collect::<Vec<_>>()
    };
    assert_eq!(after(first - 1).await, ["o3", "o6", "r3"]);
    assert_eq!(after(first).await, ["o6", "r3"]);
    assert_eq!(shop.store.n_orders().await.unwrap(), 5);
    shop.store.seal_tail(Timestamp(i64::MAX)).await.unwrap();
    // The refund has a row of its own by now.
    assert_eq!(shop.store.n_orders().await.unwrap(), 6);
    // Sealing moves them, and they are told as before, with all that the event said.
    assert_eq!(after(first - 1).await, ["o3", "o6", "r3"]);
    assert_eq!(after(first).await, ["o6", "r3"]);
    let sealed = shop.store.purchases_after(first).await.unwrap();
    assert_eq!(sealed[0].event, event("o6", EventKind::Purchase, 0, "bert", &["milk"]));
    log.append(vec![event("o7", EventKind::Purchase, 1, "bert", &["tea"])]).await.unwrap();
    assert_eq!(after(first).await, ["o6", "r3", "o7"]);
    shop.store.erase_customer("bert", EraseOrders::KeepAnonymous, Timestamp(7)).await.unwrap();
    assert_eq!(after(first - 1).await, ["o3", "r3"]);
    shop.import("o1 d1 anna: bread, jam").await;
    // o7 came after the sealing; another version of o1 is no new order.
    assert_eq!(shop.store.n_orders().await.unwrap(), 7);
}

#[tokio::test]
async fn whose_orders_were_imported_since_a_snapshot() {
    let shop = Shop::new().await;
    shop.import("o1 d1 anna: bread\no2 d1 -: tea").await;
    let sequence = async || {
        let view = shop.store.view(&history::ViewOptions::default()).await.unwrap();
        let sources = view.provenance.into_iter().collect::<std::collections::HashMap<_, _>>();
        sources["sequence"].parse::<i64>().unwrap()
    };
    let learned = sequence().await;
    let idx = async |id: &str| shop.store.customer(id).await.unwrap().unwrap().customer_idx;
    let buyers = async |seq, mark: Option<&history::ImportsMark>| {
        shop.store.buyers_imported_after(seq, mark).await.unwrap()
    };
    let none = buyers(learned, None).await.unwrap();
    assert!(none.buyers.is_empty());
    assert_eq!(buyers(learned, Some(&none.mark)).await, None);
    // What came live is known by its events, also once it is sealed.
    let log = shop.store.event_log().unwrap();
    log.append(vec![event("o3", EventKind::Purchase, 2, "bert", &["jam"])]).await.unwrap();
    shop.store.seal_tail(Timestamp(i64::MAX)).await.unwrap();
    assert_eq!(buyers(learned, Some(&none.mark)).await, None);
    shop.import("o4 d2 carl: tea\no5 d2 -: jam\no1 d1 anna: bread").await;
    let some = buyers(learned, Some(&none.mark)).await.unwrap();
    assert_eq!(some.buyers.iter().copied().collect::<Vec<_>>(), [idx("carl").await]);
    shop.import("o1 d1 anna: bread, milk").await;
    let more = buyers(learned, Some(&some.mark)).await.unwrap();
    assert!(more.buyers.contains(&idx("anna").await) && more.buyers.len() == 2);
    let again = buyers(sequence().await, Some(&more.mark)).await.unwrap();
    assert!(again.buyers.is_empty(), "a snapshot of now knows them");
}

#[tokio::test]
async fn a_store_remembers_the_highest_version_of_its_policies() {
    let shop = Shop::new().await;
    assert_eq!(shop.store.policy_version().await.unwrap(), 0);
    for version in [3, 2] {
        shop.store.remember_policy_version(version).await.unwrap();
        let again =
            history::Store::open(shop.dir.path(), history::OpenMode::ReadOnly).await.unwrap();
        assert_eq!(again.policy_version().await.unwrap(), 3);
    }
}

#[tokio::test]
async fn a_store_remembers_that_keys_were_made() {
    let shop = Shop::new().await;
    assert!(!shop.store.is_guarded().await.unwrap());
    shop.store.set_guarded().await.unwrap();
    let again = history::Store::open(shop.dir.path(), history::OpenMode::ReadOnly).await.unwrap();
    assert!(again.is_guarded().await.unwrap());
}

#[tokio::test]
async fn the_tail_is_sealed_when_it_is_long_or_old() {
    let shop = Shop::new().await;
    let log = shop.store.event_log().unwrap();
    let day = |day: i64| Timestamp(day * DAY_US);
    let seal = async |before: i64, at_least: u32, latest: i64| {
        let policy = SealPolicy { before: day(before), at_least, latest: day(latest) };
        shop.store.seal_when_due(&policy).await.unwrap().n_events
    };
    assert_eq!(seal(9, 1, 9).await, 0, "nothing is there");
    assert_eq!(seal(9, 0, 9).await, 0);
    let view = |id: &str, at: i64| event(id, EventKind::ViewItem, at, "anna", &["tea"]);
    log.append(vec![view("a", 3), view("b", 4), view("c", 6)]).await.unwrap();
    assert_eq!(seal(5, 3, 3).await, 0, "two are ready, and none is old");
    assert_eq!(seal(5, 2, 3).await, 2, "long enough");
    assert_eq!(seal(7, 5, 6).await, 0);
    assert_eq!(seal(7, 5, 7).await, 1, "old enough");
}

#[tokio::test]
async fn what_was_bought_by_who_refused_is_a_guests() {
    let shop = Shop::new().await;
    shop.import("o1 d1 anna: bread, tea x2\no2 d2 bert: tea\no3 d3 anna: tea x-2").await;
    let bought = async || {
        let baskets = shop.store.view(&ViewOptions::default()).await.unwrap().baskets;
        (baskets.customers, baskets.items.indices)
    };
    let (customers, items) = bought().await;
    assert_eq!((customers, items.len()), (vec![0, 1], 2), "the tea came back");
    shop.store.upsert_customers(&[consent("anna", false)]).await.unwrap();
    // Her return still finds her sale.
    assert_eq!(bought().await, (vec![NO_CUSTOMER, 1], items.clone()));
    shop.store.upsert_customers(&[consent("anna", true)]).await.unwrap();
    assert_eq!(bought().await, (vec![0, 1], items));
}
