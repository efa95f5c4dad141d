//! `GET /v1/decisions/{id}` and `…/why_not?item_id=`.

use super::{admit, json};
use crate::extract::{PathIn, QueryIn};
use crate::keys::Scope;
use crate::live::KnownContacts;
use crate::problem::{Code, Problem, ProblemBody};
use crate::recommend::with_workspace;
use crate::record::{Cut, Record};
use crate::replay::{Present, Replay, replay};
use crate::state::{AppState, Inner, Served};
use crate::wire::WarningOut;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use decide::WhyNot;
use events::Timestamp;
use policy::{ContactFacts, ContactKind, ContactStop, PolicyTable};
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
    /// False: the snapshot or the catalog changed since, or the server was started anew; the
    /// verdict is of now.
    is_same_snapshot: bool,
    /// False: other policies are in force by now; the verdict is theirs.
    is_same_policies: bool,
    /// What the verdict cannot see.
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

/// Asks the decision again and tells where the item went.
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
    let served = state.inner.served.load();
    let world = &served.world;
    let record = Record::read(&payload)
        .ok_or_else(|| Problem::internal().because("a decision record cannot be read"))?;
    let Some(item) = world.item_idx(&item_id) else {
        return Err(Problem::new(Code::ItemNotFound, "The catalog has no item with this id."));
    };
    let known = contacts_of(&state.inner, &served, &record);
    let contact = known.as_ref().map(|KnownContacts { entries, known_since }| ContactFacts {
        entries,
        known_since: *known_since,
    });
    let (verdict, stop) = record
        .ask_again(world, served.policies.as_deref(), contact, |asked| {
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
        })
        .ok_or_else(|| Problem::internal().because("a decision record names no placement"))?;
    let is_same = record.is_of(&served.snapshot_id, state.inner.catalog_changed_at());
    let mut out = told(world, item, verdict, is_same);
    out.is_held_out = record.is_held_out();
    let is_offered = record.offers().iter().any(|offer| offer.item_id == item_id);
    if record.explored.is_some() && out.verdict == "offered" && !is_offered {
        out.verdict = "outranked";
        out.text = "It was good enough; its place was drawn for another offer, to learn from \
                    (`explored` in the record)."
            .to_owned();
    }
    out.warnings = record.cuts().into_iter().map(cut_warning).collect();
    let policies = served.policies.as_deref();
    out.is_same_policies = record.policy_version() == policies.map(PolicyTable::version);
    if let (WhyNot::Stopped(decide::Gate::Policy(policy)), Some(policies)) = (verdict, policies) {
        out.tell_policy(policies, policy);
        if let Some(stop) = stop {
            out.tell_contact(&stop);
        }
    }
    if out.is_held_out {
        out.text = format!(
            "This visit is held out: it was shown nothing, so that it can be told what offers \
             earn. Otherwise: {}",
            out.text
        );
    }
    Ok(json(serde_json::to_vec(&out).expect("texts and numbers always serialize")))
}

/// What whoever asked had been shown by then; `None`: nobody can tell. The offers of the record
/// itself came after it was decided.
fn contacts_of(inner: &Inner, served: &Served, record: &Record) -> Option<KnownContacts> {
    let (contacts, world) = (&inner.live.contacts, &served.world);
    let (person, at) = record.person()?;
    let mut known = KnownContacts::default();
    contacts.read(person, world, Timestamp(at.0.saturating_add(1)), &mut known);
    let offers = record.offers().iter();
    let mut own: Vec<u32> = offers.filter_map(|offer| world.item_idx(&offer.item_id)).collect();
    known.entries.retain(|contact| {
        let is_then = contact.kind == ContactKind::Offered && contact.at == at;
        let own_at = own.iter().position(|item| is_then && *item == contact.item);
        own_at.map(|at| own.swap_remove(at)).is_none()
    });
    contacts.covers(served.contact_windows).then_some(known)
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

/// An item of a line that the decision did not read may be named here as one that was not stopped.
fn cut_warning(cut: Cut) -> WarningOut {
    let Cut { what, n_given, n_kept } = cut;
    WarningOut {
        code: "record_cut".to_owned(),
        detail: format!(
            "Of {n_given} {what} the record keeps {n_kept}; the verdict is as if the others had \
             not been there."
        ),
    }
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
        Gate::JustBought => "The customer has just bought it.",
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
        Gate::MarketingRefused => "The customer refused to be contacted to be sold something.",
        Gate::NoEvidence => "No significant pair speaks for it, and this placement asks for one.",
    }
}
