//! Which candidates are looked at closely: the blend's best, and those of sources that find what
//! it misses.
//!
//! - nearest baskets (Σ over the 100 baskets most like the cart, by cosine with recency),
//! - the customer's taste (EASE rows of what was bought, weighted by recency and frequency),
//! - ids of the same series (items listed in one go belong together),
//! - what is new, what sells now, and to the customer's segment.

use super::tables::RankTables;
use crate::sources::{Candidate, Query};
use snapshot::Snapshot;
use snapshot::tables::NONE;
use sparse::{Accumulator, Scored, TopK};

/// Of what is new to the customer, best by the blend.
const N_BLEND: usize = 72;
/// Of what the customer bought before, best by the blend.
const N_BOUGHT: usize = 24;
const N_KNN: usize = 16;
const N_TASTE: usize = 12;
const N_CODES: usize = 12;
const N_FRESH: usize = 8;
const N_TREND: usize = 4;
const N_SEGMENT: usize = 8;
/// Candidates at the most.
pub const MAX_RECALLED: usize =
    N_BLEND + N_BOUGHT + N_KNN + N_TASTE + N_CODES + N_FRESH + N_TREND + N_SEGMENT;
/// Candidates of the blend that are read, best first.
pub const N_ORDERED: usize = 300;

const K_BASKETS: usize = 100;
/// Items of the cart that are compared with baskets; a longer one is cut to its last.
const MAX_KNN_CONTEXT: usize = 64;
/// Purchases that make the taste, heaviest first.
const MAX_TASTE: usize = 12;
/// Items before and after an anchor in its series.
const CODE_REACH: usize = 4;

/// Candidates with what the sources of this file say of them. Reusable memory of one thread.
#[derive(Clone, Debug, Default)]
pub struct Recalled {
    items: Vec<u32>,
    /// Position of an item in `items`, [`NONE`] for the others.
    slot_of: Vec<u32>,
    is_bought: Vec<bool>,
    /// Items marked in `is_bought`.
    bought: Vec<u32>,
    /// Position of each of `items` in the blend's order, [`NONE`] where it is not there; its rank
    /// among those of its kind (bought before or not), and the blend's score.
    places: Vec<u32>,
    ranks: Vec<f32>,
    blend: Vec<f32>,
    knn: Option<Accumulator>,
    overlaps: Vec<u16>,
    touched: Vec<u32>,
    /// The nearest baskets: their first item, where the others lie, and how near they are.
    nearest: Vec<(u32, std::ops::Range<usize>, f32)>,
    taste: Vec<f32>,
    /// The same where item weights lie by row.
    sparse_taste: Option<Accumulator>,
    taste_of: Vec<f32>,
    top: Option<TopK>,
    near: Vec<(u64, u32)>,
    /// The next question is the last one again: baskets, taste and codes stand.
    keeps_sums: bool,
}

impl Recalled {
    pub fn items(&self) -> &[u32] {
        &self.items
    }

    #[inline]
    pub fn slot(&self, item: u32) -> Option<usize> {
        let slot = self.slot_of[item as usize];
        (slot != NONE).then_some(slot as usize)
    }

    /// Did the customer buy it before?
    pub(super) fn was_bought(&self, item: u32) -> bool {
        self.is_bought[item as usize]
    }

    pub fn has(&self, item: u32) -> bool {
        self.slot(item).is_some()
    }

    /// The blend's score; 0 for those it did not bring.
    pub fn blend(&self, slot: usize) -> f32 {
        self.blend[slot]
    }

    /// How many of its kind, bought before or new, the blend puts above it; NaN where it is not
    /// among the blend's best.
    pub(super) fn blend_rank(&self, slot: usize) -> f32 {
        self.ranks[slot]
    }

    /// Where the candidate stands in the blend's order, if it is among its best.
    pub(super) fn place(&self, slot: usize) -> Option<usize> {
        let place = self.places[slot];
        (place != NONE).then_some(place as usize)
    }

    /// Candidates that are not among the blend's best.
    pub fn n_added(&self) -> usize {
        self.places.iter().filter(|&&place| place == NONE).count()
    }

    pub(super) fn knn(&self, slot: usize) -> f32 {
        self.knn.as_ref().map_or(0.0, |knn| knn.get(self.items[slot]))
    }

    pub(super) fn taste(&self, slot: usize) -> f32 {
        self.taste_of.get(slot).copied().unwrap_or(f32::NAN)
    }

    /// Does the next call of [`Recalled::collect`] ask the same question, only of other items?
    pub(crate) fn keep_sums(&mut self, keeps_sums: bool) {
        self.keeps_sums = keeps_sums;
    }

