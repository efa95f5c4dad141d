//! `/v1/items`, `/v1/customers`, `/v1/holdings`: in force with the next decision.

use super::{MIB, admit, json, read_body, storage_problem, to_the_end};
use crate::extract::PathIn;
use crate::json_text::JsonText;
use crate::keys::Scope;
use crate::problem::{Code, Problem, ProblemBody};
use crate::state::{AppState, Inner};
use crate::wire::{CustomerIn, HoldingIn, ItemIn, OneOrMany, WarningOut, parse_body};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use events::ItemRecord;
use events::import::propose_kind;
use score::World;
use serde::Serialize;

const MAX_BODY: usize = 5 * MIB;

/// Records taken: durable, and in force with the next decision.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AcceptedOut {
    accepted: usize,
    catalog_version: u64,
    warnings: Vec<WarningOut>,
}

/// Creates or changes items: one object or a list. A field that is left out stays as it is.
#[utoipa::path(put, path = "/v1/items", tag = "Catalog", request_body = Vec<ItemIn<'static>>,
    responses(
        (status = 200, description = "Durable and in force", body = AcceptedOut),
        (status = "4XX", description = "Nothing was changed", body = ProblemBody<'static>),
    ))]
pub(super) async fn put_items(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, Problem> {
    let (records, unknown) = read_items(&state, request).await?;
    change_items(&state, records, unknown).await
}

/// Changes items that are there: price, stock, hidden…; an unknown item is refused.
#[utoipa::path(patch, path = "/v1/items", tag = "Catalog", request_body = Vec<ItemIn<'static>>,
    responses(
        (status = 200, description = "Durable and in force", body = AcceptedOut),
        (status = 404, description = "An item is not known; nothing was changed",
            body = ProblemBody<'static>),
    ))]
pub(super) async fn patch_items(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, Problem> {
    let (records, unknown) = read_items(&state, request).await?;
    {
        let served = state.inner.served.load();
        let absent = |record: &&ItemRecord| served.world.item_idx(&record.item_id).is_none();
        if let Some(at) = records.iter().position(|record| absent(&record)) {
            let shown: String = records[at].item_id.chars().take(80).collect();
            let detail = format!("The catalog has no item {shown:?}; PUT creates it.");
            return Err(Problem::new(Code::ItemNotFound, detail).at(format!("[{at}].item_id")));
        }
    }
    change_items(&state, records, unknown).await
}

async fn read_items(
    state: &AppState,
    request: Request,
) -> Result<(Vec<ItemRecord>, Vec<String>), Problem> {
    admit(state, request.headers(), Scope::Server)?;
    let body = read_body(request, MAX_BODY).await?;
    let parsed = parse_body::<OneOrMany<ItemIn<'_>>>(&body)?;
    let records = parsed.value.0.into_iter().map(ItemIn::into_record).collect();
    Ok((records, parsed.unknown_fields))
}

async fn change_items(
    state: &AppState,
    records: Vec<ItemRecord>,
    unknown: Vec<String>,
) -> Result<Response, Problem> {
    let state = state.clone();
    to_the_end(async move {
        let inner = &state.inner;
        let version = inner.ledger.put_items(records.clone()).await.map_err(storage_problem)?;
        let records = with_kinds(&state, records).await?;
        inner.apply_items(&records).await;
        Ok(accepted_json(records.len(), version, unknown))
    })
    .await
}

/// A title that speaks of fees makes an item a fee where nobody declared its kind: the next
/// decision is to know it.
async fn with_kinds(
    state: &AppState,
    mut records: Vec<ItemRecord>,
) -> Result<Vec<ItemRecord>, Problem> {
    for record in &mut records {
        let proposed = propose_kind(&record.item_id, record.title.as_deref());
        if record.kind.is_none() && record.title.is_some() && proposed.is_some() {
            let stored = state.inner.ledger.find_item(&record.item_id).await;
            record.kind = stored.map_err(storage_problem)?.and_then(|stored| stored.kind);
        }
    }
    Ok(records)
}

/// Creates or changes customers: consent and attributes.
#[utoipa::path(put, path = "/v1/customers", tag = "Catalog",
    request_body = Vec<CustomerIn<'static>>,
    responses(
        (status = 200, description = "Durable and in force", body = AcceptedOut),
        (status = "4XX", description = "Nothing was changed", body = ProblemBody<'static>),
    ))]
pub(super) async fn put_customers(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, Problem> {
    admit(&state, request.headers(), Scope::Server)?;
    let body = read_body(request, MAX_BODY).await?;
    let parsed = parse_body::<OneOrMany<CustomerIn<'_>>>(&body)?;
    let records: Vec<_> = parsed.value.0.into_iter().map(CustomerIn::into_record).collect();
    let unknown = parsed.unknown_fields;
    to_the_end(async move {
        let inner = &state.inner;
        let version = inner.ledger.put_customers(records.clone()).await.map_err(storage_problem)?;
        inner.apply_customers(&records).await;
        Ok(accepted_json(records.len(), version, unknown))
    })
    .await
}

/// The same as `PUT`: a field that is left out stays as it is.
#[utoipa::path(patch, path = "/v1/customers", tag = "Catalog",
    request_body = Vec<CustomerIn<'static>>,
    responses(
        (status = 200, description = "Durable and in force", body = AcceptedOut),
        (status = "4XX", description = "Nothing was changed", body = ProblemBody<'static>),
    ))]
