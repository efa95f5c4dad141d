//! Was an offer in view? As a page tells it of an impression: outright, or by how much of it was
//! visible for how long.
//!
//! Viewable is half of the pixels for one second at least (Media Rating Council, "MRC Viewable Ad
//! Impression Measurement Guidelines", 2014, section 3: display). What was less in view is an
//! impression, and no view.

use serde_json::Value;

use super::EventFault;
use crate::event::EventKind;
use crate::import::FieldText;

const MIN_SHARE: f64 = 0.5;
const MIN_MS: f64 = 1_000.0;

/// What an event says of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Visibility {
    is_viewable: Option<bool>,
    ms: Option<f64>,
    share: Option<f64>,
}

impl Visibility {
    /// True when the field is one of these.
    pub(super) fn read(&mut self, name: &str, value: &Value) -> Result<bool, EventFault> {
        match name {
            "viewable" | "viewed" | "isviewable" => {
                let expected = "true or false";
                let told = value.as_bool().ok_or_else(|| bad("viewable", value, expected))?;
                self.is_viewable = Some(told);
            }
            "visiblems" => {
                let expected = "milliseconds, such as 1200";
                self.ms = Some(number("visible_ms", value, f64::MAX, expected)?);
            }
            "visibleshare" => {
                let expected = "a share from 0 to 1, such as 0.75";
                self.share = Some(number("visible_share", value, 1.0, expected)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// `None`: not told, or not enough of it.
    fn is_viewable(self) -> Option<bool> {
        let share = self.share.is_none_or(|share| MIN_SHARE <= share);
        self.is_viewable.or_else(|| self.ms.map(|ms| MIN_MS <= ms && share))
    }

    /// What an event is by what it says of itself.
    pub(super) fn kind_of(self, kind: EventKind, warnings: &mut Vec<String>) -> EventKind {
        use EventKind::{RecommendationImpression, RecommendationView};
        if self == Visibility::default() {
            return kind;
        }
        let mut warn = |text: &str| warnings.push(text.to_owned());
        match (kind, self.is_viewable()) {
            (RecommendationImpression | RecommendationView, Some(true)) => RecommendationView,
            (RecommendationImpression, Some(false)) => RecommendationImpression,
            (RecommendationView, Some(false)) => {
                warn(
                    "less than half of it was in view for a second: kept as a \
                     recommendation_impression",
                );
                RecommendationImpression
            }
            (RecommendationImpression | RecommendationView, None) => {
                warn("visible_share says nothing without visible_ms and is ignored");
                kind
            }
            (kind, _) => {
                warn(
                    "viewable, visible_ms and visible_share are of a recommendation_impression \
                     and are ignored",
                );
                kind
            }
        }
    }
}

fn number(
    field: &'static str,
    value: &Value,
    most: f64,
    expected: &'static str,
) -> Result<f64, EventFault> {
    let told = value.as_f64().filter(|told| (0.0..=most).contains(told));
    told.ok_or_else(|| bad(field, value, expected))
}

fn bad(field: &'static str, value: &Value, expected: &'static str) -> EventFault {
    EventFault::BadValue { field, found: FieldText(value).to_string(), expected }
}
