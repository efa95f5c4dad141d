//! `GET /v1/decisions/{id}` and `…/why_not?item_id=`.

use super::{admit, json};
use crate::extract::{PathIn, QueryIn};
use crate::keys::Scope;
use crate::problem::{Code, Problem, ProblemBody};
use crate::recommend::with_workspace;
use crate::record::Record;
use crate::replay::{Present, Replay, Scene, replay};
use crate::state::{AppState, Inner};
use crate::wire::WarningOut;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use decide::WhyNot;
use policy::{ContactStop, PolicyTable};
use score::World;
use serde::{Deserialize, Serialize};

/// The record of one answer: what was asked, what was known, what came out.
#[utoipa::path(get, path = "/v1/decisions/{id}", tag = "Decisions",
    params(("id" = String, Path, description = "The `recommendation_id` of an answer")),
    responses(
        (status = 200, description = "The record", body = serde_json::Value),
        (status = 404, description = "No such decision, or it is older than the retention",
            body = ProblemBody<'static>),
    ))]
pub(super) async fn get_decision(
    State(state): State<AppState>,
    PathIn(id): PathIn,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&state, &headers, Scope::Server)?;
    find(&state.inner, &id).await.map(json)
}

#[derive(Debug, Deserialize)]
pub(super) struct WhyNotQuery {
    item_id: Option<String>,
}

/// Why an item was not offered.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WhyNotOut {
    item_id: String,
    /// `offered, stopped, outranked, too_alike, not_proposed`.
    verdict: &'static str,
    /// The gate that stopped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<&'static str>,
    /// Its place, from 1, among all that passed the gates.
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    text: String,
    /// The policy that stopped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<WhyNotPolicyOut>,
    /// What a cap or a rest counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<WhyNotContactOut>,
    /// True: nothing at all was shown, to measure what offers earn.
    is_held_out: bool,
    /// True: nothing was shown, because of the holdout or of an experiment.
    is_withheld: bool,
    /// False: the snapshot or the catalog of then is gone; the verdict is of what `warnings` say.
    is_same_snapshot: bool,
    /// False: the policies of then are gone; the verdict is of those of today.
    is_same_policies: bool,
    /// What is not as it was, and what the verdict cannot see.
    warnings: Vec<WarningOut>,
}

/// A policy that stopped an item.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WhyNotPolicyOut {
    name: String,
    kind: &'static str,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

/// What a contact policy counted for an item.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WhyNotContactOut {
    /// Contacts that count; with `at_most` it is closed.
    n: u32,
    at_most: u32,
    /// Over what time.
    within: String,
    /// When it opens again, if nothing is shown until then. Null when that is not known, or when
    /// the slate itself had enough of it.
    opens_at: Option<String>,
    /// False: what was shown is not known, so the policy closes.
    is_known: bool,
}

/// Asks the decision again, in the world of then, and tells where the item went.
#[utoipa::path(get, path = "/v1/decisions/{id}/why_not", tag = "Decisions",
    params(
        ("id" = String, Path, description = "The `recommendation_id` of an answer"),
        ("item_id" = String, Query, description = "The item that is missed"),
    ),
    responses(
        (status = 200, description = "Where the item went", body = WhyNotOut),
        (status = 404, description = "No such decision or item", body = ProblemBody<'static>),
    ))]
pub(super) async fn why_not(
    State(state): State<AppState>,
    PathIn(id): PathIn,
    QueryIn(query): QueryIn<WhyNotQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&state, &headers, Scope::Server)?;
    let item_id = query.item_id.ok_or_else(|| {
        Problem::new(Code::MissingField, "`?item_id=` names the item that is missed.").at("item_id")
    })?;
    let payload = find(&state.inner, &id).await?;
    // Opening a snapshot and deciding take a while: not on a thread that requests wait for.
    let inner = std::sync::Arc::clone(&state.inner);
    let asked = tokio::task::spawn_blocking(move || explain(&inner, &payload, &item_id));
    let out = asked.await.map_err(|panic| Problem::internal().because(panic))??;
    Ok(json(serde_json::to_vec(&out).expect("texts and numbers always serialize")))
}

