//! `POST /v1/recommend` and `POST /v1/recommend:batch`.

use super::{MIB, admit, json, read_body};
use crate::caller::Caller;
use crate::clock::Stopwatch;
use crate::json_text::JsonText;
use crate::keys::Scope;
use crate::problem::{Code, Problem, ProblemBody};
use crate::recommend::answer;
use crate::state::{AppState, Inner};
use crate::wire::{BatchAnswer, BatchRequest, RecommendReply, RecommendRequest};
use crate::wire::{Parsed, UnreadBatch, parse_body};
use axum::extract::{Request, State};
use axum::response::Response;

const MAX_BATCH_REQUESTS: usize = 1_000;

/// Offers for one placement, or for several of one page.
#[utoipa::path(
    post,
    path = "/v1/recommend",
    tag = "Offers",
    request_body = RecommendRequest<'static>,
    responses(
        (status = 200, description = "One slate; with `placements`, a PageAnswer",
            body = RecommendReply),
        (status = "4XX", description = "The request cannot be served", body = ProblemBody<'static>),
    )
)]
pub(super) async fn recommend(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = admit(&state, request.headers(), Scope::Browser)?;
    let body = read_body(request, MIB).await?;
    let parsed = parse_body::<RecommendRequest<'_>>(&body)?;
    answer(&state.inner, &caller, &parsed.value, parsed.unknown_fields).map(json)
}

/// Many questions at once: e-mail, overnight runs.
#[utoipa::path(
    post,
    path = "/v1/recommend:batch",
    tag = "Offers",
    request_body = BatchRequest<'static>,
    responses(
        (status = 200, description = "Answers and problems, in the order of the requests",
            body = BatchAnswer),
        (status = "4XX", description = "The batch as a whole cannot be served",
            body = ProblemBody<'static>),
    )
)]
pub(super) async fn recommend_batch(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = admit(&state, request.headers(), Scope::Server)?;
    let body = read_body(request, 5 * MIB).await?;
    // A thousand decisions take a while: not on a thread that other requests wait for.
    let work = move || answer_batch(&state.inner, &caller, &body);
    let answers = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Problem::internal().because(error))?;
    answers.map(json)
}

fn answer_batch(inner: &Inner, caller: &Caller, body: &[u8]) -> Result<Vec<u8>, Problem> {
    let stopwatch = Stopwatch::start();
    let mut out = JsonText::with_capacity(64 * 1_024);
    out.raw("{\"answers\":[");
    match parse_body::<BatchRequest<'_>>(body) {
        Ok(parsed) => answer_read(inner, caller, &parsed, &mut out)?,
        Err(problem) => answer_unread(inner, caller, (body, problem), &mut out)?,
    }
    out.raw("],\"took_ms\":");
    out.float(stopwatch.elapsed_us() as f64 / 1e3, 3);
    out.raw("}");
    Ok(out.into_bytes())
}

fn check_size(n_requests: usize) -> Result<(), Problem> {
    if n_requests <= MAX_BATCH_REQUESTS {
        return Ok(());
    }
    let detail = format!(
        "`requests` holds {n_requests}; at most {MAX_BATCH_REQUESTS} are answered at once."
    );
    Err(Problem::new(Code::InvalidValue, detail).at("requests"))
}

fn answer_read(
    inner: &Inner,
    caller: &Caller,
    batch: &Parsed<BatchRequest<'_>>,
    out: &mut JsonText,
) -> Result<(), Problem> {
    let requests = &batch.value.requests;
    check_size(requests.len())?;
    let mut unknown_of = vec![Vec::new(); requests.len()];
    for path in &batch.unknown_fields {
        // A field beside `requests` belongs to all of them: told with the first.
        let (at, path) = split_request_path(path).unwrap_or((0, path));
        if let Some(unknown) = unknown_of.get_mut(at) {
            unknown.push(path.to_owned());
        }
    }
    for (at, (request, unknown)) in requests.iter().zip(unknown_of).enumerate() {
        write_answer(out, at, answer(inner, caller, request, unknown));
    }
    Ok(())
}

/// Something in the batch cannot be read: each request by itself, so that one problem is that of
/// one request. Where the batch itself is at fault, the first look told how.
fn answer_unread(
    inner: &Inner,
    caller: &Caller,
    (body, problem): (&[u8], Problem),
    out: &mut JsonText,
) -> Result<(), Problem> {
    let batch = parse_body::<UnreadBatch<'_>>(body).map_err(|_| problem)?;
    check_size(batch.value.requests.len())?;
    let mut beside = batch.unknown_fields;
    for (at, text) in batch.value.requests.iter().enumerate() {
        let parsed = parse_body::<RecommendRequest<'_>>(text.get().as_bytes());
        let answered = parsed.and_then(|Parsed { value, mut unknown_fields }| {
            unknown_fields.append(&mut beside);
            answer(inner, caller, &value, unknown_fields)
        });
        write_answer(out, at, answered);
    }
    Ok(())
}

fn write_answer(out: &mut JsonText, at: usize, answer: Result<Vec<u8>, Problem>) {
    out.raw(if at > 0 { "," } else { "" });
    out.part(&answer.unwrap_or_else(|problem| problem.to_json()));
}

/// `requests[3].colour` → (3, `colour`)
fn split_request_path(path: &str) -> Option<(usize, &str)> {
    let (at, rest) = path.strip_prefix("requests[")?.split_once("].")?;
    Some((at.parse().ok()?, rest))
}
