//! A made-up log of visits with offers, held out and shown, for the joins of the report: straight
//! to sealed segments, for a hundred million events come in nowhere in an hour.

use crate::show;
use anyhow::ensure;
use events::event::EventLine;
use events::time::DAY_US;
use events::{Amount, Currency, CustomerRecord, Event, EventKind, ItemRecord, Timestamp};
use history::{Assignment, DecisionLog, DecisionRecord, EventLog, OpenMode, Store};
use measure::assignment::{Unit, UnitId, key_of};
use serde_json::json;
use simulate::chance::Chance;
use std::fmt::Write;
use std::path::Path;

/// Events of a segment, as a sealing makes them.
const STEP: usize = 100_000;
const N_ITEMS: u32 = 5_000;
/// Visits are spread over so many days.
const N_DAYS: i64 = 28;
const FROM: Timestamp = Timestamp(1_790_000_000_000_000);
/// Events of a visit, about: what the number of visits is made from.
const OF_VISIT: f64 = 6.15;
/// One visit in ten is of a customer known by then.
const VISITS_A_CUSTOMER: u64 = 10;

/// One visit while it goes on.
struct Visit {
    at_us: i64,
    session_id: String,
    /// Dense index, which is the number in the id.
    customer: Option<u32>,
    unit: UnitId,
    is_held_out: bool,
}

struct Generator {
    store: Store,
    log: EventLog,
    decisions: DecisionLog,
    key: u64,
    chance: Chance,
    /// To be sealed, with the customer of each.
    events: Vec<(Event, Option<u32>)>,
    orders: Vec<Event>,
    n_events: u64,
    n_orders: u64,
    n_decisions: u64,
    n_visits: u64,
}

pub(super) async fn run(dir: &Path, n_events: u64) -> anyhow::Result<()> {
    ensure!(!Store::is_at(dir), "{} holds a store: name another place", dir.display());
    let store = Store::open(dir, OpenMode::Create).await?;
    let n_visits = (n_events as f64 / OF_VISIT).ceil() as u64;
    add_world(&store, (n_visits / VISITS_A_CUSTOMER).max(1)).await?;
    let key = key_of(&store.store_id().await?);
    let (log, decisions) = (store.event_log()?, store.decision_log()?);
    let mut generator = Generator {
        store,
        log,
        decisions,
        key,
        chance: Chance::new(42, 0),
        events: Vec::new(),
        orders: Vec::new(),
        n_events: 0,
        n_orders: 0,
        n_decisions: 0,
        n_visits,
    };
    let mut visit = 0;
    while generator.n_events < n_events {
        generator.visit(visit).await?;
        visit += 1;
        generator.relieve(STEP).await?;
    }
    generator.relieve(0).await?;
    generator.finish(visit).await
}

async fn add_world(store: &Store, n_customers: u64) -> anyhow::Result<()> {
    let items: Vec<ItemRecord> = (0..N_ITEMS)
        .map(|item| ItemRecord { item_id: format!("i{item}"), ..ItemRecord::default() })
        .collect();
    store.upsert_items(&items).await?;
    for first in (0..n_customers).step_by(50_000) {
        let records: Vec<CustomerRecord> = (first..(first + 50_000).min(n_customers))
            .map(|customer| CustomerRecord {
                customer_id: format!("c{customer}"),
                consent: None,
                attributes: vec![("segment".to_owned(), format!("s{}", customer % 4))],
            })
            .collect();
        store.upsert_customers(&records).await?;
    }
    store.set_holdout_share(0.05, FROM).await?;
    Ok(())
}

impl Generator {
    async fn visit(&mut self, number: u64) -> anyhow::Result<()> {
        let n_customers = (self.n_visits / VISITS_A_CUSTOMER).max(1);
        let n_customers = u32::try_from(n_customers).unwrap_or(u32::MAX);
        let customer = self.chance.happens(0.4).then(|| self.chance.below(n_customers));
        let session_id = format!("session-{number:012}");
        let unit = match customer {
            Some(customer) => Unit::Customer(&format!("c{customer}")).id(self.key),
            None => Unit::Session(&session_id).id(self.key),
        };
        // Visits come in the order of time, as in a log.
        let at_us =
            FROM.0 + (number as f64 / self.n_visits as f64 * (N_DAYS * DAY_US) as f64) as i64;
        let is_held_out = unit.0 % 20 == 0;
        let mut visit = Visit { at_us, session_id, customer, unit, is_held_out };
        let mut clicked = None;
        for page in 0..2 {
            for _ in 0..=self.chance.below(3) {
                let item = self.chance.below(N_ITEMS);
                self.event(&mut visit, EventKind::ViewItem, None, &[item]);
            }
            let offers: [u32; 4] = std::array::from_fn(|_| self.chance.below(N_ITEMS));
            let answer = format!("{:023}", self.n_decisions);
            self.decide(&mut visit, (&answer, page), &offers).await;
            if visit.is_held_out {
                continue;
            }
            self.event(&mut visit, EventKind::RecommendationImpression, Some(&answer), &offers);
            if self.chance.happens(0.06) {
                let item = [offers[self.chance.below(4) as usize]];
                self.event(&mut visit, EventKind::RecommendationClick, Some(&answer), &item);
                clicked = Some((item[0], answer));
            }
        }
        // A guest who logs in for good.
        if visit.customer.is_none() && self.chance.happens(0.04) {
            visit.customer = Some(self.chance.below(n_customers));
        }
        if self.chance.happens(0.05) {
            self.checkout(&mut visit, clicked);
        }
        Ok(())
    }

