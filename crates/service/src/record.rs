//! The record of one answer: everything that is needed to say later why it came out so.
//!
//! Items stand by their external ids, so that a record outlives its snapshot. No customer id: the
//! pseudonymous index is kept beside the record, and erasing a customer erases the record.

mod asked;
mod contact;
mod read;

pub(crate) use self::contact::RecordedContacts;
pub(crate) use read::{Cut, Record, RecordedOffer};

use crate::answer::{Written, write_amount, write_evidence, write_rebuy};
use crate::bundles;
use crate::factors::write_touch;
use crate::holdout::variant_of;
use crate::json_text::JsonText;
use crate::live::Person;
use crate::no_offer;
use crate::outcomes::Arm;
use crate::recommendation_id::RecommendationId;
use crate::state::Served;
use crate::treatment::Treatment;
use decide::Request;
use decide::{CartLine, Decision, Drawn, ItemRef, MAX_ANCHORS, MAX_CONTEXT, Offer, OrderSince};
use events::{Amount, Timestamp};
use history::Assignment;
use measure::assignment::UnitId;
use policy::PolicyTable;
use score::World;
use xxhash_rust::xxh3::xxh3_64;

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
    /// Entries of the chronicle that were in force; `None`: not known.
    pub(crate) live: Option<u64>,
    pub(crate) drawn: &'a [Drawn],
    /// Where what comes of offers is learned from.
    pub(crate) arm: Option<Arm>,
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
    write_policies(&mut out, served, decision);
    for (name, id) in [(",\"key\":", head.key_id), (",\"location_id\":", head.location_id)] {
        if let Some(id) = id {
            out.raw(name);
            out.string(id);
        }
    }
    write_live(&mut out, served, head.live);
    out.raw(",\"asked\":");
    let asked_at = out.len();
    out.raw("{\"placement\":\"");
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
        (",\"held\":", request.held),
    ] {
        let is_rare = name.contains("resting") || name.contains("held");
        if items.is_empty() && is_rare {
            continue;
        }
        out.raw(name);
        list(&mut out, items, |out, item| out.string(world.item_id(*item)));
    }
    write_orders_since(&mut out, world, request.orders_since);
    write_options(&mut out, request);
    out.raw("}");
    let digest = digest_of(out.since(asked_at));
    out.raw(",\"digest\":");
    out.number(digest);
    write_variant(&mut out, head.assignment);
    head.treatment.write_record(&mut out, head.unit, head.took_us);
    write_arm(&mut out, head, decision);
    contact::write(&mut out, world, head, request);
    no_offer::write(&mut out, decision, true);
    no_offer::write_spend(&mut out, decision);
    write_outcome(&mut out, world, request.policies, decision, written);
    write_drawn(&mut out, head.id.seed(), head.drawn);
    out.raw("}");
    out.into_bytes()
}

/// What a held-out unit would have been shown stands under `offers` all the same.
fn write_variant(out: &mut JsonText, assignment: Option<Assignment>) {
    if let Some(assignment) = assignment {
        out.raw(",\"variant\":\"");
        out.raw(variant_of(assignment));
        out.raw("\"");
    }
}

/// What came out: the part that a replay compares.
pub(crate) fn write_outcome(
    out: &mut JsonText,
    world: &World,
    policies: Option<&PolicyTable>,
    decision: &Decision,
    written: Option<&Written>,
) {
    out.raw(",\"fallback\":\"");
    out.raw(decision.rung.as_str());
    out.raw("\",\"n_eligible\":");
    out.number(decision.n_eligible as u64);
    out.raw(",\"offers\":");
    match written {
        Some(written) => out.part(&written.recorded),
        None => write_recorded(out, world, policies, &decision.offers),
    }
    bundles::write_recorded(out, world, policies, &decision.bundles);
}

/// The places that were drawn: `[place, arm, arms, chance, chance of the best]`. The arm is told
/// among those that were left: 0 is the one that would stand there.
pub(crate) fn write_drawn(out: &mut JsonText, seed: u64, drawn: &[Drawn]) {
    if drawn.is_empty() {
        return;
    }
    out.raw(",\"explored\":{\"seed\":");
    out.number(seed);
    out.raw(",\"places\":");
    let mut taken: Vec<usize> = Vec::with_capacity(drawn.len());
    list(out, drawn, |out, drawn| {
        let arm = drawn.arm - taken.iter().filter(|before| **before < drawn.arm).count();
        taken.push(drawn.arm);
        for (mark, n) in [("[", drawn.place + 1), (",", arm), (",", drawn.n_arms)] {
            out.raw(mark);
            out.number(n as u64);
        }
        for chance in [drawn.chance, drawn.chance_of_best] {
            out.raw(",");
            out.float(chance, 6);
        }
        out.raw("]");
    });
    out.raw("}");
}

/// Of the question as it is recorded: a number that every reader of JSON can hold.
pub(crate) fn digest_of(asked: &[u8]) -> u64 {
    xxh3_64(asked) >> 11
}

/// Who learns from outcomes, and by which version.
fn write_arm(out: &mut JsonText, head: &RecordHead<'_>, decision: &Decision) {
    if let Some(arm) = head.arm {
        arm.write_record(out, decision);
    }
}

/// Which world it was beside the snapshot.
fn write_live(out: &mut JsonText, served: &Served, n: Option<u64>) {
    let Some((mark, n)) = served.live.as_ref().zip(n) else { return };
    out.raw(",\"live\":[\"");
    out.raw(&mark.epoch);
    out.raw("\",");
    out.number(n);
    out.raw("]");
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

/// `[[at_us, [items]], …]`; nothing where there are none.
fn write_orders_since(out: &mut JsonText, world: &World, orders: &[OrderSince]) {
    if orders.is_empty() {
        return;
    }
    out.raw(",\"orders_since\":");
    list(out, orders, |out, order| {
        out.raw("[");
        if order.at.0 < 0 {
            out.raw("-");
        }
        out.number(order.at.0.unsigned_abs());
        out.raw(",");
        list(out, &order.items, |out, item| out.string(world.item_id(*item)));
        out.raw("]");
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
    if let Some(rebuy) = &offer.reason.rebuy {
        write_rebuy(out, rebuy);
    }
    if let Some(likeness) = offer.likeness {
        out.raw(",\"likeness\":");
        out.estimate(f64::from(likeness));
    }
    for (name, factor) in [
        (",\"response\":", offer.response),
        (",\"here\":", offer.here),
        (",\"value\":", offer.value),
    ] {
        if let Some(factor) = factor {
            out.raw(name);
            out.estimate(f64::from(factor));
        }
    }
}

/// Which policies were asked, and how many closed because something was not known.
fn write_policies(out: &mut JsonText, served: &Served, decision: &Decision) {
    let Some(version) = decision.policy_version else { return };
    let in_force = served.policies.as_ref().map(|policies| policies.version());
    out.raw(",\"policies\":{\"version\":");
    out.number(version);
    out.raw(",\"n_unknown\":");
    out.number(decision.n_policies_unknown as u64);
    if let Some(in_force) = in_force.filter(|in_force| *in_force != version) {
        // A variant's own, under the hard ones of those in force.
        out.raw(",\"under\":");
        out.number(in_force);
    }
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
    for (name, text) in [
        ("channel", told.channel),
        ("locale", told.locale),
        ("location", told.location),
        ("stage", told.stage.map(policy::Stage::as_str)),
    ] {
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
    if request.is_incumbent {
        out.raw(",\"incumbent\":true");
    }
    if request.is_offered_anyway {
        out.raw(",\"offered_anyway\":true");
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
