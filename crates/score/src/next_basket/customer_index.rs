//! The nearest customers of a vector, by inverted lists.
//!
//! ```text
//! |q - v|^2 = |q|^2 + |v|^2 - 2 q.v        nearest first = largest 2 q.v - |v|^2
//! ```
//!
//! The dot products of all customers who share an item with the query come from one walk over the
//! lists of the query's items. Who shares none has q.v = 0: of them only those with the smallest
//! norms can be near, so they are taken from a list in order of norm. Exact, unless the learner
//! shortened a list. O(sum of the lists' lengths + k).

use super::overlay::Overlay;
use super::rows::WeightedRows;
use sparse::{Accumulator, TopK};

/// Customers' vectors, both ways round.
#[derive(Clone, Copy, Debug)]
pub struct CustomerIndex<'a> {
    /// Customer → items.
    pub vectors: WeightedRows<'a>,
    /// Item → customers, the transpose of `vectors`.
    pub customers_of: WeightedRows<'a>,
    /// |v|² of each customer.
    pub squared_norms: &'a [f32],
    /// Customers with a vector, smallest norm first.
    pub by_norm: &'a [u32],
    /// Customer → items of the last baskets with their share of these baskets.
    pub recent: WeightedRows<'a>,
}

/// A customer near the query; larger is nearer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbor {
    pub customer: u32,
    /// 2 q·v − |v|² for Euclid, or the similarity of UP-CF.
    pub nearness: f32,
}

impl<'a> CustomerIndex<'a> {
    pub fn n_customers(&self) -> usize {
        self.squared_norms.len()
    }

    /// The `k` customers whose vectors are nearest to `query` by Euclidean distance, ties by the
    /// smaller index; `exclude` is the one who asks. Customers in `overlay` count with their new
    /// vectors. `dots` (as wide as there are customers) is left empty.
    pub fn nearest(
        &self,
        query: &[(u32, f32)],
        exclude: Option<u32>,
        k: usize,
        overlay: &Overlay,
        dots: &mut Accumulator,
    ) -> Vec<Neighbor> {
        let is_out = |customer: u32| Some(customer) == exclude || overlay.has(customer);
        let mut best = TopK::new(k);
        self.add_dots(query, dots);
        let mut n_apart = 0;
        for &customer in self.by_norm {
            if n_apart == k {
                break;
            }
            if dots.get(customer) == 0.0 && !is_out(customer) {
                best.push(customer, -self.squared_norms[customer as usize]);
                n_apart += 1;
            }
        }
        dots.drain(|customer, dot| {
            if !is_out(customer) {
                best.push(customer, 2.0 * dot - self.squared_norms[customer as usize]);
            }
        });
        overlay.push_nearest(query, exclude, &mut best);
        neighbors_of(&mut best)
    }

    fn add_dots(&self, query: &[(u32, f32)], dots: &mut Accumulator) {
        for &(item, weight) in query.iter().filter(|(item, _)| self.knows(*item)) {
            let (customers, weights) = self.customers_of.row(item);
            for (&customer, &other) in customers.iter().zip(weights) {
                dots.add(customer, weight * other);
            }
        }
    }

    /// Items bought after the index was made have no list yet.
    #[inline]
    fn knows(&self, item: u32) -> bool {
        (item as usize) < self.customers_of.n_rows()
    }

    /// The `k` customers most like a set of items by UP-CF's asymmetric cosine, those who share
    /// nothing left out:
    ///
    /// ```text
    /// nearness = (|I_u ∩ I_v| / (|I_u|^alpha |I_v|^(1 - alpha)))^q
    /// ```
    ///
    /// Faggioli, Polato and Aiolli, "Recency aware collaborative filtering for next basket
    /// recommendation" (UMAP 2020). The customer who asks is not left out.
    pub fn alike(
        &self,
        items: impl ExactSizeIterator<Item = u32>,
        params: &UpcfParams,
        shared: &mut Accumulator,
    ) -> Vec<Neighbor> {
        let own = (items.len() as f32).powf(params.alpha);
        for item in items.filter(|&item| self.knows(item)) {
            for &customer in self.customers_of.row(item).0 {
                shared.add(customer, 1.0);
            }
        }
        let nearness = |customer: u32, n_shared: f32| {
            let n_other = self.vectors.len_of(customer) as f32;
            (n_shared / (own * n_other.powf(1.0 - params.alpha))).powf(params.q)
        };
        if params.n_neighbors < shared.touched().len() {
            let mut best = TopK::new(params.n_neighbors);
            shared.drain(|customer, n| best.push(customer, nearness(customer, n)));
            return neighbors_of(&mut best);
        }
        let mut all = Vec::with_capacity(shared.touched().len());
        shared.drain(|customer, n| {
            all.push(Neighbor { customer, nearness: nearness(customer, n) });
        });
        all
    }

    /// Adds `share` of the mean of the neighbors' vectors to `sums`.
    pub fn add_mean(
        &self,
        neighbors: &[Neighbor],
        share: f32,
        overlay: &Overlay,
        sums: &mut Accumulator,
    ) {
        let weight = share / neighbors.len().max(1) as f32;
        for neighbor in neighbors {
            let (items, weights) = overlay
                .vector(neighbor.customer)
                .unwrap_or_else(|| self.vectors.row(neighbor.customer));
            for (&item, &of_item) in items.iter().zip(weights) {
                sums.add(item, weight * of_item);
            }
        }
    }

    /// Adds the neighbors' recent items to `sums`, each by nearness.
    pub fn add_recent(&self, neighbors: &[Neighbor], sums: &mut Accumulator) {
        for neighbor in neighbors {
            let (items, shares) = self.recent.row(neighbor.customer);
            for (&item, &share) in items.iter().zip(shares) {
                sums.add(item, neighbor.nearness * share);
            }
        }
    }
}

/// Parameters of UP-CF@r.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpcfParams {
    /// r: baskets that count as recent.
    pub n_recent: usize,
    /// α: 1 asks how much of the asking customer's items the other has, 0 the reverse.
    pub alpha: f32,
    /// q: above 1, the most alike weigh more.
    pub q: f32,
    pub n_neighbors: usize,
}

impl Default for UpcfParams {
    /// Tuned on Ta-Feng (EVALUATION, protocol NB).
    fn default() -> UpcfParams {
        UpcfParams { n_recent: 5, alpha: 0.5, q: 2.0, n_neighbors: usize::MAX }
    }
}

fn neighbors_of(best: &mut TopK) -> Vec<Neighbor> {
    best.sorted()
        .iter()
        .map(|scored| Neighbor { customer: scored.index, nearness: scored.score })
        .collect()
}
