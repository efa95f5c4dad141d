//! Candidates for the next step of a visit, with one row of features each.
//!
//! One walk over the neighbors of the visit adds up, for every item j that they hold (p: places
//! from the visit's end, p* that of the latest item shared with s, d: distance in steps between j
//! and that item in s, |s| steps of s, w: weight of what was done with j):
//!
//! ```text
//! vmis     Σ_s  sim · max(0, 1 − .1 (1 + p*)) · w · idf(j)          (see `vmis`; once a session)
//! vstan_v  Σ_s  Σ_i e^(−p_i/a_v) / √|s| · e^(−age(s)/b_v) · e^(−p*/a_v) · e^(−|d|/c_v) · w,  d ≠ 0
//! cosine   Σ_s  shared / √(|s| · anchors) · w                       (once a session)
//! with_last, with_any:  sessions that hold j and the last item, j and any item of the visit
//! next, before, after, after_two: share of the last item's occurrences that are followed by j,
//!          preceded by j, followed within five steps (each weighted 1/d), followed by j where the
//!          item before was the same as in the visit
//! ```
//!
//! Sources: VS-kNN and its decays, M. Ludewig and D. Jannach, "Evaluation of session-based
//! recommendation algorithms", UMUAI 2018; VSTAN, D. Garg et al., "Sequence and time aware
//! neighborhood for session-based recommendations", SIGIR 2019, as in the code of session-rec.

use super::horizon::{Horizon, STAT_RECENT, STAT_REPEAT, STAT_SESSIONS, STAT_WEEK};
use super::index::{Step, StepKind};
use super::neighbors::{MAX_ANCHORS, Neighbor, Neighbors, anchors_of};
use super::sources::{self, SOURCE_OF_SUM};
use crate::left_out::LeftOut;
use sparse::TopK;

/// Steps of the visit that are looked at, the latest ones.
pub const MAX_VISIT: usize = 50;
/// Neighbors that are walked, the newest ones.
pub const MAX_NEIGHBORS: usize = 1_500;
/// Candidates that get features.
pub const MAX_CANDIDATES: usize = 100;

/// Features by position; the first `N_SUMS` are sums of the walk.
pub const FEATURES: [&str; N_FEATURES] = [
    "vmis",
    "vstan_short",
    "vstan_long",
    "vstan_mid",
    "cosine",
    "with_last",
    "with_any",
    "next",
    "before",
    "after",
    "after_two",
    "vmis_share",
    "vstan_share",
    "sessions",
    "recent",
    "week",
    "repeat",
    "n_steps",
    "n_items",
    "place",
    "n_seen",
    "first_place",
    "last_kind",
    "kind",
];
pub const N_FEATURES: usize = 24;
pub(super) const N_SUMS: usize = 11;

const VMIS: usize = 0;
const VSTAN: usize = 1;
const VSTAN_MID: usize = 3;
const COSINE: usize = 4;
const WITH_LAST: usize = 5;
const WITH_ANY: usize = 6;
const NEXT: usize = 7;
const BEFORE: usize = 8;
const AFTER: usize = 9;
const AFTER_TWO: usize = 10;

const N_VSTAN: usize = 3;
/// a: places of the visit over which its items fade.
const VISIT_FADE: [f32; N_VSTAN] = [1.0, 3.6, 2.0];
/// b: days over which sessions fade.
const SESSION_FADE_DAYS: [f32; N_VSTAN] = [10.0, 100.0, 30.0];
/// c: steps over which items fade around the shared one.
const STEP_FADE: [f32; N_VSTAN] = [1.0, 0.45, 3.0];
/// Steps of the visit that `vmis` counts, and neighbors that it sums.
const VMIS_STEPS: u32 = 4;
const VMIS_NEIGHBORS: usize = 288;
/// `after` looks so many steps ahead.
const AHEAD: usize = 5;
/// Place of an item that is not in the visit.
const NOT_SEEN: f32 = 99.0;
const FADED: usize = 32;

/// Weight of what was done with an item, by kind of step.
pub type KindWeights = [f32; StepKind::ALL.len()];

/// Putting an item in the cart says more than looking at it, buying it more still.
pub const DEFAULT_KIND_WEIGHTS: KindWeights = [1.0, 2.0, 3.0];

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Steps of the visit, the last one last.
    pub visit: &'a [Step],
    /// May items of the visit be answered (the last one never is)?
    pub with_seen: bool,
    pub kind_weights: &'a KindWeights,
    /// Of [`sources::SOURCES`].
    pub left_out: LeftOut,
}

/// A neighbor with its weights in each sum.
#[derive(Clone, Copy, Debug, Default)]
struct Near {
    neighbor: Neighbor,
    vmis: f32,
    vstan: [f32; N_VSTAN],
    cosine: f32,
}

