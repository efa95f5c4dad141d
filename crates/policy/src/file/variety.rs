//! What a file says of a placement's variety: numbers within bounds.

use super::Reader;
use super::placement::PlacementIn;
use crate::set::PlacementRule;
use std::ops::RangeInclusive;
use toml::Spanned;

/// More would no longer be the ranking that was learned.
const MAX_EXPLORE: f64 = 0.5;
/// Below, the chances in a record have no digits that can be divided by.
const MIN_EXPLORE: f64 = 0.01;
const MAX_EXPLORE_PLACES: u64 = 10;

pub(super) fn read_shares(
    reader: &mut Reader<'_>,
    placement: &PlacementIn,
    rule: &mut PlacementRule,
) {
    let mend = "0: as they are ranked; 0.3: the second of a kind gives way";
    rule.diversity = share(reader, placement.diversity.as_ref(), 0.0..=1.0, mend);
    let mend = "0.05: in one answer of twenty another may stand in the last place; 0: never";
    rule.explore = share(reader, placement.explore.as_ref(), 0.0..=MAX_EXPLORE, mend);
    if let (Some(explore), Some(share)) = (&placement.explore, rule.explore)
        && 0.0 < share
        && f64::from(share) < MIN_EXPLORE
    {
        let message = format!("below {MIN_EXPLORE} too little is seen to learn from");
        reader.error(explore.span(), message, "0 explores nothing");
    }
    if let Some(places) = &placement.explore_places {
        let n = *places.get_ref();
        if n == 0 || MAX_EXPLORE_PLACES < n {
            let message = format!("1 to {MAX_EXPLORE_PLACES} places can be explored");
            reader.error(places.span(), message, "to explore none, explore = 0");
        }
        rule.explore_places = Some(n.min(MAX_EXPLORE_PLACES) as usize);
    }
}

fn share(
    reader: &mut Reader<'_>,
    told: Option<&Spanned<f64>>,
    within: RangeInclusive<f64>,
    mend: &str,
) -> Option<f32> {
    let told = told?;
    if !within.contains(told.get_ref()) {
        let message = format!("a number between {} and {}", within.start(), within.end());
        reader.error(told.span(), message, mend);
    }
    Some(*told.get_ref() as f32)
}
