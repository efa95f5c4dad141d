//! Is the ranker better than what it would replace? Asked on cases that nothing was learned from.

use super::cases::{N_RIVALS, Prepared, RIVALS};
use measure::ranking::ndcg_at;
use score::ranker::{Heads, RankScratch, is_bought};

/// NDCG@10 case by case, of the ranker and its rivals.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Cases whose hidden item is new to the customer, what was bought masked: the ranker, then
    /// [`RIVALS`].
    discover: [Vec<f64>; 1 + N_RIVALS],
    /// All cases, nothing masked: the ranker and the blend.
    all: [Vec<f64>; 2],
}

impl Verdict {
    pub(super) fn of(heads: &Heads, cases: &[Prepared]) -> Verdict {
        let mut verdict = Verdict::default();
        let mut scratch = RankScratch::default();
        for case in cases {
            scratch.rows.clone_from(&case.rows);
            heads.score(&mut scratch);
            let rank = |masked: bool| {
                let Some(target) = case.target else { return usize::MAX };
                let scores = scratch.scores();
                let others = scores.iter().zip(&case.rows);
                let counted = others.filter(|(_, row)| !masked || !is_bought(row));
                1 + counted.filter(|(score, _)| **score > scores[target]).count()
            };
            verdict.all[0].push(ndcg_at(rank(false), 10));
            verdict.all[1].push(ndcg_at(case.blend_rank, 10));
            if !case.is_reorder {
                verdict.discover[0].push(ndcg_at(rank(true), 10));
                for (values, &rank) in verdict.discover[1..].iter_mut().zip(&case.ranks) {
                    values.push(ndcg_at(rank, 10));
                }
            }
        }
        verdict
    }

    /// Better than every rival where the item is new, by more than the standard error of the
    /// difference; and not worse than the blend over all.
    pub(super) fn wins(&self) -> bool {
        let beats = |rival: &Vec<f64>| {
            let (mean, error) = difference(&self.discover[0], rival);
            mean > error
        };
        self.discover[1..].iter().all(beats) && mean(&self.all[0]) >= mean(&self.all[1])
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Mean of the paired differences and its standard error.
fn difference(ours: &[f64], theirs: &[f64]) -> (f64, f64) {
    let differences: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a - b).collect();
    let mean = mean(&differences);
    let squares = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>();
    let n = differences.len() as f64;
    (mean, (squares / (n * (n - 1.0).max(1.0))).sqrt())
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let n = self.discover[0].len();
        write!(f, "NDCG@10 on {n} discoveries {:.4}", mean(&self.discover[0]))?;
        for (name, values) in RIVALS.iter().zip(&self.discover[1..]) {
            write!(f, ", {name} {:.4}", mean(values))?;
        }
        let [ours, blend] = &self.all;
        write!(f, "; on all {} {:.4}, blend {:.4}", ours.len(), mean(ours), mean(blend))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(ours: &[f64], rival: &[f64], all: [f64; 2]) -> Verdict {
        let mut verdict = Verdict { all: all.map(|value| vec![value]), ..Verdict::default() };
        verdict.discover[0] = ours.to_vec();
        verdict.discover[1..].iter_mut().for_each(|values| *values = rival.to_vec());
        verdict
    }

    #[test]
    fn a_win_is_more_than_chance_and_no_loss_elsewhere() {
        let rival = [0.5, 0.4, 0.6, 0.5];
        let better = [0.6, 0.5, 0.65, 0.6];
        assert!(verdict(&better, &rival, [0.5, 0.5]).wins());
        assert!(!verdict(&better, &rival, [0.4, 0.5]).wins(), "worse over all");
        assert!(!verdict(&rival, &rival, [0.5, 0.5]).wins(), "the same");
        let lucky = [1.0, 0.0, 0.6, 0.5];
        assert!(!verdict(&lucky, &rival, [0.5, 0.5]).wins(), "one case");
        let mut one_rival = verdict(&better, &rival, [0.5, 0.5]);
        one_rival.discover[3] = vec![0.9; 4];
        assert!(!one_rival.wins(), "one rival is better");
        let (mean, error) = difference(&[1.0, 2.0, 3.0], &[0.0, 0.0, 0.0]);
        assert_eq!(mean, 2.0);
        assert!((error - (1.0_f64 / 3.0).sqrt()).abs() < 1e-12);
    }
}
