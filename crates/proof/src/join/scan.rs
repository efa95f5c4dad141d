//! The first step: everything is read once, and goes to a partition by what it is joined by.

use super::Join;
use super::answers::{DecidedRow, Decisions, Names};
use super::buyers::AtHome;
use super::spill::{Spill, Spilled};
use super::units::Standing;
use crate::arrivals::Arrivals;
use crate::attach::Catalog;
use crate::error::Result;
use crate::facts::{Doubts, Units};
use crate::funnels::{Customers, Decided};
use crate::heard::{Click, Mark, Said, ToldOrder, Who};
use crate::ledger::Rules;
use crate::sale::Return;
use events::{Amount, LineKind, Timestamp};
use hashbrown::HashSet;
use history::{LogCounts, PastEvent, PastLine, PastOrder, Store};
use measure::assignment::{Unit, UnitId};
use measure::trial::Assigned;
use std::sync::{Arc, Mutex};

/// Of which answer, what, and when.
pub(super) type MarkRow = (u64, Mark, i64);

/// What later steps add to as well.
#[derive(Debug)]
pub(super) struct Open {
    /// By answer.
    pub(super) marks: Spill<MarkRow>,
    /// By answer: the partition of buyers that asks for it.
    pub(super) needs: Spill<(u64, u32)>,
    /// By buyer: the order's customer, else its visit.
    pub(super) clicks: Spill<Click>,
    pub(super) homes: Spill<AtHome>,
    /// By person; then who began it, and when.
    pub(super) checkouts: Spill<(Who, Who, i64)>,
}

/// By visit.
#[derive(Debug)]
pub(super) struct OfVisits {
    pub(super) clicks: Spilled<Click>,
    pub(super) checkouts: Spilled<(UnitId, i64)>,
}

#[derive(Debug)]
pub(super) struct OfUnits {
    pub(super) assigned: Spilled<Assigned>,
    /// Of all customers.
    pub(super) customers: Spilled<(UnitId, u32)>,
    pub(super) links: Spilled<(UnitId, u32)>,
    /// Of those that are a till for a day.
    pub(super) tills: HashSet<UnitId>,
}

#[derive(Debug)]
pub(super) struct Scanned {
    pub(super) units: OfUnits,
    pub(super) visits: OfVisits,
    pub(super) told: Spilled<ToldOrder>,
    pub(super) decisions: Decisions,
    pub(super) open: Open,
}

pub(super) fn place_of(who: Who) -> u64 {
    match who {
        Who::Customer(customer) => u64::from(customer),
        Who::Visit(visit) => visit.0,
    }
}

pub(super) async fn read(join: &mut Join<'_>, store: &Store, n: &LogCounts) -> Result<Scanned> {
    let (assigned, customers) = units(join, store).await?;
    let plan = &join.plan;
    let mut listener = Listener::open(join);
    let open = Open {
        marks: plan.open(),
        needs: plan.open(),
        clicks: plan.open(),
        homes: plan.open(),
        checkouts: plan.open(),
    };
    let (hearing, mut open) = (join.question.hearing(), open);
    let mut arrivals = Arrivals::since(join.question.told_from());
    let mut n_read = 0;
    let report = &mut join.report;
    store
        .each_event(join.question.heard_from(), |event: PastEvent| {
            arrivals.see(&event);
            hearing.hear(&event, |said| listener.take(said, &mut open));
            n_read += 1;
            if n_read % 65_536 == 0 {
                report("reading events", n_read, n.n_events);
            }
        })
        .await?;
    join.doubts.purchases_not_confirmed = listener.n_not_confirmed;
    arrivals.tell(&mut join.doubts);
    let mut decided = plan_decided(join);
    let mut tills = HashSet::new();
    let key = join.question.key;
    let (mut n_read, report) = (0, &mut join.report);
    store
        .each_decision(Timestamp(join.question.began_us), |record| {
            let decided_of = Decided::read(record, key);
            tills.extend(decided_of.said.as_ref().and_then(|said| said.till));
            let row = decided.names.row(&decided_of);
            decided.rows.push(row.name, &row);
            n_read += 1;
            if n_read % 16_384 == 0 {
                report("reading decisions", n_read, n.n_decisions);
            }
        })
        .await?;
    let decisions = Decisions { rows: decided.rows.finish()?, names: decided.names.finish() };
    let Listener { links, clicks, checkouts, told, .. } = listener;
    let links = links.finish()?;
    let visits = OfVisits { clicks: clicks.finish()?, checkouts: checkouts.finish()? };
    let units = OfUnits { assigned, customers, links, tills };
    Ok(Scanned { units, visits, told: told.finish()?, decisions, open })
}

