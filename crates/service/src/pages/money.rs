//! Money as a page shows it.

use decide::words::grouped;
use events::amount::MICROS;
use events::{Amount, Currency};

/// `£1,234.50`; with an unknown symbol `1,234.50 SEK`. At least two decimals, more where the
/// amount has them.
pub(crate) fn show(amount: Amount, currency: Option<Currency>) -> String {
    let micros = amount.0.unsigned_abs();
    let units = grouped(micros / MICROS as u64);
    let decimals = format!("{:06}", micros % MICROS as u64);
    let n_decimals = decimals.trim_end_matches('0').len().max(2);
    let number = format!("{units}.{}", &decimals[..n_decimals]);
    let sign = if amount.is_negative() { "-" } else { "" };
    let code = currency.map(|currency| currency.to_string()).unwrap_or_default();
    match symbol(&code) {
        Some(symbol) => format!("{sign}{symbol}{number}"),
        None if code.is_empty() => format!("{sign}{number}"),
        None => format!("{sign}{number} {code}"),
    }
}

fn symbol(code: &str) -> Option<&'static str> {
    match code {
        "GBP" => Some("£"),
        "EUR" => Some("€"),
        "USD" => Some("$"),
        "JPY" => Some("¥"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_in_their_currency() {
        let show = |text: &str, code: &str| {
            super::show(Amount::parse(text, b'.').unwrap(), Currency::parse(code))
        };
        assert_eq!(show("2.55", "GBP"), "£2.55");
        assert_eq!(show("1234.5", "EUR"), "€1,234.50");
        assert_eq!(show("-3", "SEK"), "-3.00 SEK");
        assert_eq!(show("0.125", ""), "0.125");
    }
}
