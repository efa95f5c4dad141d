//! What offers bring of each customer, where that could be told: written from arrays, checked whole
//! when opened.

use crate::container::{Container, Section};
use crate::tables::NO_AMOUNT;
use crate::{Error, SnapshotWriter};
use events::{Amount, Currency};

/// Section names.
mod names {
    pub(super) const OF_CUSTOMER: &str = "uplift.of_customer";
    pub(super) const CURRENCY: &str = "uplift.currency";
}

/// What is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpliftTable {
    /// By row of the customer; `None` for who is not known well enough, and beyond the end.
    pub of_customer: Vec<Option<Amount>>,
    /// `None`: the shop tells none.
    pub currency: Option<Currency>,
}

impl UpliftTable {
    pub fn write(&self, writer: &mut SnapshotWriter) {
        if self.of_customer.is_empty() {
            return;
        }
        let micros = |amount: &Option<Amount>| amount.map_or(NO_AMOUNT, |amount| amount.0);
        writer.add(names::OF_CUSTOMER, &self.of_customer.iter().map(micros).collect::<Vec<_>>());
        if let Some(currency) = self.currency {
            writer.add(names::CURRENCY, currency.as_str().as_bytes());
        }
    }
}

/// The sections of an opened snapshot; empty where nothing could be told.
#[derive(Debug)]
pub(crate) struct UpliftSections {
    of_customer: Section<i64>,
    currency: Option<Currency>,
}

impl UpliftSections {
    pub(crate) fn open(c: &Container) -> Result<UpliftSections, Error> {
        let code: Section<u8> = c.section(names::CURRENCY)?;
        let currency = match c.view(&code) {
            [] => None,
            code => {
                let code = std::str::from_utf8(code).ok().and_then(Currency::parse);
                Some(code.ok_or_else(|| c.corrupt("the currency of the uplift is none".into()))?)
            }
        };
        Ok(UpliftSections { of_customer: c.section(names::OF_CUSTOMER)?, currency })
    }

    #[inline]
    pub(crate) fn view<'a>(&'a self, container: &'a Container) -> Uplift<'a> {
        let of_customer = container.view(&self.of_customer);
        Uplift { of_customer, currency: self.currency }
    }
}

/// What a snapshot knows of who responds to offers.
#[derive(Clone, Copy, Debug)]
pub struct Uplift<'a> {
    of_customer: &'a [i64],
    pub currency: Option<Currency>,
}

impl Uplift<'_> {
    /// Nothing could be told of anybody.
    pub fn is_empty(&self) -> bool {
        self.of_customer.is_empty()
    }

    /// The revenue that offers bring of a customer, by their row; negative for who is put off.
    pub fn of_customer(&self, customer: u32) -> Option<Amount> {
        let micros = *self.of_customer.get(customer as usize)?;
        (micros != NO_AMOUNT).then_some(Amount(micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Snapshot;
    use crate::fixture::full_writer;

    fn table() -> UpliftTable {
        let of_customer = vec![Some(Amount(2_500_000)), None, Some(Amount(-1)), Some(Amount(0))];
        UpliftTable { of_customer, currency: Currency::parse("EUR") }
    }

    fn opened(table: &UpliftTable) -> Snapshot {
        let mut writer = full_writer();
        table.write(&mut writer);
        Snapshot::from_writer(&writer).expect("a sound table")
    }

    #[test]
    fn uplift_comes_back_as_written() {
        let snapshot = opened(&table());
        let uplift = snapshot.uplift();
        let of = [0, 1, 2, 3, 4].map(|row| uplift.of_customer(row).map(|amount| amount.0));
        assert_eq!(of, [Some(2_500_000), None, Some(-1), Some(0), None]);
        assert_eq!(uplift.currency, Currency::parse("EUR"));
        let without = opened(&UpliftTable { currency: None, ..table() });
        assert_eq!((without.uplift().currency, without.uplift().is_empty()), (None, false));
    }

    #[test]
    fn a_snapshot_without_the_table_knows_nobody() {
        let snapshot = opened(&UpliftTable::default());
        assert!(snapshot.uplift().is_empty() && snapshot.uplift().of_customer(0).is_none());
    }

    #[test]
    fn a_currency_that_is_none_is_refused() {
        let mut writer = full_writer();
        table().write(&mut writer);
        writer.remove(names::CURRENCY);
        writer.add(names::CURRENCY, b"E1");
        let error = Snapshot::from_writer(&writer).expect_err("no currency").to_string();
        assert!(error.contains("currency"), "{error}");
    }
}
