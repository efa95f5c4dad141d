//! Placeholder.
mod hex;
mod json_text;
pub mod clock;
pub mod error;
pub mod keys;
pub mod limits;
mod metrics;
pub mod problem;
pub mod user_token;
pub mod wire;
