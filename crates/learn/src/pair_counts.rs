//! All pair counts, exactly: how many baskets hold both of two items, for every pair that any
//! basket holds.
//!
//! Only the upper triangle is counted. Row `i` walks the baskets that hold `i` and counts what
//! stands after `i` in each (baskets rise), so each common basket of a pair is touched once:
//! Σ |b| (|b| − 1) / 2 increments of a `u32`, spread over all cores by rows.
//!
//! Memory: the result (some 2 bytes a pair, see `Block`) and 8 bytes an item and thread.

use rayon::prelude::*;
use sparse::CsrView;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::mem::take;
use std::ops::Range;

/// Counts of pairs (i, j), i < j, in blocks of rows as they were made: joining them would write
/// everything a second time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PairCounts {
    blocks: Vec<Block>,
}

/// Rows one after the other, as bytes: most pairs of a large catalogue are seen once, and fresh
/// memory costs more than the few instructions that save it. A pair is, in numbers of 7 bits a
/// byte, the last with its top bit clear,
///
/// ```text
/// (j − the j before, or − i, − 1) · 2 + (count > 1)
/// count − 2                                           where count > 1
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
struct Block {
    first_row: usize,
    /// Where each row ends in `pairs`.
    ends: Vec<usize>,
    pairs: Box<[u8]>,
    n_pairs: usize,
    total: u64,
}

impl Block {
    /// Row `i` with its pairs; rows rise.
    fn rows(&self) -> impl Iterator<Item = (usize, Pairs<'_>)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).enumerate().map(|(at, (from, &to))| {
            let row = self.first_row + at;
            (row, Pairs { last: row as u32, bytes: self.pairs[from..to].iter() })
        })
    }
}

/// `j` and how many baskets hold it with `i`; `j` rises.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    last: u32,
    bytes: std::slice::Iter<'a, u8>,
}

impl Pairs<'_> {
    #[inline]
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        let mut shift = 0;
        loop {
            let byte = *self.bytes.next()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
            shift += 7;
        }
    }
}

impl Iterator for Pairs<'_> {
    type Item = (u32, u32);

    #[inline]
    fn next(&mut self) -> Option<(u32, u32)> {
        let number = self.number()?;
        self.last += (number >> 1) as u32 + 1;
        let count = if number & 1 == 1 { self.number()? as u32 + 2 } else { 1 };
        Some((self.last, count))
    }
}

/// Count, then row and item: the least of the kept ones on top.
type Ranked = Reverse<(u32, Reverse<(usize, u32)>)>;

impl PairCounts {
    pub fn n_pairs(&self) -> usize {
        self.blocks.iter().map(|block| block.n_pairs).sum()
    }

    /// Sum of all counts.
    pub fn total(&self) -> u64 {
        self.blocks.iter().map(|block| block.total).sum()
    }

    /// Row `i` with its pairs; rows rise.
    pub fn rows(&self) -> impl Iterator<Item = (usize, Pairs<'_>)> {
        self.blocks.iter().flat_map(Block::rows)
    }

    /// The `n` pairs with the highest counts: i, j and count, highest first, equal counts in the
    /// order of their items.
    pub fn most_frequent(&self, n: usize) -> Vec<(usize, usize, u32)> {
        let keep = |top: &mut BinaryHeap<Ranked>, ranked: Ranked| {
            top.push(ranked);
            if top.len() > n {
                top.pop();
            }
        };
        let of_block = |mut top: BinaryHeap<Ranked>, block: &Block| {
            for (row, pairs) in block.rows() {
                for (item, count) in pairs {
                    let least = top.peek().map_or(0, |Reverse((least, _))| *least);
                    if top.len() < n || count >= least {
                        keep(&mut top, Reverse((count, Reverse((row, item)))));
                    }
                }
            }
            top
        };
        let tops = self.blocks.par_iter().fold(BinaryHeap::new, of_block);
        let top = tops.reduce(BinaryHeap::new, |mut one, other| {
            other.into_iter().for_each(|ranked| keep(&mut one, ranked));
            one
        });
        let told = |Reverse((count, Reverse((row, item)))): Ranked| (row, item as usize, count);
        top.into_sorted_vec().into_iter().map(told).collect()
    }
}

struct Workspace {
    counts: Vec<u32>,
    /// The first `n_touched` are items with a count; one place more than there are items.
    touched: Vec<u32>,
    n_touched: usize,
    writing: Writing,
}

/// The rows of one block so far.
#[derive(Default)]
struct Writing {
    bytes: Vec<u8>,
    last: u32,
    n_pairs: usize,
    total: u64,
}

impl Writing {
    #[inline]
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    #[inline]
    fn pair(&mut self, item: u32, count: u32) {
        let is_often = count > 1;
        self.number(u64::from(item - self.last - 1) << 1 | u64::from(is_often));
        if is_often {
            self.number(u64::from(count - 2));
        }
        self.last = item;
        self.n_pairs += 1;
        self.total += u64::from(count);
    }
}

