//! Joins exposures to outcomes: who was in which arm since when, and what they did from then on.
//!
//! The unit of the analysis is the person: a customer with all visits that turned out to be theirs,
//! or a visit of nobody known. A person's arm is that of their first assignment, whatever came
//! later, so that the arms stay comparable (intention to treat); who was seen in both arms is
//! counted, and left out of a second reading. What happened before the first assignment is the
//! period before, which takes noise out of the comparison ([`crate::cuped`]).
//!
//! Memory: one entry a unit and one a person; or nothing of these, where somebody else keeps the
//! persons ([`KeptPersons`]) and gives them one after the other as often as they are asked for.

use crate::assignment::UnitId;
use crate::moments::Moments;
use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::Arc;

mod periods;

pub use periods::Promise;

/// Columns of the sums, one value a person.
pub const N_COLUMNS: usize = 23;
/// Revenue of what came from offers, net of returns.
pub const FROM_OFFERS: usize = 0;
/// Revenue of everything else.
pub const ELSEWHERE: usize = 1;
/// Revenue less cost, of what has a cost.
pub const MARGIN: usize = 2;
pub const ORDERS: usize = 3;
/// Units bought, net of returns.
pub const ITEMS: usize = 4;
/// Orders with something from an offer.
pub const ORDERS_WITH_OFFER: usize = 5;
/// 1 for who came back: two orders or more.
pub const CAME_BACK: usize = 6;
/// Revenue in the period before.
pub const BEFORE: usize = 7;
/// Revenue of all origins.
pub const REVENUE: usize = 8;
/// 1 for who ordered at all.
pub const CONVERTED: usize = 9;
/// Value of what was sent back, positive.
pub const RETURNED: usize = 10;
/// Value of what was sold, whatever came back.
pub const SOLD: usize = 11;
/// Checkouts begun, and of these those that led to an order.
pub const BEGUN: usize = 12;
pub const COMPLETED: usize = 13;
/// 1 for who ordered again within 30, 60 and 90 days of their first order in the trial.
pub const AGAIN: [usize; 3] = [14, 15, 16];
pub const AGAIN_DAYS: [i64; 3] = [30, 60, 90];
/// Items bought in the trial and never before it.
pub const NEW_ITEMS: usize = 17;
/// Units sold that a plan or an accessory could go with, and those that one was sold with.
pub const COVERABLE: usize = 18;
pub const ATTACHED: usize = 19;
/// Of the period before: orders, units, and days from the last order to the first assignment (0
/// where there was none).
pub const ORDERS_BEFORE: usize = 20;
pub const ITEMS_BEFORE: usize = 21;
pub const DAYS_SINCE_ORDER: usize = 22;
const DAY_US: i64 = 86_400_000_000;

/// Arm of who is shown nothing; of an experiment, of what the others are held against.
pub const HOLDOUT: u16 = 0;
/// Arm of who may be shown offers. Arms of an experiment go on from here.
pub const OFFERS: u16 = 1;

pub type Row = [f64; N_COLUMNS];

/// One unit and its arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assigned {
    pub unit: UnitId,
    /// Whose unit it is, by a dense index.
    pub customer: Option<u32>,
    pub arm: u16,
    pub first_at_us: i64,
}

/// An order, or what came back of one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Purchase {
    /// Time of the sale: what comes back counts where the sale counted.
    pub at_us: i64,
    /// The time is no finer than this, and the sale was later than `at_us` by less: a day where
    /// only the date is known. What may have been after the first assignment counts as after it,
    /// in both arms alike.
    pub within_us: i64,
    /// Negative for what came back.
    pub from_offers: f64,
    pub elsewhere: f64,
    pub margin: f64,
    pub n_items: f64,
    /// Of an order: units that something could go with, and those that something went with.
    pub n_coverable: f64,
    pub n_attached: f64,
    /// False for a return, which is no order of its own.
    pub is_order: bool,
}

