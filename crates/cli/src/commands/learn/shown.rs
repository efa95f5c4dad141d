//! What was shown at each placement and what came of it, for what sells there.

use crate::clock;
use events::Timestamp;
use history::{HistoryView, Store};
use learn::placements::{self, CameOf};
use learn::{CheckedParams, Learned};
use measure::appeal::{Cell, Place, Taken};
use proof::outcomes::{AllShown, LeftOut, Shown, Step};
use score::Rung;
use snapshot::PlacementTables;
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
    let came_of = read(store, view, clock::now()).await?;
    placements::add(learned, &came_of, &params.without);
    Ok(())
}

async fn read(store: &Store, view: &HistoryView, now: Timestamp) -> proof::Result<Vec<CameOf>> {
    Ok(came_of(&AllShown::read(store, now).await?, view))
}

/// What stood there because it sells, of items of the catalogue, by placement and kind of list.
fn came_of(all: &AllShown, view: &HistoryView) -> Vec<CameOf> {
    let ids = view.items.iter().enumerate().map(|(idx, item)| (&*item.id, idx as u32));
    let item_idx: HashMap<&str, u32> = ids.collect();
    let mut sums: BTreeMap<(Box<str>, bool, Place, u32), Cell> = BTreeMap::new();
    let mut found: BTreeMap<Box<str>, CameOf> = BTreeMap::new();
    let mut n_of_segments: BTreeMap<Box<str>, usize> = BTreeMap::new();
    for shown in &all.offers {
        let name = PlacementTables::name_of(shown.placement.as_str(), shown.rung.as_str());
        if shown.rung == Rung::SegmentPopular {
            *n_of_segments.entry(name).or_default() += 1;
            continue;
        }
        let Some(&item) = item_idx.get(&*all.item_ids[shown.item as usize]) else { continue };
        let place = Place { list: shown.list, position: shown.position };
        let weight = (-shown.age_days / HALF_LIFE_DAYS).exp2();
        if shown.is_later && shown.step > Step::Seen {
            let worth = weight * shown.step.worth();
            let taken = Taken { place, item, unit: shown.unit, worth };
            found.entry(name.clone()).or_default().later_taken.push(taken);
        }
        let cell = sums.entry((name, shown.is_later, place, item)).or_default();
        (cell.place, cell.item) = (place, item);
        add_to(cell, shown, weight);
    }
    for ((name, is_later, ..), cell) in sums {
        let one = found.entry(name).or_default();
        let cells = if is_later { &mut one.later } else { &mut one.earlier };
        cells.push(cell);
    }
    tell_left_out(all, &n_of_segments, &mut found);
    let named = |(name, one)| CameOf { name, ..one };
    found.into_iter().map(named).collect()
}

fn add_to(cell: &mut Cell, shown: &Shown, weight: f64) {
    let worth = shown.step.worth();
    cell.n += weight;
    cell.score += weight * f64::from(shown.score);
    cell.responses += if shown.step > Step::Seen { weight } else { 0.0 };
    cell.worth += weight * worth;
    cell.worth2 += weight * worth * worth;
}

/// Says of each placement what is not in its sums.
fn tell_left_out(
    all: &AllShown,
    n_of_segments: &BTreeMap<Box<str>, usize>,
    found: &mut BTreeMap<Box<str>, CameOf>,
) {
    for (name, n) in n_of_segments {
        let told = format!(
            "{n} offers that stood there because they sell to a segment: an answer does not tell \
             of which, and their lists differ, so nothing is learned of them"
        );
        found.entry(name.clone()).or_default().left_out.push(told);
    }
    for &(placement, LeftOut { n_old, n_of_nobody, n_too_many }) in &all.left_out {
        let mut told = Vec::new();
        if n_old > 0 {
            told.push(format!("{n_old} older answers, for which there was no room"));
        }
        if n_of_nobody > 0 {
            told.push(format!(
                "{n_of_nobody} answers of nobody: send session_id or user_id with events"
            ));
        }
        if n_too_many > 0 {
            told.push(format!("{n_too_many} answers of programs, too many of one in a day"));
        }
        found.entry(placement.as_str().into()).or_default().left_out.extend(told);
    }
    if all.one_in > 1 {
        let told = format!("of the answers that were seen one in {} was read", all.one_in);
        found.entry("all".into()).or_default().left_out.push(told);
    }
}

#[cfg(test)]
mod tests;
