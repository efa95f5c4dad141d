//! Compressed sparse rows over `u32` columns.
//!
//! `offsets` has `n_rows + 1` entries, starts at 0, never falls; row `r` is
//! `indices[offsets[r]..offsets[r + 1]]`. Offsets are `u64` so that the same bytes can be mapped
//! from a snapshot on any machine.

/// Borrowed rows, as they lie in memory or in a mapped file.
#[derive(Clone, Copy, Debug)]
pub struct CsrView<'a> {
    offsets: &'a [u64],
    indices: &'a [u32],
}

/// Why a pair of arrays is no CSR matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsrFault {
    NoOffsets,
    FirstOffsetNotZero,
    OffsetsFall { row: usize },
    LastOffset { expected: u64, found: u64 },
    IndexOutOfRange { at: usize, index: u32, n_columns: u32 },
}

impl<'a> CsrView<'a> {
    /// Checks every invariant: O(rows + entries).
    pub fn checked(
        offsets: &'a [u64],
        indices: &'a [u32],
        n_columns: u32,
    ) -> Result<CsrView<'a>, CsrFault> {
        let (Some(&first), Some(&last)) = (offsets.first(), offsets.last()) else {
            return Err(CsrFault::NoOffsets);
        };
        if first != 0 {
            return Err(CsrFault::FirstOffsetNotZero);
        }
        if let Some(row) = offsets.windows(2).position(|pair| pair[0] > pair[1]) {
            return Err(CsrFault::OffsetsFall { row });
        }
        if last != indices.len() as u64 {
            return Err(CsrFault::LastOffset { expected: indices.len() as u64, found: last });
        }
        match indices.iter().position(|&index| index >= n_columns) {
            Some(at) => Err(CsrFault::IndexOutOfRange { at, index: indices[at], n_columns }),
            None => Ok(CsrView { offsets, indices }),
        }
    }

    /// For arrays that were checked before (a validated snapshot).
    pub fn trusted(offsets: &'a [u64], indices: &'a [u32]) -> CsrView<'a> {
        debug_assert_eq!(offsets.last().copied(), Some(indices.len() as u64));
        CsrView { offsets, indices }
    }

    pub fn n_rows(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn n_entries(&self) -> usize {
        self.indices.len()
    }

    /// Where the entries of `row` lie, for arrays of values beside the indices.
    #[inline]
    pub fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.offsets[row] as usize..self.offsets[row + 1] as usize
    }

    #[inline]
    pub fn row(&self, row: usize) -> &'a [u32] {
        &self.indices[self.range(row)]
    }

    pub fn rows(&self) -> impl ExactSizeIterator<Item = &'a [u32]> + '_ {
        (0..self.n_rows()).map(|row| self.row(row))
    }

    pub fn offsets(&self) -> &'a [u64] {
        self.offsets
    }

    pub fn indices(&self) -> &'a [u32] {
        self.indices
    }

    /// Columns become rows; the entries of each new row rise. O(entries).
    pub fn transpose(&self, n_columns: usize) -> Csr {
        let mut offsets = vec![0_u64; n_columns + 1];
        for &column in self.indices {
            offsets[column as usize + 1] += 1;
        }
        for column in 0..n_columns {
            offsets[column + 1] += offsets[column];
        }
        let mut next: Vec<u64> = offsets[..n_columns].to_vec();
        let mut indices = vec![0_u32; self.indices.len()];
        for row in 0..self.n_rows() {
            for &column in self.row(row) {
                let slot = &mut next[column as usize];
                indices[*slot as usize] = row as u32;
                *slot += 1;
            }
        }
        Csr { offsets, indices }
    }
}

/// Owned rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csr {
    pub offsets: Vec<u64>,
    pub indices: Vec<u32>,
}

impl Default for Csr {
    fn default() -> Csr {
        Csr { offsets: vec![0], indices: Vec::new() }
    }
}

impl Csr {
    pub fn with_capacity(n_rows: usize, n_entries: usize) -> Csr {
        let mut offsets = Vec::with_capacity(n_rows + 1);
        offsets.push(0);
        Csr { offsets, indices: Vec::with_capacity(n_entries) }
    }

    pub fn push_row(&mut self, row: &[u32]) {
        self.indices.extend_from_slice(row);
        self.offsets.push(self.indices.len() as u64);
    }

    pub fn view(&self) -> CsrView<'_> {
        CsrView { offsets: &self.offsets, indices: &self.indices }
    }
}

impl<R: AsRef<[u32]>> FromIterator<R> for Csr {
    fn from_iter<I: IntoIterator<Item = R>>(rows: I) -> Csr {
        let mut csr = Csr::default();
        for row in rows {
            csr.push_row(row.as_ref());
        }
        csr
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_each_fault() {
        assert_eq!(CsrView::checked(&[], &[], 1).unwrap_err(), CsrFault::NoOffsets);
        assert_eq!(CsrView::checked(&[1], &[], 1).unwrap_err(), CsrFault::FirstOffsetNotZero);
        assert_eq!(
            CsrView::checked(&[0, 2, 1], &[0], 1).unwrap_err(),
            CsrFault::OffsetsFall { row: 1 }
        );
        assert_eq!(
            CsrView::checked(&[0, 2], &[0], 1).unwrap_err(),
            CsrFault::LastOffset { expected: 1, found: 2 }
        );
        assert_eq!(
            CsrView::checked(&[0, 1], &[3], 3).unwrap_err(),
            CsrFault::IndexOutOfRange { at: 0, index: 3, n_columns: 3 }
        );
    }

    proptest! {
        #[test]
        fn transpose_is_the_naive_one(
            rows in prop::collection::vec(prop::collection::btree_set(0_u32..7, 0..5), 0..9),
        ) {
            let rows: Vec<Vec<u32>> =
                rows.into_iter().map(|row| row.into_iter().collect()).collect();
            let csr: Csr = rows.iter().collect();
            let naive: Csr = (0..7_u32)
                .map(|column| {
                    let has = |row: &u32| rows[*row as usize].contains(&column);
                    (0..rows.len() as u32).filter(has).collect::<Vec<_>>()
                })
                .collect();
            prop_assert_eq!(csr.view().transpose(7), naive);
        }
    }
}