/// Who is in a trial, and what they did.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    pub arm: u16,
    /// Seen in another arm too.
    pub is_crosser: bool,
    /// Whose units these are, by a dense index; `None`: a visit of nobody known.
    pub customer: Option<u32>,
    pub first_at_us: i64,
    pub row: Row,
}

/// Persons that are more than fit, kept elsewhere.
pub trait KeptPersons: Debug + Send + Sync {
    /// Gives every person, in the same order each time.
    fn each(&self, give: &mut dyn FnMut(&Person));
    /// This customer is one of them.
    fn has(&self, customer: u32) -> bool;
}

#[derive(Clone, Debug)]
enum Persons {
    Held(Vec<Person>),
    Kept(Arc<dyn KeptPersons>),
}

impl Persons {
    fn each(&self, mut give: impl FnMut(&Person)) {
        match self {
            Persons::Held(persons) => persons.iter().for_each(give),
            Persons::Kept(kept) => kept.each(&mut give),
        }
    }

    fn count(&self, mut is_counted: impl FnMut(&Person) -> bool) -> usize {
        let mut n = 0;
        self.each(|person| n += usize::from(is_counted(person)));
        n
    }
}

/// Persons, their arms, and what they did.
#[derive(Clone, Debug)]
pub struct Trial {
    persons: Persons,
    by_customer: HashMap<u32, usize>,
    by_unit: HashMap<UnitId, usize>,
    /// Who was assigned before the time that is looked at.
    older: (HashSet<u32>, HashSet<UnitId>),
    before_us: i64,
    /// Times of each person's first two orders in the trial, in whatever order they were told.
    first_two: Vec<[i64; 2]>,
    /// The arms that are compared: treated, control.
    between: [u16; 2],
    promise: Promise,
}

/// The sums of both arms.
#[derive(Clone, Debug)]
pub struct Arms {
    pub offers: Moments<N_COLUMNS>,
    pub holdout: Moments<N_COLUMNS>,
    /// Share of these persons that was to be treated, where the trial was told ([`Promise`]).
    pub promised: Option<f64>,
}

impl Trial {
    /// `links`: visits that turned out to be a customer's; the first link of a visit stands.
    /// `before_us`: length of the period before.
    pub fn new(
        mut units: Vec<Assigned>,
        links: impl IntoIterator<Item = (UnitId, u32)>,
        before_us: i64,
    ) -> Trial {
        let mut customer_of: HashMap<UnitId, u32> = HashMap::new();
        for (unit, customer) in links {
            customer_of.entry(unit).or_insert(customer);
        }
        // The first assignment of a person stands; equal times go by the unit.
        units.sort_unstable_by_key(|unit| (unit.first_at_us, unit.unit));
        let mut persons: Vec<Person> = Vec::new();
        let mut by_customer: HashMap<u32, usize> = HashMap::new();
        let mut by_unit: HashMap<UnitId, usize> = HashMap::new();
        for assigned in units {
            let customer = assigned.customer.or_else(|| customer_of.get(&assigned.unit).copied());
            let known = customer.and_then(|customer| by_customer.get(&customer).copied());
            let at = known.unwrap_or_else(|| {
                persons.push(Person {
                    arm: assigned.arm,
                    is_crosser: false,
                    customer,
                    first_at_us: assigned.first_at_us,
                    row: Row::default(),
                });
                persons.len() - 1
            });
            persons[at].is_crosser |= persons[at].arm != assigned.arm;
            by_unit.insert(assigned.unit, at);
            if let Some(customer) = customer {
                by_customer.insert(customer, at);
            }
        }
        let between = [OFFERS, HOLDOUT];
        let persons = Persons::Held(persons);
        let (older, first_two) = (Default::default(), Vec::new());
        let promise = Promise::default();
        Trial { persons, by_customer, by_unit, older, before_us, first_two, between, promise }
    }

    /// A trial of persons that are kept elsewhere, whole: nothing is added to it or found in it.
    pub fn of_kept(kept: Arc<dyn KeptPersons>) -> Trial {
        Trial { persons: Persons::Kept(kept), ..Trial::new(Vec::new(), [], 0) }
    }

