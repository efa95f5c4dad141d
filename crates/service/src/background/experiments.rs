//! Follows the log of experiments, so that what is started or stopped acts within a second.

use crate::state::AppState;
use experiment::{Experiment, ExperimentDir, Phase, Running};
use history::Store;
use policy::{PolicyDir, PolicySet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const PAUSE: Duration = Duration::from_millis(250);

pub(super) async fn follow(state: AppState, dir: ExperimentDir, policies: PolicyDir) {
    let mut watch = ExperimentWatch::new(dir, policies);
    loop {
        watch.look(&state).await;
        tokio::time::sleep(PAUSE).await;
    }
}

/// What was seen of the log so far.
pub(crate) struct ExperimentWatch {
    dir: ExperimentDir,
    policies: PolicyDir,
    /// The inner `None`: there is no log.
    seen: Option<Option<(SystemTime, u64)>>,
    fault: Option<String>,
}

impl ExperimentWatch {
    pub(crate) fn new(dir: ExperimentDir, policies: PolicyDir) -> ExperimentWatch {
        ExperimentWatch { dir, policies, seen: None, fault: None }
    }

    /// On any fault the experiments known before go on: ending them would move everybody.
    pub(crate) async fn look(&mut self, state: &AppState) {
        let stamp = self.dir.stamp();
        if self.seen == Some(stamp) && self.fault.is_none() {
            return;
        }
        let fault = self.load(state).await.err();
        if let Some(fault) = fault.as_ref().filter(|fault| self.fault.as_ref() != Some(fault)) {
            tracing::error!(fault, "the experiments cannot be used; those known before go on");
        }
        state.inner.health.experiment_fault(fault.clone());
        self.fault = fault;
        self.seen = Some(stamp);
    }

    async fn load(&mut self, state: &AppState) -> Result<(), String> {
        let all = self.dir.all().map_err(|error| error.to_string())?;
        if let Some(store) = state.inner.ledger.store() {
            check_whole(store, &self.dir).await?;
        }
        let running = Running::of(&all, state.inner.settings.unit_key);
        let mut sets: Vec<(u64, Arc<PolicySet>)> = Vec::new();
        let mut missing = None;
        for version in running.policy_versions() {
            match self.policies.load(version) {
                Ok(set) => sets.push((version, Arc::new(set))),
                Err(error) => missing = Some(error.to_string()),
            }
        }
        state.inner.set_variant_policies(sets).await.map_err(|fault| fault.to_string())?;
        if **state.inner.experiments.load() != running {
            let n_running = all.iter().filter(|experiment| experiment.is_running()).count();
            let is_won = |experiment: &&Experiment| matches!(experiment.phase, Phase::Won(_));
            let n_winners = all.iter().filter(is_won).count();
            tracing::info!(n_running, n_winners, "experiments in use");
            state.inner.experiments.store(Arc::new(running));
        }
        missing.map_or(Ok(()), Err)
    }
}

/// A log that is shorter than it was is cut or lost, and no reason to end what it forgot.
async fn check_whole(store: &Store, dir: &ExperimentDir) -> Result<(), String> {
    let n_changes = dir.log().map_err(|error| error.to_string())?.len() as u64;
    let n_known = store.experiment_changes().await.map_err(|error| error.to_string())?;
    experiment::check_length(n_changes, n_known).map_err(|error| error.to_string())?;
    let remembered = store.remember_experiment_changes(n_changes).await;
    remembered.map_err(|error| error.to_string())
}
