//! Figures of the last minute, for the dashboard.

use super::{Histogram, HistogramCounts};
use std::collections::VecDeque;
use std::sync::Mutex;

/// One reading a second is kept for this long.
const N_SECONDS: usize = 60;

/// A ring of readings of one histogram.
#[derive(Debug, Default)]
pub(crate) struct RecentWindow {
    readings: Mutex<VecDeque<HistogramCounts>>,
}

/// What happened in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct WindowFigures {
    pub(crate) per_second: f64,
    pub(crate) p50_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
}

impl RecentWindow {
    /// To be called once a second.
    pub(crate) fn tick(&self, histogram: &Histogram) {
        let mut readings = self.readings.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if readings.len() > N_SECONDS {
            readings.pop_front();
        }
        readings.push_back(histogram.counts());
    }

    pub(crate) fn figures(&self) -> WindowFigures {
        let readings = self.readings.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (Some(first), Some(last)) = (readings.front(), readings.back()) else {
            return WindowFigures::default();
        };
        let window = last.since(first);
        let seconds = (readings.len() - 1).max(1);
        WindowFigures {
            per_second: window.n() as f64 / seconds as f64,
            p50_us: window.quantile_us(0.5),
            p99_us: window.quantile_us(0.99),
        }
    }

    /// Requests in each second of the window, oldest first, for a small chart.
    pub(crate) fn per_second(&self) -> Vec<u64> {
        let readings = self.readings.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (earlier, later) = (readings.iter(), readings.iter().skip(1));
        earlier.zip(later).map(|(before, after)| after.since(before).n()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn only_the_last_minute_counts() {
        let histogram = Histogram::default();
        let window = RecentWindow::default();
        assert_eq!(window.figures(), WindowFigures::default());
        for _ in 0..1_000 {
            histogram.record(Duration::from_secs(1));
        }
        for _ in 0..=N_SECONDS {
            window.tick(&histogram);
            histogram.record(Duration::from_micros(50));
        }
        window.tick(&histogram);
        let figures = window.figures();
        assert!((figures.per_second - 1.0).abs() < 1e-9);
        assert!(figures.p99_us.unwrap() < 100.0, "the slow ones lie before the window");
        assert_eq!(window.per_second(), vec![1; N_SECONDS]);
    }
}
