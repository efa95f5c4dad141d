//! What a snapshot keeps of next baskets: all tables, the ranker, and the front of its ranking for
//! the customers who came last.

use super::customer_knn::OwnedRows;
use super::ranker::{LearnedRanker, RankerParams};
use super::timing::{Buyings, age_factors};
use super::{NextBasketParams, NextBasketTables, Sequences, ranker};
use crate::error::Error;
use history::HistoryView;
use rayon::prelude::*;
use score::next_basket::published::Method;
use score::next_basket::ranker::{RankScratch, Ranker, rank};
use score::next_basket::sections::{METHODS, names, schema};
use score::next_basket::served::N_FRONT;
use score::next_basket::{Asked, Overlay};
use snapshot::{Rows, SnapshotWriter};
use sparse::Scored;

/// What may be set.
#[derive(Clone, Debug, PartialEq)]
pub struct ServedParams {
    pub tables: NextBasketParams,
    pub ranker: RankerParams,
    /// Newest baskets that are read of a customer.
    pub max_baskets: usize,
    /// Longer baskets are not read.
    pub max_basket_items: usize,
    /// Customers whose ranking is kept ready, those with the newest baskets; that of the others is
    /// made when they ask.
    pub max_ready: usize,
}

impl Default for ServedParams {
    fn default() -> ServedParams {
        ServedParams {
            tables: NextBasketParams::default(),
            ranker: RankerParams::default(),
            max_baskets: 50,
            max_basket_items: 1_000,
            max_ready: 50_000,
        }
    }
}

/// Ready to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct ServedNextBasket {
    pub tables: NextBasketTables,
    pub ranker: LearnedRanker,
    pub buyings: Buyings,
    /// Empty: days were not worth it.
    pub age_factors: Vec<f32>,
    /// Customer → items with scores, best first.
    pub ranked: OwnedRows,
    /// What was chosen and why.
    pub note: String,
}

/// Learns from all known customers who did not refuse; `None` where there are none with a basket,
/// or where nothing is left that could serve them.
pub fn learn(view: &HistoryView, params: &ServedParams) -> Result<Option<ServedNextBasket>, Error> {
    let sequences = Sequences::of(view, params.max_baskets, params.max_basket_items);
    if sequences.days.is_empty() || ranker::rivals_of(params.tables.left_out).is_empty() {
        return Ok(None);
    }
    let n_items = view.n_items();
    let buyings = Buyings::of(view);
    let learned = ranker::learn(&sequences, n_items, params.tables, &params.ranker)?;
    let mut note = told(&learned);
    let ages = ranker::Ages { view, params: &params.ranker };
    let is_timed = match buyings.gap_days.is_empty() {
        true => false,
        false => {
            let worth = ages.worth(&sequences, params.tables, &learned.ranker);
            let verdict = if worth.is_clear { "which counts" } else { "which is not clear" };
            let (timed, plain) = (worth.timed, worth.plain);
            note.push_str(&format!("; by days {timed:.4}, without {plain:.4}, {verdict}"));
            worth.is_clear
        }
    };
    let tables = NextBasketTables::learn(sequences, n_items, params.tables);
    let age_factors = match is_timed {
        true => age_factors(&tables, &buyings.gap_days).to_vec(),
        false => Vec::new(),
    };
    let ranked = ready(&tables, &learned.ranker, params.max_ready);
    Ok(Some(ServedNextBasket { tables, ranker: learned, buyings, age_factors, ranked, note }))
}

/// The front of the ranking of those who came last.
fn ready(tables: &NextBasketTables, ranker: &Ranker, max_ready: usize) -> OwnedRows {
    let view = tables.view();
    let newest = tables.sequences().newest_customers(max_ready);
    let overlay = Overlay::default();
    let rows: Vec<Vec<(u32, f32)>> = (0..view.baskets.sequences.n_customers() as u32)
        .into_par_iter()
        .map_init(RankScratch::default, |memory, customer| {
            if newest.binary_search(&customer).is_err() {
                return Vec::new();
            }
            let sequence = view.baskets.sequences.of(customer);
            let asked = Asked { customer: Some(customer), sequence: &sequence, overlay: &overlay };
            let front = rank(&view, ranker, &asked, N_FRONT, memory);
            front.into_iter().map(|Scored { index, score }| (index, score)).collect()
        })
        .collect();
    OwnedRows::of(&rows)
}

fn told(learned: &LearnedRanker) -> String {
    let contest: Vec<String> =
        learned.contest.iter().map(|(method, ndcg)| told_of(*method, *ndcg)).collect();
    let ranks = match &learned.ranker {
        Ranker::Trees(trees) => format!("{} trees on {} cases", trees.n_trees(), learned.n_groups),
        Ranker::Published(method) => method.as_str().to_owned(),
    };
    let (n_contest, contest) = (learned.n_contest, contest.join(", "));
    let trial = match &learned.trial {
        Some(trial) => {
            let (method, ndcg) = trial.rival;
            format!(
                "; on {} baskets that trained nothing: {} trees {:.4}, {}",
                trial.n_baskets,
                learned.n_trees,
                trial.trees,
                told_of(method, ndcg)
            )
        }
        None => format!("; {} cases are too few for trees", learned.n_groups),
    };
    format!("{ranks}; NDCG@10 on {n_contest} last baskets: {contest}{trial}")
}

fn told_of(method: Method, ndcg: f64) -> String {
    format!("{} {ndcg:.4}", method.as_str())
}

impl ServedNextBasket {
    pub fn write(&self, writer: &mut SnapshotWriter) {
        writer.add(names::SCHEMA, &[schema()]);
        self.tables.write(writer);
        match &self.ranker.ranker {
            Ranker::Trees(trees) => writer.add(names::TREES, &trees.to_words()),
            Ranker::Published(method) => {
                let at = METHODS.iter().position(|other| other == method).unwrap_or_default();
                writer.add(names::METHOD, &[at as u32]);
            }
        }
        Rows::write(writer, names::RANKED, &self.ranked.rows, &self.ranked.weights);
        Rows::write(writer, names::BOUGHT, &self.buyings.items, &self.buyings.bought);
        writer.add(names::N_ORDERS, &self.buyings.n_orders);
        writer.add(names::GAP_DAYS, &self.buyings.gap_days);
        writer.add(names::AGE_FACTORS, &self.age_factors);
    }
}
