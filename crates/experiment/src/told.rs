//! Experiments as machines are told of them, by the command line and the API alike.

use crate::history::{Change, Experiment, Phase};
use events::Timestamp;
use serde_json::{Value, json};

/// One experiment as it is now.
pub fn told(experiment: &Experiment) -> Value {
    let definition = &experiment.definition;
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let winner = match &experiment.phase {
        Phase::Won(winner) => Some(winner),
        _ => None,
    };
    let stopped: Vec<&String> = experiment.stopped_variants.iter().map(|(name, _)| name).collect();
    json!({
        "name": definition.name, "phase": experiment.phase.as_str(), "winner": winner,
        "layer": definition.layer, "share_percent": experiment.share(),
        "placements": definition.placements,
        "variants": definition.variants.iter().map(|v| &v.name).collect::<Vec<_>>(),
        "stopped_variants": stopped,
        "started_at": time(experiment.started_at), "ended_at": time(experiment.ended_at),
        "ended_by": experiment.ended_by, "ended_note": experiment.ended_note,
    })
}

/// The same with its definition and who did what to it when; `log` is that of all experiments.
pub fn told_whole(experiment: &Experiment, log: &[Change]) -> Value {
    let mut object = told(experiment);
    object["definition"] =
        serde_json::to_value(&experiment.definition).expect("texts and numbers always serialize");
    let own = log.iter().filter(|change| change.name == experiment.definition.name);
    object["log"] = own
        .map(|change| {
            let at = Timestamp(change.at_us).to_string();
            let what = change.action.as_str();
            json!({"at": at, "what": what, "by": change.by, "note": change.note})
        })
        .collect();
    object
}
