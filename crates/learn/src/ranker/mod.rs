//! Learning to rank: heads of boosted trees on the inner split, published only where they win.

pub mod calibration;
pub mod cases;
pub mod facts;
mod mix;
mod prior;
mod verdict;

use crate::boost::{self, BoostParams, Objective, RankingSet};
use crate::error::Error;
use crate::params::CheckedParams;
use crate::split::Case;
use cases::{Flat, Kitchen, Prepared};
use history::HistoryView;
use rayon::prelude::*;
use score::Trees;
use score::blend::{Blend, CartSize, N_SIZES};
use score::ranker::features::{N_COMMON_FEATURES, N_FEATURES};
use score::ranker::heads::N_MIX;
use score::ranker::tables::RankTables;
use score::ranker::{
    Audience, Curve, Heads, MIX, N_GATE_FEATURES, ORIGINS, RankScratch, SCHEMA, SIZES,
    curve_section_of, schema, section_of,
};
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
    /// Cases of full carts of each of three folds, or three times as many of one fold; half as many
    /// again of the smaller sizes, which cost less and say less. 0: no ranker is learned.
    pub max_cases: usize,
    pub boost: BoostParams,
}

impl Default for RankerParams {
    fn default() -> RankerParams {
        RankerParams {
            max_cases: 4_000,
            boost: BoostParams {
                objective: Objective::Softmax,
                n_trees: 120,
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

/// Heads and curves by size of cart.
#[derive(Clone, Debug, Default)]
pub struct LearnedRanker {
    /// Features that the heads know, the first ones.
    n_features: usize,
    sizes: [LearnedSize; N_SIZES],
}

#[derive(Clone, Debug, Default)]
struct LearnedSize {
    heads: Option<Heads>,
    /// By [`ORIGINS`].
    curves: [Option<Curve>; ORIGINS.len()],
}

/// Tenths of the history after which cases are taken to learn from; the last tenth is kept to
/// watch and to check.
const FOLDS: [usize; 3] = [6, 7, 8];

/// The folds for a catalogue of which EASE takes so many items. Each fold costs a solve: where that
/// is dear a shop is large, and one tenth of it holds as many cases as three of another.
pub fn folds(n_ease_items: usize, params: &CheckedParams) -> &'static [usize] {
    if n_ease_items > params.ease_tune_max_items { &FOLDS[2..] } else { &FOLDS }
}

const ALL_SIZES: [CartSize; N_SIZES] = [CartSize::Single, CartSize::Few, CartSize::Many];

/// Is there enough to learn a ranker from, and was one asked for?
pub fn is_wanted(view: &HistoryView, params: &CheckedParams) -> bool {
    let is_enough = view.baskets.len() >= MIN_RANKER_BASKETS;
    params.ranker.max_cases > 0 && params.blend_max_baskets > 0 && is_enough
}

/// Cases of a size where those of full carts are so many.
fn cases_of(size: CartSize, max_cases: usize) -> usize {
    match size {
        CartSize::Single | CartSize::Few => max_cases + max_cases / 2,
        CartSize::Many => max_cases,
    }
}

/// What one size of cart learns from.
#[derive(Clone, Debug)]
struct Fit {
    /// Discoveries and re-orders.
    heads: [Flat; 2],
    gates: Vec<f32>,
    is_reorder: Vec<f32>,
}

impl Fit {
    fn of(n_features: usize) -> Fit {
        let flat = || Flat::of(n_features);
        Fit { heads: [flat(), flat()], gates: Vec::new(), is_reorder: Vec::new() }
    }
}

/// Collects cases of several folds, then trains.
pub struct Trainer<'a> {
    blend: &'a Blend,
    params: &'a RankerParams,
    n_features: usize,
    fits: [Fit; N_SIZES],
}

impl<'a> Trainer<'a> {
    /// `with_segments`: does the shop know segments of its customers?
    pub fn new(blend: &'a Blend, params: &'a RankerParams, with_segments: bool) -> Trainer<'a> {
        let n_features = if with_segments { N_FEATURES } else { N_COMMON_FEATURES };
        let fits = std::array::from_fn(|_| Fit::of(n_features));
        Trainer { blend, params, n_features, fits }
    }

    /// One of `n_folds`. `inner`: learned from the baskets before the cases.
    pub fn add_fold(
        &mut self,
        inner: &Snapshot,
        cases: &[Case],
        n_folds: usize,
    ) -> Result<(), Error> {
        let Some(tables) = RankTables::open(inner)? else { return Ok(()) };
        let max_cases = self.params.max_cases * FOLDS.len() / n_folds.max(1);
        for (size, fit) in ALL_SIZES.into_iter().zip(&mut self.fits) {
            let kitchen = Kitchen { inner, tables: &tables, blend: self.blend, size };
            let prepared =
                kitchen.prepare_all(&cases::of_size(cases, size, cases_of(size, max_cases)));
            for (reorder, flat) in [false, true].into_iter().zip(&mut fit.heads) {
                flat.add(&prepared, reorder, true);
            }
            for case in prepared.iter().filter(|case| case.audience == Audience::Known) {
                fit.gates.extend(case.gate);
                fit.is_reorder.push(f32::from(u8::from(case.is_reorder)));
            }
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
        let n_features = self.n_features;
        let mut learned = LearnedRanker { n_features, ..LearnedRanker::default() };
        let Some(tables) = RankTables::open(inner)? else { return Ok(learned) };
        let (early, late) = cases.split_at(cases.len() / 2);
        for (at, (size, fit)) in ALL_SIZES.into_iter().zip(self.fits).enumerate() {
            let kitchen = Kitchen { inner, tables: &tables, blend: self.blend, size };
            let part = |cases: &[Case]| {
                let max_cases = cases_of(size, self.params.max_cases);
                kitchen.prepare_all(&cases::of_size(cases, size, max_cases))
            };
            let (watch, check) = (part(early), part(late));
            let (heads, note) = learn_size(fit, &watch, &check, self.params)?;
            notes.insert(format!("ranker.{}", SIZES[at]), note);
            learned.sizes[at] = calibrated(heads, watch.iter().chain(&check).collect());
        }
        Ok(learned)
    }
}

impl LearnedRanker {
    /// Are there heads, which need the tables of the ranker?
    pub fn has_heads(&self) -> bool {
        self.sizes.iter().any(|size| size.heads.is_some())
    }

    pub fn write(&self, writer: &mut SnapshotWriter) {
        let mut mix: Vec<f32> = Vec::new();
        for (size, LearnedSize { heads, curves }) in self.sizes.iter().enumerate() {
            mix.extend(heads.as_ref().map_or([0.0; N_MIX], Heads::mix));
            if let Some(heads) = heads {
                writer.add(&section_of(size, "discover"), &heads.discover.to_words());
                writer.add(&section_of(size, "replenish"), &heads.replenish.to_words());
                writer.add(&section_of(size, "gate"), &heads.gate.to_words());
            }
            for (origin, curve) in curves.iter().enumerate() {
                if let Some(curve) = curve {
                    writer.add(&curve_section_of(size, origin), curve.points());
                }
            }
        }
        if self.has_heads() {
            writer.add(MIX, &mix);
            writer.add(SCHEMA, &[schema(self.n_features)]);
        }
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
    let mut heads = Heads { gate: train_gate(&fit, params)?, ..Heads::default() };
    heads.priors = [prior::of(&fit.heads[0]), prior::of(&fit.heads[1])];
    heads.discover = train_head(&fit.heads[0], watch, (false, heads.priors[0]), params)?;
    heads.replenish = train_head(&fit.heads[1], watch, (true, heads.priors[1]), params)?;
    mix::tune(&mut heads, watch);
    let verdicts =
        [Audience::Guest, Audience::Known].map(|audience| Verdict::of(&heads, check, audience));
    heads.serves = [verdicts[0].wins(), verdicts[1].wins()];
    let what = match heads.serves {
        [true, true] => "the ranker",
        [false, true] => "the ranker for known customers, the blend for guests",
        [true, false] => "the ranker for guests, the blend for known customers",
        [false, false] => "the blend, which the ranker does not beat",
    };
    let note = format!(
        "{what}: {} discoveries and {} re-orders, {} and {} trees from {:?} of the blend's order, \
         mix {:?}; guests: {}; known: {}",
        n_groups[0],
        n_groups[1],
        heads.discover.n_trees(),
        heads.replenish.n_trees(),
        heads.priors,
        heads.mix(),
        verdicts[0],
        verdicts[1],
    );
    let is_any = heads.serves.contains(&true);
    Ok((is_any.then_some(heads), note))
}

/// Trees of one head, which add to the blend's order times its prior; none where there are too few
/// cases.
fn train_head(
    fit: &Flat,
    watch: &[Prepared],
    (reorder, prior): (bool, f32),
    params: &RankerParams,
) -> Result<Trees, Error> {
    if fit.group_ends.len() < MIN_GROUPS {
        return Ok(Trees::default());
    }
    let mut watched = Flat::of(fit.n_features);
    watched.add(watch, reorder, false);
    let (of_fit, of_watched) = (fit.offsets(prior), watched.offsets(prior));
    let watched = watched.set(&of_watched);
    Ok(boost::fit(&fit.set(&of_fit), Some(&watched), &params.boost)?.trees)
}

/// Is the next item a re-order?
fn train_gate(fit: &Fit, params: &RankerParams) -> Result<Trees, Error> {
    let group_ends: Vec<u32> = (1..=fit.is_reorder.len() as u32).collect();
    let set = RankingSet {
        n_features: N_GATE_FEATURES,
        features: &fit.gates,
        labels: &fit.is_reorder,
        group_ends: &group_ends,
        offsets: &[],
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

/// Curves for what ranks: the heads for whom they serve, the blend for the others.
fn calibrated(heads: Option<Heads>, cases: Vec<&Prepared>) -> LearnedSize {
    let serves =
        |case: &Prepared| heads.as_ref().is_some_and(|heads| heads.serves[case.audience as usize]);
    let (by_heads, by_blend): (Vec<&Prepared>, Vec<&Prepared>) =
        cases.into_iter().partition(|case| serves(case));
    let of_blend = |case: &&Prepared| -> Vec<(f32, bool)> {
        let scores = case.blend.iter().enumerate();
        scores.map(|(at, &score)| (score, case.blend_target == Some(at))).collect()
    };
    let of_heads = |scratch: &mut RankScratch, case: &&Prepared| -> Vec<(f32, bool)> {
        let Some(heads) = &heads else { return Vec::new() };
        scratch.rows.clone_from(&case.rows);
        heads.score(scratch);
        let scores = scratch.scores().iter().enumerate();
        scores.map(|(at, &score)| (score, case.target == Some(at))).collect()
    };
    let blend: Vec<Vec<(f32, bool)>> = by_blend.par_iter().map(of_blend).collect();
    let learned: Vec<Vec<(f32, bool)>> =
        by_heads.par_iter().map_init(RankScratch::default, of_heads).collect();
    let curves = [blend, learned].map(|points| calibration::curve(points.concat()));
    LearnedSize { curves, heads }
}
