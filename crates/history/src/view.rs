//! Immutable views of what happened: what learners read.

use events::{Amount, Currency, ItemKind, Timestamp};
use sparse::Csr;

/// The dense index of an absent customer (an anonymous basket).
pub const NO_CUSTOMER: u32 = u32::MAX;

/// One catalogue entry as the learners see it; its position in [`HistoryView::items`] is its dense
/// index. Positions are the same from view to view of one store: items are only ever appended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemEntry {
    pub id: Box<str>,
    pub title: Option<Box<str>>,
    pub kind: ItemKind,
    pub category: Option<Box<str>>,
    pub price: Option<Amount>,
    pub cost: Option<Amount>,
    pub currency: Option<Currency>,
    pub stock: Option<i64>,
    pub hidden: bool,
    pub sensitive: bool,
    /// Dense index of the family's head.
    pub variant_of: Option<u32>,
    pub image_url: Option<Box<str>>,
}

/// Baskets in order of (first time, order id as text), each a rising list of distinct item indices
/// net of returns: fees, returned items and lines that are no sales are left out. All columns have
/// one entry a basket.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baskets {
    pub items: Csr,
    pub at: Vec<Timestamp>,
    /// Dense customer index or [`NO_CUSTOMER`].
    pub customers: Vec<u32>,
}

impl Baskets {
    pub fn len(&self) -> usize {
        self.at.len()
    }

    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// The first `n` baskets, for splits by time.
    pub fn prefix(&self, n: usize) -> Baskets {
        let n = n.min(self.len());
        let offsets = self.items.offsets[..=n].to_vec();
        let n_entries = offsets[n] as usize;
        Baskets {
            items: Csr { offsets, indices: self.items.indices[..n_entries].to_vec() },
            at: self.at[..n].to_vec(),
            customers: self.customers[..n].to_vec(),
        }
    }
}

/// Everything that one run of `learn` reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryView {
    pub items: Vec<ItemEntry>,
    pub baskets: Baskets,
    /// Customer indices in `baskets` are below this.
    pub n_customers: u32,
    /// What the view was made from: segment names, rows, last event; goes into the provenance.
    pub provenance: Vec<(String, String)>,
}

impl HistoryView {
    pub fn n_items(&self) -> usize {
        self.items.len()
    }

    /// First and last basket time, `None` without baskets.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        Some((*self.baskets.at.first()?, *self.baskets.at.last()?))
    }
}
