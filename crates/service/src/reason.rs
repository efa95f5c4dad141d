//! Where the words of a reason go: into the string of a JSON answer, or onto a page.

use crate::json_text::JsonText;
use crate::pages::calm;
use decide::words::TextSink;
use decide::{Benefit, Language, Offer, Reason};
use score::World;

impl TextSink for JsonText {
    fn words(&mut self, text: &str) {
        self.raw(text);
    }

    fn foreign(&mut self, text: &str) {
        self.escaped(text);
    }
}

/// For people: shouting titles calm down. Pages escape when the template is rendered.
#[derive(Clone, Debug, Default)]
struct PageText(String);

impl TextSink for PageText {
    fn words(&mut self, text: &str) {
        self.0.push_str(text);
    }

    fn foreign(&mut self, text: &str) {
        self.0.push_str(&calm(text));
    }
}

/// Why the item is offered, in the language of our own pages.
pub(crate) fn page_reason(world: &World, item: u32, reason: &Reason) -> String {
    let mut words = PageText::default();
    decide::words::write_reason(&mut words, Language::english(), world, item, reason);
    words.0
}

/// The same, and what they have of it.
pub(crate) fn page_reason_of(world: &World, offer: &Offer) -> String {
    let mut text = page_reason(world, offer.item, &offer.reason);
    if let Some(benefit) = Benefit::of(world, Language::english(), offer) {
        let mut words = PageText(text + " ");
        benefit.write(&mut words);
        text = words.0;
    }
    text
}

/// The same in few words, for a tile.
pub(crate) fn brief_page_reason(world: &World, offer: &Offer) -> String {
    let mut words = PageText::default();
    decide::words::write_brief_reason(&mut words, Language::english(), world, offer);
    words.0
}