    fn checkout(&mut self, visit: &mut Visit, clicked: Option<(u32, String)>) {
        let item = match &clicked {
            Some((item, _)) if self.chance.happens(0.5) => *item,
            _ => self.chance.below(N_ITEMS),
        };
        self.event(visit, EventKind::AddToCart, None, &[item]);
        self.event(visit, EventKind::BeginCheckout, None, &[]);
        if self.chance.happens(0.7) {
            let mut order = self.made(visit, EventKind::Purchase, None, &[item]);
            order.order_id = Some(format!("o{}", self.n_orders));
            order.customer_id = visit.customer.map(|customer| format!("c{customer}"));
            let answer = clicked.filter(|(known, _)| *known == item && self.chance.happens(0.5));
            order.lines[0].origin = answer.map(|(_, answer)| answer);
            self.n_orders += 1;
            self.orders.push(order);
        }
    }

    fn event(&mut self, visit: &mut Visit, kind: EventKind, answer: Option<&str>, items: &[u32]) {
        let event = self.made(visit, kind, answer, items);
        self.events.push((event, visit.customer));
    }

    fn made(
        &mut self,
        visit: &mut Visit,
        kind: EventKind,
        answer: Option<&str>,
        items: &[u32],
    ) -> Event {
        visit.at_us += 1_000_000 + i64::from(self.chance.below(30_000_000));
        self.n_events += 1;
        let line = |item: &u32| EventLine {
            item_id: format!("i{item}"),
            quantity: Amount::ONE,
            unit_price: Amount::from_units(1 + i64::from(item % 50)),
            origin: None,
        };
        Event {
            event_id: format!("e{}", self.n_events),
            kind,
            at: Timestamp(visit.at_us),
            customer_id: None,
            session_id: Some(visit.session_id.clone()),
            order_id: None,
            source: "shop".to_owned(),
            currency: Currency::parse("EUR"),
            location_id: None,
            recommendation_id: answer.map(str::to_owned),
            lines: items.iter().map(line).collect(),
            confirmed: true,
        }
    }

    async fn decide(&mut self, visit: &mut Visit, (answer, page): (&str, u8), offers: &[u32; 4]) {
        let placement = ["pdp", "cart"][usize::from(page)];
        let mut payload = format!("{{\"asked\":{{\"placement\":\"{placement}\"}},\"offers\":[");
        for (at, item) in offers.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let _ = write!(
                payload,
                "{comma}{{\"item_id\":\"i{item}\",\"relation\":\"complement\",\
                 \"score\":0.{item:04},\"rung\":\"model\",\"code\":\"bought_together\"}}"
            );
        }
        payload.push(']');
        if visit.is_held_out {
            payload.push_str(",\"variant\":\"holdout\"");
        }
        payload.push('}');
        visit.at_us += 100_000;
        let record = DecisionRecord {
            recommendation_id: answer.to_owned(),
            at: Timestamp(visit.at_us),
            customer_idx: visit.customer,
            assignment: Some(Assignment { unit: visit.unit.0, is_held_out: visit.is_held_out }),
            payload: payload.into_bytes(),
        };
        self.n_decisions += 1;
        while !self.decisions.push(record.clone()) {
            self.decisions.flush().await;
        }
    }

    /// Writes what has gathered beyond so many.
    async fn relieve(&mut self, most: usize) -> anyhow::Result<()> {
        if self.events.len() >= most {
            let events = std::mem::take(&mut self.events);
            self.store.add_sealed_events(events).await?;
        }
        if self.orders.len() >= most / 5 {
            self.log.append(std::mem::take(&mut self.orders)).await?;
        }
        Ok(())
    }

    async fn finish(self, n_visits: u64) -> anyhow::Result<()> {
        self.decisions.flush().await;
        self.store.seal_tail(Timestamp(i64::MAX)).await?;
        let (n_events, n_orders, n_decisions) = (self.n_events, self.n_orders, self.n_decisions);
        self.store.close().await;
        show::line(json!({
            "n_events": n_events,
            "n_orders": n_orders,
            "n_decisions": n_decisions,
            "n_visits": n_visits,
        }))
    }
}
