//! Sparse accumulator: a dense array of sums and the list of slots touched, cleared as it is read.
//!
//! The classic structure of sparse matrix products (Gilbert, Moler, Schreiber 1992, section 3.1.3).
//! Adding is O(1); clearing costs what was touched, not the width.

/// Sums by column, with the list of columns touched.
#[derive(Clone, Debug)]
pub struct Accumulator {
    sums: Vec<f32>,
    touched: Vec<u32>,
    is_touched: Vec<bool>,
}

impl Accumulator {
    pub fn new(n_columns: usize) -> Accumulator {
        Accumulator {
            sums: vec![0.0; n_columns],
            touched: Vec::new(),
            is_touched: vec![false; n_columns],
        }
    }

    /// Widens to at least `n_columns`; never shrinks.
    pub fn widen(&mut self, n_columns: usize) {
        if n_columns > self.sums.len() {
            self.sums.resize(n_columns, 0.0);
            self.is_touched.resize(n_columns, false);
        }
    }

    #[inline]
    pub fn add(&mut self, column: u32, value: f32) {
        let slot = column as usize;
        if !self.is_touched[slot] {
            self.is_touched[slot] = true;
            self.touched.push(column);
        }
        self.sums[slot] += value;
    }

    /// Adds a value above 0 to a sum to which only such were added since it was cleared: a sum of
    /// 0 is then one that nobody touched, and one array less is read.
    #[inline]
    pub fn add_positive(&mut self, column: u32, value: f32) {
        debug_assert!(value > 0.0, "a value of {value}");
        let sum = &mut self.sums[column as usize];
        if *sum == 0.0 {
            self.touched.push(column);
        }
        *sum += value;
    }

    /// Keeps the larger of what is there and `value` (which must be ≥ 0).
    #[inline]
    pub fn raise(&mut self, column: u32, value: f32) {
        let slot = column as usize;
        if !self.is_touched[slot] {
            self.is_touched[slot] = true;
            self.touched.push(column);
        }
        if value > self.sums[slot] {
            self.sums[slot] = value;
        }
    }

    pub fn get(&self, column: u32) -> f32 {
        self.sums[column as usize]
    }

    /// Columns touched so far, in the order of their first touch.
    pub fn touched(&self) -> &[u32] {
        &self.touched
    }

    /// Hands each touched column and its sum to `visit` and leaves the accumulator empty.
    #[inline]
    pub fn drain(&mut self, mut visit: impl FnMut(u32, f32)) {
        for &column in &self.touched {
            let slot = column as usize;
            visit(column, self.sums[slot]);
            self.sums[slot] = 0.0;
            self.is_touched[slot] = false;
        }
        self.touched.clear();
    }

    pub fn clear(&mut self) {
        self.drain(|_, _| {});
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn sums_are_those_of_a_map(adds in prop::collection::vec((0_u32..20, -4_i8..5), 0..60)) {
            let mut accumulator = Accumulator::new(20);
            for _round in 0..2 {
                let mut naive = BTreeMap::new();
                for &(column, value) in &adds {
                    accumulator.add(column, f32::from(value));
                    *naive.entry(column).or_insert(0.0) += f32::from(value);
                }
                let mut got = BTreeMap::new();
                accumulator.drain(|column, sum| { got.insert(column, sum); });
                prop_assert_eq!(got, naive);
                prop_assert!(accumulator.touched().is_empty());
            }
        }
    }

    proptest! {
        #[test]
        fn positive_sums_are_those_of_any(
            adds in prop::collection::vec((0_u32..20, 1_u8..5), 0..60),
        ) {
            let (mut positive, mut any) = (Accumulator::new(20), Accumulator::new(20));
            for _round in 0..2 {
                for &(column, value) in &adds {
                    positive.add_positive(column, f32::from(value));
                    any.add(column, f32::from(value));
                }
                prop_assert_eq!(positive.touched(), any.touched());
                prop_assert!((0..20).all(|column| positive.get(column) == any.get(column)));
                positive.clear();
                any.clear();
            }
        }
    }

    #[test]
    fn raise_keeps_the_largest() {
        let mut accumulator = Accumulator::new(3);
        for value in [0.5, 2.0, 1.0] {
            accumulator.raise(1, value);
        }
        assert_eq!(accumulator.get(1), 2.0);
        assert_eq!(accumulator.touched(), [1]);
    }
}
