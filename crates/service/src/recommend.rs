//! From a parsed request to the finished slates, without waiting for anything: the hot path.

use crate::answer::{Explanation, Remark, Slate, Written, size_hint, write_slate};
use crate::caller::Caller;
use crate::chronicle::settled;
use crate::clock::Stopwatch;
use crate::contacts::{AskedContacts, Shown};
use crate::holdout::{is_held_out, unit_of};
use crate::json_text::JsonText;
use crate::ledger::DecisionEntry;
use crate::no_offer::as_spent_on;
use crate::outcomes::{Arm, as_arm};
use crate::problem::Problem;
use crate::question::{Question, Strangers, placements_of};
use crate::recommendation_id::RecommendationId;
use crate::record::{RecordHead, write_record};
use crate::state::{Inner, Served};
use crate::treatment::Treatment;
use crate::wire::RecommendRequest;
use crate::worlds::Stand;
use decide::{Begun, Circumstances, Decision, Drawn, Placement, Request, Workspace};
use events::Timestamp;
use experiment::Running;
use history::Assignment;
use measure::assignment::{Unit, UnitId};
use policy::{Contact, PolicyTable};
use score::World;
use std::cell::RefCell;

thread_local! {
    /// Grows to the catalog once and is reused by all decisions of the thread.
    static WORKSPACE: RefCell<Workspace> = RefCell::default();
}

/// Decides with the workspace of this thread. A panic leaves it borrowed by nobody: the guard is
/// dropped on the way out, and the workspace is replaced, for it may be half changed.
pub(crate) fn with_workspace<R>(work: impl FnOnce(&mut Workspace) -> R) -> R {
    WORKSPACE.with_borrow_mut(|workspace| {
        let mut own = std::mem::take(workspace);
        let result = work(&mut own);
        *workspace = own;
        result
    })
}

/// The whole answer to one request: a slate, or the slates of a page.
pub(crate) fn answer(
    inner: &Inner,
    caller: &Caller,
    request: &RecommendRequest<'_>,
    unknown_fields: Vec<String>,
) -> Result<Vec<u8>, Problem> {
    let stopwatch = Stopwatch::start();
    let now = inner.clock.now();
    let served = inner.served.load();
    // Before anything of a customer is read, who may be erased meanwhile.
    let begun = served.memo.begin();
    let placements = placements_of(request)?;
    let strangers = Strangers::new();
    let question = Question::of(request, &served, &inner.live, caller, (now, &strangers))?;
    let unit = unit_of(&question, request, now);
    let holdout = inner.settings.holdout.as_ref();
    let assignment = holdout.zip(unit).map(|(holdout, unit)| holdout.assign(unit));
    let running = inner.experiments.load();
    let pass = Pass {
        inner,
        caller,
        served: &served,
        request,
        now,
        stopwatch,
        page: page_key(request),
        assignment,
        running: &running,
        unit: unit.filter(|_| !running.is_empty()).map(|unit| unit.id(inner.settings.unit_key)),
        visitor: unit,
    };
    let mut asked = vec![Asked { served: &served, begun, question }];
    pass.ask_variants(&mut asked, &placements, &strangers)?;
    pass.prepare(&mut asked, &placements, unknown_fields);
    match (&request.placements, placements.as_slice()) {
        (None, [placement]) => Ok(pass.slate(&mut asked, *placement)),
        _ => Ok(pass.slates(&mut asked, &placements)),
    }
}

/// A world, and what it is asked.
struct Asked<'a> {
    served: &'a Served,
    begun: Begun,
    question: Question<'a>,
}

/// Slates of one page are asked with the same page and session. Without a session, all visitors
/// would share one page.
fn page_key(request: &RecommendRequest<'_>) -> Option<String> {
    let page_id = request.page_id.as_deref()?;
    let session_id = request.session_id.as_deref()?;
    Some(format!("{session_id}\0{page_id}"))
}

/// One pass through the hot path.
struct Pass<'a> {
    inner: &'a Inner,
    caller: &'a Caller,
    served: &'a Served,
    request: &'a RecommendRequest<'a>,
    now: Timestamp,
    stopwatch: Stopwatch,
    page: Option<String>,
    assignment: Option<Assignment>,
    running: &'a Running,
    /// Known only while experiments run.
    unit: Option<UnitId>,
    visitor: Option<Unit<'a>>,
}

