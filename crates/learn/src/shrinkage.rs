//! How strongly P(item | anchor) is drawn towards P(item): empirical Bayes.
//!
//! ```text
//! n_ij | n_i  ~  BetaBinomial(n_i, m p_j, m (1 − p_j)),   p_j = n_j / N
//! ```
//!
//! m is the one number that makes the observed counts of sampled rows (zeros included) most
//! likely: few baskets mean nothing when m is large. Found on a grid, since the likelihood is flat
//! at its top and the second digit does not matter. Binomial coefficients do not depend on m and
//! are left out.

use rayon::prelude::*;
use sparse::{Accumulator, Csr, CsrView};
use statrs::function::gamma::ln_gamma;

/// Prior strengths tried, in baskets.
const GRID: [f64; 13] =
    [1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0];
/// Anchors whose rows are looked at.
const MAX_ANCHORS: usize = 200;
/// Strength where there is nothing to learn it from.
const DEFAULT: f64 = 30.0;

/// The likeliest prior strength m, in baskets.
pub fn prior_baskets(baskets: CsrView<'_>, baskets_of: &Csr) -> f64 {
    let n_items = baskets_of.offsets.len() - 1;
    let n_baskets = baskets.n_rows() as f64;
    let counts: Vec<u64> = baskets_of.offsets.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mut sold: Vec<u32> = (0..n_items as u32).filter(|&i| counts[i as usize] > 1).collect();
    // Evenly over the range of sales, so that the tail is heard as well as the head.
    sold.sort_by_key(|&item| (counts[item as usize], item));
    let step = sold.len().div_ceil(MAX_ANCHORS).max(1);
    let anchors: Vec<u32> = sold.iter().copied().step_by(step).collect();
    if anchors.len() < 10 {
        return DEFAULT;
    }
    let shares: Vec<f64> = counts.iter().map(|&count| count as f64 / n_baskets).collect();
    let likelihoods: Vec<[f64; GRID.len()]> = anchors
        .par_iter()
        .map_init(
            || Accumulator::new(n_items),
            |row, &anchor| {
                for &basket in baskets_of.view().row(anchor as usize) {
                    baskets.row(basket as usize).iter().for_each(|&item| row.add(item, 1.0));
                }
                let likelihood = row_likelihood(anchor, row, &counts, &shares);
                row.clear();
                likelihood
            },
        )
        .collect();
    let total = |at: usize| likelihoods.iter().map(|row| row[at]).sum::<f64>();
    (0..GRID.len()).max_by(|&a, &b| total(a).total_cmp(&total(b))).map_or(DEFAULT, |at| GRID[at])
}

fn row_likelihood(
    anchor: u32,
    row: &Accumulator,
    counts: &[u64],
    shares: &[f64],
) -> [f64; GRID.len()] {
    let n = counts[anchor as usize] as f64;
    GRID.map(|m| {
        let anchor_term = ln_gamma(m) - ln_gamma(m + n);
        let mut sum = 0.0;
        for (item, &share) in shares.iter().enumerate() {
            if share <= 0.0 || share >= 1.0 || item as u32 == anchor {
                continue;
            }
            let k = f64::from(row.get(item as u32));
            let (a, b) = (m * share, m * (1.0 - share));
            let hit = if k > 0.0 { ln_gamma(a + k) - ln_gamma(a) } else { 0.0 };
            sum += anchor_term + hit + ln_gamma(b + n - k) - ln_gamma(b);
        }
        sum
    })
}
