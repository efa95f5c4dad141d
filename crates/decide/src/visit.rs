//! Items for a visit: what others who looked at the same went on to.

use crate::placement::Placement;
use crate::request::{ItemRef, Request};
use score::World;
use score::sessions::{Head, RankScratch, Scored, Step, StepKind};

/// Steps that are looked at, the latest ones.
const MAX_STEPS: usize = 50;

/// Reusable memory of one thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visit {
    steps: Vec<Step>,
    items: Vec<u32>,
    scratch: RankScratch,
}

impl Visit {
    /// The steps of the request's session; the anchor of a product page is the last one. What lies
    /// in the cart was put there.
    pub(crate) fn read(&mut self, world: &World, request: &Request<'_>) {
        self.steps.clear();
        self.items.clear();
        let from = request.session.len().saturating_sub(MAX_STEPS);
        let anchors = request.anchors.iter().filter_map(|anchor| match *anchor {
            ItemRef::Known(item) if request.placement == Placement::Pdp => Some(item),
            _ => None,
        });
        let in_cart =
            |item: u32| request.cart.iter().any(|line| line.item == ItemRef::Known(item));
        for item in request.session[from..].iter().copied().chain(anchors) {
            if world.is_learned(item) && self.items.last() != Some(&item) {
                let kind = if in_cart(item) { StepKind::Cart } else { StepKind::View };
                self.steps.push(Step { item, kind });
                self.items.push(item);
            }
        }
    }

    pub(crate) fn items(&self) -> &[u32] {
        &self.items
    }

    /// The `n` best items that the visit has not seen, best first; nothing where no sessions were
    /// learned from.
    pub(crate) fn ranked(
        &mut self,
        world: &World,
        n: usize,
        is_eligible: impl FnMut(u32) -> bool,
    ) -> &[Scored] {
        let mut ranker = world.session_rankers.ranker(&world.snapshot, Head::Discover);
        // What is popular has a rung of its own, and reasons of its own.
        ranker.horizon.popular = &[];
        ranker.rank(&self.steps, n, &mut self.scratch, is_eligible)
    }
}
