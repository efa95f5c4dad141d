//! Random contact policies over a life of random contacts, held against a checker that keeps the
//! whole log and counts it anew for each offer.
//!
//! 30,000 decisions; `ALONGSIDE_POLICY_DECISIONS` asks for another number.

use super::policy_invariants::Chance;
use super::*;
use crate::Circumstances;
use crate::fixture::{items, learned, line, view};
use crate::request::ItemRef;
use events::{ItemRecord, Timestamp};
use policy::contact::ChannelCode;
use policy::{Contact, ContactFacts, ContactKind, PolicySet, PolicyTable, RELATIONS};
use std::fmt::Write;
use std::sync::Arc;

const N: usize = 12;
const DECISIONS: usize = 30_000;
const DECISIONS_A_LIFE: usize = 60;
const HOUR_US: i64 = 3_600_000_000;
const CATEGORIES: [Option<&str>; 4] = [Some("Home"), Some("Garden"), Some("Home > Tins"), None];
const CHANNELS: [&str; 2] = ["web", "push"];
const KINDS: [ContactKind; 4] =
    [ContactKind::Offered, ContactKind::Seen, ContactKind::Dismissed, ContactKind::Bought];

#[derive(Clone, Debug)]
struct Rule {
    is_cap: bool,
    counted: ContactKind,
    at_most: usize,
    hours: i64,
    per: usize,
    /// Items below this one are meant.
    below: usize,
    placements: Option<[usize; 2]>,
    relation: Option<usize>,
    channel: Option<&'static str>,
}

/// One line of the log.
#[derive(Clone, Debug)]
struct Happened {
    item: usize,
    kind: ContactKind,
    at: i64,
    placement: Option<usize>,
    relation: Option<usize>,
    channel: Option<&'static str>,
}

struct Asked {
    placement: usize,
    channel: Option<&'static str>,
    now: i64,
}

fn rule(chance: &mut Chance) -> Rule {
    let is_cap = !chance.one_in(3);
    let kinds = if is_cap { &KINDS[..2] } else { &KINDS[2..] };
    Rule {
        is_cap,
        counted: chance.of(kinds),
        at_most: if is_cap { 1 + chance.below(5) } else { 1 },
        hours: 1 + chance.below(40) as i64,
        per: chance.below(3),
        below: 4 + chance.below(N),
        placements: chance.one_in(3).then(|| [chance.below(10), chance.below(10)]),
        relation: (is_cap && chance.one_in(4)).then(|| chance.below(RELATIONS.len())),
        channel: (is_cap && chance.one_in(4)).then(|| chance.of(&CHANNELS)),
    }
}

fn written(rules: &[Rule]) -> String {
    let mut text = String::new();
    for (n, rule) in rules.iter().enumerate() {
        let ids: Vec<String> = (0..rule.below.min(N)).map(|at| format!("'i{at}'")).collect();
        let kind = if rule.is_cap { "cap" } else { "rest" };
        let per = ["item", "category", "all"][rule.per];
        let _ = write!(text, "[[policy]]\nname = 'r{n}'\nkind = '{kind}'\nper = '{per}'\n");
        let _ = writeln!(text, "item_ids = [{}]", ids.join(", "));
        let _ = match (rule.is_cap, rule.counted) {
            (true, counted) => {
                let counted = if counted == ContactKind::Seen { "seen" } else { "offered" };
                let (at_most, hours) = (rule.at_most, rule.hours);
                writeln!(
                    text,
                    "counted = '{counted}'\nat_most = {at_most}\nwithin = '{hours} hours'"
                )
            }
            (false, counted) => {
                let after = if counted == ContactKind::Bought { "purchase" } else { "dismissal" };
                writeln!(text, "after = '{after}'\nfor = '{} hours'", rule.hours)
            }
        };
        if let Some(placements) = rule.placements {
            let names = placements.map(|at| policy::PLACEMENTS[at]);
            let _ = writeln!(text, "placements = ['{}', '{}']", names[0], names[1]);
        }
        if let Some(relation) = rule.relation {
            let _ = writeln!(text, "relations = ['{}']", RELATIONS[relation]);
        }
        if let Some(channel) = rule.channel {
            let _ = writeln!(text, "channels = ['{channel}']");
        }
    }
    text
}

