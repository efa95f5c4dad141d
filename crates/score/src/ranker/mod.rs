//! The learned ranking: gathered candidates → a probability that each is what is bought next.
//!
//! Two heads of boosted trees a size of cart: `discover` orders what is new to the customer,
//! `replenish` what they bought before. A gate says how likely the next item is a re-order
//! ([`heads`] has the formula), so that what would be bought anyway cannot crowd out what would
//! not. Where nothing bought is among the candidates, or everything is, the gate says nothing.
//! A [`Curve`] a size makes probabilities of the scores, the ranker's or the blend's.
//!
//! **Invariant:** `learn::ranker` makes its training rows by [`Recalled::collect`] and
//! [`features::fill`], the code that ranks live. Where no head was published for a size of cart
//! and an audience (too little data, or not better than the blend on the inner split), the blend's
//! order stands.

pub mod curve;
pub mod features;
pub mod heads;
pub mod recall;
pub mod tables;

use crate::blend::{CartSize, EASE, Features, HISTORY, N_SIZES, NEIGHBOR, PAIR, TREND};
use crate::error::Error;
use crate::sources::{Candidate, Query};
use crate::trees::{RowBlocks, Trees};
pub use curve::Curve;
use features::{FEATURES, Feature, FeatureScratch, N_COMMON_FEATURES, N_FEATURES, Row};
pub use heads::{
    Audience, GateRow, Heads, N_GATE_FEATURES, gate_row, is_bought, prior_of, softmax,
};
use recall::Recalled;
use snapshot::{Container, Snapshot};
use sparse::falling_key;
use tables::RankTables;

/// Sizes as sections name them, in the order of [`CartSize`].
pub const SIZES: [&str; N_SIZES] = ["single", "few", "many"];
/// Section of the temperatures, and of the mark of the features.
pub const MIX: &str = "rank.mix";
pub const SCHEMA: &str = "rank.schema";

/// Section of a head's trees.
pub fn section_of(size: usize, head: &str) -> String {
    format!("rank.trees.{}.{head}", SIZES[size])
}

/// What gave a score; each has a scale, and so a curve, of its own.
pub const ORIGINS: [&str; 2] = ["blend", "heads"];

/// Section of the curve of a size and an origin.
pub fn curve_section_of(size: usize, origin: usize) -> String {
    format!("rank.curve.{}.{}", SIZES[size], ORIGINS[origin])
}

/// A mark of the first features and their order: trees of another order mean nothing.
pub fn schema(n_features: usize) -> u64 {
    mark_of(&FEATURES[..n_features])
}

