//! Paths and queries of a request. What cannot be read is a problem like any other.

use crate::problem::{Code, Problem};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// The one parameter of a path, decoded.
pub(crate) struct PathIn(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<PathIn, Problem> {
        let read = Path::<String>::from_request_parts(parts, state).await;
        read.map(|Path(text)| PathIn(text)).map_err(|_| {
            let detail = "The path cannot be read: its parts are UTF-8, percent-encoded.";
            Problem::new(Code::InvalidValue, detail)
        })
    }
}

/// The parameters of a query.
pub(crate) struct QueryIn<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryIn<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<QueryIn<T>, Problem> {
        let read = Query::<T>::from_request_parts(parts, state).await;
        read.map(|Query(value)| QueryIn(value)).map_err(|rejection| {
            // Which parameter it is, and what was expected of it.
            let text = rejection.body_text();
            let why = text.rsplit_once("query string: ").map_or(&*text, |(_, why)| why);
            let detail = format!(
                "The query cannot be read: {why}. Give each parameter once, as name=value, in \
                 UTF-8, percent-encoded."
            );
            Problem::new(Code::InvalidValue, detail)
        })
    }
}
