//! The learned ranking: gathered candidates → a probability that each is what is bought next.
//!
//! Two heads of boosted trees a size of cart: `discover` orders what is new to the customer,
//! `replenish` what they bought before. A gate says how likely the next item is a re-order, and
//!
//! ```text
//! p(j) = P(re-order | query) · softmax_j(r_j / T_r)          j bought before, else
//!        (1 − P(re-order | query)) · softmax_j(d_j / T_d)
//! ```
//!
//! so that what would be bought anyway cannot crowd out what would not. Where nothing bought is
//! among the candidates, or everything is, the gate says nothing.
//!
//! **Invariant:** `learn::ranker` makes its training rows by [`Recalled::collect`] and
//! [`features::fill`], the code that ranks live. Where no head was published for a size of cart
//! (too little data, or not better than the blend on the inner split), the blend's order stands.

pub mod features;
pub mod recall;
pub mod tables;

use crate::blend::{CartSize, EASE, Features, HISTORY, N_SIZES, NEIGHBOR, PAIR, TREND};
use crate::error::Error;
use crate::sources::{Candidate, Query};
use crate::trees::{RowBlocks, Trees};
use features::{FEATURES, Feature, FeatureScratch, N_FEATURES, Row};
use recall::Recalled;
use snapshot::{Container, Snapshot};
use tables::RankTables;

/// Sizes as sections name them, in the order of [`CartSize`].
pub const SIZES: [&str; N_SIZES] = ["single", "few", "many"];
/// Section of the temperatures, and of the mark of the features.
pub const MIX: &str = "rank.mix";
pub const SCHEMA: &str = "rank.schema";

pub const N_GATE_FEATURES: usize = 8;
/// What the gate sees of a query.
pub type GateRow = [f32; N_GATE_FEATURES];

/// Section of a head's trees.
pub fn section_of(size: usize, head: &str) -> String {
    format!("rank.trees.{}.{head}", SIZES[size])
}

/// A mark of the features and their order: trees of another order mean nothing.
pub fn schema() -> u64 {
    FEATURES
        .iter()
        .flat_map(|name| name.bytes().chain([0]))
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

/// The heads of one size of cart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heads {
    pub discover: Trees,
    pub replenish: Trees,
    pub gate: Trees,
    /// T_d and T_r, above 0.
    pub temperatures: [f32; 2],
    /// Added to the gate's log-odds: what ranks best, or a placement that wants more of one.
    pub shift: f32,
}

/// Tables and heads of a snapshot, opened once.
#[derive(Debug)]
pub struct Ranker {
    pub tables: RankTables,
    heads: [Option<Heads>; N_SIZES],
}

/// Reusable memory of one thread.
#[derive(Clone, Debug, Default)]
pub struct RankScratch {
    pub recalled: Recalled,
    pub features: FeatureScratch,
    pub rows: Vec<Row>,
    blocks: RowBlocks,
    head_scores: Vec<f32>,
    scores: Vec<f32>,
    slots: Vec<u32>,
    ranked: Vec<Candidate>,
}

impl RankScratch {
    /// Probabilities of the last rows, in order of slots.
    pub fn scores(&self) -> &[f32] {
        &self.scores
    }
}

impl Ranker {
    /// `None` for a snapshot without the ranker's tables.
    pub fn open(snapshot: &Snapshot) -> Result<Option<Ranker>, Error> {
        let Some(tables) = RankTables::open(snapshot)? else { return Ok(None) };
        let c = snapshot.container();
        let mut ranker = Ranker { tables, heads: [None, None, None] };
        let mix = c.section::<f32>(MIX)?;
        let found_schema = c.section::<u64>(SCHEMA)?;
        let mix = c.view(&mix);
        if mix.is_empty() {
            return Ok(Some(ranker));
        }
        let bad = |what: &str| Err(Error::BadRanker { what: what.to_owned() });
        if c.view(&found_schema) != [schema()] {
            return bad("its trees were grown for other features");
        }
        if mix.len() != 3 * N_SIZES || !mix.iter().all(|value| value.is_finite()) {
            return bad("its temperatures and shifts are not nine numbers");
        }
        for (size, mix) in mix.chunks_exact(3).enumerate() {
            // Temperature 0: nothing published for this size.
            if mix[0] > 0.0 && mix[1] > 0.0 {
                ranker.heads[size] = Some(Heads {
                    discover: trees_of(c, size, "discover", N_FEATURES)?,
                    replenish: trees_of(c, size, "replenish", N_FEATURES)?,
                    gate: trees_of(c, size, "gate", N_GATE_FEATURES)?,
                    temperatures: [mix[0], mix[1]],
                    shift: mix[2],
                });
            }
        }
        Ok(Some(ranker))
    }

    /// The heads published for carts of this many items.
    pub fn heads(&self, n_context: usize) -> Option<&Heads> {
        self.heads[CartSize::of(n_context) as usize].as_ref()
    }

