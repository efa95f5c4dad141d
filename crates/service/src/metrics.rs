//! Counters of the running service, told as Prometheus text and on the dashboard.
//!
//! All of it is relaxed atomics: a counter may lag by an instant, it never slows an answer.

mod exposition;
mod histogram;
mod window;

pub(crate) use exposition::{Gauges, expose};
pub(crate) use histogram::{Histogram, HistogramCounts};
pub(crate) use window::RecentWindow;

use events::EventKind;
use score::Rung;
use std::sync::atomic::{AtomicU64, Ordering};

/// What an operator tells routes apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum RouteGroup {
    Recommend,
    Events,
    Catalog,
    Decisions,
    Pages,
    Operations,
}

impl RouteGroup {
    pub(crate) const ALL: [RouteGroup; 6] = [
        RouteGroup::Recommend,
        RouteGroup::Events,
        RouteGroup::Catalog,
        RouteGroup::Decisions,
        RouteGroup::Pages,
        RouteGroup::Operations,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            RouteGroup::Recommend => "recommend",
            RouteGroup::Events => "events",
            RouteGroup::Catalog => "catalog",
            RouteGroup::Decisions => "decisions",
            RouteGroup::Pages => "pages",
            RouteGroup::Operations => "operations",
        }
    }

    pub(crate) fn of_path(path: &str) -> RouteGroup {
        match path.strip_prefix("/v1/") {
            Some(rest) if rest.starts_with("recommend") => RouteGroup::Recommend,
            Some(rest) if rest.starts_with("events") => RouteGroup::Events,
            Some(rest) if rest.starts_with("decisions") => RouteGroup::Decisions,
            Some(_) => RouteGroup::Catalog,
            None if path.starts_with("/health") || path == "/metrics" => RouteGroup::Operations,
            None => RouteGroup::Pages,
        }
    }
}

/// Every counter of the service.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// By route group and class of status (index 0: 1xx … 4: 5xx).
    requests: [[AtomicU64; 5]; RouteGroup::ALL.len()],
    /// Validation to finished answer of one slate.
    pub(crate) decision_time: Histogram,
    /// Whole requests to the recommend routes, reading the body included.
    pub(crate) recommend_time: Histogram,
    rungs: [AtomicU64; Rung::ALL.len()],
    n_offers: AtomicU64,
    events: [AtomicU64; EventKind::ALL.len()],
    pub(crate) n_events_duplicate: Counter,
    pub(crate) n_events_refused: Counter,
    /// Slates whose question was asked and decided before.
    pub(crate) n_answers_known: Counter,
    pub(crate) n_panics: Counter,
    pub(crate) n_snapshot_swaps: Counter,
    pub(crate) n_snapshot_failures: Counter,
    /// Hard policies that closed because something was not known, one a decision and policy.
    pub(crate) n_policies_unknown: Counter,
    pub(crate) n_learn_runs: Counter,
    pub(crate) n_learn_failures: Counter,
}

/// One number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Metrics {
    pub(crate) fn count_request(&self, group: RouteGroup, status: u16) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        self.requests[group as usize][class].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_decision(&self, rung: Rung, n_offers: usize) {
        self.rungs[rung as usize].fetch_add(1, Ordering::Relaxed);
        self.n_offers.fetch_add(n_offers as u64, Ordering::Relaxed);
    }

    pub(crate) fn count_event(&self, kind: EventKind) {
        self.events[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn n_requests(&self, group: RouteGroup) -> u64 {
        self.requests[group as usize].iter().map(|n| n.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn n_requests_of_class(&self, group: RouteGroup, class: usize) -> u64 {
        self.requests[group as usize][class].load(Ordering::Relaxed)
    }

    pub(crate) fn n_decisions_of(&self, rung: Rung) -> u64 {
        self.rungs[rung as usize].load(Ordering::Relaxed)
    }

    pub(crate) fn n_offers(&self) -> u64 {
        self.n_offers.load(Ordering::Relaxed)
    }

    pub(crate) fn n_events_of(&self, kind: EventKind) -> u64 {
        self.events[kind as usize].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart_by_route_and_status() {
        let metrics = Metrics::default();
        metrics.count_request(RouteGroup::of_path("/v1/recommend:batch"), 200);
        metrics.count_request(RouteGroup::of_path("/v1/recommend"), 404);
        metrics.count_request(RouteGroup::of_path("/v1/items/A"), 200);
        metrics.count_request(RouteGroup::of_path("/"), 200);
        assert_eq!(metrics.n_requests(RouteGroup::Recommend), 2);
        assert_eq!(metrics.n_requests_of_class(RouteGroup::Recommend, 3), 1);
        assert_eq!(metrics.n_requests(RouteGroup::Catalog), 1);
        assert_eq!(metrics.n_requests(RouteGroup::Pages), 1);
    }
}
