//! What a run will take, told before it begins.
//!
//! Four moments compete for the peak: the solve of EASE, the copying of the inner tables into a
//! snapshot, the tuning
//! of the blend, and the training of the ranker; both keep the features of all candidates of all
//! cases.

use crate::ease::BYTES_PER_CELL;
use crate::error::Error;
use crate::params::CheckedParams;
use crate::ranker::MIN_RANKER_BASKETS;
use crate::ranker::cases::MAX_VARIANTS as MAX_RANKER_VARIANTS;
use crate::split::MAX_VARIANTS;
use history::HistoryView;
use score::blend::Features;
use score::ranker::features::Row;
use score::ranker::recall::{MAX_RECALLED, N_ORDERED};
use score::sources::N_DENSE;
use snapshot::PairStats;

/// Baskets, their transpose and the inner copy, rows of customers: a few words a line.
const BYTES_PER_LINE: u64 = 48;
/// Catalogue and its inner copy, words, sums of each thread.
const BYTES_PER_ITEM: u64 = 1_024;
/// A weight of EASE in a table.
const BYTES_PER_WEIGHT: u64 = size_of::<f32>() as u64;

/// Program, database pages, stacks and what the allocator keeps.
const PROCESS_BYTES: u64 = 48 << 20;
/// Cases of the ranker that are given up first of all; without any, the blend ranks.
const FEWER_CASES: [usize; 2] = [1_000, 0];
/// Baskets of the blend that are given up before EASE gives up items: a quarter of them chooses
/// nearly the same weights, and an item left out has none.
const FEWER_BASKETS: [usize; 2] = [1_000, 500];

/// Bytes that the whole process will take at its peak: what holds the view, and what learns from it
/// or has read it from the store before, which needs all columns twice.
pub fn peak_bytes(view: &HistoryView, params: &CheckedParams) -> u64 {
    let view_bytes = view_bytes(view);
    PROCESS_BYTES + view_bytes + view_bytes.max(memory_needed_bytes(view, params))
}

fn view_bytes(view: &HistoryView) -> u64 {
    let n_lines = view.baskets.items.indices.len() as u64;
    let n_baskets = view.baskets.len() as u64;
    // Offset, time, customer; most of a catalogue is text.
    let items = view.items.iter().map(|item| {
        let texts = [&item.title, &item.category, &item.image_url];
        let n_text = texts.into_iter().flatten().map(|text| text.len()).sum::<usize>();
        (size_of_val(item) + item.id.len() + n_text) as u64
    });
    4 * n_lines + 20 * n_baskets + items.sum::<u64>()
}

/// Parameters under which the process stays within the limit: as they are, or with fewer cases for
/// the ranker or none, or with fewer baskets to tune the blend on besides, or with fewer items of
/// EASE besides, or with neither.
///
/// # Errors
/// [`Error::TooLittleMemory`] when even that is too much.
pub fn fit(view: &HistoryView, params: &CheckedParams) -> Result<CheckedParams, Error> {
    let limit = params.memory_limit_bytes;
    let fits = |params: &CheckedParams| peak_bytes(view, params) <= limit;
    let n_ease = params.ease_max_items.min(view.n_items());
    if fits(params) {
        return Ok(params.clone());
    }
    for max_cases in FEWER_CASES {
        let fewer = params.with_ranker_cases(max_cases);
        if fits(&fewer) {
            return Ok(fewer);
        }
    }
    for n_baskets in FEWER_BASKETS.map(|n| n.min(params.blend_max_baskets)) {
        let fewer = params.reduced(n_ease, n_baskets);
        if fits(&fewer) {
            return Ok(fewer);
        }
    }
    for n_baskets in [FEWER_BASKETS[1].min(params.blend_max_baskets), 0] {
        let of = |n_items| params.reduced(n_items, n_baskets);
        if fits(&of(0)) {
            let (mut most, mut too_many) = (0, n_ease + 1);
            while too_many - most > 1 {
                let middle = most + (too_many - most) / 2;
                if fits(&of(middle)) { most = middle } else { too_many = middle }
            }
            return Ok(of(most));
        }
    }
    let needed = peak_bytes(view, &params.reduced(0, 0));
    Err(Error::TooLittleMemory { needed_mib: needed.div_ceil(1 << 20), limit_mib: limit >> 20 })
}