    /// Orders candidates anew, with probabilities for scores: `ordered` are the blend's, best
    /// first, to which those of other sources are added. Without heads for this size none come back.
    pub fn rank<'s>(
        &self,
        snapshot: &Snapshot,
        query: &Query<'_>,
        ordered: &[Candidate],
        scratch: &'s mut RankScratch,
        is_eligible: impl FnMut(u32) -> bool,
    ) -> (&'s [Candidate], &'s Recalled) {
        scratch.recalled.collect(snapshot, &self.tables, query, ordered, is_eligible);
        let RankScratch { recalled, features, rows, .. } = scratch;
        features::fill(snapshot, &self.tables, query, recalled, features, rows);
        if let Some(heads) = self.heads(query.context.len()) {
            heads.score(scratch);
        }
        let RankScratch { recalled, rows, scores, ranked, .. } = scratch;
        ranked.clear();
        for (slot, (&item, &score)) in recalled.items().iter().zip(&*scores).enumerate() {
            let mut candidate = match recalled.place(slot) {
                Some(place) => ordered[place],
                None => added(item, snapshot.trend(item), &rows[slot]),
            };
            candidate.score = score;
            ranked.push(candidate);
        }
        ranked.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
        (ranked, recalled)
    }
}

/// A candidate that is not among the blend's best; of the sources it has what its row says.
fn added(item: u32, trend: f32, row: &Row) -> Candidate {
    let mut features = Features::default();
    for (source, feature) in [
        (EASE, Feature::Ease),
        (PAIR, Feature::Jaccard),
        (NEIGHBOR, Feature::Neighbor),
        (HISTORY, Feature::Weight),
    ] {
        features[source] = row[feature as usize];
    }
    features[TREND] = trend;
    Candidate { item, score: 0.0, features }
}

fn trees_of(c: &Container, size: usize, head: &str, n_features: usize) -> Result<Trees, Error> {
    let words = c.section::<u32>(&section_of(size, head))?;
    let trees = Trees::from_words(c.view(&words))?;
    if !trees.is_empty() && trees.n_features() != n_features {
        let what = format!("the trees of `{}` ask other features", section_of(size, head));
        return Err(Error::BadRanker { what });
    }
    Ok(trees)
}

/// Was the candidate bought before?
#[inline]
pub fn is_bought(row: &Row) -> bool {
    row[Feature::Weight as usize] > 0.0
}

/// What the gate sees: size and customer, and how much of the cart and of the best candidates was
/// bought before.
pub fn gate_row(rows: &[Row]) -> GateRow {
    let Some(first) = rows.first() else { return GateRow::default() };
    let n_bought = rows.iter().filter(|row| is_bought(row)).count() as f32;
    let n_best = rows.iter().take(10).filter(|row| is_bought(row)).count() as f32;
    let of = |feature: Feature| first[feature as usize];
    [
        of(Feature::Context),
        of(Feature::History),
        of(Feature::BoughtShare),
        of(Feature::CustomerBaskets),
        of(Feature::CustomerLastAge),
        of(Feature::CustomerGap),
        n_bought,
        n_best,
    ]
}

impl Heads {
    /// Temperatures and shift, as they stand in the section.
    pub fn mix(&self) -> [f32; 3] {
        [self.temperatures[0], self.temperatures[1], self.shift]
    }

    /// Scores of a head for those rows that are its own, in order of slots.
    pub fn score_head<'s>(&self, bought: bool, scratch: &'s mut RankScratch) -> &'s mut [f32] {
        let RankScratch { rows, blocks, head_scores, slots, .. } = scratch;
        slots.clear();
        blocks.clear(N_FEATURES);
        for (slot, row) in rows.iter().enumerate() {
            if is_bought(row) == bought {
                slots.push(slot as u32);
                blocks.push(row);
            }
        }
        let trees = if bought { &self.replenish } else { &self.discover };
        trees.score_rows(blocks, head_scores);
        head_scores
    }

    /// Probabilities of all rows into `scratch.scores`.
    pub fn score(&self, scratch: &mut RankScratch) {
        let gate = gate_row(&scratch.rows);
        let reorder = 1.0 / (1.0 + (-(self.gate.score(&gate) + self.shift)).exp());
        let n_bought = scratch.rows.iter().filter(|row| is_bought(row)).count();
        let n_new = scratch.rows.len() - n_bought;
        scratch.scores.clear();
        scratch.scores.resize(scratch.rows.len(), 0.0);
        for (bought, n, share) in [(false, n_new, 1.0 - reorder), (true, n_bought, reorder)] {
            if n == 0 {
                continue;
            }
            let share = if n == scratch.rows.len() { 1.0 } else { share };
            self.score_head(bought, scratch);
            let temperature = self.temperatures[usize::from(bought)];
            softmax(&mut scratch.head_scores, temperature);
            for (&slot, &p) in scratch.slots.iter().zip(&scratch.head_scores) {
                scratch.scores[slot as usize] = share * p;
            }
        }
    }
}

/// exp(s/T) divided by its sum, in place.
pub fn softmax(scores: &mut [f32], temperature: f32) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = ((*score - largest) / temperature).exp();
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
}

#[cfg(test)]
mod tests;
