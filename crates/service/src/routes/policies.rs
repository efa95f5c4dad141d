//! `/v1/policies`: what is in force, its versions, and changes to it; with a secret key.

mod out;

use self::out::{
    PoliciesOut, PolicyAppliedOut, PolicyDiffOut, PolicyLogOut, PolicyOut, change_out, fault,
    policy_out,
};
use super::{MIB, admit, json, read_body, storage_problem, to_the_end};
use crate::extract::{PathIn, QueryIn};
use crate::keys::Scope;
use crate::problem::{Code, Fault, Problem, ProblemBody};
use crate::state::AppState;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use decide::Items;
use policy::{
    ChangeKind, Diagnostic, Over, PolicyDir, PolicySet, PolicyTable, Signature, difference, review,
    without,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const MAX_BODY: usize = 4 * MIB;
/// Faults that are told of one file.
const MAX_FAULTS: usize = 200;

/// Who does it and why.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ChangeQuery {
    note: Option<String>,
    by: Option<String>,
    /// The version that is to be replaced: another one in force is a conflict.
    expect: Option<u64>,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct DiffQuery {
    from: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RollbackQuery {
    version: Option<u64>,
    note: Option<String>,
    by: Option<String>,
}

/// The policies in force.
#[utoipa::path(get, path = "/v1/policies", tag = "Policies",
    responses((status = 200, description = "In force", body = PoliciesOut)))]
pub(super) async fn get_policies(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&state, &headers, Scope::Server)?;
    let dir = state.policy_dir()?;
    let read = blocking(move || {
        let Some(version) = dir.current()? else { return Ok(None) };
        Ok(Some((version, dir.text(version)?, dir.load(version)?)))
    });
    Ok(told(&match read.await? {
        Some((version, text, set)) => {
            let policies = set.policies.iter().map(|policy| policy_out(policy, &text)).collect();
            PoliciesOut { version: Some(version), policies, text }
        }
        None => PoliciesOut { version: None, policies: Vec::new(), text: String::new() },
    }))
}

/// One policy in force.
#[utoipa::path(get, path = "/v1/policies/named/{name}", tag = "Policies",
    params(("name" = String, Path, description = "The name of the policy")),
    responses(
        (status = 200, description = "The policy", body = PolicyOut),
        (status = 404, description = "No such policy is in force", body = ProblemBody<'static>),
    ))]
pub(super) async fn get_policy(
    State(state): State<AppState>,
    PathIn(name): PathIn,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&state, &headers, Scope::Server)?;
    let dir = state.policy_dir()?;
    let (text, set) = blocking(move || match dir.current()? {
        Some(version) => Ok((dir.text(version)?, dir.load(version)?)),
        None => Ok((String::new(), PolicySet::default())),
    })
    .await?;
    let found = set.policies.iter().find(|policy| policy.name == name);
    found.map(|policy| told(&policy_out(policy, &text))).ok_or_else(not_named)
}

/// Every change that was ever made: which version came into force when, by whom and which key.
#[utoipa::path(get, path = "/v1/policies/log", tag = "Policies",
    responses((status = 200, description = "The audit log", body = PolicyLogOut)))]
pub(super) async fn get_log(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&state, &headers, Scope::Server)?;
    let dir = state.policy_dir()?;
    let log = blocking(move || dir.log()).await?;
    let n = log.len();
    let changes =
        log.into_iter().enumerate().map(|(at, change)| change_out(change, at + 1 == n)).collect();
    Ok(told(&PolicyLogOut { changes }))
}

/// The file of a version.
#[utoipa::path(get, path = "/v1/policies/versions/{version}", tag = "Policies",
    params(("version" = u64, Path, description = "A number of the log")),
    responses(
        (status = 200, description = "As it was applied", body = PoliciesOut),
        (status = 404, description = "No such version", body = ProblemBody<'static>),
    ))]
