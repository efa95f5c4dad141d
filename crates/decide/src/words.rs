//! Reasons and numbers in words. Every number of a reason stands in the evidence beside it.
//!
//! The one place that words a reason: the answer of the API, the pages and the command line differ
//! only in the [`TextSink`] that they hand in, and in the [`Language`].

use crate::bundle::BundleOffer;
use crate::decision::{About, Evidence, Offer, Reason, ReasonCode, Rebuy};
use crate::language::{Language, MAX_SEPARATOR_BYTES, Part, Sentence, Value};
use events::amount::MICROS;
use events::{Amount, Currency};
use policy::Tone;
use score::World;

/// Where a text goes: into the string of a JSON answer, onto a page, to a terminal.
pub trait TextSink {
    /// Our own words: no quotes, no backslashes, no control characters.
    fn words(&mut self, text: &str);
    /// Words of the shop, which may hold anything.
    fn foreign(&mut self, text: &str);
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

/// Room for the largest number and its six separators.
const GROUPED_BYTES: usize = 20 + 6 * MAX_SEPARATOR_BYTES;

/// 1234567 as 1,234,567, in a buffer of the caller.
fn grouped_in<'b>(number: u64, separator: &str, buffer: &'b mut [u8; GROUPED_BYTES]) -> &'b str {
    let mut at = GROUPED_BYTES;
    let mut rest = number;
    let mut n_digits = 0;
    loop {
        if n_digits > 0 && n_digits % 3 == 0 {
            at -= separator.len();
            buffer[at..at + separator.len()].copy_from_slice(separator.as_bytes());
        }
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        n_digits += 1;
        rest /= 10;
        if rest == 0 {
            return std::str::from_utf8(&buffer[at..]).expect("digits and whole separators");
        }
    }
}

/// 1234567 as 1,234,567.
pub fn grouped(number: u64) -> String {
    grouped_in(number, ",", &mut [0; GROUPED_BYTES]).to_owned()
}

/// The title, or the id of an item that has none.
pub fn name_of(world: &World, item: u32) -> &str {
    match world.title(item) {
        "" => world.item_id(item),
        title => title,
    }
}

/// Writes why the item is offered, as whole sentences.
pub fn write_reason(
    out: &mut impl TextSink,
    language: &Language,
    world: &World,
    item: u32,
    reason: &Reason,
) {
    let has_pair = reason.evidence.as_ref().is_some_and(Evidence::is_told);
    let has_sales = 0 < world.n_item_baskets(item);
    let sentence = match reason.code {
        ReasonCode::BoughtTogether if has_pair => Sentence::BoughtTogether,
        ReasonCode::BoughtTogether => Sentence::BoughtTogetherBare,
        ReasonCode::CompletesCart if has_pair => Sentence::CompletesCart,
        ReasonCode::CompletesCart => Sentence::CompletesCartBare,
        ReasonCode::ForYou if has_pair => Sentence::ForYou,
        ReasonCode::ForYou => Sentence::ForYouBare,
        // The pair is that of an item alike: it alone has orders that could speak.
        ReasonCode::SimilarContent if has_pair => Sentence::SimilarContent,
        ReasonCode::SimilarContent => Sentence::SimilarContentBare,
        ReasonCode::SeenNext => Sentence::SeenNext,
        ReasonCode::PopularInCategory if world.category(item).is_some() => match has_sales {
            true => Sentence::PopularInCategory,
            false => Sentence::PopularInCategoryBare,
        },
        ReasonCode::Popular | ReasonCode::PopularInCategory => match has_sales {
            true => Sentence::Popular,
            false => Sentence::PopularBare,
        },
        ReasonCode::Chosen => Sentence::Chosen,
        ReasonCode::DueAgain if reason.rebuy.is_some_and(|rebuy| rebuy.is_due()) => {
            Sentence::DueAgain
        }
        // Of one order alone there is nothing to count.
        ReasonCode::BoughtBefore | ReasonCode::DueAgain => match reason.rebuy {
            Some(rebuy) if 1 < rebuy.n_orders => Sentence::BoughtBefore,
            _ => Sentence::BoughtBeforeBare,
        },
        code @ (ReasonCode::Declared
        | ReasonCode::Covers
        | ReasonCode::Upgrade
        | ReasonCode::Alternative) => match &reason.about {
            Some(about) => sentence_about(world, item, code, about),
            None => Sentence::Chosen,
        },
    };
    Telling { language, world, item, reason }.write(out, sentence);
}

