//! The routes put together, for `serve` and for tests that call them in the process.

use crate::edge::EdgeLayer;
use crate::pages;
use crate::problem::{Code, Problem};
use crate::routes;
use crate::state::AppState;
use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;

/// All that the service answers.
pub fn router(state: AppState) -> Router {
    let layer = EdgeLayer { state: state.clone() };
    routes::api_routes()
        .merge(pages::page_routes(&state))
        .fallback(not_found)
        .method_not_allowed_fallback(async || {
            Problem::new(Code::MethodNotAllowed, "The API is described at /docs.")
        })
        .with_state(state)
        .layer(layer)
}

/// A person who went astray gets a page, a program a problem.
async fn not_found(State(state): State<AppState>, uri: Uri, headers: HeaderMap) -> Response {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepted.contains("text/html") && !uri.path().starts_with("/v1") {
        return pages::lost(&state, &headers, "There is no such page here.");
    }
    let detail = "The API is described at /docs and /openapi.json.";
    Problem::new(Code::NotFound, detail).into_response()
}

/// A handler that does nothing but read the body and return these bytes: what the stack itself
/// costs, to be measured beside [`router`] in the same run.
pub fn bare_router(answer: Bytes) -> Router {
    let handler = move |_body: Bytes| {
        let answer = answer.clone();
        async move { ([(CONTENT_TYPE, "application/json")], answer) }
    };
    Router::new().route("/v1/recommend", post(handler))
}
