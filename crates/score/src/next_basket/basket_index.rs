//! Baskets like the customer's newest ones, and what their owners bought next.
//!
//! ```text
//! sim(b)  = sum over the items i of the query in b of w_i idf_i / sqrt(|b|)
//! next[j] = sum over the k most similar b of sim(b) for each j in the basket after b
//! same[j] = the same for each j in b itself
//! ```
//!
//! w_i is 1 for an item of the newest basket and falls by [`AGE_DECAY`] a basket before. Session
//! neighbors (Jannach and Ludewig 2017, VS-kNN) with orders in place of sessions.

use super::sequence::{Sequence, SequencesView};
use sparse::{Accumulator, CsrView, TopK};

/// Weight of a basket against the one after it, in the query.
pub const AGE_DECAY: f32 = 0.6;
/// Baskets of the query.
pub const N_NEWEST: usize = 4;

/// All baskets by item.
#[derive(Clone, Copy, Debug)]
pub struct BasketIndex<'a> {
    pub sequences: SequencesView<'a>,
    /// Item → baskets.
    pub baskets_of: CsrView<'a>,
}

impl BasketIndex<'_> {
    /// Weights of the query's items: those of the newest baskets, the newest weighing 1.
    pub fn query_of(sequence: Sequence<'_>, mut visit: impl FnMut(u32, f32)) {
        let mut weight = 1.0;
        for basket in sequence.iter().rev().take(N_NEWEST) {
            basket.iter().for_each(|&item| visit(item, weight));
            weight *= AGE_DECAY;
        }
    }

    /// The `k` most similar baskets, best first, without those of `exclude`. `sums` (as wide as
    /// there are baskets) is left empty.
    pub fn alike(
        &self,
        sequence: Sequence<'_>,
        exclude: Option<u32>,
        k: usize,
        sums: &mut Accumulator,
    ) -> Vec<(u32, f32)> {
        let n_baskets = self.sequences.n_baskets() as f32;
        BasketIndex::query_of(sequence, |item, weight| {
            if (item as usize) < self.baskets_of.n_rows() {
                let baskets = self.baskets_of.row(item as usize);
                let value = weight * (n_baskets / baskets.len().max(1) as f32).ln();
                baskets.iter().for_each(|&basket| sums.add(basket, value));
            }
        });
        let own = exclude.map_or(0..0, |customer| self.sequences.range(customer));
        let mut best = TopK::new(k);
        sums.drain(|basket, sum| {
            if !own.contains(&basket) {
                let len = self.sequences.basket(basket).len() as f32;
                best.push(basket, sum / len.sqrt());
            }
        });
        best.sorted().iter().map(|scored| (scored.index, scored.score)).collect()
    }
}
