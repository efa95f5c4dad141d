//! The demo shop: home, search, product.

use super::card::{Card, is_shown};
use super::visitor::{Visitor, line, offers};
use super::words::calm;
use super::{Page, html, lost, money};
use crate::extract::{PathIn, QueryIn};
use crate::recommend::{under_policies, with_workspace};
use crate::state::{AppState, Served};
use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use decide::words::{grouped, name_of};
use decide::{Circumstances, ItemRef, Placement, ReasonCode, Request};
use events::{Amount, EventKind, Timestamp};
use policy::ContactFacts;
use score::World;
use serde::Deserialize;

const N_POPULAR: usize = 12;
const N_RESULTS: usize = 48;
const N_INSTANT: usize = 6;
/// In the bundle row beside the product itself.
const N_BUNDLE: usize = 2;
const N_OFFERS: usize = 8;
const N_HOME_PAIRS: usize = 3;

pub(super) fn shop_routes() -> Router<AppState> {
    Router::new()
        .route("/", get(home))
        .route("/search", get(search))
        .route("/p/{item_id}", get(product))
}

/// Two items that the orders put together.
struct HomePair {
    anchor: Card,
    item: Card,
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    page: Page,
    popular: Vec<Card>,
    heading: &'static str,
    /// Something that a search finds.
    hint: String,
    pairs: Vec<HomePair>,
    n_orders: String,
    n_items: String,
}

async fn home(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let visitor = Visitor::of(&state, &headers);
    let session = visitor.session(&state.inner);
    let served = state.inner.stand(&visitor.session_id, Placement::Home);
    let world = &served.world;
    let visit = (&*visitor.session_id, &session);
    let slate = offers(&state.inner, &served, visit, Placement::Home, &[], N_POPULAR);
    let is_personal = slate.decision.rung < score::Rung::Popular;
    let response = html(&HomePage {
        page: Page::of(&state, "", &session),
        hint: hint_of(world),
        popular: slate
            .decision
            .offers
            .iter()
            .map(|offer| Card::of_offer_in_brief(world, &slate.id, offer))
            .collect(),
        heading: if is_personal { "Picked for you" } else { "Popular now" },
        pairs: home_pairs(&served, state.inner.clock.now()),
        n_orders: grouped(world.snapshot.n_baskets().into()),
        n_items: grouped(world.n_items() as u64),
    });
    visitor.remember(response)
}

/// The last word of what sells best.
fn hint_of(world: &World) -> String {
    let best = world.snapshot.popular().iter().find(|&&item| is_shown(world, item));
    let title = best.map(|&item| calm(world.title(item))).unwrap_or_default();
    let words = title.split_whitespace().rev();
    let plain = words.filter(|word| word.len() > 2 && word.chars().all(char::is_alphabetic));
    plain.map(str::to_lowercase).next().unwrap_or_default()
}

/// The best pair of some items that sell well, no item twice.
fn home_pairs(served: &Served, now: Timestamp) -> Vec<HomePair> {
    let world = &served.world;
    let mut seen: Vec<u32> = Vec::new();
    let mut pairs = Vec::new();
    for &anchor in world.snapshot.popular().iter().take(60) {
        if pairs.len() == N_HOME_PAIRS {
            break;
        }
        if seen.contains(&anchor) || !is_shown(world, anchor) {
            continue;
        }
        let anchors = [ItemRef::Known(anchor)];
        // Shown to nobody in particular: no contact counts.
        let contact = Some(ContactFacts::default());
        let circumstances = Circumstances { contact, ..Circumstances::default() };
        let count = Some(1);
        let asked =
            Request { anchors: &anchors, count, circumstances, ..Request::at(Placement::Pdp) };
        let asked = under_policies(served, &asked, now);
        // A showcase of the data and no answer to a visitor: not recorded.
        let decision = with_workspace(|workspace| decide::decide(world, &asked, workspace));
        let Some(offer) = decision.offers.first() else { continue };
        if offer.reason.evidence.is_none() || seen.contains(&offer.item) {
            continue;
        }
        seen.extend([anchor, offer.item]);
        // No decision stands behind it that a click could name.
        pairs.push(HomePair {
            anchor: Card::of(world, anchor),
            item: Card::of_offer(world, "", offer),
        });
    }
    pairs
}

#[derive(Debug, Deserialize)]
struct SearchQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    fragment: Option<String>,
}

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    page: Page,
    results: Vec<Card>,
}

/// What appears under the search box while typing.
#[derive(Template)]
#[template(path = "search_fragment.html")]
struct SearchFragment {
    query: String,
    results: Vec<Card>,
}

