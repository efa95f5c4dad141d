//! HTTP and HTML: the wire format, live state, keys, limits, the demo shop and the dashboard.
//!
//! Input: requests, a published snapshot, and a store behind [`ledger::Ledger`]. Output: offers
//! with reasons, acknowledgements of durable events, pages, metrics.
//!
//! **Invariants:** between a validated request and its answer nothing waits; an event is
//! acknowledged only when it is durable, and is seen by the very next decision; a request sees one
//! world from beginning to end, also across a swap of snapshots; no internal text reaches a
//! client; with a public key nothing personal is used or told without a signed user token.
//!
//! Deliberately absent: learning (a child process does it), files of the store, configuration and
//! the environment (both belong to the command line).

pub mod clock;
pub mod error;
mod hex;
mod json_text;
pub mod wire;

pub mod keys;
pub mod limits;
pub mod problem;
pub mod user_token;

mod caller;
mod extract;
pub mod gatekeeper;

pub mod chronicle;
mod contacts;
mod declared;
mod following;
pub mod ledger;
mod live;
mod live_catalog;
mod policy_access;
mod recent;
mod recommendation_id;
pub mod settings;
pub mod state;

mod answer;
mod bundles;
mod factors;
pub mod holdout;
mod no_offer;
pub mod outcomes;
mod proving;
mod question;
mod reason;
mod recommend;
mod record;
pub mod replay;
mod treatment;
pub mod variants;
mod worlds;

pub mod background;
mod edge;
mod health;
mod metrics;
mod pages;
mod router;
mod routes;
pub mod serve;
#[cfg(test)]
mod testing;

pub use answer::Unrecorded;
pub use background::{Background, KeepDays, LearnSchedule, Upkeep};
pub use chronicle::ChronicleDir;
pub use edge::PeerAddress;
pub use live::{BoughtSince, LiveSettings, bought_since, learned_until};
pub use replay::{Archive, Present, Replay};
pub use router::{bare_router, router};
pub use settings::Settings;
pub use state::{AppState, Served};
