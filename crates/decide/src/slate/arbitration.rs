//! What policies do to a slate: places set by hand, scores moved, relations and counts demanded.

use super::{Slate, Workspace};
use crate::bundle::BundleOffer;
use crate::decision::{
    Evidence, NoOffer, Offer, PolicyTouch, Reason, ReasonCode, Relation, Warning,
};
use crate::evidence::strongest;
use crate::gate::{self, Marks};
use events::ItemKind;
use policy::Lever;
use score::Rung;
use score::sessions::Scored;
use snapshot::SellsHere;
use std::borrow::Cow;

/// Open items of a list in order that are weighed anew where policies move scores.
const MAX_LEVERED: usize = 400;
/// The same of those of which it is asked what a sale brings.
const MAX_VALUED: usize = 2_000;

/// An item that a policy sets at a place.
struct Pinned {
    position: usize,
    item: u32,
    policy: u16,
}

impl Slate<'_> {
    /// The whole slate: pins first, for what they set must not be found again, then the ladder.
    pub(super) fn fill_up(
        &mut self,
        workspace: &mut Workspace,
        n_unknown: usize,
        warnings: &mut Vec<Warning>,
    ) {
        self.forget_hidden(workspace);
        self.find_bundles(workspace);
        self.keep_places();
        if self.counts_places() {
            self.n_spare = 0;
        }
        let pinned = self.pinned(&mut workspace.marks);
        self.count -= pinned.len();
        let (plans, replacing) = (self.covering(workspace), self.replacing(workspace));
        self.count -= plans.len() + replacing.len();
        if self.count > 0 {
            self.climb_down(workspace, n_unknown);
        }
        self.offers.extend(plans.into_iter().chain(replacing));
        let mut next = 0;
        for pinned in &pinned {
            let offer = self.pinned_offer(pinned, &workspace.context);
            // Of several for one place, the earlier in the file stands first.
            let at = (pinned.position - 1).max(next).min(self.offers.len());
            self.offers.insert(at, offer);
            next = at + 1;
        }
        let (found, wanted) = (self.offers.len(), self.rules.min_count);
        if found < wanted {
            warnings.push(Warning::TooFew { found, wanted });
            self.no_offer = Some(NoOffer::TooFew);
            self.offers.clear();
        }
        self.weigh_interruption();
        if matches!(self.no_offer, Some(NoOffer::InterruptionCost { .. })) {
            self.bundles.clear();
        }
        self.tell_new_things();
        self.find_places();
    }

    /// Before anything is taken: a bundle may hold what stands in the slate too.
    fn find_bundles(&mut self, workspace: &Workspace) {
        if self.is_endless {
            return;
        }
        let Workspace { marks, context, .. } = workspace;
        let found = crate::bundle::offered(self.world, self.request, &self.limits, marks, context);
        let is_told = |bundle: &BundleOffer| !bundle.items.iter().any(|&item| self.is_hidden(item));
        self.bundles = found.into_iter().filter(is_told).collect();
    }

    /// What is hidden speaks for nothing.
    fn forget_hidden(&mut self, workspace: &mut Workspace) {
        let is_policy = self.limits.policies.is_some_and(|policies| policies.has_hidden());
        if is_policy || self.request.placement.is_seen_by_others() {
            workspace.context.retain(|&item| !self.is_hidden(item));
            workspace.history.retain(|&(item, _)| !self.is_hidden(item));
            self.own_hidden = self.bought_hidden();
        }
    }

    /// Is the item not to be told as a reason here?
    pub(super) fn is_hidden(&self, item: u32) -> bool {
        let is_seen = self.request.placement.is_seen_by_others();
        if is_seen && self.world.catalog.state(item).is_sensitive() {
            return true;
        }
        match &self.limits.policies {
            Some(policies) if policies.has_hidden() => policies.is_hidden(item),
            _ => false,
        }
    }

    /// Of each pin the first item that may be offered, in the order of their places.
    fn pinned(&mut self, marks: &mut Marks) -> Vec<Pinned> {
        let mut pinned = Vec::new();
        let Some(policies) = self.limits.policies else { return pinned };
        for pin in policies.pins() {
            if self.count < pin.position || pinned.len() == self.count {
                continue;
            }
            let mut items = pin.items.iter();
            let rule = policies.rule();
            let is_wanted = |item: u32| {
                self.any_relation || rule.allows_relation(self.pinned_relation(item) as usize)
            };
            let is_open = |&&item: &&u32| {
                is_wanted(item) && gate::is_open(self.world, marks, &self.limits, item)
            };
            let is_free = |&&item: &&u32| {
                self.is_uncrowded(item, self.pinned_relation(item)) && is_open(&&item)
            };
            if let Some(&item) = items.find(is_free) {
                marks.set_offered(self.world, item);
                self.note_taken(item, self.pinned_relation(item));
                pinned.push(Pinned { position: pin.position, item, policy: pin.policy });
            }
        }
        pinned.sort_by_key(|pinned| pinned.position);
        pinned
    }

    pub(super) fn pinned_relation(&self, item: u32) -> Relation {
        match self.world.catalog.state(item).kind() {
            ItemKind::Account => Relation::NextProduct,
            ItemKind::Service => Relation::Attach,
            _ => Relation::Complement,
        }
    }

    fn pinned_offer(&self, pinned: &Pinned, context: &[u32]) -> Offer {
        let item = pinned.item;
        let evidence = self.strongest(context, item);
        let (code, rung) = match evidence {
            Some(_) => (ReasonCode::BoughtTogether, Rung::Item),
            None => (ReasonCode::Chosen, Rung::Popular),
        };
        let touch = PolicyTouch {
            policy: pinned.policy,
            factor: 1.0,
            context_weight: 1.0,
            pinned_at: Some(pinned.position),
        };
        let ranked = (item, self.world.sales_share(item));
        let reason = Reason { code, evidence, ..Reason::default() };
        let offer = Offer::plain(ranked, self.pinned_relation(item), reason, rung);
        Offer { policy: Some(touch), ..offer }
    }

    /// Puts an offer into the slate, if its relation is wanted.
    pub(super) fn take(&mut self, mut offer: Offer, marks: &mut Marks) {
        if !self.wants(offer.relation) && !self.any_relation {
            return;
        }
        let has = |rung: Rung| self.rules.rungs & 1 << rung as u16 != 0;
        // Beside a context a known past is no other step: the pair speaks.
        let is_beside =
            matches!(offer.reason.code, ReasonCode::BoughtTogether | ReasonCode::CompletesCart);
        let is_on_ladder = has(offer.rung)
            || (is_beside
                && offer.rung == Rung::Personal
                && (has(Rung::Item) || has(Rung::Basket)));
        // What the shop declared stands on no step.
        if !is_on_ladder && offer.reason.code != ReasonCode::Declared {
            return;
        }
        // A ranking is made before any of it is taken: two variants may both stand in it.
        if marks.has_variant_offered(self.world, offer.item) {
            return;
        }
        if !self.has_room(offer.item, offer.relation) {
            return;
        }
        let lever = self.lever_of(offer.item);
        offer.value = lever.and_then(|lever| lever.value);
        // A sale that loses money is made by hand alone.
        if offer.value == Some(0.0) && offer.reason.code != ReasonCode::Declared {
            return;
        }
        offer.policy = lever.and_then(touch_of);
        self.note_taken(offer.item, offer.relation);
        marks.set_offered(self.world, offer.item);
        self.offers.push(offer);
    }

    /// What multiplies the item's score, if anything does anywhere.
    pub(super) fn lever_of(&self, item: u32) -> Option<Lever> {
        let policies = self.limits.policies.as_ref().filter(|policies| policies.has_levers())?;
        Some(policies.lever(item))
    }

    /// Do placement and caller want offers of this relation?
    pub(super) fn wants(&self, relation: Relation) -> bool {
        let by_policy = self.limits.policies.as_ref();
        by_policy.is_none_or(|policies| policies.rule().allows_relation(relation as usize))
            && self.limits.filter.is_none_or(|filter| {
                filter.relations.is_empty() || filter.relations.contains(&relation)
            })
    }

    pub(super) fn strongest(&self, context: &[u32], item: u32) -> Option<Evidence> {
        // What came after the snapshot has no pairs in it.
        let known = self.world.is_learned(item);
        let min_count = self.rules.min_evidence_count;
        known.then(|| strongest(&self.world.snapshot, context, item, min_count)).flatten()
    }

    pub(super) fn factor_of(&self, item: u32) -> f32 {
        match &self.limits.policies {
            Some(policies) if policies.has_levers() => policies.lever(item).weight(),
            _ => 1.0,
        }
    }

    /// Scores with what policies multiply them by, best first.
    pub(super) fn levered<'s>(&self, found: &'s [Scored]) -> Cow<'s, [Scored]> {
        if !self.limits.policies.is_some_and(|policies| policies.has_levers()) {
            return Cow::Borrowed(found);
        }
        let weigh = |scored: &Scored| Scored {
            index: scored.index,
            score: scored.score * self.factor_of(scored.index),
        };
        let mut weighed: Vec<Scored> = found.iter().map(weigh).collect();
        weighed.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
        Cow::Owned(weighed)
    }

    /// The best of a list in order of sales, in order of sales times what they do at this placement
    /// and what policies multiply them by.
    pub(super) fn levered_list<'s>(
        &self,
        items: &'s [u32],
        trend: &dyn Fn(u32) -> f32,
        here: &SellsHere<'_>,
        marks: &Marks,
    ) -> Cow<'s, [u32]> {
        let policies = self.limits.policies.filter(|policies| policies.has_levers());
        if policies.is_none() && here.is_empty() {
            return Cow::Borrowed(items);
        }
        let world = self.world;
        let is_open = |item: u32| gate::is_open(world, marks, &self.limits, item);
        let weigh = |item: u32| trend(item) * here.ratio(item) * self.factor_of(item);
        let n_kept = MAX_LEVERED.max(self.count);
        // A value has no bound: of what sells least nothing is asked.
        let is_valued = policies.is_some_and(|policies| policies.rule().value.is_some());
        let most = policies.map_or(1.0, |policies| policies.max_factor()) * here.largest();
        let (items, most) = match is_valued {
            true => (&items[..items.len().min(MAX_VALUED)], f32::INFINITY),
            false => (items, most),
        };
        let best = best_of(items, n_kept, (trend, most), &weigh, &is_open);
        Cow::Owned(best)
    }
}

