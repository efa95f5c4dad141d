//! Training cases of the ranker: baskets of the inner split, each with several of its items hidden
//! in turn, and the rows of their candidates.

use crate::boost::RankingSet;
use crate::split::{self, Case};
use rayon::prelude::*;
use score::blend::{Blend, CartSize};
use score::ranker::features::{self, Feature, Row};
use score::ranker::recall::{MAX_RECALLED, N_ORDERED};
use score::ranker::tables::RankTables;
use score::ranker::{Audience, GateRow, RankScratch, gate_row, is_bought, prior_of};
use score::sources::{self, Candidate, Query, Scratch};
use snapshot::Snapshot;
use snapshot::tables::NONE;

/// Items hidden in turn of one basket, at the most.
pub(crate) const MAX_VARIANTS: usize = 12;

/// Of the cases of known customers every so many is asked by a guest as well: nothing of what they
/// bought before is known then, and anything may be what is missing.
pub(crate) const GUEST_STEP: usize = 3;

/// One case with the rows of its candidates.
pub struct Prepared {
    pub rows: Vec<Row>,
    /// The hidden item among the rows.
    pub target: Option<usize>,
    pub audience: Audience,
    /// Had the customer bought the hidden item before?
    pub is_reorder: bool,
    pub gate: GateRow,
    /// Rank of the hidden item by each of [`RIVALS`] among everything, and among what is new to
    /// the customer (of a re-order the same as the first).
    pub ranks: [usize; N_RIVALS],
    pub ranks_of_new: [usize; N_RIVALS],
    /// The blend's scores in order, and where the hidden item stands among them.
    pub blend: Vec<f32>,
    pub blend_target: Option<usize>,
}

pub const N_RIVALS: usize = 5;
/// What the ranker must beat. The history alone is none: it has nothing new to offer.
pub const RIVALS: [&str; N_RIVALS] = ["blend", "ease", "pairs", "neighbors", "trend"];

/// What cases are prepared with.
pub struct Kitchen<'a> {
    pub inner: &'a Snapshot,
    pub tables: &'a RankTables,
    pub blend: &'a Blend,
    pub size: CartSize,
}

/// Cases of one size of cart from those of the split: up to `MAX_VARIANTS` hidden items of each
/// basket, variant by variant and evenly in time, so that those taken spread over all baskets; then
/// those asked by guests.
pub fn of_size(cases: &[Case], size: CartSize, max_cases: usize) -> Vec<Case> {
    let (min_context, max_context) = match size {
        CartSize::Single => (1, 1),
        CartSize::Few => (2, 3),
        CartSize::Many => (5, usize::MAX),
    };
    let mut found: Vec<Case> = Vec::new();
    for variant in 0..MAX_VARIANTS {
        let fits = |case: &&Case| case.context.len() >= variant.max(min_context);
        let fitting: Vec<&Case> = cases.iter().filter(fits).collect();
        for case in split::evenly(&fitting, max_cases - found.len()) {
            let mut items = vec![case.hidden];
            items.extend_from_slice(&case.context);
            items.rotate_left(variant);
            let context = items[1..].iter().copied().take(max_context).collect();
            found.push(Case { context, hidden: items[0], customer: case.customer });
        }
    }
    let known = found.iter().filter(|case| case.customer != NONE);
    let guests: Vec<Case> =
        known.step_by(GUEST_STEP).map(|case| Case { customer: NONE, ..case.clone() }).collect();
    found.extend(guests);
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
        let [all, new] = [true, false].map(|all| single_ranks(candidates, case.hidden, all));
        let ranking = sources::rank(inner, self.blend, &query, gathered, is_eligible);
        let ordered: Vec<Candidate> = ranking.take(N_ORDERED).collect();
        scratch.recalled.collect(inner, self.tables, &query, &ordered, is_eligible);
        let RankScratch { recalled, features, rows, .. } = scratch;
        features::fill(inner, self.tables, &query, recalled, features, rows);
        let with_blend = |[ease, pairs, neighbors, trend]: [usize; 4], all: bool| {
            [rank_among(&ordered, case.hidden, all), ease, pairs, neighbors, trend]
        };
        Prepared {
            target: recalled.slot(case.hidden),
            audience: query.audience(),
            is_reorder,
            gate: gate_row(rows),
            rows: rows.clone(),
            ranks: with_blend(all, true),
            ranks_of_new: if is_reorder { with_blend(all, true) } else { with_blend(new, false) },
            blend: ordered.iter().map(|candidate| candidate.score).collect(),
            blend_target: ordered.iter().position(|candidate| candidate.item == case.hidden),
        }
    }
}

