//! Sums of derivatives by bin, in integers: their order changes nothing.
//!
//! First and second derivative of a row share one 64-bit word: `g · 2³² + h`, with g in its upper
//! half (signed) and h ≥ 0 in its lower. They are scaled so that the sums over all rows just fit;
//! a rounded row is off by at most half a unit of 2⁻³¹ of the total, and one addition serves both.

use super::bins::{BinnedRows, NAN_BIN, PACK};
use rayon::prelude::*;

pub(super) const N_BINS: usize = 256;
/// Sums of one pack of features.
pub(super) const PACK_BINS: usize = PACK * N_BINS;
const CHUNK: usize = 4096;

/// The derivatives of every row, rounded; 0 for a row outside the bag.
#[derive(Clone, Debug, Default)]
pub(super) struct Slopes {
    pub(super) words: Vec<u64>,
    /// What one unit stands for.
    g_unit: f64,
    h_unit: f64,
}

impl Slopes {
    pub(super) fn of(g: &[f32], h: &[f32]) -> Slopes {
        // By chunks of a fixed length, so that the sum is the same for any number of threads.
        let sum = |values: &[f32]| -> f64 {
            let chunks: Vec<f64> = values
                .par_chunks(CHUNK)
                .map(|chunk| chunk.iter().map(|&value| f64::from(value.abs())).sum())
                .collect();
            chunks.iter().sum()
        };
        let unit = |sum: f64, bits: u32| {
            // Each row may be rounded up by a half.
            let room = 2.0_f64.powi(bits as i32) - 2.0 - g.len() as f64;
            if sum > 0.0 { sum / room } else { 1.0 }
        };
        let (g_unit, h_unit) = (unit(sum(g), 31), unit(sum(h), 32));
        let word = |(&g, &h): (&f32, &f32)| {
            let g = (f64::from(g) / g_unit).round() as i64;
            let h = (f64::from(h) / h_unit).round() as u64;
            ((g as u64) << 32).wrapping_add(h)
        };
        let words = g.par_iter().zip(h).with_min_len(CHUNK).map(word).collect();
        Slopes { words, g_unit, h_unit }
    }

    #[inline]
    pub(super) fn sums(&self, word: u64) -> (f64, f64) {
        let g = f64::from((word >> 32) as u32 as i32);
        (g * self.g_unit, f64::from(word as u32) * self.h_unit)
    }
}

/// Adds up the words of `rows` by bin, for one pack of features.
pub(super) fn accumulate(
    binned: &BinnedRows,
    pack: usize,
    rows: &[u32],
    words: &[u64],
    sums: &mut [u64],
) {
    let sums: &mut [u64; PACK_BINS] = sums.try_into().expect("the bins of one pack");
    sums.fill(0);
    let bins_of = &binned.packs[pack];
    for (&row, &word) in rows.iter().zip(words) {
        let bins = bins_of[row as usize];
        for (at, bin) in bins.into_iter().enumerate() {
            let sum = &mut sums[at * N_BINS + usize::from(bin)];
            *sum = sum.wrapping_add(word);
        }
    }
}

/// A way to split a leaf.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split {
    pub(super) gain: f64,
    pub(super) feature: u32,
    /// Bins up to this one go left.
    pub(super) bin: u8,
    pub(super) nan_left: bool,
    /// Sum of the words that go left.
    pub(super) left: u64,
}

/// What a split must keep to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) l2: f64,
    pub(super) min_rows: f64,
    /// Share of H that both sides need besides.
    pub(super) min_h: f64,
}

/// The leaf that is to be split.
#[derive(Clone, Copy, Debug)]
pub(super) struct Total {
    pub(super) word: u64,
    pub(super) n_rows: usize,
}

/// The best split of one feature; of equals the first.
pub(super) fn best_split(
    slopes: &Slopes,
    total: Total,
    limits: &Limits,
    feature: u32,
    sums: &[u64],
    n_cuts: usize,
) -> Option<Split> {
    let (g_all, h_all) = slopes.sums(total.word);
    let rows_a_unit = total.n_rows as f64 / h_all.max(f64::MIN_POSITIVE);
    let min_h = limits.min_h.max(limits.min_rows / rows_a_unit);
    let gain_all = g_all * g_all / (h_all + limits.l2);
    let of_nan = sums[NAN_BIN];
    let mut best: Option<Split> = None;
    for nan_left in [false, true] {
        if nan_left && of_nan == 0 {
            break;
        }
        let mut left = if nan_left { of_nan } else { 0 };
        for (bin, &sum) in sums[..n_cuts].iter().enumerate() {
            left = left.wrapping_add(sum);
            let (g_left, h_left) = slopes.sums(left);
            let (g_right, h_right) = (g_all - g_left, h_all - h_left);
            if h_left < min_h || sum == 0 {
                continue;
            }
            if h_right < min_h {
                break;
            }
            let gain = g_left * g_left / (h_left + limits.l2)
                + g_right * g_right / (h_right + limits.l2)
                - gain_all;
            if gain > best.map_or(0.0, |best| best.gain) {
                // Without a NaN here, one that comes later takes the heavier side.
                let nan_left = if of_nan == 0 { h_left > h_right } else { nan_left };
                best = Some(Split { gain, feature, bin: bin as u8, nan_left, left });
            }
        }
    }
    best
}
