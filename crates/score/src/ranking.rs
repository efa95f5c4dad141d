//! The ranking that serves: the learned one where it was published, the blend's behind it.

mod last;

use self::last::{Known, LastQuestion};
use crate::ranker::recall::{N_ORDERED, Recalled};
use crate::ranker::{Curve, RankScratch, Ranker};
use crate::sources::{Candidate, Query, Ranking, Scratch, rank};
use crate::world::World;

/// Reusable memory of one thread.
#[derive(Clone, Debug, Default)]
pub struct RankingScratch {
    gathered: Scratch,
    learned: RankScratch,
    /// The blend's best, in order.
    ordered: Vec<Candidate>,
    last: Option<LastQuestion>,
}

impl RankingScratch {
    /// One that asks the same question again at less cost: what depends on the question alone
    /// stands, and where every item that was asked for may still be offered, or still may not, so
    /// does the order. For replays; a shop's questions differ.
    pub fn remembering() -> RankingScratch {
        RankingScratch { last: Some(LastQuestion::default()), ..RankingScratch::default() }
    }
}

/// Candidates, best first. Those the ranker looked at closely come first, the blend's others
/// follow. Scores are probabilities where the ranker has a curve for them.
#[derive(Debug)]
pub struct Ranked<'s> {
    front: std::slice::Iter<'s, Candidate>,
    /// The blend's best in order: those that are not in front come next.
    ordered: std::slice::Iter<'s, Candidate>,
    recalled: Option<&'s Recalled>,
    rest: Ranking<'s>,
    /// What a score of the blend is multiplied by.
    scale: f32,
    curve: Option<&'s Curve>,
    n_more: usize,
}

/// The candidates of a world: by `ranker` where heads were published for carts of this size and
/// this customer, else by the world's blend. `is_eligible` is asked for each item that a source
/// proposes.
pub fn rank_in<'s>(
    world: &'s World,
    ranker: Option<&'s Ranker>,
    query: &Query<'_>,
    scratch: &'s mut RankingScratch,
    mut is_eligible: impl FnMut(u32) -> bool,
) -> Ranked<'s> {
    let RankingScratch { gathered, learned, ordered, last } = scratch;
    let parts = (gathered, learned, ordered);
    let Some(last) = last else {
        return rank_knowing(world, ranker, query, Known::Nothing, parts, is_eligible);
    };
    let known = last.known(world, ranker.is_some(), query, &mut is_eligible);
    let is_eligible = |item: u32| last.ask(item, &mut is_eligible);
    rank_knowing(world, ranker, query, known, parts, is_eligible)
}

fn rank_knowing<'s>(
    world: &'s World,
    ranker: Option<&'s Ranker>,
    query: &Query<'_>,
    known: Known,
    (gathered, learned, ordered): (&'s mut Scratch, &'s mut RankScratch, &'s mut Vec<Candidate>),
    mut is_eligible: impl FnMut(u32) -> bool,
) -> Ranked<'s> {
    let snapshot = &*world.snapshot;
    let n_context = query.context.len();
    // Told each time: where the ranker is not asked, what it was told would stand.
    gathered.keep_sums(known == Known::Question);
    learned.recalled.keep_sums(known == Known::Question);
    let mut rest = match known {
        Known::Order => gathered.ranking(),
        _ => rank(snapshot, &world.blend, query, gathered, &mut is_eligible),
    };
    ordered.clear();
    let learned_ranker = ranker.filter(|r| r.heads(n_context, query.audience()).is_some());
    if let Some(ranker) = learned_ranker {
        ordered.extend(rest.by_ref().take(N_ORDERED));
        let ranked = match known {
            Known::Order => ranker.ranked_before(learned),
            _ => ranker.rank(snapshot, query, ordered, learned, is_eligible),
        };
        if let Some((front, recalled)) = ranked {
            let lowest = front.last().map_or(1.0, |last| last.score);
            let highest = ordered.first().map_or(1.0, |first| first.score);
            return Ranked {
                front: front.iter(),
                n_more: recalled.n_added(),
                ordered: ordered.iter(),
                recalled: Some(recalled),
                rest,
                scale: lowest / highest.max(f32::MIN_POSITIVE),
                curve: ranker.curve(n_context, true),
            };
        }
    }
    Ranked {
        front: [].iter(),
        ordered: ordered.iter(),
        recalled: None,
        rest,
        scale: 1.0,
        curve: world.ranker.as_ref().and_then(|ranker| ranker.curve(n_context, false)),
        n_more: 0,
    }
}

impl Ranked<'_> {
    fn next_of_blend(&mut self) -> Option<Candidate> {
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

    /// All that were collected, whether taken already or not. Where the blend has more than its
    /// best, some of the rest may be counted twice.
    pub fn n_candidates(&self) -> usize {
        self.rest.n_candidates() + self.n_more
    }
}

impl Iterator for Ranked<'_> {
    type Item = Candidate;

    fn next(&mut self) -> Option<Candidate> {
        let mut candidate = match self.front.next() {
            Some(candidate) => *candidate,
            None => self.next_of_blend()?,
        };
        // What no source says anything of has no score, and is no offer.
        if let (Some(curve), true) = (self.curve, candidate.score > 0.0) {
            candidate.score = curve.probability(candidate.score);
        }
        Some(candidate)
    }
}
