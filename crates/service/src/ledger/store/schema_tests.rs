//! What `/openapi.json` says of answers, held against the answers.

use super::{Store, StoreLedger};
use crate::testing::TestShop;
use axum::http::Method;
use events::event::EventLine;
use events::{Amount, Event, EventKind, Timestamp};
use history::{Assignment, DecisionRecord, OpenMode};
use measure::assignment::{Unit, key_of};
use serde_json::{Map, Value, json};

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);
const DAY_US: i64 = 86_400_000_000;

/// Why a value is not what its schema says.
fn fault(document: &Value, schema: &Value, value: &Value, path: &str) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = &document.pointer(&reference[1..]).expect("a reference leads somewhere");
        return fault(document, target, value, path);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let faults: Option<Vec<String>> =
            choices.iter().map(|choice| fault(document, choice, value, path)).collect();
        return faults.map(|faults| faults.join(", nor: "));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is_whole = value.is_u64() || value.is_i64();
    let fits = |told: &&str| *told == kind || (*told == "integer" && is_whole);
    if schema["allOf"].is_null() && !kinds.iter().any(fits) {
        return Some(format!("{path} is {value}, not {schema}"));
    }
    match value {
        Value::Array(values) => values
            .iter()
            .enumerate()
            .find_map(|(at, one)| fault(document, &schema["items"], one, &format!("{path}[{at}]"))),
        Value::Object(members) => of_object(document, schema, members, path),
        _ => None,
    }
}

/// All fields of a schema, also of the parts that it is put together from.
fn fields(document: &Value, schema: &Value, properties: &mut Map<String, Value>) -> Vec<String> {
    let target = schema["$ref"].as_str().and_then(|of| document.pointer(&of[1..]));
    let schema = target.unwrap_or(schema);
    properties.extend(schema["properties"].as_object().cloned().unwrap_or_default());
    let required = schema["required"].as_array().into_iter().flatten();
    let mut required: Vec<String> =
        required.filter_map(|name| name.as_str().map(str::to_owned)).collect();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        required.extend(fields(document, part, properties));
    }
    required
}

fn of_object(
    document: &Value,
    schema: &Value,
    members: &Map<String, Value>,
    path: &str,
) -> Option<String> {
    let mut properties = Map::new();
    let required = fields(document, schema, &mut properties);
    if properties.is_empty() {
        return Some(format!("{path}: the schema tells no field"));
    }
    if let Some(name) = required.iter().find(|name| !members.contains_key(*name)) {
        return Some(format!("{path}.{name} is missing"));
    }
    members.iter().find_map(|(name, value)| match properties.get(name) {
        None => Some(format!("{path}.{name} is in no schema")),
        Some(schema) => fault(document, schema, value, &format!("{path}.{name}")),
    })
}

/// Three customers, one of them held out; one is shown an offer, and all order.
async fn fill(store: &Store) {
    let key = key_of(&store.store_id().await.unwrap());
    let (log, decisions) = (store.event_log().unwrap(), store.decision_log().unwrap());
    let mut events = Vec::new();
    for number in 0..3_u32 {
        let customer = format!("c{number}");
        let (unit, is_held_out) = (Unit::Customer(&customer).id(key).0, number == 0);
        let variant = if is_held_out { ",\"variant\":\"holdout\"}" } else { "}" };
        let asked = "{\"asked\":{\"placement\":\"pdp\"},\"offers\":[{\"item_id\":\"jam\",\
                     \"relation\":\"complement\"}]";
        let recommendation_id = format!("01hf{number:019}");
        assert!(decisions.push(DecisionRecord {
            recommendation_id: recommendation_id.clone(),
            at: NOW,
            customer_idx: None,
            assignment: Some(Assignment { unit, is_held_out }),
            payload: format!("{asked}{variant}").into_bytes(),
        }));
        let event = |id: &str, kind, days: i64| Event {
            event_id: format!("{id}{number}"),
            kind,
            at: Timestamp(NOW.0 + days * DAY_US),
            customer_id: Some(customer.clone()),
            session_id: None,
            order_id: Some(format!("{id}{number}")),
            source: "shop".to_owned(),
            currency: events::Currency::parse("GBP"),
            location_id: None,
            recommendation_id: Some(recommendation_id.clone()),
            lines: vec![EventLine {
                item_id: "jam".to_owned(),
                quantity: Amount::ONE,
                unit_price: Some(Amount::ONE),
                origin: None,
            }],
            confirmed: true,
        };
        events.push(event("before", EventKind::Purchase, -2));
        events.push(event("after", EventKind::Purchase, 2));
        events.push(event("seen", EventKind::RecommendationView, 1));
    }
    log.append(events).await.unwrap();
    decisions.flush().await;
}