/// e^(−n / fade) for small n.
#[derive(Clone, Debug)]
struct Fades {
    visit: [[f32; MAX_VISIT]; N_VSTAN],
    step: [[f32; FADED]; N_VSTAN],
}

/// Reusable memory of one thread.
#[derive(Clone, Debug)]
pub struct Gatherer {
    near: Vec<Near>,
    last_events: Vec<u32>,
    /// Slot of each item plus one; 0: no candidate.
    slot_of: Vec<u32>,
    items: Vec<u32>,
    sums: Vec<[f32; N_SUMS]>,
    top: TopK,
    chosen: Vec<u32>,
    features: Vec<f32>,
    fades: Fades,
}

impl Default for Gatherer {
    fn default() -> Gatherer {
        let fade = |n: usize, fade: f32| (-(n as f32) / fade).exp();
        Gatherer {
            near: Vec::new(),
            last_events: Vec::new(),
            slot_of: Vec::new(),
            items: Vec::new(),
            sums: Vec::new(),
            top: TopK::new(0),
            chosen: Vec::new(),
            features: Vec::new(),
            fades: Fades {
                visit: VISIT_FADE.map(|by| std::array::from_fn(|n| fade(n, by))),
                step: STEP_FADE.map(|by| std::array::from_fn(|n| fade(n, by))),
            },
        }
    }
}

/// The visit taken apart.
struct Visit<'a> {
    steps: &'a [Step],
    anchors: [u32; MAX_ANCHORS],
    places: [u32; MAX_ANCHORS],
    n_anchors: usize,
}

impl<'a> Visit<'a> {
    fn of(question: &Question<'a>) -> Visit<'a> {
        let steps = &question.visit[question.visit.len().saturating_sub(MAX_VISIT)..];
        let (mut anchors, mut places) = ([0; MAX_ANCHORS], [0; MAX_ANCHORS]);
        let n_anchors = anchors_of(steps.iter().map(|s| s.item), &mut anchors, &mut places);
        Visit { steps, anchors, places, n_anchors }
    }

    fn holds(&self, item: u32) -> bool {
        self.steps.iter().any(|step| step.item == item)
    }
}

impl Gatherer {
    /// Candidates for the next step: items in rising order and their features, [`N_FEATURES`] each.
    /// Nothing for an empty visit. `is_eligible` is asked once for each item that could be chosen.
    pub fn gather(
        &mut self,
        horizon: &Horizon<'_>,
        question: &Question<'_>,
        is_eligible: impl FnMut(u32) -> bool,
    ) -> (&[u32], &[f32]) {
        self.reset(horizon.index.n_items());
        let visit = Visit::of(question);
        let Some(last) = visit.steps.last().copied() else { return (&[], &[]) };
        self.walk(horizon, &visit);
        self.add_neighbors(horizon, question.kind_weights);
        self.add_transitions(horizon, &visit);
        let with_popular = !question.left_out.has(sources::RECENT_VIEWS);
        for &item in horizon.popular.iter().filter(|_| with_popular) {
            self.slot(item);
        }
        self.silence(question.left_out);
        if question.with_seen {
            for step in visit.steps {
                self.slot(step.item);
            }
        }
        let is_open = |item: u32| item != last.item && (question.with_seen || !visit.holds(item));
        let largest = self.finish_sums(horizon, is_open);
        self.choose(&largest, is_open, is_eligible, &visit);
        self.fill_features(horizon, &visit, &largest, with_popular);
        (&self.chosen, &self.features)
    }

    fn reset(&mut self, n_items: usize) {
        self.items.iter().for_each(|&item| self.slot_of[item as usize] = 0);
        self.items.clear();
        self.sums.clear();
        self.near.clear();
        self.last_events.clear();
        self.chosen.clear();
        self.features.clear();
        if self.slot_of.len() < n_items {
            self.slot_of.resize(n_items, 0);
        }
    }

    /// Sums of an item that the index knows; items that it does not know have none.
    #[inline]
    fn slot(&mut self, item: u32) -> Option<&mut [f32; N_SUMS]> {
        let slot = self.slot_of.get_mut(item as usize)?;
        if *slot == 0 {
            self.items.push(item);
            self.sums.push([0.0; N_SUMS]);
            *slot = self.items.len() as u32;
        }
        self.sums.get_mut(*slot as usize - 1)
    }

