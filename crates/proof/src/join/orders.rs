//! Orders with what events say of them, then with the visits that they came from.

use super::Join;
use super::buyers::AtHome;
use super::row::{Reader, Row};
use super::scan::{OfVisits, Open, Taken, lines_of, place_of};
use super::spill::Spilled;
use super::units::ResolvedRow;
use crate::error::Result;
use crate::heard::{Click, Told, ToldOrder, Who};
use crate::sale::{Return, TakenOrder};
use hashbrown::{HashMap, HashSet};
use history::PastOrder;
use measure::assignment::UnitId;

/// An order that came from a visit, on its way to its buyer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OfVisit {
    visit: UnitId,
    order: TakenOrder,
    returns: Vec<Return>,
}

impl Row for OfVisit {
    fn put(&self, to: &mut Vec<u8>) {
        self.visit.put(to);
        self.order.put(to);
        self.returns.put(to);
    }

    fn take(from: &mut Reader<'_>) -> OfVisit {
        OfVisit { visit: Row::take(from), order: Row::take(from), returns: Row::take(from) }
    }
}

/// Orders that nobody told a visit of go to their buyer at once, the others by visit.
pub(super) fn join_told(
    join: &mut Join<'_>,
    taken: &Taken,
    told: &Spilled<ToldOrder>,
    open: &mut Open,
) -> Result<Spilled<OfVisit>> {
    let mut by_visit = join.plan.open::<OfVisit>();
    let hearing = join.question.hearing();
    let rules = &taken.rules;
    join.partitions("joining orders", |join, partition| {
        let mut orders: HashMap<u128, Told> = HashMap::new();
        told.each(partition, |said| {
            let known = orders.entry(said.order).or_default();
            known.hear(said, &hearing, |(answer, at_us), mark| {
                open.marks.push(answer, &(answer, mark, at_us));
            });
        })?;
        let mut returns: HashMap<u128, Vec<Return>> = HashMap::new();
        taken.returns.each(partition, |one| returns.entry(one.refers).or_default().push(one))?;
        taken.rows.each(partition, |(key, at_us, customer_idx, lines)| {
            let told = orders.get(&key);
            let lines = lines_of(&lines);
            let (at, lines) = (Some(events::Timestamp(at_us)), &lines[..]);
            let past = PastOrder { key, refers: None, at, customer_idx, currency: None, lines };
            let time = rules.grain.resolve(at_us, told.and_then(|told| told.at_us));
            let order = TakenOrder::of(&past, told, time, &taken.catalog);
            let mut returns = returns.remove(&key).unwrap_or_default();
            returns.sort_by_key(|one| one.at_us);
            match (order.visit, order.customer) {
                (Some(visit), _) => by_visit.push(visit.0, &OfVisit { visit, order, returns }),
                (None, Some(_)) => {
                    AtHome { order, returns, visit: None }.send(open);
                }
                (None, None) => {
                    let is_nobodys = rules.is_in_trial(order.at_us, order.within_us);
                    join.doubts.orders_of_nobody += u64::from(is_nobodys);
                }
            }
        })?;
        let left = returns.values().flatten();
        let unknown = left.filter(|one| rules.is_in_trial(one.at_us, 1)).count() as u64;
        join.doubts.refunds_of_unknown_orders += unknown;
        Ok(())
    })?;
    by_visit.finish()
}

/// Orders go to their buyers, with the person of their visit, and the clicks of the visit go where
/// its orders went.
pub(super) fn join_visits(
    join: &mut Join<'_>,
    resolved: &Spilled<ResolvedRow>,
    (orders, visits): (Spilled<OfVisit>, OfVisits),
    open: &mut Open,
) -> Result<()> {
    join.partitions("joining visits", |_, partition| {
        let mut persons: HashMap<UnitId, (Who, i64)> = HashMap::new();
        resolved.each(partition, |(unit, who, first_at_us)| {
            let known = persons.entry(unit).or_insert((who, first_at_us));
            if known.1 < first_at_us {
                *known = (who, first_at_us);
            }
        })?;
        let mut homes: HashMap<UnitId, HashSet<usize>> = HashMap::new();
        orders.each(partition, |OfVisit { visit, order, returns }| {
            let at_home = AtHome { order, returns, visit: persons.get(&visit).copied() };
            homes.entry(visit).or_default().insert(at_home.send(open));
        })?;
        visits.clicks.each(partition, |click: Click| {
            let Who::Visit(visit) = click.who else { return };
            let asking = homes.get(&visit).into_iter().flatten();
            asking.for_each(|&home| open.click_to(&click, home));
        })?;
        visits.checkouts.each(partition, |(visit, at_us)| {
            if let Some((person, _)) = persons.get(&visit) {
                let row = (*person, Who::Visit(visit), at_us);
                open.checkouts.push(place_of(*person), &row);
            }
        })
    })
}
