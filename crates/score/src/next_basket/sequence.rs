//! Baskets of customers in order of time.

use sparse::CsrView;

/// One customer's baskets, oldest first, each a list of distinct items.
pub type Sequence<'a> = &'a [&'a [u32]];

/// The baskets of all customers: those of customer c are the rows
/// `first_basket[c]..first_basket[c + 1]` of `baskets`.
#[derive(Clone, Copy, Debug)]
pub struct SequencesView<'a> {
    first_basket: &'a [u32],
    baskets: CsrView<'a>,
}

impl<'a> SequencesView<'a> {
    /// # Panics
    /// When `first_basket` does not end at the number of baskets.
    pub fn new(first_basket: &'a [u32], baskets: CsrView<'a>) -> SequencesView<'a> {
        assert_eq!(
            first_basket.last().map(|&end| end as usize),
            Some(baskets.n_rows()),
            "every basket belongs to a customer"
        );
        SequencesView { first_basket, baskets }
    }

    pub fn n_customers(&self) -> usize {
        self.first_basket.len() - 1
    }

    pub fn n_baskets(&self) -> usize {
        self.baskets.n_rows()
    }

    /// Rows of the customer's baskets.
    #[inline]
    pub fn range(&self, customer: u32) -> std::ops::Range<u32> {
        self.first_basket[customer as usize]..self.first_basket[customer as usize + 1]
    }

    #[inline]
    pub fn basket(&self, basket: u32) -> &'a [u32] {
        self.baskets.row(basket as usize)
    }

    /// The row after the last basket of the customer whose basket this is.
    #[inline]
    pub fn end_of_owner(&self, basket: u32) -> u32 {
        self.first_basket[self.first_basket.partition_point(|&first| first <= basket)]
    }

    pub fn baskets(&self) -> CsrView<'a> {
        self.baskets
    }

    /// All baskets of a customer, oldest first.
    pub fn of(&self, customer: u32) -> Vec<&'a [u32]> {
        self.range(customer).map(|basket| self.basket(basket)).collect()
    }
}
