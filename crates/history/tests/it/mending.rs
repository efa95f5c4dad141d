//! Rows set aside by one import and mended later: they join their orders, whatever comes between.

use events::Timestamp;
use expect_test::expect;
use history::{ImportRequest, ImportSummary};

use crate::shop::{Shop, lines};

const GOOD: &str = "
    o1 d1 anna: bread, butter x2
    o2 d1 bert: milk
    o3 d2 -: bread, jam
";

/// Imports lines, with rows set aside of these orders (`?`: of an order that cannot be told).
async fn import(shop: &Shop, text: &str, rejects: &[&str]) -> ImportSummary {
    let mut import = shop.store.begin_orders(ImportRequest::new("shop", Timestamp(0))).unwrap();
    for order_id in rejects {
        import.note_reject((*order_id != "?").then_some(order_id), None);
    }
    import.push(&lines(text)).unwrap();
    import.commit(&|_, _| None).await.unwrap()
}

/// Two rows of o1 and one of o4 are set aside.
async fn shop_with_rejects() -> Shop {
    let shop = Shop::new().await;
    import(&shop, GOOD, &["o1", "o1", "o4"]).await;
    shop
}

const MENDED: &str = "
    o1 d1 anna: tea x3, jam
    o4 d4 cleo: tea
";

#[tokio::test]
async fn mended_rows_join_their_orders() {
    let shop = shop_with_rejects().await;
    let summary = import(&shop, MENDED, &[]).await;
    assert_eq!((summary.n_orders_new, summary.n_orders_completed), (1, 1));
    assert_eq!((summary.n_rows_superseded, summary.n_rows_equal), (0, 0));
    expect![[r#"
        d1 #0: bread butter jam tea
        d1 #1: milk
        d2 -: bread jam
        d4 #2: tea
    "#]]
    .assert_eq(&shop.baskets().await);
    let view = shop.store.view(&history::ViewOptions::default()).await.unwrap();
    assert_eq!(view.baskets.len(), 4);
}

#[tokio::test]
async fn both_files_again_change_nothing() {
    let shop = shop_with_rejects().await;
    import(&shop, MENDED, &[]).await;
    let before = shop.baskets().await;
    let again = import(&shop, MENDED, &[]).await;
    assert_eq!((again.n_orders_unchanged, again.n_orders_changed), (2, 0));
    let first = import(&shop, GOOD, &["o1", "o1", "o4"]).await;
    assert_eq!((first.n_orders_unchanged, first.n_orders_changed), (3, 0));
    let once_more = import(&shop, MENDED, &[]).await;
    assert_eq!((once_more.n_orders_unchanged, once_more.n_orders_changed), (2, 0));
    assert_eq!(shop.baskets().await, before);
}

#[tokio::test]
async fn rows_may_be_mended_one_after_the_other() {
    let shop = shop_with_rejects().await;
    let half = import(&shop, "o1 d1 anna: tea x3", &["o1", "o4"]).await;
    assert_eq!(half.n_orders_completed, 1);
    let rest = import(&shop, MENDED, &[]).await;
    assert_eq!((rest.n_orders_completed, rest.n_orders_new), (1, 1));
    assert!(shop.baskets().await.contains("d1 #0: bread butter jam tea\n"));
    let again = import(&shop, "o1 d1 anna: tea x3", &[]).await;
    assert_eq!(again.n_orders_unchanged, 1);
}

#[tokio::test]
async fn a_whole_version_still_supersedes() {
    let shop = shop_with_rejects().await;
    // It holds every item that was there: no rest of an order looks like this.
    let whole = import(&shop, "o1 d1 anna: bread, butter", &[]).await;
    assert_eq!((whole.n_orders_completed, whole.n_orders_changed), (0, 1));
    // From now on the order lacks nothing.
    import(&shop, "o1 d1 anna: jam", &[]).await;
    assert!(shop.baskets().await.contains("d1 #0: jam\n"));
}

#[tokio::test]
async fn an_order_begun_by_mended_rows_is_completed_by_the_next() {
    let shop = Shop::new().await;
    import(&shop, GOOD, &["o4", "o4"]).await;
    import(&shop, "o4 d4 cleo: tea", &["o4"]).await;
    let rest = import(&shop, "o4 d4 cleo: jam", &[]).await;
    assert_eq!(rest.n_orders_completed, 1);
    assert!(shop.baskets().await.contains("d4 #2: jam tea\n"));
    assert_eq!(import(&shop, "o4 d4 cleo: tea", &[]).await.n_orders_unchanged, 1);
}

#[tokio::test]
async fn a_larger_import_does_not_mend_rows_of_unknown_orders() {
    let shop = Shop::new().await;
    import(&shop, GOOD, &["?"]).await;
    let next = import(&shop, "o2 d1 bert: tea\no5 d5 -: milk", &[]).await;
    assert_eq!((next.n_orders_completed, next.n_orders_changed), (0, 1));
    assert!(shop.baskets().await.contains("d1 #1: tea\n"));
}

#[tokio::test]
async fn a_mended_row_like_another_of_its_order_adds_up() {
    let shop = shop_with_rejects().await;
    let summary = import(&shop, "o1 d1 anna: bread", &[]).await;
    assert_eq!(summary.n_rows_equal, 1);
    assert!(shop.baskets().await.contains("d1 #0: bread butter\n"));
}

#[tokio::test]
async fn rows_whose_order_could_not_be_told_join_too() {
    let shop = Shop::new().await;
    import(&shop, GOOD, &["?"]).await;
    let summary = import(&shop, "o2 d1 bert: tea", &[]).await;
    assert_eq!(summary.n_orders_completed, 1);
    assert!(shop.baskets().await.contains("d1 #1: milk tea\n"));
    assert_eq!(import(&shop, "o2 d1 bert: tea", &[]).await.n_orders_unchanged, 1);
    assert_eq!(import(&shop, GOOD, &["?"]).await.n_orders_unchanged, 3);
    // Nothing is missing any more: this is a version.
    assert_eq!(import(&shop, "o3 d2 -: tea", &[]).await.n_orders_completed, 0);
}

#[tokio::test]
async fn an_order_keeps_its_time_and_its_customer_when_completed() {
    let shop = Shop::new().await;
    import(&shop, "o1 d1 anna: bread\no2 d2 bert: milk", &["o1"]).await;
    import(&shop, "o1 d3 -: tea", &[]).await;
    expect![[r#"
        d1 #0: bread tea
        d2 #1: milk
    "#]]
    .assert_eq(&shop.baskets().await);
}

#[tokio::test]
async fn an_order_of_which_no_row_was_taken_is_replaced_by_its_whole() {
    let shop = Shop::new().await;
    import(&shop, "o1 d1 anna: bread", &[]).await;
    import(&shop, "o2 d1 bert: milk", &["o1", "o1"]).await;
    let whole = import(&shop, "o1 d1 anna: tea, jam", &[]).await;
    assert_eq!(whole.n_orders_completed, 0);
    assert!(shop.baskets().await.contains("d1 #0: tea jam\n"));
}
