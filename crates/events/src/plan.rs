//! The attributes that decisions read themselves: of a plan, a service that covers items (lists are
//! separated by `;`), and what whoever takes an item has of it.

/// Categories: what lies in or below one of them is covered.
pub const COVERS: &str = "covers";
/// The band of prices that a covered item lies in, both ends included.
pub const PRICE_MIN: &str = "covers_price_min";
pub const PRICE_MAX: &str = "covers_price_max";
/// Countries that it is sold in, by their two letters; left out: everywhere.
pub const REGIONS: &str = "regions";
/// How long, for people: `3 years`.
pub const TERM: &str = "term";

pub const PLAN_ATTRIBUTES: [&str; 5] = [COVERS, PRICE_MIN, PRICE_MAX, REGIONS, TERM];

/// What whoever takes the item has of it, in words of the shop; with a language behind a dot
/// (`benefit.de`) in that one.
pub const BENEFIT: &str = "benefit";

/// Is it `benefit`, or `benefit.` and a language?
pub fn is_benefit(name: &str) -> bool {
    name.strip_prefix(BENEFIT).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
