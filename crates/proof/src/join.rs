//! The facts of a store whose events, answers and orders are more than fit in memory.
//!
//! The same joins as in [`crate::facts`], each in partitions (G. Graefe, "Query evaluation
//! techniques for large databases", ACM Computing Surveys 25 (1993), section 3: Grace hash join):
//! rows go to a partition by the hash of what they are joined by, and one partition at a time is in
//! memory.
//!
//! ```text
//! units, customers, links ---by unit---> whose each unit is, since when
//! orders, what events say of them, returns ---by order---> orders with their origins
//! orders, clicks ---by visit---> clicks go to where the orders are decided
//! clicks and orders ask for answers, records ---by answer---> answers go there too
//! orders, clicks, answers ---by buyer---> what each answer sold, purchases
//! what came of answers, records ---by answer---> funnels
//! units, purchases, checkouts ---by person---> one row a person
//! ```
//!
//! In memory are, besides: one time, a bit and a byte a customer, the catalog, the units of tills;
//! and what the store holds while it is read: a segment of events, the tail of the log.

mod answers;
mod buyers;
mod orders;
mod persons;
mod row;
mod scan;
mod spill;
mod units;

use crate::error::Result;
use crate::facts::{self, Doubts, Facts, Question, Telling};
use crate::sale::Families;
use buyers::Homes;
use history::{LogCounts, Store};
use measure::trial::{KeptPersons, Trial};
use persons::People;
use scan::{Open, Scanned, Taken};
use spill::SpillPlan;
use std::sync::Arc;
use units::Resolved;

pub(crate) use persons::Kept;

/// Bytes that a row takes in memory, as the joins in memory hold it; measured on made-up histories.
const EVENT_BYTES: u64 = 200;
const ORDER_BYTES: u64 = 500;
const UNIT_BYTES: u64 = 300;

/// Told first, with the bytes that the joins would take in memory and those that they may.
pub const BY_FILES: &str = "joining by way of temporary files";

/// Of the memory, what one partition may come to, and the buffers of one kind of rows.
const PARTITION_SHARE: u64 = 8;
const BUFFER_SHARE: u64 = 32;
const MIN_BUFFER: u64 = 4 << 20;
const N_PARTITIONS: std::ops::RangeInclusive<u64> = 4..=1_024;

/// What the joins in memory would take, about.
pub(crate) fn needed_bytes(counts: &LogCounts) -> u64 {
    counts.n_events * EVENT_BYTES + counts.n_orders * ORDER_BYTES + counts.n_units * UNIT_BYTES
}

fn plan(store: &Store, counts: &LogCounts, memory_bytes: u64) -> SpillPlan {
    let of_partition = (memory_bytes / PARTITION_SHARE).max(MIN_BUFFER);
    let n_partitions = needed_bytes(counts).div_ceil(of_partition);
    SpillPlan {
        dir: store.dir().to_path_buf(),
        n_partitions: n_partitions.clamp(*N_PARTITIONS.start(), *N_PARTITIONS.end()) as usize,
        buffer_bytes: (memory_bytes / BUFFER_SHARE).max(MIN_BUFFER) as usize,
    }
}

/// What the steps share.
struct Join<'a> {
    plan: SpillPlan,
    question: &'a Question,
    doubts: Doubts,
    report: &'a mut Telling<'a>,
}

impl Join<'_> {
    fn told(&mut self, step: &'static str, done: u64, all: u64) {
        (self.report)(step, done, all);
    }

    /// Runs a step on each partition.
    fn partitions(
        &mut self,
        step: &'static str,
        mut run: impl FnMut(&mut Self, usize) -> Result<()>,
    ) -> Result<()> {
        let n = self.plan.n_partitions;
        for partition in 0..n {
            self.told(step, partition as u64, n as u64);
            run(self, partition)?;
        }
        self.told(step, n as u64, n as u64);
        Ok(())
    }
}

/// The facts, by way of temporary files in the data directory.
pub(crate) async fn gather(
    store: &Store,
    question: &Question,
    counts: &LogCounts,
    report: &mut Telling<'_>,
) -> Result<Facts> {
    let plan = plan(store, counts, question.memory_bytes);
    let mut join = Join { plan, question, doubts: Doubts::default(), report };
    join.told(BY_FILES, needed_bytes(counts), question.memory_bytes);
    let Scanned { units, visits, told, decisions, mut open } =
        scan::read(&mut join, store, counts).await?;
    let Resolved { standing, by_unit, by_person } = units::resolve(&mut join, units)?;
    let catalog = facts::catalog(store).await?;
    let has_costs = catalog.items.iter().any(|item| item.cost.is_some());
    let rules = facts::rules(store, question, standing.began_us).await?;
    let taken = scan::orders(&mut join, store, (rules, catalog), &standing).await?;
    let of_visits = orders::join_told(&mut join, &taken, &told, &mut open)?;
    drop(told);
    let Taken { rules, catalog, bought: taken_bought, .. } = taken;
    orders::join_visits(&mut join, &by_unit, (of_visits, visits), &mut open)?;
    drop(by_unit);
    let Open { marks, needs, clicks, homes, checkouts } = open;
    let answers = answers::give(&mut join, &standing, &needs.finish()?, &decisions)?;
    let homes = Homes { orders: homes.finish()?, clicks: clicks.finish()?, answers };
    let families = Families::of(&catalog.items);
    let bought = buyers::decide(&mut join, (&standing, &rules), &homes, &families)?;
    drop((homes, catalog));
    let (purchases, outcomes) = (bought.purchases, bought.outcomes);
    let seen = (&marks.finish()?, &decisions);
    let funnels = answers::count(&mut join, &standing, seen, (&outcomes, &families))?;
    drop((decisions, outcomes, families));
    let checkouts = checkouts.finish()?;
    let people = People { assigned: by_person, purchases, checkouts, bought: taken_bought };
    let kept = Arc::new(persons::join(&mut join, &people, standing)?);
    let trial = Trial::of_kept(Arc::clone(&kept) as Arc<dyn KeptPersons>);
    let (now, doubts) = (question.until, join.doubts);
    Ok(Facts { trial, now, currency: rules.currency, has_costs, funnels, doubts, kept: Some(kept) })
}
