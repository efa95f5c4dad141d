//! Scored candidates + rules → offers with reasons. Pure, synchronous, never fails.
//!
//! Input: a loaded snapshot with its live overlay (`score::World`), and a [`Request`] that says
//! who, where and what is in the cart. Output: a [`Decision`]: a ranked slate in which every offer
//! carries its relation, its reason and the evidence behind it, or an empty slate that says so.
//!
//! **Invariant:** items in the cart, their variants, anchors, fees, hidden and out-of-stock items
//! never come back, on any rung. Hard rules never fail open. Policies (`policy::PolicyTable`) are
//! gates and levers on top: without any, a decision asks for them once.
//!
//! Deliberately absent: I/O, clock, randomness, wire formats.

pub mod benefit;
pub mod bundle;
pub mod content;
pub mod cover;
pub mod decision;
pub mod diversity;
pub mod evidence;
pub mod explore;
pub mod gate;
pub mod language;
pub mod memo;
mod offer;
pub mod placement;
mod policies;
pub mod request;
pub mod slate;
mod visit;
pub mod why_not;
pub mod words;

#[cfg(test)]
mod fixture;

pub use benefit::Benefit;
pub use bundle::BundleOffer;
pub use decision::{
    About, Decision, Evidence, NewThings, NoOffer, Offer, PolicyTouch, Reason, ReasonCode, Rebuy,
    Relation, Spend, Warning,
};
pub use explore::{Choice, Drawn};
pub use gate::Gate;
pub use language::{Language, LanguageFault, Languages};
pub use memo::{Begun, Known, Memo};
pub use placement::{Placement, PlacementRules};
pub use policies::Items;
pub use request::{CartLine, Circumstances, Filter, ItemRef, KnownCustomer, OrderSince, Request};
pub use score::{Rung, responses::context_of};
pub use slate::{MAX_ANCHORS, MAX_CONTEXT, Workspace, decide, expected_margin};
pub use why_not::{WhyNot, contact_stop, why_not};
