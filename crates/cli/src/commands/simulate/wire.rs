//! What a world sends to a server: items, customers, and what customers do, as docs/http.md says.

use events::Timestamp;
use serde_json::{Value, json};
use simulate::world::{Life, Outcome, Taken, Visit, World, WorldKind};

/// ISO 4217 of all made-up money.
pub(crate) const CURRENCY: &str = "EUR";
pub(crate) const SOURCE: &str = "simulated";

pub(crate) fn items(world: &World) -> Vec<Value> {
    let facets = world.catalog.items.iter().zip(&world.facets);
    facets
        .map(|(item, facet)| {
            let price = f64::from(item.price_cents) / 100.0;
            let mut record = json!({
                "item_id": item.item_id, "title": item.title, "kind": facet.kind.as_str(),
                "category": world.group_names[item.group as usize],
                "price": money(price), "currency": CURRENCY,
            });
            // What an account costs goes with the balance: no one number says it.
            if world.kind != WorldKind::Bank {
                record["cost"] = money(price * facet.cost_share).into();
            }
            record
        })
        .collect()
}

pub(crate) fn customer(world: &World, life: &Life<'_>) -> Value {
    let segment = if life.is_large() { "large" } else { "regular" };
    let customer_id = world.customer_id(life.customer());
    json!({"customer_id": customer_id, "consent": true, "attributes": {"segment": segment}})
}

/// To the microsecond: days pass in moments, so the order of things is in the fractions.
fn exact(at: Timestamp) -> String {
    let whole = at.to_string();
    let micros = at.0.rem_euclid(1_000_000);
    format!("{}.{micros:06}Z", whole.trim_end_matches('Z'))
}

/// Amounts go as decimal text: exact.
fn money(amount: f64) -> String {
    format!("{amount:.2}")
}

/// Who does something: a customer, or a guest known by the visit alone.
pub(crate) fn sign(event: &mut Value, world: &World, life: &Life<'_>, day: i32) {
    let id = world.customer_id(life.customer());
    if life.is_guest() {
        event["session_id"] = id.into();
    } else {
        event["session_id"] = format!("{id}.{day}").into();
        event["user_id"] = id.into();
    }
}

/// Asks what to show on a visit.
pub(crate) fn question(world: &World, life: &Life<'_>, visit: &Visit, count: usize) -> Value {
    let id = |&item: &u32| world.catalog.items[item as usize].item_id.clone();
    let anchors: Vec<_> = visit.anchors.iter().map(id).collect();
    let mut request = json!({"placement": world.kind.placement(), "count": count});
    sign(&mut request, world, life, visit.day);
    match world.kind {
        WorldKind::Shop => request["cart"] = json!(anchors),
        WorldKind::Restaurant => {
            request["cart"] = json!(anchors);
            request["location_id"] = location(visit).into();
        }
        WorldKind::Bank => {
            let held: Vec<_> = life.holds().iter().map(id).collect();
            request["exclude_item_ids"] = json!(held);
        }
    }
    request
}

fn location(visit: &Visit) -> String {
    format!("branch-{}", visit.location)
}

/// One visit and what came of it.
pub(crate) struct Scene<'a> {
    pub(crate) world: &'a World,
    pub(crate) life: &'a Life<'a>,
    pub(crate) visit: &'a Visit,
    pub(crate) outcome: &'a Outcome,
    /// The answer of which something was shown.
    pub(crate) answer: Option<&'a str>,
    pub(crate) at: Timestamp,
}

/// What was seen and done about the offers of an answer, and what was ordered.
pub(crate) fn events(scene: &Scene<'_>) -> Vec<Value> {
    let Scene { world, life, visit, outcome, answer, at } = *scene;
    let name = format!("{}.{}", world.customer_id(life.customer()), visit.day);
    let event = |kind: &str, event_id: String| {
        let mut event = json!({
            "event_name": kind, "event_id": event_id, "timestamp": exact(at),
            "location_id": location(visit),
        });
        sign(&mut event, world, life, visit.day);
        event
    };
    let id = |item: u32| world.catalog.items[item as usize].item_id.clone();
    let mut told = Vec::new();
    if let Some(answer) = answer {
        let mut seen = vec![("recommendation_impression", None)];
        seen.extend(outcome.clicked.iter().map(|&item| ("recommendation_click", Some(item))));
        seen.extend(outcome.dismissed.iter().map(|&item| ("recommendation_dismiss", Some(item))));
        for (at, (kind, item)) in seen.into_iter().enumerate() {
            let mut one = event(kind, format!("{name}.o{at}"));
            one["recommendation_id"] = answer.into();
            if let Some(item) = item {
                one["items"] = json!([{"item_id": id(item)}]);
            }
            told.push(one);
        }
    }
    if outcome.lines.is_empty() {
        return told;
    }
    let line = |line: &Taken| {
        let origin = if line.is_from_offer { answer.unwrap_or("search") } else { "search" };
        json!({
            "item_id": id(line.item), "quantity": line.quantity, "price": money(line.price),
            "item_list_id": origin,
        })
    };
    let order = |kind: &str, lines: Vec<Value>| {
        let mut order = event(kind, format!("{name}.{kind}"));
        order["order_id"] = name.clone().into();
        order["source"] = SOURCE.into();
        order["currency"] = CURRENCY.into();
        order["items"] = lines.into();
        order
    };
    told.push(order("purchase", outcome.lines.iter().map(line).collect()));
    let back: Vec<Value> = outcome.lines.iter().filter(|l| l.is_returned).map(line).collect();
    if !back.is_empty() {
        told.push(order("refund", back));
    }
    told
}

/// What a customer of a bank has from now on.
pub(crate) fn holdings(scene: &Scene<'_>) -> Vec<Value> {
    let Scene { world, life, outcome, at, .. } = *scene;
    if !world.nature.holds_once || life.is_guest() {
        return Vec::new();
    }
    let kept = outcome.lines.iter().filter(|line| !line.is_returned);
    kept.map(|line| {
        json!({
            "customer_id": world.customer_id(life.customer()),
            "item_id": world.catalog.items[line.item as usize].item_id,
            "since": at.to_string(),
        })
    })
    .collect()
}
