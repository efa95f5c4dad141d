//! The method `alongside`: `learn` on the histories, `decide` for a home page of each customer.
//!
//! A home page of a customer without a session is made of next baskets alone, so nothing is learned
//! of carts, and the ranking that serves is the one that is measured.

use super::{LIST_LEN, Lists};
use crate::basket_completion::Stopwatch;
use crate::customer_file::CustomerFile;
use crate::error::Error;
use decide::{Circumstances, Placement, Request, Workspace, decide};
use events::Timestamp;
use events::lines::NO_TIME;
use history::{Baskets, HistoryView, ItemEntry};
use learn::{Params, Silent, Without};
use rayon::prelude::*;
use score::World;
use snapshot::Snapshot;
use sparse::Csr;
use std::sync::Arc;

/// What the learners are told: all histories, in order of time where there are times.
fn view_of(file: &CustomerFile) -> HistoryView {
    let mut rows: Vec<(Timestamp, u32, &[u32])> = Vec::new();
    for (customer, baskets) in (0_u32..).zip(&file.histories) {
        for (at, basket) in baskets.iter().enumerate() {
            let times = file.times.get(customer as usize);
            let time = times.map_or(NO_TIME, |times| Timestamp(times[at]));
            rows.push((time, customer, basket));
        }
    }
    // Stable: baskets of one customer at one time stay in their order.
    rows.sort_by_key(|(at, ..)| *at);
    let items = file.item_ids.iter().map(|id| ItemEntry { id: id.clone(), ..ItemEntry::default() });
    HistoryView {
        items: items.collect(),
        baskets: Baskets {
            items: rows.iter().map(|(.., items)| *items).collect::<Csr>(),
            at: rows.iter().map(|(at, ..)| *at).collect(),
            customers: rows.iter().map(|(_, customer, _)| *customer).collect(),
        },
        n_customers: file.customer_ids.len() as u32,
        ..HistoryView::default()
    }
}

/// A world that knows the histories and nothing else, and what learning said of next baskets.
pub(super) fn world_of(
    file: &CustomerFile,
    without: Without,
) -> Result<(World, Option<String>), Error> {
    let params = Params { ease_max_items: 0, blend_max_baskets: 0, without, ..Params::default() };
    let learned = learn::learn(&view_of(file), &params.check()?, &Silent)?;
    let note = learned.provenance.parameters.get("next_basket").cloned();
    Ok((World::of(Arc::new(Snapshot::from_writer(&learned.writer)?)), note))
}

/// Asks for every customer's home page, on all threads, at the time of the hidden basket where
/// there are times.
pub(super) fn lists_of(
    world: &World,
    file: &CustomerFile,
    asked: &[u32],
    now: Stopwatch<'_>,
) -> Lists {
    let (by_asked, latencies) = asked
        .par_iter()
        .map_init(Workspace::default, |workspace, &customer| {
            let began = now();
            let asked_at = file.asked_at.get(customer as usize).map(|&at| Timestamp(at));
            let request = Request {
                customer: Some(customer),
                count: Some(LIST_LEN),
                // The protocol asks what is bought, not what is sold beside it.
                usual_new_share: Some(0.0),
                circumstances: Circumstances { now: asked_at, ..Circumstances::default() },
                ..Request::at(Placement::Home)
            };
            let decision = decide(world, &request, workspace);
            let list = decision.offers.iter().map(|offer| offer.item).collect();
            (list, now() - began)
        })
        .unzip();
    Lists { by_asked, latencies }
}
