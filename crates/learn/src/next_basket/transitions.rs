//! What is bought after an item: from basket to basket of the same customer.
//!
//! ```text
//! p(j after i) = sum over baskets b with i, over lags l = 1 .. L with j in basket b + l,
//!                of D^(l - 1) / (n_i + M)
//! ```
//!
//! j = i is left out: buying again is told by habits. M shrinks rare items to nothing, so that two
//! buyers in common do not look like a law.

use rayon::prelude::*;
use score::next_basket::SequencesView;
use sparse::{Accumulator, Csr, CsrView, TopK};

/// D, L and M; set by hand, not searched.
const LAG_DECAY: f32 = 0.6;
pub(super) const N_LAGS: u32 = 3;
const SHRINKAGE: f32 = 10.0;
/// Items kept of each row, likeliest first.
pub(super) const PER_ITEM: usize = 200;
/// Newest baskets of an item that are looked at.
const MAX_BASKETS: usize = 20_000;

/// Item → items bought later.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transitions {
    pub rows: Csr,
    pub chances: Vec<f32>,
}

impl Transitions {
    pub fn learn(sequences: SequencesView<'_>, baskets_of: CsrView<'_>) -> Transitions {
        let n_items = baskets_of.n_rows();
        let rows: Vec<Vec<(u32, f32)>> = (0..n_items as u32)
            .into_par_iter()
            .map_init(
                || (Accumulator::new(n_items), TopK::new(PER_ITEM)),
                |(sums, best), item| row_of(sequences, baskets_of, item, sums, best),
            )
            .collect();
        let mut table = Transitions::default();
        for row in rows {
            let items: Vec<u32> = row.iter().map(|&(item, _)| item).collect();
            table.rows.push_row(&items);
            table.chances.extend(row.iter().map(|&(_, chance)| chance));
        }
        table
    }
}

fn row_of(
    sequences: SequencesView<'_>,
    baskets_of: CsrView<'_>,
    item: u32,
    sums: &mut Accumulator,
    best: &mut TopK,
) -> Vec<(u32, f32)> {
    let baskets = baskets_of.row(item as usize);
    let newest = &baskets[baskets.len().saturating_sub(MAX_BASKETS)..];
    for &basket in newest {
        let end = sequences.end_of_owner(basket);
        let mut weight = 1.0;
        for after in basket + 1..end.min(basket + 1 + N_LAGS) {
            sequences.basket(after).iter().for_each(|&next| sums.add(next, weight));
            weight *= LAG_DECAY;
        }
    }
    best.reset(PER_ITEM);
    sums.drain(|next, sum| {
        if next != item {
            best.push(next, sum / (newest.len() as f32 + SHRINKAGE));
        }
    });
    best.sorted().iter().map(|scored| (scored.index, scored.score)).collect()
}
