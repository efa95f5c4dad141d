//! Candidates for a customer's next basket, and one row of features for each.

use super::basket_index::{AGE_DECAY, BasketIndex, N_NEWEST};
use super::customer_vector::basket_weights;
use super::habit::{Habit, Renewal, cell_of};
use super::overlay::Asked;
use super::published::{add_upcf, nearest};
use super::sequence::Sequence;
use super::sources::{self, silent};
use super::tables::Tables;
use sparse::{Accumulator, TopK};

/// Rows of one customer at the most.
pub const MAX_CANDIDATES: usize = 100;
/// What the weight in the customer's vector counts beside the hazard when own items are picked.
const OWN_WEIGHT: f32 = 0.1;
/// Items of each source that get a rank.
const PER_SOURCE: usize = 100;
const N_POPULAR: usize = 60;
/// Baskets whose followers are asked.
const N_BASKETS: usize = 300;
/// Baskets added to both sides of an item's momentum.
const MOMENTUM_SHRINKAGE: f32 = 10.0;
/// Rank of an item that a source does not list.
const UNRANKED: f32 = 2.0 * PER_SOURCE as f32;

/// Sources that score items for a customer, in the order of [`Scratch::scores`].
const N_SOURCES: usize = 7;
const NEIGHBORS: usize = 0;
const UPCF: usize = 1;
const TRANSITIONS: usize = 2;
const NEXT: usize = 3;
const SAME: usize = 4;
const NEWEST_NEAR: usize = 5;
const NEWEST_NEXT: usize = 6;

/// Names of the features, in the order of a row.
pub const FEATURES: [&str; 50] = [
    "own.n_bought",
    "own.share",
    "own.weight",
    "own.fast",
    "own.elapsed",
    "own.since_first",
    "own.mean_gap",
    "own.last_gap",
    "own.elapsed_of_gap",
    "own.share_since_first",
    "hazard.pooled",
    "hazard.item",
    "hazard.item_customer",
    "neighbors.score",
    "neighbors.rank",
    "tifu.score",
    "upcf.score",
    "upcf.rank",
    "transitions.score",
    "transitions.rank",
    "next.score",
    "next.rank",
    "same.score",
    "same.rank",
    "newest_near.score",
    "newest_near.rank",
    "newest_next.score",
    "newest_next.rank",
    "newest_next.lift",
    "next.lift",
    "neighbors.lift",
    "item.customers",
    "item.newest",
    "item.trend",
    "item.momentum",
    "item.second",
    "item.rank",
    "item.newest_rank",
    "item.again",
    "item.renewal",
    "item.per_customer",
    "customer.n_baskets",
    "customer.mean_size",
    "customer.last_size",
    "customer.n_items",
    "customer.again",
    "customer.renewal",
    "customer.popular_taste",
    "neighbors.nearness",
    "upcf.total",
];

pub const N_FEATURES: usize = FEATURES.len();

/// Candidates with their features: row r is `values[r * N_FEATURES..][..N_FEATURES]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub items: Vec<u32>,
    pub values: Vec<f32>,
}

impl Rows {
    pub fn clear(&mut self) {
        self.items.clear();
        self.values.clear();
    }
}

/// Working memory, reused from customer to customer.
#[derive(Clone, Debug)]
pub struct Scratch {
    pub(super) sums: Accumulator,
    pub(super) by_customer: Accumulator,
    by_basket: Accumulator,
    scores: [Accumulator; N_SOURCES],
    ranks: [Vec<f32>; N_SOURCES],
    habits: Vec<Habit>,
    own: Vec<u32>,
    /// The best place of each item while candidates are picked, else infinity.
    places: Vec<f32>,
    /// Items whose ranks are to be forgotten.
    ranked: Vec<u32>,
    best: TopK,
}

impl Default for Scratch {
    fn default() -> Scratch {
        let accumulator = || Accumulator::new(0);
        Scratch {
            sums: accumulator(),
            by_customer: accumulator(),
            by_basket: accumulator(),
            scores: std::array::from_fn(|_| accumulator()),
            ranks: std::array::from_fn(|_| Vec::new()),
            habits: Vec::new(),
            own: Vec::new(),
            places: Vec::new(),
            ranked: Vec::new(),
            best: TopK::new(PER_SOURCE),
        }
    }
}

