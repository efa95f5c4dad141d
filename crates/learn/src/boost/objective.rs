//! Derivatives of the objectives, and the metric that validation watches.
//!
//! LambdaMART (Burges 2010), a pair of rows with gains y_i > y_j at places r_i, r_j:
//!
//! ```text
//! Δ_ij = (y_i − y_j) · |1/log₂(1 + r_i) − 1/log₂(1 + r_j)| / maxDCG / (0.01 + |s_i − s_j|)
//! ρ    = 1/(1 + exp(s_i − s_j))       g_i −= ρΔ,  g_j += ρΔ,  h_i, h_j += ρ(1 − ρ)Δ
//! ```
//!
//! The division by the difference of scores and the scaling of a group's derivatives by
//! log₂(1 + Σ)/Σ, Σ the sum of its |lambdas|, are those of LightGBM 4: they keep groups with many
//! pairs from ruling the tree. Gains are the labels as they are (not 2^y − 1).
//!
//! Softmax (the conditional logit of McFadden 1974; Cao et al. 2007 for lists), Y = Σ y of a group:
//!
//! ```text
//! p_i = exp(s_i) / Σ_j exp(s_j)        g_i = Y p_i − y_i        h_i = Y p_i (1 − p_i)
//! ```

use super::grow::Bag;
use super::histogram::Slopes;
use super::{Objective, RankingSet};
use rayon::prelude::*;

/// Validation looks at the first ten places, as the targets do.
const METRIC_K: usize = 10;
/// Groups handled by one piece of work.
const GROUPS_A_TASK: usize = 64;

/// The score before any tree: 0, or the log-odds of the mean label.
pub(super) fn base_score(set: &RankingSet<'_>, objective: Objective) -> f32 {
    if objective != Objective::Logistic || set.labels.is_empty() {
        return 0.0;
    }
    let sum: f64 = set.labels.iter().map(|&label| f64::from(label)).sum();
    let mean = (sum / set.labels.len() as f64).clamp(1e-6, 1.0 - 1e-6);
    (mean / (1.0 - mean)).ln() as f32
}

pub(super) fn slopes(
    set: &RankingSet<'_>,
    scores: &[f64],
    bag: &Bag,
    objective: Objective,
) -> Slopes {
    let (mut g, mut h) = (vec![0.0_f32; scores.len()], vec![0.0_f32; scores.len()]);
    let mut tasks = Vec::new();
    let (mut g_left, mut h_left) = (&mut g[..], &mut h[..]);
    let mut from = 0;
    for (task, ends) in set.group_ends.chunks(GROUPS_A_TASK).enumerate() {
        let end = ends.last().map_or(from, |&end| end as usize);
        let (g_task, g_rest) = g_left.split_at_mut(end - from);
        let (h_task, h_rest) = h_left.split_at_mut(end - from);
        tasks.push((task * GROUPS_A_TASK, from, ends, g_task, h_task));
        (g_left, h_left, from) = (g_rest, h_rest, end);
    }
    tasks.into_par_iter().for_each_init(Places::default, |places, task| {
        let (first_group, first_row, ends, g, h) = task;
        let mut from = first_row;
        for (at, &end) in ends.iter().enumerate() {
            let end = end as usize;
            if bag.has(first_group + at) {
                let here = from - first_row..end - first_row;
                let group = Group { labels: &set.labels[from..end], scores: &scores[from..end] };
                let (g, h) = (&mut g[here.clone()], &mut h[here]);
                match objective {
                    Objective::LambdaMart { truncation } => {
                        lambdas(&group, truncation, places, g, h);
                    }
                    Objective::Logistic => logistic(&group, g, h),
                    Objective::Softmax => softmax(&group, g, h),
                }
            }
            from = end;
        }
    });
    Slopes::of(&g, &h)
}

struct Group<'a> {
    labels: &'a [f32],
    scores: &'a [f64],
}

fn logistic(group: &Group<'_>, g: &mut [f32], h: &mut [f32]) {
    for (at, (&score, &label)) in group.scores.iter().zip(group.labels).enumerate() {
        let p = 1.0 / (1.0 + (-score).exp());
        g[at] = (p - f64::from(label)) as f32;
        h[at] = (p * (1.0 - p)) as f32;
    }
}

fn softmax(group: &Group<'_>, g: &mut [f32], h: &mut [f32]) {
    let total: f32 = group.labels.iter().sum();
    if !(total > 0.0) {
        return;
    }
    let ln_sum = ln_sum_exp(group.scores);
    for (at, (&score, &label)) in group.scores.iter().zip(group.labels).enumerate() {
        let p = (score - ln_sum).exp() as f32;
        g[at] = total * p - label;
        h[at] = total * p * (1.0 - p);
    }
}

/// ln Σ exp(s), without overflow.
fn ln_sum_exp(scores: &[f64]) -> f64 {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + scores.iter().map(|score| (score - largest).exp()).sum::<f64>().ln()
}

