//! What the script of the shop tells of offers: that they stand on the page, and that they were in
//! view.

use super::cart::{MAX_FORM_ITEMS, form_values};
use super::visitor::{Visitor, line};
use crate::routes::keep_events;
use crate::state::AppState;
use axum::Router;
use axum::extract::{RawForm, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use events::event::is_answer;
use events::{Amount, EventKind};

pub(super) fn seen_routes() -> Router<AppState> {
    Router::new().route("/seen", post(seen))
}

/// `what=shown` or `what=seen`, `from` the decision, and an `item` for each offer of it.
async fn seen(
    State(state): State<AppState>,
    headers: HeaderMap,
    RawForm(form): RawForm,
) -> Response {
    let inner = &state.inner;
    let visitor = Visitor::of(&state, &headers);
    let value = |name: &str| form_values(&form, name).next().unwrap_or_default();
    let kind = match value("what").as_str() {
        "shown" => EventKind::RecommendationImpression,
        "seen" => EventKind::RecommendationView,
        _ => return StatusCode::BAD_REQUEST.into_response(),
    };
    let from = value("from");
    let served = inner.served.load_full();
    let items = form_values(&form, "item").take(MAX_FORM_ITEMS);
    let lines: Vec<_> = items
        .filter(|item_id| served.world.item_idx(item_id).is_some())
        .map(|item_id| line(&item_id, Amount::ONE, None))
        .collect();
    // Who has no visit was shown nothing by this server.
    if visitor.is_new() || !is_answer(&from) || lines.is_empty() {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let mut event = visitor.event(inner, kind, lines);
    event.recommendation_id = Some(from);
    match keep_events(&state, vec![event]).await {
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
        Err(problem) => problem.into_response(),
    }
}