impl Rule {
    fn is_in_force(&self, asked: &Asked) -> bool {
        self.placements.is_none_or(|placements| placements.contains(&asked.placement))
            && (self.channel.is_none() || asked.channel.is_none() || self.channel == asked.channel)
    }

    fn means(&self, item: usize, relation: Option<usize>) -> bool {
        item < self.below
            && (self.relation.is_none() || relation.is_none() || relation == self.relation)
    }

    fn is_together(&self, one: usize, other: usize) -> bool {
        match self.per {
            0 => one == other,
            1 => CATEGORIES[one % 4] == CATEGORIES[other % 4],
            _ => true,
        }
    }

    /// What counts against one more offer of the item.
    fn n_before(&self, log: &[Happened], asked: &Asked, item: usize) -> usize {
        let counts = |happened: &&Happened| {
            let is_here = !self.is_cap
                || self.placements.is_none_or(|placements| {
                    happened.placement.is_none_or(|at| placements.contains(&at))
                });
            let is_channel = self.channel.is_none()
                || happened.channel.is_none()
                || happened.channel == self.channel;
            happened.kind == self.counted
                && asked.now - self.hours * HOUR_US < happened.at
                && is_here
                && is_channel
                && self.means(happened.item, happened.relation)
                && self.is_together(happened.item, item)
        };
        log.iter().filter(counts).count()
    }
}

fn contact(happened: &Happened) -> Contact {
    Contact {
        item: happened.item as u32,
        kind: happened.kind,
        at: Timestamp(happened.at),
        n: 1,
        placement: happened.placement.map(|at| at as u8),
        relation: happened.relation.map(|at| at as u8),
        channel: happened.channel.map(ChannelCode::of),
    }
}

/// Decides and checks; the items offered with their relations.
fn check(
    world: &World,
    (table, rules): (&PolicyTable, &[Rule]),
    (log, asked, is_lost): (&[Happened], &Asked, bool),
    (cart, workspace): (&[u32], &mut Workspace),
) -> Vec<(usize, usize)> {
    let entries: Vec<Contact> = log.iter().map(contact).collect();
    let lines: Vec<_> = cart.iter().map(|&item| line(ItemRef::Known(item))).collect();
    let facts = ContactFacts { entries: &entries, known_since: None };
    let request = Request {
        cart: &lines,
        customer: Some(0),
        evidence_required: Some(false),
        count: Some(6),
        policies: Some(table),
        circumstances: Circumstances {
            now: Some(Timestamp(asked.now)),
            channel: asked.channel,
            contact: (!is_lost).then_some(facts),
            ..Circumstances::default()
        },
        ..Request::at(Placement::ALL[asked.placement])
    };
    let decision = decide(world, &request, workspace);
    let offered =
        decision.offers.iter().map(|offer| (offer.item as usize, offer.relation as usize));
    let offered: Vec<(usize, usize)> = offered.collect();
    let in_force: Vec<&Rule> = rules.iter().filter(|rule| rule.is_in_force(asked)).collect();
    for rule in &in_force {
        for &(item, relation) in offered.iter().filter(|o| rule.means(o.0, Some(o.1))) {
            assert!(!is_lost, "{item} {rule:?}");
            let before = rule.n_before(log, asked, item);
            let together = offered.iter().filter(|&&(other, relation)| {
                rule.means(other, Some(relation)) && rule.is_together(other, item)
            });
            let most = if rule.is_cap { rule.at_most } else { together.clone().count() };
            let n = before + together.count();
            assert!(n <= most, "{item} {relation} {n} of {most}\n{rule:?}\n{log:#?}");
        }
    }
    // Nothing more is stopped than must be.
    for item in 0..N {
        let gate = stopped_by(world, &request, item as u32, workspace);
        let is_closed = in_force.iter().any(|rule| {
            let is_gate = rule.relation.is_none() && item < rule.below;
            is_gate && (is_lost || rule.at_most <= rule.n_before(log, asked, item))
        });
        match gate {
            Some(Gate::Policy(_)) => assert!(is_closed, "{item}\n{}\n{log:#?}", written(rules)),
            None => assert!(!is_closed, "{item}\n{}\n{log:#?}", written(rules)),
            Some(_) => {}
        }
    }
    offered
}

