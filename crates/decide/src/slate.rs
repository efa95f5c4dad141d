//! From a request to a slate: context, ladder, gates, evidence, reasons.

mod arbitration;
mod context;
mod depth;
mod likely;
mod relations;
mod room;
mod sells;
mod spare;
mod spend;

use self::context::{collect_context, collect_history};
use self::depth::{Depth, count_of, rules_of};
use self::likely::collect_heaviest;
pub use self::room::expected_margin;
pub(crate) use self::room::{count_for, crowded_by};
use crate::bundle::BundleOffer;
use crate::cover::Cover;
use crate::decision::{Decision, NewThings, NoOffer, Offer, Reason, ReasonCode, Relation, Warning};
use crate::evidence::strongest;
use crate::explore::Choice;
use crate::gate::{self, Gate, Limits, Marks};
use crate::offer::offer_of;
use crate::placement::{Placement, PlacementRules};
use crate::policies::{Items, facts_of, price_cap, usual_price_cap};
use crate::request::Request;
use crate::visit::Visit;
use policy::{Active, Facts};
use score::next_basket::{Likely, ServeScratch};
use score::sessions::Scored;
use score::{Candidate, Query, RankingScratch, Responses, Rung, World, rank_in};
use std::sync::Arc;

/// Cart lines that are read; a longer cart is cut to its last lines, and says so.
pub const MAX_CONTEXT: usize = 200;
/// Anchors that are ranked by, the first ones; all of them are kept from coming back.
pub const MAX_ANCHORS: usize = 100;
/// Items of the purchase history that stand in for a context where there is none.
const MAX_HISTORY_CONTEXT: usize = 20;
const MAX_SESSION_CONTEXT: usize = 10;
/// Items alike that stand in for an anchor without sales.
const MAX_PROXIES: usize = 8;

/// Reusable memory of one thread.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    scratch: RankingScratch,
    marks: Marks,
    context: Vec<u32>,
    proxies: Vec<u32>,
    history: Vec<(u32, f32)>,
    heaviest: Vec<(u32, f32)>,
    /// What is ranked by: of the context, the session or the history.
    asked: Vec<u32>,
    visit: Visit,
    serving: ServeScratch,
    likely: Vec<Likely>,
    covering: Vec<Cover>,
    declared: relations::DeclaredItems,
    active: Active,
    /// Candidates with the levers of policies applied.
    levered: Vec<Candidate>,
    /// The question as bytes, for [`crate::Memo`].
    pub(crate) key: Vec<u8>,
}

impl Workspace {
    /// One that keeps which policies acted, over many decisions; slower.
    pub fn recording() -> Workspace {
        Workspace { active: Active::recording(), ..Workspace::default() }
    }

    /// One that asks the same question again, under other policies, at less cost.
    pub fn remembering(self) -> Workspace {
        Workspace { scratch: RankingScratch::remembering(), ..self }
    }

    /// Ranks go on from what the other one remembers.
    pub fn swap_ranking(&mut self, other: &mut Workspace) {
        std::mem::swap(&mut self.scratch, &mut other.scratch);
    }

    /// What was recorded, for [`policy::PolicyTable::has_acted`].
    pub fn policies_active(&self) -> &Active {
        &self.active
    }
}

/// What one pass over the ladder works on.
struct Slate<'a> {
    world: &'a World,
    request: &'a Request<'a>,
    limits: Limits<'a>,
    rules: PlacementRules,
    evidence_required: bool,
    /// Offers of any relation, whatever the placement says.
    any_relation: bool,
    /// Offers that still fit beside those set apart.
    count: usize,
    /// Offers that were asked for.
    asked: usize,
    offers: Vec<Offer>,
    n_eligible: usize,
    reads_session: bool,
    /// Asked for where an item would stand: nothing is counted, nothing kept free.
    is_endless: bool,
    /// Offers so far with their relations; kept only where they are counted.
    taken: Vec<(u32, usize)>,
    /// Places left for what the customer bought before; `None`: no matter.
    bought_left: Option<usize>,
    no_offer: Option<NoOffer>,
    new_things: Option<NewThings>,
    spend: Option<crate::Spend>,
    /// Offers that are found beyond those that are shown, to choose from.
    n_spare: usize,
    choice: Option<Choice>,
    /// What came of offers; `None`: nobody asks.
    responses: Option<Arc<Responses>>,
    /// Bought by the customer and not to be told here, rising.
    own_hidden: Vec<u32>,
    bundles: Vec<BundleOffer>,
}

