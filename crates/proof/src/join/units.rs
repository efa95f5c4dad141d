//! Whose each unit is, and since when each person is in an arm.

use super::Join;
use super::scan::{OfUnits, place_of};
use super::spill::Spilled;
use crate::error::Result;
use crate::funnels::Customers;
use crate::heard::Who;
use hashbrown::HashMap;
use measure::assignment::UnitId;
use measure::trial::Assigned;

/// In no arm.
const NEVER: i64 = i64::MAX;

/// Since when customers are in an arm; visits of nobody known are told by their row.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// By customer.
    first_at_us: Vec<i64>,
    /// Customers of units that were assigned before the time that is looked at.
    pub(super) older: Customers,
    since_us: i64,
    /// First assignment of those that are looked at.
    pub(super) began_us: Option<i64>,
}

/// What a person is to the trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    In(Who),
    /// In an arm, but since before the time that is looked at.
    Older,
    Nobody,
}

/// A unit, its person, and when it was assigned.
pub(super) type ResolvedRow = (UnitId, Who, i64);

impl Standing {
    fn first_of(&self, customer: u32) -> Option<i64> {
        self.first_at_us.get(customer as usize).copied().filter(|&first| first != NEVER)
    }

    pub(crate) fn has(&self, customer: u32) -> bool {
        self.first_of(customer).is_some_and(|first| first >= self.since_us)
    }

    /// Who is in an arm, of those that are looked at.
    pub(super) fn customers(&self) -> Customers {
        let mut customers = Customers::default();
        let all = 0..self.first_at_us.len() as u32;
        all.filter(|&one| self.has(one)).for_each(|one| customers.insert(one));
        customers
    }

    fn see(&mut self, customer: u32, at_us: i64) {
        let at = customer as usize;
        if self.first_at_us.len() <= at {
            self.first_at_us.resize(at + 1, NEVER);
        }
        self.first_at_us[at] = self.first_at_us[at].min(at_us);
    }

    /// The person of a customer, else of a visit, which is given with its person.
    pub(super) fn place(&self, customer: Option<u32>, visit: Option<(Who, i64)>) -> Place {
        let own = customer.filter(|&customer| self.first_of(customer).is_some());
        let found = own.map(|customer| (Who::Customer(customer), NEVER)).or(visit);
        let Some((who, first)) = found else { return Place::Nobody };
        let is_in = match who {
            Who::Customer(customer) => self.has(customer),
            Who::Visit(_) => first >= self.since_us,
        };
        if is_in { Place::In(who) } else { Place::Older }
    }
}

/// Units by unit, the same by person, and the standing of customers.
pub(super) struct Resolved {
    pub(super) standing: Standing,
    pub(super) by_unit: Spilled<ResolvedRow>,
    pub(super) by_person: Spilled<Assigned>,
}

pub(super) fn resolve(join: &mut Join<'_>, units: OfUnits) -> Result<Resolved> {
    let mut by_unit = join.plan.open::<ResolvedRow>();
    let mut by_person = join.plan.open::<Assigned>();
    let since_us = join.question.since.0;
    let (older, first_at_us) = (Customers::default(), Vec::new());
    let mut standing = Standing { first_at_us, older, since_us, began_us: None };
    join.partitions("joining units", |join, partition| {
        let mut customers: HashMap<UnitId, u32> = HashMap::new();
        units.customers.each(partition, |(unit, customer)| {
            customers.insert(unit, customer);
        })?;
        let mut links: HashMap<UnitId, u32> = HashMap::new();
        units.links.each(partition, |(visit, customer)| {
            links.entry(visit).or_insert(customer);
        })?;
        units.assigned.each(partition, |mut assigned| {
            let (unit, at_us) = (assigned.unit, assigned.first_at_us);
            assigned.customer = assigned.customer.or_else(|| customers.get(&unit).copied());
            if at_us < since_us {
                assigned.customer.into_iter().for_each(|one| standing.older.insert(one));
            }
            if units.tills.contains(&unit) {
                join.doubts.days_of_tills += 1;
                return;
            }
            assigned.customer = assigned.customer.or_else(|| links.get(&unit).copied());
            let who = assigned.customer.map_or(Who::Visit(unit), Who::Customer);
            match who {
                Who::Customer(customer) => standing.see(customer, at_us),
                Who::Visit(_) if at_us >= since_us => began(&mut standing.began_us, at_us),
                Who::Visit(_) => {}
            }
            by_unit.push(unit.0, &(unit, who, at_us));
            by_person.push(place_of(who), &assigned);
        })
    })?;
    let firsts = standing.first_at_us.iter().filter(|&&at_us| at_us != NEVER && at_us >= since_us);
    firsts.for_each(|&at_us| began(&mut standing.began_us, at_us));
    Ok(Resolved { standing, by_unit: by_unit.finish()?, by_person: by_person.finish()? })
}

fn began(first: &mut Option<i64>, at_us: i64) {
    *first = Some(first.map_or(at_us, |known| known.min(at_us)));
}
