//! What happens to every request before and after its route: where it comes from, its name in the
//! log, time limit, panics, counting.
//!
//! One layer of our own instead of six from the shelf, because the hot path goes through it: it
//! boxes nothing, and starts a timer only for a request that has to wait.

use crate::caller::Caller;
use crate::clock::Stopwatch;
use crate::gatekeeper::{self, CrossOrigin};
use crate::metrics::RouteGroup;
use crate::problem::{Cause, Code, Problem};
use crate::state::AppState;
use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, VARY,
    WWW_AUTHENTICATE,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;
use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;
use tower::{Layer, Service};

/// Longer than any request should need; a slow reader of a long batch gets its own limit.
const TIME_LIMIT: Duration = Duration::from_secs(30);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The network address that a request came from, set by the accept loop.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddress(pub IpAddr);

#[derive(Clone)]
pub(crate) struct EdgeLayer {
    pub(crate) state: AppState,
}

impl<S> Layer<S> for EdgeLayer {
    type Service = Edge<S>;

    fn layer(&self, inner: S) -> Edge<S> {
        Edge { inner, state: self.state.clone() }
    }
}

#[derive(Clone)]
pub(crate) struct Edge<S> {
    inner: S,
    state: AppState,
}

impl<S> Service<Request> for Edge<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = EdgeFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> EdgeFuture<S::Future> {
        let group = RouteGroup::of_path(request.uri().path());
        let tail = Tail {
            state: self.state.clone(),
            group,
            stopwatch: Stopwatch::start(),
            request_id: request_id(&self.state, &request),
            cross: CrossOrigin::No,
        };
        match admit(&self.state, &request) {
            Ok(cross) => {
                let tail = Tail { cross, ..tail };
                if let Some(response) = preflight(&request, &tail.cross) {
                    return EdgeFuture { work: Work::Done { response: Some(response) }, tail };
                }
                let inner = self.inner.call(request);
                EdgeFuture { work: Work::Inner { inner, timer: None }, tail }
            }
            Err(problem) => {
                let response = Some(problem.into_response());
                EdgeFuture { work: Work::Done { response }, tail }
            }
        }
    }
}

fn admit(state: &AppState, request: &Request) -> Result<CrossOrigin, Problem> {
    let peer = request.extensions().get::<PeerAddress>().map(|peer| peer.0);
    let headers = request.headers();
    let is_server = || Caller::holds_secret_key(&state.inner.keys.load(), headers);
    state.inner.address_limits.check(peer, headers, is_server)?;
    gatekeeper::check(
        &state.inner.settings.origins,
        state.is_open(),
        request.method(),
        request.uri(),
        headers,
    )
}

/// The client's own id when it is harmless in a log, else a new one.
fn request_id(state: &AppState, request: &Request) -> HeaderValue {
    let is_harmless = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=64).contains(&bytes.len())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
    };
    match request.headers().get(REQUEST_ID).filter(is_harmless) {
        Some(id) => id.clone(),
        None => {
            let id = state.inner.ids.next(state.inner.clock.now());
            HeaderValue::from_str(id.as_str()).expect("base 32 digits fit a header")
        }
    }
}

/// The answer to a browser that asks whether it may.
fn preflight(request: &Request, cross: &CrossOrigin) -> Option<Response> {
    let asks = request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    match cross {
        _ if !asks => None,
        CrossOrigin::Foreign => {
            let detail = "This origin is not on the allow-list of pages that may call.";
            Some(Problem::new(Code::OriginRefused, detail).into_response())
        }
        _ => {
            let mut response = StatusCode::NO_CONTENT.into_response();
            let headers = response.headers_mut();
            for (name, value) in [
                (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, PATCH"),
                (
                    ACCESS_CONTROL_ALLOW_HEADERS,
                    "authorization, content-type, x-api-key, x-request-id, x-user-token",
                ),
                (ACCESS_CONTROL_MAX_AGE, "600"),
            ] {
                headers.insert(name, HeaderValue::from_static(value));
            }
            Some(response)
        }
    }
}

/// What is needed when the answer is there.
struct Tail {
    state: AppState,
    group: RouteGroup,
    stopwatch: Stopwatch,
    request_id: HeaderValue,
    cross: CrossOrigin,
}

pin_project! {
    #[project = WorkProjection]
    enum Work<F> {
        Inner { #[pin] inner: F, timer: Option<Pin<Box<Sleep>>> },
        Done { response: Option<Response> },
    }
}

pin_project! {
    pub(crate) struct EdgeFuture<F> {
        #[pin]
        work: Work<F>,
        tail: Tail,
    }
}

impl<F> Future for EdgeFuture<F>
where
    F: Future<Output = Result<Response, Infallible>>,
{
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = match this.work.project() {
            WorkProjection::Done { response } => {
                response.take().expect("a future is not polled after it was ready")
            }
            WorkProjection::Inner { inner, timer } => {
                match catch_unwind(AssertUnwindSafe(|| inner.poll(cx))) {
                    Ok(Poll::Ready(Ok(response))) => response,
                    Ok(Poll::Ready(Err(never))) => match never {},
                    Ok(Poll::Pending) => {
                        let timer =
                            timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(TIME_LIMIT)));
                        ready!(timer.as_mut().poll(cx));
                        Problem::new(Code::Timeout, "Try again; if it stays, tell the operator.")
                            .into_response()
                    }
                    // The panic hook has told the log where and why.
                    Err(_) => {
                        this.tail.state.inner.metrics.n_panics.add(1);
                        Problem::internal().into_response()
                    }
                }
            }
        };
        Poll::Ready(Ok(this.tail.finish(response)))
    }
}

impl Tail {
    fn finish(&self, mut response: Response) -> Response {
        let status = response.status();
        let metrics = &self.state.inner.metrics;
        metrics.count_request(self.group, status.as_u16());
        if self.group == RouteGroup::Recommend {
            metrics.recommend_time.record(self.stopwatch.elapsed());
        }
        if status.is_server_error() {
            let cause = response.extensions_mut().remove::<Cause>();
            let cause = cause.map_or_else(String::new, |cause| cause.0);
            let request_id = self.request_id.to_str().unwrap_or_default();
            tracing::error!(request_id, status = status.as_u16(), cause, "request failed");
        }
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, self.request_id.clone());
        if status == StatusCode::UNAUTHORIZED {
            // On a page, a browser asks for the key as a password; a program knows what to send.
            let challenge = match self.group {
                RouteGroup::Pages => "Basic realm=\"Alongside: a secret key as password\"",
                _ => "Bearer",
            };
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let CrossOrigin::Allowed(origin) = &self.cross {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(
                ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static("retry-after, x-request-id"),
            );
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        response
    }
}
