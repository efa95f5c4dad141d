//! All pair counts, exactly: how many baskets hold both of two items, for every pair that any
//! basket holds.
//!
//! Only the upper triangle is counted. Row `i` walks the baskets that hold `i` and counts what
//! stands after `i` in each (baskets rise), so each common basket of a pair is touched once:
//! Σ |b| (|b| − 1) / 2 increments of a `u32`, spread over all cores by rows.
//!
//! Memory: the result (8 bytes a pair) and 4 bytes an item and thread.

use rayon::prelude::*;
use sparse::CsrView;
use std::ops::Range;

/// Counts of pairs (i, j), i < j, in blocks of rows as they were made: joining them would write
/// everything a second time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PairCounts {
    blocks: Vec<Block>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Block {
    first_row: usize,
    /// Where each row ends in the two below.
    ends: Vec<usize>,
    items: Vec<u32>,
    counts: Vec<u32>,
}

impl PairCounts {
    pub fn n_pairs(&self) -> usize {
        self.blocks.iter().map(|block| block.counts.len()).sum()
    }

    /// Sum of all counts.
    pub fn total(&self) -> u64 {
        let sum = |block: &Block| block.counts.iter().map(|&count| u64::from(count)).sum::<u64>();
        self.blocks.par_iter().map(sum).sum()
    }

    /// Row `i`, its `j` rising, and their counts; rows rise.
    pub fn rows(&self) -> impl Iterator<Item = (usize, &[u32], &[u32])> {
        self.blocks.iter().flat_map(|block| {
            let starts = std::iter::once(0).chain(block.ends.iter().copied());
            starts.zip(&block.ends).enumerate().map(|(at, (from, &to))| {
                (block.first_row + at, &block.items[from..to], &block.counts[from..to])
            })
        })
    }
}

struct Workspace {
    counts: Vec<u32>,
    touched: Vec<u32>,
}

/// Counts every pair. Rows of `baskets` rise and hold no item twice.
pub fn count(baskets: CsrView<'_>, n_items: usize) -> PairCounts {
    let starts = suffix_starts(baskets, n_items);
    // Rows are dealt out in blocks; each block's result is one piece of the answer.
    let block = (n_items / (rayon::current_num_threads() * 64)).max(1);
    let blocks = (0..n_items.div_ceil(block))
        .into_par_iter()
        .map_init(
            || Workspace { counts: vec![0; n_items], touched: Vec::new() },
            |workspace, at| {
                let rows = at * block..((at + 1) * block).min(n_items);
                count_block(baskets.indices(), &starts, rows, workspace)
            },
        )
        .collect();
    PairCounts { blocks }
}

/// For each item, where what stands after it begins and ends, basket by basket.
struct SuffixStarts {
    offsets: Vec<u64>,
    ranges: Vec<(u32, u32)>,
}

fn suffix_starts(baskets: CsrView<'_>, n_items: usize) -> SuffixStarts {
    let mut offsets = vec![0_u64; n_items + 1];
    for basket in baskets.rows() {
        // The last item of a basket has nothing after it.
        for &item in basket.split_last().map_or(&[][..], |(_, rest)| rest) {
            offsets[item as usize + 1] += 1;
        }
    }
    for item in 0..n_items {
        offsets[item + 1] += offsets[item];
    }
    let mut next = offsets.clone();
    let mut ranges = vec![(0_u32, 0_u32); offsets[n_items] as usize];
    for row in 0..baskets.n_rows() {
        let range = baskets.range(row);
        for at in range.start..range.end.saturating_sub(1) {
            let slot = &mut next[baskets.indices()[at] as usize];
            ranges[*slot as usize] = (at as u32 + 1, range.end as u32);
            *slot += 1;
        }
    }
    SuffixStarts { offsets, ranges }
}

