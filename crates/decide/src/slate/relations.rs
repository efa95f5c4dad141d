//! Offers because of how items stand to each other: declared for an anchor, covering it, in its
//! place.

use super::arbitration::touch_of;
use super::{Slate, Workspace};
use crate::cover;
use crate::decision::{About, Offer, Reason, ReasonCode, Relation};
use crate::gate::{self, Marks};
use crate::placement::Placement;
use crate::request::ItemRef;
use crate::words::price_difference;
use events::Amount;
use score::Rung;
use std::cmp::Reverse;

/// Declared items that are looked at for each open place.
const N_OF_FAMILY: usize = 16;

/// What is known of a pair, sales, the item, its place among those found.
type Ranked = (f32, f32, Reverse<u32>, usize);

/// An item that is declared for the context.
#[derive(Clone, Copy, Debug)]
struct DeclaredItem {
    item: u32,
    anchor: u32,
    relation: Relation,
    /// Probability of the item beside the anchor; 0 where no significant pair says.
    known: f32,
    is_open: bool,
}

/// Each item once, however many anchors it is declared for. Reused from request to request.
#[derive(Clone, Debug, Default)]
pub(super) struct DeclaredItems {
    found: Vec<DeclaredItem>,
    /// By item: one more than its place in `found`; 0: it was not found.
    places: Vec<u32>,
    /// Of one anchor.
    known: Vec<(u32, f32)>,
}