/// Bytes that a run on this view will need at its peak, beside the view; rather too many.
pub fn memory_needed_bytes(view: &HistoryView, params: &CheckedParams) -> u64 {
    let n_items = view.n_items() as u64;
    let n_lines = view.baskets.items.indices.len() as u64;
    let n_core = n_items.min(params.ease_max_items as u64);
    let n_cells = n_core * n_core;
    let per_item = n_items.min(params.pairs.per_item as u64);
    let bytes_per_pair = size_of::<PairStats>() as u64 + 16;
    let pairs = n_items * per_item * bytes_per_pair;
    // While one fit is solved the weights of the best one so far are kept, and its own are made.
    let solving = pairs + n_cells * (BYTES_PER_CELL as u64 + 2 * BYTES_PER_WEIGHT);
    // The ranker has an EASE of its own beside the other.
    let n_eases = if params.ranker.max_cases > 0 { 2 } else { 1 };
    let copying = 3 * (pairs + n_eases * n_cells * BYTES_PER_WEIGHT);
    let snapshot = pairs + n_eases * n_cells * BYTES_PER_WEIGHT;
    let blending = snapshot + blend_bytes(view, params, per_item);
    let ranker = ranker_bytes(view, params);
    let ranking = if ranker > 0 { snapshot + solving.max(copying) + ranker } else { 0 };
    let peak = solving.max(copying).max(blending).max(ranking);
    n_lines * BYTES_PER_LINE + n_items * BYTES_PER_ITEM + peak
}

/// Rows of all cases of the ranker, at most: those of three folds and three sizes of cart stay, and
/// as much as three more are at work. Facts and baskets of its own tables, by line.
fn ranker_bytes(view: &HistoryView, params: &CheckedParams) -> u64 {
    let n_baskets = view.baskets.len() as u64;
    let max_cases = params.ranker.max_cases as u64;
    if max_cases == 0 || params.blend_max_baskets == 0 || n_baskets < MIN_RANKER_BASKETS as u64 {
        return 0;
    }
    let n_cases = max_cases.min((n_baskets / 10 + 1) * MAX_RANKER_VARIANTS as u64);
    let n_rows = (view.n_items() as u64).min(MAX_RECALLED as u64);
    let n_lines = view.baskets.items.indices.len() as u64;
    // Nine thinned sets to learn from, two whole ones to watch and to check, a copy in bins; a
    // third more everywhere for those asked by guests.
    let bytes_per_case = n_rows * size_of::<Row>() as u64 + N_ORDERED as u64 * BYTES_PER_WEIGHT;
    12 * n_cases * bytes_per_case + n_lines * BYTES_PER_LINE
}

/// Features of all candidates of all cases. For a basket of average length, which tells no less
/// than the average over baskets: candidates grow slower than the basket.
fn blend_bytes(view: &HistoryView, params: &CheckedParams, per_item: u64) -> u64 {
    let n_baskets = view.baskets.len() as u64;
    let n_lines = view.baskets.items.indices.len() as u64;
    let n_cases = (n_baskets / 10 + 1).min(params.blend_max_baskets as u64) * MAX_VARIANTS as u64;
    let basket_items = n_lines.div_ceil(n_baskets.max(1));
    let bought_items = n_lines.checked_div(view.n_customers.into()).unwrap_or(0);
    let proposed = N_DENSE as u64 + basket_items * 2 * per_item + bought_items;
    n_cases * proposed.min(view.n_items() as u64) * size_of::<Features>() as u64
}
