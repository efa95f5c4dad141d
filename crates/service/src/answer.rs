//! Writes one slate as JSON, straight from the decision. The shape is that of
//! [`crate::wire::RecommendAnswer`].

use crate::bundles;
use crate::factors;
use crate::holdout::{EXPERIMENT, is_held_out, variant_of};
use crate::json_text::JsonText;
use crate::no_offer;
use crate::outcomes::{self, Arm};
use crate::recommendation_id::RecommendationId;
use crate::record::write_recorded;
use crate::treatment::Treatment;
use crate::wire::WarningOut;
use decide::words::write_reason_in;
use decide::{About, Benefit, Decision, Drawn, Evidence, Language, Offer, Placement, Request};
use decide::{Rebuy, Warning};
use events::{Amount, Currency};
use history::Assignment;
use policy::{PolicyTable, Tone};
use score::{Rung, World};

/// A remark for the caller, beside those that the decision makes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Remark {
    UnknownField(String),
    /// `user_id` came with a public key and without a token.
    NotPersonal,
    /// `page_id` came without a session, whose page it could be.
    PageWithoutSession,
    /// The locale asks for a language in which there are no sentences.
    NoLanguage(String),
    /// What a caller of our own has to tell.
    Told(WarningOut),
}

/// Unknown items that are named one by one; of the others, how many they are.
const MAX_UNKNOWN_NAMED: usize = 20;
/// What is shown of a long id.
const MAX_ID_SHOWN: usize = 80;

/// What the answer tells on `explain: true`.
#[derive(Clone, Debug)]
pub(crate) struct Explanation<'a> {
    pub(crate) snapshot: &'a str,
    pub(crate) n_cart: usize,
    pub(crate) n_session: usize,
    pub(crate) n_bought_since: usize,
    pub(crate) drawn: &'a [Drawn],
    pub(crate) arm: Option<Arm>,
}

/// One finished slate.
pub(crate) struct Slate<'a> {
    /// `None`: no record is kept.
    pub(crate) id: Option<RecommendationId>,
    pub(crate) placement: Placement,
    pub(crate) decision: &'a Decision,
    /// The offers as they were written before, where the same was asked before.
    pub(crate) written: Option<&'a Written>,
    /// What reasons are told in.
    pub(crate) language: &'a Language,
    pub(crate) policies: Option<&'a PolicyTable>,
    pub(crate) remarks: &'a [Remark],
    /// Whoever is held out is answered with no offers.
    pub(crate) assignment: Option<Assignment>,
    pub(crate) treatment: &'a Treatment<'a>,
    pub(crate) explanation: Option<Explanation<'a>>,
    /// What a sale brings is no business of a page.
    pub(crate) is_trusted: bool,
    pub(crate) took_us: u64,
}

/// A decision that was made beside the server and is not recorded: for the command line, in the
/// words of the wire.
#[derive(Clone, Copy, Debug)]
pub struct Unrecorded<'a> {
    pub world: &'a World,
    pub request: &'a Request<'a>,
    pub decision: &'a Decision,
    pub warnings: &'a [WarningOut],
    pub language: &'a Language,
    /// Names the snapshot where the answer is to tell how it came about.
    pub explain: Option<&'a str>,
    pub took_us: u64,
}

impl Unrecorded<'_> {
    /// A [`crate::wire::RecommendAnswer`] whose `recommendation_id` is null.
    pub fn to_json(&self) -> String {
        let request = self.request;
        let remarks: Vec<Remark> = self.warnings.iter().cloned().map(Remark::Told).collect();
        let slate = Slate {
            id: None,
            placement: request.placement,
            decision: self.decision,
            written: None,
            language: self.language,
            policies: request.policies,
            remarks: &remarks,
            assignment: None,
            treatment: &Treatment::default(),
            explanation: self.explain.map(|snapshot| Explanation {
                snapshot,
                n_cart: request.cart.len(),
                n_session: request.session.len(),
                n_bought_since: request.bought_since.len(),
                drawn: &[],
                arm: None,
            }),
            is_trusted: true,
            took_us: self.took_us,
        };
        let mut out = JsonText::with_capacity(size_hint(self.decision));
        write_slate(&mut out, self.world, &slate);
        String::from_utf8_lossy(&out.into_bytes()).into_owned()
    }
}