    /// Collects the candidates. `ordered`: the blend's, best first; `is_eligible` is asked of all
    /// others.
    pub fn collect(
        &mut self,
        snapshot: &Snapshot,
        tables: &RankTables,
        query: &Query<'_>,
        ordered: &[Candidate],
        mut is_eligible: impl FnMut(u32) -> bool,
    ) {
        let is_new = !std::mem::take(&mut self.keeps_sums);
        self.reset(snapshot.n_items(), query.history);
        if is_new {
            self.add_baskets(snapshot, tables, query.context);
            self.add_taste(snapshot, query);
            self.find_codes(tables, query.context);
        }
        let mut n_left = [N_BLEND, N_BOUGHT];
        for candidate in ordered {
            let is_bought = self.is_bought[candidate.item as usize];
            let n_left = &mut n_left[usize::from(is_bought)];
            if *n_left > 0 {
                *n_left -= 1;
                self.push(candidate.item);
            }
        }
        // What was bought is in by now: the rest of the places is for what is new.
        let is_bought = std::mem::take(&mut self.is_bought);
        let mut is_eligible = |item: u32| !is_bought[item as usize] && is_eligible(item);
        let mut top = self.top.take().unwrap_or_else(|| TopK::new(0));
        self.from_baskets(&mut top, &mut is_eligible);
        self.from_taste(snapshot, &mut top, &mut is_eligible);
        self.top = Some(top);
        let near = std::mem::take(&mut self.near);
        self.take(near.iter().map(|&(_, item)| item), N_CODES, &mut is_eligible);
        self.near = near;
        self.take(tables.fresh().iter().copied(), N_FRESH, &mut is_eligible);
        self.take(snapshot.popular().iter().copied(), N_TREND, &mut is_eligible);
        let segments = snapshot.segments();
        if let Some(segment) = query.customer.and_then(|customer| segments.of_customer(customer)) {
            let items = segments.popular(segment).0.iter().copied();
            self.take(items, N_SEGMENT, &mut is_eligible);
        }
        self.keep_taste(snapshot, query);
        self.is_bought = is_bought;
        self.keep_places(ordered);
    }

    fn keep_places(&mut self, ordered: &[Candidate]) {
        self.places.resize(self.items.len(), NONE);
        self.ranks.resize(self.items.len(), f32::NAN);
        self.blend.resize(self.items.len(), 0.0);
        let mut n_above = [0.0_f32; 2];
        for (place, candidate) in ordered.iter().enumerate() {
            let n_above = &mut n_above[usize::from(self.was_bought(candidate.item))];
            if let Some(slot) = self.slot(candidate.item) {
                self.places[slot] = place as u32;
                self.ranks[slot] = *n_above;
                self.blend[slot] = candidate.score;
            }
            *n_above += 1.0;
        }
    }

    fn reset(&mut self, n_items: usize, history: &[(u32, f32)]) {
        for &item in &self.bought {
            self.is_bought[item as usize] = false;
        }
        if self.is_bought.len() < n_items {
            self.is_bought.resize(n_items, false);
        }
        self.bought.clear();
        for &(item, _) in history {
            self.is_bought[item as usize] = true;
            self.bought.push(item);
        }
        for &item in &self.items {
            self.slot_of[item as usize] = NONE;
        }
        if self.slot_of.len() < n_items {
            self.slot_of.resize(n_items, NONE);
        }
        self.items.clear();
        self.places.clear();
        self.ranks.clear();
        self.blend.clear();
    }

    fn push(&mut self, item: u32) {
        if self.slot_of[item as usize] == NONE {
            self.slot_of[item as usize] = self.items.len() as u32;
            self.items.push(item);
        }
    }

    /// The first `n` that are eligible, whether they are there already or not.
    fn take(
        &mut self,
        items: impl Iterator<Item = u32>,
        n: usize,
        is_eligible: &mut impl FnMut(u32) -> bool,
    ) {
        items.filter(|&item| is_eligible(item)).take(n).for_each(|item| self.push(item));
    }

