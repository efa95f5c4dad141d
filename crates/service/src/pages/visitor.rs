//! Who is browsing the shop: a random name in a cookie, nothing else.

use crate::live::Session;
use crate::recommend::decide_for_page;
use crate::state::{AppState, Inner};
use crate::worlds::Stand;
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use decide::{CartLine, Decision, ItemRef, Placement, Request};
use events::event::EventLine;
use events::{Amount, Event, EventKind};

const COOKIE_NAME: &str = "alongside_visit";
/// Tells demo visits from the sessions of a real shop.
const PREFIX: &str = "shop-";

pub(crate) struct Visitor {
    pub(crate) session_id: String,
    is_new: bool,
}

impl Visitor {
    pub(crate) fn of(state: &AppState, headers: &HeaderMap) -> Visitor {
        match cookie(headers) {
            Some(session_id) => Visitor { session_id, is_new: false },
            None => {
                let id = state.inner.ids.next(state.inner.clock.now());
                Visitor { session_id: format!("{PREFIX}{}", id.as_str()), is_new: true }
            }
        }
    }

    /// Gives a new visitor the cookie.
    pub(crate) fn remember(&self, mut response: Response) -> Response {
        if self.is_new {
            let cookie = format!(
                "{COOKIE_NAME}={}; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict",
                self.session_id
            );
            let value = HeaderValue::from_str(&cookie).expect("our own ids fit a header");
            response.headers_mut().append(axum::http::header::SET_COOKIE, value);
        }
        response
    }

    /// It came without the cookie.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    pub(crate) fn session(&self, inner: &Inner) -> Session {
        let now = inner.clock.now();
        inner.live.sessions.read(&self.session_id, now, Session::clone).unwrap_or_default()
    }

    /// An event of this visitor.
    pub(crate) fn event(&self, inner: &Inner, kind: EventKind, lines: Vec<EventLine>) -> Event {
        let now = inner.clock.now();
        let id = inner.ids.next(now);
        Event {
            event_id: format!("{PREFIX}{}", id.as_str()),
            kind,
            at: now,
            customer_id: None,
            session_id: Some(self.session_id.clone()),
            order_id: None,
            source: "demo-shop".to_owned(),
            currency: None,
            location_id: None,
            recommendation_id: None,
            lines,
            // Anybody may send these forms. Where there are keys, an order counts when the server
            // side sends it, as with a public key; without keys everybody here is trusted.
            confirmed: inner.keys.load().is_open(),
        }
    }
}

/// Only names that we gave: 5 + 23 characters of base 32.
fn cookie(headers: &HeaderMap) -> Option<String> {
    let all = headers.get(COOKIE)?.to_str().ok()?;
    let value = all.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE_NAME).then_some(value)
    })?;
    let is_ours = value.starts_with(PREFIX)
        && value.len() == PREFIX.len() + 23
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_ours.then(|| value.to_owned())
}

pub(crate) fn line(item_id: &str, quantity: Amount, unit_price: Option<Amount>) -> EventLine {
    EventLine { item_id: item_id.to_owned(), quantity, unit_price, origin: None }
}

/// The name of a visit and its state.
pub(crate) type Visit<'a> = (&'a str, &'a Session);

/// A slate of a page, with the name that clicks and purchases carry back.
pub(crate) struct PageSlate {
    pub(crate) id: String,
    pub(crate) decision: Decision,
}

/// The offers of a page, decided and recorded as the API does it.
pub(crate) fn offers(
    inner: &Inner,
    served: &Stand,
    visit: Visit<'_>,
    placement: Placement,
    anchors: &[u32],
    count: usize,
) -> PageSlate {
    let (world, (session_id, session)) = (&served.world, visit);
    let anchors: Vec<ItemRef<'_>> = anchors.iter().map(|&item| ItemRef::Known(item)).collect();
    let cart: Vec<CartLine<'_>> = session
        .cart
        .iter()
        .filter_map(|line| {
            let item = ItemRef::Known(world.item_idx(&line.item_id)?);
            Some(CartLine { item, quantity: line.quantity, unit_price: line.unit_price })
        })
        .collect();
    let views: Vec<u32> = session.views.iter().filter_map(|id| world.item_idx(id)).collect();
    let in_cart: Vec<u32> =
        session.cart.iter().filter_map(|line| world.item_idx(&line.item_id)).collect();
    let bought = session.orders_of(None).flat_map(|order| &order.lines);
    let bought = bought.filter_map(|line| world.item_idx(&line.item_id));
    let bought: Vec<u32> = bought.collect();
    // Beside a product, the product speaks; what lies in the cart is only kept from coming back.
    let is_product = placement == Placement::Pdp;
    let request = Request {
        anchors: &anchors,
        cart: if is_product { &[] } else { &cart },
        exclude: if is_product { &in_cart } else { &[] },
        session: &views,
        bought_since: &bought,
        count: Some(count),
        ..Request::at(placement)
    };
    let (id, decision) = decide_for_page(inner, served, &request, session_id);
    PageSlate { id: id.as_str().to_owned(), decision }
}