/// Some 500 bytes go out for each offer.
pub(crate) fn size_hint(decision: &Decision) -> usize {
    320 + decision.offers.len() * 640
}

pub(crate) fn write_slate(out: &mut JsonText, world: &World, slate: &Slate<'_>) {
    out.raw("{\"recommendation_id\":");
    match &slate.id {
        Some(id) => out.string(id.as_str()),
        None => out.raw("null"),
    }
    out.raw(",\"placement\":\"");
    out.raw(slate.placement.as_str());
    out.raw("\",\"items\":[");
    let is_held_out = is_held_out(slate.assignment) || slate.treatment.is_withheld;
    match slate.written {
        _ if is_held_out => {}
        Some(written) => out.part(&written.offers),
        None => {
            write_offers(out, slate.language, world, slate.policies, slate.decision);
        }
    }
    out.raw("]");
    if let (Some(policies), false) = (slate.policies, is_held_out) {
        bundles::write(out, world, slate.language, policies, &slate.decision.bundles);
    }
    out.raw(",\"experiment\":");
    write_experiment(out, slate.assignment);
    slate.treatment.write_answer(out);
    out.raw(",\"fallback\":\"");
    out.raw(if is_held_out { Rung::None.as_str() } else { slate.decision.rung.as_str() });
    out.raw("\",\"warnings\":[");
    write_warnings(out, &slate.decision.warnings, slate.remarks);
    out.raw("],\"took_ms\":");
    out.float(slate.took_us as f64 / 1e3, 3);
    if !is_held_out {
        no_offer::write(out, slate.decision, slate.is_trusted);
    }
    if let Some(explanation) = &slate.explanation {
        write_explanation(out, world, slate.decision, explanation);
        if slate.is_trusted {
            factors::write(out, world, slate.decision);
            no_offer::write_spend(out, slate.decision);
        }
        out.raw("}");
    }
    out.raw("}");
}

/// The offers of an answer that is given again and again: its text, and that of the record.
#[derive(Debug)]
pub(crate) struct Written {
    offers: Box<[u8]>,
    pub(crate) recorded: Box<[u8]>,
}

impl Written {
    /// Of a decision without policies, in the language of those who ask for none.
    pub(crate) fn of(language: &Language, world: &World, decision: &Decision) -> Written {
        let mut offers = JsonText::with_capacity(size_hint(decision));
        write_offers(&mut offers, language, world, None, decision);
        let mut recorded = JsonText::with_capacity(size_hint(decision));
        write_recorded(&mut recorded, world, None, &decision.offers);
        Written { offers: offers.into_bytes().into(), recorded: recorded.into_bytes().into() }
    }
}

fn write_offers(
    out: &mut JsonText,
    language: &Language,
    world: &World,
    policies: Option<&PolicyTable>,
    decision: &Decision,
) {
    for (at, offer) in decision.offers.iter().enumerate() {
        out.raw(if at == 0 { "{\"rank\":" } else { ",{\"rank\":" });
        out.number(at as u64 + 1);
        write_offer(out, language, world, offer, decision.tone);
        if let (Some(policies), Some(touch)) = (policies, &offer.policy) {
            factors::write_touch(out, policies, touch);
        }
        out.raw("}");
    }
}

fn write_experiment(out: &mut JsonText, assignment: Option<Assignment>) {
    let Some(assignment) = assignment else {
        out.raw("null");
        return;
    };
    for part in ["{\"id\":\"", EXPERIMENT, "\",\"variant\":\"", variant_of(assignment)] {
        out.raw(part);
    }
    out.raw(if assignment.is_held_out { "\",\"holdout\":true}" } else { "\",\"holdout\":false}" });
}

