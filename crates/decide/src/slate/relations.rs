//! Offers because of how items stand to each other: declared for an anchor, covering it, in its
//! place.

use super::{Slate, Workspace};
use crate::cover;
use crate::decision::{About, Offer, Reason, ReasonCode, Relation};
use crate::gate;
use crate::words::price_difference;
use events::Amount;
use score::Rung;
use std::cmp::Reverse;

impl Slate<'_> {
    /// Is nothing else wanted than this?
    fn wants_only(&self, relation: Relation) -> bool {
        let others = Relation::ALL.into_iter().filter(|other| *other != relation);
        self.wants(relation) && !others.into_iter().any(|other| self.wants(other))
    }

    /// Is it asked for by name?
    fn names(&self, relation: Relation) -> bool {
        let by_caller = self.limits.filter.is_some_and(|f| f.relations.contains(&relation));
        let rule = self.limits.policies.as_ref().map(|policies| policies.rule());
        let by_policy = rule.is_some_and(|rule| rule.relations.is_some());
        (by_caller || by_policy) && self.wants(relation)
    }

    /// Plans for what is in the cart or on the page, one for each unit: up to half of the slate.
    pub(super) fn covering(&mut self, workspace: &mut Workspace) -> Vec<Offer> {
        let Workspace { covering, marks, .. } = workspace;
        let mut plans: Vec<Offer> = Vec::new();
        if !self.rules.offers_plans || !self.wants(Relation::Attach) {
            return plans;
        }
        cover::collect(self.world, self.request, covering);
        let is_all = self.wants_only(Relation::Attach);
        let most = if is_all { self.count } else { self.count.div_ceil(2) };
        for cover in covering.iter() {
            if self.is_hidden(cover.item) {
                continue;
            }
            for &plan in &cover.plans {
                marks.set_covered(plan);
                if let Some(offer) = plans.iter_mut().find(|offer| offer.item == plan) {
                    if let Some(about) = &mut offer.reason.about {
                        about.n_units = about.n_units.saturating_add(cover.n_units);
                    }
                    break;
                }
                if gate::is_open(self.world, marks, &self.limits, plan)
                    && self.has_room(plan, Relation::Attach)
                {
                    if plans.len() < most {
                        marks.set_offered(plan);
                        self.note_taken(plan, Relation::Attach);
                        let evidence = self.strongest(&[cover.item], plan);
                        let about = About { item: cover.item, n_units: cover.n_units };
                        let reason =
                            Reason { code: ReasonCode::Covers, evidence, about: Some(about) };
                        plans.push(self.offer(plan, Relation::Attach, reason));
                    }
                    break;
                }
            }
        }
        plans
    }

    /// Dearer ones for the same need, where the placement wants them; other ones for it where they
    /// are asked for by name.
    pub(super) fn replacing(&mut self, workspace: &mut Workspace) -> Vec<Offer> {
        let upgrades = self.rules.max_upgrades > 0 && self.wants(Relation::Upgrade);
        let substitutes = self.names(Relation::Substitute);
        if !upgrades && !substitutes {
            return Vec::new();
        }
        let Workspace { context, marks, .. } = workspace;
        let (world, now) = (self.world, self.request.circumstances.now);
        let mut found: Vec<(f32, Reverse<u32>, u32, Relation)> = Vec::new();
        for &anchor in context.iter() {
            world.visit_replacing(anchor, now, |other| {
                let is_dearer =
                    price_difference(world, other.item, anchor).is_some_and(|d| Amount::ZERO < d);
                let relation = match other.relation {
                    Relation::Upgrade if is_dearer || other.is_declared => Relation::Upgrade,
                    _ => Relation::Substitute,
                };
                let is_wanted = if relation == Relation::Upgrade { upgrades } else { substitutes };
                if is_wanted && gate::is_open_in_place(world, marks, &self.limits, other.item) {
                    let score = self.sales_of(other.item) * other.confidence;
                    let score = score * self.factor_of(other.item);
                    found.push((score, Reverse(other.item), anchor, relation));
                }
            });
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        let is_all = !Relation::ALL.into_iter().any(|of| !of.replaces() && self.wants(of));
        let most = if is_all { self.count } else { self.rules.max_upgrades.max(1) };
        let mut offers: Vec<Offer> = Vec::new();
        for (_, Reverse(item), anchor, relation) in found {
            // One is left for what adds, unless nothing else is wanted.
            if offers.len() == most || (!is_all && self.count < offers.len() + 2) {
                break;
            }
            if marks.is_offered(item) || !self.has_room(item, relation) {
                continue;
            }
            marks.set_offered(item);
            self.note_taken(item, relation);
            let code = match relation {
                Relation::Upgrade => ReasonCode::Upgrade,
                _ => ReasonCode::Alternative,
            };
            let about = Some(About { item: anchor, n_units: 1 });
            offers.push(self.offer(item, relation, Reason { code, evidence: None, about }));
        }
        offers
    }

    /// What the shop declared to go with the context, by what is known of the pair, then by sales.
    pub(super) fn from_declared(&mut self, workspace: &mut Workspace) {
        let Workspace { context, marks, .. } = workspace;
        let (world, now) = (self.world, self.request.circumstances.now);
        if world.declared.is_empty() {
            return;
        }
        let mut found: Vec<(f32, f32, Reverse<u32>, Offer)> = Vec::new();
        for &anchor in context.iter() {
            for edge in world.declared.of_anchor(anchor) {
                let item = edge.item;
                if edge.relation.replaces()
                    || !edge.holds_at(now)
                    || !gate::is_open(world, marks, &self.limits, item)
                {
                    continue;
                }
                let evidence = self.strongest(&[anchor], item);
                let known = evidence.map_or(0.0, |evidence| evidence.probability);
                let about = Some(About { item: anchor, n_units: 1 });
                let reason = Reason { code: ReasonCode::Declared, evidence, about };
                let (known, sales) =
                    (known * self.factor_of(item), self.sales_of(item) * self.factor_of(item));
                let offer = self.offer(item, edge.relation, reason);
                found.push((known, sales, Reverse(item), offer));
            }
        }
        self.n_eligible = self.n_eligible.max(found.len());
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).then(b.2.cmp(&a.2)));
        for (.., offer) in found {
            if self.offers.len() >= self.count {
                return;
            }
            if !marks.is_offered(offer.item) {
                self.take(offer, marks);
            }
        }
    }

    fn sales_of(&self, item: u32) -> f32 {
        if self.world.is_learned(item) { self.world.snapshot.trend(item) } else { 0.0 }
    }

    fn offer(&self, item: u32, relation: Relation, reason: Reason) -> Offer {
        let score = self.sales_of(item) * self.factor_of(item);
        let policy = self.touch_of(item);
        Offer { item, score, relation, reason, rung: Rung::Item, policy, likeness: None }
    }
}
