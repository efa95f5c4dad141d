//! Orders as the trial counts them, in memory: who bought, what was sold by which answer, and what
//! came back.

use crate::facts::{Doubts, Known};
use crate::funnels::Answer;
use crate::heard::{Grain, Heard};
use crate::sale::{Families, Return, Sale, Sellers, TakenOrder};
use events::time::DAY_US;
use events::{Currency, Timestamp};
use hashbrown::HashMap;
use history::PastOrder;
use measure::trial::Trial;

/// So long a checkout may go on.
const OPEN_US: i64 = DAY_US / 24;

pub(crate) struct Ledger {
    pub(crate) trial: Trial,
    pub(crate) heard: Heard,
    pub(crate) answers: HashMap<u64, Answer>,
    catalog: Vec<Known>,
    families: Families,
    rules: Rules,
    /// With the person of each.
    sales: HashMap<u128, (usize, Sale)>,
    returns: Vec<Return>,
    /// By person.
    checkouts: HashMap<usize, Begun>,
    pub(crate) doubts: Doubts,
}

/// What a ledger is opened with.
pub(crate) struct Basis {
    pub(crate) trial: Trial,
    pub(crate) heard: Heard,
    pub(crate) answers: HashMap<u64, Answer>,
    pub(crate) catalog: Vec<Known>,
    pub(crate) rules: Rules,
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
}

impl Rules {
    pub(crate) fn is_in_trial(&self, at_us: i64, within_us: i64) -> bool {
        self.began_us.is_some_and(|began| at_us >= began || at_us.saturating_add(within_us) > began)
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
        let Basis { trial, heard, answers, catalog, rules } = basis;
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
            families: Families::of(&catalog),
            catalog,
            rules,
            sales: HashMap::new(),
            returns: Vec::new(),
            checkouts,
            doubts: Doubts::default(),
        }
    }

    pub(crate) fn take(&mut self, order: &PastOrder<'_>) {
        let Some(at) = self.rules.time_of(order, &mut self.doubts) else { return };
        if let Some(refers) = order.refers {
            self.returns.push(Return::of(order, at.0, refers, &self.catalog));
            return;
        }
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

    fn enter(&mut self, key: u128, person: usize, order: &TakenOrder) {
        let (answers, clicks) = (&self.answers, &self.heard.clicks);
        let sale = Sale::of(order, &Sellers { answers, clicks, families: &self.families });
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
            let Some((person, sale)) = self.sales.get_mut(&taken.refers) else { continue };
            let (purchase, is_above) = sale.take_back(&taken, &mut self.heard.outcomes);
            let is_counted = self.trial.add(*person, &purchase);
            self.doubts.refunds_above_sale += u64::from(is_above && is_counted);
        }
    }

    /// Answers that something was bought of before they were given.
    pub(crate) fn outcomes_before_answer(&self) -> u64 {
        let is_before = |(name, answer): &(&u64, &Answer)| {
            self.heard.outcomes.get(*name).is_some_and(|outcome| outcome.is_before(answer))
        };
        self.answers.iter().filter(is_before).count() as u64
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
