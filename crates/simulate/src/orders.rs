//! A stream of orders in order of time: sales, with some lines repeated, and now and then a return
//! of lines that were sold a little earlier.

use events::Timestamp;
use events::time::DAY_US;

use crate::Error;
use crate::catalog::{Catalog, CatalogSpec};
use crate::chance::{Chance, hash};
use crate::shopper::{Habits, Needs, fill_basket};

/// Where the stream ends. `Rows` cuts the last order so that the number is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    Orders(u64),
    Rows(u64),
}

/// What history to make up.
#[derive(Clone, Debug, PartialEq)]
pub struct OrdersSpec {
    pub extent: Extent,
    pub n_items: u32,
    pub n_customers: u32,
    pub zipf_exponent: f64,
    pub mean_basket_size: f64,
    pub start: Timestamp,
    pub span_days: u32,
    /// Share of orders without a customer.
    pub anonymous_share: f64,
    /// Share of lines that are returns.
    pub return_share: f64,
    pub seed: u64,
}

impl OrdersSpec {
    /// A general shop: customers and orders grow with the number of rows, 3.3 items an order.
    pub fn shop(n_rows: u64, seed: u64) -> OrdersSpec {
        OrdersSpec {
            extent: Extent::Rows(n_rows),
            n_items: 70_000,
            n_customers: (n_rows / 40).clamp(10, 500_000) as u32,
            zipf_exponent: 0.9,
            mean_basket_size: 3.3,
            start: Timestamp(START_US),
            span_days: 365,
            anonymous_share: 0.2,
            return_share: 0.02,
            seed,
        }
    }

    /// The sparse case of the benchmarks: 70,000 items, 150,000 baskets, Zipf.
    pub fn sparse_catalog(seed: u64) -> OrdersSpec {
        OrdersSpec {
            extent: Extent::Orders(150_000),
            n_customers: 40_000,
            mean_basket_size: 8.0,
            return_share: 0.0,
            ..OrdersSpec::shop(0, seed)
        }
    }
}

/// 2024-01-01T00:00:00Z.
const START_US: i64 = 1_704_067_200_000_000;
/// Lines sold that a return may still take back.
const N_RECENT: usize = 4_096;
/// Share of lines that are written twice, as cash desks do.
const REPEAT_SHARE: f64 = 0.01;
/// A return takes back one to three lines.
const MEAN_RETURNED: f64 = 2.0;
const MINUTE_US: i64 = 60_000_000;
/// The shop is open from 8 to 20 h.
const OPEN_US: i64 = DAY_US / 3;

const COUNTRIES: [&str; 6] =
    ["United Kingdom", "Germany", "France", "EIRE", "Spain", "Netherlands"];

/// One order line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Counts all orders, returns too.
    pub order: u64,
    pub is_return: bool,
    /// Index into the catalogue.
    pub item: u32,
    pub customer: Option<u32>,
    /// Negative in a return.
    pub quantity: i32,
    pub unit_price_cents: u32,
    pub at: Timestamp,
    pub country: &'static str,
}

/// The lines, one by one. Lines of an order follow each other; times never fall.
pub fn orders(spec: OrdersSpec) -> Result<OrderStream, Error> {
    OrderStream::new(spec)
}

#[derive(Debug)]
pub struct OrderStream {
    spec: OrdersSpec,
    catalog: Catalog,
    habits: Habits,
    chance: Chance,
    basket: Vec<u32>,
    /// The present order; `given` of its lines are with the caller.
    lines: Vec<Line>,
    given: usize,
    n_orders: u64,
    n_rows: u64,
    /// A ring of lines sold.
    recent: Vec<Line>,
    next_recent: usize,
}

impl OrderStream {
    pub fn new(spec: OrdersSpec) -> Result<OrderStream, Error> {
        check(&spec)?;
        let catalog = Catalog::new(&CatalogSpec {
            n_items: spec.n_items,
            zipf_exponent: spec.zipf_exponent,
            mean_group_size: 25,
            seed: spec.seed,
        })?;
        Ok(OrderStream {
            habits: Habits::with_mean(spec.mean_basket_size),
            chance: Chance::new(spec.seed, 0),
            basket: Vec::new(),
            lines: Vec::new(),
            given: 0,
            n_orders: 0,
            n_rows: 0,
            recent: Vec::new(),
            next_recent: 0,
            spec,
            catalog,
        })
    }

    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The lines of the next order; `None` at the end. Not to be mixed with the iterator within
    /// one order.
    pub fn next_order(&mut self) -> Option<&[Line]> {
        let n_left = match self.spec.extent {
            Extent::Orders(n) => (n > self.n_orders).then_some(u64::MAX)?,
            Extent::Rows(n) => n.checked_sub(self.n_rows).filter(|&left| left > 0)?,
        };
        self.lines.clear();
        if self.is_return_due() {
            self.make_return();
        } else {
            self.make_sale();
        }
        self.lines.truncate(usize::try_from(n_left).unwrap_or(usize::MAX));
        self.n_orders += 1;
        self.n_rows += self.lines.len() as u64;
        self.given = self.lines.len();
        Some(&self.lines)
    }

