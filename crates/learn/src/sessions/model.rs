//! One run of learning over sessions.

use super::log::SessionLog;
use super::stats::ItemStats;
use super::cases::Head;
use super::ranker;
use super::table::{IndexLimits, SessionTable};
use crate::error::Error;
use score::Trees;
use score::sessions::{DEFAULT_KIND_WEIGHTS, Horizon, KindWeights, Ranker};

/// Unchecked parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionParams {
    pub limits: IndexLimits,
    pub kind_weights: KindWeights,
    pub seed: u64,
}

impl Default for SessionParams {
    fn default() -> SessionParams {
        SessionParams {
            limits: IndexLimits::default(),
            kind_weights: DEFAULT_KIND_WEIGHTS,
            seed: 42,
        }
    }
}

/// What is learned of sessions.
#[derive(Clone, Debug, Default)]
pub struct SessionModel {
    pub table: SessionTable,
    pub stats: ItemStats,
    /// The ranker of each head; `None` where the plain blend was better or data too little.
    pub next: Option<Trees>,
    pub discover: Option<Trees>,
    /// What was published for each head, and why.
    pub note: String,
}

impl SessionModel {
    /// The index and its statistics, no ranker.
    pub fn index(train: &SessionLog, n_items: usize, params: &SessionParams) -> SessionModel {
        let table = SessionTable::of(train, n_items, &params.limits);
        let stats = ItemStats::at(&table.view(), train.len());
        SessionModel { table, stats, ..SessionModel::default() }
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
        let [next, discover] = ranker::learn_heads(&model, train, valid, params)?;
        model.note = format!("next: {}; discover: {}", next.note, discover.note);
        (model.next, model.discover) = (next.trees, discover.trees);
        Ok(model)
    }

    pub fn horizon(&self) -> Horizon<'_> {
        let index = self.table.view();
        self.stats.horizon(index, index.n_sessions())
    }

    pub fn ranker(&self, head: Head) -> Ranker<'_> {
        let trees = match head {
            Head::Next => self.next.as_ref(),
            Head::Discover => self.discover.as_ref(),
        };
        Ranker { horizon: self.horizon(), trees }
    }
}
