//! Retrieval and ranking: several sources propose candidates, the blend orders them.
//!
//! Candidates are the [`N_DENSE`] best by EASE, the stored pairs and neighbors of every item of
//! the context, and what the customer bought before. Every candidate then gets the value of every
//! source, whichever proposed it. Cost for a cart of c items and m EASE items: c·m additions for
//! EASE (vectorised) and about 250·c for the rest; no allocation once the scratch has grown. In
//! large catalogs item weights lie by row, some hundreds each, and only these are added.

use crate::blend::{
    Blend, CartSize, EASE, Features, HISTORY, NEIGHBOR, PAIR, TREND, combine, scale,
};
use crate::ranker::Audience;
use snapshot::Snapshot;
use snapshot::tables::NONE;
use sparse::{Accumulator, Scored, TopK, falling_key};

/// Candidates taken from EASE.
pub const N_DENSE: usize = 128;

/// What the ranking knows of the moment: dense indices, distinct, all known to the snapshot.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<'a> {
    /// Items in the cart and anchors of the page.
    pub context: &'a [u32],
    /// What the customer bought before: item and recency-weighted frequency.
    pub history: &'a [(u32, f32)],
    /// Row of the customer in the snapshot.
    pub customer: Option<u32>,
}

impl Query<'_> {
    /// A customer of whom no purchase is known is a guest.
    pub fn audience(&self) -> Audience {
        if self.history.is_empty() { Audience::Guest } else { Audience::Known }
    }
}

/// One ranked candidate with the value of each source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    pub item: u32,
    pub score: f32,
    pub features: Features,
}

/// Reusable memory of one thread; grows to the catalogue once.
#[derive(Clone, Debug)]
pub struct Scratch {
    ease: Vec<f32>,
    /// The same sums where item weights lie by row; empty where they are a table.
    sparse: Accumulator,
    /// Position of an item in `candidates`, [`NONE`] for the others.
    slot_of: Vec<u32>,
    candidates: Vec<Candidate>,
    /// The candidates by rank: [`falling_key`] of each.
    order: Vec<u64>,
    top: TopK,
    /// The next question is the last one again: the sums stand.
    keeps_sums: bool,
}

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch {
            ease: Vec::new(),
            sparse: Accumulator::new(0),
            slot_of: Vec::new(),
            candidates: Vec::new(),
            order: Vec::new(),
            top: TopK::new(N_DENSE),
            keeps_sums: false,
        }
    }
}

impl Scratch {
    /// The candidates of the last call of [`gather`] or [`rank`].
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Does the next call of [`gather`] ask the same question, only of other items?
    pub(crate) fn keep_sums(&mut self, keeps_sums: bool) {
        self.keeps_sums = keeps_sums;
    }

    /// The last ranking from its start.
    pub(crate) fn ranking(&mut self) -> Ranking<'_> {
        let Scratch { candidates, slot_of, order, .. } = self;
        Ranking { candidates, slot_of, order, n_sorted: 0, n_taken: 0 }
    }

    fn reset(&mut self, n_items: usize) {
        for candidate in &self.candidates {
            self.slot_of[candidate.item as usize] = NONE;
        }
        self.candidates.clear();
        if self.slot_of.len() < n_items {
            self.slot_of.resize(n_items, NONE);
        }
    }

    /// The candidate of an item, made if it is not there and may be; `None` when it may not.
    #[inline]
    fn candidate(
        &mut self,
        item: u32,
        is_eligible: &mut impl FnMut(u32) -> bool,
    ) -> Option<&mut Candidate> {
        let slot = self.slot_of[item as usize];
        if slot != NONE {
            return self.candidates.get_mut(slot as usize);
        }
        if !is_eligible(item) {
            return None;
        }
        self.slot_of[item as usize] = self.candidates.len() as u32;
        self.candidates.push(Candidate { item, score: 0.0, features: Features::default() });
        self.candidates.last_mut()
    }
}

/// Collects the candidates of all sources with their features, unordered.
///
/// `is_eligible` is asked for each item that a source proposes, possibly more than once.
pub fn gather<'s>(
    snapshot: &Snapshot,
    query: &Query<'_>,
    scratch: &'s mut Scratch,
    mut is_eligible: impl FnMut(u32) -> bool,
) -> &'s mut [Candidate] {
    scratch.reset(snapshot.n_items());
    if snapshot.has_sparse_weights() {
        gather_sparse(snapshot, query.context, scratch, &mut is_eligible);
    } else {
        gather_ease(snapshot, query.context, scratch, &mut is_eligible);
    }
    for &anchor in query.context {
        let (items, stats) = snapshot.pairs(anchor);
        for (&item, stats) in items.iter().zip(stats) {
            if let Some(candidate) = scratch.candidate(item, &mut is_eligible) {
                // The strongest pair speaks: a sum would let many weak ones shout it down.
                let pair = &mut candidate.features[PAIR];
                *pair = pair.max(stats.jaccard);
            }
        }
        let (items, weights) = snapshot.neighbors(anchor);
        for (&item, &weight) in items.iter().zip(weights) {
            if let Some(candidate) = scratch.candidate(item, &mut is_eligible) {
                candidate.features[NEIGHBOR] += weight;
            }
        }
    }
    for &(item, weight) in query.history {
        if let Some(candidate) = scratch.candidate(item, &mut is_eligible) {
            candidate.features[HISTORY] += weight;
        }
    }
    fill_dense_features(snapshot, query, scratch);
    &mut scratch.candidates
}

