//! What the learner made of all customers' baskets.

use super::basket_index::BasketIndex;
use super::customer_index::{CustomerIndex, UpcfParams};
use super::customer_vector::TifuParams;
use super::habit::Renewal;
use super::rows::WeightedRows;
use crate::left_out::LeftOut;
use bytemuck::{Pod, Zeroable};

/// Counts of one item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct ItemFacts {
    pub n_customers: u32,
    pub n_baskets: u32,
    /// Baskets that are the newest of their customer.
    pub n_newest: u32,
    /// Baskets that are the newest but one of their customer.
    pub n_second: u32,
    /// Chances that a customer who had it had to buy it again.
    pub n_chances: u32,
    pub renewal: Renewal,
    /// ln of the rank by baskets, and by newest baskets.
    pub log_rank: f32,
    pub log_newest_rank: f32,
}

/// Views on everything that features are made of.
#[derive(Clone, Copy, Debug)]
pub struct Tables<'a> {
    pub tifu: TifuParams,
    pub upcf: UpcfParams,
    pub customers: CustomerIndex<'a>,
    pub baskets: BasketIndex<'a>,
    /// Item → items in the baskets after, by chance.
    pub transitions: WeightedRows<'a>,
    pub items: &'a [ItemFacts],
    /// h(n, e) by cell.
    pub hazard: &'a [f32],
    /// Items that were sold, best first: by baskets, and by newest baskets.
    pub popular: &'a [u32],
    pub newest: &'a [u32],
    /// Of [`super::sources::SOURCES`].
    pub left_out: LeftOut,
}

impl Tables<'_> {
    pub fn n_items(&self) -> usize {
        self.items.len()
    }

    pub fn n_customers(&self) -> usize {
        self.customers.n_customers()
    }
}
