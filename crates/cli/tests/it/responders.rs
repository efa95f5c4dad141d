//! On whom offers are not spent: learned from a store of planted truth, in which seldom guests are
//! moved by offers and regulars are put off.

use super::Desk;
use super::doubts::DAY_US;
use events::event::EventLine;
use events::{Amount, Event, EventKind, Timestamp};
use history::{Assignment, DecisionRecord, OpenMode, Store};
use measure::assignment::{Unit, UnitId, key_of};
use measure::uplift::responders::is_offered_anyway;
use serde_json::Value;
use snapshot::SnapshotDir;
use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

const POLICIES: &str = "[[placement]]\nname = \"pdp\"\nspend_on = \"responders\"\n";

/// What is so of a customer: orders before, arm, and the money that offers bring.
#[derive(Clone, Copy)]
struct Truth {
    orders: u32,
    is_held_out: bool,
    effect: f64,
}

/// A world, and what the store is told of it.
struct Town {
    n_customers: u32,
    /// What offers add by the number of orders before.
    effect: fn(u32) -> f64,
    /// Who would lose by it was spared, but for the share that never is.
    is_spared: bool,
}

impl Town {
    fn truth(&self, customer: u32) -> Truth {
        let orders = 1 + customer % 8;
        let is_held_out = (customer / 8).is_multiple_of(4);
        Truth { orders, is_held_out, effect: (self.effect)(orders) }
    }

    async fn fill(&self, desk: &Desk) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_micros() as i64;
        let began = now - 40 * DAY_US;
        let store = Store::open(&desk.store(), OpenMode::Create).await.expect("a new store");
        let key = key_of(&store.store_id().await.expect("a name"));
        let ids: Vec<(String, UnitId)> = (0..self.n_customers)
            .map(|customer| (format!("c{customer}"), customer))
            .map(|(name, _)| (name.clone(), Unit::Customer(&name).id(key)))
            .collect();
        let is_spared = |customer: u32| {
            let unit = ids[customer as usize].1;
            let Truth { effect, is_held_out, .. } = self.truth(customer);
            self.is_spared && effect < 0.0 && !is_held_out && !is_offered_anyway(unit, key)
        };
        let mut events = Vec::new();
        for customer in 0..self.n_customers {
            let truth = self.truth(customer);
            for order in 0..truth.orders {
                let at = began - i64::from(1 + order * 5 + customer % 4) * DAY_US;
                events.push(order_of(customer, order, at, f64::from(10 + (customer + order) % 20)));
            }
            let is_moved = !truth.is_held_out && !is_spared(customer);
            // Noise that knows nothing of the arms.
            let noise = f64::from(customer.wrapping_mul(2_654_435_761) >> 22) / 1024.0 * 20.0;
            let revenue = 20.0
                + 4.0 * f64::from(truth.orders)
                + noise
                + if is_moved { truth.effect } else { 0.0 };
            events.push(order_of(customer, 99, began + DAY_US, revenue));
        }
        let log = store.event_log().expect("open");
        for batch in events.chunks(5_000) {
            log.append(batch.to_vec()).await.expect("stored");
        }
        let known = store.customers().await.expect("customers");
        let known: HashMap<String, u32> =
            known.into_iter().map(|one| (one.customer_id, one.customer_idx)).collect();
        let decisions = store.decision_log().expect("open");
        for (customer, (name, unit)) in (0..).zip(&ids) {
            let is_held_out = self.truth(customer).is_held_out;
            let spared = "\"spend\":{\"uplift\":-1,\"least\":0,\"left_out\":true},\"offers\":[]";
            let said = if is_spared(customer) { spared } else { "\"offers\":[]" };
            assert!(decisions.push(DecisionRecord {
                recommendation_id: format!("01hf{customer:019}"),
                at: Timestamp(began),
                customer_idx: Some(known[name]),
                assignment: Some(Assignment { unit: unit.0, is_held_out }),
                payload: format!("{{\"asked\":{{\"placement\":\"pdp\"}},{said}}}").into_bytes(),
            }));
            if customer % 1_000 == 999 {
                decisions.flush().await;
            }
        }
        decisions.flush().await;
        store.set_holdout_share(0.25, Timestamp(began - 1)).await.expect("remembered");
        store.close().await;
    }

    fn desk(&self) -> Desk {
        let desk = Desk::new();
        tokio::runtime::Runtime::new().expect("a runtime").block_on(self.fill(&desk));
        let file = desk.file("policies.toml", POLICIES);
        desk.alongside(&["policy", "apply"]).arg(file).assert().success();
        desk
    }
}

fn order_of(customer: u32, order: u32, at_us: i64, revenue: f64) -> Event {
    let line = |item: &str, money: f64| EventLine {
        item_id: item.to_owned(),
        quantity: Amount::ONE,
        unit_price: Amount::from_f64(money).ok(),
        origin: None,
    };
    let with = ["butter", "jam", "tea"][(customer % 3) as usize];
    Event {
        event_id: format!("e{order}of{customer}"),
        kind: EventKind::Purchase,
        at: Timestamp(at_us),
        customer_id: Some(format!("c{customer}")),
        session_id: None,
        order_id: Some(format!("o{order}of{customer}")),
        source: "shop".to_owned(),
        currency: events::Currency::parse("GBP"),
        location_id: None,
        recommendation_id: None,
        lines: vec![line("bread", revenue / 2.0), line(with, revenue / 2.0)],
        confirmed: true,
    }
}

