//! The newest baskets, held out, and what a setting makes of them.

use super::knobs::Setting;
use super::search::Gain;
use crate::error::Error;
use crate::params::Params;
use crate::pipeline::learn;
use crate::progress::Progress;
use crate::split::{self, Case, MAX_CASES};
use history::HistoryView;
use measure::ranking::ndcg_at;
use rayon::prelude::*;
use score::{Query, RankingScratch, World, rank_in};
use snapshot::Snapshot;
use snapshot::tables::NONE;
use std::sync::Arc;

/// Kinds of cases: a full cart or one item of it, among everything or among what is new to the
/// customer.
pub const CASES: [&str; N_CASES] = ["rest", "single", "discover:rest", "discover:single"];
pub const N_CASES: usize = 4;

/// Places that count; a rank beyond is 0.
const N_PLACES: usize = 10;
/// Fewer held-out baskets than this choose nothing.
const MIN_BASKETS: usize = 100;

/// A history without its newest tenth, and cases from that.
#[derive(Clone, Debug)]
pub struct Held {
    train: HistoryView,
    cases: Vec<Case>,
}

/// Ranks of the hidden items by kind of case: 1 to 10, 0 for what stands lower. In the same order
/// for every setting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    pub ranks: [Vec<u8>; N_CASES],
}

impl Held {
    /// `None` where too few baskets are left to hold out.
    pub fn of(view: &HistoryView, seed: u64) -> Option<Held> {
        let (train, cases) = split::inner(view, seed, MIN_BASKETS)?;
        Some(Held { train, cases: split::variants(&split::evenly(&cases, MAX_CASES)) })
    }

    pub fn n_cases(&self) -> usize {
        self.cases.len()
    }

    /// Learns with a setting and ranks the hidden items.
    pub fn measure(
        &self,
        setting: Setting,
        params: &Params,
        progress: &dyn Progress,
    ) -> Result<Measured, Error> {
        let params = setting.apply(params.clone()).check()?;
        let learned = learn(&self.train, &params, progress)?;
        let world = World::of(Arc::new(Snapshot::from_writer(&learned.writer)?));
        drop(learned);
        let ranks: Vec<[Option<u8>; N_CASES]> = self
            .cases
            .par_iter()
            .map_init(RankingScratch::default, |scratch, case| ranks_of(&world, case, scratch))
            .collect();
        let of_kind = |kind: usize| ranks.iter().filter_map(|ranks| ranks[kind]).collect();
        Ok(Measured { ranks: std::array::from_fn(of_kind) })
    }
}

fn ranks_of(world: &World, case: &Case, scratch: &mut RankingScratch) -> [Option<u8>; N_CASES] {
    let customer = (case.customer != NONE).then_some(case.customer);
    let history: Vec<(u32, f32)> = customer.map_or_else(Vec::new, |customer| {
        let (items, weights) = world.snapshot.customer_items(customer);
        items.iter().copied().zip(weights.iter().copied()).collect()
    });
    let has_bought = |item: u32| history.iter().any(|&(bought, _)| bought == item);
    let is_discovery = !history.is_empty() && !has_bought(case.hidden);
    let mut rank = |context: &[u32], masks: bool| {
        let query = Query { context, history: &history, customer };
        let is_eligible = |item: u32| !(context.contains(&item) || masks && has_bought(item));
        let mut ranked = rank_in(world, world.ranker.as_deref(), &query, scratch, is_eligible);
        let found = ranked.by_ref().take(N_PLACES).position(|found| found.item == case.hidden);
        found.map_or(0, |position| position as u8 + 1)
    };
    let (whole, single) = (&case.context[..], &case.context[..1]);
    [
        Some(rank(whole, false)),
        Some(rank(single, false)),
        is_discovery.then(|| rank(whole, true)),
        is_discovery.then(|| rank(single, true)),
    ]
}

impl Measured {
    fn ndcg(rank: u8) -> f64 {
        if rank == 0 { 0.0 } else { ndcg_at(rank.into(), N_PLACES) }
    }

    /// Mean NDCG@10 of each kind; 0 of a kind without cases.
    pub fn ndcgs(&self) -> [f64; N_CASES] {
        std::array::from_fn(|kind| {
            let ranks = &self.ranks[kind];
            ranks.iter().map(|&rank| Measured::ndcg(rank)).sum::<f64>() / ranks.len().max(1) as f64
        })
    }

    /// What is to be raised: the mean over the kinds that have cases, each alike.
    pub fn value(&self) -> f64 {
        let n_kinds = self.ranks.iter().filter(|ranks| !ranks.is_empty()).count();
        self.ndcgs().iter().sum::<f64>() / n_kinds.max(1) as f64
    }

    /// Paired by case; nothing of measurements that do not belong together.
    pub fn gain_over(&self, other: &Measured) -> Gain {
        let (mut mean, mut variance, mut n_kinds) = (0.0, 0.0, 0.0_f64);
        for (ours, theirs) in self.ranks.iter().zip(&other.ranks) {
            if ours.len() != theirs.len() {
                return Gain::default();
            }
            if ours.is_empty() {
                continue;
            }
            let pairs = ours.iter().zip(theirs);
            let differences: Vec<f64> =
                pairs.map(|(&a, &b)| Measured::ndcg(a) - Measured::ndcg(b)).collect();
            let n = differences.len() as f64;
            let of_kind = differences.iter().sum::<f64>() / n;
            let squares = differences.iter().map(|d| (d - of_kind).powi(2)).sum::<f64>();
            mean += of_kind;
            variance += squares / n / n;
            n_kinds += 1.0;
        }
        let n_kinds = n_kinds.max(1.0);
        Gain { mean: mean / n_kinds, error: variance.sqrt() / n_kinds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_means_of_kinds_and_gains_are_paired() {
        let of = |ranks: [&[u8]; N_CASES]| Measured { ranks: ranks.map(<[u8]>::to_vec) };
        let one = of([&[1, 0], &[0, 0], &[], &[]]);
        assert_eq!(one.ndcgs(), [0.5, 0.0, 0.0, 0.0]);
        assert_eq!(one.value(), 0.25);
        let other = of([&[1, 1], &[0, 1], &[], &[]]);
        let gain = other.gain_over(&one);
        // Differences 0 and 1 in both kinds: a variance of 1/4 over two cases each.
        assert_eq!(gain.mean, 0.5);
        assert!((gain.error - 0.25).abs() < 1e-12, "{gain:?}");
        assert_eq!(one.gain_over(&one), Gain::default());
        assert_eq!(one.gain_over(&of([&[1], &[0, 0], &[], &[]])), Gain::default());
        assert_eq!(Measured::default().value(), 0.0);
    }
}
