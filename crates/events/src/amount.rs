//! Exact decimal amounts: money and quantities, never a float.
//!
//! An [`Amount`] is a 64-bit integer count of millionths. Six decimals hold every price and weight
//! seen in real exports; the range is ±9.2 × 10^12, so sums of a large shop fit as well. What does
//! not fit is an error, never a rounded value.

use std::fmt;

/// Millionths in one unit.
pub const MICROS: i64 = 1_000_000;

/// An exact decimal number in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(pub i64);

/// Why a text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    #[error("not a number")]
    NotANumber,
    #[error("more than six decimals")]
    TooPrecise,
    #[error("too large: the limit is ±9,223,372,036,854")]
    TooLarge,
    #[error("too long for an exact number; write it as a text, in quotes")]
    TooLong,
}

impl Amount {
    pub const ZERO: Amount = Amount(0);
    pub const ONE: Amount = Amount(MICROS);

    /// From a whole number of units, `None` when it does not fit.
    pub fn from_units(units: i64) -> Option<Amount> {
        units.checked_mul(MICROS).map(Amount)
    }

    /// From a float as JSON and Parquet doubles carry it: the shortest decimal that reads back as
    /// the same float, as people see it printed, so 2.55 is 2.55 and not 2.549999….
    pub fn from_f64(value: f64) -> Result<Amount, AmountError> {
        if !value.is_finite() {
            return Err(AmountError::NotANumber);
        }
        if value.abs() >= 9.2e12 {
            return Err(AmountError::TooLarge);
        }
        // Rounding to the nearest millionth is exact for every decimal of up to six places in
        // this range whose float is its nearest: |error| < 2^-10 millionths below 10^9.
        let micros = (value * MICROS as f64).round();
        Ok(Amount(micros as i64))
    }

    /// As [`Amount::from_f64`], but a number with more than six decimals is refused, not rounded.
    /// What differs by no more than sums of floats do is no decimal: 0.30000000000000004 is 0.3.
    pub fn from_f64_exact(value: f64) -> Result<Amount, AmountError> {
        // Above this, two decimals of six places may have the same float.
        const EXACT_BELOW: f64 = (1_u64 << 33) as f64;
        const NOISE: f64 = 16.0 * f64::EPSILON;
        let amount = Amount::from_f64(value)?;
        if value.abs() >= EXACT_BELOW && value.fract() != 0.0 {
            return Err(AmountError::TooLong);
        }
        if (value - amount.to_f64()).abs() > NOISE * value.abs() {
            return Err(AmountError::TooPrecise);
        }
        Ok(amount)
    }

    /// Parses `-1234.56`, `1e3` is refused. `decimal` is `.` or `,`; the other one, spaces and
    /// apostrophes are accepted as thousands separators between digits.
    pub fn parse(text: &str, decimal: u8) -> Result<Amount, AmountError> {
        let bytes = text.trim().as_bytes();
        let (negative, digits) = match bytes {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            // Bookkeepers' negative: (12.50)
            [b'(', rest @ .., b')'] => (true, rest),
            all => (false, all),
        };
        let micros = parse_unsigned(digits, decimal)?;
        Ok(Amount(if negative { -micros } else { micros }))
    }

    pub fn checked_add(self, other: Amount) -> Option<Amount> {
        self.0.checked_add(other.0).map(Amount)
    }

    /// `self × other`, rounded half away from zero to the millionth; `None` when it does not fit.
    pub fn checked_mul(self, other: Amount) -> Option<Amount> {
        let product = i128::from(self.0) * i128::from(other.0);
        let half = i128::from(MICROS / 2) * product.signum();
        i64::try_from((product + half) / i128::from(MICROS)).ok().map(Amount)
    }

    /// For scores and charts only, never for sums of money.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / MICROS as f64
    }

    pub fn is_negative(self) -> bool {
        self.0 < 0
    }
}

fn parse_unsigned(bytes: &[u8], decimal: u8) -> Result<i64, AmountError> {
    let mut micros: i64 = 0;
    let mut n_digits = 0_u32;
    let mut n_decimals: Option<u32> = None;
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                n_digits += 1;
                if let Some(n) = n_decimals.as_mut() {
                    if *n == 6 {
                        // Trailing zeros beyond the sixth decimal lose nothing.
                        if byte != b'0' {
                            return Err(AmountError::TooPrecise);
                        }
                        continue;
                    }
                    *n += 1;
                }
                let digit = i64::from(byte - b'0');
                micros = micros
                    .checked_mul(10)
                    .and_then(|value| value.checked_add(digit))
                    .ok_or(AmountError::TooLarge)?;
            }
            _ if byte == decimal && n_decimals.is_none() => n_decimals = Some(0),
            b'.' | b',' | b'\'' | b' ' if n_decimals.is_none() && is_thousands(bytes, at) => {}
            _ => return Err(AmountError::NotANumber),
        }
    }
    if n_digits == 0 {
        return Err(AmountError::NotANumber);
    }
    let missing = 6 - n_decimals.unwrap_or(0);
    micros.checked_mul(10_i64.pow(missing)).ok_or(AmountError::TooLarge)
}

