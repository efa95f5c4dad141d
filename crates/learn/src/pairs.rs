//! Pair evidence and short-basket neighbors, from one pass over the Gram rows.
//!
//! For each anchor the [`PairParams::per_item`] pairs with the largest recency-weighted Jaccard
//! index are kept,
//!
//! ```text
//! J[i][j] = recent[i][j] / (recent[i][i] + recent[j][j] − recent[i][j])
//! ```
//!
//! and for each the counts, lift, G², Wilson bound and shrunk probability (formulas and sources:
//! `measure::evidence`), computed from unweighted counts, so that they can be told to people.
//! Baskets above the limit count nowhere: not in n_both, nor in n_a, n_b or N.
//!
//! A pair is significant when it is seen in at least [`PairParams::min_baskets`] baskets, more
//! often than chance, and Fisher's exact p-value passes Benjamini–Hochberg. Tested are all
//! m(m − 1)/2 pairs of the m items sold, also those never seen together: to count only what was
//! seen would be to choose the tests by their outcome, and of 20,000 baskets thrown together by
//! chance every pair that met twice would pass.
//!
//! Neighbors are the items with the largest Σ recency/|b| over common baskets: what sells beside a
//! single item, where a basket of three says more than one of three hundred (the weighting that
//! basket-kNN with a small k arrives at by other means).

use crate::gram::{BasketWeights, GramRow, map_rows};
use history::{Baskets, NO_CUSTOMER};
use measure::PairTable;
use measure::evidence::Z_95;
use rayon::prelude::*;
use snapshot::tables::names;
use snapshot::{PairStats, Rows, SnapshotWriter};
use sparse::{Csr, Scored, TopK};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairParams {
    /// Pairs kept for each anchor, and neighbors for each item.
    pub per_item: usize,
    /// Common baskets below which a pair is an accident.
    pub min_baskets: u32,
    /// Expected share of false pairs among the significant ones.
    pub false_discovery_rate: f64,
}

impl Default for PairParams {
    fn default() -> PairParams {
        PairParams { per_item: 128, min_baskets: 2, false_discovery_rate: 0.05 }
    }
}

/// The tables of one pass.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PairTables {
    pub pairs: Csr,
    pub stats: Vec<PairStats>,
    pub neighbors: Csr,
    pub neighbor_weights: Vec<f32>,
    /// Unordered pairs seen together at all, those tested, and the kept ones found significant (in
    /// both directions).
    pub n_seen: u64,
    pub n_tests: u64,
    pub n_significant: u64,
    /// Baskets of each item that were counted, then all of them; empty where no basket was left
    /// out, for then they are those of the items.
    pub totals: Vec<u32>,
}

impl PairTables {
    pub fn write(&self, writer: &mut SnapshotWriter) {
        Rows::write(writer, names::PAIRS, &self.pairs, &self.stats);
        if !self.totals.is_empty() {
            writer.add(names::PAIR_TOTALS, &self.totals);
        }
        Rows::write(writer, names::NEIGHBORS, &self.neighbors, &self.neighbor_weights);
    }
}

/// Steps of −ln p in the histogram from which the significance threshold is read: 1 % of p each, to
/// e^−100, which is below 5 % of all the pairs that four billion items can make.
const LN_P_STEP: f64 = 0.01;
const N_LN_P_STEPS: usize = 10_000;

struct Kept {
    item: u32,
    stats: PairStats,
    /// Step of its p-value; `None` when it cannot be significant.
    p_step: Option<usize>,
}

struct RowResult {
    pairs: Vec<Kept>,
    neighbors: Vec<Scored>,
}

