//! How learning from outcomes stands: for people, and for the next start.

use crate::clock::elapsed_us;
use events::Timestamp;
use proof::outcomes::{Learned, Versus};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::path::Path;

const FILE: &str = "outcomes.json";

/// All placements that learn from outcomes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Standing {
    /// Of the factors that are in force; rises with each change.
    pub version: u64,
    pub looked_at_us: i64,
    pub placements: Vec<PlacementStanding>,
}

/// One placement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PlacementStanding {
    pub placement: String,
    /// Turned on; what is held against the incumbent begins here.
    pub since_us: i64,
    /// Turned off by itself; to try anew, turn it off and on again in the policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// Offers that were seen, the old ones counted in part.
    pub n_seen: u64,
    /// Kinds of offers of which something was learned, and the least and the most of it.
    pub n_factors: u64,
    pub least: f64,
    pub most: f64,
    /// What comes of the first place, of each as a share.
    pub positions: Vec<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versus: Option<VersusStanding>,
}

/// When and why it was turned off by itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Stopped {
    pub at_us: i64,
    pub reason: String,
}

/// What came of the offers of one customer or visit, with what was learned against without.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VersusStanding {
    pub n_learned: u64,
    pub n_incumbent: u64,
    /// Worth a customer or visit: a click 0.1, a cart 0.4, a sale 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incumbent: Option<f64>,
    /// Of the difference, for every look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Why there is no interval yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_answer: Option<String>,
}

impl VersusStanding {
    pub(crate) fn of(versus: &Versus) -> VersusStanding {
        let (n_learned, n_incumbent) = (versus.n_learned, versus.n_incumbent);
        let empty = VersusStanding { n_learned, n_incumbent, ..VersusStanding::default() };
        match &versus.lift {
            Ok(lift) => VersusStanding {
                learned: Some(lift.treated),
                incumbent: Some(lift.control),
                low: Some(lift.difference.low),
                high: Some(lift.difference.high),
                ..empty
            },
            Err(why) => VersusStanding { no_answer: Some(why.to_string()), ..empty },
        }
    }

    fn text(&self) -> String {
        let per_hundred = |value: Option<f64>| value.map_or(0.0, |value| value * 1e2);
        match &self.no_answer {
            Some(why) => format!(
                "not compared yet, {} customers and visits with it, {} without: {why}",
                self.n_learned, self.n_incumbent
            ),
            None => format!(
                "{:.3} a hundred customers and visits, {:.3} without it (difference {:+.3} to \
                 {:+.3})",
                per_hundred(self.learned),
                per_hundred(self.incumbent),
                per_hundred(self.low),
                per_hundred(self.high)
            ),
        }
    }
}

impl PlacementStanding {
    /// Takes over what was learned, and turns it off where that does harm; true when it just was.
    pub(crate) fn take(&mut self, learned: &Learned, now: Timestamp) -> bool {
        self.n_seen = learned.n_seen.round() as u64;
        self.positions = learned.positions.iter().map(|p| (p * 1e3).round() / 1e3).collect();
        let versus = VersusStanding::of(&learned.versus);
        let reason = format!("what came of its offers: {}", versus.text());
        self.versus = Some(versus);
        let is_harmful = self.stopped.is_none() && learned.versus.is_harmful();
        if is_harmful {
            self.stopped = Some(Stopped { at_us: now.0, reason });
        }
        is_harmful
    }

    /// One line for people.
    pub fn text(&self) -> String {
        let since = Timestamp(self.since_us);
        let versus = self.versus.as_ref().map(VersusStanding::text).unwrap_or_default();
        match &self.stopped {
            Some(stopped) => format!(
                "{}: turned off by itself at {}: {}",
                self.placement,
                Timestamp(stopped.at_us),
                stopped.reason
            ),
            None if self.n_factors == 0 => format!(
                "{}: on since {since}, {} offers seen, too few to learn from; {versus}",
                self.placement, self.n_seen
            ),
            None => format!(
                "{}: on since {since}, {} offers seen, {} factors from {:.2} to {:.2}; {versus}",
                self.placement, self.n_seen, self.n_factors, self.least, self.most
            ),
        }
    }
}

impl Standing {
    /// As a server left it in a data directory; `None`: nothing ever learned there.
    pub fn read(data_dir: &Path) -> io::Result<Option<Standing>> {
        match std::fs::read(data_dir.join(FILE)) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn write(&self, data_dir: &Path) -> io::Result<()> {
        let (path, made) = (data_dir.join(FILE), data_dir.join("outcomes.json.new"));
        let mut file = std::fs::File::create(&made)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        // Or a power cut could leave a name without its text.
        file.sync_all()?;
        std::fs::rename(made, path)
    }

    /// Goes by what the policies ask: what is turned on begins now, what is turned off is
    /// forgotten.
    pub(crate) fn follow(&mut self, learning: &[&str], now: Timestamp) {
        self.placements.retain(|known| learning.contains(&known.placement.as_str()));
        for name in learning {
            if !self.placements.iter().any(|known| known.placement == *name) {
                let placement = (*name).to_owned();
                let since_us = now.0;
                self.placements.push(PlacementStanding {
                    placement,
                    since_us,
                    ..PlacementStanding::default()
                });
            }
        }
        self.placements.sort_by(|a, b| a.placement.cmp(&b.placement));
    }

    /// What an operator must know.
    pub(crate) fn fault(&self) -> Option<String> {
        let stopped = self.placements.iter().filter(|known| known.stopped.is_some());
        let told: Vec<String> = stopped.map(PlacementStanding::text).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// So long ago it was looked at.
    pub fn age_us(&self, now: Timestamp) -> u64 {
        elapsed_us(Timestamp(self.looked_at_us), now) as u64
    }
}
