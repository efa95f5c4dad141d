//! The fixed, tuned blend of sources.
//!
//! ```text
//! score(j) = Σ_s  w[size][s] · f_s(j) / max_j' f_s(j')
//! ```
//!
//! `f_s` is what source `s` says of candidate `j`; dividing by the largest value among the
//! candidates makes sources comparable without any assumption on their scale. The weights are
//! tuned per size of cart on an inner split by time (`learn::blend`), because what ranks best
//! beside one item (co-purchase in short baskets) is not what completes a full cart (EASE).

/// Sources in the order of the weights.
pub const SOURCES: [&str; N_SOURCES] = ["ease", "pair", "neighbor", "history", "trend"];
pub const N_SOURCES: usize = 5;

pub const EASE: usize = 0;
pub const PAIR: usize = 1;
pub const NEIGHBOR: usize = 2;
pub const HISTORY: usize = 3;
pub const TREND: usize = 4;

/// What each source says of one candidate.
pub type Features = [f32; N_SOURCES];

/// How much the cart tells; each size has weights of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CartSize {
    Single = 0,
    Few = 1,
    Many = 2,
}

pub const N_SIZES: usize = 3;

impl CartSize {
    pub fn of(n_context: usize) -> CartSize {
        match n_context {
            0 | 1 => CartSize::Single,
            2..=4 => CartSize::Few,
            _ => CartSize::Many,
        }
    }
}

/// Weights by size of cart and source, all ≥ 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Blend {
    pub weights: [Features; N_SIZES],
}

impl Default for Blend {
    /// What won on Online Retail's inner split; used where there is too little data to tune
    /// (fewer cases than `learn::blend` asks for).
    fn default() -> Blend {
        Blend {
            weights: [
                [0.2, 0.5, 1.0, 0.5, 0.0],
                [1.0, 0.4, 0.5, 0.4, 0.0],
                [1.0, 0.4, 0.0, 0.3, 0.0],
            ],
        }
    }
}

impl Blend {
    /// From a snapshot's section; the default when it has none.
    pub fn from_flat(flat: &[f32]) -> Blend {
        let mut blend = Blend::default();
        if flat.len() == N_SIZES * N_SOURCES && flat.iter().all(|w| w.is_finite() && *w >= 0.0) {
            for (row, weights) in blend.weights.iter_mut().zip(flat.chunks_exact(N_SOURCES)) {
                row.copy_from_slice(weights);
            }
        }
        blend
    }

    pub fn to_flat(&self) -> Vec<f32> {
        self.weights.concat()
    }
}

/// `w / max`: what each source weighs for these candidates; nothing where it said nothing.
#[inline]
pub fn scale(weights: &Features, largest: &Features) -> Features {
    let mut scales = Features::default();
    for source in 0..N_SOURCES {
        if largest[source] > 0.0 {
            scales[source] = weights[source] / largest[source];
        }
    }
    scales
}

/// `Σ scale · f`.
#[inline]
pub fn combine(scales: &Features, features: &Features) -> f32 {
    let mut score = 0.0;
    for source in 0..N_SOURCES {
        score += scales[source] * features[source];
    }
    score
}
