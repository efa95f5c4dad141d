//! Winsorising: the named method for heavy tails.
//!
//! A few customers buy a hundred times what others do; which arm they fall into decides a plain
//! difference. Values are cut to a cap, the same for both arms: that of the time before the
//! experiment (the quantile of those who bought at all), and where too few bought then, that of all
//! buyers of both arms in the trial itself, taken without looking at who is in which. What is then
//! estimated is the effect on capped revenue: smaller than the effect on revenue where large
//! customers respond, and said to be so wherever it is shown.
//!
//! A cap c from both arms together does not favor one: where offers do nothing, every exchange of
//! customers between the arms leaves it as it is. Where they do something, c moves with the data,
//! but the difference of capped means moves with it only as P(Y_t > c) − P(Y_c > c), the difference
//! of two shares of about a hundredth, times c's own error, which falls as 1/√n: of second order
//! (`reading` holds a test of coverage). W. Dixon, "Simplified estimation from censored normal
//! samples", Annals of Mathematical Statistics 31 (1960).

use crate::bootstrap::quantile;

/// Buyers that a cap needs.
pub const MIN_BUYERS: usize = 100;

/// Where values are cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Winsor {
    low: f64,
    high: f64,
}

impl Winsor {
    /// Caps at the quantiles 1 − `tail` of positive and `tail` of negative values (customers who
    /// gave back more than they bought): of the time before the experiment, or of both arms
    /// together, never of one. `None` with fewer than [`MIN_BUYERS`] customers who bought: nothing
    /// is known.
    ///
    /// Where no more than [`MIN_BUYERS`] gave back more than they bought, their cap is minus that
    /// of the buyers, so that a refund of everything stays possible.
    pub fn of_buyers(values: &[f64], tail: f64) -> Option<Winsor> {
        let side = |keep: &dyn Fn(f64) -> bool| {
            let mut kept: Vec<f64> = values.iter().copied().filter(|&x| keep(x)).collect();
            kept.sort_unstable_by(f64::total_cmp);
            kept
        };
        let (above, below) = (side(&|x| x > 0.0), side(&|x| x < 0.0));
        if above.len() < MIN_BUYERS {
            return None;
        }
        let high = quantile(&above, 1.0 - tail);
        let low = if below.len() > MIN_BUYERS { quantile(&below, tail) } else { -high };
        Some(Winsor { low, high })
    }

    /// The value, cut.
    pub fn apply(&self, value: f64) -> f64 {
        value.clamp(self.low, self.high)
    }

    /// Lowest and highest value that stay.
    pub fn range(&self) -> (f64, f64) {
        (self.low, self.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_come_from_buyers_and_cut_both_ends() {
        let mut values = vec![0.0; 5_000];
        values.extend((1..=1_000).map(f64::from));
        values.push(-3.0);
        let winsor = Winsor::of_buyers(&values, 0.01).expect("a thousand buyers");
        let (low, high) = winsor.range();
        assert!((high - 990.01).abs() < 1e-9 && low == -high, "{low} to {high}");
        assert_eq!(winsor.apply(5_000.0), high);
        assert_eq!(winsor.apply(-5_000.0), low);
        assert_eq!(winsor.apply(17.5), 17.5);
        values.extend((1..=200).map(|i| -f64::from(i)));
        let (low, _) = Winsor::of_buyers(&values, 0.01).expect("still").range();
        assert!((-200.0..=-190.0).contains(&low), "{low}");
    }

    #[test]
    fn without_buyers_there_is_no_cap() {
        assert_eq!(Winsor::of_buyers(&[0.0; 10_000], 0.01), None);
        assert_eq!(Winsor::of_buyers(&[], 0.01), None);
    }
}
