//! Customers' vectors (TIFU-kNN, UP-CF) and the lists by which near ones are found.
//!
//! Formulas: `score::next_basket::customer_vector`. Memory: about 8 bytes an entry three times,
//! an entry being a pair of customer and item.

use super::NextBasketParams;
use rayon::prelude::*;
use score::next_basket::customer_vector::{recent_share_of, vector_of};
use score::next_basket::{CustomerIndex, SequencesView, WeightedRows};
use sparse::{Accumulator, Csr};

/// Rows with a weight an entry, owned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnedRows {
    pub rows: Csr,
    pub weights: Vec<f32>,
}

impl OwnedRows {
    pub fn view(&self) -> WeightedRows<'_> {
        WeightedRows::new(self.rows.view(), &self.weights)
    }

    pub(super) fn of(rows: &[Vec<(u32, f32)>]) -> OwnedRows {
        let mut owned = OwnedRows::default();
        let mut columns = Vec::new();
        for row in rows {
            columns.clear();
            columns.extend(row.iter().map(|&(column, _)| column));
            owned.rows.push_row(&columns);
            owned.weights.extend(row.iter().map(|&(_, weight)| weight));
        }
        owned
    }

    fn transpose(&self, n_columns: usize) -> OwnedRows {
        let rows = self.rows.view().transpose(n_columns);
        let mut next: Vec<usize> = rows.offsets.iter().map(|&offset| offset as usize).collect();
        let mut weights = vec![0.0; self.weights.len()];
        // Entries of a new row come in order of old rows, as in `CsrView::transpose`.
        for (&column, &weight) in self.rows.indices.iter().zip(&self.weights) {
            let slot = &mut next[column as usize];
            weights[*slot] = weight;
            *slot += 1;
        }
        OwnedRows { rows, weights }
    }
}

/// What [`CustomerIndex`] is a view on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomerKnn {
    pub vectors: OwnedRows,
    pub customers_of: OwnedRows,
    pub squared_norms: Vec<f32>,
    pub by_norm: Vec<u32>,
    pub recent: OwnedRows,
}

impl CustomerKnn {
    /// `neighbors`, rising: whose vectors are kept to be found.
    pub fn learn(
        sequences: SequencesView<'_>,
        neighbors: &[u32],
        n_items: usize,
        params: &NextBasketParams,
    ) -> CustomerKnn {
        let n_customers = sequences.n_customers() as u32;
        let (vectors, recent): (Vec<_>, Vec<_>) = (0..n_customers)
            .into_par_iter()
            .map_init(
                || Accumulator::new(n_items),
                |sums, customer| {
                    if neighbors.binary_search(&customer).is_err() {
                        return Default::default();
                    }
                    let baskets = sequences.of(customer);
                    let recent = recent_share_of(&baskets, params.upcf.n_recent, sums);
                    (vector_of(&baskets, &params.tifu, sums), recent)
                },
            )
            .unzip();
        let squared_norms: Vec<f32> = vectors
            .iter()
            .map(|vector| vector.iter().map(|&(_, weight)| weight * weight).sum())
            .collect();
        let mut by_norm: Vec<u32> =
            (0..n_customers).filter(|&customer| squared_norms[customer as usize] > 0.0).collect();
        by_norm.sort_by(|&a, &b| {
            squared_norms[a as usize].total_cmp(&squared_norms[b as usize]).then(a.cmp(&b))
        });
        let vectors = OwnedRows::of(&vectors);
        CustomerKnn {
            customers_of: vectors.transpose(n_items),
            vectors,
            squared_norms,
            by_norm,
            recent: OwnedRows::of(&recent),
        }
    }

    pub fn view(&self) -> CustomerIndex<'_> {
        CustomerIndex {
            vectors: self.vectors.view(),
            customers_of: self.customers_of.view(),
            squared_norms: &self.squared_norms,
            by_norm: &self.by_norm,
            recent: self.recent.view(),
        }
    }
}
