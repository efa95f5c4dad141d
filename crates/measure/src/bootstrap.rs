//! Percentile bootstrap over queries, plain and paired.
//!
//! A resample draws n of the n queries with replacement; the interval of a mean is between the
//! α/2 and 1 − α/2 quantiles of the means of the resamples (B. Efron and R. Tibshirani, "An
//! introduction to the bootstrap", 1993, chapter 13). Paired: the same resamples for both methods,
//! so that what makes a query easy or hard for both cancels out.
//!
//! Resample b draws from stream b of a ChaCha8 generator with the given seed, so the answer does
//! not depend on the number of threads, and several columns over the same queries share their
//! resamples. O(resamples · queries · columns) time; memory one index list a thread.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// How to bootstrap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BootstrapSpec {
    pub n_resamples: u32,
    /// Share of the interval, .95 for 95 %.
    pub level: f64,
    pub seed: u64,
}

impl BootstrapSpec {
    /// 2,000 resamples, 95 %.
    pub fn with_seed(seed: u64) -> BootstrapSpec {
        BootstrapSpec { n_resamples: 2_000, level: 0.95, seed }
    }
}

/// A mean and its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

/// The mean of one metric over queries. `None` with fewer than two queries or no resamples.
pub fn bootstrap_mean(values: &[f64], spec: &BootstrapSpec) -> Option<Interval> {
    bootstrap_columns(&[values], spec)?.pop()
}

/// The mean difference `ours − theirs`, query by query. An interval above 0: ours is better.
///
/// # Panics
/// When the two were not measured on the same number of queries.
pub fn paired_bootstrap(ours: &[f64], theirs: &[f64], spec: &BootstrapSpec) -> Option<Interval> {
    assert_eq!(ours.len(), theirs.len(), "a paired bootstrap needs the same queries on both sides");
    let differences: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a - b).collect();
    bootstrap_mean(&differences, spec)
}

/// Several metrics over the same queries at once, one interval a column: the queries are drawn
/// once for all of them.
///
/// # Panics
/// When the columns differ in length.
pub fn bootstrap_columns(columns: &[&[f64]], spec: &BootstrapSpec) -> Option<Vec<Interval>> {
    let n = columns.first()?.len();
    assert!(columns.iter().all(|column| column.len() == n), "columns of different lengths");
    let n_u32 = u32::try_from(n).ok().filter(|&n| n >= 2)?;
    if spec.n_resamples == 0 {
        return None;
    }
    // Query by query, so that a draw reads one place of memory for all columns.
    let rows: Vec<f64> = (0..n).flat_map(|query| columns.iter().map(move |c| c[query])).collect();
    let n_columns = columns.len();
    let sums: Vec<f64> = (0..spec.n_resamples)
        .into_par_iter()
        .map_init(Vec::new, |drawn, resample| {
            draw(drawn, n_u32, spec.seed, resample);
            let mut sums = vec![0.0; n_columns];
            for &query in drawn.iter() {
                let row = &rows[query as usize * n_columns..][..n_columns];
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            sums
        })
        .flatten_iter()
        .collect();
    Some((0..columns.len()).map(|c| interval(&sums, c, columns, spec)).collect())
}

fn draw(drawn: &mut Vec<u32>, n: u32, seed: u64, resample: u32) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::from(resample));
    drawn.clear();
    // Lemire's multiply-shift without the rejection step: the bias is below n/2^32.
    drawn.extend((0..n).map(|_| ((u64::from(rng.next_u32()) * u64::from(n)) >> 32) as u32));
}

fn interval(sums: &[f64], c: usize, columns: &[&[f64]], spec: &BootstrapSpec) -> Interval {
    let n = columns[c].len() as f64;
    let mut means: Vec<f64> =
        sums.iter().skip(c).step_by(columns.len()).map(|sum| sum / n).collect();
    means.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - spec.level) / 2.0;
    Interval {
        mean: columns[c].iter().sum::<f64>() / n,
        low: quantile(&means, tail),
        high: quantile(&means, 1.0 - tail),
    }
}

