//! Guardrails: a variant that surely does harm is stopped by itself.

use super::results;
use crate::clock;
use events::Timestamp;
use experiment::{ExperimentDir, Signature};
use history::Store;
use std::time::Duration;

/// Who is named in the log.
const BY: &str = "guardrail";

/// Looks at all experiments that run, and stops the variants that break a guardrail; what was
/// stopped, in words.
pub(crate) async fn look(
    store: &Store,
    experiments: &ExperimentDir,
    now: Timestamp,
) -> anyhow::Result<Vec<String>> {
    let mut stopped = Vec::new();
    for experiment in experiments.all()?.into_iter().filter(|one| one.is_running()) {
        let name = &experiment.definition.name;
        let found = results::of(store, &experiment, now).await?;
        for contrast in found.contrasts {
            let is_stopped = experiment.stopped_variants.contains(&contrast.variant);
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

/// Looks again and again, beside a server.
pub(crate) async fn every(store: Store, experiments: ExperimentDir, pause: Duration) {
    loop {
        tokio::time::sleep(pause).await;
        match look(&store, &experiments, clock::now()).await {
            Ok(stopped) => stopped.iter().for_each(|what| tracing::warn!("{what}")),
            Err(error) => tracing::error!(%error, "the guardrails of experiments were not seen"),
        }
    }
}