/// Counts every pair. Rows of `baskets` rise and hold no item twice.
pub fn count(baskets: CsrView<'_>, n_items: usize) -> PairCounts {
    let starts = suffix_starts(baskets, n_items);
    // Rows are dealt out in blocks; each block's result is one piece of the answer.
    let block = (n_items / (rayon::current_num_threads() * 64)).max(1);
    let blocks = (0..n_items.div_ceil(block))
        .into_par_iter()
        .map_init(
            || Workspace {
                counts: vec![0; n_items],
                touched: vec![0; n_items + 1],
                n_touched: 0,
                writing: Writing::default(),
            },
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
    let n_added = |row: usize| -> usize {
        ranges_of(row).iter().map(|&(from, to)| (to - from) as usize).sum()
    };
    let first_row = rows.start;
    let mut ends = Vec::with_capacity(rows.len());
    for row in rows {
        let ranges = ranges_of(row);
        workspace.writing.last = row as u32;
        // Where most of the row will be hit, looking at every slot is cheaper than keeping a list.
        if n_added(row) > n_items / 8 {
            add_dense(indices, ranges, &mut workspace.counts);
            take_dense(row, workspace);
        } else {
            add_sparse(indices, ranges, workspace);
            take_sparse(workspace);
        }
        ends.push(workspace.writing.bytes.len());
    }
    let writing = &mut workspace.writing;
    // Copied out in its size: what it was written in is used again.
    let pairs = writing.bytes.as_slice().into();
    writing.bytes.clear();
    let (n_pairs, total) = (take(&mut writing.n_pairs), take(&mut writing.total));
    Block { first_row, ends, pairs, n_pairs, total }
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

fn take_dense(row: usize, workspace: &mut Workspace) {
    let Workspace { counts, writing, .. } = workspace;
    for (at, count) in counts[row + 1..].iter_mut().enumerate() {
        if *count != 0 {
            writing.pair((row + 1 + at) as u32, take(count));
        }
    }
}

fn add_sparse(indices: &[u32], ranges: &[(u32, u32)], workspace: &mut Workspace) {
    let Workspace { counts, touched, n_touched, .. } = workspace;
    for &(from, to) in ranges {
        for &item in &indices[from as usize..to as usize] {
            let count = &mut counts[item as usize];
            // No branch: whether an item is met for the first time is as good as chance.
            touched[*n_touched] = item;
            *n_touched += usize::from(*count == 0);
            *count = count.wrapping_add(1);
        }
    }
}

fn take_sparse(workspace: &mut Workspace) {
    let Workspace { counts, touched, n_touched, writing } = workspace;
    let touched = &mut touched[..take(n_touched)];
    touched.sort_unstable();
    for &item in touched.iter() {
        writing.pair(item, take(&mut counts[item as usize]));
    }
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
            for (row, pairs) in got.rows() {
                prop_assert!(pairs.clone().map(|(item, _)| item).is_sorted());
                listed.extend(pairs.map(|(item, count)| ((row as u32, item), count)));
            }
            prop_assert_eq!(got.rows().map(|(row, _)| row).collect::<Vec<_>>(),
                (0..n_items).collect::<Vec<_>>());
            let mut top: Vec<_> = naive.iter().map(|(&pair, &n)| (Reverse(n), pair)).collect();
            top.sort_unstable();
            let top: Vec<_> =
                top.iter().map(|&(Reverse(n), (i, j))| (i as usize, j as usize, n)).collect();
            for n in [0, 1, 5, 1_000] {
                prop_assert_eq!(&got.most_frequent(n)[..], &top[..n.min(top.len())]);
            }
            prop_assert_eq!(got.n_pairs(), naive.len());
            prop_assert_eq!(got.total(), naive.values().map(|&n| u64::from(n)).sum::<u64>());
            prop_assert_eq!(listed, naive);
        }
    }

    /// Numbers of one byte and of several, in gaps and in counts.
    #[test]
    fn far_items_and_high_counts_come_back() {
        let often = [3_u32, 66, 130, 16_600, 2_200_000];
        let times = [1_usize, 2, 129, 130, 131, 16_600];
        for (at, n_times) in times.into_iter().enumerate() {
            let once = [3, 4 + at as u32];
            let rows = std::iter::repeat_n(&often[..], n_times).chain([&once[..]]);
            let baskets: Csr = rows.collect();
            let got = count(baskets.view(), 2_200_001);
            let expected = |i: usize| often[i + 1..].iter().map(|&j| (j, n_times as u32));
            for (i, &item) in often.iter().enumerate() {
                let (row, pairs) = got.rows().nth(item as usize).unwrap();
                assert_eq!(row, item as usize);
                let own = (i == 0).then_some((4 + at as u32, 1));
                assert_eq!(
                    pairs.collect::<Vec<_>>(),
                    own.into_iter().chain(expected(i)).collect::<Vec<_>>()
                );
            }
        }
    }
}
