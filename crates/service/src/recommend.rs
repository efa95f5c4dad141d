//! From a parsed request to the finished slates, without waiting for anything: the hot path.

use crate::answer::{Explanation, Remark, Slate, Written, size_hint, write_slate};
use crate::caller::Caller;
use crate::chronicle::settled;
use crate::clock::Stopwatch;
use crate::contacts::{AskedContacts, Shown};
use crate::holdout::{is_held_out, unit_of};
use crate::json_text::JsonText;
use crate::ledger::DecisionEntry;
use crate::outcomes::{Arm, as_arm};
use crate::problem::Problem;
use crate::question::{Question, Strangers, placements_of};
use crate::recommendation_id::RecommendationId;
use crate::record::{RecordHead, write_record};
use crate::state::{Inner, Served};
use crate::treatment::Treatment;
use crate::wire::RecommendRequest;
use decide::{Begun, Circumstances, Decision, Drawn, Placement, Request, Workspace};
use events::Timestamp;
use experiment::Running;
use history::Assignment;
use measure::assignment::{Unit, UnitId};
use policy::PolicyTable;
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
    let mut question = Question::of(request, &served, &inner.live, caller, (now, &strangers))?;
    question.remark_on_language(&inner.settings.languages);
    question.remarks.extend(unknown_fields.into_iter().map(Remark::UnknownField));
    let page = page_key(request);
    if let Some(page) = &page {
        inner.live.pages.update(page, now, |shown| {
            // A placement that is asked for again is a reload: it may show what it showed.
            shown.retain(|(placement, _)| !placements.contains(placement));
            let others = shown.iter().flat_map(|(_, item_ids)| item_ids);
            question.exclude.extend(others.filter_map(|id| served.world.item_idx(id)));
        });
    } else if request.page_id.is_some() {
        question.remarks.push(Remark::PageWithoutSession);
    }
    let unit = unit_of(&question, request, now);
    let holdout = inner.settings.holdout.as_ref();
    let assignment = holdout.zip(unit).map(|(holdout, unit)| holdout.assign(unit));
    let running = inner.experiments.load();
    let pass = Pass {
        inner,
        caller,
        served: &served,
        begun,
        request,
        now,
        stopwatch,
        page,
        assignment,
        running: &running,
        unit: unit.filter(|_| !running.is_empty()).map(|unit| unit.id(inner.settings.unit_key)),
        visitor: unit,
    };
    match (&request.placements, placements.as_slice()) {
        (None, [placement]) => Ok(pass.slate(&mut question, *placement)),
        _ => Ok(pass.slates(&mut question, &placements)),
    }
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
    begun: Begun,
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

impl Pass<'_> {
    fn slates(&self, question: &mut Question<'_>, placements: &[Placement]) -> Vec<u8> {
        let mut out = JsonText::with_capacity(placements.len() * 4_096);
        out.raw("{\"slates\":[");
        for (at, placement) in placements.iter().enumerate() {
            if at > 0 {
                out.raw(",");
            }
            let slate = self.slate(question, *placement);
            out.part(&slate);
        }
        out.raw("],\"took_ms\":");
        out.float(self.stopwatch.elapsed_us() as f64 / 1e3, 3);
        out.raw("}");
        out.into_bytes()
    }

    /// Decides, writes and records one slate; what it offers is excluded from the next.
    fn slate(&self, question: &mut Question<'_>, placement: Placement) -> Vec<u8> {
        let world = &self.served.world;
        let treatment = self.treatment(placement);
        let policies = treatment.policies.or(self.served.policies.as_deref());
        let id = self.inner.ids.next(self.now);
        let arm = self.arm(question, policies, placement, id);
        let mut asked = as_arm(question.at(placement, policies), arm.as_ref());
        asked.count = asked.count.or(treatment.count);
        let memo = &self.served.memo;
        let ((known, was_known), live) = settled(self.served.live.as_deref(), || {
            with_workspace(|workspace| memo.decide(world, (self.begun, &asked), workspace))
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
        let explanation = self.request.explain.unwrap_or(false).then(|| Explanation {
            snapshot: &self.served.snapshot_id,
            n_cart: question.cart.len(),
            n_session: question.session.len(),
            n_bought_since: question.bought_since.len(),
            drawn: &drawn,
            arm,
        });
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
        keep_record(self.inner, self.served, &head, &asked, decision, written);
        if !treatment.is_withheld {
            self.remember(question, placement, decision);
        }
        if !head.is_withheld() {
            self.note_shown(question, placement, decision);
        }
        self.inner.metrics.decision_time.record(self.stopwatch.elapsed());
        out.into_bytes()
    }

    /// Who is held out of everything is in no experiment.
    fn treatment(&self, placement: Placement) -> Treatment<'_> {
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

    /// Where contact policies ask, what is answered counts as shown.
    fn note_shown(&self, question: &mut Question<'_>, placement: Placement, decision: &Decision) {
        let Some(person) = question.contacts.person.filter(|_| self.served.asks_contacts()) else {
            return;
        };
        let shown = Shown { person, placement, channel: question.channel, now: self.now };
        let contacts = self.inner.note_offered(&self.served.world, &shown, decision);
        question.contacts.add(contacts);
    }

    fn remember(&self, question: &mut Question<'_>, placement: Placement, decision: &Decision) {
        question.exclude.extend(decision.offers.iter().map(|offer| offer.item));
        let Some(page) = &self.page else { return };
        let world = &self.served.world;
        let item_ids = decision.offers.iter().map(|offer| world.item_id(offer.item).into());
        // At most one entry a placement of one request, for those of before were dropped.
        self.inner.live.pages.update(page, self.now, |shown| {
            shown.push((placement, item_ids.collect()));
        });
    }
}

/// What stands in the places that are explored, drawn by the name of the answer.
fn draw(decision: &Decision, id: RecommendationId) -> Vec<Drawn> {
    decision.choice.as_ref().map(|choice| choice.draw(id.seed())).unwrap_or_default()
}

/// Decides for a page of our own; recorded as any other answer.
pub(crate) fn decide_for_page(
    inner: &Inner,
    served: &Served,
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
        false => Treatment::of(&running, served, unit, asked.placement.as_str()),
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
mod contact_tests;

#[cfg(test)]
mod experiment_tests;

#[cfg(test)]
mod known_tests;

#[cfg(test)]
mod policy_tests;

#[cfg(test)]
mod visit_order_tests;
