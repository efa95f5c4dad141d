use super::*;
use crate::Amount;
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
        ..ItemRecord::default()
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

fn pairs(attributes: &[(String, String)]) -> Vec<(&str, &str)> {
    let mut pairs: Vec<(&str, &str)> =
        attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    pairs.sort_unstable();
    pairs
}

#[test]
fn the_map_of_attributes_is_taken_member_by_member() {
    let expected =
        [("a.b", "1"), ("covers", "Phones"), ("empty", ""), ("list", "x; 2.5"), ("on", "true")];
    let map =
        r#"{"covers":"Phones","empty":"","a":{"b":1},"none":null,"list":["x",2.5],"on":true}"#;
    let (records, rejected) = items(&format!("{{\"item_id\":\"p\",\"attributes\":{map}}}\n"));
    assert_eq!((pairs(&records[0].attributes), rejected.len()), (expected.to_vec(), 0));
    // As text: in CSV, and in JSON lines.
    let quoted = map.replace('"', "\"\"");
    let (records, _) = items(&format!("item_id,title,attributes\np,P,\"{quoted}\"\n"));
    assert_eq!(pairs(&records[0].attributes), expected);
    let text = serde_json::Value::from(map);
    let (records, _) = items(&format!("{{\"item_id\":\"p\",\"attributes\":{text}}}\n"));
    assert_eq!(pairs(&records[0].attributes), expected);
    // In columns, beside columns of its own; other words are an attribute as any.
    let (records, _) = items("item_id,attributes.covers,color,attributes\np,Phones,red,many\n");
    let expected = [("attributes", "many"), ("color", "red"), ("covers", "Phones")];
    assert_eq!(pairs(&records[0].attributes), expected);
    let (records, _) = read_text(
        FileKind::Customers,
        "{\"customer_id\":\"c\",\"attributes\":{\"age\":40}}\n",
        |s, p, k| read_customers(s, p, ReadOptions::default(), k),
    );
    assert_eq!(pairs(&records[0].attributes), [("age", "40")]);
}

#[test]
fn a_map_that_cannot_be_read_is_told_and_one_beyond_the_sample_is_read() {
    let (records, rejected) =
        items("item_id,title,attributes\na,A,\"{\"\"covers\"\"\"\nb,B,{}\nc,C,\n");
    assert_eq!((records.len(), rejected), (2, vec!["2 bad_value".to_owned()]));
    let (_, rejected) = items("{\"item_id\":\"a\",\"attributes\":{\"x\":[[1]]}}\n");
    assert_eq!(rejected, ["1 bad_value"]);
    let mut text: String = (0..6_000).map(|at| format!("{{\"item_id\":\"i{at}\"}}\n")).collect();
    text.push_str("{\"item_id\":\"p\",\"attributes\":{\"covers\":\"Phones\"}}\n");
    let (records, _) = items(&text);
    assert_eq!(pairs(&records.last().unwrap().attributes), [("covers", "Phones")]);
}