async fn search(
    State(state): State<AppState>,
    QueryIn(query): QueryIn<SearchQuery>,
    headers: HeaderMap,
) -> Response {
    let served = state.inner.served.load();
    let words: String = query.q.chars().take(200).collect();
    if query.fragment.is_some() {
        let results = find(&served, &words, N_INSTANT);
        return html(&SearchFragment { query: words, results });
    }
    let visitor = Visitor::of(&state, &headers);
    let session = visitor.session(&state.inner);
    let results = find(&served, &words, N_RESULTS);
    let page = Page { query: words, ..Page::of(&state, "Search", &session) };
    visitor.remember(html(&SearchPage { page, results }))
}

pub(super) fn find(served: &Served, words: &str, limit: usize) -> Vec<Card> {
    let world = &served.world;
    // Some of the matches may not be shown, so more are asked for.
    let found = score::search(world, words, limit * 2);
    let shown = found.into_iter().filter(|&item| is_shown(world, item));
    shown.take(limit).map(|item| Card::of(world, item)).collect()
}

#[derive(Template)]
#[template(path = "product.html")]
struct ProductPage {
    page: Page,
    item: Card,
    category: String,
    n_orders: u64,
    n_orders_text: String,
    is_sold_out: bool,
    bundle: Vec<Card>,
    bundle_total: String,
    addons: Vec<Card>,
    /// What takes its place, and does not go beside it.
    instead: Vec<Card>,
    /// The rung that the add-ons come from, in words, when it is not the usual one.
    note: &'static str,
}

async fn product(
    State(state): State<AppState>,
    PathIn(item_id): PathIn,
    headers: HeaderMap,
) -> Response {
    let inner = &state.inner;
    let visitor = Visitor::of(&state, &headers);
    let served = inner.stand(&visitor.session_id, Placement::Pdp);
    let world = &served.world;
    let Some(item) = world.item_idx(&item_id).filter(|&item| is_shown(world, item)) else {
        return lost(&state, &headers, "There is no such product here.");
    };
    let session = visitor.session(inner);
    let visit = (&*visitor.session_id, &session);
    let slate = offers(inner, &served, visit, Placement::Pdp, &[item], N_OFFERS);
    let decision = &slate.decision;
    let card = Card::of(world, item);
    let in_bundle = decision
        .offers
        .iter()
        .filter(|offer| offer.reason.code == ReasonCode::BoughtTogether)
        .filter(|offer| world.catalog.state(offer.item).price().is_some())
        .take(N_BUNDLE)
        .map(|offer| offer.item)
        .collect::<Vec<u32>>();
    let of_offer = |offer: &decide::Offer| Card::of_offer(world, &slate.id, offer);
    let (instead, beside): (Vec<_>, Vec<_>) =
        decision.offers.iter().partition(|offer| offer.relation.replaces());
    let (bundled, others): (Vec<_>, Vec<_>) =
        beside.into_iter().partition(|offer: &&decide::Offer| in_bundle.contains(&offer.item));
    let bundle: Vec<Card> = bundled.into_iter().map(of_offer).collect();
    let template = ProductPage {
        page: Page::of(&state, &calm(name_of(world, item)), &session),
        category: world.category(item).unwrap_or_default().to_owned(),
        n_orders: world.n_item_baskets(item).into(),
        n_orders_text: grouped(world.n_item_baskets(item).into()),
        is_sold_out: world.catalog.state(item).is_out_of_stock(),
        bundle_total: total(world, item, &card, &bundle),
        bundle,
        addons: others.into_iter().map(of_offer).collect(),
        instead: instead.into_iter().map(of_offer).collect(),
        note: note_of(decision.rung),
        item: card,
    };
    let response = visitor.remember(html(&template));
    let view = visitor.event(inner, EventKind::ViewItem, vec![line(&item_id, Amount::ONE, None)]);
    inner.live.apply(&view, inner.clock.now());
    // A view need not be durable before the page goes out.
    let state = state.clone();
    tokio::spawn(async move {
        let now = view.at;
        match state.inner.ledger.append(vec![view], now).await {
            Ok(_) => state.inner.metrics.count_event(EventKind::ViewItem),
            Err(fault) => tracing::warn!(%fault, "a page view was not kept"),
        }
    });
    response
}

fn total(world: &World, item: u32, card: &Card, bundle: &[Card]) -> String {
    let mut amounts = std::iter::once(card).chain(bundle).map(|card| card.amount);
    let sum = amounts.try_fold(Amount::ZERO, |sum, amount| sum.checked_add(amount?));
    sum.map(|sum| money::show(sum, world.currency(item))).unwrap_or_default()
}

fn note_of(rung: score::Rung) -> &'static str {
    match rung {
        score::Rung::Content => {
            "No sales speak for this product yet; these go with products alike."
        }
        score::Rung::Category => "Popular in the same category.",
        score::Rung::SegmentPopular => "Popular with customers like you.",
        score::Rung::Popular => "Popular in this shop.",
        _ => "",
    }
}
