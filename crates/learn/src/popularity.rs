//! Sales with trend: baskets of an item, halved in weight each half-life.
//!
//! `trend[i] = Σ_{b ∋ i} 0.5^(age of b / half-life)`; the half-life is short (a month, or a sixth
//! of the data's span if that is less), so that what sells now ranks above what sold once. Every
//! item that sold is in the ranking: weights end above 0 (see `recency`), so what sold before many
//! half-lives follows in order of its plain number of baskets.

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

#[cfg(test)]
mod tests {
    use super::*;
    use events::Timestamp;
    use events::time::DAY_US;
    use history::{Baskets, ItemEntry, NO_CUSTOMER};

    fn view(rows: &[(&[u32], i64)], n_items: usize) -> HistoryView {
        HistoryView {
            items: vec![ItemEntry::default(); n_items],
            baskets: Baskets {
                items: rows.iter().map(|(items, _)| items).collect(),
                at: rows.iter().map(|(_, day)| Timestamp(day * DAY_US)).collect(),
                customers: vec![NO_CUSTOMER; rows.len()],
            },
            ..HistoryView::default()
        }
    }

    #[test]
    fn one_order_after_years_leaves_the_others_popular() {
        let mut rows: Vec<(&[u32], i64)> = vec![(&[1], 0), (&[0, 2], 1), (&[2], 2)];
        rows.push((&[3], 20_000));
        let few = view(&rows, 5);
        // What sold just now, then the rest by their number of baskets.
        assert_eq!(ranking(&trend(&few, Some(30.0))), [3, 2, 0, 1]);
        let old: &[u32] = &[0, 1];
        let mut rows: Vec<(&[u32], i64)> = (0..200).map(|day| (old, day)).collect();
        rows.push((&[3], 20_000));
        // One of two hundred: no reason to take the others for old.
        let many = trend(&view(&rows, 5), Some(30.0));
        assert_eq!(ranking(&many), [0, 1, 3]);
        assert!(many[0] > 30.0 && many[3] == 1.0, "{many:?}");
    }
}
