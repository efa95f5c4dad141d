//! The record of one answer: everything that is needed to say later why it came out so.
//!
//! Items stand by their external ids, so that a record outlives its snapshot. No customer id: the
//! pseudonymous index is kept beside the record, and erasing a customer erases the record.

mod asked;
mod contact;

use self::asked::{Asked, AskedLine};
pub(crate) use self::contact::RecordedContacts;
use crate::answer::{Written, write_amount, write_evidence, write_outcome, write_touch};
use crate::holdout::{HELD_OUT, variant_of};
use crate::json_text::JsonText;
use crate::live::Person;
use crate::question::item_ref;
use crate::reason::page_reason;
use crate::recommendation_id::RecommendationId;
use crate::state::Served;
use crate::treatment::Treatment;
use crate::wire::EvidenceOut;
use decide::{
    About, CartLine, Circumstances, Decision, Evidence, Filter, ItemRef, KnownCustomer,
    MAX_ANCHORS, MAX_CONTEXT, Offer, Placement, Reason, ReasonCode, Relation, Request,
};
use events::{Amount, Timestamp};
use history::Assignment;
use measure::assignment::UnitId;
use policy::{ContactFacts, PolicyTable};
use score::World;
use serde::Deserialize;

/// Format of the record; a reader refuses what it does not know.
const VERSION: u64 = 1;
/// Unknown items that are recorded, and what of their ids.
const MAX_UNKNOWN: usize = 20;
const MAX_UNKNOWN_CHARS: usize = 100;

/// Who asked when, beside what was asked.
pub(crate) struct RecordHead<'a> {
    pub(crate) id: RecommendationId,
    pub(crate) at: Timestamp,
    pub(crate) key_id: Option<&'a str>,
    pub(crate) location_id: Option<&'a str>,
    pub(crate) assignment: Option<Assignment>,
    pub(crate) treatment: &'a Treatment<'a>,
    /// Of experiments.
    pub(crate) unit: Option<UnitId>,
    /// Whose contacts are counted, where policies ask.
    pub(crate) person: Option<Person>,
    pub(crate) took_us: u64,
}

pub(crate) fn write_record(
    served: &Served,
    head: &RecordHead<'_>,
    request: &Request<'_>,
    decision: &Decision,
    written: Option<&Written>,
) -> Vec<u8> {
    let world = &served.world;
    let mut out = JsonText::with_capacity(768 + decision.offers.len() * 288);
    out.raw("{\"version\":");
    out.number(VERSION);
    out.raw(",\"at_us\":");
    out.number(u64::try_from(head.at.0).unwrap_or(0));
    out.raw(",\"snapshot\":");
    out.string(&served.snapshot_id);
    write_policies(&mut out, decision);
    for (name, id) in [(",\"key\":", head.key_id), (",\"location_id\":", head.location_id)] {
        if let Some(id) = id {
            out.raw(name);
            out.string(id);
        }
    }
    out.raw(",\"asked\":{\"placement\":\"");
    out.raw(request.placement.as_str());
    out.raw("\",\"anchors\":");
    let anchors = &request.anchors[..request.anchors.len().min(MAX_ANCHORS)];
    let n_unknown = &mut 0;
    let recorded = anchors.iter().filter(|item| is_recorded(item, n_unknown));
    list(&mut out, recorded, |out, item| write_ref(out, world, item));
    write_length(&mut out, ",\"n_anchors\":", request.anchors.len(), anchors.len());
    out.raw(",\"cart\":");
    let cart = &request.cart[request.cart.len().saturating_sub(MAX_CONTEXT)..];
    let recorded = cart.iter().filter(|line| is_recorded(&line.item, n_unknown));
    list(&mut out, recorded, |out, line| write_line(out, world, line));
    write_length(&mut out, ",\"n_cart\":", request.cart.len(), cart.len());
    for (name, items) in [
        (",\"session\":", request.session),
        (",\"bought_since\":", request.bought_since),
        (",\"exclude\":", request.exclude),
        (",\"resting\":", request.resting),
    ] {
        if items.is_empty() && name.contains("resting") {
            continue;
        }
        out.raw(name);
        list(&mut out, items, |out, item| out.string(world.item_id(*item)));
    }
    write_options(&mut out, request);
    out.raw("}");
    if let Some(assignment) = head.assignment {
        // What a held-out unit would have been shown stands under `offers` all the same.
        out.raw(",\"variant\":\"");
        out.raw(variant_of(assignment));
        out.raw("\"");
    }
    head.treatment.write_record(&mut out, head.unit, head.took_us);
    contact::write(&mut out, head, request);
    write_outcome(&mut out, decision);
    out.raw(",\"fallback\":\"");
    out.raw(decision.rung.as_str());
    out.raw("\",\"n_eligible\":");
    out.number(decision.n_eligible as u64);
    out.raw(",\"offers\":");
    match written {
        Some(written) => out.part(&written.recorded),
        None => write_recorded(&mut out, world, request.policies, &decision.offers),
    }
    out.raw("}");
    out.into_bytes()
}

