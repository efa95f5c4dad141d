//! Learning to rank: heads of boosted trees on the inner split, published only where they win.

pub mod cases;
pub mod facts;
mod mix;
mod verdict;

use crate::boost::{self, BoostParams, Objective, RankingSet};
use crate::error::Error;
use crate::params::CheckedParams;
use crate::split::Case;
use cases::{Flat, Kitchen, Prepared};
use history::HistoryView;
use score::Trees;
use score::blend::{Blend, CartSize, N_SIZES};
use score::ranker::tables::RankTables;
use score::ranker::{Heads, MIX, N_GATE_FEATURES, SCHEMA, SIZES, schema, section_of};
use snapshot::{Snapshot, SnapshotWriter};
use std::collections::BTreeMap;
use verdict::Verdict;

/// Fewer baskets than this train no ranker: its three folds would hold too few cases.
pub const MIN_RANKER_BASKETS: usize = 1_000;
/// Fewer groups than this train no head.
const MIN_GROUPS: usize = 300;

/// How the heads are trained.
#[derive(Clone, Debug, PartialEq)]
pub struct RankerParams {
    /// Cases of one size of cart and fold; 0: no ranker is learned.
    pub max_cases: usize,
    pub boost: BoostParams,
}

impl Default for RankerParams {
    fn default() -> RankerParams {
        RankerParams {
            max_cases: 4_000,
            boost: BoostParams {
                objective: Objective::LambdaMart { truncation: 20 },
                n_trees: 200,
                max_leaves: 15,
                learning_rate: 0.08,
                min_rows_in_leaf: 100,
                l2: 10.0,
                feature_fraction: 0.4,
                group_fraction: 0.6,
                early_stop_rounds: 30,
                seed: 42,
            },
        }
    }
}

/// Heads by size of cart.
#[derive(Clone, Debug, Default)]
pub struct LearnedRanker {
    pub heads: [Option<Heads>; N_SIZES],
}

/// Tenths of the history after which cases are taken to learn from; the last tenth is kept to
/// watch and to check.
pub const FOLDS: [usize; 3] = [6, 7, 8];

const ALL_SIZES: [CartSize; N_SIZES] = [CartSize::Single, CartSize::Few, CartSize::Many];

/// Is there enough to learn a ranker from, and was one asked for?
pub fn is_wanted(view: &HistoryView, params: &CheckedParams) -> bool {
    let is_enough = view.baskets.len() >= MIN_RANKER_BASKETS;
    params.ranker.max_cases > 0 && params.blend_max_baskets > 0 && is_enough
}

/// What one size of cart learns from.
#[derive(Clone, Debug, Default)]
struct Fit {
    /// Discoveries and re-orders.
    heads: [Flat; 2],
    gates: Vec<f32>,
    is_reorder: Vec<f32>,
}

/// Collects cases of several folds, then trains.
pub struct Trainer<'a> {
    blend: &'a Blend,
    params: &'a RankerParams,
    fits: [Fit; N_SIZES],
}

impl<'a> Trainer<'a> {
    pub fn new(blend: &'a Blend, params: &'a RankerParams) -> Trainer<'a> {
        Trainer { blend, params, fits: Default::default() }
    }

    /// `inner`: learned from the baskets before the cases.
    pub fn add_fold(&mut self, inner: &Snapshot, cases: &[Case]) -> Result<(), Error> {
        let Some(tables) = RankTables::open(inner)? else { return Ok(()) };
        for (size, fit) in ALL_SIZES.into_iter().zip(&mut self.fits) {
            let kitchen = Kitchen { inner, tables: &tables, blend: self.blend, size };
            let prepared = kitchen.prepare_all(&cases::of_size(cases, size, self.params.max_cases));
            for (reorder, flat) in [false, true].into_iter().zip(&mut fit.heads) {
                flat.add(&prepared, reorder);
            }
            fit.gates.extend(prepared.iter().flat_map(|case| case.gate));
            let reorders = prepared.iter().map(|case| f32::from(u8::from(case.is_reorder)));
            fit.is_reorder.extend(reorders);
        }
        Ok(())
    }

    /// Trains all sizes, watched and checked on the newest cases.
    pub fn finish(
        self,
        inner: &Snapshot,
        cases: &[Case],
        notes: &mut BTreeMap<String, String>,
    ) -> Result<LearnedRanker, Error> {
        let mut learned = LearnedRanker::default();
        let Some(tables) = RankTables::open(inner)? else { return Ok(learned) };
        let (early, late) = cases.split_at(cases.len() / 2);
        for (at, (size, fit)) in ALL_SIZES.into_iter().zip(self.fits).enumerate() {
            let kitchen = Kitchen { inner, tables: &tables, blend: self.blend, size };
            let part = |cases: &[Case]| {
                kitchen.prepare_all(&cases::of_size(cases, size, self.params.max_cases))
            };
            let (heads, note) = learn_size(fit, &part(early), &part(late), self.params)?;
            notes.insert(format!("ranker.{}", SIZES[at]), note);
            learned.heads[at] = heads;
        }
        Ok(learned)
    }
}

