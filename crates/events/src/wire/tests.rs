use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp(1_612_345_678_000_000);

fn show(value: &Value) -> String {
    match event_from_json(value, NOW) {
        Err(fault) => fault.to_string(),
        Ok((event, warnings)) => {
            let lines: Vec<String> = event
                .lines
                .iter()
                .map(|line| {
                    let price = line.unit_price.map_or(String::new(), |price| format!("@{price}"));
                    let origin = line.origin.as_deref().map_or(String::new(), |o| format!("<{o}"));
                    format!("{}x{}{price}{origin}", line.item_id, line.quantity)
                })
                .collect();
            format!(
                "{} {} {} c={} s={} o={} [{}] {}",
                event.event_id,
                event.kind.as_str(),
                event.at,
                event.customer_id.as_deref().unwrap_or("-"),
                event.session_id.as_deref().unwrap_or("-"),
                event.order_id.as_deref().unwrap_or("-"),
                lines.join(" "),
                warnings.join("; "),
            )
        }
    }
}

fn check(value: Value, expected: &str) {
    assert_eq!(show(&value).trim_end(), expected, "for {value}");
}

#[test]
fn events_by_our_own_names() {
    check(
        json!({"event_id": "e1", "event_name": "view_item", "session_id": "s", "item_id": 7,
               "timestamp": "2021-02-03T10:00:00+01:00"}),
        "e1 view_item 2021-02-03T09:00:00Z c=- s=s o=- [7x1]",
    );
    check(
        json!({"event_id": "e2", "event": "purchase", "user_id": "u", "order_id": "o1",
               "currency": "GBP", "items": [
                   {"item_id": "a", "quantity": 2, "price": 2.55, "item_list_id": "search"},
                   {"item_id": "b", "price": "1.5"}, "c"]}),
        "e2 purchase 2021-02-03T09:47:58Z c=u s=- o=o1 [ax2@2.55<search bx1@1.5 cx1]",
    );
    check(
        json!({"event_id": "e3", "event_name": "recommendation_click", "recommendation_id": "r",
               "item_id": "a", "timestamp": 1_612_345_678}),
        "e3 recommendation_click 2021-02-03T09:47:58Z c=- s=- o=- [ax1]",
    );
}

#[test]
fn a_time_without_a_zone_is_told() {
    let warned = |timestamp: &str| {
        let value = json!({"event_id": "e", "event_name": "view_item", "item_id": "a",
                           "timestamp": timestamp});
        let (event, warnings) = event_from_json(&value, NOW).expect("an event");
        (event.at.to_string(), warnings.iter().any(|text| text.contains("taken as UTC")))
    };
    for (text, at, is_warned) in [
        ("2021-02-03T10:00:00", "2021-02-03T10:00:00Z", true),
        ("2021-02-03 10:00:00", "2021-02-03T10:00:00Z", true),
        ("2021-02-03", "2021-02-03T00:00:00Z", true),
        ("2021-02-03T10:00:00Z", "2021-02-03T10:00:00Z", false),
        ("2021-02-03T10:00:00.5+01:00", "2021-02-03T09:00:00Z", false),
        ("1612345678", "2021-02-03T09:47:58Z", false),
    ] {
        assert_eq!(warned(text), (at.to_owned(), is_warned), "{text}");
    }
}

#[test]
fn an_amount_that_would_be_rounded_is_refused() {
    let read = |price: Value| {
        let value = json!({"event_id": "e", "event_name": "view_item", "item_id": "a",
                           "price": price});
        show(&value)
    };
    assert!(read(json!(2.5555555)).contains("at most six decimals"));
    assert!(read(json!("2.5555555")).contains("at most six decimals"));
    assert!(read(json!(2.555555)).contains("[ax1@2.555555]"));
}

