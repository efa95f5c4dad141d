//! The methods to beat on sessions, in their textbook form.
//!
//! Each gives the best items for a visit; equal scores go to the smaller item index (the item that
//! appears first in the training file).

use crate::error::Error;
use history::Baskets;
use learn::ease::{self, EaseParams, EaseWeights};
use learn::sessions::SessionLog;
use score::sessions::vmis::{Vmis, VmisScratch};
use score::sessions::{RankScratch, Ranker, SessionIndex, Step};
use sparse::accumulator::Accumulator;
use sparse::{Csr, TopK};

/// What a visitor has looked at.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// The last one last.
    pub steps: &'a [Step],
    /// By item: is it among the steps?
    pub seen: &'a [bool],
}

impl Visit<'_> {
    fn is_open(&self, with_seen: bool, item: u32) -> bool {
        let is_last = self.steps.last().is_some_and(|last| last.item == item);
        !is_last && (with_seen || !self.seen[item as usize])
    }
}

/// The best `n` items for a visit into `list`, best first. `with_seen`: may items of the visit be
/// answered? The last one never is.
pub trait NextItem {
    fn predict(&mut self, visit: &Visit<'_>, with_seen: bool, n: usize, list: &mut Vec<u32>);
}

/// Items by the number of training sessions that hold them.
pub struct Popular {
    by_count: Vec<u32>,
}

impl Popular {
    pub fn fit(index: &SessionIndex<'_>) -> Popular {
        let n_sessions_of: Vec<usize> = (0..index.n_items() as u32)
            .map(|item| {
                let postings = index.postings_of(item).iter();
                postings.filter(|&&event| index.is_first(event as usize)).count()
            })
            .collect();
        let mut by_count: Vec<u32> =
            (0..index.n_items() as u32).filter(|&item| n_sessions_of[item as usize] > 0).collect();
        by_count.sort_by_key(|&item| std::cmp::Reverse(n_sessions_of[item as usize]));
        Popular { by_count }
    }
}

impl NextItem for Popular {
    fn predict(&mut self, visit: &Visit<'_>, with_seen: bool, n: usize, list: &mut Vec<u32>) {
        let open = self.by_count.iter().copied().filter(|&item| visit.is_open(with_seen, item));
        list.extend(open.take(n));
    }
}

/// What a [`Counting`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Sessions that hold the last item and the candidate.
    Together,
    /// Steps from the last item straight to the candidate (a Markov chain of order one).
    Next,
}

/// Counts beside the last item of the visit.
pub struct Counting<'a> {
    index: SessionIndex<'a>,
    counted: Counted,
    sums: Accumulator,
    top: TopK,
}

impl<'a> Counting<'a> {
    pub fn new(index: SessionIndex<'a>, counted: Counted) -> Counting<'a> {
        let sums = Accumulator::new(index.n_items());
        Counting { index, counted, sums, top: TopK::new(0) }
    }
}

impl NextItem for Counting<'_> {
    fn predict(&mut self, visit: &Visit<'_>, with_seen: bool, n: usize, list: &mut Vec<u32>) {
        let Some(last) = visit.steps.last() else { return };
        let index = self.index;
        for &event in index.postings_of(last.item) {
            let event = event as usize;
            let range = index.range(index.session_of[event]);
            match self.counted {
                Counted::Next if event + 1 < range.end => {
                    self.sums.add(index.items[event + 1], 1.0);
                }
                Counted::Together if index.is_first(event) => {
                    range.filter(|&other| index.is_first(other)).for_each(|other| {
                        self.sums.add(index.items[other], 1.0);
                    });
                }
                _ => {}
            }
        }
        self.top.reset(n);
        let top = &mut self.top;
        self.sums.drain(|item, sum| {
            if visit.is_open(with_seen, item) {
                top.push(item, sum);
            }
        });
        list.extend(self.top.sorted().iter().map(|scored| scored.index));
    }
}

/// EASE on the binary matrix of sessions and items, as in SLIS; items of the visit fade by
/// e^(−place / 2).
pub struct SessionEase {
    weights: EaseWeights,
    row_of: Vec<u32>,
    scores: Vec<f32>,
    top: TopK,
}

/// EASE is solved for at most so many items, the most frequent ones.
pub const EASE_ITEMS: usize = 3_000;
const NO_ROW: u32 = u32::MAX;

impl SessionEase {
    pub fn fit(train: &SessionLog, n_items: usize, lambda: f64) -> Result<SessionEase, Error> {
        let mut items = Csr::default();
        let mut n_sessions_of = vec![0_u32; n_items];
        for session in 0..train.len() {
            let mut row: Vec<u32> = train.session(session).iter().map(|step| step.item).collect();
            row.sort_unstable();
            row.dedup();
            row.iter().for_each(|&item| n_sessions_of[item as usize] += 1);
            items.push_row(&row);
        }
        let n_sessions = train.len();
        let baskets = Baskets {
            items,
            at: vec![events::Timestamp(0); n_sessions],
            customers: vec![history::NO_CUSTOMER; n_sessions],
        };
        let core = ease::core_items(&n_sessions_of, EASE_ITEMS);
        let params = EaseParams { lambda, half_life_days: None, length_exponent: 0.0 };
        let weights = ease::learn(&baskets, core, n_items, &params, 1)?;
        let mut row_of = vec![NO_ROW; n_items];
        for (row, &item) in weights.items.iter().enumerate() {
            row_of[item as usize] = row as u32;
        }
        Ok(SessionEase { weights, row_of, scores: Vec::new(), top: TopK::new(0) })
    }
}

impl NextItem for SessionEase {
    fn predict(&mut self, visit: &Visit<'_>, with_seen: bool, n: usize, list: &mut Vec<u32>) {
        const FADE_PLACES: f32 = 2.0;
        const MAX_PLACES: usize = 20;
        self.scores.clear();
        self.scores.resize(self.weights.items.len(), 0.0);
        for (place, step) in visit.steps.iter().rev().take(MAX_PLACES).enumerate() {
            let row = self.row_of[step.item as usize];
            if row != NO_ROW {
                let fade = (-(place as f32) / FADE_PLACES).exp();
                let weights = self.weights.row(row as usize);
                self.scores.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += fade * weight);
            }
        }
        self.top.reset(n);
        let items = &self.weights.items;
        self.top.push_dense(&self.scores, |row| visit.is_open(with_seen, items[row as usize]));
        list.extend(self.top.sorted().iter().map(|scored| items[scored.index as usize]));
    }
}

/// VMIS-kNN as Serenade has it.
pub struct VmisMethod<'a> {
    pub vmis: Vmis<'a>,
    pub scratch: VmisScratch,
}

impl NextItem for VmisMethod<'_> {
    fn predict(&mut self, visit: &Visit<'_>, with_seen: bool, n: usize, list: &mut Vec<u32>) {
        let open = |item| visit.is_open(with_seen, item);
        let found = self.vmis.predict(visit.steps, n, &mut self.scratch, open);
        list.extend(found.iter().map(|scored| scored.index));
    }
}

/// The ranker that serves: one head for what comes next, one for what is new to the visit.
pub struct Ours<'a> {
    pub next: Ranker<'a>,
    pub discover: Ranker<'a>,
    pub scratch: RankScratch,
}

impl NextItem for Ours<'_> {
    fn predict(&mut self, visit: &Visit<'_>, with_seen: bool, n: usize, list: &mut Vec<u32>) {
        let ranker = if with_seen { &self.next } else { &self.discover };
        let found = ranker.rank(visit.steps, n, &mut self.scratch, |_| true);
        list.extend(found.iter().map(|scored| scored.index));
    }
}
