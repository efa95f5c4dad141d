//! Ranking metrics: one query at a time, so that a caller can slice, average and bootstrap.
//!
//! Ranks are 1-based; rank 1 is the best. `k` is the length of the list that is shown.
//!
//! | symbol | meaning |
//! |---|---|
//! | r | rank of the one hidden item |
//! | T | truth: the set of relevant items of a query |
//! | rel_i | 1 when the item at rank i is in T, else 0 |
//!
//! Sources: HR and MRR as in Herlocker et al., "Evaluating collaborative filtering recommender
//! systems" (2004) and Voorhees, TREC-8 (1999); NDCG with the log2 discount as in Järvelin and
//! Kekäläinen, "Cumulated gain-based evaluation of IR techniques" (2002); personal hit ratio (PHR)
//! as in Li et al., "A next basket recommendation reality check" (2023).

/// Rank of `scores[target]` among all `scores`, where ties count as their mean, rounded down:
///
/// ```text
/// rank = better + floor((tied + 1) / 2)
/// better = |{ i : s_i > s_target }|,  tied = |{ i : s_i = s_target }|  (the target included)
/// ```
///
/// A NaN is worse than every number and ties with other NaNs. Items that must not be ranked are
/// given the lowest score (minus infinity) by the caller. O(n), one pass, no allocation.
///
/// # Panics
/// When `target` is outside `scores`.
pub fn rank_with_ties<S: Copy + PartialOrd>(scores: &[S], target: usize) -> usize {
    let score = scores[target];
    let is_number = |s: S| s.partial_cmp(&s).is_some();
    let (better, tied) = if is_number(score) {
        count(scores, |s| (s > score, s == score))
    } else {
        count(scores, |s| (is_number(s), !is_number(s)))
    };
    better + tied.div_ceil(2)
}

fn count<S: Copy>(scores: &[S], is_better_or_tied: impl Fn(S) -> (bool, bool)) -> (usize, usize) {
    scores.iter().fold((0, 0), |(better, tied), &score| {
        let (is_better, is_tied) = is_better_or_tied(score);
        (better + usize::from(is_better), tied + usize::from(is_tied))
    })
}

/// HR@k of one query: 1 when r ≤ k, else 0. Its mean over queries is the hit ratio, which for one
/// hidden item equals Recall@k.
pub fn hit_at(rank: usize, k: usize) -> f64 {
    f64::from(u8::from(rank <= k))
}

/// Reciprocal rank of one query, cut at k: 1/r when r ≤ k, else 0. Its mean is MRR@k.
pub fn reciprocal_rank_at(rank: usize, k: usize) -> f64 {
    if rank <= k { 1.0 / rank as f64 } else { 0.0 }
}

/// NDCG@k of one query with one relevant item: 1/log2(r + 1) when r ≤ k, else 0 (the ideal gain
/// is 1/log2(2) = 1).
pub fn ndcg_at(rank: usize, k: usize) -> f64 {
    if rank <= k { discount(rank) } else { 0.0 }
}

/// What a list of k is held against in [`ndcg_of_list`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ideal {
    /// All of the truth, as if the list were long enough: below 1 for a perfect list when |T| > k.
    AllTruth,
    /// The best that a list of k can do, min(k, |T|) hits in front: 1 for a perfect list.
    BestAtK,
}

/// Flags of the ranked list: is the item at this rank in the truth? `truth` must be sorted and
/// `ranked` without repeats.
pub fn hits(ranked: &[u32], truth: &[u32]) -> Vec<bool> {
    debug_assert!(truth.is_sorted(), "the truth must be sorted for the binary search");
    ranked.iter().map(|item| truth.binary_search(item).is_ok()).collect()
}

/// NDCG@k of one query with a set of relevant items:
///
/// ```text
/// DCG@k = sum over i = 1..k of rel_i / log2(i + 1)
/// IDCG  = sum over i = 1..m of 1 / log2(i + 1),  m = |T| (AllTruth) or min(k, |T|) (BestAtK)
/// ```
///
/// `None` when there is no truth, since 0/0 says nothing about the list.
pub fn ndcg_of_list(hits: &[bool], n_truth: usize, k: usize, ideal: Ideal) -> Option<f64> {
    let n_ideal = match ideal {
        Ideal::AllTruth => n_truth,
        Ideal::BestAtK => n_truth.min(k),
    };
    if n_ideal == 0 {
        return None;
    }
    let gain: f64 = hits.iter().take(k).zip(1..).map(|(&hit, r)| gain(hit, r)).sum();
    let best: f64 = (1..=n_ideal).map(discount).sum();
    Some(gain / best)
}

/// Recall@k of one query: hits among the first k / |T|; `None` without truth.
pub fn recall_of_list(hits: &[bool], n_truth: usize, k: usize) -> Option<f64> {
    (n_truth > 0).then(|| n_hits_at(hits, k) as f64 / n_truth as f64)
}

/// Personal hit of one query: 1 when any of the first k is relevant. Its mean over users is PHR@k.
pub fn any_hit_at(hits: &[bool], k: usize) -> f64 {
    f64::from(u8::from(n_hits_at(hits, k) > 0))
}