    /// Finds the neighbors and what each weighs.
    fn walk(&mut self, horizon: &Horizon<'_>, visit: &Visit<'_>) {
        let index = horizon.index;
        let at_s = horizon.at_s();
        let anchors = &visit.anchors[..visit.n_anchors];
        let vmis_steps = VMIS_STEPS.min(visit.steps.len() as u32);
        let mut walk = Neighbors::of(index, anchors, horizon.n_sessions);
        let last_events = &mut self.last_events;
        while self.near.len() < MAX_NEIGHBORS
            && let Some(neighbor) = walk.next(|anchor, event| {
                if anchor == 0 {
                    last_events.push(event);
                }
            })
        {
            let mut near = Near { neighbor, ..Near::default() };
            let mut shared = neighbor.shared;
            while shared != 0 {
                let place = visit.places[shared.trailing_zeros() as usize];
                near.vmis += vmis_steps.saturating_sub(place) as f32 / vmis_steps as f32;
                for v in 0..N_VSTAN {
                    near.vstan[v] += self.fades.visit[v][place as usize];
                }
                shared &= shared - 1;
            }
            let place = visit.places[neighbor.latest()];
            let n_steps = index.range(neighbor.session).len() as f32;
            let age_s = at_s.saturating_sub(index.ended_at_s[neighbor.session as usize]);
            let age_days = age_s as f32 / 86_400.0;
            for (v, fade_days) in SESSION_FADE_DAYS.iter().enumerate() {
                let fade = (-age_days / fade_days).exp();
                near.vstan[v] *= fade * self.fades.visit[v][place as usize] / n_steps.sqrt();
            }
            let n_shared = neighbor.shared.count_ones() as f32;
            near.cosine = n_shared / (n_steps * visit.n_anchors as f32).sqrt();
            self.near.push(near);
        }
        self.keep_nearest(visit);
    }

    /// Leaves a weight in `vmis` to the nearest alone, ties to the newer.
    fn keep_nearest(&mut self, visit: &Visit<'_>) {
        if self.near.len() > VMIS_NEIGHBORS {
            self.near.select_nth_unstable_by(VMIS_NEIGHBORS - 1, |a, b| {
                let by_age = b.neighbor.session.cmp(&a.neighbor.session);
                b.vmis.total_cmp(&a.vmis).then(by_age)
            });
            self.near[VMIS_NEIGHBORS..].iter_mut().for_each(|near| near.vmis = 0.0);
        }
        for near in &mut self.near {
            let place = visit.places[near.neighbor.latest()];
            near.vmis *= (1.0 - 0.1 * (1 + place) as f32).max(0.0);
        }
        // A fixed order of additions.
        self.near.sort_unstable_by_key(|near| near.neighbor.session);
    }

    fn add_neighbors(&mut self, horizon: &Horizon<'_>, kind_weights: &KindWeights) {
        let index = horizon.index;
        for at in 0..self.near.len() {
            let near = self.near[at];
            let anchor = near.neighbor.anchor_event as usize;
            let with_last = f32::from(u8::from(near.neighbor.shared & 1 != 0));
            for event in index.range(near.neighbor.session) {
                let weight = kind_weights[index.kind_idx(event)];
                let distance = event.abs_diff(anchor);
                let fade: [f32; N_VSTAN] = if distance == 0 {
                    [0.0; N_VSTAN]
                } else {
                    std::array::from_fn(|v| self.fades.step[v][distance.min(FADED - 1)])
                };
                let is_first = index.is_first(event);
                let Some(sums) = self.slot(index.items[event]) else { continue };
                for v in 0..N_VSTAN {
                    sums[VSTAN + v] += near.vstan[v] * fade[v] * weight;
                }
                if is_first {
                    sums[VMIS] += near.vmis * weight;
                    sums[COSINE] += near.cosine * weight;
                    sums[WITH_LAST] += with_last;
                    sums[WITH_ANY] += 1.0;
                }
            }
        }
    }

    /// What stands before and after the occurrences of the last item.
    fn add_transitions(&mut self, horizon: &Horizon<'_>, visit: &Visit<'_>) {
        let index = horizon.index;
        let n = visit.steps.len();
        let before_last = (n >= 2).then(|| visit.steps[n - 2].item);
        let share = 1.0 / (self.last_events.len() as f32 + 1.0);
        for at in 0..self.last_events.len() {
            let event = self.last_events[at] as usize;
            let range = index.range(index.session_of[event]);
            let has_before = event > range.start;
            if has_before && let Some(sums) = self.slot(index.items[event - 1]) {
                sums[BEFORE] += share;
            }
            let is_same_pair = has_before && before_last == Some(index.items[event - 1]);
            for distance in 1..=AHEAD.min(range.end - 1 - event) {
                let Some(sums) = self.slot(index.items[event + distance]) else { continue };
                sums[AFTER] += share / distance as f32;
                if distance == 1 {
                    sums[NEXT] += share;
                    sums[AFTER_TWO] += f32::from(u8::from(is_same_pair));
                }
            }
        }
    }

