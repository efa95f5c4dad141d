//! `POST /v1/relations`: how items stand to each other, in force with the next decision.

use super::{MIB, admit, json, read_body, storage_problem, to_the_end};
use crate::keys::Scope;
use crate::problem::{Code, Problem, ProblemBody};
use crate::state::AppState;
use crate::wire::{OneOrMany, RelationIn, WarningOut, parse_body};
use axum::extract::{Request, State};
use axum::response::Response;
use history::RelationIntake;
use serde::Serialize;

const MAX_BODY: usize = 5 * MIB;

/// What became of the relations.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct DeclaredOut {
    new: u64,
    changed: u64,
    /// That were so already.
    same: u64,
    withdrawn: u64,
    /// Relations that were left out, by reason.
    left_out: Vec<LeftOutOut>,
    relations_version: i64,
    warnings: Vec<WarningOut>,
}

/// Relations left out for one reason.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct LeftOutOut {
    /// `unknown_item, itself, ring_of_upgrades, too_many_of_item, too_many`.
    code: &'static str,
    n: u64,
    /// The first few, with how to mend them.
    examples: Vec<String>,
}

/// Declares how items stand to each other: one object or a list. What is declared wins over what
/// was learned.
#[utoipa::path(post, path = "/v1/relations", tag = "Catalog",
    request_body = Vec<RelationIn<'static>>,
    responses(
        (status = 200, description = "Durable and in force", body = DeclaredOut),
        (status = "4XX", description = "Nothing was changed", body = ProblemBody<'static>),
    ))]
pub(super) async fn post_relations(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, Problem> {
    admit(&state, request.headers(), Scope::Server)?;
    let body = read_body(request, MAX_BODY).await?;
    let parsed = parse_body::<OneOrMany<RelationIn<'_>>>(&body)?;
    if let Some(at) = parsed.value.0.iter().position(RelationIn::is_empty_window) {
        let detail = "The relation ends before it begins.";
        let path = format!("[{at}].valid_until");
        return Err(Problem::new(Code::InvalidValue, detail).at(path));
    }
    let records: Vec<_> = parsed.value.0.into_iter().map(RelationIn::into_record).collect();
    let unknown = parsed.unknown_fields;
    to_the_end(async move {
        let intake = state.inner.declare_relations(records).await.map_err(storage_problem)?;
        Ok(declared_json(intake, unknown))
    })
    .await
}

fn declared_json(intake: RelationIntake, unknown: Vec<String>) -> Response {
    let warn = |path: String| WarningOut {
        code: "unknown_field".to_owned(),
        detail: format!("`{path}` is no field of a relation; not used."),
    };
    let mut warnings: Vec<WarningOut> = unknown.into_iter().map(warn).collect();
    if intake.cheaper.n > 0 {
        warnings.push(WarningOut {
            code: "cheaper_upgrade".to_owned(),
            detail: format!(
                "{} in force as upgrades cost less than what they are upgrades of: {}. Are they \
                 substitutes, or turned round?",
                intake.cheaper.n,
                intake.cheaper.samples.join("; ")
            ),
        });
    }
    let left_out = intake.faults.into_iter().map(|faults| LeftOutOut {
        code: faults.fault.code(),
        n: faults.n,
        examples: faults.samples,
    });
    let out = DeclaredOut {
        new: intake.n_new,
        changed: intake.n_changed,
        same: intake.n_same,
        withdrawn: intake.n_withdrawn,
        left_out: left_out.collect(),
        relations_version: intake.version,
        warnings,
    };
    json(serde_json::to_vec(&out).expect("texts and numbers always serialize"))
}
