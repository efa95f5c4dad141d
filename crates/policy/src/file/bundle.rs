//! What a file says of bundles.

use super::Reader;
use super::placement::{CostIn, read_cost};
use crate::bundle::{Bundle, BundlePrice};
use crate::diagnostic::Diagnostic;
use crate::set::PolicySet;
use events::amount::MICROS;
use hashbrown::HashSet;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

/// More are a catalogue of their own.
const MAX_BUNDLES: usize = 2_000;
const MAX_ITEMS: usize = 10;
/// More would be given away.
const MAX_DISCOUNT_PERCENT: f64 = 90.0;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BundleIn {
    name: Spanned<String>,
    item_ids: Spanned<Vec<String>>,
    discount_percent: Option<Spanned<f64>>,
    price: Option<Spanned<CostIn>>,
    when: Option<Spanned<String>>,
    placements: Option<Spanned<Vec<Spanned<String>>>>,
    valid_from: Option<Spanned<Datetime>>,
    valid_until: Option<Spanned<Datetime>>,
    owner: Option<String>,
    comment: Option<String>,
}

impl Reader<'_> {
    pub(super) fn read_bundles(&mut self, bundles: &[BundleIn], set: &mut PolicySet) {
        if let Some(first) = bundles.get(MAX_BUNDLES) {
            let message = format!("{} bundles; the limit is {MAX_BUNDLES}", bundles.len());
            self.error(first.name.span(), message, "keep those that are sold often");
            return;
        }
        self.check_bundle_names(bundles);
        for bundle in bundles {
            self.check_items(bundle);
            let price = self.bundle_price(bundle);
            let when = bundle.when.as_ref().and_then(|when| self.condition(when));
            if let (Some(text), Some(when)) = (&bundle.when, &when)
                && when.scope().item
            {
                let message = "`when` of a bundle asks about items";
                self.error(text.span(), message, "its items stand in `item_ids`");
            }
            let item_ids = bundle.item_ids.get_ref();
            let checked = Bundle {
                name: bundle.name.get_ref().clone(),
                item_ids: item_ids.iter().map(|id| id.as_str().into()).collect(),
                price: price.unwrap_or(BundlePrice::Off(0)),
                when,
                placements: self.placements(bundle.placements.as_ref()),
                valid_from: self.time(bundle.valid_from.as_ref(), false),
                valid_until: self.time(bundle.valid_until.as_ref(), true),
                owner: bundle.owner.clone(),
                comment: bundle.comment.clone(),
                span: bundle.name.span(),
            };
            if let (Some(from), Some(until)) = (checked.valid_from, checked.valid_until)
                && until <= from
            {
                let mend = "`valid_until` is the first moment without";
                self.error(bundle.name.span(), "it ends before it begins", mend);
            }
            set.bundles.push(checked);
        }
    }

    fn check_bundle_names(&mut self, bundles: &[BundleIn]) {
        let mut seen = HashSet::new();
        for bundle in bundles {
            let name = bundle.name.get_ref().as_str();
            if name.trim().is_empty() || super::MAX_NAME_BYTES < name.len() {
                let message = format!("a name has 1 to {} bytes", super::MAX_NAME_BYTES);
                self.error(bundle.name.span(), message, "customers are told it");
            }
            if !seen.insert(name) {
                let message = format!("two bundles have the name {name:?}");
                self.error(bundle.name.span(), message, "records quote names: give it its own");
            }
        }
    }

    fn check_items(&mut self, bundle: &BundleIn) {
        let ids = bundle.item_ids.get_ref();
        if !(2..=MAX_ITEMS).contains(&ids.len()) {
            let message = format!("a bundle has 2 to {MAX_ITEMS} items, this one {}", ids.len());
            self.error(bundle.item_ids.span(), message, "item_ids = [\"burger\", \"fries\"]");
        }
        let mut seen = HashSet::new();
        if let Some(twice) = ids.iter().find(|id| !seen.insert(id.as_str())) {
            let message = format!("{twice:?} stands there twice");
            self.error(bundle.item_ids.span(), message, "a bundle holds each item once");
        }
    }

    fn bundle_price(&mut self, bundle: &BundleIn) -> Option<BundlePrice> {
        match (&bundle.discount_percent, &bundle.price) {
            (Some(percent), None) => {
                let value = *percent.get_ref();
                if !(value > 0.0 && value <= MAX_DISCOUNT_PERCENT) {
                    let message =
                        format!("a discount is above 0 and at most {MAX_DISCOUNT_PERCENT}");
                    self.error(percent.span(), message, "10: a tenth of the sum");
                    return None;
                }
                let millionths = (value / 100.0 * MICROS as f64).round() as i64;
                Some(BundlePrice::Off(millionths))
            }
            (None, Some(price)) => {
                let read = read_cost(price.get_ref()).filter(|(amount, _)| 0 < amount.0);
                if read.is_none() {
                    let mend = "a number, or a text with the currency: \"9.90 EUR\"";
                    self.error(price.span(), "this is no amount of money above 0", mend);
                }
                read.map(|(amount, currency)| BundlePrice::Fixed(amount, currency))
            }
            (Some(_), Some(price)) => {
                let message = "a bundle has a price or a discount, not both";
                self.error(price.span(), message, "leave one of them out");
                None
            }
            (None, None) => {
                let message = "what does the bundle cost?";
                let mend = "discount_percent = 10, or price = \"9.90 EUR\"";
                self.found.push(Diagnostic::error(bundle.name.span(), message).mend(mend));
                None
            }
        }
    }
}
