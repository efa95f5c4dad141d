//! What an item of the cart gives to others: EASE's weights, or those of a sparse inverse where
//! there are too many items for a table of all by all.

use crate::ease::{self, EaseParams, EaseWeights};
use crate::error::Error;
use crate::params::CheckedParams;
use crate::progress::Progress;
use crate::recency;
use crate::sparse_inverse::{self, SparseWeights};
use history::HistoryView;
use snapshot::SnapshotWriter;
use std::collections::BTreeMap;

/// Weights as they are learned and written.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemWeights {
    /// A table of all of its items by all of them.
    Table(EaseWeights),
    /// Rows of those that weigh most.
    Rows(SparseWeights),
}

/// Which weights a shop gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// EASE of the best-selling items, so many; of all that sold where they are no more.
    Ease(usize),
    /// Of all that sold.
    SparseInverse(usize),
}

impl Form {
    /// `n_sold`: items that sold at all.
    pub(crate) fn of(n_sold: usize, params: &CheckedParams) -> Form {
        let has_sparse = params.ease_max_items > 0 && !params.without.sparse_inverse();
        match n_sold > params.ease_max_items && has_sparse {
            true => Form::SparseInverse(n_sold),
            false => Form::Ease(n_sold.min(params.ease_max_items)),
        }
    }

    /// Of the counts of each item.
    pub(crate) fn of_counts(n_baskets_of: &[u32], params: &CheckedParams) -> Form {
        Form::of(n_baskets_of.iter().filter(|&&count| count > 0).count(), params)
    }

    /// Items with weights.
    pub(crate) fn n_items(self) -> usize {
        match self {
            Form::Ease(n_items) | Form::SparseInverse(n_items) => n_items,
        }
    }
}

impl ItemWeights {
    /// No item has any.
    pub fn none() -> ItemWeights {
        let (items, weights) = (Vec::new(), Vec::new());
        ItemWeights::Table(EaseWeights { items, weights, residual: 0.0 })
    }

    pub fn write(&self, n_items: usize, writer: &mut SnapshotWriter) {
        match self {
            ItemWeights::Table(table) => table.write(n_items, writer),
            ItemWeights::Rows(rows) => rows.write(writer),
        }
    }
}

/// Learns the weights of a view. `n_baskets_of`: sales of each item.
pub(crate) fn learn(
    view: &HistoryView,
    n_baskets_of: &[u32],
    params: &CheckedParams,
    ease: &EaseParams,
    progress: &dyn Progress,
) -> Result<ItemWeights, Error> {
    let n_items = view.n_items();
    match Form::of_counts(n_baskets_of, params) {
        Form::Ease(limit) => {
            let items = ease::core_items(n_baskets_of, limit);
            let table = ease::learn(&view.baskets, items, n_items, ease, params.seed)?;
            Ok(ItemWeights::Table(table))
        }
        Form::SparseInverse(_) => {
            let (fill, limit) = (&params.sparse_inverse, params.max_basket_items);
            let rows = sparse_inverse::learn(&view.baskets, n_items, ease, fill, limit, progress)?;
            Ok(ItemWeights::Rows(rows))
        }
    }
}

/// EASE by recency alone, among the same items: another opinion for the ranker. None without times,
/// for many items (it costs a solve), where weights are no table, or where the solve fails.
pub(crate) fn recent_ease(
    view: &HistoryView,
    params: &CheckedParams,
    weights: &ItemWeights,
) -> Result<Vec<f32>, Error> {
    let ItemWeights::Table(ease) = weights else { return Ok(Vec::new()) };
    let span_days = recency::span_days(&view.baskets);
    if span_days < 2.0 || ease.items.len() > params.ease_tune_max_items {
        return Ok(Vec::new());
    }
    let recent = EaseParams {
        lambda: params.fading.recent_ease_lambda,
        half_life_days: Some(params.fading.recent_ease_days.min(span_days / 3.0)),
        length_exponent: 0.0,
    };
    let items = ease.items.clone();
    match ease::learn(&view.baskets, items, view.n_items(), &recent, params.seed) {
        Ok(weights) => Ok(weights.weights),
        Err(Error::NotPositiveDefinite { .. } | Error::BadSolve { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Tells what was learned, for whom, and what stands in for the others.
pub(crate) fn note(
    ease: &EaseParams,
    params: &CheckedParams,
    n_baskets_of: &[u32],
    weights: &ItemWeights,
    notes: &mut BTreeMap<String, String>,
) {
    let half_life = ease.half_life_days.map_or("none".into(), |days| format!("{days:.0} days"));
    let parameters = format!(
        "lambda {}, half-life {half_life}, length exponent {}",
        ease.lambda, ease.length_exponent
    );
    notes.insert("ease.parameters".into(), parameters);
    let n_items = n_baskets_of.len();
    let n_sold = n_baskets_of.iter().filter(|&&count| count > 0).count();
    match weights {
        ItemWeights::Table(table) => {
            let n_core = table.items.len();
            let items = format!("{n_core} of {n_items} (those that sold, up to the limit)");
            notes.insert("ease.items".into(), items);
            notes.insert("ease.residual".into(), format!("below {:.0e}", ease::MAX_RESIDUAL));
            if n_core < n_sold {
                let note = format!(
                    "{} items that sold less than these have no item weights; pairs and neighbors \
                     stand in for them. More memory or a higher limit of items lets them in",
                    n_sold - n_core
                );
                notes.insert("ease.left_out".into(), note);
            }
        }
        ItemWeights::Rows(rows) => {
            let fill = &params.sparse_inverse;
            let mut note = format!(
                "in place of EASE, which is solved for at most {} items: {n_sold} of {n_items} \
                 items, on {} neighbors each at the most, {} weights",
                params.ease_max_items,
                fill.neighbors,
                rows.weights.len()
            );
            if rows.n_cut > 0 {
                note.push_str(&format!("; {} items on fewer, to be solvable", rows.n_cut));
            }
            notes.insert("sparse_inverse".into(), note);
            let residual = format!("below {:.0e}", sparse_inverse::MAX_RESIDUAL);
            notes.insert("sparse_inverse.residual".into(), residual);
        }
    }
}
