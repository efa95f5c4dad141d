//! Next baskets as a snapshot serves them.
//!
//! Of customers of whom nothing is new the front of the ranking stands in the snapshot: one row is
//! read. Whoever bought since is ranked anew, from all of their orders, with the trees that ranked
//! the others; nothing is trained. Then comes what only the moment knows: how long ago
//! ([`super::timing`]).

use super::own::{Bought, OrderSince, Rebuy, day_of};
use super::ranker::{RankScratch, Ranker, rank};
use super::sections::{Sections, ranker_of};
use super::timing::age_factor;
use super::{Asked, Overlay, Tables};
use crate::error::Error;
use events::Timestamp;
use snapshot::Snapshot;
use sparse::Scored;
use std::borrow::Cow;

/// Items of the ranking that are kept of a customer.
pub const N_FRONT: usize = 64;

/// Who asks, and when.
#[derive(Clone, Copy, Debug, Default)]
pub struct Who<'a> {
    /// Row of the customer in the snapshot; one beyond its rows is a newcomer.
    pub customer: Option<u32>,
    /// Orders that the snapshot does not know, oldest first.
    pub since: &'a [OrderSince],
    /// `None`: how long ago something was bought tells nothing.
    pub now: Option<Timestamp>,
    /// Items that speak for nothing here, rising: as if the customer had never bought them.
    pub hidden: &'a [u32],
}

impl Who<'_> {
    fn is_hidden(&self, item: u32) -> bool {
        self.hidden.binary_search(&item).is_ok()
    }

    /// What is left of a basket.
    fn shown<'b>(&self, basket: &'b [u32]) -> Cow<'b, [u32]> {
        match self.hidden {
            [] => Cow::Borrowed(basket),
            _ => basket.iter().copied().filter(|&item| !self.is_hidden(item)).collect(),
        }
    }
}

/// An item of the next basket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likely {
    pub item: u32,
    /// Above 0; of trees near the probability that it is bought next, of a published method a rank.
    pub score: f32,
    /// `None`: the customer never bought it.
    pub rebuy: Option<Rebuy>,
}

/// Reusable memory of one thread.
#[derive(Clone, Debug, Default)]
pub struct ServeScratch {
    ranking: RankScratch,
    front: Vec<Scored>,
    likely: Vec<Likely>,
}

/// Tables and ranker of a snapshot, opened once.
#[derive(Debug)]
pub struct NextBasket {
    sections: Sections,
    ranker: Ranker,
    overlay: Overlay,
}

impl NextBasket {
    /// `None` for a snapshot without tables of next baskets.
    pub fn open(snapshot: &Snapshot) -> Result<Option<NextBasket>, Error> {
        let Some(sections) = Sections::open(snapshot)? else { return Ok(None) };
        let ranker = ranker_of(snapshot)?;
        Ok(Some(NextBasket { sections, ranker, overlay: Overlay::default() }))
    }