/// Linear interpolation between order statistics (type 7 of Hyndman and Fan 1996, the default of
/// R and numpy). `sorted` holds at least one value.
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(n: u32) -> Vec<f64> {
        (0..n).map(|i| f64::from(i * 7 % n)).collect()
    }

    /// numpy.quantile([1, 2, 4, 8], [0, .1, .5, .9, 1]).
    #[test]
    fn quantiles_are_those_of_numpy() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        for (q, expected) in [(0.0, 1.0), (0.1, 1.3), (0.5, 3.0), (0.9, 6.8), (1.0, 8.0)] {
            assert!((quantile(&sorted, q) - expected).abs() < 1e-12, "at {q}");
        }
        assert_eq!(quantile(&[5.0], 0.3), 5.0);
    }

    /// The obvious twin: the same draws, one after the other, on one thread.
    #[test]
    fn equals_its_twin_on_one_thread() {
        let values = ramp(50);
        let spec = BootstrapSpec { n_resamples: 200, level: 0.9, seed: 7 };
        let mut means = Vec::new();
        for resample in 0..200_u64 {
            let mut rng = ChaCha8Rng::seed_from_u64(7);
            rng.set_stream(resample);
            let mut sum = 0.0;
            for _ in 0..50 {
                sum += values[(u64::from(rng.next_u32()) * 50 / (1 << 32)) as usize];
            }
            means.push(sum / 50.0);
        }
        means.sort_by(f64::total_cmp);
        let got = bootstrap_mean(&values, &spec).unwrap();
        assert_eq!(got.mean, 24.5);
        assert_eq!((got.low, got.high), (quantile(&means, 0.05), quantile(&means, 0.95)));
    }

    /// With many queries the interval must be mean ± 1.96 standard errors.
    #[test]
    fn agrees_with_the_normal_interval() {
        let values: Vec<f64> = (0..4_000).map(|i| f64::from(u8::from(i % 10 < 3))).collect();
        let got = bootstrap_mean(&values, &BootstrapSpec::with_seed(1)).unwrap();
        let half = 1.96 * (0.3 * 0.7 / 4_000_f64).sqrt();
        assert!((got.mean - 0.3).abs() < 1e-12);
        assert!((got.low - (0.3 - half)).abs() < 0.1 * half, "{got:?}");
        assert!((got.high - (0.3 + half)).abs() < 0.1 * half, "{got:?}");
    }

    #[test]
    fn pairing_removes_what_both_share() {
        let hard: Vec<f64> = ramp(300);
        let better: Vec<f64> = hard.iter().map(|value| value + 0.5).collect();
        let spec = BootstrapSpec::with_seed(3);
        let got = paired_bootstrap(&better, &hard, &spec).unwrap();
        assert_eq!((got.mean, got.low, got.high), (0.5, 0.5, 0.5));
        let alone = bootstrap_mean(&hard, &spec).unwrap();
        assert!(alone.high - alone.low > 10.0);
    }

    #[test]
    fn columns_share_their_resamples_and_threads_change_nothing() {
        let (one, two) = (ramp(80), ramp(80).into_iter().rev().collect::<Vec<_>>());
        let spec = BootstrapSpec { n_resamples: 300, level: 0.95, seed: 11 };
        let both = bootstrap_columns(&[&one, &two], &spec).unwrap();
        assert_eq!(both[0], bootstrap_mean(&one, &spec).unwrap());
        assert_eq!(both[1], bootstrap_mean(&two, &spec).unwrap());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(both, pool.install(|| bootstrap_columns(&[&one, &two], &spec)).unwrap());
        let other_seed = BootstrapSpec { seed: 12, ..spec };
        assert_ne!(both, bootstrap_columns(&[&one, &two], &other_seed).unwrap());
    }

    #[test]
    fn too_few_queries_give_no_interval() {
        let spec = BootstrapSpec::with_seed(1);
        assert_eq!(bootstrap_mean(&[], &spec), None);
        assert_eq!(bootstrap_mean(&[1.0], &spec), None);
        assert_eq!(bootstrap_columns(&[], &spec), None);
        let none = BootstrapSpec { n_resamples: 0, ..spec };
        assert_eq!(bootstrap_mean(&[1.0, 2.0], &none), None);
    }
}
