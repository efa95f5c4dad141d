//! The cart of the demo shop, as a page and as a drawer; checkout without money.

mod view;

use super::card::{Card, is_shown};
use super::visitor::{Visitor, line, offers};
use super::{Page, html, lost};
use crate::live::Session;
use crate::routes::keep_events;
use crate::state::{AppState, Served};
use askama::Template;
use axum::Router;
use axum::extract::{RawForm, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use decide::Placement;
use events::event::EventLine;
use events::{Amount, EventKind};
use view::{CartView, obstacle, view_of};

const N_ADDONS: usize = 4;
/// Items of one form; the bundle row has three.
pub(super) const MAX_FORM_ITEMS: usize = 20;

pub(super) fn cart_routes() -> Router<AppState> {
    Router::new()
        .route("/cart", get(page))
        .route("/cart/add", post(add))
        .route("/cart/remove", post(remove))
        .route("/cart/checkout", post(checkout))
}

#[derive(Template)]
#[template(path = "cart.html")]
struct CartPage {
    page: Page,
    cart: CartView,
}

#[derive(Template)]
#[template(path = "cart_fragment.html")]
struct CartFragment {
    cart: CartView,
}

#[derive(Template)]
#[template(path = "thanks.html")]
struct ThanksPage {
    page: Page,
    order_id: String,
    addons: Vec<Card>,
}

async fn page(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let visitor = Visitor::of(&state, &headers);
    visitor.remember(show(&state, &visitor, &headers, String::new()))
}

fn show(
    state: &AppState,
    visitor: &Visitor,
    headers: &HeaderMap,
    announcement: String,
) -> Response {
    let session = visitor.session(&state.inner);
    let served = state.inner.stand(&visitor.session_id, Placement::Cart);
    let page = Page::of(state, "Cart", &session);
    let visit = (&*visitor.session_id, &session);
    let cart = view_of(&state.inner, &served, visit, page.n_in_cart, announcement);
    if wants_fragment(headers) {
        html(&CartFragment { cart })
    } else {
        html(&CartPage { page, cart })
    }
}

/// Our script asks for the drawer alone.
fn wants_fragment(headers: &HeaderMap) -> bool {
    headers.contains_key("x-fragment")
}

async fn add(
    State(state): State<AppState>,
    headers: HeaderMap,
    RawForm(form): RawForm,
) -> Response {
    change(&state, &headers, EventKind::AddToCart, &form).await
}

async fn remove(
    State(state): State<AppState>,
    headers: HeaderMap,
    RawForm(form): RawForm,
) -> Response {
    change(&state, &headers, EventKind::RemoveFromCart, &form).await
}

/// Adds or takes out the items of a form; each `item` field is one unit, `all=1` takes out all.
async fn change(state: &AppState, headers: &HeaderMap, kind: EventKind, form: &[u8]) -> Response {
    let inner = &state.inner;
    let visitor = Visitor::of(state, headers);
    let served = inner.served.load_full();
    let world = &served.world;
    let is_all = form_values(form, "all").next().is_some();
    let session = visitor.session(inner);
    let held = |item_id: &str| session.cart.iter().find(|line| *line.item_id == *item_id);
    let quantity = |item_id: &str| match held(item_id) {
        Some(line) if is_all => line.quantity,
        _ => Amount::ONE,
    };
    // What is hidden by now may still be taken out.
    let may_change = |item: u32| match kind {
        EventKind::RemoveFromCart => held(world.item_id(item)).is_some(),
        _ => obstacle(world, item).is_empty(),
    };
    let asked: Vec<u32> = form_values(form, "item")
        .take(MAX_FORM_ITEMS)
        .filter_map(|item_id| world.item_idx(&item_id))
        .collect();
    let items: Vec<u32> = asked.iter().copied().filter(|&item| may_change(item)).collect();
    let Some(&first) = items.first() else {
        return refusal(state, headers, &visitor, kind, asked.first().copied());
    };
    let origin = form_values(form, "from").next().filter(|origin| !origin.is_empty());
    let lines: Vec<EventLine> = items
        .iter()
        .map(|&item| (world.item_id(item), world.catalog.state(item).price()))
        .map(|(item_id, price)| EventLine {
            origin: origin.as_ref().map(|origin| origin.chars().take(64).collect()),
            ..line(item_id, quantity(item_id), price)
        })
        .collect();
    let mut event = visitor.event(inner, kind, lines);
    event.recommendation_id = event.lines[0].origin.clone();
    if let Err(problem) = keep_events(state, vec![event]).await {
        return problem.into_response();
    }
    let announcement = match (kind, items.as_slice()) {
        (EventKind::AddToCart, [_, _, ..]) => {
            format!("{} products were put in the cart.", items.len())
        }
        _ => change_in_words(&served, &visitor.session(inner), first),
    };
    let response = if wants_fragment(headers) {
        show(state, &visitor, headers, announcement)
    } else {
        Redirect::to("/cart").into_response()
    };
    visitor.remember(response)
}

/// What became of an item, for those who do not see the figures.
fn change_in_words(served: &Served, session: &Session, item: u32) -> String {
    let world = &served.world;
    let title = Card::of(world, item).title;
    let held = session.cart.iter().find(|line| *line.item_id == *world.item_id(item));
    match held {
        None => format!("{title} was taken out."),
        Some(line) if line.quantity == Amount::ONE => format!("{title} is in the cart."),
        Some(line) => format!("{title}: {} in the cart.", line.quantity),
    }
}

/// Nothing of a form can be done: says why, with a way on.
fn refusal(
    state: &AppState,
    headers: &HeaderMap,
    visitor: &Visitor,
    kind: EventKind,
    asked: Option<u32>,
) -> Response {
    let served = state.inner.served.load();
    let sold_out = asked.filter(|&item| is_shown(&served.world, item));
    match (kind, sold_out) {
        // Taken out before, in another window perhaps: what was wanted is so.
        (EventKind::RemoveFromCart, _) if asked.is_some() => {
            if wants_fragment(headers) {
                return show(state, visitor, headers, "It is not in the cart.".to_owned());
            }
            Redirect::to("/cart").into_response()
        }
        (_, Some(item)) => {
            let title = Card::of(&served.world, item).title;
            lost(state, headers, &format!("{title} is out of stock."))
        }
        _ => lost(state, headers, "There is no such product here."),
    }
}

async fn checkout(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let inner = &state.inner;
    let visitor = Visitor::of(&state, &headers);
    let session = visitor.session(inner);
    let served = inner.stand(&visitor.session_id, Placement::PostPurchase);
    let world = &served.world;
    // What cannot be had any more stays in the cart and says so.
    let can_order = |item_id: &str| {
        world.item_idx(item_id).is_some_and(|item| obstacle(world, item).is_empty())
    };
    let lines: Vec<EventLine> = session
        .cart
        .iter()
        .filter(|held| can_order(&held.item_id))
        .map(|held| line(&held.item_id, held.quantity, held.unit_price))
        .collect();
    if lines.is_empty() {
        return Redirect::to("/cart").into_response();
    }
    let order_id = format!("DEMO-{}", inner.ids.next(inner.clock.now()).as_str());
    let mut event = visitor.event(inner, EventKind::Purchase, lines);
    event.order_id = Some(order_id.clone());
    event.currency =
        session.cart.iter().find_map(|held| world.currency(world.item_idx(&held.item_id)?));
    if let Err(problem) = keep_events(&state, vec![event]).await {
        return problem.into_response();
    }
    let visit = (&*visitor.session_id, &session);
    let slate = offers(inner, &served, visit, Placement::PostPurchase, &[], N_ADDONS);
    let after = visitor.session(inner);
    html(&ThanksPage {
        page: Page::of(&state, "Thank you", &after),
        order_id,
        addons: Card::of_slate(world, &slate),
    })
}

/// The values of one field of an urlencoded form.
pub(super) fn form_values(form: &[u8], name: &str) -> impl Iterator<Item = String> {
    form.split(|&byte| byte == b'&').filter_map(move |pair| {
        let at = pair.iter().position(|&byte| byte == b'=')?;
        (&pair[..at] == name.as_bytes()).then(|| decode(&pair[at + 1..]))
    })
}

/// `a+b%2Fc` → `a b/c`; what is no UTF-8 becomes something that no item is called.
fn decode(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => match (digit(rest.next()), digit(rest.next())) {
                (Some(high), Some(low)) => bytes.push((high << 4 | low) as u8),
                _ => bytes.push(b'%'),
            },
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read() {
        let values: Vec<String> =
            form_values(b"item=A+b%2Fc&x=1&item=%C3%BC&item=%ff&item=%", "item").collect();
        assert_eq!(values, ["A b/c", "ü", "\u{fffd}", "%"]);
    }
}