fn write_offer(out: &mut JsonText, language: &Language, world: &World, offer: &Offer, tone: Tone) {
    out.raw(",\"item_id\":");
    out.string(world.item_id(offer.item));
    out.raw(",\"score\":");
    out.estimate(factors::told_score(offer));
    out.raw(",\"title\":");
    out.string(world.title(offer.item));
    out.raw(",\"relation\":\"");
    out.raw(offer.relation.as_str());
    out.raw("\",\"reason\":{\"code\":\"");
    out.raw(offer.reason.code.as_str());
    out.raw("\",\"text\":\"");
    write_reason_in(out, language, world, offer, tone);
    out.raw("\",\"evidence\":");
    match &offer.reason.evidence {
        Some(evidence) if evidence.is_told() => write_evidence(out, world, evidence),
        _ => out.raw("null"),
    }
    if let Some(rebuy) = &offer.reason.rebuy {
        write_rebuy(out, rebuy);
    }
    out.raw("},\"price\":");
    let price = world.catalog.state(offer.item).price();
    write_price(out, price, world.currency(offer.item));
    if let Some(about) = &offer.reason.about {
        write_about(out, world, offer.item, about);
    }
    if let Some(benefit) = Benefit::of(world, language, offer) {
        out.raw(",\"benefit\":\"");
        benefit.write(out);
        out.raw("\"");
    }
}

fn write_about(out: &mut JsonText, world: &World, item: u32, about: &About) {
    out.raw(",\"about\":{\"item_id\":");
    out.string(world.item_id(about.item));
    out.raw(",\"units\":");
    out.number(about.n_units.into());
    out.raw(",\"price_difference\":");
    match decide::words::price_difference(world, item, about.item) {
        Some(difference) => write_amount(out, difference),
        None => out.raw("null"),
    }
    out.raw("}");
}

pub(crate) fn write_price(out: &mut JsonText, price: Option<Amount>, currency: Option<Currency>) {
    match price {
        Some(price) => write_amount(out, price),
        None => out.raw("null"),
    }
    out.raw(",\"currency\":");
    match currency {
        Some(currency) => out.string(currency.as_str()),
        None => out.raw("null"),
    }
}

/// Exact: the digits of the amount itself, no float in between.
pub(crate) fn write_amount(out: &mut JsonText, amount: Amount) {
    const MICROS: u64 = events::amount::MICROS as u64;
    if amount.is_negative() {
        out.raw("-");
    }
    let micros = amount.0.unsigned_abs();
    out.number(micros / MICROS);
    let mut rest = micros % MICROS;
    if rest == 0 {
        return;
    }
    out.raw(".");
    let mut unit = MICROS / 10;
    while 0 < rest {
        out.number(rest / unit);
        rest %= unit;
        unit = (unit / 10).max(1);
    }
}

/// The customer's own habit with the item.
pub(crate) fn write_rebuy(out: &mut JsonText, rebuy: &Rebuy) {
    out.raw(",\"rebuy\":{\"n_bought\":");
    out.number(rebuy.n_bought.into());
    out.raw(",\"n_orders\":");
    out.number(rebuy.n_orders.into());
    for (name, days) in
        [(",\"every_days\":", rebuy.every_days), (",\"last_days\":", rebuy.last_days)]
    {
        out.raw(name);
        match days {
            Some(days) => out.number(days.into()),
            None => out.raw("null"),
        }
    }
    out.raw("}");
}

pub(crate) fn write_evidence(out: &mut JsonText, world: &World, evidence: &Evidence) {
    out.raw("{\"anchor_item_id\":");
    out.string(world.item_id(evidence.anchor));
    for (name, count) in [
        (",\"n_both\":", evidence.n_both),
        (",\"n_anchor\":", evidence.n_anchor),
        (",\"n_item\":", evidence.n_item),
        (",\"n_orders\":", evidence.n_baskets),
    ] {
        out.raw(name);
        out.number(count.into());
    }
    for (name, value) in [
        (",\"lift\":", evidence.lift),
        (",\"g2\":", evidence.g2),
        (",\"probability\":", evidence.probability),
        (",\"probability_low\":", evidence.wilson_low),
    ] {
        out.raw(name);
        // Infinite only if a table was forged; JSON has no word for it.
        out.estimate(if value.is_finite() { f64::from(value) } else { 0.0 });
    }
    out.raw(",\"n_after\":");
    out.number(evidence.n_after.into());
    out.raw(",\"n_before\":");
    out.number(evidence.n_before.into());
    out.raw("}");
}