#[test]
fn no_cap_is_broken_in_a_life_of_contacts() {
    let wanted = std::env::var("ALONGSIDE_POLICY_DECISIONS").ok();
    let wanted: usize = wanted.and_then(|n| n.parse().ok()).unwrap_or(DECISIONS);
    let mut chance = Chance(20_261_124);
    let mut workspace = Workspace::default();
    let rows: Vec<(Vec<u32>, u32)> = (0..60_u32).map(|at| (vec![at % 6, 6 + at % 6], 0)).collect();
    let category = |at: usize| ItemRecord {
        item_id: format!("i{at}"),
        category: CATEGORIES[at % 4].map(str::to_owned),
        ..ItemRecord::default()
    };
    let records: Vec<ItemRecord> = (0..N).map(category).collect();
    let world = learned(&view(items(N), &rows)).with_items(&records);
    let (mut n_decisions, mut n_offers, mut n_short) = (0, 0, 0);
    while n_decisions < wanted {
        let rules: Vec<Rule> = (0..1 + chance.below(4)).map(|_| rule(&mut chance)).collect();
        let (set, found) = PolicySet::read(&written(&rules));
        let set = set.unwrap_or_else(|| panic!("{found:#?}\n{}", written(&rules)));
        let table = PolicyTable::compile(Arc::new(set), 1, &Items(&world));
        let (mut log, mut now): (Vec<Happened>, i64) = (Vec::new(), 0);
        for _ in 0..DECISIONS_A_LIFE {
            now += (chance.below(12) as i64) * HOUR_US / 2;
            log.extend((0..chance.below(2)).map(|_| happened(&mut chance, now)));
            let channel = (!chance.one_in(3)).then(|| chance.of(&CHANNELS));
            let asked = Asked { placement: chance.below(10), channel, now };
            let cart: Vec<u32> = (0..chance.below(3)).map(|_| chance.below(N) as u32).collect();
            let is_lost = chance.one_in(30);
            let told = (&log[..], &asked, is_lost);
            let offered = check(&world, (&table, &rules), told, (&cart, &mut workspace));
            n_offers += offered.len();
            n_short += usize::from(offered.len() < 6);
            n_decisions += 1;
            let placement = Some(asked.placement);
            log.extend(offered.into_iter().map(|(item, relation)| Happened {
                item,
                kind: ContactKind::Offered,
                at: now,
                placement,
                relation: Some(relation),
                channel,
            }));
        }
    }
    assert!(n_offers > n_decisions, "{n_offers} offers: the caps leave too little to see");
    assert!(n_short > n_decisions / 10, "{n_short}: the caps bind too seldom");
}

fn happened(chance: &mut Chance, now: i64) -> Happened {
    Happened {
        item: chance.below(N),
        kind: chance.of(&KINDS[1..]),
        at: now - chance.below(3) as i64 * HOUR_US,
        placement: (!chance.one_in(2)).then(|| chance.below(10)),
        relation: (!chance.one_in(2)).then(|| chance.below(RELATIONS.len())),
        channel: (!chance.one_in(2)).then(|| chance.of(&CHANNELS)),
    }
}
