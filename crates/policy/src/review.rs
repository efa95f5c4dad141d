//! What is right by the letter and probably not what was meant: contradictions, terms that are
//! over, conditions that can never hold, policies that leave nothing to offer.

use crate::clause::clauses;
use crate::diagnostic::Diagnostic;
use crate::facts::ItemTable;
use crate::field::Field;
use crate::nearest::nearest;
use crate::predicate::{Number, Predicate, Relation, Text, is_below};
use crate::set::{Kind, PLACEMENTS, Policy, PolicySet};
use crate::table::{PolicyTable, Reach};
use events::{Amount, ItemKind, Timestamp};
use hashbrown::HashSet;
use std::collections::BTreeSet;

/// A policy that stops this share of the catalogue is looked at twice.
const NEARLY_ALL: f64 = 0.9;
/// Ids that nobody knows and that are named one by one.
const MAX_NAMED: usize = 5;

/// What the file alone tells.
pub(crate) fn review_set(set: &PolicySet, found: &mut Vec<Diagnostic>) {
    let pins = set.policies.iter().filter(|policy| policy.kind == Kind::Pin);
    let pins: Vec<&Policy> = pins.collect();
    for (at, pin) in pins.iter().enumerate() {
        if let Some(other) = pins[..at].iter().find(|other| contradict(pin, other)) {
            found.push(contradiction(pin, other));
        }
    }
    for policy in &set.policies {
        review_guests(policy, found);
        review_ranges(policy, found);
    }
}

/// What is asked of each candidate, all policies together: parts of conditions that need item and
/// request at once, and so cannot be settled when the file is saved nor once a request. A decision
/// asks them of some hundred candidates; 200 parts take it about a millisecond.
const MANY_MIXED: usize = 200;
const MAX_MIXED: usize = 2_000;

/// Not asked of a version that was kept: what was in force stays.
pub(crate) fn review_cost(set: &PolicySet, found: &mut Vec<Diagnostic>) {
    let mut n_parts = [0_usize; PLACEMENTS.len()];
    let mut told = false;
    for policy in set.policies.iter().filter(|policy| !policy.kind.is_contact()) {
        let n_own = n_mixed_parts(policy);
        for (placement, n) in n_parts.iter_mut().enumerate() {
            *n += if policy.is_at(placement) { n_own } else { 0 };
        }
        let most = n_parts.iter().copied().max().unwrap_or(0);
        let mend = "ask of the item in `items` and of the request in `when`, or compare with fixed \
                    numbers: what names one side alone is asked once";
        if MAX_MIXED < most {
            let message = format!(
                "with those before it, {most} comparisons of an item with the request are asked of \
                 each candidate; at most {MAX_MIXED}"
            );
            found.push(Diagnostic::error(policy.span.clone(), message).mend(mend));
            return;
        }
        if MANY_MIXED < most && !told {
            told = true;
            let message = format!(
                "with those before it, {most} comparisons of an item with the request are asked of \
                 each candidate, which slows every decision"
            );
            found.push(Diagnostic::warning(policy.span.clone(), message).mend(mend));
        }
    }
}

/// Comparisons that need both sides.
fn n_mixed_parts(policy: &Policy) -> usize {
    let mut n_parts = 0;
    for clause in clauses(&policy.condition()) {
        for part in &clause.mixed {
            part.visit(&mut |part| {
                n_parts += match part {
                    Predicate::And(_) | Predicate::Or(_) | Predicate::Not(_) => 0,
                    Predicate::Numbers { left, right, .. } => left.n_parts() + right.n_parts() - 1,
                    _ => 1,
                };
            });
        }
    }
    n_parts
}

