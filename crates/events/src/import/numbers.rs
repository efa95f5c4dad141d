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
    /// Reads only with this decimal sign, which is not that of the file.
    OtherDecimal(u8),
}

impl NumberFault {
    pub(crate) fn advice(self) -> String {
        match self {
            NumberFault::Unreadable(error) => error.to_string(),
            NumberFault::OtherDecimal(sign) => {
                format!("which reads only with a decimal {}", sign_name(sign))
            }
            NumberFault::Absurd => "beyond 1,000,000,000, which cannot be meant".to_owned(),
        }
    }
}

/// What `--decimal` calls it.
pub(crate) fn sign_name(decimal: u8) -> &'static str {
    if decimal == b',' { "comma" } else { "point" }
}

/// The code or symbol beside a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beside {
    pub currency: Currency,
    /// Other countries write theirs with the same symbol.
    pub is_shared: bool,
}

/// An amount with the currency that stands beside it.
pub(crate) type Money = (Amount, Option<Beside>);

/// `None` for an absent cell.
#[inline]
pub(crate) fn read_money(cell: Cell<'_>, decimal: u8) -> Result<Option<Money>, NumberFault> {
    let (amount, currency) = match cell {
        Cell::Absent => return Ok(None),
        Cell::Text(text) => match parse_money(text, decimal) {
            Ok(money) => money,
            Err(error) => return Err(explain(text, decimal, error)),
        },
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

/// Would the text be a number with the other decimal sign?
#[cold]
fn explain(text: &str, decimal: u8, error: AmountError) -> NumberFault {
    let other = if decimal == b',' { b'.' } else { b',' };
    match parse_money(text, other) {
        Ok(_) => NumberFault::OtherDecimal(other),
        Err(_) => NumberFault::Unreadable(error),
    }
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
    let (before, figure, mut after) = (&text[..first], &text[first..=last], &text[last + 1..]);
    if figure.ends_with(['.', ',']) {
        // `5,-` has no cents; `5-` is below zero.
        after = after.trim_start_matches(['-', '\u{2013}', '\u{2014}']);
    }
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

/// A symbol, or a code of ISO 4217 in capitals: small letters are words (`all`, `top`, `try`).
fn currency_of_symbol(symbol: &str) -> Option<Beside> {
    let (code, is_shared) = match symbol {
        "£" => ("GBP", true),
        "$" => ("USD", true),
        "¥" => ("JPY", true),
        "Rs" | "Rs." | "₨" => ("INR", true),
        "GB£" | "gbp" => ("GBP", false),
        "€" | "eur" | "Eur" | "euro" | "Euro" | "EURO" => ("EUR", false),
        "US$" | "usd" => ("USD", false),
        "₹" => ("INR", false),
        "zł" => ("PLN", false),
        "₽" => ("RUB", false),
        "₺" => ("TRY", false),
        "₩" => ("KRW", false),
        "R$" => ("BRL", false),
        "C$" | "CA$" => ("CAD", false),
        "A$" | "AU$" => ("AUD", false),
        "Fr." | "SFr." | "chf" => ("CHF", false),
        "₫" => ("VND", false),
        "฿" => ("THB", false),
        "₴" => ("UAH", false),
        "Kč" => ("CZK", false),
        code if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) => (code, false),
        _ => return None,
    };
    let currency = Currency::parse(code).filter(|currency| currency.is_known())?;
    Some(Beside { currency, is_shared })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, decimal: u8, expected: &str) {
        let got = match read_money(Cell::from_text(text), decimal) {
            Ok(None) => "absent".to_owned(),
            Ok(Some((amount, None))) => amount.to_string(),
            Ok(Some((amount, Some(beside)))) => format!("{amount} {}", beside.currency),
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
        check("3.10 SEK", b'.', "3.1 SEK");
        check("1.234,50 €", b',', "1234.5 EUR");
        check("EUR 5", b'.', "5 EUR");
        check("5,00", b',', "5");
        check("(12.50)", b'.', "-12.5");
        check("1\u{a0}234,50", b',', "1234.5");
        check("2.5500000000000003", b'.', "2.55");
        check("5,-", b',', "5");
        check("5.\u{2013}", b'.', "5");
        check("5-", b'.', "-5");
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
        check("3.10 NET", b'.', "not a number");
        check("3 all", b'.', "not a number");
        check("2,50", b'.', "which reads only with a decimal comma");
        check("2.50", b',', "which reads only with a decimal point");
        check("12.345.678", b'.', "which reads only with a decimal comma");
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
}