impl<'a> Pass<'a> {
    /// What is asked of the worlds of variants: the same, with what it means there.
    fn ask_variants(
        &self,
        asked: &mut Vec<Asked<'a>>,
        placements: &[Placement],
        strangers: &'a Strangers,
    ) -> Result<(), Problem> {
        if self.served.beside.is_empty() {
            return Ok(());
        }
        for placement in placements {
            let served = self.treatment(*placement).served.unwrap_or(self.served);
            if place_of(asked, served).is_none() {
                let begun = served.memo.begin();
                let told = (self.now, strangers);
                let live = &self.inner.live;
                let question = Question::of(self.request, served, live, self.caller, told)?;
                asked.push(Asked { served, begun, question });
            }
        }
        Ok(())
    }

    /// Remarks, and what other slates of the page show.
    fn prepare(
        &self,
        asked: &mut [Asked<'_>],
        placements: &[Placement],
        unknown_fields: Vec<String>,
    ) {
        for Asked { question, .. } in &mut *asked {
            question.remark_on_language(&self.inner.settings.languages);
            let unknown = unknown_fields.iter().cloned();
            question.remarks.extend(unknown.map(Remark::UnknownField));
            if self.page.is_none() && self.request.page_id.is_some() {
                question.remarks.push(Remark::PageWithoutSession);
            }
        }
        let Some(page) = &self.page else { return };
        self.inner.live.pages.update(page, self.now, |shown| {
            // A placement that is asked for again is a reload: it may show what it showed.
            shown.retain(|(placement, _)| !placements.contains(placement));
            for Asked { served, question, .. } in asked {
                let others = shown.iter().flat_map(|(_, item_ids)| item_ids);
                question.exclude.extend(others.filter_map(|id| served.world.item_idx(id)));
            }
        });
    }

    fn slates(&self, asked: &mut [Asked<'_>], placements: &[Placement]) -> Vec<u8> {
        let mut out = JsonText::with_capacity(placements.len() * 4_096);
        out.raw("{\"slates\":[");
        for (at, placement) in placements.iter().enumerate() {
            if at > 0 {
                out.raw(",");
            }
            let slate = self.slate(asked, *placement);
            out.part(&slate);
        }
        out.raw("],\"took_ms\":");
        out.float(self.stopwatch.elapsed_us() as f64 / 1e3, 3);
        out.raw("}");
        out.into_bytes()
    }

    /// Decides, writes and records one slate; what it offers is excluded from the next.
    fn slate(&self, all: &mut [Asked<'_>], placement: Placement) -> Vec<u8> {
        let treatment = self.treatment(placement);
        let served = treatment.served.unwrap_or(self.served);
        let at = place_of(all, served).unwrap_or(0);
        let Asked { begun, question, .. } = &all[at];
        let world = &served.world;
        let policies = treatment.policies.or(served.policies.as_deref());
        let id = self.inner.ids.next(self.now);
        let arm = self.arm(question, policies, placement, id);
        let key = self.inner.settings.unit_key;
        let asked = as_spent_on(question.at(placement, policies), self.visitor, key);
        let mut asked = as_arm(asked, arm.as_ref());
        asked.count = asked.count.or(treatment.count);
        let memo = &served.memo;
        let ((known, was_known), live) = settled(served.live.as_deref(), || {
            with_workspace(|workspace| memo.decide(world, (*begun, &asked), workspace))
        });
        self.inner.metrics.n_answers_known.add(u64::from(was_known));
        let drawn = draw(&known.decision, id);
        let changed = known.decision.with_drawn(&drawn);
        let decision = changed.as_ref().unwrap_or(&known.decision);
        // Not at the first time: most carts are asked about once.
        let languages = &self.inner.settings.languages;
        let language = question.language(languages);
        let is_as_known = was_known && changed.is_none();
        let written = (is_as_known && std::ptr::eq(language, languages.first()))
            .then(|| known.made(|decision| Written::of(language, world, decision)));
        let mut out = JsonText::with_capacity(size_hint(decision));
        let is_explained = self.request.explain.unwrap_or(false);
        let explanation = is_explained.then(|| explained(served, question, &drawn, arm));
        let slate = Slate {
            id: Some(id),
            is_trusted: self.caller.is_trusted(),
            placement,
            decision,
            written,
            language,
            policies,
            remarks: &question.remarks,
            assignment: self.assignment,
            treatment: &treatment,
            explanation,
            took_us: self.stopwatch.elapsed_us(),
        };
        write_slate(&mut out, world, &slate);
        let head = RecordHead {
            id,
            at: self.now,
            key_id: self.caller.key_id(),
            location_id: self.request.location_id.as_deref(),
            assignment: self.assignment,
            treatment: &treatment,
            unit: self.unit,
            person: question.recorded_person(),
            took_us: self.stopwatch.elapsed_us(),
            live,
            drawn: &drawn,
            arm,
        };
        keep_record(self.inner, served, &head, &asked, decision, written);
        let (is_shown, is_seen) = (!treatment.is_withheld, !head.is_withheld());
        if is_shown {
            self.remember(all, at, (placement, decision));
        }
        if is_seen {
            self.note_shown(all, at, (placement, decision));
        }
        self.inner.metrics.decision_time.record(self.stopwatch.elapsed());
        out.into_bytes()
    }

    /// Who is held out of everything is in no experiment.
    fn treatment(&self, placement: Placement) -> Treatment<'a> {
        match is_held_out(self.assignment) {
            true => Treatment::default(),
            false => Treatment::of(self.running, self.served, self.unit, placement.as_str()),
        }
    }

    /// Who cannot be told from others is one for each answer, and compared with nobody. A customer
    /// whom the store does not know counts as their visit, for nobody could erase what is recorded
    /// of them.
    fn arm(
        &self,
        question: &Question<'_>,
        policies: Option<&PolicyTable>,
        placement: Placement,
        id: RecommendationId,
    ) -> Option<Arm> {
        let key = self.inner.settings.unit_key;
        let visit = || self.request.session_id.as_deref().map(Unit::Session);
        let recorded = match self.visitor {
            Some(Unit::Customer(_)) if question.customer.is_none() => visit(),
            Some(Unit::LocationDay(..)) => None,
            visitor => visitor,
        };
        let is_recorded = recorded.is_some();
        let visitor = recorded.or(self.visitor);
        let unit = || visitor.map_or(UnitId(id.seed()), |visitor| visitor.id(key));
        Arm::of(policies, placement, (unit, is_recorded), key)
    }

    /// Where contact policies ask, what is answered counts as shown: in all worlds.
    fn note_shown(
        &self,
        all: &mut [Asked<'_>],
        at: usize,
        (placement, decision): (Placement, &Decision),
    ) {
        let Asked { served, question, .. } = &all[at];
        let Some(person) = question.contacts.person.filter(|_| served.asks_contacts()) else {
            return;
        };
        let shown = Shown { person, placement, channel: question.channel, now: self.now };
        let contacts = self.inner.note_offered(&served.world, &shown, decision);
        let from = &served.world;
        for asked in all {
            let to = &asked.served.world;
            let told = contacts.iter().filter_map(|contact| {
                let item = same_item(from, to, contact.item)?;
                Some(Contact { item, ..*contact })
            });
            asked.question.contacts.add(told);
        }
    }

    fn remember(
        &self,
        all: &mut [Asked<'_>],
        at: usize,
        (placement, decision): (Placement, &Decision),
    ) {
        let world = &all[at].served.world;
        for asked in &mut *all {
            let to = &asked.served.world;
            let offered = shown_items(decision).filter_map(|item| same_item(world, to, item));
            asked.question.exclude.extend(offered);
        }
        let Some(page) = &self.page else { return };
        let item_ids = shown_items(decision).map(|item| world.item_id(item).into());
        // At most one entry a placement of one request, for those of before were dropped.
        self.inner.live.pages.update(page, self.now, |shown| {
            shown.push((placement, item_ids.collect()));
        });
    }
}

/// Of offers, and what bundles add.
fn shown_items(decision: &Decision) -> impl Iterator<Item = u32> {
    let added = decision.bundles.iter().flat_map(|bundle| &bundle.missing).copied();
    decision.offers.iter().map(|offer| offer.item).chain(added)
}

/// Where a world stands among those that are asked.
fn place_of(asked: &[Asked<'_>], served: &Served) -> Option<usize> {
    asked.iter().position(|asked| std::ptr::eq(asked.served, served))
}

/// An item of one world in another.
fn same_item(from: &World, to: &World, item: u32) -> Option<u32> {
    if std::ptr::eq(from, to) { Some(item) } else { to.item_idx(from.item_id(item)) }
}

fn explained<'a>(
    served: &'a Served,
    question: &Question<'_>,
    drawn: &'a [Drawn],
    arm: Option<Arm>,
) -> Explanation<'a> {
    Explanation {
        snapshot: &served.snapshot_id,
        n_cart: question.cart.len(),
        n_session: question.session.len(),
        n_bought_since: question.bought_since.len(),
        drawn,
        arm,
    }
}

/// What stands in the places that are explored, drawn by the name of the answer.
fn draw(decision: &Decision, id: RecommendationId) -> Vec<Drawn> {
    decision.choice.as_ref().map(|choice| choice.draw(id.seed())).unwrap_or_default()
}

/// Decides for a page of our own; recorded as any other answer.
pub(crate) fn decide_for_page(
    inner: &Inner,
    served: &Stand,
    asked: &Request<'_>,
    session_id: &str,
) -> (RecommendationId, Decision) {
    let now = inner.clock.now();
    let id = inner.ids.next(now);
    let contacts = &inner.live.contacts;
    let session = contacts.session(session_id);
    let contacts = AskedContacts::of(contacts, served, [None, Some(session)], now, false);
    let holdout = inner.settings.holdout.as_ref();
    let assignment = holdout.map(|holdout| holdout.assign(Unit::Session(session_id)));
    let running = inner.experiments.load();
    let key = inner.settings.unit_key;
    let visit = || Unit::Session(session_id).id(key);
    let unit = (!running.is_empty()).then(visit);
    let treatment = match is_held_out(assignment) {
        true => Treatment::default(),
        false => served.treatment(&running, unit, asked.placement.as_str()),
    };
    let circumstances = Circumstances { contact: contacts.facts(), ..asked.circumstances };
    let asked = Request { resting: &contacts.resting, circumstances, ..asked.clone() };
    let mut asked = under_policies(served, &asked, now);
    asked.policies = treatment.policies.or(asked.policies);
    asked.count = treatment.count.or(asked.count);
    let arm = Arm::of(asked.policies, asked.placement, (visit, true), key);
    let asked = as_arm(asked, arm.as_ref());
    let stopwatch = Stopwatch::start();
    let (decision, live) = settled(served.live.as_deref(), || {
        with_workspace(|workspace| decide::decide(&served.world, &asked, workspace))
    });
    let drawn = draw(&decision, id);
    let mut decision = decision.with_drawn(&drawn).unwrap_or(decision);
    let head = RecordHead {
        id,
        at: now,
        key_id: None,
        location_id: None,
        assignment,
        treatment: &treatment,
        unit,
        person: Some(session),
        took_us: stopwatch.elapsed_us(),
        live,
        drawn: &drawn,
        arm,
    };
    keep_record(inner, served, &head, &asked, &decision, None);
    if is_held_out(assignment) || treatment.is_withheld {
        decision.offers.clear();
    }
    if served.asks_contacts() {
        let shown = Shown { person: session, placement: asked.placement, channel: None, now };
        inner.note_offered(&served.world, &shown, &decision);
    }
    (id, decision)
}

/// What a page of our own asks, under the policies in force.
pub(crate) fn under_policies<'a>(
    served: &'a Served,
    asked: &Request<'a>,
    now: Timestamp,
) -> Request<'a> {
    let circumstances = Circumstances { now: Some(now), ..asked.circumstances };
    Request { policies: served.policies.as_deref(), circumstances, ..asked.clone() }
}

fn keep_record(
    inner: &Inner,
    served: &Served,
    head: &RecordHead<'_>,
    asked: &Request<'_>,
    decision: &Decision,
    written: Option<&Written>,
) {
    let payload = write_record(served, head, asked, decision, written);
    let (customer_idx, assignment) = (asked.customer, head.assignment);
    let entry = DecisionEntry { id: head.id, at: head.at, customer_idx, assignment, payload };
    inner.recent.offer(&entry);
    inner.ledger.record(entry);
    let n_shown = if head.is_withheld() { 0 } else { decision.offers.len() };
    inner.metrics.count_decision(decision.rung, n_shown);
    inner.metrics.n_policies_unknown.add(decision.n_policies_unknown as u64);
}

#[cfg(test)]
mod bundle_tests;

#[cfg(test)]
mod contact_tests;

#[cfg(test)]
mod experiment_tests;

#[cfg(test)]
mod known_tests;

#[cfg(test)]
mod policy_tests;

#[cfg(test)]
mod snapshot_variant_tests;

#[cfg(test)]
mod visit_order_tests;
