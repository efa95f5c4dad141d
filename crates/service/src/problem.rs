//! What a client is told when a request cannot be served: problem details (RFC 9457).
//!
//! A [`Problem`] carries only what the client may know: a stable code, a title per code and a
//! detail that says how to mend the request. Causes inside the house are logged where they occur
//! and never put in here.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// The stable codes. A client may branch on them; a code never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    InvalidJson,
    InvalidValue,
    MissingField,
    UnknownPlacement,
    InvalidEvent,
    InvalidPolicy,
    BodyTooLarge,
    KeyMissing,
    KeyUnknown,
    UserTokenInvalid,
    KeyScope,
    HostRefused,
    OriginRefused,
    NotFound,
    ItemNotFound,
    DecisionNotFound,
    PolicyNotFound,
    PolicyConflict,
    NameTaken,
    MethodNotAllowed,
    RateLimited,
    Timeout,
    StorageUnavailable,
    Internal,
}

impl Code {
    pub const ALL: [Code; 24] = [
        Code::InvalidJson,
        Code::InvalidValue,
        Code::MissingField,
        Code::UnknownPlacement,
        Code::InvalidEvent,
        Code::InvalidPolicy,
        Code::BodyTooLarge,
        Code::KeyMissing,
        Code::KeyUnknown,
        Code::UserTokenInvalid,
        Code::KeyScope,
        Code::HostRefused,
        Code::OriginRefused,
        Code::NotFound,
        Code::ItemNotFound,
        Code::DecisionNotFound,
        Code::PolicyNotFound,
        Code::PolicyConflict,
        Code::NameTaken,
        Code::MethodNotAllowed,
        Code::RateLimited,
        Code::Timeout,
        Code::StorageUnavailable,
        Code::Internal,
    ];

    pub fn as_str(self) -> &'static str {
        self.facts().1
    }

    pub fn status(self) -> StatusCode {
        self.facts().0
    }

    pub fn title(self) -> &'static str {
        self.facts().2
    }

    fn facts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Code::InvalidJson => (S::BAD_REQUEST, "invalid_json", "The body is no valid JSON"),
            Code::InvalidValue => (S::BAD_REQUEST, "invalid_value", "A field has a wrong value"),
            Code::MissingField => (S::BAD_REQUEST, "missing_field", "A field is missing"),
            Code::UnknownPlacement => {
                (S::BAD_REQUEST, "unknown_placement", "There is no such placement")
            }
            Code::InvalidEvent => (S::BAD_REQUEST, "invalid_event", "An event cannot be used"),
            Code::InvalidPolicy => (S::BAD_REQUEST, "invalid_policy", "A policy file has faults"),
            Code::BodyTooLarge => {
                (S::PAYLOAD_TOO_LARGE, "body_too_large", "The body is larger than the limit")
            }
            Code::KeyMissing => (S::UNAUTHORIZED, "key_missing", "An API key is needed"),
            Code::KeyUnknown => (S::UNAUTHORIZED, "key_unknown", "The API key is not known"),
            Code::UserTokenInvalid => {
                (S::UNAUTHORIZED, "user_token_invalid", "The user token does not hold")
            }
            Code::KeyScope => (S::FORBIDDEN, "key_scope", "This key may not do that"),
            Code::HostRefused => (S::FORBIDDEN, "host_refused", "The Host header is not allowed"),
            Code::OriginRefused => (S::FORBIDDEN, "origin_refused", "The Origin is not allowed"),
            Code::NotFound => (S::NOT_FOUND, "not_found", "There is nothing at this address"),
            Code::ItemNotFound => (S::NOT_FOUND, "item_not_found", "There is no such item"),
            Code::DecisionNotFound => {
                (S::NOT_FOUND, "decision_not_found", "There is no such decision")
            }
            Code::PolicyNotFound => {
                (S::NOT_FOUND, "policy_not_found", "There is no such policy or version")
            }
            Code::PolicyConflict => {
                (S::CONFLICT, "policy_conflict", "Other policies are in force than was expected")
            }
            Code::NameTaken => (S::CONFLICT, "name_taken", "The name is taken"),
            Code::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method_not_allowed", "Not with this method")
            }
            Code::RateLimited => (S::TOO_MANY_REQUESTS, "rate_limited", "Too many requests"),
            Code::Timeout => (S::SERVICE_UNAVAILABLE, "timeout", "The answer took too long"),
            Code::StorageUnavailable => {
                (S::SERVICE_UNAVAILABLE, "storage_unavailable", "The store cannot be written")
            }
            Code::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here"),
        }
    }
}