pub(super) async fn get_version(
    State(state): State<AppState>,
    PathIn(version): PathIn,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&state, &headers, Scope::Server)?;
    let (dir, version) = (state.policy_dir()?, version_in(&version)?);
    let (text, set) = blocking(move || Ok((dir.text(version)?, dir.load(version)?))).await?;
    let policies = set.policies.iter().map(|policy| policy_out(policy, &text)).collect();
    Ok(told(&PoliciesOut { version: Some(version), policies, text }))
}

/// How a version differs from another [default: the one that it took the place of].
#[utoipa::path(get, path = "/v1/policies/versions/{version}/diff", tag = "Policies",
    params(
        ("version" = u64, Path, description = "A number of the log"),
        ("from" = Option<u64>, Query, description = "The other version; 0: nothing"),
    ),
    responses(
        (status = 200, description = "Line by line", body = PolicyDiffOut),
        (status = 404, description = "No such version", body = ProblemBody<'static>),
    ))]
pub(super) async fn get_diff(
    State(state): State<AppState>,
    PathIn(version): PathIn,
    QueryIn(query): QueryIn<DiffQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&state, &headers, Scope::Server)?;
    let (dir, to) = (state.policy_dir()?, version_in(&version)?);
    let (from, lines) = blocking(move || {
        let after = dir.text(to)?;
        let from = match query.from {
            Some(from) => from,
            None => dir.before(to)?.unwrap_or(0),
        };
        let before = if from == 0 { String::new() } else { dir.text(from)? };
        Ok((from, difference::lines(&before, &after)))
    })
    .await?;
    Ok(told(&PolicyDiffOut { from, to, lines }))
}

/// Puts a policy file in force, as the next version. The body is the file (TOML); it is checked
/// first, also against the catalog.
#[utoipa::path(put, path = "/v1/policies", tag = "Policies",
    params(
        ("note" = Option<String>, Query, description = "Why; for the log"),
        ("by" = Option<String>, Query, description = "Who, beside the key; for the log"),
        ("expect" = Option<u64>, Query,
            description = "The version that it is to replace, 0: none; another is a conflict"),
        ("dry_run" = Option<bool>, Query, description = "true: only checked"),
    ),
    request_body(content = String, content_type = "application/toml"),
    responses(
        (status = 200, description = "In force with the next decision", body = PolicyAppliedOut),
        (status = "4XX", description = "Nothing was changed; `faults` have line and column",
            body = ProblemBody<'static>),
    ))]
pub(super) async fn put_policies(
    State(state): State<AppState>,
    QueryIn(query): QueryIn<ChangeQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let key_id = admit(&state, request.headers(), Scope::Server)?.key_id().map(str::to_owned);
    let body = read_body(request, MAX_BODY).await?;
    let text = String::from_utf8(body.to_vec()).map_err(|_| {
        Problem::new(Code::InvalidPolicy, "The file is not UTF-8: save it as such.")
    })?;
    let signature = signature(&state, key_id, query.by, query.note);
    let over = Over { kind: ChangeKind::Apply, expected: query.expect };
    if query.dry_run {
        let checked = check(&state, text).await?;
        let version = state.inner.policy_version();
        let out = PolicyAppliedOut { version, changed: false, ..checked.out() };
        return Ok(told(&out));
    }
    change(state, signature, move |_| Ok((text, over))).await
}

/// Takes all policies out of force. The file stays among the versions: a rollback brings it back.
#[utoipa::path(delete, path = "/v1/policies", tag = "Policies",
    params(("note" = Option<String>, Query, description = "Why; for the log"),
        ("by" = Option<String>, Query, description = "Who, beside the key; for the log"),
        ("expect" = Option<u64>, Query, description = "The version that is to go")),
    responses((status = 200, description = "Out of force", body = PolicyAppliedOut)))]
pub(super) async fn delete_policies(
    State(state): State<AppState>,
    QueryIn(query): QueryIn<ChangeQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key_id = admit(&state, &headers, Scope::Server)?.key_id().map(str::to_owned);
    let signature = signature(&state, key_id, query.by, query.note);
    let over = Over { kind: ChangeKind::Disable, expected: query.expect };
    change(state, signature, move |_| Ok(("# all policies are disabled\n".to_owned(), over))).await
}

