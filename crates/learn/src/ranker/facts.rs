//! The tables that the ranker's features are made from: ages and habits of items, what customers
//! bought when, and baskets for nearest neighbors.

use history::{HistoryView, NO_CUSTOMER};
use score::ranker::tables::names;
use snapshot::{Rows, SnapshotWriter};
use sparse::Csr;

/// Baskets kept for neighbors, the newest.
const MAX_BASKETS: usize = 200_000;
/// Longer baskets tell little and cost much.
const MAX_BASKET_ITEMS: usize = 500;
/// Newest baskets looked at for one item of a cart.
const MAX_BASKETS_OF_ITEM: usize = 1_000;
/// Purchases kept of one customer, as in the table of customers.
const MAX_PURCHASES: usize = 1_000;

/// Writes the sections `rank.*` that do not depend on any training. `length_exponent`: p in |b|^-p,
/// the weight of a near basket.
pub fn write(view: &HistoryView, length_exponent: f64, writer: &mut SnapshotWriter) {
    if view.baskets.is_empty() {
        return;
    }
    let purchases = purchases_of(view);
    writer.add(names::ITEMS, &item_facts(view, &purchases));
    write_baskets(view, length_exponent as f32, writer);
    write_customers(view, purchases, writer);
}

/// Days before the end of the usual span.
fn ages(view: &HistoryView) -> Vec<f32> {
    view.baskets.ages_days().into_iter().map(|days| days as f32).collect()
}

/// (item, baskets, days since the last) of each customer, by item.
type Purchases = Vec<Vec<(u32, u32, f32)>>;

fn purchases_of(view: &HistoryView) -> Purchases {
    let ages = ages(view);
    let mut rows: Purchases = vec![Vec::new(); view.n_customers as usize];
    for (basket, items) in view.baskets.items.view().rows().enumerate() {
        let customer = view.baskets.customers[basket];
        if customer != NO_CUSTOMER {
            let age = ages[basket];
            rows[customer as usize].extend(items.iter().map(|&item| (item, 1, age)));
        }
    }
    for row in &mut rows {
        row.sort_by_key(|(item, _, _)| *item);
        row.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                kept.1 += next.1;
                kept.2 = kept.2.min(next.2);
            }
            is_same
        });
    }
    rows
}

fn item_facts(view: &HistoryView, purchases: &Purchases) -> Vec<f32> {
    let n_items = view.n_items();
    let ages = ages(view);
    let mut facts = vec![[0.0_f32, f32::MAX, 0.0, 0.0]; n_items];
    let mut n_baskets = vec![0_u32; n_items];
    for (basket, items) in view.baskets.items.view().rows().enumerate() {
        let length = (items.len().max(1) as f32).ln();
        for &item in items {
            let fact = &mut facts[item as usize];
            fact[0] = fact[0].max(ages[basket]);
            fact[1] = fact[1].min(ages[basket]);
            fact[2] += length;
            n_baskets[item as usize] += 1;
        }
    }
    let mut buyers = vec![[0_u32; 2]; n_items];
    for &(item, count, _) in purchases.iter().flatten() {
        buyers[item as usize][0] += 1;
        buyers[item as usize][1] += u32::from(count > 1);
    }
    for (item, fact) in facts.iter_mut().enumerate() {
        fact[2] /= n_baskets[item].max(1) as f32;
        fact[3] = buyers[item][1] as f32 / buyers[item][0].max(1) as f32;
        if n_baskets[item] == 0 {
            *fact = [0.0; 4];
        }
    }
    facts.concat()
}

/// The weight of a basket is half recency (over the whole span) and half length, |b|^-p; p = ½ is
/// the cosine.
fn write_baskets(view: &HistoryView, length_exponent: f32, writer: &mut SnapshotWriter) {
    let ages = ages(view);
    let span = ages.iter().copied().fold(0.0, f32::max).max(1.0);
    let rows = view.baskets.items.view();
    let from = view.baskets.len().saturating_sub(MAX_BASKETS);
    let mut baskets = Csr::default();
    let mut weights: Vec<f32> = Vec::new();
    let mut baskets_of: Vec<Vec<u32>> = vec![Vec::new(); view.n_items()];
    for (basket, &age_days) in ages.iter().enumerate().skip(from) {
        let items = rows.row(basket);
        if items.len() < 2 || items.len() > MAX_BASKET_ITEMS {
            continue;
        }
        items.iter().for_each(|&item| baskets_of[item as usize].push(weights.len() as u32));
        baskets.push_row(items);
        weights.push((-age_days / span).exp2() / (items.len() as f32).powf(length_exponent));
    }
    let mut postings = Csr::default();
    for row in baskets_of {
        postings.push_row(&row[row.len().saturating_sub(MAX_BASKETS_OF_ITEM)..]);
    }
    writer.add(names::BASKET_OFFSETS, &baskets.offsets);
    writer.add(names::BASKET_ITEMS, &baskets.indices);
    writer.add(names::BASKET_WEIGHTS, &weights);
    writer.add(names::POSTING_OFFSETS, &postings.offsets);
    writer.add(names::POSTING_BASKETS, &postings.indices);
}

fn write_customers(view: &HistoryView, purchases: Purchases, writer: &mut SnapshotWriter) {
    let ages = ages(view);
    // Baskets, first and last age.
    let mut spans = vec![(0_u32, 0.0_f32, f32::MAX); view.n_customers as usize];
    for (basket, &customer) in view.baskets.customers.iter().enumerate() {
        if customer != NO_CUSTOMER {
            let span = &mut spans[customer as usize];
            *span = (span.0 + 1, span.1.max(ages[basket]), span.2.min(ages[basket]));
        }
    }
    let facts: Vec<f32> = spans
        .into_iter()
        .flat_map(|(n, first, last)| match n {
            0 => [0.0; 3],
            1 => [1.0, last, 0.0],
            n => [n as f32, last, (first - last) / (n - 1) as f32],
        })
        .collect();
    let mut rows = Csr::default();
    let mut values: Vec<[f32; 2]> = Vec::new();
    for mut row in purchases {
        // The newest, should there be too many.
        row.sort_by(|a, b| a.2.total_cmp(&b.2).then(a.0.cmp(&b.0)));
        row.truncate(MAX_PURCHASES);
        rows.push_row(&row.iter().map(|purchase| purchase.0).collect::<Vec<u32>>());
        values.extend(row.iter().map(|&(_, count, age)| [count as f32, age]));
    }
    Rows::write(writer, names::PURCHASES, &rows, &values);
    writer.add(names::CUSTOMERS, &facts);
}
