//! One order: where its lines came from, what was paid, and what came back of it.

use crate::attach::{Attached, Catalog, Units};
use crate::facts::Known;
use crate::funnels::{Answer, Outcome, WINDOW_DAYS};
use crate::heard::{Clicks, Origin, Told, Who, number};
use events::time::DAY_US;
use events::{LineKind, Timestamp};
use hashbrown::HashMap;
use history::{PastLine, PastOrder};
use measure::assignment::UnitId;
use measure::trial::Purchase;

/// Half a cent is no money.
const NO_MONEY: f64 = 0.005;

/// Part of a line, with one origin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) item: u64,
    pub(crate) origin: Origin,
    pub(crate) pieces: f64,
    /// A piece.
    pub(crate) price: f64,
    /// `None` also where the line has no price: it has no margin then.
    pub(crate) cost: Option<f64>,
}

/// An order by what its events and its lines say, before anybody asks who sold it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TakenOrder {
    pub(crate) customer: Option<u32>,
    pub(crate) visit: Option<UnitId>,
    pub(crate) at_us: i64,
    pub(crate) within_us: i64,
    /// Something was sold.
    pub(crate) is_order: bool,
    /// Lines that nobody said the price of.
    pub(crate) n_free: u64,
    pub(crate) attached: Attached,
    pub(crate) parts: Vec<Part>,
}

/// Part of a line that was sold, and what of it has not come back.
#[derive(Clone, Debug)]
pub(crate) struct Sold {
    item: u64,
    answer: Option<u64>,
    /// The last click on it: in which answer, and how long before.
    click: Option<(u64, i64)>,
    pieces: f64,
    money: f64,
    /// A piece.
    price: f64,
    cost: Option<f64>,
}

/// A return, kept until its sale is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Return {
    pub(crate) at_us: i64,
    pub(crate) refers: u128,
    /// Empty: the whole order.
    pub(crate) lines: Vec<Returned>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Returned {
    pub(crate) item: u64,
    pub(crate) pieces: f64,
    /// In all; `None` where none was told: then what was paid for the pieces.
    pub(crate) money: Option<f64>,
}

impl Return {
    pub(crate) fn of(order: &PastOrder<'_>, at_us: i64, refers: u128, catalog: &[Known]) -> Return {
        let lines = order.lines.iter().filter_map(|line| {
            let item = catalog.get(line.item_idx as usize)?.hash;
            let pieces = -number(line.quantity);
            let money = line.unit_price.map(|price| pieces * number(price));
            Some(Returned { item, pieces, money })
        });
        Return { at_us, refers, lines: lines.collect() }
    }
}

impl TakenOrder {
    /// `time`: when it was made, and how exactly that is known.
    pub(crate) fn of(
        order: &PastOrder<'_>,
        told: Option<&Told>,
        (at_us, within_us): (i64, i64),
        catalog: &Catalog,
    ) -> TakenOrder {
        let mut parts = Vec::new();
        for line in order.lines {
            if let Some(known) = catalog.items.get(line.item_idx as usize)
                && matches!(line.kind, LineKind::Sale | LineKind::Return)
            {
                add_parts(&mut parts, line, known, told);
            }
        }
        let is_free = |line: &&PastLine| line.unit_price.is_none() && line.kind == LineKind::Sale;
        TakenOrder {
            customer: order.customer_idx,
            visit: told.and_then(|told| told.visit),
            at_us,
            within_us,
            is_order: order.lines.iter().any(|line| line.kind == LineKind::Sale),
            n_free: order.lines.iter().filter(is_free).count() as u64,
            attached: attached(order, at_us, catalog),
            parts,
        }
    }

    /// The last moment at which it may have been made.
    pub(crate) fn latest_us(&self) -> i64 {
        self.at_us.saturating_add(self.within_us - 1)
    }
}

fn attached(order: &PastOrder<'_>, at_us: i64, catalog: &Catalog) -> Attached {
    if catalog.attachments.is_empty() {
        return Attached::default();
    }
    let sold = order.lines.iter().filter(|line| line.kind == LineKind::Sale);
    let units_of = |line: &PastLine| {
        let item = catalog.items.get(line.item_idx as usize)?.hash;
        Some(Units { item, pieces: number(line.quantity), price: line.unit_price })
    };
    let units: Vec<Units> = sold.filter_map(units_of).collect();
    catalog.attachments.count(Timestamp(at_us), &units)
}

fn add_parts(parts: &mut Vec<Part>, line: &PastLine, known: &Known, told: Option<&Told>) {
    let mut origins = told.map_or_else(Vec::new, |told| told.origins(known.hash, line.unit_price));
    if origins.is_empty() {
        origins.push((Origin::Untold, 1.0));
    }
    let cost = known.cost.filter(|_| line.unit_price.is_some()).map(number);
    let price = line.unit_price.map_or(0.0, number);
    let quantity = number(line.quantity);
    parts.extend(origins.into_iter().map(|(origin, share)| {
        let pieces = share * quantity;
        Part { item: known.hash, origin, pieces, price, cost }
    }));
}

/// The head of the family of each item that has one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Families(HashMap<u64, u32>);

impl Families {
    pub(crate) fn of(catalog: &[Known]) -> Families {
        let of_family = |known: &Known| Some((known.hash, known.family?));
        let mut families: HashMap<u64, u32> = catalog.iter().filter_map(of_family).collect();
        let heads: Vec<u32> = families.values().copied().collect();
        for head in heads {
            if let Some(known) = catalog.get(head as usize) {
                families.insert(known.hash, head);
            }
        }
        Families(families)
    }

