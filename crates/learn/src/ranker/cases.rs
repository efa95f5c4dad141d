//! Training cases of the ranker: baskets of the inner split, each with several of its items hidden
//! in turn, and the rows of their candidates.

use crate::split::Case;
use rayon::prelude::*;
use score::blend::{Blend, CartSize};
use score::ranker::features::{self, N_FEATURES, Row};
use score::ranker::recall::N_ORDERED;
use score::ranker::tables::RankTables;
use score::ranker::{GateRow, RankScratch, gate_row, is_bought};
use score::sources::{self, Candidate, Query, Scratch};
use snapshot::Snapshot;
use snapshot::tables::NONE;

/// Items hidden in turn of one basket, at the most.
pub(crate) const MAX_VARIANTS: usize = 12;

/// One case with the rows of its candidates.
pub struct Prepared {
    pub rows: Vec<Row>,
    /// The hidden item among the rows.
    pub target: Option<usize>,
    /// Had the customer bought the hidden item before?
    pub is_reorder: bool,
    pub gate: GateRow,
    /// Rank of the hidden item by each of [`RIVALS`], among what is new to the customer (for a
    /// re-order: among everything).
    pub ranks: [usize; N_RIVALS],
    /// By the blend, among everything.
    pub blend_rank: usize,
}

pub const N_RIVALS: usize = 4;
/// What the ranker must beat.
pub const RIVALS: [&str; N_RIVALS] = ["blend", "ease", "pairs", "neighbors"];

/// What cases are prepared with.
pub struct Kitchen<'a> {
    pub inner: &'a Snapshot,
    pub tables: &'a RankTables,
    pub blend: &'a Blend,
    pub size: CartSize,
}

/// Cases of one size of cart from those of the split: for each basket up to eight hidden items,
/// variant by variant, so that the first n spread over all baskets.
pub fn of_size(cases: &[Case], size: CartSize, max_cases: usize) -> Vec<Case> {
    let (min_context, max_context) = match size {
        CartSize::Single => (1, 1),
        CartSize::Few => (2, 3),
        CartSize::Many => (5, usize::MAX),
    };
    let mut found = Vec::new();
    for variant in 0..MAX_VARIANTS {
        for case in cases {
            let n_items = case.context.len() + 1;
            if n_items > variant && case.context.len() >= min_context && found.len() < max_cases {
                let mut items: Vec<u32> =
                    std::iter::once(case.hidden).chain(case.context.iter().copied()).collect();
                items.rotate_left(variant);
                let context = items[1..].iter().copied().take(max_context).collect();
                found.push(Case { context, hidden: items[0], customer: case.customer });
            }
        }
    }
    found
}

impl Kitchen<'_> {
    pub fn prepare_all(&self, cases: &[Case]) -> Vec<Prepared> {
        cases
            .par_iter()
            .map_init(
                || (Scratch::default(), RankScratch::default()),
                |(gathered, scratch), case| self.prepare(case, gathered, scratch),
            )
            .collect()
    }

    fn prepare(&self, case: &Case, gathered: &mut Scratch, scratch: &mut RankScratch) -> Prepared {
        let inner = self.inner;
        let customer = (case.customer != NONE).then_some(case.customer);
        let history: Vec<(u32, f32)> = customer.map_or_else(Vec::new, |customer| {
            let (items, weights) = inner.customer_items(customer);
            items.iter().copied().zip(weights.iter().copied()).collect()
        });
        let query = Query { context: &case.context, history: &history, customer };
        let is_eligible = |item: u32| !case.context.contains(&item);
        let is_reorder = history.iter().any(|&(item, _)| item == case.hidden);
        let candidates = sources::gather(inner, &query, gathered, is_eligible);
        let ranks = single_ranks(candidates, case.hidden, is_reorder);
        let ranking = sources::rank(inner, self.blend, &query, gathered, is_eligible);
        let ordered: Vec<Candidate> = ranking.take(N_ORDERED).collect();
        let [ease, pairs, neighbors] = ranks;
        let blend = rank_among(&ordered, case.hidden, is_reorder);
        scratch.recalled.collect(inner, self.tables, &query, &ordered, is_eligible);
        let RankScratch { recalled, features, rows, .. } = scratch;
        features::fill(inner, self.tables, &query, recalled, features, rows);
        Prepared {
            target: recalled.slot(case.hidden),
            is_reorder,
            gate: gate_row(rows),
            rows: rows.clone(),
            ranks: [blend, ease, pairs, neighbors],
            blend_rank: rank_among(&ordered, case.hidden, true),
        }
    }
}

/// Position of the item in a ranked list; of discoveries, among what was not bought.
fn rank_among(ordered: &[Candidate], hidden: u32, is_reorder: bool) -> usize {
    let counted = ordered
        .iter()
        .filter(|candidate| is_reorder || candidate.features[score::blend::HISTORY] == 0.0);
    let position = counted.clone().position(|candidate| candidate.item == hidden);
    position.map_or(usize::MAX, |position| position + 1)
}

/// Ranks by EASE, pairs and neighbors alone.
fn single_ranks(candidates: &[Candidate], hidden: u32, is_reorder: bool) -> [usize; 3] {
    let counted =
        |candidate: &&Candidate| is_reorder || candidate.features[score::blend::HISTORY] == 0.0;
    let Some(target) = candidates.iter().find(|candidate| candidate.item == hidden) else {
        return [usize::MAX; 3];
    };
    [score::blend::EASE, score::blend::PAIR, score::blend::NEIGHBOR].map(|source| {
        let value = target.features[source];
        let counted = candidates.iter().filter(counted);
        let (mut n_better, mut n_tied) = (0, 0);
        for candidate in counted {
            n_better += usize::from(candidate.features[source] > value);
            n_tied += usize::from(candidate.features[source] == value);
        }
        n_better + n_tied.div_ceil(2).max(1)
    })
}

/// Rows in the shape that boosting takes.
#[derive(Clone, Debug, Default)]
pub struct Flat {
    pub features: Vec<f32>,
    pub labels: Vec<f32>,
    pub group_ends: Vec<u32>,
}

impl Flat {
    /// Adds the rows of one head: groups whose hidden item is its own and among the candidates.
    pub fn add(&mut self, cases: &[Prepared], reorder: bool) {
        for case in cases {
            let Some(target) = case.target.filter(|_| case.is_reorder == reorder) else { continue };
            for (slot, row) in case.rows.iter().enumerate() {
                if is_bought(row) == reorder {
                    self.features.extend_from_slice(row);
                    self.labels.push(f32::from(u8::from(slot == target)));
                }
            }
            self.group_ends.push(self.labels.len() as u32);
        }
    }

    pub fn set(&self) -> crate::boost::RankingSet<'_> {
        crate::boost::RankingSet {
            n_features: N_FEATURES,
            features: &self.features,
            labels: &self.labels,
            group_ends: &self.group_ends,
        }
    }
}
