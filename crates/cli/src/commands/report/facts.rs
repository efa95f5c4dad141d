//! What the store says: who was in which arm, what they bought, and what became of each answer.
//!
//! Three readings, one after the other, none of which holds more than it must: events (what was
//! clicked, and which order a line came from), orders (what was paid and sent back), decisions
//! (where an answer was shown).

use super::funnels::{Funnels, Outcome};
use events::event::EventLine;
use events::time::DAY_US;
use events::{Amount, Currency, EventKind, LineKind, Timestamp};
use hashbrown::HashMap;
use history::{DecisionRecord, PastEvent, PastOrder, Store};
use measure::assignment::{Unit, UnitId, key_of};
use measure::trial::{Assigned, Purchase, Trial};
use std::sync::{Arc, Mutex};

/// Of the time before the first assignment, what takes noise out of the comparison.
const DAYS_BEFORE: i64 = 90;
/// A click counts for what is bought of the item within so many days, where no origin is told.
const CLICK_DAYS: i64 = 28;

/// Purchases of so many days before are heard too: a sender's clock may be wrong.
const SKEW_DAYS: i64 = 2;

/// Everything that the findings are made from.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) trial: Trial,
    pub(crate) now: Timestamp,
    pub(crate) currency: Option<Currency>,
    pub(crate) funnels: Funnels,
    pub(crate) doubts: Doubts,
}

/// What could not be joined; each is shown, none is guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Doubts {
    /// Names of answers in events that no record is kept of.
    pub(crate) answers_without_record: u64,
    /// Orders of people in no arm: no customer, no visit, or one that was never asked for.
    pub(crate) orders_of_nobody: u64,
    pub(crate) orders_in_other_currencies: u64,
    pub(crate) orders_without_time: u64,
    /// Made after the moment of the report, or after the end of the experiment.
    pub(crate) orders_in_the_future: u64,
    /// Bought of an answer before it was given: a sender's clock is wrong. They count by their own
    /// time, in both arms alike.
    pub(crate) outcomes_before_answer: u64,
    pub(crate) purchases_not_confirmed: u64,
}

/// What an event told of an order.
#[derive(Clone, Debug, Default)]
struct Told {
    visit: Option<UnitId>,
    /// Items, by hash, of which the origin was told: the answer that they came from, `None` for
    /// those from elsewhere.
    origins: HashMap<u64, Option<u64>>,
}

/// What the events said.
#[derive(Debug, Default)]
struct Heard {
    key: u64,
    began_us: i64,
    links: Vec<(UnitId, u32)>,
    outcomes: HashMap<u64, Outcome>,
    orders: HashMap<u128, Told>,
    /// By person and item: when it was clicked last, and in which answer.
    clicks: HashMap<(Who, u64), (i64, u64)>,
    n_not_confirmed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    Customer(u32),
    Visit(UnitId),
}

/// Names are compared by 64 bits of a hash: two of a million meet with a chance of 3 in 10^8.
pub(crate) fn hash_of(text: &str) -> u64 {
    key_of(text)
}

pub(crate) async fn gather(
    store: &Store,
    now: Timestamp,
    days: Option<u32>,
) -> anyhow::Result<Facts> {
    let key = key_of(&store.store_id().await?);
    let assigned = assigned(store, key, now, days).await?;
    gather_of(store, key, assigned, now).await
}

