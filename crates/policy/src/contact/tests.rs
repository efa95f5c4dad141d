use super::*;
use crate::set::PolicySet;
use crate::truth::Truth;
use events::{Amount, Currency, ItemKind};
use std::sync::Arc;

const NOW: Timestamp = Timestamp(1_790_000_000_000_000);
const HOUR_US: i64 = 3_600_000_000;

/// Six items, three by three in two categories.
struct Shop;

impl ItemTable for Shop {
    fn n_items(&self) -> usize {
        6
    }
    fn find(&self, item_id: &str) -> Option<u32> {
        item_id.strip_prefix('i')?.parse().ok()
    }
    fn id(&self, item: u32) -> &str {
        ["i0", "i1", "i2", "i3", "i4", "i5"][item as usize]
    }
    fn title(&self, _item: u32) -> Option<&str> {
        None
    }
    fn category(&self, item: u32) -> Option<&str> {
        Some(if item < 3 { "Lamps" } else { "Bags" })
    }
    fn kind(&self, _item: u32) -> ItemKind {
        ItemKind::Good
    }
    fn price(&self, _item: u32) -> Option<Amount> {
        None
    }
    fn cost(&self, _item: u32) -> Option<Amount> {
        None
    }
    fn stock(&self, _item: u32) -> Option<i64> {
        None
    }
    fn currency(&self, _item: u32) -> Option<Currency> {
        None
    }
    fn is_sensitive(&self, _item: u32) -> bool {
        false
    }
    fn n_orders(&self, _item: u32) -> u32 {
        0
    }
    fn attribute(&self, _item: u32, _name: &str) -> Option<&str> {
        None
    }
}

fn table(rest: &str) -> PolicyTable {
    let (set, found) = PolicySet::read(&format!("[[policy]]\nname = 'p'\n{rest}\n"));
    let set = set.unwrap_or_else(|| panic!("{found:#?}"));
    PolicyTable::compile(Arc::new(set), 1, &Shop)
}

/// An offer at home, some hours ago.
fn offered(item: u32, hours_ago: i64) -> Contact {
    Contact {
        item,
        kind: ContactKind::Offered,
        at: Timestamp(NOW.0 - hours_ago * HOUR_US),
        n: 1,
        placement: Some(0),
        relation: Some(0),
        channel: Some(ChannelCode::of("web")),
    }
}

fn facts(entries: &[Contact]) -> Facts<'_> {
    let contact = Some(ContactFacts { entries, known_since: None });
    Facts { now: Some(NOW), channel: Some("web"), contact, ..Facts::default() }
}

/// The items that are stopped.
fn stopped(table: &PolicyTable, mut facts: Facts<'_>) -> Vec<u32> {
    let mut active = Active::default();
    table.activate(&mut facts, &Shop, &mut active);
    let in_force = table.in_force(&active, &facts, &Shop);
    let all: Vec<u32> = (0..6).filter(|&item| in_force.stopped_by(item).is_some()).collect();
    let quick: Vec<u32> = (0..6).filter(|&item| in_force.is_stopped(item)).collect();
    assert_eq!(all, quick);
    all
}

fn stop(table: &PolicyTable, mut facts: Facts<'_>, item: u32) -> ContactStop {
    let mut active = Active::default();
    table.activate(&mut facts, &Shop, &mut active);
    table.in_force(&active, &facts, &Shop).contact_stop(0, item).expect("a contact policy")
}

#[test]
fn a_cap_closes_an_item_that_was_shown_often_enough_and_opens_it_again() {
    let table = table("kind = 'cap'\nat_most = 2\nwithin = '1 day'");
    let entries = [offered(1, 30), offered(1, 23), offered(1, 5), offered(2, 5)];
    assert_eq!(stopped(&table, facts(&entries)), [1]);
    let told = stop(&table, facts(&entries), 1);
    assert_eq!((told.n, told.at_most, told.is_unknown), (2, 2, false));
    assert_eq!(told.opens_at, Some(Timestamp(NOW.0 + HOUR_US)));
    let later = Facts { now: Some(Timestamp(NOW.0 + HOUR_US)), ..facts(&entries) };
    assert!(stopped(&table, later).is_empty());
    let just_before = Facts { now: Some(Timestamp(NOW.0 + HOUR_US - 1)), ..facts(&entries) };
    assert_eq!(stopped(&table, just_before), [1]);
    // Two that are kept as one are two, at the time of the later.
    let joined = Contact { n: 2, ..offered(3, 5) };
    assert_eq!(stopped(&table, facts(&[joined])), [3]);
}

#[test]
fn what_is_not_known_counts_and_what_is_lost_closes() {
    let table = table(
        "kind = 'cap'\nat_most = 1\nwithin = '1 day'\nplacements = ['home']\nchannels = ['web']",
    );
    let elsewhere = Contact { placement: Some(6), ..offered(0, 1) };
    let other = Contact { channel: Some(ChannelCode::of("push")), ..offered(1, 1) };
    let untold = Contact { placement: None, channel: None, ..offered(2, 1) };
    assert_eq!(stopped(&table, facts(&[elsewhere, other, untold])), [2]);
    let untold = [untold];
    let push = Facts { channel: Some("push"), ..facts(&untold) };
    assert!(stopped(&table, push).is_empty(), "not in force there");
    assert_eq!(stopped(&table, Facts { channel: None, ..facts(&untold) }), [2]);
    assert_eq!(stopped(&table, Facts { contact: None, ..facts(&[]) }).len(), 6);
    assert_eq!(stopped(&table, Facts { now: None, ..facts(&[]) }).len(), 6);
    let since = |hours: i64| {
        let known_since = Some(Timestamp(NOW.0 - hours * HOUR_US));
        Facts { contact: Some(ContactFacts { entries: &[], known_since }), ..facts(&[]) }
    };
    assert_eq!(stopped(&table, since(23)).len(), 6);
    assert!(stop(&table, since(23), 0).is_unknown);
    assert!(stopped(&table, since(24)).is_empty());
}