/// Mean over queries; `None` without queries.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn n_hits_at(hits: &[bool], k: usize) -> usize {
    hits.iter().take(k).filter(|&&hit| hit).count()
}

fn gain(hit: bool, rank: usize) -> f64 {
    if hit { discount(rank) } else { 0.0 }
}

fn discount(rank: usize) -> f64 {
    1.0 / ((rank + 1) as f64).log2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The obvious twin: sort, find the first and the last place of the target's score, take the
    /// mean of the two places, round down.
    fn rank_by_sorting(scores: &[f32], target: usize) -> usize {
        let mut sorted = scores.to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let place = |s: &f32| s.total_cmp(&scores[target]).is_eq();
        let first = sorted.iter().position(place).unwrap() + 1;
        let last = sorted.iter().rposition(place).unwrap() + 1;
        (first + last) / 2
    }

    #[test]
    fn ranks_count_ties_as_their_mean_rounded_down() {
        assert_eq!(rank_with_ties(&[3.0, 1.0, 2.0], 0), 1);
        assert_eq!(rank_with_ties(&[3.0, 1.0, 2.0], 1), 3);
        // Places 2 and 3 are shared: 2.5, rounded down.
        assert_eq!(rank_with_ties(&[3.0, 1.0, 1.0], 2), 2);
        // Places 2, 3 and 4 are shared: 3.
        assert_eq!(rank_with_ties(&[3.0, 1.0, 1.0, 1.0], 1), 3);
        assert_eq!(rank_with_ties(&[0.0; 10], 7), 5);
        assert_eq!(rank_with_ties(&[7_u32], 0), 1);
    }

    #[test]
    fn nan_is_worse_than_every_number() {
        let scores = [f32::NAN, f32::NEG_INFINITY, 1.0, f32::NAN];
        assert_eq!(rank_with_ties(&scores, 2), 1);
        assert_eq!(rank_with_ties(&scores, 1), 2);
        assert_eq!(rank_with_ties(&scores, 3), 3);
    }

    proptest! {
        #[test]
        fn ranks_equal_those_of_the_sorted_twin(
            levels in prop::collection::vec(-3_i8..4, 1..40), pick in any::<prop::sample::Index>()
        ) {
            let scores: Vec<f32> = levels.iter().map(|&level| f32::from(level) / 2.0).collect();
            let target = pick.index(scores.len());
            prop_assert_eq!(rank_with_ties(&scores, target), rank_by_sorting(&scores, target));
        }

        #[test]
        fn one_relevant_item_is_the_special_case_of_a_set(rank in 1_usize..30, k in 1_usize..30) {
            let hits: Vec<bool> = (1..30).map(|place| place == rank).collect();
            let ndcg = ndcg_of_list(&hits, 1, k, Ideal::AllTruth).unwrap();
            prop_assert!((ndcg - ndcg_at(rank, k)).abs() < 1e-15);
            prop_assert_eq!(recall_of_list(&hits, 1, k), Some(hit_at(rank, k)));
            prop_assert_eq!(any_hit_at(&hits, k), hit_at(rank, k));
        }
    }

    #[test]
    fn metrics_of_one_hidden_item() {
        assert_eq!((hit_at(10, 10), hit_at(11, 10)), (1.0, 0.0));
        assert_eq!((reciprocal_rank_at(4, 20), reciprocal_rank_at(21, 20)), (0.25, 0.0));
        // log2(4) = 2.
        assert_eq!((ndcg_at(1, 10), ndcg_at(3, 10), ndcg_at(11, 10)), (1.0, 0.5, 0.0));
    }

    /// Worked by hand: hits at ranks 1 and 3 of a list of 3, four relevant items.
    /// DCG = 1 + 1/2; IDCG(4) = 1 + .63093 + .5 + .43068 = 2.56161; IDCG(3) = 2.13093.
    #[test]
    fn metrics_of_a_set() {
        let flags = hits(&[5, 9, 2], &[2, 3, 4, 5]);
        assert_eq!(flags, [true, false, true]);
        let all = ndcg_of_list(&flags, 4, 3, Ideal::AllTruth).unwrap();
        let best = ndcg_of_list(&flags, 4, 3, Ideal::BestAtK).unwrap();
        assert!((all - 1.5 / 2.561_606_2).abs() < 1e-6, "{all}");
        assert!((best - 1.5 / 2.130_929_8).abs() < 1e-6, "{best}");
        assert_eq!(recall_of_list(&flags, 4, 3), Some(0.5));
        assert_eq!(recall_of_list(&flags, 4, 2), Some(0.25));
        assert_eq!((any_hit_at(&flags, 1), any_hit_at(&[false, true], 1)), (1.0, 0.0));
    }

    #[test]
    fn without_truth_or_queries_there_is_no_number() {
        assert_eq!(ndcg_of_list(&[true], 0, 10, Ideal::AllTruth), None);
        assert_eq!(recall_of_list(&[], 0, 10), None);
        assert_eq!(mean(&[]), None);
        assert_eq!(mean(&[1.0, 2.0]), Some(1.5));
    }
}