/// The same in the tone that a placement asks for.
pub fn write_reason_in(
    out: &mut impl TextSink,
    language: &Language,
    world: &World,
    offer: &Offer,
    tone: Tone,
) {
    match (tone, offer.reason.code) {
        (Tone::Factual, _) => write_reason(out, language, world, offer.item, &offer.reason),
        (Tone::Brief, _) => write_brief_reason(out, language, world, offer),
        (Tone::Plain, ReasonCode::Popular) => {
            let (item, reason) = (offer.item, &offer.reason);
            Telling { language, world, item, reason }.write(out, Sentence::PopularBare);
        }
        (Tone::Plain, ReasonCode::PopularInCategory) if world.category(offer.item).is_some() => {
            let (item, reason) = (offer.item, &offer.reason);
            Telling { language, world, item, reason }.write(out, Sentence::PopularInCategoryBare);
        }
        (Tone::Plain, _) => {
            let reason = Reason { evidence: None, rebuy: None, ..offer.reason };
            write_reason(out, language, world, offer.item, &reason);
        }
    }
}

/// The sentence of what is offered because of one item.
fn sentence_about(world: &World, item: u32, code: ReasonCode, about: &About) -> Sentence {
    match code {
        ReasonCode::Covers => {
            let has_term = world.plans.terms(item).is_some_and(|terms| terms.term.is_some());
            match (about.n_units > 1, has_term) {
                (false, false) => Sentence::Covers,
                (false, true) => Sentence::CoversTerm,
                (true, false) => Sentence::CoversUnits,
                (true, true) => Sentence::CoversUnitsTerm,
            }
        }
        ReasonCode::Upgrade | ReasonCode::Alternative => {
            match price_difference(world, item, about.item) {
                Some(more) if Amount::ZERO < more => Sentence::InsteadMore,
                Some(less) if less < Amount::ZERO => Sentence::InsteadLess,
                _ => Sentence::Instead,
            }
        }
        _ => Sentence::Declared,
    }
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
pub fn write_brief_reason(
    out: &mut impl TextSink,
    language: &Language,
    world: &World,
    offer: &Offer,
) {
    match (offer.reason.code, &offer.reason.evidence) {
        _ if offer.reason.about.is_some() => {
            write_reason(out, language, world, offer.item, &offer.reason);
        }
        // In few words those two would name an item that is not to be seen there.
        (code, Some(evidence))
            if evidence.is_told()
                && !matches!(code, ReasonCode::SimilarContent | ReasonCode::ForYou) =>
        {
            let (item, reason) = (offer.item, &offer.reason);
            Telling { language, world, item, reason }.write(out, Sentence::Brief);
        }
        _ => write_reason(out, language, world, offer.item, &offer.reason),
    }
}

/// What a bundle costs, and what it costs less.
pub fn write_bundle(out: &mut impl TextSink, language: &Language, bundle: &BundleOffer) {
    for part in language.sentence(Sentence::Bundle) {
        let amount = match part {
            Part::Text(text) => {
                out.words(text);
                continue;
            }
            Part::Value(Value::Together) => bundle.price,
            Part::Value(Value::Sum) => bundle.sum,
            Part::Value(Value::Saving) => bundle.saving(),
            // Of a file from before, which tells none of these.
            Part::Value(_) | Part::ByNumber(..) => continue,
        };
        write_money(out, language, amount, bundle.currency);
    }
}

/// `1,312.50 GBP`, `7 GBP`
fn write_money(
    out: &mut impl TextSink,
    language: &Language,
    amount: Amount,
    currency: Option<Currency>,
) {
    let micros = amount.0.unsigned_abs();
    let buffer = &mut [0; GROUPED_BYTES];
    out.words(grouped_in(micros / MICROS as u64, &language.thousands, buffer));
    let decimals = format!("{:06}", micros % MICROS as u64);
    let n_decimals = decimals.trim_end_matches('0').len();
    if 0 < n_decimals {
        out.words(&language.decimal);
        // Nobody writes 2.5 of a currency with hundredths.
        out.words(&decimals[..n_decimals.max(2)]);
    }
    if let Some(currency) = currency {
        out.words(" ");
        out.words(currency.as_str());
    }
}

/// What a sentence is told of.
struct Telling<'a> {
    language: &'a Language,
    world: &'a World,
    item: u32,
    reason: &'a Reason,
}