fn write_warnings(out: &mut JsonText, warnings: &[Warning], remarks: &[Remark]) {
    let mut is_first = true;
    let mut write = |code: &str, detail: &str| {
        out.raw(if is_first { "{\"code\":\"" } else { ",{\"code\":\"" });
        is_first = false;
        out.raw(code);
        out.raw("\",\"detail\":");
        out.string(detail);
        out.raw("}");
    };
    for remark in remarks {
        match remark {
            Remark::UnknownField(path) => {
                write("unknown_field", &format!("`{path}` is no field of a request; not used."));
            }
            Remark::NotPersonal => write(
                "not_personal",
                "user_id was not used: with a public key it needs a signed user_token.",
            ),
            Remark::NoLanguage(locale) => {
                let shown: String = locale.chars().take(MAX_ID_SHOWN).collect();
                let detail =
                    format!("There are no sentences for {shown:?}; English ones are told.");
                write("no_language", &detail);
            }
            Remark::Told(warning) => write(&warning.code, &warning.detail),
            Remark::PageWithoutSession => write(
                "page_without_session",
                "page_id was not used: it names a page of one visit, so it needs a session_id.",
            ),
        }
    }
    let mut unknown: Vec<&str> = Vec::new();
    let mut n_unnamed = 0_usize;
    for warning in warnings {
        if let Warning::UnknownItem { item_id } = warning {
            if unknown.contains(&item_id.as_str()) {
                continue;
            }
            if unknown.len() == MAX_UNKNOWN_NAMED {
                n_unnamed += 1;
                continue;
            }
            unknown.push(item_id);
        }
        let (code, detail) = told(warning);
        write(code, &detail);
    }
    if n_unnamed > 0 {
        let detail = format!("The catalog does not have the items of {n_unnamed} more lines.");
        write("unknown_item", &detail);
    }
}

fn told(warning: &Warning) -> (&'static str, String) {
    match warning {
        Warning::UnknownItem { item_id } => {
            let shown: String = item_id.chars().take(MAX_ID_SHOWN).collect();
            ("unknown_item", format!("The catalog has no item {shown:?}."))
        }
        Warning::AnchorsCut { given, used } => {
            let detail = format!(
                "{given} items say what the page is about; offers go by the first {used}, and none \
                 of all comes back."
            );
            ("anchors_cut", detail)
        }
        Warning::CountCut { asked, given } => {
            ("count_cut", format!("{asked} offers were asked for; at most {given} are given."))
        }
        Warning::TooFew { found, wanted } => {
            let detail =
                format!("{found} offers were found; this placement shows {wanted} or none.");
            ("too_few", detail)
        }
        Warning::CartCut { lines, used } => {
            ("cart_cut", format!("The cart has {lines} lines; the last {used} are read."))
        }
    }
}

fn write_explanation(
    out: &mut JsonText,
    world: &World,
    decision: &Decision,
    explanation: &Explanation<'_>,
) {
    out.raw(",\"explain\":{\"n_eligible\":");
    out.number(decision.n_eligible as u64);
    out.raw(",\"snapshot\":");
    out.string(explanation.snapshot);
    for (name, n) in [
        (",\"n_cart\":", explanation.n_cart),
        (",\"n_session\":", explanation.n_session),
        (",\"n_bought_since\":", explanation.n_bought_since),
    ] {
        out.raw(name);
        out.number(n as u64);
    }
    if let Some(version) = decision.policy_version {
        out.raw(",\"policy_version\":");
        out.number(version);
        out.raw(",\"n_policies_unknown\":");
        out.number(decision.n_policies_unknown as u64);
    }
    let varied = decision.offers.iter().filter_map(|offer| Some((offer, offer.likeness?)));
    for (at, (offer, likeness)) in varied.enumerate() {
        out.raw(if at == 0 { ",\"likeness\":{" } else { "," });
        out.string(world.item_id(offer.item));
        out.raw(":");
        out.estimate(f64::from(likeness));
    }
    if decision.offers.iter().any(|offer| offer.likeness.is_some()) {
        out.raw("}");
    }
    if let Some(arm) = &explanation.arm {
        outcomes::write_explanation(out, world, decision, arm);
    }
    for (at, drawn) in explanation.drawn.iter().enumerate() {
        out.raw(if at == 0 { ",\"explored\":[{\"rank\":" } else { ",{\"rank\":" });
        out.number(drawn.place as u64 + 1);
        out.raw(",\"n_arms\":");
        out.number(drawn.n_arms as u64);
        out.raw(",\"chance\":");
        out.float(drawn.chance, 6);
        out.raw("}");
    }
    out.raw(if explanation.drawn.is_empty() { "" } else { "]" });
}