/// A mark of names in their order.
pub(crate) fn mark_of(names: &[&str]) -> u64 {
    names
        .iter()
        .flat_map(|name| name.bytes().chain([0]))
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

/// Tables, heads and curves of a snapshot, opened once.
#[derive(Debug)]
pub struct Ranker {
    /// None where no heads were published.
    tables: Option<RankTables>,
    heads: [Option<Heads>; N_SIZES],
    /// By size and origin.
    curves: [[Option<Curve>; ORIGINS.len()]; N_SIZES],
}

/// Reusable memory of one thread.
#[derive(Clone, Debug, Default)]
pub struct RankScratch {
    pub recalled: Recalled,
    pub features: FeatureScratch,
    pub rows: Vec<Row>,
    blocks: RowBlocks,
    head_scores: Vec<f32>,
    scores: Vec<f32>,
    slots: Vec<u32>,
    /// [`falling_key`] of the candidates.
    order: Vec<u64>,
    ranked: Vec<Candidate>,
}

impl RankScratch {
    /// Probabilities of the last rows, in order of slots.
    pub fn scores(&self) -> &[f32] {
        &self.scores
    }
}

impl Ranker {
    /// `None` for a snapshot without heads and curves.
    pub fn open(snapshot: &Snapshot) -> Result<Option<Ranker>, Error> {
        let c = snapshot.container();
        let mix = c.section::<f32>(MIX)?;
        let mix = c.view(&mix);
        let mut ranker =
            Ranker { tables: None, heads: [None, None, None], curves: Default::default() };
        for (size, curves) in ranker.curves.iter_mut().enumerate() {
            *curves = [curve_of(c, size, 0)?, curve_of(c, size, 1)?];
        }
        if mix.is_empty() {
            let has_curve = ranker.curves.iter().flatten().any(Option::is_some);
            return Ok(has_curve.then_some(ranker));
        }
        let found_schema = c.section::<u64>(SCHEMA)?;
        let mut widths = [N_COMMON_FEATURES, N_FEATURES].into_iter();
        let Some(n_features) = widths.find(|&n| c.view(&found_schema) == [schema(n)]) else {
            return bad("its trees were grown for other features");
        };
        if mix.len() != heads::N_MIX * N_SIZES {
            return bad("its numbers of temperatures and shifts are others");
        }
        for (size, mix) in mix.chunks_exact(heads::N_MIX).enumerate() {
            // Temperature 0: nothing published for this size.
            if mix[0] == 0.0 {
                continue;
            }
            let mut heads = Heads {
                discover: trees_of(c, size, "discover", n_features)?,
                replenish: trees_of(c, size, "replenish", n_features)?,
                gate: trees_of(c, size, "gate", N_GATE_FEATURES)?,
                ..Heads::default()
            };
            if !heads.set_mix(mix) {
                return bad("a temperature or shift is no number, or not above 0");
            }
            ranker.heads[size] = Some(heads);
        }
        ranker.tables = RankTables::open(snapshot)?;
        if ranker.tables.is_none() {
            return bad("its trees stand without their tables");
        }
        Ok(Some(ranker))
    }

    /// The heads published for carts of this many items and this audience.
    pub fn heads(&self, n_context: usize, audience: Audience) -> Option<&Heads> {
        let heads = self.heads[CartSize::of(n_context) as usize].as_ref()?;
        heads.serves[audience as usize].then_some(heads)
    }

    /// What scores of carts of this many items mean: the heads' or the blend's.
    pub fn curve(&self, n_context: usize, of_heads: bool) -> Option<&Curve> {
        self.curves[CartSize::of(n_context) as usize][usize::from(of_heads)].as_ref()
    }

    /// Are the scores of such a cart probabilities?
    pub fn is_calibrated(&self, n_context: usize, audience: Audience) -> bool {
        self.curve(n_context, self.heads(n_context, audience).is_some()).is_some()
    }

    /// Orders candidates anew, with the heads' shares for scores: `ordered` are the blend's, best
    /// first, to which those of other sources are added. `None` where the blend is to rank.
    pub fn rank<'s>(
        &self,
        snapshot: &Snapshot,
        query: &Query<'_>,
        ordered: &[Candidate],
        scratch: &'s mut RankScratch,
        is_eligible: impl FnMut(u32) -> bool,
    ) -> Option<(&'s [Candidate], &'s Recalled)> {
        let heads = self.heads(query.context.len(), query.audience())?;
        let tables = self.tables.as_ref()?;
        scratch.recalled.collect(snapshot, tables, query, ordered, is_eligible);
        let RankScratch { recalled, features, rows, .. } = scratch;
        features::fill(snapshot, tables, query, recalled, features, rows);
        heads.score(scratch);
        let RankScratch { recalled, rows, scores, order, ranked, .. } = scratch;
        order.clear();
        let scored = recalled.items().iter().zip(&*scores);
        order.extend(scored.map(|(&item, &score)| falling_key(score, item)));
        order.sort_unstable();
        ranked.clear();
        for item in order.iter().map(|&key| key as u32) {
            let Some(slot) = recalled.slot(item) else { continue };
            let mut candidate = match recalled.place(slot) {
                Some(place) => ordered[place],
                None => added(item, snapshot.trend(item), &rows[slot]),
            };
            candidate.score = scores[slot];
            ranked.push(candidate);
        }
        Some((ranked, recalled))
    }

    /// What [`Ranker::rank`] gave the last time.
    pub(crate) fn ranked_before<'s>(
        &self,
        scratch: &'s RankScratch,
    ) -> Option<(&'s [Candidate], &'s Recalled)> {
        self.tables.as_ref().map(|_| (&*scratch.ranked, &scratch.recalled))
    }
}

/// A candidate that is not among the blend's best; of the sources it has what its row says.
fn added(item: u32, trend: f32, row: &Row) -> Candidate {
    let mut features = Features::default();
    for (source, feature) in [
        (EASE, Feature::Ease),
        (PAIR, Feature::Jaccard),
        (NEIGHBOR, Feature::Neighbor),
        (HISTORY, Feature::Weight),
    ] {
        features[source] = row[feature as usize];
    }
    features[TREND] = trend;
    Candidate { item, score: 0.0, features }
}

fn bad<T>(what: &str) -> Result<T, Error> {
    Err(Error::BadRanker { what: what.to_owned() })
}

fn trees_of(c: &Container, size: usize, head: &str, n_features: usize) -> Result<Trees, Error> {
    let words = c.section::<u32>(&section_of(size, head))?;
    let trees = Trees::from_words(c.view(&words))?;
    if !trees.is_empty() && trees.n_features() != n_features {
        let what = format!("the trees of `{}` ask other features", section_of(size, head));
        return Err(Error::BadRanker { what });
    }
    Ok(trees)
}

fn curve_of(c: &Container, size: usize, origin: usize) -> Result<Option<Curve>, Error> {
    let points = c.section::<[f32; 2]>(&curve_section_of(size, origin))?;
    let points = c.view(&points);
    if points.is_empty() {
        return Ok(None);
    }
    match Curve::of(points.to_vec()) {
        Some(curve) => Ok(Some(curve)),
        None => bad("a curve of probabilities falls, or is none"),
    }
}
