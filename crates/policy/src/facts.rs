//! What is known when a condition is asked: items, and one request.

use crate::contact::ContactFacts;
use crate::truth::Truth;
use events::{Amount, Currency, ItemKind, Timestamp};
use hashbrown::HashSet;
use jiff::tz::TimeZone;

/// The attribute of a customer that tells whether they may be contacted to sell them something:
/// `true`, `false`; anything else is not known.
pub const MARKETING: &str = "consent.marketing";

/// Reads the value of [`MARKETING`].
pub fn consent_in(value: &str) -> Option<bool> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// Where on their way whoever asks is, told by what they did in this visit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    #[default]
    Browsing,
    /// Came back to something they had looked at.
    Considering,
    /// Something is in the cart.
    Cart,
    Checkout,
    Purchased,
}

/// Names of [`Stage`], in its order.
pub const STAGES: [&str; 5] = ["browsing", "considering", "cart", "checkout", "purchased"];

impl Stage {
    pub fn as_str(self) -> &'static str {
        STAGES[self as usize]
    }

    pub fn parse(name: &str) -> Option<Stage> {
        use Stage::*;
        let at = STAGES.iter().position(|known| *known == name)?;
        Some([Browsing, Considering, Cart, Checkout, Purchased][at])
    }
}

/// The items, as they are this moment. `None`: not known.
pub trait ItemTable {
    fn n_items(&self) -> usize;
    fn find(&self, item_id: &str) -> Option<u32>;
    fn id(&self, item: u32) -> &str;
    fn title(&self, item: u32) -> Option<&str>;
    fn category(&self, item: u32) -> Option<&str>;
    fn kind(&self, item: u32) -> ItemKind;
    fn price(&self, item: u32) -> Option<Amount>;
    fn cost(&self, item: u32) -> Option<Amount>;
    fn stock(&self, item: u32) -> Option<i64>;
    fn currency(&self, item: u32) -> Option<Currency>;
    fn is_sensitive(&self, item: u32) -> bool;
    fn n_orders(&self, item: u32) -> u32;
    fn attribute(&self, item: u32, name: &str) -> Option<&str>;
}

/// One request, as conditions see it.
#[derive(Clone, Debug, Default)]
pub struct Facts<'a> {
    /// Place in [`crate::PLACEMENTS`].
    pub placement: usize,
    pub now: Option<Timestamp>,
    pub channel: Option<&'a str>,
    pub locale: Option<&'a str>,
    pub location: Option<&'a str>,
    pub stage: Option<Stage>,
    pub category: Option<&'a str>,
    pub customer: CustomerFacts<'a>,
    pub cart: CartFacts<'a>,
    /// Of the items in the cart and of those that the page is about, for each attribute that is
    /// asked for: its values. Without an item that has it, nothing is known of it.
    pub anchors: Vec<(&'a str, ItemList<'a>)>,
    /// `None`: nobody can tell what whoever asks was shown.
    pub contact: Option<ContactFacts<'a>>,
    /// Filled in by [`crate::PolicyTable::activate`] where a policy asks for it.
    pub local: Option<LocalTime>,
}

/// Who asks. A guest is not known, and nothing is known of them.
#[derive(Clone, Debug, Default)]
pub struct CustomerFacts<'a> {
    pub is_known: bool,
    pub consent: Option<bool>,
    pub attributes: &'a [(Box<str>, Box<str>)],
    /// `None`: not known.
    pub bought: Option<ItemList<'a>>,
    pub holdings: Option<ItemList<'a>>,
}

/// Ids of items. Hashed, for a policy may ask for every item of a catalog.
#[derive(Clone, Debug, Default)]
pub struct ItemList<'a> {
    ids: HashSet<&'a str>,
    /// There is more than is known here.
    is_partial: bool,
}

impl<'a> ItemList<'a> {
    pub fn add(&mut self, id: &'a str) {
        self.ids.insert(id);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// What is not in the list may be had all the same.
    pub fn set_partial(&mut self) {
        self.is_partial = true;
    }

    pub(crate) fn has(&self, id: &str) -> Truth {
        self.told(self.ids.contains(id))
    }

    pub(crate) fn has_any(&self, wanted: &HashSet<Box<str>>) -> Truth {
        self.told(match wanted.len() < self.ids.len() {
            true => wanted.iter().any(|id| self.ids.contains(&**id)),
            false => self.ids.iter().any(|id| wanted.contains(*id)),
        })
    }

    fn told(&self, is_there: bool) -> Truth {
        match is_there {
            false if self.is_partial => Truth::Unknown,
            is_there => is_there.into(),
        }
    }
}

impl<'a> FromIterator<&'a str> for ItemList<'a> {
    fn from_iter<I: IntoIterator<Item = &'a str>>(ids: I) -> ItemList<'a> {
        ItemList { ids: ids.into_iter().collect(), is_partial: false }
    }
}

impl<'a> CustomerFacts<'a> {
    pub(crate) fn attribute(&self, name: &str) -> Option<&'a str> {
        let found = self.attributes.iter().find(|(known, _)| **known == *name);
        found.map(|(_, value)| &**value)
    }
}

/// What is in the cart.
#[derive(Clone, Debug, Default)]
pub struct CartFacts<'a> {
    /// `None`: a price is missing, or the prices are of several currencies.
    pub total: Option<Amount>,
    pub currency: Option<Currency>,
    pub n_lines: usize,
    pub n_units: Option<Amount>,
    pub item_ids: ItemList<'a>,
    pub categories: Vec<&'a str>,
    /// An item without a category lies in it, or one that nobody knows.
    pub has_unknown_category: bool,
}

/// The time where the shop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    pub hour: i8,
    /// 0: Monday.
    pub weekday: usize,
    pub day: i8,
    pub month: i8,
}

impl LocalTime {
    pub(crate) fn of(now: Timestamp, zone: &TimeZone) -> Option<LocalTime> {
        let there = jiff::Timestamp::from_microsecond(now.0).ok()?.to_zoned(zone.clone());
        Some(LocalTime {
            hour: there.hour(),
            weekday: there.weekday().to_monday_zero_offset() as usize,
            day: there.day(),
            month: there.month(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_that_of_the_shop_also_when_clocks_change() {
        let berlin = TimeZone::get("Europe/Berlin").expect("a zone");
        let hour = |text: &str| {
            let now = Timestamp::parse_rfc3339(text).expect("a time");
            LocalTime::of(now, &berlin).expect("in range").hour
        };
        // On 2026-03-29 clocks go from 2 to 3, on 2026-10-25 from 3 back to 2.
        assert_eq!((hour("2026-03-29T00:59:59Z"), hour("2026-03-29T01:00:00Z")), (1, 3));
        assert_eq!((hour("2026-10-25T00:30:00Z"), hour("2026-10-25T01:30:00Z")), (2, 2));
        assert_eq!(LocalTime::of(Timestamp(i64::MAX), &berlin), None);
        let there = LocalTime::of(Timestamp(0), &TimeZone::UTC).expect("in range");
        assert_eq!(there, LocalTime { hour: 0, weekday: 3, day: 1, month: 1 });
    }
}
