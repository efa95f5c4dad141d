//! The operator's dashboard: what is served, how fast, and why.

use super::explore::admit_operator;
use super::words::{calm, duration};
use super::{Page, html};
use crate::ledger::DecisionEntry;
use crate::metrics::RouteGroup;
use crate::problem::Problem;
use crate::record::Record;
use crate::state::{AppState, Inner};
use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use decide::words::{grouped, name_of};
use events::EventKind;
use score::{Rung, World};

const N_RECENT: usize = 20;

/// A figure with its name.
struct Figure {
    name: &'static str,
    value: String,
    note: String,
}

struct RungRow {
    name: &'static str,
    n: String,
    share: String,
    bar: String,
}

/// One of the last decisions.
struct DecisionRow {
    id: String,
    ago: String,
    placement: String,
    asked: String,
    n_offers: usize,
    first: String,
    why: String,
    rung: String,
}

#[derive(Template)]
#[template(path = "dashboard.html")]
struct DashboardPage {
    page: Page,
    color: &'static str,
    complaints: Vec<String>,
    details: Vec<String>,
    is_open: bool,
    figures: Vec<Figure>,
    spark: String,
    spark_max: String,
    provenance: Vec<(String, String)>,
    parameters: Vec<(String, String)>,
    rungs: Vec<RungRow>,
    events: Vec<(&'static str, String)>,
    decisions: Vec<DecisionRow>,
}

pub(super) async fn page(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit_operator(&state, &headers)?;
    let inner = &state.inner;
    let (spark, spark_max) = sparkline(&inner.window.per_second());
    Ok(html(&DashboardPage {
        page: Page::of_request(&state, "Dashboard", &headers),
        color: inner.color().as_str(),
        complaints: inner.complaints(),
        details: inner.health.details(),
        is_open: state.is_open(),
        figures: figures_of(inner),
        spark,
        spark_max,
        provenance: provenance_of(inner),
        parameters: parameters_of(inner),
        rungs: rungs_of(inner),
        events: EventKind::ALL
            .iter()
            .map(|&kind| (kind.as_str(), grouped(inner.metrics.n_events_of(kind))))
            .collect(),
        decisions: decisions_of(inner),
    }))
}

fn figures_of(inner: &Inner) -> Vec<Figure> {
    let served = inner.served.load();
    let window = inner.window.figures();
    let gauges = inner.gauges();
    let up_s = crate::clock::elapsed_us(inner.started_at, inner.clock.now()) as f64 / 1e6;
    let millis = |us: Option<f64>| us.map_or("–".to_owned(), |us| format!("{:.2} ms", us / 1e3));
    let age = inner.snapshot_age_s(&served);
    let figure = |name, value, note: &str| Figure { name, value, note: note.to_owned() };
    vec![
        figure("Requests a second", format!("{:.1}", window.per_second), "for offers, last minute"),
        figure("Median answer", millis(window.p50_us), "at most, last minute"),
        figure("99th percentile", millis(window.p99_us), "at most, last minute"),
        figure(
            "Slates",
            grouped(Rung::ALL.iter().map(|&rung| inner.metrics.n_decisions_of(rung)).sum()),
            &format!("{} offers since the start", grouped(inner.metrics.n_offers())),
        ),
        figure(
            "Snapshot age",
            age.map_or("–".to_owned(), duration),
            match served.snapshot_id.as_str() {
                "" => "nothing learned yet",
                id => id,
            },
        ),
        figure(
            "Items",
            grouped(gauges.n_items as u64),
            &format!("sessions in memory: {}", grouped(gauges.n_sessions as u64)),
        ),
        figure(
            "Decision records",
            grouped(gauges.n_records_written),
            &format!("{} given up under load", grouped(gauges.n_records_shed)),
        ),
        figure(
            "Running for",
            duration(up_s),
            &format!("{} page requests", grouped(inner.metrics.n_requests(RouteGroup::Pages))),
        ),
    ]
}

/// Points of a polyline in a box of 240 × 40.
fn sparkline(per_second: &[u64]) -> (String, String) {
    let max = per_second.iter().copied().max().unwrap_or(0).max(1);
    let step = 240.0 / (per_second.len().saturating_sub(1).max(1)) as f64;
    let points: Vec<String> = per_second
        .iter()
        .enumerate()
        .map(|(at, &n)| {
            format!("{:.1},{:.1}", at as f64 * step, 38.0 - 36.0 * n as f64 / max as f64)
        })
        .collect();
    (points.join(" "), grouped(max))
}

fn provenance_of(inner: &Inner) -> Vec<(String, String)> {
    let served = inner.served.load();
    let provenance = served.world.snapshot.provenance();
    let mut rows = vec![
        ("Orders".to_owned(), grouped(provenance.n_baskets)),
        ("Order lines".to_owned(), grouped(provenance.n_lines)),
        ("Items".to_owned(), grouped(provenance.n_items)),
        ("Customers".to_owned(), grouped(provenance.n_customers)),
    ];
    if let (Some(from), Some(to)) = (&provenance.data_from, &provenance.data_to) {
        rows.push(("Data".to_owned(), format!("{from} to {to}")));
    }
    rows.push(("Code".to_owned(), provenance.code_version.clone()));
    rows.push(("Seed".to_owned(), provenance.seed.to_string()));
    rows
}

fn parameters_of(inner: &Inner) -> Vec<(String, String)> {
    let served = inner.served.load();
    let provenance = served.world.snapshot.provenance();
    let told = provenance.parameters.iter().chain(&provenance.sources);
    told.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn rungs_of(inner: &Inner) -> Vec<RungRow> {
    let counts = Rung::ALL.map(|rung| inner.metrics.n_decisions_of(rung));
    let total = counts.iter().sum::<u64>().max(1) as f64;
    let row = |(rung, n): (Rung, u64)| RungRow {
        name: rung.as_str(),
        n: grouped(n),
        share: format!("{:.1} %", n as f64 / total * 100.0),
        bar: format!("{:.1}", n as f64 / total * 100.0),
    };
    Rung::ALL.into_iter().zip(counts).map(row).collect()
}

fn decisions_of(inner: &Inner) -> Vec<DecisionRow> {
    let served = inner.served.load();
    let now = inner.clock.now();
    let row = |entry: &DecisionEntry| {
        let ago_s = crate::clock::elapsed_us(entry.at, now) as f64 / 1e6;
        decision_row(&served.world, entry, ago_s)
    };
    inner.recent.latest(N_RECENT).iter().filter_map(row).collect()
}

/// `None`: a record that this version did not write.
fn decision_row(world: &World, entry: &DecisionEntry, ago_s: f64) -> Option<DecisionRow> {
    let record = Record::read(&entry.payload)?;
    let title = |item_id: &str| match world.item_idx(item_id) {
        Some(item) => calm(name_of(world, item)),
        None => item_id.to_owned(),
    };
    let asked: Vec<String> = record.context().take(3).map(title).collect();
    let offers = record.offers();
    Some(DecisionRow {
        id: entry.id().to_owned(),
        ago: duration(ago_s),
        placement: record.placement().to_owned(),
        asked: asked.join(", "),
        n_offers: offers.len(),
        first: offers.first().map(|offer| title(&offer.item_id)).unwrap_or_default(),
        why: offers.first().and_then(|offer| offer.reason(world)).unwrap_or_default(),
        rung: record.fallback().to_owned(),
    })
}