    /// The trial of those persons only whose first assignment was at `since_us` or later.
    pub fn since(mut self, since_us: i64) -> Trial {
        let Persons::Held(persons) = &mut self.persons else { return self };
        let is_kept = |person: &Person| person.first_at_us >= since_us;
        let mut n_kept = 0;
        let places: Vec<Option<usize>> = persons
            .iter()
            .map(|person| {
                n_kept += usize::from(is_kept(person));
                is_kept(person).then(|| n_kept - 1)
            })
            .collect();
        persons.retain(is_kept);
        for (customer, at) in std::mem::take(&mut self.by_customer) {
            match places[at] {
                Some(at) => drop(self.by_customer.insert(customer, at)),
                None => drop(self.older.0.insert(customer)),
            }
        }
        for (unit, at) in std::mem::take(&mut self.by_unit) {
            match places[at] {
                Some(at) => drop(self.by_unit.insert(unit, at)),
                None => drop(self.older.1.insert(unit)),
            }
        }
        self
    }

    /// In an arm, but since before the time that is looked at.
    pub fn is_older(&self, customer: Option<u32>, visit: Option<UnitId>) -> bool {
        match customer {
            Some(customer) if self.older.0.contains(&customer) => true,
            Some(customer) if self.by_customer.contains_key(&customer) => false,
            _ => visit.is_some_and(|visit| self.older.1.contains(&visit)),
        }
    }

    pub fn n_persons(&self) -> usize {
        match &self.persons {
            Persons::Held(persons) => persons.len(),
            Persons::Kept(_) => self.persons.count(|_| true),
        }
    }

    /// This customer is a person of the trial.
    pub fn has(&self, customer: u32) -> bool {
        match &self.persons {
            Persons::Held(_) => self.find(Some(customer), None).is_some(),
            Persons::Kept(kept) => kept.has(customer),
        }
    }

    /// Compares these arms from now on; before, offers and holdout are.
    pub fn compare_arms(&mut self, treated: u16, control: u16) {
        self.between = [treated, control];
    }

    /// Of the arms that are compared, who was seen in another arm too, whichever.
    pub fn n_crossers(&self) -> usize {
        self.persons.count(|person| person.is_crosser && self.is_compared(person))
    }

    /// The same over all arms.
    pub fn n_crossers_of_all(&self) -> usize {
        self.persons.count(|person| person.is_crosser)
    }

    fn is_compared(&self, person: &Person) -> bool {
        self.between.contains(&person.arm)
    }

    /// The person of a customer, else of a visit; `None` for who was never assigned.
    pub fn find(&self, customer: Option<u32>, visit: Option<UnitId>) -> Option<usize> {
        if customer.is_some_and(|customer| self.older.0.contains(&customer)) {
            return None;
        }
        let of_customer = customer.and_then(|customer| self.by_customer.get(&customer));
        let of_visit = || visit.and_then(|visit| self.by_unit.get(&visit));
        of_customer.or_else(of_visit).copied()
    }

    fn held(&mut self, person: usize) -> Option<&mut Person> {
        match &mut self.persons {
            Persons::Held(persons) => persons.get_mut(person),
            Persons::Kept(_) => None,
        }
    }

