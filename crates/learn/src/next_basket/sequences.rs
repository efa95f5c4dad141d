//! The baskets of all customers in order of time, owned.

use events::lines::NO_TIME;
use history::{Baskets, HistoryView, NO_CUSTOMER};
use score::next_basket::SequencesView;
use score::next_basket::own::{NO_DAY, day_of};
use sparse::Csr;

/// Baskets by customer; see [`SequencesView`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequences {
    pub first_basket: Vec<u32>,
    pub baskets: Csr,
    /// Day of each basket since 1970, or [`NO_DAY`].
    pub days: Vec<i32>,
    /// Rises with the time of each customer's newest basket; 0 without one.
    pub newest: Vec<u32>,
}

impl Default for Sequences {
    fn default() -> Sequences {
        let (days, newest) = (Vec::new(), Vec::new());
        Sequences { first_basket: vec![0], baskets: Csr::default(), days, newest }
    }
}

impl Sequences {
    pub fn view(&self) -> SequencesView<'_> {
        SequencesView::new(&self.first_basket, self.baskets.view())
    }

    /// The next customer's baskets, oldest first, of which nobody knows the time.
    pub fn push<B: AsRef<[u32]>>(&mut self, baskets: impl IntoIterator<Item = B>) {
        let newest = self.first_basket.len() as u32;
        self.push_dated(baskets.into_iter().map(|basket| (basket, NO_DAY)), newest);
    }

    /// The same with the day of each, and what rises with the time of the newest.
    pub fn push_dated<B: AsRef<[u32]>>(
        &mut self,
        baskets: impl IntoIterator<Item = (B, i32)>,
        newest: u32,
    ) {
        for (basket, day) in baskets {
            self.baskets.push_row(basket.as_ref());
            self.days.push(day);
        }
        let end = self.days.len() as u32;
        let has_any = self.first_basket.last().is_some_and(|&begin| begin < end);
        self.newest.push(if has_any { newest } else { 0 });
        self.first_basket.push(end);
    }

    /// Baskets of known customers, each customer's last `max_baskets` of at most `max_items`:
    /// longer ones tell little and cost much.
    pub fn of(history: &HistoryView, max_baskets: usize, max_items: usize) -> Sequences {
        let baskets = &history.baskets;
        let view = baskets.items.view();
        let mut sequences = Sequences::default();
        for mut rows in rows_of(history) {
            rows.retain(|&row| view.range(row as usize).len() <= max_items);
            let kept = &rows[rows.len().saturating_sub(max_baskets)..];
            let newest = kept.last().map_or(0, |&row| row + 1);
            let dated = |&row: &u32| (view.row(row as usize), day(baskets, row));
            sequences.push_dated(kept.iter().map(dated), newest);
        }
        sequences
    }

    /// Every customer's baskets but the last `n`.
    #[must_use]
    pub fn without_last(&self, n: usize) -> Sequences {
        let view = self.view();
        let mut earlier = Sequences::default();
        for customer in 0..view.n_customers() as u32 {
            let rows = view.range(customer);
            let n_kept = rows.len().saturating_sub(n);
            let dated = |row: u32| (view.basket(row), self.days[row as usize]);
            earlier.push_dated(rows.take(n_kept).map(dated), self.newest[customer as usize]);
        }
        earlier
    }

    /// The `n` customers whose newest baskets are the newest, by their indices.
    pub fn newest_customers(&self, n: usize) -> Vec<u32> {
        let has_any = |&customer: &u32| self.newest[customer as usize] > 0;
        let mut customers: Vec<u32> = (0..self.newest.len() as u32).filter(has_any).collect();
        customers.sort_by_key(|&c| (std::cmp::Reverse(self.newest[c as usize]), c));
        customers.truncate(n);
        customers.sort_unstable();
        customers
    }
}

/// Rows of each customer's baskets, oldest first.
pub(super) fn rows_of(view: &HistoryView) -> Vec<Vec<u32>> {
    let mut rows_of: Vec<Vec<u32>> = vec![Vec::new(); view.n_customers as usize];
    for (row, &customer) in (0_u32..).zip(&view.baskets.customers) {
        if customer != NO_CUSTOMER {
            rows_of[customer as usize].push(row);
        }
    }
    rows_of
}

/// The day of a basket since 1970.
pub(super) fn day(baskets: &Baskets, row: u32) -> i32 {
    match baskets.at[row as usize] {
        NO_TIME => NO_DAY,
        at => day_of(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Timestamp;

    #[test]
    fn baskets_are_grouped_by_customer_and_cut_from_both_ends() {
        let mut items = Csr::default();
        for row in [&[1][..], &[2, 3], &[4], &[5], &[6]] {
            items.push_row(row);
        }
        let baskets = Baskets {
            items,
            at: (0..5).map(Timestamp).collect(),
            customers: vec![2, 0, NO_CUSTOMER, 2, 2],
        };
        let view = HistoryView { baskets, n_customers: 3, ..HistoryView::default() };
        let sequences = Sequences::of(&view, 2, 2);
        let lists = |sequences: &Sequences| -> Vec<Vec<Vec<u32>>> {
            (0..3)
                .map(|c| sequences.view().of(c).iter().map(|basket| basket.to_vec()).collect())
                .collect()
        };
        assert_eq!(lists(&sequences), [vec![vec![2, 3]], vec![], vec![vec![5], vec![6]]]);
        assert_eq!(lists(&sequences.without_last(1)), [vec![], vec![], vec![vec![5]]]);
        assert_eq!((&sequences.newest[..], &sequences.days[..]), (&[2, 0, 5][..], &[0, 0, 0][..]));
        assert_eq!(sequences.newest_customers(1), [2]);
        assert_eq!(sequences.newest_customers(9), [0, 2]);
        let short = Sequences::of(&view, 2, 1);
        assert_eq!(lists(&short), [vec![], vec![], vec![vec![5], vec![6]]]);
        assert_eq!(lists(&sequences.without_last(9)), vec![Vec::<Vec<u32>>::new(); 3]);
    }

    #[test]
    fn the_end_of_an_owner_skips_customers_without_baskets() {
        let mut sequences = Sequences::default();
        sequences.push([[1], [2]]);
        sequences.push::<[u32; 1]>([]);
        sequences.push([[3]]);
        let view = sequences.view();
        assert_eq!([0, 1, 2].map(|basket| view.end_of_owner(basket)), [2, 2, 3]);
    }
}