/// What `learn` says of it.
fn learned(desk: &Desk) -> String {
    let told = desk.json(&["learn", "--without", "ranker", "--json"]);
    told["provenance"]["parameters"]["uplift"].as_str().unwrap_or_default().to_owned()
}

/// Uplift by customer, as the snapshot knows it.
fn known_uplift(desk: &Desk) -> HashMap<String, f64> {
    let read = async {
        let store = Store::open(&desk.store(), OpenMode::ReadOnly).await.expect("the store");
        let current = SnapshotDir::new(store.snapshots_dir()).open_current().expect("a snapshot");
        let customers = store.customers().await.expect("customers");
        let of = |one: &history::Customer| {
            let uplift = current.uplift().of_customer(one.customer_idx)?;
            Some((one.customer_id.clone(), uplift.to_f64()))
        };
        let known = customers.iter().filter_map(of).collect();
        store.close().await;
        known
    };
    tokio::runtime::Runtime::new().expect("a runtime").block_on(read)
}

fn planted(orders: u32) -> f64 {
    12.0 - 4.0 * f64::from(orders)
}

#[test]
fn offers_are_kept_from_those_whom_they_put_off() {
    let town = Town { n_customers: 4_000, effect: planted, is_spared: false };
    let desk = town.desk();
    let words = learned(&desk);
    assert!(words.contains("are not expected to respond"), "{words}");
    assert!(words.contains("who were offered something"), "{words}");
    let known = known_uplift(&desk);
    assert_eq!(known.len(), 4_000, "all of them ordered of late");
    let spared: Vec<u32> =
        (0..4_000).filter(|customer| known[&format!("c{customer}")] <= 0.0).collect();
    // The truth is below 0 from four orders on, five eighths of all; a line over logarithms errs
    // about those near 0.
    assert!((2_000..=3_500).contains(&spared.len()), "{}", spared.len());
    let lost: f64 = spared.iter().map(|&customer| town.truth(customer).effect.max(0.0)).sum();
    let saved: f64 = spared.iter().map(|&customer| -town.truth(customer).effect.min(0.0)).sum();
    assert!(lost < 0.1 * saved, "offers that were worth {lost} are lost, harm of {saved} avoided");
    let answer = |customer: &str| {
        desk.json(&[
            "recommend",
            "--item",
            "bread",
            "--customer",
            customer,
            "--placement",
            "pdp",
            "--json",
        ])
    };
    let no_offer = |answer: Value| answer["no_offer"]["code"].clone();
    assert_eq!(no_offer(answer("c7")), "no_uplift", "eight orders");
    assert_ne!(no_offer(answer("c0")), "no_uplift", "one order");
}

/// Most of those who would lose are no longer offered anything: held against who is held out, they
/// seem to be neither moved nor put off. Learned of who is always offered something, it comes out
/// as before.
#[test]
fn what_was_learned_does_not_spoil_what_is_learned_next() {
    let town = Town { n_customers: 16_000, effect: planted, is_spared: true };
    let desk = town.desk();
    let words = learned(&desk);
    assert!(words.contains("who were always offered something"), "{words}");
    let known = known_uplift(&desk);
    let of_eight: Vec<f64> =
        (0..16_000).filter(|c| c % 8 == 7).map(|c| known[&format!("c{c}")]).collect();
    let mean = of_eight.iter().sum::<f64>() / of_eight.len() as f64;
    assert!((-24.0..-12.0).contains(&mean), "the truth at eight orders is −20, told {mean}");
    let placement = &desk.json(&["report", "--json"])["placements"][0];
    let spared = placement["spared"].as_u64().expect("counted");
    assert!((6_500..7_000).contains(&spared), "of 7,500 nine tenths: {placement}");
}

#[test]
fn where_nothing_can_be_told_it_is_said_and_offers_are_for_all() {
    let desk = Town { n_customers: 4_000, effect: |_| 0.0, is_spared: false }.desk();
    let words = learned(&desk);
    assert!(words.contains("nothing can be told yet") || words.contains("cannot"), "{words}");
    assert!(words.contains("offers are spent on all") && known_uplift(&desk).is_empty(), "{words}");
    let desk = Town { n_customers: 300, effect: planted, is_spared: false }.desk();
    assert!(learned(&desk).contains("each arm needs 200 customers"), "{}", learned(&desk));
    // Nobody asks: nothing is read, and nothing said.
    let file = desk.file("none.toml", "[[placement]]\nname = \"pdp\"\nspend_on = \"all\"\n");
    desk.alongside(&["policy", "apply"]).arg(file).assert().success();
    assert_eq!(learned(&desk), "");
}
