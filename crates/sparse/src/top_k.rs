//! The k best by score, ties broken by the smaller index: the one order used everywhere, so that
//! the same input gives the same list on every machine and with every number of threads.
//!
//! A buffer of `2k` with a rising threshold: once it is full, the best k are selected in O(k) and
//! everything below the k-th is refused from then on. Amortised O(1) a push. NaN is refused.

use std::cmp::Ordering;

/// An index with its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    pub index: u32,
    pub score: f32,
}

impl Scored {
    /// Best first: higher score, then smaller index. Scores are never NaN here.
    #[inline]
    pub fn best_first(&self, other: &Scored) -> Ordering {
        other.score.total_cmp(&self.score).then(self.index.cmp(&other.index))
    }
}

/// The order as one integer, which sorts several times as fast as a comparison of two fields:
/// rising with falling scores, then with the index. Of scores that are no NaN; -0.0 is below 0.0.
#[inline]
pub fn falling_key(score: f32, index: u32) -> u64 {
    let bits = score.to_bits();
    let rising = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
    u64::from(!rising) << 32 | u64::from(index)
}

#[inline]
fn scored_of(key: u64) -> Scored {
    let rising = !((key >> 32) as u32);
    let bits = if rising >> 31 == 1 { rising & !(1 << 31) } else { !rising };
    Scored { index: key as u32, score: f32::from_bits(bits) }
}

/// Collects the best `k` of what is pushed. Reusable: [`TopK::reset`] keeps its memory.
#[derive(Clone, Debug)]
pub struct TopK {
    k: usize,
    /// [`falling_key`] of each.
    buffer: Vec<u64>,
    sorted: Vec<Scored>,
    /// Nothing below this can be among the best k any more.
    threshold: f32,
}

impl TopK {
    pub fn new(k: usize) -> TopK {
        // Capacity is bounded: a caller may ask for 10^9 of a catalogue of ten.
        let buffer = Vec::with_capacity(k.min(4096) * 2);
        TopK { k, buffer, sorted: Vec::new(), threshold: f32::NEG_INFINITY }
    }

    pub fn reset(&mut self, k: usize) {
        self.k = k;
        self.buffer.clear();
        self.threshold = f32::NEG_INFINITY;
    }

    #[inline]
    pub fn push(&mut self, index: u32, score: f32) {
        // Written so that NaN fails too. Equal to the threshold may still win by its index.
        if !(score >= self.threshold) || self.k == 0 {
            return;
        }
        // -0.0 and 0.0 are one score.
        self.buffer.push(falling_key(score + 0.0, index));
        if self.buffer.len() >= self.k.saturating_mul(2).max(64) {
            self.cut();
        }
    }

    /// Could this score still be among the best? For callers whose own test costs more than this.
    #[inline]
    pub fn may_take(&self, score: f32) -> bool {
        score >= self.threshold
    }

    /// Pushes those of a dense row (`scores[i]` at index `i`) that `is_wanted`. Blocks whose
    /// largest score is below the threshold are skipped after one vectorised comparison, so
    /// `is_wanted` is asked for few.
    #[inline]
    pub fn push_dense(&mut self, scores: &[f32], mut is_wanted: impl FnMut(u32) -> bool) {
        const BLOCK: usize = 32;
        for (block_idx, block) in scores.chunks(BLOCK).enumerate() {
            // `f32::max` passes over NaN, as `push` does.
            let largest = block.iter().fold(f32::NEG_INFINITY, |largest, &s| largest.max(s));
            if largest < self.threshold {
                continue;
            }
            for (at, &score) in block.iter().enumerate() {
                let index = (block_idx * BLOCK + at) as u32;
                if score >= self.threshold && is_wanted(index) {
                    self.push(index, score);
                }
            }
        }
    }

    fn cut(&mut self) {
        if self.buffer.len() > self.k {
            self.buffer.select_nth_unstable(self.k - 1);
            self.buffer.truncate(self.k);
            self.threshold = scored_of(self.buffer[self.k - 1]).score;
        }
    }

    /// The best k, best first. Valid until the next push or reset.
    pub fn sorted(&mut self) -> &[Scored] {
        if self.k > 0 {
            self.cut();
        }
        self.buffer.sort_unstable();
        self.sorted.clear();
        self.sorted.extend(self.buffer.iter().map(|&key| scored_of(key)));
        &self.sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_sort_and_cut(scores in prop::collection::vec(-3_i8..4, 0..300), k in 0_usize..40) {
            let mut top = TopK::new(k);
            let mut naive: Vec<Scored> = Vec::new();
            for (index, &score) in scores.iter().enumerate() {
                let scored = Scored { index: index as u32, score: f32::from(score) };
                naive.push(scored);
            }
            // Any order of pushes gives the same list.
            for scored in naive.iter().rev() {
                top.push(scored.index, scored.score);
            }
            naive.sort_by(Scored::best_first);
            naive.truncate(k);
            prop_assert_eq!(top.sorted(), &naive[..]);
            let dense: Vec<f32> = scores.iter().map(|&score| f32::from(score)).collect();
            top.reset(k);
            top.push_dense(&dense, |_| true);
            prop_assert_eq!(top.sorted(), &naive[..]);
        }
    }

    #[test]
    fn refuses_nan_and_survives_a_huge_k() {
        let mut top = TopK::new(1_000_000_000);
        top.push(0, f32::NAN);
        top.push(1, -0.0);
        top.push(2, 0.0);
        assert_eq!(top.sorted().iter().map(|s| s.index).collect::<Vec<_>>(), [1, 2]);
    }
}
