//! The last places of a slate, drawn: what is always shown at the top is known, what is never shown
//! cannot be. Inverse gap weighting, with the chance of each draw told.
//!
//! ```text
//! K arms, b the arm that is thought best, gap(a) = max(0, 1 − f(a)/f(b))
//! p(a) = s / (K + γ · gap(a))      for a ≠ b
//! p(b) = 1 − Σ over a ≠ b of p(a)
//! s    = the share asked for, lowered until  Σ p(a) · gap(a) ≤ MAX_LOSS
//! ```
//!
//! Foster and Rakhlin, "Beyond UCB: optimal and efficient contextual bandits with regression
//! oracles", ICML 2020 (SquareCB; after Abe and Long 1999). f: the score of the offer. Ours: gaps
//! are shares of the best, for scores of different rungs have different scales; the share s, which
//! is 1 in the paper; and the floor. Arms are candidates that passed every gate, policy and demand
//! for evidence, of the rung that filled the slate, so nothing is explored that could not have
//! been offered. Several places are drawn one after the other, without what was drawn.
//!
//! A draw depends on the arms and the seed alone. Arms are part of a [`crate::Decision`], which
//! [`crate::Memo`] keeps; the draw is made after that, for each answer anew.

use crate::decision::{Decision, Offer};

/// Candidates that one place is drawn from, the one that would stand there among them.
pub const N_ARMS: usize = 8;
/// γ. Chosen so that an arm half as good is drawn about half as often as one as good.
pub const GAMMA: f64 = 8.0;
/// What the arms may cost in expectation, as a share of the score of the best: the floor.
pub const MAX_LOSS: f64 = 0.02;

/// Places that are drawn, and from what.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Of the offers of the decision, in rising order, where the first arms stand.
    pub places: Vec<usize>,
    pub(crate) n_places: usize,
    /// Those that stand there unless others are drawn, then those that may.
    pub arms: Vec<Offer>,
    /// Of answers in which another than the best is drawn, at most.
    pub share: f32,
}

/// What was drawn for one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawn {
    pub place: usize,
    /// 0 is the arm that would have stood at the first of the places.
    pub arm: usize,
    /// Arms there were to draw from.
    pub n_arms: usize,
    /// With which this one was drawn.
    pub chance: f64,
    /// With which the one thought best would have been.
    pub chance_of_best: f64,
}

impl Choice {
    /// Draws every place. The same seed gives the same draws.
    pub fn draw(&self, seed: u64) -> Vec<Drawn> {
        let mut left: Vec<usize> = (0..self.arms.len()).collect();
        let mut drawn = Vec::with_capacity(self.places.len());
        for (&place, turn) in self.places.iter().zip(1_u64..) {
            let values: Vec<f64> =
                left.iter().map(|&arm| f64::from(self.arms[arm].score)).collect();
            let chances = chances(&values, f64::from(self.share));
            let at = pick(&chances, uniform(seed, turn));
            drawn.push(Drawn {
                place,
                arm: left[at],
                n_arms: left.len(),
                chance: chances[at],
                chance_of_best: chances[0],
            });
            left.remove(at);
        }
        drawn
    }
}

impl Decision {
    /// The decision with what was drawn in its places; `None`: nothing else than stands there.
    #[must_use]
    pub fn with_drawn(&self, drawn: &[Drawn]) -> Option<Decision> {
        let choice = self.choice.as_ref()?;
        if drawn.iter().zip(0..).all(|(drawn, turn)| drawn.arm == turn) {
            return None;
        }
        let mut changed = self.clone();
        for drawn in drawn {
            changed.offers[drawn.place] = choice.arms[drawn.arm];
        }
        Some(changed)
    }
}

/// The chance of each arm; the first is the one that stands there, and counts as the best.
fn chances(values: &[f64], share: f64) -> Vec<f64> {
    let n = values.len() as f64;
    let best = values[0];
    let gap = |value: &f64| if best > 0.0 { (1.0 - value / best).max(0.0) } else { 0.0 };
    let mut chances: Vec<f64> = values.iter().map(|value| 1.0 / (n + GAMMA * gap(value))).collect();
    chances[0] = 0.0;
    let loss: f64 = chances.iter().zip(values).map(|(chance, value)| chance * gap(value)).sum();
    let share = if loss * share > MAX_LOSS { MAX_LOSS / loss } else { share };
    chances.iter_mut().for_each(|chance| *chance *= share);
    chances[0] = 1.0 - chances.iter().sum::<f64>();
    chances
}

/// Where a point of [0, 1) falls.
fn pick(chances: &[f64], mut point: f64) -> usize {
    for (at, chance) in chances.iter().enumerate().skip(1) {
        if point < *chance {
            return at;
        }
        point -= chance;
    }
    0
}

/// The `turn`-th number of a seed, in [0, 1): SplitMix64 (Steele, Lea, Flood 2014).
fn uniform(seed: u64, turn: u64) -> f64 {
    let mut z = seed.wrapping_add(turn.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests;
