//! One run of learning over sessions.

use super::log::SessionLog;
use super::ranker;
use super::stats::ItemStats;
use super::table::{IndexLimits, SessionTable};
use crate::ablation::Without;
use crate::error::Error;
use crate::pipeline::Learned;
use score::sessions::{DEFAULT_KIND_WEIGHTS, Head, Horizon, KindWeights, Ranker};
use score::{LeftOut, Trees};
use snapshot::SessionArrays;

/// What may be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionParams {
    pub limits: IndexLimits,
    /// A pause this long in a visit ends it, in seconds; 0: never.
    pub max_pause_s: u32,
    /// Only the newest steps are learned from.
    pub max_steps: usize,
    /// Cases of a head at the most, see [`SessionParams::within`].
    pub max_cases: usize,
    pub seed: u64,
    /// Sources that are not learned from.
    pub without: Without,
}

/// A case's candidates with their features, twice: as they are and in bins.
const CASE_BYTES: u64 = 12_000;
const STEP_BYTES: u64 = 40;
const MAX_CASES: usize = 40_000;

impl Default for SessionParams {
    /// The pause is that of web analytics, half an hour.
    fn default() -> SessionParams {
        let limits = IndexLimits::default();
        let (max_steps, max_cases) = (20_000_000, MAX_CASES);
        let without = Without::default();
        SessionParams { limits, max_pause_s: 1_800, max_steps, max_cases, seed: 42, without }
    }
}

impl SessionParams {
    /// With as many of the newest steps, and as many cases, as this memory holds: about half of it
    /// for either.
    #[must_use]
    pub fn within(self, memory_limit_bytes: u64) -> SessionParams {
        let fitting = |n: usize, bytes: u64| n.min((memory_limit_bytes / 2 / bytes) as usize);
        SessionParams {
            max_steps: fitting(self.max_steps, STEP_BYTES),
            max_cases: fitting(self.max_cases, CASE_BYTES),
            ..self
        }
    }
}

/// What is learned of sessions.
#[derive(Clone, Debug)]
pub struct SessionModel {
    pub table: SessionTable,
    pub stats: ItemStats,
    pub kind_weights: KindWeights,
    pub left_out: LeftOut,
    /// The ranker of each head; empty where the plain blend was better or data too little.
    pub next: Trees,
    pub discover: Trees,
    /// What was published for each head, and why.
    pub note: String,
}

impl SessionModel {
    /// The index and its statistics, no ranker.
    pub fn index(train: &SessionLog, n_items: usize, params: &SessionParams) -> SessionModel {
        let table = SessionTable::of(train, n_items, &params.limits);
        let stats = ItemStats::at(&table.view(), train.len());
        SessionModel {
            table,
            stats,
            kind_weights: DEFAULT_KIND_WEIGHTS,
            left_out: params.without.of_visits(),
            next: Trees::default(),
            discover: Trees::default(),
            note: String::new(),
        }
    }

    /// The index and its rankers. `valid`: sessions after the training ones, on which choices are
    /// made; without them, on the last of the training sessions.
    pub fn learn(
        train: &SessionLog,
        valid: Option<&SessionLog>,
        n_items: usize,
        params: &SessionParams,
    ) -> Result<SessionModel, Error> {
        let mut model = SessionModel::index(train, n_items, params);
        model.kind_weights = ranker::choose_kind_weights(&model, train, valid, params);
        let [next, discover] = ranker::learn_heads(&model, train, valid, params)?;
        model.note = format!(
            "kind weights {:?}; next: {}; discover: {}",
            model.kind_weights, next.note, discover.note
        );
        (model.next, model.discover) = (next.trees, discover.trees);
        Ok(model)
    }

    pub fn horizon(&self) -> Horizon<'_> {
        let index = self.table.view();
        self.stats.horizon(index, index.n_sessions())
    }

    pub fn ranker(&self, head: Head) -> Ranker<'_> {
        let trees = match head {
            Head::Next => &self.next,
            Head::Discover => &self.discover,
        };
        let SessionModel { kind_weights, left_out, .. } = self;
        Ranker { head, horizon: self.horizon(), kind_weights, left_out: *left_out, trees }
    }
}

/// Learns from the steps of visits and adds the tables to what was learned of orders. Without
/// steps nothing is added. `n_items`: items of the same numbering in the view.
pub fn add_sessions(
    learned: &mut Learned,
    rows: &[super::StepRow],
    n_items: usize,
    params: &SessionParams,
) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let log = SessionLog::cut_at_pauses(rows, params.max_pause_s).newest(params.max_steps);
    let model = SessionModel::learn(&log, None, n_items, params)?;
    let [next_trees, discover_trees] = [&model.next, &model.discover]
        .map(|trees| if trees.is_empty() { Vec::new() } else { trees.to_words() });
    let left_out = model.left_out.to_words();
    let arrays = SessionArrays {
        index: model.table.view(),
        stats: &model.stats.values,
        popular: &model.stats.popular,
        next_trees: &next_trees,
        discover_trees: &discover_trees,
        kind_weights: &model.kind_weights,
        left_out: &left_out,
    };
    arrays.write(&mut learned.writer);
    let said = &mut learned.provenance.parameters;
    said.insert("sessions".into(), format!("{} sessions, {} steps", log.len(), log.steps.len()));
    if model.table.n_left_out > 0 {
        let note = format!("{} too long to tell anything", model.table.n_left_out);
        said.insert("sessions.left_out".into(), note);
    }
    said.insert("sessions.ranker".into(), model.note);
    learned.writer.set_provenance(&learned.provenance);
    Ok(())
}
