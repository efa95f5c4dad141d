//! How the numbers of a file are written and what its prices are in: decided on the sample, and
//! for each row by that decision.

use std::collections::BTreeMap;

use super::cell::Cell;
use super::columns::{Field, FileKind};
use super::field_read::{Fault, shown};
use super::numbers::{Beside, Money, read_money, sign_name};
use super::plan::{CurrencyPlan, Format, ImportPlan};
use super::sample_table::SampleTable;
use crate::{Currency, RejectReason};

/// Columns whose values show the decimal sign.
pub(crate) const NUMBERS: [Field; 6] = [
    Field::UnitPrice,
    Field::LineTotal,
    Field::Quantity,
    Field::Cost,
    Field::RegularPrice,
    Field::Stock,
];
/// Columns beside whose values a currency may stand.
pub(crate) const PRICES: [Field; 4] =
    [Field::UnitPrice, Field::LineTotal, Field::Cost, Field::RegularPrice];

/// Why numbers are read with this decimal sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalEvidence {
    /// No number of the sample has one.
    NotNeeded,
    Told,
    /// Numbers that read in one way only.
    Figures,
    /// Every number of the sample reads both ways.
    Assumed,
}

impl DecimalEvidence {
    pub fn as_str(self) -> &'static str {
        match self {
            DecimalEvidence::NotNeeded => "assumed: no number has one",
            DecimalEvidence::Told => "as told",
            DecimalEvidence::Figures => "the numbers show it",
            DecimalEvidence::Assumed => "assumed: the numbers read both ways",
        }
    }

    /// Nothing in the sample shows the sign: the rest of the file may.
    pub(crate) fn is_open_to_doubt(self) -> bool {
        matches!(self, DecimalEvidence::NotNeeded | DecimalEvidence::Assumed)
    }
}

/// `.` or `,`, by how the sample writes its numbers. Where nothing shows it, a semicolon between
/// columns speaks for the comma, for programs write it where the comma is taken.
pub(crate) fn plan_decimal<'v, I: Iterator<Item = &'v str>>(
    is_semicolon: bool,
    values: impl Fn() -> I,
) -> (u8, DecimalEvidence) {
    let (mut n_point, mut n_comma, mut n_both_ways) = (0_usize, 0_usize, 0_usize);
    for value in values() {
        let Some(at) = value.rfind(['.', ',']) else { continue };
        let n_after = value[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
        if n_after == 0 {
            continue;
        }
        let sign = value.as_bytes()[at];
        let n_same = value.bytes().filter(|&byte| byte == sign).count();
        let has_other = value[..at].contains(if sign == b'.' { ',' } else { '.' });
        // Three digits behind the only sign may be thousands; what stands twice is.
        match (sign, n_same, n_after) {
            (b'.', 1, n) if n != 3 || has_other => n_point += 1,
            (_, 1, n) if n != 3 || has_other => n_comma += 1,
            (_, 1, _) => n_both_ways += 1,
            (b'.', ..) => n_comma += 1,
            _ => n_point += 1,
        }
    }
    if n_point != n_comma {
        return (if n_comma > n_point { b',' } else { b'.' }, DecimalEvidence::Figures);
    }
    let decimal = if is_semicolon && n_point == 0 { b',' } else { b'.' };
    let evidence = match n_both_ways + n_point {
        0 => DecimalEvidence::NotNeeded,
        _ => DecimalEvidence::Assumed,
    };
    (decimal, evidence)
}

/// The currencies that stand beside the prices of a sample.
#[derive(Debug, Default)]
pub(crate) struct BesidePrices {
    n_prices: usize,
    /// How often, and an example.
    by_currency: BTreeMap<Currency, (usize, Beside, String)>,
}

impl BesidePrices {
    /// Values that are no prices count for nothing.
    pub(crate) fn of<'v>(values: impl Iterator<Item = &'v str>, decimal: u8) -> BesidePrices {
        let mut prices = BesidePrices::default();
        for value in values {
            let Ok(Some((_, beside))) = read_money(Cell::from_text(value), decimal) else {
                continue;
            };
            prices.n_prices += 1;
            let Some(beside) = beside else { continue };
            let entry = prices.by_currency.entry(beside.currency);
            entry.or_insert_with(|| (0, beside, value.trim().to_owned())).0 += 1;
        }
        prices
    }

    /// The currency that stands beside half of the prices at least, and no other beside any.
    pub(crate) fn agreed(&self) -> Option<Currency> {
        let mut all = self.by_currency.iter();
        let (currency, (n, ..)) = all.next()?;
        (all.next().is_none() && n * 2 >= self.n_prices).then_some(*currency)
    }

    fn names(&self) -> String {
        self.by_currency.keys().map(Currency::as_str).collect::<Vec<_>>().join(", ")
    }
}

impl Beside {
    /// A dollar is what is told; without that it is meant nearly always to be the American one.
    fn may_mean(self, told: Currency) -> bool {
        let sharing: &[&str] = match self.currency.as_str() {
            "USD" => &[
                "ARS", "AUD", "BBD", "BMD", "BND", "BSD", "BZD", "CAD", "CLP", "COP", "DOP", "FJD",
                "GYD", "HKD", "JMD", "KYD", "LRD", "MXN", "NAD", "NZD", "SBD", "SGD", "SRD", "TTD",
                "TWD", "UYU", "XCD",
            ],
            "GBP" => &["EGP", "FKP", "GIP", "LBP", "SDG", "SHP", "SSP", "SYP"],
            "JPY" => &["CNY"],
            "INR" => &["LKR", "MUR", "NPR", "PKR", "SCR"],
            _ => &[],
        };
        self.currency == told || (self.is_shared && sharing.contains(&told.as_str()))
    }
}

