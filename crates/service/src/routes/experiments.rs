//! `/v1/experiments`: what is compared with what, and what came of it; the same as
//! `alongside experiment`.

use super::{MIB, admit, json, read_body, to_the_end};
use crate::caller::Caller;
use crate::extract::PathIn;
use crate::keys::Scope;
use crate::problem::{Code, Problem, ProblemBody};
use crate::proving::experiment_problem;
use crate::state::AppState;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use decide::Placement;
use experiment::{Definition, ExperimentDir, Signature, told, told_whole};
use policy::PolicyDir;
use serde::Deserialize;
use serde_json::{Value, json};

/// Why, and what of it.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChangeIn {
    /// Kept in the log.
    note: String,
    /// Who asks for it; kept in the log beside the name of the key.
    by: String,
    /// Of `stop` (that variant alone) and `winner`.
    variant: Option<String>,
    /// Of `widen`: percent of the layer.
    share_percent: Option<f64>,
}

/// All experiments, in order of creation.
#[utoipa::path(get, path = "/v1/experiments", tag = "Experiments",
    responses((status = 200, description = "A list", body = Vec<Value>)))]
pub(super) async fn list(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&state, &headers, Scope::Server)?;
    let dir = state.inner.experiments_dir()?;
    let all = dir.all().map_err(experiment_problem)?;
    Ok(answer(&all.iter().map(told).collect()))
}

/// Keeps a definition, with the fields of the file (docs/experiments.md); nothing runs yet.
#[utoipa::path(post, path = "/v1/experiments", tag = "Experiments", request_body = Value,
    responses(
        (status = 200, description = "Kept", body = Value),
        (status = "4XX", description = "Nothing was changed", body = ProblemBody<'static>),
    ))]
pub(super) async fn create(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = admit(&state, request.headers(), Scope::Server)?;
    let body = read_body(request, MIB).await?;
    let placements = Placement::ALL.map(Placement::as_str);
    let definition = Definition::read_json(&body, &placements).map_err(experiment_problem)?;
    let name = definition.name.clone();
    let signed = signature(&state, &caller, ChangeIn::default());
    change(state, name, move |dir, policies| {
        for version in definition.policy_versions() {
            policies.load(version).map_err(|error| {
                Problem::new(Code::InvalidValue, error.to_string()).at("variant.policy_version")
            })?;
        }
        dir.create(definition, &signed).map_err(experiment_problem)
    })
    .await
}

/// One experiment with its definition, and who did what to it when.
#[utoipa::path(get, path = "/v1/experiments/{name}", tag = "Experiments",
    params(("name" = String, Path)),
    responses(
        (status = 200, description = "The experiment", body = Value),
        (status = 404, description = "There is none", body = ProblemBody<'static>),
    ))]
pub(super) async fn show(
    State(state): State<AppState>,
    PathIn(name): PathIn,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&state, &headers, Scope::Server)?;
    whole(&state.inner.experiments_dir()?, &name)
}

/// What each variant earned more than the first, with intervals that hold at every look.
#[utoipa::path(get, path = "/v1/experiments/{name}/results", tag = "Experiments",
    params(("name" = String, Path)),
    responses(
        (status = 200, description = "Arms, contrasts, breaches; docs/experiments.md",
            body = Value),
        (status = "4XX", description = "None, or it has not run", body = ProblemBody<'static>),
    ))]
pub(super) async fn results(
    State(state): State<AppState>,
    PathIn(name): PathIn,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&state, &headers, Scope::Server)?;
    let results = state.inner.results(&name).await?;
    let sentences = proof::results::sentences(&results);
    let mut object = serde_json::to_value(&results).expect("texts and numbers always serialize");
    object["sentences"] = json!(sentences);
    Ok(answer(&object))
}

/// Lets it run: in force within a second.
#[utoipa::path(post, path = "/v1/experiments/{name}/start", tag = "Experiments",
    params(("name" = String, Path)), request_body = Option<ChangeIn>,
    responses(
        (status = 200, description = "It runs", body = Value),
        (status = "4XX", description = "Nothing was changed", body = ProblemBody<'static>),
    ))]
pub(super) async fn start(
    state: State<AppState>,
    name: PathIn,
    request: Request,
) -> Result<Response, Problem> {
    act(state, name, request, |dir, name, _, signed| dir.start(name, signed)).await
}

