//! Reasons and numbers in words. Every number of a reason stands in the evidence beside it.
//!
//! The one place that words a reason: the answer of the API, the pages and the command line differ
//! only in the [`TextSink`] that they hand in.

use crate::decision::{Evidence, Offer, Reason, ReasonCode};
use events::Amount;
use score::World;

/// Where a text goes: into the string of a JSON answer, onto a page, to a terminal.
pub trait TextSink {
    /// Our own words: ASCII without quotes.
    fn words(&mut self, text: &str);
    /// Words of the shop, which may hold anything.
    fn foreign(&mut self, text: &str);

    /// 2,310
    fn count(&mut self, count: u64) {
        self.words(grouped_in(count, &mut [0; GROUPED_BYTES]));
    }

    /// 9.4, and 1,204 from a hundred on.
    fn ratio(&mut self, ratio: f64) {
        if 100.0 <= ratio {
            self.count(ratio.round() as u64);
        } else {
            self.words(&((ratio * 10.0).round() / 10.0).to_string());
        }
    }
}

/// As it stands in the catalog.
impl TextSink for String {
    fn words(&mut self, text: &str) {
        self.push_str(text);
    }

    fn foreign(&mut self, text: &str) {
        self.push_str(text);
    }
}

/// Room for the largest number and its commas.
pub const GROUPED_BYTES: usize = 26;

/// 1234567 as 1,234,567, in a buffer of the caller.
pub fn grouped_in(number: u64, buffer: &mut [u8; GROUPED_BYTES]) -> &str {
    let mut at = GROUPED_BYTES;
    let mut rest = number;
    let mut n_digits = 0;
    loop {
        if n_digits > 0 && n_digits % 3 == 0 {
            at -= 1;
            buffer[at] = b',';
        }
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        n_digits += 1;
        rest /= 10;
        if rest == 0 {
            return std::str::from_utf8(&buffer[at..]).expect("digits and commas");
        }
    }
}

/// 1234567 as 1,234,567.
pub fn grouped(number: u64) -> String {
    grouped_in(number, &mut [0; GROUPED_BYTES]).to_owned()
}

/// The title, or the id of an item that has none.
pub fn name_of(world: &World, item: u32) -> &str {
    match world.title(item) {
        "" => world.item_id(item),
        title => title,
    }
}

/// Writes why the item is offered, as whole sentences.
pub fn write_reason(out: &mut impl TextSink, world: &World, item: u32, reason: &Reason) {
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
            // The pair is that of an item alike: it alone has orders that could speak.
            out.words("Bought together in ");
            write_share(out, world, evidence);
            out.words(", which is alike in name or category.");
        }
        (ReasonCode::SeenNext, _) => out.words("Others went on to this from what you looked at."),
        (ReasonCode::SimilarContent, None) => {
            out.words("Goes with items alike in name or category.")
        }
        (ReasonCode::PopularInCategory, _) => write_popular(out, world, item, true),
        (ReasonCode::Popular, _) => write_popular(out, world, item, false),
        (ReasonCode::Chosen, _) => out.words("Chosen by the shop."),
        (
            ReasonCode::Declared
            | ReasonCode::Covers
            | ReasonCode::Upgrade
            | ReasonCode::Alternative,
            _,
        ) => write_about(out, world, item, reason),
    }
}

/// Of what is offered because of one item.
fn write_about(out: &mut impl TextSink, world: &World, item: u32, reason: &Reason) {
    let Some(about) = reason.about else { return out.words("Chosen by the shop.") };
    out.words(match reason.code {
        ReasonCode::Covers => "Covers ",
        ReasonCode::Upgrade | ReasonCode::Alternative => "Instead of ",
        _ => "Goes with ",
    });
    out.foreign(name_of(world, about.item));
    if reason.code == ReasonCode::Covers {
        if about.n_units > 1 {
            out.words(", ");
            out.count(about.n_units.into());
            out.words(" units");
        }
        if let Some(term) = world.plans.terms(item).and_then(|terms| terms.term.as_deref()) {
            out.words(", for ");
            out.foreign(term);
        }
    } else if reason.code != ReasonCode::Declared
        && let Some(difference) = price_difference(world, item, about.item)
        && difference != Amount::ZERO
    {
        let (amount, words) = match difference.is_negative() {
            true => (Amount(difference.0.saturating_neg()), " less"),
            false => (difference, " more"),
        };
        out.words(", for ");
        out.words(&amount.to_string());
        if let Some(currency) = world.currency(item) {
            out.words(" ");
            out.words(currency.as_str());
        }
        out.words(words);
    }
    out.words(".");
}

/// What an item costs more than another; `None` where that cannot be told.
pub fn price_difference(world: &World, item: u32, than: u32) -> Option<Amount> {
    if world.currency(item) != world.currency(than) {
        return None;
    }
    let price = |item: u32| world.catalog.state(item).price();
    price(item)?.0.checked_sub(price(than)?.0).map(Amount)
}

/// The same for a tile that has little room: `In 412 of 2,310 orders with WHITE METAL LANTERN.`
pub fn write_brief_reason(out: &mut impl TextSink, world: &World, offer: &Offer) {
    match (offer.reason.code, &offer.reason.evidence) {
        _ if offer.reason.about.is_some() => {
            write_reason(out, world, offer.item, &offer.reason);
        }
        (ReasonCode::SimilarContent, _) | (_, None) => {
            write_reason(out, world, offer.item, &offer.reason);
        }
        (_, Some(evidence)) => {
            out.words("In ");
            write_share(out, world, evidence);
            out.words(".");
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{blocks, cart, learned};
    use crate::{Placement, Request, Workspace, decide};

    #[test]
    fn numbers_as_people_write_them() {
        let texts = [0, 7, 999, 1_000, 541_909, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "7", "999", "1,000", "541,909", "1,234,567"]);
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
        let ratio = |ratio| {
            let mut text = String::new();
            text.ratio(ratio);
            text
        };
        assert_eq!([9.44, 3.0, 0.25, 1_203.7].map(ratio), ["9.4", "3", "0.3", "1,204"]);
    }

    #[test]
    fn every_number_of_a_reason_is_that_of_the_evidence() {
        let mut history = blocks();
        history.items[0].title = Some("WHITE LANTERN".into());
        let world = learned(&history);
        let lines = cart(&[0]);
        let request = Request { cart: &lines, ..Request::at(Placement::Cart) };
        let decision = decide(&world, &request, &mut Workspace::default());
        let offer = &decision.offers[0];
        let evidence = offer.reason.evidence.expect("beside a cart an offer has a pair");
        let share = format!("{} of {}", evidence.n_both, evidence.n_anchor);
        let (mut whole, mut brief) = (String::new(), String::new());
        write_reason(&mut whole, &world, offer.item, &offer.reason);
        write_brief_reason(&mut brief, &world, offer);
        let lift = (f64::from(evidence.lift) * 10.0).round() / 10.0;
        assert_eq!(
            whole,
            format!(
                "Bought together in {share} orders with WHITE LANTERN, {lift} times what chance \
                 would give."
            )
        );
        assert_eq!(brief, format!("In {share} orders with WHITE LANTERN."));
        let popular = Reason { code: ReasonCode::Popular, evidence: None, about: None };
        let mut text = String::new();
        write_reason(&mut text, &world, 0, &popular);
        assert_eq!(text, format!("Popular: in {} of 120 orders.", world.n_item_baskets(0)));
    }
}