impl Scratch {
    /// Makes room for these tables and this customer's items.
    pub(super) fn widen(&mut self, tables: &Tables<'_>, sequence: Sequence<'_>) {
        let largest = sequence.iter().copied().flatten().max().map_or(0, |&item| item as usize + 1);
        let n_items = tables.n_items().max(largest);
        self.sums.widen(n_items);
        self.by_customer.widen(tables.n_customers());
        self.by_basket.widen(tables.baskets.sequences.n_baskets());
        if n_items <= self.habits.len() {
            return;
        }
        self.scores.iter_mut().for_each(|scores| scores.widen(n_items));
        self.ranks.iter_mut().for_each(|ranks| ranks.resize(n_items, UNRANKED));
        self.habits.resize(n_items, Habit::default());
        self.places.resize(n_items, f32::INFINITY);
    }
}

/// What is said of the customer in every row.
struct Customer {
    n_baskets: f32,
    mean_size: f32,
    last_size: f32,
    n_items: f32,
    /// Share of the lines after the first basket that were bought before.
    again: f32,
    renewal: f32,
    popular_taste: f32,
    nearness: f32,
    upcf_total: f32,
}

/// Fills `rows` with the candidates of a customer: all own items, and the best of each source.
pub fn describe(tables: &Tables<'_>, asked: &Asked<'_>, scratch: &mut Scratch, rows: &mut Rows) {
    scratch.widen(tables, asked.sequence);
    rows.clear();
    let mut customer = read_own(tables, asked.sequence, scratch);
    score_sources(tables, asked, scratch, &mut customer);
    pick(tables, asked.sequence.len() as u32, scratch, rows);
    for &item in &rows.items {
        let row = row_of(tables, scratch, &customer, item);
        rows.values.extend_from_slice(&row);
    }
    if !tables.left_out.is_empty() {
        let is_silent = silent(tables.left_out);
        for (value, _) in rows.values.iter_mut().zip(is_silent.iter().cycle()).filter(|v| *v.1) {
            *value = 0.0;
        }
    }
    forget(scratch);
}

/// Habits of the customer's own items.
fn read_own(tables: &Tables<'_>, sequence: Sequence<'_>, scratch: &mut Scratch) -> Customer {
    let weights = basket_weights(sequence.len(), &tables.tifu);
    let n_baskets = sequence.len() as u32;
    let (mut n_lines, mut n_again, mut n_later) = (0_u32, 0_u32, 0_u32);
    let mut renewal = Renewal::default();
    for (at, basket) in (0_u32..).zip(sequence) {
        // Every item that the customer has is a chance; what was expected of it is summed before
        // this basket is taken in.
        for &item in &scratch.own {
            let habit = &scratch.habits[item as usize];
            renewal.expected += tables.hazard[cell_of(habit.n_bought, habit.elapsed(at))];
        }
        for &item in *basket {
            let habit = &mut scratch.habits[item as usize];
            if habit.n_bought == 0 {
                scratch.own.push(item);
            } else {
                n_again += 1;
            }
            habit.buy(at, n_baskets, weights[at as usize]);
        }
        n_lines += basket.len() as u32;
        n_later += if at > 0 { basket.len() as u32 } else { 0 };
    }
    renewal.n_again = n_again as f32;
    let popularity = |item: u32| facts_share(tables, item);
    let taste: f32 = scratch.own.iter().map(|&item| popularity(item)).sum();
    let n_items = scratch.own.len() as f32;
    Customer {
        n_baskets: n_baskets as f32,
        mean_size: n_lines as f32 / n_baskets.max(1) as f32,
        last_size: sequence.last().map_or(0.0, |basket| basket.len() as f32),
        n_items,
        again: (n_again as f32 + 1.0) / (n_later as f32 + 5.0),
        renewal: renewal.factor(),
        popular_taste: taste / n_items.max(1.0),
        nearness: 0.0,
        upcf_total: 0.0,
    }
}

fn facts_share(tables: &Tables<'_>, item: u32) -> f32 {
    let n_customers = tables.items.get(item as usize).map_or(0, |facts| facts.n_customers);
    n_customers as f32 / tables.n_customers().max(1) as f32
}

