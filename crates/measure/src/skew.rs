//! Interval of the mean of skew values.
//!
//! The usual mean ± z·s/√n leaves out the truth too often on one side where a few values are large.
//! Hall's transformation makes Student's T nearly normal again:
//!
//! ```text
//! T = √n (m − μ)/s,   γ = mean of ((x − m)/s)³
//! g(T) = T + γ T²/(3√n) + γ² T³/(27n) + γ/(6√n)
//! g⁻¹(z) = (3√n/γ) ((1 + γ z/√n − γ²/(6n))^⅓ − 1)
//! interval: m − g⁻¹(±z)·s/√n
//! ```
//!
//! P. Hall, "On the removal of skewness by transformation", JRSS B 54 (1992), equations 2.4 to 2.6,
//! with a = 1/3 and b = 1/6 for a mean. At γ = 0 it is the usual interval.

use crate::lift::z_of;

/// A mean, its standard error and an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SkewInterval {
    pub mean: f64,
    pub standard_error: f64,
    pub low: f64,
    pub high: f64,
}

/// Interval of `level` (.95). Without spread it is the mean alone.
///
/// # Panics
/// Without values.
pub fn skew_interval(values: &[f64], level: f64) -> SkewInterval {
    assert!(!values.is_empty(), "no values have no mean");
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let (squares, cubes) = values.iter().fold((0.0, 0.0), |(squares, cubes), x| {
        let off = x - mean;
        (squares + off * off, cubes + off * off * off)
    });
    let deviation = (squares / n).sqrt();
    let standard_error = deviation / n.sqrt();
    if !(deviation > 0.0) {
        return SkewInterval { mean, standard_error: 0.0, low: mean, high: mean };
    }
    let skewness = cubes / n / deviation.powi(3);
    let z = z_of(0.5 + level / 2.0);
    SkewInterval {
        mean,
        standard_error,
        low: mean - inverse(z, skewness, n) * standard_error,
        high: mean - inverse(-z, skewness, n) * standard_error,
    }
}

/// g⁻¹(z).
fn inverse(z: f64, skewness: f64, n: f64) -> f64 {
    let step = skewness / n.sqrt();
    if step.abs() < 1e-6 {
        return z;
    }
    3.0 / step * ((1.0 + step * z - step * step / 6.0).cbrt() - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn forward(t: f64, skewness: f64, n: f64) -> f64 {
        let a = skewness / (3.0 * n.sqrt());
        t + a * t * t + a * a * t * t * t / 3.0 + a / 2.0
    }

    #[test]
    fn the_inverse_undoes_the_transformation() {
        for skewness in [-3.0, -0.1, 1e-9, 0.5, 8.0] {
            for t in [-3.0, -1.0, 0.0, 0.4, 2.0] {
                let back = inverse(forward(t, skewness, 400.0), skewness, 400.0);
                assert!((back - t).abs() < 1e-6, "{skewness} {t}: {back}");
            }
        }
    }

    #[test]
    fn even_values_get_the_usual_interval() {
        let values: Vec<f64> = (0..1_001).map(|i| f64::from(i % 2) - 0.5).collect();
        let got = skew_interval(&values, 0.95);
        let half = 1.959_964 * got.standard_error;
        assert!((got.high - got.mean - half).abs() < 0.01 * half, "{got:?}");
        assert!((got.mean - got.low - half).abs() < 0.01 * half, "{got:?}");
        let same = skew_interval(&[2.0; 5], 0.95);
        assert_eq!((same.mean, same.low, same.high), (2.0, 2.0, 2.0));
    }

    /// 300 draws of a variable that is 40 once in 60 times (skewness 7.6): the usual interval
    /// covers about 91 %, this one what it says, within the error of 2,000 trials (.5 %).
    #[test]
    fn it_covers_what_the_usual_interval_does_not() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let (mut skew, mut usual) = (0, 0);
        for _ in 0..2_000 {
            let values: Vec<f64> =
                (0..300).map(|_| if rng.next_u32() % 60 == 0 { 40.0 } else { 0.0 }).collect();
            let got = skew_interval(&values, 0.95);
            let truth = 40.0 / 60.0;
            skew += u32::from(got.low <= truth && truth <= got.high);
            usual += u32::from((got.mean - truth).abs() <= 1.96 * got.standard_error);
        }
        assert!(skew >= 1_880 && skew > usual, "{skew} and {usual} of 2,000");
    }
}
