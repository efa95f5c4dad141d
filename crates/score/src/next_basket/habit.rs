//! Will it be bought again in the next basket? A renewal hazard in steps of baskets.
//!
//! ```text
//! h(n, e)  = chance that an item bought n times, e baskets ago for the last time, is in the next
//! h_i      = h(n, e) * (again_i + M) / (expected_i + M)        the item's own rate, shrunk to 1
//! h_ui     = h_i * (again_u + M) / (expected_u + M)            and the customer's
//! ```
//!
//! `again` counts the buyings of items that the customer had; `expected` is what h(n, e) foretold
//! for the same chances. The factor is the posterior mean of a gamma-Poisson rate with mean 1 and
//! weight M (Clayton and Kaldor 1987); the table h is the discrete hazard of a renewal process
//! (Cox 1962), pooled over customers and items.

use bytemuck::{Pod, Zeroable};

/// M, in expected buyings.
pub const SHRINKAGE: f32 = 5.0;

/// Upper ends (inclusive) of the classes of times bought; the last is open.
const COUNTS: [u32; 6] = [1, 2, 3, 4, 7, 14];
/// Upper ends (inclusive) of the classes of baskets since the last buying; the last is open.
const ELAPSED: [u32; 10] = [1, 2, 3, 4, 5, 7, 10, 15, 20, 30];

/// Cells of the table h.
pub const N_CELLS: usize = (COUNTS.len() + 1) * (ELAPSED.len() + 1);

/// The cell of an item bought `n_bought` ≥ 1 times, last `elapsed` ≥ 1 baskets before the next one.
#[inline]
pub fn cell_of(n_bought: u32, elapsed: u32) -> usize {
    let count = COUNTS.partition_point(|&end| end < n_bought);
    let age = ELAPSED.partition_point(|&end| end < elapsed);
    count * (ELAPSED.len() + 1) + age
}

/// What was bought again against what was expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Renewal {
    pub n_again: f32,
    pub expected: f32,
}

impl Renewal {
    /// The rate against the average, shrunk to 1.
    #[inline]
    pub fn factor(&self) -> f32 {
        (self.n_again + SHRINKAGE) / (self.expected + SHRINKAGE)
    }
}

/// What a customer did with one item so far. Baskets are counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Habit {
    pub n_bought: u32,
    pub first: u32,
    pub last: u32,
    /// Baskets between the last two buyings, 0 when bought once.
    pub last_gap: u32,
    /// Frequency with a fast decay: sum of [`FAST_DECAY`]^age.
    pub fast: f32,
    /// The item's weight in the customer's TIFU vector.
    pub weight: f32,
}

/// Decay a basket of [`Habit::fast`].
pub const FAST_DECAY: f32 = 0.6;

impl Habit {
    /// Takes in that basket `at` of `n_baskets` holds the item. Baskets come in rising order.
    pub fn buy(&mut self, at: u32, n_baskets: u32, weight: f32) {
        if self.n_bought == 0 {
            self.first = at;
        } else {
            self.last_gap = at - self.last;
        }
        self.n_bought += 1;
        self.last = at;
        self.fast += FAST_DECAY.powi((n_baskets - 1 - at) as i32);
        self.weight += weight;
    }

    /// Baskets from the last buying to basket `next`, which is not yet there.
    pub fn elapsed(&self, next: u32) -> u32 {
        next - self.last
    }

    /// Mean baskets between two buyings, 0 when bought once.
    pub fn mean_gap(&self) -> f32 {
        match self.n_bought {
            0 | 1 => 0.0,
            n => (self.last - self.first) as f32 / (n - 1) as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_distinct_and_within_the_table() {
        let mut cells: Vec<usize> = [1, 2, 3, 4, 5, 8, 15]
            .iter()
            .flat_map(|&n| [1, 2, 3, 4, 5, 6, 8, 11, 16, 21, 31].map(|elapsed| cell_of(n, elapsed)))
            .collect();
        cells.sort_unstable();
        assert_eq!(cells, (0..N_CELLS).collect::<Vec<_>>());
        assert_eq!(cell_of(1_000_000, u32::MAX), N_CELLS - 1);
        assert_eq!(cell_of(7, 7), cell_of(5, 6));
    }

    #[test]
    fn a_rate_is_shrunk_to_one() {
        assert_eq!(Renewal::default().factor(), 1.0);
        assert!(Renewal { n_again: 4.0, expected: 2.0 }.factor() < 2.0);
        let much = Renewal { n_again: 4000.0, expected: 2000.0 };
        assert!((much.factor() - 2.0).abs() < 0.01);
    }

    #[test]
    fn a_habit_remembers_gaps() {
        let mut habit = Habit::default();
        for at in [1, 3, 7] {
            habit.buy(at, 8, 0.5);
        }
        assert_eq!((habit.n_bought, habit.first, habit.last, habit.last_gap), (3, 1, 7, 4));
        assert_eq!((habit.mean_gap(), habit.elapsed(8), habit.weight), (3.0, 1, 1.5));
        assert!((habit.fast - (1.0 + 0.6_f32.powi(4) + 0.6_f32.powi(6))).abs() < 1e-6);
    }
}
