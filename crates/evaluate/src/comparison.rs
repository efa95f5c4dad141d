//! Against the best single method: differences query by query, with paired intervals.

use crate::report::Outcome;
use measure::bootstrap::paired_bootstrap;
use measure::ranking::{hit_at, ndcg_at};
use measure::{BootstrapSpec, Interval};
use serde_json::{Map, Value, json};

/// Seed of the resamples.
const SEED: u64 = 11;

/// Ours less theirs; 95 % by bootstrap over queries.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The method of the run with the best NDCG@10 in this case.
    pub method: String,
    pub hit: Interval,
    pub ndcg: Interval,
}

impl Comparison {
    /// Of `ours` with the best of `others` in the same case; `None` without others, or with fewer
    /// than two queries.
    pub(crate) fn of(ours: &Outcome, others: &[Outcome]) -> Option<Comparison> {
        let ndcg = |outcome: &Outcome| outcome.metrics.get("NDCG@10").unwrap_or(0.0);
        let same_case = others.iter().filter(|other| other.case == ours.case);
        let best =
            same_case.reduce(|best, next| if ndcg(next) > ndcg(best) { next } else { best })?;
        let paired = |of: fn(usize, usize) -> f64| {
            let values = |outcome: &Outcome| -> Vec<f64> {
                outcome.ranks.iter().map(|&rank| of(rank, 10)).collect()
            };
            paired_bootstrap(&values(ours), &values(best), &BootstrapSpec::with_seed(SEED))
        };
        let (hit, ndcg) = (paired(hit_at)?, paired(ndcg_at)?);
        Some(Comparison { method: best.method.clone(), hit, ndcg })
    }

    pub(crate) fn write(&self, line: &mut Map<String, Value>) {
        line.insert("against".into(), json!(self.method));
        for (name, interval) in [("HR@10", &self.hit), ("NDCG@10", &self.ndcg)] {
            line.insert(format!("{name}_diff"), json!(interval.mean));
            line.insert(format!("{name}_diff_low"), json!(interval.low));
            line.insert(format!("{name}_diff_high"), json!(interval.high));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(method: &str, case: &str, ranks: &[usize]) -> Outcome {
        Outcome::of_ranks(method, case, ranks)
    }

    #[test]
    fn the_best_of_the_same_case_is_the_one_to_beat() {
        let others = [
            outcome("bad", "rest", &[9, 9, 9, 9]),
            outcome("good", "rest", &[1, 20, 1, 2]),
            outcome("other", "single", &[1, 1, 1, 1]),
        ];
        let found = Comparison::of(&outcome("ours", "rest", &[1, 1, 1, 1]), &others).unwrap();
        assert_eq!(found.method, "good");
        assert!((found.hit.mean - 0.25).abs() < 1e-12);
        assert!(found.ndcg.low >= 0.0 && found.ndcg.high > found.ndcg.mean);
        let mut line = Map::new();
        found.write(&mut line);
        assert_eq!(line["against"], "good");
        assert_eq!(line["HR@10_diff"], json!(0.25));
        let nobody = outcome("ours", "rest:new", &[1, 1]);
        assert_eq!(Comparison::of(&nobody, &others), None);
    }
}