/// Asks the decision again, in the world in which it was decided.
fn explain(inner: &Inner, payload: &[u8], item_id: &str) -> Result<WhyNotOut, Problem> {
    let served = inner.served.load();
    let present = Present::of(&served);
    let mut scene = Scene::of(inner.archive.get(), &present, payload)
        .ok_or_else(|| Problem::internal().because("a decision record cannot be read"))?;
    let responses_version = served.world.responses.version();
    let is_same = scene.record().responses_version().is_none_or(|then| then == responses_version);
    if is_same && scene.record().is_of(&served.snapshot_id, inner.catalog_changed_at()) {
        scene.unchanged();
    }
    let world = &scene.world;
    let Some(item) = world.item_idx(item_id) else {
        let is_new = served.world.item_idx(item_id).is_some();
        let detail = match is_new {
            true => "The catalog had no item with this id when it was decided.",
            false => "The catalog has no item with this id.",
        };
        return Err(Problem::new(Code::ItemNotFound, detail));
    };
    let verdict = scene.ask(|world, asked| {
        with_workspace(|workspace| {
            let verdict = decide::why_not(world, asked, item, workspace);
            let stop = match verdict {
                WhyNot::Stopped(decide::Gate::Policy(policy)) => {
                    decide::contact_stop(world, asked, (policy, item), workspace)
                }
                _ => None,
            };
            (verdict, stop)
        })
    });
    let (verdict, stop) = verdict
        .ok_or_else(|| Problem::internal().because("a decision record names no placement"))?;
    let record = scene.record();
    let mut out = told(world, item, verdict, scene.is_of_then());
    out.is_held_out = record.is_held_out();
    out.tell_drawn(record);
    let causes = scene.causes().iter();
    out.warnings = causes.map(|cause| warning(cause.code, &cause.detail)).collect();
    out.is_same_policies = !scene.causes().iter().any(|cause| cause.code == "policies_gone");
    if let (WhyNot::Stopped(decide::Gate::Policy(policy)), Some(policies)) =
        (verdict, &scene.policies)
        && out.verdict == "stopped"
    {
        out.tell_policy(policies, policy);
        if let Some(stop) = stop {
            out.tell_contact(&stop);
        }
    }
    out.tell_withheld(record);
    Ok(out)
}

/// Decides again what was decided then, from what was in force then, and compares.
#[utoipa::path(get, path = "/v1/decisions/{id}/replay", tag = "Decisions",
    params(("id" = String, Path, description = "The `recommendation_id` of an answer")),
    responses(
        (status = 200, description = "Whether the same comes out, else what differs and why",
            body = Replay),
        (status = 404, description = "No such decision, or it is older than the retention",
            body = ProblemBody<'static>),
    ))]
pub(super) async fn replay_decision(
    State(state): State<AppState>,
    PathIn(id): PathIn,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&state, &headers, Scope::Server)?;
    let payload = find(&state.inner, &id).await?;
    // Opening a snapshot and deciding take a while: not on a thread that requests wait for.
    let inner = std::sync::Arc::clone(&state.inner);
    let replayed = tokio::task::spawn_blocking(move || {
        let present = Present::of(&inner.served.load());
        replay(inner.archive.get(), &present, &payload)
    });
    let replayed = replayed.await.map_err(|panic| Problem::internal().because(panic))?;
    let replayed =
        replayed.ok_or_else(|| Problem::internal().because("a decision record cannot be read"))?;
    Ok(json(serde_json::to_vec(&replayed).expect("texts and numbers always serialize")))
}

impl WhyNotOut {
    fn tell_policy(&mut self, policies: &PolicyTable, policy: u16) {
        let version = policies.version();
        let policy = policies.policy(policy);
        let (name, kind) = (policy.name.clone(), policy.kind.as_str());
        self.text = format!("The {kind} policy \"{name}\" (version {version}) stops it.");
        let (owner, comment) = (policy.owner.clone(), policy.comment.clone());
        self.policy = Some(WhyNotPolicyOut { name, kind, version, owner, comment });
    }
}

impl WhyNotOut {
    /// Where places were drawn, the record says who stood there.
    fn tell_drawn(&mut self, record: &Record) {
        let Some(explored) = &record.explored else { return };
        let stood = record.offers().iter().position(|offer| offer.item_id == self.item_id);
        match stood.map(|at| at + 1) {
            Some(place) => {
                let is_drawn = explored.places.iter().any(|drawn| drawn.0 == place);
                (self.verdict, self.gate, self.score) = ("offered", None, None);
                self.rank = Some(place);
                let why = if is_drawn { ", which was drawn, to learn from" } else { "" };
                self.text = format!("Offered at place {place}{why}.");
            }
            None if self.verdict == "offered" => {
                self.verdict = "outranked";
                self.text = "It was good enough; its place was drawn for another offer, to learn \
                             from (`explored` in the record)."
                    .to_owned();
            }
            None => {}
        }
    }

    fn tell_contact(&mut self, stop: &ContactStop) {
        let within = policy::contact::window_text(stop.window_us);
        let opens_at = stop.opens_at.map(|at| at.to_string());
        let told = match (&opens_at, stop.is_unknown) {
            (_, true) => " What was shown before is not known, so it closes.".to_owned(),
            (Some(at), _) => {
                format!(" It counts {} of {} in {within}; it opens at {at}.", stop.n, stop.at_most)
            }
            (None, _) => format!(
                " It counts {} of {} in {within}, and the slate has the rest.",
                stop.n, stop.at_most
            ),
        };
        self.text.push_str(&told);
        let (n, at_most, is_known) = (stop.n, stop.at_most, !stop.is_unknown);
        self.contact = Some(WhyNotContactOut { n, at_most, within, opens_at, is_known });
    }
}

