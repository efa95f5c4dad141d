//! Did the offers bring more, or the same from another place?
//!
//! Every customer's revenue is split by where it came from, in both arms alike: from offers (0 in
//! the holdout, unless leaked) or from elsewhere. Then
//!
//! ```text
//! Δtotal = Δ(from offers) + Δ(elsewhere)        displacement = −Δ(elsewhere)
//! share displaced r = −Δe/Δo,  var r = (v_e + 2 r·c_oe + r² v_o)/Δo²
//! ```
//!
//! holds customer by customer, so it holds for the estimates. A displacement equal to Δ(from
//! offers): whatever was clicked would have been bought anyway. v and c_oe: variances and
//! covariance of the two differences, Σ over both arms of gᵀ S g/n ([`crate::lift`]); they are not
//! independent, and the total is often surer than its parts.

use crate::lift::{Comparison, Contrast, Effect, Lift, Metric, NoAnswer, compare};
use crate::moments::Moments;

/// Which columns hold the two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origins {
    pub offers: usize,
    pub elsewhere: usize,
}

/// The split of an effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Displacement {
    pub total: Lift,
    pub offers: Lift,
    pub elsewhere: Lift,
    /// −Δ(elsewhere): positive where offers took from other sales.
    pub displaced: Effect,
    /// Displaced over Δ(from offers); `None` where Δ(from offers) may be 0.
    pub share: Option<Effect>,
    /// Correlation of the two differences' estimates.
    pub correlation: f64,
}

/// Splits. Of `how`, the metric is not used.
pub fn split<const D: usize>(
    treated: &Moments<D>,
    control: &Moments<D>,
    origins: Origins,
    how: &Comparison,
) -> Result<Displacement, NoAnswer> {
    let Origins { offers, elsewhere } = origins;
    let by = |metric| Comparison { metric, ..*how };
    let of_offers = by(Metric::Mean { column: offers });
    let of_elsewhere = by(Metric::Mean { column: elsewhere });
    let total = by(Metric::Sum { columns: [offers, elsewhere] });
    let total = compare(treated, control, &total)?;
    let lift_offers = compare(treated, control, &of_offers)?;
    let lift_elsewhere = compare(treated, control, &of_elsewhere)?;
    let one = Contrast::of(treated, control, &of_offers)?;
    let other = Contrast::of(treated, control, &of_elsewhere)?;
    let covariance = joint(&one, &other);
    let (o, e) = (lift_offers.difference, lift_elsewhere.difference);
    let share = o.is_clear().then(|| {
        let ratio = -e.value / o.value;
        let (v_o, v_e) = (o.standard_error.powi(2), e.standard_error.powi(2));
        let spread = v_e + 2.0 * ratio * covariance + ratio * ratio * v_o;
        Effect::new(ratio, spread / (o.value * o.value), one.n(), &how.sequence)
    });
    Ok(Displacement {
        total,
        offers: lift_offers,
        elsewhere: lift_elsewhere,
        displaced: e.negated(),
        share,
        correlation: covariance / (o.standard_error * e.standard_error),
    })
}

/// Covariance of the estimates of two differences over the same customers.
fn joint<const D: usize>(one: &Contrast<'_, D>, other: &Contrast<'_, D>) -> f64 {
    one.treated.covariance(&one.treated.gradient, &other.treated.gradient)
        + one.control.covariance(&one.control.gradient, &other.control.gradient)
}

#[cfg(test)]
mod tests;
