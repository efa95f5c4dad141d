//! The style sheet, the script and the icon, within the binary.

use crate::extract::PathIn;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use std::sync::LazyLock;

const SHEET: &str = include_str!("../../assets/alongside.css");
const SCRIPT: &str = include_str!("../../assets/alongside.js");
const ICON: &str = include_str!("../../assets/icon.svg");

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let hash = rapidhash::v3::rapidhash_v3(format!("{SHEET}{SCRIPT}").as_bytes());
    format!("{hash:016x}")
});

pub(super) fn version() -> &'static str {
    &VERSION
}

pub(super) async fn asset(PathIn(name): PathIn) -> Response {
    match name.as_str() {
        "alongside.css" => serve(SHEET, "text/css; charset=utf-8"),
        "alongside.js" => serve(SCRIPT, "text/javascript; charset=utf-8"),
        "icon.svg" => serve(ICON, "image/svg+xml"),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

pub(super) async fn favicon() -> Response {
    serve(ICON, "image/svg+xml")
}

/// Kept for a year: the address changes with the content.
fn serve(text: &'static str, content_type: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}
