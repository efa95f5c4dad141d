//! A report by way of temporary files says what one in memory says ([`Desk::json`] holds every
//! report of these tests against the other): here of logs in which everything meets everything.

use super::Desk;
use super::doubts::{Asked, DAY_US, NOW, answer_of, event, fill};
use events::event::EventLine;
use events::{Amount, Currency, CustomerRecord, Event, EventKind, ItemRecord, Timestamp};
use history::{OpenMode, Store};
use measure::assignment::Unit;
use simulate::chance::Chance;
use std::path::Path;

/// Within twelve days, but never within half an hour of today's time of day: `report --days` cuts
/// there, and the clock goes on between the two reports that are held against each other.
fn when(chance: &mut Chance) -> i64 {
    let at = NOW.0 - 3 * DAY_US + (chance.unit() * 12.0 * DAY_US as f64) as i64;
    let half_an_hour = DAY_US / 48;
    let since_cut = (at - today_us() + half_an_hour).rem_euclid(DAY_US);
    if since_cut < 2 * half_an_hour { at + 2 * half_an_hour } else { at }
}

fn today_us() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("after 1970").as_micros() as i64
}

const KINDS: [EventKind; 9] = [
    EventKind::ViewItem,
    EventKind::RecommendationImpression,
    EventKind::RecommendationClick,
    EventKind::RecommendationClick,
    EventKind::RecommendationDismiss,
    EventKind::AddToCart,
    EventKind::BeginCheckout,
    EventKind::Purchase,
    EventKind::Refund,
];

fn line(chance: &mut Chance) -> EventLine {
    let item = ["bread", "butter", "jam", "jam-small"][chance.below(4) as usize];
    let origin = match chance.below(4) {
        0 => Some(answer_of(chance.below(1_100))),
        1 => Some("search".to_owned()),
        _ => None,
    };
    EventLine {
        item_id: item.to_owned(),
        quantity: Amount::from_units(1 + i64::from(chance.below(3))).expect("few"),
        unit_price: if chance.happens(0.9) {
            Amount::from_units(1 + i64::from(chance.below(9)))
        } else {
            None
        },
        origin,
    }
}

/// Customers, visits, orders and answers drawn apart, so that none agrees with the others.
fn some_event(chance: &mut Chance, number: u32) -> Event {
    let kind = KINDS[chance.below(KINDS.len() as u32) as usize];
    let mut made = event(kind, chance.below(300), "x", when(chance));
    made.event_id = format!("n{number}");
    made.order_id = matches!(kind, EventKind::Purchase | EventKind::Refund)
        .then(|| format!("o{}", chance.below(400)));
    made.customer_id = made.customer_id.filter(|_| chance.happens(0.6));
    made.session_id = chance.happens(0.7).then(|| format!("v{}", chance.below(150)));
    made.recommendation_id = chance.happens(0.6).then(|| answer_of(chance.below(1_100)));
    made.currency = Currency::parse(if chance.happens(0.95) { "GBP" } else { "EUR" });
    made.confirmed = kind != EventKind::Purchase || chance.happens(0.95);
    made.lines = (0..chance.below(4)).map(|_| line(chance)).collect();
    made
}

async fn add_world(dir: &Path, chance: &mut Chance) {
    let store = Store::open(dir, OpenMode::Create).await.expect("a new store");
    let item = |id: &str, head: Option<&str>| ItemRecord {
        item_id: id.to_owned(),
        cost: Amount::from_units(1),
        variant_of: head.map(str::to_owned),
        ..ItemRecord::default()
    };
    let items = [item("bread", None), item("jam", None), item("jam-small", Some("jam"))];
    store.upsert_items(&items).await.expect("items");
    let records: Vec<CustomerRecord> = (0..200)
        .map(|customer| CustomerRecord {
            customer_id: format!("c{customer}"),
            consent: None,
            attributes: vec![("segment".to_owned(), format!("s{}", chance.below(30)))],
        })
        .collect();
    store.upsert_customers(&records).await.expect("customers");
    store.close().await;
}

#[test]
fn whatever_meets_in_a_log_is_joined_alike() {
    for seed in [1, 2, 3] {
        let desk = Desk::new();
        let mut chance = Chance::new(seed, 0);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(add_world(&desk.store(), &mut chance));
        let events: Vec<Event> = (0..4_000).map(|number| some_event(&mut chance, number)).collect();
        let visits: Vec<String> = (0..120).map(|visit| format!("v{visit}")).collect();
        let asked: Vec<Asked<'_>> = visits
            .iter()
            .map(|visit| Asked {
                // Some names are of two answers.
                answer: 950 + chance.below(120),
                at: Timestamp(when(&mut chance)),
                unit: Unit::Session(visit),
                is_held_out: chance.happens(0.2),
                location: None,
            })
            .chain((0..10).map(|day| Asked {
                answer: 3_000 + day,
                at: Timestamp(NOW.0 + i64::from(day) * DAY_US),
                unit: Unit::LocationDay("till", NOW.0.div_euclid(DAY_US) + i64::from(day)),
                is_held_out: day % 5 == 0,
                location: Some("till"),
            }))
            .collect();
        runtime.block_on(fill(&desk.store(), events, &asked));
        let whole = desk.json(&["report", "--json", "--holdout", "20"]);
        for doubt in [
            "answers_without_record",
            "orders_of_nobody",
            "days_of_tills",
            "orders_in_other_currencies",
            "lines_without_price",
            "lines_not_offered",
            "refunds_above_sale",
            "outcomes_before_answer",
            "purchases_not_confirmed",
        ] {
            assert!(whole["doubts"][doubt].as_u64() > Some(0), "{doubt} of {whole}");
        }
        assert!(whole["n_crossers"].as_u64() > Some(0), "{whole}");
        assert!(whole["relations"][0]["kept"].is_number(), "{whole}");
        let since = (history_days() + 2).to_string();
        desk.json(&["report", "--json", "--holdout", "20", "--days", &since]);
    }
}

/// Days from [`NOW`] to today.
fn history_days() -> i64 {
    (today_us() - NOW.0) / DAY_US
}
