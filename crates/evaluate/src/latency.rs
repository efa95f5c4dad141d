//! What an answer takes.

use serde_json::{Map, Value, json};
use std::time::Duration;

/// Quantiles over the queries; nothing without any.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latency {
    pub p50: Duration,
    pub p90: Duration,
    pub p99: Duration,
}

impl Latency {
    pub(crate) fn of(latencies: &[Duration]) -> Latency {
        let mut sorted = latencies.to_vec();
        sorted.sort_unstable();
        let quantile = |share: f64| {
            let at = (sorted.len() as f64 * share) as usize;
            sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
        };
        Latency { p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99) }
    }

    pub(crate) fn write(&self, line: &mut Map<String, Value>) {
        for (name, took) in [("p50_us", self.p50), ("p90_us", self.p90), ("p99_us", self.p99)] {
            line.insert(name.into(), json!(took.as_secs_f64() * 1e6));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_times() {
        let times: Vec<Duration> = (0..100).rev().map(Duration::from_micros).collect();
        let found = Latency::of(&times);
        let expected = [50, 90, 99].map(Duration::from_micros);
        assert_eq!([found.p50, found.p90, found.p99], expected);
        assert_eq!(Latency::of(&times[..1]).p90, times[0]);
        assert_eq!(Latency::of(&[]), Latency::default());
        let mut line = Map::new();
        found.write(&mut line);
        assert_eq!(line["p90_us"], json!(90.0));
    }
}