/// The facts of these units until `now`; nothing that came later counts.
pub(crate) async fn gather_of(
    store: &Store,
    key: u64,
    assigned: Vec<Assigned>,
    now: Timestamp,
) -> anyhow::Result<Facts> {
    let began = assigned.iter().map(|unit| unit.first_at_us).min().unwrap_or(now.0);
    let mut heard = Heard { key, began_us: began, ..Heard::default() };
    let early = Timestamp(began.saturating_sub(SKEW_DAYS * DAY_US));
    store.each_event(early, |event| heard.hear(event)).await?;
    let trial = Trial::new(assigned, heard.links.drain(..), DAYS_BEFORE * DAY_US);
    let items = store.items_since(0).await?.0;
    let catalog = items
        .iter()
        .map(|item| Known { hash: hash_of(&item.entry.id), cost: item.entry.cost })
        .collect();
    let since = Timestamp(began.saturating_sub(DAYS_BEFORE * DAY_US));
    let currency = main_currency(store, since).await?;
    let ledger = Ledger::new(trial, heard, catalog, (currency, now));
    let mut ledger = read_orders(store, since, ledger).await?;
    let mut funnels = Funnels::default();
    store.each_decision(Timestamp(began), |record| ledger.join(record, &mut funnels)).await?;
    let mut doubts = ledger.doubts;
    // What was bought before of an older answer is no concern of this trial.
    let is_of_now = |outcome: &&Outcome| outcome.bought_at_us.is_none_or(|at| at >= began);
    doubts.answers_without_record = ledger.heard.outcomes.values().filter(is_of_now).count() as u64;
    doubts.purchases_not_confirmed = ledger.heard.n_not_confirmed;
    Ok(Facts { trial: ledger.trial, now, currency, funnels, doubts })
}

async fn assigned(
    store: &Store,
    key: u64,
    now: Timestamp,
    days: Option<u32>,
) -> anyhow::Result<Vec<Assigned>> {
    let since = days.map_or(i64::MIN, |days| now.0.saturating_sub(i64::from(days) * DAY_US));
    let customers = customers_by_unit(store, key).await?;
    let units = store.assignments().await?;
    Ok(units
        .iter()
        .filter(|unit| unit.first_at.0 >= since)
        .map(|unit| Assigned {
            unit: UnitId(unit.unit),
            customer: unit.customer_idx.or_else(|| customers.get(&unit.unit).copied()),
            is_held_out: unit.is_held_out,
            first_at_us: unit.first_at.0,
        })
        .collect())
}

/// Who had no order yet when first asked for may have one by now.
pub(crate) async fn customers_by_unit(
    store: &Store,
    key: u64,
) -> anyhow::Result<HashMap<u64, u32>> {
    let customers = store.customers().await?;
    let unit_of = |id: &str| Unit::Customer(id).id(key).0;
    Ok(customers.iter().map(|c| (unit_of(&c.customer_id), c.customer_idx)).collect())
}

impl Heard {
    fn hear(&mut self, event: PastEvent) {
        if event.at.0 < self.began_us && event.kind != EventKind::Purchase {
            return;
        }
        let visit = event.session_id.as_deref().map(|session| Unit::Session(session).id(self.key));
        if let (Some(visit), Some(customer)) = (visit, event.customer_idx) {
            self.links.push((visit, customer));
        }
        let answer = event.recommendation_id.as_deref().map(hash_of);
        match event.kind {
            EventKind::RecommendationImpression => self.mark(answer, |o| o.is_seen = true),
            EventKind::RecommendationDismiss => self.mark(answer, |o| o.is_dismissed = true),
            EventKind::RecommendationClick => {
                self.mark(answer, |outcome| outcome.is_clicked = true);
                let Some(answer) = answer else { return };
                let people = [event.customer_idx.map(Who::Customer), visit.map(Who::Visit)];
                for who in people.into_iter().flatten() {
                    for line in &event.lines {
                        let place = (who, hash_of(&line.item_id));
                        self.clicks.insert(place, (event.at.0, answer));
                    }
                }
                for line in &event.lines {
                    let item = hash_of(&line.item_id);
                    self.mark(Some(answer), |outcome| outcome.item(item).is_clicked = true);
                }
            }
            EventKind::AddToCart => {
                for line in &event.lines {
                    self.mark(origin_of(line, answer), |outcome| outcome.is_added = true);
                }
            }
            EventKind::Purchase if !event.confirmed => self.n_not_confirmed += 1,
            EventKind::Purchase => {
                let Some(order) = event.order_key else { return };
                let told = self.orders.entry(order).or_default();
                told.visit = visit.or(told.visit);
                for line in &event.lines {
                    let origin = origin_of(line, answer);
                    if origin.is_some() || line.origin.is_some() {
                        let known = told.origins.entry(hash_of(&line.item_id)).or_default();
                        *known = known.or(origin);
                    }
                }
            }
            _ => {}
        }
    }

