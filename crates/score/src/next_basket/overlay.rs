//! Vectors of customers who bought since the tables were made: they take the place of the old
//! ones in every search, without training anew.

use super::customer_vector::{TifuParams, vector_of};
use super::sequence::Sequence;
use hashbrown::HashMap;
use sparse::{Accumulator, TopK};

/// Whose next basket is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The customer's index, when the tables hold the customer.
    pub customer: Option<u32>,
    /// All baskets of the customer, those after the tables were made included.
    pub sequence: Sequence<'a>,
    pub overlay: &'a Overlay,
}

/// A changed vector, in rising order of items.
#[derive(Clone, Debug, Default, PartialEq)]
struct Changed {
    items: Vec<u32>,
    weights: Vec<f32>,
    squared_norm: f32,
}

/// Changed vectors by customer. Searched one by one: meant for what a day brings, not for all.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    changed: HashMap<u32, Changed>,
}

impl Overlay {
    /// Takes in a customer's whole sequence with the new basket at its end. O(items of it).
    pub fn put(
        &mut self,
        customer: u32,
        sequence: Sequence<'_>,
        params: &TifuParams,
        sums: &mut Accumulator,
    ) {
        let vector = vector_of(sequence, params, sums);
        let changed = Changed {
            items: vector.iter().map(|&(item, _)| item).collect(),
            weights: vector.iter().map(|&(_, weight)| weight).collect(),
            squared_norm: vector.iter().map(|&(_, weight)| weight * weight).sum(),
        };
        self.changed.insert(customer, changed);
    }

    pub fn is_empty(&self) -> bool {
        self.changed.is_empty()
    }

    #[inline]
    pub fn has(&self, customer: u32) -> bool {
        !self.changed.is_empty() && self.changed.contains_key(&customer)
    }

    /// Items and weights of a changed customer.
    #[inline]
    pub fn vector(&self, customer: u32) -> Option<(&[u32], &[f32])> {
        if self.changed.is_empty() {
            return None;
        }
        self.changed.get(&customer).map(|changed| (&changed.items[..], &changed.weights[..]))
    }

    pub(super) fn push_nearest(&self, query: &[(u32, f32)], exclude: Option<u32>, best: &mut TopK) {
        for (&customer, changed) in &self.changed {
            if Some(customer) != exclude && !changed.items.is_empty() {
                let dot = dot_of(query, &changed.items, &changed.weights);
                best.push(customer, 2.0 * dot - changed.squared_norm);
            }
        }
    }
}

/// Both in rising order of items.
fn dot_of(query: &[(u32, f32)], items: &[u32], weights: &[f32]) -> f32 {
    let mut at = 0;
    let mut dot = 0.0;
    for &(item, weight) in query {
        at += items[at..].partition_point(|&other| other < item);
        if items.get(at) == Some(&item) {
            dot += weight * weights[at];
        }
    }
    dot
}
