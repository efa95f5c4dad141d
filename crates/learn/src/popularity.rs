//! Sales with trend: baskets of an item, halved in weight each half-life.
//!
//! `trend[i] = Σ_{b ∋ i} 0.5^(age of b / half-life)`; the half-life is short (a month, or a sixth
//! of the data's span if that is less), so that what sells now ranks above what sold once.

use crate::recency;
use history::HistoryView;
use snapshot::SnapshotWriter;
use snapshot::tables::names;
use sparse::Csr;
use std::collections::BTreeMap;

/// Recency-weighted sales of each item.
pub fn trend(view: &HistoryView, half_life_days: Option<f64>) -> Vec<f32> {
    let mut trend = vec![0.0_f64; view.n_items()];
    let weights = recency::weights(&view.baskets, half_life_days);
    for (basket, weight) in view.baskets.items.view().rows().zip(weights) {
        for &item in basket {
            trend[item as usize] += weight;
        }
    }
    trend.into_iter().map(|sum| sum as f32).collect()
}

/// Writes the sales of each item and the ranking by them.
pub fn write(trend: &[f32], writer: &mut SnapshotWriter) {
    writer.add(names::TREND, trend);
    writer.add(names::POPULAR, &ranking(trend));
}

/// Items that sold, best first; ties by the smaller index.
pub fn ranking(trend: &[f32]) -> Vec<u32> {
    let mut items: Vec<u32> =
        (0..trend.len() as u32).filter(|&i| trend[i as usize] > 0.0).collect();
    items.sort_by(|&a, &b| trend[b as usize].total_cmp(&trend[a as usize]).then(a.cmp(&b)));
    items
}

/// Category names, the category of each item, and each category's items by trend.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Categories {
    pub names: Vec<Box<str>>,
    /// `u32::MAX` for an item without category.
    pub of_item: Vec<u32>,
    pub items: Csr,
    pub trends: Vec<f32>,
}

pub fn categories(view: &HistoryView, trend: &[f32]) -> Categories {
    let mut items_of: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (item, entry) in view.items.iter().enumerate() {
        if let Some(category) = entry.category.as_deref().filter(|name| !name.trim().is_empty()) {
            items_of.entry(category).or_default().push(item as u32);
        }
    }
    let mut table = Categories { of_item: vec![u32::MAX; view.n_items()], ..Categories::default() };
    for (idx, (name, mut items)) in items_of.into_iter().enumerate() {
        for &item in &items {
            table.of_item[item as usize] = idx as u32;
        }
        items.retain(|&item| trend[item as usize] > 0.0);
        items.sort_by(|&a, &b| trend[b as usize].total_cmp(&trend[a as usize]).then(a.cmp(&b)));
        table.trends.extend(items.iter().map(|&item| trend[item as usize]));
        table.items.push_row(&items);
        table.names.push(name.into());
    }
    table
}
