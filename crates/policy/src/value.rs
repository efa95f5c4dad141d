//! What a sale of an offer brings, for placements that rank by what they earn.
//!
//! ```text
//! rank by    propensity × context_weight × value × lever
//! margin     value = (1 − return_rate) · (price − discount − cost) − service_cost
//! price      value = (1 − return_rate) · (price − discount)
//! ```
//!
//! `context_weight` is the product of the boosts that ask something of the request, `lever` that of
//! the others. `return_rate` (0 to 1), `discount` and `service_cost` (money, as the price) are
//! attributes of the item, 0 where it has none; where one cannot be read the value is not known.
//! The form is that of arbitration in decision engines
//! for banks (Pega, "Next-Best-Action: P × C × V × L").

use crate::facts::ItemTable;
use events::Currency;

pub const RETURN_RATE: &str = "return_rate";
pub const DISCOUNT: &str = "discount";
pub const SERVICE_COST: &str = "service_cost";

/// What stands for a value that is not known: behind all that are known, likeliest first.
pub const UNKNOWN: f32 = 1e-6;
const MICROS: f64 = 1e6;

/// What is taken for the value of a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    Margin,
    Price,
}

/// Names of [`Value`] in a file, in its order.
pub const VALUES: [&str; 2] = ["margin", "price"];

impl Value {
    pub fn parse(name: &str) -> Option<Value> {
        let at = VALUES.iter().position(|known| *known == name)?;
        Some([Value::Margin, Value::Price][at])
    }

    /// Of one sale, in units of its currency; `None`: not known, or in another currency.
    pub fn of(self, items: &dyn ItemTable, item: u32, currency: Option<Currency>) -> Option<f32> {
        let is_other = currency.is_some() && items.currency(item) != currency;
        let price = items.price(item).filter(|_| !is_other)?;
        // Told and not to be read is not 0: a margin made up so would be too good.
        let told = |name: &str| match items.attribute(item, name) {
            None => Some(0.0),
            Some(text) => {
                let number: Option<f64> = text.trim().parse().ok();
                number.filter(|number| number.is_finite() && 0.0 <= *number)
            }
        };
        let kept = 1.0 - told(RETURN_RATE).filter(|rate| *rate <= 1.0)?;
        let paid = price.0 as f64 / MICROS - told(DISCOUNT)?;
        let value = match self {
            Value::Price => kept * paid,
            Value::Margin => {
                let cost = items.cost(item)?.0 as f64 / MICROS;
                kept * (paid - cost) - told(SERVICE_COST)?
            }
        };
        Some(value as f32)
    }
}

/// What a value multiplies a score by: nothing is earned by what loses.
pub fn weight_of(value: Option<f32>) -> f32 {
    value.map_or(UNKNOWN, |value| value.max(0.0))
}
