//! Seeded chance, the same on every machine: ChaCha8, with the few draws that a shop needs.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A source of chance. Streams of one seed are independent of each other.
#[derive(Clone, Debug)]
pub struct Chance(ChaCha8Rng);

impl Chance {
    pub fn new(seed: u64, stream: u64) -> Chance {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Chance(rng)
    }

    /// Uniform in 0..n, by multiply-shift; the bias is below n/2^32. `n` of 0 gives 0.
    pub fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(n)) >> 32) as u32
    }

    /// Uniform in [0, 1) in steps of 2^-32.
    pub fn unit(&mut self) -> f64 {
        f64::from(self.0.next_u32()) / 4_294_967_296.0
    }

    pub fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Geometric on 1, 2, 3… with the given mean (at least 1): the number of trials to the first
    /// success of probability 1/mean, by inversion.
    pub fn geometric(&mut self, mean: f64) -> u32 {
        if mean <= 1.0 {
            return 1;
        }
        // 1 − u lies in (0, 1], so the logarithm is finite.
        let trials = (1.0 - self.unit()).ln() / (1.0 - 1.0 / mean).ln();
        1 + trials.min(1e9) as u32
    }

    /// Standard normal, Box and Muller (1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Fisher and Yates, in Durstenfeld's form.
    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len() as u32).rev() {
            values.swap(last as usize, self.below(last + 1) as usize);
        }
    }
}

/// A hash of a number: fixed attributes of a customer without a table of customers. SplitMix64,
/// G. Steele, D. Lea and C. Flood, OOPSLA 2014.
pub fn hash(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Draws an index with given weights in constant time: A. J. Walker's alias method (1977) in the
/// form of M. D. Vose (1991).
#[derive(Clone, Debug)]
pub struct AliasTable {
    /// Probability to stay at the index drawn, and where to go otherwise.
    cells: Vec<(f64, u32)>,
}

impl AliasTable {
    /// Weights are finite, not negative, and not all zero.
    pub fn new(weights: &[f64]) -> AliasTable {
        let total: f64 = weights.iter().sum();
        assert!(total > 0.0 && total.is_finite(), "weights sum to {total}");
        let n = weights.len() as f64;
        let mut scaled: Vec<f64> = weights.iter().map(|weight| weight * n / total).collect();
        let mut cells: Vec<(f64, u32)> = (0..weights.len() as u32).map(|i| (1.0, i)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..scaled.len()).partition(|&i| scaled[i] < 1.0);
        while let (Some(low), Some(&high)) = (small.pop(), large.last()) {
            cells[low] = (scaled[low], high as u32);
            scaled[high] -= 1.0 - scaled[low];
            if scaled[high] < 1.0 {
                large.pop();
                small.push(high);
            }
        }
        AliasTable { cells }
    }

    pub fn draw(&self, chance: &mut Chance) -> u32 {
        let index = chance.below(self.cells.len() as u32);
        let (stay, other) = self.cells[index as usize];
        if chance.happens(stay) { index } else { other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_stream_give_the_same_draws() {
        let draws = |seed, stream| {
            let mut chance = Chance::new(seed, stream);
            (0..8).map(|_| chance.below(1_000)).collect::<Vec<u32>>()
        };
        assert_eq!(draws(1, 0), draws(1, 0));
        assert_ne!(draws(1, 0), draws(2, 0));
        assert_ne!(draws(1, 0), draws(1, 1));
        assert!(draws(3, 0).iter().all(|&draw| draw < 1_000));
    }

    /// Shares within five standard errors of the weights.
    #[test]
    fn the_alias_table_draws_by_weight() {
        let weights = [5.0, 0.0, 1.0, 3.0, 0.5, 0.5];
        let table = AliasTable::new(&weights);
        let mut chance = Chance::new(7, 0);
        let mut counts = [0_u32; 6];
        for _ in 0..100_000 {
            counts[table.draw(&mut chance) as usize] += 1;
        }
        for (weight, count) in weights.iter().zip(counts) {
            let p = weight / 10.0;
            let error = 5.0 * (p * (1.0 - p) / 100_000.0_f64).sqrt();
            assert!((f64::from(count) / 100_000.0 - p).abs() <= error, "{weight}: {count}");
        }
    }

    #[test]
    fn geometric_has_its_mean_and_begins_at_one() {
        let mut chance = Chance::new(1, 0);
        let draws: Vec<u32> = (0..50_000).map(|_| chance.geometric(8.0)).collect();
        let mean = draws.iter().sum::<u32>() as f64 / 50_000.0;
        assert!((mean - 8.0).abs() < 0.2, "{mean}");
        assert_eq!(draws.iter().min(), Some(&1));
        assert_eq!(chance.geometric(0.3), 1);
    }

    #[test]
    fn normal_has_mean_0_and_variance_1() {
        let mut chance = Chance::new(5, 0);
        let draws: Vec<f64> = (0..50_000).map(|_| chance.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 50_000.0;
        let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 50_000.0;
        assert!(mean.abs() < 0.025 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
    }

    #[test]
    fn shuffle_keeps_all_and_moves_most() {
        let mut values: Vec<u32> = (0..1_000).collect();
        Chance::new(2, 0).shuffle(&mut values);
        let n_moved = values.iter().zip(0..).filter(|(a, b)| **a != *b).count();
        assert!(n_moved > 950);
        values.sort_unstable();
        assert!(values.into_iter().eq(0..1_000));
    }

    /// The first outputs of SplitMix64 for state 0, as its reference code prints them.
    #[test]
    fn hash_is_splitmix64() {
        assert_eq!(hash(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(hash(0x9e37_79b9_7f4a_7c15), 0x6e78_9e6a_a1b9_65f4);
    }
}
