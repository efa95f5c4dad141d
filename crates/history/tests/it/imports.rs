//! Bulk imports: identity, versions, returns.

use events::{ItemKind, Timestamp};
use expect_test::expect;
use history::{ImportRequest, KindOrigin, OpenMode, Store, ViewOptions};

use crate::shop::{self, Shop, import_files, lines};

const WEEK: &str = "
    o1 d1 anna: bread, butter x2
    o2 d1 bert: milk
    o3 d2 -: bread, jam
    o4 d3 anna: jam
";

#[tokio::test]
async fn orders_become_baskets_in_order_of_time() {
    let shop = Shop::new().await;
    let summary = shop.import(WEEK).await;
    assert_eq!((summary.n_orders_new, summary.n_rows, summary.n_lines_written), (4, 6, 6));
    assert_eq!((summary.n_items_new, summary.n_customers_new), (4, 2));
    expect![[r#"
        d1 #0: bread butter
        d1 #1: milk
        d2 -: bread jam
        d3 #0: jam
    "#]]
    .assert_eq(&shop.baskets().await);
}

#[tokio::test]
async fn the_same_file_twice_changes_nothing() {
    let shop = Shop::new().await;
    shop.import(WEEK).await;
    let (before, files) = (shop.baskets().await, shop.segment_files());
    let again = shop.import(WEEK).await;
    assert_eq!((again.n_orders_new, again.n_orders_changed, again.n_orders_unchanged), (0, 0, 4));
    assert_eq!((again.n_segments, again.n_items_new), (0, 0));
    assert_eq!(shop.baskets().await, before);
    assert_eq!(shop.segment_files(), files);
}

#[tokio::test]
async fn the_order_of_lines_and_files_of_the_same_content_changes_nothing() {
    let shop = Shop::new().await;
    shop.import("o1 d1 anna: bread, butter x2, jam").await;
    let again = shop.import("o1 d1 anna: jam, butter, bread\no1 d1 anna: butter").await;
    assert_eq!((again.n_orders_changed, again.n_orders_unchanged), (0, 1));
    assert_eq!((again.n_rows_equal, again.n_rows_added_up), (1, 0));
}

#[tokio::test]
async fn overlapping_exports_supersede_order_by_order() {
    let shop = Shop::new().await;
    shop.import(WEEK).await;
    let next = shop.import("o4 d3 anna: jam, tea\no5 d4 cleo: tea\no2 d1 bert: milk").await;
    assert_eq!((next.n_orders_new, next.n_orders_changed, next.n_orders_unchanged), (1, 1, 1));
    expect![[r#"
        d1 #0: bread butter
        d1 #1: milk
        d2 -: bread jam
        d3 #0: jam tea
        d4 #2: tea
    "#]]
    .assert_eq(&shop.baskets().await);
    // And back again: the first version is the newest now.
    let back = shop.import("o4 d3 anna: jam").await;
    assert_eq!(back.n_orders_changed, 1);
    assert!(shop.baskets().await.contains("d3 #0: jam\n"));
}

#[tokio::test]
async fn a_segment_with_no_living_order_goes_away() {
    let shop = Shop::new().await;
    shop.import("o1 d1 anna: bread").await;
    let first = shop.segment_files();
    shop.import("o1 d1 anna: butter").await;
    let second = shop.segment_files();
    assert_eq!((first.len(), second.len()), (2, 2));
    assert_ne!(first, second);
    assert_eq!(shop.baskets().await, "d1 #0: butter\n");
}

#[tokio::test]
async fn of_several_files_in_one_import_the_last_counts() {
    let shop = Shop::new().await;
    let files = ["o1 d1 anna: bread\no2 d2 bert: milk", "o1 d1 anna: tea"];
    let summary = import_files(&shop.store, "shop", &files).await;
    assert_eq!((summary.n_orders_new, summary.n_rows_superseded), (2, 1));
    assert_eq!(shop.baskets().await, "d1 #0: tea\nd2 #1: milk\n");
}

#[tokio::test]
async fn sources_have_order_numbers_of_their_own() {
    let shop = Shop::new().await;
    import_files(&shop.store, "shop", &["o1 d1 anna: bread"]).await;
    let till = import_files(&shop.store, "till", &["o1 d2 anna: milk"]).await;
    assert_eq!(till.n_orders_new, 1);
    assert_eq!(shop.baskets().await, "d1 #0: bread\nd2 #0: milk\n");
}

#[tokio::test]
async fn returns_take_back_from_the_latest_earlier_sale() {
    let shop = Shop::new().await;
    shop.import(
        "o1 d1 anna: bread x2, tea
         o2 d2 anna: bread, jam
         o3 d3 bert: bread
         r1 d4 anna: bread x-2
         o4 d5 anna: bread",
    )
    .await;
    // One of o2 and one of the two of o1.
    expect![[r#"
        d1 #0: bread tea
        d2 #0: jam
        d3 #1: bread
        d5 #0: bread
    "#]]
    .assert_eq(&shop.baskets().await);
}

#[tokio::test]
async fn a_basket_whose_items_all_came_back_is_no_basket() {
    let shop = Shop::new().await;
    shop.import("o1 d1 anna: bread\no2 d1 -: tea x2, jam\nC2 d2 anna: bread x-1").await;
    shop.import("o3 d3 -: milk, milk x-1, jam").await;
    assert_eq!(shop.baskets().await, "d1 -: tea jam\nd3 -: jam\n");
}

#[tokio::test]
async fn an_anonymous_credit_note_takes_back_from_the_order_that_it_names() {
    let shop = Shop::new().await;
    shop.import("536 d1 -: bread, tea\n537 d1 -: bread\nC536 d2 -: bread x-1").await;
    assert_eq!(shop.baskets().await, "d1 -: tea\nd1 -: bread\n");
}

#[tokio::test]
async fn returns_after_the_end_of_the_view_are_not_known_yet() {
    let shop = Shop::new().await;
    shop.import("o1 d1 anna: bread\no2 d2 anna: tea\nr1 d3 anna: bread x-1").await;
    let until = ViewOptions { until: Some(Timestamp(3 * shop::DAY_US)), ..ViewOptions::default() };
    assert_eq!(shop::show(&shop.store.view(&until).await.unwrap()), "d1 #0: bread\nd2 #0: tea\n");
    let since = ViewOptions { since: Some(Timestamp(2 * shop::DAY_US)), ..ViewOptions::default() };
    assert_eq!(shop::show(&shop.store.view(&since).await.unwrap()), "d2 #0: tea\n");
}

#[tokio::test]
async fn orders_dated_ahead_are_taken_to_be_of_now_and_counted() {
    let shop = Shop::new().await;
    shop.import("o1 d1 -: bread\no2 d9000 -: jam\no3 d8000 -: tea\no4 - -: milk").await;
    let view = async |day| {
        let now = Some(Timestamp(day * shop::DAY_US));
        shop.store.view(&ViewOptions { now, ..ViewOptions::default() }).await.unwrap()
    };
    let held = view(5).await;
    assert_eq!(shop::show(&held), "- -: milk\nd1 -: bread\nd5 -: tea\nd5 -: jam\n");
    let ahead = (history::ORDERS_DATED_AHEAD.to_owned(), "2".to_owned());
    assert!(held.provenance.contains(&ahead), "{:?}", held.provenance);
    let later = view(9_001).await;
    assert_eq!(later, shop.store.view(&ViewOptions::default()).await.unwrap());
    assert_eq!(
        shop.store.status().await.unwrap().dated_ahead(held.baskets.at[3]),
        Some(Timestamp(9_000 * shop::DAY_US))
    );
    assert_eq!(shop.store.status().await.unwrap().dated_ahead(later.baskets.at[3]), None);
}

#[tokio::test]
async fn fees_gifts_and_adjustments_make_no_baskets() {
    let shop = Shop::new().await;
    let mut import = shop.store.begin_orders(ImportRequest::new("shop", Timestamp(0))).unwrap();
    import
        .push(&shop::lines("o1 d1 anna: bread, POST\no2 d2 anna: POST\no3 d3 anna: cup @0"))
        .unwrap();
    import.commit(&|id, _| (id == "POST").then_some(ItemKind::Fee)).await.unwrap();
    assert_eq!(shop.baskets().await, "d1 #0: bread\n");
    let view = shop.store.view(&ViewOptions::default()).await.unwrap();
    assert_eq!(shop::entry(&view, "POST").kind, ItemKind::Fee);
    // The owner knows better, and a later proposal does not change that.
    let declared = [("POST".to_owned(), ItemKind::Good)];
    shop.store.set_kinds(&declared, KindOrigin::Declared).await.unwrap();
    let proposed = [("POST".to_owned(), ItemKind::Fee)];
    shop.store.set_kinds(&proposed, KindOrigin::Proposed).await.unwrap();
    assert_eq!(shop.baskets().await, "d1 #0: bread POST\nd2 #0: POST\n");
}

#[tokio::test]
async fn without_times_the_order_of_appearance_stands() {
    let shop = Shop::new().await;
    shop.import("z - anna: bread\na - bert: tea\nm - anna: jam").await;
    shop.import("b - anna: milk").await;
    assert_eq!(shop.baskets().await, "- #0: bread\n- #1: tea\n- #0: jam\n- #0: milk\n");
}

#[tokio::test]
async fn dropping_an_import_leaves_nothing() {
    let shop = Shop::new().await;
    shop.import(WEEK).await;
    let (before, files) = (shop.baskets().await, shop.segment_files());
    let mut import = shop.store.begin_orders(ImportRequest::new("shop", Timestamp(0))).unwrap();
    import.push(&shop::lines("o9 d9 zoe: caviar")).unwrap();
    drop(import);
    assert_eq!(shop.baskets().await, before);
    assert_eq!(shop.segment_files(), files);
    assert_eq!(shop.store.view(&ViewOptions::default()).await.unwrap().n_items(), 4);
}

#[tokio::test]
async fn rows_beyond_the_budget_pass_through_a_file() {
    let (in_memory, spilled) = (Shop::new().await, Shop::new().await);
    let mut request = ImportRequest::new("shop", Timestamp(0));
    request.budget_bytes = 64;
    let mut import = spilled.store.begin_orders(request).unwrap();
    for line in WEEK.lines() {
        import.push(&shop::lines(line)).unwrap();
    }
    import.commit(&|_, _| None).await.unwrap();
    in_memory.import(WEEK).await;
    assert_eq!(spilled.baskets().await, in_memory.baskets().await);
}

#[tokio::test]
async fn a_store_opens_again_with_all_that_was_imported() {
    let shop = Shop::new().await;
    shop.import(WEEK).await;
    let before = shop.baskets().await;
    let Shop { dir, store } = shop;
    store.close().await;
    for mode in [OpenMode::ReadWrite, OpenMode::ReadOnly, OpenMode::Create] {
        let store = Store::open(dir.path(), mode).await.unwrap();
        let view = store.view(&ViewOptions::default()).await.unwrap();
        assert_eq!(shop::show(&view), before, "opened {mode:?}");
        store.close().await;
    }
}

#[tokio::test]
async fn two_stores_in_one_directory_see_each_other() {
    let shop = Shop::new().await;
    let other = Store::open(shop.dir.path(), OpenMode::ReadWrite).await.unwrap();
    let (one, two) = tokio::join!(
        import_files(&shop.store, "shop", &["o1 d1 anna: bread, tea"]),
        import_files(&other, "till", &["o1 d2 anna: tea, milk"]),
    );
    assert_eq!((one.n_orders_new, two.n_orders_new), (1, 1));
    let text = shop.baskets().await;
    assert_eq!(text.lines().count(), 2, "{text}");
    let view = other.view(&ViewOptions::default()).await.unwrap();
    assert_eq!((view.n_items(), view.n_customers), (3, 1));
    assert_eq!(shop::show(&view), text);
}

#[tokio::test]
async fn odd_ids_come_back_as_they_were() {
    let shop = Shop::new().await;
    let long = "x".repeat(10_000);
    let mut lines = shop::lines("o1 d1 anna: bread, tea");
    lines.item_ids.dictionary = vec!["a \"b\", 'c'\n🍞".into(), long.clone().into()];
    lines.order_ids.dictionary = vec!["ordre nº 1".into()];
    let mut import = shop.store.begin_orders(ImportRequest::new("shop", Timestamp(0))).unwrap();
    import.push(&lines).unwrap();
    import.commit(&|_, _| None).await.unwrap();
    let view = shop.store.view(&ViewOptions::default()).await.unwrap();
    assert_eq!(
        view.items.iter().map(|item| &*item.id).collect::<Vec<_>>(),
        ["a \"b\", 'c'\n🍞", &long]
    );
}

#[tokio::test]
async fn a_source_needs_a_name() {
    let shop = Shop::new().await;
    let refused = shop.store.begin_orders(ImportRequest::new("  ", Timestamp(0)));
    assert!(refused.is_err_and(|error| error.to_string().contains("source")));
}

#[tokio::test]
async fn a_very_large_basket_is_kept_whole() {
    let shop = Shop::new().await;
    let items: Vec<String> = (0..50_000).map(|item| format!("i{item}")).collect();
    let mut lines = shop::lines("o1 d1 anna: i0");
    for item in &items[1..] {
        lines.item_ids.codes.push(lines.item_ids.dictionary.len() as u32);
        lines.item_ids.dictionary.push(item.as_str().into());
        lines.order_ids.codes.push(0);
        lines.customer_ids.codes.push(0);
        lines.location_ids.codes.push(events::NO_ID);
        lines.kind.push(events::LineKind::Sale);
        lines.at.push(lines.at[0]);
        lines.quantity.push(events::Amount::ONE);
        lines.unit_price.push(None);
        lines.currency.push(None);
    }
    let mut import = shop.store.begin_orders(ImportRequest::new("shop", Timestamp(0))).unwrap();
    import.push(&lines).unwrap();
    import.commit(&|_, _| None).await.unwrap();
    let view = shop.store.view(&ViewOptions::default()).await.unwrap();
    assert_eq!((view.baskets.len(), view.baskets.items.view().n_entries()), (1, 50_000));
}

#[tokio::test]
async fn of_sales_at_the_same_time_the_last_by_order_id_gives_back_wherever_it_is_kept() {
    let lines = ["a d1 anna: cup, pot", "b d1 anna: cup", "c d1 anna: tea, cup x-1"];
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0]] {
        let (apart, together) = (Shop::new().await, Shop::new().await);
        for at in order {
            apart.import(lines[at]).await;
        }
        together.import(&order.map(|at| lines[at]).join("\n")).await;
        // Items stand in order of their index, which is not the same in all three.
        for shop in [apart, together] {
            let baskets = shop.baskets().await;
            assert_eq!(baskets.matches("cup").count(), 1, "{order:?}: {baskets}");
            let first = baskets.lines().next().unwrap();
            assert!(first.contains("cup") && first.contains("pot"), "{order:?}: {baskets}");
        }
    }
}

#[tokio::test]
async fn a_customer_with_100_000_orders_gives_back_in_time() {
    let shop = Shop::new().await;
    let mut lines = shop::lines("o d1 anna: bread");
    lines.order_ids.dictionary.clear();
    let (n_sales, n_returns) = (100_000, 40_000);
    for number in 0..n_sales + n_returns {
        lines.order_ids.dictionary.push(format!("o{number:06}").into());
        let is_return = number >= n_sales;
        if number > 0 {
            for column in [&mut lines.item_ids, &mut lines.customer_ids] {
                column.codes.push(0);
            }
            lines.order_ids.codes.push(number);
            lines.location_ids.codes.push(events::NO_ID);
            lines.kind.push(events::LineKind::Sale);
            lines.at.push(Timestamp(i64::from(number)));
            lines.quantity.push(events::Amount::ONE);
            lines.unit_price.push(None);
            lines.currency.push(None);
        }
        if is_return {
            lines.kind[number as usize] = events::LineKind::Return;
            lines.quantity[number as usize] = events::Amount(-1_000_000);
        }
    }
    lines.at[0] = Timestamp(0);
    let mut import = shop.store.begin_orders(ImportRequest::new("shop", Timestamp(0))).unwrap();
    import.push(&lines).unwrap();
    import.commit(&|_, _| None).await.unwrap();
    let view = shop.store.view(&ViewOptions::default()).await.unwrap();
    // The latest sales came back, the earliest stand.
    assert_eq!(view.baskets.len(), (n_sales - n_returns) as usize);
    assert_eq!(view.span().unwrap().1, Timestamp(i64::from(n_sales - n_returns) - 1));
}

#[tokio::test]
async fn an_order_cut_by_a_later_file_is_told() {
    let shop = Shop::new().await;
    let files =
        ["o1 d1 anna: bread, tea\no2 d1 bert: jam", "o1 d1 anna: milk\no2 d1 bert: jam, tea"];
    let summary = import_files(&shop.store, "shop", &files).await;
    assert_eq!((summary.n_rows_superseded, summary.n_orders_cut), (3, 1));
    assert_eq!(summary.cut_examples, ["o1"]);
    assert_eq!(shop.baskets().await, "d1 #0: milk\nd1 #1: tea jam\n");
}

#[tokio::test]
async fn parts_of_one_export_may_share_an_order() {
    let shop = Shop::new().await;
    let request = ImportRequest { are_parts: true, ..ImportRequest::new("shop", Timestamp(0)) };
    let mut import = shop.store.begin_orders(request).unwrap();
    for (part, text) in
        ["o1 d1 anna: bread, tea", "o1 d1 anna: milk\no2 d1 -: tea"].iter().enumerate()
    {
        import.begin_file(&format!("part {part}"), "");
        import.push(&lines(text)).unwrap();
    }
    let summary = import.commit(&|_, _| None).await.unwrap();
    assert_eq!((summary.n_rows_superseded, summary.n_orders_cut), (0, 0));
    assert_eq!(shop.baskets().await, "d1 #0: bread tea milk\nd1 -: tea\n");
}

#[tokio::test]
async fn a_file_that_was_imported_is_known_by_its_content() {
    let shop = Shop::new().await;
    let path = std::path::Path::new("orders.csv");
    let of = |text: &str, how: &str| history::fingerprint(path, &mut text.as_bytes(), how).unwrap();
    let fingerprint = of("orders", "");
    let mut import = shop.store.begin_orders(ImportRequest::new("shop", Timestamp(7))).unwrap();
    import.begin_file("orders.csv", &fingerprint);
    import.push(&lines("o1 d1 anna: bread")).unwrap();
    import.commit(&|_, _| None).await.unwrap();
    let known = async |source: &str, fingerprint: &str| {
        shop.store.when_imported(source, fingerprint).await.unwrap()
    };
    assert_eq!(known("shop", &of("orders", "")).await, Some(Timestamp(7)));
    assert_eq!(known("till", &fingerprint).await, None);
    assert_eq!(known("shop", &of("others", "")).await, None);
    assert_eq!(known("shop", &of("orders", "month first")).await, None);
}

/// What the sample did not show: the summary names the fees that the whole file made.
#[tokio::test]
async fn new_fees_are_named() {
    let shop = Shop::new().await;
    let import = async || {
        let mut import = shop.store.begin_orders(ImportRequest::new("shop", Timestamp(0))).unwrap();
        import.push(&lines("o1 d1 anna: bread, POST")).unwrap();
        let propose = |id: &str, _: Option<&str>| (id == "POST").then_some(events::ItemKind::Fee);
        import.commit(&propose).await.unwrap().fees
    };
    let fees = import().await;
    assert_eq!(fees.iter().map(|fee| fee.item_id.as_str()).collect::<Vec<_>>(), ["POST"]);
    assert_eq!(import().await, []);
}
