//! Learns to rank a customer's next basket, and checks that it pays.
//!
//! Cases are baskets of the past: basket B − c of each customer, c = 1 … C, foretold from the
//! baskets before it with tables that were made of everybody's baskets but the last c: no content
//! of the foretold basket, nor of anybody's last c, is in a feature. Two things of later are: who
//! is a neighbor goes by the time of all newest baskets, and by the calendar the other baskets of
//! others may be later than the foretold one.
//!
//! What serves is chosen in two steps. The published methods, plain popularity among them, learn
//! nothing of cases, so they are compared on the last baskets of as many customers as are worth
//! their time: all of a small shop. Trees are held against each of them on every n-th customer, who
//! is kept apart and where they are stopped too, and serve where they are better by more than the
//! standard error of the difference: of few baskets the simpler one serves.

use super::timing::{age_factors, day_of, gap_days_of};
use super::{NextBasketParams, NextBasketTables, Sequences};
use crate::boost::{BoostParams, Objective, RankingSet, fit};
use crate::error::Error;
use history::HistoryView;
use measure::ranking::{Ideal, hits, ndcg_of_list};
use rayon::prelude::*;
use score::LeftOut;
use score::next_basket::own::Bought;
use score::next_basket::published::Method;
use score::next_basket::ranker::{RankScratch, Ranker, rank};
use score::next_basket::served::N_FRONT;
use score::next_basket::sources::allows;
use score::next_basket::timing::age_factor;
use score::next_basket::{Asked, N_FEATURES, Overlay, Rows, Scratch, describe};
use sparse::Scored;

/// Parameters of the ranker.
#[derive(Clone, Debug, PartialEq)]
pub struct RankerParams {
    /// C: baskets of each customer that are foretold.
    pub n_cuts: usize,
    /// Only baskets with so many before them are foretold; the shorter past of a new customer is
    /// another task, which would cost the others.
    pub min_before: usize,
    /// Every n-th customer validates.
    pub valid_every: u32,
    /// Cases at the most, newest baskets first, evenly over customers.
    pub max_groups: usize,
    /// Below this many cases with a hit among the candidates there are no trees.
    pub min_groups: usize,
    pub boost: BoostParams,
}

impl Default for RankerParams {
    /// Chosen on Ta-Feng's second-to-last baskets.
    fn default() -> RankerParams {
        RankerParams {
            n_cuts: 3,
            min_before: 2,
            valid_every: 10,
            max_groups: 40_000,
            min_groups: 500,
            boost: BoostParams {
                objective: Objective::Logistic,
                n_trees: 300,
                max_leaves: 16,
                learning_rate: 0.05,
                min_rows_in_leaf: 200,
                l2: 1.0,
                feature_fraction: 0.5,
                group_fraction: 0.7,
                early_stop_rounds: 40,
                seed: 42,
            },
        }
    }
}

/// A ranker and how it was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnedRanker {
    pub ranker: Ranker,
    /// NDCG@10 of each of [`RIVALS`], best first.
    pub contest: Vec<(Method, f64)>,
    /// Last baskets that it was taken on.
    pub n_contest: usize,
    /// What became of the trees; `None` where there were too few cases for any.
    pub trial: Option<Trial>,
    pub n_groups: usize,
    pub n_trees: usize,
}

/// What the trees must beat, and what serves without them, but for those that need what is left
/// out; of equals the first.
pub const RIVALS: [Method; 4] =
    [Method::TifuKnn, Method::UpCf, Method::GlobalPersonalTop, Method::GlobalTop];

/// Those of [`RIVALS`] that do without what is left out.
pub fn rivals_of(left_out: LeftOut) -> Vec<Method> {
    RIVALS.into_iter().filter(|&method| allows(left_out, method)).collect()
}

/// Customers on whose last baskets the published methods are compared, at the most.
const MAX_CONTEST: u32 = 2_000;

/// Trees against the published methods, on customers who trained nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    pub n_baskets: usize,
    /// NDCG@10 of the trees.
    pub trees: f64,
    /// Of the published method that does best there.
    pub rival: (Method, f64),
    pub is_won: bool,
}

/// Cases row by row, as the trainer takes them.
#[derive(Debug, Default)]
struct Cases {
    features: Vec<f32>,
    labels: Vec<f32>,
    group_ends: Vec<u32>,
}

