//! Orders as the trial counts them: what was paid, where it came from, and what came back.

use crate::facts::{Doubts, Known};
use crate::funnels::{Answer, Outcome};
use crate::heard::{Grain, Heard, Origin, Told, Who, number};
use events::time::DAY_US;
use events::{Amount, Currency, LineKind, Timestamp};
use hashbrown::HashMap;
use history::PastOrder;
use measure::assignment::UnitId;
use measure::trial::{Purchase, Trial};

/// So long a checkout may go on.
const OPEN_US: i64 = DAY_US / 24;
/// Half a cent is no money.
const NO_MONEY: f64 = 0.005;

/// Part of a line that was sold, and what of it has not come back.
#[derive(Clone, Debug)]
struct Sold {
    item: u64,
    answer: Option<u64>,
    pieces: f64,
    money: f64,
    /// A piece.
    price: f64,
    /// `None` also where the line has no price: it has no margin then.
    cost: Option<f64>,
}

/// A sale that a return may name.
#[derive(Clone, Debug)]
struct Sale {
    person: usize,
    at_us: i64,
    within_us: i64,
    lines: Vec<Sold>,
}

/// A return, kept until all sales are known.
#[derive(Clone, Debug)]
struct Return {
    at_us: i64,
    refers: u128,
    /// Empty: the whole order.
    lines: Vec<Returned>,
}

#[derive(Clone, Copy, Debug)]
struct Returned {
    item: u64,
    pieces: f64,
    /// In all; `None` where none was told: then what was paid for the pieces.
    money: Option<f64>,
}

pub(crate) struct Ledger {
    pub(crate) trial: Trial,
    pub(crate) heard: Heard,
    pub(crate) answers: HashMap<u64, Answer>,
    pub(crate) catalog: Vec<Known>,
    /// The head of the family of an item that has one.
    pub(crate) families: HashMap<u64, u32>,
    pub(crate) currency: Option<Currency>,
    pub(crate) grain: Grain,
    pub(crate) until: Timestamp,
    sales: HashMap<u128, Sale>,
    returns: Vec<Return>,
    /// By person: when they began a checkout, and whether an order came of it.
    checkouts: HashMap<usize, Vec<(i64, bool)>>,
    pub(crate) doubts: Doubts,
}

/// What a ledger is opened with.
pub(crate) struct Basis {
    pub(crate) trial: Trial,
    pub(crate) heard: Heard,
    pub(crate) answers: HashMap<u64, Answer>,
    pub(crate) catalog: Vec<Known>,
    pub(crate) currency: Option<Currency>,
    pub(crate) grain: Grain,
    pub(crate) until: Timestamp,
}

/// Who made an order, and when.
struct Head<'a> {
    person: usize,
    customer: Option<u32>,
    visit: Option<UnitId>,
    told: Option<&'a Told>,
    at_us: i64,
    within_us: i64,
}

impl Ledger {
    pub(crate) fn new(basis: Basis) -> Ledger {
        let Basis { trial, heard, answers, catalog, currency, grain, until } = basis;
        let of_family = |known: &Known| Some((known.hash, known.family?));
        let mut families: HashMap<u64, u32> = catalog.iter().filter_map(of_family).collect();
        let heads: Vec<u32> = families.values().copied().collect();
        for head in heads {
            if let Some(known) = catalog.get(head as usize) {
                families.insert(known.hash, head);
            }
        }
        let checkouts = checkouts(&trial, &heard);
        Ledger {
            trial,
            heard,
            answers,
            catalog,
            families,
            currency,
            grain,
            until,
            sales: HashMap::new(),
            returns: Vec::new(),
            checkouts,
            doubts: Doubts::default(),
        }
    }

    pub(crate) fn take(&mut self, order: &PastOrder<'_>) {
        let Some(at) = order.at else {
            self.doubts.orders_without_time += 1;
            return;
        };
        let is_in_trial = |at_us: i64, within_us: i64| {
            self.trial
                .began_at_us()
                .is_some_and(|began| at_us >= began || at_us + within_us > began)
        };
        if order.currency.is_some() && order.currency != self.currency {
            let is_counted = is_in_trial(at.0, self.grain.of(at.0));
            self.doubts.orders_in_other_currencies += u64::from(is_counted);
            return;
        }
        if at > self.until {
            self.doubts.orders_in_the_future += 1;
            return;
        }
        if let Some(refers) = order.refers {
            self.keep_return(order, at, refers);
            return;
        }
        let told = self.heard.orders.get(&order.key);
        let visit = told.and_then(|told| told.visit);
        let (at_us, within_us) = self.grain.resolve(at.0, told.and_then(|told| told.at_us));
        let customer = order.customer_idx;
        let Some(person) = self.trial.find(customer, visit) else {
            let is_nobodys = is_in_trial(at_us, within_us) && !self.trial.is_older(customer, visit);
            self.doubts.orders_of_nobody += u64::from(is_nobodys);
            return;
        };
        let head = Head { person, customer, visit, told, at_us, within_us };
        let (sale, n_misnamed) = self.sale_of(order, &head);
        self.enter(order, sale, n_misnamed);
    }

