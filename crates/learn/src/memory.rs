//! What a run will take, told before it begins.
//!
//! Six moments compete for the peak: the counting of pairs, the solve of EASE, the copying of the
//! inner tables into a snapshot, the tuning of the blend, the training of the ranker, and next
//! baskets; the last three keep the features of all candidates of all cases.

use crate::ease::BYTES_PER_CELL;
use crate::error::Error;
use crate::item_weights::Form;
use crate::next_basket::size::NextBasketSize;
use crate::params::CheckedParams;
use crate::ranker::MIN_RANKER_BASKETS;
use crate::ranker::cases::{GUEST_STEP, MAX_THINNED_ROWS, MAX_VARIANTS as MAX_RANKER_VARIANTS};
use crate::sparse_inverse::{self, SparseInverseParams};
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
/// A pair in the tables, with the neighbor beside it; and while the rows of all items wait to be
/// put together.
const BYTES_PER_PAIR: u64 = size_of::<PairStats>() as u64 + 16;
const BYTES_PER_WAITING_PAIR: u64 = BYTES_PER_PAIR + 24;

/// Program, database pages, stacks and what the allocator keeps.
const PROCESS_BYTES: u64 = 48 << 20;
/// Cases of the ranker that are given up first of all, down to what still trains one.
const FEWER_CASES: [usize; 5] = [3_000, 2_000, 1_500, 1_000, 500];
/// Baskets of the blend that are given up before EASE gives up items: a quarter of them chooses
/// nearly the same weights, and an item left out has none.
const FEWER_BASKETS: [usize; 2] = [1_000, 500];
/// Cases of next baskets that are given up on their own, as they fill memory at a time of their
/// own; without any, a published method ranks.
const FEWER_NEXT_BASKETS: [usize; 6] = [20_000, 10_000, 5_000, 2_500, 1_000, 0];
/// Entries of G that an item keeps for the sparse inverse, down to what still tells neighbors.
const FEWER_GRAM: [usize; 4] = [usize::MAX, 1_000, 500, 250];
/// Without a sparse inverse EASE gives up half of its items, those that sell least, before the
/// ranker is given up: it is worth more than they are.
const LEAST_EASE_SHARE: usize = 2;

/// What the size of a run depends on.
#[derive(Clone, Debug)]
struct Sizes {
    n_items: u64,
    n_baskets: u64,
    n_lines: u64,
    n_customers: u64,
    /// Items that sold at all.
    n_sold: usize,
    /// Items that each item met in its baskets, counted once a basket.
    met: Vec<u64>,
    /// Pairs that can be kept, by the baskets of each item.
    n_pairs: u64,
    view_bytes: u64,
    next_basket: NextBasketSize,
}

impl Sizes {
    fn of(view: &HistoryView, params: &CheckedParams) -> Sizes {
        let n_lines = view.baskets.items.indices.len() as u64;
        let n_baskets = view.baskets.len() as u64;
        let met = met_of(view);
        let n_pairs = most_met(&met, params.pairs.per_item);
        Sizes {
            n_items: view.n_items() as u64,
            n_baskets,
            n_lines,
            n_customers: view.n_customers.into(),
            n_sold: n_sold(view),
            met,
            n_pairs,
            view_bytes: view_bytes(view),
            next_basket: match params.without.next_basket() {
                true => NextBasketSize::default(),
                false => NextBasketSize::of(view, &params.next_basket),
            },
        }
    }

    /// Bytes that the whole process will take at its peak.
    fn peak_bytes(&self, params: &CheckedParams) -> u64 {
        PROCESS_BYTES + self.view_bytes + self.view_bytes.max(self.needed_bytes(params))
    }

