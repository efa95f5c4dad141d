//! What is asked of a slate before it is filled: its rules, and how far down a decision goes.

use crate::decision::Warning;
use crate::placement::PlacementRules;
use crate::request::Request;

/// What the placement asks, with what the policies say of it.
pub(super) fn rules_of(request: &Request<'_>) -> PlacementRules {
    let rules = request.placement.rules();
    match request.policies {
        Some(policies) => rules.with(policies.rule(request.placement as usize)),
        None => rules,
    }
}

pub(super) fn count_of(
    request: &Request<'_>,
    rules: &PlacementRules,
    warnings: &mut Vec<Warning>,
) -> usize {
    let asked = request.count.unwrap_or(rules.count);
    if asked > rules.max_count {
        warnings.push(Warning::CountCut { asked, given: rules.max_count });
    }
    asked.min(rules.max_count)
}

/// How far down a decision goes.
#[derive(Clone, Copy)]
pub(super) struct Depth {
    pub(super) count: usize,
    /// Asked for where an item would stand: too few offers are shown all the same.
    pub(super) is_endless: bool,
    pub(super) any_relation: bool,
}
