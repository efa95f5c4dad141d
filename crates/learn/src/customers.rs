//! What each customer bought: recency-weighted frequency of each item.
//!
//! `weight[u][i] = Σ 0.5^(age / half-life)` over the baskets of `u` with `i`: 1 for an item bought
//! once, in one of the newest baskets. Ranking divides by the customer's largest weight, so a
//! later moment of asking changes nothing: all weights fade alike.

use crate::recency;
use history::{Baskets, NO_CUSTOMER};
use rayon::prelude::*;
use snapshot::tables::{MAX_CUSTOMER_ITEMS, names};
use snapshot::{Rows, SnapshotWriter};
use sparse::Csr;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomerTable {
    pub items: Csr,
    pub weights: Vec<f32>,
}

impl CustomerTable {
    pub fn write(&self, writer: &mut SnapshotWriter) {
        Rows::write(writer, names::CUSTOMERS, &self.items, &self.weights);
    }
}

pub fn learn(baskets: &Baskets, n_customers: usize, half_life_days: Option<f64>) -> CustomerTable {
    let recencies = recency::weights(baskets, half_life_days);
    let mut rows: Vec<Vec<(u32, f32)>> = vec![Vec::new(); n_customers];
    for (basket, items) in baskets.items.view().rows().enumerate() {
        let customer = baskets.customers[basket];
        if customer == NO_CUSTOMER {
            continue;
        }
        let weight = recencies[basket] as f32;
        rows[customer as usize].extend(items.iter().map(|&item| (item, weight)));
    }
    rows.par_iter_mut().for_each(merge);
    let mut table = CustomerTable::default();
    for row in rows {
        let items: Vec<u32> = row.iter().map(|(item, _)| *item).collect();
        table.items.push_row(&items);
        table.weights.extend(row.iter().map(|(_, weight)| *weight));
    }
    table
}

/// Adds up equal items (stable: in order of baskets) and keeps the heaviest.
fn merge(row: &mut Vec<(u32, f32)>) {
    row.sort_by_key(|(item, _)| *item);
    row.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        if is_same {
            kept.1 += next.1;
        }
        is_same
    });
    row.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    row.truncate(MAX_CUSTOMER_ITEMS);
    row.shrink_to_fit();
}