    fn needed_bytes(&self, params: &CheckedParams) -> u64 {
        let form = Form::of(self.n_sold, params);
        let has_ranker = self.has_ranker(params);
        let is_tuned = form.n_items() <= params.ease_tune_max_items;
        let weights = self.item_weights(form, params);
        // The ranker has an EASE of its own beside the other, where it costs little.
        let n_eases = if has_ranker && is_tuned && matches!(form, Form::Ease(_)) { 2 } else { 1 };
        let eases = n_eases * weights.table_bytes;
        let pairs = self.n_pairs * BYTES_PER_PAIR;
        let counting = pairs + self.n_pairs * BYTES_PER_WAITING_PAIR;
        // The weights of the best fit so far are kept while the next one is solved; those of the
        // first while the second is.
        let kept = if is_tuned { weights.table_bytes } else { 0 };
        let solving = pairs + kept + weights.solving_bytes;
        let copying = 2 * (pairs + eases);
        let next_basket = pairs + eases + self.next_basket_bytes(params);
        let writing = copying + 2 * self.next_basket_tables(params);
        let snapshot = pairs + eases;
        let making = counting.max(solving).max(copying);
        let blending = snapshot + self.blend_bytes(params);
        let ranking = if has_ranker { snapshot + making + self.ranker_bytes(params) } else { 0 };
        let peak = making.max(blending).max(ranking).max(next_basket).max(writing);
        self.n_lines * BYTES_PER_LINE + self.n_items * BYTES_PER_ITEM + peak
    }

    fn item_weights(&self, form: Form, params: &CheckedParams) -> WeightSize {
        match form {
            Form::Ease(n_core) => {
                let n_cells = (n_core as u64).pow(2);
                let table_bytes = n_cells * BYTES_PER_WEIGHT;
                WeightSize { table_bytes, solving_bytes: n_cells * BYTES_PER_CELL as u64 }
            }
            Form::SparseInverse(_) => {
                let SparseInverseParams { neighbors, gram_per_item, per_item } =
                    params.sparse_inverse;
                let (n_items, cell) = (self.n_items, sparse_inverse::BYTES_PER_CELL);
                let n_entries = most_met(&self.met, neighbors);
                let n_weights = (2 * n_entries).min(n_items * per_item as u64);
                let gram = most_met(&self.met, gram_per_item) * cell;
                let columns = gram + n_entries * cell;
                let rows = n_entries * sparse_inverse::BYTES_PER_ENTRY;
                let boxes = n_items * sparse_inverse::BYTES_PER_ITEM;
                let table_bytes = n_weights * cell + 8 * n_items;
                WeightSize { table_bytes, solving_bytes: boxes + columns.max(rows) }
            }
        }
    }

    fn next_basket_tables(&self, params: &CheckedParams) -> u64 {
        if params.next_basket.max_baskets > 0 { self.next_basket.table_bytes() } else { 0 }
    }

    fn next_basket_bytes(&self, params: &CheckedParams) -> u64 {
        let max_groups = params.next_basket.ranker.max_groups;
        let has_any = params.next_basket.max_baskets > 0;
        if has_any { self.next_basket.learning_bytes(max_groups) } else { 0 }
    }

    /// With as many cases of next baskets as fit beside pairs alone; none, and no next baskets,
    /// where not even their tables do.
    fn with_next_baskets(&self, params: &CheckedParams) -> CheckedParams {
        let fixed = self.n_lines * BYTES_PER_LINE + self.n_items * BYTES_PER_ITEM;
        let pairs = self.n_pairs * BYTES_PER_PAIR;
        let fits = |params: &CheckedParams| {
            let learning = pairs + self.next_basket_bytes(params);
            let writing = 2 * (pairs + self.next_basket_tables(params));
            let needed = fixed + learning.max(writing);
            PROCESS_BYTES + self.view_bytes + self.view_bytes.max(needed)
                <= params.memory_limit_bytes
        };
        let all = params.next_basket.ranker.max_groups;
        let fewer = std::iter::once(all).chain(FEWER_NEXT_BASKETS.into_iter().filter(|&n| n < all));
        let fitting = fewer.map(|n| params.with_next_basket_cases(n)).find(fits);
        fitting.unwrap_or_else(|| params.without_next_baskets())
    }

