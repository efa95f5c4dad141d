//! Is the ranker better than what it would replace? Asked on cases that nothing was learned from,
//! for guests and for known customers by themselves.

use super::cases::{N_RIVALS, Prepared, RIVALS};
use measure::ranking::ndcg_at;
use rayon::prelude::*;
use score::ranker::{Audience, Heads, RankScratch, is_bought};

/// NDCG@10 case by case of one audience, of the ranker and then of each of [`RIVALS`].
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Cases whose hidden item is new to the customer, what was bought masked.
    discover: [Vec<f64>; 1 + N_RIVALS],
    /// The same cases, nothing masked.
    new: [Vec<f64>; 1 + N_RIVALS],
    /// All cases, nothing masked.
    all: [Vec<f64>; 1 + N_RIVALS],
    n_recalled: usize,
}

impl Verdict {
    pub(super) fn of(heads: &Heads, cases: &[Prepared], audience: Audience) -> Verdict {
        let cases: Vec<&Prepared> = cases.iter().filter(|case| case.audience == audience).collect();
        let ranks: Vec<[usize; 2]> = cases
            .par_iter()
            .map_init(RankScratch::default, |scratch, case| ranks_of(heads, case, scratch))
            .collect();
        let mut verdict = Verdict::default();
        for (case, [all, masked]) in cases.iter().zip(ranks) {
            push(&mut verdict.all, all, &case.ranks);
            verdict.n_recalled += usize::from(case.target.is_some());
            if !case.is_reorder {
                push(&mut verdict.new, all, &case.ranks);
                push(&mut verdict.discover, masked, &case.ranks_of_new);
            }
        }
        verdict
    }

    /// Nowhere worse, and somewhere better by more than chance. Not worse: on discoveries not below
    /// any rival; what is new left among re-orders not below any rival by more than the standard
    /// error of the difference, or else clearly above the blend, which would rank instead. Better:
    /// on discoveries above every rival by more than that error, and over all not below the blend
    /// by more than that; or over all above the blend by more.
    pub(super) fn wins(&self) -> bool {
        let by = |values: &[Vec<f64>; 1 + N_RIVALS], rival: usize| {
            difference(&values[0], &values[1 + rival])
        };
        let rivals = 0..N_RIVALS;
        let (new_over_blend, blend_error) = by(&self.new, 0);
        let is_not_worse = rivals.clone().all(|rival| {
            let (new, error) = by(&self.new, rival);
            let is_new_kept = new >= -error || new_over_blend > blend_error;
            by(&self.discover, rival).0 >= 0.0 && is_new_kept
        });
        let is_better = rivals.clone().all(|rival| {
            let (mean, error) = by(&self.discover, rival);
            mean > error
        });
        let (all, error) = by(&self.all, 0);
        is_not_worse && (is_better && all >= -error || all > error)
    }
}

/// Rank of the hidden item among everything, and among what is new to the customer.
fn ranks_of(heads: &Heads, case: &Prepared, scratch: &mut RankScratch) -> [usize; 2] {
    let Some(target) = case.target else { return [usize::MAX; 2] };
    scratch.rows.clone_from(&case.rows);
    heads.score(scratch);
    let scores = scratch.scores();
    [false, true].map(|masked| {
        let others = scores.iter().zip(&case.rows);
        let counted = others.filter(|(_, row)| !masked || !is_bought(row));
        1 + counted.filter(|(score, _)| **score > scores[target]).count()
    })
}

fn push(values: &mut [Vec<f64>; 1 + N_RIVALS], ours: usize, rivals: &[usize; N_RIVALS]) {
    values[0].push(ndcg_at(ours, 10));
    for (values, &rank) in values[1..].iter_mut().zip(rivals) {
        values.push(ndcg_at(rank, 10));
    }
}

pub(super) fn mean(values: &[f64]) -> f64 {
    // Of nothing it is 0; an empty `sum` would be -0.
    values.iter().fold(0.0, |sum, value| sum + value) / values.len().max(1) as f64
}

/// Mean of the paired differences and its standard error.
pub(super) fn difference(ours: &[f64], theirs: &[f64]) -> (f64, f64) {
    let differences: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a - b).collect();
    let mean = mean(&differences);
    let squares = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>();
    let n = differences.len() as f64;
    (mean, (squares / (n * (n - 1.0).max(1.0))).sqrt())
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let n = self.all[0].len();
        let recall = self.n_recalled as f64 / n.max(1) as f64;
        write!(f, "NDCG@10 on {n} cases ({recall:.2} among the candidates)")?;
        for (name, values) in [("all", &self.all), ("new", &self.new), ("discover", &self.discover)]
        {
            write!(f, ", {name} {:.4} (", mean(&values[0]))?;
            for (at, (rival, values)) in RIVALS.iter().zip(&values[1..]).enumerate() {
                write!(f, "{}{rival} {:.4}", if at > 0 { ", " } else { "" }, mean(values))?;
            }
            write!(f, ")")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same values in all three, the same for all rivals.
    fn verdict(ours: &[f64], rival: &[f64]) -> Verdict {
        let values = || {
            let mut values: [Vec<f64>; 1 + N_RIVALS] = Default::default();
            values[0] = ours.to_vec();
            values[1..].iter_mut().for_each(|values| *values = rival.to_vec());
            values
        };
        Verdict { discover: values(), new: values(), all: values(), n_recalled: 0 }
    }

    #[test]
    fn a_win_is_more_than_chance_and_no_loss_elsewhere() {
        let rival = [0.5, 0.4, 0.6, 0.5];
        let better = [0.6, 0.5, 0.65, 0.6];
        assert!(verdict(&better, &rival).wins());
        assert!(!verdict(&rival, &rival).wins(), "the same");
        assert!(!Verdict::default().wins(), "no cases");
        let lucky = [1.0, 0.0, 0.6, 0.5];
        assert!(!verdict(&lucky, &rival).wins(), "one case");
        let changed = |change: &dyn Fn(&mut Verdict)| {
            let mut verdict = verdict(&better, &rival);
            change(&mut verdict);
            verdict.wins()
        };
        assert!(!changed(&|v| v.discover[3] = vec![0.9; 4]), "one rival discovers better");
        assert!(!changed(&|v| v.all[1] = vec![0.9; 4]), "the blend is better over all");
        assert!(changed(&|v| v.all[1] = vec![0.9, 0.3, 0.65, 0.6]), "over all worse by chance");
        let crowded = |v: &mut Verdict, blend: [f64; 4]| {
            (v.new[1], v.new[2]) = (blend.to_vec(), vec![0.9; 4]);
        };
        assert!(
            !changed(&|v| crowded(v, [0.6, 0.5, 0.65, 0.6])),
            "re-orders crowd out what is new"
        );
        assert!(!changed(&|v| v.new[1] = vec![0.9; 4]), "more than the blend lets them");
        assert!(changed(&|v| crowded(v, [0.5, 0.4, 0.6, 0.5])), "less than the blend lets them");
        assert!(changed(&|v| v.discover[0] = rival.to_vec()), "better over all, no worse else");
        assert!(changed(&|v| v.all[0] = rival.to_vec()), "discovers better, no worse else");
    }

    #[test]
    fn differences_are_paired() {
        let (mean, error) = difference(&[1.0, 2.0, 3.0], &[0.0, 0.0, 0.0]);
        assert_eq!(mean, 2.0);
        assert!((error - (1.0_f64 / 3.0).sqrt()).abs() < 1e-12);
    }
}