    /// Adds to a person that [`Trial::find`] found. True when it counts in the trial itself, false
    /// when it lies before or too long before.
    pub fn add(&mut self, person: usize, purchase: &Purchase) -> bool {
        let (at, before_us) = (person, self.before_us);
        let Some(person) = self.held(at) else { return false };
        let row = &mut person.row;
        let is_before = purchase.at_us < person.first_at_us;
        if is_before && purchase.at_us.saturating_add(purchase.within_us) <= person.first_at_us {
            if person.first_at_us.saturating_sub(before_us) <= purchase.at_us {
                row[BEFORE] += purchase.from_offers + purchase.elsewhere;
                row[ITEMS_BEFORE] += purchase.n_items;
                if purchase.is_order {
                    let days = (person.first_at_us - purchase.at_us) as f64 / DAY_US as f64;
                    let last = if row[ORDERS_BEFORE] > 0.0 { row[DAYS_SINCE_ORDER] } else { days };
                    row[DAYS_SINCE_ORDER] = last.min(days);
                    row[ORDERS_BEFORE] += 1.0;
                }
            }
            return false;
        }
        row[FROM_OFFERS] += purchase.from_offers;
        row[ELSEWHERE] += purchase.elsewhere;
        row[REVENUE] = row[FROM_OFFERS] + row[ELSEWHERE];
        row[MARGIN] += purchase.margin;
        row[ITEMS] += purchase.n_items;
        if purchase.is_order {
            row[SOLD] += purchase.from_offers + purchase.elsewhere;
            row[CONVERTED] = 1.0;
            row[COVERABLE] += purchase.n_coverable;
            row[ATTACHED] += purchase.n_attached;
            row[ORDERS] += 1.0;
            row[ORDERS_WITH_OFFER] += f64::from(u8::from(purchase.from_offers > 0.0));
            row[CAME_BACK] = f64::from(u8::from(row[ORDERS] >= 2.0));
        } else {
            row[RETURNED] -= purchase.from_offers + purchase.elsewhere;
        }
        if purchase.is_order {
            self.note_order(at, purchase.at_us);
        }
        true
    }

    fn note_order(&mut self, person: usize, at_us: i64) {
        if self.first_two.len() <= person {
            self.first_two.resize(person + 1, [i64::MAX; 2]);
        }
        let [first, second] = &mut self.first_two[person];
        if at_us < *first {
            (*first, *second) = (at_us, *first);
        } else {
            *second = at_us.min(*second);
        }
        let [first, second] = self.first_two[person];
        let gap_us = second.saturating_sub(first);
        let Some(person) = self.held(person) else { return };
        for (column, days) in AGAIN.into_iter().zip(AGAIN_DAYS) {
            let is_again = second != i64::MAX && gap_us <= days * DAY_US;
            person.row[column] = f64::from(u8::from(is_again));
        }
    }

    /// First assignment of a person that [`Trial::find`] found.
    pub fn first_at_us(&self, person: usize) -> Option<i64> {
        match &self.persons {
            Persons::Held(persons) => persons.get(person).map(|person| person.first_at_us),
            Persons::Kept(_) => None,
        }
    }

    /// An item that a person had never bought.
    pub fn add_new_item(&mut self, person: usize) {
        self.held(person).into_iter().for_each(|person| person.row[NEW_ITEMS] += 1.0);
    }

    /// A checkout that a person began; true when it counts in the trial.
    pub fn add_checkout(&mut self, person: usize, at_us: i64, is_completed: bool) -> bool {
        let Some(person) = self.held(person) else { return false };
        if at_us < person.first_at_us {
            return false;
        }
        person.row[BEGUN] += 1.0;
        person.row[COMPLETED] += f64::from(u8::from(is_completed));
        true
    }

    /// Sums of both arms, with every row changed by `cap` (see [`crate::winsor`]), compared within
    /// periods where the share changed.
    pub fn arms(&self, with_crossers: bool, cap: impl Fn(&mut Row)) -> Arms {
        self.arms_of(|person| with_crossers || !person.is_crosser, cap)
    }

    /// Every person of all arms.
    pub fn each(&self, give: impl FnMut(&Person)) {
        self.persons.each(give);
    }

    /// One column of everybody in the arms that are compared, without those who have nothing in it.
    pub fn filled(&self, column: usize) -> Vec<f64> {
        let mut values = Vec::new();
        self.each(|person| {
            if self.is_compared(person) && person.row[column] != 0.0 {
                values.push(person.row[column]);
            }
        });
        values
    }

    /// First assignment of all.
    pub fn began_at_us(&self) -> Option<i64> {
        let mut first: Option<i64> = None;
        self.each(|person| {
            first = Some(first.map_or(person.first_at_us, |known| known.min(person.first_at_us)));
        });
        first
    }
}

#[cfg(test)]
mod tests;