    fn has_ranker(&self, params: &CheckedParams) -> bool {
        let is_asked = params.ranker.max_cases > 0 && params.blend_max_baskets > 0;
        is_asked && self.n_baskets >= MIN_RANKER_BASKETS as u64
    }

    /// Rows of all cases of the ranker, at most: those of three folds and three sizes of cart stay,
    /// thinned, of the smaller sizes half as many again; whole ones, to watch and to check, are of
    /// one size at a time, and those to watch are put in one more row. Facts and baskets of its own
    /// tables, by line.
    fn ranker_bytes(&self, params: &CheckedParams) -> u64 {
        let max_cases = params.ranker.max_cases as u64;
        let n_cases = max_cases.min((self.n_baskets / 10 + 1) * MAX_RANKER_VARIANTS as u64);
        // Those asked by guests come on top.
        let n_cases = n_cases + n_cases.div_ceil(GUEST_STEP as u64);
        // Label, place, number of rows, score twice, derivatives, order, and a byte for each bin.
        let row = size_of::<Row>() as u64 + 56;
        let thinned = self.n_items.min(MAX_THINNED_ROWS as u64) * row;
        let whole = self.n_items.min(MAX_RECALLED as u64) * row + N_ORDERED as u64 * 8;
        n_cases * (12 * thinned + 5 * thinned / 4 + 5 * whole) + self.n_lines * BYTES_PER_LINE
    }

    /// Features of all candidates of all cases. For a basket of average length, which tells no less
    /// than the average over baskets: candidates grow slower than the basket.
    fn blend_bytes(&self, params: &CheckedParams) -> u64 {
        let n_baskets = (self.n_baskets / 10 + 1).min(params.blend_max_baskets as u64);
        let basket_items = self.n_lines.div_ceil(self.n_baskets.max(1));
        let bought_items = self.n_lines.checked_div(self.n_customers).unwrap_or(0);
        let per_item = self.n_items.min(params.pairs.per_item as u64);
        let proposed = N_DENSE as u64 + basket_items * 2 * per_item + bought_items;
        let n_features = n_baskets * MAX_VARIANTS as u64 * proposed.min(self.n_items);
        n_features * size_of::<Features>() as u64
    }
}

/// Bytes of item weights, as a table and while they are solved for.
#[derive(Clone, Copy, Debug)]
struct WeightSize {
    table_bytes: u64,
    solving_bytes: u64,
}

fn n_sold(view: &HistoryView) -> usize {
    let mut is_sold = vec![false; view.n_items()];
    view.baskets.items.indices.iter().for_each(|&item| is_sold[item as usize] = true);
    is_sold.into_iter().filter(|&is_sold| is_sold).count()
}

fn met_of(view: &HistoryView) -> Vec<u64> {
    let mut met = vec![0_u64; view.n_items()];
    for basket in view.baskets.items.view().rows() {
        basket.iter().for_each(|&item| met[item as usize] += basket.len() as u64 - 1);
    }
    met
}

/// Each item has at most as many pairs as it met items in its baskets.
fn most_met(met: &[u64], per_item: usize) -> u64 {
    let per_item = per_item.min(met.len()) as u64;
    met.iter().map(|&met| met.min(per_item)).sum()
}

/// Bytes that the whole process will take at its peak: what holds the view, and what learns from it
/// or has read it from the store before, which needs all columns twice.
pub fn peak_bytes(view: &HistoryView, params: &CheckedParams) -> u64 {
    Sizes::of(view, params).peak_bytes(params)
}

