//! Orders as the trial counts them, in memory: who bought, what was sold by which answer, and what
//! came back.

use crate::attach::Catalog;
use crate::facts::Doubts;
use crate::funnels::Answer;
use crate::heard::{Grain, Heard};
use crate::sale::{Families, Return, Sale, Sellers, TakenOrder};
use events::time::DAY_US;
use events::{Currency, LineKind, Timestamp};
use hashbrown::{HashMap, HashSet};
use history::PastOrder;
use measure::trial::Trial;

/// So long a checkout may go on.
const OPEN_US: i64 = DAY_US / 24;

pub(crate) struct Ledger {
    pub(crate) trial: Trial,
    pub(crate) heard: Heard,
    pub(crate) answers: HashMap<u64, Answer>,
    catalog: Catalog,
    pub(crate) families: Families,
    rules: Rules,
    /// With the person of each.
    sales: HashMap<u128, (usize, Sale)>,
    /// Orders that count, of whomever.
    known: HashSet<u128>,
    returns: Vec<Return>,
    /// What customers bought in the trial, where it is asked whether they ever had before: customer
    /// and item.
    pub(crate) bought: Option<HashSet<(u32, u32)>>,
    /// By person.
    checkouts: HashMap<usize, Begun>,
    pub(crate) doubts: Doubts,
}

/// What a ledger is opened with.
pub(crate) struct Basis {
    pub(crate) trial: Trial,
    pub(crate) heard: Heard,
    pub(crate) answers: HashMap<u64, Answer>,
    pub(crate) catalog: Catalog,
    pub(crate) rules: Rules,
    pub(crate) asks_for_new_items: bool,
}

/// Which orders count at all.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// First assignment of the trial.
    pub(crate) began_us: Option<i64>,
    /// The most frequent.
    pub(crate) currency: Option<Currency>,
    pub(crate) grain: Grain,
    pub(crate) until: Timestamp,
    /// A click counts for what is bought so long after.
    pub(crate) window_us: i64,
}

impl Rules {
    pub(crate) fn is_in_trial(&self, at_us: i64, within_us: i64) -> bool {
        self.began_us.is_some_and(|began| at_us >= began || at_us.saturating_add(within_us) > began)
    }

    /// The last moment at which an order may have been made; of one without a time, long ago.
    pub(crate) fn latest_us(&self, order: &PastOrder<'_>) -> i64 {
        let latest = |at: Timestamp| at.0.saturating_add(self.grain.of(at.0) - 1);
        order.at.map_or(i64::MIN, latest)
    }

    /// The time of an order that counts, or the doubt that it raises.
    pub(crate) fn time_of(&self, order: &PastOrder<'_>, doubts: &mut Doubts) -> Option<Timestamp> {
        let Some(at) = order.at else {
            doubts.orders_without_time += 1;
            return None;
        };
        if order.currency.is_some() && order.currency != self.currency {
            let is_counted = self.is_in_trial(at.0, self.grain.of(at.0));
            doubts.orders_in_other_currencies += u64::from(is_counted);
            return None;
        }
        doubts.orders_in_the_future += u64::from(at > self.until);
        (at <= self.until).then_some(at)
    }
}

impl Ledger {
    pub(crate) fn new(basis: Basis) -> Ledger {
        let Basis { trial, heard, answers, catalog, rules, asks_for_new_items } = basis;
        let mut checkouts: HashMap<usize, Begun> = HashMap::new();
        for (who, begun) in heard.checkouts.iter() {
            if let Some(person) = who.in_trial(&trial) {
                checkouts.entry(person).or_default().extend(begun);
            }
        }
        checkouts.values_mut().for_each(Begun::settle);
        Ledger {
            trial,
            heard,
            answers,
            families: Families::of(&catalog.items),
            catalog,
            rules,
            sales: HashMap::new(),
            known: HashSet::new(),
            bought: asks_for_new_items.then(HashSet::new),
            returns: Vec::new(),
            checkouts,
            doubts: Doubts::default(),
        }
    }

    pub(crate) fn take(&mut self, order: &PastOrder<'_>) {
        let Some(at) = self.rules.time_of(order, &mut self.doubts) else { return };
        if let Some(refers) = order.refers {
            self.returns.push(Return::of(order, at.0, refers, &self.catalog.items));
            return;
        }
        self.known.insert(order.key);
        self.note_bought(order);
        let told = self.heard.orders.get(&order.key);
        let time = self.rules.grain.resolve(at.0, told.and_then(|told| told.at_us));
        let (customer, visit) = (order.customer_idx, told.and_then(|told| told.visit));
        let Some(person) = self.trial.find(customer, visit) else {
            let is_nobodys =
                self.rules.is_in_trial(time.0, time.1) && !self.trial.is_older(customer, visit);
            self.doubts.orders_of_nobody += u64::from(is_nobodys);
            return;
        };
        let taken = TakenOrder::of(order, told, time, &self.catalog);
        self.enter(order.key, person, &taken);
    }

