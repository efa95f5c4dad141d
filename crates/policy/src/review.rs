//! What is right by the letter and probably not what was meant: contradictions, terms that are
//! over, conditions that can never hold, policies that leave nothing to offer.

use crate::diagnostic::Diagnostic;
use crate::facts::ItemTable;
use crate::field::Field;
use crate::nearest::nearest;
use crate::set::{Kind, PLACEMENTS, Policy, PolicySet};
use crate::table::PolicyTable;
use events::{ItemKind, Timestamp};

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
    let (mut asks_lists, mut asks_known) = (false, false);
    when.visit_fields(&mut |field| {
        asks_lists |= matches!(field, Field::CustomerBought | Field::CustomerHoldings);
        asks_known |= *field == Field::CustomerKnown;
    });
    if policy.kind.is_hard() && !policy.kind.is_demand() && asks_lists && !asks_known {
        let message =
            "of guests it is not known what they have, so this stops its items for all guests";
        let mend = "if that is not meant: when = \"customer.known and …\"";
        found.push(Diagnostic::warning(policy.span.clone(), message).mend(mend));
    }
}

/// What the present time tells.
pub fn review_at(set: &PolicySet, now: Timestamp) -> Vec<Diagnostic> {
    let is_over = |policy: &&Policy| policy.valid_until.is_some_and(|until| until <= now);
    let over = set.policies.iter().filter(is_over);
    over.map(|policy| {
        let until = policy.valid_until.map(|until| until.to_string()).unwrap_or_default();
        Diagnostic::warning(policy.span.clone(), format!("it ended at {until} and does nothing"))
            .mend("take it out, or set `valid_until` anew")
    })
    .collect()
}

/// What the catalogue tells: ids and attributes that no item has, policies that reach nothing, and
/// those that leave nothing to offer.
pub fn review_items(
    table: &PolicyTable,
    items: &dyn ItemTable,
    attributes: &[String],
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if items.n_items() == 0 {
        return found;
    }
    let set = table.set();
    for (at, policy) in set.policies.iter().enumerate() {
        review_names(policy, items, attributes, &mut found);
        review_reach(table, at as u16, items, &mut found);
    }
    review_whole(table, items, &mut found);
    found
}

fn review_names(
    policy: &Policy,
    items: &dyn ItemTable,
    attributes: &[String],
    found: &mut Vec<Diagnostic>,
) {
    let unknown: Vec<&str> =
        policy.pinned_ids.iter().map(|id| &**id).filter(|id| items.find(id).is_none()).collect();
    if !unknown.is_empty() {
        let named: Vec<&str> = unknown.iter().take(MAX_NAMED).copied().collect();
        let message = format!("no item has the id {}", named.join(", "));
        found.push(Diagnostic::warning(policy.span.clone(), message).mend("look at the catalogue"));
    }
    let mut look = |field: &Field| {
        let (Field::ItemAttribute(name) | Field::AnchorAttribute(name)) = field else { return };
        if attributes.iter().any(|known| **known == **name) {
            return;
        }
        let mend = match nearest(name, attributes.iter().map(String::as_str)) {
            Some(meant) => format!("did you mean item.attr.{meant}?"),
            None => "it is unknown for every item: a hard policy closes for all of them".to_owned(),
        };
        let message = format!("no item has the attribute {name:?}");
        found.push(Diagnostic::warning(policy.span.clone(), message).mend(mend));
    };
    for predicate in policy.items.iter().chain(&policy.when) {
        predicate.visit_fields(&mut look);
    }
}

fn review_reach(table: &PolicyTable, at: u16, items: &dyn ItemTable, found: &mut Vec<Diagnostic>) {
    let policy = table.policy(at);
    if policy.kind == Kind::Pin {
        return;
    }
    let (reached, is_unconditional) = table.reach(at);
    if reached.is_empty() && policy.items.is_some() {
        let message = "no item of the catalogue is meant by it";
        let mend = "look at the spelling of categories and attributes; levels are joined by ` > `";
        found.push(Diagnostic::warning(policy.span.clone(), message).mend(mend));
    }
    let stops = policy.kind.is_hard() && policy.kind != Kind::Include;
    if stops && is_unconditional && reached.len() == items.n_items() {
        let message = "it stops every item of the catalogue, whatever is asked";
        let mend =
            "is a price, cost or attribute missing that it asks for? What is not known stops";
        found.push(Diagnostic::error(policy.span.clone(), message).mend(mend));
    }
}

/// Can anything be offered at all, placement by placement?
fn review_whole(table: &PolicyTable, items: &dyn ItemTable, found: &mut Vec<Diagnostic>) {
    if found.iter().any(Diagnostic::is_error) {
        return;
    }
    let set = table.set();
    for (placement, name) in PLACEMENTS.iter().enumerate() {
        let mut stopped = vec![false; items.n_items()];
        let mut last = None;
        for (at, policy) in set.policies.iter().enumerate() {
            let stops = policy.kind.is_hard() && policy.kind != Kind::Include;
            if !stops || !policy.is_at(placement) {
                continue;
            }
            let (reached, true) = table.reach(at as u16) else { continue };
            reached.iter().for_each(|&item| stopped[item as usize] = true);
            last = Some(policy);
        }
        let is_left = |item: usize| !stopped[item] && items.kind(item as u32) != ItemKind::Fee;
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
