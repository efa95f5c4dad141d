//! What runs beside the requests: looking for new snapshots, keys, customers and catalog changes,
//! ticking the figures, starting learning, learning from outcomes, sealing the tail of the log,
//! forgetting what is too old.
//!
//! **Invariant:** a task that ends when it should not turns health red.

mod experiments;
mod guard;
mod learning;
mod outcomes;
mod retention;
mod sealing;
mod watch;

#[cfg(test)]
pub(crate) use experiments::ExperimentWatch;
pub(crate) use experiments::Sources;
pub use learning::LearnSchedule;
#[cfg(test)]
pub(crate) use outcomes::OutcomeLearner;
pub use retention::KeepDays;
#[cfg(test)]
pub(crate) use watch::PolicyWatch;
pub(crate) use watch::{load_current, load_policies};

use crate::error::Result;
use crate::keys::KeyFile;
use crate::replay::Archive;
use crate::state::AppState;
use experiment::ExperimentDir;
use history::Store;
use policy::PolicyDir;
use snapshot::SnapshotDir;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::task::JoinHandle;

/// What the background tasks look after.
#[derive(Clone, Debug)]
pub struct Upkeep {
    pub snapshots: SnapshotDir,
    pub keys: KeyFile,
    pub policies: PolicyDir,
    pub experiments: ExperimentDir,
    pub learn: Option<LearnSchedule>,
    pub keep: KeepDays,
    /// Where and how often the guardrails of experiments are looked at.
    pub guard: Option<(Store, Duration)>,
}

impl Upkeep {
    fn sources(&self) -> Sources {
        Sources {
            experiments: self.experiments.clone(),
            policies: self.policies.clone(),
            snapshots: self.snapshots.clone(),
        }
    }
}

/// Ends the tasks when it is dropped.
#[derive(Debug)]
pub struct Background {
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Background {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl AppState {
    /// Loads the snapshot in force and rebuilds the live state; the service can answer after this.
    /// No snapshot yet is no error: every answer is an empty slate then, and says so.
    pub async fn start(&self, upkeep: &Upkeep) -> Result<()> {
        // Started once; a second folder would be the same.
        let _ = self.inner.policy_dir.set(upkeep.policies.clone());
        if let Some(chronicle) = self.inner.settings.chronicle.clone() {
            let (snapshots, policies) = (upkeep.snapshots.clone(), upkeep.policies.clone());
            let archive = Archive { snapshots, policies, chronicle };
            // A second start would look after the same directories.
            let _ = self.inner.archive.set(archive);
        }
        load_policies(self, &upkeep.policies).await;
        load_current(&self.inner, &upkeep.snapshots).await;
        experiments::ExperimentWatch::new(upkeep.sources()).look(self).await;
        match self.inner.rebuild_live().await {
            Ok(n_events) => tracing::info!(n_events, "sessions rebuilt from the log"),
            Err(fault) => tracing::error!(%fault, "sessions could not be rebuilt from the log"),
        }
        Ok(())
    }

    /// Starts the background tasks on the runtime that this is called on.
    pub fn spawn_background(&self, upkeep: Upkeep) -> Background {
        let (experiments, sources) = (upkeep.experiments.clone(), upkeep.sources());
        let mut tasks = vec![
            self.supervise("customers", watch::customers(self.clone())),
            self.supervise("housekeeping", watch::housekeeping(self.clone())),
            self.supervise("snapshots", watch::snapshots(self.clone(), upkeep.snapshots)),
            self.supervise("catalog", watch::catalog(self.clone())),
            self.supervise("keys", watch::keys(self.clone(), upkeep.keys)),
            self.supervise("experiments", experiments::follow(self.clone(), sources)),
            self.supervise("contacts", watch::contacts(self.clone())),
            self.supervise("policies", watch::policies(self.clone(), upkeep.policies)),
            self.supervise("retention", retention::run(self.clone(), upkeep.keep)),
            self.supervise("outcomes", outcomes::run(self.clone())),
            self.supervise("sealing", sealing::run(self.clone())),
        ];
        if let Some((store, every)) = upkeep.guard {
            let guard = guard::run(self.clone(), experiments, store, every);
            tasks.push(self.supervise("guardrails", guard));
        }
        if let Some(schedule) = upkeep.learn {
            tasks.push(self.supervise("learning", learning::run(self.clone(), schedule)));
        }
        Background { tasks }
    }

    /// Waits until what was promised to be kept is kept; at the very end.
    pub async fn flush(&self) {
        if let Err(fault) = self.inner.ledger.flush().await {
            tracing::error!(%fault, "the last decision records could not be written");
        }
    }

    /// The keys' rate, for loading a ring.
    pub fn per_key_per_second(&self) -> NonZeroU32 {
        self.inner.settings.limits.per_key_per_second
    }

    fn supervise<F>(&self, name: &'static str, task: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let state = self.clone();
        tokio::spawn(async move {
            // Aborting the outer task at the end drops the inner handle and says nothing.
            if let Err(error) = tokio::spawn(task).await
                && error.is_panic()
            {
                tracing::error!(task = name, "a background task died");
                state.inner.health.task_died(name);
            }
        })
    }
}

/// Sleeps between two looks.
async fn pause() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}