    fn note_bought(&mut self, order: &PastOrder<'_>) {
        let (Some(bought), Some(customer)) = (&mut self.bought, order.customer_idx) else { return };
        let person = self.trial.find(Some(customer), None);
        let first_at_us = person.and_then(|person| self.trial.first_at_us(person));
        if first_at_us.is_some_and(|first| first <= self.rules.latest_us(order)) {
            let sold = order.lines.iter().filter(|line| line.kind == LineKind::Sale);
            bought.extend(sold.map(|line| (customer, line.item_idx)));
        }
    }

    /// Takes out what customers had bought before, of any order whatever.
    pub(crate) fn forget_known(&mut self, order: &PastOrder<'_>) {
        let (Some(bought), Some(customer)) = (&mut self.bought, order.customer_idx) else { return };
        let person = self.trial.find(Some(customer), None);
        let first_at_us = person.and_then(|person| self.trial.first_at_us(person));
        if first_at_us.is_some_and(|first| self.rules.latest_us(order) < first) {
            let sold = order.lines.iter().filter(|line| line.kind == LineKind::Sale);
            sold.for_each(|line| _ = bought.remove(&(customer, line.item_idx)));
        }
    }

    /// Counts what is left as new to its customer.
    pub(crate) fn count_new_items(&mut self) {
        for (customer, _) in self.bought.take().into_iter().flatten() {
            if let Some(person) = self.trial.find(Some(customer), None) {
                self.trial.add_new_item(person);
            }
        }
    }

    fn enter(&mut self, key: u128, person: usize, order: &TakenOrder) {
        let (answers, clicks) = (&self.answers, &self.heard.clicks);
        let (families, window_us) = (&self.families, self.rules.window_us);
        let sale = Sale::of(order, &Sellers { answers, clicks, families, window_us });
        if let Some(begun) = self.checkouts.get_mut(&person).filter(|_| order.is_order) {
            begun.complete(order.at_us, order.latest_us());
        }
        let purchase = sale.sell(&mut self.heard.outcomes);
        if self.trial.add(person, &purchase) {
            self.doubts.lines_without_price += order.n_free;
            self.doubts.lines_not_offered += sale.n_misnamed;
        }
        self.sales.insert(key, (person, sale));
    }

    /// Counts the checkouts, once all orders are known.
    pub(crate) fn close_checkouts(&mut self) {
        for (person, begun) in std::mem::take(&mut self.checkouts) {
            begun.close(&mut self.trial, person, self.rules.until);
        }
    }

    /// Returns that name their order take back from it, whoever sent them, and no more than it was.
    pub(crate) fn take_back(&mut self) {
        let mut returns = std::mem::take(&mut self.returns);
        returns.sort_by_key(|taken| taken.at_us);
        for taken in returns {
            let Some((person, sale)) = self.sales.get_mut(&taken.refers) else {
                let is_known = self.known.contains(&taken.refers);
                self.doubts.refunds_of_unknown_orders +=
                    u64::from(!is_known && self.rules.is_in_trial(taken.at_us, 1));
                continue;
            };
            let (purchase, is_above) = sale.take_back(&taken, &mut self.heard.outcomes);
            let is_counted = self.trial.add(*person, &purchase);
            self.doubts.refunds_above_sale += u64::from(is_above && is_counted);
        }
    }
}

/// The checkouts of one person: when each began, and whether an order came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Begun(Vec<(i64, bool)>);

impl Begun {
    pub(crate) fn extend(&mut self, begun: &[i64]) {
        self.0.extend(begun.iter().map(|at_us| (*at_us, false)));
    }

    /// A customer who began as a guest is one person.
    pub(crate) fn settle(&mut self) {
        self.0.sort_unstable();
        self.0.dedup_by(|later, earlier| later.0 < earlier.0 + DAY_US);
    }

    /// An order came within a day.
    pub(crate) fn complete(&mut self, at_us: i64, latest_us: i64) {
        for (begun_us, is_completed) in &mut self.0 {
            *is_completed |= *begun_us <= latest_us && at_us < *begun_us + DAY_US;
        }
    }

    /// One that has just begun is still open.
    pub(crate) fn close(self, trial: &mut Trial, person: usize, until: Timestamp) {
        let latest_us = until.0.saturating_sub(OPEN_US);
        for (at_us, is_completed) in self.0.into_iter().filter(|(at, _)| *at <= latest_us) {
            trial.add_checkout(person, at_us, is_completed);
        }
    }
}
