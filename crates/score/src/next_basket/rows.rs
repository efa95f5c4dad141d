//! Sparse rows with a weight beside each entry, borrowed.

use sparse::CsrView;

/// Row r: the columns `rows.row(r)` with the weights at `rows.range(r)`.
#[derive(Clone, Copy, Debug)]
pub struct WeightedRows<'a> {
    rows: CsrView<'a>,
    weights: &'a [f32],
}

impl<'a> WeightedRows<'a> {
    /// # Panics
    /// When there is not one weight an entry.
    pub fn new(rows: CsrView<'a>, weights: &'a [f32]) -> WeightedRows<'a> {
        assert_eq!(rows.n_entries(), weights.len(), "one weight an entry");
        WeightedRows { rows, weights }
    }

    pub fn n_rows(&self) -> usize {
        self.rows.n_rows()
    }

    #[inline]
    pub fn row(&self, row: u32) -> (&'a [u32], &'a [f32]) {
        let range = self.rows.range(row as usize);
        (&self.rows.indices()[range.clone()], &self.weights[range])
    }

    #[inline]
    pub fn len_of(&self, row: u32) -> usize {
        self.rows.range(row as usize).len()
    }
}
