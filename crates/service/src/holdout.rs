//! The holdout: a random share of the customers is shown nothing, anywhere, so that it can be told
//! what the others bought because of the offers.

use crate::clock::day_of;
use crate::question::Question;
use crate::wire::RecommendRequest;
use events::Timestamp;
use history::Assignment;
use measure::assignment::{Holdout, Unit, key_of};

/// The name of the experiment, in answers and records.
pub(crate) const EXPERIMENT: &str = "holdout";

/// The holdout of one shop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HoldoutSettings {
    key: u64,
    holdout: Holdout,
}

impl HoldoutSettings {
    /// `share` of the units are held out, 0 to 1; `secret` is known to this shop alone, and the
    /// same as long as the arms are to stay. `None` for a share that is none.
    pub fn new(secret: &str, share: f64) -> Option<HoldoutSettings> {
        let key = key_of(secret);
        Some(HoldoutSettings { key, holdout: Holdout::new(EXPERIMENT, key, share)? })
    }

    pub(crate) fn assign(&self, unit: Unit<'_>) -> Assignment {
        let unit = unit.id(self.key);
        Assignment { unit: unit.0, is_held_out: self.holdout.holds_out(unit) }
    }
}

/// Whoever asks; `None` when nobody can be told from anybody.
pub(crate) fn unit_of<'a>(
    question: &Question<'a>,
    request: &'a RecommendRequest<'_>,
    now: Timestamp,
) -> Option<Unit<'a>> {
    Some(if let Some(user_id) = question.known_as {
        Unit::Customer(user_id)
    } else if let Some(session_id) = request.session_id.as_deref() {
        Unit::Session(session_id)
    } else {
        Unit::LocationDay(request.location_id.as_deref()?, day_of(now))
    })
}

/// Is whoever asked shown nothing?
pub(crate) fn is_held_out(assignment: Option<Assignment>) -> bool {
    assignment.is_some_and(|assignment| assignment.is_held_out)
}

/// The arm that is shown nothing.
pub(crate) const HELD_OUT: &str = "holdout";

/// What the record and the answer call an arm.
pub(crate) fn variant_of(assignment: Assignment) -> &'static str {
    if assignment.is_held_out { HELD_OUT } else { "offers" }
}
