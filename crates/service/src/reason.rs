//! Reasons in words: every number of a text stands in the evidence beside it.

use crate::json_text::JsonText;
use crate::pages::calm;
use decide::{Evidence, Offer, Reason, ReasonCode};
use score::World;

/// Where a text goes: into the string of a JSON answer, or onto a page.
pub(crate) trait TextSink {
    /// Our own words: ASCII without quotes.
    fn words(&mut self, text: &str);
    /// Words of the shop, which may hold anything.
    fn foreign(&mut self, text: &str);
    /// 2,310
    fn count(&mut self, count: u64);
    /// 9.4
    fn ratio(&mut self, ratio: f64);
}

impl TextSink for JsonText {
    fn words(&mut self, text: &str) {
        self.raw(text);
    }

    fn foreign(&mut self, text: &str) {
        self.escaped(text);
    }

    fn count(&mut self, count: u64) {
        self.grouped(count);
    }

    fn ratio(&mut self, ratio: f64) {
        if 100.0 <= ratio { self.grouped(ratio.round() as u64) } else { self.float(ratio, 1) }
    }
}

/// For people: shouting titles calm down. Pages escape when the template is rendered.
impl TextSink for String {
    fn words(&mut self, text: &str) {
        self.push_str(text);
    }

    fn foreign(&mut self, text: &str) {
        self.push_str(&calm(text));
    }

    fn count(&mut self, count: u64) {
        let mut text = JsonText::with_capacity(16);
        text.count(count);
        self.extend(text.into_bytes().into_iter().map(char::from));
    }

    fn ratio(&mut self, ratio: f64) {
        let mut text = JsonText::with_capacity(16);
        text.ratio(ratio);
        self.extend(text.into_bytes().into_iter().map(char::from));
    }
}

/// Writes why the item is offered.
pub(crate) fn write_reason(out: &mut impl TextSink, world: &World, offer: &Offer) {
    write_reason_of(out, world, offer.item, &offer.reason);
}

pub(crate) fn write_reason_of(out: &mut impl TextSink, world: &World, item: u32, reason: &Reason) {
    match (reason.code, &reason.evidence) {
        (ReasonCode::BoughtTogether, Some(evidence)) => {
            out.words("Bought together in ");
            write_share(out, world, evidence);
            write_lift(out, evidence);
        }
        (ReasonCode::BoughtTogether, None) => out.words("Often bought together."),
        (ReasonCode::CompletesCart, Some(evidence)) => {
            out.words("Goes with this cart as a whole; in ");
            write_share(out, world, evidence);
            write_lift(out, evidence);
        }
        (ReasonCode::CompletesCart, None) => out.words("Goes with this cart as a whole."),
        (ReasonCode::ForYou, Some(evidence)) => {
            out.words("Goes with what you bought before; in ");
            write_share(out, world, evidence);
            write_lift(out, evidence);
        }
        (ReasonCode::ForYou, None) => out.words("Goes with what you bought before."),
        (ReasonCode::SimilarContent, Some(evidence)) => {
            out.words("Alike in name or category to ");
            out.foreign(name_of(world, evidence.anchor));
            out.words(".");
        }
        (ReasonCode::SimilarContent, None) => out.words("Alike in name or category."),
        (ReasonCode::SeenNext, _) => out.words("Others went on to this from what you looked at."),
        (ReasonCode::PopularInCategory, _) => write_popular(out, world, item, true),
        (ReasonCode::Popular, _) => write_popular(out, world, item, false),
    }
}

/// `412 of 2,310 orders with WHITE METAL LANTERN`
fn write_share(out: &mut impl TextSink, world: &World, evidence: &Evidence) {
    out.count(evidence.n_both.into());
    out.words(" of ");
    out.count(evidence.n_anchor.into());
    out.words(if evidence.n_anchor == 1 { " order with " } else { " orders with " });
    out.foreign(name_of(world, evidence.anchor));
}

fn write_lift(out: &mut impl TextSink, evidence: &Evidence) {
    out.words(", ");
    out.ratio(f64::from(evidence.lift));
    out.words(" times what chance would give.");
}

fn write_popular(out: &mut impl TextSink, world: &World, item: u32, in_category: bool) {
    out.words("Popular");
    if let (true, Some(category)) = (in_category, world.category(item)) {
        out.words(" in ");
        out.foreign(category);
    }
    let n_item = world.n_item_baskets(item);
    if 0 < n_item {
        out.words(": in ");
        out.count(n_item.into());
        out.words(" of ");
        out.count(world.snapshot.n_baskets().into());
        out.words(" orders");
    }
    out.words(".");
}

/// The title, or the id of an item that has none.
pub(crate) fn name_of(world: &World, item: u32) -> &str {
    match world.title(item) {
        "" => world.item_id(item),
        title => title,
    }
}