impl WhyNotOut {
    /// Where nothing was shown, whatever was decided.
    fn tell_withheld(&mut self, record: &Record) {
        if !record.is_withheld() {
            return;
        }
        let why = match record.is_held_out() {
            true => {
                "This visit is held out: it was shown nothing, so that it can be told what offers \
                 earn."
            }
            false => {
                "An experiment showed this visit nothing, to compare it with those who saw offers."
            }
        };
        self.is_withheld = true;
        self.text = format!("{why} Otherwise: {}", self.text);
    }
}

fn warning(code: &str, detail: &str) -> WarningOut {
    WarningOut { code: code.to_owned(), detail: detail.to_owned() }
}

async fn find(inner: &Inner, id: &str) -> Result<Vec<u8>, Problem> {
    let found = inner.ledger.find_decision(id).await.map_err(super::storage_problem)?;
    found.ok_or_else(|| {
        let detail = "No decision has this recommendation_id; it may be older than the retention, \
                      or it was given up under load.";
        Problem::new(Code::DecisionNotFound, detail)
    })
}

fn told(world: &World, item: u32, verdict: WhyNot, is_same_snapshot: bool) -> WhyNotOut {
    let blank = WhyNotOut {
        item_id: world.item_id(item).to_owned(),
        verdict: "offered",
        gate: None,
        rank: None,
        score: None,
        text: String::new(),
        policy: None,
        contact: None,
        is_held_out: false,
        is_withheld: false,
        is_same_snapshot,
        is_same_policies: true,
        warnings: Vec::new(),
    };
    match verdict {
        WhyNot::Offered { rank } => {
            WhyNotOut { rank: Some(rank), text: format!("Offered at place {rank}."), ..blank }
        }
        WhyNot::Stopped(gate) => WhyNotOut {
            verdict: "stopped",
            gate: Some(gate.as_str()),
            text: gate_text(gate).to_owned(),
            ..blank
        },
        WhyNot::Outranked { rank, score } => WhyNotOut {
            verdict: "outranked",
            rank: Some(rank),
            score: Some(score),
            text: format!(
                "It passed every gate; others ranked higher, it came in at place {rank}."
            ),
            ..blank
        },
        WhyNot::TooAlike { rank, score } => WhyNotOut {
            verdict: "too_alike",
            rank: Some(rank),
            score: Some(score),
            text: format!(
                "By score it came in at place {rank}; it gave way to one that is less like the \
                 offers above, for this placement asks for diversity."
            ),
            ..blank
        },
        WhyNot::NotProposed => WhyNotOut {
            verdict: "not_proposed",
            text: "Nothing speaks for it here: it was not bought with what is in the context."
                .to_owned(),
            ..blank
        },
    }
}

fn gate_text(gate: decide::Gate) -> &'static str {
    use decide::Gate;
    match gate {
        Gate::InContext => "It is in the cart, or the page is about it.",
        Gate::VariantInContext => "It is a variant of something in the cart or on the page.",
        Gate::Substitute => {
            "It takes the place of something in the cart or on the page, so it is no add-on."
        }
        Gate::NotCovered => {
            "It is a plan, and nothing here lacks it: it covers nothing in the cart or on the \
             page, another plan covers that already, or plans are not offered here."
        }
        Gate::Excluded => "It is on the caller's list, or another slate of the page shows it.",
        Gate::VariantOffered => "Another variant of it stands in the slate.",
        Gate::JustBought => "The customer has just bought it.",
        Gate::Held => "The customer has it already.",
        Gate::Dismissed => "The customer dismissed it not long ago: it rests.",
        Gate::Fee => "It is a fee; fees are never offered.",
        Gate::Hidden => "It is hidden in the catalog.",
        Gate::OutOfStock => "It is out of stock.",
        Gate::FilterCategory => "It is in none of the categories of the filter.",
        Gate::FilterPrice => "Its price lies outside the filter, or it has none.",
        Gate::Policy(_) => "A policy stops it.",
        Gate::PriceShare => {
            "It is too dear beside this cart, or its price or that of the cart is not known."
        }
        Gate::Relation => "It stands to the context in a way that this placement does not want.",
        Gate::TooFew => "Too few offers were found, and this placement shows enough or none.",
        Gate::NewShare => {
            "The places that are left are for what the customer never bought, and this they have \
             bought."
        }
        Gate::InterruptionCost => {
            "The whole slate is not expected to earn what it costs to interrupt here."
        }
        Gate::NoValue => "A sale of it earns nothing, and this placement ranks by what sales earn.",
        Gate::MarketingRefused => "The customer refused to be contacted to be sold something.",
        Gate::NoUplift => {
            "Offers are not expected to bring more of this customer, and this placement spends \
             them on those of whom they are."
        }
        Gate::NoEvidence => "No significant pair speaks for it, and this placement asks for one.",
    }
}
