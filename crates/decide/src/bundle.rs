//! Items that the shop sells together for less: those of which something is in the context, and the
//! rest may be offered.
//!
//! A bundle is offered whole: one item that a gate stops, that has no price or another currency,
//! and it is not. Where the costs of all items are known it must earn more than nothing. How likely
//! it is, told by the pair that speaks least: P(item | context), the highest over the context, of
//! the item that is missing and least likely; without a pair, the share of orders with the item.

use crate::decision::Relation;
use crate::gate::{self, Limits, Marks};
use crate::policies::Items;
use crate::request::{ItemRef, Request};
use events::{Amount, Currency};
use policy::bundle::{cost_of, sum_of};
use score::World;

/// Bundles of one answer.
pub const MAX_BUNDLES: usize = 3;

/// A bundle of the policies in force, as it is offered.
#[derive(Clone, Debug, PartialEq)]
pub struct BundleOffer {
    /// Place in the policies that were asked.
    pub bundle: u16,
    /// All of its items, in the order of the file.
    pub items: Vec<u32>,
    /// Those that are not in the context.
    pub missing: Vec<u32>,
    /// What the items cost by themselves.
    pub sum: Amount,
    /// What they cost together.
    pub price: Amount,
    pub currency: Option<Currency>,
    /// Likelihood of the item that is missing and least likely.
    pub score: f32,
}

impl BundleOffer {
    pub fn saving(&self) -> Amount {
        Amount(self.sum.0 - self.price.0)
    }
}

/// The likeliest bundles, best first; of the same likelihood, the first in the file. To be asked
/// before the slate is filled, which marks what it holds.
pub(crate) fn offered(
    world: &World,
    request: &Request<'_>,
    limits: &Limits<'_>,
    marks: &Marks,
    context: &[u32],
) -> Vec<BundleOffer> {
    let Some(policies) = limits.policies.filter(|policies| policies.table().has_bundles()) else {
        return Vec::new();
    };
    let allowed = request.filter.is_none_or(|filter| {
        filter.relations.is_empty() || filter.relations.contains(&Relation::Bundle)
    });
    if !allowed || !policies.rule().allows_relation(Relation::Bundle as usize) {
        return Vec::new();
    }
    let table = policies.table();
    let mut asked: Vec<u16> = match is_about_nothing(request) {
        true => (0..table.set().bundles.len() as u16).collect(),
        false => context.iter().flat_map(|item| table.bundles_with(*item)).copied().collect(),
    };
    asked.sort_unstable();
    asked.dedup();
    let mut found: Vec<BundleOffer> = asked
        .into_iter()
        .filter(|bundle| policies.is_sold(*bundle))
        .filter_map(|bundle| {
            let items = table.items_of_bundle(bundle);
            let missing: Vec<u32> =
                items.iter().copied().filter(|item| !context.contains(item)).collect();
            let is_open = |item: &u32| gate::is_open(world, marks, limits, *item);
            if missing.is_empty() || !missing.iter().all(is_open) {
                return None;
            }
            let (sum, currency) = sum_of(&Items(world), items.iter().copied())?;
            let price = table.bundle(bundle).price.of(sum, currency)?;
            if cost_of(&Items(world), items.iter().copied()).is_some_and(|cost| price <= cost) {
                return None;
            }
            let likely = missing.iter().map(|item| likelihood(world, context, *item));
            let score = likely.fold(f32::INFINITY, f32::min);
            let items = items.to_vec();
            Some(BundleOffer { bundle, items, missing, sum, price, currency, score })
        })
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.bundle.cmp(&b.bundle)));
    found.truncate(MAX_BUNDLES);
    found
}

/// On a home page or at a till whose order has just begun, every bundle may be told.
fn is_about_nothing(request: &Request<'_>) -> bool {
    let lines = request.cart.iter().map(|line| &line.item);
    let mut known = request.anchors.iter().chain(lines);
    !known.any(|item| matches!(item, ItemRef::Known(_)))
        && request.anchors.is_empty()
        && request.placement != crate::placement::Placement::PostPurchase
}

fn likelihood(world: &World, context: &[u32], item: u32) -> f32 {
    let of_pair = |&anchor: &u32| {
        crate::evidence::strongest(&world.snapshot, &[anchor], item, 1)
            .map(|evidence| evidence.probability)
    };
    let best = context
        .iter()
        .filter_map(of_pair)
        .fold(None, |best: Option<f32>, p| Some(best.map_or(p, |best| best.max(p))));
    best.unwrap_or_else(|| world.sales_share(item))
}
