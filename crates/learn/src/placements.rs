//! What sells at a placement: popularity, corrected by what came of items that were shown there.
//!
//! ```text
//! e(p, i) = Σ over the offers of item i seen at placement p of  base(rung) · position · share(i)
//! o(p, i) = what came of them: clicks, carts, sales
//! ratio(p, i) = factor(p, i) / factor(p),   factor = (o + A · factor above) / (e + A), as to be
//!               found in `measure::response`, with its limits: from 1/4 to 4, 50 seen or nothing
//! trend(p, i) = trend(i) · ratio(p, i)
//! ```
//!
//! share(i) is what the item sold then, as a share of the orders: what such an offer is ranked by.
//! So an item that is taken in proportion to what it sells has the ratio 1, one of which nothing is
//! known too, and A draws every other one there. Offers that stand where they do for another
//! reason (a cart, a visit, a past) say how well that reason is read, and are none of it.
//!
//! **Why of outcomes, and not of what is bought at each stage of a visit.** An event that adds or
//! buys tells no page, unless it came of an offer: a stage could only be guessed, and what the
//! guess is off would be the same for all items of a page. An offer has its placement, its place
//! and those that were shown beside it and not taken.
//!
//! **Published** for a placement only if what was learned of the older four fifths of its answers
//! foretells which of the newest fifth's offers were taken better than sales alone, by more than
//! 1.645 standard errors (one side, 5 %):
//!
//! ```text
//! T = Σ over responses of worth · ln(ratio / mean ratio),  the mean by e, within each rung
//! error² = Σ (worth · ln …)² − T² / n
//! ```
//!
//! Sources: those of `measure::response`; the logarithmic score of I. Good, "Rational decisions",
//! JRSS B 1952.

use crate::ablation::Without;
use crate::pipeline::Learned;
use measure::response::{self, Fit, Kind, Seen};
use snapshot::PlacementTables;
use sparse::Csr;

/// So many standard errors must lie between what is foretold and what sales alone foretell.
const MIN_ERRORS: f64 = 1.645;

/// What came of the offers of a placement that stood there because they sell. Items by their dense
/// indices, all of one context.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CameOf {
    /// By the name of the wire.
    pub placement: Box<str>,
    /// Of the older four fifths of its answers, and of the newest fifth.
    pub earlier: Vec<Seen>,
    pub later: Vec<Seen>,
}

/// How much better what was learned foretells what is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gain {
    pub n_responses: f64,
    /// Nats a sale, with its standard error.
    pub mean: f64,
    pub error: f64,
}

impl Gain {
    pub fn is_clear(&self) -> bool {
        self.mean > MIN_ERRORS * self.error && self.mean > 0.0
    }
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

/// `came_of`: a placement each, in order of their names.
pub fn learn(came_of: &[CameOf]) -> LearnedPlacements {
    let mut learned = LearnedPlacements::default();
    let mut rows = Csr::default();
    for CameOf { placement, earlier, later } in came_of {
        let n_seen: f64 = earlier.iter().chain(later).map(|cell| cell.n).sum();
        if n_seen == 0.0 {
            continue;
        }
        let gain = gain(&response::fit(earlier, &[]), later);
        let mut told = format!("{n_seen:.0} offers seen");
        if gain.is_clear() {
            let all: Vec<Seen> = earlier.iter().chain(later).copied().collect();
            let ratios = ratios(&response::fit(&all, &[]));
            told = format!("{told}, {} items have a factor of their own", ratios.len());
            let items: Vec<u32> = ratios.iter().map(|&(item, _)| item).collect();
            learned.tables.names.push(placement.clone());
            learned.tables.ratio_values.extend(ratios.iter().map(|&(_, ratio)| ratio as f32));
            rows.push_row(&items);
        } else {
            told.push_str(", taken as items sell elsewhere as far as can be told");
        }
        let Gain { n_responses, mean, error } = gain;
        let told = format!(
            "{told}: {mean:+.4} nats a sale (standard error {error:.4}) on the {n_responses:.0} \
             newest responses"
        );
        learned.notes.push((format!("placement.{placement}"), told));
    }
    learned.tables.ratios = rows;
    learned
}

/// Of each item of which something is known, rising.
fn ratios(fit: &Fit) -> Vec<(u32, f64)> {
    let level = |relation| Kind { relation, item: None, context: None };
    let of_items = fit.factors.iter().filter(|(kind, _)| kind.context.is_none());
    let ratio = |(kind, factor): (&Kind, &f64)| {
        let level = fit.factors.get(&level(kind.relation)).copied().unwrap_or(1.0);
        let within = (factor / level).clamp(response::LEAST, response::MOST);
        Some((kind.item?, within))
    };
    let mut ratios: Vec<(u32, f64)> = of_items.filter_map(ratio).collect();
    ratios.sort_unstable_by_key(|&(item, _)| item);
    // One relation alone is filled up by sales.
    ratios.dedup_by_key(|&mut (item, _)| item);
    ratios
}

/// By how much the ratios of a fit foretell other responses better than sales alone.
pub fn gain(fit: &Fit, later: &[Seen]) -> Gain {
    let ratios = ratios(fit);
    let ratio_of = |item: u32| {
        ratios.binary_search_by_key(&item, |&(item, _)| item).map_or(1.0, |at| ratios[at].1)
    };
    let place = |cell: &Seen| {
        let last = fit.positions.last().copied().unwrap_or(1.0);
        fit.positions.get(usize::from(cell.position)).copied().unwrap_or(last)
    };
    let cells = || later.iter().filter(|cell| cell.score > 0.0 && cell.n > 0.0);
    let mut expected = vec![(0.0, 0.0); usize::from(u8::MAX) + 1];
    for cell in cells() {
        let e = place(cell) * cell.score;
        let (plain, learned) = &mut expected[usize::from(cell.rung)];
        *plain += e;
        *learned += e * ratio_of(cell.item);
    }
    let (mut n, mut worth, mut sum, mut squares) = (0.0, 0.0, 0.0, 0.0);
    for cell in cells() {
        let (plain, learned) = expected[usize::from(cell.rung)];
        let better = (ratio_of(cell.item) * plain / learned).ln();
        n += cell.responses;
        worth += cell.worth;
        sum += cell.worth * better;
        squares += cell.worth2 * better * better;
    }
    if !(n > 0.0 && worth > 0.0) {
        return Gain::default();
    }
    let variance = (squares - sum * sum / n).max(0.0);
    Gain { n_responses: n, mean: sum / worth, error: variance.sqrt() / worth }
}

#[cfg(test)]
mod tests;
