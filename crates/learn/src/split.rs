//! The inner split by time, on which everything is tuned: never on what is evaluated.
//!
//! The first 90 % of baskets train, the last 10 % are asked. In each of these one item is hidden,
//! chosen by a hash of basket and item, so that the same data gives the same cases.

use history::{HistoryView, NO_CUSTOMER};
use snapshot::tables::NONE;

/// Weights are chosen by at most this many test baskets: beyond, the choice hardly changes and time
/// does.
pub(crate) const MAX_CASES: usize = 2_000;
/// At most this many test baskets of one split, chosen by hash: enough for a ranker to find carts
/// of every size among them, however few are large.
const MAX_BASKETS: usize = 12_000;
/// Cases of one basket at the most: each hides another item. One case a basket leaves a weight to
/// the luck of a few hundred draws.
pub(crate) const MAX_VARIANTS: usize = 4;

/// A basket with one item hidden.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What is left of the basket, in the order of a hash.
    pub context: Vec<u32>,
    pub hidden: u32,
    /// [`NONE`] for a customer without training baskets.
    pub customer: u32,
}

/// Training part and cases; `None` when fewer than `min_cases` cases come out.
pub fn inner(view: &HistoryView, seed: u64, min_cases: usize) -> Option<(HistoryView, Vec<Case>)> {
    let (train, cases) = fold(view, 9, seed);
    (cases.len() >= min_cases).then_some((train, cases))
}

/// The first `tenths` tenths of the baskets, and cases from the tenth that follows, in order.
pub fn fold(view: &HistoryView, tenths: usize, seed: u64) -> (HistoryView, Vec<Case>) {
    let [n_train, n_end] = [tenths, tenths + 1].map(|tenths| view.baskets.len() * tenths / 10);
    let train = HistoryView { baskets: view.baskets.prefix(n_train), ..view.clone() };
    let mut is_sold = vec![false; view.n_items()];
    for &item in &train.baskets.items.indices {
        is_sold[item as usize] = true;
    }
    let mut is_known = vec![false; view.n_customers as usize];
    for &customer in train.baskets.customers.iter().filter(|&&c| c != NO_CUSTOMER) {
        is_known[customer as usize] = true;
    }
    let rows = view.baskets.items.view();
    let mut cases: Vec<(u64, Case)> = (n_train..n_end)
        .filter_map(|basket| {
            let sold = |item: &u32| is_sold[*item as usize];
            let mut items: Vec<u32> = rows.row(basket).iter().copied().filter(sold).collect();
            if items.len() < 2 {
                return None;
            }
            items.sort_by_key(|&item| (hash(seed, basket as u64, u64::from(item)), item));
            let customer = view.baskets.customers[basket];
            let has_past = customer != NO_CUSTOMER && is_known[customer as usize];
            let case = Case {
                hidden: items.remove(0),
                context: items,
                customer: if has_past { customer } else { NONE },
            };
            Some((hash(seed, basket as u64, u64::MAX), case))
        })
        .collect();
    if cases.len() > MAX_BASKETS {
        let mut keys: Vec<u64> = cases.iter().map(|(key, _)| *key).collect();
        let (_, &mut largest, _) = keys.select_nth_unstable(MAX_BASKETS - 1);
        cases.retain(|(key, _)| *key <= largest);
    }
    (train, cases.into_iter().map(|(_, case)| case).collect())
}

/// At most `n` of them, evenly, since they stand in order of time.
pub fn evenly<T: Clone>(cases: &[T], n: usize) -> Vec<T> {
    let is_next = |at: usize| (at + 1) * n / cases.len() > at * n / cases.len();
    if cases.len() <= n {
        return cases.to_vec();
    }
    cases.iter().enumerate().filter(|(at, _)| is_next(*at)).map(|(_, case)| case.clone()).collect()
}

/// Up to four cases of each: the hidden item changes place with another of its basket.
pub fn variants(cases: &[Case]) -> Vec<Case> {
    let of_case = |case: &Case| {
        let n = MAX_VARIANTS.min(case.context.len() + 1);
        let mut items = vec![case.hidden];
        items.extend_from_slice(&case.context);
        (0..n)
            .map(|at| {
                // Rotated, so that the item a short context begins with changes as well.
                let mut items = items.clone();
                items.rotate_left(at);
                Case { hidden: items[0], context: items[1..].to_vec(), customer: case.customer }
            })
            .collect::<Vec<_>>()
    };
    cases.iter().flat_map(of_case).collect()
}

fn hash(seed: u64, basket: u64, item: u64) -> u64 {
    let mut bytes = [0_u8; 24];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&basket.to_le_bytes());
    bytes[16..].copy_from_slice(&item.to_le_bytes());
    rapidhash::v3::rapidhash_v3(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_spread_over_the_whole() {
        let all: Vec<u32> = (0..10).collect();
        assert_eq!(evenly(&all, 4), [2, 4, 7, 9]);
        assert_eq!(evenly(&all, 9).len(), 9);
        assert_eq!(evenly(&all, 10), all);
        assert_eq!(evenly(&all, 99), all);
        assert!(evenly(&all, 0).is_empty() && evenly(&all[..0], 3).is_empty());
    }
}
