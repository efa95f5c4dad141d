//! What customers buy next: learners over the sequences of their baskets.
//!
//! Input: [`Sequences`]. Output: [`NextBasketTables`], whose view `score::next_basket` reads;
//! [`served`] makes of a whole history what a snapshot keeps.
//! Every table is integers or sums in a fixed order, so threads change nothing.

pub mod customer_knn;
pub mod habits;
pub mod ranker;
pub mod sequences;
pub mod served;
pub mod size;
pub mod timing;
pub mod transitions;

pub use sequences::Sequences;

use customer_knn::CustomerKnn;
use habits::Habits;
use score::LeftOut;
use score::next_basket::basket_index::BasketIndex;
use score::next_basket::customer_index::UpcfParams;
use score::next_basket::sections::{names, params_to_flat};
use score::next_basket::{SequencesView, Tables, TifuParams, WeightedRows};
use snapshot::{Rows, SnapshotWriter};
use sparse::Csr;
use transitions::Transitions;

/// What may be set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NextBasketParams {
    pub tifu: TifuParams,
    pub upcf: UpcfParams,
    /// Customers that can be neighbors, those with the newest baskets: a bound of memory and of
    /// the time of an answer.
    pub max_neighbors: usize,
    /// Of `score::next_basket::sources::SOURCES`.
    pub left_out: LeftOut,
}

impl Default for NextBasketParams {
    fn default() -> NextBasketParams {
        NextBasketParams {
            tifu: TifuParams::default(),
            upcf: UpcfParams::default(),
            max_neighbors: 30_000,
            left_out: LeftOut::default(),
        }
    }
}

/// Everything that features are made of, owned.
#[derive(Clone, Debug, PartialEq)]
pub struct NextBasketTables {
    params: NextBasketParams,
    sequences: Sequences,
    baskets_of: Csr,
    knn: CustomerKnn,
    transitions: Transitions,
    habits: Habits,
}

impl NextBasketTables {
    /// Learns all tables. O(entries) but for transitions, O(sum of |b| |b'| over baskets that
    /// follow each other).
    pub fn learn(
        sequences: Sequences,
        n_items: usize,
        params: NextBasketParams,
    ) -> NextBasketTables {
        let view = sequences.view();
        let neighbors = sequences.newest_customers(params.max_neighbors);
        let baskets_of = baskets_of(view, &neighbors, n_items);
        let knn = CustomerKnn::learn(view, &neighbors, n_items, &params);
        let transitions = Transitions::learn(view, baskets_of.view());
        let habits = Habits::learn(view, n_items);
        NextBasketTables { params, sequences, baskets_of, knn, transitions, habits }
    }

    pub fn sequences(&self) -> &Sequences {
        &self.sequences
    }

    /// As sections of a snapshot.
    fn write(&self, writer: &mut SnapshotWriter) {
        let (sequences, habits) = (&self.sequences, &self.habits);
        writer.add(names::PARAMS, &params_to_flat(&self.params.tifu, &self.params.upcf));
        writer.add(names::FIRST_BASKET, &sequences.first_basket);
        writer.add(names::BASKET_OFFSETS, &sequences.baskets.offsets);
        writer.add(names::BASKET_ITEMS, &sequences.baskets.indices);
        writer.add(names::BASKETS_OF_OFFSETS, &self.baskets_of.offsets);
        writer.add(names::BASKETS_OF, &self.baskets_of.indices);
        let knn = &self.knn;
        for (name, rows) in [
            (names::VECTORS, &knn.vectors),
            (names::CUSTOMERS_OF, &knn.customers_of),
            (names::RECENT, &knn.recent),
        ] {
            Rows::write(writer, name, &rows.rows, &rows.weights);
        }
        writer.add(names::SQUARED_NORMS, &knn.squared_norms);
        writer.add(names::BY_NORM, &knn.by_norm);
        let transitions = &self.transitions;
        Rows::write(writer, names::TRANSITIONS, &transitions.rows, &transitions.chances);
        writer.add(names::ITEMS, &habits.items);
        writer.add(names::HAZARD, &habits.hazard);
        writer.add(names::POPULAR, &habits.popular);
        writer.add(names::NEWEST, &habits.newest);
        writer.add(names::LEFT_OUT, &self.params.left_out.to_words());
    }

    pub fn view(&self) -> Tables<'_> {
        Tables {
            tifu: self.params.tifu,
            upcf: self.params.upcf,
            customers: self.knn.view(),
            baskets: BasketIndex {
                sequences: self.sequences.view(),
                baskets_of: self.baskets_of.view(),
            },
            transitions: WeightedRows::new(self.transitions.rows.view(), &self.transitions.chances),
            items: &self.habits.items,
            hazard: &self.habits.hazard,
            popular: &self.habits.popular,
            newest: &self.habits.newest,
            left_out: self.params.left_out,
        }
    }
}

/// Item → baskets of the neighbors.
fn baskets_of(sequences: SequencesView<'_>, neighbors: &[u32], n_items: usize) -> Csr {
    let mut kept = Csr::default();
    for customer in 0..sequences.n_customers() as u32 {
        let is_kept = neighbors.binary_search(&customer).is_ok();
        for basket in sequences.range(customer) {
            kept.push_row(if is_kept { sequences.basket(basket) } else { &[] });
        }
    }
    kept.view().transpose(n_items)
}

#[cfg(test)]
mod tests;