impl LearnedRanker {
    pub fn is_any(&self) -> bool {
        self.heads.iter().any(Option::is_some)
    }

    pub fn write(&self, writer: &mut SnapshotWriter) {
        if !self.is_any() {
            return;
        }
        let mut mix: Vec<f32> = Vec::new();
        for (size, heads) in self.heads.iter().enumerate() {
            mix.extend(heads.as_ref().map_or([0.0; 3], Heads::mix));
            if let Some(heads) = heads {
                writer.add(&section_of(size, "discover"), &heads.discover.to_words());
                writer.add(&section_of(size, "replenish"), &heads.replenish.to_words());
                writer.add(&section_of(size, "gate"), &heads.gate.to_words());
            }
        }
        writer.add(MIX, &mix);
        writer.add(SCHEMA, &[schema()]);
    }
}

fn learn_size(
    fit: Fit,
    watch: &[Prepared],
    check: &[Prepared],
    params: &RankerParams,
) -> Result<(Option<Heads>, String), Error> {
    let n_groups = [0, 1].map(|head| fit.heads[head].group_ends.len());
    if n_groups[0] < MIN_GROUPS {
        let note =
            format!("the blend: {} cases, {MIN_GROUPS} are needed to learn from", n_groups[0]);
        return Ok((None, note));
    }
    let discover = train_head(&fit.heads[0], watch, false, params)?;
    let replenish = train_head(&fit.heads[1], watch, true, params)?;
    let gate = train_gate(&fit, params)?;
    let mut heads = Heads { gate, discover, replenish, ..Heads::default() };
    mix::tune(&mut heads, watch);
    let verdict = Verdict::of(&heads, check);
    let learned = format!(
        "{} discoveries and {} re-orders, {} and {} trees",
        n_groups[0],
        n_groups[1],
        heads.discover.n_trees(),
        heads.replenish.n_trees(),
    );
    let what = if verdict.wins() { "the ranker" } else { "the blend, which it does not beat" };
    let note = format!("{what}: {learned}; {verdict}");
    Ok((verdict.wins().then_some(heads), note))
}

/// Trees of one head; none where there are too few cases.
fn train_head(
    fit: &Flat,
    watch: &[Prepared],
    reorder: bool,
    params: &RankerParams,
) -> Result<Trees, Error> {
    if fit.group_ends.len() < MIN_GROUPS {
        return Ok(Trees::default());
    }
    let mut watched = Flat::default();
    watched.add(watch, reorder);
    Ok(boost::fit(&fit.set(), Some(&watched.set()), &params.boost)?.trees)
}

/// Is the next item a re-order?
fn train_gate(fit: &Fit, params: &RankerParams) -> Result<Trees, Error> {
    let group_ends: Vec<u32> = (1..=fit.is_reorder.len() as u32).collect();
    let set = RankingSet {
        n_features: N_GATE_FEATURES,
        features: &fit.gates,
        labels: &fit.is_reorder,
        group_ends: &group_ends,
    };
    let params = BoostParams {
        objective: Objective::Logistic,
        n_trees: 60,
        max_leaves: 6,
        learning_rate: 0.1,
        feature_fraction: 1.0,
        ..params.boost.clone()
    };
    Ok(boost::fit(&set, None, &params)?.trees)
}
