//! What a request is about: its items, its history, how much it asks for.

use super::{MAX_ANCHORS, MAX_CONTEXT, Workspace};
use crate::decision::Warning;
use crate::request::{ItemRef, Request};
use score::World;

/// Distinct known items of anchors and cart, into `workspace.context`. Returns how many items of
/// the request are not known.
pub(super) fn collect_context(
    world: &World,
    request: &Request<'_>,
    workspace: &mut Workspace,
    warnings: &mut Vec<Warning>,
) -> usize {
    let context = &mut workspace.context;
    context.clear();
    let skipped = request.cart.len().saturating_sub(MAX_CONTEXT);
    if skipped > 0 {
        warnings.push(Warning::CartCut { lines: request.cart.len(), used: MAX_CONTEXT });
    }
    if MAX_ANCHORS < request.anchors.len() {
        let given = request.anchors.len();
        warnings.push(Warning::AnchorsCut { given, used: MAX_ANCHORS });
    }
    let cart = request.cart[skipped..].iter().map(|line| &line.item);
    let mut n_unknown = 0;
    for item in request.anchors.iter().take(MAX_ANCHORS).chain(cart) {
        match *item {
            ItemRef::Known(item) if (item as usize) < world.n_items() => {
                if !context.contains(&item) {
                    context.push(item);
                }
            }
            ItemRef::Known(_) => n_unknown += 1,
            ItemRef::Unknown { item_id } => {
                n_unknown += 1;
                warnings.push(Warning::UnknownItem { item_id: item_id.to_owned() });
            }
        }
    }
    n_unknown
}

pub(super) fn collect_history(world: &World, request: &Request<'_>, history: &mut Vec<(u32, f32)>) {
    history.clear();
    if let Some(customer) = request.customer {
        let (items, weights) = world.snapshot.customer_items(customer);
        history.extend(items.iter().copied().zip(weights.iter().copied()));
    }
    for &item in request.bought_since {
        if world.is_learned(item) {
            history.push((item, 1.0));
        }
    }
}