/// Decides. Pure: the same world and request give the same decision. Never fails: what cannot be
/// served is an empty slate.
pub fn decide(world: &World, request: &Request<'_>, workspace: &mut Workspace) -> Decision {
    let mut warnings = Vec::new();
    let count = count_of(request, &rules_of(request), &mut warnings);
    let depth = Depth { count, is_endless: false, any_relation: false };
    decide_up_to(world, request, depth, workspace, warnings)
}

/// The same with room for every item of the world: who would stand where, were the slate endless.
pub(crate) fn decide_all(
    world: &World,
    request: &Request<'_>,
    any_relation: bool,
    workspace: &mut Workspace,
) -> Decision {
    let depth = Depth { count: world.n_items(), is_endless: true, any_relation };
    decide_up_to(world, request, depth, workspace, Vec::new())
}

/// The first gate that stops an item, asked of the marks of the last decision on the same request.
pub(crate) fn stopped_by(
    world: &World,
    request: &Request<'_>,
    item: u32,
    workspace: &mut Workspace,
) -> Option<Gate> {
    with_limits(world, request, workspace, |limits, workspace| {
        gate::stopped_by(world, &workspace.marks, limits, item)
    })
}

/// Settles what holds for all items of the request.
pub(crate) fn with_limits<R>(
    world: &World,
    request: &Request<'_>,
    workspace: &mut Workspace,
    work: impl FnOnce(&Limits<'_>, &mut Workspace) -> R,
) -> R {
    let usual_cap = usual_price_cap(world, request, &rules_of(request));
    let mut limits = Limits { filter: request.filter, policies: None, price_cap: usual_cap };
    let Some(policies) = request.policies else { return work(&limits, workspace) };
    let mut active = std::mem::take(&mut workspace.active);
    let items = Items(world);
    let mut facts: Facts<'_> = facts_of(world, request);
    policies.activate(&mut facts, &items, &mut active);
    limits.policies = Some(policies.in_force(&active, &facts, &items));
    if let Some(share) = policies.rule(request.placement as usize).max_price_share {
        limits.price_cap = price_cap(request, &limits, share);
    }
    let worked = work(&limits, workspace);
    workspace.active = active;
    worked
}

fn decide_up_to(
    world: &World,
    request: &Request<'_>,
    depth: Depth,
    workspace: &mut Workspace,
    mut warnings: Vec<Warning>,
) -> Decision {
    let n_unknown = collect_context(world, request, workspace, &mut warnings);
    collect_history(world, request, &mut workspace.history);
    workspace.marks.set(world, request, rules_of(request).offers_held);
    with_limits(world, request, workspace, |limits, workspace| {
        let mut rules = rules_of(request);
        if depth.is_endless {
            rules.min_count = 0;
        }
        let mut slate = Slate {
            world,
            request,
            limits: *limits,
            rules,
            evidence_required: request.evidence_required.unwrap_or(rules.evidence_required),
            any_relation: depth.any_relation,
            count: depth.count,
            asked: depth.count,
            offers: Vec::with_capacity(depth.count.min(rules.max_count)),
            n_eligible: 0,
            reads_session: false,
            is_endless: depth.is_endless,
            taken: Vec::new(),
            bought_left: None,
            no_offer: None,
            new_things: None,
            spend: spend::spend_of(world, request),
            n_spare: 0,
            choice: None,
            responses: spare::responses_for(world, request, depth),
            own_hidden: Vec::new(),
            bundles: Vec::new(),
        };
        slate.n_spare = slate.count_spare(depth);
        if slate.may_contact() && slate.is_spent_on() && depth.count > 0 {
            slate.fill_up(workspace, n_unknown, &mut warnings);
        }
        slate.decision(warnings)
    })
}

impl Slate<'_> {
    fn decision(self, warnings: Vec<Warning>) -> Decision {
        let policies = self.limits.policies.as_ref();
        let n_policies_unknown = policies.map_or(0, |policies| policies.n_unknown());
        let nothing =
            if n_policies_unknown > 0 { NoOffer::NotKnown } else { NoOffer::NothingFound };
        let no_offer = self.no_offer.unwrap_or(nothing);
        Decision {
            no_offer: (self.offers.is_empty() && self.bundles.is_empty()).then_some(no_offer),
            bundles: self.bundles,
            new_things: self.new_things,
            spend: self.spend,
            rung: self.offers.iter().map(|offer| offer.rung).min().unwrap_or(Rung::None),
            offers: self.offers,
            n_eligible: self.n_eligible,
            reads_session: self.reads_session,
            policy_version: policies.map(|policies| policies.table().version()),
            n_policies_unknown,
            warnings,
            choice: self.choice,
            responses_version: self.responses.map(|responses| responses.version()),
            tone: self.rules.tone,
        }
    }

    /// The ladder, best rung first, until the slate is full or the placement wants no more.
    fn climb_down(&mut self, workspace: &mut Workspace, n_unknown: usize) {
        let has_context = !workspace.context.is_empty();
        if has_context {
            self.from_declared(workspace);
            self.from_context(workspace);
            if self.offers.is_empty() {
                self.from_content(workspace);
            }
            if self.request.placement == Placement::Pdp {
                self.from_visit(workspace);
            }
            self.from_likely(workspace);
        } else if n_unknown == 0 {
            self.from_person(workspace);
        }
        if let Some(category) = self.request.category {
            self.from_category(category, &mut workspace.marks);
        }
        // Beside an item nobody knows there is nothing better; beside a known one without
        // evidence, bestsellers are noise and the slate stays empty.
        let knows_nothing = n_unknown > 0 && !has_context;
        if self.rules.fill_with_popular || !self.evidence_required || knows_nothing {
            self.from_segment(&mut workspace.marks);
            self.from_all(&mut workspace.marks);
        }
    }

    fn from_context(&mut self, workspace: &mut Workspace) {
        let mut asked = std::mem::take(&mut workspace.asked);
        asked.clear();
        asked.extend(workspace.context.iter().filter(|item| self.world.is_learned(**item)));
        let rung = match (workspace.history.is_empty(), asked.len()) {
            (_, 0) => None,
            (false, _) => Some(Rung::Personal),
            (true, 1) => Some(Rung::Item),
            (true, _) => Some(Rung::Basket),
        };
        if let Some(rung) = rung {
            self.ranked(&asked, rung, workspace);
        }
        workspace.asked = asked;
    }

    /// What others went on to from the same steps; nothing where no sessions were learned from.
    fn from_visit(&mut self, workspace: &mut Workspace) {
        let Workspace { visit, marks, .. } = workspace;
        let (world, n_open) = (self.world, self.count.saturating_sub(self.offers.len()));
        if n_open == 0 {
            return;
        }
        let limits = self.limits;
        self.reads_session = true;
        visit.read(world, self.request, |item| self.is_hidden(item));
        let (seen, found) = visit.ranked(world, |item| gate::is_open(world, marks, &limits, item));
        self.n_eligible = self.n_eligible.max(found.len());
        let (from, limit) = (self.offers.len(), self.limit());
        let min_count = self.rules.min_evidence_count;
        // Of what visits like this one went on to, the share of each.
        let all: f32 = found.iter().map(|scored| scored.score.max(0.0)).sum();
        for &Scored { index: item, score } in self.levered(found).iter() {
            if self.offers.len() == limit {
                break;
            }
            let evidence = strongest(&world.snapshot, seen, item, min_count);
            if self.evidence_required && evidence.is_none() {
                continue;
            }
            let reason = Reason { code: ReasonCode::SeenNext, evidence, ..Reason::default() };
            let relation = Relation::Complement;
            let score = if all > 0.0 { score / all } else { score };
            self.take(Offer::plain((item, score), relation, reason, Rung::Session), marks);
        }
        self.settle(from, marks);
    }

    fn from_session(&mut self, workspace: &mut Workspace) {
        let session = self.request.session;
        self.reads_session = true;
        let from = session.len().saturating_sub(MAX_SESSION_CONTEXT);
        let mut asked = std::mem::take(&mut workspace.asked);
        asked.clear();
        for &item in session[from..].iter().rev() {
            if self.world.is_learned(item) && !asked.contains(&item) && !self.is_hidden(item) {
                asked.push(item);
            }
        }
        if !asked.is_empty() {
            self.ranked(&asked, Rung::Session, workspace);
        }
        workspace.asked = asked;
    }

    fn from_history(&mut self, workspace: &mut Workspace) {
        if workspace.history.is_empty() || self.offers.len() >= self.count {
            return;
        }
        collect_heaviest(workspace);
        let asked = std::mem::take(&mut workspace.asked);
        self.ranked(&asked, Rung::Personal, workspace);
        workspace.asked = asked;
    }

    /// Items alike stand in for a context that has no sales of its own.
    fn from_content(&mut self, workspace: &mut Workspace) {
        let mut proxies = std::mem::take(&mut workspace.proxies);
        proxies.clear();
        for &item in &workspace.context {
            let is_fee = self.world.catalog.state(item).is_fee();
            if self.world.n_item_baskets(item) == 0 && !is_fee {
                let may = |item: u32| !self.is_hidden(item);
                crate::content::proxies_of(self.world, item, MAX_PROXIES, &may, &mut proxies);
            }
        }
        proxies.retain(|item| !workspace.context.contains(item));
        if !proxies.is_empty() {
            let history = std::mem::take(&mut workspace.history);
            self.ranked(&proxies, Rung::Content, workspace);
            workspace.history = history;
        }
        workspace.proxies = proxies;
    }

    /// Ranks by all sources and takes what passes, best first.
    fn ranked(&mut self, context: &[u32], rung: Rung, workspace: &mut Workspace) {
        let is_cart = rung != Rung::Content && !workspace.context.is_empty();
        let Workspace { scratch, marks, history, levered, .. } = workspace;
        let world = self.world;
        let query = Query { context, history, customer: self.request.customer };
        let limits = self.limits;
        // The ranker learned from carts: a session, a history, items alike are no carts.
        let ranker = world.ranker.as_deref().filter(|_| is_cart);
        // Stand-ins are what the item itself would be taken for: instead of it, not beside it.
        let is_stand_in = |item: u32| rung == Rung::Content && context.contains(&item);
        let ranking = rank_in(world, ranker, &query, scratch, |item| {
            gate::is_open(world, marks, &limits, item) && !is_stand_in(item)
        });
        self.n_eligible = self.n_eligible.max(ranking.n_candidates());
        let Some(policies) = limits.policies.filter(|policies| policies.has_levers()) else {
            return self.take_ranked(ranking, context, (rung, is_cart), marks);
        };
        // A lever may lift one from far down: all are looked at.
        levered.clear();
        levered.extend(ranking.map(|candidate| {
            let factor = policies.lever(candidate.item).weight();
            Candidate { score: candidate.score * factor, ..candidate }
        }));
        // Stable: where a curve is level the ranking decides.
        levered.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.take_ranked(levered.iter().copied(), context, (rung, is_cart), marks);
    }

    /// Takes what has evidence, or needs none. Few have it: one that stands far down must not be
    /// missed for those above it.
    fn take_ranked(
        &mut self,
        ranking: impl Iterator<Item = Candidate>,
        context: &[u32],
        (rung, is_cart): (Rung, bool),
        marks: &mut Marks,
    ) {
        let (from, limit) = (self.offers.len(), self.limit());
        for candidate in ranking {
            if self.offers.len() >= limit || !(candidate.score > 0.0) {
                break;
            }
            // Only what a stored pair proposed can have evidence.
            let is_paired = candidate.features[score::blend::PAIR] > 0.0;
            let evidence = match is_paired {
                true => self.strongest(context, candidate.item),
                false => None,
            };
            // After a purchase the question is what completes it: what was bought before needs a
            // pair like any other.
            let is_after = is_cart && self.request.placement == Placement::PostPurchase;
            let was_bought = candidate.features[score::blend::HISTORY] > 0.0 && !is_after;
            if self.evidence_required && evidence.is_none() && !was_bought {
                continue;
            }
            let mut offer = offer_of(self.world, &candidate, evidence, (rung, is_cart));
            if offer.reason.code == ReasonCode::BoughtBefore {
                offer.reason = self.reason_again(candidate.item);
            }
            self.take(offer, marks);
        }
        self.settle(from, marks);
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod invariants;

#[cfg(test)]
mod bundle_tests;

#[cfg(test)]
mod contact_invariants;

#[cfg(test)]
mod policy_invariants;

#[cfg(test)]
mod policy_tests;

#[cfg(test)]
mod value_tests;

#[cfg(test)]
mod likely_tests;

#[cfg(test)]
mod relation_tests;

#[cfg(test)]
mod response_tests;

#[cfg(test)]
mod room_tests;

#[cfg(test)]
mod segment_tests;

#[cfg(test)]
mod spend_tests;

#[cfg(test)]
mod usual_tests;

#[cfg(test)]
mod sells_tests;