async fn units(
    join: &mut Join<'_>,
    store: &Store,
) -> Result<(Spilled<Assigned>, Spilled<(UnitId, u32)>)> {
    let mut assigned = join.plan.open::<Assigned>();
    let mut customers = join.plan.open::<(UnitId, u32)>();
    match &join.question.units {
        Units::Given(units) => {
            units.iter().for_each(|unit| assigned.push(unit.unit.0, unit));
        }
        Units::OfReport => {
            join.told("reading units", 0, 0);
            store
                .each_assignment(|unit| {
                    let unit = crate::facts::assigned_of(&unit);
                    assigned.push(unit.unit.0, &unit);
                })
                .await?;
            let key = join.question.key;
            store
                .each_customer_id(|customer_idx, id| {
                    let unit = Unit::Customer(id).id(key);
                    customers.push(unit.0, &(unit, customer_idx));
                })
                .await?;
        }
    }
    Ok((assigned.finish()?, customers.finish()?))
}

struct DecidedRows {
    rows: Spill<DecidedRow>,
    names: Names,
}

fn plan_decided(join: &Join<'_>) -> DecidedRows {
    DecidedRows { rows: join.plan.open(), names: Names::default() }
}

/// Links that were said lately; power of two.
const N_LATELY: usize = 1 << 16;

struct Listener {
    links: Spill<(UnitId, u32)>,
    clicks: Spill<Click>,
    checkouts: Spill<(UnitId, i64)>,
    told: Spill<ToldOrder>,
    /// A visit says whose it is with every event.
    lately: Vec<(UnitId, u32)>,
    n_not_confirmed: u64,
}

impl Listener {
    fn open(join: &Join<'_>) -> Listener {
        let plan = &join.plan;
        Listener {
            links: plan.open(),
            clicks: plan.open(),
            checkouts: plan.open(),
            told: plan.open(),
            lately: vec![(UnitId(0), u32::MAX); N_LATELY],
            n_not_confirmed: 0,
        }
    }

    fn take(&mut self, said: Said, open: &mut Open) {
        match said {
            Said::Link(visit, customer) => {
                let known = &mut self.lately[visit.0 as usize % N_LATELY];
                if *known != (visit, customer) {
                    *known = (visit, customer);
                    self.links.push(visit.0, &(visit, customer));
                }
            }
            Said::Mark(answer, mark, at_us) => open.marks.push(answer, &(answer, mark, at_us)),
            Said::Click(click) => match click.who {
                Who::Customer(customer) => open.click(&click, u64::from(customer)),
                Who::Visit(visit) => self.clicks.push(visit.0, &click),
            },
            Said::Checkout(who, at_us) => match who {
                Who::Customer(_) => open.checkouts.push(place_of(who), &(who, who, at_us)),
                Who::Visit(visit) => self.checkouts.push(visit.0, &(visit, at_us)),
            },
            Said::Purchase(told) => self.told.push(place_of_order(told.order), &told),
            Said::NotConfirmed => self.n_not_confirmed += 1,
        }
    }
}

impl Open {
    /// A click, and the answer that goes with it, to where a buyer is decided.
    fn click(&mut self, click: &Click, home: u64) {
        self.click_to(click, self.clicks.partition_of(home));
    }

    pub(super) fn click_to(&mut self, click: &Click, partition: usize) {
        self.clicks.push_to(partition, click);
        self.need(click.answer, partition);
    }

    pub(super) fn need(&mut self, answer: u64, partition: usize) {
        self.needs.push(answer, &(answer, partition as u32));
    }
}

pub(super) fn place_of_order(key: u128) -> u64 {
    key as u64 ^ (key >> 64) as u64
}

