//! `GET /v1/report`: what the offers earned that would not have come anyway.

use super::{admit, json};
use crate::extract::QueryIn;
use crate::keys::Scope;
use crate::outcomes::Standing;
use crate::problem::{Code, Problem, ProblemBody};
use crate::proving::ReportQuestion;
use crate::state::AppState;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use proof::Findings;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct ReportQuery {
    days: Option<u32>,
    by: Option<String>,
    window: Option<u32>,
}

/// What the offers earned, against who was shown nothing; at most a minute old.
#[utoipa::path(get, path = "/v1/report", tag = "Experiments",
    params(
        ("days" = Option<u32>, Query,
            description = "Of customers and visits assigned in the last so many days only"),
        ("by" = Option<String>, Query,
            description = "Attribute of customers by whose values the effect is told"),
        ("window" = Option<u32>, Query,
            description = "Days that a click counts for what is bought of the item; 28"),
    ),
    responses(
        (status = 200, description = "Sentences, numbers, method; docs/report.md",
            body = Findings),
        (status = "4XX", description = "No such attribute", body = ProblemBody<'static>),
    ))]
pub(super) async fn report(
    State(state): State<AppState>,
    QueryIn(query): QueryIn<ReportQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&state, &headers, Scope::Server)?;
    for (name, days) in [("days", query.days), ("window", query.window)] {
        if days == Some(0) {
            let detail = format!("{name} is 0: give a number of days from 1 on, or leave it out.");
            return Err(Problem::new(Code::InvalidValue, detail).at(name));
        }
    }
    let question = ReportQuestion { days: query.days, by: query.by, window_days: query.window };
    let findings = state.inner.report(question).await?;
    Ok(json(serde_json::to_vec(&*findings).expect("texts and numbers always serialize")))
}

/// How learning from outcomes stands, where placements ask for it.
#[utoipa::path(get, path = "/v1/outcomes", tag = "Experiments",
    responses((status = 200, description = "By placement; docs/policies.md", body = Standing)))]
pub(super) async fn outcomes(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&state, &headers, Scope::Server)?;
    let standing = state.inner.standing_of_outcomes()?;
    Ok(json(serde_json::to_vec(&standing).expect("texts and numbers always serialize")))
}