    fn keep_return(&mut self, order: &PastOrder<'_>, at: Timestamp, refers: u128) {
        let lines = order.lines.iter().filter_map(|line| {
            let item = self.catalog.get(line.item_idx as usize)?.hash;
            let pieces = -number(line.quantity);
            let money = line.unit_price.map(|price| pieces * number(price));
            Some(Returned { item, pieces, money })
        });
        self.returns.push(Return { at_us: at.0, refers, lines: lines.collect() });
    }

    /// The order's lines by origin, and how many of them name an answer that did not hold them.
    fn sale_of(&self, order: &PastOrder<'_>, head: &Head<'_>) -> (Sale, u64) {
        let (person, at_us, within_us) = (head.person, head.at_us, head.within_us);
        let mut sale = Sale { person, at_us, within_us, lines: Vec::new() };
        let mut n_misnamed = 0;
        for line in order.lines {
            if !matches!(line.kind, LineKind::Sale | LineKind::Return) {
                continue;
            }
            let Some(known) = self.catalog.get(line.item_idx as usize) else { continue };
            let mut origins =
                head.told.map_or_else(Vec::new, |told| told.origins(known.hash, line.unit_price));
            if origins.is_empty() {
                origins.push((Origin::Untold, 1.0));
            }
            for (origin, share) in origins {
                let answer = self.answer_of(head, origin, known.hash);
                let is_misnamed = matches!(origin, Origin::Answer(named) if answer != Some(named));
                n_misnamed += u64::from(is_misnamed);
                let pieces = share * number(line.quantity);
                let price = line.unit_price.map_or(0.0, number);
                let cost = known.cost.filter(|_| line.unit_price.is_some()).map(number);
                let money = pieces * price;
                sale.lines.push(Sold { item: known.hash, answer, pieces, money, price, cost });
            }
        }
        (sale, n_misnamed)
    }

    /// The answer that sold an item. What is told to come from elsewhere does, whatever was
    /// clicked.
    fn answer_of(&self, head: &Head<'_>, origin: Origin, item: u64) -> Option<u64> {
        let sold = |answer: &u64| self.sold(head, *answer, item);
        match origin {
            Origin::Elsewhere => return None,
            Origin::Answer(answer) | Origin::Event(answer) if sold(&answer) => {
                return Some(answer);
            }
            _ => {}
        }
        let people = [head.customer.map(Who::Customer), head.visit.map(Who::Visit)];
        let latest_us = head.at_us.saturating_add(head.within_us - 1);
        self.heard.clicked(people, item, latest_us).filter(sold)
    }

    /// An answer sells what it held, or a variant of it, to whom it was given. Where there is no
    /// record of it, what is told of it stands.
    fn sold(&self, head: &Head<'_>, answer: u64, item: u64) -> bool {
        let Some(answer) = self.answers.get(&answer) else { return true };
        let is_anothers = match (answer.customer, head.customer) {
            (Some(asked), Some(bought)) => asked != bought,
            _ => false,
        };
        let family = |item: u64| self.families.get(&item);
        let is_it = |offered: u64| {
            offered == item || family(item).is_some_and(|head| family(offered) == Some(head))
        };
        !is_anothers && answer.offers.iter().any(|(offered, _)| is_it(*offered))
    }

    fn enter(&mut self, order: &PastOrder<'_>, sale: Sale, n_misnamed: u64) {
        let is_order = order.lines.iter().any(|line| line.kind == LineKind::Sale);
        let (at_us, within_us) = (sale.at_us, sale.within_us);
        let begun = self.checkouts.get_mut(&sale.person).filter(|_| is_order);
        for (begun_us, is_completed) in begun.into_iter().flatten() {
            let latest_us = at_us.saturating_add(within_us - 1);
            *is_completed |= *begun_us <= latest_us && at_us < *begun_us + DAY_US;
        }
        let mut purchase = Purchase { at_us, within_us, is_order, ..Purchase::default() };
        for sold in &sale.lines {
            add(&mut purchase, sold, sold.pieces, sold.money);
        }
        let is_counted = self.trial.add(sale.person, &purchase);
        if is_counted {
            let is_free = |price: Option<Amount>, kind| price.is_none() && kind == LineKind::Sale;
            let n_free = order.lines.iter().filter(|l| is_free(l.unit_price, l.kind)).count();
            self.doubts.lines_without_price += n_free as u64;
            self.doubts.lines_not_offered += n_misnamed;
        }
        for sold in &sale.lines {
            let Some(answer) = sold.answer else { continue };
            let outcome = self.heard.outcomes.entry(answer).or_default();
            outcome.bought += sold.money.max(0.0);
            outcome.item(sold.item).bought += sold.money.max(0.0);
            outcome.keep(sold.item, sold.money);
            let end = at_us.saturating_add(within_us);
            let first = outcome.bought_before_us.map_or(end, |known| known.min(end));
            outcome.bought_before_us = Some(first);
        }
        self.sales.insert(order.key, sale);
    }