#[test]
fn events_by_the_names_of_others() {
    // Segment
    check(
        json!({"type": "track", "event": "Product Added", "messageId": "m", "anonymousId": "an",
               "userId": "u", "timestamp": "2021-02-03T10:00:00.123Z",
               "properties": {"product_id": "p", "quantity": 1, "price": 3}}),
        "m add_to_cart 2021-02-03T10:00:00Z c=u s=an o=- [px1@3]",
    );
    check(
        json!({"event": "Order Completed", "messageId": "m",
               "properties": {"order_id": "9", "products": [{"product_id": "p", "quantity": 2}]}}),
        "m purchase 2021-02-03T09:47:58Z c=- s=- o=9 [px2]",
    );
    // Google Retail
    check(
        json!({"eventType": "purchase-complete", "visitorId": "v",
               "eventTime": "2021-02-03T10:00:00Z",
               "eventId": "g",
               "purchaseTransaction": {"id": "t1", "currencyCode": "EUR", "revenue": 5},
               "productDetails": [{"product": {"id": "p1"}, "quantity": 2}]}),
        "g purchase 2021-02-03T10:00:00Z c=- s=v o=t1 [p1x2]",
    );
    // GA4
    check(
        json!({"event_name": "add_to_cart", "event_id": "e",
               "event_timestamp": 1_612_345_678_000_000_i64,
               "user_pseudo_id": "u1",
               "ecommerce": {"items": [{"item_id": "a", "item_name": "Mug"}]}}),
        "e add_to_cart 2021-02-03T09:47:58Z c=u1 s=- o=- [ax1]",
    );
}

#[test]
fn a_known_customer_goes_before_a_pseudonym() {
    check(
        json!({"event_id": "e", "event": "view", "user_pseudo_id": "p", "user_id": "u",
               "customer_id": "c", "item_id": "a"}),
        "e view_item 2021-02-03T09:47:58Z c=c s=- o=- [ax1]",
    );
}

#[test]
fn unknown_fields_are_warned_of() {
    check(
        json!({"event_id": "e", "event": "view_item", "item_id": "a", "qantity": 3,
               "items": [{"item_id": "b", "colour": "red", "item_brand": "x"}]}),
        "e view_item 2021-02-03T09:47:58Z c=- s=- o=- [bx1 ax1] \
         unknown field \"colour\" of an item is ignored; unknown field \"qantity\" is ignored",
    );
}

#[test]
fn without_an_id_the_content_is_the_id() {
    let value = json!({"event": "view_item", "item_id": "a"});
    let (first, warnings) = event_from_json(&value, NOW).unwrap();
    let (again, _) = event_from_json(&value, NOW).unwrap();
    let (later, _) = event_from_json(&value, Timestamp(NOW.0 + 1)).unwrap();
    assert_eq!(first.event_id, again.event_id);
    assert_ne!(first.event_id, later.event_id);
    assert!(warnings[0].starts_with("no event_id"));
}

#[test]
fn what_is_no_event() {
    check(json!([1]), "an event is a JSON object");
    check(json!({"item_id": "a"}), "event_name is missing");
    check(
        json!({"event": "jump"}),
        "\"jump\" is no event; the events are view_item, add_to_cart, remove_from_cart, \
         begin_checkout, purchase, refund, recommendation_impression, recommendation_click, \
         recommendation_dismiss, recommendation_view",
    );
    check(json!({"event": "view_item"}), "item_id is missing");
    check(json!({"event": "view_item", "item_id": "  "}), "item_id is missing");
    check(json!({"event": "purchase", "item_id": "a"}), "order_id is missing");
    check(json!({"event": "recommendation_click", "item_id": "a"}), "recommendation_id is missing");
    check(
        json!({"event": "view_item", "item_id": ["a"]}),
        "item_id is [\"a\"]; expected text or a number",
    );
    check(
        json!({"event": "view_item", "item_id": "x".repeat(2000)}),
        "item_id has 2000 bytes; at most 1024 are kept",
    );
    check(
        json!({"event": "view_item", "item_id": "a", "timestamp": "yesterday"}),
        "timestamp is yesterday; expected RFC 3339, such as 2026-01-31T12:00:00Z, or a Unix time",
    );
    let quantity = "expected a number below 10^9 with at most six decimals";
    for found in [json!("many"), json!(1e12), json!(true)] {
        let shown = FieldText(&found).to_string();
        check(
            json!({"event": "view_item", "item_id": "a", "quantity": found}),
            &format!("quantity is {shown}; {quantity}"),
        );
    }
    check(
        json!({"event": "view_item", "item_id": "a", "quantity": -1}),
        "quantity is -1; expected more than zero",
    );
    check(
        json!({"event": "purchase", "order_id": 1, "items": "a"}),
        "items is a; expected a list of {item_id, quantity, price}",
    );
    check(
        json!({"event": "view_item", "item_id": "a", "currency": "pounds"}),
        "currency is pounds; expected three letters, such as GBP",
    );
}

