//! A customer as a vector over items: what was bought, newer baskets weighing more (TIFU-kNN).
//!
//! Hu, He, Gao and Zhang, "Modeling personalized item frequency information for next-basket
//! recommendation" (SIGIR 2020), in the form of its published code, which decays by basket over
//! the whole sequence and again by group:
//!
//! ```text
//! weight(t) = r_b^(B - 1 - t) / |g(t)| * r_g^(m - 1 - g) / G        t = 0 .. B - 1
//! v_u[i]    = sum over baskets t with i of weight(t)
//! ```
//!
//! | symbol | meaning |
//! |---|---|
//! | B | baskets of the customer |
//! | m | number of groups asked for; G = min(B, m) are made, their sizes differ by one at most |
//! | g, \|g(t)\| | the group of basket t, counted from 0 (oldest), and its size |
//! | r_b, r_g | decay by basket and by group, above 0 and at most 1 |

use super::sequence::Sequence;
use sparse::Accumulator;

/// Parameters of TIFU-kNN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TifuParams {
    /// m.
    pub n_groups: usize,
    /// r_b.
    pub basket_decay: f32,
    /// r_g.
    pub group_decay: f32,
    /// k nearest customers whose vectors are averaged.
    pub n_neighbors: usize,
    /// α, the weight of the customer's own vector against the neighbors' mean.
    pub own_share: f32,
}

impl Default for TifuParams {
    /// Tuned on Ta-Feng (EVALUATION, protocol NB).
    fn default() -> TifuParams {
        TifuParams {
            n_groups: 7,
            basket_decay: 0.9,
            group_decay: 0.9,
            n_neighbors: 100,
            own_share: 0.05,
        }
    }
}

/// Weight of each basket of a sequence of `n_baskets`, oldest first.
pub fn basket_weights(n_baskets: usize, params: &TifuParams) -> Vec<f32> {
    let n_asked = params.n_groups.max(1);
    let n_groups = n_asked.min(n_baskets);
    let mut weights = Vec::with_capacity(n_baskets);
    for group in 0..n_groups {
        let (size, n_larger) = (n_baskets / n_groups, n_baskets % n_groups);
        let size = size + usize::from(group >= n_groups - n_larger);
        let of_group =
            params.group_decay.powi((n_asked - 1 - group) as i32) / (size * n_groups) as f32;
        for _ in 0..size {
            let age = (n_baskets - 1 - weights.len()) as i32;
            weights.push(params.basket_decay.powi(age) * of_group);
        }
    }
    weights
}

/// Adds the customer's vector to `sums`.
pub fn add_vector(sequence: Sequence<'_>, params: &TifuParams, sums: &mut Accumulator) {
    for (basket, weight) in sequence.iter().zip(basket_weights(sequence.len(), params)) {
        for &item in *basket {
            sums.add(item, weight);
        }
    }
}

/// The customer's vector in rising order of items. `sums` is left empty.
pub fn vector_of(
    sequence: Sequence<'_>,
    params: &TifuParams,
    sums: &mut Accumulator,
) -> Vec<(u32, f32)> {
    add_vector(sequence, params, sums);
    let mut vector = Vec::with_capacity(sums.touched().len());
    sums.drain(|item, weight| vector.push((item, weight)));
    vector.sort_unstable_by_key(|&(item, _)| item);
    vector
}

/// Share of the last `n_recent` baskets that hold each item (UP-CF's recency-aware popularity), in
/// rising order of items. `sums` is left empty.
pub fn recent_share_of(
    sequence: Sequence<'_>,
    n_recent: usize,
    sums: &mut Accumulator,
) -> Vec<(u32, f32)> {
    let recent = &sequence[sequence.len().saturating_sub(n_recent)..];
    for &item in recent.iter().copied().flatten() {
        sums.add(item, 1.0 / recent.len() as f32);
    }
    let mut shares = Vec::with_capacity(sums.touched().len());
    sums.drain(|item, share| shares.push((item, share)));
    shares.sort_unstable_by_key(|&(item, _)| item);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published code, word for word: groups of equal size, the remainder in the last ones.
    fn naive(n_baskets: usize, params: &TifuParams) -> Vec<f32> {
        let (n, m) = (n_baskets, params.n_groups);
        let mut sizes = vec![1; n];
        if n >= m {
            let base = n / m;
            let n_extra = ((n as f64 / m as f64 - base as f64) * m as f64).round() as usize;
            sizes = vec![base; m - n_extra];
            sizes.extend(vec![base + 1; n_extra]);
        }
        let mut weights = Vec::new();
        for (group, &size) in sizes.iter().enumerate() {
            for _ in 0..size {
                let age = (n - 1 - weights.len()) as i32;
                let decayed = params.basket_decay.powi(age) / size as f32;
                let of_group = params.group_decay.powi((m - 1 - group) as i32);
                weights.push(decayed * of_group / sizes.len() as f32);
            }
        }
        weights
    }

    #[test]
    fn weights_are_those_of_the_published_code() {
        let params = TifuParams { basket_decay: 0.8, ..TifuParams::default() };
        for n_baskets in 0..60 {
            let (got, expected) = (basket_weights(n_baskets, &params), naive(n_baskets, &params));
            assert_eq!(got.len(), n_baskets);
            for (a, b) in got.iter().zip(&expected) {
                assert!((a - b).abs() < 1e-7, "{n_baskets} baskets: {got:?}, not {expected:?}");
            }
        }
    }

    #[test]
    fn an_item_of_several_baskets_adds_up_and_the_newest_weighs_most() {
        let baskets: [&[u32]; 3] = [&[4, 1], &[2], &[1]];
        let mut sums = Accumulator::new(5);
        let vector = vector_of(&baskets, &TifuParams::default(), &mut sums);
        let items: Vec<u32> = vector.iter().map(|&(item, _)| item).collect();
        assert_eq!(items, [1, 2, 4]);
        assert!(vector[0].1 > vector[1].1 && vector[1].1 > vector[2].1);
        assert!(sums.touched().is_empty());
        assert!(vector_of(&[], &TifuParams::default(), &mut sums).is_empty());
    }

    #[test]
    fn recent_shares_look_at_the_last_baskets_only() {
        let baskets: [&[u32]; 3] = [&[4], &[2, 1], &[1]];
        let mut sums = Accumulator::new(5);
        assert_eq!(recent_share_of(&baskets, 2, &mut sums), [(1, 1.0), (2, 0.5)]);
        assert_eq!(recent_share_of(&baskets[..1], 2, &mut sums), [(4, 1.0)]);
    }
}
