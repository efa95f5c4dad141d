//! Guardrails: a variant that surely does harm is stopped by itself.

use crate::error::Result;
use crate::results;
use events::Timestamp;
use experiment::{ExperimentDir, Signature};
use history::Store;

/// Who is named in the log.
const BY: &str = "guardrail";

/// Looks at all experiments that run, and stops the variants that break a guardrail; what was
/// stopped, in words.
pub async fn look(
    store: &Store,
    experiments: &ExperimentDir,
    now: Timestamp,
) -> Result<Vec<String>> {
    let mut stopped = Vec::new();
    for experiment in experiments.all()?.into_iter().filter(|one| one.is_running()) {
        let name = &experiment.definition.name;
        let found = results::of(store, &experiment, now).await?;
        for contrast in found.contrasts {
            let is_stopped = experiment.stopped_at(&contrast.variant).is_some();
            if contrast.breaches.is_empty() || is_stopped {
                continue;
            }
            let note = contrast.breaches.join("; ");
            let signed = Signature { at: now, by: BY.to_owned(), note: note.clone() };
            // An earlier variant of this look may have ended the whole.
            if experiments.find(name)?.is_running() {
                experiments.stop(name, Some(&contrast.variant), &signed)?;
                stopped.push(format!("{name}: {} was stopped: {note}", contrast.variant));
            }
        }
    }
    Ok(stopped)
}