/// Hours, days and months that no clock shows.
fn review_ranges(policy: &Policy, found: &mut Vec<Diagnostic>) {
    let range_of = |field: &Field| match field {
        Field::ContextHour => Some((0, 23)),
        Field::ContextDay => Some((1, 31)),
        Field::ContextMonth => Some((1, 12)),
        _ => None,
    };
    let mut strange = Vec::new();
    for condition in policy.items.iter().chain(&policy.when) {
        condition.visit(&mut |part| {
            let mut look = |number: &Number, field: &Number, is_equal: bool| {
                let (Number::Constant(told), Number::Field(field)) = (number, field) else {
                    return;
                };
                let Some((least, most)) = range_of(field) else { return };
                let units = |units| Amount::from_units(units).unwrap_or(Amount::ZERO);
                // `context.hour < 24` is no fault.
                let most_told = if is_equal { most } else { most + 1 };
                if *told < units(least) || units(most_told) < *told {
                    strange.push((*told, least, most));
                }
            };
            match part {
                Predicate::Numbers { relation, left, right } => {
                    let is_equal = *relation == Relation::Equal;
                    look(left, right, is_equal);
                    look(right, left, is_equal);
                }
                Predicate::OneOfNumbers { number, sorted } => {
                    sorted.iter().for_each(|told| look(&Number::Constant(*told), number, true));
                }
                _ => {}
            }
        });
    }
    for (told, least, most) in strange {
        let message = format!("{told} is asked of what lies between {least} and {most}");
        let mend = "hours count from 0 to 23, days from 1 to 31, months from 1 to 12";
        found.push(Diagnostic::warning(policy.span.clone(), message).mend(mend));
    }
}

/// Two pins for one place at one time.
fn contradict(one: &Policy, two: &Policy) -> bool {
    let begins_before_end = |a: &Policy, b: &Policy| match (a.valid_from, b.valid_until) {
        (Some(from), Some(until)) => from < until,
        _ => true,
    };
    one.position == two.position
        && one.placements & two.placements != 0
        && begins_before_end(one, two)
        && begins_before_end(two, one)
}

fn contradiction(pin: &Policy, other: &Policy) -> Diagnostic {
    let message = format!("{:?} is pinned to place {} as well", other.name, pin.position);
    let span = pin.span.clone();
    if pin.when.is_none() && other.when.is_none() {
        let mend = "give one another position, or let `when` or dates part them";
        return Diagnostic::error(span, message).mend(mend);
    }
    let mend = "where both conditions hold, the earlier in the file stands first";
    Diagnostic::warning(span, message).mend(mend)
}

/// Of guests nothing is known, so a hard policy that asks closes for all of them.
fn review_guests(policy: &Policy, found: &mut Vec<Diagnostic>) {
    let Some(when) = &policy.when else { return };
    let (mut asks_of_customer, mut asks_known) = (false, false);
    when.visit_fields(&mut |field| {
        asks_of_customer |= field.is_of_customer() && *field != Field::CustomerKnown;
    });
    when.visit(&mut |part| {
        asks_known |= match part {
            Predicate::Known(field) => field.is_of_customer(),
            Predicate::Is(field) => *field == Field::CustomerKnown,
            _ => false,
        }
    });
    // A demand is meant so: who is not known to be of age gets no wine. One of everything is not.
    let is_demand = policy.kind.is_demand();
    let is_meant = (is_demand && policy.items.is_some()) || policy.kind.is_contact();
    if policy.kind.is_hard() && !is_meant && asks_of_customer && !asks_known {
        let message = match policy.kind {
            Kind::Include => "of guests this is not known, so nothing is offered to any of them",
            _ if is_demand => {
                "of guests this is not known, so nothing at all is offered to them: no items named"
            }
            _ => "of guests this is not known, so it stops its items for all guests",
        };
        let mend = match is_demand {
            true => "say in `items` which items it is about",
            false => "if that is not meant: when = \"customer.known and …\"",
        };
        found.push(Diagnostic::warning(policy.span.clone(), message).mend(mend));
    }
}

/// What the present time tells, and what all policies together cost.
pub fn review_at(set: &PolicySet, now: Timestamp) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    review_cost(set, &mut found);
    let over = set.policies.iter().filter(|policy| policy.is_over_at(now));
    found.extend(over.map(|policy| {
        let until = policy.valid_until.map(|until| until.to_string()).unwrap_or_default();
        Diagnostic::warning(policy.span.clone(), format!("it ended at {until} and does nothing"))
            .mend("take it out, or set `valid_until` anew")
    }));
    found
}

/// What the catalogue tells: ids, categories and attributes that no item has, policies that reach
/// nothing, and those that leave nothing to offer.
pub fn review_items(
    table: &PolicyTable,
    items: &dyn ItemTable,
    attributes: &[String],
    now: Timestamp,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if items.n_items() == 0 {
        return found;
    }
    let categories = (0..items.n_items()).filter_map(|item| items.category(item as u32));
    let categories: HashSet<&str> = categories.collect();
    for (at, policy) in table.set().policies.iter().enumerate() {
        let n_before = found.len();
        review_names(policy, items, &categories, &mut found);
        let is_explained = n_before < found.len();
        review_attributes(policy, attributes, &mut found);
        review_reach(table, at as u16, is_explained, (items, now), &mut found);
    }
    review_interruptions(table.set(), items, &mut found);
    crate::bundle::review(table.set(), items, &mut found);
    review_whole(table, items, now, &mut found);
    found
}

