//! Reports and results beside the requests: read from the store as it is now, one at a time.
//!
//! A reading goes through the whole log, so that it runs on a thread of its own, readings wait for
//! each other, and an answer stands for a minute: a dashboard that is looked at by many costs as
//! much as one that is looked at by one.

use crate::clock::elapsed_us;
use crate::ledger::LedgerFault;
use crate::outcomes::Standing;
use crate::problem::{Code, Problem};
use crate::state::Inner;
use events::Timestamp;
use experiment::ExperimentDir;
use history::Store;
use policy::PolicyDir;
use proof::findings::Asked;
use proof::{Findings, Results};
use snapshot::SnapshotDir;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

/// So long an answer stands.
const FRESH_US: i64 = 60_000_000;

/// What is asked of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReportQuestion {
    pub(crate) days: Option<u32>,
    pub(crate) by: Option<String>,
    pub(crate) window_days: Option<u32>,
}

#[derive(Debug)]
struct Reading {
    at: Timestamp,
    question: ReportQuestion,
    findings: Arc<Findings>,
}

/// The last report; held while one is read.
#[derive(Debug, Default)]
pub(crate) struct Proving {
    last: Mutex<Option<Reading>>,
}

impl Inner {
    fn store(&self) -> Result<&Store, Problem> {
        self.ledger.store().ok_or_else(|| {
            let detail = "This server keeps no store, so there is nothing to read from.";
            Problem::new(Code::NotFound, detail)
        })
    }

    pub(crate) fn experiments_dir(&self) -> Result<ExperimentDir, Problem> {
        self.store().map(|store| ExperimentDir::in_dir(store.dir()))
    }

    /// To be changed: not while part of its log is lost.
    pub(crate) async fn whole_experiments_dir(&self) -> Result<ExperimentDir, Problem> {
        let dir = self.experiments_dir()?;
        let n_known = self.store()?.experiment_changes().await.map_err(|error| {
            crate::routes::storage_problem(LedgerFault::Unavailable(Box::new(error)))
        })?;
        let n_changes = dir.log().map_err(experiment_problem)?.len() as u64;
        experiment::check_length(n_changes, n_known).map_err(experiment_problem)?;
        Ok(dir)
    }

    /// As it was at the last look; of a store where nothing was ever learned so, empty.
    pub(crate) fn standing_of_outcomes(&self) -> Result<Standing, Problem> {
        let read = Standing::read(self.store()?.dir());
        read.map(Option::unwrap_or_default).map_err(|error| {
            let detail = "outcomes.json cannot be read.";
            Problem::new(Code::StorageUnavailable, detail).because(error)
        })
    }

    pub(crate) fn policies_dir(&self) -> Result<PolicyDir, Problem> {
        self.store().map(|store| PolicyDir::in_dir(store.dir()))
    }

    pub(crate) fn snapshots_dir(&self) -> Result<SnapshotDir, Problem> {
        self.store().map(|store| SnapshotDir::new(store.snapshots_dir()))
    }

    /// At most a minute old.
    pub(crate) async fn report(&self, question: ReportQuestion) -> Result<Arc<Findings>, Problem> {
        let mut last = self.proving.last.lock().await;
        let now = self.clock.now();
        if let Some(known) = last.as_ref()
            && known.question == question
            && elapsed_us(known.at, now) < FRESH_US
        {
            return Ok(Arc::clone(&known.findings));
        }
        let (store, asked) = (self.store()?.clone(), question.clone());
        let findings = aside(async move {
            let asked = Asked {
                days: asked.days,
                by: asked.by.as_deref(),
                window_days: asked.window_days,
                ..Asked::default()
            };
            proof::findings::read(&store, now, asked).await
        })
        .await?;
        let findings = Arc::new(findings);
        *last = Some(Reading { at: now, question, findings: Arc::clone(&findings) });
        Ok(findings)
    }

    pub(crate) async fn results(&self, name: &str) -> Result<Results, Problem> {
        let experiment = self.experiments_dir()?.find(name).map_err(experiment_problem)?;
        let (store, now) = (self.store()?.clone(), self.clock.now());
        let _one_at_a_time = self.proving.last.lock().await;
        aside(async move { proof::results::of(&store, &experiment, now).await }).await
    }
}

/// Runs a reading off the threads that answer requests.
async fn aside<T: Send + 'static>(
    work: impl Future<Output = proof::Result<T>> + Send + 'static,
) -> Result<T, Problem> {
    let runtime = Handle::current();
    let done = tokio::task::spawn_blocking(move || runtime.block_on(work)).await;
    done.map_err(|error| Problem::internal().because(error))?.map_err(|error| match error {
        proof::Error::UnknownAttribute { .. } | proof::Error::NotStarted { .. } => {
            Problem::new(Code::InvalidValue, error.to_string())
        }
        error => {
            let detail = "The log could not be read; try again later.";
            Problem::new(Code::StorageUnavailable, detail).because(error)
        }
    })
}

/// Tells what the caller can mend; what lies in the house goes to the log.
pub(crate) fn experiment_problem(error: experiment::Error) -> Problem {
    use experiment::Error as E;
    match error {
        E::Unknown { .. } => Problem::new(Code::NotFound, error.to_string()),
        E::Faulty { path, detail } => {
            let problem = Problem::new(Code::InvalidValue, detail);
            match path {
                Some(path) => problem.at(path),
                None => problem,
            }
        }
        E::Taken { .. } => Problem::new(Code::NameTaken, error.to_string()).at("name"),
        E::UnknownVariant { .. } => {
            Problem::new(Code::InvalidValue, error.to_string()).at("variant")
        }
        E::LayerFull { .. } => Problem::new(Code::InvalidValue, error.to_string()).at("share"),
        E::WrongPhase { .. } => Problem::new(Code::InvalidValue, error.to_string()),
        error => {
            let detail = "The experiments cannot be read or written; nothing was changed.";
            Problem::new(Code::StorageUnavailable, detail).because(error)
        }
    }
}
