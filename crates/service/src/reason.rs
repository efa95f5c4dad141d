//! Where the words of a reason go: into the string of a JSON answer, or onto a page.

use crate::json_text::JsonText;
use crate::pages::calm;
use decide::Offer;
use decide::words::TextSink;
use score::World;

impl TextSink for JsonText {
    fn words(&mut self, text: &str) {
        self.raw(text);
    }

    fn foreign(&mut self, text: &str) {
        self.escaped(text);
    }

    fn ratio(&mut self, ratio: f64) {
        if 100.0 <= ratio { self.count(ratio.round() as u64) } else { self.float(ratio, 1) }
    }
}

/// For people: shouting titles calm down. Pages escape when the template is rendered.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageText(pub(crate) String);

impl TextSink for PageText {
    fn words(&mut self, text: &str) {
        self.0.push_str(text);
    }

    fn foreign(&mut self, text: &str) {
        self.0.push_str(&calm(text));
    }
}

/// Writes why the item is offered.
pub(crate) fn write_reason(out: &mut impl TextSink, world: &World, offer: &Offer) {
    decide::words::write_reason(out, world, offer.item, &offer.reason);
}
