//! Cases to learn a ranker from: visits cut at a step, with what came next.
//!
//! The later part of the sessions is cut into blocks. Each block is asked what it would have been
//! asked when it was live: with the index and the statistics as they were before its first session
//! ended, and only its sessions that began after that. So no feature knows its own answer.

use super::log::SessionLog;
use super::stats::ItemStats;
use super::table::{IndexLimits, SessionTable};
use rayon::prelude::*;
use score::LeftOut;
use score::sessions::{Gatherer, Head, Horizon, KindWeights, N_FEATURES, Question};
use std::ops::Range;

/// Sessions that are asked with what was known before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub n_known: usize,
    pub sessions: Range<usize>,
}

/// Cuts the sessions from `begin` on into `n_blocks` of about equal length.
pub fn blocks_of(sessions: Range<usize>, n_blocks: usize) -> Vec<Block> {
    let (begin, n) = (sessions.start, sessions.len());
    (0..n_blocks)
        .map(|block| begin + n * block / n_blocks..begin + n * (block + 1) / n_blocks)
        .filter(|sessions| !sessions.is_empty() && sessions.start > 0)
        .map(|sessions| Block { n_known: sessions.start, sessions })
        .collect()
}

/// Rows of features by group: one group a case, one row a candidate, label 1 for what came next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaseRows {
    pub features: Vec<f32>,
    pub labels: Vec<f32>,
    pub group_ends: Vec<u32>,
    /// Cases asked, those whose answer is no candidate included (they have no group).
    pub n_asked: usize,
}

impl CaseRows {
    fn append(&mut self, other: CaseRows) {
        let before = self.labels.len() as u32;
        self.features.extend_from_slice(&other.features);
        self.labels.extend_from_slice(&other.labels);
        self.group_ends.extend(other.group_ends.iter().map(|end| end + before));
        self.n_asked += other.n_asked;
    }

    pub fn n_groups(&self) -> usize {
        self.group_ends.len()
    }
}

/// What to ask and with which weights.
#[derive(Clone, Copy, Debug)]
pub struct CaseSpec<'a> {
    pub head: Head,
    pub kind_weights: &'a KindWeights,
    pub left_out: LeftOut,
    /// Sessions beyond these limits are not asked.
    pub limits: &'a IndexLimits,
    /// Of more cases than this, sessions are left out evenly.
    pub max_cases: usize,
}

impl CaseSpec<'_> {
    /// Every how many of these sessions is asked.
    fn stride(&self, log: &SessionLog, sessions: impl Iterator<Item = usize>) -> usize {
        let n_steps: usize = sessions.map(|session| self.n_asked_steps(log, session)).sum();
        n_steps.div_ceil(self.max_cases.max(1)).max(1)
    }

    fn n_asked_steps(&self, log: &SessionLog, session: usize) -> usize {
        let n_steps = log.session(session).len();
        if n_steps > self.limits.max_steps { 0 } else { n_steps - 1 }
    }
}

/// Asks every step of the blocks' sessions, all of which are in `table`.
pub fn rows_of_blocks(
    log: &SessionLog,
    table: &SessionTable,
    blocks: &[Block],
    spec: &CaseSpec<'_>,
) -> CaseRows {
    let mut rows = CaseRows::default();
    let all = blocks.iter().flat_map(|block| block.sessions.clone());
    let stride = spec.stride(log, all);
    for block in blocks {
        let stats = ItemStats::at(&table.view(), block.n_known);
        let horizon = stats.horizon(table.view(), block.n_known);
        let known_until_s = horizon.at_s();
        let begins_later = |session: usize| log.at_s[log.range(session).start] >= known_until_s;
        let sessions: Vec<usize> =
            block.sessions.clone().step_by(stride).filter(|&s| begins_later(s)).collect();
        rows.append(ask(log, &sessions, &horizon, spec));
    }
    rows
}

/// Asks every step of all sessions of a log at one horizon.
pub fn rows_of_log(log: &SessionLog, horizon: &Horizon<'_>, spec: &CaseSpec<'_>) -> CaseRows {
    let stride = spec.stride(log, 0..log.len());
    let sessions: Vec<usize> = (0..log.len()).step_by(stride).collect();
    ask(log, &sessions, horizon, spec)
}

fn ask(
    log: &SessionLog,
    sessions: &[usize],
    horizon: &Horizon<'_>,
    spec: &CaseSpec<'_>,
) -> CaseRows {
    let parts: Vec<CaseRows> = sessions
        .par_chunks(64)
        .map_init(Gatherer::default, |gatherer, sessions| {
            let mut rows = CaseRows::default();
            for &session in sessions {
                push_session(log, session, horizon, spec, gatherer, &mut rows);
            }
            rows
        })
        .collect();
    let mut rows = CaseRows::default();
    parts.into_iter().for_each(|part| rows.append(part));
    rows
}

fn push_session(
    log: &SessionLog,
    session: usize,
    horizon: &Horizon<'_>,
    spec: &CaseSpec<'_>,
    gatherer: &mut Gatherer,
    rows: &mut CaseRows,
) {
    let steps = log.session(session);
    if steps.len() > spec.limits.max_steps {
        return;
    }
    for at in 1..steps.len() {
        let (visit, next) = (&steps[..at], steps[at].item);
        let is_seen = visit.iter().any(|step| step.item == next);
        // The last item itself is never answered.
        if visit[at - 1].item == next || (is_seen && !spec.head.with_seen()) {
            continue;
        }
        rows.n_asked += 1;
        let CaseSpec { head, kind_weights, left_out, .. } = *spec;
        let question = Question { visit, with_seen: head.with_seen(), kind_weights, left_out };
        let (items, features) = gatherer.gather(horizon, &question, |_| true);
        let Ok(answer) = items.binary_search(&next) else { continue };
        debug_assert_eq!(features.len(), items.len() * N_FEATURES, "a row a candidate");
        rows.features.extend_from_slice(features);
        rows.labels.extend((0..items.len()).map(|row| f32::from(u8::from(row == answer))));
        rows.group_ends.push(rows.labels.len() as u32);
    }
}
