//! What whoever takes an offer has of it, in words of the shop.
//!
//! An item's attribute `benefit` ("Fits your {item}.", "Covers breakage for 3 years."), or one for
//! a language (`benefit.de`), which is told before it. `{item}` is what the offer is about, or goes
//! with most.

use crate::decision::{Offer, ReasonCode};
use crate::language::Language;
use crate::words::{TextSink, name_of};
use score::World;

const PLACE: &str = "{item}";

/// A text and what stands in its places.
#[derive(Clone, Copy, Debug)]
pub struct Benefit<'a> {
    text: &'a str,
    about: Option<&'a str>,
}

impl<'a> Benefit<'a> {
    /// `None`: the shop tells none, or speaks of an item where the offer stands by itself.
    pub fn of(world: &'a World, language: &Language, offer: &Offer) -> Option<Benefit<'a>> {
        let text = world.catalog.benefit(offer.item, language.tag())?;
        let reason = &offer.reason;
        let about = reason.about.map(|about| about.item);
        // A stand-in, or what was merely looked at, is not what they have.
        let is_theirs = matches!(
            reason.code,
            ReasonCode::BoughtTogether | ReasonCode::CompletesCart | ReasonCode::ForYou
        );
        let anchor = reason.evidence.map(|evidence| evidence.anchor).filter(|_| is_theirs);
        let about = about.or(anchor);
        let about = about.map(|item| name_of(world, item));
        (about.is_some() || !text.contains(PLACE)).then_some(Benefit { text, about })
    }

    pub fn write(&self, out: &mut impl TextSink) {
        for (at, part) in self.text.split(PLACE).enumerate() {
            if at > 0 {
                out.foreign(self.about.unwrap_or_default());
            }
            out.foreign(part);
        }
    }
}
