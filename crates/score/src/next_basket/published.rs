//! The published methods alone, as lists of items: what the ranker is held against, and what
//! serves while there is too little data to train one.

use super::customer_index::Neighbor;
use super::customer_vector::{recent_share_of, vector_of};
use super::features::Scratch;
use super::overlay::Asked;
use super::sequence::Sequence;
use super::tables::Tables;
use sparse::{Accumulator, TopK};

/// Methods of the reality check (Li et al. 2023).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Most bought by all.
    GlobalTop,
    /// Most bought by the customer; ties by baskets of all, then by index.
    PersonalTop,
    /// The customer's items, then those of all.
    GlobalPersonalTop,
    UpCf,
    TifuKnn,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Method::GlobalTop => "g_top_freq",
            Method::PersonalTop => "p_top_freq",
            Method::GlobalPersonalTop => "gp_top_freq",
            Method::UpCf => "up_cf",
            Method::TifuKnn => "tifu_knn",
        }
    }
}

/// The best `n` items of a method, best first; fewer where it knows no more.
pub fn list(
    method: Method,
    tables: &Tables<'_>,
    asked: &Asked<'_>,
    n: usize,
    scratch: &mut Scratch,
) -> Vec<u32> {
    scratch.widen(tables, asked.sequence);
    let sequence = asked.sequence;
    let sums = &mut scratch.sums;
    match method {
        Method::GlobalTop => tables.popular.iter().copied().take(n).collect(),
        Method::PersonalTop => own_top(tables, sequence, n),
        Method::GlobalPersonalTop => {
            let mut items = own_top(tables, sequence, n);
            for &item in tables.popular {
                if items.len() >= n {
                    break;
                }
                if !items.contains(&item) {
                    items.push(item);
                }
            }
            items
        }
        Method::UpCf => {
            add_upcf(tables, asked, &mut scratch.by_customer, sums);
            best_of(sums, n)
        }
        Method::TifuKnn => {
            let vector = vector_of(sequence, &tables.tifu, sums);
            let neighbors = nearest(tables, asked, &vector, &mut scratch.by_customer);
            let own_share = tables.tifu.own_share;
            tables.customers.add_mean(&neighbors, 1.0 - own_share, asked.overlay, sums);
            vector.iter().for_each(|&(item, weight)| sums.add(item, own_share * weight));
            best_of(sums, n)
        }
    }
}

pub(super) fn nearest(
    tables: &Tables<'_>,
    asked: &Asked<'_>,
    vector: &[(u32, f32)],
    dots: &mut Accumulator,
) -> Vec<Neighbor> {
    let k = tables.tifu.n_neighbors;
    tables.customers.nearest(vector, asked.customer, k, asked.overlay, dots)
}

/// Adds UP-CF's scores to `sums` and tells the sum of nearness. Who asks is their own nearest, with
/// the sequence that was asked with, whatever the tables know of them.
pub(super) fn add_upcf(
    tables: &Tables<'_>,
    asked: &Asked<'_>,
    shared: &mut Accumulator,
    sums: &mut Accumulator,
) -> f32 {
    let (customer, sequence) = (asked.customer, asked.sequence);
    let own = recent_share_of(sequence, tables.upcf.n_recent, sums);
    let mut items: Vec<u32> = sequence.iter().copied().flatten().copied().collect();
    items.sort_unstable();
    items.dedup();
    let mut neighbors = tables.customers.alike(items.iter().copied(), &tables.upcf, shared);
    neighbors.retain(|other| Some(other.customer) != customer);
    own.iter().for_each(|&(item, share)| sums.add(item, share));
    tables.customers.add_recent(&neighbors, sums);
    let of_own = if own.is_empty() { 0.0 } else { 1.0 };
    neighbors.iter().fold(of_own, |total, neighbor| total + neighbor.nearness)
}

fn own_top(tables: &Tables<'_>, sequence: Sequence<'_>, n: usize) -> Vec<u32> {
    let mut items: Vec<u32> = sequence.iter().copied().flatten().copied().collect();
    items.sort_unstable();
    let mut counted: Vec<(u32, u32)> = Vec::new();
    for item in items {
        match counted.last_mut() {
            Some((last, count)) if *last == item => *count += 1,
            _ => counted.push((item, 1)),
        }
    }
    let n_baskets = |item: u32| tables.items.get(item as usize).map_or(0, |facts| facts.n_baskets);
    counted.sort_by_key(|&(item, count)| {
        (std::cmp::Reverse(count), std::cmp::Reverse(n_baskets(item)), item)
    });
    counted.iter().take(n).map(|&(item, _)| item).collect()
}

/// The best `n` of `sums`, which is left empty.
fn best_of(sums: &mut Accumulator, n: usize) -> Vec<u32> {
    let mut best = TopK::new(n);
    sums.drain(|item, sum| best.push(item, sum));
    best.sorted().iter().map(|scored| scored.index).collect()
}