/// Position of the item in a ranked list: of all, or of what was not bought before.
fn rank_among(ordered: &[Candidate], hidden: u32, all: bool) -> usize {
    let mut counted =
        ordered.iter().filter(|candidate| all || candidate.features[score::blend::HISTORY] == 0.0);
    let position = counted.position(|candidate| candidate.item == hidden);
    position.map_or(usize::MAX, |position| position + 1)
}

/// Ranks by EASE, pairs, neighbors and trend alone.
fn single_ranks(candidates: &[Candidate], hidden: u32, all: bool) -> [usize; 4] {
    let counted = |candidate: &&Candidate| all || candidate.features[score::blend::HISTORY] == 0.0;
    let Some(target) = candidates.iter().find(|candidate| candidate.item == hidden) else {
        return [usize::MAX; 4];
    };
    use score::blend::{EASE, NEIGHBOR, PAIR, TREND};
    [EASE, PAIR, NEIGHBOR, TREND].map(|source| {
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
#[derive(Clone, Debug)]
pub struct Flat {
    /// Features of a row that are kept, the first ones.
    pub n_features: usize,
    pub features: Vec<f32>,
    pub labels: Vec<f32>,
    /// Where the blend has each row: the trees start from it, times the head's prior.
    pub places: Vec<f32>,
    /// ln of how many rows each stands for.
    pub ln_counts: Vec<f32>,
    pub group_ends: Vec<u32>,
}

/// Rows that did not gain and stand low: one of so many is kept to learn from, and counts for all.
const LOW_STEP: usize = 3;
/// From this place in the blend's order on a row stands low.
const LOW_PLACE: f32 = 24.0;
/// Rows of a thinned group at the most: those that stand high, the hidden item, and the sample.
pub(crate) const MAX_THINNED_ROWS: usize =
    LOW_PLACE as usize + 1 + (MAX_RECALLED - LOW_PLACE as usize).div_ceil(LOW_STEP);

impl Flat {
    pub fn of(n_features: usize) -> Flat {
        Flat {
            n_features,
            features: Vec::new(),
            labels: Vec::new(),
            places: Vec::new(),
            ln_counts: Vec::new(),
            group_ends: Vec::new(),
        }
    }

    /// Adds the rows of one head: groups whose hidden item is its own and among the candidates.
    /// With `thinned`, low rows are a sample that speaks for the others.
    pub fn add(&mut self, cases: &[Prepared], reorder: bool, thinned: bool) {
        for (at, case) in cases.iter().enumerate() {
            let Some(target) = case.target.filter(|_| case.is_reorder == reorder) else { continue };
            for (slot, row) in case.rows.iter().enumerate() {
                if is_bought(row) != reorder {
                    continue;
                }
                // A place that is not known stands low too.
                let is_high = row[Feature::BlendRank as usize] < LOW_PLACE;
                let is_certain = !thinned || slot == target || is_high;
                if !is_certain && slot % LOW_STEP != at % LOW_STEP {
                    continue;
                }
                self.features.extend_from_slice(&row[..self.n_features]);
                self.labels.push(f32::from(u8::from(slot == target)));
                self.places.push(prior_of(row));
                self.ln_counts.push(if is_certain { 0.0 } else { (LOW_STEP as f32).ln() });
            }
            self.group_ends.push(self.labels.len() as u32);
        }
    }

    /// Where trees start: the prior's part of each row, and that of the rows it speaks for.
    pub fn offsets(&self, prior: f32) -> Vec<f32> {
        let rows = self.places.iter().zip(&self.ln_counts);
        rows.map(|(place, ln_count)| prior * place + ln_count).collect()
    }

    /// `offsets`: those of [`Flat::offsets`].
    pub fn set<'a>(&'a self, offsets: &'a [f32]) -> RankingSet<'a> {
        RankingSet {
            n_features: self.n_features,
            features: &self.features,
            labels: &self.labels,
            group_ends: &self.group_ends,
            offsets,
        }
    }
}