    pub fn tables<'a>(&self, snapshot: &'a Snapshot) -> Tables<'a> {
        self.sections.tables(snapshot.container())
    }

    /// What the customer is likely to buy next, likeliest first, ties by the smaller index.
    /// Nothing of whom no order is known.
    pub fn likely<'m>(
        &self,
        snapshot: &Snapshot,
        who: &Who<'_>,
        memory: &'m mut ServeScratch,
    ) -> &'m [Likely] {
        memory.likely.clear();
        self.find_front(snapshot, who, memory);
        let today = who.now.map(day_of);
        let n_orders = self.n_orders(snapshot, who);
        for (place, scored) in memory.front.iter().enumerate() {
            let bought = self.bought(snapshot, who, scored.index);
            let factor = self.age_factor(snapshot, scored.index, &bought, today);
            let score = self.ranker.chance(place, scored.score, factor);
            let told = || bought.told(n_orders, today);
            let rebuy = (bought.n_bought > 0).then(told);
            memory.likely.push(Likely { item: scored.index, score, rebuy });
        }
        memory.likely.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
        &memory.likely
    }

    /// The customer's habit with any item; `None`: they never bought it.
    pub fn rebuy(&self, snapshot: &Snapshot, who: &Who<'_>, item: u32) -> Option<Rebuy> {
        let bought = self.bought(snapshot, who, item);
        let told = || bought.told(self.n_orders(snapshot, who), who.now.map(day_of));
        (bought.n_bought > 0).then(told)
    }

    /// Every item that the customer bought; some come twice.
    pub fn visit_bought(&self, snapshot: &Snapshot, who: &Who<'_>, mut visit: impl FnMut(u32)) {
        if let Some(customer) = self.row_of(snapshot, who) {
            let (items, _) = self.sections.bought.row(snapshot.container(), customer as usize);
            items.iter().for_each(|&item| visit(item));
        }
        who.since.iter().flat_map(|order| &order.items).for_each(|&item| visit(item));
    }

    fn row_of(&self, snapshot: &Snapshot, who: &Who<'_>) -> Option<u32> {
        let n_customers = self.sections.n_customers(snapshot.container());
        who.customer.filter(|&customer| (customer as usize) < n_customers)
    }

    fn find_front(&self, snapshot: &Snapshot, who: &Who<'_>, memory: &mut ServeScratch) {
        let c = snapshot.container();
        let customer = self.row_of(snapshot, who);
        memory.front.clear();
        let is_as_learned = who.since.iter().all(|order| order.items.is_empty());
        if is_as_learned && who.hidden.is_empty() {
            let Some(customer) = customer else { return };
            let (items, scores) = self.sections.ranked.row(c, customer as usize);
            let scored = items.iter().zip(scores).map(|(&index, &score)| Scored { index, score });
            memory.front.extend(scored);
            if !memory.front.is_empty() {
                return;
            }
        }
        let tables = self.sections.tables(c);
        let learned = customer.map(|c| tables.baskets.sequences.of(c)).unwrap_or_default();
        let baskets = learned.into_iter().chain(who.since.iter().map(|order| &order.items[..]));
        // An order of nothing that is known here, or may speak, is no basket.
        let shown = baskets.map(|basket| who.shown(basket)).filter(|basket| !basket.is_empty());
        let shown: Vec<Cow<'_, [u32]>> = shown.collect();
        let sequence: Vec<&[u32]> = shown.iter().map(|basket| &**basket).collect();
        if sequence.is_empty() {
            return;
        }
        let asked = Asked { customer, sequence: &sequence, overlay: &self.overlay };
        let front = rank(&tables, &self.ranker, &asked, N_FRONT, &mut memory.ranking);
        memory.front.extend(front);
    }

    fn bought(&self, snapshot: &Snapshot, who: &Who<'_>, item: u32) -> Bought {
        let mut bought = Bought::default();
        if who.is_hidden(item) {
            return bought;
        }
        if let Some(customer) = self.row_of(snapshot, who) {
            let (items, flat) = self.sections.bought.row(snapshot.container(), customer as usize);
            if let Ok(at) = items.binary_search(&item) {
                bought = Bought::of_flat(flat[at]);
            }
        }
        for order in who.since.iter().filter(|order| order.items.contains(&item)) {
            bought.add(day_of(order.at));
        }
        bought
    }

    fn n_orders(&self, snapshot: &Snapshot, who: &Who<'_>) -> u32 {
        let row = self.row_of(snapshot, who);
        let known = row.map_or(0, |row| self.sections.n_orders(snapshot.container(), row));
        let n_orders = known + who.since.len() as u32;
        n_orders.saturating_sub(self.n_emptied(snapshot, who))
    }

    /// Orders of nothing but what is hidden, of those whose baskets are kept.
    fn n_emptied(&self, snapshot: &Snapshot, who: &Who<'_>) -> u32 {
        if who.hidden.is_empty() {
            return 0;
        }
        let sequences = self.sections.tables(snapshot.container()).baskets.sequences;
        let learned = self.row_of(snapshot, who).map(|row| sequences.of(row)).unwrap_or_default();
        let baskets = learned.into_iter().chain(who.since.iter().map(|order| &order.items[..]));
        let emptied = baskets.filter(|basket| !basket.is_empty() && who.shown(basket).is_empty());
        emptied.count() as u32
    }

    /// 1 where days tell nothing.
    fn age_factor(
        &self,
        snapshot: &Snapshot,
        item: u32,
        bought: &Bought,
        today: Option<i32>,
    ) -> f32 {
        let c = snapshot.container();
        let gap_days = self.sections.gap_days(c).get(item as usize);
        let factors = self.sections.age_factors(c);
        gap_days.map_or(1.0, |&gap_days| age_factor(bought, today, gap_days, factors))
    }
}
