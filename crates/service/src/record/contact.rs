//! Whose contacts an answer adds to, as the record tells it.

use super::{Record, RecordHead};
use crate::holdout::is_held_out;
use crate::json_text::JsonText;
use crate::live::Person;
use decide::{NoOffer, Placement, Relation, Request};
use events::Timestamp;
use measure::assignment::UnitId;
use serde::Deserialize;
use std::borrow::Cow;

impl RecordHead<'_> {
    /// Is nothing shown, whatever was decided?
    pub(crate) fn is_withheld(&self) -> bool {
        is_held_out(self.assignment) || self.treatment.is_withheld
    }
}

impl Record {
    /// Did a contact policy count what had been shown by then?
    pub(crate) fn counts_contacts(&self) -> bool {
        self.contact.is_some()
    }

    /// Whose contacts were counted, and until when.
    pub(crate) fn person(&self) -> Option<(Person, Timestamp)> {
        let unit = UnitId(self.contact.as_ref()?.unit?);
        let is_customer = self.asked.customer.is_some();
        Some((Person { unit, is_customer }, Timestamp(self.at_us)))
    }
}

/// Written where policies ask for contacts: they are read back from here after a restart.
pub(super) fn write(out: &mut JsonText, head: &RecordHead<'_>, request: &Request<'_>) {
    if !request.policies.is_some_and(|policies| policies.asks_contacts()) {
        return;
    }
    out.raw(",\"contact\":{");
    if let Some(person) = head.person {
        out.raw("\"unit\":");
        out.number(person.unit.0);
        out.raw(",");
    }
    out.raw(if head.is_withheld() { "\"shown\":false}" } else { "\"shown\":true}" });
}

/// Whose contacts were counted.
#[derive(Debug, Deserialize)]
pub(super) struct Contacted {
    pub(super) unit: Option<u64>,
    shown: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct RecordedNoOffer {
    code: String,
}

impl RecordedNoOffer {
    pub(super) fn is_refusal(&self) -> bool {
        self.code == NoOffer::MarketingRefused.as_str()
    }
}

/// The part of a record that contacts are read back from.
#[derive(Debug, Deserialize)]
pub(crate) struct RecordedContacts<'a> {
    #[serde(borrow)]
    asked: AskedWhere<'a>,
    contact: Option<Contacted>,
    #[serde(borrow)]
    offers: Vec<Offered<'a>>,
}

#[derive(Debug, Deserialize)]
struct AskedWhere<'a> {
    #[serde(borrow)]
    placement: Cow<'a, str>,
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
struct Offered<'a> {
    #[serde(borrow)]
    item_id: Cow<'a, str>,
    #[serde(borrow)]
    relation: Cow<'a, str>,
}

impl<'a> RecordedContacts<'a> {
    /// `None`: no contact policy was in force, or the record is damaged.
    pub(crate) fn read(payload: &'a [u8]) -> Option<RecordedContacts<'a>> {
        let record: RecordedContacts<'_> = serde_json::from_slice(payload).ok()?;
        record.contact.is_some().then_some(record)
    }

    /// The pseudonym of whom something was shown to.
    pub(crate) fn unit(&self) -> Option<u64> {
        self.contact.as_ref().filter(|contact| contact.shown)?.unit
    }

    pub(crate) fn channel(&self) -> Option<&str> {
        self.asked.channel.as_deref()
    }

    pub(crate) fn placement(&self) -> Option<u8> {
        Placement::parse(&self.asked.placement).map(|placement| placement as u8)
    }

    pub(crate) fn offers(&self) -> impl Iterator<Item = (&str, Option<u8>)> {
        let relation = |name: &str| Relation::parse(name).map(|relation| relation as u8);
        self.offers.iter().map(move |offer| (&*offer.item_id, relation(&offer.relation)))
    }
}
