//! A histogram of durations with buckets that grow by a fixed ratio.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bucket 0 ends at 8 µs, each later one at √2 times the one before: up to 134 s.
const N_BUCKETS: usize = 49;
const FIRST_BOUND_US: f64 = 8.0;

/// Durations counted by bucket; reading and writing need no lock.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; N_BUCKETS],
    sum_us: AtomicU64,
}

/// What a histogram held at one moment; the difference of two is a time window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct HistogramCounts {
    buckets: [u64; N_BUCKETS],
    sum_us: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { buckets: std::array::from_fn(|_| AtomicU64::new(0)), sum_us: AtomicU64::new(0) }
    }
}

impl Histogram {
    pub(crate) fn record(&self, duration: Duration) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket_of(us)].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> HistogramCounts {
        HistogramCounts {
            buckets: std::array::from_fn(|at| self.buckets[at].load(Ordering::Relaxed)),
            sum_us: self.sum_us.load(Ordering::Relaxed),
        }
    }
}

impl HistogramCounts {
    pub(crate) fn n(&self) -> u64 {
        self.buckets.iter().sum()
    }

    pub(crate) fn sum_s(&self) -> f64 {
        self.sum_us as f64 / 1e6
    }

    pub(crate) fn since(&self, earlier: &HistogramCounts) -> HistogramCounts {
        HistogramCounts {
            buckets: std::array::from_fn(|at| self.buckets[at].saturating_sub(earlier.buckets[at])),
            sum_us: self.sum_us.saturating_sub(earlier.sum_us),
        }
    }

    /// `(upper bound in seconds, count up to there)`, as Prometheus wants them.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let mut n_so_far = 0;
        self.buckets.iter().enumerate().map(move |(at, &n)| {
            n_so_far += n;
            (bound_us(at) / 1e6, n_so_far)
        })
    }

    /// Upper bound in microseconds of the bucket that holds the quantile; `None` without data.
    pub(crate) fn quantile_us(&self, quantile: f64) -> Option<f64> {
        let n = self.n();
        if n == 0 {
            return None;
        }
        let rank = ((n as f64 * quantile).ceil() as u64).clamp(1, n);
        let mut n_so_far = 0;
        let bucket = self.buckets.iter().position(|&count| {
            n_so_far += count;
            rank <= n_so_far
        })?;
        Some(bound_us(bucket))
    }
}

fn bound_us(bucket: usize) -> f64 {
    FIRST_BOUND_US * 2.0_f64.powf(bucket as f64 / 2.0)
}

fn bucket_of(us: u64) -> usize {
    if us <= FIRST_BOUND_US as u64 {
        return 0;
    }
    let half_octaves = ((us as f64 / FIRST_BOUND_US).log2() * 2.0).ceil() as usize;
    half_octaves.min(N_BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_lies_below_its_bound_and_above_the_one_before() {
        for us in (0..5_000).chain([100_000, 7_777_777, 100_000_000]) {
            let bucket = bucket_of(us);
            assert!(us as f64 <= bound_us(bucket) * (1.0 + 1e-12), "{us}");
            assert!(bucket == 0 || us as f64 > bound_us(bucket - 1) * (1.0 - 1e-12), "{us}");
        }
        assert_eq!(bucket_of(u64::MAX), N_BUCKETS - 1);
    }

    #[test]
    fn quantiles_of_a_window() {
        let histogram = Histogram::default();
        for _ in 0..100 {
            histogram.record(Duration::from_millis(900));
        }
        let before = histogram.counts();
        for us in [100, 100, 100, 10_000] {
            histogram.record(Duration::from_micros(us));
        }
        let window = histogram.counts().since(&before);
        assert_eq!(window.n(), 4);
        let median = window.quantile_us(0.5).unwrap();
        assert!((100.0..142.0).contains(&median), "{median}");
        let p99 = window.quantile_us(0.99).unwrap();
        assert!((10_000.0..14_200.0).contains(&p99), "{p99}");
        assert!((window.sum_s() - 0.010_3).abs() < 1e-9);
        assert_eq!(before.since(&before).quantile_us(0.5), None);
    }
}