/// Disables one policy: its lines become comments of the next version.
#[utoipa::path(delete, path = "/v1/policies/named/{name}", tag = "Policies",
    params(("name" = String, Path, description = "The name of the policy"),
        ("note" = Option<String>, Query, description = "Why; for the log"),
        ("by" = Option<String>, Query, description = "Who, beside the key; for the log"),
        ("expect" = Option<u64>, Query, description = "The version that is to be changed")),
    responses(
        (status = 200, description = "Out of force", body = PolicyAppliedOut),
        (status = 404, description = "No such policy is in force", body = ProblemBody<'static>),
    ))]
pub(super) async fn delete_policy(
    State(state): State<AppState>,
    PathIn(name): PathIn,
    QueryIn(query): QueryIn<ChangeQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key_id = admit(&state, &headers, Scope::Server)?.key_id().map(str::to_owned);
    let signature = signature(&state, key_id, query.by, query.note);
    let make = move |dir: &PolicyDir| {
        let version = dir.current().map_err(policy_problem)?.ok_or_else(not_named)?;
        let text = dir.text(version).map_err(policy_problem)?;
        let set = dir.load(version).map_err(policy_problem)?;
        if !set.policies.iter().any(|policy| policy.name == name) {
            return Err(not_named());
        }
        let rest = without(&text, &name).ok_or_else(|| {
            let detail = "The policy cannot be taken out without touching others; apply the file \
                          without it.";
            Problem::new(Code::InvalidPolicy, detail)
        })?;
        // The text that was looked at is the one that is replaced.
        let expected = query.expect.or(Some(version));
        Ok((rest, Over { kind: ChangeKind::Disable, expected }))
    };
    change(state, signature, make).await
}

/// Puts an earlier version in force again [default: the one before].
#[utoipa::path(post, path = "/v1/policies/rollback", tag = "Policies",
    params(("version" = Option<u64>, Query, description = "A number of the log"),
        ("note" = Option<String>, Query, description = "Why; for the log"),
        ("by" = Option<String>, Query, description = "Who, beside the key; for the log")),
    responses(
        (status = 200, description = "In force with the next decision", body = PolicyAppliedOut),
        (status = 404, description = "No such version", body = ProblemBody<'static>),
    ))]
pub(super) async fn post_rollback(
    State(state): State<AppState>,
    QueryIn(query): QueryIn<RollbackQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key_id = admit(&state, &headers, Scope::Server)?.key_id().map(str::to_owned);
    let signature = signature(&state, key_id, query.by, query.note);
    to_the_end(async move {
        let _turn = state.inner.policy_change.lock().await;
        let dir = state.policy_dir()?;
        let (version, set) = blocking(move || {
            let version = dir.rollback(query.version, &signature)?;
            Ok((version, dir.load(version)?))
        })
        .await?;
        let n = set.policies.len();
        put_in_force(&state, version, set).await?;
        let version = Some(version);
        Ok(told(&PolicyAppliedOut { version, changed: true, policies: n, warnings: Vec::new() }))
    })
    .await
}

/// A file that passed the check, with what is to be said of it.
struct Checked {
    text: String,
    set: PolicySet,
    warnings: Vec<Fault>,
}

impl Checked {
    fn out(self) -> PolicyAppliedOut {
        let policies = self.set.policies.len();
        PolicyAppliedOut { version: None, changed: true, policies, warnings: self.warnings }
    }
}