    /// Nothing is said by a source that is left out.
    fn silence(&mut self, left_out: LeftOut) {
        if left_out.is_empty() {
            return;
        }
        for sums in &mut self.sums {
            let silent = sums.iter_mut().zip(SOURCE_OF_SUM).filter(|(_, of)| left_out.has(*of));
            silent.for_each(|(sum, _)| *sum = 0.0);
        }
    }

    /// Multiplies in idf; the largest of each sum among the open candidates.
    fn finish_sums(
        &mut self,
        horizon: &Horizon<'_>,
        is_open: impl Fn(u32) -> bool,
    ) -> [f32; N_SUMS] {
        let n_sessions = horizon.n_sessions.max(1) as f32;
        let mut largest = [0.0_f32; N_SUMS];
        for (&item, sums) in self.items.iter().zip(&mut self.sums) {
            let n_of_item = horizon.stats_of(item)[STAT_SESSIONS].max(1.0);
            sums[VMIS] *= (n_sessions / n_of_item).ln();
            if is_open(item) {
                for (largest, &sum) in largest.iter_mut().zip(sums.iter()) {
                    *largest = largest.max(sum);
                }
            }
        }
        largest
    }

    /// The best by the plain blend; the visit's own items come in any case.
    fn choose(
        &mut self,
        largest: &[f32; N_SUMS],
        is_open: impl Fn(u32) -> bool,
        mut is_eligible: impl FnMut(u32) -> bool,
        visit: &Visit<'_>,
    ) {
        let mut top = std::mem::replace(&mut self.top, TopK::new(0));
        top.reset(MAX_CANDIDATES);
        for (&item, sums) in self.items.iter().zip(&self.sums) {
            if is_open(item) && is_eligible(item) {
                let bonus = if visit.holds(item) { 10.0 } else { 0.0 };
                top.push(item, bonus + plain_blend(sums, largest));
            }
        }
        self.chosen.extend(top.sorted().iter().map(|scored| scored.index));
        self.chosen.sort_unstable();
        self.top = top;
    }

    fn fill_features(
        &mut self,
        horizon: &Horizon<'_>,
        visit: &Visit<'_>,
        largest: &[f32; N_SUMS],
        with_popular: bool,
    ) {
        let last_kind = visit.steps.last().map_or(0.0, |step| f32::from(step.kind as u8));
        for &item in &self.chosen {
            let sums = &self.sums[self.slot_of[item as usize] as usize - 1];
            self.features.extend_from_slice(sums);
            let stats = horizon.stats_of(item);
            let of_all = |stat: usize| if with_popular { stats[stat] } else { 0.0 };
            let seen = Seen::of(visit, item);
            self.features.extend([
                share(sums[VMIS], largest[VMIS]),
                share(sums[VSTAN_MID], largest[VSTAN_MID]),
                of_all(STAT_SESSIONS),
                of_all(STAT_RECENT),
                of_all(STAT_WEEK),
                stats[STAT_REPEAT],
                visit.steps.len() as f32,
                visit.n_anchors as f32,
                seen.place,
                seen.n,
                seen.first_place,
                last_kind,
                seen.kind,
            ]);
        }
    }
}

fn share(sum: f32, largest: f32) -> f32 {
    if largest > 0.0 { sum / largest } else { 0.0 }
}

/// What orders candidates before, and in place of, a learned ranker.
fn plain_blend(sums: &[f32; N_SUMS], largest: &[f32; N_SUMS]) -> f32 {
    let of = |sum: usize| share(sums[sum], largest[sum]);
    of(VMIS) + 0.5 * of(VSTAN_MID) + 0.25 * of(AFTER)
}

/// Score of a row of features without a ranker.
pub fn plain_score(features: &[f32]) -> f32 {
    features[N_SUMS]
        + 0.5 * features[N_SUMS + 1]
        + 0.25 * features[AFTER]
        + 1e-6 * features[N_SUMS + 3]
}

/// Where an item stands in the visit.
struct Seen {
    place: f32,
    first_place: f32,
    n: f32,
    kind: f32,
}

impl Seen {
    fn of(visit: &Visit<'_>, item: u32) -> Seen {
        let mut seen = Seen { place: NOT_SEEN, first_place: NOT_SEEN, n: 0.0, kind: -1.0 };
        for (place, step) in visit.steps.iter().rev().enumerate() {
            if step.item == item {
                if seen.n == 0.0 {
                    seen.place = place as f32;
                }
                seen.first_place = place as f32;
                seen.n += 1.0;
                seen.kind = seen.kind.max(f32::from(step.kind as u8));
            }
        }
        seen
    }
}
