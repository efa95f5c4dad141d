use crate::testing::{NOW, TestShop, ids};
use axum::http::Method;
use events::Timestamp;

#[tokio::test]
async fn malformed_and_wrong_typed_requests_are_problems_with_a_path() {
    let shop = TestShop::new();
    for (body, verdict, path) in [
        ("", "400 invalid_json", None),
        ("{", "400 invalid_json", None),
        ("null", "400 invalid_value", None),
        ("[]", "400 invalid_value", None),
        ("{}", "400 missing_field", Some("placement")),
        (r#"{"placement":7}"#, "400 invalid_value", Some("placement")),
        (r#"{"placement":"moon"}"#, "400 unknown_placement", Some("placement")),
        (r#"{"placements":["pdp","moon"]}"#, "400 unknown_placement", Some("placements[1]")),
        (r#"{"placements":[]}"#, "400 invalid_value", Some("placements")),
        (r#"{"placement":"pdp","placements":["pdp"]}"#, "400 invalid_value", None),
        (r#"{"placement":"pdp","count":"3"}"#, "400 invalid_value", Some("count")),
        (r#"{"placement":"pdp","count":1.5}"#, "400 invalid_value", Some("count")),
        (r#"{"placement":"pdp","cart":{"item_id":"A"}}"#, "400 invalid_value", Some("cart")),
        (r#"{"placement":"pdp","cart":[[]]}"#, "400 invalid_value", Some("cart[0]")),
        (r#"{"placement":"pdp","item_ids":[""]}"#, "400 invalid_value", Some("item_ids[0]")),
        (
            r#"{"placement":"pdp","filter":{"price_min":"x"}}"#,
            "400 invalid_value",
            Some("filter.price_min"),
        ),
    ] {
        let answer = shop.recommend(body).await;
        assert_eq!(answer.verdict(), verdict, "{body}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.json()["path"].as_str(), path, "{body}: {}", answer.body);
    }
}

#[tokio::test]
async fn an_unknown_placement_names_the_known_ones() {
    let shop = TestShop::new();
    let answer = shop.recommend(r#"{"placement":"moon"}"#).await.json();
    assert_eq!(answer["allowed"].as_array().unwrap().len(), decide::Placement::ALL.len());
}

#[tokio::test]
async fn an_oversized_body_is_refused_whether_it_says_so_or_not() {
    let shop = TestShop::new();
    let big = format!("{{\"placement\":\"pdp\",\"x\":\"{}\"}}", "y".repeat(1_100_000));
    assert_eq!(shop.recommend(&big).await.verdict(), "413 body_too_large");
    let length = big.len().to_string();
    let headers = [("content-length", length.as_str())];
    let answer = shop.call(Method::POST, "/v1/recommend", &headers, big).await;
    assert_eq!(answer.verdict(), "413 body_too_large");
    let events = format!("[\"{}\"]", "y".repeat(5_300_000));
    assert_eq!(shop.post("/v1/events", &events).await.verdict(), "413 body_too_large");
}

#[tokio::test]
async fn unknown_fields_are_warnings() {
    let shop = TestShop::new();
    let body = r#"{"placement":"pdp","item_ids":["A"],"colour":1,"filter":{"size":"L"}}"#;
    let slate = shop.recommend(body).await.json();
    assert_eq!(ids(&slate), "B C");
    let details: Vec<&str> = slate["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| warning["detail"].as_str().unwrap())
        .collect();
    assert_eq!(
        details,
        [
            "`colour` is no field of a request; not used.",
            "`filter.size` is no field of a request; not used."
        ]
    );
}

#[tokio::test]
async fn a_thousand_item_cart_is_cut_and_says_so() {
    let shop = TestShop::new();
    let mut lines: Vec<String> = (0..1_000).map(|n| format!("\"X{n}\"")).collect();
    lines.push("\"A\"".to_owned());
    let body = format!("{{\"placement\":\"cart\",\"cart\":[{}]}}", lines.join(","));
    let answer = shop.recommend(&body).await;
    assert_eq!(answer.verdict(), "200");
    let slate = answer.json();
    let codes: Vec<&str> =
        slate["warnings"].as_array().unwrap().iter().filter_map(|w| w["code"].as_str()).collect();
    assert!(codes.contains(&"cart_cut"), "{codes:?}");
    assert_eq!(ids(&slate), "B C");
}

#[tokio::test]
async fn count_zero_and_count_beyond_reason() {
    let shop = TestShop::new();
    let none = shop.recommend(r#"{"placement":"home","count":0}"#).await.json();
    assert_eq!((ids(&none), none["fallback"].as_str()), (String::new(), Some("none")));
    let all = shop.recommend(r#"{"placement":"home","count":1000000000}"#).await.json();
    assert_eq!(all["warnings"][0]["code"], "count_cut");
    assert!(!ids(&all).is_empty());
    let more = shop.recommend(r#"{"placement":"home","count":18446744073709551615}"#).await;
    assert_eq!(more.verdict(), "200");
}

#[tokio::test]
async fn an_unknown_item_is_told_and_does_not_hurt() {
    let shop = TestShop::new();
    let body = "{\"placement\":\"pdp\",\"item_ids\":[\"no such 🎁 \\\"thing\\\"\"]}";
    let slate = shop.recommend(body).await.json();
    assert_eq!(slate["warnings"][0]["code"], "unknown_item");
    assert!(slate["warnings"][0]["detail"].as_str().unwrap().contains("🎁"));
}

#[tokio::test]
async fn a_clock_that_goes_backwards_hurts_nothing() {
    let shop = TestShop::new();
    let event = r#"{"event_id":"1","event_name":"add_to_cart","session_id":"s",
                    "items":[{"item_id":"D"}]}"#;
    assert_eq!(shop.post("/v1/events", event).await.verdict(), "200");
    shop.clock.set(Timestamp(NOW.0 - 86_400_000_000 * 400));
    let slate = shop.recommend(r#"{"placement":"cart","session_id":"s"}"#).await.json();
    assert!(!ids(&slate).is_empty(), "the session did not lapse");
    let again = event.replace("\"1\"", "\"2\"").replace("\"D\"", "\"E\"");
    assert_eq!(shop.post("/v1/events", &again).await.verdict(), "200");
    let slate = shop.recommend(r#"{"placement":"cart","session_id":"s"}"#).await.json();
    assert_eq!(ids(&slate), "F/1 ü");
    assert_eq!(shop.get("/health/ready").await.verdict(), "200");
    assert_eq!(shop.get("/dashboard").await.verdict(), "200");
    shop.clock.set(Timestamp(-5));
    assert_eq!(shop.recommend(r#"{"placement":"home"}"#).await.verdict(), "200");
}

#[tokio::test]
async fn too_long_an_exclude_list_is_refused_and_not_cut() {
    let shop = TestShop::new();
    let list = vec!["\"A\""; 1_001].join(",");
    let body = format!("{{\"placement\":\"home\",\"exclude_item_ids\":[{list}]}}");
    assert_eq!(shop.recommend(&body).await.verdict(), "400 invalid_value");
}

#[tokio::test]
async fn wrong_ways_are_problems_too() {
    let shop = TestShop::new();
    assert_eq!(shop.get("/v1/nothing").await.verdict(), "404 not_found");
    assert_eq!(shop.get("/v1/recommend").await.verdict(), "405 method_not_allowed");
    assert_eq!(shop.get("/v1/items/none").await.verdict(), "404 item_not_found");
}

#[tokio::test]
async fn texts_have_a_length() {
    let shop = TestShop::new();
    let long = "x".repeat(1_025);
    for (body, path) in [
        (
            format!(r#"{{"placement":"home","context":{{"category":"{long}"}}}}"#),
            "context.category",
        ),
        (
            format!(r#"{{"placement":"home","filter":{{"categories":["a","{long}"]}}}}"#),
            "filter.categories[1]",
        ),
        (
            format!(
                r#"{{"placement":"home","filter":{{"categories":[{}"a"]}}}}"#,
                "\"a\",".repeat(100)
            ),
            "filter.categories",
        ),
    ] {
        let answer = shop.recommend(&body).await;
        assert_eq!(answer.verdict(), "400 invalid_value");
        assert_eq!(answer.json()["path"], path, "{}", answer.body);
    }
}

#[tokio::test]
async fn bad_paths_and_queries_are_problems() {
    let shop = TestShop::new();
    for (path, verdict) in [
        ("/v1/items/%ff", "400 invalid_value"),
        ("/v1/decisions/%ff", "400 invalid_value"),
        ("/v1/decisions/x/why_not?item_id=a&item_id=b", "400 invalid_value"),
        ("/search?q=a&q=b", "400 invalid_value"),
        ("/p/%ff", "400 invalid_value"),
        ("/v1/none", "404 not_found"),
    ] {
        let answer = shop.get(path).await;
        assert_eq!(answer.verdict(), verdict, "{path}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
    }
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let lost = shop.call(Method::GET, "/nowhere", &browser, "").await;
    assert_eq!(lost.status, 404);
    assert!(lost.body.contains("</html>"), "a person gets a page: {}", lost.body);
    let api = shop.call(Method::GET, "/v1/none", &browser, "").await;
    assert_eq!(api.verdict(), "404 not_found");
}
