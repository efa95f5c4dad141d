//! Whose contacts an answer adds to, as the record tells it.

use super::{Cut, RecordHead, list};
use crate::holdout::is_held_out;
use crate::json_text::JsonText;
use crate::live::KnownContacts;
use decide::{NoOffer, Placement, Relation, Request};
use events::Timestamp;
use policy::contact::ChannelCode;
use policy::{Contact, ContactKind};
use score::World;
use serde::Deserialize;
use std::borrow::Cow;

impl RecordHead<'_> {
    /// Is nothing shown, whatever was decided?
    pub(crate) fn is_withheld(&self) -> bool {
        is_held_out(self.assignment) || self.treatment.is_withheld
    }
}

/// Contacts that a record keeps, the latest: a rule that asks for more is rare.
const MAX_COUNTED: usize = 512;
const KINDS: [ContactKind; 4] =
    [ContactKind::Offered, ContactKind::Seen, ContactKind::Dismissed, ContactKind::Bought];

/// Written where policies ask for contacts: they are read back from here after a restart, and what
/// had been counted is counted again when the decision is asked for later.
pub(super) fn write(
    out: &mut JsonText,
    world: &World,
    head: &RecordHead<'_>,
    request: &Request<'_>,
) {
    let Some(policies) = request.policies.filter(|policies| policies.asks_contacts()) else {
        return;
    };
    out.raw(",\"contact\":{");
    if let Some(person) = head.person {
        out.raw("\"unit\":");
        out.number(person.unit.0);
        out.raw(",");
    }
    out.raw(if head.is_withheld() { "\"shown\":false" } else { "\"shown\":true" });
    match request.circumstances.contact {
        Some(facts) => {
            let window = policies.contact_window_us(|_| true).unwrap_or(0);
            let since = Timestamp(head.at.0.saturating_sub(window));
            let counted = facts.entries.iter().filter(|contact| since <= contact.at);
            write_counted(out, world, counted.collect(), head.person.is_some());
            if let Some(known_since) = facts.known_since {
                out.raw(",\"known_since_us\":");
                out.number(u64::try_from(known_since.0).unwrap_or(0));
            }
        }
        None => out.raw(",\"counted\":null"),
    }
    out.raw("}");
}

/// `[item, kind, at, n, placement, relation, channel]` each, null for what nobody told.
/// Of a person whom the record does not name nothing is kept, for nothing would erase it.
fn write_counted(
    out: &mut JsonText,
    world: &World,
    mut contacts: Vec<&Contact>,
    is_erasable: bool,
) {
    let n_given = contacts.len();
    let max = if is_erasable { MAX_COUNTED } else { 0 };
    if max < n_given {
        contacts.sort_by_key(|contact| std::cmp::Reverse(contact.at));
        contacts.truncate(max);
        out.raw(",\"n_counted\":");
        out.number(n_given as u64);
    }
    out.raw(",\"counted\":");
    list(out, contacts.iter().copied(), |out, contact| {
        out.raw("[");
        out.string(world.item_id(contact.item));
        for n in [
            Some(contact.kind as u64),
            Some(u64::try_from(contact.at.0).unwrap_or(0)),
            Some(contact.n.into()),
            contact.placement.map(u64::from),
            contact.relation.map(u64::from),
            contact.channel.map(|channel| channel.0.into()),
        ] {
            out.raw(",");
            match n {
                Some(n) => out.number(n),
                None => out.raw("null"),
            }
        }
        out.raw("]");
    });
}

/// Whose contacts were counted, and which.
#[derive(Debug, Deserialize)]
pub(super) struct Contacted {
    pub(super) unit: Option<u64>,
    shown: bool,
    /// Left out by versions that kept none; null: nobody could tell.
    #[serde(default, deserialize_with = "told")]
    counted: Option<Option<Vec<Counted>>>,
    n_counted: Option<usize>,
    known_since_us: Option<i64>,
}

type Counted = (String, usize, i64, u32, Option<u8>, Option<u8>, Option<u16>);

/// A null that was written is another thing than nothing.
fn told<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<Vec<Counted>>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl Contacted {
    /// Were they kept with the record?
    pub(super) fn is_kept(&self) -> bool {
        self.counted.is_some()
    }

    /// What was counted; `None`: nobody could tell.
    pub(super) fn counted(&self, world: &World) -> Option<KnownContacts> {
        let counted = self.counted.as_ref()?.as_ref()?;
        let read = |(id, kind, at, n, placement, relation, channel): &Counted| {
            Some(Contact {
                item: world.item_idx(id)?,
                kind: *KINDS.get(*kind)?,
                at: Timestamp(*at),
                n: *n,
                placement: *placement,
                relation: *relation,
                channel: channel.map(ChannelCode),
            })
        };
        let entries = counted.iter().filter_map(read).collect();
        Some(KnownContacts { entries, known_since: self.known_since_us.map(Timestamp) })
    }

    pub(super) fn cut(&self) -> Option<Cut> {
        let n_kept = self.counted.as_ref()?.as_ref()?.len();
        Some(Cut { what: "contacts", n_given: self.n_counted?, n_kept })
    }
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
    #[serde(borrow, default)]
    bundles: Vec<Bundled<'a>>,
}

#[derive(Debug, Deserialize)]
struct Bundled<'a> {
    #[serde(borrow)]
    added: Vec<Cow<'a, str>>,
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
        let offers = self.offers.iter();
        let offers = offers.map(move |offer| (&*offer.item_id, relation(&offer.relation)));
        // As they were noted: what stands in the slate and in a bundle was seen once.
        let is_new = |id: &&Cow<'_, str>| !self.offers.iter().any(|offer| offer.item_id == **id);
        let added = self.bundles.iter().flat_map(|bundle| &bundle.added).filter(is_new);
        offers.chain(added.map(|id| (&**id, Some(Relation::Bundle as u8))))
    }
}
