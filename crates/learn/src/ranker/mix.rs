//! Mixing the two heads: temperatures by likelihood, then the gate's shift by what ranks best.
//!
//! A temperature makes a head's scores into shares among its own candidates: the one at which its
//! own cases are likeliest. The shift is added to the gate's log-odds and, with the re-orders'
//! temperature, chosen for mean NDCG@10 over all cases, among those mixes under which what is new
//! to the customer ranks no lower than the blend had it: re-orders must not crowd it out.

use super::cases::Prepared;
use measure::ranking::ndcg_at;
use rayon::prelude::*;
use score::ranker::{Heads, RankScratch, is_bought, softmax};

const TEMPERATURES: [f32; 9] = [0.3, 0.4, 0.55, 0.7, 0.85, 1.0, 1.25, 1.6, 2.2];
/// From no change outwards, so that of equals the smallest change stays.
const SHIFTS: [f32; 9] = [0.0, -0.5, 0.5, -1.0, 1.0, -1.5, 1.5, -2.0, 2.0];
const FACTORS: [f32; 5] = [1.0, 1.4, 0.7, 2.0, 0.5];

/// Sets temperatures and shift of the heads by these cases, which they did not learn from.
pub(super) fn tune(heads: &mut Heads, cases: &[Prepared]) {
    heads.shift = 0.0;
    let scored: Vec<Scored> = cases.par_iter().map(|case| Scored::of(heads, case)).collect();
    heads.temperatures = [0, 1].map(|head| temperature_of(head, &scored));
    let [discover, replenish] = heads.temperatures;
    let new_by_blend: f64 =
        cases.iter().filter(|case| !case.is_reorder).map(|case| ndcg_at(case.blend_rank, 10)).sum();
    let mut best = (f64::NEG_INFINITY, 0.0, replenish);
    for factor in FACTORS {
        for shift in SHIFTS {
            let mix = [discover, replenish * factor, shift];
            let values: Vec<f64> =
                scored.par_iter().map(|case| ndcg_at(case.rank(mix), 10)).collect();
            let of_new = values.iter().zip(cases).filter(|(_, case)| !case.is_reorder);
            let new: f64 = of_new.map(|(value, _)| value).sum();
            // Where no mix does that, the one that comes nearest.
            let lacking = (new_by_blend - new).max(0.0) * values.len() as f64;
            let sum = values.iter().sum::<f64>() - lacking;
            if sum > best.0 + 1e-9 {
                best = (sum, shift, replenish * factor);
            }
        }
    }
    (heads.shift, heads.temperatures[1]) = (best.1, best.2);
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
        let own = |case: &Scored| case.target.filter(|target| target.0 == head);
        let ln_share = |case: &Scored, at: usize| {
            let mut scores = case.heads[head].clone();
            softmax(&mut scores, temperature);
            f64::from(scores[at].max(1e-9)).ln()
        };
        cases.iter().filter_map(|case| own(case).map(|(_, at)| ln_share(case, at))).sum()
    };
    let values = TEMPERATURES.map(|temperature| (likelihood(temperature), temperature));
    let best = values.into_iter().reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map_or(1.0, |(_, temperature)| temperature)
}