/// Sums the EASE rows of the context and proposes the best.
fn gather_ease(
    snapshot: &Snapshot,
    context: &[u32],
    scratch: &mut Scratch,
    is_eligible: &mut impl FnMut(u32) -> bool,
) {
    let ease_items = snapshot.ease_items();
    if !std::mem::take(&mut scratch.keeps_sums) {
        sum_ease(snapshot, context, &mut scratch.ease);
    }
    if scratch.ease.is_empty() {
        return;
    }
    let mut top = std::mem::replace(&mut scratch.top, TopK::new(0));
    top.reset(N_DENSE);
    top.push_dense(&scratch.ease, |row| is_eligible(ease_items[row as usize]));
    for Scored { index, score } in top.sorted() {
        if *score > 0.0 {
            // Eligible: asked a moment ago.
            scratch.candidate(ease_items[*index as usize], &mut |_| true);
        }
    }
    scratch.top = top;
}

fn sum_ease(snapshot: &Snapshot, context: &[u32], sums: &mut Vec<f32>) {
    sums.clear();
    let mut rows = context.iter().filter_map(|&item| snapshot.ease_row(item));
    let Some(first) = rows.next() else { return };
    sums.extend_from_slice(first);
    for row in rows {
        for (sum, &weight) in sums.iter_mut().zip(row) {
            *sum += weight;
        }
    }
}

/// The same by rows: only what they hold is added and proposed.
fn gather_sparse(
    snapshot: &Snapshot,
    context: &[u32],
    scratch: &mut Scratch,
    is_eligible: &mut impl FnMut(u32) -> bool,
) {
    scratch.ease.clear();
    let mut sums = std::mem::replace(&mut scratch.sparse, Accumulator::new(0));
    if !std::mem::take(&mut scratch.keeps_sums) {
        sums.clear();
        sums.widen(snapshot.n_items());
        for &anchor in context {
            let (items, weights) = snapshot.sparse_weights(anchor);
            for (&item, &weight) in items.iter().zip(weights) {
                sums.add(item, weight);
            }
        }
    }
    scratch.top.reset(N_DENSE);
    for &item in sums.touched() {
        let sum = sums.get(item);
        if sum > 0.0 && scratch.top.may_take(sum) && is_eligible(item) {
            scratch.top.push(item, sum);
        }
    }
    let mut top = std::mem::replace(&mut scratch.top, TopK::new(0));
    for Scored { index, .. } in top.sorted() {
        // Eligible: asked a moment ago.
        scratch.candidate(*index, &mut |_| true);
    }
    (scratch.top, scratch.sparse) = (top, sums);
}

fn fill_dense_features(snapshot: &Snapshot, query: &Query<'_>, scratch: &mut Scratch) {
    let has_ease = !scratch.ease.is_empty() && !query.context.is_empty();
    let has_sparse = snapshot.has_sparse_weights();
    let (trends, rows) = (snapshot.trends(), snapshot.ease_rows());
    for candidate in &mut scratch.candidates {
        let item = candidate.item as usize;
        candidate.features[TREND] = trends[item];
        // Items that EASE does not know have a row beyond all.
        if has_ease && let Some(&sum) = scratch.ease.get(rows[item] as usize) {
            candidate.features[EASE] = sum;
        }
        if has_sparse {
            candidate.features[EASE] = scratch.sparse.get(candidate.item);
        }
    }
}

/// The candidates of one question with their scores, put in order only as far as they are asked
/// for: a slate takes the first few of several hundred.
#[derive(Debug)]
pub struct Ranking<'s> {
    candidates: &'s [Candidate],
    slot_of: &'s [u32],
    /// [`falling_key`] of all; the first `n_sorted` are in order, and best.
    order: &'s mut [u64],
    n_sorted: usize,
    n_taken: usize,
}

/// Candidates sorted at a time.
const BLOCK: usize = 24;

/// Collects, scores by the blend, and gives the best first; ties by the smaller index.
pub fn rank<'s>(
    snapshot: &Snapshot,
    blend: &Blend,
    query: &Query<'_>,
    scratch: &'s mut Scratch,
    is_eligible: impl FnMut(u32) -> bool,
) -> Ranking<'s> {
    let candidates = gather(snapshot, query, scratch, is_eligible);
    let weights = &blend.weights[CartSize::of(query.context.len()) as usize];
    let scales = scale(weights, &largest_of(candidates));
    for candidate in candidates.iter_mut() {
        candidate.score = combine(&scales, &candidate.features);
    }
    let Scratch { candidates, order, .. } = &mut *scratch;
    order.clear();
    order.extend(candidates.iter().map(|candidate| falling_key(candidate.score, candidate.item)));
    scratch.ranking()
}

impl Ranking<'_> {
    /// All that were collected, whether taken already or not.
    pub fn n_candidates(&self) -> usize {
        self.candidates.len()
    }

    fn sort_block(&mut self) {
        let rest = &mut self.order[self.n_sorted..];
        // Each block is twice the one before: whoever wants all pays for a sort.
        let n = (BLOCK + self.n_sorted).min(rest.len());
        if n < rest.len() {
            rest.select_nth_unstable(n - 1);
        }
        rest[..n].sort_unstable();
        self.n_sorted += n;
    }
}

impl Iterator for Ranking<'_> {
    type Item = Candidate;

    #[inline]
    fn next(&mut self) -> Option<Candidate> {
        if self.n_taken == self.order.len() {
            return None;
        }
        if self.n_taken == self.n_sorted {
            self.sort_block();
        }
        let item = self.order[self.n_taken] as u32;
        self.n_taken += 1;
        Some(self.candidates[self.slot_of[item as usize] as usize])
    }
}

/// The largest value of each source among the candidates.
pub fn largest_of(candidates: &[Candidate]) -> Features {
    let mut largest = Features::default();
    for candidate in candidates {
        for (largest, &value) in largest.iter_mut().zip(&candidate.features) {
            *largest = largest.max(value);
        }
    }
    largest
}
