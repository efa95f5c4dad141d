//! Follows the log of experiments, so that what is started or stopped acts within a second.

use super::watch::open_served;
use crate::state::{AppState, Inner, Served};
use experiment::{Definition, Experiment, ExperimentDir, Phase, Running};
use history::Store;
use policy::{PolicyDir, PolicySet};
use snapshot::SnapshotDir;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const PAUSE: Duration = Duration::from_millis(250);

/// Looks between two tries of a snapshot that could not be loaded.
const RETRY_AFTER_LOOKS: u32 = 120;

/// Where all that variants may ask for lies.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    pub(crate) experiments: ExperimentDir,
    pub(crate) policies: PolicyDir,
    pub(crate) snapshots: SnapshotDir,
}

pub(super) async fn follow(state: AppState, sources: Sources) {
    let mut watch = ExperimentWatch::new(sources);
    loop {
        watch.look(&state).await;
        tokio::time::sleep(PAUSE).await;
    }
}

/// What was seen of the log so far.
pub(crate) struct ExperimentWatch {
    sources: Sources,
    /// The inner `None`: there is no log.
    seen: Option<Option<(SystemTime, u64)>>,
    fault: Option<String>,
    /// Snapshots that could not be loaded, why, and how many looks ago.
    unusable: Vec<(String, String, u32)>,
}

impl ExperimentWatch {
    pub(crate) fn new(sources: Sources) -> ExperimentWatch {
        ExperimentWatch { sources, seen: None, fault: None, unusable: Vec::new() }
    }

    /// On any fault the experiments known before go on: ending them would move everybody.
    pub(crate) async fn look(&mut self, state: &AppState) {
        let stamp = self.sources.experiments.stamp();
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
        let all = self.sources.experiments.all().map_err(|error| error.to_string())?;
        if let Some(store) = state.inner.ledger.store() {
            check_whole(store, &self.sources.experiments).await?;
        }
        let running = Running::of(&all, state.inner.settings.unit_key);
        let mut sets: Vec<(u64, Arc<PolicySet>)> = Vec::new();
        let mut missing = None;
        for version in running.policy_versions() {
            match self.sources.policies.load(version) {
                Ok(set) => sets.push((version, Arc::new(set))),
                Err(error) => missing = Some(error.to_string()),
            }
        }
        state.inner.set_variant_policies(sets).await.map_err(|fault| fault.to_string())?;
        let wanted = running.snapshots();
        // Who is assigned by the old experiments needs their worlds until the new ones are there.
        let unusable = self.open_snapshots(&state.inner, &wanted).await?;
        // Its control alone would be compared with nobody.
        let is_sound = |experiment: &Experiment| {
            !experiment.is_running() || !self.needs_unusable(&experiment.definition)
        };
        let all: Vec<Experiment> = all.into_iter().filter(is_sound).collect();
        let running = Running::of(&all, state.inner.settings.unit_key);
        if **state.inner.experiments.load() != running {
            let n_running = all.iter().filter(|experiment| experiment.is_running()).count();
            let is_won = |experiment: &&Experiment| matches!(experiment.phase, Phase::Won(_));
            let n_winners = all.iter().filter(is_won).count();
            tracing::info!(n_running, n_winners, "experiments in use");
            state.inner.experiments.store(Arc::new(running));
        }
        let is_needless = |served: &Arc<Served>| !wanted.contains(&served.snapshot_id);
        if state.inner.served.load().beside.iter().any(is_needless) {
            let kept = state.inner.set_variant_worlds(&wanted, Vec::new()).await;
            kept.map_err(|fault| fault.to_string())?;
        }
        missing.or(unusable).map_or(Ok(()), Err)
    }

    fn needs_unusable(&self, definition: &Definition) -> bool {
        let mut snapshots = definition.snapshots();
        snapshots.any(|id| self.unusable.iter().any(|(unusable, ..)| unusable == id))
    }

    /// Makes worlds of snapshots that variants are served from. What cannot be used is told; its
    /// experiment waits until it can.
    async fn open_snapshots(
        &mut self,
        inner: &Inner,
        wanted: &[String],
    ) -> Result<Option<String>, String> {
        self.unusable.retain_mut(|(id, _, n_looks)| {
            *n_looks += 1;
            *n_looks < RETRY_AFTER_LOOKS && wanted.contains(id)
        });
        let there: Vec<String> =
            inner.served.load().beside.iter().map(|served| served.snapshot_id.clone()).collect();
        let mut opened = Vec::new();
        for id in wanted.iter().filter(|id| !there.contains(id)) {
            if self.unusable.iter().any(|(known, ..)| known == id) {
                continue;
            }
            match open_served(&self.sources.snapshots, id).await {
                Ok(served) => opened.push(served),
                Err(fault) => self.unusable.push((id.clone(), fault, 0)),
            }
        }
        if !opened.is_empty() {
            let n_opened = opened.len();
            inner.set_variant_worlds(&there, opened).await.map_err(|fault| fault.to_string())?;
            tracing::info!(n_opened, "snapshots of variants in use");
        }
        let told = |(id, fault, _): &(String, String, u32)| {
            format!(
                "the snapshot {id} of a variant cannot be used ({fault}); its experiment waits, \
                 and all are served as usual"
            )
        };
        Ok(self.unusable.first().map(told))
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
