//! `/health/live`, `/health/ready`, `/metrics`.

use super::{admit, json};
use crate::health::Color;
use crate::keys::Scope;
use crate::metrics::expose;
use crate::problem::Problem;
use crate::state::AppState;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// The process answers.
#[utoipa::path(get, path = "/health/live", tag = "Operations", security(()),
    responses((status = 200, description = "Alive")))]
pub(super) async fn live() -> Response {
    json(r#"{"status":"live"}"#)
}

/// How the service is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ReadyOut {
    /// `green`; `yellow`: answers, but what it knows is getting old, or it knows nothing yet;
    /// `red`: do not send requests.
    status: &'static str,
    /// What is wrong.
    complaints: Vec<String>,
    snapshot: Option<String>,
    snapshot_age_s: Option<f64>,
    n_items: usize,
    /// True while there are no API keys: everybody on this machine may do everything.
    developer_mode: bool,
}

/// Ready for requests? 200 when green or yellow, 503 when red.
#[utoipa::path(get, path = "/health/ready", tag = "Operations", security(()),
    responses(
        (status = 200, description = "Ready: green or yellow", body = ReadyOut),
        (status = 503, description = "Red", body = ReadyOut),
    ))]
pub(super) async fn ready(State(state): State<AppState>) -> Response {
    let inner = &state.inner;
    let color = inner.color();
    let served = inner.served.load();
    let body = ReadyOut {
        status: color.as_str(),
        complaints: inner.complaints(),
        snapshot: (!served.snapshot_id.is_empty()).then(|| served.snapshot_id.clone()),
        snapshot_age_s: inner.snapshot_age_s(&served),
        n_items: served.world.n_items(),
        developer_mode: state.is_open(),
    };
    let bytes = serde_json::to_vec(&body).expect("texts and numbers always serialize");
    let status = match color {
        Color::Red => StatusCode::SERVICE_UNAVAILABLE,
        Color::Green | Color::Yellow => StatusCode::OK,
    };
    (status, json(bytes)).into_response()
}

/// Counters in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "Operations",
    responses((status = 200, description = "Prometheus text", content_type = "text/plain")))]
pub(super) async fn metrics(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&state, &headers, Scope::Server)?;
    let text = expose(&state.inner.metrics, &state.inner.gauges());
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}
