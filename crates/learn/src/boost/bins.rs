//! Values as bins of one byte: at most 254 cuts by quantiles, and a bin for NaN.

use rayon::prelude::*;

/// The bin of NaN; values have bins below it.
pub(super) const NAN_BIN: usize = 255;
const MAX_CUTS: usize = 254;
/// Cuts are placed by at most so many rows, evenly spread.
const SAMPLE_ROWS: usize = 200_000;

/// Features whose bins stand together: one load brings four.
pub(super) const PACK: usize = 4;

/// Rising cuts of each feature; a value is in the bin of the first cut that is not below it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cuts {
    pub(super) of_feature: Vec<Vec<f32>>,
}

impl Cuts {
    pub(super) fn of(features: &[f32], n_features: usize) -> Cuts {
        let n_rows = features.len() / n_features;
        let step = n_rows.div_ceil(SAMPLE_ROWS).max(1);
        let of_feature = (0..n_features)
            .into_par_iter()
            .map(|feature| {
                let values = features.iter().skip(feature).step_by(n_features * step);
                cuts_of(values.copied().filter(|value| !value.is_nan()).collect())
            })
            .collect();
        Cuts { of_feature }
    }

    #[inline]
    fn bin(&self, feature: usize, value: f32) -> u8 {
        if value.is_nan() {
            return NAN_BIN as u8;
        }
        self.of_feature[feature].partition_point(|&cut| cut < value) as u8
    }
}

/// Each distinct value a bin while there are few; else bins of about equal numbers of rows.
fn cuts_of(mut values: Vec<f32>) -> Vec<f32> {
    values.sort_unstable_by(f32::total_cmp);
    let mut runs: Vec<(f32, usize)> = Vec::new();
    for value in values {
        match runs.last_mut() {
            // -0.0 and 0.0 are one value.
            Some((last, count)) if *last >= value => *count += 1,
            _ => runs.push((value, 1)),
        }
    }
    let n_values: usize = runs.iter().map(|(_, count)| count).sum();
    let mut cuts = Vec::new();
    let (mut in_bin, mut n_left) = (0, n_values);
    for pair in runs.windows(2) {
        let [(value, count), (next, _)] = [pair[0], pair[1]];
        in_bin += count;
        let n_bins_left = MAX_CUTS + 1 - cuts.len();
        let is_full = runs.len() <= MAX_CUTS || in_bin * n_bins_left >= n_left;
        if is_full && cuts.len() < MAX_CUTS {
            cuts.push(between(value, next));
            n_left -= in_bin;
            in_bin = 0;
        }
    }
    cuts
}

/// A number from `low` to below `high`: half way, as far as that can be said in 32 bits.
fn between(low: f32, high: f32) -> f32 {
    let middle = low + (high - low) / 2.0;
    if middle.is_finite() && middle >= low && middle < high { middle } else { low }
}

/// Bins of all rows; features in packs of four, each pack row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct BinnedRows {
    pub(super) n_rows: usize,
    pub(super) packs: Vec<Vec<[u8; PACK]>>,
}

impl BinnedRows {
    pub(super) fn of(features: &[f32], cuts: &Cuts) -> BinnedRows {
        let n_features = cuts.of_feature.len();
        let pack_of = |pack: usize| {
            let first = pack * PACK;
            let bins_of = |row: &[f32]| {
                let mut bins = [0; PACK];
                for (at, &value) in row[first..].iter().take(PACK).enumerate() {
                    bins[at] = cuts.bin(first + at, value);
                }
                bins
            };
            features.chunks_exact(n_features).map(bins_of).collect()
        };
        let n_packs = n_features.div_ceil(PACK);
        BinnedRows {
            n_rows: features.len() / n_features,
            packs: (0..n_packs).into_par_iter().map(pack_of).collect(),
        }
    }

    #[inline]
    pub(super) fn bin(&self, feature: usize, row: u32) -> u8 {
        self.packs[feature / PACK][row as usize][feature % PACK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_have_a_bin_each_and_cuts_between_them() {
        let cuts = Cuts::of(&[3.0, 1.0, f32::NAN, 1.0, 2.0, -0.0, 0.0, f32::INFINITY], 1);
        assert_eq!(cuts.of_feature[0], [0.5, 1.5, 2.5, 3.0]);
        let bins: Vec<u8> = [-9.0, 0.0, 0.5, 0.6, 2.0, 3.0, 1e9, f32::INFINITY, f32::NAN]
            .map(|value| cuts.bin(0, value))
            .to_vec();
        assert_eq!(bins, [0, 0, 0, 1, 2, 3, 4, 4, 255]);
    }

    #[test]
    fn many_values_share_bins_evenly_and_a_frequent_one_stands_alone() {
        let values: Vec<f32> =
            (0..20_000).map(|at| if at % 2 == 0 { 7.5 } else { at as f32 }).collect();
        let cuts = Cuts::of(&values, 1);
        assert_eq!(cuts.of_feature[0].len(), MAX_CUTS);
        let mut counts = vec![0; 256];
        values.iter().for_each(|&value| counts[usize::from(cuts.bin(0, value))] += 1);
        let frequent = counts[usize::from(cuts.bin(0, 7.5))];
        assert!((10_000..10_100).contains(&frequent), "{frequent}");
        let others = counts.iter().filter(|&&count| count != frequent && count > 0);
        assert!(others.clone().all(|&count| count <= 90), "{counts:?}");
    }

    #[test]
    fn neighbors_in_32_bits_are_still_told_apart() {
        let low = 16_777_216.0_f32;
        let cuts = cuts_of(vec![low, low + 2.0, f32::NEG_INFINITY]);
        assert_eq!(cuts, [f32::NEG_INFINITY, low]);
    }
}
