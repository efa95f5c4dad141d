//! From a parsed request to the finished slates, without waiting for anything: the hot path.

use crate::answer::{Explanation, Remark, Slate, size_hint, write_slate};
use crate::caller::Caller;
use crate::clock::Stopwatch;
use crate::json_text::JsonText;
use crate::ledger::DecisionEntry;
use crate::problem::Problem;
use crate::question::{Question, placements_of};
use crate::record::write_record;
use crate::state::{Inner, Served};
use crate::wire::RecommendRequest;
use bytes::Bytes;
use decide::{Decision, Placement, Workspace};
use events::Timestamp;
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
    let placements = placements_of(request)?;
    let mut question = Question::of(request, &served.world, &inner.live, caller, now)?;
    question.remarks.extend(unknown_fields.into_iter().map(Remark::UnknownField));
    let page = page_key(request);
    if let Some(page) = &page {
        inner.live.pages.read(page, now, |shown| {
            question.exclude.extend(shown.iter().filter_map(|id| served.world.item_idx(id)));
        });
    }
    let pass = Pass { inner, caller, served: &served, request, now, stopwatch, page };
    match (&request.placements, placements.as_slice()) {
        (None, [placement]) => Ok(pass.slate(&mut question, *placement)),
        _ => Ok(pass.slates(&mut question, &placements)),
    }
}

/// Slates of one page are asked with the same page and session.
fn page_key(request: &RecommendRequest<'_>) -> Option<String> {
    let page_id = request.page_id.as_deref()?;
    let session_id = request.session_id.as_deref().unwrap_or_default();
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
            out.raw(std::str::from_utf8(&slate).expect("a slate is written from texts"));
        }
        out.raw("],\"took_ms\":");
        out.float(self.stopwatch.elapsed_us() as f64 / 1e3, 3);
        out.raw("}");
        out.into_bytes()
    }

    /// Decides, writes and records one slate; what it offers is excluded from the next.
    fn slate(&self, question: &mut Question<'_>, placement: Placement) -> Vec<u8> {
        let world = &self.served.world;
        let asked = question.at(placement);
        let decision = with_workspace(|workspace| decide::decide(world, &asked, workspace));
        let id = self.inner.ids.next(self.now);
        let mut out = JsonText::with_capacity(size_hint(&decision));
        let explanation = self.request.explain.unwrap_or(false).then(|| Explanation {
            snapshot: &self.served.snapshot_id,
            n_cart: question.cart.len(),
            n_session: question.session.len(),
            n_bought_since: question.bought_since.len(),
        });
        let slate = Slate {
            id,
            placement,
            decision: &decision,
            remarks: &question.remarks,
            explanation,
            took_us: self.stopwatch.elapsed_us(),
        };
        write_slate(&mut out, world, &slate);
        let answer = out.into_bytes();
        let payload = write_record(self.served, self.caller.key_id(), self.now, &asked, &answer);
        self.record(DecisionEntry {
            id,
            at: self.now,
            customer_idx: question.customer,
            payload: Bytes::from(payload),
        });
        self.remember(question, &decision);
        self.inner.metrics.count_decision(decision.rung, decision.offers.len());
        self.inner.metrics.decision_time.record(self.stopwatch.elapsed());
        answer
    }

    fn record(&self, entry: DecisionEntry) {
        self.inner.recent.push(entry.clone());
        self.inner.ledger.record(entry);
    }

    fn remember(&self, question: &mut Question<'_>, decision: &Decision) {
        question.exclude.extend(decision.offers.iter().map(|offer| offer.item));
        let Some(page) = &self.page else { return };
        self.inner.live.pages.update(page, self.now, |shown| {
            for offer in &decision.offers {
                shown.push(self.served.world.item_id(offer.item).into());
            }
            // A page that asks without end forgets its first slates.
            let n_over = shown.len().saturating_sub(MAX_PAGE_ITEMS);
            shown.drain(..n_over);
        });
    }
}

const MAX_PAGE_ITEMS: usize = 1_000;