/// Checks a file by itself, at this time, and against the catalog; beside the threads that requests
/// wait for.
async fn check(state: &AppState, text: String) -> Result<Checked, Problem> {
    let now = state.inner.clock.now();
    let (set, mut found) = PolicySet::read(&text);
    if let Some(set) = &set {
        found.extend(review::review_at(set, now));
        let world = state.inner.world_for_review(set).await.map_err(storage_problem)?;
        let set = Arc::new(set.clone());
        let reviewed = blocking(move || {
            let items = Items(&world);
            let table = PolicyTable::compile(set, 0, &items);
            Ok(review::review_items(&table, &items, &world.catalog.attribute_names(), now))
        });
        found.extend(reviewed.await?);
    }
    found.sort_by_key(|found| (found.severity, found.span.start, found.message.clone()));
    found.dedup();
    let n_errors = found.iter().filter(|found| found.is_error()).count();
    let faults =
        |found: &[Diagnostic]| found.iter().take(MAX_FAULTS).map(|f| fault(f, &text)).collect();
    match set.filter(|_| n_errors == 0) {
        Some(set) => {
            let warnings = faults(&found);
            Ok(Checked { text, set, warnings })
        }
        None => {
            let detail = format!(
                "The file has {n_errors} error{}; nothing was changed. `faults` tell where and how \
                 to mend them.",
                if n_errors == 1 { "" } else { "s" }
            );
            Err(Problem::new(Code::InvalidPolicy, detail).with_faults(faults(&found)))
        }
    }
}

/// Makes a text, checks it, keeps it as the next version and puts it in force: one at a time.
async fn change(
    state: AppState,
    signature: Signature,
    make: impl FnOnce(&PolicyDir) -> Result<(String, Over), Problem> + Send + 'static,
) -> Result<Response, Problem> {
    to_the_end(async move {
        let _turn = state.inner.policy_change.lock().await;
        let dir = state.policy_dir()?;
        let (text, over) = make(&dir)?;
        let checked = check(&state, text).await?;
        let (text, set) = (checked.text.clone(), checked.set.clone());
        let applied = blocking(move || dir.apply_over(&text, over, &signature)).await?;
        let out = checked.out();
        let Some(version) = applied else {
            let version = state.inner.policy_version();
            return Ok(told(&PolicyAppliedOut { version, changed: false, ..out }));
        };
        put_in_force(&state, version, set).await?;
        Ok(told(&PolicyAppliedOut { version: Some(version), ..out }))
    })
    .await
}

/// For the next decision; whoever follows the folder would do the same a moment later.
async fn put_in_force(state: &AppState, version: u64, set: PolicySet) -> Result<(), Problem> {
    let inner = &state.inner;
    inner.ledger.remember_policy_version(version).await.map_err(storage_problem)?;
    inner.set_policies(Some((version, Arc::new(set)))).await.map_err(storage_problem)?;
    tracing::info!(version, "policies in use");
    Ok(())
}

fn signature(
    state: &AppState,
    key_id: Option<String>,
    by: Option<String>,
    note: Option<String>,
) -> Signature {
    let by = by.filter(|by| !by.trim().is_empty()).unwrap_or_else(|| "api".to_owned());
    Signature { at: state.inner.clock.now(), by, note: note.unwrap_or_default(), key_id }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, policy::Error> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Problem::internal().because(error))?.map_err(policy_problem)
}

/// Texts of errors name files of the house: they go to the log.
fn policy_problem(error: policy::Error) -> Problem {
    let (code, detail) = match &error {
        policy::Error::NoSuchVersion { .. } => {
            (Code::PolicyNotFound, "There is no such version; `/v1/policies/log` tells which are.")
        }
        policy::Error::Overtaken { .. } => (
            Code::PolicyConflict,
            "Another version is in force than was expected; look at it and send yours again.",
        ),
        policy::Error::Damaged { .. } => (
            Code::StorageUnavailable,
            "The log of the policies is damaged. What was in force stays; apply a file, or roll \
             back to a version by its number.",
        ),
        _ => (Code::StorageUnavailable, "The policies cannot be read or written; try again later."),
    };
    Problem::new(code, detail).because(error)
}

fn not_named() -> Problem {
    Problem::new(Code::PolicyNotFound, "No policy of this name is in force.")
}

fn version_in(text: &str) -> Result<u64, Problem> {
    text.parse()
        .map_err(|_| Problem::new(Code::InvalidValue, "A version is a whole number.").at("version"))
}

fn told<T: Serialize>(out: &T) -> Response {
    json(serde_json::to_vec(out).expect("texts and numbers always serialize"))
}

#[cfg(test)]
mod tests;