fn count_block(
    indices: &[u32],
    starts: &SuffixStarts,
    rows: Range<usize>,
    workspace: &mut Workspace,
) -> Block {
    let n_items = workspace.counts.len();
    let ranges_of =
        |row: usize| &starts.ranges[starts.offsets[row] as usize..starts.offsets[row + 1] as usize];
    let n_added = |row: usize| ranges_of(row).iter().map(|&(from, to)| (to - from) as usize).sum();
    // At most so many pairs: room that is never touched costs nothing, growing costs a copy.
    let bound = |row: usize| usize::min(n_added(row), n_items - row - 1);
    let room = rows.clone().map(bound).sum();
    let mut block = Block {
        first_row: rows.start,
        ends: Vec::with_capacity(rows.len()),
        items: Vec::with_capacity(room),
        counts: Vec::with_capacity(room),
    };
    for row in rows {
        let ranges = ranges_of(row);
        // Where most of the row will be hit, looking at every slot is cheaper than keeping a list.
        if n_added(row) > n_items / 8 {
            add_dense(indices, ranges, &mut workspace.counts);
            take_dense(row, &mut workspace.counts, &mut block.items, &mut block.counts);
        } else {
            add_sparse(indices, ranges, workspace);
            take_sparse(workspace, &mut block.items, &mut block.counts);
        }
        block.ends.push(block.items.len());
    }
    block
}

fn add_dense(indices: &[u32], ranges: &[(u32, u32)], counts: &mut [u32]) {
    for &(from, to) in ranges {
        for &item in &indices[from as usize..to as usize] {
            // At most one increment a basket: cannot overflow, baskets are counted in u32.
            let count = &mut counts[item as usize];
            *count = count.wrapping_add(1);
        }
    }
}

fn take_dense(row: usize, row_counts: &mut [u32], items: &mut Vec<u32>, counts: &mut Vec<u32>) {
    for (at, count) in row_counts[row + 1..].iter_mut().enumerate() {
        if *count != 0 {
            items.push((row + 1 + at) as u32);
            counts.push(*count);
            *count = 0;
        }
    }
}

fn add_sparse(indices: &[u32], ranges: &[(u32, u32)], workspace: &mut Workspace) {
    for &(from, to) in ranges {
        for &item in &indices[from as usize..to as usize] {
            let count = &mut workspace.counts[item as usize];
            if *count == 0 {
                workspace.touched.push(item);
            }
            *count = count.wrapping_add(1);
        }
    }
}

fn take_sparse(workspace: &mut Workspace, items: &mut Vec<u32>, counts: &mut Vec<u32>) {
    workspace.touched.sort_unstable();
    for &item in &workspace.touched {
        items.push(item);
        counts.push(std::mem::take(&mut workspace.counts[item as usize]));
    }
    workspace.touched.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sparse::Csr;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn counts_are_those_of_a_double_loop(
            rows in prop::collection::vec(prop::collection::btree_set(0_u32..30, 0..20), 0..40),
            n_items in 30_usize..400,
        ) {
            let baskets: Csr =
                rows.iter().map(|row| row.iter().copied().collect::<Vec<_>>()).collect();
            let mut naive: BTreeMap<(u32, u32), u32> = BTreeMap::new();
            for row in &rows {
                for &i in row {
                    for &j in row.range(i + 1..) {
                        *naive.entry((i, j)).or_default() += 1;
                    }
                }
            }
            let got = count(baskets.view(), n_items);
            let mut listed = BTreeMap::new();
            for (row, items, counts) in got.rows() {
                prop_assert!(items.is_sorted());
                listed.extend(items.iter().map(|&item| (row as u32, item)).zip(counts.to_vec()));
            }
            prop_assert_eq!(got.rows().map(|(row, ..)| row).collect::<Vec<_>>(),
                (0..n_items).collect::<Vec<_>>());
            prop_assert_eq!(got.n_pairs(), naive.len());
            prop_assert_eq!(got.total(), naive.values().map(|&n| u64::from(n)).sum::<u64>());
            prop_assert_eq!(listed, naive);
        }
    }
}