#[test]
fn a_member_that_is_mapped_to_a_field_is_no_attribute() {
    let text = "{\"item_id\":\"a\",\"attributes\":{\"shelf\":\"Phones\",\"color\":\"red\"}}\n";
    let mut source = Source::bytes("file", text.as_bytes().to_vec());
    let map = vec![("category".to_owned(), "attributes.shelf".to_owned())];
    let options = PlanOptions { map, ..PlanOptions::default() };
    let plan = ImportPlan::make(&mut source, FileKind::Items, &options).unwrap();
    let mut records: Vec<ItemRecord> = Vec::new();
    read_items(source, &plan, ReadOptions::default(), &mut |batch, _| {
        records.extend(batch);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(records[0].category.as_deref(), Some("Phones"));
    assert_eq!(pairs(&records[0].attributes), [("color", "red")]);
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

/// Rows of pictures are no items; product fields are carried down; drafts are hidden.
#[test]
fn product_export_of_shopify() {
    let (records, rejected) = items(
        "Handle,Title,Vendor,Type,Published,Option1 Name,Option1 Value,Variant SKU,\
         Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,\
         Image Src,Status\n\
         mug,Mug,Acme,Kitchen,true,Color,Red,M-R,shopify,3,deny,5.00,1.png,active\n\
         mug,,,,,,Blue,,shopify,0,deny,5.50,2.png,\n\
         mug,,,,,,,,,,,,3.png,\n\
         tea,Tea,Acme,Drinks,true,Title,Default Title,T1,,0,deny,2.00,,draft\n\
         pot,Pot,Acme,Kitchen,false,Title,Default Title,P1,shopify,0,continue,9.00,,active\n",
    );
    assert_eq!(rejected, Vec::<String>::new());
    let shown: Vec<String> = records
        .iter()
        .map(|item| {
            format!(
                "{} | {} | {} | of {:?} | {:?} | hidden {:?}",
                item.item_id,
                item.title.as_deref().unwrap_or("-"),
                item.category.as_deref().unwrap_or("-"),
                item.variant_of.as_deref().unwrap_or("-"),
                item.stock,
                item.hidden
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "M-R | Mug - Red | Kitchen | of \"-\" | Some(3) | hidden Some(false)",
            "Mug - Blue | Mug - Blue | Kitchen | of \"M-R\" | Some(0) | hidden Some(false)",
            "T1 | Tea | Drinks | of \"-\" | None | hidden Some(true)",
            "P1 | Pot | Kitchen | of \"-\" | Some(1) | hidden Some(true)",
        ]
    );
}

#[test]
fn product_export_of_woocommerce() {
    let (records, rejected) = items(
        "ID,Type,SKU,Name,Published,Visibility in catalog,In stock?,Stock,Sale price,\
         Regular price,Categories,Parent\n\
         1,simple,S1,Mug,1,visible,1,7,4.00,5.00,Kitchen,\n\
         2,simple,,Tea,1,visible,0,,,2.00,Drinks,\n\
         3,variable,V,Pot,1,visible,1,,,,Kitchen,\n\
         4,variation,V-R,Pot red,1,visible,1,,,9.00,,id:3\n\
         5,simple,S5,Old,-1,visible,1,,,1,,\n\
         6,simple,S6,Odd,1,hidden,1,,,1,,\n",
    );
    assert_eq!(rejected, Vec::<String>::new());
    let shown: Vec<String> = records
        .iter()
        .map(|item| {
            format!(
                "{} {} {:?} {:?} {:?}",
                item.item_id,
                item.price.map_or("-".to_owned(), |price| price.to_string()),
                item.stock,
                item.hidden,
                item.variant_of.as_deref().unwrap_or("-"),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "S1 4 Some(7) Some(false) \"-\"",
            "Tea 2 Some(0) Some(false) \"-\"",
            "V - Some(1) Some(false) \"-\"",
            "V-R 9 Some(1) Some(false) \"V\"",
            "S5 1 Some(1) Some(true) \"-\"",
            "S6 1 Some(1) Some(true) \"-\"",
        ]
    );
}

#[test]
fn an_item_below_zero_is_set_aside() {
    let (records, rejected) = items("item_id,price,cost\na,-4.50,1\nb,4.50,-1\nc,0,0\n");
    assert_eq!(rejected, ["2 bad_price", "3 bad_price"]);
    assert_eq!(records.len(), 1);
}

#[test]
fn stock_that_is_neither_yes_nor_no_nor_whole_is_told() {
    let text = "sku,stock,in_stock\nA,1.5,yes\nB,2,maybe\nC,,sold out\nD,,\n";
    let (records, rejected) = items(text);
    let stocks: Vec<Option<i64>> = records.iter().map(|item| item.stock).collect();
    assert_eq!((stocks, rejected), (vec![Some(1), Some(0), None], vec!["3 bad_value".to_owned()]));
    let mut source = Source::bytes("file", text.as_bytes().to_vec());
    let plan = ImportPlan::make(&mut source, FileKind::Items, &PlanOptions::default()).unwrap();
    let notes = plan.notes.join(" / ");
    assert!(notes.contains("stock holds parts of a unit, such as 1.5"), "{notes}");
}