/// Item ids and categories that a policy names.
#[derive(Default)]
struct Named<'p> {
    item_ids: BTreeSet<&'p str>,
    categories: BTreeSet<&'p str>,
}

fn named_by(policy: &Policy) -> Named<'_> {
    let mut named = Named::default();
    named.item_ids.extend(policy.pinned_ids.iter().map(|id| &**id));
    for predicate in policy.items.iter().chain(&policy.when) {
        predicate.visit(&mut |part| match part {
            Predicate::OneOf { text: Text::Field(Field::ItemId), set }
            | Predicate::HasAny { ids: set, .. } => {
                named.item_ids.extend(set.iter().map(|id| &**id));
            }
            Predicate::Texts { left: Text::Field(Field::ItemId), right: Text::Constant(id) }
            | Predicate::Has { id: Text::Constant(id), .. } => {
                named.item_ids.insert(id);
            }
            Predicate::Under { paths, .. } => {
                named.categories.extend(paths.iter().map(|path| &**path));
            }
            _ => {}
        });
    }
    named
}

fn review_names(
    policy: &Policy,
    items: &dyn ItemTable,
    categories: &HashSet<&str>,
    found: &mut Vec<Diagnostic>,
) {
    let named = named_by(policy);
    let mut tell = |message: &str, unknown: Vec<&str>, mend: &str| {
        if unknown.is_empty() {
            return;
        }
        let mut told = unknown[..unknown.len().min(MAX_NAMED)].join(", ");
        if MAX_NAMED < unknown.len() {
            told += &format!(" and {} more", unknown.len() - MAX_NAMED);
        }
        let message = format!("{message} {told}");
        found.push(Diagnostic::warning(policy.span.clone(), message).mend(mend));
    };
    let ids = named.item_ids.into_iter().filter(|id| items.find(id).is_none()).collect();
    tell("no item has the id", ids, "look at the catalogue; ids are compared letter by letter");
    let is_empty = |path: &&str| !categories.iter().any(|category| is_below(category, path));
    let empty = named.categories.into_iter().filter(is_empty).collect();
    let mend = "look at the spelling of categories; levels are joined by ` > `";
    tell("no item of the catalogue lies in the category", empty, mend);
}

fn review_attributes(policy: &Policy, attributes: &[String], found: &mut Vec<Diagnostic>) {
    let mut unknown = BTreeSet::new();
    for predicate in policy.items.iter().chain(&policy.when) {
        predicate.visit_fields(&mut |field| {
            if let Field::ItemAttribute(name) | Field::AnchorAttribute(name) = field
                && !attributes.iter().any(|known| **known == **name)
            {
                unknown.insert(name.clone());
            }
        });
    }
    for name in unknown {
        let mend = match nearest(&name, attributes.iter().map(String::as_str)) {
            Some(meant) => format!("did you mean item.attr.{meant}?"),
            None => "it is unknown for every item: a hard policy closes for all of them".to_owned(),
        };
        let message = format!("no item has the attribute {name:?}");
        found.push(Diagnostic::warning(policy.span.clone(), message).mend(mend));
    }
}

fn stops_items(policy: &Policy) -> bool {
    policy.kind.is_hard() && policy.kind != Kind::Include && !policy.kind.is_contact()
}

fn review_reach(
    table: &PolicyTable,
    at: u16,
    is_explained: bool,
    (items, now): (&dyn ItemTable, Timestamp),
    found: &mut Vec<Diagnostic>,
) {
    let policy = table.policy(at);
    if policy.kind == Kind::Pin {
        return;
    }
    let reach = table.reach(at);
    let is_to_act = policy.items.is_some() || !policy.kind.is_demand();
    if reach.at_times.is_empty() && is_to_act && !is_explained {
        let message = match policy.kind {
            Kind::Include => "no item of the catalogue is meant by it, so it lets nothing in",
            _ => "no item of the catalogue is meant by it",
        };
        let mend = "look at the spelling of categories and attributes; levels are joined by ` > `";
        found.push(Diagnostic::warning(policy.span.clone(), message).mend(mend));
    }
    if !stops_items(policy) || policy.is_over_at(now) {
        return;
    }
    if reach.always.len() < items.n_items() {
        review_share(policy, &reach, items.n_items(), found);
        return;
    }
    let mend = "is a price, cost or attribute missing that it asks for? What is not known stops; \
                to close a placement give it `max_count = 0`";
    found.push(match policy.valid_until {
        None => {
            let message = "it stops every item of the catalogue, whatever is asked";
            Diagnostic::error(policy.span.clone(), message).mend(mend)
        }
        Some(until) => {
            let message = format!("it stops every item of the catalogue until {until}");
            Diagnostic::warning(policy.span.clone(), message).mend(mend)
        }
    });
}

