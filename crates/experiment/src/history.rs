//! From the log of changes to what each experiment is now.

use crate::definition::Definition;
use events::Timestamp;
use serde::{Deserialize, Serialize};

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub name: String,
    pub at_us: i64,
    pub by: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    #[serde(flatten)]
    pub action: Action,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    Create {
        definition: Definition,
    },
    /// With the buckets of the layer that it got.
    Start {
        buckets: Vec<u16>,
    },
    /// Buckets on top of those it has.
    Widen {
        buckets: Vec<u16>,
    },
    Stop,
    /// One variant alone; its units are served as if there were no experiment.
    StopVariant {
        variant: String,
    },
    /// Stopped, and from now on everybody is served as that variant.
    Winner {
        variant: String,
    },
}

impl Action {
    pub fn as_str(&self) -> &'static str {
        match self {
            Action::Create { .. } => "create",
            Action::Start { .. } => "start",
            Action::Widen { .. } => "widen",
            Action::Stop => "stop",
            Action::StopVariant { .. } => "stop variant",
            Action::Winner { .. } => "winner",
        }
    }
}

/// Where an experiment is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    Created,
    Running,
    Stopped,
    /// With the variant that everybody is served as.
    Won(String),
}

impl Phase {
    pub fn as_str(&self) -> &'static str {
        match self {
            Phase::Created => "created",
            Phase::Running => "running",
            Phase::Stopped => "stopped",
            Phase::Won(_) => "won",
        }
    }
}

/// An experiment as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    pub definition: Definition,
    pub phase: Phase,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Parts of the layer that it has, or had.
    pub buckets: Vec<u16>,
    /// Variants that were stopped alone, and when.
    pub stopped_variants: Vec<(String, Timestamp)>,
    /// What ended it last: who, and why.
    pub ended_by: String,
    pub ended_note: String,
}

impl Experiment {
    pub fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// When a variant was stopped alone.
    pub fn stopped_at(&self, variant: &str) -> Option<Timestamp> {
        let stopped = self.stopped_variants.iter().find(|(name, _)| name == variant);
        stopped.map(|(_, at)| *at)
    }

    /// Percent of the layer's units.
    pub fn share(&self) -> f64 {
        self.buckets.len() as f64 * 100.0 / f64::from(crate::definition::N_BUCKETS)
    }
}

/// All experiments, in order of creation. A line that names none that was created is an error.
pub(crate) fn replay(log: &[Change]) -> Result<Vec<Experiment>, String> {
    let mut experiments: Vec<Experiment> = Vec::new();
    for change in log {
        let known = experiments.iter_mut().find(|known| known.definition.name == change.name);
        match (known, &change.action) {
            (None, Action::Create { definition }) => experiments.push(Experiment {
                definition: definition.clone(),
                phase: Phase::Created,
                started_at: None,
                ended_at: None,
                buckets: Vec::new(),
                stopped_variants: Vec::new(),
                ended_by: String::new(),
                ended_note: String::new(),
            }),
            (Some(known), action) => apply(known, change, action),
            (None, _) => return Err(format!("{:?} is changed before it is created", change.name)),
        }
    }
    Ok(experiments)
}

fn apply(experiment: &mut Experiment, change: &Change, action: &Action) {
    let at = Timestamp(change.at_us);
    match action {
        Action::Create { .. } => {}
        Action::Start { buckets } => {
            experiment.phase = Phase::Running;
            experiment.started_at = Some(at);
            experiment.buckets.clone_from(buckets);
        }
        Action::Widen { buckets } => experiment.buckets.extend(buckets),
        Action::StopVariant { variant } => experiment.stopped_variants.push((variant.clone(), at)),
        Action::Stop | Action::Winner { .. } => {
            // A winner may be named after the stop; the trial ended at the stop.
            experiment.ended_at.get_or_insert(at);
            experiment.ended_by.clone_from(&change.by);
            experiment.ended_note.clone_from(&change.note);
            experiment.phase = match action {
                Action::Winner { variant } => Phase::Won(variant.clone()),
                _ => Phase::Stopped,
            };
        }
    }
}