/// Bytes that a run on this view will need at its peak, beside the view; rather too many.
pub fn memory_needed_bytes(view: &HistoryView, params: &CheckedParams) -> u64 {
    Sizes::of(view, params).needed_bytes(params)
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

/// Parameters under which the process stays within the limit: next baskets on as many cases as fit,
/// then the first of these that do: as they are; with fewer cases for the ranker; with fewer
/// baskets to tune the blend on besides; with a sparse inverse in place of EASE, of fewer and fewer
/// entries (where it may not be: with up to half of the items of EASE); without a ranker, and then
/// with fewer baskets, a sparse inverse (or fewer items of EASE), or neither.
///
/// # Errors
/// [`Error::TooLittleMemory`] when even that is too much.
pub fn fit(view: &HistoryView, params: &CheckedParams) -> Result<CheckedParams, Error> {
    let sizes = Sizes::of(view, params);
    let limit = params.memory_limit_bytes;
    let params = &sizes.with_next_baskets(params);
    let fits = |params: &CheckedParams| sizes.peak_bytes(params) <= limit;
    let n_ease = params.ease_max_items.min(sizes.n_sold);
    if fits(params) {
        return Ok(params.clone());
    }
    let fewer_cases = FEWER_CASES.into_iter().filter(|&n| n < params.ranker.max_cases);
    let least_cases = fewer_cases.clone().next_back().unwrap_or(params.ranker.max_cases);
    let fewer_cases = fewer_cases.map(|n| params.with_ranker_cases(n));
    let baskets = FEWER_BASKETS.map(|n| n.min(params.blend_max_baskets));
    let with_ranker = baskets.map(|n| params.reduced(n_ease, n, least_cases));
    let without = [params.blend_max_baskets, baskets[0], baskets[1]];
    let with_ranker: Vec<CheckedParams> = fewer_cases.chain(with_ranker).collect();
    if let Some(fewer) = with_ranker.iter().find(|fewer| fits(fewer)) {
        return Ok(fewer.clone());
    }
    let has_sparse = n_ease > 0 && !params.without.sparse_inverse();
    if has_sparse {
        let ranked = std::iter::once(params).chain(&with_ranker);
        let no_ranker: Vec<_> = without.map(|n| params.reduced(n_ease, n, 0)).into();
        let fewer = |all: &mut dyn Iterator<Item = &CheckedParams>| {
            let all: Vec<&CheckedParams> = all.collect();
            let of = |gram| all.iter().map(move |fewer| fewer.with_sparse_inverse(gram));
            FEWER_GRAM.into_iter().flat_map(of).find(fits)
        };
        let ranked = fewer(&mut ranked.into_iter().filter(|p| p.ranker.max_cases > 0));
        let unranked = || no_ranker.iter().find(|p| fits(p)).cloned();
        let found = ranked.or_else(unranked).or_else(|| fewer(&mut no_ranker.iter()));
        let bare = || [baskets[1], 0].map(|n| params.reduced(0, n, 0)).into_iter().find(fits);
        return found.or_else(bare).ok_or_else(|| too_little(&sizes, params));
    }
    let of = |n_items| params.reduced(n_items, baskets[1], least_cases);
    if least_cases > 0 && fits(&of(n_ease / LEAST_EASE_SHARE)) {
        return Ok(of(most_items(n_ease / LEAST_EASE_SHARE, n_ease, |n| fits(&of(n)))));
    }
    if let Some(fewer) = without.map(|n| params.reduced(n_ease, n, 0)).into_iter().find(fits) {
        return Ok(fewer);
    }
    for n_baskets in [baskets[1], 0] {
        let of = |n_items| params.reduced(n_items, n_baskets, 0);
        if fits(&of(0)) {
            return Ok(of(most_items(0, n_ease, |n| fits(&of(n)))));
        }
    }
    Err(too_little(&sizes, params))
}

fn too_little(sizes: &Sizes, params: &CheckedParams) -> Error {
    let needed = sizes.peak_bytes(&params.reduced(0, 0, 0));
    let limit_mib = params.memory_limit_bytes >> 20;
    Error::TooLittleMemory { needed_mib: needed.div_ceil(1 << 20), limit_mib }
}

/// The most items, from `least` to `all`, of which `fits` is true; it is of `least`.
fn most_items(least: usize, all: usize, fits: impl Fn(usize) -> bool) -> usize {
    let (mut most, mut too_many) = (least, all + 1);
    while too_many - most > 1 {
        let middle = most + (too_many - most) / 2;
        if fits(middle) { most = middle } else { too_many = middle }
    }
    most
}
