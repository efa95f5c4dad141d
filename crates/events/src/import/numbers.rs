//! Amounts as exports write them: symbols, thousands, decimal commas; exact, never through a float
//! unless the file itself holds floats.

use crate::amount::{AmountError, MICROS};
use crate::{Amount, Currency};

use super::cell::Cell;

/// Beyond this a quantity or a price is a mistake.
const ABSURD: i64 = 1_000_000_000 * MICROS;

/// Why a value is no usable amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberFault {
    Unreadable(AmountError),
    Absurd,
}

impl NumberFault {
    pub(crate) fn advice(self) -> String {
        match self {
            NumberFault::Unreadable(error) => error.to_string(),
            NumberFault::Absurd => "beyond 1,000,000,000, which cannot be meant".to_owned(),
        }
    }
}

/// An amount with the currency of the symbol beside it.
pub(crate) type Money = (Amount, Option<Currency>);

/// `None` for an absent cell.
#[inline]
pub(crate) fn read_money(cell: Cell<'_>, decimal: u8) -> Result<Option<Money>, NumberFault> {
    let (amount, currency) = match cell {
        Cell::Absent => return Ok(None),
        Cell::Text(text) => parse_money(text, decimal).map_err(NumberFault::Unreadable)?,
        Cell::Int(value) => {
            let amount = Amount::from_units(value).ok_or(AmountError::TooLarge);
            (amount.map_err(NumberFault::Unreadable)?, None)
        }
        Cell::Float(value) => (Amount::from_f64(value).map_err(NumberFault::Unreadable)?, None),
        Cell::Bool(_) | Cell::Time { .. } => {
            return Err(NumberFault::Unreadable(AmountError::NotANumber));
        }
    };
    if amount.0.abs() > ABSURD {
        return Err(NumberFault::Absurd);
    }
    Ok(Some((amount, currency)))
}

#[inline]
fn parse_money(text: &str, decimal: u8) -> Result<Money, AmountError> {
    match parse_plain(text.as_bytes(), decimal) {
        Some(amount) => Ok((amount, None)),
        None => parse_decorated(text, decimal),
    }
}

/// The common case in one pass: a sign, up to eleven digits, a decimal sign, up to six digits.
#[inline]
fn parse_plain(bytes: &[u8], decimal: u8) -> Option<Amount> {
    let (is_negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        all => (false, all),
    };
    if digits.is_empty() || digits.len() > 12 {
        return None;
    }
    let mut value = 0_i64;
    let mut n_decimals = None;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            value = value * 10 + i64::from(digit);
            n_decimals = n_decimals.map(|n: usize| n + 1);
        } else if byte == decimal && n_decimals.is_none() {
            n_decimals = Some(0);
        } else {
            return None;
        }
    }
    const SCALES: [i64; 7] = [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    let n_decimals = n_decimals.unwrap_or(0);
    if digits.len() == 1 && n_decimals == 0 && !digits[0].is_ascii_digit() {
        return None;
    }
    let micros = value * SCALES.get(n_decimals)?;
    Some(Amount(if is_negative { -micros } else { micros }))
}

/// Symbols and codes before or after the figure, blanks, and the long tails of floats.
#[cold]
fn parse_decorated(text: &str, decimal: u8) -> Result<Money, AmountError> {
    let is_figure = |c: char| c.is_ascii_digit() || c == '.' || c == ',';
    let (Some(first), Some(last)) = (text.find(is_figure), text.rfind(is_figure)) else {
        return Err(AmountError::NotANumber);
    };
    let (before, figure, after) = (&text[..first], &text[first..=last], &text[last + 1..]);
    let mut signs = String::new();
    let mut symbol = String::new();
    for c in before.chars().chain(after.chars()) {
        match c {
            '-' | '\u{2212}' | '(' | ')' | '+' => signs.push(c),
            c if c.is_whitespace() => {}
            c => symbol.push(c),
        }
    }
    let currency = match symbol.as_str() {
        "" => None,
        symbol => Some(currency_of_symbol(symbol).ok_or(AmountError::NotANumber)?),
    };
    let is_negative = match signs.as_str() {
        "" | "+" => false,
        "-" | "\u{2212}" | "()" => true,
        _ => return Err(AmountError::NotANumber),
    };
    let figure = figure.replace(['\u{a0}', '\u{202f}'], " ");
    let amount = match Amount::parse(&figure, decimal) {
        Err(AmountError::TooPrecise) if decimal == b'.' => from_float_noise(&figure)?,
        parsed => parsed?,
    };
    Ok((if is_negative { Amount(-amount.0) } else { amount }, currency))
}

