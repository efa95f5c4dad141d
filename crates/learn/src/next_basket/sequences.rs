//! The baskets of all customers in order of time, owned.

use history::{Baskets, NO_CUSTOMER};
use score::next_basket::SequencesView;
use sparse::Csr;

/// Baskets by customer; see [`SequencesView`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequences {
    pub first_basket: Vec<u32>,
    pub baskets: Csr,
}

impl Default for Sequences {
    fn default() -> Sequences {
        Sequences { first_basket: vec![0], baskets: Csr::default() }
    }
}

impl Sequences {
    pub fn view(&self) -> SequencesView<'_> {
        SequencesView::new(&self.first_basket, self.baskets.view())
    }

    /// The next customer's baskets, oldest first.
    pub fn push<B: AsRef<[u32]>>(&mut self, baskets: impl IntoIterator<Item = B>) {
        baskets.into_iter().for_each(|basket| self.baskets.push_row(basket.as_ref()));
        self.first_basket.push(self.baskets.view().n_rows() as u32);
    }

    /// Baskets of known customers, each customer's last `max_baskets`.
    pub fn of(baskets: &Baskets, n_customers: usize, max_baskets: usize) -> Sequences {
        let mut rows_of: Vec<Vec<u32>> = vec![Vec::new(); n_customers];
        for (row, &customer) in (0_u32..).zip(&baskets.customers) {
            if customer != NO_CUSTOMER {
                rows_of[customer as usize].push(row);
            }
        }
        let view = baskets.items.view();
        let mut sequences = Sequences::default();
        for rows in rows_of {
            let newest = &rows[rows.len().saturating_sub(max_baskets)..];
            sequences.push(newest.iter().map(|&row| view.row(row as usize)));
        }
        sequences
    }

    /// Every customer's baskets but the last `n`.
    #[must_use]
    pub fn without_last(&self, n: usize) -> Sequences {
        let view = self.view();
        let mut earlier = Sequences::default();
        for customer in 0..view.n_customers() as u32 {
            let baskets = view.of(customer);
            earlier.push(&baskets[..baskets.len().saturating_sub(n)]);
        }
        earlier
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
        let sequences = Sequences::of(&baskets, 3, 2);
        let lists = |sequences: &Sequences| -> Vec<Vec<Vec<u32>>> {
            (0..3)
                .map(|c| sequences.view().of(c).iter().map(|basket| basket.to_vec()).collect())
                .collect()
        };
        assert_eq!(lists(&sequences), [vec![vec![2, 3]], vec![], vec![vec![5], vec![6]]]);
        assert_eq!(lists(&sequences.without_last(1)), [vec![], vec![], vec![vec![5]]]);
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
