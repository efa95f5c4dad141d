//! The one Gram builder: weighted co-occurrence counts, row by row, on all cores.
//!
//! ```text
//! n[i][j]      = Σ_b  x_bi x_bj                 baskets that hold both
//! recent[i][j] = Σ_b  r_b x_bi x_bj             r_b = 0.5^(age of b / half-life)
//! short[i][j]  = Σ_b  r_b |b|^-p x_bi x_bj      baskets of few items say more about a pair
//! ```
//!
//! Row `i` is made by walking the baskets that hold `i` (Gustavson 1978) into one accumulator of
//! 16 bytes an item, so the three sums of a pair share a cache line. A row is complete when it is
//! handed on, and is forgotten after: memory is O(items) a thread whatever the number of pairs.
//! Time is Σ_b |b|²; baskets above the limit are left out and counted.
//!
//! Sums run in order of baskets within a row, so every number of threads gives the same bytes.

use crate::recency;
use history::Baskets;
use rayon::prelude::*;
use sparse::{Csr, CsrView};

/// Weight of each basket and which are left out.
#[derive(Clone, Debug)]
pub struct BasketWeights {
    /// Recency: 1 at the end of the usual span, halved each half-life; 0 for what is left out.
    pub recent: Vec<f32>,
    /// Recency times |b|^-p.
    pub short: Vec<f32>,
    /// Baskets longer than the limit: a wholesaler's dump tells nothing about pairs and costs |b|².
    pub n_left_out: usize,
}

impl BasketWeights {
    pub fn new(baskets: &Baskets, half_life_days: Option<f64>, max_items: usize) -> BasketWeights {
        let mut weights = BasketWeights {
            recent: Vec::with_capacity(baskets.len()),
            short: Vec::with_capacity(baskets.len()),
            n_left_out: 0,
        };
        let recencies = recency::weights(baskets, half_life_days);
        for (basket, recency) in baskets.items.view().rows().zip(recencies) {
            let is_left_out = basket.len() > max_items;
            weights.n_left_out += usize::from(is_left_out);
            let recent = if is_left_out { 0.0 } else { recency };
            weights.recent.push(recent as f32);
            weights.short.push((recent / basket.len().max(2) as f64) as f32);
        }
        weights
    }
}

/// Sums of one pair.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(16))]
pub struct Cell {
    pub n: u32,
    pub recent: f32,
    pub short: f32,
}

/// One finished row: the neighbors of `item` in the order of their first basket, with their sums.
pub struct GramRow<'a> {
    pub item: u32,
    /// Sum of `recent` weights of the item's own baskets: the diagonal.
    pub recent_self: f32,
    pub neighbors: &'a [u32],
    pub cells: &'a [Cell],
}

impl GramRow<'_> {
    #[inline]
    pub fn cell(&self, neighbor: u32) -> &Cell {
        &self.cells[neighbor as usize]
    }
}

/// One thread's accumulator.
struct Accumulator {
    cells: Vec<Cell>,
    touched: Vec<u32>,
}