    fn mark(&mut self, answer: Option<u64>, set: impl FnOnce(&mut Outcome)) {
        if let Some(answer) = answer {
            set(self.outcomes.entry(answer).or_default());
        }
    }
}

/// The answer that a line came from: its own origin, where that looks like the name of one, else
/// the event's.
fn origin_of(line: &EventLine, answer: Option<u64>) -> Option<u64> {
    let of_line = line.origin.as_deref().filter(|origin| is_answer(origin)).map(hash_of);
    of_line.or(answer.filter(|_| line.origin.is_none()))
}

/// Origins are also `search`, `category` and the like; names of answers are 23 digits of base 32.
fn is_answer(origin: &str) -> bool {
    origin.len() == 23 && origin.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
}

#[derive(Clone, Copy, Debug)]
struct Known {
    hash: u64,
    cost: Option<Amount>,
}

async fn main_currency(store: &Store, since: Timestamp) -> anyhow::Result<Option<Currency>> {
    let counts: Arc<Mutex<HashMap<Currency, u64>>> = Arc::default();
    let shared = Arc::clone(&counts);
    store
        .each_order(since, move |order| {
            if let Some(currency) = order.currency {
                *lock(&shared).entry(currency).or_default() += 1;
            }
        })
        .await?;
    let counts = lock(&counts);
    let most = counts
        .iter()
        .max_by_key(|(currency, n)| (**n, std::cmp::Reverse(currency.as_str().to_owned())));
    Ok(most.map(|(currency, _)| *currency))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

async fn read_orders(store: &Store, since: Timestamp, ledger: Ledger) -> anyhow::Result<Ledger> {
    let shared = Arc::new(Mutex::new(ledger));
    let writer = Arc::clone(&shared);
    store.each_order(since, move |order| lock(&writer).take(order)).await?;
    let ledger = Arc::try_unwrap(shared).map_err(|_| anyhow::anyhow!("orders are still read"))?;
    let mut ledger = ledger.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    ledger.take_back();
    Ok(ledger)
}

/// A sale that a return may name.
#[derive(Clone, Debug)]
struct Sale {
    person: usize,
    at_us: i64,
    lines: Vec<(u64, f64, Option<u64>)>,
}

/// A return, kept until all sales are known.
#[derive(Clone, Debug)]
struct Return {
    refers: u128,
    /// Item, money (positive), pieces; empty: the whole order.
    lines: Vec<(u64, f64, f64)>,
}

struct Ledger {
    trial: Trial,
    heard: Heard,
    catalog: Vec<Known>,
    currency: Option<Currency>,
    until: Timestamp,
    sales: HashMap<u128, Sale>,
    returns: Vec<Return>,
    doubts: Doubts,
}

impl Ledger {
    fn new(
        trial: Trial,
        heard: Heard,
        catalog: Vec<Known>,
        (currency, until): (Option<Currency>, Timestamp),
    ) -> Ledger {
        Ledger {
            trial,
            heard,
            catalog,
            currency,
            until,
            sales: HashMap::new(),
            returns: Vec::new(),
            doubts: Doubts::default(),
        }
    }

    fn take(&mut self, order: &PastOrder<'_>) {
        if order.currency.is_some() && order.currency != self.currency {
            self.doubts.orders_in_other_currencies += 1;
            return;
        }
        let Some(at) = order.at else {
            self.doubts.orders_without_time += 1;
            return;
        };
        if at > self.until {
            self.doubts.orders_in_the_future += 1;
            return;
        }
        if let Some(refers) = order.refers {
            let lines = order.lines.iter().filter_map(|line| {
                let item = self.catalog.get(line.item_idx as usize)?.hash;
                Some((item, -money_of(line.quantity, line.unit_price), -number(line.quantity)))
            });
            self.returns.push(Return { refers, lines: lines.collect() });
            return;
        }
        let told = self.heard.orders.get(&order.key);
        let visit = told.and_then(|told| told.visit);
        let Some(person) = self.trial.find(order.customer_idx, visit) else {
            self.doubts.orders_of_nobody += 1;
            return;
        };
        let mut purchase =
            Purchase { at_us: at.0, is_order: has_sale(order), ..Purchase::default() };
        let mut sale = Sale { person, at_us: at.0, lines: Vec::with_capacity(order.lines.len()) };
        for line in order.lines {
            if !matches!(line.kind, LineKind::Sale | LineKind::Return) {
                continue;
            }
            let Some(&Known { hash, cost }) = self.catalog.get(line.item_idx as usize) else {
                continue;
            };
            let money = money_of(line.quantity, line.unit_price);
            // What is told to come from elsewhere does, whatever was clicked.
            let answer = match told.and_then(|told| told.origins.get(&hash)) {
                Some(origin) => *origin,
                None => self.clicked(order.customer_idx, visit, hash, at),
            };
            match answer {
                Some(answer) => {
                    purchase.from_offers += money;
                    let outcome = self.heard.outcomes.entry(answer).or_default();
                    outcome.bought += money.max(0.0);
                    outcome.item(hash).bought += money.max(0.0);
                    outcome.keep(hash, money);
                    outcome.bought_at_us =
                        Some(outcome.bought_at_us.map_or(at.0, |known| known.min(at.0)));
                }
                None => purchase.elsewhere += money,
            }
            if let Some(cost) = cost {
                purchase.margin += money - money_of(line.quantity, Some(cost));
            }
            purchase.n_items += number(line.quantity);
            sale.lines.push((hash, money, answer));
        }
        self.trial.add(person, &purchase);
        self.sales.insert(order.key, sale);
    }

    /// The answer in which the item was clicked, not after it was bought and not long before.
    fn clicked(
        &self,
        customer: Option<u32>,
        visit: Option<UnitId>,
        item: u64,
        at: Timestamp,
    ) -> Option<u64> {
        let people = [customer.map(Who::Customer), visit.map(Who::Visit)];
        people.into_iter().flatten().find_map(|who| {
            let &(clicked_at, answer) = self.heard.clicks.get(&(who, item))?;
            let age = at.0.checked_sub(clicked_at)?;
            (0..=CLICK_DAYS * DAY_US).contains(&age).then_some(answer)
        })
    }

    /// Returns that name their order take back from it, whoever sent them.
    fn take_back(&mut self) {
        for taken in std::mem::take(&mut self.returns) {
            let Some(sale) = self.sales.get(&taken.refers) else { continue };
            let mut purchase = Purchase { at_us: sale.at_us, ..Purchase::default() };
            let whole: Vec<(u64, f64, f64)> =
                sale.lines.iter().map(|&(item, money, _)| (item, money, 0.0)).collect();
            let lines = if taken.lines.is_empty() { &whole } else { &taken.lines };
            for &(item, money, pieces) in lines {
                let sold = sale.lines.iter().find(|(sold, ..)| *sold == item);
                match sold.and_then(|(.., answer)| *answer) {
                    Some(answer) => {
                        purchase.from_offers -= money;
                        self.heard.outcomes.entry(answer).or_default().keep(item, -money);
                    }
                    None => purchase.elsewhere -= money,
                }
                purchase.n_items -= pieces;
            }
            self.trial.add(sale.person, &purchase);
        }
    }

    /// Counts a decision where it was made, with what became of it.
    fn join(&mut self, record: &DecisionRecord, funnels: &mut Funnels) {
        let outcome = self.heard.outcomes.remove(&hash_of(&record.recommendation_id));
        let is_before =
            |outcome: &Outcome| outcome.bought_at_us.is_some_and(|bought| bought < record.at.0);
        self.doubts.outcomes_before_answer += u64::from(outcome.as_ref().is_some_and(is_before));
        funnels.add(&record.payload, outcome.as_ref());
    }
}

fn has_sale(order: &PastOrder<'_>) -> bool {
    order.lines.iter().any(|line| line.kind == LineKind::Sale)
}

fn number(amount: Amount) -> f64 {
    amount.0 as f64 / events::amount::MICROS as f64
}

fn money_of(quantity: Amount, unit_price: Option<Amount>) -> f64 {
    unit_price.map_or(0.0, |price| number(quantity) * number(price))
}