/// `2.5500000000000003` is what a float of 2.55 looks like after a sum. A figure of fifteen or more
/// digits is such a float; a shorter one was written by hand, and is not rounded.
fn from_float_noise(figure: &str) -> Result<Amount, AmountError> {
    let n_digits = figure.bytes().filter(u8::is_ascii_digit).count();
    if n_digits < 15 {
        return Err(AmountError::TooPrecise);
    }
    let value: f64 = figure.parse().map_err(|_| AmountError::NotANumber)?;
    Amount::from_f64(value)
}

/// Symbols that name one currency, or one that is meant nearly always (`$`).
pub(crate) fn currency_of_symbol(symbol: &str) -> Option<Currency> {
    let code = match symbol {
        "£" | "GB£" => "GBP",
        "€" => "EUR",
        "$" | "US$" => "USD",
        "¥" => "JPY",
        "₹" | "Rs" | "Rs." => "INR",
        "zł" => "PLN",
        "₽" => "RUB",
        "₺" => "TRY",
        "₩" => "KRW",
        "R$" => "BRL",
        "C$" | "CA$" => "CAD",
        "A$" | "AU$" => "AUD",
        "Fr." | "SFr." => "CHF",
        "₫" => "VND",
        "฿" => "THB",
        "₴" => "UAH",
        "Kč" => "CZK",
        code => return (code.len() == 3).then(|| Currency::parse(code)).flatten(),
    };
    Currency::parse(code)
}

/// `.` or `,`, by how the sample writes its numbers; the flag says whether anything speaks for it.
pub(crate) fn detect_decimal<'a>(values: impl Iterator<Item = &'a str>) -> (u8, bool) {
    let (mut n_dot, mut n_comma) = (0_usize, 0_usize);
    for value in values {
        let Some(at) = value.rfind(['.', ',']) else { continue };
        let sign = value.as_bytes()[at];
        let n_after = value[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
        let n_same = value.bytes().filter(|&byte| byte == sign).count();
        let has_other = value[..at].contains(if sign == b'.' { ',' } else { '.' });
        // Three digits behind the only sign may be thousands; that speaks for nothing.
        let is_decimal = n_same == 1 && (n_after != 3 || has_other);
        match (sign, is_decimal) {
            (b'.', true) => n_dot += 1,
            (b',', true) => n_comma += 1,
            _ => {}
        }
    }
    (if n_comma > n_dot { b',' } else { b'.' }, n_dot != n_comma)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, decimal: u8, expected: &str) {
        let got = match read_money(Cell::from_text(text), decimal) {
            Ok(None) => "absent".to_owned(),
            Ok(Some((amount, None))) => amount.to_string(),
            Ok(Some((amount, Some(currency)))) => format!("{amount} {currency}"),
            Err(fault) => fault.advice(),
        };
        assert_eq!(got, expected, "for {text:?}");
    }

    #[test]
    fn amounts_of_exports() {
        check("2.55", b'.', "2.55");
        check("-6", b'.', "-6");
        check("£2.55", b'.', "2.55 GBP");
        check("-£2.55", b'.', "-2.55 GBP");
        check("£-2.55", b'.', "-2.55 GBP");
        check("$1,234.50", b'.', "1234.5 USD");
        check("1.234,50 €", b',', "1234.5 EUR");
        check("EUR 5", b'.', "5 EUR");
        check("5,00", b',', "5");
        check("(12.50)", b'.', "-12.5");
        check("1\u{a0}234,50", b',', "1234.5");
        check("2.5500000000000003", b'.', "2.55");
        check("", b'.', "absent");
        check("nan", b'.', "absent");
    }

    #[test]
    fn what_is_no_amount() {
        check("abc", b'.', "not a number");
        check(".", b'.', "not a number");
        check("-", b'.', "not a number");
        check("1.1234567", b'.', "more than six decimals");
        check("--1", b'.', "not a number");
        check("5 apples", b'.', "not a number");
        check("1000000001", b'.', "beyond 1,000,000,000, which cannot be meant");
        check("-99999999999", b'.', "beyond 1,000,000,000, which cannot be meant");
        check("99999999999999999999999", b'.', "too large: the limit is ±9,223,372,036,854");
    }

    #[test]
    fn the_short_way_equals_the_long_way() {
        for text in ["0", "7.", ".5", "00.10", "123456789.12", "-0.000001", "12.3456", "-7"] {
            let short = parse_plain(text.as_bytes(), b'.').unwrap();
            assert_eq!(short, Amount::parse(text, b'.').unwrap(), "{text}");
        }
    }

    #[test]
    fn decimal_sign_of_a_sample() {
        assert_eq!(detect_decimal(["2,55", "1.234,50"].into_iter()), (b',', true));
        assert_eq!(detect_decimal(["2.55", "1,234"].into_iter()), (b'.', true));
        assert_eq!(detect_decimal(["1,234", "5"].into_iter()), (b'.', false));
        assert_eq!(detect_decimal(["1.234.567,5"].into_iter()), (b',', true));
    }
}
