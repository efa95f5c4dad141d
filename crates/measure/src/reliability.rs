//! Do probabilities keep what they promise?
//!
//! ```text
//! ECE = Σ_bins (n_bin / n) |mean predicted − share observed|
//! ```
//!
//! Bins hold equal numbers of predictions, in order of what was predicted (Nguyen and O'Connor
//! 2015: bins of equal width leave most of them empty where purchases are rare). O(n log n).

/// Predictions that were about alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    pub n: usize,
    /// Mean of what was predicted.
    pub predicted: f64,
    /// Share that came true.
    pub observed: f64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reliability {
    /// In order of what was predicted.
    pub bins: Vec<Bin>,
    /// Expected calibration error, 0 at best.
    pub ece: f64,
}

/// `None` with fewer predictions than bins, or without bins.
pub fn reliability(predictions: &[(f32, bool)], n_bins: usize) -> Option<Reliability> {
    let n = predictions.len();
    if n_bins == 0 || n < n_bins {
        return None;
    }
    let mut sorted = predictions.to_vec();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let bin = |at: usize| {
        let of_bin = &sorted[at * n / n_bins..(at + 1) * n / n_bins];
        let predicted: f64 = of_bin.iter().map(|(p, _)| f64::from(*p)).sum();
        let observed = of_bin.iter().filter(|(_, came_true)| *came_true).count();
        let n = of_bin.len();
        Bin { n, predicted: predicted / n as f64, observed: observed as f64 / n as f64 }
    };
    let bins: Vec<Bin> = (0..n_bins).map(bin).collect();
    let apart = |bin: &Bin| bin.n as f64 * (bin.predicted - bin.observed).abs();
    let ece = bins.iter().map(apart).sum::<f64>() / n as f64;
    Some(Reliability { bins, ece })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_its_promise_has_no_error_and_what_does_not_has_its_distance() {
        let mut predictions = vec![(0.25, true), (0.75, true), (0.75, true), (0.75, true)];
        predictions.extend([(0.25, false), (0.25, false), (0.25, false), (0.75, false)]);
        let kept = reliability(&predictions, 2).unwrap();
        let expected = [(0.25, 0.25), (0.75, 0.75)].map(|(predicted, observed)| Bin {
            n: 4,
            predicted,
            observed,
        });
        assert_eq!(kept, Reliability { bins: expected.to_vec(), ece: 0.0 });
        let broken: Vec<(f32, bool)> =
            predictions.iter().map(|&(p, came_true)| (p / 2.0, came_true)).collect();
        assert!((reliability(&broken, 2).unwrap().ece - 0.25).abs() < 1e-12);
    }

    #[test]
    fn too_little_is_nothing() {
        assert_eq!(reliability(&[(0.5, true)], 2), None);
        assert_eq!(reliability(&[], 0), None);
        assert_eq!(reliability(&[(0.5, true); 3], 2).map(|found| found.bins[1].n), Some(2));
    }
}