impl Cases {
    fn set(&self) -> RankingSet<'_> {
        RankingSet {
            n_features: N_FEATURES,
            features: &self.features,
            labels: &self.labels,
            group_ends: &self.group_ends,
            offsets: &[],
        }
    }

    fn push(&mut self, rows: &Rows, truth: &[u32]) {
        self.features.extend_from_slice(&rows.values);
        let label = |item: &u32| if truth.binary_search(item).is_ok() { 1.0 } else { 0.0 };
        self.labels.extend(rows.items.iter().map(label));
        self.group_ends.push(self.labels.len() as u32);
    }
}

/// Learns from all sequences. Without cases enough, the best published method.
pub fn learn(
    sequences: &Sequences,
    n_items: usize,
    params: NextBasketParams,
    ranker: &RankerParams,
) -> Result<LearnedRanker, Error> {
    let (mut train, mut valid) = (Cases::default(), Cases::default());
    let mut newest = None;
    for cut in 1..=ranker.n_cuts {
        // The first cut is for the contest as well.
        if cut > 1 && ranker.max_groups <= train.group_ends.len() {
            break;
        }
        let tables = NextBasketTables::learn(sequences.without_last(cut), n_items, params);
        if ranker.min_groups <= ranker.max_groups {
            collect_cases(&tables, (sequences, cut), ranker, &mut train, &mut valid);
        }
        if cut == 1 {
            newest = Some(tables);
        }
    }
    let rivals = rivals_of(params.left_out);
    let Some(newest) = newest else { return Ok(LearnedRanker::unasked(&rivals)) };
    let mut learned = LearnedRanker::published(&newest, sequences, &rivals);
    learned.n_groups = train.group_ends.len();
    if learned.n_groups >= ranker.min_groups && !valid.group_ends.is_empty() {
        let trees = fit(&train.set(), Some(&valid.set()), &ranker.boost)?.trees;
        learned.n_trees = trees.n_trees();
        let trees = Ranker::Trees(trees);
        let mut match_up = MatchUp::of(rivals);
        match_up.ask(&newest, (sequences, 1), &trees, ranker.valid_every);
        // Of few customers also the baskets before the last ones.
        for cut in 2..=ranker.n_cuts {
            if match_up.ours.len() >= ENOUGH_TRIALS {
                break;
            }
            let tables = NextBasketTables::learn(sequences.without_last(cut), n_items, params);
            match_up.ask(&tables, (sequences, cut), &trees, ranker.valid_every);
        }
        let trial = match_up.trial();
        if trial.is_won {
            learned.ranker = trees;
        }
        learned.trial = Some(trial);
    }
    Ok(learned)
}

/// Baskets after which the trees are held against the published methods on no older ones.
const ENOUGH_TRIALS: usize = 500;

/// NDCG@10 of the trees and of each rival, basket by basket.
#[derive(Debug)]
struct MatchUp {
    ours: Vec<f64>,
    rivals: Vec<Method>,
    theirs: Vec<Vec<f64>>,
}

impl MatchUp {
    fn of(rivals: Vec<Method>) -> MatchUp {
        MatchUp { ours: Vec::new(), theirs: vec![Vec::new(); rivals.len()], rivals }
    }

    /// Asks the customers who trained nothing for basket B − cut. `tables` are without it.
    fn ask(
        &mut self,
        tables: &NextBasketTables,
        asked: (&Sequences, usize),
        trees: &Ranker,
        valid_every: u32,
    ) {
        let plain = |ranker: &Ranker| ndcgs_by(tables, asked, ranker, valid_every, |_, f| f);
        self.ours.extend(plain(trees));
        for (theirs, &method) in self.theirs.iter_mut().zip(&self.rivals) {
            theirs.extend(plain(&Ranker::Published(method)));
        }
    }

    /// Won where the trees are above each by more than the standard error of the difference.
    fn trial(&self) -> Trial {
        let means: Vec<f64> = self.theirs.iter().map(|theirs| mean(theirs)).collect();
        let best =
            (1..means.len()).fold(0, |best, at| if means[at] > means[best] { at } else { best });
        Trial {
            n_baskets: self.ours.len(),
            trees: mean(&self.ours),
            rival: (self.rivals[best], means[best]),
            is_won: self.theirs.iter().all(|theirs| {
                let (gain, error) = gain_of(&self.ours, theirs);
                gain > error
            }),
        }
    }
}

impl LearnedRanker {
    /// Without anything to choose on. There is a rival at least.
    fn unasked(rivals: &[Method]) -> LearnedRanker {
        LearnedRanker {
            ranker: Ranker::Published(rivals[0]),
            contest: rivals.iter().map(|&method| (method, 0.0)).collect(),
            n_contest: 0,
            trial: None,
            n_groups: 0,
            n_trees: 0,
        }
    }

