//! The explorer: the pairs of an item with the evidence behind each.

use super::card::{Card, is_shown};
use super::shop::find;
use super::words::calm;
use super::{Page, html, lost};
use crate::extract::{PathIn, QueryIn};
use crate::keys::Scope;
use crate::problem::Problem;
use crate::routes::admit;
use crate::state::{AppState, Served};
use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use decide::words::{grouped, name_of};
use score::World;
use serde::Deserialize;
use snapshot::PairStats;

/// Rows of the table; the rest is in the snapshot.
const MAX_ROWS: usize = 100;
/// Width of a full bar, in the units of its picture.
const BAR: f64 = 100.0;

/// What the table may be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Strength,
    Together,
    Lift,
    Forward,
    Backward,
    Evidence,
}

impl Column {
    const ALL: [Column; 6] = [
        Column::Strength,
        Column::Together,
        Column::Lift,
        Column::Forward,
        Column::Backward,
        Column::Evidence,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Column::Strength => "strength",
            Column::Together => "together",
            Column::Lift => "lift",
            Column::Forward => "forward",
            Column::Backward => "backward",
            Column::Evidence => "evidence",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Column::Strength => "Strength",
            Column::Together => "Orders with both",
            Column::Lift => "Times chance",
            Column::Forward => "Has it, given this",
            Column::Backward => "Has this, given it",
            Column::Evidence => "G²",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Column::Strength => "Orders with both among orders with either, recent ones first",
            Column::Together => "Orders that hold both items",
            Column::Lift => "Orders with both, over what chance would give",
            Column::Forward => "Share of the orders with this item that also hold the other",
            Column::Backward => "Share of the orders with the other item that also hold this",
            Column::Evidence => "Log-likelihood ratio: how sure it is that this is no chance",
        }
    }
}

/// One pair as the table shows it.
struct Row {
    card: Card,
    n_both: String,
    lift: String,
    lift_bar: String,
    forward: String,
    forward_bar: String,
    forward_low_bar: String,
    backward: String,
    backward_bar: String,
    g2: String,
    order_in_time: String,
    is_significant: bool,
    key: [f64; Column::ALL.len()],
}

