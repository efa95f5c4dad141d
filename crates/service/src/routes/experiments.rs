//! `/v1/experiments`: what is compared with what, and what came of it; the same as
//! `alongside experiment`.

use super::{MIB, admit, json, read_body, to_the_end};
use crate::background::Sources;
use crate::caller::Caller;
use crate::extract::PathIn;
use crate::keys::Scope;
use crate::problem::{Code, Problem, ProblemBody};
use crate::proving::experiment_problem;
use crate::state::AppState;
use crate::variants;
use crate::wire::parse_body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use decide::Placement;
use experiment::{
    Definition, ExperimentDir, Signature, ToldExperiment, WholeExperiment, told, told_whole,
};
use proof::Results;
use serde::Deserialize;
use serde_json::{Value, json};

/// Why, and what of it.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub(crate) struct ChangeIn {
    /// Kept in the log; at most 1,000 letters.
    note: String,
    /// Who asks for it; kept in the log beside the name of the key. At most 100 letters.
    by: String,
    /// Of `stop` (that variant alone) and `winner`.
    variant: Option<String>,
    /// Of `widen`: percent of the layer.
    share_percent: Option<f64>,
}

const MAX_BY: usize = 100;
const MAX_NOTE: usize = 1_000;

impl ChangeIn {
    /// The log is kept for ever, and looked at by people.
    fn check(&self) -> Result<(), Problem> {
        for (field, text, most) in [("by", &self.by, MAX_BY), ("note", &self.note, MAX_NOTE)] {
            let n = text.chars().count();
            if n > most {
                let detail = format!("`{field}` has {n} letters, at most {most} are kept.");
                return Err(Problem::new(Code::InvalidValue, detail).at(field));
            }
        }
        Ok(())
    }
}

/// A list is read by the order of the fields, which nobody means.
fn check_object(body: &[u8]) -> Result<(), Problem> {
    match body.trim_ascii_start().starts_with(b"[") {
        true => Err(Problem::new(Code::InvalidValue, "The body: expected an object, in { }.")),
        false => Ok(()),
    }
}

/// A field that a change is nothing without.
fn missing(field: &'static str, mend: &str) -> Problem {
    Problem::new(Code::MissingField, format!("The field `{field}` is missing: {mend}.")).at(field)
}

/// All experiments, in order of creation.
#[utoipa::path(get, path = "/v1/experiments", tag = "Experiments",
    responses((status = 200, description = "A list",
        body = Vec<ToldExperiment<'static>>)))]
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
#[utoipa::path(post, path = "/v1/experiments", tag = "Experiments", request_body = Definition,
    responses(
        (status = 200, description = "Kept", body = WholeExperiment<'static>),
        (status = "4XX", description = "Nothing was changed", body = ProblemBody<'static>),
    ))]
pub(super) async fn create(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = admit(&state, request.headers(), Scope::Server)?;
    let body = read_body(request, MIB).await?;
    let placements = Placement::ALL.map(Placement::as_str);
    // A field that nobody knows is an error here: what was created never changes again.
    check_object(&body)?;
    let mut definition = parse_body::<Definition>(&body)?.value;
    definition.check(&placements).map_err(experiment_problem)?;
    let name = definition.name.clone();
    let signed = signature(&state, &caller, ChangeIn::default());
    change(state, name, Vec::new(), move |at| {
        let resolved = variants::resolve(&mut definition, &at.policies, &at.snapshots);
        resolved.map_err(experiment_problem)?;
        at.experiments.create(definition, &signed).map_err(experiment_problem)
    })
    .await
}

/// One experiment with its definition, and who did what to it when.
#[utoipa::path(get, path = "/v1/experiments/{name}", tag = "Experiments",
    params(("name" = String, Path)),
    responses(
        (status = 200, description = "The experiment", body = WholeExperiment<'static>),
        (status = 404, description = "There is none", body = ProblemBody<'static>),
    ))]
pub(super) async fn show(
    State(state): State<AppState>,
    PathIn(name): PathIn,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&state, &headers, Scope::Server)?;
    whole(&state.inner.experiments_dir()?, &name, &[])
}

/// What each variant earned more than the first, with intervals that hold at every look.
#[utoipa::path(get, path = "/v1/experiments/{name}/results", tag = "Experiments",
    params(("name" = String, Path)),
    responses(
        (status = 200, description = "Arms, contrasts, breaches; docs/experiments.md",
            body = Results),
        (status = "4XX", description = "None, or it has not run", body = ProblemBody<'static>),
    ))]
pub(super) async fn results(
    State(state): State<AppState>,
    PathIn(name): PathIn,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&state, &headers, Scope::Server)?;
    let results = state.inner.results(&name).await?;
    Ok(answer(&results.to_json()))
}

/// Lets it run: in force within a second.
#[utoipa::path(post, path = "/v1/experiments/{name}/start", tag = "Experiments",
    params(("name" = String, Path)), request_body = Option<ChangeIn>,
    responses(
        (status = 200, description = "It runs", body = WholeExperiment<'static>),
        (status = "4XX", description = "Nothing was changed", body = ProblemBody<'static>),
    ))]
