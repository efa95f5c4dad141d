//! What was shown at each placement and what came of it, for what sells there.

use crate::clock;
use history::{HistoryView, Store};
use learn::placements::{self, CameOf};
use learn::{CheckedParams, Learned};
use measure::response::Seen;
use proof::outcomes::{AllShown, Shown, Step};
use score::Rung;
use std::collections::{BTreeMap, HashMap};

/// After so many days an offer counts half: as long as the trend of sales.
const HALF_LIFE_DAYS: f64 = 30.0;

/// Adds what sells at placements; nothing where nothing was shown.
pub(super) async fn add(
    store: &Store,
    view: &HistoryView,
    learned: &mut Learned,
    params: &CheckedParams,
) -> anyhow::Result<()> {
    if params.without.placement_popularity() {
        return Ok(());
    }
    let shown = AllShown::read(store, clock::now()).await?;
    placements::add(learned, &came_of(&shown, view), &params.without);
    Ok(())
}

/// What stood there because it sells, of items of the catalogue, by placement.
fn came_of(all: &AllShown, view: &HistoryView) -> Vec<CameOf> {
    let ids = view.items.iter().enumerate().map(|(idx, item)| (&*item.id, idx as u32));
    let item_idx: HashMap<&str, u32> = ids.collect();
    let mut sums: BTreeMap<(&str, bool, u8, u32, u8), Seen> = BTreeMap::new();
    for shown in all.offers.iter().filter(|shown| is_by_sales(shown)) {
        let Some(&item) = item_idx.get(&*all.item_ids[shown.item as usize]) else { continue };
        let rung = shown.rung as u8;
        let key = (shown.placement.as_str(), shown.is_later, rung, item, shown.position);
        let cell = sums.entry(key).or_default();
        (cell.rung, cell.item, cell.position) = (rung, item, shown.position);
        let weight = (-shown.age_days / HALF_LIFE_DAYS).exp2();
        let worth = shown.step.worth();
        cell.n += weight;
        cell.score += weight * f64::from(shown.score);
        cell.responses += if shown.step > Step::Seen { weight } else { 0.0 };
        cell.worth += weight * worth;
        cell.worth2 += weight * worth * worth;
    }
    let mut found: Vec<CameOf> = Vec::new();
    for ((placement, is_later, ..), cell) in sums {
        if found.last().is_none_or(|last| *last.placement != *placement) {
            found.push(CameOf { placement: placement.into(), ..CameOf::default() });
        }
        if let Some(last) = found.last_mut() {
            let cells = if is_later { &mut last.later } else { &mut last.earlier };
            cells.push(cell);
        }
    }
    found
}

fn is_by_sales(shown: &Shown) -> bool {
    shown.is_ranked && matches!(shown.rung, Rung::Category | Rung::SegmentPopular | Rung::Popular)
}
