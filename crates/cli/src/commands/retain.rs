//! `alongside retain`: forgets browsing events and decision records by age. `serve` does the same
//! by itself.

use crate::clock;
use crate::show;
use clap::Args;
use history::{OpenMode, Store};
use serde_json::json;
use service::KeepDays;
use std::path::Path;

/// Two years and some weeks, so that a season can be held against the last one.
const EVENT_DAYS: u32 = 750;
/// Long enough to ask why after a quarter has closed.
const DECISION_DAYS: u32 = 180;

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct KeepArgs {
    /// Days to keep browsing events, or `forever`. Orders always stay.
    #[arg(long = "keep-events", value_name = "DAYS", default_value_t = Age::days(EVENT_DAYS))]
    events: Age,
    /// Days to keep records of decisions, or `forever`.
    #[arg(long = "keep-decisions", value_name = "DAYS", default_value_t = Age::days(DECISION_DAYS))]
    decisions: Age,
}

impl Default for KeepArgs {
    fn default() -> KeepArgs {
        KeepArgs { events: Age::days(EVENT_DAYS), decisions: Age::days(DECISION_DAYS) }
    }
}

impl KeepArgs {
    pub(crate) fn days(self) -> KeepDays {
        KeepDays { events: self.events.0, decisions: self.decisions.0 }
    }
}

/// `None`: for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Age(Option<u32>);

impl Age {
    const fn days(days: u32) -> Age {
        Age(Some(days))
    }
}

impl std::fmt::Display for Age {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(days) => write!(f, "{days}"),
            None => f.write_str("forever"),
        }
    }
}

impl std::str::FromStr for Age {
    type Err = String;

    /// 0 is refused: some mean "nothing" by it and some "no limit".
    fn from_str(text: &str) -> Result<Age, String> {
        match text.parse() {
            _ if text == "forever" => Ok(Age(None)),
            Ok(days) if days > 0 => Ok(Age(Some(days))),
            _ => Err("give a number of days from 1 on, or `forever`".to_owned()),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RetainArgs {
    #[command(flatten)]
    keep: KeepArgs,
    #[command(flatten)]
    output: crate::args::Output,
}

pub(crate) async fn run(dir: &Path, args: RetainArgs) -> anyhow::Result<()> {
    let store = Store::open(dir, OpenMode::ReadWrite).await?;
    let done = store.apply_retention(&args.keep.days().policy(clock::now())).await?;
    store.close().await;
    if args.output.json {
        return show::line(json!({
            "events_removed": done.n_events_removed,
            "event_segments_removed": done.n_segments_removed,
            "decisions_removed": done.n_decisions_removed,
        }));
    }
    show::line(format!(
        "removed: {} browsing events, {} sealed files of events, {} decisions",
        show::count(done.n_events_removed),
        show::count(done.n_segments_removed),
        show::count(done.n_decisions_removed),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_days_or_forever() {
        let read = |text: &str| text.parse::<Age>().map(|age| age.to_string());
        assert_eq!(read("30").as_deref(), Ok("30"));
        assert_eq!(read("forever").as_deref(), Ok("forever"));
        for wrong in ["0", "-1", "1.5", "", "ever"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
