//! What learning next baskets takes, told before it begins.

use super::sequences::rows_of;
use super::served::ServedParams;
use super::transitions::{N_LAGS, PER_ITEM};
use history::HistoryView;
use score::next_basket::features::{MAX_CANDIDATES, N_FEATURES};
use score::next_basket::served::N_FRONT;

/// An item of a basket in sequences, lists and three kinds of vectors.
const BYTES_PER_LINE: u64 = 32;
/// A row of a case: features, label, a byte for each bin, score, derivatives.
const BYTES_PER_ROW: u64 = (N_FEATURES * 5 + 24) as u64;
/// Cases whose rows wait to be put with the others.
const N_WAITING: u64 = 2_048;

/// What the size depends on.
#[derive(Clone, Copy, Debug, Default)]
pub struct NextBasketSize {
    n_lines: u64,
    n_baskets: u64,
    n_customers: u64,
    n_transitions: u64,
    n_cuts: u64,
    n_ready: u64,
}

impl NextBasketSize {
    /// Nothing where nobody is known, or no basket is to be read.
    pub fn of(view: &HistoryView, params: &ServedParams) -> NextBasketSize {
        let rows = view.baskets.items.view();
        let mut size = NextBasketSize::default();
        let mut met = vec![0_u64; view.n_items()];
        for baskets in rows_of(view) {
            let kept = &baskets[baskets.len().saturating_sub(params.max_baskets)..];
            let lengths: Vec<u64> =
                kept.iter().map(|&row| rows.range(row as usize).len() as u64).collect();
            for (at, &row) in kept.iter().enumerate() {
                let after = lengths.iter().skip(at + 1).take(N_LAGS as usize).sum::<u64>();
                rows.row(row as usize).iter().for_each(|&item| met[item as usize] += after);
            }
            size.n_lines += lengths.iter().sum::<u64>();
            size.n_baskets += kept.len() as u64;
            size.n_customers += u64::from(!kept.is_empty());
        }
        size.n_transitions = met.iter().map(|&met| met.min(PER_ITEM as u64)).sum();
        size.n_cuts = params.ranker.n_cuts as u64;
        size.n_ready = size.n_customers.min(params.max_ready as u64) * N_FRONT as u64;
        size
    }

    /// The tables as they are written.
    pub fn table_bytes(&self) -> u64 {
        (self.n_lines + self.n_transitions + self.n_ready) * BYTES_PER_LINE
    }

    /// At the peak, with at most so many cases: two sets of tables, and the rows of all cases.
    pub fn learning_bytes(&self, max_groups: usize) -> u64 {
        let n_cases = (self.n_customers * self.n_cuts).min(self.n_baskets).min(max_groups as u64);
        // A tenth is kept apart to choose on.
        let n_cases = n_cases + n_cases / 5 + n_cases.min(N_WAITING);
        2 * self.table_bytes() + n_cases * MAX_CANDIDATES as u64 * BYTES_PER_ROW
    }
}
