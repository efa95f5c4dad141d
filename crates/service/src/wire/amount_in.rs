//! Money and quantities of a request: a JSON number or a decimal text, exact either way.

use events::Amount;
use events::amount::AmountError;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AmountIn(pub(crate) Amount);

struct AmountVisitor;

impl Visitor<'_> for AmountVisitor {
    type Value = AmountIn;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a decimal text such as \"2.55\"")
    }

    fn visit_u64<E: de::Error>(self, units: u64) -> Result<AmountIn, E> {
        let amount = i64::try_from(units).ok().and_then(Amount::from_units);
        amount.map(AmountIn).ok_or_else(|| E::custom("too large an amount"))
    }

    fn visit_i64<E: de::Error>(self, units: i64) -> Result<AmountIn, E> {
        let amount = Amount::from_units(units);
        amount.map(AmountIn).ok_or_else(|| E::custom("too large an amount"))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<AmountIn, E> {
        Amount::from_f64_exact(value).map(AmountIn).map_err(|error| E::custom(told(error)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<AmountIn, E> {
        Amount::parse(text, b'.').map(AmountIn).map_err(|error| E::custom(told(error)))
    }
}

/// What is wrong, and how to mend it.
fn told(error: AmountError) -> String {
    match error {
        AmountError::NotANumber => {
            "expected a number or a decimal text such as \"2.55\"".to_owned()
        }
        AmountError::TooPrecise => {
            "more than six decimals, which would be rounded: round it before".to_owned()
        }
        other => other.to_string(),
    }
}

impl<'de> Deserialize<'de> for AmountIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AmountIn, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_from_number_and_text() {
        for (json, expected) in [("2.55", "2.55"), ("\"2.55\"", "2.55"), ("12", "12"), ("-1", "-1")]
        {
            let amount: AmountIn = serde_json::from_str(json).unwrap();
            assert_eq!(amount.0.to_string(), expected);
        }
        for json in ["2.5555555", "\"2.5555555\""] {
            let error = serde_json::from_str::<AmountIn>(json).unwrap_err().to_string();
            assert!(error.contains("six decimals"), "{error}");
        }
        for json in ["\"dear\"", "1e300", "true", "18446744073709551615"] {
            assert!(serde_json::from_str::<AmountIn>(json).is_err(), "{json}");
        }
    }
}
