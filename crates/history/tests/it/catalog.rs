//! Items, customers, holdings: whole or in part, again and again.

use events::{
    Amount, Currency, CustomerRecord, HoldingRecord, ItemField, ItemKind, ItemRecord, Timestamp,
};
use history::ViewOptions;

use crate::shop::{self, Shop};

fn item(item_id: &str) -> ItemRecord {
    ItemRecord { item_id: item_id.to_owned(), ..ItemRecord::default() }
}

#[tokio::test]
async fn what_a_record_does_not_say_stays_as_it_was() {
    let shop = Shop::new().await;
    let full = ItemRecord {
        title: Some("White \"heart\"".to_owned()),
        kind: Some(ItemKind::Service),
        category: Some("home > light".to_owned()),
        price: Some(Amount(2_550_000)),
        cost: Some(Amount(1_000_000)),
        currency: Currency::parse("GBP"),
        stock: Some(3),
        hidden: Some(true),
        sensitive: Some(true),
        image_url: Some("https://shop/a.png".to_owned()),
        url: Some("https://shop/a".to_owned()),
        attributes: vec![("color".to_owned(), "red".to_owned())],
        ..item("a")
    };
    let first = shop.store.upsert_items(std::slice::from_ref(&full)).await.unwrap();
    let price_only = ItemRecord {
        price: Some(Amount::ZERO),
        stock: Some(0),
        hidden: Some(false),
        attributes: vec![("size".to_owned(), "L".to_owned())],
        ..item("a")
    };
    let second = shop.store.upsert_items(&[price_only]).await.unwrap();
    assert!(second > first);
    let found = shop.store.item("a").await.unwrap().unwrap();
    assert_eq!(found.catalog_version, second);
    let entry = &found.entry;
    assert_eq!(entry.title.as_deref(), Some("White \"heart\""));
    assert_eq!((entry.kind, entry.hidden, entry.sensitive), (ItemKind::Service, false, true));
    assert_eq!((entry.price, entry.cost), (Some(Amount::ZERO), Some(Amount(1_000_000))));
    assert_eq!((entry.stock, entry.currency), (Some(0), Currency::parse("GBP")));
    assert_eq!(entry.category.as_deref(), Some("home > light"));
    assert_eq!(found.url.as_deref(), Some("https://shop/a"));
    let pairs = [("color", "red"), ("size", "L")];
    assert_eq!(found.attributes, pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn what_is_cleared_is_known_no_more() {
    let shop = Shop::new().await;
    let full = ItemRecord {
        title: Some("White heart".to_owned()),
        category: Some("home".to_owned()),
        price: Some(Amount(2_550_000)),
        cost: Some(Amount(1_000_000)),
        currency: Currency::parse("GBP"),
        stock: Some(0),
        image_url: Some("https://shop/a.png".to_owned()),
        url: Some("https://shop/a".to_owned()),
        ..item("a")
    };
    shop.store.upsert_items(std::slice::from_ref(&full)).await.unwrap();
    let mut no_stock = item("a");
    no_stock.cleared.add(ItemField::Stock);
    shop.store.upsert_items(&[no_stock]).await.unwrap();
    let told = ItemRecord::from(shop.store.item("a").await.unwrap().unwrap());
    assert_eq!((told.stock, told.price, &told.title), (None, full.price, &full.title));
    assert!(told.cleared.has(ItemField::Stock) && !told.cleared.has(ItemField::Price));
    let mut bare = item("a");
    for field in [
        ItemField::Title,
        ItemField::Category,
        ItemField::Price,
        ItemField::Cost,
        ItemField::Currency,
        ItemField::Stock,
        ItemField::ImageUrl,
        ItemField::Url,
    ] {
        bare.cleared.add(field);
    }
    shop.store.upsert_items(std::slice::from_ref(&bare)).await.unwrap();
    let told = ItemRecord::from(shop.store.item("a").await.unwrap().unwrap());
    let rest = ItemRecord {
        kind: told.kind,
        hidden: told.hidden,
        sensitive: told.sensitive,
        variant_of: told.variant_of.clone(),
        ..bare
    };
    assert_eq!(told, rest);
}

#[tokio::test]
async fn one_batch_may_name_an_item_twice_and_its_head_later() {
    let shop = Shop::new().await;
    let mut variant = item("red");
    variant.variant_of = Some("shirt".to_owned());
    let title = |text: &str| ItemRecord { title: Some(text.to_owned()), ..item("red") };
    let records = [variant, title("first"), item("shirt"), title("second")];
    shop.store.upsert_items(&records).await.unwrap();
    let (items, version) = shop.store.items_since(0).await.unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items[0].entry.title.as_deref(), Some("second"));
    assert_eq!((items[0].entry.variant_of, items[1].item_idx), (Some(1), 1));
    assert_eq!(shop.store.catalog_version().await.unwrap(), version);
}

#[tokio::test]
async fn changes_are_told_since_a_version() {
    let shop = Shop::new().await;
    let first = shop.store.upsert_items(&[item("a"), item("b")]).await.unwrap();
    shop.import("o1 d1 anna: b, c").await;
    let (changed, version) = shop.store.items_since(first).await.unwrap();
    let ids: Vec<&str> = changed.iter().map(|item| &*item.entry.id).collect();
    assert_eq!(ids, ["b", "c"], "b has a price now, c is new");
    assert!(shop.store.items_since(version).await.unwrap().0.is_empty());
}

#[tokio::test]
async fn titles_of_order_lines_fill_gaps_and_give_way() {
    let shop = Shop::new().await;
    let import = async |title: &str| {
        let mut lines = shop::lines(&format!("o-{} d1 anna: bread", title.len()));
        lines.titles = vec![(0, title.into())];
        lines.categories = vec![(0, "food".into())];
        let mut import =
            shop.store.begin_orders(history::ImportRequest::new("shop", Timestamp(0))).unwrap();
        import.push(&lines).unwrap();
        import.commit(&|_, _| None).await.unwrap();
        let view = shop.store.view(&ViewOptions::default()).await.unwrap();
        assert_eq!(shop::entry(&view, "bread").category.as_deref(), Some("food"));
        shop::entry(&view, "bread").title.clone().unwrap()
    };
    assert_eq!(&*import("Brown bread").await, "Brown bread");
    assert_eq!(&*import("White bread, sliced").await, "White bread, sliced");
    let told = ItemRecord { title: Some("Bread".to_owned()), ..item("bread") };
    shop.store.upsert_items(&[told]).await.unwrap();
    assert_eq!(&*import("check").await, "Bread");
}

#[tokio::test]
async fn customers_and_holdings_keep_what_is_not_said() {
    let shop = Shop::new().await;
    let record = |consent, attributes: &[(&str, &str)]| CustomerRecord {
        customer_id: "anna".to_owned(),
        consent,
        attributes: attributes.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect(),
    };
    shop.store.upsert_customers(&[record(Some(false), &[("city", "Bern")])]).await.unwrap();
    shop.store.upsert_customers(&[record(None, &[("age", "40")])]).await.unwrap();
    let anna = shop.store.customer("anna").await.unwrap().unwrap();
    assert_eq!((anna.customer_idx, anna.consent), (0, Some(false)));
    assert_eq!(anna.attributes.len(), 2);

    let holding = |since, until| HoldingRecord {
        customer_id: "anna".to_owned(),
        item_id: "account".to_owned(),
        since,
        until,
    };
    let first = shop.store.upsert_holdings(&[holding(Some(Timestamp(5)), None)]).await.unwrap();
    shop.store.upsert_holdings(&[holding(None, Some(Timestamp(9)))]).await.unwrap();
    let held = shop.store.holdings_since(first).await.unwrap();
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].since, held[0].until), (Some(Timestamp(5)), Some(Timestamp(9))));
    assert_eq!(shop.store.customers().await.unwrap().len(), 1);
    assert_eq!(shop.store.view(&ViewOptions::default()).await.unwrap().n_items(), 1);
}