/// Reusable: rows in order of score, and the discount of each row's place.
#[derive(Default)]
struct Places {
    order: Vec<u32>,
    place_of: Vec<u32>,
    discounts: Vec<f32>,
    gains: Vec<f32>,
}

impl Places {
    fn sort(&mut self, scores: &[f64]) {
        self.order.clear();
        self.order.extend(0..scores.len() as u32);
        self.order.sort_unstable_by(|&a, &b| {
            scores[b as usize].total_cmp(&scores[a as usize]).then(a.cmp(&b))
        });
        self.place_of.resize(scores.len().max(self.place_of.len()), 0);
        for (place, &row) in self.order.iter().enumerate() {
            self.place_of[row as usize] = place as u32;
        }
        while self.discounts.len() < scores.len() {
            self.discounts.push(1.0 / (self.discounts.len() as f32 + 2.0).log2());
        }
    }

    /// The largest DCG that the first `k` places of these gains can have.
    fn max_dcg(&mut self, labels: &[f32], k: usize) -> f32 {
        self.gains.clear();
        self.gains.extend(labels.iter().copied().filter(|&label| label > 0.0));
        self.gains.sort_unstable_by(|a, b| b.total_cmp(a));
        self.gains.iter().take(k).zip(&self.discounts).map(|(gain, discount)| gain * discount).sum()
    }
}

fn lambdas(
    group: &Group<'_>,
    truncation: usize,
    places: &mut Places,
    g: &mut [f32],
    h: &mut [f32],
) {
    places.sort(group.scores);
    let max_dcg = places.max_dcg(group.labels, truncation);
    if !(max_dcg > 0.0) {
        return;
    }
    let score_at = |place: usize| group.scores[places.order[place] as usize];
    let is_flat = score_at(0) == score_at(group.scores.len() - 1);
    let mut total = 0.0_f32;
    for high in (0..group.labels.len()).filter(|&row| group.labels[row] > 0.0) {
        let place = places.place_of[high] as usize;
        // When this row stands low, only pairs with the first rows count.
        let n_others = if place < truncation { places.order.len() } else { truncation };
        let n_others = n_others.min(places.order.len());
        let (mut g_high, mut h_high) = (0.0_f32, 0.0_f32);
        for (other_place, &other) in places.order[..n_others].iter().enumerate() {
            let other = other as usize;
            let gain = group.labels[high] - group.labels[other];
            if !(gain > 0.0) {
                continue;
            }
            let apart = (group.scores[high] - group.scores[other]) as f32;
            let places_apart = (places.discounts[place] - places.discounts[other_place]).abs();
            let mut delta = gain * places_apart / max_dcg;
            if !is_flat {
                delta /= 0.01 + apart.abs();
            }
            let p = 1.0 / (1.0 + apart.exp());
            let (lambda, bend) = (p * delta, p * (1.0 - p) * delta);
            g_high -= lambda;
            h_high += bend;
            g[other] += lambda;
            h[other] += bend;
            total += 2.0 * lambda;
        }
        g[high] += g_high;
        h[high] += h_high;
    }
    if total > 0.0 {
        let factor = (1.0 + total).log2() / total;
        g.iter_mut().chain(h).for_each(|value| *value *= factor);
    }
}

/// Mean NDCG@10 over groups that have a gain, or minus the mean log loss of rows or of choices.
pub(super) fn metric(set: &RankingSet<'_>, scores: &[f64], objective: Objective) -> f64 {
    if objective == Objective::Logistic {
        let losses = scores.iter().zip(set.labels).map(|(&score, &label)| {
            let (score, label) = (score, f64::from(label));
            // ln(1 + e^s) − y·s, without overflow.
            score.max(0.0) + (-score.abs()).exp().ln_1p() - label * score
        });
        return -losses.sum::<f64>() / scores.len().max(1) as f64;
    }
    let starts = std::iter::once(&0).chain(set.group_ends);
    let groups: Vec<(u32, u32)> =
        starts.zip(set.group_ends).map(|(&start, &end)| (start, end)).collect();
    let values: Vec<Option<f64>> = groups
        .par_iter()
        .with_min_len(GROUPS_A_TASK)
        .map_init(Places::default, |places, &(start, end)| {
            let rows = start as usize..end as usize;
            let (labels, scores) = (&set.labels[rows.clone()], &scores[rows]);
            match objective {
                Objective::Softmax => ln_likelihood(labels, scores),
                _ => ndcg(labels, scores, places),
            }
        })
        .collect();
    let n = values.iter().flatten().count();
    values.iter().flatten().sum::<f64>() / n.max(1) as f64
}

/// Of the rows that gain, weighted by what they gain.
fn ln_likelihood(labels: &[f32], scores: &[f64]) -> Option<f64> {
    let total: f64 = labels.iter().map(|&label| f64::from(label)).sum();
    let sum: f64 = labels.iter().zip(scores).map(|(&label, score)| f64::from(label) * score).sum();
    (total > 0.0).then(|| sum / total - ln_sum_exp(scores))
}

