//! What a known customer is likely to buy next, and how re-orders are told.

use super::depth::count_of;
use super::room::reserved;
use super::{MAX_HISTORY_CONTEXT, Slate, Workspace};
use crate::decision::{Offer, Reason, ReasonCode, Relation};
use crate::gate::{self, Marks};
use crate::placement::Placement;
use score::next_basket::{Likely, Rebuy, Who};
use score::{Rung, World};

/// A best-seller of these places is offered as one, where no pair says more of it.
const N_BEST_SELLERS: usize = 100;

impl Slate<'_> {
    fn who(&self) -> Who<'_> {
        let request = self.request;
        let now = request.circumstances.now;
        let (customer, since) = (request.customer, request.orders_since);
        Who { customer, since, now, hidden: &self.own_hidden }
    }

    /// What the customer bought that may not be told here, rising.
    pub(super) fn bought_hidden(&self) -> Vec<u32> {
        let mut hidden = Vec::new();
        if let Some(next_basket) = self.world.next_basket.as_deref() {
            next_basket.visit_bought(&self.world.snapshot, &self.who(), |item| {
                if self.is_hidden(item) {
                    hidden.push(item);
                }
            });
        }
        hidden.sort_unstable();
        hidden.dedup();
        hidden
    }

    /// Why something is offered that the customer bought before. Where others stand beside, nothing
    /// tells that they did.
    pub(super) fn reason_again(&self, item: u32) -> Reason {
        if matches!(self.request.placement, Placement::Pos | Placement::Kiosk) {
            let is_popular = self.request.cart.is_empty() || is_best_seller(self.world, item);
            let code = if is_popular { ReasonCode::Popular } else { ReasonCode::CompletesCart };
            return Reason { code, ..Reason::default() };
        }
        let next_basket = self.world.next_basket.as_deref();
        of_rebuy(
            next_basket
                .and_then(|next_basket| next_basket.rebuy(&self.world.snapshot, &self.who(), item)),
        )
    }

    /// Where nothing is asked about: what the visit and what the past tell. Where both tell
    /// something, the visit has the first half of the places, and those that the past leaves.
    pub(super) fn from_person(&mut self, workspace: &mut Workspace) {
        let (count, n_spare) = (self.count, self.n_spare);
        let is_halved = self.is_likely_known() && !self.request.session.is_empty();
        if is_halved {
            self.count = self.n_shown().div_ceil(2);
            if self.rules.explore > 0.0 {
                // The places that are explored are the last ones.
                self.n_spare = 0;
            }
            self.from_visit(workspace);
            self.from_session(workspace);
            (self.count, self.n_spare) = (count, n_spare);
            self.from_likely(workspace);
        }
        if self.offers.len() < self.count {
            self.from_visit(workspace);
            self.from_session(workspace);
            self.from_likely(workspace);
        }
        self.from_history(workspace);
    }

    /// Places, also where somebody asks for the order of all items.
    fn n_shown(&self) -> usize {
        match self.is_endless {
            true => count_of(self.request, &self.rules, &mut Vec::new()),
            false => self.count,
        }
    }

    fn is_likely_known(&self) -> bool {
        let who = self.who();
        self.is_likely_here()
            && self.world.next_basket.is_some()
            && (who.customer.is_some() || who.since.iter().any(|order| !order.items.is_empty()))
    }

    fn is_likely_here(&self) -> bool {
        matches!(
            self.request.placement,
            Placement::Home | Placement::Category | Placement::Email | Placement::PostPurchase
        )
    }

    /// Where a customer comes for nothing in particular, and after they bought: re-orders and what
    /// is new to them, likeliest first. Beside other items only what they bought more than once:
    /// what is new needs a pair there.
    pub(super) fn from_likely(&mut self, workspace: &mut Workspace) {
        let next_basket = self.world.next_basket.as_deref();
        let Some(next_basket) = next_basket.filter(|_| self.is_likely_here()) else {
            return;
        };
        if self.count <= self.offers.len() {
            return;
        }
        collect_heaviest(workspace);
        let has_context = !workspace.context.is_empty();
        let Workspace { serving, likely, marks, asked, .. } = workspace;
        let world = self.world;
        let found = next_basket.likely(&world.snapshot, &self.who(), serving);
        // Beside what was just bought, what is not due yet is a distraction.
        let is_after = self.request.placement == Placement::PostPurchase && has_context;
        let is_timely = |likely: &Likely| {
            !is_after || likely.rebuy.as_ref().is_some_and(|rebuy| rebuy.is_due())
        };
        likely.clear();
        likely.extend(found.iter().filter(|likely| {
            is_timely(likely)
                && gate::is_open(world, marks, &self.limits, likely.item)
                && self.is_wanted_here(likely)
        }));
        self.weigh_likely(likely);
        self.n_eligible = self.n_eligible.max(likely.len());
        let from = self.offers.len();
        self.take_likely(likely, asked, marks);
        self.settle(from, marks);
    }

    /// Likeliest first; of re-orders only so many as leave places for what is new, and the others
    /// where nothing new is left.
    fn take_likely(&mut self, likely: &[Likely], bought: &[u32], marks: &mut Marks) {
        let limit = self.limit();
        let n_open = self.n_shown().saturating_sub(self.offers.len());
        let share = self.request.usual_new_share.unwrap_or(self.rules.usual_new_share);
        let n_again = n_open - reserved(share, n_open);
        for is_rest in [false, true] {
            let mut n_again_left = n_again;
            for &Likely { item, score, rebuy } in likely {
                if self.offers.len() >= limit || !(score > 0.0) {
                    break;
                }
                let is_later = rebuy.is_some() && n_again_left == 0;
                n_again_left -= usize::from(rebuy.is_some() && !is_later);
                if is_later != is_rest {
                    continue;
                }
                let (relation, reason) = match rebuy {
                    Some(rebuy) => (Relation::Replenish, of_rebuy(Some(rebuy))),
                    None => (self.pinned_relation(item), self.reason_of_new(bought, item)),
                };
                let offer = Offer::plain((item, score), relation, reason, Rung::Personal);
                self.take(offer, marks);
            }
        }
    }

    fn is_wanted_here(&self, likely: &Likely) -> bool {
        let category = self.request.category.filter(|_| {
            // A page of a category is about it; elsewhere it is one thing that is known.
            self.request.placement == Placement::Category
        });
        let of_item =
            |category| self.world.category(likely.item).map(|own| gate::is_below(own, category));
        let is_in_it = category.is_none_or(|category| of_item(category) == Some(true));
        // What is hidden is offered neither way, or its place would tell that it was bought.
        is_in_it
            && !self.is_hidden(likely.item)
            && match likely.rebuy {
                Some(rebuy) => !self.evidence_required || 1 < rebuy.n_bought,
                None => !self.evidence_required,
            }
    }

    /// Scores with what policies multiply them by, best first.
    fn weigh_likely(&self, likely: &mut [Likely]) {
        if self.limits.policies.is_some_and(|policies| policies.has_levers()) {
            likely.iter_mut().for_each(|likely| likely.score *= self.factor_of(likely.item));
            likely.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
        }
    }

    fn reason_of_new(&self, bought: &[u32], item: u32) -> Reason {
        let evidence = self.strongest(bought, item);
        let is_best_seller = || is_best_seller(self.world, item);
        let code = match evidence {
            None if is_best_seller() => ReasonCode::Popular,
            _ => ReasonCode::ForYou,
        };
        Reason { code, evidence, ..Reason::default() }
    }
}

/// Why something is offered that the customer bought before.
fn of_rebuy(rebuy: Option<Rebuy>) -> Reason {
    let code = match rebuy {
        Some(rebuy) if rebuy.is_due() => ReasonCode::DueAgain,
        _ => ReasonCode::BoughtBefore,
    };
    Reason { code, rebuy, ..Reason::default() }
}

fn is_best_seller(world: &World, item: u32) -> bool {
    world.snapshot.popular().iter().take(N_BEST_SELLERS).any(|&popular| popular == item)
}

/// What the customer bought most and latest, into `asked`.
pub(super) fn collect_heaviest(workspace: &mut Workspace) {
    let Workspace { heaviest, history, asked, .. } = workspace;
    heaviest.clear();
    heaviest.extend_from_slice(history);
    heaviest.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    asked.clear();
    for &mut (item, _) in heaviest {
        if asked.len() == MAX_HISTORY_CONTEXT {
            break;
        }
        if !asked.contains(&item) {
            asked.push(item);
        }
    }
}
