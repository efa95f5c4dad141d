//! What customers buy next: learners over the sequences of their baskets.
//!
//! Input: [`Sequences`]. Output: [`NextBasketTables`], whose view `score::next_basket` reads.
//! Every table is integers or sums in a fixed order, so threads change nothing.

pub mod customer_knn;
pub mod habits;
pub mod ranker;
pub mod sequences;
pub mod transitions;

pub use sequences::Sequences;

use customer_knn::CustomerKnn;
use habits::Habits;
use score::next_basket::basket_index::BasketIndex;
use score::next_basket::customer_index::UpcfParams;
use score::next_basket::{Tables, TifuParams, WeightedRows};
use sparse::Csr;
use transitions::Transitions;

/// What may be set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NextBasketParams {
    pub tifu: TifuParams,
    pub upcf: UpcfParams,
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
        let baskets_of = view.baskets().transpose(n_items);
        let knn = CustomerKnn::learn(view, n_items, &params);
        let transitions = Transitions::learn(view, baskets_of.view());
        let habits = Habits::learn(view, n_items);
        NextBasketTables { params, sequences, baskets_of, knn, transitions, habits }
    }

    pub fn sequences(&self) -> &Sequences {
        &self.sequences
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
        }
    }
}

#[cfg(test)]
mod tests;
