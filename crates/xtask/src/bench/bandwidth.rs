//! How fast this machine reads memory with two threads: the limit that pair counting is held
//! against.

use std::time::Instant;

const N_WORDS: usize = 1 << 25;

/// Gigabytes a second, the best of five passes over 256 MB with two threads.
pub(crate) fn read_gb_per_s() -> f64 {
    let words = vec![1_u64; N_WORDS];
    let (left, right) = words.split_at(N_WORDS / 2);
    let mut best_s = f64::INFINITY;
    for _ in 0..5 {
        let started = Instant::now();
        let sum = std::thread::scope(|scope| {
            let other = scope.spawn(|| sum(right));
            sum(left).wrapping_add(other.join().unwrap_or(0))
        });
        let wall_s = started.elapsed().as_secs_f64();
        if std::hint::black_box(sum) == N_WORDS as u64 {
            best_s = best_s.min(wall_s);
        }
    }
    (N_WORDS * 8) as f64 / best_s / 1e9
}

/// Wrapping, so that the overflow checks of our profile do not forbid SIMD.
fn sum(words: &[u64]) -> u64 {
    words.iter().fold(0, |sum, &word| sum.wrapping_add(word))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_bandwidth_is_one_that_machines_have() {
        let found = super::read_gb_per_s();
        assert!(found > 0.5 && found < 2_000.0, "{found} GB/s");
    }
}
