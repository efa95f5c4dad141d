//! The attributes of a plan: a service that covers items. Lists are separated by `;`.

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