pub(super) async fn patch_customers(
    state: State<AppState>,
    request: Request,
) -> Result<Response, Problem> {
    put_customers(state, request).await
}

/// Tells what customers have now: policies, subscriptions, devices.
#[utoipa::path(put, path = "/v1/holdings", tag = "Catalog", request_body = Vec<HoldingIn<'static>>,
    responses(
        (status = 200, description = "Durable", body = AcceptedOut),
        (status = "4XX", description = "Nothing was changed", body = ProblemBody<'static>),
    ))]
pub(super) async fn put_holdings(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, Problem> {
    admit(&state, request.headers(), Scope::Server)?;
    let body = read_body(request, MAX_BODY).await?;
    let parsed = parse_body::<OneOrMany<HoldingIn<'_>>>(&body)?;
    let records: Vec<_> = parsed.value.0.into_iter().map(HoldingIn::into_record).collect();
    let accepted = records.len();
    let version =
        state.inner.ledger.put_holdings(records.clone()).await.map_err(storage_problem)?;
    state.inner.apply_holdings(records).await;
    Ok(accepted_json(accepted, version, parsed.unknown_fields))
}

fn accepted_json(accepted: usize, catalog_version: u64, unknown: Vec<String>) -> Response {
    let warn = |path: String| WarningOut {
        code: "unknown_field".to_owned(),
        detail: format!("`{path}` is no field of a record; not used."),
    };
    let warnings = unknown.into_iter().map(warn).collect();
    let out = AcceptedOut { accepted, catalog_version, warnings };
    json(serde_json::to_vec(&out).expect("texts and numbers always serialize"))
}

/// The same as `PUT`: a field that is left out stays as it is.
#[utoipa::path(patch, path = "/v1/holdings", tag = "Catalog",
    request_body = Vec<HoldingIn<'static>>,
    responses(
        (status = 200, description = "Durable", body = AcceptedOut),
        (status = "4XX", description = "Nothing was changed", body = ProblemBody<'static>),
    ))]
pub(super) async fn patch_holdings(
    state: State<AppState>,
    request: Request,
) -> Result<Response, Problem> {
    put_holdings(state, request).await
}

/// An item as the next decision sees it.
#[utoipa::path(get, path = "/v1/items/{item_id}", tag = "Catalog",
    params(("item_id" = String, Path, description = "The id of the item")),
    responses(
        (status = 200, description = "The item", body = serde_json::Value),
        (status = 404, description = "No such item", body = ProblemBody<'static>),
    ))]
pub(super) async fn get_item(
    State(state): State<AppState>,
    PathIn(item_id): PathIn,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&state, &headers, Scope::Server)?;
    let inner = &state.inner;
    let stored = inner.ledger.find_item(&item_id).await.map_err(storage_problem)?;
    item_json(inner, &item_id, stored.unwrap_or_default())
}

/// `stored` tells what the world of decisions does not need.
fn item_json(inner: &Inner, item_id: &str, stored: ItemRecord) -> Result<Response, Problem> {
    let served = inner.served.load();
    let world = &served.world;
    let Some(item) = world.item_idx(item_id) else {
        return Err(Problem::new(Code::ItemNotFound, "The catalog has no item with this id."));
    };
    let mut out = JsonText::with_capacity(512);
    write_item(&mut out, world, item, &stored);
    Ok(json(out.into_bytes()))
}

fn write_item(out: &mut JsonText, world: &World, item: u32, stored: &ItemRecord) {
    let state = world.catalog.state(item);
    out.raw("{\"item_id\":");
    out.string(world.item_id(item));
    out.raw(",\"title\":");
    out.string(world.title(item));
    out.raw(",\"kind\":\"");
    out.raw(state.kind().as_str());
    out.raw("\"");
    let head = stored.variant_of.as_deref().filter(|head| !head.is_empty());
    let image_url = Some(world.image_url(item)).filter(|url| !url.is_empty());
    for (name, text) in [
        (",\"category\":", world.category(item)),
        (",\"currency\":", world.currency(item).as_ref().map(|currency| currency.as_str())),
        (",\"variant_of\":", head),
        (",\"image_url\":", image_url),
        (",\"url\":", stored.url.as_deref()),
    ] {
        out.raw(name);
        match text {
            Some(text) => out.string(text),
            None => out.raw("null"),
        }
    }
    for (name, amount) in [(",\"price\":", state.price()), (",\"cost\":", stored.cost)] {
        out.raw(name);
        match amount {
            Some(amount) => crate::answer::write_amount(out, amount),
            None => out.raw("null"),
        }
    }
    out.raw(",\"stock\":");
    match state.stock() {
        Some(stock) => out.raw(&stock.to_string()),
        None => out.raw("null"),
    }
    for (name, is) in [
        (",\"hidden\":", state.is_hidden()),
        (",\"sensitive\":", state.is_sensitive()),
        (",\"is_learned\":", world.is_learned(item)),
    ] {
        out.raw(name);
        out.raw(if is { "true" } else { "false" });
    }
    out.raw(",\"n_orders\":");
    out.number(world.n_item_baskets(item).into());
    out.raw(",\"attributes\":{");
    for (at, (name, value)) in stored.attributes.iter().enumerate() {
        out.raw(if at > 0 { "," } else { "" });
        out.string(name);
        out.raw(":");
        out.string(value);
    }
    out.raw("}}");
}
