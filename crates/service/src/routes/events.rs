//! `POST /v1/events`: one event or many, acknowledged when durable, visible to the next decision.

use super::{MIB, admit, json, read_body, storage_problem, to_the_end};
use crate::caller::Caller;
use crate::keys::Scope;
use crate::ledger::{Appended, LedgerFault};
use crate::problem::{Code, Problem, ProblemBody};
use crate::state::AppState;
use crate::user_token;
use crate::wire::{EventIn, parse_body};
use axum::extract::{Request, State};
use axum::response::Response;
use events::{Event, EventKind, Timestamp};
use serde::Serialize;
use serde_json::Value;

const MAX_EVENTS: usize = 5_000;
/// Warnings beyond these are more of the same.
const MAX_WARNINGS: usize = 20;

/// What became of the events. Those accepted are durable.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub(crate) struct EventsOut {
    accepted: usize,
    /// Seen before by their `event_id`; they count once. Pages and servers do not take each other's
    /// ids.
    duplicates: usize,
    rejected: Vec<RejectedOut>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct RejectedOut {
    /// Position in the call, from 0.
    index: usize,
    detail: String,
}

/// Events of a visitor or a shop, by the names of GA4: an object, a list, or `{"events": […]}`.
///
/// With a public key, `customer_id` counts only together with the header `X-User-Token`, and a
/// purchase counts for nothing until an order from the server side confirms it.
#[utoipa::path(post, path = "/v1/events", tag = "Events",
    params(("X-User-Token" = Option<String>, Header,
        description = "With a public key, the proof of `customer_id`: `EXPIRES.HMAC`")),
    request_body(content = Vec<EventIn>, example = json!([{
        "event_id": "5f1c", "event_name": "add_to_cart", "session_id": "s1",
        "items": [{"item_id": "85123A", "quantity": 1, "price": 2.55}]
    }])),
    responses(
        (status = 200, description = "Durable", body = EventsOut),
        (status = "4XX", description = "No event could be used", body = ProblemBody<'static>),
        (status = 503, description = "The store cannot be written; nothing was kept",
            body = ProblemBody<'static>),
    ))]
pub(super) async fn post_events(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, Problem> {
    let inner = &state.inner;
    let caller = admit(&state, request.headers(), Scope::Browser)?;
    let token = request.headers().get("x-user-token").cloned();
    let body = read_body(request, 5 * MIB).await?;
    let now = inner.clock.now();
    let reader = Reader { caller: &caller, token: token.as_ref(), now };
    let (events, mut out) = reader.read(&body)?;
    inner.metrics.n_events_refused.add(out.rejected.len() as u64);
    if events.is_empty() && !out.rejected.is_empty() {
        let first = &out.rejected[0];
        let problem = Problem::new(Code::InvalidEvent, format!("{}.", first.detail));
        return Err(problem.at(format!("[{}]", first.index)));
    }
    let appended = keep_events(&state, events).await?;
    out.accepted = appended.is_new.iter().filter(|is_new| **is_new).count();
    out.duplicates = appended.is_new.len() - out.accepted;
    Ok(json(serde_json::to_vec(&out).expect("texts and numbers always serialize")))
}

/// Makes events durable, then visible to the next decision: both, even when whoever sent them does
/// not wait. Sent again, they would be known and not applied a second time.
pub(crate) async fn keep_events(
    state: &AppState,
    mut events: Vec<Event>,
) -> Result<Appended, Problem> {
    let state = state.clone();
    let now = state.inner.clock.now();
    events.iter_mut().for_each(|event| state.inner.live.unname_refused(event, now));
    to_the_end(async move {
        let inner = &state.inner;
        let kept = events.clone();
        let appended = inner.ledger.append(events, now).await;
        inner.health.stored(!matches!(appended, Err(LedgerFault::Unavailable(_))));
        let appended = appended.map_err(storage_problem)?;
        let now = inner.clock.now();
        let served = inner.served.load();
        for (event, is_new) in kept.iter().zip(&appended.is_new) {
            if *is_new {
                inner.metrics.count_event(event.kind);
                inner.live.apply(event, now);
                inner.live.apply_to_contacts(event, &served.world, now);
            } else {
                inner.metrics.n_events_duplicate.add(1);
            }
        }
        Ok(appended)
    })
    .await
}

/// Reads the events of one call.
struct Reader<'a> {
    caller: &'a Caller,
    token: Option<&'a axum::http::HeaderValue>,
    now: Timestamp,
}

impl Reader<'_> {
    fn read(&self, body: &[u8]) -> Result<(Vec<Event>, EventsOut), Problem> {
        let values = match parse_body::<Value>(body)?.value {
            Value::Array(values) => values,
            Value::Object(mut object) if object.get("events").is_some_and(Value::is_array) => {
                match object.remove("events") {
                    Some(Value::Array(values)) => values,
                    _ => Vec::new(),
                }
            }
            single => vec![single],
        };
        if MAX_EVENTS < values.len() {
            let n = values.len();
            let detail = format!("{n} events in one call; the limit is {MAX_EVENTS}.");
            return Err(Problem::new(Code::InvalidValue, detail));
        }
        let mut out = EventsOut::default();
        let mut events = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            match self.read_one(value)? {
                Ok((event, warnings)) => {
                    events.push(event);
                    let room = MAX_WARNINGS.saturating_sub(out.warnings.len());
                    let named = warnings.into_iter().map(|text| format!("[{index}]: {text}"));
                    out.warnings.extend(named.take(room));
                }
                Err(detail) => out.rejected.push(RejectedOut { index, detail }),
            }
        }
        Ok((events, out))
    }

    /// The inner error refuses one event, the outer one the whole call.
    fn read_one(&self, value: &Value) -> Result<Result<(Event, Vec<String>), String>, Problem> {
        let (mut event, mut warnings) = match events::event_from_json(value, self.now) {
            Ok(read) => read,
            Err(fault) => return Ok(Err(fault.to_string())),
        };
        warnings.extend(self.remark_on_time(&event));
        if self.caller.is_trusted() {
            return Ok(Ok((event, warnings)));
        }
        if event.kind == EventKind::Refund {
            return Ok(Err("a refund needs a secret key".to_owned()));
        }
        event.confirmed = false;
        self.check_customer(&mut event, &mut warnings)?;
        Ok(Ok((event, warnings)))
    }

    /// Clocks differ by minutes; what is a day ahead is a mistake, kept as it was told.
    fn remark_on_time(&self, event: &Event) -> Option<String> {
        let days = event.at.days_since(self.now);
        (days > 1.0).then(|| {
            format!("timestamp lies {days:.0} days ahead of this server's clock: is it right?")
        })
    }

    /// A page may only speak for the customer whom the shop's server named.
    fn check_customer(&self, event: &mut Event, warnings: &mut Vec<String>) -> Result<(), Problem> {
        let Some(customer_id) = &event.customer_id else { return Ok(()) };
        let Some(token) = self.token else {
            event.customer_id = None;
            let why = "customer_id was not kept: with a public key it needs X-User-Token";
            warnings.push(why.to_owned());
            return Ok(());
        };
        let secret = self.caller.signing_secret().unwrap_or_default();
        let token = token.to_str().unwrap_or_default();
        user_token::verify(secret, customer_id, token, self.now)
            .map_err(|fault| Problem::new(Code::UserTokenInvalid, fault.detail()))
    }
}
