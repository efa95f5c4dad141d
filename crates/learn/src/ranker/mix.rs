//! Mixing the two heads: temperatures by likelihood, then the gate's shift by what ranks best.
//!
//! A temperature makes a head's scores into shares among its own candidates: the one at which its
//! own cases are likeliest. The shift is added to the gate's log-odds and, with the re-orders'
//! temperature, chosen for mean NDCG@10 over all cases of known customers, among those mixes under
//! which what is new to them ranks no lower than the best single source or the blend has it, give
//! or take the standard error of the difference: re-orders must not crowd it out.

use super::cases::{N_RIVALS, Prepared};
use super::verdict::{difference, mean};
use measure::ranking::ndcg_at;
use rayon::prelude::*;
use score::ranker::{Audience, Heads, RankScratch, is_bought, softmax};

const TEMPERATURES: [f32; 9] = [0.3, 0.4, 0.55, 0.7, 0.85, 1.0, 1.25, 1.6, 2.2];
/// From no change outwards, so that of equals the smallest change stays.
const SHIFTS: [f32; 13] =
    [0.0, -0.25, 0.25, -0.5, 0.5, -0.75, 0.75, -1.0, 1.0, -1.5, 1.5, -2.0, 2.0];
const FACTORS: [f32; 5] = [1.0, 1.4, 0.7, 2.0, 0.5];

/// Sets temperatures and shift of the heads by these cases, which they did not learn from.
pub(super) fn tune(heads: &mut Heads, cases: &[Prepared]) {
    heads.shift = 0.0;
    let scored: Vec<Scored> = cases.par_iter().map(|case| Scored::of(heads, case)).collect();
    heads.temperatures = [0, 1].map(|head| temperature_of(head, &scored));
    let known: Vec<(&Scored, &Prepared)> =
        scored.iter().zip(cases).filter(|(_, case)| case.audience == Audience::Known).collect();
    let rival = best_rival_of_new(&known);
    let [discover, replenish] = heads.temperatures;
    let mut best = (f64::NEG_INFINITY, 0.0, replenish);
    for factor in FACTORS {
        for shift in SHIFTS {
            let mix = [discover, replenish * factor, shift];
            let values: Vec<f64> =
                known.par_iter().map(|(scored, _)| ndcg_at(scored.rank(mix), 10)).collect();
            let of_new = values.iter().zip(&known).filter(|(_, (_, case))| !case.is_reorder);
            let of_new: Vec<f64> = of_new.map(|(value, _)| *value).collect();
            // Where no mix does that, the one that comes nearest.
            let (more, error) = difference(&of_new, &rival);
            let lacking = (-more - error).max(0.0);
            let value = mean(&values) - 100.0 * lacking;
            if value > best.0 + 1e-9 {
                best = (value, shift, replenish * factor);
            }
        }
    }
    (heads.shift, heads.temperatures[1]) = (best.1, best.2);
}

/// NDCG@10 of what is new to known customers, case by case, nothing masked, by the best of the
/// rivals.
fn best_rival_of_new(known: &[(&Scored, &Prepared)]) -> Vec<f64> {
    let of_rival = |rival: usize| {
        let new = known.iter().filter(|(_, case)| !case.is_reorder);
        new.map(|(_, case)| ndcg_at(case.ranks[rival], 10)).collect::<Vec<f64>>()
    };
    let values = (0..N_RIVALS).map(of_rival);
    values.max_by(|a, b| mean(a).total_cmp(&mean(b))).unwrap_or_default()
}

/// The scores of each head on a case.
struct Scored {
    /// Of discoveries and of re-orders.
    heads: [Vec<f32>; 2],
    /// Head and position of the hidden item.
    target: Option<(usize, usize)>,
    gate: f32,
}

impl Scored {
    fn of(heads: &Heads, case: &Prepared) -> Scored {
        let mut scratch = RankScratch::default();
        scratch.rows.clone_from(&case.rows);
        let scores = [false, true].map(|bought| heads.score_head(bought, &mut scratch).to_vec());
        let target = case.target.map(|target| {
            let bought = is_bought(&case.rows[target]);
            let before = case.rows[..target].iter().filter(|row| is_bought(row) == bought);
            (usize::from(bought), before.count())
        });
        Scored { heads: scores, target, gate: heads.gate.score(&case.gate) }
    }

    /// Rank of the hidden item with temperatures and shift: the shares of `Heads::score`.
    fn rank(&self, [discover, replenish, shift]: [f32; 3]) -> usize {
        let Some((head, at)) = self.target else { return usize::MAX };
        let reorder = 1.0 / (1.0 + (-(self.gate + shift)).exp());
        let mut shares = self.heads.clone();
        let mixes = [(discover, 1.0 - reorder), (replenish, reorder)];
        for (scores, (temperature, share)) in shares.iter_mut().zip(mixes) {
            softmax(scores, temperature);
            scores.iter_mut().for_each(|score| *score *= share);
        }
        let wanted = shares[head][at];
        1 + shares.iter().flatten().filter(|&&share| share > wanted).count()
    }
}

fn temperature_of(head: usize, cases: &[Scored]) -> f32 {
    let likelihood = |temperature: f32| -> f64 {
        let ln_share = |case: &Scored| {
            let target = case.target.filter(|target| target.0 == head);
            target.map_or(0.0, |(_, at)| {
                let mut scores = case.heads[head].clone();
                softmax(&mut scores, temperature);
                f64::from(scores[at].max(1e-9)).ln()
            })
        };
        // Collected, so that the sum is the same for any number of threads.
        cases.par_iter().map(ln_share).collect::<Vec<f64>>().iter().sum()
    };
    let values = TEMPERATURES.map(|temperature| (likelihood(temperature), temperature));
    let best = values.into_iter().reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map_or(1.0, |(_, temperature)| temperature)
}
