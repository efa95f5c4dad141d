//! An order has one currency: what stands in it in another one is never relabelled.

use events::Timestamp;
use expect_test::{Expect, expect};
use history::{ExportFormat, ImportRequest, ImportSummary};

use crate::round_trip::export;
use crate::shop::{Shop, lines};

/// Order, item, quantity, price and currency of each line, in rising order.
async fn check(shop: &Shop, expected: Expect) {
    let written = String::from_utf8(export(&shop.store, ExportFormat::Csv).await).unwrap();
    let names: Vec<&str> = written.lines().next().unwrap().split(',').collect();
    let of = |line: &str, name: &str| {
        let at = names.iter().position(|known| *known == name).unwrap();
        line.split(',').nth(at).unwrap().to_owned()
    };
    let shown = |line: &str| {
        ["order_id", "item_id", "quantity", "unit_price", "currency"].map(|n| of(line, n)).join(" ")
    };
    let mut lines: Vec<String> = written.lines().skip(1).map(shown).collect();
    lines.sort();
    expected.assert_eq(&lines.join("\n"));
}

fn counts(summary: &ImportSummary) -> (u64, u64, u64) {
    (summary.n_lines_other_currency, summary.n_rows_equal, summary.n_rows_added_up)
}

#[tokio::test]
async fn a_price_in_another_currency_than_its_order_becomes_unknown() {
    let shop = Shop::new().await;
    let summary = shop
        .import(
            "o1 d1 anna: bread @2 EUR, bread @2 USD, butter @3 EUR, jam @3 USD
             o2 d1 anna: bread @2 USD",
        )
        .await;
    assert_eq!(counts(&summary), (2, 0, 0));
    assert_eq!(summary.other_currency_examples, ["o1"]);
    check(
        &shop,
        expect![[r#"
            o1 bread 1  EUR
            o1 bread 1 2 EUR
            o1 butter 1 3 EUR
            o1 jam 1  EUR
            o2 bread 1 2 USD"#]],
    )
    .await;
    // What is sold counts, whatever it is paid in; and the same file again changes nothing.
    assert!(shop.baskets().await.contains("d1 #0: bread butter jam\n"));
    let again =
        shop.import("o1 d1 anna: bread @2 EUR, bread @2 USD, butter @3 EUR, jam @3 USD").await;
    assert_eq!((again.n_orders_unchanged, again.n_orders_changed), (1, 0));
}

#[tokio::test]
async fn rows_of_one_order_in_several_pushes_too() {
    let shop = Shop::new().await;
    let mut import = shop.store.begin_orders(ImportRequest::new("shop", Timestamp(0))).unwrap();
    for text in ["o1 d1 anna: bread @2 EUR", "o1 d1 anna: bread @2 USD", "o1 d1 anna: tea @1 EUR"] {
        import.push(&lines(text)).unwrap();
    }
    let summary = import.commit(&|_, _| None).await.unwrap();
    assert_eq!(counts(&summary), (1, 0, 0));
    check(
        &shop,
        expect![[r#"
            o1 bread 1  EUR
            o1 bread 1 2 EUR
            o1 tea 1 1 EUR"#]],
    )
    .await;
}

#[tokio::test]
async fn a_mended_row_in_another_currency_too() {
    let shop = Shop::new().await;
    let mut import = shop.store.begin_orders(ImportRequest::new("shop", Timestamp(0))).unwrap();
    import.note_reject(Some("o1"), None);
    import.push(&lines("o1 d1 anna: bread @2 EUR, tea @1 EUR")).unwrap();
    import.commit(&|_, _| None).await.unwrap();
    let summary = shop.import("o1 d1 anna: jam @5 USD").await;
    assert_eq!((summary.n_orders_completed, summary.n_lines_other_currency), (1, 1));
    check(
        &shop,
        expect![[r#"
            o1 bread 1 2 EUR
            o1 jam 1  EUR
            o1 tea 1 1 EUR"#]],
    )
    .await;
}
