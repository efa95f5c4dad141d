//! Runs of one world, counted.

use super::Finding;
use measure::lift::{Effect, NoAnswer};

/// One number that was measured in every run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Coverage {
    /// Runs whose interval for every look covers the truth; a refusal covers nothing.
    pub n_covered: usize,
    /// The same of the interval for one look at the end.
    pub n_covered_once: usize,
    pub n_refused: usize,
    /// Means over the runs.
    pub truth: f64,
    pub estimate: f64,
    pub standard_error: f64,
    /// Root of the mean square of estimate less truth: what the standard error is to be.
    pub rms_error: f64,
}

/// All runs of a world.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    pub n_runs: usize,
    /// Customers with offers and held out, means.
    pub n_offers: f64,
    pub n_holdout: f64,
    /// Runs that compared capped revenue, because one customer outweighed an arm.
    pub n_capped: usize,
    pub lift: Coverage,
    pub displaced: Coverage,
    pub margin: Coverage,
    /// Lift against the truth of all that was bought, also where the reading capped.
    pub n_lift_uncapped: usize,
    /// What a usual report would call the effect, mean.
    pub attributed: f64,
}

impl Summary {
    pub fn of(findings: &[Finding]) -> Summary {
        let n = findings.len().max(1) as f64;
        let mean = |of: &dyn Fn(&Finding) -> f64| findings.iter().map(of).sum::<f64>() / n;
        let is_covered = |f: &&Finding| {
            f.lift.as_ref().is_ok_and(|e| (e.low..=e.high).contains(&f.truth_uncapped.lift))
        };
        Summary {
            n_runs: findings.len(),
            n_offers: mean(&|f| f.n_offers as f64),
            n_holdout: mean(&|f| f.n_holdout as f64),
            n_capped: findings.iter().filter(|f| f.is_capped).count(),
            lift: Coverage::of(findings.iter().map(|f| (&f.lift, f.truth.lift))),
            displaced: Coverage::of(findings.iter().map(|f| (&f.displaced, f.truth.displaced))),
            margin: Coverage::of(findings.iter().map(|f| (&f.margin, f.truth.margin))),
            n_lift_uncapped: findings.iter().filter(is_covered).count(),
            attributed: mean(&|f| f.attributed),
        }
    }
}

impl Coverage {
    fn of<'a>(
        found: impl Iterator<Item = (&'a Result<Effect, NoAnswer>, f64)> + Clone,
    ) -> Coverage {
        let answers =
            found.clone().filter_map(|(effect, truth)| Some((effect.as_ref().ok()?, truth)));
        let n = answers.clone().count();
        let mean = |of: &dyn Fn(&Effect, f64) -> f64| {
            answers.clone().map(|(effect, truth)| of(effect, truth)).sum::<f64>() / n.max(1) as f64
        };
        let count = |covers: &dyn Fn(&Effect, f64) -> bool| {
            answers.clone().filter(|&(effect, truth)| covers(effect, truth)).count()
        };
        Coverage {
            n_covered: count(&|e, truth| (e.low..=e.high).contains(&truth)),
            n_covered_once: count(&|e, truth| (e.low_fixed..=e.high_fixed).contains(&truth)),
            n_refused: found.count() - n,
            truth: mean(&|_, truth| truth),
            estimate: mean(&|e, _| e.value),
            standard_error: mean(&|e, _| e.standard_error),
            rms_error: mean(&|e, truth| (e.value - truth).powi(2)).sqrt(),
        }
    }
}