pub(super) async fn start(
    state: State<AppState>,
    name: PathIn,
    request: Request,
) -> Result<Response, Problem> {
    act(state, name, request, |at, name, _, signed| {
        let mut definition = at.experiments.find(name).map_err(experiment_problem)?.definition;
        let resolved = variants::resolve(&mut definition, &at.policies, &at.snapshots);
        resolved.map_err(experiment_problem)?;
        at.experiments.start(name, signed).map_err(experiment_problem)
    })
    .await
}

/// Widens it to a share of its layer, `share_percent`; who is in stays in.
#[utoipa::path(post, path = "/v1/experiments/{name}/widen", tag = "Experiments",
    params(("name" = String, Path)), request_body = ChangeIn,
    responses(
        (status = 200, description = "It has that share", body = WholeExperiment<'static>),
        (status = "4XX", description = "Nothing was changed", body = ProblemBody<'static>),
    ))]
pub(super) async fn widen(
    state: State<AppState>,
    name: PathIn,
    request: Request,
) -> Result<Response, Problem> {
    act(state, name, request, |at, name, asked, signed| {
        let share = asked.share_percent.ok_or_else(|| {
            missing("share_percent", "give the percent of the layer that it is to have")
        })?;
        at.experiments.widen(name, share, signed).map_err(experiment_problem)
    })
    .await
}

/// Ends it, or one `variant` of it.
#[utoipa::path(post, path = "/v1/experiments/{name}/stop", tag = "Experiments",
    params(("name" = String, Path)), request_body = Option<ChangeIn>,
    responses(
        (status = 200, description = "It ended", body = WholeExperiment<'static>),
        (status = "4XX", description = "Nothing was changed", body = ProblemBody<'static>),
    ))]
pub(super) async fn stop(
    state: State<AppState>,
    name: PathIn,
    request: Request,
) -> Result<Response, Problem> {
    act(state, name, request, |at, name, asked, signed| {
        let stopped = at.experiments.stop(name, asked.variant.as_deref(), signed);
        stopped.map_err(experiment_problem)
    })
    .await
}

/// Ends it, and serves everybody as `variant` from now on.
#[utoipa::path(post, path = "/v1/experiments/{name}/winner", tag = "Experiments",
    params(("name" = String, Path)), request_body = ChangeIn,
    responses(
        (status = 200, description = "It ended", body = WholeExperiment<'static>),
        (status = "4XX", description = "Nothing was changed", body = ProblemBody<'static>),
    ))]
pub(super) async fn winner(
    state: State<AppState>,
    name: PathIn,
    request: Request,
) -> Result<Response, Problem> {
    act(state, name, request, |at, name, asked, signed| {
        let variant = asked.variant.as_deref();
        let variant = variant.ok_or_else(|| missing("variant", "name the variant that won"))?;
        let named = variants::name_winner(&at.experiments, &at.snapshots, (name, variant), signed);
        named.map(drop).map_err(experiment_problem)
    })
    .await
}

/// What is done to an experiment that is there.
type Act = fn(&Sources, &str, &ChangeIn, &Signature) -> Result<(), Problem>;

async fn act(
    State(state): State<AppState>,
    PathIn(name): PathIn,
    request: Request,
    act: Act,
) -> Result<Response, Problem> {
    let caller = admit(&state, request.headers(), Scope::Server)?;
    let body = read_body(request, MIB).await?;
    let (mut asked, unknown) = match body.is_empty() {
        true => (ChangeIn::default(), Vec::new()),
        false => {
            check_object(&body)?;
            let parsed = parse_body::<ChangeIn>(&body)?;
            (parsed.value, parsed.unknown_fields)
        }
    };
    asked.check()?;
    let named = ChangeIn {
        note: std::mem::take(&mut asked.note),
        by: std::mem::take(&mut asked.by),
        ..ChangeIn::default()
    };
    let signed = signature(&state, &caller, named);
    let own = name.clone();
    change(state, name, unknown, move |at| act(at, &own, &asked, &signed)).await
}

/// Changes the folder on a thread that may wait for the disk, to the end even when the client goes.
async fn change(
    state: AppState,
    name: String,
    unknown_fields: Vec<String>,
    change: impl FnOnce(&Sources) -> Result<(), Problem> + Send + 'static,
) -> Result<Response, Problem> {
    let experiments = state.inner.whole_experiments_dir().await?;
    let policies = state.inner.policies_dir()?;
    let snapshots = state.inner.snapshots_dir()?;
    let sources = Sources { experiments, policies, snapshots };
    to_the_end(async move {
        let done = tokio::task::spawn_blocking(move || {
            change(&sources)?;
            whole(&sources.experiments, &name, &unknown_fields)
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

/// `unknown_fields` come back as warnings, as everywhere.
fn whole(dir: &ExperimentDir, name: &str, unknown_fields: &[String]) -> Result<Response, Problem> {
    let experiment = dir.find(name).map_err(experiment_problem)?;
    let log = dir.log().map_err(experiment_problem)?;
    let mut told = told_whole(&experiment, &log);
    if !unknown_fields.is_empty() {
        let warning = |field: &String| json!({ "code": "unknown_field", "detail": field });
        told["warnings"] = unknown_fields.iter().map(warning).collect();
    }
    Ok(answer(&told))
}

fn answer(value: &Value) -> Response {
    json(value.to_string())
}
