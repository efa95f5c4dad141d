//! Orders, the clicks of who made them and the answers that both name: which answer sold what.

use super::Join;
use super::answers::GivenRow;
use super::row::{Reader, Row};
use super::scan::{Open, place_of};
use super::spill::Spilled;
use super::units::{Place, Standing};
use crate::error::Result;
use crate::funnels::{Answer, Outcome};
use crate::heard::{Click, Clicks, Who};
use crate::ledger::Rules;
use crate::sale::{Families, Return, Sale, Sellers, TakenOrder};
use hashbrown::HashMap;
use measure::trial::Purchase;

/// An order where its buyer is: its customer, else its visit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AtHome {
    pub(super) order: TakenOrder,
    /// In the order of time.
    pub(super) returns: Vec<Return>,
    /// The person of the visit, where it is in an arm, and when the visit was assigned.
    pub(super) visit: Option<(Who, i64)>,
}

impl Row for AtHome {
    fn put(&self, to: &mut Vec<u8>) {
        self.order.put(to);
        self.returns.put(to);
        self.visit.put(to);
    }

    fn take(from: &mut Reader<'_>) -> AtHome {
        AtHome { order: Row::take(from), returns: Row::take(from), visit: Row::take(from) }
    }
}

impl AtHome {
    /// To the partition that it tells, with the answers that it names.
    pub(super) fn send(&self, open: &mut Open) -> usize {
        let who = self.order.customer.map(Who::Customer).or(self.order.visit.map(Who::Visit));
        let home = open.homes.partition_of(who.map_or(0, place_of));
        open.homes.push_to(home, self);
        let named = self.order.parts.iter().filter_map(|part| part.origin.answer());
        named.for_each(|answer| open.need(answer, home));
        home
    }
}

/// What is at home with a buyer.
#[derive(Debug)]
pub(super) struct Homes {
    pub(super) orders: Spilled<AtHome>,
    pub(super) clicks: Spilled<Click>,
    pub(super) answers: Spilled<GivenRow>,
}

/// Whose, what, lines without a price, lines of other answers, and whether more came back than was
/// sold.
pub(super) type PurchaseRow = (Who, Purchase, (u32, u32), bool);

#[derive(Debug)]
pub(super) struct Bought {
    /// By person.
    pub(super) purchases: Spilled<PurchaseRow>,
    /// By answer.
    pub(super) outcomes: Spilled<(u64, Outcome)>,
}

pub(super) fn decide(
    join: &mut Join<'_>,
    (standing, rules): (&Standing, &Rules),
    homes: &Homes,
    families: &Families,
) -> Result<Bought> {
    let mut purchases = join.plan.open::<PurchaseRow>();
    let mut bought = join.plan.open::<(u64, Outcome)>();
    join.partitions("joining purchases", |join, partition| {
        let mut answers: HashMap<u64, Answer> = HashMap::new();
        homes.answers.each(partition, |row| {
            let (name, answer) = super::answers::given(row);
            answers.insert(name, answer);
        })?;
        let mut clicks = Clicks::default();
        homes.clicks.each(partition, |click| clicks.add(click))?;
        let window_us = rules.window_us;
        let sellers = Sellers { answers: &answers, clicks: &clicks, families, window_us };
        let mut outcomes: HashMap<u64, Outcome> = HashMap::new();
        homes.orders.each(partition, |AtHome { order, returns, visit }| {
            let who = match standing.place(order.customer, visit) {
                Place::In(who) => who,
                Place::Older => return,
                Place::Nobody => {
                    let is_nobodys = rules.is_in_trial(order.at_us, order.within_us);
                    join.doubts.orders_of_nobody += u64::from(is_nobodys);
                    return;
                }
            };
            let mut sale = Sale::of(&order, &sellers);
            let lines = (order.n_free as u32, sale.n_misnamed as u32);
            purchases.push(place_of(who), &(who, sale.sell(&mut outcomes), lines, false));
            for taken in &returns {
                let (purchase, is_above) = sale.take_back(taken, &mut outcomes);
                purchases.push(place_of(who), &(who, purchase, (0, 0), is_above));
            }
        })?;
        outcomes.into_iter().for_each(|(answer, one)| bought.push(answer, &(answer, one)));
        Ok(())
    })?;
    Ok(Bought { purchases: purchases.finish()?, outcomes: bought.finish()? })
}
