//! Items that the shop sells together for less.

use crate::diagnostic::Diagnostic;
use crate::facts::{Facts, ItemTable};
use crate::in_force::InForce;
use crate::predicate::{Predicate, Sight};
use crate::set::PolicySet;
use crate::table::PolicyTable;
use crate::truth::Truth;
use events::{Amount, Currency, Timestamp, amount::MICROS};
use std::collections::HashMap;
use std::ops::Range;

/// One bundle of a file.
#[derive(Clone, Debug)]
pub struct Bundle {
    pub name: String,
    /// Two or more, each once.
    pub item_ids: Vec<Box<str>>,
    pub price: BundlePrice,
    /// Asks of the request alone.
    pub when: Option<Predicate>,
    /// One bit a placement.
    pub placements: u16,
    pub valid_from: Option<Timestamp>,
    /// From then on it is not sold so.
    pub valid_until: Option<Timestamp>,
    pub owner: Option<String>,
    pub comment: Option<String>,
    /// The name in the file.
    pub span: Range<usize>,
}

/// What a bundle costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BundlePrice {
    /// Less by so many millionths of the sum.
    Off(i64),
    /// So much, whatever the items cost; without a currency, in theirs.
    Fixed(Amount, Option<Currency>),
}

/// Prices are told to the hundredth of a unit.
const CENT: i64 = MICROS / 100;

impl BundlePrice {
    /// Of items that cost `sum` by themselves, in a currency; what a discount leaves is rounded
    /// down to the hundredth, in the customer's favour. `None`: it would not be less.
    pub fn of(self, sum: Amount, currency: Option<Currency>) -> Option<Amount> {
        let price = match self {
            BundlePrice::Off(millionths) => {
                let left = i128::from(sum.0) * i128::from(MICROS - millionths);
                let left = i64::try_from(left / i128::from(MICROS)).ok()?;
                Amount(left - left.rem_euclid(CENT))
            }
            BundlePrice::Fixed(_, told) if told.is_some() && told != currency => return None,
            BundlePrice::Fixed(price, _) => price,
        };
        (Amount::ZERO < price && price < sum).then_some(price)
    }
}

/// The bundles of a table by item: those of which all items are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct BundleIndex {
    items: Vec<Vec<u32>>,
    of_item: HashMap<u32, Vec<u16>>,
}

impl BundleIndex {
    pub(crate) fn of(set: &PolicySet, items: &dyn ItemTable) -> BundleIndex {
        let mut index = BundleIndex::default();
        for (at, bundle) in set.bundles.iter().enumerate() {
            let known = bundle.item_ids.iter().map(|id| items.find(id));
            let known = known.collect::<Option<Vec<u32>>>().unwrap_or_default();
            for item in &known {
                index.of_item.entry(*item).or_default().push(at as u16);
            }
            index.items.push(known);
        }
        index
    }
}

impl PolicyTable {
    pub fn has_bundles(&self) -> bool {
        !self.set().bundles.is_empty()
    }

    pub fn bundle(&self, bundle: u16) -> &Bundle {
        &self.set().bundles[usize::from(bundle)]
    }

    /// Its items; empty where one is not known.
    pub fn items_of_bundle(&self, bundle: u16) -> &[u32] {
        &self.bundle_index().items[usize::from(bundle)]
    }

    /// Bundles that an item is part of, in the order of the file.
    pub fn bundles_with(&self, item: u32) -> &[u16] {
        self.bundle_index().of_item.get(&item).map_or(&[], Vec::as_slice)
    }
}

impl InForce<'_> {
    /// Is it known that the bundle is sold, here and now?
    pub fn is_sold(&self, bundle: u16) -> bool {
        let (bundle, facts) = (self.table.bundle(bundle), self.facts);
        bundle.placements & (1 << facts.placement) != 0
            && is_valid_at(bundle, facts.now) == Truth::True
            && holds(bundle, facts) == Truth::True
    }
}