/// Learns both tables. `baskets_of` is the transposed basket matrix; baskets left out by `weights`
/// count nowhere.
pub fn learn(
    baskets: &Baskets,
    baskets_of: &Csr,
    weights: &BasketWeights,
    prior_baskets: f64,
    params: &PairParams,
) -> PairTables {
    let is_counted = |&&basket: &&u32| weights.recent[basket as usize] > 0.0;
    let n_counted = |row: &[u32]| row.iter().filter(is_counted).count() as u64;
    let pass = Pass {
        n_baskets: (baskets.len() - weights.n_left_out) as u64,
        n_baskets_of: baskets_of.view().rows().map(n_counted).collect(),
        recent_self: recent_totals(baskets_of, weights),
        prior_baskets,
        params: *params,
        p_counts: (0..=N_LN_P_STEPS).map(|_| AtomicU64::new(0)).collect(),
        n_seen: AtomicU64::new(0),
    };
    let mut totals = Vec::new();
    if weights.n_left_out > 0 {
        let all = pass.n_baskets_of.iter().chain([&pass.n_baskets]);
        totals.extend(all.map(|&n| u32::try_from(n).unwrap_or(u32::MAX)));
    }
    let rows = map_rows(baskets.items.view(), baskets_of, weights, |row| pass.finish(row));
    let threshold = pass.threshold();
    let mut tables = PairTables {
        n_tests: pass.n_tests(),
        n_seen: pass.n_seen.into_inner(),
        totals,
        ..PairTables::default()
    };
    for row in rows {
        for Kept { item, mut stats, p_step } in row.pairs {
            let is_significant =
                p_step.zip(threshold).is_some_and(|(p_step, threshold)| p_step >= threshold);
            stats.is_significant = u32::from(is_significant);
            tables.n_significant += u64::from(is_significant);
            tables.pairs.indices.push(item);
            tables.stats.push(stats);
        }
        tables.pairs.offsets.push(tables.pairs.indices.len() as u64);
        for Scored { index, score } in row.neighbors {
            tables.neighbors.indices.push(index);
            tables.neighbor_weights.push(score);
        }
        tables.neighbors.offsets.push(tables.neighbors.indices.len() as u64);
    }
    add_directions(baskets, baskets_of.offsets.len() - 1, &mut tables);
    tables
}

/// Σ recent weights of each item's baskets: the diagonal of the recency-weighted Gram.
fn recent_totals(baskets_of: &Csr, weights: &BasketWeights) -> Vec<f32> {
    let rows = baskets_of.view();
    rows.rows().map(|row| row.iter().map(|&b| weights.recent[b as usize]).sum()).collect()
}

struct Pass {
    n_baskets: u64,
    n_baskets_of: Vec<u64>,
    recent_self: Vec<f32>,
    prior_baskets: f64,
    params: PairParams,
    p_counts: Vec<AtomicU64>,
    n_seen: AtomicU64,
}

impl Pass {
    fn finish(&self, row: &GramRow<'_>) -> RowResult {
        let anchor = row.item as usize;
        let mut by_jaccard = TopK::new(self.params.per_item);
        let mut by_short = TopK::new(self.params.per_item);
        let mut n_seen = 0;
        for &item in row.neighbors {
            let cell = row.cell(item);
            let union = self.recent_self[anchor] + self.recent_self[item as usize] - cell.recent;
            by_jaccard.push(item, cell.recent / union.max(f32::MIN_POSITIVE));
            by_short.push(item, cell.short);
            if item > row.item {
                n_seen += 1;
                if let Some(p_step) = self.p_step(&self.table(anchor, item, cell.n), cell.n) {
                    self.p_counts[p_step].fetch_add(1, Relaxed);
                }
            }
        }
        self.n_seen.fetch_add(n_seen, Relaxed);
        let pairs = by_jaccard
            .sorted()
            .iter()
            .map(|&Scored { index, score }| self.keep(anchor, index, row.cell(index).n, score))
            .collect();
        RowResult { pairs, neighbors: by_short.sorted().to_vec() }
    }

    fn table(&self, anchor: usize, item: u32, n_both: u32) -> PairTable {
        PairTable::new(
            u64::from(n_both),
            self.n_baskets_of[anchor],
            self.n_baskets_of[item as usize],
            self.n_baskets,
        )
    }

    /// Step of −ln p, rounded down; `None` for a pair that cannot be significant. Its p-value then
    /// counts as 1, which makes the rule no laxer and spares the time for the many seen once.
    fn p_step(&self, table: &PairTable, n_both: u32) -> Option<usize> {
        let can_be = n_both >= self.params.min_baskets && table.g2_signed() > 0.0;
        can_be.then(|| ((-table.p_value().ln() / LN_P_STEP) as usize).min(N_LN_P_STEPS))
    }

