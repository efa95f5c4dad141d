//! Order ids that stand for several orders.

use events::Timestamp;
use history::{Error, ImportRequest, ImportSummary, Result};

use crate::shop::{Shop, lines};

/// Imports each text as a file, and refuses ids that repeat when asked.
async fn import(shop: &Shop, files: &[&str], refuses_repeats: bool) -> Result<ImportSummary> {
    let request = ImportRequest { refuses_repeats, ..ImportRequest::new("till", Timestamp(0)) };
    let mut import = shop.store.begin_orders(request)?;
    for text in files {
        import.begin_file("till", "");
        // Line by line, so that an order meets itself again in another batch.
        for line in text.lines() {
            import.push(&lines(line))?;
        }
    }
    import.commit(&|_, _| None).await
}

const SEVERAL: &str = "
    1 d1 anna: bread
    1 d1 bert: milk
    2 d1 -: bread
    2 d9 -: jam
    3 d1 anna: jam
";

#[tokio::test]
async fn ids_of_several_orders_are_told_or_refused() {
    let shop = Shop::new().await;
    let told = import(&shop, &[SEVERAL], true).await.unwrap_err();
    assert!(matches!(told, Error::RepeatedIds { .. }), "{told}");
    let told = told.to_string();
    assert!(told.contains("2 of 3 order ids (66.7 %)"), "{told}");
    assert!(told.contains("1 with several customers, 1 with sales more than a day apart"));
    assert!(told.contains("--order-from order-location-day"), "{told}");
    assert_eq!((shop.baskets().await.as_str(), shop.segment_files().len()), ("", 0));
    let taken = import(&shop, &[SEVERAL], false).await.unwrap();
    assert_eq!((taken.n_orders_new, taken.n_orders_doubtful), (3, 2));
    assert!(taken.doubts.unwrap().contains("66.7 %"));
}

#[tokio::test]
async fn rows_of_one_batch_are_told_apart_too() {
    let shop = Shop::new().await;
    let request = ImportRequest::new("till", Timestamp(0));
    let mut import = shop.store.begin_orders(request).unwrap();
    import.push(&lines(SEVERAL)).unwrap();
    let taken = import.commit(&|_, _| None).await.unwrap();
    assert_eq!(taken.n_orders_doubtful, 2, "{:?}", taken.doubts);
}

#[tokio::test]
async fn what_comes_back_later_and_to_another_is_no_doubt() {
    let shop = Shop::new().await;
    let text = "1 d1 anna: bread\n1 d9 bert: bread x-1\n2 d1 -: jam\n2 d1 anna: milk";
    let taken = import(&shop, &[text], true).await.unwrap();
    assert_eq!((taken.n_orders_doubtful, taken.doubts), (0, None));
}

#[tokio::test]
async fn two_files_that_use_an_id_for_two_customers_are_refused() {
    let shop = Shop::new().await;
    let files = ["1 d1 anna: bread\n2 d1 bert: jam", "1 d400 cleo: bread\n2 d400 dora: jam"];
    let told = import(&shop, &files, true).await.unwrap_err().to_string();
    assert!(told.contains("2 with several customers"), "{told}");
}

#[tokio::test]
async fn a_file_that_uses_known_ids_for_another_day_is_refused() {
    let day = |day: u32| -> String {
        (1..=12).map(|order| format!("{order} d{day} -: bread, i{day}\n")).collect()
    };
    let shop = Shop::new().await;
    import(&shop, &[&day(1)], true).await.unwrap();
    let told = import(&shop, &[&day(5)], true).await.unwrap_err().to_string();
    assert!(told.contains("12 of 12 orders that the store has under the same ids"), "{told}");
    // One order that moves is a correction; the same orders again are no doubt.
    let corrected = day(1).replacen("d1", "d4", 1);
    let taken = import(&shop, &[&corrected], true).await.unwrap();
    assert_eq!((taken.n_orders_moved, taken.n_orders_unchanged), (1, 11));
    assert!(taken.moved_examples[0].contains("was of 1970-01-02T00:00:00Z"));
    // And who says so gets it.
    assert_eq!(import(&shop, &[&day(5)], false).await.unwrap().n_orders_moved, 11);
}