fn score_sources(
    tables: &Tables<'_>,
    asked: &Asked<'_>,
    scratch: &mut Scratch,
    customer: &mut Customer,
) {
    let Scratch { by_customer, by_basket, scores, habits, own, .. } = scratch;
    let mut vector: Vec<(u32, f32)> =
        own.iter().map(|&item| (item, habits[item as usize].weight)).collect();
    vector.sort_unstable_by_key(|&(item, _)| item);
    let without = tables.left_out;
    let neighbors = match without.has(sources::TIFU) {
        true => Vec::new(),
        false => nearest(tables, asked, &vector, by_customer),
    };
    customer.nearness = neighbors.first().map_or(0.0, |nearest| nearest.nearness);
    tables.customers.add_mean(&neighbors, 1.0, asked.overlay, &mut scores[NEIGHBORS]);
    if !without.has(sources::UPCF) {
        customer.upcf_total = add_upcf(tables, asked, by_customer, &mut scores[UPCF]);
    }
    let sequences = &tables.baskets.sequences;
    for neighbor in &neighbors {
        if let Some(newest) = sequences.range(neighbor.customer).last() {
            sequences.basket(newest).iter().for_each(|&item| scores[NEWEST_NEAR].add(item, 1.0));
        }
    }
    let n_known = if without.has(sources::TRANSITIONS) { 0 } else { tables.transitions.n_rows() };
    BasketIndex::query_of(asked.sequence, |item, weight| {
        if (item as usize) < n_known {
            let (items, chances) = tables.transitions.row(item);
            for (&next, &chance) in items.iter().zip(chances) {
                scores[TRANSITIONS].add(next, weight * chance);
            }
        }
    });
    let n_alike = if without.has(sources::ALIKE_BASKETS) { 0 } else { N_BASKETS };
    for (basket, sim) in tables.baskets.alike(asked.sequence, asked.customer, n_alike, by_basket) {
        sequences.basket(basket).iter().for_each(|&item| scores[SAME].add(item, sim));
        let owner_end = sequences.end_of_owner(basket);
        let mut weight = sim;
        for after in basket + 1..owner_end.min(basket + 1 + N_NEWEST as u32) {
            sequences.basket(after).iter().for_each(|&item| scores[NEXT].add(item, weight));
            weight *= AGE_DECAY;
        }
        if basket + 1 < owner_end {
            let newest = sequences.basket(owner_end - 1);
            newest.iter().for_each(|&item| scores[NEWEST_NEXT].add(item, sim));
        }
    }
}

/// The most promising items, own ones among them: an item is as promising as the best rank that
/// any source gives it. Half a rank counts for the customer's own items by hazard, two ranks for
/// what sells now.
fn pick(tables: &Tables<'_>, n_baskets: u32, scratch: &mut Scratch, rows: &mut Rows) {
    let Scratch { scores, ranks, own, habits, places, ranked, best, .. } = scratch;
    let mut found = std::mem::take(ranked);
    let mut put = |item: u32, place: f32, found: &mut Vec<u32>| {
        let known = &mut places[item as usize];
        if *known == f32::INFINITY {
            found.push(item);
        }
        *known = known.min(place);
    };
    best.reset(own.len());
    let with_own = !tables.left_out.has(sources::HABIT);
    for &item in own.iter().filter(|_| with_own) {
        let habit = &habits[item as usize];
        let hazard = tables.hazard[cell_of(habit.n_bought, habit.elapsed(n_baskets))];
        let renewal = tables.items.get(item as usize).map_or(1.0, |facts| facts.renewal.factor());
        best.push(item, hazard * renewal + OWN_WEIGHT * habit.weight);
    }
    for (rank, scored) in best.sorted().iter().enumerate() {
        put(scored.index, 0.5 * rank as f32, &mut found);
    }
    for (scores, ranks) in scores.iter().zip(ranks) {
        best.reset(PER_SOURCE);
        scores.touched().iter().for_each(|&item| best.push(item, scores.get(item)));
        for (rank, scored) in best.sorted().iter().enumerate() {
            ranks[scored.index as usize] = 1.0 + rank as f32;
            put(scored.index, 1.0 + rank as f32, &mut found);
        }
    }
    let n_popular = if tables.left_out.has(sources::BEST_SELLERS) { 0 } else { N_POPULAR };
    for (list, weight) in [(tables.popular, 2.0), (tables.newest, 1.0)] {
        for (rank, &item) in list.iter().take(n_popular).enumerate() {
            put(item, 2.0 + weight * rank as f32, &mut found);
        }
    }
    best.reset(MAX_CANDIDATES);
    found.iter().for_each(|&item| best.push(item, -places[item as usize]));
    rows.items.extend(best.sorted().iter().map(|scored| scored.index));
    found.iter().for_each(|&item| places[item as usize] = f32::INFINITY);
    *ranked = found;
}

