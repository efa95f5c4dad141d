//! Isotonic regression: from scores and what became of them to a [`Curve`] of probabilities.
//!
//! Scores are put in order and cut into parts, each with about as much to be expected in it; parts
//! whose share of purchases falls are pooled until none does (pool adjacent violators: Ayer et al.
//! 1955; for classifiers Zadrozny and Elkan 2002). Each pool is a point of the curve: its mean
//! score, and its share.

use score::ranker::Curve;
use score::ranker::curve::MAX_POINTS;

/// Purchases of a part at the least; fewer say little of a share.
const MIN_HITS: f64 = 20.0;

#[derive(Clone, Copy, Debug)]
struct Pool {
    n: f64,
    hits: f64,
    score_sum: f64,
}

impl Pool {
    fn share(&self) -> f64 {
        self.hits / self.n
    }

    fn with(&self, other: &Pool) -> Pool {
        Pool {
            n: self.n + other.n,
            hits: self.hits + other.hits,
            score_sum: self.score_sum + other.score_sum,
        }
    }
}

/// `points`: scores above 0, and whether it was bought. `None` where too little was bought.
pub fn curve(mut points: Vec<(f32, bool)>) -> Option<Curve> {
    points.retain(|(score, _)| *score > 0.0 && score.is_finite());
    points.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let hits = points.iter().filter(|(_, hit)| *hit).count() as f64;
    if hits < MIN_HITS {
        return None;
    }
    let n_parts = (hits / MIN_HITS).min(MAX_POINTS as f64).floor();
    let total: f64 = points.iter().map(|(score, _)| f64::from(*score)).sum();
    let mut pools: Vec<Pool> = Vec::new();
    let mut open = Pool { n: 0.0, hits: 0.0, score_sum: 0.0 };
    for (at, &(score, hit)) in points.iter().enumerate() {
        open.n += 1.0;
        open.hits += f64::from(u8::from(hit));
        open.score_sum += f64::from(score);
        // Equal scores stay in one part.
        let is_last = at + 1 == points.len();
        let is_full = open.score_sum * n_parts >= total;
        if is_last || (is_full && points[at + 1].0 > score) {
            pool(&mut pools, open);
            open = Pool { n: 0.0, hits: 0.0, score_sum: 0.0 };
        }
    }
    let mut curve: Vec<[f32; 2]> =
        pools.iter().map(|pool| [(pool.score_sum / pool.n) as f32, pool.share() as f32]).collect();
    curve.dedup_by(|next, kept| next[0] <= kept[0]);
    Curve::of(curve)
}

/// Adds a pool; as long as the last two fall they become one.
fn pool(pools: &mut Vec<Pool>, next: Pool) {
    let mut next = next;
    while let Some(last) = pools.last() {
        if last.share() < next.share() {
            break;
        }
        next = last.with(&next);
        pools.pop();
    }
    pools.push(next);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(n: u32, truth: impl Fn(f32) -> f32) -> Vec<(f32, bool)> {
        let mut state = 88_172_645_463_325_252_u64;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1_u64 << 24) as f32
        };
        (0..n)
            .map(|_| {
                let score = next();
                (score, next() < truth(score))
            })
            .collect()
    }

    #[test]
    fn the_curve_finds_the_probabilities_behind_the_scores() {
        let truth = |score: f32| 0.5 * score * score;
        let curve = curve(draws(200_000, truth)).unwrap();
        for score in [0.1, 0.3, 0.5, 0.7, 0.9] {
            let found = curve.probability(score);
            assert!((found - truth(score)).abs() < 0.02, "{score}: {found} {}", truth(score));
        }
        assert!(curve.points().len() > 20, "{}", curve.points().len());
    }

    #[test]
    fn what_falls_is_pooled() {
        // Less is bought of what scores higher: all that can be said is the mean.
        let curve = curve(draws(50_000, |score| 0.6 - 0.4 * score)).unwrap();
        let points = curve.points();
        assert!(points.len() <= 2, "{points:?}");
        assert!(points.iter().all(|point| (point[1] - 0.4).abs() < 0.02), "{points:?}");
    }

    #[test]
    fn pools_are_those_of_the_slow_way() {
        let shares = [0.1, 0.3, 0.2, 0.25, 0.6, 0.5, 0.4, 0.9];
        let mut pools = Vec::new();
        for share in shares {
            pool(&mut pools, Pool { n: 10.0, hits: 10.0 * share, score_sum: 1.0 });
        }
        let fitted: Vec<f64> = pools
            .iter()
            .flat_map(|pool| std::iter::repeat_n(pool.share(), (pool.n / 10.0) as usize))
            .collect();
        // Isotonic regression is, at each place, max over starts of min over ends of the means.
        let mean = |from: usize, end: usize| {
            shares[from..=end].iter().sum::<f64>() / (end - from + 1) as f64
        };
        for (at, fitted) in fitted.iter().enumerate() {
            let least = |from: usize| {
                (at..shares.len()).map(|end| mean(from, end)).fold(f64::INFINITY, f64::min)
            };
            let slow = (0..=at).map(least).fold(f64::NEG_INFINITY, f64::max);
            assert!((fitted - slow).abs() < 1e-12, "{at}: {fitted} {slow}");
        }
    }

    #[test]
    fn too_few_purchases_make_no_curve_and_equal_scores_one_point() {
        assert!(curve(vec![(0.5, true); 19]).is_none());
        assert!(curve(vec![(0.0, true), (f32::NAN, true)]).is_none());
        let mut half = vec![(0.5, true); 40];
        half.extend(vec![(0.5, false); 120]);
        let curve = curve(half).unwrap();
        assert_eq!(curve.points(), [[0.5, 0.25]]);
    }
}
