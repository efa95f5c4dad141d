use crate::keys::KeyRing;
use crate::settings::Settings;
use crate::testing::{NOW, TestShop, ids};
use crate::wire::{PageAnswer, RecommendAnswer};
use axum::http::Method;
use events::Timestamp;

/// An answer with what changes from run to run taken out, after a look through the wire types.
fn settled(body: &str) -> String {
    let slate: RecommendAnswer = serde_json::from_str(body).expect("the shape of RecommendAnswer");
    let mut value = serde_json::to_value(&slate).unwrap();
    value["took_ms"] = 0.into();
    value["recommendation_id"] = "R".into();
    serde_json::to_string_pretty(&value).unwrap()
}

#[tokio::test]
async fn one_slate_as_it_goes_out() {
    let shop = TestShop::new();
    let answer = shop.recommend(r#"{"placement":"pdp","item_ids":["A"],"count":1}"#).await;
    assert_eq!(answer.headers["content-type"], "application/json");
    expect_test::expect_file!["expected/slate.json"].assert_eq(&settled(&answer.body));
}

#[tokio::test]
async fn titles_with_quotes_and_markup_come_through_as_they_are() {
    let shop = TestShop::new();
    let answer = shop.recommend(r#"{"placement":"pdp","item_ids":["H"]}"#).await.json();
    assert_eq!(answer["items"][0]["title"], "JUMBO BAG \"RETRO\" <b>RED</b>");
    assert!(answer["items"][0]["reason"]["text"].as_str().unwrap().contains("with BELL"));
}

#[tokio::test]
async fn several_placements_show_no_item_twice() {
    let shop = TestShop::new();
    let body = r#"{"placements":["pdp","cart","home"],"item_ids":["E"],"count":2,"page_id":"p",
                   "session_id":"s"}"#;
    let answer = shop.recommend(body).await;
    let page: PageAnswer = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(page.slates.len(), 3);
    let mut all: Vec<String> = page
        .slates
        .into_iter()
        .flat_map(|slate| slate.items.into_iter().map(|item| item.item_id))
        .collect();
    let n = all.len();
    assert!(n >= 3, "{all:?}");
    all.sort();
    all.dedup();
    assert_eq!(all.len(), n);
}

#[tokio::test]
async fn a_page_does_not_repeat_itself_for_a_minute() {
    let shop = TestShop::new();
    let ask = async |placement: &str, session: &str| {
        let body = format!(
            r#"{{"placement":"{placement}","count":2,"page_id":"p","session_id":"{session}"}}"#
        );
        ids(&shop.recommend(&body).await.json())
    };
    let first = ask("home", "s").await;
    let second = ask("email", "s").await;
    assert_ne!(first, second);
    assert!(!second.split(' ').any(|id| first.split(' ').any(|other| id == other)));
    assert_eq!(ask("email", "t").await, first, "another session, another page");
    shop.clock.set(Timestamp(NOW.0 + 61_000_000));
    assert_eq!(ask("email", "s").await, first);
}

#[tokio::test]
async fn the_cart_may_come_from_the_session() {
    let shop = TestShop::new();
    let event = r#"{"event_id":"1","event_name":"add_to_cart","session_id":"s",
                    "items":[{"item_id":"D","quantity":1}]}"#;
    assert_eq!(shop.post("/v1/events", event).await.verdict(), "200");
    let told = shop.recommend(r#"{"placement":"cart","session_id":"s"}"#).await.json();
    let given = shop.recommend(r#"{"placement":"cart","cart":["D"]}"#).await.json();
    assert_eq!(ids(&told), ids(&given));
    assert!(!ids(&told).is_empty() && !ids(&told).contains('D'));
    let empty = shop.recommend(r#"{"placement":"cart","session_id":"s","cart":[]}"#).await.json();
    assert_ne!(ids(&empty), ids(&told), "a cart that is given replaces the session's");
}

#[tokio::test]
async fn fees_are_never_offered() {
    let shop = TestShop::new();
    for placement in decide::Placement::ALL {
        for cart in ["[]", "[\"A\"]", "[\"A\",\"POST\"]", "[\"unknown\"]"] {
            let name = placement.as_str();
            let body = format!("{{\"placement\":\"{name}\",\"cart\":{cart},\"count\":100}}");
            let slate = shop.recommend(&body).await.json();
            assert!(!ids(&slate).contains("POST"), "{name} {cart}: {}", ids(&slate));
        }
    }
}

#[tokio::test]
async fn the_ladder_is_told() {
    let shop = TestShop::new();
    let rung = async |body: &str| {
        let slate = shop.recommend(body).await.json();
        format!("{} [{}]", slate["fallback"].as_str().unwrap(), ids(&slate))
    };
    assert!(rung(r#"{"placement":"cart","cart":["D","E"]}"#).await.starts_with("basket [F/1 ü"));
    assert!(rung(r#"{"placement":"pdp","item_ids":["D"]}"#).await.starts_with("item [E"));
    assert!(rung(r#"{"placement":"pdp","item_ids":["N"]}"#).await.starts_with("content ["));
    assert!(rung(r#"{"placement":"home"}"#).await.starts_with("popular ["));
    let category = r#"{"placement":"category","context":{"category":"Bags","theme":1}}"#;
    assert!(rung(category).await.starts_with("category [C"));
    assert_eq!(rung(r#"{"placement":"home","exclude_item_ids":["A"],"count":1}"#).await.len(), 11);
}

#[tokio::test]
async fn an_empty_world_answers_with_an_empty_slate() {
    let shop = TestShop::new();
    shop.state.inner.served.store(std::sync::Arc::new(crate::Served::nothing()));
    let slate = shop.recommend(r#"{"placement":"cart","cart":["A"]}"#).await.json();
    assert_eq!((ids(&slate), slate["fallback"].as_str()), (String::new(), Some("none")));
}

#[tokio::test]
async fn what_a_customer_bought_counts_unless_they_said_no() {
    let shop = TestShop::new();
    shop.state.inner.live.customers.set_idx("anna", 0);
    let ask = r#"{"placement":"home","user_id":"anna","count":2}"#;
    let slate = shop.recommend(ask).await.json();
    assert_eq!(slate["fallback"], "personal");
    let refuse = r#"{"customer_id":"anna","consent":false}"#;
    let answer = shop.call(Method::PUT, "/v1/customers", &[], refuse).await;
    assert_eq!(answer.verdict(), "200");
    assert_eq!(shop.recommend(ask).await.json()["fallback"], "popular");
}

#[tokio::test]
async fn a_purchase_counts_in_the_next_decision() {
    let shop = TestShop::new();
    let ask = r#"{"placement":"home","user_id":"new","count":2,"explain":true}"#;
    assert_eq!(shop.recommend(ask).await.json()["fallback"], "popular");
    let event = r#"{"event_id":"1","event_name":"purchase","order_id":"o1","user_id":"new",
                    "items":[{"item_id":"E"}]}"#;
    assert_eq!(shop.post("/v1/events", event).await.verdict(), "200");
    let slate = shop.recommend(ask).await.json();
    assert_eq!(slate["fallback"], "personal");
    assert_eq!(slate["explain"]["n_bought_since"], 1);
    let is_e = |item: &serde_json::Value| item["item_id"] == "E";
    assert!(!slate["items"].as_array().unwrap().iter().any(is_e), "{slate}");
    // What was sent back is not had any more.
    let refund = r#"{"event_id":"2","event_name":"refund","order_id":"o1","user_id":"new",
                     "items":[{"item_id":"E"}]}"#;
    assert_eq!(shop.post("/v1/events", refund).await.verdict(), "200");
    assert_eq!(shop.recommend(ask).await.json()["explain"]["n_bought_since"], 0);
}

#[tokio::test]
async fn whoever_is_held_out_is_shown_nothing_and_it_is_recorded() {
    use crate::holdout::HoldoutSettings;
    let of_share = |share: f64| {
        let holdout = HoldoutSettings::new("secret", share);
        TestShop::with(KeyRing::default(), Settings { holdout, ..Settings::default() })
    };
    let ask = r#"{"placement":"pdp","item_ids":["A"],"session_id":"s1"}"#;
    let shown = of_share(0.0).recommend(ask).await.json();
    assert!(!shown["items"].as_array().unwrap().is_empty());
    assert_eq!(shown["experiment"]["variant"], "offers");
    let shop = of_share(1.0);
    let held = shop.recommend(ask).await.json();
    assert_eq!((&held["items"], &held["fallback"]), (&serde_json::json!([]), &"none".into()));
    let experiment = serde_json::json!({"id": "holdout", "variant": "holdout", "holdout": true});
    assert_eq!(held["experiment"], experiment);
    // The record keeps what would have been shown.
    let id = held["recommendation_id"].as_str().unwrap();
    let record = shop.get(&format!("/v1/decisions/{id}")).await.json();
    assert_eq!(record["variant"], "holdout");
    assert_eq!(
        record["offers"].as_array().unwrap().len(),
        shown["items"].as_array().unwrap().len()
    );
    let why = shop.get(&format!("/v1/decisions/{id}/why_not?item_id=B")).await.json();
    assert_eq!((&why["is_held_out"], &why["verdict"]), (&true.into(), &"offered".into()));
    assert!(why["text"].as_str().unwrap().contains("held out"), "{why}");
    // Who cannot be told from anybody is in no arm.
    let nobody = shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json();
    assert!(nobody["experiment"].is_null() && !nobody["items"].as_array().unwrap().is_empty());
    let till = r#"{"placement":"pos","item_ids":["A"],"location_id":"Leeds"}"#;
    assert_eq!(shop.recommend(till).await.json()["experiment"]["holdout"], true);
}

#[tokio::test]
async fn one_request_of_a_wrong_type_does_not_take_the_batch_with_it() {
    let shop = TestShop::new();
    let body = r#"{"colour":1,"requests":[
        {"placement":"pdp","item_ids":["A"],"size":1},
        {"placement":"pdp","count":"three"},
        7,
        {"placement":"pdp","item_ids":["H"]}]}"#;
    let answer = shop.post("/v1/recommend:batch", body).await;
    assert_eq!(answer.verdict(), "200");
    let answers = answer.json()["answers"].clone();
    assert_eq!(answers.as_array().map(Vec::len), Some(4));
    assert_eq!((ids(&answers[0]), ids(&answers[3])), ("B C".to_owned(), "C".to_owned()));
    let warnings = answers[0]["warnings"].to_string();
    assert!(warnings.contains("`size`") && warnings.contains("`colour`"), "{warnings}");
    assert_eq!(
        (&answers[1]["code"], &answers[1]["path"]),
        (&"invalid_value".into(), &"count".into())
    );
    assert!(answers[1]["detail"].as_str().unwrap().contains("a whole number"), "{answers}");
    assert_eq!(answers[2]["status"], 400);
    for whole in [r#"{"requests":7}"#, r#"{"requests":[{]}"#, "{}"] {
        assert_eq!(shop.post("/v1/recommend:batch", whole).await.status, 400, "{whole}");
    }
}

#[tokio::test]
async fn why_not_tells_that_the_catalog_changed_since() {
    let shop = TestShop::new();
    let asked = shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json();
    let id = asked["recommendation_id"].as_str().unwrap();
    let is_same = async || {
        let why = shop.get(&format!("/v1/decisions/{id}/why_not?item_id=B")).await.json();
        assert_eq!(why["is_held_out"], false);
        why["is_same_snapshot"].as_bool().unwrap()
    };
    let put = async |body: &str| {
        let put = axum::http::Method::PUT;
        let answer = shop.call(put, "/v1/items", &[], body.to_owned()).await;
        assert_eq!(answer.verdict(), "200", "{}", answer.body);
    };
    assert!(is_same().await);
    put(r#"{"item_id":"C","stock":500}"#).await;
    let before = is_same().await;
    put(r#"{"item_id":"C","stock":499}"#).await;
    assert_eq!(is_same().await, before, "a unit less is no change that a decision could tell");
    put(r#"{"item_id":"B","stock":0}"#).await;
    assert!(!is_same().await, "the verdict is of now");
    let shop = TestShop::new();
    let asked = shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json();
    let id = asked["recommendation_id"].as_str().unwrap();
    let new = r#"{"item_id":"NEW","title":"A thing"}"#;
    shop.call(axum::http::Method::PUT, "/v1/items", &[], new).await;
    let why = shop.get(&format!("/v1/decisions/{id}/why_not?item_id=B")).await.json();
    assert_eq!(why["is_same_snapshot"], false, "an item came");
}

#[tokio::test]
async fn a_cart_holds_nothing_below_zero() {
    let shop = TestShop::new();
    for (line, path) in [
        (r#"{"item_id":"A","quantity":-3}"#, "cart[1].quantity"),
        (r#"{"item_id":"A","quantity":1,"price":-0.5}"#, "cart[1].price"),
    ] {
        let body = format!(r#"{{"placement":"cart","cart":["A",{line}]}}"#);
        let answer = shop.recommend(&body).await;
        assert_eq!(answer.verdict(), "400 invalid_value");
        assert_eq!(answer.json()["path"], path);
    }
    let free = r#"{"placement":"cart","cart":[{"item_id":"A","quantity":0,"price":0}]}"#;
    assert_eq!(shop.recommend(free).await.verdict(), "200");
}

#[tokio::test]
async fn a_batch_answers_in_order_and_keeps_problems_apart() {
    let shop = TestShop::new();
    let body = r#"{"requests":[
        {"placement":"pdp","item_ids":["A"],"colour":1},
        {"placement":"nowhere"},
        {"placements":["home","cart"]}]}"#;
    let answer = shop.post("/v1/recommend:batch", body).await.json();
    let answers = answer["answers"].as_array().unwrap();
    assert_eq!(ids(&answers[0]), "B C");
    assert!(answers[0]["warnings"][0]["detail"].as_str().unwrap().contains("`colour`"));
    assert_eq!(answers[1]["code"], "unknown_placement");
    assert_eq!(answers[2]["slates"].as_array().unwrap().len(), 2);
    let many = format!("{{\"requests\":[{}]}}", vec!["{}"; 1_001].join(","));
    assert_eq!(shop.post("/v1/recommend:batch", &many).await.verdict(), "400 invalid_value");
}

#[tokio::test]
async fn a_decision_can_be_looked_up_and_asked_why_not() {
    let shop = TestShop::new();
    let body = r#"{"placement":"pdp","item_ids":["A"],"exclude_item_ids":["B"],
                   "location_id":"Leeds","filter":{"price_max":2.0}}"#;
    let slate = shop.recommend(body).await.json();
    let id = slate["recommendation_id"].as_str().unwrap();
    let record = shop.get(&format!("/v1/decisions/{id}")).await.json();
    assert_eq!(record["asked"]["anchors"][0], "A");
    assert_eq!(record["location_id"], "Leeds");
    assert_eq!(record["asked"]["filter"]["price_max"], 2);
    assert_eq!(record["offers"][0]["item_id"], slate["items"][0]["item_id"]);
    assert_eq!(record["offers"][0]["evidence"], slate["items"][0]["reason"]["evidence"]);
    assert_eq!(record["fallback"], slate["fallback"]);
    assert_eq!(record["snapshot"], "20260101T000000Z-test");
    let why = async |item_id: &str| {
        let path = format!("/v1/decisions/{id}/why_not?item_id={item_id}");
        let answer = shop.get(&path).await.json();
        let gate = answer["gate"].as_str().unwrap_or("-");
        format!("{} {gate}", answer["verdict"].as_str().unwrap_or_default())
    };
    assert_eq!(why("C").await, "offered -");
    assert_eq!(why("A").await, "stopped in_context");
    assert_eq!(why("B").await, "stopped excluded");
    assert_eq!(why("POST").await, "stopped fee");
    assert_eq!(why("D").await, "stopped filter_price");
    let path = format!("/v1/decisions/{id}/why_not");
    assert_eq!(shop.get(&path).await.verdict(), "400 missing_field");
    assert_eq!(shop.get(&format!("{path}?item_id=zz")).await.verdict(), "404 item_not_found");
    assert_eq!(shop.get("/v1/decisions/none").await.verdict(), "404 decision_not_found");
}

#[tokio::test]
async fn why_not_says_that_it_does_not_see_the_whole_cart() {
    let shop = TestShop::new();
    let ask = async |n_lines: usize| {
        let others = (0..n_lines).map(|n| format!("\"X{n}\""));
        let cart: Vec<String> = ["\"B\"".to_owned()].into_iter().chain(others).collect();
        let body = format!(r#"{{"placement":"cart","cart":[{},"A"]}}"#, cart.join(","));
        let slate = shop.recommend(&body).await.json();
        assert!(!ids(&slate).contains('B'));
        let id = slate["recommendation_id"].as_str().unwrap().to_owned();
        shop.get(&format!("/v1/decisions/{id}/why_not?item_id=B")).await.json()
    };
    let whole = ask(10).await;
    assert_eq!(
        (&whole["gate"], &whole["warnings"]),
        (&"in_context".into(), &serde_json::json!([]))
    );
    let cut = ask(300).await;
    assert_eq!(cut["warnings"][0]["code"], "record_cut");
    let detail = cut["warnings"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("Of 302 cart lines"), "{detail}");
}

#[tokio::test]
async fn every_answer_is_recorded() {
    let shop = TestShop::new();
    for _ in 0..3 {
        shop.recommend(r#"{"placements":["home","cart"]}"#).await;
    }
    assert_eq!(shop.ledger.state().decisions.len(), 6);
}

#[tokio::test]
async fn a_page_without_a_session_is_nobodys_page() {
    let shop = TestShop::new();
    let ask = r#"{"placement":"home","count":2,"page_id":"p"}"#;
    let first = shop.recommend(ask).await.json();
    let other = shop.recommend(ask).await.json();
    assert_eq!(ids(&first), ids(&other), "visitors share no page");
    assert_eq!(first["warnings"][0]["code"], "page_without_session");
}

#[tokio::test]
async fn the_same_slot_of_a_page_asked_again_is_a_reload() {
    let shop = TestShop::new();
    let ask = async |placement: &str| {
        let body = format!(
            r#"{{"placement":"{placement}","item_ids":["E"],"count":1,
                "page_id":"p","session_id":"s"}}"#
        );
        ids(&shop.recommend(&body).await.json())
    };
    let (home, pdp) = (ask("home").await, ask("pdp").await);
    assert!(!home.is_empty() && !pdp.is_empty(), "{home} | {pdp}");
    assert!(!pdp.split(' ').any(|id| home.split(' ').any(|other| id == other)), "{home} | {pdp}");
    assert_eq!((ask("home").await, ask("pdp").await), (home, pdp));
}

#[tokio::test]
async fn what_a_page_is_about_never_comes_back_however_long_its_list() {
    let shop = TestShop::new();
    let mut anchors = vec!["\"A\"".to_owned()];
    anchors.extend((0..150).map(|n| format!("\"unknown {n}\"")));
    anchors.push("\"B\"".to_owned());
    let body = format!(r#"{{"placement":"pdp","item_ids":[{}]}}"#, anchors.join(","));
    let slate = shop.recommend(&body).await.json();
    assert_eq!(ids(&slate), "C");
    let codes: Vec<&str> =
        slate["warnings"].as_array().unwrap().iter().filter_map(|w| w["code"].as_str()).collect();
    assert!(codes.contains(&"anchors_cut"), "{codes:?}");
}

#[tokio::test]
async fn a_huge_cart_makes_no_huge_record_nor_a_flood_of_warnings() {
    let shop = TestShop::new();
    let long = "x".repeat(1_000);
    let lines = (0..900).map(|n| format!("\"{long}{}\"", n % 450)).chain(["\"A\"".to_owned()]);
    let cart: Vec<String> = lines.collect();
    let body = format!(r#"{{"placement":"cart","cart":[{}]}}"#, cart.join(","));
    let slate = shop.recommend(&body).await;
    assert!(slate.body.len() < 20_000, "{} bytes", slate.body.len());
    let slate = slate.json();
    let unknown = slate["warnings"].as_array().unwrap().iter();
    let unknown = unknown.filter(|warning| warning["code"] == "unknown_item").count();
    assert!((1..=21).contains(&unknown), "{unknown}");
    let id = slate["recommendation_id"].as_str().unwrap();
    let record = shop.get(&format!("/v1/decisions/{id}")).await;
    assert!(record.body.len() < 20_000, "{} bytes", record.body.len());
    assert_eq!(record.json()["asked"]["n_cart"], 901);
}