/// The list of offers as it is recorded.
pub(crate) fn write_recorded(
    out: &mut JsonText,
    world: &World,
    policies: Option<&PolicyTable>,
    offers: &[Offer],
) {
    list(out, offers, |out, offer| {
        write_offer(out, world, offer);
        if let (Some(policies), Some(touch)) = (policies, &offer.policy) {
            write_touch(out, policies, touch);
        }
        out.raw("}");
    });
}

/// The numbers of an offer; its words can be made from them again.
fn write_offer(out: &mut JsonText, world: &World, offer: &Offer) {
    out.raw("{\"item_id\":");
    out.string(world.item_id(offer.item));
    out.raw(",\"score\":");
    out.estimate(f64::from(offer.score));
    for (name, word) in [
        (",\"relation\":\"", offer.relation.as_str()),
        ("\",\"rung\":\"", offer.rung.as_str()),
        ("\",\"code\":\"", offer.reason.code.as_str()),
    ] {
        out.raw(name);
        out.raw(word);
    }
    out.raw("\",\"evidence\":");
    match &offer.reason.evidence {
        Some(evidence) => write_evidence(out, world, evidence),
        None => out.raw("null"),
    }
    if let Some(about) = &offer.reason.about {
        out.raw(",\"about\":");
        out.string(world.item_id(about.item));
        out.raw(",\"units\":");
        out.number(about.n_units.into());
    }
}

/// Which policies were asked, and how many closed because something was not known.
fn write_policies(out: &mut JsonText, decision: &Decision) {
    let Some(version) = decision.policy_version else { return };
    out.raw(",\"policies\":{\"version\":");
    out.number(version);
    out.raw(",\"n_unknown\":");
    out.number(decision.n_policies_unknown as u64);
    out.raw("}");
}

/// What a client makes up is kept in part only, or a public key could fill the disk: an unknown
/// item counts in the decision as one that is unknown, whatever its id.
fn is_recorded(item: &ItemRef<'_>, n_unknown: &mut usize) -> bool {
    if matches!(item, ItemRef::Unknown { .. }) {
        *n_unknown += 1;
        return *n_unknown <= MAX_UNKNOWN;
    }
    true
}

/// How long a list was of which only a part is recorded.
fn write_length(out: &mut JsonText, name: &str, n_given: usize, n_used: usize) {
    if n_used < n_given {
        out.raw(name);
        out.number(n_given as u64);
    }
}

fn list<'a, T: 'a>(
    out: &mut JsonText,
    items: impl IntoIterator<Item = &'a T>,
    mut write: impl FnMut(&mut JsonText, &T),
) {
    out.raw("[");
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.raw(",");
        }
        write(out, item);
    }
    out.raw("]");
}

fn write_ref(out: &mut JsonText, world: &World, item: &ItemRef<'_>) {
    match item {
        ItemRef::Known(item) => out.string(world.item_id(*item)),
        ItemRef::Unknown { item_id } => {
            let end = item_id.char_indices().nth(MAX_UNKNOWN_CHARS).map_or(item_id.len(), |c| c.0);
            out.string(&item_id[..end]);
        }
    }
}

fn write_line(out: &mut JsonText, world: &World, line: &CartLine<'_>) {
    out.raw("{\"item_id\":");
    write_ref(out, world, &line.item);
    out.raw(",\"quantity\":");
    write_amount(out, line.quantity);
    write_optional(out, ",\"unit_price\":", line.unit_price);
    out.raw("}");
}

fn write_optional(out: &mut JsonText, name: &str, amount: Option<Amount>) {
    if let Some(amount) = amount {
        out.raw(name);
        write_amount(out, amount);
    }
}

