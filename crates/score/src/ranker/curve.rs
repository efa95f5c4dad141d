//! From scores to probabilities: a rising curve through a few points, straight between them.
//!
//! The points come from isotonic regression on cases that nothing was learned from
//! (`learn::ranker::calibration`): of what was given a score like this, how much was bought.

/// Points at the most: a curve is read for every offer.
pub const MAX_POINTS: usize = 64;
/// Nothing that was ranked at all is impossible.
const LEAST: f32 = 1e-7;

/// Rising scores, and for each a probability that does not fall.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    points: Vec<[f32; 2]>,
}

impl Curve {
    /// `None` for points that make no curve: none, too many, falling or not numbers.
    pub fn of(points: Vec<[f32; 2]>) -> Option<Curve> {
        let is_point = |point: &[f32; 2]| point[0].is_finite() && (0.0..=1.0).contains(&point[1]);
        let rises =
            points.windows(2).all(|pair| pair[0][0] < pair[1][0] && pair[0][1] <= pair[1][1]);
        let is_sound = rises && points.iter().all(is_point);
        (is_sound && (1..=MAX_POINTS).contains(&points.len())).then_some(Curve { points })
    }

    pub fn points(&self) -> &[[f32; 2]] {
        &self.points
    }

    /// The probability for a score. Below the first point it falls straight to 0 with the score,
    /// above the last it stays.
    pub fn probability(&self, score: f32) -> f32 {
        let at = self.points.partition_point(|point| point[0] < score);
        let straight = |from: [f32; 2], to: [f32; 2]| {
            let share = ((score - from[0]) / (to[0] - from[0])).clamp(0.0, 1.0);
            from[1] + share * (to[1] - from[1])
        };
        let probability = match (at.checked_sub(1), self.points.get(at)) {
            (Some(before), Some(&next)) => straight(self.points[before], next),
            (Some(before), None) => self.points[before][1],
            (None, Some(&first)) if first[0] > 0.0 => straight([0.0; 2], first),
            (None, Some(first)) => first[1],
            (None, None) => score,
        };
        probability.max(LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_straight_between_its_points_and_level_beyond() {
        let curve = Curve::of(vec![[0.1, 0.02], [0.3, 0.02], [0.5, 0.4]]).unwrap();
        for (score, expected) in [
            (-1.0, LEAST),
            (0.05, 0.01),
            (0.1, 0.02),
            (0.2, 0.02),
            (0.4, 0.21),
            (0.5, 0.4),
            (9.0, 0.4),
        ] {
            let found = curve.probability(score);
            assert!((found - expected).abs() < 1e-6, "{score}: {found} {expected}");
        }
        let level = Curve::of(vec![[0.0, 0.25]]).unwrap();
        assert_eq!([-1.0, 0.0, 1.0].map(|score| level.probability(score)), [0.25; 3]);
    }

    #[test]
    fn what_falls_or_is_no_probability_makes_no_curve() {
        for points in [
            vec![],
            vec![[0.1, 0.2], [0.1, 0.3]],
            vec![[0.1, 0.2], [0.2, 0.1]],
            vec![[0.1, 1.5]],
            vec![[f32::NAN, 0.5]],
            vec![[0.1, f32::NAN]],
            (0..65_u8).map(|at| [f32::from(at), 0.5]).collect(),
        ] {
            assert!(Curve::of(points.clone()).is_none(), "{points:?}");
        }
    }
}
