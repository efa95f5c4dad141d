//! The Prometheus text format, version 0.0.4.

use super::{HistogramCounts, Metrics, RouteGroup};
use events::EventKind;
use score::Rung;
use std::fmt::Write;

/// What stands still at the moment of asking, gathered by the caller.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) snapshot_age_s: Option<f64>,
    pub(crate) snapshot_version: String,
    pub(crate) n_items: usize,
    pub(crate) n_sessions: usize,
    pub(crate) n_records_written: u64,
    pub(crate) n_records_shed: u64,
    pub(crate) is_ready: bool,
    pub(crate) is_learning_late: bool,
}

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

pub(crate) fn expose(metrics: &Metrics, gauges: &Gauges) -> String {
    let mut page = Page(String::with_capacity(8_192));
    page.requests(metrics);
    let help = "Validation to finished answer of one slate";
    page.histogram("alongside_decision_seconds", help, &metrics.decision_time.counts());
    let help = "Whole requests to the recommend routes";
    page.histogram("alongside_recommend_seconds", help, &metrics.recommend_time.counts());
    page.head("alongside_decisions_total", "counter", "Slates by the best rung used");
    for rung in Rung::ALL {
        let labels = format!("rung=\"{}\"", rung.as_str());
        page.sample("alongside_decisions_total", &labels, metrics.n_decisions_of(rung) as f64);
    }
    page.head("alongside_events_total", "counter", "Events made durable");
    for kind in EventKind::ALL {
        let labels = format!("kind=\"{}\"", kind.as_str());
        page.sample("alongside_events_total", &labels, metrics.n_events_of(kind) as f64);
    }
    page.counters(metrics, gauges);
    page.gauges(gauges);
    page.0
}

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}.\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: f64) {
        let _ = match labels {
            "" => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.head(name, kind, help);
        self.sample(name, "", value);
    }

    fn requests(&mut self, metrics: &Metrics) {
        self.head("alongside_requests_total", "counter", "Requests by route and class of status");
        for group in RouteGroup::ALL {
            for (class, class_name) in CLASSES.iter().enumerate() {
                let n = metrics.n_requests_of_class(group, class);
                if n > 0 {
                    let labels = format!("route=\"{}\",status=\"{class_name}\"", group.as_str());
                    self.sample("alongside_requests_total", &labels, n as f64);
                }
            }
        }
    }

    fn histogram(&mut self, name: &str, help: &str, counts: &HistogramCounts) {
        self.head(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        for (bound_s, n) in counts.cumulative() {
            self.sample(&bucket, &format!("le=\"{bound_s:.6}\""), n as f64);
        }
        self.sample(&bucket, "le=\"+Inf\"", counts.n() as f64);
        self.sample(&format!("{name}_sum"), "", counts.sum_s());
        self.sample(&format!("{name}_count"), "", counts.n() as f64);
    }

    fn counters(&mut self, metrics: &Metrics, gauges: &Gauges) {
        let counters = [
            ("offers", "Offers in all slates", metrics.n_offers()),
            ("events_duplicate", "Events seen before", metrics.n_events_duplicate.get()),
            ("events_refused", "Events that cannot be used", metrics.n_events_refused.get()),
            ("decision_records", "Decision records written", gauges.n_records_written),
            ("decision_records_shed", "Decision records given up", gauges.n_records_shed),
            ("panics", "Requests that ended in a panic", metrics.n_panics.get()),
            (
                "answers_known",
                "Slates whose question was decided before",
                metrics.n_answers_known.get(),
            ),
            ("snapshot_swaps", "Snapshots put into use", metrics.n_snapshot_swaps.get()),
            ("snapshot_failures", "Snapshots not loadable", metrics.n_snapshot_failures.get()),
            (
                "policies_unknown",
                "Hard policies that closed because something was not known",
                metrics.n_policies_unknown.get(),
            ),
            ("learn_runs", "Learning runs started", metrics.n_learn_runs.get()),
            ("learn_failures", "Learning runs that failed", metrics.n_learn_failures.get()),
        ];
        for (name, help, value) in counters {
            self.single(&format!("alongside_{name}_total"), "counter", help, value as f64);
        }
    }

    fn gauges(&mut self, gauges: &Gauges) {
        self.head("alongside_snapshot_info", "gauge", "The snapshot in use");
        let version = gauges.snapshot_version.replace('\\', "\\\\").replace('"', "\\\"");
        let labels = format!("version=\"{}\"", version.replace('\n', "\\n"));
        self.sample("alongside_snapshot_info", &labels, 1.0);
        if let Some(age_s) = gauges.snapshot_age_s {
            let help = "Age of the snapshot in use";
            self.single("alongside_snapshot_age_seconds", "gauge", help, age_s);
        }
        let flag = |is: bool| if is { 1.0 } else { 0.0 };
        let gauges = [
            ("items", "Items in the catalog", gauges.n_items as f64),
            ("sessions", "Sessions in memory", gauges.n_sessions as f64),
            ("ready", "1 when offers can be asked for", flag(gauges.is_ready)),
            ("learning_late", "1 when learning failed", flag(gauges.is_learning_late)),
        ];
        for (name, help, value) in gauges {
            self.single(&format!("alongside_{name}"), "gauge", help, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_sample_follows_its_head_and_parses() {
        let metrics = Metrics::default();
        metrics.count_request(RouteGroup::Recommend, 200);
        metrics.decision_time.record(Duration::from_micros(100));
        metrics.count_event(EventKind::ViewItem);
        let gauges =
            Gauges { snapshot_version: "a\"b".to_owned(), n_items: 7, ..Gauges::default() };
        let text = expose(&metrics, &gauges);
        let mut family = "";
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                family = rest.split(' ').next().unwrap();
            } else if !line.starts_with('#') {
                let (series, value) = line.rsplit_once(' ').unwrap();
                assert!(series.starts_with(family), "{series} is not of {family}");
                assert!(value.parse::<f64>().is_ok(), "{line}");
            }
        }
        assert!(text.contains("alongside_requests_total{route=\"recommend\",status=\"2xx\"} 1\n"));
        assert!(text.contains("alongside_events_total{kind=\"view_item\"} 1\n"));
        assert!(text.contains("alongside_snapshot_info{version=\"a\\\"b\"} 1\n"));
        assert!(text.contains("alongside_decision_seconds_count 1\n"));
        assert!(text.contains("alongside_items 7\n"));
    }
}
