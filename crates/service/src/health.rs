//! Is the service well? Green, yellow (it answers, but something is old) or red.

use crate::ledger::LedgerFigures;
use events::Timestamp;
use std::sync::{Mutex, MutexGuard};

/// What has gone wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Health {
    state: Mutex<State>,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// Background tasks that ended when they should not.
    dead_tasks: Vec<&'static str>,
    learn_failure: Option<LearnFailure>,
    snapshot_fault: Option<String>,
    key_fault: Option<String>,
    policy_fault: Option<String>,
    experiment_fault: Option<String>,
    /// What was learned from outcomes and turned off.
    outcome_fault: Option<String>,
    /// Why nothing is learned from outcomes now.
    outcome_failure: Option<String>,
    /// The last call that had something to store could not.
    cannot_store: bool,
}

impl State {
    fn faults(&self) -> [&Option<String>; 6] {
        [
            &self.snapshot_fault,
            &self.key_fault,
            &self.policy_fault,
            &self.experiment_fault,
            &self.outcome_fault,
            &self.outcome_failure,
        ]
    }
}

/// The last run of learning that failed; cleared by the next that succeeds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LearnFailure {
    pub(crate) at: Timestamp,
    /// For the operator: dashboard and log.
    pub(crate) detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Color {
    Green,
    Yellow,
    Red,
}

impl Color {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Color::Green => "green",
            Color::Yellow => "yellow",
            Color::Red => "red",
        }
    }
}

impl Health {
    pub(crate) fn task_died(&self, name: &'static str) {
        self.lock().dead_tasks.push(name);
    }

    pub(crate) fn learn_failed(&self, at: Timestamp, detail: String) {
        self.lock().learn_failure = Some(LearnFailure { at, detail });
    }

    pub(crate) fn learn_succeeded(&self) {
        self.lock().learn_failure = None;
    }

    pub(crate) fn snapshot_fault(&self, fault: Option<String>) {
        self.lock().snapshot_fault = fault;
    }

    pub(crate) fn has_snapshot_fault(&self) -> bool {
        self.lock().snapshot_fault.is_some()
    }

    pub(crate) fn key_fault(&self, fault: Option<String>) {
        self.lock().key_fault = fault;
    }

    pub(crate) fn policy_fault(&self, fault: Option<String>) {
        self.lock().policy_fault = fault;
    }

    pub(crate) fn experiment_fault(&self, fault: Option<String>) {
        self.lock().experiment_fault = fault;
    }

    pub(crate) fn outcome_fault(&self, fault: Option<String>) {
        self.lock().outcome_fault = fault;
    }

    pub(crate) fn outcome_failure(&self, failure: Option<String>) {
        self.lock().outcome_failure = failure;
    }

    /// Whether the store took what it was given last.
    pub(crate) fn stored(&self, is_stored: bool) {
        self.lock().cannot_store = !is_stored;
    }

    pub(crate) fn learn_failure(&self) -> Option<LearnFailure> {
        self.lock().learn_failure.clone()
    }

    pub(crate) fn color(&self, figures: &LedgerFigures) -> Color {
        let state = self.lock();
        if !state.dead_tasks.is_empty() || figures.is_broken {
            Color::Red
        } else {
            let is_fine = state.learn_failure.is_none()
                && !state.cannot_store
                && state.faults().iter().all(|fault| fault.is_none());
            if is_fine { Color::Green } else { Color::Yellow }
        }
    }

    /// What is wrong, in words that any client may read.
    pub(crate) fn complaints(&self, figures: &LedgerFigures) -> Vec<String> {
        let state = self.lock();
        let mut complaints: Vec<String> = Vec::new();
        for task in &state.dead_tasks {
            complaints.push(format!("The background task \"{task}\" has died; restart."));
        }
        if figures.is_broken {
            complaints.push("The store's writer has died; restart.".to_owned());
        }
        if state.cannot_store {
            let complaint = "Events are refused, for the store cannot be written; see the log.";
            complaints.push(complaint.to_owned());
        }
        if let Some(failure) = &state.learn_failure {
            complaints.push(format!("Learning failed at {}; see the log.", failure.at));
        }
        if state.snapshot_fault.is_some() {
            complaints.push("The newest snapshot cannot be loaded; see the log.".to_owned());
        }
        if state.key_fault.is_some() {
            complaints.push("The key file cannot be used; see the log.".to_owned());
        }
        if state.policy_fault.is_some() {
            complaints.push("The policies cannot be read; see the log.".to_owned());
        }
        if state.experiment_fault.is_some() {
            complaints
                .push("Some experiments cannot run as they are meant to; see the log.".to_owned());
        }
        if state.outcome_fault.is_some() {
            let complaint = "What was learned from outcomes earned less than without it, and was \
                             turned off; see `alongside status`.";
            complaints.push(complaint.to_owned());
        }
        if state.outcome_failure.is_some() {
            complaints.push("Nothing is learned from outcomes; see the log.".to_owned());
        }
        complaints
    }

    /// For the operator alone: may hold paths.
    pub(crate) fn details(&self) -> Vec<String> {
        let state = self.lock();
        let learn = state.learn_failure.as_ref().map(|failure| failure.detail.clone());
        learn.into_iter().chain(state.faults().into_iter().flatten().cloned()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yellow_when_old_red_when_dead() {
        let health = Health::default();
        let fine = LedgerFigures::default();
        assert_eq!(health.color(&fine), Color::Green);
        health.learn_failed(Timestamp(0), "out of memory in /secret".to_owned());
        assert_eq!(health.color(&fine), Color::Yellow);
        let told = health.complaints(&fine);
        assert_eq!(told, ["Learning failed at 1970-01-01T00:00:00Z; see the log."]);
        assert_eq!(health.details(), ["out of memory in /secret"]);
        health.learn_succeeded();
        assert_eq!(health.color(&fine), Color::Green);
        assert_eq!(health.color(&LedgerFigures { is_broken: true, ..fine }), Color::Red);
        health.stored(false);
        assert_eq!(health.color(&fine), Color::Yellow);
        assert!(health.complaints(&fine)[0].starts_with("Events are refused"));
        health.stored(true);
        assert_eq!(health.color(&fine), Color::Green);
        health.key_fault(Some("gone".to_owned()));
        assert_eq!(health.color(&fine), Color::Yellow);
        health.key_fault(None);
        health.outcome_fault(Some("cart: turned off by itself".to_owned()));
        assert_eq!(health.color(&fine), Color::Yellow);
        assert!(health.complaints(&fine)[0].contains("turned off"));
        assert_eq!(health.details(), ["cart: turned off by itself"]);
        health.outcome_fault(None);
        assert_eq!(health.color(&fine), Color::Green);
        health.outcome_failure(Some("outcomes.json cannot be read".to_owned()));
        assert_eq!(health.color(&fine), Color::Yellow);
        assert_eq!(health.complaints(&fine).len(), 1);
        assert_eq!(health.details(), ["outcomes.json cannot be read"]);
        health.outcome_failure(None);
        health.task_died("housekeeping");
        assert_eq!(health.color(&fine), Color::Red);
    }
}
