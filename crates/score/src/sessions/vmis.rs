//! VMIS-kNN: what the nearest recent sessions held.
//!
//! With c the last L steps of the visit, |c| their number, u their distinct items, pos(i) the place
//! of i's last occurrence from the end (0 = last), S the m newest sessions that share an item:
//!
//! ```text
//! sim(s)   = Σ_{i in c and s}  (|c| − pos(i)) / u
//! N        = the k sessions of S with the largest sim, ties to the newer
//! score(j) = Σ_{s in N, j in s}  sim(s) · max(0, 1 − .1 · (1 + p)) · w_idf · idf(j)
//!            p: pos of the latest item shared with s
//! idf(j)   = ln(Σ_j' n_j' / n_j),  n_j: sessions with j
//! ```
//!
//! The last item itself is never answered. Source: B. Kersbergen, O. Sprangers, S. Schelter,
//! "Serenade: low-latency session-based recommendation in e-commerce at scale", SIGMOD 2022, and
//! its code, whose linear weight turns negative from place 10 on; here it ends at 0. Deviations:
//! ties are settled (theirs go by the order of a hash table), time is the order of sessions.

use super::index::{SessionIndex, Step};
use super::neighbors::{MAX_ANCHORS, Neighbor, Neighbors, anchors_of};
use sparse::accumulator::Accumulator;
use sparse::{Scored, TopK};

/// Settings of the method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VmisParams {
    /// m: newest sessions that are looked at.
    pub n_sessions: usize,
    /// k: nearest of them that are summed.
    pub n_neighbors: usize,
    /// Last steps of the visit that count; at most [`MAX_ANCHORS`].
    pub n_steps: usize,
    /// Weight of idf; 0 leaves it out.
    pub idf_weight: f32,
}

impl VmisParams {
    /// The settings that Serenade ships with.
    pub const SHIPPED: VmisParams =
        VmisParams { n_sessions: 500, n_neighbors: 50, n_steps: 2, idf_weight: 1.0 };
    /// The settings that its search found on its sample.
    pub const TUNED: VmisParams =
        VmisParams { n_sessions: 1502, n_neighbors: 288, n_steps: 4, idf_weight: 1.0 };
}

/// Reusable memory of one thread.
#[derive(Debug)]
pub struct VmisScratch {
    near: Vec<(f32, Neighbor)>,
    sums: Accumulator,
    top: TopK,
}

impl Default for VmisScratch {
    fn default() -> VmisScratch {
        VmisScratch { near: Vec::new(), sums: Accumulator::new(0), top: TopK::new(0) }
    }
}

/// The method on an index.
#[derive(Clone, Copy, Debug)]
pub struct Vmis<'a> {
    pub index: SessionIndex<'a>,
    /// idf of each item, see [`idf_of`].
    pub idf: &'a [f32],
    pub params: VmisParams,
}

/// idf of each item over the sessions of the postings.
pub fn idf_of(index: &SessionIndex<'_>) -> Vec<f32> {
    let n_sessions_of: Vec<u32> = (0..index.n_items() as u32)
        .map(|item| {
            let firsts = index.postings_of(item).iter().filter(|&&e| index.is_first(e as usize));
            firsts.count() as u32
        })
        .collect();
    let total: f64 = n_sessions_of.iter().map(|&n| f64::from(n)).sum();
    n_sessions_of.iter().map(|&n| (total / f64::from(n.max(1))).ln() as f32).collect()
}

impl Vmis<'_> {
    /// The `n` best items for a visit (last step last), best first; empty for an empty visit.
    pub fn predict<'s>(
        &self,
        visit: &[Step],
        n: usize,
        scratch: &'s mut VmisScratch,
        mut is_eligible: impl FnMut(u32) -> bool,
    ) -> &'s [Scored] {
        scratch.top.reset(n);
        let n_steps = self.params.n_steps.clamp(1, MAX_ANCHORS);
        let recent = &visit[visit.len().saturating_sub(n_steps)..];
        let Some(last) = recent.last() else { return &[] };
        let (mut anchors, mut places) = ([0; MAX_ANCHORS], [0; MAX_ANCHORS]);
        let n_anchors = anchors_of(recent.iter().map(|s| s.item), &mut anchors, &mut places);
        let mut weights = [0.0_f32; MAX_ANCHORS];
        for (weight, &place) in weights.iter_mut().zip(&places[..n_anchors]) {
            *weight = (recent.len() - place as usize) as f32 / n_anchors as f32;
        }
        self.find_near(&anchors[..n_anchors], &weights, &mut scratch.near);
        scratch.sums.widen(self.index.n_items());
        for (sim, neighbor) in &scratch.near {
            let place = places[neighbor.latest()];
            let weight = sim * (1.0 - 0.1 * (1 + place) as f32).max(0.0);
            for event in self.index.range(neighbor.session) {
                if self.index.is_first(event) {
                    scratch.sums.add(self.index.items[event], weight);
                }
            }
        }
        let VmisScratch { sums, top, .. } = scratch;
        sums.drain(|item, sum| {
            if item != last.item && is_eligible(item) {
                top.push(item, sum * self.factor(item));
            }
        });
        top.sorted()
    }

    #[inline]
    fn factor(&self, item: u32) -> f32 {
        if self.params.idf_weight == 0.0 {
            1.0
        } else {
            self.params.idf_weight * self.idf[item as usize]
        }
    }

    fn find_near(
        &self,
        anchors: &[u32],
        weights: &[f32; MAX_ANCHORS],
        near: &mut Vec<(f32, Neighbor)>,
    ) {
        near.clear();
        let mut walk = Neighbors::of(self.index, anchors, u32::MAX);
        while near.len() < self.params.n_sessions
            && let Some(neighbor) = walk.next(|_, _| {})
        {
            let mut sim = 0.0;
            let mut shared = neighbor.shared;
            while shared != 0 {
                sim += weights[shared.trailing_zeros() as usize];
                shared &= shared - 1;
            }
            near.push((sim, neighbor));
        }
        let k = self.params.n_neighbors;
        if k > 0 && near.len() > k {
            near.select_nth_unstable_by(k - 1, |a, b| {
                b.0.total_cmp(&a.0).then(b.1.session.cmp(&a.1.session))
            });
        }
        near.truncate(k);
        // A fixed order of additions.
        near.sort_unstable_by_key(|(_, neighbor)| neighbor.session);
    }
}