/// Widens it to a share of its layer, `share_percent`; who is in stays in.
#[utoipa::path(post, path = "/v1/experiments/{name}/widen", tag = "Experiments",
    params(("name" = String, Path)), request_body = ChangeIn,
    responses(
        (status = 200, description = "It has that share", body = Value),
        (status = "4XX", description = "Nothing was changed", body = ProblemBody<'static>),
    ))]
pub(super) async fn widen(
    state: State<AppState>,
    name: PathIn,
    request: Request,
) -> Result<Response, Problem> {
    act(state, name, request, |dir, name, asked, signed| {
        dir.widen(name, asked.share_percent.unwrap_or(f64::NAN), signed)
    })
    .await
}

/// Ends it, or one `variant` of it.
#[utoipa::path(post, path = "/v1/experiments/{name}/stop", tag = "Experiments",
    params(("name" = String, Path)), request_body = Option<ChangeIn>,
    responses(
        (status = 200, description = "It ended", body = Value),
        (status = "4XX", description = "Nothing was changed", body = ProblemBody<'static>),
    ))]
pub(super) async fn stop(
    state: State<AppState>,
    name: PathIn,
    request: Request,
) -> Result<Response, Problem> {
    act(state, name, request, |dir, name, asked, signed| {
        dir.stop(name, asked.variant.as_deref(), signed)
    })
    .await
}

/// Ends it, and serves everybody as `variant` from now on.
#[utoipa::path(post, path = "/v1/experiments/{name}/winner", tag = "Experiments",
    params(("name" = String, Path)), request_body = ChangeIn,
    responses(
        (status = 200, description = "It ended", body = Value),
        (status = "4XX", description = "Nothing was changed", body = ProblemBody<'static>),
    ))]
pub(super) async fn winner(
    state: State<AppState>,
    name: PathIn,
    request: Request,
) -> Result<Response, Problem> {
    act(state, name, request, |dir, name, asked, signed| {
        dir.winner(name, asked.variant.as_deref().unwrap_or_default(), signed)
    })
    .await
}

/// What is done to an experiment that is there.
type Act = fn(&ExperimentDir, &str, &ChangeIn, &Signature) -> Result<(), experiment::Error>;

async fn act(
    State(state): State<AppState>,
    PathIn(name): PathIn,
    request: Request,
    act: Act,
) -> Result<Response, Problem> {
    let caller = admit(&state, request.headers(), Scope::Server)?;
    let body = read_body(request, MIB).await?;
    let mut asked: ChangeIn = match body.is_empty() {
        true => ChangeIn::default(),
        false => serde_json::from_slice(&body)
            .map_err(|error| Problem::new(Code::InvalidJson, error.to_string()))?,
    };
    let named = ChangeIn {
        note: std::mem::take(&mut asked.note),
        by: std::mem::take(&mut asked.by),
        ..ChangeIn::default()
    };
    let signed = signature(&state, &caller, named);
    let own = name.clone();
    change(state, name, move |dir, _| act(dir, &own, &asked, &signed).map_err(experiment_problem))
        .await
}

/// Changes the folder on a thread that may wait for the disk, to the end even when the client goes.
async fn change(
    state: AppState,
    name: String,
    change: impl FnOnce(&ExperimentDir, &PolicyDir) -> Result<(), Problem> + Send + 'static,
) -> Result<Response, Problem> {
    let dir = state.inner.whole_experiments_dir().await?;
    let policies = state.inner.policies_dir()?;
    to_the_end(async move {
        let done = tokio::task::spawn_blocking(move || {
            change(&dir, &policies)?;
            whole(&dir, &name)
        });
        done.await.unwrap_or_else(|error| Err(Problem::internal().because(error)))
    })
    .await
}

fn signature(state: &AppState, caller: &Caller, named: ChangeIn) -> Signature {
    let key = caller.key_id().map_or("the API".to_owned(), |id| format!("key {id}"));
    let by = if named.by.is_empty() { key } else { format!("{} ({key})", named.by) };
    Signature { at: state.inner.clock.now(), by, note: named.note }
}

fn whole(dir: &ExperimentDir, name: &str) -> Result<Response, Problem> {
    let experiment = dir.find(name).map_err(experiment_problem)?;
    let log = dir.log().map_err(experiment_problem)?;
    Ok(answer(&told_whole(&experiment, &log)))
}

fn answer(value: &Value) -> Response {
    json(value.to_string())
}