    /// Counts the checkouts, once all orders are known. One that has just begun is still open.
    pub(crate) fn close_checkouts(&mut self) {
        let latest_us = self.until.0.saturating_sub(OPEN_US);
        for (person, begun) in std::mem::take(&mut self.checkouts) {
            for (at_us, is_completed) in begun.into_iter().filter(|(at, _)| *at <= latest_us) {
                self.trial.add_checkout(person, at_us, is_completed);
            }
        }
    }

    /// Returns that name their order take back from it, whoever sent them, and no more than it was.
    pub(crate) fn take_back(&mut self) {
        let mut returns = std::mem::take(&mut self.returns);
        returns.sort_by_key(|taken| taken.at_us);
        for taken in returns {
            let Some(sale) = self.sales.get_mut(&taken.refers) else { continue };
            let (at_us, within_us) = (sale.at_us, sale.within_us);
            let mut purchase = Purchase { at_us, within_us, ..Purchase::default() };
            let mut is_above = false;
            if taken.lines.is_empty() {
                for sold in sale.lines.iter_mut().filter(|sold| sold.pieces > 0.0) {
                    let (pieces, money) = (sold.pieces, sold.money);
                    take_from(sold, (pieces, money), &mut purchase, &mut self.heard.outcomes);
                }
            }
            for line in &taken.lines {
                is_above |= take_line(sale, line, &mut purchase, &mut self.heard.outcomes);
            }
            let person = sale.person;
            let is_counted = self.trial.add(person, &purchase);
            self.doubts.refunds_above_sale += u64::from(is_above && is_counted);
        }
    }

    /// Answers that something was bought of before they were given.
    pub(crate) fn outcomes_before_answer(&self) -> u64 {
        let is_before = |(name, answer): &(&u64, &Answer)| {
            let outcome = self.heard.outcomes.get(*name);
            let before = outcome.and_then(|outcome| outcome.bought_before_us);
            before.is_some_and(|before| before <= answer.at_us)
        };
        self.answers.iter().filter(is_before).count() as u64
    }
}

/// A customer who began as a guest is one person.
fn checkouts(trial: &Trial, heard: &Heard) -> HashMap<usize, Vec<(i64, bool)>> {
    let mut all: HashMap<usize, Vec<(i64, bool)>> = HashMap::new();
    for (who, begun) in &heard.checkouts {
        let person = match who {
            Who::Customer(customer) => trial.find(Some(*customer), None),
            Who::Visit(visit) => trial.find(None, Some(*visit)),
        };
        let Some(person) = person else { continue };
        all.entry(person).or_default().extend(begun.iter().map(|at_us| (*at_us, false)));
    }
    for begun in all.values_mut() {
        begun.sort_unstable();
        begun.dedup_by(|later, earlier| later.0 < earlier.0 + DAY_US);
    }
    all
}

/// Takes pieces and money of one line back; true when there was not so much.
fn take_line(
    sale: &mut Sale,
    line: &Returned,
    purchase: &mut Purchase,
    outcomes: &mut HashMap<u64, Outcome>,
) -> bool {
    let mut pieces = line.pieces;
    let mut money = line.money;
    for sold in sale.lines.iter_mut().filter(|sold| sold.item == line.item) {
        if !(pieces > 0.0 && sold.pieces > 0.0) {
            continue;
        }
        let taken = pieces.min(sold.pieces);
        let paid = (taken * sold.price).min(sold.money);
        // Less than was paid for a piece may come back of it, more may not.
        let back = money.map_or(paid, |money| (money * (taken / pieces)).min(paid));
        take_from(sold, (taken, back), purchase, outcomes);
        pieces -= taken;
        money = money.map(|money| money - back);
    }
    pieces > NO_MONEY || money.is_some_and(|money| money > NO_MONEY)
}

fn take_from(
    sold: &mut Sold,
    (pieces, money): (f64, f64),
    purchase: &mut Purchase,
    outcomes: &mut HashMap<u64, Outcome>,
) {
    sold.pieces -= pieces;
    sold.money -= money;
    add(purchase, sold, -pieces, -money);
    if let Some(answer) = sold.answer {
        outcomes.entry(answer).or_default().keep(sold.item, -money);
    }
}

fn add(purchase: &mut Purchase, sold: &Sold, pieces: f64, money: f64) {
    match sold.answer {
        Some(_) => purchase.from_offers += money,
        None => purchase.elsewhere += money,
    }
    purchase.margin += sold.cost.map_or(0.0, |cost| money - pieces * cost);
    purchase.n_items += pieces;
}
