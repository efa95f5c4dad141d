//! Immutable views of what happened: what learners read.

use events::lines::NO_TIME;
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
    /// [`NO_TIME`] for a basket of a file without times: these come first.
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

    /// Days from each basket to the newest. One without a time is as old as the oldest that has
    /// one; without any times all are of today.
    pub fn ages_days(&self) -> Vec<f64> {
        let known = || self.at.iter().copied().filter(|&at| at != NO_TIME);
        let (Some(oldest), Some(newest)) = (known().min(), known().max()) else {
            return vec![0.0; self.len()];
        };
        self.at.iter().map(|&at| newest.days_since(at.max(oldest))).collect()
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

    /// First and last basket time, `None` without baskets that have one.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let mut known = self.baskets.at.iter().filter(|&&at| at != NO_TIME);
        let first = *known.next()?;
        Some((first, known.next_back().copied().unwrap_or(first)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::time::DAY_US;

    fn view(days: &[Option<i64>]) -> HistoryView {
        let at = days.iter().map(|day| day.map_or(NO_TIME, |day| Timestamp(day * DAY_US)));
        let baskets = Baskets {
            items: days.iter().map(|_| [0]).collect(),
            at: at.collect(),
            customers: vec![NO_CUSTOMER; days.len()],
        };
        HistoryView { baskets, ..HistoryView::default() }
    }

    #[test]
    fn baskets_without_a_time_are_no_part_of_the_span_and_as_old_as_the_oldest() {
        let mixed = view(&[None, None, Some(3), Some(10)]);
        assert_eq!(mixed.span(), Some((Timestamp(3 * DAY_US), Timestamp(10 * DAY_US))));
        assert_eq!(mixed.baskets.ages_days(), [7.0, 7.0, 7.0, 0.0]);
        let untimed = view(&[None, None]);
        assert_eq!(untimed.span(), None);
        assert_eq!(untimed.baskets.ages_days(), [0.0, 0.0]);
        assert_eq!(view(&[Some(4)]).span(), Some((Timestamp(4 * DAY_US), Timestamp(4 * DAY_US))));
        assert_eq!((view(&[]).span(), view(&[]).baskets.ages_days()), (None, vec![]));
    }
}
