use crate::testing::{Answer, TestShop, ids};
use axum::http::Method;

async fn put(shop: &TestShop, path: &str, body: &str) -> Answer {
    shop.call(Method::PUT, path, &[], body.to_owned()).await
}

async fn patch(shop: &TestShop, body: &str) -> Answer {
    shop.call(Method::PATCH, "/v1/items", &[], body.to_owned()).await
}

async fn beside_a(shop: &TestShop) -> String {
    ids(&shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json())
}

#[tokio::test]
async fn price_stock_and_hidden_count_in_the_next_decision() {
    let shop = TestShop::new();
    assert_eq!(beside_a(&shop).await, "B C");
    assert_eq!(patch(&shop, r#"{"item_id":"B","stock":0}"#).await.verdict(), "200");
    assert_eq!(beside_a(&shop).await, "C");
    patch(&shop, r#"[{"item_id":"B","stock":3},{"item_id":"C","hidden":true}]"#).await;
    assert_eq!(beside_a(&shop).await, "B");
    patch(&shop, r#"{"item_id":"B","price":"2.799999"}"#).await;
    let body = shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.body;
    assert!(body.contains("\"price\":2.799999,\"currency\":\"GBP\""), "{body}");
    assert_eq!(shop.get("/v1/items/B").await.json()["stock"], 3);
}

#[tokio::test]
async fn null_clears_what_may_be_unknown_and_what_is_left_out_stays() {
    let shop = TestShop::new();
    patch(&shop, r#"{"item_id":"B","stock":0,"cost":1}"#).await;
    assert_eq!(beside_a(&shop).await, "C");
    assert_eq!(patch(&shop, r#"{"item_id":"B","stock":null}"#).await.verdict(), "200");
    assert_eq!(beside_a(&shop).await, "B C");
    let item = shop.get("/v1/items/B").await.json();
    assert_eq!((&item["stock"], &item["price"]), (&serde_json::Value::Null, &2.55.into()));
    let body = r#"{"item_id":"B","price":null,"title":null,"category":null,"currency":null,
                   "hidden":null,"kind":null,"variant_of":null}"#;
    assert_eq!(patch(&shop, body).await.verdict(), "200");
    let item = shop.get("/v1/items/B").await.json();
    for name in ["price", "category", "currency", "variant_of"] {
        assert!(item[name].is_null(), "{name}: {item}");
    }
    assert_eq!(
        (&item["title"], &item["kind"], &item["hidden"]),
        (&"".into(), &"good".into(), &false.into())
    );
}

#[tokio::test]
async fn a_new_item_is_known_at_once_and_an_unknown_one_is_not_patched() {
    let shop = TestShop::new();
    let new = r#"{"item_id":"NEW 1","title":"Green lantern","category":"Lights","price":5,
                  "currency":"GBP","colour":"green","attributes":{"size":"L","n":2}}"#;
    assert_eq!(patch(&shop, new).await.verdict(), "404 item_not_found");
    let answer = put(&shop, "/v1/items", new).await.json();
    assert_eq!(
        (answer["accepted"].as_u64(), answer["catalog_version"].as_u64()),
        (Some(1), Some(1))
    );
    assert!(answer["warnings"][0]["detail"].as_str().unwrap().contains("`colour`"));
    let item = shop.get("/v1/items/NEW%201").await.json();
    assert_eq!(
        (item["title"].as_str(), item["is_learned"].as_bool()),
        (Some("Green lantern"), Some(false))
    );
    assert_eq!(patch(&shop, r#"{"item_id":"NEW 1","stock":0}"#).await.verdict(), "200");
}

#[tokio::test]
async fn an_item_is_told_whole() {
    let shop = TestShop::new();
    let item = r#"{"item_id":"A2","title":"Lantern, large","kind":"good","category":"Lights",
        "price":4.5,"cost":"2.25","currency":"GBP","stock":7,"hidden":false,"variant_of":"A",
        "sensitive":false,"image_url":"https://shop.example/a2.jpg","url":"https://shop.example/a2",
        "attributes":{"size":"L"}}"#;
    assert_eq!(put(&shop, "/v1/items", item).await.verdict(), "200");
    let told = shop.get("/v1/items/A2").await.json();
    let sent: serde_json::Value = serde_json::from_str(item).unwrap();
    for (name, value) in sent.as_object().unwrap() {
        if name == "cost" {
            assert_eq!(told["cost"], 2.25);
        } else {
            assert_eq!(&told[name], value, "{name}");
        }
    }
    assert_eq!(shop.get("/v1/items/A").await.json()["variant_of"], serde_json::Value::Null);
}

#[tokio::test]
async fn a_wrong_record_changes_nothing_and_is_named() {
    let shop = TestShop::new();
    let records = r#"[{"item_id":"B","hidden":true},{"item_id":"C","price":"dear"}]"#;
    let answer = patch(&shop, records).await;
    assert_eq!(answer.verdict(), "400 invalid_value");
    assert_eq!(answer.json()["path"], "[1].price");
    assert_eq!(beside_a(&shop).await, "B C");
    for (body, part) in [
        (r#"{"item_id":"B","kind":"spaceship"}"#, "known are good, service"),
        (r#"{"item_id":"B","currency":"pounds"}"#, "ISO 4217"),
        (r#"{"title":"no id"}"#, "the field `item_id` is missing"),
        (r#"{"item_id":"B","price":2.5555555}"#, "more than six decimals"),
        (r#"{"item_id":"B","stock":"many"}"#, "expected a whole number, found the text \"many\""),
        (r#"{"item_id":"B","stock":1.5}"#, "stock"),
    ] {
        let answer = put(&shop, "/v1/items", body).await;
        assert_eq!(answer.status, 400);
        assert!(answer.json()["detail"].as_str().unwrap().contains(part), "{}", answer.body);
    }
}

#[tokio::test]
async fn an_item_that_becomes_a_fee_is_gone() {
    let shop = TestShop::new();
    patch(&shop, r#"{"item_id":"B","kind":"fee"}"#).await;
    assert_eq!(beside_a(&shop).await, "C");
    assert_eq!(shop.get("/p/B").await.status, 404);
    assert_eq!(shop.get("/art/B").await.status, 404);
}

#[tokio::test]
async fn customers_and_holdings_are_kept() {
    let shop = TestShop::new();
    let customers = r#"[{"customer_id":"anna","consent":true,"attributes":{"vip":true}}]"#;
    assert_eq!(put(&shop, "/v1/customers", customers).await.verdict(), "200");
    let holding = r#"{"customer_id":"anna","item_id":"A","since":"2026-05-17T09:30:00Z"}"#;
    assert_eq!(put(&shop, "/v1/holdings", holding).await.verdict(), "200");
    {
        let state = shop.ledger.state();
        assert_eq!(state.customers[0].attributes, [("vip".to_owned(), "true".to_owned())]);
        assert_eq!(state.holdings[0].since.unwrap().to_string(), "2026-05-17T09:30:00Z");
    }
    let wrong = r#"{"customer_id":"anna","item_id":"A","since":"yesterday"}"#;
    let answer = put(&shop, "/v1/holdings", wrong).await;
    assert_eq!(answer.json()["path"], "since");
}
