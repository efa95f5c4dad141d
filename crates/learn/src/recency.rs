//! How much a basket counts by its age.
//!
//! ```text
//! r_b = 0.5^(age of b / half-life)      age in days before the end of the usual span, 0 after it
//! ```
//!
//! The usual span leaves out a few baskets that stand far apart ([`Baskets::usual_span`]). Were age
//! told from the very last basket, one order with a wrong date, or the first new one after a long
//! pause, would make everything else old.
//!
//! Never 0, not even after a thousand half-lives: an old basket counts little, but it counts. What
//! is counted (baskets with both items of a pair) does not depend on the half-life, and what sold
//! so long ago that its weight says nothing is ranked by its plain number of baskets.

use history::Baskets;

/// The smallest weight, which an `f32` still holds at full precision.
const MIN_WEIGHT: f64 = f32::MIN_POSITIVE as f64;

/// Days of the usual span; 0 without times.
pub fn span_days(baskets: &Baskets) -> f64 {
    baskets.usual_span().map_or(0.0, |(first, last)| last.days_since(first))
}

/// One weight above 0 and at most 1 for each basket; 1 for all without a half-life.
pub fn weights(baskets: &Baskets, half_life_days: Option<f64>) -> Vec<f64> {
    let weight = |age_days: f64| match half_life_days {
        Some(days) => 0.5_f64.powf(age_days / days).max(MIN_WEIGHT),
        None => 1.0,
    };
    baskets.ages_days().into_iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Timestamp;
    use events::time::DAY_US;

    #[test]
    fn halves_with_each_half_life_and_never_ends() {
        let at: Vec<Timestamp> = [0, 90, 100].map(|day| Timestamp(day * DAY_US)).to_vec();
        let baskets =
            Baskets { items: at.iter().map(|_| [0]).collect(), customers: vec![0; 3], at };
        assert_eq!(span_days(&baskets), 100.0);
        assert_eq!(weights(&baskets, Some(10.0)), [1.0 / 1024.0, 0.5, 1.0]);
        assert_eq!(weights(&baskets, None), [1.0; 3]);
        let fast = weights(&baskets, Some(1e-300));
        assert!(fast[0] > 0.0 && fast[0] as f32 > 0.0, "{fast:?}");
        assert_eq!(fast[2], 1.0);
    }
}
