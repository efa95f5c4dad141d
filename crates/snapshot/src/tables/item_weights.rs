//! Item weights: a table of all items of EASE, or rows where there are too many items for one.

use super::{NONE, Snapshot, some_idx};

impl Snapshot {
    pub(super) fn item_weights_fit(&self) -> bool {
        let n_rows = self.ease_items().len();
        let rows = self.ease_rows();
        let has_rows = n_rows == 0 || (rows.len() == self.n_items && !self.has_sparse_weights());
        has_rows
            && rows.iter().all(|&row| row == NONE || (row as usize) < n_rows)
            && self.container.view(&self.ease_weights).len() == n_rows * n_rows
    }

    /// Items that have EASE weights; position = row and column.
    pub fn ease_items(&self) -> &[u32] {
        self.container.view(&self.ease_item_of_row)
    }

    /// The weights that an item of the context gives to each of [`Snapshot::ease_items`].
    #[inline]
    pub fn ease_row(&self, item: u32) -> Option<&[f32]> {
        let row = self.ease_row_idx(item)? as usize;
        let width = self.ease_items().len();
        self.container.view(&self.ease_weights).get(row * width..(row + 1) * width)
    }

    /// The row (and column) of an item among [`Snapshot::ease_items`].
    #[inline]
    pub fn ease_row_idx(&self, item: u32) -> Option<u32> {
        some_idx(*self.container.view(&self.ease_row_of_item).get(item as usize)?)
    }

    /// For each item its row of EASE weights, [`NONE`] without.
    #[inline]
    pub fn ease_rows(&self) -> &[u32] {
        self.container.view(&self.ease_row_of_item)
    }

    /// Do item weights lie by row, because there are too many items for a table of all of them?
    /// Then [`Snapshot::ease_items`] is empty.
    #[inline]
    pub fn has_sparse_weights(&self) -> bool {
        self.sparse_inverse.n_rows(&self.container) > 0
    }

    /// The weights that an item of the context gives, items rising; those left out are 0.
    #[inline]
    pub fn sparse_weights(&self, item: u32) -> (&[u32], &[f32]) {
        self.sparse_inverse.row(&self.container, item as usize)
    }
}
