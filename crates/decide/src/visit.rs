//! Items for a visit: what others who looked at the same went on to.

use crate::placement::Placement;
use crate::request::{ItemRef, Request};
use score::World;
use score::sessions::gather::MAX_CANDIDATES;
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
    pub(crate) fn read(
        &mut self,
        world: &World,
        request: &Request<'_>,
        is_hidden: impl Fn(u32) -> bool,
    ) {
        self.steps.clear();
        self.items.clear();
        let from = request.session.len().saturating_sub(MAX_STEPS);
        let anchors = request.anchors.iter().filter_map(|anchor| match *anchor {
            ItemRef::Known(item) if request.placement == Placement::Pdp => Some(item),
            _ => None,
        });
        let in_cart = |item: u32| request.cart.iter().any(|line| line.item == ItemRef::Known(item));
        for item in request.session[from..].iter().copied().chain(anchors) {
            if world.is_learned(item) && self.items.last() != Some(&item) && !is_hidden(item) {
                let kind = if in_cart(item) { StepKind::Cart } else { StepKind::View };
                self.steps.push(Step { item, kind });
                self.items.push(item);
            }
        }
    }

    /// The items of the visit, and the best that it has not seen, best first; nothing where no
    /// sessions were learned from.
    pub(crate) fn ranked(
        &mut self,
        world: &World,
        is_eligible: impl FnMut(u32) -> bool,
    ) -> (&[u32], &[Scored]) {
        let mut ranker = world.session_rankers.ranker(&world.snapshot, Head::Discover);
        // What is popular has a rung of its own, and reasons of its own.
        ranker.horizon.popular = &[];
        let n = MAX_CANDIDATES;
        (&self.items, ranker.rank(&self.steps, n, &mut self.scratch, is_eligible))
    }
}

#[cfg(test)]
mod tests {
    use crate::fixture::{blocks, learned_with_visits};
    use crate::{Decision, ItemRef, Placement, ReasonCode, Request, Workspace, decide};
    use score::{Rung, World};

    /// Who looks at 0 or 1 goes on to 7, and to 3 after 2.
    fn world() -> World {
        let visits: Vec<Vec<u32>> =
            (0..30).map(|at| if at % 2 == 0 { vec![0, 1, 7] } else { vec![2, 3] }).collect();
        learned_with_visits(&blocks(), &visits)
    }

    fn ask(world: &World, request: &Request<'_>) -> Decision {
        decide(world, request, &mut Workspace::default())
    }

    fn seen_next(decision: &Decision) -> Vec<u32> {
        let of_visit = decision.offers.iter().filter(|o| o.reason.code == ReasonCode::SeenNext);
        of_visit.map(|offer| offer.item).collect()
    }

    #[test]
    fn a_home_page_offers_what_others_went_on_to() {
        let world = world();
        let home = |session: &[u32], exclude: &[u32]| {
            ask(&world, &Request { session, exclude, ..Request::at(Placement::Home) })
        };
        let decision = home(&[0], &[]);
        assert_eq!((decision.rung, seen_next(&decision)), (Rung::Session, vec![1, 7]));
        assert_eq!(seen_next(&home(&[0, 1], &[])), [7]);
        assert_eq!(seen_next(&home(&[0, 2], &[])), [3, 1, 7]);
        // The gates hold, and what nobody looked at has no next.
        assert_eq!(seen_next(&home(&[0], &[7])), [1]);
        assert!(seen_next(&home(&[9], &[])).is_empty());
        assert!(seen_next(&home(&[], &[])).is_empty());
    }

    #[test]
    fn a_product_page_asks_for_a_significant_pair_as_well() {
        let world = world();
        let page = |evidence_required| {
            let request = Request {
                anchors: &[ItemRef::Known(0)],
                count: Some(20),
                evidence_required,
                ..Request::at(Placement::Pdp)
            };
            seen_next(&ask(&world, &request))
        };
        // 0 and 7 were never bought together.
        assert!(!page(None).contains(&7));
        assert!(page(Some(false)).contains(&7));
    }
}
