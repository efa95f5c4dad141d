//! What came of offers, brought into the world of decisions; and who is answered without it, so
//! that it can be told whether it earns more.

use crate::chronicle::Entry;
use crate::json_text::JsonText;
use crate::state::Inner;
use decide::{Decision, Placement, Request};
use measure::assignment::{UnitId, place_of};
use policy::PolicyTable;
use score::{Factor, World};

mod standing;

pub use standing::{PlacementStanding, Standing, Stopped, VersusStanding};

/// The name under which units are divided.
const DIVISION: &str = "outcomes";

/// Who asks at a placement that learns from outcomes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arm {
    /// `None`: it is compared with nobody.
    unit: Option<UnitId>,
    /// Answered as if nothing had been learned so.
    pub(crate) is_incumbent: bool,
}

impl Arm {
    /// `None` where nothing is learned. `key` is that of the shop; the unit comes with whether it
    /// is recorded.
    pub(crate) fn of(
        policies: Option<&PolicyTable>,
        placement: Placement,
        (unit, is_recorded): (impl FnOnce() -> UnitId, bool),
        key: u64,
    ) -> Option<Arm> {
        let rule = policies?.rule(placement as usize);
        if !rule.learns_from_outcomes() {
            return None;
        }
        let unit = unit();
        let is_incumbent = place_of(unit, DIVISION, key) < rule.incumbent_share();
        Some(Arm { unit: is_recorded.then_some(unit), is_incumbent })
    }

    /// For the record: `,"outcomes":{"unit":…,"version":…}`, each where there is one.
    pub(crate) fn write_record(self, out: &mut JsonText, decision: &Decision) {
        out.raw(",\"outcomes\":{");
        if let Some(unit) = self.unit {
            out.raw("\"unit\":");
            out.number(unit.0);
        }
        if let Some(version) = decision.responses_version {
            out.raw(if self.unit.is_some() { "," } else { "" });
            out.raw("\"version\":");
            out.number(version);
        }
        out.raw("}");
    }
}

/// For `explain`: which arm it was, by which version, and what it did to each offer.
pub(crate) fn write_explanation(out: &mut JsonText, world: &World, decision: &Decision, arm: &Arm) {
    out.raw(",\"outcomes\":{\"arm\":");
    out.raw(if arm.is_incumbent { "\"incumbent\"" } else { "\"learned\"" });
    if let Some(version) = decision.responses_version {
        out.raw(",\"version\":");
        out.number(version);
    }
    out.raw(",\"factors\":{");
    let moved = decision.offers.iter().filter_map(|offer| Some((offer, offer.response?)));
    for (at, (offer, factor)) in moved.enumerate() {
        out.raw(if at == 0 { "" } else { "," });
        out.string(world.item_id(offer.item));
        out.raw(":");
        out.estimate(f64::from(factor));
    }
    out.raw("}}");
}

/// What is asked, by whoever is in an arm.
pub(crate) fn as_arm<'a>(asked: Request<'a>, arm: Option<&Arm>) -> Request<'a> {
    Request { is_incumbent: arm.is_some_and(|arm| arm.is_incumbent), ..asked }
}

impl Inner {
    /// Brings what else came of offers into force for the next decision.
    pub(crate) async fn tell_responses(&self, version: u64, changes: &[Factor]) {
        let _progress = self.world_change.lock().await;
        for served in self.served.load().each() {
            let act = || served.world.take_responses(version, changes);
            match &served.live {
                Some(live) => {
                    self.chronicle.change(live, &Entry::responses(version, changes), act);
                }
                None => act(),
            }
        }
    }
}