    fn keep(&self, anchor: usize, item: u32, n_both: u32, jaccard: f32) -> Kept {
        let table = self.table(anchor, item, n_both);
        let probability = table.shrunk_conditional(self.prior_baskets).unwrap_or(0.0);
        // Few baskets shrink the probability below the bound of the plain share: the bound is one
        // of what is told.
        let wilson_low = table.conditional_lower_bound(Z_95).min(probability);
        let stats = PairStats {
            n_both,
            n_after: 0,
            n_before: 0,
            is_significant: 0,
            lift: table.lift().unwrap_or(0.0) as f32,
            g2: table.g2() as f32,
            wilson_low: wilson_low as f32,
            probability: probability as f32,
            jaccard,
        };
        Kept { item, stats, p_step: self.p_step(&table, n_both) }
    }

    /// Pairs that could have been seen: of items sold in a basket that counts.
    fn n_tests(&self) -> u64 {
        let n_sold = self.n_baskets_of.iter().filter(|&&n| n > 0).count() as u64;
        n_sold * n_sold.saturating_sub(1) / 2
    }

    /// Benjamini–Hochberg on a histogram of −ln p: the smallest step at which
    /// p ≤ rate · (pairs at or above the step) / (pairs tested). Taking the largest p of a step for
    /// all in it errs on the safe side.
    fn threshold(&self) -> Option<usize> {
        let allowed_each = self.params.false_discovery_rate / self.n_tests().max(1) as f64;
        let mut n_above = 0;
        let mut threshold = None;
        for step in (0..=N_LN_P_STEPS).rev() {
            n_above += self.p_counts[step].load(Relaxed);
            let p_value = (-(step as f64) * LN_P_STEP).exp();
            if n_above > 0 && p_value <= allowed_each * n_above as f64 {
                threshold = Some(step);
            }
        }
        threshold
    }
}

/// Customers with more distinct items than this are tills, resellers or robots: their order of
/// purchase says nothing, and costs the square.
const MAX_ITEMS_OF_CUSTOMER: usize = 2_000;

/// Fills `n_after` and `n_before`: customers who first bought the anchor in an earlier (later)
/// basket than the item.
fn add_directions(baskets: &Baskets, n_items: usize, tables: &mut PairTables) {
    let firsts = first_baskets(baskets);
    // Which customers have an item, and in which basket first.
    let mut of_item: Vec<Vec<(u32, u32)>> = vec![Vec::new(); n_items];
    for (customer, items) in firsts.iter().enumerate() {
        for &(item, basket) in items {
            of_item[item as usize].push((customer as u32, basket));
        }
    }
    let offsets = &tables.pairs.offsets;
    let indices = &tables.pairs.indices;
    let counts: Vec<Vec<(u32, u32)>> = (0..n_items)
        .into_par_iter()
        .map_init(
            || vec![(0_u32, 0_u32); n_items],
            |sums, anchor| {
                for &(customer, basket) in &of_item[anchor] {
                    for &(item, other) in &firsts[customer as usize] {
                        let sum = &mut sums[item as usize];
                        sum.0 += u32::from(other > basket);
                        sum.1 += u32::from(other < basket);
                    }
                }
                let row = &indices[offsets[anchor] as usize..offsets[anchor + 1] as usize];
                let result = row.iter().map(|&item| sums[item as usize]).collect();
                for &(customer, _) in &of_item[anchor] {
                    for &(item, _) in &firsts[customer as usize] {
                        sums[item as usize] = (0, 0);
                    }
                }
                result
            },
        )
        .collect();
    for (stats, (n_after, n_before)) in tables.stats.iter_mut().zip(counts.into_iter().flatten()) {
        (stats.n_after, stats.n_before) = (n_after, n_before);
    }
}

/// For each customer the distinct items with the first basket that held each.
fn first_baskets(baskets: &Baskets) -> Vec<Vec<(u32, u32)>> {
    let known = baskets.customers.iter().filter(|&&customer| customer != NO_CUSTOMER);
    let n_customers = known.max().map_or(0, |&customer| customer as usize + 1);
    let mut firsts: Vec<Vec<(u32, u32)>> = vec![Vec::new(); n_customers];
    for (basket, items) in baskets.items.view().rows().enumerate() {
        let customer = baskets.customers[basket];
        if customer != NO_CUSTOMER {
            let row = &mut firsts[customer as usize];
            row.extend(items.iter().map(|&item| (item, basket as u32)));
        }
    }
    firsts.par_iter_mut().for_each(|row| {
        row.sort_unstable();
        row.dedup_by_key(|(item, _)| *item);
        if row.len() > MAX_ITEMS_OF_CUSTOMER {
            row.clear();
        }
        row.shrink_to_fit();
    });
    firsts
}

#[cfg(test)]
mod tests;
