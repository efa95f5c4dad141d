//! Catalogue, customer and holding records. A field that is `None` leaves what is known unchanged;
//! what is to be known no more stands in [`ItemRecord::cleared`].

use crate::{Amount, Currency, Relation, Timestamp};

/// What an item is. `Fee` (postage, bank charges, manual adjustments) is never offered and gives
/// no evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ItemKind {
    #[default]
    Good = 0,
    Service = 1,
    Account = 2,
    Menu = 3,
    Fee = 4,
}

impl ItemKind {
    pub const ALL: [ItemKind; 5] =
        [ItemKind::Good, ItemKind::Service, ItemKind::Account, ItemKind::Menu, ItemKind::Fee];

    pub fn as_str(self) -> &'static str {
        match self {
            ItemKind::Good => "good",
            ItemKind::Service => "service",
            ItemKind::Account => "account",
            ItemKind::Menu => "menu",
            ItemKind::Fee => "fee",
        }
    }

    pub fn parse(text: &str) -> Option<ItemKind> {
        ItemKind::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text.trim()))
    }

    pub fn from_code(code: u8) -> Option<ItemKind> {
        ItemKind::ALL.get(usize::from(code)).copied()
    }
}

/// A field of an item that may be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ItemField {
    Title = 1,
    Category = 1 << 1,
    Price = 1 << 2,
    Cost = 1 << 3,
    Currency = 1 << 4,
    Stock = 1 << 5,
    ImageUrl = 1 << 6,
    Url = 1 << 7,
}

/// Fields that are known no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClearedFields(u8);

impl ClearedFields {
    pub fn add(&mut self, field: ItemField) {
        self.0 |= field as u8;
    }

    pub fn has(self, field: ItemField) -> bool {
        self.0 & field as u8 != 0
    }

    /// One bit a field, by the numbers of [`ItemField`].
    pub fn bits(self) -> u8 {
        self.0
    }
}

/// A catalogue entry, whole or in part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemRecord {
    pub item_id: String,
    pub title: Option<String>,
    pub kind: Option<ItemKind>,
    /// Path from the root, ` > ` between levels.
    pub category: Option<String>,
    pub price: Option<Amount>,
    pub cost: Option<Amount>,
    pub currency: Option<Currency>,
    /// Units at hand; 0 is out of stock; items without a figure count as in stock.
    pub stock: Option<i64>,
    pub hidden: Option<bool>,
    pub variant_of: Option<String>,
    pub sensitive: Option<bool>,
    pub image_url: Option<String>,
    pub url: Option<String>,
    /// Everything else, as written.
    pub attributes: Vec<(String, String)>,
    /// Fields that are `None` above and are to be forgotten, not left as they are.
    pub cleared: ClearedFields,
}

/// A customer, whole or in part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomerRecord {
    pub customer_id: String,
    /// `Some(false)`: nothing personal is read or kept.
    pub consent: Option<bool>,
    pub attributes: Vec<(String, String)>,
}

/// An item that a customer has now.
#[derive(Clone, Debug, PartialEq)]
pub struct HoldingRecord {
    pub customer_id: String,
    pub item_id: String,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// How one item stands to another, as people say it: `to_item_id` is what stands to the anchor
/// `from_item_id`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RelationRecord {
    pub from_item_id: String,
    pub to_item_id: String,
    /// `None`: what was declared of the pair is withdrawn.
    pub relation: Option<Relation>,
    /// Who says so: a list, a system, a person. Empty: whoever brings the record.
    pub source: String,
    pub note: Option<String>,
    pub valid_from: Option<Timestamp>,
    /// The first moment without it.
    pub valid_until: Option<Timestamp>,
}
