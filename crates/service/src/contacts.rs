//! Contact policies over what was shown before: which contacts are asked for, read back from the
//! logs, handed to a decision, and noted after it.

use crate::ledger::{ContactsAsked, LedgerFault, PastContact, PastPerson};
use crate::live::{Contacts, KnownContacts, Person, Told, Windows};
use crate::question::Question;
use crate::state::{Inner, Served};
use decide::{Decision, Placement, Relation};
use events::Timestamp;
use hashbrown::HashMap;
use policy::contact::ChannelCode;
use policy::{Contact, ContactFacts, ContactKind, Counted, PolicySet, PolicyTable};
use score::World;

impl Served {
    /// How far back the policies of this world ask, of each kind of contact.
    pub(crate) fn asked_windows(&self) -> Windows {
        let default = PolicySet::default().dismissed_rest_us();
        let of_table = |table: &PolicyTable| Windows {
            shown: table.contact_window_us(Counted::is_shown).unwrap_or(0),
            dismissed: table
                .contact_window_us(|counted| counted == Counted::Dismissed)
                .unwrap_or(0)
                .max(table.set().dismissed_rest_us()),
            bought: table.contact_window_us(|counted| counted == Counted::Bought).unwrap_or(0),
        };
        let none = Windows { dismissed: default, ..Windows::default() };
        self.all_policies().map(of_table).reduce(Windows::or).unwrap_or(none)
    }

    fn dismissed_rest_us(&self) -> i64 {
        let default = || PolicySet::default().dismissed_rest_us();
        self.policies.as_ref().map_or_else(default, |table| table.set().dismissed_rest_us())
    }

    pub(crate) fn asks_contacts(&self) -> bool {
        self.all_policies().any(PolicyTable::asks_contacts)
    }
}

impl Inner {
    /// Reads contacts back from the logs where the policies ask for more than is known. Until that
    /// is done, those policies close.
    pub(crate) async fn follow_contacts(&self) -> Result<(), LedgerFault> {
        let contacts = &self.live.contacts;
        if contacts.covers(self.served.load().contact_windows) {
            return Ok(());
        }
        let _turn = contacts.reading.lock().await;
        let asked = self.served.load().contact_windows;
        if contacts.covers(asked) {
            return Ok(());
        }
        contacts.keep(asked);
        let windows = contacts.kept();
        // What was answered a moment ago may still wait to be written.
        self.ledger.flush().await?;
        let now = self.clock.now();
        let since = |window: i64| (0 < window).then(|| Timestamp(now.0.saturating_sub(window)));
        let asked = ContactsAsked {
            shown: since(windows.shown),
            dismissed: since(windows.dismissed),
            bought: since(windows.bought),
        };
        let mut unnamed: HashMap<u32, Vec<(Box<str>, Told)>> = HashMap::new();
        let mut n_contacts = 0_usize;
        let mut take = |past: PastContact<'_>| {
            n_contacts += 1;
            let person = match past.person {
                PastPerson::Known(person) => person,
                PastPerson::Session(session_id) => contacts.session(session_id),
                PastPerson::Customer(idx) => {
                    unnamed.entry(idx).or_default().push((past.item_id.into(), past.told));
                    return;
                }
            };
            contacts.take_back(person, past.item_id, past.told, oldest(&asked, now));
        };
        self.ledger.each_contact(asked, &mut take).await?;
        for (idx, entries) in unnamed {
            // Of a customer who was erased meanwhile, nothing is kept.
            let Some(customer_id) = self.ledger.customer_id(idx).await? else { continue };
            let person = contacts.customer(&customer_id);
            for (item_id, told) in entries {
                contacts.take_back(person, &item_id, told, oldest(&asked, now));
            }
        }
        contacts.set_loaded(windows);
        tracing::info!(n_contacts, "contacts read back from the logs");
        Ok(())
    }

    /// Notes what an answer showed.
    pub(crate) fn note_offered(
        &self,
        world: &World,
        shown: &Shown<'_>,
        decision: &Decision,
    ) -> Vec<Contact> {
        let channel = shown.channel.map(ChannelCode::of);
        let note = |(item, relation): (u32, Relation)| {
            let told = Told {
                kind: ContactKind::Offered,
                at: shown.now,
                placement: Some(shown.placement as u8),
                relation: Some(relation as u8),
                channel,
                is_view: false,
            };
            self.live.contacts.note(shown.person, world.item_id(item), told, shown.now);
            Contact {
                item,
                kind: told.kind,
                at: told.at,
                n: 1,
                placement: told.placement,
                relation: told.relation,
                channel,
            }
        };
        let offers = decision.offers.iter().map(|offer| (offer.item, offer.relation));
        let added = decision.bundles.iter().flat_map(|bundle| &bundle.missing);
        // What stands in the slate and in a bundle was seen once.
        let added = added.filter(|item| !decision.offers.iter().any(|offer| offer.item == **item));
        offers.chain(added.map(|item| (*item, Relation::Bundle))).map(note).collect()
    }
}

fn oldest(asked: &ContactsAsked, now: Timestamp) -> Timestamp {
    [asked.shown, asked.dismissed, asked.bought].into_iter().flatten().min().unwrap_or(now)
}

/// To whom something was shown, and where.
pub(crate) struct Shown<'a> {
    pub(crate) person: Person,
    pub(crate) placement: Placement,
    pub(crate) channel: Option<&'a str>,
    pub(crate) now: Timestamp,
}

/// What was shown to whoever asks, as far as that is known.
#[derive(Debug, Default)]
pub(crate) struct AskedContacts {
    pub(crate) person: Option<Person>,
    /// `None`: nobody can tell.
    pub(crate) known: Option<KnownContacts>,
    /// Dismissed not long ago.
    pub(crate) resting: Vec<u32>,
}

impl AskedContacts {
    /// Of a customer and of their visit, before a moment. `is_unsure`: it may be another customer
    /// than it seems.
    pub(crate) fn of(
        contacts: &Contacts,
        served: &Served,
        [customer, session]: [Option<Person>; 2],
        now: Timestamp,
        is_unsure: bool,
    ) -> AskedContacts {
        let mut known = KnownContacts::default();
        let until = Timestamp(now.0.saturating_add(1));
        for person in [customer, session].into_iter().flatten() {
            contacts.read(person, &served.world, until, &mut known);
        }
        let since = now.0.saturating_sub(served.dismissed_rest_us());
        let rests =
            |contact: &&Contact| contact.kind == ContactKind::Dismissed && since < contact.at.0;
        let resting = known.entries.iter().filter(rests).map(|contact| contact.item).collect();
        let person = customer.or(session);
        let is_known = person.is_some() && !is_unsure && contacts.covers(served.contact_windows);
        AskedContacts { person, known: is_known.then_some(known), resting }
    }

    pub(crate) fn facts(&self) -> Option<ContactFacts<'_>> {
        let known = self.known.as_ref()?;
        Some(ContactFacts { entries: &known.entries, known_since: known.known_since })
    }

    pub(crate) fn add(&mut self, shown: impl Iterator<Item = Contact>) {
        if let Some(known) = &mut self.known {
            known.entries.extend(shown);
        }
    }
}

impl Question<'_> {
    /// The person as the record names them: by a pseudonym that goes with the record when the
    /// customer is erased. One whom the store does not know has none.
    pub(crate) fn recorded_person(&self) -> Option<Person> {
        let is_erasable = |person: &Person| !person.is_customer || self.customer.is_some();
        self.contacts.person.filter(is_erasable)
    }
}