/// What policies were told, so that the question can be asked again: of a customer only what the
/// policies ask for.
fn write_circumstances(out: &mut JsonText, request: &Request<'_>) {
    let told = &request.circumstances;
    let Some(policies) = request.policies else {
        // Plans may be sold in some countries only.
        if let Some(locale) = told.locale {
            out.raw(",\"locale\":");
            out.string(locale);
        }
        return;
    };
    for (name, text) in
        [("channel", told.channel), ("locale", told.locale), ("location", told.location)]
    {
        if let Some(text) = text {
            out.raw(",\"");
            out.raw(name);
            out.raw("\":");
            out.string(text);
        }
    }
    let Some(customer) = told.customer else { return };
    out.raw(",\"known\":{");
    if let Some(consent) = customer.consent {
        out.raw(if consent { "\"consent\":true," } else { "\"consent\":false," });
    }
    out.raw("\"attributes\":");
    let asked = policies.customer_attributes();
    let is_asked = |(name, _): &&(Box<str>, Box<str>)| asked.contains(name);
    list(out, customer.attributes.iter().filter(is_asked), |out, (name, value)| {
        out.raw("[");
        out.string(name);
        out.raw(",");
        out.string(value);
        out.raw("]");
    });
    if let (Some(holdings), true) = (&customer.holdings, policies.asks_holdings()) {
        out.raw(",\"holdings\":");
        list(out, holdings, |out, item_id| out.string(item_id));
    }
    if customer.bought_is_partial && policies.asks_bought() {
        out.raw(",\"bought_is_partial\":true");
    }
    out.raw("}");
}

fn write_options(out: &mut JsonText, request: &Request<'_>) {
    write_circumstances(out, request);
    if let Some(customer) = request.customer {
        out.raw(",\"customer\":");
        out.number(customer.into());
    }
    if let Some(category) = request.category {
        out.raw(",\"category\":");
        out.string(category);
    }
    if let Some(count) = request.count {
        out.raw(",\"count\":");
        out.number(count as u64);
    }
    if let Some(filter) = request.filter {
        out.raw(",\"filter\":{\"categories\":");
        list(out, &filter.categories, |out, category| out.string(category));
        write_optional(out, ",\"price_min\":", filter.price_min);
        write_optional(out, ",\"price_max\":", filter.price_max);
        out.raw(",\"relations\":");
        list(out, &filter.relations, |out, relation| out.string(relation.as_str()));
        out.raw("}");
    }
}

/// What was asked, read back from a record.
#[derive(Debug, Deserialize)]
pub(crate) struct Record {
    version: u64,
    #[serde(default)]
    at_us: i64,
    #[serde(default)]
    pub(crate) snapshot: String,
    variant: Option<String>,
    policies: Option<RecordedPolicies>,
    asked: Asked,
    contact: Option<contact::Contacted>,
    fallback: String,
    no_offer: Option<contact::RecordedNoOffer>,
    offers: Vec<RecordedOffer>,
}

#[derive(Debug, Deserialize)]
struct RecordedPolicies {
    version: u64,
}

/// One offer of a record.
#[derive(Debug, Deserialize)]
pub(crate) struct RecordedOffer {
    pub(crate) item_id: String,
    code: String,
    evidence: Option<EvidenceOut>,
    about: Option<String>,
    units: Option<u32>,
}

impl RecordedOffer {
    /// Why, in the words of the page; `None` when the item or its anchor is not known any more.
    pub(crate) fn reason(&self, world: &World) -> Option<String> {
        let evidence = match &self.evidence {
            Some(evidence) => Some(read_evidence(world, evidence)?),
            None => None,
        };
        let code = ReasonCode::ALL.into_iter().find(|code| code.as_str() == self.code)?;
        let item = world.item_idx(&self.item_id)?;
        let about = match &self.about {
            Some(item_id) => {
                Some(About { item: world.item_idx(item_id)?, n_units: self.units.unwrap_or(1) })
            }
            None => None,
        };
        Some(page_reason(world, item, &Reason { code, evidence, about }))
    }
}

fn read_evidence(world: &World, evidence: &EvidenceOut) -> Option<Evidence> {
    Some(Evidence {
        anchor: world.item_idx(&evidence.anchor_item_id)?,
        n_both: evidence.n_both,
        n_anchor: evidence.n_anchor,
        n_item: evidence.n_item,
        n_baskets: evidence.n_orders,
        lift: evidence.lift as f32,
        g2: evidence.g2 as f32,
        wilson_low: evidence.probability_low as f32,
        probability: evidence.probability as f32,
        n_after: evidence.n_after,
        n_before: evidence.n_before,
    })
}

/// A list of the request of which the record keeps a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) what: &'static str,
    pub(crate) n_given: usize,
    pub(crate) n_kept: usize,
}