    fn is_return_due(&mut self) -> bool {
        let share = self.spec.return_share;
        if share == 0.0 || self.recent.is_empty() {
            return false;
        }
        // r of m·s + 2·r lines are to be returns, for s sales of m lines and r/2 returns of 2.
        let per_sale = share * self.spec.mean_basket_size / ((1.0 - share) * MEAN_RETURNED);
        self.chance.happens(per_sale / (1.0 + per_sale))
    }

    fn make_sale(&mut self) {
        let spec = &self.spec;
        let chance = &mut self.chance;
        let is_known = !chance.happens(spec.anonymous_share);
        let customer = is_known.then(|| skewed(spec.n_customers, chance));
        let needs = Needs::draw(&self.catalog, customer, spec.seed, chance);
        fill_basket(&self.catalog, &self.habits, &needs, chance, &mut self.basket);
        let (at, country) = (self.now(), country_of(customer));
        for basket_at in 0..self.basket.len() {
            let item = self.basket[basket_at];
            let line = Line {
                order: self.n_orders,
                is_return: false,
                item,
                customer,
                quantity: quantity(&mut self.chance),
                unit_price_cents: self.catalog.items[item as usize].price_cents,
                at,
                country,
            };
            self.lines.push(line);
            if self.chance.happens(REPEAT_SHARE) {
                self.lines.push(line);
            }
            self.remember(line);
        }
    }

    fn remember(&mut self, line: Line) {
        if self.recent.len() < N_RECENT {
            self.recent.push(line);
        } else {
            self.recent[self.next_recent] = line;
        }
        self.next_recent = (self.next_recent + 1) % N_RECENT;
    }

    /// Takes back lines of one earlier order that lie side by side in the ring.
    fn make_return(&mut self) {
        let at = self.now();
        let first = self.chance.below(self.recent.len() as u32) as usize;
        let wanted = 1 + self.chance.below(3) as usize;
        let sold = self.recent[first].order;
        let lines = self.recent[first..].iter().take_while(|line| line.order == sold).take(wanted);
        for line in lines {
            let quantity = -1 - self.chance.below(line.quantity.unsigned_abs()) as i32;
            self.lines.push(Line { order: self.n_orders, is_return: true, quantity, at, ..*line });
        }
    }

    /// Time goes with the part of the history that is done, in opening hours, to the minute.
    fn now(&self) -> Timestamp {
        let done = match self.spec.extent {
            Extent::Orders(n) => self.n_orders as f64 / n as f64,
            Extent::Rows(n) => self.n_rows as f64 / n as f64,
        };
        let days = done * f64::from(self.spec.span_days);
        let in_day = (days.fract() * (DAY_US / 2) as f64) as i64;
        let us = days as i64 * DAY_US + OPEN_US + in_day;
        Timestamp(self.spec.start.0 + us / MINUTE_US * MINUTE_US)
    }
}

impl Iterator for OrderStream {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        while self.given == self.lines.len() {
            self.next_order()?;
            self.given = 0;
        }
        self.given += 1;
        Some(self.lines[self.given - 1])
    }
}

fn check(spec: &OrdersSpec) -> Result<(), Error> {
    let refuse = |field, value: String, mend| Err(Error::Spec { field, value, mend });
    if spec.n_customers == 0 {
        return refuse("n_customers", "0".into(), "a shop has at least one customer");
    }
    if spec.span_days == 0 {
        return refuse("span_days", "0".into(), "a history lasts at least one day");
    }
    if !(1.0..=500.0).contains(&spec.mean_basket_size) {
        let value = spec.mean_basket_size.to_string();
        return refuse("mean_basket_size", value, "take a mean from 1 to 500");
    }
    for (field, share) in
        [("anonymous_share", spec.anonymous_share), ("return_share", spec.return_share)]
    {
        if !(0.0..=0.9).contains(&share) {
            return refuse(field, share.to_string(), "take a share from 0 to .9");
        }
    }
    Ok(())
}

/// Few customers order often: the square of a uniform draw.
fn skewed(n: u32, chance: &mut Chance) -> u32 {
    let unit = chance.unit();
    (unit * unit * f64::from(n)) as u32
}

/// Nine in ten at home; the others by a hash, so that a customer stays where they live.
fn country_of(customer: Option<u32>) -> &'static str {
    let Some(customer) = customer else { return COUNTRIES[0] };
    let hash = hash(u64::from(customer));
    if hash.is_multiple_of(10) { COUNTRIES[1 + (hash >> 32) as usize % 5] } else { COUNTRIES[0] }
}

/// Shares as in the Online Retail file.
fn quantity(chance: &mut Chance) -> i32 {
    match chance.below(100) {
        0..30 => 1,
        30..47 => 2,
        47..54 => 3,
        54..62 => 4,
        62..71 => 6,
        71..84 => 12,
        84..89 => 24,
        89..91 => 48,
        _ => 1 + chance.below(20) as i32,
    }
}

#[cfg(test)]
mod tests;