#[test]
fn rests_look_at_one_kind_and_take_the_category_along() {
    let dismissed = Contact { kind: ContactKind::Dismissed, placement: None, ..offered(4, 48) };
    let bought = Contact { kind: ContactKind::Bought, ..dismissed };
    let one = table("kind = 'rest'\nafter = 'dismissal'\nfor = '3 days'");
    assert_eq!(stopped(&one, facts(&[dismissed, offered(0, 1)])), [4]);
    assert!(stopped(&one, facts(&[bought])).is_empty());
    let all = table("kind = 'rest'\nafter = 'purchase'\nfor = '3 days'\nper = 'category'");
    assert_eq!(stopped(&all, facts(&[bought])), [3, 4, 5]);
    assert_eq!(stop(&all, facts(&[bought]), 5).opens_at, Some(Timestamp(NOW.0 + 24 * HOUR_US)));
    let some = "kind = 'rest'\nafter = 'purchase'\nfor = '3 days'\nper = 'all'\n\
                items = \"item.category under 'Bags'\"";
    assert_eq!(stopped(&table(some), facts(&[bought])), [3, 4, 5]);
    assert!(stopped(&table(some), facts(&[Contact { item: 0, ..bought }])).is_empty());
}

/// What is taken of items and relations in turn.
fn slate(table: &PolicyTable, entries: &[Contact], wanted: &[(u32, usize)]) -> Vec<u32> {
    let mut facts = facts(entries);
    let mut active = Active::default();
    table.activate(&mut facts, &Shop, &mut active);
    let in_force = table.in_force(&active, &facts, &Shop);
    let mut taken = Vec::new();
    for &(item, relation) in wanted {
        if !in_force.is_stopped(item) && in_force.crowded_by(item, relation, &taken).is_none() {
            taken.push((item, relation));
        }
    }
    taken.into_iter().map(|(item, _)| item).collect()
}

#[test]
fn one_slate_is_not_to_break_a_cap_by_itself() {
    let all: Vec<(u32, usize)> = (0..6).map(|item| (item, (item % 2) as usize)).collect();
    let category = table("kind = 'cap'\nat_most = 2\nwithin = '1 day'\nper = 'category'");
    assert_eq!(slate(&category, &[], &all), [0, 1, 3, 4]);
    assert_eq!(slate(&category, &[offered(2, 3)], &all), [0, 3, 4]);
    assert_eq!(slate(&category, &[offered(2, 3), offered(0, 2)], &all), [3, 4]);
    let whole = table("kind = 'cap'\nat_most = 3\nwithin = '1 day'\nper = 'all'");
    assert_eq!(slate(&whole, &[offered(2, 3)], &all), [0, 1]);
    // Upgrades are the odd ones; an offer of another relation is not meant.
    let upgrades =
        table("kind = 'cap'\nat_most = 1\nwithin = '1 day'\nper = 'all'\nrelations = ['upgrade']");
    assert_eq!(slate(&upgrades, &[], &all), [0, 1, 2, 4]);
    let shown = Contact { relation: Some(1), ..offered(0, 3) };
    assert_eq!(slate(&upgrades, &[shown], &all), [0, 2, 4]);
    assert_eq!(slate(&upgrades, &[Contact { relation: None, ..shown }], &all), [0, 2, 4]);
}

#[test]
fn a_condition_and_a_term_say_when_it_is_in_force() {
    let table = table("kind = 'cap'\nat_most = 1\nwithin = '1 day'\nwhen = 'customer.known'");
    let entries = [offered(1, 1)];
    assert!(stopped(&table, facts(&entries)).is_empty(), "guests are not meant");
    let mut known = facts(&entries);
    known.customer.is_known = true;
    assert_eq!(stopped(&table, known), [1]);
}

#[test]
fn times_are_read_and_told() {
    let day = DAY_US;
    for (text, us) in [
        ("7 days", Some(7 * day)),
        ("1 week", Some(7 * day)),
        (" 36 hours ", Some(36 * HOUR_US)),
        ("30 minutes", Some(30 * 60_000_000)),
        ("400 days", Some(400 * day)),
        ("401 days", None),
        ("0 days", None),
        ("-1 days", None),
        ("7", None),
        ("1.5 days", None),
        ("9223372036854775807 weeks", None),
        ("7 fortnights", None),
    ] {
        assert_eq!(window_us(text), us, "{text}");
    }
    let texts = [7 * day, 8 * day, 36 * HOUR_US, 60_000_000].map(window_text);
    assert_eq!(texts, ["1 week", "8 days", "36 hours", "1 minute"]);
}

#[test]
fn consent_to_be_contacted_is_an_attribute() {
    let predicate = crate::typing::condition("customer.consent.marketing").expect("a field");
    let ask = |value: &str| {
        let attributes = [(Box::from("consent.marketing"), Box::from(value))];
        let mut facts = Facts::default();
        facts.customer.attributes = &attributes;
        predicate.ask(&crate::predicate::Sight { item: None, facts: Some(&facts) })
    };
    assert_eq!(["true", "No", "maybe"].map(ask), [Truth::True, Truth::False, Truth::Unknown]);
}