/// Of an order: item, kind, quantity and price.
type LineRow = (u32, u8, Amount, Option<Amount>);

/// Key; time and customer; lines.
pub(super) type OrderRow = (u128, i64, Option<u32>, Vec<LineRow>);

/// Customer, item, the last moment at which it may have been bought, and whether the order counts.
pub(super) type BoughtRow = (u32, u32, i64, bool);

/// Orders that count, by order.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) rows: Spilled<OrderRow>,
    /// By the order that they take back from.
    pub(super) returns: Spilled<Return>,
    /// By customer, of all orders that the store remembers.
    pub(super) bought: Spilled<BoughtRow>,
    pub(super) rules: Rules,
    pub(super) catalog: Catalog,
}

struct Taker {
    rows: Spill<OrderRow>,
    returns: Spill<Return>,
    bought: Spill<BoughtRow>,
    /// Of whom it is asked what is new to them.
    asked: Customers,
    rules: Rules,
    catalog: Catalog,
    doubts: Doubts,
}

impl Taker {
    fn take(&mut self, order: &PastOrder<'_>) {
        let Some(at) = self.rules.time_of(order, &mut self.doubts) else { return };
        if let Some(refers) = order.refers {
            let taken = Return::of(order, at.0, refers, &self.catalog.items);
            self.returns.push(place_of_order(refers), &taken);
            return;
        }
        self.note_bought(order, true);
        let row_of =
            |line: &PastLine| (line.item_idx, line.kind as u8, line.quantity, line.unit_price);
        let lines = order.lines.iter().map(row_of).collect();
        self.rows.push(place_of_order(order.key), &(order.key, at.0, order.customer_idx, lines));
    }
}

impl Taker {
    fn note_bought(&mut self, order: &PastOrder<'_>, counts: bool) {
        let asked = order.customer_idx.filter(|customer| self.asked.contains(*customer));
        let Some(customer) = asked.filter(|_| order.refers.is_none()) else { return };
        let latest_us = self.rules.latest_us(order);
        for line in order.lines.iter().filter(|line| line.kind == LineKind::Sale) {
            self.bought.push(u64::from(customer), &(customer, line.item_idx, latest_us, counts));
        }
    }
}

pub(super) fn lines_of(rows: &[LineRow]) -> Vec<PastLine> {
    let line = |&(item_idx, kind, quantity, unit_price): &LineRow| {
        let kind = LineKind::from_code(kind)?;
        Some(PastLine { item_idx, kind, quantity, unit_price })
    };
    rows.iter().filter_map(line).collect()
}

pub(super) async fn orders(
    join: &mut Join<'_>,
    store: &Store,
    (rules, catalog): (Rules, Catalog),
    standing: &Standing,
) -> Result<Taken> {
    join.told("reading orders", 0, 0);
    let asks = join.question.asks_for_new_items;
    let asked = if asks { standing.customers() } else { Customers::default() };
    let (rows, returns) = (join.plan.open(), join.plan.open());
    let (bought, doubts) = (join.plan.open(), join.doubts);
    let taker = Taker { rows, returns, bought, asked, rules, catalog, doubts };
    let shared = Arc::new(Mutex::new(taker));
    let writer = Arc::clone(&shared);
    let give = move |order: &PastOrder<'_>| crate::facts::lock(&writer).take(order);
    store.each_order(join.question.orders_from(), give).await?;
    if asks {
        // What was bought before: of any order, however old, whether it counts or not.
        join.told("reading older orders", 0, 0);
        let older = Arc::clone(&shared);
        let give = move |order: &PastOrder<'_>| {
            crate::facts::lock(&older).note_bought(order, false);
        };
        store.each_order(Timestamp(i64::MIN), give).await?;
    }
    let taker = Arc::into_inner(shared).expect("the reader is done, and its share gone with it");
    let taker = taker.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    let Taker { rows, returns, bought, rules, catalog, doubts, .. } = taker;
    join.doubts = doubts;
    let (rows, returns, bought) = (rows.finish()?, returns.finish()?, bought.finish()?);
    Ok(Taken { rows, returns, bought, rules, catalog })
}