impl Telling<'_> {
    fn write(&self, out: &mut impl TextSink, sentence: Sentence) {
        for part in self.language.sentence(sentence) {
            match part {
                Part::Text(text) => out.words(text),
                Part::Value(value) => self.write_value(out, *value),
                Part::ByNumber(value, one, other) => {
                    out.words(if self.count(*value) == 1 { one } else { other });
                }
            }
        }
    }

    /// Sentences with counts of a pair are told only where there is a pair.
    fn count(&self, value: Value) -> u64 {
        let reason = self.reason;
        let of_pair =
            |count: fn(&Evidence) -> u32| reason.evidence.as_ref().map_or(0, count).into();
        let of_own = |count: fn(&Rebuy) -> u32| reason.rebuy.as_ref().map_or(0, count).into();
        match value {
            Value::NBoth => of_pair(|evidence| evidence.n_both),
            Value::NAnchor => of_pair(|evidence| evidence.n_anchor),
            Value::NItem => self.world.n_item_baskets(self.item).into(),
            Value::NOrders => self.world.snapshot.n_baskets().into(),
            Value::NUnits => reason.about.map_or(0, |about| about.n_units).into(),
            Value::NBought => of_own(|rebuy| rebuy.n_bought),
            Value::NOwnOrders => of_own(|rebuy| rebuy.n_orders),
            Value::EveryDays => of_own(|rebuy| rebuy.every_days.unwrap_or(0)),
            Value::LastDays => of_own(|rebuy| rebuy.last_days.unwrap_or(0)),
            Value::Lift | Value::Anchor | Value::Category => 0,
            Value::About | Value::Term | Value::Amount => 0,
            Value::Together | Value::Sum | Value::Saving => 0,
        }
    }

    fn write_value(&self, out: &mut impl TextSink, value: Value) {
        match (value, &self.reason.evidence) {
            (Value::Lift, Some(evidence)) => self.write_ratio(out, f64::from(evidence.lift)),
            (Value::Anchor, Some(evidence)) => out.foreign(name_of(self.world, evidence.anchor)),
            (Value::Category, _) => {
                out.foreign(self.world.category(self.item).unwrap_or_default());
            }
            (Value::About, _) => {
                out.foreign(self.reason.about.map_or("", |about| name_of(self.world, about.item)));
            }
            (Value::Term, _) => {
                let terms = self.world.plans.terms(self.item);
                out.foreign(terms.and_then(|terms| terms.term.as_deref()).unwrap_or_default());
            }
            (Value::Amount, _) => self.write_amount(out),
            _ => self.write_count(out, self.count(value)),
        }
    }

    /// What it costs more or less: `1,312.50 GBP`, `7 GBP`.
    fn write_amount(&self, out: &mut impl TextSink) {
        let than = self.reason.about.map(|about| about.item);
        let difference = than.and_then(|than| price_difference(self.world, self.item, than));
        let amount = Amount(difference.map_or(0, |difference| difference.0.saturating_abs()));
        write_money(out, self.language, amount, self.world.currency(self.item));
    }

    /// 2,310
    fn write_count(&self, out: &mut impl TextSink, count: u64) {
        out.words(grouped_in(count, &self.language.thousands, &mut [0; GROUPED_BYTES]));
    }

    /// 9.4, and 1,204 from a hundred on.
    fn write_ratio(&self, out: &mut impl TextSink, ratio: f64) {
        if 100.0 <= ratio {
            return self.write_count(out, ratio.round() as u64);
        }
        let tenths = (ratio * 10.0).round() as u64;
        self.write_count(out, tenths / 10);
        if !tenths.is_multiple_of(10) {
            out.words(&self.language.decimal);
            self.write_count(out, tenths % 10);
        }
    }
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
        let mut buffer = [0; GROUPED_BYTES];
        let wide = "\u{202f}\u{200a}".get(..3).unwrap();
        assert_eq!(grouped_in(u64::MAX, wide, &mut buffer).chars().count(), 26);
        let world = score::World::empty();
        let ratio = |ratio| {
            let mut text = String::new();
            let language = Language::english();
            let reason = &Reason::default();
            Telling { language, world: &world, item: 0, reason }.write_ratio(&mut text, ratio);
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
        let english = Language::english();
        write_reason(&mut whole, english, &world, offer.item, &offer.reason);
        write_brief_reason(&mut brief, english, &world, offer);
        let lift = (f64::from(evidence.lift) * 10.0).round() / 10.0;
        assert_eq!(
            whole,
            format!(
                "Bought together in {share} orders with WHITE LANTERN, {lift} times what chance \
                 would give."
            )
        );
        assert_eq!(brief, format!("In {share} orders with WHITE LANTERN."));
        let popular = Reason::default();
        let mut text = String::new();
        write_reason(&mut text, english, &world, 0, &popular);
        assert_eq!(text, format!("Popular: in {} of 120 orders.", world.n_item_baskets(0)));
        let languages = crate::Languages::default();
        let german = languages.find("de_AT.UTF-8").unwrap();
        text.clear();
        write_reason(&mut text, german, &world, offer.item, &offer.reason);
        let share = format!("{} von {}", evidence.n_both, evidence.n_anchor);
        let lift = lift.to_string().replace('.', ",");
        assert_eq!(
            text,
            format!(
                "In {share} Bestellungen mit WHITE LANTERN zusammen gekauft, {lift}-mal so oft wie \
                 durch Zufall."
            )
        );
    }
}