proptest! {
    #[test]
    fn no_json_makes_it_panic(text in "[a-z0-9:,{}\\[\\]\" ]{0,80}", number in any::<f64>()) {
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            let _ = event_from_json(&value, NOW);
        }
        let value = json!({"event": "view", "items": [text], "timestamp": number, "price": number});
        let _ = event_from_json(&value, NOW);
    }
}

#[test]
fn the_origin_of_a_line_may_be_told_in_every_usual_way() {
    let (answer, other) = ("01hf0000000000000000001", "01hf0000000000000000002");
    let read = |value: Value| {
        let (event, warnings) = event_from_json(&value, NOW).expect("an event");
        let origins: Vec<_> = event.lines.iter().map(|line| line.origin.clone()).collect();
        (event.recommendation_id, origins, warnings)
    };
    let purchase = |more: Value, lines: Value| {
        let mut event = json!({"event_id": "e", "event": "purchase", "order_id": "o"});
        let members = event.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        members.insert("items".to_owned(), lines);
        read(event)
    };
    // The answer of a line goes before the name of a list.
    let lines = json!([
        {"item_id": "a", "recommendation_id": answer, "item_list_id": "cart"},
        {"item_id": "b", "attribution_token": other},
        {"item_id": "c", "item_list_id": "search"},
        {"item_id": "d"}
    ]);
    let some = |text: &str| Some(text.to_owned());
    let (of_event, origins, warnings) = purchase(json!({}), lines.clone());
    assert_eq!(origins, [some(answer), some(other), some("search"), None]);
    assert_eq!((of_event, warnings), (None, Vec::new()));
    // A list of the event is that of lines without one; an answer is the event's.
    let (_, origins, _) = purchase(json!({"item_list_id": "category"}), lines.clone());
    assert_eq!(origins, [some(answer), some(other), some("search"), some("category")]);
    let (of_event, origins, _) = purchase(json!({"item_list_id": answer}), lines.clone());
    assert_eq!((of_event, &origins[3]), (some(answer), &None));
    let told = json!({"item_list_id": "category", "recommendation_id": other});
    let (of_event, origins, _) = purchase(told, lines);
    assert_eq!((of_event, &origins[3]), (some(other), &None));
    let seen = json!({"event": "view_item", "item_list_id": "category", "items": ["a"]});
    assert_eq!(read(seen).1, [None], "what was looked at came from nowhere");
}

/// Half of it for a second is a view (MRC), by whichever words; what is less is an impression.
#[test]
fn an_impression_that_was_in_view_is_a_view() {
    let told = |more: Value| {
        let mut event = json!({"event_id": "e", "event_name": "recommendation_impression",
                               "recommendation_id": "r"});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        show(&event).replace("e recommendation_", "").replace(" 2021-02-03T09:47:58Z c=-", "")
    };
    for view in [
        json!({"viewable": true}),
        json!({"visible_ms": 1_000, "visible_share": 0.5}),
        json!({"visibleMs": 2_500.5}),
        json!({"event_name": "recommendation_view"}),
        json!({"event_name": "Recommendation Viewed", "visible_ms": 1_000}),
    ] {
        assert_eq!(told(view.clone()).trim_end(), "view s=- o=- []", "{view}");
    }
    for glance in [
        json!({"viewed": false}),
        json!({"visible_ms": 999, "visible_share": 1}),
        json!({"visible_ms": 9_999, "visible_share": 0.49}),
    ] {
        assert_eq!(told(glance.clone()).trim_end(), "impression s=- o=- []", "{glance}");
    }
    let less = told(json!({"event_name": "recommendation_view", "visible_ms": 10}));
    assert!(less.starts_with("impression") && less.contains("kept as"), "{less}");
    let share = told(json!({"visible_share": 0.7}));
    assert!(share.starts_with("impression") && share.contains("without visible_ms"), "{share}");
    let click = told(json!({"event_name": "recommendation_click", "viewable": true}));
    assert!(click.starts_with("click") && click.contains("are ignored"), "{click}");
    assert!(told(json!({"visible_share": 50})).contains("a share from 0 to 1"));
    assert!(told(json!({"visible_ms": -1})).contains("milliseconds"));
    assert!(told(json!({"viewable": "yes"})).contains("true or false"));
}