fn holds(bundle: &Bundle, facts: &Facts<'_>) -> Truth {
    let sight = Sight { item: None, facts: Some(facts) };
    bundle.when.as_ref().map_or(Truth::True, |when| when.ask(&sight))
}

fn is_valid_at(bundle: &Bundle, now: Option<Timestamp>) -> Truth {
    crate::set::is_within(bundle.valid_from, bundle.valid_until, now)
}

/// What the catalogue tells of bundles: items that nobody knows, prices that are none.
pub(crate) fn review(set: &PolicySet, items: &dyn ItemTable, found: &mut Vec<Diagnostic>) {
    for bundle in &set.bundles {
        let warn = |message: String, mend: &str| {
            Diagnostic::warning(bundle.span.clone(), message).mend(mend)
        };
        let unknown: Vec<&str> =
            bundle.item_ids.iter().map(|id| &**id).filter(|id| items.find(id).is_none()).collect();
        if !unknown.is_empty() {
            let message = format!("no item has the id {}", unknown.join(", "));
            found.push(warn(message, "until all are known the bundle is not offered"));
            continue;
        }
        let known = || bundle.item_ids.iter().filter_map(|id| items.find(id));
        let Some((sum, currency)) = sum_of(items, known()) else {
            let message = "not all of its items have a price in one currency".to_owned();
            found.push(warn(message, "until they have, the bundle is not offered"));
            continue;
        };
        let Some(price) = bundle.price.of(sum, currency) else {
            let message =
                format!("its price is not below {sum}, what the items cost by themselves");
            found.push(warn(message, "as it is, the bundle is not offered"));
            continue;
        };
        if let Some(cost) = cost_of(items, known())
            && price <= cost
        {
            let message = format!("it is sold for {price}, and its items cost the shop {cost}");
            found.push(warn(message, "a bundle that earns nothing is not offered"));
        }
    }
}

/// What items cost by themselves; `None` where one has no price, or another currency.
pub fn sum_of(
    items: &dyn ItemTable,
    bundle: impl Iterator<Item = u32>,
) -> Option<(Amount, Option<Currency>)> {
    let mut sum: Option<(Amount, Option<Currency>)> = None;
    for item in bundle {
        let (price, currency) = (items.price(item)?, items.currency(item));
        sum = Some(match sum {
            None => (price, currency),
            Some((before, known)) if known == currency => (before.checked_add(price)?, currency),
            Some(_) => return None,
        });
    }
    sum
}

/// What items cost the shop, in the currency of their prices; `None` where one is not known.
pub fn cost_of(items: &dyn ItemTable, bundle: impl Iterator<Item = u32>) -> Option<Amount> {
    bundle.map(|item| items.cost(item)).try_fold(Amount::ZERO, |sum, cost| sum.checked_add(cost?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discount_is_rounded_in_the_customers_favour() {
        let cents = |n: i64| Amount(n * CENT);
        let euro = Currency::parse("EUR");
        assert_eq!(BundlePrice::Off(100_000).of(cents(1_399), euro), Some(cents(1_259)));
        assert_eq!(BundlePrice::Off(0).of(cents(1_399), euro), None, "no less");
        assert_eq!(BundlePrice::Off(999_999).of(cents(99), euro), None, "nothing is left");
        assert_eq!(
            BundlePrice::Fixed(cents(1_000), None).of(cents(1_399), euro),
            Some(cents(1_000))
        );
        assert_eq!(BundlePrice::Fixed(cents(1_399), None).of(cents(1_399), euro), None);
        let dollars = BundlePrice::Fixed(cents(1_000), Currency::parse("USD"));
        assert_eq!(dollars.of(cents(1_399), euro), None, "another currency");
        let all = BundlePrice::Off(500_000).of(Amount(i64::MAX), euro);
        assert!(all.is_some_and(|half| half.0 > i64::MAX / 2 - CENT), "{all:?}");
    }
}
