//! What sells to a segment of customers, drawn towards what sells to all: empirical Bayes.
//!
//! ```text
//! n_si = Σ over the customers of segment s who bought item i of w,   w = 0.5^(age / half-life) of
//!        the last time;   n_s = Σ_i n_si,   n = Σ_s n_s,   p_i = Σ_s n_si / n,   r_s = Σ w² / n_s
//! p_s  ~ Dirichlet(κ p)   so that   E[p_si | n_s] = (n_si + κ p_i) / (n_s + κ)
//! ratio(s, i) = E[p_si | n_s] / p_i = (n_si / p_i + κ) / (n_s + κ)
//! trend(s, i) = trend(i) · ratio(s, i)
//! ```
//!
//! κ is the one number that makes the spread between segments what it is (by moments; what two
//! purchases of one segment have in common is ρ = 1 / (1 + κ)):
//!
//! ```text
//! T = Σ_s Σ_i (n_si − n_s p_i)² / n_s,   D = 1 − Σ_i p_i²,   c_s = 1 − n_s / n
//! E[T] = D Σ_s c_s (r_s + ρ (n_s − r_s))   so   ρ = (T / D − Σ_s c_s r_s) / Σ_s c_s (n_s − r_s)
//! ```
//!
//! Where ρ is not above 0 segments buy alike, and there is no table. c_s is the pooled p's part in
//! the spread. A customer counts once an item: of who buys the same each week, each week would look
//! like the taste of a segment.
//!
//! Sources: the Dirichlet-multinomial of J. Mosimann, "On the compound multinomial distribution",
//! Biometrika 1962; moments as in A. Brier, "Analysis of contingency tables under cluster
//! sampling", Biometrika 1980, with weights of recency (ours). Segments are those of today: of who
//! changed, all purchases count where they are now.

use history::{CustomerSegments, HistoryView, NO_CUSTOMER};
use snapshot::SegmentTables;
use snapshot::tables::NONE;
use sparse::Csr;

/// Segments at the most, those with the most customers: an attribute of more values is no segment.
pub const MAX_SEGMENTS: usize = 32;
/// Fewer customers who bought something make no segment.
pub const MIN_CUSTOMERS: usize = 20;
/// Items of the list of a segment.
const N_POPULAR: usize = 200;

/// Tables, and what is told of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LearnedSegments {
    /// Empty: there are no segments, or they buy alike.
    pub tables: SegmentTables,
    /// `None`: there are no segments.
    pub note: Option<String>,
}

/// A purchase of a segment: segment, item, weight of the last time.
type Purchase = (u32, u32, f64);

/// `weights`: one a basket, by recency; `trend`: recency-weighted sales of each item.
pub fn learn(view: &HistoryView, weights: &[f64], trend: &[f32]) -> LearnedSegments {
    let segments = kept(view);
    if segments.is_empty() {
        return LearnedSegments::default();
    }
    let purchases = purchases_of(view, &segments, weights);
    let counts = Counts::of(&purchases, segments.names.len(), view.n_items());
    let Some(kappa) = counts.prior_strength() else {
        let note = format!("{} segments, which buy alike: none is counted", segments.names.len());
        return LearnedSegments { tables: SegmentTables::default(), note: Some(note) };
    };
    let note = format!("{} segments, drawn to all by {kappa:.0} purchases", segments.names.len());
    LearnedSegments { tables: tables_of(segments, &counts, kappa, trend), note: Some(note) }
}

/// The segments that count, by name.
fn kept(view: &HistoryView) -> CustomerSegments {
    let all = &view.segments;
    let mut has_bought = vec![false; view.n_customers as usize];
    for &customer in view.baskets.customers.iter().filter(|&&customer| customer != NO_CUSTOMER) {
        has_bought[customer as usize] = true;
    }
    let mut n_customers = vec![0_usize; all.names.len()];
    for (customer, _) in has_bought.iter().enumerate().filter(|(_, has)| **has) {
        all.of_customer(customer as u32).into_iter().for_each(|s| n_customers[s as usize] += 1);
    }
    let mut order: Vec<usize> =
        (0..all.names.len()).filter(|&s| n_customers[s] >= MIN_CUSTOMERS).collect();
    order.sort_by(|&a, &b| {
        n_customers[b].cmp(&n_customers[a]).then_with(|| all.names[a].cmp(&all.names[b]))
    });
    order.truncate(MAX_SEGMENTS);
    if order.len() < 2 {
        return CustomerSegments::default();
    }
    order.sort_by(|&a, &b| all.names[a].cmp(&all.names[b]));
    let place = |old: usize| order.iter().position(|&kept| kept == old).map_or(NONE, |p| p as u32);
    let places: Vec<u32> = (0..all.names.len()).map(place).collect();
    let of_customer = (0..view.n_customers)
        .map(|customer| all.of_customer(customer).map_or(NONE, |old| places[old as usize]));
    CustomerSegments {
        names: order.iter().map(|&s| all.names[s].clone()).collect(),
        of_customer: of_customer.collect(),
    }
}