/// What a price is in: by the column of currencies, what stands beside it, what was told or agreed
/// upon in the sample, in this order.
#[inline]
pub(crate) fn currency_of(
    plan: &ImportPlan,
    cell: Cell<'_>,
    money: Option<Money>,
) -> Result<Option<Currency>, Fault> {
    if !cell.is_absent() {
        let Cell::Text(text) = cell else { return Err(no_currency(cell)) };
        let currency = Currency::parse(text).filter(|currency| currency.is_known());
        return currency.map(Some).ok_or_else(|| no_currency(cell));
    }
    let beside = money.and_then(|(_, beside)| beside);
    match (beside, plan.currency) {
        (Some(beside), CurrencyPlan::Told(told))
        | (Some(beside), CurrencyPlan::Column { otherwise: Some(told) }) => {
            if beside.may_mean(told) { Ok(Some(told)) } else { Err(contradicts(beside, told)) }
        }
        (Some(beside), _) => Ok(Some(beside.currency)),
        (None, CurrencyPlan::Told(currency) | CurrencyPlan::Symbol(currency)) => Ok(Some(currency)),
        (None, CurrencyPlan::Column { otherwise }) => Ok(otherwise),
        (None, CurrencyPlan::Unknown) => Ok(None),
    }
}

#[cold]
fn no_currency(cell: Cell<'_>) -> Fault {
    let detail = format!("{} is no currency; write a code of ISO 4217, such as GBP", shown(cell));
    Fault::new(RejectReason::BadCurrency, detail)
}

#[cold]
fn contradicts(beside: Beside, told: Currency) -> Fault {
    let detail = format!(
        "the price is in {}, but --currency says {told}; leave --currency out, or mend the row",
        beside.currency
    );
    Fault::new(RejectReason::BadCurrency, detail)
}

/// What a person should know about the numbers before saying yes.
pub(crate) fn note_money(plan: &ImportPlan, table: &SampleTable, note: &mut impl FnMut(String)) {
    let columns = |fields: &[Field]| -> Vec<usize> {
        fields.iter().filter_map(|field| plan.column_of(*field)).collect()
    };
    let prices = columns(&PRICES);
    if !prices.is_empty() {
        let values = prices.iter().flat_map(|&column| table.values(column));
        note_currency(plan, &BesidePrices::of(values, plan.decimal), note);
    }
    if !columns(&NUMBERS).is_empty() {
        note_decimal(plan, note);
    }
}

fn note_currency(plan: &ImportPlan, prices: &BesidePrices, note: &mut impl FnMut(String)) {
    match plan.currency {
        CurrencyPlan::Told(told) | CurrencyPlan::Column { otherwise: Some(told) } => {
            for (currency, (_, beside, example)) in &prices.by_currency {
                if !beside.may_mean(told) {
                    note(format!(
                        "prices in {currency}, such as {example}, contradict --currency {told}: \
                         their rows are set aside"
                    ));
                }
            }
        }
        CurrencyPlan::Unknown if prices.by_currency.len() > 1 => note(format!(
            "prices are in several currencies ({}): each counts in its own, and where none stands \
             beside a price its currency is not known",
            prices.names()
        )),
        CurrencyPlan::Unknown if prices.by_currency.len() == 1 => note(format!(
            "few prices name their currency ({}): that of the others is not known; tell it with \
             --currency",
            prices.names()
        )),
        CurrencyPlan::Unknown if plan.kind == FileKind::Orders => {
            note("the currency is not known: tell it with --currency".into());
        }
        _ => {}
    }
}

fn note_decimal(plan: &ImportPlan, note: &mut impl FnMut(String)) {
    let is_semicolon = matches!(plan.format, Format::Delimited { delimiter: b';', .. });
    let sign = sign_name(plan.decimal);
    match plan.decimal_evidence {
        DecimalEvidence::Figures if is_semicolon && plan.decimal == b'.' => {
            note("decimal point, though columns are separated by semicolons".into());
        }
        DecimalEvidence::NotNeeded if is_semicolon => note(format!(
            "no number shows the decimal sign: a decimal {sign} is assumed, for columns are \
             separated by semicolons; tell otherwise with --decimal"
        )),
        DecimalEvidence::Assumed => note(format!(
            "numbers read both ways: a decimal {sign} is assumed; tell otherwise with --decimal"
        )),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(is_semicolon: bool, values: &[&str], expected: (char, DecimalEvidence)) {
        let (decimal, evidence) = plan_decimal(is_semicolon, || values.iter().copied());
        assert_eq!((char::from(decimal), evidence), expected, "for {values:?}");
    }

    #[test]
    fn decimal_sign_of_a_sample() {
        use DecimalEvidence::{Assumed, Figures, NotNeeded};
        check(false, &["2,55", "1.234,50"], (',', Figures));
        check(false, &["2.55", "1,234"], ('.', Figures));
        check(false, &["1,234", "5"], ('.', Assumed));
        check(true, &["1,234", "5"], (',', Assumed));
        check(true, &["1,234,567", "5"], ('.', Figures));
        check(false, &["1.234.567,5"], (',', Figures));
        check(false, &["1.234.567"], (',', Figures));
        check(true, &["5", "Rs. 7"], (',', NotNeeded));
        check(true, &["2.5", "2,5"], ('.', Assumed));
        check(false, &[], ('.', NotNeeded));
    }
}
