//! Guardrails of experiments: who surely harms is stopped.

use crate::state::AppState;
use experiment::ExperimentDir;
use history::Store;
use std::time::Duration;

/// Looks again and again, beside the requests.
pub(super) async fn run(state: AppState, dir: ExperimentDir, store: Store, every: Duration) {
    let runtime = tokio::runtime::Handle::current();
    // A server that is often started anew looks too.
    let mut pause = every.min(Duration::from_secs(60));
    loop {
        tokio::time::sleep(pause).await;
        pause = every;
        let (store, dir, now) = (store.clone(), dir.clone(), state.inner.clock.now());
        let runtime = runtime.clone();
        // A reading of the whole log keeps no thread from answering.
        let look = move || runtime.block_on(proof::guard::look(&store, &dir, now));
        match tokio::task::spawn_blocking(look).await {
            Ok(Ok(stopped)) => stopped.iter().for_each(|what| tracing::warn!("{what}")),
            Ok(Err(error)) => tracing::error!(%error, "the guardrails were not seen"),
            Err(error) => tracing::error!(%error, "the guardrails were not seen"),
        }
    }
}