impl Record {
    /// `None`: written by another version, or damaged.
    pub(crate) fn read(payload: &[u8]) -> Option<Record> {
        let record: Record = serde_json::from_slice(payload).ok()?;
        (record.version == VERSION).then_some(record)
    }

    pub(crate) fn placement(&self) -> &str {
        &self.asked.placement
    }

    pub(crate) fn fallback(&self) -> &str {
        &self.fallback
    }

    pub(crate) fn offers(&self) -> &[RecordedOffer] {
        &self.offers
    }

    /// Was it decided in the world of this snapshot, after the last change of its catalog?
    pub(crate) fn is_of(&self, snapshot_id: &str, catalog_changed_at: Timestamp) -> bool {
        self.snapshot == snapshot_id && catalog_changed_at.0 < self.at_us
    }

    /// Was nothing shown, so that it can be told what the offers earn?
    pub(crate) fn is_held_out(&self) -> bool {
        self.variant.as_deref() == Some(HELD_OUT)
    }

    /// The version of the policies that were asked.
    pub(crate) fn policy_version(&self) -> Option<u64> {
        self.policies.as_ref().map(|policies| policies.version)
    }

    /// What was given and is not in the record.
    pub(crate) fn cuts(&self) -> Vec<Cut> {
        let asked = &self.asked;
        let anchors = ("items that the page is about", asked.n_anchors, asked.anchors.len());
        let cart = ("cart lines", asked.n_cart, asked.cart.len());
        let cut = |(what, n_given, n_kept): (&'static str, Option<usize>, usize)| {
            Some(Cut { what, n_given: n_given?, n_kept })
        };
        [anchors, cart].into_iter().filter_map(cut).collect()
    }

    /// What the decision was asked about: anchors, then the cart.
    pub(crate) fn context(&self) -> impl Iterator<Item = &str> {
        let cart = self.asked.cart.iter().map(|line| line.item_id.as_str());
        self.asked.anchors.iter().map(String::as_str).chain(cart)
    }

    /// Asks the same again of the present world and its policies, as of the time of the record.
    pub(crate) fn ask_again<'s, R>(
        &'s self,
        served: &Served,
        contact: Option<ContactFacts<'_>>,
        ask: impl FnOnce(&Request<'_>) -> R,
    ) -> Option<R> {
        let (asked, world) = (&self.asked, &served.world);
        let known = |ids: &[String]| ids.iter().filter_map(|id| world.item_idx(id)).collect();
        let anchors: Vec<ItemRef<'_>> =
            asked.anchors.iter().map(|id| item_ref(world, id)).collect();
        let amount = |value: Option<f64>| Amount::from_f64(value?).ok();
        let line_of = |line: &'s AskedLine| CartLine {
            item: item_ref(world, &line.item_id),
            quantity: amount(line.quantity).unwrap_or(Amount::ONE),
            unit_price: amount(line.unit_price),
        };
        let cart: Vec<CartLine<'_>> = asked.cart.iter().map(line_of).collect();
        let session: Vec<u32> = known(&asked.session);
        let bought_since: Vec<u32> = known(&asked.bought_since);
        let exclude: Vec<u32> = known(&asked.exclude);
        let resting: Vec<u32> = known(&asked.resting);
        let customer = asked.known.as_ref().map(|known| KnownCustomer {
            consent: known.consent,
            attributes: known.attributes.clone(),
            holdings: known.holdings.clone(),
            bought_is_partial: known.bought_is_partial,
        });
        let filter = asked.filter.as_ref().map(|filter| Filter {
            categories: filter.categories.clone(),
            price_min: amount(filter.price_min),
            price_max: amount(filter.price_max),
            relations: filter.relations.iter().filter_map(|name| Relation::parse(name)).collect(),
        });
        Some(ask(&Request {
            anchors: &anchors,
            cart: &cart,
            session: &session,
            customer: asked.customer,
            bought_since: &bought_since,
            category: asked.category.as_deref(),
            count: asked.count,
            filter: filter.as_ref(),
            resting: &resting,
            exclude: &exclude,
            policies: served.policies.as_deref(),
            circumstances: Circumstances {
                now: Some(Timestamp(self.at_us)),
                channel: asked.channel.as_deref(),
                locale: asked.locale.as_deref(),
                location: asked.location.as_deref(),
                customer: customer.as_ref(),
                contact,
                refuses_contact: self.no_offer.as_ref().is_some_and(|no| no.is_refusal()),
            },
            ..Request::at(Placement::parse(&asked.placement)?)
        }))
    }
}
