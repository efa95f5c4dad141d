//! What a run will take, told before it begins.
//!
//! Three moments compete for the peak: the solve of EASE, the copying of the inner tables into a
//! snapshot, and the tuning of the blend, which keeps the features of all candidates of all cases.

use crate::ease::BYTES_PER_CELL;
use crate::params::CheckedParams;
use crate::split::{MAX_CASES, MAX_VARIANTS};
use history::HistoryView;
use score::blend::Features;
use score::sources::N_DENSE;
use snapshot::PairStats;

/// Baskets, their transpose and the inner copy, rows of customers: a few words a line.
const BYTES_PER_LINE: u64 = 48;
/// Catalogue and its inner copy, words, sums of each thread.
const BYTES_PER_ITEM: u64 = 1_024;
/// A weight of EASE in a table.
const BYTES_PER_WEIGHT: u64 = size_of::<f32>() as u64;

/// Bytes that a run on this view will need at its peak, beside the view; rather too many.
pub fn memory_needed_bytes(view: &HistoryView, params: &CheckedParams) -> u64 {
    let n_items = view.n_items() as u64;
    let n_lines = view.baskets.items.indices.len() as u64;
    let n_core = n_items.min(params.ease_limit() as u64);
    let n_cells = n_core * n_core;
    let per_item = n_items.min(params.pairs.per_item as u64);
    let bytes_per_pair = size_of::<PairStats>() as u64 + 16;
    let pairs = n_items * per_item * bytes_per_pair;
    // While one fit is solved the weights of the best one so far are kept, and its own are made.
    let solving = pairs + n_cells * (BYTES_PER_CELL as u64 + 2 * BYTES_PER_WEIGHT);
    let copying = 3 * (pairs + n_cells * BYTES_PER_WEIGHT);
    let blending = pairs + n_cells * BYTES_PER_WEIGHT + blend_bytes(view, per_item);
    let peak = solving.max(copying).max(blending);
    n_lines * BYTES_PER_LINE + n_items * BYTES_PER_ITEM + peak
}

/// Features of all candidates of all cases. For a basket of average length, which tells no less
/// than the average over baskets: candidates grow slower than the basket.
fn blend_bytes(view: &HistoryView, per_item: u64) -> u64 {
    let n_baskets = view.baskets.len() as u64;
    let n_lines = view.baskets.items.indices.len() as u64;
    let n_cases = (n_baskets / 10 + 1).min(MAX_CASES as u64) * MAX_VARIANTS as u64;
    let basket_items = n_lines.div_ceil(n_baskets.max(1));
    let bought_items = n_lines.checked_div(view.n_customers.into()).unwrap_or(0);
    let proposed = N_DENSE as u64 + basket_items * 2 * per_item + bought_items;
    n_cases * proposed.min(view.n_items() as u64) * size_of::<Features>() as u64
}
