//! What is told of policies.

use crate::problem::Fault;
use events::Timestamp;
use policy::{Change, Diagnostic, PLACEMENTS, Policy};
use serde::Serialize;

/// The policies in force.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PoliciesOut {
    /// Null: none were ever applied.
    pub(super) version: Option<u64>,
    pub(super) policies: Vec<PolicyOut>,
    /// The file, as it was applied.
    pub(super) text: String,
}

/// One policy.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PolicyOut {
    pub(super) name: String,
    pub(super) kind: &'static str,
    /// Empty: all.
    pub(super) placements: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) valid_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) valid_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
    /// The line of the file in which it is named.
    pub(super) line: usize,
}

/// One version, or how it came into force.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PolicyChangeOut {
    pub(super) version: u64,
    pub(super) at: String,
    /// `apply, rollback, disable`.
    pub(super) kind: &'static str,
    pub(super) by: String,
    /// The key that did it; null on the command line, and while there are no keys.
    pub(super) key_id: Option<String>,
    pub(super) note: String,
    pub(super) in_force: bool,
}

/// All changes, oldest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PolicyLogOut {
    pub(super) changes: Vec<PolicyChangeOut>,
}

/// How two versions differ.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PolicyDiffOut {
    /// 0: nothing.
    pub(super) from: u64,
    pub(super) to: u64,
    /// `- gone`, `+ new`, and a few lines around.
    pub(super) lines: Vec<String>,
}

/// What became of a change.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PolicyAppliedOut {
    /// The version in force; of a dry run, the one that stays in force.
    pub(super) version: Option<u64>,
    pub(super) changed: bool,
    pub(super) policies: usize,
    /// What is right by the letter and probably not what was meant.
    pub(super) warnings: Vec<Fault>,
}

pub(super) fn fault(found: &Diagnostic, text: &str) -> Fault {
    let (line, column) = found.place(text);
    Fault {
        severity: if found.is_error() { "error" } else { "warning" },
        line,
        column,
        message: found.message.clone(),
        mend: found.mend.clone(),
    }
}

pub(super) fn policy_out(policy: &Policy, text: &str) -> PolicyOut {
    let at = |time: Option<Timestamp>| time.map(|time| time.to_string());
    let is_everywhere = (0..PLACEMENTS.len()).all(|placement| policy.is_at(placement));
    let own = PLACEMENTS.iter().enumerate().filter(|(at, _)| policy.is_at(*at));
    let own = own.map(|(_, name)| *name).filter(|_| !is_everywhere);
    PolicyOut {
        name: policy.name.clone(),
        kind: policy.kind.as_str(),
        placements: own.collect(),
        valid_from: at(policy.valid_from),
        valid_until: at(policy.valid_until),
        owner: policy.owner.clone(),
        comment: policy.comment.clone(),
        line: Diagnostic::error(policy.span.clone(), "").place(text).0,
    }
}

pub(super) fn change_out(change: Change, in_force: bool) -> PolicyChangeOut {
    PolicyChangeOut {
        version: change.version,
        at: Timestamp(change.at_us).to_string(),
        kind: change.kind.as_str(),
        by: change.by,
        key_id: change.key_id,
        note: change.note,
        in_force,
    }
}
