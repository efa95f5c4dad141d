//! What a snapshot holds of sessions, made ready to rank.

use super::gather::{DEFAULT_KIND_WEIGHTS, KindWeights, N_FEATURES};
use super::horizon::Horizon;
use super::rank::{Head, Ranker};
use super::sources::SOURCES;
use crate::error::Error;
use crate::left_out::LeftOut;
use crate::trees::Trees;
use snapshot::Snapshot;

/// The rankers of a snapshot, decoded once. Empty by default: the plain blend ranks.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRankers {
    next: Trees,
    discover: Trees,
    kind_weights: KindWeights,
    left_out: LeftOut,
}

impl Default for SessionRankers {
    fn default() -> SessionRankers {
        let (next, discover) = (Trees::default(), Trees::default());
        let left_out = LeftOut::default();
        SessionRankers { next, discover, kind_weights: DEFAULT_KIND_WEIGHTS, left_out }
    }
}

impl SessionRankers {
    /// Fails on trees of another layout, or made for other features.
    pub fn of(snapshot: &Snapshot) -> Result<SessionRankers, Error> {
        let arrays = snapshot.sessions();
        let kind_weights = arrays.kind_weights.try_into().unwrap_or(DEFAULT_KIND_WEIGHTS);
        let [next, discover] = [arrays.next_trees, arrays.discover_trees].map(Trees::from_words);
        let (next, discover) = (next?, discover?);
        if [&next, &discover].iter().any(|t| !t.is_empty() && t.n_features() != N_FEATURES) {
            return Err(Error::BadTrees {
                what: "they take another number of session features".into(),
            });
        }
        let Some(left_out) = LeftOut::from_words(arrays.left_out, SOURCES.len()) else {
            return Err(Error::BadTrees { what: "they left out a source that is none".into() });
        };
        Ok(SessionRankers { next, discover, kind_weights, left_out })
    }

    /// Ranks with the tables of the snapshot that these rankers are from.
    pub fn ranker<'a>(&'a self, snapshot: &'a Snapshot, head: Head) -> Ranker<'a> {
        let arrays = snapshot.sessions();
        let horizon = Horizon {
            index: arrays.index,
            n_sessions: arrays.index.n_sessions() as u32,
            stats: arrays.stats,
            popular: arrays.popular,
        };
        let trees = match head {
            Head::Next => &self.next,
            Head::Discover => &self.discover,
        };
        let left_out = self.left_out;
        Ranker { head, horizon, kind_weights: &self.kind_weights, left_out, trees }
    }
}
