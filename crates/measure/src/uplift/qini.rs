//! How good a ranking of customers by uplift is.
//!
//! The first k customers of the ranking hold n_t treated with Y_t outcomes and n_c others with Y_c:
//!
//! ```text
//! Q(k) = Y_t − Y_c · n_t/n_c                      (Radcliffe 2007; Y_t alone while n_c = 0)
//! qini = (A − A_random)/(A_perfect − A_random)    A: area under Q by trapezoids over k
//! uplift@30 = mean y of the treated − of the others among the first 30 %
//! ```
//!
//! A_random: the straight line to the end of Q. Perfect: treated with the outcome first, others
//! with the outcome last. Customers with the same score enter together; for uplift@30, which must
//! cut somewhere, later ones first: both as in scikit-uplift 0.5 (`qini_auc_score` with negative
//! effects, `uplift_at_k` with strategy "overall"). 0 is a ranking by chance.
//!
//! Intervals: bootstrap over customers; resample b draws from stream b, so all rankings of the same
//! customers share their resamples and can be compared pair by pair.

use crate::bootstrap::{BootstrapSpec, Interval, quantile};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Test customers of an experiment.
#[derive(Clone, Copy, Debug)]
pub struct Ranking<'a> {
    pub treated: &'a [bool],
    pub outcome: &'a [f64],
    /// Share of customers for [`RankedBy::uplift_at`], .3 for 30 %.
    pub top_share: f64,
}

/// What one score gives.
#[derive(Clone, Debug, PartialEq)]
pub struct RankedBy {
    pub qini: f64,
    pub uplift_at: f64,
    /// Of each resample: qini and uplift at the top share.
    pub resamples: Vec<[f64; 2]>,
    /// At 20 even shares of the customers, with intervals over the resamples.
    pub curve: Vec<CurvePoint>,
}

/// A point of the uplift curve: outcomes gained per customer of the whole when the first `share` of
/// the ranking is treated, share · Q/n_t.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    pub share: f64,
    pub gain: f64,
    pub low: f64,
    pub high: f64,
}

/// Points of a curve.
pub const CURVE_POINTS: usize = 20;

impl Ranking<'_> {
    /// Measures each column of scores. `None` when an arm is empty or nobody differs, so that
    /// there is no area to divide by.
    ///
    /// # Panics
    /// When lengths differ, a score is NaN or the share is not in (0, 1].
    pub fn measure(&self, scores: &[&[f64]], spec: &BootstrapSpec) -> Option<Vec<RankedBy>> {
        let n = self.treated.len();
        assert_eq!(self.outcome.len(), n, "an outcome a customer");
        assert!(scores.iter().all(|column| column.len() == n), "a score a customer");
        assert!(scores.iter().all(|c| c.iter().all(|s| !s.is_nan())), "a score is NaN");
        assert!(self.top_share > 0.0 && self.top_share <= 1.0, "no share: {}", self.top_share);
        let n_u32 = u32::try_from(n).ok()?;
        let orders: Vec<Order> = scores.iter().map(|column| Order::of(column)).collect();
        let perfect = Order::of(&self.perfect());
        let whole = vec![1_u32; n];
        let observed: Vec<Found> = self.walk_all(&orders, &perfect, &whole)?;
        let resampled: Vec<Vec<Found>> = (0..spec.n_resamples)
            .into_par_iter()
            .filter_map(|resample| {
                let weights = drawn(n_u32, spec.seed, resample);
                self.walk_all(&orders, &perfect, &weights)
            })
            .collect();
        let of = |(at, found): (usize, &Found)| summary(found, &resampled, at, spec);
        Some(observed.iter().enumerate().map(of).collect())
    }

    fn perfect(&self) -> Vec<f64> {
        let signed = |(&treated, &y): (&bool, &f64)| if treated { y } else { -y };
        self.treated.iter().zip(self.outcome).map(signed).collect()
    }

    fn walk_all(&self, orders: &[Order], perfect: &Order, weights: &[u32]) -> Option<Vec<Found>> {
        let best = self.walk(perfect, weights)?.area;
        let found = |order: &Order| {
            let Walk { area, uplift_at, curve } = self.walk(order, weights)?;
            (best > 0.0).then_some(Found { qini: area / best, uplift_at: uplift_at?, curve })
        };
        orders.iter().map(found).collect()
    }

    /// One walk down a ranking in which customer i counts `weights[i]` times.
    fn walk(&self, order: &Order, weights: &[u32]) -> Option<Walk> {
        let n: f64 = weights.iter().map(|&w| f64::from(w)).sum();
        let top = (n * self.top_share).floor();
        let mut walk = Walk { area: 0.0, uplift_at: None, curve: [0.0; CURVE_POINTS] };
        let (mut sums, mut at_top) = (Sums::default(), None);
        let (mut last, mut points) = (Sums::default(), 0);
        for block in order.blocks() {
            for &i in block {
                let weight = f64::from(weights[i as usize]);
                let before = sums;
                sums.add(weight, self.treated[i as usize], self.outcome[i as usize]);
                if at_top.is_none() && sums.n() >= top {
                    // A customer drawn more than once may count in part.
                    let mut cut = before;
                    let rest = top - before.n();
                    cut.add(rest, self.treated[i as usize], self.outcome[i as usize]);
                    at_top = Some(cut);
                }
            }
            let here = sums;
            walk.area += 0.5 * (here.n() - last.n()) * (here.gain() + last.gain());
            while points < CURVE_POINTS && here.n() >= n * share_of(points) {
                walk.curve[points] =
                    share_of(points) * last.uplift_between(&here, n * share_of(points));
                points += 1;
            }
            last = here;
        }
        walk.area -= 0.5 * last.n() * last.gain();
        walk.uplift_at = at_top.and_then(|top| top.uplift());
        (sums.n_treated > 0.0 && sums.n_control > 0.0).then_some(walk)
    }
}

