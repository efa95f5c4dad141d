//! Pages: the demo shop, the explorer, the operator's dashboard and the documentation of the API.
//!
//! Rendered here, styled by one sheet and eased by one small script, all within the binary. Every
//! page works without the script. All texts are escaped by the templates: titles come from the
//! files of others. The content security policy lets nothing in from elsewhere but pictures that
//! the catalog names.

mod art;
mod assets;
mod card;
mod cart;
mod dashboard;
mod explore;
mod money;
mod proof;
mod seen;
mod shop;
#[cfg(test)]
mod tests;
mod visitor;
mod words;

pub(crate) use words::calm;

use crate::live::Session;
use crate::state::AppState;
use askama::Template;
use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use events::amount::MICROS;
use visitor::Visitor;

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' https:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

pub(crate) fn page_routes(state: &AppState) -> Router<AppState> {
    let routes = Router::new()
        .route("/assets/{name}", get(assets::asset))
        .route("/favicon.ico", get(assets::favicon))
        .route("/art/{item_id}", get(art::picture))
        .route("/explore", get(explore::start))
        .route("/explore/{item_id}", get(explore::page))
        .route("/dashboard", get(dashboard::page))
        .route("/proof", get(proof::page));
    if state.inner.settings.with_shop {
        routes.merge(shop::shop_routes()).merge(cart::cart_routes()).merge(seen::seen_routes())
    } else {
        routes.route("/", get(async || Redirect::temporary("/dashboard")))
    }
}

/// What every page's frame shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) with_shop: bool,
    pub(crate) n_in_cart: usize,
    pub(crate) query: String,
    pub(crate) attribution: Option<String>,
}

impl Page {
    /// A page of this service, as a visitor sees it.
    pub(crate) fn of(state: &AppState, title: &str, session: &Session) -> Page {
        let settings = &state.inner.settings;
        let micros = session.cart.iter().map(|line| line.quantity.0 / MICROS);
        let n_in_cart = micros.fold(0_i64, i64::saturating_add);
        Page {
            title: title.to_owned(),
            with_shop: settings.with_shop,
            n_in_cart: usize::try_from(n_in_cart).unwrap_or(0),
            query: String::new(),
            attribution: settings.attribution.clone(),
        }
    }

    /// The same for pages that do not begin a visit.
    pub(crate) fn of_request(state: &AppState, title: &str, headers: &HeaderMap) -> Page {
        Page::of(state, title, &Visitor::of(state, headers).session(&state.inner))
    }

    /// The version of sheet and script, so that a browser never mixes two.
    pub(crate) fn assets(&self) -> &'static str {
        assets::version()
    }
}

pub(crate) fn html(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => with_headers(text),
        Err(error) => crate::problem::Problem::internal().because(error).into_response(),
    }
}

fn with_headers(text: String) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ] {
        headers.insert(name, value);
    }
    response
}

/// Something a visitor asked for is not there; with a way on.
#[derive(Template)]
#[template(path = "lost.html")]
struct LostPage {
    page: Page,
    message: String,
}

pub(crate) fn lost(state: &AppState, headers: &HeaderMap, message: &str) -> Response {
    let page = Page::of_request(state, "Not found", headers);
    let mut response = html(&LostPage { page, message: message.to_owned() });
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