#[tokio::test]
async fn answers_have_the_fields_that_the_description_tells() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), OpenMode::Create).await.unwrap();
    fill(&store).await;
    let shop = TestShop::over_any(Box::new(StoreLedger::start(store).unwrap()));
    let document = shop.get("/openapi.json").await.json();
    let check = |path: &str, method: &str, answer: &Value| {
        let operation = &document["paths"][path][method];
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        assert!(!schema.is_null(), "{method} {path} tells no schema");
        assert_eq!(fault(&document, schema, answer, path), None, "{answer}");
    };
    let post = async |path: &str, body: &str| {
        shop.call(Method::POST, path, &[], body.to_owned()).await.json()
    };
    let report = shop.get("/v1/report").await.json();
    for part in ["metrics", "placements", "relations", "segments", "holdout", "after_click"] {
        assert!(report[part].as_array().is_some_and(|all| !all.is_empty()), "{part}: {report}");
    }
    check("/v1/report", "get", &report);
    let quiet =
        json!({"name": "quiet", "variant": [{"name": "usual"}, {"name": "few", "count": 2}]});
    let named = "/v1/experiments/{name}";
    check("/v1/experiments", "post", &post("/v1/experiments", &quiet.to_string()).await);
    check("/v1/experiments", "get", &shop.get("/v1/experiments").await.json());
    let start = "/v1/experiments/quiet/start";
    check(&format!("{named}/start"), "post", &post(start, "{\"note\":\"now\"}").await);
    let results = shop.get("/v1/experiments/quiet/results").await.json();
    assert!(!results["contrasts"][0]["metrics"][0].is_null(), "{results}");
    check(&format!("{named}/results"), "get", &results);
    check(named, "get", &shop.get("/v1/experiments/quiet").await.json());
    let event = json!([{"event_name": "view_item", "item_id": "jam"}, {"event_name": "jump"}]);
    check("/v1/events", "post", &post("/v1/events", &event.to_string()).await);
}

/// Every field of the described event is one that is read, of a type that is taken.
#[tokio::test]
async fn the_described_event_is_what_is_read() {
    let shop = TestShop::new();
    let document = shop.get("/openapi.json").await.json();
    let body = &document["paths"]["/v1/events"]["post"]["requestBody"]["content"];
    let schema = &body["application/json"]["schema"]["items"];
    let mut properties = Map::new();
    fields(&document, schema, &mut properties);
    let mut event = json!({"event_name": "recommendation_impression", "event_id": "e",
        "timestamp": "2026-01-31T12:00:00Z", "customer_id": "c", "session_id": "s",
        "order_id": "o", "source": "shop", "currency": "GBP", "location_id": "l",
        "recommendation_id": "r", "viewable": true, "visible_ms": 1_200.0, "visible_share": 0.9});
    event["items"] = json!([{"item_id": "a", "quantity": 1.5, "price": 2.5,
        "recommendation_id": "r", "item_list_id": "search"}]);
    let told: Vec<&String> = event.as_object().unwrap().keys().collect();
    let described: Vec<&String> = properties.keys().collect();
    let sorted = |mut names: Vec<&String>| {
        names.sort();
        names.into_iter().cloned().collect::<Vec<_>>()
    };
    assert_eq!(sorted(told), sorted(described));
    assert_eq!(fault(&document, schema, &event, "event"), None);
    let (read, warnings) = events::event_from_json(&event, NOW).unwrap();
    assert_eq!((read.kind, warnings), (EventKind::RecommendationView, Vec::new()));
    event["surprise"] = json!(1);
    assert!(fault(&document, schema, &event, "event").unwrap().contains("surprise"));
}