/// A separator counts as thousands only with a digit before and exactly three after it.
fn is_thousands(bytes: &[u8], at: usize) -> bool {
    let after = &bytes[at + 1..];
    at > 0
        && bytes[at - 1].is_ascii_digit()
        && after.len() >= 3
        && after[..3].iter().all(u8::is_ascii_digit)
        && !after.get(3).is_some_and(u8::is_ascii_digit)
}

impl fmt::Display for Amount {
    /// The shortest exact form: `2.5`, `-0.001`, `12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let absolute = self.0.unsigned_abs();
        let (units, micros) = (absolute / MICROS as u64, absolute % MICROS as u64);
        if micros == 0 {
            return write!(f, "{sign}{units}");
        }
        let decimals = format!("{micros:06}");
        write!(f, "{sign}{units}.{}", decimals.trim_end_matches('0'))
    }
}

/// An ISO 4217 code, upper case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Three ASCII letters in either case; `None` for anything else.
    pub fn parse(text: &str) -> Option<Currency> {
        let bytes: [u8; 3] = text.trim().as_bytes().try_into().ok()?;
        bytes
            .iter()
            .all(u8::is_ascii_alphabetic)
            .then(|| Currency(bytes.map(|b| b.to_ascii_uppercase())))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("three ASCII letters are UTF-8")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let got = match Amount::parse(text, b'.') {
            Ok(amount) => amount.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expected, "for {text:?}");
    }

    #[test]
    fn parses_what_exports_hold() {
        check("2.55", "2.55");
        check("-11062.06", "-11062.06");
        check(" 0.001 ", "0.001");
        check("1,234,567.5", "1234567.5");
        check("1'234.50", "1234.5");
        check("(12.50)", "-12.5");
        check("+3", "3");
        check(".5", "0.5");
        check("7.", "7");
        check("1.1234560", "1.123456");
    }

    #[test]
    fn refuses_what_it_cannot_hold_exactly() {
        check("", "not a number");
        check("abc", "not a number");
        check("1.2.3", "not a number");
        check("1,23", "not a number");
        check("--1", "not a number");
        check("1e3", "not a number");
        check("1.1234567", "more than six decimals");
        check("99999999999999999999", "too large: the limit is ±9,223,372,036,854");
    }

    #[test]
    fn decimal_comma() {
        assert_eq!(Amount::parse("1.234,50", b',').unwrap().to_string(), "1234.5");
        assert_eq!(Amount::parse("2,55", b',').unwrap().to_string(), "2.55");
    }

    #[test]
    fn floats_come_back_as_they_are_printed() {
        for (value, text) in
            [(2.55, "2.55"), (0.1, "0.1"), (-11062.06, "-11062.06"), (38970.0, "38970")]
        {
            assert_eq!(Amount::from_f64(value).unwrap().to_string(), text);
        }
        assert!(Amount::from_f64(f64::NAN).is_err());
        assert!(Amount::from_f64(1e300).is_err());
    }

    #[test]
    fn a_float_is_not_rounded_where_that_would_lose_something() {
        let read = |value: f64| match Amount::from_f64_exact(value) {
            Ok(amount) => amount.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(read(2.555_555), "2.555555");
        assert_eq!(read(2.555_555_5), "more than six decimals");
        assert_eq!(read(1e-7), "more than six decimals");
        assert_eq!(read(0.1 + 0.2), "0.3");
        assert_eq!(read(19.99 * 3.0), "59.97");
        assert_eq!(read(8_589_934_591.123_456), "8589934591.123456");
        assert!(read(8_589_934_592.5).contains("as a text"));
        assert_eq!(read(9e12), "9000000000000");
        assert_eq!(read(0.0), "0");
    }

    #[test]
    fn products_round_half_away_from_zero() {
        let third = Amount(333_333);
        assert_eq!(third.checked_mul(third), Some(Amount(111_111)));
        assert_eq!(Amount(-500).checked_mul(Amount(1_000)), Some(Amount(-1)));
        assert_eq!(Amount(i64::MAX).checked_mul(Amount(i64::MAX)), None);
    }
}
