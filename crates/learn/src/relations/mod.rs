//! How items stand to each other: which add to an anchor, and which take its place.
//!
//! For each pair that may matter (bought together, alike in title, of one leaf of the categories,
//! seen in one visit) the counts of common baskets are held against chance ([`chance`]), and
//!
//! 1. **bought together decides.** A pair found significant by `learn::pairs` that is bought
//!    together at least [`MIN_COMPLEMENT_RATIO`] times as often as by chance, with certainty C and
//!    by its own counts alone, is a *complement*, however alike: a red cup and a pink cup of one
//!    set. One that is bought together more often than by chance, with certainty C, is no
//!    substitute.
//! 2. Else it can be a *substitute* when it serves one need: its titles share at least half of what
//!    they say, or it stands in a leaf whose items are, with certainty C, bought together less
//!    often than by chance, or visitors saw both more often than by chance. Two known leaves that
//!    differ rule it out, and so do prices of which one is more than [`MAX_DEARER`] times the
//!    other. It is one when λ is below 1 with certainty S, given its counts and what one would
//!    guess from what the two have in common (`kinds::Kinds::guessed_ratio`).
//! 3. A substitute that costs more, by at most a factor of [`MAX_DEARER`], is an *upgrade*, where
//!    somebody bought it instead.
//! 4. All else is nothing in particular.
//!
//! ```text
//! λ | n, E ~ Gamma(w μ + n, w + E)       μ guessed ratio, w its weight in expected pairs
//! ```
//!
//! w is chosen by the probability of the counts of all alike pairs, from [`WEIGHTS`]; formulas and
//! sources stand in docs/math.md. C is 95 %, the usual; S is 80 %, since a wrong substitute costs
//! an offer that nothing spoke for, and a missed one is an offence. No constant was fitted to
//! the labels of Online Retail; of three rules for complements, this one was chosen after a look at
//! all three on AdventureWorks.
//!
//! Cost: for each item the titles that share a word, 2,000 at most a word, and one merge of baskets
//! for each of at most some 400 pairs kept.

pub mod chance;
mod judge;
mod kinds;
mod visits;

use crate::pairs::PairTables;
use crate::sessions::StepRow;
use chance::Chance;
use events::{ItemKind, Relation};
use history::HistoryView;
use judge::Judge;
use kinds::{Kinds, MAX_ALIKE};
use measure::rate::RatioBelief;
use rayon::prelude::*;
use snapshot::tables::names;
use snapshot::{RelationStats, Rows, SnapshotWriter};
use sparse::{Accumulator, Csr, TopK};
use visits::Visits;

/// Customers differ, so that many pairs are bought together somewhat more often than by chance.
pub const MIN_COMPLEMENT_RATIO: f64 = 2.0;
/// C and S.
pub const COMPLEMENT_CERTAINTY: f64 = 0.95;
pub const SUBSTITUTE_CERTAINTY: f64 = 0.8;
/// Titles that share half of what they say.
pub const MIN_LIKENESS: f64 = 0.5;
/// An upgrade costs this much more at least, and at most; what costs more than that much serves
/// another need. A convention of shops, not measured.
pub const MIN_DEARER: f64 = 1.05;
pub const MAX_DEARER: f64 = 2.0;
/// Weights to choose from, in expected pairs.
pub const WEIGHTS: [f64; 8] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
/// Where there is nothing to choose by.
const DEFAULT_WEIGHT: f64 = 4.0;

/// Items seen beside that are looked at, for each item.
const MAX_SEEN: usize = 32;
/// Items that take an anchor's place, kept for each.
const MAX_REPLACING: usize = 96;
/// Alike pairs that the weight is chosen by.
const MAX_CHOOSING: usize = 200_000;

/// The table: for each anchor first what replaces it, then what adds to it, the surest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RelationTable {
    pub items: Csr,
    pub stats: Vec<RelationStats>,
    /// What was found and chosen, for the provenance.
    pub note: String,
}

impl RelationTable {
    pub fn write(&self, writer: &mut SnapshotWriter) {
        Rows::write(writer, names::RELATIONS, &self.items, &self.stats);
    }
}

type Row = Vec<(u32, RelationStats)>;

/// Learns from baskets, the catalogue and, where there are any, the steps of visits. `baskets_of`
/// is the transposed basket matrix, `pairs` what was learned on the same view.
pub fn learn(
    view: &HistoryView,
    steps: &[StepRow],
    baskets_of: &Csr,
    pairs: &PairTables,
    max_basket_items: usize,
) -> RelationTable {
    let chance = Chance::of(&view.baskets, baskets_of, max_basket_items);
    let kinds = Kinds::of(view, &chance);
    let visits = Visits::of(steps, view.n_items());
    let mut judge = Judge { view, chance: &chance, kinds: &kinds, visits: &visits, weight: 0.0 };
    let candidates = candidates(view, &judge);
    judge.weight = chosen_weight(&judge, &candidates);
    let replacing: Vec<Row> = (0..view.n_items() as u32)
        .into_par_iter()
        .map(|item| {
            let others = candidates.view().row(item as usize).iter();
            others.filter_map(|&other| Some((other, judge.replacing(item, other)?))).collect()
        })
        .collect();
    let mut table = assemble(replacing, complements(&chance, pairs));
    table.note = format!("{}; alike pairs weigh {}", table.note, judge.weight);
    table
}