/// Features of the customer's own habit; they come first.
const N_OWN: usize = 13;

fn row_of(
    tables: &Tables<'_>,
    scratch: &Scratch,
    customer: &Customer,
    item: u32,
) -> [f32; N_FEATURES] {
    let at = item as usize;
    let habit = &scratch.habits[at];
    let facts = tables.items.get(at).copied().unwrap_or_default();
    let score = |source: usize| scratch.scores[source].get(item);
    let rank = |source: usize| scratch.ranks[source][at];
    let of_customers = facts_share(tables, item);
    let of_newest = facts.n_newest as f32 / tables.n_customers().max(1) as f32;
    let n_baskets = facts.n_baskets as f32;
    let tifu = &tables.tifu;
    let rest: [f32; N_FEATURES - N_OWN] = [
        score(NEIGHBORS),
        rank(NEIGHBORS),
        tifu.own_share * habit.weight + (1.0 - tifu.own_share) * score(NEIGHBORS),
        over(score(UPCF), customer.upcf_total),
        rank(UPCF),
        score(TRANSITIONS),
        rank(TRANSITIONS),
        score(NEXT),
        rank(NEXT),
        score(SAME),
        rank(SAME),
        score(NEWEST_NEAR),
        rank(NEWEST_NEAR),
        score(NEWEST_NEXT),
        rank(NEWEST_NEXT),
        over(score(NEWEST_NEXT), of_newest),
        over(score(NEXT), of_newest),
        over(score(NEIGHBORS), of_customers),
        of_customers,
        of_newest,
        over(facts.n_newest as f32, n_baskets),
        (facts.n_newest as f32 + MOMENTUM_SHRINKAGE) / (facts.n_second as f32 + MOMENTUM_SHRINKAGE),
        facts.n_second as f32 / tables.n_customers().max(1) as f32,
        facts.log_rank,
        facts.log_newest_rank,
        over(facts.renewal.n_again, facts.n_chances as f32),
        facts.renewal.factor(),
        over(n_baskets, facts.n_customers as f32),
        customer.n_baskets,
        customer.mean_size,
        customer.last_size,
        customer.n_items,
        customer.again,
        customer.renewal,
        customer.popular_taste,
        customer.nearness,
        customer.upcf_total,
    ];
    let mut row = [0.0; N_FEATURES];
    row[..N_OWN].copy_from_slice(&habit_features(tables, habit, facts.renewal.factor(), customer));
    row[N_OWN..].copy_from_slice(&rest);
    row
}

/// What the customer's own habit with the item says.
fn habit_features(
    tables: &Tables<'_>,
    habit: &Habit,
    renewal: f32,
    customer: &Customer,
) -> [f32; N_OWN] {
    let next = customer.n_baskets as u32;
    let is_own = habit.n_bought > 0;
    let (elapsed, since_first) =
        if is_own { (habit.elapsed(next), next - habit.first) } else { (0, 0) };
    let hazard = if is_own { tables.hazard[cell_of(habit.n_bought, elapsed)] } else { 0.0 };
    let mean_gap = habit.mean_gap();
    [
        habit.n_bought as f32,
        over(habit.n_bought as f32, customer.n_baskets),
        habit.weight,
        habit.fast,
        elapsed as f32,
        since_first as f32,
        mean_gap,
        habit.last_gap as f32,
        over(elapsed as f32, mean_gap),
        over(habit.n_bought as f32, since_first as f32),
        hazard,
        hazard * renewal,
        hazard * renewal * customer.renewal,
    ]
}

/// A share, unknown where there is nothing to share.
fn over(a: f32, b: f32) -> f32 {
    if b > 0.0 { a / b } else { f32::NAN }
}

fn forget(scratch: &mut Scratch) {
    for &item in &scratch.ranked {
        scratch.ranks.iter_mut().for_each(|ranks| ranks[item as usize] = UNRANKED);
    }
    scratch.ranked.clear();
    for &item in &scratch.own {
        scratch.habits[item as usize] = Habit::default();
    }
    scratch.own.clear();
    scratch.scores.iter_mut().for_each(Accumulator::clear);
}