/// Makes every row and hands it to `finish`; results come back in order of items.
///
/// `baskets_of` is the transposed basket matrix. Cost: Σ |b|² additions over all threads.
pub fn map_rows<T: Send>(
    baskets: CsrView<'_>,
    baskets_of: &Csr,
    weights: &BasketWeights,
    finish: impl Fn(&GramRow<'_>) -> T + Sync,
) -> Vec<T> {
    let n_items = baskets_of.offsets.len() - 1;
    let baskets_of = baskets_of.view();
    (0..n_items as u32)
        .into_par_iter()
        .with_min_len(16)
        .map_init(
            || Accumulator { cells: vec![Cell::default(); n_items], touched: Vec::new() },
            |accumulator, item| {
                let recent_self = add_row(baskets, baskets_of, weights, item, accumulator);
                let row = GramRow {
                    item,
                    recent_self,
                    neighbors: &accumulator.touched,
                    cells: &accumulator.cells,
                };
                let result = finish(&row);
                for &neighbor in &accumulator.touched {
                    accumulator.cells[neighbor as usize] = Cell::default();
                }
                accumulator.touched.clear();
                result
            },
        )
        .collect()
}

fn add_row(
    baskets: CsrView<'_>,
    baskets_of: CsrView<'_>,
    weights: &BasketWeights,
    item: u32,
    accumulator: &mut Accumulator,
) -> f32 {
    let mut recent_self = 0.0;
    for &basket in baskets_of.row(item as usize) {
        let (recent, short) = (weights.recent[basket as usize], weights.short[basket as usize]);
        if recent <= 0.0 {
            continue;
        }
        recent_self += recent;
        for &neighbor in baskets.row(basket as usize) {
            let cell = &mut accumulator.cells[neighbor as usize];
            if cell.n == 0 {
                accumulator.touched.push(neighbor);
            }
            cell.n += 1;
            cell.recent += recent;
            cell.short += short;
        }
    }
    // The item met itself in each of its baskets.
    if let Some(at) = accumulator.touched.iter().position(|&neighbor| neighbor == item) {
        accumulator.touched.remove(at);
        accumulator.cells[item as usize] = Cell::default();
    }
    recent_self
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Timestamp;
    use events::time::DAY_US;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn baskets(rows: &[Vec<u32>]) -> Baskets {
        Baskets {
            items: rows.iter().collect(),
            at: (0..rows.len()).map(|day| Timestamp(day as i64 * DAY_US)).collect(),
            customers: vec![history::NO_CUSTOMER; rows.len()],
        }
    }

    proptest! {
        #[test]
        fn rows_are_those_of_a_double_loop(
            rows in prop::collection::vec(prop::collection::btree_set(0_u32..9, 0..7), 0..20),
        ) {
            let rows: Vec<Vec<u32>> =
                rows.into_iter().map(|row| row.into_iter().collect()).collect();
            let baskets = baskets(&rows);
            let weights = BasketWeights::new(&baskets, Some(3.0), 5);
            let baskets_of = baskets.items.view().transpose(9);
            let got = map_rows(baskets.items.view(), &baskets_of, &weights, |row| {
                row.neighbors.iter().map(|&j| (j, *row.cell(j))).collect::<BTreeMap<_, _>>()
            });
            for i in 0..9_u32 {
                let mut naive: BTreeMap<u32, (u32, f32, f32)> = BTreeMap::new();
                for (b, row) in rows.iter().enumerate().filter(|(_, row)| row.len() <= 5) {
                    let age_days = (rows.len() - 1 - b) as f64;
                    let recent = 0.5_f64.powf(age_days / 3.0);
                    for &j in row.iter().filter(|&&j| j != i && row.contains(&i)) {
                        let sums = naive.entry(j).or_default();
                        sums.0 += 1;
                        sums.1 += recent as f32;
                        sums.2 += (recent / row.len().max(2) as f64) as f32;
                    }
                }
                let got = &got[i as usize];
                prop_assert_eq!(got.len(), naive.len());
                for (j, (n, recent, short)) in naive {
                    let cell = got[&j];
                    prop_assert_eq!(cell.n, n);
                    prop_assert!((cell.recent - recent).abs() < 1e-5);
                    prop_assert!((cell.short - short).abs() < 1e-5);
                }
            }
        }
    }

    #[test]
    fn long_baskets_are_left_out_and_counted() {
        let baskets = baskets(&[vec![0, 1], vec![0, 1, 2, 3]]);
        let weights = BasketWeights::new(&baskets, None, 3);
        assert_eq!(weights.n_left_out, 1);
        let baskets_of = baskets.items.view().transpose(4);
        let n = map_rows(baskets.items.view(), &baskets_of, &weights, |row| row.neighbors.len());
        assert_eq!(n, [1, 1, 0, 0]);
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let rows: Vec<Vec<u32>> =
            (0..200_u32).map(|b| (0..30).filter(|i| (b * 7 + i * i) % 5 < 2).collect()).collect();
        let baskets = baskets(&rows);
        let weights = BasketWeights::new(&baskets, Some(40.0), 100);
        let baskets_of = baskets.items.view().transpose(30);
        let run = |n_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            pool.install(|| {
                map_rows(baskets.items.view(), &baskets_of, &weights, |row| {
                    row.neighbors.iter().map(|&j| (j, *row.cell(j))).collect::<Vec<_>>()
                })
            })
        };
        assert_eq!(run(1), run(8));
    }
}