    /// The published method that foretells last baskets best. `tables` are without them.
    fn published(
        tables: &NextBasketTables,
        sequences: &Sequences,
        rivals: &[Method],
    ) -> LearnedRanker {
        let n_customers = sequences.view().n_customers() as u32;
        let every = n_customers.div_ceil(MAX_CONTEST).max(1);
        let mut learned = LearnedRanker::unasked(rivals);
        for (method, ndcg) in &mut learned.contest {
            let asked = (sequences, 1);
            let found = ndcgs_by(tables, asked, &Ranker::Published(*method), every, |_, f| f);
            *ndcg = mean(&found);
            learned.n_contest = found.len();
        }
        // Stable: of equals the one that stands first.
        learned.contest.sort_by(|a, b| b.1.total_cmp(&a.1));
        learned.ranker = Ranker::Published(learned.contest[0].0);
        learned
    }
}

/// Cases kept apart, at the most: a part of those that are learned from.
const VALID_SHARE: usize = 5;
/// Customers whose rows are held at a time before they are put with the others.
const N_AT_ONCE: u32 = 2_048;

/// Adds each customer's basket B − cut that has a hit among the candidates.
fn collect_cases(
    tables: &NextBasketTables,
    (sequences, cut): (&Sequences, usize),
    ranker: &RankerParams,
    train: &mut Cases,
    valid: &mut Cases,
) {
    let n_customers = sequences.view().n_customers() as u32;
    for from in (0..n_customers).step_by(N_AT_ONCE as usize) {
        let customers = from..n_customers.min(from + N_AT_ONCE);
        for (rows, truth, customer) in
            cases_of(tables, sequences, (cut, ranker.min_before), customers)
        {
            if customer % ranker.valid_every == 0 {
                if cut == 1 && valid.group_ends.len() < ranker.max_groups / VALID_SHARE {
                    valid.push(&rows, &truth);
                }
            } else if train.group_ends.len() < ranker.max_groups {
                train.push(&rows, &truth);
            }
        }
    }
}

/// Rows and truth of customers with at least [`RankerParams::min_before`] baskets before the one
/// foretold.
fn cases_of(
    tables: &NextBasketTables,
    sequences: &Sequences,
    (cut, min_before): (usize, usize),
    customers: std::ops::Range<u32>,
) -> Vec<(Rows, Vec<u32>, u32)> {
    let view = tables.view();
    let overlay = Overlay::default();
    customers
        .into_par_iter()
        .map_init(Scratch::default, |scratch, customer| {
            let (before, truth) = split_at(sequences, customer, cut)?;
            if before.len() < min_before {
                return None;
            }
            let asked = Asked { customer: Some(customer), sequence: &before, overlay: &overlay };
            let mut rows = Rows::default();
            describe(&view, &asked, scratch, &mut rows);
            let is_hit = rows.items.iter().any(|item| truth.binary_search(item).is_ok());
            is_hit.then_some((rows, truth, customer))
        })
        .flatten_iter()
        .collect()
}

/// The baskets before basket B − cut, and that basket's items; `None` without either.
fn split_at(sequences: &Sequences, customer: u32, cut: usize) -> Option<(Vec<&[u32]>, Vec<u32>)> {
    let mut baskets = sequences.view().of(customer);
    let at = baskets.len().checked_sub(cut).filter(|&at| at > 0)?;
    let mut truth = baskets[at].to_vec();
    truth.sort_unstable();
    baskets.truncate(at);
    Some((baskets, truth))
}

fn mean(values: &[f64]) -> f64 {
    // Of nothing it is 0; an empty `sum` would be -0.
    values.iter().fold(0.0, |sum, value| sum + value) / values.len().max(1) as f64
}

/// Mean of the differences and its standard error; that of one alone is not known: endless.
fn gain_of(ours: &[f64], theirs: &[f64]) -> (f64, f64) {
    let gains: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours - theirs).collect();
    let (n, gain) = (gains.len() as f64, mean(&gains));
    let squares: f64 = gains.iter().map(|value| (value - gain).powi(2)).sum();
    let error = if gains.len() < 2 { f64::INFINITY } else { (squares / (n * (n - 1.0))).sqrt() };
    (gain, error)
}