/// Pairs that are bought together far more often than by chance.
fn complements(chance: &Chance<'_>, pairs: &PairTables) -> Vec<Row> {
    let certainty = |item: u32, other: u32, n_both: u32| {
        let expected = chance.expected(item, other);
        let belief = RatioBelief::ignorant().after(f64::from(n_both), expected);
        1.0 - belief.chance_below(MIN_COMPLEMENT_RATIO)
    };
    (0..pairs.pairs.offsets.len() - 1)
        .into_par_iter()
        .map(|item| {
            let range = pairs.pairs.view().range(item);
            let kept = pairs.pairs.indices[range.clone()].iter().zip(&pairs.stats[range]);
            let significant = kept.filter(|(_, stats)| stats.is_significant != 0);
            significant
                .map(|(&other, stats)| (other, certainty(item as u32, other, stats.n_both)))
                .filter(|&(_, certainty)| certainty >= COMPLEMENT_CERTAINTY)
                .map(|(other, certainty)| {
                    (other, RelationStats::new(Relation::Complement, certainty as f32))
                })
                .collect()
        })
        .collect()
}

/// Pairs to be looked at, both ways: rows rise.
fn candidates(view: &HistoryView, judge: &Judge<'_>) -> Csr {
    let n_items = view.n_items();
    let n_sold: Vec<u32> = (0..n_items as u32).map(|item| judge.chance.n_of(item)).collect();
    let found: Vec<Vec<u32>> = (0..n_items as u32)
        .into_par_iter()
        .map_init(
            || (Accumulator::new(n_items), TopK::new(MAX_ALIKE)),
            |(sums, top), item| {
                let mut found = Vec::new();
                if view.items[item as usize].kind != ItemKind::Fee {
                    judge.kinds.alike(item, MIN_LIKENESS, sums, top, &mut found);
                    judge.visits.beside(item, MAX_SEEN, &mut found);
                    if judge.kinds.leaf_is_of_one_need(item, COMPLEMENT_CERTAINTY) {
                        judge.kinds.mates(item, &n_sold, &mut found);
                    }
                }
                found.retain(|&other| judge.may_replace(item, other));
                found
            },
        )
        .collect();
    let mut both: Vec<Vec<u32>> = found.clone();
    for (item, others) in (0_u32..).zip(&found) {
        others.iter().for_each(|&other| both[other as usize].push(item));
    }
    both.par_iter_mut().for_each(|row| {
        row.sort_unstable();
        row.dedup();
    });
    both.iter().collect()
}

/// The weight under which the counts of the alike pairs are most probable.
fn chosen_weight(judge: &Judge<'_>, candidates: &Csr) -> f64 {
    let rows = candidates.view();
    let all = (0_u32..).zip(rows.rows());
    let pairs = all.flat_map(|(a, row)| row.iter().map(move |&b| (a, b)).filter(|(a, b)| a < b));
    let step = (candidates.indices.len() / 2 / MAX_CHOOSING).max(1);
    let sample: Vec<(u32, u32)> = pairs.step_by(step).collect();
    let counted: Vec<judge::Counted> =
        sample.par_iter().map(|&(a, b)| judge.counted(a, b)).collect();
    if counted.iter().map(|pair| pair.expected).sum::<f64>() < 1.0 {
        return DEFAULT_WEIGHT;
    }
    let likelihood = |weight: f64| counted.iter().map(|pair| pair.ln_chance(weight)).sum::<f64>();
    let best = WEIGHTS.into_iter().map(|weight| (likelihood(weight), weight));
    best.max_by(|a, b| a.0.total_cmp(&b.0)).map_or(DEFAULT_WEIGHT, |(_, weight)| weight)
}

fn assemble(replacing: Vec<Row>, adding: Vec<Row>) -> RelationTable {
    let mut table = RelationTable::default();
    let mut n_of = [0_u64; Relation::ALL.len()];
    for (mut row, mut more) in replacing.into_iter().zip(adding) {
        let surest_first = |a: &(u32, RelationStats), b: &(u32, RelationStats)| {
            b.1.confidence.total_cmp(&a.1.confidence).then(a.0.cmp(&b.0))
        };
        row.sort_unstable_by(surest_first);
        row.truncate(MAX_REPLACING);
        more.sort_unstable_by(surest_first);
        row.append(&mut more);
        for (item, stats) in row {
            table.items.indices.push(item);
            table.stats.push(stats);
            if let Some(relation) = stats.relation() {
                n_of[relation as usize] += 1;
            }
        }
        table.items.offsets.push(table.items.indices.len() as u64);
    }
    table.note = format!(
        "{} complements, {} substitutes, {} upgrades, both directions",
        n_of[Relation::Complement as usize],
        n_of[Relation::Substitute as usize],
        n_of[Relation::Upgrade as usize]
    );
    table
}

#[cfg(test)]
mod tests;
