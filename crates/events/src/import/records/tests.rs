use super::*;
use crate::import::PlanOptions;

/// Reads a text as `kind` and shows each record and each reject.
fn read_text<T: std::fmt::Debug>(
    kind: FileKind,
    text: &str,
    read: impl Fn(Source, &ImportPlan, RecordSink<'_, T>) -> Result<ReadSummary, Error>,
) -> (Vec<T>, Vec<String>) {
    let mut source = Source::bytes("file", text.as_bytes().to_vec());
    let plan = ImportPlan::make(&mut source, kind, &PlanOptions::default()).unwrap();
    let (mut records, mut rejected) = (Vec::new(), Vec::new());
    read(source, &plan, &mut |batch, rejects| {
        records.extend(batch);
        rejected.extend(rejects.iter().map(|r| format!("{} {}", r.line, r.reason.code())));
        ControlFlow::Continue(())
    })
    .unwrap();
    (records, rejected)
}

fn items(text: &str) -> (Vec<ItemRecord>, Vec<String>) {
    read_text(FileKind::Items, text, |source, plan, sink| {
        read_items(source, plan, ReadOptions::default(), sink)
    })
}

fn events(text: &str) -> (Vec<Event>, Vec<String>) {
    read_text(FileKind::Events, text, |source, plan, sink| {
        read_events(source, plan, ReadOptions::default(), sink)
    })
}

#[test]
fn a_catalog_with_everything() {
    let (records, rejected) = items(
        "sku,title,kind,category,price,cost,stock,hidden,parent_id,sensitive,image,link,color\n\
         a,Mug,good,Kitchen>Mugs,£2.50,1,12,false,m,no,i.png,http://x,red\n\
         b,,,,,,,,,,,,\n\
         ,Tea,,,,,,,,,,,\n\
         c,,gadget,,,,,,,,,,\n\
         d,,,,cheap,,,,,,,,\n\
         e,,,,,,some,,,,,,\n\
         f,,,,,,,perhaps,,,,,\n",
    );
    assert_eq!(
        rejected,
        ["4 missing_item", "5 bad_value", "6 bad_price", "7 bad_value", "8 bad_value"]
    );
    let expected = ItemRecord {
        item_id: "a".into(),
        title: Some("Mug".into()),
        kind: Some(ItemKind::Good),
        category: Some("Kitchen > Mugs".into()),
        price: Some(Amount(2_500_000)),
        cost: Some(Amount(1_000_000)),
        currency: Currency::parse("GBP"),
        stock: Some(12),
        hidden: Some(false),
        variant_of: Some("m".into()),
        sensitive: Some(false),
        image_url: Some("i.png".into()),
        url: Some("http://x".into()),
        attributes: vec![("color".into(), "red".into())],
    };
    assert_eq!(records[0], expected);
    assert_eq!(records[1], ItemRecord { item_id: "b".into(), ..ItemRecord::default() });
}

#[test]
fn a_catalog_in_json_lines() {
    let (records, rejected) = items(
        "{\"id\":7,\"name\":\"Mug\",\"price\":2.5,\"details\":{\"color\":\"red\"}}\n\
         {\"name\":\"x\"}\n",
    );
    assert_eq!(rejected, ["2 missing_item"]);
    assert_eq!(records[0].item_id, "7");
    assert_eq!(records[0].price, Some(Amount(2_500_000)));
    assert_eq!(records[0].attributes, [("details.color".to_owned(), "red".to_owned())]);
}

#[test]
fn paths_of_categories() {
    assert_eq!(
        category_path("[[Electronics,Computers & Accessories,Cases]]"),
        "Electronics > Computers & Accessories > Cases"
    );
    assert_eq!(category_path("Home, Garden"), "Home, Garden");
    assert_eq!(category_path("a|b"), "a > b");
    assert_eq!(category_path("a > b"), "a > b");
}

#[test]
fn customers_by_id_or_email() {
    let (records, rejected) = read_text(
        FileKind::Customers,
        "customer_id,email,consent,age\n17850.0,a@x,yes,40\n,b@x,no,\n,,,\n1,c@x,maybe,\n",
        |s, p, k| read_customers(s, p, ReadOptions::default(), k),
    );
    assert_eq!(rejected, ["4 missing_customer", "5 bad_value"]);
    let shown: Vec<_> =
        records.iter().map(|r| (r.customer_id.as_str(), r.consent, r.attributes.len())).collect();
    assert_eq!(shown, [("17850.0", Some(true), 1), ("b@x", Some(false), 0)]);
}

#[test]
fn holdings() {
    let (records, rejected) = read_text(
        FileKind::Holdings,
        "customer_id,product,since,until\nc,card,2020-01-01,\nc,,2020-01-01,\n,card,,\nc,loan,\
         soon,\n",
        |s, p, k| read_holdings(s, p, ReadOptions::default(), k),
    );
    assert_eq!(rejected, ["3 missing_item", "4 missing_customer", "5 bad_date"]);
    assert_eq!(records[0].since.unwrap().to_string(), "2020-01-01T00:00:00Z");
    assert_eq!(records[0].until, None);
}

#[test]
fn events_of_sessions() {
    let (records, rejected) = events(
        "timestamp,visitorid,event,itemid,transactionid\n\
         1433221332117,257597,view,355908,\n\
         1433221332118,257597,addtocart,355908,\n\
         1433221332119,257597,transaction,355908,4000\n\
         1433221332119,257597,transaction,355908,\n\
         1433221332119,257597,dance,355908,\n\
         ,257597,view,355908,\n",
    );
    assert_eq!(rejected, ["5 missing_order", "6 unknown_event", "7 missing_date"]);
    let kinds: Vec<&str> = records.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["view_item", "add_to_cart", "purchase"]);
    assert_eq!(records[2].order_id.as_deref(), Some("4000"));
    assert_eq!(records[0].at.0, 1_433_221_332_117_000);
    assert_eq!(records[0].session_id.as_deref(), Some("257597"));
    assert_eq!(records[0].source, "file");
    let (again, _) = events(
        "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n",
    );
    assert_eq!(again[0].event_id, records[0].event_id, "the same row is the same event");
}

