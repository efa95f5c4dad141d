//! The report as a page: what the offers earned that would not have come anyway, and what is
//! compared at present.

use super::explore::admit_operator;
use super::{Page, html};
use crate::problem::Problem;
use crate::proving::{ReportQuestion, experiment_problem};
use crate::state::AppState;
use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

struct ExperimentRow {
    name: String,
    phase: &'static str,
    layer: String,
    share: String,
    variants: String,
    since: String,
}

#[derive(Template)]
#[template(path = "proof.html")]
struct ProofPage {
    page: Page,
    report: String,
    experiments: Vec<ExperimentRow>,
}

pub(super) async fn page(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit_operator(&state, &headers)?;
    let findings = state.inner.report(ReportQuestion::default()).await?;
    let experiments = state.inner.experiments_dir()?.all().map_err(experiment_problem)?;
    Ok(html(&ProofPage {
        page: Page::of_request(&state, "What the offers earned", &headers),
        report: proof::page::body(&findings),
        experiments: experiments
            .iter()
            .rev()
            .map(|experiment| ExperimentRow {
                name: experiment.definition.name.clone(),
                phase: experiment.phase.as_str(),
                layer: experiment.definition.layer.clone(),
                share: format!("{} %", experiment.share()),
                variants: names_of(experiment),
                since: experiment.started_at.map(|at| at.to_string()).unwrap_or_default(),
            })
            .collect(),
    }))
}

fn names_of(experiment: &experiment::Experiment) -> String {
    let variants = experiment.definition.variants.iter();
    variants.map(|variant| variant.name.as_str()).collect::<Vec<_>>().join(", ")
}
