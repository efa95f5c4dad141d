//! Folds for cross-fitting that have nothing to do with the order of rows.
//!
//! Row i mod K is no choice by chance: in a log that repeats itself (positions 1, 2, 3, …) one item
//! would lie in one fold, the model of that fold would not know it, and estimates that are unbiased
//! for folds drawn at random would be biased.

/// Fold of a row, below `n_folds`; the same on every machine.
///
/// The bits are those of SplitMix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014) at the row's number.
pub fn fold_of(row: usize, n_folds: usize) -> usize {
    let mut bits = (row as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    ((u128::from(bits) * n_folds as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_even_and_of_no_period() {
        for period in [1, 2, 3, 5, 7, 10] {
            let mut counts = [0_u32; 5];
            (0..10_000).for_each(|i| counts[fold_of(i * period, 5)] += 1);
            // A share of a fifth has a deviation of 40 rows.
            assert!(counts.iter().all(|count| count.abs_diff(2_000) < 160), "{period}: {counts:?}");
        }
    }
}
