//! The routes of the API, and what they have in common.

mod catalog;
mod decisions;
mod documentation;
mod events;
mod experiments;
mod operations;
mod policies;
mod recommend;
mod relations;
mod report;
#[cfg(test)]
mod tests;

use crate::caller::Caller;
use crate::keys::Scope;
use crate::ledger::LedgerFault;
use crate::problem::{Code, Problem};
use crate::state::AppState;
use axum::Router;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

pub(crate) const MIB: usize = 1_024 * 1_024;
const CONTENT_TYPE_JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(crate) use events::keep_events;

pub(crate) fn api_routes() -> Router<AppState> {
    Router::new()
        .route("/v1/recommend", post(recommend::recommend))
        .route("/v1/recommend:batch", post(recommend::recommend_batch))
        .route("/v1/events", post(events::post_events))
        .route("/v1/items", put(catalog::put_items).patch(catalog::patch_items))
        .route("/v1/items/{item_id}", get(catalog::get_item))
        .route("/v1/customers", put(catalog::put_customers).patch(catalog::patch_customers))
        .route("/v1/holdings", put(catalog::put_holdings).patch(catalog::patch_holdings))
        .route("/v1/relations", post(relations::post_relations))
        .route("/v1/decisions/{id}", get(decisions::get_decision))
        .route("/v1/decisions/{id}/why_not", get(decisions::why_not))
        .route("/v1/report", get(report::report))
        .route("/v1/outcomes", get(report::outcomes))
        .route("/v1/experiments", get(experiments::list).post(experiments::create))
        .route("/v1/experiments/{name}", get(experiments::show))
        .route("/v1/experiments/{name}/results", get(experiments::results))
        .route("/v1/experiments/{name}/start", post(experiments::start))
        .route("/v1/experiments/{name}/widen", post(experiments::widen))
        .route("/v1/experiments/{name}/stop", post(experiments::stop))
        .route("/v1/experiments/{name}/winner", post(experiments::winner))
        .merge(policy_routes())
        .route("/v1/decisions/{id}/replay", get(decisions::replay_decision))
        .route("/health/live", get(operations::live))
        .route("/health/ready", get(operations::ready))
        .route("/metrics", get(operations::metrics))
        .route("/openapi.json", get(documentation::openapi))
        .route("/docs", get(documentation::page))
}

fn policy_routes() -> Router<AppState> {
    Router::new()
        .route(
            "/v1/policies",
            get(policies::get_policies)
                .put(policies::put_policies)
                .post(policies::put_policies)
                .delete(policies::delete_policies),
        )
        .route(
            "/v1/policies/named/{name}",
            get(policies::get_policy).delete(policies::delete_policy),
        )
        .route("/v1/policies/log", get(policies::get_log))
        .route("/v1/policies/rollback", post(policies::post_rollback))
        .route("/v1/policies/versions/{version}", get(policies::get_version))
        .route("/v1/policies/versions/{version}/diff", get(policies::get_diff))
}

pub(crate) fn admit(
    state: &AppState,
    headers: &HeaderMap,
    scope: Scope,
) -> Result<Caller, Problem> {
    Caller::admit(&state.inner.keys.load(), headers, scope)
}

/// The whole body, or the problem that it is too large.
pub(crate) async fn read_body(request: Request, max_bytes: usize) -> Result<Bytes, Problem> {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|text| text.parse().ok()).is_some_and(|n: u64| n > max_bytes as u64) {
        return Err(too_large(max_bytes));
    }
    match Limited::new(request.into_body(), max_bytes).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(max_bytes)),
        Err(_) => Err(Problem::new(Code::InvalidJson, "The body broke off before its end.")),
    }
}

fn too_large(max_bytes: usize) -> Problem {
    let detail = format!("The limit is {} MiB; send it in several requests.", max_bytes / MIB);
    Problem::new(Code::BodyTooLarge, detail)
}

/// Runs what must not end half way. The future of a request is dropped when its client goes away; a
/// task goes on.
pub(crate) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::spawn(work).await;
    done.unwrap_or_else(|error| Err(Problem::internal().because(error)))
}

pub(crate) fn json(bytes: impl Into<Bytes>) -> Response {
    let mut response = bytes.into().into_response();
    response.headers_mut().insert(CONTENT_TYPE, CONTENT_TYPE_JSON);
    response
}

/// A fault of the store: the client may try again, the log learns why.
pub(crate) fn storage_problem(fault: LedgerFault) -> Problem {
    match fault {
        LedgerFault::Unavailable(_) => {
            let detail = "Nothing was changed; try again later.";
            Problem::new(Code::StorageUnavailable, detail).because(fault).retry_after(5)
        }
        LedgerFault::Refused(_) => {
            let detail = "The store does not take these records; nothing was changed.";
            Problem::new(Code::InvalidValue, detail).because(fault)
        }
    }
}