#[test]
fn rows_of_one_purchase_are_one_event() {
    let header = "timestamp,event,itemid,transactionid\n";
    let (records, _) = events(&format!(
        "{header}1433221332,purchase,a,7\n1433221332,purchase,b,7\n1433221332,purchase,a,8\n\
         1433221332,view,a,\n1433221332,view,a,\n"
    ));
    let shown: Vec<_> =
        records.iter().map(|event| (event.order_id.as_deref(), event.lines.len())).collect();
    assert_eq!(shown, [(Some("7"), 2), (Some("8"), 1), (None, 1), (None, 1)]);

    // One order over many pieces of the file stays one event.
    let n_rows = 200_000;
    let rows: String = (0..n_rows).map(|n| format!("1433221332,purchase,item{n},7\n")).collect();
    let (records, _) = events(&format!("{header}{rows}"));
    assert_eq!((records.len(), records[0].lines.len()), (1, n_rows));
}

#[test]
fn clicks_without_names_are_views() {
    let (records, _) = events("SessionId\tItemId\tTime\n1\ta\t1462752000\n");
    assert_eq!(records[0].kind, EventKind::ViewItem);
    assert_eq!(records[0].at.to_string(), "2016-05-09T00:00:00Z");
}

#[test]
fn events_as_on_the_wire() {
    let (records, rejected) = events(
        "{\"event_id\":\"e1\",\"event_name\":\"purchase\",\"order_id\":\"o\",\
         \"timestamp\":\"2021-02-03T10:00:00Z\",\"items\":[{\"item_id\":\"a\"},\
         {\"item_id\":\"b\"}],\"source\":\"shop\"}\n\
         {\"event_id\":\"e2\",\"event_name\":\"view_item\",\"item_id\":\"a\"}\n\
         {\"event_id\":\"e3\",\"event_name\":\"view_item\",\"timestamp\":5,\"item_id\":\"a\"}\n\
         nonsense\n\
         ",
    );
    assert_eq!(rejected, ["2 missing_date", "3 bad_date", "4 bad_json"]);
    assert_eq!((records[0].lines.len(), records[0].source.as_str()), (2, "shop"));
}
