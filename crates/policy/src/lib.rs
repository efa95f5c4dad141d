//! What people rule: a policy file → checked policies → bits that a decision asks.
//!
//! Input: a TOML file of policies with conditions in a small typed language, and an item table
//! behind [`ItemTable`]. Output: a [`PolicySet`] (checked, with the position of every fault), and
//! a [`PolicyTable`] compiled against the items: conditions on items alone are one bit a policy and
//! item, conditions on the request are asked once a request, only what mixes both is asked of
//! a candidate.
//!
//! **Invariants:** every expression has a static type and bounded size; what is not known is
//! neither true nor false ([`Truth`]), and a hard policy that cannot be answered stops the item;
//! versions in a [`PolicyDir`] are never changed.
//!
//! Deliberately absent: the clock, the catalogue, placements' ranking; loops, functions and
//! regular expressions in the language.
//!
//! Cost: a decision evaluates each condition on the request once, then one AND of a few words
//! a candidate (500 policies: eight words, one cache line).

pub mod diagnostic;
mod nearest;

mod field;
mod syntax;
mod token;
mod typing;

pub mod facts;
pub mod predicate;
pub mod truth;

mod clause;
mod file;
pub mod set;

mod active;
pub mod bundle;
pub mod contact;
mod in_force;
pub mod table;
pub mod value;

pub mod difference;
pub mod directory;
mod disable;
pub mod error;
pub mod review;

pub use active::Active;
pub use bundle::{Bundle, BundlePrice};
pub use contact::{Contact, ContactFacts, ContactKind, ContactRule, ContactStop, Counted, Per};
pub use diagnostic::{Diagnostic, Severity};
pub use directory::{Change, ChangeKind, Over, PolicyDir, Signature};
pub use disable::without;
pub use error::Error;
pub use facts::{CartFacts, CustomerFacts, Facts, ItemList, ItemTable, Stage};
pub use field::Field;
pub use in_force::{InForce, Lever};
pub use set::{
    Cost, Kind, PLACEMENTS, PlacementRule, Policy, PolicySet, RELATIONS, RUNGS, SPEND_ON, SpendOn,
    TONES, Tone, USUAL_COUNTS,
};
pub use table::{Pin, PolicyTable};
pub use truth::Truth;
pub use value::Value;