/// Does it stop nearly all, or items of which nobody can tell whether it means them?
fn review_share(policy: &Policy, reach: &Reach, n_items: usize, found: &mut Vec<Diagnostic>) {
    let n_always = reach.always.len();
    if NEARLY_ALL * n_items as f64 <= n_always as f64 {
        let message =
            format!("it stops {n_always} of {n_items} items of the catalogue, whatever is asked");
        found.push(
            Diagnostic::warning(policy.span.clone(), message).mend("see whether that is meant"),
        );
    }
    let n_unknown = if policy.items.is_some() { reach.n_unknown } else { 0 };
    if n_items < n_unknown * 100 {
        let message = format!(
            "of {n_unknown} of {n_items} items it cannot be told whether they are meant, and they \
             are stopped with those that are"
        );
        let mend = "give them the price, category or attribute that it asks for, or ask \
                    `item.… is known and …`";
        found.push(Diagnostic::warning(policy.span.clone(), message).mend(mend));
    }
}

/// Where an interruption has a cost that no offer can be held against, nothing is ever offered.
fn review_interruptions(set: &PolicySet, items: &dyn ItemTable, found: &mut Vec<Diagnostic>) {
    for (rule, name) in set.placements.iter().zip(PLACEMENTS) {
        let Some(cost) = rule.interruption_cost.filter(|cost| Amount::ZERO < cost.amount) else {
            continue;
        };
        let is_comparable = |item: u32| {
            let other = items.currency(item);
            let is_same = cost.currency.is_none() || other.is_none() || cost.currency == other;
            is_same && items.price(item).is_some() && items.cost(item).is_some()
        };
        if !(0..items.n_items() as u32).any(is_comparable) {
            let message = format!(
                "no item has a price and a cost that the interruption cost of {name} could be held \
                 against, so nothing is offered there"
            );
            let mend = "import costs, or tell the cost in the currency of the items";
            found.push(Diagnostic::warning(0..0, message).mend(mend));
        }
    }
}

/// Can anything be offered at all, placement by placement? What ends some day is left out.
fn review_whole(
    table: &PolicyTable,
    items: &dyn ItemTable,
    now: Timestamp,
    found: &mut Vec<Diagnostic>,
) {
    if found.iter().any(Diagnostic::is_error) {
        return;
    }
    let set = table.set();
    for (placement, name) in PLACEMENTS.iter().enumerate() {
        let mut stopped = vec![false; items.n_items()];
        let mut let_in = vec![false; items.n_items()];
        let (mut last, mut asks_for_include) = (None, false);
        for (at, policy) in set.policies.iter().enumerate() {
            if !policy.is_at(placement) || policy.is_over_at(now) {
                continue;
            }
            let lasts = policy.valid_until.is_none();
            if policy.kind == Kind::Include {
                // Whatever any of them may let in is left.
                let reach = table.reach(at as u16);
                reach.at_times.iter().for_each(|&item| let_in[item as usize] = true);
                if lasts && policy.when.is_none() {
                    asks_for_include = true;
                    last = Some(policy);
                }
            } else if stops_items(policy) && lasts {
                let reach = table.reach(at as u16);
                reach.always.iter().for_each(|&item| stopped[item as usize] = true);
                last = if reach.always.is_empty() { last } else { Some(policy) };
            }
        }
        let is_left = |item: usize| {
            let is_in = !asks_for_include || let_in[item];
            is_in && !stopped[item] && items.kind(item as u32) != ItemKind::Fee
        };
        if let (Some(policy), false) = (last, (0..items.n_items()).any(is_left)) {
            let message =
                format!("together with those before it, nothing is left to offer at {name}");
            let mend = "`alongside policy simulate` shows what each takes away";
            found.push(Diagnostic::error(policy.span.clone(), message).mend(mend));
            // Once is enough; the others are mended by the same.
            return;
        }
    }
}