/// What boosts and buries did.
pub(super) fn touch_of(lever: Lever) -> Option<PolicyTouch> {
    let Lever { factor, context_weight, policy, .. } = lever;
    policy.map(|policy| PolicyTouch { policy, factor, context_weight, pinned_at: None })
}

/// The `n` items of most weight that are open, best first; where the weight is the same the list
/// decides. `items` come in falling order of `trend`, of which a weight is at most `max_factor`
/// times: the rest of the list is not looked at when it cannot come in any more.
fn best_of(
    items: &[u32],
    n: usize,
    (trend, max_factor): (&dyn Fn(u32) -> f32, f32),
    weigh: &dyn Fn(u32) -> f32,
    is_open: &dyn Fn(u32) -> bool,
) -> Vec<u32> {
    let mut best: Vec<(f32, u32)> = Vec::new();
    let mut least = f32::NEG_INFINITY;
    // Stable: those that came first stay before their equals.
    let sort = |best: &mut Vec<(f32, u32)>| best.sort_by(|a, b| b.0.total_cmp(&a.0));
    for &item in items {
        if trend(item) * max_factor <= least {
            break;
        }
        let weight = weigh(item);
        if weight <= least || !is_open(item) {
            continue;
        }
        best.push((weight, item));
        if best.len() == 2 * n.max(1) {
            sort(&mut best);
            best.truncate(n);
            least = best.last().map_or(least, |&(weight, _)| weight);
        }
    }
    sort(&mut best);
    best.truncate(n);
    best.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::best_of;

    #[test]
    fn the_best_are_those_of_the_whole_list_sorted() {
        // A fixed walk through weights: every item has a trend that falls and a factor of its own.
        let mut word = 7_u64;
        let mut chance = |below: u64| {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (word >> 33) % below
        };
        for round in 0..200 {
            let n_items = 1 + chance(300) as u32;
            let factors: Vec<f32> =
                (0..n_items).map(|_| [1.0, 1.0, 0.01, 3.0, 50.0][chance(5) as usize]).collect();
            let is_shut: Vec<bool> = (0..n_items).map(|_| chance(4) == 0).collect();
            let trend = |item: u32| ((n_items - item) / 3) as f32;
            let weigh = |item: u32| trend(item) * factors[item as usize];
            let is_open = |item: u32| !is_shut[item as usize];
            let items: Vec<u32> = (0..n_items).collect();
            let n = 1 + chance(20) as usize;
            let mut slow: Vec<u32> = items.iter().copied().filter(|&item| is_open(item)).collect();
            slow.sort_by(|&a, &b| weigh(b).total_cmp(&weigh(a)));
            slow.truncate(n);
            let fast = best_of(&items, n, (&trend, 50.0), &weigh, &is_open);
            assert_eq!(fast, slow, "round {round}");
        }
    }
}
