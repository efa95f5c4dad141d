//! Is it time again? Days since an item was bought against the days that usually lie between.
//!
//! ```text
//! gap_i  = (sum of all gaps of i + M gap_category) / (n gaps of i + M)       likewise the category
//! gap_ui = (last - first buying + M' gap_i) / (n_ui - 1 + M')                to the whole shop
//! odds'  = odds * f(age / gap_ui)      f = (again + M'') / (expected + M'')  of a class of ages
//! ```
//!
//! `expected` is what the hazard by baskets ([`super::habit`]) foretold, so f tells only what days
//! know beyond it. `learn` publishes f where it ranked better on its validation customers.

use super::own::Bought;

/// M': gaps of everybody that stand beside the customer's own.
pub const OWN_PRIOR: f32 = 2.0;

/// Upper ends (inclusive) of the classes of age over gap; the last is open.
const AGES: [f32; 10] = [0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0];

/// Classes of age over gap.
pub const N_AGES: usize = AGES.len() + 1;

/// gap_ui in days, of a customer who bought the item `n_bought` times within `span_days`; at least
/// one day.
pub fn expected_gap(n_bought: u32, span_days: f32, item_gap_days: f32) -> f32 {
    let n_gaps = n_bought.saturating_sub(1) as f32;
    ((span_days + OWN_PRIOR * item_gap_days) / (n_gaps + OWN_PRIOR)).max(1.0)
}

/// The class of an age against a gap, both in days.
#[inline]
pub fn age_cell(age_days: f32, gap_days: f32) -> usize {
    let ratio = age_days / gap_days;
    AGES.partition_point(|&end| end < ratio)
}

/// f of what was bought, asked on a day; 1 where days tell nothing.
pub fn age_factor(bought: &Bought, today: Option<i32>, item_gap_days: f32, factors: &[f32]) -> f32 {
    let age_days = bought.age_days(today).filter(|_| bought.n_bought > 0);
    let Some(age_days) = age_days else { return 1.0 };
    let gap_days = expected_gap(bought.n_bought, bought.span_days(), item_gap_days);
    factors.get(age_cell(age_days as f32, gap_days)).copied().unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_gaps_outweigh_those_of_all_the_more_there_are() {
        assert_eq!(expected_gap(1, 0.0, 30.0), 30.0);
        // Two gaps of 10 days beside two of 30.
        assert_eq!(expected_gap(3, 20.0, 30.0), 20.0);
        assert!((expected_gap(101, 1_000.0, 30.0) - 10.0).abs() < 0.5);
        assert_eq!(expected_gap(9, 0.0, 0.1), 1.0);
    }

    #[test]
    fn ages_fall_into_all_classes_and_no_others() {
        let ratios = [0.05, 0.15, 0.3, 0.4, 0.6, 1.0, 1.2, 1.8, 2.5, 4.0, 1e9];
        let cells: Vec<usize> = ratios.iter().map(|ratio| age_cell(ratio * 7.0, 7.0)).collect();
        assert_eq!(cells, (0..N_AGES).collect::<Vec<_>>());
    }
}