#[tokio::test]
async fn a_title_that_speaks_of_fees_makes_a_fee_where_nobody_declared_a_kind() {
    let shop = Shop::new().await;
    let titled =
        |item_id: &str, title: &str| ItemRecord { title: Some(title.to_owned()), ..item(item_id) };
    shop.import("o1 d1 anna: POST, MUG").await;
    let declared = ItemRecord { kind: Some(ItemKind::Service), ..titled("DOT", "POSTAGE") };
    let batch = [titled("POST", "POSTAGE"), titled("MUG", "POSTAGE STAMP MUG"), declared];
    let version = shop.store.upsert_items(&batch).await.unwrap();
    let kind = async |item_id: &str| shop.store.item(item_id).await.unwrap().unwrap().entry.kind;
    assert_eq!(kind("POST").await, ItemKind::Fee);
    assert_eq!(kind("MUG").await, ItemKind::Good);
    assert_eq!(kind("DOT").await, ItemKind::Service);
    // Who follows the catalogue sees the kind with the title.
    assert_eq!(shop.store.item("POST").await.unwrap().unwrap().catalog_version, version);
    // What was declared stays, whatever titles say later.
    shop.store.upsert_items(&[titled("DOT", "SHIPPING")]).await.unwrap();
    assert_eq!(kind("DOT").await, ItemKind::Service);
    let good = ItemRecord { kind: Some(ItemKind::Good), ..item("POST") };
    shop.store.upsert_items(&[good, titled("POST", "POSTAGE")]).await.unwrap();
    assert_eq!(kind("POST").await, ItemKind::Good);
}

#[tokio::test]
async fn a_view_knows_the_segments_of_those_who_did_not_refuse() {
    let shop = Shop::new().await;
    let record = |customer_id: &str, segment: &str, consent| CustomerRecord {
        customer_id: customer_id.to_owned(),
        consent,
        attributes: vec![("segment".to_owned(), segment.to_owned())],
    };
    let records = [
        record("anna", "new", None),
        record("bert", " regular ", Some(true)),
        record("cleo", "regular", Some(false)),
        record("dora", "", None),
        record("emil", "new", None),
    ];
    shop.store.upsert_customers(&records).await.unwrap();
    let segments = || async { shop.store.view(&ViewOptions::default()).await.unwrap().segments };
    let found = segments().await;
    let of = |customer| found.of_customer(customer).map(|at| &*found.names[at as usize]);
    assert_eq!(
        [of(0), of(1), of(2), of(3), of(4), of(5)],
        [Some("new"), Some("regular"), None, None, Some("new"), None]
    );
    let refused = CustomerRecord { attributes: Vec::new(), ..record("anna", "", Some(false)) };
    shop.store.upsert_customers(&[refused]).await.unwrap();
    assert_eq!(segments().await.of_customer(0), None);
}