/// In order of segment and item.
fn purchases_of(view: &HistoryView, segments: &CustomerSegments, weights: &[f64]) -> Vec<Purchase> {
    let mut bought: Vec<(u32, u32, u32, f64)> = Vec::new();
    let baskets = view.baskets.items.view();
    let rows = baskets.rows().zip(&view.baskets.customers).zip(weights);
    for ((items, &customer), &weight) in rows {
        let segment = segments.of_customer(customer).filter(|_| customer != NO_CUSTOMER);
        let Some(segment) = segment else { continue };
        bought.extend(items.iter().map(|&item| (segment, item, customer, weight)));
    }
    bought.sort_unstable_by(|a, b| (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)).then(b.3.total_cmp(&a.3)));
    // The first of a customer and an item is the newest.
    bought.dedup_by_key(|&mut (segment, item, customer, _)| (segment, item, customer));
    bought.into_iter().map(|(segment, item, _, weight)| (segment, item, weight)).collect()
}

/// n_si and its sums.
struct Counts {
    /// By segment: items, rising, with n_si.
    of_segment: Vec<Vec<(u32, f64)>>,
    /// n_s, and Σ w² of each segment.
    sums: Vec<(f64, f64)>,
    /// p_i.
    shares: Vec<f64>,
}

impl Counts {
    fn of(purchases: &[Purchase], n_segments: usize, n_items: usize) -> Counts {
        let mut counts = Counts {
            of_segment: vec![Vec::new(); n_segments],
            sums: vec![(0.0, 0.0); n_segments],
            shares: vec![0.0; n_items],
        };
        for &(segment, item, weight) in purchases {
            let (sum, squares) = &mut counts.sums[segment as usize];
            *sum += weight;
            *squares += weight * weight;
            counts.shares[item as usize] += weight;
            let row = &mut counts.of_segment[segment as usize];
            match row.last_mut() {
                Some((last, n)) if *last == item => *n += weight,
                _ => row.push((item, weight)),
            }
        }
        let n = counts.n();
        counts.shares.iter_mut().for_each(|share| *share /= n.max(f64::MIN_POSITIVE));
        counts
    }

    fn n(&self) -> f64 {
        self.sums.iter().map(|(sum, _)| sum).sum()
    }

    /// κ; `None` where segments buy alike.
    fn prior_strength(&self) -> Option<f64> {
        let n = self.n();
        let squares: f64 = self.shares.iter().map(|share| share * share).sum();
        let d = 1.0 - squares;
        let (mut spread, mut by_chance, mut in_common) = (0.0, 0.0, 0.0);
        for (row, &(n_s, squares_of_w)) in self.of_segment.iter().zip(&self.sums) {
            if n_s <= 0.0 {
                continue;
            }
            // Σ_i (n_si − n_s p_i)² = Σ_i (n_s p_i)² + Σ over what was bought of the rest.
            let rest: f64 = row
                .iter()
                .map(|&(item, count)| {
                    let expected = n_s * self.shares[item as usize];
                    (count - expected).powi(2) - expected * expected
                })
                .sum();
            spread += (n_s * n_s * squares + rest) / n_s;
            let (r_s, c_s) = (squares_of_w / n_s, 1.0 - n_s / n);
            by_chance += c_s * r_s;
            in_common += c_s * (n_s - r_s);
        }
        let rho = (spread / d - by_chance) / in_common;
        // Not above 0, or no number where nothing can be told.
        (rho > 0.0).then(|| (1.0 - rho.min(1.0)) / rho)
    }
}

fn tables_of(
    segments: CustomerSegments,
    counts: &Counts,
    kappa: f64,
    trend: &[f32],
) -> SegmentTables {
    let (mut popular, mut ratios) = (Csr::default(), Csr::default());
    let mut tables = SegmentTables::default();
    for (row, &(n_s, _)) in counts.of_segment.iter().zip(&counts.sums) {
        let base = kappa / (n_s + kappa).max(f64::MIN_POSITIVE);
        let mut of_item = vec![base as f32; trend.len()];
        for &(item, count) in row {
            let ratio = (count / counts.shares[item as usize] + kappa) / (n_s + kappa);
            of_item[item as usize] = ratio as f32;
        }
        let items: Vec<u32> = row.iter().map(|&(item, _)| item).collect();
        tables.ratio_values.extend(items.iter().map(|&item| of_item[item as usize]));
        ratios.push_row(&items);
        tables.base_ratios.push(base as f32);
        let trend_there = |item: &u32| trend[*item as usize] * of_item[*item as usize];
        let mut best: Vec<u32> =
            (0..trend.len() as u32).filter(|item| trend_there(item) > 0.0).collect();
        best.sort_by(|a, b| trend_there(b).total_cmp(&trend_there(a)).then(a.cmp(b)));
        best.truncate(N_POPULAR);
        tables.popular_trends.extend(best.iter().map(trend_there));
        popular.push_row(&best);
    }
    let CustomerSegments { names, of_customer } = segments;
    SegmentTables { names, of_customer, popular, ratios, ..tables }
}

#[cfg(test)]
mod tests;
