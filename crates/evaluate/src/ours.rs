//! The method `alongside`: `learn` on the training baskets, `decide` for each query.

use crate::breadth::BREADTH_LEN;
use crate::cases::{Query, Split};
use crate::error::Error;
use crate::order_file::{ABSENT, OrderFile};
use decide::{CartLine, ItemRef, Placement, Request, Workspace, decide};
use events::{Amount, Timestamp};
use history::{Baskets, CustomerSegments, HistoryView, ItemEntry, NO_CUSTOMER};
use learn::{Params, Silent};
use score::ranker::Audience;
use score::{Rung, World};
use snapshot::Snapshot;
use std::sync::Arc;

/// The list is asked this long; a hidden item below it counts as missed.
pub const LIST_LEN: usize = 20;

/// Everything after the k-th place.
pub const MISSED: usize = usize::MAX;

/// What a method says of one query.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub rank: usize,
    /// The first ten of the list; empty where it is read elsewhere.
    pub listed: Vec<u32>,
    /// Score of each offer, and whether it was the hidden item; empty where scores are none of
    /// probability.
    pub offered: Vec<(f32, bool)>,
}

/// The training baskets as the learners take them.
pub fn baskets_of(split: &Split) -> Baskets {
    Baskets {
        items: split.train.clone(),
        at: split.train_at.iter().map(|&at| Timestamp(at)).collect(),
        customers: split
            .train_customers
            .iter()
            .map(|&customer| if customer == ABSENT { NO_CUSTOMER } else { customer })
            .collect(),
    }
}

/// Where the file tells them.
fn segments_of(file: &OrderFile, split: &Split) -> CustomerSegments {
    let name = |&code: &u32| file.segments.get(code as usize).map_or("", |name| &**name);
    CustomerSegments::of((0..).zip(split.customer_codes.iter().map(name)))
}

/// A world that knows the training baskets and nothing else.
pub fn world_of(file: &OrderFile, split: &Split, params: Params) -> Result<World, Error> {
    let items = split.item_codes.iter().map(|&code| ItemEntry {
        id: file.item_ids[code as usize].clone(),
        ..ItemEntry::default()
    });
    let view = HistoryView {
        items: items.collect(),
        baskets: baskets_of(split),
        n_customers: split.n_customers,
        segments: segments_of(file, split),
        provenance: Vec::new(),
    };
    let learned = learn::learn(&view, &params.check()?, &Silent)?;
    Ok(World::of(Arc::new(Snapshot::from_writer(&learned.writer)?)))
}

/// What a server would have shown of these carts, which asks for evidence and may show nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AsServed {
    pub n_queries: u64,
    pub n_empty: u64,
    pub n_offers: u64,
    /// Hidden items that were shown.
    pub n_hits: u64,
}

impl AsServed {
    pub fn of(world: &World, split: &Split) -> AsServed {
        let mut served = AsServed::default();
        let mut workspace = Workspace::default();
        for query in &split.queries {
            let cart = cart_of(&query.context);
            let customer = (query.customer != ABSENT).then_some(query.customer);
            let request = Request { cart: &cart, customer, ..Request::at(Placement::Cart) };
            let decision = decide(world, &request, &mut workspace);
            served.n_queries += 1;
            served.n_empty += u64::from(decision.offers.is_empty());
            served.n_offers += decision.offers.len() as u64;
            let is_hit = decision.offers.iter().any(|offer| offer.item == query.hidden);
            served.n_hits += u64::from(is_hit);
        }
        served
    }

    /// A cart's mean of each, by the name that the outcome tells it by.
    pub fn told(&self) -> [(&'static str, f64); 3] {
        let n = self.n_queries.max(1) as f64;
        [
            ("as_served.empty_share", self.n_empty as f64 / n),
            ("as_served.offers_a_cart", self.n_offers as f64 / n),
            ("as_served.hit_rate", self.n_hits as f64 / n),
        ]
    }
}

fn cart_of(context: &[u32]) -> Vec<CartLine<'static>> {
    let line = |&item: &u32| CartLine {
        item: ItemRef::Known(item),
        quantity: Amount::ONE,
        unit_price: None,
    };
    context.iter().map(line).collect()
}

/// Rank of the hidden item in the slate, [`MISSED`] when it is not on it, and the score of each
/// ranked offer with whether it was the hidden item. `masked`: never offered.
pub fn rank(
    world: &World,
    query: &Query,
    context: &[u32],
    masked: &[u32],
    workspace: &mut Workspace,
) -> Answer {
    let cart = cart_of(context);
    let request = Request {
        cart: &cart,
        customer: (query.customer != ABSENT).then_some(query.customer),
        exclude: masked,
        count: Some(LIST_LEN),
        // The protocol ranks the whole catalogue: abstaining is not one of its answers.
        evidence_required: Some(false),
        ..Request::at(Placement::Cart)
    };
    let decision = decide(world, &request, workspace);
    let at = decision.offers.iter().position(|offer| offer.item == query.hidden);
    // What fills the slate behind the ranking has no score of its kind.
    let is_calibrated = is_calibrated(world, query, context.len());
    let ranked = decision.offers.iter().filter(|o| is_calibrated && o.rung < Rung::SegmentPopular);
    let offered = ranked.map(|offer| (offer.score, offer.item == query.hidden)).collect();
    let listed = decision.offers.iter().take(BREADTH_LEN).map(|offer| offer.item).collect();
    Answer { rank: at.map_or(MISSED, |at| at + 1), listed, offered }
}

/// Are scores probabilities here? Where little could be learned they only rank.
fn is_calibrated(world: &World, query: &Query, n_context: usize) -> bool {
    let has_bought = |customer: u32| !world.snapshot.customer_items(customer).0.is_empty();
    let is_known = query.customer != ABSENT && has_bought(query.customer);
    let audience = if is_known { Audience::Known } else { Audience::Guest };
    world.ranker.as_ref().is_some_and(|ranker| ranker.is_calibrated(n_context, audience))
}
