//! The last step: one row a person, kept in a file and read as often as the estimates ask.

use super::Join;
use super::buyers::PurchaseRow;
use super::scan::BoughtRow;
use super::spill::{Spill, SpillPlan, Spilled};
use super::units::Standing;
use crate::error::{Error, Result};
use crate::facts::before_us;
use crate::heard::{Checkouts, Who};
use crate::ledger::Begun;
use hashbrown::{HashMap, HashSet};
use measure::trial::{Assigned, KeptPersons, Person, Trial};
use std::sync::Mutex;

/// By person.
#[derive(Debug)]
pub(super) struct People {
    pub(super) assigned: Spilled<Assigned>,
    pub(super) purchases: Spilled<PurchaseRow>,
    /// The person, who began it, when.
    pub(super) checkouts: Spilled<(Who, Who, i64)>,
    pub(super) bought: Spilled<BoughtRow>,
}

/// The persons of a trial, in a temporary file.
#[derive(Debug)]
pub(crate) struct Kept {
    rows: Spilled<Person>,
    standing: Standing,
    /// Why they could not be read; asked for at the end, for estimates cannot fail midway.
    fault: Mutex<Option<Error>>,
}

impl Kept {
    /// An error where a reading failed since the last time this was asked.
    pub(crate) fn check(&self) -> Result<()> {
        crate::facts::lock(&self.fault).take().map_or(Ok(()), Err)
    }
}

impl KeptPersons for Kept {
    fn each(&self, give: &mut dyn FnMut(&Person)) {
        if let Err(error) = self.rows.each(0, |person| give(&person)) {
            *crate::facts::lock(&self.fault) = Some(error);
        }
    }

    fn has(&self, customer: u32) -> bool {
        self.standing.has(customer)
    }
}

pub(super) fn join(join: &mut Join<'_>, people: &People, standing: Standing) -> Result<Kept> {
    let plan = SpillPlan { n_partitions: 1, ..join.plan.clone() };
    let mut rows: Spill<Person> = plan.open();
    let (since_us, until) = (join.question.since.0, join.question.until);
    join.partitions("joining customers", |join, partition| {
        let mut units: Vec<Assigned> = Vec::new();
        people.assigned.each(partition, |unit| units.push(unit))?;
        let mut trial = Trial::new(units, [], before_us()).since(since_us);
        let mut checkouts: HashMap<usize, (Checkouts, Begun)> = HashMap::new();
        people.checkouts.each(partition, |(person, who, at_us)| {
            if let Some(person) = person.in_trial(&trial) {
                checkouts.entry(person).or_default().0.add(who, at_us);
            }
        })?;
        for (said, begun) in checkouts.values_mut() {
            said.iter().for_each(|(_, of_one)| begun.extend(of_one));
            begun.settle();
        }
        people.purchases.each(partition, |(who, purchase, (n_free, n_misnamed), is_above)| {
            let Some(person) = who.in_trial(&trial) else { return };
            if let Some((_, begun)) = checkouts.get_mut(&person).filter(|_| purchase.is_order) {
                let latest_us = purchase.at_us.saturating_add(purchase.within_us - 1);
                begun.complete(purchase.at_us, latest_us);
            }
            if trial.add(person, &purchase) {
                join.doubts.lines_without_price += u64::from(n_free);
                join.doubts.lines_not_offered += u64::from(n_misnamed);
                join.doubts.refunds_above_sale += u64::from(is_above);
            }
        })?;
        for (person, (_, begun)) in checkouts {
            begun.close(&mut trial, person, until);
        }
        count_new_items(&mut trial, &people.bought, partition)?;
        trial.each(|person| rows.push_to(0, person));
        Ok(())
    })?;
    Ok(Kept { rows: rows.finish()?, standing, fault: Mutex::default() })
}

/// What customers bought in the trial is held, and what they had bought before taken out of it.
fn count_new_items(trial: &mut Trial, bought: &Spilled<BoughtRow>, partition: usize) -> Result<()> {
    let first_of = |trial: &Trial, customer: u32| {
        let person = trial.find(Some(customer), None)?;
        trial.first_at_us(person).map(|first| (person, first))
    };
    let mut new: HashSet<(u32, u32)> = HashSet::new();
    bought.each(partition, |(customer, item, latest_us, counts)| {
        let first = first_of(trial, customer).filter(|_| counts);
        if first.is_some_and(|(_, first)| first <= latest_us) {
            new.insert((customer, item));
        }
    })?;
    bought.each(partition, |(customer, item, latest_us, _)| {
        if first_of(trial, customer).is_some_and(|(_, first)| latest_us < first) {
            new.remove(&(customer, item));
        }
    })?;
    for (customer, _) in new {
        if let Some((person, _)) = first_of(trial, customer) {
            trial.add_new_item(person);
        }
    }
    Ok(())
}