impl DeclaredItems {
    fn clear(&mut self, n_items: usize) {
        for found in &self.found {
            self.places[found.item as usize] = 0;
        }
        self.found.clear();
        if self.places.len() < n_items {
            self.places.resize(n_items, 0);
        }
    }
}

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
        if !self.rules.offers_plans || !self.wants(Relation::Attach) || self.bought_a_plan() {
            return plans;
        }
        cover::collect(self.world, self.request, covering);
        let is_all = self.wants_only(Relation::Attach);
        let most = if is_all { self.count } else { self.count.div_ceil(2) };
        for cover in covering.iter_mut() {
            if self.is_hidden(cover.item) {
                continue;
            }
            while let Some(plan) = cover.next_plan() {
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
                        marks.set_offered(self.world, plan);
                        self.note_taken(plan, Relation::Attach);
                        let evidence = self.strongest(&[cover.item], plan);
                        let about = About { item: cover.item, n_units: cover.n_units };
                        let reason = Reason {
                            code: ReasonCode::Covers,
                            evidence,
                            about: Some(about),
                            rebuy: None,
                        };
                        plans.push(self.offer(plan, Relation::Attach, reason));
                    }
                    break;
                }
            }
        }
        plans
    }

    /// After a purchase with a plan nobody can tell which unit it is for: none is offered.
    fn bought_a_plan(&self) -> bool {
        let request = self.request;
        let is_plan = |item: u32| self.world.plans.is_plan(item);
        request.placement == Placement::PostPurchase
            && (request.bought_since.iter().any(|&item| is_plan(item))
                || request.anchors.iter().any(|anchor| match *anchor {
                    ItemRef::Known(item) => is_plan(item),
                    ItemRef::Unknown { .. } => false,
                }))
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
            world.visit_replacing_family(anchor, now, |other| {
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
            let is_there = marks.is_offered(item) || marks.has_variant_offered(world, item);
            if is_there || !self.has_room(item, relation) {
                continue;
            }
            marks.set_offered(self.world, item);
            self.note_taken(item, relation);
            let code = match relation {
                Relation::Upgrade => ReasonCode::Upgrade,
                _ => ReasonCode::Alternative,
            };
            let about = Some(About { item: anchor, n_units: 1 });
            offers.push(self.offer(item, relation, Reason { code, about, ..Reason::default() }));
        }
        offers
    }

    /// What the shop declared to go with the context, by what is known of the pair, then by sales.
    pub(super) fn from_declared(&mut self, workspace: &mut Workspace) {
        let Workspace { context, marks, declared, .. } = workspace;
        if self.world.declared.is_empty() {
            return;
        }
        self.collect_declared(context, marks, declared);
        let mut ranked: Vec<Ranked> = Vec::new();
        for (at, found) in declared.found.iter().enumerate().filter(|(_, found)| found.is_open) {
            let factor = self.factor_of(found.item);
            let sales = self.sales_of(found.item);
            ranked.push((found.known * factor, sales * factor, Reverse(found.item), at));
        }
        self.n_eligible = self.n_eligible.max(ranked.len());
        let best_first = |a: &Ranked, b: &Ranked| {
            b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).then(b.2.cmp(&a.2))
        };
        // Some may be variants of one another, of which only the first is taken.
        let limit = self.offers.len().max(self.count);
        let n_open = (limit - self.offers.len()).saturating_mul(N_OF_FAMILY);
        if n_open < ranked.len() {
            ranked.select_nth_unstable_by(n_open, best_first);
            ranked.truncate(n_open);
        }
        ranked.sort_unstable_by(best_first);
        for (.., at) in ranked {
            if self.offers.len() == limit {
                break;
            }
            let DeclaredItem { item, anchor, relation, .. } = declared.found[at];
            let evidence = self.strongest(&[anchor], item);
            let about = Some(About { item: anchor, n_units: 1 });
            let reason = Reason { code: ReasonCode::Declared, evidence, about, rebuy: None };
            self.take(self.offer(item, relation, reason), marks);
        }
    }

    /// Each item once, with the anchor that most is known of beside it, then the first one.
    fn collect_declared(&self, context: &[u32], marks: &Marks, declared: &mut DeclaredItems) {
        let (world, now) = (self.world, self.request.circumstances.now);
        let is_wanted =
            Relation::ALL.map(|of| !of.replaces() && (self.any_relation || self.wants(of)));
        declared.clear(world.n_items());
        for &anchor in context {
            let edges = world.declared.of_anchor(anchor);
            self.collect_known(anchor, edges.len(), &mut declared.known);
            let mut known = declared.known.iter().copied().peekable();
            for edge in edges {
                while known.next_if(|(item, _)| *item < edge.item).is_some() {}
                let is_known = known.peek().filter(|(item, _)| *item == edge.item);
                let probability = is_known.map_or(0.0, |(_, probability)| *probability);
                if !is_wanted[edge.relation as usize] || !edge.holds_at(now) {
                    continue;
                }
                let (item, relation) = (edge.item, edge.relation);
                let place = &mut declared.places[item as usize];
                if *place == 0 {
                    let is_open = gate::is_open(world, marks, &self.limits, item);
                    let known = probability;
                    declared.found.push(DeclaredItem { item, anchor, relation, known, is_open });
                    *place = declared.found.len() as u32;
                } else if declared.found[*place as usize - 1].known < probability {
                    let found = &mut declared.found[*place as usize - 1];
                    (found.anchor, found.relation, found.known) = (anchor, relation, probability);
                }
            }
        }
    }

    /// What is known of an anchor's pairs, in order of the other item; nothing where nobody asks.
    fn collect_known(&self, anchor: u32, n_asked: usize, known: &mut Vec<(u32, f32)>) {
        known.clear();
        if n_asked == 0 || !self.world.is_learned(anchor) {
            return;
        }
        let (items, stats) = self.world.snapshot.pairs(anchor);
        let min_count = self.rules.min_evidence_count;
        let told = items.iter().zip(stats);
        let told = told.filter(|(_, pair)| pair.is_significant != 0 && min_count <= pair.n_both);
        known.extend(told.map(|(&item, pair)| (item, pair.probability)));
        known.sort_unstable_by_key(|(item, _)| *item);
    }

    fn sales_of(&self, item: u32) -> f32 {
        self.world.sales_share(item)
    }

    fn offer(&self, item: u32, relation: Relation, reason: Reason) -> Offer {
        let score = self.sales_of(item) * self.factor_of(item);
        let lever = self.lever_of(item);
        let value = lever.and_then(|lever| lever.value);
        let policy = lever.and_then(touch_of);
        let offer = Offer::plain((item, score), relation, reason, Rung::Item);
        Offer { policy, value, ..offer }
    }
}
