//! A report by way of temporary files says what one in memory says ([`Desk::json`] holds every
//! report of these tests against the other): here of logs in which everything meets everything.

use super::Desk;
use super::doubts::{Asked, DAY_US, NOW, answer_of, event, fill};
use events::event::EventLine;
use events::{Amount, Currency, CustomerRecord, Event, EventKind, ItemRecord, Timestamp};
use history::{OpenMode, Store};
use measure::assignment::Unit;
use std::path::Path;

/// xorshift64*.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }

    fn is(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn when(&mut self) -> i64 {
        NOW.0 - 3 * DAY_US + self.below(12 * DAY_US as u64) as i64
    }
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

fn line(dice: &mut Dice) -> EventLine {
    let item = ["bread", "butter", "jam", "jam-small"][dice.below(4) as usize];
    let origin = match dice.below(4) {
        0 => Some(answer_of(dice.below(1_100) as u32)),
        1 => Some("search".to_owned()),
        _ => None,
    };
    EventLine {
        item_id: item.to_owned(),
        quantity: Amount::from_units(1 + dice.below(3) as i64).expect("few"),
        unit_price: if dice.is(90) { Amount::from_units(1 + dice.below(9) as i64) } else { None },
        origin,
    }
}

/// Customers, visits, orders and answers drawn apart, so that none agrees with the others.
fn some_event(dice: &mut Dice, number: u32) -> Event {
    let kind = KINDS[dice.below(KINDS.len() as u64) as usize];
    let mut made = event(kind, dice.below(300) as u32, "x", dice.when());
    made.event_id = format!("n{number}");
    made.order_id = matches!(kind, EventKind::Purchase | EventKind::Refund)
        .then(|| format!("o{}", dice.below(400)));
    made.customer_id = made.customer_id.filter(|_| dice.is(60));
    made.session_id = dice.is(70).then(|| format!("v{}", dice.below(150)));
    made.recommendation_id = dice.is(60).then(|| answer_of(dice.below(1_100) as u32));
    made.currency = Currency::parse(if dice.is(95) { "GBP" } else { "EUR" });
    made.confirmed = kind != EventKind::Purchase || dice.is(95);
    made.lines = (0..dice.below(4)).map(|_| line(dice)).collect();
    made
}

async fn add_world(dir: &Path, dice: &mut Dice) {
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
            attributes: vec![("segment".to_owned(), format!("s{}", dice.below(30)))],
        })
        .collect();
    store.upsert_customers(&records).await.expect("customers");
    store.close().await;
}

#[test]
fn whatever_meets_in_a_log_is_joined_alike() {
    for seed in [1, 2, 3] {
        let desk = Desk::new();
        let mut dice = Dice(seed * 7_919);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(add_world(&desk.store(), &mut dice));
        let events: Vec<Event> = (0..4_000).map(|number| some_event(&mut dice, number)).collect();
        let visits: Vec<String> = (0..120).map(|visit| format!("v{visit}")).collect();
        let asked: Vec<Asked<'_>> = visits
            .iter()
            .map(|visit| Asked {
                // Some names are of two answers.
                answer: 950 + dice.below(120) as u32,
                at: Timestamp(dice.when()),
                unit: Unit::Session(visit),
                is_held_out: dice.is(20),
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
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let today = now.expect("after 1970").as_micros() as i64;
    (today - NOW.0) / DAY_US
}
