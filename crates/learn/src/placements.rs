//! What sells at a placement: popularity, corrected by what came of items that were shown there.
//!
//! ```text
//! ratio(p, k, i)   by `measure::appeal`: how much oftener item i is taken at placement p, shown as
//!                  one of kind k (of a category, of all), than others at the same place of the
//!                  same list, by what they sell
//! trend(p, k, i) = trend(i) · ratio(p, k, i)
//! ```
//!
//! The score is what the item sold then, as a share of the orders: what such an offer is ranked by.
//! So an item that is taken in proportion to what it sells has the ratio 1, one of which nothing is
//! known too. Offers that stand where they do for another reason (a cart, a visit, a past) say how
//! well that reason is read, and are none of it.
//!
//! **Places and items.** Best-sellers stand in an order that seldom changes, so what the first
//! place does looks like what the best-seller does. Only items that stood at the same place of the
//! same list (a category, a context) are held against each other; a list that never changes its
//! order teaches nothing, and the note says so. Policies, stock, what a customer has already, and
//! `explore` change orders.
//!
//! **Why of outcomes, and not of what is bought at each stage of a visit.** An event that adds or
//! buys tells no page, unless it came of an offer: a stage could only be guessed, and what the
//! guess is off would be the same for all items of a page. An offer has its placement, its place
//! and those that were shown beside it and not taken.
//!
//! **Published** for a kind at a placement only if what was learned of the older four fifths of its
//! answers foretells which of the newest fifth's offers were taken better than sales alone
//! (`appeal::gain`, responses of one customer or visit together): 30 of those who took something
//! at the least, 5 % by Holm over all that are asked.

use crate::ablation::Without;
use crate::pipeline::Learned;
use measure::appeal::{self, Cell, Gain, MIN_UNITS, Taken};
use snapshot::PlacementTables;
use sparse::Csr;

/// Chance that anything at all is published where all is taken as it sells.
const LEVEL: f64 = 0.05;

/// What came of the offers of a placement that stood there because they sell. Items by their dense
/// indices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CameOf {
    /// Of the placement and of what was shown, see [`PlacementTables::name_of`].
    pub name: Box<str>,
    /// Of the older four fifths of its answers, and of the newest fifth.
    pub earlier: Vec<Cell>,
    pub later: Vec<Cell>,
    /// Each response of the newest fifth.
    pub later_taken: Vec<Taken>,
    /// What was left out, in words.
    pub left_out: Vec<String>,
}

/// Tables, and what is told of each placement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LearnedPlacements {
    pub tables: PlacementTables,
    pub notes: Vec<(String, String)>,
}

/// Adds what sells at placements to a snapshot that was learned; nothing where nothing was shown.
pub fn add(learned: &mut Learned, came_of: &[CameOf], without: &Without) {
    if without.placement_popularity() || without.trend() {
        return;
    }
    let found = learn(came_of);
    found.tables.write(&mut learned.writer);
    if !found.notes.is_empty() {
        learned.provenance.parameters.extend(found.notes);
        learned.writer.set_provenance(&learned.provenance);
    }
}

/// `came_of`: one of each name, in order of their names.
pub fn learn(came_of: &[CameOf]) -> LearnedPlacements {
    let n_seen = |one: &CameOf| -> f64 { one.earlier.iter().chain(&one.later).map(|c| c.n).sum() };
    let asked: Vec<&CameOf> = came_of.iter().filter(|one| n_seen(one) > 0.0).collect();
    let gains: Vec<Gain> = asked.iter().map(|one| gain(one)).collect();
    let ps: Vec<f64> = gains.iter().map(Gain::p).collect();
    let mut learned = LearnedPlacements::default();
    let mut rows = Csr::default();
    for ((one, gain), holds) in asked.into_iter().zip(gains).zip(appeal::holm(&ps, LEVEL)) {
        let mut told = format!("{:.0} offers seen", n_seen(one));
        if holds {
            let all: Vec<Cell> = one.earlier.iter().chain(&one.later).copied().collect();
            let ratios = appeal::fit(&all).0;
            told = format!("{told}, {} items have a factor of their own", ratios.len());
            let items: Vec<u32> = ratios.iter().map(|&(item, _)| item).collect();
            learned.tables.names.push(one.name.clone());
            learned.tables.ratio_values.extend(ratios.iter().map(|&(_, ratio)| ratio as f32));
            rows.push_row(&items);
        }
        told.push_str(&verdict(&gain, holds));
        learned.notes.push((format!("placement.{}", one.name), told));
    }
    for one in came_of.iter().filter(|one| !one.left_out.is_empty()) {
        learned.notes.push((format!("placement.{}.left_out", one.name), one.left_out.join("; ")));
    }
    learned.tables.ratios = rows;
    learned
}

fn gain(one: &CameOf) -> Gain {
    appeal::gain(&appeal::fit(&one.earlier), &one.later, &one.later_taken)
}

fn verdict(gain: &Gain, holds: bool) -> String {
    let Gain { n_responses, n_units, mean, error } = *gain;
    if n_units < MIN_UNITS {
        return format!(
            ", nothing learned: of the newest fifth {n_units} customers or visits took something \
             where more than one item had stood at the same place, and {MIN_UNITS} are needed; \
             `explore` changes the order now and then, which tells items from places"
        );
    }
    let told = if holds { "" } else { ", taken as items sell elsewhere as far as can be told" };
    format!(
        "{told}: {mean:+.4} nats a sale (standard error {error:.4}) on the {n_responses} newest \
         responses of {n_units} customers or visits"
    )
}

#[cfg(test)]
mod tests;
