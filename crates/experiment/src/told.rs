//! Experiments as machines are told of them, by the command line and the API alike.

use crate::definition::Definition;
use crate::history::{Change, Experiment, Phase};
use events::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One experiment as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct ToldExperiment<'a> {
    pub name: &'a str,
    /// `created`, `running`, `stopped` or `won`.
    pub phase: &'static str,
    /// The variant that everybody is served as.
    pub winner: Option<&'a str>,
    pub layer: &'a str,
    /// Of the layer's units, as it is now.
    pub share_percent: f64,
    pub placements: &'a [String],
    /// By name; the first is what the others are held against.
    pub variants: Vec<&'a str>,
    /// Those that were stopped alone.
    pub stopped_variants: Vec<&'a str>,
    pub started_at: Option<String>,
    pub ended_at: Option<String>,
    pub ended_by: &'a str,
    pub ended_note: &'a str,
}

/// The same with its definition and who did what to it when.
#[derive(Debug, Serialize, ToSchema)]
pub struct WholeExperiment<'a> {
    #[serde(flatten)]
    pub now: ToldExperiment<'a>,
    pub definition: &'a Definition,
    /// Oldest first.
    pub log: Vec<ToldChange<'a>>,
}

/// What was done to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ToldChange<'a> {
    pub at: String,
    /// `created`, `started`, `widened` and the like.
    pub what: &'static str,
    pub by: &'a str,
    pub note: &'a str,
}

fn now_of(experiment: &Experiment) -> ToldExperiment<'_> {
    let definition = &experiment.definition;
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let winner = match &experiment.phase {
        Phase::Won(winner) => Some(&**winner),
        _ => None,
    };
    ToldExperiment {
        name: &definition.name,
        phase: experiment.phase.as_str(),
        winner,
        layer: &definition.layer,
        share_percent: experiment.share(),
        placements: &definition.placements,
        variants: definition.variants.iter().map(|variant| &*variant.name).collect(),
        stopped_variants: experiment.stopped_variants.iter().map(|(name, _)| &**name).collect(),
        started_at: time(experiment.started_at),
        ended_at: time(experiment.ended_at),
        ended_by: &experiment.ended_by,
        ended_note: &experiment.ended_note,
    }
}

pub fn told(experiment: &Experiment) -> Value {
    serde_json::to_value(now_of(experiment)).expect("texts and numbers always serialize")
}

/// `log` is that of all experiments.
pub fn told_whole(experiment: &Experiment, log: &[Change]) -> Value {
    let own = log.iter().filter(|change| change.name == experiment.definition.name);
    let told_change = |change| {
        let Change { at_us, action, by, note, .. }: &Change = change;
        ToldChange { at: Timestamp(*at_us).to_string(), what: action.as_str(), by, note }
    };
    let (now, definition) = (now_of(experiment), &experiment.definition);
    let whole = WholeExperiment { now, definition, log: own.map(told_change).collect() };
    serde_json::to_value(whole).expect("texts and numbers always serialize")
}
