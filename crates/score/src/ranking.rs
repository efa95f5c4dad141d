//! The ranking that serves: the learned one where it was published, the blend's behind it.

use crate::ranker::{RankScratch, Ranker};
use crate::ranker::recall::{N_ORDERED, Recalled};
use crate::sources::{Candidate, Query, Ranking, Scratch, rank};
use crate::world::World;

/// Reusable memory of one thread.
#[derive(Clone, Debug, Default)]
pub struct RankingScratch {
    gathered: Scratch,
    learned: RankScratch,
    /// The blend's best, in order.
    ordered: Vec<Candidate>,
}

/// Candidates, best first. Those the ranker looked at closely come first, with probabilities for
/// scores; the blend's others follow, with scores below.
#[derive(Debug)]
pub struct Ranked<'s> {
    front: std::slice::Iter<'s, Candidate>,
    /// The blend's best in order: those that are not in front come next.
    ordered: std::slice::Iter<'s, Candidate>,
    recalled: Option<&'s Recalled>,
    rest: Ranking<'s>,
    /// What a score of the blend is multiplied by.
    scale: f32,
    n_more: usize,
}

/// The candidates of a world: by `ranker` where heads were published for carts of this size, else
/// by the world's blend. `is_eligible` is asked for each item that a source proposes.
pub fn rank_in<'s>(
    world: &World,
    ranker: Option<&Ranker>,
    query: &Query<'_>,
    scratch: &'s mut RankingScratch,
    mut is_eligible: impl FnMut(u32) -> bool,
) -> Ranked<'s> {
    let snapshot = &*world.snapshot;
    let RankingScratch { gathered, learned, ordered } = scratch;
    let mut rest = rank(snapshot, &world.blend, query, gathered, &mut is_eligible);
    ordered.clear();
    let ranker = ranker.filter(|ranker| ranker.heads(query.context.len()).is_some());
    let Some(ranker) = ranker else {
        let ordered = ordered.iter();
        return Ranked { front: [].iter(), ordered, recalled: None, rest, scale: 1.0, n_more: 0 };
    };
    ordered.extend(rest.by_ref().take(N_ORDERED));
    let (front, recalled) = ranker.rank(snapshot, query, ordered, learned, is_eligible);
    let lowest = front.last().map_or(1.0, |last| last.score);
    let highest = ordered.first().map_or(1.0, |first| first.score).max(f32::MIN_POSITIVE);
    Ranked {
        front: front.iter(),
        n_more: recalled.n_added(),
        ordered: ordered.iter(),
        recalled: Some(recalled),
        rest,
        scale: lowest / highest,
    }
}

impl Ranked<'_> {
    /// All that were collected, whether taken already or not. Where the blend has more than its
    /// best, some of the rest may be counted twice.
    pub fn n_candidates(&self) -> usize {
        self.rest.n_candidates() + self.n_more
    }
}

impl Iterator for Ranked<'_> {
    type Item = Candidate;

    fn next(&mut self) -> Option<Candidate> {
        if let Some(candidate) = self.front.next() {
            return Some(*candidate);
        }
        let recalled = self.recalled;
        let is_left =
            |candidate: &Candidate| recalled.is_none_or(|recalled| !recalled.has(candidate.item));
        let mut candidate = match self.ordered.find(|candidate| is_left(candidate)) {
            Some(candidate) => *candidate,
            None => self.rest.find(is_left)?,
        };
        candidate.score *= self.scale;
        Some(candidate)
    }
}
