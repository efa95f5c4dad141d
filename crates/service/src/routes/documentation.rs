//! `/openapi.json`, and `/docs`: the same as a page that needs no network.

use super::json;
use crate::pages::{Page, html};
use crate::problem::Code;
use crate::state::AppState;
use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;
use std::sync::LazyLock;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Alongside",
        description = "Cross-sell offers with the evidence behind each.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        super::recommend::recommend,
        super::recommend::recommend_batch,
        super::events::post_events,
        super::catalog::put_items,
        super::catalog::patch_items,
        super::catalog::get_item,
        super::catalog::put_customers,
        super::catalog::patch_customers,
        super::catalog::put_holdings,
        super::catalog::patch_holdings,
        super::relations::post_relations,
        super::decisions::get_decision,
        super::decisions::why_not,
        super::report::report,
        super::report::outcomes,
        super::experiments::list,
        super::experiments::create,
        super::experiments::show,
        super::experiments::results,
        super::experiments::start,
        super::experiments::widen,
        super::experiments::stop,
        super::experiments::winner,
        super::policies::get_policies,
        super::policies::put_policies,
        super::policies::delete_policies,
        super::policies::get_policy,
        super::policies::delete_policy,
        super::policies::get_log,
        super::policies::post_rollback,
        super::policies::get_version,
        super::policies::get_diff,
        super::decisions::replay_decision,
        super::operations::live,
        super::operations::ready,
        super::operations::metrics,
    ),
    modifiers(&Keys),
)]
pub(crate) struct ApiDoc;

/// Says that a key is wanted, and where it goes.
struct Keys;

impl utoipa::Modify for Keys {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{
            ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
        };
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let header = ApiKey::Header(ApiKeyValue::new("X-API-Key"));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        components.add_security_scheme("api_key", SecurityScheme::ApiKey(header));
        let none: [&str; 0] = [];
        openapi.security = Some(vec![
            SecurityRequirement::new("bearer", none),
            SecurityRequirement::new("api_key", none),
        ]);
    }
}

static OPENAPI: LazyLock<Bytes> = LazyLock::new(|| {
    let text = ApiDoc::openapi().to_json().expect("the description is plain data");
    Bytes::from(text)
});

pub(super) async fn openapi() -> Response {
    json(OPENAPI.clone())
}

/// One route on the page.
struct Operation {
    method: String,
    path: String,
    summary: String,
    body_schema: Option<String>,
    example: Option<String>,
    responses: Vec<(String, String, Option<String>)>,
}

/// One type on the page.
struct Schema {
    name: String,
    description: String,
    /// Name, type, description, is it required?
    fields: Vec<(String, String, String, bool)>,
}

#[derive(Template)]
#[template(path = "docs.html")]
struct DocsPage {
    page: Page,
    groups: Vec<(String, Vec<Operation>)>,
    schemas: Vec<Schema>,
    codes: Vec<(&'static str, u16, &'static str)>,
}

pub(super) async fn page(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let document: Value =
        serde_json::from_slice(&OPENAPI).expect("what was just written reads back");
    html(&DocsPage {
        page: Page::of_request(&state, "API", &headers),
        groups: groups_of(&document),
        schemas: schemas_of(&document),
        codes: Code::ALL
            .iter()
            .map(|code| (code.as_str(), code.status().as_u16(), code.title()))
            .collect(),
    })
}

fn groups_of(document: &Value) -> Vec<(String, Vec<Operation>)> {
    let mut groups: Vec<(String, Vec<Operation>)> = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let group = operation["tags"][0].as_str().unwrap_or("Other").to_owned();
            let entry = operation_of(method, path, operation);
            match groups.iter_mut().find(|(name, _)| *name == group) {
                Some((_, operations)) => operations.push(entry),
                None => groups.push((group, vec![entry])),
            }
        }
    }
    groups
}

fn operation_of(method: &str, path: &str, operation: &Value) -> Operation {
    let content = &operation["requestBody"]["content"]["application/json"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let responses = operation["responses"].as_object().into_iter().flatten();
    Operation {
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        body_schema: type_name(&content["schema"]),
        example: serde_json::to_string_pretty(&content["example"])
            .ok()
            .filter(|text| text != "null"),
        responses: responses
            .map(|(status, response)| {
                let schema = &response["content"]["application/json"]["schema"];
                (status.clone(), text(&response["description"]), type_name(schema))
            })
            .collect(),
    }
}

fn schemas_of(document: &Value) -> Vec<Schema> {
    let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
    schemas
        .map(|(name, schema)| {
            let required: Vec<&str> = schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let field = |(name, field): (&String, &Value)| {
                (
                    name.clone(),
                    type_name(field).unwrap_or_else(|| "any".to_owned()),
                    field["description"].as_str().unwrap_or_default().to_owned(),
                    required.contains(&name.as_str()),
                )
            };
            Schema {
                name: name.clone(),
                description: schema["description"].as_str().unwrap_or_default().to_owned(),
                fields: schema["properties"].as_object().into_iter().flatten().map(field).collect(),
            }
        })
        .collect()
}

/// `[Offer]`, `string`, `integer or null`.
fn type_name(schema: &Value) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().map(str::to_owned);
    }
    let choices = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    if let Some(choices) = choices {
        let names: Vec<String> = choices.iter().filter_map(type_name).collect();
        return Some(names.join(" or "));
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => {
            let inner = type_name(&schema["items"]).unwrap_or_else(|| "any".to_owned());
            Some(format!("list of {inner}"))
        }
        Value::String(name) => Some(name.clone()),
        Value::Array(names) => {
            let of = |name: &Value| match name.as_str() {
                Some("array") => {
                    type_name(&schema["items"]).map(|inner| format!("list of {inner}"))
                }
                name => name.map(str::to_owned),
            };
            let names: Vec<String> = names.iter().filter_map(of).collect();
            Some(names.join(" or "))
        }
        _ => None,
    }
}