/// Of equal scores the smaller gain comes first, so that nothing is won by ties.
fn ndcg(labels: &[f32], scores: &[f64], places: &mut Places) -> Option<f64> {
    places.sort(scores);
    let max_dcg = f64::from(places.max_dcg(labels, METRIC_K));
    if !(max_dcg > 0.0) {
        return None;
    }
    places.order.sort_by(|&a, &b| {
        let by_score = scores[b as usize].total_cmp(&scores[a as usize]);
        by_score.then(labels[a as usize].total_cmp(&labels[b as usize]))
    });
    let first = places.order.iter().take(METRIC_K).zip(&places.discounts);
    let dcg: f64 = first.map(|(&row, discount)| f64::from(labels[row as usize] * discount)).sum();
    Some(dcg / max_dcg)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the formula says, every pair, no shortcuts.
    fn naive(labels: &[f32], scores: &[f64], truncation: usize) -> (Vec<f64>, Vec<f64>) {
        let n = labels.len();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let discount = |place: usize| 1.0 / (place as f64 + 2.0).log2();
        let mut ideal: Vec<f32> = labels.to_vec();
        ideal.sort_by(|a, b| b.total_cmp(a));
        let max_dcg: f64 = ideal
            .iter()
            .take(truncation)
            .enumerate()
            .map(|(r, &y)| f64::from(y) * discount(r))
            .sum();
        let (mut g, mut h, mut total) = (vec![0.0; n], vec![0.0; n], 0.0);
        for a in 0..n {
            for b in 0..n {
                let (i, j) = (order[a], order[b]);
                if labels[i] <= labels[j] || a.min(b) >= truncation {
                    continue;
                }
                let apart = scores[i] - scores[j];
                let delta = f64::from(labels[i] - labels[j]) * (discount(a) - discount(b)).abs()
                    / max_dcg
                    / (0.01 + apart.abs());
                let p = 1.0 / (1.0 + apart.exp());
                g[i] -= p * delta;
                g[j] += p * delta;
                h[i] += p * (1.0 - p) * delta;
                h[j] += p * (1.0 - p) * delta;
                total += 2.0 * p * delta;
            }
        }
        let factor = (1.0 + total).log2() / total;
        let scaled = |values: Vec<f64>| values.into_iter().map(|value| value * factor).collect();
        (scaled(g), scaled(h))
    }

    #[test]
    fn lambdas_are_those_of_the_formula() {
        let labels = [0.0, 2.0, 0.0, 1.0, 0.0, 0.0, 1.0];
        let scores = [0.3, -0.2, 0.9, 0.1, 0.4, -1.0, -0.7];
        for truncation in [1, 2, 3, 7, 20] {
            let (mut g, mut h) = ([0.0; 7], [0.0; 7]);
            let group = Group { labels: &labels, scores: &scores };
            lambdas(&group, truncation, &mut Places::default(), &mut g, &mut h);
            let (g_naive, h_naive) = naive(&labels, &scores, truncation);
            for row in 0..7 {
                assert!((f64::from(g[row]) - g_naive[row]).abs() < 1e-5, "g {truncation} {row}");
                assert!((f64::from(h[row]) - h_naive[row]).abs() < 1e-5, "h {truncation} {row}");
            }
        }
    }

    #[test]
    fn softmax_derivatives_are_the_slopes_of_its_likelihood() {
        let labels = [0.0, 1.0, 0.0, 2.0];
        let scores = [0.3, -0.2, 900.0, 899.5];
        let (mut g, mut h) = ([0.0; 4], [0.0; 4]);
        softmax(&Group { labels: &labels, scores: &scores }, &mut g, &mut h);
        let loss = |scores: &[f64]| -3.0 * ln_likelihood(&labels, scores).unwrap();
        for row in 0..4 {
            let moved = |by: f64| {
                let mut scores = scores;
                scores[row] += by;
                loss(&scores)
            };
            let slope = (moved(1e-4) - moved(-1e-4)) / 2e-4;
            let bend = (moved(1e-2) - 2.0 * loss(&scores) + moved(-1e-2)) / 1e-4;
            assert!((f64::from(g[row]) - slope).abs() < 1e-4, "g {row}: {} {slope}", g[row]);
            assert!((f64::from(h[row]) - bend).abs() < 1e-3, "h {row}: {} {bend}", h[row]);
        }
        let (mut g, mut h) = ([0.0; 2], [0.0; 2]);
        softmax(&Group { labels: &[0.0; 2], scores: &[0.1, 0.2] }, &mut g, &mut h);
        assert_eq!((g, h), ([0.0; 2], [0.0; 2]));
    }

    #[test]
    fn ndcg_gives_nothing_for_ties() {
        let mut places = Places::default();
        let mut value = |labels: &[f32], scores: &[f64]| ndcg(labels, scores, &mut places);
        assert_eq!(value(&[1.0, 0.0], &[0.5, 0.5]), Some(f64::from(1.0 / 3.0_f32.log2())));
        assert_eq!(value(&[1.0, 0.0], &[0.6, 0.5]), Some(1.0));
        assert_eq!(value(&[0.0, 0.0], &[0.6, 0.5]), None);
    }
}