struct Heading {
    label: &'static str,
    help: &'static str,
    name: &'static str,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "explore.html")]
struct ExplorePage {
    page: Page,
    item: Card,
    rows: Vec<Row>,
    headings: Vec<Heading>,
    n_pairs: String,
    n_orders: String,
    n_all_orders: String,
    category: String,
    other_items: Vec<Card>,
}

#[derive(Template)]
#[template(path = "explore_start.html")]
struct StartPage {
    page: Page,
    results: Vec<Card>,
    is_search: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct StartQuery {
    #[serde(default)]
    q: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct SortQuery {
    #[serde(default)]
    sort: String,
}

/// Where to begin: a search, or the items that sell best.
pub(super) async fn start(
    State(state): State<AppState>,
    QueryIn(query): QueryIn<StartQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit_operator(&state, &headers)?;
    let served = state.inner.served.load();
    let words: String = query.q.chars().take(200).collect();
    let is_search = !words.trim().is_empty();
    let results = match is_search {
        true => find(&served, &words, 24),
        false => best_sellers(&served, 24),
    };
    let page = Page { query: words, ..Page::of_request(&state, "Explorer", &headers) };
    Ok(html(&StartPage { page, results, is_search }))
}

fn best_sellers(served: &Served, n: usize) -> Vec<Card> {
    let world = &served.world;
    let shown = world.snapshot.popular().iter().filter(|&&item| is_shown(world, item));
    shown.take(n).map(|&item| Card::of(world, item)).collect()
}

pub(super) async fn page(
    State(state): State<AppState>,
    PathIn(item_id): PathIn,
    QueryIn(query): QueryIn<SortQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit_operator(&state, &headers)?;
    let served = state.inner.served.load();
    let world = &served.world;
    let Some(item) = world.item_idx(&item_id).filter(|&item| is_shown(world, item)) else {
        return Ok(lost(&state, &headers, "There is no such item."));
    };
    let sort = Column::ALL.into_iter().find(|column| column.as_str() == query.sort);
    let sort = sort.unwrap_or(Column::Strength);
    let rows = rows_of(world, item, sort);
    let title = format!("Pairs of {}", calm(name_of(world, item)));
    let heading = |column: Column| Heading {
        label: column.label(),
        help: column.help(),
        name: column.as_str(),
        is_current: column == sort,
    };
    Ok(html(&ExplorePage {
        page: Page::of_request(&state, &title, &headers),
        item: Card::of(world, item),
        n_pairs: grouped(rows.len() as u64),
        rows,
        headings: Column::ALL.map(heading).into(),
        n_orders: grouped(n_pair_baskets_of(world, item).into()),
        n_all_orders: grouped(world.snapshot.n_pair_baskets().into()),
        category: world.category(item).unwrap_or_default().to_owned(),
        other_items: best_sellers(&served, 6),
    }))
}

/// The pages of the operator need the secret key once there are keys.
pub(super) fn admit_operator(state: &AppState, headers: &HeaderMap) -> Result<(), Problem> {
    admit(state, headers, Scope::Server).map(drop)
}

/// Orders with the item, of those that pairs were counted in.
fn n_pair_baskets_of(world: &World, item: u32) -> u32 {
    if world.is_learned(item) { world.snapshot.n_pair_baskets_of(item) } else { 0 }
}

fn rows_of(world: &World, item: u32, sort: Column) -> Vec<Row> {
    if !world.is_learned(item) {
        return Vec::new();
    }
    let (others, stats) = world.snapshot.pairs(item);
    let shown: Vec<(u32, &PairStats)> =
        others.iter().copied().zip(stats).filter(|&(other, _)| is_shown(world, other)).collect();
    let max_lift = shown.iter().map(|(_, pair)| f64::from(pair.lift)).fold(1.0, f64::max);
    let mut rows: Vec<Row> =
        shown.into_iter().map(|(other, pair)| row_of(world, other, pair, max_lift)).collect();
    let at = Column::ALL.iter().position(|column| *column == sort).unwrap_or(0);
    // The stored order, strongest first, decides ties.
    rows.sort_by(|a, b| b.key[at].total_cmp(&a.key[at]));
    rows.truncate(MAX_ROWS);
    rows
}

fn row_of(world: &World, other: u32, pair: &PairStats, max_lift: f64) -> Row {
    let backward = f64::from(pair.n_both) / f64::from(n_pair_baskets_of(world, other).max(1));
    let forward = f64::from(pair.probability);
    let lift = f64::from(pair.lift);
    Row {
        card: Card::of(world, other),
        n_both: grouped(pair.n_both.into()),
        lift: format!("{lift:.1}"),
        // Lifts span decades: the bar is their logarithm.
        lift_bar: bar(lift.max(1.0).ln() / max_lift.max(1.001).ln()),
        forward: percent(forward),
        forward_bar: bar(forward),
        forward_low_bar: bar(pair.wilson_low.into()),
        backward: percent(backward),
        backward_bar: bar(backward),
        g2: grouped(f64::from(pair.g2).max(0.0).round() as u64),
        order_in_time: order_in_time(pair),
        is_significant: pair.is_significant != 0,
        key: [pair.jaccard.into(), pair.n_both.into(), lift, forward, backward, pair.g2.into()],
    }
}

fn bar(share: f64) -> String {
    format!("{:.1}", share.clamp(0.0, 1.0) * BAR)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Which of the two customers buy first, when they buy them in different orders.
fn order_in_time(pair: &PairStats) -> String {
    match (pair.n_after, pair.n_before) {
        (0, 0) => String::new(),
        (after, before) => {
            format!("{} after, {} before", grouped(after.into()), grouped(before.into()))
        }
    }
}
