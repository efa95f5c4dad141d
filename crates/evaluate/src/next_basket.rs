//! Protocol NB, "what is in the customer's next basket": methods × cases, fold by fold.

use crate::ablation::{Ablation, OF_CUSTOMERS, Wanted};
use crate::basket_completion::{OnMethod, Stopwatch};
use crate::customer_file::CustomerFile;
use crate::error::Error;
use learn::Without;
use learn::next_basket::{NextBasketParams, NextBasketTables, Sequences};
use rayon::prelude::*;
use score::next_basket::published::Method;
use score::next_basket::ranker::{RankScratch, Ranker, rank};
use score::next_basket::{Asked, Overlay};
use std::time::Duration;

pub mod gain;
mod ours;
pub mod report;

pub use gain::Gain;
pub use report::NextBasketOutcome;

/// Every method, in the order of the report.
pub const METHODS: [&str; 6] =
    ["g_top_freq", "p_top_freq", "gp_top_freq", "up_cf", "tifu_knn", OURS];

/// The method that serves.
const OURS: &str = "alongside";

/// Length of the lists.
const LIST_LEN: usize = 20;

/// What was measured on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sizes {
    pub n_customers: usize,
    pub n_items: usize,
    pub n_baskets: usize,
    pub n_folds: usize,
    pub n_asked: usize,
}

/// A list for each customer asked, and what it took.
pub(crate) struct Lists {
    pub by_asked: Vec<Vec<u32>>,
    pub latencies: Vec<Duration>,
}

/// Runs the protocol. Each method's outcomes are handed on as soon as it is done; ours once more
/// without each source is held against the whole one.
pub fn run(
    file: &CustomerFile,
    wanted: &Wanted<'_>,
    now: Stopwatch<'_>,
    on_method: OnMethod<'_>,
    mut take: impl FnMut(NextBasketOutcome),
) -> Result<Sizes, Error> {
    let methods = chosen(wanted.methods)?;
    let ablations = OF_CUSTOMERS.ablations(wanted.without, OURS)?;
    let mut sequences = Sequences::default();
    file.histories.iter().for_each(|baskets| sequences.push(baskets));
    let asked = file.asked();
    let n_baskets = sequences.view().n_baskets();
    let began = now();
    let params = NextBasketParams::default();
    let tables = NextBasketTables::learn(sequences, file.n_items(), params);
    let fit_tables = now() - began;
    let is_compared = methods.contains(&OURS);
    let mut others: Vec<NextBasketOutcome> = Vec::new();
    let mut whole: Vec<NextBasketOutcome> = Vec::new();
    for name in methods {
        on_method(name);
        let began = now();
        let (lists, fit, parameter) = match published_method(name) {
            Some(method) => {
                let ranker = Ranker::Published(method);
                (lists_of(&tables, &asked, &ranker, now), fit_tables, None)
            }
            None => {
                let (world, note) = ours::world_of(file, Without::default())?;
                let fit = now() - began;
                (ours::lists_of(&world, file, &asked, now), fit, note)
            }
        };
        let mut outcomes = report::summarize(name, file, &asked, &lists, fit, parameter);
        if published_method(name).is_none() {
            hold_against(&others, file, &asked, &mut outcomes);
            whole.clone_from(&outcomes);
        } else if is_compared {
            others.extend(outcomes.iter().cloned());
        }
        outcomes.into_iter().for_each(&mut take);
    }
    for Ablation { method, without } in ablations {
        on_method(&method);
        let began = now();
        let (world, note) = ours::world_of(file, without)?;
        let fit = now() - began;
        let lists = ours::lists_of(&world, file, &asked, now);
        let mut outcomes = report::summarize(&method, file, &asked, &lists, fit, note);
        hold_against(&whole, file, &asked, &mut outcomes);
        outcomes.into_iter().for_each(&mut take);
    }
    Ok(Sizes {
        n_customers: file.customer_ids.len(),
        n_items: file.n_items(),
        n_baskets,
        n_folds: file.folds.len(),
        n_asked: asked.len(),
    })
}

/// Differences to each of the others, case by case.
fn hold_against(
    others: &[NextBasketOutcome],
    file: &CustomerFile,
    asked: &[u32],
    outcomes: &mut [NextBasketOutcome],
) {
    for ours in outcomes {
        let rivals = others.iter().filter(|other| other.case == ours.case);
        ours.gains = rivals.filter_map(|other| Gain::of(file, asked, ours, other)).collect();
    }
}

fn published_method(name: &str) -> Option<Method> {
    match name {
        "g_top_freq" => Some(Method::GlobalTop),
        "p_top_freq" => Some(Method::PersonalTop),
        "gp_top_freq" => Some(Method::GlobalPersonalTop),
        "up_cf" => Some(Method::UpCf),
        "tifu_knn" => Some(Method::TifuKnn),
        _ => None,
    }
}

fn chosen(names: &[String]) -> Result<Vec<&'static str>, Error> {
    if let Some(name) = names.iter().find(|name| !METHODS.contains(&name.as_str())) {
        return Err(unknown(name));
    }
    // In the order of the report: ours is compared with those that ran before.
    let is_chosen = |method: &&str| names.is_empty() || names.iter().any(|name| name == method);
    Ok(METHODS.into_iter().filter(is_chosen).collect())
}

fn unknown(name: &str) -> Error {
    Error::UnknownMethod { name: name.to_owned(), known: METHODS.join(", ") }
}

/// Asks every customer, on all threads.
fn lists_of(
    tables: &NextBasketTables,
    asked: &[u32],
    ranker: &Ranker,
    now: Stopwatch<'_>,
) -> Lists {
    let view = tables.view();
    let overlay = Overlay::default();
    let (by_asked, latencies) = asked
        .par_iter()
        .map_init(RankScratch::default, |memory, &customer| {
            let began = now();
            let sequence = view.baskets.sequences.of(customer);
            let asked = Asked { customer: Some(customer), sequence: &sequence, overlay: &overlay };
            let ranked = rank(&view, ranker, &asked, LIST_LEN, memory);
            let list: Vec<u32> = ranked.iter().map(|scored| scored.index).collect();
            (list, now() - began)
        })
        .unzip();
    Lists { by_asked, latencies }
}

#[cfg(test)]
mod tests;