/// NDCG@10 of basket B − cut of every so many customers, after the front of the ranking was put in
/// another order.
fn ndcgs_by(
    tables: &NextBasketTables,
    (sequences, cut): (&Sequences, usize),
    ranker: &Ranker,
    every: u32,
    reorder: impl Fn(u32, Vec<Scored>) -> Vec<Scored> + Sync,
) -> Vec<f64> {
    let view = tables.view();
    let overlay = Overlay::default();
    (0..sequences.view().n_customers() as u32)
        .into_par_iter()
        .filter(|customer| customer % every == 0)
        .map_init(RankScratch::default, |memory, customer| {
            let (before, truth) = split_at(sequences, customer, cut)?;
            let asked = Asked { customer: Some(customer), sequence: &before, overlay: &overlay };
            let front = reorder(customer, rank(&view, ranker, &asked, N_FRONT, memory));
            let list: Vec<u32> = front.iter().take(10).map(|scored| scored.index).collect();
            ndcg_of_list(&hits(&list, &truth), truth.len(), 10, Ideal::AllTruth)
        })
        .flatten_iter()
        .collect()
}

/// What days are worth, asked of the validation customers.
pub(super) struct Ages<'a> {
    pub view: &'a HistoryView,
    pub params: &'a RankerParams,
}

/// NDCG@10 without and with the factors of ages, and whether the gain is clear of chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Worth {
    pub plain: f64,
    pub timed: f64,
    pub is_clear: bool,
}

/// Standard errors of the mean gain that make it clear (one side, 95 %).
const CLEAR: f64 = 1.645;
/// Below this the gains differ by rounding alone.
const NO_ERROR: f64 = 1e-9;
/// Of fewer customers nothing is clear.
const MIN_CLEAR: usize = 100;

impl Worth {
    fn of(plain: &[f64], timed: &[f64]) -> Worth {
        let (gain, error) = gain_of(timed, plain);
        // Of few customers, and of gains all alike, the error tells nothing.
        let is_known = MIN_CLEAR <= timed.len() && error > NO_ERROR;
        Worth { plain: mean(plain), timed: mean(timed), is_clear: is_known && gain > CLEAR * error }
    }
}

impl Ages<'_> {
    /// Gaps and factors are those of everybody's baskets but the last; each last basket is asked
    /// for on its own day.
    pub(super) fn worth(
        &self,
        sequences: &Sequences,
        params: NextBasketParams,
        ranker: &Ranker,
    ) -> Worth {
        let (before, gap_days) = self.before_last(sequences);
        let tables = NextBasketTables::learn(before, self.view.n_items(), params);
        let valid_every = self.params.valid_every;
        let asked = (sequences, 1);
        let plain = ndcgs_by(&tables, asked, ranker, valid_every, |_, front| front);
        if gap_days.is_empty() {
            return Worth { plain: mean(&plain), timed: mean(&plain), is_clear: false };
        }
        let factors = age_factors(&tables, &gap_days);
        let known = Known { gap_days: &gap_days, factors: &factors };
        let timed = ndcgs_by(&tables, asked, ranker, valid_every, |customer, front| {
            known.aged(sequences, customer, ranker, front)
        });
        Worth::of(&plain, &timed)
    }

    /// What was known before the last baskets.
    fn before_last(&self, sequences: &Sequences) -> (Sequences, Vec<f32>) {
        let before = sequences.without_last(1);
        let gap_days = gap_days_of(self.view, &before);
        (before, gap_days)
    }
}

/// What days tell.
struct Known<'a> {
    gap_days: &'a [f32],
    factors: &'a [f32],
}

impl Known<'_> {
    fn aged(
        &self,
        sequences: &Sequences,
        customer: u32,
        ranker: &Ranker,
        mut front: Vec<Scored>,
    ) -> Vec<Scored> {
        let rows = sequences.view().range(customer);
        let Some(asked) = rows.clone().next_back() else { return front };
        let today = day_of(sequences, asked);
        for (place, scored) in front.iter_mut().enumerate() {
            let mut bought = Bought::default();
            for row in rows.start..asked {
                if sequences.view().basket(row).binary_search(&scored.index).is_ok() {
                    bought.add(sequences.days[row as usize]);
                }
            }
            let gap_days = self.gap_days[scored.index as usize];
            let factor = age_factor(&bought, today, gap_days, self.factors);
            scored.score = ranker.chance(place, scored.score, factor);
        }
        front.sort_by(Scored::best_first);
        front
    }
}

#[cfg(test)]
mod tests;