/// One refusal, as it goes out.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub code: Code,
    pub detail: String,
    /// Where in the body, as `items[3].quantity`.
    pub path: Option<String>,
    /// What would have been right, when that is a short list.
    pub allowed: Vec<&'static str>,
    /// Of a file: what is wrong with it, place by place.
    pub faults: Option<Box<FileFaults>>,
    pub retry_after_s: Option<u64>,
    /// For the log alone.
    cause: Option<Box<str>>,
}

/// Why a request failed inside the house: travels with the response to the edge, which writes it
/// to the log once, and goes no further.
#[derive(Clone, Debug)]
pub(crate) struct Cause(pub(crate) String);

pub const CONTENT_TYPE_PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Problem {
        Problem {
            code,
            detail: detail.into(),
            path: None,
            allowed: Vec::new(),
            faults: None,
            retry_after_s: None,
            cause: None,
        }
    }

    pub fn at(mut self, path: impl Into<String>) -> Problem {
        self.path = Some(path.into());
        self
    }

    pub fn allowing(mut self, allowed: Vec<&'static str>) -> Problem {
        self.allowed = allowed;
        self
    }

    pub fn with_faults(mut self, faults: Vec<Fault>) -> Problem {
        self.faults = Some(Box::new(FileFaults(faults)));
        self
    }

    pub fn retry_after(mut self, seconds: u64) -> Problem {
        self.retry_after_s = Some(seconds);
        self
    }

    /// What the log is to tell; the client never sees it.
    pub fn because(mut self, cause: impl std::fmt::Display) -> Problem {
        self.cause = Some(cause.to_string().into());
        self
    }

    /// For what the client did not cause.
    pub fn internal() -> Problem {
        Problem::new(Code::Internal, "The request was fine; try again, and tell the operator.")
    }

    pub fn to_json(&self) -> Vec<u8> {
        let body = ProblemBody {
            kind: format!("/docs#{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            code: self.code.as_str(),
            detail: &self.detail,
            path: self.path.as_deref(),
            allowed: &self.allowed,
            faults: self.faults.as_ref().map_or(&[], |faults| &faults.0),
        };
        serde_json::to_vec(&body).expect("text and numbers always serialize")
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let mut response = (self.code.status(), self.to_json()).into_response();
        if let Some(cause) = self.cause.take() {
            response.extensions_mut().insert(Cause(cause.into()));
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, CONTENT_TYPE_PROBLEM);
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The body of every refusal (RFC 9457).
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// Where the code is explained.
    #[serde(rename = "type")]
    #[schema(example = "/docs#unknown_placement")]
    kind: String,
    title: &'a str,
    status: u16,
    /// Stable: branch on this.
    #[schema(example = "unknown_placement")]
    code: &'a str,
    /// How to mend the request.
    detail: &'a str,
    /// Where in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    /// What would have been right.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    allowed: &'a [&'static str],
    /// Of a file: what is wrong with it, place by place.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    faults: &'a [Fault],
}

/// Apart, so that a problem stays small: it is the error of nearly every function here.
#[derive(Clone, Debug, PartialEq)]
pub struct FileFaults(pub Vec<Fault>);

/// Something wrong or odd in a file.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Fault {
    /// `error, warning`.
    pub severity: &'static str,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    pub message: String,
    /// How to mend it; may be empty.
    pub mend: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_where_and_how_to_mend() {
        let problem = Problem::new(Code::UnknownPlacement, "\"hom\" is no placement.")
            .at("placement")
            .allowing(vec!["home", "pdp"]);
        let expected = concat!(
            r#"{"type":"/docs#unknown_placement","title":"There is no such placement","#,
            r#""status":400,"code":"unknown_placement","detail":"\"hom\" is no placement.","#,
            r#""path":"placement","allowed":["home","pdp"]}"#,
        );
        assert_eq!(std::str::from_utf8(&problem.to_json()).unwrap(), expected);
    }

    #[test]
    fn a_rate_limit_says_when_to_come_back() {
        let response = Problem::new(Code::RateLimited, "x").retry_after(3).into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "3");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }

    #[test]
    fn codes_are_distinct() {
        let mut codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Code::ALL.len());
    }
}