    /// Scores every item by the baskets nearest to the context.
    fn add_baskets(&mut self, snapshot: &Snapshot, tables: &RankTables, context: &[u32]) {
        let c = snapshot.container();
        let (baskets, weights) = tables.baskets(c);
        let baskets_of = tables.baskets_of(c);
        self.overlaps.resize(tables.n_baskets().max(self.overlaps.len()), 0);
        let from = context.len().saturating_sub(MAX_KNN_CONTEXT);
        for &item in &context[from..] {
            for &basket in baskets_of.row(item as usize) {
                let overlap = &mut self.overlaps[basket as usize];
                if *overlap == 0 {
                    self.touched.push(basket);
                }
                *overlap += 1;
            }
        }
        let top = self.top.get_or_insert_with(|| TopK::new(0));
        top.reset(K_BASKETS);
        for basket in self.touched.drain(..) {
            let overlap = std::mem::take(&mut self.overlaps[basket as usize]);
            top.push(basket, f32::from(overlap) * weights[basket as usize]);
        }
        let knn = self.knn.get_or_insert_with(|| Accumulator::new(0));
        knn.clear();
        knn.widen(snapshot.n_items());
        self.nearest.clear();
        // Rows lie anywhere in a large table: with a first item each they are fetched side by side,
        // not one after the other.
        let entries = baskets.indices();
        self.nearest.extend(top.sorted().iter().filter_map(|&Scored { index, score }| {
            let row = baskets.range(index as usize);
            let first = *entries[row.clone()].first()?;
            (score > 0.0).then(|| (first, row.start + 1..row.end, score))
        }));
        for (first, others, score) in &self.nearest {
            knn.add_positive(*first, *score);
            for &item in &entries[others.clone()] {
                knn.add_positive(item, *score);
            }
        }
    }

    fn from_baskets(&mut self, top: &mut TopK, is_eligible: &mut impl FnMut(u32) -> bool) {
        let Some(knn) = &self.knn else { return };
        top.reset(N_KNN);
        for &item in knn.touched() {
            let score = knn.get(item);
            if top.may_take(score) && is_eligible(item) {
                top.push(item, score);
            }
        }
        top.sorted().iter().for_each(|scored| self.push(scored.index));
    }

    /// Sums the item weights of what was bought.
    fn add_taste(&mut self, snapshot: &Snapshot, query: &Query<'_>) {
        self.taste.clear();
        let heaviest = query.history.iter().take(MAX_TASTE);
        if snapshot.has_sparse_weights() {
            let taste = self.sparse_taste.get_or_insert_with(|| Accumulator::new(0));
            taste.clear();
            taste.widen(snapshot.n_items());
            for &(bought, weight) in heaviest {
                let (items, values) = snapshot.sparse_weights(bought);
                items.iter().zip(values).for_each(|(&item, value)| taste.add(item, weight * value));
            }
            return;
        }
        let n_items = snapshot.ease_items().len();
        for &(item, weight) in heaviest {
            let Some(row) = snapshot.ease_row(item) else { continue };
            self.taste.resize(n_items, 0.0);
            self.taste.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
        }
    }

    fn from_taste(
        &mut self,
        snapshot: &Snapshot,
        top: &mut TopK,
        is_eligible: &mut impl FnMut(u32) -> bool,
    ) {
        top.reset(N_TASTE);
        if let Some(taste) = self.sparse_taste.as_ref().filter(|_| snapshot.has_sparse_weights()) {
            for &item in taste.touched() {
                let sum = taste.get(item);
                if sum > 0.0 && top.may_take(sum) && is_eligible(item) {
                    top.push(item, sum);
                }
            }
            top.sorted().iter().for_each(|scored| self.push(scored.index));
            return;
        }
        let items = snapshot.ease_items();
        top.push_dense(&self.taste, |row| is_eligible(items[row as usize]));
        top.sorted().iter().for_each(|scored| self.push(items[scored.index as usize]));
    }

    /// The taste of all candidates, those that came after it included.
    fn keep_taste(&mut self, snapshot: &Snapshot, query: &Query<'_>) {
        self.taste_of.clear();
        let by_row = self.sparse_taste.as_ref().filter(|taste| !taste.touched().is_empty());
        let by_row = by_row.filter(|_| snapshot.has_sparse_weights());
        if self.taste.is_empty() && by_row.is_none() {
            return;
        }
        // Divided by the heaviest purchase: an old customer's taste counts like a new one's.
        let largest =
            query.history.iter().map(|&(_, weight)| weight).fold(f32::MIN_POSITIVE, f32::max);
        if let Some(taste) = by_row {
            self.taste_of.extend(self.items.iter().map(|&item| taste.get(item) / largest));
            return;
        }
        let of_item = |&item: &u32| {
            let row = snapshot.ease_row_idx(item);
            row.map_or(f32::NAN, |row| self.taste[row as usize] / largest)
        };
        self.taste_of.extend(self.items.iter().map(of_item));
    }

    /// Items of the series of the context, the nearest first.
    fn find_codes(&mut self, tables: &RankTables, context: &[u32]) {
        let near = &mut self.near;
        near.clear();
        for &item in context {
            tables.near_codes(item, CODE_REACH, |other, distance| near.push((distance, other)));
        }
        near.sort_unstable();
        near.dedup();
    }
}
