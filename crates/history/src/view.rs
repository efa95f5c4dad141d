//! Immutable views of what happened: what learners read.

use events::lines::NO_TIME;
use events::{Amount, Currency, ItemKind, Timestamp};
use sparse::Csr;
use std::collections::HashMap;

/// The dense index of an absent customer (an anonymous basket).
pub const NO_CUSTOMER: u32 = u32::MAX;

/// So few baskets at an end may be wrong: a hundredth, which leaves a small store its few,
const FEW_SHARE: usize = 100;
/// and no more than these: a large store has come back to life by then.
const MAX_FEW: usize = 100;
/// They are when they take more than this part of the time of the others.
const FAR_SHARE: i64 = 10;

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

    /// Gives baskets dated after `now` this time, and says how many; their order stays.
    pub fn hold_back(&mut self, now: Timestamp) -> usize {
        let ahead = self.at.iter_mut().filter(|at| **at > now);
        ahead.map(|at| *at = now).count()
    }

    /// First and last time of the baskets that have one; `None` when none has.
    ///
    /// A few that stand far apart at either end do not count: 1 % of the baskets, no more than 100,
    /// when they take more than a tenth of the time of all others. Told from the very last basket,
    /// one wrong date, or the first order after a long pause, would make everything else old.
    pub fn usual_span(&self) -> Option<(Timestamp, Timestamp)> {
        let mut known: Vec<i64> =
            self.at.iter().filter(|&&at| at != NO_TIME).map(|at| at.0).collect();
        let (&first, &last) = (known.iter().min()?, known.iter().max()?);
        let n_few = (known.len() / FEW_SHARE).min(MAX_FEW);
        let last_at = known.len().checked_sub(n_few + 1)?;
        let (_, &mut most_last, _) = known.select_nth_unstable(last_at);
        let (_, &mut most_first, _) = known.select_nth_unstable(n_few);
        let far = most_last.saturating_sub(most_first) / FAR_SHARE;
        let is_far = |from: i64, to: i64| to.saturating_sub(from) > far;
        Some((
            Timestamp(if is_far(first, most_first) { most_first } else { first }),
            Timestamp(if is_far(most_last, last) { most_last } else { last }),
        ))
    }

    /// Days from each basket to the end of the usual span; 0 for those after it. One without a
    /// time is as old as the beginning of that span; without any times all are of today.
    pub fn ages_days(&self) -> Vec<f64> {
        let Some((first, last)) = self.usual_span() else {
            return vec![0.0; self.len()];
        };
        let known = |at: Timestamp| if at == NO_TIME { first } else { at.min(last) };
        self.at.iter().map(|&at| last.days_since(known(at))).collect()
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

/// Which segment each customer belongs to, by the attribute [`SEGMENT`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerSegments {
    pub names: Vec<Box<str>>,
    /// Place of the name; [`NO_SEGMENT`] for the others, and beyond the end.
    pub of_customer: Vec<u32>,
}

/// The attribute of customers that names their segment.
pub const SEGMENT: &str = "segment";
/// Of a customer without a segment.
pub const NO_SEGMENT: u32 = u32::MAX;

impl CustomerSegments {
    /// Of customers and their segments, in rising order of customers; empty names are none.
    pub fn of<'n>(rows: impl IntoIterator<Item = (u32, &'n str)>) -> CustomerSegments {
        let mut segments = CustomerSegments::default();
        let mut places: HashMap<Box<str>, u32> = HashMap::new();
        for (customer, name) in rows {
            let name = name.trim();
            if name.is_empty() {
                continue;
            }
            let place = places.get(name).copied().unwrap_or_else(|| {
                let place = segments.names.len() as u32;
                segments.names.push(name.into());
                places.insert(name.into(), place);
                place
            });
            segments.of_customer.resize(customer as usize, NO_SEGMENT);
            segments.of_customer.push(place);
        }
        segments
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub fn of_customer(&self, customer: u32) -> Option<u32> {
        let place = self.of_customer.get(customer as usize).copied();
        place.filter(|&place| place != NO_SEGMENT)
    }
}

/// Everything that one run of `learn` reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryView {
    pub items: Vec<ItemEntry>,
    pub baskets: Baskets,
    /// Customer indices in `baskets` are below this. Who refused that anything personal is read of
    /// them has no baskets: theirs are a guest's.
    pub n_customers: u32,
    /// As they are today; of who refused there is none.
    pub segments: CustomerSegments,
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
        assert_eq!((untimed.baskets.usual_span(), view(&[]).baskets.usual_span()), (None, None));
    }

    #[test]
    fn a_few_wrong_dates_make_nothing_old() {
        let days: Vec<Option<i64>> = (0..400).map(Some).collect();
        let sound = view(&days).baskets.ages_days();
        let wrong = [Some(-14_000), Some(-13_000)];
        let late = [Some(30_000), Some(i64::MAX / DAY_US)];
        let mixed: Vec<Option<i64>> = wrong.into_iter().chain(days).chain(late).collect();
        let ages = view(&mixed).baskets.ages_days();
        assert_eq!(ages[402..], [0.0, 0.0]);
        for (age, sound) in ages[2..402].iter().zip(&sound) {
            assert!((age - sound).abs() <= 2.0, "{age} days, {sound} without the wrong dates");
        }
    }

    #[test]
    fn sound_dates_all_count_and_more_than_a_hundred_are_no_mistake() {
        let with_ahead = |n: usize| {
            let mut days: Vec<Option<i64>> = (0..30_000).map(Some).collect();
            days[30_000 - n..].fill(Some(90_000));
            view(&days).baskets.usual_span().unwrap().1
        };
        assert_eq!(with_ahead(0), Timestamp(29_999 * DAY_US));
        assert_eq!(with_ahead(100), Timestamp(29_899 * DAY_US));
        assert_eq!(with_ahead(101), Timestamp(90_000 * DAY_US));
    }
}