    pub(crate) fn are_one(&self, offered: u64, item: u64) -> bool {
        let family = |item: u64| self.0.get(&item);
        offered == item || family(item).is_some_and(|head| family(offered) == Some(head))
    }
}

/// What is asked to tell which answer sold something.
pub(crate) struct Sellers<'a> {
    pub(crate) answers: &'a HashMap<u64, Answer>,
    pub(crate) clicks: &'a Clicks,
    pub(crate) families: &'a Families,
    /// A click counts for what is bought of the item so long after, where no origin is told.
    pub(crate) window_us: i64,
}

/// Clicks are looked for so far back at least, whatever counts.
const LONGEST_US: i64 = WINDOW_DAYS[2] * DAY_US;

impl Sellers<'_> {
    /// The answer that sold an item, and the last click on it. What is told to come from elsewhere
    /// does, whatever was clicked.
    fn answer_of(&self, order: &TakenOrder, part: &Part) -> (Option<u64>, Option<(u64, i64)>) {
        let item = part.item;
        let sold = |answer: u64| self.sold(order, answer, item);
        if part.origin == Origin::Elsewhere {
            return (None, None);
        }
        let people = [order.customer.map(Who::Customer), order.visit.map(Who::Visit)];
        let window_us = self.window_us.max(LONGEST_US);
        let last = self.clicks.last(people, item, (order.latest_us(), window_us));
        let click = last.filter(|(answer, _)| sold(*answer));
        let named = part.origin.answer().filter(|answer| sold(*answer));
        let in_time = click.filter(|(_, age_us)| *age_us <= self.window_us);
        (named.or(in_time.map(|(answer, _)| answer)), click)
    }

    /// An answer sells what it held, or a variant of it, to whom it was given. Where there is no
    /// record of it, what is told of it stands.
    fn sold(&self, order: &TakenOrder, answer: u64, item: u64) -> bool {
        let Some(answer) = self.answers.get(&answer) else { return true };
        let is_anothers = match (answer.customer, order.customer) {
            (Some(asked), Some(bought)) => asked != bought,
            _ => false,
        };
        let is_it = |(offered, _): &(u64, _)| self.families.are_one(*offered, item);
        !is_anothers && answer.offers.iter().any(is_it)
    }
}

/// A sale that a return may name.
#[derive(Clone, Debug)]
pub(crate) struct Sale {
    pub(crate) at_us: i64,
    pub(crate) within_us: i64,
    lines: Vec<Sold>,
    /// Lines that name an answer which did not hold them.
    pub(crate) n_misnamed: u64,
    attached: Attached,
    is_order: bool,
}

impl Sale {
    pub(crate) fn of(order: &TakenOrder, sellers: &Sellers<'_>) -> Sale {
        let mut n_misnamed = 0;
        let sold = |part: &Part| {
            let (answer, click) = sellers.answer_of(order, part);
            let is_misnamed = matches!(part.origin, Origin::Answer(named) if answer != Some(named));
            n_misnamed += u64::from(is_misnamed);
            let Part { item, pieces, price, cost, .. } = *part;
            Sold { item, answer, click, pieces, money: pieces * price, price, cost }
        };
        let lines = order.parts.iter().map(sold).collect();
        let TakenOrder { at_us, within_us, is_order, attached, .. } = *order;
        Sale { at_us, within_us, lines, n_misnamed, attached, is_order }
    }

    /// As the trial counts it; what came of the answers that sold it goes to `outcomes`.
    pub(crate) fn sell(&self, outcomes: &mut HashMap<u64, Outcome>) -> Purchase {
        let (at_us, within_us, is_order) = (self.at_us, self.within_us, self.is_order);
        let mut purchase = Purchase { at_us, within_us, is_order, ..Purchase::default() };
        (purchase.n_coverable, purchase.n_attached) =
            (self.attached.n_coverable, self.attached.n_attached);
        for sold in &self.lines {
            add(&mut purchase, sold, sold.pieces, sold.money);
            if let Some((clicked, age_us)) = sold.click {
                let outcome = outcomes.entry(clicked).or_default();
                outcome.add_after_click(age_us, sold.money.max(0.0));
            }
            let Some(answer) = sold.answer else { continue };
            let outcome = outcomes.entry(answer).or_default();
            outcome.bought += sold.money.max(0.0);
            outcome.item(sold.item).bought += sold.money.max(0.0);
            outcome.keep(sold.item, sold.money);
            outcome.bought_before(at_us.saturating_add(within_us));
        }
        purchase
    }

    /// Takes back what a return says, and no more than it was; true when it says more.
    pub(crate) fn take_back(
        &mut self,
        taken: &Return,
        outcomes: &mut HashMap<u64, Outcome>,
    ) -> (Purchase, bool) {
        let (at_us, within_us) = (self.at_us, self.within_us);
        let mut purchase = Purchase { at_us, within_us, ..Purchase::default() };
        let mut is_above = false;
        if taken.lines.is_empty() {
            for sold in self.lines.iter_mut().filter(|sold| sold.pieces > 0.0) {
                let (pieces, money) = (sold.pieces, sold.money);
                take_from(sold, (pieces, money), &mut purchase, outcomes);
            }
        }
        for line in &taken.lines {
            is_above |= self.take_line(line, &mut purchase, outcomes);
        }
        (purchase, is_above)
    }

    /// Takes pieces and money of one line back; true when there was not so much.
    fn take_line(
        &mut self,
        line: &Returned,
        purchase: &mut Purchase,
        outcomes: &mut HashMap<u64, Outcome>,
    ) -> bool {
        let mut pieces = line.pieces;
        let mut money = line.money;
        for sold in self.lines.iter_mut().filter(|sold| sold.item == line.item) {
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
