//! The heads of one size of cart, and how their scores become shares.
//!
//! ```text
//! s_j  = −a · ln(2 + place_j) + Σ trees      place_j: in the blend's order among its own kind
//! p(j) = P(re-order | query) · softmax_j(r_j / T_r)          j bought before, else
//!        (1 − P(re-order | query)) · softmax_j(d_j / T_d)
//! ```
//!
//! Trees start from the blend's order: with few of them little changes, and what they cannot tell
//! apart stays as the blend has it.

use super::RankScratch;
use super::features::{Feature, N_FEATURES, Row};
use super::recall::N_ORDERED;
use crate::trees::Trees;

pub const N_GATE_FEATURES: usize = 8;
/// What the gate sees of a query.
pub type GateRow = [f32; N_GATE_FEATURES];
/// Numbers of one size of cart in the section: T_d, T_r, shift, a_d, a_r, whom it serves.
pub const N_MIX: usize = 6;

/// Who is asking: of a guest nothing is known that was bought before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Guest = 0,
    Known = 1,
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
    /// a_d and a_r: how much the blend's order counts before the trees speak.
    pub priors: [f32; 2],
    /// By [`Audience`]: for whom it ranked better than what it replaces.
    pub serves: [bool; 2],
}

/// Was the candidate bought before?
#[inline]
pub fn is_bought(row: &Row) -> bool {
    row[Feature::Weight as usize] > 0.0
}

/// −ln(2 + place in the blend's order); what is not among the blend's best stands behind it.
#[inline]
pub fn prior_of(row: &Row) -> f32 {
    let place = row[Feature::BlendRank as usize];
    let place = if place.is_nan() { N_ORDERED as f32 } else { place };
    -(2.0 + place).ln()
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
    /// As it stands in the section.
    pub fn mix(&self) -> [f32; N_MIX] {
        let [discover, replenish] = self.temperatures;
        let serves = u8::from(self.serves[0]) + 2 * u8::from(self.serves[1]);
        [discover, replenish, self.shift, self.priors[0], self.priors[1], f32::from(serves)]
    }

    /// Sets what [`Heads::mix`] tells. False, and nothing is set, where it cannot be.
    pub(super) fn set_mix(&mut self, mix: &[f32]) -> bool {
        let &[discover, replenish, shift, prior_new, prior_bought, serves] = mix else {
            return false;
        };
        let is_sound =
            mix.iter().all(|value| value.is_finite()) && discover > 0.0 && replenish > 0.0;
        if is_sound {
            self.temperatures = [discover, replenish];
            self.shift = shift;
            self.priors = [prior_new, prior_bought];
            self.serves = [serves as u8 & 1 != 0, serves as u8 & 2 != 0];
        }
        is_sound
    }

    /// Scores of a head for those rows that are its own, in order of slots.
    pub fn score_head<'s>(&self, bought: bool, scratch: &'s mut RankScratch) -> &'s mut [f32] {
        let RankScratch { rows, blocks, head_scores, slots, .. } = scratch;
        slots.clear();
        let trees = if bought { &self.replenish } else { &self.discover };
        // Trees know the first of the features, all or those that any shop has.
        let n_features = if trees.is_empty() { N_FEATURES } else { trees.n_features() };
        blocks.clear(n_features);
        for (slot, row) in rows.iter().enumerate() {
            if is_bought(row) == bought {
                slots.push(slot as u32);
                blocks.push(&row[..n_features]);
            }
        }
        trees.score_rows(blocks, head_scores);
        let prior = self.priors[usize::from(bought)];
        for (score, &slot) in head_scores.iter_mut().zip(&*slots) {
            *score += prior * prior_of(&rows[slot as usize]);
        }
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