/// What one walk down a ranking found; `area` is above that of the straight line.
#[derive(Clone, Copy, Debug)]
struct Walk {
    area: f64,
    /// `None` when one arm is missing at the top, as it is for the perfect ranking.
    uplift_at: Option<f64>,
    curve: [f64; CURVE_POINTS],
}

/// A ranking beside the perfect one.
#[derive(Clone, Copy, Debug)]
struct Found {
    qini: f64,
    uplift_at: f64,
    curve: [f64; CURVE_POINTS],
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    n_treated: f64,
    n_control: f64,
    y_treated: f64,
    y_control: f64,
}

impl Sums {
    fn add(&mut self, weight: f64, treated: bool, outcome: f64) {
        if treated {
            self.n_treated += weight;
            self.y_treated += weight * outcome;
        } else {
            self.n_control += weight;
            self.y_control += weight * outcome;
        }
    }

    fn n(&self) -> f64 {
        self.n_treated + self.n_control
    }

    /// Q.
    fn gain(&self) -> f64 {
        let ratio = if self.n_control > 0.0 { self.n_treated / self.n_control } else { 0.0 };
        self.y_treated - self.y_control * ratio
    }

    fn uplift(&self) -> Option<f64> {
        let is_known = self.n_treated > 0.0 && self.n_control > 0.0;
        is_known.then(|| self.y_treated / self.n_treated - self.y_control / self.n_control)
    }

    /// Q/n_t after `wanted` customers, on the straight line from here to `there`.
    fn uplift_between(&self, there: &Sums, wanted: f64) -> f64 {
        let way = there.n() - self.n();
        let along = if way > 0.0 { (wanted - self.n()) / way } else { 1.0 };
        let between = |from: f64, to: f64| from + along * (to - from);
        let n_treated = between(self.n_treated, there.n_treated);
        if n_treated > 0.0 { between(self.gain(), there.gain()) / n_treated } else { 0.0 }
    }
}

/// Share of customers at a point of the curve.
fn share_of(point: usize) -> f64 {
    (point + 1) as f64 / CURVE_POINTS as f64
}

/// Customers by falling score, later ones first, and where equal scores end.
struct Order {
    customers: Vec<u32>,
    ends: Vec<usize>,
}

impl Order {
    fn of(scores: &[f64]) -> Order {
        let mut customers: Vec<u32> = (0..scores.len() as u32).collect();
        let score = |i: u32| scores[i as usize];
        customers.sort_by(|&a, &b| score(b).total_cmp(&score(a)).then(b.cmp(&a)));
        let is_end = |at: &usize| {
            let next = customers.get(at + 1);
            next.is_none_or(|&next| score(next) != score(customers[*at]))
        };
        let ends = (0..customers.len()).filter(is_end).map(|at| at + 1).collect();
        Order { customers, ends }
    }

    fn blocks(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.customers[start..end])
    }
}

/// How often each customer is drawn.
fn drawn(n: u32, seed: u64, resample: u32) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::from(resample));
    let mut weights = vec![0_u32; n as usize];
    for _ in 0..n {
        let customer = (u64::from(rng.next_u32()) * u64::from(n)) >> 32;
        weights[customer as usize] += 1;
    }
    weights
}

fn summary(found: &Found, resampled: &[Vec<Found>], at: usize, spec: &BootstrapSpec) -> RankedBy {
    let tail = (1.0 - spec.level) / 2.0;
    let point = |p: usize| {
        let gains = resampled.iter().map(|all| all[at].curve[p]);
        let (low, high) =
            ends_of(gains.collect(), tail).unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        CurvePoint { share: share_of(p), gain: found.curve[p], low, high }
    };
    RankedBy {
        qini: found.qini,
        uplift_at: found.uplift_at,
        resamples: resampled.iter().map(|w| [w[at].qini, w[at].uplift_at]).collect(),
        curve: (0..CURVE_POINTS).map(point).collect(),
    }
}

fn ends_of(mut values: Vec<f64>, tail: f64) -> Option<(f64, f64)> {
    values.sort_unstable_by(f64::total_cmp);
    (!values.is_empty()).then(|| (quantile(&values, tail), quantile(&values, 1.0 - tail)))
}

impl RankedBy {
    /// Intervals of qini and of the uplift at the top share. `None` without resamples.
    pub fn intervals(&self, level: f64) -> Option<[Interval; 2]> {
        let of = |at: usize, mean: f64| {
            let values = self.resamples.iter().map(|resample| resample[at]).collect();
            let (low, high) = ends_of(values, (1.0 - level) / 2.0)?;
            Some(Interval { mean, low, high })
        };
        Some([of(0, self.qini)?, of(1, self.uplift_at)?])
    }

    /// Interval of the difference in qini to another score of the same customers and resamples.
    ///
    /// # Panics
    /// When the two were not measured together.
    pub fn gain_over(&self, other: &RankedBy, level: f64) -> Option<Interval> {
        assert_eq!(self.resamples.len(), other.resamples.len(), "measured with other resamples");
        let pairs = self.resamples.iter().zip(&other.resamples);
        let (low, high) = ends_of(pairs.map(|(a, b)| a[0] - b[0]).collect(), (1.0 - level) / 2.0)?;
        Some(Interval { mean: self.qini - other.qini, low, high })
    }
}

#[cfg(test)]
mod tests;
